// SPDX-License-Identifier: GPL-2.0
/* Counters per namespace, engine and span. */
#include <net/ltp.h>

u64 ltp_mib_read(const struct ltp_mib __percpu *mib, enum ltp_mib_item item)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(mib, cpu)->item[item]);
	return sum;
}
