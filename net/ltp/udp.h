/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_UDP_H
#define _LTP_UDP_H

#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/udp.h>
#include <net/ltp.h>

/* Room a buffer needs in front for the headers below LTP. */
#define LTP_UDP_HEADROOM	(LL_MAX_HEADER + sizeof(struct ipv6hdr) + \
				 sizeof(struct udphdr))

struct ltp_carrier *ltp_udp_listen(struct ltp_engine *engine, u16 family);
struct ltp_carrier *ltp_udp_flow(struct ltp_span *span, bool own_port,
				 struct netlink_ext_ack *extack);
void ltp_udp_mute(struct ltp_carrier *c);
void ltp_udp_free(struct ltp_carrier *c);
void ltp_udp_close(struct ltp_carrier **carriers, int n);
int ltp_udp_xmit(struct ltp_carrier *c, struct sk_buff *skb, u32 stride);
bool ltp_udp_holds(const struct ltp_carrier *c);
bool ltp_udp_writeable(const struct ltp_carrier *c);
void ltp_udp_wake_when_writeable(struct ltp_carrier *c);
u32 ltp_udp_mtu(struct ltp_carrier *c);
u32 ltp_udp_payload_max(struct ltp_carrier *c);
u32 ltp_udp_burst_max(const struct ltp_carrier *c);
u32 ltp_udp_tx_queue(const struct ltp_carrier *c);
u16 ltp_udp_port(const struct ltp_carrier *c);
void ltp_udp_steer(struct ltp_carrier *c, const struct sk_buff *skb);

#endif /* _LTP_UDP_H */
