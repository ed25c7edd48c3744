// SPDX-License-Identifier: GPL-2.0
/* The socket family: making, binding, connecting, asking, closing. */
#include <linux/module.h>
#include <linux/poll.h>
#include <asm/ioctls.h>

#include "af_ltp.h"
#include "compat.h"
#include "engine.h"
#include "fault.h"
#include "flow.h"
#include "mem.h"
#include "notice.h"
#include "reasm.h"
#include "run.h"
#include "session.h"
#include "span.h"

static __always_inline u32 bind_hash(const void *data, u32 len, u32 seed)
{
	return ltp_hash(*(const u64 *)data, 0, 0, seed);
}

const struct rhashtable_params ltp_bind_params = {
	.hashfn = bind_hash,
	.head_offset = offsetof(struct ltp_sock, bind_node),
	.key_offset = offsetof(struct ltp_sock, service),
	.key_len = sizeof(u64),
	.automatic_shrinking = true,
};

/*
 * How well a socket fits data of @service for @engine from @remote: more for
 * a bound engine than for any, most for a connected one; 0 not at all.
 */
static int bind_score(const struct ltp_sock *ls, u64 engine, u64 service,
		      u64 remote)
{
	int score = 1;

	if (ls->service != service)
		return 0;
	if (ls->engine != LTP_ENGINE_ANY) {
		if (ls->engine != engine)
			return 0;
		score++;
	}
	if (READ_ONCE(ls->peer_engine)) {
		if (READ_ONCE(ls->peer_engine) != remote)
			return 0;
		score += 2;
	}
	return score;
}

/**
 * ltp_sock_lookup() - the socket that receives a session
 * @ln: the namespace
 * @engine: local engine ID
 * @service: client service ID
 * @remote: ID of the sending engine
 * @number: session number; sockets that share a service share by its hash,
 *	by the rule that spreads sessions over flows
 *
 * Context: any.
 * Return: the socket with a reference, or NULL.
 */
struct sock *ltp_sock_lookup(struct ltp_net *ln, u64 engine, u64 service,
			     u64 remote, u64 number)
{
	struct ltp_sock *ls, *best = NULL;
	struct rhlist_head *list, *pos;
	int score, top = 0;
	u32 equals = 0, n;

	rcu_read_lock();
	list = rhltable_lookup(&ln->binds, &service, ltp_bind_params);
	rhl_for_each_entry_rcu(ls, pos, list, bind_node) {
		score = bind_score(ls, engine, service, remote);
		if (!score || score < top)
			continue;
		if (score > top) {
			top = score;
			equals = 0;
			best = ls;
		}
		equals++;
	}
	n = ltp_flow_share(number, equals);
	if (n) {
		rhl_for_each_entry_rcu(ls, pos, list, bind_node) {
			score = bind_score(ls, engine, service, remote);
			if (score != top)
				continue;
			best = ls;
			if (!n--)
				break;
		}
	}
	if (best && !refcount_inc_not_zero(&best->sk.sk_refcnt))
		best = NULL;
	rcu_read_unlock();
	return best ? &best->sk : NULL;
}

static int addr_check(const struct sockaddr_ltp *addr, int len)
{
	if (len < (int)sizeof(*addr))
		return -EINVAL;
	if (addr->sltp_family != AF_LTP)
		return -EAFNOSUPPORT;
	if (addr->sltp_flags || addr->sltp_zero || !addr->sltp_service)
		return -EINVAL;
	return 0;
}

/**
 * ltp_sock_addr() - the destination that sendmsg() names
 * @msg: the message, with a name
 * @addr: the destination
 *
 * Return: 0, -EINVAL, -EAFNOSUPPORT or -EDESTADDRREQ.
 */
int ltp_sock_addr(const struct msghdr *msg, struct sockaddr_ltp *addr)
{
	int err;

	if (msg->msg_namelen < (int)sizeof(*addr))
		return -EINVAL;
	*addr = *(struct sockaddr_ltp *)msg->msg_name;
	err = addr_check(addr, msg->msg_namelen);
	if (!err && !addr->sltp_engine)
		err = -EDESTADDRREQ;
	return err;
}

/* May @ls have this name beside those that have it? */
static bool bind_conflict(struct ltp_net *ln, const struct ltp_sock *ls,
			  u64 engine, u64 service)
{
	const struct ltp_sock *other;
	struct rhlist_head *list, *pos;
	bool conflict = false;

	rcu_read_lock();
	list = rhltable_lookup(&ln->binds, &service, ltp_bind_params);
	rhl_for_each_entry_rcu(other, pos, list, bind_node) {
		/* One service has one type, whichever engine. */
		conflict = other->sk.sk_type != ls->sk.sk_type ||
			   (other->engine == engine &&
			    (!other->sk.sk_reuseport || !ls->sk.sk_reuseport ||
			     !uid_eq(READ_ONCE(other->sk.sk_uid),
				     READ_ONCE(ls->sk.sk_uid))));
		if (conflict)
			break;
	}
	rcu_read_unlock();
	return conflict;
}

static int ltp_bind(struct socket *sock, struct ltp_sockaddr *uaddr, int len)
{
	struct sockaddr_ltp *addr = (struct sockaddr_ltp *)uaddr;
	struct ltp_net *ln = ltp_net(sock_net(sock->sk));
	struct ltp_sock *ls = ltp_sk(sock->sk);
	struct sock *sk = sock->sk;
	int err = addr_check(addr, len);

	if (err)
		return err;
	if (addr->sltp_engine != LTP_ENGINE_ANY) {
		rcu_read_lock();
		if (!ltp_engine_find(ln, addr->sltp_engine))
			err = -EADDRNOTAVAIL;
		rcu_read_unlock();
		if (err)
			return err;
	}
	lock_sock(sk);
	if (ls->service) {
		err = -EINVAL;
		goto out;
	}
	spin_lock_bh(&ln->bind_lock);
	if (bind_conflict(ln, ls, addr->sltp_engine, addr->sltp_service)) {
		err = -EADDRINUSE;
	} else {
		ls->engine = addr->sltp_engine;
		ls->service = addr->sltp_service;
		err = LTP_TRY(BIND, rhltable_insert(&ln->binds, &ls->bind_node,
						    ltp_bind_params));
		if (err)
			ls->service = 0;
	}
	spin_unlock_bh(&ln->bind_lock);
out:
	release_sock(sk);
	return err;
}

static int ltp_connect(struct socket *sock, struct ltp_sockaddr *uaddr,
		       int len, int flags)
{
	struct sockaddr_ltp *addr = (struct sockaddr_ltp *)uaddr;
	struct ltp_sock *ls = ltp_sk(sock->sk);
	struct sock *sk = sock->sk;
	int err;

	if (len < (int)sizeof(addr->sltp_family))
		return -EINVAL;
	if (addr->sltp_family == AF_UNSPEC) {
		lock_sock(sk);
		WRITE_ONCE(ls->peer_engine, 0);
		WRITE_ONCE(ls->peer_service, 0);
		sock->state = SS_UNCONNECTED;
		release_sock(sk);
		return 0;
	}
	err = addr_check(addr, len);
	if (err)
		return err;
	if (!addr->sltp_engine)
		return -EDESTADDRREQ;
	lock_sock(sk);
	WRITE_ONCE(ls->peer_service, addr->sltp_service);
	WRITE_ONCE(ls->peer_engine, addr->sltp_engine);
	sock->state = SS_CONNECTED;
	release_sock(sk);
	return 0;
}

static int ltp_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	struct sockaddr_ltp *addr = (struct sockaddr_ltp *)uaddr;
	struct ltp_sock *ls = ltp_sk(sock->sk);

	memset(addr, 0, sizeof(*addr));
	addr->sltp_family = AF_LTP;
	if (peer) {
		if (!ls->peer_engine)
			return -ENOTCONN;
		addr->sltp_engine = ls->peer_engine;
		addr->sltp_service = ls->peer_service;
	} else {
		addr->sltp_engine = ls->engine;
		addr->sltp_service = ls->service;
	}
	return sizeof(*addr);
}

static __poll_t ltp_poll(struct file *file, struct socket *sock,
			 poll_table *wait)
{
	struct ltp_sock *ls = ltp_sk(sock->sk);
	struct sock *sk = sock->sk;
	__poll_t mask = 0;
	u8 shutdown;

	sock_poll_wait(file, sock, wait);
	if (READ_ONCE(sk->sk_err) || !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	if (!list_empty(&ls->queue))
		mask |= EPOLLIN | EPOLLRDNORM;
	shutdown = READ_ONCE(sk->sk_shutdown);
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (shutdown == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (!ltp_sendmsg_writable(ls)) {
		sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
		/* What became free before that was seen told nobody. */
		smp_mb__after_atomic();
	}
	if (ltp_sendmsg_writable(ls))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

static int ltp_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	int err = 0;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	/* SHUT_RD, SHUT_WR, SHUT_RDWR: one less than the bits. */
	lock_sock(sk);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | (how + 1));
	release_sock(sk);
	if (how != SHUT_RD)
		err = ltp_sendmsg_shutdown(ltp_sk(sk));
	sk->sk_state_change(sk);
	return err;
}

/* Bytes of send or receive buffer, within net.ltp.wmem or rmem. */
static int set_buffer(struct sock *sk, int level, int opt, int val)
{
	struct ltp_net *ln = ltp_net(sock_net(sk));
	const int *limit;
	bool force = false;

	if (level == SOL_SOCKET && (opt == SO_SNDBUFFORCE ||
				    opt == SO_RCVBUFFORCE)) {
		if (!ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
			return -EPERM;
		force = true;
	}
	val = max(val, 0);
	if (level == SOL_SOCKET ? opt == SO_SNDBUF || opt == SO_SNDBUFFORCE :
				  opt == LTP_SNDBUF) {
		limit = ln->wmem;
		if (!force)
			val = min(val, READ_ONCE(limit[2]));
		val = min(val, INT_MAX / 4) * 2;
		WRITE_ONCE(sk->sk_sndbuf, max(val, READ_ONCE(limit[0])));
		WRITE_ONCE(ltp_sk(sk)->refused, 0);
		sk->sk_write_space(sk);
	} else {
		limit = ln->rmem;
		if (!force)
			val = min(val, READ_ONCE(limit[2]));
		val = min(val, LTP_RCVBUF_MAX / 2) * 2;
		WRITE_ONCE(sk->sk_rcvbuf, max(val, READ_ONCE(limit[0])));
	}
	return 0;
}

static int ltp_setsockopt(struct socket *sock, int level, int opt,
			  sockptr_t optval, unsigned int len)
{
	struct ltp_sock *ls = ltp_sk(sock->sk);
	struct sock *sk = sock->sk;
	bool buffer;
	u64 wide;
	int val;

	if (level != SOL_LTP && level != SOL_SOCKET)
		return -ENOPROTOOPT;
	buffer = level == SOL_LTP ? opt == LTP_SNDBUF || opt == LTP_RCVBUF :
		 opt == SO_SNDBUF || opt == SO_RCVBUF ||
		 opt == SO_SNDBUFFORCE || opt == SO_RCVBUFFORCE;
	if (level == SOL_SOCKET && !buffer && opt != SO_REUSEPORT &&
	    opt != SO_ZEROCOPY)
		return sock_setsockopt(sock, level, opt, optval, len);
	if (level == SOL_LTP && opt == LTP_RED_LENGTH) {
		if (len < sizeof(wide))
			return -EINVAL;
		if (copy_from_sockptr(&wide, optval, sizeof(wide)))
			return -EFAULT;
		WRITE_ONCE(ls->red_length, wide);
		return 0;
	}
	if (len < sizeof(val))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	if (buffer)
		return set_buffer(sk, level, opt, val);
	if (level == SOL_SOCKET)
		opt = opt == SO_ZEROCOPY ? LTP_ZEROCOPY : LTP_REUSEPORT;
	switch (opt) {
	case LTP_REUSEPORT:
		lock_sock(sk);
		sk->sk_reuseport = !!val;
		release_sock(sk);
		return 0;
	case LTP_NOTICES:
		if (val & ~LTP_NOTICE_ALL)
			return -EINVAL;
		WRITE_ONCE(ls->notices, val);
		return 0;
	case LTP_RXINFO:
		WRITE_ONCE(ls->rxinfo, !!val);
		return 0;
	case LTP_SEGMENT_SIZE:
		if (val < 0 || val > U16_MAX)
			return -EINVAL;
		WRITE_ONCE(ls->segment_size, val);
		return 0;
	case LTP_BURST_LIMIT:
		if (val < 0)
			return -EINVAL;
		WRITE_ONCE(ls->burst_limit, val);
		return 0;
	case LTP_ZEROCOPY:
		if (val < 0 || val > 1)
			return -EINVAL;
		lock_sock(sk);
		sock_valbool_flag(sk, SOCK_ZEROCOPY, val);
		release_sock(sk);
		return 0;
	}
	return -ENOPROTOOPT;
}

static int ltp_getsockopt(struct socket *sock, int level, int opt,
			  char __user *optval, int __user *optlen)
{
	struct ltp_sock *ls = ltp_sk(sock->sk);
	int len, val;

	if (level != SOL_LTP)
		return -ENOPROTOOPT;
	if (get_user(len, optlen))
		return -EFAULT;
	if (opt == LTP_RED_LENGTH) {
		u64 wide = READ_ONCE(ls->red_length);

		if (len < (int)sizeof(wide))
			return -EINVAL;
		if (put_user((int)sizeof(wide), optlen) ||
		    copy_to_user(optval, &wide, sizeof(wide)))
			return -EFAULT;
		return 0;
	}
	if (len < (int)sizeof(val))
		return -EINVAL;
	switch (opt) {
	case LTP_NOTICES:
		val = READ_ONCE(ls->notices);
		break;
	case LTP_RXINFO:
		val = READ_ONCE(ls->rxinfo);
		break;
	case LTP_SEGMENT_SIZE:
		val = READ_ONCE(ls->segment_size);
		break;
	case LTP_BURST_LIMIT:
		val = READ_ONCE(ls->burst_limit);
		break;
	case LTP_REUSEPORT:
		val = ls->sk.sk_reuseport;
		break;
	case LTP_ZEROCOPY:
		val = sock_flag(&ls->sk, SOCK_ZEROCOPY);
		break;
	case LTP_SNDBUF:
		val = READ_ONCE(ls->sk.sk_sndbuf);
		break;
	case LTP_RCVBUF:
		val = READ_ONCE(ls->sk.sk_rcvbuf);
		break;
	default:
		return -ENOPROTOOPT;
	}
	if (put_user((int)sizeof(val), optlen) ||
	    copy_to_user(optval, &val, sizeof(val)))
		return -EFAULT;
	return 0;
}

static int ltp_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct ltp_sock *ls = ltp_sk(sock->sk);
	struct ltp_item *item;
	u64 n = 0;

	switch (cmd) {
	case SIOCOUTQ:
		return put_user(sk_wmem_alloc_get(sock->sk),
				(int __user *)arg);
	case SIOCINQ:
		spin_lock_bh(&ls->lock);
		item = list_first_entry_or_null(&ls->queue, struct ltp_item,
						list);
		if (item && item->skb)
			n = ltp_run_segment_left(item->skb, item->pos, NULL);
		else if (item)
			n = item->length - item->pos;
		spin_unlock_bh(&ls->lock);
		return put_user((int)min_t(u64, n, INT_MAX),
				(int __user *)arg);
	}
	return -ENOIOCTLCMD;
}

/* SO_LINGER: waits until all blocks have ended, or cancels them. */
static void linger(struct sock *sk)
{
	struct ltp_sock *ls = ltp_sk(sk);
	long timeo = sk->sk_lingertime;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	if (!timeo) {
		ltp_session_end_all(&ls->exports, &ls->lock, false,
				    LTP_REASON_USR_CNCLD);
		return;
	}
	add_wait_queue(sk_sleep(sk), &wait);
	while (timeo && !list_empty(&ls->exports) && !signal_pending(current))
		timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
	remove_wait_queue(sk_sleep(sk), &wait);
}

static int ltp_release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct ltp_item *item;
	struct ltp_sock *ls;
	struct ltp_net *ln;

	if (!sk)
		return 0;
	ls = ltp_sk(sk);
	ln = ltp_net(sock_net(sk));

	ltp_sendmsg_release(ls);
	/* A process that ends does not wait, as with TCP. */
	if (sock_flag(sk, SOCK_LINGER) &&
	    (!sk->sk_lingertime || !(current->flags & PF_EXITING)))
		linger(sk);

	/* No new sessions, no new deliveries, no new notices. */
	spin_lock_bh(&ln->bind_lock);
	if (ls->service)
		rhltable_remove(&ln->binds, &ls->bind_node, ltp_bind_params);
	spin_unlock_bh(&ln->bind_lock);
	spin_lock_bh(&ls->lock);
	ls->closing = true;
	spin_unlock_bh(&ls->lock);

	ltp_session_end_all(&ls->imports, &ls->lock, false,
			    LTP_REASON_UNREACH);
	while ((item = list_first_entry_or_null(&ls->queue, struct ltp_item,
						list))) {
		list_del(&item->list);
		if (item->flags & LTP_RX_RED)
			this_cpu_inc(ln->mib->item[LTP_MIB_BLOCKS_UNREAD]);
		ltp_reasm_item_free(sk, item);
	}
	skb_queue_purge(&sk->sk_error_queue);

	lock_sock(sk);
	sock_orphan(sk);
	sock->sk = NULL;
	release_sock(sk);
	sock_put(sk);
	return 0;
}

/* The file that sendfile() sends ended sooner than it was asked to. */
static void __maybe_unused ltp_splice_eof(struct socket *sock)
{
	ltp_sendmsg_eof(ltp_sk(sock->sk));
}

static const struct proto_ops ltp_ops = {
	.family		= PF_LTP,
	.owner		= THIS_MODULE,
	.release	= ltp_release,
	.bind		= ltp_bind,
	.connect	= ltp_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.getname	= ltp_getname,
	.poll		= ltp_poll,
	.ioctl		= ltp_ioctl,
	.listen		= sock_no_listen,
	.shutdown	= ltp_shutdown,
	.setsockopt	= ltp_setsockopt,
	.getsockopt	= ltp_getsockopt,
	.sendmsg	= ltp_sendmsg,
	.recvmsg	= ltp_recvmsg,
	.mmap		= sock_no_mmap,
	.splice_read	= ltp_splice_read,
	LTP_COMPAT_SPLICE_EOF(ltp_splice_eof)
};

static void ltp_sock_destruct(struct sock *sk)
{
	WARN_ON_ONCE(!list_empty(&ltp_sk(sk)->queue));
	WARN_ON_ONCE(!list_empty(&ltp_sk(sk)->exports));
	WARN_ON_ONCE(!list_empty(&ltp_sk(sk)->imports));
	WARN_ON_ONCE(!list_empty(&ltp_sk(sk)->delivered));
	skb_queue_purge(&sk->sk_error_queue);
	WARN_ON_ONCE(atomic_read(&sk->sk_rmem_alloc));
	WARN_ON_ONCE(ltp_sk(sk)->control);
	sk_mem_reclaim(sk);
	WARN_ON_ONCE(READ_ONCE(sk->sk_forward_alloc));
}

static int ltp_create(struct net *net, struct socket *sock, int protocol,
		      int kern)
{
	struct ltp_net *ln = ltp_net(net);
	struct ltp_sock *ls;
	struct sock *sk;

	if (sock->type != SOCK_RDM && sock->type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol)
		return -EPROTONOSUPPORT;
	sk = LTP_ALLOC(SOCKET, sk_alloc(net, PF_LTP, GFP_KERNEL, &ltp_proto,
					kern));
	if (!sk)
		return -ENOBUFS;
	sock->ops = &ltp_ops;
	sock_init_data(sock, sk);
	/* ltp_sock_lookup() finds it under RCU. */
	sock_set_flag(sk, SOCK_RCU_FREE);
	sk->sk_destruct = ltp_sock_destruct;
	WRITE_ONCE(sk->sk_sndbuf, READ_ONCE(ln->wmem[1]));
	WRITE_ONCE(sk->sk_rcvbuf, READ_ONCE(ln->rmem[1]));
	ltp_compat_own_sockopts(sock);

	ls = ltp_sk(sk);
	mutex_init(&ls->send_lock);
	spin_lock_init(&ls->lock);
	spin_lock_init(&ls->mem_lock);
	INIT_LIST_HEAD(&ls->senders);
	INIT_LIST_HEAD(&ls->queue);
	INIT_LIST_HEAD(&ls->imports);
	INIT_LIST_HEAD(&ls->delivered);
	INIT_LIST_HEAD(&ls->exports);
	INIT_LIST_HEAD(&ls->braked);
	INIT_LIST_HEAD(&ls->on_blocked);
	ls->red_length = sock->type == SOCK_RDM ? LTP_UNKNOWN : 0;
	return 0;
}

static const struct net_proto_family ltp_family = {
	.family	= PF_LTP,
	.create	= ltp_create,
	.owner	= THIS_MODULE,
};

/**
 * ltp_sock_init() - register the family at module load
 *
 * Return: 0 or an errno.
 */
int __init ltp_sock_init(void)
{
	int err = ltp_mem_init();

	BUILD_BUG_ON(sizeof(struct sockaddr_ltp) != 24);
	BUILD_BUG_ON(sizeof(struct ltp_rxinfo) != 40);
	if (err)
		return err;
	err = sock_register(&ltp_family);
	if (err)
		ltp_mem_exit();
	return err;
}

/**
 * ltp_sock_exit() - unregister it at module unload
 */
void ltp_sock_exit(void)
{
	sock_unregister(PF_LTP);
	ltp_mem_exit();
}
