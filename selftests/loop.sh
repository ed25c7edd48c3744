#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An engine that sends to itself: both ends of a session have the same ID.
#
#	+-- A --------+
#	|  engine 1   |
#	|  127.0.0.1  |
#	|  lo, netem  |
#	+-------------+

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# itself SERVICE OPTION...: of sending
itself()
{
	local service=$1 green=()

	shift
	[ "${1-}" != green ] || green=(green)
	receive "$A" "$service" "$TMP/out" quiet "${green[@]}" &&
	on "$A" ltp send quiet timeout 30s "$@" "$TMP/in" "1:$service" && received &&
	cmp "$TMP/in" "$TMP/out" || { give_up; return 1; }
}

both()
{
	itself 5 && itself 6 green || return
	wait_for 10 no_sessions "$A"
}

# Of so many segments some are lost for sure.
lossy()
{
	random_file "$TMP/in" 500000
	on "$A" ltp span set to 1 max-retries 100 &&
	tc -n "$A" qdisc add dev lo root netem loss 5% limit 10000 || return
	itself 5 burst-limit 1 && wait_for 60 no_sessions "$A" || return
	counters_into CA "$A" 1 && is "${CA[rtx-segments]}" -gt 0 "segments sent again" || return
	tc -n "$A" qdisc del dev lo root
}

# Its CR comes back to the end that sends.
refused()
{
	local said

	! said=$(on "$A" ltp send quiet timeout 30s "$TMP/in" 1:9 2>&1) || return
	echo "$said"
	counters_into CA "$A" 1 && is "${CA[rx-cancels]}" -gt 0 "cancellations received" &&
		is "${CA[rx-cancel-acks]}" -gt 0 "acknowledgments of them received"
}

new_namespaces "$A"
ip -n "$A" link set lo up && ip -n "$A" link set lo mtu 1500 &&
	on "$A" ltp engine add 1 &&
	on "$A" ltp span add to 1 addr 127.0.0.1 rate unlimited margin 200ms || die "no engine"
random_file "$TMP/in" 100000

check "red and green, to itself" both
check "to itself, 5 % lost" lossy
check "cancelled by itself" refused
finish
