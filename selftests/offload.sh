#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Segments go down in bursts, one buffer of many, and come up coalesced: when
# the device cuts the bursts itself (veth then hands them over whole), and
# when the stack cuts them before and NAPI GRO joins the datagrams again.
#
#	 A                    B
#	engine 1             engine 2
#	10.18.1.1, fd18:1::1 10.18.1.2, fd18:1::2
#	      a0 ----veth---- b0

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SIZE=$((4 << 20))
[ -z "${LTP_DEBUG-}" ] || SIZE=$((1 << 20))

# Buffers that A sent, whatever they hold: by the last transfer, and in all.
PACKETS=0 ALL_PACKETS=0
count_packets()
{
	local now lost

	# What veth's queue of 256 has no room for was carried so far.
	now=$(on "$A" cat /sys/class/net/a0/statistics/tx_packets) &&
	lost=$(on "$A" cat /sys/class/net/a0/statistics/tx_dropped) || return
	now=$((now + lost))
	PACKETS=$((now - ALL_PACKETS)) ALL_PACKETS=$now
}

# transfer FAMILY SPAN-OPTION...: the file; leaves counters, PACKETS and the
# trace of the bursts behind
transfer()
{
	engines "$@" || return
	receive "$B" 5 "$TMP/out" quiet &&
	trace_start ltp_burst &&
	send_each 5 "$TMP/in" && received || { give_up; return 1; }
	trace_stop "$TMP/trace"
	count_packets && counters && cmp "$TMP/in" "$TMP/out"
}

# bursts STRIDE: the trace has each of A's bursts as segments of STRIDE bytes,
# the last one maybe shorter
bursts()
{
	sed -n 's/.*ltp_burst: engine=1 .*segs=\([0-9]*\) bytes=\([0-9]*\) err=\(-*[0-9]*\).*/\1 \2 \3/p' \
		"$TMP/trace" | awk -v stride="$1" -v want="${CA[tx-bursts]}" '
	$3 != 0 { print "error " $3; bad = 1 }
	$1 > 1 && ($2 <= ($1 - 1) * stride || $2 > $1 * stride) {
		print $1 " segments of " stride " bytes are not " $2 " bytes"
		bad = 1
	}
	$1 > 1 { large++ }
	{ n++; segs += $1 }
	END {
		if (n != want) { print n " bursts traced, " want " counted"; bad = 1 }
		if (large < 10) { print large + 0 " bursts of several segments"; bad = 1 }
		exit bad
	}'
}

# per LEFT RIGHT MIN WHAT: LEFT/RIGHT, in tenths, is at least MIN
per()
{
	is $(($1 * 10 / ($2 ? $2 : 1))) -ge $(($3 * 10)) "tenths of $4"
}

bursts_of_many()
{
	per "${CA[tx-segments]}" "${CA[tx-bursts]}" 20 "segments a burst"
}

# A few others than ours there may be.
crossed_whole()
{
	is "$PACKETS" -lt $((${CA[tx-bursts]} + 10)) "buffers that a0 carried"
}

crossed_in_pieces()
{
	is "$PACKETS" -ge "${CA[tx-segments]}" "buffers that a0 carried"
}

coalesced()
{
	is "${CB[rx-coalesced]}" -gt 0 "coalesced buffers" &&
	per "${CB[rx-segments]}" "${CB[rx-skbs]}" "$1" "segments a buffer"
}

single()
{
	is "${CB[rx-coalesced]}" -eq 0 "coalesced buffers" &&
	is "${CB[rx-skbs]}" -eq "${CB[rx-segments]}" "buffers"
}

burst_limit()
{
	is "${CA[tx-bursts]}" -ge $((${CA[tx-segments]} / $1)) "bursts" &&
	sed -n 's/.*ltp_burst: engine=1 .*segs=\([0-9]*\) .*/\1/p' "$TMP/trace" |
	awk -v most="$1" '$1 > most { print "a burst of " $1; bad = 1 } END { exit bad }'
}

# Off is what the sender's device is to cut, or anything, by itself.
a0()
{
	on "$A" ethtool -K a0 "$@" > /dev/null
}

b0()
{
	on "$B" ethtool -K b0 "$@" > /dev/null
}

topo_direct
random_file "$TMP/in" "$SIZE"
trace_start ltp_burst || skip_all "no tracing"

count_packets || die "no statistics"
for family in 4 6; do
	stride=$((family == 4 ? 1472 : 1452))
	a0 tso on tx-udp-segmentation on && b0 gro off || die "no offload"
	v="IPv$family, the device cuts"
	check "$v: transfer" transfer $family
	check "$v: bursts of many segments" bursts_of_many
	check "$v: a burst's segments are of one size" bursts $stride
	check "$v: bursts cross veth whole" crossed_whole
	check "$v: they are received whole" coalesced 20

	a0 tso off tx-udp-segmentation off && b0 gro off || die "no offload"
	v="IPv$family, the stack cuts, no GRO"
	check "$v: transfer" transfer $family
	check "$v: bursts of many segments" bursts_of_many
	check "$v: a burst's segments are of one size" bursts $stride
	check "$v: datagrams cross veth alone" crossed_in_pieces
	check "$v: they are received alone" single

	b0 gro on rx-gro-list off rx-udp-gro-forwarding off || die "no GRO"
	v="IPv$family, the stack cuts, GRO"
	check "$v: transfer" transfer $family
	check "$v: bursts of many segments" bursts_of_many
	check "$v: datagrams cross veth alone" crossed_in_pieces
	check "$v: they are coalesced" coalesced 8
done

# As on a router that forwards for others too.
a0 tso on
b0 rx-udp-gro-forwarding on || die "no GRO"
v="GRO for forwarding"
check "$v: transfer" transfer 4
check "$v: datagrams cross veth alone" crossed_in_pieces
check "$v: they are coalesced" coalesced 8
a0 tso off
b0 rx-udp-gro-forwarding off rx-gro-list on || die "no GRO"
v="GRO by lists"
check "$v: transfer" transfer 6
check "$v: datagrams cross veth alone" crossed_in_pieces
check "$v: they are coalesced" coalesced 8

a0 tso on tx-udp-segmentation on
b0 rx-gro-list off
check "burst-limit 8: transfer" transfer 4 burst-limit 8
check "burst-limit 8: no burst is larger" burst_limit 8
check "burst-limit 1: transfer" transfer 4 burst-limit 1
check "burst-limit 1: no burst is larger" burst_limit 1
check "burst-limit 1: datagrams cross veth alone" crossed_in_pieces
finish
