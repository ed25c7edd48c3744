/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ltp

#if !defined(_LTP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _LTP_TRACE_H

#include <linux/tracepoint.h>
#include <net/ltp.h>

/* A buffer handed to IP; err is what came back. */
TRACE_EVENT(ltp_burst,
	TP_PROTO(u64 engine, u64 remote, u32 segs, u32 bytes, int err),
	TP_ARGS(engine, remote, segs, bytes, err),
	TP_STRUCT__entry(
		__field(u64, engine)
		__field(u64, remote)
		__field(u32, segs)
		__field(u32, bytes)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->engine = engine;
		__entry->remote = remote;
		__entry->segs = segs;
		__entry->bytes = bytes;
		__entry->err = err;
	),
	TP_printk("engine=%llu remote=%llu segs=%u bytes=%u err=%d",
		  __entry->engine, __entry->remote, __entry->segs,
		  __entry->bytes, __entry->err)
);

/* A buffer received from UDP, coalesced from so many datagrams. */
TRACE_EVENT(ltp_receive,
	TP_PROTO(u64 engine, u64 remote, u32 datagrams, u32 segs, u32 bytes),
	TP_ARGS(engine, remote, datagrams, segs, bytes),
	TP_STRUCT__entry(
		__field(u64, engine)
		__field(u64, remote)
		__field(u32, datagrams)
		__field(u32, segs)
		__field(u32, bytes)
	),
	TP_fast_assign(
		__entry->engine = engine;
		__entry->remote = remote;
		__entry->datagrams = datagrams;
		__entry->segs = segs;
		__entry->bytes = bytes;
	),
	TP_printk("engine=%llu remote=%llu datagrams=%u segs=%u bytes=%u",
		  __entry->engine, __entry->remote, __entry->datagrams,
		  __entry->segs, __entry->bytes)
);

/* Something was dropped; why is the number of its counter, enum ltp_mib_item */
TRACE_EVENT(ltp_drop,
	TP_PROTO(u64 engine, u64 remote, u32 why),
	TP_ARGS(engine, remote, why),
	TP_STRUCT__entry(
		__field(u64, engine)
		__field(u64, remote)
		__field(u32, why)
	),
	TP_fast_assign(
		__entry->engine = engine;
		__entry->remote = remote;
		__entry->why = why;
	),
	TP_printk("engine=%llu remote=%llu why=%s", __entry->engine,
		  __entry->remote,
		  __print_symbolic(__entry->why,
				   { LTP_MIB_DROP_CHECKSUM, "checksum" },
				   { LTP_MIB_DROP_MALFORMED, "malformed" },
				   { LTP_MIB_DROP_NO_SPAN, "no-span" },
				   { LTP_MIB_DROP_ADDRESS, "address" },
				   { LTP_MIB_DROP_NO_SERVICE, "no-service" },
				   { LTP_MIB_DROP_NO_SESSION, "no-session" },
				   { LTP_MIB_DROP_CLOSED, "closed" },
				   { LTP_MIB_DROP_BAD_REPORT, "bad-report" },
				   { LTP_MIB_DROP_MISCOLORED, "miscolored" },
				   { LTP_MIB_DROP_LIMIT, "limit" },
				   { LTP_MIB_DROP_RCVBUF, "rcvbuf" },
				   { LTP_MIB_DROP_NOMEM, "nomem" },
				   { LTP_MIB_LIMIT_MEM, "mem" }))
);

/* A session changes its state: enum ltp_state. */
TRACE_EVENT(ltp_state,
	TP_PROTO(const struct ltp_session *s, u8 state),
	TP_ARGS(s, state),
	TP_STRUCT__entry(
		__field(u64, engine)
		__field(u64, originator)
		__field(u64, number)
		__field(u8, from)
		__field(u8, to)
	),
	TP_fast_assign(
		__entry->engine = s->key.engine;
		__entry->originator = s->key.originator;
		__entry->number = s->key.number;
		__entry->from = s->state;
		__entry->to = state;
	),
	TP_printk("engine=%llu session=%llu.%llu from=%u to=%u",
		  __entry->engine, __entry->originator, __entry->number,
		  __entry->from, __entry->to)
);

/* A session is given up; reason is enum ltp_reason. */
TRACE_EVENT(ltp_cancel,
	TP_PROTO(const struct ltp_session *s, u8 reason, bool by_peer),
	TP_ARGS(s, reason, by_peer),
	TP_STRUCT__entry(
		__field(u64, engine)
		__field(u64, originator)
		__field(u64, number)
		__field(u8, reason)
		__field(bool, by_peer)
	),
	TP_fast_assign(
		__entry->engine = s->key.engine;
		__entry->originator = s->key.originator;
		__entry->number = s->key.number;
		__entry->reason = reason;
		__entry->by_peer = by_peer;
	),
	TP_printk("engine=%llu session=%llu.%llu reason=%u by_peer=%d",
		  __entry->engine, __entry->originator, __entry->number,
		  __entry->reason, __entry->by_peer)
);

/* The timer of a signal expired: type of segment, serial, how often before. */
TRACE_EVENT(ltp_timer,
	TP_PROTO(const struct ltp_session *s, u8 type, u64 serial, u32 count),
	TP_ARGS(s, type, serial, count),
	TP_STRUCT__entry(
		__field(u64, engine)
		__field(u64, originator)
		__field(u64, number)
		__field(u64, serial)
		__field(u32, count)
		__field(u8, type)
	),
	TP_fast_assign(
		__entry->engine = s->key.engine;
		__entry->originator = s->key.originator;
		__entry->number = s->key.number;
		__entry->serial = serial;
		__entry->count = count;
		__entry->type = type;
	),
	TP_printk("engine=%llu session=%llu.%llu type=%u serial=%llu count=%u",
		  __entry->engine, __entry->originator, __entry->number,
		  __entry->type, __entry->serial, __entry->count)
);

/* A report was made, or came in: its serial, its checkpoint, its scope. */
TRACE_EVENT(ltp_report,
	TP_PROTO(const struct ltp_session *s, bool sent, u64 serial, u64 cp,
		 u64 lower, u64 upper),
	TP_ARGS(s, sent, serial, cp, lower, upper),
	TP_STRUCT__entry(
		__field(u64, engine)
		__field(u64, originator)
		__field(u64, number)
		__field(u64, serial)
		__field(u64, cp)
		__field(u64, lower)
		__field(u64, upper)
		__field(bool, sent)
	),
	TP_fast_assign(
		__entry->engine = s->key.engine;
		__entry->originator = s->key.originator;
		__entry->number = s->key.number;
		__entry->serial = serial;
		__entry->cp = cp;
		__entry->lower = lower;
		__entry->upper = upper;
		__entry->sent = sent;
	),
	TP_printk("engine=%llu session=%llu.%llu %s serial=%llu cp=%llu scope=%llu-%llu",
		  __entry->engine, __entry->originator, __entry->number,
		  __entry->sent ? "sent" : "received", __entry->serial,
		  __entry->cp, __entry->lower, __entry->upper)
);

#endif /* _LTP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
