// SPDX-License-Identifier: GPL-2.0
/*
 * Every block that was accepted ends once: completed or cancelled, which its
 * sender is told once.  What is completed was received once and intact; what
 * the receiver was told is cancelled never is.
 *
 * Ten thousand blocks, as many at once as the span lets pass, while every tenth
 * datagram is lost, sessions are cancelled at random from both ends, and
 * receivers close and come back.
 *
 *	+----------------- a namespace of its own -----------------+
 *	|  engine 1          lo, netem: 10 % loss        engine 2  |
 *	|  127.0.0.1 port 1113 <===========> 127.0.0.1 port 1114   |
 *	+----------------------------------------------------------+
 *
 * A burst is one datagram, so that netem loses datagrams and not bursts.
 */
#include "ksft_ltp.h"

#define BLOCKS_MAX	10000
#define LEN_MIN		100
#define LEN_MAX		20000
#define POOL		(64 << 10)
/* Receivers that stay, and behind them one that closes now and then. */
#define STAY		3
#define RECEIVERS	(STAY + 1)
#define SENDERS		4
/* One block in so many is cancelled by its sender, and by its receiver. */
#define CANCEL_TX	20
#define CANCEL_RX	25
#define CLOSE_EVERY	500
/* Light time in ns, of netem and of the spans. */
#define DELAY		100000000
/* Sessions by number: open addressing, at most a quarter full. */
#define SLOTS		65536

struct block {
	u32 len;
	u8 completed;
	u8 cancelled;
	u8 received;
	u8 rx_start;
	u8 rx_cancelled;
	u8 stays;
	/* What netlink said: the sender, or the receiver, has cancelled it. */
	u8 tx_cancel;
	u8 rx_cancel;
	u32 reason;
	u32 flags;
};

struct slot {
	u64 session;
	u32 block;
};

static struct block blocks[BLOCKS_MAX];
static struct slot slots[SLOTS];
static u8 pool[POOL];
static u8 buf[LEN_MAX + 1];
static int n_blocks, n_sent, n_ended, n_wrong, n_unknown;
static int tx[SENDERS], rx[RECEIVERS];

/* One CPU, and that slow. */
static bool debug(void)
{
	return getenv("LTP_DEBUG");
}

/* Known numbers: what fails once fails again. */
static u32 rnd(void)
{
	static u64 x = 0x243f6a8885a308d3ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x >> 32;
}

static struct slot *slot_of(u64 session)
{
	u32 i = (session * 0x9e3779b97f4a7c15ULL) >> 48;

	while (slots[i].session && slots[i].session != session)
		i = (i + 1) % SLOTS;
	return &slots[i];
}

static struct block *block_of(u64 session)
{
	struct slot *s = slot_of(session);

	if (s->session)
		return &blocks[s->block];
	n_unknown++;
	return NULL;
}

/* Block @i: its number, and then a piece of the pool. */
static const u8 *piece(u32 i)
{
	return pool + (i * 997) % (POOL - LEN_MAX);
}

static void make(u32 i, u32 len)
{
	memcpy(buf, piece(i), len);
	memcpy(buf, &i, sizeof(i));
}

static int receiver_open(int i)
{
	int fd = receiver(SOCK_RDM, SVC + i);

	if (fd >= 0 && set_u32(fd, LTP_NOTICES,
			       LTP_NOTICE_BIT(LTP_NOTICE_RX_START) |
			       LTP_NOTICE_BIT(LTP_NOTICE_RX_CANCELLED)))
		return -1;
	return fd;
}

/* Sends the next block if it is taken without waiting. */
static bool send_next(void)
{
	struct sockaddr_ltp to = ltp_addr(2, SVC + rnd() % RECEIVERS);
	u64 cookie = n_sent + 1;
	u32 len = LEN_MIN + rnd() % (LEN_MAX - LEN_MIN + 1);
	union control control = {};
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = CMSG_SPACE(sizeof(cookie)),
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
	struct block *b = &blocks[n_sent];
	ssize_t n;

	cm->cmsg_level = SOL_LTP;
	cm->cmsg_type = LTP_COOKIE;
	cm->cmsg_len = CMSG_LEN(sizeof(cookie));
	memcpy(CMSG_DATA(cm), &cookie, sizeof(cookie));
	make(n_sent, len);
	n = sendmsg(tx[n_sent % SENDERS], &msg, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n != len)
		n_wrong++;
	b->len = len;
	b->stays = to.sltp_service < SVC + STAY;
	n_sent++;
	return true;
}

/* Reads what senders are told; cancels some of what began. */
static bool hear_senders(void)
{
	struct ltp_notice n;
	bool any = false;
	struct block *b;
	struct slot *s;
	int i;

	for (i = 0; i < SENDERS; i++) {
		while (got_notice(tx[i], &n, 0)) {
			any = true;
			if (!n.cookie || n.cookie > n_sent) {
				n_unknown++;
				continue;
			}
			b = &blocks[n.cookie - 1];
			switch (n.kind) {
			case LTP_NOTICE_START:
				s = slot_of(n.session);
				s->session = n.session;
				s->block = n.cookie - 1;
				if (rnd() % CANCEL_TX == 0)
					b->tx_cancel = !session_cancel(1, 2,
								       n.session,
								       true);
				break;
			case LTP_NOTICE_COMPLETED:
				n_ended++;
				b->completed++;
				break;
			case LTP_NOTICE_CANCELLED:
				n_ended++;
				b->cancelled++;
				b->reason = n.reason;
				b->flags = n.flags;
				break;
			default:
				n_wrong++;
			}
		}
	}
	return any;
}

static bool hear_receiver(int fd)
{
	struct ltp_notice n;
	bool any = false;
	struct block *b;
	struct rx info;
	ssize_t len;
	u32 i;

	while (got_notice(fd, &n, 0)) {
		any = true;
		b = block_of(n.session);
		if (!b)
			continue;
		if (n.kind == LTP_NOTICE_RX_START) {
			b->rx_start++;
			if (rnd() % CANCEL_RX == 0 &&
			    !session_cancel(2, 1, n.session, false))
				b->rx_cancel = 1;
		} else {
			b->rx_cancelled++;
		}
	}
	while ((len = recv_rx(fd, buf, sizeof(buf), MSG_DONTWAIT, &info)) > 0) {
		any = true;
		b = block_of(info.info.session);
		if (!b)
			continue;
		i = b - blocks;
		b->received++;
		if (b->rx_cancelled || len != b->len ||
		    !(info.flags & MSG_EOR) || memcmp(buf, &i, sizeof(i)) ||
		    memcmp(buf + sizeof(i), piece(i) + sizeof(i),
			   len - sizeof(i))) {
			fprintf(stderr, "# block %u: %zd of %u bytes\n", i, len,
				b->len);
			n_wrong++;
		}
	}
	return any;
}

/* Its incomplete blocks are cancelled; what it has not read is lost. */
static bool reopen(void)
{
	close(rx[STAY]);
	rx[STAY] = receiver_open(STAY);
	return rx[STAY] >= 0;
}

static void wait_for_any(void)
{
	struct pollfd p[SENDERS + RECEIVERS];
	int i;

	for (i = 0; i < SENDERS; i++)
		p[i] = (struct pollfd) { tx[i], 0, 0 };
	/* Only who could not send wants to know when it can. */
	if (n_sent < n_blocks)
		p[n_sent % SENDERS].events = POLLOUT;
	for (; i < SENDERS + RECEIVERS; i++)
		p[i] = (struct pollfd) { rx[i - SENDERS], POLLIN, 0 };
	poll(p, SENDERS + RECEIVERS, 1000);
}

static bool pump(void)
{
	bool any = false;
	int i;

	while (n_sent < n_blocks && send_next()) {
		any = true;
		if (n_sent % CLOSE_EVERY == 0 && !reopen())
			return false;
		if (n_sent % 16 == 0)
			break;
	}
	if (hear_senders())
		any = true;
	for (i = 0; i < RECEIVERS; i++)
		if (hear_receiver(rx[i]))
			any = true;
	if (!any)
		wait_for_any();
	return true;
}

static int prepare(void)
{
	int i;

	for (i = 0; i < POOL; i++)
		pool[i] = rnd();
	for (i = 1; i <= 2; i++) {
		if (span_set(i, 3 - i, LTP_A_SPAN_MARGIN, 80000000, 8) ||
		    span_set(i, 3 - i, LTP_A_SPAN_OWLT_OUT, DELAY, 8) ||
		    span_set(i, 3 - i, LTP_A_SPAN_OWLT_IN, DELAY, 8) ||
		    span_set(i, 3 - i, LTP_A_SPAN_BURST_LIMIT, 1, 4) ||
		    span_set(i, 3 - i, LTP_A_SPAN_MAX_RETRIES, 50, 4))
			return -1;
	}
	/* As many as there would be, and fewer. */
	if (span_set(1, 2, LTP_A_SPAN_MAX_SESSIONS, debug() ? 8 : 100, 4))
		return -1;
	for (i = 0; i < SENDERS; i++) {
		tx[i] = socket(AF_LTP, SOCK_RDM, 0);
		if (tx[i] < 0 || set_u32(tx[i], LTP_NOTICES, LTP_NOTICE_ENDS |
					 LTP_NOTICE_BIT(LTP_NOTICE_START)))
			return -1;
	}
	for (i = 0; i < RECEIVERS; i++) {
		rx[i] = receiver_open(i);
		if (rx[i] < 0)
			return -1;
	}
	return system("tc qdisc add dev lo root netem limit 100000 delay 100ms loss 10%");
}

static void tell(const struct block *b)
{
	fprintf(stderr, "# block %d: completed %u, cancelled %u, received %u",
		(int)(b - blocks), b->completed, b->cancelled, b->received);
	fprintf(stderr, ", told of its start %u and its end %u times\n",
		b->rx_start, b->rx_cancelled);
}

FIXTURE(ends)
{
};

FIXTURE_SETUP(ends)
{
	ASSERT_EQ(NULL, two_engines());
	ASSERT_EQ(0, prepare());
}

FIXTURE_TEARDOWN(ends)
{
	int i;

	for (i = 0; i < SENDERS; i++)
		close(tx[i]);
	for (i = 0; i < RECEIVERS; i++)
		close(rx[i]);
}

TEST_F_TIMEOUT(ends, one_for_each_block, 280)
{
	int completed = 0, cancelled = 0, both = 0, twice = 0, none = 0;
	int lost = 0, lost_staying = 0, contradictions = 0, starts = 0;
	int by_tx = 0, by_rx = 0, by_peer = 0, refused = 0, i;
	s64 start = now_ms();
	s64 until = now_ms() + 250000;
	struct block *b;

	n_blocks = debug() ? BLOCKS_MAX / 5 : BLOCKS_MAX;
	while (n_ended < n_blocks && now_ms() < until)
		ASSERT_TRUE(pump());
	EXPECT_EQ(n_blocks, n_sent);
	EXPECT_EQ(n_blocks, n_ended);
	/* What is told twice, or delivered late, would still come. */
	while ((sessions(true) || sessions(false)) && now_ms() < until)
		ASSERT_TRUE(pump());
	EXPECT_EQ(0, sessions(true));
	EXPECT_EQ(0, sessions(false));
	while (hear_senders())
		;
	for (i = 0; i < RECEIVERS; i++)
		hear_receiver(rx[i]);

	for (i = 0; i < n_blocks; i++) {
		b = &blocks[i];
		completed += b->completed;
		cancelled += b->cancelled;
		both += b->completed && b->cancelled;
		none += !b->completed && !b->cancelled;
		twice += b->completed > 1 || b->cancelled > 1 ||
			 b->received > 1 || b->rx_start > 1 ||
			 b->rx_cancelled > 1;
		if (b->completed + b->cancelled != 1 || b->received > 1 ||
		    b->rx_start > 1 || b->rx_cancelled > 1)
			tell(b);
		if (b->completed && !b->received) {
			lost++;
			lost_staying += b->stays;
		}
		/* Cancelled before it was delivered: never delivered. */
		if (b->rx_cancelled) {
			refused++;
			contradictions += b->completed || b->received;
		}
		/* Netlink said that it is cancelled. */
		if (b->tx_cancel) {
			by_tx++;
			contradictions += !b->cancelled || b->flags ||
					  b->reason != LTP_REASON_USR_CNCLD;
		}
		by_rx += b->rx_cancel;
		by_peer += b->cancelled && b->flags & LTP_NOTICE_BY_PEER;
		starts += b->rx_start;
		if (b->stays && b->cancelled &&
		    b->reason != LTP_REASON_USR_CNCLD) {
			fprintf(stderr, "# block %d: reason %u\n", i,
				b->reason);
			contradictions++;
		}
	}
	fprintf(stderr, "# %d blocks in %lld ms: %d completed, %d cancelled\n",
		n_blocks, (long long)(now_ms() - start), completed, cancelled);
	fprintf(stderr, "# by the sender %d, by the receiver %d; %d not read\n",
		by_tx, by_peer, lost);
	EXPECT_EQ(n_blocks, completed + cancelled);
	EXPECT_EQ(0, both);
	EXPECT_EQ(0, none);
	EXPECT_EQ(0, twice);
	EXPECT_EQ(0, n_wrong);
	EXPECT_EQ(0, n_unknown);
	EXPECT_EQ(0, contradictions);
	EXPECT_EQ(0, lost_staying);
	/* The kernel counts the same. */
	EXPECT_EQ(n_blocks, stat_get(LTP_A_STATS_BLOCKS_SENT));
	EXPECT_EQ(completed, stat_get(LTP_A_STATS_BLOCKS_COMPLETED));
	EXPECT_EQ(cancelled, stat_get(LTP_A_STATS_BLOCKS_CANCELLED));
	EXPECT_LE(lost, stat_get(LTP_A_STATS_BLOCKS_UNREAD));
	EXPECT_EQ(0, span_get(1, 2, LTP_A_SPAN_INFLIGHT));
	EXPECT_EQ(0, span_get(1, 2, LTP_A_SPAN_EXPORTS));
	EXPECT_EQ(0, span_get(2, 1, LTP_A_SPAN_IMPORTS));
	/* All this happened. */
	EXPECT_LT(n_blocks / 2, completed);
	EXPECT_LT(0, by_tx);
	EXPECT_LT(0, by_rx);
	EXPECT_LT(0, by_peer);
	EXPECT_LT(0, refused);
	EXPECT_LT(n_blocks / 2, starts);
	EXPECT_LT(0, stat_get(LTP_A_STATS_RTX_SEGMENTS));
	EXPECT_LT(0, stat_get(LTP_A_STATS_RTX_CHECKPOINTS));
	EXPECT_LT(0, stat_get(LTP_A_STATS_LIMIT_WAITS));
}

TEST_HARNESS_MAIN
