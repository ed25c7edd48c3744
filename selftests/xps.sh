#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The transmit queue of a span is the one that the device's XPS map names, by
# CPU or by receive queue, and stays it.
#
#	 A                            B
#	engine 1                     engine 2
#	10.18.1.1                    10.18.1.2
#	   a0 tx 0-3 ----veth---- rx 0-3 b0
#	      rx 0-3 ------------ tx 0-3
#	      xps_cpus, xps_rxqs     xps_cpus

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# xps NS DEV FILE MASK...: the map of each transmit queue, from the first
xps()
{
	local ns=$1 dev=$2 file=$3

	shift 3
	# shellcheck disable=SC2016
	on "$ns" bash -c 'n=0; for m in "${@:2}"; do
			echo "$m" > "$1-$((n++))/$0" || exit
		done' "$file" "/sys/class/net/$dev/queues/tx" "$@"
}

# Packets that each transmit queue of a0 carried: what its qdisc counts.
tx_queues()
{
	tc -n "$A" -s -j qdisc show dev a0 |
		jq -r '[.[] | select(.parent)] | sort_by(.parent)[] | .packets'
}

# Packets that each receive queue of b0 took: veth's own statistics.
rx_queues()
{
	on "$B" ethtool -S b0 | sed -n 's/ *rx_queue_[0-9]*_xdp_packets: //p'
}

# transfer CPU: sent from there; leaves the queues' packets behind
transfer()
{
	local tx rx now i

	mapfile -t tx < <(tx_queues)
	mapfile -t rx < <(rx_queues)
	receive "$B" 5 "$TMP/out" quiet &&
	on "$A" taskset -c "$1" ltp send quiet timeout 30s "$TMP/in" 2:5 &&
	received || { give_up; return 1; }
	mapfile -t now < <(tx_queues)
	for i in "${!now[@]}"; do
		TX[i]=$((now[i] - tx[i]))
	done
	mapfile -t now < <(rx_queues)
	for i in "${!now[@]}"; do
		RX[i]=$((now[i] - rx[i]))
	done
	cmp "$TMP/in" "$TMP/out"
}

chosen()
{
	local queue

	queue=$(span_field tx-queue)
	test "$queue" = "$1" && return
	echo "tx-queue of the span: $queue, expected $1"
	return 1
}

# most QUEUE PACKETS...: QUEUE has all but what other protocols may send
most()
{
	local queue=$1 i sum=0

	shift
	for i; do
		sum=$((sum + i))
	done
	echo "packets by queue: $*"
	is "$sum" -ge 100 packets && is "${@:queue+1:1}" -ge $((sum - 5)) "packets of queue $queue"
}

# by_cpu CPU QUEUE
by_cpu()
{
	local name="CPU $1 is mapped to queue $2"

	engines 4 || die "no engines"
	check "$name: transfer" transfer "$1"
	check "$name: the span uses it" chosen "$2"
	check "$name: a0 carried it there" most "$2" "${TX[@]}"
	check "$name: b0 received it there" most "$2" "${RX[@]}"
}

topo_direct numtxqueues 4 numrxqueues 4
on "$A" test -e /sys/class/net/a0/queues/tx-3/xps_rxqs || skip_all "a kernel without XPS"
# Only NAPI keeps receive queues apart.  Packets are to be single ones.
{ on "$A" ethtool -K a0 tso off tx-udp-segmentation off gro on &&
  on "$B" ethtool -K b0 tso off tx-udp-segmentation off gro on; } > /dev/null ||
	die "no GRO"
tc -n "$A" qdisc replace dev a0 root handle 1: mq || die "no mq"
random_file "$TMP/in" $((512 << 10))
TX=() RX=()
cpus=$(nproc)
all=$(printf %x $(((1 << cpus) - 1)))

xps "$A" a0 xps_cpus 0 0 1 2 || die "no CPU map"
by_cpu 0 2
if [ "$cpus" -gt 1 ]; then
	by_cpu 1 3
	xps "$A" a0 xps_cpus 2 1 0 0
	by_cpu 1 0
	# An idle flow may go where its CPU is mapped to now.
	check "an idle flow moves: transfer" transfer 0
	check "an idle flow moves: the span uses the other queue" chosen 1
	check "an idle flow moves: a0 carried it there" most 1 "${TX[@]}"
else
	skip "CPU 1 is mapped to queue 3" "one CPU only"
fi

# veth leaves the number of its peer's transmit queue where drivers write that
# of their receive queue plus one: B's queue 3 is receive queue 2 in A.
xps "$A" a0 xps_cpus 0 0 0 0 && xps "$A" a0 xps_rxqs 0 4 0 0 &&
xps "$B" b0 xps_cpus 0 0 0 "$all" || die "no receive queue map"
engines 4 || die "no engines"
v="receive queue 2 is mapped to queue 1"
check "$v: first transfer" transfer 0
check "$v: second transfer" transfer 0
check "$v: the span uses it" chosen 1
check "$v: a0 carried it there" most 1 "${TX[@]}"
check "$v: b0 received it there" most 1 "${RX[@]}"

# The receive queue counts before the CPU.
xps "$A" a0 xps_cpus "$all" 0 0 0 || die "no CPU map"
check "both maps: transfer" transfer 0
check "both maps: the span uses the receive queue's" chosen 1
check "both maps: a0 carried it there" most 1 "${TX[@]}"
finish
