/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_DELAY_H
#define _LTP_DELAY_H

/*
 * Where something may end on one CPU while another is about to use it.  These
 * moments are short; a test has them last as long as it needs to meet them.
 * Their names are in delay.c.  Nothing of this is left but on kernels with
 * CONFIG_FAULT_INJECTION_DEBUG_FS, or if the module was made with LTP_DELAYS=y.
 */
enum ltp_delay {
	LTP_DELAY_TIMER_TAIL,	/* the callback has armed its timer again */
	LTP_DELAY_TIMER_END,	/* it is about to give its reference back */
	LTP_DELAY_RESUME,	/* a span is alive, its work not yet queued */
	LTP_DELAY_RUN,		/* the work of a flow begins */
	LTP_DELAY_PACER,	/* a flow is there, its pacer not yet started */
	LTP_DELAY_HOLD,		/* an answer is about to wait for the link */
	LTP_DELAY_XMIT,		/* a carrier was found, nothing sent */
	LTP_DELAY_INPUT,	/* a buffer came in, nothing of it was read */
	LTP_DELAY_DELETE,	/* a span is dead, its sessions have not ended */
	LTP_DELAY_INSERT,	/* a session is in the table, on no list */
	LTP_DELAY_CLOSE,	/* a session is closed, still in the table */
	LTP_DELAY_LEARN,	/* a stranger's span was made, its data waits */

	LTP_DELAYS_N
};

#if defined(CONFIG_FAULT_INJECTION_DEBUG_FS) || defined(LTP_DELAYS)
void ltp_delay_here(enum ltp_delay point);
void ltp_delay_init(void);
void ltp_delay_exit(void);
#else
static inline void ltp_delay_here(enum ltp_delay point)
{
}

static inline void ltp_delay_init(void)
{
}

static inline void ltp_delay_exit(void)
{
}
#endif

#define ltp_delay(point) ltp_delay_here(LTP_DELAY_##point)

#endif /* _LTP_DELAY_H */
