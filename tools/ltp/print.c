// SPDX-License-Identifier: GPL-2.0
#include <jansson.h>
#include <stdio.h>

#include "print.h"
#include "tool.h"

static json_t *array;		/* everything */
static json_t *object;		/* being filled */
static json_t *outer;		/* around a nest */
static bool bare;		/* at the start of a line */
static unsigned int indent;

void print_begin(void)
{
	/* A command of a batch may have failed half-way. */
	json_decref(array);
	array = opt.json ? json_array() : NULL;
}

void print_end(void)
{
	size_t flags = opt.pretty ? JSON_INDENT(4) : JSON_COMPACT;

	if (opt.json) {
		json_dumpf(array, stdout, flags);
		putchar('\n');
		json_decref(array);
		array = NULL;
	}
	if (fflush(stdout))
		fail("standard output: cannot write");
}

void print_object(void)
{
	if (opt.json)
		object = json_object();
	bare = true;
	indent = 0;
}

void print_object_end(void)
{
	if (opt.json)
		json_array_append_new(array, object);
	else if (!bare)
		putchar('\n');
}

void print_nest(const char *key)
{
	if (!opt.json)
		return;
	outer = object;
	object = json_object();
	json_object_set_new(outer, key, object);
}

void print_nest_end(void)
{
	if (opt.json)
		object = outer;
}

void print_newline(unsigned int by)
{
	if (!opt.json && !bare)
		putchar('\n');
	bare = true;
	indent = by;
}

static void text(const char *label, const char *value)
{
	if (bare)
		printf("%*s", (int)indent, "");
	else
		putchar(' ');
	bare = false;
	if (*label)
		printf("%s ", label);
	fputs(value, stdout);
}

void print_uint_as(const char *key, const char *label, u64 val,
		   const char *as)
{
	char digits[24];

	if (!opt.json) {
		text(label, as);
	} else if (val <= INT64_MAX) {
		json_object_set_new(object, key, json_integer(val));
	} else {
		/* The library's integers have a sign; digits lose nothing. */
		snprintf(digits, sizeof(digits), "%llu", val);
		json_object_set_new(object, key, json_string(digits));
	}
}

void print_uint(const char *key, const char *label, u64 val)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%llu", val);
	print_uint_as(key, label, val, digits);
}

void print_string(const char *key, const char *label, const char *value)
{
	if (opt.json)
		json_object_set_new(object, key, json_string(value));
	else
		text(label, value);
}

void print_null(const char *key, const char *label, const char *as)
{
	if (opt.json)
		json_object_set_new(object, key, json_null());
	else
		text(label, as);
}

void print_bool(const char *key, const char *label, int on)
{
	if (opt.json)
		json_object_set_new(object, key, json_boolean(on));
	else
		text(label, on ? "on" : "off");
}
