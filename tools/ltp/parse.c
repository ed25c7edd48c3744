// SPDX-License-Identifier: GPL-2.0
/* Words of the command line to values and back; no kernel needed. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "parse.h"

struct unit {
	const char *name;
	u64 scale;
};

static const struct unit time_units[] = {
	{ "ns",		1 },
	{ "us",		NSEC_PER_USEC },
	{ "ms",		NSEC_PER_MSEC },
	{ "s",		NSEC_PER_SEC },
	{ "min",	60 * NSEC_PER_SEC },
	{ "h",		3600 * NSEC_PER_SEC },
	{ "d",		86400 * NSEC_PER_SEC },
	{ NULL }
};

/* In bits a second, as tc(8) writes them. */
static const struct unit bit_units[] = {
	{ "bit",	1 },
	{ "kbit",	1000ULL },
	{ "mbit",	1000000ULL },
	{ "gbit",	1000000000ULL },
	{ "tbit",	1000000000000ULL },
	{ NULL }
};

/* In bytes a second, with a capital B: tc's "bps" is easily read as bits. */
static const struct unit byte_units[] = {
	{ "Bps",	1 },
	{ "kBps",	1000ULL },
	{ "MBps",	1000000ULL },
	{ "GBps",	1000000000ULL },
	{ NULL }
};

static const struct unit size_units[] = {
	{ "",		1 },
	{ "B",		1 },
	{ "K",		1ULL << 10 },
	{ "KiB",	1ULL << 10 },
	{ "M",		1ULL << 20 },
	{ "MiB",	1ULL << 20 },
	{ "G",		1ULL << 30 },
	{ "GiB",	1ULL << 30 },
	{ "T",		1ULL << 40 },
	{ "TiB",	1ULL << 40 },
	{ NULL }
};

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return 16;
}

/* Digits of one base from *s on, at least one. */
static int take_uint(const char **s, unsigned int base, u64 *val)
{
	const char *p = *s;
	u64 v = 0;

	for (; (unsigned int)digit(*p) < base; p++) {
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, digit(*p), &v))
			return -ERANGE;
	}
	if (p == *s)
		return -EINVAL;
	*s = p;
	*val = v;
	return 0;
}

int parse_uint(const char *s, u64 *val)
{
	unsigned int base = 10;
	u64 v;
	int err;

	if (s[0] == '0' && (s[1] | 0x20) == 'x') {
		base = 16;
		s += 2;
	}
	err = take_uint(&s, base, &v);
	if (err)
		return err;
	if (*s)
		return -EINVAL;
	*val = v;
	return 0;
}

/*
 * A decimal number times the scale of the unit behind it, rounded down;
 * @exact tells whether that lost anything.
 */
static int take_scaled(const char *s, const struct unit *unit, bool *exact,
		       u64 *val)
{
	const char *frac = NULL, *end = NULL;
	u64 whole, sub = 0;
	int err;

	err = take_uint(&s, 10, &whole);
	if (err)
		return err;
	if (*s == '.') {
		frac = ++s;
		while (digit(*s) < 10)
			s++;
		if (s == frac)
			return -EINVAL;
		end = s;
	}
	while (unit->name && strcasecmp(unit->name, s))
		unit++;
	if (!unit->name)
		return -EINVAL;

	/* From the last digit on, so that rounding down nests. */
	*exact = true;
	while (end > frac) {
		sub += digit(*--end) * unit->scale;
		if (sub % 10)
			*exact = false;
		sub /= 10;
	}
	if (__builtin_mul_overflow(whole, unit->scale, &whole) ||
	    __builtin_add_overflow(whole, sub, val))
		return -ERANGE;
	return 0;
}

int parse_addr(const char *s, struct addr *addr)
{
	if (inet_pton(AF_INET, s, addr->data) == 1)
		addr->len = 4;
	else if (inet_pton(AF_INET6, s, addr->data) == 1)
		addr->len = 16;
	else
		return -EINVAL;
	return 0;
}

int parse_time(const char *s, u64 *nsec)
{
	u64 val;
	bool exact;
	int err;

	if (!strcmp(s, "0")) {
		*nsec = 0;
		return 0;
	}
	err = take_scaled(s, time_units, &exact, &val);
	if (err)
		return err;
	if (!exact)
		return -EINVAL;
	*nsec = val;
	return 0;
}

/* A bare number is refused: nobody knows whether it means bits or bytes. */
int parse_rate(const char *s, u64 *bytes)
{
	u64 val;
	bool exact;
	int err;

	if (!strcmp(s, "unlimited")) {
		*bytes = RATE_UNLIMITED;
		return 0;
	}
	err = take_scaled(s, bit_units, &exact, &val);
	if (!err)
		val /= 8;
	else if (err == -EINVAL && strstr(s, "Bps"))
		err = take_scaled(s, byte_units, &exact, &val);
	if (err)
		return err;
	if (!val)
		return -EINVAL;
	if (val == RATE_UNLIMITED)
		return -ERANGE;
	*bytes = val;
	return 0;
}

int parse_size(const char *s, u64 *bytes)
{
	u64 val;
	bool exact;
	int err;

	err = take_scaled(s, size_units, &exact, &val);
	if (err)
		return err;
	if (!exact)
		return -EINVAL;
	*bytes = val;
	return 0;
}

/* "ENGINE:SERVICE", or "SERVICE", which leaves @engine 0. */
int parse_service(const char *s, u64 *engine, u64 *service)
{
	const char *colon = strchr(s, ':');
	u64 e = 0, v;
	char head[32];
	int err;

	if (colon) {
		if (colon - s >= (ptrdiff_t)sizeof(head))
			return -EINVAL;
		memcpy(head, s, colon - s);
		head[colon - s] = 0;
		err = parse_uint(head, &e);
		if (err)
			return err;
		if (!e)
			return -EINVAL;
		s = colon + 1;
	}
	err = parse_uint(s, &v);
	if (err)
		return err;
	if (!v)
		return -EINVAL;
	*engine = e;
	*service = v;
	return 0;
}

const char *format_addr(char *buf, const void *data, size_t len)
{
	int family = len == 4 ? AF_INET : AF_INET6;

	if ((len != 4 && len != 16) ||
	    !inet_ntop(family, data, buf, FORMAT_LEN))
		snprintf(buf, FORMAT_LEN, "?");
	return buf;
}

/* @val in units of @scale, all its digits and no trailing zeros. */
static const char *format_scaled(char *buf, u64 val,
				 const struct unit *unit)
{
	u64 frac = val % unit->scale;
	int digits = 0;

	for (u64 scale = unit->scale; scale > 1; scale /= 10)
		digits++;
	for (; frac && frac % 10 == 0; frac /= 10)
		digits--;
	if (frac)
		snprintf(buf, FORMAT_LEN, "%llu.%0*llu%s",
			 val / unit->scale, digits, frac, unit->name);
	else
		snprintf(buf, FORMAT_LEN, "%llu%s", val / unit->scale,
			 unit->name);
	return buf;
}

const char *format_time(char *buf, u64 nsec)
{
	static const struct unit hour = { "h", 3600 * NSEC_PER_SEC };
	const struct unit *unit = &time_units[0];

	if (nsec && nsec % hour.scale == 0)
		return format_scaled(buf, nsec, &hour);
	while (unit->scale < NSEC_PER_SEC && (!nsec || nsec >= unit[1].scale))
		unit++;
	return format_scaled(buf, nsec, unit);
}

const char *format_rate(char *buf, u64 bytes)
{
	const struct unit *unit = &bit_units[0];
	u64 bits;

	if (bytes == RATE_UNLIMITED) {
		snprintf(buf, FORMAT_LEN, "unlimited");
		return buf;
	}
	if (__builtin_mul_overflow(bytes, 8, &bits))
		return format_scaled(buf, bytes, &byte_units[0]);
	while (unit[1].name && bits >= unit[1].scale &&
	       bits % unit->scale == 0)
		unit++;
	return format_scaled(buf, bits, unit);
}
