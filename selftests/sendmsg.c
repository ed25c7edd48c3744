// SPDX-License-Identifier: GPL-2.0
/*
 * Sending on AF_LTP sockets: blocks whole and in pieces, their destinations,
 * control messages, waiting for room, and the other ways to send.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "ksft_ltp.h"

FIXTURE(send)
{
	int rx, tx;
};

FIXTURE_SETUP(send)
{
	ASSERT_EQ(NULL, two_engines());
	self->rx = receiver(SOCK_RDM, SVC);
	ASSERT_LE(0, self->rx);
	self->tx = sender(SOCK_RDM, SVC);
	ASSERT_LE(0, self->tx);
}

FIXTURE_TEARDOWN(send)
{
	abandon(self->tx);
	close(self->rx);
}

static ssize_t send_to(int fd, u64 engine, u64 service,
		       const void *buf, size_t len, int flags)
{
	struct sockaddr_ltp to = ltp_addr(engine, service);

	return sendto(fd, buf, len, flags | MSG_NOSIGNAL,
		      (struct sockaddr *)&to, sizeof(to));
}

TEST_F(send, destination)
{
	struct sockaddr_ltp to = ltp_addr(2, SVC);
	struct sockaddr *sa = (struct sockaddr *)&to;
	int fd = socket(AF_LTP, SOCK_RDM, 0);
	char buf[10];

	EXPECT_FAILS(EDESTADDRREQ, send(fd, "x", 1, 0));
	EXPECT_FAILS(EINVAL, sendto(fd, "x", 1, 0, sa, sizeof(to) - 1));
	to.sltp_family = AF_INET;
	EXPECT_FAILS(EAFNOSUPPORT, sendto(fd, "x", 1, 0, sa, sizeof(to)));
	to = ltp_addr(2, SVC);
	to.sltp_flags = 1;
	EXPECT_FAILS(EINVAL, sendto(fd, "x", 1, 0, sa, sizeof(to)));
	to = ltp_addr(2, SVC);
	to.sltp_zero = 1;
	EXPECT_FAILS(EINVAL, sendto(fd, "x", 1, 0, sa, sizeof(to)));
	EXPECT_FAILS(EINVAL, send_to(fd, 2, 0, "x", 1, 0));
	EXPECT_FAILS(EDESTADDRREQ, send_to(fd, LTP_ENGINE_ANY, SVC, "x", 1, 0));
	EXPECT_FAILS(ENETUNREACH, send_to(fd, 3, SVC, "x", 1, 0));
	/* Bound to engine 2, which has no span to itself. */
	ASSERT_EQ(0, ltp_bind(fd, 2, SVC + 5));
	EXPECT_FAILS(ENETUNREACH, send_to(fd, 2, SVC, "x", 1, 0));
	close(fd);

	/* Not bound: the engine that has a span. */
	fd = socket(AF_LTP, SOCK_RDM, 0);
	fill(buf, 10, 1, 0);
	EXPECT_EQ(10, send_to(fd, 2, SVC, buf, 10, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 10));
	/* A named destination comes before the connected one. */
	ASSERT_EQ(0, ltp_connect(fd, 3, 1));
	EXPECT_EQ(10, send_to(fd, 2, SVC, buf, 10, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 10));
	close(fd);
}

TEST_F(send, empty)
{
	EXPECT_FAILS(EINVAL, send(self->tx, "", 0, 0));
	/* An empty piece begins nothing, and there is nothing to end. */
	EXPECT_EQ(0, send(self->tx, "", 0, MSG_MORE));
	EXPECT_FAILS(EINVAL, send(self->tx, "", 0, 0));
	EXPECT_EQ(0, sessions(true));
	EXPECT_FALSE(wait_for(self->rx, POLLIN, WHILE));
}

TEST_F(send, bad_flags_and_buffers)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT_FAILS(EOPNOTSUPP, send(self->tx, "x", 1, MSG_OOB));
	EXPECT_FAILS(EFAULT, send(self->tx, (void *)8, 10, 0));
	ASSERT_EQ(0, munmap(page + 4096, 4096));
	EXPECT_FAILS(EFAULT, send(self->tx, page, 8192, 0));
	/* A piece that fails takes its block along. */
	EXPECT_EQ(100, send_block(self->tx, 1, 0, 100, MSG_MORE));
	EXPECT_FAILS(EFAULT, send(self->tx, page, 8192, MSG_MORE));
	EXPECT_TRUE(quiet());
	EXPECT_FALSE(wait_for(self->rx, POLLIN, 0));
	EXPECT_EQ(100, send_block(self->tx, 2, 0, 100, 0));
	EXPECT_TRUE(got_block(self->rx, 2, 100));
	munmap(page, 4096);
}

TEST_F(send, sizes)
{
	/* Around one segment, one burst, one buffer of UDP, and many. */
	static const size_t sizes[] = {
		1, 2, 127, 128, 1000, 1370, 1375, 1380, 1385, 1390, 1400, 2760,
		16383, 16384, 63000, 63500, 64000, 64500, 65507, 65536, 90001,
		300000, (1 << 20) + 1,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(sizes[i], send_block(self->tx, i, 0, sizes[i], 0));
		ASSERT_TRUE(got_block(self->rx, i, sizes[i]));
	}
	EXPECT_TRUE(quiet());
}

TEST_F(send, segment_size)
{
	u32 val = 65508;
	u64 before;
	u8 buf[4000];

	fill(buf, sizeof(buf), 1, 0);
	EXPECT_FAILS(EMSGSIZE, send_cmsg(self->tx, buf, 4000, 0,
					 LTP_SEGMENT_SIZE, &val, 4));
	val = 100;
	EXPECT_FAILS(EINVAL, send_cmsg(self->tx, buf, 4000, 0,
				       LTP_SEGMENT_SIZE, &val, 4));
	ASSERT_EQ(0, set_u32(self->tx, LTP_SEGMENT_SIZE, 65535));
	EXPECT_FAILS(EMSGSIZE, send(self->tx, buf, 4000, 0));
	EXPECT_EQ(0, stat_get(LTP_A_STATS_TX_SEGMENTS));
	/* 0 in the message leaves it to the span, whatever the socket says. */
	val = 0;
	EXPECT_EQ(4000, send_cmsg(self->tx, buf, 4000, 0, LTP_SEGMENT_SIZE,
				  &val, 4));
	EXPECT_TRUE(got_block(self->rx, 1, 4000));
	ASSERT_TRUE(quiet());

	/* Data, report and acknowledgment: 3 + 1 + 1 of SEG bytes. */
	EXPECT_EQ(5, stat_get(LTP_A_STATS_TX_SEGMENTS));
	before = stat_get(LTP_A_STATS_TX_SEGMENTS);
	val = 200;
	EXPECT_EQ(4000, send_cmsg(self->tx, buf, 4000, 0, LTP_SEGMENT_SIZE,
				  &val, 4));
	EXPECT_TRUE(got_block(self->rx, 1, 4000));
	ASSERT_TRUE(quiet());
	EXPECT_LT(before + 4000 / 200, stat_get(LTP_A_STATS_TX_SEGMENTS));
	EXPECT_GT(before + 4000 / 150, stat_get(LTP_A_STATS_TX_SEGMENTS));
	before = stat_get(LTP_A_STATS_TX_SEGMENTS);
	ASSERT_EQ(0, set_u32(self->tx, LTP_SEGMENT_SIZE, 5000));
	EXPECT_EQ(4000, send(self->tx, buf, 4000, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 4000));
	ASSERT_TRUE(quiet());
	EXPECT_EQ(before + 3, stat_get(LTP_A_STATS_TX_SEGMENTS));
}

TEST_F(send, burst_limit)
{
	u64 bursts = stat_get(LTP_A_STATS_TX_BURSTS);
	u32 val = 1;
	u8 buf[8000];

	fill(buf, sizeof(buf), 1, 0);
	EXPECT_EQ(8000, send(self->tx, buf, 8000, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 8000));
	ASSERT_TRUE(quiet());
	/* One of data, one report, one acknowledgment. */
	EXPECT_EQ(bursts + 3, stat_get(LTP_A_STATS_TX_BURSTS));
	EXPECT_EQ(8000, send_cmsg(self->tx, buf, 8000, 0, LTP_BURST_LIMIT,
				  &val, 4));
	EXPECT_TRUE(got_block(self->rx, 1, 8000));
	ASSERT_TRUE(quiet());
	EXPECT_EQ(bursts + 3 + 6 + 2, stat_get(LTP_A_STATS_TX_BURSTS));
	ASSERT_EQ(0, set_u32(self->tx, LTP_BURST_LIMIT, 3));
	EXPECT_EQ(8000, send(self->tx, buf, 8000, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 8000));
	ASSERT_TRUE(quiet());
	EXPECT_EQ(bursts + 3 + 8 + 4, stat_get(LTP_A_STATS_TX_BURSTS));
}

TEST_F(send, control_messages)
{
	static const struct {
		int type;
		size_t len;
	} right[] = {
		{ LTP_COOKIE, 8 }, { LTP_RED_LENGTH, 8 },
		{ LTP_SEGMENT_SIZE, 4 }, { LTP_BURST_LIMIT, 4 },
	};
	static const int unknown[] = {
		0, LTP_NOTICES, LTP_NOTICE, LTP_RXINFO, LTP_SNDBUF, LTP_RCVBUF,
		99
	};
	union control control = {};
	struct iovec iov = { "xyz", 3 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm = &control.align;
	u64 val = 1000;
	size_t len;
	int i;

	for (i = 0; i < 4; i++) {
		for (len = 0; len <= 12; len++) {
			u8 bytes[12] = {};

			memcpy(bytes, &val, sizeof(val));
			if (len == right[i].len)
				continue;
			EXPECT_FAILS(EINVAL, send_cmsg(self->tx, "x", 1, 0,
						       right[i].type, bytes,
						       len));
		}
		EXPECT_EQ(1, send_cmsg(self->tx, "x", 1, 0, right[i].type,
				       &val, right[i].len));
	}
	for (i = 0; i < 7; i++)
		EXPECT_FAILS(EINVAL, send_cmsg(self->tx, "x", 1, 0, unknown[i],
					       &val, sizeof(val)));

	/* Lengths that lie. */
	msg.msg_control = control.buf;
	cm->cmsg_level = SOL_LTP;
	cm->cmsg_type = LTP_COOKIE;
	msg.msg_controllen = CMSG_LEN(8);
	cm->cmsg_len = CMSG_LEN(8) + 1;
	EXPECT_FAILS(EINVAL, sendmsg(self->tx, &msg, 0));
	cm->cmsg_len = sizeof(*cm) - 1;
	EXPECT_FAILS(EINVAL, sendmsg(self->tx, &msg, 0));
	cm->cmsg_len = CMSG_LEN(8);
	EXPECT_EQ(3, sendmsg(self->tx, &msg, 0));
	/* Those of other levels are others' affair. */
	cm->cmsg_level = IPPROTO_IP;
	cm->cmsg_type = 99;
	EXPECT_EQ(3, sendmsg(self->tx, &msg, 0));
	EXPECT_TRUE(quiet());
	EXPECT_EQ(6, stat_get(LTP_A_STATS_BLOCKS_SENT));
}

TEST_F(send, pieces)
{
	size_t at = 0, len = 1, total;

	/* 1, 2, 4, 7, 11 …: every remainder of a segment comes by. */
	for (at = 0, len = 1; at + len < 400000; at += len, len = len * 5 / 4 + 1)
		ASSERT_EQ(len, send_block(self->tx, 1, at, len, MSG_MORE));
	EXPECT_FALSE(wait_for(self->rx, POLLIN, 0));
	total = at + 3;
	ASSERT_EQ(3, send_block(self->tx, 1, at, 3, 0));
	EXPECT_TRUE(got_block(self->rx, 1, total));

	/* The end without data, behind whole segments and behind none. */
	for (len = 1; len < 6000; len = len * 3 + 100) {
		ASSERT_EQ(len, send_block(self->tx, len, 0, len, MSG_MORE));
		ASSERT_EQ(0, send(self->tx, "", 0, MSG_MORE));
		ASSERT_EQ(0, send(self->tx, "", 0, 0));
		ASSERT_TRUE(got_block(self->rx, len, len));
	}
	/* Byte by byte over the end of a segment. */
	for (at = 0; at < 3000; at++)
		ASSERT_EQ(1, send_block(self->tx, 2, at, 1, MSG_MORE));
	ASSERT_EQ(0, send(self->tx, "", 0, 0));
	EXPECT_TRUE(got_block(self->rx, 2, 3000));
	EXPECT_TRUE(quiet());
}

TEST_F(send, pieces_gathered)
{
	u8 buf[10000];
	struct iovec iov[100];
	int i;

	fill(buf, sizeof(buf), 1, 0);
	for (i = 0; i < 100; i++) {
		iov[i].iov_base = buf + i * 100;
		iov[i].iov_len = 100;
	}
	EXPECT_EQ(10000, writev(self->tx, iov, 100));
	EXPECT_TRUE(got_block(self->rx, 1, 10000));
	EXPECT_EQ(10000, write(self->tx, buf, 10000));
	EXPECT_TRUE(got_block(self->rx, 1, 10000));
}

TEST_F(send, another_destination_inside_a_block)
{
	int other = receiver(SOCK_RDM, SVC + 1);
	u8 buf[3000];

	fill(buf, sizeof(buf), 1, 0);
	ASSERT_EQ(1000, send(self->tx, buf, 1000, MSG_MORE));
	EXPECT_FAILS(EINVAL, send_to(self->tx, 2, SVC + 1, buf, 10, MSG_MORE));
	EXPECT_FAILS(EINVAL, send_to(self->tx, 3, SVC, buf, 10, 0));
	/* The same one may be named. */
	ASSERT_EQ(1000, send_to(self->tx, 2, SVC, buf + 1000, 1000, MSG_MORE));
	/* And the block goes where it began to go. */
	ASSERT_EQ(0, ltp_connect(self->tx, 2, SVC + 1));
	ASSERT_EQ(1000, send(self->tx, buf + 2000, 1000, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 3000));
	ASSERT_EQ(20, send_block(self->tx, 2, 0, 20, 0));
	EXPECT_TRUE(got_block(other, 2, 20));
	close(other);
}

TEST_F(send, shutdown_ends_the_block)
{
	ASSERT_EQ(70000, send_block(self->tx, 1, 0, 70000, MSG_MORE));
	EXPECT_FALSE(wait_for(self->rx, POLLIN, 0));
	ASSERT_EQ(0, shutdown(self->tx, SHUT_WR));
	EXPECT_TRUE(got_block(self->rx, 1, 70000));
	EXPECT_FAILS(EPIPE, send(self->tx, "x", 1, MSG_NOSIGNAL));
	EXPECT_TRUE(quiet());
}

/* A block can end with what there was room for, to the byte. */
TEST_F(send, ends_of_short_blocks)
{
	static u8 buf[1 << 20];
	ssize_t n, more;
	int i;

	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 100000));
	for (i = 0; i < 3; i++) {
		fill(buf, sizeof(buf), i, 0);
		ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_STOP));
		n = send(self->tx, buf, sizeof(buf), MSG_MORE | MSG_DONTWAIT);
		ASSERT_GT(n, 0);
		ASSERT_LT(n, sizeof(buf));
		/* At most the byte that the end needs, and that is there. */
		more = send(self->tx, buf + n, sizeof(buf) - n,
			    MSG_MORE | MSG_DONTWAIT);
		EXPECT_EQ(-1, more);
		/* shutdown() does not wait for room. */
		if (i == 2)
			EXPECT_EQ(0, shutdown(self->tx, SHUT_WR));
		ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_START));
		/* The end may come with a byte or alone, or not be said. */
		more = i < 2 ? send(self->tx, buf + n, i, 0) :
			       shutdown(self->tx, SHUT_WR);
		ASSERT_EQ(i % 2, more);
		n += more;
		EXPECT_TRUE(got_block(self->rx, i, n));
	}
	EXPECT_TRUE(quiet());
}

TEST_F(send, close_inside_a_block_cancels)
{
	/* Nothing has left yet, or most of it has. */
	static const size_t sizes[] = { 10, 150000 };
	char c;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(sizes[i], send_block(self->tx, 1, 0, sizes[i],
					       MSG_MORE));
		EXPECT_EQ(1, sessions(true));
		EXPECT_EQ(i, sessions(false));
		close(self->tx);
		EXPECT_TRUE(quiet());
		EXPECT_EQ(-1, recv(self->rx, &c, 1, MSG_DONTWAIT));
		EXPECT_EQ(i + 1, stat_get(LTP_A_STATS_BLOCKS_CANCELLED));
		self->tx = sender(SOCK_RDM, SVC);
	}
	EXPECT_EQ(0, stat_get(LTP_A_STATS_BLOCKS_RECEIVED));
	EXPECT_EQ(50, send_block(self->tx, 2, 0, 50, 0));
	EXPECT_TRUE(got_block(self->rx, 2, 50));
}

TEST_F(send, close_behind_a_block_does_not)
{
	slow_down(self->tx);
	ASSERT_EQ(4000, send_block(self->tx, 1, 0, 4000, 0));
	close(self->tx);
	EXPECT_FALSE(wait_for(self->rx, POLLIN, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 4000));
	EXPECT_TRUE(quiet());
	self->tx = sender(SOCK_RDM, SVC);
}

TEST_F(send, engine_deleted_inside_a_block)
{
	ASSERT_EQ(70000, send_block(self->tx, 1, 0, 70000, MSG_MORE));
	ASSERT_EQ(0, engine_del(1));
	/* The error of the cancelled block, once; then that of the next. */
	EXPECT_FAILS(ENOBUFS, send_block(self->tx, 1, 70000, 10, 0));
	EXPECT_FAILS(ENETUNREACH, send_block(self->tx, 1, 0, 10, 0));
	EXPECT_FALSE(wait_for(self->rx, POLLIN, 0));
	EXPECT_EQ(0, sessions(true));
}

TEST_F(send, without_discretionary_checkpoints)
{
	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 50000));
	ASSERT_EQ(0, span_set(1, 2, LTP_A_SPAN_NO_DISCRETIONARY,       1, 1));
	EXPECT_FAILS(EMSGSIZE, send_block(self->tx, 1, 0, 50001, 0));
	EXPECT_EQ(0, sessions(true));
	EXPECT_EQ(50000, send_block(self->tx, 1, 0, 50000, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 50000));
	/* In pieces: the one too many is refused, the block can still end. */
	EXPECT_EQ(30000, send_block(self->tx, 2, 0, 30000, MSG_MORE));
	EXPECT_FAILS(EMSGSIZE, send_block(self->tx, 2, 30000, 30000, MSG_MORE));
	EXPECT_EQ(0, send(self->tx, "", 0, 0));
	EXPECT_TRUE(got_block(self->rx, 2, 30000));
}

TEST_F(send, without_waiting)
{
	ssize_t n;
	int i;

	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 30000));
	slow_down(self->tx);
	/* What never fits is no matter of waiting. */
	EXPECT_FAILS(EMSGSIZE, send_block(self->tx, 1, 0, 70000, MSG_DONTWAIT));
	for (i = 0; i < 100; i++) {
		n = send_block(self->tx, i, 0, 10000, MSG_DONTWAIT);
		if (n < 0)
			break;
		/* All or nothing. */
		EXPECT_EQ(10000, n);
	}
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LE(3, i);
	EXPECT_GE(6, i);
	EXPECT_EQ(i, sessions(true));
	EXPECT_EQ(1, stat_get(LTP_A_STATS_SNDBUF_WAITS));
	speed_up();
	while (i--) {
		u8 buf[10000];

		ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
		EXPECT_EQ(10000, recv(self->rx, buf, sizeof(buf), 0));
	}
	EXPECT_TRUE(quiet());
}

/* Refused once, poll() waits until there is more room, and is right then. */
TEST_F(send, poll_of_a_whole_block)
{
	int refused = 0, i;
	ssize_t n = -1;

	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 500000));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_STOP));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(100000, send_block(self->tx, i, 0, 100000, 0));
	EXPECT_TRUE(wait_for(self->tx, POLLOUT, 0));
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 9, 0, 900000, MSG_DONTWAIT));
	EXPECT_FALSE(wait_for(self->tx, POLLOUT, WHILE));
	/* What does fit is taken, and then the rest may fit. */
	EXPECT_EQ(100000, send_block(self->tx, 4, 0, 100000, MSG_DONTWAIT));
	EXPECT_TRUE(wait_for(self->tx, POLLOUT, 0));
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 9, 0, 900000, MSG_DONTWAIT));
	EXPECT_FALSE(wait_for(self->tx, POLLOUT, 0));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_START));
	while (n < 0 && wait_for(self->tx, POLLOUT, SOON)) {
		n = send_block(self->tx, 9, 0, 900000, MSG_DONTWAIT);
		refused += n < 0;
	}
	EXPECT_EQ(900000, n);
	/* Not more often than something became free: five blocks of bursts. */
	EXPECT_GE(20, refused);
	for (i = 0; i < 5; i++)
		EXPECT_TRUE(got_block(self->rx, i, 100000));
	EXPECT_TRUE(got_block(self->rx, 9, 900000));
	/* A larger buffer is more room, too. */
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_STOP));
	ASSERT_EQ(200000, send_block(self->tx, 1, 0, 200000, 0));
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 9, 0, 900000, MSG_DONTWAIT));
	EXPECT_FALSE(wait_for(self->tx, POLLOUT, 0));
	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 1000000));
	EXPECT_TRUE(wait_for(self->tx, POLLOUT, 0));
	EXPECT_EQ(900000, send_block(self->tx, 9, 0, 900000, MSG_DONTWAIT));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_START));
	EXPECT_TRUE(got_block(self->rx, 1, 200000));
	EXPECT_TRUE(got_block(self->rx, 9, 900000));
	EXPECT_TRUE(quiet());
}

/*
 * An open block of nearly half of the buffer, which no report is due of, fills
 * more than half with its headers.  poll() alone has to see that there is room.
 */
TEST_F(send, poll_beside_an_open_block)
{
	size_t at = 0, len = 96000;
	ssize_t n;
	u8 *buf = malloc(len);

	fill(buf, len, 1, 0);
	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 100000));
	ASSERT_EQ(0, set_u32(self->tx, LTP_SEGMENT_SIZE, 128));
	while (at < len) {
		ASSERT_TRUE(wait_for(self->tx, POLLOUT, SOON / 2));
		n = len - at < 4000 ? len - at : 4000;
		n = send(self->tx, buf + at, n, MSG_DONTWAIT | MSG_MORE);
		ASSERT_TRUE(n > 0 || errno == EAGAIN);
		at += n > 0 ? n : 0;
	}
	ASSERT_EQ(0, send(self->tx, "", 0, 0));
	EXPECT_TRUE(got_block(self->rx, 1, len));
	EXPECT_TRUE(quiet());
	free(buf);
}

TEST_F(send, timeout)
{
	struct timeval tv = { 0, 200000 };
	u64 waits;
	s64 start;

	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 20000));
	slow_down(self->tx);
	ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET, SO_SNDTIMEO, &tv,
				sizeof(tv)));
	ASSERT_LT(0, stuff(self->tx));
	waits = stat_get(LTP_A_STATS_SNDBUF_WAITS);
	start = now_ms();
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 2, 0, 100, 0));
	EXPECT_EQ(waits + 1, stat_get(LTP_A_STATS_SNDBUF_WAITS));
	EXPECT_LE(150, now_ms() - start);
	EXPECT_GT(SOON / 2, now_ms() - start);
}

static void nothing(int sig)
{
}

static pthread_t main_thread;

static void *disturb(void *arg)
{
	usleep(100000);
	pthread_kill(main_thread, SIGUSR1);
	return NULL;
}

TEST_F(send, signal)
{
	struct sigaction sa = { .sa_handler = nothing };
	int n, got, last = 0;
	u8 buf[5000];
	pthread_t t;

	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 20000));
	slow_down(self->tx);
	sigaction(SIGUSR1, &sa, NULL);
	ASSERT_LT(0, n = stuff(self->tx));
	main_thread = pthread_self();
	ASSERT_EQ(0, pthread_create(&t, NULL, disturb, NULL));
	EXPECT_FAILS(EINTR, send_block(self->tx, 2, 0, 100, 0));
	pthread_join(t, NULL);
	/* The socket is none the worse; blocks have no order. */
	speed_up();
	EXPECT_EQ(100, send_block(self->tx, 3, 0, 100, 0));
	for (n++; n; n--) {
		ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
		got = recv(self->rx, buf, sizeof(buf), 0);
		EXPECT_LT(0, got);
		if (got == 100)
			last++;
	}
	EXPECT_EQ(1, last);
}

TEST_F(send, mmsg)
{
	u8 buf[10][300];
	struct mmsghdr m[10] = {};
	struct sockaddr_ltp nowhere = ltp_addr(3, SVC);
	struct iovec iov[10];
	int i;

	for (i = 0; i < 10; i++) {
		fill(buf[i], 300, i, 0);
		iov[i].iov_base = buf[i];
		iov[i].iov_len = 100 + i;
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	EXPECT_EQ(10, sendmmsg(self->tx, m, 10, 0));
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(100 + i, m[i].msg_len);
		EXPECT_TRUE(got_block(self->rx, i, 100 + i));
	}
	m[4].msg_hdr.msg_name = &nowhere;
	m[4].msg_hdr.msg_namelen = sizeof(nowhere);
	EXPECT_EQ(4, sendmmsg(self->tx, m, 10, 0));
	EXPECT_FAILS(ENETUNREACH, sendmmsg(self->tx, m + 4, 6, 0));
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(got_block(self->rx, i, 100 + i));
}

static void *send_many(void *fd)
{
	int i;

	for (i = 0; i < 50; i++)
		if (send_block(*(int *)fd, 5, 0, 5000, 0) != 5000)
			return fd;
	return NULL;
}

TEST_F(send, threads)
{
	int copy = dup(self->tx), i;
	void *bad[2] = {};
	pthread_t t[2];

	ASSERT_EQ(0, pthread_create(&t[0], NULL, send_many, &self->tx));
	ASSERT_EQ(0, pthread_create(&t[1], NULL, send_many, &copy));
	for (i = 0; i < 100; i++)
		ASSERT_TRUE(got_block(self->rx, 5, 5000));
	pthread_join(t[0], &bad[0]);
	pthread_join(t[1], &bad[1]);
	EXPECT_EQ(NULL, bad[0]);
	EXPECT_EQ(NULL, bad[1]);
	/* Not the last descriptor: nothing is closed, nothing cancelled. */
	EXPECT_EQ(100, send_block(copy, 6, 0, 100, MSG_MORE));
	close(copy);
	EXPECT_EQ(100, send_block(self->tx, 6, 100, 100, 0));
	EXPECT_TRUE(got_block(self->rx, 6, 200));
}

TEST_F(send, sendfile)
{
	int fd = file_with(1, 300000);
	ssize_t n = 0, part;
	off_t off = 0;

	while (n < 300000 && (part = sendfile(self->tx, fd, &off, 300000 - n)) > 0)
		n += part;
	ASSERT_EQ(300000, n);
	EXPECT_TRUE(got_block(self->rx, 1, 300000));

	/* More is asked for than the file has. */
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_EQ(300000, sendfile(self->tx, fd, NULL, 400000));
	/* From 6.5 on the socket is told that nothing follows. */
	if (!kernel_at_least(6, 5))
		ASSERT_EQ(0, send(self->tx, "", 0, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 300000));
	close(fd);
	EXPECT_TRUE(quiet());
}

TEST_F(send, splice)
{
	u8 buf[10000];
	int p[2], i;

	ASSERT_EQ(0, pipe(p));
	for (i = 0; i < 5; i++) {
		fill(buf, sizeof(buf), 1, i * 10000);
		ASSERT_EQ(10000, write(p[1], buf, 10000));
		ASSERT_EQ(10000, splice(p[0], NULL, self->tx, NULL, 10000,
					i < 4 ? SPLICE_F_MORE : 0));
	}
	EXPECT_TRUE(got_block(self->rx, 1, 50000));
	close(p[0]);
	close(p[1]);
}

TEST_HARNESS_MAIN
