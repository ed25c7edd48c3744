#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vm.sh [-t SECONDS] KERNEL COMMAND...: boots a stock kernel (6.1, 6.12,
# newest or its release) and runs COMMAND in it as root, with the checkout
# at /src (read-only, working directory) and a results directory at
# /results.  Output is the command's, the status too; 124 after a timeout,
# 125 if the kernel died, 126 if its log holds a warning.  The log is left
# in build/results/KERNEL/dmesg; RESULT_DIR=... puts it elsewhere.
# VM_CPUS, VM_MEMORY, VM_APPEND (kernel arguments), VM_QEMU (its options) change
# the machine.
#
# COMMAND may have the whole machine stand still, as one that is suspended, by
# writing for how many seconds to the file $LTP_STANDSTILL; time goes on.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

limit=600
boot_limit=$((200 * ${LTP_SLOW:-1}))
if [ "${1-}" = -t ]; then
	limit=$2
	shift 2
fi
[ $# -ge 2 ] || die "usage: vm.sh [-t SECONDS] KERNEL COMMAND..."
kernel_of "$1"
shift

vng()
{
	# repeated-string copies are four times slower under TCG: not offered.
	local cpu=max,-erms,-fsrm accel=(--disable-kvm)

	if [ "$1" = kvm ]; then
		cpu=host accel=()
	fi
	# norandmaps: what was translated of a program serves again where its addresses
	# are the same; processes begin in half the time.
	# qemu opens its standard streams anew and would truncate a file.
	PATH=$LTP_CACHE/bin:$LTP_CACHE/virtme-ng/usr/bin:$PATH \
	PYTHONPATH=$LTP_CACHE/virtme-ng/usr/lib/python3/dist-packages \
	timeout -k 10 "$limit" /usr/bin/python3 "$LTP_CACHE/virtme-ng/usr/bin/vng" \
		--verbose --root "$ROOT" -r "$ROOT/boot/vmlinuz-$KREL" \
		"${accel[@]}" --cpus "${VM_CPUS:-2}" --memory "${VM_MEMORY:-2G}" --user root \
		--rodir="/src=$TOP" --rwdir="/results=$RESULT_DIR" "-o=-cpu $cpu ${VM_QEMU-}" \
		--append "loglevel=5 no_timer_check mitigations=off nokaslr norandmaps" \
		--append "panic_on_oops=0 ${VM_APPEND-}" \
		-- "bash /results/cmd.sh" \
		< /dev/null 2> >(cat > "$RESULT_DIR/console") | cat
}

# stale: the guest's first oops is of a breakpoint where there is none: its Code
# line has the octet before the place in question, which is not cc.  The kernel
# had changed a jump there, and what the emulator ran was translated before.
stale()
{
	awk '/int3: 0000 \[#1\]/ { found = 1 }
	     found && match($0, /Code: .* [0-9a-f][0-9a-f] </) {
		exit substr($0, RSTART + RLENGTH - 4, 2) == "cc"
	     }
	     END { if (!found || !RSTART) exit 1 }' "$RESULT_DIR/console" 2> /dev/null
}

end_guest()
{
	pkill -f -- "--rwdir=/results=$RESULT_DIR " || :
}

# In the background: what comes after that tells nothing.
until_stale()
{
	while sleep 2; do
		stale || continue
		end_guest
		return
	done
}

# boot ACCEL: ends a guest that does not get as far as its command.
boot()
{
	local pid stops stales rc=0 i

	vng "$1" &
	pid=$!
	standstills qemu-system &
	stops=$!
	until_stale &
	stales=$!
	for ((i = 0; i < boot_limit; i++)); do
		if [ -e "$RESULT_DIR/begun" ] || ! kill -0 $pid 2> /dev/null; then
			break
		fi
		sleep 1
	done
	[ -e "$RESULT_DIR/begun" ] || end_guest
	wait $pid || rc=$?
	kill $stops $stales 2> /dev/null
	return $rc
}

# /dev/kvm may be there and stock kernels die under it: a boot tells.
probe_kvm()
{
	local f=$LTP_CACHE/kvm key

	key=$(hash_of "$(uname -r)" "$(grep -m 1 'model name' /proc/cpuinfo)" "$KREL")
	if [ ! -w /dev/kvm ]; then
		ACCEL=tcg
		return
	fi
	if ! stamped "$f" "$key"; then
		if (RESULT_DIR=$(mktemp -d)
		    trap 'rm -rf "$RESULT_DIR"' EXIT
		    guest_command "$KLABEL" true
		    limit=60 vng kvm > /dev/null
		    [ "$(cat "$RESULT_DIR/status" 2> /dev/null)" = 0 ]); then
			echo kvm > "$f"
		else
			echo tcg > "$f"
		fi
		stamp "$f" "$key"
	fi
	ACCEL=$(cat "$f")
}

why_failed()
{
	if stale; then
		echo "a breakpoint where there is none, $(grep -a -m 1 -o 'RIP: .*' "$RESULT_DIR/console")"
	else
		tail -n 1 "$RESULT_DIR/console"
	fi
}

[ -e "$ROOT/boot/vmlinuz-$KREL" ] || die "run selftests/harness/setup.sh first"
results_dir "$KLABEL"
locked kvm probe_kvm
export LTP_STANDSTILL=/results/standstill
guest_command "$KLABEL" "$@"
# Up to three times if it is the emulator's failure: one that dies of an
# assertion of its own (as qemu's of MSI-X at times does while a kernel boots),
# that runs what is not in memory, or that never gets as far as COMMAND.
for try in 1 2 3; do
	rm -f "$RESULT_DIR"/{begun,done,status,counts,dmesg,console}
	rc=0
	boot "$ACCEL" || rc=$?
	[ ! -s "$RESULT_DIR/status" ] || stale || break
	if [ -e "$RESULT_DIR/begun" ] && ! stale &&
	   ! grep -aq '^qemu-system-[^:]*: .*Assertion' "$RESULT_DIR/console"; then
		break
	fi
	cp "$RESULT_DIR/console" "$RESULT_DIR/console.$try"
	log "$KREL: boot $try failed: $(why_failed)"
done

if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then
	log "$KREL: no end after $limit s, see $RESULT_DIR/console"
	rc=124
elif [ ! -s "$RESULT_DIR/status" ]; then
	log "$KREL: the kernel died, see $RESULT_DIR/console"
	tail -n 40 "$RESULT_DIR/console" | sed 's/^/# /' >&2
	rc=125
fi
for f in dmesg console; do
	[ -s "$RESULT_DIR/$f" ] || continue
	check_log "$RESULT_DIR/$f" || {
		[ "$rc" -ne 0 ] || rc=126
		break
	}
done
exit "$rc"
