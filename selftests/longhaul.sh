#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A light time of 250 s each way, a spacecraft about half way to the Sun; and of
# 1.3 s, as to the Moon.  Runs where waiting takes no time (uml.sh -T).
#
#	 A            R            B
#	engine 1                 engine 2
#	10.18.1.1                10.18.2.1
#	   a0 --veth-- ra rb --veth-- b0
#	               |   |
#	           netem, 250 s each, towards A and B
#
# netem's unit is the buffer: what A sends must be cut before it gets to R.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

RECV_TIMEOUT=48h
LIGHT=250s MARGIN=10s
SIZE=$((1 << 20))

mac()
{
	ip -j -n "$1" link show "$2" | jq -r '.[0].address'
}

# Asking for addresses would take longer than anybody waits.
neighbours()
{
	ip -n "$A" neigh replace 10.18.1.254 lladdr "$(mac "$R" ra)" nud permanent dev a0 &&
	ip -n "$B" neigh replace 10.18.2.254 lladdr "$(mac "$R" rb)" nud permanent dev b0 &&
	ip -n "$R" neigh replace 10.18.1.1 lladdr "$(mac "$A" a0)" nud permanent dev ra &&
	ip -n "$R" neigh replace 10.18.2.1 lladdr "$(mac "$B" b0)" nud permanent dev rb
}

# way [NETEM OPTION...]: new engines, and both ways are long
way()
{
	local d

	engines 4 owlt $LIGHT || return
	for d in ra rb; do
		ip netns exec "$R" tc qdisc replace dev $d root netem limit 1000000 \
			delay $LIGHT "$@" || return
	done
}

now()
{
	date +%s
}

# transfer: of SIZE bytes; sets TOOK to its seconds
transfer()
{
	local began

	receive "$B" 5 "$TMP/out" quiet || return
	began=$(now)
	on "$A" ltp send timeout 48h "$TMP/in" 2:5 || return
	TOOK=$(($(now) - began))
	received && cmp "$TMP/in" "$TMP/out" || return
	counters
	say_counters
	echo "took $TOOK s"
}

without_loss()
{
	way && transfer || return
	# There and back, once; nothing is sent twice.
	is "$TOOK" -ge 500 "seconds" &&
	is "$TOOK" -le 515 "seconds" &&
	is "${CA[rtx-checkpoints]}" -eq 0 "checkpoints sent again" &&
	is "${CA[rtx-segments]}" -eq 0 "segments sent again" &&
	is "${CB[rtx-reports]}" -eq 0 "reports sent again"
}

with_loss()
{
	way loss 5% && transfer || return
	is "$TOOK" -ge 1000 "seconds" &&
	is "$TOOK" -le 20000 "seconds" &&
	is "${CA[rtx-segments]}" -gt 0 "segments sent again" &&
	# What is lost is sent again, and what arrived is not.
	is "${CA[rtx-bytes]}" -lt $((SIZE / 5)) "bytes sent again"
}

many_blocks_with_loss()
{
	way loss 5% || return
	receive "$B" 5 "$TMP/out" count 32 || return
	on "$A" ltp send quiet timeout 48h block 32K "$TMP/in" 2:5 || return
	received && same_pieces "$TMP/out" "$TMP/in" 32768
}

# The link is gone: the sender gives up when its retries are used, not before.
nobody_there()
{
	local began said

	way loss 100% && on "$A" ltp span set to 2 max-retries 3 || return
	began=$(now)
	! said=$(on "$A" ltp send quiet timeout 48h "$TMP/in" 2:5 2>&1) || return
	TOOK=$(($(now) - began))
	echo "$said, after $TOOK s"
	case $said in *limit*) ;; *) return 1 ;; esac
	is "$TOOK" -ge $((4 * 510)) "seconds" &&
	is "$TOOK" -le $((4 * 510 + 30)) "seconds"
}

to_the_moon()
{
	LIGHT=1300ms MARGIN=100ms
	way loss 5% && transfer || return
	# A round trip for the block, and one or more for what was lost.
	is "$TOOK" -ge 5 "seconds" &&
	is "$TOOK" -le 60 "seconds" &&
	is "${CA[rtx-segments]}" -gt 0 "segments sent again"
}

gone()
{
	on "$A" ltp engine del 1 && on "$B" ltp engine del 2
}

topo_routed
ip netns exec "$A" ethtool -K a0 tx-udp-segmentation off tso off > /dev/null
ip netns exec "$B" ethtool -K b0 tx-udp-segmentation off tso off > /dev/null
neighbours || die "no neighbours"
random_file "$TMP/in" $SIZE

check "1 MiB over 250 s, nothing lost" without_loss
check "1 MiB over 250 s, 5 % lost" with_loss
check "32 blocks over 250 s, 5 % lost" many_blocks_with_loss
check "nobody there" nobody_there
check "1 MiB over 1.3 s, 5 % lost" to_the_moon
# A report may wait for an acknowledgment that was lost; nothing else does.
check "engines deleted" gone
finish
