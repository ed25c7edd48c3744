// SPDX-License-Identifier: GPL-2.0
/*
 * The payload of received buffers: found between its headers, and copied to
 * the reader.
 */
#include <linux/uio.h>

#include "compat.h"
#include "run.h"

/**
 * struct place - a byte of a run, found in its buffer
 * @group: entry of ltp_run.hl that describes its segment
 * @n: its segment among those of the entry
 * @seg: where the segment's header is in the buffer
 * @at: bytes into the segment's payload
 */
struct place {
	u32 group;
	u32 n;
	u32 seg;
	u32 at;
};

/* Payload bytes of a segment; a last one may have fewer: ltp_run.len counts. */
static u32 payload_of(const struct ltp_run *run, u32 group)
{
	return run->stride - run->hl[group].hlen;
}

/* Finds byte @at of a run, counted from its first segment's payload. */
static void place_find(const struct ltp_run *run, u32 at, struct place *pl)
{
	u32 plen;

	pl->seg = run->pos;
	for (pl->group = 0; ; pl->group++) {
		plen = payload_of(run, pl->group);
		pl->n = at / plen;
		if (pl->n < run->hl[pl->group].n ||
		    pl->group == run->n_hl - 1)
			break;
		pl->seg += run->hl[pl->group].n * run->stride;
		at -= run->hl[pl->group].n * plen;
	}
	pl->seg += pl->n * run->stride;
	pl->at = at - pl->n * plen;
}

static void place_next_segment(const struct ltp_run *run, struct place *pl)
{
	pl->at = 0;
	pl->seg += run->stride;
	if (++pl->n == run->hl[pl->group].n && pl->group < run->n_hl - 1) {
		pl->group++;
		pl->n = 0;
	}
}

/**
 * ltp_run_segment_left() - bytes from a place in a run to its segment's end
 * @skb: a buffer whose ltp_run is set
 * @from: bytes into the run
 * @whole: payload bytes of the whole segment, unless NULL
 *
 * Return: bytes, at least 1.
 */
u32 ltp_run_segment_left(const struct sk_buff *skb, u32 from, u32 *whole)
{
	const struct ltp_run *run = ltp_run(skb);
	struct place pl;
	u32 left;

	place_find(run, run->skip + from, &pl);
	left = min(payload_of(run, pl.group) - pl.at, run->len - from);
	if (whole)
		*whole = pl.at + left;
	return left;
}

/**
 * ltp_run_at() - where a byte of a run lies in its buffer
 * @skb: a buffer whose ltp_run is set
 * @from: bytes into the run
 * @left: bytes from there to the end of its segment, at least 1
 *
 * Return: bytes into the buffer.
 */
u32 ltp_run_at(const struct sk_buff *skb, u32 from, u32 *left)
{
	const struct ltp_run *run = ltp_run(skb);
	struct place pl;

	place_find(run, run->skip + from, &pl);
	*left = min(payload_of(run, pl.group) - pl.at, run->len - from);
	return pl.seg + run->hl[pl.group].hlen + pl.at;
}

/* Segment by segment, as the kernel's own readers of buffers do. */
static int copy_segments(const struct sk_buff *skb, struct place *pl, u32 len,
			 struct iov_iter *to)
{
	const struct ltp_run *run = ltp_run(skb);
	u32 base = 0, chunk, off, end = 0;
	const struct sk_buff *part = skb;
	int err;

	/* NAPI GRO may have chained datagrams, behind those it could merge. */
	if (skb_has_frag_list(skb))
		end = skb_pagelen(skb);
	for (;;) {
		chunk = min(len, payload_of(run, pl->group) - pl->at);
		off = pl->seg + run->hl[pl->group].hlen + pl->at;
		while (end && off >= end) {
			base = end;
			part = part == skb ? skb_shinfo(skb)->frag_list :
					     part->next;
			end = part->next ? base + part->len : 0;
		}
		if (!end || off + chunk <= end)
			err = skb_copy_datagram_iter(part, off - base, to,
						     chunk);
		else
			err = skb_copy_datagram_iter(skb, off, to, chunk);
		if (err)
			return err;
		len -= chunk;
		if (!len)
			return 0;
		place_next_segment(run, pl);
	}
}

#ifndef CONFIG_HIGHMEM
/**
 * struct reader - payload on its way out of a run
 * @run: the run
 * @pl: the next byte
 * @b: where the bytes of its buffer lie
 */
struct reader {
	const struct ltp_run	*run;
	struct place		pl;
	struct ltp_bytes	b;
};

/* The next bytes that lie together, of @want; NULL if the buffer is short. */
static __always_inline const u8 *reader_next(struct reader *r, size_t want,
					     size_t *n)
{
	u32 hlen = r->run->hl[r->pl.group].hlen, off, left;

	left = r->run->stride - hlen - r->pl.at;
	if (!left) {
		place_next_segment(r->run, &r->pl);
		hlen = r->run->hl[r->pl.group].hlen;
		left = r->run->stride - hlen;
	}
	off = r->pl.seg + hlen + r->pl.at;
	if (!ltp_bytes_seek(&r->b, off))
		return NULL;
	*n = min3(want, (size_t)left, (size_t)(r->b.end - off));
	r->pl.at += *n;
	return r->b.addr + (off - r->b.start);
}

/*
 * How many whole segments of one header length lie together from the next byte
 * on, for a reader of @want bytes; sets @from to the payload of the first.
 */
static __always_inline u32 reader_whole(struct reader *r, size_t want,
					u32 payload, const u8 **from)
{
	u32 off, n;

	if (r->pl.at)
		return 0;
	off = r->pl.seg + r->run->stride - payload;
	if (!ltp_bytes_seek(&r->b, off))
		return 0;
	if (r->b.end - off < payload || want < payload)
		return 0;
	n = min((u32)(r->b.end - off - payload) / r->run->stride + 1,
		(u32)(r->run->hl[r->pl.group].n - r->pl.n));
	*from = r->b.addr + (off - r->b.start);
	return min_t(size_t, n, want / payload);
}

/* The step functions of iterate_and_advance(): return what was not copied. */
static __always_inline size_t reader_to_user(void __user *to, size_t done,
					     size_t len, void *priv,
					     void *priv2)
{
	struct reader *r = priv;
	u32 payload, whole;
	size_t n, fault;
	const u8 *from;

	if (!access_ok(to, len))
		return len;
	while (len) {
		if (r->pl.at == payload_of(r->run, r->pl.group))
			place_next_segment(r->run, &r->pl);
		payload = payload_of(r->run, r->pl.group);
		whole = reader_whole(r, len, payload, &from);
		if (whole) {
			r->pl.n += whole - 1;
			r->pl.seg += (whole - 1) * r->run->stride;
			r->pl.at = payload;
		}
		for (; whole; whole--) {
			instrument_copy_to_user(to, from, payload);
			fault = raw_copy_to_user(to, from, payload);
			if (fault)
				return len - payload + fault;
			from += r->run->stride;
			to += payload;
			len -= payload;
		}
		if (!len)
			break;
		from = reader_next(r, len, &n);
		if (!from)
			return len;
		instrument_copy_to_user(to, from, n);
		fault = raw_copy_to_user(to, from, n);
		if (fault)
			return len - n + fault;
		to += n;
		len -= n;
	}
	return 0;
}

static __always_inline size_t reader_to_kernel(void *to, size_t done,
					       size_t len, void *priv,
					       void *priv2)
{
	struct reader *r = priv;
	const u8 *from;
	size_t n;

	while (len) {
		from = reader_next(r, len, &n);
		if (!from)
			return len;
		memcpy(to, from, n);
		to += n;
		len -= n;
	}
	return 0;
}

static int copy_run(const struct sk_buff *skb, const struct place *pl, u32 len,
		    struct iov_iter *to)
{
	struct reader r = { .run = ltp_run(skb), .pl = *pl };

	ltp_bytes_init(&r.b, skb);
	return iterate_and_advance(to, len, &r, reader_to_user,
				   reader_to_kernel) == len ? 0 : -EFAULT;
}

static bool copies_runs(const struct sk_buff *skb, const struct iov_iter *to)
{
	const struct sk_buff *part;

	if (!ltp_compat_iterates(to))
		return false;
	/* A list of lists is left to others. */
	skb_walk_frags(skb, part)
		if (skb_has_frag_list(part))
			return false;
	return true;
}
#else
static int copy_run(const struct sk_buff *skb, const struct place *pl, u32 len,
		    struct iov_iter *to)
{
	return -EFAULT;
}

static bool copies_runs(const struct sk_buff *skb, const struct iov_iter *to)
{
	return false;
}
#endif

/**
 * ltp_run_copy() - copy payload of a run to the reader
 * @skb: a buffer whose ltp_run is set
 * @from: bytes into the run
 * @len: bytes, not beyond it
 * @to: where to
 *
 * Context: process; any, if @to is memory of the kernel.
 * Return: 0 or -EFAULT.
 */
int ltp_run_copy(const struct sk_buff *skb, u32 from, u32 len,
		 struct iov_iter *to)
{
	const struct ltp_run *run = ltp_run(skb);
	struct place pl;

	if (!len)
		return 0;
	place_find(run, run->skip + from, &pl);
	return copies_runs(skb, to) ? copy_run(skb, &pl, len, to) :
				  copy_segments(skb, &pl, len, to);
}

/**
 * ltp_run_read() - copy payload of a run to memory of the kernel
 * @skb: a buffer whose ltp_run is set
 * @from: bytes into the run
 * @len: bytes, not beyond it
 * @to: where to
 *
 * Context: any.
 * Return: 0 or -EFAULT.
 */
int ltp_run_read(const struct sk_buff *skb, u32 from, u32 len, void *to)
{
	struct kvec vec = { .iov_base = to, .iov_len = len };
	struct iov_iter iter;

	iov_iter_kvec(&iter, READ, &vec, 1, len);
	return ltp_run_copy(skb, from, len, &iter);
}
