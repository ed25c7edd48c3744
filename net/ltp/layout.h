/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_LAYOUT_H
#define _LTP_LAYOUT_H

#include <net/ltp.h>

/* The most bytes of a page that skb_page_frag_refill() makes. */
#define LTP_LAYOUT_PAGE		max_t(size_t, SZ_32K, PAGE_SIZE)

/**
 * struct ltp_layout - a burst while it is laid out
 * @pfrag: where bytes go
 * @sk: socket that the fragment belongs to
 * @frags: what was written
 * @n_frags: entries of it
 * @wire: bytes written
 * @shared: there are pages of the sender among @frags
 * @own: bit of each of @frags that is none of those
 */
struct ltp_layout {
	struct page_frag	*pfrag;
	struct sock		*sk;
	skb_frag_t		frags[MAX_SKB_FRAGS];
	unsigned int		n_frags;
	u32			wire;
	bool			shared;
	u64			own;
};

/**
 * ltp_layout_init() - begin to lay a burst out
 * @l: the burst
 * @sk: socket that @pfrag belongs to
 * @pfrag: where bytes go
 */
static inline void ltp_layout_init(struct ltp_layout *l, struct sock *sk,
				   struct page_frag *pfrag)
{
	l->pfrag = pfrag;
	l->sk = sk;
	l->n_frags = 0;
	l->wire = 0;
	l->shared = false;
	l->own = 0;
}

int ltp_layout_write(struct ltp_layout *l, const void *data, u32 len);
int ltp_layout_copy(struct ltp_layout *l, struct iov_iter *from, u32 len);
int ltp_layout_segments(struct ltp_layout *l,
			const struct ltp_segment_prefix *prefix, u8 type,
			u64 off, u32 len, u32 wire, u32 n,
			struct iov_iter *from);
void ltp_layout_pages_init(struct ltp_pages *ps);
void ltp_layout_pages_free(struct ltp_pages *ps);
void ltp_layout_pin(struct page *page, u32 n);
u32 ltp_layout_unpin(struct page *page, u32 n);
void ltp_layout_free(struct ltp_layout *l);

#endif /* _LTP_LAYOUT_H */
