// SPDX-License-Identifier: GPL-2.0
/*
 * bench: what one transfer costs, for several ways to transfer the same.
 *
 *	bench [OPTION...] NS-A NS-B ADDRESS WHAT...
 *
 * sends from network namespace NS-A to ADDRESS in NS-B.  WHAT is red or green
 * (AF_LTP, engine 2; green is received by recvmmsg), gso (UDP_SEGMENT and
 * UDP_GRO), mmsg (sendmmsg and recvmmsg) or tcp.  Several take turns: A B C A B
 * C, each run with sockets and processes of its own.
 *
 * There are three ways to run:
 *
 * - in turn (the default): one process sends and receives, block by block.
 *   Nothing ever waits, so where time counts instructions (qemu -icount) the
 *   time that is not idle is the instructions of both ends, kernel and user.
 * - as a stream (-t): a sender on CPU 0 and a receiver on the last CPU.  A
 *   sender is never more than a window ahead of what was received: UDP has no
 *   flow control, and what it loses in full buffers would be paid for and not
 *   counted.  With -f it is several such pairs, both of a pair on one CPU, and
 *   the next on the next; AF_LTP receivers then share a service.
 * - for its memory: what is gone from the free memory, at the most, while one
 *   process sends and receives in turn (-m), and, of blocks that are sent and
 *   not read (-h), also what is gone in the end.
 *
 * A line for each run: WHAT, and then, as NAME=VALUE, payload bytes received,
 * ns from the first send to the last receive, ns that the sender's and the
 * receiver's CPU were busy, or -1 (if one CPU is both, it is given as that of
 * the sender), and system calls that sent, received or waited for data.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ltp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT	103
#define UDP_GRO		104
#endif

#define PORT		5555	/* and service, of the first session */
#define BATCH		64	/* datagrams of a sendmmsg() or recvmmsg() */
#define UDP_MOST	65507	/* payload of the largest IPv4 datagram */
#define MEM		(64UL << 20)	/* a larger block repeats itself */
#define NS		1000000000ULL
#define PAIRS_MAX	16	/* flows that a span can have */

enum way { RED, GREEN, GSO, MMSG, TCP };

static const char * const names[] = { "red", "green", "gso", "mmsg", "tcp" };

/* What is asked for */
static size_t size = 1472;	/* bytes of a datagram's UDP payload */
static size_t block = 1 << 20;
static size_t piece;		/* of a block that a session sends at a time */
static size_t total = 32 << 20;	/* bytes of a run in turn, at least */
static size_t sessions = 1;
static size_t reps = 1;
static size_t stream_ms;
static size_t hold;
static size_t peak;
static size_t lossy;
static size_t pairs;
static size_t zero;
static size_t only;
static size_t from_file, to_file;
static const char *ns[2], *address;

static const struct {
	char opt;
	size_t *val;
} knobs[] = {
	{ 's', &size }, { 'b', &block }, { 'p', &piece }, { 'c', &sessions },
	{ 'r', &reps }, { 'n', &total }, { 't', &stream_ms }, { 'h', &hold },
	{ 'l', &lossy }, { 'f', &pairs },
	{ 'z', &zero }, { 'o', &only }, { 'm', &peak },
	{ 'e', &from_file }, { 'i', &to_file },
};

/* What is shown to the other process */
struct shared {
	unsigned long long sent;
	unsigned long long received;
	unsigned long long last;	/* when */
	unsigned long long least;	/* free memory */
	long calls;
	int done;
};

static struct shared *sh;
static enum way way;
static unsigned char *out, *in;
static int *tx, *rx;
static long calls;
static int source = -1, target = -1, tube[2] = { -1, -1 };	/* files */

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s: %s\n", names[way], what,
		strerror(errno));
	exit(1);
}

static unsigned long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS + t.tv_nsec;
}

static unsigned long long sent(void)
{
	return __atomic_load_n(&sh->sent, __ATOMIC_ACQUIRE);
}

static unsigned long long received(void)
{
	return __atomic_load_n(&sh->received, __ATOMIC_ACQUIRE);
}

/* --- CPU time -------------------------------------------------------------- */

static int cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

/*
 * How long @cpu was idle.  /proc/timer_list has nanoseconds, but what it says
 * of another CPU may be old; /proc/stat counts in hundredths of a second.
 */
static unsigned long long idle(int cpu)
{
	unsigned long long v[5] = { 0 }, sum = 0;
	char line[512], want[16];
	int alone = cpus() == 1;
	FILE *f;

	f = fopen(alone ? "/proc/timer_list" : "/proc/stat", "r");
	if (!f)
		die("/proc");
	snprintf(want, sizeof(want), "cpu%d ", cpu);
	while (fgets(line, sizeof(line), f)) {
		if (alone &&
		    (sscanf(line, " .idle_sleeptime : %llu", v) == 1 ||
		     sscanf(line, " .iowait_sleeptime : %llu", v) == 1)) {
			sum += v[0];
		} else if (!alone && !strncmp(line, want, strlen(want)) &&
			   sscanf(line + strlen(want),
				  "%llu %llu %llu %llu %llu", v, v + 1, v + 2,
				  v + 3, v + 4) == 5) {
			sum = (v[3] + v[4]) * (NS / sysconf(_SC_CLK_TCK));
		}
	}
	fclose(f);
	return sum;
}

/* --- sockets --------------------------------------------------------------- */

static void enter(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

static void set_one(int fd, int level, int opt, const char *what)
{
	int one = 1;

	if (setsockopt(fd, level, opt, &one, sizeof(one)))
		die(what);
}

/* Room for what may be on its way, so that no sender waits in a turn. */
static int room(void)
{
	unsigned long long want = 4ULL * block;

	if (hold)
		want = 2ULL * block * hold / sessions;
	if (want < 64 << 20)
		want = 64 << 20;
	return want < 1 << 30 ? want : 1 << 30;
}

static int new_socket(int family, int type)
{
	int bytes = room();
	int fd;

	fd = socket(family, type, 0);
	if (fd < 0)
		die("socket");
	if (zero && family == AF_LTP)
		set_one(fd, SOL_LTP, LTP_ZEROCOPY, "LTP_ZEROCOPY");
	else if (zero)
		set_one(fd, SOL_SOCKET, SO_ZEROCOPY, "SO_ZEROCOPY");
	if (way == TCP && stream_ms)
		return fd;	/* TCP finds its own sizes */
	if (family == AF_LTP ?
	    setsockopt(fd, SOL_LTP, LTP_RCVBUF, &bytes, sizeof(bytes)) ||
	    setsockopt(fd, SOL_LTP, LTP_SNDBUF, &bytes, sizeof(bytes)) :
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		die("buffers");
	return fd;
}

static void ltp_pairs(void)
{
	struct sockaddr_ltp a = { .sltp_family = AF_LTP };
	int type = way == RED ? SOCK_RDM : SOCK_DGRAM;
	unsigned int wire = size;
	int i;

	enter(ns[1]);
	for (i = 0; i < sessions; i++) {
		rx[i] = new_socket(AF_LTP, type);
		a.sltp_service = pairs ? PORT : PORT + i;
		if (pairs)
			set_one(rx[i], SOL_LTP, LTP_REUSEPORT, "LTP_REUSEPORT");
		if (bind(rx[i], (struct sockaddr *)&a, sizeof(a)))
			die("bind");
	}
	enter(ns[0]);
	a.sltp_engine = 2;
	for (i = 0; i < sessions; i++) {
		tx[i] = new_socket(AF_LTP, type);
		if (setsockopt(tx[i], SOL_LTP, LTP_SEGMENT_SIZE, &wire,
			       sizeof(wire)))
			die("LTP_SEGMENT_SIZE");
		a.sltp_service = pairs ? PORT : PORT + i;
		if (connect(tx[i], (struct sockaddr *)&a, sizeof(a)))
			die("connect");
	}
}

static void udp_pairs(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int segment = size;
	int i;

	enter(ns[1]);
	for (i = 0; i < sessions; i++) {
		rx[i] = new_socket(AF_INET, SOCK_DGRAM);
		a.sin_port = htons(PORT + i);
		if (bind(rx[i], (struct sockaddr *)&a, sizeof(a)))
			die("bind");
		if (way == GSO)
			set_one(rx[i], IPPROTO_UDP, UDP_GRO, "UDP_GRO");
	}
	enter(ns[0]);
	a.sin_addr.s_addr = inet_addr(address);
	for (i = 0; i < sessions; i++) {
		tx[i] = new_socket(AF_INET, SOCK_DGRAM);
		a.sin_port = htons(PORT + i);
		if (connect(tx[i], (struct sockaddr *)&a, sizeof(a)))
			die("connect");
		if (way == GSO && setsockopt(tx[i], IPPROTO_UDP, UDP_SEGMENT,
					     &segment, sizeof(segment)))
			die("UDP_SEGMENT");
	}
}

static void tcp_pairs(void)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
	};
	int l, i;

	enter(ns[1]);
	l = new_socket(AF_INET, SOCK_STREAM);
	set_one(l, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR");
	if (bind(l, (struct sockaddr *)&a, sizeof(a)) || listen(l, 16))
		die("listen");
	enter(ns[0]);
	a.sin_addr.s_addr = inet_addr(address);
	for (i = 0; i < sessions; i++) {
		tx[i] = new_socket(AF_INET, SOCK_STREAM);
		if (connect(tx[i], (struct sockaddr *)&a, sizeof(a)))
			die("connect");
		rx[i] = accept(l, NULL, NULL);
		if (rx[i] < 0)
			die("accept");
		set_one(tx[i], IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY");
	}
	close(l);
}

static void open_all(void)
{
	struct rlimit r = { 2 * sessions + 64, 2 * sessions + 64 };

	setrlimit(RLIMIT_NOFILE, &r);
	tx = calloc(2 * sessions, sizeof(*tx));
	if (!tx)
		die("memory");
	rx = tx + sessions;
	if (way == TCP)
		tcp_pairs();
	else if (way == RED || way == GREEN)
		ltp_pairs();
	else
		udp_pairs();
}

/* --- sending and receiving ------------------------------------------------- */

static void put_mmsg(int fd, unsigned char *buf, size_t len)
{
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	size_t at = 0, p;
	int n, i;

	while (at < len) {
		memset(m, 0, sizeof(m));
		for (i = 0, p = at; i < BATCH && p < len; i++, p += size) {
			iov[i].iov_base = buf + p;
			iov[i].iov_len = len - p < size ? len - p : size;
			m[i].msg_hdr.msg_iov = &iov[i];
			m[i].msg_hdr.msg_iovlen = 1;
		}
		n = sendmmsg(fd, m, i, 0);
		if (n <= 0)
			die("sendmmsg");
		calls++;
		for (i = 0; i < n; i++)
			at += m[i].msg_len;
	}
}

/* Takes the word that pages are free again. */
static void reap(int fd)
{
	struct msghdr m = { 0 };

	do
		calls++;
	while (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0);
}

/* What is in memory, as a file, and one for what is received. */
static void open_files(void)
{
	size_t len = block < MEM ? block : MEM;

	source = memfd_create("source", MFD_CLOEXEC);
	target = memfd_create("target", MFD_CLOEXEC);
	if (source < 0 || write(source, out, len) != len ||
	    target < 0 || write(target, in, len) != len)
		die("files");
	if (pipe(tube) || fcntl(tube[1], F_SETPIPE_SZ, 1 << 20) < 0)
		die("pipe");
}

/* From the file, by reference. */
static void put_file(int fd, size_t from, size_t len)
{
	off_t at = from;
	ssize_t n;

	for (; len; len -= n, calls++) {
		n = sendfile(fd, source, &at, len);
		if (n <= 0)
			die("sendfile");
	}
}

/* @more: the block goes on */
static void put(int fd, unsigned char *buf, size_t len, int more)
{
	/* The most that UDP_SEGMENT takes: whole datagrams of one IP packet. */
	size_t most = way == GSO ? UDP_MOST / size * size : len;
	size_t at;
	ssize_t n;

	if (from_file == 2) {
		put_file(fd, buf - out, len);
		return;
	}
	if (from_file) {
		calls++;
		if (pread(source, buf, len, buf - out) != len)
			die("read");
	}
	if (way == MMSG) {
		put_mmsg(fd, buf, len);
		return;
	}
	if (way != RED && way != GREEN)
		more = 0;
	for (at = 0; at < len; at += n, calls++) {
		n = send(fd, buf + at, len - at < most ? len - at : most,
			 (more ? MSG_MORE : 0) | (zero ? MSG_ZEROCOPY : 0));
		if (n < 0)
			die("send");
	}
	if (zero)
		reap(fd);
}

/* One call; 0 if there is nothing. */
static size_t get(int fd, unsigned char *buf, size_t len, int flags)
{
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	ssize_t n;
	int i;

	calls++;
	if (way == MMSG || way == GREEN) {
		memset(m, 0, sizeof(m));
		for (i = 0; i < BATCH && i * size < len; i++) {
			iov[i].iov_base = buf + i * size;
			iov[i].iov_len = size;
			m[i].msg_hdr.msg_iov = &iov[i];
			m[i].msg_hdr.msg_iovlen = 1;
		}
		n = recvmmsg(fd, m, i, flags | MSG_WAITFORONE, NULL);
		for (i = 0, len = 0; i < n; i++)
			len += m[i].msg_len;
		if (n > 0)
			return len;
	} else {
		n = recv(fd, buf, len, flags);
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		die("recv");
	if (!n && way == TCP)
		die("connection closed");
	return n > 0 ? n : 0;
}

/* The same into the file, without a copy in this process. */
static size_t get_file(int fd, size_t to, size_t len)
{
	off_t at = to;
	ssize_t n, k, left;

	n = splice(fd, NULL, tube[1], NULL, len, SPLICE_F_NONBLOCK);
	calls++;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		die("splice");
	for (left = n; left > 0; left -= k, calls++) {
		k = splice(tube[0], NULL, target, &at, left, SPLICE_F_MOVE);
		if (k <= 0)
			die("splice to a file");
	}
	return n > 0 ? n : 0;
}

/* --- in turn --------------------------------------------------------------- */

static int checking;

/*
 * Receives up to @len bytes from @at of the block on.  What never comes is
 * waited for: without end if somebody sends it again, else for a moment.
 */
static size_t take(int fd, size_t at, size_t len)
{
	int patience = way == RED || way == TCP ? 20000 : lossy ? 10 : 2000;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t got = 0, n, off, most;

	while (got < len) {
		off = (at + got) % MEM;
		most = len - got < MEM - off ? len - got : MEM - off;
		if (to_file == 2)
			n = get_file(fd, off, most);
		else
			n = get(fd, in + off, most, MSG_DONTWAIT);
		if (!n) {
			calls++;
			if (poll(&p, 1, patience) > 0)
				continue;
			if (lossy && patience == 10)
				break;
			errno = ETIMEDOUT;
			die("receiving");
		}
		if (to_file == 1) {
			calls++;
			if (pwrite(target, in + off, n, off) != n)
				die("write");
		}
		if (checking && to_file == 2 &&
		    pread(target, in + off, n, off) != n)
			die("read what was received");
		/* Green segments are shorter, so there are gaps between them. */
		if (checking && !lossy && way != GREEN &&
		    memcmp(in + off, out + off, n)) {
			errno = EBADMSG;
			die("received what was not sent");
		}
		got += n;
	}
	return got;
}

/* One block of each session; returns what was received. */
static size_t turn(void)
{
	int late = way == RED || (way == GREEN && piece < block);
	size_t at, n, got = 0;
	int i;

	for (at = 0; at < block; at += n) {
		n = block - at < piece ? block - at : piece;
		for (i = 0; i < sessions; i++) {
			put(tx[i], out + at % MEM, n, at + n < block);
			if (only)
				got += n;
			else if (!late)
				got += take(rx[i], at, n);
		}
	}
	for (i = 0; late && !only && i < sessions; i++)
		got += take(rx[i], 0, block);
	return got;
}

static void run_turns(void)
{
	unsigned long long t, was_idle, got = 0;
	size_t once = block * sessions;
	long count = (total + once - 1) / once;
	int i;

	pin(0);
	open_all();
	if (from_file || to_file)
		open_files();
	/* Caches, slabs, neighbours.  One turn of many blocks warms enough. */
	for (i = 0; i < (once >= total ? 1 : 4); i++) {
		checking = once >= total;
		turn();
	}
	checking = 0;
	calls = 0;
	/* Asking costs, too: outside of what is measured. */
	was_idle = idle(0);
	t = now();
	while (count--)
		got += turn();
	t = now() - t;
	was_idle = idle(0) - was_idle;
	printf("%s bytes=%llu ns=%llu busy_tx=%llu busy_rx=-1 calls=%ld\n",
	       names[way], got, t, t - was_idle, calls);
	if (once < total) {
		checking = 1;
		turn();
	}
}

/* --- as a stream ----------------------------------------------------------- */

static void receiver(void)
{
	struct epoll_event ev, evs[64];
	size_t len = block < MEM ? block : MEM, n;
	int ep, i, k;

	if (len < BATCH * size)
		len = BATCH * size;
	ep = epoll_create1(0);
	for (i = 0; i < sessions; i++) {
		ev = (struct epoll_event) { .events = EPOLLIN, .data.fd = rx[i] };
		if (epoll_ctl(ep, EPOLL_CTL_ADD, rx[i], &ev))
			die("epoll");
	}
	calls = 0;
	while (!__atomic_load_n(&sh->done, __ATOMIC_ACQUIRE)) {
		if (sessions == 1) {
			/* SO_RCVTIMEO lets it look whether it is over. */
			evs[0].data.fd = rx[0];
			k = 1;
		} else {
			k = epoll_wait(ep, evs, 64, 20);
			calls++;
		}
		for (i = 0; i < k; i++) {
			n = get(evs[i].data.fd, in, len,
				sessions > 1 ? MSG_DONTWAIT : 0);
			if (!n)
				continue;
			__atomic_add_fetch(&sh->received, n, __ATOMIC_RELEASE);
			sh->last = now();
		}
	}
}

/*
 * Waits until no more than @window is on its way.  What does not come for a
 * while is lost.  TCP knows by itself.
 */
static void wait_window(unsigned long long window)
{
	static const struct timespec nap = { .tv_nsec = 50000 };
	unsigned long long seen = received(), since = 0, r;

	if (way == TCP || sent() - seen <= window)
		return;
	/* Sleeping and waking costs: not for every block. */
	while ((r = received()), sent() - r > window / 2) {
		if (r != seen || !since) {
			seen = r;
			since = now();
		} else if (now() - since > NS / 4 && way != RED) {
			__atomic_store_n(&sh->sent, r, __ATOMIC_RELEASE);
			return;
		} else if (now() - since > 20 * NS) {
			errno = ETIMEDOUT;
			die("window");
		}
		nanosleep(&nap, NULL);
	}
}

/* Until all has come, or nothing comes any more. */
static void wait_end(void)
{
	unsigned long long seen = received(), since = now();
	unsigned long long most = way == RED || way == TCP ? 20 * NS : NS / 5;

	while (received() < sent() && now() - since < most) {
		if (received() != seen) {
			seen = received();
			since = now();
		}
		usleep(1000);
	}
	if (received() < sent() && (way == RED || way == TCP)) {
		errno = ETIMEDOUT;
		die("not all came");
	}
}

static void sender(unsigned long long end)
{
	/* Two ends that take turns on a CPU do without much between them. */
	unsigned long long window = pairs ? 4 << 20 : 16 << 20;
	size_t at, n;
	int i;

	if (window < 2 * block * sessions)
		window = 2 * block * sessions;
	if (pairs)
		window *= pairs;
	do {
		for (at = 0; at < block; at += n) {
			n = block - at < piece ? block - at : piece;
			for (i = 0; i < sessions; i++) {
				wait_window(window);
				put(tx[i], out + at % MEM, n, at + n < block);
				__atomic_add_fetch(&sh->sent, n,
						   __ATOMIC_RELEASE);
			}
		}
	} while (now() < end);
}

/* A process on @cpu that receives, or sends until @end. */
static pid_t start(int cpu, unsigned long long end)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	pin(cpu);
	calls = 0;
	if (end)
		sender(end);
	else
		receiver();
	__atomic_add_fetch(&sh->calls, calls, __ATOMIC_RELAXED);
	exit(0);
}

static void ended(pid_t pid, const char *what)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status) {
		errno = ECHILD;
		die(what);
	}
}

static void run_stream(void)
{
	struct timeval tv = { .tv_usec = 20000 };
	int last = cpus() - 1, n = pairs ? pairs : 1, i;
	pid_t receivers[PAIRS_MAX], senders[PAIRS_MAX];
	unsigned long long t, end;
	long long busy[2] = { 0, -1 };

	memset(sh, 0, sizeof(*sh));
	open_all();
	for (i = 0; i < sessions; i++)
		setsockopt(rx[i], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (pairs)
		sessions = 1;
	for (i = 0; i < n; i++, rx++)
		receivers[i] = start(pairs ? i % (last + 1) : last, 0);
	pin(0);
	usleep(20000);
	for (i = 0; i <= !!last; i++)
		busy[i] = idle(i ? last : 0);
	t = now();
	end = t + stream_ms * 1000000ULL;
	for (i = 1, tx++; i < n; i++, tx++)
		senders[i] = start(i % (last + 1), end);
	tx -= n;
	sender(end);
	for (i = 1; i < n; i++)
		ended(senders[i], "sender");
	wait_end();
	end = now();
	for (i = 0; i <= !!last; i++)
		busy[i] = end - t - (idle(i ? last : 0) - busy[i]);
	__atomic_store_n(&sh->done, 1, __ATOMIC_RELEASE);
	for (i = 0; i < n; i++)
		ended(receivers[i], "receiver");
	printf("%s bytes=%llu ns=%llu busy_tx=%lld busy_rx=%lld calls=%ld\n",
	       names[way], sh->received, sh->last - t, busy[0], busy[1],
	       calls + sh->calls);
}

/* --- memory ---------------------------------------------------------------- */

static unsigned long long mem_free(void)
{
	unsigned long long kb = 0;
	char line[128];
	FILE *f;

	f = fopen("/proc/meminfo", "r");
	if (!f)
		die("/proc/meminfo");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %llu", &kb) == 1)
			break;
	fclose(f);
	return kb << 10;
}

/* Until nothing moves any more: what others held is given back late. */
static unsigned long long mem_settled(void)
{
	unsigned long long was = 0, is;
	int i, same = 0;

	for (i = 0; i < 100 && same < 5; i++) {
		is = mem_free();
		same = llabs((long long)(is - was)) <= 65536 ? same + 1 : 0;
		was = is;
		usleep(100000);
	}
	return is;
}

static void mem_look(void)
{
	unsigned long long is = mem_free();

	if (is < sh->least)
		sh->least = is;
}

/* A process that looks all the time. */
static pid_t mem_watch(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!__atomic_load_n(&sh->done, __ATOMIC_ACQUIRE)) {
		mem_look();
		usleep(500);
	}
	exit(0);
}

/*
 * Sends @hold blocks, each by the next session, or sends and receives @total
 * bytes.
 */
static void run_memory(void)
{
	unsigned long long before;
	size_t got = 0, i;
	long long held;
	pid_t watch;

	alarm(300);	/* What has no room waits for ever. */
	memset(sh, 0, sizeof(*sh));
	watch = mem_watch();	/* without sockets */
	open_all();
	before = mem_settled();
	__atomic_store_n(&sh->least, before, __ATOMIC_RELEASE);
	for (i = 0; i < hold; i++, got += block)
		put(tx[i % sessions], out, block, 0);
	while (!hold && got < total)
		got += turn();
	held = before - mem_settled();
	__atomic_store_n(&sh->done, 1, __ATOMIC_RELEASE);
	ended(watch, "watch");
	printf("%s bytes=%zu held=%lld peak=%lld\n", names[way], got, held,
	       (long long)(before - sh->least));
}

/* -------------------------------------------------------------------------- */

static void run(void)
{
	if (hold || peak)
		run_memory();
	else if (stream_ms)
		run_stream();
	else
		run_turns();
	fflush(stdout);
}

static int usage(void)
{
	fprintf(stderr,
		"[OPTION...] NS-A NS-B ADDRESS red|green|gso|mmsg|tcp...\n"
		"  -s BYTES  of a datagram\n"
		"  -b BYTES  of a block\n"
		"  -p BYTES  of a block that each session sends at a time\n"
		"  -c COUNT  of sessions, each with sockets of its own\n"
		"  -r COUNT  of runs of each\n"
		"  -n BYTES  of a run in turn\n"
		"  -t MS     of a stream\n"
		"  -f COUNT  of streams, each a sender and a receiver on a CPU\n"
		"  -h COUNT  of blocks that are sent and not read\n"
		"  -m 1      what memory it takes at the most\n"
		"  -l 1      datagrams get lost\n"
		"  -z 1      with MSG_ZEROCOPY\n"
		"  -o 1      in turn, but nobody receives\n"
		"  -e 1      in turn, from a file in memory, read and sent\n"
		"  -e 2      the same, by sendfile()\n"
		"  -i 1      in turn, into a file in memory, received and written\n"
		"  -i 2      the same, by splice()\n");
	return 2;
}

static enum way way_of(const char *name)
{
	unsigned int w;

	for (w = 0; w < sizeof(names) / sizeof(*names); w++)
		if (!strcmp(name, names[w]))
			return w;
	exit(usage());
}

int main(int argc, char **argv)
{
	int opt, status, bad = 0, i;
	size_t len, k, r;
	pid_t pid;

	while ((opt = getopt(argc, argv, "s:b:p:c:r:n:t:h:l:f:z:o:m:e:i:")) != -1) {
		for (k = 0; k < sizeof(knobs) / sizeof(*knobs); k++)
			if (knobs[k].opt == opt)
				*knobs[k].val = strtoul(optarg, NULL, 0);
		if (opt == '?')
			return usage();
	}
	if (argc - optind < 4 || !size || size > UDP_MOST || !block ||
	    !sessions || pairs > PAIRS_MAX || (pairs && !stream_ms) ||
	    ((from_file || to_file) && (stream_ms || hold)))
		return usage();
	if (pairs)
		sessions = pairs;
	ns[0] = argv[optind];
	ns[1] = argv[optind + 1];
	address = argv[optind + 2];
	if (!piece || piece > block)
		piece = block;
	if (piece > MEM)
		piece = MEM;
	/* Only sendfile() knows where a file ends, and with it a block. */
	if (from_file && piece < block)
		return usage();

	/* Receiving with BATCH buffers may need more than a block. */
	len = (block < MEM ? block : MEM) + BATCH * UDP_MOST;
	out = mmap(NULL, 2 * len, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (out == MAP_FAILED || sh == MAP_FAILED)
		die("mmap");
	in = out + len;
	for (i = 0; i < (int)len; i++)
		out[i] = i * 2654435761U >> 13;

	for (r = 0; r < reps; r++) {
		for (i = optind + 3; i < argc; i++) {
			way = way_of(argv[i]);
			pid = fork();
			if (!pid) {
				run();
				return 0;
			}
			/* One that failed is missing; the others count. */
			if (pid < 0 || waitpid(pid, &status, 0) != pid ||
			    status)
				bad = 1;
		}
	}
	return bad;
}
