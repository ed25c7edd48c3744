// SPDX-License-Identifier: GPL-2.0
/* Unit tests of net/ltp/sdnv.c; built with the address sanitizer. */
#include "kselftest_harness.h"

#include "random.h"
#include "vectors.h"

/* The obvious encoder, @width octets or as many as it takes. */
static unsigned int reference_put(u8 *p, u64 v, unsigned int width)
{
	unsigned int n = 1, i;

	while (n < 10 && v >> 7 * n)
		n++;
	if (n < width)
		n = width;
	for (i = 0; i < n; i++) {
		unsigned int shift = 7 * (n - 1 - i);

		p[i] = (shift < 64 ? v >> shift & 0x7f : 0) |
		       (i < n - 1 ? 0x80 : 0);
	}
	return n;
}

/* Reads from a buffer of just @len octets. */
static int get_exact(const u8 *p, unsigned int len, u64 *v)
{
	u8 *copy = malloc(len);
	int n;

	memcpy(copy, p, len);
	n = ltp_sdnv_get(copy, copy + len, v);
	free(copy);
	return n;
}

TEST(known_values)
{
	unsigned int i;
	u8 out[10];
	u32 len;
	u8 *in;
	u64 v;

	for (i = 0; i < ARRAY_SIZE(sdnv_vectors); i++) {
		in = unhex(sdnv_vectors[i].hex, &len);
		ASSERT_NE(NULL, in);
		ASSERT_EQ(len, ltp_sdnv_get(in, in + len, &v));
		ASSERT_EQ(sdnv_vectors[i].value, v);
		ASSERT_EQ(len, ltp_sdnv_len(v));
		ASSERT_EQ(out + len, ltp_sdnv_put(out, v));
		ASSERT_EQ(0, memcmp(in, out, len));
		free(in);
	}
}

/* Each power of two, the values beside it, and random ones of each size. */
TEST(every_size)
{
	unsigned int bits, i, n;
	u8 a[10], b[10];
	u64 v, got;

	for (bits = 0; bits <= 64; bits++) {
		for (i = 0; i < 100; i++) {
			v = bits < 64 ? 1ULL << bits : 0;
			if (i < 3)
				v += i - 1;
			else
				v = random_u64() >> (64 - bits) % 64;
			n = reference_put(a, v, 0);
			ASSERT_EQ(n, ltp_sdnv_len(v));
			ASSERT_EQ(b + n, ltp_sdnv_put(b, v));
			ASSERT_EQ(0, memcmp(a, b, n));
			ASSERT_EQ(n, get_exact(a, n, &got));
			ASSERT_EQ(v, got);
		}
	}
}

/* The last four octets of an SDNV, in a word. */
static u32 last_four(u64 v)
{
	u8 a[14] = {};
	unsigned int n = reference_put(a + 4, v, 0);

	return (u32)a[n] << 24 | a[n + 1] << 16 | a[n + 2] << 8 | a[n + 3];
}

TEST(four_digits)
{
	u64 v, w;
	u32 mask;
	int i;

	for (i = 0; i < 100000; i++) {
		v = random_u64() >> i % 64;
		w = random_u64() >> i / 64 % 64;
		mask = ltp_sdnv_low4_mask(ltp_sdnv_len(v));
		ASSERT_EQ(last_four(v) & 0x7f7f7f7f, ltp_sdnv_low4(v));
		/* All there is lies within, the top bits of a longer one too. */
		ASSERT_EQ(last_four(v), last_four(v) & mask);
		ASSERT_EQ(ltp_sdnv_low4(v + w),
			  ltp_sdnv_add4(ltp_sdnv_low4(v), ltp_sdnv_low4(w)));
	}
	EXPECT_EQ(0xff, ltp_sdnv_low4_mask(1));
	EXPECT_EQ(0xffff, ltp_sdnv_low4_mask(2));
	EXPECT_EQ(0xffffff, ltp_sdnv_low4_mask(3));
	EXPECT_EQ(~0U, ltp_sdnv_low4_mask(4));
	EXPECT_EQ(~0U, ltp_sdnv_low4_mask(10));
}

TEST(put_writes_no_more_than_its_length)
{
	unsigned int n;
	u64 v = ~0ULL;
	u8 *p;

	for (; v; v >>= 1) {
		n = ltp_sdnv_len(v);
		p = malloc(n);
		EXPECT_EQ(p + n, ltp_sdnv_put(p, v));
		free(p);
	}
}

TEST(truncated)
{
	unsigned int bits, n, cut;
	u64 v, got = 77;
	u8 a[10];

	for (bits = 0; bits < 64; bits++) {
		v = 1ULL << bits;
		n = reference_put(a, v, 0);
		for (cut = 0; cut < n; cut++)
			ASSERT_EQ(-ENODATA, get_exact(a, cut, &got));
	}
}

TEST(octets_behind_do_not_matter)
{
	u8 a[11];
	u64 got;

	memset(a, 0xff, sizeof(a));
	a[0] = 0x05;
	EXPECT_EQ(1, ltp_sdnv_get(a, a + sizeof(a), &got));
	EXPECT_EQ(5, got);
	a[0] = 0x81;
	a[1] = 0x00;
	EXPECT_EQ(2, ltp_sdnv_get(a, a + sizeof(a), &got));
	EXPECT_EQ(128, got);
	a[1] = 0x80;
	a[2] = 0x00;
	EXPECT_EQ(3, ltp_sdnv_get(a, a + sizeof(a), &got));
	EXPECT_EQ(16384, got);
}

/* RFC 6256, section 3.2: zeros on the left are removed, up to ten octets. */
TEST(padded)
{
	unsigned int bits, width, n;
	u8 a[16];
	u64 v, got;

	for (bits = 0; bits <= 64; bits++) {
		v = bits ? ~0ULL >> (64 - bits) : 0;
		for (width = 1; width <= 13; width++) {
			n = reference_put(a, v, width);
			if (n <= 10) {
				ASSERT_EQ(n, get_exact(a, n, &got));
				ASSERT_EQ(v, got);
			} else {
				ASSERT_EQ(-EBADMSG, get_exact(a, n, &got));
			}
		}
	}
}

TEST(overflow)
{
	u8 a[10];
	u64 got;
	int c;

	/* Ten octets hold 70 bits; of the first only the last may be set. */
	memset(a, 0x80, 9);
	a[9] = 0;
	for (c = 0x80; c <= 0xff; c++) {
		a[0] = c;
		if (c <= 0x81) {
			EXPECT_EQ(10, get_exact(a, 10, &got));
			EXPECT_EQ(c & 1 ? 1ULL << 63 : 0, got);
		} else {
			EXPECT_EQ(-EBADMSG, get_exact(a, 10, &got));
		}
	}

	/* 2^64 is one above what fits. */
	memset(a, 0x80, 9);
	a[0] = 0x82;
	EXPECT_EQ(-EBADMSG, get_exact(a, 10, &got));
}

TEST(endless)
{
	static const u8 fill[] = { 0x80, 0x81, 0xff };
	unsigned int i, n;
	u8 a[20];
	u64 got;

	for (i = 0; i < sizeof(fill); i++) {
		memset(a, fill[i], sizeof(a));
		for (n = 0; n <= sizeof(a); n++)
			ASSERT_EQ(n < 10 ? -ENODATA : -EBADMSG,
				  get_exact(a, n, &got));
	}
}

/* Any octets at all, against arithmetic that can not overflow. */
TEST(random_octets)
{
	unsigned int i, n, k;
	int want, err;
	u8 a[12];
	__uint128_t sum;
	u64 got;

	for (i = 0; i < 300000; i++) {
		n = random_u64() % (sizeof(a) + 1);
		for (k = 0; k < n; k++)
			a[k] = random_u64() % 8 ? random_u64() | 0x80 :
						  random_u64();
		/* Small leading digits, or nearly all long ones overflow. */
		for (k = 0; n && k < random_u64() % 4; k++)
			a[k % n] &= 0x81;

		want = -ENODATA;
		sum = 0;
		for (k = 0; k < n; k++) {
			if (k == 10) {
				want = -EBADMSG;
				break;
			}
			sum = sum << 7 | (a[k] & 0x7f);
			if (sum >> 64 || (k == 9 && a[k] & 0x80)) {
				want = -EBADMSG;
				break;
			}
			if (!(a[k] & 0x80)) {
				want = k + 1;
				break;
			}
		}
		err = get_exact(a, n, &got);
		ASSERT_EQ(want, err);
		if (err > 0)
			ASSERT_EQ((u64)sum, got);
	}
}

TEST_HARNESS_MAIN
