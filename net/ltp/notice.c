// SPDX-License-Identifier: GPL-2.0
/*
 * Notices to the client service (RFC 5326, section 7) on the socket's error
 * queue; received data needs none.  The one that tells a block's end is
 * allocated and charged to the send buffer together with the block, so it can
 * neither fail nor be piled up by a program that does not read it.
 */
#include <linux/errqueue.h>

#include "fault.h"
#include "mem.h"
#include "notice.h"
#include "session.h"
#include "trace.h"

#define IMPORT_NOTICES	(LTP_NOTICE_BIT(LTP_NOTICE_RX_START) | \
			 LTP_NOTICE_BIT(LTP_NOTICE_RX_CANCELLED))

/* Gets a buffer for a notice, charged as sent data. */
static struct sk_buff *export_alloc(struct sock *sk, gfp_t gfp)
{
	struct sk_buff *skb;

	BUILD_BUG_ON(sizeof(struct ltp_notice) != 64);
	skb = alloc_skb(sizeof(struct ltp_notice), gfp | __GFP_NOWARN);
	if (skb)
		skb_set_owner_w(skb, sk);
	return skb;
}

/**
 * ltp_notice_errno() - the errno that fits a cancel reason
 * @reason: enum ltp_reason
 *
 * Return: a negative errno.
 */
int ltp_notice_errno(u8 reason)
{
	switch (reason) {
	case LTP_REASON_USR_CNCLD:
		return -ECANCELED;
	case LTP_REASON_UNREACH:
		return -ECONNREFUSED;
	case LTP_REASON_RLEXC:
	case LTP_REASON_RXMTCYCEXC:
		return -ETIMEDOUT;
	case LTP_REASON_SYS_CNCLD:
		return -ENOBUFS;
	default:
		return -EPROTO;
	}
}

static bool wanted(const struct sock *sk, u32 kind)
{
	return READ_ONCE(ltp_sk(sk)->notices) & LTP_NOTICE_BIT(kind);
}

/* Queues a notice if the socket is open and asked for its kind. */
static bool notice_queue(struct ltp_session *s, struct sk_buff *skb, u32 kind,
			 u8 reason, u32 flags)
{
	struct ltp_sock *ls = ltp_sk(s->sk);
	struct ltp_notice *n;
	bool queue;

	n = skb_put_zero(skb, sizeof(*n));
	n->service = s->service;
	n->originator = s->key.originator;
	n->session = s->key.number;
	n->kind = kind;
	n->reason = reason;
	n->flags = flags;
	if (ltp_session_is_export(s)) {
		n->engine = s->span->key.remote;
		n->cookie = ltp_export(s)->cookie;
		/* It is told when the first of it was accepted. */
		if (kind != LTP_NOTICE_START)
			n->length = ltp_export(s)->length;
	} else {
		n->engine = s->key.engine;
		n->length = ltp_import(s)->held.total;
	}
	if (kind == LTP_NOTICE_CANCELLED || kind == LTP_NOTICE_RX_CANCELLED)
		n->err = -ltp_notice_errno(reason);

	spin_lock_bh(&ls->lock);
	queue = !ls->closing && wanted(s->sk, kind);
	if (queue)
		skb_queue_tail(&s->sk->sk_error_queue, skb);
	spin_unlock_bh(&ls->lock);
	if (queue)
		sk_error_report(s->sk);
	return queue;
}

/**
 * ltp_notice_export_begin() - take memory for the notice of a block's end
 * @e: the session, new
 *
 * If nobody asked for such notices, none will come of this block.
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int ltp_notice_export_begin(struct ltp_export *e)
{
	if (!(READ_ONCE(ltp_sk(e->s.sk)->notices) & LTP_NOTICE_ENDS))
		return 0;
	e->notice = LTP_ALLOC(EXPORT_NOTICE, export_alloc(e->s.sk,
							  GFP_KERNEL_ACCOUNT));
	return e->notice ? 0 : -ENOMEM;
}

/**
 * ltp_notice_post() - tell that a block has begun, or has left
 * @e: the session
 * @kind: %LTP_NOTICE_START or %LTP_NOTICE_SENT
 *
 * Context: any; GFP_ATOMIC.  Unlike the end, it may be lost.
 */
void ltp_notice_post(struct ltp_export *e, u32 kind)
{
	struct sk_buff *skb;

	if (!wanted(e->s.sk, kind))
		return;
	skb = LTP_ALLOC(NOTICE, export_alloc(e->s.sk, GFP_ATOMIC));
	if (skb && !notice_queue(&e->s, skb, kind, 0, 0))
		kfree_skb(skb);
}

/**
 * ltp_notice_end() - tell the end of a block, once
 * @e: the session
 * @kind: %LTP_NOTICE_COMPLETED or %LTP_NOTICE_CANCELLED
 * @reason: enum ltp_reason
 * @flags: LTP_NOTICE_BY_PEER
 *
 * A socket that did not ask for the notice of a cancelled block gets the
 * error itself, unless it cancelled the block.
 *
 * Context: session.lock held.
 */
void ltp_notice_end(struct ltp_export *e, u32 kind, u8 reason, u32 flags)
{
	struct sk_buff *skb = e->notice;
	struct sock *sk = e->s.sk;

	if (e->told)
		return;
	e->told = true;
	e->notice = NULL;
	if (skb && notice_queue(&e->s, skb, kind, reason, flags))
		return;
	kfree_skb(skb);
	if (kind == LTP_NOTICE_CANCELLED &&
	    (flags & LTP_NOTICE_BY_PEER || reason != LTP_REASON_USR_CNCLD)) {
		WRITE_ONCE(sk->sk_err, -ltp_notice_errno(reason));
		sk_error_report(sk);
	}
}

static void import_free(struct sk_buff *skb)
{
	atomic_sub(skb->truesize, &skb->sk->sk_rmem_alloc);
	ltp_mem_uncharge(skb->sk, skb->truesize);
}

/* Strangers make sessions: what tells of them counts as received data. */
static struct sk_buff *import_alloc(struct sock *sk)
{
	struct sk_buff *skb;

	if (atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf))
		return NULL;
	skb = LTP_ALLOC(IMPORT_NOTICE, alloc_skb(sizeof(struct ltp_notice),
						 GFP_ATOMIC | __GFP_NOWARN));
	if (!skb)
		return NULL;
	if (ltp_fault(LTP_FAULT_IMPORT_NOTICE_CHARGE) ||
	    !ltp_mem_charge(sk, skb->truesize, SK_MEM_RECV)) {
		kfree_skb(skb);
		return NULL;
	}
	skb->sk = sk;
	skb->destructor = import_free;
	atomic_add(skb->truesize, &sk->sk_rmem_alloc);
	return skb;
}

/* session.lock held */
static void import_begin(struct ltp_import *i)
{
	struct sock *sk = i->s.sk;
	struct sk_buff *skb;

	if (wanted(sk, LTP_NOTICE_RX_CANCELLED))
		i->notice = import_alloc(sk);
	if (!wanted(sk, LTP_NOTICE_RX_START))
		return;
	skb = import_alloc(sk);
	if (skb && !notice_queue(&i->s, skb, LTP_NOTICE_RX_START, 0, 0))
		kfree_skb(skb);
}

/**
 * ltp_notice_import_begin() - tell the receiver that a block begins (7.1)
 * @i: the session, new
 *
 * Takes memory for the notice of its cancellation too.  What was not asked
 * for costs nothing; what the receive buffer has no room for is not told.
 *
 * Context: softirq; takes session.lock.
 */
void ltp_notice_import_begin(struct ltp_import *i)
{
	if (!(READ_ONCE(ltp_sk(i->s.sk)->notices) & IMPORT_NOTICES))
		return;
	spin_lock_bh(&i->s.lock);
	if (i->s.state <= LTP_DELIVERED)
		import_begin(i);
	spin_unlock_bh(&i->s.lock);
}

/**
 * ltp_notice_import_end() - tell the receiver that a block is given up (7.6)
 * @i: the session, its red part not delivered
 * @reason: enum ltp_reason
 * @flags: LTP_NOTICE_BY_PEER
 *
 * Context: session.lock held.
 */
void ltp_notice_import_end(struct ltp_import *i, u8 reason, u32 flags)
{
	struct sk_buff *skb = i->notice;

	if (!skb)
		return;
	i->notice = NULL;
	if (!notice_queue(&i->s, skb, LTP_NOTICE_RX_CANCELLED, reason, flags))
		kfree_skb(skb);
}

/**
 * ltp_notice_recv() - recvmsg(MSG_ERRQUEUE)
 * @sk: the socket
 * @msg: gets the notice as a control message; no data
 *
 * Return: 0, or -EAGAIN if there is no notice.
 */
int ltp_notice_recv(struct sock *sk, struct msghdr *msg)
{
	struct sock_extended_err ee;
	struct ltp_notice n;
	struct sk_buff *skb;

	skb = skb_dequeue(&sk->sk_error_queue);
	if (!skb)
		return -EAGAIN;
	if (SKB_EXT_ERR(skb)->ee.ee_origin == SO_EE_ORIGIN_ZEROCOPY) {
		ee = SKB_EXT_ERR(skb)->ee;
		put_cmsg(msg, SOL_LTP, LTP_RECVERR, sizeof(ee), &ee);
	} else {
		memcpy(&n, skb->data, sizeof(n));
		put_cmsg(msg, SOL_LTP, LTP_NOTICE, sizeof(n), &n);
	}
	msg->msg_flags |= MSG_ERRQUEUE;
	msg->msg_namelen = 0;
	consume_skb(skb);
	return 0;
}
