// SPDX-License-Identifier: GPL-2.0
/*
 * Segments that are sent once, in answer to one that came: acknowledgments, and
 * cancellations of sessions that are not known.
 */
#include "answer.h"
#include "block.h"
#include "fault.h"
#include "flow.h"
#include "output.h"
#include "span.h"

/* A buffer for an answer, if the peer is worth one. */
static struct sk_buff *answer_skb(struct ltp_span *span)
{
	if (!ltp_span_affords(span))
		return NULL;
	return LTP_ALLOC(ANSWER_SKB, ltp_block_skb(LTP_SEG_CTRL_MAX,
						   GFP_ATOMIC));
}

/**
 * ltp_answer_cancel() - send a cancel segment for a session that is not known
 * @span: the span
 * @key: the session
 * @type: %LTP_SEG_CS or %LTP_SEG_CR
 * @reason: enum ltp_reason
 *
 * It is sent once.
 *
 * Context: process or softirq; no locks.
 */
void ltp_answer_cancel(struct ltp_span *span,
		       const struct ltp_session_key *key, u8 type, u8 reason)
{
	struct sk_buff *skb;
	u8 *end;

	skb = answer_skb(span);
	if (!skb)
		return;
	end = ltp_segment_put_cancel(skb->data, skb->data + LTP_SEG_CTRL_MAX,
				     type, key->originator, key->number,
				     reason);
	skb_put(skb, end - skb->data);
	ltp_span_spend(span, skb->len);
	if (!ltp_output_skb(span, ltp_flow_of(span, key->number), skb))
		ltp_mib_add(span->engine, span, LTP_MIB_TX_CANCELS, 1);
}

/**
 * ltp_answer_report_ack() - acknowledge a report (section 3.2.3)
 * @span: the span
 * @key: the session
 * @serial: of the report
 *
 * Context: process or softirq; no locks.
 */
void ltp_answer_report_ack(struct ltp_span *span,
			   const struct ltp_session_key *key, u64 serial)
{
	struct sk_buff *skb;
	u8 *end;

	skb = answer_skb(span);
	if (!skb)
		return;
	end = ltp_segment_put_ra(skb->data, skb->data + LTP_SEG_CTRL_MAX,
				 key->originator, key->number, serial);
	skb_put(skb, end - skb->data);
	ltp_span_spend(span, skb->len);
	if (!ltp_output_skb(span, ltp_flow_of(span, key->number), skb))
		ltp_mib_add(span->engine, span, LTP_MIB_TX_REPORT_ACKS, 1);
}

/**
 * ltp_answer_cancel_ack() - acknowledge a cancel segment (section 3.2.4)
 * @span: the span
 * @key: the session
 * @type: %LTP_SEG_CAS or %LTP_SEG_CAR
 *
 * Context: process or softirq; no locks.
 */
void ltp_answer_cancel_ack(struct ltp_span *span,
			   const struct ltp_session_key *key, u8 type)
{
	struct sk_buff *skb;
	u8 *end;

	skb = answer_skb(span);
	if (!skb)
		return;
	end = ltp_segment_put_cancel_ack(skb->data,
					 skb->data + LTP_SEG_CTRL_MAX, type,
					 key->originator, key->number);
	skb_put(skb, end - skb->data);
	ltp_span_spend(span, skb->len);
	if (!ltp_output_skb(span, ltp_flow_of(span, key->number), skb))
		ltp_mib_add(span->engine, span, LTP_MIB_TX_CANCEL_ACKS, 1);
}
