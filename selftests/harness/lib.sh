# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Common functions of the harness; sourced, never run.
#
# Everything slow lives outside the checkout, below $LTP_CACHE, each result
# with a stamp that names what it was made from.  A result is made under a
# temporary name and renamed, so an interrupted run leaves nothing half done.

set -euo pipefail

HARNESS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$HARNESS/../.." && pwd)
LTP_CACHE=${LTP_CACHE:-/var/cache/ltp}
BUILD=${LTP_BUILD:-$TOP/build}
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

# apt_suite SUITE: a private apt configuration, so that packages of SUITE
# can be downloaded without touching the host's sources.  Prints its path.
apt_suite()
{
	local s=$1 d=$LTP_CACHE/apt/$1 uri comp=main

	case $s in
	*-security) uri=$(apt_mirror_security) ;;
	*) uri=$(apt_mirror) ;;
	esac
	mkdir -p "$d"/{etc/apt.conf.d,etc/preferences.d,etc/sources.list.d} \
		"$d"/{state/lists/partial,cache/archives/partial}
	: > "$d/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $s $comp" \
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
	APT::Architecture "amd64";
	APT::Sandbox::User "root";
	C
	# A mirror moves a few times a day: once a day is fresh enough.
	if [ -z "$(find "$d/updated" -mmin -1440 2>/dev/null)" ]; then
		APT_CONFIG=$d/apt.conf apt-get -qq update >&2 ||
			die "apt-get update for $s failed"
		touch "$d/updated"
	fi
	echo "$d/apt.conf"
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

	c=$(apt_suite "$1")
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
UML_OBJ=$LTP_CACHE/uml-debug

source_deb()
{
	local s p=linux-source-$SOURCE_SERIES

	for s in "$HOST_SUITE" trixie-backports sid; do
		if [ -n "$(apt_show "$s" "$p" Version)" ]; then
			apt_fetch "$s" "$p" && return
		fi
	done
	die "no $p in any suite"
}

# Once unpacked the tree stays: a new point release is no reason to spend a
# quarter of an hour on the debug kernel again.
ensure_source()
{
	local deb new=$SOURCE.new

	[ -e "$SOURCE/Makefile" ] && return
	deb=$(source_deb)
	log "unpacking ${deb##*/}"
	rm -rf "$new"
	mkdir -p "$new"
	# Device trees are a good part of the files and never looked at.
	dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		xz -dc -T0 | tar -x -C "$new" --strip-components=1 \
			--wildcards --exclude='linux-source-*/arch/*/boot/dts/*'
	mv "$new" "$SOURCE"
}
