// SPDX-License-Identifier: GPL-2.0
/*
 * The block being received.  Received buffers are kept as they came, several
 * segments in one, ordered by offset; nothing is copied before recvmsg().
 *
 * Unless they would pin more than twice what they hold: what is kept of such a
 * buffer is packed, with what follows it, into buffers of our own.  So what a
 * socket is charged is what it pins, and a block that comes in order has about
 * twice its bytes at most, whatever the size of segments and the driver's buffers
 * are.  One of small segments, of which many come late, may have more.
 */
#include <linux/slab.h>

#include "af_ltp.h"
#include "fault.h"
#include "mem.h"
#include "reasm.h"
#include "report.h"
#include "run.h"
#include "session.h"
#include "trace.h"

/* Sessions that are looked at to find one to give up. */
#define VICTIMS		64

/* Most payload of a buffer that others are packed into: what a page takes. */
#define PACK_MAX	((u32)SKB_WITH_OVERHEAD(SZ_4K))

/* Buffers that are packed together with the one that came before them. */
#define ABSORB_MAX	8

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

static u64 run_end(const struct sk_buff *skb)
{
	return ltp_run(skb)->start + ltp_run(skb)->len;
}

/* Whether a buffer pins more than twice what it holds. */
static bool run_is_loose(const struct sk_buff *skb)
{
	return !ltp_run(skb)->packed &&
	       !ltp_reasm_pins(ltp_run(skb)->len, ltp_run(skb)->charge);
}

/* The last buffer that begins before a byte of the block. */
static struct sk_buff *run_before(const struct ltp_import *i, u64 pos)
{
	struct rb_node *node = i->runs.rb_node;
	struct sk_buff *skb, *found = NULL;

	if (i->last && ltp_run(i->last)->start < pos)
		return i->last;
	while (node) {
		skb = run_of(node);
		if (ltp_run(skb)->start < pos) {
			found = skb;
			node = node->rb_right;
		} else {
			node = node->rb_left;
		}
	}
	return found;
}

/**
 * struct beside - what is held beside a part of a block
 * @before: buffer that ends where it begins and is packed or loose, or NULL
 * @behind: the buffer behind it, maybe with a gap between, or NULL
 * @joins: @behind begins where it ends and is loose
 */
struct beside {
	struct sk_buff	*before;
	struct sk_buff	*behind;
	bool		joins;
};

static void beside_find(struct beside *b, const struct ltp_import *i, u64 from,
			u64 to)
{
	struct sk_buff *before = run_before(i, from);

	b->behind = run_of(before ? rb_next(&before->rbnode) :
				    rb_first(&i->runs));
	b->joins = b->behind && ltp_run(b->behind)->start == to &&
		   run_is_loose(b->behind);
	b->before = NULL;
	if (before && run_end(before) == from &&
	    (ltp_run(before)->packed || run_is_loose(before)))
		b->before = before;
}

/*
 * A buffer to pack [@from, @to) of the block into, or the first of it.  It has
 * room for more if more is likely to come: twice what came before.
 */
static struct sk_buff *pack_alloc(const struct beside *b, u64 from, u64 to)
{
	u64 want = to - from, room = want;
	struct sk_buff *skb;

	if (b->before)
		room = max_t(u64, room, 2 * (u64)ltp_run(b->before)->len);
	if (b->joins)
		room = max(room, 2 * (want + ltp_run(b->behind)->len));
	else if (b->behind)
		room = min(room, ltp_run(b->behind)->start - from);
	skb = LTP_ALLOC(PART_SKB, alloc_skb(min_t(u64, room, PACK_MAX),
					    GFP_ATOMIC | __GFP_NOWARN));
	if (!skb)
		return NULL;
	*ltp_run(skb) = (struct ltp_run) {
		.start = from,
		.charge = skb->truesize,
		.stride = skb_tailroom(skb),
		.n_hl = 1,
		.hl[0].n = 1,
		.packed = true,
	};
	return skb;
}

/* Copies payload of a run behind the end of a packed one. */
static bool pack_read(struct sk_buff *into, const struct sk_buff *skb, u32 from,
		      u32 len)
{
	return !ltp_run_read(skb, from, len, skb_tail_pointer(into));
}

/* What was copied there is its own from now on. */
static void pack_grow(struct sk_buff *into, u32 len)
{
	__skb_put(into, len);
	ltp_run(into)->len += len;
}

/* What waited for the gap before it is packed as well. */
static void pack_absorb(struct ltp_import *i, struct sk_buff *into)
{
	u32 budget = ABSORB_MAX;
	struct sk_buff *next;

	while (budget--) {
		next = run_of(rb_next(&into->rbnode));
		if (!next || ltp_run(next)->start != run_end(into) ||
		    !run_is_loose(next) ||
		    ltp_run(next)->len > skb_tailroom(into) ||
		    !pack_read(into, next, 0, ltp_run(next)->len))
			return;
		pack_grow(into, ltp_run(next)->len);
		if (i->last == next)
			i->last = into;
		rb_erase(&next->rbnode, &i->runs);
		RB_CLEAR_NODE(&next->rbnode);
		run_uncharge(i, ltp_run(next)->charge);
		consume_skb(next);
	}
}

/*
 * Packs [@from, @to) of the block, which is in @skb and not held yet.  Returns
 * how much it had memory for; if that is not all, @why says what was missing.
 */
static u64 run_pack(struct ltp_import *i, const struct sk_buff *skb, u64 from,
		    u64 to, enum ltp_mib_item *why)
{
	u64 start = ltp_run(skb)->start, pos, n;
	struct sk_buff *into = NULL;
	struct beside b;
	bool fresh;

	for (pos = from; pos < to; pos += n) {
		beside_find(&b, i, pos, to);
		into = b.before;
		fresh = !into || !ltp_run(into)->packed || !skb_tailroom(into);
		if (fresh) {
			*why = LTP_MIB_DROP_NOMEM;
			into = pack_alloc(&b, pos, to);
			if (!into)
				break;
			*why = LTP_MIB_LIMIT_MEM;
			if (!run_charge(i, ltp_run(into)->charge)) {
				kfree_skb(into);
				break;
			}
			skb_copy_hash(into, skb);
		}
		n = min_t(u64, to - pos, skb_tailroom(into));
		*why = LTP_MIB_DROP_NOMEM;
		if (!pack_read(into, skb, pos - start, n) ||
		    ltp_ranges_add(&i->held, pos, pos + n)) {
			if (fresh) {
				run_uncharge(i, ltp_run(into)->charge);
				kfree_skb(into);
			}
			break;
		}
		pack_grow(into, n);
		if (fresh)
			run_link(i, into);
	}
	if (pos == to && into)
		pack_absorb(i, into);
	return pos - from;
}

/* Keeps a buffer for [@from, @to) of the block; as run_pack(). */
static u64 run_keep(struct ltp_import *i, struct sk_buff *skb, u64 from, u64 to,
		    enum ltp_mib_item *why)
{
	struct ltp_run *run = ltp_run(skb);

	*why = LTP_MIB_LIMIT_MEM;
	if (!run_charge(i, run->charge))
		return 0;
	*why = LTP_MIB_DROP_NOMEM;
	if (ltp_ranges_add(&i->held, from, to)) {
		run_uncharge(i, run->charge);
		return 0;
	}
	run->skip += from - run->start;
	run->start = from;
	run->len = to - from;
	run_link(i, skb);
	return to - from;
}

/*
 * Whether a buffer is kept for [@from, @to) of the block, and not packed.  It is
 * if that is half of what it pins; or if it is all that came in it, would be
 * hardly smaller if it were packed, and has no neighbours to be packed with.
 */
static bool keeps(const struct ltp_import *i, const struct sk_buff *skb,
		  u64 from, u64 to)
{
	u32 len = to - from;
	struct beside b;

	if (ltp_reasm_pins(len, skb->truesize))
		return true;
	if (len < ltp_run(skb)->len || skb_shared(skb) || skb_cloned(skb) ||
	    len > PACK_MAX)
		return false;
	beside_find(&b, i, from, to);
	return !b.before && !b.joins &&
	       SKB_TRUESIZE(len) * 2 > skb->truesize;
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
	u64 start = ltp_run(skb)->start, end = run_end(skb), from, to, pos;
	u64 added = 0, lacked = 0, keep_from = 0, keep_to = 0, n;
	enum ltp_mib_item why;
	int reason;

	reason = red_check(i, end, last);
	if (reason >= 0 || i->s.state == LTP_DELIVERED)
		goto free;

	for (pos = start; ltp_ranges_next_gap(&i->held, pos, end, &from, &to);
	     pos = to) {
		/* That comes last, as all is copied out of the buffer. */
		if (!keep_to && keeps(i, skb, from, to)) {
			keep_from = from;
			keep_to = to;
			continue;
		}
		n = run_pack(i, skb, from, to, &why);
		added += n;
		lacked += to - from - n;
		if (lacked)
			break;
	}
	if (keep_to) {
		n = run_keep(i, skb, keep_from, keep_to, &why);
		added += n;
		lacked += keep_to - keep_from - n;
		if (n)
			skb = NULL;
	}
	if (lacked) {
		ltp_session_count(&i->s, why, 1);
		trace_ltp_drop(i->s.key.engine, i->s.key.originator, why);
		goto free;
	}
	if (added < end - start)
		ltp_session_count(&i->s, LTP_MIB_RX_DUPLICATE_BYTES,
				  end - start - added);
	if (i->held.total == i->red_length)
		deliver(i);
	if (i->s.state <= LTP_DELIVERED)
		ltp_report_progress(i, start, added ? end : start);
free:
	kfree_skb(skb);
	return reason;
}

/* Bytes of a run in its buffer, from its first header, if it has any, on. */
static u32 run_wire(const struct sk_buff *skb)
{
	const struct ltp_run *run = ltp_run(skb);
	u32 n = 0, g;

	for (g = 0; g < run->n_hl; g++)
		n += run->hl[g].n;
	return min(n * run->stride, skb->len - run->pos);
}

/*
 * The buffer that green data waits in: the one that it came in, or a copy of its
 * part of that.  Consumes @skb; NULL if there is no memory.
 */
static struct sk_buff *green_buffer(struct sk_buff *skb)
{
	bool shared = skb_shared(skb) || skb_cloned(skb);
	u32 truesize = skb->truesize, wire = run_wire(skb);
	struct sk_buff *copy;

	if (ltp_reasm_pins(ltp_run(skb)->len, truesize) ||
	    (!shared && SKB_TRUESIZE(wire) * 2 > truesize))
		return skb;
	if (wire > PACK_MAX) {
		if (!skb_shared(skb))
			return skb;
		copy = LTP_ALLOC(PART_SKB,
				 skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN));
	} else {
		copy = LTP_ALLOC(PART_SKB,
				 alloc_skb(wire, GFP_ATOMIC | __GFP_NOWARN));
		if (copy && skb_copy_bits(skb, ltp_run(skb)->pos,
					  __skb_put(copy, wire), wire)) {
			kfree_skb(copy);
			copy = NULL;
		} else if (copy) {
			*ltp_run(copy) = *ltp_run(skb);
			ltp_run(copy)->pos = 0;
			skb_copy_hash(copy, skb);
		}
	}
	consume_skb(skb);
	return copy;
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
	skb = green_buffer(skb);
	if (!skb)
		goto drop;
	item = LTP_ALLOC(GREEN, kzalloc(sizeof(*item),
					GFP_ATOMIC | __GFP_NOWARN));
	if (!item)
		goto drop;
	item->originator = i->s.key.originator;
	item->session = i->s.key.number;
	item->service = i->s.service;
	item->flags = ltp_segment_is_eob(last->type) ? LTP_RX_EOB : 0;
	item->charge = skb->truesize + sizeof(*item);
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
