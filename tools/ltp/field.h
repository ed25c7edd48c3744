/* SPDX-License-Identifier: GPL-2.0 */
/* Tables that tell how attributes are written on the command line and shown. */
#ifndef FIELD_H
#define FIELD_H

#include "nl.h"
#include "tool.h"

enum field_type {
	FIELD_U8,
	FIELD_U16,
	FIELD_U32,
	FIELD_U64,
	FIELD_ADDR,
	FIELD_TIME,		/* ns */
	FIELD_AGE,		/* ns, shown in ms */
	FIELD_RATE,		/* bytes/s */
	FIELD_SEGMENT_SIZE,	/* 0 is "mtu" */
	FIELD_SIZE,		/* bytes, 0 is no limit */
	FIELD_BOOL,		/* u8, "on" or "off" */
	FIELD_ENUM,		/* index of "names" */
	FIELD_OPTIONAL,		/* u32 or u64, all ones is "none" */
	FIELD_EITHER,		/* u8, index of "names", a number in JSON */
};

/* struct field, use */
#define FIELD_KEY	0x01	/* names the object */
#define FIELD_ADD	0x02	/* may be given to add */
#define FIELD_SET	0x04	/* may be given to set */
#define FIELD_MUST	0x08	/* add needs it */
#define FIELD_SHOW	0x10	/* shown */
#define FIELD_DETAIL	0x20	/* shown with -d, and always in JSON */

/**
 * struct field - one attribute
 * @name: the attribute's name in Documentation/netlink/specs/ltp.yaml
 * @label: word before the value, if not @name
 * @attr: number
 * @also: a second attribute that the same word sets
 * @type: enum field_type
 * @use: FIELD_KEY and so on
 * @num: lowest number allowed
 * @max: highest number allowed, 0: what the type holds
 * @names: of the values of a FIELD_ENUM or FIELD_EITHER
 */
struct field {
	const char *name;
	const char *label;
	u16 attr;
	u16 also;
	u8 type;
	u8 use;
	u32 num;
	u64 max;
	const char *const *names;
};

const char *field_name(const struct field *f, u16 attr);
bool field_take(const struct field *f, unsigned int use, struct args *a,
		struct nlmsghdr *req, u64 *seen);
void field_take_all(const struct field *f, unsigned int use, struct args *a,
		    struct nlmsghdr *req, u64 *seen);
void field_print(const struct field *f, const struct nlattr **tb);

#endif /* FIELD_H */
