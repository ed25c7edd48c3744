#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Files of many sizes, byte by byte, over IPv4 and IPv6, at MTUs from the
# smallest of IPv6 to the largest.
#
#	 A                    B
#	engine 1             engine 2
#	10.18.1.1, fd18:1::1 10.18.1.2, fd18:1::2
#	      a0 ----veth---- b0
#
# The wire loses nothing; see impair.sh for one that does.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# The largest file: what fits into the memory of the debug kernel's machine.
BIG=$((100 << 20))
[ -z "${LTP_DEBUG-}" ] || BIG=$((20 << 20))

# A file that does not exist yet is cut out of the pool: no two are alike.
file_of()
{
	local f=$TMP/f$1

	[ -e "$f" ] || cut_file "$TMP/pool" "$1" "$POOL" "$f"
	POOL=$((POOL + 997))
	FILES+=("$f")
}

# sizes FAMILY MTU SIZE...: a block of each size, one after the other
sizes()
{
	local name="IPv$1, MTU $2" out=$TMP/out n at=0

	FILES=()
	for n in "${@:3}"; do
		file_of "$n"
	done
	if ! { receive "$B" 5 "$out" quiet count "${#FILES[@]}" &&
	       send_each 5 "${FILES[@]}" && received; } > "$TMP/said" 2>&1; then
		give_up
		# Whatever arrived: who sends and who receives succeed.
		not_ok "$name: sent and received" "$(cat "$TMP/said" "$out.log")"
	elif cat "${FILES[@]}" | cmp -s - "$out"; then
		for n in "${@:3}"; do
			ok "$name: $n bytes"
		done
		return
	else
		not_ok "$name: nothing but what was sent" "wrong: $(stat -c %s "$out") bytes"
	fi
	# With which of them?
	[ -e "$out" ] || : > "$out"
	for n in "${@:3}"; do
		check "$name: $n bytes" cmp -n "$n" -i "0:$at" "$TMP/f$n" "$out"
		at=$((at + n))
	done
}

big()
{
	receive "$B" 6 "$TMP/out" quiet &&
	send_each 6 "$TMP/big" && received || { give_up; return 1; }
	cmp "$TMP/big" "$TMP/out" || return
	rm "$TMP/out"
}

empty_file()
{
	: > "$TMP/empty"
	if on "$A" ltp send "$TMP/empty" 2:5 2> "$TMP/err"; then
		echo "an empty file was sent"
		return 1
	fi
	grep empty "$TMP/err" || { cat "$TMP/err"; return 1; }
}

# A block of no bytes cannot be sent in LTP.
empty_block()
{
	on "$A" python3 - <<-'P'
	import ctypes, errno, struct, sys
	AF_LTP, SOCK_RDM = 18, 4
	libc = ctypes.CDLL(None, use_errno=True)
	fd = libc.socket(AF_LTP, SOCK_RDM, 0)
	addr = struct.pack("=HHIQQ", AF_LTP, 0, 0, 2, 5)
	if fd < 0 or libc.connect(fd, addr, len(addr)):
	    sys.exit("connect: errno %d" % ctypes.get_errno())
	if libc.send(fd, b"", 0, 0) != -1 or ctypes.get_errno() != errno.EINVAL:
	    sys.exit("send: errno %d instead of EINVAL" % ctypes.get_errno())
	P
}

nothing_lost()
{
	local k bad=0

	for k in "${!CB[@]}"; do
		case $k in drop-* | blocks-refused | blocks-unread | tx-dropped)
			is "${CA[$k]}" -eq 0 "A $k" && is "${CB[$k]}" -eq 0 "B $k" || bad=1
			;;
		esac
	done
	is "${CA[blocks-cancelled]}" -eq 0 "A blocks-cancelled" || bad=1
	is "${CA[blocks-sent]}" -eq "${CA[blocks-completed]}" "A blocks-sent" || bad=1
	is "${CB[blocks-received]}" -eq "${CA[blocks-completed]}" "B blocks-received" || bad=1
	return $bad
}

random_file "$TMP/pool" $((1200 << 10))
random_file "$TMP/big" "$BIG"
POOL=0
topo_direct

for family in 4 6; do
	header=28
	[ $family = 4 ] || header=48
	engines $family || die "no engines"
	if [ $family = 4 ]; then
		check "an empty file is refused" empty_file
		check "a block of 0 bytes is refused with EINVAL" empty_block
	fi
	mtus=(1500 65535)
	! whole || mtus=(1280 1500 9000 65535)
	for mtu in "${mtus[@]}"; do
		set_mtu $mtu || die "no MTU of $mtu"
		# A segment is a datagram less its header.
		s=$((mtu - header))
		more=()
		# One segment or two?  With its checkpoint it has 17 or 18
		# bytes of header, after the length of the random numbers.
		[ $mtu != 1500 ] || mapfile -t more < <(seq $((s - 20)) $((s - 14)))
		sizes $family $mtu 1 $((s - 1)) $s $((s + 1)) "${more[@]}" \
			65535 65536 65537 $((1 << 20))
		case $mtu in 1500 | 65535)
			check "IPv$family, MTU $mtu: $((BIG >> 20)) MiB" big
			;;
		esac
	done
	counters || die "no counters"
	check "IPv$family: nothing was dropped, refused or cancelled" nothing_lost
done
finish
