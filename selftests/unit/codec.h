/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the codec and segment_cli share. */
#ifndef _UNIT_CODEC_H
#define _UNIT_CODEC_H

#include <stdlib.h>
#include <string.h>

#include "segment.h"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

struct claim {
	u64	start;
	u64	stop;
};

static inline int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/*
 * Reads "03 04 0100" into a buffer of just the right size, so that a sanitizer
 * sees the first octet read beyond.  NULL if it is no hex.
 */
static inline u8 *unhex(const char *hex, u32 *len)
{
	u8 *buf = malloc(strlen(hex) / 2 + 1), *exact;
	int a, b;

	*len = 0;
	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		a = hex_digit(hex[0]);
		b = a < 0 ? -1 : hex_digit(hex[1]);
		if (b < 0) {
			free(buf);
			return NULL;
		}
		buf[(*len)++] = a << 4 | b;
		hex++;
	}
	exact = malloc(*len);
	memcpy(exact, buf, *len);
	free(buf);
	return exact;
}

/*
 * Builds a segment from its fields with the module's builders.  Returns its
 * length, 0 if it does not fit into @size.
 */
static inline u32 build(u8 *buf, u32 size, const struct ltp_segment *seg,
			const struct claim *claims, const u8 *payload)
{
	struct ltp_segment_prefix prefix;
	u8 *end = buf + size, *p;
	u32 need;
	u64 i;

	switch (seg->type) {
	case LTP_SEG_RS:
		p = ltp_segment_put_rs_head(buf, end, seg->originator,
					    seg->session, seg->rs_serial,
					    seg->cp_serial, seg->upper,
					    seg->lower, seg->n_claims);
		for (i = 0; p && i < seg->n_claims; i++) {
			if (end - p < LTP_SEG_CLAIM_MAX)
				return 0;
			p = ltp_sdnv_put(p, claims[i].start - seg->lower);
			p = ltp_sdnv_put(p, claims[i].stop - claims[i].start);
		}
		break;
	case LTP_SEG_RA:
		p = ltp_segment_put_ra(buf, end, seg->originator, seg->session,
				       seg->rs_serial);
		break;
	case LTP_SEG_CS:
	case LTP_SEG_CR:
		p = ltp_segment_put_cancel(buf, end, seg->type, seg->originator,
					   seg->session, seg->reason);
		break;
	case LTP_SEG_CAS:
	case LTP_SEG_CAR:
		p = ltp_segment_put_cancel_ack(buf, end, seg->type,
					       seg->originator, seg->session);
		break;
	default:
		ltp_segment_prefix_init(&prefix, seg->originator, seg->session,
					seg->service);
		need = ltp_segment_is_checkpoint(seg->type) ?
		       ltp_segment_cp_hlen(&prefix, seg->offset, seg->length,
					   seg->cp_serial, seg->rs_serial) :
		       ltp_segment_data_hlen(&prefix, seg->offset, seg->length);
		if (size < need + seg->length)
			return 0;
		p = ltp_segment_put_data(buf, &prefix, seg->type, seg->offset,
					 seg->length, seg->cp_serial,
					 seg->rs_serial);
		if (p != buf + need)
			abort();
		memcpy(p, payload, seg->length);
		p += seg->length;
	}
	return p ? p - buf : 0;
}

#endif /* _UNIT_CODEC_H */
