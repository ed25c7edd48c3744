#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What our own stack refuses: a queue that never takes what is larger than
# itself, one that takes nothing, and flows whose paths differ.
#
#	 A                   B
#	engine 1          engine 2
#	10.18.1.1         10.18.1.2
#	    a0 ----veth---- b0
#	    tbf

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# queue BYTES: A sends no packet larger than that; all of them without.  The burst
# of tbf is that large that it cuts nothing by itself.
queue()
{
	tc -n "$A" qdisc del dev a0 root 2> /dev/null
	[ $# -eq 0 ] ||
		tc -n "$A" qdisc add dev a0 root tbf rate 8gbit burst 1m limit "$1"
}

# Of 64 KB of a burst, no more than 20,000 bytes pass.
halved()
{
	engines 4 && queue 20000 && receive "$B" 5 "$TMP/out" quiet &&
	on "$A" ltp send quiet timeout 60s "$TMP/in" 2:5 && received &&
	cmp "$TMP/in" "$TMP/out" && counters || return
	is "${CA[bursts-halved]}" -ge 1 "times that bursts were halved" &&
	is "$(span_field burst-now)" -le 13 "segments of a burst" &&
	# What was refused was no retry.
	is "${CA[rtx-checkpoints]}" -eq 0 "checkpoints sent again" || return
	# It has no limit again once nothing is refused.
	queue && on "$A" ltp span set to 2 burst-adapt off &&
	is "$(span_field burst-now)" -eq 0 "limit of a burst"
}

# A block that nobody waits for any more ends, and with it what it holds.
ends()
{
	MARGIN=100ms engines 4 max-retries 2 && queue 10 || return
	on "$A" python3 -c 'import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.socket(18, 4, 0)
to = struct.pack("=HHIQQ", 18, 0, 0, 2, 5)
assert libc.sendto(fd, b"x" * 5000, 5000, 0, to, 24) == 5000, ctypes.get_errno()' || return
	wait_for 20 no_sessions "$A" || { on "$A" ltp session; return 1; }
	counters_into CA "$A" 1 && is "${CA[blocks-cancelled]}" -eq 1 "blocks cancelled" && queue
}

sent_once()
{
	counters_into CA "$A" 1 && [ "${CA[tx-checkpoints]}" -eq 1 ]
}

refused_more()
{
	counters_into CA "$A" 1 && [ "${CA[tx-dropped]}" -ge "$1" ]
}

# B does not answer, and then nothing leaves A for longer than all retries take.
no_retry()
{
	local span=$((2 * ${LTP_SLOW:-1}))

	MARGIN=${span}s engines 4 max-retries 1 && on "$B" ltp engine del 2 || return
	ip netns exec "$A" ltp send quiet timeout 120s "$TMP/in" 2:5 2> "$TMP/send.log" &
	SENDER=$!
	PIDS+=("$SENDER")
	wait_for 10 sent_once && queue 10 || return
	# The one retry, again and again, each time refused.
	wait_for $((20 * span)) refused_more 30 || { say_counters; return 1; }
	is "$(span_field exports)" -eq 1 "blocks that wait" || { cat "$TMP/send.log"; return 1; }
	on "$B" sh -c "ltp engine add 2 && ltp span add to 1 addr 10.18.1.1 rate unlimited" &&
	receive "$B" 5 "$TMP/out" quiet && queue && wait "$SENDER" ||
		{ cat "$TMP/send.log"; return 1; }
	received && cmp "$TMP/in" "$TMP/out" && counters_into CA "$A" 1 &&
	is "${CA[rtx-checkpoints]}" -eq 1 "checkpoints sent again"
}

# The second flow's port has another route, of a smaller MTU.
flows()
{
	local n files=()

	engines 4 flows 2 || return
	printf 'rule add %s\n' 'pref 100 ipproto udp sport 1113 lookup main' \
		'pref 101 ipproto udp dport 1113 lookup 77' | ip -n "$A" -batch - &&
	ip -n "$A" route add 10.18.1.0/24 dev a0 mtu lock 600 table 77 || return
	receive "$B" 5 "$TMP/out" count 8 || return
	for n in 1 2 3 4 5 6 7 8; do
		random_file "$TMP/f$n" $((20000 + n))
		files+=("$TMP/f$n")
	done
	send_together 5 "${files[@]}" && received && same_blocks "$TMP/out" "${files[@]}"
}

topo_direct
random_file "$TMP/in" 1000000
check "bursts that a queue never takes are halved" halved
check "the block of a closed socket ends where nothing leaves" ends
check "a resend that is refused is no retry" no_retry
check "flows whose paths differ" flows
finish
