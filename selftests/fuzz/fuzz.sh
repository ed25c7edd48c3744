#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# fuzz.sh [codec|ranges|wire|calls|netlink|buffers]...: "make fuzz".  Each of them, or
# those named, for TIME seconds (120): the codec in user space, the others
# against the debug kernel, with a module that tells which code was run, or MODULE.
# SEED=N repeats the choices of a run, REPLAY="N..." inputs of buffers.  Closes with how much of the module's
# code was reached; what fails prints the inputs that led there.

# shellcheck source-path=SCRIPTDIR/../harness source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

TIME=${TIME:-120} SEED=${SEED:-} MODULE=${MODULE:-build/uml-fuzz/ltp.ko}
export SOURCE
fuzz=$TOP/selftests/fuzz
out=$BUILD/uml-fuzz
rc=0
[ $# -gt 0 ] || set -- codec ranges wire calls netlink buffers

# guest NAME
guest()
{
	local name=fuzz_$1 f

	unset RESULT_DIR
	results_dir "fuzz-$1"
	[ "$1" = buffers ] && name=fuzz/buffers.py
	echo "$name $((TIME + 120))" > "$out/list.$1"
	RESULT_DIR=$RESULT_DIR LTP_MODULE=/src/$MODULE FUZZ_REPLAY=${REPLAY:-} \
		FUZZ_TIME=$TIME FUZZ_SEED=$SEED "$HARNESS/uml.sh" -t $((TIME + 300)) \
		selftests/harness/guest.sh "/src/build/uml-fuzz/list.$1" || rc=1
	[ -e "$RESULT_DIR/done" ] || cat "$RESULT_DIR"/*.input 2> /dev/null || :
	for f in "$RESULT_DIR"/*.cover; do
		[ ! -e "$f" ] || covers+=("$f")
	done
}

covers=()
cd "$TOP"
"$HARNESS/build-uml.sh" > /dev/null
"$HARNESS/build-cover.sh" > /dev/null
locked build make -s -C "$TOP/tools/ltp" -j "$JOBS" "O=$BUILD/tools"
locked build make -s -C "$TOP/selftests" -j "$JOBS" all
for t; do
	case $t in
	codec | ranges) make -s -C "$fuzz" "TIME=$TIME" "SEED=${SEED:-0}" "run-$t" || rc=1 ;;
	*) guest "$t" ;;
	esac
done
[ ${#covers[@]} -eq 0 ] || python3 "$fuzz/cover.py" "$out/ltp.ko" "${covers[@]}"
exit $rc
