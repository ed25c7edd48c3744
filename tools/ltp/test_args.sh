#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# test_args.sh LTP: what the tool says of bad arguments: one line, exit 2.
# Needs no module; good arguments are told by what comes after them.

ltp=$1
n=0
failures=0

# expect STATUS PATTERN ARGUMENT...
expect()
{
	local status=$1 pattern=$2 err rc

	shift 2
	n=$((n + 1))
	err=$("$ltp" "$@" 2>&1 >/dev/null </dev/null)
	rc=$?
	# shellcheck disable=SC2053
	if [ "$rc" = "$status" ] && [ "$(wc -l <<< "$err")" = 1 ] &&
	   [[ $err == $pattern ]]; then
		echo "ok $n - ltp $*"
	else
		echo "not ok $n - ltp $*"
		echo "# exit $rc: $err"
		failures=$((failures + 1))
	fi
}

bad()
{
	expect 2 "ltp: $1" "${@:2}"
}

# Arguments that pass fail on the missing module, or else on the engine.
good()
{
	expect 1 "ltp: *" "$@"
}

help()
{
	n=$((n + 1))
	if "$ltp" "$@" | grep -q '^Usage: ltp'; then
		echo "ok $n - ltp $*"
	else
		echo "not ok $n - ltp $*"
		failures=$((failures + 1))
	fi
}

# batch LINES ERRORS [OPTION...]: what is said of a file, and that it ends there.
batch()
{
	local err file

	n=$((n + 1))
	file=$(mktemp)
	printf '%b' "$1" > "$file"
	err=$("$ltp" "${@:3}" -batch "$file" 2>&1 > /dev/null | sed "s,$file,FILE,")
	if [ "$err" = "$2" ] && [ "$err" = "$("$ltp" "${@:3}" -batch - \
			< "$file" 2>&1 > /dev/null | sed 's,ltp: -:,ltp: FILE:,')" ]; then
		echo "ok $n - batch ${1@Q}"
	else
		echo "not ok $n - batch ${1@Q}"
		echo "# $err"
		failures=$((failures + 1))
	fi
	rm -f "$file"
}

id=18446744073709551615

bad 'the file is missing: write -batch FILE' -batch
bad 'nothing may follow -batch FILE, but "engine" does: *' -batch - engine
expect 1 'ltp: /nonexistent: No such file*' -batch /nonexistent
batch '' ''
batch '# nothing\n\n \t\nengine help # more\n' ''
hint='write a number from 1 to 18446744073709551615'
batch 'engine help\nengine del 0\nengine del x\n' \
	"ltp: FILE:2: engine del: ID \"0\" is wrong: $hint"
batch 'engine \\\n  del \\\n 0\n\nengine del "x y" # z' \
	"ltp: FILE:1: engine del: ID \"0\" is wrong: $hint
ltp: FILE:5: engine del: ID \"x y\" is wrong: $hint" -force
batch "engine del 'x" "ltp: FILE:1: a ' is missing"
batch 'send /dev/null 2:5\n' \
	'ltp: FILE:1: unknown command "send": write engine, span, session or stats'

bad 'unknown option "-x"*' -x
bad 'unknown command "foo": write *' foo
bad 'unknown command "se": write *' se
bad 'engine: unknown command "foo": write *' engine foo
bad 'engine add: ID is missing: write *' engine add
bad 'engine add: ID "0" is wrong: *' engine add 0
bad 'engine add: ID "x" is wrong: *' engine add x
bad 'engine add: local "x" is wrong: *' engine add 1 local x
bad 'engine add: local is missing: *' engine add 1 local
bad 'engine add: port "65536" is wrong: *' engine add 1 port 65536
bad 'engine add: port was given before: *' engine add 1 port 1 port 1
bad 'engine add: unknown "x": write *' engine add 1 x
bad 'engine set: nothing to set: *' engine set 1
bad 'engine set: unknown "port": *' engine set 1 port 1
bad 'engine del: nothing may follow*' engine del 1 2
bad 'engine show: nothing may follow*' engine show 1 2
bad 'span add: to is missing: *' span add addr 10.0.0.2 rate 1mbit
bad 'span add: addr is missing: *' span add to 2 rate 1mbit
bad 'span add: rate is missing: *' span add to 2 addr 10.0.0.2
bad 'span add: rate "100" is wrong: *' span add to 2 addr 10.0.0.2 rate 100
bad 'span add: owlt-in was given before: *' \
	span add to 2 addr 10.0.0.2 rate 1mbit owlt 1s owlt-in 1s
bad 'span add: margin "1" is wrong: *' span add margin 1
bad 'span add: max-retries "1001" is wrong: *' span add max-retries 1001
bad 'span add: segment-size "1" is wrong: *' span add segment-size 1
bad 'span add: no-discretionary "x" is wrong: *' span add no-discretionary x
bad 'span add: gap-reports "x" is wrong: *on or off' span add gap-reports x
bad 'span set: reorder "1" is wrong: *' span set to 2 reorder 1
bad 'span set: redundancy "0" is wrong: *' span set to 2 redundancy 0
bad 'span set: redundancy "17" is wrong: *' span set to 2 redundancy 17
bad 'span set: flows "0" is wrong: *' span set to 2 flows 0
bad 'span set: flows "17" is wrong: *' span set to 2 flows 17
bad 'span set: max-sessions "x" is wrong: *' span set to 2 max-sessions x
bad 'span set: max-inflight "x" is wrong: *' span set to 2 max-inflight x
bad 'span set: max-inflight is missing: *' span set to 2 max-inflight
bad 'span set: max-imports "-1" is wrong: *' span set to 2 max-imports -1
bad 'span set: max-problems "4294967296" is wrong: *' span set to 2 max-problems 4294967296
bad 'span set: max-cycles "x" is wrong: *' span set to 2 max-cycles x
bad 'span cue: the remote engine is missing: *' span cue local-stop
bad 'span cue: the cue is missing: write local-stop, *' span cue to 2
bad 'span cue: unknown "stop": write local-stop, *' span cue to 2 stop
bad 'span cue: nothing may follow*' span cue to 2 local-stop 1
bad 'span set: the remote engine is missing: *' span set rate 1mbit
bad 'span set: nothing to set: *' span set to 2
bad 'span set: unknown "addr": *' span set to 2 addr 10.0.0.2
bad 'span del: the remote engine is missing: *' span del
bad 'span del: unknown "x": write engine or to' span del x
bad 'session show: unknown "x": *' session show x
bad 'session cancel: which session: *' session cancel
bad 'session cancel: which session: *' session cancel engine 1 to 2 export
bad 'session cancel: which session: *' session cancel engine 1 to 2 number 5
bad 'session cancel: number "x" is wrong: *' session cancel import number x
bad 'session cancel: nothing may follow*' session cancel import number 5 x
bad 'stats show: nothing may follow*' stats show x
bad 'send: FILE is missing: *' send
bad 'send: ENGINE:SERVICE is missing: *' send file
bad 'send: "5" is wrong: *' send file 5
bad 'send: "2:0" is wrong: *' send file 2:0
bad 'send: block "0" is wrong: *' send block 0 file 2:5
bad 'send: nothing may follow*' send file 2:5 x
bad 'recv: SERVICE is missing: *' recv
bad 'recv: "0" is wrong: *' recv 0
bad 'recv: count "0" is wrong: *' recv count 0 5
bad 'recv: timeout "5" is wrong: *' recv timeout 5 5
bad 'recv: nothing may follow*' recv 5 /nonexistent/file x

good engine del $id
good engine show 0x10
good engine set $id max-imports 1
good span show engine $id to $id
good span del engine $id to $id
good span set to $id owlt-out 1.3s owlt-in 1.3s margin 2s max-retries 3 \
	segment-size mtu burst-limit 0 rate unlimited no-discretionary on
good span set to $id reorder 0s redundancy 16 gap-reports off burst-adapt on max-sessions 0 \
	max-inflight 0 max-imports 0 max-problems 0 max-cycles 0 flows 16
good span set to $id max-inflight 32M max-sessions 4294967295
for cue in local-stop local-start remote-stop remote-start; do
	good span cue engine $id to $id $cue
done
good session cancel engine $id to $id export number $id
good session cancel import number 0x10 engine $id to $id
good send /nonexistent/file 2:5
good send block 1M green timeout 1s sndbuf 1M segment-size 1400 burst-limit 1 \
	progress quiet /dev/null 2:5
good recv timeout 1ms green rcvbuf 1M count 2 quiet $id:5 /nonexistent/file

help help
for object in engine span session stats send recv; do
	help $object help
done

echo "1..$n"
exit $((failures > 0))
