/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <linux/ltp.h>

#include "base.h"

/* A block on its way, looked up in the session list. */
struct flight {
	u64 cookie;
	u64 originator;
	u64 session;
	u64 claimed;
	u64 again;
};

/**
 * struct progress - what is shown while blocks are on their way
 * @lines: a line every second rather than a bar
 * @total: bytes to send, 0 if nobody knows
 * @sent: bytes handed to the socket
 * @claimed: bytes of blocks that are complete
 * @again: bytes of blocks that have ended that were sent more than once
 * @began: time of the first byte
 * @next: time of the next picture, NEVER: no pictures
 * @netlink: the session list can be had
 * @flights: blocks that have not ended
 * @n: how many
 * @room: for how many there is memory
 */
struct progress {
	bool lines;
	u64 total;
	u64 sent;
	u64 claimed;
	u64 again;
	u64 began;
	u64 next;
	bool netlink;
	struct flight *flights;
	size_t n;
	size_t room;
};

void progress_start(struct progress *p, bool show, bool lines);
void progress_notice(struct progress *p, const struct ltp_notice *notice);
void progress_tick(struct progress *p);
void progress_clear(struct progress *p);

#endif /* PROGRESS_H */
