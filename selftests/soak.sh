#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Faults at random, for LTP_SOAK seconds, under up to 200 sessions at a time;
# namespaces, engines and the module come and go.  Then nothing may be left:
# no session, socket, namespace, and no more memory than after the first
# rounds.  Each round begins with the 200.  The topology is that of faults-lib.sh.
#
# "make soak" runs it.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=faults-lib.sh
. "$(dirname "$0")/faults-lib.sh"
# shellcheck source-path=SCRIPTDIR source=harness/netns.sh
. "$(dirname "$0")/harness/netns.sh"

TIME=${LTP_SOAK:-1800}
LIMIT=300
# A round is one life of the namespaces and of the module.
FAULTS_OF_A_ROUND=6
WARM_UP=2
TOTAL=0
# Export sessions at a time, as many as a sender has blocks under way.
CROWD=200
PEAK=0

# Those that leave the way as it was, and take seconds.
faults=(
	"impaired 'loss 50%' lost"
	"impaired 'loss 10%' lost"
	"impaired 'loss gemodel 5% 30% 100% 0%' lost"
	"impaired 'delay 30ms 20ms' reordered owlt 30ms reorder 100ms"
	"impaired 'duplicate 20%' duplicated"
	"corrupt"
	"blackout 3 100 5"
	"blackout 5 3 10"
	"mtu_shrinks"
	"routes_change"
	"link_down_and_up"
	"readers_killed"
	"writer_killed"
	"peer_engine_deleted"
	"engine_deleted"
	"reader_stops 4"
	"two_engines"
)

# kernel_objects: "NAME OBJECTS BYTES OBJECTS-OF-A-SLAB" of each cache that
# grows with what the module allocates
kernel_objects()
{
	awk '$1 ~ /^(kmalloc-|skbuff|sock_inode|net_namespace|LTP|dst|rt6|nsproxy)/ ||
		$1 ~ /^(ip_dst_cache|ip6_dst_cache|UDP|UDPv6|pid_namespace)/ {
		print $1, $2, $2 * $4, $5 }' /proc/slabinfo
}

idle()
{
	[ "$(cat /sys/module/ltp/refcnt)" -eq 0 ]
}

namespaces_gone()
{
	local ns

	for ns in "${NAMESPACES[@]}"; do
		ip netns del "$ns"
	done
	NAMESPACES=() ENGINES=
	wait_for 60 idle && rmmod ltp
}

crowd_gathers()
{
	local n

	n=$(span_field exports) || return
	[ "$n" -le "$PEAK" ] || PEAK=$n
	[ "$n" -ge "$CROWD" ]
}

# Nothing passes until there are as many sessions as there can be.
crowd()
{
	netem "" && start "${many[@]}" -- pace 2 && halfway 100 &&
		netem "loss 100%" "" && wait_for 30 crowd_gathers || return
	netem "" && written && settled && all_received
}

# one_fault FAULT
one_fault()
{
	local f=$1 sent=0 said

	said=$(date +%T)
	if ! watched eval "$f" > "$TMP/said" 2>&1; then
		sed 's/^/# /' "$TMP/said"
		not_ok "$f"
		restored || die "the way is lost"
		return
	fi
	TOTAL=$((TOTAL + sent))
	restored || die "the way is lost"
	diag "$said $f: $(head -n 1 "$TMP/said")"
}

round()
{
	local i

	N_ROUND=$((N_ROUND + 1))
	grep -q '^ltp ' /proc/modules || insmod "$LTP_MODULE" || die "no module"
	A=ltp-a-$N_ROUND B=ltp-b-$N_ROUND R=ltp-r-$N_ROUND C=ltp-c-$N_ROUND
	faults_topology
	for ((i = 0; i < FAULTS_OF_A_ROUND; i++)); do
		if [ "$i" -eq 0 ]; then
			one_fault crowd
		else
			one_fault "${faults[RANDOM % ${#faults[@]}]}"
		fi
		if [ "$N_ROUND" -gt $WARM_UP ] && [ "$SECONDS" -gt "$TIME" ]; then
			break
		fi
	done
	namespaces_gone > "$TMP/said" 2>&1 || {
		sed 's/^/# /' "$TMP/said"
		not_ok "round $N_ROUND: namespaces and module go"
		die "something stays"
	}
}

# Objects that are more than before, by more than the noise: one object in a
# thousand blocks would be a leak.  All of a slab that a CPU allocates from count
# as used: 512 of the smallest.
growth()
{
	# What was not there before had none.
	join -a 2 -e 0 -o 0,1.2,1.3,2.2,2.3,2.4 \
		<(sort -k 1,1 "$TMP/before") <(sort -k 1,1 "$TMP/after") |
		awk -v blocks="$TOTAL" -v cpus="$(nproc)" '{
			d = $4 - $2
			noise = $6 * cpus > 400 ? $6 * cpus : 400
			if (d > 50 || d < -50)
				printf "# %s: %d objects, %+d\n", $1, $4, d > "/dev/stderr"
			if (d > noise + blocks / 1000)
				bad = bad " " $1
		}
		END { if (bad) { print "more of" bad; exit 1 } }'
}

no_leak()
{
	growth && is $((AFTER - BEFORE)) -lt $((2048 + TOTAL / 100)) "kB more"
}

# Lists of pages and the buffers of others' devices vary; a page in a hundred
# blocks would be a leak.
no_pages_leak()
{
	is $((RAW_AFTER - RAW_BEFORE)) -lt $((4096 + TOTAL / 25)) "kB in pages more"
}

no_namespace()
{
	wait_for 60 netns_fit "$NETNS" || {
		echo "$(($(netns_count) - NETNS)) are left"
		return 1
	}
}

N_ROUND=0
NETNS=$(netns_count)
while [ "$SECONDS" -lt "$TIME" ] || [ "$N_ROUND" -le $WARM_UP ]; do
	round
	if [ "$N_ROUND" -eq $WARM_UP ]; then
		calm
		kernel_objects > "$TMP/before"
		BEFORE=$(kernel_memory) RAW_BEFORE=$(raw_memory) STACKS=$(stacks) SINCE=$SECONDS TOTAL=0
		diag "after $SECONDS s: $BEFORE kB of kernel memory, $RAW_BEFORE kB in pages"
	fi
done
calm
kernel_objects > "$TMP/after"
AFTER=$(kernel_memory) RAW_AFTER=$(raw_memory)
diag "$N_ROUND rounds, $TOTAL blocks in $((SECONDS - SINCE)) s:" \
	"$BEFORE kB of kernel memory before, $AFTER kB after" \
	"$RAW_BEFORE kB in pages before, $RAW_AFTER kB after" \
	"$STACKS kB of stacks before, $(stacks) kB after" \
	"$PEAK sessions at a time"
[ "$T_BAD" -gt 0 ] || ok "$TOTAL blocks under random faults"
check "as much memory as before" no_leak
sed -n '/^#/p' "$TMP/said"
check "no more pages than before" no_pages_leak
check "$CROWD sessions at a time" is "$PEAK" -ge "$CROWD" "sessions at most"
check "no namespace is left" no_namespace
check "nothing of the module is left" test ! -e /proc/sys/net/ltp
insmod "$LTP_MODULE"
finish
