# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# How many network namespaces there are; sourced by guest.sh and soak.sh.
#
# The kernel counts them against a limit, from when one is made to when the
# last reference to it is gone and it was cleaned up.  So one that has no name
# and no process, but something of a module that holds it, is counted too.  The
# count shows in where the limit begins to hurt.

# netns_fit N: beside the first there are at most N
netns_fit()
{
	local max=/proc/sys/user/max_net_namespaces old rc=0

	old=$(cat $max) && echo $(($1 + 1)) > $max || return
	unshare -n true 2> /dev/null || rc=1
	echo "$old" > $max
	return $rc
}

# netns_count: prints how many there are
netns_count()
{
	local n=0

	until netns_fit $n || [ $n -ge 1000 ]; do
		n=$((n + 1))
	done
	echo $n
}
