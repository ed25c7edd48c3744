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
locked build make -s -C "$TOP/tools/ltp" -j "$JOBS" "O=$BUILD/tools"
locked build make -s -C "$TOP/selftests" -j "$JOBS" all
