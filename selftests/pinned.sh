#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A sender of little pins much: what it is charged is what it pins, and each limit
# of that stops it.
#
#	 A                      B
#	engine 1               engine 2           10.18.1.2
#	peer/pinned.py
#	10.18.1.1              nobody             10.18.1.9
#	      a0 ------veth----- b0

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
topo_direct
# One buffer takes the largest segment.
ip -n "$A" link set a0 mtu 65535 && ip -n "$B" link set b0 mtu 65535 &&
	ip -n "$A" neigh replace 10.18.1.9 lladdr 02:00:00:00:00:09 nud permanent dev a0 ||
	die "no silent neighbour"
python3 -B "$here/peer/pinned.py" "$A" "$B"
rc=$?
FINISHED=1
exit $rc
