// SPDX-License-Identifier: GPL-2.0
/*
 * The limits of a span: max-sessions and max-inflight, which senders wait for,
 * and max-imports, beyond which nothing is received.  The peer's answers are
 * stopped by a cue meanwhile, so nothing is claimed until that is undone.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include "ksft_ltp.h"

FIXTURE(limits)
{
	int rx, tx;
};

FIXTURE_SETUP(limits)
{
	ASSERT_EQ(NULL, two_engines());
	self->rx = receiver(SOCK_RDM, SVC);
	ASSERT_LE(0, self->rx);
	self->tx = sender(SOCK_RDM, SVC);
	ASSERT_LE(0, self->tx);
}

FIXTURE_TEARDOWN(limits)
{
	/* What the link has not sent would outlive us. */
	span_cue(2, 1, LTP_CUE_LOCAL_START);
	abandon(self->tx);
	close(self->rx);
}

static int limit(u16 attr, u64 val)
{
	return span_set(1, 2, attr, val,
			attr == LTP_A_SPAN_MAX_INFLIGHT ? 8 : 4);
}

/* Engine 2 says nothing until the answers are let go. */
static int answers_stop(void)
{
	return span_cue(2, 1, LTP_CUE_LOCAL_STOP);
}

static int answers_go(void)
{
	return span_cue(2, 1, LTP_CUE_LOCAL_START);
}

static u64 inflight(void)
{
	return span_get(1, 2, LTP_A_SPAN_INFLIGHT);
}

static u64 exports(void)
{
	return span_get(1, 2, LTP_A_SPAN_EXPORTS);
}

static u64 limit_waits(void)
{
	return stat_get(LTP_A_STATS_LIMIT_WAITS);
}

/*
 * On lo a report is back before the burst's transmission returns.  With this
 * it takes as long as over a wire.
 */
static int take_time(void)
{
	return system("tc qdisc add dev lo root netem limit 100000 delay 2ms");
}

static void nothing(int sig)
{
}

static pthread_barrier_t share_start;

/* A thread that sends one block and says what came of it. */
struct sending {
	pthread_t thread;
	int fd;
	u64 seed;
	size_t len;
	int flags;
	ssize_t ret;
	int err;
	bool done;
};

static void *send_thread(void *arg)
{
	struct sending *s = arg;

	errno = 0;
	s->ret = send_block(s->fd, s->seed, 0, s->len, s->flags);
	s->err = errno;
	__atomic_store_n(&s->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static int begin(struct sending *s, int fd, u64 seed, size_t len)
{
	*s = (struct sending) { .fd = fd, .seed = seed, .len = len };
	return pthread_create(&s->thread, NULL, send_thread, s);
}

static bool done(const struct sending *s)
{
	return __atomic_load_n(&s->done, __ATOMIC_ACQUIRE);
}

/* As begin(), and returns when it waits for a limit. */
static bool begin_and_wait(struct sending *s, int fd, u64 seed, size_t len)
{
	u64 before = limit_waits();

	return !begin(s, fd, seed, len) &&
	       eventually(done(s) || limit_waits() > before) && !done(s);
}

static ssize_t ended(struct sending *s)
{
	pthread_join(s->thread, NULL);
	errno = s->err;
	return s->ret;
}

TEST_F(limits, none_by_default)
{
	enum { N = 300 };
	int i;

	ASSERT_EQ(0, answers_stop());
	for (i = 0; i < N; i++)
		ASSERT_EQ(1000, send_block(self->tx, i, 0, 1000, MSG_DONTWAIT));
	EXPECT_EQ(N, exports());
	EXPECT_EQ(N * 1000, inflight());
	EXPECT_EQ(0, limit_waits());
	ASSERT_EQ(0, answers_go());
	EXPECT_TRUE(quiet());
	EXPECT_EQ(0, exports());
	EXPECT_EQ(0, inflight());
}

TEST_F(limits, sessions_without_waiting)
{
	int i;

	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 2));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(100, send_block(self->tx, 0, 0, 100, MSG_DONTWAIT));
	EXPECT_TRUE(wait_for(self->tx, POLLOUT, 0));
	ASSERT_EQ(100, send_block(self->tx, 1, 0, 100, MSG_DONTWAIT));
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 2, 0, 100, MSG_DONTWAIT));
	EXPECT_EQ(1, limit_waits());
	EXPECT_EQ(2, exports());
	EXPECT_FALSE(wait_for(self->tx, POLLOUT, WHILE));
	/* A piece of a block begins no more than a whole one. */
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 2, 0, 100,
					MSG_DONTWAIT | MSG_MORE));
	EXPECT_EQ(2, exports());
	EXPECT_FALSE(wait_for(self->tx, POLLOUT, 0));
	ASSERT_EQ(0, answers_go());
	EXPECT_TRUE(wait_for(self->tx, POLLOUT, SOON));
	ASSERT_EQ(100, send_block(self->tx, 2, 0, 100, MSG_DONTWAIT));
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(got_block(self->rx, i, 100));
	EXPECT_TRUE(quiet());
	EXPECT_EQ(0, exports());
	EXPECT_EQ(3, stat_get(LTP_A_STATS_BLOCKS_SENT));
}

TEST_F(limits, inflight_without_waiting)
{
	int i;

	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 20000));
	ASSERT_EQ(0, answers_stop());
	/* Could never be taken whole. */
	EXPECT_FAILS(EMSGSIZE, send_block(self->tx, 9, 0, 20001, MSG_DONTWAIT));
	EXPECT_EQ(0, exports());
	for (i = 0; i < 3; i++)
		ASSERT_EQ(6000, send_block(self->tx, i, 0, 6000, MSG_DONTWAIT));
	EXPECT_EQ(18000, inflight());
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 9, 0, 2001, MSG_DONTWAIT));
	EXPECT_EQ(18000, inflight());
	EXPECT_FALSE(wait_for(self->tx, POLLOUT, WHILE));
	/* A smaller one fits. */
	ASSERT_EQ(2000, send_block(self->tx, 3, 0, 2000, MSG_DONTWAIT));
	EXPECT_EQ(20000, inflight());
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 9, 0, 1, MSG_DONTWAIT));
	EXPECT_EQ(2, limit_waits());
	ASSERT_EQ(0, answers_go());
	EXPECT_TRUE(wait_for(self->tx, POLLOUT, SOON));
	ASSERT_TRUE(quiet());
	EXPECT_EQ(0, inflight());
	EXPECT_EQ(20000, send_block(self->tx, 4, 0, 20000, MSG_DONTWAIT));
	EXPECT_TRUE(quiet());
	EXPECT_EQ(0, inflight());
	EXPECT_EQ(5, stat_get(LTP_A_STATS_BLOCKS_COMPLETED));
}

/* What is cancelled, or green and has left, is not on its way any more. */
TEST_F(limits, inflight_of_what_ends_otherwise)
{
	int tx = sender(SOCK_DGRAM, SVC);

	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(5000, send_block(self->tx, 1, 0, 5000, 0));
	EXPECT_EQ(5000, inflight());
	ASSERT_EQ(3000, send_block(tx, 1, 0, 3000, 0));
	EXPECT_TRUE(eventually(inflight() == 5000));
	abandon(self->tx);
	EXPECT_TRUE(eventually(inflight() == 0));
	self->tx = sender(SOCK_RDM, SVC);
	close(tx);
	ASSERT_EQ(0, answers_go());
	EXPECT_TRUE(quiet());
}

TEST_F(limits, epoll_wakes_once)
{
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET };
	int ep = epoll_create1(0);

	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 1));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->tx, &ev));
	ASSERT_EQ(1, epoll_wait(ep, &ev, 1, SOON));
	ASSERT_EQ(100, send_block(self->tx, 0, 0, 100, MSG_DONTWAIT));
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 1, 0, 100, MSG_DONTWAIT));
	/* The edge must come after the session has ended, and not before. */
	while (epoll_wait(ep, &ev, 1, WHILE) > 0)
		EXPECT_EQ(0, ev.events & EPOLLOUT);
	ASSERT_EQ(0, answers_go());
	ASSERT_EQ(1, epoll_wait(ep, &ev, 1, SOON));
	EXPECT_NE(0, ev.events & EPOLLOUT);
	EXPECT_EQ(100, send_block(self->tx, 1, 0, 100, MSG_DONTWAIT));
	EXPECT_TRUE(quiet());
	close(ep);
}

TEST_F(limits, waiting_for_a_session)
{
	struct sending s;

	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 1));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(100, send_block(self->tx, 0, 0, 100, 0));
	ASSERT_TRUE(begin_and_wait(&s, self->tx, 1, 3000));
	EXPECT_FALSE(wait_for(self->tx, POLLOUT, WHILE));
	EXPECT_FALSE(done(&s));
	EXPECT_EQ(1, exports());
	ASSERT_EQ(0, answers_go());
	EXPECT_EQ(3000, ended(&s));
	EXPECT_TRUE(got_block(self->rx, 0, 100));
	EXPECT_TRUE(got_block(self->rx, 1, 3000));
	EXPECT_TRUE(quiet());
	EXPECT_EQ(1, limit_waits());
}

TEST_F(limits, waiting_for_bytes)
{
	struct sending s;

	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 5000));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(5000, send_block(self->tx, 0, 0, 5000, MSG_DONTWAIT));
	ASSERT_TRUE(begin_and_wait(&s, self->tx, 1, 3000));
	EXPECT_FALSE(wait_for(self->tx, POLLOUT, WHILE));
	EXPECT_FALSE(done(&s));
	EXPECT_EQ(5000, inflight());
	ASSERT_EQ(0, answers_go());
	EXPECT_EQ(3000, ended(&s));
	EXPECT_TRUE(got_block(self->rx, 0, 5000));
	EXPECT_TRUE(got_block(self->rx, 1, 3000));
	EXPECT_TRUE(quiet());
	EXPECT_EQ(0, inflight());
}

/* One block of a hundred times what may be on its way. */
TEST_F(limits, long_block)
{
	enum { MAX = 100000, LEN = 100 * MAX };
	u64 most = 0, now;
	struct sending s;

	ASSERT_EQ(0, take_time());
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, MAX));
	ASSERT_EQ(0, begin(&s, self->tx, 1, LEN));
	while (!done(&s)) {
		now = inflight();
		if (now > most)
			most = now;
		usleep(1000);
	}
	EXPECT_EQ(LEN, ended(&s));
	EXPECT_TRUE(got_block(self->rx, 1, LEN));
	EXPECT_TRUE(quiet());
	EXPECT_LT(0, most);
	EXPECT_GE(MAX, most);
	EXPECT_EQ(0, inflight());
	EXPECT_LT(0, limit_waits());
}

/*
 * One byte is over for the last segment, and waits.  A full count would say
 * that the block has ended; what comes next would be taken for more of it.
 */
TEST_F(limits, last_byte)
{
	struct timeval tv = { .tv_usec = 20000 };
	size_t len, end, shorts = 0;
	ssize_t n;
	int how;

	ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET, SO_SNDTIMEO, &tv,
				sizeof(tv)));
	ASSERT_EQ(0, set_u32(self->tx, LTP_BURST_LIMIT, 1));
	for (len = 1380; len <= 1396; len++) {
		for (how = 0; how < 3; how++) {
			ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, len - 1));
			ASSERT_EQ(0, answers_stop());
			n = send_block(self->tx, len + how, 0, len, 0);
			ASSERT_LT(0, n);
			shorts += n < len;
			/* As often as one likes. */
			if (n < len)
				EXPECT_FAILS(EAGAIN,
					     send_block(self->tx, len + how, n,
							len - n, 0));
			ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 0));
			ASSERT_EQ(0, answers_go());
			end = n;
			if (n < len && how == 0) {
				end += send_block(self->tx, len, n, len - n, 0);
			} else if (n < len) {
				ASSERT_EQ(0, how == 1 ?
					  send(self->tx, "", 0, 0) :
					  shutdown(self->tx, SHUT_WR));
			}
			/* Another block is another block. */
			if (n == len || how < 2) {
				EXPECT_EQ(50, send_block(self->tx, 9, 0, 50, 0));
				EXPECT_TRUE(got_block(self->rx, len + how, end));
				EXPECT_TRUE(got_block(self->rx, 9, 50));
			} else {
				EXPECT_TRUE(got_block(self->rx, len + how, end));
				close(self->tx);
				self->tx = sender(SOCK_RDM, SVC);
				ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET,
							SO_SNDTIMEO, &tv,
							sizeof(tv)));
				ASSERT_EQ(0, set_u32(self->tx, LTP_BURST_LIMIT,
						     1));
			}
			ASSERT_TRUE(quiet());
		}
	}
	EXPECT_LT(0, shorts);
}

/* The same, and a signal comes; or the writer does not wait at all. */
TEST_F(limits, last_byte_interrupted)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct sending s;
	size_t len;
	ssize_t n;
	int how;

	sigaction(SIGUSR1, &sa, NULL);
	ASSERT_EQ(0, set_u32(self->tx, LTP_BURST_LIMIT, 1));
	for (len = 1380; len <= 1396; len++) {
		for (how = 0; how < 2; how++) {
			ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, len - 1));
			ASSERT_EQ(0, answers_stop());
			if (how) {
				/* The second call may not take all or nothing. */
				n = send_block(self->tx, len, 0, 1,
					       MSG_DONTWAIT | MSG_MORE);
				ASSERT_EQ(1, n);
				n += send_block(self->tx, len, 1, len - 1,
						MSG_DONTWAIT);
			} else if (begin_and_wait(&s, self->tx, len, len)) {
				pthread_kill(s.thread, SIGUSR1);
				n = ended(&s);
				EXPECT_GT(len, n);
			} else {
				n = ended(&s);
			}
			ASSERT_LT(0, n);
			ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 0));
			ASSERT_EQ(0, answers_go());
			if (n < len)
				EXPECT_EQ(len - n, send_block(self->tx, len, n,
							      len - n, 0));
			EXPECT_EQ(50, send_block(self->tx, 9, 0, 50, 0));
			EXPECT_TRUE(got_block(self->rx, len, len));
			EXPECT_TRUE(got_block(self->rx, 9, 50));
			ASSERT_TRUE(quiet());
		}
	}
}

/* A call that waits behind another's has its own time, and hears signals. */
TEST_F(limits, second_sender)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct timeval tv = { .tv_usec = 200000 };
	struct sending s, t;
	s64 start;

	sigaction(SIGUSR1, &sa, NULL);
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 1));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(100, send_block(self->tx, 0, 0, 100, 0));
	ASSERT_TRUE(begin_and_wait(&s, self->tx, 1, 1000));
	/* Who may not wait is told, and poll() does not say otherwise. */
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 9, 0, 10, MSG_DONTWAIT));
	EXPECT_FALSE(wait_for(self->tx, POLLOUT, 0));
	ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET, SO_SNDTIMEO, &tv,
				sizeof(tv)));
	start = now_ms();
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 9, 0, 10, 0));
	EXPECT_LE(190, now_ms() - start);
	EXPECT_GT(SOON / 2, now_ms() - start);
	tv.tv_usec = 0;
	ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET, SO_SNDTIMEO, &tv,
				sizeof(tv)));
	ASSERT_EQ(0, begin(&t, self->tx, 9, 10));
	EXPECT_FALSE(eventually(done(&t) || now_ms() - start > 400) &&
		     done(&t));
	pthread_kill(t.thread, SIGUSR1);
	EXPECT_FAILS(EINTR, ended(&t));
	/* One that stays gets its turn behind the first. */
	ASSERT_EQ(0, begin(&t, self->tx, 2, 2000));
	EXPECT_FALSE(done(&s));
	ASSERT_EQ(0, answers_go());
	EXPECT_EQ(1000, ended(&s));
	EXPECT_EQ(2000, ended(&t));
	EXPECT_TRUE(got_block(self->rx, 0, 100));
	EXPECT_TRUE(got_block(self->rx, 1, 1000));
	EXPECT_TRUE(got_block(self->rx, 2, 2000));
	EXPECT_TRUE(wait_for(self->tx, POLLOUT, 0));
	EXPECT_TRUE(quiet());
}

/* It does not wait behind a sender, who ends with what he has. */
TEST_F(limits, shutdown_wakes_senders)
{
	struct sending s, t;
	s64 start;
	ssize_t n;

	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 100000));
	ASSERT_EQ(0, answers_stop());
	ASSERT_TRUE(begin_and_wait(&s, self->tx, 1, 500000));
	ASSERT_EQ(0, begin(&t, self->tx, 2, 100));
	start = now_ms();
	EXPECT_EQ(0, shutdown(self->tx, SHUT_RDWR));
	n = ended(&s);
	EXPECT_LT(0, n);
	EXPECT_GE(100000, n);
	EXPECT_FAILS(EPIPE, ended(&t));
	EXPECT_GT(SOON / 2, now_ms() - start);
	EXPECT_TRUE(wait_for(self->tx, POLLHUP, 0));
	EXPECT_TRUE(wait_for(self->tx, POLLRDHUP, 0));
	ASSERT_EQ(0, answers_go());
	EXPECT_TRUE(got_block(self->rx, 1, n));
	EXPECT_TRUE(quiet());
	EXPECT_EQ(0, inflight());

	/* Nor has one begun that had no room for any of it. */
	close(self->tx);
	self->tx = sender(SOCK_RDM, SVC);
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 1));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(100, send_block(self->tx, 3, 0, 100, 0));
	ASSERT_TRUE(begin_and_wait(&s, self->tx, 4, 100));
	EXPECT_EQ(0, shutdown(self->tx, SHUT_WR));
	EXPECT_FAILS(EPIPE, ended(&s));
	ASSERT_EQ(0, answers_go());
	EXPECT_TRUE(got_block(self->rx, 3, 100));
	EXPECT_TRUE(quiet());
}

/* As many as there are: what is on its way was admitted before it was copied. */
enum { CROWD = 6 };

static void *crowd(void *arg)
{
	struct sending *s = arg;
	int i;

	pthread_barrier_wait(&share_start);
	for (i = 0; i < 100; i++)
		s->ret += send_block(s->fd, s->seed, 0, 1 + 37 * i % 999,
				     MSG_DONTWAIT) > 0;
	return NULL;
}

TEST_F_TIMEOUT(limits, inflight_of_a_crowd, 60)
{
	enum { MAX = 8000 };
	struct sending s[CROWD] = {};
	int i, round;

	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, MAX));
	for (round = 0; round < 4; round++) {
		ASSERT_EQ(0, answers_stop());
		pthread_barrier_init(&share_start, NULL, CROWD);
		for (i = 0; i < CROWD; i++) {
			s[i].fd = sender(SOCK_RDM, SVC);
			s[i].seed = i;
			ASSERT_EQ(0, pthread_create(&s[i].thread, NULL, crowd,
						    &s[i]));
		}
		for (i = 0; i < CROWD; i++)
			pthread_join(s[i].thread, NULL);
		EXPECT_GE(MAX, inflight());
		EXPECT_LT(MAX - 1000, inflight());
		for (i = 0; i < CROWD; i++)
			abandon(s[i].fd);
		EXPECT_TRUE(eventually(!inflight()));
		ASSERT_EQ(0, answers_go());
		ASSERT_TRUE(quiet());
	}
}

/* Green data awaits no report: no limit of what awaits one holds it. */
TEST_F(limits, not_of_green)
{
	int tx = sender(SOCK_DGRAM, SVC + 1), rx = receiver(SOCK_DGRAM, SVC + 1);
	u8 buf[2000];
	u64 red = 500;
	int i;

	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 1));
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 1000));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(1000, send_block(self->tx, 1, 0, 1000, MSG_DONTWAIT));
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 2, 0, 10, MSG_DONTWAIT));
	/* Waiting or not, whole or in pieces, longer than the limit. */
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(1200, send_block(tx, i, 0, 1200,
					   i & 1 ? MSG_DONTWAIT : 0));
		ASSERT_TRUE(wait_for(rx, POLLIN, SOON));
		EXPECT_EQ(1200, recv(rx, buf, sizeof(buf), 0));
		EXPECT_TRUE(same(buf, 1200, i, 0));
	}
	ASSERT_EQ(600, send_block(tx, 5, 0, 600, MSG_MORE));
	ASSERT_EQ(600, send_block(tx, 5, 600, 600, 0));
	ASSERT_TRUE(wait_for(rx, POLLIN, SOON));
	EXPECT_EQ(1000, inflight());
	EXPECT_EQ(1, exports());
	/* Nor does it hold red data. */
	slow_down(tx);
	ASSERT_EQ(5000, send_block(tx, 6, 0, 5000, MSG_DONTWAIT));
	speed_up();
	ASSERT_EQ(0, answers_go());
	EXPECT_TRUE(eventually(!inflight()));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(1000, send_block(self->tx, 3, 0, 1000, MSG_DONTWAIT));
	ASSERT_EQ(0, answers_go());
	EXPECT_TRUE(quiet());
	/* Of a block that is both only the red part counts. */
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 500));
	ASSERT_EQ(0, answers_stop());
	fill(buf, 1200, 7, 0);
	EXPECT_EQ(1200, send_cmsg(self->tx, buf, 1200, MSG_DONTWAIT,
				  LTP_RED_LENGTH, &red, sizeof(red)));
	EXPECT_EQ(500, inflight());
	ASSERT_EQ(0, answers_go());
	EXPECT_TRUE(quiet());
	EXPECT_EQ(0, inflight());
	close(tx);
	close(rx);
}

/* With a burst larger than the limit there is one burst on its way. */
TEST_F(limits, less_than_a_burst)
{
	ASSERT_EQ(0, take_time());
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 2000));
	ASSERT_EQ(200000, send_block(self->tx, 1, 0, 200000, 0));
	EXPECT_TRUE(got_block(self->rx, 1, 200000));
	EXPECT_TRUE(quiet());
	EXPECT_EQ(0, inflight());
}

/* Sends a block in pieces, and waits in poll() alone. */
static bool sent_by_poll(int fd, size_t len)
{
	u8 *buf = malloc(len);
	size_t at = 0;
	ssize_t n;

	fill(buf, len, 1, 0);
	while (at < len) {
		n = send(fd, buf + at, len - at, MSG_DONTWAIT | MSG_MORE);
		if (n > 0)
			at += n;
		else if (errno != EAGAIN || !wait_for(fd, POLLOUT, SOON / 2))
			break;
	}
	free(buf);
	return at == len && !send(fd, "", 0, 0);
}

TEST_F(limits, pieces_by_poll)
{
	ASSERT_EQ(0, take_time());
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 100000));
	ASSERT_TRUE(sent_by_poll(self->tx, 1000000));
	EXPECT_TRUE(got_block(self->rx, 1, 1000000));
	EXPECT_TRUE(quiet());
	EXPECT_LT(0, limit_waits());
	EXPECT_EQ(0, inflight());
}

/* Its block is open, so that no other could begin is nothing to it. */
TEST_F(limits, pieces_of_the_only_session)
{
	ASSERT_EQ(0, take_time());
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 100000));
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 1));
	ASSERT_TRUE(sent_by_poll(self->tx, 1000000));
	EXPECT_TRUE(got_block(self->rx, 1, 1000000));
	EXPECT_TRUE(quiet());
}

enum { SHARE = 60, SHARE_LEN = 20000 };

static void *send_share(void *arg)
{
	int fd = *(int *)arg;
	u64 i;

	pthread_barrier_wait(&share_start);
	for (i = 0; i < SHARE; i++)
		if (send_cookie(fd, i, SHARE_LEN, 0) != SHARE_LEN)
			return "an error";
	return NULL;
}

TEST_F(limits, two_sockets_share)
{
	int tx[2] = { sender(SOCK_RDM, SVC), sender(SOCK_RDM, SVC + 1) };
	int rx[2] = { self->rx, receiver(SOCK_RDM, SVC + 1) };
	int n[2] = { 0, 0 }, least, i;
	s64 until = now_ms() + 3 * SOON;
	u8 *buf = malloc(SHARE_LEN + 1);
	pthread_t t[2];
	void *bad[2];
	struct rx info;

	ASSERT_EQ(0, take_time());
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 30000));
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 1));
	pthread_barrier_init(&share_start, NULL, 2);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, send_share, &tx[i]));
	/* When one has all its blocks, the other has some. */
	least = -1;
	while ((n[0] < SHARE || n[1] < SHARE) && now_ms() < until) {
		struct pollfd p[2] = {
			{ rx[0], POLLIN, 0 }, { rx[1], POLLIN, 0 }
		};

		poll(p, 2, SOON);
		for (i = 0; i < 2; i++)
			if (recv_rx(rx[i], buf, SHARE_LEN + 1, MSG_DONTWAIT,
				    &info) == SHARE_LEN)
				n[i]++;
		if (least < 0 && (n[0] == SHARE || n[1] == SHARE))
			least = n[0] < n[1] ? n[0] : n[1];
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(SHARE, n[i]);
		pthread_join(t[i], &bad[i]);
		EXPECT_EQ(NULL, bad[i]);
		close(tx[i]);
	}
	EXPECT_LE(SHARE * 3 / 4, least);
	EXPECT_TRUE(quiet());
	EXPECT_EQ(0, inflight());
	EXPECT_EQ(0, exports());
	close(rx[1]);
	free(buf);
}

TEST_F(limits, wait_ends_by_a_signal)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct timeval tv = { .tv_sec = 3600 };
	struct sending s;
	int i;

	sigaction(SIGUSR1, &sa, NULL);
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 1));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(100, send_block(self->tx, 0, 0, 100, 0));
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(begin_and_wait(&s, self->tx, 1, 100));
		pthread_kill(s.thread, SIGUSR1);
		EXPECT_FAILS(EINTR, ended(&s));
		/* And with a time of its own. */
		ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET, SO_SNDTIMEO, &tv,
					sizeof(tv)));
	}
	EXPECT_EQ(1, exports());
	EXPECT_EQ(1, stat_get(LTP_A_STATS_BLOCKS_SENT));
	ASSERT_EQ(0, answers_go());
	EXPECT_TRUE(quiet());
}

TEST_F(limits, wait_ends_by_time)
{
	struct timeval tv = { .tv_usec = 200000 };
	s64 start;

	ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET, SO_SNDTIMEO, &tv,
				sizeof(tv)));
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 5000));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(5000, send_block(self->tx, 0, 0, 5000, MSG_DONTWAIT));
	start = now_ms();
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 1, 0, 100, 0));
	EXPECT_LE(190, now_ms() - start);
	EXPECT_GT(SOON, now_ms() - start);
	EXPECT_EQ(1, exports());
	ASSERT_EQ(0, answers_go());
	EXPECT_TRUE(quiet());
}

TEST_F(limits, wait_ends_with_the_span)
{
	struct sending s;

	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 1));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(100, send_block(self->tx, 0, 0, 100, 0));
	ASSERT_TRUE(begin_and_wait(&s, self->tx, 1, 100));
	ASSERT_EQ(0, span_del(1, 2));
	EXPECT_FAILS(ENETUNREACH, ended(&s));
	EXPECT_EQ(0, sessions(true));
}

/* The same in the middle of a block. */
TEST_F(limits, wait_ends_with_the_span_inside_a_block)
{
	struct sending s;

	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ENDS));
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 100000));
	ASSERT_EQ(0, answers_stop());
	ASSERT_TRUE(begin_and_wait(&s, self->tx, 1, 500000));
	ASSERT_EQ(0, span_del(1, 2));
	EXPECT_FAILS(ENETUNREACH, ended(&s));
	EXPECT_EQ(0, sessions(true));
}

/* As with any socket, the call goes on and the socket ends after it. */
TEST_F(limits, closed_while_it_waits)
{
	int tx = sender(SOCK_RDM, SVC);
	struct sending s;

	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 1));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(100, send_block(tx, 0, 0, 100, 0));
	ASSERT_TRUE(begin_and_wait(&s, tx, 1, 100));
	close(tx);
	ASSERT_EQ(0, answers_go());
	EXPECT_EQ(100, ended(&s));
	EXPECT_TRUE(got_block(self->rx, 0, 100));
	EXPECT_TRUE(got_block(self->rx, 1, 100));
	EXPECT_TRUE(quiet());
}

/* Who was refused and then closes is not woken, nor in the way of others. */
TEST_F(limits, closed_after_it_was_refused)
{
	int tx = sender(SOCK_RDM, SVC);

	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 1));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(100, send_block(self->tx, 0, 0, 100, 0));
	EXPECT_FAILS(EAGAIN, send_block(tx, 1, 0, 100, MSG_DONTWAIT));
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 1, 0, 100, MSG_DONTWAIT));
	close(tx);
	ASSERT_EQ(0, answers_go());
	EXPECT_TRUE(wait_for(self->tx, POLLOUT, SOON));
	EXPECT_EQ(100, send_block(self->tx, 1, 0, 100, MSG_DONTWAIT));
	EXPECT_TRUE(quiet());
}

TEST_F(limits, changed_while_somebody_waits)
{
	struct sending s;

	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 1));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(5000, send_block(self->tx, 0, 0, 5000, 0));
	ASSERT_TRUE(begin_and_wait(&s, self->tx, 1, 5000));
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 2));
	EXPECT_EQ(5000, ended(&s));
	EXPECT_EQ(2, exports());
	EXPECT_EQ(10000, inflight());
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 9000));
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 0));
	ASSERT_TRUE(begin_and_wait(&s, self->tx, 2, 5000));
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 1000000));
	EXPECT_EQ(5000, ended(&s));
	EXPECT_EQ(15000, inflight());
	/* And by poll. */
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 15000));
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 3, 0, 5000, MSG_DONTWAIT));
	EXPECT_FALSE(wait_for(self->tx, POLLOUT, WHILE));
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_INFLIGHT, 0));
	EXPECT_TRUE(wait_for(self->tx, POLLOUT, 0));
	EXPECT_EQ(5000, send_block(self->tx, 3, 0, 5000, MSG_DONTWAIT));
	/* Lower than what is on its way: nobody is cancelled. */
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 1));
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 4, 0, 100, MSG_DONTWAIT));
	ASSERT_EQ(0, answers_go());
	EXPECT_TRUE(wait_for(self->tx, POLLOUT, SOON));
	EXPECT_TRUE(quiet());
	EXPECT_EQ(4, stat_get(LTP_A_STATS_BLOCKS_COMPLETED));
}

/* Beyond the span's imports data is dropped, and comes again. */
TEST_F(limits, imports)
{
	int i, tx[3];

	ASSERT_EQ(0, span_set(2, 1, LTP_A_SPAN_MAX_IMPORTS, 3, 4));
	ASSERT_EQ(0, span_set(1, 2, LTP_A_SPAN_MARGIN, 100000000, 8));
	ASSERT_EQ(0, span_set(1, 2, LTP_A_SPAN_MAX_RETRIES, 1000, 4));
	for (i = 0; i < 3; i++) {
		tx[i] = sender(SOCK_RDM, SVC);
		ASSERT_EQ(70000, send_block(tx[i], i, 0, 70000, MSG_MORE));
	}
	EXPECT_EQ(3, span_get(2, 1, LTP_A_SPAN_IMPORTS));
	EXPECT_EQ(0, stat_get(LTP_A_STATS_DROP_LIMIT));
	ASSERT_EQ(0, set_u32(self->tx, LTP_NOTICES, LTP_NOTICE_ENDS));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(4000, send_cookie(self->tx, 10 + i, 4000, 0));
	EXPECT_FALSE(wait_for(self->rx, POLLIN, 4 * WHILE));
	EXPECT_LE(5, stat_get(LTP_A_STATS_DROP_LIMIT));
	EXPECT_EQ(3, span_get(2, 1, LTP_A_SPAN_IMPORTS));
	EXPECT_EQ(0, stat_get(LTP_A_STATS_BLOCKS_CANCELLED));
	/* There is room again. */
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, send(tx[i], "", 0, 0));
	EXPECT_TRUE(quiet());
	EXPECT_EQ(8, stat_get(LTP_A_STATS_BLOCKS_COMPLETED));
	EXPECT_EQ(8, stat_get(LTP_A_STATS_BLOCKS_RECEIVED));
	EXPECT_EQ(0, stat_get(LTP_A_STATS_BLOCKS_CANCELLED));
	for (i = 0; i < 3; i++)
		close(tx[i]);
}

/* Limits hold for their span alone. */
TEST_F(limits, of_another_span)
{
	int rx = socket(AF_LTP, SOCK_RDM, 0);

	ASSERT_EQ(0, engine_add(3, 1115));
	ASSERT_EQ(0, span_add(1, 3, 1115, UINT64_MAX));
	ASSERT_EQ(0, span_add(3, 1, 1113, UINT64_MAX));
	ASSERT_EQ(0, ltp_bind(rx, 3, SVC));
	ASSERT_EQ(0, limit(LTP_A_SPAN_MAX_SESSIONS, 1));
	ASSERT_EQ(0, answers_stop());
	ASSERT_EQ(100, send_block(self->tx, 0, 0, 100, 0));
	EXPECT_FAILS(EAGAIN, send_block(self->tx, 1, 0, 100, MSG_DONTWAIT));
	ASSERT_EQ(0, ltp_connect(self->tx, 3, SVC));
	EXPECT_EQ(100, send_block(self->tx, 1, 0, 100, MSG_DONTWAIT));
	EXPECT_EQ(100, send_block(self->tx, 2, 0, 100, 0));
	EXPECT_TRUE(got_block(rx, 1, 100));
	EXPECT_TRUE(got_block(rx, 2, 100));
	ASSERT_EQ(0, answers_go());
	EXPECT_TRUE(quiet());
	close(rx);
}

TEST_HARNESS_MAIN
