// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: the codec, net/ltp/segment.c and sdnv.c.
 *
 * The input is a datagram behind one octet that says how much of it is at
 * hand, as if the rest were in another page.  Every buffer is a heap block of
 * just the octets that may be read.
 *
 *  - it is walked as input.c walks it, by both parsers, which must agree
 *  - with less at hand a segment reads the same, or asks for more
 *  - what was read and is written again reads the same; as the same octets,
 *    if it has the same length and no extensions
 *  - the same octets, taken as numbers, are written as a segment and read back
 */
#include "../unit/codec.h"
#include "require.h"

#define CLAIMS_MAX	4096

static struct claim claims[CLAIMS_MAX];

/* An exact copy of the first @have octets. */
static u8 *exact(const u8 *buf, u32 have)
{
	u8 *copy = malloc(have);

	if (have)
		memcpy(copy, buf, have);
	return copy;
}

static int parse(struct ltp_segment *seg, const u8 *buf, u32 have, u32 total)
{
	u8 *copy = exact(buf, have);
	int err;

	memset(seg, 0, sizeof(*seg));
	err = ltp_segment_parse(seg, copy, have, total);
	free(copy);
	return err;
}

/* @layout: lengths and extensions too. */
static void require_same(const struct ltp_segment *a,
			 const struct ltp_segment *b, bool layout)
{
	require(a->type == b->type && a->originator == b->originator &&
		a->session == b->session && a->cp_serial == b->cp_serial &&
		a->rs_serial == b->rs_serial);
	if (ltp_segment_is_data(a->type))
		require(a->service == b->service && a->offset == b->offset &&
			a->length == b->length);
	if (a->type == LTP_SEG_RS)
		require(a->upper == b->upper && a->lower == b->lower &&
			a->n_claims == b->n_claims);
	if (a->type == LTP_SEG_CS || a->type == LTP_SEG_CR)
		require(a->reason == b->reason);
	if (layout)
		require(a->hlen == b->hlen && a->len == b->len &&
			a->n_header_ext == b->n_header_ext &&
			a->n_trailer_ext == b->n_trailer_ext);
}

/* What the header file promises of every segment. */
static void check_rules(const struct ltp_segment *seg, u32 total)
{
	require(seg->len && seg->len <= total && seg->hlen <= seg->len);
	require(ltp_segment_is_checkpoint(seg->type) ==
		(seg->type != LTP_SEG_RS && seg->cp_serial));
	if (ltp_segment_is_data(seg->type)) {
		require(seg->hlen + seg->length <= seg->len);
		require(seg->offset + seg->length >= seg->offset);
		require(seg->plen < seg->hlen);
	}
	if (seg->type == LTP_SEG_RS)
		require(seg->lower < seg->upper && seg->rs_serial);
	if (seg->type == LTP_SEG_RA)
		require(seg->rs_serial);
}

static void read_claims(const struct ltp_segment *seg, const u8 *buf)
{
	u8 *copy = exact(buf, seg->len);
	const u8 *p = copy + seg->hlen;
	u64 i, prev = 0, start, stop, last = 0;

	for (i = 0; i < seg->n_claims; i++) {
		require(!ltp_segment_next_claim(&p, copy + seg->len, seg, &prev,
						&start, &stop));
		require(start >= seg->lower && start < stop &&
			stop <= seg->upper && (!i || start > last));
		last = stop;
		if (i < CLAIMS_MAX)
			claims[i] = (struct claim) { start, stop };
	}
	free(copy);
}

static void write_again(const struct ltp_segment *seg, const u8 *buf)
{
	u32 size = seg->len + LTP_SEG_DATA_HDR_MAX, len;
	u8 *out = malloc(size);
	struct ltp_segment again;

	if (seg->type == LTP_SEG_RS && seg->n_claims > CLAIMS_MAX)
		goto out;
	if (seg->type == LTP_SEG_RS)
		size += LTP_SEG_RS_HEAD_MAX + LTP_SEG_CLAIM_MAX;
	out = realloc(out, size);
	len = build(out, size, seg, claims, buf + seg->hlen);
	require(len && len <= seg->len);
	require(!parse(&again, out, len, len));
	require_same(seg, &again, false);
	require(!again.n_header_ext && !again.n_trailer_ext &&
		again.len == len);
	if (len == seg->len && !seg->n_header_ext && !seg->n_trailer_ext)
		require(!memcmp(out, buf, len));
out:
	free(out);
}

/* As input.c does, with @have of each segment at hand at first. */
static void walk(const u8 *buf, u32 total, u32 have)
{
	struct ltp_segment_prefix prefix = {};
	struct ltp_segment next = {}, seg, part;
	u32 at = 0, left, some;
	int err, err_part;
	u8 *copy;

	while (at < total) {
		left = total - at;
		some = have < left ? have : left;
		err = parse(&seg, buf + at, left, left);
		require(!err || err == -EBADMSG || err == -EPROTONOSUPPORT);
		err_part = parse(&part, buf + at, some, left);
		require(err_part == err ||
			(err_part == -ENODATA && some < left));
		if (!err && !err_part)
			require_same(&seg, &part, true);

		copy = exact(buf + at, left);
		require(ltp_segment_parse_next(&next, &prefix, copy, left,
					       left) == err);
		free(copy);
		if (err)
			return;
		require_same(&seg, &next, true);
		check_rules(&seg, left);
		if (seg.type == LTP_SEG_RS)
			read_claims(&seg, buf + at);
		write_again(&seg, buf + at);
		at += seg.len;
	}
}

struct source {
	const u8	*p;
	const u8	*end;
};

static u8 octet(struct source *s)
{
	return s->p < s->end ? *s->p++ : 0;
}

/* Of any length in bits. */
static u64 number(struct source *s)
{
	u32 n = octet(s) % 9;
	u64 v = 0;

	while (n--)
		v = v << 8 | octet(s);
	return v;
}

/* The most that fits, and no more, is found for every size of segment. */
static void check_fill(const struct ltp_segment *seg, u32 wire)
{
	struct ltp_segment_prefix prefix;
	u32 n;

	ltp_segment_prefix_init(&prefix, seg->originator, seg->session,
				seg->service);
	n = ltp_segment_fill(&prefix, seg->offset, wire);
	if (n)
		require(ltp_segment_data_hlen(&prefix, seg->offset, n) + n <=
			wire);
	n++;
	require(ltp_segment_data_hlen(&prefix, seg->offset, n) + n > wire);
	n = ltp_segment_fill_cp(&prefix, seg->offset, wire, seg->cp_serial,
				seg->rs_serial);
	n++;
	require(ltp_segment_cp_hlen(&prefix, seg->offset, n, seg->cp_serial,
				    seg->rs_serial) + n > wire);
}

static void write_numbers(const u8 *buf, u32 size)
{
	static const u8 types[] = { 0, 1, 2, 3, 4, 7, 8, 9, 12, 13, 14, 15 };
	struct source src = { buf, buf + size };
	struct ltp_segment seg = {}, again;
	static u8 payload[256];
	u32 room = 512, len, n;
	u64 at;
	u8 *out;

	seg.type = types[octet(&src) % sizeof(types)];
	seg.originator = number(&src);
	seg.session = number(&src);
	seg.service = number(&src);
	seg.offset = number(&src);
	seg.length = octet(&src);
	seg.cp_serial = number(&src) ?: 1;
	seg.rs_serial = number(&src) ?: 1;
	seg.reason = octet(&src);
	check_fill(&seg, number(&src) & 0xffff);
	if (seg.offset + seg.length < seg.offset)
		seg.offset = 0;

	if (seg.type == LTP_SEG_RS) {
		seg.lower = seg.offset;
		at = seg.lower;
		for (n = 0; n < 16 && src.p < src.end; n++) {
			claims[n].start = at + octet(&src) + !!n;
			claims[n].stop = claims[n].start + 1 + number(&src);
			if (claims[n].start < at ||
			    claims[n].stop <= claims[n].start)
				break;
			at = claims[n].stop;
		}
		seg.n_claims = n;
		if (!n)
			return;
		seg.upper = at;
	} else if (!ltp_segment_is_checkpoint(seg.type)) {
		seg.cp_serial = 0;
		if (seg.type != LTP_SEG_RA)
			seg.rs_serial = 0;
	}

	out = malloc(room);
	len = build(out, room, &seg, claims, payload);
	require(len);
	/* An octet less, and nothing is written. */
	if (seg.type > LTP_SEG_RS) {
		u8 *less = malloc(len - 1);

		require(!build(less, len - 1, &seg, claims, payload));
		free(less);
	}
	require(!parse(&again, out, len, len));
	require_same(&seg, &again, false);
	require(again.len == len);
	free(out);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (!size)
		return 0;
	walk(data + 1, size - 1, data[0]);
	write_numbers(data + 1, size - 1);
	return 0;
}
