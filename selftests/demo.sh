#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# demo.sh: a file goes to the Moon, by LTP, and by TCP for comparison.  "make
# demo" runs it in a guest; as root it runs on any machine that has ltp.ko.
# Fails if the file does not arrive as it was sent.
#
#	earth                   space                    moon
#	engine 1                                         engine 2
#	10.0.1.1           10.0.1.2  10.0.2.2            10.0.2.1
#	  earth0 ---- veth ---- down0  up0 ---- veth ---- moon0
#
# Space delays by 1.3 s in each direction and loses datagrams.  It is a
# namespace of its own because netem acts on whole buffers: here the bursts
# arrive as single datagrams, cut by the device earth0.

set -u -o pipefail

LIGHT=1300ms		# from here to the Moon
LOSS=2%			# of the datagrams, each way
RATE=100mbit		# what LTP sends, without headers of UDP and below
LINK=110mbit		# what the link carries, headers and all
SIZE=$((32 << 20))	# bytes of the file, at least
QUEUE=2			# the transmit queue that the XPS map names

T=$(mktemp -d) || exit
NAMESPACES="earth space moon"
status=0

cleanup()
{
	local p n

	for p in $(jobs -p); do
		kill "$p" 2> /dev/null
	done
	wait 2> /dev/null
	for n in $NAMESPACES; do
		ip netns del "$n" 2> /dev/null
	done
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

die()
{
	echo "demo: $*" >&2
	exit 1
}

title()
{
	printf '\n== %s\n\n' "$*"
}

# on NS COMMAND...: shows and runs it
on()
{
	printf '  %s# %s\n' "$1" "${*:2}"
	ip netns exec "$@" || die "that failed"
}

in_ns()
{
	ip netns exec "$@"
}

# Tenths are enough, and processes are dear on an emulated machine: results
# of these go to REPLY.
mib()
{
	local tenths=$(($1 * 10 / 1048576))

	REPLY=$((tenths / 10)).$((tenths % 10))
}

# Milliseconds on some clock
now()
{
	REPLY=$((${EPOCHREALTIME/[.,]/} / 1000))
}

# --- the network ---------------------------------------------------------

# configure NS DEV ADDR NEIGHBOUR MAC
configure()
{
	ip -n "$1" addr add "$3/24" dev "$2" && ip -n "$1" link set "$2" up &&
	ip -n "$1" neigh add "$4" lladdr "$5" dev "$2" nud permanent
}

network()
{
	local n

	for n in $NAMESPACES; do
		ip netns add "$n" && ip -n "$n" link set lo up || return
	done
	ip link add earth0 netns earth address 02:00:00:00:01:01 numtxqueues 4 \
		numrxqueues 4 type veth peer name down0 netns space \
		address 02:00:00:00:01:02 &&
	ip link add moon0 netns moon address 02:00:00:00:02:01 numtxqueues 4 \
		numrxqueues 4 type veth peer name up0 netns space \
		address 02:00:00:00:02:02 || return
	# Nobody asks for a neighbour's address over seconds of light time.
	configure earth earth0 10.0.1.1 10.0.1.2 02:00:00:00:01:02 &&
	configure space down0 10.0.1.2 10.0.1.1 02:00:00:00:01:01 &&
	configure space up0 10.0.2.2 10.0.2.1 02:00:00:00:02:01 &&
	configure moon moon0 10.0.2.1 10.0.2.2 02:00:00:00:02:02 &&
	ip -n earth route add default via 10.0.1.2 &&
	ip -n moon route add default via 10.0.2.2 &&
	in_ns space sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward' || return

	# The devices at both ends cut bursts, as a network card does; NAPI GRO
	# joins datagrams again at the ends, and not in space.
	for n in earth moon; do
		in_ns $n ethtool -K ${n}0 tx-udp-segmentation off tso off gro on > /dev/null || return
	done
	in_ns space ethtool -K up0 gro off tso off > /dev/null &&
	in_ns space ethtool -K down0 gro off tso off > /dev/null || return
	# A millisecond more to wait for company is nothing beside 1.3 s.
	in_ns moon sh -c 'echo 1000000 > /sys/class/net/moon0/gro_flush_timeout'
}

impairment()
{
	on space tc qdisc add dev up0 root netem delay $LIGHT loss $LOSS \
		rate $LINK limit 200000
	on space tc qdisc add dev down0 root netem delay $LIGHT loss $LOSS \
		rate $LINK limit 200000
}

# All processors send through one of four queues.
steering()
{
	local cpus map=/sys/class/net/earth0/queues/tx-$QUEUE/xps_cpus

	cpus=$(printf '%x' $(((1 << $(nproc)) - 1)))
	on earth tc qdisc add dev earth0 root handle 1: mq
	on earth sh -c "echo $cpus > $map"
}

# --- the file ------------------------------------------------------------

# This machine's kernel and as many of its other files as it takes.
make_file()
{
	find -L /boot "/lib/modules/$(uname -r)/kernel" /usr/lib -type f -size +64k \
		-printf '%s %p\n' 2> /dev/null |
		awk -v size=$SIZE 'sum < size { sum += $1; sub(/^[0-9]+ /, ""); print }' |
		tee "$T/list" | tr '\n' '\0' | xargs -0 cat > "$T/earth"
	[ "$(stat -c %s "$T/earth")" -ge $SIZE ] || die "not enough files for $SIZE bytes"
}

# --- looking on ----------------------------------------------------------

TRACING=/sys/kernel/tracing
BURSTS=$TRACING/events/ltp/ltp_burst
RECEIVED=$TRACING/events/ltp/ltp_receive

# Has the kernel count how many segments the buffers hold.
histograms()
{
	[ -d $TRACING/events ] || mount -t tracefs tracefs $TRACING
	echo 'hist:keys=segs:vals=bytes if engine == 1 && err == 0' > $BURSTS/trigger &&
	echo 'hist:keys=datagrams:vals=bytes if engine == 2' > $RECEIVED/trigger
}

# summary HIST WHAT: of the buffers with more than one segment; the others
# are reports, acknowledgments, and what was missing here and there.
summary()
{
	[ -r "$1" ] || return
	awk -v what="$2" '
	/^{/ {
		gsub(/[{},:a-z]/, " ")
		if ($1 > 1) { n += $2; segs += $1 * $2; bytes += $3 }
		else single += $2
		if ($1 > most) most = $1
	}
	END {
		printf "  %s:\n    %d of a single segment\n", what, single
		if (n)
			printf "    %d of %.1f segments and %d bytes on average, %d segments at most\n",
			       n, segs / n, bytes / n, most
	}' "$1"
}

# Bytes by queue; fails if they did not take the one that the map names.
queues()
{
	local chosen

	chosen=$(in_ns earth ltp -j -d span show to 2 | jq '.[0]["tx-queue"]')
	echo "  Earth, the span's transmit queue: $chosen"
	in_ns earth tc -s class show dev earth0 | awk '
		/^class mq/ { sub(/.*:/, "", $3); queue = $3 - 1 }
		/Sent/ { printf "    queue %d: %d bytes\n", queue, $2 }'
	[ "$chosen" = $QUEUE ]
}

# word NAME LINE: the number behind NAME
word()
{
	[[ $2 =~ (^| )$1\ ([0-9]+) ]] && REPLY=${BASH_REMATCH[2]} || REPLY=0
}

# row MS BYTES...
row()
{
	local n cells=()

	for n in "${@:2}"; do
		mib "$n"
		cells+=("$REPLY MiB")
	done
	printf '%6d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100))
	printf '%16s' "${cells[@]}"
	echo
}

# table START PID: what is under way, until the sender ends
table()
{
	local earth moon t length claimed again seen='' shown=''

	printf '%10s%16s%16s%16s%16s\n' time 'handed over' claimed 'sent again' 'on the Moon'
	while kill -0 "$2" 2> /dev/null; do
		earth=$(in_ns earth ltp session)
		moon=$(in_ns moon ltp session)
		now
		t=$((REPLY - $1))
		if [ -z "$earth" ]; then
			[ -z "$seen" ] || break
			continue
		fi
		seen=1
		word length "$earth"
		length=$REPLY
		word "done" "$earth"
		claimed=$REPLY
		word retransmitted "$earth"
		again=$REPLY
		word "done" "$moon"
		row $t "$length" "$claimed" "$again" "$REPLY"
		if [ -z "$shown" ] && [ $t -gt 2000 ]; then
			shown=1
			printf '\n  earth# ltp session\n  %s\n  moon# ltp session\n  %s\n\n' \
				"$earth" "$moon"
		fi
		sleep 0.5
	done
}

# --- the transfers -------------------------------------------------------

by_ltp()
{
	local start sender receiver

	echo "  moon# ltp recv 5 FILE &"
	in_ns moon ltp recv timeout 100s 5 "$T/moon" 2> "$T/received" &
	receiver=$!
	until compgen -G "$T/moon.*" > /dev/null; do
		kill -0 $receiver 2> /dev/null || die "the receiver does not run"
		sleep 0.1
	done
	printf '  earth# ltp send FILE 2:5\n\n'
	echo "  The program hands data over; the Moon's reports claim what arrived; what"
	echo "  they leave out is sent again.  Nothing waits for an answer meanwhile."
	echo
	now
	start=$REPLY
	in_ns earth ltp send timeout 100s "$T/earth" 2:5 2> "$T/sent" &
	sender=$!
	table "$start" $sender
	wait $sender || status=1
	now
	TOOK=$((REPLY - start))
	[ $status -eq 0 ] || kill $receiver
	wait $receiver || status=1
	printf '\n  earth: %s\n  moon:  %s\n' "$(< "$T/sent")" "$(< "$T/received")"
}

by_tcp()
{
	local seconds=$((TOOK / 1000 + 1)) receiver got

	: > "$T/tcp"
	in_ns moon socat -u TCP-LISTEN:7777 "OPEN:$T/tcp" 2> /dev/null &
	receiver=$!
	sleep 0.5
	in_ns earth timeout $seconds socat -u "OPEN:$T/earth" TCP:10.0.2.1:7777 2> /dev/null
	kill $receiver 2> /dev/null
	got=$(stat -c %s "$T/tcp")
	echo "  After $seconds s, $got of $(stat -c %s "$T/earth") bytes are on the Moon."
}

# --- the show ------------------------------------------------------------

modprobe -q -a veth sch_netem 2> /dev/null
grep -q '^ltp ' /proc/modules ||
	insmod "${LTP_MODULE:-$(dirname "$0")/../net/ltp/ltp.ko}" || die "no module"

title "A link to the Moon: $LIGHT of light time and $LOSS loss each way, $LINK"
echo "  What is sent arrives 1.3 s later or not at all; an answer takes 2.6 s."
echo
network || die "no network"
impairment
make_file
in_ns earth ping -q -c 3 -i 0.5 10.0.2.1 | sed -n 's/^rtt/  ping: rtt/p'

title "XPS on Earth: every processor transmits by queue $QUEUE of 4"
steering

title "An LTP engine at each end, and what it knows of the other"
on earth ltp engine add 1
on earth ltp span add to 2 addr 10.0.2.1 owlt $LIGHT rate $RATE
on moon ltp engine add 2
on moon ltp span add to 1 addr 10.0.1.1 owlt $LIGHT rate $RATE
histograms || echo "  (no tracing here)"

mib "$(stat -c %s "$T/earth")"
title "The kernel and other files, $REPLY MiB, sent as one block"
by_ltp

title "What arrived"
(cd "$T" && sha256sum earth moon) | sed 's/^/  /'
cmp "$T/earth" "$T/moon" || status=1

title "How it went through the kernels: many segments at a time, by one queue"
summary "$BURSTS/hist" "Earth, buffers handed to IP"
summary "$RECEIVED/hist" "Moon, buffers received"
queues || status=1

title "The same file by TCP ($(< /proc/sys/net/ipv4/tcp_congestion_control)), over the same link, for as long"
by_tcp

printf '\n(took %d s) ' $SECONDS
[ $status -ne 0 ] || echo "The file is on the Moon."
[ $status -eq 0 ] || echo "Something went wrong."
exit $status
