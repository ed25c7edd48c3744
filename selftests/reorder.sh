#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Datagrams that overtake each other are not lost, and are not sent again.
#
#	 A                 R                 B
#	engine 1        forwards          engine 2
#	    a0 ---veth--- ra  rb ---veth--- b0
#	 tx-udp-           |  netem, a quarter
#	 segmentation     netem  passes the rest
#	 off
#
# netem holds most datagrams for 5 ms and lets a quarter of them pass at once.
# A checkpoint among these has the receiver report data as missing that is
# still to come: so there must be many of them for it to happen for sure.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

OVERTAKE="delay 5ms reorder 25%"
SNDBUF=()

# over FAMILY FILE BLOCK SPAN-OPTION...: the file as blocks of that size, by new
# engines, whose counters are read then
over()
{
	local family=$1 file=$2 block=$3 count

	shift 3
	count=$((($(stat -c %s "$file") + block - 1) / block))
	engines "$family" "$@" || return
	receive "$B" 5 "$TMP/out" quiet count "$count" || return
	on "$A" ltp send quiet timeout 60s "${SNDBUF[@]}" block "$block" \
		"$file" 2:5 && received ||
		{ give_up; return 1; }
	same_pieces "$TMP/out" "$file" "$block" && counters || return
	echo "sent again: ${CA[rtx-bytes]} of ${CA[tx-bytes]} bytes"
	echo "reports put off: ${CB[reports-delayed]}"
}

# waits FAMILY FILE BLOCK: less than one byte of a thousand goes twice.  What
# netem holds may be held longer where the machine has other work.
waits()
{
	over "$@" reorder 200ms &&
	about $((${CA[rtx-bytes]} * 1000)) -lt "${CA[tx-bytes]}" "thousandfold bytes sent again" &&
	about "${CA[rtx-checkpoints]}" -eq 0 "checkpoints sent again" || { say_counters; return 1; }
}

waits_often()
{
	waits "$@" && about "${CB[reports-delayed]}" -gt 3 "reports put off"
}

# The same, and nobody waits: shows that datagrams did overtake.
hurries()
{
	over "$@" reorder 0 &&
	is $((${CA[rtx-bytes]} * 20)) -gt "${CA[tx-bytes]}" "twentyfold bytes sent again" &&
	about "${CB[reports-delayed]}" -eq 0 "reports put off" || { say_counters; return 1; }
}

# What is lost is still sent again, and not twice.
lost_too()
{
	local size

	size=$(stat -c %s "$2")
	netem "$OVERTAKE loss 2%" "" && over "$@" max-retries 100 &&
	is "$(netem_dropped)" -gt 0 "datagrams lost" &&
	is "${CA[rtx-segments]}" -gt 0 "segments sent again" &&
	about "${CA[rtx-bytes]}" -lt $((size / 10)) "bytes sent again" ||
		{ say_counters; return 1; }
}

topo_routed
on "$A" ethtool -K a0 tx-udp-segmentation off > /dev/null || die "cannot segment in A"
random_file "$TMP/one" $((1 << 20))
random_file "$TMP/many" $((20 << 16))
# Whole blocks: a short one that comes early would shift all behind it.
random_file "$TMP/hundred" $((100 * 13108))
netem "$OVERTAKE" || die "no netem"

check "1 MiB" waits 4 "$TMP/one" $((1 << 20))
check "20 blocks of 64 KiB" waits 6 "$TMP/many" 65536
check "100 blocks of 13 KiB" waits_often 4 "$TMP/hundred" 13108
check "100 blocks of 13 KiB, nobody waits" hurries 4 "$TMP/hundred" 13108
# Discretionary checkpoints.
SNDBUF=(sndbuf 32K)
check "1 MiB, small send buffer" waits_often 6 "$TMP/one" $((1 << 20))
check "1 MiB, small send buffer, nobody waits" hurries 6 "$TMP/one" $((1 << 20))
check "nothing was lost" is "$(netem_dropped)" -eq 0 "datagrams lost"
check "1 MiB, 2 % lost" lost_too 4 "$TMP/one" $((1 << 20))
finish
