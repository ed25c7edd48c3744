#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build-uml.sh: the User Mode Linux debug kernel (uml-debug.config), built
# once and kept in the cache.  Prints the object directory, which is also
# what modules are built against.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

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
		log "building the debug kernel (a quarter of an hour on two cores)"
		# Objects of an interrupted build are still good: kbuild knows.
		mkdir -p "$obj"
		make -s -C "$SOURCE" ARCH=um O="$obj" KCONFIG_ALLCONFIG="$CONFIG" \
			allnoconfig > "$obj/build.log" 2>&1 ||
			die "configuration failed, see $obj/build.log"
		# An option that is gone or lost a dependency would go unnoticed.
		grep -E '^CONFIG_.*=[^n]' "$CONFIG" | grep -vxFf "$obj/.config" |
			sed 's/^/# not in effect: /' >&2 || :
		nice make -C "$SOURCE" ARCH=um O="$obj" -j "$JOBS" linux modules \
			>> "$obj/build.log" 2>&1 || {
			tail -n 20 "$obj/build.log" >&2
			die "build failed, see $obj/build.log"
		}
		stamp "$obj" "$key"
		log "debug kernel built in $((SECONDS - start)) s"
	fi
	ln -sfn "$obj" "$UML_OBJ"
}

CONFIG=${UML_CONFIG:-$HARNESS/uml-debug.config}
locked uml build
echo "$UML_OBJ"
