// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: net/ltp/ranges.c against a plain array of bits.
 *
 * Every three octets of the input are a call: what, from, to.  The array
 * stands somewhere among the 64-bit numbers, the first octet says where.
 */
#include <string.h>

#include <linux/slab.h>

#include "../../net/ltp/ranges.h"
#include "require.h"

#define N	255

static bool fail_next;
static long n_alloc;

void *fuzz_alloc(size_t size)
{
	if (fail_next)
		return NULL;
	n_alloc++;
	return malloc(size);
}

void fuzz_free(void *p)
{
	n_alloc--;
	free(p);
}

/* The first index in [from, to) whose bit is @want, or @to. */
static unsigned int first(const bool *in, unsigned int from, unsigned int to,
			  bool want)
{
	while (from < to && in[from] != want)
		from++;
	return from;
}

static void check(const struct ltp_ranges *set, const bool *in, u64 base,
		  unsigned int from, unsigned int to)
{
	unsigned int a, b;
	u64 start, end;

	a = first(in, from, to, true);
	b = first(in, a, to, false);
	require(ltp_ranges_next(set, base + from, base + to, &start, &end) ==
		(a < to));
	if (a < to)
		require(start == base + a && end == base + b);

	a = first(in, from, to, false);
	b = first(in, a, to, true);
	require(ltp_ranges_next_gap(set, base + from, base + to, &start,
				    &end) == (a < to));
	if (a < to)
		require(start == base + a && end == base + b);
	require(ltp_ranges_cover(set, base + from, base + to) == (a >= to));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const u64 bases[] = { 0, 1, 1ULL << 31, 1ULL << 63,
				     UINT64_MAX - N };
	unsigned int i, n, from, to, was;
	struct ltp_ranges set;
	bool in[N] = {}, grow;
	u64 base;

	if (!size)
		return 0;
	base = bases[data[0] % 5];
	ltp_ranges_init(&set);
	for (data++, size--; size >= 3; data += 3, size -= 3) {
		from = data[1] % N;
		to = data[2] % (N + 1);
		if (data[0] % 2 || from >= to) {
			check(&set, in, base, from, to);
			continue;
		}
		fail_next = data[0] % 16 == 2;
		was = set.n;
		grow = ltp_ranges_grow(&set, base + from, base + to);
		if (ltp_ranges_add(&set, base + from, base + to)) {
			require(fail_next && grow && set.n == was);
		} else {
			memset(in + from, true, to - from);
			require(grow == (was && set.n > was));
		}
		for (i = n = 0; i < N; i++)
			n += in[i];
		require(set.total == n);
		check(&set, in, base, 0, N);
	}
	ltp_ranges_free(&set);
	require(!n_alloc && !set.total);
	return 0;
}
