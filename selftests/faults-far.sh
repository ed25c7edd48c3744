#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# All faults, where waiting takes no time.
exec "$(dirname "$0")/faults.sh" -v "$@"
