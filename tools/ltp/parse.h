/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PARSE_H
#define PARSE_H

#include "base.h"

#define NSEC_PER_USEC	1000ULL
#define NSEC_PER_MSEC	1000000ULL
#define NSEC_PER_SEC	1000000000ULL

#define RATE_UNLIMITED	UINT64_MAX

/* An IPv4 or IPv6 address as netlink carries it. */
struct addr {
	u8 len;			/* 4 or 16 */
	u8 data[16];
};

/* These return 0, -EINVAL (not one) or -ERANGE (too large). */
int parse_uint(const char *s, u64 *val);
int parse_addr(const char *s, struct addr *addr);
int parse_time(const char *s, u64 *nsec);
int parse_rate(const char *s, u64 *bytes);
int parse_size(const char *s, u64 *bytes);
int parse_service(const char *s, u64 *engine, u64 *service);

/* The other way; what they write can be parsed to the same value. */
#define FORMAT_LEN	64

const char *format_addr(char *buf, const void *data, size_t len);
const char *format_time(char *buf, u64 nsec);
const char *format_rate(char *buf, u64 bytes);

#endif /* PARSE_H */
