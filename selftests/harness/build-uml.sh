#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build-uml.sh: the User Mode Linux debug kernel (uml-debug.config), built
# once and kept in the cache.  Prints the object directory, which is also
# what modules are built against.  With UML_KIND=plain it is a kernel without
# the checkers, which nobody but the benchmark needs.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# Without the checkers, what depends on them is off.
has_options()
{
	[ "$UML_KIND" = plain ] || in_effect "$1/.config" < "$CONFIG" ||
		die "the kernel is not as $CONFIG wants it"
}

build()
{
	local key obj start=$SECONDS

	ensure_source
	key=$(hash_of "$(grep '^CONFIG' "$CONFIG")" \
		"$(sed -n 's/^\(VERSION\|PATCHLEVEL\|SUBLEVEL\) = //p' "$SOURCE/Makefile")" \
		"$(gcc -dumpfullversion)")
	# The last one built stays usable until the new one is ready.
	obj=$LTP_CACHE/uml-$key
	if ! stamped "$obj" "$key"; then
		log "building the $UML_KIND kernel (up to a quarter of an hour on two cores)"
		# Objects of an interrupted build are still good: kbuild knows.
		mkdir -p "$obj"
		make -s -C "$SOURCE" ARCH=um O="$obj" KCONFIG_ALLCONFIG="$CONFIG" \
			allnoconfig > "$obj/build.log" 2>&1 ||
			die "configuration failed, see $obj/build.log"
		has_options "$obj"
		nice -n "${UML_NICE:-10}" make -C "$SOURCE" ARCH=um O="$obj" -j "$JOBS" linux modules \
			>> "$obj/build.log" 2>&1 || {
			tail -n 20 "$obj/build.log" >&2
			die "build failed, see $obj/build.log"
		}
		stamp "$obj" "$key"
		log "$UML_KIND kernel built in $((SECONDS - start)) s"
	fi
	has_options "$obj"
	ln -sfn "$obj" "$UML_OBJ"
}

CONFIG=${UML_CONFIG:-$HARNESS/uml-debug.config}
if [ "$UML_KIND" = plain ]; then
	mkdir -p "$LTP_CACHE"
	sed -e '/^# --- checkers ---/,$d' -e 's/-ltp-debug/-ltp/' "$CONFIG" \
		> "$LTP_CACHE/uml-plain.config"
	CONFIG=$LTP_CACHE/uml-plain.config
fi
locked "$UML_LABEL" build
echo "$UML_OBJ"
