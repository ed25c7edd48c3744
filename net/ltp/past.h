/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_PAST_H
#define _LTP_PAST_H

#include <net/ltp.h>

/**
 * struct ltp_past - what tells an import session from others of its number
 * @service: client service ID
 * @red_length: bytes of its red part, %LTP_UNKNOWN if that is not known
 * @length: bytes of its block, likewise
 * @cp_first: lowest serial of the checkpoints that came, 0 if none did
 * @cp_last: highest of them
 * @rs_first: serial of the first report
 * @n_rs: how many reports there were
 * @contradicted: it contradicted itself, so that who does is no other
 *
 * A session number alone is no identity: a peer that restarted may count from
 * the same one again.
 */
struct ltp_past {
	u64			service;
	u64			red_length;
	u64			length;
	u64			cp_first;
	u64			cp_last;
	u32			rs_first;
	u32			n_rs : 31;
	u32			contradicted : 1;
};

/**
 * enum ltp_kin - whether a segment is of a session that has its name
 * @LTP_KIN_SAME: it is
 * @LTP_KIN_UNSURE: it may be, or of a later session
 * @LTP_KIN_OTHER: it cannot be, and so is of a later session
 */
enum ltp_kin {
	LTP_KIN_SAME,
	LTP_KIN_UNSURE,
	LTP_KIN_OTHER,
};

void ltp_past_checkpoint(struct ltp_import *i, u64 serial);
void ltp_past_of(const struct ltp_import *i, struct ltp_past *past);
enum ltp_kin ltp_past_kin(const struct ltp_past *past, u64 service, u64 start,
			  const struct ltp_segment *last, enum ltp_state state);

#endif /* _LTP_PAST_H */
