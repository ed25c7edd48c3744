/* SPDX-License-Identifier: GPL-2.0 */
/* The only file that knows kernel versions: 6.1, 6.12 and the newest. */
#ifndef _LTP_COMPAT_H
#define _LTP_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/sysctl.h>
#include <linux/uio.h>
#include <linux/version.h>
#include <net/net_namespace.h>

#ifndef __counted_by
#define __counted_by(member)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
static inline void skb_frag_fill_page_desc(skb_frag_t *frag, struct page *page,
					   int off, int size)
{
	frag->bv_page = page;
	frag->bv_offset = off;
	skb_frag_size_set(frag, size);
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

static inline struct ctl_table_header *ltp_compat_sysctl(struct net *net,
							 const char *path,
							 struct ctl_table *table,
							 size_t n)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	/* Needs an empty entry behind the last. */
	return register_net_sysctl(net, path, table);
#else
	return register_net_sysctl_sz(net, path, table, n);
#endif
}

/* When a buffer shall leave, on the monotonic clock; 0 for at once. */
static inline void ltp_compat_delivery_time(struct sk_buff *skb, ktime_t at)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
	skb_set_delivery_time(skb, at, true);
#else
	skb_set_delivery_time(skb, at, SKB_CLOCK_MONOTONIC);
#endif
}

/* The type of the address that bind() and connect() take. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define ltp_sockaddr	sockaddr
#else
#define ltp_sockaddr	sockaddr_unsized
#endif

/*
 * Splicing: once by pages, and then the end of a sendfile() must be said with
 * a call of its own; now by messages.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define LTP_COMPAT_MORE			(MSG_MORE | MSG_SENDPAGE_NOTLAST)
#define LTP_COMPAT_SPLICE_EOF(fn)
#define LTP_COMPAT_SPLICE_PAGES		0
#else
#define LTP_COMPAT_MORE			MSG_MORE
#define LTP_COMPAT_SPLICE_EOF(fn)	.splice_eof = (fn),
#define LTP_COMPAT_SPLICE_PAGES		MSG_SPLICE_PAGES
#endif

/* The next pages of an iterator over pages, without references to them. */
static inline ssize_t ltp_compat_bvec_pages(struct iov_iter *from,
					    struct page **pages, size_t len,
					    unsigned int n, size_t *off)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	return -EOPNOTSUPP;	/* They never come: LTP_COMPAT_SPLICE_PAGES. */
#else
	return iov_iter_extract_pages(from, &pages, len, n, 0, off);
#endif
}

/* The notification of one MSG_ZEROCOPY message of @len bytes, or NULL. */
static inline struct ubuf_info *ltp_compat_ubuf(struct sock *sk, size_t len)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
	return msg_zerocopy_realloc(sk, len, NULL);
#else
	return msg_zerocopy_realloc(sk, len, NULL, false);
#endif
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

/* Walking an iterator with functions of one's own. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#include <linux/iov_iter.h>
#define LTP_COMPAT_ITERATE
#endif

/* Receive flow steering has moved. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
#include <net/rps.h>
#else
#include <net/sock.h>
#endif

/* Whether a family may see SOL_SOCKET options before the core does. */
static inline void ltp_compat_own_sockopts(struct socket *sock)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
#endif
}

#endif /* _LTP_COMPAT_H */
