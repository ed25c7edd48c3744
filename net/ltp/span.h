/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_SPAN_H
#define _LTP_SPAN_H

#include <net/ltp.h>

extern const struct rhashtable_params ltp_span_params;
extern const struct rhashtable_params ltp_peer_params;

int ltp_span_create(struct ltp_engine *engine, u64 remote,
		    const struct ltp_addr *addr,
		    const struct ltp_span_conf *conf, bool learned,
		    struct netlink_ext_ack *extack);
void ltp_span_delete(struct ltp_span *span);
void ltp_span_reap(struct ltp_net *ln);
void ltp_span_net_init(struct ltp_net *ln);
struct ltp_span *ltp_span_find(struct ltp_net *ln, u64 engine, u64 remote);
struct ltp_span *ltp_span_by_addr(struct ltp_net *ln, u64 engine,
				  const struct ltp_addr *addr);
bool ltp_span_take(struct ltp_span *span, struct ltp_export *e, u64 more);
void ltp_span_untake(struct ltp_export *e);
bool ltp_span_admit(struct ltp_span *span, struct ltp_sock *ls,
		    struct ltp_export *e, u64 more, bool stays);
void ltp_span_give_way(struct ltp_sock *ls);
void ltp_span_leave_blocked(struct ltp_sock *ls);
void ltp_span_unblock(struct ltp_span *span);
void ltp_span_room(struct ltp_span *span);
void ltp_span_put(struct ltp_span *span);
u32 ltp_span_burst_max(struct ltp_span *span);
bool ltp_span_is_from(const struct ltp_span *span,
		      const struct ltp_addr *from);
bool ltp_span_affords(struct ltp_span *span);
void ltp_span_spend(struct ltp_span *span, u32 bytes);
bool ltp_span_may_answer(struct ltp_span *span);

static inline void ltp_span_hold(struct ltp_span *span)
{
	refcount_inc(&span->ref);
}

#endif /* _LTP_SPAN_H */
