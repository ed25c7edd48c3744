/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_MEM_H
#define _LTP_MEM_H

#include <net/ltp.h>

extern struct proto ltp_proto;

int ltp_mem_init(void);
void ltp_mem_exit(void);
long *ltp_mem_limit(void);
bool ltp_mem_full(void);
bool ltp_mem_spares(long pages);
bool ltp_mem_charge(struct sock *sk, u32 bytes, int kind);
bool ltp_mem_reserve(struct sock *sk, u32 bytes);
void ltp_mem_uncharge(struct sock *sk, u32 bytes);
bool ltp_mem_control(struct ltp_import *i, u32 bytes);
void ltp_mem_control_back(struct ltp_import *i, u32 bytes);
void ltp_mem_control_read(struct ltp_import *i, u32 bytes);
bool ltp_mem_provoked(struct ltp_export *e, u32 bytes);
void ltp_mem_provoked_back(struct ltp_export *e, u32 bytes);
int ltp_mem_provoked_add(struct ltp_export *e, struct ltp_ranges *set,
			 u64 start, u64 end);
void ltp_mem_provoked_free(struct ltp_export *e, struct ltp_ranges *set);
bool ltp_mem_control_tight(const struct sock *sk);

#endif /* _LTP_MEM_H */
