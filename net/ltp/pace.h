/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_PACE_H
#define _LTP_PACE_H

#include <net/ltp.h>

bool ltp_pace_ready(struct ltp_span *span, u32 flow, u64 after);
u64 ltp_pace_take(struct ltp_span *span, u32 bytes);
void ltp_pace_refused(struct ltp_span *span, u32 segs);
void ltp_pace_left(struct ltp_span *span, u32 segs);
void ltp_pace_give_back(struct ltp_span *span, u32 bytes);
void ltp_pace_idle(struct ltp_span *span);
void ltp_pace_changed(struct ltp_span *span, u64 old);
u32 ltp_pace_burst(const struct ltp_export *e, u32 stride);
void ltp_pace_sent(struct ltp_export *e, struct ltp_burst *b, u64 pos, u32 n);
void ltp_pace_claimed(struct ltp_export *e, const struct ltp_burst *b);
void ltp_pace_report(struct ltp_export *e, u64 lower, u64 upper);
enum hrtimer_restart ltp_pace_timer(struct hrtimer *timer);

#endif /* _LTP_PACE_H */
