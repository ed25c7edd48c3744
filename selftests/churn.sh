#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Spans, engines, namespaces and the module go and come under traffic in both
# directions, LTP_CHURN times in all: 300, and 10,000 in "make soak".
#
#	 A            B
#	engine 1     engine 2
#	10.18.1.1    10.18.1.2
#	   a0 --veth-- b0

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

CHURN=${LTP_CHURN:-${LTP_SOAK:+10000}}
CHURN=${CHURN:-300}
# In one life of the namespaces and the module, on each side.
SPANS=12 ENGINES_OF_LIFE=3
MARGIN=100ms

# Sends blocks to ENGINE:5 as fast as it goes, and receives those of the other.
# No two are alike, and what arrives must be one of them.
cat > "$TMP/traffic.py" << 'END'
import ctypes
import itertools
import os
import struct
import sys
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)


def addr(engine):
    return struct.pack("=HHIQQ", 18, 0, 0, engine, 5)


def block(tag, n):
    one = struct.pack("<QQ", tag, n)
    return one * (1 + n * 37 % 3000)


def receive(log):
    fd = libc.socket(18, 4, 0)
    libc.bind(fd, addr(0), 24)
    buf = ctypes.create_string_buffer(1 << 17)
    got = 0
    while True:
        n = libc.recv(fd, buf, len(buf), 0)
        if n < 0:
            time.sleep(0.01)
            continue
        data = buf.raw[:n]
        if n < 16 or data != block(*struct.unpack("<QQ", data[:16])):
            log.write("a block of %d bytes that nobody sent\n" % n)
        got += 1
        if got % 10 == 1:
            log.write("got %d\n" % got)
        log.flush()


to = addr(int(sys.argv[1]))
log = open(sys.argv[2], "a")
threading.Thread(target=receive, args=(log,), daemon=True).start()
fd = libc.socket(18, 4, 0)
tag = os.getpid() << 32 | time.time_ns() & 0xffffffff
for n in itertools.count():
    data = block(tag, n)
    if libc.sendto(fd, data, len(data), 0x40, to, 24) < 0:
        time.sleep(0.01)
END

idle()
{
	[ "$(cat /sys/module/ltp/refcnt)" -eq 0 ]
}

exchanged()
{
	grep -q got "$TMP/a.log" && grep -q got "$TMP/b.log"
}

# churn_spans NS ENGINE REMOTE ADDRESS
churn_spans()
{
	# shellcheck disable=SC2016
	on "$1" sh -c 'for i in $(seq "$4"); do
			ltp span del to "$2" &&
			ltp span add to "$2" addr "$3" rate "$((i * 2))mbit" margin 100ms || exit
		done' sh "$2" "$3" "$4" "$SPANS"
}

churn_engines()
{
	# shellcheck disable=SC2016
	on "$1" sh -c 'for i in $(seq "$4"); do
			ltp engine del "$1" && ltp engine add "$1" &&
			ltp span add to "$2" addr "$3" rate unlimited margin 100ms || exit
		done' sh "$2" "$3" "$4" "$ENGINES_OF_LIFE"
}

# one_life N
one_life()
{
	local pids=() jobs=()

	grep -q '^ltp ' /proc/modules || insmod "$LTP_MODULE" || return
	A=ltp-a-$$-$1 B=ltp-b-$$-$1 ENGINES=
	topo_direct && engines 4 || return
	: > "$TMP/a.log"
	: > "$TMP/b.log"
	ip netns exec "$A" python3 "$TMP/traffic.py" 2 "$TMP/a.log" &
	pids+=($!)
	ip netns exec "$B" python3 "$TMP/traffic.py" 1 "$TMP/b.log" &
	pids+=($!)
	PIDS=("${pids[@]}")
	wait_for 30 exchanged || return
	if [ $(($1 % 2)) -eq 0 ]; then
		# Both sides at once: each meets what the other does.
		churn_spans "$A" 1 2 10.18.1.2 &
		jobs+=($!)
		churn_spans "$B" 2 1 10.18.1.1 && wait "${jobs[@]}" || return
		churn_engines "$A" 1 2 10.18.1.2 &
		jobs=($!)
		churn_engines "$B" 2 1 10.18.1.1 && wait "${jobs[@]}" || return
	else
		churn_spans "$A" 1 2 10.18.1.2 && churn_spans "$B" 2 1 10.18.1.1 &&
			churn_engines "$A" 1 2 10.18.1.2 &&
			churn_engines "$B" 2 1 10.18.1.1 || return
	fi
	N_SPANS=$((N_SPANS + 2 * SPANS))
	N_ENGINES=$((N_ENGINES + 2 * ENGINES_OF_LIFE))
	# What is sent now is under way when everything ends.
	: > "$TMP/a.log"
	: > "$TMP/b.log"
	wait_for 30 exchanged || return
	if [ $(($1 % 3)) -eq 0 ]; then
		ip netns del "$A" && ip netns del "$B" && NAMESPACES=()
		kill -KILL "${pids[@]}"
	else
		kill -KILL "${pids[@]}"
		ip netns del "$A" && ip netns del "$B" && NAMESPACES=()
	fi || return
	wait "${pids[@]}" 2> /dev/null
	PIDS=()
	N_NETNS=$((N_NETNS + 2))
	if grep -h nobody "$TMP/a.log" "$TMP/b.log"; then
		return 1
	fi
	wait_for 60 idle && rmmod ltp || return
	N_RMMOD=$((N_RMMOD + 1))
}

churn()
{
	local n

	for ((n = 0; N_SPANS + N_ENGINES + N_NETNS + N_RMMOD < CHURN; n++)); do
		one_life "$n" || return
	done
}

N_SPANS=0 N_ENGINES=0 N_NETNS=0 N_RMMOD=0
check "they go and come under traffic" churn
diag "$N_SPANS spans, $N_ENGINES engines, $N_NETNS namespaces deleted," \
	"the module unloaded $N_RMMOD times, in $SECONDS s"
grep -q '^ltp ' /proc/modules || insmod "$LTP_MODULE"
finish
