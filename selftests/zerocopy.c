// SPDX-License-Identifier: GPL-2.0
/*
 * Payload that is not copied: MSG_ZEROCOPY and its notifications, sendfile()
 * and splice().
 *
 *	engine 1 --- lo, MTU 65536 --- engine 2
 *
 * On this way buffers are copied when they arrive, and the notifications say
 * so, but not before the block is claimed.  Of what goes out through a dummy
 * device nothing is ever copied.
 */
#include <time.h>

#include <linux/errqueue.h>
#include <linux/ltp_netlink.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "ksft_ltp.h"

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY	60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY	0x4000000
#endif

/* Large enough not to be copied by choice. */
#define LARGE		16000

FIXTURE(zc)
{
	int rx, tx;
	u8 *buf;
};

#define ROOM		(4 << 20)

FIXTURE_SETUP(zc)
{
	ASSERT_EQ(NULL, two_engines());
	self->rx = receiver(SOCK_RDM, SVC);
	ASSERT_LE(0, self->rx);
	self->tx = sender(SOCK_RDM, SVC);
	ASSERT_LE(0, self->tx);
	ASSERT_EQ(0, set_u32(self->tx, LTP_ZEROCOPY, 1));
	ASSERT_EQ(0, set_u32(self->tx, LTP_SEGMENT_SIZE, LARGE));
	self->buf = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->buf);
}

FIXTURE_TEARDOWN(zc)
{
	abandon(self->tx);
	close(self->rx);
	munmap(self->buf, ROOM);
}

/* The next notification, waiting @ms for it at most. */
static bool got_free(int fd, struct sock_extended_err *ee, int ms)
{
	return got_error(fd, LTP_RECVERR, ee, sizeof(*ee), ms) &&
	       ee->ee_origin == SO_EE_ORIGIN_ZEROCOPY && !ee->ee_errno;
}

/* Waits until messages @lo to @hi are free, in any number of ranges. */
static bool all_free(int fd, u32 lo, u32 hi)
{
	struct sock_extended_err ee;

	while (lo <= hi) {
		if (!got_free(fd, &ee, SOON) || ee.ee_info != lo ||
		    ee.ee_data < lo || ee.ee_data > hi) {
			fprintf(stderr, "# [%u, %u] free, not from %u to %u\n",
				ee.ee_info, ee.ee_data, lo, hi);
			return false;
		}
		lo = ee.ee_data + 1;
	}
	return true;
}

static ssize_t send_zc(int fd, u8 *buf, u64 seed, size_t len, int flags)
{
	fill(buf, len, seed, 0);
	return send(fd, buf, len, MSG_ZEROCOPY | MSG_NOSIGNAL | flags);
}

TEST_F(zc, option)
{
	struct sock_extended_err ee;
	int one = 1;

	EXPECT_FAILS(EINVAL, set_u32(self->tx, LTP_ZEROCOPY, 2));
	EXPECT_EQ(1, get_int(self->tx, SOL_LTP, LTP_ZEROCOPY));
	EXPECT_EQ(1, get_int(self->tx, SOL_SOCKET, SO_ZEROCOPY));
	ASSERT_EQ(0, set_u32(self->tx, LTP_ZEROCOPY, 0));
	EXPECT_EQ(0, get_int(self->tx, SOL_LTP, LTP_ZEROCOPY));
	/* Without it the flag means nothing. */
	EXPECT_EQ(100000, send_zc(self->tx, self->buf, 1, 100000, 0));
	memset(self->buf, 0, 100000);
	EXPECT_TRUE(got_block(self->rx, 1, 100000));
	ASSERT_TRUE(quiet());
	EXPECT_FALSE(got_free(self->tx, &ee, 0));
	if (!kernel_at_least(6, 7))
		return;
	ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET, SO_ZEROCOPY, &one,
				sizeof(one)));
	EXPECT_EQ(1, get_int(self->tx, SOL_LTP, LTP_ZEROCOPY));
}

TEST_F(zc, content)
{
	/* Around a page, a segment, a burst, and many; 0: the largest. */
	static const size_t sizes[] = {
		1, 4097, 15960, 15990, 40000, 65490, 65536, 300001,
		(1 << 20) + 1,
	};
	static const u32 segments[] = { 0, LARGE };
	u32 id = 0;
	int i, j;

	span_set(1, 2, LTP_A_SPAN_SEGMENT_SIZE, 0, 4);
	for (j = 0; j < ARRAY_SIZE(segments); j++) {
		set_u32(self->tx, LTP_SEGMENT_SIZE, segments[j]);
		for (i = 0; i < ARRAY_SIZE(sizes); i++, id++) {
			u8 *from = self->buf + (i % 3) * 1001;

			ASSERT_EQ(sizes[i], send_zc(self->tx, from, id,
						    sizes[i], 0));
			ASSERT_TRUE(got_block(self->rx, id, sizes[i]));
			ASSERT_TRUE(all_free(self->tx, id, id));
		}
	}
	EXPECT_TRUE(quiet());
}

TEST_F(zc, small_segments_are_copied)
{
	struct sock_extended_err ee;

	ASSERT_EQ(0, set_u32(self->tx, LTP_SEGMENT_SIZE, 1400));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_STOP));
	ASSERT_EQ(100000, send_zc(self->tx, self->buf, 1, 100000, 0));
	/* At once, though nobody answers. */
	ASSERT_TRUE(got_free(self->tx, &ee, 0));
	EXPECT_EQ(SO_EE_CODE_ZEROCOPY_COPIED, ee.ee_code);
	memset(self->buf, 0, 100000);
	EXPECT_TRUE(got_block(self->rx, 1, 100000));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_START));
	EXPECT_TRUE(quiet());
}

TEST_F(zc, free_when_claimed)
{
	struct sock_extended_err ee;
	int i;

	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_STOP));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(100000, send_zc(self->tx, self->buf + i * 100000, i,
					  100000, 0));
		EXPECT_TRUE(got_block(self->rx, i, 100000));
	}
	EXPECT_FALSE(got_free(self->tx, &ee, WHILE));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_START));
	ASSERT_TRUE(quiet());
	EXPECT_TRUE(all_free(self->tx, 0, 2));
	EXPECT_FALSE(got_free(self->tx, &ee, 0));
}

TEST_F(zc, free_when_cancelled)
{
	struct sock_extended_err ee;
	struct ltp_notice n;

	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES,
			     LTP_NOTICE_BIT(LTP_NOTICE_START)));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_STOP));
	ASSERT_EQ(100000, send_zc(self->tx, self->buf, 1, 100000, 0));
	/* Both kinds share the queue. */
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	EXPECT_FALSE(got_free(self->tx, &ee, WHILE));
	ASSERT_EQ(0, session_cancel(1, 2, n.session, true));
	EXPECT_TRUE(all_free(self->tx, 0, 0));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_START));
	EXPECT_TRUE(quiet());
}

/* What is changed in time is sent as it is then, unless it was copied. */
TEST_F(zc, pages_are_referred_to)
{
	u8 got[4 * LARGE];
	int zc;

	for (zc = 1; zc >= 0; zc--) {
		ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_STOP));
		fill(self->buf, sizeof(got), 1, 0);
		ASSERT_EQ(sizeof(got), send(self->tx, self->buf, sizeof(got),
					    zc ? MSG_ZEROCOPY : 0));
		fill(self->buf, sizeof(got), 2, 0);
		ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_START));
		ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
		ASSERT_EQ(sizeof(got), recv(self->rx, got, sizeof(got), 0));
		/* The first page, not every scrap of one. */
		EXPECT_TRUE(same(got, 4096, zc ? 2 : 1, 0));
		ASSERT_TRUE(quiet());
	}
	EXPECT_TRUE(all_free(self->tx, 0, 0));
}

TEST_F(zc, pieces)
{
	static const size_t len[] = { 50000, 10, 70001, 3, 3000, 9000, 20000 };
	size_t at = 0;
	int i, n = ARRAY_SIZE(len);

	fill(self->buf, ROOM, 1, 0);
	for (i = 0; i < n; at += len[i], i++)
		ASSERT_EQ(len[i], send(self->tx, self->buf + at, len[i],
				       (i % 3 == 2 ? 0 : MSG_ZEROCOPY) |
				       (i < n - 1 ? MSG_MORE : 0)));
	EXPECT_TRUE(got_block(self->rx, 1, at));
	ASSERT_TRUE(quiet());
	/* Those that fit into no segment are free at once. */
	for (i = 0; i < 5; i++) {
		struct sock_extended_err ee;

		if (!got_free(self->tx, &ee, 0))
			break;
		EXPECT_GE(4, ee.ee_data);
		i += ee.ee_data - ee.ee_info;
	}
	EXPECT_EQ(5, i);
}

TEST_F(zc, gathered)
{
	static const size_t steps[] = { 100, 650, 5000 };
	struct iovec iov[100];
	int i, j;

	ASSERT_EQ(0, span_set(1, 2, LTP_A_SPAN_SEGMENT_SIZE, 0, 4));
	for (j = 0; j < ARRAY_SIZE(steps); j++) {
		set_u32(self->tx, LTP_SEGMENT_SIZE, j == 2 ? LARGE : 0);
		for (i = 0; i < 100; i++) {
			iov[i].iov_base = self->buf + i * 8192 + 77;
			iov[i].iov_len = steps[j];
			fill(iov[i].iov_base, steps[j], j, i * steps[j]);
		}
		struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 100 };

		ASSERT_EQ(100 * steps[j], sendmsg(self->tx, &msg,
						  MSG_ZEROCOPY));
		EXPECT_TRUE(got_block(self->rx, j, 100 * steps[j]));
	}
	ASSERT_TRUE(quiet());
	EXPECT_TRUE(all_free(self->tx, 0, 2));
}

/* How much of the mapping that @p is in are huge pages. */
static unsigned long huge_kb(const void *p)
{
	unsigned long from, to, addr = (unsigned long)p, kb = 0;
	FILE *f = fopen("/proc/self/smaps", "r");
	bool here = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= addr && addr < to;
		else if (here && sscanf(line, "AnonHugePages: %lu", &kb) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kb;
}

TEST_F(zc, huge_pages)
{
	u8 *huge = (u8 *)(((unsigned long)self->buf + (2 << 20) - 1) &
			  ~((2UL << 20) - 1));

	if (madvise(huge, 2 << 20, MADV_HUGEPAGE))
		SKIP(return, "a kernel without huge pages");
	/* The page comes with the first byte. */
	fill(huge + 5, 1000000, 1, 0);
	if (!huge_kb(huge))
		SKIP(return, "no huge page to be had");
	ASSERT_EQ(1000000, send_zc(self->tx, huge + 5, 1, 1000000, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 1000000));
	EXPECT_TRUE(all_free(self->tx, 0, 0));
}

TEST_F(zc, bad_buffer)
{
	struct sock_extended_err ee;

	ASSERT_EQ(0, munmap(self->buf + 65536, 65536));
	EXPECT_FAILS(EFAULT, send(self->tx, self->buf, 131072, MSG_ZEROCOPY));
	EXPECT_FAILS(EDESTADDRREQ, sendto(socket(AF_LTP, SOCK_RDM, 0), "x", 1,
					  MSG_ZEROCOPY, NULL, 0));
	ASSERT_TRUE(quiet());
	/* A message that failed has no number. */
	EXPECT_FALSE(got_free(self->tx, &ee, 0));
	EXPECT_EQ(50000, send_zc(self->tx, self->buf, 1, 50000, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 50000));
	EXPECT_TRUE(all_free(self->tx, 0, 0));
}

TEST_F(zc, no_room_for_notifications)
{
	struct sock_extended_err ee;
	int n = 0, i;

	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_STOP));
	while (n < 2000 && send(self->tx, self->buf, 8000, MSG_ZEROCOPY |
				MSG_DONTWAIT) == 8000)
		n++;
	EXPECT_EQ(ENOBUFS, errno);
	EXPECT_LT(5, n);
	EXPECT_GT(2000, n);
	/* Others are none the worse. */
	EXPECT_EQ(8000, send(self->tx, self->buf, 8000, MSG_DONTWAIT));
	EXPECT_FALSE(got_free(self->tx, &ee, 0));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_START));
	ASSERT_TRUE(quiet());
	for (i = 0; i < n && got_free(self->tx, &ee, 0); i++)
		i += ee.ee_data - ee.ee_info;
	EXPECT_EQ(n, i);
	EXPECT_EQ(8000, send(self->tx, self->buf, 8000, MSG_ZEROCOPY));
	EXPECT_TRUE(all_free(self->tx, n, n));
}

TEST_F(zc, locked_memory)
{
	struct rlimit lim = { 200000, 200000 };
	int fd, i;

	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &lim));
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_FAILS(ENOBUFS, send_zc(self->tx, self->buf, 1, 300000, 0));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(100000, send_zc(self->tx, self->buf, 1, 100000, 0));
		EXPECT_TRUE(all_free(self->tx, i, i));
	}
	/* A closed socket's pages are given back when its blocks end. */
	fd = sender(SOCK_RDM, SVC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_u32(fd, LTP_ZEROCOPY, 1));
	ASSERT_EQ(0, set_u32(fd, LTP_SEGMENT_SIZE, LARGE));
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_STOP));
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(150000, send_zc(fd, self->buf, 1, 150000, 0));
	close(fd);
	EXPECT_FAILS(ENOBUFS, send_zc(self->tx, self->buf, 1, 100000, 0));
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_START));
	ASSERT_TRUE(quiet());
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(150000, send_zc(self->tx, self->buf, 1, 150000, 0));
	EXPECT_TRUE(all_free(self->tx, i, i));
	ASSERT_EQ(0, seteuid(0));
}

TEST_F(zc, small_buffer)
{
	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 40000));
	EXPECT_EQ(2000000, send_zc(self->tx, self->buf, 1, 2000000, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 2000000));
	EXPECT_TRUE(all_free(self->tx, 0, 0));
}

TEST_F(zc, green)
{
	int rx = receiver(SOCK_DGRAM, SVC + 1);
	int tx = sender(SOCK_DGRAM, SVC + 1);
	size_t at = 0;
	ssize_t n;

	ASSERT_EQ(0, set_u32(tx, LTP_ZEROCOPY, 1));
	ASSERT_EQ(0, set_u32(tx, LTP_SEGMENT_SIZE, LARGE));
	ASSERT_EQ(100000, send_zc(tx, self->buf, 1, 100000, 0));
	for (; at < 100000; at += n) {
		u8 got[LARGE];

		ASSERT_TRUE(wait_for(rx, POLLIN, SOON));
		n = recv(rx, got, sizeof(got), 0);
		ASSERT_LT(0, n);
		ASSERT_TRUE(same(got, n, 1, at));
	}
	EXPECT_TRUE(all_free(tx, 0, 0));
	close(rx);
	close(tx);
}

/* Where no receiver on this machine has the pages, nothing is copied. */
TEST_F(zc, not_copied)
{
	static const char *const setup[] = {
		"ip link add zc0 mtu 16000 type dummy",
		"ip addr add 10.99.0.1/24 dev zc0",
		"ip link set zc0 up",
		"ltp engine add 3 local 10.99.0.1 port 2113",
		"ltp span add engine 3 to 4 addr 10.99.0.2 rate unlimited",
	};
	struct sock_extended_err ee;
	int tx, i;

	for (i = 0; i < ARRAY_SIZE(setup); i++)
		ASSERT_EQ(0, system(setup[i]));
	tx = socket(AF_LTP, SOCK_DGRAM, 0);
	ASSERT_EQ(0, ltp_connect(tx, 4, SVC));
	ASSERT_EQ(0, set_u32(tx, LTP_ZEROCOPY, 1));
	ASSERT_EQ(300000, send_zc(tx, self->buf, 1, 300000, 0));
	ASSERT_TRUE(got_free(tx, &ee, SOON));
	EXPECT_EQ(0, ee.ee_info);
	EXPECT_EQ(0, ee.ee_data);
	EXPECT_EQ(0, ee.ee_code);
	close(tx);
}

TEST_F(zc, loss)
{
	int i;

	ASSERT_EQ(0, span_set(1, 2, LTP_A_SPAN_MARGIN, 20000000, 8));
	ASSERT_EQ(0, system("tc qdisc add dev lo root netem limit 10000 loss 15%"));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(600000, send_zc(self->tx, self->buf + i * 600000, i,
					  600000, 0));
		ASSERT_TRUE(got_block(self->rx, i, 600000));
		/* A lost report would let the next block be the first. */
		ASSERT_TRUE(all_free(self->tx, i, i));
	}
	ASSERT_EQ(0, system("tc qdisc del dev lo root"));
	ASSERT_TRUE(quiet());
	EXPECT_LT(0, stat_get(LTP_A_STATS_RTX_SEGMENTS));
}

/* --- sendfile(), splice() --- */

TEST_F(zc, sendfile)
{
	static const size_t sizes[] = {
		1, 4096, 65536, 65537, 300000, (1 << 20) + 1,
	};
	static const u32 segments[] = { 0, 1400, LARGE };
	int i, j, fd;

	span_set(1, 2, LTP_A_SPAN_SEGMENT_SIZE, 0, 4);
	for (j = 0; j < ARRAY_SIZE(segments); j++) {
		set_u32(self->tx, LTP_SEGMENT_SIZE, segments[j]);
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			fd = file_with(i, sizes[i]);
			ASSERT_EQ(sizes[i], sendfile(self->tx, fd, NULL,
						     sizes[i]));
			ASSERT_TRUE(got_block(self->rx, i, sizes[i]));
			close(fd);
		}
	}
	EXPECT_TRUE(quiet());
}

TEST_F(zc, sendfile_refers_to_the_file)
{
	int fd = file_with(1, 4 * LARGE);
	u8 got[4 * LARGE];

	if (!kernel_at_least(6, 5))
		SKIP(return, "it copies");
	ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_STOP));
	ASSERT_EQ(sizeof(got), sendfile(self->tx, fd, NULL, sizeof(got)));
	fill(self->buf, sizeof(got), 2, 0);
	ASSERT_EQ(sizeof(got), pwrite(fd, self->buf, sizeof(got), 0));
	ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_START));
	ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
	ASSERT_EQ(sizeof(got), recv(self->rx, got, sizeof(got), 0));
	EXPECT_TRUE(same(got, 4096, 2, 0));
	close(fd);
	EXPECT_TRUE(quiet());
}

TEST_F(zc, files_in_one_block)
{
	u64 red = 100000;
	int i, fd;

	/* Each but the last says that more follows. */
	for (i = 0; i < 3; i++) {
		u8 *part = self->buf + i * 50000;
		int p[2];

		ASSERT_EQ(0, set_u64(self->tx, LTP_RED_LENGTH, red));
		fd = memfd_create("part", 0);
		fill(part, 50000, 1, i * 50000);
		ASSERT_EQ(50000, write(fd, part, 50000));
		lseek(fd, 0, SEEK_SET);
		ASSERT_EQ(0, pipe(p));
		ASSERT_EQ(50000, splice(fd, NULL, p[1], NULL, 50000, 0));
		ASSERT_EQ(50000, splice(p[0], NULL, self->tx, NULL, 50000,
					i < 2 ? SPLICE_F_MORE : 0));
		close(p[0]);
		close(p[1]);
		close(fd);
	}
	/* The red part, then green segments. */
	EXPECT_TRUE(got_block(self->rx, 1, 100000));
	for (i = 100000; i < 150000; ) {
		u8 got[LARGE];
		ssize_t n;

		ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
		n = recv(self->rx, got, sizeof(got), 0);
		ASSERT_LT(0, n);
		ASSERT_TRUE(same(got, n, 1, i));
		i += n;
	}
	EXPECT_TRUE(quiet());
}

/* --- splice() from the socket --- */

/* Splices a whole block into a file; returns its bytes. */
static ssize_t block_to_file(int fd, int file, size_t chunk)
{
	ssize_t left, n, m, total = 0;
	int p[2];

	if (!wait_for(fd, POLLIN, SOON) || pipe(p))
		return -1;
	left = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
	for (; left > 0; left -= n) {
		n = splice(fd, NULL, p[1], NULL, chunk, 0);
		if (n <= 0)
			break;
		total += n;
		for (m = n; m > 0; ) {
			ssize_t k = splice(p[0], NULL, file, NULL, m, 0);

			if (k <= 0)
				return -1;
			m -= k;
		}
	}
	close(p[0]);
	close(p[1]);
	return left ? -1 : total;
}

TEST_F(zc, block_to_file)
{
	static const size_t sizes[] = { 1, 1400, 4097, 100000, (1 << 20) + 1 };
	static const u32 segments[] = { 0, 1400, LARGE };
	static const size_t chunks[] = { 1000, 65536, 1 << 30 };
	int i, j, k, file;
	u8 *map;

	span_set(1, 2, LTP_A_SPAN_SEGMENT_SIZE, 0, 4);
	for (j = 0; j < ARRAY_SIZE(segments); j++) {
		set_u32(self->tx, LTP_SEGMENT_SIZE, segments[j]);
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			k = (i + j) % ARRAY_SIZE(chunks);
			file = memfd_create("block", 0);
			ASSERT_EQ(sizes[i], send_block(self->tx, i, 0,
						       sizes[i], 0));
			/* It ends where the block does. */
			ASSERT_EQ(100, send_block(self->tx, 99, 0, 100, 0));
			ASSERT_EQ(sizes[i], block_to_file(self->rx, file,
							  chunks[k]));
			map = mmap(NULL, sizes[i], PROT_READ, MAP_SHARED,
				   file, 0);
			ASSERT_NE(MAP_FAILED, map);
			ASSERT_TRUE(same(map, sizes[i], i, 0));
			munmap(map, sizes[i]);
			close(file);
			ASSERT_TRUE(got_block(self->rx, 99, 100));
		}
	}
	EXPECT_TRUE(quiet());
}

/* A file goes from one disk to another: nobody copies through user space. */
TEST_F(zc, file_to_file)
{
	int from = file_with(1, 777777), to = memfd_create("copy", 0);
	u8 *map;

	ASSERT_EQ(777777, sendfile(self->tx, from, NULL, 777777));
	ASSERT_EQ(777777, block_to_file(self->rx, to, 1 << 30));
	map = mmap(NULL, 777777, PROT_READ, MAP_SHARED, to, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_TRUE(same(map, 777777, 1, 0));
	munmap(map, 777777);
	close(from);
	close(to);
}

TEST_F(zc, splice_then_recv)
{
	u8 got[50000];
	ssize_t n;
	int p[2];

	ASSERT_EQ(0, pipe(p));
	EXPECT_FAILS(EAGAIN, splice(self->rx, NULL, p[1], NULL, 10,
				    SPLICE_F_NONBLOCK));
	ASSERT_EQ(50000, send_block(self->tx, 1, 0, 50000, 0));
	ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
	/* What one does not take the other finds. */
	ASSERT_EQ(1000, recv(self->rx, got, 1000, 0));
	n = splice(self->rx, NULL, p[1], NULL, 20000, 0);
	ASSERT_LT(0, n);
	ASSERT_GE(20000, n);
	ASSERT_EQ(n, read(p[0], got + 1000, n));
	ASSERT_EQ(49000 - n, recv(self->rx, got + 1000 + n, 50000, 0));
	EXPECT_TRUE(same(got, 50000, 1, 0));
	EXPECT_FAILS(EAGAIN, splice(self->rx, NULL, p[1], NULL, 10,
				    SPLICE_F_NONBLOCK));
	ASSERT_EQ(0, shutdown(self->rx, SHUT_RD));
	EXPECT_EQ(0, splice(self->rx, NULL, p[1], NULL, 10, 0));
	close(p[0]);
	close(p[1]);
}

TEST_F(zc, splice_green)
{
	int rx = receiver(SOCK_DGRAM, SVC + 1);
	int tx = sender(SOCK_DGRAM, SVC + 1);
	u8 got[3000];
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, set_u32(tx, LTP_SEGMENT_SIZE, LARGE));
	ASSERT_EQ(3000, send_block(tx, 1, 0, 3000, 0));
	ASSERT_EQ(2000, send_block(tx, 2, 0, 2000, 0));
	ASSERT_TRUE(wait_for(rx, POLLIN, SOON));
	/* A short buffer cuts a datagram; the next call gets the next one. */
	ASSERT_EQ(10, splice(rx, NULL, p[1], NULL, 10, 0));
	ASSERT_EQ(10, read(p[0], got, 3000));
	EXPECT_TRUE(same(got, 10, 1, 0));
	ASSERT_TRUE(wait_for(rx, POLLIN, SOON));
	ASSERT_EQ(2000, splice(rx, NULL, p[1], NULL, 3000, 0));
	ASSERT_EQ(2000, read(p[0], got, 3000));
	EXPECT_TRUE(same(got, 2000, 2, 0));
	close(p[0]);
	close(p[1]);
	close(rx);
	close(tx);
}

TEST_HARNESS_MAIN
