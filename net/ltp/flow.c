// SPDX-License-Identifier: GPL-2.0
/*
 * The UDP flows of a span.  Each is a connected socket with a source port of
 * its own, the first with the engine's: what hashes packets - receive queues,
 * RPS, routes of equal cost - spreads them, and XPS keeps a queue for each.  A
 * session stays on one flow, so that its segments stay in order.
 */
#include "flow.h"
#include "output.h"
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
		INIT_WORK(&f->run, ltp_output_run);
	}
}

/*
 * Closes flows, from the @from-th.  What waited for them waits for the first
 * then, if that stays.
 *
 * Whoever sends holds the RCU read lock from reading ltp_flow.carrier to the
 * end, and so does data_ready: ltp_udp_close() waits for both before it frees
 * the sockets.
 */
static void flows_close(struct ltp_span *span, u32 from)
{
	struct ltp_carrier *gone[LTP_FLOWS_MAX] = {};
	struct ltp_flow *f;
	u32 i;

	spin_lock_bh(&span->lock);
	for (i = from; i < LTP_FLOWS_MAX; i++) {
		f = &span->flow[i];
		gone[i] = rcu_replace_pointer(f->carrier, NULL,
					      lockdep_is_held(&span->lock));
		if (i)
			list_splice_tail_init(&f->pending,
					      &span->flow[0].pending);
	}
	spin_unlock_bh(&span->lock);
	ltp_udp_close(gone, LTP_FLOWS_MAX);
}

/**
 * ltp_flow_set() - have a span send on so many flows
 * @span: the span
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
	struct ltp_carrier *c;
	u32 i, old;

	for (old = 0; old < LTP_FLOWS_MAX; old++)
		if (!rcu_access_pointer(span->flow[old].carrier))
			break;
	for (i = old; i < n; i++) {
		c = ltp_udp_open(span->engine, span, span->remote.family, i,
				 extack);
		if (IS_ERR(c)) {
			flows_close(span, old);
			ltp_output_resume(span);
			return PTR_ERR(c);
		}
		rcu_assign_pointer(span->flow[i].carrier, c);
	}
	if (n < old)
		flows_close(span, n);
	return 0;
}

/**
 * ltp_flow_close() - close all flows of a span
 * @span: the span, dead or never used
 *
 * Context: process.
 */
void ltp_flow_close(struct ltp_span *span)
{
	flows_close(span, 0);
}
