#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Bursts against a queue of 64 packets: burst-adapt makes them as short as the
# queue needs.  In virtual time (uml.sh -T), where a burst reaches R at once.
#
#	 A                        R                        B
#	engine 1               forwards                 engine 2
#	10.18.1.1       10.18.1.254 10.18.2.254         10.18.2.1
#	    a0 ----veth---- ra         rb ----veth---- b0
#	 tx-udp-            gro off    tbf 100 Mbit/s
#	 segmentation off              pfifo, 64

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SIZE=$((8 << 20))

bottleneck()
{
	tc -n "$R" qdisc replace dev rb root handle 1: tbf rate 100mbit burst 1600 limit 1m &&
	tc -n "$R" qdisc add dev rb parent 1:1 pfifo limit 64
}

# transfer SPAN-OPTION...: sets RTX, the bytes sent again, and NOW
transfer()
{
	engines 4 segment-size 500 max-retries 100 "$@" && on "$A" ltp span set to 2 rate 50mbit &&
		again && return
	say_counters
	return 1
}

# Few blocks at once, or all would have left before the first report came.
again()
{
	receive "$B" 5 "$TMP/out" count 32 quiet || return
	on "$A" ltp send quiet sndbuf 1M block $((SIZE / 32)) "$TMP/in" 2:5 && received || return
	same_pieces "$TMP/out" "$TMP/in" $((SIZE / 32)) && counters || return
	RTX=${CA[rtx-bytes]}
	NOW=$(on "$A" ltp -j -d span show to 2 | field burst-now)
	echo "$RTX bytes sent again, burst-now $NOW" | tee -a "$TMP/notes"
}

fixed()
{
	transfer burst-limit 128 && FIXED=$RTX &&
	is "$FIXED" -gt $((SIZE / 8)) "bytes sent again" &&
	is "$NOW" -eq 0 "burst-now"
}

adaptive()
{
	transfer burst-limit 128 burst-adapt on &&
	is "$RTX" -lt $((FIXED / 4)) "bytes sent again" &&
	is "$NOW" -ge 32 "burst-now" &&
	is "$NOW" -le 80 "burst-now"
}

# The queue is not short any more.
longer_again()
{
	local was=$NOW

	tc -n "$R" qdisc del dev rb root && again &&
	is "$NOW" -gt "$was" "burst-now" &&
	is "$NOW" -le $((was + 8)) "burst-now"
}

switched_off()
{
	on "$A" ltp span set to 2 burst-adapt off && bottleneck && RTX=0 && again &&
	is "$NOW" -eq 0 "burst-now"
}

# What the rate carries in a millisecond fits.
unlimited()
{
	transfer && is "$RTX" -eq 0 "bytes sent again"
}

single_losses()
{
	netem "loss 3%" "" && transfer burst-limit 128 burst-adapt on &&
	is "$RTX" -gt 0 "bytes sent again" &&
	is "$NOW" -eq 0 "burst-now"
}

topo_routed
on "$A" ethtool -K a0 tx-udp-segmentation off || die "cannot segment in A"
random_file "$TMP/in" $SIZE
bottleneck || die "no bottleneck"
check "a fixed burst limit" fixed
check "burst-adapt: fewer bytes sent again" adaptive
check "burst-adapt: longer when there is room" longer_again
check "burst-adapt off" switched_off
check "no burst limit, but a rate" unlimited
check "burst-adapt: single losses" single_losses
diag "$(cat "$TMP/notes")"
finish
