/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_SESSION_H
#define _LTP_SESSION_H

#include <net/ltp.h>

#include "past.h"

extern const struct rhashtable_params ltp_session_params;
extern const struct rhashtable_params ltp_closed_params;

/**
 * struct ltp_closed - what is remembered of an import session that ended
 * @node: in ltp_net.closed
 * @key: its name
 * @list: in ltp_span.closed, oldest first
 * @rcu: to free it, once it is in neither
 * @span: the span, not held: it forgets its sessions before it goes
 * @expires: when it may be forgotten, ktime ns
 * @past: what else is known of it
 * @noted: @past is set
 * @delivered: its red part was delivered; else it was cancelled
 * @reason: why
 *
 * Nothing of it changes once it is in the table.
 */
struct ltp_closed {
	struct rhash_head	node;
	struct ltp_session_key	key;
	union {
		struct list_head	list;
		struct rcu_head		rcu;
	};
	struct ltp_span		*span;
	u64			expires;
	struct ltp_past		past;
	bool			noted;
	bool			delivered;
	u8			reason;
};

void ltp_session_init(struct ltp_session *s, struct ltp_span *span,
		      struct sock *sk, u64 service);
int ltp_session_insert(struct ltp_session *s, struct list_head *on_sock);
struct ltp_session *ltp_session_find(struct ltp_net *ln,
				     const struct ltp_session_key *key);
bool ltp_session_try_hold(struct ltp_session *s, const struct ltp_net *ln);
void ltp_session_put(struct ltp_session *s);
void ltp_session_close(struct ltp_session *s);
void ltp_session_cancel(struct ltp_session *s, u8 reason, bool by_peer);
void ltp_session_end_all(struct list_head *list, spinlock_t *lock,
			 bool on_span, u8 reason);

struct ltp_export *ltp_export_create(struct ltp_sock *ls,
				     struct ltp_span *span, u64 service,
				     u64 red_limit);
struct ltp_import *ltp_import_create(struct ltp_span *span, struct sock *sk,
				     const struct ltp_session_key *key,
				     u64 service);
void ltp_export_all_sent(struct ltp_export *e);
void ltp_export_check(struct ltp_export *e);

void ltp_session_signal_init(struct ltp_signal *sig, u8 type);
struct ltp_signal *ltp_session_signal(u8 type, u32 room, gfp_t gfp);
void ltp_session_signal_free(struct ltp_signal *sig);

const struct ltp_closed *ltp_session_recall(struct ltp_net *ln,
					    const struct ltp_session_key *key);
void ltp_session_refuse(struct ltp_span *span,
			const struct ltp_session_key *key, u64 service,
			u8 reason);
void ltp_session_forget(struct ltp_net *ln, const struct ltp_closed *c);
void ltp_session_forget_all(struct ltp_span *span);

int ltp_session_cache_init(void);
void ltp_session_cache_exit(void);

static inline bool ltp_session_is_export(const struct ltp_session *s)
{
	return s->key.export;
}

/* No report is on its way, or will be unless the peer asks for it. */
static inline bool ltp_import_reported(const struct ltp_import *i)
{
	return RB_EMPTY_ROOT(&i->s.signals) && !i->braked && !i->n_delayed;
}

static inline void ltp_session_hold(struct ltp_session *s)
{
	refcount_inc(&s->ref);
}

static inline void ltp_session_count(struct ltp_session *s,
				     enum ltp_mib_item item, u64 n)
{
	ltp_mib_add(s->span->engine, s->span, item, n);
}

#endif /* _LTP_SESSION_H */
