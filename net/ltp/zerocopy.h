/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_ZEROCOPY_H
#define _LTP_ZEROCOPY_H

#include "block.h"
#include "compat.h"
#include "layout.h"

/* Whether a message's payload may be referred to. */
static inline bool ltp_zerocopy_asked(const struct msghdr *msg)
{
	return unlikely(msg->msg_flags &
			(MSG_ZEROCOPY | LTP_COMPAT_SPLICE_PAGES));
}

int ltp_zerocopy_begin(struct ltp_sock *ls, const struct msghdr *msg,
		       size_t len);
void ltp_zerocopy_block(struct ltp_sock *ls, const struct ltp_export *e,
			const struct msghdr *msg);
void ltp_zerocopy_end(struct ltp_sock *ls, bool failed);
int ltp_zerocopy_add(struct ltp_layout *l, struct iov_iter *from, u32 len);
u32 ltp_zerocopy_short(const struct ltp_export *e, u64 off, u64 avail);
void ltp_zerocopy_keep(struct ltp_sock *ls, struct ltp_burst *b);
bool ltp_zerocopy_mark(struct sk_buff *skb, const struct ltp_burst *b);

#endif /* _LTP_ZEROCOPY_H */
