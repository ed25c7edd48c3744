/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Self-delimiting numeric values (RFC 6256), the integers of LTP: base 128,
 * most significant digit first, the top bit set in every octet but the last.
 *
 * Pure codec: compiles in the kernel and, for tests and fuzzers, in user space.
 */
#ifndef _NET_LTP_SDNV_H
#define _NET_LTP_SDNV_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/types.h>

/* Octets of the longest form written or read: ten hold 2^64 - 1. */
#define LTP_SDNV_MAX		10

int ltp_sdnv_get_long(const u8 *p, const u8 *end, u64 *v);

/**
 * ltp_sdnv_len() - length of the minimal form of a value
 * @v: the value, any
 *
 * Return: octets, 1 to %LTP_SDNV_MAX (RFC 6256, section 3.1).
 */
static inline unsigned int ltp_sdnv_len(u64 v)
{
	/* A seventh, rounded up: exact for up to 64 bits. */
	return ((unsigned int)fls64(v | 1) * 9 + 64) / 64;
}

/**
 * ltp_sdnv_put() - write the minimal form of a value
 * @p: where to write; room for ltp_sdnv_len(@v) octets, which
 *	%LTP_SDNV_MAX always is
 * @v: the value, any
 *
 * Return: the end of what was written (RFC 6256, section 3.1).
 */
static inline u8 *ltp_sdnv_put(u8 *p, u64 v)
{
	u8 *end, *q;

	if (v < 0x80) {
		*p = v;
		return p + 1;
	}

	end = p + ltp_sdnv_len(v);
	q = end - 1;
	*q = v & 0x7f;
	do {
		v >>= 7;
		*--q = 0x80 | v;
	} while (q > p);
	return end;
}

/**
 * ltp_sdnv_low4() - the last four digits of a value, spread over four octets
 * @v: the value, any
 *
 * As they stand at the end of the SDNV, but without the top bits that say that
 * more follows.
 *
 * Return: the digits, the last one lowest.
 */
static inline u32 ltp_sdnv_low4(u64 v)
{
	return (v & 0x7f) | (v & 0x3f80) << 1 | (v & 0x1fc000) << 2 |
	       (v & 0xfe00000) << 3;
}

/**
 * ltp_sdnv_add4() - add two values of up to four digits
 * @a: one, as ltp_sdnv_low4() gives it
 * @b: the other, likewise
 *
 * A carry runs through the top bits, which are set for it in between.
 *
 * Return: the last four digits of the sum, likewise.
 */
static inline u32 ltp_sdnv_add4(u32 a, u32 b)
{
	return ((a | 0x80808080) + b) & 0x7f7f7f7f;
}

/**
 * ltp_sdnv_low4_mask() - which of the last four octets an SDNV has
 * @len: octets of the SDNV, 1 or more
 *
 * Return: all bits of those octets.
 */
static inline u32 ltp_sdnv_low4_mask(unsigned int len)
{
	return len < 4 ? (1U << 8 * len) - 1 : ~0U;
}

/**
 * ltp_sdnv_get() - read a value
 * @p: where it begins
 * @end: first octet that may not be read; at or above @p
 * @v: the value, 0 to 2^64 - 1; set on success only
 *
 * Leading zero digits are removed, as RFC 6256, section 3.2, asks, as long as
 * the whole is not longer than %LTP_SDNV_MAX octets.  Every octet is read
 * once, so one that changes meanwhile gives some valid answer.
 *
 * Return: octets read, 1 to %LTP_SDNV_MAX; -ENODATA if the value runs past
 * @end; -EBADMSG if it is longer than %LTP_SDNV_MAX octets or exceeds 2^64 - 1.
 */
static __always_inline int ltp_sdnv_get(const u8 *p, const u8 *end, u64 *v)
{
	u8 a, b;

	if (unlikely(p >= end))
		return -ENODATA;
	a = READ_ONCE(p[0]);
	if (a < 0x80) {
		*v = a;
		return 1;
	}

	if (unlikely(end - p < 2))
		return -ENODATA;
	b = READ_ONCE(p[1]);
	if (b < 0x80) {
		*v = (a & 0x7f) << 7 | b;
		return 2;
	}

	*v = (a & 0x7f) << 7 | (b & 0x7f);
	return ltp_sdnv_get_long(p, end, v);
}

#endif /* _NET_LTP_SDNV_H */
