// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <linux/genetlink.h>
#include <linux/ltp_netlink.h>

#include "field.h"
#include "nl.h"
#include "tool.h"

static struct nlmsghdr *fill(void *buf, u8 cmd, u8 version,
			     u16 flags)
{
	struct genlmsghdr *genl;
	struct nlmsghdr *nlh;

	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
	return nlh;
}

struct nlmsghdr *nl_request(struct nl *nl, u8 cmd, u16 flags)
{
	return fill(nl->request, cmd, LTP_GENL_VERSION, flags);
}

/* The name of the attribute that begins @offset bytes into the request. */
static const char *attr_name(const struct nl *nl, u32 offset)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nl->req, GENL_HDRLEN) {
		if ((const char *)attr - (const char *)nl->req ==
		    (ptrdiff_t)offset)
			return field_name(nl->fields, mnl_attr_get_type(attr));
	}
	return NULL;
}

/* The range that a policy gives, if it gives one. */
static void say_range(char *buf, size_t size, const struct nlattr *policy)
{
	const struct nlattr *min = NULL, *max = NULL, *attr;

	mnl_attr_for_each_nested(attr, policy) {
		if (mnl_attr_get_type(attr) == NL_POLICY_TYPE_ATTR_MIN_VALUE_U)
			min = attr;
		if (mnl_attr_get_type(attr) == NL_POLICY_TYPE_ATTR_MAX_VALUE_U)
			max = attr;
	}
	if (min && max)
		snprintf(buf, size, ", write %llu to %llu",
			 nl_uint(min), nl_uint(max));
}

/* Fill nl->error from the extended acknowledgment behind @skip bytes. */
static void extack(struct nl *nl, const struct nlmsghdr *nlh, size_t skip,
		   int err)
{
	const char *msg = NULL, *name = NULL;
	const struct nlattr *attr;
	char range[64] = "";

	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS) {
		mnl_attr_for_each(attr, nlh, skip) {
			switch (mnl_attr_get_type(attr)) {
			case NLMSGERR_ATTR_MSG:
				msg = mnl_attr_get_str(attr);
				break;
			case NLMSGERR_ATTR_OFFS:
				name = attr_name(nl, nl_uint(attr));
				break;
			case NLMSGERR_ATTR_MISS_TYPE:
				name = field_name(nl->fields, nl_uint(attr));
				if (!msg)
					msg = "is missing";
				break;
			case NLMSGERR_ATTR_POLICY:
				say_range(range, sizeof(range), attr);
				break;
			}
		}
	}
	/* The module's own messages name what they are about. */
	if (msg && name && strstr(msg, name))
		name = NULL;
	snprintf(nl->error, sizeof(nl->error), "%s%s%s%s", name ?: "",
		 name ? ": " : "", msg ?: strerror(-err), range);
}

static int ended(struct nl *nl, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t len = mnl_nlmsg_get_payload_len(nlh);
	size_t skip = sizeof(e->error);

	if (len < sizeof(e->error))
		return 0;
	if (nlh->nlmsg_type == NLMSG_ERROR && len >= sizeof(*e)) {
		skip = sizeof(*e);
		if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
			skip += e->msg.nlmsg_len - sizeof(e->msg);
	}
	if (e->error < 0)
		extack(nl, nlh, skip, e->error);
	return e->error;
}

/* Send @req and hand every message of the answer to @reply. */
int nl_talk(struct nl *nl, struct nlmsghdr *req, nl_reply_t reply, void *data)
{
	const struct nlmsghdr *nlh;
	ssize_t n;
	int left;

	nl->intr = false;
	nl->error[0] = 0;
	nl->req = req;
	req->nlmsg_seq = ++nl->seq;
	if (!req->nlmsg_type)
		req->nlmsg_type = nl->family;
	if (mnl_socket_sendto(nl->sock, req, req->nlmsg_len) < 0)
		goto failed;
	for (;;) {
		n = mnl_socket_recvfrom(nl->sock, nl->buf, sizeof(nl->buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			goto failed;
		left = n;
		nlh = (const void *)nl->buf;
		for (; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_seq != req->nlmsg_seq)
				continue;
			if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
				nl->intr = true;
			if (nlh->nlmsg_type == NLMSG_ERROR ||
			    nlh->nlmsg_type == NLMSG_DONE)
				return ended(nl, nlh);
			if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && reply)
				reply(nlh, data);
		}
	}
failed:
	snprintf(nl->error, sizeof(nl->error), "netlink: %s", strerror(errno));
	return -errno;
}

static void take_family(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[CTRL_ATTR_MAX + 1];
	u16 *family = data;

	nl_attrs(nlh, tb, CTRL_ATTR_MAX);
	if (tb[CTRL_ATTR_FAMILY_ID])
		*family = nl_uint(tb[CTRL_ATTR_FAMILY_ID]);
}

static int resolve(struct nl *nl)
{
	char buf[256];
	struct nlmsghdr *req = fill(buf, CTRL_CMD_GETFAMILY, 1, 0);
	int err;

	req->nlmsg_type = GENL_ID_CTRL;
	mnl_attr_put_strz(req, CTRL_ATTR_FAMILY_NAME, LTP_GENL_NAME);
	nl->family = 0;
	err = nl_talk(nl, req, take_family, &nl->family);
	if (!err && !nl->family)
		err = -ENOENT;
	return err;
}

int nl_open(struct nl *nl)
{
	int one = 1, err;

	nl->sock = mnl_socket_open(NETLINK_GENERIC);
	if (!nl->sock)
		return -errno;
	nl->seq = time(NULL);
	if (mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		goto close;
	}
	mnl_socket_setsockopt(nl->sock, NETLINK_CAP_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(nl->sock, NETLINK_EXT_ACK, &one, sizeof(one));
	err = resolve(nl);
	if (err)
		goto close;
	return 0;

close:
	mnl_socket_close(nl->sock);
	nl->sock = NULL;
	return err;
}

void nl_run(struct nl *nl, struct nlmsghdr *req, nl_reply_t reply, void *data)
{
	int err = nl->sock ? 0 : nl_open(nl);

	if (err == -ENOENT)
		fail(NO_MODULE);
	if (err)
		fail("netlink: %s", strerror(-err));
	if (nl_talk(nl, req, reply, data))
		fail("%s", nl->error);
	if (nl->intr)
		fputs("ltp: the list changed while it was read\n", stderr);
}

void nl_attrs(const struct nlmsghdr *nlh, const struct nlattr **tb,
	      u16 max)
{
	const struct nlattr *attr;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN) {
		if (mnl_attr_get_type(attr) <= max)
			tb[mnl_attr_get_type(attr)] = attr;
	}
}

void nl_nested(const struct nlattr *nest, const struct nlattr **tb,
	       u16 max)
{
	const struct nlattr *attr;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) <= max)
			tb[mnl_attr_get_type(attr)] = attr;
	}
}

/* An unsigned number of whatever width. */
u64 nl_uint(const struct nlattr *attr)
{
	switch (mnl_attr_get_payload_len(attr)) {
	case 1:
		return mnl_attr_get_u8(attr);
	case 2:
		return mnl_attr_get_u16(attr);
	case 4:
		return mnl_attr_get_u32(attr);
	case 8:
		return mnl_attr_get_u64(attr);
	default:
		return 0;
	}
}
