// SPDX-License-Identifier: GPL-2.0
/*
 * The state of the link, as the operating environment tells it (RFC 5326,
 * sections 5, 6.1 and 6.4 to 6.6): either end sends or does not, and the light
 * time changes.
 */
#include <linux/ltp_netlink.h>

#include "link.h"
#include "output.h"
#include "session.h"
#include "span.h"
#include "timer.h"

/*
 * The next session that this walk has not seen, with a reference.  Those that
 * were seen go to the end of the list.
 */
static struct ltp_session *walk_next(struct ltp_span *span)
{
	struct ltp_session *s;

	cond_resched();		/* there may be very many */
	spin_lock_bh(&span->lock);
	s = list_first_entry_or_null(&span->sessions, struct ltp_session,
				     on_span);
	if (s && s->pass == span->pass)
		s = NULL;
	if (s) {
		s->pass = span->pass;
		list_move_tail(&s->on_span, &span->sessions);
		ltp_session_hold(s);
	}
	spin_unlock_bh(&span->lock);
	return s;
}

static void walk_begin(struct ltp_span *span)
{
	spin_lock_bh(&span->lock);
	span->pass++;
	spin_unlock_bh(&span->lock);
}

/**
 * ltp_link_changed() - the light time of a span has changed
 * @span: the span
 *
 * Deadlines follow from the time of sending and the light time of now.
 *
 * Context: process, ltp_net.config held.
 */
void ltp_link_changed(struct ltp_span *span)
{
	struct ltp_session *s;

	walk_begin(span);
	while ((s = walk_next(span))) {
		spin_lock_bh(&s->lock);
		ltp_timer_changed(s);
		spin_unlock_bh(&s->lock);
		ltp_session_put(s);
	}
	ltp_span_room(span);
	ltp_output_resume(span);
}

static void remote_start(struct ltp_span *span)
{
	struct ltp_session *s;

	/*
	 * A timer that expires while this goes on is not suspended any more,
	 * and may be early by what ltp_timer_resume() has not added yet: so
	 * that comes first.
	 */
	walk_begin(span);
	while ((s = walk_next(span))) {
		spin_lock_bh(&s->lock);
		ltp_timer_resume(s);
		spin_unlock_bh(&s->lock);
		ltp_session_put(s);
	}
	WRITE_ONCE(span->remote_stopped, false);
	ltp_link_changed(span);
}

static void local_start(struct ltp_span *span)
{
	struct ltp_session *s;

	WRITE_ONCE(span->local_stopped, false);
	ltp_output_held(span);
	walk_begin(span);
	while ((s = walk_next(span))) {
		spin_lock_bh(&s->lock);
		/* Nobody could have gone on with it. */
		if (!ltp_session_is_export(s))
			ltp_import(s)->last_heard = ktime_get_ns();
		ltp_timer_update(s);
		spin_unlock_bh(&s->lock);
		ltp_output_signals(s);
		ltp_session_put(s);
	}
	ltp_output_resume(span);
}

/**
 * ltp_link_cue() - the environment tells of the link
 * @span: the span
 * @cue: enum ltp_cue
 *
 * A cue that says nothing new changes nothing.
 *
 * Context: process, ltp_net.config held.
 */
void ltp_link_cue(struct ltp_span *span, u32 cue)
{
	switch (cue) {
	case LTP_CUE_LOCAL_STOP:
		WRITE_ONCE(span->local_stopped, true);
		break;
	case LTP_CUE_LOCAL_START:
		if (span->local_stopped)
			local_start(span);
		break;
	case LTP_CUE_REMOTE_STOP:
		if (span->remote_stopped)
			break;
		WRITE_ONCE(span->stopped_at, ktime_get_ns());
		WRITE_ONCE(span->remote_stopped, true);
		break;
	case LTP_CUE_REMOTE_START:
		if (span->remote_stopped)
			remote_start(span);
		break;
	}
}
