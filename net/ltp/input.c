// SPDX-License-Identifier: GPL-2.0
/*
 * What comes in.  A coalesced buffer is walked once: each segment's header is
 * parsed, and as long as the next segment goes on where the last one ended it
 * only makes the run longer.  A run goes to its session with one lookup and
 * one lock, and takes the buffer along.
 */
#include <linux/slab.h>

#include "af_ltp.h"
#include "answer.h"
#include "compat.h"
#include "delay.h"
#include "engine.h"
#include "fault.h"
#include "flow.h"
#include "input.h"
#include "learn.h"
#include "mem.h"
#include "output.h"
#include "reasm.h"
#include "report.h"
#include "run.h"
#include "session.h"
#include "span.h"
#include "timer.h"
#include "trace.h"
#include "udp.h"

/* Sessions that are given up for one run, which may be as long as many. */
#define GIVEN_UP_MAX	64

/*
 * Segments of one buffer that are read one by one.  64 KB have room for 9,000
 * that each ask for something; no engine puts that many together.
 */
#define SEGMENTS_MAX	1024

/**
 * struct walk - the state of one walk
 * @engine: engine whose socket got the buffer
 * @from: where it is from
 * @skb: the buffer; NULL once it was given away
 * @len: its bytes
 * @counted: they are, for the sender's span
 * @stride: bytes of its datagrams
 * @datagrams: how many they are
 * @segments: well-formed segments so far
 * @budget: segments that may still be read one by one
 * @span: the sender's span, held, once known
 * @run: the run being collected, if it has a header
 * @originator: engine that sends its block
 * @session: its session
 * @service: and client service
 * @seg: the segment being read; ltp_segment_parse_next() goes on from it
 * @last: the last segment of the run
 * @next: block offset where it goes on
 * @ends: nothing can go on behind @last
 */
struct walk {
	struct ltp_engine	*engine;
	const struct ltp_addr	*from;
	struct sk_buff		*skb;
	u32			len;
	bool			counted;
	u32			stride;
	u32			datagrams;
	u32			segments;
	u32			budget;
	struct ltp_span		*span;
	struct ltp_run		run;
	u64			originator;
	u64			session;
	u64			service;
	struct ltp_segment	seg;
	struct ltp_segment	last;
	u64			next;
	bool			ends;
};

static void drop(struct walk *w, u64 remote, enum ltp_mib_item why)
{
	ltp_mib_add(w->engine, w->span, why, 1);
	trace_ltp_drop(w->engine->id, remote, why);
}

/* What came pays for its answers: it counts for its sender before these. */
static void walk_count(struct walk *w)
{
	if (w->counted)
		return;
	w->counted = true;
	ltp_mib_add(w->engine, w->span, LTP_MIB_RX_BYTES, w->len);
}

/* Sets w->span to the span towards @remote, if the datagram is from there. */
static struct ltp_span *walk_span(struct walk *w, u64 remote)
{
	if (!w->span || w->span->key.remote != remote) {
		if (w->span)
			ltp_span_put(w->span);
		w->span = ltp_span_find(w->engine->ln, w->engine->id, remote);
	}
	if (!w->span) {
		drop(w, remote, LTP_MIB_DROP_NO_SPAN);
		return NULL;
	}
	if (!ltp_span_is_from(w->span, w->from)) {
		drop(w, remote, LTP_MIB_DROP_ADDRESS);
		/* Nor does what is not from there count for it. */
		ltp_span_put(w->span);
		w->span = NULL;
		return NULL;
	}
	walk_count(w);
	return w->span;
}

static bool from_peer(struct walk *w, const struct ltp_session *s)
{
	if (ltp_span_is_from(s->span, w->from)) {
		if (w->span != s->span) {
			if (w->span)
				ltp_span_put(w->span);
			ltp_span_hold(s->span);
			w->span = s->span;
		}
		walk_count(w);
		return true;
	}
	drop(w, s->span->key.remote, LTP_MIB_DROP_ADDRESS);
	return false;
}

/*
 * Ends a session for a reason that came up under its lock, which is released.
 */
static void unlock_and_cancel(struct ltp_session *s, int reason)
	__releases(&s->lock)
{
	if (reason >= 0)
		ltp_session_cancel(s, reason, false);
	spin_unlock(&s->lock);
	ltp_output_signals(s);
}

/*
 * Data of a session that has ended, or has the number of one.  Nothing is
 * claimed for what may be of another session (REQUIREMENTS 9.3).
 */
static void late_data(struct walk *w, const struct ltp_session_key *key,
		      const struct ltp_closed *c, enum ltp_kin kin)
{
	struct sk_buff *skb;

	drop(w, key->originator, LTP_MIB_DROP_CLOSED);
	if (!ltp_segment_is_checkpoint(w->last.type) ||
	    !walk_span(w, key->originator) || !ltp_span_may_answer(w->span))
		return;
	if (!c->delivered) {
		ltp_answer_cancel(w->span, key, LTP_SEG_CR, c->reason);
		return;
	}
	if (kin != LTP_KIN_SAME || !ltp_span_affords(w->span))
		return;
	skb = ltp_report_all(key, w->last.cp_serial, c->past.red_length);
	if (!skb)
		return;
	ltp_span_spend(w->span, skb->len);
	if (!ltp_output_skb(w->span, ltp_flow_of(w->span, key->number), skb))
		ltp_mib_add(w->engine, w->span, LTP_MIB_TX_REPORTS, 1);
}

/* Ends a session that could not have been answered for, or need not be. */
static void give_up(struct ltp_session *s)
{
	spin_lock(&s->lock);
	ltp_session_count(s, s->state == LTP_DELIVERED ?
			  LTP_MIB_SESSIONS_REAPED : LTP_MIB_DROP_RCVBUF, 1);
	unlock_and_cancel(s, LTP_REASON_SYS_CNCLD);
	ltp_session_put(s);
}

/*
 * Makes room if a socket is beyond its buffer.  What is too much on the whole
 * machine may be others', so that costs no more than one session at a time.
 */
static void make_room(struct sock *sk)
{
	struct ltp_session *victim;
	u32 budget = GIVEN_UP_MAX;

	while (unlikely(ltp_reasm_over(sk)) && budget--) {
		victim = ltp_reasm_victim(sk);
		if (!victim)
			break;
		give_up(victim);
		if (ltp_mem_full())
			break;
	}
}

/* Room was made, but what fills the buffer cannot go. */
static bool refused(struct walk *w, const struct ltp_session_key *key,
		    const struct sock *sk)
{
	if (atomic_read(&sk->sk_rmem_alloc) <= READ_ONCE(sk->sk_rcvbuf))
		return false;
	drop(w, key->originator, LTP_MIB_DROP_RCVBUF);
	ltp_session_refuse(w->span, key, w->service, LTP_REASON_SYS_CNCLD);
	if (ltp_span_may_answer(w->span))
		ltp_answer_cancel(w->span, key, LTP_SEG_CR,
				  LTP_REASON_SYS_CNCLD);
	return true;
}

/*
 * Whether what is remembered under the name of a run is of the run's session,
 * which is answered then.  Else it is forgotten, if the run is from the peer.
 */
static bool ended_before(struct walk *w, const struct ltp_session_key *key)
{
	const struct ltp_closed *c = ltp_session_recall(w->engine->ln, key);
	enum ltp_kin kin;

	if (!c)
		return false;
	kin = ltp_past_kin(&c->past, w->service, w->run.start, &w->last,
			   c->delivered ? LTP_CLOSED : LTP_CANCELLING);
	if (kin != LTP_KIN_OTHER) {
		late_data(w, key, c, kin);
		return true;
	}
	if (!walk_span(w, key->originator))
		return true;
	ltp_session_forget(w->engine->ln, c);
	return false;
}

/* The first data of a session that is not known. */
static struct ltp_import *new_import(struct walk *w,
				     const struct ltp_session_key *key)
{
	struct ltp_session *old;
	struct ltp_import *i;
	struct sock *sk;

	if (ended_before(w, key) || !walk_span(w, key->originator))
		return NULL;
	sk = ltp_sock_lookup(w->engine->ln, key->engine, w->service,
			     key->originator, key->number);
	if (!sk) {
		drop(w, key->originator, LTP_MIB_DROP_NO_SERVICE);
		if (ltp_span_may_answer(w->span))
			ltp_answer_cancel(w->span, key, LTP_SEG_CR,
					  LTP_REASON_UNREACH);
		return NULL;
	}
	make_room(sk);
	if (refused(w, key, sk)) {
		sock_put(sk);
		return NULL;
	}
	i = ltp_import_create(w->span, sk, key, w->service);
	if (PTR_ERR_OR_ZERO(i) == -ENOBUFS) {
		old = ltp_reasm_reap(sk, w->span);
		if (old) {
			give_up(old);
			i = ltp_import_create(w->span, sk, key,
					      w->service);
		}
	}
	sock_put(sk);
	if (IS_ERR(i)) {
		if (PTR_ERR(i) != -EEXIST)
			drop(w, key->originator, PTR_ERR(i) == -ENOBUFS ?
			     LTP_MIB_DROP_LIMIT : LTP_MIB_DROP_NOMEM);
		return NULL;
	}
	return i;
}

/*
 * What a checkpoint is to a session whose red part was delivered, and of which
 * all would be claimed.  One of a later session ends it.
 */
static enum ltp_kin delivered_kin(struct walk *w, struct ltp_import *i)
{
	struct ltp_past past;
	enum ltp_kin kin;

	if (i->s.state != LTP_DELIVERED ||
	    !ltp_segment_is_checkpoint(w->last.type))
		return LTP_KIN_SAME;
	ltp_past_of(i, &past);
	kin = ltp_past_kin(&past, w->service, w->run.start, &w->last,
			   LTP_DELIVERED);
	if (kin == LTP_KIN_OTHER)
		ltp_session_close(&i->s);
	return kin;
}

/* Takes a run of data in.  @skb, which may be shared, is consumed. */
static void input_run(struct walk *w, struct sk_buff *skb)
{
	struct ltp_session_key key = {
		.engine = w->engine->id,
		.originator = w->originator,
		.number = w->session,
	};
	struct ltp_session *s;
	struct ltp_import *i;
	bool fresh = false;
	enum ltp_kin kin;
	int reason;

	*ltp_run(skb) = w->run;
again:
	s = ltp_session_find(w->engine->ln, &key);
	if (!s) {
		i = new_import(w, &key);
		fresh = i;
		if (i)
			s = &i->s;
		else	/* another CPU may have been first */
			s = ltp_session_find(w->engine->ln, &key);
		if (!s)
			goto free;
	}
	i = ltp_import(s);
	if (!from_peer(w, s))
		goto put;

	/* A session that is given up has no socket any more. */
	if (!fresh && READ_ONCE(s->state) <= LTP_DELIVERED)
		make_room(s->sk);

	spin_lock(&s->lock);
	kin = delivered_kin(w, i);
	if (kin == LTP_KIN_OTHER) {
		/* What is remembered of it gives way. */
		spin_unlock(&s->lock);
		ltp_session_put(s);
		goto again;
	}
	if (kin == LTP_KIN_UNSURE ||
	    (s->state != LTP_RECEIVING && s->state != LTP_DELIVERED)) {
		spin_unlock(&s->lock);
		drop(w, key.originator, LTP_MIB_DROP_CLOSED);
		goto put;
	}
	if (s->service != w->service) {
		spin_unlock(&s->lock);
		drop(w, key.originator, LTP_MIB_DROP_MALFORMED);
		goto put;
	}
	if (!fresh)
		i->last_heard = ktime_get_ns();
	if (ltp_segment_is_red(w->last.type)) {
		if (ltp_segment_is_checkpoint(w->last.type))
			ltp_past_checkpoint(i, w->last.cp_serial);
		reason = ltp_reasm_red(i, skb, &w->last);
		if (reason < 0 && ltp_segment_is_checkpoint(w->last.type) &&
		    s->state <= LTP_DELIVERED)
			ltp_report_checkpoint(i, &w->last);
	} else {
		reason = ltp_reasm_green(i, skb, &w->last);
		/* All green, or red data all lost: nothing more to do. */
		if (reason < 0 && ltp_segment_is_eob(w->last.type) &&
		    (s->state == LTP_DELIVERED ?
		     ltp_import_reported(i) : !i->red_max))
			ltp_session_close(s);
	}
	skb = NULL;
	if (s->timer_at == LTP_UNKNOWN)
		ltp_timer_update(s);
	if (reason == LTP_REASON_MISCOLORED)
		drop(w, key.originator, LTP_MIB_DROP_MISCOLORED);
	unlock_and_cancel(s, reason);
put:
	ltp_session_put(s);
free:
	kfree_skb(skb);
}

/*
 * Hands the collected run over.  The last one gets the buffer itself.  Of the
 * others at most one is large enough to pin all of it, and gets a clone; the
 * rest is copied out by whoever wants to keep it, and so does not share it.
 */
static void flush(struct walk *w, bool last)
{
	struct sk_buff *skb = w->skb;

	if (!w->run.n_hl)
		return;
	w->run.charge = skb->truesize;
	if (last) {
		w->skb = NULL;
	} else if (ltp_reasm_pins(w->run.len, skb->truesize)) {
		skb = LTP_ALLOC(SPLIT_SKB,
				skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN));
		if (!skb) {
			drop(w, w->originator, LTP_MIB_DROP_NOMEM);
			w->run.n_hl = 0;
			return;
		}
	} else {
		skb_get(skb);
	}
	input_run(w, skb);
	w->run.n_hl = 0;
}

/* Whether the segment at the start of a datagram of @dlen fills it. */
static bool fills(const struct ltp_segment *seg, u32 at, u32 dlen)
{
	return !at && seg->hlen + seg->length == dlen;
}

/*
 * Adds a data segment, @at bytes into the datagram at @pos of @dlen bytes.  One
 * without data is a run by itself: readers divide by the payload of segments.
 */
static void add_data(struct walk *w, const struct ltp_segment *seg, u32 pos,
		     u32 at, u32 dlen)
{
	bool regular = seg->length && fills(seg, at, dlen) &&
		       seg->hlen <= U8_MAX;
	struct ltp_run *run = &w->run;
	u8 g;

	if (run->n_hl && !w->ends && regular && dlen <= run->stride &&
	    seg->offset == w->next &&
	    seg->originator == w->originator &&
	    seg->session == w->session &&
	    seg->service == w->service &&
	    ltp_segment_is_red(seg->type) == ltp_segment_is_red(w->last.type)) {
		g = run->n_hl - 1;
		if (run->hl[g].hlen == seg->hlen && run->hl[g].n < U8_MAX) {
			run->hl[g].n++;
			goto added;
		}
		if (run->n_hl < LTP_RUN_HL) {
			run->hl[++g].hlen = seg->hlen;
			run->hl[g].n = 1;
			run->n_hl++;
			goto added;
		}
	}
	flush(w, false);
	w->originator = seg->originator;
	w->session = seg->session;
	w->service = seg->service;
	memset(run, 0, sizeof(*run));
	run->start = seg->offset;
	run->stride = dlen;
	run->pos = pos + at;
	run->n_hl = 1;
	run->hl[0].n = 1;
	if (regular) {
		run->hl[0].hlen = seg->hlen;
	} else {
		run->pos += seg->hlen;
		run->stride = seg->length;
	}
added:
	run->len += seg->length;
	w->last = *seg;
	w->next = seg->offset + seg->length;
	/* The type of the last segment says what the run means. */
	w->ends = !regular || dlen < run->stride ||
		  (seg->type != LTP_SEG_RED && seg->type != LTP_SEG_GREEN);
}

/**
 * struct pattern - a header that should come next
 * @head: the header
 * @hlen: its octets
 * @plen: those before the offset
 * @off: of the four octets that the offset ends with
 * @off_len: octets of the offset
 * @first: the first eight octets of the header
 * @before: the last eight before the offset
 * @off_fixed: the bits of the four octets at @off that no offset changes
 * @off4: the last four digits of the offset
 * @payload4: those of what is added from one to the next
 * @last: the last four octets
 * @last_mask: those of them that belong to the length
 * @payload: payload bytes of its segment
 * @most: how many like it may follow; 0 if nothing of the above is set
 */
struct pattern {
	u8	head[ALIGN(LTP_SEG_DATA_HDR_MAX, 8)];
	u32	hlen;
	u32	plen;
	u32	off;
	u32	off_len;
	u64	first;
	u64	before;
	u32	off_fixed;
	u32	off4;
	u32	payload4;
	u32	last;
	u32	last_mask;
	u32	payload;
	u32	most;
};

/* Returns false for what is better read number by number. */
static bool pattern_init(struct pattern *pt,
			 const struct ltp_segment_prefix *prefix, u64 next,
			 u32 payload)
{
	u8 *p;

	pt->plen = prefix->len;
	pt->off_len = ltp_sdnv_len(next);
	if (pt->plen < 8 || pt->off_len > 4)
		return false;
	memcpy(pt->head, prefix->octets, pt->plen);
	p = ltp_sdnv_put(pt->head + pt->plen, next);
	p = ltp_sdnv_put(p, payload);
	pt->hlen = p - pt->head;
	pt->off = pt->plen + pt->off_len - 4;
	pt->first = get_unaligned((const u64 *)pt->head);
	pt->before = get_unaligned((const u64 *)(pt->head + pt->plen - 8));
	pt->off_fixed = get_unaligned_be32(pt->head + pt->off) &
			~(ltp_sdnv_low4_mask(pt->off_len) & 0x7f7f7f7f);
	pt->off4 = ltp_sdnv_low4(next);
	pt->payload4 = ltp_sdnv_low4(payload);
	pt->last_mask = ltp_sdnv_low4_mask(pt->hlen - pt->plen - pt->off_len);
	pt->last = get_unaligned_be32(pt->head + pt->hlen - 4) & pt->last_mask;
	return true;
}

/* Whether @data is that header; if so, the next is expected from now on. */
static __always_inline bool pattern_next(struct pattern *pt, const u8 *data)
{
	if (get_unaligned((const u64 *)data) != pt->first ||
	    get_unaligned((const u64 *)(data + pt->plen - 8)) != pt->before ||
	    get_unaligned_be32(data + pt->off) != (pt->off_fixed | pt->off4) ||
	    (get_unaligned_be32(data + pt->hlen - 4) & pt->last_mask) !=
	    pt->last)
		return false;
	pt->off4 = ltp_sdnv_add4(pt->off4, pt->payload4);
	return true;
}

/* What should follow the last segment of a run; false if that is not known. */
static bool expect(struct walk *w, const struct ltp_segment_prefix *prefix,
		   struct pattern *pt)
{
	const struct ltp_run *run = &w->run;
	u32 hlen;

	if (!run->n_hl || w->ends || !prefix->len ||
	    prefix->octets[0] != w->last.type || run->stride != w->stride)
		return false;
	hlen = run->hl[run->n_hl - 1].hlen;
	pt->payload = w->stride - hlen;
	if (!pt->payload || !pattern_init(pt, prefix, w->next, pt->payload) ||
	    pt->hlen != hlen)
		return false;
	/* Until the offset needs another octet. */
	pt->most = ((1U << 7 * pt->off_len) - 1 - (u32)w->next) / pt->payload +
		   1;
	pt->most = min(pt->most, (u32)(U8_MAX - run->hl[run->n_hl - 1].n));
	return pt->most;
}

/*
 * Makes the run longer by datagrams that look as the last one did and go on
 * where it ended, as most do.  @data has @have bytes of the buffer behind it,
 * of which @left are left.  @pt is what this left there the last time, unless
 * there was another datagram since.  Returns how many datagrams that were.
 */
static u32 extend_run(struct walk *w, const struct ltp_segment_prefix *prefix,
		      struct pattern *pt, const u8 *data, u32 have, u32 left)
{
	struct ltp_run *run = &w->run;
	u32 n, most, payload;

	if ((!pt->most && !expect(w, prefix, pt)) || have < pt->hlen)
		return 0;
	most = min3(left / w->stride, (have - pt->hlen) / w->stride + 1,
		    pt->most);
	for (n = 0; n < most; n++, data += w->stride)
		if (!pattern_next(pt, data))
			break;
	if (!n)
		return 0;
	payload = pt->payload;
	pt->most -= n;
	run->hl[run->n_hl - 1].n += n;
	run->len += n * payload;
	w->next += (u64)n * payload;
	w->last.offset = w->next - payload;
	w->last.length = payload;
	w->last.len = w->stride;
	w->datagrams += n;
	w->segments += n;
	return n;
}

/* A peer that cancels while we do knows all that ours would tell it. */
static void cancelled_by_peer(struct ltp_session *s, u8 reason)
{
	if (s->state == LTP_CANCELLING)
		ltp_session_close(s);
	else
		ltp_session_cancel(s, reason, true);
}

/*
 * RS, CAS, CR of a session that has ended, or never was: its sender is known
 * by its address alone, and wants to be acknowledged (REQUIREMENTS 7.6, 9.4).
 */
static void late_control(struct walk *w, const struct ltp_segment *seg,
			 const struct ltp_session_key *key)
{
	struct ltp_span *span;

	drop(w, 0, LTP_MIB_DROP_NO_SESSION);
	if (seg->originator != w->engine->id || seg->type == LTP_SEG_CAS)
		return;
	span = ltp_span_by_addr(w->engine->ln, w->engine->id, w->from);
	if (!span)
		return;
	if (ltp_span_may_answer(span)) {
		if (seg->type == LTP_SEG_RS)
			ltp_answer_report_ack(span, key, seg->rs_serial);
		else
			ltp_answer_cancel_ack(span, key, LTP_SEG_CAR);
	}
	if (w->span)
		ltp_span_put(span);
	else
		w->span = span;
}

/* RS, CAS, CR: for a session that was sent from here. */
static void input_export(struct walk *w, const struct ltp_segment *seg,
			 const u8 *data)
{
	struct ltp_session_key key = {
		.engine = w->engine->id,
		.originator = seg->originator,
		.number = seg->session,
		.export = 1,
	};
	struct ltp_session *s = NULL;
	struct ltp_carrier *c;
	struct ltp_export *e;
	int err = 0;

	if (seg->originator == w->engine->id)
		s = ltp_session_find(w->engine->ln, &key);
	if (!s) {
		late_control(w, seg, &key);
		return;
	}
	if (!from_peer(w, s))
		goto put;
	c = ltp_flow_carrier(s->span, s->flow);
	if (c)
		ltp_udp_steer(c, w->skb);

	e = ltp_export(s);
	spin_lock(&s->lock);
	switch (seg->type) {
	case LTP_SEG_RS:
		err = ltp_report_received(e, seg, data + seg->hlen,
					  data + seg->len);
		break;
	case LTP_SEG_CR:
		cancelled_by_peer(s, seg->reason);
		break;
	case LTP_SEG_CAS:
		if (s->state == LTP_CANCELLING)
			ltp_session_close(s);
		break;
	}
	spin_unlock(&s->lock);

	if (err == -EBADMSG)
		drop(w, s->span->key.remote, LTP_MIB_DROP_BAD_REPORT);
	else if (err)
		drop(w, s->span->key.remote, LTP_MIB_DROP_NOMEM);
	else if (seg->type == LTP_SEG_RS)
		ltp_answer_report_ack(s->span, &key, seg->rs_serial);
	else if (seg->type == LTP_SEG_CR)
		ltp_answer_cancel_ack(s->span, &key, LTP_SEG_CAR);
	/* A limit may have ended it. */
	if (READ_ONCE(s->state) == LTP_CANCELLING)
		ltp_output_signals(s);
	if (READ_ONCE(s->state) <= LTP_WAITING)
		ltp_output_export(e);
put:
	ltp_session_put(s);
}

/* RA, CS, CAR: for a session that is received here. */
static void input_import(struct walk *w, const struct ltp_segment *seg)
{
	struct ltp_session_key key = {
		.engine = w->engine->id,
		.originator = seg->originator,
		.number = seg->session,
	};
	struct ltp_session *s;

	s = ltp_session_find(w->engine->ln, &key);
	if (!s) {
		if (seg->type != LTP_SEG_CS) {
			drop(w, seg->originator, LTP_MIB_DROP_NO_SESSION);
			return;
		}
		/* Also answers a peer that pings with a CS of no session. */
		if (walk_span(w, seg->originator) &&
		    ltp_span_may_answer(w->span))
			ltp_answer_cancel_ack(w->span, &key, LTP_SEG_CAS);
		return;
	}
	if (!from_peer(w, s))
		goto put;

	spin_lock(&s->lock);
	switch (seg->type) {
	case LTP_SEG_RA:
		ltp_report_acked(ltp_import(s), seg->rs_serial);
		break;
	case LTP_SEG_CS:
		cancelled_by_peer(s, seg->reason);
		break;
	case LTP_SEG_CAR:
		if (s->state == LTP_CANCELLING)
			ltp_session_close(s);
		break;
	}
	spin_unlock(&s->lock);
	if (seg->type == LTP_SEG_CS)
		ltp_answer_cancel_ack(s->span, &key, LTP_SEG_CAS);
put:
	ltp_session_put(s);
}

static void count_control(struct walk *w, u8 type)
{
	switch (type) {
	case LTP_SEG_RS:
		ltp_mib_add(w->engine, w->span, LTP_MIB_RX_REPORTS, 1);
		break;
	case LTP_SEG_RA:
		ltp_mib_add(w->engine, w->span, LTP_MIB_RX_REPORT_ACKS, 1);
		break;
	case LTP_SEG_CS:
	case LTP_SEG_CR:
		ltp_mib_add(w->engine, w->span, LTP_MIB_RX_CANCELS, 1);
		break;
	default:
		ltp_mib_add(w->engine, w->span, LTP_MIB_RX_CANCEL_ACKS, 1);
	}
}

/* The datagram at @pos of @dlen bytes; @data has the first @have of them. */
static void input_datagram(struct walk *w, struct ltp_segment_prefix *prefix,
			   const u8 *data, u32 have, u32 pos, u32 dlen)
{
	static const u8 keepalive[4];
	struct ltp_segment *seg = &w->seg;
	u8 *copy = NULL;
	u32 at = 0;
	int err;

	if (dlen == sizeof(keepalive) && have >= dlen &&
	    !memcmp(data, keepalive, dlen)) {
		ltp_mib_add(w->engine, w->span, LTP_MIB_RX_KEEPALIVES, 1);
		return;
	}
	while (at < dlen && w->budget) {
		/* An integral number of segments (RFC 5326, section 5). */
		err = at < have ?
		      ltp_segment_parse_next(seg, prefix, data + at,
					     have - at, dlen - at) : -ENODATA;
		if (err == -ENODATA && !copy) {
			copy = LTP_ALLOC(LINEAR,
					 kmalloc(dlen, GFP_ATOMIC |
						       __GFP_NOWARN));
			if (!copy) {
				drop(w, 0, LTP_MIB_DROP_NOMEM);
				break;
			}
			if (skb_copy_bits(w->skb, pos, copy, dlen))
				break;
			data = copy;
			have = dlen;
			continue;
		}
		w->budget--;
		if (err) {
			drop(w, 0, LTP_MIB_DROP_MALFORMED);
			break;
		}
		w->segments++;
		if (ltp_segment_is_data(seg->type)) {
			add_data(w, seg, pos, at, dlen);
		} else {
			flush(w, false);
			count_control(w, seg->type);
			if (ltp_segment_is_export(seg->type))
				input_import(w, seg);
			else
				input_export(w, seg, data + at);
		}
		at += seg->len;
	}
	/* What is behind a datagram that was not taken in is not next to the run. */
	if (at < dlen)
		w->ends = true;
	kfree(copy);
}

/*
 * Bytes of each datagram in a buffer, of which the last may have fewer.  Only
 * segmentation of UDP and GRO put several into one: any other buffer that has a
 * gso_size is one large datagram, to be sent in IP fragments of that size.
 */
static u32 stride_of(const struct sk_buff *skb)
{
	const struct skb_shared_info *sh = skb_shinfo(skb);

	if (skb_is_gso(skb) &&
	    sh->gso_type & (SKB_GSO_UDP_L4 | SKB_GSO_FRAGLIST))
		return sh->gso_size;
	return skb->len;
}

/*
 * Whether the buffer begins with data of an engine that has no span, and waits
 * for one to be made.
 */
static bool unknown(struct ltp_engine *engine, struct ltp_span *flow,
		    struct sk_buff *skb, const struct ltp_addr *from, u32 dlen)
{
	struct ltp_segment_prefix prefix = {};
	u8 head[LTP_SEG_DATA_HDR_MAX];
	struct ltp_segment seg;
	struct ltp_span *span;
	u32 have;

	have = min_t(u32, dlen, sizeof(head));
	if (skb_copy_bits(skb, 0, head, have) ||
	    ltp_segment_parse_next(&seg, &prefix, head, have, dlen) ||
	    !ltp_segment_is_data(seg.type) ||
	    (flow && flow->key.remote == seg.originator))
		return false;
	span = ltp_span_find(engine->ln, engine->id, seg.originator);
	if (span) {
		ltp_span_put(span);
		return false;
	}
	return seg.originator &&
	       ltp_learn_skb(engine, skb, from, seg.originator);
}

/**
 * ltp_input_skb() - take in what UDP received
 * @engine: engine whose socket received it
 * @span: span whose flow received it, or NULL if the listener did
 * @skb: the payload of one datagram, or of several coalesced; consumed
 * @from: its source address; the port matters to engines not known
 *
 * Context: softirq, or softirqs off; RCU read side.
 */
void ltp_input_skb(struct ltp_engine *engine, struct ltp_span *span,
		   struct sk_buff *skb, const struct ltp_addr *from)
{
	struct ltp_segment_prefix prefix = {};
	u32 len = skb->len, pos, dlen, have, n;
	u8 head[LTP_SEG_DATA_HDR_MAX] __uninitialized;
	struct pattern pt __uninitialized;
	struct walk w __uninitialized;
	struct ltp_bytes bytes;
	const u8 *data;

	/* Only what says that there is nothing in it yet: it is large. */
	w.engine = engine;
	w.from = from;
	w.skb = skb;
	w.len = len;
	w.counted = false;
	w.span = span;
	w.stride = stride_of(skb);
	w.datagrams = 0;
	w.segments = 0;
	w.budget = SEGMENTS_MAX;
	w.run.n_hl = 0;
	w.ends = false;
	pt.most = 0;

	if (READ_ONCE(engine->ln->accept_unknown) &&
	    unknown(engine, span, skb, from, min(w.stride, len)))
		return;
	if (span)
		ltp_span_hold(span);
	ltp_delay(INPUT);
	ltp_bytes_init(&bytes, skb);
	for (pos = 0; pos < len && w.budget; pos += dlen) {
		data = NULL;
		have = 0;
		if (ltp_bytes_seek(&bytes, pos)) {
			data = bytes.addr + (pos - bytes.start);
			have = bytes.end - pos;
		}
		n = extend_run(&w, &prefix, &pt, data, have, len - pos);
		if (n) {
			dlen = n * w.stride;
			continue;
		}
		pt.most = 0;
		dlen = min(w.stride, len - pos);
		have = min(have, dlen);
		if (have < min_t(u32, dlen, sizeof(head))) {
			have = min_t(u32, dlen, sizeof(head));
			if (skb_copy_bits(skb, pos, head, have))
				break;
			data = head;
		}
		w.datagrams++;
		input_datagram(&w, &prefix, data, have, pos, dlen);
	}
	flush(&w, true);

	if (!w.budget)
		drop(&w, 0, LTP_MIB_LIMIT_SEGMENTS);
	ltp_mib_add(engine, w.span, LTP_MIB_RX_SKBS, 1);
	if (w.datagrams > 1)
		ltp_mib_add(engine, w.span, LTP_MIB_RX_COALESCED, 1);
	ltp_mib_add(engine, w.span, LTP_MIB_RX_SEGMENTS, w.segments);
	ltp_mib_add(engine, w.span, LTP_MIB_RX_DATAGRAMS, w.datagrams);
	walk_count(&w);
	trace_ltp_receive(engine->id, w.span ? w.span->key.remote : 0,
			  w.datagrams, w.segments, len);
	if (w.span)
		ltp_span_put(w.span);
	kfree_skb(w.skb);
}
