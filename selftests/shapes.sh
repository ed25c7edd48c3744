#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Buffers of every shape that the stack can hand up, with segments in them that
# no honest engine makes.
#
#	 A                      B
#	engine 1               a peer 3           10.18.1.3  peer/shapes.py
#	10.18.1.1
#	      a0 ------veth----- b0
#	a tun device, behind which there is a peer 4

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
topo_direct
ip -n "$B" addr add 10.18.1.3/24 dev b0 || die "no more addresses"
python3 -B "$here/peer/shapes.py" "$A" "$B"
rc=$?
FINISHED=1
exit $rc
