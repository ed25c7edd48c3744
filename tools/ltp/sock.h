/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SOCK_H
#define SOCK_H

#include <sys/socket.h>

#include <linux/ltp.h>

#include "base.h"

#define CHUNK	1048576		/* bytes of one read, write, sendmsg, recvmsg */
#define NEVER	UINT64_MAX

union control {
	struct cmsghdr align;
	char buf[256];
};

int sock_open(int type);
void sock_set(int fd, int option, const char *word, const void *val,
	      size_t len);
struct sockaddr_ltp sock_addr(u64 engine, u64 service);
bool sock_cmsg(struct msghdr *msg, int type, void *data, size_t len);
int sock_error(int fd);

/* Nanoseconds of the monotonic clock, and what poll() takes of them. */
u64 sock_now(void);
int sock_poll_ms(u64 until);

#endif /* SOCK_H */
