/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters.  Their meaning stands in Documentation/netlink/specs/ltp.yaml,
 * whose order they keep: the attribute of a counter is its number plus the
 * one of the first.
 */
#ifndef _LTP_MIB_H
#define _LTP_MIB_H

#include <linux/percpu.h>

enum ltp_mib_item {
	LTP_MIB_TX_BURSTS,
	LTP_MIB_TX_SEGMENTS,
	LTP_MIB_TX_BYTES,
	LTP_MIB_TX_CHECKPOINTS,
	LTP_MIB_TX_REPORTS,
	LTP_MIB_TX_REPORT_ACKS,
	LTP_MIB_TX_CANCELS,
	LTP_MIB_TX_CANCEL_ACKS,
	LTP_MIB_RTX_SEGMENTS,
	LTP_MIB_RTX_BYTES,
	LTP_MIB_RTX_CHECKPOINTS,
	LTP_MIB_RTX_REPORTS,
	LTP_MIB_TX_BUSY,
	LTP_MIB_TX_DROPPED,
	LTP_MIB_RX_SKBS,
	LTP_MIB_RX_COALESCED,
	LTP_MIB_RX_SEGMENTS,
	LTP_MIB_RX_BYTES,
	LTP_MIB_RX_KEEPALIVES,
	LTP_MIB_RX_DUPLICATE_BYTES,
	LTP_MIB_RX_REPORTS,
	LTP_MIB_RX_REPORT_ACKS,
	LTP_MIB_RX_CANCELS,
	LTP_MIB_RX_CANCEL_ACKS,
	LTP_MIB_BLOCKS_SENT,
	LTP_MIB_BLOCKS_COMPLETED,
	LTP_MIB_BLOCKS_CANCELLED,
	LTP_MIB_BLOCKS_RECEIVED,
	LTP_MIB_BLOCKS_REFUSED,
	LTP_MIB_BLOCKS_UNREAD,
	LTP_MIB_GREEN_RECEIVED,
	LTP_MIB_REPORTS_HELD,
	LTP_MIB_REPORTS_DELAYED,
	LTP_MIB_GAP_REPORTS,
	LTP_MIB_TX_COPIES,
	LTP_MIB_RX_COPIES,
	LTP_MIB_LIMIT_WAITS,
	LTP_MIB_ENGINES_LEARNED,
	LTP_MIB_DROP_CHECKSUM,
	LTP_MIB_DROP_MALFORMED,
	LTP_MIB_DROP_NO_SPAN,
	LTP_MIB_DROP_ADDRESS,
	LTP_MIB_DROP_NO_SERVICE,
	LTP_MIB_DROP_NO_SESSION,
	LTP_MIB_DROP_CLOSED,
	LTP_MIB_DROP_BAD_REPORT,
	LTP_MIB_DROP_MISCOLORED,
	LTP_MIB_DROP_LIMIT,
	LTP_MIB_DROP_RCVBUF,
	LTP_MIB_DROP_NOMEM,
	LTP_MIB_MAX,
};

struct ltp_mib {
	u64	item[LTP_MIB_MAX];
};

struct ltp_engine;
struct ltp_span;

/* Sums one counter over all CPUs; not exact while they count. */
u64 ltp_mib_read(const struct ltp_mib __percpu *mib, enum ltp_mib_item item);

/* Counts for the engine and its namespace, and for the span if there is one. */
void ltp_mib_add(struct ltp_engine *engine, struct ltp_span *span,
		 enum ltp_mib_item item, u64 n);

#endif /* _LTP_MIB_H */
