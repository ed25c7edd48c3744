#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# soak.sh [SECONDS [KERNEL|uml]]: "make soak": selftests/soak.sh on one
# kernel, 1800 seconds on 6.12 by default.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

export LTP_SOAK=${1:-1800}
kernel=${2:-6.12}
limit=$((LTP_SOAK * 2 + 1200))

"$HARNESS/setup.sh"
[ "$kernel" != uml ] || "$HARNESS/build-uml.sh" > /dev/null
"$HARNESS/build.sh" "$kernel"
if [ "$kernel" = uml ]; then
	"$HARNESS/uml.sh" -t $limit bash selftests/harness/guest.sh \
		/src/selftests/harness/soak.list
else
	"$HARNESS/vm.sh" -t $limit "$kernel" selftests/harness/guest.sh \
		/src/selftests/harness/soak.list
fi
