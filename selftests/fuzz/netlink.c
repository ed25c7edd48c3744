// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzes the netlink family: messages made after the specification
 * (Documentation/netlink/specs/ltp.yaml), with attributes that fit their
 * command, others, none, nested ones, and lengths that are wrong; two threads,
 * while blocks go to and fro.
 *
 *	+----------------- a namespace of its own -----------------+
 *	|  engines 1 and 2, and what the messages make       lo    |
 *	+----------------------------------------------------------+
 */
#include <assert.h>

#include "fuzz.h"

#define MESSAGE	4096

static int tx = -1, rx = -1;
static pthread_mutex_t fd_lock = PTHREAD_MUTEX_INITIALIZER;

/* Bytes of each attribute; 0 is an address, 255 a nest. */
static const u8 engine_size[] = {
	[LTP_A_ENGINE_ID] = 8, [LTP_A_ENGINE_LOCAL] = 0,
	[LTP_A_ENGINE_PORT] = 2, [LTP_A_ENGINE_MAX_IMPORTS] = 4,
	[LTP_A_ENGINE_IMPORTS] = 4, [LTP_A_ENGINE_STATS] = 255,
};

static const u8 span_size[] = {
	[LTP_A_SPAN_ENGINE] = 8, [LTP_A_SPAN_REMOTE] = 8,
	[LTP_A_SPAN_ADDR] = 0, [LTP_A_SPAN_PORT] = 2,
	[LTP_A_SPAN_OWLT_OUT] = 8, [LTP_A_SPAN_OWLT_IN] = 8,
	[LTP_A_SPAN_MARGIN] = 8, [LTP_A_SPAN_MAX_RETRIES] = 4,
	[LTP_A_SPAN_SEGMENT_SIZE] = 4, [LTP_A_SPAN_BURST_LIMIT] = 4,
	[LTP_A_SPAN_RATE] = 8, [LTP_A_SPAN_REORDER] = 8,
	[LTP_A_SPAN_REDUNDANCY] = 4, [LTP_A_SPAN_MAX_SESSIONS] = 4,
	[LTP_A_SPAN_MAX_INFLIGHT] = 8, [LTP_A_SPAN_MAX_IMPORTS] = 4,
	[LTP_A_SPAN_MAX_PROBLEMS] = 4, [LTP_A_SPAN_MAX_CYCLES] = 4,
	[LTP_A_SPAN_NO_DISCRETIONARY] = 1, [LTP_A_SPAN_GAP_REPORTS] = 1,
	[LTP_A_SPAN_LEARNED] = 1, [LTP_A_SPAN_LOCAL_STOPPED] = 1,
	[LTP_A_SPAN_REMOTE_STOPPED] = 1, [LTP_A_SPAN_MTU] = 4,
	[LTP_A_SPAN_EXPORTS] = 4, [LTP_A_SPAN_IMPORTS] = 4,
	[LTP_A_SPAN_TX_QUEUE] = 4, [LTP_A_SPAN_INFLIGHT] = 8,
	[LTP_A_SPAN_CUE] = 4, [LTP_A_SPAN_STATS] = 255,
	[LTP_A_SPAN_FLOWS] = 4, [LTP_A_SPAN_BURST_ADAPT] = 1,
	[LTP_A_SPAN_BURST_NOW] = 4,
};

static const u8 session_size[] = {
	[LTP_A_SESSION_ENGINE] = 8, [LTP_A_SESSION_REMOTE] = 8,
	[LTP_A_SESSION_NUMBER] = 8, [LTP_A_SESSION_EXPORT] = 1,
	[LTP_A_SESSION_STATE] = 4, [LTP_A_SESSION_SERVICE] = 8,
	[LTP_A_SESSION_LENGTH] = 8, [LTP_A_SESSION_RED_LENGTH] = 8,
	[LTP_A_SESSION_DONE] = 8, [LTP_A_SESSION_RETRANSMITTED] = 8,
	[LTP_A_SESSION_AGE] = 8,
};

static const u8 net_size[] = {
	[LTP_A_NET_ENGINE] = 8, [LTP_A_NET_STATS] = 255,
};

/* None is forgotten. */
static_assert(sizeof(engine_size) == LTP_A_ENGINE_MAX + 1, "engine_size");
static_assert(sizeof(span_size) == LTP_A_SPAN_MAX + 1, "span_size");
static_assert(sizeof(session_size) == LTP_A_SESSION_MAX + 1, "session_size");
static_assert(sizeof(net_size) == LTP_A_NET_MAX + 1, "net_size");

struct set {
	const u8 *size;
	u8 n;
	/* Those that name the object; these come nearly always. */
	u8 keys;
};

static const struct set engine_set = { engine_size, sizeof(engine_size), 1 };
static const struct set span_set_ = { span_size, sizeof(span_size), 2 };
static const struct set session_set = { session_size, sizeof(session_size), 4 };
static const struct set net_set = { net_size, sizeof(net_size), 1 };

static const struct set *set_of(u8 cmd)
{
	switch (one_in(30) ? below(LTP_CMD_MAX + 2) : cmd) {
	case LTP_CMD_ENGINE_ADD ... LTP_CMD_ENGINE_GET:
		return &engine_set;
	case LTP_CMD_SPAN_ADD ... LTP_CMD_SPAN_CUE:
		return &span_set_;
	case LTP_CMD_SESSION_CANCEL:
	case LTP_CMD_SESSION_GET:
		return &session_set;
	default:
		return &net_set;
	}
}

static void put_raw(struct nlmsghdr *nlh, u16 type, const void *data, u16 len)
{
	struct nlattr *attr;

	if (nlh->nlmsg_len + len + 16 > MESSAGE)
		return;
	attr = mnl_nlmsg_get_payload_tail(nlh);
	mnl_attr_put(nlh, type, len, data);
	/* More, or less, than there is. */
	if (one_in(60))
		attr->nla_len = below(4) ? rnd() % 40 : rnd();
	if (one_in(60))
		attr->nla_type ^= 1 << (14 + below(2));
}

static u64 engine_number(void)
{
	return one_in(12) ? number() : 1 + below(4);
}

static void put_address(struct nlmsghdr *nlh, u16 type)
{
	u8 addr[24] = { 127, 0, 0, 1 + below(3) };
	u8 len = 4;

	switch (below(8)) {
	case 0:
		len = below(sizeof(addr) + 1);
		break;
	case 1:
		*(u64 *)addr = rnd();
		break;
	case 2:
		len = 16;
		memset(addr, 0, 15);
		addr[15] = below(3);
		break;
	case 3:
		len = 16;
		*(u64 *)addr = rnd();
		break;
	}
	put_raw(nlh, type, addr, len);
}

static void put_attr(struct nlmsghdr *nlh, const struct set *set, u16 type)
{
	u8 size = type < set->n ? set->size[type] : below(10);
	bool names = type >= 2 && type < 2 + set->keys;
	u8 buf[64];
	u64 val;

	if (one_in(40))
		size = below(10);
	if (!size) {
		put_address(nlh, type);
		return;
	}
	if (size == 255) {
		memset(buf, below(256), sizeof(buf));
		put_raw(nlh, type | (one_in(2) ? NLA_F_NESTED : 0), buf,
			below(sizeof(buf)));
		return;
	}
	if (names && size == 8)
		val = engine_number();
	else if (size == 2)
		val = one_in(8) ? rnd() : 1113 + below(3);
	else
		val = one_in(3) ? number() : below(100);
	memset(buf, 0, sizeof(buf));
	memcpy(buf, &val, sizeof(val));
	put_raw(nlh, type, buf, size);
}

static struct nlmsghdr *make(char *buf)
{
	u8 cmd = one_in(30) ? rnd() : 1 + below(LTP_CMD_MAX);
	const struct set *set = set_of(cmd);
	struct nlmsghdr *nlh;
	u16 flags = 0;
	u32 i, n;

	if (one_in(3))
		flags = NLM_F_DUMP;
	if (one_in(16))
		flags ^= rnd();
	memset(buf, 0, MESSAGE);
	nlh = ltp_request(buf, cmd, flags);
	if (one_in(30))
		nlh->nlmsg_type = one_in(2) ? rnd() : GENL_ID_CTRL;
	for (i = 2; i < 2 + set->keys; i++)
		if (!one_in(10))
			put_attr(nlh, set, i);
	if (cmd == LTP_CMD_SPAN_ADD && !one_in(10))
		put_attr(nlh, set, LTP_A_SPAN_ADDR);
	if ((cmd == LTP_CMD_SPAN_ADD || cmd == LTP_CMD_ENGINE_ADD) &&
	    !one_in(4))
		put_attr(nlh, set, cmd == LTP_CMD_SPAN_ADD ? LTP_A_SPAN_PORT :
						LTP_A_ENGINE_PORT);
	if (cmd == LTP_CMD_SPAN_ADD && !one_in(10))
		mnl_attr_put_u64(nlh, LTP_A_SPAN_RATE, UINT64_MAX);
	if (cmd == LTP_CMD_SPAN_CUE)
		mnl_attr_put_u32(nlh, LTP_A_SPAN_CUE, below(5));
	for (n = below(5); n; n--)
		put_attr(nlh, set, below(set->n + 2));
	if (one_in(40))
		nlh->nlmsg_len -= below(12);
	return nlh;
}

/* Several messages at once, and not all answers are read. */
static void say(void)
{
	static __thread char out[8 * MESSAGE], in[32768];
	struct timeval soon = { .tv_usec = 200000 };
	u32 n = one_in(6) ? 1 + below(8) : 1, len = 0, reads;
	struct nlmsghdr *nlh;
	int fd;

	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	while (n--) {
		nlh = make(out + len);
		len += MNL_ALIGN(nlh->nlmsg_len);
	}
	if (one_in(50))
		len -= below(len);
	send(fd, out, len, 0);
	for (reads = one_in(8) ? below(3) : 20; reads; reads--)
		if (recv(fd, in, one_in(8) ? 100 : sizeof(in),
			 MSG_DONTWAIT) <= 0)
			break;
	close(fd);
}

/* Something for the messages to be about. */
static void traffic(void)
{
	struct sockaddr_ltp to = ltp_addr(1 + below(3), SVC);
	u32 len = below(20000);
	void *buf = calloc(1, len);

	pthread_mutex_lock(&fd_lock);
	sendto(tx, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL |
	       (one_in(3) ? MSG_MORE : 0), (void *)&to, sizeof(to));
	while (recv(rx, buf, len, MSG_DONTWAIT) > 0 && len)
		;
	if (one_in(8)) {
		close(tx);
		tx = socket(AF_LTP, SOCK_RDM, 0);
	}
	pthread_mutex_unlock(&fd_lock);
	free(buf);
}

static const char *begin(void)
{
	const char *why = two_engines();

	if (why)
		return why;
	sysctl_set("net/ltp/accept_unknown", "2");
	rx = socket(AF_LTP, SOCK_RDM, 0);
	tx = socket(AF_LTP, SOCK_RDM, 0);
	return ltp_bind(rx, LTP_ENGINE_ANY, SVC) ? "bind" : NULL;
}

struct ids {
	u32 n;
	u64 id[64];
};

static int engine_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;
	struct ids *ids = data;

	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
		if (mnl_attr_get_type(attr) == LTP_A_ENGINE_ID &&
		    ids->n < ARRAY_SIZE(ids->id))
			ids->id[ids->n++] = mnl_attr_get_u64(attr);
	return MNL_CB_OK;
}

/* Whatever engines the messages made go, or the namespace with them. */
static const char *end(void)
{
	struct ids ids = {};
	char buf[256];

	close(rx);
	close(tx);
	nl_ask(ltp_request(buf, LTP_CMD_ENGINE_GET, NLM_F_DUMP), engine_cb,
	       &ids);
	while (ids.n)
		if (engine_del(ids.id[--ids.n]))
			return "an engine is not deleted";
	if (!quiet())
		return "sessions are left";
	if (one_in(2) && !engine_add(1, 1113))
		return unshare(CLONE_NEWNET) ? "unshare" : NULL;
	return NULL;
}

static void step(int thread)
{
	if (one_in(4))
		traffic();
	else
		say();
}

int main(int argc, char **argv)
{
	static const struct fuzzer f = {
		.name = "fuzz_netlink",
		.threads = 2,
		.round = 200,
		.inputs = 100,
		.pcs = 800,
		.begin = begin,
		.end = end,
		.step = step,
	};

	return fuzz_main(&f, argc, argv);
}
