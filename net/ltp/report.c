// SPDX-License-Identifier: GPL-2.0
/* Reports (RFC 5326, sections 6.8, 6.11, 6.13, 6.14), both ends. */
#include <linux/random.h>
#include <linux/slab.h>

#include "block.h"
#include "output.h"
#include "reasm.h"
#include "report.h"
#include "session.h"
#include "span.h"
#include "timer.h"
#include "trace.h"

/* Bytes of one report segment: they are linear, and some links are slow. */
#define REPORT_MAX	3500
/* Reports remembered for the scope of later ones; beyond, it starts at 0. */
#define ACKED_MAX	256

static struct ltp_signal *report_find(struct list_head *list, u64 serial)
{
	struct ltp_signal *sig;

	list_for_each_entry(sig, list, list)
		if (sig->type == LTP_SEG_RS && sig->serial == serial)
			return sig;
	return NULL;
}

/* The scope of a report starts where that of the one it follows up did. */
static u64 report_lower(struct ltp_import *i, u64 rs_serial, u64 upper)
{
	struct ltp_signal *sig;

	if (!rs_serial)
		return i->primary < upper ? i->primary : 0;
	sig = report_find(&i->s.signals, rs_serial) ?:
	      report_find(&i->acked, rs_serial);
	return sig && sig->lower < upper ? sig->lower : 0;
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

/* One report segment over [@lower, @upper), or over the part that fits. */
static struct ltp_signal *report_build(struct ltp_import *i, u64 cp_serial,
				       u64 lower, u64 upper, u32 wire)
{
	const struct ltp_session_key *key = &i->s.key;
	u64 from, to, pos, end;
	struct ltp_signal *sig;
	struct sk_buff *skb;
	u32 n, bytes, left;
	u8 *p;

	n = claims_fit(i, lower, upper, wire - LTP_SEG_RS_HEAD_MAX, &bytes,
		       &end);
	if (!n)
		return NULL;
	sig = ltp_session_signal(LTP_SEG_RS, GFP_ATOMIC);
	skb = ltp_block_skb(LTP_SEG_RS_HEAD_MAX + bytes, GFP_ATOMIC);
	if (!sig || !skb) {
		kfree_skb(skb);
		ltp_session_signal_free(sig);
		return NULL;
	}
	sig->skb = skb;
	sig->serial = i->s.next_serial++;
	sig->ref = cp_serial;
	sig->lower = lower;
	sig->upper = end;
	p = ltp_segment_put_rs_head(skb->data, skb->data + LTP_SEG_RS_HEAD_MAX,
				    key->originator, key->number, sig->serial,
				    cp_serial, end, lower, n);
	for (pos = lower, left = n; left; left--, pos = to) {
		ltp_ranges_next(&i->held, pos, end, &from, &to);
		p = ltp_sdnv_put(p, from - lower);
		p = ltp_sdnv_put(p, to - from);
	}
	skb_put(skb, p - skb->data);
	return sig;
}

/* Reports on [lower, @upper) in as many segments as it takes (6.11). */
static void report_send(struct ltp_import *i, u64 cp_serial, u64 rs_serial,
			u64 lower, u64 upper)
{
	u32 wire = min_t(u32, ltp_span_payload_max(i->s.span), REPORT_MAX);
	struct ltp_signal *sig;

	if (wire < 2 * LTP_SEG_RS_HEAD_MAX)
		return;		/* no route: the checkpoint will come again */
	if (!rs_serial)
		i->primary = upper;
	ltp_ranges_add(&i->answered, cp_serial, cp_serial + 1);
	while (lower < upper) {
		sig = report_build(i, cp_serial, lower, upper, wire);
		if (!sig)
			return;
		trace_ltp_report(&i->s, true, sig->serial, cp_serial,
				 sig->lower, sig->upper);
		list_add_tail(&sig->list, &i->s.signals);
		lower = sig->upper;
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
	report_send(i, i->brake_cp, 0, 0, i->red_length);
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
	struct ltp_signal *sig;
	bool again = false;

	list_for_each_entry(sig, &i->s.signals, list) {
		if (sig->type != LTP_SEG_RS || sig->ref != cp->cp_serial)
			continue;
		again = true;
		if (!sig->running)
			continue;
		sig->running = false;
		sig->count++;
		ltp_session_count(&i->s, LTP_MIB_RTX_REPORTS, 1);
	}
	if (again || brake(i, cp->cp_serial))
		return;
	if (ltp_ranges_next(&i->answered, cp->cp_serial, cp->cp_serial + 1, &a,
			    &b))
		lower = 0;
	else
		lower = report_lower(i, cp->rs_serial, upper);
	report_send(i, cp->cp_serial, cp->rs_serial, lower, upper);
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
	struct ltp_signal *sig = report_find(&i->s.signals, serial);

	if (!sig)
		return;
	if (i->n_acked < ACKED_MAX) {
		kfree_skb(sig->skb);
		sig->skb = NULL;
		list_move_tail(&sig->list, &i->acked);
		i->n_acked++;
	} else {
		ltp_session_signal_free(sig);
	}
	if (i->s.state == LTP_DELIVERED && i->length != LTP_UNKNOWN &&
	    list_empty(&i->s.signals) && !i->braked)
		ltp_session_close(&i->s);
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
	struct sk_buff *skb = ltp_block_skb(most, GFP_ATOMIC);
	u8 *p;

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

/*
 * A checkpoint is answered when the reports that name it cover its scope to
 * its end: of several segments of one report some may be lost, and their own
 * timers may run out while the session would wait for nothing.
 */
static void checkpoint_covered(struct ltp_export *e,
			       const struct ltp_segment *rs)
{
	struct ltp_signal *sig;

	list_for_each_entry(sig, &e->s.signals, list) {
		if (!ltp_segment_is_data(sig->type) ||
		    sig->serial != rs->cp_serial)
			continue;
		sig->covered += rs->upper - rs->lower;
		sig->covered_from = min(sig->covered_from, rs->lower);
		sig->covered_to = max(sig->covered_to, rs->upper);
		if (sig->covered_from <= sig->lower &&
		    sig->covered_to >= sig->upper &&
		    sig->covered >= sig->covered_to - sig->covered_from)
			ltp_session_signal_free(sig);
		return;
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
	u64 prev, from, to, n, total = 0;
	struct ltp_batch *batch;
	const u8 *p = claims;
	int err;

	for (n = rs->n_claims, prev = 0; n; n--, total += to - from) {
		err = ltp_segment_next_claim(&p, end, rs, &prev, &from, &to);
		if (err)
			return err;
	}
	if (e->s.state > LTP_WAITING)
		return 0;
	/* Nobody can claim what was not sent. */
	if (rs->upper > min(e->sent, e->red_length))
		return -EBADMSG;
	if (ltp_ranges_next(&e->reports, rs->rs_serial, rs->rs_serial + 1,
			    &from, &to))
		return 0;

	batch = kzalloc(sizeof(*batch), GFP_ATOMIC | __GFP_NOWARN);
	if (!batch)
		return -ENOMEM;
	err = ltp_ranges_add(&e->reports, rs->rs_serial, rs->rs_serial + 1);
	if (err) {
		kfree(batch);
		return err;
	}
	trace_ltp_report(&e->s, false, rs->rs_serial, rs->cp_serial, rs->lower,
			 rs->upper);
	p = claims;
	for (n = rs->n_claims, prev = 0; n; n--) {
		if (ltp_segment_next_claim(&p, end, rs, &prev, &from, &to))
			break;
		/* Without memory it counts as a gap and is sent again. */
		ltp_block_claim(e, from, to);
	}
	checkpoint_covered(e, rs);

	if (ltp_ranges_next_gap(&e->claimed, rs->lower, rs->upper, &from,
				&to)) {
		batch->pos = rs->lower;
		batch->end = rs->upper;
		batch->lower = rs->lower;
		batch->rs_serial = rs->rs_serial;
		list_add_tail(&batch->list, &e->batches);
		batch = NULL;
	}
	kfree(batch);
	ltp_export_check(e);
	return 0;
}
