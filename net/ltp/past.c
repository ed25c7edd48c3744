// SPDX-License-Identifier: GPL-2.0
/*
 * What tells an import session from others of its number: a peer that restarted
 * may count its sessions from the same number again.
 */
#include "past.h"

/* Serials of one session lie no farther apart. */
#define SERIALS_FAR	1024
/* A serial so close to those that came may be of the same session. */
#define SERIALS_NEAR	16

/**
 * ltp_past_checkpoint() - a checkpoint came, whether it is answered or not
 * @i: its session
 * @serial: its serial
 *
 * Context: session.lock held.
 */
void ltp_past_checkpoint(struct ltp_import *i, u64 serial)
{
	/* One that is far from all before is of a peer that counts anew. */
	if (!i->cp_first ||
	    (serial < i->cp_first && i->cp_first - serial > SERIALS_FAR) ||
	    (serial > i->cp_last && serial - i->cp_last > SERIALS_FAR)) {
		i->cp_first = serial;
		i->cp_last = serial;
	}
	i->cp_first = min(i->cp_first, serial);
	i->cp_last = max(i->cp_last, serial);
}

/**
 * ltp_past_of() - what tells a session from others of its number
 * @i: the session
 * @past: the answer
 *
 * Context: session.lock held.
 */
void ltp_past_of(const struct ltp_import *i, struct ltp_past *past)
{
	past->service = i->s.service;
	past->red_length = i->red_length;
	past->length = i->length;
	past->rs_first = i->s.first_serial;
	past->n_rs = i->s.next_serial - i->s.first_serial;
	past->cp_first = i->cp_first;
	past->cp_last = i->cp_last;
	past->contradicted = false;
}

/* Whether data cannot be of a session, for where it is and where it ends. */
static bool past_contradicts(const struct ltp_past *past, u64 start,
			     const struct ltp_segment *last)
{
	u64 end = last->offset + last->length;

	if (past->contradicted)
		return false;
	if (end > past->length ||
	    (ltp_segment_is_eob(last->type) && past->length != LTP_UNKNOWN &&
	     end != past->length))
		return true;
	if (past->red_length == LTP_UNKNOWN)
		return false;
	if (!ltp_segment_is_red(last->type))
		return start < past->red_length;
	return end > past->red_length || (ltp_segment_is_eorp(last->type) &&
					  end != past->red_length);
}

/**
 * ltp_past_kin() - whether data is of a session that has its name
 * @past: the session
 * @service: client service of the data
 * @start: block offset where it begins
 * @last: its last segment
 * @state: %LTP_DELIVERED; or %LTP_CLOSED if the session has ended since, or
 *	%LTP_CANCELLING if it was not delivered
 *
 * What contradicts the session is not of it.  Of one that was delivered, a
 * checkpoint is if it came before, or answers one of the reports.
 * Others have a serial next to those, and are not at the end of the red part:
 * without the first one there it was not delivered.  Data without a checkpoint
 * says nothing of whose it is.
 *
 * Context: any.
 * Return: what is known of that.
 */
enum ltp_kin ltp_past_kin(const struct ltp_past *past, u64 service, u64 start,
			  const struct ltp_segment *last, enum ltp_state state)
{
	u64 serial = last->cp_serial;

	if (service != past->service || past_contradicts(past, start, last))
		return LTP_KIN_OTHER;
	if (!ltp_segment_is_checkpoint(last->type) || state == LTP_CANCELLING)
		return LTP_KIN_UNSURE;
	if (serial >= past->cp_first && serial <= past->cp_last)
		return LTP_KIN_SAME;
	if (last->rs_serial >= past->rs_first &&
	    last->rs_serial - past->rs_first < past->n_rs)
		return LTP_KIN_SAME;
	/* Many checkpoints may have been overtaken, but not the last one. */
	if (serial < past->cp_first) {
		u64 behind = past->cp_first - serial;

		if (behind > (ltp_segment_is_eorp(last->type) ? SERIALS_NEAR :
								SERIALS_FAR))
			return LTP_KIN_OTHER;
		if (behind > SERIALS_NEAR)
			return LTP_KIN_UNSURE;
	} else if (serial - past->cp_last > SERIALS_NEAR) {
		return LTP_KIN_OTHER;
	}
	if (state == LTP_CLOSED || ltp_segment_is_eorp(last->type))
		return LTP_KIN_UNSURE;
	return LTP_KIN_SAME;
}
