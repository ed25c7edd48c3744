#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build-x86.sh kasan|kcsan: an x86 debug kernel for "make check-debug-x86",
# built once, kept in the cache and put into the guests' root, where vm.sh
# finds it as kernel "kasan" or "kcsan".

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

case ${1-} in
kasan | kcsan) config=$1 ;;
*) die "usage: build-x86.sh kasan|kcsan" ;;
esac

# The last line that names an option counts.
merged()
{
	cat "$HARNESS/uml-debug.config" "$HARNESS/x86-debug.config" \
		"$HARNESS/x86-$config.config" | grep '^CONFIG'
}

# Of uml-debug.config, what only that kernel has is off.
has_options()
{
	cat "$HARNESS/x86-debug.config" "$HARNESS/x86-$config.config" |
		in_effect "$1/.config" || die "the kernel is not as its configuration wants it"
}

build()
{
	local source=$LTP_CACHE/linux-source-$X86_SERIES key obj rel start=$SECONDS

	ensure_source "$X86_SERIES"
	key=$(hash_of "$(merged)" "$(gcc -dumpfullversion)" \
		"$(sed -n 's/^\(VERSION\|PATCHLEVEL\|SUBLEVEL\) = //p' "$source/Makefile")")
	obj=$LTP_CACHE/x86-$config-$key
	if ! stamped "$obj" "$key"; then
		log "building the $config kernel (half an hour on two cores)"
		mkdir -p "$obj"
		merged > "$obj/allconfig"
		make -s -C "$source" ARCH=x86_64 O="$obj" KCONFIG_ALLCONFIG="$obj/allconfig" \
			allnoconfig > "$obj/build.log" 2>&1 ||
			die "configuration failed, see $obj/build.log"
		has_options "$obj"
		nice -n 19 make -C "$source" ARCH=x86_64 O="$obj" -j "$JOBS" bzImage modules \
			>> "$obj/build.log" 2>&1 || {
			tail -n 20 "$obj/build.log" >&2
			die "build failed, see $obj/build.log"
		}
		stamp "$obj" "$key"
		log "$config kernel built in $((SECONDS - start)) s"
	fi
	has_options "$obj"
	rel=$(cat "$obj/include/config/kernel.release")
	ln -sfn "$obj" "$LTP_CACHE/x86-$config"
	# Where virtme-ng looks; everything is built in.
	if ! [ "$ROOT/boot/vmlinuz-$rel" -nt "$obj.stamp" ]; then
		mkdir -p "$ROOT/usr/lib/modules/$rel" "$ROOT/boot"
		cp "$obj/.config" "$ROOT/boot/config-$rel"
		cp "$obj"/modules.builtin* "$obj/modules.order" "$ROOT/usr/lib/modules/$rel/"
		depmod -b "$ROOT" "$rel"
		cp "$obj/arch/x86/boot/bzImage" "$ROOT/boot/vmlinuz-$rel.new"
		mv "$ROOT/boot/vmlinuz-$rel.new" "$ROOT/boot/vmlinuz-$rel"
	fi
}

locked "x86-$config" build
