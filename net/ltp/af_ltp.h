/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_AF_LTP_H
#define _LTP_AF_LTP_H

#include <net/ltp.h>

/**
 * struct ltp_item - something for recvmsg(): a red part, or green segments
 * @list: in ltp_sock.queue
 * @originator: engine that sent it
 * @session: its session number
 * @service: client service
 * @length: bytes of a red part
 * @pos: bytes already read
 * @flags: LTP_RX_*
 * @charge: bytes charged to the socket
 * @runs: buffers of a red part, by ltp_run.start
 * @skb: buffer of green segments
 */
struct ltp_item {
	struct list_head	list;
	u64			originator;
	u64			session;
	u64			service;
	u64			length;
	u64			pos;
	u32			flags;
	u32			charge;
	struct rb_root		runs;
	struct sk_buff		*skb;
};

extern const struct rhashtable_params ltp_bind_params;

struct sock *ltp_sock_lookup(struct ltp_net *ln, u64 engine, u64 service,
			     u64 remote, u64 number);
int ltp_sock_addr(const struct msghdr *msg, struct sockaddr_ltp *addr);

int ltp_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int ltp_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
		int flags);
ssize_t ltp_splice_read(struct socket *sock, loff_t *ppos,
			struct pipe_inode_info *pipe, size_t len,
			unsigned int flags);

bool ltp_sendmsg_writable(const struct ltp_sock *ls);
int ltp_sendmsg_shutdown(struct ltp_sock *ls);
void ltp_sendmsg_eof(struct ltp_sock *ls);
void ltp_sendmsg_release(struct ltp_sock *ls);

int ltp_sock_init(void);
void ltp_sock_exit(void);

#endif /* _LTP_AF_LTP_H */
