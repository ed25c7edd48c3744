#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ynl-regen.sh [--check]: the netlink policies, tables and numbers from
# Documentation/netlink/specs/ltp.yaml, by the kernel's own ynl generator.
# With --check nothing is written; differing files are named and fail.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

spec=Documentation/netlink/specs/ltp.yaml
check=false
[ "${1-}" = --check ] && check=true

ensure_source
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# The generator finds the schema beside the spec, and names the spec by its
# path below the directory that holds MAINTAINERS.
mkdir -p "$tmp/Documentation/netlink/specs"
touch "$tmp/MAINTAINERS"
cp "$SOURCE"/Documentation/netlink/genetlink*.yaml "$tmp/Documentation/netlink/"
cp "$TOP/$spec" "$tmp/$spec"

rc=0
gen()
{
	local mode=$1 part=$2 out=$3 f=$tmp/out/$3

	mkdir -p "${f%/*}"
	# The distribution's python has the modules; one found first in PATH may not.
	/usr/bin/python3 "$SOURCE/tools/net/ynl/pyynl/ynl_gen_c.py" \
		--mode "$mode" "--$part" --spec "$tmp/$spec" -o "$f" 2> "$tmp/err" || {
		# The schema's validator prints pages; the line that says why is one.
		sed -n '/^[A-Za-z.]*\(Error\|Exception\): /p; /^On instance/,$p' "$tmp/err" |
			head -n 12 >&2
		die "the generator refused $spec"
	}
	sed -i 's,tools/net/ynl/ynl-regen.sh,selftests/harness/ynl-regen.sh,' "$f"
	# The generator knows beginning and end of a dump for split operations only,
	# which older kernels have not.
	sed -i 's/^\t\t\.dumpit.*_\(span\|session\)_get_dumpit,$/\t\t.start\t\t= ltp_nl_dump_start,\n&\n\t\t.done\t\t= ltp_nl_dump_done,/
		s/^int ltp_nl_stats_get_doit/int ltp_nl_dump_start(struct netlink_callback *cb);\nint ltp_nl_dump_done(struct netlink_callback *cb);\n&/' "$f"
	cmp -s "$f" "$TOP/$out" && return
	if $check; then
		echo "$out is not what $spec generates:"
		diff -u "$TOP/$out" "$f" | head -n 40 || :
		rc=1
	else
		mkdir -p "$TOP/${out%/*}"
		cp "$f" "$TOP/$out"
		log "wrote $out"
	fi
}

gen kernel source net/ltp/netlink_gen.c
gen kernel header net/ltp/netlink_gen.h
gen uapi header uapi/linux/ltp_netlink.h
exit $rc
