#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build.sh KERNEL|uml...: all that a guest runs: the module for each kernel,
# the ltp tool, the tests' C programs.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

for k; do
	"$HARNESS/build-module.sh" "$k"
done
for d in tools/ltp selftests; do
	[ ! -e "$TOP/$d/Makefile" ] || locked build make -s -C "$TOP/$d" -j "$JOBS"
done
