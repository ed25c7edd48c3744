/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NL_H
#define NL_H

#include <libmnl/libmnl.h>

#include "base.h"

#define NL_BUF_SIZE	32768

struct field;

/**
 * struct nl - a socket to the generic netlink family "ltp"
 * @sock: libmnl's socket, NULL while closed
 * @family: number of the family
 * @seq: of the last request
 * @intr: the last dump changed while it was read
 * @fields: what the attributes of requests are called, for @error
 * @req: the request under way
 * @error: what the kernel said about the last failure, one line
 * @request: room for one request
 * @buf: room for replies
 */
struct nl {
	struct mnl_socket *sock;
	u16 family;
	u32 seq;
	bool intr;
	const struct field *fields;
	const struct nlmsghdr *req;
	char error[256];
	char request[4096];
	char buf[NL_BUF_SIZE];
};

/* Called for each message of the reply. */
typedef void (*nl_reply_t)(const struct nlmsghdr *nlh, void *data);

/* A request can be filled before the family is there to take it. */
struct nlmsghdr *nl_request(struct nl *nl, u8 cmd, u16 flags);
int nl_open(struct nl *nl);
int nl_talk(struct nl *nl, struct nlmsghdr *req, nl_reply_t reply, void *data);

/* For commands: open, talk; if that fails say why and exit. */
void nl_run(struct nl *nl, struct nlmsghdr *req, nl_reply_t reply, void *data);

void nl_attrs(const struct nlmsghdr *nlh, const struct nlattr **tb,
	      u16 max);
void nl_nested(const struct nlattr *nest, const struct nlattr **tb,
	       u16 max);
u64 nl_uint(const struct nlattr *attr);

#endif /* NL_H */
