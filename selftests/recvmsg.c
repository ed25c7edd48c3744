// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving on AF_LTP sockets: red parts and green segments, short buffers,
 * what is told of them, waiting, and the other ways to receive.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "ksft_ltp.h"

FIXTURE(recv)
{
	int rx, tx;
};

FIXTURE_SETUP(recv)
{
	ASSERT_EQ(NULL, two_engines());
	self->rx = receiver(SOCK_RDM, SVC);
	ASSERT_LE(0, self->rx);
	self->tx = sender(SOCK_RDM, SVC);
	ASSERT_LE(0, self->tx);
}

FIXTURE_TEARDOWN(recv)
{
	abandon(self->tx);
	close(self->rx);
}

/* The receiver becomes one of SOCK_DGRAM. */
static int dgram_instead(int fd)
{
	close(fd);
	return receiver(SOCK_DGRAM, SVC);
}

TEST_F(recv, short_buffer_continues)
{
	static const size_t sizes[] = { 1, 1399, 7, 4096, 20000, 100000 };
	size_t at = 0, len = 50000;
	u8 buf[100000];
	u64 session = 0;
	struct rx rx;
	ssize_t n;
	int i;

	ASSERT_EQ(len, send_block(self->tx, 1, 0, len, 0));
	ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
	for (i = 0; at < len; i = (i + 1) % 6, at += n) {
		n = recv_rx(self->rx, buf, sizes[i], 0, &rx);
		ASSERT_LT(0, n);
		EXPECT_TRUE(same(buf, n, 1, at));
		EXPECT_EQ(at + n == len ? MSG_EOR : 0, rx.flags);
		ASSERT_TRUE(rx.told);
		EXPECT_EQ(at, rx.info.offset);
		EXPECT_EQ(len, rx.info.length);
		EXPECT_EQ(LTP_RX_RED | LTP_RX_EOB, rx.info.flags);
		EXPECT_TRUE(!at || rx.info.session == session);
		session = rx.info.session;
	}
	EXPECT_EQ(len, at);
	EXPECT_FAILS(EAGAIN, recv(self->rx, buf, 1, MSG_DONTWAIT));
}

TEST_F(recv, peek)
{
	u8 buf[6000];
	struct rx rx;
	int i;

	ASSERT_EQ(5000, send_block(self->tx, 1, 0, 5000, 0));
	ASSERT_EQ(100, send_block(self->tx, 2, 0, 100, 0));
	ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(1000, recv_rx(self->rx, buf, 1000, MSG_PEEK, &rx));
		EXPECT_TRUE(same(buf, 1000, 1, 0));
		EXPECT_EQ(0, rx.info.offset);
		EXPECT_EQ(0, rx.flags & MSG_EOR);
		EXPECT_EQ(5000, recv_rx(self->rx, buf, 6000, MSG_PEEK, &rx));
		EXPECT_EQ(MSG_EOR, rx.flags & MSG_EOR);
	}
	EXPECT_EQ(1500, recv_rx(self->rx, buf, 1500, 0, &rx));
	EXPECT_EQ(3500, recv_rx(self->rx, buf, 6000, MSG_PEEK, &rx));
	EXPECT_TRUE(same(buf, 3500, 1, 1500));
	EXPECT_EQ(1500, rx.info.offset);
	EXPECT_EQ(3500, recv_rx(self->rx, buf, 6000, 0, &rx));
	EXPECT_TRUE(same(buf, 3500, 1, 1500));
	EXPECT_TRUE(got_block(self->rx, 2, 100));
}

TEST_F(recv, input_trunc_tells_what_remains)
{
	u8 buf[6000];
	struct rx rx;

	ASSERT_EQ(5000, send_block(self->tx, 1, 0, 5000, 0));
	ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
	EXPECT_EQ(5000, recv(self->rx, NULL, 0, MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(5000, recv_rx(self->rx, buf, 1000, MSG_PEEK | MSG_TRUNC,
				&rx));
	EXPECT_EQ(5000, recv_rx(self->rx, buf, 1000, MSG_TRUNC, &rx));
	EXPECT_TRUE(same(buf, 1000, 1, 0));
	/* Only what was copied is gone. */
	EXPECT_EQ(4000, recv_rx(self->rx, buf, 1000, MSG_TRUNC, &rx));
	EXPECT_TRUE(same(buf, 1000, 1, 1000));
	EXPECT_EQ(3000, recv_rx(self->rx, buf, 6000, MSG_TRUNC, &rx));
	EXPECT_TRUE(same(buf, 3000, 1, 2000));
	EXPECT_EQ(MSG_EOR, rx.flags & MSG_EOR);
	/* An empty buffer takes nothing. */
	ASSERT_EQ(10, send_block(self->tx, 2, 0, 10, 0));
	ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
	EXPECT_EQ(0, recv(self->rx, buf, 0, 0));
	EXPECT_TRUE(got_block(self->rx, 2, 10));
}

TEST_F(recv, dgram_truncates)
{
	u8 buf[6000];
	struct rx rx;

	self->rx = dgram_instead(self->rx);
	ASSERT_EQ(5000, send_block(self->tx, 1, 0, 5000, 0));
	ASSERT_EQ(4000, send_block(self->tx, 2, 0, 4000, 0));
	ASSERT_EQ(300, send_block(self->tx, 3, 0, 300, 0));
	ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
	EXPECT_EQ(1000, recv_rx(self->rx, buf, 1000, MSG_PEEK, &rx));
	EXPECT_EQ(MSG_TRUNC, rx.flags);
	EXPECT_EQ(1000, recv_rx(self->rx, buf, 1000, 0, &rx));
	EXPECT_TRUE(same(buf, 1000, 1, 0));
	EXPECT_EQ(MSG_TRUNC, rx.flags);
	EXPECT_EQ(5000, rx.info.length);
	EXPECT_EQ(4000, recv_rx(self->rx, buf, 100, MSG_TRUNC, &rx));
	EXPECT_TRUE(same(buf, 100, 2, 0));
	EXPECT_EQ(MSG_TRUNC, rx.flags);
	EXPECT_EQ(300, recv_rx(self->rx, buf, 6000, 0, &rx));
	EXPECT_TRUE(same(buf, 300, 3, 0));
	EXPECT_EQ(MSG_EOR, rx.flags);
	EXPECT_EQ(0, get_int(self->rx, SOL_SOCKET, SO_ERROR));
}

TEST_F(recv, names)
{
	struct ltp_notice notice;
	struct rx rx;
	u8 buf[100];
	socklen_t len = 12;
	struct sockaddr_ltp from;

	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_BIT(LTP_NOTICE_START)));
	ASSERT_EQ(50, send_block(self->tx, 1, 0, 50, 0));
	ASSERT_TRUE(got_notice(self->tx, &notice, SOON));
	EXPECT_EQ(50, recv_rx(self->rx, buf, 100, 0, &rx));
	/* The source engine and the local service: LTP knows no other. */
	EXPECT_EQ(AF_LTP, rx.from.sltp_family);
	EXPECT_EQ(0, rx.from.sltp_flags);
	EXPECT_EQ(0, rx.from.sltp_zero);
	EXPECT_EQ(1, rx.from.sltp_engine);
	EXPECT_EQ(SVC, rx.from.sltp_service);
	EXPECT_EQ(1, rx.info.originator);
	EXPECT_EQ(notice.session, rx.info.session);
	EXPECT_EQ(1, notice.originator);
	EXPECT_EQ(0, rx.info.offset);
	EXPECT_EQ(50, rx.info.length);
	EXPECT_EQ(0, rx.info.zero);

	/* A short name is cut, its length told. */
	ASSERT_EQ(60, send_block(self->tx, 1, 0, 60, 0));
	memset(&from, 0xff, sizeof(from));
	EXPECT_EQ(60, recvfrom(self->rx, buf, 100, 0, (struct sockaddr *)&from,
			       &len));
	EXPECT_EQ(sizeof(from), len);
	EXPECT_EQ(UINT64_MAX, from.sltp_service);
}

TEST_F(recv, rxinfo_if_asked_for)
{
	char control[CMSG_SPACE(sizeof(struct ltp_rxinfo)) - 8];
	char buf[10];
	struct iovec iov = { buf, 10 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct rx rx;

	ASSERT_EQ(10, send_block(self->tx, 1, 0, 10, 0));
	EXPECT_EQ(10, recvmsg(self->rx, &msg, 0));
	EXPECT_EQ(MSG_CTRUNC | MSG_EOR, msg.msg_flags);
	ASSERT_EQ(0, set_u32(self->rx, LTP_RXINFO, 0));
	ASSERT_EQ(10, send_block(self->tx, 1, 0, 10, 0));
	EXPECT_EQ(10, recv_rx(self->rx, buf, 10, 0, &rx));
	EXPECT_FALSE(rx.told);
	EXPECT_EQ(MSG_EOR, rx.flags);
}

/*
 * Takes the green segments of block @seed from @at on, reading at most @size
 * bytes at once; returns where they end, -1 if anything is wrong.
 */
static s64 take_green(int fd, u64 seed, u64 at, size_t size, s64 end,
		      bool dgram)
{
	u64 seg = at, seg_len = 0;
	u8 buf[70000];
	struct rx rx;
	bool ends;
	ssize_t n;

	while (at < end) {
		if (!wait_for(fd, POLLIN, SOON))
			return -1;
		n = recv_rx(fd, buf, size, MSG_DONTWAIT, &rx);
		if (n <= 0 || !same(buf, n, seed, at) || !rx.told)
			return -1;
		if (!seg_len) {
			seg = at;
			seg_len = rx.info.length;
		}
		if (rx.info.offset != at || rx.info.length != seg_len ||
		    rx.info.flags & LTP_RX_RED || seg_len > SEG) {
			fprintf(stderr, "# at %lld: offset %llu length %llu (%lld) flags %x\n",
				(long long)at, rx.info.offset, rx.info.length,
				(long long)seg_len, rx.info.flags);
			return -1;
		}
		at += n;
		ends = at == seg + seg_len;
		if (ends != !!(rx.flags & MSG_EOR))
			return -1;
		if (dgram && n < seg_len)
			return -1;
		if (at == seg + seg_len) {
			seg_len = 0;
			ends = at == end;
			if (ends != !!(rx.info.flags & LTP_RX_EOB))
				return -1;
		}
	}
	return at;
}

TEST_F(recv, green_by_segment)
{
	static const size_t sizes[] = { 1, 500, SEG, 5000, 64000, 200000 };
	int tx = sender(SOCK_DGRAM, SVC), i;

	self->rx = dgram_instead(self->rx);
	for (i = 0; i < 6; i++) {
		ASSERT_EQ(sizes[i], send_block(tx, i, 0, sizes[i], 0));
		EXPECT_EQ(sizes[i], take_green(self->rx, i, 0, SEG, sizes[i],
					       true));
	}
	EXPECT_TRUE(quiet());
	close(tx);
}

TEST_F(recv, green_on_a_reliable_socket_continues)
{
	int tx = sender(SOCK_DGRAM, SVC);

	ASSERT_EQ(20000, send_block(tx, 1, 0, 20000, 0));
	EXPECT_EQ(20000, take_green(self->rx, 1, 0, 333, 20000, false));
	EXPECT_TRUE(quiet());
	close(tx);
}

TEST_F(recv, green_truncates)
{
	int tx = sender(SOCK_DGRAM, SVC);
	u8 buf[SEG];
	struct rx rx;
	u64 next;

	self->rx = dgram_instead(self->rx);
	ASSERT_EQ(4000, send_block(tx, 1, 0, 4000, 0));
	ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
	EXPECT_EQ(10, recv_rx(self->rx, buf, 10, 0, &rx));
	EXPECT_EQ(MSG_TRUNC, rx.flags);
	next = rx.info.length;
	EXPECT_LT(1000, next);
	/* The rest of that segment is gone, the next one comes. */
	EXPECT_EQ(20, recv_rx(self->rx, buf, 20, MSG_PEEK, &rx));
	EXPECT_EQ(next, rx.info.offset);
	EXPECT_TRUE(same(buf, 20, 1, next));
	EXPECT_EQ(rx.info.length, recv_rx(self->rx, buf, SEG, 0, &rx));
	EXPECT_EQ(MSG_EOR, rx.flags);
	close(tx);
}

/* One block, its first @red bytes red. */
static void mixed(struct __test_metadata *_metadata, int tx, int rx,
		  u64 seed, size_t red, size_t len, size_t pieces)
{
	u8 *buf = malloc(len + 1);
	u64 val = red;
	struct rx r = {};
	ssize_t n = -1;
	size_t at, part;

	fill(buf, len, seed, 0);
	for (at = 0; at < len; at += part) {
		part = pieces < len - at ? pieces : len - at;
		EXPECT_EQ(part, send_cmsg(tx, buf + at, part,
					  at + part < len ? MSG_MORE : 0,
					  LTP_RED_LENGTH, &val, sizeof(val)));
	}
	memset(buf, 0, len);
	EXPECT_TRUE(wait_for(rx, POLLIN, SOON));
	n = recv_rx(rx, buf, len + 1, MSG_DONTWAIT, &r);
	EXPECT_EQ(red < len ? red : len, n);
	if (n > 0)
		EXPECT_TRUE(same(buf, n, seed, 0));
	EXPECT_EQ(LTP_RX_RED | (red < len ? 0 : LTP_RX_EOB), r.info.flags);
	EXPECT_EQ(MSG_EOR, r.flags);
	EXPECT_EQ(n, r.info.length);
	if (red < len)
		EXPECT_EQ(len, take_green(rx, seed, red, SEG, len, false));
	free(buf);
}

TEST_F(recv, green_behind_red_that_is_claimed_at_once)
{
	/* Over lo the report comes before the call that sends returns. */
	ASSERT_EQ(0, set_u32(self->tx, LTP_BURST_LIMIT, 1));
	ASSERT_EQ(0, set_u64(self->tx, LTP_RED_LENGTH, 1000));
	ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_STOP));
	ASSERT_EQ(5000, send_block(self->tx, 1, 0, 5000, 0));
	ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_START));
	EXPECT_TRUE(got_block(self->rx, 1, 1000));
	EXPECT_EQ(5000, take_green(self->rx, 1, 1000, SEG, 5000, false));
	EXPECT_TRUE(quiet());
}

TEST_F(recv, red_then_green)
{
	static const struct {
		size_t red, len, pieces;
	} blocks[] = {
		{ 1, 2, 2 },
		{ 100, 200, 200 },
		{ 1000, 20000, 20000 },
		{ 19000, 20000, 20000 },
		{ 19999, 20000, 20000 },
		{ 20000, 20000, 20000 },
		{ 30000, 20000, 20000 },
		{ 100000, 200000, 200000 },
		{ 5000, 10000, 1000 },
		{ 5000, 10000, 777 },
		{ 10000, 10000, 777 },
		{ 77700, 150000, 7777 },
		{ 1, 3000, 1 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		mixed(_metadata, self->tx, self->rx, i, blocks[i].red,
		      blocks[i].len, blocks[i].pieces);
		if (_metadata->exit_code != KSFT_PASS)
			TH_LOG("block %d", i);
		ASSERT_EQ(KSFT_PASS, _metadata->exit_code);
	}
	EXPECT_TRUE(quiet());
}

TEST_F(recv, red_length_as_option)
{
	int tx = sender(SOCK_DGRAM, SVC);
	u8 buf[6000];
	struct rx rx;

	/* A datagram socket that sends all red, and back. */
	ASSERT_EQ(0, set_u64(tx, LTP_RED_LENGTH, UINT64_MAX));
	ASSERT_EQ(5000, send_block(tx, 1, 0, 5000, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 5000));
	ASSERT_EQ(0, set_u64(tx, LTP_RED_LENGTH, 0));
	ASSERT_EQ(5000, send_block(tx, 2, 0, 5000, 0));
	EXPECT_EQ(5000, take_green(self->rx, 2, 0, SEG, 5000, false));
	ASSERT_EQ(0, set_u64(self->tx, LTP_RED_LENGTH, 3000));
	ASSERT_EQ(5000, send_block(self->tx, 3, 0, 5000, 0));
	ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
	EXPECT_EQ(3000, recv_rx(self->rx, buf, 6000, 0, &rx));
	EXPECT_TRUE(same(buf, 3000, 3, 0));
	EXPECT_EQ(LTP_RX_RED, rx.info.flags);
	EXPECT_EQ(5000, take_green(self->rx, 3, 3000, SEG, 5000, false));
	EXPECT_TRUE(quiet());
	close(tx);
}

TEST_F(recv, without_waiting)
{
	char c;

	EXPECT_FAILS(EAGAIN, recv(self->rx, &c, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, fcntl(self->rx, F_SETFL, O_NONBLOCK));
	EXPECT_FAILS(EAGAIN, recv(self->rx, &c, 1, 0));
	EXPECT_FAILS(EAGAIN, read(self->rx, &c, 1));
	EXPECT_FAILS(EOPNOTSUPP, recv(self->rx, &c, 1, MSG_OOB));
	EXPECT_FAILS(EAGAIN, recv(self->rx, &c, 1, MSG_ERRQUEUE));
}

TEST_F(recv, timeout)
{
	struct timeval tv = { 0, 150000 };
	s64 start = now_ms();
	char c;

	ASSERT_EQ(0, setsockopt(self->rx, SOL_SOCKET, SO_RCVTIMEO, &tv,
				sizeof(tv)));
	EXPECT_FAILS(EAGAIN, recv(self->rx, &c, 1, 0));
	/* Ticks that were late may come in a hurry. */
	EXPECT_LE(100, now_ms() - start);
	EXPECT_GT(SOON / 2, now_ms() - start);
}

static void nothing(int sig)
{
}

struct disturbance {
	pthread_t whom;
	int tx;
};

static void *disturb(void *arg)
{
	struct disturbance *d = arg;

	usleep(100000);
	pthread_kill(d->whom, SIGUSR1);
	usleep(100000);
	if (d->tx >= 0)
		send_block(d->tx, 1, 0, 100, 0);
	return NULL;
}

TEST_F(recv, signal)
{
	struct disturbance d = { pthread_self(), -1 };
	struct sigaction sa = { .sa_handler = nothing };
	pthread_t t;
	char buf[100];

	sigaction(SIGUSR1, &sa, NULL);
	ASSERT_EQ(0, pthread_create(&t, NULL, disturb, &d));
	EXPECT_FAILS(EINTR, recv(self->rx, buf, 100, 0));
	pthread_join(t, NULL);
	/* With SA_RESTART the call goes on. */
	sa.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &sa, NULL);
	d.tx = self->tx;
	ASSERT_EQ(0, pthread_create(&t, NULL, disturb, &d));
	EXPECT_EQ(100, recv(self->rx, buf, 100, 0));
	EXPECT_TRUE(same(buf, 100, 1, 0));
	pthread_join(t, NULL);
}

struct reader {
	int fd;
	u8 buf[101];
	ssize_t n;
};

static void *recv_one(void *arg)
{
	struct reader *r = arg;

	r->n = recv(r->fd, r->buf, sizeof(r->buf), 0);
	return NULL;
}

TEST_F(recv, threads)
{
	static struct reader r[4];
	bool had[4] = {};
	pthread_t t[4];
	int i;

	for (i = 0; i < 4; i++) {
		r[i].fd = self->rx;
		ASSERT_EQ(0, pthread_create(&t[i], NULL, recv_one, &r[i]));
	}
	usleep(50000);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(100, send_block(self->tx, i, 0, 100, 0));
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		EXPECT_EQ(100, r[i].n);
		EXPECT_LE(0, which_block(r[i].buf, 100, 4, had));
	}
}

TEST_F(recv, mmsg)
{
	u8 buf[8][1000];
	struct mmsghdr m[8] = {};
	struct iovec iov[8];
	int i;

	for (i = 0; i < 8; i++) {
		iov[i].iov_base = buf[i];
		iov[i].iov_len = 1000;
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	for (i = 0; i < 5; i++)
		ASSERT_EQ(500 + i, send_block(self->tx, i, 0, 500 + i, 0));
	ASSERT_TRUE(quiet());
	EXPECT_EQ(5, recvmmsg(self->rx, m, 8, MSG_DONTWAIT, NULL));
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(500 + i, m[i].msg_len);
		EXPECT_EQ(MSG_EOR, m[i].msg_hdr.msg_flags & MSG_EOR);
		EXPECT_TRUE(same(buf[i], 500 + i, i, 0));
	}
}

TEST_F(recv, scattered)
{
	u8 buf[9000];
	struct iovec iov[] = {
		{ buf, 1 }, { buf + 1, 0 }, { buf + 1, 2999 },
		{ buf + 3000, 6000 },
	};

	ASSERT_EQ(8000, send_block(self->tx, 1, 0, 8000, 0));
	ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
	EXPECT_EQ(8000, readv(self->rx, iov, 4));
	EXPECT_TRUE(same(buf, 8000, 1, 0));
}

TEST_F(recv, bad_buffer_loses_nothing)
{
	ASSERT_EQ(5000, send_block(self->tx, 1, 0, 5000, 0));
	ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
	EXPECT_FAILS(EFAULT, recv(self->rx, (void *)8, 5000, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 5000));
}

TEST_F(recv, bad_buffer_inside_a_block)
{
	u8 *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u8 rest[10000];
	ssize_t n, m;

	ASSERT_EQ(0, munmap(p + 4096, 4096));
	ASSERT_EQ(10000, send_block(self->tx, 1, 0, 10000, 0));
	ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
	/* As much as was copied counts as read, and no more. */
	n = recv(self->rx, p, 8192, 0);
	if (n < 0)
		EXPECT_EQ(EFAULT, errno);
	n = n < 0 ? 0 : n;
	EXPECT_GE(4096, n);
	EXPECT_TRUE(same(p, n, 1, 0));
	m = recv(self->rx, rest, sizeof(rest), 0);
	EXPECT_EQ(10000 - n, m);
	EXPECT_TRUE(same(rest, m, 1, n));
	munmap(p, 4096);
}

TEST_F(recv, many_blocks)
{
	static const size_t sizes[] = { 3, 20000, 1400, 150000 };
	u8 *buf = malloc(200000);
	bool had[40] = {};
	struct rx rx;
	int i, n, k;

	/* Each comes once, whole; the order is nobody's promise. */
	for (i = 0; i < 40; i++)
		ASSERT_EQ(sizes[i % 4] + i, send_block(self->tx, i, 0,
						       sizes[i % 4] + i, 0));
	for (k = 0; k < 40; k++) {
		ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
		n = recv_rx(self->rx, buf, 200000, 0, &rx);
		ASSERT_LT(0, n);
		EXPECT_EQ(n, rx.info.length);
		i = which_block(buf, n, 40, had);
		ASSERT_LE(0, i);
		EXPECT_EQ(sizes[i % 4] + i, n);
	}
	EXPECT_FALSE(wait_for(self->rx, POLLIN, 0));
	EXPECT_TRUE(quiet());
	free(buf);
}

TEST_F(recv, close_counts_what_was_not_read)
{
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(5000, send_block(self->tx, i, 0, 5000, 0));
	ASSERT_TRUE(quiet());
	close(self->rx);
	EXPECT_EQ(3, stat_get(LTP_A_STATS_BLOCKS_UNREAD));
	self->rx = receiver(SOCK_RDM, SVC);
	EXPECT_FALSE(wait_for(self->rx, POLLIN, 0));
}

TEST_F(recv, close_inside_a_block_tells_the_sender)
{
	struct ltp_notice n;

	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ENDS));
	ASSERT_EQ(150000, send_block(self->tx, 1, 0, 150000, MSG_MORE));
	EXPECT_EQ(1, sessions(false));
	close(self->rx);
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_CANCELLED, n.kind);
	EXPECT_EQ(LTP_REASON_UNREACH, n.reason);
	EXPECT_EQ(LTP_NOTICE_BY_PEER, n.flags);
	EXPECT_EQ(ECONNREFUSED, n.err);
	EXPECT_TRUE(quiet());
	self->rx = receiver(SOCK_RDM, SVC);
}

TEST_HARNESS_MAIN
