/* SPDX-License-Identifier: GPL-2.0 */
/* Sets of byte or serial number ranges, as claims and reports need them. */
#ifndef _LTP_RANGES_H
#define _LTP_RANGES_H

#include <linux/rbtree.h>
#include <linux/types.h>

/**
 * struct ltp_range - one range of a set
 * @node: in ltp_ranges.root, by @start
 * @start: first number in it
 * @end: first number behind it
 */
struct ltp_range {
	struct rb_node	node;
	u64		start;
	u64		end;
};

/**
 * struct ltp_ranges - a set of numbers, kept as ranges that never touch
 * @root: the ranges
 * @total: numbers in the set
 * @n: ranges in it
 * @one: storage of one range, so that a set without gaps allocates nothing
 * @one_used: it is in use
 */
struct ltp_ranges {
	struct rb_root	root;
	u64		total;
	u32		n;
	struct ltp_range one;
	bool		one_used;
};

void ltp_ranges_init(struct ltp_ranges *set);
void ltp_ranges_free(struct ltp_ranges *set);
int ltp_ranges_add(struct ltp_ranges *set, u64 start, u64 end);
bool ltp_ranges_next(const struct ltp_ranges *set, u64 from, u64 to,
		     u64 *start, u64 *end);
bool ltp_ranges_next_gap(const struct ltp_ranges *set, u64 from, u64 to,
			 u64 *start, u64 *end);

/* True if every number of [from, to) is in the set. */
static inline bool ltp_ranges_cover(const struct ltp_ranges *set, u64 from,
				    u64 to)
{
	u64 a, b;

	return !ltp_ranges_next_gap(set, from, to, &a, &b);
}

int ltp_ranges_cache_init(void);
void ltp_ranges_cache_exit(void);

#endif /* _LTP_RANGES_H */
