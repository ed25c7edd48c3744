// SPDX-License-Identifier: GPL-2.0
/*
 * Sets of ranges in a red-black tree.  A maple tree would do on 64-bit
 * machines only: its index is a long, block offsets have 64 bits.
 */
#include <linux/slab.h>

#include "fault.h"
#include "ranges.h"

static struct kmem_cache *range_cache;

static struct ltp_range *range_alloc(struct ltp_ranges *set)
{
	if (!set->one_used) {
		set->one_used = true;
		return &set->one;
	}
	return LTP_ALLOC(RANGE, kmem_cache_alloc(range_cache,
						 GFP_ATOMIC | __GFP_NOWARN));
}

static void range_free(struct ltp_ranges *set, struct ltp_range *r)
{
	if (r == &set->one)
		set->one_used = false;
	else
		kmem_cache_free(range_cache, r);
	set->n--;
}

/* The ranges of a set that has several; see ltp_ranges_free(). */
void __ltp_ranges_free(struct ltp_ranges *set)
{
	struct ltp_range *r, *next;

	rbtree_postorder_for_each_entry_safe(r, next, &set->root, node)
		range_free(set, r);
	ltp_ranges_init(set);
}

static struct ltp_range *range_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct ltp_range, node);
}

/* The first range that ends at or behind @at, so that it may touch it. */
static struct ltp_range *range_find(const struct ltp_ranges *set, u64 at)
{
	struct rb_node *node = set->root.rb_node;
	struct ltp_range *best = NULL;

	while (node) {
		struct ltp_range *r = range_of(node);

		if (r->end >= at) {
			best = r;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return best;
}

static void range_link(struct ltp_ranges *set, struct ltp_range *new)
{
	struct rb_node **p = &set->root.rb_node, *parent = NULL;

	while (*p) {
		parent = *p;
		if (new->start < range_of(parent)->start)
			p = &parent->rb_left;
		else
			p = &parent->rb_right;
	}
	rb_link_node(&new->node, parent, p);
	rb_insert_color(&new->node, &set->root);
	set->n++;
}

/* ltp_ranges_grow() of a set that is not empty. */
bool __ltp_ranges_grow(const struct ltp_ranges *set, u64 start, u64 end)
{
	const struct ltp_range *r = range_find(set, start);

	return !r || r->start > end;
}

/**
 * ltp_ranges_add() - put [start, end) into a set
 * @set: the set
 * @start: first number
 * @end: first number behind, above @start
 *
 * Costs O(log n) in the ranges of the set, plus those that it swallows.
 *
 * Context: any; allocates with GFP_ATOMIC if the range touches no other.
 * Return: 0, or -ENOMEM and the set is as it was.
 */
int ltp_ranges_add(struct ltp_ranges *set, u64 start, u64 end)
{
	struct ltp_range *r, *next;

	/* Most sets never have more than one, and that is here. */
	if (!set->n) {
		set->one_used = true;
		set->one.start = start;
		set->one.end = end;
		rb_link_node(&set->one.node, NULL, &set->root.rb_node);
		rb_insert_color(&set->one.node, &set->root);
		set->n = 1;
		set->total = end - start;
		return 0;
	}
	r = range_find(set, start);
	if (!r || r->start > end) {
		r = range_alloc(set);
		if (!r)
			return -ENOMEM;
		r->start = start;
		r->end = end;
		range_link(set, r);
		set->total += end - start;
		return 0;
	}

	/* @r touches or overlaps: grow it, then swallow what follows. */
	set->total -= r->end - r->start;
	r->start = min(r->start, start);
	r->end = max(r->end, end);
	while ((next = range_of(rb_next(&r->node))) && next->start <= r->end) {
		set->total -= next->end - next->start;
		r->end = max(r->end, next->end);
		rb_erase(&next->node, &set->root);
		range_free(set, next);
	}
	set->total += r->end - r->start;
	return 0;
}

/* ltp_ranges_next() of a set that is not empty. */
bool __ltp_ranges_next(const struct ltp_ranges *set, u64 from, u64 to,
		       u64 *start, u64 *end)
{
	struct ltp_range *r;

	if (from >= to)
		return false;
	r = range_find(set, from + 1);
	if (!r || r->start >= to)
		return false;
	*start = max(r->start, from);
	*end = min(r->end, to);
	return true;
}

/* ltp_ranges_next_gap() of a set that is not empty. */
bool __ltp_ranges_next_gap(const struct ltp_ranges *set, u64 from, u64 to,
			   u64 *start, u64 *end)
{
	struct ltp_range *r;

	if (from >= to)
		return false;
	r = range_find(set, from + 1);
	if (r && r->start <= from) {
		from = r->end;
		if (from >= to)
			return false;
		r = range_of(rb_next(&r->node));
	}
	*start = from;
	*end = r ? min(r->start, to) : to;
	return true;
}

/**
 * ltp_ranges_cache_init() - set up at module load
 *
 * Return: 0 or -ENOMEM.
 */
int __init ltp_ranges_cache_init(void)
{
	range_cache = KMEM_CACHE(ltp_range, SLAB_ACCOUNT);
	return range_cache ? 0 : -ENOMEM;
}

/**
 * ltp_ranges_cache_exit() - tear down at module unload
 */
void ltp_ranges_cache_exit(void)
{
	kmem_cache_destroy(range_cache);
}
