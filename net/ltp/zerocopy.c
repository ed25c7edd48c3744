// SPDX-License-Identifier: GPL-2.0
/*
 * Payload that is referred to where it lies instead of being copied:
 * MSG_ZEROCOPY, sendfile() and splice().
 *
 * A burst then alternates: headers, and scraps of payload, in the socket's own
 * page fragment; whole pages of the sender between them.  A buffer takes
 * MAX_SKB_FRAGS of such pieces, so bursts become shorter.  Small segments cost
 * more that way than a copy does, and are copied.
 *
 * The pages stay the sender's.  It is told through the error queue when
 * neither the block's store nor a buffer under way refers to them any more:
 * red data when it is claimed, green data when it has left.
 */
#include <linux/highmem.h>
#include <linux/uio.h>

#include "compat.h"
#include "fault.h"
#include "zerocopy.h"

/* Segments below this are copied; see ltp-performance.rst. */
#define SEGMENT_MIN	8192

/* Less of a page is copied: it shares a fragment with the next header. */
#define PIECE_MIN	512

/* More than this is not held back for the next piece of a block. */
#define SHORT_MIN	1024

/**
 * ltp_zerocopy_begin() - a message is going to be sent
 * @ls: the socket
 * @msg: the message
 * @len: its bytes
 *
 * Context: process, ltp_sock.send_lock held; ltp_zerocopy_end() follows.
 * Return: 0; -ENOBUFS if net.core.optmem_max or RLIMIT_MEMLOCK has no room
 * for the notification of MSG_ZEROCOPY.
 */
int ltp_zerocopy_begin(struct ltp_sock *ls, const struct msghdr *msg,
		       size_t len)
{
	if (!(msg->msg_flags & MSG_ZEROCOPY) || !len ||
	    !sock_flag(&ls->sk, SOCK_ZEROCOPY) ||
	    !user_backed_iter(&msg->msg_iter))
		return 0;
	ls->zc.ubuf = LTP_ALLOC(UBUF, ltp_compat_ubuf(&ls->sk, len));
	return ls->zc.ubuf ? 0 : -ENOBUFS;
}

/**
 * ltp_zerocopy_block() - decide how a message's payload is taken
 * @ls: the socket
 * @e: the block
 * @msg: the message
 *
 * Context: process, ltp_sock.send_lock held.
 */
void ltp_zerocopy_block(struct ltp_sock *ls, const struct ltp_export *e,
			const struct msghdr *msg)
{
	ls->zc.on = (ls->zc.ubuf || msg->msg_flags & LTP_COMPAT_SPLICE_PAGES) &&
		    e->wire >= SEGMENT_MIN;
}

/**
 * ltp_zerocopy_end() - the message was sent, or not
 * @ls: the socket
 * @failed: it was not, and there will be no notification
 *
 * Context: process, ltp_sock.send_lock held.
 */
void ltp_zerocopy_end(struct ltp_sock *ls, bool failed)
{
	struct ubuf_info *ubuf = ls->zc.ubuf;

	if (ubuf && failed) {
		net_zcopy_put_abort(ubuf, true);
	} else if (ubuf) {
		if (!ls->zc.used)
			uarg_to_msgzc(ubuf)->zerocopy = 0;
		net_zcopy_put(ubuf);
	}
	memset(&ls->zc, 0, sizeof(ls->zc));
}

static int add_copy(struct ltp_layout *l, struct page *page, u32 off, u32 n)
{
	void *from = kmap_local_page(page);
	int err;

	err = ltp_layout_write(l, from + off, n);
	kunmap_local(from);
	return err;
}

/* Adds a piece of a page, whose reference goes to the burst. */
static void add_page(struct ltp_layout *l, struct page *page, u32 off, u32 n)
{
	struct page *head = compound_head(page);
	skb_frag_t *f = l->frags + l->n_frags;

	off += (page - head) << PAGE_SHIFT;
	l->wire += n;
	l->shared = true;
	if (l->n_frags && skb_frag_page(&f[-1]) == head &&
	    skb_frag_off(&f[-1]) + skb_frag_size(&f[-1]) == off) {
		skb_frag_size_add(&f[-1], n);
		put_page(head);
		return;
	}
	skb_frag_fill_page_desc(f, head, off, n);
	l->n_frags++;
}

/*
 * Whether to refer to the next of @pieces pieces, of @n bytes: there must be
 * room for all of them and for @rest bytes whose pages are not known.  A copy
 * may come to lie on two pages.
 */
static bool refer_to(const struct ltp_layout *l, u32 n, u32 pieces, u32 rest)
{
	u32 left = MAX_SKB_FRAGS - l->n_frags;

	if (rest)
		pieces += rest / PAGE_SIZE + 2;
	return pieces <= left && (n >= PIECE_MIN || pieces == left);
}

/**
 * ltp_zerocopy_add() - add payload without copying it
 * @l: the burst
 * @from: where it is
 * @len: bytes
 *
 * Copies what is too little to refer to, or lies on too many pages.
 *
 * Context: process.
 * Return: 0; -EFAULT; -ENOMEM; -EMSGSIZE if that needs too many fragments.
 */
int ltp_zerocopy_add(struct ltp_layout *l, struct iov_iter *from, u32 len)
{
	bool ours = user_backed_iter(from);
	struct page *pages[MAX_SKB_FRAGS];
	u32 i, n, n_pages;
	ssize_t got;
	size_t off;
	int err = 0;

	while (len && !err) {
		if (ltp_fault(LTP_FAULT_PIN))
			got = -EFAULT;
		else if (ours)
			got = iov_iter_get_pages2(from, pages, len,
						  ARRAY_SIZE(pages), &off);
		else
			got = ltp_compat_bvec_pages(from, pages, len,
						    ARRAY_SIZE(pages), &off);
		if (got <= 0)
			return -EFAULT;
		len -= got;
		n_pages = DIV_ROUND_UP(off + got, PAGE_SIZE);
		for (i = 0; i < n_pages; i++, off = 0, got -= n) {
			struct page *page = pages[i];

			n = min_t(size_t, got, PAGE_SIZE - off);
			if (!err && sendpage_ok(page) &&
			    refer_to(l, n, n_pages - i, len)) {
				if (!ours)
					get_page(page);
				add_page(l, page, off, n);
				continue;
			}
			if (!err)
				err = add_copy(l, page, off, n);
			if (ours)
				put_page(page);
		}
	}
	return err;
}

/**
 * ltp_zerocopy_short() - how much to send of a segment that is not full
 * @e: the block, which may go on
 * @off: block offset of the segment
 * @avail: bytes at hand, fewer than it takes
 *
 * What is held back until more comes is copied, twice.
 *
 * Return: bytes to be sent now, of one colour; 0 to hold them back.
 */
u32 ltp_zerocopy_short(const struct ltp_export *e, u64 off, u64 avail)
{
	if (avail <= SHORT_MIN ||
	    (off < e->red_limit && e->red_limit - off < avail))
		return 0;
	return avail - 1;
}

/**
 * ltp_zerocopy_keep() - a burst refers to pages of the sender
 * @ls: the sending socket
 * @b: the burst, new
 *
 * Context: process, ltp_sock.send_lock held.
 */
void ltp_zerocopy_keep(struct ltp_sock *ls, struct ltp_burst *b)
{
	b->shared = true;
	b->ubuf = ls->zc.ubuf;
	if (b->ubuf)
		net_zcopy_get(b->ubuf);
	ls->zc.used = true;
}

/**
 * ltp_zerocopy_mark() - a buffer is going to refer to such a burst
 * @skb: the buffer
 * @b: the burst
 *
 * Return: false if it cannot, because another message's notification waits
 * for it.
 */
bool ltp_zerocopy_mark(struct sk_buff *skb, const struct ltp_burst *b)
{
	if (b->ubuf && skb_zcopy(skb) && skb_uarg(skb) != b->ubuf)
		return false;
	skb_zcopy_set(skb, b->ubuf, NULL);
	skb_shinfo(skb)->flags |= SKBFL_SHARED_FRAG;
	return true;
}
