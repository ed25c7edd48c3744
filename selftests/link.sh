#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The state of the link as "ltp span cue" tells it, light time that changes,
# copies of signals, and gaps that are reported unasked.
#
#	 A            R            B
#	engine 1   forwards     engine 2
#	   a0 --veth-- ra rb --veth-- b0
#	               |   |
#	             netem, nftables
#
# A cuts its bursts up before they leave, so that what R loses is one datagram.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

cue()
{
	on "$A" ltp span cue to 2 "$1"
}

# flag NAME: of A's span
flag()
{
	is "$(span_field "$1")" = "$2" "$1"
}

waiting()
{
	[ "$(span_field exports)" -eq "$1" ]
}

# begin FILE [OPTION...]: "ltp send" in the background
begin()
{
	local file=$1

	shift
	ip netns exec "$A" ltp send quiet timeout 60s "$@" "$file" 2:5 2> "$TMP/send.log" &
	SENDER=$!
	PIDS+=("$SENDER")
}

finished()
{
	wait "$SENDER" || { cat "$TMP/send.log"; return 1; }
	received && cmp "$TMP/in" "$TMP/out"
}

# --- cues ---

local_stop()
{
	engines 4 && cue local-stop && flag local-stopped true && flag remote-stopped false &&
	# A cue that comes twice is no other.
	cue local-stop && receive "$B" 5 "$TMP/out" quiet && begin "$TMP/in" &&
	wait_for 10 waiting 1 && counters || return
	# Longer than the timers would be: 200 ms.
	sleep 1
	counters &&
	is "${CA[blocks-sent]}" -eq 1 "blocks accepted" &&
	is "${CA[tx-segments]}" -eq 0 "segments sent" &&
	about "${CA[rtx-checkpoints]}" -eq 0 "checkpoints sent again" &&
	is "${CB[rx-segments]}" -eq 0 "segments received" &&
	cue local-start && flag local-stopped false && finished && counters &&
	about "${CA[rtx-checkpoints]}" -eq 0 "checkpoints sent again" &&
	is "${CA[rtx-segments]}" -eq 0 "segments sent again"
}

# The answers of a link that stops wait as well.
local_stop_of_the_receiver()
{
	engines 4 owlt 5s || return
	on "$B" ltp span cue to 1 local-stop && receive "$B" 5 "$TMP/out" quiet &&
	begin "$TMP/in" && received && cmp "$TMP/in" "$TMP/out" || return
	sleep 0.5
	counters && is "${CB[tx-segments]}" -eq 0 "segments that B sent" &&
	waiting 1 && on "$B" ltp span cue to 1 local-start &&
	wait "$SENDER" && counters &&
	about "${CA[rtx-checkpoints]}" -eq 0 "checkpoints sent again" &&
	is "${CB[tx-reports]}" -eq 1 "reports"
}

# Without the cue the block would be cancelled after 2 * 200 ms.
remote_stop()
{
	engines 4 max-retries 1 && cue remote-stop && flag remote-stopped true &&
	flag local-stopped false && netem "" "loss 100%" &&
	receive "$B" 5 "$TMP/out" quiet && begin "$TMP/in" && wait_for 10 waiting 1 || return
	sleep 2
	waiting 1 && counters &&
	about "${CA[rtx-checkpoints]}" -eq 0 "checkpoints sent again" &&
	is "${CA[blocks-cancelled]}" -eq 0 "blocks cancelled" &&
	is "${CA[tx-segments]}" -gt 0 "segments sent" &&
	on "$A" ltp span set to 2 max-retries 20 && netem "" && cue remote-start &&
	flag remote-stopped false && finished && counters &&
	# The timer goes on, and its checkpoint is answered.
	about "${CA[rtx-checkpoints]}" -gt 0 "checkpoints sent again"
}

# What the cue is for is shown by its absence.
no_cue()
{
	engines 4 max-retries 1 && netem "" "loss 100%" &&
	receive "$B" 5 "$TMP/out" quiet && begin "$TMP/in" || return
	! wait "$SENDER" && grep -q limit "$TMP/send.log" && counters &&
	about "${CA[rtx-checkpoints]}" -eq 1 "checkpoints sent again"
	local rc=$?

	give_up
	netem ""
	return $rc
}

# --- light time ---

milliseconds()
{
	echo $((${EPOCHREALTIME/./} / 1000))
}

resent()
{
	counters && [ "${CA[rtx-checkpoints]}" -gt 0 ]
}

# A checkpoint is out and its answer is lost.
checkpoint_lost()
{
	engines 4 owlt "$1" && netem "" "loss 100%" && receive "$B" 5 "$TMP/out" quiet &&
	begin "$TMP/in" && wait_for 10 waiting 1
}

# Half an hour was wrong.
owlt_shorter()
{
	checkpoint_lost 30min && ! wait_for 1 resent > /dev/null &&
	on "$A" ltp span set to 2 owlt "$((10 * ${LTP_SLOW:-1}))ms" max-retries 100 &&
		wait_for 2 resent && netem "" && finished
}

owlt_longer()
{
	local since took

	since=$(milliseconds)
	# 1 s, and then 3 s.
	checkpoint_lost 400ms && on "$A" ltp span set to 2 owlt 1400ms && wait_for 10 resent ||
		return
	took=$(($(milliseconds) - since))
	netem "" && finished &&
	about "$took" -ge 2900 "ms until the checkpoint was sent again"
}

# --- redundancy ---

# lossy N: how many checkpoints and reports were sent again.  What a slow kernel
# is late with is not lost.
lossy()
{
	local MARGIN=$((500 * ${LTP_SLOW:-1}))ms

	engines 4 max-retries 100 redundancy "$1" &&
	receive "$B" 5 "$TMP/out" quiet count "$BLOCKS" || return
	on "$A" ltp send quiet timeout 60s block 4K "$TMP/blocks" 2:5 && received ||
		{ give_up; return 1; }
	same_pieces "$TMP/out" "$TMP/blocks" 4096 && counters || return
	AGAIN=$((${CA[rtx-checkpoints]} + ${CB[rtx-reports]}))
	say_counters
	is "${CA[blocks-completed]}" -eq "$BLOCKS" "blocks completed" &&
	is "${CA[blocks-cancelled]}" -eq 0 "blocks cancelled"
}

redundancy()
{
	local once

	netem "loss 30%" && lossy 1 || return
	is "${CA[tx-copies]}" -eq 0 "copies sent" || return
	once=$AGAIN
	echo "--- three copies"
	lossy 3 && netem "" &&
	is "${CA[tx-copies]}" -ge $((2 * BLOCKS)) "copies sent by A" &&
	is "${CB[tx-copies]}" -ge $((2 * BLOCKS)) "copies sent by B" &&
	is "${CB[rx-copies]}" -gt 0 "copies of checkpoints received" &&
	about $((AGAIN * 3)) -lt "$once" "thrice the signals sent again, with three copies"
}

# --- reports nobody asked for ---

# R drops the first datagram of each block, once, and the first checkpoint
# that ends a red part: by the offset and by the type of the segment.
lose_first_and_last()
{
	on "$R" nft -f - <<-N
	table inet link
	delete table inet link
	table inet link {
		counter first { }
		counter last { }
		chain forward {
			type filter hook forward priority 0;
			udp dport 1113 iifname ra @th,64,8 0x03 limit rate 1/hour burst 1 packets counter name last drop
			udp dport 1113 iifname ra @th,64,8 0x00 limit rate 1/hour burst 1 packets counter name first drop
		}
	}
	N
}

lost_both()
{
	local c

	for c in first last; do
		is "$(on "$R" nft -j list counter inet link $c |
			jq '.nftables[] | select(.counter) | .counter.packets')" -eq 1 "datagrams lost, $c" ||
			return
	done
}

# gaps on|off: sets TOOK to the ms of one block with two losses
gaps()
{
	local since

	engines 4 owlt 500ms && on "$B" ltp span set to 1 gap-reports "$1" &&
	netem "delay 500ms" && lose_first_and_last && receive "$B" 5 "$TMP/out" quiet || return
	since=$(milliseconds)
	begin "$TMP/in" && finished || return
	TOOK=$(($(milliseconds) - since))
	echo "gap-reports $1: $TOOK ms"
	lost_both && counters
}

# Asked: the checkpoint again, its report, the resend, the report: 3 round
# trips.  Unasked the resend overlaps with the first; a slow kernel takes longer
# than that for other things.
gap_reports()
{
	local asked

	gaps off && is "${CB[gap-reports]}" -eq 0 "reports unasked" || return
	asked=$TOOK
	gaps on && is "${CB[gap-reports]}" -gt 0 "reports unasked" &&
	is "${CA[rtx-segments]}" -gt 0 "segments sent again" &&
	{ [ "${LTP_SLOW:-1}" -gt 1 ] || about $((asked - TOOK)) -ge 700 "ms saved"; }
}

topo_routed
on "$A" ethtool -K a0 tx-udp-segmentation off > /dev/null || die "cannot segment in A"
random_file "$TMP/in" 20000
BLOCKS=60
random_file "$TMP/blocks" $((BLOCKS * 4096))

check "local-stop, local-start" local_stop
check "local-stop of the receiver" local_stop_of_the_receiver
check "remote-stop, remote-start" remote_stop
check "no cue" no_cue
check "light time becomes shorter" owlt_shorter
check "light time becomes longer" owlt_longer
check "redundancy, 30 % lost" redundancy
if lose_first_and_last 2> /dev/null; then
	check "gaps reported unasked" gap_reports
else
	skip "gaps reported unasked" "no nftables"
fi
finish
