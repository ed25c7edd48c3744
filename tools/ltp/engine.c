// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include <linux/ltp_netlink.h>

#include "field.h"
#include "print.h"
#include "stats.h"

static const struct field fields[] = {
	{ "id", "", LTP_A_ENGINE_ID, .type = FIELD_U64, .num = 1,
	  .use = FIELD_KEY | FIELD_SHOW },
	{ "local", NULL, LTP_A_ENGINE_LOCAL, .type = FIELD_ADDR,
	  .use = FIELD_ADD | FIELD_SHOW },
	{ "port", NULL, LTP_A_ENGINE_PORT, .type = FIELD_U16, .num = 1,
	  .use = FIELD_ADD | FIELD_SHOW },
	{ "max-imports", NULL, LTP_A_ENGINE_MAX_IMPORTS, .type = FIELD_U32,
	  .num = 1, .use = FIELD_ADD | FIELD_SET | FIELD_SHOW },
	{ "imports", NULL, LTP_A_ENGINE_IMPORTS, .type = FIELD_U32,
	  .use = FIELD_DETAIL },
	{ NULL }
};

static struct nl nl = { .fields = fields };

static void put_id(struct args *a, struct nlmsghdr *req)
{
	mnl_attr_put_u64(req, LTP_A_ENGINE_ID,
			 args_uint(a, "ID", 1, UINT64_MAX));
}

static int change(struct args *a, u8 cmd, unsigned int use)
{
	struct nlmsghdr *req = nl_request(&nl, cmd, 0);
	u64 seen = 0;

	put_id(a, req);
	field_take_all(fields, use, a, req, &seen);
	if (use == FIELD_SET && !seen)
		bad("%s: nothing to set: write max-imports N", a->what);
	nl_run(&nl, req, NULL, NULL);
	return STATUS_OK;
}

static int add(struct args *a)
{
	return change(a, LTP_CMD_ENGINE_ADD, FIELD_ADD);
}

static int set(struct args *a)
{
	return change(a, LTP_CMD_ENGINE_SET, FIELD_SET);
}

static int del(struct args *a)
{
	return change(a, LTP_CMD_ENGINE_DEL, 0);
}

static void print_engine(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LTP_A_ENGINE_MAX + 1];

	(void)data;
	nl_attrs(nlh, tb, LTP_A_ENGINE_MAX);
	print_object();
	field_print(fields, tb);
	stats_print_nest(tb[LTP_A_ENGINE_STATS]);
	print_object_end();
}

static int show(struct args *a)
{
	struct nlmsghdr *req = nl_request(&nl, LTP_CMD_ENGINE_GET, 0);

	if (*a->argv)
		put_id(a, req);
	else
		req->nlmsg_flags |= NLM_F_DUMP;
	args_end(a);
	print_begin();
	nl_run(&nl, req, print_engine, NULL);
	print_end();
	return STATUS_OK;
}

static int help(struct args *a)
{
	(void)a;
	puts("Usage: ltp engine add ID [ local ADDR ] [ port PORT ]\n"
	     "                      [ max-imports N ]\n"
	     "       ltp engine set ID [ max-imports N ]\n"
	     "       ltp engine del ID\n"
	     "       ltp engine [ show [ ID ] ]");
	return STATUS_OK;
}

static const struct command commands[] = {
	{ "add",	add },
	{ "set",	set },
	{ "del",	del },
	{ "show",	show },
	{ "help",	help },
};

int engine_main(struct args *a)
{
	return command_run(commands, ARRAY_SIZE(commands), a);
}
