// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzes what comes from the network: peers that say anything to an engine
 * which sends to them, receives from them, and is configured meanwhile.
 *
 *	+------------------ a namespace of its own -------------------+
 *	|                            lo                               |
 *	|  engine 1       127.0.0.1 port 1115   [::1] port 1115       |
 *	|  engines 2, 3   127.0.0.2, 127.0.0.3 port 1113: this        |
 *	|  engine 4       [::2] port 1113: this                       |
 *	|  engine 9       127.0.0.1 port 1114: an honest one          |
 *	+-------------------------------------------------------------+
 *
 * The peers listen to what engine 1 says, for half of what they send names the
 * sessions, checkpoints and reports that exist.  Now and then an honest
 * transfer must pass between engines 1 and 9, and in the end nothing is left.
 */
#include <sys/uio.h>

#include "fuzz.h"
#include "../unit/codec.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT	103
#endif
#ifndef SOL_UDP
#define SOL_UDP		17
#endif

#define PEERS		3
#define HONEST		9
#define HONEST_LEN	50000
#define DATAGRAM	65507
#define KNOWN		16
#define SERVICES	3

/* A session that engine 1 sends, or receives, as a peer sees it. */
struct known {
	int peer;
	u64 session;
	u64 service;
	u64 cp;
	u64 rs;
	u64 lower;
	u64 upper;
};

struct writer {
	u8 *p;
	u8 *end;
};

static int peer_fd[PEERS], honest_rx, honest_tx;
static int tx[3], rx[4];
static struct known exports[KNOWN], imports[KNOWN];
static u32 n_exports, n_imports;
static u8 payload[DATAGRAM], before[2048];
static u32 before_len;
static u64 blocks;

static const u8 types[] = { 0, 0, 1, 2, 3, 3, 4, 7, 8, 8, 9, 12, 13, 14, 15 };

static u64 peer_id(int peer)
{
	return peer + 2;
}

/* --- set up and take down --- */

static int peer_open(int peer)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	bool six = peer == PEERS - 1;
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);

	v4.sin_port = htons(1113);
	v6.sin6_port = htons(1113);
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + peer);
	inet_pton(AF_INET6, "::2", &v6.sin6_addr);
	if (six ? bind(fd, (void *)&v6, sizeof(v6)) :
		  bind(fd, (void *)&v4, sizeof(v4)))
		return -1;
	v4.sin_port = htons(1115);
	v6.sin6_port = htons(1115);
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v6.sin6_addr = in6addr_loopback;
	if (six ? connect(fd, (void *)&v6, sizeof(v6)) :
		  connect(fd, (void *)&v4, sizeof(v4)))
		return -1;
	return fd;
}

/* An engine on all addresses. */
static int engine_any(u64 id, u16 port)
{
	char buf[512];
	struct nlmsghdr *nlh = engine_request(buf, LTP_CMD_ENGINE_ADD, id);

	mnl_attr_put_u16(nlh, LTP_A_ENGINE_PORT, port);
	return nl_ask(nlh, NULL, NULL);
}

static int peer_span(int peer)
{
	struct nlmsghdr *nlh;
	struct in6_addr v6;
	char buf[512];

	nlh = span_request(buf, LTP_CMD_SPAN_ADD, 1, peer_id(peer));
	if (peer == PEERS - 1) {
		inet_pton(AF_INET6, "::2", &v6);
		mnl_attr_put(nlh, LTP_A_SPAN_ADDR, sizeof(v6), &v6);
	} else {
		mnl_attr_put_u32(nlh, LTP_A_SPAN_ADDR,
				 htonl(INADDR_LOOPBACK + 1 + peer));
	}
	mnl_attr_put_u16(nlh, LTP_A_SPAN_PORT, 1113);
	mnl_attr_put_u64(nlh, LTP_A_SPAN_RATE, UINT64_MAX);
	mnl_attr_put_u64(nlh, LTP_A_SPAN_MARGIN, 20000000);
	mnl_attr_put_u32(nlh, LTP_A_SPAN_MAX_RETRIES, 3);
	return nl_ask(nlh, NULL, NULL);
}

static int engines(void)
{
	int i, err;

	err = engine_any(1, 1115) ?: engine_add(HONEST, 1114) ?:
	      span_add(1, HONEST, 1114, UINT64_MAX) ?:
	      span_add(HONEST, 1, 1115, UINT64_MAX);
	for (i = 0; i < PEERS && !err; i++)
		err = peer_span(i);
	return err;
}

static int open_rx(int i)
{
	int one = 1, fd = socket(AF_LTP, i == 1 ? SOCK_DGRAM : SOCK_RDM, 0);

	set_u32(fd, LTP_RXINFO, 1);
	set_u32(fd, LTP_NOTICES, LTP_NOTICE_ALL);
	if (i > 1)
		setsockopt(fd, SOL_LTP, LTP_REUSEPORT, &one, sizeof(one));
	if (ltp_bind(fd, 1, SVC + (i > 2 ? 2 : i)))
		return -1;
	return fd;
}

static const char *begin(void)
{
	static bool once;
	int i;

	if (!once) {
		if (unshare(CLONE_NEWNET) || system("ip link set lo up") ||
		    system("ip addr add ::2/128 dev lo nodad"))
			return "no namespace";
		sysctl_set("net/ltp/accept_unknown", "3");
		for (i = 0; i < PEERS; i++) {
			peer_fd[i] = peer_open(i);
			if (peer_fd[i] < 0)
				return "no peer";
		}
		for (i = 0; i < DATAGRAM; i++)
			payload[i] = i * 7 + (i >> 8);
		once = true;
	}
	if (engines())
		return "no engines";
	for (i = 0; i < ARRAY_SIZE(rx); i++) {
		rx[i] = open_rx(i);
		if (rx[i] < 0)
			return "no receiver";
	}
	for (i = 0; i < ARRAY_SIZE(tx); i++) {
		tx[i] = socket(AF_LTP, i == 1 ? SOCK_DGRAM : SOCK_RDM, 0);
		set_u32(tx[i], LTP_NOTICES, LTP_NOTICE_ALL);
		if (ltp_bind(tx[i], 1, 1000 + i))
			return "no sender";
	}
	honest_rx = socket(AF_LTP, SOCK_RDM, 0);
	honest_tx = socket(AF_LTP, SOCK_RDM, 0);
	if (ltp_bind(honest_rx, HONEST, SVC) || ltp_bind(honest_tx, 1, 2000) ||
	    ltp_connect(honest_tx, HONEST, SVC))
		return "no honest sockets";
	n_exports = 0;
	n_imports = 0;
	return NULL;
}

static const char *end(void)
{
	u8 *buf = malloc(HONEST_LEN);
	bool ok;
	int i;

	fill(buf, HONEST_LEN, ++blocks, 0);
	ok = send(honest_tx, buf, HONEST_LEN, MSG_DONTWAIT) == HONEST_LEN &&
	     got_block(honest_rx, blocks, HONEST_LEN);
	free(buf);
	if (!ok)
		return "an honest transfer did not pass";
	for (i = 0; i < ARRAY_SIZE(rx); i++)
		close(rx[i]);
	for (i = 0; i < ARRAY_SIZE(tx); i++)
		close(tx[i]);
	close(honest_rx);
	close(honest_tx);
	if (engine_del(1) || engine_del(HONEST))
		return "an engine is not deleted";
	if (!quiet())
		return "sessions are left";
	return NULL;
}

/* --- what engine 1 says --- */

static struct known *known_of(struct known *list, u32 *n, int peer, u64 session)
{
	struct known *k;
	u32 i;

	for (i = 0; i < KNOWN; i++)
		if (list[i].session == session && list[i].peer == peer)
			return &list[i];
	k = &list[(*n)++ % KNOWN];
	*k = (struct known) { .peer = peer, .session = session };
	return k;
}

static void learn(int peer, const u8 *buf, u32 len)
{
	struct ltp_segment seg;
	struct known *k;
	u32 at;

	for (at = 0; at < len; at += seg.len) {
		if (ltp_segment_parse(&seg, buf + at, len - at, len - at)) {
			fuzz_bad("engine 1 sent what is malformed");
			return;
		}
		if (ltp_segment_is_data(seg.type)) {
			k = known_of(exports, &n_exports, peer, seg.session);
			k->service = seg.service;
			if (seg.cp_serial)
				k->cp = seg.cp_serial;
			if (seg.offset + seg.length > k->upper)
				k->upper = seg.offset + seg.length;
		} else if (seg.type == LTP_SEG_RS) {
			k = known_of(imports, &n_imports, peer, seg.session);
			k->rs = seg.rs_serial;
			k->cp = seg.cp_serial;
			k->lower = seg.lower;
			k->upper = seg.upper;
		}
	}
}

static void listen_to_engine(void)
{
	static u8 buf[DATAGRAM];
	ssize_t n;
	int i;

	for (i = 0; i < PEERS; i++)
		while ((n = recv(peer_fd[i], buf, sizeof(buf),
				 MSG_DONTWAIT)) > 0)
			learn(i, buf, n);
}

/* --- what peers say --- */

static void put_number(struct writer *w, u64 v)
{
	u32 pad = one_in(30) ? below(4) : 0, n = ltp_sdnv_len(v);

	if (w->end - w->p < 2 * LTP_SDNV_MAX)
		return;
	while (pad-- && n++ < LTP_SDNV_MAX)
		*w->p++ = 0x80;
	w->p = ltp_sdnv_put(w->p, v);
}

static void put_octet(struct writer *w, u8 v)
{
	if (w->p < w->end)
		*w->p++ = v;
}

static void put_bytes(struct writer *w, u64 from, u64 n)
{
	if (n > w->end - w->p)
		n = w->end - w->p;
	memcpy(w->p, payload + from % 1000, n < 60000 ? n : 60000);
	w->p += n < 60000 ? n : 60000;
}

static void put_extensions(struct writer *w, u32 n)
{
	u32 len;

	while (n--) {
		len = below(8);
		put_octet(w, one_in(2) ? rnd() : 0xc0);
		put_number(w, one_in(40) ? number() : len);
		put_bytes(w, 0, len);
	}
}

/* Mostly @v, or near it. */
static u64 about(u64 v)
{
	switch (below(16)) {
	case 0:
		return number();
	case 1:
		return v + 1;
	case 2:
		return v - 1;
	default:
		return v;
	}
}

/* Somewhere in what a block of a few thousand bytes has. */
static u64 place(u64 upper)
{
	static const u64 at[] = { 0, 1, 100, 1000, 1400, 2800, 4096, 5000 };

	if (upper && one_in(2))
		return below(upper + 1);
	return one_in(40) ? number() : at[below(ARRAY_SIZE(at))];
}

static void put_claims(struct writer *w, u64 scope)
{
	u32 n = one_in(20) ? below(200) : below(4), i;
	u64 at = 0, len;

	put_number(w, about(n));
	for (i = 0; i < n; i++) {
		if (n == 1 && one_in(2)) {
			len = scope;
		} else {
			at += below(scope / (n + 1) + 2) + !!i;
			len = 1 + below(scope / (n + 1) + 2);
		}
		put_number(w, one_in(50) ? number() : at);
		put_number(w, one_in(50) ? number() : len);
		at += len;
	}
}

/* A segment of any type that @peer may send. */
static void put_segment(struct writer *w, int peer)
{
	u8 type = one_in(60) ? rnd() : types[below(ARRAY_SIZE(types))];
	const struct known *k;
	u64 session, lower, upper, len;
	u32 ext = one_in(12) ? rnd() & 0xff : 0;

	/* Of what engine 1 sends, or of what it gets. */
	if (type == LTP_SEG_RS || type == LTP_SEG_CAS || type == LTP_SEG_CR) {
		k = &exports[below(KNOWN)];
		session = k->session;
	} else {
		k = &imports[below(KNOWN)];
		session = k->session && one_in(2) ? k->session : 1 + below(6);
	}
	put_octet(w, type);
	put_number(w, about(type == LTP_SEG_RS || type == LTP_SEG_CAS ||
			    type == LTP_SEG_CR ? 1 : peer_id(peer)));
	put_number(w, about(session));
	put_octet(w, ext);
	put_extensions(w, ext >> 4);
	switch (type) {
	case LTP_SEG_RS:
		lower = one_in(2) ? 0 : place(k->upper);
		upper = one_in(2) ? k->upper : place(k->upper);
		put_number(w, about(1 + below(8)));
		put_number(w, one_in(3) ? 0 : about(k->cp));
		put_number(w, upper);
		put_number(w, lower);
		put_claims(w, upper - lower);
		break;
	case LTP_SEG_RA:
		put_number(w, about(k->rs));
		break;
	case LTP_SEG_CS:
	case LTP_SEG_CR:
		put_octet(w, one_in(4) ? rnd() : below(6));
		break;
	case LTP_SEG_CAS:
	case LTP_SEG_CAR:
		break;
	default:
		len = one_in(20) ? below(20000) : below(1500);
		put_number(w, about(SVC + below(SERVICES)));
		put_number(w, place(k->upper));
		put_number(w, one_in(40) ? number() : len);
		if (type == 1 || type == 2 || type == 3) {
			put_number(w, about(1 + below(8)));
			put_number(w, one_in(2) ? 0 : about(k->rs));
		}
		put_bytes(w, 0, len);
	}
	put_extensions(w, ext & 0xf);
}

/* @gso: bytes of each datagram, or 0 */
static void say(int peer, u8 *buf, u32 len, u16 gso)
{
	union control control = {};
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;

	if (one_in(16) && len)
		buf[below(len)] ^= 1 << below(8);
	if (one_in(64) && len)
		iov.iov_len = below(len);
	if (gso && gso < iov.iov_len) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(gso));
		cm = CMSG_FIRSTHDR(&msg);
		cm->cmsg_level = SOL_UDP;
		cm->cmsg_type = UDP_SEGMENT;
		cm->cmsg_len = CMSG_LEN(sizeof(gso));
		memcpy(CMSG_DATA(cm), &gso, sizeof(gso));
	}
	sendmsg(peer_fd[peer], &msg, MSG_DONTWAIT);
	if (len <= sizeof(before)) {
		memcpy(before, buf, len);
		before_len = len;
	}
}

static void say_segments(void)
{
	static u8 buf[DATAGRAM];
	struct writer w = { buf, buf + sizeof(buf) };
	int peer = below(PEERS);
	u32 n = one_in(4) ? 1 + below(8) : 1;

	while (n--)
		put_segment(&w, peer);
	/* From another address than the span's, sometimes. */
	if (one_in(24))
		peer = below(PEERS);
	say(peer, buf, w.p - buf, one_in(8) ? 1 + below(1500) : 0);
}

/* One data segment of a block of @len bytes, in @wire bytes if it fits. */
static u32 block_segment(u8 *buf, struct ltp_segment *seg, u64 len, u64 red,
			 u32 wire)
{
	struct ltp_segment_prefix prefix;
	u64 limit = seg->offset < red ? red : len;
	u32 n;

	ltp_segment_prefix_init(&prefix, seg->originator, seg->session,
				seg->service);
	n = ltp_segment_fill(&prefix, seg->offset, wire);
	if (seg->offset + n >= limit || one_in(50)) {
		n = ltp_segment_fill_cp(&prefix, seg->offset, wire,
					seg->cp_serial, seg->rs_serial);
		seg->type = one_in(20) ? LTP_SEG_RED_CP : LTP_SEG_RED;
	} else {
		seg->type = LTP_SEG_RED;
	}
	n = n ?: 1;
	if (n > limit - seg->offset)
		n = limit - seg->offset;
	seg->length = n;
	if (seg->offset + n == red && red && seg->offset < red)
		seg->type = red == len ? LTP_SEG_RED_CP_EORP_EOB :
					 LTP_SEG_RED_CP_EORP;
	if (seg->offset >= red)
		seg->type = seg->offset + n == len ? LTP_SEG_GREEN_EOB :
						     LTP_SEG_GREEN;
	return build(buf, DATAGRAM, seg, NULL, payload + seg->offset % 1000);
}

/*
 * A block as it should be, or nearly: segments are lost, come twice, or are
 * out of order; as datagrams, or coalesced.
 */
static void say_block(void)
{
	static u8 buf[2 * DATAGRAM];
	int peer = below(PEERS);
	struct ltp_segment seg = {
		.originator = peer_id(peer),
		.session = one_in(3) ? 1 + below(6) : rnd() >> below(64),
		.service = SVC + below(SERVICES),
		.cp_serial = 1 + below(1000),
	};
	u64 len = one_in(8) ? below(60000) : 1 + below(6000);
	u64 red = one_in(3) ? below(len + 1) : len;
	u32 wire = 64 + below(1400), at = 0, n, last = 0;
	u32 loss = one_in(2) ? 0 : 2 + below(8);
	bool gso = one_in(2);

	if (one_in(8))
		seg.originator = 20 + below(5);
	for (seg.offset = 0; seg.offset < len; seg.offset += seg.length) {
		n = block_segment(buf + at, &seg, len, red, wire);
		if (!n)
			return;
		seg.cp_serial += ltp_segment_is_checkpoint(seg.type);
		if (loss && one_in(loss))
			continue;
		if (!gso) {
			say(peer, buf, n, 0);
			if (one_in(30))
				say(peer, buf, n, 0);
			continue;
		}
		at += n;
		/* A datagram shorter than the others is the last. */
		if (n < wire || at + wire > DATAGRAM || at / wire > 60 ||
		    (last && last < n)) {
			say(peer, buf, at, wire);
			at = 0;
		}
		last = n;
	}
	if (at)
		say(peer, buf, at, wire);
}

/* The whole of a known session is there, as an honest peer says it. */
static void say_report(void)
{
	const struct known *k = &exports[below(KNOWN)];
	struct ltp_segment seg = {
		.type = LTP_SEG_RS,
		.originator = 1,
		.session = k->session,
		.rs_serial = 1 + below(1000),
		.cp_serial = k->cp,
		.upper = k->upper,
		.n_claims = 1,
	};
	struct claim claim = { 0, k->upper };
	u8 buf[256];
	u32 n;

	if (!k->upper)
		return;
	if (one_in(2)) {
		claim.start = below(k->upper);
		claim.stop = claim.start + 1 + below(k->upper - claim.start);
	}
	n = build(buf, sizeof(buf), &seg, &claim, NULL);
	if (n)
		say(k->peer, buf, n, 0);
}

static void say_ack(void)
{
	const struct known *k = &imports[below(KNOWN)];
	u8 buf[64], *p;

	p = ltp_segment_put_ra(buf, buf + sizeof(buf), peer_id(k->peer),
			       k->session, k->rs ?: 1);
	if (p)
		say(k->peer, buf, p - buf, 0);
}

static void say_junk(void)
{
	u8 buf[2048];
	u32 n = below(200), i;

	if (before_len && one_in(2)) {
		n = before_len;
		memcpy(buf, before, n);
		for (i = below(4); i; i--)
			buf[below(n)] = rnd();
	} else {
		for (i = 0; i < n; i++)
			buf[i] = one_in(2) ? rnd() : 0;
	}
	say(below(PEERS), buf, n, one_in(4) ? 1 + below(n + 1) : 0);
}

/* --- what the engine's own users do --- */

static void app_send(void)
{
	struct sockaddr_ltp to = ltp_addr(peer_id(below(PEERS)),
					  1 + below(20));
	struct iovec iov = { payload, one_in(6) ? below(60000) : below(4000) };
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	int fd = tx[below(ARRAY_SIZE(tx))];

	if (one_in(4))
		set_u64(fd, LTP_RED_LENGTH, one_in(2) ? below(4000) : number());
	if (one_in(8))
		set_u32(fd, LTP_BURST_LIMIT, below(4));
	if (one_in(8))
		set_u32(fd, LTP_SEGMENT_SIZE, one_in(2) ? 0 : below(2000));
	sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL |
		(one_in(4) ? MSG_MORE : 0));
}

static void app_receive(void)
{
	static u8 buf[DATAGRAM];
	int i = below(ARRAY_SIZE(rx)), n = below(20);
	struct ltp_notice notice;
	struct rx info;
	u32 len = one_in(3) ? below(2000) : sizeof(buf);

	while (n-- && recv_rx(rx[i], buf, len, MSG_DONTWAIT |
			      (one_in(6) ? MSG_PEEK : 0), &info) >= 0)
		;
	for (n = 0; n < 8 && got_notice(rx[i], &notice, 0); n++)
		;
	for (n = 0; n < 8 && got_notice(tx[i % 3], &notice, 0); n++)
		;
	switch (below(12)) {
	case 0:
		close(rx[i]);
		rx[i] = open_rx(i);
		break;
	case 1:
		set_u32(rx[i], LTP_RCVBUF, one_in(2) ? below(100000) : 1 << 20);
		break;
	case 2:
		shutdown(tx[i % 3], SHUT_WR);
		close(tx[i % 3]);
		tx[i % 3] = socket(AF_LTP, i == 1 ? SOCK_DGRAM : SOCK_RDM, 0);
		break;
	}
}

static void set_span(void)
{
	static const struct {
		u16 attr;
		u8 size;
		u64 below;
	} attrs[] = {
		{ LTP_A_SPAN_OWLT_OUT, 8, 10000000 },
		{ LTP_A_SPAN_OWLT_IN, 8, 10000000 },
		{ LTP_A_SPAN_MARGIN, 8, 50000000 },
		{ LTP_A_SPAN_MAX_RETRIES, 4, 8 },
		{ LTP_A_SPAN_SEGMENT_SIZE, 4, 3000 },
		{ LTP_A_SPAN_BURST_LIMIT, 4, 20 },
		{ LTP_A_SPAN_REORDER, 8, 20000000 },
		{ LTP_A_SPAN_REDUNDANCY, 4, 5 },
		{ LTP_A_SPAN_MAX_SESSIONS, 4, 10 },
		{ LTP_A_SPAN_MAX_INFLIGHT, 8, 100000 },
		{ LTP_A_SPAN_MAX_IMPORTS, 4, 20 },
		{ LTP_A_SPAN_MAX_PROBLEMS, 4, 5 },
		{ LTP_A_SPAN_MAX_CYCLES, 4, 5 },
		{ LTP_A_SPAN_NO_DISCRETIONARY, 1, 2 },
		{ LTP_A_SPAN_GAP_REPORTS, 1, 2 },
		{ LTP_A_SPAN_FLOWS, 4, 5 },
		{ LTP_A_SPAN_RATE, 8, 10000000 },
	};
	u32 i = below(ARRAY_SIZE(attrs));
	u64 val = below(attrs[i].below);

	if (attrs[i].attr == LTP_A_SPAN_RATE && one_in(2))
		val = UINT64_MAX;
	span_set(1, peer_id(below(PEERS)), attrs[i].attr, val, attrs[i].size);
}

static void configure(void)
{
	int peer = below(PEERS), i;
	const struct known *k;

	switch (below(14)) {
	case 0:
		span_del(1, peer_id(peer));
		peer_span(peer);
		break;
	case 1:
		if (!one_in(6))
			break;
		engine_del(1);
		engine_any(1, 1115);
		span_add(1, HONEST, 1114, UINT64_MAX);
		for (i = 0; i < PEERS; i++)
			peer_span(i);
		break;
	case 2:
	case 3:
		span_cue(1, peer_id(peer), below(4));
		break;
	case 4:
		k = &exports[below(KNOWN)];
		session_cancel(1, peer_id(k->peer), k->session, true);
		break;
	case 5:
		k = &imports[below(KNOWN)];
		session_cancel(1, peer_id(k->peer), k->session, false);
		break;
	case 6:
		span_cue(1, peer_id(peer), LTP_CUE_LOCAL_START);
		span_cue(1, peer_id(peer), LTP_CUE_REMOTE_START);
		break;
	default:
		set_span();
	}
}

static void step(int thread)
{
	switch (below(16)) {
	case 0 ... 4:
		say_segments();
		break;
	case 5 ... 7:
		say_block();
		break;
	case 8:
		say_report();
		break;
	case 9:
		say_ack();
		break;
	case 10:
		say_junk();
		break;
	case 11:
	case 12:
		app_send();
		break;
	case 13:
		app_receive();
		break;
	case 14:
		configure();
		break;
	default:
		usleep(below(4) ? 0 : below(20000));
	}
	listen_to_engine();
}

int main(int argc, char **argv)
{
	static const struct fuzzer f = {
		.name = "fuzz_wire",
		.threads = 1,
		.round = 60,
		.inputs = 60,
		.pcs = 2500,
		.begin = begin,
		.end = end,
		.step = step,
	};

	return fuzz_main(&f, argc, argv);
}
