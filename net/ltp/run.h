/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_RUN_H
#define _LTP_RUN_H

#include <net/ltp.h>

/**
 * struct ltp_bytes - where the bytes of a buffer lie, from front to end
 * @skb: the buffer
 * @part: it, or that of its list which was found last
 * @addr: where the memory begins that was found last
 * @start: what that is within the buffer
 * @end: and where it ends
 * @frag: the fragment of @part behind it
 */
struct ltp_bytes {
	const struct sk_buff	*skb;
	const struct sk_buff	*part;
	const u8		*addr;
	u32			start;
	u32			end;
	u32			frag;
};

/**
 * ltp_bytes_init() - begin to walk over a buffer
 * @b: the walk
 * @skb: the buffer
 */
static inline void ltp_bytes_init(struct ltp_bytes *b,
				  const struct sk_buff *skb)
{
	b->skb = skb;
	b->part = skb;
	b->addr = skb->data;
	b->start = 0;
	b->end = skb_headlen(skb);
	b->frag = 0;
}

/**
 * ltp_bytes_seek() - find a byte
 * @b: the walk; then @b->start <= @off < @b->end
 * @off: bytes into the buffer, not before what was found last
 *
 * NAPI GRO puts some datagrams side by side, and the others on a list.
 *
 * Return: false if it lies where this does not look, or behind the end.
 */
static inline bool ltp_bytes_seek(struct ltp_bytes *b, u32 off)
{
	while (off >= b->end) {
		const struct skb_shared_info *sh = skb_shinfo(b->part);
		const struct sk_buff *next;
		const skb_frag_t *f;

		if (b->frag < sh->nr_frags) {
			/* Without an address, maybe. */
			if (IS_ENABLED(CONFIG_HIGHMEM))
				return false;
			f = &sh->frags[b->frag++];
			b->addr = skb_frag_address(f);
			b->start = b->end;
			b->end += skb_frag_size(f);
			continue;
		}
		if (b->part == b->skb)
			next = sh->frag_list;
		else
			next = sh->frag_list ? NULL : b->part->next;
		if (!next)
			return false;
		b->part = next;
		b->frag = 0;
		b->addr = next->data;
		b->start = b->end;
		b->end += skb_headlen(next);
	}
	return true;
}

int ltp_run_copy(const struct sk_buff *skb, u32 from, u32 len,
		 struct iov_iter *to);
int ltp_run_read(const struct sk_buff *skb, u32 from, u32 len, void *to);
u32 ltp_run_at(const struct sk_buff *skb, u32 from, u32 *left);
u32 ltp_run_segment_left(const struct sk_buff *skb, u32 from, u32 *whole);

#endif /* _LTP_RUN_H */
