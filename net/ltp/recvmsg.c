// SPDX-License-Identifier: GPL-2.0
/*
 * recvmsg(): a red part, whole and in order, or one green segment.  splice():
 * the same into a pipe, by reference.
 */
#include <linux/file.h>
#include <linux/sched/signal.h>
#include <linux/splice.h>
#include <linux/uio.h>

#include "af_ltp.h"
#include "compat.h"
#include "fault.h"
#include "mem.h"
#include "notice.h"
#include "output.h"
#include "reasm.h"
#include "run.h"
#include "report.h"
#include "session.h"

static struct ltp_item *first_item(struct ltp_sock *ls)
{
	struct ltp_item *item;

	spin_lock_bh(&ls->lock);
	item = list_first_entry_or_null(&ls->queue, struct ltp_item, list);
	spin_unlock_bh(&ls->lock);
	return item;
}

static int wait_for_item(struct sock *sk, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct ltp_sock *ls = ltp_sk(sk);
	int err;

	add_wait_queue(sk_sleep(sk), &wait);
	for (;;) {
		err = 0;
		if (first_item(ls) || sk->sk_shutdown & RCV_SHUTDOWN)
			break;
		err = sock_error(sk);
		if (err)
			break;
		err = -EAGAIN;
		if (!*timeo)
			break;
		err = sock_intr_errno(*timeo);
		if (signal_pending(current))
			break;
		release_sock(sk);
		*timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, *timeo);
		lock_sock(sk);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return err;
}

/* Gives back what the reader has taken. */
static void uncharge(struct sock *sk, struct ltp_item *item, u32 charge)
{
	charge = min(charge, item->charge);
	item->charge -= charge;
	atomic_sub(charge, &sk->sk_rmem_alloc);
	ltp_mem_uncharge(sk, charge);
}

static void run_done(struct sock *sk, struct ltp_item *item,
		     struct sk_buff *skb)
{
	rb_erase(&skb->rbnode, &item->runs);
	RB_CLEAR_NODE(&skb->rbnode);
	uncharge(sk, item, ltp_run(skb)->charge);
	kfree_skb(skb);
}

static void item_done(struct sock *sk, struct ltp_item *item)
{
	struct ltp_sock *ls = ltp_sk(sk);

	spin_lock_bh(&ls->lock);
	list_del(&item->list);
	spin_unlock_bh(&ls->lock);
	ltp_reasm_item_free(sk, item);
}

/*
 * Copies @len bytes of a red part from where it was read to.  Buffers that
 * are read are freed, unless @peek.  Receive flow steering is told on which
 * CPU that was.  Returns the bytes copied, or -EFAULT.
 */
static ssize_t copy_red(struct sock *sk, struct ltp_item *item, size_t len,
			struct iov_iter *to, bool peek)
{
	struct rb_node *node = rb_first(&item->runs), *next;
	u64 pos = item->pos, end = pos + len;

	for (; node && pos < end; node = next) {
		struct sk_buff *skb = rb_entry(node, struct sk_buff, rbnode);
		struct ltp_run *run = ltp_run(skb);
		u32 off = pos - run->start;
		u32 n = min_t(u64, end - pos, run->len - off);

		next = rb_next(node);
		sock_rps_record_flow_hash(skb->hash);
		if (ltp_run_copy(skb, off, n, to))
			break;
		pos += n;
		if (!peek && off + n == run->len)
			run_done(sk, item, skb);
	}
	len = pos - item->pos;
	if (!peek)
		item->pos = pos;
	return len || pos == end ? len : -EFAULT;
}

/* The reader has caught up: let the reports go that waited for it. */
static void release_brake(struct sock *sk)
{
	struct ltp_sock *ls = ltp_sk(sk);
	struct ltp_import *i;

	while (atomic_read(&sk->sk_rmem_alloc) <=
	       READ_ONCE(sk->sk_rcvbuf) / 4) {
		spin_lock_bh(&ls->lock);
		i = list_first_entry_or_null(&ls->braked, struct ltp_import,
					     on_brake);
		if (i)
			ltp_session_hold(&i->s);
		spin_unlock_bh(&ls->lock);
		if (!i)
			break;
		spin_lock_bh(&i->s.lock);
		ltp_report_release(i);
		spin_unlock_bh(&i->s.lock);
		ltp_output_signals(&i->s);
		ltp_session_put(&i->s);
	}
}

static void describe(struct sock *sk, struct msghdr *msg,
		     const struct ltp_item *item, u64 offset, u64 length,
		     bool eob)
{
	struct ltp_rxinfo info = {
		.originator = item->originator,
		.session = item->session,
		.offset = offset,
		.length = length,
		.flags = (item->flags & LTP_RX_RED) | (eob ? LTP_RX_EOB : 0),
	};
	struct sockaddr_ltp *addr = msg->msg_name;

	if (addr) {
		memset(addr, 0, sizeof(*addr));
		addr->sltp_family = AF_LTP;
		addr->sltp_engine = item->originator;
		addr->sltp_service = item->service;
		msg->msg_namelen = sizeof(*addr);
	}
	if (READ_ONCE(ltp_sk(sk)->rxinfo))
		put_cmsg(msg, SOL_LTP, LTP_RXINFO, sizeof(info), &info);
}

/* One call's worth of an item: @whole bytes are left of what it delivers. */
static ssize_t recv_item(struct sock *sk, struct ltp_item *item,
			 struct msghdr *msg, size_t len, int flags)
{
	bool peek = flags & MSG_PEEK, dgram = sk->sk_type == SOCK_DGRAM;
	bool red = item->flags & LTP_RX_RED, ends, eob;
	u64 offset, whole, left;
	u32 segment;
	ssize_t n;

	if (red) {
		whole = item->length;
		offset = item->pos;
		left = whole - offset;
		eob = item->flags & LTP_RX_EOB;
	} else {
		const struct ltp_run *run = ltp_run(item->skb);

		left = ltp_run_segment_left(item->skb, item->pos, &segment);
		whole = segment;
		offset = run->start + item->pos;
		eob = item->flags & LTP_RX_EOB && item->pos + left == run->len;
	}

	n = min_t(u64, len, left);
	if (red)
		n = copy_red(sk, item, n, &msg->msg_iter, peek);
	else if (ltp_run_copy(item->skb, item->pos, n, &msg->msg_iter))
		n = -EFAULT;
	else if (!peek)
		item->pos += n;
	if (n < 0)
		return n;
	if (!red)
		sock_rps_record_flow_hash(item->skb->hash);

	describe(sk, msg, item, offset, whole, eob);
	ends = n == left;
	if (ends)
		msg->msg_flags |= MSG_EOR;
	else if (dgram)
		msg->msg_flags |= MSG_TRUNC;
	if (!peek) {
		/* A datagram that was cut is gone; a red block is not. */
		if (dgram && !ends)
			item->pos += left - n;
		if (red ? item->pos == item->length :
			  item->pos == ltp_run(item->skb)->len)
			item_done(sk, item);
	}
	return flags & MSG_TRUNC ? (ssize_t)min_t(u64, left, SSIZE_MAX) : n;
}

/* The next item, or NULL and why there is none: 0 at the end. */
static struct ltp_item *get_item(struct sock *sk, bool nowait, ssize_t *err)
{
	struct ltp_item *item = first_item(ltp_sk(sk));
	long timeo = sock_rcvtimeo(sk, nowait);

	if (item)
		return item;
	*err = wait_for_item(sk, &timeo);
	return *err ? NULL : first_item(ltp_sk(sk));
}

/**
 * ltp_recvmsg() - receive
 * @sock: the socket
 * @msg: where to
 * @len: room for data, in bytes
 * @flags: MSG_*
 *
 * Context: process.
 * Return: bytes, or an errno: see ltp(7).
 */
int ltp_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
		int flags)
{
	struct ltp_sock *ls = ltp_sk(sock->sk);
	struct sock *sk = sock->sk;
	struct ltp_item *item;
	ssize_t n;

	if (flags & MSG_ERRQUEUE)
		return ltp_notice_recv(sk, msg);
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	lock_sock(sk);
	item = get_item(sk, flags & MSG_DONTWAIT, &n);
	if (item) {
		n = recv_item(sk, item, msg, len, flags);
		if (!list_empty(&ls->braked))
			release_brake(sk);
	}
	release_sock(sk);
	return min_t(ssize_t, n, INT_MAX);
}

/**
 * struct sink - where splice() puts received data
 * @sk: the socket
 * @pipe: the pipe, locked
 * @flags: SPLICE_F_*
 */
struct sink {
	struct sock		*sk;
	struct pipe_inode_info	*pipe;
	unsigned int		flags;
};

/*
 * Refers to @len bytes of a run.  Receive flow steering is told on which CPU
 * that was.  Returns how many bytes the pipe took, or an errno.
 */
static ssize_t splice_run(const struct sink *to, struct sk_buff *skb, u32 from,
			  u32 len)
{
	u32 done = 0, at, left;
	ssize_t n;

	sock_rps_record_flow_hash(skb->hash);
	while (done < len) {
		at = ltp_run_at(skb, from + done, &left);
		n = LTP_TRY(SPLICE,
			    skb_splice_bits(skb, to->sk, at, to->pipe,
					    min(left, len - done), to->flags));
		if (n <= 0) {
			n = n ?: -ENOMEM;
			return done ? done : n;
		}
		done += n;
	}
	return done;
}

static ssize_t splice_red(const struct sink *to, struct ltp_item *item,
			  size_t len)
{
	u64 start = item->pos, end = start + len;

	while (item->pos < end) {
		struct sk_buff *skb = rb_entry(rb_first(&item->runs),
					       struct sk_buff, rbnode);
		const struct ltp_run *run = ltp_run(skb);
		u32 off = item->pos - run->start;
		u32 want = min_t(u64, end - item->pos, run->len - off);
		ssize_t n = splice_run(to, skb, off, want);

		if (n < 0)
			return item->pos > start ? item->pos - start : n;
		item->pos += n;
		if (off + n == run->len)
			run_done(to->sk, item, skb);
		if (n < want)
			break;
	}
	return item->pos - start;
}

static ssize_t splice_green(const struct sink *to, struct ltp_item *item,
			    size_t len)
{
	u32 left = ltp_run_segment_left(item->skb, item->pos, NULL);
	ssize_t n = splice_run(to, item->skb, item->pos, min_t(u64, len, left));

	/* A datagram that was cut is gone. */
	if (n > 0)
		item->pos += to->sk->sk_type == SOCK_DGRAM ? left : n;
	return n;
}

/**
 * ltp_splice_read() - receive into a pipe, without a copy
 * @sock: the socket
 * @ppos: 0, as sockets have no position
 * @pipe: the pipe, locked
 * @len: most bytes
 * @flags: SPLICE_F_*
 *
 * Takes no more than is left of one red part, or of one green segment.
 *
 * Context: process.
 * Return: bytes, or an errno: see ltp(7).
 */
ssize_t ltp_splice_read(struct socket *sock, loff_t *ppos,
			struct pipe_inode_info *pipe, size_t len,
			unsigned int flags)
{
	struct sink to = { .sk = sock->sk, .pipe = pipe, .flags = flags };
	struct ltp_sock *ls = ltp_sk(sock->sk);
	struct sock *sk = sock->sk;
	struct ltp_item *item;
	bool nowait;
	ssize_t n;

	if (*ppos)
		return -ESPIPE;
	nowait = sock->file->f_flags & O_NONBLOCK || flags & SPLICE_F_NONBLOCK;
	lock_sock(sk);
	item = get_item(sk, nowait, &n);
	if (item && item->flags & LTP_RX_RED) {
		n = splice_red(&to, item, min_t(u64, len,
						item->length - item->pos));
		if (item->pos == item->length)
			item_done(sk, item);
	} else if (item) {
		n = splice_green(&to, item, len);
		if (item->pos == ltp_run(item->skb)->len)
			item_done(sk, item);
	}
	if (!list_empty(&ls->braked))
		release_brake(sk);
	release_sock(sk);
	return n;
}
