// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes on their way into a block: copied once, into page fragments, in the
 * layout of the wire, header before payload.
 */
#include <linux/slab.h>
#include <linux/uio.h>

#include "compat.h"
#include "fault.h"
#include "layout.h"
#include "mem.h"

/* Unused pages go after this long. */
#define TRIM_EVERY	(5 * HZ)

/* As many may always stay for that long, and are freed at a time. */
#define PAGES_FEW	128

/* The pages of order 0 that all namespaces keep. */
static atomic_long_t pages_kept;

static u32 slot(const struct ltp_pages *ps, u32 n)
{
	return (ps->first + n) & (ps->max - 1);
}

/* Takes the oldest out.  ltp_pages.lock held. */
static struct page *pages_pop(struct ltp_pages *ps)
{
	struct page *page = ps->page[ps->first];

	ps->first = slot(ps, 1);
	ps->n--;
	atomic_long_sub(ps->size >> PAGE_SHIFT, &pages_kept);
	return page;
}

static bool pages_idle(const struct ltp_pages *ps, u32 n)
{
	return page_ref_count(ps->page[slot(ps, n)]) == 1;
}

/*
 * Makes room for twice as many, if all that there are may still be in use.  If
 * it fails, some are not used again.
 */
static void pages_grow(struct ltp_pages *ps)
{
	u32 i, max = READ_ONCE(ps->max) * 2 ?: PAGES_FEW;
	struct page **new;

	new = LTP_ALLOC(PAGES, kvmalloc_array(max, sizeof(*new),
					      GFP_KERNEL | __GFP_NOWARN));
	if (!new)
		return;
	spin_lock(&ps->lock);
	if (ps->max < max) {
		for (i = 0; i < ps->n; i++)
			new[i] = ps->page[slot(ps, i)];
		swap(ps->page, new);
		ps->max = max;
		ps->first = 0;
	}
	spin_unlock(&ps->lock);
	kvfree(new);
}

/* Whether the queue is too short: it is full, and the oldest not back yet. */
static bool pages_short(struct ltp_pages *ps)
{
	bool is;

	spin_lock(&ps->lock);
	is = ps->n == ps->max && (!ps->n || !pages_idle(ps, 0)) &&
	     ltp_mem_spares(atomic_long_read(&pages_kept));
	spin_unlock(&ps->lock);
	return is;
}

/*
 * The pages of blocks come back: to get one from the system, zeroed, costs as
 * much as to copy into it.  A full one goes to the end of a queue, where it
 * lies until nobody else refers to it.  The queue is as long as is needed for
 * what was in flight at once.
 */
static void pages_put(struct ltp_net *ln, struct page_frag *pf)
{
	struct ltp_pages *ps = &ln->pages;
	struct page *page = pf->page, *old = NULL;
	long more = pf->size >> PAGE_SHIFT;

	pf->page = NULL;
	if (pf->size <= PAGE_SIZE || READ_ONCE(ps->stop)) {
		put_page(page);
		return;
	}
	if (pages_short(ps))
		pages_grow(ps);
	spin_lock(&ps->lock);
	if (ps->n && (ps->n == ps->max ||
		      !ltp_mem_spares(atomic_long_read(&pages_kept) + more)))
		old = pages_pop(ps);
	if (ps->n < ps->max) {
		ps->size = pf->size;
		ps->page[slot(ps, ps->n++)] = page;
		atomic_long_add(more, &pages_kept);
		page = NULL;
	}
	spin_unlock(&ps->lock);
	if (!delayed_work_pending(&ps->trim))
		schedule_delayed_work(&ps->trim, TRIM_EVERY);
	if (page)
		put_page(page);
	if (old)
		put_page(old);
}

static void pages_get(struct ltp_net *ln, struct page_frag *pf)
{
	struct ltp_pages *ps = &ln->pages;

	spin_lock(&ps->lock);
	if (ps->n && pages_idle(ps, 0)) {
		ps->used = true;
		pf->page = pages_pop(ps);
		pf->offset = 0;
		pf->size = ps->size;
	}
	spin_unlock(&ps->lock);
}

/* Frees the oldest, some at a time.  Returns how many are left to be freed. */
static u32 pages_drop(struct ltp_pages *ps, u32 n)
{
	struct page *page[16];
	u32 i, k;

	spin_lock(&ps->lock);
	k = min3(n, ps->n, (u32)ARRAY_SIZE(page));
	for (i = 0; i < k; i++)
		page[i] = pages_pop(ps);
	spin_unlock(&ps->lock);
	for (i = 0; i < k; i++)
		put_page(page[i]);
	return k ? n - k : 0;
}

/* What nobody wanted goes; of more than a few, half of those that lie idle. */
static void pages_trim(struct work_struct *work)
{
	struct ltp_pages *ps = container_of(to_delayed_work(work),
					    struct ltp_pages, trim);
	u32 n = 0;
	bool used;

	spin_lock(&ps->lock);
	used = ps->used;
	ps->used = false;
	if (!used)
		n = ps->n;
	else if (ps->n > PAGES_FEW)
		while (n < ps->n - PAGES_FEW && pages_idle(ps, n))
			n++;
	spin_unlock(&ps->lock);
	if (used)
		n /= 2;
	while (n) {
		n = pages_drop(ps, n);
		cond_resched();
	}
	if (used && !READ_ONCE(ps->stop))
		schedule_delayed_work(&ps->trim, TRIM_EVERY);
}

/**
 * ltp_layout_pages_init() - set up for a namespace
 * @ps: its pages
 */
void ltp_layout_pages_init(struct ltp_pages *ps)
{
	spin_lock_init(&ps->lock);
	INIT_DELAYED_WORK(&ps->trim, pages_trim);
}

/**
 * ltp_layout_pages_free() - a namespace goes
 * @ps: its pages; no socket is left
 */
void ltp_layout_pages_free(struct ltp_pages *ps)
{
	u32 n = U32_MAX;

	WRITE_ONCE(ps->stop, true);
	cancel_delayed_work_sync(&ps->trim);
	while (n)
		n = pages_drop(ps, n);
	kvfree(ps->page);
}

static bool layout_refill(struct ltp_layout *l)
{
	struct ltp_net *ln = ltp_net(sock_net(l->sk));
	struct page_frag *pf = l->pfrag;

	if (pf->page && pf->offset + 32 > pf->size)
		pages_put(ln, pf);
	if (!pf->page)
		pages_get(ln, pf);
	return !ltp_fault(LTP_FAULT_PAGE) &&
	       skb_page_frag_refill(32, pf, l->sk->sk_allocation);
}

/* Makes room in the page fragment and returns how much of @want there is. */
static int layout_room(struct ltp_layout *l, u32 want)
{
	struct page_frag *pf = l->pfrag;
	skb_frag_t *f;

	if (!layout_refill(l))
		return -ENOMEM;
	want = min_t(u32, want, pf->size - pf->offset);
	if (l->n_frags) {
		f = &l->frags[l->n_frags - 1];
		if (skb_frag_page(f) == pf->page &&
		    skb_frag_off(f) + skb_frag_size(f) == pf->offset)
			return want;
	}
	if (l->n_frags == MAX_SKB_FRAGS)
		return -EMSGSIZE;
	get_page(pf->page);
	l->own |= BIT_ULL(l->n_frags);
	skb_frag_fill_page_desc(&l->frags[l->n_frags++], pf->page, pf->offset,
				0);
	return want;
}

static void layout_advance(struct ltp_layout *l, u32 n)
{
	skb_frag_size_add(&l->frags[l->n_frags - 1], n);
	l->pfrag->offset += n;
	l->wire += n;
}

static u8 *layout_at(const struct ltp_layout *l)
{
	return page_address(l->pfrag->page) + l->pfrag->offset;
}

/**
 * ltp_layout_write() - add bytes of our own
 * @l: the burst
 * @data: the bytes
 * @len: how many
 *
 * Context: process.
 * Return: 0; -ENOMEM; -EMSGSIZE if that needs too many fragments.
 */
int ltp_layout_write(struct ltp_layout *l, const void *data, u32 len)
{
	while (len) {
		int n = layout_room(l, len);

		if (n < 0)
			return n;
		memcpy(layout_at(l), data, n);
		layout_advance(l, n);
		data += n;
		len -= n;
	}
	return 0;
}

/**
 * ltp_layout_copy() - add bytes of the sender
 * @l: the burst
 * @from: where they are
 * @len: how many
 *
 * Context: process.
 * Return: 0; -EFAULT; -ENOMEM; -EMSGSIZE if that needs too many fragments.
 */
int ltp_layout_copy(struct ltp_layout *l, struct iov_iter *from, u32 len)
{
	while (len) {
		int n = layout_room(l, len);

		if (n < 0)
			return n;
		if (copy_page_from_iter(l->pfrag->page, l->pfrag->offset, n,
					from) != n)
			return -EFAULT;
		layout_advance(l, n);
		len -= n;
	}
	return 0;
}

/*
 * page->private of a page of ours: how many of its bytes bursts refer to, and
 * above that how many they did but do not any more.  One byte that is needed
 * pins all of the page, so all stay charged for as long.
 */
#define GONE_SHIFT	(BITS_PER_LONG / 2)
#define USED_MASK	(BIT(GONE_SHIFT) - 1)

/**
 * ltp_layout_pin() - a burst refers to bytes of a page, and they are charged
 * @page: the page, which they were laid out in
 * @n: how many
 *
 * Context: any.
 */
void ltp_layout_pin(struct page *page, u32 n)
{
	unsigned long old = READ_ONCE(page->private);

	BUILD_BUG_ON(LTP_LAYOUT_PAGE > USED_MASK);
	while (!try_cmpxchg(&page->private, &old, old + n))
		;
}

/**
 * ltp_layout_unpin() - a burst does not refer to them any more
 * @page: the page, of which the caller still has its reference
 * @n: how many
 *
 * Context: any.
 * Return: how many charged bytes are to be given back: none while other bursts
 * need the page, then all.
 */
u32 ltp_layout_unpin(struct page *page, u32 n)
{
	unsigned long old = READ_ONCE(page->private), new;

	do {
		new = old - n + ((unsigned long)n << GONE_SHIFT);
		if (!(new & USED_MASK))
			new = 0;
	} while (!try_cmpxchg(&page->private, &old, new));
	return new ? 0 : n + (old >> GONE_SHIFT);
}

/**
 * ltp_layout_free() - drop what was laid out
 * @l: the burst
 */
void ltp_layout_free(struct ltp_layout *l)
{
	while (l->n_frags)
		put_page(skb_frag_page(&l->frags[--l->n_frags]));
}

/* What a header is copied with at once; payload overwrites the rest. */
#define HEAD_SHORT	24
#define HEAD_LONG	ALIGN(LTP_SEG_DATA_HDR_MAX, 8)

/**
 * struct comb - payload on its way between headers
 * @to: where the next byte goes
 * @left: payload bytes that its segment still takes
 * @len: payload bytes of a segment
 * @off: block offset of the next segment
 * @hlen: bytes of a header
 * @off_pos: of the four octets within it that the offset's SDNV ends with
 * @off_len: octets of the offset's SDNV
 * @off_fixed: the bits of the four that no offset changes
 * @off4: the four last digits of the offset
 * @len4: those of the length
 * @head: a header; of the next one only the offset differs
 */
struct comb {
	u8	*to;
	u32	left;
	u32	len;
	u64	off;
	u32	hlen;
	u32	off_pos;
	u32	off_len;
	u32	off_fixed;
	u32	off4;
	u32	len4;
	u8	head[HEAD_LONG] __aligned(8);
};

/* Writes the next header; all have offsets of equally many octets. */
static __always_inline void comb_header(struct comb *c)
{
	if (likely(c->hlen <= HEAD_SHORT))
		memcpy(c->to, c->head, HEAD_SHORT);
	else
		memcpy(c->to, c->head, HEAD_LONG);
	if (likely(c->off_len <= 4)) {
		put_unaligned_be32(c->off_fixed | c->off4,
				   c->to + c->off_pos);
		c->off4 = ltp_sdnv_add4(c->off4, c->len4);
	} else {
		ltp_sdnv_put(c->to + c->off_pos + 4 - c->off_len, c->off);
		c->off += c->len;
	}
	c->to += c->hlen;
	c->left = c->len;
}

static void comb_init(struct comb *c, const struct ltp_segment_prefix *prefix,
		      u8 type)
{
	c->hlen = ltp_segment_put_data(c->head, prefix, type, c->off, c->len,
				       0, 0) - c->head;
	c->off_len = ltp_sdnv_len(c->off);
	/* There are five octets at least in front of the offset. */
	c->off_pos = prefix->len + c->off_len - 4;
	c->off_fixed = get_unaligned_be32(c->head + c->off_pos) &
		       ~ltp_sdnv_low4_mask(c->off_len);
	c->off_fixed |= 0x80808000 & ltp_sdnv_low4_mask(c->off_len);
	c->off4 = ltp_sdnv_low4(c->off);
	c->len4 = ltp_sdnv_low4(c->len);
}

/* The step functions of iterate_and_advance(): return what was not copied. */
static __always_inline size_t comb_from_user(void __user *from, size_t done,
					     size_t len, void *priv,
					     void *priv2)
{
	struct comb *c = priv;
	size_t n, fault;

	if (!access_ok(from, len))
		return len;
	/* Whole segments, as most are, take the short way. */
	while (!c->left && len >= c->len) {
		comb_header(c);
		instrument_copy_from_user_before(c->to, from, c->len);
		fault = raw_copy_from_user(c->to, from, c->len);
		instrument_copy_from_user_after(c->to, from, c->len, fault);
		if (fault)
			return len - c->len + fault;
		c->to += c->len;
		c->left = 0;
		from += c->len;
		len -= c->len;
	}
	while (len) {
		if (!c->left)
			comb_header(c);
		n = min_t(size_t, len, c->left);
		instrument_copy_from_user_before(c->to, from, n);
		fault = raw_copy_from_user(c->to, from, n);
		instrument_copy_from_user_after(c->to, from, n, fault);
		if (fault)
			return len - n + fault;
		c->to += n;
		c->left -= n;
		from += n;
		len -= n;
	}
	return 0;
}

static __always_inline size_t comb_from_kernel(void *from, size_t done,
					       size_t len, void *priv,
					       void *priv2)
{
	struct comb *c = priv;
	size_t n;

	while (len) {
		if (!c->left)
			comb_header(c);
		n = min_t(size_t, len, c->left);
		memcpy(c->to, from, n);
		c->to += n;
		c->left -= n;
		from += n;
		len -= n;
	}
	return 0;
}

/*
 * Leaves a little unused, so that no segment lies on two pages, and payload
 * begins where copying is cheapest.
 */
static void layout_align(struct ltp_layout *l, u32 hlen, u32 wire)
{
	struct page_frag *pf = l->pfrag;
	u32 pad;

	pad = -(pf->offset + hlen) & 7;
	if (pf->size - pf->offset < wire + pad) {
		if (pf->size - pf->offset <= pf->size / 16)
			pf->offset = pf->size;
		return;
	}
	/* Not between the segments of one buffer: frags would be more. */
	if (!l->n_frags)
		pf->offset += pad;
}

/**
 * ltp_layout_segments() - add segments that are all alike
 * @l: the burst
 * @prefix: what their headers begin with
 * @type: of plain data
 * @off: block offset of the first
 * @len: payload bytes of each
 * @wire: bytes of each, at least %LTP_SEG_DATA_HDR_MAX + 8
 * @n: how many; their offsets are SDNVs of the same length
 * @from: their payload
 *
 * Context: process.
 * Return: how many were added, fewer than @n, even 0, where a page fragment
 * ends, and 0 if @from is of a kind that has no walker; -EFAULT; -ENOMEM;
 * -EMSGSIZE.
 */
int ltp_layout_segments(struct ltp_layout *l,
			const struct ltp_segment_prefix *prefix, u8 type,
			u64 off, u32 len, u32 wire, u32 n,
			struct iov_iter *from)
{
	struct comb c = { .len = len, .off = off };
	int room;

	if (!ltp_compat_iterates(from))
		return 0;
	comb_init(&c, prefix, type);
	if (!layout_refill(l))
		return -ENOMEM;
	layout_align(l, c.hlen, wire);
	room = layout_room(l, n * wire);
	if (room < 0)
		return room;
	n = min_t(u32, n, room / wire);
	if (!n)
		return 0;
	c.to = layout_at(l);
	if (iterate_and_advance(from, n * len, &c, comb_from_user,
				comb_from_kernel) != n * len)
		return -EFAULT;
	layout_advance(l, n * wire);
	return n;
}
