// SPDX-License-Identifier: GPL-2.0
/*
 * Engines that nobody configured.  Where net.ltp.accept_unknown allows it,
 * the first data from one makes a span that answers to the address it came
 * from, with limits of its own; when the span is idle it goes again.
 *
 * A span needs a socket to send from, and that cannot be made where data
 * arrives: the data waits until it is there.
 */
#include <linux/slab.h>

#include "delay.h"
#include "engine.h"
#include "fault.h"
#include "input.h"
#include "learn.h"
#include "span.h"
#include "timer.h"
#include "trace.h"

/* Import sessions of one engine that nobody vouches for. */
#define LEARNED_IMPORTS		256
/* What is sent to it, in bytes a second, until somebody sets another rate. */
#define LEARNED_RATE		1250000

/* Buffers that wait, of all engines together, and engines. */
#define HELD_BUFFERS		1024
#define HELD_ENGINES		64

#define REAP_EVERY		(10 * HZ)

/**
 * struct ltp_stranger - an engine that a span is being made for
 * @list: in ltp_net.strangers
 * @engine: local engine, held
 * @remote: its ID
 * @from: the address that its first data came from, which the span will have
 * @skbs: what came in its name, each with its own source in held_from()
 */
struct ltp_stranger {
	struct list_head	list;
	struct ltp_engine	*engine;
	u64			remote;
	struct ltp_addr		from;
	struct sk_buff_head	skbs;
};

/*
 * Where a buffer that waits came from.  Anybody may name the same engine, and
 * is not it for that.
 */
static struct ltp_addr *held_from(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct ltp_addr) > sizeof(skb->cb));
	return (struct ltp_addr *)skb->cb;
}

static struct ltp_stranger *stranger_find(struct ltp_net *ln,
					  const struct ltp_engine *engine,
					  u64 remote)
{
	struct ltp_stranger *st;

	list_for_each_entry(st, &ln->strangers, list)
		if (st->engine == engine && st->remote == remote)
			return st;
	return NULL;
}

/**
 * ltp_learn_skb() - data came from an engine that has no span
 * @engine: local engine
 * @skb: the data
 * @from: where it came from, with the port
 * @remote: the engine it names
 *
 * Context: softirq; RCU read side.
 * Return: true if the buffer was taken and will come in again.
 */
bool ltp_learn_skb(struct ltp_engine *engine, struct sk_buff *skb,
		   const struct ltp_addr *from, u64 remote)
{
	struct ltp_net *ln = engine->ln;
	struct ltp_stranger *st;
	bool taken = false;

	spin_lock(&ln->strangers_lock);
	if (ln->learn_stop || ln->n_held == HELD_BUFFERS)
		goto out;
	st = stranger_find(ln, engine, remote);
	if (!st) {
		if (ln->n_strangers == HELD_ENGINES)
			goto out;
		st = LTP_ALLOC(STRANGER, kzalloc(sizeof(*st), GFP_ATOMIC |
							      __GFP_NOWARN));
		if (!st)
			goto out;
		ltp_engine_hold(engine);
		st->engine = engine;
		st->remote = remote;
		st->from = *from;
		__skb_queue_head_init(&st->skbs);
		list_add_tail(&st->list, &ln->strangers);
		ln->n_strangers++;
		schedule_work(&ln->learn);
	}
	*held_from(skb) = *from;
	__skb_queue_tail(&st->skbs, skb);
	ln->n_held++;
	taken = true;
out:
	spin_unlock(&ln->strangers_lock);
	return taken;
}

/* ltp_net.config held */
static int learn_one(struct ltp_net *ln, const struct ltp_stranger *st)
{
	struct ltp_span_conf conf = LTP_SPAN_CONF_DEFAULT;
	int err;

	conf.max_imports = LEARNED_IMPORTS;
	conf.rate = LEARNED_RATE;
	if (ln->n_learned >= READ_ONCE(ln->accept_unknown))
		return -ENOBUFS;
	if (ltp_engine_find(ln, st->engine->id) != st->engine)
		return -ENOENT;
	err = ltp_span_create(st->engine, st->remote, &st->from, &conf, true,
			      NULL);
	if (err)
		return err;
	ltp_mib_add(st->engine, NULL, LTP_MIB_ENGINES_LEARNED, 1);
	schedule_delayed_work(&ln->reap, REAP_EVERY);
	return 0;
}

static void learn_work(struct work_struct *work)
{
	struct ltp_net *ln = container_of(work, struct ltp_net, learn);
	struct ltp_stranger *st;
	struct ltp_addr from;
	struct sk_buff *skb;
	int err;

	for (;;) {
		spin_lock_bh(&ln->strangers_lock);
		st = list_first_entry_or_null(&ln->strangers,
					      struct ltp_stranger, list);
		spin_unlock_bh(&ln->strangers_lock);
		if (!st)
			return;

		mutex_lock(&ln->config);
		err = learn_one(ln, st);
		mutex_unlock(&ln->config);

		ltp_delay(LEARN);
		/* Whoever comes now finds the span, or begins anew. */
		spin_lock_bh(&ln->strangers_lock);
		list_del(&st->list);
		ln->n_strangers--;
		ln->n_held -= skb_queue_len(&st->skbs);
		spin_unlock_bh(&ln->strangers_lock);
		while ((skb = __skb_dequeue(&st->skbs))) {
			if (err && err != -EEXIST) {
				ltp_mib_add(st->engine, NULL,
					    LTP_MIB_DROP_LIMIT, 1);
				trace_ltp_drop(st->engine->id, st->remote,
					       LTP_MIB_DROP_LIMIT);
				kfree_skb(skb);
				continue;
			}
			/* The memory behind it gets another use. */
			from = *held_from(skb);
			local_bh_disable();
			rcu_read_lock();
			ltp_input_skb(st->engine, NULL, skb, &from);
			rcu_read_unlock();
			local_bh_enable();
		}
		ltp_engine_put(st->engine);
		kfree(st);
		cond_resched();
	}
}

static bool idle(const struct ltp_span *span)
{
	return span->learned && !READ_ONCE(span->exports) &&
	       !READ_ONCE(span->imports) &&
	       READ_ONCE(span->used) + ltp_timer_patience(span) <
	       ktime_get_ns();
}

static void reap_work(struct work_struct *work)
{
	struct ltp_net *ln = container_of(to_delayed_work(work),
					  struct ltp_net, reap);
	struct rhashtable_iter iter;
	struct ltp_span *span;

	mutex_lock(&ln->config);
	rhashtable_walk_enter(&ln->spans, &iter);
	rhashtable_walk_start(&iter);
	while ((span = rhashtable_walk_next(&iter))) {
		if (IS_ERR(span) || !idle(span) ||
		    !refcount_inc_not_zero(&span->ref))
			continue;
		rhashtable_walk_stop(&iter);
		ltp_span_delete(span);
		ltp_span_put(span);
		cond_resched();
		rhashtable_walk_start(&iter);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	if (ln->n_learned && !ln->learn_stop)
		schedule_delayed_work(&ln->reap, REAP_EVERY);
	mutex_unlock(&ln->config);
}

/**
 * ltp_learn_init() - set up for a namespace
 * @ln: the namespace
 */
void ltp_learn_init(struct ltp_net *ln)
{
	spin_lock_init(&ln->strangers_lock);
	INIT_LIST_HEAD(&ln->strangers);
	INIT_WORK(&ln->learn, learn_work);
	INIT_DELAYED_WORK(&ln->reap, reap_work);
}

/**
 * ltp_learn_exit() - a namespace goes
 * @ln: the namespace, its engines still there
 *
 * Context: process.
 */
void ltp_learn_exit(struct ltp_net *ln)
{
	spin_lock_bh(&ln->strangers_lock);
	ln->learn_stop = true;
	spin_unlock_bh(&ln->strangers_lock);
	/* The work empties the list; who comes later is not taken. */
	flush_work(&ln->learn);
	cancel_delayed_work_sync(&ln->reap);
}
