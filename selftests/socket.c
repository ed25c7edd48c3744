// SPDX-License-Identifier: GPL-2.0
/*
 * AF_LTP sockets: making, naming, connecting, options, poll, shutdown.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/un.h>
#include <linux/sockios.h>

#include <limits.h>

#include "ksft_ltp.h"

FIXTURE(socket)
{
	int fd;
};

FIXTURE_SETUP(socket)
{
	ASSERT_EQ(NULL, two_engines());
	self->fd = socket(AF_LTP, SOCK_RDM, 0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(socket)
{
	close(self->fd);
}

TEST_F(socket, types)
{
	static const int bad[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_RAW };
	int fd, i;

	for (i = 0; i < 3; i++)
		EXPECT_FAILS(ESOCKTNOSUPPORT, socket(AF_LTP, bad[i], 0));
	EXPECT_FAILS(EPROTONOSUPPORT, socket(AF_LTP, SOCK_RDM, 1));
	EXPECT_FAILS(EPROTONOSUPPORT, socket(AF_LTP, SOCK_DGRAM, 17));
	fd = socket(AF_LTP, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(SOCK_DGRAM, get_int(fd, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(AF_LTP, get_int(fd, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(SOCK_RDM, get_int(self->fd, SOL_SOCKET, SO_TYPE));
	close(fd);
}

TEST_F(socket, calls_of_other_types)
{
	int pair[2];

	EXPECT_FAILS(EOPNOTSUPP, listen(self->fd, 5));
	EXPECT_FAILS(EOPNOTSUPP, accept(self->fd, NULL, NULL));
	EXPECT_FAILS(EOPNOTSUPP, socketpair(AF_LTP, SOCK_RDM, 0, pair));
	EXPECT_FAILS(ENODEV, (long)mmap(NULL, 4096, PROT_READ, MAP_SHARED,
					self->fd, 0));
}

TEST_F(socket, bind_address)
{
	struct sockaddr_ltp a = ltp_addr(1, SVC);
	struct sockaddr *sa = (struct sockaddr *)&a;
	struct sockaddr_storage big = {};

	EXPECT_FAILS(EINVAL, bind(self->fd, sa, sizeof(a) - 1));
	EXPECT_FAILS(EINVAL, bind(self->fd, sa, 0));
	EXPECT_FAILS(EINVAL, bind(self->fd, sa, 2));
	a.sltp_family = AF_INET;
	EXPECT_FAILS(EAFNOSUPPORT, bind(self->fd, sa, sizeof(a)));
	a.sltp_family = AF_UNSPEC;
	EXPECT_FAILS(EAFNOSUPPORT, bind(self->fd, sa, sizeof(a)));
	a = ltp_addr(1, SVC);
	a.sltp_flags = 1;
	EXPECT_FAILS(EINVAL, bind(self->fd, sa, sizeof(a)));
	a = ltp_addr(1, SVC);
	a.sltp_zero = 1;
	EXPECT_FAILS(EINVAL, bind(self->fd, sa, sizeof(a)));
	a = ltp_addr(1, 0);
	EXPECT_FAILS(EINVAL, bind(self->fd, sa, sizeof(a)));
	a = ltp_addr(3, SVC);
	EXPECT_FAILS(EADDRNOTAVAIL, bind(self->fd, sa, sizeof(a)));
	/* A longer address is one of a later version, or a sockaddr_storage. */
	a = ltp_addr(1, SVC);
	memcpy(&big, &a, sizeof(a));
	EXPECT_EQ(0, bind(self->fd, (struct sockaddr *)&big, sizeof(big)));
	EXPECT_FAILS(EINVAL, ltp_bind(self->fd, 1, SVC));
	EXPECT_FAILS(EINVAL, ltp_bind(self->fd, 1, SVC + 1));
}

TEST_F(socket, bind_in_use)
{
	int fd = socket(AF_LTP, SOCK_RDM, 0), dgram;

	dgram = socket(AF_LTP, SOCK_DGRAM, 0);
	ASSERT_EQ(0, ltp_bind(self->fd, 1, SVC));
	EXPECT_FAILS(EADDRINUSE, ltp_bind(fd, 1, SVC));
	/* One service has one type, whichever engine. */
	EXPECT_FAILS(EADDRINUSE, ltp_bind(dgram, 1, SVC));
	EXPECT_FAILS(EADDRINUSE, ltp_bind(dgram, 2, SVC));
	EXPECT_FAILS(EADDRINUSE, ltp_bind(dgram, LTP_ENGINE_ANY, SVC));
	/* Another engine is another name, and so is "any". */
	EXPECT_EQ(0, ltp_bind(fd, 2, SVC));
	EXPECT_EQ(0, ltp_bind(dgram, 1, SVC + 1));
	close(fd);
	close(dgram);
	/* A name is free once its socket is closed. */
	close(self->fd);
	self->fd = socket(AF_LTP, SOCK_DGRAM, 0);
	EXPECT_EQ(0, ltp_bind(self->fd, 1, SVC));
}

TEST_F(socket, bind_wide_services)
{
	static const u64 services[] = {
		1, 127, 128, 0xffffffffULL, 0x100000000ULL, UINT64_MAX
	};
	struct sockaddr_ltp a;
	socklen_t len;
	int fd, i;

	for (i = 0; i < 6; i++) {
		fd = receiver(SOCK_RDM, services[i]);
		ASSERT_LE(0, fd);
		len = sizeof(a);
		EXPECT_EQ(0, getsockname(fd, (struct sockaddr *)&a, &len));
		EXPECT_EQ(services[i], a.sltp_service);
		close(self->fd);
		self->fd = sender(SOCK_RDM, services[i]);
		EXPECT_EQ(100, send_block(self->fd, i, 0, 100, 0));
		EXPECT_TRUE(got_block(fd, i, 100));
		close(fd);
	}
}

/* Before 6.7 the core refuses SO_REUSEPORT to us: then our own option. */
static int set_reuseport(int fd)
{
	int one = 1, rc;

	rc = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (rc && errno == EOPNOTSUPP && !kernel_at_least(6, 7))
		rc = setsockopt(fd, SOL_LTP, LTP_REUSEPORT, &one, sizeof(one));
	return rc;
}

TEST_F(socket, reuseport_shares)
{
	struct pollfd p[3] = {};
	int i, j, got[3] = {}, sum = 0;
	char buf[64];
	int tx;

	for (i = 0; i < 3; i++) {
		p[i].fd = socket(AF_LTP, SOCK_RDM, 0);
		p[i].events = POLLIN;
		ASSERT_EQ(0, set_reuseport(p[i].fd));
		ASSERT_EQ(0, ltp_bind(p[i].fd, 2, SVC));
	}
	EXPECT_FAILS(EADDRINUSE, ltp_bind(self->fd, 2, SVC));
	tx = sender(SOCK_RDM, SVC);
	for (i = 0; i < 60; i++)
		ASSERT_EQ(50, send_block(tx, i, 0, 50, 0));
	while (sum < 60 && poll(p, 3, SOON) > 0) {
		for (i = 0; i < 3; i++)
			while (recv(p[i].fd, buf, sizeof(buf),
				    MSG_DONTWAIT) == 50) {
				got[i]++;
				sum++;
			}
	}
	EXPECT_EQ(60, sum);
	/* Of 60 each has a share; that none has is as likely as 3 * 1.5^-60. */
	for (i = 0; i < 3; i++)
		EXPECT_LT(0, got[i]);
	for (j = 0; j < 3; j++)
		close(p[j].fd);
	close(tx);
}

/* Which of two readers gets blocks, as a mask; the blocks are read. */
static int readers(struct pollfd *p, int n)
{
	char buf[64];
	int i, mask = 0;

	while (n > 0 && poll(p, 2, SOON) > 0) {
		for (i = 0; i < 2; i++)
			while (recv(p[i].fd, buf, sizeof(buf),
				    MSG_DONTWAIT) == 50) {
				mask |= 1 << i;
				n--;
			}
	}
	return n ? -1 : mask;
}

TEST_F(socket, reuseport_goes_on_without_one)
{
	struct pollfd p[2] = {};
	u64 unread;
	int i, tx;

	for (i = 0; i < 2; i++) {
		p[i].fd = socket(AF_LTP, SOCK_RDM, 0);
		p[i].events = POLLIN;
		ASSERT_EQ(0, set_reuseport(p[i].fd));
		ASSERT_EQ(0, ltp_bind(p[i].fd, 2, SVC));
	}
	tx = sender(SOCK_RDM, SVC);
	for (i = 0; i < 40; i++)
		ASSERT_EQ(50, send_block(tx, i, 0, 50, 0));
	EXPECT_EQ(3, readers(p, 40));

	/* What one of them has not read is lost, and counted. */
	for (i = 0; i < 40; i++)
		ASSERT_EQ(50, send_block(tx, i, 0, 50, 0));
	ASSERT_TRUE(wait_for(p[0].fd, POLLIN, SOON));
	ASSERT_TRUE(wait_for(p[1].fd, POLLIN, SOON));
	ASSERT_TRUE(eventually(span_get(1, 2, LTP_A_SPAN_EXPORTS) == 0));
	unread = stat_get(LTP_A_STATS_BLOCKS_UNREAD);
	close(p[0].fd);
	unread = stat_get(LTP_A_STATS_BLOCKS_UNREAD) - unread;
	EXPECT_LT(0, unread);
	p[0].fd = -1;
	EXPECT_EQ(2, readers(p, 40 - unread));

	/* The other gets all from now on. */
	for (i = 0; i < 40; i++)
		ASSERT_EQ(50, send_block(tx, i, 0, 50, 0));
	EXPECT_EQ(2, readers(p, 40));
	close(p[1].fd);
	close(tx);
}

TEST_F(socket, reuseport_is_for_one_user)
{
	int fd, status;
	pid_t pid;

	ASSERT_EQ(0, set_reuseport(self->fd));
	ASSERT_EQ(0, ltp_bind(self->fd, 2, SVC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (setuid(1000))
			_exit(1);
		fd = socket(AF_LTP, SOCK_RDM, 0);
		if (set_reuseport(fd))
			_exit(2);
		_exit(ltp_bind(fd, 2, SVC) == -1 && errno == EADDRINUSE ?
		      0 : 3);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* What the tool refuses itself, the kernel must too. */
TEST_F(socket, flows_are_1_to_16)
{
	EXPECT_EQ(1, span_get(1, 2, LTP_A_SPAN_FLOWS));
	EXPECT_EQ(-ERANGE, span_set(1, 2, LTP_A_SPAN_FLOWS, 0, 4));
	EXPECT_EQ(-ERANGE, span_set(1, 2, LTP_A_SPAN_FLOWS, 17, 4));
	EXPECT_EQ(1, span_get(1, 2, LTP_A_SPAN_FLOWS));
	EXPECT_EQ(0, span_set(1, 2, LTP_A_SPAN_FLOWS, 16, 4));
	EXPECT_EQ(16, span_get(1, 2, LTP_A_SPAN_FLOWS));
	EXPECT_EQ(0, span_set(1, 2, LTP_A_SPAN_FLOWS, 1, 4));
	EXPECT_EQ(1, span_get(1, 2, LTP_A_SPAN_FLOWS));
}

TEST_F(socket, a_named_engine_comes_before_any)
{
	int any = socket(AF_LTP, SOCK_RDM, 0), named, tx;

	ASSERT_EQ(0, ltp_bind(any, LTP_ENGINE_ANY, SVC));
	tx = sender(SOCK_RDM, SVC);
	ASSERT_EQ(10, send_block(tx, 1, 0, 10, 0));
	EXPECT_TRUE(got_block(any, 1, 10));
	named = receiver(SOCK_RDM, SVC);
	ASSERT_LE(0, named);
	ASSERT_EQ(11, send_block(tx, 2, 0, 11, 0));
	EXPECT_TRUE(got_block(named, 2, 11));
	EXPECT_FALSE(wait_for(any, POLLIN, WHILE));
	close(named);
	close(any);
	close(tx);
}

TEST_F(socket, connect_address)
{
	struct sockaddr_ltp a = ltp_addr(2, SVC), got;
	struct sockaddr *sa = (struct sockaddr *)&a;
	socklen_t len = sizeof(got);

	EXPECT_FAILS(ENOTCONN, getpeername(self->fd, (struct sockaddr *)&got,
					   &len));
	EXPECT_FAILS(EINVAL, connect(self->fd, sa, sizeof(a) - 1));
	EXPECT_FAILS(EINVAL, connect(self->fd, sa, 1));
	a.sltp_family = AF_INET6;
	EXPECT_FAILS(EAFNOSUPPORT, connect(self->fd, sa, sizeof(a)));
	a = ltp_addr(2, SVC);
	a.sltp_flags = 2;
	EXPECT_FAILS(EINVAL, connect(self->fd, sa, sizeof(a)));
	a = ltp_addr(2, SVC);
	a.sltp_zero = 2;
	EXPECT_FAILS(EINVAL, connect(self->fd, sa, sizeof(a)));
	a = ltp_addr(2, 0);
	EXPECT_FAILS(EINVAL, connect(self->fd, sa, sizeof(a)));
	a = ltp_addr(LTP_ENGINE_ANY, SVC);
	EXPECT_FAILS(EDESTADDRREQ, connect(self->fd, sa, sizeof(a)));
	/* Nothing of this took effect. */
	EXPECT_FAILS(ENOTCONN, getpeername(self->fd, (struct sockaddr *)&got,
					   &len));
	EXPECT_FAILS(EDESTADDRREQ, send(self->fd, "x", 1, 0));
}

TEST_F(socket, connect_and_dissolve)
{
	struct sockaddr_ltp a = { .sltp_family = AF_UNSPEC }, got;
	struct sockaddr *sa = (struct sockaddr *)&got;
	int rx = receiver(SOCK_RDM, SVC), other = receiver(SOCK_RDM, SVC + 1);
	socklen_t len = sizeof(got);

	ASSERT_EQ(0, ltp_connect(self->fd, 2, SVC));
	ASSERT_EQ(0, getpeername(self->fd, sa, &len));
	EXPECT_EQ(sizeof(got), len);
	EXPECT_EQ(AF_LTP, got.sltp_family);
	EXPECT_EQ(0, got.sltp_flags);
	EXPECT_EQ(0, got.sltp_zero);
	EXPECT_EQ(2, got.sltp_engine);
	EXPECT_EQ(SVC, got.sltp_service);
	EXPECT_EQ(5, send_block(self->fd, 1, 0, 5, 0));
	EXPECT_TRUE(got_block(rx, 1, 5));
	/* Again, to another place. */
	ASSERT_EQ(0, ltp_connect(self->fd, 2, SVC + 1));
	EXPECT_EQ(6, send_block(self->fd, 2, 0, 6, 0));
	EXPECT_TRUE(got_block(other, 2, 6));

	ASSERT_EQ(0, connect(self->fd, (struct sockaddr *)&a, sizeof(a)));
	EXPECT_FAILS(ENOTCONN, getpeername(self->fd, sa, &len));
	EXPECT_FAILS(EDESTADDRREQ, send(self->fd, "x", 1, 0));
	close(rx);
	close(other);
}

TEST_F(socket, connected_receives_from_peer_only)
{
	int rx = receiver(SOCK_RDM, SVC), tx = sender(SOCK_RDM, SVC), open;

	/* Engine 1 sends; this one wants to hear of engine 9 only. */
	ASSERT_EQ(0, ltp_connect(rx, 9, 1));
	ASSERT_EQ(0, set_u32(tx, LTP_NOTICES, LTP_NOTICE_ENDS));
	ASSERT_EQ(10, send_block(tx, 1, 0, 10, 0));
	EXPECT_TRUE(wait_for(tx, POLLERR, SOON));
	EXPECT_FALSE(wait_for(rx, POLLIN, 0));
	/* A connected socket comes before one that takes all. */
	open = socket(AF_LTP, SOCK_RDM, 0);
	ASSERT_EQ(0, ltp_bind(open, LTP_ENGINE_ANY, SVC));
	ASSERT_EQ(10, send_block(tx, 2, 0, 10, 0));
	EXPECT_TRUE(got_block(open, 2, 10));
	ASSERT_EQ(0, ltp_connect(rx, 1, 1));
	ASSERT_EQ(10, send_block(tx, 3, 0, 10, 0));
	EXPECT_TRUE(got_block(rx, 3, 10));
	EXPECT_FALSE(wait_for(open, POLLIN, 0));
	close(open);
	close(rx);
	close(tx);
}

TEST_F(socket, getsockname)
{
	struct sockaddr_ltp got;
	struct sockaddr *sa = (struct sockaddr *)&got;
	socklen_t len = sizeof(got);

	memset(&got, 0xff, sizeof(got));
	ASSERT_EQ(0, getsockname(self->fd, sa, &len));
	EXPECT_EQ(sizeof(got), len);
	EXPECT_EQ(AF_LTP, got.sltp_family);
	EXPECT_EQ(0, got.sltp_engine);
	EXPECT_EQ(0, got.sltp_service);
	ASSERT_EQ(0, ltp_bind(self->fd, 2, SVC));
	memset(&got, 0xff, sizeof(got));
	ASSERT_EQ(0, getsockname(self->fd, sa, &len));
	EXPECT_EQ(0, got.sltp_flags);
	EXPECT_EQ(0, got.sltp_zero);
	EXPECT_EQ(2, got.sltp_engine);
	EXPECT_EQ(SVC, got.sltp_service);
	/* A short buffer is filled as far as it goes. */
	memset(&got, 0xff, sizeof(got));
	len = 10;
	ASSERT_EQ(0, getsockname(self->fd, sa, &len));
	EXPECT_EQ(sizeof(got), len);
	EXPECT_EQ(UINT64_MAX, got.sltp_service);
}

TEST_F(socket, options_keep_what_was_set)
{
	static const struct {
		int opt;
		u32 start, val;
	} opts[] = {
		{ LTP_NOTICES, 0, LTP_NOTICE_ALL },
		{ LTP_RXINFO, 0, 1 },
		{ LTP_SEGMENT_SIZE, 0, 1000 },
		{ LTP_BURST_LIMIT, 0, 3 },
	};
	socklen_t len = sizeof(u64);
	u64 wide;
	int i, dgram;

	for (i = 0; i < 4; i++) {
		EXPECT_EQ(opts[i].start, get_int(self->fd, SOL_LTP, opts[i].opt));
		EXPECT_EQ(0, set_u32(self->fd, opts[i].opt, opts[i].val));
		EXPECT_EQ(opts[i].val, get_int(self->fd, SOL_LTP, opts[i].opt));
		EXPECT_EQ(0, set_u32(self->fd, opts[i].opt, 0));
		EXPECT_EQ(0, get_int(self->fd, SOL_LTP, opts[i].opt));
	}
	ASSERT_EQ(0, getsockopt(self->fd, SOL_LTP, LTP_RED_LENGTH, &wide, &len));
	EXPECT_EQ(sizeof(wide), len);
	EXPECT_EQ(UINT64_MAX, wide);
	dgram = socket(AF_LTP, SOCK_DGRAM, 0);
	ASSERT_EQ(0, getsockopt(dgram, SOL_LTP, LTP_RED_LENGTH, &wide, &len));
	EXPECT_EQ(0, wide);
	EXPECT_EQ(0, set_u64(dgram, LTP_RED_LENGTH, 1ULL << 40));
	ASSERT_EQ(0, getsockopt(dgram, SOL_LTP, LTP_RED_LENGTH, &wide, &len));
	EXPECT_EQ(1ULL << 40, wide);
	close(dgram);
}

TEST_F(socket, options_refused)
{
	u64 wide = 0;
	socklen_t len;
	int val = 1;

	EXPECT_FAILS(EINVAL, set_u32(self->fd, LTP_NOTICES, 1));
	EXPECT_FAILS(EINVAL, set_u32(self->fd, LTP_NOTICES, 0x80));
	EXPECT_FAILS(EINVAL, set_u32(self->fd, LTP_SEGMENT_SIZE, 65536));
	EXPECT_FAILS(EINVAL, set_u32(self->fd, LTP_SEGMENT_SIZE, -1));
	EXPECT_FAILS(EINVAL, set_u32(self->fd, LTP_BURST_LIMIT, -1));
	/* Control messages are no options, and there is no option 99. */
	EXPECT_FAILS(ENOPROTOOPT, set_u64(self->fd, LTP_COOKIE, 1));
	EXPECT_FAILS(ENOPROTOOPT, set_u32(self->fd, LTP_NOTICE, 1));
	EXPECT_FAILS(ENOPROTOOPT, set_u32(self->fd, 99, 1));
	EXPECT_FAILS(ENOPROTOOPT, setsockopt(self->fd, IPPROTO_UDP, 1, &val,
					     sizeof(val)));
	/* Lengths. */
	EXPECT_FAILS(EINVAL, setsockopt(self->fd, SOL_LTP, LTP_NOTICES, &val,
					3));
	EXPECT_FAILS(EINVAL, setsockopt(self->fd, SOL_LTP, LTP_NOTICES, &val,
					0));
	EXPECT_FAILS(EINVAL, setsockopt(self->fd, SOL_LTP, LTP_RED_LENGTH,
					&wide, 4));
	EXPECT_FAILS(EINVAL, setsockopt(self->fd, SOL_LTP, LTP_SNDBUF, &val,
					2));
	EXPECT_FAILS(EFAULT, setsockopt(self->fd, SOL_LTP, LTP_NOTICES,
					(void *)8, 4));
	EXPECT_FAILS(EFAULT, setsockopt(self->fd, SOL_LTP, LTP_RED_LENGTH,
					(void *)8, 8));

	len = 3;
	EXPECT_FAILS(EINVAL, getsockopt(self->fd, SOL_LTP, LTP_NOTICES, &val,
					&len));
	len = -1;
	EXPECT_FAILS(EINVAL, getsockopt(self->fd, SOL_LTP, LTP_NOTICES, &val,
					&len));
	len = 7;
	EXPECT_FAILS(EINVAL, getsockopt(self->fd, SOL_LTP, LTP_RED_LENGTH,
					&wide, &len));
	len = 4;
	EXPECT_FAILS(EFAULT, getsockopt(self->fd, SOL_LTP, LTP_NOTICES,
					(void *)8, &len));
	EXPECT_FAILS(EFAULT, getsockopt(self->fd, SOL_LTP, LTP_NOTICES, &val,
					(void *)8));
	EXPECT_FAILS(ENOPROTOOPT, getsockopt(self->fd, SOL_LTP, LTP_COOKIE,
					     &val, &len));
	EXPECT_FAILS(ENOPROTOOPT, getsockopt(self->fd, SOL_LTP, 99, &val,
					     &len));
	EXPECT_FAILS(ENOPROTOOPT, getsockopt(self->fd, IPPROTO_UDP, 1, &val,
					     &len));
	/* Longer is allowed, and tells how much there was. */
	len = sizeof(wide);
	EXPECT_EQ(0, getsockopt(self->fd, SOL_LTP, LTP_NOTICES, &wide, &len));
	EXPECT_EQ(4, len);
}

TEST_F(socket, buffer_sizes)
{
	static const struct {
		int opt;
		const char *sysctl;
	} bufs[] = {
		{ LTP_SNDBUF, "net/ltp/wmem" },
		{ LTP_RCVBUF, "net/ltp/rmem" },
	};
	int fd, i, val = 1 << 20, core;

	for (i = 0; i < 2; i++) {
		core = i ? SO_RCVBUF : SO_SNDBUF;
		/* Minimum, default, maximum; doubled as the core does. */
		sysctl_set(bufs[i].sysctl, "8192 300000 4000000");
		fd = socket(AF_LTP, SOCK_RDM, 0);
		EXPECT_EQ(300000, get_int(fd, SOL_LTP, bufs[i].opt));
		EXPECT_EQ(300000, get_int(fd, SOL_SOCKET, core));
		EXPECT_EQ(0, set_u32(fd, bufs[i].opt, 100000));
		EXPECT_EQ(200000, get_int(fd, SOL_LTP, bufs[i].opt));
		EXPECT_EQ(200000, get_int(fd, SOL_SOCKET, core));
		EXPECT_EQ(0, set_u32(fd, bufs[i].opt, 1));
		EXPECT_EQ(8192, get_int(fd, SOL_LTP, bufs[i].opt));
		EXPECT_EQ(0, set_u32(fd, bufs[i].opt, 1 << 30));
		EXPECT_EQ(8000000, get_int(fd, SOL_LTP, bufs[i].opt));
		EXPECT_EQ(0, set_u32(fd, bufs[i].opt, 0));
		EXPECT_EQ(8192, get_int(fd, SOL_LTP, bufs[i].opt));
		/* Never above the maximum; on old kernels net.core's holds. */
		EXPECT_EQ(0, setsockopt(fd, SOL_SOCKET, core, &val,
					sizeof(val)));
		EXPECT_GE(2 << 20, get_int(fd, SOL_SOCKET, core));
		EXPECT_EQ(get_int(fd, SOL_LTP, bufs[i].opt),
			  get_int(fd, SOL_SOCKET, core));
		close(fd);
	}
}

/* Twice the largest number would not be an int. */
TEST_F(socket, largest_buffers)
{
	int fd;

	sysctl_set("net/ltp/wmem", "8192 300000 536870911");
	sysctl_set("net/ltp/rmem", "8192 300000 1073741824");
	fd = socket(AF_LTP, SOCK_RDM, 0);
	EXPECT_EQ(0, set_u32(fd, LTP_SNDBUF, INT_MAX));
	EXPECT_EQ(1073741822, get_int(fd, SOL_LTP, LTP_SNDBUF));
	EXPECT_EQ(0, set_u32(fd, LTP_RCVBUF, 1 << 30));
	EXPECT_EQ(1920 << 20, get_int(fd, SOL_LTP, LTP_RCVBUF));
	EXPECT_EQ(0, set_u32(fd, LTP_RCVBUF, INT_MAX));
	EXPECT_EQ(1920 << 20, get_int(fd, SOL_LTP, LTP_RCVBUF));
	EXPECT_EQ(0, set_u32(fd, LTP_RCVBUF, (960 << 20) - 1));
	EXPECT_EQ((1920 << 20) - 2, get_int(fd, SOL_LTP, LTP_RCVBUF));
	close(fd);
}

TEST_F(socket, generic_options)
{
	struct linger lg = { 1, 3 }, got = {};
	struct timeval tv = { 2, 0 }, back = {};
	socklen_t len = sizeof(got);
	int one = 1;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &lg,
				sizeof(lg)));
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_LINGER, &got, &len));
	EXPECT_EQ(1, got.l_onoff);
	EXPECT_EQ(3, got.l_linger);
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVTIMEO, &tv,
				sizeof(tv)));
	len = sizeof(back);
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_RCVTIMEO, &back,
				&len));
	EXPECT_EQ(2, back.tv_sec);
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one,
				sizeof(one)));
	ASSERT_EQ(0, set_reuseport(self->fd));
	EXPECT_EQ(1, get_int(self->fd, SOL_SOCKET, SO_REUSEPORT));
	EXPECT_EQ(1, get_int(self->fd, SOL_LTP, LTP_REUSEPORT));
	EXPECT_EQ(0, get_int(self->fd, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(0, get_int(self->fd, SOL_SOCKET, SO_ACCEPTCONN));
}

TEST_F(socket, queues_told)
{
	int rx = receiver(SOCK_RDM, SVC), tx = sender(SOCK_RDM, SVC), n = -1;
	char buf[5000];

	EXPECT_EQ(0, ioctl(rx, SIOCINQ, &n));
	EXPECT_EQ(0, n);
	EXPECT_EQ(0, ioctl(tx, SIOCOUTQ, &n));
	EXPECT_EQ(0, n);
	ASSERT_EQ(5000, send_block(tx, 1, 0, 5000, 0));
	ASSERT_TRUE(wait_for(rx, POLLIN, SOON));
	/* As much as the next recvmsg() returns. */
	ASSERT_EQ(5000, send_block(tx, 2, 0, 5000, 0));
	EXPECT_EQ(0, ioctl(rx, SIOCINQ, &n));
	EXPECT_EQ(5000, n);
	EXPECT_EQ(1234, recv(rx, buf, 1234, 0));
	EXPECT_EQ(0, ioctl(rx, FIONREAD, &n));
	EXPECT_EQ(5000 - 1234, n);
	EXPECT_TRUE(eventually(ioctl(tx, SIOCOUTQ, &n) == 0 && n == 0));
	EXPECT_FAILS(ENOTTY, ioctl(tx, 0x1234567, &n));
	EXPECT_FAILS(EFAULT, ioctl(tx, SIOCOUTQ, (void *)8));

	/* Not sent, not claimed: it stays in the send buffer. */
	slow_down(tx);
	ASSERT_EQ(20000, send_block(tx, 3, 0, 20000, 0));
	EXPECT_EQ(0, ioctl(tx, TIOCOUTQ, &n));
	EXPECT_LT(10000, n);
	close(rx);
	abandon(tx);
}

TEST_F(socket, poll_in_and_out)
{
	int rx = receiver(SOCK_RDM, SVC), tx = sender(SOCK_RDM, SVC);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(0);
	char buf[100];

	EXPECT_FALSE(wait_for(rx, POLLIN, 0));
	EXPECT_TRUE(wait_for(rx, POLLOUT, 0));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, rx, &ev));
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 0));
	ASSERT_EQ(100, send_block(tx, 1, 0, 100, 0));
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, SOON));
	EXPECT_TRUE(wait_for(rx, POLLRDNORM, 0));
	EXPECT_EQ(60, recv(rx, buf, 60, 0));
	EXPECT_TRUE(wait_for(rx, POLLIN, 0));
	EXPECT_EQ(40, recv(rx, buf, 60, 0));
	EXPECT_FALSE(wait_for(rx, POLLIN, 0));
	close(ep);
	close(rx);
	close(tx);
}

TEST_F(socket, poll_out_waits_for_room)
{
	int rx = receiver(SOCK_RDM, SVC), tx = sender(SOCK_RDM, SVC);

	ASSERT_EQ(0, set_u32(tx, LTP_SNDBUF, 50000));
	slow_down(tx);
	EXPECT_TRUE(wait_for(tx, POLLOUT, 0));
	ASSERT_EQ(60000, send_block(tx, 1, 0, 60000, 0));
	/* As long as there is some, whoever may wait does not have to. */
	EXPECT_TRUE(wait_for(tx, POLLOUT, 0));
	EXPECT_FAILS(EAGAIN, send_block(tx, 2, 0, 50000, MSG_DONTWAIT));
	EXPECT_FALSE(wait_for(tx, POLLOUT, 0));
	speed_up();
	EXPECT_TRUE(wait_for(tx, POLLOUT, SOON));
	/* Two blocks on their way may overtake each other. */
	EXPECT_TRUE(got_block(rx, 1, 60000));
	ASSERT_EQ(50000, send_block(tx, 2, 0, 50000, 0));
	EXPECT_TRUE(got_block(rx, 2, 50000));
	close(rx);
	close(tx);
}

TEST_F(socket, shutdown_read)
{
	int rx = receiver(SOCK_RDM, SVC);
	char c;

	EXPECT_FAILS(EINVAL, shutdown(rx, 3));
	ASSERT_EQ(0, shutdown(rx, SHUT_RD));
	EXPECT_TRUE(wait_for(rx, POLLIN, 0));
	EXPECT_TRUE(wait_for(rx, POLLRDHUP, 0));
	EXPECT_EQ(0, recv(rx, &c, 1, 0));
	EXPECT_EQ(0, recv(rx, &c, 1, MSG_DONTWAIT));
	close(rx);
}

TEST_F(socket, shutdown_write)
{
	int rx = receiver(SOCK_RDM, SVC), tx = sender(SOCK_RDM, SVC);

	ASSERT_EQ(0, shutdown(tx, SHUT_WR));
	EXPECT_FAILS(EPIPE, send(tx, "x", 1, MSG_NOSIGNAL));
	EXPECT_FALSE(wait_for(rx, POLLIN, WHILE));
	close(rx);
	close(tx);
}

static void *shut_later(void *fd)
{
	usleep(50000);
	shutdown(*(int *)fd, SHUT_RD);
	return NULL;
}

TEST_F(socket, shutdown_wakes_a_reader)
{
	int rx = receiver(SOCK_RDM, SVC);
	pthread_t t;
	char c;

	ASSERT_EQ(0, pthread_create(&t, NULL, shut_later, &rx));
	EXPECT_EQ(0, recv(rx, &c, 1, 0));
	pthread_join(t, NULL);
	close(rx);
}

TEST_F(socket, namespaces_are_apart)
{
	int old = open("/proc/self/ns/net", O_RDONLY), rx, tx, fd;

	rx = receiver(SOCK_RDM, SVC);
	tx = sender(SOCK_RDM, SVC);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	fd = socket(AF_LTP, SOCK_RDM, 0);
	EXPECT_FAILS(EADDRNOTAVAIL, ltp_bind(fd, 2, SVC));
	EXPECT_EQ(0, ltp_bind(fd, LTP_ENGINE_ANY, SVC));
	ASSERT_EQ(0, ltp_connect(fd, 2, SVC));
	EXPECT_FAILS(ENETUNREACH, send(fd, "x", 1, 0));
	/* A socket stays where it was made. */
	EXPECT_EQ(9, send_block(tx, 1, 0, 9, 0));
	EXPECT_TRUE(got_block(rx, 1, 9));
	ASSERT_EQ(0, setns(old, CLONE_NEWNET));
	close(fd);
	close(rx);
	close(tx);
	close(old);
}

#define APART	800

/* What a namespace sees of sessions while those of others come and go. */
struct apart {
	u64 service;
	const char *wrong;
	int received, seen, strange;
};

static int apart_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;
	struct apart *a = data;

	mnl_attr_for_each(attr, nlh, GENL_HDRLEN) {
		if (mnl_attr_get_type(attr) != LTP_A_SESSION_SERVICE)
			continue;
		a->seen++;
		a->strange += mnl_attr_get_u64(attr) != a->service;
	}
	return MNL_CB_OK;
}

static void *apart_thread(void *arg)
{
	struct apart *a = arg;
	u8 buf[300] = {};
	char ask[256];
	int rx, tx, i;

	a->wrong = two_engines();
	if (a->wrong)
		return NULL;
	rx = receiver(SOCK_RDM, a->service);
	tx = sender(SOCK_RDM, a->service);
	for (i = 0; i < APART && !a->wrong; i++) {
		if (send(tx, buf, sizeof(buf), MSG_NOSIGNAL) != sizeof(buf))
			a->wrong = "send";
		/* Every other eight wait until they were seen. */
		if (i % 16 == 0)
			span_cue(1, 2, LTP_CUE_LOCAL_STOP);
		if (i % 8 == 7)
			nl_ask(ltp_request(ask, LTP_CMD_SESSION_GET,
					   NLM_F_DUMP), apart_cb, a);
		if (i % 16 == 8)
			span_cue(1, 2, LTP_CUE_LOCAL_START);
		while (recv(rx, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			a->received++;
	}
	while (a->received < i && wait_for(rx, POLLIN, SOON) &&
	       recv(rx, buf, sizeof(buf), 0) > 0)
		a->received++;
	if (!a->wrong && !quiet())
		a->wrong = "sessions are left";
	close(rx);
	close(tx);
	return NULL;
}

TEST_F_TIMEOUT(socket, sessions_are_apart, 120)
{
	struct apart a[2] = { { .service = 41 }, { .service = 42 } };
	pthread_t t[2];
	int i;

	/* The family's number, once for both. */
	EXPECT_EQ(0, sessions(true));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, apart_thread, &a[i]));
	for (i = 0; i < 2; i++) {
		pthread_join(t[i], NULL);
		EXPECT_EQ(NULL, a[i].wrong);
		EXPECT_EQ(APART, a[i].received);
		EXPECT_LT(0, a[i].seen);
		EXPECT_EQ(0, a[i].strange);
	}
}

TEST_HARNESS_MAIN
