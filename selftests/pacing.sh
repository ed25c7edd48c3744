#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The rate of a span: what arrives in a second is what it says, whether fq
# spaces the bursts or the pacer does, and from the moment it is changed.  In
# virtual time (uml.sh -T) this is exact.
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
	counters_into CB "$B" 2 && echo "${CB[rx-bytes]} ${EPOCHREALTIME/[.,]/}"
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

# holds RATE SECONDS: within 2 % of it, in Mbit/s
holds()
{
	local got want=$(($1 * 125000))

	on "$A" ltp span set to 2 rate "$1mbit" || return
	sleep 0.1	# fq has what was handed down at the old rate
	got=$(measured "$2")
	diag "$1 Mbit/s: $got bytes a second, $((got * 10000 / want - 10000)) in 10,000 off" >&3
	is "$got" -ge $((want * 98 / 100)) "bytes a second" &&
	is "$got" -le $((want * 102 / 100)) "bytes a second"
}

exec 3>&1
topo_direct
for qdisc in fq none; do
	[ $qdisc = none ] || tc -n "$A" qdisc add dev a0 root fq || die "no fq"
	[ $qdisc = fq ] || tc -n "$A" qdisc del dev a0 root
	engines 4 || die "no engines"
	on "$A" ltp span set to 2 rate 1mbit
	flood || die "no flood"
	for r in 1 10 100 1000 3; do
		check "$qdisc, $r Mbit/s" holds "$r" $((r < 1000 ? 3 : 1))
	done
	kill "${PIDS[@]}"
	wait "${PIDS[@]}"
	PIDS=()
done
finish
