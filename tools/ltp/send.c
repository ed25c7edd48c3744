// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parse.h"
#include "progress.h"
#include "sock.h"
#include "tool.h"

/* RFC 5326, section 3.2.4 */
static const char *const reasons[] = {
	[LTP_REASON_USR_CNCLD]	= "the client service cancelled it",
	[LTP_REASON_UNREACH]	= "nobody receives for the client service",
	[LTP_REASON_RLEXC]	= "a retransmission limit was exceeded",
	[LTP_REASON_MISCOLORED]	= "red and green data overlap",
	[LTP_REASON_SYS_CNCLD]	= "a system error, such as a full buffer",
	[LTP_REASON_RXMTCYCEXC]	= "too many retransmission cycles",
};

/**
 * struct sender - one run of "ltp send"
 * @fd: the socket
 * @in: what is sent
 * @name: of @in, for messages
 * @engine: destination engine
 * @service: destination client service
 * @block: bytes of one block, the last may be shorter
 * @left: bytes of @in that are left, NEVER (a lot) if nobody knows
 * @chunk: bytes of one sendmsg(): the buffer has room for them whenever
 *	poll() says that it has room
 * @until: time to give up
 * @open: the last block was begun and not ended
 * @begun: blocks; the number of a block is its cookie
 * @ended: blocks completed or cancelled
 * @cancelled: those of them that were cancelled
 * @progress: what is shown
 */
struct sender {
	int fd;
	int in;
	const char *name;
	u64 engine;
	u64 service;
	u64 block;
	u64 left;
	size_t chunk;
	u64 until;
	bool open;
	u64 begun;
	u64 ended;
	u64 cancelled;
	struct progress progress;
};

static void say_cancelled(struct sender *s, const struct ltp_notice *n)
{
	const char *why = n->reason < ARRAY_SIZE(reasons) ? reasons[n->reason] :
			  "a reason without a name";

	/* One line is enough to tell what is wrong. */
	if (s->cancelled++)
		return;
	progress_clear(&s->progress);
	fprintf(stderr,
		"ltp: send: block %llu cancelled by %s after %llu bytes: %s\n",
		n->cookie, n->flags & LTP_NOTICE_BY_PEER ? "the receiver" :
		"this engine", n->length, why);
}

/* Reads the error queue; true if there was anything. */
static bool take_notices(struct sender *s)
{
	struct ltp_notice notice;
	union control control;
	bool any = false;
	ssize_t n;

	for (;;) {
		struct msghdr msg = {
			.msg_control = control.buf,
			.msg_controllen = sizeof(control.buf),
		};

		n = recvmsg(s->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);
		if (n < 0)
			return any;
		any = true;
		if (!sock_cmsg(&msg, LTP_NOTICE, &notice, sizeof(notice)))
			continue;
		progress_notice(&s->progress, &notice);
		if (!(LTP_NOTICE_BIT(notice.kind) & LTP_NOTICE_ENDS))
			continue;
		s->ended++;
		if (notice.cookie == s->begun)
			s->open = false;
		if (notice.kind == LTP_NOTICE_CANCELLED)
			say_cancelled(s, &notice);
	}
}

/* Waits for an event of @fd, or of the error queue; @fd -1: of that alone. */
static void wait_event(struct sender *s, int fd, short events)
{
	struct pollfd p[] = {
		{ s->fd, fd == s->fd ? events : 0, 0 },
		{ fd == s->fd ? -1 : fd, events, 0 },
	};
	u64 until;
	int n, err;

	progress_tick(&s->progress);
	until = s->until < s->progress.next ? s->until : s->progress.next;
	n = poll(p, ARRAY_SIZE(p), sock_poll_ms(until));
	if (n < 0 && errno != EINTR)
		fail("poll: %s", strerror(errno));
	if (sock_now() >= s->until) {
		progress_clear(&s->progress);
		fail("send: timeout: %llu of %llu blocks ended",
		     s->ended, s->begun);
	}
	if (n <= 0 || !(p[0].revents & POLLERR) || take_notices(s))
		return;
	err = sock_error(s->fd);
	if (err) {
		progress_clear(&s->progress);
		fail("send: %s", strerror(err));
	}
}

noreturn static void fail_send(struct sender *s, int err)
{
	progress_clear(&s->progress);
	if (err == ENETUNREACH)
		fail("send: no span leads to engine %llu", s->engine);
	if (err == EMSGSIZE)
		fail("send: too large: lower block or segment-size");
	fail("send: engine %llu service %llu: %s", s->engine,
	     s->service, strerror(err));
}

/* Hands @len bytes to the socket; a block ends with them unless @more. */
static void push(struct sender *s, char *buf, size_t len, bool more)
{
	u64 cookie = s->open ? s->begun : s->begun + 1;
	union control control = { 0 };
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
	ssize_t n;
	int err;

	do {
		struct iovec iov = { .iov_base = buf, .iov_len = len };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		struct cmsghdr *c = &control.align;

		if (!s->open) {
			msg.msg_control = control.buf;
			msg.msg_controllen = CMSG_SPACE(sizeof(cookie));
			c->cmsg_level = SOL_LTP;
			c->cmsg_type = LTP_COOKIE;
			c->cmsg_len = CMSG_LEN(sizeof(cookie));
			memcpy(CMSG_DATA(c), &cookie, sizeof(cookie));
		}
		n = sendmsg(s->fd, &msg, flags);
		err = n < 0 ? errno : 0;
		if (err == EAGAIN)
			wait_event(s, s->fd, POLLOUT);
		else if (err && err != EINTR)
			take_notices(s);
		if (s->cancelled)
			return;
		if (err && err != EAGAIN && err != EINTR)
			fail_send(s, err);
		if (n < 0)
			continue;
		if (!s->open)
			s->begun++;
		s->open = true;
		s->progress.sent += n;
		buf += n;
		len -= n;
	} while (n < 0 || len);
	s->open = more;
	take_notices(s);
	progress_tick(&s->progress);
}

/* A regular file is always ready; anything else may keep us waiting. */
static ssize_t fill(struct sender *s, char *buf, size_t len)
{
	struct pollfd p = { s->in, POLLIN, 0 };
	ssize_t n;

	while (s->left == NEVER && poll(&p, 1, 0) == 0 && !s->cancelled)
		wait_event(s, s->in, POLLIN);
	do {
		n = read(s->in, buf, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		progress_clear(&s->progress);
		fail("%s: %s", s->name, strerror(errno));
	}
	return n;
}

static void send_all(struct sender *s)
{
	u64 room = s->block;
	char *buf = malloc(s->chunk);
	ssize_t n;

	if (!buf)
		fail("out of memory");
	while (s->left && !s->cancelled) {
		size_t len = s->chunk;

		if (len > room)
			len = room;
		if (len > s->left)
			len = s->left;
		n = fill(s, buf, len);
		if (n == 0 || s->cancelled)
			break;
		room -= n;
		if (s->left != NEVER)
			s->left -= n;
		push(s, buf, n, room && s->left);
		if (!room)
			room = s->block;
	}
	/* The end came as a surprise. */
	if (s->open && !s->cancelled)
		push(s, buf, 0, false);
	free(buf);
	if (!s->begun && !s->cancelled)
		fail("%s is empty: a block needs at least one byte", s->name);
	while (s->ended < s->begun - (s->open ? 1 : 0))
		wait_event(s, -1, 0);
}

static void summary(struct sender *s)
{
	double seconds = (sock_now() - s->progress.began) / 1e9;

	fprintf(stderr,
		"%llu bytes in %llu block%s sent to %llu:%llu in %.3f s, %.3f mbit/s\n",
		s->progress.sent, s->begun, s->begun == 1 ? "" : "s",
		s->engine, s->service, seconds,
		s->progress.sent * 8 / 1e6 / seconds);
}

static void help(void)
{
	puts("Usage: ltp send [ OPTIONS ] { FILE | - } ENGINE:SERVICE\n"
	     "OPTIONS := [ block SIZE ] [ green ] [ timeout TIME ] [ sndbuf SIZE ]\n"
	     "           [ segment-size { N | mtu } ] [ burst-limit N ]\n"
	     "           [ progress ] [ quiet ]");
}

/* What the command line asks for. */
struct request {
	int type;
	u64 timeout;
	int sndbuf;
	u32 segment_size;
	u32 burst_limit;
	bool progress;
	bool quiet;
};

static void take_options(struct args *a, struct request *r, struct sender *s)
{
	for (;;) {
		if (args_word(a, "block"))
			s->block = args_size(a, "block", NEVER);
		else if (args_word(a, "green"))
			r->type = SOCK_DGRAM;
		else if (args_word(a, "timeout"))
			r->timeout = args_time(a, "timeout");
		else if (args_word(a, "sndbuf"))
			r->sndbuf = args_size(a, "sndbuf", INT_MAX);
		else if (args_word(a, "segment-size"))
			r->segment_size = args_segment_size(a, "segment-size");
		else if (args_word(a, "burst-limit"))
			r->burst_limit = args_uint(a, "burst-limit", 0,
						   INT_MAX);
		else if (args_word(a, "progress"))
			r->progress = true;
		else if (args_word(a, "quiet"))
			r->quiet = true;
		else
			return;
	}
}

static void open_input(struct sender *s)
{
	struct stat st;
	off_t at;

	s->in = STDIN_FILENO;
	if (!strcmp(s->name, "-"))
		s->name = "standard input";
	else
		s->in = open(s->name, O_RDONLY | O_CLOEXEC);
	if (s->in < 0 || fstat(s->in, &st))
		fail("%s: %s", s->name, strerror(errno));
	s->left = NEVER;
	/* The files of /proc say they were empty. */
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return;
	at = lseek(s->in, 0, SEEK_CUR);
	if (at >= 0) {
		s->left = at < st.st_size ? st.st_size - at : 0;
		s->progress.total = s->left;
	}
}

static void open_socket(struct sender *s, const struct request *r)
{
	struct sockaddr_ltp to = sock_addr(s->engine, s->service);
	struct linger linger = { .l_onoff = 1 };
	u32 mask = LTP_NOTICE_ENDS;
	socklen_t len = sizeof(int);
	int sndbuf;

	s->fd = sock_open(r->type);
	if (s->progress.next != NEVER)
		mask |= LTP_NOTICE_BIT(LTP_NOTICE_START);
	sock_set(s->fd, LTP_NOTICES, "notices", &mask, sizeof(mask));
	if (r->sndbuf)
		sock_set(s->fd, LTP_SNDBUF, "sndbuf", &r->sndbuf,
			 sizeof(r->sndbuf));
	if (r->segment_size)
		sock_set(s->fd, LTP_SEGMENT_SIZE, "segment-size",
			 &r->segment_size, sizeof(r->segment_size));
	if (r->burst_limit)
		sock_set(s->fd, LTP_BURST_LIMIT, "burst-limit",
			 &r->burst_limit, sizeof(r->burst_limit));
	/* Whatever ends us early cancels what is under way. */
	if (setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
		fail("linger: %s", strerror(errno));
	if (getsockopt(s->fd, SOL_LTP, LTP_SNDBUF, &sndbuf, &len))
		fail("sndbuf: %s", strerror(errno));
	s->chunk = sndbuf / 4 < CHUNK ? sndbuf / 4 : CHUNK;
	if (connect(s->fd, (struct sockaddr *)&to, sizeof(to)))
		fail_send(s, errno);
}

int send_main(struct args *a)
{
	struct sender s = { .block = NEVER, .until = NEVER };
	struct request r = { .type = SOCK_RDM };
	const char *to;
	bool show;

	if (args_word(a, "help")) {
		help();
		return STATUS_OK;
	}
	take_options(a, &r, &s);
	s.name = args_value(a, "FILE", "a file name, or - for standard input");
	to = args_value(a, "ENGINE:SERVICE", "a destination, such as 2:5");
	if (parse_service(to, &s.engine, &s.service) || !s.engine)
		bad("%s: \"%s\" is wrong: write ENGINE:SERVICE, such as 2:5",
		    a->what, to);
	args_end(a);

	open_input(&s);
	show = r.progress || (!r.quiet && isatty(STDERR_FILENO));
	progress_start(&s.progress, show, r.progress || !isatty(STDERR_FILENO));
	if (r.timeout)
		s.until = s.progress.began + r.timeout;
	open_socket(&s, &r);
	send_all(&s);
	progress_clear(&s.progress);
	if (s.cancelled)
		return STATUS_FAILED;
	if (!r.quiet)
		summary(&s);
	return STATUS_OK;
}
