# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Faults, each under traffic, and the books that are kept of it (ledger.c).
# Sourced by faults.sh and soak.sh, behind lib.sh.
#
#	 A                        R                        B
#	engine 1               forwards                 engine 2
#	10.18.1.1       10.18.1.254 10.18.2.254         10.18.2.1
#	    a0 ----veth---- ra         rb ----veth---- b0
#	 tx-udp-            |          |
#	 segmentation off   netem      netem
#	                          rc ----veth---- c0
#	                    10.18.3.254        10.18.3.1
#	                                           C, engine 1 too
# shellcheck disable=SC2034,SC2154,SC2046

BOOK=$TMP/book
N=1000
# What is lost often must be tried often.
many=(max-retries 100)
# Where there is no way for a while, the resends of 200 sessions keep a debug
# kernel so busy that whoever brings the way back does not get on before there
# were as many: they must be apart.
apart=1s
# Seconds for the senders of one fault.
LIMIT=120

# --- receiver and sender ---

# book BLOCKS: a new ledger
book()
{
	rm -f "$BOOK"
	ledger new "$BOOK" "$1" x
}

# reader [RCVBUF]: that of service 5
reader()
{
	local line

	exec {READER_FD}< <(exec ip netns exec "$B" ledger recv "$BOOK" 5 "$@" \
		2>> "$TMP/reader.log")
	RECEIVER=$!
	PIDS+=("$RECEIVER")
	read -r -t 30 -u "$READER_FD" line && [ "$line" = ready ] || {
		cat "$TMP/reader.log"
		return 1
	}
}

reader_ends()
{
	local rc

	kill "${1--TERM}" "$RECEIVER"
	wait "$RECEIVER" 2> /dev/null
	rc=$?
	exec {READER_FD}<&-
	[ "$rc" -eq 0 ] || [ $# -gt 0 ] || {
		cat "$TMP/reader.log"
		echo "status of the reader $rc"
		return 1
	}
}

# pace MS: between blocks, so that as many as there are take as long as 1000 do at MS
pace()
{
	echo "pace $(($1 * 1000 / N))"
}

# writer FIRST LAST [OPTION VALUE]...: in A, in the background
writer()
{
	ip netns exec "${FROM-$A}" ledger send "$BOOK" "$1" "$2" 2:5 timeout "$LIMIT" \
		"${@:3}" 2> "$TMP/writer.log" &
	SENDER=$!
	PIDS+=("$SENDER")
}

written()
{
	wait "$SENDER" || { cat "$TMP/writer.log"; say_sessions; return 1; }
}

say_sessions()
{
	on "$A" ltp session
	on "$B" ltp session
	counters
	say_counters
}

# halfway BLOCKS: so many are received, or refused
halfway()
{
	wait_for 60 received_at_least "$1"
}

received_at_least()
{
	local sent completed cancelled rlexc received lost twice refused

	eval "$(ledger check "$BOOK" 1 "$LAST" dead twice lost "$LAST" 2> /dev/null)"
	[ "$received" -ge "$1" ]
}

all_ended()
{
	POLL=0.5 wait_for "$LIMIT" no_sessions "$A" "$B"
}

# span_is_idle NS REMOTE
span_is_idle()
{
	on "$1" ltp -j span show to "$2" |
		jq -e '.[0] | .inflight == 0 and .exports == 0 and .imports == 0' > /dev/null || {
		on "$1" ltp span show to "$2"
		return 1
	}
}

# Nor memory of any: pages, of which each processor may keep up to 256 to
# itself.  When the module is unloaded it looks for the last page.
no_sockets()
{
	awk -v slack=$((256 * $(nproc))) \
		'$1 == "LTP" { exit $3 != 0 || $4 > slack }' /proc/net/protocols
}

# check_book [OPTION...]: what became of blocks 1 to LAST; sets sent,
# completed and so on
check_book()
{
	local said

	said=$(ledger check "$BOOK" 1 "$LAST" "$@" 2> "$TMP/check.log")
	set -- $?
	echo "$said"
	eval "$said"
	[ "$1" -eq 0 ] || { head -n 20 "$TMP/check.log"; say_sessions; return 1; }
	is "$sent" -eq "$LAST" "blocks accepted"
}

# settled [OPTION...]: the sender ended; all is as it was before
settled()
{
	all_ended || { say_sessions; return 1; }
	reader_ends || return
	check_book "$@" &&
	span_is_idle "$A" 2 && span_is_idle "$B" 1 &&
	wait_for 10 no_sockets
}

# all_received: nothing was given up
all_received()
{
	is "$completed" -eq "$LAST" "blocks completed"
}

# start SPAN-OPTION... -- [SENDER-OPTION...]: traffic
start()
{
	local span=()

	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		span+=("$1")
		shift
	done
	shift
	: > "$TMP/reader.log"
	LAST=$N
	engines 4 "${span[@]}" && book $((2 * N)) && reader && writer 1 "$LAST" "$@"
}

# --- what happens to datagrams ---

# impaired NETEM WHAT SPAN-OPTION...: and all arrives; WHAT says it happened
impaired()
{
	netem "$1" && start "${@:3}" "${many[@]}" -- && written && settled &&
		all_received && counters && "$2"
}

lost()
{
	is "$(netem_dropped)" -gt 0 "datagrams lost" &&
	is "${CA[rtx-checkpoints]}" -gt 0 "checkpoints sent again"
}

reordered()
{
	is "${CB[reports-delayed]}" -gt 0 "reports delayed"
}

duplicated()
{
	is "${CB[rx-duplicate-bytes]}" -gt 10000 "duplicate bytes"
}

corrupted()
{
	is "${CB[drop-checksum]}" -gt 10 "wrong checksums in B"
}

corrupt()
{
	# netem flips a bit of what is linear, so have it all linear.
	on "$A" ethtool -K a0 sg off > /dev/null && impaired "corrupt 5%" corrupted
}

# blackout SECONDS RETRIES PACE: nothing gets through in one direction
blackout()
{
	netem "" && start max-retries "$2" -- $(pace "$3") && halfway $((N / 10)) &&
		netem "loss 100%" "" || return
	sleep "$1"
	netem "" && written && settled
}

short_blackout()
{
	blackout 10 100 5 && all_received
}

# The engine's limits are met: told, and what is sent later arrives.
long_blackout()
{
	# The last retry of a block that B has in part ends after B's patience.
	blackout 30 3 40 && is "$rlexc" -gt $((N / 10)) "blocks given up" &&
		is "$((completed + rlexc))" -eq "$LAST" "blocks completed or given up" &&
		is "$completed" -gt $((N / 5)) "blocks completed"
}

mac()
{
	ip -j -n "$1" link show "$2" | jq -r '.[0].address'
}

# Only reports are lost: delivered, and yet given up.  A must not ask for R.
deaf()
{
	ip -n "$A" neigh replace 10.18.1.254 lladdr "$(mac "$R" ra)" nud permanent dev a0 &&
	netem "" && start max-retries 3 -- $(pace 40) && halfway $((N / 10)) &&
		netem "" "loss 100%" || return
	sleep 30
	netem "" && written && settled && is "$received" -eq "$LAST" "blocks received" &&
		is "$rlexc" -gt $((N / 10)) "blocks given up"
}

# --- what happens to the way ---

# In mid-block, as a router tells: the rest is cut anew.
mtu_shrinks()
{
	local mtu

	netem "" && start "${many[@]}" -- max 20000 $(pace 10) && halfway $((N / 20)) || return
	for mtu in 1300 1000 700 600; do
		ip -n "$R" link set rb mtu $mtu && wait_for 30 path_mtu $mtu || return
	done
	written && settled && all_received
}

path_mtu()
{
	on "$A" ip route get "$B4" | grep -q "mtu $1 "
}

routes_change()
{
	local i MARGIN=$apart

	netem "" && start "${many[@]}" -- $(pace 4) && halfway $((N / 20)) || return
	for i in {1..5}; do
		ip -n "$A" route replace default via 10.18.1.253 && sleep 0.2 &&
		ip -n "$A" route replace blackhole default && sleep 0.3 &&
		ip -n "$A" route replace default via 10.18.1.254 && sleep 0.2 || return
	done
	written && settled && all_received
}

# A moves.  Who configures A and B makes new spans: what was under way ends.
address_changes()
{
	netem "" && start "${many[@]}" -- $(pace 4) && halfway $((N / 20)) &&
	ip -n "$A" addr del 10.18.1.1/24 dev a0 &&
	ip -n "$A" addr add 10.18.1.9/24 dev a0 &&
	ip -n "$A" route replace default via 10.18.1.254 src 10.18.1.9 || return
	sleep 1
	on "$B" ltp span del to 1 && on "$A" ltp span del to 2 &&
	on "$B" ltp span add to 1 addr 10.18.1.9 rate unlimited margin 200ms &&
	on "$A" ltp span add to 2 addr "$B4" rate unlimited margin 200ms &&
	written && settled && is "$completed" -gt $((LAST / 2)) "blocks completed"
}

link_down_and_up()
{
	local i MARGIN=$apart

	netem "" && start "${many[@]}" -- $(pace 4) && halfway $((N / 20)) || return
	for i in {1..4}; do
		ip -n "$A" link set a0 down && sleep 0.5 && ip -n "$A" link set a0 up &&
		ip -n "$A" route replace default via 10.18.1.254 &&
		ip -n "$R" link set rb down && sleep 0.5 && ip -n "$R" link set rb up || return
	done
	written && settled && all_received
}

# --- what dies ---

unread()
{
	# A socket belongs to no engine: the namespace counts.
	on "$B" ltp -j stats show | field blocks-unread
}

# Blocks begun are cancelled, those that come meanwhile refused, those that were
# not read lost and counted, but for one that a reader died with.
readers_killed()
{
	local i gone before

	before=$(unread)
	netem "" && start "${many[@]}" -- $(pace "${1-3}") && halfway $((N / 50)) || return
	for i in {1..6}; do
		sleep 0.2
		reader_ends -KILL
		sleep 0.1
		reader || return
	done
	written && gone=$(($(unread) - before)) && settled lost $((gone + 1)) &&
	is "$cancelled" -gt 0 "blocks cancelled" &&
	is "$completed" -gt $((LAST / 4)) "blocks completed"
}

# B has begun so many blocks and more
imports_at_least()
{
	[ "$(span_field imports "$B" 1)" -ge "$1" ]
}

# Blocks that it had left open when it was killed: cancelled, each told to B.
OPEN=8

open_were_cancelled()
{
	counters &&
	is "${CA[blocks-cancelled]}" -eq "$OPEN" "blocks cancelled in A" &&
	is "${CB[blocks-refused]}" -eq "$OPEN" "blocks cancelled in B" &&
	is "${CB[rx-cancels]}" -ge "$OPEN" "cancellations in B" || return
	set -- "$(ledger check "$BOOK" $((N + 1)) $((N + OPEN)))" || return
	is "${1#*received=}" = "0 ${1#*received=0 }" "open blocks received"
}

# What it had sent goes on without it; what it was sending is no block.
writer_killed()
{
	netem "delay 20ms" && start "${many[@]}" -- $(pace 4) open "$OPEN" && halfway $((N / 20)) &&
		wait_for 30 imports_at_least "$OPEN" || return
	kill -KILL "$SENDER"
	wait "$SENDER" 2> /dev/null
	SENT=$(ledger check "$BOOK" 1 "$LAST" dead lost "$LAST" | sed 's/sent=\([0-9]*\) .*/\1/')
	all_ended && open_were_cancelled || return
	# Others do not notice.
	writer $((N + 1)) $((2 * N)) && written && all_ended || return
	LAST=$SENT
	settled dead && is "$SENT" -lt "$N" "blocks that it sent" &&
	is "$received" -ge "$SENT" "blocks received" &&
	ledger check "$BOOK" $((N + 1)) $((2 * N))
}

# B forgets what it had: blocks may come twice, but none is lost.
peer_engine_deleted()
{
	local i

	netem "delay 20ms" && start "${many[@]}" -- $(pace 4) && halfway $((N / 20)) || return
	for i in {1..5}; do
		on "$B" sh -c 'ltp engine del 2 && sleep 0.3 && ltp engine add 2 &&
			ltp span add to 1 addr 10.18.1.1 rate unlimited margin 200ms' || return
		sleep 0.3
	done
	written && settled twice && all_received
}

# A's: what was on its way is given up, and its sender told so.
engine_deleted()
{
	local i

	netem "delay 20ms" && start "${many[@]}" -- $(pace 4) && halfway $((N / 20)) || return
	for i in {1..5}; do
		# shellcheck disable=SC2016
		on "$A" sh -c 'ltp engine del 1 && sleep 0.3 && ltp engine add 1 &&
			ltp span add to 2 addr $0 rate unlimited margin 200ms' "$B4" || return
		sleep 0.3
	done
	written && settled && is "$cancelled" -gt 0 "blocks given up" &&
	is "$completed" -gt $((LAST / 2)) "blocks completed" &&
	is "$refused" -gt 0 "blocks not accepted"
}

# --- what is slow, or wrong ---

# For SECONDS, half of the time: the oldest goes on when there is room; what
# cannot be kept is refused.
reader_stops()
{
	netem "" && engines 4 "${many[@]}" && book "$N" && LAST=$N || return
	: > "$TMP/reader.log"
	reader 100000 && writer 1 "$N" $(pace $(($1 * 2))) && halfway $((N / 20)) || return
	kill -STOP "$RECEIVER"
	sleep "$1"
	kill -CONT "$RECEIVER"
	written && settled && counters &&
	is $((${CB[reports-held]} + ${CB[drop-rcvbuf]} + ${CB[blocks-refused]})) -gt 0 \
		"held, dropped or refused for want of room" &&
	is "$completed" -gt $((LAST / 4)) "blocks completed"
}

can_freeze()
{
	[ -w /sys/power/pm_test ] && grep -qw freezer /sys/power/pm_test &&
		grep -qw freeze /sys/power/state
}

# Processes stand still for half a second or more, as before a suspend.  How long
# a kernel's delay is goes by the clock that it calibrated when it booted: it is
# asked for twice as much until that is seen.
suspended()
{
	local p=/sys/power delay began us=0 rc=0

	netem "" && start "${many[@]}" -- $(pace 2) && halfway $((N / 20)) || return
	echo freezer > $p/pm_test || return
	for ((delay = 1; us < 500000 && rc == 0 && delay <= 16; delay *= 2)); do
		echo $delay > /sys/module/suspend/parameters/pm_test_delay
		began=$(microseconds)
		echo freeze > $p/state || rc=1
		us=$(($(microseconds) - began))
	done
	echo none > $p/pm_test
	is $rc -eq 0 "status of freezing" &&
	about $us -ge 500000 "us of standing still" || return
	written && settled && all_received
}

# stand_still SECONDS: the whole machine, as the harness does it (vm.sh); from
# within time jumps
stand_still()
{
	local last at i

	last=$(microseconds)
	echo "$1" > "$LTP_STANDSTILL" || return
	for i in {1..600}; do
		sleep 0.05
		# Looked at once: nothing falls between two looks.
		at=$(microseconds)
		[ $((at - last)) -lt $(($1 * 800000)) ] || return 0
		last=$at
	done
	echo "the machine did not stand still"
	return 1
}

# The machine stands still, in mid-traffic, for longer than all timers of the
# sessions: they are overdue when it goes on.  Who has it stand still may be slow
# to hear of it.
machine_stops()
{
	local i

	for i in {1..3}; do
		netem "delay 20ms" && start "${many[@]}" -- $(pace $((5 * i))) &&
			halfway $((N / 20)) && stand_still 10 || return
		if ! received_at_least "$LAST"; then
			written && settled && all_received
			return
		fi
		written && settled || return
	done
	echo "no traffic whenever the machine stood still"
	return 1
}

# Wall time jumps by a day, forth and back.
wall_time_jumps()
{
	netem "" && start "${many[@]}" -- $(pace 2) && halfway $((N / 20)) || return
	date -s "@$(($(date +%s) + 86400))" > /dev/null || return
	sleep 0.3
	date -s "@$(($(date +%s) - 86400))" > /dev/null
	written && settled && all_received
}

# Another engine 1: B believes the address it was told.  The other's blocks
# are not answered.
two_engines()
{
	local other

	netem "" && engines 4 && book $((2 * N)) && LAST=$N || return
	: > "$TMP/reader.log"
	ip netns exec "$C" sh -c 'ltp engine add 1 &&
		ltp span add to 2 addr 10.18.2.1 rate unlimited margin 100ms max-retries 2' &&
	reader && FROM=$C writer $((N + 1)) $((2 * N)) || return
	other=$SENDER
	writer 1 "$N" && written && SENDER=$other && written || return
	ip netns exec "$C" ltp engine del 1
	settled && all_received && counters &&
	is "${CB[drop-address]}" -gt "$N" "segments from the wrong address" || return
	LAST=$N
	eval "$(ledger check "$BOOK" $((N + 1)) $((2 * N)))"
	is "$rlexc" -eq "$N" "blocks of the other given up" &&
	is "$received" -eq 0 "blocks of the other received"
}

third()
{
	C=ltp-c-$$
	ip netns add "$C" && NAMESPACES+=("$C") &&
	ip link add c0 netns "$C" type veth peer name rc netns "$R" &&
	up_lines c0 10.18.3.1 fd18:3::1 | ip -n "$C" -batch - &&
	up_lines rc 10.18.3.254 fd18:3::fe | ip -n "$R" -batch - &&
	ip -n "$C" route add default via 10.18.3.254
}


# restored: after a fault, all is as it was
restored()
{
	[ ${#PIDS[@]} -eq 0 ] || {
		kill -KILL "${PIDS[@]}"
		wait "${PIDS[@]}"
	}
	PIDS=()
	netem ""
	ip -n "$R" link set rb mtu 1500 up
	ip -n "$A" link set a0 up
	ip -n "$A" addr del 10.18.1.9/24 dev a0
	ip -n "$A" addr replace 10.18.1.1/24 dev a0
	ip -n "$A" neigh flush nud permanent dev a0
	ip -n "$A" route flush cache
	ip -n "$A" route replace default via 10.18.1.254
	on "$A" ethtool -K a0 sg on tx-udp-segmentation off
	wait_for 10 on "$A" ping -q -n -c 1 -W 1 "$B4"
} > /dev/null 2>&1

# fault NAME COMMAND...
fault()
{
	check "$1" watched "${@:2}"
	restored || die "$1: the way is lost"
}

# faults_topology: with C, and a second way from A to R
faults_topology()
{
	topo_routed
	third && ip -n "$R" addr add 10.18.1.253/24 dev ra &&
		on "$A" ethtool -K a0 tx-udp-segmentation off > /dev/null ||
		die "no topology"
}
