// SPDX-License-Identifier: GPL-2.0
/*
 * Fast senders above a slow queueing discipline: nothing is dropped below
 * them, no more is queued than a send buffer, and sockets share what leaves.
 * In virtual time (uml.sh -T), where no machine is slower than the queue.
 *
 *	+----------------- a namespace of its own -----------------+
 *	|  engine 1                 lo                 engine 2    |
 *	|  127.0.0.1 port 1113 <===========> 127.0.0.1 port 1114   |
 *	|             fq or tbf, 100 Mbit/s each way               |
 *	+----------------------------------------------------------+
 */
#include <pthread.h>

#include "ksft_ltp.h"

/* The send buffer of a span's flow, and the largest burst. */
#define FLOW		(16 * BURST)
#define BURST		(64 << 10)

/* Senders at once. */
#define N		100

struct qdisc {
	u64 drops;
	u64 backlog;
};

static int qdisc_get(struct qdisc *q)
{
	static const char cmd[] =
		"tc -s -j qdisc show dev lo | jq '.[0] | .drops, .backlog'";
	FILE *f = popen(cmd, "r");
	unsigned long long drops, backlog;
	int n;

	if (!f)
		return -1;
	n = fscanf(f, "%llu %llu", &drops, &backlog);
	q->drops = drops;
	q->backlog = backlog;
	return pclose(f) || n != 2 ? -1 : 0;
}

FIXTURE(slow)
{
	int rx, tx;
};

FIXTURE_VARIANT(slow)
{
	const char *qdisc;
	u32 burst_limit;
};

FIXTURE_VARIANT_ADD(slow, tbf)
{
	.qdisc = "tbf rate 100mbit burst 70k limit 8m",
};

FIXTURE_VARIANT_ADD(slow, fq)
{
	.qdisc = "fq maxrate 100mbit",
};

/* So many buffers that fq, which counts them, would drop some. */
FIXTURE_VARIANT_ADD(slow, fq_small)
{
	.qdisc = "fq maxrate 100mbit",
	.burst_limit = 1,
};

FIXTURE_SETUP(slow)
{
	char cmd[128];

	ASSERT_EQ(NULL, two_engines());
	snprintf(cmd, sizeof(cmd), "tc qdisc replace dev lo root %s",
		 variant->qdisc);
	ASSERT_EQ(0, system(cmd));
	ASSERT_EQ(0, span_set(1, 2, LTP_A_SPAN_BURST_LIMIT,
			      variant->burst_limit, 4));
	self->rx = receiver(SOCK_RDM, SVC);
	ASSERT_LE(0, self->rx);
	self->tx = sender(SOCK_RDM, SVC);
	ASSERT_LE(0, self->tx);
}

FIXTURE_TEARDOWN(slow)
{
	abandon(self->tx);
	close(self->rx);
}

struct flood {
	pthread_t thread;
	int fd;
	u32 who;
	u32 len;
	int count;
	int sent;
	bool *stop;
};

/* Blocks that begin with the number of their sender. */
static void *flood_thread(void *arg)
{
	struct flood *f = arg;
	u32 *buf = calloc(1, f->len);

	buf[0] = f->who;
	while (f->sent < f->count &&
	       !(f->stop && __atomic_load_n(f->stop, __ATOMIC_RELAXED)) &&
	       send(f->fd, buf, f->len, MSG_NOSIGNAL) == f->len)
		f->sent++;
	free(buf);
	return NULL;
}

/* Receives one block; its first word, or -1. */
static s64 take(int fd, u32 *buf, size_t len)
{
	if (!wait_for(fd, POLLIN, SOON) ||
	    recv(fd, buf, len, MSG_DONTWAIT) != (ssize_t)len)
		return -1;
	return buf[0];
}

/* Sends 8 MiB; the most bytes seen in the queue, -1 if some were dropped. */
static s64 most_queued(int rx, int tx)
{
	struct flood f = { .fd = tx, .who = 5, .len = 256 << 10, .count = 32 };
	u32 *buf = malloc(f.len);
	struct qdisc q;
	s64 most = 0;
	int i;

	if (pthread_create(&f.thread, NULL, flood_thread, &f))
		return -1;
	for (i = 0; i < f.count; i++) {
		if (take(rx, buf, f.len) != 5)
			break;
		if (!(i % 4) && !qdisc_get(&q) && (s64)q.backlog > most)
			most = q.backlog;
	}
	pthread_join(f.thread, NULL);
	free(buf);
	if (!quiet() || qdisc_get(&q) || i < f.count)
		return -1;
	printf("# at most %lld bytes queued, %llu dropped\n",
	       (long long)most, (unsigned long long)q.drops);
	return q.drops || stat_get(LTP_A_STATS_TX_DROPPED) ? -1 : most;
}

TEST_F(slow, drops_nothing)
{
	s64 most = most_queued(self->rx, self->tx);

	EXPECT_LE(0, most);
	EXPECT_GE(FLOW + BURST, most);
	EXPECT_LT(0, stat_get(LTP_A_STATS_TX_BUSY));
	EXPECT_EQ(0, stat_get(LTP_A_STATS_RTX_SEGMENTS));
}

/* Bytes that are queued are in the socket's send buffer, too. */
TEST_F(slow, queues_no_more_than_a_send_buffer)
{
	s64 most;

	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 128 << 10));
	most = most_queued(self->rx, self->tx);
	EXPECT_LE(0, most);
	EXPECT_GE(get_int(self->tx, SOL_LTP, LTP_SNDBUF) + BURST, most);
}

static double jain(const u64 *share, int n)
{
	double sum = 0, squares = 0, index;
	int i;

	for (i = 0; i < n; i++) {
		sum += share[i];
		squares += (double)share[i] * share[i];
	}
	index = squares ? sum * sum / n / squares : 0;
	printf("# %d of them: Jain's index %.4f\n", n, index);
	return index;
}

struct imports {
	int n;
	u64 sum;
	u64 done[N];
};

static int imports_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;
	struct imports *im = data;
	bool export = false;
	u64 done = 0;

	mnl_attr_for_each(attr, nlh, GENL_HDRLEN) {
		if (mnl_attr_get_type(attr) == LTP_A_SESSION_EXPORT)
			export = mnl_attr_get_u8(attr);
		if (mnl_attr_get_type(attr) == LTP_A_SESSION_DONE)
			done = mnl_attr_get_u64(attr);
	}
	if (!export && im->n < N) {
		im->done[im->n++] = done;
		im->sum += done;
	}
	return MNL_CB_OK;
}

static const struct imports *imports(void)
{
	static struct imports im;
	char buf[256];

	memset(&im, 0, sizeof(im));
	nl_ask(ltp_request(buf, LTP_CMD_SESSION_GET, NLM_F_DUMP), imports_cb,
	       &im);
	return &im;
}

/* One long block each: what arrived of them in the same time. */
TEST_F(slow, sessions_share)
{
	enum { LEN = 1 << 20 };
	static struct flood f[N];
	int i;

	if (variant->burst_limit)
		SKIP(return, "once is enough");
	/* All of them begin at once. */
	ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_STOP));
	for (i = 0; i < N; i++) {
		f[i] = (struct flood) {
			.fd = sender(SOCK_RDM, SVC), .who = i, .len = LEN,
			.count = 1,
		};
		ASSERT_LE(0, f[i].fd);
		ASSERT_EQ(0, set_u32(f[i].fd, LTP_SNDBUF, 2 * LEN));
		ASSERT_EQ(0, pthread_create(&f[i].thread, NULL, flood_thread,
					    &f[i]));
	}
	for (i = 0; i < N; i++)
		pthread_join(f[i].thread, NULL);
	ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_START));
	ASSERT_TRUE(eventually(imports()->sum > N * LEN / 4));
	EXPECT_LE(0.95, jain(imports()->done, N));
	for (i = 0; i < N; i++)
		abandon(f[i].fd);
	EXPECT_TRUE(quiet());
}

/* Short blocks, as many as the send buffer takes. */
TEST_F(slow, sockets_share)
{
	enum { LEN = 8 << 10, WARM = 2000, BLOCKS = 2000 };
	static struct flood f[N];
	static u64 got[N];
	u32 *buf = malloc(LEN);
	bool stop = false;
	struct qdisc q;
	s64 who;
	int i;

	if (variant->burst_limit)
		SKIP(return, "once is enough");
	memset(got, 0, sizeof(got));
	for (i = 0; i < N; i++) {
		f[i] = (struct flood) {
			.fd = sender(SOCK_RDM, SVC), .who = i, .len = LEN,
			.count = WARM + BLOCKS, .stop = &stop,
		};
		ASSERT_LE(0, f[i].fd);
		ASSERT_EQ(0, set_u32(f[i].fd, LTP_SNDBUF, 4 * LEN));
		ASSERT_EQ(0, pthread_create(&f[i].thread, NULL, flood_thread,
					    &f[i]));
	}
	/*
	 * Who comes first fills its send buffer first.  That is over when all
	 * of these have been sent some times.
	 */
	for (i = 0; i < WARM + BLOCKS; i++) {
		who = take(self->rx, buf, LEN);
		ASSERT_LE(0, who);
		ASSERT_GT(N, who);
		if (i >= WARM)
			got[who]++;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	EXPECT_EQ(0, qdisc_get(&q));
	EXPECT_LE(0.95, jain(got, N));
	EXPECT_EQ(0, q.drops);
	EXPECT_EQ(0, stat_get(LTP_A_STATS_TX_DROPPED));
	EXPECT_EQ(0, stat_get(LTP_A_STATS_RTX_SEGMENTS));
	for (i = 0; i < N; i++) {
		/* If it still waits, then for what we receive. */
		while (pthread_tryjoin_np(f[i].thread, NULL))
			if (wait_for(self->rx, POLLIN, 1))
				recv(self->rx, buf, LEN, MSG_DONTWAIT);
		abandon(f[i].fd);
	}
	free(buf);
}

TEST_HARNESS_MAIN
