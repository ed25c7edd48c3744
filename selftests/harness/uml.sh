#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# uml.sh [-t SECONDS] [-T] COMMAND...: runs COMMAND under the debug kernel
# (or, with UML_KIND=plain, one without checkers) on the guests' root, with the
# conventions of vm.sh (the checkout at /src, results at /results, the same
# statuses).  -T: time travel, waiting takes no time.  UML_MEMORY and UML_APPEND
# (kernel arguments) change the machine.  /results/cpu says which CPU the guest
# had to itself, and how much of it others took nevertheless, in %.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

limit=900
travel=()
while :; do
	case ${1-} in
	-t)
		limit=$2
		shift 2
		;;
	-T)
		travel=(time-travel=inf-cpu)
		export LTP_TIMETRAVEL=1
		shift
		;;
	*) break ;;
	esac
done
[ $# -ge 1 ] || die "usage: uml.sh [-t SECONDS] [-T] COMMAND..."
[ -x "$UML_OBJ/linux" ] || die "run selftests/harness/build-uml.sh first"

results_dir "$UML_LABEL${travel:+-timetravel}"
checkers=()
if [ "$UML_KIND" = debug ]; then
	export LTP_DEBUG=1
	# Per-CPU caches of free objects are not used then.  kmemleak takes what
	# is left in them for references, and half the leaks go unseen.
	checkers=(slab_debug=F)
fi
guest_command "$UML_LABEL" "$@"

# A guest is one process at a time: on a CPU of its own, if one is free, it
# gains a fifth.
pin=()
own=none
for ((n = $(nproc) - 1; n >= 0; n--)); do
	exec {cpu}> "$LTP_CACHE/lock.cpu$n"
	if flock -n "$cpu"; then
		pin=(taskset -c "$n")
		own=$n
		break
	fi
	exec {cpu}>&-
done

# Hundredths of a second that CPU $own, if there is one, was busy.
busy()
{
	awk -v cpu="cpu$own" '$1 == cpu { n = $2 + $3 + $4 + $7 + $8 + $9 }
		END { print n + 0 }' /proc/stat
}

# own_cpu FILE BUSY SECONDS: what others took of $own, which was busy for BUSY
own_cpu()
{
	if [ "$own" = none ]; then
		echo none > "$1"
		return
	fi
	times > "$1"
	awk -F '[ms ]+' -v cpu="$own" -v busy="$2" -v all="$3" '
		NR == 2 { others = busy - ($1 + $3) * 6000 - ($2 + $4) * 100 }
		END { printf "cpu=%d others=%.1f\n", cpu, (others > 0 ? others : 0) / all }
	' "$1" > "$1.new"
	mv "$1.new" "$1"
}

was_busy=$(busy)
begin=$SECONDS
rc=0
# shellcheck disable=SC2054
args=("mem=${UML_MEMORY:-1024M}" rootfstype=hostfs "rootflags=$ROOT" ro init=/sbin/uml-init
	"ltp.src=$TOP" "ltp.results=$RESULT_DIR" "${travel[@]}" seccomp=auto "${checkers[@]}"
	con=null con0=null,fd:1 ssl=null stderr=1 console=stderr loglevel=5 panic=-1)
# The debug kernel saves the stack at each allocation, each free and each
# call_rcu(): where the machine has other work too, a few thousand callbacks
# outlast a tick each, and then there is nothing but ticks until they are done.
# That is no lockup; what goes round for ever still is one.
args+=(watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120)
# The shell need not say that a kernel that panicked was aborted.
exec {err}>&2 2> /dev/null
# The guest's memory is a file in TMPDIR: keep it off the disk.
TMPDIR=/dev/shm "${pin[@]}" timeout -k 10 "$limit" \
	"$UML_OBJ/linux" "${args[@]}" ${UML_APPEND-} \
	< /dev/null 2> >(cat > "$RESULT_DIR/console") | cat || rc=$?
exec 2>&"$err" {err}>&-
own_cpu "$RESULT_DIR/cpu" $(($(busy) - was_busy)) $((SECONDS - begin + 1))

if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then
	log "uml: no end after $limit s, see $RESULT_DIR/console"
	rc=124
elif [ ! -s "$RESULT_DIR/status" ]; then
	log "uml: the kernel died, see $RESULT_DIR/console"
	tail -n 40 "$RESULT_DIR/console" | sed 's/^/# /' >&2
	rc=125
else
	rc=$(cat "$RESULT_DIR/status")
fi
for f in dmesg console; do
	[ -s "$RESULT_DIR/$f" ] || continue
	check_log "$RESULT_DIR/$f" || {
		[ "$rc" -ne 0 ] || rc=126
		break
	}
done
exit "$rc"
