// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of net/ltp/segment.c; built with the address sanitizer, so every
 * buffer is a heap block of just the octets that may be read.
 */
#include "kselftest_harness.h"

#include <pthread.h>

#include "random.h"
#include "vectors.h"

static const u8 all_types[] = { 0, 1, 2, 3, 4, 7, 8, 9, 12, 13, 14, 15 };

/* Parses with the first @have of @total octets at hand, and no more. */
static int parse_exact(struct ltp_segment *seg, const u8 *buf, u32 have,
		       u32 total)
{
	u8 *copy = malloc(have);
	int err;

	memcpy(copy, buf, have);
	err = ltp_segment_parse(seg, copy, have, total);
	free(copy);
	return err;
}

static int parse_hex(struct ltp_segment *seg, const char *hex)
{
	u32 len;
	u8 *buf = unhex(hex, &len);
	int err = ltp_segment_parse(seg, buf, len, len);

	free(buf);
	return err;
}

/* The name of the first field that differs, of those the type has, or "". */
static const char *differs(const struct ltp_segment *a,
			   const struct ltp_segment *b)
{
	if (a->type != b->type)
		return "type";
	if (a->n_header_ext != b->n_header_ext)
		return "n_header_ext";
	if (a->n_trailer_ext != b->n_trailer_ext)
		return "n_trailer_ext";
	if (a->originator != b->originator)
		return "originator";
	if (a->session != b->session)
		return "session";
	if (a->cp_serial != b->cp_serial)
		return "cp_serial";
	if (a->rs_serial != b->rs_serial)
		return "rs_serial";
	if (a->hlen != b->hlen)
		return "hlen";
	if (a->len != b->len)
		return "len";

	switch (a->type) {
	case LTP_SEG_RS:
		if (a->upper != b->upper)
			return "upper";
		if (a->lower != b->lower)
			return "lower";
		if (a->n_claims != b->n_claims)
			return "n_claims";
		break;
	case LTP_SEG_CS:
	case LTP_SEG_CR:
		if (a->reason != b->reason)
			return "reason";
		break;
	default:
		if (!ltp_segment_is_data(a->type))
			break;
		if (a->plen != b->plen)
			return "plen";
		if (a->service != b->service)
			return "service";
		if (a->offset != b->offset)
			return "offset";
		if (a->length != b->length)
			return "length";
	}
	return "";
}

/* How many octets the parser needs: all, but of a payload. */
static u32 needed(const struct ltp_segment *seg)
{
	return ltp_segment_is_data(seg->type) && !seg->n_trailer_ext ?
	       seg->hlen : seg->len;
}

/* --- An encoder of the tests' own, which pads and extends. --------------- */

struct writer {
	u8		*p;
	/* Add up to so many zero digits to each number. */
	unsigned int	pad;
};

static void write_number(struct writer *w, u64 v)
{
	unsigned int n = 1, i;

	while (n < 10 && v >> 7 * n)
		n++;
	if (w->pad)
		n += random_below((w->pad < 10 - n ? w->pad : 10 - n) + 1);
	for (i = n - 1; i; i--)
		*w->p++ = 0x80 | (7 * i < 64 ? v >> 7 * i : 0);
	*w->p++ = v & 0x7f;
}

static void write_extensions(struct writer *w, unsigned int n)
{
	u32 len;

	while (n--) {
		*w->p++ = random_u64();
		len = random_below(4) ? random_below(8) : random_below(200);
		write_number(w, len);
		memset(w->p, 0x80 | len, len);
		w->p += len;
	}
}

/* Writes @seg and fills in its plen, hlen and len. */
static u32 write_segment(u8 *buf, struct ltp_segment *seg,
			 const struct claim *claims, unsigned int pad)
{
	struct writer w = { .p = buf, .pad = pad };
	u64 i;

	*w.p++ = seg->type;
	write_number(&w, seg->originator);
	write_number(&w, seg->session);
	*w.p++ = seg->n_header_ext << 4 | seg->n_trailer_ext;
	write_extensions(&w, seg->n_header_ext);

	if (ltp_segment_is_data(seg->type)) {
		write_number(&w, seg->service);
		seg->plen = w.p - buf;
		write_number(&w, seg->offset);
		write_number(&w, seg->length);
	}
	if (ltp_segment_is_checkpoint(seg->type)) {
		write_number(&w, seg->cp_serial);
		write_number(&w, seg->rs_serial);
	}
	if (seg->type == LTP_SEG_RS || seg->type == LTP_SEG_RA)
		write_number(&w, seg->rs_serial);
	if (seg->type == LTP_SEG_RS) {
		write_number(&w, seg->cp_serial);
		write_number(&w, seg->upper);
		write_number(&w, seg->lower);
		write_number(&w, seg->n_claims);
	}
	if (seg->type == LTP_SEG_CS || seg->type == LTP_SEG_CR)
		*w.p++ = seg->reason;
	seg->hlen = w.p - buf;

	if (seg->type == LTP_SEG_RS) {
		for (i = 0; i < seg->n_claims; i++) {
			write_number(&w, claims[i].start - seg->lower);
			write_number(&w, claims[i].stop - claims[i].start);
		}
	}
	if (ltp_segment_is_data(seg->type)) {
		memset(w.p, 0xa5, seg->length);
		w.p += seg->length;
	}
	write_extensions(&w, seg->n_trailer_ext);
	seg->len = w.p - buf;
	return seg->len;
}

#define MAX_CLAIMS	20
#define WRITE_MAX	(31 * 220 + MAX_CLAIMS * 20 + 2000)

static void random_segment(struct ltp_segment *seg, struct claim *claims)
{
	u64 at, room;

	memset(seg, 0, sizeof(*seg));
	seg->type = all_types[random_below(sizeof(all_types))];
	seg->reason = random_u64();
	seg->originator = random_number();
	seg->session = random_number();
	seg->service = random_number();
	seg->length = random_below(4) ? random_below(300) : random_below(1500);
	seg->offset = random_number();
	if (seg->offset + seg->length < seg->offset)
		seg->offset = -seg->length - 1;
	if (ltp_segment_is_checkpoint(seg->type) || seg->type == LTP_SEG_RS) {
		seg->cp_serial = random_number() | 1;
		seg->rs_serial = random_number() | 1;
	}
	if (ltp_segment_is_checkpoint(seg->type) && random_below(2))
		seg->rs_serial = 0;
	if (seg->type == LTP_SEG_RS && random_below(2))
		seg->cp_serial = 0;
	if (seg->type == LTP_SEG_RA)
		seg->rs_serial = random_number() | 1;
	if (seg->type != LTP_SEG_RS)
		return;

	seg->upper = random_number() | 1;
	seg->lower = random_below(seg->upper);
	at = seg->lower;
	while (seg->n_claims < MAX_CLAIMS && at < seg->upper) {
		struct claim *claim = &claims[seg->n_claims++];

		room = seg->upper - at;
		claim->start = at + (random_number() % room >> 1);
		room = seg->upper - claim->start;
		claim->stop = claim->start + 1 + (random_number() % room >> 1);
		at = claim->stop + 1;
		if (!random_below(8) || at < claim->stop)
			break;
	}
}

/* --- Types --------------------------------------------------------------- */

TEST(type_classes)
{
	static const struct {
		u8 type;
		const char *classes;
	} want[] = {
		/* Data, Red, Checkpoint, eOrp, eoB, to the receiver (>) */
		{  0, "DR   >" }, {  1, "DRC  >" }, {  2, "DRCO >" },
		{  3, "DRCOB>" }, {  4, "D    >" }, {  7, "D   B>" },
		{  8, "      " }, {  9, "     >" }, { 12, "     >" },
		{ 13, "      " }, { 14, "      " }, { 15, "     >" },
	};
	unsigned int i;
	char got[7];
	u8 t;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		t = want[i].type;
		snprintf(got, sizeof(got), "%c%c%c%c%c%c",
			 ltp_segment_is_data(t) ? 'D' : ' ',
			 ltp_segment_is_red(t) ? 'R' : ' ',
			 ltp_segment_is_checkpoint(t) ? 'C' : ' ',
			 ltp_segment_is_eorp(t) ? 'O' : ' ',
			 ltp_segment_is_eob(t) ? 'B' : ' ',
			 ltp_segment_is_export(t) ? '>' : ' ');
		EXPECT_STREQ(want[i].classes, got);
	}
}

/* Every first octet: version, then type. */
TEST(every_control_octet)
{
	struct ltp_segment seg;
	u8 buf[40] = { };
	int octet, want;
	unsigned int i;

	for (octet = 0; octet < 256; octet++) {
		/* Good content for every type; 0 claims in a report. */
		memset(buf, 0, sizeof(buf));
		buf[0] = octet;
		memset(buf + 4, 2, octet == LTP_SEG_RS ? 3 : 5);
		want = octet >> 4 ? -EPROTONOSUPPORT : -EBADMSG;
		for (i = 0; i < sizeof(all_types); i++)
			if (octet == all_types[i])
				want = 0;
		EXPECT_EQ(want, parse_exact(&seg, buf, 40, 40)) {
			TH_LOG("octet %#x", octet);
		}
	}
}

/* --- Vectors ------------------------------------------------------------- */

TEST(vectors_parse)
{
	const struct vector *v;
	struct ltp_segment seg;
	u64 prev_end, start, stop, k;
	const u8 *p;
	u32 len;
	u8 *buf;
	int err;

	for (v = vectors; v < vectors + ARRAY_SIZE(vectors); v++) {
		buf = unhex(v->hex, &len);
		ASSERT_NE(NULL, buf);
		EXPECT_EQ(v->err, ltp_segment_parse(&seg, buf, len, len)) {
			TH_LOG("%s", v->name);
		}
		if (!v->err) {
			EXPECT_STREQ("", differs(&v->seg, &seg)) {
				TH_LOG("%s", v->name);
			}
			EXPECT_EQ(len, seg.len);
		}
		if (!v->err && seg.type == LTP_SEG_RS) {
			p = buf + seg.hlen;
			prev_end = 0;
			for (k = 0; k < seg.n_claims; k++) {
				err = ltp_segment_next_claim(&p, buf + seg.len,
							     &seg, &prev_end,
							     &start, &stop);
				EXPECT_EQ(0, err);
				EXPECT_EQ(v->claims[k].start, start);
				EXPECT_EQ(v->claims[k].stop, stop);
			}
			EXPECT_EQ(buf + seg.len, p);
		}
		free(buf);
	}
}

TEST(vectors_build)
{
	const struct vector *v;
	u8 out[100];
	u32 len, n;
	u8 *buf;

	for (v = vectors; v < vectors + ARRAY_SIZE(vectors); v++) {
		if (v->err || v->form == EXTENDED)
			continue;
		buf = unhex(v->hex, &len);
		n = build(out, sizeof(out), &v->seg, v->claims,
			  buf + v->seg.hlen);
		if (v->form == PADDED) {
			EXPECT_LT(n, len);
		} else {
			EXPECT_EQ(len, n);
			EXPECT_EQ(0, memcmp(buf, out, len)) {
				TH_LOG("%s", v->name);
			}
		}
		free(buf);
	}
}

TEST(two_segments_in_a_datagram)
{
	struct ltp_segment seg;
	u32 len;
	u8 *buf = unhex(VECTOR_S15, &len);

	ASSERT_EQ(0, ltp_segment_parse(&seg, buf, len, len));
	EXPECT_EQ(LTP_SEG_RA, seg.type);
	EXPECT_EQ(1, seg.session);
	EXPECT_EQ(127, seg.rs_serial);
	ASSERT_EQ(5, seg.len);
	ASSERT_EQ(0, ltp_segment_parse(&seg, buf + 5, len - 5, len - 5));
	EXPECT_EQ(LTP_SEG_RED_CP_EORP_EOB, seg.type);
	EXPECT_EQ(2, seg.session);
	EXPECT_EQ(1, seg.cp_serial);
	EXPECT_EQ(len - 5, seg.len);
	free(buf);
}

/* A datagram that ends early is malformed, wherever it ends. */
TEST(vectors_cut_short)
{
	const struct vector *v;
	struct ltp_segment seg;
	u32 len, total, have;
	u8 *buf;
	int err;

	for (v = vectors; v < vectors + ARRAY_SIZE(vectors); v++) {
		buf = unhex(v->hex, &len);
		for (total = 0; !v->err && total < len; total++) {
			ASSERT_EQ(-EBADMSG,
				  parse_exact(&seg, buf, total, total)) {
				TH_LOG("%s, %u octets", v->name, total);
			}
			for (have = 0; have < total; have++) {
				err = parse_exact(&seg, buf, have, total);
				ASSERT_TRUE(err == -ENODATA ||
					    err == -EBADMSG);
			}
		}
		free(buf);
	}
}

/* One of which only the begin is at hand is neither good nor bad. */
TEST(vectors_not_linear)
{
	const struct vector *v;
	struct ltp_segment seg;
	u32 len, have;
	u8 *buf;
	int want;

	for (v = vectors; v < vectors + ARRAY_SIZE(vectors); v++) {
		buf = unhex(v->hex, &len);
		for (have = 0; !v->err && have < len; have++) {
			want = have < needed(&v->seg) ? -ENODATA : 0;
			ASSERT_EQ(want, parse_exact(&seg, buf, have, len)) {
				TH_LOG("%s, %u octets", v->name, have);
			}
			if (!want)
				ASSERT_STREQ("", differs(&v->seg, &seg));
		}
		free(buf);
	}
}

/* --- Malformed ----------------------------------------------------------- */

TEST(malformed)
{
#define MAX64 "81 ff ff ff ff ff ff ff ff 7f"
	static const struct {
		const char *what, *hex;
		int err;
	} cases[] = {
		{ "nothing", "", -EBADMSG },
		{ "undefined type 6", "06 04 01 00 01 00 02 7a 7a", -EBADMSG },
		{ "undefined type 11", "0b 04 01 00", -EBADMSG },
		{ "version 15", "f0 04 01 00 01 00 00", -EPROTONOSUPPORT },
		{ "version 1 of an undefined type", "15", -EPROTONOSUPPORT },
		{ "originator of 11 octets",
		  "0d 80 80 80 80 80 80 80 80 80 80 04 01 00", -EBADMSG },
		{ "originator of 2^64",
		  "0d 82 80 80 80 80 80 80 80 80 00 01 00", -EBADMSG },
		{ "originator of 2^64 - 1, good",
		  "0d " MAX64 " 01 00", 0 },
		{ "session of 11 octets",
		  "0d 04 80 80 80 80 80 80 80 80 80 80 01 00", -EBADMSG },

		{ "length one above what is left",
		  "00 04 01 00 01 00 03 61 62", -EBADMSG },
		{ "length 0, good", "00 04 01 00 01 00 00", 0 },
		{ "length of 2^64 - 1",
		  "00 04 01 00 01 00 " MAX64 " 61", -EBADMSG },
		{ "length of 2^32 + 1",
		  "00 04 01 00 01 00 90 80 80 80 01 61", -EBADMSG },
		{ "offset + length is 2^64",
		  "00 04 01 00 01 " MAX64 " 01 61", -EBADMSG },
		{ "offset + length is 2^64 - 1, good",
		  "00 04 01 00 01 81 ff ff ff ff ff ff ff ff 7e 01 61", 0 },
		{ "offset of 2^64 - 1 and no data, good",
		  "04 04 01 00 01 " MAX64 " 00", 0 },
		{ "checkpoint serial 0",
		  "01 04 01 00 01 00 01 00 05 61", -EBADMSG },
		{ "padded checkpoint serial 0",
		  "03 04 01 00 01 00 01 80 00 05 61", -EBADMSG },
		{ "checkpoint whose serials eat the data",
		  "02 04 01 00 01 00 02 05 00 61", -EBADMSG },
		{ "service of 11 octets",
		  "00 04 01 00 80 80 80 80 80 80 80 80 80 80 01 00 00",
		  -EBADMSG },

		{ "report serial 0", "08 04 01 00 00 05 05 00 01 00 05",
		  -EBADMSG },
		{ "acknowledged report serial 0, padded",
		  "09 04 01 00 80 00", -EBADMSG },
		{ "report, lower = upper", "08 04 01 00 07 05 05 05 01 00 01",
		  -EBADMSG },
		{ "report, lower > upper", "08 04 01 00 07 05 04 05 01 00 01",
		  -EBADMSG },
		{ "report of no scope and no claim",
		  "08 04 01 00 07 05 00 00 00", -EBADMSG },
		{ "report without claims, good",
		  "08 04 01 00 07 05 05 00 00", 0 },
		{ "report, one claim announced too many",
		  "08 04 01 00 07 05 05 00 02 00 01", -EBADMSG },
		{ "report, 2^64 - 1 claims announced",
		  "08 04 01 00 07 05 05 00 " MAX64 " 00 01", -EBADMSG },
		{ "report, half a claim too few",
		  "08 04 01 00 07 05 05 00 02 00 01 03", -EBADMSG },
		{ "claim of length 0", "08 04 01 00 07 05 05 00 01 00 00",
		  -EBADMSG },
		{ "claim longer than the scope",
		  "08 04 01 00 07 05 05 01 01 00 05", -EBADMSG },
		{ "claim of the whole scope, good",
		  "08 04 01 00 07 05 05 01 01 00 04", 0 },
		{ "claim that ends above the upper bound",
		  "08 04 01 00 07 05 05 01 01 03 02", -EBADMSG },
		{ "claim that ends at the upper bound, good",
		  "08 04 01 00 07 05 05 01 01 03 01", 0 },
		{ "claim that begins at the upper bound",
		  "08 04 01 00 07 05 05 01 01 04 01", -EBADMSG },
		{ "claim whose end overflows",
		  "08 04 01 00 07 05 05 01 01 " MAX64 " 02", -EBADMSG },
		{ "claims that touch",
		  "08 04 01 00 07 05 09 00 02 00 02 02 02", -EBADMSG },
		{ "claims with a gap of one, good",
		  "08 04 01 00 07 05 09 00 02 00 02 03 02", 0 },
		{ "claims that overlap",
		  "08 04 01 00 07 05 09 00 02 00 02 01 02", -EBADMSG },
		{ "claims that descend",
		  "08 04 01 00 07 05 09 00 02 05 02 00 02", -EBADMSG },
		{ "a claim twice",
		  "08 04 01 00 07 05 09 00 02 00 01 00 01", -EBADMSG },

		{ "cancel without its reason", "0c 04 01 00", -EBADMSG },
		{ "reserved reason 255, good", "0e 04 01 00 ff", 0 },

		{ "header extension that is not there", "0d 04 01 10",
		  -EBADMSG },
		{ "header extension without length", "0d 04 01 10 c0",
		  -EBADMSG },
		{ "header extension longer than what is left",
		  "0d 04 01 10 c0 02 01", -EBADMSG },
		{ "empty header extension, good", "0d 04 01 10 c0 00", 0 },
		{ "header extension of 2^64 - 1 octets",
		  "0d 04 01 10 c0 " MAX64 " 00", -EBADMSG },
		{ "header extension that eats the content",
		  "09 04 01 10 c0 01 05", -EBADMSG },
		{ "second header extension missing",
		  "0d 04 01 20 c0 01 05", -EBADMSG },
		{ "trailer extension that is not there",
		  "00 04 01 01 01 00 01 61", -EBADMSG },
		{ "trailer extension longer than what is left",
		  "00 04 01 01 01 00 01 61 00 02 01", -EBADMSG },
		{ "trailer extension, good",
		  "00 04 01 01 01 00 01 61 00 02 01 02", 0 },
		{ "trailer extension whose length overflows",
		  "00 04 01 01 01 00 01 61 00 82 80 80 80 80 80 80 80 80 00",
		  -EBADMSG },
		{ "header and trailer back to back, good",
		  "0f 04 01 11 c0 00 c1 01 00", 0 },
		{ "same tag three times, good",
		  "0f 04 01 21 01 00 01 00 01 00", 0 },
	};
	struct ltp_segment seg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].err, parse_hex(&seg, cases[i].hex)) {
			TH_LOG("%s", cases[i].what);
		}
	}
#undef MAX64
}

/* What is wrong by numbers at hand is said before the rest is asked for. */
TEST(malformed_is_told_early)
{
	struct ltp_segment seg;
	u8 data[] = { 0, 4, 1, 0, 1, 0, 100 };
	u8 rs[] = { 8, 4, 1, 0, 7, 5, 5, 0, 100 };
	u8 header[] = { 13, 4, 1, 0x20, 0xc0, 0, 0xc0, 100 };
	u8 trailer[] = { 13, 4, 1, 0x02, 0xc0, 0, 0xc0, 100 };

	EXPECT_EQ(0, parse_exact(&seg, data, 7, 107));
	EXPECT_EQ(-EBADMSG, parse_exact(&seg, data, 7, 106));
	EXPECT_EQ(-ENODATA, parse_exact(&seg, rs, 9, 209));
	EXPECT_EQ(-EBADMSG, parse_exact(&seg, rs, 9, 208));
	EXPECT_EQ(-ENODATA, parse_exact(&seg, header, 8, 108));
	EXPECT_EQ(-EBADMSG, parse_exact(&seg, header, 8, 107));
	EXPECT_EQ(-ENODATA, parse_exact(&seg, trailer, 8, 108));
	EXPECT_EQ(-EBADMSG, parse_exact(&seg, trailer, 8, 107));
}

TEST(claim_iterator)
{
	struct ltp_segment rs = { .lower = 1000, .upper = ~0ULL };
	u64 prev_end = 0, start = 7, stop = 7;
	const u8 octets[] = { 0, 10, 10, 5, 11, 5, 30 };
	const u8 *p = octets, *end = octets + sizeof(octets);

	EXPECT_EQ(0, ltp_segment_next_claim(&p, end, &rs, &prev_end, &start,
					    &stop));
	EXPECT_EQ(1000, start);
	EXPECT_EQ(1010, stop);
	EXPECT_EQ(octets + 2, p);

	/* Touches the one before: nothing moves. */
	EXPECT_EQ(-EBADMSG, ltp_segment_next_claim(&p, end, &rs, &prev_end,
						   &start, &stop));
	EXPECT_EQ(1000, start);
	EXPECT_EQ(1010, stop);
	EXPECT_EQ(1010, prev_end);
	EXPECT_EQ(octets + 2, p);

	p = octets + 4;
	EXPECT_EQ(0, ltp_segment_next_claim(&p, end, &rs, &prev_end, &start,
					    &stop));
	EXPECT_EQ(1011, start);
	EXPECT_EQ(1016, stop);
	EXPECT_EQ(-ENODATA, ltp_segment_next_claim(&p, end, &rs, &prev_end,
						   &start, &stop));
	EXPECT_EQ(octets + 6, p);
}

/* --- Properties ---------------------------------------------------------- */

TEST(random_build_and_parse)
{
	struct claim claims[MAX_CLAIMS];
	struct ltp_segment want, got;
	u64 prev_end, start, stop, k;
	u8 a[WRITE_MAX], b[WRITE_MAX];
	u8 payload[1500];
	const u8 *p;
	unsigned int i;
	u32 len;

	memset(payload, 0xa5, sizeof(payload));
	for (i = 0; i < 100000; i++) {
		random_segment(&want, claims);
		len = write_segment(a, &want, claims, 0);
		ASSERT_EQ(len, build(b, sizeof(b), &want, claims, payload));
		ASSERT_EQ(0, memcmp(a, b, len));
		ASSERT_EQ(0, parse_exact(&got, b, len, len));
		ASSERT_STREQ("", differs(&want, &got));

		p = b + got.hlen;
		prev_end = 0;
		for (k = 0; got.type == LTP_SEG_RS && k < got.n_claims; k++) {
			ASSERT_EQ(0, ltp_segment_next_claim(&p, b + len, &got,
							    &prev_end, &start,
							    &stop));
			ASSERT_EQ(claims[k].start, start);
			ASSERT_EQ(claims[k].stop, stop);
		}
	}
}

TEST(random_padded_and_extended)
{
	struct claim claims[MAX_CLAIMS];
	struct ltp_segment want, got;
	u8 a[WRITE_MAX];
	unsigned int i;
	u32 len, have;
	int err;

	for (i = 0; i < 50000; i++) {
		random_segment(&want, claims);
		want.n_header_ext = random_below(3) ? 0 : random_below(16);
		want.n_trailer_ext = random_below(3) ? 0 : random_below(16);
		len = write_segment(a, &want, claims, random_below(10));
		/* What follows in the datagram does not matter. */
		memset(a + len, 0xff, 4);
		ASSERT_EQ(0, parse_exact(&got, a, len + 4, len + 4));
		ASSERT_STREQ("", differs(&want, &got));

		have = random_below(len);
		err = parse_exact(&got, a, have, len);
		ASSERT_EQ(have < needed(&want) ? -ENODATA : 0, err);
		ASSERT_EQ(-EBADMSG, parse_exact(&got, a, have, have));
	}
}

static void mutate(u8 *buf, u32 *len, u32 size)
{
	u32 n = 1 + random_below(3), at;

	while (n--) {
		at = *len ? random_below(*len) : 0;
		switch (random_below(5)) {
		case 0:
			if (*len)
				buf[at] ^= 1 << random_below(8);
			break;
		case 1:
			if (*len)
				buf[at] = random_u64();
			break;
		case 2:
			if (*len)
				buf[at] |= 0x80;
			break;
		case 3:
			*len -= at ? *len - at : 0;
			break;
		case 4:
			if (*len < size)
				buf[(*len)++] = random_u64();
			break;
		}
	}
}

/*
 * Whatever the octets: nothing is read beyond them, the answer is one of the
 * four, what is found good is within bounds, and having less at hand changes
 * the answer to -ENODATA or not at all.
 */
TEST(random_damage)
{
	struct claim claims[MAX_CLAIMS];
	struct ltp_segment seg, part;
	u8 a[WRITE_MAX];
	unsigned int i, n_good = 0;
	u32 len, have;
	int err, again;

	for (i = 0; i < 300000; i++) {
		random_segment(&seg, claims);
		if (seg.length > 40)
			seg.length = 40;
		seg.n_header_ext = random_below(3) ? 0 : random_below(3);
		seg.n_trailer_ext = random_below(3) ? 0 : random_below(3);
		len = write_segment(a, &seg, claims, random_below(3));
		mutate(a, &len, sizeof(a));

		err = parse_exact(&seg, a, len, len);
		ASSERT_TRUE(!err || err == -EBADMSG ||
			    err == -EPROTONOSUPPORT);
		if (!err) {
			n_good++;
			ASSERT_LE(seg.len, len);
			ASSERT_LE(needed(&seg), seg.len);
			ASSERT_LE(seg.hlen, seg.len);
			if (ltp_segment_is_data(seg.type)) {
				ASSERT_LE(seg.length, seg.len - seg.hlen);
				ASSERT_LE(seg.offset, seg.offset + seg.length);
				ASSERT_LT(seg.plen, seg.hlen);
			}
			if (seg.type == LTP_SEG_RS)
				ASSERT_LT(seg.lower, seg.upper);
		}

		have = len ? random_below(len) : 0;
		again = parse_exact(&part, a, have, len);
		if (again != -ENODATA)
			ASSERT_EQ(err, again);
		if (!again && !err)
			ASSERT_STREQ("", differs(&seg, &part));
		if (!err && have >= needed(&seg))
			ASSERT_EQ(0, again);
	}
	/* Else it is the random numbers that were tested. */
	EXPECT_LT(50000, n_good);
}

struct scribbler {
	u8	*buf;
	u32	len;
	bool	stop;
};

static void *scribble(void *arg)
{
	struct scribbler *s = arg;
	u64 x = 88172645463325252ULL;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		__atomic_store_n(&s->buf[x % s->len], x >> 32,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

/* A sender may change a page that it has already handed down. */
TEST(octets_that_change_meanwhile)
{
	struct ltp_segment_prefix last = { };
	struct scribbler s = { .len = 40 };
	u64 prev_end, start, stop, k;
	struct ltp_segment seg;
	pthread_t thread;
	unsigned int i;
	const u8 *p;
	u32 have;

	s.buf = calloc(1, s.len);
	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &s));
	for (i = 0; i < 1000000; i++) {
		s.buf[0] = all_types[i % sizeof(all_types)];
		s.buf[3] &= i & 1 ? 0x11 : 0;
		have = i & 2 ? s.len : i % s.len;
		if (ltp_segment_parse_next(&seg, &last, s.buf, have, s.len))
			continue;
		ASSERT_LE(seg.len, s.len);
		ASSERT_LE(seg.hlen, seg.len);
		if (seg.type != LTP_SEG_RS)
			continue;
		p = s.buf + seg.hlen;
		prev_end = 0;
		for (k = 0; k < seg.n_claims; k++)
			if (ltp_segment_next_claim(&p, s.buf + seg.len, &seg,
						   &prev_end, &start, &stop))
				break;
		ASSERT_LE(p, s.buf + seg.len);
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	free(s.buf);
}

/* --- ltp_segment_parse_next() -------------------------------------------- */

TEST(next_is_the_same_as_parse)
{
	struct ltp_segment pool[6], seg, want, got;
	struct ltp_segment_prefix last = { };
	struct claim claims[MAX_CLAIMS];
	unsigned int i, pad, fast = 0;
	u8 a[WRITE_MAX];
	u32 len, have;
	u8 *copy;
	int err;

	for (i = 0; i < ARRAY_SIZE(pool); i++)
		random_segment(&pool[i], claims);
	/* Sessions whose octets differ in the last only, or in one place. */
	pool[1] = pool[0];
	pool[1].service ^= 1;
	pool[2] = pool[0];
	pool[2].session ^= 1;

	for (i = 0; i < 100000; i++) {
		if (!random_below(4))
			pool[3] = pool[random_below(ARRAY_SIZE(pool))];
		random_segment(&seg, claims);
		seg.originator = pool[3].originator;
		seg.session = pool[3].session;
		seg.service = pool[3].service;
		if (random_below(4)) {
			seg.type = random_below(6) ? LTP_SEG_RED :
						     LTP_SEG_GREEN;
			seg.cp_serial = 0;
			seg.rs_serial = 0;
		}
		seg.n_header_ext = random_below(20) ? 0 : 1;
		seg.n_trailer_ext = random_below(20) ? 0 : 1;
		pad = random_below(10) ? 0 : 2;
		len = write_segment(a, &seg, claims, pad);
		if (!random_below(10))
			mutate(a, &len, sizeof(a));
		have = random_below(3) ? len : random_below(len + 1);

		err = parse_exact(&want, a, have, len);
		fast += last.len && have >= last.len &&
			!memcmp(a, last.octets, last.len);
		copy = malloc(have);
		memcpy(copy, a, have);
		ASSERT_EQ(err, ltp_segment_parse_next(&got, &last, copy, have,
						      len));
		free(copy);
		if (!err)
			ASSERT_STREQ("", differs(&want, &got));
	}
	EXPECT_LT(16000, fast);
}

/* Padding in what comes behind the prefix does not take the fast way away. */
TEST(next_learns_the_prefix)
{
	struct ltp_segment_prefix last = { };
	struct ltp_segment seg;
	u8 padded[] = { 0, 4, 1, 0, 1, 0x80, 0x05, 0x80, 0x01, 0x61 };
	u8 service[] = { 0, 4, 1, 0, 0x80, 0x01, 0x05, 0x01, 0x61 };
	u8 cp[] = { 1, 4, 1, 0, 1, 0x05, 0x01, 0x07, 0x00, 0x61 };

	EXPECT_EQ(0, ltp_segment_parse_next(&seg, &last, padded,
					    sizeof(padded), sizeof(padded)));
	EXPECT_EQ(5, last.len);
	EXPECT_EQ(0, memcmp(last.octets, padded, 5));
	EXPECT_EQ(0, ltp_segment_parse_next(&seg, &last, service,
					    sizeof(service), sizeof(service)));
	EXPECT_EQ(0, last.len);
	EXPECT_EQ(0, ltp_segment_parse_next(&seg, &last, padded,
					    sizeof(padded), sizeof(padded)));
	EXPECT_EQ(5, last.len);
	EXPECT_EQ(0, ltp_segment_parse_next(&seg, &last, cp, sizeof(cp),
					    sizeof(cp)));
	EXPECT_EQ(0, last.len);
	EXPECT_EQ(7, seg.cp_serial);
}

/* --- Builders ------------------------------------------------------------ */

TEST(longest_segments)
{
	struct ltp_segment_prefix prefix;
	u8 buf[LTP_SEG_DATA_HDR_MAX];
	const u64 max = ~0ULL;
	u8 *end;

	ltp_segment_prefix_init(&prefix, max, max, max);
	EXPECT_EQ(LTP_SEG_PREFIX_MAX, prefix.len);
	/* The length is a u32, so its longest form is 5 octets. */
	end = ltp_segment_put_data(buf, &prefix, LTP_SEG_RED_CP, max, ~0U, max,
				   max);
	EXPECT_EQ(LTP_SEG_DATA_HDR_MAX - 5, end - buf);
	EXPECT_EQ(end - buf,
		  ltp_segment_cp_hlen(&prefix, max, ~0U, max, max));

	end = ltp_segment_put_rs_head(buf, buf + LTP_SEG_RS_HEAD_MAX, max, max,
				      max, max, max, max, max);
	EXPECT_EQ(buf + LTP_SEG_RS_HEAD_MAX, end);
	end = ltp_segment_put_ra(buf, buf + LTP_SEG_CTRL_MAX, max, max, max);
	EXPECT_EQ(buf + LTP_SEG_CTRL_MAX, end);
	end = ltp_segment_put_cancel(buf, buf + LTP_SEG_CTRL_MAX, LTP_SEG_CR,
				     max, max, 255);
	EXPECT_NE(NULL, end);
	end = ltp_segment_put_cancel_ack(buf, buf + LTP_SEG_CTRL_MAX,
					 LTP_SEG_CAR, max, max);
	EXPECT_NE(NULL, end);
}

/* No room, no octet; and just the room is enough. */
TEST(bounded_builders)
{
	struct claim claims[MAX_CLAIMS];
	struct ltp_segment seg;
	unsigned int i;
	u32 len, room;
	u8 a[200];
	u8 *buf;

	for (i = 0; i < 20000; i++) {
		random_segment(&seg, claims);
		if (ltp_segment_is_data(seg.type))
			continue;
		seg.n_claims = 0;
		len = write_segment(a, &seg, NULL, 0);
		for (room = 0; room <= len; room++) {
			buf = malloc(room);
			memset(buf, 0x5a, room);
			ASSERT_EQ(room < len ? 0 : len,
				  build(buf, room, &seg, NULL, NULL));
			if (room < len && room)
				ASSERT_EQ(0x5a, buf[0]);
			free(buf);
		}
	}
}

TEST_HARNESS_MAIN
