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
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <pthread.h>

#include "ksft_ltp.h"

/*
 * The send buffer of a span's flow, and the largest burst.  Room is looked for
 * before a burst, so there may be one more.
 */
#define FLOW		(16 * BURST)
#define BURST		(64 << 10)

/* Senders at once. */
#define N		100

/* The queue is looked at so often, in ns, and so many bytes leave meanwhile. */
#define SAMPLE		1000000
#define SAMPLE_BYTES	12500

/* What a queue counts for them: Ethernet, IPv4 and UDP headers as well. */
#define FLOW_WIRE	((FLOW + BURST) / SEG * (SEG + 14 + 20 + 8))

struct qdisc {
	struct mnl_socket *nl;
	u64 drops;
	u64 backlog;
};

static int qdisc_queue_cb(const struct nlattr *attr, void *data)
{
	struct qdisc *q = data;
	const struct gnet_stats_queue *stats = mnl_attr_get_payload(attr);

	if (mnl_attr_get_type(attr) == TCA_STATS_QUEUE) {
		q->drops = stats->drops;
		q->backlog = stats->backlog;
	}
	return MNL_CB_OK;
}

static int qdisc_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (tcm->tcm_parent != TC_H_ROOT || tcm->tcm_ifindex != 1)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*tcm))
		if (mnl_attr_get_type(attr) == TCA_STATS2)
			mnl_attr_parse_nested(attr, qdisc_queue_cb, data);
	return MNL_CB_OK;
}

static int qdisc_open(struct qdisc *q)
{
	q->nl = mnl_socket_open(NETLINK_ROUTE);
	return q->nl && !mnl_socket_bind(q->nl, 0, MNL_SOCKET_AUTOPID) ? 0 : -1;
}

/* Reads drops and backlog of lo's queueing discipline. */
static int qdisc_get(struct qdisc *q)
{
	char buf[8192];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct tcmsg *tcm;
	int n;

	nlh->nlmsg_type = RTM_GETQDISC;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	tcm = mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm));
	tcm->tcm_ifindex = 1;
	q->drops = UINT64_MAX;
	if (mnl_socket_sendto(q->nl, nlh, nlh->nlmsg_len) < 0)
		return -1;
	do {
		n = mnl_socket_recvfrom(q->nl, buf, sizeof(buf));
		n = n < 0 ? n : mnl_cb_run(buf, n, 0, 0, qdisc_cb, q);
	} while (n > 0);
	return n < 0 || q->drops == UINT64_MAX ? -1 : 0;
}

/* One that looks at the queue all the time. */
struct watch {
	pthread_t thread;
	bool stop;
	u64 samples;
	u64 most;
	u64 drops;
};

static void *watch_thread(void *arg)
{
	const struct timespec nap = { .tv_nsec = SAMPLE };
	struct watch *w = arg;
	struct qdisc q;

	if (qdisc_open(&q))
		return NULL;
	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED) &&
	       !qdisc_get(&q)) {
		w->samples++;
		if (q.backlog > w->most)
			w->most = q.backlog;
		w->drops = q.drops;
		nanosleep(&nap, NULL);
	}
	mnl_socket_close(q.nl);
	return NULL;
}

static int watch_start(struct watch *w)
{
	*w = (struct watch) { .drops = UINT64_MAX };
	return pthread_create(&w->thread, NULL, watch_thread, w);
}

/*
 * Whether no look failed: there is one every SAMPLE.  What left since the last
 * one counts as if it had been there.
 */
static bool watch_stop(struct watch *w, s64 ms)
{
	__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
	pthread_join(w->thread, NULL);
	w->most += SAMPLE_BYTES;
	printf("# at most %llu bytes queued, %llu dropped, %llu samples in %lld ms\n",
	       (unsigned long long)w->most, (unsigned long long)w->drops,
	       (unsigned long long)w->samples, (long long)ms);
	return w->samples >= ms * 4 / 5;
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
	s64 start = now_ms();
	struct watch w;
	int i;

	if (watch_start(&w) ||
	    pthread_create(&f.thread, NULL, flood_thread, &f))
		return -1;
	for (i = 0; i < f.count; i++)
		if (take(rx, buf, f.len) != 5)
			break;
	pthread_join(f.thread, NULL);
	free(buf);
	if (!watch_stop(&w, now_ms() - start) || !quiet() || i < f.count)
		return -1;
	return w.drops || stat_get(LTP_A_STATS_TX_DROPPED) ? -1 : w.most;
}

TEST_F(slow, drops_nothing)
{
	s64 most = most_queued(self->rx, self->tx);

	EXPECT_LE(0, most);
	EXPECT_GE(FLOW + BURST, most);
	EXPECT_LT(0, stat_get(LTP_A_STATS_TX_BUSY));
	EXPECT_EQ(0, stat_get(LTP_A_STATS_RTX_SEGMENTS));
}

/*
 * Bytes that are queued are in the socket's send buffer, too.  That is twice
 * what was asked for, as setsockopt(2) has it for SO_SNDBUF (socket(7)).
 */
TEST_F(slow, queues_no_more_than_a_send_buffer)
{
	s64 most, sndbuf;

	ASSERT_EQ(0, set_u32(self->tx, LTP_SNDBUF, 128 << 10));
	sndbuf = get_int(self->tx, SOL_LTP, LTP_SNDBUF);
	ASSERT_EQ(2 * (128 << 10), sndbuf);
	most = most_queued(self->rx, self->tx);
	EXPECT_LE(0, most);
	EXPECT_GE(sndbuf, most);
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
	struct watch w;
	s64 start;
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
	start = now_ms();
	ASSERT_EQ(0, watch_start(&w));
	ASSERT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_START));
	ASSERT_TRUE(eventually(imports()->sum > N * LEN / 4));
	EXPECT_LE(0.95, jain(imports()->done, N));
	EXPECT_TRUE(watch_stop(&w, now_ms() - start));
	EXPECT_EQ(0, w.drops);
	EXPECT_GE(FLOW_WIRE, w.most);
	EXPECT_EQ(0, stat_get(LTP_A_STATS_TX_DROPPED));
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
	s64 who, start;
	struct watch w;
	int i;

	if (variant->burst_limit)
		SKIP(return, "once is enough");
	memset(got, 0, sizeof(got));
	start = now_ms();
	ASSERT_EQ(0, watch_start(&w));
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
	EXPECT_TRUE(watch_stop(&w, now_ms() - start));
	EXPECT_LE(0.95, jain(got, N));
	EXPECT_EQ(0, w.drops);
	EXPECT_GE(FLOW + BURST, w.most);
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
