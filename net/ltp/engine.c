// SPDX-License-Identifier: GPL-2.0
/* Local engines. */
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <net/ipv6.h>

#include "compat.h"
#include "engine.h"
#include "fault.h"
#include "span.h"
#include "udp.h"

/**
 * ltp_engine_put() - give a reference back
 * @engine: the engine
 *
 * Context: any.
 */
void ltp_engine_put(struct ltp_engine *engine)
{
	struct ltp_net *ln = engine->ln;

	if (!refcount_dec_and_test(&engine->ref))
		return;
	free_percpu(engine->mib);
	kfree_rcu(engine, rcu);
	/* Nothing of @ln is touched behind this: see ltp_engine_wait(). */
	if (atomic_dec_and_test(&ln->n_engines))
		wake_up_var(&ln->n_engines);
}

/**
 * ltp_engine_wait() - wait until a namespace has no engine any more
 * @ln: the namespace, its engines deleted
 *
 * What was deleted may be in use still, but not for long: a timer's callback
 * runs, or a work, and has a reference to its session or span.  A session has
 * one to its span, a span to its engine, and an engine goes last.
 *
 * Context: process.
 */
void ltp_engine_wait(struct ltp_net *ln)
{
	wait_var_event(&ln->n_engines, !atomic_read(&ln->n_engines));
}

/**
 * ltp_engine_find() - look an engine up
 * @ln: the namespace
 * @id: engine ID
 *
 * Context: ltp_net.config held, or RCU read side.
 * Return: the engine, or NULL.
 */
struct ltp_engine *ltp_engine_find(struct ltp_net *ln, u64 id)
{
	struct ltp_engine *engine;

	list_for_each_entry_rcu(engine, &ln->engines, list,
				lockdep_is_held(&ln->config))
		if (engine->id == id)
			return engine;
	return NULL;
}

static bool addrs_meet(const struct ltp_addr *a, const struct ltp_addr *b)
{
	if (!a->family || !b->family)
		return true;
	if (a->family != b->family)
		return false;
	if (a->family == AF_INET)
		return !a->v4 || !b->v4 || a->v4 == b->v4;
	return ipv6_addr_any(&a->v6) || ipv6_addr_any(&b->v6) ||
	       ipv6_addr_equal(&a->v6, &b->v6);
}

/* Says why the port of an engine could not be bound. */
static void say_why(const struct ltp_engine *engine, u16 family, int err,
		    struct netlink_ext_ack *extack)
{
	const struct ltp_addr *local = &engine->local;
	const struct ltp_engine *other;

	if (err != -EADDRINUSE) {
		NL_SET_ERR_MSG(extack, "cannot bind the engine's UDP port");
		return;
	}
	list_for_each_entry(other, &engine->ln->engines, list) {
		if (other->local.port != local->port ||
		    !addrs_meet(&other->local, local))
			continue;
		ltp_compat_extack(extack,
				  "the UDP port is in use by another engine",
				  "UDP port %u is in use by engine %llu",
				  local->port, other->id);
		return;
	}
	if (family == AF_INET)
		ltp_compat_extack(extack, "the UDP port is in use",
				  "UDP port %u of %pI4 is in use", local->port,
				  &local->v4);
	else
		ltp_compat_extack(extack, "the UDP port is in use",
				  "UDP port %u of %pI6c is in use", local->port,
				  &local->v6);
}

static int engine_listen(struct ltp_engine *engine,
			 struct netlink_ext_ack *extack)
{
	static const u16 families[] = { AF_INET, AF_INET6 };
	struct ltp_carrier *c;
	int i;

	for (i = 0; i < ARRAY_SIZE(families); i++) {
		if (engine->local.family && engine->local.family != families[i])
			continue;
		c = ltp_udp_listen(engine, families[i]);
		/* A kernel may do without IPv6. */
		if (IS_ERR(c) && !engine->local.family && i &&
		    PTR_ERR(c) == -EAFNOSUPPORT)
			continue;
		if (IS_ERR(c)) {
			say_why(engine, families[i], PTR_ERR(c), extack);
			return PTR_ERR(c);
		}
		engine->listen[i] = c;
	}
	return 0;
}

/**
 * ltp_engine_create() - make an engine
 * @ln: the namespace
 * @id: engine ID
 * @local: where it listens
 * @max_imports: most import sessions open at once
 * @extack: for the reason of a failure
 *
 * Context: process, ltp_net.config held.
 * Return: 0, -EEXIST, -ENOMEM, or what the UDP socket says.
 */
int ltp_engine_create(struct ltp_net *ln, u64 id, const struct ltp_addr *local,
		      u32 max_imports, struct netlink_ext_ack *extack)
{
	struct ltp_engine *engine;
	int err;

	if (ltp_engine_find(ln, id)) {
		NL_SET_ERR_MSG(extack, "there is an engine of this ID");
		return -EEXIST;
	}
	engine = LTP_ALLOC(ENGINE, kzalloc(sizeof(*engine),
					   GFP_KERNEL_ACCOUNT));
	if (!engine)
		return -ENOMEM;
	engine->mib = LTP_ALLOC(ENGINE_MIB, alloc_percpu(struct ltp_mib));
	if (!engine->mib) {
		kfree(engine);
		return -ENOMEM;
	}
	refcount_set(&engine->ref, 1);
	atomic_inc(&ln->n_engines);
	engine->id = id;
	engine->ln = ln;
	engine->local = *local;
	engine->max_imports = max_imports;
	INIT_LIST_HEAD(&engine->spans);
	get_random_bytes(&engine->number_key, sizeof(engine->number_key));

	err = engine_listen(engine, extack);
	if (err) {
		ltp_udp_close(engine->listen, ARRAY_SIZE(engine->listen));
		ltp_engine_put(engine);
		return err;
	}
	list_add_tail_rcu(&engine->list, &ln->engines);
	return 0;
}

/**
 * ltp_engine_delete() - end an engine, its spans and their sessions
 * @engine: the engine
 *
 * Context: process, ltp_net.config held.
 */
void ltp_engine_delete(struct ltp_engine *engine)
{
	struct ltp_net *ln = engine->ln;
	struct ltp_span *span, *next;

	list_del_rcu(&engine->list);
	/* No new import sessions first, then the spans with the old ones. */
	ltp_udp_close(engine->listen, ARRAY_SIZE(engine->listen));
	list_for_each_entry_safe(span, next, &engine->spans, on_engine) {
		ltp_span_delete(span);
		cond_resched();
	}
	ltp_span_reap(ln);
	ltp_engine_put(engine);
}
