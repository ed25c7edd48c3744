/* SPDX-License-Identifier: GPL-2.0 */
/* A generator whose numbers are the same in each run (xorshift64*). */
#ifndef _UNIT_RANDOM_H
#define _UNIT_RANDOM_H

#include <linux/types.h>

static u64 random_state = 0x5326;

static inline u64 random_u64(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dULL;
}

/* Below @n, which is not 0. */
static inline u64 random_below(u64 n)
{
	return random_u64() % n;
}

/* Every length in bits is equally likely, so every length of SDNV occurs. */
static inline u64 random_number(void)
{
	return random_u64() >> random_below(64);
}

#endif /* _UNIT_RANDOM_H */
