// SPDX-License-Identifier: GPL-2.0
#include "sdnv.h"

/**
 * ltp_sdnv_get_long() - read a value of three octets or more
 * @p: where it begins
 * @end: first octet that may not be read; @p + 2 or above
 * @v: in: the first two digits; out: the value, undefined on error
 *
 * The slow end of ltp_sdnv_get(), which has found the first two octets to
 * announce a third.
 *
 * Return: as ltp_sdnv_get().
 */
int ltp_sdnv_get_long(const u8 *p, const u8 *end, u64 *v)
{
	int i, most = end - p < 9 ? end - p : 9;
	u64 sum = *v;
	u8 c;

	/* Nine digits always fit. */
	for (i = 2; i < most; i++) {
		c = READ_ONCE(p[i]);
		sum = sum << 7 | (c & 0x7f);
		if (c < 0x80) {
			*v = sum;
			return i + 1;
		}
	}
	for (; i < LTP_SDNV_MAX; i++) {
		if (p + i >= end)
			return -ENODATA;
		c = READ_ONCE(p[i]);
		if (sum >> 57)
			return -EBADMSG;
		sum = sum << 7 | (c & 0x7f);
		if (c < 0x80) {
			*v = sum;
			return i + 1;
		}
	}
	return -EBADMSG;
}
