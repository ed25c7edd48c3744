/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_FLOW_H
#define _LTP_FLOW_H

#include <linux/hash.h>
#include <net/ltp.h>

void ltp_flow_init(struct ltp_span *span);
int ltp_flow_first(struct ltp_span *span, struct netlink_ext_ack *extack);
int ltp_flow_set(struct ltp_span *span, u32 n,
		 struct netlink_ext_ack *extack);
u32 ltp_flow_payload_max(struct ltp_span *span, u32 flow);
void ltp_flow_mute(struct ltp_span *span);
void ltp_flow_free(struct ltp_span *span);
bool ltp_flow_idle(const struct ltp_span *span);
void ltp_flow_queue(struct ltp_export *e, bool resend, bool first, bool ran);
void ltp_flow_hurry(struct ltp_export *e);
struct ltp_export *ltp_flow_next(struct ltp_flow *f);

/**
 * ltp_flow_share() - which of some equals a session falls to
 * @number: its number
 * @n: how many they are
 *
 * Flows of the sender and readers of the receiver are chosen by the same
 * rule: where they are as many, what comes on one flow goes to one reader.
 *
 * Return: 0 to @n - 1.
 */
static inline u32 ltp_flow_share(u64 number, u32 n)
{
	return n > 1 ? reciprocal_scale(hash_64(number, 32), n) : 0;
}

/**
 * ltp_flow_of() - the flow that a session's segments leave on
 * @span: the span
 * @number: the session's number
 *
 * Return: its index.
 */
static inline u32 ltp_flow_of(const struct ltp_span *span, u64 number)
{
	return ltp_flow_share(number, READ_ONCE(span->conf.flows));
}

/**
 * ltp_flow_carrier() - the UDP socket of a flow
 * @span: the span
 * @flow: index of the flow
 *
 * Context: RCU read side, for as long as it is used.
 * Return: that of the first flow if this one is gone; NULL once the span is
 * dead.
 */
static inline struct ltp_carrier *ltp_flow_carrier(const struct ltp_span *span,
						   u32 flow)
{
	struct ltp_carrier *c = rcu_dereference(span->flow[flow].carrier);

	/* A grace period after its death the flows go. */
	if (unlikely(READ_ONCE(span->dead)))
		return NULL;
	if (unlikely(!c))
		c = rcu_dereference(span->flow[0].carrier);
	return c;
}

/**
 * ltp_flow_home() - the flow of a session
 * @e: the session
 *
 * Return: the first if its own is gone.
 */
static inline struct ltp_flow *ltp_flow_home(const struct ltp_export *e)
{
	struct ltp_span *span = e->s.span;
	struct ltp_flow *f = &span->flow[e->s.flow];

	return rcu_access_pointer(f->carrier) ? f : span->flow;
}

#endif /* _LTP_FLOW_H */
