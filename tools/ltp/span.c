// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include <linux/ltp_netlink.h>

#include "field.h"
#include "parse.h"
#include "print.h"
#include "stats.h"

#define ADD_SET		(FIELD_ADD | FIELD_SET)

static const struct field fields[] = {
	{ "engine", NULL, LTP_A_SPAN_ENGINE, .type = FIELD_U64, .num = 1,
	  .use = FIELD_KEY | ADD_SET | FIELD_SHOW },
	{ "remote", "to", LTP_A_SPAN_REMOTE, .type = FIELD_U64, .num = 1,
	  .use = FIELD_KEY | ADD_SET | FIELD_MUST | FIELD_SHOW },
	{ "addr", NULL, LTP_A_SPAN_ADDR, .type = FIELD_ADDR,
	  .use = FIELD_ADD | FIELD_MUST | FIELD_SHOW },
	{ "port", NULL, LTP_A_SPAN_PORT, .type = FIELD_U16, .num = 1,
	  .use = FIELD_ADD | FIELD_SHOW },
	{ "owlt", NULL, LTP_A_SPAN_OWLT_OUT, LTP_A_SPAN_OWLT_IN,
	  .type = FIELD_TIME, .use = ADD_SET },
	{ "owlt-out", NULL, LTP_A_SPAN_OWLT_OUT, .type = FIELD_TIME,
	  .use = ADD_SET | FIELD_SHOW },
	{ "owlt-in", NULL, LTP_A_SPAN_OWLT_IN, .type = FIELD_TIME,
	  .use = ADD_SET | FIELD_SHOW },
	{ "margin", NULL, LTP_A_SPAN_MARGIN, .type = FIELD_TIME,
	  .use = ADD_SET | FIELD_SHOW },
	{ "max-retries", NULL, LTP_A_SPAN_MAX_RETRIES, .type = FIELD_U32,
	  .num = 1, .max = 1000, .use = ADD_SET | FIELD_SHOW },
	{ "segment-size", NULL, LTP_A_SPAN_SEGMENT_SIZE,
	  .type = FIELD_SEGMENT_SIZE, .use = ADD_SET | FIELD_SHOW },
	{ "burst-limit", NULL, LTP_A_SPAN_BURST_LIMIT, .type = FIELD_U32,
	  .use = ADD_SET | FIELD_SHOW },
	{ "rate", NULL, LTP_A_SPAN_RATE, .type = FIELD_RATE,
	  .use = ADD_SET | FIELD_MUST | FIELD_SHOW },
	{ "reorder", NULL, LTP_A_SPAN_REORDER, .type = FIELD_TIME,
	  .use = ADD_SET | FIELD_SHOW },
	{ "redundancy", NULL, LTP_A_SPAN_REDUNDANCY, .type = FIELD_U32,
	  .num = 1, .max = 16, .use = ADD_SET | FIELD_SHOW },
	{ "max-sessions", NULL, LTP_A_SPAN_MAX_SESSIONS, .type = FIELD_U32,
	  .use = ADD_SET | FIELD_SHOW },
	{ "max-inflight", NULL, LTP_A_SPAN_MAX_INFLIGHT, .type = FIELD_SIZE,
	  .use = ADD_SET | FIELD_SHOW },
	{ "max-imports", NULL, LTP_A_SPAN_MAX_IMPORTS, .type = FIELD_U32,
	  .use = ADD_SET | FIELD_SHOW },
	{ "max-problems", NULL, LTP_A_SPAN_MAX_PROBLEMS, .type = FIELD_U32,
	  .use = ADD_SET | FIELD_SHOW },
	{ "max-cycles", NULL, LTP_A_SPAN_MAX_CYCLES, .type = FIELD_U32,
	  .use = ADD_SET | FIELD_SHOW },
	{ "no-discretionary", NULL, LTP_A_SPAN_NO_DISCRETIONARY,
	  .type = FIELD_BOOL, .use = ADD_SET | FIELD_SHOW },
	{ "gap-reports", NULL, LTP_A_SPAN_GAP_REPORTS, .type = FIELD_BOOL,
	  .use = ADD_SET | FIELD_SHOW },
	{ "flows", NULL, LTP_A_SPAN_FLOWS, .type = FIELD_U32, .num = 1,
	  .max = 16, .use = ADD_SET | FIELD_SHOW },
	{ "burst-adapt", NULL, LTP_A_SPAN_BURST_ADAPT, .type = FIELD_BOOL,
	  .use = ADD_SET | FIELD_SHOW },
	{ "learned", NULL, LTP_A_SPAN_LEARNED, .type = FIELD_BOOL,
	  .use = FIELD_DETAIL },
	{ "local-stopped", NULL, LTP_A_SPAN_LOCAL_STOPPED, .type = FIELD_BOOL,
	  .use = FIELD_DETAIL },
	{ "remote-stopped", NULL, LTP_A_SPAN_REMOTE_STOPPED,
	  .type = FIELD_BOOL, .use = FIELD_DETAIL },
	{ "mtu", NULL, LTP_A_SPAN_MTU, .type = FIELD_U32,
	  .use = FIELD_DETAIL },
	{ "inflight", NULL, LTP_A_SPAN_INFLIGHT, .type = FIELD_U64,
	  .use = FIELD_DETAIL },
	{ "burst-now", NULL, LTP_A_SPAN_BURST_NOW, .type = FIELD_U32,
	  .use = FIELD_DETAIL },
	{ "exports", NULL, LTP_A_SPAN_EXPORTS, .type = FIELD_U32,
	  .use = FIELD_DETAIL },
	{ "imports", NULL, LTP_A_SPAN_IMPORTS, .type = FIELD_U32,
	  .use = FIELD_DETAIL },
	{ "tx-queue", NULL, LTP_A_SPAN_TX_QUEUE, .type = FIELD_OPTIONAL,
	  .use = FIELD_DETAIL },
	{ NULL }
};

#define GIVEN(seen, attr)	((seen) & 1ULL << (attr))

static struct nl nl = { .fields = fields };

static int add(struct args *a)
{
	struct nlmsghdr *req = nl_request(&nl, LTP_CMD_SPAN_ADD, 0);
	u64 seen = 0;

	field_take_all(fields, FIELD_ADD, a, req, &seen);
	nl_run(&nl, req, NULL, NULL);
	return STATUS_OK;
}

static void need_remote(struct args *a, u64 seen)
{
	if (!GIVEN(seen, LTP_A_SPAN_REMOTE))
		bad("%s: the remote engine is missing: write to REMOTE",
		    a->what);
}

static int alter(struct args *a)
{
	struct nlmsghdr *req = nl_request(&nl, LTP_CMD_SPAN_SET, 0);
	u64 seen = 0;

	while (field_take(fields, FIELD_KEY, a, req, &seen))
		;
	need_remote(a, seen);
	if (!*a->argv)
		bad("%s: nothing to set: write rate RATE or others",
		    a->what);
	field_take_all(fields, FIELD_SET, a, req, &seen);
	nl_run(&nl, req, NULL, NULL);
	return STATUS_OK;
}

static int del(struct args *a)
{
	struct nlmsghdr *req = nl_request(&nl, LTP_CMD_SPAN_DEL, 0);
	u64 seen = 0;

	field_take_all(fields, FIELD_KEY, a, req, &seen);
	need_remote(a, seen);
	nl_run(&nl, req, NULL, NULL);
	return STATUS_OK;
}

static int tell(struct args *a)
{
	static const char *const cues[] = {
		[LTP_CUE_LOCAL_STOP]	= "local-stop",
		[LTP_CUE_LOCAL_START]	= "local-start",
		[LTP_CUE_REMOTE_STOP]	= "remote-stop",
		[LTP_CUE_REMOTE_START]	= "remote-start",
	};
	struct nlmsghdr *req = nl_request(&nl, LTP_CMD_SPAN_CUE, 0);
	static const char hint[] =
		"local-stop, local-start, remote-stop or remote-start";
	u64 seen = 0;
	size_t i;

	while (field_take(fields, FIELD_KEY, a, req, &seen))
		;
	need_remote(a, seen);
	if (!*a->argv)
		bad("%s: the cue is missing: write %s", a->what, hint);
	for (i = 0; i < ARRAY_SIZE(cues); i++)
		if (args_word(a, cues[i]))
			break;
	if (i == ARRAY_SIZE(cues))
		bad("%s: unknown \"%s\": write %s", a->what, *a->argv, hint);
	args_end(a);
	mnl_attr_put_u32(req, LTP_A_SPAN_CUE, i);
	nl_run(&nl, req, NULL, NULL);
	return STATUS_OK;
}

/* @data: the local engine to show the spans of, 0 for all. */
static void print_span(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LTP_A_SPAN_MAX + 1];
	const u64 *engine = data;

	nl_attrs(nlh, tb, LTP_A_SPAN_MAX);
	if (*engine && (!tb[LTP_A_SPAN_ENGINE] ||
			nl_uint(tb[LTP_A_SPAN_ENGINE]) != *engine))
		return;
	print_object();
	field_print(fields, tb);
	stats_print_nest(tb[LTP_A_SPAN_STATS]);
	print_object_end();
}

static int show(struct args *a)
{
	struct nlmsghdr *req = nl_request(&nl, LTP_CMD_SPAN_GET, 0);
	const struct nlattr *tb[LTP_A_SPAN_MAX + 1];
	u64 engine = 0, seen = 0;

	field_take_all(fields, FIELD_KEY, a, req, &seen);
	if (!GIVEN(seen, LTP_A_SPAN_REMOTE)) {
		nl_attrs(req, tb, LTP_A_SPAN_MAX);
		if (tb[LTP_A_SPAN_ENGINE])
			engine = nl_uint(tb[LTP_A_SPAN_ENGINE]);
		req = nl_request(&nl, LTP_CMD_SPAN_GET, NLM_F_DUMP);
	}
	print_begin();
	nl_run(&nl, req, print_span, &engine);
	print_end();
	return STATUS_OK;
}

static int help(struct args *a)
{
	(void)a;
	puts("Usage: ltp span add [ engine ID ] to REMOTE addr ADDR\n"
	     "                    [ port PORT ] rate RATE [ PARAMETERS ]\n"
	     "       ltp span set [ engine ID ] to REMOTE [ rate RATE ]\n"
	     "                    [ PARAMETERS ]\n"
	     "       ltp span del [ engine ID ] to REMOTE\n"
	     "       ltp span cue [ engine ID ] to REMOTE CUE\n"
	     "       ltp span [ show [ [ engine ID ] to REMOTE ] ]\n"
	     "PARAMETERS := [ owlt TIME | owlt-out TIME owlt-in TIME ]\n"
	     "              [ margin TIME ] [ max-retries N ]\n"
	     "              [ segment-size { N | mtu } ] [ burst-limit N ]\n"
	     "              [ burst-adapt { on | off } ]\n"
	     "              [ no-discretionary { on | off } ]\n"
	     "              [ reorder TIME ] [ redundancy N ]\n"
	     "              [ gap-reports { on | off } ]\n"
	     "              [ max-sessions N ] [ max-inflight BYTES ]\n"
	     "              [ max-imports N ] [ max-problems N ]\n"
	     "              [ max-cycles N ] [ flows N ]\n"
	     "CUE := { local-stop | local-start | remote-stop | remote-start }\n"
	     "RATE := { NUMBER{bit|kbit|mbit|gbit|tbit|Bps|kBps|MBps|GBps} |\n"
	     "          unlimited }\n"
	     "TIME := NUMBER{ns|us|ms|s|min|h|d}");
	return STATUS_OK;
}

static const struct command commands[] = {
	{ "add",	add },
	{ "set",	alter },
	{ "del",	del },
	{ "cue",	tell },
	{ "show",	show },
	{ "help",	help },
};

int span_main(struct args *a)
{
	return command_run(commands, ARRAY_SIZE(commands), a);
}
