// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "field.h"
#include "parse.h"
#include "print.h"

static const char *label(const struct field *f)
{
	return f->label ?: f->name;
}

const char *field_name(const struct field *f, u16 attr)
{
	for (; f && f->name; f++) {
		if (f->attr == attr && !f->also)
			return *label(f) ? label(f) : f->name;
	}
	return NULL;
}

static void put_value(const struct field *f, struct args *a,
		      struct nlmsghdr *req)
{
	static const char addr_hint[] = "an IPv4 or IPv6 address";
	const char *word = *label(f) ? label(f) : f->name;
	struct addr addr;
	u64 val = 0;
	const char *s;

	switch (f->type) {
	case FIELD_U16:
		val = args_uint(a, word, f->num, f->max ?: UINT16_MAX);
		mnl_attr_put_u16(req, f->attr, val);
		return;
	case FIELD_U32:
		val = args_uint(a, word, f->num, f->max ?: UINT32_MAX);
		mnl_attr_put_u32(req, f->attr, val);
		return;
	case FIELD_SEGMENT_SIZE:
		mnl_attr_put_u32(req, f->attr, args_segment_size(a, word));
		return;
	case FIELD_BOOL:
		mnl_attr_put_u8(req, f->attr, args_bool(a, word));
		return;
	case FIELD_ADDR:
		s = args_value(a, word, addr_hint);
		if (parse_addr(s, &addr))
			bad("%s: %s \"%s\" is wrong: write %s", a->what, word,
			    s, addr_hint);
		mnl_attr_put(req, f->attr, addr.len, addr.data);
		return;
	case FIELD_TIME:
		val = args_time(a, word);
		break;
	case FIELD_RATE:
		val = args_rate(a, word);
		break;
	case FIELD_SIZE:
		val = args_limit(a, word);
		break;
	default:
		val = args_uint(a, word, f->num, f->max ?: UINT64_MAX);
		break;
	}
	mnl_attr_put_u64(req, f->attr, val);
	if (f->also)
		mnl_attr_put_u64(req, f->also, val);
}

/* Takes one word and its value into the request, if it is one of @use. */
bool field_take(const struct field *f, unsigned int use, struct args *a,
		struct nlmsghdr *req, u64 *seen)
{
	u64 bits;

	for (; f->name; f++) {
		if (!(f->use & use) || !args_word(a, label(f)))
			continue;
		bits = 1ULL << f->attr;
		if (f->also)
			bits |= 1ULL << f->also;
		if (*seen & bits)
			bad("%s: %s was given before: write it once", a->what,
			    label(f));
		*seen |= bits;
		put_value(f, a, req);
		return true;
	}
	return false;
}

/* "a, b or c" of the words that may be given. */
static void list(char *buf, size_t size, const struct field *f,
		 unsigned int use)
{
	const char *last = NULL;
	size_t at = 0;

	buf[0] = 0;
	for (; f->name; f++) {
		if (!(f->use & use) || !*label(f))
			continue;
		if (last && at < size)
			at += snprintf(buf + at, size - at, "%s%s",
				       at ? ", " : "", last);
		last = label(f);
	}
	if (last && at < size)
		snprintf(buf + at, size - at, "%s%s", at ? " or " : "", last);
}

/* Takes all that is left of the command line. */
void field_take_all(const struct field *f, unsigned int use, struct args *a,
		    struct nlmsghdr *req, u64 *seen)
{
	char words[256];

	while (*a->argv) {
		if (field_take(f, use, a, req, seen))
			continue;
		list(words, sizeof(words), f, use);
		if (!*words)
			args_end(a);
		bad("%s: unknown \"%s\": write %s", a->what, *a->argv, words);
	}
	for (; (use & FIELD_ADD) && f->name; f++) {
		if ((f->use & FIELD_MUST) && !(*seen & 1ULL << f->attr))
			bad("%s: %s is missing: write it out%s", a->what,
			    label(f), f->type == FIELD_RATE ?
			    ", as in rate 100mbit or rate unlimited" : "");
	}
}

static void print_value(const struct field *f, const struct nlattr *attr)
{
	u64 val = nl_uint(attr);
	char buf[FORMAT_LEN];

	switch (f->type) {
	case FIELD_ADDR:
		format_addr(buf, mnl_attr_get_payload(attr),
			    mnl_attr_get_payload_len(attr));
		print_string(f->name, label(f), buf);
		break;
	case FIELD_TIME:
		print_uint_as(f->name, label(f), val, format_time(buf, val));
		break;
	case FIELD_AGE:
		format_time(buf, val - val % NSEC_PER_MSEC);
		print_uint_as(f->name, label(f), val, buf);
		break;
	case FIELD_RATE:
		format_rate(buf, val);
		if (val == RATE_UNLIMITED)
			print_string(f->name, label(f), buf);
		else
			print_uint_as(f->name, label(f), val, buf);
		break;
	case FIELD_SEGMENT_SIZE:
		snprintf(buf, sizeof(buf), "%llu", val);
		print_uint_as(f->name, label(f), val, val ? buf : "mtu");
		break;
	case FIELD_BOOL:
		print_bool(f->name, label(f), val);
		break;
	case FIELD_ENUM:
		snprintf(buf, sizeof(buf), "%llu", val);
		print_string(f->name, label(f),
			     val < f->max ? f->names[val] : buf);
		break;
	case FIELD_EITHER:
		print_uint_as(f->name, label(f), val, f->names[!!val]);
		break;
	case FIELD_OPTIONAL:
		if (val == (mnl_attr_get_payload_len(attr) == 4 ? UINT32_MAX :
							    UINT64_MAX))
			print_null(f->name, label(f), "none");
		else
			print_uint(f->name, label(f), val);
		break;
	default:
		print_uint(f->name, label(f), val);
		break;
	}
}

/* What -d adds stands on a line of its own: the first can be fed back. */
void field_print(const struct field *f, const struct nlattr **tb)
{
	const struct field *first = f;

	for (; f->name; f++) {
		if ((f->use & FIELD_SHOW) && tb[f->attr])
			print_value(f, tb[f->attr]);
	}
	if (!opt.json && !opt.details)
		return;
	print_newline(4);
	for (f = first; f->name; f++) {
		if ((f->use & FIELD_DETAIL) && tb[f->attr])
			print_value(f, tb[f->attr]);
	}
}
