/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The objects of the LTP engine (RFC 5326) and how they live.
 */
#ifndef _NET_LTP_H
#define _NET_LTP_H

#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/siphash.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/netns/generic.h>
#include <net/sock.h>
#include <uapi/linux/ltp.h>

#include "../../net/ltp/mib.h"
#include "../../net/ltp/ranges.h"
#include "../../net/ltp/segment.h"

/*
 * LIFETIMES AND LOCKS
 *
 * An engine and its spans are made and deleted by netlink under
 * ltp_net.config; lookups are RCU.  Deletion marks the object dead under the
 * lock that admits users (a span's under span.lock), takes it out of the
 * table, closes its UDP sockets - udp.c then waits until no data_ready runs -
 * ends its sessions, and drops the table's reference.  Whoever holds a
 * reference may go on reading; nothing is sent for a dead span.
 *
 * A session is found by RCU in ltp_net.sessions and may be used once
 * ltp_session_try_hold() succeeded and it still has the name looked for: its
 * memory is used again without a grace period, for other sessions.
 * References are held by the table (until the session is closed), by an armed
 * timer, by the span's pending list, and by whoever works on it.  A session
 * holds its span, and its socket until it is cancelled or closed.  A work that
 * is queued for a span holds the span, and a span its engine.  A socket holds
 * the module and the namespace, an engine neither: the end of a namespace
 * deletes its engines and waits until the last reference to them is gone.
 * Documentation/networking/ltp.rst has a table of who waits for whom.
 *
 * What is indented is taken under what it is indented under:
 *
 *   ltp_net.config          engines and spans; may sleep
 *   ltp_sock.send_lock      the block that is being sent; may sleep
 *   lock_sock()             binding and receiving; may sleep
 *     session.lock          all fields of a session; softirq-safe
 *       sock.lock           a socket's lists of sessions, and what it has to
 *                           be read
 *         sock.mem_lock     what a socket is charged
 *         sk_error_queue    its own lock
 *       sock.mem_lock       likewise, without sock.lock
 *       span.lock           a span's lists of sessions, and its pacer
 *         ltp_net.closed    the lock of a bucket
 *       span.answers_lock   what a peer is worth
 *       ltp_net.sessions    the lock of a bucket
 *
 * Each is taken without the ones before it, too.  The first three are never
 * held together; nor are two sessions locked at once, nor sock.lock and
 * span.lock.  ltp_net.bind_lock, ltp_net.strangers_lock, ltp_pages.lock and
 * that of ltp_span.held are leaves.  The kernel's own locks, of timers, wait
 * queues, works and memory accounting, are taken under any of these, and none
 * of these under them: what is called under the lock of a wait queue may only
 * queue a work (carrier_wake() in udp.c).
 *
 * No spinlock is held while a buffer goes down to UDP, because over veth or
 * loopback the peer's answer may come back on the same stack before the call
 * returns.  Hence the rule for output: mark it sent first, transmit, then take
 * the mark back if the stack refused, or start the timer of what was not
 * answered yet.  ltp_export.busy says who may do so, one at a time.
 *
 * No lock that may sleep is taken in softirq.  Who sleeps for room in the midst
 * of a message marks the socket as his, and lets go of send_lock.  A socket that
 * closes detaches itself from its sessions under their locks; unsent or
 * unreported blocks go on without it, as data of a closed TCP socket does.
 */

struct ltp_carrier;
struct ltp_span;

/* No limit, or not yet known. */
#define LTP_UNKNOWN		U64_MAX

#define LTP_DEFAULT_IMPORTS	65536
#define LTP_DEFAULT_ANSWERS	1000
#define LTP_DEFAULT_MEMORIES	65536
#define LTP_MAX_DELAY		(7 * 24 * 3600 * (u64)NSEC_PER_SEC)
#define LTP_FLOWS_MAX		16

/* The largest red part, and so the largest number for a receive buffer. */
#define LTP_BLOCK_MAX		SZ_1G

/*
 * The buffer for that.  Twice the number would not fit in sk_rcvbuf, nor what
 * is beyond the buffer before anybody looks in sk_rmem_alloc.
 */
#define LTP_RCVBUF_MAX		(INT_MAX - SZ_128M + 1)

/**
 * struct ltp_pages - pages of blocks that may be used again
 * @lock: guards what follows
 * @n: how many
 * @max: how many there is room for, a power of two
 * @first: the oldest of them in @page
 * @size: bytes of each
 * @used: one was used again since the last look
 * @stop: no more are kept
 * @page: the pages, each with a reference
 * @trim: frees what is not used
 */
struct ltp_pages {
	spinlock_t		lock;		/* guards what follows */
	u32			n;
	u32			max;
	u32			first;
	u32			size;
	bool			used;
	bool			stop;
	struct page		**page;
	struct delayed_work	trim;
};

/**
 * struct ltp_net - the LTP of one network namespace
 * @net: the namespace
 * @config: serialises configuration
 * @engines: struct ltp_engine, RCU
 * @n_engines: those that there are, deleted ones included
 * @spans: struct ltp_span by (engine, remote)
 * @peers: struct ltp_span by (engine, address)
 * @sessions: struct ltp_session by key
 * @closed: struct ltp_closed by key
 * @bind_lock: guards writing of @binds
 * @binds: struct ltp_sock by client service
 * @mib: counters
 * @wmem: SO_SNDBUF minimum, default, maximum, in bytes
 * @rmem: SO_RCVBUF minimum, default, maximum, in bytes
 * @pages: pages of blocks
 * @accept_unknown: most spans made for engines that were not configured
 * @n_learned: how many there are, under @config
 * @strangers_lock: guards what follows
 * @learn_stop: the namespace goes
 * @strangers: struct ltp_stranger
 * @n_strangers: how many
 * @n_held: buffers they hold
 * @learn: makes spans for them
 * @reap: deletes such spans when they are idle
 * @answers: answers a second to unknown sessions of one peer
 * @memories: ended import sessions of one span that are remembered
 * @sysctl: their table
 */
struct ltp_net {
	struct net		*net;
	struct mutex		config;		/* serialises netlink */
	struct list_head	engines;
	atomic_t		n_engines;
	struct rhashtable	spans;
	struct rhltable		peers;
	struct rhashtable	sessions;
	struct rhashtable	closed;
	spinlock_t		bind_lock;	/* guards binds */
	struct rhltable		binds;
	struct ltp_mib __percpu	*mib;
	int			wmem[3];
	int			rmem[3];
	struct ltp_pages	pages;
	int			accept_unknown;
	int			n_learned;
	spinlock_t		strangers_lock;	/* guards what follows */
	bool			learn_stop;
	struct list_head	strangers;
	u32			n_strangers;
	u32			n_held;
	struct work_struct	learn;
	struct delayed_work	reap;
	int			answers;
	int			memories;
	struct ctl_table_header	*sysctl;
};

extern unsigned int ltp_net_id;

static inline struct ltp_net *ltp_net(const struct net *net)
{
	return net_generic(net, ltp_net_id);
}

/* Drawn when the module is loaded; nothing that leaves shows any of it. */
extern u64 ltp_hash_key[3];

/* Both halves of a product: each bit depends on all of both factors. */
static __always_inline u64 ltp_fold(u64 a, u64 b)
{
	return a * b ^ mul_u64_u64_shr(a, b, 64);
}

/**
 * ltp_hash() - where something is in a hash table
 * @a: a part of its name, which peers may choose
 * @b: likewise
 * @c: likewise
 * @seed: of the table
 *
 * The parts are factors of products, each under a key that peers do not know:
 * who chooses them cannot make names that meet.  Linear mixing would let them
 * meet before the key comes in, and SipHash is what a short block would notice.
 *
 * Return: the hash.
 */
static __always_inline u32 ltp_hash(u64 a, u64 b, u64 c, u32 seed)
{
	u64 h = ltp_fold(a ^ ltp_hash_key[0], b ^ ltp_hash_key[1]);

	h = ltp_fold(h ^ c, ltp_hash_key[2] ^ ((u64)seed << 32 | seed));
	return h ^ h >> 32;
}

/**
 * struct ltp_addr - where a UDP socket is or goes
 * @family: AF_INET, AF_INET6, or 0 for unspecified
 * @port: UDP port in host byte order
 * @v4: address if AF_INET
 * @v6: address if AF_INET6
 */
struct ltp_addr {
	u16			family;
	u16			port;
	union {
		__be32		v4;
		struct in6_addr	v6;
	};
};

/**
 * struct ltp_engine - a local LTP engine (RFC 5326, section 2)
 * @list: in ltp_net.engines
 * @id: engine ID
 * @ln: its namespace
 * @ref: references
 * @rcu: to free it
 * @local: where it listens
 * @listen: its UDP sockets, IPv4 and IPv6; may be NULL
 * @max_imports: most import sessions open at once
 * @imports: those open now
 * @n_spans: its spans, under ltp_net.config
 * @number_key: makes session numbers unpredictable
 * @number: how many were made
 * @mib: counters
 */
struct ltp_engine {
	struct list_head	list;
	u64			id;
	struct ltp_net		*ln;
	refcount_t		ref;
	struct rcu_head		rcu;
	struct ltp_addr		local;
	struct ltp_carrier	*listen[2];
	u32			max_imports;
	atomic_t		imports;
	u32			n_spans;
	siphash_key_t		number_key;
	atomic64_t		number;
	struct ltp_mib __percpu	*mib;
};

/**
 * struct ltp_span_key - names a span
 * @engine: local engine ID
 * @remote: remote engine ID
 */
struct ltp_span_key {
	u64			engine;
	u64			remote;
};

/**
 * struct ltp_peer_key - names the spans to one address
 * @engine: local engine ID
 * @family: AF_INET or AF_INET6
 * @zero: 0
 * @v6: the address, an IPv4 one in the first 4 octets
 */
struct ltp_peer_key {
	u64			engine;
	u32			family;
	u32			zero;
	struct in6_addr		v6;
};

/**
 * struct ltp_span_conf - what netlink configures of a span
 * @owlt_out: light time to the peer, ns
 * @owlt_in: light time from the peer, ns
 * @margin: what both engines together may take to answer, ns
 * @rate: UDP payload bytes a second, %LTP_UNKNOWN for unlimited
 * @max_retries: how often one signal is sent again
 * @segment_size: bytes of UDP payload, 0 follows the path MTU
 * @burst_limit: segments handed down at once, 0 for as many as fit
 * @reorder: for how long datagrams may overtake each other, ns
 * @redundancy: copies of each signal sent at once
 * @max_sessions: export sessions open at once, 0 for no limit
 * @max_inflight: payload bytes accepted and not yet claimed, 0 for no limit
 * @max_imports: import sessions open at once, 0 for no limit
 * @max_problems: reports with gaps per session, 0 for no limit
 * @max_cycles: how often data may be sent again in vain, 0 for no limit
 * @no_discretionary: no checkpoints but those that must be
 * @flows: UDP flows that its sessions are spread over
 * @gap_reports: gaps are reported unasked
 * @burst_adapt: bursts that lose their tails become shorter
 */
struct ltp_span_conf {
	u64			owlt_out;
	u64			owlt_in;
	u64			margin;
	u64			rate;
	u32			max_retries;
	u32			segment_size;
	u32			burst_limit;
	u64			reorder;
	u64			max_inflight;
	u32			redundancy;
	u32			max_sessions;
	u32			max_imports;
	u32			max_problems;
	u32			max_cycles;
	u32			flows;
	u8			no_discretionary;
	u8			gap_reports;
	u8			burst_adapt;
};

#define LTP_SPAN_CONF_DEFAULT {						\
	.margin		= NSEC_PER_SEC,					\
	.max_retries	= 10,						\
	.reorder	= 20 * NSEC_PER_MSEC,				\
	.redundancy	= 1,						\
	.flows		= 1,						\
	.rate		= LTP_UNKNOWN,					\
}

/**
 * struct ltp_flow - one of the UDP flows towards a remote engine
 * @carrier: the connected UDP socket, RCU; NULL if there is none
 * @span: the span
 * @pending: export sessions that wait for it, in turn; under span.lock
 * @resends: the last there of those that have something to send again, which
 *	go first; @pending if there is none
 * @pending_sk: socket of one of them, to compare with
 * @n_pending: how many
 * @n_others: those that are of other sockets
 * @run: sends for them
 */
struct ltp_flow {
	struct ltp_carrier __rcu *carrier;
	struct ltp_span		*span;
	struct list_head	pending;
	struct list_head	*resends;
	const struct sock	*pending_sk;
	u32			n_pending;
	u32			n_others;
	struct work_struct	run;
};

/**
 * struct ltp_span - what an engine knows of one remote engine
 * @node: in ltp_net.spans
 * @key: its name
 * @peer_node: in ltp_net.peers
 * @peer_key: @remote as the key there
 * @engine: the local engine
 * @ref: references
 * @rcu: to free it
 * @remote: the peer's address
 * @flow: its flows; the first has a carrier until the span is dead
 * @spread: counts export sessions, to spread them evenly
 * @conf: configuration, each field read with READ_ONCE
 * @learned: made for an engine that was not configured
 * @used: when a session last began or ended, ktime ns
 * @local_stopped: nothing is sent (RFC 5326, section 6.4)
 * @remote_stopped: the peer sends nothing (section 6.5)
 * @stopped_at: since when, ktime ns
 * @inflight: red payload bytes admitted or laid out, and not yet claimed
 * @held: answers that wait for the link
 * @lock: guards the lists, @dead, and what @next_tx and
 *	@burst_now are made of
 * @dead: no new sessions, nothing is sent
 * @pass: number of the last walk over @sessions
 * @sessions: its sessions
 * @exports: how many of them are export sessions
 * @greens: how many of those are of all-green blocks, which max-sessions
 *	does not hold
 * @imports: how many of them are import sessions
 * @holds: bytes of data that import sessions hold
 * @turns: how many sockets had to wait
 * @blocked: those that wait for max-inflight only, and for max-sessions too;
 *	by ltp_sock.turn
 * @next_tx: when the rate allows the next burst, ktime ns
 * @burst_now: most segments of a burst as found out, 0 for no limit
 * @burst_clean: bursts since then that lost no tail
 * @refusals: bursts in a row that a queue refused
 * @behind: data waits for the rate, or did until now
 * @pacer: resumes the flows at @next_tx
 * @closed: recently closed import sessions, oldest first
 * @n_closed: how many
 * @answers_lock: guards what follows
 * @answers: answers to unknown sessions left in this second
 * @answers_at: when that began, in jiffies
 * @credit: bytes of answers that the peer may still have
 * @earned: bytes received, with their headers, that made credit
 * @earned_at: when that was counted last, in jiffies
 * @spent: that was in vain
 * @mib: counters
 */
struct ltp_span {
	struct rhash_head	node;
	struct ltp_span_key	key;
	struct rhlist_head	peer_node;
	struct ltp_peer_key	peer_key;
	struct ltp_engine	*engine;
	refcount_t		ref;
	struct rcu_head		rcu;
	struct ltp_addr		remote;
	struct ltp_flow		flow[LTP_FLOWS_MAX];
	atomic_t		spread;
	struct ltp_span_conf	conf;
	bool			learned;
	u64			used;
	bool			local_stopped;
	bool			remote_stopped;
	u64			stopped_at;
	atomic64_t		inflight;
	atomic64_t		holds;
	struct sk_buff_head	held;

	spinlock_t		lock;		/* guards what follows */
	bool			dead;
	u32			pass;
	struct list_head	sessions;
	u32			exports;
	u32			greens;
	u32			imports;
	u64			turns;
	struct list_head	blocked[2];
	u64			next_tx;
	bool			behind;
	u32			burst_now;
	u32			burst_clean;
	u32			refusals;
	struct hrtimer		pacer;
	struct list_head	closed;
	u32			n_closed;
	spinlock_t		answers_lock;	/* guards what follows */
	u32			answers;
	unsigned long		answers_at;
	s64			credit;
	u64			earned;
	unsigned long		earned_at;
	bool			spent;
	struct ltp_mib __percpu	*mib;
};

/* Counts for the engine and its namespace, and for the span if there is one. */
static inline void ltp_mib_add(struct ltp_engine *engine, struct ltp_span *span,
			       enum ltp_mib_item item, u64 n)
{
	this_cpu_add(engine->ln->mib->item[item], n);
	this_cpu_add(engine->mib->item[item], n);
	if (span)
		this_cpu_add(span->mib->item[item], n);
}

/**
 * struct ltp_session_key - names a session, as seen from here
 * @engine: local engine ID
 * @originator: engine ID of the block's sender (RFC 5326, section 3.1)
 * @number: session number
 * @export: 1 if sent from here; keeps both ends of a looped session apart
 */
struct ltp_session_key {
	u64			engine;
	u64			originator;
	u64			number;
	u64			export;
};

/**
 * enum ltp_state - states of RFC 5326, section 8, merged where they act alike
 * @LTP_SENDING: RP_XMIT, GP_XMIT, FG_XMIT
 * @LTP_WAITING: WAIT_RP_ACK
 * @LTP_RECEIVING: DS_REC, RCV_RP, RCV_GP, WAIT_RP_REC
 * @LTP_DELIVERED: red part handed over, reports await their acknowledgments
 * @LTP_CANCELLING: CS_SENT, CR_SENT
 * @LTP_CLOSED: CLOSED
 */
enum ltp_state {
	LTP_SENDING,
	LTP_WAITING,
	LTP_RECEIVING,
	LTP_DELIVERED,
	LTP_CANCELLING,
	LTP_CLOSED,
};

/**
 * struct ltp_signal - a segment that is sent again until it is answered
 * @list: in ltp_session.signals, or ltp_import.acked
 * @type: enum ltp_segment_type
 * @running: its timer runs
 * @refused: our own stack refused it: it is sent again soon, and that is no
 *	retry
 * @inside: part of its burst's memory, or of its session's
 * @count: how often it was sent again
 * @serial: checkpoint or report serial number
 * @ref: checkpoint that a report answers, or report a checkpoint answers
 * @lower: scope of a report; of a checkpoint, what is reported below it
 * @upper: end of the scope; of a checkpoint, the end of its segment
 * @covered: scopes of the reports that named a checkpoint
 * @cycle: how often the data before a checkpoint has been sent again
 * @sent_at: when it was sent last, ktime ns
 * @shift: for how long the link was suspended since then, ns
 * @burst: holds the rest of the segment, if there is one; held
 * @pos: where that begins in the burst
 * @len: its bytes
 * @n_data: bytes of @data
 * @data: the segment, or what it begins with
 */
struct ltp_signal {
	struct list_head	list;
	u8			type;
	bool			running;
	bool			refused;
	bool			inside;
	u32			count;
	u64			serial;
	u64			ref;
	u64			lower;
	u64			upper;
	struct ltp_ranges	covered;
	u32			cycle;
	u64			sent_at;
	u64			shift;
	struct ltp_burst	*burst;
	u32			pos;
	u32			len;
	u32			n_data;
	u8			data[];
};

/**
 * struct ltp_session - what both ends of a session have in common
 * @node: in ltp_net.sessions
 * @key: its name
 * @ref: references
 * @lock: guards everything below
 * @state: where it stands
 * @reason: why it was cancelled
 * @hashed: in the table
 * @no_sock: @sk is not held any more; RCU may still be
 * @flow: index of the span's flow that it is sent on
 * @span: the span, held
 * @sk: the socket, held until the session is cancelled or closed
 * @service: client service ID
 * @on_span: in ltp_span.sessions, under span.lock
 * @pass: the last walk over those that came here, likewise
 * @on_sock: in ltp_sock.imports, .delivered or .exports, under sock.lock
 * @born: when it began, ktime ns
 * @signals: struct ltp_signal that await an answer
 * @timer: fires at the earliest deadline
 * @timer_at: when that is, ktime ns, %LTP_UNKNOWN if not armed
 * @timer_held: it holds a reference
 * @first_serial: of the first checkpoint or report
 * @next_serial: of the next
 */
struct ltp_session {
	struct rhash_head	node;
	struct ltp_session_key	key;
	refcount_t		ref;

	spinlock_t		lock;		/* guards what follows */
	u8			state;
	u8			reason;
	bool			hashed;
	bool			no_sock;
	u8			flow;
	struct ltp_span		*span;
	struct sock		*sk;
	u64			service;
	struct list_head	on_span;
	u32			pass;
	struct list_head	on_sock;
	u64			born;
	struct list_head	signals;
	struct hrtimer		timer;
	u64			timer_at;
	bool			timer_held;
	u64			first_serial;
	u64			next_serial;
};

/**
 * struct ltp_burst - some segments of a block in wire layout
 * @node: in ltp_export.bursts, by @start
 * @ref: references, of the tree and of signals
 * @start: block offset of the first payload byte
 * @len: payload bytes
 * @wire: bytes of all segments with their headers
 * @stride: bytes of every segment but the last, which may be shorter
 * @n_segs: segments
 * @n_frags: entries of @frags
 * @cut: segments that could leave at once, 0 if its reports say nothing of that
 * @charge: bytes charged to the socket's send buffer: its own memory, all of
 *	@wire, and what it pins of the sender's pages besides
 * @sk: the socket that they are charged to, once they are; its session holds
 *	it for longer than anything refers to the burst
 * @own: bit of each of @frags that lies in pages of the socket's own
 * @last_type: type of the last segment; all others are plain data of @type
 * @type: %LTP_SEG_RED or %LTP_SEG_GREEN
 * @shared: some of @frags are pages of the sender
 * @inside: part of its session's memory
 * @cp: signal of the checkpoint that the last segment is, until it is sent
 * @ubuf: notification that waits for those pages, or NULL
 * @frags: the pages, never written again once a buffer referred to them
 */
struct ltp_burst {
	struct rb_node		node;
	refcount_t		ref;
	u64			start;
	u32			len;
	u32			wire;
	u32			stride;
	u16			n_segs;
	u8			n_frags;
	u8			type;
	u8			last_type;
	u16			cut;
	bool			shared;
	bool			inside;
	u32			charge;
	struct sock		*sk;
	u64			own;
	struct ltp_signal	*cp;
	struct ubuf_info	*ubuf;
	skb_frag_t		frags[] __counted_by(n_frags);
};

/**
 * struct ltp_batch - what one report asked to have sent again (section 6.13)
 * @list: in ltp_export.batches
 * @pos: everything below is sent or claimed
 * @end: end of the report's scope
 * @lower: start of it
 * @rs_serial: the report, named by the checkpoint that ends the batch
 * @cp_serial: checkpoint that the report answers
 * @cycle: how often this data has been sent again, with this time
 * @due: when it may leave, ktime ns: what overtook its data may be behind
 */
struct ltp_batch {
	struct list_head	list;
	u64			pos;
	u64			end;
	u64			lower;
	u64			rs_serial;
	u64			cp_serial;
	u32			cycle;
	u64			due;
};

/**
 * struct ltp_export - a session seen by its sender, with its block
 * @s: the common part, first
 * @prefix: what all its headers begin with
 * @wire: bytes of a full segment
 * @burst_limit: most segments of a burst
 * @burst_asked: somebody asked for that, else a rate makes bursts shorter
 * @burst_max: most bytes of a burst
 * @reserved: bytes charged in advance, under ltp_sock.send_lock
 * @admitted: bytes counted in ltp_span.inflight in advance, likewise
 * @red_limit: bytes that shall be red
 * @red_length: bytes that are, %LTP_UNKNOWN until EORP is laid out
 * @length: bytes laid out
 * @sent: bytes that left once
 * @ended: EOB is laid out
 * @bursts: struct ltp_burst not yet claimed
 * @tail: bytes held back while the block may go on
 * @tail_len: how many
 * @claimed: red ranges that reports claimed
 * @reports: serials of the reports seen, less 1
 * @scopes: scopes of all reports
 * @batches: struct ltp_batch
 * @cp_upper: everything below is under some checkpoint
 * @force_cp: put a checkpoint behind what was sent
 * @busy: somebody is sending for it
 * @queued: in ltp_flow.pending
 * @resend: there for something to be sent again, under span.lock
 * @problems: reports that left gaps (section 6.13)
 * @rtx_bytes: payload bytes sent again
 * @stalled: since when nothing could be sent, ktime ns, 0 if it could
 * @pending: there
 * @waits_for: the flow
 * @cookie: of its send call
 * @began: that it has its session was told, or would have been
 * @told: the end of the block was told, or must not be
 * @notice: allocated for that, if it was asked for
 * @first_used: @first was used
 * @first: room for the first burst, so that a small block allocates nothing
 *	more; its references end before the session's do
 */
struct ltp_export {
	struct ltp_session	s;
	struct ltp_segment_prefix prefix;
	u32			wire;
	u32			burst_limit;
	bool			burst_asked;
	u32			burst_max;
	u64			reserved;
	u64			admitted;
	u64			red_limit;
	u64			red_length;
	u64			length;
	u64			sent;
	bool			ended;
	bool			force_cp;
	bool			busy;
	bool			queued;
	bool			resend;
	struct rb_root		bursts;
	u8			*tail;
	u32			tail_len;
	struct ltp_ranges	claimed;
	struct ltp_ranges	reports;
	struct ltp_ranges	scopes;
	struct list_head	batches;
	u64			cp_upper;
	u32			problems;
	u64			rtx_bytes;
	u64			stalled;
	struct list_head	pending;
	struct ltp_flow		*waits_for;
	u64			cookie;
	bool			began;
	bool			told;
	struct sk_buff		*notice;
	bool			first_used;
	u64			first[(sizeof(struct ltp_burst) +
				       2 * sizeof(skb_frag_t) +
				       sizeof(struct ltp_signal)) / 8];
};

/**
 * struct ltp_run - contiguous payload inside a received buffer, in skb->cb
 * @start: block offset of the first byte
 * @len: bytes
 * @pos: of the first segment's header within the buffer
 * @skip: payload bytes of the first segments that are not part of the run
 * @charge: bytes charged to the receiving socket: all that the buffer pins
 * @stride: distance of two segments
 * @n_hl: entries of @hl
 * @packed: what came was copied here, and more may be
 * @hl: header lengths, run-length coded: @n segments of @hlen header bytes
 *
 * The headers are read once, in input.c.  A sender on the same machine may
 * still own these pages, so nothing is parsed again when the data is copied.
 */
struct ltp_run {
	u64			start;
	u32			len;
	u32			pos;
	u32			skip;
	u32			charge;
	u16			stride;
	u8			n_hl;
	bool			packed;
#define LTP_RUN_HL		8
	struct {
		u8		hlen;
		u8		n;
	} hl[LTP_RUN_HL];
};

static inline struct ltp_run *ltp_run(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct ltp_run) > sizeof(skb->cb));
	return (struct ltp_run *)skb->cb;
}

/**
 * struct ltp_item - something for recvmsg(): a red part, or green segments
 * @list: in ltp_sock.queue
 * @originator: engine that sent it
 * @session: its session number
 * @service: client service
 * @length: bytes of a red part
 * @pos: bytes already read
 * @flags: LTP_RX_*
 * @charge: bytes charged to the socket
 * @runs: buffers of a red part, by ltp_run.start
 * @skb: buffer of green segments
 */
struct ltp_item {
	struct list_head	list;
	u64			originator;
	u64			session;
	u64			service;
	u64			length;
	u64			pos;
	u32			flags;
	u32			charge;
	struct rb_root		runs;
	struct sk_buff		*skb;
};

/**
 * struct ltp_delayed - a report that waits while its gaps still fill
 * @list: in ltp_import.delayed
 * @cp_serial: checkpoint it will answer
 * @lower: start of its scope
 * @upper: end of it
 * @due: when it is sent, ktime ns; data that fills a gap moves it on
 * @limit: but not beyond this
 */
struct ltp_delayed {
	struct list_head	list;
	u64			cp_serial;
	u64			lower;
	u64			upper;
	u64			due;
	u64			limit;
};

/**
 * struct ltp_import - a session seen by its receiver
 * @s: the common part, first
 * @red_length: bytes of the red part, %LTP_UNKNOWN until EORP
 * @length: bytes of the block, %LTP_UNKNOWN until EOB
 * @red_max: highest end of red data seen
 * @green_min: lowest offset of green data seen
 * @green_max: highest end of it
 * @runs: received buffers by ltp_run.start, as skb->rbnode
 * @last: the rightmost
 * @held: red ranges received
 * @item: becomes the delivery; allocated with the session
 * @closed: becomes what is remembered of it; likewise
 * @charge: bytes charged to the socket's receive buffer
 * @control: bytes of it and its signals, see ltp_mem_control()
 * @cp_first: lowest serial of the checkpoints that came, 0 if none did
 * @cp_last: highest of them
 * @primary: upper bound of the last primary report (section 6.11)
 * @answered: serials of the checkpoints answered, less 1
 * @acked: struct ltp_signal of reports that were acknowledged
 * @n_acked: how many
 * @n_reports: reports that await their acknowledgments
 * @on_brake: in ltp_sock.braked, under sock.lock
 * @braked: a report is held back until the reader catches up
 * @brake_until: or until then, ktime ns
 * @brake_cp: checkpoint it answers
 * @last_heard: when a data segment came last, ktime ns
 * @delayed: struct ltp_delayed
 * @n_delayed: how many
 * @problems: reports with gaps
 * @quiet: gaps are not reported yet, should no more data come
 * @notice: allocated for the session's cancellation, if asked for
 * @first_used: @first was used
 * @first: room for the first report, as that is mostly the only one
 */
struct ltp_import {
	struct ltp_session	s;
	u64			red_length;
	u64			length;
	u64			red_max;
	u64			green_min;
	u64			green_max;
	struct rb_root		runs;
	struct sk_buff		*last;
	struct ltp_ranges	held;
	struct ltp_item		*item;
	struct ltp_closed	*closed;
	u32			charge;
	u32			control;
	u64			cp_first;
	u64			cp_last;
	u64			primary;
	struct ltp_ranges	answered;
	struct list_head	acked;
	u32			n_acked;
	u32			n_reports;
	struct list_head	on_brake;
	bool			braked;
	u64			brake_until;
	u64			brake_cp;
	u64			last_heard;
	struct list_head	delayed;
	u32			n_delayed;
	u32			problems;
	bool			quiet;
	struct sk_buff		*notice;
	bool			first_used;
	u64			first[(sizeof(struct ltp_signal) +
				       LTP_SEG_RS_HEAD_MAX +
				       LTP_SEG_CLAIM_MAX) / 8];
};

/**
 * struct ltp_sock - an AF_LTP socket
 * @sk: the generic part, first
 * @engine: bound engine ID, %LTP_ENGINE_ANY for all
 * @service: bound client service ID, 0 while unbound
 * @bind_node: in ltp_net.binds
 * @peer_engine: connected engine ID, 0 while unconnected
 * @peer_service: connected client service ID
 * @red_length: option LTP_RED_LENGTH
 * @notices: option LTP_NOTICES
 * @segment_size: option LTP_SEGMENT_SIZE
 * @burst_limit: option LTP_BURST_LIMIT
 * @rxinfo: option LTP_RXINFO
 * @send_lock: one sendmsg() at a time; who sleeps for room lets go of it
 * @sender: who sleeps in the midst of a message, or is the next to send; no
 *	other may, and who may not wait looks elsewhere; under @send_lock
 * @sleeps: that is in the midst of a message, and asleep; likewise
 * @senders: those that wait until it is done, in turn; likewise
 * @refused: bytes in the send buffer when it had no room for a whole block,
 *	0 if it had; poll() waits until they are fewer
 * @open: block that MSG_MORE or a short count left open, under @send_lock
 * @frag: where red bytes go, and green ones, likewise: what leaves does not
 *	keep the pages of what awaits a claim, nor the other way round
 * @frag_charged: a page for each is charged, until the socket is closed
 * @zc: payload of the message being sent, likewise: @ubuf, the notification of
 *	MSG_ZEROCOPY; @on, it is referred to; @used, some of it was
 * @lock: guards the lists
 * @queue: struct ltp_item for recvmsg()
 * @imports: incomplete import sessions, oldest first
 * @delivered: import sessions that only await acknowledgments, oldest first
 * @exports: export sessions
 * @braked: import sessions whose report is held back
 * @mem_lock: guards sk_forward_alloc and @control
 * @control: bytes that import sessions hold besides data
 * @closing: no new sessions
 * @blocked: span whose limits it waits for, held
 * @on_blocked: in its ltp_span.blocked, under span.lock
 * @turn: since when, as the others there count, likewise
 * @stays: it sleeps until it may send, likewise
 */
struct ltp_sock {
	struct sock		sk;
	u64			engine;
	u64			service;
	struct rhlist_head	bind_node;
	u64			peer_engine;
	u64			peer_service;
	u64			red_length;
	u32			notices;
	u32			segment_size;
	u32			burst_limit;
	bool			rxinfo;
	struct mutex		send_lock;	/* one sendmsg() at a time */
	struct task_struct	*sender;
	bool			sleeps;
	struct list_head	senders;
	int			refused;
	struct ltp_export	*open;
	struct page_frag	frag[2];
	bool			frag_charged[2];
	spinlock_t		mem_lock;	/* guards @control, forward alloc */
	u32			control;
	struct {
		struct ubuf_info	*ubuf;
		bool			on;
		bool			used;
	}			zc;
	spinlock_t		lock;		/* guards what follows */
	bool			closing;
	struct list_head	queue;
	struct list_head	imports;
	struct list_head	delivered;
	struct list_head	exports;
	struct list_head	braked;
	struct ltp_span		*blocked;
	struct list_head	on_blocked;
	u64			turn;
	bool			stays;
};

static inline struct ltp_sock *ltp_sk(const struct sock *sk)
{
	return (struct ltp_sock *)sk;
}

static inline struct ltp_export *ltp_export(struct ltp_session *s)
{
	return container_of(s, struct ltp_export, s);
}

static inline struct ltp_import *ltp_import(struct ltp_session *s)
{
	return container_of(s, struct ltp_import, s);
}

#endif /* _NET_LTP_H */
