// SPDX-License-Identifier: GPL-2.0
/* Spans: what an engine knows of a remote engine. */
#include <linux/ip.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/ipv6.h>

#include "compat.h"
#include "delay.h"
#include "engine.h"
#include "fault.h"
#include "flow.h"
#include "output.h"
#include "pace.h"
#include "session.h"
#include "span.h"
#include "udp.h"

/*
 * What a peer is answered, in bytes with UDP and IP headers: so many times what
 * it sent, of which so much is put by.  And what an idle link needs besides, if
 * the peer was configured: in a second, and how much of that is put by.
 */
#define CREDIT_FACTOR	2
#define CREDIT_MAX	SZ_4M
#define CREDIT_RATE	SZ_1K
#define CREDIT_FREE	SZ_8K

static __always_inline u32 span_hash(const void *data, u32 len, u32 seed)
{
	const struct ltp_span_key *key = data;

	return ltp_hash(key->remote, key->engine, 0, seed);
}

static __always_inline int span_differs(struct rhashtable_compare_arg *arg,
					const void *obj)
{
	const struct ltp_span_key *key = arg->key;
	const struct ltp_span *span = obj;

	return key->remote != span->key.remote ||
	       key->engine != span->key.engine;
}

const struct rhashtable_params ltp_span_params = {
	.hashfn = span_hash,
	.obj_cmpfn = span_differs,
	.head_offset = offsetof(struct ltp_span, node),
	.key_offset = offsetof(struct ltp_span, key),
	.key_len = sizeof(struct ltp_span_key),
	.automatic_shrinking = true,
};

const struct rhashtable_params ltp_peer_params = {
	.head_offset = offsetof(struct ltp_span, peer_node),
	.key_offset = offsetof(struct ltp_span, peer_key),
	.key_len = sizeof(struct ltp_peer_key),
	.automatic_shrinking = true,
};

static void peer_key_init(struct ltp_peer_key *key, u64 engine,
			  const struct ltp_addr *addr)
{
	memset(key, 0, sizeof(*key));
	key->engine = engine;
	key->family = addr->family;
	if (addr->family == AF_INET)
		key->v6.s6_addr32[0] = addr->v4;
	else
		key->v6 = addr->v6;
}

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
	WARN_ON_ONCE(!skb_queue_empty_lockless(&span->held));
	free_percpu(span->mib);
	ltp_engine_put(span->engine);
	kfree_rcu(span, rcu);
}

static struct ltp_span *span_alloc(struct ltp_engine *engine, u64 remote,
				   const struct ltp_addr *addr,
				   const struct ltp_span_conf *conf,
				   bool learned)
{
	struct ltp_span *span;

	span = LTP_ALLOC(SPAN, kzalloc(sizeof(*span), GFP_KERNEL_ACCOUNT));
	if (!span)
		return NULL;
	span->mib = LTP_ALLOC(SPAN_MIB, alloc_percpu(struct ltp_mib));
	if (!span->mib) {
		kfree(span);
		return NULL;
	}
	span->key.engine = engine->id;
	span->key.remote = remote;
	ltp_engine_hold(engine);
	span->engine = engine;
	refcount_set(&span->ref, 1);
	span->remote = *addr;
	span->conf = *conf;
	span->learned = learned;
	span->used = ktime_get_ns();
	spin_lock_init(&span->lock);
	spin_lock_init(&span->answers_lock);
	span->answers = READ_ONCE(engine->ln->answers);
	span->answers_at = jiffies;
	span->earned_at = jiffies - CREDIT_FREE / CREDIT_RATE * HZ;
	INIT_LIST_HEAD(&span->sessions);
	INIT_LIST_HEAD(&span->blocked[false]);
	INIT_LIST_HEAD(&span->blocked[true]);
	INIT_LIST_HEAD(&span->closed);
	skb_queue_head_init(&span->held);
	peer_key_init(&span->peer_key, engine->id, addr);
	hrtimer_setup(&span->pacer, ltp_pace_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_SOFT);
	ltp_flow_init(span);
	return span;
}

/*
 * Puts a span into the tables.  From now on it may be used: what fails later
 * has to delete it.
 */
static int span_insert(struct ltp_span *span)
{
	struct ltp_net *ln = span->engine->ln;
	int err;

	err = LTP_TRY(SPAN_INSERT,
		      rhashtable_lookup_insert_fast(&ln->spans, &span->node,
						    ltp_span_params));
	if (err)
		return err;
	/* The newest first, as in ltp_net.peers: deleting finds them soon. */
	list_add(&span->on_engine, &span->engine->spans);
	WRITE_ONCE(span->engine->n_spans, span->engine->n_spans + 1);
	ln->n_learned += span->learned;
	return 0;
}

/**
 * ltp_span_create() - make a span
 * @engine: the local engine
 * @remote: ID of the remote engine
 * @addr: where that is
 * @conf: configuration
 * @learned: nobody configured it
 * @extack: for the reason of a failure
 *
 * Context: process, ltp_net.config held.
 * Return: 0, -EEXIST, -ENOMEM, or what the UDP socket says.
 */
int ltp_span_create(struct ltp_engine *engine, u64 remote,
		    const struct ltp_addr *addr,
		    const struct ltp_span_conf *conf, bool learned,
		    struct netlink_ext_ack *extack)
{
	struct ltp_span *span;
	int err;

	span = ltp_span_find(engine->ln, engine->id, remote);
	if (span) {
		ltp_span_put(span);
		NL_SET_ERR_MSG(extack, "there is a span to this engine");
		return -EEXIST;
	}
	span = span_alloc(engine, remote, addr, conf, learned);
	if (!span)
		return -ENOMEM;
	err = ltp_flow_first(span, extack) ?: span_insert(span);
	if (err) {
		ltp_flow_free(span);
		ltp_span_put(span);
		return err;
	}
	err = LTP_TRY(PEER_INSERT,
		      rhltable_insert(&engine->ln->peers, &span->peer_node,
				      ltp_peer_params));
	if (!err)
		err = ltp_flow_set(span, conf->flows, extack);
	if (err)
		ltp_span_delete(span);
	return err;
}

/**
 * ltp_span_delete() - end a span and its sessions
 * @span: the span
 *
 * Nothing of it is sent or received from now on.  Its memory goes later, with
 * that of others, see ltp_span_reap().
 *
 * Context: process, ltp_net.config held.
 */
void ltp_span_delete(struct ltp_span *span)
{
	struct ltp_engine *engine = span->engine;
	struct ltp_net *ln = engine->ln;

	spin_lock_bh(&span->lock);
	WRITE_ONCE(span->dead, true);
	spin_unlock_bh(&span->lock);
	rhashtable_remove_fast(&ln->spans, &span->node, ltp_span_params);
	/* It is not there if making the span failed at that. */
	rhltable_remove(&ln->peers, &span->peer_node, ltp_peer_params);
	list_del(&span->on_engine);
	WRITE_ONCE(engine->n_spans, engine->n_spans - 1);
	ln->n_learned -= span->learned;

	ltp_flow_mute(span);
	ltp_delay(DELETE);
	ltp_session_end_all(&span->sessions, &span->lock, true,
			    LTP_REASON_SYS_CNCLD);
	ltp_session_forget_all(span);
	ltp_span_unblock(span);
	ltp_output_drop_held(span);
	/* All that are there when the reaper begins wait for it together. */
	if (llist_add(&span->on_dead, &ln->dead_spans))
		schedule_work(&ln->reaper);
}

/*
 * Whoever was sending or receiving for a span that died holds the RCU read lock
 * until he is done; who comes later sees that it is dead.  So after a grace
 * period nobody starts its pacer or its works any more, nor uses its flows.
 */
static void reaper_work(struct work_struct *work)
{
	struct ltp_net *ln = container_of(work, struct ltp_net, reaper);
	struct llist_node *dead = llist_del_all(&ln->dead_spans);
	struct ltp_span *span, *next;

	synchronize_net();
	llist_for_each_entry_safe(span, next, dead, on_dead) {
		ltp_output_stop(span);
		ltp_flow_free(span);
		ltp_span_put(span);
		cond_resched();
	}
}

/**
 * ltp_span_reap() - wait until nothing is left of deleted spans
 * @ln: their namespace
 *
 * But for their memory, if somebody has a reference.
 *
 * Context: process.
 */
void ltp_span_reap(struct ltp_net *ln)
{
	flush_work(&ln->reaper);
}

/**
 * ltp_span_net_init() - set up for a namespace
 * @ln: the namespace
 */
void ltp_span_net_init(struct ltp_net *ln)
{
	init_llist_head(&ln->dead_spans);
	INIT_WORK(&ln->reaper, reaper_work);
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
 * ltp_span_by_addr() - a span towards an address
 * @ln: the namespace
 * @engine: local engine ID
 * @addr: the address; its port does not matter
 *
 * For segments that do not name their sender: any of several spans will do.
 *
 * Context: any.
 * Return: the span with a reference, or NULL.
 */
struct ltp_span *ltp_span_by_addr(struct ltp_net *ln, u64 engine,
				  const struct ltp_addr *addr)
{
	struct rhlist_head *list, *pos;
	struct ltp_span *span = NULL;
	struct ltp_peer_key key;

	peer_key_init(&key, engine, addr);
	rcu_read_lock();
	list = rhltable_lookup(&ln->peers, &key, ltp_peer_params);
	rhl_for_each_entry_rcu(span, pos, list, peer_node)
		if (refcount_inc_not_zero(&span->ref))
			break;
	rcu_read_unlock();
	return pos ? span : NULL;
}

/* Bytes of the UDP and IP headers of a datagram to the peer, or from there. */
static u32 headers(const struct ltp_span *span)
{
	return sizeof(struct udphdr) + (span->remote.family == AF_INET ?
		sizeof(struct iphdr) : sizeof(struct ipv6hdr));
}

/* Turns what the peer sent since into credit; ltp_span.answers_lock held. */
static void earn(struct ltp_span *span)
{
	unsigned long now = jiffies;
	u64 got, more;

	/* Reading counters is dear, so it is not done in vain twice. */
	if (now == span->earned_at && span->spent)
		return;
	got = ltp_mib_read(span->mib, LTP_MIB_RX_BYTES) +
	      headers(span) * ltp_mib_read(span->mib, LTP_MIB_RX_DATAGRAMS);
	more = min_t(u64, (got - span->earned) * CREDIT_FACTOR, CREDIT_MAX);
	if (!span->learned)
		more += min_t(u64, CREDIT_FREE,
			      div_u64((u64)jiffies_to_msecs(now -
							    span->earned_at) *
				      CREDIT_RATE, MSEC_PER_SEC));
	WRITE_ONCE(span->credit, span->credit + (s64)more);
	span->earned = got;
	span->earned_at = now;
	span->spent = span->credit <= 0;
}

/**
 * ltp_span_affords() - whether a peer may be sent more answers
 * @span: the span
 *
 * Answers are the signals of import sessions and all acknowledgments: what a
 * peer, or who forges its address, can have sent as often as he likes.  So all
 * of them together are not more than twice what came from there, copies of a
 * redundant span included.  Who may have one may have it whole, and owes the
 * rest.
 *
 * Context: any.
 * Return: false if the peer's credit is used up; that is counted.
 */
bool ltp_span_affords(struct ltp_span *span)
{
	bool may;

	if (likely(READ_ONCE(span->credit) > 0))
		return true;
	spin_lock_bh(&span->answers_lock);
	if (span->credit <= 0)
		earn(span);
	may = span->credit > 0;
	spin_unlock_bh(&span->answers_lock);
	if (!may)
		ltp_mib_add(span->engine, span, LTP_MIB_LIMIT_ANSWERS, 1);
	return may;
}

/**
 * ltp_span_spend() - an answer costs credit
 * @span: the span
 * @bytes: of the segment
 *
 * Each of its copies is another.
 *
 * Context: any.
 */
void ltp_span_spend(struct ltp_span *span, u32 bytes)
{
	spin_lock_bh(&span->answers_lock);
	WRITE_ONCE(span->credit,
		   span->credit - (s64)(bytes + headers(span)));
	spin_unlock_bh(&span->answers_lock);
}

/**
 * ltp_span_may_answer() - limit answers to what nobody asked for
 * @span: the span
 *
 * So many a second to segments of sessions that are not known, each about as
 * large as what it answers (REQUIREMENTS 7.6, 8.2, 9.4).
 *
 * Context: any.
 * Return: true if the answer may be sent; that it may not is counted.
 */
bool ltp_span_may_answer(struct ltp_span *span)
{
	bool may;

	spin_lock_bh(&span->answers_lock);
	if (time_after_eq(jiffies, span->answers_at + HZ)) {
		span->answers = READ_ONCE(span->engine->ln->answers);
		span->answers_at = jiffies;
	}
	may = span->answers;
	if (may)
		span->answers--;
	spin_unlock_bh(&span->answers_lock);
	if (!may)
		ltp_mib_add(span->engine, span, LTP_MIB_LIMIT_ANSWERS, 1);
	return may;
}

static bool sessions_used_up(const struct ltp_span *span)
{
	u32 max = READ_ONCE(span->conf.max_sessions);

	return max && READ_ONCE(span->exports) - READ_ONCE(span->greens) >= max;
}

/*
 * Whether the limits of the span seem to allow another block, or more of one.
 * Only ltp_span_take() makes it certain, and only ltp_session_insert().
 */
static bool has_room(struct ltp_span *span, bool fresh, u64 more)
{
	u64 max = READ_ONCE(span->conf.max_inflight);
	u64 inflight = atomic64_read(&span->inflight);

	if (fresh && sessions_used_up(span))
		return false;
	/* One burst always goes, or a small limit would stop all. */
	return !max || !inflight || inflight + more <= max;
}

/**
 * ltp_span_take() - count red bytes as on their way before they are laid out
 * @span: the span
 * @e: the block, of which nothing is counted in advance yet
 * @more: how many
 *
 * However many senders ask at once, max-inflight is not exceeded.  What is not
 * laid out then must be given back with ltp_span_untake().
 *
 * Context: process, ltp_sock.send_lock held.
 * Return: false if the limit does not allow as many.
 */
bool ltp_span_take(struct ltp_span *span, struct ltp_export *e, u64 more)
{
	u64 max = READ_ONCE(span->conf.max_inflight);
	s64 now;

	if (!max)
		return true;
	now = atomic64_read(&span->inflight);
	do {
		/* One burst always goes, or a small limit would stop all. */
		if (now && now + more > max)
			return false;
	} while (!atomic64_try_cmpxchg(&span->inflight, &now, now + more));
	e->admitted = more;
	return true;
}

/**
 * ltp_span_untake() - give back what ltp_span_take() counted in vain
 * @e: the block
 *
 * Context: process, ltp_sock.send_lock held.
 */
void ltp_span_untake(struct ltp_export *e)
{
	if (likely(!e->admitted))
		return;
	atomic64_sub(e->admitted, &e->s.span->inflight);
	e->admitted = 0;
	ltp_span_room(e->s.span);
}

/* Puts a waiting socket where its turn is; it may have been there before. */
static void enlist(struct ltp_span *span, struct ltp_sock *ls, bool fresh)
{
	struct list_head *list = &span->blocked[fresh];
	struct ltp_sock *before;

	list_del_init(&ls->on_blocked);
	list_for_each_entry_reverse(before, list, on_blocked)
		if (before->turn < ls->turn)
			break;
	list_add(&ls->on_blocked, &before->on_blocked);
}

static struct ltp_sock *first_blocked(struct ltp_span *span, bool fresh)
{
	return list_first_entry_or_null(&span->blocked[fresh], struct ltp_sock,
					on_blocked);
}

/*
 * Whether nobody has waited longer.  Who waits for a session does not hold up
 * those that have one.
 */
static bool has_turn(struct ltp_span *span, struct ltp_sock *ls, bool fresh)
{
	struct ltp_sock *other = first_blocked(span, !fresh);

	if (first_blocked(span, fresh) != ls)
		return false;
	return !other || other->turn > ls->turn ||
	       (!fresh && sessions_used_up(span));
}

static bool take_room(struct ltp_span *span, struct ltp_export *e, u64 more)
{
	return e ? ltp_span_take(span, e, more) : has_room(span, true, more);
}

static bool nobody_blocked(const struct ltp_span *span)
{
	return list_empty_careful(&span->blocked[false]) &&
	       list_empty_careful(&span->blocked[true]);
}

/**
 * ltp_span_admit() - whether a socket may send now
 * @span: the span
 * @ls: the socket
 * @e: the block, NULL for a new one; @more is counted as on its way then
 * @more: red bytes that it will send without asking again
 * @stays: it sleeps until it may, and is sure to ask again
 *
 * Those that may not get their turns in the order in which they asked first.
 * Who sleeps keeps its place when it is woken; who polls is overtaken if it
 * does not come, but not twice: it asks again with the turn it had.  A new
 * block's turn is over with ltp_span_leave_blocked(), when its session counts.
 *
 * Context: process, ltp_sock.send_lock held.
 * Return: true if it may.
 */
bool ltp_span_admit(struct ltp_span *span, struct ltp_sock *ls,
		    struct ltp_export *e, u64 more, bool stays)
{
	bool fresh = !e, may;

	if (likely(nobody_blocked(span) && take_room(span, e, more))) {
		if (!fresh)
			ltp_span_leave_blocked(ls);
		return true;
	}
	if (ls->blocked != span) {
		ltp_span_leave_blocked(ls);
		ltp_span_hold(span);
	}
	spin_lock_bh(&span->lock);
	if (!ls->blocked)
		ls->turn = span->turns++;
	WRITE_ONCE(ls->blocked, span);
	ls->stays = stays;
	enlist(span, ls, fresh);
	smp_mb();	/* pairs with ltp_span_room() */
	may = (has_turn(span, ls, fresh) && take_room(span, e, more)) ||
	      READ_ONCE(span->dead);
	spin_unlock_bh(&span->lock);
	if (may && !fresh)
		ltp_span_leave_blocked(ls);
	return may;
}

/**
 * ltp_span_leave_blocked() - a socket does not wait any more
 * @ls: the socket
 *
 * Context: process, ltp_sock.send_lock held, or the socket is closing.
 */
void ltp_span_leave_blocked(struct ltp_sock *ls)
{
	struct ltp_span *span = ls->blocked;

	if (likely(!span))
		return;
	spin_lock_bh(&span->lock);
	list_del_init(&ls->on_blocked);
	WRITE_ONCE(ls->blocked, NULL);
	spin_unlock_bh(&span->lock);
	ltp_span_room(span);
	ltp_span_put(span);
}

/**
 * ltp_span_give_way() - a socket that waited has given up for now
 * @ls: the socket
 *
 * It keeps its turn, and is told when it may send, but holds nobody up.
 *
 * Context: process, ltp_sock.send_lock held.
 */
void ltp_span_give_way(struct ltp_sock *ls)
{
	struct ltp_span *span = ls->blocked;

	if (!span)
		return;
	spin_lock_bh(&span->lock);
	ls->stays = false;
	spin_unlock_bh(&span->lock);
	ltp_span_room(span);
}

static void wake_blocked(struct sock *sk)
{
	struct socket_wq *wq;

	sk->sk_write_space(sk);
	/* That is silent while half of the buffer is used. */
	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible(&wq->wait);
	rcu_read_unlock();
}

/*
 * Wakes those that wait for a session, or for bytes: all up to the first that
 * is sure to come, or @all.  Those that are not sure leave the list.
 */
static void wake_some(struct ltp_span *span, bool fresh, bool all)
{
	struct ltp_sock *ls;
	bool stays;

	do {
		spin_lock_bh(&span->lock);
		ls = first_blocked(span, fresh);
		if (!ls || (!all && !has_room(span, fresh, 0))) {
			spin_unlock_bh(&span->lock);
			return;
		}
		stays = ls->stays && !all;
		if (!stays)
			list_del_init(&ls->on_blocked);
		sock_hold(&ls->sk);
		spin_unlock_bh(&span->lock);
		wake_blocked(&ls->sk);
		sock_put(&ls->sk);
	} while (!stays);
}

/**
 * ltp_span_unblock() - wake all that wait for the limits of a dead span
 * @span: the span
 *
 * Context: any; no locks but session.lock.
 */
void ltp_span_unblock(struct ltp_span *span)
{
	wake_some(span, false, true);
	wake_some(span, true, true);
}

/**
 * ltp_span_room() - something of the span's limits has become free
 * @span: the span
 *
 * Context: any; no locks but session.lock.
 */
void ltp_span_room(struct ltp_span *span)
{
	smp_mb();	/* pairs with ltp_span_admit() */
	if (likely(nobody_blocked(span)))
		return;
	wake_some(span, false, false);
	wake_some(span, true, false);
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
	flow = ltp_flow_carrier(span, 0);
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
