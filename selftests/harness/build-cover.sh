#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build-cover.sh: the module for the debug kernel once more, such that it tells
# which code was run (fuzz/cover.c).  Prints where it is.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

out=$BUILD/uml-fuzz
mkdir -p "$out/net/ltp"
ln -sfn "$(realpath --relative-to="$out/net/ltp" "$TOP/selftests/fuzz/cover.c")" \
	"$out/net/ltp/cover.c"
# With the points of failure, which that kernel has.
objs=$(sed -n 's/^ltp-\(y\|$(CONFIG_FAULT_INJECTION_DEBUG_FS)\) [:+]= //p' \
	"$TOP/net/ltp/Kbuild" | xargs)
"$HARNESS/build-module.sh" uml "$out" "ltp-y=$objs cover.o" \
	KCOV_INSTRUMENT=y KCOV_INSTRUMENT_cover.o=n "KCFLAGS=-Werror -g" >&2
echo "$out/ltp.ko"
