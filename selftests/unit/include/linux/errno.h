/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_LINUX_ERRNO_H
#define _UNIT_LINUX_ERRNO_H

#include_next <linux/errno.h>
#include <errno.h>

#endif /* _UNIT_LINUX_ERRNO_H */
