/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_LINUX_KERNEL_H
#define _UNIT_LINUX_KERNEL_H

#include <linux/const.h>

#define DIV_ROUND_UP		__KERNEL_DIV_ROUND_UP

#endif /* _UNIT_LINUX_KERNEL_H */
