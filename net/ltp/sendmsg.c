// SPDX-License-Identifier: GPL-2.0
/* sendmsg(): one call is one block, or with MSG_MORE a piece of one. */
#include <linux/sched/signal.h>
#include <linux/udp.h>
#include <linux/uio.h>

#include "af_ltp.h"
#include "block.h"
#include "compat.h"
#include "fault.h"
#include "flow.h"
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

	max = ltp_flow_payload_max(span, 0);
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

	e = ltp_export_create(ls, span, service, w->red_length);
	if (IS_ERR(e))
		return e;
	e->wire = wire;
	e->burst_max = max(ltp_span_burst_max(span), wire);
	e->burst_limit = limit;
	e->burst_asked = asked;
	e->cookie = w->cookie;
	ltp_session_count(&e->s, LTP_MIB_BLOCKS_SENT, 1);
	return e;
}

/*
 * Gives a block up.  Nobody is told of one that was never accepted, unless he
 * is also told of those that begin.
 */
static void block_abort(struct ltp_export *e, bool accepted)
{
	spin_lock_bh(&e->s.lock);
	if (!accepted && !(READ_ONCE(ltp_sk(e->s.sk)->notices) &
			   LTP_NOTICE_BIT(LTP_NOTICE_START)))
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

/*
 * Both what the socket has room for and what the span allows: that limits red
 * data, which is on its way until it is reported.
 */
static bool may_send(struct ltp_sock *ls, struct ltp_span *span,
		     struct ltp_export *e, u64 red, bool stays)
{
	bool may = has_space(&ls->sk);

	if (may && red)
		return ltp_span_admit(span, ls, e, red, stays);
	/* Its own buffer is what it waits for now, if it does. */
	ltp_span_leave_blocked(ls);
	return may;
}

/* How many of the next @n bytes of a block are red. */
static u64 red_of(const struct ltp_export *e, u64 n)
{
	return e->length < e->red_limit ? min(n, e->red_limit - e->length) : 0;
}

/*
 * If the buffer, or memory, is full of nothing but this block, only a report
 * can make room: ask for one, unless one was asked for that is still to come.
 */
static void ask_for_report(struct ltp_sock *ls, struct ltp_export *e)
{
	if ((!has_space(&ls->sk) && !list_is_singular(&ls->exports)) ||
	    READ_ONCE(e->s.span->conf.no_discretionary))
		return;
	spin_lock_bh(&e->s.lock);
	if (e->cp_upper < min(e->sent, e->red_limit) &&
	    e->sent == e->length && RB_EMPTY_ROOT(&e->s.signals))
		e->force_cp = true;
	spin_unlock_bh(&e->s.lock);
	ltp_output_export(e);
}

/*
 * Whether the buffer is full of nothing but this block, all of it left, and no
 * report can be asked for: then it is too long for it.
 */
static bool never_fits(struct ltp_sock *ls, struct ltp_export *e)
{
	bool is;

	if (has_space(&ls->sk) || !list_is_singular(&ls->exports) ||
	    !skb_queue_empty_lockless(&ls->sk.sk_error_queue) ||
	    !READ_ONCE(e->s.span->conf.no_discretionary))
		return false;
	spin_lock_bh(&e->s.lock);
	is = e->sent == e->length && !e->n_batches;
	spin_unlock_bh(&e->s.lock);
	return is;
}

/**
 * struct turn - a sender that waits until another has sent its message
 * @list: in ltp_sock.senders
 * @task: the sender
 */
struct turn {
	struct list_head	list;
	struct task_struct	*task;
};

/* Why a sender has to stop waiting, or 0; never with send_lock let go. */
static int stop_waiting(const struct sock *sk, long timeo)
{
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return -ESHUTDOWN;
	if (!timeo)
		return -EAGAIN;
	return signal_pending(current) ? sock_intr_errno(timeo) : 0;
}

/*
 * Makes the caller the one that sends, with send_lock held.  It waits behind
 * those that came first, as long as one of them sleeps for room.
 */
static int turn_take(struct ltp_sock *ls, long *timeo)
{
	struct turn turn = { .task = current };
	int err = 0;

	mutex_lock(&ls->send_lock);
	if (likely(!ls->sender))
		return 0;
	list_add_tail(&turn.list, &ls->senders);
	while (ls->sender != current) {
		err = stop_waiting(&ls->sk, *timeo);
		if (err)
			break;
		set_current_state(TASK_INTERRUPTIBLE);
		mutex_unlock(&ls->send_lock);
		*timeo = schedule_timeout(*timeo);
		mutex_lock(&ls->send_lock);
	}
	if (!err)
		return 0;
	list_del(&turn.list);
	mutex_unlock(&ls->send_lock);
	return err;
}

/* Tells poll() that it may be possible to send now. */
static void wake_pollers(struct sock *sk)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM |
					   EPOLLWRBAND);
	rcu_read_unlock();
}

/* Hands the socket on to who waits for it. */
static void turn_pass(struct ltp_sock *ls)
{
	struct turn *next = list_first_entry_or_null(&ls->senders, struct turn,
						     list);

	if (!next) {
		WRITE_ONCE(ls->sender, NULL);
		wake_pollers(&ls->sk);
		return;
	}
	list_del_init(&next->list);
	WRITE_ONCE(ls->sender, next->task);
	wake_up_process(next->task);
}

/* Sleeps without send_lock; nobody else sends meanwhile. */
static void turn_sleep(struct ltp_sock *ls, struct wait_queue_entry *wait,
		       long *timeo)
{
	long slice = min_t(long, *timeo, LOOK_UP), left;

	WRITE_ONCE(ls->sender, current);
	ls->sleeps = true;
	mutex_unlock(&ls->send_lock);
	if (wait)
		left = wait_woken(wait, TASK_INTERRUPTIBLE, slice);
	else
		left = schedule_timeout_interruptible(slice);
	if (*timeo != MAX_SCHEDULE_TIMEOUT)
		*timeo -= slice - left;
	mutex_lock(&ls->send_lock);
	ls->sleeps = false;
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
	u64 want;
	int err;

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
		err = stop_waiting(&ls->sk, *timeo);
		if (err)
			return err;
		if (READ_ONCE(e->s.state) != LTP_SENDING)
			return -EPIPE;
		turn_sleep(ls, NULL, timeo);
	}
	e->reserved = want;
	return 0;
}

/*
 * Waits until there is room for more: of @e if there is a block already, of
 * which @red bytes are red.
 */
static int wait_for_space(struct ltp_sock *ls, struct ltp_span *span,
			  struct ltp_export *e, u64 red, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = &ls->sk;
	int err;

	if (may_send(ls, span, e, red, *timeo))
		return 0;
	ltp_mib_add(span->engine, span, has_space(sk) ? LTP_MIB_LIMIT_WAITS :
		    LTP_MIB_SNDBUF_WAITS, 1);
	add_wait_queue(sk_sleep(sk), &wait);
	for (;;) {
		sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		err = 0;
		if (may_send(ls, span, e, red, *timeo) ||
		    (e && READ_ONCE(e->s.state) != LTP_SENDING))
			break;
		err = -EMSGSIZE;
		if (e && never_fits(ls, e))
			break;
		if (e)
			ask_for_report(ls, e);
		err = stop_waiting(sk, *timeo);
		if (err)
			break;
		turn_sleep(ls, &wait, timeo);
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
 * The block was accepted, if not all of what was given: it begins.  Until then
 * nobody but the caller is told what becomes of it.
 */
static int block_began(struct ltp_export *e)
{
	int err = 0;

	if (likely(e->began))
		return 0;
	spin_lock_bh(&e->s.lock);
	if (e->s.state == LTP_SENDING) {
		e->began = true;
		ltp_notice_post(e, LTP_NOTICE_START);
	} else {
		err = -EPIPE;
	}
	spin_unlock_bh(&e->s.lock);
	return err;
}

/*
 * Lays the message out and sends it.  @total: length of the block so far as
 * known; @last: it ends here.  @timeo: for how long it may wait for room, NULL
 * if that was found.
 */
static int block_send(struct ltp_sock *ls, struct ltp_export *e,
		      struct iov_iter *from, u64 total, bool last, long *timeo)
{
	bool laid_out;
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
			/* Nobody sleeps for memory with what others need. */
			err = reserve(ls, e, left, timeo);
			if (!err)
				err = wait_for_space(ls, e->s.span, e,
						     red_of(e, left), timeo);
		}
		if (!err)
			err = ltp_block_append(e, from, last,
					       checkpoint_distance(ls, e,
								   total));
		if (timeo)
			ltp_span_untake(e);
		if (err < 0)
			break;
		laid_out = err;
		err = block_began(e);
		if (err)
			break;
		if (laid_out)
			ltp_output_export(e);
	}
	ltp_span_untake(e);
	unreserve(e);
	return err;
}

/*
 * Ends the block that MSG_MORE left open, with what was taken.  If that fails
 * it is given up.
 */
static int finish(struct ltp_sock *ls)
{
	struct ltp_export *e = ls->open;
	struct iov_iter none;
	int err;

	if (!e)
		return 0;
	ls->open = NULL;
	iov_iter_kvec(&none, WRITE, NULL, 0, 0);
	/* Less than a segment: nobody waits for room for that. */
	err = block_send(ls, e, &none, e->length + e->tail_len, true, NULL);
	if (err)
		block_abort(e, true);
	else
		ltp_session_put(&e->s);
	return err;
}

/* As finish(), where there is no call that could say that it failed. */
static void finish_or_tell(struct ltp_sock *ls)
{
	int err = finish(ls);

	/* Why its session was cancelled is told already. */
	if (!err || err == -EPIPE)
		return;
	WRITE_ONCE(ls->sk.sk_err, -err);
	sk_error_report(&ls->sk);
}

/* The caller has sent; whoever waits may, with what it has left open. */
static void turn_end(struct ltp_sock *ls)
{
	if (unlikely(READ_ONCE(ls->sk.sk_shutdown) & SEND_SHUTDOWN))
		finish_or_tell(ls);
	if (unlikely(ls->sender))
		turn_pass(ls);
	mutex_unlock(&ls->send_lock);
}

/**
 * ltp_sendmsg_writable() - whether a send call would not wait
 * @ls: the socket
 *
 * For a whole block that may be wrong, but then only once: it is asked for
 * again when there is more room than it had found.
 *
 * Context: any.
 * Return: true if it would not.
 */
bool ltp_sendmsg_writable(const struct ltp_sock *ls)
{
	int used = sk_wmem_alloc_get(&ls->sk);
	int refused = READ_ONCE(ls->refused);

	/* It would not wait, but fail. */
	if (READ_ONCE(ls->sk.sk_shutdown) & SEND_SHUTDOWN)
		return true;
	return has_space(&ls->sk) && (!refused || used < refused) &&
	       list_empty_careful(&ls->on_blocked) && !READ_ONCE(ls->sender);
}

/**
 * ltp_sendmsg_shutdown() - nothing more is sent
 * @ls: the socket, marked so
 *
 * The open block ends here.  If somebody sleeps in the midst of a message, the
 * caller wakes him with sk_state_change(), and he ends it.
 *
 * Context: process.
 * Return: 0, or an errno: the block could not be ended, and is given up.
 */
int ltp_sendmsg_shutdown(struct ltp_sock *ls)
{
	struct turn *turn;
	int err = 0;

	mutex_lock(&ls->send_lock);
	/* The caller wakes who sleeps for room. */
	if (!ls->sender)
		err = finish(ls);
	list_for_each_entry(turn, &ls->senders, list)
		wake_up_process(turn->task);
	mutex_unlock(&ls->send_lock);
	return err;
}

/**
 * ltp_sendmsg_eof() - what sendfile() was to send has ended
 * @ls: the socket
 *
 * Context: process.
 */
void ltp_sendmsg_eof(struct ltp_sock *ls)
{
	mutex_lock(&ls->send_lock);
	/* Else it is another's message, which has an end of its own. */
	if (!ls->sleeps)
		finish_or_tell(ls);
	mutex_unlock(&ls->send_lock);
}

/**
 * ltp_sendmsg_release() - the socket is closed
 * @ls: the socket, which nobody else can use any more
 *
 * A block that is open is given up.
 *
 * Context: process.
 */
void ltp_sendmsg_release(struct ltp_sock *ls)
{
	mutex_lock(&ls->send_lock);
	if (ls->open)
		block_abort(ls->open, true);
	ls->open = NULL;
	ltp_span_leave_blocked(ls);
	if (ls->frag.page)
		put_page(ls->frag.page);
	ls->frag.page = NULL;
	mutex_unlock(&ls->send_lock);
}

/*
 * A block that goes on, or was to end here but could not, may be ended with
 * what was taken so far: the segment that says so needs a byte.  It is not
 * taken if the caller would believe then that the block had ended.
 */
static void keep_end(struct ltp_export *e, struct iov_iter *from, u32 spare)
{
	if (!e->tail_len && e->length && iov_iter_count(from) > spare)
		ltp_block_hold(e, from, 1);
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

/* A block that must be taken whole has room in the buffer, or may never have. */
static int whole_fits(struct ltp_sock *ls, struct ltp_span *span, u64 len,
		      u64 red)
{
	u64 max = READ_ONCE(span->conf.max_inflight) ?: U64_MAX;
	u64 room = READ_ONCE(ls->sk.sk_sndbuf);
	int used;

	if (len > room || red > max)
		return -EMSGSIZE;
	used = sk_wmem_alloc_get(&ls->sk);
	if (len + used <= room)
		return 0;
	ltp_mib_add(span->engine, span, LTP_MIB_SNDBUF_WAITS, 1);
	WRITE_ONCE(ls->refused, used);
	return -EAGAIN;
}

/* Opens a block, as soon as there is room for it. */
static int block_open(struct ltp_sock *ls, const struct sockaddr_ltp *to,
		      const struct wish *wish, size_t len, bool whole,
		      long *timeo)
{
	u64 red = min_t(u64, whole ? len : 1, wish->red_length);
	struct ltp_export *e;
	struct ltp_span *span;
	int err;

	span = span_to(ls, to->sltp_engine);
	if (!span)
		return -ENETUNREACH;
	/* Without waiting a block is taken whole or not at all. */
	err = whole ? whole_fits(ls, span, len, red) : 0;
	if (err)
		goto out;
	do {
		err = -EAGAIN;
		if (!whole)
			err = wait_for_space(ls, span, NULL, red, timeo);
		else if (!red || ltp_span_admit(span, ls, NULL, red, false))
			err = 0;
		else
			ltp_mib_add(span->engine, span, LTP_MIB_LIMIT_WAITS, 1);
		if (err)
			goto out;
		e = block_begin(ls, span, to->sltp_service, wish);
		/* Another socket may have been faster to the last session. */
		err = PTR_ERR_OR_ZERO(e);
		if (!err && whole && red && !ltp_span_take(span, e, red)) {
			/* Or to the last bytes. */
			block_abort(e, false);
			err = -ENOBUFS;
		}
	} while (err == -ENOBUFS);
	if (!err) {
		ls->open = e;
		WRITE_ONCE(ls->refused, 0);
	}
out:
	if (err != -EAGAIN)
		ltp_span_leave_blocked(ls);
	ltp_span_put(span);
	return err;
}

/*
 * The error that a call begins with.  What became of other blocks is no matter
 * of a call that continues one: who sees an error takes his block for lost, and
 * would go on with the next one in the midst of it.
 */
static int first_error(struct ltp_sock *ls)
{
	struct ltp_export *e = ls->open;
	int err;

	if (READ_ONCE(ls->sk.sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	if (e && likely(READ_ONCE(e->s.state) == LTP_SENDING))
		return 0;
	err = sock_error(&ls->sk);
	if (err && e) {
		ls->open = NULL;
		ltp_session_put(&e->s);
	}
	return err;
}

/*
 * Not all was taken.  Returns what the call does: how much was, and the block
 * is still open, as after EAGAIN and some others; or an error, and it is gone.
 */
static ssize_t send_short(struct ltp_sock *ls, struct iov_iter *from,
			  size_t len, bool fresh, bool may_continue, bool more,
			  int err)
{
	size_t done = len - iov_iter_count(from);
	struct ltp_export *e = ls->open;

	/* A block that must be taken whole was admitted before it was tried. */
	ltp_span_untake(e);
	if (err == -EPIPE) {
		/* The session was cancelled; say why, as the notice does. */
		err = READ_ONCE(e->s.span->dead) ? -ENETUNREACH :
		      ltp_notice_errno(READ_ONCE(e->s.reason));
		/* Once. */
		if (e->began)
			sock_error(&ls->sk);
		ls->open = NULL;
		ltp_session_put(&e->s);
		return err;
	}
	if (err != -EFAULT && may_continue && (done || !fresh)) {
		/* turn_end() ends it where shutdown() says so. */
		keep_end(e, from, !more && err != -ESHUTDOWN);
		done = len - iov_iter_count(from);
		if (done)
			return done;
		return err == -ENOBUFS ? -ENOMEM : err;
	}
	ls->open = NULL;
	block_abort(e, !fresh);
	return err == -ENOMEM ? -ENOBUFS : err;
}

static ssize_t send_locked(struct ltp_sock *ls, struct msghdr *msg, size_t len,
			   long *timeo)
{
	bool more = msg->msg_flags & LTP_COMPAT_MORE, fresh;
	struct sock *sk = &ls->sk;
	struct sockaddr_ltp to;
	struct ltp_export *e;
	struct wish wish;
	bool whole;
	u64 total;
	int err;

	err = first_error(ls);
	if (!err)
		err = destination(ls, msg, &to);
	if (!err)
		err = wish_of(ls, msg, &wish);
	if (!err && ltp_zerocopy_asked(msg))
		err = ltp_zerocopy_begin(ls, msg, len);
	if (err == -ENOBUFS && ls->open)
		err = -ENOMEM;
	if (err)
		return err;

	fresh = !ls->open;
	whole = fresh && msg->msg_flags & MSG_DONTWAIT && !more;
	if (fresh) {
		if (!len)
			return more ? 0 : -EINVAL;
		err = block_open(ls, &to, &wish, len, whole, timeo);
		if (err)
			return err;
	}
	e = ls->open;
	if (ltp_zerocopy_asked(msg))
		ltp_zerocopy_block(ls, e, msg);
	total = e->length + e->tail_len + len;
	err = -EPIPE;
	if (READ_ONCE(e->s.span->conf.no_discretionary) &&
	    total > READ_ONCE(sk->sk_sndbuf) / 2)
		err = -EMSGSIZE;
	else if (READ_ONCE(e->s.state) == LTP_SENDING)
		err = block_send(ls, e, &msg->msg_iter,
				 more ? LTP_UNKNOWN : total, !more,
				 whole ? NULL : timeo);
	if (err)
		return send_short(ls, &msg->msg_iter, len, fresh, !whole, more,
				  err);
	if (!more) {
		ls->open = NULL;
		ltp_session_put(&e->s);
	}
	return len;
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
	long timeo = sock_sndtimeo(sock->sk, msg->msg_flags & MSG_DONTWAIT);
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	err = turn_take(ls, &timeo);
	if (!err) {
		err = send_locked(ls, msg, len, &timeo);
		if (ltp_zerocopy_asked(msg))
			ltp_zerocopy_end(ls, err < 0);
		turn_end(ls);
	}
	return err == -ESHUTDOWN ? -EPIPE : err;
}
