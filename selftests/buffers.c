// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers of AF_LTP sockets: blocks far larger than the send buffer, receive
 * buffers that are too small or full, the receiver's brake.
 */
#include <pthread.h>
#include <sys/sysinfo.h>

#include "ksft_ltp.h"

FIXTURE(buffers)
{
	int rx, tx;
};

FIXTURE_SETUP(buffers)
{
	ASSERT_EQ(NULL, two_engines());
	self->rx = receiver(SOCK_RDM, SVC);
	ASSERT_LE(0, self->rx);
	self->tx = sender(SOCK_RDM, SVC);
	ASSERT_LE(0, self->tx);
	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ENDS));
}

FIXTURE_TEARDOWN(buffers)
{
	abandon(self->tx);
	close(self->rx);
}

/* Of @n blocks whose cookie is their number, how each has ended. */
struct ends {
	int completed[1000];
	int cancelled[1000];
	int n_completed, n_cancelled;
	u32 reason, flags;
};

static void take_ends(int fd, struct ends *ends, int ms)
{
	struct ltp_notice n;

	while (got_notice(fd, &n, ms)) {
		if (n.cookie >= 1000)
			continue;
		if (n.kind == LTP_NOTICE_COMPLETED) {
			ends->n_completed++;
			ends->completed[n.cookie]++;
		} else if (n.kind == LTP_NOTICE_CANCELLED) {
			ends->n_cancelled++;
			ends->cancelled[n.cookie]++;
			ends->reason = n.reason;
			ends->flags = n.flags;
		}
	}
}

/* Sends a block in pieces without waiting, but for poll(). */
static bool send_in_pieces(int fd, u64 seed, size_t len, size_t piece)
{
	u8 *buf = malloc(piece);
	size_t at = 0, n;
	ssize_t sent;

	while (at < len) {
		n = piece < len - at ? piece : len - at;
		fill(buf, n, seed, at);
		sent = send(fd, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT |
			    (at + n < len ? MSG_MORE : 0));
		if (sent < 0 && errno == EAGAIN) {
			if (!wait_for(fd, POLLOUT, SOON))
				break;
			continue;
		}
		if (sent < 0)
			break;
		at += sent;
	}
	free(buf);
	return at == len;
}

/*
 * Takes whatever comes, in pieces of @piece, until a block of @len bytes was
 * received.
 */
static bool recv_in_pieces(int fd, u64 seed, size_t len, size_t piece)
{
	u8 *buf = malloc(piece);
	struct rx rx = {};
	size_t at = 0;
	ssize_t n;

	do {
		if (!wait_for(fd, POLLIN, SOON))
			break;
		n = recv_rx(fd, buf, piece, 0, &rx);
		if (n <= 0 || !same(buf, n, seed, at))
			break;
		at += n;
	} while (!(rx.flags & MSG_EOR));
	free(buf);
	return at == len && rx.flags & MSG_EOR;
}

/*
 * Sets net.ltp.mem, which is there in the first namespace only; tells what it
 * was in @old.
 */
static bool machine_memory(const char *pages, char old[32])
{
	int here = open("/proc/self/ns/net", O_RDONLY), there, fd;
	bool done = false;
	ssize_t n = 0;

	there = open("/proc/1/ns/net", O_RDONLY);
	if (here < 0 || there < 0 || setns(there, CLONE_NEWNET))
		return false;
	fd = open("/proc/sys/net/ltp/mem", O_RDWR);
	if (old)
		n = read(fd, old, 31);
	if (n >= 0) {
		if (old)
			old[n] = 0;
		done = pwrite(fd, pages, strlen(pages), 0) > 0;
	}
	close(fd);
	if (setns(here, CLONE_NEWNET))
		done = false;
	close(there);
	close(here);
	return done;
}

static int send_timeout(int fd, int ms)
{
	struct timeval t = { .tv_sec = ms / 1000 + 1 };

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

#define SMALL	20000		/* as set; the kernel doubles it */
#define LARGE	(100 * 2 * SMALL)

TEST_F(buffers, hundred_times_sndbuf_without_waiting)
{
	struct ends ends = {};

	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, SMALL));
	ASSERT_TRUE(send_in_pieces(self->tx, 1, LARGE, 7777));
	EXPECT_TRUE(recv_in_pieces(self->rx, 1, LARGE, 65536));
	take_ends(self->tx, &ends, WHILE);
	EXPECT_EQ(1, ends.n_completed);
	EXPECT_EQ(0, ends.n_cancelled);
	EXPECT_TRUE(quiet());
}

TEST_F(buffers, hundred_times_sndbuf_waiting)
{
	size_t at;

	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, SMALL));
	for (at = 0; at < LARGE - 100000; at += 100000)
		ASSERT_EQ(100000, send_block(self->tx, 1, at, 100000, MSG_MORE));
	ASSERT_EQ(LARGE - at, send_block(self->tx, 1, at, LARGE - at, 0));
	EXPECT_TRUE(recv_in_pieces(self->rx, 1, LARGE, 65536));
	EXPECT_TRUE(quiet());
}

TEST_F(buffers, hundred_times_sndbuf_at_once)
{
	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, SMALL));
	ASSERT_EQ(LARGE, send_block(self->tx, 1, 0, LARGE, 0));
	EXPECT_TRUE(recv_in_pieces(self->rx, 1, LARGE, 65536));
	/* Mixed: the green part waits for nobody's report. */
	ASSERT_EQ(0, set_u64(self->tx, LTP_RED_LENGTH, LARGE / 2));
	ASSERT_EQ(LARGE, send_block(self->tx, 2, 0, LARGE, 0));
	EXPECT_TRUE(recv_in_pieces(self->rx, 2, LARGE / 2, 65536));
	EXPECT_TRUE(quiet());
}

TEST_F(buffers, the_least_sndbuf)
{
	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 0));
	ASSERT_TRUE(send_in_pieces(self->tx, 1, 300000, 1000));
	EXPECT_TRUE(recv_in_pieces(self->rx, 1, 300000, 65536));
	EXPECT_TRUE(quiet());
}

/* All space is given back, also what notices took. */
TEST_F(buffers, space_comes_back)
{
	struct ends ends = {};
	int i;

	for (i = 0; i < 50; i++) {
		ASSERT_EQ(3000, send_cookie(self->tx, i, 3000, 0));
		ASSERT_TRUE(got_block(self->rx, i, 3000));
	}
	ASSERT_TRUE(quiet());
	take_ends(self->tx, &ends, 0);
	EXPECT_EQ(50, ends.n_completed);
	EXPECT_TRUE(eventually(ioctl(self->tx, TIOCOUTQ, &i) == 0 && !i));
}

/*
 * The memory of the machine is used up by the block itself, with room in the
 * send buffer: reports make it come back, although nobody planned for them.
 */
static long read_long(const char *path, const char *format)
{
	char line[256];
	FILE *f = fopen(path, "r");
	long val = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, format, &val) == 1)
			break;
	if (f)
		fclose(f);
	return val;
}

/* In bytes: what the machine has left, and what LTP sockets say they hold. */
static s64 available(void)
{
	return read_long("/proc/meminfo", "MemAvailable: %ld") * 1024LL;
}

static s64 counted(void)
{
	return read_long("/proc/net/protocols", "LTP %*d %*d %ld") *
	       sysconf(_SC_PAGESIZE);
}

/*
 * Small blocks that stay, between large ones that go: each keeps a page of
 * 32 KiB that it fills a bit of.  What is pinned is what counts.
 */
TEST_F(buffers, pages_that_little_is_left_in)
{
	enum { PAIRS = 2000, LITTLE = 100, MUCH = 32600 };
	static u8 buf[MUCH];
	s64 before, held, used;
	u64 none = 0;
	int i;

	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, 0));
	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 128 << 20));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_STOP));
	before = available();
	held = counted();
	for (i = 0; i < PAIRS; i++) {
		if (send_block(self->tx, i, 0, LITTLE, MSG_DONTWAIT) < 0)
			break;
		if (send_cmsg(self->tx, buf, MUCH, MSG_DONTWAIT,
			      LTP_RED_LENGTH, &none, sizeof(none)) < 0)
			break;
		while (recv(self->rx, buf, MUCH, MSG_DONTWAIT) > 0)
			;
	}
	while (recv(self->rx, buf, MUCH, MSG_DONTWAIT) > 0)
		;
	used = before - available();
	held = counted() - held;
	fprintf(stderr, "# %d pairs: %lld kB gone, %lld kB counted\n", i,
		(long long)used / 1024, (long long)held / 1024);
	EXPECT_LT(100, i);
	EXPECT_GT(2 * held + (16 << 20), used);
	/* All of it comes back. */
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_START));
	EXPECT_TRUE(quiet());
	EXPECT_TRUE(eventually(counted() < 1 << 20));
}

TEST_F(buffers, less_memory_than_sndbuf)
{
	/* Each CPU may have 1 MiB of it to itself. */
	const size_t own = (size_t)get_nprocs() << 20;
	const size_t len = (4 << 20) + 2 * own;
	char old[32], pages[32];

	sysctl_set("net/ltp/wmem", "4096 65536 134217728");
	sysctl_set("net/ltp/rmem", "4096 65536 134217728");
	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 4 * len));
	ASSERT_EQ(0, set_u32(self->rx, LTP_RCVBUF, 4 * len));
	ASSERT_EQ(0, send_timeout(self->tx, SOON));
	/* Seven eighths are room for the block, but not for that twice. */
	snprintf(pages, sizeof(pages), "%zu",
		 (len + len / 5 + own + (1 << 20)) / 4096 * 8 / 7);
	ASSERT_TRUE(machine_memory(pages, old));
	EXPECT_EQ(len, send_block(self->tx, 1, 0, len, 0));
	EXPECT_TRUE(recv_in_pieces(self->rx, 1, len, 65536));
	EXPECT_LT(0, stat_get(LTP_A_STATS_LIMIT_MEM));
	/* Without waiting as well. */
	EXPECT_TRUE(send_in_pieces(self->tx, 2, len, 100000));
	EXPECT_TRUE(recv_in_pieces(self->rx, 2, len, 65536));
	EXPECT_TRUE(machine_memory(old, NULL));
	EXPECT_TRUE(quiet());
}

/* As /proc/net/protocols has it; -1 if not. */
static long machine_pages(void)
{
	FILE *f = fopen("/proc/net/protocols", "r");
	char line[256];
	long n = -1;

	while (f && n < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "LTP %*d %*d %ld", &n);
	if (f)
		fclose(f);
	return n;
}

/* Nobody claims what is sent here; others must still be able to receive. */
TEST_F(buffers, an_eighth_of_memory_is_to_receive)
{
	const long limit = 4096, most = limit - limit / 8;
	char old[32], pages[32];
	u8 *buf = malloc(LARGE);
	ssize_t n;

	fill(buf, LARGE, 1, 0);
	sysctl_set("net/ltp/wmem", "4096 65536 134217728");
	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 64 << 20));
	ASSERT_EQ(0, span_add(1, 9, 9999, UINT64_MAX));
	ASSERT_EQ(0, span_set(1, 9, LTP_A_SPAN_MARGIN, 60 * 1000000000ULL, 8));
	ASSERT_EQ(0, ltp_connect(self->tx, 9, SVC));
	snprintf(pages, sizeof(pages), "%ld", limit);
	ASSERT_TRUE(machine_memory(pages, old));
	do {
		n = send(self->tx, buf, LARGE, MSG_MORE | MSG_DONTWAIT);
	} while (n > 0);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LT(0, stat_get(LTP_A_STATS_LIMIT_MEM));
	/* The last burst was let in; a CPU counts its pages 256 at a time. */
	EXPECT_LT(most - 256 - 20, machine_pages());
	EXPECT_GE(most + 256 + 20, machine_pages());
	EXPECT_TRUE(machine_memory(old, NULL));
	EXPECT_EQ(0, span_del(1, 9));
	EXPECT_TRUE(quiet());
	free(buf);
}

TEST_F(buffers, block_that_can_never_fit)
{
	struct ends ends = {};

	ASSERT_EQ(0, set_u32(self->rx, LTP_RCVBUF, 50000));
	/* Over the loopback the answer may come before all was taken. */
	if (send_cookie(self->tx, 1, 200000, 0) < 0)
		EXPECT_EQ(ENOBUFS, errno);
	take_ends(self->tx, &ends, WHILE);
	EXPECT_EQ(0, ends.n_completed);
	EXPECT_EQ(1, ends.n_cancelled);
	EXPECT_EQ(LTP_REASON_SYS_CNCLD, ends.reason);
	EXPECT_EQ(LTP_NOTICE_BY_PEER, ends.flags);
	EXPECT_TRUE(quiet());
	EXPECT_FALSE(wait_for(self->rx, POLLIN, 0));
	EXPECT_EQ(1, stat_get(LTP_A_STATS_BLOCKS_REFUSED));
	/* One that fits still does. */
	ASSERT_EQ(20000, send_cookie(self->tx, 2, 20000, 0));
	EXPECT_TRUE(got_block(self->rx, 2, 20000));
}

TEST_F(buffers, reader_that_does_not_read)
{
	enum { N = 120, LEN = 5000 };
	struct ends ends = {};
	u8 buf[LEN + 1];
	int i, got = 0, twice = 0, lost = 0;
	struct rx rx;
	int seen[N] = {};

	ASSERT_EQ(0, set_u32(self->rx, LTP_RCVBUF, 100000));
	/* The brake holds for a quarter of the sender's patience: 250 ms. */
	ASSERT_EQ(0, span_set(1, 2, LTP_A_SPAN_MARGIN, 100000000, 8));
	ASSERT_EQ(0, span_set(2, 1, LTP_A_SPAN_MARGIN, 100000000, 8));
	for (i = 0; i < N; i++)
		ASSERT_EQ(LEN, send_cookie(self->tx, i, LEN, 0));
	ASSERT_TRUE(quiet());
	take_ends(self->tx, &ends, 0);
	/* Every one has ended, once, whichever way. */
	EXPECT_EQ(N, ends.n_completed + ends.n_cancelled);
	for (i = 0; i < N; i++)
		EXPECT_EQ(1, ends.completed[i] + ends.cancelled[i]);
	EXPECT_LT(0, ends.n_completed);
	EXPECT_LT(0, ends.n_cancelled);
	EXPECT_EQ(LTP_REASON_SYS_CNCLD, ends.reason);

	/* All that are complete are there: the rest is not. */
	while (recv_rx(self->rx, buf, sizeof(buf), MSG_DONTWAIT, &rx) == LEN) {
		for (i = 0; i < N; i++)
			if (buf[0] == byte_of(i, 0) && buf[1] == byte_of(i, 1) &&
			    buf[2] == byte_of(i, 2))
				break;
		ASSERT_GT(N, i);
		EXPECT_TRUE(same(buf, LEN, i, 0));
		seen[i]++;
		got++;
	}
	for (i = 0; i < N; i++) {
		twice += seen[i] > 1;
		lost += ends.completed[i] && !seen[i];
	}
	EXPECT_EQ(0, twice);
	EXPECT_EQ(0, lost);
	EXPECT_EQ(ends.n_completed, got);
	/* And there is room again. */
	ASSERT_EQ(LEN, send_cookie(self->tx, 999, LEN, 0));
	EXPECT_TRUE(got_block(self->rx, 999, LEN));
}

/*
 * Eight blocks come at once, each of which fits, and all of which do not.
 * The first one to begin must arrive, whatever becomes of the others.
 */
TEST_F(buffers, the_oldest_session_finishes)
{
	enum { N = 8, LEN = 45000, PIECE = 3000 };
	int tx[N], i, completed = 0;
	bool gone[N] = {};
	struct ltp_notice n;
	u8 buf[LEN];
	size_t at;

	ASSERT_EQ(0, set_u32(self->rx, LTP_RCVBUF, 60000));
	for (i = 0; i < N; i++) {
		tx[i] = sender(SOCK_RDM, SVC);
		ASSERT_LE(0, tx[i]);
		ASSERT_EQ(0, set_u32(tx[i], LTP_NOTICES, LTP_NOTICE_ENDS));
	}
	for (at = 0; at < LEN; at += PIECE) {
		for (i = 0; i < N; i++) {
			bool more = at + PIECE < LEN;

			if (!gone[i] && send_block(tx[i], i, at, PIECE,
						   more ? MSG_MORE : 0) < 0) {
				EXPECT_EQ(ENOBUFS, errno);
				gone[i] = true;
			}
		}
	}
	EXPECT_FALSE(gone[0]);
	for (i = 0; i < N; i++) {
		ASSERT_TRUE(got_notice(tx[i], &n, SOON));
		if (!i)
			EXPECT_EQ(LTP_NOTICE_COMPLETED, n.kind);
		if (n.kind == LTP_NOTICE_COMPLETED)
			completed++;
		else
			EXPECT_EQ(LTP_REASON_SYS_CNCLD, n.reason);
		EXPECT_FALSE(got_notice(tx[i], &n, 0));
	}
	EXPECT_LT(completed, N);
	EXPECT_TRUE(got_block(self->rx, 0, LEN));
	for (i = 1; i < completed; i++)
		EXPECT_EQ(LEN, recv(self->rx, buf, LEN, MSG_DONTWAIT));
	EXPECT_EQ(-1, recv(self->rx, buf, 1, MSG_DONTWAIT));
	EXPECT_TRUE(quiet());
	for (i = 0; i < N; i++)
		close(tx[i]);
}

struct slow_reader {
	int fd, n, bad;
	size_t len;
};

static void *read_slowly(void *arg)
{
	struct slow_reader *r = arg;
	u8 *buf = malloc(r->len);
	int i;

	if (!eventually(stat_get(LTP_A_STATS_REPORTS_HELD)))
		r->bad++;
	for (i = 0; i < r->n; i++) {
		if (!wait_for(r->fd, POLLIN, SOON) ||
		    recv(r->fd, buf, r->len, 0) != r->len ||
		    !same(buf, r->len, 3, 0)) {
			r->bad++;
			break;
		}
		usleep(5000);
	}
	free(buf);
	return NULL;
}

/*
 * The sender has room for half of what the receiver has room for, and the
 * reader begins when the first report is held, and is slow: nothing is lost.
 */
TEST_F(buffers, brake)
{
	enum { N = 100, LEN = 20000 };
	struct slow_reader r = { self->rx, N, 0, LEN };
	struct ends ends = {};
	pthread_t t;
	int i;

	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 100000));
	ASSERT_EQ(0, set_u32(self->rx, LTP_RCVBUF, 200000));
	ASSERT_EQ(0, pthread_create(&t, NULL, read_slowly, &r));
	for (i = 0; i < N; i++) {
		/* Unread notices would fill the send buffer. */
		take_ends(self->tx, &ends, 0);
		ASSERT_EQ(LEN, send_block(self->tx, 3, 0, LEN, 0));
	}
	pthread_join(t, NULL);
	EXPECT_EQ(0, r.bad);
	ASSERT_TRUE(quiet());
	take_ends(self->tx, &ends, 0);
	EXPECT_EQ(N, ends.n_completed);
	EXPECT_EQ(0, ends.n_cancelled);
	EXPECT_EQ(0, stat_get(LTP_A_STATS_BLOCKS_REFUSED));
}

/* Green segments that find no room are lost, and nobody waits for them. */
TEST_F(buffers, green_into_a_full_buffer)
{
	int tx = sender(SOCK_DGRAM, SVC), i;
	struct ends ends = {};
	char buf[SEG];

	ASSERT_EQ(0, set_u32(tx, LTP_NOTICES, LTP_NOTICE_ENDS));
	ASSERT_EQ(0, set_u32(self->rx, LTP_RCVBUF, 30000));
	for (i = 0; i < 30; i++)
		ASSERT_EQ(10000, send_cookie(tx, i, 10000, 0));
	ASSERT_TRUE(quiet());
	take_ends(tx, &ends, 0);
	EXPECT_EQ(30, ends.n_completed + ends.n_cancelled);
	EXPECT_LT(0, stat_get(LTP_A_STATS_DROP_RCVBUF));
	for (i = 0; recv(self->rx, buf, SEG, MSG_DONTWAIT) > 0; i++)
		;
	EXPECT_LT(10, i);
	EXPECT_GT(200, i);
	ASSERT_EQ(1000, send_block(tx, 2, 0, 1000, 0));
	EXPECT_TRUE(got_block(self->rx, 2, 1000));
	close(tx);
}

/* No more import sessions than the engine allows; the sender tries again. */
TEST_F(buffers, max_imports)
{
	char req[256];
	struct nlmsghdr *nlh = ltp_request(req, LTP_CMD_ENGINE_SET, 0);
	struct ends ends = {};
	int i, tx[3];

	mnl_attr_put_u64(nlh, LTP_A_ENGINE_ID, 2);
	mnl_attr_put_u32(nlh, LTP_A_ENGINE_MAX_IMPORTS, 3);
	ASSERT_EQ(0, nl_ask(nlh, NULL, NULL));
	ASSERT_EQ(0, span_set(1, 2, LTP_A_SPAN_MARGIN, 100000000, 8));
	for (i = 0; i < 3; i++) {
		tx[i] = sender(SOCK_RDM, SVC);
		ASSERT_EQ(70000, send_block(tx[i], i, 0, 70000, MSG_MORE));
	}
	EXPECT_EQ(3, sessions(false));
	ASSERT_EQ(1000, send_cookie(self->tx, 9, 1000, 0));
	EXPECT_FALSE(wait_for(self->rx, POLLIN, WHILE));
	EXPECT_LT(0, stat_get(LTP_A_STATS_DROP_LIMIT));
	abandon(tx[0]);
	EXPECT_TRUE(got_block(self->rx, 9, 1000));
	abandon(tx[1]);
	abandon(tx[2]);
	EXPECT_TRUE(quiet());
	take_ends(self->tx, &ends, 0);
	EXPECT_EQ(1, ends.n_completed);
}

TEST_HARNESS_MAIN
