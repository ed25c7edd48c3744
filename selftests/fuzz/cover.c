// SPDX-License-Identifier: GPL-2.0
/*
 * Which code of the module was run: linked into it by fuzz.sh and by nothing
 * else.  The compiler puts a call at every edge.
 *
 * KCOV itself hears of the calling task alone, and most of this module runs in
 * softirqs, timers and work.  Here it is all the same who runs the code.
 *
 * /sys/module/ltp/parameters/cover_pcs is how many calls were reached; a path
 * written to cover_dump gets an octet for each octet of text, 1 behind a call
 * that was reached.
 *
 * What this is built for has one CPU, so nothing is atomic.
 */
#include <linux/fs.h>
#include <linux/kcov.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#define TEXT_MAX	(4 << 20)

static u8 map[TEXT_MAX];
static unsigned int pcs;
module_param_named(cover_pcs, pcs, uint, 0444);

void notrace __attribute__((no_sanitize_coverage, no_sanitize_address))
__sanitizer_cov_trace_pc(void)
{
	unsigned long base = (unsigned long)THIS_MODULE->mem[MOD_TEXT].base;
	unsigned long at = (unsigned long)__builtin_return_address(0) - base;

	if (at < TEXT_MAX && !map[at]) {
		map[at] = 1;
		pcs++;
	}
}

static int cover_dump(const char *path, const struct kernel_param *kp)
{
	size_t size = THIS_MODULE->mem[MOD_TEXT].size, done = 0;
	struct file *f;
	ssize_t n = 0;
	loff_t pos = 0;

	path = strim((char *)path);
	f = filp_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (IS_ERR(f))
		return PTR_ERR(f);
	for (; done < size; done += n) {
		n = kernel_write(f, map + done, size - done, &pos);
		if (n <= 0)
			break;
	}
	filp_close(f, NULL);
	return n < 0 ? n : 0;
}

static const struct kernel_param_ops cover_dump_ops = {
	.set	= cover_dump,
};
module_param_cb(cover_dump, &cover_dump_ops, NULL, 0200);
