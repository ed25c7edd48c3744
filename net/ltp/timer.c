// SPDX-License-Identifier: GPL-2.0
/* The timers of RFC 5326, sections 6.2, 6.3, 6.7, 6.8, 6.15 and 6.16. */
#include "compat.h"
#include "output.h"
#include "report.h"
#include "session.h"
#include "timer.h"
#include "trace.h"

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

/*
 * An armed timer holds a reference.  @running: called by the timer itself,
 * which then cannot expire a second time meanwhile.
 */
static void timer_arm(struct ltp_session *s, u64 at, bool running)
{
	bool queued;

	if (s->timer_at <= at || s->state == LTP_CLOSED)
		return;
	queued = running ? hrtimer_is_queued(&s->timer) :
		 hrtimer_try_to_cancel(&s->timer) == 1;
	if (!queued)
		ltp_session_hold(s);
	s->timer_at = at;
	hrtimer_start(&s->timer, ns_to_ktime(at), HRTIMER_MODE_ABS_SOFT);
}

/* An import session that only more data can bring on: red, or green EOB. */
static bool waits_for_data(const struct ltp_session *s)
{
	return s->state == LTP_RECEIVING ||
	       (s->state == LTP_DELIVERED && list_empty(&s->signals));
}

static u64 next_deadline(struct ltp_session *s)
{
	struct ltp_signal *sig;
	u64 at = LTP_UNKNOWN;

	list_for_each_entry(sig, &s->signals, list)
		if (sig->running)
			at = min(at, sig->deadline);
	if (ltp_session_is_export(s))
		return at;
	if (ltp_import(s)->braked)
		at = min(at, ltp_import(s)->brake_until);
	if (waits_for_data(s))
		at = min(at, ltp_import(s)->last_heard +
			     ltp_timer_patience(s->span));
	return at;
}

/* Nothing more is to be expected of the peer: end the session. */
static void give_up(struct ltp_session *s, u8 type)
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

/* Sends again what is due; stops where a limit ends the session. */
static void signals_expire(struct ltp_session *s, u64 now,
			   struct sk_buff_head *out)
{
	struct ltp_signal *sig;
	struct sk_buff *skb;

	list_for_each_entry(sig, &s->signals, list) {
		if (!sig->running || sig->deadline > now)
			continue;
		trace_ltp_timer(s, sig->type, sig->serial, sig->count);
		if (sig->count >= READ_ONCE(s->span->conf.max_retries)) {
			give_up(s, sig->type);
			return;
		}
		sig->count++;
		sig->deadline = now + ltp_timer_round_trip(s->span);
		ltp_session_count(s, sig->type == LTP_SEG_RS ?
				  LTP_MIB_RTX_REPORTS :
				  ltp_segment_is_data(sig->type) ?
				  LTP_MIB_RTX_CHECKPOINTS : LTP_MIB_TX_CANCELS,
				  1);
		skb = ltp_output_signal_copy(sig);
		if (skb)
			__skb_queue_tail(out, skb);
	}
}

static enum hrtimer_restart timer_fire(struct hrtimer *timer)
{
	struct ltp_session *s = container_of(timer, struct ltp_session, timer);
	u64 now = ktime_get_ns();
	struct sk_buff_head out;
	struct ltp_import *i;
	struct sk_buff *skb;

	__skb_queue_head_init(&out);
	spin_lock(&s->lock);
	if (!hrtimer_is_queued(timer))
		s->timer_at = LTP_UNKNOWN;
	if (s->state == LTP_CLOSED)
		goto out;

	signals_expire(s, now, &out);
	if (!ltp_session_is_export(s)) {
		i = ltp_import(s);
		if (i->braked && i->brake_until <= now)
			ltp_report_release(i);
		if (waits_for_data(s) &&
		    i->last_heard + ltp_timer_patience(s->span) <= now) {
			trace_ltp_timer(s, LTP_SEG_RED, 0, 0);
			give_up(s, LTP_SEG_RED);
		}
	}
	if (s->state != LTP_CLOSED)
		timer_arm(s, next_deadline(s), true);
out:
	spin_unlock(&s->lock);
	while ((skb = __skb_dequeue(&out)))
		ltp_output_skb(s->span, skb);
	ltp_output_signals(s);
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
 * ltp_timer_signal_sent() - a checkpoint, report or cancel segment leaves
 * @s: its session
 * @sig: the signal
 */
void ltp_timer_signal_sent(struct ltp_session *s, struct ltp_signal *sig)
{
	sig->running = true;
	sig->deadline = ktime_get_ns() + ltp_timer_round_trip(s->span);
	timer_arm(s, sig->deadline, false);
}

/**
 * ltp_timer_import_began() - the first segment of a session came
 * @i: the session
 */
void ltp_timer_import_began(struct ltp_import *i)
{
	timer_arm(&i->s, i->last_heard + ltp_timer_patience(i->s.span), false);
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
	timer_arm(&i->s, i->brake_until, false);
}

/**
 * ltp_timer_session_closed() - nothing of the session needs a timer any more
 * @s: the session
 */
void ltp_timer_session_closed(struct ltp_session *s)
{
	/* A callback that runs now finds the session closed. */
	if (hrtimer_try_to_cancel(&s->timer) == 1)
		ltp_session_put(s);
}
