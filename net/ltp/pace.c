// SPDX-License-Identifier: GPL-2.0
/*
 * When a span may send, and how much at once.
 *
 * A rate counts bytes of UDP payload.  Each burst takes its share of the
 * span's clock, and carries the time that begins it (EDT).  The queueing
 * discipline fq holds bursts until then, so where it is below they are handed
 * down somewhat early; elsewhere the pacer waits for the time itself.  Without
 * a burst limit that somebody asked for a burst is what the rate carries in a
 * millisecond, as of TCP, so that queues on the way stay short.
 *
 * With burst-adapt a span finds out how much that may be.  A queue that is too
 * short for a burst takes its head and drops its tail, and the report shows
 * that.  Such a loss makes bursts as short as what arrived, but never shorter
 * than half; as long as none is seen they grow, one segment at a time.
 *
 * A queue or policer of our own that refuses burst after burst gets half of one,
 * whatever the span says: some never pass what is larger than their own bucket.
 */
#include <linux/ltp.h>
#include <linux/math64.h>
#include <linux/udp.h>

#include "block.h"
#include "compat.h"
#include "delay.h"
#include "flow.h"
#include "output.h"
#include "pace.h"
#include "span.h"
#include "udp.h"

/* How far the clock of a rate may lag behind: late timers lose nothing. */
#define LATE_NS		(20 * NSEC_PER_MSEC)

/* How much of a rate leaves at once. */
#define QUANTUM_NS	NSEC_PER_MSEC

/* For how long fq holds bursts: much less than its limit for one flow. */
#define AHEAD_NS	(4 * NSEC_PER_MSEC)

/*
 * A tail that is lost has so many segments at least, and this part of the
 * burst: single losses happen everywhere.
 */
#define TAIL_MIN	2
#define TAIL_PART	8

/* After how many bursts that lost no tail the next may be longer. */
#define RAISE_AFTER	64

/* Bursts in a row that a queue refuses before they become shorter. */
#define REFUSALS_MAX	4

static u64 cost_of(u32 bytes, u64 rate)
{
	return mul_u64_u64_div_u64(bytes, NSEC_PER_SEC, rate);
}

/*
 * Has the flows resumed at @at; @retry, unless that happens before anyway: who
 * retries does not put off what others wait for.  Never of a dead span, so that
 * ltp_output_stop() has seen the last of it.
 */
static void pacer_start(struct ltp_span *span, u64 at, bool retry)
{
	ltp_delay(PACER);
	spin_lock_bh(&span->lock);
	WRITE_ONCE(span->behind, true);
	if (!span->dead &&
	    (!retry || !hrtimer_is_queued(&span->pacer) ||
	     at < ktime_to_ns(hrtimer_get_expires(&span->pacer))))
		hrtimer_start(&span->pacer, ns_to_ktime(at),
			      HRTIMER_MODE_ABS_SOFT);
	spin_unlock_bh(&span->lock);
}

/**
 * ltp_pace_ready() - whether a flow takes another burst now
 * @span: the span
 * @flow: index of the flow
 * @after: wait at least until then, ktime ns; 0 if there is no need
 *
 * If it takes none, ltp_output_run() is going to be called when it does.
 *
 * Context: process or softirq; no locks.
 * Return: true if it does.
 */
bool ltp_pace_ready(struct ltp_span *span, u32 flow, u64 after)
{
	struct ltp_carrier *c;
	u64 now = 0, at = 0, ahead = 0;
	bool ready = false;

	rcu_read_lock();
	c = ltp_flow_carrier(span, flow);
	if (!c || READ_ONCE(span->local_stopped))
		goto out;	/* local_start() resumes */
	if (after)
		now = ktime_get_ns();
	if (READ_ONCE(span->conf.rate) != LTP_UNKNOWN) {
		now = ktime_get_ns();
		at = READ_ONCE(span->next_tx);
		if (ltp_udp_holds(c))
			ahead = AHEAD_NS;
	}
	if (at > now + ahead || after > now) {
		/* Sleeps for half of what fq holds: several bursts at once. */
		at = at > now + ahead ? at - ahead / 2 : 0;
		pacer_start(span, max(at, after), after);
	} else if (!ltp_udp_writeable(c)) {
		ltp_mib_add(span->engine, span, LTP_MIB_TX_BUSY, 1);
		ltp_udp_wake_when_writeable(c);
	} else {
		ready = true;
	}
out:
	rcu_read_unlock();
	return ready;
}

/**
 * ltp_pace_take() - count a burst against the rate of its span
 * @span: the span
 * @bytes: UDP payload of the burst
 *
 * A timer that was late has its time made up for; time in which there was
 * nothing to send has not.
 *
 * Context: process or softirq; no locks.
 * Return: when the burst shall leave, ktime ns, 0 for at once.
 */
u64 ltp_pace_take(struct ltp_span *span, u32 bytes)
{
	u64 rate = READ_ONCE(span->conf.rate), now, at;

	if (rate == LTP_UNKNOWN)
		return 0;
	now = ktime_get_ns();
	spin_lock_bh(&span->lock);
	at = span->next_tx;
	at = max(at, now - (READ_ONCE(span->behind) ? LATE_NS : 0));
	WRITE_ONCE(span->next_tx, at + cost_of(bytes, rate));
	spin_unlock_bh(&span->lock);
	return at > now ? at : 0;
}

/**
 * ltp_pace_give_back() - a burst did not leave after all
 * @span: the span
 * @bytes: UDP payload of the burst
 *
 * Context: process or softirq; no locks.
 */
void ltp_pace_give_back(struct ltp_span *span, u32 bytes)
{
	u64 rate = READ_ONCE(span->conf.rate), cost;

	if (rate == LTP_UNKNOWN)
		return;
	cost = cost_of(bytes, rate);
	spin_lock_bh(&span->lock);
	WRITE_ONCE(span->next_tx, span->next_tx - min(span->next_tx, cost));
	spin_unlock_bh(&span->lock);
}

/**
 * ltp_pace_idle() - a span has nothing to send
 * @span: the span
 *
 * Context: any.
 */
void ltp_pace_idle(struct ltp_span *span)
{
	if (READ_ONCE(span->behind))
		WRITE_ONCE(span->behind, false);
}

/**
 * ltp_pace_changed() - a span was configured
 * @span: the span
 * @old: the rate that it had
 *
 * At a higher rate, what is still to be waited for the last burst is shorter.
 *
 * Context: process; the caller calls ltp_output_resume().
 */
void ltp_pace_changed(struct ltp_span *span, u64 old)
{
	u64 rate = READ_ONCE(span->conf.rate), now = ktime_get_ns();

	spin_lock_bh(&span->lock);
	if (!READ_ONCE(span->conf.burst_adapt)) {
		WRITE_ONCE(span->burst_now, 0);
		span->burst_clean = 0;
	}
	if (rate == old)
		goto out;
	if (rate == LTP_UNKNOWN || old == LTP_UNKNOWN)
		WRITE_ONCE(span->next_tx, now);
	else if (span->next_tx > now && rate > old)
		WRITE_ONCE(span->next_tx, now +
			   mul_u64_u64_div_u64(span->next_tx - now, old, rate));
out:
	spin_unlock_bh(&span->lock);
}

/**
 * ltp_pace_burst() - how many segments may leave at once
 * @e: their session
 * @stride: bytes of one of them
 *
 * Return: 1 or more.
 */
u32 ltp_pace_burst(const struct ltp_export *e, u32 stride)
{
	const struct ltp_span *span = e->s.span;
	u64 rate = READ_ONCE(span->conf.rate), most;
	u32 n = e->burst_limit, now;

	if (!e->burst_asked && rate != LTP_UNKNOWN) {
		most = div_u64(rate, NSEC_PER_SEC / QUANTUM_NS);
		n = clamp_t(u64, div_u64(most, stride), 1, n);
	}
	now = READ_ONCE(span->burst_now);
	return now ? min(n, now) : n;
}

/**
 * ltp_pace_sent() - original data of a burst leaves
 * @e: the session
 * @b: the burst
 * @pos: block offset of the data
 * @n: how many segments may leave at once
 *
 * Context: session.lock held.
 */
void ltp_pace_sent(struct ltp_export *e, struct ltp_burst *b, u64 pos, u32 n)
{
	if (!READ_ONCE(e->s.span->conf.burst_adapt))
		b->cut = 0;
	else if (pos == b->start)
		b->cut = n;
	else if (b->cut != n)
		b->cut = 0;	/* changed meanwhile: it shows nothing */
}

/* So many bursts of @cut segments arrived but for single losses. */
static void burst_raise(struct ltp_span *span, u32 cut, u32 bursts)
{
	u32 now = READ_ONCE(span->burst_now);

	if (!now || !bursts || cut < now)
		return;
	spin_lock_bh(&span->lock);
	now = span->burst_now;
	span->burst_clean += bursts;
	if (now && span->burst_clean >= RAISE_AFTER) {
		span->burst_clean = 0;
		WRITE_ONCE(span->burst_now,
			   now < UDP_MAX_SEGMENTS ? now + 1 : 0);
	}
	spin_unlock_bh(&span->lock);
}

/* A burst of which no more than @n segments arrived. */
static void burst_lower(struct ltp_span *span, u32 n)
{
	spin_lock_bh(&span->lock);
	span->burst_clean = 0;
	if (!span->burst_now || n < span->burst_now)
		WRITE_ONCE(span->burst_now, n);
	spin_unlock_bh(&span->lock);
}

/**
 * ltp_pace_claimed() - all of a burst is claimed
 * @e: the session
 * @b: the burst
 *
 * Context: session.lock held.
 */
void ltp_pace_claimed(struct ltp_export *e, const struct ltp_burst *b)
{
	if (b->cut)
		burst_raise(e->s.span, b->cut, b->n_segs / b->cut);
}

/**
 * ltp_pace_refused() - a queue of our own refused a burst
 * @span: the span
 * @segs: its segments
 *
 * Context: process or softirq; no locks.
 */
void ltp_pace_refused(struct ltp_span *span, u32 segs)
{
	bool halve;

	spin_lock_bh(&span->lock);
	halve = ++span->refusals >= REFUSALS_MAX && segs > 1;
	if (halve) {
		span->refusals = 0;
		span->burst_clean = 0;
		WRITE_ONCE(span->burst_now, segs / 2);
	}
	spin_unlock_bh(&span->lock);
	if (halve)
		ltp_mib_add(span->engine, span, LTP_MIB_BURSTS_HALVED, 1);
}

/**
 * ltp_pace_left() - a burst left
 * @span: the span
 * @segs: its segments
 *
 * Where no report is asked how bursts fare, they grow as long as none is
 * refused.
 *
 * Context: process or softirq; no locks.
 */
void ltp_pace_left(struct ltp_span *span, u32 segs)
{
	if (unlikely(READ_ONCE(span->refusals)))
		WRITE_ONCE(span->refusals, 0);
	if (unlikely(READ_ONCE(span->burst_now)) &&
	    !READ_ONCE(span->conf.burst_adapt))
		burst_raise(span, segs, 1);
}

/* What the gaps in a burst show.  It left in bursts of b->cut segments. */
static void burst_judge(struct ltp_export *e, const struct ltp_burst *b)
{
	u32 i, k, n, tail, good = 0, low = 0;
	u64 pos = b->start, end;

	for (i = 0; i < b->n_segs; i += n) {
		n = min_t(u32, b->cut, b->n_segs - i);
		for (k = 0, tail = 0; k < n; k++, pos = end) {
			end = b->start + b->len;
			if (i + k < b->n_segs - 1)
				end = pos + ltp_segment_fill(&e->prefix, pos,
							     b->stride);
			tail++;
			if (ltp_ranges_cover(&e->claimed, pos, end))
				tail = 0;
		}
		if (tail == n)
			continue;	/* was it a burst, or an outage? */
		if (tail >= TAIL_MIN && tail * TAIL_PART >= n)
			low = min_not_zero(low, max(n - tail, n / 2));
		else if (n == b->cut)
			good++;
	}
	if (low)
		burst_lower(e->s.span, low);
	else
		burst_raise(e->s.span, b->cut, good);
}

/**
 * ltp_pace_report() - a report left something out
 * @e: the session, what the report claims already claimed
 * @lower: start of the report's scope
 * @upper: end of it
 *
 * Context: session.lock held.
 */
void ltp_pace_report(struct ltp_export *e, u64 lower, u64 upper)
{
	u64 pos = lower, from, to;
	struct ltp_burst *b;

	if (!READ_ONCE(e->s.span->conf.burst_adapt))
		return;
	/* What was in the scope of an earlier report has shown what it can. */
	while (ltp_ranges_next_gap(&e->scopes, pos, upper, &from, &pos))
		for (b = ltp_block_find(e, from); b && b->start < pos;
		     b = ltp_block_find(e, b->start + b->len)) {
			to = b->start + b->len;
			if (!b->cut || b->start < lower || to > upper)
				continue;
			burst_judge(e, b);
			b->cut = 0;
		}
}

/**
 * ltp_pace_timer() - the rate allows the next burst
 * @timer: ltp_span.pacer
 *
 * Context: softirq.
 * Return: HRTIMER_NORESTART.
 */
enum hrtimer_restart ltp_pace_timer(struct hrtimer *timer)
{
	ltp_output_resume(container_of(timer, struct ltp_span, pacer));
	return HRTIMER_NORESTART;
}
