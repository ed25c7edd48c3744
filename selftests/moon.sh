#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A link of 100 Mbit/s and 1.3 s that loses one datagram in a hundred, as to
# the Moon: from the second round trip on AF_LTP carries 97 % at least of what
# such a link can, and from the fourth on its reader gets as much in whole blocks.
# In virtual time (uml.sh -T); elsewhere too, if the machine is fast enough for
# the link.
#
#	 A            R            B
#	engine 1                 engine 2
#	10.18.1.1                10.18.2.1
#	   a0 --veth-- ra rb --veth-- b0
#	               |   |
#	   netem, both ways: 100 Mbit/s, 1.3 s, loss 1 %
#
# moon.sh [SECONDS]: so many for AF_LTP, 13 at least, and TCP beside it, for as
# long.  That takes minutes.
#
# moon.sh SECONDS BLOCK: of other blocks than 32 KiB.  The larger they are the more
# of them lose something, and the more of what the reader gets in a time is luck.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

TCP_SECONDS=${1-}
BLOCK=${2:-32K}
LTP_SECONDS=$((${1:-0} > 13 ? ${1:-0} : 13))

# What the link carries of 1,472-byte datagrams after loss: UDP payload a second.
CARRIES=$((100000000 / 8 * 1472 / 1514 * 99 / 100))

# neighbour NS ADDR NS-OF-IT DEV-OF-IT DEV: asking would take long
neighbour()
{
	local mac

	mac=$(ip -j -n "$3" link show "$4" | jq -r '.[0].address') &&
	ip -n "$1" neigh replace "$2" lladdr "$mac" nud permanent dev "$5"
}

link()
{
	neighbour "$A" 10.18.1.254 "$R" ra a0 && neighbour "$R" 10.18.1.1 "$A" a0 ra &&
	neighbour "$B" 10.18.2.254 "$R" rb b0 && neighbour "$R" 10.18.2.1 "$B" b0 rb &&
	# netem counts buffers: they shall be datagrams.
	on "$A" ethtool -K a0 tx-udp-segmentation off tso off gso off > /dev/null &&
	on "$B" ethtool -K b0 tx-udp-segmentation off tso off gso off > /dev/null &&
	netem "rate 100mbit delay 1300ms loss 1%"
}

# share BYTES MICROSECONDS: of what the link carries, in 10,000
share()
{
	echo $(($1 * 10000 / (CARRIES * $2 / 1000000)))
}

arrived()
{
	counters_into CB "$B" 2 &&
	echo "${CB[rx-bytes]} ${CB[rx-duplicate-bytes]} $(delivered) $(microseconds)"
}

# Bytes of whole blocks: what the reader says when it has written one.
delivered()
{
	awk '{ n += $(NF - 1) } END { print n + 0 }' "$TMP/blocks"
}

reader()
{
	ip netns exec "$B" ltp recv forever rcvbuf 240M 5 - > /dev/null 2> "$TMP/blocks" &
	RECEIVER=$!
	PIDS+=("$RECEIVER")
	wait_for 10 watches_signals "$RECEIVER"
}

# Sets SHARE, of what arrives for the first time in LTP_SECONDS from the second
# round trip on; SOON, of what the reader gets in the same time; and DELIVERED, of
# what it gets in as long a time from the fourth round trip on.  Until then blocks
# that lost something, and what they lost, have not come through the link yet.
ltp_carries()
{
	local a b c d us pids

	# The link carries 1,472 bytes of payload in 1,514.
	engines 4 owlt 1300ms max-retries 100 &&
		on "$A" ltp span set to 2 rate 97.2mbit || return
	reader || return
	# Not on(): the shell between would be killed, and not the program.
	ip netns exec "$A" ltp send quiet sndbuf 64M block "$BLOCK" /dev/zero 2:5 &
	pids=("$RECEIVER" $!)
	PIDS+=($!)
	sleep 2.6
	read -ra a < <(arrived)
	sleep 5.2
	read -ra c < <(arrived)
	sleep $((LTP_SECONDS - 6)).8
	read -ra b < <(arrived)
	sleep 5.2
	read -ra d < <(arrived)
	kill "${pids[@]}"
	wait "${pids[@]}"
	us=$((b[3] - a[3]))
	SHARE=$(share $((b[0] - a[0] - (b[1] - a[1]))) $us)
	SOON=$(share $((b[2] - a[2])) $us)
	us=$((d[3] - c[3]))
	DELIVERED=$(share $((d[2] - c[2])) $us)
	echo "AF_LTP: $SHARE in 10,000 arrive, $((b[1] - a[1])) bytes twice;" \
		"delivered $SOON, from 7.8 s on $DELIVERED," \
		"$(((d[2] - c[2]) * 8 / us)) Mbit/s" | tee -a "$TMP/notes"
	counters && say_counters
	is "$SHARE" -ge 9700 "share of the link" &&
	is "$SOON" -ge 8500 "share of the link, delivered"
}

ltp_delivers()
{
	is "$DELIVERED" -ge 9700 "share of the link"
}

# What is on its way would outlive us.
gone()
{
	on "$A" ltp engine del 1 && on "$B" ltp engine del 2
}

# tcp CONTROL: what it carries from the second round trip on
tcp()
{
	# shellcheck disable=SC2016
	ip netns exec "$B" python3 -c '
import os, socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", 5001))
s.listen()
open(sys.argv[1], "w").close()
c = s.accept()[0]
begin = time.monotonic() + 2.6
end = begin + float(sys.argv[2])
n = 0
c.settimeout(0.1)
while time.monotonic() < end:
    try:
        got = len(c.recv(1 << 20))
    except socket.timeout:
        continue
    if time.monotonic() >= begin:
        n += got
print(n, int((end - begin) * 1e6), flush=True)
os._exit(0)' "$TMP/listens" "$TCP_SECONDS" > "$TMP/tcp" &
	local server=$! client got

	PIDS+=("$server")
	wait_for 20 test -e "$TMP/listens" && rm "$TMP/listens" || return
	ip netns exec "$A" python3 -c '
import socket, sys
s = socket.socket()
s.setsockopt(socket.IPPROTO_TCP, 13, sys.argv[1].encode())
s.connect((sys.argv[2], 5001))
b = bytes(1 << 20)
while True:
    s.sendall(b)' "$1" "$B4" 2> /dev/null &
	client=$!
	PIDS+=("$client")
	wait "$server"
	kill "$client" 2> /dev/null
	wait "$client" 2> /dev/null
	read -ra got < "$TMP/tcp" || return
	echo "TCP $1: $((got[0] * 8 / (got[1] / 1000))) kbit/s," \
		"$(share "${got[0]}" "${got[1]}") in 10,000" >> "$TMP/notes"
}

topo_routed
link || die "no link"
check "AF_LTP carries what the link can" ltp_carries
check "and its reader gets that" ltp_delivers
check "engines deleted" gone
[ -n "$TCP_SECONDS" ] && for ns in "$A" "$B"; do
	on "$ns" sh -c 'for f in rmem wmem; do
		echo "4096 1048576 268435456" > /proc/sys/net/ipv4/tcp_$f; done'
done
[ -n "$TCP_SECONDS" ] && modprobe -q tcp_bbr
for cc in ${TCP_SECONDS:+cubic bbr}; do
	if grep -qw $cc /proc/sys/net/ipv4/tcp_available_congestion_control; then
		tcp $cc || diag "TCP $cc: did not run"
	else
		diag "TCP $cc: not in this kernel"
	fi
done
[ ! -e "$TMP/notes" ] || diag "$(cat "$TMP/notes")"
finish
