#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# run.sh PROGRAM...: runs tests that print TAP, as one TAP stream: what a
# program prints is nested below its own line.  Exits with 1 if one failed.

n=0
status=0

echo "TAP version 13"
echo "1..$#"
for test; do
	n=$((n + 1))
	name=${test##*/}
	out=$(mktemp) || exit 1

	echo "# Subtest: $name"
	"$test" > "$out" 2>&1
	rc=$?
	sed 's/^/    /' "$out"
	rm -f "$out"
	case $rc in
	0)
		echo "ok $n - $name"
		;;
	4)
		echo "ok $n - $name # SKIP"
		;;
	*)
		echo "not ok $n - $name # exit $rc"
		status=1
		;;
	esac
done
exit $status
