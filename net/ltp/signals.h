/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_SIGNALS_H
#define _LTP_SIGNALS_H

#include <net/ltp.h>

/*
 * The signals of a session are found by their serials, and reports by the
 * checkpoint that they answer.  Those that have to leave stand in a list, in
 * turn, those whose timers run in a tree by their deadlines.  So what a
 * segment, a timer or a transmission costs does not depend on how many there
 * are, and that is the peer's choice.
 *
 * All of this needs session.lock.
 */
void ltp_signal_add(struct ltp_session *s, struct ltp_signal *sig);
void ltp_signal_end(struct ltp_session *s, struct ltp_signal *sig);
void ltp_signal_end_all(struct ltp_session *s);
struct ltp_signal *ltp_signal_find(const struct ltp_session *s, u64 serial);
struct ltp_signal *ltp_signal_report(const struct ltp_import *i, u64 cp_serial);
struct ltp_signal *ltp_signal_next_report(const struct ltp_signal *sig);
void ltp_signal_run(struct ltp_session *s, struct ltp_signal *sig, u64 due);
void ltp_signal_rerun(struct ltp_session *s, struct ltp_signal *sig, u64 due);
void ltp_signal_stop(struct ltp_session *s, struct ltp_signal *sig);
void ltp_signal_unlink(struct ltp_session *s, struct ltp_signal *sig);

/* The one whose timer runs out first, or NULL. */
static inline struct ltp_signal *ltp_signal_first(const struct ltp_session *s)
{
	return rb_entry_safe(rb_first_cached(&s->running), struct ltp_signal,
			     by_due);
}

/* The one that has waited longest to leave, or NULL. */
static inline struct ltp_signal *ltp_signal_unsent(struct ltp_session *s)
{
	return list_first_entry_or_null(&s->unsent, struct ltp_signal,
					on_unsent);
}

/* The bytes of the block's burst that a checkpoint ends with, if it does. */
static inline struct ltp_burst *ltp_signal_burst(const struct ltp_signal *sig)
{
	return ltp_segment_is_data(sig->type) ? sig->burst : NULL;
}

#endif /* _LTP_SIGNALS_H */
