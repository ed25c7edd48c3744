// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

#ifndef LTP_TOOL_VERSION
#define LTP_TOOL_VERSION "unreleased"
#endif

struct options opt;

static const struct command objects[] = {
	{ "engine",	engine_main,	"local engines: add, set, del, show" },
	{ "span",	span_main,	"ways to others: add, set, del, show" },
	{ "session",	session_main,	"blocks on their way: show" },
	{ "stats",	stats_main,	"counters of the network namespace" },
	{ "send",	send_main,	"send a file as a block" },
	{ "recv",	recv_main,	"receive a block into a file" },
};

/* The first of them can stand in a batch; the others take the whole process. */
#define BATCH_OBJECTS	4

static const struct option options[] = {
	{ "json",	no_argument,	NULL, 'j' },
	{ "pretty",	no_argument,	NULL, 'p' },
	{ "statistics",	no_argument,	NULL, 's' },
	{ "details",	no_argument,	NULL, 'd' },
	{ "batch",	required_argument, NULL, 'b' },
	{ "force",	no_argument,	NULL, 'f' },
	{ "help",	no_argument,	NULL, 'h' },
	{ "Version",	no_argument,	NULL, 'V' },
	{ NULL }
};

static void usage(FILE *f)
{
	fputs("Usage: ltp [ OPTIONS ] OBJECT [ COMMAND | help ]\n"
	      "       ltp [ -f[orce] ] -b[atch] FILE\n"
	      "OPTIONS := { -j[son] | -p[retty] | -s[tatistics] | -d[etails] |\n"
	      "             -h[elp] | -V[ersion] }\n"
	      "OBJECT :=\n", f);
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		fprintf(f, "  %-10s%s\n", objects[i].name, objects[i].help);
}

static int run_line(struct args *a)
{
	return command_run(objects, BATCH_OBJECTS, a);
}

int main(int argc, char **argv)
{
	const char *batch = NULL;
	struct args a = { 0 };
	bool force = false;
	int c;

	signal(SIGPIPE, SIG_IGN);
	opterr = 0;
	while ((c = getopt_long_only(argc, argv, "+:jpsdb:fhV", options,
				     NULL)) != -1) {
		switch (c) {
		case 'j':
			opt.json = true;
			break;
		case 'p':
			opt.pretty = true;
			break;
		case 's':
			opt.stats = true;
			break;
		case 'd':
			opt.details = true;
			break;
		case 'b':
			batch = optarg;
			break;
		case 'f':
			force = true;
			break;
		case ':':
			bad("the file is missing: write -batch FILE");
		case 'h':
			usage(stdout);
			return STATUS_OK;
		case 'V':
			printf("ltp, %s\n", LTP_TOOL_VERSION);
			return STATUS_OK;
		default:
			bad("unknown option \"%s\": write -j, -p, -s, -d, -b, -f or -h",
			    argv[optind - 1]);
		}
	}
	a.argv = argv + optind;
	if (batch) {
		if (*a.argv)
			bad("nothing may follow -batch FILE, but \"%s\" does: leave it out",
			    *a.argv);
		return batch_run(batch, force, run_line);
	}
	if (!*a.argv) {
		usage(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(*a.argv, "help")) {
		usage(stdout);
		return STATUS_OK;
	}
	return command_run(objects, ARRAY_SIZE(objects), &a);
}
