#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The scenarios that wait: 20 minutes of light time each way.
exec "$(dirname "$0")/scenarios.sh" -v "$@"
