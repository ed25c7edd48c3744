// SPDX-License-Identifier: GPL-2.0
#include <linux/overflow.h>
#include <linux/string.h>

#include "segment.h"

/* The types that RFC 5326, section 3.1.2, defines: not 5, 6, 10 and 11. */
#define DEFINED_TYPES		0xf39f

/* Read position; @end is the first octet that is not at hand. */
struct cursor {
	const u8	*p;
	const u8	*end;
};

static __always_inline int get_octet(struct cursor *c, u8 *octet)
{
	if (unlikely(c->p >= c->end))
		return -ENODATA;
	*octet = READ_ONCE(*c->p);
	c->p++;
	return 0;
}

static __always_inline int get_sdnv(struct cursor *c, u64 *v)
{
	int n = ltp_sdnv_get(c->p, c->end, v);

	if (unlikely(n < 0))
		return n;
	c->p += n;
	return 0;
}

/* A serial that must not be 0 (RFC 5326, sections 3.2.1 to 3.2.3). */
static int get_serial(struct cursor *c, u64 *v)
{
	int err = get_sdnv(c, v);

	if (err)
		return err;
	return *v ? 0 : -EBADMSG;
}

/* Extensions of any tag are passed over (RFC 5326, section 3.1.4; RFC 5327,
 * section 2.1).  @left counts the octets of the datagram from the cursor on.
 */
static int skip_extensions(struct cursor *c, u32 left, unsigned int n)
{
	const u8 *start = c->p;
	u64 length;
	int err;
	u8 tag;

	for (; n; n--) {
		err = get_octet(c, &tag);
		if (err)
			return err;
		err = get_sdnv(c, &length);
		if (err)
			return err;
		if (length > left - (c->p - start))
			return -EBADMSG;
		if (length > c->end - c->p)
			return -ENODATA;
		c->p += length;
	}
	return 0;
}

/* The serials that only checkpoints have (RFC 5326, section 3.2.1). */
static int parse_cp(struct ltp_segment *seg, struct cursor *c)
{
	int err = get_serial(c, &seg->cp_serial);

	if (err)
		return err;
	return get_sdnv(c, &seg->rs_serial);
}

/* Checks what must hold between the fields of a data segment. */
static __always_inline int check_data(struct ltp_segment *seg, u32 hlen,
				      u32 total)
{
	u64 end;

	if (unlikely(seg->length > total - hlen ||
		     check_add_overflow(seg->offset, seg->length, &end)))
		return -EBADMSG;
	seg->hlen = hlen;
	seg->len = hlen + seg->length;
	return 0;
}

/* A data segment behind its header (RFC 5326, section 3.2.1). */
static __always_inline int parse_data(struct ltp_segment *seg, struct cursor *c,
				      const u8 *buf, u32 total)
{
	int err;

	err = get_sdnv(c, &seg->service);
	if (unlikely(err))
		return err;
	seg->plen = c->p - buf;
	err = get_sdnv(c, &seg->offset);
	if (unlikely(err))
		return err;
	err = get_sdnv(c, &seg->length);
	if (unlikely(err))
		return err;
	if (ltp_segment_is_checkpoint(seg->type)) {
		err = parse_cp(seg, c);
		if (err)
			return err;
	}
	return check_data(seg, c->p - buf, total);
}

/* A report behind its header, claims included (RFC 5326, section 3.2.2). */
static int parse_rs(struct ltp_segment *seg, struct cursor *c, const u8 *buf,
		    u32 total)
{
	u64 prev_end = 0, start, stop, i;
	int err;

	err = get_serial(c, &seg->rs_serial);
	if (err)
		return err;
	err = get_sdnv(c, &seg->cp_serial);
	if (err)
		return err;
	err = get_sdnv(c, &seg->upper);
	if (err)
		return err;
	err = get_sdnv(c, &seg->lower);
	if (err)
		return err;
	err = get_sdnv(c, &seg->n_claims);
	if (err)
		return err;

	seg->hlen = c->p - buf;
	if (seg->lower >= seg->upper ||
	    seg->n_claims > (total - seg->hlen) / 2)
		return -EBADMSG;

	for (i = 0; i < seg->n_claims; i++) {
		err = ltp_segment_next_claim(&c->p, c->end, seg, &prev_end,
					     &start, &stop);
		if (err)
			return err;
	}
	seg->len = c->p - buf;
	return 0;
}

/* RA, Cx and CAx behind their headers (RFC 5326, sections 3.2.3, 3.2.4). */
static int parse_ctrl(struct ltp_segment *seg, struct cursor *c, const u8 *buf)
{
	int err = 0;

	switch (seg->type) {
	case LTP_SEG_RA:
		err = get_serial(c, &seg->rs_serial);
		break;
	case LTP_SEG_CS:
	case LTP_SEG_CR:
		err = get_octet(c, &seg->reason);
		break;
	}
	seg->hlen = c->p - buf;
	seg->len = seg->hlen;
	return err;
}

static int parse_trailer(struct ltp_segment *seg, struct cursor *c,
			 const u8 *buf, u32 total)
{
	int err;

	if (seg->len > c->end - buf)
		return -ENODATA;
	c->p = buf + seg->len;
	err = skip_extensions(c, total - seg->len, seg->n_trailer_ext);
	seg->len = c->p - buf;
	return err;
}

/* Whatever does not lie before @c's end is -ENODATA here. */
static int parse(struct ltp_segment *seg, struct cursor *c, u32 total)
{
	const u8 *buf = c->p;
	u8 octet;
	int err;

	err = get_octet(c, &octet);
	if (unlikely(err))
		return err;
	if (unlikely(octet >> 4))
		return -EPROTONOSUPPORT;
	if (unlikely(!(DEFINED_TYPES >> octet & 1)))
		return -EBADMSG;
	seg->type = octet;
	seg->cp_serial = 0;
	seg->rs_serial = 0;

	err = get_sdnv(c, &seg->originator);
	if (unlikely(err))
		return err;
	err = get_sdnv(c, &seg->session);
	if (unlikely(err))
		return err;
	err = get_octet(c, &octet);
	if (unlikely(err))
		return err;
	seg->n_header_ext = octet >> 4;
	seg->n_trailer_ext = octet & 0xf;

	if (unlikely(seg->n_header_ext)) {
		err = skip_extensions(c, total - (c->p - buf),
				      seg->n_header_ext);
		if (err)
			return err;
	}

	if (likely(ltp_segment_is_data(seg->type)))
		err = parse_data(seg, c, buf, total);
	else if (seg->type == LTP_SEG_RS)
		err = parse_rs(seg, c, buf, total);
	else
		err = parse_ctrl(seg, c, buf);
	if (unlikely(err))
		return err;

	if (unlikely(seg->n_trailer_ext))
		return parse_trailer(seg, c, buf, total);
	return 0;
}

/**
 * ltp_segment_parse() - read a segment
 * @seg: what was read; undefined on error
 * @buf: the segment's first octet
 * @have: how many octets of the datagram are readable at @buf, 0 to @total
 * @total: how many octets of the datagram are left at @buf
 *
 * Of a data segment without trailer extensions the header is needed and the
 * payload is not looked at; of any other segment all of it is needed.  The
 * next segment of the datagram, if any, begins at @buf + @seg->len.
 *
 * Checked is all that concerns this segment alone (RFC 5326, section 3): the
 * claims of a report too, so ltp_segment_next_claim() fails behind this only
 * if the octets were changed meanwhile.  Every octet is read once; one that is
 * changed while this runs can not lead it out of @buf.
 *
 * Return: 0; -EPROTONOSUPPORT if the version is not 0; -EBADMSG if it is
 * malformed; -ENODATA, which needs @have < @total, if more of the datagram has
 * to be readable to tell.
 */
int ltp_segment_parse(struct ltp_segment *seg, const u8 *buf, u32 have,
		      u32 total)
{
	struct cursor c = { .p = buf, .end = buf + have };
	int err = parse(seg, &c, total);

	if (err == -ENODATA && have >= total)
		return -EBADMSG;
	return err;
}

/**
 * ltp_segment_parse_next() - read a segment that may well continue a session
 * @seg: in: what the call before left here, or anything if @last->len is 0;
 *	out: what was read; undefined on error
 * @last: what the plain data segment read last began with; set @last->len to
 *	0 for the first call and leave it alone between calls
 * @buf: the segment's first octet
 * @have: how many octets of the datagram are readable at @buf, 0 to @total
 * @total: how many octets of the datagram are left at @buf
 *
 * For the walk over a coalesced buffer: gives what ltp_segment_parse() gives,
 * but of a data segment with the same type, session and client service as the
 * one before only offset and length are decoded.  Whether the offset continues
 * the segment before is for the caller to see.
 *
 * @last is made from the decoded numbers and not from @buf, so it never stands
 * for another session than @seg does.
 *
 * Return: as ltp_segment_parse().
 */
int ltp_segment_parse_next(struct ltp_segment *seg,
			   struct ltp_segment_prefix *last,
			   const u8 *buf, u32 have, u32 total)
{
	int err;

	if (likely(last->len && have > last->len &&
		   !memcmp(buf, last->octets, last->len))) {
		struct cursor c = { .p = buf + last->len, .end = buf + have };

		if (likely(!get_sdnv(&c, &seg->offset) &&
			   !get_sdnv(&c, &seg->length) &&
			   !check_data(seg, c.p - buf, total)))
			return 0;
	}

	last->len = 0;
	err = ltp_segment_parse(seg, buf, have, total);
	if (err)
		return err;

	/* Every CP brings serials, and is mostly the last of its session. */
	if (!(seg->type & ~LTP_SEG_EXC) && !seg->n_header_ext &&
	    !seg->n_trailer_ext) {
		ltp_segment_prefix_init(last, seg->originator, seg->session,
					seg->service);
		last->octets[0] = seg->type;
		/* A peer that pads these numbers is read the long way. */
		if (last->len != seg->plen)
			last->len = 0;
	}
	return 0;
}

/**
 * ltp_segment_next_claim() - read the next claim of a report
 * @p: where it begins, at first the report's @hlen; moved behind it
 * @end: first octet that may not be read
 * @rs: the report, for its bounds; call this @rs->n_claims times
 * @prev_end: 0 at first, then belongs to this function
 * @start: first octet of the block that is claimed
 * @stop: first octet behind the claim; @rs->lower <= @start < @stop <=
 *	@rs->upper
 *
 * On the wire an offset counts from the lower bound; here it does no more.
 * Claims ascend with a gap between them (RFC 5326, section 3.2.2).
 *
 * Return: 0; -ENODATA if the claim runs past @end; -EBADMSG if it is malformed
 * or breaks the rules.  On error nothing is moved or set.
 */
int ltp_segment_next_claim(const u8 **p, const u8 *end,
			   const struct ltp_segment *rs, u64 *prev_end,
			   u64 *start, u64 *stop)
{
	struct cursor c = { .p = *p, .end = end };
	u64 scope = rs->upper - rs->lower;
	u64 offset, length;
	int err;

	err = get_sdnv(&c, &offset);
	if (err)
		return err;
	err = get_sdnv(&c, &length);
	if (err)
		return err;

	if (!length || length > scope || offset > scope - length)
		return -EBADMSG;
	/* A claim is never empty, so 0 is the end of none. */
	if (*prev_end && rs->lower + offset <= *prev_end)
		return -EBADMSG;

	*start = rs->lower + offset;
	*stop = *start + length;
	*prev_end = *stop;
	*p = c.p;
	return 0;
}

static u8 *put_header(u8 *p, u8 type, u64 originator, u64 session)
{
	*p++ = type;
	p = ltp_sdnv_put(p, originator);
	p = ltp_sdnv_put(p, session);
	*p++ = 0;
	return p;
}

static u32 header_len(u64 originator, u64 session)
{
	return 1 + ltp_sdnv_len(originator) + ltp_sdnv_len(session) + 1;
}

/**
 * ltp_segment_prefix_init() - prepare what a session's data segments begin with
 * @prefix: what is prepared
 * @originator: engine that sends the block, any
 * @session: session number, any
 * @service: destination client service, any
 *
 * Of type red, without extensions (RFC 5326, sections 3.1 and 3.2.1).
 */
void ltp_segment_prefix_init(struct ltp_segment_prefix *prefix, u64 originator,
			     u64 session, u64 service)
{
	u8 *p = put_header(prefix->octets, LTP_SEG_RED, originator, session);

	p = ltp_sdnv_put(p, service);
	prefix->len = p - prefix->octets;
}

/* The largest payload that fits in @wire octets behind @fixed and its length. */
static u32 fill(u32 fixed, u32 wire)
{
	u32 room, length;

	if (wire < fixed + 2)
		return 0;
	room = wire - fixed;
	length = room - ltp_sdnv_len(room);
	/* Its length may have one octet less than that of the room. */
	if (length + 1 + ltp_sdnv_len(length + 1) <= room)
		length++;
	return length;
}

/**
 * ltp_segment_fill() - the largest payload of a data segment, no checkpoint
 * @prefix: of the session
 * @offset: of the payload within the block, in octets
 * @wire: octets the segment may have, any
 *
 * The segment has exactly @wire octets but in one case: where the length field
 * grows, at 127 to 128, 16383 to 16384 octets and so on, one size of segment
 * is made by no payload.  One octet less is then the best: compare with
 * ltp_segment_data_hlen().
 *
 * Return: octets of payload; 0 if not even one fits.
 */
u32 ltp_segment_fill(const struct ltp_segment_prefix *prefix, u64 offset,
		     u32 wire)
{
	return fill(prefix->len + ltp_sdnv_len(offset), wire);
}

/**
 * ltp_segment_fill_cp() - the largest payload of a checkpoint
 * @prefix: of the session
 * @offset: of the payload within the block, in octets
 * @wire: octets the segment may have, any
 * @cp_serial: serial of the checkpoint, not 0
 * @rs_serial: serial of the report it answers, 0 if none
 *
 * Return: as ltp_segment_fill().
 */
u32 ltp_segment_fill_cp(const struct ltp_segment_prefix *prefix, u64 offset,
			u32 wire, u64 cp_serial, u64 rs_serial)
{
	return fill(prefix->len + ltp_sdnv_len(offset) +
		    ltp_sdnv_len(cp_serial) + ltp_sdnv_len(rs_serial), wire);
}

/**
 * ltp_segment_put_data() - write a data segment's header
 * @p: where to write; room for ltp_segment_data_hlen() octets, of a
 *	checkpoint ltp_segment_cp_hlen(), which %LTP_SEG_DATA_HDR_MAX always is
 * @prefix: of the session
 * @type: a data segment's type
 * @offset: of the payload within the block, in octets
 * @length: of the payload, in octets; not 0, which some peers refuse
 * @cp_serial: checkpoint: its serial, not 0; otherwise not looked at
 * @rs_serial: checkpoint: serial of the report it answers, 0 if none;
 *	otherwise not looked at
 *
 * Return: where the payload goes (RFC 5326, section 3.2.1).
 */
u8 *ltp_segment_put_data(u8 *p, const struct ltp_segment_prefix *prefix,
			 u8 type, u64 offset, u32 length, u64 cp_serial,
			 u64 rs_serial)
{
	memcpy(p, prefix->octets, prefix->len);
	p[0] = type;
	p += prefix->len;
	p = ltp_sdnv_put(p, offset);
	p = ltp_sdnv_put(p, length);
	if (ltp_segment_is_checkpoint(type)) {
		p = ltp_sdnv_put(p, cp_serial);
		p = ltp_sdnv_put(p, rs_serial);
	}
	return p;
}

/**
 * ltp_segment_put_rs_head() - write a report up to its first claim
 * @p: where to write
 * @end: first octet that may not be written, at or above @p
 * @originator: engine that sends the block
 * @session: session number
 * @rs_serial: serial of the report, not 0
 * @cp_serial: serial of the checkpoint it answers, 0 if none
 * @upper: end of the scope, above @lower
 * @lower: begin of the scope
 * @n_claims: how many claims will follow, 1 or more
 *
 * A claim is its offset from @lower and its length, in two SDNVs; between two
 * claims is a gap (RFC 5326, section 3.2.2).
 *
 * Return: where the first claim goes; NULL, with nothing written, if there is
 * no room.
 */
u8 *ltp_segment_put_rs_head(u8 *p, const u8 *end, u64 originator, u64 session,
			    u64 rs_serial, u64 cp_serial, u64 upper, u64 lower,
			    u64 n_claims)
{
	if (end - p < LTP_SEG_RS_HEAD_MAX &&
	    end - p < ltp_segment_rs_head_len(originator, session, rs_serial,
					      cp_serial, upper, lower,
					      n_claims))
		return NULL;
	p = put_header(p, LTP_SEG_RS, originator, session);
	p = ltp_sdnv_put(p, rs_serial);
	p = ltp_sdnv_put(p, cp_serial);
	p = ltp_sdnv_put(p, upper);
	p = ltp_sdnv_put(p, lower);
	return ltp_sdnv_put(p, n_claims);
}

/**
 * ltp_segment_put_ra() - write a report-acknowledgment
 * @p: where to write; %LTP_SEG_CTRL_MAX octets are always enough
 * @end: first octet that may not be written, at or above @p
 * @originator: engine that sends the block
 * @session: session number
 * @rs_serial: serial of the report, not 0
 *
 * Return: the end of the segment (RFC 5326, section 3.2.3); NULL, with nothing
 * written, if there is no room.
 */
u8 *ltp_segment_put_ra(u8 *p, const u8 *end, u64 originator, u64 session,
		       u64 rs_serial)
{
	if (end - p < LTP_SEG_CTRL_MAX &&
	    end - p < header_len(originator, session) +
		      ltp_sdnv_len(rs_serial))
		return NULL;
	p = put_header(p, LTP_SEG_RA, originator, session);
	return ltp_sdnv_put(p, rs_serial);
}

/**
 * ltp_segment_put_cancel() - write a cancel segment
 * @p: where to write; %LTP_SEG_CTRL_MAX octets are always enough
 * @end: first octet that may not be written, at or above @p
 * @type: %LTP_SEG_CS or %LTP_SEG_CR
 * @originator: engine that sends the block
 * @session: session number
 * @reason: enum ltp_reason
 *
 * Return: the end of the segment (RFC 5326, section 3.2.4); NULL, with nothing
 * written, if there is no room.
 */
u8 *ltp_segment_put_cancel(u8 *p, const u8 *end, u8 type, u64 originator,
			   u64 session, u8 reason)
{
	if (end - p < header_len(originator, session) + 1)
		return NULL;
	p = put_header(p, type, originator, session);
	*p++ = reason;
	return p;
}

/**
 * ltp_segment_put_cancel_ack() - write a cancel-acknowledgment
 * @p: where to write; %LTP_SEG_CTRL_MAX octets are always enough
 * @end: first octet that may not be written, at or above @p
 * @type: %LTP_SEG_CAS or %LTP_SEG_CAR
 * @originator: engine that sends the block
 * @session: session number
 *
 * Return: the end of the segment (RFC 5326, section 3.2.4); NULL, with nothing
 * written, if there is no room.
 */
u8 *ltp_segment_put_cancel_ack(u8 *p, const u8 *end, u8 type, u64 originator,
			       u64 session)
{
	if (end - p < header_len(originator, session))
		return NULL;
	return put_header(p, type, originator, session);
}
