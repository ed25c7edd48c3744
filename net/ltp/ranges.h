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

void __ltp_ranges_free(struct ltp_ranges *set);
bool __ltp_ranges_next(const struct ltp_ranges *set, u64 from, u64 to,
		       u64 *start, u64 *end);
bool __ltp_ranges_next_gap(const struct ltp_ranges *set, u64 from, u64 to,
			   u64 *start, u64 *end);
int ltp_ranges_add(struct ltp_ranges *set, u64 start, u64 end);
bool __ltp_ranges_grow(const struct ltp_ranges *set, u64 start, u64 end);

/**
 * ltp_ranges_init() - make an empty set
 * @set: the set
 */
static inline void ltp_ranges_init(struct ltp_ranges *set)
{
	set->root = RB_ROOT;
	set->total = 0;
	set->n = 0;
	set->one_used = false;
}

/**
 * ltp_ranges_free() - empty a set
 * @set: the set
 *
 * Context: any.
 */
static inline void ltp_ranges_free(struct ltp_ranges *set)
{
	/* Most have nothing that was allocated. */
	if (set->n > set->one_used)
		__ltp_ranges_free(set);
	else
		ltp_ranges_init(set);
}

/**
 * ltp_ranges_next() - the first range of a set within a window
 * @set: the set
 * @from: start of the window
 * @to: end of the window
 * @start: start of the range, cut to the window
 * @end: end of the range, cut to the window
 *
 * Return: false if nothing of the window is in the set.
 */
static inline bool ltp_ranges_next(const struct ltp_ranges *set, u64 from,
				   u64 to, u64 *start, u64 *end)
{
	return set->n && __ltp_ranges_next(set, from, to, start, end);
}

/**
 * ltp_ranges_next_gap() - the first gap of a set within a window
 * @set: the set
 * @from: start of the window
 * @to: end of the window
 * @start: start of the gap, cut to the window
 * @end: end of the gap, cut to the window
 *
 * Return: false if all of the window is in the set.
 */
static inline bool ltp_ranges_next_gap(const struct ltp_ranges *set, u64 from,
				       u64 to, u64 *start, u64 *end)
{
	if (set->n)
		return __ltp_ranges_next_gap(set, from, to, start, end);
	*start = from;
	*end = to;
	return from < to;
}

/* True if a set that has ranges needs another one for [start, end). */
static inline bool ltp_ranges_grow(const struct ltp_ranges *set, u64 start,
				   u64 end)
{
	return set->n && __ltp_ranges_grow(set, start, end);
}

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
