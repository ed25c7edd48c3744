// SPDX-License-Identifier: GPL-2.0
/* Reports (RFC 5326, sections 6.8, 6.11, 6.13, 6.14), both ends. */
#include <linux/random.h>
#include <linux/slab.h>

#include "block.h"
#include "fault.h"
#include "flow.h"
#include "mem.h"
#include "output.h"
#include "pace.h"
#include "reasm.h"
#include "report.h"
#include "session.h"
#include "signals.h"
#include "span.h"
#include "timer.h"
#include "trace.h"

/* Bytes of one report segment: they are linear, and some links are slow. */
#define REPORT_MAX	3500
/* Reports remembered for the scope of later ones; beyond, it starts at 0. */
#define ACKED_MAX	256
/* Reports of one session that nobody acknowledges; checkpoints come again. */
#define REPORTS_MAX	1024
/* Checkpoints, or reports, of one session in all. */
#define ANSWERED_MAX	65536
/* Reports of one session that may wait for gaps to fill. */
#define DELAYED_MAX	16
/* What waits to be sent again, of one session; more is joined to the last. */
#define BATCHES_MAX	256
/* Of these a report may belong to one of the last. */
#define BATCHES_LAST	8
/* Scopes of reports that name one checkpoint, and do not touch. */
#define COVERED_MAX	64
/* A claim for so many bytes of a block, and some: its segments are larger. */
#define CLAIM_BYTES	128
#define CLAIMS_FREE	4096
/* For how many times the span's reordering a report waits at most. */
#define DELAY_MAX	8
/* A checkpoint that comes again sooner is a copy, not sent again. */
#define COPY_NS		(10 * NSEC_PER_MSEC)

static struct ltp_signal *report_find(const struct ltp_import *i, u64 serial)
{
	struct ltp_signal *sig = ltp_signal_find(&i->s, serial);

	return sig && sig->type == LTP_SEG_RS ? sig : NULL;
}

static struct ltp_acked *acked_of(struct rb_node *node)
{
	return rb_entry(node, struct ltp_acked, node);
}

static struct ltp_acked *acked_find(const struct ltp_import *i, u64 serial)
{
	struct rb_node *node = i->acked.rb_node;

	while (node) {
		struct ltp_acked *a = acked_of(node);

		if (serial == a->serial)
			return a;
		node = serial < a->serial ? node->rb_left : node->rb_right;
	}
	return NULL;
}

static bool acked_before(struct rb_node *a, const struct rb_node *b)
{
	return acked_of(a)->serial < rb_entry(b, struct ltp_acked, node)->serial;
}

/* The scope of a report starts where that of the one it follows up did. */
static u64 report_lower(struct ltp_import *i, u64 rs_serial, u64 upper)
{
	const struct ltp_signal *sig;
	const struct ltp_acked *acked;
	u64 lower = 0;

	if (!rs_serial)
		return i->primary < upper ? i->primary : 0;
	sig = report_find(i, rs_serial);
	acked = sig ? NULL : acked_find(i, rs_serial);
	if (sig)
		lower = sig->lower;
	else if (acked)
		lower = acked->lower;
	return lower < upper ? lower : 0;
}

/*
 * How many claims from @pos on fit into @room bytes, and where the last ends.
 * Offsets are relative to @lower, so their length is known in advance.
 */
static u32 claims_fit(const struct ltp_import *i, u64 lower, u64 upper,
		      u32 room, u32 *bytes, u64 *end)
{
	u64 from, to, pos = lower;
	u32 n = 0, len;

	*bytes = 0;
	*end = upper;
	while (ltp_ranges_next(&i->held, pos, upper, &from, &to)) {
		len = ltp_sdnv_len(from - lower) + ltp_sdnv_len(to - from);
		if (*bytes + len > room) {
			*end = pos;
			break;
		}
		*bytes += len;
		pos = to;
		n++;
	}
	return n;
}

/* A report segment of up to @room bytes; the first is in the session. */
static struct ltp_signal *report_alloc(struct ltp_import *i, u32 room)
{
	struct ltp_signal *sig;

	if (!i->first_used && struct_size(sig, data, room) <= sizeof(i->first)) {
		i->first_used = true;
		sig = (struct ltp_signal *)i->first;
		ltp_session_signal_init(sig, LTP_SEG_RS);
		sig->inside = true;
		return sig;
	}
	sig = LTP_ALLOC(REPORT, ltp_session_signal(LTP_SEG_RS, room,
						   GFP_ATOMIC));
	if (sig && (ltp_fault(LTP_FAULT_REPORT_CHARGE) ||
		    !ltp_mem_control(i, ksize(sig)))) {
		ltp_session_signal_free(sig);
		return NULL;
	}
	return sig;
}

/* One report segment over [@lower, @upper), or over the part that fits. */
static struct ltp_signal *report_build(struct ltp_import *i, u64 cp_serial,
				       u64 lower, u64 upper, u32 wire)
{
	const struct ltp_session_key *key = &i->s.key;
	u64 from, to, pos, end;
	struct ltp_signal *sig;
	u32 n, bytes, left;
	u8 *p;

	n = claims_fit(i, lower, upper, wire - LTP_SEG_RS_HEAD_MAX, &bytes,
		       &end);
	if (!n)
		return NULL;
	sig = report_alloc(i, LTP_SEG_RS_HEAD_MAX + bytes);
	if (!sig)
		return NULL;
	sig->serial = i->s.next_serial++;
	sig->ref = cp_serial;
	sig->lower = lower;
	sig->upper = end;
	p = ltp_segment_put_rs_head(sig->data, sig->data + LTP_SEG_RS_HEAD_MAX,
				    key->originator, key->number, sig->serial,
				    cp_serial, end, lower, n);
	for (pos = lower, left = n; left; left--, pos = to) {
		ltp_ranges_next(&i->held, pos, end, &from, &to);
		p = ltp_sdnv_put(p, from - lower);
		p = ltp_sdnv_put(p, to - from);
	}
	sig->n_data = p - sig->data;
	return sig;
}

/*
 * Notes that a checkpoint was answered.  The serials of a peer that counts make
 * one range.
 */
static bool answer_remember(struct ltp_import *i, u64 cp_serial)
{
	u32 before = i->answered.n, more = sizeof(struct ltp_range);

	if (!cp_serial)
		return true;
	/* The first range is part of the session. */
	if (before && (ltp_fault(LTP_FAULT_ANSWERED_CHARGE) ||
		       !ltp_mem_control(i, more)))
		return false;
	ltp_ranges_add(&i->answered, cp_serial - 1, cp_serial);
	if (before && i->answered.n <= before)
		ltp_mem_control_back(i, more * (1 + before - i->answered.n));
	return true;
}

/* Reports on [lower, @upper) in as many segments as it takes (6.11). */
static void report_send(struct ltp_import *i, u64 cp_serial, u64 lower,
			u64 upper)
{
	u32 wire = min_t(u32, ltp_flow_payload_max(i->s.span, 0), REPORT_MAX);
	struct ltp_signal *sig;
	u32 max;

	if (wire < 2 * LTP_SEG_RS_HEAD_MAX)
		return;		/* no route: the checkpoint will come again */
	if (!ltp_span_affords(i->s.span) || !answer_remember(i, cp_serial))
		return;		/* likewise */
	if (!ltp_ranges_cover(&i->held, lower, upper))
		i->problems++;
	max = READ_ONCE(i->s.span->conf.max_problems);
	if (max && i->problems > max) {
		ltp_session_count(&i->s, LTP_MIB_LIMIT_PROBLEMS, 1);
		ltp_session_cancel(&i->s, LTP_REASON_RLEXC, false);
		return;
	}
	for (;;) {
		sig = report_build(i, cp_serial, lower, upper, wire);
		if (!sig)
			return;
		ltp_span_spend(i->s.span, sig->n_data);
		trace_ltp_report(&i->s, true, sig->serial, cp_serial,
				 sig->lower, sig->upper);
		ltp_signal_add(&i->s, sig);
		i->n_reports++;
		lower = sig->upper;
		if (lower >= upper || !ltp_span_affords(i->s.span))
			return;
	}
}

/*
 * The receiver's brake: while the reader is behind, the report that would let
 * the sender go on waits for it.
 */
static bool brake(struct ltp_import *i, u64 cp_serial)
{
	struct sock *sk = i->s.sk;
	struct ltp_sock *ls = ltp_sk(sk);

	if (i->s.state != LTP_DELIVERED)
		return false;
	if (!i->braked) {
		if (atomic_read(&sk->sk_rmem_alloc) <=
		    READ_ONCE(sk->sk_rcvbuf) / 2)
			return false;
		i->braked = true;
		ltp_timer_report_braked(i);
		ltp_session_count(&i->s, LTP_MIB_REPORTS_HELD, 1);
		spin_lock(&ls->lock);
		if (!ls->closing)
			list_add_tail(&i->on_brake, &ls->braked);
		spin_unlock(&ls->lock);
	}
	i->brake_cp = cp_serial;
	return true;
}

/**
 * ltp_report_release() - let a report go that was held back
 * @i: the session
 *
 * Context: session.lock held; the caller calls ltp_output_signals().
 */
void ltp_report_release(struct ltp_import *i)
{
	struct ltp_sock *ls = ltp_sk(i->s.sk);

	if (!i->braked || i->s.state != LTP_DELIVERED)
		return;
	i->braked = false;
	spin_lock(&ls->lock);
	list_del_init(&i->on_brake);
	spin_unlock(&ls->lock);
	report_send(i, i->brake_cp, 0, i->red_length);
}

/*
 * The checkpoint was answered, and is not acknowledged: it gets its reports
 * again.  Copies of it that come at once, because the sender is redundant or
 * the network duplicates, get nothing, and do not count against the limit.
 */
static bool answered_before(struct ltp_import *i, u64 cp_serial)
{
	u64 copy = max_t(u64, READ_ONCE(i->s.span->conf.reorder), COPY_NS);
	u32 max = READ_ONCE(i->s.span->conf.max_retries);
	bool again = false, over = false;
	struct ltp_delayed *d;
	struct ltp_signal *sig;
	u64 now;

	if (list_empty(&i->delayed) && RB_EMPTY_ROOT(&i->reports))
		return false;
	now = ktime_get_ns();
	list_for_each_entry(d, &i->delayed, list)
		if (d->cp_serial == cp_serial)
			goto copy;
	for (sig = ltp_signal_report(i, cp_serial); sig;
	     sig = ltp_signal_next_report(sig)) {
		again = true;
		if (!sig->running)
			continue;
		if (now - sig->sent_at < copy)
			goto copy;
		ltp_signal_stop(&i->s, sig);
		over |= ++sig->count > max;
		ltp_session_count(&i->s, LTP_MIB_RTX_REPORTS, 1);
	}
	if (over)
		ltp_timer_give_up(&i->s, LTP_SEG_RS);
	return again;

copy:
	ltp_session_count(&i->s, LTP_MIB_RX_COPIES, 1);
	return true;
}

/*
 * Puts a report off while its gaps may still fill (REQUIREMENTS 5.16): what
 * was overtaken on its way is not lost.
 */
static bool delay(struct ltp_import *i, u64 cp_serial, u64 lower, u64 upper)
{
	u64 reorder = READ_ONCE(i->s.span->conf.reorder), gap, end;
	struct ltp_delayed *d;

	if (!reorder || i->n_delayed == DELAYED_MAX ||
	    !ltp_ranges_next_gap(&i->held, lower, upper, &gap, &end))
		return false;
	if (ltp_fault(LTP_FAULT_DELAYED_CHARGE) ||
	    !ltp_mem_control(i, sizeof(*d)))
		return false;
	d = LTP_ALLOC(DELAYED, kzalloc(sizeof(*d), GFP_ATOMIC | __GFP_NOWARN));
	if (!d) {
		ltp_mem_control_back(i, sizeof(*d));
		return false;
	}
	d->cp_serial = cp_serial;
	d->lower = lower;
	d->upper = upper;
	d->gap = gap;
	d->due = ktime_get_ns() + reorder;
	d->limit = d->due + (DELAY_MAX - 1) * reorder;
	list_add_tail(&d->list, &i->delayed);
	i->n_delayed++;
	ltp_session_count(&i->s, LTP_MIB_REPORTS_DELAYED, 1);
	ltp_timer_update(&i->s);
	return true;
}

/* Sends a report that was put off. */
static void delayed_send(struct ltp_import *i, struct ltp_delayed *d)
{
	u64 lower = d->lower, upper = d->upper;

	list_del(&d->list);
	i->n_delayed--;
	ltp_mem_control_back(i, sizeof(*d));
	if (i->s.state == LTP_DELIVERED) {
		lower = 0;
		upper = i->red_length;
	}
	if (!brake(i, d->cp_serial))
		report_send(i, d->cp_serial, lower, upper);
	kfree(d);
}

/* When a report that was put off is sent, if nothing more comes. */
static u64 delayed_due(const struct ltp_import *i, const struct ltp_delayed *d)
{
	u64 reorder = READ_ONCE(i->s.span->conf.reorder);

	return min(max(d->due, i->filled + reorder), d->limit);
}

/**
 * ltp_report_due() - when the first report that was put off is to be sent
 * @i: the session
 *
 * The oldest is due first, unless the span's reordering became shorter.
 *
 * Context: session.lock held.
 * Return: ktime ns, %LTP_UNKNOWN if there is none.
 */
u64 ltp_report_due(const struct ltp_import *i)
{
	const struct ltp_delayed *d;

	if (list_empty(&i->delayed))
		return LTP_UNKNOWN;
	d = list_first_entry(&i->delayed, struct ltp_delayed, list);
	return delayed_due(i, d);
}

/*
 * Sends the reports whose last gap was in [@start, @end), which is held now.
 * The first gap behind @start is that of all those that had one in there.
 */
static void delayed_filled(struct ltp_import *i, u64 start, u64 end)
{
	struct ltp_delayed *d, *next;
	u64 gap, to;

	if (!ltp_ranges_next_gap(&i->held, start, LTP_UNKNOWN, &gap, &to))
		gap = LTP_UNKNOWN;
	list_for_each_entry_safe(d, next, &i->delayed, list) {
		if (d->gap >= start && d->gap < end)
			d->gap = max(d->gap, gap);
		if (i->s.state != LTP_DELIVERED && d->gap < d->upper)
			continue;
		delayed_send(i, d);
		/* A limit may have ended the session, and freed the others. */
		if (i->s.state > LTP_DELIVERED)
			return;
	}
}

/**
 * ltp_report_progress() - more data of an import session came
 * @i: the session
 * @start: first byte that was not held before
 * @end: first byte behind, @start if there was none
 *
 * Reports that waited for no more than this go out.
 *
 * Context: softirq, session.lock held; the caller calls ltp_output_signals().
 */
void ltp_report_progress(struct ltp_import *i, u64 start, u64 end)
{
	if (start == end)
		return;
	if (READ_ONCE(i->s.span->conf.gap_reports)) {
		i->quiet = i->s.state == LTP_RECEIVING &&
			   i->red_length == LTP_UNKNOWN &&
			   i->held.total < i->red_max;
		if (i->quiet)
			ltp_timer_update(&i->s);
	}
	if (list_empty(&i->delayed))
		return;
	i->filled = i->last_heard;
	delayed_filled(i, start, end);
	if (i->s.state <= LTP_DELIVERED)
		ltp_report_expire(i, i->last_heard);
}

/**
 * ltp_report_expire() - send the reports that have waited long enough
 * @i: the session
 * @now: ktime ns
 *
 * Context: softirq, session.lock held; the caller calls ltp_output_signals().
 */
void ltp_report_expire(struct ltp_import *i, u64 now)
{
	/* A limit may end the session, and free those that are left. */
	while (ltp_report_due(i) <= now)
		delayed_send(i, list_first_entry(&i->delayed,
						 struct ltp_delayed, list));
}

/**
 * ltp_report_forget() - no report waits any more
 * @i: the session, which ends
 *
 * Context: session.lock held, or the last reference is gone.
 */
void ltp_report_forget(struct ltp_import *i)
{
	struct ltp_delayed *d, *next;

	list_for_each_entry_safe(d, next, &i->delayed, list)
		kfree(d);
	INIT_LIST_HEAD(&i->delayed);
	i->n_delayed = 0;
	i->quiet = false;
}

/**
 * ltp_report_gaps() - report gaps unasked (section 6.11, asynchronous)
 * @i: the session, its red part still without an end
 *
 * Data stopped arriving, so the checkpoint that was to come is lost; the
 * sender may as well fill the gaps while it sends that again.
 *
 * Context: softirq, session.lock held; the caller calls ltp_output_signals().
 */
void ltp_report_gaps(struct ltp_import *i)
{
	u64 lower = i->primary < i->red_max ? i->primary : 0;

	i->quiet = false;
	if (i->s.state != LTP_RECEIVING || i->red_length != LTP_UNKNOWN ||
	    i->n_delayed || ltp_ranges_cover(&i->held, lower, i->red_max))
		return;
	ltp_session_count(&i->s, LTP_MIB_GAP_REPORTS, 1);
	i->primary = i->red_max;
	report_send(i, 0, lower, i->red_max);
}

/**
 * ltp_report_checkpoint() - answer a checkpoint (sections 6.8, 6.11)
 * @i: the session
 * @cp: the checkpoint, its data already taken in
 *
 * A checkpoint that comes again gets its reports again, unless they were
 * acknowledged; then it gets a new one.
 *
 * Context: softirq, session.lock held; the caller calls ltp_output_signals().
 */
void ltp_report_checkpoint(struct ltp_import *i, const struct ltp_segment *cp)
{
	u64 upper = cp->offset + cp->length, lower, a, b;

	if (answered_before(i, cp->cp_serial) || brake(i, cp->cp_serial))
		return;
	if (i->n_reports >= REPORTS_MAX ||
	    i->answered.total >= ANSWERED_MAX) {
		ltp_session_count(&i->s, LTP_MIB_LIMIT_CONTROL, 1);
		return;
	}
	if (i->s.state == LTP_DELIVERED) {
		/* All there is to say closes the session soonest. */
		lower = 0;
		upper = i->red_length;
	} else if (ltp_ranges_next(&i->answered, cp->cp_serial - 1,
				   cp->cp_serial, &a, &b)) {
		lower = 0;
	} else {
		lower = report_lower(i, cp->rs_serial, upper);
	}
	if (!cp->rs_serial)
		i->primary = upper;
	if (!delay(i, cp->cp_serial, lower, upper))
		report_send(i, cp->cp_serial, lower, upper);
}

/* Of a report that was acknowledged, only its scope matters. */
static void acked_remember(struct ltp_import *i, const struct ltp_signal *sig)
{
	u32 size = kmalloc_size_roundup(sizeof(struct ltp_acked));
	struct ltp_acked *acked;

	if (i->n_acked == ACKED_MAX)
		return;
	if (ltp_fault(LTP_FAULT_ACKED_CHARGE) || !ltp_mem_control(i, size))
		return;
	acked = LTP_ALLOC(ACKED, kmalloc(sizeof(*acked),
					 GFP_ATOMIC | __GFP_NOWARN));
	if (!acked) {
		ltp_mem_control_back(i, size);
		return;
	}
	acked->serial = sig->serial;
	acked->lower = sig->lower;
	rb_add(&acked->node, &i->acked, acked_before);
	i->n_acked++;
}

/**
 * ltp_report_acked() - the sender got a report (section 6.14)
 * @i: the session
 * @serial: of the report
 *
 * The session ends with the last one, once it has all of the block.
 *
 * Context: softirq, session.lock held.
 */
void ltp_report_acked(struct ltp_import *i, u64 serial)
{
	struct ltp_signal *sig = report_find(i, serial);

	if (!sig)
		return;
	i->n_reports--;
	ltp_signal_unlink(&i->s, sig);
	if (i->s.state <= LTP_DELIVERED && !sig->inside)
		ltp_mem_control_back(i, ksize(sig));
	if (i->s.state == LTP_DELIVERED && i->length != LTP_UNKNOWN &&
	    ltp_import_reported(i))
		ltp_session_close(&i->s);
	else if (i->s.state <= LTP_DELIVERED)
		acked_remember(i, sig);
	ltp_session_signal_free(sig);
}

/**
 * ltp_report_all() - a report that claims a whole red part
 * @key: the session, of which only a memory is left
 * @cp_serial: checkpoint it answers
 * @length: bytes of the red part
 *
 * Context: softirq.
 * Return: the segment, or NULL.
 */
struct sk_buff *ltp_report_all(const struct ltp_session_key *key, u64 cp_serial,
			       u64 length)
{
	u32 most = LTP_SEG_RS_HEAD_MAX + LTP_SEG_CLAIM_MAX;
	struct sk_buff *skb;
	u8 *p;

	skb = LTP_ALLOC(LATE_SKB, ltp_block_skb(most, GFP_ATOMIC));
	if (!skb)
		return NULL;
	p = ltp_segment_put_rs_head(skb->data, skb->data + most,
				    key->originator, key->number,
				    (get_random_u32() & (BIT(31) - 1)) | 1,
				    cp_serial, length, 0, 1);
	p = ltp_sdnv_put(p, 0);
	p = ltp_sdnv_put(p, length);
	skb_put(skb, p - skb->data);
	return skb;
}

static struct ltp_signal *checkpoint_find(const struct ltp_export *e,
					  u64 serial)
{
	struct ltp_signal *sig = ltp_signal_find(&e->s, serial);

	return sig && ltp_segment_is_data(sig->type) ? sig : NULL;
}

/* The set of scopes that a resend's checkpoint needs, if there is room. */
static struct ltp_ranges *covered_alloc(struct ltp_export *e)
{
	u32 size = kmalloc_size_roundup(sizeof(struct ltp_ranges));
	struct ltp_ranges *covered;

	if (!ltp_mem_provoked(e, size))
		return NULL;
	covered = LTP_ALLOC(RANGE, kmalloc(sizeof(*covered),
					   GFP_ATOMIC | __GFP_NOWARN));
	if (covered)
		ltp_ranges_init(covered);
	else
		ltp_mem_provoked_back(e, size);
	return covered;
}

/*
 * A checkpoint is answered when the reports that name it cover its scope to
 * its end: of several segments of one report some may be lost, and their own
 * timers may run out while the session would wait for nothing.  What other
 * reports have told of the scope of a first-time checkpoint, this one need not
 * repeat (REQUIREMENTS 5.9).  Without memory it is sent again, no more.
 */
static bool checkpoint_covered(struct ltp_export *e, struct ltp_signal *cp,
			       const struct ltp_segment *rs)
{
	if (!cp->ref) {
		cp->end_told |= rs->lower < cp->upper && rs->upper >= cp->upper;
		return cp->end_told &&
		       ltp_ranges_cover(&e->scopes, cp->lower, cp->upper);
	}
	if (rs->lower <= cp->lower && rs->upper >= cp->upper)
		return true;
	if (!cp->covered)
		cp->covered = covered_alloc(e);
	if (!cp->covered ||
	    (cp->covered->n >= COVERED_MAX &&
	     ltp_ranges_grow(cp->covered, rs->lower, rs->upper)))
		return false;
	ltp_mem_provoked_add(e, cp->covered, rs->lower, rs->upper);
	return ltp_ranges_cover(cp->covered, cp->lower, cp->upper);
}

/* The batch that a report is part of: one of the last, if there is one. */
static struct ltp_batch *batch_find(struct list_head *list,
				    const struct ltp_segment *rs)
{
	u32 left = BATCHES_LAST;
	struct ltp_batch *batch;

	list_for_each_entry_reverse(batch, list, list) {
		if (!left--)
			break;
		if (batch->cp_serial == rs->cp_serial &&
		    batch->pos == batch->lower &&
		    rs->lower <= batch->end && rs->upper >= batch->lower)
			return batch;
	}
	return NULL;
}

static struct ltp_batch *batch_alloc(struct ltp_export *e)
{
	struct ltp_batch *batch;

	if (e->n_batches >= BATCHES_MAX || !ltp_mem_provoked(e, sizeof(*batch)))
		return NULL;
	batch = LTP_ALLOC(BATCH, kzalloc(sizeof(*batch),
					 GFP_ATOMIC | __GFP_NOWARN));
	if (!batch)
		ltp_mem_provoked_back(e, sizeof(*batch));
	return batch;
}

/* The batch that takes in what finds no room of its own. */
static struct ltp_batch *batch_last(struct ltp_export *e)
{
	struct list_head *list = list_empty(&e->later) ? &e->batches :
							 &e->later;

	return list_empty(list) ? NULL :
	       list_last_entry(list, struct ltp_batch, list);
}

/*
 * Has what a report left out sent again.  Reports that answer the same
 * checkpoint one after the other make one batch, as long as none of it left
 * (REQUIREMENTS 7.11): its checkpoint names the report that starts lowest.
 */
static int batch_add(struct ltp_export *e, const struct ltp_segment *rs,
		     u32 cycle)
{
	u64 reorder = READ_ONCE(e->s.span->conf.reorder);
	struct ltp_batch *batch = NULL, *joined;

	joined = rs->cp_serial ? batch_find(&e->later, rs) ?:
				 batch_find(&e->batches, rs) : NULL;
	if (!joined) {
		batch = batch_alloc(e);
		if (!batch)
			joined = batch_last(e);
	}
	if (joined) {
		if (rs->lower < joined->lower) {
			joined->lower = rs->lower;
			joined->rs_serial = rs->rs_serial;
		}
		joined->pos = min(joined->pos, rs->lower);
		joined->end = max(joined->end, rs->upper);
		return 0;
	}
	if (!batch)
		return -ENOMEM;
	batch->pos = rs->lower;
	batch->end = rs->upper;
	batch->lower = rs->lower;
	batch->rs_serial = rs->rs_serial;
	batch->cp_serial = rs->cp_serial;
	batch->cycle = cycle;
	if (reorder)
		batch->due = ktime_get_ns() + reorder;
	list_add_tail(&batch->list, reorder ? &e->later : &e->batches);
	e->n_batches++;
	return 0;
}

/* Claims have become more than segments can leave gaps between. */
static bool too_many_claims(const struct ltp_export *e)
{
	return e->claimed.n > div_u64(e->length, CLAIM_BYTES) + CLAIMS_FREE;
}

/* The limits of sections 6.13 and 6.22; an enum ltp_reason if one is met. */
static int over_limits(struct ltp_export *e, u32 cycle)
{
	const struct ltp_span_conf *conf = &e->s.span->conf;
	u32 cycles = READ_ONCE(conf->max_cycles);
	u32 problems = READ_ONCE(conf->max_problems);

	if (problems && ++e->problems > problems)
		return LTP_REASON_RLEXC;
	if (cycles && cycle > cycles)
		return LTP_REASON_RXMTCYCEXC;
	return -1;
}

/**
 * ltp_report_batches_due() - resends have waited long enough
 * @e: the session
 * @now: ktime ns
 *
 * Context: session.lock held; the caller calls ltp_output_export().
 */
void ltp_report_batches_due(struct ltp_export *e, u64 now)
{
	struct ltp_batch *batch, *next;

	list_for_each_entry_safe(batch, next, &e->later, list) {
		if (batch->due > now)
			break;
		list_move_tail(&batch->list, &e->batches);
	}
}

/**
 * ltp_report_received() - what a report says of the block (section 6.13)
 * @e: the session
 * @rs: the report
 * @claims: its claims
 * @end: where they end at the latest
 *
 * Claimed data is freed, gaps in the report's scope are queued to be sent
 * again, the session ends if all is claimed.  The caller acknowledges the
 * report and calls ltp_output_export().
 *
 * Context: softirq, session.lock held.
 * Return: 0; -EBADMSG if the claims make no sense; -ENOMEM, and the report
 * must not be acknowledged, so that it comes again.
 */
int ltp_report_received(struct ltp_export *e, const struct ltp_segment *rs,
			const u8 *claims, const u8 *end)
{
	u64 prev, from = 0, to = 0, a, b, n;
	const u8 *p = claims;
	struct ltp_signal *cp;
	int err, reason;
	u32 cycle;

	for (n = rs->n_claims, prev = 0; n; n--) {
		err = ltp_segment_next_claim(&p, end, rs, &prev, &from, &to);
		if (err)
			return err;
	}
	if (e->s.state > LTP_WAITING)
		return 0;
	/* Nobody can claim what was not sent, or answer what was not asked. */
	if (rs->upper > min(e->sent, e->red_length) ||
	    (rs->cp_serial && (rs->cp_serial < e->s.first_serial ||
			       rs->cp_serial >= e->s.next_serial)))
		return -EBADMSG;
	if (ltp_ranges_next(&e->reports, rs->rs_serial - 1, rs->rs_serial,
			    &a, &b))
		return 0;
	if (e->reports.total == ANSWERED_MAX) {
		ltp_session_count(&e->s, LTP_MIB_LIMIT_REPORTS, 1);
		ltp_session_cancel(&e->s, LTP_REASON_RLEXC, false);
		return 0;
	}

	trace_ltp_report(&e->s, false, rs->rs_serial, rs->cp_serial, rs->lower,
			 rs->upper);
	p = claims;
	for (n = rs->n_claims, prev = 0; n; n--) {
		/* The only one was read above. */
		if (rs->n_claims > 1 &&
		    ltp_segment_next_claim(&p, end, rs, &prev, &from, &to))
			break;
		/* Without memory it counts as a gap and is sent again. */
		ltp_block_claim(e, from, to);
	}
	if (too_many_claims(e)) {
		ltp_session_count(&e->s, LTP_MIB_LIMIT_PROBLEMS, 1);
		ltp_session_cancel(&e->s, LTP_REASON_RLEXC, false);
		return 0;
	}

	cp = checkpoint_find(e, rs->cp_serial);
	if (!ltp_ranges_cover(&e->claimed, rs->lower, rs->upper)) {
		ltp_pace_report(e, rs->lower, rs->upper);
		cycle = cp ? cp->cycle + 1 : 1;
		reason = over_limits(e, cycle);
		if (reason >= 0) {
			ltp_session_count(&e->s, LTP_MIB_LIMIT_PROBLEMS, 1);
			ltp_session_cancel(&e->s, reason, false);
			return 0;
		}
		err = batch_add(e, rs, cycle);
		if (err)
			return err;
		ltp_timer_update(&e->s);
	}
	err = ltp_mem_provoked_add(e, &e->reports, rs->rs_serial - 1,
				   rs->rs_serial);
	if (err)
		return err;
	ltp_mem_provoked_add(e, &e->scopes, rs->lower, rs->upper);
	if (cp && checkpoint_covered(e, cp, rs))
		ltp_signal_end(&e->s, cp);
	ltp_export_check(e);
	return 0;
}
