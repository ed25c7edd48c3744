#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Things end while they are in use: the module, namespaces, engines, spans,
# sockets; and nothing is left of them.
#
#	 A            B
#	engine 1     engine 2
#	10.18.1.1    10.18.1.2
#	   a0 --veth-- b0
#
# The span is slow, so that what ends is always in the midst of something.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# slow_engines: what is sent takes long, who does not answer is given up soon
slow_engines()
{
	local MARGIN=100ms

	engines 4 && on "$A" ltp span set to 2 rate 400kbit
}

in_use()
{
	cat /sys/module/ltp/refcnt
}

idle()
{
	[ "$(in_use)" -eq 0 ]
}

loaded()
{
	[ -d /sys/module/ltp ] || insmod "$LTP_MODULE"
}

# Nothing uses the module any more, it goes, and takes along what it made.
unload()
{
	wait_for 30 idle || { echo "in use by $(in_use)"; return 1; }
	rmmod ltp || return
	if [ -e /proc/sys/net/ltp ] || grep -q '^LTP ' /proc/net/protocols ||
	   grep -q '^ltp' /proc/slabinfo; then
		echo "something is left"
		return 1
	fi
}

reload()
{
	unload && loaded
}

# A fresh pair of namespaces.
fresh()
{
	local ns

	for ns in "${NAMESPACES[@]}"; do
		ip netns del "$ns" 2> /dev/null
	done
	NAMESPACES=() ENGINES=
	N=$((${N-0} + 1))
	A=ltp-a-$$-$N B=ltp-b-$$-$N
	topo_direct
}

gone()
{
	ip netns del "$A" && ip netns del "$B" && NAMESPACES=()
}

# under_way NS: there is a session in NS
under_way()
{
	local said

	said=$(on "$1" ltp -j session) && [ "$said" != '[]' ]
}

# start: a transfer that takes long, until both sides are in the midst of it
SENDER=
start()
{
	slow_engines && receive "$B" 5 "$TMP/out" quiet || return
	# Larger than the buffer, so that it asks for reports on the way.
	ip netns exec "$A" ltp send quiet sndbuf 50K "$TMP/big" 2:5 2> "$TMP/send.log" &
	SENDER=$!
	PIDS+=("$SENDER")
	wait_for 20 under_way "$A" && wait_for 20 under_way "$B"
}

# end SIGNAL: of both processes
end()
{
	kill "-$1" "$SENDER" "$RECEIVER"
	wait "$SENDER" "$RECEIVER" 2> /dev/null
	true
}

# sender_told: it ends by itself, fails, and says why in one line
sender_told()
{
	local rc

	wait "$SENDER"
	rc=$?
	cat "$TMP/send.log"
	is "$rc" -eq 1 "status of the sender" &&
	is "$(wc -l < "$TMP/send.log")" -eq 1 "lines it said" &&
	grep -q "$1" "$TMP/send.log"
}

# --- what is tested ------------------------------------------------------

sockets_keep_the_module()
{
	local pid

	fresh
	receive "$A" 5 "$TMP/idle" || return
	pid=$RECEIVER
	! idle || { echo "a socket does not count"; return 1; }
	! rmmod ltp 2> /dev/null || { echo "it went"; return 1; }
	# And works as before.
	engines 4 && receive "$B" 5 "$TMP/out" quiet &&
		send_each 5 "$TMP/small" && received || return
	cmp "$TMP/small" "$TMP/out" || return
	kill "$pid"
	wait "$pid" 2> /dev/null
	# Engines and spans do not keep it.
	reload
}

transfer_keeps_the_module()
{
	fresh
	start || return
	! rmmod ltp 2> /dev/null || { echo "it went"; return 1; }
	under_way "$A" && under_way "$B" || return
	end KILL
	# The sender's engine cancels; nobody needs to be asked.
	wait_for 10 no_sessions "$A" "$B" && reload
}

# With the processes alive the namespaces lose their names, no more; then
# they end with the last socket, in the midst of everything.
namespaces_deleted()
{
	fresh
	start || return
	gone || return
	kill -0 "$SENDER" "$RECEIVER" || return
	end "$1"
	reload
}

# The processes die, and the namespaces at once.
namespaces_deleted_behind()
{
	fresh
	start || return
	end KILL
	gone && reload
}

# send_and_close NS BYTES: a block to 2:5 by a program that does not wait for
# its end
send_and_close()
{
	on "$1" python3 -c '
import ctypes, struct, sys
libc = ctypes.CDLL(None)
to = struct.pack("=HHIQQ", 18, 0, 0, 2, 5)
n = int(sys.argv[1])
sys.exit(libc.sendto(libc.socket(18, 4, 0), b"x" * n, n, 0, to, len(to)) != n)' "$2"
}

# What a closed socket has left to send goes on, but keeps its namespace for
# ever neither if the peer is silent nor if there is no way to it any more.
rest_of_a_block()
{
	fresh
	slow_engines && receive "$B" 5 "$TMP/out" quiet || return
	on "$A" ltp span set to 2 max-retries 2 || return
	send_and_close "$A" 300000 && under_way "$A" || return
	case $1 in
	link) ip -n "$A" link set a0 down ;;
	peer) ip -n "$B" link set b0 down && on "$A" ltp span set to 2 rate unlimited ;;
	esac || return
	give_up
	gone && reload
}

# A block that was delivered holds the closed socket, and its namespace, until
# its report is acknowledged or given up: none arrives here.
rest_of_a_report()
{
	fresh
	engines 4 && on "$B" ltp span set to 1 max-retries 10 &&
		tc -n "$B" qdisc add dev b0 root netem delay 10s &&
		receive "$B" 5 "$TMP/out" quiet && send_and_close "$A" 20000 && received || return
	[[ $(on "$B" ltp session) = *" state delivered "* ]] || return
	gone || return
	! idle || { echo "nothing holds the module"; return 1; }
	reload
}

span_deleted()
{
	fresh
	start || return
	on "$A" ltp span del to 2 || return
	sender_told 'cancelled by this engine' || return
	wait_for 5 no_sessions "$A" || return
	give_up
	reload
}

engine_deleted()
{
	fresh
	start || return
	on "$A" ltp engine del 1 || return
	sender_told 'cancelled by this engine' || return
	ENGINES=
	give_up
	reload
}

# The other side is gone without a word.
peer_deleted()
{
	fresh
	start || return
	on "$B" ltp engine del 2 || return
	sender_told 'limit was exceeded' || return
	give_up
	reload
}

peer_closed()
{
	fresh
	start || return
	kill -KILL "$RECEIVER"
	wait "$RECEIVER" 2> /dev/null
	sender_told 'cancelled by the receiver' || return
	wait_for 10 no_sessions "$A" "$B" && reload
}

# What cannot leave waits, for as long as somebody waits for it.
device_deleted()
{
	fresh
	start || return
	ip -n "$A" link del a0 || return
	wait_for 10 stack_refuses || return
	kill -0 "$SENDER" || return
	end KILL
	reload
}

stack_refuses()
{
	counters && [ "${CA[tx-dropped]}" -gt 1 ]
}

# Without a route for a while: nothing is lost that a route brings back.
link_down_and_up()
{
	fresh
	start && on "$A" ltp span set to 2 margin 1s && ip -n "$A" link set a0 down &&
		wait_for 10 stack_refuses || return
	ip -n "$A" link set a0 up && on "$A" ltp span set to 2 rate unlimited || return
	wait "$SENDER" || { cat "$TMP/send.log"; return 1; }
	received && cmp "$TMP/big" "$TMP/out" && reload
}

# Made and deleted while others send through them.
engines_come_and_go()
{
	local i

	fresh
	engines 4 && receive "$B" 5 "$TMP/out" forever quiet || return
	ip netns exec "$A" bash -c 'while :; do ltp send quiet timeout 1s "$1" 2:5; done' \
		bash "$TMP/small" > /dev/null 2>&1 &
	SENDER=$!
	PIDS+=("$SENDER")
	for i in {1..6}; do
		engines 4 || return
		[ $((i % 3)) -ne 0 ] || on "$A" ltp span del to 2 || return
	done
	kill "$SENDER"
	wait "$SENDER" 2> /dev/null
	give_up
	gone && reload
}

# rounds N: of load and unload, each with a transfer
rounds()
{
	local i

	for ((i = 0; i < $1; i++)); do
		insmod "$LTP_MODULE" || return
		[ $((i % 20)) -ne 0 ] || fresh
		# Those that were made before went with the module.
		ENGINES=
		engines 4 && receive "$B" 5 "$TMP/out" quiet &&
			send_each 5 "$TMP/small" && received || return
		# Namespaces go before it, or not.
		[ $((i % 20)) -ne 19 ] || gone || return
		idle || wait_for 10 idle || return
		rmmod ltp || return
	done
	gone 2> /dev/null
	true
}

# What is lost each time is lost again; what others took meanwhile is not.
load_and_unload()
{
	local before raw more raw_more

	unload || return
	rounds 10 || return
	for _ in {1..3}; do
		calm
		before=$(kernel_memory) raw=$(raw_memory)
		rounds "$ROUNDS" || return
		calm
		more=$(($(kernel_memory) - before)) raw_more=$(($(raw_memory) - raw))
		echo "after $ROUNDS rounds $more kB of kernel memory more, $raw_more kB in pages"
		[ $more -ge "$MORE" ] || [ $raw_more -ge "$RAW_MORE" ] || break
	done
	loaded
	is $more -lt "$MORE" "kB more" && is $raw_more -lt "$RAW_MORE" "kB in pages more"
}

# Where all memory is checked kmemleak sees what is lost.
ROUNDS=50
whole || ROUNDS=20
[ -z "${LTP_DEBUG-}" ] || ROUNDS=10
# What is measured is no surer than a few times 64 kB.
MORE=$((ROUNDS > 32 ? ROUNDS * 8 : 256)) RAW_MORE=$((ROUNDS > 32 ? ROUNDS * 24 : 800))
loaded || die "no module"
random_file "$TMP/big" 3000000
random_file "$TMP/small" 20000

check "a socket keeps the module" sockets_keep_the_module
check "a transfer keeps the module, its end does not" transfer_keeps_the_module
check "namespaces deleted under a transfer that is killed" namespaces_deleted KILL
check "namespaces deleted under a transfer that is interrupted" namespaces_deleted INT
check "namespaces deleted behind a transfer" namespaces_deleted_behind
check "a namespace deleted with the rest of a block, peer silent" rest_of_a_block peer
check "a namespace deleted with the rest of a block, no route" rest_of_a_block link
check "a namespace deleted with the rest of a report" rest_of_a_report
check "the span deleted" span_deleted
check "the sender's engine deleted" engine_deleted
check "the receiver's engine deleted" peer_deleted
check "the receiver killed" peer_closed
check "the device deleted" device_deleted
check "the link down and up again" link_down_and_up
check "engines come and go" engines_come_and_go
check "$((ROUNDS + 10)) times loaded and unloaded" load_and_unload
loaded
finish
