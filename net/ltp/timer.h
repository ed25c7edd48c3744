/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_TIMER_H
#define _LTP_TIMER_H

#include <net/ltp.h>

/*
 * A session has one timer, for the earliest of its deadlines.  The rest of
 * the engine reports events; what they mean for the timer is decided here:
 *
 * checkpoint timer (RFC 5326, 6.2, 6.7)  started when a checkpoint is handed
 *	to UDP, stopped when reports cover its scope
 * report timer (6.3, 6.8)  started when a report segment is handed to UDP,
 *	stopped by its report-ack
 * cancel timer (6.15, 6.16)  started when a cancel segment is handed to UDP,
 *	stopped by its cancel-ack
 * brake  a report held back for a slow reader goes out
 * reordering  a report with gaps, or a resend, has waited long enough for
 *	what was overtaken
 * quiet  no more data came, and gaps are reported unasked (6.11)
 * stagnation  an import session that nobody continues is cancelled
 *
 * While the peer does not send, timers of what it cannot answer stand still
 * (6.5, 6.6), and so does stagnation.
 *
 * All events need session.lock.
 */
void ltp_timer_init(struct ltp_session *s);
void ltp_timer_signal_leaves(struct ltp_session *s, struct ltp_signal *sig);
void ltp_timer_signal_refused(struct ltp_session *s, struct ltp_signal *sig);
void ltp_timer_signal_sent(struct ltp_session *s, struct ltp_signal *sig);
void ltp_timer_go_on(struct ltp_session *s);
void ltp_timer_update(struct ltp_session *s);
void ltp_timer_changed(struct ltp_session *s);
void ltp_timer_resume(struct ltp_session *s);
void ltp_timer_report_braked(struct ltp_import *i);
void ltp_timer_give_up(struct ltp_session *s, u8 type);
void ltp_timer_session_closed(struct ltp_session *s);

u64 ltp_timer_round_trip(const struct ltp_span *span);
u64 ltp_timer_patience(const struct ltp_span *span);
u64 ltp_timer_quiet(const struct ltp_span *span);

#endif /* _LTP_TIMER_H */
