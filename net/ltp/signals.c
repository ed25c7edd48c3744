// SPDX-License-Identifier: GPL-2.0
/* Checkpoints, reports and cancel segments that await an answer. */
#include <linux/slab.h>

#include "mem.h"
#include "session.h"
#include "signals.h"

static struct ltp_signal *by_serial(struct rb_node *node)
{
	return rb_entry_safe(node, struct ltp_signal, by_serial);
}

static struct ltp_signal *by_checkpoint(struct rb_node *node)
{
	return rb_entry_safe(node, struct ltp_signal, by_checkpoint);
}

static bool due_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ltp_signal, by_due)->due <
	       rb_entry(b, struct ltp_signal, by_due)->due;
}

static bool serial_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ltp_signal, by_serial)->serial <
	       rb_entry(b, struct ltp_signal, by_serial)->serial;
}

static bool answers_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ltp_signal, by_checkpoint)->ref <
	       rb_entry(b, struct ltp_signal, by_checkpoint)->ref;
}

/**
 * ltp_signal_add() - a signal is to leave, and to be answered
 * @s: its session
 * @sig: the signal, complete
 */
void ltp_signal_add(struct ltp_session *s, struct ltp_signal *sig)
{
	rb_add(&sig->by_serial, &s->signals, serial_before);
	if (sig->type == LTP_SEG_RS)
		rb_add(&sig->by_checkpoint, &ltp_import(s)->reports,
		       answers_before);
	sig->running = false;
	list_add_tail(&sig->on_unsent, &s->unsent);
}

/* Takes a signal out of where it waits: to leave, or to be answered. */
static void wait_ends(struct ltp_session *s, struct ltp_signal *sig)
{
	if (sig->running)
		rb_erase_cached(&sig->by_due, &s->running);
	else
		list_del(&sig->on_unsent);
}

/**
 * ltp_signal_rerun() - the timer of a signal goes on, with another deadline
 * @s: its session
 * @sig: the signal, which the caller took out of ltp_session.running
 * @due: as for ltp_signal_run()
 */
void ltp_signal_rerun(struct ltp_session *s, struct ltp_signal *sig, u64 due)
{
	sig->running = true;
	sig->due = due;
	rb_add_cached(&sig->by_due, &s->running, due_before);
}

/**
 * ltp_signal_run() - the timer of a signal runs
 * @s: its session
 * @sig: the signal
 * @due: when it runs out, ktime ns, %LTP_UNKNOWN if it stands
 */
void ltp_signal_run(struct ltp_session *s, struct ltp_signal *sig, u64 due)
{
	wait_ends(s, sig);
	ltp_signal_rerun(s, sig, due);
}

/**
 * ltp_signal_stop() - a signal has to leave again
 * @s: its session
 * @sig: the signal
 */
void ltp_signal_stop(struct ltp_session *s, struct ltp_signal *sig)
{
	wait_ends(s, sig);
	sig->running = false;
	list_add_tail(&sig->on_unsent, &s->unsent);
}

/**
 * ltp_signal_unlink() - nothing waits for a signal any more
 * @s: its session
 * @sig: the signal; the caller's
 */
void ltp_signal_unlink(struct ltp_session *s, struct ltp_signal *sig)
{
	wait_ends(s, sig);
	sig->running = false;
	rb_erase(&sig->by_serial, &s->signals);
	RB_CLEAR_NODE(&sig->by_serial);
	if (sig->type == LTP_SEG_RS)
		rb_erase(&sig->by_checkpoint, &ltp_import(s)->reports);
}

/**
 * ltp_signal_end() - a signal was answered, or need not be
 * @s: its session
 * @sig: the signal, or one that was not added, or NULL; freed
 */
void ltp_signal_end(struct ltp_session *s, struct ltp_signal *sig)
{
	struct ltp_ranges *covered;

	if (!sig)
		return;
	if (!RB_EMPTY_NODE(&sig->by_serial))
		ltp_signal_unlink(s, sig);
	if (ltp_segment_is_data(sig->type)) {
		covered = sig->covered;
		if (covered) {
			ltp_mem_provoked_free(ltp_export(s), covered);
			ltp_mem_provoked_back(ltp_export(s), ksize(covered));
			kfree(covered);
		}
		if (!sig->inside) {
			ltp_export(s)->n_resent--;
			ltp_mem_provoked_back(ltp_export(s), ksize(sig));
		}
	}
	ltp_session_signal_free(sig);
}

/**
 * ltp_signal_end_all() - no signal of a session is to be answered
 * @s: the session
 */
void ltp_signal_end_all(struct ltp_session *s)
{
	struct rb_node *node;

	while ((node = rb_first(&s->signals)))
		ltp_signal_end(s, by_serial(node));
}

/**
 * ltp_signal_find() - the signal of a serial number
 * @s: the session
 * @serial: the number
 *
 * Return: the signal, or NULL.
 */
struct ltp_signal *ltp_signal_find(const struct ltp_session *s, u64 serial)
{
	struct rb_node *node = s->signals.rb_node;

	while (node) {
		struct ltp_signal *sig = by_serial(node);

		if (serial == sig->serial)
			return sig;
		node = serial < sig->serial ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/**
 * ltp_signal_report() - the first report that answers a checkpoint
 * @i: the session
 * @cp_serial: serial of the checkpoint
 *
 * Return: the report, or NULL; ltp_signal_next_report() has the others.
 */
struct ltp_signal *ltp_signal_report(const struct ltp_import *i, u64 cp_serial)
{
	struct rb_node *node = i->reports.rb_node;
	struct ltp_signal *first = NULL;

	while (node) {
		struct ltp_signal *sig = by_checkpoint(node);

		if (sig->ref == cp_serial)
			first = sig;
		node = cp_serial <= sig->ref ? node->rb_left : node->rb_right;
	}
	return first;
}

/**
 * ltp_signal_next_report() - the next report that answers the same checkpoint
 * @sig: the one before
 *
 * Return: the report, or NULL.
 */
struct ltp_signal *ltp_signal_next_report(const struct ltp_signal *sig)
{
	struct ltp_signal *next = by_checkpoint(rb_next(&sig->by_checkpoint));

	return next && next->ref == sig->ref ? next : NULL;
}
