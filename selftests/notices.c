// SPDX-License-Identifier: GPL-2.0
/*
 * Notices of AF_LTP sockets (RFC 5326, section 7): which, when, how often;
 * errors of those who did not ask for them; lingering.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "ksft_ltp.h"

FIXTURE(notices)
{
	int rx, tx;
};

FIXTURE_SETUP(notices)
{
	ASSERT_EQ(NULL, two_engines());
	self->rx = receiver(SOCK_RDM, SVC);
	ASSERT_LE(0, self->rx);
	self->tx = sender(SOCK_RDM, SVC);
	ASSERT_LE(0, self->tx);
}

FIXTURE_TEARDOWN(notices)
{
	abandon(self->tx);
	close(self->rx);
}

TEST_F(notices, none_unless_asked_for)
{
	struct ltp_notice n;

	ASSERT_EQ(50, send_cookie(self->tx, 1, 50, 0));
	ASSERT_TRUE(quiet());
	EXPECT_FALSE(wait_for(self->tx, POLLERR, 0));
	EXPECT_FALSE(got_notice(self->tx, &n, 0));
}

TEST_F(notices, of_a_block)
{
	static const u32 kinds[] = {
		LTP_NOTICE_START, LTP_NOTICE_SENT, LTP_NOTICE_COMPLETED
	};
	struct ltp_notice n[3], more;
	int i;

	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ALL));
	ASSERT_EQ(5000, send_cookie(self->tx, 0x123456789abcdefULL, 5000, 0));
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(got_notice(self->tx, &n[i], SOON));
		EXPECT_EQ(kinds[i], n[i].kind);
		EXPECT_EQ(0x123456789abcdefULL, n[i].cookie);
		EXPECT_EQ(2, n[i].engine);
		EXPECT_EQ(SVC, n[i].service);
		EXPECT_EQ(1, n[i].originator);
		EXPECT_NE(0, n[i].session);
		EXPECT_EQ(n[0].session, n[i].session);
		EXPECT_EQ(i ? 5000 : 0, n[i].length);
		EXPECT_EQ(0, n[i].reason);
		EXPECT_EQ(0, n[i].flags);
		EXPECT_EQ(0, n[i].err);
	}
	EXPECT_FALSE(got_notice(self->tx, &more, 0));
	EXPECT_FALSE(wait_for(self->tx, POLLERR, 0));
}

TEST_F(notices, mask)
{
	u32 kind;
	struct ltp_notice n;

	for (kind = LTP_NOTICE_START; kind < LTP_NOTICE_CANCELLED; kind++) {
		ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES,
				     LTP_NOTICE_BIT(kind)));
		ASSERT_EQ(50, send_cookie(self->tx, kind, 50, 0));
		ASSERT_TRUE(got_notice(self->tx, &n, SOON));
		EXPECT_EQ(kind, n.kind);
		EXPECT_EQ(kind, n.cookie);
		ASSERT_TRUE(quiet());
		EXPECT_FALSE(got_notice(self->tx, &n, 0));
	}
}

TEST_F(notices, of_pieces)
{
	struct ltp_notice n;

	/* The cookie of the first piece is the block's. */
	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ALL));
	ASSERT_EQ(3000, send_cookie(self->tx, 5, 3000, MSG_MORE));
	ASSERT_EQ(3000, send_cookie(self->tx, 6, 3000, MSG_MORE));
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_START, n.kind);
	EXPECT_EQ(5, n.cookie);
	EXPECT_FALSE(got_notice(self->tx, &n, WHILE));
	ASSERT_EQ(0, send(self->tx, "", 0, 0));
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_SENT, n.kind);
	EXPECT_EQ(5, n.cookie);
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_COMPLETED, n.kind);
	EXPECT_EQ(5, n.cookie);
	EXPECT_EQ(6000, n.length);
	/* No cookie is cookie 0. */
	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ENDS));
	ASSERT_EQ(50, send_block(self->tx, 1, 0, 50, 0));
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	EXPECT_EQ(0, n.cookie);
}

TEST_F(notices, of_green_blocks)
{
	struct ltp_notice n;
	int tx = sender(SOCK_DGRAM, SVC);

	/* It is complete once it left. */
	ASSERT_EQ(0, set_u32(tx, LTP_NOTICES, LTP_NOTICE_ALL));
	ASSERT_EQ(5000, send_cookie(tx, 8, 5000, 0));
	ASSERT_TRUE(got_notice(tx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_START, n.kind);
	ASSERT_TRUE(got_notice(tx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_SENT, n.kind);
	ASSERT_TRUE(got_notice(tx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_COMPLETED, n.kind);
	EXPECT_EQ(8, n.cookie);
	EXPECT_EQ(5000, n.length);
	EXPECT_TRUE(quiet());
	/* Unless nobody is there, who says so before all has left. */
	ASSERT_EQ(0, set_u32(tx, LTP_NOTICES, LTP_NOTICE_ENDS));
	ASSERT_EQ(0, ltp_connect(tx, 2, SVC + 1));
	ASSERT_EQ(5000, send_cookie(tx, 9, 5000, 0));
	ASSERT_TRUE(got_notice(tx, &n, SOON));
	EXPECT_EQ(9, n.cookie);
	EXPECT_TRUE(quiet());
	EXPECT_FALSE(got_notice(tx, &n, 0));
	close(tx);
}

TEST_F(notices, nobody_bound)
{
	struct ltp_notice n;

	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ENDS));
	ASSERT_EQ(0, ltp_connect(self->tx, 2, SVC + 9));
	ASSERT_EQ(5000, send_cookie(self->tx, 7, 5000, 0));
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_CANCELLED, n.kind);
	EXPECT_EQ(LTP_REASON_UNREACH, n.reason);
	EXPECT_EQ(LTP_NOTICE_BY_PEER, n.flags);
	EXPECT_EQ(ECONNREFUSED, n.err);
	EXPECT_EQ(7, n.cookie);
	EXPECT_EQ(SVC + 9, n.service);
	EXPECT_TRUE(quiet());
	EXPECT_FALSE(got_notice(self->tx, &n, 0));
	/* Told is told: no error besides. */
	EXPECT_EQ(0, get_int(self->tx, SOL_SOCKET, SO_ERROR));
	EXPECT_LT(0, stat_get(LTP_A_STATS_DROP_NO_SERVICE));
}

TEST_F(notices, error_instead)
{
	char c;

	ASSERT_EQ(0, ltp_connect(self->tx, 2, SVC + 9));
	/* COMPLETED alone does not tell of a block that was cancelled. */
	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES,
			     LTP_NOTICE_BIT(LTP_NOTICE_COMPLETED)));
	ASSERT_EQ(50, send_block(self->tx, 1, 0, 50, 0));
	ASSERT_TRUE(wait_for(self->tx, POLLERR, SOON));
	EXPECT_EQ(ECONNREFUSED, get_int(self->tx, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(0, get_int(self->tx, SOL_SOCKET, SO_ERROR));
	EXPECT_FALSE(wait_for(self->tx, POLLERR, 0));

	ASSERT_EQ(50, send_block(self->tx, 1, 0, 50, 0));
	ASSERT_TRUE(wait_for(self->tx, POLLERR, SOON));
	EXPECT_FAILS(ECONNREFUSED, send_block(self->tx, 1, 0, 50, 0));
	/* Once. */
	ASSERT_EQ(50, send_block(self->tx, 1, 0, 50, 0));
	ASSERT_TRUE(wait_for(self->tx, POLLERR, SOON));
	EXPECT_FAILS(ECONNREFUSED, recv(self->tx, &c, 1, 0));
	EXPECT_FAILS(EAGAIN, recv(self->tx, &c, 1, MSG_DONTWAIT));
	EXPECT_FAILS(EAGAIN, recv(self->tx, &c, 1, MSG_ERRQUEUE));
}

TEST_F(notices, nobody_answers)
{
	struct ltp_notice n;

	ASSERT_EQ(0, span_add(1, 9, 9999, UINT64_MAX));
	ASSERT_EQ(0, span_set(1, 9, LTP_A_SPAN_MARGIN, 30000000, 8));
	ASSERT_EQ(0, span_set(1, 9, LTP_A_SPAN_MAX_RETRIES, 2, 4));
	ASSERT_EQ(0, ltp_connect(self->tx, 9, SVC));
	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ENDS));
	ASSERT_EQ(5000, send_cookie(self->tx, 3, 5000, 0));
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_CANCELLED, n.kind);
	EXPECT_EQ(LTP_REASON_RLEXC, n.reason);
	EXPECT_EQ(0, n.flags);
	EXPECT_EQ(ETIMEDOUT, n.err);
	EXPECT_EQ(3, n.cookie);
	EXPECT_EQ(9, n.engine);
	/* The cancel segment too is sent as often, then forgotten. */
	EXPECT_TRUE(quiet());
	EXPECT_EQ(2, stat_get(LTP_A_STATS_RTX_CHECKPOINTS));
	EXPECT_EQ(3, stat_get(LTP_A_STATS_TX_CANCELS));
	EXPECT_FALSE(got_notice(self->tx, &n, 0));
	/* Without the opt-in. */
	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, 0));
	ASSERT_EQ(50, send_block(self->tx, 1, 0, 50, 0));
	ASSERT_TRUE(wait_for(self->tx, POLLERR, SOON));
	EXPECT_FAILS(ETIMEDOUT, send_block(self->tx, 1, 0, 50, 0));
	EXPECT_TRUE(quiet());
}

/* Next to no round trip, and nobody there: resends keep their distance. */
TEST_F(notices, nobody_answers_at_once)
{
	struct ltp_notice n;
	s64 began;

	ASSERT_EQ(0, span_add(1, 9, 9999, UINT64_MAX));
	ASSERT_EQ(0, span_set(1, 9, LTP_A_SPAN_MARGIN, 1, 8));
	ASSERT_EQ(0, span_set(1, 9, LTP_A_SPAN_MAX_RETRIES, 12, 4));
	ASSERT_EQ(0, ltp_connect(self->tx, 9, SVC));
	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ENDS));
	began = now_ms();
	ASSERT_EQ(5000, send_cookie(self->tx, 3, 5000, 0));
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	EXPECT_EQ(LTP_REASON_RLEXC, n.reason);
	/* 1 + 2 + 4 + ... + 32, and 7 times 64 */
	EXPECT_LE(510, now_ms() - began);
	EXPECT_TRUE(quiet());
	EXPECT_EQ(12, stat_get(LTP_A_STATS_RTX_CHECKPOINTS));
}

TEST_F(notices, engine_deleted)
{
	struct ltp_notice n;

	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ENDS));
	slow_down(self->tx);
	ASSERT_EQ(5000, send_cookie(self->tx, 4, 5000, 0));
	ASSERT_EQ(0, engine_del(1));
	ASSERT_TRUE(got_notice(self->tx, &n, 0));
	EXPECT_EQ(LTP_NOTICE_CANCELLED, n.kind);
	EXPECT_EQ(LTP_REASON_SYS_CNCLD, n.reason);
	EXPECT_EQ(0, n.flags);
	EXPECT_EQ(ENOBUFS, n.err);
	EXPECT_EQ(4, n.cookie);
	EXPECT_FALSE(got_notice(self->tx, &n, 0));
	EXPECT_EQ(0, sessions(true));
}

TEST_F(notices, cancelled_inside_a_block)
{
	struct ltp_notice n;

	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ENDS));
	ASSERT_EQ(0, ltp_connect(self->tx, 2, SVC + 9));
	ASSERT_EQ(40000, send_cookie(self->tx, 1, 40000, MSG_MORE));
	ASSERT_TRUE(wait_for(self->tx, POLLERR, SOON));
	/* The piece that comes too late says why, and ends the block. */
	EXPECT_FAILS(ECONNREFUSED, send_block(self->tx, 1, 0, 10, MSG_MORE));
	ASSERT_EQ(0, ltp_connect(self->tx, 2, SVC));
	ASSERT_EQ(60, send_cookie(self->tx, 2, 60, 0));
	EXPECT_TRUE(got_block(self->rx, 2, 60));
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_CANCELLED, n.kind);
	EXPECT_EQ(1, n.cookie);
	EXPECT_LE(38000, n.length);
	EXPECT_GE(40000, n.length);
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_COMPLETED, n.kind);
	EXPECT_EQ(2, n.cookie);
	EXPECT_TRUE(quiet());
	EXPECT_FALSE(got_notice(self->tx, &n, 0));
}

/*
 * What became of another block is no matter of one that is open: its writer
 * would take it for lost, and the next one would go on in the midst of it.
 */
TEST_F(notices, error_of_another_block)
{
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_STOP));
	ASSERT_EQ(0, ltp_connect(self->tx, 2, SVC + 9));
	ASSERT_EQ(100, send_block(self->tx, 1, 0, 100, 0));
	ASSERT_EQ(0, ltp_connect(self->tx, 2, SVC));
	ASSERT_EQ(1000, send_block(self->tx, 2, 0, 1000, MSG_MORE));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_START));
	ASSERT_TRUE(wait_for(self->tx, POLLERR, SOON));
	EXPECT_EQ(5000, send_block(self->tx, 2, 1000, 5000, MSG_MORE));
	EXPECT_EQ(10, send_block(self->tx, 2, 6000, 10, 0));
	/* It is told to the call that begins the next one. */
	EXPECT_FAILS(ECONNREFUSED, send_block(self->tx, 3, 0, 10, 0));
	EXPECT_EQ(70, send_block(self->tx, 3, 0, 70, 0));
	EXPECT_TRUE(got_block(self->rx, 2, 6010));
	EXPECT_TRUE(got_block(self->rx, 3, 70));
	/* That of its own is told once, and it is gone. */
	ASSERT_EQ(0, ltp_connect(self->tx, 2, SVC + 9));
	ASSERT_EQ(40000, send_block(self->tx, 4, 0, 40000, MSG_MORE));
	ASSERT_TRUE(wait_for(self->tx, POLLERR, SOON));
	EXPECT_FAILS(ECONNREFUSED, send_block(self->tx, 4, 0, 10, MSG_MORE));
	ASSERT_EQ(0, ltp_connect(self->tx, 2, SVC));
	EXPECT_EQ(80, send_block(self->tx, 5, 0, 80, 0));
	EXPECT_TRUE(got_block(self->rx, 5, 80));
	EXPECT_TRUE(quiet());
}

/* A block that was told to have begun has an end, though its call failed. */
TEST_F(notices, end_of_what_failed)
{
	size_t len = 1 << 20;
	struct ltp_notice n;
	int started = 0, ended = 0;
	u8 *buf;

	buf = mmap(NULL, len, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fill(buf, len, 1, 0);
	ASSERT_EQ(0, munmap(buf + len / 2, len / 2));
	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ALL));
	/* In the midst of it, and at once. */
	EXPECT_FAILS(EFAULT, send(self->tx, buf, len, 0));
	EXPECT_FAILS(EFAULT, send(self->tx, buf + len / 2, 10, 0));
	EXPECT_TRUE(quiet());
	while (got_notice(self->tx, &n, 0)) {
		started += n.kind == LTP_NOTICE_START;
		ended += n.kind == LTP_NOTICE_CANCELLED;
	}
	EXPECT_EQ(1, started);
	EXPECT_EQ(1, ended);
	EXPECT_FALSE(wait_for(self->rx, POLLIN, 0));
	munmap(buf, len / 2);
}

TEST_F(notices, one_end_for_each)
{
	enum { N = 100 };
	int ends[N] = {}, i, bad = 0;
	struct ltp_notice n;

	/* Every third goes to nobody.  Nothing is read until all have ended. */
	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ENDS));
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, ltp_connect(self->tx, 2, i % 3 ? SVC : SVC + 9));
		ASSERT_EQ(1000, send_cookie(self->tx, i, 1000, 0));
	}
	ASSERT_TRUE(quiet());
	while (got_notice(self->tx, &n, 0)) {
		ASSERT_GT(N, n.cookie);
		ends[n.cookie]++;
		if (n.kind != (n.cookie % 3 ? LTP_NOTICE_COMPLETED :
					      LTP_NOTICE_CANCELLED))
			bad++;
	}
	for (i = 0; i < N; i++)
		bad += ends[i] != 1;
	EXPECT_EQ(0, bad);
}

TEST_F(notices, cut_control)
{
	char control[CMSG_LEN(20)];
	struct msghdr msg = {
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ENDS));
	ASSERT_EQ(50, send_cookie(self->tx, 1, 50, 0));
	ASSERT_TRUE(wait_for(self->tx, POLLERR, SOON));
	EXPECT_EQ(0, recvmsg(self->tx, &msg, MSG_ERRQUEUE));
	EXPECT_EQ(MSG_CTRUNC | MSG_ERRQUEUE, msg.msg_flags);
}

TEST_F(notices, none_of_what_was_not_taken)
{
	u64 sent, cancelled;
	struct ltp_notice n;
	int i;

	/* A block that the buffer has no room for never began. */
	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 20000));
	slow_down(self->tx);
	ASSERT_LT(0, stuff(self->tx));
	sent = stat_get(LTP_A_STATS_BLOCKS_SENT);
	cancelled = stat_get(LTP_A_STATS_BLOCKS_CANCELLED);
	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ALL));
	for (i = 0; i < 5; i++) {
		EXPECT_FAILS(EAGAIN, send_cookie(self->tx, 99, 100, MSG_DONTWAIT));
		EXPECT_FAILS(EAGAIN, send_cookie(self->tx, 99, 5000,
						 MSG_DONTWAIT | MSG_MORE));
	}
	EXPECT_EQ(sent, stat_get(LTP_A_STATS_BLOCKS_SENT));
	EXPECT_EQ(cancelled, stat_get(LTP_A_STATS_BLOCKS_CANCELLED));
	while (got_notice(self->tx, &n, 0))
		EXPECT_NE(99, n.cookie);
}

TEST_F(notices, linger_zero_cancels)
{
	slow_down(self->tx);
	ASSERT_EQ(5000, send_block(self->tx, 1, 0, 5000, 0));
	EXPECT_EQ(1, sessions(true));
	abandon(self->tx);
	EXPECT_TRUE(quiet());
	EXPECT_FALSE(wait_for(self->rx, POLLIN, 0));
	EXPECT_EQ(1, stat_get(LTP_A_STATS_BLOCKS_CANCELLED));
	self->tx = sender(SOCK_RDM, SVC);
}

TEST_F(notices, linger_waits)
{
	struct linger lg = { 1, SOON / 1000 };
	s64 start;

	/* Until all is claimed: three segments, one in 700 ms. */
	slow_down(self->tx);
	ASSERT_EQ(3000, send_block(self->tx, 1, 0, 3000, 0));
	ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET, SO_LINGER, &lg,
				sizeof(lg)));
	start = now_ms();
	close(self->tx);
	EXPECT_LE(1000, now_ms() - start);
	EXPECT_GT(SOON - 1000, now_ms() - start);
	EXPECT_EQ(0, sessions(true));
	EXPECT_TRUE(got_block(self->rx, 1, 3000));

	/* Nothing to wait for. */
	self->tx = sender(SOCK_RDM, SVC);
	ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET, SO_LINGER, &lg,
				sizeof(lg)));
	start = now_ms();
	close(self->tx);
	EXPECT_GT(1000, now_ms() - start);
	self->tx = sender(SOCK_RDM, SVC);
}

/* Nobody has to wait for a process that ends, with TCP neither. */
TEST_F(notices, linger_not_at_exit)
{
	struct linger lg = { 1, 1000 };
	int status = -1;
	s64 start;
	pid_t pid;

	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_STOP));
	start = now_ms();
	pid = fork();
	if (!pid) {
		int fd = sender(SOCK_RDM, SVC);

		_exit(setsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg)) ||
		      send_block(fd, 1, 0, 5000, 0) != 5000);
	}
	while (!waitpid(pid, &status, WNOHANG) && now_ms() - start < SOON)
		usleep(10000);
	EXPECT_EQ(0, status);
	/* The block goes on. */
	EXPECT_EQ(1, sessions(true));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_START));
	EXPECT_TRUE(got_block(self->rx, 1, 5000));
	EXPECT_TRUE(quiet());
	if (status == -1)
		waitpid(pid, &status, 0);
}

TEST_F(notices, linger_gives_up)
{
	struct linger lg = { 1, 1 };
	s64 start;

	slow_down(self->tx);
	ASSERT_EQ(9000, send_block(self->tx, 1, 0, 9000, 0));
	ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET, SO_LINGER, &lg,
				sizeof(lg)));
	start = now_ms();
	close(self->tx);
	EXPECT_LE(800, now_ms() - start);
	EXPECT_GT(4000, now_ms() - start);
	/* The block goes on without the socket. */
	EXPECT_EQ(1, sessions(true));
	speed_up();
	EXPECT_TRUE(got_block(self->rx, 1, 9000));
	EXPECT_TRUE(quiet());
	self->tx = sender(SOCK_RDM, SVC);
}

TEST_HARNESS_MAIN
