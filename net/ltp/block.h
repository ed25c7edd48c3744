/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_BLOCK_H
#define _LTP_BLOCK_H

#include <net/ltp.h>

/**
 * struct ltp_piece - original segments of a block, as they lie in their burst
 * @b: the burst
 * @start: block offset of their payload
 * @len: payload bytes
 * @wire_pos: of the first header within the burst
 * @wire_len: bytes with the headers
 * @type: enum ltp_segment_type, if it is one segment
 */
struct ltp_piece {
	struct ltp_burst	*b;
	u64			start;
	u32			len;
	u32			wire_pos;
	u32			wire_len;
	u8			type;
};

/**
 * ltp_block_frags() - fragments of a buffer that one segment may take
 * @e: its session
 * @refer: payload is referred to, and its header elsewhere
 *
 * Return: how many.
 */
static inline u32 ltp_block_frags(const struct ltp_export *e, bool refer)
{
	return e->wire / PAGE_SIZE + 2 + refer;
}

int ltp_block_append(struct ltp_export *e, struct iov_iter *from, bool last,
		     u64 cp_every);
int ltp_block_hold(struct ltp_export *e, struct iov_iter *from, u32 n);
void ltp_block_no_tail(struct sock *sk, struct ltp_export *e);
bool ltp_block_seek(const struct ltp_export *e, u64 pos, struct ltp_piece *p);
void ltp_block_part(const struct ltp_export *e, struct ltp_burst *b, u32 n,
		    struct ltp_piece *p);
struct ltp_burst *ltp_block_find(const struct ltp_export *e, u64 pos);
struct ltp_burst *ltp_block_unsent(const struct ltp_export *e);
struct sk_buff *ltp_block_skb(u32 linear, gfp_t gfp);
int ltp_block_add_frags(struct sk_buff *skb, const struct ltp_burst *b,
			u32 pos, u32 len);
struct sk_buff *ltp_block_rebuild(const struct ltp_export *e,
				  const struct ltp_piece *p, u64 pos, u32 len);
struct ltp_signal *ltp_block_rebuild_cp(const struct ltp_export *e,
					const struct ltp_piece *p, u64 pos,
					u32 len, u8 type, u64 cp_serial,
					u64 rs_serial);
struct sk_buff *ltp_block_signal_skb(const struct ltp_signal *sig);
void ltp_block_burst_put(struct ltp_burst *b);
int ltp_block_claim(struct ltp_export *e, u64 start, u64 end);
void ltp_block_drop_burst(struct ltp_export *e, struct ltp_burst *b);
void ltp_block_release(struct ltp_export *e);

#endif /* _LTP_BLOCK_H */
