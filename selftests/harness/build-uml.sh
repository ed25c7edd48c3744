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
	local key obj=$UML_OBJ start=$SECONDS

	ensure_source
	key=$(hash_of "$HARNESS/uml-debug.config" "$(make -s -C "$SOURCE" kernelversion)" \
		"$(gcc --version | head -n1)")
	stamped "$obj" "$key" && return
	log "building the debug kernel (a quarter of an hour on two cores)"
	# Objects of an interrupted build are still good: kbuild knows.
	rm -f "$obj.stamp"
	mkdir -p "$obj"
	if ! cmp -s "$HARNESS/uml-debug.config" "$obj/.fragment"; then
		make -s -C "$SOURCE" ARCH=um O="$obj" \
			KCONFIG_ALLCONFIG="$HARNESS/uml-debug.config" allnoconfig \
			> "$obj/build.log" 2>&1 || die "configuration failed, see $obj/build.log"
		cp "$HARNESS/uml-debug.config" "$obj/.fragment"
		# An option that is gone or lost a dependency would go unnoticed.
		grep -E '^CONFIG_.*=[^n]' "$obj/.fragment" | grep -vxFf "$obj/.config" |
			sed 's/^/# not in effect: /' >&2 || :
	fi
	nice make -C "$SOURCE" ARCH=um O="$obj" -j "$JOBS" linux modules \
		>> "$obj/build.log" 2>&1 || {
		tail -n 20 "$obj/build.log" >&2
		die "build failed, see $obj/build.log"
	}
	stamp "$obj" "$key"
	log "debug kernel built in $((SECONDS - start)) s"
}

locked uml build
echo "$UML_OBJ"
