/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Test vectors: made by an encoder that has nothing in common with the module,
 * the SDNVs derived by hand as well, most segments read back by Scapy and
 * Wireshark.  test_oracle.py gets them through "segment_cli vectors".
 */
#ifndef _UNIT_VECTORS_H
#define _UNIT_VECTORS_H

#include <linux/errno.h>

#include "codec.h"

static const struct {
	u64		value;
	const char	*hex;
} sdnv_vectors[] = {
	{ 0x0,			"00" },
	{ 0x1,			"01" },
	{ 0x7f,			"7f" },
	{ 0x80,			"81 00" },
	{ 0xabc,		"95 3c" },
	{ 0x1234,		"a4 34" },
	{ 0x4234,		"81 84 34" },
	{ 0x3fff,		"ff 7f" },
	{ 0x4000,		"81 80 00" },
	{ 0xabcde,		"aa f9 5e" },
	{ 0x1fffff,		"ff ff 7f" },
	{ 0x200000,		"81 80 80 00" },
	{ 0xffffffff,		"8f ff ff ff 7f" },
	{ 0x8000000000000000,	"81 80 80 80 80 80 80 80 80 00" },
	{ 0xffffffffffffffff,	"81 ff ff ff ff ff ff ff ff 7f" },
};

/* How a vector differs from what the builders write. */
enum vector_form {
	MINIMAL,
	PADDED,
	EXTENDED,
};

/*
 * .err: what parsing gives; the fields count only if it is 0.  .form: whether
 * building the fields gives the octets.
 */
static const struct vector {
	const char		*name;
	const char		*hex;
	int			err;
	enum vector_form	form;
	struct ltp_segment	seg;
	struct claim		claims[2];
} vectors[] = {
	{
		.name = "S1 red CP|EORP|EOB, client 1, 5 octets",
		.hex = "03 04 01 00 01 00 05 a4 34 00 68 65 6c 6c 6f",
		.seg = {
			.type = 3, .originator = 4, .session = 1,
			.service = 1, .offset = 0, .length = 5,
			.cp_serial = 0x1234, .plen = 5, .hlen = 10, .len = 15,
		},
	}, {
		.name = "S2 red mid-block, 3-octet engine, 5-octet session",
		.hex = "00 aa f9 5e 8f ff ff ff 7f 00 01 81 00 03 61 62 63",
		.seg = {
			.type = 0, .originator = 0xabcde, .session = 0xffffffff,
			.service = 1, .offset = 128, .length = 3,
			.plen = 11, .hlen = 14, .len = 17,
		},
	}, {
		.name = "S3 red discretionary CP answering RS 127",
		.hex = "01 04 01 00 01 87 68 04 a4 35 7f 41 42 43 44",
		.seg = {
			.type = 1, .originator = 4, .session = 1,
			.service = 1, .offset = 1000, .length = 4,
			.cp_serial = 0x1235, .rs_serial = 127,
			.plen = 5, .hlen = 11, .len = 15,
		},
	}, {
		.name = "S4 green EOB",
		.hex = "07 04 01 00 01 05 04 74 61 69 6c",
		.seg = {
			.type = 7, .originator = 4, .session = 1,
			.service = 1, .offset = 5, .length = 4,
			.plen = 5, .hlen = 7, .len = 11,
		},
	}, {
		.name = "S5 report, the example of RFC 5326, section 3.2.2",
		.hex = "08 04 01 00 7f a4 34 ae 70 87 68 02 00 8f 50 97 38 83 74",
		.seg = {
			.type = 8, .originator = 4, .session = 1,
			.rs_serial = 127, .cp_serial = 0x1234,
			.upper = 6000, .lower = 1000, .n_claims = 2,
			.hlen = 12, .len = 19,
		},
		.claims = { { 1000, 3000 }, { 4000, 4500 } },
	}, {
		.name = "S6 report-acknowledgment",
		.hex = "09 04 01 00 7f",
		.seg = {
			.type = 9, .originator = 4, .session = 1,
			.rs_serial = 127, .hlen = 5, .len = 5,
		},
	}, {
		.name = "S7 cancel by sender, RLEXC",
		.hex = "0c 04 01 00 02",
		.seg = {
			.type = 12, .originator = 4, .session = 1,
			.reason = 2, .hlen = 5, .len = 5,
		},
	}, {
		.name = "S8 cancel-acknowledgment to sender",
		.hex = "0d 04 01 00",
		.seg = {
			.type = 13, .originator = 4, .session = 1,
			.hlen = 4, .len = 4,
		},
	}, {
		.name = "S9 cancel by receiver, MISCOLORED",
		.hex = "0e 04 01 00 03",
		.seg = {
			.type = 14, .originator = 4, .session = 1,
			.reason = 3, .hlen = 5, .len = 5,
		},
	}, {
		.name = "S10 cancel-acknowledgment to receiver",
		.hex = "0f 04 01 00",
		.seg = {
			.type = 15, .originator = 4, .session = 1,
			.hlen = 4, .len = 4,
		},
	}, {
		.name = "S11 S1 and authentication, NULL ciphersuite",
		.hex = "030401110001ff010005a4340068656c6c6f000ad3cc7e8712eaa0c8b291",
		.form = EXTENDED,
		.seg = {
			.type = 3, .n_header_ext = 1, .n_trailer_ext = 1,
			.originator = 4, .session = 1,
			.service = 1, .offset = 0, .length = 5,
			.cp_serial = 0x1234, .plen = 8, .hlen = 13, .len = 30,
		},
	}, {
		.name = "S12 report-acknowledgment and cookie",
		.hex = "09 04 01 10 01 04 de ad be ef 7f",
		.form = EXTENDED,
		.seg = {
			.type = 9, .n_header_ext = 1,
			.originator = 4, .session = 1,
			.rs_serial = 127, .hlen = 11, .len = 11,
		},
	}, {
		.name = "S13 asynchronous report, 1 claim",
		.hex = "08 04 01 00 81 00 00 81 48 00 01 00 81 00",
		.seg = {
			.type = 8, .originator = 4, .session = 1,
			.rs_serial = 128, .cp_serial = 0,
			.upper = 200, .lower = 0, .n_claims = 1,
			.hlen = 11, .len = 14,
		},
		.claims = { { 0, 128 } },
	}, {
		.name = "S14 64-bit session and serial",
		.hex = "030481ffffffffffffffff7f0001000281ffffffffffffffff7f006869",
		.seg = {
			.type = 3, .originator = 4, .session = ~0ULL,
			.service = 1, .offset = 0, .length = 2,
			.cp_serial = ~0ULL, .plen = 14, .hlen = 27, .len = 29,
		},
	}, {
		.name = "S15b second of two segments in a datagram",
		.hex = "03 04 02 00 01 00 05 01 00 68 65 6c 6c 6f",
		.seg = {
			.type = 3, .originator = 4, .session = 2,
			.service = 1, .offset = 0, .length = 5,
			.cp_serial = 1, .plen = 5, .hlen = 9, .len = 14,
		},
	}, {
		.name = "S16 keep-alive of RFC 7122, no segment",
		.hex = "00 00 00 00",
		.err = -EBADMSG,
	}, {
		.name = "S17 undefined type 5",
		.hex = "05 04 01 00 01 00 02 7a 7a",
		.err = -EBADMSG,
	}, {
		.name = "S18 undefined type 10",
		.hex = "0a 04 01 00",
		.err = -EBADMSG,
	}, {
		.name = "S19 version 1",
		.hex = "13 04 01 00 01 00 05 a4 34 00 68 65 6c 6c 6f",
		.err = -EPROTONOSUPPORT,
	}, {
		.name = "S20 padded session number",
		.hex = "03 04 80 01 00 01 00 05 a4 34 00 68 65 6c 6c 6f",
		.form = PADDED,
		.seg = {
			.type = 3, .originator = 4, .session = 1,
			.service = 1, .offset = 0, .length = 5,
			.cp_serial = 0x1234, .plen = 6, .hlen = 11, .len = 16,
		},
	}, {
		.name = "S21 block of client service 2, two service data units",
		.hex = "03 04 03 00 02 00 0a 09 00 01 41 41 41 41 01 42 42 42 42",
		.seg = {
			.type = 3, .originator = 4, .session = 3,
			.service = 2, .offset = 0, .length = 10,
			.cp_serial = 9, .plen = 5, .hlen = 9, .len = 19,
		},
	}, {
		.name = "S22 report-acknowledgment of serial 0",
		.hex = "09 04 01 00 00",
		.err = -EBADMSG,
	},
};

/* Two segments in one datagram. */
#define VECTOR_S15	"09 04 01 00 7f 03 04 02 00 01 00 05 01 00 68 65 6c 6c 6f"

#endif /* _UNIT_VECTORS_H */
