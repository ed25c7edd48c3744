// SPDX-License-Identifier: GPL-2.0
/*
 * The block being sent.  Its bytes are copied once, into page fragments that
 * already have the layout of the wire, header before payload, burst by burst,
 * or referred to between those headers: see zerocopy.c.
 * That store serves the first transmission and every later one: buffers refer
 * to its pages and never copy them, and the pages are never written again,
 * since a receiver on the same machine may hold them for long.
 */
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/udp.h>

#include "block.h"
#include "compat.h"
#include "fault.h"
#include "layout.h"
#include "mem.h"
#include "pace.h"
#include "session.h"
#include "span.h"
#include "udp.h"
#include "zerocopy.h"

/**
 * struct plan - the next segment of a block
 * @type: enum ltp_segment_type
 * @len: payload bytes, 0 if they are to be held back
 * @cp_serial: of a checkpoint
 */
struct plan {
	u8	type;
	u32	len;
	u64	cp_serial;
};

static u64 take_serial(struct ltp_export *e)
{
	u64 serial;

	/* Before anything is laid out nobody else can want one. */
	if (!e->length)
		return e->s.next_serial++;
	spin_lock_bh(&e->s.lock);
	serial = e->s.next_serial++;
	spin_unlock_bh(&e->s.lock);
	return serial;
}

/*
 * What the segment at @off will be, with @avail bytes at hand, of which none
 * follow if @last.  While the block may go on, one byte at least stays behind,
 * so that the segment that ends the block, or its red part, can say so.
 */
static void plan_any(struct ltp_export *e, u64 off, u64 avail, bool last,
		     bool cp_due, struct plan *p)
{
	u32 fill = ltp_segment_fill(&e->prefix, off, e->wire), fill_cp;
	bool red = off < e->red_limit;
	u64 part = red ? min(avail, e->red_limit - off) : avail;
	bool ends = last || part < avail;

	p->cp_serial = 0;
	p->type = red ? LTP_SEG_RED : LTP_SEG_GREEN;
	p->len = min_t(u64, part, fill);
	if (!last && avail <= fill) {
		p->len = 0;
		return;
	}
	if (!red) {
		if (last && part <= fill)
			p->type = LTP_SEG_GREEN_EOB;
		return;
	}
	if (!(ends && part <= fill) && !cp_due)
		return;

	/* Serials that reports take meanwhile may make ours an octet longer. */
	fill_cp = ltp_segment_fill_cp(&e->prefix, off, e->wire,
				      READ_ONCE(e->s.next_serial) + 4096, 0);
	if (ends && part <= fill) {
		if (part > fill_cp) {
			p->len = part - 1;
			return;
		}
		p->type = last && part == avail ? LTP_SEG_RED_CP_EORP_EOB :
						  LTP_SEG_RED_CP_EORP;
	} else {
		p->type = LTP_SEG_RED_CP;
		p->len = fill_cp;
	}
	p->cp_serial = take_serial(e);
}

/*
 * As plan_any(), but does not leave one byte alone to the segment that ends the
 * block.  Should there be no room for that one, the block can still be ended
 * with a byte that is taken while the caller is left with one that is not, and
 * so learns from a short count that it has not ended.
 */
static void plan_segment(struct ltp_export *e, u64 off, u64 avail, bool last,
			 bool cp_due, struct plan *p)
{
	plan_any(e, off, avail, last, cp_due, p);
	if (last && avail - p->len == 1 && p->len > 1 &&
	    !ltp_segment_is_eorp(p->type))
		p->len--;
}

/*
 * How many segments from @off on are plain and alike: full, all of one colour,
 * no checkpoint, none that ends anything, their offsets of one length.  @avail
 * bytes are at hand, of which at least one must be left for what follows.
 */
static u32 plain_segments(const struct ltp_export *e, u64 off, u64 avail,
			  u64 cp_every, struct plan *p)
{
	u64 same = 1ULL << 7 * ltp_sdnv_len(off), most, due;
	bool red = off < e->red_limit;

	p->cp_serial = 0;
	p->type = red ? LTP_SEG_RED : LTP_SEG_GREEN;
	p->len = ltp_segment_fill(&e->prefix, off, e->wire);
	if (off >= BIT_ULL(56) || avail <= p->len ||
	    ltp_segment_data_hlen(&e->prefix, off, p->len) + p->len != e->wire)
		return 0;
	most = min(avail - 1, same - 1 - off + p->len);
	if (red && e->red_limit - off <= most)
		most = e->red_limit - off - 1;
	if (red && cp_every != LTP_UNKNOWN) {
		due = e->cp_upper + cp_every;
		if (off + e->wire >= due)
			return 0;
		most = min(most, due - 1 - off - e->wire + p->len);
	}
	return min_t(u64, div_u64(most, p->len), UDP_MAX_SEGMENTS);
}

static struct ltp_burst *burst_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct ltp_burst, node);
}

/**
 * ltp_block_find() - the burst that holds a byte, or the next one behind it
 * @e: the session
 * @pos: block offset of the byte
 *
 * Context: session.lock held.
 * Return: the burst, or NULL.
 */
struct ltp_burst *ltp_block_find(const struct ltp_export *e, u64 pos)
{
	struct rb_node *node = e->bursts.rb_node;
	struct ltp_burst *best = NULL;

	while (node) {
		struct ltp_burst *b = burst_of(node);

		if (b->start + b->len > pos) {
			best = b;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return best;
}

/*
 * Charges a burst.  What lies in pages of the socket's own is given back when
 * no burst needs the page any more.
 */
static void burst_pin(struct ltp_burst *b, struct sock *sk)
{
	u32 i;

	b->sk = sk;
	refcount_add(b->charge, &sk->sk_wmem_alloc);
	for (i = 0; i < b->n_frags; i++)
		if (b->own & BIT_ULL(i))
			ltp_layout_pin(skb_frag_page(&b->frags[i]),
				       skb_frag_size(&b->frags[i]));
}

/* Returns how many charged bytes are to be given back. */
static u32 burst_unpin(const struct ltp_burst *b)
{
	u32 back = b->charge, i, n;

	if (!b->sk)
		return 0;
	for (i = 0; i < b->n_frags; i++) {
		if (!(b->own & BIT_ULL(i)))
			continue;
		n = skb_frag_size(&b->frags[i]);
		back += ltp_layout_unpin(skb_frag_page(&b->frags[i]), n) - n;
	}
	return back;
}

static void uncharge(struct sock *sk, u32 bytes)
{
	if (!bytes)
		return;
	WARN_ON_ONCE(refcount_sub_and_test(bytes, &sk->sk_wmem_alloc));
	ltp_mem_uncharge(sk, bytes);
	sk->sk_write_space(sk);
}

/* Returns how many charged bytes are to be given back. */
static u32 burst_put(struct ltp_burst *b)
{
	unsigned int i;
	u32 back;

	if (!refcount_dec_and_test(&b->ref))
		return 0;
	back = burst_unpin(b);
	for (i = 0; i < b->n_frags; i++)
		put_page(skb_frag_page(&b->frags[i]));
	net_zcopy_put(b->ubuf);
	if (!b->inside)
		kfree(b);
	return back;
}

/**
 * ltp_block_burst_put() - give a reference to a burst back
 * @b: the burst
 *
 * It is charged until the last one is gone: a checkpoint may need it for longer
 * than its block does.
 *
 * Context: session.lock held.
 */
void ltp_block_burst_put(struct ltp_burst *b)
{
	struct sock *sk = b->sk;

	uncharge(sk, burst_put(b));
}

/*
 * No signal refers to a burst that still has its checkpoint.  Returns how many
 * charged bytes are to be given back.
 */
static u32 burst_free(struct ltp_burst *b)
{
	ltp_session_signal_free(b->cp);
	b->cp = NULL;
	return burst_put(b);
}

/*
 * Allocates a burst, and behind it the signal of the checkpoint that it ends
 * with: that refers to the burst for as long as it lives.
 */
static struct ltp_burst *burst_alloc(struct ltp_export *e, u32 n_frags,
				     bool cp)
{
	struct ltp_burst *b;
	size_t len, size;

	len = struct_size(b, frags, n_frags);
	size = len + (cp ? sizeof(struct ltp_signal) : 0);
	if (!e->first_used && size <= sizeof(e->first)) {
		e->first_used = true;
		b = (struct ltp_burst *)e->first;
		b->inside = true;
		b->charge = sizeof(*e);
	} else {
		b = LTP_ALLOC(BURST, kzalloc(size, GFP_KERNEL_ACCOUNT));
		if (!b)
			return NULL;
		b->charge = ksize(b);
	}
	refcount_set(&b->ref, 1);
	b->n_frags = n_frags;
	if (cp)
		b->cp = (void *)b + len;
	return b;
}

/* Sets up the signal of the checkpoint that ends a burst. */
static void burst_checkpoint(struct ltp_burst *b, u64 serial)
{
	u32 pos = (b->n_segs - 1) * b->stride;
	struct ltp_signal *sig = b->cp;

	ltp_session_signal_init(sig, b->last_type);
	sig->inside = true;
	sig->serial = serial;
	sig->upper = b->start + b->len;
	sig->pos = pos;
	sig->len = b->wire - pos;
}

/* Takes what the burst needs out of what was reserved. */
static bool burst_charge(struct ltp_export *e, const struct ltp_burst *b)
{
	u32 from = min_t(u64, b->charge, e->reserved);

	if (ltp_fault(LTP_FAULT_BURST_CHARGE) ||
	    (from < b->charge &&
	     !ltp_mem_charge(e->s.sk, b->charge - from, SK_MEM_SEND))) {
		ltp_session_count(&e->s, LTP_MIB_LIMIT_MEM, 1);
		return false;
	}
	e->reserved -= from;
	return true;
}

/* Counts red bytes as on their way, as far as they are not admitted already. */
static void inflight_add(struct ltp_export *e, u32 len)
{
	u32 from = min_t(u64, len, e->admitted);

	e->admitted -= from;
	if (from < len)
		atomic64_add(len - from, &e->s.span->inflight);
}

static int burst_add(struct ltp_export *e, struct ltp_burst *b)
{
	struct rb_node **p = &e->bursts.rb_node, *parent = NULL;
	int err = 0;

	spin_lock_bh(&e->s.lock);
	if (e->s.state != LTP_SENDING) {
		err = -EPIPE;
		goto out;
	}
	if (!burst_charge(e, b)) {
		err = -ENOBUFS;
		goto out;
	}
	while (*p) {
		parent = *p;
		p = &parent->rb_right;
	}
	rb_link_node(&b->node, parent, p);
	rb_insert_color(&b->node, &e->bursts);
	burst_pin(b, e->s.sk);
	e->length = b->start + b->len;
	if (b->type == LTP_SEG_RED)
		inflight_add(e, b->len);
	if (b->cp) {
		b->cp->lower = e->cp_upper;
		e->cp_upper = b->cp->upper;
	}
	if (ltp_segment_is_eorp(b->last_type))
		e->red_length = e->length;
	if (ltp_segment_is_eob(b->last_type)) {
		e->ended = true;
		if (e->red_length == LTP_UNKNOWN)
			e->red_length = 0;
	}
out:
	spin_unlock_bh(&e->s.lock);
	return err;
}

/**
 * ltp_block_hold() - keep bytes for the segment that cannot be laid out yet
 * @e: the session
 * @from: the bytes the caller has
 * @n: how many of them, less than a segment with what is kept already
 *
 * Context: process, under ltp_sock.send_lock.
 * Return: 0; -EFAULT, -ENOMEM.
 */
int ltp_block_hold(struct ltp_export *e, struct iov_iter *from, u32 n)
{
	if (!e->tail) {
		if (!ltp_mem_charge(e->s.sk, e->wire, SK_MEM_SEND)) {
			ltp_session_count(&e->s, LTP_MIB_LIMIT_MEM, 1);
			return -ENOMEM;
		}
		e->tail = LTP_ALLOC(TAIL, kvmalloc(e->wire, GFP_KERNEL));
		if (!e->tail) {
			ltp_mem_uncharge(e->s.sk, e->wire);
			return -ENOMEM;
		}
	}
	if (copy_from_iter(e->tail + e->tail_len, n, from) != n)
		return -EFAULT;
	e->tail_len += n;
	return 0;
}

/**
 * ltp_block_no_tail() - nobody adds to a block any more
 * @sk: its socket
 * @e: the session
 *
 * Context: process, under ltp_sock.send_lock.
 */
void ltp_block_no_tail(struct sock *sk, struct ltp_export *e)
{
	if (likely(!e->tail))
		return;
	kvfree(e->tail);
	e->tail = NULL;
	ltp_mem_uncharge(sk, e->wire);
}

/* Of the sender's pages whole ones are pinned, however little is referred to. */
static u32 pinned_besides(const struct ltp_layout *l)
{
	u32 i, off, n = 0;

	if (likely(!l->shared))
		return 0;
	for (i = 0; i < l->n_frags; i++) {
		if (l->own & BIT_ULL(i))
			continue;
		off = skb_frag_off(&l->frags[i]) % PAGE_SIZE;
		n += PAGE_ALIGN(off + skb_frag_size(&l->frags[i])) -
		     skb_frag_size(&l->frags[i]);
	}
	return n;
}

/**
 * ltp_block_append() - lay out the next burst of a block
 * @e: the session
 * @from: the bytes the caller has
 * @last: they end the block
 * @cp_every: bytes after which a discretionary checkpoint is due (RFC 5326,
 *	section 4.1), %LTP_UNKNOWN for never
 *
 * All segments but the last have the same size on the wire; where an SDNV
 * grows, the payload shrinks.  A burst ends at the burst limit, at the size
 * of one IP packet, behind a checkpoint, where the colour changes, and where
 * the data ends.
 *
 * Context: process, under ltp_sock.send_lock.
 * Return: 1 if a burst was laid out, 0 if all bytes were held back; -EPIPE if
 * the session has ended, -EINVAL if there is no byte to end it with, -EFAULT,
 * -ENOMEM, -ENOBUFS beyond what was reserved, and none of the bytes were taken.
 */
int ltp_block_append(struct ltp_export *e, struct iov_iter *from, bool last,
		     u64 cp_every)
{
	struct ltp_sock *ls = ltp_sk(e->s.sk);
	u8 header[LTP_SEG_DATA_HDR_MAX] __uninitialized, *end;
	struct ltp_layout l __uninitialized;
	bool refer = ls->zc.on;
	u32 i;
	u32 frags_of_seg = ltp_block_frags(e, refer);
	u64 off = e->length, start = off;
	size_t count = iov_iter_count(from);
	u32 n_segs = 0, stride = 0, tail = 0, n;
	struct plan p = {}, next;
	struct ltp_burst *b;
	int err;

	ltp_layout_init(&l, e->s.sk, &ls->frag[off >= e->red_limit]);
	for (;;) {
		u64 avail = e->tail_len - tail + iov_iter_count(from);
		u32 take;

		if (!avail || p.cp_serial || n_segs == e->burst_limit ||
		    l.wire > e->burst_max - e->wire || l.wire != n_segs * e->wire ||
		    (n_segs && l.n_frags + frags_of_seg > MAX_SKB_FRAGS))
			break;
		n = e->tail_len > tail || refer ? 0 :
		    plain_segments(e, off, avail - last, cp_every, &next);
		n = min3(n, e->burst_limit - n_segs,
			 (e->burst_max - l.wire) / e->wire);
		if (n && (!n_segs || p.type == next.type)) {
			err = ltp_layout_segments(&l, &e->prefix, next.type,
						  off, next.len, e->wire, n,
						  from);
			if (err < 0)
				goto drop;
			if (err) {
				p = next;
				n_segs += err;
				stride = e->wire;
				off += (u64)err * next.len;
				continue;
			}
		}
		plan_segment(e, off, avail, last,
			     off + e->wire - e->cp_upper >= cp_every, &next);
		if (!next.len && refer)
			next.len = ltp_zerocopy_short(e, off, avail);
		if (!next.len ||
		    (n_segs && ltp_segment_is_red(next.type) !=
			       ltp_segment_is_red(p.type)))
			break;
		p = next;
		end = ltp_segment_put_data(header, &e->prefix, p.type, off,
					   p.len, p.cp_serial, 0);
		err = ltp_layout_write(&l, header, end - header);
		take = min(p.len, e->tail_len - tail);
		if (!err && take)
			err = ltp_layout_write(&l, e->tail + tail, take);
		tail += take;
		if (!err && refer)
			err = ltp_zerocopy_add(&l, from, p.len - take);
		else if (!err)
			err = ltp_layout_copy(&l, from, p.len - take);
		if (err)
			goto drop;
		if (!n_segs++)
			stride = l.wire;
		off += p.len;
	}
	if (!n_segs)
		return last ? -EINVAL :
			      ltp_block_hold(e, from, iov_iter_count(from));

	b = burst_alloc(e, l.n_frags, ltp_segment_is_checkpoint(p.type));
	err = -ENOMEM;
	if (!b)
		goto drop;
	b->start = start;
	b->len = off - start;
	b->wire = l.wire;
	b->stride = stride;
	b->n_segs = n_segs;
	b->last_type = p.type;
	b->type = ltp_segment_is_red(p.type) ? LTP_SEG_RED : LTP_SEG_GREEN;
	b->own = l.own;
	b->charge += l.wire + pinned_besides(&l);
	for (i = 0; i < l.n_frags; i++)
		b->frags[i] = l.frags[i];
	l.n_frags = 0;
	if (l.shared)
		ltp_zerocopy_keep(ls, b);
	if (b->cp)
		burst_checkpoint(b, p.cp_serial);
	err = burst_add(e, b);
	if (!err) {
		e->tail_len -= tail;
		if (tail)
			memmove(e->tail, e->tail + tail, e->tail_len);
		return 1;
	}
	burst_free(b);
drop:
	ltp_layout_free(&l);
	/* Nothing was taken: what the caller counts, and the tail, are whole. */
	iov_iter_revert(from, count - iov_iter_count(from));
	return err;
}

/**
 * ltp_block_seek() - find the original segment that holds a byte
 * @e: the session
 * @pos: block offset of the byte
 * @p: the segment
 *
 * Context: session.lock held.
 * Return: false if the byte is not stored, because it was claimed.
 */
bool ltp_block_seek(const struct ltp_export *e, u64 pos, struct ltp_piece *p)
{
	struct ltp_burst *b = ltp_block_find(e, pos);
	u32 i;

	if (!b || b->start > pos)
		return false;
	p->b = b;
	p->start = b->start;
	for (i = 0; i < b->n_segs - 1; i++) {
		p->len = ltp_segment_fill(&e->prefix, p->start, b->stride);
		if (pos < p->start + p->len)
			break;
		p->start += p->len;
	}
	p->wire_pos = i * b->stride;
	p->wire_len = b->stride;
	p->type = b->type;
	if (i == b->n_segs - 1) {
		p->len = b->start + b->len - p->start;
		p->wire_len = b->wire - p->wire_pos;
		p->type = b->last_type;
	}
	return true;
}

/**
 * ltp_block_part() - the next segments of a burst that never left
 * @e: the session
 * @b: the burst, which ltp_block_unsent() returned
 * @n: how many segments at most
 * @p: the segments
 *
 * Context: session.lock held.
 */
void ltp_block_part(const struct ltp_export *e, struct ltp_burst *b, u32 n,
		    struct ltp_piece *p)
{
	u64 pos = b->start;
	u32 i = 0;

	while (pos < e->sent) {
		pos += ltp_segment_fill(&e->prefix, pos, b->stride);
		i++;
	}
	p->b = b;
	p->start = pos;
	p->wire_pos = i * b->stride;
	if (i + n >= b->n_segs) {
		p->len = b->start + b->len - pos;
		p->wire_len = b->wire - p->wire_pos;
		return;
	}
	p->wire_len = n * b->stride;
	for (; n; n--)
		pos += ltp_segment_fill(&e->prefix, pos, b->stride);
	p->len = pos - p->start;
}

/**
 * ltp_block_unsent() - the next burst that never left
 * @e: the session
 *
 * Context: session.lock held.
 * Return: the burst, or NULL.
 */
struct ltp_burst *ltp_block_unsent(const struct ltp_export *e)
{
	return e->sent < e->length ? ltp_block_find(e, e->sent) : NULL;
}

/**
 * ltp_block_skb() - an empty buffer with room for all headers below LTP
 * @linear: bytes to be put into its linear part
 * @gfp: allocation flags
 *
 * Return: the buffer, or NULL.
 */
struct sk_buff *ltp_block_skb(u32 linear, gfp_t gfp)
{
	struct sk_buff *skb;

	skb = alloc_skb(LTP_UDP_HEADROOM + linear, gfp | __GFP_NOWARN);
	if (skb)
		skb_reserve(skb, LTP_UDP_HEADROOM);
	return skb;
}

/**
 * ltp_block_add_frags() - have a buffer refer to bytes of a burst
 * @skb: the buffer
 * @b: the burst
 * @pos: first byte on the wire
 * @len: bytes
 *
 * Return: 0; -EMSGSIZE if the buffer has no room for as many fragments, or a
 * MSG_ZEROCOPY notification of another message, and it is as it was.
 */
int ltp_block_add_frags(struct sk_buff *skb, const struct ltp_burst *b,
			u32 pos, u32 len)
{
	int nr = skb_shinfo(skb)->nr_frags;
	u32 i, need, at, off = pos, n = len;

	for (i = 0; off >= skb_frag_size(&b->frags[i]); i++)
		off -= skb_frag_size(&b->frags[i]);
	for (need = 0, at = off; n; need++, at = 0)
		n -= min(n, skb_frag_size(&b->frags[i + need]) - at);
	if (nr + need > MAX_SKB_FRAGS)
		return -EMSGSIZE;
	if (b->shared && !ltp_zerocopy_mark(skb, b))
		return -EMSGSIZE;

	skb->len += len;
	skb->data_len += len;
	skb->truesize += len;
	for (; len; i++, off = 0) {
		const skb_frag_t *f = &b->frags[i];
		struct page *page = skb_frag_page(f);
		u32 page_off = skb_frag_off(f) + off;

		n = min(len, skb_frag_size(f) - off);
		if (skb_can_coalesce(skb, nr, page, page_off)) {
			skb_frag_size_add(&skb_shinfo(skb)->frags[nr - 1], n);
		} else {
			get_page(page);
			skb_fill_page_desc(skb, nr++, page, page_off, n);
		}
		len -= n;
	}
	return 0;
}

/**
 * ltp_block_rebuild() - a plain red segment with another header, or cut shorter
 * @e: the session
 * @p: the original segment
 * @pos: block offset of the first byte, within it
 * @len: bytes, not beyond it
 *
 * The header is new, the payload stays where it is.
 *
 * Context: session.lock held; GFP_ATOMIC.
 * Return: the buffer, or NULL.
 */
struct sk_buff *ltp_block_rebuild(const struct ltp_export *e,
				  const struct ltp_piece *p, u64 pos, u32 len)
{
	u32 hlen = p->wire_len - p->len;
	struct sk_buff *skb;
	u8 *end;

	skb = LTP_ALLOC(REBUILD_SKB, ltp_block_skb(LTP_SEG_DATA_HDR_MAX,
						   GFP_ATOMIC));
	if (!skb)
		return NULL;
	end = ltp_segment_put_data(skb->data, &e->prefix, LTP_SEG_RED, pos, len,
				   0, 0);
	skb_put(skb, end - skb->data);
	if (ltp_block_add_frags(skb, p->b, p->wire_pos + hlen + pos - p->start,
				len)) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

/**
 * ltp_block_rebuild_cp() - a checkpoint over bytes of an original segment
 * @e: the session
 * @p: the original segment
 * @pos: block offset of the first byte, within it
 * @len: bytes, not beyond it
 * @type: enum ltp_segment_type
 * @cp_serial: its serial
 * @rs_serial: report that it answers
 *
 * Context: session.lock held; GFP_ATOMIC.
 * Return: the signal, or NULL.
 */
struct ltp_signal *ltp_block_rebuild_cp(const struct ltp_export *e,
					const struct ltp_piece *p, u64 pos,
					u32 len, u8 type, u64 cp_serial,
					u64 rs_serial)
{
	struct ltp_signal *sig;

	sig = LTP_ALLOC(CHECKPOINT, ltp_session_signal(type,
						       LTP_SEG_DATA_HDR_MAX,
						       GFP_ATOMIC));
	if (!sig)
		return NULL;
	sig->n_data = ltp_segment_put_data(sig->data, &e->prefix, type, pos,
					   len, cp_serial, rs_serial) -
		      sig->data;
	sig->serial = cp_serial;
	sig->ref = rs_serial;
	refcount_inc(&p->b->ref);
	sig->burst = p->b;
	sig->pos = p->wire_pos + p->wire_len - p->len + pos - p->start;
	sig->len = len;
	return sig;
}

/**
 * ltp_block_signal_skb() - a signal as a buffer to be sent
 * @sig: the signal
 *
 * Context: session.lock held; GFP_ATOMIC.
 * Return: the buffer, or NULL.
 */
struct sk_buff *ltp_block_signal_skb(const struct ltp_signal *sig)
{
	struct sk_buff *skb;

	skb = LTP_ALLOC(SIGNAL_SKB, ltp_block_skb(sig->n_data, GFP_ATOMIC));
	if (!skb)
		return NULL;
	skb_put_data(skb, sig->data, sig->n_data);
	if (sig->burst &&
	    ltp_block_add_frags(skb, sig->burst, sig->pos, sig->len)) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

/**
 * ltp_block_drop_burst() - forget a burst that needs no retransmission
 * @e: the session
 * @b: the burst
 *
 * Context: session.lock held.
 */
void ltp_block_drop_burst(struct ltp_export *e, struct ltp_burst *b)
{
	if (b->type == LTP_SEG_RED) {
		atomic64_sub(b->len, &e->s.span->inflight);
		ltp_span_room(e->s.span);
	}
	rb_erase(&b->node, &e->bursts);
	uncharge(e->s.sk, burst_free(b));
}

/**
 * ltp_block_claim() - the receiver holds red bytes (RFC 5326, section 6.13)
 * @e: the session
 * @start: first byte
 * @end: first byte behind
 *
 * Bursts that are claimed whole are freed.
 *
 * Context: session.lock held.
 * Return: 0, or -ENOMEM and nothing changed.
 */
int ltp_block_claim(struct ltp_export *e, u64 start, u64 end)
{
	struct ltp_burst *b, *next;
	int err;

	err = ltp_ranges_add(&e->claimed, start, end);
	if (err)
		return err;
	for (b = ltp_block_find(e, start); b && b->start < end; b = next) {
		next = burst_of(rb_next(&b->node));
		if (!ltp_ranges_cover(&e->claimed, b->start, b->start + b->len))
			continue;
		ltp_pace_claimed(e, b);
		ltp_block_drop_burst(e, b);
	}
	return 0;
}

/*
 * A socket's other blocks have ended, and one is left.  It may fill more than
 * half of the buffer, so that sk_write_space() was silent, and be open: then
 * nothing else will wake who writes it.
 */
static void tell_last(struct sock *sk)
{
	if (list_is_singular(&ltp_sk(sk)->exports) && !sock_writeable(sk))
		sk->sk_state_change(sk);
}

/**
 * ltp_block_release() - free all that an export session stores
 * @e: the session, ended
 *
 * Context: session.lock held, or the last reference is gone.
 */
void ltp_block_release(struct ltp_export *e)
{
	struct ltp_batch *batch, *next;
	struct ltp_burst *b, *n;
	u32 back = 0;
	u64 len = 0;

	rbtree_postorder_for_each_entry_safe(b, n, &e->bursts, node) {
		if (b->type == LTP_SEG_RED)
			len += b->len;
		back += burst_free(b);
	}
	e->bursts = RB_ROOT;
	list_for_each_entry_safe(batch, next, &e->batches, list)
		kfree(batch);
	INIT_LIST_HEAD(&e->batches);
	ltp_ranges_free(&e->claimed);
	ltp_ranges_free(&e->reports);
	ltp_ranges_free(&e->scopes);
	uncharge(e->s.sk, back);
	if (!e->s.no_sock)
		tell_last(e->s.sk);
	if (len) {
		atomic64_sub(len, &e->s.span->inflight);
		ltp_span_room(e->s.span);
	}
}
