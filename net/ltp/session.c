// SPDX-License-Identifier: GPL-2.0
/* How sessions begin, are found, are cancelled and end. */
#include <linux/random.h>
#include <linux/slab.h>

#include "af_ltp.h"
#include "block.h"
#include "compat.h"
#include "delay.h"
#include "fault.h"
#include "flow.h"
#include "mem.h"
#include "notice.h"
#include "output.h"
#include "past.h"
#include "reasm.h"
#include "session.h"
#include "signals.h"
#include "span.h"
#include "timer.h"
#include "trace.h"
#include "udp.h"

/* Memories that go for a new one, at most: limits may have become lower. */
#define FORGET_MAX	16

/* Of all namespaces */
static atomic_long_t memories;

/*
 * Small blocks come and go by the hundred thousand: their sessions are used
 * again at once, while finders may still look at them.  See
 * ltp_session_try_hold().
 */
static struct kmem_cache *export_cache, *import_cache;

u64 ltp_hash_key[3] __ro_after_init;

/* All of a session but what finders look at before they have a reference. */
#define session_clear(x)	memset_after(x, 0, s.ref)

static __always_inline u32 session_hash(const void *data, u32 len, u32 seed)
{
	const struct ltp_session_key *key = data;

	return ltp_hash(key->number, key->originator,
			rol64(key->engine, 1) ^ key->export, seed);
}

/* @b may be a session's that begins just now. */
static __always_inline bool key_differs(const struct ltp_session_key *a,
					const struct ltp_session_key *b)
{
	return a->number != READ_ONCE(b->number) ||
	       a->originator != READ_ONCE(b->originator) ||
	       a->engine != READ_ONCE(b->engine) ||
	       a->export != READ_ONCE(b->export);
}

static void key_set(struct ltp_session *s, u64 engine, u64 originator,
		    u64 number, u64 export)
{
	WRITE_ONCE(s->key.engine, engine);
	WRITE_ONCE(s->key.originator, originator);
	WRITE_ONCE(s->key.number, number);
	WRITE_ONCE(s->key.export, export);
}

static __always_inline int session_differs(struct rhashtable_compare_arg *arg,
					   const void *obj)
{
	const struct ltp_session *s = obj;

	return key_differs(arg->key, &s->key);
}

static __always_inline int closed_differs(struct rhashtable_compare_arg *arg,
					  const void *obj)
{
	const struct ltp_closed *c = obj;

	return key_differs(arg->key, &c->key);
}

const struct rhashtable_params ltp_session_params = {
	.hashfn = session_hash,
	.obj_cmpfn = session_differs,
	.head_offset = offsetof(struct ltp_session, node),
	.key_offset = offsetof(struct ltp_session, key),
	.key_len = sizeof(struct ltp_session_key),
	.automatic_shrinking = true,
};

const struct rhashtable_params ltp_closed_params = {
	.hashfn = session_hash,
	.obj_cmpfn = closed_differs,
	.head_offset = offsetof(struct ltp_closed, node),
	.key_offset = offsetof(struct ltp_closed, key),
	.key_len = sizeof(struct ltp_session_key),
	.automatic_shrinking = true,
};

/**
 * ltp_session_init() - set up the common part of a new session
 * @s: session of ours alone, its key set, the rest zeroed
 * @span: its span; held
 * @sk: its socket; held
 * @service: client service ID
 *
 * Context: any.
 */
void ltp_session_init(struct ltp_session *s, struct ltp_span *span,
		      struct sock *sk, u64 service)
{
	spin_lock_init(&s->lock);
	s->signals = RB_ROOT;
	s->running = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&s->unsent);
	INIT_LIST_HEAD(&s->on_span);
	INIT_LIST_HEAD(&s->on_sock);
	s->state = ltp_session_is_export(s) ? LTP_SENDING : LTP_RECEIVING;
	s->service = service;
	s->born = ktime_get_ns();
	ltp_span_hold(span);
	s->span = span;
	s->flow = ltp_flow_of(span, s->key.number);
	sock_hold(sk);
	s->sk = sk;
	ltp_timer_init(s);
	/* Pairs with ltp_session_try_hold(). */
	smp_wmb();
	refcount_set(&s->ref, 1);
}

/* Headroom below 2^32 for increments; RFC 5326, 3.2.1 and 9.1. */
static void first_serial(struct ltp_session *s, u32 random)
{
	s->first_serial = (random & (BIT(31) - 1)) | 1;
	s->next_serial = s->first_serial;
}

/*
 * Another CPU may have seen the session begin and end since this one looked
 * for it.  It was remembered before it left the table, so this will know.
 */
static bool lived_before(struct ltp_net *ln, const struct ltp_session *s)
{
	return !ltp_session_is_export(s) &&
	       rhashtable_lookup(&ln->closed, &s->key, ltp_closed_params);
}

static bool all_green(const struct ltp_session *s)
{
	return !container_of(s, struct ltp_export, s)->red_limit;
}

/*
 * Whether the span's limits allow another session.  That of an all-green block
 * awaits no report, and ends when it has left.  span.lock held.
 */
static bool span_has_room(const struct ltp_span *span,
			  const struct ltp_session *s)
{
	u32 max;

	if (!ltp_session_is_export(s)) {
		max = READ_ONCE(span->conf.max_imports);
		return !max || span->imports < max;
	}
	max = READ_ONCE(span->conf.max_sessions);
	return !max || all_green(s) || span->exports - span->greens < max;
}

/* Counts a session that begins, or ends.  span.lock held. */
static void span_count(struct ltp_span *span, const struct ltp_session *s,
		       int n)
{
	if (!ltp_session_is_export(s)) {
		span->imports += n;
		return;
	}
	if (all_green(s))
		WRITE_ONCE(span->greens, span->greens + n);
	WRITE_ONCE(span->exports, span->exports + n);
}

/**
 * ltp_session_insert() - make a session known
 * @s: the session
 * @on_sock: the list of its socket that it joins
 *
 * Return: 0; -EEXIST if there is a session of that name, or was one until
 * just now; -ENETDOWN if the span, -ESHUTDOWN if the socket is being closed;
 * -ENOBUFS if the span has as many as it may; -ENOMEM.
 */
int ltp_session_insert(struct ltp_session *s, struct list_head *on_sock)
{
	struct ltp_net *ln = s->span->engine->ln;
	struct ltp_sock *ls = ltp_sk(s->sk);
	struct ltp_span *span = s->span;
	int err;

	/* The lock keeps a finder out until the session is complete. */
	spin_lock_bh(&s->lock);
	ltp_session_hold(s);
	err = LTP_TRY(SESSION_INSERT,
		      rhashtable_lookup_insert_fast(&ln->sessions, &s->node,
						    ltp_session_params));
	if (err) {
		ltp_session_put(s);
		spin_unlock_bh(&s->lock);
		return err;
	}
	/* Its name is final. */
	smp_store_release(&s->hashed, true);
	ltp_delay(INSERT);

	spin_lock(&span->lock);
	if (span->dead) {
		err = -ENETDOWN;
	} else if (lived_before(ln, s)) {
		err = -EEXIST;
	} else if (!span_has_room(span, s)) {
		err = -ENOBUFS;
	} else {
		list_add_tail(&s->on_span, &span->sessions);
		span_count(span, s, 1);
	}
	spin_unlock(&span->lock);

	spin_lock(&ls->lock);
	if (ls->closing)
		err = err ?: -ESHUTDOWN;
	else
		list_add_tail(&s->on_sock, on_sock);
	spin_unlock(&ls->lock);

	if (err)
		ltp_session_close(s);
	spin_unlock_bh(&s->lock);
	return err;
}

/**
 * ltp_session_try_hold() - take a reference to a session found in a table
 * @s: it was in ltp_net.sessions, and may have ended since then: its memory
 *	may be that of another session, of any namespace, or none
 * @ln: the namespace
 *
 * Context: the RCU read side that it was found in.
 * Return: whether there is a reference now, and the session began in this
 * namespace; by which name is final then.
 */
bool ltp_session_try_hold(struct ltp_session *s, const struct ltp_net *ln)
{
	bool hashed;

	if (!refcount_inc_not_zero(&s->ref))
		return false;
	/* Pairs with ltp_session_init(). */
	smp_acquire__after_ctrl_dep();
	/* Pairs with ltp_session_insert(), which may be on its way. */
	hashed = smp_load_acquire(&s->hashed);
	if (unlikely(!hashed)) {
		spin_lock_bh(&s->lock);
		hashed = s->hashed;
		spin_unlock_bh(&s->lock);
	}
	if (likely(hashed && s->span->engine->ln == ln))
		return true;
	ltp_session_put(s);
	return false;
}

/**
 * ltp_session_find() - look a session up
 * @ln: the namespace
 * @key: its name
 *
 * Context: RCU read side.
 * Return: the session with a reference, or NULL.
 */
struct ltp_session *ltp_session_find(struct ltp_net *ln,
				     const struct ltp_session_key *key)
{
	struct ltp_session *s;

	do {
		s = rhashtable_lookup(&ln->sessions, key, ltp_session_params);
		if (!s)
			break;
		/* If it is another one by now, ours may be behind it. */
		if (unlikely(!ltp_session_try_hold(s, ln))) {
			s = NULL;
		} else if (unlikely(key_differs(key, &s->key))) {
			ltp_session_put(s);
			s = NULL;
		}
	} while (!s);
	return s;
}

/*
 * A cancel segment may await its acknowledgment for days.  The socket, and
 * with it the namespace, need not.
 */
static void drop_sock(struct ltp_session *s)
{
	if (s->no_sock)
		return;
	s->no_sock = true;
	if (!ltp_session_is_export(s))
		ltp_mem_control_back(ltp_import(s), ltp_import(s)->control);
	sock_put(s->sk);
}

/**
 * ltp_session_put() - give a reference back
 * @s: the session
 *
 * Context: any; the last reference may be given back under no lock but the
 * session's own is never the last while it is locked.
 */
void ltp_session_put(struct ltp_session *s)
{
	struct ltp_span *span;

	if (!refcount_dec_and_test(&s->ref))
		return;
	WARN_ON_ONCE(s->state != LTP_CLOSED && s->hashed);
	if (ltp_session_is_export(s)) {
		ltp_block_release(ltp_export(s));
		kvfree(ltp_export(s)->tail);
		kfree_skb(ltp_export(s)->notice);
	} else {
		ltp_reasm_release(ltp_import(s));
		kfree_skb(ltp_import(s)->notice);
		kfree(ltp_import(s)->closed);
		atomic_dec(&s->span->engine->imports);
	}
	drop_sock(s);
	span = s->span;
	kmem_cache_free(ltp_session_is_export(s) ? export_cache : import_cache,
			s);
	/* Last: without spans there are no sessions, see ltp_net_exit(). */
	ltp_span_put(span);
}

/**
 * ltp_session_signal_init() - set up a signal
 * @sig: the signal, zeroed
 * @type: segment type
 */
void ltp_session_signal_init(struct ltp_signal *sig, u8 type)
{
	RB_CLEAR_NODE(&sig->by_serial);
	sig->type = type;
}

/**
 * ltp_session_signal() - make a signal
 * @type: segment type
 * @room: bytes of its data
 * @gfp: allocation flags
 *
 * Return: the signal, or NULL.
 */
struct ltp_signal *ltp_session_signal(u8 type, u32 room, gfp_t gfp)
{
	struct ltp_signal *sig;

	sig = kzalloc(struct_size(sig, data, room), gfp | __GFP_NOWARN);
	if (sig)
		ltp_session_signal_init(sig, type);
	return sig;
}

/**
 * ltp_session_signal_free() - free a signal
 * @sig: the signal, which nobody waits for, or NULL; see ltp_signal_end()
 */
void ltp_session_signal_free(struct ltp_signal *sig)
{
	struct ltp_burst *burst;

	if (!sig)
		return;
	burst = ltp_signal_burst(sig);
	if (!sig->inside)
		kfree(sig);
	if (burst)
		ltp_block_burst_put(burst);
}

/* A 64th of the machine's memory, at 128 bytes each. */
static bool memories_full(void)
{
	return atomic_long_read(&memories) >= totalram_pages() / 2;
}

/* Finders may still look at it; none looks at its list. */
static void closed_free(struct ltp_net *ln, struct ltp_closed *c)
{
	BUILD_BUG_ON(sizeof(*c) > 128);
	rhashtable_remove_fast(&ln->closed, &c->node, ltp_closed_params);
	list_del(&c->list);
	c->span->n_closed--;
	atomic_long_dec(&memories);
	kfree_rcu(c, rcu);
}

static struct ltp_closed *closed_alloc(void)
{
	return LTP_ALLOC(CLOSED, kzalloc(sizeof(struct ltp_closed),
					 GFP_ATOMIC | __GFP_NOWARN));
}

static int closed_insert(struct ltp_net *ln, struct ltp_closed *c)
{
	return LTP_TRY(CLOSED_INSERT,
		       rhashtable_lookup_insert_fast(&ln->closed, &c->node,
						     ltp_closed_params));
}

/* Likewise, for the memory of a session that ends; once, while it has it all. */
static void past_note(struct ltp_import *i)
{
	struct ltp_closed *c = i->closed;
	u8 reason = i->s.reason;

	if (!c || c->noted)
		return;
	c->noted = true;
	ltp_past_of(i, &c->past);
	/* What contradicted itself once may do so again. */
	c->past.contradicted = reason == LTP_REASON_MISCOLORED ||
			       reason == LTP_REASON_SYS_CNCLD;
}

/*
 * Late segments of an ended session must neither open it again nor go
 * unanswered (REQUIREMENTS 9.2, 9.3).  The oldest memories go first, and one
 * more if the table cannot grow.  @c is consumed.
 */
static void remember(struct ltp_span *span, struct ltp_closed *c,
		     const struct ltp_session_key *key, bool delivered,
		     u8 reason, u64 now)
{
	struct ltp_net *ln = span->engine->ln;
	struct ltp_closed *old;
	u32 max = READ_ONCE(ln->memories);
	u32 budget = FORGET_MAX;
	int err;

	c->key = *key;
	c->span = span;
	c->expires = now + ltp_timer_patience(span);
	c->delivered = delivered;
	c->reason = reason;

	spin_lock(&span->lock);
	while (budget-- && !list_empty(&span->closed)) {
		old = list_first_entry(&span->closed, struct ltp_closed, list);
		if (old->expires > now) {
			if (span->n_closed < max && !memories_full())
				break;
			ltp_mib_add(span->engine, span, LTP_MIB_LIMIT_MEMORIES,
				    1);
		}
		closed_free(ln, old);
	}
	if (memories_full())
		ltp_mib_add(span->engine, span, LTP_MIB_LIMIT_MEMORIES, 1);
	err = span->dead || memories_full() ? -ENOSPC : closed_insert(ln, c);
	if (err && err != -ENOSPC && err != -EEXIST) {
		old = list_first_entry_or_null(&span->closed,
					       struct ltp_closed, list);
		if (old)
			closed_free(ln, old);
		err = closed_insert(ln, c);
	}
	if (err) {
		kfree(c);
	} else {
		list_add_tail(&c->list, &span->closed);
		span->n_closed++;
		atomic_long_inc(&memories);
	}
	spin_unlock(&span->lock);
}

/**
 * ltp_session_refuse() - remember a session that is not begun
 * @span: the span of its sender
 * @key: its name
 * @service: client service ID
 * @reason: enum ltp_reason
 *
 * What comes of it is dropped, and its checkpoints are answered with a
 * cancellation.
 *
 * Context: softirq.
 */
void ltp_session_refuse(struct ltp_span *span,
			const struct ltp_session_key *key, u64 service,
			u8 reason)
{
	struct ltp_closed *c = closed_alloc();

	ltp_mib_add(span->engine, span, LTP_MIB_BLOCKS_REFUSED, 1);
	if (!c)
		return;
	c->past.service = service;
	c->past.red_length = LTP_UNKNOWN;
	c->past.length = LTP_UNKNOWN;
	remember(span, c, key, false, reason, ktime_get_ns());
}

/**
 * ltp_session_recall() - what is remembered of an ended import session
 * @ln: the namespace
 * @key: its name
 *
 * Context: RCU read side, for as long as the answer is used.
 * Return: NULL if there is nothing.
 */
const struct ltp_closed *ltp_session_recall(struct ltp_net *ln,
					    const struct ltp_session_key *key)
{
	return rhashtable_lookup(&ln->closed, key, ltp_closed_params);
}

/**
 * ltp_session_forget() - the number of an ended session is used again
 * @ln: the namespace
 * @c: what was remembered; another CPU may have forgotten it by now
 *
 * Context: softirq; the RCU read side that it was found in.
 */
void ltp_session_forget(struct ltp_net *ln, const struct ltp_closed *c)
{
	struct ltp_span *span = c->span;
	struct ltp_closed *found;

	spin_lock(&span->lock);
	found = rhashtable_lookup(&ln->closed, &c->key, ltp_closed_params);
	if (found == c) {
		closed_free(ln, found);
		ltp_mib_add(span->engine, span, LTP_MIB_NUMBERS_REUSED, 1);
	}
	spin_unlock(&span->lock);
}

/**
 * ltp_session_forget_all() - drop the memory of a span that is being deleted
 * @span: the span, marked dead
 */
void ltp_session_forget_all(struct ltp_span *span)
{
	spin_lock_bh(&span->lock);
	while (!list_empty(&span->closed))
		closed_free(span->engine->ln,
			    list_first_entry(&span->closed, struct ltp_closed,
					     list));
	spin_unlock_bh(&span->lock);
}

static void leave_lists(struct ltp_session *s)
{
	struct ltp_sock *ls = ltp_sk(s->sk);
	bool lingers;

	if (s->no_sock)
		return;
	spin_lock(&ls->lock);
	list_del_init(&s->on_sock);
	if (!ltp_session_is_export(s))
		list_del_init(&ltp_import(s)->on_brake);
	lingers = sock_flag(s->sk, SOCK_LINGER) && list_empty(&ls->exports);
	spin_unlock(&ls->lock);
	if (lingers)
		s->sk->sk_state_change(s->sk);
}

/**
 * ltp_session_close() - end a session (RFC 5326, section 6.20)
 * @s: the session
 *
 * Everything it holds but its own memory is given back.
 *
 * Context: session.lock held; the caller has a reference.
 */
void ltp_session_close(struct ltp_session *s)
{
	struct ltp_net *ln = s->span->engine->ln;
	struct ltp_span *span = s->span;
	bool delivered = s->state == LTP_DELIVERED, began;
	u64 now;

	lockdep_assert_held(&s->lock);
	if (s->state == LTP_CLOSED)
		return;
	trace_ltp_state(s, LTP_CLOSED);
	s->state = LTP_CLOSED;
	ltp_timer_session_closed(s);
	ltp_signal_end_all(s);
	leave_lists(s);

	now = ktime_get_ns();
	spin_lock(&span->lock);
	began = !list_empty(&s->on_span);
	if (began) {
		list_del_init(&s->on_span);
		WRITE_ONCE(span->used, now);
		span_count(span, s, -1);
	}
	spin_unlock(&span->lock);

	if (ltp_session_is_export(s)) {
		ltp_block_release(ltp_export(s));
		ltp_span_room(span);
	} else {
		/* What a limit kept out may come again. */
		if (began) {
			past_note(ltp_import(s));
			remember(span, ltp_import(s)->closed, &s->key,
				 delivered, s->reason, now);
			ltp_import(s)->closed = NULL;
		}
		ltp_reasm_release(ltp_import(s));
		/* Charged to the socket, of which it is no reference. */
		kfree_skb(ltp_import(s)->notice);
		ltp_import(s)->notice = NULL;
	}
	drop_sock(s);
	ltp_delay(CLOSE);
	if (s->hashed) {
		rhashtable_remove_fast(&ln->sessions, &s->node,
				       ltp_session_params);
		WRITE_ONCE(s->hashed, false);
		ltp_session_put(s);
	}
}

/**
 * ltp_session_cancel() - give a session up (RFC 5326, sections 6.19, 6.17)
 * @s: the session
 * @reason: why
 * @by_peer: the peer did, so it need not be told
 *
 * The socket of an export session gets its notice.  Unless the peer knows, or
 * never heard of the session, a cancel segment waits in its signals; the
 * caller sends it with ltp_output_signals() once it has unlocked.
 *
 * Context: session.lock held; the caller has a reference.
 */
void ltp_session_cancel(struct ltp_session *s, u8 reason, bool by_peer)
{
	bool export = ltp_session_is_export(s), delivered;
	struct ltp_signal *sig = NULL;
	u8 type = 0;

	lockdep_assert_held(&s->lock);
	if (s->state >= LTP_CANCELLING)
		return;
	delivered = s->state == LTP_DELIVERED;
	trace_ltp_cancel(s, reason, by_peer);
	s->reason = reason;
	ltp_signal_end_all(s);
	leave_lists(s);
	if (export) {
		ltp_session_count(s, LTP_MIB_BLOCKS_CANCELLED, 1);
		ltp_notice_end(ltp_export(s), LTP_NOTICE_CANCELLED, reason,
			       by_peer ? LTP_NOTICE_BY_PEER : 0);
		if (!by_peer && ltp_export(s)->sent)
			type = LTP_SEG_CS;
		ltp_block_release(ltp_export(s));
	} else {
		if (!delivered) {
			ltp_session_count(s, LTP_MIB_BLOCKS_REFUSED, 1);
			ltp_notice_import_end(ltp_import(s), reason,
					      by_peer ? LTP_NOTICE_BY_PEER : 0);
		}
		if (!by_peer && !delivered)
			type = LTP_SEG_CR;
		past_note(ltp_import(s));
		ltp_reasm_release(ltp_import(s));
	}
	if (type)
		sig = LTP_ALLOC(CANCEL, ltp_session_signal(type,
							   LTP_SEG_CTRL_MAX,
							   GFP_ATOMIC));
	if (!sig) {
		ltp_session_close(s);
		return;
	}
	sig->n_data = ltp_segment_put_cancel(sig->data,
					     sig->data + LTP_SEG_CTRL_MAX,
					     type, s->key.originator,
					     s->key.number, reason) - sig->data;
	ltp_signal_add(s, sig);
	trace_ltp_state(s, LTP_CANCELLING);
	s->state = LTP_CANCELLING;
	drop_sock(s);
}

/**
 * ltp_session_end_all() - end the sessions of a list
 * @list: the list
 * @lock: the lock that guards it
 * @on_span: it is a span's list, and the span is dead: nothing is sent;
 *	else it is a socket's, and peers are told
 * @reason: why
 *
 * Context: process or softirq, no locks.
 */
void ltp_session_end_all(struct list_head *list, spinlock_t *lock,
			 bool on_span, u8 reason)
{
	struct ltp_session *s;

	for (;;) {
		spin_lock_bh(lock);
		if (on_span)
			s = list_first_entry_or_null(list, struct ltp_session,
						     on_span);
		else
			s = list_first_entry_or_null(list, struct ltp_session,
						     on_sock);
		if (s)
			ltp_session_hold(s);
		spin_unlock_bh(lock);
		if (!s)
			break;

		spin_lock_bh(&s->lock);
		ltp_session_cancel(s, reason, false);
		if (on_span)
			ltp_session_close(s);
		spin_unlock_bh(&s->lock);
		ltp_output_signals(s);
		ltp_session_put(s);
	}
}

/*
 * Session numbers of 32 bits that an outsider cannot foresee, and that do not
 * repeat before all were used: a counter under a keyed permutation, a Feistel
 * network of four rounds.  (REQUIREMENTS 4.8, 4.9, 9.5)  The bits of the rounds
 * that it does not need, of all four together, make the first @serial.
 */
static u32 session_number(struct ltp_engine *engine, u32 *serial)
{
	u32 n = atomic64_inc_return(&engine->number), round;
	u16 l = n >> 16, r = n, t;
	u64 hash;

	*serial = 0;
	for (round = 0; round < 4; round++) {
		hash = siphash_1u32(round << 16 | r, &engine->number_key);
		*serial ^= hash >> 32;
		t = r;
		r = l ^ (u16)hash;
		l = t;
	}
	return (u32)l << 16 | r;
}

/*
 * The number decides which flow the session takes: draws until that is the one
 * whose turn it is.
 */
static u32 export_number(struct ltp_span *span, u32 *serial)
{
	u32 n = READ_ONCE(span->conf.flows), turn, number, tries = 8 * n;

	if (n == 1)
		return session_number(span->engine, serial);
	turn = (u32)atomic_inc_return(&span->spread) % n;
	do {
		number = session_number(span->engine, serial);
	} while (ltp_flow_share(number, n) != turn && --tries);
	return number;
}

/**
 * ltp_export_create() - begin to send a block
 * @ls: the sending socket
 * @span: the way to its destination
 * @service: client service there
 * @red_limit: how many of its bytes shall be red
 *
 * Context: process.
 * Return: the session with a reference, or an ERR_PTR.
 */
struct ltp_export *ltp_export_create(struct ltp_sock *ls,
				     struct ltp_span *span, u64 service,
				     u64 red_limit)
{
	struct ltp_engine *engine = span->engine;
	struct ltp_export *e;
	int err, tries = 16;
	u32 serial;

	e = LTP_ALLOC(EXPORT, kmem_cache_alloc(export_cache,
					       GFP_KERNEL_ACCOUNT));
	if (!e)
		return ERR_PTR(-ENOMEM);
	session_clear(e);
	key_set(&e->s, engine->id, engine->id, 0, 1);
	ltp_session_init(&e->s, span, &ls->sk, service);
	e->red_limit = red_limit;
	/* Of a block that is all green no report makes sense, open or not. */
	e->red_length = red_limit ? LTP_UNKNOWN : 0;
	e->bursts = RB_ROOT;
	ltp_ranges_init(&e->claimed);
	ltp_ranges_init(&e->reports);
	ltp_ranges_init(&e->scopes);
	INIT_LIST_HEAD(&e->batches);
	INIT_LIST_HEAD(&e->later);
	INIT_LIST_HEAD(&e->pending);
	err = ltp_notice_export_begin(e);
	if (err)
		goto drop;

	do {
		WRITE_ONCE(e->s.key.number, export_number(span, &serial));
		first_serial(&e->s, serial);
		e->s.flow = ltp_flow_of(span, e->s.key.number);
		err = e->s.key.number ? 0 : -EEXIST;
		if (!err) {
			ltp_segment_prefix_init(&e->prefix, engine->id,
						e->s.key.number, service);
			err = ltp_session_insert(&e->s, &ls->exports);
		}
	} while (err == -EEXIST && --tries);
	if (err)
		goto drop;
	return e;

drop:
	ltp_session_put(&e->s);
	return ERR_PTR(err);
}

/* The last original segment left; tell it once, and before the end. */
static void tell_sent(struct ltp_export *e)
{
	if (e->s.state != LTP_SENDING)
		return;
	ltp_notice_post(e, LTP_NOTICE_SENT);
	trace_ltp_state(&e->s, LTP_WAITING);
	e->s.state = LTP_WAITING;
}

/**
 * ltp_export_all_sent() - the last original segment left (section 7.7)
 * @e: the session
 *
 * Context: session.lock held.
 */
void ltp_export_all_sent(struct ltp_export *e)
{
	tell_sent(e);
	ltp_export_check(e);
}

/**
 * ltp_export_check() - end a session that is complete (section 6.12)
 * @e: the session
 *
 * It is when all of the block left and all of its red part is claimed.
 *
 * Context: session.lock held.
 */
void ltp_export_check(struct ltp_export *e)
{
	if (e->s.state >= LTP_CANCELLING || !e->ended ||
	    e->sent < e->length || e->claimed.total < e->red_length)
		return;
	tell_sent(e);
	ltp_session_count(&e->s, LTP_MIB_BLOCKS_COMPLETED, 1);
	ltp_notice_end(e, LTP_NOTICE_COMPLETED, 0, 0);
	ltp_session_close(&e->s);
}

/*
 * Of several spans one alone may not use up the engine's import sessions: it
 * gets the next one while it has at most eight times as many as are free.
 */
static bool greedy(const struct ltp_span *span, u32 left)
{
	return READ_ONCE(span->imports) > 8 * ((u64)left + 1) &&
	       READ_ONCE(span->engine->n_spans) > 1;
}

/**
 * ltp_import_create() - the first segment of a block came
 * @span: the span of its sender
 * @sk: the socket that will get it
 * @key: the session's name
 * @service: client service here
 *
 * Context: softirq.
 * Return: the session with a reference, or an ERR_PTR: -EEXIST if another CPU
 * was first; -ENOBUFS beyond a limit of the engine, the span or the socket.
 */
struct ltp_import *ltp_import_create(struct ltp_span *span, struct sock *sk,
				     const struct ltp_session_key *key,
				     u64 service)
{
	struct ltp_engine *engine = span->engine;
	u32 n = atomic_inc_return(&engine->imports);
	struct ltp_import *i;
	int err;

	err = -ENOBUFS;
	if (n > READ_ONCE(engine->max_imports) ||
	    unlikely(greedy(span, READ_ONCE(engine->max_imports) - n)))
		goto uncount;
	err = -ENOMEM;
	i = LTP_ALLOC(IMPORT, kmem_cache_alloc(import_cache,
					       GFP_ATOMIC | __GFP_NOWARN));
	if (!i)
		goto uncount;
	session_clear(i);
	i->item = LTP_ALLOC(IMPORT_ITEM, kzalloc(sizeof(*i->item),
						 GFP_ATOMIC | __GFP_NOWARN));
	i->closed = closed_alloc();
	if (!i->item || !i->closed) {
		kfree(i->closed);
		kfree(i->item);
		kmem_cache_free(import_cache, i);
		goto uncount;
	}
	key_set(&i->s, key->engine, key->originator, key->number, key->export);
	ltp_session_init(&i->s, span, sk, service);
	first_serial(&i->s, get_random_u32());
	i->red_length = LTP_UNKNOWN;
	i->length = LTP_UNKNOWN;
	i->green_min = LTP_UNKNOWN;
	i->runs = RB_ROOT;
	ltp_ranges_init(&i->held);
	ltp_ranges_init(&i->answered);
	i->reports = RB_ROOT;
	i->acked = RB_ROOT;
	INIT_LIST_HEAD(&i->on_brake);
	INIT_LIST_HEAD(&i->delayed);
	i->last_heard = i->s.born;

	err = -ENOBUFS;
	if (!ltp_fault(LTP_FAULT_IMPORT_CHARGE) &&
	    ltp_mem_control(i, sizeof(*i) +
			       kmalloc_size_roundup(sizeof(*i->item)) +
			       kmalloc_size_roundup(sizeof(*i->closed))))
		err = ltp_session_insert(&i->s, &ltp_sk(sk)->imports);
	if (err) {
		ltp_session_put(&i->s);
		return ERR_PTR(err);
	}
	trace_ltp_state(&i->s, LTP_RECEIVING);
	ltp_notice_import_begin(i);
	return i;

uncount:
	atomic_dec(&engine->imports);
	return ERR_PTR(err);
}

/**
 * ltp_session_cache_init() - set up at module load
 *
 * Return: 0 or -ENOMEM.
 */
int __init ltp_session_cache_init(void)
{
	get_random_bytes(ltp_hash_key, sizeof(ltp_hash_key));
	export_cache = KMEM_CACHE(ltp_export, SLAB_TYPESAFE_BY_RCU);
	import_cache = KMEM_CACHE(ltp_import, SLAB_TYPESAFE_BY_RCU);
	if (export_cache && import_cache)
		return 0;
	ltp_session_cache_exit();
	return -ENOMEM;
}

/**
 * ltp_session_cache_exit() - tear down at module unload, without sessions
 */
void ltp_session_cache_exit(void)
{
	kmem_cache_destroy(export_cache);
	kmem_cache_destroy(import_cache);
	ltp_compat_caches_destroyed();
}
