// SPDX-License-Identifier: GPL-2.0
/* The timers of RFC 5326, sections 6.2, 6.3, 6.7, 6.8, 6.15 and 6.16. */
#include "block.h"
#include "compat.h"
#include "delay.h"
#include "output.h"
#include "report.h"
#include "session.h"
#include "signals.h"
#include "timer.h"
#include "trace.h"

/*
 * A resend is at least so far behind what it repeats, and twice as far after
 * each one that was in vain, up to so many doublings: a round trip of next to
 * nothing must not have timers alone keep a processor busy.
 */
#define RESEND_MIN_NS	NSEC_PER_MSEC
#define RESEND_DOUBLED	6U

/* After how long a resend that our own stack refused is tried again. */
#define REFUSED_NS	(100 * NSEC_PER_MSEC)

/* How much later than an answer was due a peer may be worth the question. */
#define UNAFFORDED_NS	(100 * NSEC_PER_MSEC)

/* Signals that one softirq sends for a session, and when the next one goes on. */
#define EXPIRE_MAX	32
#define GO_ON_NS	NSEC_PER_MSEC

/**
 * ltp_timer_round_trip() - when an answer is due
 * @span: the span
 *
 * RFC 5326, section 6.5: the light time there and back, and what both engines
 * may take to get a segment through their queues.
 *
 * Return: ns from the transmission of a segment to the latest moment that its
 * answer should arrive.
 */
u64 ltp_timer_round_trip(const struct ltp_span *span)
{
	return READ_ONCE(span->conf.owlt_out) + READ_ONCE(span->conf.owlt_in) +
	       READ_ONCE(span->conf.margin);
}

/**
 * ltp_timer_patience() - how long a peer may still come back to a session
 * @span: the span
 *
 * The time for which a silent import session is kept, and an ended one
 * remembered: twice as long as a peer of our own limits would try.
 *
 * Return: ns.
 */
u64 ltp_timer_patience(const struct ltp_span *span)
{
	return 2 * READ_ONCE(span->conf.max_retries) *
	       ltp_timer_round_trip(span) + 10 * (u64)NSEC_PER_SEC;
}

/**
 * ltp_timer_quiet() - after how much silence gaps are reported unasked
 * @span: the span
 *
 * Return: ns.
 */
u64 ltp_timer_quiet(const struct ltp_span *span)
{
	return max_t(u64, 2 * READ_ONCE(span->conf.reorder),
		     20 * NSEC_PER_MSEC);
}

/*
 * An armed timer has one reference to its session, and ltp_session.timer_held
 * stands for it: who clears that, under session.lock, gives the reference
 * back.  The callback does if the timer is not armed again when it ends;
 * ltp_timer_session_closed() does if it stops the timer before it expires.
 */
static void timer_arm(struct ltp_session *s, u64 at)
{
	if (s->timer_at <= at || s->state == LTP_CLOSED)
		return;
	if (!s->timer_held)
		ltp_session_hold(s);
	s->timer_held = true;
	s->timer_at = at;
	hrtimer_start(&s->timer, ns_to_ktime(at), HRTIMER_MODE_ABS_SOFT);
}

/* When the peer should answer a signal, at the latest (section 6.5). */
static u64 answered_at(const struct ltp_span *span,
		       const struct ltp_signal *sig)
{
	return sig->sent_at + sig->shift + READ_ONCE(span->conf.owlt_out) +
	       READ_ONCE(span->conf.margin) / 2;
}

/* The peer does not send while it should answer this: the timer stands. */
static bool suspended(const struct ltp_span *span,
		      const struct ltp_signal *sig)
{
	return READ_ONCE(span->remote_stopped) &&
	       answered_at(span, sig) >= READ_ONCE(span->stopped_at);
}

/* When the timer of a signal runs out, %LTP_UNKNOWN while it stands. */
static u64 deadline(const struct ltp_span *span, const struct ltp_signal *sig)
{
	u64 least = RESEND_MIN_NS << min(sig->count, RESEND_DOUBLED);

	if (suspended(span, sig))
		return LTP_UNKNOWN;
	if (unlikely(sig->refused))
		return sig->sent_at + REFUSED_NS;
	return sig->sent_at + sig->shift +
	       max(ltp_timer_round_trip(span), least);
}

/* An import session that only more data can bring on: red, or green EOB. */
static bool waits_for_data(const struct ltp_session *s)
{
	return !READ_ONCE(s->span->remote_stopped) &&
	       !READ_ONCE(s->span->local_stopped) &&
	       (s->state == LTP_RECEIVING ||
		(s->state == LTP_DELIVERED &&
		 ltp_import_reported(ltp_import((struct ltp_session *)s))));
}

static u64 export_deadline(const struct ltp_export *e)
{
	const struct ltp_batch *batch;

	if (list_empty(&e->later))
		return LTP_UNKNOWN;
	batch = list_first_entry(&e->later, struct ltp_batch, list);
	return batch->due;
}

static u64 import_deadline(const struct ltp_import *i)
{
	u64 at = ltp_report_due(i);

	if (i->braked)
		at = min(at, i->brake_until);
	if (i->quiet)
		at = min(at, i->last_heard + ltp_timer_quiet(i->s.span));
	if (waits_for_data(&i->s))
		at = min(at, i->last_heard + ltp_timer_patience(i->s.span));
	return at;
}

static u64 next_deadline(struct ltp_session *s)
{
	const struct ltp_signal *sig = ltp_signal_first(s);
	u64 at;

	/* What an ended session waited for would be due for ever. */
	if (s->state > LTP_DELIVERED)
		at = LTP_UNKNOWN;
	else if (ltp_session_is_export(s))
		at = export_deadline(ltp_export(s));
	else
		at = import_deadline(ltp_import(s));
	return sig ? min(at, max(sig->due, s->not_before)) : at;
}

/**
 * ltp_timer_give_up() - nothing more is to be expected of the peer
 * @s: the session; ends
 * @type: the signal that was sent in vain, %LTP_SEG_RED if data did not come
 *
 * Context: session.lock held; the caller calls ltp_output_signals().
 */
void ltp_timer_give_up(struct ltp_session *s, u8 type)
{
	if (type == LTP_SEG_CS || type == LTP_SEG_CR)
		ltp_session_close(s);				/* 6.16 */
	else if (s->state == LTP_DELIVERED)
		/* The peer may have closed, and never acknowledge. */
		ltp_session_close(s);
	else if (type == LTP_SEG_RED)
		/* Stagnant: no rule of the RFC ends it. */
		ltp_session_cancel(s, LTP_REASON_USR_CNCLD, false);
	else
		ltp_session_cancel(s, LTP_REASON_RLEXC, false);	/* 6.7, 6.8 */
}

/*
 * The peer is not worth a resend.  Nothing is sent, so it is no retry; but of a
 * peer that is not heard of either, nothing more is to be expected.
 */
static bool unafforded_for_long(const struct ltp_session *s, u64 now)
{
	const struct ltp_import *i = ltp_import((struct ltp_session *)s);

	return i->last_heard + ltp_timer_patience(s->span) <= now;
}

/* Which signal a buffer is, in its cb until it leaves. */
struct resend {
	u64	serial;
	u8	type;
};

static struct resend *resend_of(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct resend) > sizeof(skb->cb));
	return (struct resend *)skb->cb;
}

static enum ltp_mib_item resend_counter(const struct ltp_signal *sig)
{
	if (sig->type == LTP_SEG_RS)
		return LTP_MIB_RTX_REPORTS;
	return ltp_segment_is_data(sig->type) ? LTP_MIB_RTX_CHECKPOINTS :
						LTP_MIB_TX_CANCELS;
}

/*
 * Sends one signal again whose timer ran out.  Returns 0, or when to go on if
 * nothing else can be sent before; a limit may have ended the session.
 */
static u64 signal_expire(struct ltp_session *s, struct ltp_signal *sig,
			 u64 now, struct sk_buff_head *out)
{
	struct sk_buff *skb;

	trace_ltp_timer(s, sig->type, sig->serial, sig->count);
	if (unlikely(sig->refused)) {
		/* An export session ends by ltp_output_stalled(). */
		if (!ltp_session_is_export(s) && unafforded_for_long(s, now)) {
			ltp_timer_give_up(s, sig->type);
			return 0;
		}
	} else if (sig->count >= READ_ONCE(s->span->conf.max_retries)) {
		ltp_timer_give_up(s, sig->type);
		return 0;
	}
	if (!READ_ONCE(s->span->local_stopped) &&
	    !ltp_output_affords(s, sig)) {
		if (!unafforded_for_long(s, now))
			return now + UNAFFORDED_NS;
		ltp_timer_give_up(s, sig->type);
		return 0;
	}
	if (likely(!sig->refused)) {
		sig->count++;
		ltp_session_count(s, resend_counter(sig), 1);
	}
	sig->refused = false;
	if (ltp_segment_is_data(sig->type) &&
	    ltp_output_recut(ltp_export(s), sig))
		return 0;
	if (READ_ONCE(s->span->local_stopped)) {
		/* Its timer starts when it leaves. */
		ltp_signal_stop(s, sig);
		return 0;
	}
	sig->sent_at = now;
	sig->shift = 0;
	ltp_signal_run(s, sig, deadline(s->span, sig));
	skb = ltp_block_signal_skb(sig);
	if (skb) {
		resend_of(skb)->serial = sig->serial;
		resend_of(skb)->type = sig->type;
		__skb_queue_tail(out, skb);
	}
	return 0;
}

/*
 * Sends again what is due, until a limit ends the session, or it has been enough
 * for one softirq.  Returns when to go on, 0 if all is done.
 */
static u64 signals_expire(struct ltp_session *s, u64 now,
			  struct sk_buff_head *out)
{
	u8 state = s->state;
	u32 left = EXPIRE_MAX;
	struct ltp_signal *sig;
	u64 again = 0, due;

	while ((sig = ltp_signal_first(s)) && sig->due <= now) {
		if (!left--)
			return now + GO_ON_NS;
		/* The light time may have changed, or the peer stopped. */
		due = deadline(s->span, sig);
		if (due > now) {
			ltp_signal_run(s, sig, due);
			continue;
		}
		again = signal_expire(s, sig, now, out);
		if (again || s->state != state)
			break;
	}
	return again;
}

/*
 * Our own stack refused a resend, which will be no retry then.  A cancel segment
 * is let have it as one: no socket waits for it.
 */
static void resend_refused(struct ltp_session *s, const struct resend *r,
			   u64 sent_at)
{
	struct ltp_signal *sig = ltp_signal_find(s, r->serial);

	if (sig && sig->type == r->type && sig->running &&
	    sig->sent_at == sent_at && s->state != LTP_CANCELLING)
		ltp_timer_signal_refused(s, sig);
}

/* Sends what is due at @now; the first that is refused is the last. */
static void resend(struct ltp_session *s, struct sk_buff_head *out, u64 now)
{
	struct sk_buff *skb;
	struct resend r;
	int err = 0;

	while (!err && (skb = __skb_dequeue(out))) {
		r = *resend_of(skb);
		err = ltp_output_skb(s->span, s->flow, skb);
		if (!err && ltp_session_is_export(s))
			ltp_export(s)->stalled = 0;
	}
	if (likely(!err))
		return;
	spin_lock(&s->lock);
	resend_refused(s, &r, now);
	skb_queue_walk(out, skb)
		resend_refused(s, resend_of(skb), now);
	spin_unlock(&s->lock);
	__skb_queue_purge(out);
	if (ltp_session_is_export(s))
		ltp_output_stalled(ltp_export(s));
}

static void import_expire(struct ltp_import *i, u64 now)
{
	struct ltp_session *s = &i->s;

	ltp_report_expire(i, now);
	if (i->braked && i->brake_until <= now)
		ltp_report_release(i);
	if (i->quiet && i->last_heard + ltp_timer_quiet(s->span) <= now)
		ltp_report_gaps(i);
	if (waits_for_data(s) &&
	    i->last_heard + ltp_timer_patience(s->span) <= now) {
		trace_ltp_timer(s, LTP_SEG_RED, 0, 0);
		ltp_timer_give_up(s, LTP_SEG_RED);
	}
}

static enum hrtimer_restart timer_fire(struct hrtimer *timer)
{
	struct ltp_session *s = container_of(timer, struct ltp_session, timer);
	u64 now = ktime_get_ns();
	struct sk_buff_head out;
	bool held;

	__skb_queue_head_init(&out);
	spin_lock(&s->lock);
	if (!hrtimer_is_queued(timer))
		s->timer_at = LTP_UNKNOWN;
	if (s->state == LTP_CLOSED)
		goto out;

	s->not_before = signals_expire(s, now, &out);
	if (s->state <= LTP_DELIVERED && !ltp_session_is_export(s))
		import_expire(ltp_import(s), now);
	if (s->state <= LTP_WAITING && ltp_session_is_export(s))
		ltp_report_batches_due(ltp_export(s), now);
	if (s->state != LTP_CLOSED)
		timer_arm(s, next_deadline(s));
out:
	spin_unlock(&s->lock);
	resend(s, &out, now);
	ltp_output_signals(s);
	if (ltp_session_is_export(s))
		ltp_output_export(ltp_export(s));

	ltp_delay(TIMER_TAIL);
	/* Armed again meanwhile, it cannot expire before this returns. */
	spin_lock(&s->lock);
	held = hrtimer_is_queued(timer);
	s->timer_held = held;
	spin_unlock(&s->lock);
	ltp_delay(TIMER_END);
	if (!held)
		ltp_session_put(s);
	return HRTIMER_NORESTART;
}

/**
 * ltp_timer_init() - set up the timer of a new session
 * @s: the session
 */
void ltp_timer_init(struct ltp_session *s)
{
	s->timer_at = LTP_UNKNOWN;
	hrtimer_setup(&s->timer, timer_fire, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_SOFT);
}

/**
 * ltp_timer_signal_leaves() - a checkpoint, report or cancel segment leaves
 * @s: its session
 * @sig: the signal
 *
 * Its time runs from now on.  The caller calls ltp_timer_update() once it has
 * left, if it was not answered before.
 */
void ltp_timer_signal_leaves(struct ltp_session *s, struct ltp_signal *sig)
{
	sig->sent_at = ktime_get_ns();
	sig->shift = 0;
	ltp_signal_run(s, sig, deadline(s->span, sig));
}

/**
 * ltp_timer_signal_refused() - our own stack did not take a signal
 * @s: its session
 * @sig: the signal
 *
 * It is sent again soon, and that is no retry: the peer was not asked.
 *
 * Context: session.lock held.
 */
void ltp_timer_signal_refused(struct ltp_session *s, struct ltp_signal *sig)
{
	sig->refused = true;
	sig->sent_at = ktime_get_ns();
	sig->shift = 0;
	ltp_signal_run(s, sig, deadline(s->span, sig));
	if (sig->due != LTP_UNKNOWN)
		timer_arm(s, sig->due);
}

/**
 * ltp_timer_signal_sent() - a signal leaves
 * @s: its session
 * @sig: the signal
 */
void ltp_timer_signal_sent(struct ltp_session *s, struct ltp_signal *sig)
{
	ltp_timer_signal_leaves(s, sig);
	if (sig->due != LTP_UNKNOWN)
		timer_arm(s, sig->due);
}

/**
 * ltp_timer_go_on() - a softirq has done its share for a session
 * @s: the session
 *
 * Another one calls ltp_output_signals() soon.
 */
void ltp_timer_go_on(struct ltp_session *s)
{
	timer_arm(s, ktime_get_ns() + GO_ON_NS);
}

/**
 * ltp_timer_update() - the deadlines of a session have changed
 * @s: the session
 *
 * A session began, a report or a resend is put off.
 */
void ltp_timer_update(struct ltp_session *s)
{
	timer_arm(s, next_deadline(s));
}

/**
 * ltp_timer_changed() - the light time changed, or the peer sends again
 * @s: the session
 *
 * All deadlines follow from the time of sending and the light time of now.
 */
void ltp_timer_changed(struct ltp_session *s)
{
	struct rb_root_cached old = s->running;
	struct ltp_signal *sig, *next;

	s->running = RB_ROOT_CACHED;
	rbtree_postorder_for_each_entry_safe(sig, next, &old.rb_root, by_due)
		ltp_signal_rerun(s, sig, deadline(s->span, sig));
	ltp_timer_update(s);
}

/**
 * ltp_timer_resume() - the peer sends again (section 6.6)
 * @s: the session
 *
 * What the peer could not answer in time is due later, by as much as its
 * answer was late.  The caller calls ltp_timer_changed() once the span says so.
 */
void ltp_timer_resume(struct ltp_session *s)
{
	u64 now = ktime_get_ns(), at;
	struct ltp_signal *sig;
	struct rb_node *node;

	for (node = rb_first_cached(&s->running); node; node = rb_next(node)) {
		sig = rb_entry(node, struct ltp_signal, by_due);
		at = answered_at(s->span, sig);
		if (at >= s->span->stopped_at && at < now)
			sig->shift += now - at;
	}
	if (!ltp_session_is_export(s))
		ltp_import(s)->last_heard = now;
}

/**
 * ltp_timer_report_braked() - a report waits for a slow reader
 * @i: the session
 *
 * It waits for a quarter of the time after which a peer of our own limits
 * gives up; the peer may meanwhile send its checkpoint again.
 */
void ltp_timer_report_braked(struct ltp_import *i)
{
	const struct ltp_span *span = i->s.span;

	i->brake_until = ktime_get_ns() + READ_ONCE(span->conf.max_retries) *
			 ltp_timer_round_trip(span) / 4;
	ltp_timer_update(&i->s);
}

/**
 * ltp_timer_session_closed() - nothing of the session needs a timer any more
 * @s: the session, closed, so that nobody arms its timer again
 *
 * The timer's reference is given back at once, or by a callback that runs
 * already.  That may have armed the timer again, for a time that is days away,
 * and a timer whose callback runs cannot be stopped.  It expires at once
 * instead: its callback follows the one that runs, finds the session closed
 * and gives the reference back.
 */
void ltp_timer_session_closed(struct ltp_session *s)
{
	if (!s->timer_held)
		return;
	if (hrtimer_try_to_cancel(&s->timer) == 1) {
		s->timer_held = false;
		ltp_session_put(s);
	} else if (hrtimer_is_queued(&s->timer)) {
		hrtimer_start(&s->timer, 0, HRTIMER_MODE_ABS_SOFT);
	}
}
