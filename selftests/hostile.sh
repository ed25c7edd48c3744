#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Peers that mean harm, one that is configured and one that nobody knows: what
# they can have sent, stored and computed, and what is left to others.  And
# the limits of memory.
#
#	 A                      B
#	engine 1               engine 2           10.18.1.2
#	with a small buffer    a hostile peer 3   10.18.1.3  peer/hostile.py
#	10.18.1.1              a stranger         10.18.1.4
#	                       a crowd of both    10.18.1.20 and more
#	      a0 ------veth----- b0
#
# --cost: prints what hostile datagrams cost, see peer/hostile.py.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
topo_direct
printf 'addr add 10.18.1.%d/24 dev b0\n' 3 4 {20..49} | ip -n "$B" -batch - ||
	die "no more addresses"
run=(python3 -B "$here/peer/hostile.py" "$@" "$A" "$B")
if [ $# -gt 0 ]; then
	"${run[@]}"
	rc=$?
	FINISHED=1
	exit $rc
fi
mem_watch
# All of them are subtests of one.
"${run[@]}" | sed 's/^/    /'
rc=${PIPESTATUS[0]}
check "hostile.py" test "$rc" -eq 0
check "what is pinned is charged" mem_watched
diag "$(head -n 1 "$TMP/said")"
finish
