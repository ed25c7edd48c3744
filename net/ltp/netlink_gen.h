/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/ltp.yaml */
/* YNL-GEN kernel header */
/* To regenerate run: selftests/harness/ynl-regen.sh */

#ifndef _LINUX_LTP_GEN_H
#define _LINUX_LTP_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/ltp_netlink.h>

extern const struct nla_policy ltp_engine_add_nl_policy[LTP_A_ENGINE_MAX_IMPORTS + 1];

extern const struct nla_policy ltp_engine_set_nl_policy[LTP_A_ENGINE_MAX_IMPORTS + 1];

extern const struct nla_policy ltp_engine_del_nl_policy[LTP_A_ENGINE_ID + 1];

extern const struct nla_policy ltp_engine_get_nl_policy[LTP_A_ENGINE_ID + 1];

extern const struct nla_policy ltp_span_add_nl_policy[LTP_A_SPAN_BURST_ADAPT + 1];

extern const struct nla_policy ltp_span_set_nl_policy[LTP_A_SPAN_BURST_ADAPT + 1];

extern const struct nla_policy ltp_span_del_nl_policy[LTP_A_SPAN_REMOTE + 1];

extern const struct nla_policy ltp_span_get_nl_policy[LTP_A_SPAN_REMOTE + 1];

extern const struct nla_policy ltp_span_cue_nl_policy[LTP_A_SPAN_CUE + 1];

extern const struct nla_policy ltp_session_cancel_nl_policy[LTP_A_SESSION_EXPORT + 1];

extern const struct nla_policy ltp_session_get_nl_policy[LTP_A_SESSION_EXPORT + 1];

extern const struct nla_policy ltp_stats_get_nl_policy[LTP_A_NET_ENGINE + 1];

/* Ops table for ltp */
extern const struct genl_ops ltp_nl_ops[12];

int ltp_nl_engine_add_doit(struct sk_buff *skb, struct genl_info *info);
int ltp_nl_engine_set_doit(struct sk_buff *skb, struct genl_info *info);
int ltp_nl_engine_del_doit(struct sk_buff *skb, struct genl_info *info);
int ltp_nl_engine_get_doit(struct sk_buff *skb, struct genl_info *info);
int ltp_nl_engine_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int ltp_nl_span_add_doit(struct sk_buff *skb, struct genl_info *info);
int ltp_nl_span_set_doit(struct sk_buff *skb, struct genl_info *info);
int ltp_nl_span_del_doit(struct sk_buff *skb, struct genl_info *info);
int ltp_nl_span_get_doit(struct sk_buff *skb, struct genl_info *info);
int ltp_nl_span_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int ltp_nl_span_cue_doit(struct sk_buff *skb, struct genl_info *info);
int ltp_nl_session_cancel_doit(struct sk_buff *skb, struct genl_info *info);
int ltp_nl_session_get_doit(struct sk_buff *skb, struct genl_info *info);
int ltp_nl_session_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int ltp_nl_dump_start(struct netlink_callback *cb);
int ltp_nl_dump_done(struct netlink_callback *cb);
int ltp_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);

#endif /* _LINUX_LTP_GEN_H */
