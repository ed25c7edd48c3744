/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LTP_LINK_H
#define _LTP_LINK_H

#include <net/ltp.h>

void ltp_link_cue(struct ltp_span *span, u32 cue);
void ltp_link_changed(struct ltp_span *span);

#endif /* _LTP_LINK_H */
