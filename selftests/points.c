// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation of the module fails, one at a time in turn, in whatever
 * context it is: process, softirq, timer or work.  A scenario that meets no
 * fault shows which points it comes by; then each of those fails at its first
 * pass, at its second, and so on, until there is none.  What fails succeeds
 * later or is reported, blocks arrive once, and no session is left.  In the end
 * every point must have failed.
 *
 *	+------------------- a namespace of its own -------------------+
 *	|  engine 1, port 1113 <---- lo ----> engine 2, port 1114      |
 *	|  engine 3, port 1115 <---- relay ----> engine 4, port 1116   |
 *	|  engine 9, a socket of this test ----> engine 2, port 1114   |
 *	+--------------------------------------------------------------+
 *
 * The relay loses the datagrams of a list, the same in every turn.
 */
#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

#include "ksft_ltp.h"
#include "unit/codec.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT	103
#endif
#ifndef SOL_UDP
#define SOL_UDP		17
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY	0x4000000
#endif

#define DEBUGFS		"/sys/kernel/debug/ltp/"
#define POINTS_MAX	128
/* A scenario passes most points less often. */
#define NTH_MAX		8

#define LEN		60000
#define LOSSY_LEN	20000
#define RAW		9
#define STRANGER	77

struct point {
	char name[32];
	int hits;
	int faults;
};

static struct point now[POINTS_MAX];
static int n_points;
static u8 got[200001];
static u64 seed;

/* --- points --- */

static bool put(const char *name, const char *val)
{
	char path[128];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), DEBUGFS "%s", name);
	fd = open(path, O_WRONLY);
	ok = fd >= 0 && write(fd, val, strlen(val)) > 0;
	if (!ok)
		perror(path);
	if (fd >= 0)
		close(fd);
	return ok;
}

static void read_points(void)
{
	FILE *f = fopen(DEBUGFS "points", "r");
	struct point *p = now;

	while (f && p < now + POINTS_MAX &&
	       fscanf(f, "%31s %d %d", p->name, &p->hits, &p->faults) == 3)
		p++;
	n_points = p - now;
	if (f)
		fclose(f);
}

/* From now on the @nth pass of a point fails, once. */
static void arm(const char *name, int nth)
{
	char buf[16];

	snprintf(buf, sizeof(buf), "%d", nth);
	put("fault/interval", buf);
	put("fault/times", "1");
	put("point", name);
}

static void disarm(void)
{
	put("point", "none");
}

static bool failed(const char *what, int err)
{
	fprintf(stderr, "# %s: %d\n", what, err);
	return false;
}

static bool no_memory(int err)
{
	return err == -ENOMEM || err == -ENOBUFS;
}

static int result(ssize_t n)
{
	return n < 0 ? -errno : 0;
}

/* What failed for want of memory succeeds the next time. */
#define again(call) ({							\
	int __tries = 2, __err;						\
	do {								\
		__err = (call);						\
	} while (no_memory(__err) && --__tries);			\
	__err;								\
})

/* Whether a name begins with one of the words of @only. */
static bool chosen(const char *name, const char *only)
{
	size_t n;

	for (; only; only = only[n] ? only + n + 1 : NULL) {
		n = strcspn(only, " ");
		if (!strncmp(name, only, n))
			return true;
		if (!only[n])
			return false;
	}
	return true;
}

/*
 * Runs a scenario without faults, then with each in turn, if not NULL @only of
 * points whose names begin with one of these words.  Returns false at the first that goes wrong.
 */
static bool in_turn(const char *name, bool (*run)(void), const char *only)
{
	static struct point before[POINTS_MAX];
	int i, n, count = 0, passed = 0;
	s64 began = now_ms();

	if (getenv("SCENARIO") && strcmp(getenv("SCENARIO"), name))
		return true;
	disarm();
	read_points();
	memcpy(before, now, sizeof(before));
	if (!run())
		return failed(name, 0);
	read_points();
	for (i = 0; i < n_points; i++) {
		before[i].hits = now[i].hits - before[i].hits;
		if (!chosen(now[i].name, only))
			before[i].hits = 0;
	}
	for (i = 0; i < n_points; i++) {
		for (n = 1; before[i].hits && n <= NTH_MAX; n++) {
			int faults = now[i].faults;
			bool ok;

			arm(now[i].name, n);
			ok = run();
			disarm();
			if (!ok) {
				fprintf(stderr, "# %s: wrong after fault %d of %s\n",
					name, n, now[i].name);
				return false;
			}
			read_points();
			if (now[i].faults == faults)
				break;
			count++;
		}
		passed += !!before[i].hits;
	}
	fprintf(stderr, "# %s: %d faults at %d points, %lld ms\n", name, count,
		passed, (long long)(now_ms() - began));
	return true;
}

/* --- the relay --- */

static struct {
	int fd[2];
	u16 port[2];
	u64 lose[2];
	unsigned int n[2];
} relay = { .port = { 1115, 1116 } };

static int udp_socket(u16 port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return bind(fd, (struct sockaddr *)&sin, sizeof(sin)) ? -1 : fd;
}

static int udp_send(int fd, u16 port, const void *buf, size_t len)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return sendto(fd, buf, len, 0, (struct sockaddr *)&sin, sizeof(sin));
}

static void *relay_run(void *arg)
{
	struct pollfd p[2] = { { relay.fd[0], POLLIN, 0 },
			       { relay.fd[1], POLLIN, 0 } };
	static u8 buf[65536];
	unsigned int n;
	ssize_t len;
	int i;

	for (;;) {
		poll(p, 2, -1);
		for (i = 0; i < 2; i++) {
			if (!p[i].revents)
				continue;
			len = recv(relay.fd[i], buf, sizeof(buf), MSG_DONTWAIT);
			if (len < 0)
				continue;
			n = __atomic_fetch_add(&relay.n[i], 1,
					       __ATOMIC_RELAXED);
			if (n >= 64 || !(relay.lose[i] >> n & 1))
				udp_send(relay.fd[!i], relay.port[!i], buf,
					 len);
		}
	}
	return NULL;
}

static void relay_begin(u64 lose_data, u64 lose_answers)
{
	relay.lose[0] = lose_data;
	relay.lose[1] = lose_answers;
	__atomic_store_n(&relay.n[0], 0, __ATOMIC_RELAXED);
	__atomic_store_n(&relay.n[1], 0, __ATOMIC_RELAXED);
}

/* --- blocks --- */

static int tx = -1, rx = -1, lossy_tx = -1, lossy_rx = -1;

static int open_sender(u64 engine, u64 remote)
{
	int fd = socket(AF_LTP, SOCK_RDM, 0);

	if (fd < 0 || ltp_bind(fd, engine, 1000 + fd) ||
	    ltp_connect(fd, remote, SVC) ||
	    set_u32(fd, LTP_NOTICES, LTP_NOTICE_ALL))
		return -1;
	return fd;
}

static int open_receiver(u64 engine)
{
	int fd = socket(AF_LTP, SOCK_RDM, 0);

	if (fd < 0 || ltp_bind(fd, engine, SVC) || set_u32(fd, LTP_RXINFO, 1) ||
	    set_u32(fd, LTP_NOTICES, LTP_NOTICE_ALL))
		return -1;
	return fd;
}

/* The notice of a block's end, or 0. */
static int end_of(int fd)
{
	struct ltp_notice n;

	return next_notice(fd, &n, LTP_NOTICE_ENDS, SOON) ? n.kind : 0;
}

/* Nothing is left of it, neither sessions nor what is to be read. */
static bool all_gone(int from, int to)
{
	struct ltp_notice n;

	if (!quiet())
		return failed("sessions are left", sessions(true));
	disarm();
	next_notice(to, &n, 0, 0);
	if (recv(to, got, sizeof(got), MSG_DONTWAIT) >= 0)
		return failed("a block too many", 0);
	if (next_notice(from, &n, LTP_NOTICE_ENDS, 0))
		return failed("two ends", n.kind);
	if (get_int(from, SOL_SOCKET, SO_ERROR))
		return failed("an error is left", 0);
	return true;
}

/* Waits for the block.  poll() returns for notices, too. */
static bool has_block(int fd, size_t len)
{
	return eventually(wait_for(fd, POLLIN, 0)) && got_block(fd, seed, len);
}

/* What was accepted arrives once; what was not, not at all. */
static bool arrives(int err, int from, int to, size_t len)
{
	if (no_memory(err))
		return all_gone(from, to);
	if (err)
		return failed("send", err);
	if (!has_block(to, len))
		return false;
	if (end_of(from) != LTP_NOTICE_COMPLETED)
		return failed("no end", 0);
	return all_gone(from, to);
}

/*
 * Sends bytes @at to @end of the block.  A block that has begun is still open
 * when there was no memory for the next part.
 */
static int send_part(int fd, size_t at, size_t end, int flags)
{
	bool begun = at;
	ssize_t n;

	for (; at < end; at += n) {
		n = send_block(fd, seed, at, end - at, flags);
		if (n < 0 && (!begun || !no_memory(-errno)))
			return -errno;
		n = n < 0 ? 0 : n;
		begun = true;
	}
	return 0;
}

static int send_whole(int fd, size_t len)
{
	seed++;
	return send_part(fd, 0, len, 0);
}

static bool run_block(void)
{
	int err = send_whole(tx, LEN);

	return arrives(err, tx, rx, LEN);
}

static bool run_lossy(void)
{
	int err;

	/* Two gaps, the checkpoint; of what is sent again one, and an end. */
	relay_begin(1 << 2 | 1 << 5 | 1 << 6 | 1 << 14 | 1 << 17 | 1 << 20,
		    1 << 0 | 1 << 3 | 1 << 4);
	err = send_whole(lossy_tx, LOSSY_LEN);
	return arrives(err, lossy_tx, lossy_rx, LOSSY_LEN);
}

/* Gives up what was not accepted whole, and begins anew. */
static bool give_up(void)
{
	abandon(tx);
	tx = open_sender(1, 2);
	return tx >= 0 && all_gone(tx, rx);
}

static bool run_pieces(void)
{
	static const size_t at[] = { 0, 1000, 5000, 5500, 6500 };
	int i, err;

	seed++;
	for (i = 0; i < 4; i++) {
		err = send_part(tx, at[i], at[i + 1], i < 3 ? MSG_MORE : 0);
		if (err)
			return arrives(err, tx, rx, at[4]);
	}
	return arrives(0, tx, rx, at[4]);
}

/*
 * Of some of these lengths one byte is left over for the last segment, which
 * is a burst of its own.  A full count says that the block has ended; after a
 * short one the rest may follow, or the block ends with what was taken.
 */
static bool run_last(void)
{
	size_t len;
	ssize_t n;
	int err;

	if (set_u32(tx, LTP_BURST_LIMIT, 1))
		return false;
	for (len = 1385; len <= 1393; len++) {
		if (!arrives(send_whole(tx, len), tx, rx, len))
			return false;
		n = send_block(tx, ++seed, 0, len, 0);
		err = result(n);
		if (n > 0 && n < len && again(result(send(tx, "", 0, 0))))
			return failed("the end", errno);
		if (!arrives(err, tx, rx, n))
			return false;
	}
	return !set_u32(tx, LTP_BURST_LIMIT, 0);
}

/* It may be lost, but not come twice. */
static bool run_green(void)
{
	struct rx r;
	size_t sum = 0;
	ssize_t n;
	int err;

	if (set_u64(tx, LTP_RED_LENGTH, 0))
		return false;
	err = send_whole(tx, LEN);
	if (set_u64(tx, LTP_RED_LENGTH, UINT64_MAX))
		return false;
	if (!err && end_of(tx) != LTP_NOTICE_COMPLETED)
		return failed("no end", 0);
	if ((err && !no_memory(err)) || !quiet())
		return failed("send", err);
	while ((n = recv_rx(rx, got, sizeof(got), MSG_DONTWAIT, &r)) > 0) {
		if (!same(got, n, seed, r.info.offset))
			return false;
		sum += n;
	}
	return sum <= LEN && (!err || !sum) && all_gone(tx, rx);
}

static bool run_zerocopy(void)
{
	static u8 *buf;
	ssize_t n;
	int err;

	if (!buf)
		buf = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (set_u32(tx, LTP_ZEROCOPY, 1) || set_u32(tx, LTP_SEGMENT_SIZE, 16000))
		return false;
	fill(buf, LEN, ++seed, 0);
	n = send(tx, buf, LEN, MSG_ZEROCOPY | MSG_NOSIGNAL);
	err = n < 0 ? -errno : send_part(tx, n, LEN, 0);
	if (set_u32(tx, LTP_SEGMENT_SIZE, 0) || set_u32(tx, LTP_ZEROCOPY, 0))
		return false;
	/* What had begun is told to have ended. */
	if (err == -EFAULT)
		return give_up();
	return arrives(err, tx, rx, LEN);
}

static bool run_sendfile(void)
{
	int fd = file_with(++seed, LEN), err = 0;
	size_t left = LEN;
	ssize_t n;

	if (set_u32(tx, LTP_SEGMENT_SIZE, 16000))
		return false;
	for (; left && !err; left -= n) {
		n = sendfile(tx, fd, NULL, left);
		if (n <= 0)
			err = n ? -errno : -EPROTO;
	}
	close(fd);
	if (set_u32(tx, LTP_SEGMENT_SIZE, 0))
		return false;
	if (no_memory(err) || err == -EFAULT)
		return give_up();
	return arrives(err, tx, rx, LEN);
}

static bool run_splice(void)
{
	size_t sum = 0;
	ssize_t n = 0;
	int p[2], err;

	err = send_whole(tx, LEN);
	if (err)
		return arrives(err, tx, rx, LEN);
	if (end_of(tx) != LTP_NOTICE_COMPLETED || pipe(p))
		return failed("no end", 0);
	while (sum < LEN) {
		n = splice(rx, NULL, p[1], NULL, LEN - sum, SPLICE_F_NONBLOCK);
		if (n < 0 && errno == ENOMEM)
			continue;
		if (n <= 0 || read(p[0], got + sum, n) != n)
			break;
		sum += n;
	}
	close(p[0]);
	close(p[1]);
	if (sum != LEN)
		return failed("splice", -errno);
	return same(got, LEN, seed, 0) && all_gone(tx, rx);
}

static bool set_mtu(int mtu)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_mtu = mtu };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err;

	err = ioctl(fd, SIOCSIFMTU, &ifr);
	close(fd);
	return !err;
}

/* What is laid out already must be cut anew. */
static bool run_mtu(void)
{
	bool ok;
	int err;

	if (span_cue(1, 2, LTP_CUE_LOCAL_STOP))
		return false;
	err = send_whole(tx, LOSSY_LEN);
	if (!set_mtu(1280) || span_cue(1, 2, LTP_CUE_LOCAL_START))
		return false;
	/* A route that finds no memory is none. */
	ok = arrives(err == -ENETUNREACH ? -ENOMEM : err, tx, rx, LOSSY_LEN);
	return set_mtu(65536) && ok;
}

static int session_get(u64 number)
{
	char buf[512];
	struct nlmsghdr *nlh = ltp_request(buf, LTP_CMD_SESSION_GET, 0);

	mnl_attr_put_u64(nlh, LTP_A_SESSION_ENGINE, 1);
	mnl_attr_put_u64(nlh, LTP_A_SESSION_REMOTE, 2);
	mnl_attr_put_u64(nlh, LTP_A_SESSION_NUMBER, number);
	mnl_attr_put_u8(nlh, LTP_A_SESSION_EXPORT, 1);
	return nl_ask(nlh, NULL, NULL);
}

/* The sender gives a block up that has arrived, and is not reported. */
static bool run_cancel(void)
{
	struct ltp_notice n;
	int err;

	if (span_cue(2, 1, LTP_CUE_LOCAL_STOP))
		return false;
	err = send_whole(tx, LEN);
	/* That it began may have been lost: then it is not given up. */
	if (!err &&
	    next_notice(tx, &n, LTP_NOTICE_BIT(LTP_NOTICE_START), 50)) {
		err = again(session_get(n.session)) ?:
		      again(session_cancel(1, 2, n.session, true));
		if (err || end_of(tx) != LTP_NOTICE_CANCELLED)
			return failed("cancel", err);
	}
	if ((err && !no_memory(err)) || span_cue(2, 1, LTP_CUE_LOCAL_START) ||
	    !quiet())
		return failed("cancel", err);
	next_notice(tx, &n, 0, 0);
	recv(rx, got, sizeof(got), MSG_DONTWAIT);
	return all_gone(tx, rx);
}

/* --- configuration --- */

static int engine_ask(u8 cmd, u64 id)
{
	char buf[512];
	struct nlmsghdr *nlh = engine_request(buf, cmd, id);

	if (cmd == LTP_CMD_ENGINE_SET)
		mnl_attr_put_u32(nlh, LTP_A_ENGINE_MAX_IMPORTS, 1000);
	return nl_ask(nlh, NULL, NULL);
}

static int dump(u8 cmd)
{
	char buf[512];

	return nl_ask(ltp_request(buf, cmd, NLM_F_DUMP), NULL, NULL);
}

static int span_ask(u64 engine, u64 remote)
{
	char buf[512];

	return nl_ask(span_request(buf, LTP_CMD_SPAN_GET, engine, remote),
		      NULL, NULL);
}

static int stats_ask(void)
{
	char buf[512];

	return nl_ask(ltp_request(buf, LTP_CMD_STATS_GET, 0), NULL, NULL);
}

static int socket_ask(void)
{
	int fd = socket(AF_LTP, SOCK_RDM, 0);

	return fd < 0 ? -errno : close(fd);
}

static int service_ask(u64 engine)
{
	int fd = socket(AF_LTP, SOCK_RDM, 0), err;

	if (fd < 0)
		return -errno;
	err = ltp_bind(fd, engine, SVC) ? -errno : 0;
	close(fd);
	return err;
}

/* What failed has left nothing behind, or it would be there already. */
static bool run_configure(void)
{
	int err;

	err = again(socket_ask()) ?:
	      again(engine_add(5, 1117)) ?:
	      again(engine_ask(LTP_CMD_ENGINE_SET, 5)) ?:
	      again(engine_ask(LTP_CMD_ENGINE_GET, 5)) ?:
	      again(service_ask(5)) ?:
	      again(span_add(5, 6, 1118, UINT64_MAX)) ?:
	      again(span_set(5, 6, LTP_A_SPAN_FLOWS, 3, 4)) ?:
	      again(span_ask(5, 6)) ?:
	      again(span_cue(5, 6, LTP_CUE_LOCAL_STOP)) ?:
	      again(span_cue(5, 6, LTP_CUE_LOCAL_START)) ?:
	      again(dump(LTP_CMD_ENGINE_GET)) ?:
	      again(dump(LTP_CMD_SPAN_GET)) ?:
	      again(dump(LTP_CMD_SESSION_GET)) ?:
	      again(stats_ask()) ?:
	      again(span_del(5, 6)) ?:
	      again(engine_del(5));
	return err ? failed("configure", err) : true;
}

/* In a child, which then ends. */
static bool in_child(int (*run)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(run());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static int unshare_child(void)
{
	return !!again(result(unshare(CLONE_NEWNET)));
}

static bool run_namespace(void)
{
	return in_child(unshare_child);
}

/* Pages that are in flight are kept for later, in a queue that grows. */
static int pages_child(void)
{
	if (two_engines() || span_cue(1, 2, LTP_CUE_LOCAL_STOP))
		return 1;
	tx = open_sender(1, 2);
	rx = open_receiver(2);
	if (send_whole(tx, 200000) ||
	    span_cue(1, 2, LTP_CUE_LOCAL_START))
		return 1;
	return !has_block(rx, 200000) ||
	       end_of(tx) != LTP_NOTICE_COMPLETED || !quiet();
}

static bool run_pages(void)
{
	return in_child(pages_child);
}

/* --- a peer that is this test --- */

static int raw = -1;
static u64 raw_session = 1000, raw_cp;

static void raw_say(const void *buf, size_t len, int stride)
{
	setsockopt(raw, SOL_UDP, UDP_SEGMENT, &stride, sizeof(stride));
	udp_send(raw, 1114, buf, len);
}

static u8 *raw_segment(u8 *p, u64 engine, u8 type, u64 off, u32 len)
{
	struct ltp_segment_prefix prefix;

	ltp_segment_prefix_init(&prefix, engine, raw_session, SVC);
	raw_cp += ltp_segment_is_checkpoint(type);
	p = ltp_segment_put_data(p, &prefix, type, off, len,
				 ltp_segment_is_checkpoint(type) ? raw_cp : 0,
				 0);
	fill(p, len, seed, off);
	return p + len;
}

/* All of the block from @off on, in one datagram. */
static void raw_rest(u64 engine, u64 off)
{
	static u8 buf[65536];
	u8 *p = buf;

	for (; off + 1000 < LEN; off += 1000)
		p = raw_segment(p, engine, LTP_SEG_RED, off, 1000);
	p = raw_segment(p, engine, LTP_SEG_RED_CP_EORP_EOB, off, LEN - off);
	raw_say(buf, p - buf, 0);
}

/*
 * Reads what came, waiting @ms for it, and acknowledges it.  Returns its type
 * if it claims all of the block or cancels it, 0 if not, -1 if nothing came.
 */
static int raw_answer(u64 engine, int ms)
{
	static u8 buf[65536];
	struct ltp_segment seg;
	u64 prev = 0, from, to;
	const u8 *claim;
	u8 out[64], *p;
	ssize_t n;

	if (!wait_for(raw, POLLIN, ms))
		return -1;
	n = recv(raw, buf, sizeof(buf), MSG_DONTWAIT);
	if (n <= 0 || ltp_segment_parse(&seg, buf, n, n) ||
	    seg.session != raw_session)
		return 0;
	if (seg.type == LTP_SEG_CR) {
		p = ltp_segment_put_cancel_ack(out, out + sizeof(out),
					       LTP_SEG_CAR, engine,
					       raw_session);
		raw_say(out, p - out, 0);
		return LTP_SEG_CR;
	}
	if (seg.type != LTP_SEG_RS)
		return 0;
	p = ltp_segment_put_ra(out, out + sizeof(out), engine, raw_session,
			       seg.rs_serial);
	raw_say(out, p - out, 0);
	claim = buf + seg.hlen;
	if (seg.n_claims != 1 || seg.lower || seg.upper != LEN ||
	    ltp_segment_next_claim(&claim, buf + n, &seg, &prev, &from, &to) ||
	    from || to != LEN)
		return 0;
	return LTP_SEG_RS;
}

/* Sends all again until it is claimed or cancelled; returns which, or 0. */
static int raw_finish(u64 engine)
{
	s64 until = now_ms() + SOON;
	int type;

	while (now_ms() < until) {
		type = raw_answer(engine, 40);
		if (type > 0)
			return type;
		if (type < 0) {
			/* The same checkpoint, or it is of another session. */
			raw_cp -= !!raw_cp;
			raw_rest(engine, 0);
		}
	}
	return 0;
}

/* Reports that were late are acknowledged, too. */
static bool raw_quiet(u64 engine)
{
	s64 until = now_ms() + SOON;

	while (sessions(false) && now_ms() < until)
		raw_answer(engine, 5);
	return all_gone(tx, rx);
}

static void raw_begin(void)
{
	seed++;
	raw_session++;
	raw_cp = 0;
	while (recv(raw, got, sizeof(got), MSG_DONTWAIT) > 0)
		;
}

static bool raw_arrived(u64 engine)
{
	if (raw_finish(engine) != LTP_SEG_RS)
		return failed("not claimed", 0);
	return has_block(rx, LEN);
}

/*
 * A gap within one buffer, data that is held in part, a datagram that does not
 * lie in one piece, and a checkpoint that comes when all is over.
 */
static bool run_raw(void)
{
	u8 buf[8192], *p = buf;

	raw_begin();
	p = raw_segment(p, RAW, LTP_SEG_RED, 1000, 1000);
	p = raw_segment(p, RAW, LTP_SEG_RED, 2000, 1000);
	/* Most of the buffer is one run, but not all of it. */
	p = raw_segment(p, RAW, LTP_SEG_RED, 3000, 1000);
	p = raw_segment(p, RAW, LTP_SEG_RED, 6000, 1000);
	raw_say(buf, p - buf, (p - buf) / 4);
	p = raw_segment(buf, RAW, LTP_SEG_RED_CP, 500, 7000);
	raw_say(buf, p - buf, 0);
	raw_rest(RAW, 7000);
	if (!raw_arrived(RAW))
		return false;
	while (sessions(false))
		raw_answer(RAW, 5);
	raw_cp--;
	raw_rest(RAW, LEN - 1000);
	return raw_finish(RAW) == LTP_SEG_RS && raw_quiet(RAW);
}

/* The receiver gives up what has begun. */
static bool run_refuse(void)
{
	u8 buf[2048], *p;

	raw_begin();
	p = raw_segment(buf, RAW, LTP_SEG_RED, 0, 1000);
	do {
		raw_say(buf, p - buf, 0);
		usleep(1000);
	} while (!sessions(false));
	if (session_cancel(2, RAW, raw_session, false))
		return false;
	/* Who did not hear of it is told when he asks. */
	return raw_finish(RAW) == LTP_SEG_CR && raw_quiet(RAW);
}

/* Nobody knows this engine. */
static bool run_stranger(void)
{
	raw_begin();
	raw_rest(STRANGER, 0);
	if (!raw_arrived(STRANGER) || !raw_quiet(STRANGER))
		return false;
	return !span_del(2, STRANGER) || failed("it was not learned", 0);
}

FIXTURE(points)
{
	pthread_t relay;
};

FIXTURE_SETUP(points)
{
	int i, j;

	ASSERT_EQ(NULL, two_engines());
	ASSERT_EQ(0, engine_add(3, 1115));
	ASSERT_EQ(0, engine_add(4, 1116));
	ASSERT_EQ(0, span_add(3, 4, 1215, UINT64_MAX));
	ASSERT_EQ(0, span_add(4, 3, 1216, UINT64_MAX));
	for (i = 1; i <= 4; i++) {
		j = ((i - 1) ^ 1) + 1;
		/* What is lost comes again soon, and for long. */
		ASSERT_EQ(0, span_set(i, j, LTP_A_SPAN_MARGIN, 10000000, 8));
		ASSERT_EQ(0, span_set(i, j, LTP_A_SPAN_REORDER, 2000000, 8));
		ASSERT_EQ(0, span_set(i, j, LTP_A_SPAN_MAX_RETRIES, 200, 4));
	}
	relay.fd[0] = udp_socket(1215);
	relay.fd[1] = udp_socket(1216);
	/* What comes from engine 3 goes to engine 4, and back. */
	relay.port[0] = 1115;
	relay.port[1] = 1116;
	ASSERT_EQ(0, pthread_create(&self->relay, NULL, relay_run, NULL));
	raw = udp_socket(1299);
	ASSERT_EQ(0, span_add(2, RAW, 1299, UINT64_MAX));
	ASSERT_EQ(0, span_set(2, RAW, LTP_A_SPAN_MARGIN, 10000000, 8));
	ASSERT_EQ(0, span_set(1, 2, LTP_A_SPAN_REDUNDANCY, 2, 4));
	tx = open_sender(1, 2);
	rx = open_receiver(2);
	lossy_tx = open_sender(3, 4);
	lossy_rx = open_receiver(4);
	ASSERT_LE(0, tx);
	ASSERT_LE(0, rx);
	ASSERT_LE(0, lossy_tx);
	ASSERT_LE(0, lossy_rx);
	ASSERT_TRUE(put("fault/probability", "100"));
	ASSERT_TRUE(put("fault/verbose", "0"));
}

FIXTURE_TEARDOWN(points)
{
	int i;

	disarm();
	pthread_cancel(self->relay);
	pthread_join(self->relay, NULL);
	abandon(tx);
	abandon(lossy_tx);
	close(rx);
	close(lossy_rx);
	for (i = 1; i <= 4; i++)
		EXPECT_EQ(0, engine_del(i));
}

TEST_F_TIMEOUT(points, all, 400)
{
	int i;

	ASSERT_TRUE(in_turn("configure", run_configure, NULL));
	ASSERT_TRUE(in_turn("namespace", run_namespace, "net-"));
	ASSERT_TRUE(in_turn("block", run_block, NULL));
	ASSERT_TRUE(in_turn("pieces", run_pieces, NULL));
	ASSERT_TRUE(in_turn("last byte", run_last,
			    "reserve burst page tail export"));
	ASSERT_TRUE(in_turn("green", run_green, NULL));
	ASSERT_TRUE(in_turn("zero copy", run_zerocopy, NULL));
	ASSERT_TRUE(in_turn("sendfile", run_sendfile, NULL));
	ASSERT_TRUE(in_turn("splice", run_splice, "splice"));
	ASSERT_TRUE(in_turn("pages", run_pages, "pages"));
	ASSERT_TRUE(in_turn("cancel", run_cancel, NULL));
	ASSERT_TRUE(in_turn("peer", run_raw, NULL));
	ASSERT_TRUE(in_turn("refuse", run_refuse, NULL));
	sysctl_set("net/ltp/accept_unknown", "16");
	ASSERT_TRUE(in_turn("stranger", run_stranger,
			    "stranger span peer carrier import-"));
	sysctl_set("net/ltp/accept_unknown", "0");
	ASSERT_TRUE(in_turn("mtu", run_mtu, NULL));
	ASSERT_TRUE(in_turn("lossy", run_lossy, NULL));
	read_points();
	EXPECT_LT(0, n_points);
	for (i = 0; i < n_points; i++) {
		fprintf(stderr, "# %s %d %d\n", now[i].name, now[i].hits,
			now[i].faults);
		EXPECT_LT(0, now[i].faults);
	}
}

TEST_HARNESS_MAIN
