// SPDX-License-Identifier: GPL-2.0
/* The module, and what each network namespace has of it. */
#include <linux/ltp_netlink.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/ltp.h>
#include <net/net_namespace.h>

#include "af_ltp.h"
#include "compat.h"
#include "delay.h"
#include "engine.h"
#include "fault.h"
#include "layout.h"
#include "learn.h"
#include "mem.h"
#include "netlink.h"
#include "output.h"
#include "session.h"
#include "span.h"

unsigned int ltp_net_id __read_mostly;

static int buffer_min = 4096;
static int wmem_max = INT_MAX / 4;
static int rmem_max = LTP_BLOCK_MAX;
static int unknown_max = 65536;
static int answers_max = 1000000;
static int memories_max = 1 << 24;
static unsigned long mem_max = LONG_MAX;

/*
 * net.ltp: minimum, default and maximum of the sockets' buffers, in bytes; how
 * many engines that nobody configured may send here, 0 for none; how many
 * answers a second a peer gets for sessions that are not known; how many ended
 * import sessions of a peer are remembered; and, of the whole machine, the
 * pages that sockets may hold.
 */
static const struct ctl_table ltp_sysctls[] = {
	{
		.procname	= "wmem",
		.maxlen		= sizeof_field(struct ltp_net, wmem),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &buffer_min,
		.extra2		= &wmem_max,
	},
	{
		.procname	= "rmem",
		.maxlen		= sizeof_field(struct ltp_net, rmem),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &buffer_min,
		.extra2		= &rmem_max,
	},
	{
		.procname	= "accept_unknown",
		.maxlen		= sizeof_field(struct ltp_net, accept_unknown),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &unknown_max,
	},
	{
		.procname	= "answers",
		.maxlen		= sizeof_field(struct ltp_net, answers),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &answers_max,
	},
	{
		.procname	= "memories",
		.maxlen		= sizeof_field(struct ltp_net, memories),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ONE,
		.extra2		= &memories_max,
	},
	{
		.procname	= "mem",
		.maxlen		= sizeof(long),
		.mode		= 0644,
		.proc_handler	= proc_doulongvec_minmax,
		.extra2		= &mem_max,
	},
};

/*
 * A link to the Moon of 100 Mbit/s has 33 MB in flight, and a sender keeps
 * what is in flight; a receiver may besides hold what is not yet read, and
 * counts whole buffers.  Small machines get less.
 */
static void buffer_defaults(struct ltp_net *ln)
{
	u64 ram = (u64)totalram_pages() << PAGE_SHIFT;

	ln->wmem[0] = buffer_min;
	ln->wmem[1] = clamp_t(u64, ram / 32, SZ_1M, SZ_64M);
	ln->wmem[2] = clamp_t(u64, ram / 4, SZ_64M, wmem_max);
	ln->rmem[0] = buffer_min;
	ln->rmem[1] = clamp_t(u64, ram / 8, SZ_4M, SZ_256M);
	ln->rmem[2] = clamp_t(u64, ram / 4, SZ_64M, rmem_max);
}

static int sysctl_register(struct ltp_net *ln)
{
	struct ctl_table *table;

	/* Older kernels want an empty entry at the end. */
	table = LTP_ALLOC(NET_TABLE, kcalloc(ARRAY_SIZE(ltp_sysctls) + 1,
					     sizeof(*table), GFP_KERNEL));
	if (!table)
		return -ENOMEM;
	memcpy(table, ltp_sysctls, sizeof(ltp_sysctls));
	table[0].data = ln->wmem;
	table[1].data = ln->rmem;
	table[2].data = &ln->accept_unknown;
	table[3].data = &ln->answers;
	table[4].data = &ln->memories;
	table[5].data = ltp_mem_limit();
	if (!net_eq(ln->net, &init_net)) {
		/* Memory that nobody is charged for. */
		table[4].extra2 = &ltp_net(&init_net)->memories;
		table[5].mode = 0444;
	}
	ln->sysctl = LTP_ALLOC(NET_SYSCTL,
			       ltp_compat_sysctl(ln->net, "net/ltp", table,
						 ARRAY_SIZE(ltp_sysctls)));
	if (ln->sysctl)
		return 0;
	kfree(table);
	return -ENOMEM;
}

static void sysctl_unregister(struct ltp_net *ln)
{
	const struct ctl_table *table = ln->sysctl->ctl_table_arg;

	unregister_net_sysctl_table(ln->sysctl);
	kfree(table);
}

static int __net_init ltp_net_init(struct net *net)
{
	struct ltp_net *ln = ltp_net(net);
	int err;

	ln->net = net;
	mutex_init(&ln->config);
	INIT_LIST_HEAD(&ln->engines);
	spin_lock_init(&ln->bind_lock);
	buffer_defaults(ln);
	ln->answers = LTP_DEFAULT_ANSWERS;
	ln->memories = LTP_DEFAULT_MEMORIES;
	ltp_learn_init(ln);
	ltp_span_net_init(ln);
	ltp_layout_pages_init(&ln->pages);

	ln->mib = LTP_ALLOC(NET_MIB, alloc_percpu(struct ltp_mib));
	if (!ln->mib)
		return -ENOMEM;
	err = LTP_TRY(NET_SPANS, rhashtable_init(&ln->spans, &ltp_span_params));
	if (err)
		goto free_mib;
	err = LTP_TRY(NET_PEERS, rhltable_init(&ln->peers, &ltp_peer_params));
	if (err)
		goto free_spans;
	err = LTP_TRY(NET_SESSIONS, rhashtable_init(&ln->sessions,
						    &ltp_session_params));
	if (err)
		goto free_peers;
	err = LTP_TRY(NET_CLOSED, rhashtable_init(&ln->closed,
						  &ltp_closed_params));
	if (err)
		goto free_sessions;
	err = LTP_TRY(NET_BINDS, rhltable_init(&ln->binds, &ltp_bind_params));
	if (err)
		goto free_closed;
	err = sysctl_register(ln);
	if (err)
		goto free_binds;
	return 0;

free_binds:
	rhltable_destroy(&ln->binds);
free_closed:
	rhashtable_destroy(&ln->closed);
free_sessions:
	rhashtable_destroy(&ln->sessions);
free_peers:
	rhltable_destroy(&ln->peers);
free_spans:
	rhashtable_destroy(&ln->spans);
free_mib:
	free_percpu(ln->mib);
	return err;
}

/*
 * No socket of the namespace is left: each holds a reference to it.  Sessions
 * may be, as those that are cancelled have no socket; but each is of a span,
 * and ltp_span_delete() closes all of a span.  First it marks the span dead,
 * under the lock under which sessions join it, so that none comes after that;
 * then it closes those that are there, which stops their timers.
 *
 * What remains are callbacks and works under way, each with a reference.
 * ltp_engine_wait() sees them all end.  Behind it nobody uses the tables, the
 * counters or the pages: who reads under RCU has a carrier's data_ready, and
 * closing carriers waits for that.
 */
static void __net_exit ltp_net_exit(struct net *net)
{
	struct ltp_net *ln = ltp_net(net);
	struct ltp_engine *engine, *next;

	sysctl_unregister(ln);
	ltp_learn_exit(ln);
	mutex_lock(&ln->config);
	list_for_each_entry_safe(engine, next, &ln->engines, list)
		ltp_engine_delete(engine);
	mutex_unlock(&ln->config);
	ltp_span_reap(ln);
	ltp_engine_wait(ln);
	ltp_layout_pages_free(&ln->pages);
	rhltable_destroy(&ln->binds);
	rhashtable_destroy(&ln->closed);
	rhashtable_destroy(&ln->sessions);
	rhltable_destroy(&ln->peers);
	rhashtable_destroy(&ln->spans);
	free_percpu(ln->mib);
}

static struct pernet_operations ltp_net_ops = {
	.init	= ltp_net_init,
	.exit	= ltp_net_exit,
	.id	= &ltp_net_id,
	.size	= sizeof(struct ltp_net),
};

static int __init ltp_init(void)
{
	int err;

	err = ltp_ranges_cache_init();
	if (err)
		return err;
	err = ltp_session_cache_init();
	if (err)
		goto exit_ranges;
	err = ltp_output_init();
	if (err)
		goto exit_sessions;
	err = register_pernet_device(&ltp_net_ops);
	if (err)
		goto exit_output;
	err = ltp_netlink_init();
	if (err)
		goto exit_net;
	err = ltp_sock_init();
	if (err)
		goto exit_netlink;
	ltp_fault_init();
	ltp_delay_init();
	return 0;

exit_netlink:
	ltp_netlink_exit();
exit_net:
	unregister_pernet_device(&ltp_net_ops);
exit_output:
	ltp_output_exit();
exit_sessions:
	ltp_session_cache_exit();
exit_ranges:
	ltp_ranges_cache_exit();
	return err;
}

/*
 * All sockets are gone, as each holds a reference to the module; the end of the
 * namespaces waits for all sessions.  Who gave the last reference back may
 * still be on the way out of our code: from a work, for which
 * ltp_output_exit() waits, or from a softirq, which is an RCU read side.
 */
static void __exit ltp_exit(void)
{
	ltp_delay_exit();
	ltp_fault_exit();
	ltp_sock_exit();
	ltp_netlink_exit();
	unregister_pernet_device(&ltp_net_ops);
	ltp_output_exit();
	synchronize_rcu();
	rcu_barrier();
	ltp_session_cache_exit();
	ltp_ranges_cache_exit();
}

module_init(ltp_init);
module_exit(ltp_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Licklider Transmission Protocol (RFC 5326) sockets");
MODULE_ALIAS_NETPROTO(PF_LTP);
MODULE_ALIAS_GENL_FAMILY(LTP_GENL_NAME);
