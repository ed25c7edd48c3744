/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_ANSWER_H
#define _LTP_ANSWER_H

#include <net/ltp.h>

void ltp_answer_report_ack(struct ltp_span *span,
			   const struct ltp_session_key *key, u64 serial);
void ltp_answer_cancel(struct ltp_span *span,
		       const struct ltp_session_key *key, u8 type, u8 reason);
void ltp_answer_cancel_ack(struct ltp_span *span,
			   const struct ltp_session_key *key, u8 type);

#endif /* _LTP_ANSWER_H */
