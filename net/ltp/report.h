/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_REPORT_H
#define _LTP_REPORT_H

#include <net/ltp.h>

void ltp_report_checkpoint(struct ltp_import *i,
			   const struct ltp_segment *cp);
void ltp_report_progress(struct ltp_import *i, u64 start, u64 end);
u64 ltp_report_due(const struct ltp_import *i);
void ltp_report_expire(struct ltp_import *i, u64 now);
void ltp_report_gaps(struct ltp_import *i);
void ltp_report_forget(struct ltp_import *i);
void ltp_report_release(struct ltp_import *i);
void ltp_report_acked(struct ltp_import *i, u64 serial);
struct sk_buff *ltp_report_all(const struct ltp_session_key *key, u64 cp_serial,
			       u64 length);
void ltp_report_batches_due(struct ltp_export *e, u64 now);
int ltp_report_received(struct ltp_export *e, const struct ltp_segment *rs,
			const u8 *claims, const u8 *end);

#endif /* _LTP_REPORT_H */
