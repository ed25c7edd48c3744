// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "parse.h"
#include "sock.h"
#include "tool.h"

int sock_open(int type)
{
	int fd = socket(AF_LTP, type | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		return fd;
	if (errno == EAFNOSUPPORT || errno == ESOCKTNOSUPPORT ||
	    errno == EPROTONOSUPPORT)
		fail(NO_MODULE);
	fail("socket: %s", strerror(errno));
}

void sock_set(int fd, int option, const char *word, const void *val, size_t len)
{
	if (setsockopt(fd, SOL_LTP, option, val, len))
		fail("%s: %s", word, strerror(errno));
}

struct sockaddr_ltp sock_addr(u64 engine, u64 service)
{
	return (struct sockaddr_ltp) {
		.sltp_family = AF_LTP,
		.sltp_engine = engine,
		.sltp_service = service,
	};
}

/* Copies the control message @type of this family. */
bool sock_cmsg(struct msghdr *msg, int type, void *data, size_t len)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_LTP || c->cmsg_type != type ||
		    c->cmsg_len < CMSG_LEN(len))
			continue;
		memcpy(data, CMSG_DATA(c), len);
		return true;
	}
	return false;
}

int sock_error(int fd)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return errno;
	return err;
}

u64 sock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* Rounded up, or poll() would return early again and again. */
int sock_poll_ms(u64 until)
{
	u64 now = sock_now(), ms;

	if (until == NEVER)
		return -1;
	if (until <= now)
		return 0;
	ms = (until - now - 1) / NSEC_PER_MSEC + 1;
	return ms < INT_MAX ? ms : INT_MAX;
}
