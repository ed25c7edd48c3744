/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_ENGINE_H
#define _LTP_ENGINE_H

#include <net/ltp.h>

int ltp_engine_create(struct ltp_net *ln, u64 id, const struct ltp_addr *local,
		      u32 max_imports, struct netlink_ext_ack *extack);
void ltp_engine_delete(struct ltp_engine *engine);
struct ltp_engine *ltp_engine_find(struct ltp_net *ln, u64 id);
void ltp_engine_put(struct ltp_engine *engine);
void ltp_engine_wait(struct ltp_net *ln);

static inline void ltp_engine_hold(struct ltp_engine *engine)
{
	refcount_inc(&engine->ref);
}

#endif /* _LTP_ENGINE_H */
