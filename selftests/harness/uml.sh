#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# uml.sh [-t SECONDS] [-T] COMMAND...: runs COMMAND under the debug kernel
# (or, with UML_KIND=plain, one without checkers) on the guests' root, with the conventions of vm.sh (the checkout at /src,
# results at /results, the same statuses).  -T: time travel, waiting takes
# no time.  UML_MEMORY and UML_APPEND (kernel arguments) change the machine.

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
for ((n = $(nproc) - 1; n >= 0; n--)); do
	exec {cpu}> "$LTP_CACHE/lock.cpu$n"
	if flock -n "$cpu"; then
		pin=(taskset -c "$n")
		break
	fi
	exec {cpu}>&-
done

rc=0
# shellcheck disable=SC2054
args=("mem=${UML_MEMORY:-1024M}" rootfstype=hostfs "rootflags=$ROOT" ro init=/sbin/uml-init
	"ltp.src=$TOP" "ltp.results=$RESULT_DIR" "${travel[@]}" seccomp=auto "${checkers[@]}"
	con=null con0=null,fd:1 ssl=null stderr=1 console=stderr loglevel=5 panic=-1)
# The shell need not say that a kernel that panicked was aborted.
exec {err}>&2 2> /dev/null
# The guest's memory is a file in TMPDIR: keep it off the disk.
TMPDIR=/dev/shm "${pin[@]}" timeout -k 10 "$limit" \
	"$UML_OBJ/linux" "${args[@]}" ${UML_APPEND-} \
	< /dev/null 2> >(cat > "$RESULT_DIR/console") | cat || rc=$?
exec 2>&"$err" {err}>&-

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
