// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that sockets hold.  All of it counts in the kernel's own accounting
 * of sockets, which has a limit for the machine, net.ltp.mem, and charges the
 * memory cgroup of whoever made the socket.  That works in whole pages, kept
 * per CPU, so a received buffer costs a lock of its socket and little more.
 */
#include <linux/cache.h>
#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>

#include "fault.h"
#include "mem.h"
#include "session.h"

/* What import sessions of one socket need besides data, at least. */
#define CONTROL_MIN	SZ_1M

/*
 * What reports may have one block need besides its data: half as much, and some.
 * That is more than a block of the smallest segments needs of which every other
 * one is lost.
 */
#define PROVOKED_PART	2
#define PROVOKED_FREE	SZ_256K

/* What each block has for itself, whatever others of its socket have taken. */
#define PROVOKED_OWN	SZ_1K

/* How often a memory cgroup is asked to make room for one send call. */
#define RECLAIM_MAX	8

/* Room that a socket keeps: what a small block takes, the next one takes. */
#define KEPT_MAX	SZ_16K

/*
 * Pages: where pressure ends, begins, and the limit.  There is no state of
 * pressure: below the limit everybody gets what his own buffers allow.
 */
static long mem_limit[3];
static int mem_granted __ro_after_init = INT_MAX;
static atomic_long_t mem_allocated;
static DEFINE_PER_CPU(int, mem_fw_alloc);

struct proto ltp_proto = {
	.name			= "LTP",
	.owner			= THIS_MODULE,
	.obj_size		= sizeof(struct ltp_sock),
	.memory_allocated	= &mem_allocated,
	.per_cpu_fw_alloc	= &mem_fw_alloc,
	.sysctl_mem		= mem_limit,
	.sysctl_rmem		= &mem_granted,
	.sysctl_wmem		= &mem_granted,
};

/**
 * ltp_mem_init() - set up at module load
 *
 * Return: 0 or an errno.
 */
int __init ltp_mem_init(void)
{
	mem_limit[2] = max_t(long, totalram_pages() / 4, SZ_16M >> PAGE_SHIFT);
	return proto_register(&ltp_proto, 1);
}

/**
 * ltp_mem_exit() - at module unload
 *
 * No socket is left, so what was charged was given back, to the page.
 */
void ltp_mem_exit(void)
{
	long left = atomic_long_read(&mem_allocated);
	int cpu;

	for_each_possible_cpu(cpu)
		left += per_cpu(mem_fw_alloc, cpu);
	WARN_ONCE(left, "ltp: %ld pages charged to no socket\n", left);
	proto_unregister(&ltp_proto);
}

/**
 * ltp_mem_limit() - where net.ltp.mem is
 *
 * Return: the most pages that all LTP sockets of the machine may hold.
 */
long *ltp_mem_limit(void)
{
	return &mem_limit[2];
}

/**
 * ltp_mem_full() - whether net.ltp.mem is used up
 *
 * Context: any.
 * Return: true if it is; CPUs may have a few pages left.
 */
bool ltp_mem_full(void)
{
	return atomic_long_read(&mem_allocated) >= READ_ONCE(mem_limit[2]);
}

/*
 * Whether @bytes more to send leave an eighth of net.ltp.mem to those who
 * receive.  If they found nothing, no report could be made of what was sent,
 * and so nothing could come back.
 */
static bool leaves_room(u32 bytes)
{
	long limit = READ_ONCE(mem_limit[2]);

	return atomic_long_read(&mem_allocated) + (bytes >> PAGE_SHIFT) <=
	       limit - limit / 8;
}

/**
 * ltp_mem_spares() - whether pages may be kept that nobody uses at the moment
 * @pages: how many they are
 *
 * They are nobody's, so they have a limit of their own, and no room beside what
 * sockets hold.
 *
 * Context: any.
 * Return: true up to half of net.ltp.mem, as long as that has room.
 */
bool ltp_mem_spares(long pages)
{
	long limit = READ_ONCE(mem_limit[2]);

	return pages <= limit / 2 &&
	       pages <= limit - atomic_long_read(&mem_allocated);
}

/* ltp_sock.mem_lock held */
static bool mem_schedule(struct sock *sk, u32 bytes, int kind)
{
	int more = bytes - READ_ONCE(sk->sk_forward_alloc);

	if (more > 0 && !__sk_mem_schedule(sk, more, kind))
		return false;
	sk_mem_charge(sk, bytes);
	return true;
}

/* ltp_sock.mem_lock held */
static void mem_give_back(struct sock *sk, u32 bytes)
{
	int left = READ_ONCE(sk->sk_forward_alloc) + bytes;

	WRITE_ONCE(sk->sk_forward_alloc, left);
	if (left > KEPT_MAX || unlikely(ltp_mem_full()))
		sk_mem_reclaim(sk);
}

#ifdef CONFIG_MEMCG
/*
 * Whether the socket's memory cgroup, or one above it, holds too much, or more
 * than an eighth too much if it cannot be made to give some up.
 */
static bool group_over(const struct sock *sk, bool may_reclaim)
{
	struct mem_cgroup *m;
	unsigned long max;

	for (m = sk->sk_memcg; m; m = parent_mem_cgroup(m)) {
		max = READ_ONCE(m->memory.max);
		if (page_counter_read(&m->memory) >
		    max + (may_reclaim ? 0 : max / 8))
			return true;
	}
	return false;
}

/* Has caches shrink, but nobody killed; false if nothing helps. */
static bool group_reclaim(const struct sock *sk)
{
	struct mem_cgroup *old = set_active_memcg(sk->sk_memcg);
	struct page *page;

	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL |
			  __GFP_NOWARN);
	set_active_memcg(old);
	if (page)
		__free_page(page);
	return page;
}
#else
static bool group_over(const struct sock *sk, bool may_reclaim)
{
	return false;
}

static bool group_reclaim(const struct sock *sk)
{
	return false;
}
#endif

/**
 * ltp_mem_charge() - count memory that a socket begins to hold
 * @sk: the socket
 * @bytes: how much
 * @kind: %SK_MEM_RECV or %SK_MEM_SEND
 *
 * Context: any; takes ltp_sock.mem_lock, a leaf.
 * Return: false if net.ltp.mem, or for %SK_MEM_RECV the memory cgroup, has no
 * room for it.
 */
bool ltp_mem_charge(struct sock *sk, u32 bytes, int kind)
{
	struct ltp_sock *ls = ltp_sk(sk);
	bool ok;

	spin_lock_bh(&ls->mem_lock);
	ok = mem_schedule(sk, bytes, kind);
	if (ok && kind == SK_MEM_RECV && unlikely(group_over(sk, false))) {
		mem_give_back(sk, bytes);
		ok = false;
	}
	spin_unlock_bh(&ls->mem_lock);
	return ok;
}

/**
 * ltp_mem_reserve() - count memory that a socket is going to send from
 * @sk: the socket
 * @bytes: how much, at most %INT_MAX - %SZ_64K
 *
 * What cannot sleep charges a memory cgroup beyond its limit, as with other
 * protocols, here by an eighth.  Whoever sends can have it give caches up.
 *
 * Context: process, may sleep; takes ltp_sock.mem_lock.
 * Return: false if seven eighths of net.ltp.mem, or the memory cgroup, have no
 * room for it.
 */
bool ltp_mem_reserve(struct sock *sk, u32 bytes)
{
	int tries = RECLAIM_MAX;

	if (!leaves_room(bytes) || !ltp_mem_charge(sk, bytes, SK_MEM_SEND))
		return false;
	while (unlikely(group_over(sk, true))) {
		if (!tries-- || !group_reclaim(sk)) {
			ltp_mem_uncharge(sk, bytes);
			return false;
		}
	}
	return true;
}

/**
 * ltp_mem_uncharge() - memory is not held any more
 * @sk: the socket
 * @bytes: how much, of what was charged
 *
 * Context: any; takes ltp_sock.mem_lock, a leaf.
 */
void ltp_mem_uncharge(struct sock *sk, u32 bytes)
{
	struct ltp_sock *ls = ltp_sk(sk);

	if (!bytes)
		return;
	spin_lock_bh(&ls->mem_lock);
	mem_give_back(sk, bytes);
	spin_unlock_bh(&ls->mem_lock);
}

/* Half as much again as the receive buffer. */
static u32 control_max(const struct sock *sk)
{
	return max_t(u32, READ_ONCE(sk->sk_rcvbuf) / 2, CONTROL_MIN);
}

/**
 * ltp_mem_control() - count what an import session needs besides data
 * @i: the session, which has its socket
 * @bytes: how much more: itself, its reports, what it remembers of them
 *
 * Such things are small, but strangers have them made.  So they have a limit
 * of their own for each socket, beside the receive buffer.
 *
 * Context: session.lock held, or nobody else knows the session.
 * Return: false if there is no room; that is counted.
 */
bool ltp_mem_control(struct ltp_import *i, u32 bytes)
{
	struct sock *sk = i->s.sk;
	struct ltp_sock *ls = ltp_sk(sk);
	enum ltp_mib_item why;
	bool ok = false;

	spin_lock_bh(&ls->mem_lock);
	why = LTP_MIB_LIMIT_CONTROL;
	if (ls->control + bytes <= control_max(sk)) {
		why = LTP_MIB_LIMIT_MEM;
		ok = mem_schedule(sk, bytes, SK_MEM_RECV);
	}
	if (ok) {
		WRITE_ONCE(ls->control, ls->control + bytes);
		i->control += bytes;
	}
	spin_unlock_bh(&ls->mem_lock);
	if (!ok)
		ltp_session_count(&i->s, why, 1);
	return ok;
}

/**
 * ltp_mem_control_back() - some of it is not needed any more
 * @i: the session, which has its socket
 * @bytes: how much
 *
 * Context: as ltp_mem_control().
 */
void ltp_mem_control_back(struct ltp_import *i, u32 bytes)
{
	struct sock *sk = i->s.sk;
	struct ltp_sock *ls = ltp_sk(sk);

	if (WARN_ON_ONCE(bytes > i->control))
		bytes = i->control;
	if (!bytes)
		return;
	spin_lock_bh(&ls->mem_lock);
	WRITE_ONCE(ls->control, ls->control - bytes);
	i->control -= bytes;
	mem_give_back(sk, bytes);
	spin_unlock_bh(&ls->mem_lock);
}

/**
 * ltp_mem_control_read() - some of it is the reader's from now on
 * @i: the session, which has its socket
 * @bytes: how much; the caller counts it in sk_rmem_alloc
 *
 * Context: as ltp_mem_control().
 */
void ltp_mem_control_read(struct ltp_import *i, u32 bytes)
{
	struct ltp_sock *ls = ltp_sk(i->s.sk);

	spin_lock_bh(&ls->mem_lock);
	WRITE_ONCE(ls->control, ls->control - bytes);
	i->control -= bytes;
	spin_unlock_bh(&ls->mem_lock);
}

/* Half as much again as the send buffer. */
static u32 provoked_max(const struct sock *sk)
{
	return max_t(u32, READ_ONCE(sk->sk_sndbuf) / 2, CONTROL_MIN);
}

/**
 * ltp_mem_provoked() - count what reports make an export session allocate
 * @e: the session, which has its socket
 * @bytes: how much more: ranges, resends, their checkpoints
 *
 * Who reports chooses how much that is.  So it has a limit of its own for each
 * block, and one for each socket, beside the send buffer.  What is refused the
 * peer has to report again, and nothing is lost.
 *
 * Context: session.lock held.
 * Return: false if there is no room; that is counted.
 */
bool ltp_mem_provoked(struct ltp_export *e, u32 bytes)
{
	u64 max = div_u64(e->length, PROVOKED_PART) + PROVOKED_FREE;
	enum ltp_mib_item why = LTP_MIB_LIMIT_PROVOKED;
	struct sock *sk = e->s.sk;
	struct ltp_sock *ls = ltp_sk(sk);
	bool ok = false;

	spin_lock_bh(&ls->mem_lock);
	if (!ltp_fault(LTP_FAULT_PROVOKED_CHARGE) &&
	    e->provoked + bytes <= max &&
	    (ls->provoked + bytes <= provoked_max(sk) ||
	     e->provoked + bytes <= PROVOKED_OWN)) {
		why = LTP_MIB_LIMIT_MEM;
		ok = mem_schedule(sk, bytes, SK_MEM_SEND);
	}
	if (ok) {
		ls->provoked += bytes;
		e->provoked += bytes;
	}
	spin_unlock_bh(&ls->mem_lock);
	if (!ok)
		ltp_session_count(&e->s, why, 1);
	return ok;
}

/**
 * ltp_mem_provoked_back() - some of it is not needed any more
 * @e: the session, which has its socket
 * @bytes: how much
 *
 * Context: session.lock held, or the last reference is gone.
 */
void ltp_mem_provoked_back(struct ltp_export *e, u32 bytes)
{
	struct sock *sk = e->s.sk;
	struct ltp_sock *ls = ltp_sk(sk);

	if (WARN_ON_ONCE(bytes > e->provoked))
		bytes = e->provoked;
	if (!bytes)
		return;
	spin_lock_bh(&ls->mem_lock);
	ls->provoked -= bytes;
	e->provoked -= bytes;
	mem_give_back(sk, bytes);
	spin_unlock_bh(&ls->mem_lock);
}

/**
 * ltp_mem_provoked_add() - put a range into a set that reports make grow
 * @e: the session, which has its socket
 * @set: one of its sets
 * @start: first number
 * @end: first number behind
 *
 * The first range of a set costs nothing, see struct ltp_ranges.
 *
 * Context: session.lock held.
 * Return: 0, or -ENOMEM and the set is as it was.
 */
int ltp_mem_provoked_add(struct ltp_export *e, struct ltp_ranges *set,
			 u64 start, u64 end)
{
	bool grow = ltp_ranges_grow(set, start, end);
	u32 size = sizeof(struct ltp_range);
	u32 before = set->n;
	int err;

	if (grow && !ltp_mem_provoked(e, size))
		return -ENOMEM;
	err = ltp_ranges_add(set, start, end);
	if (err && grow)
		ltp_mem_provoked_back(e, size);
	else if (set->n < before)
		ltp_mem_provoked_back(e, (before - set->n) * size);
	return err;
}

/**
 * ltp_mem_provoked_free() - empty such a set
 * @e: the session, which has its socket
 * @set: the set
 *
 * Context: session.lock held.
 */
void ltp_mem_provoked_free(struct ltp_export *e, struct ltp_ranges *set)
{
	u32 n = set->n;

	ltp_ranges_free(set);
	if (n > 1)
		ltp_mem_provoked_back(e, (n - 1) * sizeof(struct ltp_range));
}

/**
 * ltp_mem_control_tight() - whether a socket's room for control is nearly full
 * @sk: the socket
 *
 * Context: any.
 * Return: true above three quarters.
 */
bool ltp_mem_control_tight(const struct sock *sk)
{
	return READ_ONCE(ltp_sk(sk)->control) > control_max(sk) / 4 * 3;
}
