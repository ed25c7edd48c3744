#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build-module.sh KERNEL|arm64|i386|uml [OUTDIR [MAKE ARGUMENT...]]: builds ltp.ko for
# one of the kernels in a directory of its own (build/KERNEL), where the
# sources are symbolic links, so that the objects of several kernels live
# side by side.  Warnings, W=1 included, are errors; LTP_LAX=1 lets
# them pass.  LTP_SOURCE=DIR builds another tree.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

[ $# -ge 1 ] || die "usage: build-module.sh KERNEL|arm64|i386|uml [OUTDIR [MAKE ARGUMENT...]]"
kernel=$1
src=${LTP_SOURCE:-$TOP}
args=(W=1)
targets=(modules)
cflags=()
[ -n "${LTP_LAX-}" ] || cflags+=(-Werror)
if [ "$kernel" = uml ]; then
	label=$UML_LABEL kdir=$UML_OBJ
	args+=(ARCH=um)
elif [ "$kernel" = arm64 ]; then
	label=arm64 kdir=$(kernel_kdir arm64)
	args+=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- CC=aarch64-linux-gnu-gcc
		CONFIG_DEBUG_INFO_BTF_MODULES= DEBIAN_KERNEL_NO_CC_VERSION_CHECK=1)
elif [ "$kernel" = i386 ]; then
	# There is no kernel whose symbols it could be linked to.
	label=i386 kdir=$(kernel_kdir i386) targets=(net/ltp/ltp.o)
	args+=(ARCH=i386)
else
	kernel_of "$kernel"
	label=$KLABEL kdir=$(kernel_kdir "$kernel")
	# The compiler the distribution built with may not be here, nor its
	# vmlinux for BTF, nor its pahole.
	args+=(CC=gcc CONFIG_DEBUG_INFO_BTF_MODULES= DEBIAN_KERNEL_NO_CC_VERSION_CHECK=1)
	args+=("PAHOLE_VERSION=$(sed -n 's/^CONFIG_PAHOLE_VERSION=//p' "$kdir/include/config/auto.conf")")
	cc=$(sed -n 's/^CONFIG_GCC_VERSION=//p' "$kdir/include/config/auto.conf")
	if [ "$(gcc -dumpfullversion | awk -F. '{print $1*10000+$2*100+$3}')" -lt "$cc" ]; then
		# Headers use attributes the older compiler has not heard of.
		args+=(CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=)
		cflags+=(-Wno-attributes)
	fi
fi
out=${2:-$BUILD/$label}
shift $(($# > 2 ? 2 : $#))
args+=("KCFLAGS=${cflags[*]}" "$@")

link()
{
	local d=$1 f

	mkdir -p "$out/$d"
	for f in "$src/$d"/*.[ch] "$src/$d"/Kbuild; do
		[ ! -e "$f" ] || [ "$out/$d/${f##*/}" -ef "$f" ] ||
			ln -sfn "$(realpath --relative-to="$out/$d" "$f")" "$out/$d/${f##*/}"
	done
	# Sources that are gone.
	find "$out/$d" -maxdepth 1 -xtype l -delete
}

# A 64-bit division by / or % compiles, but calls what no 32-bit kernel has.
divisions()
{
	local bad

	bad=$(nm -u "$out/net/ltp/ltp.o" | grep -E '__u?(div|mod|divmod)di[34]' || :)
	[ -z "$bad" ] || die "64-bit division:$bad"
}

build()
{
	local d

	link .
	for d in net/ltp $(cd "$src/net/ltp" && find . -mindepth 1 -type d -printf 'net/ltp/%P '); do
		link "$d"
	done
	for d in include uapi; do
		ln -sfn "$(realpath --relative-to="$out" "$src/$d")" "$out/$d"
	done
	make -s -C "$kdir" M="$out" -j "$JOBS" "${args[@]}" "${targets[@]}"
	if [ "$kernel" = i386 ]; then
		divisions
	elif ! [ "$out/ltp.ko" -ef "$out/net/ltp/ltp.ko" ]; then
		# Guests may be loading it.
		ln -sfn net/ltp/ltp.ko "$out/ltp.ko"
	fi
}

mkdir -p "$out"
out=$(realpath "$out")
exec {fd}> "$out/.lock"
flock "$fd"
build {fd}>&-
