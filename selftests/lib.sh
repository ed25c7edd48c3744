# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Common functions of the shell tests; sourced, never run:
#
#	. "$(dirname "$0")/lib.sh"
#	topo_direct; engines 4; check "a name" some_function; finish
#
# Processes are dear on an emulated machine: what can be done by one is not
# done by three.
# shellcheck disable=SC2034

set -u -o pipefail

TMP=$(mktemp -d "${TMPDIR:-/tmp}/ltp-test.XXXXXX")
FINISHED=
TRACE=
PIDS=()
NAMESPACES=()

# --- results: TAP --------------------------------------------------------

T_RUN=0 T_BAD=0

diag()
{
	printf '# %s\n' "$@"
}

ok()
{
	T_RUN=$((T_RUN + 1))
	echo "ok $T_RUN - $1"
}

# not_ok NAME [LINE...]
not_ok()
{
	T_RUN=$((T_RUN + 1)) T_BAD=$((T_BAD + 1))
	[ $# -eq 1 ] || diag "${@:2}"
	echo "not ok $T_RUN - $1"
}

# skip NAME WHY
skip()
{
	T_RUN=$((T_RUN + 1))
	echo "ok $T_RUN - $1 # SKIP $2"
}

# check NAME COMMAND...: runs it in this shell; what it says is shown if it
# fails.
check()
{
	local name=$1 start=$SECONDS

	shift
	if "$@" > "$TMP/said" 2>&1; then
		[ $((SECONDS - start)) -lt 5 ] || diag "took $((SECONDS - start)) s:"
		ok "$name"
	else
		sed 's/^/# /' "$TMP/said"
		not_ok "$name"
	fi
}

# is LEFT OP RIGHT WHAT: a comparison, as of test, that says what it compared.
# What is "wrong:" is so however slow the machine is (harness/guest.sh).
is()
{
	test "$1" "$2" "$3" && return
	echo "wrong: $4: $1, expected $2 $3"
	return 1
}

# about LEFT OP RIGHT WHAT: of what a slow machine may change
about()
{
	test "$1" "$2" "$3" && return
	echo "$4: $1, expected $2 $3"
	return 1
}

# Of the clock that is on the wall
microseconds()
{
	echo "${EPOCHREALTIME/[.,]/}"
}

# The plan comes last: a test that died has none.
finish()
{
	echo "1..$T_RUN"
	FINISHED=1
	[ "$T_BAD" -eq 0 ]
	exit
}

# skip_all WHY: nothing of this test can run here
skip_all()
{
	FINISHED=1
	echo "$1"
	exit 4
}

# whole: whether all of a test is wanted, or only what differs between kernels,
# since another one has it all (LTP_REDUCED, harness/guest.sh)
whole()
{
	[ -z "${LTP_REDUCED-}" ]
}

# die WHY: the test itself cannot go on
die()
{
	echo "Bail out! $1"
	exit 1
}

cleanup()
{
	local rc=$? ns

	[ ${#PIDS[@]} -eq 0 ] || kill "${PIDS[@]}" 2> /dev/null
	if [ -n "$TRACE" ]; then
		echo 0 > "$TRACE/tracing_on"
		rmdir "$TRACE"
	fi
	for ns in "${NAMESPACES[@]}"; do
		ip netns del "$ns"
	done
	rm -rf "$TMP"
	if [ -z "$FINISHED" ] && [ "$rc" -eq 0 ]; then
		exit 1
	fi
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# --- waiting -------------------------------------------------------------

# wait_for SECONDS COMMAND...: until it succeeds; fails after SECONDS, or
# LTP_SLOW times as many.  Asks every $POLL seconds.
wait_for()
{
	local until=$((SECONDS + $1 * ${LTP_SLOW:-1}))

	shift
	until "$@" > /dev/null 2>&1; do
		if [ "$SECONDS" -gt "$until" ]; then
			echo "waited in vain for: $*"
			return 1
		fi
		sleep "${POLL:-0.05}"
	done
}

exists()
{
	compgen -G "$1"
}

# --- topologies ----------------------------------------------------------
#
# Namespaces are $A, the sender; $B, the receiver; and $R, a router between
# them.  Addresses are 10.18.N.x and fd18:N::x: network 1 is that of A, 2
# that of B behind a router.  The device of A towards B is a0, that of B b0;
# R has ra and rb.

A=ltp-a-$$ B=ltp-b-$$ R=ltp-r-$$

on()
{
	ip netns exec "$@"
}

# up NS DEV ADDR4 ADDR6 DEV...: as lines for ip -batch
up_lines()
{
	echo "link set lo up"
	while [ $# -ge 3 ]; do
		echo "addr add $2/24 dev $1"
		echo "addr add $3/64 dev $1 nodad"
		echo "link set $1 up"
		shift 3
	done
}

new_namespaces()
{
	local ns

	for ns; do
		echo "netns add $ns"
	done | ip -batch - || die "no namespaces"
	NAMESPACES=("$@")
}

# topo_direct [LINK-OPTION...]: A and B, one veth pair
topo_direct()
{
	new_namespaces "$A" "$B"
	ip link add a0 netns "$A" "$@" type veth peer name b0 netns "$B" "$@" &&
	up_lines a0 10.18.1.1 fd18:1::1 | ip -n "$A" -batch - &&
	up_lines b0 10.18.1.2 fd18:1::2 | ip -n "$B" -batch - ||
		die "no topology"
	B4=10.18.1.2 B6=fd18:1::2
	wait_for 10 reachable || die "no way from A to B"
}

# topo_routed: A, R, B.  What leaves A arrives at R as single datagrams, and
# stays so: impairment on ra and rb acts on datagrams.
topo_routed()
{
	new_namespaces "$A" "$B" "$R"
	ip link add a0 netns "$A" type veth peer name ra netns "$R" &&
	ip link add b0 netns "$B" type veth peer name rb netns "$R" &&
	up_lines a0 10.18.1.1 fd18:1::1 | ip -n "$A" -batch - &&
	up_lines b0 10.18.2.1 fd18:2::1 | ip -n "$B" -batch - &&
	up_lines ra 10.18.1.254 fd18:1::fe rb 10.18.2.254 fd18:2::fe |
		ip -n "$R" -batch - &&
	printf 'route add default via %s\n' 10.18.1.254 fd18:1::fe | ip -n "$A" -batch - &&
	printf 'route add default via %s\n' 10.18.2.254 fd18:2::fe | ip -n "$B" -batch - &&
	on "$R" sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward &&
		echo 1 > /proc/sys/net/ipv6/conf/all/forwarding &&
		ethtool -K ra gro off && ethtool -K rb gro off' ||
		die "no topology"
	B4=10.18.2.1 B6=fd18:2::1
	wait_for 10 reachable || die "no way from A to B"
}

# Also fills the neighbour tables.
reachable()
{
	on "$A" sh -c "ping -q -n -c 1 -W 1 $B4 && ping -6 -q -n -c 1 -W 1 $B6"
}

# set_mtu MTU: of a0 and b0
set_mtu()
{
	ip -n "$A" link set a0 mtu "$1" && ip -n "$B" link set b0 mtu "$1"
}

# netem FORWARD [BACK]: options of either direction, in a routed topology; none
# without any
netem()
{
	local back=${2-$1}

	tc -n "$R" qdisc del dev rb root 2> /dev/null
	tc -n "$R" qdisc del dev ra root 2> /dev/null
	# shellcheck disable=SC2086
	{ [ -z "$1" ] || tc -n "$R" qdisc add dev rb root netem limit 200000 $1; } &&
	{ [ -z "$back" ] || tc -n "$R" qdisc add dev ra root netem limit 200000 $back; }
}

# How many netem dropped, of those towards B.
netem_dropped()
{
	tc -n "$R" -s -j qdisc show dev rb | field drops
}

# engines 4|6 [SPAN-OPTION...]: engine 1 in A, engine 2 in B, and a span from
# each to the other, of margin $MARGIN.  Those that were there go, with their
# counters.
engines()
{
	local a=10.18.1.1 b=$B4 del=

	if [ "$1" = 6 ]; then
		a=fd18:1::1 b=$B6
	fi
	shift
	# shellcheck disable=SC2016
	[ -z "$ENGINES" ] || del='ltp engine del $1 &&'
	# shellcheck disable=SC2016
	set -- "$del"' ltp engine add $1 && shift && ltp span add to "$@"' \
		rate unlimited margin "$MARGIN" "$@"
	ENGINES=1
	on "$A" sh -c "$1" sh 1 2 addr "$b" "${@:2}" &&
	on "$B" sh -c "$1" sh 2 1 addr "$a" "${@:2}"
}
ENGINES= MARGIN=200ms

# --- counters ------------------------------------------------------------

# counters: reads those of both engines, which begin when engines() makes
# them: ${CA[NAME]} of engine 1, in A, ${CB[NAME]} of engine 2, in B.
declare -A CA CB

counters()
{
	counters_into CA "$A" 1 && counters_into CB "$B" 2
}

counters_into()
{
	local -n into=$1
	local json pair

	json=$(on "$2" ltp -j stats show engine "$3") || return
	json=${json//[][\{\}\" ]/}
	for pair in ${json//,/ }; do
		into[${pair%:*}]=${pair#*:}
	done
}

# say_counters: those that are not 0
say_counters()
{
	local k

	for k in "${!CA[@]}"; do
		[ "${CA[$k]}" -eq 0 ] || echo "A $k ${CA[$k]}"
	done | sort
	for k in "${!CB[@]}"; do
		[ "${CB[$k]}" -eq 0 ] || echo "B $k ${CB[$k]}"
	done | sort
}

# field NAME: the value of the first field of that name in JSON that is read, a
# number or a word.  jq takes six times as long to begin, and who waits asks often.
field()
{
	local json

	IFS= read -r -d '' json
	[[ $json =~ \"$1\":\ *\"?([^],\"}]*) ]] && echo "${BASH_REMATCH[1]}"
}

# span_field FIELD [NS REMOTE]: of A's span, or of another
span_field()
{
	on "${2-$A}" ltp -j span show to "${3-2}" | field "$1"
}

# no_sessions NS...
no_sessions()
{
	local ns

	for ns; do
		[ "$(on "$ns" ltp -j session)" = '[]' ] || return
	done
}

# --- files and blocks ----------------------------------------------------

# random_file FILE BYTES: no two pieces of it are the same
random_file()
{
	local piece=$((10 << 20)) n left=$2

	if [ "$2" -le "$piece" ]; then
		head -c "$2" /dev/urandom > "$1"
		return
	fi
	[ -e "$TMP/random" ] || head -c "$piece" /dev/urandom > "$TMP/random"
	# Random numbers are dear: the same again, but shifted and numbered.
	for ((n = 0; left > 0; n++)); do
		printf 'piece %02d' "$n"
		head -c $((left < piece ? left : piece)) "$TMP/random"
		left=$((left - piece - 8))
	done | head -c "$2" > "$1"
}

# cut FILE BYTES OFFSET TO: one process
cut_file()
{
	dd status=none if="$1" bs="$2" count=1 skip="$3" iflag=skip_bytes,fullblock of="$4"
}

# receive NS SERVICE FILE [OPTION...]: "ltp recv" in the background.  Returns
# when its socket is bound.  What it says of each block goes to FILE.log.
RECEIVER=
receive()
{
	local ns=$1 service=$2 file=$3

	shift 3
	rm -f "$file" "$file".??????
	ip netns exec "$ns" ltp recv timeout "${RECV_TIMEOUT:-$((30 * ${LTP_SLOW:-1}))s}" "$@" "$service" "$file" \
		2> "$file.log" &
	RECEIVER=$!
	PIDS+=("$RECEIVER")
	# It makes its temporary file after it has bound its socket.
	wait_for 10 exists "$file.??????"
}

# throw_away NS SERVICE [OPTION...]: as receive(), but nothing is kept, and it
# goes on until it is killed.
throw_away()
{
	ip netns exec "$1" ltp recv forever quiet "${@:3}" "$2" - > /dev/null &
	RECEIVER=$!
	PIDS+=("$RECEIVER")
	# Signals are the last it sees to, behind its socket.
	wait_for 10 watches_signals "$RECEIVER"
}

watches_signals()
{
	local links

	links=$(readlink "/proc/$1/fd/"*) && [[ $links = *signalfd* ]]
}

# received [PID]: waits for a receiver, the last one by default
received()
{
	wait "${1-$RECEIVER}"
}

give_up()
{
	kill "${@:-$RECEIVER}" 2> /dev/null
	wait "${@:-$RECEIVER}" 2> /dev/null
	return 1
}

# send_each SERVICE FILE...: one block after the other, from A to B
send_each()
{
	local service=$1

	shift
	# shellcheck disable=SC2016
	on "$A" bash -c 'to=$1; shift
		for f; do ltp send quiet timeout 30s "$f" "$to" || exit; done' \
		bash "2:$service" "$@"
}

# send_together SERVICE FILE...: all at once, each by its own process
send_together()
{
	local service=$1

	shift
	# shellcheck disable=SC2016
	on "$A" bash -c 'to=$1; shift; rc=0 pids=()
		for f; do
			ltp send quiet timeout 60s "$f" "$to" &
			pids+=($!)
		done
		for p in "${pids[@]}"; do wait "$p" || rc=1; done
		exit $rc' bash "2:$service" "$@"
}

# same_blocks OUT FILE...: OUT, written by receive(), holds every FILE once,
# in whatever order.  The files' sizes tell them apart.
same_blocks()
{
	local out=$1 n f order=()
	local -A by_size

	shift
	while read -r n f; do
		by_size[$n]=$f
	done < <(stat -c '%s %n' "$@")
	while read -r n; do
		order+=("${by_size[$n]-/nonexistent}")
		by_size[$n]="/nonexistent/delivered-before"
	done < <(sed -n 's/.*: \([0-9]*\) bytes.*/\1/p' "$out.log")
	if [ ${#order[@]} -ne $# ]; then
		cat "$out.log"
		echo "received ${#order[@]} of $# blocks"
		return 1
	fi
	cat "${order[@]}" | cmp - "$out"
}

# same_pieces OUT IN SIZE: OUT holds the blocks of SIZE bytes of IN, in
# whatever order
same_pieces()
{
	local p=$TMP/pieces

	rm -rf "$p"
	mkdir "$p" "$p/in" "$p/out"
	split -a 4 -b "$3" "$2" "$p/in/" && split -a 4 -b "$3" "$1" "$p/out/" || return
	cmp <(cd "$p/in" && md5sum -- * | cut -d ' ' -f 1 | sort) \
		<(cd "$p/out" && md5sum -- * | cut -d ' ' -f 1 | sort)
}

# --- tracing -------------------------------------------------------------

# trace_start EVENT...: of the module, into an instance of our own
trace_start()
{
	local t=/sys/kernel/tracing e

	[ -d $t/instances ] || mount -t tracefs tracefs $t 2> /dev/null
	[ -d $t/events/ltp ] || return
	if [ -z "$TRACE" ]; then
		mkdir "$t/instances/ltp-$$" || return
		TRACE=$t/instances/ltp-$$
	fi
	echo > "$TRACE/trace"
	for e; do
		echo 1 > "$TRACE/events/ltp/$e/enable" || return
	done
	echo 1 > "$TRACE/tracing_on"
}

# trace_stop FILE: and what was seen goes there
trace_stop()
{
	echo 0 > "$TRACE/tracing_on"
	cat "$TRACE/trace" > "$1"
	echo 0 > "$TRACE/events/ltp/enable"
}

# --- memory --------------------------------------------------------------
#
# What sockets are charged is what they pin: since mem_begin the memory that is
# available, but for what processes and files in memory took, has fallen by no more
# than twice that, and 16 MiB, or what checkers of the kernel keep besides.

MEM_BEFORE=0 MEM_SLACK=16384 WATCHER=

# mem_now: sets AVAILABLE and TOTAL, kB, and CHARGED, pages; starts no process
mem_now()
{
	local name n _

	AVAILABLE=0 CHARGED=0
	while read -r name n _; do
		case $name in
		MemTotal:) TOTAL=$n ;;
		MemAvailable: | AnonPages: | Shmem:) AVAILABLE=$((AVAILABLE + n)) ;;
		esac
	done < /proc/meminfo
	while read -r name _ _ n _; do
		[ "$name" != LTP ] || [ "$n" -lt 0 ] || CHARGED=$n
	done < /proc/net/protocols
}

# mem_over: sets OVER, kB that are pinned and neither charged nor anybody else's
mem_over()
{
	mem_now
	OVER=$((MEM_BEFORE - AVAILABLE - 2 * CHARGED * PAGE_KB))
}

mem_begin()
{
	PAGE_KB=$(($(getconf PAGESIZE) / 1024))
	echo 3 > /proc/sys/vm/drop_caches
	mem_now
	MEM_BEFORE=$AVAILABLE
	[ -z "${LTP_DEBUG-}" ] || MEM_SLACK=$((16384 + TOTAL / 16))
}

# mem_watch: from now on the worst is remembered, in the background
mem_watch()
{
	mem_begin
	echo "0 0 0" > "$TMP/over"
	(
		worst=0
		while sleep "${LTP_TIMETRAVEL:+1}0.5"; do
			mem_over
			[ "$OVER" -gt "$worst" ] || continue
			worst=$OVER
			echo "$OVER $((MEM_BEFORE - AVAILABLE)) $CHARGED" > "$TMP/over.new"
			mv "$TMP/over.new" "$TMP/over"
		done
	) &
	WATCHER=$!
}

# mem_watched: whether it always was as it should be; nobody watches any more
mem_watched()
{
	local over fell pages

	kill "$WATCHER"
	wait "$WATCHER" 2> /dev/null
	read -r over fell pages < "$TMP/over"
	echo "at worst $fell kB were not available any more, $pages pages charged"
	is "$over" -le "$MEM_SLACK" "kB pinned and not charged"
}

# watched COMMAND...
watched()
{
	local rc=0

	mem_watch
	"$@" || rc=$?
	mem_watched || rc=1
	return $rc
}

# In kB: what the kernel keeps for itself.
kernel_memory()
{
	awk '/^(SUnreclaim|VmallocUsed|Percpu|PageTables|KernelStack):/ { n += $2 }
		END { print n }' /proc/meminfo
}

# The stacks that checkers keep, in kB: pools of four pages.  There are more with
# each new way in which things meet.
stacks()
{
	local stats=/sys/kernel/debug/stackdepot/stats

	[ -r $stats ] || stats=/dev/null
	awk '/^pools:/ { n = $2 * 16 } END { print n + 0 }' $stats
}

# Pages that are in nobody's books, in kB: straight from the page allocator, as
# those that hold the blocks to be sent, or in its lists of each processor.
raw_memory()
{
	awk -v n="-$(stacks)" '/^MemTotal:/ { n += $2 }
		/^(MemFree|Buffers|Cached|SwapCached|AnonPages|Slab|VmallocUsed|Percpu):/ {
			n -= $2
		}
		/^(PageTables|SecPageTables|KernelStack):/ { n -= $2 }
		END { print n }' /proc/meminfo
}

# What RCU, workqueues and per-CPU lists still hold is not ours to judge.
calm()
{
	local last=0 now

	echo 3 > /proc/sys/vm/drop_caches
	# Which gives back what processors have in their lists of pages.
	[ ! -w /proc/sys/vm/compact_memory ] || echo 1 > /proc/sys/vm/compact_memory
	for f in /sys/kernel/slab/*/shrink; do
		[ ! -e "$f" ] || echo 1 > "$f" 2> /dev/null
	done
	for _ in {1..20}; do
		now=$(kernel_memory)
		[ $((now - last)) -gt 64 ] || [ $((last - now)) -gt 64 ] || break
		last=$now
		sleep 0.5
	done
}
