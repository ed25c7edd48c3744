/* SPDX-License-Identifier: GPL-2.0 */
/* The only file that knows kernel versions: 6.1, 6.12 and the newest. */
#ifndef _LTP_COMPAT_H
#define _LTP_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/sysctl.h>
#include <linux/uio.h>
#include <linux/version.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

/* Older kernels tell constant texts only: @plain. */
#ifdef NL_SET_ERR_MSG_FMT
#define ltp_compat_extack(extack, plain, fmt, ...) do {			\
	(void)(plain);							\
	NL_SET_ERR_MSG_FMT(extack, fmt, ##__VA_ARGS__);			\
} while (0)
#else
#define ltp_compat_extack(extack, plain, fmt, ...) do {			\
	no_printk(fmt, ##__VA_ARGS__);					\
	NL_SET_ERR_MSG(extack, plain);					\
} while (0)
#endif

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

/*
 * The end of a cache of memory that is type-safe by RCU was once left to a work
 * item.  Until that has run, its name is taken: the module could not be loaded.
 */
static inline void ltp_compat_caches_destroyed(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	__flush_workqueue(system_wq);
#endif
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

/* Walking an iterator with functions of one's own; once, of our own. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#include <linux/iov_iter.h>

static inline bool ltp_compat_iterates(const struct iov_iter *iter)
{
	return true;
}
#else
static inline bool ltp_compat_iterates(const struct iov_iter *iter)
{
	return iter_is_iovec(iter) || iter_is_ubuf(iter) ||
	       iov_iter_is_kvec(iter);
}

static inline const struct iovec *ltp_compat_iov(const struct iov_iter *iter)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	return iter->iov;
#else
	return iter_iov(iter);
#endif
}

/*
 * Those that ltp_compat_iterates() is true of.  The steps return what they did
 * not take.
 */
static __always_inline size_t
iterate_and_advance(struct iov_iter *iter, size_t len, void *priv,
		    size_t (*ustep)(void __user *p, size_t done, size_t len,
				    void *priv, void *priv2),
		    size_t (*kstep)(void *p, size_t done, size_t len,
				    void *priv, void *priv2))
{
	size_t skip = iter->iov_offset, done = 0, n, left = 0;
	const struct iovec *iov = ltp_compat_iov(iter);
	const struct kvec *kvec = iter->kvec;

	len = min(len, iov_iter_count(iter));
	while (done < len && !left) {
		if (iter_is_ubuf(iter)) {
			n = len;
			left = ustep(iter->ubuf + skip, 0, n, priv, NULL);
		} else if (iter_is_iovec(iter)) {
			n = min(len - done, iov->iov_len - skip);
			left = ustep(iov->iov_base + skip, done, n, priv, NULL);
			iov++;
		} else {
			n = min(len - done, kvec->iov_len - skip);
			left = kstep(kvec->iov_base + skip, done, n, priv,
				     NULL);
			kvec++;
		}
		done += n - left;
		skip = 0;
	}
	iov_iter_advance(iter, done);
	return done;
}
#endif

/* Receive flow steering has moved. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
#include <net/rps.h>
#else
#include <net/sock.h>
#endif

#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS
#include <linux/dcache.h>
#include <linux/fault-inject.h>

/* Some have the name of their directory there, others a reference to it. */
static inline void ltp_compat_fault_exit(struct fault_attr *attr)
{
	if (__same_type(attr->dname, struct dentry *))
		dput((struct dentry *)attr->dname);
}
#endif

/* Whether the bytes of a buffer are where the CPU reads them. */
static inline bool ltp_compat_readable(const struct sk_buff *skb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	return true;
#else
	return skb_frags_readable(skb);
#endif
}

/* Whether a family may see SOL_SOCKET options before the core does. */
static inline void ltp_compat_own_sockopts(struct socket *sock)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
#endif
}

#endif /* _LTP_COMPAT_H */
