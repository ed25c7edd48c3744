// SPDX-License-Identifier: GPL-2.0
/*
 * A ledger of blocks: what was accepted, how it ended, what was received.
 *
 *	ledger new FILE BLOCKS
 *	ledger send FILE FIRST LAST ENGINE:SERVICE [OPTION VALUE]...
 *	ledger recv FILE SERVICE [RCVBUF [splice]]
 *	ledger check FILE FIRST LAST [dead] [twice] [lost N]
 *
 * The file is shared memory, so that what is written survives who wrote it:
 * senders and receivers are killed in mid-work by faults.sh.
 *
 * Block N has a length and bytes that follow from N.  "send" sends blocks
 * FIRST to LAST and waits until each has ended; options are max LENGTH,
 * window BLOCKS, pace MILLISECONDS, timeout SECONDS, and open BLOCKS: before the
 * first, it begins so many more, behind LAST, and leaves them open.  "recv" says
 * "ready" once it is bound and receives until it gets SIGTERM; by splice() into a
 * pipe if that is asked for.
 *
 * "check" demands that each accepted block ended once, was received once if
 * it was completed, and never twice.  Where something died more may be
 * missing: "dead" is a sender, who could not be told; "twice" allows a
 * second copy, as after an engine was deleted; "lost" allows N blocks that
 * were claimed and not read.  It prints shell variables.
 */
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "ksft_ltp.h"

#define LEN_MIN		64
#define LEN_MAX		65536

struct entry {
	u8 tried;
	u8 sent;
	u8 completed;
	u8 cancelled;
	u8 received;
	u8 reason;
};

struct ledger {
	u32 n;
	/* Refused by sendmsg(), and tried again. */
	u32 refused;
	/* Bytes that are not those of a block, notices of no block. */
	u32 wrong;
	u32 max;
	struct entry e[];
};

static struct ledger *book;
static int stop;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void count(u8 *n)
{
	__atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
}

static void wrong(void)
{
	__atomic_fetch_add(&book->wrong, 1, __ATOMIC_RELAXED);
}

static void book_open(const char *file, u32 blocks)
{
	size_t size = sizeof(*book) + (blocks + 1) * sizeof(book->e[0]);
	int fd = open(file, O_RDWR | (blocks ? O_CREAT | O_TRUNC : 0), 0600);
	struct stat st;

	if (fd < 0)
		die(file);
	if (blocks && ftruncate(fd, size))
		die(file);
	if (fstat(fd, &st))
		die(file);
	book = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	if (book == MAP_FAILED)
		die("mmap");
	close(fd);
	if (blocks)
		book->n = blocks;
}

static u32 len_of(u32 n)
{
	return LEN_MIN + (n * 2654435761u >> 8) % (book->max - LEN_MIN + 1);
}

/* --- sending --- */

static int n_sent, n_ended;

static void hear(int fd, u32 first, u32 last)
{
	struct ltp_notice n;
	struct entry *e;

	while (got_notice(fd, &n, 0)) {
		if (n.cookie < first || n.cookie > last) {
			wrong();
			continue;
		}
		e = &book->e[n.cookie];
		if (n.kind == LTP_NOTICE_COMPLETED) {
			count(&e->completed);
		} else if (n.kind == LTP_NOTICE_CANCELLED) {
			count(&e->cancelled);
			e->reason = n.reason;
		} else {
			wrong();
			continue;
		}
		n_ended++;
	}
}

/* Sends block @n, of @first to @last.  Returns for how many ms to wait. */
static int send_one(int fd, u32 n, u32 first, u32 last)
{
	static u8 buf[LEN_MAX];
	struct entry *e = &book->e[n];
	int ends = e->completed + e->cancelled, err;
	u32 len = len_of(n);
	u64 cookie = n;
	ssize_t sent;

	fill(buf, len, n, 0);
	memcpy(buf, &n, sizeof(n));
	e->tried = 1;
	sent = send_cmsg(fd, buf, len, MSG_DONTWAIT, LTP_COOKIE, &cookie,
			 sizeof(cookie));
	if (sent == len) {
		e->sent = 1;
		n_sent++;
		return 0;
	}
	e->tried = 0;
	if (sent >= 0) {
		wrong();
		return 0;
	}
	err = errno;
	/* If it ended within the call the notice says so as well. */
	hear(fd, first, last);
	if (e->completed + e->cancelled > ends) {
		e->tried = 1;
		e->sent = 1;
		n_sent++;
		return 0;
	}
	switch (err) {
	case EAGAIN:
		return 2;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ENOBUFS:
		/* No span, no route: not accepted. */
		book->refused++;
		return 20;
	}
	errno = err;
	die("send");
	return 0;
}

/* Begins blocks, each on a socket of its own, with all but the last octet. */
static void leave_open(u32 first, u32 n, u64 engine, u64 service)
{
	static u8 buf[LEN_MAX];
	u32 len;
	int fd;

	for (; n; n--, first++) {
		len = LEN_MAX - 1;
		fill(buf, len, first, 0);
		memcpy(buf, &first, sizeof(first));
		fd = socket(AF_LTP, SOCK_RDM, 0);
		if (fd < 0 || ltp_connect(fd, engine, service) ||
		    send(fd, buf, len, MSG_MORE) != len)
			die("open");
	}
}

static int do_send(int argc, char **argv)
{
	u32 first = atoi(argv[1]), last = atoi(argv[2]), next = first;
	int window = 200, pace = 0, timeout = 600, n_open = 0, i, wait;
	int left = -1;
	u64 engine, service;
	s64 until, at = 0;
	int fd;

	/* Receivers know it before the first block. */
	book->max = 2500;
	if (sscanf(argv[3], "%llu:%llu", &engine, &service) != 2)
		return 2;
	for (i = 4; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "max"))
			book->max = atoi(argv[i + 1]);
		else if (!strcmp(argv[i], "window"))
			window = atoi(argv[i + 1]);
		else if (!strcmp(argv[i], "pace"))
			pace = atoi(argv[i + 1]);
		else if (!strcmp(argv[i], "timeout"))
			timeout = atoi(argv[i + 1]);
		else if (!strcmp(argv[i], "open"))
			n_open = atoi(argv[i + 1]);
		else
			return 2;
	}
	leave_open(last + 1, n_open, engine, service);
	fd = socket(AF_LTP, SOCK_RDM, 0);
	if (fd < 0 || set_u32(fd, LTP_NOTICES, LTP_NOTICE_ENDS) ||
	    ltp_connect(fd, engine, service))
		die("socket");
	until = now_ms() + timeout * 1000LL;
	while (next <= last || n_ended < n_sent) {
		hear(fd, first, last);
		if (now_ms() > until) {
			fprintf(stderr, "%u of %u sent, %d without an end\n",
				n_sent, last - first + 1, n_sent - n_ended);
			return 1;
		}
		wait = 1000;
		if (next <= last && n_sent - n_ended < window) {
			wait = at - now_ms();
			if (wait <= 0) {
				i = n_sent;
				wait = send_one(fd, next, first, last);
				if (n_sent > i) {
					next++;
					wait = pace;
				}
				at = now_ms() + wait;
			}
		}
		if (wait > 0)
			wait_for(fd, POLLERR, wait < 1000 ? wait : 1000);
	}
	/* A second end would come now. */
	wait_for(fd, POLLERR, 100);
	hear(fd, first, last);
	/* What was sent last may still be under way. */
	if (!eventually(!ioctl(fd, SIOCOUTQ, &left) && !left)) {
		fprintf(stderr, "%d bytes left in the send buffer\n", left);
		return 1;
	}
	return 0;
}

/* --- receiving --- */

static void on_term(int sig)
{
	(void)sig;
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
}

static int pipe_fd[2];

/*
 * As recv(), of one block.  splice() does not say where a block ends: the
 * ledger does.
 */
static ssize_t recv_spliced(int fd, u8 *buf, size_t size)
{
	ssize_t len = 0, n;
	u32 block;

	do {
		n = splice(fd, NULL, pipe_fd[1], NULL, size - len,
			   SPLICE_F_NONBLOCK);
		if (n <= 0 || read(pipe_fd[0], buf + len, n) != n)
			break;
		len += n;
		memcpy(&block, buf, sizeof(block));
	} while (len < LEN_MIN || len < len_of(block));
	return len ?: -1;
}

static void receive_one(int fd)
{
	static u8 buf[LEN_MAX + 1];
	u32 n = 0, first;
	struct rx rx = { .flags = MSG_EOR };
	ssize_t len;

	len = pipe_fd[1] ? recv_spliced(fd, buf, LEN_MAX) :
			   recv_rx(fd, buf, sizeof(buf), MSG_DONTWAIT, &rx);
	if (len < 0)
		return;
	if (len >= LEN_MIN)
		memcpy(&n, buf, sizeof(n));
	if (!n || n > book->n) {
		fprintf(stderr, "%zd bytes of no block\n", len);
		wrong();
		return;
	}
	/* At once: who is killed with it in hand has not written it down. */
	count(&book->e[n].received);
	/* Where the number stands are bytes of the block. */
	first = 0;
	fill(&first, sizeof(first), n, 0);
	memcpy(buf, &first, sizeof(first));
	if (len != len_of(n) || !(rx.flags & MSG_EOR) || !same(buf, len, n, 0)) {
		fprintf(stderr, "block %u: %zd of %u bytes, flags %x\n", n,
			len, len_of(n), rx.flags);
		wrong();
	}
}

static int do_recv(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_term };
	u32 mem[SK_MEMINFO_VARS];
	socklen_t size = sizeof(mem);
	int fd = socket(AF_LTP, SOCK_RDM, 0), queued = 0;

	sigaction(SIGTERM, &sa, NULL);
	if (fd < 0 || ltp_bind(fd, LTP_ENGINE_ANY, atoi(argv[1])))
		die("bind");
	if (argc > 2 && set_u32(fd, LTP_RCVBUF, atoi(argv[2])))
		die("LTP_RCVBUF");
	if (argc > 3 && (strcmp(argv[3], "splice") || pipe(pipe_fd)))
		die("splice");
	printf("ready\n");
	fflush(stdout);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (wait_for(fd, POLLIN, 1000))
			receive_one(fd);
	}
	while (wait_for(fd, POLLIN, 0))
		receive_one(fd);
	if (ioctl(fd, SIOCINQ, &queued) || queued ||
	    getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &size) ||
	    mem[SK_MEMINFO_RMEM_ALLOC]) {
		fprintf(stderr, "%d bytes queued, %u of memory held\n", queued,
			mem[SK_MEMINFO_RMEM_ALLOC]);
		return 1;
	}
	return 0;
}

/* --- checking --- */

static int do_check(int argc, char **argv)
{
	int sent = 0, completed = 0, cancelled = 0, received = 0, lost = 0;
	int twice = 0, unended = 0, odd = 0, rlexc = 0, lost_ok = 0, i;
	u32 first = atoi(argv[1]), last = atoi(argv[2]), n;
	bool dead = false, twice_ok = false, bad;
	struct entry *e;

	for (i = 3; i < argc; i++) {
		if (!strcmp(argv[i], "dead"))
			dead = true;
		else if (!strcmp(argv[i], "twice"))
			twice_ok = true;
		else if (!strcmp(argv[i], "lost") && i + 1 < argc)
			lost_ok = atoi(argv[++i]);
		else
			return 2;
	}
	for (n = first; n <= last; n++) {
		e = &book->e[n];
		sent += e->sent;
		completed += e->completed;
		cancelled += e->cancelled;
		rlexc += e->cancelled && e->reason == LTP_REASON_RLEXC;
		received += !!e->received;
		bad = false;
		if (e->received > 1) {
			twice++;
			bad = !twice_ok;
		}
		if (e->completed + e->cancelled > 1 ||
		    (e->received && !e->tried)) {
			odd++;
			bad = true;
		}
		if (e->sent && !e->completed && !e->cancelled) {
			unended++;
			bad = !dead;
		}
		if (e->sent && !e->cancelled && !e->received)
			bad = ++lost > lost_ok;
		if (bad)
			fprintf(stderr,
				"block %u: sent %u, completed %u, cancelled %u (%u), received %u\n",
				n, e->sent, e->completed, e->cancelled,
				e->reason, e->received);
	}
	printf("sent=%d completed=%d cancelled=%d rlexc=%d received=%d ", sent,
	       completed, cancelled, rlexc, received);
	printf("lost=%d twice=%d refused=%u\n", lost, twice, book->refused);
	return book->wrong || odd || lost > lost_ok || (twice && !twice_ok) ||
	       (unended && !dead);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	if (!strcmp(argv[1], "new")) {
		book_open(argv[2], atoi(argv[3]));
		return 0;
	}
	book_open(argv[2], 0);
	if (!strcmp(argv[1], "recv"))
		return do_recv(argc - 2, argv + 2);
	if (!strcmp(argv[1], "send") && argc > 5)
		return do_send(argc - 2, argv + 2);
	if (!strcmp(argv[1], "check") && argc > 4)
		return do_check(argc - 2, argv + 2);
	return 2;
}
