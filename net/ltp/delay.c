// SPDX-License-Identifier: GPL-2.0
/*
 * Delay points: have the moments last in which something ends on one CPU while
 * another is about to use it.  A line "NAME MICROSECONDS" written to
 * /sys/kernel/debug/ltp-delays sets one, and ends a delay that is under way if
 * it is shorter; reading tells for each how long it is, how often one began and
 * how many are under way.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "delay.h"

/* Less than what makes the kernel take a CPU that is held up for dead. */
#define DELAY_MAX	15000000U

/* Who may not sleep holds up all that his CPU has to do. */
#define DELAY_ATOMIC_MAX	500000U

static const char * const names[] = {
	[LTP_DELAY_TIMER_TAIL]	= "timer-tail",
	[LTP_DELAY_TIMER_END]	= "timer-end",
	[LTP_DELAY_RESUME]	= "resume",
	[LTP_DELAY_RUN]		= "run",
	[LTP_DELAY_PACER]	= "pacer",
	[LTP_DELAY_HOLD]	= "hold",
	[LTP_DELAY_XMIT]	= "xmit",
	[LTP_DELAY_INPUT]	= "input",
	[LTP_DELAY_DELETE]	= "delete",
	[LTP_DELAY_INSERT]	= "insert",
	[LTP_DELAY_CLOSE]	= "close",
	[LTP_DELAY_LEARN]	= "learn",
};

static u32 length[LTP_DELAYS_N];
static atomic_t begun[LTP_DELAYS_N], under_way[LTP_DELAYS_N];
static struct dentry *file;

/**
 * ltp_delay_here() - wait as long as somebody wants it
 * @point: where
 *
 * Context: any.
 */
void ltp_delay_here(enum ltp_delay point)
{
	bool sleeps = in_task() && preemptible() && !rcu_preempt_depth();
	u32 max = sleeps ? DELAY_MAX : DELAY_ATOMIC_MAX;
	u64 start;

	if (likely(!READ_ONCE(length[point])))
		return;
	start = ktime_get_ns();
	atomic_inc(&under_way[point]);
	atomic_inc(&begun[point]);
	while (ktime_get_ns() - start <
	       min(READ_ONCE(length[point]), max) * 1000ULL) {
		if (sleeps)
			usleep_range(500, 1000);
		else
			cpu_relax();
	}
	atomic_dec(&under_way[point]);
}

static int delays_show(struct seq_file *m, void *v)
{
	int i;

	for (i = 0; i < LTP_DELAYS_N; i++)
		seq_printf(m, "%s %u %d %d\n", names[i], READ_ONCE(length[i]),
			   atomic_read(&begun[i]), atomic_read(&under_way[i]));
	return 0;
}

static int delays_open(struct inode *inode, struct file *file)
{
	return single_open(file, delays_show, NULL);
}

/* Each choice counts anew. */
static ssize_t delays_write(struct file *file, const char __user *from,
			    size_t len, loff_t *pos)
{
	char line[48], *us = line, *name;
	unsigned int n;
	int i;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, from, len))
		return -EFAULT;
	line[len] = '\0';
	name = strsep(&us, " ");
	if (!us || kstrtouint(strim(us), 10, &n) || n > DELAY_MAX)
		return -EINVAL;
	i = match_string(names, LTP_DELAYS_N, name);
	if (i < 0)
		return -EINVAL;
	if (n)
		atomic_set(&begun[i], 0);
	WRITE_ONCE(length[i], n);
	return len;
}

static const struct file_operations delays_fops = {
	.owner		= THIS_MODULE,
	.open		= delays_open,
	.read		= seq_read,
	.write		= delays_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

/**
 * ltp_delay_init() - make the file
 */
void __init ltp_delay_init(void)
{
	BUILD_BUG_ON(ARRAY_SIZE(names) != LTP_DELAYS_N);
	file = debugfs_create_file("ltp-delays", 0600, NULL, NULL,
				   &delays_fops);
}

/**
 * ltp_delay_exit() - remove it
 */
void ltp_delay_exit(void)
{
	debugfs_remove(file);
}
