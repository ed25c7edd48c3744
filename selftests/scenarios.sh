#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scenarios.sh [-v] [NAME...]: plays scenarios/NAME.ltp, or all of them,
# against a scripted peer; see Documentation/networking/ltp-scenarios.rst.
# -v: those for a machine where waiting takes no time (uml.sh -T).
#
#	 A                      B
#	AF_LTP sockets         peer/main.py, UDP sockets
#	the kernel's engine
#	10.18.1.1              10.18.1.2, .3 for a stranger
#	      a0 ----veth---- b0

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

mac()
{
	ip netns exec "$1" cat "/sys/class/net/$2/address"
}

# Asking for addresses would take time that some scenarios measure.
neighbours()
{
	local b a

	b=$(mac "$B" b0) a=$(mac "$A" a0)
	printf 'neigh replace %s lladdr '"$b"' nud permanent dev a0\n' \
		10.18.1.2 10.18.1.3 fd18:1::2 fd18:1::3 | ip -n "$A" -batch - &&
	printf 'neigh replace %s lladdr '"$a"' nud permanent dev b0\n' \
		10.18.1.1 fd18:1::1 | ip -n "$B" -batch -
}

here=$(cd "$(dirname "$0")" && pwd)
virtual=()
if [ "${1-}" = -v ]; then
	virtual=(-v)
	shift
fi
files=()
for name; do
	files+=("$here/scenarios/$name.ltp")
done
[ $# -gt 0 ] || files=("$here"/scenarios/*.ltp)
# What differs between kernels is how they hand up and take datagrams, tell errors
# and keep time: one scenario of each kind.
if ! whole && [ $# -eq 0 ]; then
	files=()
	for name in accept-unknown answers-limited cue-local cue-remote-boundary export-red \
			export-green export-mixed export-cancel export-cp-timer export-gaps \
			export-ipv6 export-late export-extensions export-mtu-shrinks \
			export-another-port export-many-reports gap-reports import-red \
			import-green import-mixed import-dgram import-ipv6 import-report-timer \
			import-many-segments import-stranger import-largest; do
		files+=("$here/scenarios/$name.ltp")
	done
fi

topo_direct
printf 'addr add %s\n' '10.18.1.3/24 dev b0' 'fd18:1::3/64 dev b0 nodad' | ip -n "$B" -batch - &&
	neighbours || die "no second address"
python3 -B "$here/peer/main.py" "${virtual[@]}" "$A" "$B" "${files[@]}"
rc=$?
FINISHED=1
exit $rc
