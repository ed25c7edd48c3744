// SPDX-License-Identifier: GPL-2.0
/*
 * The only file that knows UDP and IP.  A carrier is a kernel UDP socket.  An
 * engine's listener, one for each address family, is bound to the engine's
 * port, shares it with nobody, and receives what comes there from all peers.
 * The flow of a span sends from the same port without being bound to it: it is
 * in none of UDP's tables, so looking up who receives a datagram costs the same
 * however many spans there are.  Only a flow with a port of its own is bound,
 * and receives what the peer answers to that port.
 *
 * Buffers come in through the socket's receive queue and our sk_data_ready,
 * not through encap_rcv, which would see coalesced buffers cut up again.
 * Buffers go out with headers built here and through ip_local_out(), whose
 * result, unlike the tunnel helpers', reaches the caller.
 */
#include <linux/sizes.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/udp.h>

#include "compat.h"
#include "fault.h"
#include "input.h"
#include "output.h"
#include "trace.h"
#include "udp.h"

#define CARRIER_RCVBUF	SZ_8M
#define CARRIER_SNDBUF	SZ_1M

/*
 * Bursts in queueing disciplines and devices at once: fq drops beyond 100 of
 * one flow, however small, and acknowledgments, one for each short block, come
 * on top.
 */
#define CARRIER_BURSTS	40

/* Buffers on a list, as many as GRO coalesces. */
#define LIST_MAX	64

/* After how long an unknown next hop may hold bursts up again. */
#define ASK_AGAIN	(10 * HZ)

/**
 * struct ltp_carrier - a kernel UDP socket
 * @sock: the socket
 * @engine: engine it belongs to; outlives the carrier
 * @span: the span whose flow it is, or NULL of a listener; likewise
 * @family: AF_INET or AF_INET6
 * @source_lock: guards the socket's source address, which its route decides
 * @resolved: the next hop's link address was known when the flow last began
 *	to send, or it was asked for in vain
 * @looked: when that was, in jiffies
 * @asked: when a burst last had to ask for it, in jiffies
 * @truesize: memory of the burst sent last
 * @wake: hangs in the socket's wait queue while the flow is full; under the
 *	queue's lock
 * @data_ready: what sk_data_ready was, NULL unless it receives
 */
struct ltp_carrier {
	struct socket		*sock;
	struct ltp_engine	*engine;
	struct ltp_span		*span;
	u16			family;
	bool			resolved;
	seqlock_t		source_lock;	/* guards the source address */
	unsigned long		looked;
	unsigned long		asked;
	u32			truesize;
	wait_queue_entry_t	wake;
	void			(*data_ready)(struct sock *sk);
};

/* Bound to a port: a listener, or a flow with a port of its own. */
static bool carrier_receives(const struct ltp_carrier *c)
{
	return c->data_ready;
}

static void source_of(const struct sk_buff *skb, struct ltp_addr *from)
{
	if (ip_hdr(skb)->version == 4) {
		from->family = AF_INET;
		from->v4 = ip_hdr(skb)->saddr;
	} else {
		from->family = AF_INET6;
		from->v6 = ipv6_hdr(skb)->saddr;
	}
	from->port = ntohs(udp_hdr(skb)->source);
}

/* UDP over IPv4 may do without; LTP may not (RFC 7122, section 3.5.2). */
static bool no_checksum(const struct sk_buff *skb)
{
	return !udp_hdr(skb)->check && skb->ip_summed != CHECKSUM_PARTIAL;
}

/*
 * Whether the buffer can be read, and told apart by lengths of 16 bits: there is
 * memory of devices, and there are jumbograms.
 */
static bool usable(const struct sk_buff *skb)
{
	const struct sk_buff *part;

	if (!ltp_compat_readable(skb) || skb->len > IP_MAX_MTU)
		return false;
	skb_walk_frags(skb, part)
		if (!ltp_compat_readable(part))
			return false;
	return true;
}

/*
 * A list of buffers is walked anew for each piece that is copied out of it.  That
 * is cheap with what GRO chains, but thousands of IP fragments make a list, too:
 * those become one piece of memory.
 */
static bool flatten(struct sk_buff *skb)
{
	const struct sk_buff *part;
	u32 n = 0;

	skb_walk_frags(skb, part)
		if (unlikely(++n > LIST_MAX))
			return !skb_shared(skb) &&
			       !LTP_TRY(LINEAR, skb_linearize(skb));
	return true;
}

/*
 * What waits for the rest of its block, or a reader, holds nothing but its
 * memory: no route, connection, IPsec state or owner.  A list is left as it is
 * if others have a clone, and it with them.
 */
static void detach(struct sk_buff *skb)
{
	struct sk_buff *part;

	if (!skb_cloned(skb)) {
		skb_walk_frags(skb, part) {
			nf_reset_ct(part);
			skb_ext_reset(part);
		}
	}
	skb->dev = NULL;	/* udp.c of the kernel overlays it */
	skb_orphan(skb);
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb_ext_reset(skb);
}

static void drop_buffer(const struct ltp_carrier *c, struct sk_buff *skb,
			enum ltp_mib_item why)
{
	ltp_mib_add(c->engine, c->span, why, 1);
	trace_ltp_drop(c->engine->id, 0, why);
	kfree_skb(skb);
}

/*
 * Runs in softirq, or with softirqs off, for each buffer queued.  Takes the
 * buffers off at once, so that the queue stays empty and UDP's accounting
 * with it; what is kept is charged to the AF_LTP socket.
 */
static void ltp_udp_data_ready(struct sock *sk)
{
	struct ltp_carrier *c;
	int budget = 256;

	rcu_read_lock();
	c = rcu_dereference_sk_user_data(sk);
	while (c && budget--) {
		struct ltp_addr from = {};
		struct sk_buff *skb;
		int off = 0, err;

		skb = __skb_recv_udp(sk, MSG_DONTWAIT, &off, &err);
		if (!skb) {
			/* An ICMP error that the socket collected: go on. */
			if (err != -EAGAIN)
				continue;
			break;
		}
		detach(skb);
		if (unlikely(!usable(skb))) {
			drop_buffer(c, skb, LTP_MIB_DROP_BUFFER);
			continue;
		}
		if (unlikely(!flatten(skb))) {
			drop_buffer(c, skb, LTP_MIB_DROP_NOMEM);
			continue;
		}
		if (no_checksum(skb) || (!skb_csum_unnecessary(skb) &&
					 __skb_checksum_complete(skb))) {
			drop_buffer(c, skb, LTP_MIB_DROP_CHECKSUM);
			continue;
		}
		source_of(skb, &from);
		ltp_input_skb(c->engine, c->span, skb, &from);
		/* Whoever queues another from now on comes here himself. */
		if (skb_queue_empty_lockless(&udp_sk(sk)->reader_queue) &&
		    skb_queue_empty_lockless(&sk->sk_receive_queue))
			break;
	}
	rcu_read_unlock();
}

/* Bytes of memory that may be on their way: a send buffer, or enough bursts. */
static u32 carrier_limit(const struct ltp_carrier *c)
{
	return min_t(u64, READ_ONCE(c->sock->sk->sk_sndbuf),
		     (u64)CARRIER_BURSTS * READ_ONCE(c->truesize));
}

static bool carrier_full(const struct ltp_carrier *c)
{
	return refcount_read(&c->sock->sk->sk_wmem_alloc) >= carrier_limit(c);
}

static int carrier_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
			void *key)
{
	struct ltp_carrier *c = container_of(wait, struct ltp_carrier, wake);

	if (carrier_full(c))
		return 0;	/* the next buffer that is freed comes here too */
	list_del_init(&wait->entry);
	ltp_output_resume(c->span);
	return 0;
}

static int sockaddr_of(struct sockaddr_storage *ss, u16 family,
		       const struct ltp_addr *addr)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	if (family == AF_INET) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(addr->port);
		if (addr->family == AF_INET)
			sin->sin_addr.s_addr = addr->v4;
		return sizeof(*sin);
	}
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(addr->port);
	if (addr->family == AF_INET6)
		sin6->sin6_addr = addr->v6;
	return sizeof(*sin6);
}

/* What all carriers have in common. */
static void carrier_setup(struct ltp_carrier *c)
{
	struct sock *sk = c->sock->sk;

	lock_sock(sk);
	sk->sk_userlocks |= SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK;
	WRITE_ONCE(sk->sk_rcvbuf, CARRIER_RCVBUF);
	WRITE_ONCE(sk->sk_sndbuf, CARRIER_SNDBUF);
	/* Nothing here may sleep for memory in softirq. */
	sk->sk_allocation = GFP_ATOMIC;
	/* As binding sets it: sock_wfree() is cheaper for it. */
	sock_set_flag(sk, SOCK_RCU_FREE);
	if (c->family == AF_INET6)
		sk->sk_ipv6only = 1;
	release_sock(sk);
}

/* Binds to @port, 0 for any that is free, of the engine's address. */
static int carrier_bind(struct ltp_carrier *c, u16 port)
{
	struct ltp_addr local = c->engine->local;
	struct sockaddr_storage ss;
	int one = 1, err, len;

	err = LTP_TRY(CARRIER_GRO,
		      c->sock->ops->setsockopt(c->sock, SOL_UDP, UDP_GRO,
					       KERNEL_SOCKPTR(&one),
					       sizeof(one)));
	if (err)
		return err;
	local.port = port;
	len = sockaddr_of(&ss, c->family, &local);
	return LTP_TRY(CARRIER_BIND,
		       kernel_bind(c->sock, (struct ltp_sockaddr *)&ss, len));
}

/*
 * Gives the carrier the engine's address and port as binding would, but enters
 * it in no table: the port stays the listener's.
 */
static void carrier_name(struct ltp_carrier *c)
{
	const struct ltp_addr *local = &c->engine->local;
	struct sock *sk = c->sock->sk;
	struct inet_sock *inet = inet_sk(sk);

	lock_sock(sk);
	inet->inet_num = local->port;
	inet->inet_sport = htons(local->port);
	if (local->family == AF_INET) {
		inet->inet_rcv_saddr = local->v4;
		inet->inet_saddr = local->v4;
	}
#if IS_ENABLED(CONFIG_IPV6)
	if (local->family == AF_INET6) {
		sk->sk_v6_rcv_saddr = local->v6;
		inet6_sk(sk)->saddr = local->v6;
	}
#endif
	release_sock(sk);
}

static int carrier_connect(struct ltp_carrier *c,
			   struct netlink_ext_ack *extack)
{
	struct sockaddr_storage ss;
	int err, len;

	len = sockaddr_of(&ss, c->family, &c->span->remote);
	err = LTP_TRY(CARRIER_CONNECT,
		      kernel_connect(c->sock, (struct ltp_sockaddr *)&ss, len,
				     0));
	if (err)
		NL_SET_ERR_MSG(extack, "no route to the peer's address");
	return err;
}

/* From now on what is received comes in. */
static void carrier_receive(struct ltp_carrier *c)
{
	struct sock *sk = c->sock->sk;
	struct sk_buff *skb;
	int off, err;

	/* What came before connect() may be from anybody. */
	rcu_assign_sk_user_data(sk, c);
	do {
		off = 0;
		skb = __skb_recv_udp(sk, MSG_DONTWAIT, &off, &err);
		kfree_skb(skb);
	} while (skb);

	lock_sock(sk);
	c->data_ready = sk->sk_data_ready;
	WRITE_ONCE(sk->sk_data_ready, ltp_udp_data_ready);
	release_sock(sk);
}

static struct ltp_carrier *carrier_new(struct ltp_engine *engine,
				       struct ltp_span *span, u16 family)
{
	struct ltp_carrier *c;
	int err;

	c = LTP_ALLOC(CARRIER, kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT));
	if (!c)
		return ERR_PTR(-ENOMEM);
	c->engine = engine;
	c->span = span;
	c->family = family;
	seqlock_init(&c->source_lock);
	c->asked = jiffies - ASK_AGAIN;
	c->truesize = CARRIER_SNDBUF;
	init_waitqueue_func_entry(&c->wake, carrier_wake);
	INIT_LIST_HEAD(&c->wake.entry);

	err = LTP_TRY(CARRIER_SOCK,
		      sock_create_kern(engine->ln->net, family, SOCK_DGRAM,
				       IPPROTO_UDP, &c->sock));
	if (err) {
		kfree(c);
		return ERR_PTR(err);
	}
	carrier_setup(c);
	return c;
}

/**
 * ltp_udp_listen() - make the carrier that receives for an engine
 * @engine: the engine
 * @family: AF_INET or AF_INET6
 *
 * Context: process.
 * Return: the carrier, or an ERR_PTR: -EADDRINUSE, -EADDRNOTAVAIL, -ENOMEM …
 */
struct ltp_carrier *ltp_udp_listen(struct ltp_engine *engine, u16 family)
{
	struct ltp_carrier *c = carrier_new(engine, NULL, family);
	int err;

	if (IS_ERR(c))
		return c;
	err = carrier_bind(c, engine->local.port);
	if (err) {
		ltp_udp_free(c);
		return ERR_PTR(err);
	}
	carrier_receive(c);
	return c;
}

/**
 * ltp_udp_flow() - make a carrier that sends for a span
 * @span: the span
 * @own_port: it sends from a port of its own, not the engine's
 * @extack: for the reason of a failure
 *
 * Context: process.
 * Return: the carrier, or an ERR_PTR: -EADDRINUSE, -ENETUNREACH, -ENOMEM …
 */
struct ltp_carrier *ltp_udp_flow(struct ltp_span *span, bool own_port,
				 struct netlink_ext_ack *extack)
{
	struct ltp_carrier *c;
	int err = 0;

	c = carrier_new(span->engine, span, span->remote.family);
	if (IS_ERR(c))
		return c;
	if (own_port) {
		err = carrier_bind(c, 0);
		if (err)
			NL_SET_ERR_MSG(extack, "no UDP port is free");
	} else {
		carrier_name(c);
	}
	if (!err)
		err = carrier_connect(c, extack);
	if (err) {
		ltp_udp_free(c);
		return ERR_PTR(err);
	}
	if (own_port)
		carrier_receive(c);
	return c;
}

/**
 * ltp_udp_mute() - have a carrier receive nothing more
 * @c: the carrier
 *
 * Its data_ready does not begin any more, and none runs after a grace period.
 *
 * Context: process.
 */
void ltp_udp_mute(struct ltp_carrier *c)
{
	struct sock *sk = c->sock->sk;

	if (!carrier_receives(c))
		return;
	lock_sock(sk);
	WRITE_ONCE(sk->sk_data_ready, c->data_ready);
	rcu_assign_sk_user_data(sk, NULL);
	release_sock(sk);
}

/**
 * ltp_udp_free() - close a carrier and free it
 * @c: the carrier; mute, and nobody has used it since a grace period ago
 *
 * Context: process.
 */
void ltp_udp_free(struct ltp_carrier *c)
{
	struct sock *sk = c->sock->sk;

	spin_lock_irq(&sk_sleep(sk)->lock);
	list_del_init(&c->wake.entry);
	spin_unlock_irq(&sk_sleep(sk)->lock);
	sock_release(c->sock);
	kfree(c);
}

/**
 * ltp_udp_close() - close carriers and free them
 * @carriers: the carriers; some may be NULL
 * @n: how many they are
 *
 * On return no data_ready of them runs nor will run.
 *
 * Context: process.
 */
void ltp_udp_close(struct ltp_carrier **carriers, int n)
{
	bool any = false;
	int i;

	for (i = 0; i < n; i++) {
		if (!carriers[i])
			continue;
		ltp_udp_mute(carriers[i]);
		any = true;
	}
	if (!any)
		return;
	synchronize_net();
	for (i = 0; i < n; i++)
		if (carriers[i])
			ltp_udp_free(carriers[i]);
}

/*
 * The address that a flow sends from, if that is not the route's to choose:
 * the engine's, or the one that a flow with a port of its own is bound to.
 */
static __be32 fixed_source4(const struct ltp_carrier *c)
{
	if (carrier_receives(c))
		return inet_sk(c->sock->sk)->inet_saddr;
	return c->engine->local.family == AF_INET ? c->engine->local.v4 : 0;
}

static struct dst_entry *carrier_route4(struct ltp_carrier *c)
{
	struct sock *sk = c->sock->sk;
	struct inet_sock *inet = inet_sk(sk);
	struct rtable *rt;
	struct flowi4 fl4;

	rt = ip_route_connect(&fl4, inet->inet_daddr, fixed_source4(c),
			      sk->sk_bound_dev_if, IPPROTO_UDP,
			      inet->inet_sport, inet->inet_dport, sk);
	if (IS_ERR(rt))
		return ERR_CAST(rt);
	WRITE_ONCE(inet->inet_saddr, fl4.saddr);
	sk_dst_set(sk, &rt->dst);
	return &rt->dst;
}

#if IS_ENABLED(CONFIG_IPV6)
static struct in6_addr fixed_source6(const struct ltp_carrier *c)
{
	if (carrier_receives(c))
		return inet6_sk(c->sock->sk)->saddr;
	return c->engine->local.family == AF_INET6 ? c->engine->local.v6 :
						     in6addr_any;
}

/* The address is too long to be read and written at once. */
static struct in6_addr source6(struct ltp_carrier *c)
{
	struct in6_addr source;
	unsigned int seq;

	do {
		seq = read_seqbegin(&c->source_lock);
		source = inet6_sk(c->sock->sk)->saddr;
	} while (read_seqretry(&c->source_lock, seq));
	return source;
}

static struct dst_entry *carrier_route6(struct ltp_carrier *c)
{
	struct sock *sk = c->sock->sk;
	struct inet_sock *inet = inet_sk(sk);
	struct flowi6 fl6 = {
		.flowi6_oif = sk->sk_bound_dev_if,
		.flowi6_mark = sk->sk_mark,
		.flowi6_proto = IPPROTO_UDP,
		.daddr = sk->sk_v6_daddr,
		.saddr = fixed_source6(c),
		.fl6_dport = inet->inet_dport,
		.fl6_sport = inet->inet_sport,
	};
	struct dst_entry *dst;

	dst = ip6_dst_lookup_flow(sock_net(sk), sk, &fl6, NULL);
	if (IS_ERR(dst))
		return dst;
	write_seqlock_bh(&c->source_lock);
	inet6_sk(sk)->saddr = fl6.saddr;
	write_sequnlock_bh(&c->source_lock);
	WRITE_ONCE(inet6_sk(sk)->dst_cookie,
		   rt6_get_cookie(dst_rt6_info(dst)));
	sk_dst_set(sk, dst);
	return dst;
}
#endif

/*
 * The route, looked up anew, and with it the address to send from; the socket
 * keeps the reference.
 */
static struct dst_entry *carrier_route(struct ltp_carrier *c)
{
	if (ltp_fault(LTP_FAULT_ROUTE))
		return ERR_PTR(-ENOMEM);
#if IS_ENABLED(CONFIG_IPV6)
	if (c->family == AF_INET6)
		return carrier_route6(c);
#endif
	return carrier_route4(c);
}

static u32 carrier_cookie(const struct ltp_carrier *c)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (c->family == AF_INET6)
		return READ_ONCE(inet6_sk(c->sock->sk)->dst_cookie);
#endif
	return 0;
}

/* The route, without a reference: RCU read side, for as long as it is used. */
static struct dst_entry *carrier_dst(struct ltp_carrier *c)
{
	struct sock *sk = c->sock->sk;
	struct dst_entry *dst;

	dst = rcu_dereference(sk->sk_dst_cache);
	if (likely(dst)) {
		if (!READ_ONCE(dst->obsolete) ||
		    dst->ops->check(dst, carrier_cookie(c)))
			return dst;
		sk_dst_reset(sk);
	}
	return carrier_route(c);
}

/*
 * Packets for a next hop that is still being resolved wait in a queue that is
 * shorter than a send buffer and drops the oldest.  A flow that begins to send
 * therefore looks whether the address is known, and lets one burst ask.  If
 * that got no answer, the others are not held up again for a while.
 */
static bool carrier_resolved(struct ltp_carrier *c, struct dst_entry *dst)
{
	const struct sock *sk = c->sock->sk;
	const void *daddr = &inet_sk(sk)->inet_daddr;
	struct neighbour *neigh;
	bool valid;

#if IS_ENABLED(CONFIG_IPV6)
	if (c->family == AF_INET6)
		daddr = &sk->sk_v6_daddr;
#endif
	neigh = LTP_ALLOC(NEIGHBOUR, dst_neigh_lookup(dst, daddr));
	if (!neigh)
		return true;
	valid = READ_ONCE(neigh->nud_state) & NUD_VALID;
	neigh_release(neigh);
	if (valid || time_before(jiffies, c->asked + ASK_AGAIN))
		return true;
	c->asked = jiffies;
	return false;
}

static u32 carrier_hlen(const struct ltp_carrier *c)
{
	return sizeof(struct udphdr) + (c->family == AF_INET ?
		sizeof(struct iphdr) : sizeof(struct ipv6hdr));
}

static int xmit4(struct sock *sk, struct sk_buff *skb, struct dst_entry *dst)
{
	struct inet_sock *inet = inet_sk(sk);
	__be32 saddr = READ_ONCE(inet->inet_saddr);
	struct iphdr *iph;

	udp_set_csum(false, skb, saddr, inet->inet_daddr, skb->len);
	iph = skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	iph->version = 4;
	iph->ihl = sizeof(*iph) >> 2;
	iph->tos = READ_ONCE(inet->tos);
	iph->frag_off = htons(IP_DF);
	iph->ttl = ip4_dst_hoplimit(dst);
	iph->protocol = IPPROTO_UDP;
	iph->saddr = saddr;
	iph->daddr = inet->inet_daddr;
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	skb->protocol = htons(ETH_P_IP);
	ip_select_ident_segs(sock_net(sk), skb, sk,
			     skb_shinfo(skb)->gso_segs ?: 1);
	return ip_local_out(sock_net(sk), sk, skb);
}

#if IS_ENABLED(CONFIG_IPV6)
static int xmit6(struct ltp_carrier *c, struct sk_buff *skb,
		 struct dst_entry *dst)
{
	struct in6_addr saddr = source6(c);
	struct sock *sk = c->sock->sk;
	int len = skb->len;
	struct ipv6hdr *h;

	udp6_set_csum(false, skb, &saddr, &sk->sk_v6_daddr, len);
	h = skb_push(skb, sizeof(*h));
	skb_reset_network_header(skb);
	ip6_flow_hdr(h, READ_ONCE(inet6_sk(sk)->tclass), 0);
	h->payload_len = htons(len);
	h->nexthdr = IPPROTO_UDP;
	h->hop_limit = ip6_dst_hoplimit(dst);
	h->saddr = saddr;
	h->daddr = sk->sk_v6_daddr;
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	skb->protocol = htons(ETH_P_IPV6);
	return ip6_local_out(sock_net(sk), sk, skb);
}
#endif

/**
 * ltp_udp_xmit() - send a buffer of one or more segments
 * @c: a flow
 * @skb: the segments, with %LTP_UDP_HEADROOM in front; consumed
 * @stride: bytes of each segment but the last, U32_MAX for one that is not a
 *	burst
 *
 * One segment leaves as an ordinary datagram.  More leave as one buffer that
 * the stack or the device cuts at @stride (UDP GSO).
 *
 * Context: process or softirq, RCU read side; no locks, since the peer's answer
 * may arrive before this returns.
 * Return: 0; -ENOBUFS if a queue refused the buffer; -EMSGSIZE if the path
 * MTU has become too small for @stride; another errno if there is no route.
 */
int ltp_udp_xmit(struct ltp_carrier *c, struct sk_buff *skb, u32 stride)
{
	struct skb_shared_info *sh = skb_shinfo(skb);
	struct sock *sk = c->sock->sk;
	u32 segs = 1, bytes = skb->len;
	struct dst_entry *dst;
	struct udphdr *uh;
	int err;

	dst = carrier_dst(c);
	if (IS_ERR(dst)) {
		err = PTR_ERR(dst);
		goto drop;
	}
	if (min(stride, bytes) + carrier_hlen(c) > dst_mtu(dst)) {
		err = -EMSGSIZE;
		goto drop;
	}
	if (ltp_fault(LTP_FAULT_XMIT)) {
		err = -ENOBUFS;
		goto drop;
	}

	uh = skb_push(skb, sizeof(*uh));
	skb_reset_transport_header(skb);
	uh->source = inet_sk(sk)->inet_sport;
	uh->dest = inet_sk(sk)->inet_dport;
	uh->len = htons(skb->len);
	uh->check = 0;
	skb->ip_summed = CHECKSUM_NONE;
	if (bytes > stride) {
		segs = DIV_ROUND_UP(bytes, stride);
		sh->gso_size = stride;
		sh->gso_segs = segs;
		sh->gso_type = SKB_GSO_UDP_L4;
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_transport_header(skb) - skb->head;
		skb->csum_offset = offsetof(struct udphdr, check);
	}
	if (!sk_wmem_alloc_get(sk) &&
	    (!c->resolved || time_after(jiffies, READ_ONCE(c->looked)))) {
		WRITE_ONCE(c->looked, jiffies);
		WRITE_ONCE(c->resolved, carrier_resolved(c, dst));
	}
	skb_dst_set_noref(skb, dst);
	skb->priority = READ_ONCE(sk->sk_priority);
	skb->mark = READ_ONCE(sk->sk_mark);
	/* An idle flow may move to the queue of the CPU it is on now. */
	skb->ooo_okay = sk_wmem_alloc_get(sk) == 0;
	if (stride != U32_MAX)
		WRITE_ONCE(c->truesize, skb->truesize);
	skb_set_owner_w(skb, sk);

	/* XPS reads and keeps the queue in the socket; stay on this CPU. */
	local_bh_disable();
#if IS_ENABLED(CONFIG_IPV6)
	if (c->family == AF_INET6)
		err = xmit6(c, skb, dst);
	else
#endif
		err = xmit4(sk, skb, dst);
	local_bh_enable();
	if (err > 0)
		err = net_xmit_errno(err);
	trace_ltp_burst(c->engine->id, c->span->key.remote, segs, bytes, err);
	if (err) {
		ltp_mib_add(c->engine, c->span, LTP_MIB_TX_DROPPED, 1);
		return err;
	}
	ltp_mib_add(c->engine, c->span, LTP_MIB_TX_BURSTS, 1);
	ltp_mib_add(c->engine, c->span, LTP_MIB_TX_SEGMENTS, segs);
	ltp_mib_add(c->engine, c->span, LTP_MIB_TX_BYTES, bytes);
	return 0;

drop:
	ltp_mib_add(c->engine, c->span, LTP_MIB_TX_DROPPED, 1);
	kfree_skb(skb);
	return err;
}

/**
 * ltp_udp_writeable() - whether a flow takes another burst
 * @c: a flow
 *
 * Return: true unless its buffers in queueing disciplines and devices have
 * reached its send buffer, or one waits for the next hop to be resolved.
 */
bool ltp_udp_writeable(const struct ltp_carrier *c)
{
	const struct sock *sk = c->sock->sk;

	if (!READ_ONCE(c->resolved) && sk_wmem_alloc_get(sk))
		return false;
	return !carrier_full(c);
}

/**
 * ltp_udp_holds() - whether a queueing discipline heeds delivery times
 * @c: a flow
 *
 * fq says so in the socket when it first sees it.  If another takes its place,
 * bursts leave early, but no more of them.
 *
 * Return: true if bursts may be handed down before their time.
 */
bool ltp_udp_holds(const struct ltp_carrier *c)
{
	return READ_ONCE(c->sock->sk->sk_pacing_status) == SK_PACING_FQ;
}

/**
 * ltp_udp_wake_when_writeable() - have ltp_output_resume() called
 * @c: a flow
 *
 * It is called, maybe at once and more than once, when half of the send
 * buffer is free.
 *
 * Context: process or softirq.
 */
void ltp_udp_wake_when_writeable(struct ltp_carrier *c)
{
	struct sock *sk = c->sock->sk;
	unsigned long flags;

	spin_lock_irqsave(&sk_sleep(sk)->lock, flags);
	if (list_empty(&c->wake.entry))
		__add_wait_queue(sk_sleep(sk), &c->wake);
	spin_unlock_irqrestore(&sk_sleep(sk)->lock, flags);
	smp_mb();	/* pairs with skwq_has_sleeper() */
	if (ltp_udp_writeable(c))
		ltp_output_resume(c->span);
}

/**
 * ltp_udp_mtu() - the path MTU as the route has it now
 * @c: a flow
 *
 * Context: RCU read side.
 * Return: bytes, or 0 without a route.
 */
u32 ltp_udp_mtu(struct ltp_carrier *c)
{
	struct dst_entry *dst = carrier_dst(c);

	return IS_ERR(dst) ? 0 : dst_mtu(dst);
}

/**
 * ltp_udp_payload_max() - the largest datagram that is not fragmented
 * @c: a flow
 *
 * Context: RCU read side.
 * Return: bytes of UDP payload, or 0 without a route.
 */
u32 ltp_udp_payload_max(struct ltp_carrier *c)
{
	u32 mtu = min_t(u32, ltp_udp_mtu(c), IP_MAX_MTU), hlen = carrier_hlen(c);

	return mtu > hlen ? mtu - hlen : 0;
}

/**
 * ltp_udp_burst_max() - the most bytes that one buffer may carry
 * @c: a flow
 *
 * Return: bytes of UDP payload: the IP length field counts 16 bits.
 */
u32 ltp_udp_burst_max(const struct ltp_carrier *c)
{
	return IP_MAX_MTU - carrier_hlen(c);
}

/**
 * ltp_udp_tx_queue() - the transmit queue that XPS chose
 * @c: a flow
 *
 * Return: its index, or U32_MAX until one was chosen.
 */
u32 ltp_udp_tx_queue(const struct ltp_carrier *c)
{
	/* Not sk_tx_queue_get(), which on newer kernels forgets in a second. */
	u16 queue = READ_ONCE(c->sock->sk->sk_tx_queue_mapping);

	return queue == NO_QUEUE_MAPPING ? U32_MAX : queue;
}

/**
 * ltp_udp_port() - the port that a carrier sends from
 * @c: a carrier
 *
 * Return: UDP port in host byte order.
 */
u16 ltp_udp_port(const struct ltp_carrier *c)
{
	return ntohs(inet_sk(c->sock->sk)->inet_sport);
}

/**
 * ltp_udp_steer() - note where a peer's segment came in
 * @c: the flow towards that peer
 * @skb: the segment
 *
 * So that an XPS map of receive queues works for the flow even if the peer
 * answers to the listener.
 */
void ltp_udp_steer(struct ltp_carrier *c, const struct sk_buff *skb)
{
	sk_rx_queue_set(c->sock->sk, skb);
}
