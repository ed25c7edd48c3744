// SPDX-License-Identifier: GPL-2.0
/* Configuration and sight: Documentation/netlink/specs/ltp.yaml. */
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/ltp.h>

#include "engine.h"
#include "fault.h"
#include "flow.h"
#include "link.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "output.h"
#include "pace.h"
#include "session.h"
#include "span.h"
#include "udp.h"

static struct genl_family ltp_genl;

/* IPv4 or IPv6 address, by its length. */
static int addr_get(const struct nlattr *attr, struct ltp_addr *addr,
		    struct netlink_ext_ack *extack)
{
	switch (nla_len(attr)) {
	case sizeof(struct in_addr):
		addr->family = AF_INET;
		addr->v4 = nla_get_in_addr(attr);
		return 0;
	case sizeof(struct in6_addr):
		addr->family = AF_INET6;
		addr->v6 = nla_get_in6_addr(attr);
		return 0;
	}
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "an address has 4 octets (IPv4) or 16 (IPv6)");
	return -EINVAL;
}

static int addr_put(struct sk_buff *skb, int type, const struct ltp_addr *addr)
{
	if (addr->family == AF_INET)
		return nla_put_in_addr(skb, type, addr->v4);
	if (addr->family == AF_INET6)
		return nla_put_in6_addr(skb, type, &addr->v6);
	return 0;
}

static int stats_put(struct sk_buff *skb, int type,
		     const struct ltp_mib __percpu *mib)
{
	struct nlattr *nest = nla_nest_start(skb, type);
	int i;

	BUILD_BUG_ON(LTP_A_STATS_MAX - LTP_A_STATS_TX_BURSTS + 1 !=
		     LTP_MIB_MAX);
	BUILD_BUG_ON(LTP_A_STATS_DROP_CHECKSUM - LTP_A_STATS_TX_BURSTS !=
		     LTP_MIB_DROP_CHECKSUM);
	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < LTP_MIB_MAX; i++)
		if (nla_put_u64_64bit(skb, LTP_A_STATS_TX_BURSTS + i,
				      ltp_mib_read(mib, i), LTP_A_STATS_PAD)) {
			nla_nest_cancel(skb, nest);
			return -EMSGSIZE;
		}
	nla_nest_end(skb, nest);
	return 0;
}

/* The ID in @attr, which must be there and not 0. */
static int id_get(struct genl_info *info, int attr, u64 *id)
{
	if (!info->attrs[attr]) {
		NL_SET_ERR_MSG(info->extack, "an engine ID is missing");
		return -EINVAL;
	}
	*id = nla_get_u64(info->attrs[attr]);
	if (!*id) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr],
				    "engine ID 0 is reserved");
		return -EINVAL;
	}
	return 0;
}

/* --- engines --- */

int ltp_nl_engine_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ltp_net *ln = ltp_net(genl_info_net(info));
	struct ltp_addr local = { .port = LTP_UDP_PORT };
	u32 max_imports = LTP_DEFAULT_IMPORTS;
	u64 id;
	int err;

	err = id_get(info, LTP_A_ENGINE_ID, &id);
	if (err)
		return err;
	if (info->attrs[LTP_A_ENGINE_LOCAL]) {
		err = addr_get(info->attrs[LTP_A_ENGINE_LOCAL], &local,
			       info->extack);
		if (err)
			return err;
	}
	if (info->attrs[LTP_A_ENGINE_PORT])
		local.port = nla_get_u16(info->attrs[LTP_A_ENGINE_PORT]);
	if (!local.port) {
		NL_SET_ERR_MSG(info->extack, "UDP port 0 cannot be used");
		return -EINVAL;
	}
	if (info->attrs[LTP_A_ENGINE_MAX_IMPORTS])
		max_imports =
			nla_get_u32(info->attrs[LTP_A_ENGINE_MAX_IMPORTS]);

	mutex_lock(&ln->config);
	err = ltp_engine_create(ln, id, &local, max_imports, info->extack);
	mutex_unlock(&ln->config);
	return err;
}

/* The engine that a request names; ltp_net.config held. */
static struct ltp_engine *engine_get(struct genl_info *info)
{
	struct ltp_net *ln = ltp_net(genl_info_net(info));
	struct ltp_engine *engine;
	u64 id;
	int err;

	err = id_get(info, LTP_A_ENGINE_ID, &id);
	if (err)
		return ERR_PTR(err);
	engine = ltp_engine_find(ln, id);
	if (!engine) {
		NL_SET_ERR_MSG(info->extack, "there is no engine of this ID");
		return ERR_PTR(-ENOENT);
	}
	return engine;
}

int ltp_nl_engine_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ltp_net *ln = ltp_net(genl_info_net(info));
	struct nlattr *max = info->attrs[LTP_A_ENGINE_MAX_IMPORTS];
	struct ltp_engine *engine;

	mutex_lock(&ln->config);
	engine = engine_get(info);
	if (!IS_ERR(engine) && max)
		WRITE_ONCE(engine->max_imports, nla_get_u32(max));
	mutex_unlock(&ln->config);
	return PTR_ERR_OR_ZERO(engine);
}

int ltp_nl_engine_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ltp_net *ln = ltp_net(genl_info_net(info));
	struct ltp_engine *engine;
	int err;

	mutex_lock(&ln->config);
	engine = engine_get(info);
	err = PTR_ERR_OR_ZERO(engine);
	if (!err)
		ltp_engine_delete(engine);
	mutex_unlock(&ln->config);
	return err;
}

static int engine_fill(struct sk_buff *skb, u32 portid, u32 seq, int flags,
		       const struct ltp_engine *engine)
{
	void *hdr = genlmsg_put(skb, portid, seq, &ltp_genl, flags,
				LTP_CMD_ENGINE_GET);

	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u64_64bit(skb, LTP_A_ENGINE_ID, engine->id,
			      LTP_A_ENGINE_PAD) ||
	    addr_put(skb, LTP_A_ENGINE_LOCAL, &engine->local) ||
	    nla_put_u16(skb, LTP_A_ENGINE_PORT, engine->local.port) ||
	    nla_put_u32(skb, LTP_A_ENGINE_MAX_IMPORTS,
			READ_ONCE(engine->max_imports)) ||
	    nla_put_u32(skb, LTP_A_ENGINE_IMPORTS,
			atomic_read(&engine->imports)) ||
	    stats_put(skb, LTP_A_ENGINE_STATS, engine->mib)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

int ltp_nl_engine_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ltp_net *ln = ltp_net(genl_info_net(info));
	struct ltp_engine *engine;
	struct sk_buff *msg;
	int err;

	msg = LTP_ALLOC(NL_ENGINE,
			genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL));
	if (!msg)
		return -ENOMEM;
	mutex_lock(&ln->config);
	engine = engine_get(info);
	err = PTR_ERR_OR_ZERO(engine);
	if (!err)
		err = engine_fill(msg, info->snd_portid, info->snd_seq, 0,
				  engine);
	mutex_unlock(&ln->config);
	if (!err)
		return genlmsg_reply(msg, info);
	nlmsg_free(msg);
	return err;
}

int ltp_nl_engine_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct ltp_net *ln = ltp_net(sock_net(skb->sk));
	struct ltp_engine *engine;
	long skip = cb->args[0], n = 0;

	mutex_lock(&ln->config);
	list_for_each_entry(engine, &ln->engines, list) {
		if (n >= skip &&
		    engine_fill(skb, NETLINK_CB(cb->skb).portid,
				cb->nlh->nlmsg_seq, NLM_F_MULTI, engine))
			break;
		n++;
	}
	mutex_unlock(&ln->config);
	cb->args[0] = n;
	return skb->len;
}

/* --- spans --- */

/* The engine of a span request, which may be left out if there is one. */
static struct ltp_engine *span_engine(struct genl_info *info)
{
	struct ltp_net *ln = ltp_net(genl_info_net(info));
	struct ltp_engine *engine;
	u64 id;
	int err;

	if (!info->attrs[LTP_A_SPAN_ENGINE]) {
		if (list_is_singular(&ln->engines))
			return list_first_entry(&ln->engines,
						struct ltp_engine, list);
		if (list_empty(&ln->engines))
			NL_SET_ERR_MSG(info->extack, "there is no engine yet");
		else
			NL_SET_ERR_MSG(info->extack,
				       "there are several engines: name one");
		return ERR_PTR(-EINVAL);
	}
	err = id_get(info, LTP_A_SPAN_ENGINE, &id);
	if (err)
		return ERR_PTR(err);
	engine = ltp_engine_find(ln, id);
	if (!engine) {
		NL_SET_ERR_MSG(info->extack, "there is no engine of this ID");
		return ERR_PTR(-ENOENT);
	}
	return engine;
}

/* The attributes that are fields of struct ltp_span_conf. */
static const struct conf_attr {
	u16	attr;
	u8	size;
	u8	offset;
} conf_attrs[] = {
#define CONF(name, bits, field) \
	{ LTP_A_SPAN_##name, (bits) / 8, offsetof(struct ltp_span_conf, field) }
	CONF(OWLT_OUT, 64, owlt_out),
	CONF(OWLT_IN, 64, owlt_in),
	CONF(MARGIN, 64, margin),
	CONF(MAX_RETRIES, 32, max_retries),
	CONF(SEGMENT_SIZE, 32, segment_size),
	CONF(BURST_LIMIT, 32, burst_limit),
	CONF(RATE, 64, rate),
	CONF(REORDER, 64, reorder),
	CONF(REDUNDANCY, 32, redundancy),
	CONF(MAX_SESSIONS, 32, max_sessions),
	CONF(MAX_INFLIGHT, 64, max_inflight),
	CONF(MAX_IMPORTS, 32, max_imports),
	CONF(MAX_PROBLEMS, 32, max_problems),
	CONF(MAX_CYCLES, 32, max_cycles),
	CONF(NO_DISCRETIONARY, 8, no_discretionary),
	CONF(GAP_REPORTS, 8, gap_reports),
	CONF(FLOWS, 32, flows),
	CONF(BURST_ADAPT, 8, burst_adapt),
#undef CONF
};

static int delay_check(struct genl_info *info, int attr, u64 ns)
{
	if (ns <= LTP_MAX_DELAY)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr],
			    "a delay is at most 7 days");
	return -ERANGE;
}

static int conf_check(struct genl_info *info, const struct ltp_span_conf *conf)
{
	int err;

	err = delay_check(info, LTP_A_SPAN_OWLT_OUT, conf->owlt_out) ?:
	      delay_check(info, LTP_A_SPAN_OWLT_IN, conf->owlt_in) ?:
	      delay_check(info, LTP_A_SPAN_MARGIN, conf->margin);
	if (err)
		return err;
	if (!conf->margin) {
		NL_SET_ERR_MSG(info->extack, "the margin cannot be 0");
		return -ERANGE;
	}
	if (conf->reorder > 60 * (u64)NSEC_PER_SEC) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[LTP_A_SPAN_REORDER],
				    "datagrams overtake by at most a minute");
		return -ERANGE;
	}
	if (conf->segment_size && (conf->segment_size < 128 ||
				   conf->segment_size > U16_MAX)) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[LTP_A_SPAN_SEGMENT_SIZE],
				    "a segment has 128 to 65535 bytes, or 0 to follow the path MTU");
		return -ERANGE;
	}
	if (conf->rate < 1000) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[LTP_A_SPAN_RATE],
				    "a rate is at least 1000 bytes a second");
		return -ERANGE;
	}
	return 0;
}

static int conf_get(struct genl_info *info, struct ltp_span_conf *conf)
{
	const struct conf_attr *c;
	int i;

	for (i = 0; i < ARRAY_SIZE(conf_attrs); i++) {
		c = &conf_attrs[i];
		if (info->attrs[c->attr])
			nla_memcpy((void *)conf + c->offset,
				   info->attrs[c->attr], c->size);
	}
	return conf_check(info, conf);
}

/* Others read the fields meanwhile, each with READ_ONCE(). */
static void conf_set(struct ltp_span_conf *to, const struct ltp_span_conf *from)
{
	const struct conf_attr *c;
	int i;

	for (i = 0; i < ARRAY_SIZE(conf_attrs); i++) {
		const void *src = (const void *)from + conf_attrs[i].offset;
		void *dst = (void *)to + conf_attrs[i].offset;

		c = &conf_attrs[i];
		if (c->size == sizeof(u64))
			WRITE_ONCE(*(u64 *)dst, *(const u64 *)src);
		else if (c->size == sizeof(u32))
			WRITE_ONCE(*(u32 *)dst, *(const u32 *)src);
		else
			WRITE_ONCE(*(u8 *)dst, *(const u8 *)src);
	}
}

static int conf_put(struct sk_buff *skb, const struct ltp_span_conf *conf)
{
	const struct conf_attr *c;
	int i, err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(conf_attrs); i++) {
		const void *src = (const void *)conf + conf_attrs[i].offset;

		c = &conf_attrs[i];
		if (c->size == sizeof(u64))
			err = nla_put_u64_64bit(skb, c->attr,
						*(const u64 *)src,
						LTP_A_SPAN_PAD);
		else
			err = nla_put(skb, c->attr, c->size, src);
	}
	return err;
}

int ltp_nl_span_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ltp_net *ln = ltp_net(genl_info_net(info));
	struct ltp_addr addr = { .port = LTP_UDP_PORT };
	struct ltp_span_conf conf = LTP_SPAN_CONF_DEFAULT;
	struct ltp_engine *engine;
	u64 remote;
	int err;

	err = id_get(info, LTP_A_SPAN_REMOTE, &remote);
	if (err)
		return err;
	if (!info->attrs[LTP_A_SPAN_ADDR]) {
		NL_SET_ERR_MSG(info->extack, "the peer's address is missing");
		return -EINVAL;
	}
	err = addr_get(info->attrs[LTP_A_SPAN_ADDR], &addr, info->extack);
	if (err)
		return err;
	if (info->attrs[LTP_A_SPAN_PORT])
		addr.port = nla_get_u16(info->attrs[LTP_A_SPAN_PORT]);
	if (!addr.port) {
		NL_SET_ERR_MSG(info->extack, "UDP port 0 cannot be used");
		return -EINVAL;
	}
	if (!info->attrs[LTP_A_SPAN_RATE]) {
		NL_SET_ERR_MSG(info->extack,
			       "the rate is missing; all ones is unlimited");
		return -EINVAL;
	}
	err = conf_get(info, &conf);
	if (err)
		return err;

	mutex_lock(&ln->config);
	engine = span_engine(info);
	err = PTR_ERR_OR_ZERO(engine);
	if (!err && engine->local.family &&
	    engine->local.family != addr.family) {
		NL_SET_ERR_MSG(info->extack,
			       "the engine listens on an address of the other family");
		err = -EAFNOSUPPORT;
	}
	if (!err)
		err = ltp_span_create(engine, remote, &addr, &conf, false,
				      info->extack);
	mutex_unlock(&ln->config);
	return err;
}

/* The span that a request names, with a reference; ltp_net.config held. */
static struct ltp_span *span_get(struct genl_info *info)
{
	struct ltp_engine *engine = span_engine(info);
	struct ltp_span *span;
	u64 remote;
	int err;

	if (IS_ERR(engine))
		return ERR_CAST(engine);
	err = id_get(info, LTP_A_SPAN_REMOTE, &remote);
	if (err)
		return ERR_PTR(err);
	span = ltp_span_find(engine->ln, engine->id, remote);
	if (!span) {
		NL_SET_ERR_MSG(info->extack, "there is no span to this engine");
		return ERR_PTR(-ENOENT);
	}
	return span;
}

int ltp_nl_span_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ltp_net *ln = ltp_net(genl_info_net(info));
	struct ltp_span_conf conf;
	struct ltp_span *span;
	u64 rate;
	int err;

	mutex_lock(&ln->config);
	span = span_get(info);
	err = PTR_ERR_OR_ZERO(span);
	if (err)
		goto out;
	conf = span->conf;
	err = conf_get(info, &conf) ?:
	      ltp_flow_set(span, conf.flows, info->extack);
	if (!err) {
		rate = span->conf.rate;
		conf_set(&span->conf, &conf);
		ltp_pace_changed(span, rate);
		ltp_link_changed(span);
	}
	ltp_span_put(span);
out:
	mutex_unlock(&ln->config);
	return err;
}

int ltp_nl_span_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ltp_net *ln = ltp_net(genl_info_net(info));
	struct ltp_span *span;

	mutex_lock(&ln->config);
	span = span_get(info);
	if (!IS_ERR(span)) {
		ltp_span_delete(span);
		ltp_span_put(span);
	}
	mutex_unlock(&ln->config);
	return PTR_ERR_OR_ZERO(span);
}

int ltp_nl_span_cue_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ltp_net *ln = ltp_net(genl_info_net(info));
	struct nlattr *cue = info->attrs[LTP_A_SPAN_CUE];
	struct ltp_span *span;

	if (!cue) {
		NL_SET_ERR_MSG(info->extack, "the cue is missing");
		return -EINVAL;
	}
	mutex_lock(&ln->config);
	span = span_get(info);
	if (!IS_ERR(span)) {
		ltp_link_cue(span, nla_get_u32(cue));
		ltp_span_put(span);
	}
	mutex_unlock(&ln->config);
	return PTR_ERR_OR_ZERO(span);
}

static int span_flow_put(struct sk_buff *skb, struct ltp_span *span)
{
	struct ltp_carrier *c;
	u32 mtu = 0, queue = U32_MAX;

	rcu_read_lock();
	c = ltp_flow_carrier(span, 0);
	if (c) {
		mtu = ltp_udp_mtu(c);
		queue = ltp_udp_tx_queue(c);
	}
	rcu_read_unlock();
	return nla_put_u32(skb, LTP_A_SPAN_MTU, mtu) ?:
	       nla_put_u32(skb, LTP_A_SPAN_TX_QUEUE, queue);
}

static int span_fill(struct sk_buff *skb, u32 portid, u32 seq, int flags,
		     struct ltp_span *span)
{
	struct ltp_span_conf conf = span->conf;
	void *hdr = genlmsg_put(skb, portid, seq, &ltp_genl, flags,
				LTP_CMD_SPAN_GET);

	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u64_64bit(skb, LTP_A_SPAN_ENGINE, span->key.engine,
			      LTP_A_SPAN_PAD) ||
	    nla_put_u64_64bit(skb, LTP_A_SPAN_REMOTE, span->key.remote,
			      LTP_A_SPAN_PAD) ||
	    addr_put(skb, LTP_A_SPAN_ADDR, &span->remote) ||
	    nla_put_u16(skb, LTP_A_SPAN_PORT, span->remote.port) ||
	    conf_put(skb, &conf) ||
	    nla_put_u8(skb, LTP_A_SPAN_LEARNED, span->learned) ||
	    nla_put_u8(skb, LTP_A_SPAN_LOCAL_STOPPED,
		       READ_ONCE(span->local_stopped)) ||
	    nla_put_u8(skb, LTP_A_SPAN_REMOTE_STOPPED,
		       READ_ONCE(span->remote_stopped)) ||
	    nla_put_u64_64bit(skb, LTP_A_SPAN_INFLIGHT,
			      atomic64_read(&span->inflight), LTP_A_SPAN_PAD) ||
	    nla_put_u32(skb, LTP_A_SPAN_BURST_NOW,
			READ_ONCE(span->burst_now)) ||
	    nla_put_u32(skb, LTP_A_SPAN_EXPORTS, READ_ONCE(span->exports)) ||
	    nla_put_u32(skb, LTP_A_SPAN_IMPORTS, READ_ONCE(span->imports)) ||
	    span_flow_put(skb, span) ||
	    stats_put(skb, LTP_A_SPAN_STATS, span->mib)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

int ltp_nl_span_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ltp_net *ln = ltp_net(genl_info_net(info));
	struct ltp_span *span;
	struct sk_buff *msg;
	int err;

	msg = LTP_ALLOC(NL_SPAN,
			genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL));
	if (!msg)
		return -ENOMEM;
	mutex_lock(&ln->config);
	span = span_get(info);
	err = PTR_ERR_OR_ZERO(span);
	if (!err) {
		err = span_fill(msg, info->snd_portid, info->snd_seq, 0, span);
		ltp_span_put(span);
	}
	mutex_unlock(&ln->config);
	if (!err)
		return genlmsg_reply(msg, info);
	nlmsg_free(msg);
	return err;
}

/*
 * Dumps walk a hash table: what comes or goes meanwhile, or is seen twice
 * while the table is resized, is no error.  The walk goes on where the last
 * message ended, ltp_nl_dump_done() ends what ltp_nl_dump_start() began.
 */
static int table_dump(struct sk_buff *skb, struct netlink_callback *cb,
		      struct rhashtable *table,
		      int (*fill)(struct sk_buff *skb,
				  struct netlink_callback *cb, void *obj))
{
	struct rhashtable_iter *iter = (void *)cb->args[0];
	void *obj;

	if (!iter->ht)
		rhashtable_walk_enter(table, iter);
	rhashtable_walk_start(iter);
	/* What did not fit last time is looked at again. */
	for (obj = rhashtable_walk_peek(iter); obj;
	     obj = rhashtable_walk_next(iter)) {
		if (IS_ERR(obj))
			continue;
		if (fill(skb, cb, obj))
			break;
	}
	rhashtable_walk_stop(iter);
	return skb->len;
}

/* What fails here is an error of the request, and not an end without answers. */
int ltp_nl_dump_start(struct netlink_callback *cb)
{
	struct rhashtable_iter *iter;

	iter = LTP_ALLOC(NL_DUMP, kzalloc(sizeof(*iter), GFP_KERNEL));
	if (!iter)
		return -ENOMEM;
	cb->args[0] = (long)iter;
	return 0;
}

int ltp_nl_dump_done(struct netlink_callback *cb)
{
	struct rhashtable_iter *iter = (void *)cb->args[0];

	if (iter->ht)
		rhashtable_walk_exit(iter);
	kfree(iter);
	return 0;
}

static int span_dump(struct sk_buff *skb, struct netlink_callback *cb,
		     void *obj)
{
	return span_fill(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			 NLM_F_MULTI, obj);
}

int ltp_nl_span_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return table_dump(skb, cb, &ltp_net(sock_net(skb->sk))->spans,
			  span_dump);
}

/* --- sessions --- */

static bool is_admin(const struct sk_buff *req)
{
	return netlink_ns_capable(req, sock_net(req->sk)->user_ns,
				  CAP_NET_ADMIN);
}

/*
 * Who knows a session's number can forge its peer from this machine: nothing
 * else is secret of it.  A user knows those of his sockets by other ways.
 * session.lock held.
 */
static bool is_own(const struct ltp_session *s, const struct sk_buff *req)
{
	lockdep_assert_held(&s->lock);
	return !s->no_sock && uid_eq(READ_ONCE(s->sk->sk_uid),
				     READ_ONCE(NETLINK_CB(req).sk->sk_uid));
}

/* @admin: whoever asked with @req may know all session numbers. */
static int session_fill(struct sk_buff *skb, const struct sk_buff *req, u32 seq,
			int flags, struct ltp_session *s, bool admin)
{
	u64 length, red_length, done, rtx = 0;
	void *hdr = genlmsg_put(skb, NETLINK_CB(req).portid, seq, &ltp_genl,
				flags, LTP_CMD_SESSION_GET);
	bool named;
	u8 state;

	if (!hdr)
		return -EMSGSIZE;
	BUILD_BUG_ON((int)LTP_SESSION_STATE_CLOSED != (int)LTP_CLOSED);
	spin_lock_bh(&s->lock);
	state = s->state;
	named = admin || is_own(s, req);
	if (ltp_session_is_export(s)) {
		length = ltp_export(s)->length;
		red_length = ltp_export(s)->red_length;
		done = ltp_export(s)->claimed.total;
		rtx = ltp_export(s)->rtx_bytes;
	} else {
		length = ltp_import(s)->length;
		red_length = ltp_import(s)->red_length;
		done = ltp_import(s)->held.total;
		if (length == LTP_UNKNOWN)
			length = ltp_import(s)->red_max;
	}
	spin_unlock_bh(&s->lock);
	if (nla_put_u64_64bit(skb, LTP_A_SESSION_ENGINE, s->key.engine,
			      LTP_A_SESSION_PAD) ||
	    nla_put_u64_64bit(skb, LTP_A_SESSION_REMOTE, s->span->key.remote,
			      LTP_A_SESSION_PAD) ||
	    (named && nla_put_u64_64bit(skb, LTP_A_SESSION_NUMBER,
					s->key.number, LTP_A_SESSION_PAD)) ||
	    nla_put_u8(skb, LTP_A_SESSION_EXPORT, s->key.export) ||
	    nla_put_u32(skb, LTP_A_SESSION_STATE, state) ||
	    nla_put_u64_64bit(skb, LTP_A_SESSION_SERVICE, s->service,
			      LTP_A_SESSION_PAD) ||
	    nla_put_u64_64bit(skb, LTP_A_SESSION_LENGTH, length,
			      LTP_A_SESSION_PAD) ||
	    nla_put_u64_64bit(skb, LTP_A_SESSION_RED_LENGTH, red_length,
			      LTP_A_SESSION_PAD) ||
	    nla_put_u64_64bit(skb, LTP_A_SESSION_DONE, done,
			      LTP_A_SESSION_PAD) ||
	    nla_put_u64_64bit(skb, LTP_A_SESSION_RETRANSMITTED, rtx,
			      LTP_A_SESSION_PAD) ||
	    nla_put_u64_64bit(skb, LTP_A_SESSION_AGE,
			      ktime_get_ns() - s->born, LTP_A_SESSION_PAD)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static int session_dump(struct sk_buff *skb, struct netlink_callback *cb,
			void *obj)
{
	struct ltp_session *s = obj;
	int err;

	if (!ltp_session_try_hold(s, ltp_net(sock_net(skb->sk))))
		return 0;
	err = session_fill(skb, cb->skb, cb->nlh->nlmsg_seq, NLM_F_MULTI, s,
			   cb->args[1]);
	ltp_session_put(s);
	return err;
}

int ltp_nl_session_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	/* Here the right is looked for once, not for each session. */
	cb->args[1] = is_admin(cb->skb);
	return table_dump(skb, cb, &ltp_net(sock_net(skb->sk))->sessions,
			  session_dump);
}

#define NO_SESSION	"there is no such session"

/* The session that a request names, with a reference. */
static struct ltp_session *session_get(struct genl_info *info)
{
	struct ltp_net *ln = ltp_net(genl_info_net(info));
	struct ltp_session_key key = {};
	struct ltp_session *s;
	u64 remote = 0;
	int err;

	if (!info->attrs[LTP_A_SESSION_NUMBER] ||
	    !info->attrs[LTP_A_SESSION_EXPORT]) {
		NL_SET_ERR_MSG(info->extack,
			       "a session needs its number and direction");
		return ERR_PTR(-EINVAL);
	}
	err = id_get(info, LTP_A_SESSION_ENGINE, &key.engine);
	key.export = nla_get_u8(info->attrs[LTP_A_SESSION_EXPORT]);
	key.number = nla_get_u64(info->attrs[LTP_A_SESSION_NUMBER]);
	key.originator = key.engine;
	if (!err && (!key.export || info->attrs[LTP_A_SESSION_REMOTE]))
		err = id_get(info, LTP_A_SESSION_REMOTE, &remote);
	if (err)
		return ERR_PTR(err);
	if (!key.export)
		key.originator = remote;
	rcu_read_lock();
	s = ltp_session_find(ln, &key);
	rcu_read_unlock();
	if (s && (!remote || s->span->key.remote == remote))
		return s;
	if (s)
		ltp_session_put(s);
	NL_SET_ERR_MSG(info->extack, NO_SESSION);
	return ERR_PTR(-ENOENT);
}

int ltp_nl_session_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	bool admin = is_admin(skb), own;
	struct ltp_session *s;
	struct sk_buff *msg;
	int err;

	s = session_get(info);
	if (IS_ERR(s))
		return PTR_ERR(s);
	spin_lock_bh(&s->lock);
	own = is_own(s, skb);
	spin_unlock_bh(&s->lock);
	if (!admin && !own) {
		/* As if there were none: who guesses learns nothing. */
		ltp_session_put(s);
		NL_SET_ERR_MSG(info->extack, NO_SESSION);
		return -ENOENT;
	}
	msg = LTP_ALLOC(NL_SESSION,
			genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL));
	err = -ENOMEM;
	if (msg)
		err = session_fill(msg, skb, info->snd_seq, 0, s, admin);
	ltp_session_put(s);
	if (!err)
		return genlmsg_reply(msg, info);
	nlmsg_free(msg);
	return err;
}

int ltp_nl_session_cancel_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ltp_session *s = session_get(info);
	int err = 0;

	if (IS_ERR(s))
		return PTR_ERR(s);
	spin_lock_bh(&s->lock);
	if (s->state >= LTP_CANCELLING) {
		NL_SET_ERR_MSG(info->extack, "the session has ended already");
		err = -EALREADY;
	} else {
		ltp_session_cancel(s, LTP_REASON_USR_CNCLD, false);
	}
	spin_unlock_bh(&s->lock);
	ltp_output_signals(s);
	ltp_session_put(s);
	return err;
}

/* --- counters --- */

int ltp_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ltp_net *ln = ltp_net(genl_info_net(info));
	struct nlattr *nla = info->attrs[LTP_A_NET_ENGINE];
	const struct ltp_mib __percpu *mib = ln->mib;
	struct ltp_engine *engine;
	struct sk_buff *msg;
	int err = -EMSGSIZE;
	void *hdr;

	msg = LTP_ALLOC(NL_STATS,
			genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL));
	if (!msg)
		return -ENOMEM;
	mutex_lock(&ln->config);
	if (nla) {
		engine = ltp_engine_find(ln, nla_get_u64(nla));
		if (!engine) {
			NL_SET_ERR_MSG_ATTR(info->extack, nla,
					    "there is no engine of this ID");
			err = -ENOENT;
			goto free;
		}
		mib = engine->mib;
	}
	hdr = genlmsg_put_reply(msg, info, &ltp_genl, 0, LTP_CMD_STATS_GET);
	if (!hdr || (nla && nla_put_u64_64bit(msg, LTP_A_NET_ENGINE,
					      nla_get_u64(nla),
					      LTP_A_NET_PAD)) ||
	    stats_put(msg, LTP_A_NET_STATS, mib))
		goto free;
	genlmsg_end(msg, hdr);
	mutex_unlock(&ln->config);
	return genlmsg_reply(msg, info);

free:
	mutex_unlock(&ln->config);
	nlmsg_free(msg);
	return err;
}

static struct genl_family ltp_genl __ro_after_init = {
	.name		= LTP_GENL_NAME,
	.version	= LTP_GENL_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.ops		= ltp_nl_ops,
	.n_ops		= ARRAY_SIZE(ltp_nl_ops),
	.resv_start_op	= LTP_CMD_UNSPEC + 1,
};

/**
 * ltp_netlink_init() - register at module load
 *
 * Return: 0 or an errno.
 */
int __init ltp_netlink_init(void)
{
	return genl_register_family(&ltp_genl);
}

/**
 * ltp_netlink_exit() - unregister at module unload
 */
void ltp_netlink_exit(void)
{
	genl_unregister_family(&ltp_genl);
}
