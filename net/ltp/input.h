/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_INPUT_H
#define _LTP_INPUT_H

#include <net/ltp.h>

void ltp_input_skb(struct ltp_engine *engine, struct ltp_span *span,
		   struct sk_buff *skb, const struct ltp_addr *from);

#endif /* _LTP_INPUT_H */
