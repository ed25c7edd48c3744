/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_REASM_H
#define _LTP_REASM_H

#include <net/ltp.h>

/**
 * ltp_reasm_pins() - whether data is worth the buffer it came in
 * @len: bytes of data
 * @truesize: bytes that the buffer takes
 *
 * Return: true if it is at least half of that.  The buffer may then wait for
 * the reader, at its full price.
 */
static inline bool ltp_reasm_pins(u32 len, u32 truesize)
{
	return (u64)len * 2 >= truesize;
}

int ltp_reasm_red(struct ltp_import *i, struct sk_buff *skb,
		  const struct ltp_segment *last);
int ltp_reasm_green(struct ltp_import *i, struct sk_buff *skb,
		    const struct ltp_segment *last);
bool ltp_reasm_over(const struct sock *sk);
struct ltp_session *ltp_reasm_victim(struct sock *sk);
struct ltp_session *ltp_reasm_reap(struct sock *sk,
				   const struct ltp_span *span);
void ltp_reasm_release(struct ltp_import *i);
void ltp_reasm_item_free(struct sock *sk, struct ltp_item *item);

#endif /* _LTP_REASM_H */
