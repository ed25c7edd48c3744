// SPDX-License-Identifier: GPL-2.0
/*
 * What leaves, and in which order: for one session retransmissions before
 * original data; for one peer reports, acknowledgments and cancels before
 * either, because they go out at once, past the span's queue and rate.
 *
 * ltp_output_export() sends in the caller's context, be that sendmsg() or the
 * softirq that brought a report, until the session has nothing left, the rate
 * or the flow's send buffer says stop, or a softirq has done its share.  What
 * is left then waits in ltp_flow.pending, where sessions take turns, for
 * ltp_output_run().
 */
#include <linux/slab.h>
#include <linux/udp.h>

#include "block.h"
#include "compat.h"
#include "delay.h"
#include "fault.h"
#include "flow.h"
#include "mem.h"
#include "notice.h"
#include "output.h"
#include "pace.h"
#include "report.h"
#include "session.h"
#include "signals.h"
#include "span.h"
#include "timer.h"
#include "trace.h"
#include "udp.h"

/* Bursts that one softirq, or one turn of a session, may send. */
#define SOFTIRQ_BURSTS	16
#define TURN_BURSTS	1

/* Signals that one softirq sends for a session at once. */
#define SOFTIRQ_SIGNALS	32

/*
 * Checkpoints of resends that one session has out; what is to be sent again
 * waits for an answer to one of them, and is joined meanwhile.
 */
#define RESENT_MAX	256

/* After a refusal by a queue that will not wake us. */
#define RETRY_NS	(5 * NSEC_PER_MSEC)
#define RETRY_SLOW_NS	(100 * NSEC_PER_MSEC)

/* For so long at least a closed socket's block may find no way out. */
#define STALLED_MIN_NS	NSEC_PER_SEC

/* Answers that wait for a stopped link; what they answer comes again. */
#define HELD_MAX	1024

static struct workqueue_struct *output_wq;

/* Bytes of those of all spans: they are no socket's. */
static atomic_long_t held_bytes;

/**
 * struct shot - one buffer on its way out
 * @skb: the buffer
 * @stride: bytes of its segments
 * @payload: payload bytes in it
 * @segs: segments in it
 * @undo: sent-mark to restore if it is refused
 * @first_pass: it is original data, and the mark ltp_export.sent
 * @batch: the batch it belongs to, and the mark its position
 * @cp: checkpoint it ends with, until that is answered
 * @cp_serial: its serial
 */
struct shot {
	struct sk_buff		*skb;
	u32			stride;
	u32			payload;
	u32			segs;
	u64			undo;
	bool			first_pass;
	struct ltp_batch	*batch;
	struct ltp_signal	*cp;
	u64			cp_serial;
};

static u8 checkpoint_type(const struct ltp_export *e, u64 end)
{
	if (end != e->red_length)
		return LTP_SEG_RED_CP;
	return e->ended && end == e->length ? LTP_SEG_RED_CP_EORP_EOB :
					      LTP_SEG_RED_CP_EORP;
}

/* Makes the checkpoint over [@from, @end) of one segment the buffer to send. */
static int shot_checkpoint(struct ltp_export *e, const struct ltp_piece *p,
			   u64 from, u64 end, u64 lower,
			   const struct ltp_batch *batch, struct shot *shot)
{
	u64 rs_serial = batch ? batch->rs_serial : 0;
	u8 type = checkpoint_type(e, end);
	struct ltp_signal *cp;

	cp = ltp_block_rebuild_cp(e, p, from, end - from, type,
				  e->s.next_serial, rs_serial);
	if (!cp)
		return -ENOMEM;
	if (!ltp_mem_provoked(e, ksize(cp))) {
		ltp_session_signal_free(cp);
		return -ENOMEM;
	}
	e->n_resent++;
	cp->lower = lower;
	cp->upper = end;
	cp->cycle = batch ? batch->cycle : 0;
	shot->skb = ltp_block_signal_skb(cp);
	if (!shot->skb) {
		ltp_signal_end(&e->s, cp);
		return -ENOMEM;
	}
	e->s.next_serial++;
	shot->cp = cp;
	shot->stride = U32_MAX;
	shot->payload = end - from;
	shot->segs = 1;
	return 0;
}

/*
 * The next bytes of a batch, within one original segment, and whether the
 * batch ends with them.
 */
static bool batch_next(const struct ltp_export *e,
		       const struct ltp_batch *batch, struct ltp_piece *p,
		       u64 *from, u64 *to, bool *last)
{
	u64 a, b;

	if (!ltp_ranges_next_gap(&e->claimed, batch->pos, batch->end, from, to))
		return false;
	if (WARN_ON_ONCE(!ltp_block_seek(e, *from, p)))
		return false;
	*to = min(*to, p->start + p->len);
	*last = !ltp_ranges_next_gap(&e->claimed, *to, batch->end, &a, &b);
	return true;
}

/*
 * A piece of a batch that must be built anew, because it is cut, was a
 * checkpoint, has become too large for the path, or ends the batch and so
 * becomes a checkpoint (section 6.13).  What finds no room in that goes before.
 */
static int shot_rebuild(struct ltp_export *e, struct ltp_batch *batch,
			const struct ltp_piece *p, u64 from, u64 to, bool last,
			u32 wire, struct shot *shot)
{
	u32 room;

	if (last) {
		room = ltp_segment_fill_cp(&e->prefix, from, wire,
					   e->s.next_serial, batch->rs_serial);
		if (to - from <= room) {
			int err = shot_checkpoint(e, p, from, to, batch->lower,
						  batch, shot);

			if (!err)
				batch->pos = batch->end;
			return err;
		}
		to--;		/* something must be left for it */
		if (to == from)
			return -EMSGSIZE;
	}
	room = ltp_segment_fill(&e->prefix, from, wire);
	if (!room)
		return -EMSGSIZE;
	to = min(to, from + room);
	shot->skb = ltp_block_rebuild(e, p, from, to - from);
	if (!shot->skb)
		return -ENOMEM;
	shot->stride = U32_MAX;
	shot->payload = to - from;
	shot->segs = 1;
	batch->pos = to;
	return 0;
}

/*
 * The next buffer of a batch: as many whole original segments of one size as
 * it can refer to, wherever they lie; or a single one built anew.
 */
static int shot_batch(struct ltp_export *e, struct ltp_batch *batch, u32 wire,
		      struct shot *shot)
{
	struct ltp_piece p;
	u64 from, to;
	bool last;

	shot->undo = batch->pos;
	shot->batch = batch;
	while (batch_next(e, batch, &p, &from, &to, &last)) {
		if (last || from != p.start || to != p.start + p.len ||
		    p.type != LTP_SEG_RED || p.wire_len > wire)
			return shot->segs ? 0 :
			       shot_rebuild(e, batch, &p, from, to, last, wire,
					    shot);
		if (!shot->segs) {
			shot->skb = LTP_ALLOC(BATCH_SKB,
					      ltp_block_skb(0, GFP_ATOMIC));
			if (!shot->skb)
				return -ENOMEM;
			shot->stride = p.wire_len;
		} else if (p.wire_len > shot->stride ||
			   shot->segs >= ltp_pace_burst(e, shot->stride) ||
			   shot->skb->len + p.wire_len > e->burst_max) {
			return 0;
		}
		if (ltp_block_add_frags(shot->skb, p.b, p.wire_pos,
					p.wire_len)) {
			/* One segment always fits: see ltp_block_append(). */
			return 0;
		}
		shot->segs++;
		shot->payload += p.len;
		batch->pos = to;
		if (p.wire_len < shot->stride)
			return 0;
	}
	return shot->segs ? 0 : -ENODATA;
}

/* Has data that the path does not take any more cut anew, as if reported. */
static int recut(struct ltp_export *e, u64 from, u64 end, u64 lower,
		 u64 rs_serial)
{
	struct ltp_batch *batch;

	if (!ltp_mem_provoked(e, sizeof(*batch)))
		return -ENOMEM;
	batch = LTP_ALLOC(RECUT, kzalloc(sizeof(*batch),
					 GFP_ATOMIC | __GFP_NOWARN));
	if (!batch) {
		ltp_mem_provoked_back(e, sizeof(*batch));
		return -ENOMEM;
	}
	e->n_batches++;
	batch->pos = from;
	batch->end = end;
	batch->lower = lower;
	batch->rs_serial = rs_serial;
	list_add_tail(&batch->list, &e->batches);
	return 0;
}

/**
 * ltp_output_recut() - a checkpoint may be too large for the path by now
 * @e: its session
 * @cp: the checkpoint, about to be sent again; freed if it is too large
 *
 * Context: softirq, session.lock held; the caller calls ltp_output_export().
 * Return: true if it is, and goes as smaller segments.
 */
bool ltp_output_recut(struct ltp_export *e, struct ltp_signal *cp)
{
	u32 wire = ltp_flow_payload_max(e->s.span, e->s.flow);
	u64 from = cp->upper - cp->len;
	struct ltp_piece p;

	/* Without a route, @wire is 0, and there is nothing to go by. */
	if (!wire || cp->n_data + cp->len <= wire)
		return false;
	if (!cp->n_data)	/* with its original header */
		from = ltp_block_seek(e, cp->upper - 1, &p) ? p.start :
							      cp->upper - 1;
	if (recut(e, from, cp->upper, cp->lower, cp->ref))
		return false;
	ltp_signal_end(&e->s, cp);
	return true;
}

/* The next burst of original data, or as much as may leave at once. */
static int shot_burst(struct ltp_export *e, struct ltp_burst *b, u32 wire,
		      struct shot *shot)
{
	struct ltp_piece part;
	u64 from;
	u32 n;

	if (b->stride > wire && b->type == LTP_SEG_GREEN) {
		/* The path MTU shrank, and green data is not cut anew. */
		e->sent = b->start + b->len;
		ltp_block_drop_burst(e, b);
		return -EAGAIN;
	}
	if (b->stride > wire) {
		/* Its checkpoint is not needed: the batch ends with one. */
		from = max(e->sent, b->start);
		if (recut(e, from, b->start + b->len, from, 0))
			return -ENOMEM;
		ltp_session_signal_free(b->cp);
		b->cp = NULL;
		e->sent = b->start + b->len;
		return -EAGAIN;
	}
	shot->skb = LTP_ALLOC(BURST_SKB, ltp_block_skb(0, GFP_ATOMIC));
	if (!shot->skb)
		return -ENOMEM;
	n = ltp_pace_burst(e, b->stride);
	ltp_block_part(e, b, n, &part);
	ltp_pace_sent(e, b, part.start, n);
	ltp_block_add_frags(shot->skb, b, part.wire_pos, part.wire_len);
	shot->first_pass = true;
	shot->stride = b->stride;
	shot->undo = part.start;
	shot->payload = part.len;
	shot->segs = DIV_ROUND_UP(part.wire_len, b->stride);
	e->sent = part.start + part.len;
	if (b->cp && e->sent == b->start + b->len) {
		shot->cp = b->cp;
		refcount_inc(&b->ref);
		b->cp->burst = b;
		b->cp = NULL;
	}
	return 0;
}

/*
 * A checkpoint over red data that already left, because the sender must know
 * what became of it to go on.
 */
static int shot_forced(struct ltp_export *e, u32 wire, struct shot *shot)
{
	u64 end = min(e->sent, e->red_length), from, to, lower;
	struct ltp_piece p;
	u32 room;
	int err;

	e->force_cp = false;
	if (!ltp_ranges_next_gap(&e->claimed, 0, end, &from, &to))
		return -ENODATA;
	if (!ltp_block_seek(e, end - 1, &p)) {
		if (!ltp_block_seek(e, from, &p))
			return -ENODATA;
		end = min(end, p.start + p.len);
	}
	lower = end > e->cp_upper ? e->cp_upper : 0;
	room = ltp_segment_fill_cp(&e->prefix, p.start, wire, e->s.next_serial,
				   0);
	from = max(p.start, end - min_t(u64, room, end - p.start));
	err = shot_checkpoint(e, &p, from, end, lower, NULL, shot);
	if (!err)
		e->cp_upper = max(e->cp_upper, end);
	return err;
}

/* All of an ended block left, no checkpoint is out, and data is missing. */
static bool stuck(const struct ltp_export *e)
{
	return e->ended && RB_EMPTY_ROOT(&e->s.signals) && !e->n_batches &&
	       e->claimed.total < e->red_length;
}

/* The first batch that may leave, with a checkpoint. */
static struct ltp_batch *batch_due(const struct ltp_export *e)
{
	if (list_empty(&e->batches) || unlikely(e->n_resent >= RESENT_MAX))
		return NULL;
	return list_first_entry(&e->batches, struct ltp_batch, list);
}

/* Whether shot_next() has nothing to do.  session.lock held. */
static bool all_out(const struct ltp_export *e)
{
	return e->s.state > LTP_WAITING ||
	       (e->sent >= e->length && !e->force_cp && !batch_due(e) &&
		!stuck(e) && !(e->ended && e->s.state == LTP_SENDING));
}

/*
 * Decides what the session sends next and marks it sent.  session.lock held.
 * Returns 0; -ENODATA if there is nothing; -ENOMEM, -EMSGSIZE.
 */
static int shot_next(struct ltp_export *e, u32 wire, struct shot *shot)
{
	struct ltp_batch *batch;
	struct ltp_burst *b;
	int err;

	memset(shot, 0, sizeof(*shot));
	if (e->s.state > LTP_WAITING)
		return -ENODATA;
	for (;;) {
		batch = batch_due(e);
		if (!batch) {
			b = ltp_block_unsent(e);
			err = b ? shot_burst(e, b, wire, shot) : -ENODATA;
			if (err == -EAGAIN)
				continue;
			break;
		}
		err = shot_batch(e, batch, wire, shot);
		if (err == -ENODATA || shot->cp) {
			list_del(&batch->list);
			kfree(batch);
			e->n_batches--;
			ltp_mem_provoked_back(e, sizeof(*batch));
			shot->batch = NULL;
		}
		if (err != -ENODATA)
			break;
	}
	if (err == -ENODATA && e->ended && e->s.state == LTP_SENDING)
		ltp_export_all_sent(e);
	if (err == -ENODATA && e->s.state <= LTP_WAITING &&
	    (e->force_cp || stuck(e)))
		err = shot_forced(e, wire, shot);
	if (err) {
		kfree_skb(shot->skb);
		return err;
	}
	if (shot->cp) {
		shot->cp_serial = shot->cp->serial;
		ltp_signal_add(&e->s, shot->cp);
		ltp_timer_signal_leaves(&e->s, shot->cp);
	}
	return 0;
}

/* While the buffer was on its way the checkpoint may have been answered. */
static bool checkpoint_is_out(const struct ltp_export *e, struct shot *shot)
{
	shot->cp = ltp_signal_find(&e->s, shot->cp_serial);
	return shot->cp;
}

/* Takes back what was marked, after the stack refused the buffer. */
static void shot_undo(struct ltp_export *e, struct shot *shot)
{
	struct ltp_burst *b;

	if (e->s.state > LTP_WAITING)
		return;
	if (shot->first_pass) {
		/* A peer may claim what never left, and get away with it. */
		b = ltp_block_find(e, shot->undo);
		if (!b || b->start > shot->undo)
			return;
		e->sent = shot->undo;
		if (shot->cp && checkpoint_is_out(e, shot)) {
			ltp_signal_unlink(&e->s, shot->cp);
			shot->cp->burst = NULL;
			ltp_block_burst_put(b);
			b->cp = shot->cp;
		}
		return;
	}
	/* A checkpoint that ended the batch is sent again by its timer, soon. */
	if (shot->cp && checkpoint_is_out(e, shot))
		ltp_timer_signal_refused(&e->s, shot->cp);
	if (shot->batch)	/* only who is busy frees it: this caller */
		shot->batch->pos = shot->undo;
}

static int flow_xmit(struct ltp_span *span, u32 flow, struct sk_buff *skb,
		     u32 stride)
{
	struct ltp_carrier *c;
	int err = -ENETDOWN;

	rcu_read_lock();
	c = ltp_flow_carrier(span, flow);
	ltp_delay(XMIT);
	if (c)
		err = ltp_udp_xmit(c, skb, stride);
	else
		kfree_skb(skb);
	rcu_read_unlock();
	return err;
}

/*
 * Sends the redundant copies of a segment, which the caller keeps; those of
 * answers as far as the peer is worth them.
 */
static void send_copies(struct ltp_span *span, u32 flow, struct sk_buff *skb)
{
	u8 type = skb->data[0] & 0xf;	/* the version is 0 */
	u32 n = READ_ONCE(span->conf.redundancy);
	struct sk_buff *copy;

	for (; n > 1; n--) {
		if (!ltp_segment_is_data(type) && type != LTP_SEG_CS) {
			if (!ltp_span_affords(span))
				return;
			ltp_span_spend(span, skb->len);
		}
		copy = LTP_ALLOC(COPY_SKB, __pskb_copy(skb, LTP_UDP_HEADROOM,
						       GFP_ATOMIC |
						       __GFP_NOWARN));
		if (copy && !flow_xmit(span, flow, copy, U32_MAX))
			ltp_mib_add(span->engine, span, LTP_MIB_TX_COPIES, 1);
	}
}

/*
 * Counts what left, and draws the conclusions for original data.  Returns its
 * checkpoint alone, if that shall leave in copies.
 */
static struct sk_buff *shot_done(struct ltp_export *e, struct shot *shot)
{
	struct sk_buff *cp = NULL;
	struct ltp_burst *b;

	if (shot->cp) {
		ltp_session_count(&e->s, LTP_MIB_TX_CHECKPOINTS, 1);
		if (READ_ONCE(e->s.span->conf.redundancy) > 1 &&
		    checkpoint_is_out(e, shot))
			cp = ltp_block_signal_skb(shot->cp);
	}
	if (!shot->first_pass) {
		ltp_session_count(&e->s, LTP_MIB_RTX_SEGMENTS, shot->segs);
		ltp_session_count(&e->s, LTP_MIB_RTX_BYTES, shot->payload);
		e->rtx_bytes += shot->payload;
		return cp;
	}
	if (e->s.state != LTP_SENDING)
		return cp;
	/* Green data is not sent twice.  Red data may be claimed by now. */
	b = ltp_block_find(e, shot->undo);
	if (b && b->start <= shot->undo && b->type == LTP_SEG_GREEN &&
	    e->sent >= b->start + b->len)
		ltp_block_drop_burst(e, b);
	if (e->ended && e->sent == e->length)
		ltp_export_all_sent(e);
	return cp;
}

/**
 * ltp_output_stalled() - our own stack took nothing of a session
 * @e: the session
 *
 * Without a route, or where a queue takes nothing, a block waits as long as its
 * socket is there to give it up.  What a closed socket left behind does not wait
 * for ever.
 *
 * Context: process or softirq; no locks.
 */
void ltp_output_stalled(struct ltp_export *e)
{
	const struct ltp_span *span = e->s.span;
	u64 now = ktime_get_ns(), patience;

	if (!e->stalled)
		e->stalled = now;
	patience = READ_ONCE(span->conf.max_retries) *
		   ltp_timer_round_trip(span);
	if (now - e->stalled < max_t(u64, patience, STALLED_MIN_NS))
		return;
	spin_lock_bh(&e->s.lock);
	if (e->s.state <= LTP_WAITING && sock_flag(e->s.sk, SOCK_DEAD))
		ltp_session_cancel(&e->s, LTP_REASON_RLEXC, false);
	spin_unlock_bh(&e->s.lock);
	ltp_output_signals(&e->s);
}

/*
 * Sends one buffer of a session that this caller has marked busy.
 *
 * Returns 0; -ENODATA if there was none, or is none any more, and the session
 * is not busy then; -EAGAIN if it must wait, and ltp_output_run() is arranged
 * for.
 */
static int output_one(struct ltp_export *e)
{
	struct ltp_span *span = e->s.span;
	struct sk_buff *cp = NULL;
	struct shot shot __uninitialized;
	bool last = false;
	u32 bytes, wire;
	ktime_t at;
	u64 now;
	int err;

	wire = min(e->wire, ltp_flow_payload_max(span, e->s.flow));
	spin_lock_bh(&e->s.lock);
	if (e->s.state <= LTP_WAITING && !wire) {
		ltp_session_count(&e->s, LTP_MIB_TX_DROPPED, 1);
		err = -ENETUNREACH;
	} else {
		err = shot_next(e, wire, &shot);
	}
	if (err == -ENODATA)
		e->busy = false;
	spin_unlock_bh(&e->s.lock);
	if (err == -ENODATA)
		return err;

	if (!err) {
		bytes = shot.skb->len;
		at = ns_to_ktime(ltp_pace_take(span, bytes));
		ltp_compat_delivery_time(shot.skb, at);
		err = flow_xmit(span, e->s.flow, shot.skb, shot.stride);
		if (err)
			ltp_pace_give_back(span, bytes);
		if (err == -ENOBUFS)
			ltp_pace_refused(span, shot.segs);
		else if (!err)
			ltp_pace_left(span, shot.segs);
		spin_lock_bh(&e->s.lock);
		if (err) {
			shot_undo(e, &shot);
		} else {
			cp = shot_done(e, &shot);
			last = all_out(e);
			if (last)
				e->busy = false;
		}
		/* The answer to a checkpoint may have come by now. */
		if (shot.cp_serial && !RB_EMPTY_ROOT(&e->s.signals))
			ltp_timer_update(&e->s);
		spin_unlock_bh(&e->s.lock);
		if (cp) {
			ltp_compat_delivery_time(cp, at);
			send_copies(span, e->s.flow, cp);
		}
		kfree_skb(cp);
	}
	if (!err) {
		e->stalled = 0;
		return last ? -ENODATA : 0;
	}
	ltp_output_stalled(e);
	/* No route, or no memory: that may take longer than a full queue. */
	now = ktime_get_ns();
	ltp_pace_ready(span, e->s.flow, now +
		       (err == -ENOBUFS && now - e->stalled < STALLED_MIN_NS ?
			RETRY_NS : RETRY_SLOW_NS));
	return -EAGAIN;
}

/*
 * Leaves a session that this caller has marked busy to ltp_output_run(); @ran
 * if it just had a turn there, @first if that came to nothing.
 */
static void output_queue(struct ltp_export *e, bool first, bool ran)
{
	struct ltp_span *span = e->s.span;

	spin_lock_bh(&e->s.lock);
	e->busy = false;
	if (e->s.state <= LTP_WAITING) {
		spin_lock(&span->lock);
		if (!span->dead) {
			e->queued = true;
			ltp_session_hold(&e->s);
			ltp_flow_queue(e, batch_due(e), first, ran);
		}
		spin_unlock(&span->lock);
	}
	spin_unlock_bh(&e->s.lock);
}

/**
 * ltp_output_export() - send what a session has to send
 * @e: the session
 *
 * Context: process or softirq; no locks.
 */
void ltp_output_export(struct ltp_export *e)
{
	/* NAPI may be a thread, or who polls: what counts is what is held up. */
	int left = softirq_count() ? SOFTIRQ_BURSTS : INT_MAX;
	struct ltp_span *span = e->s.span;
	u32 flow = e->s.flow;
	int err = 0;

	spin_lock_bh(&e->s.lock);
	if (e->queued && batch_due(e))
		ltp_flow_hurry(e);
	if (e->busy || e->queued || e->s.state > LTP_WAITING) {
		spin_unlock_bh(&e->s.lock);
		return;
	}
	e->busy = true;
	spin_unlock_bh(&e->s.lock);

	/* Who comes while others wait waits behind them. */
	if (list_empty(&ltp_flow_home(e)->pending))
		while (!err && left--)
			err = ltp_pace_ready(span, flow, 0) ? output_one(e) :
							      -EAGAIN;
	if (err == -ENODATA) {
		if (READ_ONCE(span->behind) && ltp_flow_idle(span))
			ltp_pace_idle(span);
		return;
	}
	output_queue(e, false, false);
	/* A wake-up that came before the session was queued found nobody. */
	if (ltp_pace_ready(span, flow, 0))
		ltp_output_resume(span);
}

/**
 * ltp_output_run() - send for the sessions that wait for their flow
 * @work: ltp_flow.run; has a reference to the span from being queued until now
 *
 * Context: process.
 */
void ltp_output_run(struct work_struct *work)
{
	struct ltp_flow *f = container_of(work, struct ltp_flow, run);
	struct ltp_span *span = f->span;
	struct ltp_export *e;
	int err, left;

	ltp_delay(RUN);
	while (ltp_pace_ready(span, f - span->flow, 0)) {
		e = ltp_flow_next(f);
		if (!e)
			break;

		spin_lock_bh(&e->s.lock);
		e->queued = false;
		e->busy = true;
		spin_unlock_bh(&e->s.lock);
		for (left = TURN_BURSTS, err = 0; !err && left; left--)
			err = output_one(e);
		if (err != -ENODATA)
			output_queue(e, err == -EAGAIN, true);
		ltp_session_put(&e->s);
		if (err == -EAGAIN) {
			/* A pacer that was early found nobody. */
			if (!hrtimer_is_queued(&span->pacer))
				ltp_output_resume(span);
			break;
		}
		cond_resched();
	}
	ltp_span_put(span);
}

/*
 * A work that is queued, or runs, has a reference: one that is queued while
 * its span is being deleted finds no session there, or no flow, and is as good
 * as none.
 */
static void output_queue_run(struct ltp_flow *f)
{
	ltp_span_hold(f->span);
	if (!queue_work(output_wq, &f->run))
		ltp_span_put(f->span);
}

/**
 * ltp_output_resume() - the span may be able to send again
 * @span: the span, held
 *
 * Context: any.
 */
void ltp_output_resume(struct ltp_span *span)
{
	u32 i, n = READ_ONCE(span->conf.flows);

	if (READ_ONCE(span->dead))
		return;
	for (i = 0; i < n; i++) {
		if (list_empty(&span->flow[i].pending))
			continue;
		ltp_delay(RESUME);
		output_queue_run(&span->flow[i]);
	}
}

/**
 * ltp_output_stop() - nothing is sent for a span any more
 * @span: the span, held, marked dead
 *
 * The mark keeps the pacer from being started again, and sessions from being
 * queued.  Who had looked at it before that may still queue a work, which does
 * nothing.
 *
 * Context: process.
 */
void ltp_output_stop(struct ltp_span *span)
{
	struct ltp_export *e, *next;
	LIST_HEAD(pending);
	int i;

	hrtimer_cancel(&span->pacer);
	for (i = 0; i < LTP_FLOWS_MAX; i++)
		if (cancel_work_sync(&span->flow[i].run))
			ltp_span_put(span);
	spin_lock_bh(&span->lock);
	for (i = 0; i < LTP_FLOWS_MAX; i++)
		list_splice_tail_init(&span->flow[i].pending, &pending);
	spin_unlock_bh(&span->lock);
	list_for_each_entry_safe(e, next, &pending, pending) {
		list_del_init(&e->pending);
		ltp_session_put(&e->s);
	}
}

static void held_free(struct sk_buff *skb)
{
	atomic_long_sub(skb->truesize, &held_bytes);
}

/* Counts a segment that is to wait; a 64th of the machine's memory is enough. */
static bool held_count(struct sk_buff *skb)
{
	if (atomic_long_add_return(skb->truesize, &held_bytes) >> PAGE_SHIFT >
	    totalram_pages() / 64) {
		held_free(skb);
		return false;
	}
	skb->destructor = held_free;
	return true;
}

/*
 * Keeps a segment until the link is up; false if it is.  Of a dead span it never
 * will be: ltp_output_drop_held() comes behind the mark, and nothing after that.
 */
static bool output_hold(struct ltp_span *span, struct sk_buff *skb)
{
	bool waits = false;

	ltp_delay(HOLD);
	if (likely(!READ_ONCE(span->local_stopped)))
		return false;
	spin_lock_bh(&span->held.lock);
	if (READ_ONCE(span->local_stopped)) {
		waits = true;
		if (READ_ONCE(span->dead)) {
			kfree_skb(skb);
		} else if (skb_queue_len(&span->held) < HELD_MAX &&
			   held_count(skb)) {
			__skb_queue_tail(&span->held, skb);
		} else {
			kfree_skb(skb);
			ltp_mib_add(span->engine, span, LTP_MIB_LIMIT_HELD, 1);
		}
	}
	spin_unlock_bh(&span->held.lock);
	return waits;
}

/**
 * ltp_output_skb() - send one segment at once, as often as the span says
 * @span: the span
 * @flow: index of the flow
 * @skb: the segment; consumed
 *
 * Context: process or softirq; no locks.
 * Return: 0 or an errno.
 */
int ltp_output_skb(struct ltp_span *span, u32 flow, struct sk_buff *skb)
{
	if (output_hold(span, skb))
		return 0;
	send_copies(span, flow, skb);
	return flow_xmit(span, flow, skb, U32_MAX);
}

/**
 * ltp_output_held() - send what waited for the link
 * @span: the span, its link up
 *
 * Context: process.
 */
void ltp_output_held(struct ltp_span *span)
{
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&span->held))) {
		skb_orphan(skb);	/* it counts no more */
		ltp_output_skb(span, 0, skb);
		cond_resched();
	}
}

/**
 * ltp_output_drop_held() - nothing waits for a link any more
 * @span: the span, marked dead
 *
 * Context: process.
 */
void ltp_output_drop_held(struct ltp_span *span)
{
	struct sk_buff_head held;

	__skb_queue_head_init(&held);
	spin_lock_bh(&span->held.lock);
	skb_queue_splice_init(&span->held, &held);
	spin_unlock_bh(&span->held.lock);
	__skb_queue_purge(&held);
}

/**
 * ltp_output_affords() - whether the peer is worth another transmission
 * @s: a session
 * @sig: one of its signals
 *
 * Those of an import session are limited by what its peer sends, and this
 * counts as one; those of an export session are not.
 *
 * Context: session.lock held.
 * Return: true if it may leave.
 */
bool ltp_output_affords(struct ltp_session *s, const struct ltp_signal *sig)
{
	if (ltp_session_is_export(s))
		return true;
	if (!ltp_span_affords(s->span))
		return false;
	ltp_span_spend(s->span, sig->n_data);
	return true;
}

/* Marks the next signal sent; returns the buffer, or NULL if none may leave. */
static struct sk_buff *signal_next(struct ltp_session *s,
				   struct ltp_signal *sig)
{
	struct sk_buff *skb = NULL;

	/* A report's first transmission was paid for. */
	if ((!sig->count && sig->type == LTP_SEG_RS) ||
	    ltp_output_affords(s, sig))
		skb = ltp_block_signal_skb(sig);
	/* Without memory the timer tries again. */
	ltp_timer_signal_sent(s, sig);
	if (!sig->count && skb)		/* else counted when it was due */
		ltp_session_count(s, sig->type == LTP_SEG_RS ?
				  LTP_MIB_TX_REPORTS : LTP_MIB_TX_CANCELS, 1);
	return skb;
}

/**
 * ltp_output_signals() - send the signals that have not left yet
 * @s: their session
 *
 * What is more than a softirq should send at once is left to the timer.
 *
 * Context: process or softirq; no locks.
 */
void ltp_output_signals(struct ltp_session *s)
{
	u32 left = softirq_count() ? SOFTIRQ_SIGNALS : U32_MAX;
	struct ltp_signal *sig;
	struct sk_buff *skb;
	bool more;

	/* Whoever adds one comes here when it is unlocked. */
	while (!list_empty_careful(&s->unsent)) {
		if (READ_ONCE(s->span->local_stopped))
			return;		/* local_start() comes back */
		skb = NULL;
		spin_lock_bh(&s->lock);
		sig = ltp_signal_unsent(s);
		if (sig && left)
			skb = signal_next(s, sig);
		else if (sig)
			ltp_timer_go_on(s);
		more = sig && left--;
		spin_unlock_bh(&s->lock);
		if (skb)
			ltp_output_skb(s->span, s->flow, skb);
		if (!more)
			return;
	}
}

/**
 * ltp_output_init() - set up at module load
 *
 * Return: 0 or -ENOMEM.
 */
int __init ltp_output_init(void)
{
	output_wq = alloc_workqueue("ltp", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return output_wq ? 0 : -ENOMEM;
}

/**
 * ltp_output_exit() - tear down at module unload
 */
void ltp_output_exit(void)
{
	destroy_workqueue(output_wq);
}
