#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Files over a path that loses, reorders, duplicates and corrupts, and many
# sessions and sockets at once.
#
#	 A                        R                        B
#	engine 1               forwards                 engine 2
#	10.18.1.1       10.18.1.254 10.18.2.254         10.18.2.1
#	fd18:1::1       fd18:1::fe  fd18:2::fe          fd18:2::1
#	    a0 ----veth---- ra         rb ----veth---- b0
#	 tx-udp-            netem      netem
#	 segmentation off   gro off    gro off
#
# netem acts on buffers.  A cuts them up before they leave, so that one is
# one datagram; R counts those larger than the MTU.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

watch_buffers()
{
	on "$R" nft -f - <<-N
	table inet ltp {
		counter coalesced { }
		chain forward {
			type filter hook forward priority 0;
			meta length > 1500 counter name coalesced
		}
	}
	N
}

coalesced()
{
	on "$R" nft -j list counter inet ltp coalesced |
		jq '.nftables[] | select(.counter) | .counter.packets'
}

datagrams_alone()
{
	is "$(coalesced)" -eq 0 "buffers of several datagrams that netem saw"
}

sends_whole()
{
	receive "$B" 5 "$TMP/out" && send_each 5 "$TMP/f65536" && received ||
		{ give_up; return 1; }
	same_blocks "$TMP/out" "$TMP/f65536" &&
	is "$(coalesced)" -gt 0 "buffers of several datagrams in R"
}

# blocks FILE...: all at once, to one socket
blocks()
{
	receive "$B" 5 "$TMP/out" count $# && send_together 5 "$@" && received ||
		{ give_up; return 1; }
	same_blocks "$TMP/out" "$@"
}

# impaired NAME FAMILY NETEM WHAT SPAN-OPTION...: the files, and then whether
# WHAT says that the impairment happened
impaired()
{
	local name=$1 what=$4 bad=$T_BAD

	netem "$3" && engines "$2" "${@:5}" || die "$name: no engines"
	check "$name" blocks "${FILES[@]}"
	counters || die "$name: no counters"
	check "$name: happened" "$what"
	[ "$T_BAD" -eq "$bad" ] || say_counters | sed 's/^/# /'
}

lost()
{
	is "$(netem_dropped)" -gt 0 "datagrams lost" &&
	is $((${CA[rtx-segments]} + ${CA[rtx-checkpoints]} + ${CB[rtx-reports]})) -gt 0 \
		"segments sent again"
}

# The checkpoint overtakes data, and its report waits for that.
reordered()
{
	about "${CB[reports-delayed]}" -gt 0 "reports delayed" &&
	about "${CA[rtx-segments]}" -eq 0 "segments sent again"
}

duplicated()
{
	is "${CB[rx-duplicate-bytes]}" -gt 20000 "duplicate bytes"
}

corrupted()
{
	is "${CB[drop-checksum]}" -gt 10 "wrong checksums in B"
}

# --- many at once ---

# Blocks of one file, all sent before the first is reported.
sessions()
{
	local pid

	random_file "$TMP/in" $((50 << 14))
	receive "$B" 5 "$TMP/out" count 50 || return
	on "$A" ltp send quiet block 16K timeout 60s "$TMP/in" 2:5 &
	pid=$!
	wait_for 20 open_sessions 50 || {
		on "$A" ltp span show
		give_up "$pid" "$RECEIVER"
		return 1
	}
	wait "$pid" && received || { give_up; return 1; }
	same_pieces "$TMP/out" "$TMP/in" 16384
}

open_sessions()
{
	[ "$(span_field exports)" -ge "$1" ]
}

senders()
{
	local i files=()

	for ((i = 0; i < 50; i++)); do
		cut_file "$TMP/pool" $((20000 + i)) $((i * 997)) "$TMP/s$i"
		files+=("$TMP/s$i")
	done
	blocks "${files[@]}" && rm "${files[@]}"
}

# Each service has a socket of its own at either end.
services()
{
	local i pids=() rc=0

	for i in {11..18}; do
		receive "$B" "$i" "$TMP/out$i" quiet || return
		pids+=("$RECEIVER")
		cut_file "$TMP/pool" $((100000 + i)) $((i * 997)) "$TMP/s$i"
	done
	# shellcheck disable=SC2016
	on "$A" bash -c 'pids=() rc=0
		for i in {11..18}; do
			ltp send quiet timeout 60s "$0/s$i" "2:$i" &
			pids+=($!)
		done
		for p in "${pids[@]}"; do wait "$p" || rc=1; done
		exit $rc' "$TMP" ||
		{ give_up "${pids[@]}"; return 1; }
	for i in {11..18}; do
		received "${pids[i - 11]}" && cmp "$TMP/s$i" "$TMP/out$i" || rc=1
	done
	return $rc
}

topo_routed
random_file "$TMP/pool" $((8 << 20))
FILES=()
n=0
sizes=(1 1471 1472 1473 65535 65536 65537 $((1 << 20)))
[ -n "${LTP_DEBUG-}" ] || sizes+=($((4 << 20)))
for size in "${sizes[@]}"; do
	cut_file "$TMP/pool" "$size" $((n++ * 997)) "$TMP/f$size"
	FILES+=("$TMP/f$size")
done

if watch_buffers; then
	# Only what can happen can be found missing.
	engines 4 || die "no engines"
	check "without segmentation in A its buffers reach R whole" sends_whole
	on "$R" nft reset counters > /dev/null
fi
on "$A" ethtool -K a0 tx-udp-segmentation off || die "cannot segment in A"

# What is lost often must be tried often.
many=(max-retries 100)
if whole; then
	# So much that one datagram in a thousand is several.
	cat "$TMP/pool" "$TMP/f1048576" > "$TMP/large"
	FILES+=("$TMP/large")
	impaired "0.1 % lost" 4 "loss 0.1%" lost "${many[@]}"
	unset "FILES[-1]"
	impaired "1 % lost" 6 "loss 1%" lost "${many[@]}"
	impaired "10 % lost" 4 "loss 10%" lost "${many[@]}"
	impaired "30 % lost" 6 "loss 30%" lost "${many[@]}"
	impaired "reordered" 4 "delay 30ms 20ms" reordered owlt 30ms reorder 100ms \
		"${many[@]}"
	impaired "10 % duplicated" 6 "duplicate 10%" duplicated "${many[@]}"
	# netem flips a bit of what is linear, so have it all linear.
	on "$A" ethtool -K a0 sg off > /dev/null
	impaired "5 % corrupted" 4 "corrupt 5%" corrupted "${many[@]}"
	on "$A" ethtool -K a0 sg on > /dev/null
fi
on "$A" ethtool -K a0 sg off > /dev/null
impaired "5 % corrupted, IPv6" 6 "corrupt 5%" corrupted "${many[@]}"
on "$A" ethtool -K a0 sg on > /dev/null
impaired "all at once" 4 "delay 20ms 10ms loss 3% duplicate 3% corrupt 1%" lost \
	owlt 20ms "${many[@]}"

if whole; then
	# For as long as all of them take to begin.
	far=$((4 * ${LTP_SLOW:-1}))s
	netem "" "delay $far" && engines 4 owlt-out 0 owlt-in "$far" || die "no engines"
	check "50 sessions at once" sessions
	netem "loss 1%" && engines 6 "${many[@]}" || die "no engines"
	check "50 senders at once, 1 % lost" senders
	check "8 services at once, 1 % lost" services
fi

if [ -n "$(coalesced 2> /dev/null)" ]; then
	check "netem saw single datagrams only" datagrams_alone
else
	skip "netem saw single datagrams only" "no nftables"
fi
finish
