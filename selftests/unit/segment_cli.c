// SPDX-License-Identifier: GPL-2.0
/*
 * segment_cli: the codec of net/ltp for scripts.
 *
 *	segment_cli vectors		one per line: error, hex, name
 *	segment_cli parse < HEX		per line of hex: fields, or an error
 *	segment_cli build < FIELDS	per line of fields: hex
 *
 * Fields are as of struct ltp_segment, "name=value" with a decimal value, and
 * "claim=START-STOP" in the block, "payload=HEX"; those not named are 0.
 */
#include <stdio.h>

#include "codec.h"
#include "vectors.h"

#define MAX_CLAIMS	1000

static void print_claims(const struct ltp_segment *seg, const u8 *buf)
{
	const u8 *p = buf + seg->hlen;
	u64 prev_end = 0, start, stop, i;

	for (i = 0; i < seg->n_claims; i++) {
		if (ltp_segment_next_claim(&p, buf + seg->len, seg, &prev_end,
					   &start, &stop))
			exit(1);
		printf(" claim=%llu-%llu", start, stop);
	}
}

static void print_number(const char *name, u64 v)
{
	printf(" %s=%llu", name, v);
}

static void parse_line(const char *line)
{
	struct ltp_segment seg;
	u32 len, i;
	u8 *buf = unhex(line, &len);
	int err;

	if (!buf)
		exit(2);
	err = ltp_segment_parse(&seg, buf, len, len);
	if (err) {
		printf("error=%d\n", -err);
		free(buf);
		return;
	}

	printf("type=%u", seg.type);
	print_number("originator", seg.originator);
	print_number("session", seg.session);
	print_number("n_header_ext", seg.n_header_ext);
	print_number("n_trailer_ext", seg.n_trailer_ext);
	print_number("hlen", seg.hlen);
	print_number("len", seg.len);
	print_number("cp_serial", seg.cp_serial);
	print_number("rs_serial", seg.rs_serial);
	if (seg.type == LTP_SEG_CS || seg.type == LTP_SEG_CR)
		print_number("reason", seg.reason);
	if (seg.type == LTP_SEG_RS) {
		print_number("upper", seg.upper);
		print_number("lower", seg.lower);
		print_claims(&seg, buf);
	}
	if (ltp_segment_is_data(seg.type)) {
		print_number("service", seg.service);
		print_number("offset", seg.offset);
		print_number("length", seg.length);
		printf(" payload=");
		for (i = 0; i < seg.length; i++)
			printf("%02x", buf[seg.hlen + i]);
	}
	printf("\n");
	free(buf);
}

static void build_line(char *line)
{
	struct ltp_segment seg = { };
	struct claim claims[MAX_CLAIMS];
	static u8 out[1 << 17];
	char *word, *value;
	u8 *payload = NULL;
	u32 len, i;
	u64 v;

	for (word = strtok(line, " "); word; word = strtok(NULL, " ")) {
		value = strchr(word, '=');
		if (!value)
			exit(2);
		*value++ = 0;
		v = strtoull(value, NULL, 10);
		if (!strcmp(word, "type")) {
			seg.type = v;
		} else if (!strcmp(word, "originator")) {
			seg.originator = v;
		} else if (!strcmp(word, "session")) {
			seg.session = v;
		} else if (!strcmp(word, "service")) {
			seg.service = v;
		} else if (!strcmp(word, "offset")) {
			seg.offset = v;
		} else if (!strcmp(word, "cp_serial")) {
			seg.cp_serial = v;
		} else if (!strcmp(word, "rs_serial")) {
			seg.rs_serial = v;
		} else if (!strcmp(word, "upper")) {
			seg.upper = v;
		} else if (!strcmp(word, "lower")) {
			seg.lower = v;
		} else if (!strcmp(word, "reason")) {
			seg.reason = v;
		} else if (!strcmp(word, "claim")) {
			if (seg.n_claims == MAX_CLAIMS)
				exit(2);
			claims[seg.n_claims].start = v;
			value = strchr(value, '-');
			if (!value)
				exit(2);
			claims[seg.n_claims++].stop =
				strtoull(value + 1, NULL, 10);
		} else if (!strcmp(word, "payload")) {
			free(payload);
			payload = unhex(value, &len);
			if (!payload)
				exit(2);
			seg.length = len;
		} else {
			exit(2);
		}
	}
	len = build(out, sizeof(out), &seg, claims, payload);
	for (i = 0; i < len; i++)
		printf("%02x", out[i]);
	printf("\n");
	free(payload);
}

int main(int argc, char **argv)
{
	const struct vector *v;
	static char line[1 << 18];

	if (argc != 2)
		return 2;
	if (!strcmp(argv[1], "vectors")) {
		for (v = vectors; v < vectors + ARRAY_SIZE(vectors); v++)
			printf("%d\t%s\t%s\n", -v->err, v->hex, v->name);
		return 0;
	}
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (!strcmp(argv[1], "parse"))
			parse_line(line);
		else if (!strcmp(argv[1], "build"))
			build_line(line);
		else
			return 2;
	}
	return 0;
}
