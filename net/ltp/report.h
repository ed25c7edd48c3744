/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_REPORT_H
#define _LTP_REPORT_H

#include <net/ltp.h>

/**
 * struct ltp_batch - what one report asked to have sent again (section 6.13)
 * @list: in ltp_export.later, or .batches
 * @pos: everything below is sent or claimed
 * @end: end of the report's scope
 * @lower: start of it
 * @rs_serial: the report, named by the checkpoint that ends the batch
 * @cp_serial: checkpoint that the report answers
 * @cycle: how often this data has been sent again, with this time
 * @due: how long it is in .later, ktime ns: what overtook its data may be behind
 */
struct ltp_batch {
	struct list_head	list;
	u64			pos;
	u64			end;
	u64			lower;
	u64			rs_serial;
	u64			cp_serial;
	u32			cycle;
	u64			due;
};

/**
 * struct ltp_acked - what is remembered of a report that was acknowledged
 * @node: in ltp_import.acked
 * @serial: of the report
 * @lower: start of its scope
 */
struct ltp_acked {
	struct rb_node		node;
	u64			serial;
	u64			lower;
};

/**
 * struct ltp_delayed - a report that waits while its gaps still fill
 * @list: in ltp_import.delayed
 * @cp_serial: checkpoint it will answer
 * @lower: start of its scope
 * @upper: end of it
 * @gap: where the first gap in it begins
 * @due: when it is sent, ktime ns, unless data fills a gap
 * @limit: when it is sent at the latest
 */
struct ltp_delayed {
	struct list_head	list;
	u64			cp_serial;
	u64			lower;
	u64			upper;
	u64			gap;
	u64			due;
	u64			limit;
};

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
