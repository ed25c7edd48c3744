/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_NOTICE_H
#define _LTP_NOTICE_H

#include <net/ltp.h>

int ltp_notice_export_begin(struct ltp_export *e);
void ltp_notice_post(struct ltp_export *e, u32 kind);
void ltp_notice_end(struct ltp_export *e, u32 kind, u8 reason, u32 flags);
void ltp_notice_import_begin(struct ltp_import *i);
void ltp_notice_import_end(struct ltp_import *i, u8 reason, u32 flags);
int ltp_notice_recv(struct sock *sk, struct msghdr *msg);
int ltp_notice_errno(u8 reason);

#endif /* _LTP_NOTICE_H */
