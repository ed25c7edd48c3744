// SPDX-License-Identifier: GPL-2.0
/* Spans: what an engine knows of a remote engine, and the flow towards it. */
#include <linux/slab.h>
#include <net/ipv6.h>

#include "compat.h"
#include "engine.h"
#include "output.h"
#include "session.h"
#include "span.h"
#include "udp.h"

const struct rhashtable_params ltp_span_params = {
	.head_offset = offsetof(struct ltp_span, node),
	.key_offset = offsetof(struct ltp_span, key),
	.key_len = sizeof(struct ltp_span_key),
	.automatic_shrinking = true,
};

/**
 * ltp_span_put() - give a reference back
 * @span: the span
 *
 * Context: any.
 */
void ltp_span_put(struct ltp_span *span)
{
	if (!refcount_dec_and_test(&span->ref))
		return;
	free_percpu(span->mib);
	ltp_engine_put(span->engine);
	kfree_rcu(span, rcu);
}

/**
 * ltp_span_create() - make a span
 * @engine: the local engine
 * @remote: ID of the remote engine
 * @addr: where that is
 * @conf: configuration
 * @extack: for the reason of a failure
 *
 * Context: process, ltp_net.config held.
 * Return: 0, -EEXIST, -ENOMEM, or what the UDP socket says.
 */
int ltp_span_create(struct ltp_engine *engine, u64 remote,
		    const struct ltp_addr *addr,
		    const struct ltp_span_conf *conf,
		    struct netlink_ext_ack *extack)
{
	struct ltp_carrier *flow;
	struct ltp_span *span;
	int err;

	span = kzalloc(sizeof(*span), GFP_KERNEL_ACCOUNT);
	if (!span)
		return -ENOMEM;
	span->mib = alloc_percpu(struct ltp_mib);
	if (!span->mib) {
		kfree(span);
		return -ENOMEM;
	}
	span->key.engine = engine->id;
	span->key.remote = remote;
	ltp_engine_hold(engine);
	span->engine = engine;
	refcount_set(&span->ref, 1);
	span->remote = *addr;
	span->conf = *conf;
	spin_lock_init(&span->lock);
	INIT_LIST_HEAD(&span->sessions);
	INIT_LIST_HEAD(&span->pending);
	INIT_LIST_HEAD(&span->closed);
	INIT_WORK(&span->run, ltp_output_run);
	hrtimer_setup(&span->pacer, ltp_output_pace, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_SOFT);

	flow = ltp_udp_open(engine, span, addr->family, extack);
	if (IS_ERR(flow)) {
		err = PTR_ERR(flow);
		goto put;
	}
	rcu_assign_pointer(span->flow, flow);
	err = rhashtable_lookup_insert_fast(&engine->ln->spans, &span->node,
					    ltp_span_params);
	if (!err)
		return 0;
	if (err == -EEXIST)
		NL_SET_ERR_MSG(extack, "there is a span to this engine");
	RCU_INIT_POINTER(span->flow, NULL);
	ltp_udp_close(flow);
put:
	ltp_span_put(span);
	return err;
}

/**
 * ltp_span_delete() - end a span and its sessions
 * @span: the span
 *
 * Context: process, ltp_net.config held.
 */
void ltp_span_delete(struct ltp_span *span)
{
	struct ltp_carrier *flow;

	spin_lock_bh(&span->lock);
	WRITE_ONCE(span->dead, true);
	spin_unlock_bh(&span->lock);
	rhashtable_remove_fast(&span->engine->ln->spans, &span->node,
			       ltp_span_params);
	flow = rcu_replace_pointer(span->flow, NULL,
				   lockdep_is_held(&span->engine->ln->config));
	/*
	 * Whoever sends holds the RCU read lock from reading span->flow to the
	 * end, and so does data_ready: ltp_udp_close() waits for both before
	 * it frees the socket.  The pacer and the work may be started until
	 * then, but not queue again: they find no flow.
	 */
	ltp_udp_close(flow);
	ltp_output_stop(span);
	ltp_session_end_all(&span->sessions, &span->lock, true,
			    LTP_REASON_SYS_CNCLD);
	ltp_session_forget(span);
	ltp_span_put(span);
}

/**
 * ltp_span_find() - look a span up
 * @ln: the namespace
 * @engine: local engine ID
 * @remote: remote engine ID
 *
 * Context: any.
 * Return: the span with a reference, or NULL.
 */
struct ltp_span *ltp_span_find(struct ltp_net *ln, u64 engine, u64 remote)
{
	struct ltp_span_key key = { .engine = engine, .remote = remote };
	struct ltp_span *span;

	rcu_read_lock();
	span = rhashtable_lookup(&ln->spans, &key, ltp_span_params);
	if (span && !refcount_inc_not_zero(&span->ref))
		span = NULL;
	rcu_read_unlock();
	return span;
}

/**
 * ltp_span_payload_max() - the largest datagram the path takes whole
 * @span: the span
 *
 * Return: bytes of UDP payload; 0 without a route.
 */
u32 ltp_span_payload_max(struct ltp_span *span)
{
	struct ltp_carrier *flow;
	u32 max = 0;

	rcu_read_lock();
	flow = rcu_dereference(span->flow);
	if (flow)
		max = ltp_udp_payload_max(flow);
	rcu_read_unlock();
	return max;
}

/**
 * ltp_span_burst_max() - the most bytes that go down in one buffer
 * @span: the span
 *
 * Return: bytes of UDP payload.
 */
u32 ltp_span_burst_max(struct ltp_span *span)
{
	struct ltp_carrier *flow;
	u32 max = 0;

	rcu_read_lock();
	flow = rcu_dereference(span->flow);
	if (flow)
		max = ltp_udp_burst_max(flow);
	rcu_read_unlock();
	return max;
}

/**
 * ltp_span_is_from() - whether a datagram may be from the span's peer
 * @span: the span
 * @from: its source
 *
 * The port is not compared: peers send from any port.
 *
 * Return: true if the address is the peer's.
 */
bool ltp_span_is_from(const struct ltp_span *span, const struct ltp_addr *from)
{
	if (span->remote.family != from->family)
		return false;
	if (from->family == AF_INET)
		return span->remote.v4 == from->v4;
	return ipv6_addr_equal(&span->remote.v6, &from->v6);
}
