#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Things end on one CPU in the moment in which another is about to use them.
# Delay points in the module (net/ltp/delay.h) have these moments last until the
# other has come.
#
#	 A            B
#	engine 1     engine 2
#	10.18.1.1    10.18.1.2
#	   a0 --veth-- b0
#
# Who is held up in a softirq holds up his CPU: where there is but one, only those
# moments are met in which one may sleep.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

DELAYS=/sys/kernel/debug/ltp-delays
POLL=0.02
# Of what ends by itself, the kernel looks at the memory again after that.
FREED=7

# delay NAME SECONDS: how long it may last; 0 ends it
delay()
{
	echo "$1 $(($2 * 1000000))" > $DELAYS
}

# delayed NAME [TIMES]: it is under way now, TIMES were begun since it was set
delayed()
{
	local name _ begun now

	while read -r name _ begun now; do
		[ "$name" != "$1" ] || break
	done < $DELAYS
	[ "$name" = "$1" ] && [ "$begun" -ge "${2-1}" ] && [ "$now" -gt 0 ]
}

no_delays()
{
	local name _

	[ -e $DELAYS ] || return 0
	while read -r name _; do
		delay "$name" 0
	done < <(cat $DELAYS)
}

# A fresh pair of namespaces, with engines.
fresh()
{
	local ns

	for ns in "${NAMESPACES[@]}"; do
		ip netns del "$ns" 2> /dev/null
	done
	NAMESPACES=() ENGINES=
	N=$((${N-0} + 1))
	A=ltp-a-$$-$N B=ltp-b-$$-$N
	topo_direct && engines 4
}

idle()
{
	[ "$(cat /sys/module/ltp/refcnt)" -eq 0 ]
}

# The kernel said nothing bad since the test began.
silent()
{
	local bad

	bad=$(dmesg | tail -n +"$FROM" |
		grep -aE 'BUG|WARNING|KASAN|Oops|still has objects|Objects remaining')
	[ -z "$bad" ] && return
	echo "$bad"
	return 1
}

# Everything goes, the module too, and nothing was in use.
all_gone()
{
	local ns

	no_delays
	for ns in "${NAMESPACES[@]}"; do
		on "$ns" sh -c 'ltp engine del 1; ltp engine del 2' 2> /dev/null
		ip netns del "$ns"
	done
	NAMESPACES=() ENGINES=
	if grep -q '^ltp ' /proc/modules; then
		wait_for 60 idle && rmmod ltp || return
	fi
	silent
}

# window NAME COMMAND...: with a fresh module
window()
{
	local name=$1

	shift
	grep -q '^ltp ' /proc/modules || insmod "$LTP_MODULE" || die "no module"
	FROM=$(($(dmesg | wc -l) + 1))
	check "$name" both fresh "$@"
	[ ${#NAMESPACES[@]} -eq 0 ] || all_gone > /dev/null 2>&1
}

both()
{
	"$1" && "${@:2}" && all_gone
}

# send_on CPU FILE [OPTION...]: from A to B, in the background
SENDER=
send_on()
{
	ip netns exec "$A" taskset -c "$1" ltp send quiet "${@:3}" "$2" 2:5 2> "$TMP/send.log" &
	SENDER=$!
	PIDS+=("$SENDER")
}

# under_way NS: there is a session in NS
under_way()
{
	local said

	said=$(on "$1" ltp -j session) && [ "$said" != '[]' ]
}

# --- what is tested ------------------------------------------------------

# A work is queued for a span that was alive a moment ago.
work_queued_late()
{
	local first del

	on "$A" ltp span cue to 2 local-stop || return
	send_on 0-1 "$TMP/small"
	first=$SENDER
	wait_for 20 under_way "$A" && delay run 15 &&
		on "$A" ltp span cue to 2 local-start &&
		wait_for 10 delayed run && delay resume 15 || return
	# That one waits behind the first, and wakes the work for both.
	send_on 0-1 "$TMP/small"
	wait_for 10 delayed resume || return
	on "$A" ltp span del to 2 &
	del=$!
	sleep 0.5
	delay run 0
	wait $del || return
	# The work that is queued now runs when the span is not there any more.
	delay run $((FREED + 5))
	delay resume 0
	wait_for 5 delayed run || echo "it was not queued"
	wait "$SENDER" "$first"
	sleep $FREED
	delay run 0
	no_sessions "$A"
}

# A segment is about to wait for the link when its span is deleted: B refuses
# the rest of a block as its reader dies.
held_late()
{
	on "$A" ltp span set to 2 rate 80kbit && receive "$B" 5 "$TMP/out" quiet || return
	send_on 0-1 "$TMP/big"
	wait_for 20 under_way "$B" && ip -n "$A" link set a0 down && delay hold 15 || return
	kill -KILL "$RECEIVER"
	wait_for 10 delayed hold && on "$B" ltp span cue to 1 local-stop &&
		on "$B" ltp span del to 1 || return
	delay hold 0
	wait "$RECEIVER" 2> /dev/null
	kill -KILL "$SENDER"
	no_sessions "$B"
}

# ends_in POINT WHAT: while traffic is held up at POINT again and again, WHAT
# ends
ends_in()
{
	local point=$1 i

	throw_away "$B" 5 || return
	ip netns exec "$A" sh -c 'while :; do ltp send quiet timeout 1s "$1" 2:5; done' \
		sh "$TMP/small" > /dev/null 2>&1 &
	SENDER=$!
	PIDS+=("$SENDER")
	on "$A" ltp span set to 2 rate 800kbit || return
	for i in 1 2 3; do
		echo "$point 200000" > $DELAYS
		wait_for 10 begun "$point" || return
		case $i in
		1) on "$A" ltp span del to 2 && on "$B" ltp span del to 1 ;;
		2) on "$A" ltp engine del 1 && on "$B" ltp engine del 2 && ENGINES= ;;
		3) break ;;
		esac || return
		delay "$point" 0
		engines 4 && on "$A" ltp span set to 2 rate 800kbit || return
	done
	# And namespaces, under those that are in use.
	ip netns del "$A" && ip netns del "$B" && NAMESPACES=() || return
	kill -KILL "$SENDER" "$RECEIVER"
	pkill -KILL -x ltp
	wait "$SENDER" "$RECEIVER" 2> /dev/null
	true
}

# begun POINT: a delay began there
begun()
{
	local name begun _

	while read -r name _ begun _; do
		[ "$name" != "$1" ] || break
	done < $DELAYS
	[ "$name" = "$1" ] && [ "$begun" -gt 0 ]
}

grep -q '^ltp ' /proc/modules || insmod "$LTP_MODULE" || die "no module"
mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
[ -e $DELAYS ] || skip_all "the module has no delay points"
random_file "$TMP/small" 40000
random_file "$TMP/big" 500000
# Timers stay where they were armed.
[ ! -e /proc/sys/kernel/timer_migration ] || echo 0 > /proc/sys/kernel/timer_migration
taskset -cp 0 $$ > /dev/null

window "a work queued for a span that is being deleted" work_queued_late
window "an answer held back for a span that is being deleted" held_late
# Who holds up the only CPU in a softirq meets nobody.
points=(run resume)
[ "$(nproc --all)" -eq 1 ] || points+=(pacer xmit input insert close hold timer-tail timer-end)
for point in "${points[@]}"; do
	window "everything ends under traffic that is held up: $point" ends_in $point
done
[ ! -e /proc/sys/kernel/timer_migration ] || echo 1 > /proc/sys/kernel/timer_migration
grep -q '^ltp ' /proc/modules || insmod "$LTP_MODULE"
finish
