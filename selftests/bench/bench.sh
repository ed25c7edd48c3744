#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh: what AF_LTP costs, beside what UDP and TCP cost, on up to three
# platforms, one guest each:
#
#	stock	a stock kernel, two CPUs; under TCG unless KVM works
#	icount	the same with one CPU, where time counts instructions
#	uml	User Mode Linux without checkers, one CPU; only if its kernel is
#		there, or if asked for, as it takes a quarter of an hour to build
#
# Tables go to stdout and build/bench.txt, rows to build/bench.json, a plot to
# build/bench.svg.  Narrowed down by the environment:
#
#	PLATFORMS="stock icount uml"
#	BENCH="base path mtu block sessions flows loss memory", also "curve" (cost
#		by size of block, ten minutes), "zerocopy" (copied or referred to, by
#		size of segment), "file" (the same of files, by sendfile() and
#		splice(); not on stock), "moon" (moon.sh and TCP, ten minutes; on
#		icount, where no machine is too slow), and "quick" (base and path,
#		2 runs)
#	WAYS	"red green gso mmsg tcp", what to compare
#	REPS	runs of each
#	KERNEL	6.12

# shellcheck source-path=SCRIPTDIR/../harness source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"

KERNEL=${KERNEL:-6.12}
series=${BENCH:-base path mtu block sessions flows loss memory}
if [ "$series" = quick ]; then
	series="base path"
	REPS=${REPS:-2}
fi
if [ -z "${PLATFORMS-}" ]; then
	PLATFORMS="icount stock"
	[ ! -x "$LTP_CACHE/uml-plain-current/linux" ] || PLATFORMS+=" uml"
fi

dirs=()
failed=0
start=$SECONDS
for p in $PLATFORMS; do
	d=$RESULTS/bench-$p
	rm -rf "$d"
	mkdir -p "$d"
	export RESULT_DIR=$d
	# shellcheck disable=SC2206
	cmd=(env "REPS=${REPS-}" "MS=${MS-}" "WAYS=${WAYS-}" "CURVE_MAX=${CURVE_MAX-}"
		/src/selftests/bench/guest.sh "$p" $series)
	log "measuring on $p"
	case $p in
	stock)
		"$HARNESS/build.sh" "$KERNEL"
		VM_MEMORY=${VM_MEMORY:-6G} \
			"$HARNESS/vm.sh" -t 3600 "$KERNEL" "${cmd[@]}"
		;;
	icount)
		"$HARNESS/build.sh" "$KERNEL"
		VM_CPUS=1 VM_MEMORY=${VM_MEMORY:-6G} VM_QEMU="-icount shift=0,sleep=off" \
			"$HARNESS/vm.sh" -t 3600 "$KERNEL" "${cmd[@]}"
		;;
	uml)
		export UML_KIND=plain
		"$HARNESS/build-uml.sh" > /dev/null
		"$HARNESS/build.sh" uml
		UML_MEMORY=${UML_MEMORY:-6144M} "$HARNESS/uml.sh" -t 3600 "${cmd[@]}"
		;;
	*) die "no platform $p" ;;
	esac > "$d/log" || {
		failed=1
		log "$p: failed, see $d/log"
	}
	dirs+=("$d")
done
"$TOP/selftests/bench/report.py" "$BUILD/bench" "${dirs[@]}" | tee "$BUILD/bench.txt"
log "took $((SECONDS - start)) s; also $BUILD/bench.json and bench.svg"
exit $failed
