/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the socket tests share: a namespace with two engines, blocks with
 * known bytes, notices, counters, and waiting for conditions.
 *
 *	+----------------- a namespace of its own -----------------+
 *	|  engine 1                 lo                 engine 2    |
 *	|  127.0.0.1 port 1113 <===========> 127.0.0.1 port 1114   |
 *	+----------------------------------------------------------+
 */
#ifndef KSFT_LTP_H
#define KSFT_LTP_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/ltp.h>
#include <linux/ltp_netlink.h>

#include "kselftest_harness.h"

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

/* The client service most tests use, and the segment size of both spans. */
#define SVC		7
#define SEG		1400
/* Longer than anything here takes, even on an emulated machine; in ms. */
#define SOON		10000
/* Long enough for what must not happen to happen. */
#define WHILE		100

/* Waits until @cond, at most SOON; the value of the expression is @cond. */
#define eventually(cond) ({						\
	s64 __until = now_ms() + SOON;				\
	bool __ok;							\
	while (!(__ok = (cond)) && now_ms() < __until)			\
		usleep(2000);						\
	__ok;								\
})

/* Expects a call to fail with one errno. */
#define EXPECT_FAILS(err, call) do {					\
	errno = 0;							\
	EXPECT_EQ(-1, (call));						\
	EXPECT_EQ(err, errno);						\
} while (0)

static inline s64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* --- netlink --- */

static __thread u16 ltp_genl_id;

static inline struct nlmsghdr *nl_put(char *buf, u16 type, u8 cmd,
				      u16 flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = 1;
	return nlh;
}

/* Sends a request and calls @cb with each answer.  0 or a negative errno. */
static inline int nl_ask(struct nlmsghdr *req, mnl_cb_t cb, void *data)
{
	static __thread char buf[65536];
	struct mnl_socket *nl = mnl_socket_open(NETLINK_GENERIC);
	int n, err = -1;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, req, req->nlmsg_len) < 0)
		goto out;
	do {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		err = n < 0 ? -1 : mnl_cb_run(buf, n, 0, 0, cb, data);
	} while (err > 0);
out:
	err = err < 0 ? -errno : 0;
	if (nl)
		mnl_socket_close(nl);
	return err;
}

static inline int nl_family_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;

	(void)data;
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			ltp_genl_id = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static inline struct nlmsghdr *ltp_request(char *buf, u8 cmd,
					   u16 flags)
{
	char find[256];
	struct nlmsghdr *nlh;

	if (!ltp_genl_id) {
		nlh = nl_put(find, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
		mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, LTP_GENL_NAME);
		if (nl_ask(nlh, nl_family_cb, NULL))
			ltp_genl_id = 0;
	}
	return nl_put(buf, ltp_genl_id, cmd, flags);
}

/* One that names an engine. */
static inline struct nlmsghdr *engine_request(char *buf, u8 cmd, u64 id)
{
	struct nlmsghdr *nlh = ltp_request(buf, cmd, 0);

	mnl_attr_put_u64(nlh, LTP_A_ENGINE_ID, id);
	return nlh;
}

/* One that names the span from @engine to @remote. */
static inline struct nlmsghdr *span_request(char *buf, u8 cmd, u64 engine,
					    u64 remote)
{
	struct nlmsghdr *nlh = ltp_request(buf, cmd, 0);

	mnl_attr_put_u64(nlh, LTP_A_SPAN_ENGINE, engine);
	mnl_attr_put_u64(nlh, LTP_A_SPAN_REMOTE, remote);
	return nlh;
}

static inline int engine_add(u64 id, u16 port)
{
	char buf[512];
	struct nlmsghdr *nlh = engine_request(buf, LTP_CMD_ENGINE_ADD, id);

	mnl_attr_put_u32(nlh, LTP_A_ENGINE_LOCAL, htonl(INADDR_LOOPBACK));
	mnl_attr_put_u16(nlh, LTP_A_ENGINE_PORT, port);
	return nl_ask(nlh, NULL, NULL);
}

static inline int engine_del(u64 id)
{
	char buf[512];
	struct nlmsghdr *nlh = engine_request(buf, LTP_CMD_ENGINE_DEL, id);

	return nl_ask(nlh, NULL, NULL);
}

static inline int span_add(u64 engine, u64 remote, u16 port,
			   u64 rate)
{
	char buf[512];
	struct nlmsghdr *nlh = span_request(buf, LTP_CMD_SPAN_ADD,
					    engine, remote);

	mnl_attr_put_u32(nlh, LTP_A_SPAN_ADDR, htonl(INADDR_LOOPBACK));
	mnl_attr_put_u16(nlh, LTP_A_SPAN_PORT, port);
	mnl_attr_put_u64(nlh, LTP_A_SPAN_RATE, rate);
	mnl_attr_put_u32(nlh, LTP_A_SPAN_SEGMENT_SIZE, SEG);
	return nl_ask(nlh, NULL, NULL);
}

/* Changes one attribute of @size bytes of the span from @engine to @remote. */
static inline int span_set(u64 engine, u64 remote, u16 attr,
			   u64 val, size_t size)
{
	char buf[512];
	struct nlmsghdr *nlh = span_request(buf, LTP_CMD_SPAN_SET,
					    engine, remote);

	if (size == 8)
		mnl_attr_put_u64(nlh, attr, val);
	else if (size == 4)
		mnl_attr_put_u32(nlh, attr, val);
	else
		mnl_attr_put_u8(nlh, attr, val);
	return nl_ask(nlh, NULL, NULL);
}

/* Tells the span from @engine to @remote of its link, LTP_CUE_*. */
static inline int span_cue(u64 engine, u64 remote, u32 cue)
{
	char buf[512];
	struct nlmsghdr *nlh = span_request(buf, LTP_CMD_SPAN_CUE,
					    engine, remote);

	mnl_attr_put_u32(nlh, LTP_A_SPAN_CUE, cue);
	return nl_ask(nlh, NULL, NULL);
}

static inline int span_del(u64 engine, u64 remote)
{
	char buf[512];
	struct nlmsghdr *nlh = span_request(buf, LTP_CMD_SPAN_DEL,
					    engine, remote);

	return nl_ask(nlh, NULL, NULL);
}

static inline int span_cb(const struct nlmsghdr *nlh, void *data)
{
	u64 *vals = data;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, GENL_HDRLEN) {
		switch (mnl_attr_get_payload_len(attr)) {
		case 4:
			vals[mnl_attr_get_type(attr)] = mnl_attr_get_u32(attr);
			break;
		case 8:
			vals[mnl_attr_get_type(attr)] = mnl_attr_get_u64(attr);
			break;
		}
	}
	return MNL_CB_OK;
}

/* A number that the span from @engine to @remote shows. */
static inline u64 span_get(u64 engine, u64 remote, u16 attr)
{
	u64 vals[LTP_A_SPAN_MAX + 1];
	char buf[512];
	struct nlmsghdr *nlh = ltp_request(buf, LTP_CMD_SPAN_GET, 0);

	memset(vals, 0xff, sizeof(vals));
	mnl_attr_put_u64(nlh, LTP_A_SPAN_ENGINE, engine);
	mnl_attr_put_u64(nlh, LTP_A_SPAN_REMOTE, remote);
	nl_ask(nlh, span_cb, vals);
	return vals[attr];
}

/* Cancels session @number between @engine and @remote.  0 or -errno. */
static inline int session_cancel(u64 engine, u64 remote, u64 number,
				 bool export)
{
	char buf[512];
	struct nlmsghdr *nlh = ltp_request(buf, LTP_CMD_SESSION_CANCEL, 0);

	mnl_attr_put_u64(nlh, LTP_A_SESSION_ENGINE, engine);
	mnl_attr_put_u64(nlh, LTP_A_SESSION_REMOTE, remote);
	mnl_attr_put_u64(nlh, LTP_A_SESSION_NUMBER, number);
	mnl_attr_put_u8(nlh, LTP_A_SESSION_EXPORT, export);
	return nl_ask(nlh, NULL, NULL);
}

struct stat_query {
	u16 attr;
	u64 val;
};

static inline int stat_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr, *inner;
	struct stat_query *q = data;

	mnl_attr_for_each(attr, nlh, GENL_HDRLEN) {
		if (mnl_attr_get_type(attr) != LTP_A_NET_STATS)
			continue;
		mnl_attr_for_each_nested(inner, attr)
			if (mnl_attr_get_type(inner) == q->attr)
				q->val = mnl_attr_get_u64(inner);
	}
	return MNL_CB_OK;
}

/* A counter of the namespace, LTP_A_STATS_*. */
static inline u64 stat_get(u16 attr)
{
	struct stat_query q = { .attr = attr, .val = UINT64_MAX };
	char buf[256];

	nl_ask(ltp_request(buf, LTP_CMD_STATS_GET, 0), stat_cb, &q);
	return q.val;
}

static inline int session_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;
	int *n = data;

	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
		if (mnl_attr_get_type(attr) == LTP_A_SESSION_EXPORT)
			n[mnl_attr_get_u8(attr)]++;
	return MNL_CB_OK;
}

/* How many sessions there are; @export: of those that send. */
static inline int sessions(bool export)
{
	char buf[256];
	int n[2] = { 0, 0 };

	nl_ask(ltp_request(buf, LTP_CMD_SESSION_GET, NLM_F_DUMP), session_cb,
	       n);
	return n[export];
}

/* --- the namespace --- */

static inline void sysctl_set(const char *name, const char *val)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, val, strlen(val)) < 0)
		perror(path);
	if (fd >= 0)
		close(fd);
}

/* A new namespace with both engines.  Returns what went wrong, or NULL. */
static inline const char *two_engines(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET))
		return "unshare";
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		return "lo up";
	close(fd);
	if (engine_add(1, 1113) || engine_add(2, 1114))
		return "engine add";
	if (span_add(1, 2, 1114, UINT64_MAX) ||
	    span_add(2, 1, 1113, UINT64_MAX))
		return "span add";
	return NULL;
}

/* --- sockets --- */

static inline struct sockaddr_ltp ltp_addr(u64 engine, u64 service)
{
	return (struct sockaddr_ltp) {
		.sltp_family = AF_LTP,
		.sltp_engine = engine,
		.sltp_service = service,
	};
}

static inline int ltp_bind(int fd, u64 engine, u64 service)
{
	struct sockaddr_ltp addr = ltp_addr(engine, service);

	return bind(fd, (struct sockaddr *)&addr, sizeof(addr));
}

static inline int ltp_connect(int fd, u64 engine, u64 service)
{
	struct sockaddr_ltp addr = ltp_addr(engine, service);

	return connect(fd, (struct sockaddr *)&addr, sizeof(addr));
}

static inline int set_u32(int fd, int opt, u32 val)
{
	return setsockopt(fd, SOL_LTP, opt, &val, sizeof(val));
}

static inline int set_u64(int fd, int opt, u64 val)
{
	return setsockopt(fd, SOL_LTP, opt, &val, sizeof(val));
}

static inline int get_int(int fd, int level, int opt)
{
	socklen_t len = sizeof(int);
	int val = -1;

	return getsockopt(fd, level, opt, &val, &len) ? -1 : val;
}

/* A socket of engine 2 that receives for @service and tells all of it. */
static inline int receiver(int type, u64 service)
{
	int fd = socket(AF_LTP, type, 0);

	if (fd < 0 || ltp_bind(fd, 2, service) || set_u32(fd, LTP_RXINFO, 1))
		return -1;
	return fd;
}

/* A socket of engine 1 that sends to @service of engine 2. */
static inline int sender(int type, u64 service)
{
	int fd = socket(AF_LTP, type, 0);

	if (fd < 0 || ltp_bind(fd, 1, 1000 + fd) ||
	    ltp_connect(fd, 2, service))
		return -1;
	return fd;
}

/*
 * From now on a block of @fd takes long: one segment in 700 ms.  The rate
 * counts whole bursts, so one burst is one segment.
 */
static inline void slow_down(int fd)
{
	set_u32(fd, LTP_BURST_LIMIT, 1);
	span_set(1, 2, LTP_A_SPAN_RATE, 2000, 8);
}

/* The timer that paces it is set already, and fires within 700 ms. */
static inline void speed_up(void)
{
	span_set(1, 2, LTP_A_SPAN_RATE, UINT64_MAX, 8);
}

/* Closes a socket and cancels what it has not finished sending. */
static inline void abandon(int fd)
{
	struct linger lg = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
	close(fd);
}

/* --- blocks --- */

/* Byte @at of block @seed: long periods, no two blocks alike. */
static inline u8 byte_of(u64 seed, u64 at)
{
	u64 x = (at >> 3) * 0x9e3779b97f4a7c15ULL + seed * 0xff51afd7ed558ccdULL;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ULL;
	return x >> ((at & 7) * 8);
}

static inline void fill(void *buf, size_t len, u64 seed, u64 at)
{
	u8 *p = buf;

	while (len--)
		*p++ = byte_of(seed, at++);
}

/* Whether @buf has bytes @at and on of block @seed. */
static inline bool same(const void *buf, size_t len, u64 seed,
			u64 at)
{
	const u8 *p = buf;

	for (; len--; p++, at++) {
		if (*p == byte_of(seed, at))
			continue;
		fprintf(stderr, "# byte %llu of block %llu is wrong\n",
			(unsigned long long)at, (unsigned long long)seed);
		return false;
	}
	return true;
}

/*
 * Where the order is nobody's promise: which of blocks 0 to @n - 1 @buf has.  None
 * comes twice: @had says which did.  Returns -1 if it is another, or none.
 */
static inline int which_block(const void *buf, size_t len, int n, bool *had)
{
	u8 start[8];
	size_t some = len < sizeof(start) ? len : sizeof(start);
	int i;

	for (i = 0; i < n; i++) {
		fill(start, some, i, 0);
		if (had[i] || memcmp(start, buf, some))
			continue;
		if (!same(buf, len, i, 0))
			return -1;
		had[i] = true;
		return i;
	}
	fprintf(stderr, "# %zu bytes of no block, or of one that came before\n",
		len);
	return -1;
}

/* Makes block @seed of @len bytes and sends it, or a part of it. */
static inline ssize_t send_block(int fd, u64 seed, u64 at,
				 size_t len, int flags)
{
	u8 *buf = malloc(len ?: 1);
	ssize_t n;

	fill(buf, len, seed, at);
	n = send(fd, buf, len, flags | MSG_NOSIGNAL);
	free(buf);
	return n;
}

/* Blocks until the send buffer is full; returns how many.  See slow_down(). */
static inline int stuff(int fd)
{
	static const size_t sizes[] = { 5000, 1 };
	int n = 0, i;

	for (i = 0; i < 2; i++)
		while (send_block(fd, n, 0, sizes[i], MSG_DONTWAIT) > 0)
			n++;
	return errno == EAGAIN ? n : -1;
}

static inline bool kernel_at_least(int major, int minor)
{
	int have_major, have_minor;
	struct utsname u;

	if (uname(&u) ||
	    sscanf(u.release, "%d.%d", &have_major, &have_minor) != 2)
		return false;
	return have_major > major ||
	       (have_major == major && have_minor >= minor);
}

/* Room for control messages, aligned as they must be. */
union control {
	char buf[256];
	struct cmsghdr align;
};

/* Sends with one control message of SOL_LTP. */
static inline ssize_t send_cmsg(int fd, const void *buf, size_t len, int flags,
				int type, const void *val, size_t vlen)
{
	union control control = {};
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = CMSG_SPACE(vlen),
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);

	cm->cmsg_level = SOL_LTP;
	cm->cmsg_type = type;
	cm->cmsg_len = CMSG_LEN(vlen);
	memcpy(CMSG_DATA(cm), val, vlen);
	return sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
}

static inline ssize_t send_cookie(int fd, u64 cookie, size_t len,
				  int flags)
{
	u8 *buf = malloc(len);
	ssize_t n;

	fill(buf, len, cookie, 0);
	n = send_cmsg(fd, buf, len, flags, LTP_COOKIE, &cookie,
		      sizeof(cookie));
	free(buf);
	return n;
}

/* What recvmsg() tells besides the data. */
struct rx {
	struct sockaddr_ltp from;
	struct ltp_rxinfo info;
	bool told;
	int flags;
};

static inline ssize_t recv_rx(int fd, void *buf, size_t len, int flags,
			      struct rx *rx)
{
	union control control;
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_name = &rx->from,
		.msg_namelen = sizeof(rx->from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cm;
	ssize_t n;

	memset(rx, 0, sizeof(*rx));
	n = recvmsg(fd, &msg, flags);
	if (n < 0)
		return n;
	rx->flags = msg.msg_flags;
	for (cm = CMSG_FIRSTHDR(&msg); cm; cm = CMSG_NXTHDR(&msg, cm)) {
		if (cm->cmsg_level != SOL_LTP || cm->cmsg_type != LTP_RXINFO)
			continue;
		memcpy(&rx->info, CMSG_DATA(cm), sizeof(rx->info));
		rx->told = true;
	}
	return n;
}

static inline bool wait_for(int fd, short events, int ms)
{
	struct pollfd p = { fd, events, 0 };

	return poll(&p, 1, ms) == 1 && p.revents & events;
}

/* Waits for a block and returns whether it is @len bytes of block @seed. */
static inline bool got_block(int fd, u64 seed, size_t len)
{
	u8 *buf = malloc(len + 1);
	struct rx rx;
	bool ok = false;
	ssize_t n = -1;

	if (wait_for(fd, POLLIN, SOON))
		n = recv_rx(fd, buf, len + 1, MSG_DONTWAIT, &rx);
	if (n == (ssize_t)len && rx.flags & MSG_EOR)
		ok = same(buf, len, seed, 0);
	else
		fprintf(stderr, "# received %zd of %zu bytes, flags %x\n", n,
			len, n < 0 ? 0 : rx.flags);
	free(buf);
	return ok;
}

/*
 * The next entry of the error queue, waiting @ms for it at most; false if it is
 * not of @type, or not @len bytes long.
 */
static inline bool got_error(int fd, int type, void *data, size_t len, int ms)
{
	union control control;
	struct msghdr msg = {
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	s64 until = now_ms() + ms;
	struct cmsghdr *cm;

	memset(data, 0, len);
	while (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
		if (now_ms() >= until)
			return false;
		wait_for(fd, POLLERR, until - now_ms());
	}
	cm = CMSG_FIRSTHDR(&msg);
	if (!cm || cm->cmsg_level != SOL_LTP || cm->cmsg_type != type ||
	    cm->cmsg_len != CMSG_LEN(len))
		return false;
	memcpy(data, CMSG_DATA(cm), len);
	return true;
}

/* The next notice, waiting @ms for it at most. */
static inline bool got_notice(int fd, struct ltp_notice *n, int ms)
{
	return got_error(fd, LTP_NOTICE, n, sizeof(*n), ms);
}

/* The next notice of one of @kinds, waiting @ms; what else comes is dropped. */
static inline bool next_notice(int fd, struct ltp_notice *n, u32 kinds,
			       int ms)
{
	union control control;
	struct msghdr msg = {
		.msg_control = control.buf,
	};
	s64 until = now_ms() + ms;
	struct cmsghdr *cm;

	for (;;) {
		msg.msg_controllen = sizeof(control.buf);
		if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
			if (now_ms() >= until)
				return false;
			wait_for(fd, POLLERR, until - now_ms());
			continue;
		}
		cm = CMSG_FIRSTHDR(&msg);
		if (!cm || cm->cmsg_type != LTP_NOTICE)
			continue;
		memcpy(n, CMSG_DATA(cm), sizeof(*n));
		if (LTP_NOTICE_BIT(n->kind) & kinds)
			return true;
	}
}

/* A file in memory of @len bytes, as fill() has them, to be read from 0. */
static inline int file_with(u64 seed, size_t len)
{
	int fd = memfd_create("block", 0);
	u8 *buf = malloc(len);

	fill(buf, len, seed, 0);
	if (write(fd, buf, len) != len)
		perror("memfd");
	free(buf);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Waits until there are no sessions at all. */
static inline bool quiet(void)
{
	return eventually(!sessions(true) && !sessions(false));
}

#endif /* KSFT_LTP_H */
