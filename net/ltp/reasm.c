// SPDX-License-Identifier: GPL-2.0
/*
 * The block being received.  Received buffers are kept as they came, several
 * segments in one, ordered by offset; nothing is copied before recvmsg().
 */
#include <linux/slab.h>

#include "af_ltp.h"
#include "fault.h"
#include "mem.h"
#include "reasm.h"
#include "report.h"
#include "session.h"
#include "trace.h"

/* Sessions that are looked at to find one to give up. */
#define VICTIMS	64

static struct sk_buff *run_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct sk_buff, rbnode);
}

/* Counts a buffer; false if the machine's limit is met. */
static bool run_charge(struct ltp_import *i, u32 charge)
{
	if (ltp_fault(LTP_FAULT_RED_CHARGE) ||
	    !ltp_mem_charge(i->s.sk, charge, SK_MEM_RECV))
		return false;
	i->charge += charge;
	atomic_add(charge, &i->s.sk->sk_rmem_alloc);
	atomic64_add(charge, &i->s.span->holds);
	return true;
}

static void run_uncharge(struct ltp_import *i, u32 charge)
{
	i->charge -= charge;
	atomic_sub(charge, &i->s.sk->sk_rmem_alloc);
	atomic64_sub(charge, &i->s.span->holds);
	ltp_mem_uncharge(i->s.sk, charge);
}

static void run_link(struct ltp_import *i, struct sk_buff *skb)
{
	struct rb_node **p = &i->runs.rb_node, *parent = NULL;
	u64 start = ltp_run(skb)->start;

	if (i->last && start > ltp_run(i->last)->start) {
		parent = &i->last->rbnode;
		p = &parent->rb_right;
		i->last = skb;
	} else {
		while (*p) {
			parent = *p;
			if (start < ltp_run(run_of(parent))->start)
				p = &parent->rb_left;
			else
				p = &parent->rb_right;
		}
		if (!i->last)
			i->last = skb;
	}
	rb_link_node(&skb->rbnode, parent, p);
	rb_insert_color(&skb->rbnode, &i->runs);
}

/**
 * ltp_reasm_over() - whether a socket is beyond its buffer
 * @sk: the socket
 *
 * Return: true if it holds more than SO_RCVBUF allows, or all sockets of the
 * machine more than net.ltp.mem, or its sessions need too much besides data.
 */
bool ltp_reasm_over(const struct sock *sk)
{
	return atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf) ||
	       unlikely(ltp_mem_full()) || ltp_mem_control_tight(sk);
}

/**
 * ltp_reasm_reap() - a session that is over but for acknowledgments
 * @sk: the socket
 * @span: the span that it must be of, or NULL
 *
 * If it ends now nothing is lost: what is remembered of it answers whoever
 * comes back.  A report that waits for the reader is let wait.
 *
 * Context: session.lock of no session held.
 * Return: the oldest, with a reference, or NULL.
 */
struct ltp_session *ltp_reasm_reap(struct sock *sk, const struct ltp_span *span)
{
	struct ltp_session *s, *found = NULL;
	struct ltp_sock *ls = ltp_sk(sk);
	u32 budget = VICTIMS;

	spin_lock_bh(&ls->lock);
	list_for_each_entry(s, &ls->delivered, on_sock) {
		if (!budget--)
			break;
		if ((span && s->span != span) ||
		    !list_empty(&ltp_import(s)->on_brake))
			continue;
		ltp_session_hold(s);
		found = s;
		break;
	}
	spin_unlock_bh(&ls->lock);
	return found;
}

/**
 * ltp_reasm_victim() - the session to give up for a full receive buffer
 * @sk: the socket
 *
 * Where it is not data that fills the socket, one that is delivered goes.  Else
 * it is an incomplete one, never the oldest, which always finishes: claims bind
 * (RFC 5326, section 6.22), and waiting sessions that each hold a part would
 * lock each other out.  Of the others it is the youngest of the peer that holds
 * most data, or has most sessions if those are too many, so that who floods
 * gives his own up.
 *
 * Context: session.lock of no session held.
 * Return: the session with a reference, or NULL if there is none to give up.
 */
struct ltp_session *ltp_reasm_victim(struct sock *sk)
{
	struct ltp_session *s, *first, *victim = NULL;
	bool many = ltp_mem_control_tight(sk);
	struct ltp_sock *ls = ltp_sk(sk);
	u32 budget = VICTIMS;
	s64 most = -1, holds;

	if (many) {
		victim = ltp_reasm_reap(sk, NULL);
		if (victim)
			return victim;
	}
	spin_lock_bh(&ls->lock);
	first = list_first_entry_or_null(&ls->imports, struct ltp_session,
					 on_sock);
	list_for_each_entry_reverse(s, &ls->imports, on_sock) {
		if (s == first || !budget--)
			break;
		holds = many ? READ_ONCE(s->span->imports) :
			atomic64_read(&s->span->holds);
		if (holds > most) {
			most = holds;
			victim = s;
		}
	}
	if (victim)
		ltp_session_hold(victim);
	spin_unlock_bh(&ls->lock);
	return victim;
}

/* The number given for the receive buffer, which is its double, or was. */
static u64 block_max(const struct sock *sk)
{
	int rcvbuf = READ_ONCE(sk->sk_rcvbuf);

	return rcvbuf < LTP_RCVBUF_MAX ? DIV_ROUND_UP(rcvbuf, 2) :
					 LTP_BLOCK_MAX;
}

/* Checks what a red segment says of the session; an enum ltp_reason if not. */
static int red_check(struct ltp_import *i, u64 end,
		     const struct ltp_segment *last)
{
	/* Section 6.21: red data comes before green data. */
	if (end > i->green_min)
		return LTP_REASON_MISCOLORED;
	if (end > i->red_length || end > i->length)
		return LTP_REASON_SYS_CNCLD;
	if (ltp_segment_is_eorp(last->type)) {
		if ((i->red_length != LTP_UNKNOWN && i->red_length != end) ||
		    end < i->red_max)
			return LTP_REASON_SYS_CNCLD;
		i->red_length = end;
	}
	if (ltp_segment_is_eob(last->type)) {
		if ((i->length != LTP_UNKNOWN && i->length != end) ||
		    end < i->green_max)
			return LTP_REASON_SYS_CNCLD;
		i->length = end;
	}
	/* A block that can never fit is not worth the first byte. */
	if (end > block_max(i->s.sk) ||
	    i->charge > READ_ONCE(i->s.sk->sk_rcvbuf)) {
		ltp_session_count(&i->s, LTP_MIB_DROP_RCVBUF, 1);
		trace_ltp_drop(i->s.key.engine, i->s.key.originator,
			       LTP_MIB_DROP_RCVBUF);
		return LTP_REASON_SYS_CNCLD;
	}
	i->red_max = max(i->red_max, end);
	return -1;
}

/* The red part is whole: hand it over (section 6.9). */
static void deliver(struct ltp_import *i)
{
	struct ltp_sock *ls = ltp_sk(i->s.sk);
	struct ltp_item *item = i->item;
	u32 own = ksize(item);

	item->originator = i->s.key.originator;
	item->session = i->s.key.number;
	item->service = i->s.service;
	item->length = i->red_length;
	item->flags = LTP_RX_RED;
	if (i->length == i->red_length)
		item->flags |= LTP_RX_EOB;
	item->charge = i->charge + own;
	item->runs = i->runs;

	spin_lock(&ls->lock);
	if (ls->closing) {
		spin_unlock(&ls->lock);
		ltp_session_cancel(&i->s, LTP_REASON_UNREACH, false);
		return;
	}
	/* Blocks may be empty: many of them fill the buffer, too. */
	ltp_mem_control_read(i, own);
	atomic_add(own, &i->s.sk->sk_rmem_alloc);
	list_add_tail(&item->list, &ls->queue);
	list_move_tail(&i->s.on_sock, &ls->delivered);
	spin_unlock(&ls->lock);

	/* What is read is the reader's. */
	atomic64_sub(i->charge, &i->s.span->holds);
	i->item = NULL;
	i->runs = RB_ROOT;
	i->last = NULL;
	i->charge = 0;
	ltp_session_count(&i->s, LTP_MIB_BLOCKS_RECEIVED, 1);
	trace_ltp_state(&i->s, LTP_DELIVERED);
	i->s.state = LTP_DELIVERED;
	i->s.sk->sk_data_ready(i->s.sk);
}

/**
 * ltp_reasm_red() - take red data in
 * @i: the session
 * @skb: a buffer whose ltp_run is set; consumed
 * @last: the last segment of the run
 *
 * Bytes that are held already are ignored, whatever the overlap looks like.
 * Delivers the red part when it is whole.
 *
 * Context: softirq, session.lock held.
 * Return: -1, or the enum ltp_reason for which the session must be cancelled.
 */
int ltp_reasm_red(struct ltp_import *i, struct sk_buff *skb,
		  const struct ltp_segment *last)
{
	struct ltp_run *run = ltp_run(skb);
	u64 start = run->start, end = start + run->len, from, to, pos;
	enum ltp_mib_item why = LTP_MIB_DROP_NOMEM;
	u64 added = 0;
	int reason;

	reason = red_check(i, end, last);
	if (reason >= 0 || i->s.state == LTP_DELIVERED)
		goto free;

	for (pos = start; ltp_ranges_next_gap(&i->held, pos, end, &from, &to);
	     pos = to) {
		struct sk_buff *part = skb;

		if (from != start || to != end) {
			part = LTP_ALLOC(PART_SKB,
					 skb_clone(skb, GFP_ATOMIC |
							__GFP_NOWARN));
			if (!part)
				goto nomem;
			ltp_run(part)->start = from;
			ltp_run(part)->skip += from - start;
			ltp_run(part)->len = to - from;
			ltp_run(part)->charge = SKB_TRUESIZE(0) +
				div_u64((u64)run->charge * (to - from),
					run->len);
		}
		why = LTP_MIB_LIMIT_MEM;
		if (!run_charge(i, ltp_run(part)->charge)) {
			if (part != skb)
				kfree_skb(part);
			goto nomem;
		}
		why = LTP_MIB_DROP_NOMEM;
		if (ltp_ranges_add(&i->held, from, to)) {
			run_uncharge(i, ltp_run(part)->charge);
			if (part != skb)
				kfree_skb(part);
			goto nomem;
		}
		added += to - from;
		run_link(i, part);
		if (part == skb)
			skb = NULL;
	}
	if (added < end - start)
		ltp_session_count(&i->s, LTP_MIB_RX_DUPLICATE_BYTES,
				  end - start - added);
	if (i->held.total == i->red_length)
		deliver(i);
	if (i->s.state <= LTP_DELIVERED)
		ltp_report_progress(i, start, added ? end : start);
	goto free;

nomem:
	ltp_session_count(&i->s, why, 1);
	trace_ltp_drop(i->s.key.engine, i->s.key.originator, why);
free:
	kfree_skb(skb);
	return reason;
}

/**
 * ltp_reasm_green() - hand green data over (section 6.10)
 * @i: the session
 * @skb: a buffer whose ltp_run is set; consumed
 * @last: the last segment of the run
 *
 * Context: softirq, session.lock held.
 * Return: -1, or the enum ltp_reason for which the session must be cancelled.
 */
int ltp_reasm_green(struct ltp_import *i, struct sk_buff *skb,
		    const struct ltp_segment *last)
{
	struct ltp_run *run = ltp_run(skb);
	struct ltp_sock *ls = ltp_sk(i->s.sk);
	u64 start = run->start, end = start + run->len;
	enum ltp_mib_item why;
	struct ltp_item *item;
	int reason = -1;

	if (start < i->red_max) {
		reason = LTP_REASON_MISCOLORED;
		goto free;
	}
	if (end > i->length ||
	    (ltp_segment_is_eob(last->type) &&
	     ((i->length != LTP_UNKNOWN && i->length != end) ||
	      end < i->green_max))) {
		reason = LTP_REASON_SYS_CNCLD;
		goto free;
	}
	i->green_min = min(i->green_min, start);
	i->green_max = max(i->green_max, end);
	if (ltp_segment_is_eob(last->type))
		i->length = end;
	if (!run->len)
		goto free;

	why = LTP_MIB_DROP_RCVBUF;
	if (atomic_read(&i->s.sk->sk_rmem_alloc) > READ_ONCE(i->s.sk->sk_rcvbuf))
		goto drop;
	why = LTP_MIB_DROP_NOMEM;
	item = LTP_ALLOC(GREEN, kzalloc(sizeof(*item),
					GFP_ATOMIC | __GFP_NOWARN));
	if (!item)
		goto drop;
	item->originator = i->s.key.originator;
	item->session = i->s.key.number;
	item->service = i->s.service;
	item->flags = ltp_segment_is_eob(last->type) ? LTP_RX_EOB : 0;
	item->charge = run->charge + sizeof(*item);
	item->skb = skb;
	why = LTP_MIB_LIMIT_MEM;
	if (ltp_fault(LTP_FAULT_GREEN_CHARGE) ||
	    !ltp_mem_charge(i->s.sk, item->charge, SK_MEM_RECV)) {
		kfree(item);
		goto drop;
	}

	spin_lock(&ls->lock);
	if (ls->closing) {
		spin_unlock(&ls->lock);
		ltp_mem_uncharge(i->s.sk, item->charge);
		kfree(item);
		reason = LTP_REASON_UNREACH;
		goto free;
	}
	atomic_add(item->charge, &i->s.sk->sk_rmem_alloc);
	list_add_tail(&item->list, &ls->queue);
	spin_unlock(&ls->lock);
	ltp_session_count(&i->s, LTP_MIB_GREEN_RECEIVED, 1);
	i->s.sk->sk_data_ready(i->s.sk);
	return reason;

drop:
	ltp_session_count(&i->s, why, 1);
	trace_ltp_drop(i->s.key.engine, i->s.key.originator, why);
free:
	kfree_skb(skb);
	return reason;
}

static void runs_free(struct rb_root *runs)
{
	struct sk_buff *skb, *next;

	rbtree_postorder_for_each_entry_safe(skb, next, runs, rbnode) {
		RB_CLEAR_NODE(&skb->rbnode);
		kfree_skb(skb);
	}
	*runs = RB_ROOT;
}

/**
 * ltp_reasm_release() - free all that an import session stores
 * @i: the session, ended
 *
 * Context: session.lock held, or the last reference is gone.
 */
void ltp_reasm_release(struct ltp_import *i)
{
	struct ltp_acked *acked, *next;

	runs_free(&i->runs);
	i->last = NULL;
	if (i->charge)
		run_uncharge(i, i->charge);
	kfree(i->item);
	i->item = NULL;
	ltp_ranges_free(&i->held);
	ltp_ranges_free(&i->answered);
	ltp_report_forget(i);
	rbtree_postorder_for_each_entry_safe(acked, next, &i->acked, node)
		kfree(acked);
	i->acked = RB_ROOT;
	i->n_acked = 0;
}

/**
 * ltp_reasm_item_free() - free what was, or will not be, read
 * @sk: its socket
 * @item: the item, in no list
 *
 * Context: process.
 */
void ltp_reasm_item_free(struct sock *sk, struct ltp_item *item)
{
	runs_free(&item->runs);
	kfree_skb(item->skb);
	atomic_sub(item->charge, &sk->sk_rmem_alloc);
	ltp_mem_uncharge(sk, item->charge);
	kfree(item);
}
