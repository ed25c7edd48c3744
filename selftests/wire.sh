#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What stands on the wire, read from a capture by wire.py.
#
#	 A                    B
#	engine 1             engine 2
#	10.18.1.1            10.18.1.2
#	      a0 ----veth---- b0
#	 tx-udp-              tcpdump
#	 segmentation off

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

capture()
{
	on "$B" tcpdump -U --immediate-mode -n -i b0 -B 32768 -w "$TMP/pcap" udp port 1113 2> "$TMP/tcpdump" &
	TCPDUMP=$!
	PIDS+=("$TCPDUMP")
	wait_for 20 grep -q 'listening on' "$TMP/tcpdump"
}

capture_end()
{
	wait_for 20 captured_all || return
	kill "$TCPDUMP"
	wait "$TCPDUMP"
	true
}

# The last thing sent was a block of 77 bytes that are found nowhere else.
captured_all()
{
	grep -aq "$MARK" "$TMP/pcap"
}

# blocks SERVICE FILE COUNT OPTION...: a file as so many blocks
blocks()
{
	local service=$1 file=$2 count=$3

	shift 3
	receive "$B" "$service" "$TMP/out" quiet count "$count" &&
	on "$A" ltp send quiet timeout 30s "$@" "$file" "2:$service" && received &&
	cmp "$file" "$TMP/out" || { give_up; return 1; }
}

green()
{
	receive "$B" 8 "$TMP/out" quiet green &&
	on "$A" ltp send quiet timeout 30s green "$TMP/small" 2:8 && received &&
	cmp "$TMP/small" "$TMP/out" || { give_up; return 1; }
}

topo_direct
on "$A" ethtool -K a0 tso off tx-udp-segmentation off > /dev/null || die "cannot segment in A"
random_file "$TMP/large" 2200000
cut_file "$TMP/large" 100000 0 "$TMP/small"
# Some of so much is lost for sure.
cut_file "$TMP/large" 300000 0 "$TMP/medium"
cut_file "$TMP/large" 2000 7 "$TMP/tiny"
MARK=$(printf 'MARK%.0s' {1..19}).
printf '%s' "$MARK" > "$TMP/mark"

engines 4 && capture || die "no capture"
check "service 5: a red block" blocks 5 "$TMP/small" 1
check "service 6: 20 small red blocks" blocks 6 "$TMP/tiny" 20 block 100
check "service 8: a green block" green
# Each datagram is to be lost by itself.
tc -n "$A" qdisc add dev a0 root netem loss 10% limit 100000 || die "no netem"
check "service 7: a red block, 10 % lost" blocks 7 "$TMP/medium" 1 burst-limit 1
tc -n "$A" qdisc del dev a0 root
set_mtu 9000
check "service 9: a large red block at MTU 9000" blocks 9 "$TMP/large" 1
check "service 10: the end" blocks 10 "$TMP/mark" 1
check "all captured" capture_end

while read -r verdict name; do
	case $verdict in
	ok) ok "$name" ;;
	bad) not_ok "$name" ;;
	skip) skip "$name" "no Scapy" ;;
	end) end=1 ;;
	*) diag "$verdict $name" ;;
	esac
done < <(python3 "$(dirname "$0")/wire.py" "$TMP/pcap" 2>&1)
check "the capture was read to its end" test -n "${end-}"
finish
