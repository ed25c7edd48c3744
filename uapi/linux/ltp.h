/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * AF_LTP: sockets of the Licklider Transmission Protocol (RFC 5326).
 *
 * A SOCK_RDM socket sends red (reliable) blocks, a SOCK_DGRAM socket green
 * (unreliable) ones; one sendmsg() is one block.  ltp(7) is the manual.
 */
#ifndef _UAPI_LINUX_LTP_H
#define _UAPI_LINUX_LTP_H

#include <linux/types.h>
#include <linux/socket.h>

/* The number of a family that Linux never implemented; see ltp(7). */
#ifndef AF_LTP
#define AF_LTP			18
#endif
#ifndef PF_LTP
#define PF_LTP			AF_LTP
#endif

/* The level of this family's socket options and control messages. */
#define SOL_LTP			318

/* The UDP port IANA gave to LTP, "ltp-deepspace" (RFC 7122, section 3.3). */
#define LTP_UDP_PORT		1113

/* The engine ID that RFC 7116 reserves: "whichever" in bind(). */
#define LTP_ENGINE_ANY		0ULL

/**
 * struct sockaddr_ltp - the address of a client service of an engine
 * @sltp_family: AF_LTP
 * @sltp_flags: 0
 * @sltp_zero: 0
 * @sltp_engine: engine ID (RFC 5326, section 3.1); %LTP_ENGINE_ANY in bind()
 *	stands for every engine of the network namespace
 * @sltp_service: client service ID (RFC 5326, section 3.2.1), never 0
 */
struct sockaddr_ltp {
	__kernel_sa_family_t	sltp_family;
	__u16			sltp_flags;
	__u32			sltp_zero;
	__aligned_u64		sltp_engine;
	__aligned_u64		sltp_service;
};

/**
 * enum ltp_sockopt - socket options and control messages, level SOL_LTP
 * @LTP_RED_LENGTH: __u64, option and sendmsg() control message: how many of
 *	the block's first bytes are red; a value above the block's length
 *	means all of it.  SOCK_RDM starts with all ones, SOCK_DGRAM with 0.
 * @LTP_COOKIE: __u64, sendmsg() control message: comes back in every notice
 *	of the block
 * @LTP_NOTICES: __u32, option: mask of LTP_NOTICE_BIT() to be queued to the
 *	error queue
 * @LTP_NOTICE: struct ltp_notice, control message of recvmsg(MSG_ERRQUEUE)
 * @LTP_RXINFO: int, option: 1 has recvmsg() add a control message of the same
 *	number that carries struct ltp_rxinfo
 * @LTP_SEGMENT_SIZE: __u32, option and sendmsg() control message: bytes of
 *	one datagram's UDP payload; 0 leaves it to the span
 * @LTP_BURST_LIMIT: __u32, option and sendmsg() control message: most
 *	segments handed to the device at once; 0 leaves it to the span
 * @LTP_SNDBUF: int, option: bytes of send buffer, as SO_SNDBUF but within
 *	net.ltp.wmem on every kernel (before 6.7 SO_SNDBUF is held below
 *	net.core.wmem_max)
 * @LTP_RCVBUF: int, option: bytes of receive buffer, likewise; up to 1 GiB, and
 *	the longest red part that is received
 * @LTP_REUSEPORT: int, option: as SO_REUSEPORT, which kernels before 6.7
 *	refuse to families other than IP
 * @LTP_ZEROCOPY: int, option: as SO_ZEROCOPY, likewise: 1 has sendmsg() heed
 *	MSG_ZEROCOPY
 * @LTP_RECVERR: struct sock_extended_err, control message of
 *	recvmsg(MSG_ERRQUEUE): MSG_ZEROCOPY messages whose pages are free again
 */
enum ltp_sockopt {
	LTP_RED_LENGTH		= 1,
	LTP_COOKIE		= 2,
	LTP_NOTICES		= 3,
	LTP_NOTICE		= 4,
	LTP_RXINFO		= 5,
	LTP_SEGMENT_SIZE	= 6,
	LTP_BURST_LIMIT		= 7,
	LTP_SNDBUF		= 8,
	LTP_RCVBUF		= 9,
	LTP_REUSEPORT		= 10,
	LTP_ZEROCOPY		= 11,
	LTP_RECVERR		= 12,
};

/* Bits of ltp_rxinfo.flags */
#define LTP_RX_RED		0x1	/* a red part, else a green segment */
#define LTP_RX_EOB		0x2	/* ends the block */

/**
 * struct ltp_rxinfo - what recvmsg() tells of the data it returned
 * @originator: engine that sent the block, the first half of the session ID
 * @session: session number, the second half
 * @offset: of the first returned byte within the block
 * @length: of the whole red part, or of the green segment, in bytes
 * @flags: LTP_RX_RED, LTP_RX_EOB
 * @zero: 0
 */
struct ltp_rxinfo {
	__aligned_u64		originator;
	__aligned_u64		session;
	__aligned_u64		offset;
	__aligned_u64		length;
	__u32			flags;
	__u32			zero;
};

/**
 * enum ltp_notice_kind - the notices of RFC 5326, section 7
 * @LTP_NOTICE_START: the block has its session (7.1)
 * @LTP_NOTICE_SENT: the last original segment has left (7.7)
 * @LTP_NOTICE_COMPLETED: all red data is claimed; the end (7.4)
 * @LTP_NOTICE_CANCELLED: the block was given up; the end (7.5)
 * @LTP_NOTICE_RX_START: to a receiver: the first segment of a block came (7.1)
 * @LTP_NOTICE_RX_CANCELLED: to a receiver: the block was given up before its
 *	red part was complete, which will not be delivered (7.6)
 */
enum ltp_notice_kind {
	LTP_NOTICE_START	= 1,
	LTP_NOTICE_SENT		= 2,
	LTP_NOTICE_COMPLETED	= 3,
	LTP_NOTICE_CANCELLED	= 4,
	LTP_NOTICE_RX_START	= 5,
	LTP_NOTICE_RX_CANCELLED	= 6,
};

#define LTP_NOTICE_BIT(kind)	(1U << (kind))
#define LTP_NOTICE_ENDS		(LTP_NOTICE_BIT(LTP_NOTICE_COMPLETED) | \
				 LTP_NOTICE_BIT(LTP_NOTICE_CANCELLED))
#define LTP_NOTICE_ALL		(LTP_NOTICE_ENDS | \
				 LTP_NOTICE_BIT(LTP_NOTICE_START) | \
				 LTP_NOTICE_BIT(LTP_NOTICE_SENT) | \
				 LTP_NOTICE_BIT(LTP_NOTICE_RX_START) | \
				 LTP_NOTICE_BIT(LTP_NOTICE_RX_CANCELLED))

/**
 * enum ltp_reason - cancel reason codes (RFC 5326, section 3.2.4)
 * @LTP_REASON_USR_CNCLD: the client service cancelled
 * @LTP_REASON_UNREACH: no such client service
 * @LTP_REASON_RLEXC: a retransmission limit was exceeded
 * @LTP_REASON_MISCOLORED: red and green data overlap
 * @LTP_REASON_SYS_CNCLD: a system error, such as a full receive buffer
 * @LTP_REASON_RXMTCYCEXC: too many retransmission cycles
 */
enum ltp_reason {
	LTP_REASON_USR_CNCLD	= 0,
	LTP_REASON_UNREACH	= 1,
	LTP_REASON_RLEXC	= 2,
	LTP_REASON_MISCOLORED	= 3,
	LTP_REASON_SYS_CNCLD	= 4,
	LTP_REASON_RXMTCYCEXC	= 5,
};

/* Bits of ltp_notice.flags */
#define LTP_NOTICE_BY_PEER	0x1	/* the other engine cancelled */

/**
 * struct ltp_notice - one notice, from recvmsg(MSG_ERRQUEUE)
 * @cookie: the LTP_COOKIE of the block's first sendmsg(), else 0
 * @engine: destination engine
 * @service: destination client service
 * @originator: source engine, the first half of the session ID
 * @session: session number, the second half
 * @length: bytes of the block sent so far, or of red data received
 * @kind: enum ltp_notice_kind
 * @reason: enum ltp_reason of a cancelled block; a peer may send up to 255
 * @flags: LTP_NOTICE_BY_PEER
 * @err: errno that fits the reason, 0 of a completed block
 */
struct ltp_notice {
	__aligned_u64		cookie;
	__aligned_u64		engine;
	__aligned_u64		service;
	__aligned_u64		originator;
	__aligned_u64		session;
	__aligned_u64		length;
	__u32			kind;
	__u32			reason;
	__u32			flags;
	__u32			err;
};

#endif /* _UAPI_LINUX_LTP_H */
