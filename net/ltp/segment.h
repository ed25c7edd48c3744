/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The segments of LTP (RFC 5326, section 3): what they look like on the wire.
 *
 * Pure codec: no skb, no lock, no allocation.  Compiles in the kernel and, for
 * tests and fuzzers, in user space.
 */
#ifndef _NET_LTP_SEGMENT_H
#define _NET_LTP_SEGMENT_H

#include <linux/types.h>
#include "sdnv.h"

/**
 * enum ltp_segment_type - segment type codes (RFC 5326, section 3.1.2)
 * @LTP_SEG_RED: red data
 * @LTP_SEG_RED_CP: red data, checkpoint
 * @LTP_SEG_RED_CP_EORP: red data, checkpoint, end of the red part
 * @LTP_SEG_RED_CP_EORP_EOB: red data, checkpoint, end of red part and block
 * @LTP_SEG_GREEN: green data
 * @LTP_SEG_GREEN_EOB: green data, end of the block
 * @LTP_SEG_RS: report
 * @LTP_SEG_RA: acknowledgment of a report
 * @LTP_SEG_CS: cancellation by the block's sender
 * @LTP_SEG_CAS: acknowledgment of that, to the sender
 * @LTP_SEG_CR: cancellation by the block's receiver
 * @LTP_SEG_CAR: acknowledgment of that, to the receiver
 */
enum ltp_segment_type {
	LTP_SEG_RED		= 0,
	LTP_SEG_RED_CP		= 1,
	LTP_SEG_RED_CP_EORP	= 2,
	LTP_SEG_RED_CP_EORP_EOB	= 3,
	LTP_SEG_GREEN		= 4,
	LTP_SEG_GREEN_EOB	= 7,
	LTP_SEG_RS		= 8,
	LTP_SEG_RA		= 9,
	LTP_SEG_CS		= 12,
	LTP_SEG_CAS		= 13,
	LTP_SEG_CR		= 14,
	LTP_SEG_CAR		= 15,
};

/* Type flags (RFC 5326, section 3.1.1); the two low bits have no other name. */
#define LTP_SEG_FLAG0		0x1
#define LTP_SEG_FLAG1		0x2
#define LTP_SEG_EXC		0x4
#define LTP_SEG_CTRL		0x8

/* Type, originator, session, extensions octet. */
#define LTP_SEG_HEADER_MAX	(1 + 2 * LTP_SDNV_MAX + 1)

/* That and the client service. */
#define LTP_SEG_PREFIX_MAX	(LTP_SEG_HEADER_MAX + LTP_SDNV_MAX)

/* That, offset, length and the two serials of a checkpoint. */
#define LTP_SEG_DATA_HDR_MAX	(LTP_SEG_PREFIX_MAX + 4 * LTP_SDNV_MAX)

/* RA, the longest of RA, Cx and CAx. */
#define LTP_SEG_CTRL_MAX	(LTP_SEG_HEADER_MAX + LTP_SDNV_MAX)

/* RS up to the first claim, and each claim. */
#define LTP_SEG_RS_HEAD_MAX	(LTP_SEG_HEADER_MAX + 5 * LTP_SDNV_MAX)
#define LTP_SEG_CLAIM_MAX	(2 * LTP_SDNV_MAX)

/**
 * struct ltp_segment - a parsed segment
 * @type: enum ltp_segment_type
 * @reason: CS and CR: 0 to 255, of which enum ltp_reason names a few
 * @n_header_ext: header extensions, 0 to 15
 * @n_trailer_ext: trailer extensions, 0 to 15
 * @plen: data: octets before the offset
 * @hlen: octets before the payload (data) or before the first claim (RS); of
 *	another type, octets before the trailer extensions
 * @len: octets of the whole segment, trailer extensions included
 * @originator: engine that sends the block, in both directions
 * @session: session number
 * @service: data: client service
 * @offset: data: of the payload within the block, in octets
 * @length: data: of the payload, in octets; 0 is possible, @offset + @length
 *	fits and @hlen + @length is not above @len
 * @cp_serial: checkpoint: its serial, never 0; RS: serial of the checkpoint it
 *	answers, 0 if none; otherwise 0
 * @rs_serial: checkpoint: serial of the report it answers, 0 if none; RS and
 *	RA: serial of the report, never 0; otherwise 0
 * @upper: RS: end of the scope, above @lower
 * @lower: RS: begin of the scope
 * @n_claims: RS: how many claims follow
 *
 * Only the fields named for a type are set by the parser, but @cp_serial and
 * @rs_serial always.
 */
struct ltp_segment {
	u8	type;
	u8	reason;
	u8	n_header_ext;
	u8	n_trailer_ext;
	u32	plen;
	u32	hlen;
	u32	len;
	u64	originator;
	u64	session;
	u64	service;
	u64	offset;
	u64	length;
	u64	cp_serial;
	u64	rs_serial;
	u64	upper;
	u64	lower;
	u64	n_claims;
};

/**
 * struct ltp_segment_prefix - what all data segments of a session begin with
 * @len: octets in use; 0 is a prefix that ltp_segment_parse_next() has still
 *	to learn
 * @octets: type, originator, session, extensions octet, client service
 */
struct ltp_segment_prefix {
	u8	len;
	u8	octets[LTP_SEG_PREFIX_MAX];
};

/**
 * ltp_segment_is_data() - does the segment carry client service data?
 * @type: a defined segment type
 *
 * Return: true if so.
 */
static inline bool ltp_segment_is_data(u8 type)
{
	return !(type & LTP_SEG_CTRL);
}

/**
 * ltp_segment_is_red() - does it carry red data?
 * @type: a defined segment type
 *
 * Return: true if so.
 */
static inline bool ltp_segment_is_red(u8 type)
{
	return !(type & (LTP_SEG_CTRL | LTP_SEG_EXC));
}

/**
 * ltp_segment_is_checkpoint() - class CP (RFC 5326, section 3.1.3)
 * @type: a defined segment type
 *
 * Return: true if so.
 */
static inline bool ltp_segment_is_checkpoint(u8 type)
{
	return ltp_segment_is_red(type) && type != LTP_SEG_RED;
}

/**
 * ltp_segment_is_eorp() - class EORP (RFC 5326, section 3.1.3)
 * @type: a defined segment type
 *
 * Return: true if so.
 */
static inline bool ltp_segment_is_eorp(u8 type)
{
	return ltp_segment_is_red(type) && type & LTP_SEG_FLAG1;
}

/**
 * ltp_segment_is_eob() - class EOB (RFC 5326, section 3.1.3)
 * @type: a defined segment type
 *
 * Return: true if so.
 */
static inline bool ltp_segment_is_eob(u8 type)
{
	return (type & ~LTP_SEG_EXC) == LTP_SEG_RED_CP_EORP_EOB;
}

/**
 * ltp_segment_is_export() - does it travel from a block's sender to its
 * receiver?
 * @type: a defined segment type
 *
 * Data, RA, CS and CAR do; RS, CAS and CR come back, with the originator and
 * session number of the receiving engine's own session (RFC 5326, section
 * 3.2.4).
 *
 * Return: true if it does.
 */
static inline bool ltp_segment_is_export(u8 type)
{
	const u16 types = 0xff | BIT(LTP_SEG_RA) | BIT(LTP_SEG_CS) |
			  BIT(LTP_SEG_CAR);

	return types >> type & 1;
}

int ltp_segment_parse(struct ltp_segment *seg, const u8 *buf, u32 have,
		      u32 total);
int ltp_segment_parse_next(struct ltp_segment *seg,
			   struct ltp_segment_prefix *last,
			   const u8 *buf, u32 have, u32 total);
int ltp_segment_next_claim(const u8 **p, const u8 *end,
			   const struct ltp_segment *rs, u64 *prev_end,
			   u64 *start, u64 *stop);

void ltp_segment_prefix_init(struct ltp_segment_prefix *prefix, u64 originator,
			     u64 session, u64 service);
u32 ltp_segment_fill(const struct ltp_segment_prefix *prefix, u64 offset,
		     u32 wire);
u32 ltp_segment_fill_cp(const struct ltp_segment_prefix *prefix, u64 offset,
			u32 wire, u64 cp_serial, u64 rs_serial);
u8 *ltp_segment_put_data(u8 *p, const struct ltp_segment_prefix *prefix,
			 u8 type, u64 offset, u32 length, u64 cp_serial,
			 u64 rs_serial);
u8 *ltp_segment_put_rs_head(u8 *p, const u8 *end, u64 originator, u64 session,
			    u64 rs_serial, u64 cp_serial, u64 upper, u64 lower,
			    u64 n_claims);
u8 *ltp_segment_put_ra(u8 *p, const u8 *end, u64 originator, u64 session,
		       u64 rs_serial);
u8 *ltp_segment_put_cancel(u8 *p, const u8 *end, u8 type, u64 originator,
			   u64 session, u8 reason);
u8 *ltp_segment_put_cancel_ack(u8 *p, const u8 *end, u8 type, u64 originator,
			       u64 session);

/**
 * ltp_segment_data_hlen() - header length of a data segment, no checkpoint
 * @prefix: of the session
 * @offset: of the payload within the block, in octets
 * @length: of the payload, in octets
 *
 * Return: octets, up to %LTP_SEG_DATA_HDR_MAX.
 */
static inline u32 ltp_segment_data_hlen(const struct ltp_segment_prefix *prefix,
					u64 offset, u32 length)
{
	return prefix->len + ltp_sdnv_len(offset) + ltp_sdnv_len(length);
}

/**
 * ltp_segment_cp_hlen() - header length of a checkpoint
 * @prefix: of the session
 * @offset: of the payload within the block, in octets
 * @length: of the payload, in octets
 * @cp_serial: serial of the checkpoint, not 0
 * @rs_serial: serial of the report it answers, 0 if none
 *
 * Return: octets, up to %LTP_SEG_DATA_HDR_MAX.
 */
static inline u32 ltp_segment_cp_hlen(const struct ltp_segment_prefix *prefix,
				      u64 offset, u32 length, u64 cp_serial,
				      u64 rs_serial)
{
	return ltp_segment_data_hlen(prefix, offset, length) +
	       ltp_sdnv_len(cp_serial) + ltp_sdnv_len(rs_serial);
}

/**
 * ltp_segment_rs_head_len() - length of a report up to its first claim
 * @originator: engine that sends the block
 * @session: session number
 * @rs_serial: serial of the report, not 0
 * @cp_serial: serial of the checkpoint it answers, 0 if none
 * @upper: end of the scope, above @lower
 * @lower: begin of the scope
 * @n_claims: how many claims will follow
 *
 * Return: octets, up to %LTP_SEG_RS_HEAD_MAX.
 */
static inline u32 ltp_segment_rs_head_len(u64 originator, u64 session,
					  u64 rs_serial, u64 cp_serial,
					  u64 upper, u64 lower, u64 n_claims)
{
	return 1 + ltp_sdnv_len(originator) + ltp_sdnv_len(session) + 1 +
	       ltp_sdnv_len(rs_serial) + ltp_sdnv_len(cp_serial) +
	       ltp_sdnv_len(upper) + ltp_sdnv_len(lower) +
	       ltp_sdnv_len(n_claims);
}

#endif /* _NET_LTP_SEGMENT_H */
