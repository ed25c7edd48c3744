/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_OUTPUT_H
#define _LTP_OUTPUT_H

#include <net/ltp.h>

void ltp_output_export(struct ltp_export *e);
void ltp_output_stalled(struct ltp_export *e);
bool ltp_output_recut(struct ltp_export *e, struct ltp_signal *cp);
void ltp_output_resume(struct ltp_span *span);
void ltp_output_run(struct work_struct *work);
void ltp_output_stop(struct ltp_span *span);

void ltp_output_held(struct ltp_span *span);
void ltp_output_drop_held(struct ltp_span *span);
int ltp_output_skb(struct ltp_span *span, u32 flow, struct sk_buff *skb);
bool ltp_output_affords(struct ltp_session *s, const struct ltp_signal *sig);
void ltp_output_signals(struct ltp_session *s);

int ltp_output_init(void);
void ltp_output_exit(void);

#endif /* _LTP_OUTPUT_H */
