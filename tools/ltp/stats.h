/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STATS_H
#define STATS_H

#include <linux/netlink.h>

/* The nest of counters of an engine or a span, with -s. */
void stats_print_nest(const struct nlattr *nest);

#endif /* STATS_H */
