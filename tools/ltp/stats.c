// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include <linux/ltp_netlink.h>

#include "field.h"
#include "print.h"
#include "stats.h"

#define COUNTER(name, attr)	{ name, LTP_A_STATS_##attr }

static const struct {
	const char *name;
	u16 attr;
} counters[] = {
	COUNTER("tx-bursts", TX_BURSTS),
	COUNTER("tx-segments", TX_SEGMENTS),
	COUNTER("tx-bytes", TX_BYTES),
	COUNTER("tx-checkpoints", TX_CHECKPOINTS),
	COUNTER("tx-reports", TX_REPORTS),
	COUNTER("tx-report-acks", TX_REPORT_ACKS),
	COUNTER("tx-cancels", TX_CANCELS),
	COUNTER("tx-cancel-acks", TX_CANCEL_ACKS),
	COUNTER("rtx-segments", RTX_SEGMENTS),
	COUNTER("rtx-bytes", RTX_BYTES),
	COUNTER("rtx-checkpoints", RTX_CHECKPOINTS),
	COUNTER("rtx-reports", RTX_REPORTS),
	COUNTER("tx-busy", TX_BUSY),
	COUNTER("tx-dropped", TX_DROPPED),
	COUNTER("rx-skbs", RX_SKBS),
	COUNTER("rx-coalesced", RX_COALESCED),
	COUNTER("rx-segments", RX_SEGMENTS),
	COUNTER("rx-bytes", RX_BYTES),
	COUNTER("rx-keepalives", RX_KEEPALIVES),
	COUNTER("rx-duplicate-bytes", RX_DUPLICATE_BYTES),
	COUNTER("rx-reports", RX_REPORTS),
	COUNTER("rx-report-acks", RX_REPORT_ACKS),
	COUNTER("rx-cancels", RX_CANCELS),
	COUNTER("rx-cancel-acks", RX_CANCEL_ACKS),
	COUNTER("blocks-sent", BLOCKS_SENT),
	COUNTER("blocks-completed", BLOCKS_COMPLETED),
	COUNTER("blocks-cancelled", BLOCKS_CANCELLED),
	COUNTER("blocks-received", BLOCKS_RECEIVED),
	COUNTER("blocks-refused", BLOCKS_REFUSED),
	COUNTER("blocks-unread", BLOCKS_UNREAD),
	COUNTER("green-received", GREEN_RECEIVED),
	COUNTER("reports-held", REPORTS_HELD),
	COUNTER("reports-delayed", REPORTS_DELAYED),
	COUNTER("gap-reports", GAP_REPORTS),
	COUNTER("tx-copies", TX_COPIES),
	COUNTER("rx-copies", RX_COPIES),
	COUNTER("limit-waits", LIMIT_WAITS),
	COUNTER("engines-learned", ENGINES_LEARNED),
	COUNTER("rx-datagrams", RX_DATAGRAMS),
	COUNTER("sndbuf-waits", SNDBUF_WAITS),
	COUNTER("limit-mem", LIMIT_MEM),
	COUNTER("limit-control", LIMIT_CONTROL),
	COUNTER("limit-problems", LIMIT_PROBLEMS),
	COUNTER("limit-answers", LIMIT_ANSWERS),
	COUNTER("limit-memories", LIMIT_MEMORIES),
	COUNTER("sessions-reaped", SESSIONS_REAPED),
	COUNTER("drop-checksum", DROP_CHECKSUM),
	COUNTER("drop-malformed", DROP_MALFORMED),
	COUNTER("drop-no-span", DROP_NO_SPAN),
	COUNTER("drop-address", DROP_ADDRESS),
	COUNTER("drop-no-service", DROP_NO_SERVICE),
	COUNTER("drop-no-session", DROP_NO_SESSION),
	COUNTER("drop-closed", DROP_CLOSED),
	COUNTER("drop-bad-report", DROP_BAD_REPORT),
	COUNTER("drop-miscolored", DROP_MISCOLORED),
	COUNTER("drop-limit", DROP_LIMIT),
	COUNTER("drop-rcvbuf", DROP_RCVBUF),
	COUNTER("drop-nomem", DROP_NOMEM),
	COUNTER("limit-held", LIMIT_HELD),
	COUNTER("limit-reports", LIMIT_REPORTS),
	COUNTER("numbers-reused", NUMBERS_REUSED),
	COUNTER("limit-segments", LIMIT_SEGMENTS),
	COUNTER("drop-buffer", DROP_BUFFER),
	COUNTER("bursts-halved", BURSTS_HALVED),
	COUNTER("limit-provoked", LIMIT_PROVOKED),
};

/* One a line; zeros only if asked for, but always in JSON. */
static void print_counters(const struct nlattr **tb, unsigned int indent)
{
	bool all = opt.json || opt.details || (opt.stats && !indent);
	const struct nlattr *attr;

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		attr = tb[counters[i].attr];
		if (!attr || (!all && !nl_uint(attr)))
			continue;
		print_newline(indent);
		print_uint(counters[i].name, counters[i].name, nl_uint(attr));
	}
}

void stats_print_nest(const struct nlattr *nest)
{
	const struct nlattr *tb[LTP_A_STATS_MAX + 1];

	if (!opt.stats || !nest)
		return;
	nl_nested(nest, tb, LTP_A_STATS_MAX);
	print_nest("stats");
	print_counters(tb, 4);
	print_nest_end();
}

static void print_stats(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LTP_A_NET_MAX + 1];
	const struct nlattr *counts[LTP_A_STATS_MAX + 1];

	(void)data;
	nl_attrs(nlh, tb, LTP_A_NET_MAX);
	if (!tb[LTP_A_NET_STATS])
		return;
	nl_nested(tb[LTP_A_NET_STATS], counts, LTP_A_STATS_MAX);
	print_object();
	print_counters(counts, 0);
	print_object_end();
}

static int show(struct args *a)
{
	static struct nl nl;
	struct nlmsghdr *req = nl_request(&nl, LTP_CMD_STATS_GET, 0);

	if (args_word(a, "engine"))
		mnl_attr_put_u64(req, LTP_A_NET_ENGINE,
				 args_uint(a, "engine", 1, UINT64_MAX));
	args_end(a);
	print_begin();
	nl_run(&nl, req, print_stats, NULL);
	print_end();
	return STATUS_OK;
}

static int help(struct args *a)
{
	(void)a;
	puts("Usage: ltp [ -s ] stats [ show [ engine ID ] ]");
	return STATUS_OK;
}

static const struct command commands[] = {
	{ "show",	show },
	{ "help",	help },
};

int stats_main(struct args *a)
{
	return command_run(commands, ARRAY_SIZE(commands), a);
}
