#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# setup.sh [--refresh]: all that "make check" needs and a fresh Debian 12 or
# 13 lacks: host packages, three stock kernels with their headers, a guest
# root file system, virtme-ng, the kernel source the checkers come from.
# Run as root.  A second run takes a second; --refresh asks the archive for
# newer kernels.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

HOST_PACKAGES=(
	# building
	build-essential flex bison bc libelf-dev libssl-dev patchelf rsync git
	kmod cpio xz-utils zstd libmnl-dev libjansson-dev pkg-config
	gcc-aarch64-linux-gnu
	# guests
	qemu-system-x86 mmdebstrap busybox-static file iproute2 util-linux
	python3 python3-argcomplete python3-requests
	# checkers and codec tests
	sparse shellcheck python3-yaml python3-jsonschema python3-scapy tshark
	python3-git clang libclang-rt-dev
)
GUEST_PACKAGES=(
	iproute2 ethtool kmod procps iputils-ping python3 python3-scapy libmnl0
	libjansson4 tcpdump busybox-static jq nftables psmisc socat strace
)

host_packages()
{
	local p missing=()

	for p in "${HOST_PACKAGES[@]}"; do
		dpkg-query -W -f '${db:Status-Status}' "$p" 2> /dev/null |
			grep -qx installed || missing+=("$p")
	done
	[ ${#missing[@]} -eq 0 ] && return
	log "installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq update >&2
	apt-get -qq -o DPkg::Lock::Timeout=900 install -y --no-install-recommends "${missing[@]}" \
		> "$LTP_CACHE/apt.log" 2>&1 || {
		tail -n 20 "$LTP_CACHE/apt.log" >&2
		die "apt-get install failed"
	}
}

# libraries SUITE: a newer suite's C library and what else its programs need
# of it, for running them on the host.  Prints the directory.
libraries()
{
	local s=${1%-backports} d

	s=${s%-security}
	d=$LTP_CACHE/lib-$s
	locked "lib-$s" fetch_libraries "$s" "$d"
	echo "$d"
}

# For guests and for kernels, which are set up at the same time.
fetch_libraries()
{
	local d=$2 debs deb p=(libc6 zlib1g libzstd1 libcap-ng0 libgcc-s1
		libseccomp2 libelf1t64 libssl3t64)

	[ ! -e "$d.stamp" ] || return 0
	rm -rf "$d"
	mkdir -p "$d"
	# Called in a substitution, where what fails does not end it.
	debs=$(apt_fetch "$1" "${p[@]}") || exit
	for deb in $debs; do
		dpkg-deb --fsys-tarfile "$deb" |
			tar -x -C "$d" --wildcards --transform 's,.*/,,' \
				'*/x86_64-linux-gnu/*.so*' || exit
	done
	stamp "$d" "$1"
}

# Packages of one release: image and headers with what they depend on.
kernel_packages()
{
	local p todo=("linux-image-$KREL" "linux-headers-$KREL") seen=" "

	while [ ${#todo[@]} -gt 0 ]; do
		p=${todo[0]}
		todo=("${todo[@]:1}")
		case $seen in *" $p "*) continue ;; esac
		seen+="$p "
		echo "$p"
		mapfile -t -O "${#todo[@]}" todo < <(
			apt_show "$KSUITE" "$p" Depends | tr ',' '\n' |
			sed 's/^ *//; s/[ |].*//' |
			grep -E '^linux-(binary|modules|headers|kbuild|base)-[0-9]' || :)
	done
}

# The build tools of a newer suite are linked against its C library.  They
# cannot be wrapped (modpost looks at its own name), so they are pointed at
# a private copy.
patch_kbuild()
{
	local d=$1 lib f

	find "$d"/usr/lib/linux-kbuild-* "$d/usr/src/linux-headers-$KREL" -type f -perm /111 |
	while read -r f; do
		[ "$(head -c 4 "$f" | tail -c 3)" = ELF ] || continue
		[[ $(ldd "$f" 2>&1) = *"not found"* ]] || continue
		lib=$(libraries "$KSUITE")
		patchelf --set-interpreter "$lib/ld-linux-x86-64.so.2" --set-rpath "$lib" "$f"
	done
}

kernel()
{
	local d p key h f

	kernel_of "$1"
	d=$KERNELS_DIR/$KREL
	key=$(hash_of "$KREL $KSUITE" "$(declare -f kernel patch_kbuild)" "$(gcc -dumpfullversion)")
	stamped "$d" "$key" && return
	log "unpacking kernel $KREL"
	rm -rf "$d" "$d.stamp"
	mkdir -p "$d"
	mapfile -t p < <(kernel_packages)
	apt_fetch "$KSUITE" "${p[@]}" > "$d/debs"
	while read -r p; do
		dpkg-deb -x "$p" "$d"
	done < "$d/debs"
	# One place for modules, whatever the packages' age.
	mkdir -p "$d/usr/lib/modules"
	[ ! -d "$d/lib/modules" ] || mv "$d/lib/modules"/* "$d/usr/lib/modules/"
	rm -rf "${d:?}/lib"
	ln -sfn "../../../src/linux-headers-$KREL" "$d/usr/lib/modules/$KREL/build"
	rm -f "$d/usr/lib/modules/$KREL/source"

	h=$d/usr/src/linux-headers-$KREL
	sed -i "s,\([= ]\)/usr/src/,\1$d/usr/src/,g" "$h/Makefile"
	[ ! -e "$h/.kernelvariables" ] || sed -i 's/^\(CC\|override CC\)\b.*/CC = gcc/' "$h/.kernelvariables"
	patch_kbuild "$d"
	# Options of a newer compiler than the host's.
	if ! gcc -fmin-function-alignment=16 -E -x c /dev/null > /dev/null 2>&1; then
		for f in include/config/auto.conf include/generated/autoconf.h; do
			sed -i '/CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT/d' "$h/$f"
		done
	fi
	stamp "$d" "$key"
}

# arm64 is only compiled for, by a cross compiler: of its kernel, what the
# common headers and the build tools do not have already.
arm64_headers()
{
	local d deb h

	kernel_of 6.12
	d=$KERNELS_DIR/$KREL
	h=linux-headers-${KREL/amd64/arm64}
	[ ! -e "$d/usr/src/$h/Makefile" ] || return 0
	deb=$(apt_fetch "$KSUITE:arm64" "$h")
	rm -rf "$d/arm64"
	dpkg-deb -x "$deb" "$d/arm64"
	sed -i "s,\([= ]\)/usr/src/,\1$d/usr/src/,g" "$d/arm64/usr/src/$h/Makefile"
	rm -f "$d/arm64/usr/src/$h/.kernelvariables"
	mv "$d/arm64/usr/src/$h" "$d/usr/src/"
	rm -rf "$d/arm64"
}

# 32 bits are only compiled for, against a tree of the checkers' source that is
# configured, with the tests' options, and no more.
i386_tree()
{
	local d=$LTP_CACHE/i386 key

	key=$(hash_of "$HARNESS/uml-debug.config" "$(declare -f i386_tree)" \
		"$(gcc -dumpfullversion)")
	stamped "$d" "$key" && return
	log "configuring a 32-bit kernel"
	rm -rf "$d" "$d.stamp"
	mkdir -p "$d"
	{
		sed -n '/^# --- networking/,/^# --- checkers/p' "$HARNESS/uml-debug.config"
		printf 'CONFIG_%s=y\n' SMP MODULES NET_NS HIGH_RES_TIMERS PREEMPT \
			PRINTK BUG SYSFS PROC_FS PROC_SYSCTL FTRACE ENABLE_DEFAULT_TRACERS
		echo 'CONFIG_64BIT=n'
	} > "$d/allconfig"
	make -s -C "$SOURCE" ARCH=i386 O="$d" KCONFIG_ALLCONFIG="$d/allconfig" \
		allnoconfig > "$d/build.log" 2>&1 &&
	make -s -C "$SOURCE" ARCH=i386 O="$d" -j "$JOBS" modules_prepare \
		>> "$d/build.log" 2>&1 ||
		die "no 32-bit tree, see $d/build.log"
	stamp "$d" "$key"
}

# virtme-ng as a plain directory: one version on every host.
virtme()
{
	local d=$LTP_CACHE/virtme-ng s deb

	[ -e "$d.stamp" ] && return
	for s in sid trixie-backports trixie; do
		[ -n "$(apt_show "$s" virtme-ng Version)" ] && break
	done
	log "fetching virtme-ng"
	deb=$(apt_fetch "$s" virtme-ng)
	rm -rf "$d"
	mkdir -p "$d"
	dpkg-deb -x "$deb" "$d"
	stamp "$d" "${deb##*/}"
}

# The virtiofsd of Debian 12's qemu is too old for virtme-ng.
virtiofsd()
{
	local d=$LTP_CACHE/bin lib deb v=$LTP_CACHE/virtiofsd

	[ -x "$d/virtiofsd" ] && return
	mkdir -p "$d"
	deb=$(apt_fetch trixie virtiofsd)
	rm -rf "$v"
	dpkg-deb -x "$deb" "$v"
	if "$v/usr/libexec/virtiofsd" --version > /dev/null 2>&1; then
		ln -sfn "$v/usr/libexec/virtiofsd" "$d/virtiofsd"
		return
	fi
	lib=$(libraries trixie)
	cat > "$d/virtiofsd.new" <<-W
	#!/bin/sh
	exec "$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$v/usr/libexec/virtiofsd" "\$@"
	W
	chmod +x "$d/virtiofsd.new"
	mv "$d/virtiofsd.new" "$d/virtiofsd"
}

# The guests' root: the host's suite, so that programs built here run there.
guest_root()
{
	local key new=$ROOT.new start=$SECONDS

	key=$(hash_of "$HOST_SUITE" "${GUEST_PACKAGES[*]}" "$(declare -f guest_root)" \
		"$HARNESS/stub-udevd" "$HARNESS/uml-init")
	stamped "$ROOT" "$key" && return
	log "making the guest's root file system"
	rm -rf "$new" "$ROOT.stamp"
	local IFS=,
	mmdebstrap --quiet --mode=root --variant=minbase --format=directory \
		--include="${GUEST_PACKAGES[*]}" \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--aptopt='APT::Install-Recommends "false"' \
		"$HOST_SUITE" "$new" "$(apt_mirror)" > "$LTP_CACHE/mmdebstrap.log" 2>&1 || {
		tail -n 20 "$LTP_CACHE/mmdebstrap.log" >&2
		die "mmdebstrap failed"
	}
	unset IFS
	install -D -m 755 "$HARNESS/stub-udevd" "$new/usr/lib/systemd/systemd-udevd"
	install -m 755 "$HARNESS/uml-init" "$new/usr/sbin/uml-init"
	ln -sfn /bin/true "$new/usr/bin/udevadm"
	ln -sfn /bin/busybox "$new/usr/sbin/poweroff"
	ln -sfn /bin/busybox "$new/usr/sbin/reboot"
	mkdir -p "$new/mnt" "$new/src" "$new/results" "$new/boot"
	echo ltp > "$new/etc/hostname"
	rm -rf "$ROOT"
	mv "$new" "$ROOT"
	stamp "$ROOT" "$key"
	log "root file system made in $((SECONDS - start)) s"
}

# Images and modules inside the root, where virtme-ng looks for them.
root_kernel()
{
	local d f m=$ROOT/usr/lib/modules

	kernel_of "$1"
	d=$KERNELS_DIR/$KREL
	[ -e "$m/$KREL/.done" ] && [ "$m/$KREL/.done" -nt "$d.stamp" ] && return
	rm -rf "${m:?}/$KREL"
	mkdir -p "$m"
	# Newer packages keep the image with the modules.
	for f in vmlinuz config; do
		cp "$d/boot/$f-$KREL" "$ROOT/boot/" 2> /dev/null ||
			cp "$d/usr/lib/modules/$KREL/$f" "$ROOT/boot/$f-$KREL"
	done
	cp -al "$d/usr/lib/modules/$KREL" "$m/$KREL"
	rm -f "$m/$KREL/build"
	depmod -b "$ROOT" "$KREL"
	touch "$m/$KREL/.done"
}

main()
{
	local k guests extra=()

	for k in ${KERNELS-}; do
		case $k in *-rt) extra+=("$k") ;; esac
	done
	[ "$(id -u)" -eq 0 ] || die "must be root"
	[ "${1-}" != --refresh ] || rm -f "$KERNELS_DIR/list" "$LTP_CACHE"/apt/*/updated
	host_packages
	resolve_kernels
	# Mostly waiting for the mirror and for one unpacker: two at a time.
	(
		virtme
		virtiofsd
		guest_root
	) &
	guests=$!
	for k in $(kernel_labels) "${extra[@]}"; do
		kernel "$k"
	done
	arm64_headers
	ensure_source
	i386_tree
	wait "$guests" || die "setting up the guests failed"
	for k in $(kernel_labels) "${extra[@]}"; do
		root_kernel "$k"
	done
}

mkdir -p "$LTP_CACHE"
locked setup main "$@"
