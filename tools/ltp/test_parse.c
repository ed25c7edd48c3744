// SPDX-License-Identifier: GPL-2.0
/* TAP tests of parse.c; "make check" runs them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"

struct number {
	const char *word;
	int err;
	u64 val;
	const char *back;	/* as format_*() writes it, NULL: no check */
};

static unsigned int tests, failures;

static void result(bool good, const char *what, const char *word)
{
	tests++;
	if (!good)
		failures++;
	printf("%sok %u - %s '%s'\n", good ? "" : "not ", tests, what, word);
}

static const struct number uints[] = {
	{ "0", 0, 0 },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "18446744073709551616", -ERANGE },
	{ "0xffffffffffffffff", 0, UINT64_MAX },
	{ "0x10000000000000000", -ERANGE },
	{ "0X1f", 0, 31 },
	{ "010", 0, 10 },
	{ "", -EINVAL },
	{ "0x", -EINVAL },
	{ "-1", -EINVAL },
	{ "+1", -EINVAL },
	{ " 1", -EINVAL },
	{ "1 ", -EINVAL },
	{ "1a", -EINVAL },
	{ "a", -EINVAL },
};

static const struct number times[] = {
	{ "0", 0, 0, "0s" },
	{ "0s", 0, 0, "0s" },
	{ "1.3s", 0, 1300000000, "1.3s" },
	{ "250ms", 0, 250000000, "250ms" },
	{ "10us", 0, 10000, "10us" },
	{ "1ns", 0, 1, "1ns" },
	{ "1500ns", 0, 1500, "1.5us" },
	{ "1.000000001s", 0, 1000000001, "1.000000001s" },
	{ "1.0000000010s", 0, 1000000001, "1.000000001s" },
	{ "48h", 0, 172800 * NSEC_PER_SEC, "48h" },
	{ "2d", 0, 172800 * NSEC_PER_SEC, "48h" },
	{ "1.5h", 0, 5400 * NSEC_PER_SEC, "5400s" },
	{ "22min", 0, 1320 * NSEC_PER_SEC, "1320s" },
	{ "1.05s", 0, 1050000000, "1.05s" },
	{ "999999999ns", 0, 999999999, "999.999999ms" },
	{ "18446744073.709551615s", 0, UINT64_MAX, "18446744073.709551615s" },
	{ "18446744073.709551616s", -ERANGE },
	{ "600000d", -ERANGE },
	{ "0.5ns", -EINVAL },
	{ "1.0000000001s", -EINVAL },
	{ "1", -EINVAL },
	{ "s", -EINVAL },
	{ "1.s", -EINVAL },
	{ ".5s", -EINVAL },
	{ "-1s", -EINVAL },
	{ "1m", -EINVAL },
	{ "1s ", -EINVAL },
	{ "1h30min", -EINVAL },
	{ "", -EINVAL },
};

static const struct number rates[] = {
	{ "unlimited", 0, RATE_UNLIMITED, "unlimited" },
	{ "100mbit", 0, 12500000, "100mbit" },
	{ "100Mbit", 0, 12500000, "100mbit" },
	{ "1gbit", 0, 125000000, "1gbit" },
	{ "2.5gbit", 0, 312500000, "2.5gbit" },
	{ "1tbit", 0, 125000000000, "1tbit" },
	{ "9.6kbit", 0, 1200, "9.6kbit" },
	{ "33.3kbit", 0, 4162, "33.296kbit" },
	{ "8bit", 0, 1, "8bit" },
	{ "12500000Bps", 0, 12500000, "100mbit" },
	{ "12345678Bps", 0, 12345678, "98765.424kbit" },
	{ "12.5MBps", 0, 12500000, "100mbit" },
	{ "18446744073709551614Bps", 0, UINT64_MAX - 1,
	  "18446744073709551614Bps" },
	{ "18446744073709551615Bps", -ERANGE },
	{ "20000000tbit", -ERANGE },
	{ "0mbit", -EINVAL },
	{ "7bit", -EINVAL },
	{ "100", -EINVAL },
	{ "mbit", -EINVAL },
	{ "100 mbit", -EINVAL },
	{ "100mbps", -EINVAL },
	{ "100bps", -EINVAL },
	{ "-1mbit", -EINVAL },
	{ "", -EINVAL },
};

static const struct number sizes[] = {
	{ "0", 0, 0 },
	{ "1472", 0, 1472 },
	{ "1472B", 0, 1472 },
	{ "32M", 0, 32 << 20 },
	{ "32m", 0, 32 << 20 },
	{ "32MiB", 0, 32 << 20 },
	{ "1.5K", 0, 1536 },
	{ "4G", 0, 4ULL << 30 },
	{ "1T", 0, 1ULL << 40 },
	{ "16777215.5T", 0, UINT64_MAX - (1ULL << 39) + 1 },
	{ "16777216T", -ERANGE },
	{ "0.5B", -EINVAL },
	{ "32MB", -EINVAL },
	{ "M", -EINVAL },
	{ "-1", -EINVAL },
	{ "", -EINVAL },
};

static void test_numbers(const char *what, const struct number *t, size_t n,
			 int (*parse)(const char *s, u64 *val),
			 const char *(*format)(char *buf, u64 val))
{
	char buf[FORMAT_LEN];

	for (; n--; t++) {
		u64 val = 0x5a, again = 0x5a;
		int err = parse(t->word, &val);
		bool good = err == t->err &&
			    val == (err ? 0x5a : t->val);

		result(good, what, t->word);
		if (!good)
			printf("# error %d value %llu\n", err, val);
		if (!format || !t->back)
			continue;
		good = !strcmp(format(buf, t->val), t->back) &&
		       !parse(buf, &again) && again == t->val;
		result(good, "back to", t->back);
		if (!good)
			printf("# written '%s' value %llu\n", buf,
			       again);
	}
}

static const struct {
	const char *word;
	u8 len;
	const char *back;
} addrs[] = {
	{ "10.0.0.2", 4, "10.0.0.2" },
	{ "::1", 16, "::1" },
	{ "2001:DB8::0:1", 16, "2001:db8::1" },
	{ "::ffff:10.0.0.2", 16, "::ffff:10.0.0.2" },
	{ "10.0.0", 0 },
	{ "10.0.0.256", 0 },
	{ "010.0.0.1", 0 },
	{ "fe80::1%lo", 0 },
	{ "example.org", 0 },
	{ "", 0 },
};

static void test_addrs(void)
{
	char buf[FORMAT_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		struct addr addr = { 0 };
		int err = parse_addr(addrs[i].word, &addr);

		result(addrs[i].len ? !err && addr.len == addrs[i].len &&
		       !strcmp(format_addr(buf, addr.data, addr.len),
			       addrs[i].back) : err == -EINVAL,
		       "address", addrs[i].word);
	}
	result(!strcmp(format_addr(buf, "abcde", 5), "?"), "address of",
	       "5 octets");
}

static const struct {
	const char *word;
	int err;
	u64 engine;
	u64 service;
} services[] = {
	{ "2:5", 0, 2, 5 },
	{ "5", 0, 0, 5 },
	{ "18446744073709551615:18446744073709551615", 0, UINT64_MAX,
	  UINT64_MAX },
	{ "0x10:0x20", 0, 16, 32 },
	{ "99999999999999999999:1", -ERANGE },
	{ "0:5", -EINVAL },
	{ "2:0", -EINVAL },
	{ "0", -EINVAL },
	{ "2:", -EINVAL },
	{ ":5", -EINVAL },
	{ "2:5:6", -EINVAL },
	{ "00000000000000000000000000000000000000002:5", -EINVAL },
	{ "", -EINVAL },
};

static void test_services(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		u64 engine = 0, service = 0;
		int err = parse_service(services[i].word, &engine, &service);

		result(err == services[i].err &&
		       engine == services[i].engine &&
		       service == services[i].service,
		       "service", services[i].word);
	}
}

int main(void)
{
	printf("TAP version 13\n");
	test_numbers("number", uints, ARRAY_SIZE(uints), parse_uint, NULL);
	test_numbers("time", times, ARRAY_SIZE(times), parse_time,
		     format_time);
	test_numbers("rate", rates, ARRAY_SIZE(rates), parse_rate,
		     format_rate);
	test_numbers("size", sizes, ARRAY_SIZE(sizes), parse_size, NULL);
	test_addrs();
	test_services();
	printf("1..%u\n", tests);
	return failures ? 1 : 0;
}
