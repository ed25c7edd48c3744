// SPDX-License-Identifier: GPL-2.0
/*
 * turn WHAT NS-A NS-B ADDRESS SIZE BLOCK COUNT: one process sends a block from
 * network namespace NS-A to ADDRESS in NS-B, receives it there, and so on COUNT
 * times.  Nothing ever waits, so where time counts instructions (qemu -icount)
 * the time it takes is the instructions of both ends, kernel and user.
 *
 * WHAT is red, green (AF_LTP, engine 2, service 9), gso (UDP_SEGMENT and
 * UDP_GRO), mmsg (sendmmsg and recvmmsg) or tcp.  SIZE is the bytes of one
 * datagram.  Prints bytes, nanoseconds and system calls of the turns.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/ltp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT	103
#define UDP_GRO		104
#endif

#define PORT		5555
#define BATCH		64

static size_t block, size;
static unsigned char *out, *in;
static long calls;

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

static unsigned long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static int socket_in(const char *ns, int family, int type)
{
	int fd, bytes = 64 << 20;

	enter(ns);
	fd = socket(family, type, 0);
	if (fd < 0)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		die("buffers");
	if (family == AF_LTP &&
	    (setsockopt(fd, SOL_LTP, LTP_RCVBUF, &bytes, sizeof(bytes)) ||
	     setsockopt(fd, SOL_LTP, LTP_SNDBUF, &bytes, sizeof(bytes))))
		die("buffers");
	return fd;
}

static void ltp_pair(int *tx, int *rx, const char **ns, int type)
{
	struct sockaddr_ltp a = { .sltp_family = AF_LTP, .sltp_service = 9 };

	*rx = socket_in(ns[1], AF_LTP, type);
	if (bind(*rx, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	*tx = socket_in(ns[0], AF_LTP, type);
	a.sltp_engine = 2;
	if (connect(*tx, (struct sockaddr *)&a, sizeof(a)))
		die("connect");
}

static void inet_pair(int *tx, int *rx, const char **ns, const char *addr,
		      int type)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
	};
	int one = 1, l;

	l = socket_in(ns[1], AF_INET, type);
	*rx = l;
	if (bind(l, (struct sockaddr *)&a, sizeof(a)) ||
	    (type == SOCK_STREAM && listen(l, 1)))
		die("bind");
	*tx = socket_in(ns[0], AF_INET, type);
	a.sin_addr.s_addr = inet_addr(addr);
	if (connect(*tx, (struct sockaddr *)&a, sizeof(a)))
		die("connect");
	if (type == SOCK_STREAM) {
		*rx = accept(l, NULL, NULL);
		setsockopt(*tx, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
}

static void send_all(int fd, size_t most)
{
	size_t at;
	ssize_t n;

	for (at = 0; at < block; at += n, calls++) {
		n = send(fd, out + at, block - at < most ? block - at : most,
			 0);
		if (n < 0)
			die("send");
	}
}

static void recv_all(int fd)
{
	size_t at;
	ssize_t n;

	for (at = 0; at < block; at += n, calls++) {
		n = recv(fd, in + at, block - at, MSG_DONTWAIT);
		if (n <= 0)
			die("recv");
	}
}

static void mmsg_all(int fd, unsigned char *buf, int send)
{
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	size_t at = 0, p;
	int n, i;

	while (at < block) {
		memset(m, 0, sizeof(m));
		for (i = 0, p = at; i < BATCH && p < block; i++, p += size) {
			iov[i].iov_base = buf + p;
			iov[i].iov_len = block - p < size ? block - p : size;
			m[i].msg_hdr.msg_iov = &iov[i];
			m[i].msg_hdr.msg_iovlen = 1;
		}
		n = send ? sendmmsg(fd, m, i, 0) :
			   recvmmsg(fd, m, i, MSG_DONTWAIT, NULL);
		if (n <= 0)
			die("mmsg");
		calls++;
		for (i = 0; i < n; i++)
			at += m[i].msg_len;
	}
}

static void turn(const char *what, int tx, int rx)
{
	/* The most that UDP_SEGMENT takes: whole datagrams of one IP packet. */
	size_t burst = 65507 / size * size;

	if (!strcmp(what, "mmsg")) {
		mmsg_all(tx, out, 1);
		mmsg_all(rx, in, 0);
		return;
	}
	send_all(tx, !strcmp(what, "gso") ? burst : block);
	recv_all(rx);
}

int main(int argc, char **argv)
{
	const char *what, *ns[2];
	unsigned long long t;
	int tx, rx, one = 1;
	long count, i;
	int udp_size;

	if (argc != 8) {
		fprintf(stderr, "usage: turn WHAT NS-A NS-B ADDRESS SIZE BLOCK COUNT\n");
		return 2;
	}
	what = argv[1];
	ns[0] = argv[2];
	ns[1] = argv[3];
	size = atol(argv[5]);
	block = atol(argv[6]);
	count = atol(argv[7]);
	out = mmap(NULL, 2 * block, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (out == MAP_FAILED)
		die("mmap");
	in = out + block;
	for (i = 0; i < (long)block; i++)
		out[i] = i * 2654435761U >> 13;

	if (!strcmp(what, "red")) {
		ltp_pair(&tx, &rx, ns, SOCK_RDM);
	} else if (!strcmp(what, "green")) {
		ltp_pair(&tx, &rx, ns, SOCK_DGRAM);
	} else if (!strcmp(what, "tcp")) {
		inet_pair(&tx, &rx, ns, argv[4], SOCK_STREAM);
	} else {
		inet_pair(&tx, &rx, ns, argv[4], SOCK_DGRAM);
		udp_size = size;
		if (!strcmp(what, "gso") &&
		    (setsockopt(tx, IPPROTO_UDP, UDP_SEGMENT, &udp_size,
				sizeof(udp_size)) ||
		     setsockopt(rx, IPPROTO_UDP, UDP_GRO, &one, sizeof(one))))
			die("UDP_SEGMENT");
	}

	for (i = 0; i < 4; i++)		/* caches, slabs, neighbours */
		turn(what, tx, rx);
	calls = 0;
	t = now();
	for (i = 0; i < count; i++)
		turn(what, tx, rx);
	t = now() - t;
	if (memcmp(in, out, block)) {
		fprintf(stderr, "turn: %s: received what was not sent\n", what);
		return 1;
	}
	printf("%s %llu %llu %ld\n", what, (unsigned long long)block * count, t,
	       calls);
	return 0;
}
