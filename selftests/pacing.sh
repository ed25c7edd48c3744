#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The rate of a span: what arrives in a second is what it says, whether fq
# spaces the bursts or the pacer does, and from the moment it is changed, but for
# what fq was given for 4 ms at the old one.  In virtual time (uml.sh -T) this is
# exact.
#
#	 A                   B
#	engine 1          engine 2
#	10.18.1.1         10.18.1.2
#	    a0 ----veth---- b0
#	    fq, or none

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# A block that never ends, and its reader.
flood()
{
	throw_away "$B" 5 || return
	ip netns exec "$A" ltp send quiet block 1M /dev/zero 2:5 &
	PIDS+=($!)
}

# rx_bytes: of engine 2, and when, in µs
rx_bytes()
{
	counters_into CB "$B" 2 && echo "${CB[rx-bytes]} $(microseconds)"
}

# measured SECONDS: bytes a second that arrive in the next SECONDS
measured()
{
	local a b

	read -ra a < <(rx_bytes)
	sleep "$1"
	read -ra b < <(rx_bytes)
	echo $(((b[0] - a[0]) * 1000000 / (b[1] - a[1])))
}

# throttled: how often fq held a flow back.  It has two fields of that name, of
# which jq takes the last, as it should be.
throttled()
{
	tc -n "$A" -s -j qdisc show dev a0 | jq '.[0].throttled // 0'
}

# from_now_on RATE OLD: in Mbit/s.  In the 5 ms after the change there may be,
# besides what RATE carries, what fq got ahead of its time at the rate before,
# for 4 ms, and a burst of either.
from_now_on()
{
	local a b most=$(($1 * 125 * 5 + $2 * 125 * 4 + 2 * 1472 + ($1 + $2) * 125))

	read -ra a < <(rx_bytes)
	on "$A" ltp span set to 2 rate "$1mbit" || return
	sleep 0.005
	read -ra b < <(rx_bytes)
	is $((b[1] - a[1])) -lt 5500 "µs since the change" || return
	diag "$2 to $1 Mbit/s: $((b[0] - a[0])) bytes in the first 5 ms, $most at most" >&3
	is $((b[0] - a[0])) -le "$most" "bytes in the first 5 ms"
}

# holds RATE OLD SECONDS: within 2 % of it, in Mbit/s
holds()
{
	local got want=$(($1 * 125000)) before

	from_now_on "$1" "$2" || return
	before=$(throttled)
	got=$(measured "$3")
	diag "$1 Mbit/s: $got bytes a second, $((got * 10000 / want - 10000)) in 10,000 off" >&3
	is "$got" -ge $((want * 98 / 100)) "bytes a second" &&
	is "$got" -le $((want * 102 / 100)) "bytes a second" || return
	before=$(($(throttled) - before))
	diag "throttled $before times" >&3
	[ $qdisc = none ] || is "$before" -gt 0 "times that fq held it back"
}

exec 3>&1
topo_direct
for qdisc in fq none; do
	[ $qdisc = none ] || tc -n "$A" qdisc add dev a0 root fq || die "no fq"
	[ $qdisc = fq ] || tc -n "$A" qdisc del dev a0 root
	engines 4 || die "no engines"
	on "$A" ltp span set to 2 rate 1mbit
	flood || die "no flood"
	old=1
	for r in 1 10 100 1000 3; do
		check "$qdisc, $r Mbit/s" holds "$r" $old $((r < 1000 ? 3 : 1))
		old=$r
	done
	kill "${PIDS[@]}"
	wait "${PIDS[@]}"
	PIDS=()
done
finish
