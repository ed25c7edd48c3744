#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Faults of the world, each under a thousand blocks or more: every block that
# was accepted is received once, or its sender is told; and nothing is left of
# any of them.  The topology is that of faults-lib.sh.
#
# faults.sh [-v]: -v is where waiting takes no time (uml.sh -T), and runs
# them all; without it, those that take seconds.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=faults-lib.sh
. "$(dirname "$0")/faults-lib.sh"

FAR=
if [ "${1-}" = -v ]; then
	FAR=1 LIMIT=3600 N=300
fi

faults_topology

fault "50 % lost" impaired "loss 50%" lost
fault "the receiver killed and restarted" readers_killed
fault "the sender killed in mid-send" writer_killed
fault "two engines with one ID" two_engines
if [ -n "$FAR" ]; then
	fault "10 % lost" impaired "loss 10%" lost
	fault "bursts lost" impaired "loss gemodel 5% 30% 100% 0%" lost
	fault "reordered" impaired "delay 30ms 20ms" reordered owlt 30ms reorder 100ms
	fault "duplicated" impaired "duplicate 20%" duplicated
	fault "corrupted" corrupt
	fault "nothing passes for 10 s" short_blackout
	fault "nothing passes for longer than any limit" long_blackout
	fault "no answer passes for longer than any limit" deaf
	fault "the MTU shrinks in mid-block" mtu_shrinks
	fault "routes change" routes_change
	fault "A's address changes" address_changes
	fault "links down and up" link_down_and_up
	fault "the receiver's engine deleted and made again" peer_engine_deleted
	fault "the sender's engine deleted and made again" engine_deleted
	fault "the receiver's buffer full for a minute" reader_stops 60
fi
fault "wall time jumps" wall_time_jumps
if can_freeze; then
	fault "processes stand still" suspended
else
	skip "processes stand still" "a kernel that does not freeze for a test"
fi
if [ -n "${LTP_STANDSTILL-}" ]; then
	fault "the machine stands still" machine_stops
fi
finish
