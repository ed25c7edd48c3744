// SPDX-License-Identifier: GPL-2.0
/* Walking along the command line, and saying what is wrong with it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "tool.h"

noreturn static void die(int status, const char *fmt, va_list ap)
{
	bool batch;

	fflush(stdout);
	fputs("ltp: ", stderr);
	batch = batch_where(stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	if (batch)
		batch_failed(status);
	exit(status);
}

void bad(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	die(STATUS_USAGE, fmt, ap);
}

void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	die(STATUS_FAILED, fmt, ap);
}

/* Whole names, or as much of one as no other begins with. */
static const struct command *find(const struct command *table, size_t n,
				  const char *name)
{
	const struct command *found = NULL;
	size_t len = strlen(name);

	for (size_t i = 0; i < n; i++) {
		if (!strcmp(table[i].name, name))
			return &table[i];
	}
	for (size_t i = 0; len && i < n; i++) {
		if (strncmp(table[i].name, name, len))
			continue;
		if (found)
			return NULL;
		found = &table[i];
	}
	return found;
}

/* "a, b or c" */
static void list(char *buf, size_t size, const struct command *table, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n && at < size; i++)
		at += snprintf(buf + at, size - at, "%s%s",
			       !i ? "" : i + 1 < n ? ", " : " or ",
			       table[i].name);
}

/* Runs the command that the next argument names, "show" if none does. */
int command_run(const struct command *table, size_t n, struct args *a)
{
	const char *name = args_next(a) ?: "show";
	const struct command *command;
	char names[128];
	size_t at;

	command = find(table, n, name);
	if (!command) {
		list(names, sizeof(names), table, n);
		bad("%s%sunknown command \"%s\": write %s", a->what,
		    *a->what ? ": " : "", name, names);
	}
	at = strlen(a->what);
	snprintf(a->what + at, sizeof(a->what) - at, "%s%s", at ? " " : "",
		 command->name);
	return command->run(a);
}

const char *args_next(struct args *a)
{
	return *a->argv ? *a->argv++ : NULL;
}

/* Takes the next argument if it is this word. */
bool args_word(struct args *a, const char *word)
{
	if (!*a->argv || strcmp(*a->argv, word))
		return false;
	a->argv++;
	return true;
}

const char *args_value(struct args *a, const char *word, const char *hint)
{
	const char *value = args_next(a);

	if (!value)
		bad("%s: %s is missing: write %s", a->what, word, hint);
	return value;
}

void args_end(struct args *a)
{
	if (*a->argv)
		bad("%s: nothing may follow, but \"%s\" does: leave it out",
		    a->what, *a->argv);
}

noreturn static void bad_value(struct args *a, const char *word,
			       const char *value, const char *hint)
{
	bad("%s: %s \"%s\" is wrong: write %s", a->what, word, value, hint);
}

u64 args_uint(struct args *a, const char *word, u64 min, u64 max)
{
	const char *value;
	char hint[80];
	u64 val;

	snprintf(hint, sizeof(hint), "a number from %llu to %llu",
		 min, max);
	value = args_value(a, word, hint);
	if (parse_uint(value, &val) || val < min || val > max)
		bad_value(a, word, value, hint);
	return val;
}

u64 args_time(struct args *a, const char *word)
{
	static const char hint[] = "a time, such as 1.3s, 250ms, 10us or 48h";
	const char *value = args_value(a, word, hint);
	u64 val;

	if (parse_time(value, &val))
		bad_value(a, word, value, hint);
	return val;
}

u64 args_rate(struct args *a, const char *word)
{
	static const char hint[] =
		"a rate, such as 100mbit, 12500000Bps or unlimited";
	const char *value = args_value(a, word, hint);
	u64 val;

	if (parse_rate(value, &val))
		bad_value(a, word, value, hint);
	return val;
}

u64 args_size(struct args *a, const char *word, u64 max)
{
	const char *value;
	char hint[80];
	u64 val;

	snprintf(hint, sizeof(hint),
		 "bytes, such as 1472 or 32M, from 1 to %llu", max);
	value = args_value(a, word, hint);
	if (parse_size(value, &val) || !val || val > max)
		bad_value(a, word, value, hint);
	return val;
}

u64 args_limit(struct args *a, const char *word)
{
	static const char hint[] = "bytes, such as 32M, or 0 for no limit";
	const char *value = args_value(a, word, hint);
	u64 val;

	if (parse_size(value, &val))
		bad_value(a, word, value, hint);
	return val;
}

u32 args_segment_size(struct args *a, const char *word)
{
	static const char hint[] = "mtu or bytes from 128 to 65507";
	const char *value = args_value(a, word, hint);
	u64 val = 0;

	if (strcmp(value, "mtu") &&
	    (parse_uint(value, &val) || val < 128 || val > 65507))
		bad_value(a, word, value, hint);
	return val;
}

bool args_bool(struct args *a, const char *word)
{
	static const char hint[] = "on or off";
	const char *value = args_value(a, word, hint);

	if (strcmp(value, "on") && strcmp(value, "off"))
		bad_value(a, word, value, hint);
	return !strcmp(value, "on");
}
