#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Engines that nobody configured: net.ltp.accept_unknown.  And datagrams that
# nobody can trust.
#
#	 A                       B
#	engine 1                 engine 2, then 3, then 4
#	10.18.1.1                10.18.1.2
#	   a0 --------veth-------- b0
#
# The one in B knows engine 1; engine 1 knows nobody.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# become N: B is engine N now
become()
{
	[ "$NOW" -eq "$1" ] && return
	[ "$NOW" -eq 0 ] || on "$B" ltp engine del "$NOW" || return
	on "$B" sh -c "ltp engine add $1 && ltp span add to 1 addr 10.18.1.1 \
		rate unlimited margin 200ms max-retries 4" && NOW=$1
}
NOW=0

accept()
{
	on "$A" sh -c "echo $1 > /proc/sys/net/ltp/accept_unknown"
}

# says FROM: a block from that engine
says()
{
	become "$1" && on "$B" ltp send quiet timeout 20s "$TMP/in" 1:5
}

learned()
{
	on "$A" ltp -j span show | jq -c '[.[] | select(.learned) | .remote]'
}

# stays N: what was learned is used again so late, on slow kernels, that it
# would be gone
stays()
{
	[ "${LTP_SLOW:-1}" -eq 1 ] || on "$A" ltp span set to "$1" margin "${LTP_SLOW}s"
}

refused()
{
	! says 2 2> "$TMP/err" || return
	cat "$TMP/err"
	counters_into CA "$A" 1
	is "$(learned)" = '[]' "engines learned" &&
	is "${CA[drop-no-span]}" -gt 0 "segments dropped"
}

accepted()
{
	accept 2 && receive "$A" 5 "$TMP/out" quiet || return
	says 2 && stays 2 && received && cmp "$TMP/in" "$TMP/out" || return
	counters_into CA "$A" 1
	is "$(learned)" = '[2]' "engines learned" &&
	is "${CA[engines-learned]}" -eq 1 "counted" &&
	# The first data waited for the span: nothing had to come again.
	is "${CA[rx-duplicate-bytes]}" -eq 0 "bytes received twice" &&
	counters_into CB "$B" 2 && is "${CB[rtx-segments]}" -eq 0 "segments sent again"
}

answered()
{
	receive "$B" 6 "$TMP/back" quiet || return
	on "$A" ltp send quiet timeout 20s "$TMP/in" 2:6 && received &&
		cmp "$TMP/in" "$TMP/back"
}

# The second is welcome, the third is one too many.
limited()
{
	receive "$A" 5 "$TMP/out" quiet || return
	says 3 && stays 3 && received || return
	! says 4 2> /dev/null || return
	counters_into CA "$A" 1
	is "$(learned | jq -c sort)" = '[2,3]' "engines learned" &&
	is "${CA[drop-limit]}" -gt 0 "buffers dropped"
}

# Configured like any other, which makes the wait shorter here.
set_and_reaped()
{
	local n

	for n in 2 3; do
		on "$A" ltp span set to $n margin 10ms max-retries 1 || return
	done
	wait_for 60 gone
}

gone()
{
	[ "$(learned)" = '[]' ]
}

again()
{
	receive "$A" 5 "$TMP/out" quiet || return
	says 4 && received && cmp "$TMP/in" "$TMP/out"
}

# What waits for the span of an engine is from whom it is from: another address
# does not end the blocks that the first has begun.
strangers()
{
	accept 64 && ip -n "$B" addr add 10.18.1.3/24 dev b0 || return
	throw_away "$A" 5
	counters_into CA "$A" 1
	local before=${CA[blocks-received]} dropped=${CA[drop-address]}
	on "$B" python3 -c 'import socket as s
def sdnv(n):
    out = [n & 127]
    while n > 127:
        n >>= 7
        out.insert(0, 128 | n & 127)
    return bytes(out)
one, other = (s.socket(s.AF_INET, s.SOCK_DGRAM) for _ in range(2))
one.bind(("10.18.1.2", 0))
other.bind(("10.18.1.3", 0))
to = "10.18.1.1", 1113
for engine in range(1000, 1020):
    head = sdnv(engine) + sdnv(7) + b"\0" + sdnv(5)
    one.sendto(b"\0" + head + sdnv(0) + sdnv(50) + b"a" * 50, to)
    other.sendto(b"\3" + head + sdnv(50) + sdnv(50) + sdnv(9) + sdnv(0) + b"b" * 50, to)' || return
	wait_for 10 dropped_more "$dropped" 20 || { say_counters; return 1; }
	is "${CA[blocks-received]}" -eq "$before" "blocks received of two senders" || return
	kill "$RECEIVER"
	ip -n "$B" addr del 10.18.1.3/24 dev b0
}

dropped_more()
{
	counters_into CA "$A" 1 && [ "${CA[drop-address]}" -eq $(($1 + $2)) ]
}

# With the span of a stranger, and a block of which some has come.
deleted()
{
	local sender

	gone || on "$A" ltp span del to 4 || return
	throw_away "$A" 5
	become 2 && on "$B" ltp span set to 1 rate 400kbit || return
	ip netns exec "$B" ltp send quiet timeout 20s "$TMP/in" 1:5 > /dev/null 2>&1 &
	sender=$!
	PIDS+=("$sender")
	wait_for 10 comes_in 2 || { on "$A" ltp span; on "$B" ltp session; return 1; }
	on "$A" ltp engine del 1 && accept 0 || return
	is "$(on "$A" ltp -j span show)" = '[]' "spans" || return
	# Its sender is left alone, in the midst of it.
	is "$(no_sessions "$B" && echo none)" != none "sessions of the sender" || return
	kill "$sender" "$RECEIVER"
	wait "$sender" "$RECEIVER" 2> /dev/null
	true
}

# comes_in ENGINE: a block of it has begun
comes_in()
{
	[ "$(span_field imports "$A" "$1")" -ge 1 ]
}

# A cancel segment for no session, which would be acknowledged.
no_checksum()
{
	# Engine 2 may still be cancelling what its sender left.
	become 3 && on "$A" sh -c "ltp engine add 1 && ltp span add to 2 \
		addr 10.18.1.2 rate unlimited" || return
	on "$B" python3 -c 'import socket as s
t = s.socket(s.AF_INET, s.SOCK_DGRAM)
for off in 1, 0:
    t.setsockopt(s.SOL_SOCKET, 11, off)
    t.sendto(b"\x0c\x02\x07\x00\x00", ("10.18.1.1", 1113))' || return
	wait_for 10 cancelled_once || return
	is "${CA[drop-checksum]}" -eq 1 "datagrams dropped" &&
	is "${CA[tx-cancel-acks]}" -eq 1 "acknowledgments"
}

cancelled_once()
{
	counters_into CA "$A" 1 && [ "${CA[rx-cancels]}" -eq 1 ]
}

bounds()
{
	! accept -1 2> /dev/null && ! accept 65537 2> /dev/null && accept 65536
}

topo_direct
random_file "$TMP/in" 300000
on "$A" ltp engine add 1 || die "no engines"
check "refused, as they are without being asked for" refused
check "accepted, and nothing lost" accepted
check "answered" answered
check "no more than the limit" limited
check "configured, and gone when idle" set_and_reaped
check "room for another" again
check "one engine's name from two addresses" strangers
check "engine deleted" deleted
check "a datagram without a checksum" no_checksum
check "bounds of the switch" bounds
finish
