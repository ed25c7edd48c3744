// SPDX-License-Identifier: GPL-2.0
/* Commands from a file, one a line, in one process. */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define WORDS_MAX	128

/* Where errors are, and where they lead; used by one line at a time. */
static const char *name;
static unsigned long line;
static jmp_buf failed;

/*
 * Splits a line at blanks, in place.  Quotes keep blanks together; what stands
 * behind a # that begins a word is a comment.
 */
static void split(char *s, char **words)
{
	size_t n = 0;
	char *to, quote;

	for (;;) {
		s += strspn(s, " \t\n");
		if (!*s || *s == '#')
			break;
		if (n == WORDS_MAX - 1)
			bad("more than %d words", WORDS_MAX - 1);
		words[n++] = s;
		for (to = s, quote = 0; *s; s++) {
			if (!quote && strchr(" \t\n", *s))
				break;
			if (*s == quote)
				quote = 0;
			else if (!quote && (*s == '"' || *s == '\''))
				quote = *s;
			else
				*to++ = *s;
		}
		if (quote)
			bad("a %c is missing", quote);
		if (*s)
			s++;
		*to = 0;
	}
	words[n] = NULL;
}

/* One line; a backslash at its end joins the next. */
static bool read_line(FILE *f, char **buf, size_t *size, unsigned long *lines)
{
	char *more = NULL;
	size_t room = 0;
	ssize_t len, n;

	len = getline(buf, size, f);
	if (len < 0)
		return false;
	line += *lines;
	*lines = 1;
	while (len >= 2 && !strcmp(*buf + len - 2, "\\\n")) {
		n = getline(&more, &room, f);
		if (n < 0)
			n = 0;
		len -= 2;
		if (*size < (size_t)(len + n + 1)) {
			*size = len + n + 1;
			*buf = realloc(*buf, *size);
			if (!*buf)
				abort();
		}
		memcpy(*buf + len, n ? more : "", n + 1);
		len += n;
		++*lines;
	}
	free(more);
	return true;
}

static int run_line(char *text, int (*run)(struct args *a))
{
	char *words[WORDS_MAX];
	struct args a = { .argv = words };
	int status;

	/* bad() and fail() come back here. */
	status = setjmp(failed);
	if (status)
		return status;
	split(text, words);
	return *words ? run(&a) : STATUS_OK;
}

/* Says where an error is, and goes on with the next line. */
bool batch_where(FILE *f)
{
	if (!name)
		return false;
	fprintf(f, "%s:%lu: ", name, line);
	return true;
}

noreturn void batch_failed(int status)
{
	longjmp(failed, status);
}

/*
 * Runs each line of @file, "-" for standard input, with @run.  Ends with the
 * first that fails, unless @force; returns the status of the first that did.
 */
int batch_run(const char *file, bool force, int (*run)(struct args *a))
{
	FILE *f = strcmp(file, "-") ? fopen(file, "r") : stdin;
	int status = STATUS_OK, got;
	unsigned long lines = 1;
	char *buf = NULL;
	size_t size = 0;

	if (!f)
		fail("%s: %s", file, strerror(errno));
	name = file;
	line = 0;
	while (read_line(f, &buf, &size, &lines)) {
		got = run_line(buf, run);
		if (!status)
			status = got;
		if (got && !force)
			break;
	}
	name = NULL;
	if (ferror(f))
		fail("%s: %s", file, strerror(errno));
	free(buf);
	if (f != stdin)
		fclose(f);
	return status;
}
