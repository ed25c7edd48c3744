#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# guest.sh PLATFORM SERIES...: runs in a guest (bench.sh): the measurements of
# each series, one thing varied at a time from the base: MTU 1500, blocks of
# 1 MiB, one session, no loss, bursts that cross whole.  A line for each run
# goes to /results/raw.  REPS is how often, MS the time of a stream.
#
# The paths:
#
#	whole	A a0 ---- b0 B		a0 takes bursts, and veth hands them over
#	gro	A a0 ---- b0 B		cut up before a0, joined again at b0
#	hop	A a0 ---- ra R rb ---- b0 B
#					cut up before a0, forwarded and maybe
#					lost one by one, joined again at b0
#	apart	as gro			but copied before a0, so that what
#					B holds is not what A holds
#	sink	A d0			takes bursts, and loses them
#	rfs	as whole		but each CPU has a queue, and what
#	rfgro	as gro			is received follows its reader
#
# In rfs and rfgro the n-th sender and the n-th receiver are on the n-th CPU.
# Else, with two CPUs, the sender and all that A receives is on CPU 0, the receiver and
# all that B receives on CPU 1, by RPS.  What is before that is on the sender's:
# the cutting, R, and GRO.

# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

platform=$1
shift
REPS=${REPS-}
MS=${MS:-700}
WMEM=$((0x1fffffff))	# the largest net.ltp.wmem
RMEM=$((1 << 30))	# and rmem
K=1024
M=1048576
G=$((1 << 30))
all=${WAYS:-red green gso mmsg tcp}
cpus=$(nproc)
bad=0
raw=/results/raw

case $platform in
icount) default_reps=2 default_bytes=$((32 * M)) ;;
# So that a run takes a tenth of a second
uml) default_reps=5 default_bytes=$((512 * M)) ;;
*) default_reps=5 default_bytes=0 ;;
esac

modprobe -aq udp_tunnel ip6_udp_tunnel veth dummy sch_netem
insmod "$LTP_MODULE" || die "no module"
sysctl -q -w net.core.netdev_max_backlog=100000 \
	net.ipv4.udp_mem="1000000 1000000 1000000" \
	net.ipv4.tcp_mem="1000000 1000000 1000000" \
	net.ltp.mem=$(($(getconf _PHYS_PAGES) * 3 / 4)) || die "no limits"
# Seconds after its start a system still has things to do.
[ "$platform" != icount ] || sleep 10

path_whole()
{
	topo_direct mtu "$1"
	on "$A" ethtool -K a0 tso on tx-udp-segmentation on > /dev/null &&
	on "$B" ethtool -K b0 gro off > /dev/null
}

# steer MTU: as many queues as CPUs, each CPU sends by its own, and what is
# received follows the reader
steer()
{
	local i all

	printf -v all %x $(((1 << cpus) - 1))
	topo_direct mtu "$1" numtxqueues "$cpus" numrxqueues "$cpus"
	# shellcheck disable=SC2016
	for ((i = 0; i < cpus; i++)); do
		on "$A" sh -c 'printf %x $((1 << $1)) > /sys/class/net/a0/queues/tx-$1/xps_cpus' \
			sh $i &&
		on "$B" sh -c 'cd /sys/class/net/b0/queues/rx-$1 &&
			echo $2 > rps_cpus && echo 256 > rps_flow_cnt' sh $i "$all" || return
	done
	echo 1024 > /proc/sys/net/core/rps_sock_flow_entries
}

path_rfs()
{
	steer "$1" &&
	on "$A" ethtool -K a0 tso on tx-udp-segmentation on > /dev/null &&
	on "$B" ethtool -K b0 gro off > /dev/null
}

path_rfgro()
{
	steer "$1" &&
	on "$A" ethtool -K a0 tso off tx-udp-segmentation off > /dev/null &&
	on "$B" ethtool -K b0 gro on > /dev/null
}

path_sink()
{
	topo_direct
	ip -n "$A" link add d0 type dummy && ip -n "$A" link set d0 mtu "$1" up &&
	ip -n "$A" addr add 10.18.3.1/24 dev d0 &&
	ip -n "$A" neigh add 10.18.3.2 lladdr 02:00:00:00:00:01 nud permanent dev d0 || return
	B4=10.18.3.2
}

path_gro()
{
	topo_direct mtu "$1"
	on "$A" ethtool -K a0 tso off tx-udp-segmentation off > /dev/null &&
	on "$B" ethtool -K b0 gro on > /dev/null
}

path_apart()
{
	path_gro "$1" && on "$A" ethtool -K a0 sg off > /dev/null
}

path_hop()
{
	topo_routed
	set_mtu "$1" && ip -n "$R" link set ra mtu "$1" && ip -n "$R" link set rb mtu "$1" &&
	on "$A" ethtool -K a0 tso off tx-udp-segmentation off > /dev/null &&
	# With TSO on, veth takes its peer's GRO to be of no use.
	on "$R" ethtool -K rb tso off > /dev/null &&
	on "$B" ethtool -K b0 gro on > /dev/null
}

# way PATH MTU: makes it, unless it is there
current=
way()
{
	local ns

	[ "$current" != "$1 $2" ] || return 0
	[ -z "$current" ] || { ip -all netns del; NAMESPACES=(); }
	"path_$1" "$2" || die "no path"
	if [ "$cpus" -gt 1 ] && [[ $1 != rf* ]]; then
		on "$A" sh -c 'echo 1 > /sys/class/net/a0/queues/rx-0/rps_cpus' &&
		on "$B" sh -c 'echo 2 > /sys/class/net/b0/queues/rx-0/rps_cpus' ||
			die "no RPS"
	fi
	for ns in "$A" "$B"; do
		on "$ns" sh -c "echo 4096 $WMEM $WMEM > /proc/sys/net/ltp/wmem &&
			echo 4096 $RMEM $RMEM > /proc/sys/net/ltp/rmem" || die "no buffers"
	done
	current="$1 $2"
	ENGINES=
}

# renew PATH MTU: the same, in any case
renew()
{
	[ -z "$current" ] || { ip -all netns del; NAMESPACES=(); }
	current=
	way "$1" "$2"
}

# measure SERIES PATH MTU BLOCK SESSIONS LOSS WAYS [OPTION...]
measure()
{
	local series=$1 path=$2 mtu=$3 block=$4 sessions=$5 loss=$6 ways=$7
	local how=() bytes=$default_bytes reps=${REPS:-$default_reps}

	shift 7
	way "$path" "${LINK_MTU:-$mtu}"
	[ "$path" != hop ] || netem "$([ "$loss" = 0 ] || echo "loss $loss%")" ||
		die "no netem"
	engines 4 flows "${FLOWS:-1}" || die "no engines"
	[ "$block" -gt 4096 ] || bytes=$((bytes / 8))
	[ "$block" -le "$bytes" ] || bytes=$block
	if [ "$cpus" -gt 1 ] || { [ "$platform" = uml ] && [ "$loss" != 0 ]; }; then
		how=(-t "$MS")
	fi
	[ -z "${STREAM-}" ] || how=(-t "$MS")
	[ "$loss" = 0 ] || how+=(-l 1)
	echo "# $series: $path, MTU $mtu, blocks of $block, $sessions sessions, $loss % loss"
	# shellcheck disable=SC2086
	bench -s $((mtu - 28)) -b "$block" -c "$sessions" -n "$bytes" -r "$reps" \
		"${how[@]}" "$@" "$A" "$B" "$B4" $ways > "$TMP/out" || bad=1
	sed "s/^/series=$series path=$path mtu=$mtu block=$block sessions=$sessions loss=$loss what=/" \
		"$TMP/out" | tee -a "$raw"
}

series_base()
{
	measure base whole 1500 $M 1 0 "$all"
}

series_path()
{
	measure path gro 1500 $M 1 0 "$all"
}

series_mtu()
{
	local mtu

	for mtu in 1280 9000 65535; do
		measure mtu whole $mtu $M 1 0 "$all"
	done
}

series_block()
{
	local block

	for block in $((4 * K)) $((64 * K)) $((64 * M)); do
		measure block whole 1500 $block 1 0 "$all"
	done
}

# 64 KiB of each session's block in its turn, so that all are open at once.
series_sessions()
{
	local n

	for n in 1 8 1000; do
		measure sessions whole 1500 $((256 * K)) $n 0 "$all" -p $((64 * K))
	done
}

series_loss()
{
	local loss

	for loss in 0 0.1 1 5; do
		measure loss hop 1500 $M 1 $loss "$all"
	done
}

# Of one block: how it grows.
series_curve()
{
	local block loss

	for loss in 0 5; do
		for block in $((64 * K)) $((256 * K)) $M $((4 * M)) $((16 * M)) \
				$((64 * M)) $((256 * M)) $((1024 * M)); do
			[ -z "${CURVE_MAX-}" ] || [ "$block" -le "$CURVE_MAX" ] || continue
			REPS=1 measure curve hop 1500 $block 1 $loss red
		done
	done
}

# All of one flow on one CPU, and of two on two.
series_flows()
{
	local path n

	if [ "$cpus" -eq 1 ]; then
		echo "# flows: two CPUs only"
		return
	fi
	for path in rfs rfgro; do
		for n in 1 2; do
			FLOWS=$n measure flows $path 1500 $M $n 0 "red tcp" -f $n
		done
	done
	echo 0 > /proc/sys/net/core/rps_sock_flow_entries
}

# Copying, or referring to, the sender's memory, by size of segment: the sender
# alone, and both ends.  Smaller segments than the kernel likes are copied anyhow.
# Where time is measured, also blocks of more than caches hold.
series_zerocopy()
{
	local segment mtu block blocks=$M

	[ "$platform" = icount ] || blocks="$M $((64 * M))"
	for block in $blocks; do
		for segment in 512 1472 4096 8192 8972 16000 32000 40000 48000 56000 65507; do
			mtu=$((segment + 28))
			LINK_MTU=65535 measure copy sink $mtu "$block" 1 0 green -o 1
			LINK_MTU=65535 measure refer sink $mtu "$block" 1 0 green -o 1 -z 1
		done
	done
	for segment in 1472 8972 32000 65507; do
		mtu=$((segment + 28))
		LINK_MTU=65535 measure copy whole $mtu $M 1 0 red
		LINK_MTU=65535 measure refer whole $mtu $M 1 0 red -z 1
	done
}

# A file in memory: read and sent, or sendfile(), by size of segment, the sender
# alone and both ends; received and written, or splice().
series_file()
{
	local segment mtu

	if [ "$cpus" -gt 1 ]; then
		echo "# file: one CPU only"
		return
	fi
	for segment in 1472 4096 8972 16000 32000 65507; do
		mtu=$((segment + 28))
		LINK_MTU=65535 measure readsend sink $mtu $M 1 0 green -o 1 -e 1
		LINK_MTU=65535 measure sendfile sink $mtu $M 1 0 green -o 1 -e 2
		LINK_MTU=65535 measure readsend whole $mtu $M 1 0 red -e 1
		LINK_MTU=65535 measure sendfile whole $mtu $M 1 0 red -e 2
		LINK_MTU=65535 measure recvfile whole $mtu $M 1 0 red -i 1
		LINK_MTU=65535 measure splice whole $mtu $M 1 0 red -i 2
	done
}

# The link to the Moon, and TCP for as long as AF_LTP and for ten times as long.
series_moon()
{
	local moon seconds

	moon=$(dirname "$0")/../moon.sh
	modprobe -q tcp_bbr
	# Programs that come from the host take as long as that likes: not now.
	"$moon" 1 > /dev/null
	for seconds in 13 130; do
		"$moon" $seconds > "$TMP/out" || bad=1
		sed -n "s/^\(# \)\?\(AF_LTP: \|TCP \)/$seconds s: \2/p" "$TMP/out" |
			sort -u | tee -a /results/moon
	done
}

cue()
{
	on "$B" ltp span cue to 1 "$1" || die "no cue"
}

# Memory of what is received and not read; of 1 GiB in flight, sent and not
# claimed; of sessions that hold a byte each; and of one block of 1 GiB on its way,
# lost and sent again.
series_memory()
{
	local path loss what

	# Buffers behind GRO are charged with more than they take.
	sysctl -q -w net.ltp.mem=$((2 * $(getconf _PHYS_PAGES))) || die "no limit"
	for path in whole gro; do
		for what in $all; do
			measure_held unread $path $M 32 1 "$what"
		done
	done
	for path in whole gro apart; do
		measure_held inflight $path $M 1024 8 red
		measure_held session $path 1 10000 1 red
	done
	for path in hop apart; do
		for loss in 0 5; do
			[ $path = hop ] || [ $loss = 0 ] || continue
			renew $path 1500
			REPS=1 measure peak $path 1500 $G 1 $loss red -m 1
		done
	done
}

# Engine 2 says nothing, and engine 1 knows.
silence()
{
	on "$A" ltp span cue to 2 remote-stop && on "$B" ltp span cue to 1 local-stop
}

# measure_held SERIES PATH BLOCK BLOCKS SOCKETS WHAT: each in new namespaces, as
# old ones keep pages for a while.
measure_held()
{
	local r

	for ((r = 0; r < ${REPS:-2}; r++)); do
		renew "$2" 1500
		engines 4 || die "no engines"
		[ "$1" = unread ] || silence || die "no cues"
		bench -b "$3" -h "$4" -c "$5" -m 1 "$A" "$B" "$B4" "$6" > "$TMP/out" || bad=1
		sed "s/^/series=$1 path=$2 mtu=1500 block=$3 sessions=$4 loss=0 what=/" \
			"$TMP/out" | tee -a "$raw"
	done
}

for s; do
	"series_$s"
done
ip -all netns del
NAMESPACES=()
# Namespaces go after a while.
for ((n = 0; n < 100; n++)); do
	rmmod ltp 2> /dev/null && break
	sleep 0.1
done
FINISHED=1
exit $bad
