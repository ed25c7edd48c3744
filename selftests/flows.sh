#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A span of several flows: source ports, order, loss, changes on the way, the
# transmit queues they take, and where a reader has the softirq go.
#
#	 A                        R                        B
#	engine 1               forwards                 engine 2
#	10.18.1.1       10.18.1.254 10.18.2.254         10.18.2.1
#	    a0 ----veth---- ra         rb ----veth---- b0
#	 tx-udp-         counts    netem
#	 segmentation     ports
#	 off
#
#	 A                            B
#	engine 1                     engine 2
#	10.18.1.1                    10.18.1.2
#	   a0 tx 0-3 ----veth---- rx 0-3 b0
#	      xps_cpus                      rps_flow_cnt

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

count_ports()
{
	on "$R" nft -f - <<-N
	table inet ltp {
		set ahead { type inet_service; flags dynamic; size 64; }
		set back { type inet_service; flags dynamic; size 64; }
		chain forward {
			type filter hook forward priority 0;
			iifname ra udp dport 1113 add @ahead { udp sport }
			iifname rb udp dport 1113 add @back { udp sport }
		}
	}
	N
}

# ports SET: how many source ports there were since the last time
ports()
{
	on "$R" nft -j list set inet ltp "$1" |
		jq '[.nftables[] | select(.set) | .set.elem // [] | length] | add'
	on "$R" nft flush set inet ltp "$1"
}

# A's engine port is one of them, and always the first flow's.
ports_are()
{
	local n

	n=$(ports ahead)
	is "$n" -eq "$1" "source ports of data" || return
	n=$(ports back)
	is "$n" -eq "$2" "source ports of reports"
}

# blocks N: of different sizes, one after the other by one process each
blocks()
{
	local i files=()

	for ((i = 0; i < $1; i++)); do
		files+=("$TMP/f$i")
	done
	receive "$B" 5 "$TMP/out" count "$1" && send_together 5 "${files[@]}" && received ||
		{ give_up; return 1; }
	same_blocks "$TMP/out" "${files[@]}"
}

# one_file: as 32 blocks of 16 KiB
one_file()
{
	receive "$B" 5 "$TMP/out" count 32 quiet || return
	on "$A" ltp send quiet block 16K timeout 60s "$TMP/in" 2:5 && received ||
		{ give_up; return 1; }
	same_pieces "$TMP/out" "$TMP/in" 16384
}

in_order()
{
	counters || return
	about "${CA[rtx-segments]}" -eq 0 "segments sent again" &&
	about "${CB[rx-duplicate-bytes]}" -eq 0 "bytes received twice"
}

lost()
{
	counters || return
	is "$(netem_dropped)" -gt 0 "datagrams lost" &&
	is "${CA[rtx-segments]}" -gt 0 "segments sent again"
}

# The number of flows changes while blocks wait for the rate and for reports.
changing()
{
	local n pid rc=0

	on "$A" ltp span set to 2 rate 2mbit && receive "$B" 5 "$TMP/out" count 32 quiet || return
	on "$A" ltp send quiet block 16K timeout 60s "$TMP/in" 2:5 &
	pid=$!
	for n in 4 2 16 1 3; do
		on "$A" ltp span set to 2 flows "$n" &&
		on "$B" ltp span set to 1 flows "$n" || rc=1
		is "$(span_field flows)" -eq "$n" flows || rc=1
		sleep 0.1
	done
	kill -0 "$pid" 2> /dev/null || echo "# all was sent before the last change"
	on "$A" ltp span set to 2 rate unlimited || rc=1
	wait "$pid" && received || { give_up "$pid" "$RECEIVER"; return 1; }
	same_pieces "$TMP/out" "$TMP/in" 16384 && return $rc
}

# --- one hop: queues and CPUs ---

# Packets that each transmit queue of a0 carried: what its qdisc counts.
queues_used()
{
	tc -n "$A" -s -j qdisc show dev a0 |
		jq '[.[] | select(.parent) | select(.packets > 4)] | length'
}

# spread FLOWS: how many queues they take
spread()
{
	tc -n "$A" qdisc del dev a0 root
	tc -n "$A" qdisc replace dev a0 root handle 1: mq &&
	engines 4 flows "$1" && one_file || return
	QUEUES=$(queues_used)
}

one_queue()
{
	spread 1 && is "$QUEUES" -eq 1 "queues with packets"
}

# That 16 flows hash to one queue of four is as likely as 4^-15.
many_queues()
{
	spread 16 && is "$QUEUES" -gt 1 "queues with packets"
}

# Packets that each CPU took off its backlog.
softirqs()
{
	mapfile -t SOFTIRQS < <(while read -r n _; do echo $((16#$n)); done < /proc/net/softnet_stat)
}

# rps N: the CPUs, as a bit map, that receive what arrives at b0
rps()
{
	# shellcheck disable=SC2016
	on "$B" sh -c 'for q in /sys/class/net/b0/queues/rx-*; do
		printf %x "$1" > $q/rps_cpus || exit; done' sh "$1"
}

# shares FLOWS TIMES: what the CPUs' shares are of the packets of 32 blocks, of a
# sender on CPU 0, so many times with new ports: MOST and LEAST, in percent
shares()
{
	local -a was
	local i n all=0

	MOST=0 LEAST=100
	softirqs
	was=("${SOFTIRQS[@]}")
	for ((i = 0; i < $2; i++)); do
		engines 4 flows "$1" && receive "$B" 5 "$TMP/out" count 32 quiet || return
		on "$A" taskset -c 0 ltp send quiet block 16K timeout 60s "$TMP/in" 2:5 &&
			received || { give_up; return 1; }
		same_pieces "$TMP/out" "$TMP/in" 16384 || return
	done
	softirqs
	for i in "${!was[@]}"; do
		all=$((all + SOFTIRQS[i] - was[i]))
	done
	for i in "${!was[@]}"; do
		n=$(((SOFTIRQS[i] - was[i]) * 100 / all))
		[ $n -lt "$MOST" ] || MOST=$n
		[ $n -gt "$LEAST" ] || LEAST=$n
		echo "CPU $i: $((SOFTIRQS[i] - was[i])) of $all packets"
	done
}

one_cpu()
{
	shares 1 1 && about "$MOST" -ge 90 "percent on one CPU"
}

# Of 64 flows a CPU of two has less than a fifth once in ten million times.
all_cpus()
{
	shares 16 4 && about "$LEAST" -ge $((40 / cpus)) "percent on each CPU"
}

# Blocks of the ledger, read by splice(2), or of "ltp send", read by recvmsg(2):
# the reader runs on CPU $1; then the first block and the others are sent from
# CPU $2 and checked.

reader_splice()
{
	ledger new "$TMP/book" 64 x || return
	exec {READY}< <(exec ip netns exec "$B" taskset -c "$1" \
		ledger recv "$TMP/book" 5 4194304 splice)
	RECEIVER=$!
	PIDS+=("$RECEIVER")
	read -r -t $((20 * ${LTP_SLOW:-1})) -u "$READY" _
}

first_splice()
{
	on "$A" taskset -c "$2" ledger send "$TMP/book" 1 1 2:5 max 16384 timeout 60 &&
	wait_for 10 ledger check "$TMP/book" 1 1
}

others_splice()
{
	on "$A" taskset -c "$2" ledger send "$TMP/book" 2 64 2:5 max 16384 timeout 60 &&
	wait_for 10 ledger check "$TMP/book" 2 64
}

same_splice()
{
	kill "$RECEIVER" && received && exec {READY}<&- && ledger check "$TMP/book" 1 64
}

reader_recvmsg()
{
	rm -f "$TMP/out"
	ip netns exec "$B" taskset -c "$1" ltp recv timeout 30s count 32 quiet 5 "$TMP/out" &
	RECEIVER=$!
	PIDS+=("$RECEIVER")
	wait_for 10 exists "$TMP/out.??????"
}

first_read()
{
	[ "$(stat -c %s "$TMP"/out.??????)" -eq 16384 ]
}

first_recvmsg()
{
	on "$A" taskset -c "$2" ltp send quiet timeout 60s "$TMP/first" 2:5 &&
	wait_for 10 first_read
}

others_recvmsg()
{
	on "$A" taskset -c "$2" ltp send quiet block 16K timeout 60s "$TMP/rest" 2:5 && received
}

same_recvmsg()
{
	same_pieces "$TMP/out" "$TMP/in" 16384
}

# steered READER SENDER HOW: CPUs to run on, and how to read; the share of the
# reader's CPU in what both received, in percent
steered()
{
	local -a was

	"reader_$3" "$1" || return
	# What the reader has not read yet steers nothing.
	"first_$3" "$1" "$2" || { give_up; return 1; }
	softirqs
	was=("${SOFTIRQS[@]}")
	"others_$3" "$1" "$2" || { give_up; return 1; }
	softirqs
	# shellcheck disable=SC2004
	SHARE=$(((SOFTIRQS[$1] - was[$1]) * 100 /
		(SOFTIRQS[$1] - was[$1] + SOFTIRQS[$2] - was[$2])))
	echo "CPU $1, of the reader: $((SOFTIRQS[$1] - was[$1])) packets"
	echo "CPU $2, of the sender: $((SOFTIRQS[$2] - was[$2])) packets"
	"same_$3"
}

not_steered()
{
	steered 1 0 "$1" && about "$SHARE" -lt 40 "percent on the reader's CPU"
}

follows()
{
	steered "$1" "$2" "$3" && about "$SHARE" -gt 60 "percent on the reader's CPU"
}

topo_routed
random_file "$TMP/pool" $((4 << 20))
head -c $((512 << 10)) "$TMP/pool" > "$TMP/in"
head -c 16384 "$TMP/in" > "$TMP/first"
tail -c +16385 "$TMP/in" > "$TMP/rest"
for i in {0..7}; do
	cut_file "$TMP/pool" $((100000 + i)) $((i * 997)) "$TMP/f$i"
done
on "$A" ethtool -K a0 tx-udp-segmentation off || die "cannot segment in A"

if whole; then
	engines 4 flows 4 || die "no engines"
	nft=
	count_ports && nft=1
	check "4 flows: blocks arrive" one_file
	check "4 flows: in order" in_order
	if [ -n "$nft" ]; then
		check "4 flows: 4 source ports" ports_are 4 4
	else
		skip "4 flows: 4 source ports" "no nftables"
	fi

	engines 4 || die "no engines"
	check "1 flow by default: blocks arrive" one_file
	if [ -n "$nft" ]; then
		check "1 flow by default: 1 source port" ports_are 1 1
	else
		skip "1 flow by default: 1 source port" "no nftables"
	fi

	netem "loss 3%" && engines 6 flows 4 max-retries 100 || die "no engines"
	check "4 flows, 3 % lost: blocks arrive" blocks 8
	check "4 flows, 3 % lost: happened" lost

	netem "delay 30ms" && engines 4 owlt 30ms max-retries 100 || die "no engines"
	check "flows change while blocks are on their way" changing
fi

ip netns del "$A"
ip netns del "$B"
ip netns del "$R"
ENGINES=
topo_direct numtxqueues 4 numrxqueues 4
cpus=$(nproc)
if on "$A" test -e /sys/class/net/a0/queues/tx-3/xps_cpus; then
	for i in 0 1 2 3; do
		on "$A" sh -c "printf %x $(((1 << cpus) - 1)) > /sys/class/net/a0/queues/tx-$i/xps_cpus" ||
			die "no CPU map"
	done
	check "1 flow takes one of the queues that XPS allows" one_queue
	check "16 flows take several" many_queues
else
	skip "1 flow takes one of the queues that XPS allows" "a kernel without XPS"
	skip "16 flows take several" "a kernel without XPS"
fi

if [ "$cpus" -gt 1 ] && rps $(((1 << cpus) - 1)) 2> /dev/null; then
	check "1 flow's softirq is on one CPU" one_cpu
	check "16 flows' softirqs are on all" all_cpus
	rps 0
else
	skip "1 flow's softirq is on one CPU" "one CPU only"
	skip "16 flows' softirqs are on all" "one CPU only"
fi

rfs=/proc/sys/net/core/rps_sock_flow_entries
if [ "$cpus" -gt 1 ] && [ -e $rfs ]; then
	engines 4 || die "no engines"
	check "without flow steering the softirq is on the sender's CPU" not_steered recvmsg
	check "the same, read by splice" not_steered splice
	entries=$(cat $rfs)
	echo 1024 > $rfs &&
	on "$B" sh -c 'for q in /sys/class/net/b0/queues/rx-*; do
		echo 256 > $q/rps_flow_cnt || exit; done' || die "no flow steering"
	for how in recvmsg splice; do
		check "with it, on the reader's: CPU 1, $how" follows 1 0 $how
		check "with it, on the reader's: CPU 0, $how" follows 0 1 $how
	done
	echo "$entries" > $rfs
else
	for i in "without flow steering the softirq is on the sender's CPU" \
		"the same, read by splice" \
		"with it, on the reader's: CPU "{"1, recvmsg","0, recvmsg","1, splice","0, splice"}; do
		skip "$i" "one CPU only"
	done
fi
finish
