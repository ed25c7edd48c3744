// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/ltp_netlink.h>

#include "nl.h"
#include "parse.h"
#include "progress.h"
#include "sock.h"
#include "tool.h"

#define BAR_WIDTH	20

static struct nl nl;

void progress_start(struct progress *p, bool show, bool lines)
{
	p->lines = lines;
	p->began = sock_now();
	p->next = show ? p->began + NSEC_PER_SEC / 5 : NEVER;
	p->netlink = show && !nl_open(&nl);
}

static struct flight *find(struct progress *p, u64 cookie)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->flights[i].cookie == cookie)
			return &p->flights[i];
	}
	return NULL;
}

void progress_notice(struct progress *p, const struct ltp_notice *notice)
{
	struct flight *f = find(p, notice->cookie);

	if (notice->kind == LTP_NOTICE_COMPLETED)
		p->claimed += notice->length;
	if (LTP_NOTICE_BIT(notice->kind) & LTP_NOTICE_ENDS) {
		if (!f)
			return;
		p->again += f->again;
		*f = p->flights[--p->n];
		return;
	}
	if (notice->kind != LTP_NOTICE_START || p->next == NEVER)
		return;
	if (f) {
		/* Its first try found no room. */
		f->originator = notice->originator;
		f->session = notice->session;
		return;
	}
	if (p->n == p->room) {
		p->room = p->room ? 2 * p->room : 16;
		p->flights = realloc(p->flights, p->room * sizeof(*f));
		if (!p->flights)
			fail("out of memory");
	}
	p->flights[p->n++] = (struct flight) {
		.cookie = notice->cookie,
		.originator = notice->originator,
		.session = notice->session,
	};
}

static void take_session(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LTP_A_SESSION_MAX + 1];
	struct progress *p = data;
	struct flight *f;

	nl_attrs(nlh, tb, LTP_A_SESSION_MAX);
	if (!tb[LTP_A_SESSION_ENGINE] || !tb[LTP_A_SESSION_NUMBER] ||
	    !tb[LTP_A_SESSION_EXPORT] || !tb[LTP_A_SESSION_DONE] ||
	    !tb[LTP_A_SESSION_RETRANSMITTED] ||
	    !nl_uint(tb[LTP_A_SESSION_EXPORT]))
		return;
	for (f = p->flights; f < p->flights + p->n; f++) {
		if (f->originator != nl_uint(tb[LTP_A_SESSION_ENGINE]) ||
		    f->session != nl_uint(tb[LTP_A_SESSION_NUMBER]))
			continue;
		f->claimed = nl_uint(tb[LTP_A_SESSION_DONE]);
		f->again = nl_uint(tb[LTP_A_SESSION_RETRANSMITTED]);
		return;
	}
}

/* Bytes claimed and sent again so far, by whatever the kernel tells. */
static void look_up(struct progress *p, u64 *claimed, u64 *again)
{
	struct nlmsghdr *req = nl_request(&nl, LTP_CMD_SESSION_GET, NLM_F_DUMP);

	if (p->n && nl_talk(&nl, req, take_session, p))
		p->netlink = false;
	*claimed = p->claimed;
	*again = p->again;
	for (size_t i = 0; i < p->n; i++) {
		*claimed += p->flights[i].claimed;
		*again += p->flights[i].again;
	}
}

static void bar(u64 sent, u64 claimed, u64 total)
{
	char cells[BAR_WIDTH + 1];

	for (unsigned int i = 0; i < BAR_WIDTH; i++) {
		double at = (i + 1.0) / BAR_WIDTH * total;

		cells[i] = claimed >= at ? '#' : sent >= at ? '=' : ' ';
	}
	cells[BAR_WIDTH] = 0;
	fprintf(stderr, "[%s] %3.0f%% ", cells, 100.0 * claimed / total);
}

/* Shows a picture if it is time to. */
void progress_tick(struct progress *p)
{
	u64 now = sock_now(), claimed = 0, again = 0;
	double seconds = (now - p->began) / 1e9;

	if (now < p->next)
		return;
	p->next = now + (p->lines ? NSEC_PER_SEC : NSEC_PER_SEC / 5);
	if (p->netlink)
		look_up(p, &claimed, &again);
	if (!p->lines) {
		fputs("\r", stderr);
		if (p->total && p->netlink)
			bar(p->sent, claimed, p->total);
	}
	fprintf(stderr, "%llu bytes sent", p->sent);
	if (p->netlink)
		fprintf(stderr, ", %llu claimed, %llu again",
			claimed, again);
	fprintf(stderr, ", %.1f s", seconds);
	fputs(p->lines ? "\n" : "\033[K", stderr);
}

/* Before anything else is written to the terminal. */
void progress_clear(struct progress *p)
{
	if (p->next != NEVER && !p->lines)
		fputs("\r\033[K", stderr);
	p->next = NEVER;
}
