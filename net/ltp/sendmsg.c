// SPDX-License-Identifier: GPL-2.0
/* sendmsg(): one call is one block, or with MSG_MORE a piece of one. */
#include <linux/sched/signal.h>
#include <linux/udp.h>
#include <linux/uio.h>

#include "af_ltp.h"
#include "block.h"
#include "compat.h"
#include "fault.h"
#include "mem.h"
#include "notice.h"
#include "output.h"
#include "session.h"
#include "span.h"
#include "zerocopy.h"

/* A segment must have room for its header and some data. */
#define SEGMENT_MIN	128

/* A sender that waits looks up this often even if nothing woke it. */
#define LOOK_UP		(HZ / 10)

/* What a burst needs besides its bytes, at most. */
#define BURST_OVERHEAD	1024

/**
 * struct wish - how a block shall be sent: socket options, control messages
 * @cookie: LTP_COOKIE
 * @red_length: LTP_RED_LENGTH
 * @segment_size: LTP_SEGMENT_SIZE
 * @burst_limit: LTP_BURST_LIMIT
 */
struct wish {
	u64	cookie;
	u64	red_length;
	u32	segment_size;
	u32	burst_limit;
};

static int wish_of(const struct ltp_sock *ls, struct msghdr *msg,
		   struct wish *w)
{
	struct cmsghdr *cm;
	size_t len;

	w->cookie = 0;
	w->red_length = READ_ONCE(ls->red_length);
	w->segment_size = READ_ONCE(ls->segment_size);
	w->burst_limit = READ_ONCE(ls->burst_limit);
	for_each_cmsghdr(cm, msg) {
		if (!CMSG_OK(msg, cm))
			return -EINVAL;
		if (cm->cmsg_level != SOL_LTP)
			continue;
		len = cm->cmsg_len - CMSG_LEN(0);
		switch (cm->cmsg_type) {
		case LTP_COOKIE:
			if (len != sizeof(w->cookie))
				return -EINVAL;
			memcpy(&w->cookie, CMSG_DATA(cm), len);
			break;
		case LTP_RED_LENGTH:
			if (len != sizeof(w->red_length))
				return -EINVAL;
			memcpy(&w->red_length, CMSG_DATA(cm), len);
			break;
		case LTP_SEGMENT_SIZE:
			if (len != sizeof(w->segment_size))
				return -EINVAL;
			memcpy(&w->segment_size, CMSG_DATA(cm), len);
			break;
		case LTP_BURST_LIMIT:
			if (len != sizeof(w->burst_limit))
				return -EINVAL;
			memcpy(&w->burst_limit, CMSG_DATA(cm), len);
			break;
		default:
			return -EINVAL;
		}
	}
	return 0;
}

/* The span towards @remote, from the bound engine or the first that has one. */
static struct ltp_span *span_to(struct ltp_sock *ls, u64 remote)
{
	struct ltp_net *ln = ltp_net(sock_net(&ls->sk));
	struct ltp_span *span = NULL;
	struct ltp_engine *engine;

	if (ls->engine != LTP_ENGINE_ANY)
		return ltp_span_find(ln, ls->engine, remote);
	rcu_read_lock();
	list_for_each_entry_rcu(engine, &ln->engines, list) {
		span = ltp_span_find(ln, engine->id, remote);
		if (span)
			break;
	}
	rcu_read_unlock();
	return span;
}

static struct ltp_export *block_begin(struct ltp_sock *ls,
				      struct ltp_span *span, u64 service,
				      const struct wish *w)
{
	u32 wire, max, limit;
	struct ltp_export *e;
	bool asked;

	max = ltp_span_payload_max(span);
	if (!max)
		return ERR_PTR(-ENETUNREACH);
	wire = READ_ONCE(span->conf.segment_size);
	if (w->segment_size > max)
		return ERR_PTR(-EMSGSIZE);
	if (w->segment_size)
		wire = w->segment_size;
	if (!wire || wire > max)
		wire = max;
	if (wire < SEGMENT_MIN)
		return ERR_PTR(-EINVAL);
	limit = w->burst_limit ?: READ_ONCE(span->conf.burst_limit);
	asked = limit;
	if (!limit || limit > UDP_MAX_SEGMENTS)
		limit = UDP_MAX_SEGMENTS;

	e = ltp_export_create(ls, span, service);
	if (IS_ERR(e))
		return e;
	e->wire = wire;
	e->burst_max = max(ltp_span_burst_max(span), wire);
	e->burst_limit = limit;
	e->burst_asked = asked;
	e->red_limit = w->red_length;
	/* Of a block that is all green no report makes sense, open or not. */
	if (!e->red_limit)
		e->red_length = 0;
	e->cookie = w->cookie;
	ltp_session_count(&e->s, LTP_MIB_BLOCKS_SENT, 1);
	ltp_notice_post(e, LTP_NOTICE_START);
	return e;
}

/* Gives a block up; nobody is told of one that was never accepted. */
static void block_abort(struct ltp_export *e, bool accepted)
{
	spin_lock_bh(&e->s.lock);
	if (!accepted)
		e->told = true;
	ltp_session_cancel(&e->s, LTP_REASON_USR_CNCLD, false);
	spin_unlock_bh(&e->s.lock);
	ltp_output_signals(&e->s);
	ltp_session_put(&e->s);
}

static bool has_space(const struct sock *sk)
{
	return refcount_read(&sk->sk_wmem_alloc) < READ_ONCE(sk->sk_sndbuf);
}

/* Gives back what was reserved and not used. */
static void unreserve(struct ltp_export *e)
{
	if (e->reserved)
		ltp_mem_uncharge(e->s.sk, e->reserved);
	e->reserved = 0;
}

/* Both what the socket has room for and what the span allows. */
static bool may_send(struct ltp_sock *ls, struct ltp_span *span, bool fresh,
		     u64 more, bool stays)
{
	if (has_space(&ls->sk))
		return ltp_span_admit(span, ls, fresh, more, stays);
	/* Its own buffer is what it waits for now. */
	ltp_span_leave_blocked(ls);
	return false;
}

/*
 * If the buffer, or memory, is full of nothing but this block, only a report
 * can make room: ask for one.
 */
static void ask_for_report(struct ltp_sock *ls, struct ltp_export *e)
{
	if ((!has_space(&ls->sk) && !list_is_singular(&ls->exports)) ||
	    READ_ONCE(e->s.span->conf.no_discretionary))
		return;
	spin_lock_bh(&e->s.lock);
	if (e->cp_upper < min(e->sent, e->red_limit) && e->sent == e->length)
		e->force_cp = true;
	spin_unlock_bh(&e->s.lock);
	ltp_output_export(e);
}

/*
 * Charges @len bytes of a block in advance, with their headers and bursts, so
 * that nothing is copied that there is no room for.  Nobody tells when there
 * is some again; but it may be the block itself that holds it.
 */
static int reserve(struct ltp_sock *ls, struct ltp_export *e, u64 len,
		   long *timeo)
{
	u64 segs = div_u64(len, e->wire - LTP_SEG_DATA_HDR_MAX) + 2;
	u32 segs_of_burst = min(e->burst_limit, e->burst_max / e->wire);
	long slice;
	u64 want;

	if (ls->zc.on)
		segs_of_burst = min_t(u32, segs_of_burst, MAX_SKB_FRAGS /
				      ltp_block_frags(e, true));
	want = len + segs * LTP_SEG_DATA_HDR_MAX +
	       (div_u64(segs, max(segs_of_burst, 1U)) + 2) * BURST_OVERHEAD;
	/* As much comes back at once, to what there is. */
	if (want > INT_MAX - SZ_64K)
		return -EMSGSIZE;
	unreserve(e);
	while (ltp_fault(LTP_FAULT_RESERVE) ||
	       !ltp_mem_reserve(&ls->sk, want)) {
		ltp_session_count(&e->s, LTP_MIB_LIMIT_MEM, 1);
		if (!timeo)
			return -ENOBUFS;
		ask_for_report(ls, e);
		if (!*timeo)
			return -EAGAIN;
		if (signal_pending(current))
			return sock_intr_errno(*timeo);
		if (READ_ONCE(e->s.state) != LTP_SENDING)
			return -EPIPE;
		slice = min_t(long, *timeo, LOOK_UP);
		slice -= schedule_timeout_interruptible(slice);
		if (*timeo != MAX_SCHEDULE_TIMEOUT)
			*timeo -= slice;
	}
	e->reserved = want;
	return 0;
}

/*
 * Waits until there is room for @more bytes, of @e if there is a block
 * already.
 */
static int wait_for_space(struct ltp_sock *ls, struct ltp_span *span,
			  struct ltp_export *e, u64 more, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = &ls->sk;
	long slice;
	int err;

	if (may_send(ls, span, !e, more, *timeo))
		return 0;
	ltp_mib_add(span->engine, span, has_space(sk) ? LTP_MIB_LIMIT_WAITS :
		    LTP_MIB_SNDBUF_WAITS, 1);
	add_wait_queue(sk_sleep(sk), &wait);
	for (;;) {
		sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		err = 0;
		if (may_send(ls, span, !e, more, *timeo) ||
		    (e && READ_ONCE(e->s.state) != LTP_SENDING))
			break;
		err = -EAGAIN;
		if (!*timeo)
			break;
		err = sock_intr_errno(*timeo);
		if (signal_pending(current))
			break;
		if (e)
			ask_for_report(ls, e);
		slice = min_t(long, *timeo, LOOK_UP);
		if (*timeo == MAX_SCHEDULE_TIMEOUT)
			wait_woken(&wait, TASK_INTERRUPTIBLE, slice);
		else
			*timeo -= slice - wait_woken(&wait, TASK_INTERRUPTIBLE,
						     slice);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	ltp_span_give_way(ls);
	return err;
}

/*
 * After how many bytes the next discretionary checkpoint is due: a block that
 * outgrows half of the send buffer needs reports before it ends.
 */
static u64 checkpoint_distance(const struct ltp_sock *ls,
			       const struct ltp_export *e, u64 total)
{
	u64 max = READ_ONCE(e->s.span->conf.max_inflight);
	u64 half = READ_ONCE(ls->sk.sk_sndbuf) / 2;

	if (max)
		half = clamp_t(u64, max / 2, e->wire, half);
	if (total <= half ||
	    READ_ONCE(e->s.span->conf.no_discretionary))
		return LTP_UNKNOWN;
	return e->length < half ? half : half / 2;
}

/*
 * Lays the message out and sends it.  @total: length of the block so far as
 * known; @last: it ends here.  @timeo: for how long it may wait for room, NULL
 * if that was found.
 */
static int block_send(struct ltp_sock *ls, struct ltp_export *e,
		      struct iov_iter *from, u64 total, bool last, long *timeo)
{
	u64 left;
	int err;

	if (!timeo) {
		err = reserve(ls, e, iov_iter_count(from), NULL);
		if (err)
			return err;
	}
	err = 0;
	while (last ? !e->ended : iov_iter_count(from)) {
		left = e->tail_len + iov_iter_count(from);
		left = clamp_t(u64, left, 1, e->burst_max);
		if (timeo) {
			err = wait_for_space(ls, e->s.span, e, left, timeo);
			if (!err)
				err = reserve(ls, e, left, timeo);
		}
		if (!err)
			err = ltp_block_append(e, from, last,
					       checkpoint_distance(ls, e,
								   total));
		if (err < 0)
			break;
		if (err)
			ltp_output_export(e);
		err = 0;
	}
	unreserve(e);
	return err;
}

/**
 * ltp_sendmsg_finish() - end the block that MSG_MORE left open
 * @ls: the socket
 * @cancel: give it up instead
 *
 * Context: process, ltp_sock.send_lock held.
 * Return: 0 or an errno.
 */
int ltp_sendmsg_finish(struct ltp_sock *ls, bool cancel)
{
	struct ltp_export *e = ls->open;
	struct iov_iter none;
	int err;

	if (!e)
		return 0;
	ls->open = NULL;
	if (cancel) {
		block_abort(e, true);
		return 0;
	}
	iov_iter_kvec(&none, WRITE, NULL, 0, 0);
	/* Less than a segment: nobody waits for room for that. */
	err = block_send(ls, e, &none, e->length + e->tail_len, true, NULL);
	if (err)
		block_abort(e, true);
	else
		ltp_session_put(&e->s);
	return err;
}

/*
 * The block may be ended with what was taken so far: the segment that says so
 * needs a byte.
 */
static int keep_end(struct ltp_export *e, struct iov_iter *from)
{
	if (e->tail_len || !e->length || !iov_iter_count(from))
		return 0;
	return ltp_block_hold(e, from, 1);
}

/* The destination of a message, and whether it continues the open block. */
static int destination(struct ltp_sock *ls, struct msghdr *msg,
		       struct sockaddr_ltp *to)
{
	struct ltp_export *e = ls->open;
	int err;

	if (e && !msg->msg_name)
		return 0;
	if (msg->msg_name) {
		err = ltp_sock_addr(msg, to);
		if (err)
			return err;
	} else {
		to->sltp_engine = READ_ONCE(ls->peer_engine);
		to->sltp_service = READ_ONCE(ls->peer_service);
		if (!to->sltp_engine)
			return -EDESTADDRREQ;
	}
	if (e && (e->s.span->key.remote != to->sltp_engine ||
		  e->s.service != to->sltp_service))
		return -EINVAL;
	return 0;
}

/* Opens a block, as soon as there is room for it. */
static int block_open(struct ltp_sock *ls, const struct sockaddr_ltp *to,
		      const struct wish *wish, size_t len, bool whole,
		      long *timeo)
{
	u64 room = READ_ONCE(ls->sk.sk_sndbuf);
	struct ltp_export *e;
	struct ltp_span *span;
	u64 max;
	int err;

	span = span_to(ls, to->sltp_engine);
	if (!span)
		return -ENETUNREACH;
	/* Without waiting a block is taken whole or not at all. */
	max = READ_ONCE(span->conf.max_inflight) ?: U64_MAX;
	err = -EMSGSIZE;
	if (whole && (len > room || len > max))
		goto out;
	err = -EAGAIN;
	if (whole && len + sk_wmem_alloc_get(&ls->sk) > room) {
		ltp_mib_add(span->engine, span, LTP_MIB_SNDBUF_WAITS, 1);
		goto out;
	}
	do {
		err = -EAGAIN;
		if (!whole)
			err = wait_for_space(ls, span, NULL, 1, timeo);
		else if (ltp_span_admit(span, ls, true, len, false))
			err = 0;
		else
			ltp_mib_add(span->engine, span, LTP_MIB_LIMIT_WAITS, 1);
		if (err)
			goto out;
		e = block_begin(ls, span, to->sltp_service, wish);
		/* Another socket may have been faster to the last session. */
		err = PTR_ERR_OR_ZERO(e);
	} while (err == -ENOBUFS);
	if (!err)
		ls->open = e;
out:
	if (err != -EAGAIN)
		ltp_span_leave_blocked(ls);
	ltp_span_put(span);
	return err;
}

static int send_locked(struct ltp_sock *ls, struct msghdr *msg, size_t len)
{
	bool more = msg->msg_flags & LTP_COMPAT_MORE, fresh = !ls->open;
	bool wait = !(msg->msg_flags & MSG_DONTWAIT);
	struct iov_iter *from = &msg->msg_iter;
	struct sock *sk = &ls->sk;
	struct sockaddr_ltp to;
	struct ltp_export *e;
	struct wish wish;
	bool whole = fresh && !wait && !more;
	int err, kept;
	size_t done;
	long timeo;
	u64 total;

	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	err = sock_error(sk);
	if (!err)
		err = destination(ls, msg, &to);
	if (!err)
		err = wish_of(ls, msg, &wish);
	if (!err && ltp_zerocopy_asked(msg))
		err = ltp_zerocopy_begin(ls, msg, len);
	if (err)
		return err;

	timeo = sock_sndtimeo(sk, !wait);
	if (fresh) {
		if (!len)
			return more ? 0 : -EINVAL;
		err = block_open(ls, &to, &wish, len, whole, &timeo);
		if (err)
			return err;
	}
	e = ls->open;
	if (ltp_zerocopy_asked(msg))
		ltp_zerocopy_block(ls, e, msg);
	total = e->length + e->tail_len + len;
	err = -EMSGSIZE;
	if (READ_ONCE(e->s.span->conf.no_discretionary) &&
	    total > READ_ONCE(sk->sk_sndbuf) / 2)
		goto fail;

	err = -EPIPE;
	if (READ_ONCE(e->s.state) == LTP_SENDING)
		err = block_send(ls, e, from, more ? LTP_UNKNOWN : total, !more,
				 whole ? NULL : &timeo);
	if (!err) {
		if (!more) {
			ls->open = NULL;
			ltp_session_put(&e->s);
		}
		return len;
	}
fail:
	done = len - iov_iter_count(from);
	if (err == -EPIPE) {
		/* The session was cancelled; say why, as the notice does. */
		err = READ_ONCE(e->s.span->dead) ? -ENETUNREACH :
		      ltp_notice_errno(READ_ONCE(e->s.reason));
		ls->open = NULL;
		ltp_session_put(&e->s);
		return err;
	}
	if (err != -EFAULT && !whole && (done || !fresh)) {
		kept = keep_end(e, from);
		/* A short count: the block stays open, the rest may follow. */
		if (!kept)
			return len - iov_iter_count(from) ?: err;
		err = kept;
	}
	ls->open = NULL;
	block_abort(e, !fresh);
	return err;
}

/**
 * ltp_sendmsg() - send a block, or with MSG_MORE a piece of one
 * @sock: the socket
 * @msg: the message
 * @len: its bytes
 *
 * Context: process.
 * Return: bytes taken, or an errno: see ltp(7).
 */
int ltp_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct ltp_sock *ls = ltp_sk(sock->sk);
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (msg->msg_flags & MSG_DONTWAIT) {
		if (!mutex_trylock(&ls->send_lock))
			return -EAGAIN;
	} else if (mutex_lock_interruptible(&ls->send_lock)) {
		return -EINTR;
	}
	err = send_locked(ls, msg, len);
	if (ltp_zerocopy_asked(msg))
		ltp_zerocopy_end(ls, err < 0);
	mutex_unlock(&ls->send_lock);
	return err;
}
