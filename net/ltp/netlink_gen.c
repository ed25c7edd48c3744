// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/ltp.yaml */
/* YNL-GEN kernel source */
/* To regenerate run: selftests/harness/ynl-regen.sh */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/ltp_netlink.h>

/* LTP_CMD_ENGINE_ADD - do */
const struct nla_policy ltp_engine_add_nl_policy[LTP_A_ENGINE_MAX_IMPORTS + 1] = {
	[LTP_A_ENGINE_ID] = { .type = NLA_U64, },
	[LTP_A_ENGINE_LOCAL] = NLA_POLICY_MIN_LEN(4),
	[LTP_A_ENGINE_PORT] = { .type = NLA_U16, },
	[LTP_A_ENGINE_MAX_IMPORTS] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* LTP_CMD_ENGINE_SET - do */
const struct nla_policy ltp_engine_set_nl_policy[LTP_A_ENGINE_MAX_IMPORTS + 1] = {
	[LTP_A_ENGINE_ID] = { .type = NLA_U64, },
	[LTP_A_ENGINE_MAX_IMPORTS] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* LTP_CMD_ENGINE_DEL - do */
const struct nla_policy ltp_engine_del_nl_policy[LTP_A_ENGINE_ID + 1] = {
	[LTP_A_ENGINE_ID] = { .type = NLA_U64, },
};

/* LTP_CMD_ENGINE_GET - do */
const struct nla_policy ltp_engine_get_nl_policy[LTP_A_ENGINE_ID + 1] = {
	[LTP_A_ENGINE_ID] = { .type = NLA_U64, },
};

/* LTP_CMD_SPAN_ADD - do */
const struct nla_policy ltp_span_add_nl_policy[LTP_A_SPAN_BURST_ADAPT + 1] = {
	[LTP_A_SPAN_ENGINE] = { .type = NLA_U64, },
	[LTP_A_SPAN_REMOTE] = { .type = NLA_U64, },
	[LTP_A_SPAN_ADDR] = NLA_POLICY_MIN_LEN(4),
	[LTP_A_SPAN_PORT] = { .type = NLA_U16, },
	[LTP_A_SPAN_OWLT_OUT] = { .type = NLA_U64, },
	[LTP_A_SPAN_OWLT_IN] = { .type = NLA_U64, },
	[LTP_A_SPAN_MARGIN] = { .type = NLA_U64, },
	[LTP_A_SPAN_MAX_RETRIES] = NLA_POLICY_RANGE(NLA_U32, 1, 1000),
	[LTP_A_SPAN_SEGMENT_SIZE] = { .type = NLA_U32, },
	[LTP_A_SPAN_BURST_LIMIT] = { .type = NLA_U32, },
	[LTP_A_SPAN_RATE] = { .type = NLA_U64, },
	[LTP_A_SPAN_REORDER] = { .type = NLA_U64, },
	[LTP_A_SPAN_REDUNDANCY] = NLA_POLICY_RANGE(NLA_U32, 1, 16),
	[LTP_A_SPAN_MAX_SESSIONS] = { .type = NLA_U32, },
	[LTP_A_SPAN_MAX_INFLIGHT] = { .type = NLA_U64, },
	[LTP_A_SPAN_MAX_IMPORTS] = { .type = NLA_U32, },
	[LTP_A_SPAN_MAX_PROBLEMS] = { .type = NLA_U32, },
	[LTP_A_SPAN_MAX_CYCLES] = { .type = NLA_U32, },
	[LTP_A_SPAN_NO_DISCRETIONARY] = NLA_POLICY_MAX(NLA_U8, 1),
	[LTP_A_SPAN_GAP_REPORTS] = NLA_POLICY_MAX(NLA_U8, 1),
	[LTP_A_SPAN_FLOWS] = NLA_POLICY_RANGE(NLA_U32, 1, 16),
	[LTP_A_SPAN_BURST_ADAPT] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* LTP_CMD_SPAN_SET - do */
const struct nla_policy ltp_span_set_nl_policy[LTP_A_SPAN_BURST_ADAPT + 1] = {
	[LTP_A_SPAN_ENGINE] = { .type = NLA_U64, },
	[LTP_A_SPAN_REMOTE] = { .type = NLA_U64, },
	[LTP_A_SPAN_OWLT_OUT] = { .type = NLA_U64, },
	[LTP_A_SPAN_OWLT_IN] = { .type = NLA_U64, },
	[LTP_A_SPAN_MARGIN] = { .type = NLA_U64, },
	[LTP_A_SPAN_MAX_RETRIES] = NLA_POLICY_RANGE(NLA_U32, 1, 1000),
	[LTP_A_SPAN_SEGMENT_SIZE] = { .type = NLA_U32, },
	[LTP_A_SPAN_BURST_LIMIT] = { .type = NLA_U32, },
	[LTP_A_SPAN_RATE] = { .type = NLA_U64, },
	[LTP_A_SPAN_REORDER] = { .type = NLA_U64, },
	[LTP_A_SPAN_REDUNDANCY] = NLA_POLICY_RANGE(NLA_U32, 1, 16),
	[LTP_A_SPAN_MAX_SESSIONS] = { .type = NLA_U32, },
	[LTP_A_SPAN_MAX_INFLIGHT] = { .type = NLA_U64, },
	[LTP_A_SPAN_MAX_IMPORTS] = { .type = NLA_U32, },
	[LTP_A_SPAN_MAX_PROBLEMS] = { .type = NLA_U32, },
	[LTP_A_SPAN_MAX_CYCLES] = { .type = NLA_U32, },
	[LTP_A_SPAN_NO_DISCRETIONARY] = NLA_POLICY_MAX(NLA_U8, 1),
	[LTP_A_SPAN_GAP_REPORTS] = NLA_POLICY_MAX(NLA_U8, 1),
	[LTP_A_SPAN_FLOWS] = NLA_POLICY_RANGE(NLA_U32, 1, 16),
	[LTP_A_SPAN_BURST_ADAPT] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* LTP_CMD_SPAN_DEL - do */
const struct nla_policy ltp_span_del_nl_policy[LTP_A_SPAN_REMOTE + 1] = {
	[LTP_A_SPAN_ENGINE] = { .type = NLA_U64, },
	[LTP_A_SPAN_REMOTE] = { .type = NLA_U64, },
};

/* LTP_CMD_SPAN_GET - do */
const struct nla_policy ltp_span_get_nl_policy[LTP_A_SPAN_REMOTE + 1] = {
	[LTP_A_SPAN_ENGINE] = { .type = NLA_U64, },
	[LTP_A_SPAN_REMOTE] = { .type = NLA_U64, },
};

/* LTP_CMD_SPAN_CUE - do */
const struct nla_policy ltp_span_cue_nl_policy[LTP_A_SPAN_CUE + 1] = {
	[LTP_A_SPAN_ENGINE] = { .type = NLA_U64, },
	[LTP_A_SPAN_REMOTE] = { .type = NLA_U64, },
	[LTP_A_SPAN_CUE] = NLA_POLICY_MAX(NLA_U32, 3),
};

/* LTP_CMD_SESSION_CANCEL - do */
const struct nla_policy ltp_session_cancel_nl_policy[LTP_A_SESSION_EXPORT + 1] = {
	[LTP_A_SESSION_ENGINE] = { .type = NLA_U64, },
	[LTP_A_SESSION_REMOTE] = { .type = NLA_U64, },
	[LTP_A_SESSION_NUMBER] = { .type = NLA_U64, },
	[LTP_A_SESSION_EXPORT] = { .type = NLA_U8, },
};

/* LTP_CMD_SESSION_GET - do */
const struct nla_policy ltp_session_get_nl_policy[LTP_A_SESSION_EXPORT + 1] = {
	[LTP_A_SESSION_ENGINE] = { .type = NLA_U64, },
	[LTP_A_SESSION_REMOTE] = { .type = NLA_U64, },
	[LTP_A_SESSION_NUMBER] = { .type = NLA_U64, },
	[LTP_A_SESSION_EXPORT] = { .type = NLA_U8, },
};

/* LTP_CMD_STATS_GET - do */
const struct nla_policy ltp_stats_get_nl_policy[LTP_A_NET_ENGINE + 1] = {
	[LTP_A_NET_ENGINE] = { .type = NLA_U64, },
};

/* Ops table for ltp */
const struct genl_ops ltp_nl_ops[12] = {
	{
		.cmd		= LTP_CMD_ENGINE_ADD,
		.doit		= ltp_nl_engine_add_doit,
		.policy		= ltp_engine_add_nl_policy,
		.maxattr	= LTP_A_ENGINE_MAX_IMPORTS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LTP_CMD_ENGINE_SET,
		.doit		= ltp_nl_engine_set_doit,
		.policy		= ltp_engine_set_nl_policy,
		.maxattr	= LTP_A_ENGINE_MAX_IMPORTS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LTP_CMD_ENGINE_DEL,
		.doit		= ltp_nl_engine_del_doit,
		.policy		= ltp_engine_del_nl_policy,
		.maxattr	= LTP_A_ENGINE_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LTP_CMD_ENGINE_GET,
		.doit		= ltp_nl_engine_get_doit,
		.dumpit		= ltp_nl_engine_get_dumpit,
		.policy		= ltp_engine_get_nl_policy,
		.maxattr	= LTP_A_ENGINE_ID,
	},
	{
		.cmd		= LTP_CMD_SPAN_ADD,
		.doit		= ltp_nl_span_add_doit,
		.policy		= ltp_span_add_nl_policy,
		.maxattr	= LTP_A_SPAN_BURST_ADAPT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LTP_CMD_SPAN_SET,
		.doit		= ltp_nl_span_set_doit,
		.policy		= ltp_span_set_nl_policy,
		.maxattr	= LTP_A_SPAN_BURST_ADAPT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LTP_CMD_SPAN_DEL,
		.doit		= ltp_nl_span_del_doit,
		.policy		= ltp_span_del_nl_policy,
		.maxattr	= LTP_A_SPAN_REMOTE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LTP_CMD_SPAN_GET,
		.doit		= ltp_nl_span_get_doit,
		.start		= ltp_nl_dump_start,
		.dumpit		= ltp_nl_span_get_dumpit,
		.done		= ltp_nl_dump_done,
		.policy		= ltp_span_get_nl_policy,
		.maxattr	= LTP_A_SPAN_REMOTE,
	},
	{
		.cmd		= LTP_CMD_SPAN_CUE,
		.doit		= ltp_nl_span_cue_doit,
		.policy		= ltp_span_cue_nl_policy,
		.maxattr	= LTP_A_SPAN_CUE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LTP_CMD_SESSION_CANCEL,
		.doit		= ltp_nl_session_cancel_doit,
		.policy		= ltp_session_cancel_nl_policy,
		.maxattr	= LTP_A_SESSION_EXPORT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LTP_CMD_SESSION_GET,
		.doit		= ltp_nl_session_get_doit,
		.start		= ltp_nl_dump_start,
		.dumpit		= ltp_nl_session_get_dumpit,
		.done		= ltp_nl_dump_done,
		.policy		= ltp_session_get_nl_policy,
		.maxattr	= LTP_A_SESSION_EXPORT,
	},
	{
		.cmd		= LTP_CMD_STATS_GET,
		.doit		= ltp_nl_stats_get_doit,
		.policy		= ltp_stats_get_nl_policy,
		.maxattr	= LTP_A_NET_ENGINE,
	},
};
