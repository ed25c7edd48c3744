// SPDX-License-Identifier: GPL-2.0
/*
 * flows NS-A NS-B PAIRS CPUS BLOCK COUNT: PAIRS senders in network namespace
 * NS-A send COUNT blocks each to engine 2, service 9, which PAIRS readers in
 * NS-B share with SO_REUSEPORT.  The i-th sender and the i-th reader run on CPU
 * i modulo CPUS; CPUS 0 puts all senders on CPU 0 and all readers on CPU 1.
 * Prints the payload bytes, the nanoseconds until the last was read, and the
 * nanoseconds that the CPUs were not idle.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/ltp.h>

#define PAIRS_MAX	64

static size_t block;
static long count, cpus;
static atomic_ullong left;
static pthread_barrier_t start;
static int tx[PAIRS_MAX], rx[PAIRS_MAX];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void enter(const char *ns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

static void pin(long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static int socket_in(const char *ns)
{
	int fd, one = 1, rcv = 64 << 20, snd = 4 << 20;

	enter(ns);
	fd = socket(AF_LTP, SOCK_RDM, 0);
	if (fd < 0)
		die("socket");
	if (setsockopt(fd, SOL_LTP, LTP_RCVBUF, &rcv, sizeof(rcv)) ||
	    setsockopt(fd, SOL_LTP, LTP_SNDBUF, &snd, sizeof(snd)) ||
	    setsockopt(fd, SOL_LTP, LTP_REUSEPORT, &one, sizeof(one)))
		die("setsockopt");
	return fd;
}

static void *sender(void *arg)
{
	long n = (long)arg, i;
	char *buf = calloc(1, block);

	pin(cpus ? n % cpus : 0);
	pthread_barrier_wait(&start);
	for (i = 0; i < count; i++)
		if (send(tx[n], buf, block, 0) != (ssize_t)block)
			die("send");
	free(buf);
	return NULL;
}

static void *reader(void *arg)
{
	struct pollfd p = { .fd = rx[(long)arg], .events = POLLIN };
	char *buf = calloc(1, block);
	long n = (long)arg;
	ssize_t got;

	pin(cpus ? n % cpus : 1);
	pthread_barrier_wait(&start);
	while (atomic_load(&left)) {
		got = recv(p.fd, buf, block, MSG_DONTWAIT);
		if (got > 0)
			atomic_fetch_sub(&left, got);
		else if (got < 0 && errno != EAGAIN)
			die("recv");
		else
			poll(&p, 1, 20);
	}
	free(buf);
	return NULL;
}

static unsigned long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Of all CPUs since boot; the kernel counts it in ticks of 10 ms here. */
static unsigned long long busy(void)
{
	unsigned long long t[8] = {};
	FILE *f = fopen("/proc/stat", "r");

	if (!f || fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu",
			 &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6],
			 &t[7]) != 8)
		die("/proc/stat");
	fclose(f);
	return (t[0] + t[1] + t[2] + t[5] + t[6]) * 1000000000ULL /
	       sysconf(_SC_CLK_TCK);
}

int main(int argc, char **argv)
{
	struct sockaddr_ltp a = { .sltp_family = AF_LTP, .sltp_service = 9 };
	pthread_t thread[2 * PAIRS_MAX];
	unsigned long long t, b;
	long pairs, i;

	if (argc != 7) {
		fprintf(stderr, "usage: flows NS-A NS-B PAIRS CPUS BLOCK COUNT\n");
		return 2;
	}
	pairs = atol(argv[3]);
	cpus = atol(argv[4]);
	block = atol(argv[5]);
	count = atol(argv[6]);
	if (pairs < 1 || pairs > PAIRS_MAX)
		return 2;
	for (i = 0; i < pairs; i++) {
		rx[i] = socket_in(argv[2]);
		if (bind(rx[i], (struct sockaddr *)&a, sizeof(a)))
			die("bind");
	}
	a.sltp_engine = 2;
	for (i = 0; i < pairs; i++) {
		tx[i] = socket_in(argv[1]);
		if (connect(tx[i], (struct sockaddr *)&a, sizeof(a)))
			die("connect");
	}
	atomic_store(&left, (unsigned long long)pairs * block * count);
	pthread_barrier_init(&start, NULL, 2 * pairs + 1);
	for (i = 0; i < pairs; i++)
		if (pthread_create(&thread[2 * i], NULL, sender, (void *)i) ||
		    pthread_create(&thread[2 * i + 1], NULL, reader, (void *)i))
			die("pthread_create");
	pthread_barrier_wait(&start);
	b = busy();
	t = now();
	for (i = 0; i < 2 * pairs; i++)
		pthread_join(thread[i], NULL);
	t = now() - t;
	b = busy() - b;
	printf("%llu %llu %llu\n", (unsigned long long)pairs * block * count, t,
	       b);
	return 0;
}
