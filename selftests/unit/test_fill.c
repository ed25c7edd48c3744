// SPDX-License-Identifier: GPL-2.0
/* Unit tests of ltp_segment_fill() and ltp_segment_fill_cp(). */
#include "kselftest_harness.h"

#include "random.h"
#include "segment.h"

/* The largest length that fits, by trying. */
static u32 brute_fill(u32 fixed, u32 wire)
{
	u32 length = wire;

	while (length && (u64)fixed + ltp_sdnv_len(length) + length > wire)
		length--;
	return length;
}

TEST(fill_against_brute_force)
{
	static const u32 around[] = { 0, 150, 1472, 16384 + 30, 65507 };
	struct ltp_segment_prefix prefix;
	u64 offset, cp, rs;
	unsigned int i, k;
	u32 wire, fixed;

	for (i = 0; i < 40; i++) {
		ltp_segment_prefix_init(&prefix, random_number(),
					random_number(), random_number());
		offset = random_number();
		cp = random_number();
		rs = random_number();
		for (k = 0; k < ARRAY_SIZE(around); k++) {
			for (wire = around[k] < 150 ? 0 : around[k] - 150;
			     wire < around[k] + 150; wire++) {
				fixed = prefix.len + ltp_sdnv_len(offset);
				ASSERT_EQ(brute_fill(fixed, wire),
					  ltp_segment_fill(&prefix, offset,
							   wire));
				fixed += ltp_sdnv_len(cp) + ltp_sdnv_len(rs);
				ASSERT_EQ(brute_fill(fixed, wire),
					  ltp_segment_fill_cp(&prefix, offset,
							      wire, cp, rs));
			}
		}
	}
}

/* The wire size is met, but where the length's own length grows. */
TEST(fill_meets_the_wire_size)
{
	struct ltp_segment_prefix prefix;
	u32 wire, length, got, room;

	ltp_segment_prefix_init(&prefix, 4, 1, 1);
	for (wire = 0; wire < 70000; wire++) {
		length = ltp_segment_fill(&prefix, 0, wire);
		if (wire < prefix.len + 3) {
			ASSERT_EQ(0, length);
			continue;
		}
		got = ltp_segment_data_hlen(&prefix, 0, length) + length;
		room = wire - prefix.len - 1;
		if (room == 128 + 1 || room == 16384 + 2)
			got++;
		ASSERT_EQ(wire, got);
	}
	EXPECT_EQ(~0U - 6 - 5, ltp_segment_fill(&prefix, 0, ~0U));
}

/* As a burst does: each segment as large as the last, over 2^7, 2^14, 2^21. */
TEST(fill_a_block)
{
	struct ltp_segment_prefix prefix;
	u32 length, hlen;
	u64 offset = 0;
	u8 buf[100];

	ltp_segment_prefix_init(&prefix, 4, 0x12345678, 1);
	while (offset < 1 << 22) {
		length = ltp_segment_fill(&prefix, offset, 1472);
		hlen = ltp_segment_put_data(buf, &prefix, LTP_SEG_RED, offset,
					    length, 0, 0) - buf;
		ASSERT_EQ(1472, hlen + length);
		ASSERT_EQ(hlen, ltp_segment_data_hlen(&prefix, offset, length));
		offset += length;
	}
}

TEST_HARNESS_MAIN
