// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include <linux/ltp_netlink.h>

#include "field.h"
#include "print.h"

static const char *const direction[] = { "import", "export" };

static const char *const states[] = {
	[LTP_SESSION_STATE_SENDING]	= "sending",
	[LTP_SESSION_STATE_WAITING]	= "waiting",
	[LTP_SESSION_STATE_RECEIVING]	= "receiving",
	[LTP_SESSION_STATE_DELIVERED]	= "delivered",
	[LTP_SESSION_STATE_CANCELLING]	= "cancelling",
	[LTP_SESSION_STATE_CLOSED]	= "closed",
};

static const struct field fields[] = {
	{ "engine", NULL, LTP_A_SESSION_ENGINE, .type = FIELD_U64, .num = 1,
	  .use = FIELD_KEY | FIELD_SHOW },
	{ "remote", "to", LTP_A_SESSION_REMOTE, .type = FIELD_U64, .num = 1,
	  .use = FIELD_KEY | FIELD_SHOW },
	{ "export", "", LTP_A_SESSION_EXPORT, .type = FIELD_EITHER,
	  .names = direction, .use = FIELD_SHOW },
	{ "number", NULL, LTP_A_SESSION_NUMBER, .type = FIELD_U64,
	  .use = FIELD_KEY | FIELD_SHOW },
	{ "service", NULL, LTP_A_SESSION_SERVICE, .type = FIELD_U64,
	  .use = FIELD_SHOW },
	{ "state", NULL, LTP_A_SESSION_STATE, .type = FIELD_ENUM,
	  .names = states, .max = ARRAY_SIZE(states), .use = FIELD_SHOW },
	{ "length", NULL, LTP_A_SESSION_LENGTH, .type = FIELD_U64,
	  .use = FIELD_SHOW },
	{ "red-length", NULL, LTP_A_SESSION_RED_LENGTH,
	  .type = FIELD_OPTIONAL, .use = FIELD_SHOW },
	{ "done", NULL, LTP_A_SESSION_DONE, .type = FIELD_U64,
	  .use = FIELD_SHOW },
	{ "retransmitted", NULL, LTP_A_SESSION_RETRANSMITTED,
	  .type = FIELD_U64, .use = FIELD_SHOW },
	{ "age", NULL, LTP_A_SESSION_AGE, .type = FIELD_AGE,
	  .use = FIELD_SHOW },
	{ NULL }
};

static struct nl nl = { .fields = fields };

/* Which sessions to show; 0 stands for all. */
struct filter {
	u64 engine;
	u64 remote;
};

static bool differs(u64 want, const struct nlattr *attr)
{
	return want && (!attr || nl_uint(attr) != want);
}

static void print_session(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LTP_A_SESSION_MAX + 1];
	const struct filter *filter = data;

	nl_attrs(nlh, tb, LTP_A_SESSION_MAX);
	if (differs(filter->engine, tb[LTP_A_SESSION_ENGINE]) ||
	    differs(filter->remote, tb[LTP_A_SESSION_REMOTE]))
		return;
	print_object();
	field_print(fields, tb);
	print_object_end();
}

static int show(struct args *a)
{
	struct nlmsghdr *req = nl_request(&nl, LTP_CMD_SESSION_GET, NLM_F_DUMP);
	struct filter filter = { 0 };

	while (*a->argv) {
		if (args_word(a, "engine"))
			filter.engine = args_uint(a, "engine", 1, UINT64_MAX);
		else if (args_word(a, "to"))
			filter.remote = args_uint(a, "to", 1, UINT64_MAX);
		else
			bad("%s: unknown \"%s\": write engine ID or to REMOTE",
			    a->what, *a->argv);
	}
	print_begin();
	nl_run(&nl, req, print_session, &filter);
	print_end();
	return STATUS_OK;
}

/* As show writes them: engine 1 to 2 export number 3. */
static int cancel(struct args *a)
{
	struct nlmsghdr *req = nl_request(&nl, LTP_CMD_SESSION_CANCEL, 0);
	int export = -1;
	u64 seen = 0;

	for (;;) {
		if (args_word(a, "export"))
			export = 1;
		else if (args_word(a, "import"))
			export = 0;
		else if (!field_take(fields, FIELD_KEY, a, req, &seen))
			break;
	}
	args_end(a);
	if (export < 0 || !(seen & 1ULL << LTP_A_SESSION_NUMBER))
		bad("%s: which session: write engine ID to REMOTE export number N, or import",
		    a->what);
	mnl_attr_put_u8(req, LTP_A_SESSION_EXPORT, export);
	nl_run(&nl, req, NULL, NULL);
	return STATUS_OK;
}

static int help(struct args *a)
{
	(void)a;
	puts("Usage: ltp session [ show [ engine ID ] [ to REMOTE ] ]\n"
	     "       ltp session cancel engine ID to REMOTE { export | import }\n"
	     "                          number NUMBER");
	return STATUS_OK;
}

static const struct command commands[] = {
	{ "cancel",	cancel },
	{ "show",	show },
	{ "help",	help },
};

int session_main(struct args *a)
{
	return command_run(commands, ARRAY_SIZE(commands), a);
}
