# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Common functions of the harness; sourced, never run.
# shellcheck disable=SC2034
#
# Everything slow lives outside the checkout, below $LTP_CACHE, each result
# with a stamp that names what it was made from.  A result is made under a
# temporary name and renamed, so an interrupted run leaves nothing half done.

set -euo pipefail

HARNESS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$HARNESS/../.." && pwd)
LTP_CACHE=${LTP_CACHE:-/var/cache/ltp}
BUILD=$TOP/build
RESULTS=${LTP_RESULTS:-$BUILD/results}
JOBS=${JOBS:-$(nproc)}

# shellcheck disable=SC1091
HOST_SUITE=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-sid}")

log()
{
	printf '# %s\n' "$*" >&2
}

die()
{
	printf '# %s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# hash_of FILE-OR-STRING...: what a stamp is keyed by.
hash_of()
{
	local a

	for a in "$@"; do
		if [ -f "$a" ]; then
			cat "$a"
		else
			printf '%s\n' "$a"
		fi
	done | sha256sum | cut -c1-16
}

stamped()
{
	[ -e "$1" ] && [ "$(cat "$1.stamp" 2>/dev/null)" = "$2" ]
}

stamp()
{
	echo "$2" > "$1.stamp.new"
	mv "$1.stamp.new" "$1.stamp"
}

# locked NAME CMD...: one at a time, across processes.
locked()
{
	local f=$LTP_CACHE/lock.$1 fd

	shift
	mkdir -p "$LTP_CACHE"
	exec {fd}> "$f"
	flock "$fd"
	"$@" {fd}>&-
	exec {fd}>&-
}

# --- Debian suites other than the host's --------------------------------

# URIs the host itself uses whose path matches, from deb822 or one-line sources.
apt_uris()
{
	{
		find /etc/apt/sources.list.d -name '*.sources' -print0 |
			xargs -0r awk '
				/^#/ { next }
				/^[A-Za-z-]+:/ { key = tolower($1) }
				key == "uris:" { for (i = 1; i <= NF; i++) if ($i ~ /:\//) print $i }'
		find /etc/apt/sources.list.d /etc/apt/sources.list -name '*.list' -print0 |
			xargs -0r sed -n \
				's/^deb[[:space:]]\+\(\[[^]]*\][[:space:]]*\)\?\([^[:space:]]*\).*/\2/p'
	} 2>/dev/null | sed 's,/$,,' | grep -E "/$1(\.list)?\$" | sed -n 1p || :
}

apt_mirror()
{
	local uri

	uri=$(apt_uris debian)
	[ -n "$uri" ] || die "no Debian mirror in the host's apt sources"
	echo "$uri"
}

# The security archive, or beside the mirror, where most mirrors keep it.
apt_mirror_security()
{
	local uri

	uri=$(apt_uris debian-security)
	echo "${uri:-$(apt_mirror)-security}"
}

# apt_suite SUITE[:ARCH]: a private apt configuration, so that packages of
# SUITE can be downloaded without touching the host's sources.  Prints its
# path.
apt_suite()
{
	# A mirror moves a few times a day: once a day is fresh enough.
	[ -n "$(find "$LTP_CACHE/apt/$1/updated" -mmin -1440 2>/dev/null)" ] ||
		locked "apt-$1" apt_update "$1"
	echo "$LTP_CACHE/apt/$1/apt.conf"
}

apt_update()
{
	local s=${1%:*} d=$LTP_CACHE/apt/$1 arch=amd64 uri

	case $1 in
	*:*) arch=${1#*:} ;;
	esac
	[ -z "$(find "$d/updated" -mmin -1440 2>/dev/null)" ] || return 0
	case $s in
	*-security) uri=$(apt_mirror_security) ;;
	*) uri=$(apt_mirror) ;;
	esac
	mkdir -p "$d"/{etc/apt.conf.d,etc/preferences.d,etc/sources.list.d} \
		"$d"/{state/lists/partial,cache/archives/partial}
	: > "$d/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $s main" \
		> "$d/etc/sources.list"
	# Proxies and the like are the host's business.
	cp -rL /etc/apt/apt.conf.d/. "$d/etc/apt.conf.d/" 2>/dev/null || :
	cat > "$d/apt.conf" <<-C
	Dir::Etc "$d/etc";
	Dir::Etc::sourcelist "$d/etc/sources.list";
	Dir::Etc::sourceparts "$d/etc/sources.list.d";
	Dir::State "$d/state";
	Dir::State::status "$d/status";
	Dir::Cache "$d/cache";
	APT::Architecture "$arch";
	APT::Architectures { "$arch"; };
	APT::Sandbox::User "root";
	C
	APT_CONFIG=$d/apt.conf apt-get -qq update >&2 ||
		die "apt-get update for $s failed"
	touch "$d/updated"
}

# apt_show SUITE PACKAGE FIELD: a field of the newest version, or nothing.
apt_show()
{
	local c

	c=$(apt_suite "$1")
	APT_CONFIG=$c apt-cache --no-all-versions show "$2" 2>/dev/null |
		sed -n "s/^$3: //p" | sed -n 1p || :
}

# apt_fetch SUITE PACKAGE...: downloads, prints the files' paths in order.
apt_fetch()
{
	local c d=$LTP_CACHE/debs p v f

	c=$(apt_suite "$1") || exit
	shift
	mkdir -p "$d"
	for p; do
		v=$(APT_CONFIG=$c apt-cache --no-all-versions show "$p" |
			sed -n 's/^Version: //p' | sed -n 1p)
		[ -n "$v" ] || die "no package $p"
		f=$(find "$d" -name "${p}_${v//:/%3a}_*.deb" | sed -n 1p)
		if [ -z "$f" ]; then
			(cd "$d" && APT_CONFIG=$c apt-get -qq download "$p=$v" >&2) ||
				die "cannot download $p"
			f=$(find "$d" -name "${p}_${v//:/%3a}_*.deb" | sed -n 1p)
		fi
		echo "$f"
	done
}

# --- the kernel source ---------------------------------------------------

# The debug kernel and the checkers of "make lint" come out of Debian's own
# source package of this series: known to run as User Mode Linux, and the
# checkers' verdicts do not move from day to day.
SOURCE_SERIES=7.2
SOURCE=$LTP_CACHE/linux-source-$SOURCE_SERIES
# kselftest.h, kselftest_harness.h
export KSFT_INC=$SOURCE/tools/testing/selftests
# UML_KIND=plain: the same kernel without the checkers, for measuring.
UML_KIND=${UML_KIND:-debug}
case $UML_KIND in
debug) UML_OBJ=$LTP_CACHE/uml-current UML_LABEL=uml ;;
plain) UML_OBJ=$LTP_CACHE/uml-plain-current UML_LABEL=uml-plain ;;
*) die "UML_KIND is debug or plain" ;;
esac
ROOT=$LTP_CACHE/root

# source_deb SERIES
source_deb()
{
	local s p=linux-source-$1

	for s in "$HOST_SUITE" "$HOST_SUITE-security" trixie-backports sid; do
		if [ -n "$(apt_show "$s" "$p" Version)" ]; then
			apt_fetch "$s" "$p" && return
		fi
	done
	die "no $p in any suite"
}

# ensure_source [SERIES]: prints nothing; the tree is $LTP_CACHE/linux-source-*.
# Once unpacked it stays: a new point release is no reason to spend a quarter
# of an hour on the debug kernel again.
ensure_source()
{
	local series=${1:-$SOURCE_SERIES} deb d new

	d=$LTP_CACHE/linux-source-$series
	new=$d.new
	[ -e "$d/Makefile" ] && return
	deb=$(source_deb "$series")
	log "unpacking ${deb##*/}"
	rm -rf "$new"
	mkdir -p "$new"
	# Device trees are a good part of the files and never looked at.
	dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		xz -dc -T0 | tar -x -C "$new" --strip-components=1 \
			--wildcards --exclude='linux-source-*/arch/*/boot/dts/*'
	mv "$new" "$d"
}

# --- the stock kernels ---------------------------------------------------

KERNELS_DIR=$LTP_CACHE/kernels

# Which suites may carry a series, best first: what the host's own C library
# can run the build tools of comes before what needs them patched.
kernel_suites()
{
	case $1 in
	6.1) echo bookworm-security bookworm ;;
	6.12)
		if [ "$HOST_SUITE" = bookworm ]; then
			echo bookworm-security bookworm-backports trixie-security trixie
		else
			echo trixie-security trixie bookworm-security bookworm-backports
		fi
		;;
	newest) echo trixie-backports sid ;;
	esac
}

# The release an image meta package stands for.
kernel_release()
{
	apt_show "$1" "$2" Depends |
		sed -n 's/.*linux-image-\([0-9][^ ]*-amd64\) (=.*/\1/p'
}

# resolve_kernels: which release stands for each series.  Asked once; a new
# point release costs nobody a download until "setup.sh --refresh".  Lines
# of "LABEL RELEASE SUITE".
resolve_kernels()
{
	local f=$KERNELS_DIR/list s r series best

	[ -s "$f" ] && return
	mkdir -p "$KERNELS_DIR"
	for series in 6.1 6.12; do
		best=
		for s in $(kernel_suites $series); do
			r=$(kernel_release "$s" "linux-image-$series-amd64")
			[ -n "$r" ] || r=$(kernel_release "$s" linux-image-amd64)
			case $r in
			"$series".*) best="$series $r $s"; break ;;
			esac
		done
		[ -n "$best" ] || die "no kernel $series in any suite"
		echo "$best"
	done > "$f.new"
	for s in $(kernel_suites newest); do
		r=$(kernel_release "$s" linux-image-amd64)
		[ -n "$r" ] && echo "$r $s"
	done | sort -V | tail -n 1 | while read -r r s; do
		echo "$(echo "$r" | cut -d. -f1,2) $r $s"
	done >> "$f.new"
	[ "$(wc -l < "$f.new")" -eq 3 ] || die "no newest kernel in any suite"
	mv "$f.new" "$f"
}

kernel_labels()
{
	cut -d' ' -f1 "$KERNELS_DIR/list"
}

# The series of the x86 debug kernels.
X86_SERIES=6.12

# kernel_of LABEL|RELEASE|newest: sets KLABEL, KREL, KSUITE.  Of the older
# there is one for real time, LABEL-rt, fetched when KERNELS names it.
kernel_of()
{
	local want=$1 l r s

	case $want in
	kasan | kcsan)
		[ -e "$LTP_CACHE/x86-$want" ] ||
			die "run selftests/harness/build-x86.sh $want first"
		KLABEL=$want KSUITE=
		KREL=$(cat "$LTP_CACHE/x86-$want/include/config/kernel.release")
		return
		;;
	*-rt)
		kernel_of "${want%-rt}"
		KLABEL=$want KREL=${KREL%amd64}rt-amd64
		return
		;;
	esac
	[ -s "$KERNELS_DIR/list" ] || die "run selftests/harness/setup.sh first"
	while read -r l r s; do
		KLABEL=$l KREL=$r KSUITE=$s
		case $want in
		"$l" | "$r") return ;;
		esac
	done < "$KERNELS_DIR/list"
	# The list ends with the newest.
	[ "$want" = newest ] || die "no kernel $want, there are: $(kernel_labels | xargs)"
}

# Build directory of a kernel: where its objects and ltp.ko are.
kernel_kdir()
{
	if [ "$1" = uml ]; then
		echo "$UML_OBJ"
	elif [ "$1" = arm64 ]; then
		kernel_of 6.12
		echo "$KERNELS_DIR/$KREL/usr/src/linux-headers-${KREL/amd64/arm64}"
	elif [ "$1" = kasan ] || [ "$1" = kcsan ]; then
		echo "$LTP_CACHE/x86-$1"
	elif [ "$1" = i386 ]; then
		echo "$LTP_CACHE/i386"
	else
		kernel_of "$1"
		echo "$KERNELS_DIR/$KREL/usr/src/linux-headers-$KREL"
	fi
}

# in_effect DOTCONFIG: of the options on standard input, prints those that a
# kernel's configuration has not, or has where they are off; fails if there are
# any.  One that is gone or lost a dependency would go unnoticed.
in_effect()
{
	local bad

	bad=$(awk '
		NR == FNR { sub(/^# /, ""); sub(/ is not set$/, "=n"); has[$0] = 1
			sub(/=.*/, ""); set[$0] = 1; next }
		/^CONFIG_/ && !($0 in has) {
			name = $0
			sub(/=.*/, "", name)
			if (!/=n$/ || name in set) print
		}' "$1" -)
	[ -z "$bad" ] && return
	printf '%s\n' "$bad" | sed 's/^/# not in effect: /' >&2
	return 1
}

# --- running guests ------------------------------------------------------

# What no kernel log may hold.  Fault injection prints traces of its own, so
# "Call Trace" alone proves nothing.
LOG_BAD='WARNING:|BUG:|BUG |Oops|KASAN:|UBSAN:|KCSAN:|Kernel panic|general protection'
LOG_BAD+='|kmemleak: [1-9]|unreferenced object|INFO: (task|rcu)|INFO: trying to register'
LOG_BAD+='|possible (recursive|circular|irq lock|deadlock)|inconsistent lock state'
LOG_BAD+='|suspicious RCU|bad unlock balance|ODEBUG:|refcount_t:|ref_tracker: .* has'
LOG_BAD+='|unregister_netdevice: waiting|scheduling while atomic|soft lockup|stack-protector'
LOG_BAD+='|list_(add|del) corruption|[Uu]nable to handle|segfault .* ltp|nobody cared'
# kmemleak that stopped looking.
LOG_BAD+='|leak detector disabled|kmemleak: Memory pool empty'
# What is none of ours: advice about the emulated processor.
LOG_OK='Spectre|RETBleed|MDS: |Vulnerable|x86/cpu: '

# without_others FILE: a kernel log without the data races that KCSAN saw in
# others' code: ours are those with a function of ours near the top of one of
# the two stacks.  And without what nf_tables and fib_rules (6.12) say of their own
# lists, which a lock protects that the check is not told of, or none need: the
# latter where a namespace that begins finds no memory.
without_others()
{
	awk '
	function flush() {
		if (title != "" && ours) print title
		if (rcu != "") print rcu
		title = rcu = ""
	}
	/BUG: KCSAN:/ { flush(); title = $0; ours = /\[ltp\]/; near = 0; next }
	title != "" && / by (task|interrupt)/ { near = 3; next }
	title != "" && near > 0 { near--; if (/\[ltp\]/) ours = 1 }
	title != "" && /Reported by/ { flush() }
	/WARNING: suspicious RCU usage/ { flush(); rcu = $0; next }
	rcu != "" && /net\/netfilter\/nf_tables_api\.c:/ { rcu = "" }
	rcu != "" && /net\/ipv4\/fib_frontend\.c:/ { rcu = "" }
	rcu != "" && /rcu_scheduler_active/ { flush() }
	{ print }
	END { flush() }' "$1"
}

# check_log FILE: prints what is bad in a kernel log; fails if anything is.
check_log()
{
	local bad

	bad=$(without_others "$1" | grep -aE "$LOG_BAD" | grep -avE "$LOG_OK" | head -n 20 || :)
	[ -z "$bad" ] && return
	printf '%s\n' "$bad" | sed "s,^,# ${1##*/}: ," >&2
	return 1
}

# results_dir LABEL: a directory nobody else uses now, emptied.  Sets
# RESULT_DIR and keeps it locked while this process lives.
results_dir()
{
	local n=1 d

	if [ -n "${RESULT_DIR-}" ]; then
		mkdir -p "$RESULT_DIR"
		RESULT_DIR=$(realpath "$RESULT_DIR")
		return
	fi
	mkdir -p "$RESULTS"
	while :; do
		d=$RESULTS/$1
		[ $n -eq 1 ] || d+=.$n
		exec {RESULT_LOCK}> "$d.lock"
		flock -n "$RESULT_LOCK" && break
		exec {RESULT_LOCK}>&-
		n=$((n + 1))
	done
	rm -rf "$d"
	mkdir -p "$d"
	RESULT_DIR=$d
}

# guest_command LABEL CMD...: the script a guest runs, in the results
# directory.  Both kinds of guest see the sources in /src, read-only, and
# the results in /results.
guest_command()
{
	local label=$1 v

	shift
	{
		cat <<-C
		#!/bin/bash
		exec 2>&1
		C
		# uml-init runs this changed into a directory, from where nobody may
		# make user namespaces: so that becomes the root.
		case $label in
		uml*)
			cat <<-'C'
			if [ -z "${LTP_ROOT-}" ]; then
				LTP_ROOT=/ exec chroot /proc/1/root bash -c 'cd /mnt/root &&
					mount -n --move . / && exec chroot . bash /results/cmd.sh'
			fi
			C
			;;
		esac
		cat <<-C
		touch /results/begun
		export HOME=/root TERM=dumb LC_ALL=C.UTF-8
		export LTP_KERNEL=$label LTP_MODULE=${LTP_MODULE:-/src/build/$label/ltp.ko}
		export LTP_RESULTS=/results
		export PATH=/src/build/tools:/src/build/selftests:/src/selftests:/usr/sbin:/usr/bin:/sbin:/bin
		C
		# What the caller set for the tests goes along.
		for v in TESTS LTP_STANDSTILL LTP_SHARD LTP_SMP LTP_REDUCED LTP_SLOW LTP_DEBUG LTP_TIMETRAVEL LTP_SOAK \
				LTP_COVER FUZZ_TIME FUZZ_SEED FUZZ_CORPUS; do
			[ -z "${!v-}" ] || printf 'export %s=%q\n' "$v" "${!v}"
		done
		cat <<-'C'
		mountpoint -q /tmp || mount -t tmpfs tmpfs /tmp
		mountpoint -q /run || mount -t tmpfs run /run
		mkdir -p /run/netns
		cd /src
		C
		printf '%q ' "$@"
		cat <<-'C'

		rc=$?
		dmesg > /results/dmesg
		echo "$rc" > /results/status
		sync
		exit "$rc"
		C
	} > "$RESULT_DIR/cmd.sh"
}

# descendant PID NAME: prints the process below PID whose name begins so
descendant()
{
	local p

	for p in $(pgrep -P "$1"); do
		case $(cat "/proc/$p/comm" 2> /dev/null) in
		"$2"*)
			echo "$p"
			return
			;;
		esac
		descendant "$p" "$2" && return
	done
	return 1
}

# standstills NAME: in the background beside a guest, which is the process NAME
# below this one: has it stand still when it asks for it, by writing for how many
# seconds to $LTP_STANDSTILL.
standstills()
{
	local ask=$RESULT_DIR/standstill n pid

	while sleep 0.2; do
		[ -s "$ask" ] || continue
		n=$(cat "$ask")
		rm -f "$ask"
		pid=$(descendant $$ "$1") || continue
		log "process $pid stands still for $n s"
		kill -STOP "$pid"
		sleep "$n"
		kill -CONT "$pid"
	done
}

# tap_count FILE: "PASSED FAILED SKIPPED TOP PLAN": results in a KTAP output,
# each counted once: one that closes more indented ones is their sum, and
# counts only if it failed and none of them did.  TOP is how many have no
# indentation, PLAN how many of those were announced, or -1.
tap_count()
{
	awk '
	BEGIN { plan = -1 }
	/^1\.\.[0-9]+/ { plan = substr($1, 4) + 0 }
	/^ *(ok|not ok)( |$)/ {
		match($0, /^ */)
		depth = RLENGTH
		line = substr($0, depth + 1)
		bad = line ~ /^not/
		skip = tolower(line) ~ /# *skip/
		if (depth == 0)
			top++
		kids = kidbad = 0
		for (i = depth + 1; i <= deepest; i++) {
			kids += n[i]
			kidbad += b[i]
			n[i] = b[i] = 0
		}
		n[depth]++
		b[depth] += bad
		if (depth > deepest)
			deepest = depth
		if (kids && !(bad && !kidbad))
			next
		if (bad) failed++
		else if (skip) skipped++
		else passed++
	}
	END { print passed + 0, failed + 0, skipped + 0, top + 0, plan }' "$1"
}
