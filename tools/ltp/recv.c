// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parse.h"
#include "sock.h"
#include "tool.h"

/**
 * struct receiver - one run of "ltp recv"
 * @fd: the socket
 * @signals: descriptor that tells of SIGINT and the like
 * @red: red parts, else green segments
 * @forever: until interrupted
 * @quiet: say nothing of what was received
 * @want: blocks to receive
 * @got: blocks received
 * @timeout: longest wait for the next block, 0: forever
 * @until: when that is over
 * @out: where it goes to
 * @whole: bytes written of whole blocks
 * @bytes: written of the block under way
 * @ignored: bytes of the other colour in it
 */
struct receiver {
	int fd;
	int signals;
	bool red;
	bool forever;
	bool quiet;
	u64 want;
	u64 got;
	u64 timeout;
	u64 until;
	int out;
	u64 whole;
	u64 bytes;
	u64 ignored;
};

/* What the file is called until it is whole, and what it will be called. */
static char *temporary;
static const char *final;

static void discard(void)
{
	if (temporary)
		unlink(temporary);
}

static void open_output(struct receiver *r, const char *name)
{
	struct stat st;
	mode_t mask;

	if (!strcmp(name, "-")) {
		r->out = STDOUT_FILENO;
		return;
	}
	/* A device or a pipe cannot be replaced by a whole one. */
	if (!stat(name, &st) && !S_ISREG(st.st_mode)) {
		r->out = open(name, O_WRONLY | O_CLOEXEC);
		if (r->out < 0)
			fail("%s: %s", name, strerror(errno));
		return;
	}
	final = name;
	if (asprintf(&temporary, "%s.XXXXXX", name) < 0)
		fail("out of memory");
	r->out = mkostemp(temporary, O_CLOEXEC);
	if (r->out < 0) {
		temporary = NULL;
		fail("%s: %s", name, strerror(errno));
	}
	atexit(discard);
	mask = umask(0);
	umask(mask);
	fchmod(r->out, 0666 & ~mask);
}

/* The file is whole now. */
static void keep(struct receiver *r)
{
	if (!temporary)
		return;
	if (ftruncate(r->out, r->whole) || close(r->out) ||
	    rename(temporary, final))
		fail("%s: %s", final, strerror(errno));
	temporary = NULL;
}

static void write_all(struct receiver *r, const char *buf, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(r->out, buf, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail("%s: %s", final ?: "output", strerror(errno));
		buf += n;
		len -= n;
		r->bytes += n;
	}
}

/* Returns when there may be something to receive; else does not return. */
static void wait_data(struct receiver *r)
{
	struct pollfd p[] = {
		{ r->fd, POLLIN, 0 },
		{ r->signals, POLLIN, 0 },
	};
	int n, err;

	n = poll(p, ARRAY_SIZE(p), sock_poll_ms(r->until));
	if (n < 0 && errno != EINTR)
		fail("poll: %s", strerror(errno));
	if (n > 0 && p[1].revents) {
		if (!r->forever)
			fail("recv: interrupted");
		keep(r);
		exit(STATUS_OK);
	}
	if (n > 0 && (p[0].revents & POLLERR)) {
		err = sock_error(r->fd);
		if (err)
			fail("recv: %s", strerror(err));
	}
	if (n || sock_now() < r->until)
		return;
	if (r->forever)
		keep(r);
	fprintf(stderr, "ltp: recv: timeout: %llu blocks received\n",
		r->got);
	exit(STATUS_TIMEOUT);
}

static void block_done(struct receiver *r, const struct sockaddr_ltp *from,
		       const struct ltp_rxinfo *info)
{
	if (!r->quiet) {
		fprintf(stderr,
			"from engine %llu session %llu to service %llu: %llu bytes",
			from->sltp_engine, info->session,
			from->sltp_service, r->bytes);
		if (!r->red)
			fprintf(stderr, " of %llu",
				info->offset + info->length);
		if (r->ignored)
			fprintf(stderr, ", %llu %s bytes ignored",
				r->ignored, r->red ? "green" : "red");
		fputc('\n', stderr);
	}
	r->whole += r->bytes;
	r->bytes = 0;
	r->ignored = 0;
	r->got++;
	if (r->timeout)
		r->until = sock_now() + r->timeout;
}

static void take(struct receiver *r, char *buf)
{
	struct sockaddr_ltp from = { 0 };
	struct ltp_rxinfo info = { 0 };
	struct iovec iov = { buf, CHUNK };
	union control control;
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	bool red, end;
	ssize_t n;

	n = recvmsg(r->fd, &msg, MSG_DONTWAIT);
	if (n < 0 && errno == EINTR)
		return;
	if (n < 0 && errno == EAGAIN) {
		wait_data(r);
		return;
	}
	if (n < 0)
		fail("recv: %s", strerror(errno));
	if (!sock_cmsg(&msg, LTP_RXINFO, &info, sizeof(info)))
		fail("recv: the kernel does not say what it received");
	red = info.flags & LTP_RX_RED;
	end = red ? msg.msg_flags & MSG_EOR : info.flags & LTP_RX_EOB;
	if (red != r->red) {
		r->ignored += n;
		return;
	}
	if (msg.msg_flags & MSG_TRUNC)
		fail("recv: a segment is larger than %d bytes", CHUNK);
	write_all(r, buf, n);
	if (end)
		block_done(r, &from, &info);
}

/* A file that is being written is removed, not left behind, by a signal. */
static int catch_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		fail("signalfd: %s", strerror(errno));
	return fd;
}

noreturn static void fail_bind(const char *at, int err)
{
	if (err == EADDRNOTAVAIL)
		fail("recv: %s: there is no engine of this ID", at);
	if (err == EADDRINUSE)
		fail("recv: %s: another socket receives for this service", at);
	fail("recv: %s: %s", at, strerror(err));
}

static void help(void)
{
	puts("Usage: ltp recv [ OPTIONS ] [ ENGINE: ]SERVICE [ FILE | - ]\n"
	     "OPTIONS := [ count N | forever ] [ green ] [ timeout TIME ]\n"
	     "           [ rcvbuf SIZE ] [ quiet ]");
}

int recv_main(struct args *a)
{
	struct receiver r = {
		.signals = -1,
		.red = true,
		.want = 1,
		.until = NEVER,
	};
	u64 engine, service;
	struct sockaddr_ltp addr;
	const char *at, *name;
	int rcvbuf = 0;
	int one = 1;
	char *buf;

	if (args_word(a, "help")) {
		help();
		return STATUS_OK;
	}
	for (;;) {
		if (args_word(a, "count"))
			r.want = args_uint(a, "count", 1, UINT64_MAX);
		else if (args_word(a, "forever"))
			r.forever = true;
		else if (args_word(a, "green"))
			r.red = false;
		else if (args_word(a, "timeout"))
			r.timeout = args_time(a, "timeout");
		else if (args_word(a, "rcvbuf"))
			rcvbuf = args_size(a, "rcvbuf", INT_MAX);
		else if (args_word(a, "quiet"))
			r.quiet = true;
		else
			break;
	}
	at = args_value(a, "SERVICE", "a client service, such as 5 or 1:5");
	if (parse_service(at, &engine, &service))
		bad("%s: \"%s\" is wrong: write SERVICE or ENGINE:SERVICE",
		    a->what, at);
	name = args_next(a) ?: "-";
	args_end(a);

	buf = malloc(CHUNK);
	if (!buf)
		fail("out of memory");
	r.fd = sock_open(r.red ? SOCK_RDM : SOCK_DGRAM);
	sock_set(r.fd, LTP_RXINFO, "receive information", &one, sizeof(one));
	if (rcvbuf)
		sock_set(r.fd, LTP_RCVBUF, "rcvbuf", &rcvbuf, sizeof(rcvbuf));
	addr = sock_addr(engine, service);
	if (bind(r.fd, (struct sockaddr *)&addr, sizeof(addr)))
		fail_bind(at, errno);
	open_output(&r, name);
	if (temporary || r.forever)
		r.signals = catch_signals();
	if (r.timeout)
		r.until = sock_now() + r.timeout;
	while (r.forever || r.got < r.want)
		take(&r, buf);
	keep(&r);
	return STATUS_OK;
}
