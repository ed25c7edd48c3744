#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# guest.sh [LIST]: runs in a guest (vm.sh, uml.sh): loads the module, runs
# the tests of selftests/tests.list, unloads it, looks for leaks.
#
# A line of the list is "NAME SECONDS [FLAG...]"; NAME is an executable
# below selftests/ or build/selftests/, SECONDS is when it is given up.  Flags, here
# or in times.list:
#
#	takes=S[/D]	the seconds it took, when it was measured, on a stock kernel
#			and on the debug kernel: parts are made by them
#	debug-only, stock-only
#	timetravel	only where waiting takes no time
#	smp		things shall meet there that two CPUs do
#	one-kernel	of the stock kernels, only on the one that has all tests
#	cover		with the module LTP_COVER, if set, which tells what code was run
#	timing		times are the point, see below
#
# TESTS="a b" selects by name, with or without suffix; LTP_SHARD=I/N is the
# Ith of N parts that take about equally long; LTP_SMP=1 is those with the flag
# smp, LTP_SMP=0 those without it; LTP_REDUCED=1 is those without the flag
# one-kernel, and some of the others do less then; LTP_SLOW=N allows for N times
# the seconds, on a machine that has others to serve.
#
# Machines that emulate others, or share their processors, are late now and then.
# Twice in a guest, a test with the flag timing of which something failed is run
# once more: what failed at first is told, as FLAKY, and counted, and the second run
# counts.  Not if it said "wrong:", as all do where data, an error or a count was not
# what it should be; not if it did not end, if the kernel complained or if the module
# did not go; and not where waiting takes no time or the test is a soak.
#
# What is skipped must be in skips.list, or it has failed.
#
# Each test's own TAP is indented below its line.  "PASSED FAILED SKIPPED FLAKY"
# goes to /results/counts after every test, "done" to /results/done last.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=netns.sh
. "$HARNESS/netns.sh"
set +e

list=${1:-$TOP/selftests/tests.list}
skips=$TOP/selftests/skips.list
passed=0 failed=0 skipped=0 flaky=0 n=0
cd "$TOP/selftests" || exit

# What stock kernels have as modules, and the tests use.
modprobe -aq udp_tunnel ip6_udp_tunnel veth dummy ifb sch_netem sch_tbf sch_fq sch_prio \
	sch_ingress cls_u32 cls_flower cls_matchall act_gact act_mirred act_pedit nf_tables tun
# The first socket that wants time stamps, or UDP to look for what is
# encapsulated, and the last one, change jumps in the kernel's text; an emulated
# CPU may still run into the breakpoint that stood there meanwhile ("Oops: int3").
# So both are always on here (the latter if the kernel has IPsec), and come and
# go on the debug kernel, which has no such jumps.
if [ "${LTP_KERNEL-}" != uml ]; then
	python3 -c 'import contextlib, signal, socket as s
kept = []
for family in s.AF_INET, s.AF_INET6:
	kept.append(s.socket(family, s.SOCK_DGRAM))
	kept[-1].setsockopt(s.SOL_SOCKET, 29, 1)
	with contextlib.suppress(OSError):
		kept[-1].setsockopt(s.IPPROTO_UDP, 100, 2)
signal.pause()' &
fi
# Rate limits would swallow what a failed test has to say.
sysctl -q -w kernel.printk_ratelimit=0 net.core.message_cost=0 2> /dev/null

kmemleak=/sys/kernel/debug/kmemleak
[ ! -e $kmemleak ] || echo clear > $kmemleak

symbols=/tmp/ltp.symbols
netns_before=$(netns_count)

# load [MODULE]
load()
{
	# Not on the module path: what it needs was loaded above.
	grep -q '^ltp ' /proc/modules || insmod "${1:-$LTP_MODULE}" || return
	[ -z "${LTP_DEBUG-}" ] || grep '\[ltp\]$' /proc/kallsyms > $symbols
}

# What one test left behind is not the next one's trouble.  The module goes
# too: whose reference is left over shows.  A block of which the last report was
# lost has one until its retries are used, 100 of 0.2 s or more in some tests.
sweep()
{
	pkill -x 'ltp|tcpdump|socat' 2> /dev/null
	ip -all netns del 2> /dev/null
	for _ in {1..120}; do
		grep -q '^ltp ' /proc/modules || return 0
		rmmod ltp 2> /dev/null && return 0
		sleep "${LTP_TIMETRAVEL:+1}0.5"
	done
	grep '^ltp ' /proc/modules
	return 1
}

# name_addresses FILE: the module is gone when leaks are looked for, and its
# functions in the traces are bare addresses: names them after what load()
# last saw.  Both columns are of equal width, so comparing strings will do.
name_addresses()
{
	awk '
	NR == FNR { addr[++n] = $1; name[n] = $3; next }
	$1 ~ /^0x[0-9a-f]+$/ {
		a = substr("0000000000000000", 1, 18 - length($1)) substr($1, 3)
		for (i = n; i > 0 && addr[i] > a; i--) ;
		if (i) $0 = $0 " " name[i] " [ltp]"
	}
	{ print }' <(sort "$symbols") "$1"
}

# result OK NAME [WHY]
result()
{
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n selftests: ltp: $2${3:+ # $3}"
	else
		echo "not ok $n selftests: ltp: $2${3:+ # $3}"
	fi
	echo "$passed $failed $skipped $flaky" > /results/counts
}

# The kernel's complaints since line $1 of its log.
complaints()
{
	dmesg | tail -n +"$1" > /tmp/dmesg.part
	check_log /tmp/dmesg.part 2>&1
}

# again NAME OUT: whether it may be run once more; then what failed is told
again()
{
	[ ${#repeated[@]} -lt 2 ] && [ -n "${timing[$1]-}" ] &&
		[ -z "${repeated[$1]-}${LTP_TIMETRAVEL-}${LTP_SOAK-}" ] &&
		! grep -qE '^ *# *(wrong:|.* differ: |cmp: EOF)' "$2" || return
	repeated[$1]=1
	flaky=$((flaky + 1))
	sed 's/^/    # /' "$2"
	cp "$2" "$2.first"
	sed -n "s/^ *not ok/# FLAKY: $1: not ok/p" "$2"
}
declare -A repeated=() timing=()

# unexpected NAME OUT: what was skipped and may not be, see skips.list
unexpected()
{
	local kernel test what line labels=" * $LTP_KERNEL "

	[ "$(nproc)" -gt 1 ] || labels+="one-cpu "
	[ -z "${LTP_REDUCED-}" ] || labels+="reduced "
	sed -n 's/^ *ok [0-9]* *-* *\(.*# *[Ss][Kk][Ii][Pp].*\)/\1/p' "$2" |
	while read -r line; do
		while read -r kernel test what; do
			# shellcheck disable=SC2254
			case $labels in *" $kernel "*) case "$1 $line" in $test\ $what) continue 2 ;; esac ;; esac
		done < "$skips"
		echo "# unexpected: $line"
	done
}

# run NAME SECONDS [MODULE]
run()
{
	local name=$1 limit=$(($2 * ${LTP_SLOW:-1})) out=/results/${1//\//_}.log rc ok bad skip top plan from why="" start=$SECONDS
	local status=0 cmd not

	from=$(($(dmesg | wc -l) + 1))
	# Scripts are here, programs were built elsewhere.
	cmd=$(PATH=$TOP/selftests:$TOP/build/selftests type -P "$name")
	if load "${3-}" && [ -n "$cmd" ]; then
		timeout -k 10 "$limit" "$cmd" > "$out" 2>&1 < /dev/null
		rc=$?
	else
		echo "# cannot load the module or no such test: $name" > "$out"
		rc=127
	fi

	read -r ok bad skip top plan < <(tap_count "$out")
	if [ "$bad" -gt 0 ] && [ "$rc" -eq 1 ] && [ "$top" -eq "$plan" ] && sweep > /dev/null &&
	   complaints "$from" > /dev/null && again "$name" "$out"; then
		run "$@"
		return
	fi
	sed 's/^/    /' "$out"
	if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then
		bad=$((bad + 1)) why="no end after $limit s"
	elif [ "$plan" -lt 0 ] && [ "$top" -eq 0 ] && [ "$rc" -eq 4 ]; then
		skip=1 why="SKIP $(tail -n 1 "$out")"
		echo "ok 1 all # SKIP $(tail -n 1 "$out")" >> "$out"
	elif [ "$plan" -lt 0 ] && [ "$top" -eq 0 ] && [ "$rc" -eq 0 ]; then
		ok=1
	elif [ "$plan" -ge 0 ] && [ "$top" -ne "$plan" ]; then
		bad=$((bad + 1)) why="$top of $plan subtests ran, status $rc"
	elif [ "$rc" -ne 0 ] && [ "$rc" -ne 4 ] && [ "$bad" -eq 0 ]; then
		bad=1 why="status $rc"
	fi
	not=$(unexpected "$name" "$out")
	if [ -n "$not" ]; then
		printf '%s\n' "$not"
		bad=$((bad + $(wc -l <<< "$not"))) why="${why:+$why, }skipped what may not be"
	fi
	if ! sweep | sed 's/^/    /'; then
		bad=$((bad + 1)) why="${why:+$why, }the module does not unload"
	fi
	if ! complaints "$from" | sed 's/^/    /'; then
		bad=$((bad + 1)) why="${why:+$why, }the kernel complained"
	fi
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
	[ "$bad" -eq 0 ] || status=1
	result $status "$name" "${why:+$why, }$((SECONDS - start)) s"
}

selected()
{
	local name=$1 t

	shift 2
	for t; do
		case $t in
		debug-only) [ -n "${LTP_DEBUG-}" ] || return 1 ;;
		stock-only) [ -z "${LTP_DEBUG-}" ] || return 1 ;;
		esac
	done
	case " $* " in
	*" timetravel "*) [ -n "${LTP_TIMETRAVEL-}" ] || return 1 ;;
	*) [ -z "${LTP_TIMETRAVEL-}" ] || return 1 ;;
	esac
	case "${LTP_REDUCED-}: $* " in
	1:*" one-kernel "*) return 1 ;;
	esac
	case "${LTP_SMP-}: $* " in
	0:*" smp "*) return 1 ;;
	1:*" smp "*) ;;
	1:*) return 1 ;;
	esac
	[ -n "${TESTS-}" ] || return 0
	for t in $TESTS; do
		[ "$t" = "$name" ] || [ "$t" = "${name%.*}" ] || continue
		return 0
	done
	return 1
}

shard=0 shards=1
if [ -n "${LTP_SHARD-}" ]; then
	shard=${LTP_SHARD%/*} shards=${LTP_SHARD#*/}
fi
# seconds LIMIT FLAG...: what it takes, or a fifth of when it is given up
seconds()
{
	local t n=$(($1 / 5))

	[ "$n" -lt 1000 ] || n=200
	for t in "${@:2}"; do
		case $t in
		takes=*/*)
			t=${t#takes=}
			if [ "${LTP_KERNEL-}" = uml ]; then
				n=${t#*/}
			else
				n=${t%/*}
			fi
			;;
		takes=*) n=${t#takes=} ;;
		esac
	done
	echo "$n"
}

tests=() limits=() modules=() sums=()
while read -r takes name limit flags; do
	# The longest first, each to the part that has least so far.
	for ((i = 0, least = 0; i < shards; i++)); do
		[ "${sums[i]:-0}" -ge "${sums[least]:-0}" ] || least=$i
	done
	sums[least]=$((${sums[least]:-0} + takes))
	[ "$least" -eq "$shard" ] || continue
	tests+=("$name") limits+=("$limit")
	case " $flags " in
	*" cover "*) modules+=("${LTP_COVER-}") ;;
	*) modules+=("") ;;
	esac
	case " $flags " in
	*" timing "*) timing[$name]=1 ;;
	esac
done < <(declare -A more=()
while read -r name flags; do
	case $name in '' | '#'*) ;; *) more[$name]=$flags ;; esac
done < "$TOP/selftests/times.list"
while read -r name limit flags; do
	case $name in '' | '#'*) continue ;; esac
	flags+=" ${more[$name]-}"
	# shellcheck disable=SC2086
	! selected "$name" "$limit" $flags ||
		echo "$(seconds "$limit" $flags) $name $limit $flags"
done < "$list" | sort -s -k1,1nr)

echo "TAP version 13"
echo "# $(uname -sr)${LTP_TIMETRAVEL:+, time travel}"
echo "1..$((${#tests[@]} + 1))"
for i in "${!tests[@]}"; do
	run "${tests[i]}" "${limits[i]}" "${modules[i]}"
done

# The module must go, and leave nothing.
from=$(($(dmesg | wc -l) + 1)) status=0 why=
load || why="cannot load the module"
[ -n "$why" ] || sweep || why="cannot unload the module"
if [ -z "$why" ]; then
	# Once is enough: to look makes one, which takes time to go.
	i=0
	until netns_fit "$netns_before"; do
		if [ $((i += 1)) -eq 60 ]; then
			why="$(($(netns_count) - netns_before)) network namespaces are left"
			break
		fi
		sleep 0.5
	done
fi
if [ "${LTP_KERNEL-}" = uml ] && [ ! -e $kmemleak ]; then
	why=${why:-no kmemleak}
fi
if [ -z "$why" ] && [ -e $kmemleak ]; then
	# Out of memory it turns itself off for good, and can scan no more.
	# Objects younger than five seconds are not looked at, and a stale
	# stack slot may still point to one.
	for i in 1 2; do
		for _ in {1..30}; do /bin/true; done
		sleep 6
		echo scan > $kmemleak || why="kmemleak is off"
	done
	cat $kmemleak > /tmp/kmemleak
	if [ -s /tmp/kmemleak ]; then
		name_addresses /tmp/kmemleak > /results/kmemleak
		head -n 60 /results/kmemleak | sed 's/^/    /'
		why="memory leaked"
	fi
fi
complaints "$from" | sed 's/^/    /' || why=${why:-the kernel complained}
if [ -z "$why" ]; then
	passed=$((passed + 1))
else
	failed=$((failed + 1)) status=1
fi
[ ! -e $kmemleak ] || leaks=", kmemleak"
result $status "unload${leaks-}" "$why"
# A test that this script itself stumbled over told nothing.
if [ "$n" -ne $((${#tests[@]} + 1)) ]; then
	failed=$((failed + 1))
	echo "not ok $n of $((${#tests[@]} + 1)) results"
	echo "$passed $failed $skipped $flaky" > /results/counts
fi
touch /results/done
[ "$failed" -eq 0 ]
