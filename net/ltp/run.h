/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_RUN_H
#define _LTP_RUN_H

#include <net/ltp.h>

int ltp_run_copy(const struct sk_buff *skb, u32 from, u32 len,
		 struct iov_iter *to);
u32 ltp_run_at(const struct sk_buff *skb, u32 from, u32 *left);
u32 ltp_run_segment_left(const struct sk_buff *skb, u32 from, u32 *whole);

#endif /* _LTP_RUN_H */
