/*
 * micro.c - what one call costs: small loops over one kind of call each
 *
 * `micro --list` says which there are; `micro NAME [OPS]` runs one and prints
 * nanoseconds per operation, measured inside the process, so that starting it
 * does not count.  scripts/bench.py runs each with and without the shim, by
 * turns, and compares.
 *
 * Where one thread does the work, the loop is cut into slices and the fastest
 * counts: another program on the processor can only make a slice slower.  Where
 * threads meet, chance makes a slice faster as well: the median slice counts.
 *
 * `--exact` makes one slice of exactly OPS operations, for counting instructions;
 * `--warm` makes as many before, which are not counted.
 * `--size=N` chooses how many locks, threads or processes there are.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "micro.h"

#define SLICES 20

const char *self_path;
uint64_t size = 100000;
uint64_t bytes_each;

void die(const char *what, int err)
{
	fprintf(stderr, "micro: %s: %s\n", what, strerror(err));
	exit(1);
}

void check(const char *what, int err)
{
	if (err)
		die(what, err);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static sem_t bystander_may_go;
static pthread_t bystander;

void *sleep_until_posted(void *unused)
{
	while (sem_wait(&bystander_may_go) != 0)
		;
	return unused;
}

void post_to_sleeper(void)
{
	sem_post(&bystander_may_go);
}

void start_bystander(void)
{
	sem_init(&bystander_may_go, 0, 0);
	check("pthread_create", pthread_create(&bystander, NULL, sleep_until_posted, NULL));
}

void end_bystander(void)
{
	post_to_sleeper();
	check("pthread_join", pthread_join(bystander, NULL));
}

/* ---- finding a workload, and running it ---------------------------------------------- */

static const struct workload *const tables[] = { alone_workloads, meeting_workloads,
						 process_workloads, beside_workloads };

static const int slices_of[] = { [ALONE] = SLICES, [MEETING] = 5, [HANDOVER] = 5,
				 [PROCESS] = 1,    [MEMORY] = 1,  [BESIDE] = SLICES };
static const char *const how_words[] = { "alone",   "meeting", "handover",
					 "process", "memory",  "beside" };

static void list(void)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (const struct workload *w = tables[i]; w->name; w++)
			printf("%s\t%s\t%llu\t%s\n", w->name, how_words[w->how],
			       (unsigned long long)w->ops, w->what);
}

static const struct workload *find(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (const struct workload *w = tables[i]; w->name; w++)
			if (strcmp(w->name, name) == 0)
				return w;
	fprintf(stderr, "micro: %s: no such workload; micro --list names them\n", name);
	exit(2);
}

/*
 * A preload that the loader refused would be measured as costing nothing.
 * Valgrind puts its own before ours.
 */
static void insist_on_preload(void)
{
	const char *all = getenv("LD_PRELOAD");
	const char *last = all ? strrchr(all, ':') : NULL;
	const char *preload = last ? last + 1 : all;
	char line[4096 + 128];
	FILE *maps;

	if (!preload || !*preload)
		return;
	maps = fopen("/proc/self/maps", "r");
	if (!maps)
		die("/proc/self/maps", errno);
	while (fgets(line, sizeof(line), maps)) {
		if (strstr(line, preload)) {
			fclose(maps);
			return;
		}
	}
	fprintf(stderr, "micro: %s: was not preloaded\n", preload);
	exit(1);
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

/* Where instructions are counted: a function of its own, by this name. */
__attribute__((noinline)) static double ns_per_op(const struct workload *load, uint64_t ops,
						  bool exact)
{
	int slices = exact ? 1 : slices_of[load->how];
	uint64_t slice = ops / (unsigned)slices;
	uint64_t took[SLICES];

	if (slice == 0)
		slice = 1;
	if (!exact)
		load->run(slice / 4 + 1); /* caches and tables are warm afterwards */
	for (int i = 0; i < slices; i++) {
		uint64_t start = now_ns();

		load->run(slice);
		took[i] = now_ns() - start;
	}
	qsort(took, (size_t)slices, sizeof(*took), compare);
	return (double)took[slices == SLICES ? 0 : slices / 2] / (double)slice;
}

static int usage(void)
{
	fputs("usage: micro --list | micro NAME [OPS] [--exact] [--warm] [--size=N]\n", stderr);
	return 2;
}

/* Return: the number; 0 is none that anybody asks for */
static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	return *end ? 0 : value;
}

static int run(const struct workload *load, uint64_t ops, bool exact, bool warm)
{
	if (load->setup)
		load->setup();
	if (load->how == MEMORY) {
		load->run(ops);
		printf("%llu\n", (unsigned long long)bytes_each);
	} else {
		if (warm)
			load->run(ops);
		printf("%.3f\n", ns_per_op(load, ops, exact));
	}
	if (load->finish)
		load->finish();
	return 0;
}

int main(int argc, char **argv)
{
	const struct workload *load;
	bool exact = false, warm = false;
	uint64_t ops;

	self_path = argv[0];
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		list();
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--lock-once") == 0) {
		lock_unlock(1);
		return 0;
	}
	if (argc < 2)
		return usage();
	load = find(argv[1]);
	ops = load->ops;
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--exact") == 0)
			exact = true;
		else if (strcmp(argv[i], "--warm") == 0)
			warm = true;
		else if (strncmp(argv[i], "--size=", 7) == 0)
			size = number(argv[i] + 7);
		else
			ops = number(argv[i]);
	}
	if (!ops || !size)
		return usage();
	insist_on_preload();
	return run(load, ops, exact, warm);
}
