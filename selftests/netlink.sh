#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The ltp tool and netlink behind it: what is wrong is said in one line, what
# is shown can be given back, JSON is JSON, and changes need the right to.
#
#	+--- one namespace ---+
#	|  engines 1, 2, ...  |
#	|  127.0.0.1, lo      |
#	+---------------------+

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# said STATUS TEXT ARGUMENT...: ltp ends with STATUS, prints nothing, and says
# one line that matches TEXT.
said()
{
	local status=$1 text=$2 rc lines

	shift 2
	ltp "$@" > "$TMP/o" 2> "$TMP/e" < /dev/null
	rc=$?
	mapfile -t lines < "$TMP/e"
	if [ $rc -eq "$status" ] && [ ! -s "$TMP/o" ] && [ ${#lines[@]} -eq 1 ] &&
	   [[ ${lines[0]} =~ $text ]]; then
		return
	fi
	echo "ltp $*: status $rc, expected $status and \"$text\":"
	cat "$TMP/o" "$TMP/e"
	return 1
}

# each STATUS: lines "TEXT | ARGUMENTS" from standard input
each()
{
	local bad=0 text line words

	while IFS='|' read -r text line; do
		read -ra words <<< "$line"
		said "$1" "${text% }" "${words[@]}" || bad=1
	done
	return $bad
}

usage()
{
	each 2 <<-'E'
	unknown command "planet": write engine | planet
	unknown command "s": write | s
	unknown option "-x" | -x engine
	engine: unknown command "make": write | engine make 1
	ID is missing | engine add
	"0" is wrong: write a number from 1 | engine add 0
	"x" is wrong | engine add x
	"-1" is wrong | engine add -1
	"18446744073709551616" is wrong | engine add 18446744073709551616
	unknown "colour": write local | engine add 1 colour red
	local is missing | engine add 1 local
	local "1.2.3" is wrong | engine add 1 local 1.2.3
	local "fd00::g" is wrong | engine add 1 local fd00::g
	port "0" is wrong | engine add 1 port 0
	port "65536" is wrong | engine add 1 port 65536
	port was given before | engine add 1 port 5 port 6
	max-imports "0" is wrong | engine add 1 max-imports 0
	nothing to set | engine set 1
	unknown "port" | engine set 1 port 5
	nothing may follow | engine show 1 2
	to is missing | span add addr 10.0.0.1 rate unlimited
	addr is missing | span add to 2 rate unlimited
	rate is missing.*unlimited | span add to 2 addr 10.0.0.1
	to "0" is wrong | span add to 0 addr 10.0.0.1 rate unlimited
	rate "100" is wrong | span add to 2 addr 10.0.0.1 rate 100
	rate "fast" is wrong | span add to 2 addr 10.0.0.1 rate fast
	owlt "5" is wrong: write a time | span add to 2 addr 10.0.0.1 rate 1mbit owlt 5
	owlt "-5s" is wrong | span add to 2 addr 10.0.0.1 rate 1mbit owlt -5s
	owlt-in was given before | span add to 2 owlt 1s owlt-in 1s addr 10.0.0.1 rate 1mbit
	margin "1y" is wrong | span add to 2 addr 10.0.0.1 rate 1mbit margin 1y
	max-retries "0" is wrong | span add to 2 addr 10.0.0.1 rate 1mbit max-retries 0
	max-retries "1001" is wrong | span add to 2 addr 10.0.0.1 rate 1mbit max-retries 1001
	segment-size "65508" is wrong | span add to 2 addr 10.0.0.1 rate 1mbit segment-size 65508
	segment-size "big" is wrong | span add to 2 addr 10.0.0.1 rate 1mbit segment-size big
	burst-limit "x" is wrong | span add to 2 addr 10.0.0.1 rate 1mbit burst-limit x
	no-discretionary "yes" is wrong | span add to 2 addr 10.0.0.1 rate 1mbit no-discretionary yes
	gap-reports "1" is wrong: write on or off | span set to 2 gap-reports 1
	burst-adapt "1" is wrong: write on or off | span set to 2 burst-adapt 1
	reorder "20" is wrong: write a time | span set to 2 reorder 20
	redundancy "0" is wrong: write a number from 1 to 16 | span set to 2 redundancy 0
	redundancy "17" is wrong | span set to 2 redundancy 17
	flows "0" is wrong: write a number from 1 to 16 | span set to 2 flows 0
	flows "17" is wrong | span set to 2 flows 17
	max-sessions "-1" is wrong | span set to 2 max-sessions -1
	max-sessions "4294967296" is wrong | span set to 2 max-sessions 4294967296
	max-inflight "big" is wrong: write bytes | span set to 2 max-inflight big
	max-imports "x" is wrong | span set to 2 max-imports x
	max-problems "1.5" is wrong | span set to 2 max-problems 1.5
	max-cycles is missing | span set to 2 max-cycles
	max-cycles was given before | span set to 2 max-cycles 1 max-cycles 1
	unknown "learned" | span set to 2 learned on
	remote engine is missing | span cue local-stop
	the cue is missing: write local-stop | span cue to 2
	unknown "stop": write local-stop | span cue to 2 stop
	nothing may follow | span cue to 2 local-stop local-start
	which session: write | session cancel
	which session: write | session cancel engine 1 to 2 export
	which session: write | session cancel engine 1 to 2 number 5
	number "x" is wrong | session cancel engine 1 to 2 export number x
	nothing may follow | session cancel engine 1 to 2 export number 5 now
	nothing to set | span set to 2
	remote engine is missing | span set rate 1mbit
	unknown "addr" | span set to 2 addr 10.0.0.1
	remote engine is missing | span del
	unknown "rate" | span del to 2 rate 1mbit
	unknown "from" | session show from 2
	FILE is missing | send
	is missing: write a destination | send /dev/null
	"2" is wrong: write ENGINE:SERVICE | send /dev/null 2
	"0:5" is wrong | send /dev/null 0:5
	"2:0" is wrong | send /dev/null 2:0
	nothing may follow | send /dev/null 2:5 more
	block "0" is wrong | send block 0 /dev/null 2:5
	timeout "soon" is wrong | send timeout soon /dev/null 2:5
	is missing | recv
	wrong | recv 0 -
	E
}

refused()
{
	ltp engine add 1 local 127.0.0.1 || return
	each 1 <<-'E'
	there is an engine of this ID | engine add 1 port 2000
	no engine of this ID | engine del 7
	no engine of this ID | engine set 7 max-imports 5
	no engine of this ID | engine show 7
	no engine of this ID | span add engine 7 to 2 addr 127.0.0.1 rate 1mbit
	no span to this engine | span del to 9
	no span to this engine | span set to 9 rate 1mbit
	no span to this engine | span show to 9
	address of the other family | span add to 2 addr ::1 rate 1mbit
	margin cannot be 0 | span add to 2 addr 127.0.0.1 rate 1mbit margin 0
	at most 7 days | span add to 2 addr 127.0.0.1 rate 1mbit owlt 8d
	at most 7 days | span add to 2 addr 127.0.0.1 rate 1mbit margin 169h
	at least 1000 bytes | span add to 2 addr 127.0.0.1 rate 7999bit
	128 to | span add to 2 addr 127.0.0.1 rate 1mbit segment-size 127
	at most a minute | span add to 2 addr 127.0.0.1 rate 1mbit reorder 61s
	no span to this engine | span cue to 9 local-stop
	no engine of this ID | span cue engine 7 to 2 local-stop
	no such session | session cancel engine 1 to 2 export number 5
	no such session | session cancel engine 1 to 2 import number 5
	an engine ID is missing | session cancel export number 5
	an engine ID is missing | session cancel engine 1 import number 5
	cannot bind | engine add 2 local 192.0.2.1 port 3000
	cannot bind | engine add 2 local 192.0.2.1
	no span leads to engine 2 | send /etc/passwd 2:5
	is empty | send /dev/null 2:5
	No such file | send /nonexistent 2:5
	E
	ltp span add to 2 addr 127.0.0.1 port 2001 rate 1mbit &&
	said 1 'there is a span to this engine' span add to 2 addr 127.0.0.1 rate 1mbit &&
	ltp engine add 2 local 127.0.0.1 port 2001 &&
	said 1 'several engines: name one' span del to 2 &&
	said 1 'several engines: name one' span add to 3 addr 127.0.0.1 rate 1mbit &&
	ltp engine del 1 && ltp engine del 2 &&
	said 1 'there is no engine yet' span add to 3 addr 127.0.0.1 rate 1mbit &&
	# Nothing of what was refused is there.
	is "$(ltp engine show | wc -l)" -eq 0 "engines" &&
	is "$(ltp span show | wc -l)" -eq 0 "spans"
}

# A line that was shown makes again what it showed.
give_back()
{
	local what=$1 add=$2 del=$3 line again

	# shellcheck disable=SC2086
	{
		ltp $what add $add && line=$(ltp $what show $del) && ltp $what del $del &&
		ltp $what add $line && again=$(ltp $what show $del) && ltp $what del $del
	} || return
	is "$again" = "$line" "$what"
}

round_trip()
{
	local a

	for a in "1" "18446744073709551615 local ::1 port 65535 max-imports 4294967295" \
		"2 local 127.0.0.1 port 1"; do
		give_back engine "$a" "${a%% *}" || return
	done
	ltp engine add 1 || return
	for a in "addr ::1 port 65535 rate unlimited" \
		"addr 127.0.0.1 rate 8001bit owlt-out 1ns owlt-in 7d margin 1ns" \
		"addr 127.0.0.1 rate 33.333333mbit owlt 1.300000001s margin 168h max-retries 1000" \
		"addr 127.0.0.1 rate 1tbit segment-size 128 burst-limit 4294967295 no-discretionary on" \
		"addr ::1 rate 1mbit reorder 1min redundancy 16 max-sessions 4294967295 gap-reports on burst-adapt on" \
		"addr ::1 rate 1mbit flows 16" \
		"addr ::1 rate 1mbit reorder 0s max-inflight 18446744073709551615 max-imports 1" \
		"addr ::1 rate 1mbit max-problems 4294967295 max-cycles 3 max-inflight 32M"; do
		give_back span "engine 1 to 9 $a" "engine 1 to 9" || return
	done
	ltp engine del 1
}

changed()
{
	local was

	ltp engine add 1 max-imports 7 &&
	ltp span add to 2 addr 127.0.0.1 rate 1mbit owlt 3s margin 2s max-retries 4 &&
	ltp engine set 1 max-imports 9 || return
	is "$(ltp -j engine | jq '.[0]["max-imports"]')" -eq 9 max-imports || return
	was=$(ltp -j span show | jq -c '.[0] | del(.rate)')
	# What is not named stays.
	ltp span set to 2 rate 8mbit || return
	is "$(ltp -j span | jq '.[0].rate')" -eq 1000000 rate || return
	is "$(ltp -j span show | jq -c '.[0] | del(.rate)')" = "$was" "the rest" || return
	ltp span set to 2 owlt-in 4s no-discretionary on || return
	ltp span show | grep -q 'owlt-out 3s owlt-in 4s margin 2s max-retries 4' || return
	# Neither is half of a change that is refused.
	! ltp span set to 2 owlt-in 5s segment-size 100 2> /dev/null || return
	ltp span show | grep -q 'owlt-in 4s' || return
	ltp span set to 2 reorder 5ms redundancy 2 max-sessions 3 max-inflight 1M max-imports 4 \
		max-problems 5 max-cycles 6 gap-reports on burst-adapt on || return
	is "$(ltp -j span | jq -c '.[0] | [.reorder, .redundancy, .["max-sessions"],
		.["max-inflight"], .["max-imports"], .["max-problems"], .["max-cycles"],
		.["gap-reports"], .["burst-adapt"], .["no-discretionary"], .["owlt-in"]]')" = \
		"[5000000,2,3,1048576,4,5,6,true,true,true,4000000000]" "what was set" || return
	# 0 is none.
	ltp span set to 2 max-sessions 0 max-inflight 0 max-imports 0 max-problems 0 max-cycles 0 ||
		return
	is "$(ltp -j span | jq -c '.[0] | [.["max-sessions"], .["max-inflight"], .["max-imports"],
		.["max-problems"], .["max-cycles"]]')" = "[0,0,0,0,0]" "no limits" || return
	ltp engine del 1
}

defaults()
{
	ltp engine add 1 && ltp span add to 2 addr 127.0.0.1 rate 1mbit || return
	is "$(ltp -j span | jq -c '.[0] | [.reorder, .redundancy, .["max-sessions"],
		.["max-inflight"], .["max-imports"], .["max-problems"], .["max-cycles"],
		.["gap-reports"], .["burst-adapt"], .["burst-now"], .["local-stopped"],
		.["remote-stopped"], .inflight]')" = \
		"[20000000,1,0,0,0,0,0,false,false,0,false,false,0]" "defaults" || return
	ltp engine del 1
}

# A cue twice is no other; of the two directions each is its own.
cues()
{
	local c

	ltp engine add 1 && ltp span add to 2 addr 127.0.0.1 rate 1mbit || return
	for c in "local-start false,false" "local-stop true,false" "local-stop true,false" \
		"remote-stop true,true" "remote-stop true,true" "local-start false,true" \
		"remote-start false,false" "remote-start false,false"; do
		ltp span cue to 2 "${c% *}" || return
		is "$(ltp -j span | jq -c '.[0] | [.["local-stopped"], .["remote-stopped"]]')" = \
			"[${c#* }]" "stopped after ${c% *}" || return
	done
	ltp -d span show | grep -q 'local-stopped off remote-stopped off' || return
	ltp engine del 1
}

# A session as shown is a session as cancelled.
cancelled()
{
	local line rc end

	ltp engine add 1 local 127.0.0.1 && ltp engine add 2 local 127.0.0.1 port 1114 &&
	ltp span add engine 1 to 2 addr 127.0.0.1 port 1114 rate 10kbit burst-limit 1 \
		segment-size 1400 &&
	ltp span add engine 2 to 1 addr 127.0.0.1 rate unlimited || return
	head -c 200000 /dev/zero > "$TMP/in"
	for end in export import; do
		ltp recv quiet timeout 30s 5 "$TMP/out" &
		PIDS+=($!)
		wait_for 10 exists "$TMP/out.??????" || return
		ltp send quiet "$TMP/in" 2:5 2> "$TMP/e" &
		PIDS+=($!)
		wait_for 10 eval '[ "$(ltp session | wc -l)" -ge 2 ]' || return
		line=$(ltp session | grep " $end ")
		# shellcheck disable=SC2086
		ltp session cancel ${line%% service *} || return
		wait "${PIDS[1]}"
		rc=$?
		is $rc -eq 1 "status of the sender" && grep -q 'client service cancelled' "$TMP/e" ||
			{ cat "$TMP/e"; return 1; }
		wait_for 10 eval '[ "$(ltp session | wc -l)" -eq 0 ]' || return
		# shellcheck disable=SC2086
		said 1 "no such session" session cancel ${line%% service *} || return
		kill "${PIDS[0]}"
		wait "${PIDS[0]}" 2> /dev/null
		PIDS=()
	done
	ltp engine del 1 && ltp engine del 2
}

# Many objects fill more than one message.
many()
{
	local n=8 what i

	for ((i = 100; i < 100 + n; i++)); do
		ltp engine add "$i" local 127.0.0.1 port "$i" &&
		ltp span add engine "$i" to "$((i + 1000))" addr 127.0.0.1 port "$i" rate 1mbit ||
			return
	done
	for what in engine:id span:remote; do
		is "$(ltp -j -s ${what%:*} | jq ".[].${what#*:}" | sort -u | wc -l)" -eq $n \
			"${what%:*}s shown" &&
		is "$(ltp -j ${what%:*} | jq length)" -eq $n "${what%:*}s shown at all" || return
	done
	for ((i = 100; i < 100 + n; i++)); do
		ltp engine del "$i" || return
	done
	is "$(ltp span | wc -l)" -eq 0 "spans left"
}

json()
{
	local o c

	ltp engine add 1 local 127.0.0.1 && ltp engine add 2 local 127.0.0.1 port 1114 &&
	ltp span add engine 1 to 2 addr 127.0.0.1 port 1114 rate 10kbit &&
	ltp span add engine 2 to 1 addr 127.0.0.1 rate unlimited || return
	# For a session to be seen.
	ltp recv quiet timeout 30s 5 "$TMP/out" &
	PIDS+=($!)
	wait_for 10 exists "$TMP/out.??????" || return
	head -c 200000 /dev/zero > "$TMP/in"
	ltp send quiet "$TMP/in" 2:5 2> /dev/null &
	PIDS+=($!)
	wait_for 10 eval '[ "$(ltp session | wc -l)" -ge 2 ]' || return
	for c in engine span session stats "engine show 1" "span show engine 1 to 2"; do
		for o in -j "-j -s -d -p"; do
			# shellcheck disable=SC2086
			ltp $o $c > "$TMP/o" && jq -e 'type == "array" and length > 0 and
				all(type == "object" and length > 0)' "$TMP/o" > /dev/null && continue
			echo "ltp $o $c:"
			cat "$TMP/o"
			return 1
		done
	done
	kill "${PIDS[@]}"
	wait "${PIDS[@]}" 2> /dev/null
	PIDS=()
	ltp engine del 1 && ltp engine del 2 || return
	for c in engine span session; do
		is "$(ltp -j $c)" = "[]" "no $c" || return
	done
}

# Requests that the tool cannot make.  Standard input of python3.
raw()
{
	python3 - <<-'E'
	import os, socket, struct, sys

	def attr(kind, data):
	    a = struct.pack("=HH", len(data) + 4, kind) + data
	    return a + b"\0" * (-len(a) % 4)

	def u32(kind, v): return attr(kind, struct.pack("=I", v))
	def u64(kind, v): return attr(kind, struct.pack("=Q", v))

	s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
	s.bind((0, 0))
	seq = 0

	def ask(family, cmd, body=b"", flags=5, version=1):
	    global seq
	    seq += 1
	    m = struct.pack("=BBH", cmd, version, 0) + body
	    s.send(struct.pack("=IHHII", len(m) + 16, family, flags, seq, 0) + m)
	    while True:
	        d = s.recv(65536)
	        n, kind = struct.unpack_from("=IH", d)
	        if kind == 2 or kind == 3:
	            return -struct.unpack_from("=i", d, 16)[0]
	        if family == 16:
	            global ID
	            at = 20
	            while at < n:
	                l, k = struct.unpack_from("=HH", d, at)
	                if k == 1:
	                    ID = struct.unpack_from("=H", d, at + 4)[0]
	                at += (l + 3) & ~3

	assert ask(16, 3, attr(2, b"ltp\0")) == 0
	EINVAL, ERANGE, EOPNOTSUPP = 22, 34, 95
	# Numbers of commands and attributes as in linux/ltp_netlink.h.
	ENGINE_ADD, SPAN_ADD, SPAN_SET, SPAN_CUE, SESSION_CANCEL, SESSION_GET = 1, 5, 6, 9, 10, 11
	name, addr = u64(3, 2), attr(4, b"\x7f\0\0\1")
	cases = [
	    ("no such command", ask(ID, 200), EOPNOTSUPP),
	    ("command 0", ask(ID, 0), EOPNOTSUPP),
	    ("no attributes", ask(ID, ENGINE_ADD), EINVAL),
	    ("ID 0", ask(ID, ENGINE_ADD, u64(2, 0)), EINVAL),
	    ("ID of 4 octets", ask(ID, ENGINE_ADD, u32(2, 5)), (EINVAL, ERANGE)),
	    ("ID of 9 octets", ask(ID, ENGINE_ADD, attr(2, b"123456789")), (EINVAL, ERANGE)),
	    ("address of 5 octets", ask(ID, ENGINE_ADD, u64(2, 5) + attr(3, b"12345")), EINVAL),
	    ("address of 3 octets", ask(ID, ENGINE_ADD, u64(2, 5) + attr(3, b"123")), ERANGE),
	    ("address of 17 octets", ask(ID, ENGINE_ADD, u64(2, 5) + attr(3, b"1" * 17)), (EINVAL, ERANGE)),
	    ("port 0", ask(ID, ENGINE_ADD, u64(2, 5) + attr(4, b"\0\0")), EINVAL),
	    ("attribute unknown", ask(ID, ENGINE_ADD, u64(2, 5) + u32(99, 1)), EINVAL),
	    ("attribute of answers", ask(ID, ENGINE_ADD, u64(2, 5) + u32(6, 1)), EINVAL),
	    ("attribute cut short", ask(ID, ENGINE_ADD, u64(2, 5) + b"\x20\0\4\0"), EINVAL),
	    ("time of 4 octets", ask(ID, SPAN_ADD, name + addr + u64(12, 10000) + u32(13, 5)), (EINVAL, ERANGE)),
	    ("no rate", ask(ID, SPAN_ADD, name + addr), EINVAL),
	    ("session without a number", ask(ID, SESSION_GET, u64(2, 1)), EINVAL),
	    ("no session to cancel", ask(ID, SESSION_CANCEL, u64(2, 1)), EINVAL),
	    ("no cue", ask(ID, SPAN_CUE, name), EINVAL),
	    ("cue unknown", ask(ID, SPAN_CUE, name + u32(30, 4)), (EINVAL, ERANGE)),
	    ("cue of 8 octets", ask(ID, SPAN_CUE, name + u64(30, 1)), (EINVAL, ERANGE)),
	    ("copies: 0", ask(ID, SPAN_SET, name + u32(14, 0)), (EINVAL, ERANGE)),
	    ("copies: 17", ask(ID, SPAN_SET, name + u32(14, 17)), (EINVAL, ERANGE)),
	    ("gap reports: 2", ask(ID, SPAN_SET, name + attr(21, b"\2")), (EINVAL, ERANGE)),
	]
	bad = 0
	for what, got, want in cases:
	    if got not in (want if isinstance(want, tuple) else (want,)):
	        print("%s: %s, expected %s" % (what, os.strerror(got), want))
	        bad = 1
	sys.exit(bad)
	E
}

NOBODY=(setpriv --reuid 65534 --regid 65534 --clear-groups)

unprivileged()
{
	local c

	ltp engine add 1 local 127.0.0.1 && ltp span add to 2 addr 127.0.0.1 port 9 rate 1mbit ||
		return
	for c in "engine add 5" "engine set 1 max-imports 5" "engine del 1" \
		"span add to 3 addr 127.0.0.1 rate 1mbit" "span set to 2 rate 2mbit" \
		"span del to 2" "span cue to 2 local-stop" \
		"session cancel engine 1 to 2 export number 5"; do
		# shellcheck disable=SC2086
		if "${NOBODY[@]}" ltp $c 2> "$TMP/e"; then
			echo "ltp $c: done"
			return 1
		fi
		grep -q 'Operation not permitted' "$TMP/e" || { cat "$TMP/e"; return 1; }
	done
	for c in engine span session stats; do
		"${NOBODY[@]}" ltp $c > /dev/null || return
	done
	# Sockets are for everybody.
	"${NOBODY[@]}" ltp recv timeout 10ms 5 - 2> "$TMP/e"
	is $? -eq 3 "status of a receiver" || return
	ltp engine show 1 | grep -q '^1 ' && ltp engine del 1
}

# numbers WHO...: of the sessions that the command WHO... ltp shows, those with
# and those without a number
numbers()
{
	"$@" ltp -j session | jq -c '[map(select(has("number"))), map(select(has("number") | not))] |
		map(length)'
}

# Session numbers are all that a forger needs to know: a user sees those of his
# own sockets, an administrator all.
secret_numbers()
{
	local n

	ltp engine add 1 local 127.0.0.1 && ltp engine add 2 local 127.0.0.1 port 1114 &&
	ltp span add engine 1 to 2 addr 127.0.0.1 port 1114 rate 10kbit burst-limit 1 \
		segment-size 1400 &&
	ltp span add engine 2 to 1 addr 127.0.0.1 rate unlimited || return
	ltp recv quiet timeout 60s 5 "$TMP/out" &
	PIDS+=($!)
	wait_for 10 exists "$TMP/out.??????" || return
	head -c 200000 /dev/zero > "$TMP/in"
	chmod 644 "$TMP/in"
	chmod 711 "$TMP"
	ltp send quiet "$TMP/in" 2:5 2> /dev/null &
	PIDS+=($!)
	wait_for 10 eval '[ "$(ltp session | wc -l)" -eq 2 ]' || return
	is "$(numbers)" = "[2,0]" "numbers shown to root" &&
	is "$(numbers "${NOBODY[@]}")" = "[0,2]" "numbers shown to nobody" || return
	# Nor does he find one by guessing.
	n=$(ltp session | sed -n 's/.* export number \([0-9]*\) .*/\1/p')
	python3 -c "$SESSION_GET" 1 "$n" || { echo "root does not find his own session"; return 1; }
	! "${NOBODY[@]}" python3 -c "$SESSION_GET" 1 "$n" || { echo "nobody found session $n"; return 1; }
	# Of his own blocks he sees it, and "ltp send" what was claimed of them.
	"${NOBODY[@]}" ltp send progress "$TMP/in" 2:5 2> "$TMP/e" &
	PIDS+=($!)
	wait_for 20 eval '[ "$(ltp session | wc -l)" -eq 4 ]' || return
	is "$(numbers "${NOBODY[@]}")" = "[1,3]" "numbers shown to nobody, who sends" || return
	wait_for 20 grep -q 'claimed, ' "$TMP/e" || { cat "$TMP/e"; return 1; }
	kill "${PIDS[@]}"
	wait "${PIDS[@]}" 2> /dev/null
	PIDS=()
	ltp engine del 1 && ltp engine del 2
}

# Whether session-get finds an export session: of which engine, and its number.
SESSION_GET='
import socket, struct, sys
def attr(kind, data):
    a = struct.pack("=HH", len(data) + 4, kind) + data
    return a + b"\0" * (-len(a) % 4)
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
s.bind((0, 0))
def ask(family, cmd, body):
    m = struct.pack("=BBH", cmd, 1, 0) + body
    s.send(struct.pack("=IHHII", len(m) + 16, family, 1, 1, 0) + m)
    return s.recv(65536)
d = ask(16, 3, attr(2, b"ltp\0"))
at = 20
while at < len(d):
    l, k = struct.unpack_from("=HH", d, at)
    if k == 1:
        family = struct.unpack_from("=H", d, at + 4)[0]
    at += (l + 3) & ~3
engine, number = map(int, sys.argv[1:])
d = ask(family, 11, attr(2, struct.pack("=Q", engine)) + attr(4, struct.pack("=Q", number)) +
        attr(5, b"\1"))
sys.exit(struct.unpack_from("=IH", d)[1] == 2)
'

# Root of a user namespace may do what he likes in a network namespace of it.
own_namespace()
{
	unshare -U -r true 2> /dev/null || return 4
	unshare -U -r -n sh -c 'ip link set lo up
		ltp engine add 1 && ltp span add to 2 addr 127.0.0.1 rate 1mbit &&
		ltp span set to 2 rate 2mbit && ltp engine del 1' || return
	# But not in one of others.
	! unshare -U -r ltp engine add 1 2> "$TMP/e" || return
	grep -q 'Operation not permitted' "$TMP/e" || { cat "$TMP/e"; return 1; }
	# Nor may a user give himself buffers beyond the limits.
	! setpriv --reuid 65534 --regid 65534 --clear-groups sh -c \
		'echo "4096 8192 16384" > /proc/sys/net/ltp/wmem' 2> /dev/null
}

# Sockets for everybody, whatever the client service, but for 0; buffers beyond
# the limits, and the machine's memory, for nobody else.
nobody_sockets()
{
	ltp engine add 1 local 127.0.0.1 && ltp engine add 2 local 127.0.0.1 port 1114 &&
	ltp span add engine 1 to 2 addr 127.0.0.1 port 1114 rate unlimited &&
	ltp span add engine 2 to 1 addr 127.0.0.1 rate unlimited || return
	"${NOBODY[@]}" python3 -c "$PYTHON_SOCKETS"'
for s in 1, 2, 3, 64, 2**64 - 1:
    rx = rdm()
    want(0, bind, rx, 2, s)
    want(0, send, rdm(), 2, s)
    want(0, received, rx)
want(EINVAL, bind, rdm(), 2, 0)
for force in 32, 33:
    want(EPERM, option, rdm(), force, 1 << 30)
' || return
	! "${NOBODY[@]}" sh -c 'echo 5 > /proc/sys/net/ltp/mem' 2> /dev/null || return
	ltp engine del 1 && ltp engine del 2
}

# What is in a container sees nothing of what is outside, and the other way
# round; the machine's memory is not its to give.
contained()
{
	local out
	ltp engine add 1 local 127.0.0.1 && ltp span add to 2 addr 127.0.0.1 port 9 rate 10kbit margin 1h &&
		"${NOBODY[@]}" python3 -c "$PYTHON_SOCKETS"'
want(0, send, rdm(), 2, 5)' || return
	is "$(ltp session | wc -l)" -eq 1 "sessions outside" || return
	# shellcheck disable=SC2016
	unshare -U -r -n sh -c 'ip link set lo up
		[ -z "$(ltp engine; ltp span; ltp session)" ] || { echo "seen from inside"; exit 1; }
		! ltp engine del 1 2> /dev/null &&
		! ltp span set to 2 rate 1mbit 2> /dev/null &&
		! ltp session cancel engine 1 to 2 export number 1 2> /dev/null &&
		python3 -c "$1" &&
		ltp engine add 7 && echo 3 > /proc/sys/net/ltp/accept_unknown &&
		echo 5 > /proc/sys/net/ltp/answers && cat /proc/sys/net/ltp/mem > /dev/null &&
		! sh -c "echo 5 > /proc/sys/net/ltp/mem" 2> /dev/null' sh "$PYTHON_SOCKETS"'
want(EADDRNOTAVAIL, bind, rdm(), 1, 5)
want(ENETUNREACH, send, rdm(), 2, 5)
want(0, bind, rdm(), 0, 5)' || return
	out=$(ltp engine show | cut -d " " -f 1)
	is "$out" = 1 "engines outside" &&
	is "$(cat /proc/sys/net/ltp/accept_unknown)" -eq 0 "accept_unknown outside" &&
	is "$(cat /proc/sys/net/ltp/answers)" -eq 1000 "answers outside" &&
	is "$(ltp session | wc -l)" -eq 1 "sessions outside" &&
	ltp engine del 1
}

# Python does not know the family.
# shellcheck disable=SC2016
PYTHON_SOCKETS='
from errno import *
import ctypes, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def to(engine, service): return struct.pack("=HHIQQ", 18, 0, 0, engine, service)
def rdm(): return libc.socket(18, 4, 0)
def bind(fd, *name): return libc.bind(fd, to(*name), 24)
def send(fd, *name): return libc.sendto(fd, b"x", 1, 0, to(*name), 24)
def option(fd, name, val): return libc.setsockopt(fd, 1, name, struct.pack("i", val), 4)
def received(fd): return libc.recv(fd, ctypes.create_string_buffer(9), 9, 0)
def want(err, call, *words):
    got = ctypes.get_errno() if call(*words) < 0 else 0
    if got != err:
        sys.exit("%s%s: %s, not %s" % (call.__name__, words[1:], errorcode.get(got), errorcode.get(err)))
'

sysctls()
{
	local f v words

	for f in wmem rmem; do
		echo "5000 60000 700000" > /proc/sys/net/ltp/$f || return
		is "$(xargs < /proc/sys/net/ltp/$f)" = "5000 60000 700000" $f || return
		for v in "0 1 2" "4095 8192 16384" "-1 8192 16384" "x" "8192 8192 99999999999"; do
			! echo "$v" > /proc/sys/net/ltp/$f || { echo "$f: $v accepted"; return 1; }
		done
	done 2> /dev/null
	for v in "answers 0 1000000 -1 1000001" "memories 1 65536 0 65537"; do
		read -ra words <<< "$v"
		f=/proc/sys/net/ltp/${words[0]}
		echo "${words[1]}" > "$f" && echo "${words[2]}" > "$f" || return
		! echo "${words[3]}" > "$f" && ! echo "${words[4]}" > "$f" ||
			{ echo "$f: accepted"; return 1; }
	done 2> /dev/null
	# Each namespace has its own.
	is "$(unshare -n cat /proc/sys/net/ltp/wmem | xargs)" != "5000 60000 700000" "another's"
}

# Everything happens in one namespace: this script moves there.
if [ -z "${LTP_INSIDE-}" ]; then
	FINISHED=1
	rm -rf "$TMP"
	LTP_INSIDE=1 exec unshare -n "$0"
fi
ip link set lo up

if whole; then
	check "bad arguments" usage
	check "what the kernel refuses" refused
	check "what is shown can be given back" round_trip
	check "changes" changed
	check "defaults" defaults
	check "cues" cues
	check "sessions cancelled" cancelled
	check "many engines and spans" many
	check "JSON" json
fi
check "requests the tool cannot make" raw
check "without privilege" unprivileged
check "session numbers are secret" secret_numbers
check "sockets without privilege" nobody_sockets
if unshare -U -r true 2> /dev/null; then
	check "a user namespace" own_namespace
	check "a container" contained
else
	skip "a user namespace" "not to be had here"
	skip "a container" "not to be had here"
fi
check "sysctls" sysctls
finish
