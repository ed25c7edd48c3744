/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_LEARN_H
#define _LTP_LEARN_H

#include <net/ltp.h>

bool ltp_learn_skb(struct ltp_engine *engine, struct sk_buff *skb,
		   const struct ltp_addr *from, u64 remote);
void ltp_learn_init(struct ltp_net *ln);
void ltp_learn_exit(struct ltp_net *ln);

#endif /* _LTP_LEARN_H */
