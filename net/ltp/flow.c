// SPDX-License-Identifier: GPL-2.0
/*
 * The UDP flows of a span.  Each sends from a source port of its own, the first
 * from the engine's: what hashes packets - receive queues, RPS, routes of equal
 * cost - spreads them, and XPS keeps a queue for each.  A session stays on one
 * flow, so that its segments stay in order.
 */
#include "flow.h"
#include "output.h"
#include "pace.h"
#include "udp.h"

/**
 * ltp_flow_init() - set up the flows of a new span, without sockets
 * @span: the span
 */
void ltp_flow_init(struct ltp_span *span)
{
	struct ltp_flow *f;

	for (f = span->flow; f < span->flow + LTP_FLOWS_MAX; f++) {
		f->span = span;
		INIT_LIST_HEAD(&f->pending);
		f->resends = &f->pending;
		INIT_WORK(&f->run, ltp_output_run);
	}
}

/* Sessions of other flows wait here now.  span.lock held. */
static void recount(struct ltp_flow *f)
{
	struct ltp_export *e;

	f->pending_sk = NULL;
	f->n_pending = 0;
	f->n_others = 0;
	f->resends = &f->pending;
	list_for_each_entry(e, &f->pending, pending) {
		e->waits_for = f;
		if (e->resend)
			f->resends = &e->pending;
		f->n_pending++;
		if (!f->pending_sk)
			f->pending_sk = e->s.sk;
		f->n_others += e->s.sk != f->pending_sk;
	}
}

/*
 * Takes flows away, from the @from-th.  What waited for them waits for the
 * first then.
 */
static void flows_take(struct ltp_span *span, u32 from,
		       struct ltp_carrier **taken)
{
	struct ltp_flow *f;
	u32 i;

	spin_lock_bh(&span->lock);
	for (i = from; i < LTP_FLOWS_MAX; i++) {
		f = &span->flow[i];
		taken[i] = rcu_replace_pointer(f->carrier, NULL,
					       lockdep_is_held(&span->lock));
		if (i)
			list_splice_tail_init(&f->pending,
					      &span->flow[0].pending);
		recount(f);
	}
	recount(span->flow);
	spin_unlock_bh(&span->lock);
}

/*
 * Whoever sends holds the RCU read lock from reading ltp_flow.carrier to the
 * end, and so does data_ready: ltp_udp_close() waits for both before it frees
 * the sockets.
 */
static void flows_close(struct ltp_span *span, u32 from)
{
	struct ltp_carrier *gone[LTP_FLOWS_MAX] = {};

	flows_take(span, from, gone);
	ltp_udp_close(gone, LTP_FLOWS_MAX);
}

/* Opens flows that are not there yet, up to the @n-th. */
static int flows_open(struct ltp_span *span, u32 n,
		      struct netlink_ext_ack *extack)
{
	struct ltp_carrier *c;
	u32 i;

	for (i = 0; i < n; i++) {
		if (rcu_access_pointer(span->flow[i].carrier))
			continue;
		c = ltp_udp_flow(span, i, extack);
		if (IS_ERR(c))
			return PTR_ERR(c);
		rcu_assign_pointer(span->flow[i].carrier, c);
	}
	return 0;
}

/**
 * ltp_flow_first() - open the first flow of a new span
 * @span: the span, not in any table yet
 * @extack: for the reason of a failure
 *
 * It receives nothing: the engine's listener does.
 *
 * Context: process.
 * Return: 0, or what the UDP socket says.
 */
int ltp_flow_first(struct ltp_span *span, struct netlink_ext_ack *extack)
{
	return flows_open(span, 1, extack);
}

/**
 * ltp_flow_set() - have a span send on so many flows
 * @span: the span, in its table: the flows that are opened may receive at once
 * @n: how many, 1 to %LTP_FLOWS_MAX; the caller sets ltp_span_conf.flows to
 *	that, and resumes the span
 * @extack: for the reason of a failure
 *
 * Sessions that began on a flow that goes, continue on the first.
 *
 * Context: process, ltp_net.config held.
 * Return: 0, or what the UDP socket says, and nothing has changed.
 */
int ltp_flow_set(struct ltp_span *span, u32 n, struct netlink_ext_ack *extack)
{
	u32 old;
	int err;

	for (old = 0; old < LTP_FLOWS_MAX; old++)
		if (!rcu_access_pointer(span->flow[old].carrier))
			break;
	err = flows_open(span, n, extack);
	if (err) {
		flows_close(span, old);
		ltp_output_resume(span);
		return err;
	}
	if (n < old)
		flows_close(span, n);
	return 0;
}

/**
 * ltp_flow_mute() - have the flows of a span receive nothing more
 * @span: the span, dead
 *
 * Context: process, ltp_net.config held.
 */
void ltp_flow_mute(struct ltp_span *span)
{
	struct ltp_carrier *c;
	u32 i;

	for (i = 0; i < LTP_FLOWS_MAX; i++) {
		c = rcu_dereference_protected(span->flow[i].carrier,
					      READ_ONCE(span->dead));
		if (c)
			ltp_udp_mute(c);
	}
}

/**
 * ltp_flow_free() - close all flows of a span
 * @span: the span; mute and dead since a grace period ago, or never used
 *
 * Context: process.
 */
void ltp_flow_free(struct ltp_span *span)
{
	struct ltp_carrier *gone[LTP_FLOWS_MAX] = {};
	u32 i;

	flows_take(span, 0, gone);
	for (i = 0; i < LTP_FLOWS_MAX; i++)
		if (gone[i])
			ltp_udp_free(gone[i]);
}

/**
 * ltp_flow_payload_max() - the largest datagram that a flow's path takes whole
 * @span: the span
 * @flow: index of the flow; where ports choose the route, each has its own path
 *
 * Return: bytes of UDP payload; 0 without a route.
 */
u32 ltp_flow_payload_max(struct ltp_span *span, u32 flow)
{
	struct ltp_carrier *c;
	u32 max = 0;

	rcu_read_lock();
	c = ltp_flow_carrier(span, flow);
	if (c)
		max = ltp_udp_payload_max(c);
	rcu_read_unlock();
	return max;
}

/**
 * ltp_flow_idle() - whether no session waits for any flow
 * @span: the span
 *
 * Context: any.
 * Return: true if none does.
 */
bool ltp_flow_idle(const struct ltp_span *span)
{
	u32 i, n = READ_ONCE(span->conf.flows);

	for (i = 0; i < n; i++)
		if (!list_empty(&span->flow[i].pending))
			return false;
	return true;
}

/* Whether all that wait are of one socket. */
static bool all_are_of(const struct ltp_flow *f, const struct sock *sk)
{
	const struct ltp_export *e;

	list_for_each_entry(e, &f->pending, pending)
		if (e->s.sk != sk)
			return false;
	return true;
}

/* Puts a session behind all others that have something to send again. */
static void resend_add(struct ltp_flow *f, struct ltp_export *e)
{
	list_add(&e->pending, f->resends);
	f->resends = &e->pending;
}

/**
 * ltp_flow_queue() - put a session where it waits for its flow
 * @e: the session
 * @resend: it has something to send again, which goes before what is new
 * @first: it had its turn, which came to nothing
 * @ran: it had its turn
 *
 * Sessions take turns, but those of one socket do not while no other waits:
 * its blocks are done one after the other, or all would be done last.  What is
 * sent again goes first, in the order in which it was asked for.
 *
 * Context: session.lock and span.lock held.
 */
void ltp_flow_queue(struct ltp_export *e, bool resend, bool first, bool ran)
{
	struct ltp_flow *f = ltp_flow_home(e);

	if (e->s.sk != f->pending_sk && f->n_others == f->n_pending &&
	    all_are_of(f, e->s.sk)) {
		f->pending_sk = e->s.sk;
		f->n_others = 0;
	}
	e->waits_for = f;
	f->n_pending++;
	f->n_others += e->s.sk != f->pending_sk;
	e->resend = resend;
	if (first) {
		list_add(&e->pending, &f->pending);
		if (resend && f->resends == &f->pending)
			f->resends = &e->pending;
	} else if (resend) {
		resend_add(f, e);
	} else if (ran && !f->n_others) {
		list_add(&e->pending, f->resends);
	} else {
		list_add_tail(&e->pending, &f->pending);
	}
}

/**
 * ltp_flow_hurry() - a session that waits has something to send again
 * @e: the session
 *
 * Context: session.lock held.
 */
void ltp_flow_hurry(struct ltp_export *e)
{
	struct ltp_span *span = e->s.span;

	spin_lock(&span->lock);
	if (!span->dead && !list_empty(&e->pending) && !e->resend) {
		e->resend = true;
		list_del(&e->pending);
		resend_add(e->waits_for, e);
	}
	spin_unlock(&span->lock);
}

/**
 * ltp_flow_next() - take the session whose turn it is
 * @f: the flow
 *
 * Context: process or softirq; no locks.
 * Return: the session, with the reference that the list had, or NULL.
 */
struct ltp_export *ltp_flow_next(struct ltp_flow *f)
{
	struct ltp_span *span = f->span;
	struct ltp_export *e;

	spin_lock_bh(&span->lock);
	e = list_first_entry_or_null(&f->pending, struct ltp_export, pending);
	if (e) {
		if (f->resends == &e->pending)
			f->resends = &f->pending;
		list_del_init(&e->pending);
		f->n_pending--;
		f->n_others -= e->s.sk != f->pending_sk;
	} else if (ltp_flow_idle(span)) {
		ltp_pace_idle(span);
	}
	spin_unlock_bh(&span->lock);
	return e;
}
