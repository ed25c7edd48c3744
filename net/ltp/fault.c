// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection: has any one allocation of the module fail, in whatever
 * context it is.  The kernel's own attribute says when (fail-nth and the
 * failslab of a task do not reach what softirqs, timers and works allocate);
 * here is where, and how often each point was reached and has failed.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "fault.h"

static const char * const names[] = {
	[LTP_FAULT_SOCKET]		= "socket",
	[LTP_FAULT_EXPORT]		= "export",
	[LTP_FAULT_EXPORT_NOTICE]	= "export-notice",
	[LTP_FAULT_NOTICE]		= "notice",
	[LTP_FAULT_RESERVE]		= "reserve",
	[LTP_FAULT_BURST]		= "burst",
	[LTP_FAULT_BURST_CHARGE]	= "burst-charge",
	[LTP_FAULT_TAIL]		= "tail",
	[LTP_FAULT_PAGE]		= "page",
	[LTP_FAULT_PAGES]		= "pages",
	[LTP_FAULT_UBUF]		= "ubuf",
	[LTP_FAULT_PIN]			= "pin",
	[LTP_FAULT_BURST_SKB]		= "burst-skb",
	[LTP_FAULT_BATCH_SKB]		= "batch-skb",
	[LTP_FAULT_REBUILD_SKB]		= "rebuild-skb",
	[LTP_FAULT_SIGNAL_SKB]		= "signal-skb",
	[LTP_FAULT_ANSWER_SKB]		= "answer-skb",
	[LTP_FAULT_LATE_SKB]		= "late-skb",
	[LTP_FAULT_COPY_SKB]		= "copy-skb",
	[LTP_FAULT_BATCH]		= "batch",
	[LTP_FAULT_RECUT]		= "recut",
	[LTP_FAULT_CHECKPOINT]		= "checkpoint",
	[LTP_FAULT_PROVOKED_CHARGE]	= "provoked-charge",
	[LTP_FAULT_CANCEL]		= "cancel",
	[LTP_FAULT_ROUTE]		= "route",
	[LTP_FAULT_NEIGHBOUR]		= "neighbour",
	[LTP_FAULT_XMIT]		= "xmit",
	[LTP_FAULT_SESSION_INSERT]	= "session-insert",
	[LTP_FAULT_IMPORT]		= "import",
	[LTP_FAULT_IMPORT_ITEM]		= "import-item",
	[LTP_FAULT_IMPORT_CHARGE]	= "import-charge",
	[LTP_FAULT_IMPORT_NOTICE]	= "import-notice",
	[LTP_FAULT_IMPORT_NOTICE_CHARGE] = "import-notice-charge",
	[LTP_FAULT_SPLIT_SKB]		= "split-skb",
	[LTP_FAULT_LINEAR]		= "linear",
	[LTP_FAULT_PART_SKB]		= "part-skb",
	[LTP_FAULT_RED_CHARGE]		= "red-charge",
	[LTP_FAULT_GREEN]		= "green",
	[LTP_FAULT_GREEN_CHARGE]	= "green-charge",
	[LTP_FAULT_RANGE]		= "range",
	[LTP_FAULT_REPORT]		= "report",
	[LTP_FAULT_REPORT_CHARGE]	= "report-charge",
	[LTP_FAULT_ANSWERED_CHARGE]	= "answered-charge",
	[LTP_FAULT_DELAYED]		= "delayed",
	[LTP_FAULT_DELAYED_CHARGE]	= "delayed-charge",
	[LTP_FAULT_ACKED]		= "acked",
	[LTP_FAULT_ACKED_CHARGE]	= "acked-charge",
	[LTP_FAULT_CLOSED]		= "closed",
	[LTP_FAULT_CLOSED_INSERT]	= "closed-insert",
	[LTP_FAULT_STRANGER]		= "stranger",
	[LTP_FAULT_SPLICE]		= "splice",
	[LTP_FAULT_ENGINE]		= "engine",
	[LTP_FAULT_ENGINE_MIB]		= "engine-mib",
	[LTP_FAULT_SPAN]		= "span",
	[LTP_FAULT_SPAN_MIB]		= "span-mib",
	[LTP_FAULT_SPAN_INSERT]		= "span-insert",
	[LTP_FAULT_PEER_INSERT]		= "peer-insert",
	[LTP_FAULT_CARRIER]		= "carrier",
	[LTP_FAULT_CARRIER_SOCK]	= "carrier-sock",
	[LTP_FAULT_CARRIER_GRO]		= "carrier-gro",
	[LTP_FAULT_CARRIER_BIND]	= "carrier-bind",
	[LTP_FAULT_CARRIER_CONNECT]	= "carrier-connect",
	[LTP_FAULT_NL_ENGINE]		= "nl-engine",
	[LTP_FAULT_NL_SPAN]		= "nl-span",
	[LTP_FAULT_NL_SESSION]		= "nl-session",
	[LTP_FAULT_NL_STATS]		= "nl-stats",
	[LTP_FAULT_NL_DUMP]		= "nl-dump",
	[LTP_FAULT_NET_MIB]		= "net-mib",
	[LTP_FAULT_NET_SPANS]		= "net-spans",
	[LTP_FAULT_NET_PEERS]		= "net-peers",
	[LTP_FAULT_NET_SESSIONS]	= "net-sessions",
	[LTP_FAULT_NET_CLOSED]		= "net-closed",
	[LTP_FAULT_NET_BINDS]		= "net-binds",
	[LTP_FAULT_BIND]		= "bind",
	[LTP_FAULT_NET_TABLE]		= "net-table",
	[LTP_FAULT_NET_SYSCTL]		= "net-sysctl",
};

/* Every point, or none, instead of one. */
#define ALL	LTP_FAULTS
#define NONE	(LTP_FAULTS + 1)

static DECLARE_FAULT_ATTR(attr);
static struct dentry *dir;
static int chosen = NONE;

/* How often each point was reached, and how often it failed. */
static atomic_t hits[LTP_FAULTS], faults[LTP_FAULTS];

/**
 * ltp_fault() - whether something shall fail
 * @point: what
 *
 * Context: any.
 * Return: true if it shall act as without memory.
 */
bool ltp_fault(enum ltp_fault point)
{
	int now = READ_ONCE(chosen);

	atomic_inc(&hits[point]);
	if (now != ALL && now != point)
		return false;
	if (!should_fail(&attr, 1))
		return false;
	atomic_inc(&faults[point]);
	return true;
}

static const char *name_of(int point)
{
	return point == ALL ? "all" : point == NONE ? "none" : names[point];
}

static int point_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%s\n", name_of(READ_ONCE(chosen)));
	return 0;
}

static int point_open(struct inode *inode, struct file *file)
{
	return single_open(file, point_show, NULL);
}

/* Counting begins anew for every choice: interval N then means the Nth. */
static ssize_t point_write(struct file *file, const char __user *from,
			   size_t len, loff_t *pos)
{
	char name[32];
	int i;

	if (len >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, from, len))
		return -EFAULT;
	name[len] = '\0';
	strim(name);
	for (i = 0; i <= NONE; i++) {
		if (strcmp(name, name_of(i)))
			continue;
		WRITE_ONCE(chosen, NONE);
		WRITE_ONCE(attr.count, 0);
		WRITE_ONCE(chosen, i);
		return len;
	}
	return -EINVAL;
}

static const struct file_operations point_fops = {
	.owner		= THIS_MODULE,
	.open		= point_open,
	.read		= seq_read,
	.write		= point_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static int points_show(struct seq_file *m, void *v)
{
	int i;

	for (i = 0; i < LTP_FAULTS; i++)
		seq_printf(m, "%s %d %d\n", names[i], atomic_read(&hits[i]),
			   atomic_read(&faults[i]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(points);

/**
 * ltp_fault_init() - make the files below /sys/kernel/debug/ltp
 */
void __init ltp_fault_init(void)
{
	BUILD_BUG_ON(ARRAY_SIZE(names) != LTP_FAULTS);
	attr.verbose = 0;
	dir = debugfs_create_dir("ltp", NULL);
	fault_create_debugfs_attr("fault", dir, &attr);
	debugfs_create_file("point", 0600, dir, NULL, &point_fops);
	debugfs_create_file("points", 0400, dir, NULL, &points_fops);
}

/**
 * ltp_fault_exit() - remove them
 */
void ltp_fault_exit(void)
{
	ltp_compat_fault_exit(&attr);
	debugfs_remove_recursive(dir);
}
