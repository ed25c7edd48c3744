#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lint.sh: what can be found out without running anything.  TAP; the tools
# are those of the kernel source setup.sh unpacks.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
set +e
cd "$TOP" || exit

n=0 failed=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# check NAME COMMAND...: fails if the command fails or prints anything.
check()
{
	local name=$1 rc

	shift
	"$@" > "$tmp/out" 2>&1
	rc=$?
	n=$((n + 1))
	if [ "$rc" -eq 0 ] && [ ! -s "$tmp/out" ]; then
		echo "ok $n lint: $name"
	else
		failed=$((failed + 1))
		head -n 200 "$tmp/out" | sed 's/^/    /'
		echo "not ok $n lint: $name"
	fi
}

sources()
{
	git ls-files --cached --others --exclude-standard -- "$@" | while read -r f; do
		[ ! -e "$f" ] || echo "$f"
	done
}

mapfile -t c_files < <(sources 'net/*.[ch]' 'include/*.h' 'uapi/*.h' 'tools/*.[ch]' \
	'selftests/*.[ch]')
mapfile -t kernel_files < <(sources 'net/*.[ch]' 'include/*.h' 'uapi/*.h')
mapfile -t scripts < <(sources 'selftests/*' 'tools/*' '.ci/*' | while read -r f; do
	head -n 1 "$f" | grep -q '^#!.*sh$' && echo "$f"
done)

# Not applicable here:
#   FILE_PATH_CHANGES	MAINTAINERS is the kernel tree's
#   ALLOC_WITH_SIZEOF	kzalloc_obj() is not in 6.1 and 6.12
#   CONST_STRUCT	sysctl tables are not constant in 6.1
# and in what asks for kernel versions, or is made of TRACE_EVENT():
#   LINUX_VERSION_CODE, CONSTANT_COMPARISON
#   OPEN_ENDED_LINE, PARENTHESIS_ALIGNMENT
# Generated code is the generator's affair, and so are a library's names.
checkpatch()
{
	local f ignore

	for f in "${c_files[@]}"; do
		ignore=FILE_PATH_CHANGES,ALLOC_WITH_SIZEOF,CONST_STRUCT
		case $f in
		*netlink_gen.[ch] | *ltp_netlink.h) continue ;;
		*/compat.h) ignore+=,LINUX_VERSION_CODE,CONSTANT_COMPARISON ;;
		selftests/fuzz/*) ignore+=,CAMELCASE ;;
		*/trace.h | include/trace/*) ignore+=,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT ;;
		esac
		echo "--ignore=$ignore $f"
	done | xargs -r -P "$JOBS" -L 1 "$SOURCE/scripts/checkpatch.pl" --no-tree --strict \
		--quiet --terse --show-types --no-summary -f
	true
}

warnings()
{
	env -u LTP_LAX "$HARNESS/build-module.sh" "$1" 2>&1
}

sparse_check()
{
	local out=$BUILD/lint-sparse

	# Everything again, and only what it says about our files.
	rm -rf "$out/net"
	LTP_LAX=1 "$HARNESS/build-module.sh" 6.12 "$out" C=2 "CF=-Wno-unknown-attribute" 2>&1 |
		grep -E '(^|/)(net/ltp|include/(net|trace/events)/ltp|uapi)[^ ]*: (warning|error)'
	[ "${PIPESTATUS[0]}" -eq 0 ]
}

kernel_doc()
{
	"$SOURCE/scripts/kernel-doc" -none -Wall "${kernel_files[@]}" 2>&1 |
		grep -v '^$'
	true
}

# A user's program may include any of them first, in strict C.
uapi_headers()
{
	local h

	for h in uapi/linux/*.h; do
		echo "#include <linux/${h##*/}>" |
			gcc -Wall -Wextra -Werror -std=c99 -pedantic -Iuapi -fsyntax-only -x c -
		echo "#include <linux/${h##*/}>" |
			g++ -Wall -Wextra -Werror -std=c++11 -Iuapi -fsyntax-only -x c++ -
	done
}

spdx()
{
	sources . | grep -vE '\.(txt|md|json|pcap|hex|gitignore|ya?ml|list)$|(^|/)COPYING' |
	while read -r f; do
		head -n 3 "$f" | grep -q 'SPDX-License-Identifier' || echo "no license line: $f"
	done
}

length()
{
	sources '*.c' '*.h' '*.sh' '*.py' | while read -r f; do
		case $f in *netlink_gen.[ch] | *ltp_netlink.h) continue ;; esac
		l=$(wc -l < "$f")
		[ "$l" -le 1000 ] || echo "$f: $l lines"
	done
}

versions()
{
	grep -nE 'KERNEL_VERSION|LINUX_VERSION_CODE' -r net include uapi |
		grep -vE '^net/ltp/compat\.h:|Binary file'
	true
}

whitespace()
{
	sources . | grep -vE '\.(pcap|hex|txt)$' | xargs -r grep -nIE '[[:blank:]]+$'
	true
}

echo "TAP version 13"
for k in $(kernel_labels); do
	check "W=1 build for $k" warnings "$k"
done
check "W=1 build for arm64, 6.12" warnings arm64
check "W=1 build for 32 bits" warnings i386
[ ! -x "$UML_OBJ/linux" ] || check "W=1 build for the debug kernel" warnings uml
check "sparse" sparse_check
check "checkpatch --strict" checkpatch
check "kernel-doc -Wall" kernel_doc
check "uapi headers stand alone" uapi_headers
check "netlink code is what its specification generates" "$HARNESS/ynl-regen.sh" --check
check "kernel version asked for in compat.h only" versions
check "no file above 1000 lines" length
check "license lines" spdx
check "conformance table: rules, functions, tests" "$HARNESS/conformance.py"
check "no trailing blanks" whitespace
if [ ${#scripts[@]} -gt 0 ]; then
	check "shellcheck" shellcheck -x -S warning "${scripts[@]}"
fi
echo "1..$n"
[ "$failed" -eq 0 ]
