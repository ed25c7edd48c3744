// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions that are cancelled over netlink, from either end, and what both
 * ends are told; the notices of receivers (RFC 5326, sections 7.1 and 7.6).
 */
#include "ksft_ltp.h"

#define RX_NOTICES	(LTP_NOTICE_BIT(LTP_NOTICE_RX_START) | \
			 LTP_NOTICE_BIT(LTP_NOTICE_RX_CANCELLED))

FIXTURE(cancel)
{
	int rx, tx;
};

FIXTURE_SETUP(cancel)
{
	ASSERT_EQ(NULL, two_engines());
	self->rx = receiver(SOCK_RDM, SVC);
	ASSERT_LE(0, self->rx);
	self->tx = sender(SOCK_RDM, SVC);
	ASSERT_LE(0, self->tx);
	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ENDS |
			     LTP_NOTICE_BIT(LTP_NOTICE_START)));
}

FIXTURE_TEARDOWN(cancel)
{
	/* What the link has not sent would outlive us. */
	span_cue(2, 1, LTP_CUE_LOCAL_START);
	span_cue(1, 2, LTP_CUE_LOCAL_START);
	abandon(self->tx);
	close(self->rx);
}

/* Begins a block of which two thirds leave, and returns its session. */
static u64 begin(int tx, u64 cookie)
{
	struct ltp_notice n;

	if (send_cookie(tx, cookie, 3 * SEG, MSG_MORE) != 3 * SEG ||
	    !got_notice(tx, &n, SOON) || n.kind != LTP_NOTICE_START ||
	    n.cookie != cookie || !eventually(sessions(false)))
		return 0;
	return n.session;
}

static bool is_rx_notice(const struct ltp_notice *n, u32 kind, u64 session)
{
	return n->kind == kind && n->session == session && n->originator == 1 &&
	       n->engine == 2 && n->service == SVC && !n->cookie;
}

TEST_F(cancel, by_the_sender)
{
	struct ltp_notice n;
	u64 session;

	ASSERT_EQ(0, set_u32(self->rx, LTP_NOTICES, RX_NOTICES));
	session = begin(self->tx, 77);
	ASSERT_NE(0, session);
	ASSERT_TRUE(got_notice(self->rx, &n, SOON));
	EXPECT_TRUE(is_rx_notice(&n, LTP_NOTICE_RX_START, session));
	EXPECT_EQ(0, n.err);
	ASSERT_EQ(0, session_cancel(1, 2, session, true));

	ASSERT_TRUE(got_notice(self->tx, &n, 0));
	EXPECT_EQ(LTP_NOTICE_CANCELLED, n.kind);
	EXPECT_EQ(LTP_REASON_USR_CNCLD, n.reason);
	EXPECT_EQ(0, n.flags);
	EXPECT_EQ(ECANCELED, n.err);
	EXPECT_EQ(77, n.cookie);
	EXPECT_EQ(session, n.session);
	ASSERT_TRUE(got_notice(self->rx, &n, SOON));
	EXPECT_TRUE(is_rx_notice(&n, LTP_NOTICE_RX_CANCELLED, session));
	EXPECT_EQ(LTP_REASON_USR_CNCLD, n.reason);
	EXPECT_EQ(LTP_NOTICE_BY_PEER, n.flags);
	EXPECT_EQ(ECANCELED, n.err);
	EXPECT_LT(0, n.length);
	EXPECT_GT(3 * SEG, n.length);

	/* The rest of the block has nowhere to go. */
	EXPECT_FAILS(ECANCELED, send_block(self->tx, 77, 0, 10, 0));
	EXPECT_TRUE(quiet());
	EXPECT_FALSE(got_notice(self->tx, &n, 0));
	EXPECT_FALSE(got_notice(self->rx, &n, 0));
	EXPECT_FALSE(wait_for(self->rx, POLLIN, 0));
	EXPECT_EQ(1, stat_get(LTP_A_STATS_BLOCKS_CANCELLED));
	EXPECT_EQ(1, stat_get(LTP_A_STATS_BLOCKS_REFUSED));
}

TEST_F(cancel, by_the_receiver)
{
	struct ltp_notice n;
	u64 session;

	ASSERT_EQ(0, set_u32(self->rx, LTP_NOTICES, RX_NOTICES));
	session = begin(self->tx, 78);
	ASSERT_NE(0, session);
	ASSERT_TRUE(got_notice(self->rx, &n, SOON));
	EXPECT_TRUE(is_rx_notice(&n, LTP_NOTICE_RX_START, session));
	ASSERT_EQ(0, session_cancel(2, 1, session, false));

	ASSERT_TRUE(got_notice(self->rx, &n, 0));
	EXPECT_TRUE(is_rx_notice(&n, LTP_NOTICE_RX_CANCELLED, session));
	EXPECT_EQ(LTP_REASON_USR_CNCLD, n.reason);
	EXPECT_EQ(0, n.flags);
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_CANCELLED, n.kind);
	EXPECT_EQ(LTP_REASON_USR_CNCLD, n.reason);
	EXPECT_EQ(LTP_NOTICE_BY_PEER, n.flags);
	EXPECT_EQ(ECANCELED, n.err);
	EXPECT_EQ(78, n.cookie);
	EXPECT_FAILS(ECANCELED, send_block(self->tx, 78, 0, 10, 0));
	EXPECT_TRUE(quiet());
	EXPECT_FALSE(got_notice(self->tx, &n, 0));
	EXPECT_FALSE(got_notice(self->rx, &n, 0));
	EXPECT_FALSE(wait_for(self->rx, POLLIN, 0));
}

/* A whole block that waits for its report. */
TEST_F(cancel, what_was_delivered)
{
	struct ltp_notice n;
	u64 session;

	ASSERT_EQ(0, set_u32(self->rx, LTP_NOTICES, RX_NOTICES));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_STOP));
	ASSERT_EQ(5000, send_cookie(self->tx, 5, 5000, 0));
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	session = n.session;
	ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
	/* The sender may still give it up, and be the only one to think so. */
	ASSERT_EQ(0, session_cancel(1, 2, session, true));
	ASSERT_TRUE(got_notice(self->tx, &n, 0));
	EXPECT_EQ(LTP_NOTICE_CANCELLED, n.kind);
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_START));
	EXPECT_TRUE(quiet());
	EXPECT_TRUE(got_block(self->rx, 5, 5000));
	ASSERT_TRUE(got_notice(self->rx, &n, 0));
	EXPECT_EQ(LTP_NOTICE_RX_START, n.kind);
	EXPECT_FALSE(got_notice(self->rx, &n, 0));
	EXPECT_FALSE(got_notice(self->tx, &n, 0));
	EXPECT_EQ(0, stat_get(LTP_A_STATS_BLOCKS_REFUSED));
}

/* The receiver cannot: the sender is told by its report. */
TEST_F(cancel, what_was_delivered_by_the_receiver)
{
	struct ltp_notice n;
	u64 session;

	ASSERT_EQ(0, set_u32(self->rx, LTP_NOTICES, RX_NOTICES));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_STOP));
	ASSERT_EQ(5000, send_cookie(self->tx, 5, 5000, 0));
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	session = n.session;
	ASSERT_TRUE(wait_for(self->rx, POLLIN, SOON));
	ASSERT_EQ(0, session_cancel(2, 1, session, false));
	EXPECT_EQ(0, sessions(false));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_START));
	/* Its checkpoint comes again, and what is remembered answers. */
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_COMPLETED, n.kind);
	EXPECT_TRUE(got_block(self->rx, 5, 5000));
	EXPECT_TRUE(quiet());
	ASSERT_TRUE(got_notice(self->rx, &n, 0));
	EXPECT_EQ(LTP_NOTICE_RX_START, n.kind);
	EXPECT_FALSE(got_notice(self->rx, &n, 0));
}

/* Nothing has left: the peer never hears of it. */
TEST_F(cancel, before_anything_left)
{
	struct ltp_notice n;

	ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_STOP));
	ASSERT_EQ(5000, send_cookie(self->tx, 6, 5000, 0));
	ASSERT_TRUE(got_notice(self->tx, &n, SOON));
	ASSERT_EQ(0, session_cancel(1, 2, n.session, true));
	ASSERT_TRUE(got_notice(self->tx, &n, 0));
	EXPECT_EQ(LTP_NOTICE_CANCELLED, n.kind);
	EXPECT_EQ(0, sessions(true));
	ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_START));
	EXPECT_EQ(0, stat_get(LTP_A_STATS_TX_SEGMENTS));
}

TEST_F(cancel, refused)
{
	struct ltp_notice n;
	u64 session;

	EXPECT_EQ(-ENOENT, session_cancel(1, 2, 12345, true));
	EXPECT_EQ(-ENOENT, session_cancel(2, 1, 12345, false));
	session = begin(self->tx, 1);
	ASSERT_NE(0, session);
	/* The same number, seen from the wrong end. */
	EXPECT_EQ(-ENOENT, session_cancel(1, 2, session, false));
	EXPECT_EQ(-ENOENT, session_cancel(2, 1, session, true));
	EXPECT_EQ(-ENOENT, session_cancel(2, 7, session, false));
	EXPECT_EQ(-ENOENT, session_cancel(7, 2, session, true));
	EXPECT_EQ(1, sessions(true));
	EXPECT_EQ(1, sessions(false));
	/* The cancel segment waits for its acknowledgment, which is stopped. */
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_STOP));
	ASSERT_EQ(0, session_cancel(1, 2, session, true));
	EXPECT_EQ(-EALREADY, session_cancel(1, 2, session, true));
	ASSERT_TRUE(got_notice(self->tx, &n, 0));
	EXPECT_FALSE(got_notice(self->tx, &n, 0));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_START));
	EXPECT_TRUE(quiet());
	EXPECT_EQ(-ENOENT, session_cancel(1, 2, session, true));
}

/* Others go on. */
TEST_F(cancel, one_of_many)
{
	enum { N = 20 };
	u64 session[N] = {};
	struct ltp_notice n;
	int i, ends = 0;

	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_STOP));
	ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_STOP));
	for (i = 0; i < N; i++) {
		ASSERT_EQ(3000, send_cookie(self->tx, i, 3000, 0));
		ASSERT_TRUE(got_notice(self->tx, &n, SOON));
		session[i] = n.session;
	}
	for (i = 0; i < N; i += 3)
		ASSERT_EQ(0, session_cancel(1, 2, session[i], true));
	ASSERT_EQ(0, span_cue(2, 1, LTP_CUE_LOCAL_START));
	ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_START));
	EXPECT_TRUE(quiet());
	while (got_notice(self->tx, &n, 0)) {
		ends++;
		EXPECT_EQ(n.cookie % 3 ? LTP_NOTICE_COMPLETED :
					 LTP_NOTICE_CANCELLED, n.kind);
	}
	EXPECT_EQ(N, ends);
	EXPECT_EQ(N - (N + 2) / 3, stat_get(LTP_A_STATS_BLOCKS_RECEIVED));
}

TEST_F(cancel, receivers_are_told_what_they_asked_for)
{
	struct ltp_notice n;
	u64 session;

	/* Nothing. */
	session = begin(self->tx, 1);
	ASSERT_NE(0, session);
	ASSERT_EQ(0, session_cancel(1, 2, session, true));
	ASSERT_TRUE(got_notice(self->tx, &n, 0));
	EXPECT_FAILS(ECANCELED, send_block(self->tx, 1, 0, 10, 0));
	ASSERT_TRUE(quiet());
	EXPECT_FALSE(wait_for(self->rx, POLLERR, 0));
	/* Nor is it an error of theirs. */
	EXPECT_EQ(0, get_int(self->rx, SOL_SOCKET, SO_ERROR));

	/* The beginning alone. */
	ASSERT_EQ(0, set_u32(self->rx, LTP_NOTICES,
			     LTP_NOTICE_BIT(LTP_NOTICE_RX_START)));
	session = begin(self->tx, 2);
	ASSERT_EQ(0, session_cancel(1, 2, session, true));
	EXPECT_FAILS(ECANCELED, send_block(self->tx, 1, 0, 10, 0));
	ASSERT_TRUE(quiet());
	ASSERT_TRUE(wait_for(self->rx, POLLERR, SOON));
	ASSERT_TRUE(got_notice(self->rx, &n, 0));
	EXPECT_TRUE(is_rx_notice(&n, LTP_NOTICE_RX_START, session));
	EXPECT_FALSE(got_notice(self->rx, &n, 0));
	EXPECT_FALSE(wait_for(self->rx, POLLERR, 0));
	ASSERT_TRUE(got_notice(self->tx, &n, 0));

	/* The end alone. */
	ASSERT_EQ(0, set_u32(self->rx, LTP_NOTICES,
			     LTP_NOTICE_BIT(LTP_NOTICE_RX_CANCELLED)));
	session = begin(self->tx, 3);
	ASSERT_EQ(0, session_cancel(1, 2, session, true));
	EXPECT_FAILS(ECANCELED, send_block(self->tx, 1, 0, 10, 0));
	ASSERT_TRUE(quiet());
	ASSERT_TRUE(got_notice(self->rx, &n, SOON));
	EXPECT_TRUE(is_rx_notice(&n, LTP_NOTICE_RX_CANCELLED, session));
	EXPECT_FALSE(got_notice(self->rx, &n, 0));
}

/* One beginning, no cancellation, and data: also of green blocks. */
TEST_F(cancel, receivers_of_what_arrives)
{
	int rx = receiver(SOCK_DGRAM, SVC + 1), tx, i;
	struct ltp_notice n;

	ASSERT_EQ(0, set_u32(self->rx, LTP_NOTICES, RX_NOTICES));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(20000, send_block(self->tx, i, 0, 20000, 0));
		ASSERT_TRUE(got_block(self->rx, i, 20000));
		ASSERT_TRUE(got_notice(self->rx, &n, 0));
		EXPECT_EQ(LTP_NOTICE_RX_START, n.kind);
		EXPECT_EQ(0, n.length);
		EXPECT_FALSE(got_notice(self->rx, &n, 0));
	}
	tx = sender(SOCK_DGRAM, SVC + 1);
	ASSERT_EQ(0, set_u32(rx, LTP_NOTICES, RX_NOTICES));
	ASSERT_EQ(5000, send_block(tx, 1, 0, 5000, 0));
	ASSERT_TRUE(wait_for(rx, POLLIN, SOON));
	EXPECT_TRUE(quiet());
	ASSERT_TRUE(got_notice(rx, &n, 0));
	EXPECT_EQ(LTP_NOTICE_RX_START, n.kind);
	EXPECT_FALSE(got_notice(rx, &n, 0));
	close(tx);
	close(rx);
}

/* What was refused by a limit did not begin, however often it comes. */
TEST_F(cancel, receivers_beyond_a_limit)
{
	struct ltp_notice n;
	int tx, starts = 0;

	ASSERT_EQ(0, span_set(2, 1, LTP_A_SPAN_MAX_IMPORTS, 1, 4));
	ASSERT_EQ(0, span_set(1, 2, LTP_A_SPAN_MARGIN, 50000000, 8));
	ASSERT_EQ(0, span_set(1, 2, LTP_A_SPAN_MAX_RETRIES, 1000, 4));
	ASSERT_EQ(0, set_u32(self->rx, LTP_NOTICES, RX_NOTICES));
	ASSERT_NE(0, begin(self->tx, 1));
	tx = sender(SOCK_RDM, SVC);
	ASSERT_EQ(100, send_block(tx, 2, 0, 100, 0));
	ASSERT_TRUE(eventually(stat_get(LTP_A_STATS_DROP_LIMIT) > 2));
	ASSERT_EQ(0, send(self->tx, "", 0, 0));
	EXPECT_TRUE(quiet());
	while (got_notice(self->rx, &n, 0)) {
		EXPECT_EQ(LTP_NOTICE_RX_START, n.kind);
		starts++;
	}
	EXPECT_EQ(2, starts);
	EXPECT_EQ(2, stat_get(LTP_A_STATS_BLOCKS_RECEIVED));
	close(tx);
}

/* Reasons other than the user's. */
TEST_F(cancel, receivers_of_what_does_not_fit)
{
	struct ltp_notice n;

	ASSERT_EQ(0, set_u32(self->rx, LTP_RCVBUF, 20000));
	ASSERT_EQ(0, set_u32(self->rx, LTP_NOTICES, RX_NOTICES));
	ASSERT_EQ(50000, send_cookie(self->tx, 4, 50000, 0));
	ASSERT_TRUE(quiet());
	ASSERT_TRUE(got_notice(self->rx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_RX_START, n.kind);
	ASSERT_TRUE(got_notice(self->rx, &n, SOON));
	EXPECT_EQ(LTP_NOTICE_RX_CANCELLED, n.kind);
	EXPECT_EQ(LTP_REASON_SYS_CNCLD, n.reason);
	EXPECT_EQ(0, n.flags);
	EXPECT_EQ(ENOBUFS, n.err);
	EXPECT_FALSE(got_notice(self->rx, &n, 0));
}

TEST_HARNESS_MAIN
