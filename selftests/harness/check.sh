#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh stock|debug|x86: "make check", "make check-debug" and "make
# check-debug-x86", the latter with CONFIG=kasan or kcsan.  Sets up, builds,
# runs, and closes with one line "N passed, N failed, N skipped" that counts
# subtests.  KERNELS="6.1 newest" and TESTS="transfer" narrow it down; then
# lint and unit tests are left out.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

mode=${1:-stock}
passed=0 failed=0 skipped=0 n=0
start=$SECONDS

# group RC NAME P F S: one line for a group that ran, and its counts.
group()
{
	n=$((n + 1))
	passed=$((passed + $3)) failed=$((failed + $4)) skipped=$((skipped + $5))
	if [ "$1" -eq 0 ] && [ "$4" -eq 0 ]; then
		echo "ok $n $2"
	else
		[ "$4" -gt 0 ] || failed=$((failed + 1))
		echo "not ok $n $2"
	fi
	log "$((SECONDS - start)) s: $2: $3 passed, $4 failed, $5 skipped"
}

# What failed, or was run once more, together before the last line.
failures=()
remember()
{
	local line

	while read -r line; do
		failures+=("$1: $line")
	done < <(sed -n 's/^ *not ok/not ok/p; s/^# once more/once more/p' "$2")
}

# beside NAME COMMAND...: what only computes runs while guests leave time for it.
beside_names=() beside_outs=() beside_pids=()
beside()
{
	local out

	out=$(mktemp)
	beside_names+=("$1") beside_outs+=("$out")
	shift
	nice -n 19 "$@" > "$out" 2>&1 < /dev/null &
	beside_pids+=($!)
}

# Waits for all that, counting its TAP lines.
collect_beside()
{
	local i rc ok bad skip _

	for i in "${!beside_pids[@]}"; do
		rc=0
		wait "${beside_pids[i]}" || rc=$?
		sed 's/^/    /' "${beside_outs[i]}"
		remember "${beside_names[i]}" "${beside_outs[i]}"
		read -r ok bad skip _ < <(tap_count "${beside_outs[i]}")
		rm -f "${beside_outs[i]}"
		group $rc "${beside_names[i]}" "$ok" "$bad" "$skip"
	done
}

# guest DIR COMMAND...: in the background, output kept.
guest()
{
	local dir=$1

	shift
	RESULT_DIR=$dir "$@" "$HARNESS_GUEST" > "$dir/out" 2>&1 || echo "$?" > "$dir/rc"
}
HARNESS_GUEST=selftests/harness/guest.sh

# collect NAME DIR: prints what a guest left and counts it.
collect()
{
	local dir=$2 rc=0 p=0 f=0 s=0

	sed 's/^/    /' "$dir/out"
	remember "$1" "$dir/out"
	[ ! -e "$dir/rc" ] || rc=$(cat "$dir/rc")
	[ ! -e "$dir/counts" ] || read -r p f s < "$dir/counts"
	if [ ! -e "$dir/done" ]; then
		echo "    # the guest did not get to its end"
		f=$((f + 1))
	elif [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then
		# Its log holds something that no test was blamed for.
		f=1
	fi
	group "$rc" "$1" "$p" "$f" "$s"
}

# pool: runs the queued guests, two at a time, and collects them in order.
names=() dirs=() cmds=()
# queue NAME LABEL COMMAND...
queue()
{
	unset RESULT_DIR
	results_dir "$2"
	names+=("$1") dirs+=("$RESULT_DIR")
	shift 2
	cmds+=("$*")
}

pool()
{
	local i ended pids=()

	for i in "${!names[@]}"; do
		if [ "${#pids[@]}" -ge 2 ]; then
			wait -n -p ended "${pids[@]}" || :
			unset "pids[$ended]"
		fi
		# shellcheck disable=SC2086
		guest "${dirs[i]}" ${cmds[i]} &
		pids[$!]=$!
	done
	wait "${pids[@]}"
	collect_beside
	for i in "${!names[@]}"; do
		collect "${names[i]}" "${dirs[i]}"
	done
}

finish()
{
	echo "1..$n"
	[ ${#failures[@]} -eq 0 ] || printf '# %s\n' "${failures[@]}"
	log "took $((SECONDS - start)) s"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
	exit
}

echo "TAP version 13"
if ! "$HARNESS/setup.sh"; then
	group 1 setup 0 1 0
	finish
fi

case $mode in
stock)
	kernels=()
	for k in ${KERNELS:-$(kernel_labels)}; do
		kernel_of "$k"
		kernels+=("$KLABEL")
	done
	if ! "$HARNESS/build.sh" "${kernels[@]}"; then
		group 1 build 0 1 0
		finish
	fi
	if [ -z "${TESTS-}${KERNELS-}" ]; then
		beside lint "$HARNESS/lint.sh"
		beside "unit tests" make -s -C "$TOP/selftests" unit
		beside "tool" make -s -C "$TOP/tools/ltp" O="$BUILD/tools" check
	fi
	# Two guests on two processors take two thirds of the time if they have one
	# each: two are for tests that need them.  Those take longer, and go first.
	guests=(1 0)
	[ -z "${TESTS-}" ] || guests=("")
	for smp in "${guests[@]}"; do
		case $smp in
		0) cpus=1 what=", one CPU" ;;
		1) cpus=2 what=", two CPUs" ;;
		*) cpus=2 what= ;;
		esac
		for k in "${kernels[@]}"; do
			queue "Linux $k$what" "check-$k${smp:+-$smp}" \
				env "LTP_SMP=$smp" "VM_CPUS=${VM_CPUS:-$cpus}" \
				"$HARNESS/vm.sh" -t "$((1500 * ${LTP_SLOW:-1}))" "$k"
		done
	done
	pool
	;;
debug)
	if ! { "$HARNESS/build-uml.sh" > /dev/null && "$HARNESS/build.sh" uml &&
	       "$HARNESS/build-cover.sh" > /dev/null; }; then
		group 1 build 0 1 0
		finish
	fi
	[ -n "${TESTS-}" ] || beside "codec fuzzers" make -s -C "$TOP/selftests/fuzz" run TIME=120
	# The fuzzers in the guests go by which code they reach.
	export LTP_COVER=/src/build/uml-fuzz/ltp.ko
	# One guest is one CPU.  What cannot be divided goes first.
	parts=5
	[ -z "${TESTS-}" ] || parts=1
	queue "debug kernel, time travel" check-uml-timetravel \
		"$HARNESS/uml.sh" -T -t "$((2400 * ${LTP_SLOW:-1}))"
	for ((i = 0; i < parts; i++)); do
		queue "debug kernel, part $((i + 1)) of $parts" "check-uml-$i" \
			env "LTP_SHARD=$i/$parts" "$HARNESS/uml.sh" -t "$((2400 * ${LTP_SLOW:-1}))"
	done
	pool
	;;
x86)
	config=${CONFIG:-kasan}
	if ! { "$HARNESS/build-x86.sh" "$config" && "$HARNESS/build.sh" "$config"; }; then
		group 1 build 0 1 0
		finish
	fi
	# Emulated, and a fifth of the speed of a stock kernel that is.
	export LTP_DEBUG=1 LTP_SLOW=$((${LTP_SLOW:-1} * 6)) VM_MEMORY=${VM_MEMORY:-3G}
	parts=2
	[ -z "${TESTS-}" ] || parts=1
	for ((i = 0; i < parts; i++)); do
		queue "$config kernel, part $((i + 1)) of $parts" "check-$config-$i" \
			env "LTP_SHARD=$i/$parts" "$HARNESS/vm.sh" -t "$((1500 * LTP_SLOW))" "$config"
	done
	pool
	;;
*) die "usage: check.sh stock|debug|x86" ;;
esac
finish
