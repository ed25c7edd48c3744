#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh stock|debug|x86: "make check", "make check-debug" and "make
# check-debug-x86", the latter with CONFIG=kasan or kcsan.  Sets up, builds,
# runs, and closes with one line "N passed, N failed, N skipped" that counts
# subtests.  KERNELS="6.1 newest" and TESTS="transfer" narrow it down; then
# lint and unit tests are left out, and all tests that are left are whole.
#
# Otherwise one of the stock kernels has all tests, and the others what differs
# between kernels (LTP_REDUCED, see guest.sh).  Which one turns with the commit;
# FULL=6.12 names it, FULL=all is all of them ("make check-full").
#
# LTP_AHEAD=1: "make check" builds the kernel of "make check-debug" besides, in
# what time its guests leave.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

mode=${1:-stock}
passed=0 failed=0 skipped=0 flaky=0 n=0
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
	done < <(sed -n 's/^ *not ok/not ok/p; s/^# FLAKY/FLAKY/p' "$2")
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
	local dir=$2 rc=0 p=0 f=0 s=0 again=0

	sed 's/^/    /' "$dir/out"
	remember "$1" "$dir/out"
	[ ! -e "$dir/rc" ] || rc=$(cat "$dir/rc")
	[ ! -e "$dir/counts" ] || read -r p f s again < "$dir/counts"
	flaky=$((flaky + ${again:-0}))
	if [ ! -e "$dir/done" ]; then
		echo "    # the guest did not get to its end"
		cat "$dir"/*.input 2> /dev/null | sed 's/^/    # /'
		f=$((f + 1))
	elif [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then
		# Its log holds something that no test was blamed for.
		f=1
	fi
	group "$rc" "$1" "$p" "$f" "$s"
}

names=() dirs=() cmds=() cpus=()
# queue NAME LABEL CPUS COMMAND...
queue()
{
	unset RESULT_DIR
	results_dir "$2"
	names+=("$1") dirs+=("$RESULT_DIR") cpus+=("$3")
	shift 3
	cmds+=("$*")
}

# pool: runs the queued guests, GUESTS at a time, of which one may have two
# CPUs: two such on two processors are slower than one behind the other.  The
# first in the queue that may begin does.  Collects them in order.
GUESTS=${GUESTS:-2}
pool()
{
	local i ended two="" waiting=("${!names[@]}")
	local -A running=()

	while [ ${#waiting[@]} -gt 0 ] || [ ${#running[@]} -gt 0 ]; do
		for i in "${!waiting[@]}"; do
			[ ${#running[@]} -lt "$GUESTS" ] || break
			[ -z "$two" ] || [ "${cpus[waiting[i]]}" -lt 2 ] || continue
			# shellcheck disable=SC2086
			guest "${dirs[waiting[i]]}" ${cmds[waiting[i]]} &
			running[$!]=1
			[ "${cpus[waiting[i]]}" -lt 2 ] || two=$!
			unset "waiting[i]"
		done
		wait -n -p ended "${!running[@]}" || :
		unset "running[$ended]"
		[ "$two" != "$ended" ] || two=
	done
	collect_beside
	for i in "${!names[@]}"; do
		collect "${names[i]}" "${dirs[i]}"
	done
}

finish()
{
	echo "1..$n"
	[ ${#failures[@]} -eq 0 ] || printf '# %s\n' "${failures[@]}"
	[ "$flaky" -eq 0 ] || echo "# $flaky FLAKY: passed when run once more"
	log "took $((SECONDS - start)) s"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
	exit
}

# wanted FLAG: whether tests with FLAG (tests.list) are among those asked for
wanted()
{
	local name t

	[ -n "${TESTS-}" ] || return 0
	while read -r name _; do
		for t in $TESTS; do
			[ "$t" != "$name" ] && [ "$t" != "${name%.*}" ] || return 0
		done
	done < <(grep -w "$1" "$TOP/selftests/tests.list")
	return 1
}

# turn KERNEL...: whose turn it is
turn()
{
	local commit

	commit=$(git -C "$TOP" rev-parse HEAD 2> /dev/null) || commit=0
	shift $((0x${commit:0:6} % $#))
	echo "$1"
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
		[ -z "${LTP_AHEAD-}" ] || beside "debug kernel" env UML_NICE=19 "$HARNESS/build-uml.sh"
	fi
	full=all
	if [ -z "${TESTS-}${KERNELS-}" ]; then
		full=${FULL:-$(turn "${kernels[@]}")}
		[ "$full" = all ] || { kernel_of "$full"; full=$KLABEL; }
		echo "# all tests on $full, the others have what differs between kernels"
	fi
	# Those that need two CPUs take longer, and go first.
	guests=(1 0)
	[ -z "${TESTS-}" ] || guests=("")
	for smp in "${guests[@]}"; do
		case $smp in
		0) n_cpus=1 what=", one CPU" ;;
		1) n_cpus=2 what=", two CPUs" ;;
		*) n_cpus=2 what= ;;
		esac
		n_cpus=${VM_CPUS:-$n_cpus}
		for k in "${kernels[@]}"; do
			case $full in all | "$k") reduced= ;; *) reduced=1 ;; esac
			queue "Linux $k$what${reduced:+, reduced}" "check-$k${smp:+-$smp}" "$n_cpus" \
				env "LTP_SMP=$smp" "LTP_REDUCED=$reduced" "VM_CPUS=$n_cpus" \
				"$HARNESS/vm.sh" -t "$((2400 * ${LTP_SLOW:-1}))" "$k"
		done
	done
	pool
	;;
debug)
	wanted timetravel && virtual=1 || virtual=
	if ! { "$HARNESS/build-uml.sh" > /dev/null && "$HARNESS/build.sh" uml &&
	       { ! wanted cover || "$HARNESS/build-cover.sh" > /dev/null; }; }; then
		group 1 build 0 1 0
		finish
	fi
	[ -n "${TESTS-}" ] || beside "codec fuzzers" make -s -C "$TOP/selftests/fuzz" run TIME=40
	# The fuzzers in the guests go by which code they reach; that of buffers goes
	# by what should come, and has two minutes.
	export FUZZ_BUFFERS=${FUZZ_TIME:-120}
	export LTP_COVER=/src/build/uml-fuzz/ltp.ko FUZZ_TIME=${FUZZ_TIME:-40}
	# One guest is one CPU.  Those with virtual time never wait for anything.
	parts=3
	[ -z "${TESTS-}" ] || parts=1
	limit=$((2400 * ${LTP_SLOW:-1}))
	for ((i = 0; i < parts; i++)); do
		[ -z "$virtual" ] || queue "virtual time, part $((i + 1)) of $parts" "check-uml-timetravel-$i" 1 \
			env "LTP_SHARD=$i/$parts" "$HARNESS/uml.sh" -T -t "$limit"
		queue "debug kernel, part $((i + 1)) of $parts" "check-uml-$i" 1 \
			env "LTP_SHARD=$i/$parts" "$HARNESS/uml.sh" -t "$limit"
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
		queue "$config kernel, part $((i + 1)) of $parts" "check-$config-$i" 2 \
			env "LTP_SHARD=$i/$parts" "$HARNESS/vm.sh" -t "$((1500 * LTP_SLOW))" "$config"
	done
	pool
	;;
*) die "usage: check.sh stock|debug|x86" ;;
esac
finish
