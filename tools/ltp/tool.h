/* SPDX-License-Identifier: GPL-2.0 */
/* What every file of the tool shares: options, exit codes, arguments. */
#ifndef TOOL_H
#define TOOL_H

#include <stdio.h>
#include <stdnoreturn.h>

#include "base.h"

#ifndef __printf
#define __printf(f, v)	__attribute((__format__(__printf__, f, v)))
#endif

/* ltp(8), EXIT STATUS */
enum {
	STATUS_OK	= 0,
	STATUS_FAILED	= 1,
	STATUS_USAGE	= 2,
	STATUS_TIMEOUT	= 3,
};

struct options {
	bool json;
	bool pretty;
	bool stats;
	bool details;
};

extern struct options opt;

#define NO_MODULE	"AF_LTP is not available: load the ltp module"

/**
 * struct args - what is left of the command line
 * @argv: next argument, NULL at the end
 * @what: command that takes them, for messages
 */
struct args {
	char **argv;
	char what[32];
};

struct command {
	const char *name;
	int (*run)(struct args *a);
	const char *help;
};

/*
 * One line on stderr, then the exit status of bad arguments or of a failure; in
 * a batch the next line.
 */
noreturn __printf(1, 2) void bad(const char *fmt, ...);
noreturn __printf(1, 2) void fail(const char *fmt, ...);

int command_run(const struct command *table, size_t n, struct args *a);

const char *args_next(struct args *a);
bool args_word(struct args *a, const char *word);
const char *args_value(struct args *a, const char *word, const char *hint);
void args_end(struct args *a);

u64 args_uint(struct args *a, const char *word, u64 min, u64 max);
u64 args_time(struct args *a, const char *word);
u64 args_rate(struct args *a, const char *word);
u64 args_size(struct args *a, const char *word, u64 max);
u64 args_limit(struct args *a, const char *word);
u32 args_segment_size(struct args *a, const char *word);
bool args_bool(struct args *a, const char *word);

/* Commands from a file. */
int batch_run(const char *file, bool force, int (*run)(struct args *a));
bool batch_where(FILE *f);
noreturn void batch_failed(int status);

int engine_main(struct args *a);
int span_main(struct args *a);
int session_main(struct args *a);
int stats_main(struct args *a);
int send_main(struct args *a);
int recv_main(struct args *a);

#endif /* TOOL_H */
