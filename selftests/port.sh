#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One port, one socket: nobody else can have the port of an engine, who makes
# spans does not matter, and thousands of them cost no more than one.
#
#	+--- one namespace ---+
#	|  engine 1           |
#	|  127.0.0.0/8, lo    |
#	+---------------------+

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# Checkers take memory and time; they look for other things.
N=10000 DATAGRAMS=1000
[ ! -e /sys/kernel/debug/kmemleak ] || N=500 DATAGRAMS=50

# refused TEXT ARGUMENT...: ltp fails and says so
refused()
{
	! ltp "${@:2}" 2> "$TMP/e" || { echo "ltp ${*:2} succeeded"; return 1; }
	grep -q "$1" "$TMP/e" && return
	echo "ltp ${*:2}:"
	cat "$TMP/e"
	return 1
}

# binds FAMILY ADDRESS: status 0 if a program that shares its port may bind ours
binds()
{
	python3 - "$@" <<-'E'
	import socket, sys
	s = socket.socket(getattr(socket, sys.argv[1]), socket.SOCK_DGRAM)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	try:
	    s.bind((sys.argv[2], 1113))
	except OSError as e:
	    sys.exit(e.strerror)
	E
}

programs()
{
	local a

	ltp engine add 1 && ltp span add to 2 addr 127.0.0.1 port 9 rate 1mbit || return
	for a in "AF_INET 0.0.0.0" "AF_INET 127.0.0.1" "AF_INET 127.0.0.5" "AF_INET6 ::" "AF_INET6 ::1"; do
		# shellcheck disable=SC2086
		! binds $a 2> "$TMP/e" || { echo "$a: bound"; return 1; }
		grep -q 'in use' "$TMP/e" || { cat "$TMP/e"; return 1; }
	done
	ltp engine del 1 && binds AF_INET 0.0.0.0
}

# A program that was first keeps what is its own.
program_first()
{
	local pid

	python3 - "$TMP/bound" <<-'E' &
	import socket, sys, time
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
	s.bind(("127.0.0.1", 1113))
	open(sys.argv[1], "w").close()
	time.sleep(1000)
	E
	pid=$!
	PIDS+=("$pid")
	wait_for 20 test -e "$TMP/bound" && refused 'port.* in use' engine add 1 &&
		refused 'port.* in use' engine add 1 local 127.0.0.1 &&
		ltp engine add 1 local 127.0.0.2 && ltp engine del 1 || return
	kill "$pid"
	wait "$pid" 2> /dev/null
	PIDS=()
	ltp engine add 1 && ltp engine del 1
}

engines()
{
	ltp engine add 1 && refused 'port.* in use by .*engine' engine add 2 &&
		refused 'in use by .*engine' engine add 2 local 127.0.0.1 &&
		refused 'in use by .*engine' engine add 2 local ::1 &&
		ltp engine add 2 port 1114 && ltp engine del 2 && ltp engine del 1 &&
		ltp engine add 1 local 127.0.0.1 && ltp engine add 2 local 127.0.0.2 &&
		ltp engine add 3 local ::1 && refused 'in use by .*engine' engine add 4 &&
		ltp engine del 1 && ltp engine del 2 && ltp engine del 3
}

# UDP sockets that receive
sockets()
{
	sed -s 1d /proc/net/udp /proc/net/udp6 | wc -l
}

# What is refused has not been there.
twice()
{
	ltp engine add 1 && ltp span add to 2 addr 127.0.0.1 port 9 rate 1mbit flows 4 || return
	is "$(sockets)" -eq 5 "sockets that receive" &&
		refused 'there is a span' span add to 2 addr 127.0.0.2 rate 1mbit flows 4 &&
		is "$(sockets)" -eq 5 "sockets that receive" &&
		ltp span set to 2 flows 1 && is "$(sockets)" -eq 2 "sockets that receive" &&
		ltp span set to 2 flows 2 && ltp span del to 2 && ltp engine del 1 &&
		wait_for 10 test "$(sockets)" -eq 0
}

# An engine of one user, its spans of others and of the kernel itself
others()
{
	"${NOBODY[@]}" unshare -U -r -n sh -c 'ip link set lo up && ltp engine add 1 &&
		echo 3 > /proc/sys/net/ltp/accept_unknown && echo > "$1" && exec sleep 1000' \
		sh "$TMP/shared/ready" &
	PIDS+=($!)
	wait_for 20 test -e "$TMP/shared/ready" || return
	# Root's UID is not theirs.
	nsenter -t "${PIDS[0]}" -n ltp span add to 2 addr 127.0.0.1 port 9 rate 1mbit &&
		# A whole red block of engine 77, session 1, for service 5
		nsenter -t "${PIDS[0]}" -n python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(bytes([3, 77, 1, 0, 5, 0, 1, 9, 0]) + b"x", ("127.0.0.1", 1113))' || return
	wait_for 20 eval 'nsenter -t "${PIDS[0]}" -n ltp span show to 77 | grep -q "addr 127.0.0.1"'
	kill "${PIDS[@]}"
	wait "${PIDS[@]}" 2> /dev/null
	PIDS=()
}

# spans add|del FROM TO: lines of a batch for so many of the engines
spans()
{
	local i

	for ((i = $2 + 2; i < $3 + 2; i++)); do
		if [ "$1" = add ]; then
			echo "span add to $i addr 127.1.$((i >> 8)).$((i & 255)) rate 1mbit"
		else
			echo "span del to $i"
		fi
	done
}

# Best of some rounds: how long datagrams of the first span's peer take, each by
# itself, in nanoseconds for all
receive()
{
	python3 - "$DATAGRAMS" <<-'E'
	import socket, sys, time
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(("127.1.0.2", 0))
	s.connect(("127.0.0.1", 1113))
	# Green data of engine 2, the end of a block of one byte for a service of nobody
	d = bytes([7, 2, 1, 0, 5, 0, 1]) + b"x"
	def once():
	    t = time.perf_counter_ns()
	    for i in range(int(sys.argv[1])):
	        s.send(d)
	    return time.perf_counter_ns() - t
	print(min(once() for i in range(15)))
	E
}

available()
{
	sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo
}

# within SECONDS SINCE WHAT
within()
{
	local ms=$((($(microseconds) - $2) / 1000))

	figure "$3: $ms ms"
	about "$ms" -le $(($1 * 1000 * ${LTP_SLOW:-1})) "$3, ms"
}

# Told whether the test passes or not
figure()
{
	diag "$*" >&3
}
exec 3>&1

thousands()
{
	local one mem t n ns=0 had=1

	ltp engine add 1 || return
	mem=$(available)
	spans add 0 1 > "$TMP/add"
	ltp -batch "$TMP/add" && one=$(receive) || return
	figure "$DATAGRAMS datagrams with 1 span: $((one / 1000)) us"
	for n in 500 2000 10000; do
		[ "$n" -le "$N" ] || continue
		spans add $had $n > "$TMP/add"
		t=$(microseconds)
		ltp -batch "$TMP/add" && within 60 "$t" "$((n - had)) spans made" || return
		ns=$(receive) had=$n
		figure "$DATAGRAMS datagrams with $n spans: $((ns / 1000)) us"
	done
	figure "memory of a span: $(((mem - $(available)) * 1024 / N)) bytes"
	t=$(microseconds)
	n=$(ltp span | wc -l)
	is "$n" -eq "$N" "spans shown" && within 30 "$t" "$N spans shown" || return
	t=$(microseconds)
	ltp engine del 1 && within 2 "$t" "engine of $N spans deleted" || return
	ltp engine add 1 || return
	spans add 0 "$N" > "$TMP/add"
	spans del 0 "$N" > "$TMP/del"
	t=$(microseconds)
	ltp -batch "$TMP/add" && within 60 "$t" "$N spans made" || return
	t=$(microseconds)
	ltp -batch "$TMP/del" && within 20 "$t" "$N spans deleted one by one" || return
	# A machine that others use is slow at times, so both are measured again.
	ltp -batch "$TMP/add" && n=$(receive) && ltp engine del 1 || return
	[ "$n" -gt "$ns" ] || ns=$n
	ltp engine add 1 && spans add 0 1 > "$TMP/add" && ltp -batch "$TMP/add" &&
		n=$(receive) || return
	[ "$n" -gt "$one" ] || one=$n
	figure "$DATAGRAMS datagrams at best: $((one / 1000)) us with 1 span," \
		"$((ns / 1000)) with $N"
	about $((ns * 9)) -le $((one * 10)) "ninths of the time with $N spans"
}

# Traffic of all peers while their spans come and go
busy()
{
	local i

	spans add 0 100 | sed '2~3s/$/ flows 3/' > "$TMP/add"
	spans del 0 100 > "$TMP/del"
	ltp engine add 1 || return
	python3 - <<-'E' &
	import socket
	peers = []
	for i in range(2, 102):
	    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	    s.bind(("127.1.0.%d" % i, 0))
	    s.connect(("127.0.0.1", 1113))
	    peers.append((i, s))
	n = 0
	while True:
	    n = n % 127 + 1
	    for i, s in peers:
	        # A whole red block, the middle of one, a cancellation of none
	        for d in ([3, i, n, 0, 5, 0, 1, 9, 0, 88], [0, i, n, 0, 5, 9, 1, 88], [12, i, n, 0, 0]):
	            try:
	                s.send(bytes(d))
	            except ConnectionRefusedError:
	                pass
	E
	PIDS+=($!)
	for ((i = 0; i < 10; i++)); do
		ltp -batch "$TMP/add" && ltp -batch "$TMP/del" || return
	done
	ltp -batch "$TMP/add" && ltp engine del 1 && ltp engine add 1 && ltp -batch "$TMP/add" || return
	kill "${PIDS[@]}"
	wait "${PIDS[@]}" 2> /dev/null
	PIDS=()
	ltp engine del 1 && is "$(ltp session | wc -l)" -eq 0 "sessions left"
}

# What a test left that failed is not there for the next.
clean()
{
	local i

	for i in "${PIDS[@]}"; do
		kill "$i" && wait "$i"
	done 2> /dev/null
	PIDS=()
	for i in 1 2 3 4; do
		ltp engine del "$i" 2> /dev/null
	done
}

# alone NAME FUNCTION
alone()
{
	check "$@"
	clean
}

# Everything happens in one namespace: this script moves there.
if [ -z "${LTP_INSIDE-}" ]; then
	FINISHED=1
	rm -rf "$TMP"
	LTP_INSIDE=1 exec unshare -n "$0"
fi
ip link set lo up
NOBODY=(setpriv --reuid 65534 --regid 65534 --clear-groups)
chmod 711 "$TMP"
mkdir -m 777 "$TMP/shared"

alone "other programs on the port" programs
alone "a program that was first" program_first
alone "two engines on one port" engines
alone "a span that is there already" twice
if "${NOBODY[@]}" unshare -U -r true 2> /dev/null; then
	alone "spans made by others" others
else
	skip "spans made by others" "user namespaces are not to be had here"
fi
alone "thousands of spans" thousands
alone "traffic while spans come and go" busy
finish
