// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations fail: what a call needs one by one (fail-nth), so that each has
 * failed once; what softirqs, timers and work need at random (failslab,
 * fail_page_alloc).  A call succeeds or says that it did not; what was
 * accepted is delivered once, or its sender told; and then all works as before.
 * That nothing leaks is for the harness to find.  The module's own allocations,
 * in whatever context, are made to fail one by one in points.c.
 *
 *	+----------------- a namespace of its own -----------------+
 *	|  engine 1                 lo                 engine 2    |
 *	|  127.0.0.1 port 1113 <===========> 127.0.0.1 port 1114   |
 *	+----------------------------------------------------------+
 */
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "ksft_ltp.h"

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY	0x4000000
#endif

#define DEBUGFS		"/sys/kernel/debug/"
/* No call here allocates more often. */
#define NTH_MAX		1500
/* Of what creates a namespace, the end is this module's; see points.c. */
#define LAST		40
#define SMALL		1000
#define LARGE		200000

#define BLOCKS		400
#define AT_ONCE		16
#define LEN_MAX		20000

static int fail_nth = -1;
static int tx = -1, rx = -1, nl = -1;
static u8 block[LARGE], got[LARGE + 1];
static u64 seed;
static bool wrong;

/* --- faults --- */

static void put(const char *dir, const char *name, const char *val)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", dir, name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, val, strlen(val)) < 0)
		perror(path);
	close(fd);
}

/* Of @percent of all allocations; those that may wait too, if @all. */
static void at_random(const char *percent, bool all)
{
	static const char * const dirs[] = { "failslab", "fail_page_alloc" };
	int i;

	for (i = 0; i < 2; i++) {
		put(dirs[i], "probability", "0");
		put(dirs[i], "verbose", "0");
		put(dirs[i], "interval", "1");
		put(dirs[i], "times", "-1");
		put(dirs[i], "task-filter", "N");
		put(dirs[i], "ignore-gfp-wait", all ? "N" : "Y");
	}
	put("fail_page_alloc", "min-order", "0");
	/* Last: from here on files may fail to open. */
	for (i = 0; i < 2; i++)
		put(dirs[i], "probability", percent);
}

static int nth_open(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth",
		 syscall(SYS_gettid));
	return open(path, O_RDWR);
}

static void arm(int n)
{
	char buf[16];
	int len = snprintf(buf, sizeof(buf), "%d", n);

	if (pwrite(fail_nth, buf, len, 0) != len)
		perror("fail-nth");
}

/*
 * Whether there was a fault since arm().  Copying to and from the file is a
 * place for one, too.
 */
static bool disarm(void)
{
	char buf[16] = "";

	if (pread(fail_nth, buf, sizeof(buf) - 1, 0) <= 0)
		return false;
	if (!atoi(buf))
		return true;
	while (pwrite(fail_nth, "0", 1, 0) < 0 && errno == EFAULT)
		;
	return false;
}

/* What the call in question may say besides. */
static int also;

static bool says_so(int err)
{
	return err == -ENOMEM || err == -ENOBUFS || err == -EFAULT ||
	       err == -ENFILE || (also && err == -also);
}

/*
 * Calls @op until it no longer meets a fault, each time with the next
 * allocation failing, and @check with what it returned.  Returns how many
 * faults there were, or -1.
 */
static int each(const char *what, void (*prepare)(void), int (*op)(void),
		bool (*check)(int err))
{
	int n, err, failed = 0;
	bool hit = true;

	for (n = 1; n < NTH_MAX && hit; n++) {
		if (prepare)
			prepare();
		arm(n);
		err = op();
		hit = disarm();
		if (err && (!hit || !says_so(err))) {
			fprintf(stderr, "# %s: %d at fault %d%s\n", what, err,
				n, hit ? "" : ", which was none");
			return -1;
		}
		if (!check(err)) {
			fprintf(stderr, "# %s: wrong after %d at fault %d\n",
				what, err, n);
			return -1;
		}
		failed += !!err;
	}
	fprintf(stderr, "# %s: %d faults, %d reported\n", what, n - 2, failed);
	return hit ? -1 : n - 2;
}

/* Likewise, but only the last faults of those that there are. */
static int each_of_last(const char *what, int (*op)(int n, bool *hit))
{
	int low = 0, high = 1, n, err, failed = 0, reached = 0;
	bool hit;

	for (;; high *= 2) {
		op(high, &hit);
		if (!hit)
			break;
		low = high;
	}
	while (high - low > 1) {
		n = (low + high) / 2;
		op(n, &hit);
		*(hit ? &low : &high) = n;
	}
	/* Caches may have made it fewer since. */
	for (n = high + 2; n > 0 && reached < LAST; n--) {
		err = op(n, &hit);
		if (err && (!hit || !says_so(err))) {
			fprintf(stderr, "# %s: %d at fault %d\n", what, err, n);
			return -1;
		}
		failed += !!err;
		reached += hit;
	}
	fprintf(stderr, "# %s: the last %d of %d faults, %d reported\n", what,
		reached, low, failed);
	return reached;
}

/* --- calls --- */

static int result(ssize_t n)
{
	return n < 0 ? -errno : 0;
}

static int op_socket(void)
{
	tx = socket(AF_LTP, SOCK_RDM, 0);
	return result(tx);
}

static bool check_socket(int err)
{
	if (tx >= 0)
		close(tx);
	tx = -1;
	return true;
}

static void new_socket(void)
{
	tx = socket(AF_LTP, SOCK_RDM, 0);
}

static int op_bind(void)
{
	return result(ltp_bind(tx, 1, 99));
}

static int op_connect(void)
{
	return result(ltp_connect(tx, 2, SVC));
}

static int op_options(void)
{
	return result(set_u32(tx, LTP_NOTICES, LTP_NOTICE_ALL)) ?:
	       result(set_u64(tx, LTP_RED_LENGTH, 10)) ?:
	       result(set_u32(tx, LTP_SEGMENT_SIZE, 1000)) ?:
	       result(set_u32(tx, LTP_SNDBUF, 100000)) ?:
	       result(set_u32(tx, LTP_RCVBUF, 100000)) ?:
	       result(set_u32(tx, LTP_REUSEPORT, 1));
}

static size_t op_len;

static void next_block(void)
{
	fill(block, op_len, ++seed, 0);
}

/* Takes what came short up again. */
static int send_all(const u8 *p, size_t len, int flags)
{
	ssize_t n;

	for (; len; p += n, len -= n) {
		n = send(tx, p, len, flags | MSG_NOSIGNAL);
		if (n < 0)
			return -errno;
	}
	return 0;
}

static int op_send(void)
{
	return send_all(block, op_len, 0);
}

/* In four parts. */
static int op_send_more(void)
{
	size_t part = op_len / 4, i;
	int err = 0;

	for (i = 0; i < 4 && !err; i++)
		err = send_all(block + i * part, part, i < 3 ? MSG_MORE : 0);
	return err;
}

/* By reference. */
static void next_zerocopy(void)
{
	next_block();
	if (set_u32(tx, LTP_SEGMENT_SIZE, 16000) ||
	    set_u32(tx, LTP_ZEROCOPY, 1))
		wrong = true;
}

static int op_zerocopy(void)
{
	return send_all(block, op_len, MSG_ZEROCOPY);
}

static int file = -1;

static void next_file(void)
{
	close(file);
	file = file_with(++seed, op_len);
	if (set_u32(tx, LTP_SEGMENT_SIZE, 16000))
		wrong = true;
}

static int op_sendfile(void)
{
	size_t left;
	ssize_t n;

	for (left = op_len; left; left -= n) {
		n = sendfile(tx, file, NULL, left);
		if (n <= 0)
			return n ? -errno : -EPROTO;
	}
	return 0;
}

/* What was sent arrives once, and its sender is told; else nothing does. */
static bool check_sent(int err)
{
	struct ltp_notice n;
	bool ok = true;

	if (!err)
		ok = got_block(rx, seed, op_len) &&
		     next_notice(tx, &n, LTP_NOTICE_ALL, SOON) &&
		     n.kind == LTP_NOTICE_COMPLETED;
	if (!quiet()) {
		fprintf(stderr, "# sessions are left\n");
		ok = false;
	}
	if (recv(rx, got, sizeof(got), MSG_DONTWAIT) >= 0) {
		fprintf(stderr, "# a block too many\n");
		ok = false;
	}
	/* One that had begun with a short count was given up, and told of. */
	if (err && next_notice(tx, &n, LTP_NOTICE_ALL, 0) &&
	    n.kind != LTP_NOTICE_CANCELLED) {
		fprintf(stderr, "# notice %u of what failed\n", n.kind);
		ok = false;
	}
	if (next_notice(tx, &n, LTP_NOTICE_ALL, 0)) {
		fprintf(stderr, "# a notice too many\n");
		ok = false;
	}
	return ok;
}

/* A block that MSG_MORE left open is still there: it is given up. */
static bool check_more(int err)
{
	struct ltp_notice n;

	if (err) {
		close(tx);
		tx = sender(SOCK_RDM, SVC);
		set_u32(tx, LTP_NOTICES, LTP_NOTICE_ENDS);
		if (!quiet() || recv(rx, got, sizeof(got), MSG_DONTWAIT) >= 0) {
			fprintf(stderr, "# a block that was given up arrived\n");
			return false;
		}
		return tx >= 0 && !got_notice(tx, &n, 0);
	}
	return check_sent(0);
}

static void deliver(void)
{
	next_block();
	if (op_send() || !wait_for(rx, POLLIN, SOON))
		wrong = true;
}

/* Without a name: to copy that comes last, and what was read is gone then. */
static int op_receive(void)
{
	return result(recv(rx, got, sizeof(got), MSG_DONTWAIT));
}

/* What was not received is there to be received. */
static bool check_received(int err)
{
	struct ltp_notice n;

	if (err && (op_receive() ||
		    recv(rx, got, sizeof(got), MSG_DONTWAIT) >= 0))
		return false;
	return same(got, op_len, seed, 0) && got_notice(tx, &n, SOON) &&
	       !wrong && quiet();
}

static int pipe_fd[2];

/* How much of the block splice() and read() took already. */
static size_t spliced;

/* At least a part of it; that there is no more is no fault. */
static int op_splice(void)
{
	ssize_t n = splice(rx, NULL, pipe_fd[1], NULL, op_len,
			   SPLICE_F_NONBLOCK);

	spliced = 0;
	if (n <= 0)
		return n ? -errno : -EPROTO;
	n = read(pipe_fd[0], got, n);
	if (n > 0)
		spliced = n;
	return result(n);
}

/* What is left of the block can be read, and all of it is the block. */
static bool check_spliced(int err)
{
	struct ltp_notice more;
	size_t at = spliced;
	ssize_t n;

	while ((n = read(pipe_fd[0], got + at, sizeof(got) - at)) > 0)
		at += n;
	while ((n = recv(rx, got + at, sizeof(got) - at, MSG_DONTWAIT)) > 0)
		at += n;
	if (at != op_len) {
		fprintf(stderr, "# %zu of %zu bytes\n", at, op_len);
		return false;
	}
	return same(got, at, seed, 0) && got_notice(tx, &more, SOON) && !wrong &&
	       quiet();
}

static int op_close(void)
{
	return result(close(tx));
}

static bool check_closed(int err)
{
	tx = sender(SOCK_RDM, SVC);
	return tx >= 0;
}

static void reopen(void)
{
	if (tx >= 0)
		close(tx);
	tx = sender(SOCK_RDM, SVC);
	if (tx < 0 || set_u32(tx, LTP_NOTICES, LTP_NOTICE_ENDS))
		wrong = true;
}

/* --- netlink --- */

static char request[512];
static int answers;

static int count_cb(const struct nlmsghdr *nlh, void *data)
{
	answers++;
	return MNL_CB_OK;
}

/* All of it, with a socket that is there already. */
static int op_netlink(void)
{
	static char buf[32768];
	struct nlmsghdr *nlh = (struct nlmsghdr *)request;
	int n, ret;

	answers = 0;
	if (send(nl, request, nlh->nlmsg_len, 0) < 0)
		return -errno;
	do {
		n = recv(nl, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN ? -EPROTO : -errno;
		ret = mnl_cb_run(buf, n, 0, 0, count_cb, NULL);
	} while (ret > 0);
	return ret < 0 ? -errno : 0;
}

static void ask(u8 cmd, u16 flags)
{
	if (nl >= 0)
		close(nl);
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	ltp_request(request, cmd, flags);
}

static struct nlmsghdr *asked(void)
{
	return (struct nlmsghdr *)request;
}

static void ask_engine_add(void)
{
	engine_del(5);
	ask(LTP_CMD_ENGINE_ADD, 0);
	mnl_attr_put_u64(asked(), LTP_A_ENGINE_ID, 5);
	mnl_attr_put_u16(asked(), LTP_A_ENGINE_PORT, 1115);
}

static bool check_engine_add(int err)
{
	/* It may be there though the answer was lost. */
	return !engine_del(5) || err;
}

static void ask_engine_del(void)
{
	engine_add(5, 1115);
	span_add(5, 6, 1116, UINT64_MAX);
	ask(LTP_CMD_ENGINE_DEL, 0);
	mnl_attr_put_u64(asked(), LTP_A_ENGINE_ID, 5);
}

static bool check_engine_del(int err)
{
	return engine_del(5) || err;
}

static void ask_span_add(void)
{
	span_del(1, 6);
	ask(LTP_CMD_SPAN_ADD, 0);
	mnl_attr_put_u64(asked(), LTP_A_SPAN_ENGINE, 1);
	mnl_attr_put_u64(asked(), LTP_A_SPAN_REMOTE, 6);
	mnl_attr_put_u32(asked(), LTP_A_SPAN_ADDR, htonl(INADDR_LOOPBACK));
	mnl_attr_put_u16(asked(), LTP_A_SPAN_PORT, 1116);
	mnl_attr_put_u64(asked(), LTP_A_SPAN_RATE, UINT64_MAX);
}

static bool check_span_add(int err)
{
	return !span_del(1, 6) || err;
}

static void ask_span_set(void)
{
	ask(LTP_CMD_SPAN_SET, 0);
	mnl_attr_put_u64(asked(), LTP_A_SPAN_ENGINE, 1);
	mnl_attr_put_u64(asked(), LTP_A_SPAN_REMOTE, 2);
	mnl_attr_put_u32(asked(), LTP_A_SPAN_MAX_RETRIES, 20);
}

static void ask_span_del(void)
{
	span_add(1, 6, 1116, UINT64_MAX);
	ask(LTP_CMD_SPAN_DEL, 0);
	mnl_attr_put_u64(asked(), LTP_A_SPAN_ENGINE, 1);
	mnl_attr_put_u64(asked(), LTP_A_SPAN_REMOTE, 6);
}

static bool check_span_del(int err)
{
	return span_del(1, 6) || err;
}

static void ask_spans(void)
{
	ask(LTP_CMD_SPAN_GET, NLM_F_DUMP);
}

static void ask_engines(void)
{
	ask(LTP_CMD_ENGINE_GET, NLM_F_DUMP);
}

static bool check_two(int err)
{
	return err || answers == 2;
}

static void ask_sessions(void)
{
	ask(LTP_CMD_SESSION_GET, NLM_F_DUMP);
}

static void ask_engine_set(void)
{
	ask(LTP_CMD_ENGINE_SET, 0);
	mnl_attr_put_u64(asked(), LTP_A_ENGINE_ID, 1);
	mnl_attr_put_u32(asked(), LTP_A_ENGINE_MAX_IMPORTS, 1000);
}

static void ask_cue(void)
{
	ask(LTP_CMD_SPAN_CUE, 0);
	mnl_attr_put_u64(asked(), LTP_A_SPAN_ENGINE, 1);
	mnl_attr_put_u64(asked(), LTP_A_SPAN_REMOTE, 2);
	mnl_attr_put_u32(asked(), LTP_A_SPAN_CUE, LTP_CUE_LOCAL_STOP);
}

/* Sends what is then the only block, and does not leave. */
static void ask_session(u8 cmd)
{
	struct ltp_notice n = {};

	if (tx >= 0)
		abandon(tx);
	tx = -1;
	reopen();
	if (set_u32(tx, LTP_NOTICES, LTP_NOTICE_ALL) ||
	    send_all(block, SMALL, 0) || !got_notice(tx, &n, SOON) ||
	    n.kind != LTP_NOTICE_START)
		wrong = true;
	ask(cmd, 0);
	mnl_attr_put_u64(asked(), LTP_A_SESSION_ENGINE, 1);
	mnl_attr_put_u64(asked(), LTP_A_SESSION_REMOTE, 2);
	mnl_attr_put_u64(asked(), LTP_A_SESSION_NUMBER, n.session);
	mnl_attr_put_u8(asked(), LTP_A_SESSION_EXPORT, 1);
}

static void ask_session_get(void)
{
	ask_session(LTP_CMD_SESSION_GET);
}

static void ask_session_cancel(void)
{
	ask_session(LTP_CMD_SESSION_CANCEL);
}

/* That it was cancelled is told, though the answer may be lost. */
static bool check_session_cancel(int err)
{
	struct ltp_notice n;

	if (err && sessions(true))
		return true;
	return got_notice(tx, &n, SOON) && n.kind == LTP_NOTICE_CANCELLED &&
	       !sessions(true);
}

static void ask_stats(void)
{
	ask(LTP_CMD_STATS_GET, 0);
}

static bool check_one(int err)
{
	return err || answers == 1;
}

static bool check_any(int err)
{
	return true;
}

/* --- tests --- */

/* The namespace of a child, which then ends. */
static int op_namespace(int n, bool *hit)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		int err;

		fail_nth = nth_open();
		arm(n);
		err = result(unshare(CLONE_NEWNET));
		_exit((disarm() ? 128 : 0) | -err);
	}
	waitpid(pid, &status, 0);
	*hit = WEXITSTATUS(status) & 128;
	return -(WEXITSTATUS(status) & 127);
}

FIXTURE(allocfail)
{
};

FIXTURE_SETUP(allocfail)
{
	int i;

	ASSERT_EQ(NULL, two_engines());
	for (i = 1; i <= 2; i++) {
		/* What is lost comes again soon, and for long. */
		ASSERT_EQ(0, span_set(i, 3 - i, LTP_A_SPAN_MARGIN, 30000000,
				      8));
		ASSERT_EQ(0, span_set(i, 3 - i, LTP_A_SPAN_MAX_RETRIES, 500,
				      4));
	}
	rx = receiver(SOCK_RDM, SVC);
	ASSERT_LE(0, rx);
	at_random("0", true);
	fail_nth = nth_open();
	ASSERT_LE(0, fail_nth);
	wrong = false;
}

FIXTURE_TEARDOWN(allocfail)
{
	struct ltp_notice n;

	at_random("0", false);
	/* All is as before. */
	reopen();
	op_len = LARGE;
	next_block();
	EXPECT_EQ(0, op_send());
	EXPECT_TRUE(got_block(rx, seed, LARGE));
	EXPECT_TRUE(got_notice(tx, &n, SOON));
	EXPECT_TRUE(quiet());
	EXPECT_FALSE(wrong);
	EXPECT_EQ(stat_get(LTP_A_STATS_BLOCKS_SENT),
		  stat_get(LTP_A_STATS_BLOCKS_COMPLETED) +
		  stat_get(LTP_A_STATS_BLOCKS_CANCELLED));
	close(tx);
	close(rx);
	EXPECT_EQ(0, engine_del(1));
	EXPECT_EQ(0, engine_del(2));
}

TEST_F_TIMEOUT(allocfail, namespace, 120)
{
	EXPECT_LT(20, each_of_last("namespace", op_namespace));
}

TEST_F_TIMEOUT(allocfail, socket, 120)
{
	EXPECT_LT(0, each("socket", NULL, op_socket, check_socket));
	EXPECT_LE(0, each("bind", new_socket, op_bind, check_socket));
	EXPECT_LE(0, each("connect", new_socket, op_connect, check_socket));
	EXPECT_LT(0, each("options", new_socket, op_options, check_socket));
}

TEST_F_TIMEOUT(allocfail, send, 120)
{
	reopen();
	op_len = SMALL;
	EXPECT_LT(3, each("send", next_block, op_send, check_sent));
	op_len = LARGE;
	EXPECT_LT(10, each("send bursts", next_block, op_send, check_sent));
	op_len = 4 * 20000;
	EXPECT_LT(5, each("send parts", next_block, op_send_more, check_more));
	op_len = SMALL;
	EXPECT_LE(0, each("close", reopen, op_close, check_closed));
}

TEST_F_TIMEOUT(allocfail, by_reference, 120)
{
	reopen();
	op_len = 4 * 16000;
	EXPECT_LT(5, each("sendfile", next_file, op_sendfile, check_more));
	close(file);
	file = -1;
	EXPECT_LT(5, each("zero copy", next_zerocopy, op_zerocopy, check_more));
	reopen();
	op_len = 20000;
	ASSERT_EQ(0, pipe2(pipe_fd, O_NONBLOCK));
	EXPECT_LE(0, each("splice", deliver, op_splice, check_spliced));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

TEST_F_TIMEOUT(allocfail, receive, 120)
{
	reopen();
	op_len = 20000;
	EXPECT_LE(0, each("receive", deliver, op_receive, check_received));
}

TEST_F_TIMEOUT(allocfail, netlink, 120)
{
	/* A port that cannot be noted down is in use, UDP says. */
	also = EADDRINUSE;
	EXPECT_LT(5, each("engine add", ask_engine_add, op_netlink,
			  check_engine_add));
	EXPECT_LT(2, each("engine del", ask_engine_del, op_netlink,
			  check_engine_del));
	EXPECT_LT(5, each("span add", ask_span_add, op_netlink,
			  check_span_add));
	EXPECT_LT(2, each("span set", ask_span_set, op_netlink, check_any));
	EXPECT_LT(2, each("span del", ask_span_del, op_netlink,
			  check_span_del));
	EXPECT_LT(2, each("span get", ask_spans, op_netlink, check_two));
	EXPECT_LT(2, each("engine get", ask_engines, op_netlink, check_two));
	EXPECT_LT(2, each("stats get", ask_stats, op_netlink, check_one));
	EXPECT_LT(2, each("engine set", ask_engine_set, op_netlink, check_any));
	EXPECT_LT(2, each("cue", ask_cue, op_netlink, check_any));
	EXPECT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_STOP));
	EXPECT_LT(2, each("session get", ask_session_get, op_netlink,
			  check_one));
	EXPECT_LT(2, each("sessions get", ask_sessions, op_netlink,
			  check_any));
	EXPECT_LT(2, each("session cancel", ask_session_cancel, op_netlink,
			  check_session_cancel));
	abandon(tx);
	tx = -1;
	EXPECT_EQ(0, span_cue(1, 2, LTP_CUE_LOCAL_START));
	close(nl);
	nl = -1;
	also = 0;
}

/* --- at random --- */

static struct {
	u32 len;
	u8 accepted;
	u8 received;
	u8 ended;
	u8 completed;
} blocks[BLOCKS];

static void hear(int *ended)
{
	struct ltp_notice n;
	ssize_t len;
	u64 i;

	while (got_notice(tx, &n, 0)) {
		if (n.cookie >= BLOCKS) {
			wrong = true;
			continue;
		}
		blocks[n.cookie].ended++;
		blocks[n.cookie].completed += n.kind == LTP_NOTICE_COMPLETED;
		(*ended)++;
	}
	while ((len = recv(rx, got, sizeof(got), MSG_DONTWAIT)) > 0) {
		memcpy(&i, got, sizeof(i));
		if (i >= BLOCKS || len != blocks[i].len ||
		    !same(got + 8, len - 8, i, 8)) {
			fprintf(stderr, "# %zd bytes of block %llu received\n",
				len, i);
			wrong = true;
			continue;
		}
		blocks[i].received++;
	}
}

/* What comes short is taken up again, for the block is open. */
static bool send_numbered(u64 i)
{
	u32 len = 8 + (i * 7919) % LEN_MAX;
	s64 until = now_ms() + SOON;
	ssize_t n, more;

	fill(block + 8, len - 8, i, 8);
	memcpy(block, &i, sizeof(i));
	blocks[i].len = len;
	n = send_cmsg(tx, block, len, 0, LTP_COOKIE, &i, sizeof(i));
	blocks[i].accepted = n > 0;
	while (n > 0 && n < len && now_ms() < until) {
		more = send(tx, block + n, len - n, MSG_NOSIGNAL);
		if (more > 0)
			n += more;
		else if (!says_so(-errno))
			wrong = true;
	}
	/* The next one would go on with it. */
	if (n > 0 && n < len) {
		fprintf(stderr, "# %zd of %u bytes of block %llu sent\n", n,
			len, i);
		wrong = true;
		abandon(tx);
		tx = -1;
		reopen();
	}
	return blocks[i].accepted;
}

static void transfer(struct __test_metadata *_metadata, const char *percent,
		     bool all)
{
	int ended = 0, accepted = 0, completed = 0, i;
	s64 until = now_ms() + 100000;

	memset(blocks, 0, sizeof(blocks));
	reopen();
	at_random(percent, all);
	for (i = 0; i < BLOCKS && now_ms() < until; i++) {
		accepted += send_numbered(i);
		while (accepted - ended >= AT_ONCE && now_ms() < until) {
			hear(&ended);
			usleep(1000);
		}
	}
	while (ended < accepted && now_ms() < until) {
		hear(&ended);
		usleep(1000);
	}
	/* A file may fail to open. */
	at_random("0", all);
	at_random("0", all);
	EXPECT_TRUE(quiet());
	hear(&ended);

	for (i = 0; i < BLOCKS; i++) {
		completed += blocks[i].completed;
		if (blocks[i].ended == blocks[i].accepted &&
		    blocks[i].received <= 1 &&
		    blocks[i].received >= blocks[i].completed &&
		    blocks[i].received <= blocks[i].accepted)
			continue;
		wrong = true;
		fprintf(stderr, "# block %d of %u bytes: accepted %u, ended %u",
			i, blocks[i].len, blocks[i].accepted, blocks[i].ended);
		fprintf(stderr, ", completed %u, received %u\n",
			blocks[i].completed, blocks[i].received);
	}
	fprintf(stderr, "# %s %% of %s: %d of %d blocks accepted, %d arrived",
		percent, all ? "all" : "softirqs'", accepted, BLOCKS,
		completed);
	fprintf(stderr, ", %llu buffers lost\n",
		stat_get(LTP_A_STATS_DROP_NOMEM));
	EXPECT_FALSE(wrong);
	EXPECT_LT(BLOCKS / 2, completed);
	EXPECT_LT(0, stat_get(LTP_A_STATS_DROP_NOMEM));
}

TEST_F_TIMEOUT(allocfail, softirqs_at_random, 150)
{
	transfer(_metadata, "10", false);
}

TEST_F_TIMEOUT(allocfail, all_at_random, 150)
{
	transfer(_metadata, "3", true);
}

TEST_HARNESS_MAIN
