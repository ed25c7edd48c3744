/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fuzzers in the guest share: inputs, how they are made and kept,
 * and when to stop.
 *
 * An input is a list of steps, a step the number that the step's random
 * choices are made from.  So an input is short, any list is one, and lists can
 * be cut and mixed.  Where the module was built with cover.c, an input that
 * reached new code is kept and varied; without, all are new.
 *
 *	FUZZ_TIME=SECONDS	how long (120)
 *	FUZZ_SEED=NUMBER	what everything is made from; printed
 *	FUZZ_CORPUS=DIR		where inputs that were kept are read from, and written to
 *	PROGRAM FILE		runs the inputs in it, one a line, as printed
 *
 * The last inputs are in LTP_RESULTS, also if the kernel died of them.
 */
#ifndef _FUZZ_H
#define _FUZZ_H

#include <ctype.h>
#include <pthread.h>

#include "../ksft_ltp.h"

#define STEPS_MAX	32
#define CORPUS_MAX	4096
#define RING		32
#define RECORD		1024

#define COVER	"/sys/module/ltp/parameters/cover_"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

struct input {
	u32 n;
	u64 step[STEPS_MAX];
};

/* What a fuzzer is made of. */
struct fuzzer {
	const char *name;
	/* How many at once, and how many inputs until all starts anew. */
	int threads;
	int round;
	/* What is least: inputs a minute, and calls of the module's reached. */
	u32 inputs;
	u32 pcs;
	/* Both return what went wrong, or NULL. */
	const char *(*begin)(void);
	const char *(*end)(void);
	void (*step)(int thread);
};

static struct fuzz {
	const struct fuzzer *f;
	pthread_mutex_t lock;
	u64 seed;
	s64 from;
	s64 until;
	u64 inputs;
	u64 steps;
	u32 n_corpus;
	struct input *corpus;
	/* What was kept before is tried first; what still reaches something stays. */
	u32 n_old;
	struct input *old;
	struct input ring[RING];
	int kmsg;
	int cover;
	int log;
	u32 pcs;
	bool bad;
} fuzz = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- random choices --- */

static __thread u64 fuzz_state;

static inline u64 mix(u64 x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline u64 rnd(void)
{
	fuzz_state += 0x9e3779b97f4a7c15ULL;
	return mix(fuzz_state);
}

/* Below @n, which is not 0. */
static inline u64 below(u64 n)
{
	return rnd() % n;
}

static inline bool one_in(u32 n)
{
	return !below(n);
}

/* Numbers at which something may happen. */
static inline u64 number(void)
{
	u64 v = 1ULL << below(64);

	switch (below(8)) {
	case 0:
		return 0;
	case 1:
		return below(16);
	case 2:
		return v - 1;
	case 3:
		return v;
	case 4:
		return v + 1;
	case 5:
		return UINT64_MAX - below(3);
	case 6:
		return below(70000);
	default:
		return rnd() >> below(64);
	}
}

/* --- what was reached --- */

static inline u32 cover_now(void)
{
	char buf[16] = "";

	if (fuzz.cover < 0 || pread(fuzz.cover, buf, sizeof(buf) - 1, 0) <= 0)
		return 0;
	return atoi(buf);
}

/* --- what the kernel says --- */

static inline bool is_splat(const char *line)
{
	static const char * const words[] = {
		"WARNING:", "BUG:", "BUG ", "KASAN:", "UBSAN:", "INFO: ",
		"possible ", "suspicious RCU", "inconsistent lock", "ODEBUG:",
		"refcount_t:", "bad unlock", "unregister_netdevice:",
		"corruption", "Oops", "general protection", "stack-protector",
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(line, words[i]))
			return true;
	return false;
}

static inline void print_input(const struct input *in)
{
	u32 i;

	printf("#  ");
	for (i = 0; i < in->n; i++)
		printf(" %llx", in->step[i]);
	printf("\n");
}

/* Complains once, with the inputs that led here. */
static inline void fuzz_bad(const char *why)
{
	u64 i;

	if (fuzz.bad)
		return;
	fuzz.bad = true;
	printf("# %s: seed %llu, after %llu inputs: %s\n", fuzz.f->name,
	       fuzz.seed, fuzz.inputs, why);
	printf("# the last inputs, oldest first:\n");
	for (i = fuzz.inputs > RING ? fuzz.inputs - RING : 0; i < fuzz.inputs;
	     i++)
		print_input(&fuzz.ring[i % RING]);
	fflush(stdout);
}

static inline void hear_kernel(void)
{
	char buf[2048];
	ssize_t n;

	while ((n = read(fuzz.kmsg, buf, sizeof(buf) - 1)) > 0) {
		buf[n] = 0;
		if (is_splat(buf))
			fuzz_bad(buf);
	}
}

/* --- inputs --- */

/* A thread's own choices, beside those of the steps. */
static inline u64 pick(u64 *own, u64 n)
{
	*own += 0x9e3779b97f4a7c15ULL;
	return mix(*own) % n;
}

static inline void vary(struct input *in, u64 *own)
{
	const struct input *other;
	u32 i, k, n;

	for (k = pick(own, 3) + 1; k; k--) {
		i = pick(own, in->n);
		switch (pick(own, 5)) {
		case 0:
			in->step[i] = mix(*own);
			break;
		case 1:
			in->step[i] = in->step[pick(own, in->n)];
			break;
		case 2:
			if (in->n < STEPS_MAX)
				in->step[in->n++] = mix(*own);
			break;
		case 3:
			if (in->n > 1)
				in->step[i] = in->step[--in->n];
			break;
		default:
			other = &fuzz.corpus[pick(own, fuzz.n_corpus)];
			n = STEPS_MAX - i < other->n ? STEPS_MAX - i : other->n;
			memcpy(in->step + i, other->step, n * sizeof(u64));
			in->n = i + n > in->n ? i + n : in->n;
		}
	}
}

static inline void make_input(struct input *in, u64 *own)
{
	u32 i;

	pthread_mutex_lock(&fuzz.lock);
	if (fuzz.inputs < fuzz.n_old) {
		*in = fuzz.old[fuzz.inputs];
	} else if (fuzz.n_corpus && pick(own, 4)) {
		*in = fuzz.corpus[pick(own, fuzz.n_corpus)];
		vary(in, own);
	} else {
		in->n = 1 + pick(own, STEPS_MAX);
		for (i = 0; i < in->n; i++)
			in->step[i] = mix(*own + i);
	}
	pthread_mutex_unlock(&fuzz.lock);
}

static inline void log_input(const struct input *in, u64 at)
{
	char buf[RECORD];
	int n;
	u32 i;

	if (fuzz.log < 0)
		return;
	n = snprintf(buf, RECORD, "%llu:", at);
	for (i = 0; i < in->n; i++)
		n += snprintf(buf + n, RECORD - n, " %llx", in->step[i]);
	memset(buf + n, ' ', RECORD - n);
	buf[RECORD - 1] = '\n';
	if (pwrite(fuzz.log, buf, RECORD, at % RING * RECORD) == RECORD)
		fdatasync(fuzz.log);
}

static inline void run_input(const struct input *in, int thread)
{
	u64 at;
	u32 i, pcs;

	pthread_mutex_lock(&fuzz.lock);
	at = fuzz.inputs++;
	fuzz.ring[at % RING] = *in;
	fuzz.steps += in->n;
	pthread_mutex_unlock(&fuzz.lock);
	log_input(in, at);

	for (i = 0; i < in->n && !fuzz.bad; i++) {
		fuzz_state = in->step[i];
		fuzz.f->step(thread);
	}

	pthread_mutex_lock(&fuzz.lock);
	hear_kernel();
	pcs = cover_now();
	if (pcs > fuzz.pcs) {
		fuzz.pcs = pcs;
		fuzz.corpus[fuzz.n_corpus < CORPUS_MAX ? fuzz.n_corpus++ :
			    at % CORPUS_MAX] = *in;
	}
	pthread_mutex_unlock(&fuzz.lock);
}

struct fuzz_thread {
	pthread_t id;
	int n;
	u64 own;
};

static inline void *fuzz_thread(void *arg)
{
	struct fuzz_thread *t = arg;
	struct input in;
	int i;

	for (i = 0; i < fuzz.f->round && !fuzz.bad && now_ms() < fuzz.until;
	     i++) {
		make_input(&in, &t->own);
		run_input(&in, t->n);
	}
	return NULL;
}

static inline void fuzz_round(struct fuzz_thread *threads)
{
	const char *why = fuzz.f->begin();
	int i;

	if (why) {
		fuzz_bad(why);
		return;
	}
	for (i = 1; i < fuzz.f->threads; i++)
		pthread_create(&threads[i].id, NULL, fuzz_thread, &threads[i]);
	fuzz_thread(&threads[0]);
	for (i = 1; i < fuzz.f->threads; i++)
		pthread_join(threads[i].id, NULL);
	why = fuzz.f->end();
	if (why) {
		fuzz_bad(why);
		if (system("ltp -s session; ltp -s span") < 0)
			perror("ltp");
	}
	hear_kernel();
}

static inline void cover_dump(void)
{
	char path[256];
	int n, fd = open(COVER "dump", O_WRONLY);

	if (fd < 0)
		return;
	n = snprintf(path, sizeof(path), "%s/%s.cover",
		     getenv("LTP_RESULTS") ?: "/tmp", fuzz.f->name);
	if (write(fd, path, n) != n)
		perror(path);
	close(fd);
}

static inline void fuzz_report(bool all)
{
	static s64 next;

	if (!all && now_ms() < next)
		return;
	next = now_ms() + 60000;
	printf("# %s: %llu inputs, %llu steps, %u kept, %u PCs\n",
	       fuzz.f->name, fuzz.inputs, fuzz.steps, fuzz.n_corpus,
	       cover_now());
	fflush(stdout);
}

/* An input, of a line; what is no number is skipped. */
static inline bool read_input(struct input *in, char *line)
{
	char *word, *save;

	in->n = 0;
	for (word = strtok_r(line, "\n ", &save);
	     word && in->n < STEPS_MAX; word = strtok_r(NULL, "\n ", &save))
		if (isxdigit(*word) && !strchr(word, ':'))
			in->step[in->n++] = strtoull(word, NULL, 16);
	return in->n;
}

static inline FILE *corpus_file(const char *mode)
{
	const char *dir = getenv("FUZZ_CORPUS");
	char path[256];

	if (!dir || fuzz.cover < 0)
		return NULL;
	snprintf(path, sizeof(path), "%s/%s.corpus", dir, fuzz.f->name);
	return fopen(path, mode);
}

static inline void corpus_read(void)
{
	FILE *f = corpus_file("r");
	char line[RECORD + 64];

	while (f && fuzz.n_old < CORPUS_MAX && fgets(line, sizeof(line), f))
		fuzz.n_old += read_input(&fuzz.old[fuzz.n_old], line);
	if (f)
		fclose(f);
}

static inline void write_input(FILE *f, const struct input *in)
{
	u32 i;

	for (i = 0; i < in->n; i++)
		fprintf(f, " %llx", in->step[i]);
	fprintf(f, "\n");
}

static inline void corpus_write(void)
{
	FILE *f = fuzz.bad ? NULL : corpus_file("w");
	u64 i;

	if (!f)
		return;
	for (i = 0; i < fuzz.n_corpus; i++)
		write_input(f, &fuzz.corpus[i]);
	for (i = fuzz.inputs; i < fuzz.n_old; i++)
		write_input(f, &fuzz.old[i]);
	fclose(f);
}

/* That too little was tried is no success. */
static inline void fuzz_enough(void)
{
	u64 ms = now_ms() - fuzz.from;
	char why[128];

	if (fuzz.inputs * 60000 < (u64)fuzz.f->inputs * ms)
		snprintf(why, sizeof(why), "%llu inputs in %llu s, not %u a minute",
			 fuzz.inputs, ms / 1000, fuzz.f->inputs);
	else if (fuzz.cover >= 0 && cover_now() < fuzz.f->pcs)
		snprintf(why, sizeof(why), "%u of at least %u PCs reached",
			 cover_now(), fuzz.f->pcs);
	else
		return;
	fuzz_bad(why);
}

/* Runs the inputs in a file, one a line; what is no number is skipped. */
static inline int fuzz_again(const char *path)
{
	char line[RECORD + 64];
	FILE *f = fopen(path, "r");
	struct input in;
	const char *why;

	why = f ? fuzz.f->begin() : path;
	while (!why && !fuzz.bad && fgets(line, sizeof(line), f))
		if (read_input(&in, line))
			run_input(&in, 0);
	if (!why)
		why = fuzz.f->end();
	if (why)
		fuzz_bad(why);
	hear_kernel();
	return fuzz.bad;
}

static inline int fuzz_main(const struct fuzzer *f, int argc, char **argv)
{
	const char *env = getenv("FUZZ_TIME"), *dir = getenv("LTP_RESULTS");
	struct fuzz_thread threads[8] = {};
	char path[256];
	int i;

	fuzz.f = f;
	fuzz.from = now_ms();
	fuzz.until = fuzz.from + 1000LL * (env ? atoi(env) : 120);
	env = getenv("FUZZ_SEED");
	fuzz.seed = env && *env ? strtoull(env, NULL, 0) :
		    (u64)time(NULL) << 8 ^ getpid();
	fuzz.corpus = calloc(CORPUS_MAX, sizeof(*fuzz.corpus));
	fuzz.old = calloc(CORPUS_MAX, sizeof(*fuzz.old));
	fuzz.kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (!fuzz.corpus || !fuzz.old || fuzz.kmsg < 0 || lseek(fuzz.kmsg, 0, SEEK_END) < 0)
		return 1;
	fuzz.cover = open(COVER "pcs", O_RDONLY);
	snprintf(path, sizeof(path), "%s/%s.last", dir ?: "/tmp", f->name);
	fuzz.log = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (argc > 1)
		return fuzz_again(argv[1]);

	corpus_read();
	printf("# %s: seed %llu, %u inputs kept before\n", f->name, fuzz.seed,
	       fuzz.n_old);
	fflush(stdout);
	for (i = 0; i < f->threads; i++) {
		threads[i].n = i;
		threads[i].own = mix(fuzz.seed + i);
	}
	while (!fuzz.bad && now_ms() < fuzz.until) {
		fuzz_round(threads);
		fuzz_report(false);
	}
	fuzz_report(true);
	if (!fuzz.bad)
		fuzz_enough();
	corpus_write();
	cover_dump();
	printf("1..1\n%sok 1 - %s\n", fuzz.bad ? "not " : "", f->name);
	return fuzz.bad;
}

#endif /* _FUZZ_H */
