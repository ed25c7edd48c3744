// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzes the socket calls: four threads share a dozen AF_LTP sockets and do
 * with them what a program may, in any order and with any argument, while
 * signals interrupt what blocks.
 *
 *	+----------------- a namespace of its own -----------------+
 *	|  engine 1                 lo                 engine 2    |
 *	|  127.0.0.1 port 1113 <===========> 127.0.0.1 port 1114   |
 *	+----------------------------------------------------------+
 */
#include <linux/sockios.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "fuzz.h"

#define THREADS	4
#define FDS	12
#define AREA	(256 << 10)

static int fds[FDS];
static u8 *area;
static pid_t who[THREADS];
static pthread_t ticker;
static bool ticking;

static int any(void)
{
	return fds[below(FDS)];
}

/* Somewhere in what may be read and written; or not. */
static void *address(u64 len)
{
	if (one_in(40))
		return (void *)number();
	/* The last page is not there. */
	if (one_in(40))
		return area + AREA - below(len + 1);
	return area + (len < AREA ? below(AREA - len + 1) : 0);
}

static u64 size(void)
{
	switch (below(8)) {
	case 0:
		return 0;
	case 1:
		return below(AREA);
	case 2:
		return below(60000);
	default:
		return below(4000);
	}
}

static int flags(void)
{
	static const int some[] = {
		MSG_MORE, MSG_PEEK, MSG_TRUNC, MSG_ERRQUEUE, MSG_WAITALL,
		MSG_ZEROCOPY, MSG_EOR, MSG_OOB, MSG_CTRUNC, MSG_CONFIRM,
		MSG_DONTROUTE, MSG_WAITFORONE, MSG_CMSG_CLOEXEC,
	};
	int f = MSG_NOSIGNAL | (one_in(4) ? 0 : MSG_DONTWAIT);

	while (one_in(3))
		f |= some[below(ARRAY_SIZE(some))];
	return one_in(40) ? rnd() : f;
}

static socklen_t name(struct sockaddr_ltp *a)
{
	*a = ltp_addr(below(4), SVC + below(4) - one_in(8) * SVC);
	if (one_in(20))
		a->sltp_engine = number();
	if (one_in(20))
		a->sltp_service = number();
	if (one_in(40))
		a->sltp_family = rnd();
	if (one_in(40))
		a->sltp_zero = rnd();
	if (one_in(40))
		a->sltp_flags = rnd();
	return one_in(20) ? below(140) : sizeof(*a);
}

static void open_one(void)
{
	static const int kinds[] = { SOCK_RDM, SOCK_RDM, SOCK_DGRAM,
				     SOCK_STREAM, SOCK_RAW, SOCK_SEQPACKET };
	int type = kinds[below(one_in(8) ? 6 : 3)], i = below(FDS), fd;

	if (one_in(2))
		type |= SOCK_NONBLOCK;
	fd = socket(AF_LTP, type, one_in(30) ? rnd() : 0);
	if (fd < 0)
		return;
	/* What was there is closed under whoever uses it. */
	if (fds[i] >= 0)
		dup2(fd, fds[i]);
	else
		fds[i] = dup(fd);
	close(fd);
}

static void options(void)
{
	static const int sol[] = {
		SO_SNDBUF, SO_RCVBUF, SO_LINGER, SO_REUSEPORT, SO_REUSEADDR,
		SO_ERROR, SO_TYPE, SO_ZEROCOPY, SO_RCVTIMEO, SO_SNDTIMEO,
		SO_RCVLOWAT, SO_PRIORITY, SO_MARK, SO_TIMESTAMP,
		SO_TIMESTAMPING, SO_MAX_PACING_RATE, SO_PEEK_OFF, SO_BUSY_POLL,
		SO_ACCEPTCONN, SO_DOMAIN, SO_PROTOCOL, SO_COOKIE, SO_MEMINFO,
		SO_INCOMING_CPU, SO_TXTIME, SO_BINDTODEVICE, SO_KEEPALIVE,
	};
	int level = one_in(2) ? SOL_LTP : SOL_SOCKET, opt;
	struct timeval tv = { .tv_usec = 1 + below(20000) };
	struct linger linger = { 1, below(2) };
	socklen_t len = one_in(2) ? 4 : 8;
	u64 val = one_in(2) ? number() : below(4);

	opt = level == SOL_LTP ? 1 + below(11) : sol[below(ARRAY_SIZE(sol))];
	if (one_in(30))
		opt = rnd();
	if (one_in(30))
		level = rnd();
	if (one_in(10))
		len = below(32);
	if (one_in(3)) {
		getsockopt(any(), level, opt, address(64), one_in(20) ?
			   address(4) : &len);
	} else if (level == SOL_SOCKET && opt == SO_LINGER) {
		setsockopt(any(), level, opt, &linger, sizeof(linger));
	} else if (level == SOL_SOCKET && (opt == SO_RCVTIMEO ||
					   opt == SO_SNDTIMEO)) {
		setsockopt(any(), level, opt, &tv, sizeof(tv));
	} else if (one_in(20)) {
		setsockopt(any(), level, opt, address(8), len);
	} else {
		u64 v[4] = { val, rnd(), 0, 0 };

		setsockopt(any(), level, opt, v, len);
	}
}

struct call {
	struct msghdr msg;
	struct iovec iov[8];
	struct sockaddr_ltp addr;
	union control control;
};

/* A control message or two, with what they should hold or not. */
static void controls(struct call *c)
{
	size_t space = 0, n;
	struct cmsghdr *cm;
	u64 val;

	while (one_in(2) && space + CMSG_SPACE(16) <= sizeof(c->control)) {
		cm = (struct cmsghdr *)(c->control.buf + space);
		n = one_in(3) ? 4 : 8;
		if (one_in(12))
			n = below(17);
		cm->cmsg_level = one_in(12) ? SOL_SOCKET : SOL_LTP;
		cm->cmsg_type = one_in(30) ? rnd() : 1 + below(8);
		cm->cmsg_len = CMSG_LEN(n);
		if (one_in(40))
			cm->cmsg_len = number();
		val = one_in(2) ? number() : below(3000);
		memcpy(CMSG_DATA(cm), &val, sizeof(val));
		space += CMSG_SPACE(n);
	}
	c->msg.msg_control = space ? c->control.buf : NULL;
	c->msg.msg_controllen = space;
	if (one_in(60))
		c->msg.msg_controllen = number();
}

static void message(struct call *c, bool receive)
{
	u32 i, n = one_in(20) ? 0 : 1 + below(one_in(3) ? 8 : 2);

	memset(c, 0, sizeof(*c));
	for (i = 0; i < n; i++) {
		c->iov[i].iov_len = size();
		c->iov[i].iov_base = address(c->iov[i].iov_len);
	}
	c->msg.msg_iov = c->iov;
	c->msg.msg_iovlen = n;
	if (receive) {
		c->msg.msg_name = one_in(2) ? &c->addr : NULL;
		c->msg.msg_namelen = one_in(8) ? below(64) : sizeof(c->addr);
		c->msg.msg_control = c->control.buf;
		c->msg.msg_controllen = one_in(4) ? below(sizeof(c->control)) :
					sizeof(c->control);
		return;
	}
	if (!one_in(3)) {
		c->msg.msg_name = &c->addr;
		c->msg.msg_namelen = name(&c->addr);
	}
	controls(c);
}

/* Messages for sendmmsg() and recvmmsg(), at most four. */
static u32 messages(struct call *c, struct mmsghdr *more, bool in)
{
	u32 i, n = 1 + below(4);

	for (i = 0; i < n; i++) {
		message(&c[i], in);
		more[i].msg_hdr = c[i].msg;
	}
	return n;
}

static void send_some(void)
{
	struct mmsghdr more[4];
	struct call c[4];
	u32 n;

	if (!one_in(4)) {
		message(c, false);
		sendmsg(any(), &c->msg, flags());
		return;
	}
	n = messages(c, more, false);
	sendmmsg(any(), more, n, flags());
}

static void receive_some(void)
{
	struct timespec ts = { .tv_nsec = below(3000000) };
	struct mmsghdr more[4];
	struct call c[4];
	u32 n;

	if (!one_in(4)) {
		message(c, true);
		recvmsg(any(), &c->msg, flags());
		return;
	}
	n = messages(c, more, true);
	recvmmsg(any(), more, n, flags(), one_in(2) ? &ts : NULL);
}

static void splice_some(void)
{
	int fd = -1, p[2];
	off_t at = 0;

	switch (below(3)) {
	case 0:
		fd = memfd_create("fuzz", 0);
		if (fd >= 0 && !ftruncate(fd, 30000))
			sendfile(any(), fd, &at, size());
		break;
	case 1:
		if (pipe(p))
			return;
		fd = p[1];
		fcntl(fd, F_SETFL, O_NONBLOCK);
		if (write(fd, area, below(4000)) >= 0)
			splice(p[0], NULL, any(), NULL, size(),
			       SPLICE_F_NONBLOCK |
			       (one_in(2) ? SPLICE_F_MORE : 0));
		close(p[0]);
		break;
	case 2:
		if (pipe(p))
			return;
		fd = p[0];
		splice(any(), NULL, p[1], NULL, size(), SPLICE_F_NONBLOCK);
		close(p[1]);
		break;
	}
	if (fd >= 0)
		close(fd);
}

static void others(void)
{
	struct pollfd p[3] = { { any(), rnd(), 0 }, { any(), POLLIN, 0 },
			       { any(), POLLOUT, 0 } };
	struct sockaddr_ltp a;
	socklen_t len = sizeof(a);
	int val, pair[2];

	switch (below(12)) {
	case 0:
		poll(p, 3, below(5));
		break;
	case 1:
		getsockname(any(), (void *)&a, &len);
		break;
	case 2:
		getpeername(any(), (void *)&a, &len);
		break;
	case 3:
		listen(any(), rnd());
		break;
	case 4:
		val = accept(any(), NULL, NULL);
		if (val >= 0)
			close(val);
		break;
	case 5:
		if (!socketpair(AF_LTP, SOCK_RDM, 0, pair)) {
			close(pair[0]);
			close(pair[1]);
		}
		break;
	case 6:
		ioctl(any(), one_in(2) ? SIOCINQ : SIOCOUTQ, &val);
		break;
	case 7:
		ioctl(any(), 0x8900 + below(256), address(64));
		break;
	case 8:
		fcntl(any(), F_SETFL, one_in(2) ? O_NONBLOCK : 0);
		break;
	case 9:
		mmap(NULL, 4096, PROT_READ, MAP_SHARED, any(), 0);
		break;
	case 10:
		fcntl(any(), F_SETOWN, getpid());
		break;
	case 11:
		span_set(1, 2, LTP_A_SPAN_RATE, one_in(2) ? UINT64_MAX :
			 100000 + below(10000000), 8);
		break;
	}
}

static void step(int thread)
{
	struct sockaddr_ltp a;
	int fd, i;

	__atomic_store_n(&who[thread], syscall(SYS_gettid), __ATOMIC_RELAXED);
	switch (below(20)) {
	case 0:
	case 1:
		open_one();
		break;
	case 2:
		i = name(&a);
		bind(any(), (void *)&a, i);
		break;
	case 3:
		i = name(&a);
		if (one_in(10))
			a.sltp_family = AF_UNSPEC;
		connect(any(), (void *)&a, i);
		break;
	case 4:
		shutdown(any(), one_in(20) ? rnd() : below(3));
		break;
	case 5:
		/* A short while without this number, or not. */
		fd = any();
		i = dup(fd);
		close(fd);
		if (i >= 0) {
			if (one_in(2))
				dup2(i, fd);
			close(i);
		}
		break;
	case 6 ... 8:
		options();
		break;
	case 9 ... 12:
		send_some();
		break;
	case 13 ... 16:
		receive_some();
		break;
	case 17:
		splice_some();
		break;
	default:
		others();
	}
}

static void on_signal(int sig)
{
}

static void *tick(void *arg)
{
	pid_t tid;
	int i = 0;

	while (__atomic_load_n(&ticking, __ATOMIC_RELAXED)) {
		usleep(10000);
		tid = __atomic_load_n(&who[i], __ATOMIC_RELAXED);
		if (tid)
			syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
		i = (i + 1) % THREADS;
	}
	return NULL;
}

static const char *begin(void)
{
	static const struct sigaction sa = { .sa_handler = on_signal };
	const char *why;
	int i;

	/* SIGUSR1 has to interrupt. */
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGIO, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (!area)
		area = mmap(NULL, AREA + 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(area + AREA, 4096, PROT_NONE);
	why = two_engines();
	if (why)
		return why;
	span_set(1, 2, LTP_A_SPAN_MARGIN, 50000000, 8);
	span_set(2, 1, LTP_A_SPAN_MARGIN, 50000000, 8);
	for (i = 0; i < FDS; i++) {
		/* Numbers nothing else uses. */
		fds[i] = 100 + i;
		dup2(0, fds[i]);
	}
	ticking = true;
	return pthread_create(&ticker, NULL, tick, NULL) ? "thread" : NULL;
}

static const char *end(void)
{
	int i;

	__atomic_store_n(&ticking, false, __ATOMIC_RELAXED);
	pthread_join(ticker, NULL);
	for (i = 0; i < FDS; i++)
		close(fds[i]);
	span_set(1, 2, LTP_A_SPAN_RATE, UINT64_MAX, 8);
	if (!quiet())
		return "sessions are left";
	if (stat_get(LTP_A_STATS_BLOCKS_SENT) !=
	    stat_get(LTP_A_STATS_BLOCKS_COMPLETED) +
	    stat_get(LTP_A_STATS_BLOCKS_CANCELLED))
		return "blocks that never ended";
	return engine_del(1) || engine_del(2) ? "engine del" : NULL;
}

int main(int argc, char **argv)
{
	static const struct fuzzer f = {
		.name = "fuzz_calls",
		.threads = THREADS,
		.round = 100,
		.inputs = 300,
		.pcs = 2000,
		.begin = begin,
		.end = end,
		.step = step,
	};

	return fuzz_main(&f, argc, argv);
}
