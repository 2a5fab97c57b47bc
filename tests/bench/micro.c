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
 * `--exact` makes one slice of exactly OPS operations, for counting instructions.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLICES 20
#define MANY 100000
#define ORDERED 512
#define WORK 20

extern char **environ;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t nest[8] = {
	PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
	PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
	PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
};
static pthread_mutex_t recursive_mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spinlock;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t *many;
static sem_t semaphore;
static const char *self_path;

static void die(const char *what, int err)
{
	fprintf(stderr, "micro: %s: %s\n", what, strerror(err));
	exit(1);
}

static void check(const char *what, int err)
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

/* ---- a second thread, asleep: glibc then locks with atomic instructions ---- */

static sem_t bystander_may_go;
static pthread_t bystander;

static void *sleep_until_posted(void *unused)
{
	while (sem_wait(&bystander_may_go) != 0)
		;
	return unused;
}

static void start_bystander(void)
{
	sem_init(&bystander_may_go, 0, 0);
	check("pthread_create", pthread_create(&bystander, NULL, sleep_until_posted, NULL));
}

static void end_bystander(void)
{
	sem_post(&bystander_may_go);
	check("pthread_join", pthread_join(bystander, NULL));
}

/* ---- one thread does the work -------------------------------------------- */

static void lock_unlock(uint64_t ops)
{
	while (ops--) {
		pthread_mutex_lock(&mutex);
		pthread_mutex_unlock(&mutex);
	}
}

/* One operation is one lock and its unlock, at whatever depth. */
static void nested(uint64_t ops, int depth)
{
	for (uint64_t done = 0; done < ops; done += (uint64_t)depth) {
		for (int i = 0; i < depth; i++)
			pthread_mutex_lock(&nest[i]);
		for (int i = depth; i-- > 0;)
			pthread_mutex_unlock(&nest[i]);
	}
}

static void nested2(uint64_t ops)
{
	nested(ops, 2);
}

static void nested4(uint64_t ops)
{
	nested(ops, 4);
}

static void nested8(uint64_t ops)
{
	nested(ops, 8);
}

/* The calls behind it keep each frame alive: none may become a jump. */
__attribute__((noinline)) static uint64_t at_depth(int depth, uint64_t ops)
{
	uint64_t frame = (uint64_t)depth;

	if (depth == 0)
		lock_unlock(ops);
	else
		frame += at_depth(depth - 1, ops);
	__asm__ volatile("" : "+r"(frame));
	return frame;
}

static void deep_stack(uint64_t ops)
{
	at_depth(50, ops);
}

static void setup_many(void)
{
	start_bystander();
	many = calloc(MANY, sizeof(*many));
	if (!many)
		die("100 000 locks", errno);
	for (int i = 0; i < MANY; i++)
		check("pthread_mutex_init", pthread_mutex_init(&many[i], NULL));
}

static void finish_many(void)
{
	for (int i = 0; i < MANY; i++)
		pthread_mutex_destroy(&many[i]);
	free(many);
	end_bystander();
}

static void round_robin(uint64_t ops)
{
	static size_t next;

	while (ops--) {
		pthread_mutex_lock(&many[next]);
		pthread_mutex_unlock(&many[next]);
		next = next + 1 < MANY ? next + 1 : 0;
	}
}

static void round_robin_inside(uint64_t ops)
{
	pthread_mutex_lock(&mutex);
	round_robin(ops);
	pthread_mutex_unlock(&mutex);
}

/* Pairs by address, so without any cycle; 130 816 different orders. */
static void random_pairs(uint64_t ops)
{
	static uint32_t seed = 12345;

	for (uint64_t done = 0; done < ops; done += 2) {
		uint32_t a, b;

		seed = seed * 1664525u + 1013904223u;
		a = (seed >> 8) % (ORDERED - 1);
		b = a + 1 + (seed >> 20) % (ORDERED - 1 - a);
		pthread_mutex_lock(&many[a]);
		pthread_mutex_lock(&many[b]);
		pthread_mutex_unlock(&many[b]);
		pthread_mutex_unlock(&many[a]);
	}
}

static void churn(uint64_t ops)
{
	pthread_mutex_t passing;

	while (ops--) {
		pthread_mutex_init(&passing, NULL);
		pthread_mutex_lock(&passing);
		pthread_mutex_unlock(&passing);
		pthread_mutex_destroy(&passing);
	}
}

/* The outer acquisition is made once for all: what is measured is re-entry. */
static void recursive(uint64_t ops)
{
	pthread_mutex_lock(&recursive_mutex);
	while (ops--) {
		pthread_mutex_lock(&recursive_mutex);
		pthread_mutex_unlock(&recursive_mutex);
	}
	pthread_mutex_unlock(&recursive_mutex);
}

static void trylock(uint64_t ops)
{
	while (ops--)
		if (pthread_mutex_trylock(&mutex) == 0)
			pthread_mutex_unlock(&mutex);
}

static void rwlock_read(uint64_t ops)
{
	while (ops--) {
		pthread_rwlock_rdlock(&rwlock);
		pthread_rwlock_unlock(&rwlock);
	}
}

static void rwlock_write(uint64_t ops)
{
	while (ops--) {
		pthread_rwlock_wrlock(&rwlock);
		pthread_rwlock_unlock(&rwlock);
	}
}

static void setup_spin(void)
{
	start_bystander();
	check("pthread_spin_init", pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
}

static void spin(uint64_t ops)
{
	while (ops--) {
		pthread_spin_lock(&spinlock);
		pthread_spin_unlock(&spinlock);
	}
}

static void setup_semaphore(void)
{
	start_bystander();
	sem_init(&semaphore, 0, 1);
}

static void sem_wait_post(uint64_t ops)
{
	while (ops--) {
		sem_wait(&semaphore);
		sem_post(&semaphore);
	}
}

static void *end_at_once(void *unused)
{
	return unused;
}

static void create_join(uint64_t ops)
{
	while (ops--) {
		pthread_t thread;

		check("pthread_create", pthread_create(&thread, NULL, end_at_once, NULL));
		check("pthread_join", pthread_join(thread, NULL));
	}
}

/* The child does nothing: what is measured is the fork, and the child's end. */
static void fork_and_wait(uint64_t ops)
{
	while (ops--) {
		pid_t pid = fork();
		int status;

		if (pid < 0)
			die("fork", errno);
		if (pid == 0)
			_exit(0);
		if (waitpid(pid, &status, 0) != pid || status != 0)
			die("the child failed", errno);
	}
}

/* ---- two threads meet ------------------------------------------------------ */

/* The second thread does the same as the caller, or its counterpart. */
static void with_partner(void *(*partner)(void *), void *(*own)(void *), uint64_t ops)
{
	pthread_t thread;

	check("pthread_create", pthread_create(&thread, NULL, partner, &ops));
	own(&ops);
	check("pthread_join", pthread_join(thread, NULL));
}

static volatile uint64_t shared_counter;

static void count(volatile uint64_t *counter)
{
	for (int i = 0; i < WORK; i++)
		++*counter;
}

/* As much work with the lock as without: the two threads are in each other's way. */
static void *count_under_lock(void *ops)
{
	volatile uint64_t own_counter = 0;

	for (uint64_t left = *(uint64_t *)ops / 2; left; left--) {
		pthread_mutex_lock(&mutex);
		count(&shared_counter);
		pthread_mutex_unlock(&mutex);
		count(&own_counter);
	}
	return NULL;
}

static void contended(uint64_t ops)
{
	with_partner(count_under_lock, count_under_lock, ops);
}

/* Eight threads, each with its share of the operations. */
static void *quarter_of_the_counting(void *ops)
{
	uint64_t share = *(uint64_t *)ops / 4;

	return count_under_lock(&share);
}

static void crowded(uint64_t ops)
{
	pthread_t thread[8];

	for (int i = 0; i < 8; i++)
		check("pthread_create",
		      pthread_create(&thread[i], NULL, quarter_of_the_counting, &ops));
	for (int i = 0; i < 8; i++)
		check("pthread_join", pthread_join(thread[i], NULL));
}

/* A mutex of each thread's own, far from the other's. */
static void *lock_ones_own(void *ops)
{
	pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;

	for (uint64_t left = *(uint64_t *)ops / 2; left; left--) {
		pthread_mutex_lock(&own);
		pthread_mutex_unlock(&own);
	}
	return NULL;
}

static void private_mutexes(uint64_t ops)
{
	with_partner(lock_ones_own, lock_ones_own, ops);
}

static sem_t ping, pong;

static void setup_ping_pong(void)
{
	sem_init(&ping, 0, 0);
	sem_init(&pong, 0, 0);
}

static void *send_pings(void *ops)
{
	for (uint64_t left = *(uint64_t *)ops; left; left--) {
		sem_post(&ping);
		while (sem_wait(&pong) != 0)
			;
	}
	return NULL;
}

static void *send_pongs(void *ops)
{
	for (uint64_t left = *(uint64_t *)ops; left; left--) {
		while (sem_wait(&ping) != 0)
			;
		sem_post(&pong);
	}
	return NULL;
}

static void sem_ping_pong(uint64_t ops)
{
	with_partner(send_pongs, send_pings, ops);
}

static int turn;

static void take_turns(uint64_t turns, int mine)
{
	while (turns--) {
		pthread_mutex_lock(&mutex);
		while (turn != mine)
			pthread_cond_wait(&condition, &mutex);
		turn = !mine;
		pthread_cond_signal(&condition);
		pthread_mutex_unlock(&mutex);
	}
}

static void *take_first_turns(void *ops)
{
	take_turns(*(uint64_t *)ops, 0);
	return NULL;
}

static void *take_second_turns(void *ops)
{
	take_turns(*(uint64_t *)ops, 1);
	return NULL;
}

static void cond_ping_pong(uint64_t ops)
{
	with_partner(take_second_turns, take_first_turns, ops);
}

/* ---- a whole process --------------------------------------------------------- */

/*
 * Starts this program, to lock once and exit.  This one is not preloaded:
 * what the started one is to have comes in MICRO_PRELOAD.
 */
static void startup(uint64_t ops)
{
	const char *preload = getenv("MICRO_PRELOAD");
	char *const args[] = { (char *)self_path, (char *)"--lock-once", NULL };

	if (preload && *preload)
		setenv("LD_PRELOAD", preload, 1);
	while (ops--) {
		pid_t pid;
		int status;

		check("posix_spawn", posix_spawn(&pid, self_path, NULL, NULL, args, environ));
		if (waitpid(pid, &status, 0) != pid || status != 0)
			die("the started process failed", errno);
	}
	unsetenv("LD_PRELOAD");
}

/* ---- memory -------------------------------------------------------------------- */

/* Bytes of memory that are this process's, a shared page counted by its share. */
static uint64_t memory_in_use(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[128];
	unsigned long long kilobytes = 0;

	if (!file)
		die("/proc/self/smaps_rollup", errno);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Pss: %llu kB", &kilobytes) == 1)
			break;
	fclose(file);
	return kilobytes * 1024;
}

static pthread_barrier_t all_started;

static void *lock_once_and_stay(void *unused)
{
	lock_unlock(1);
	pthread_barrier_wait(&all_started);
	return sleep_until_posted(unused);
}

static uint64_t bytes_each; /* result of the workloads below */

/* What @threads threads that have locked cost, stacks and all, per thread. */
static void thread_memory(uint64_t threads)
{
	pthread_t *thread = calloc(threads, sizeof(*thread));
	pthread_attr_t small;
	uint64_t before, after;

	if (!thread)
		die("threads", errno);
	start_bystander(); /* what comes with the first thread is not counted */
	lock_unlock(1);
	pthread_barrier_init(&all_started, NULL, (unsigned)threads + 1);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	before = memory_in_use();
	for (uint64_t i = 0; i < threads; i++)
		check("pthread_create",
		      pthread_create(&thread[i], &small, lock_once_and_stay, NULL));
	pthread_barrier_wait(&all_started);
	after = memory_in_use();
	for (uint64_t i = 0; i < threads; i++)
		sem_post(&bystander_may_go);
	end_bystander(); /* one more: all sleep on the same semaphore */
	for (uint64_t i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	free(thread);
	bytes_each = (after - before) / threads;
}

/* What it costs to have taken each of @locks locks while another one is held. */
static void lock_memory(uint64_t locks)
{
	uint64_t before, after;

	setup_many();
	if (locks > MANY)
		locks = MANY;
	lock_unlock(1);
	before = memory_in_use();
	pthread_mutex_lock(&mutex);
	for (uint64_t i = 0; i < locks; i++) {
		pthread_mutex_lock(&many[i]);
		pthread_mutex_unlock(&many[i]);
	}
	pthread_mutex_unlock(&mutex);
	after = memory_in_use();
	finish_many();
	bytes_each = (after - before) / locks;
}

/* ---- the table, and running one of it ---------------------------------------------- */

enum how {
	ALONE,    /* one thread works */
	MEETING,  /* two at the same time, wherever the scheduler puts them */
	HANDOVER, /* two in turn: on one processor, or where they run would decide */
	PROCESS,
	MEMORY,
};

static const struct workload {
	const char *name;
	enum how how;
	uint64_t ops; /* for about a tenth of a second, native */
	void (*setup)(void);
	void (*run)(uint64_t ops);
	void (*finish)(void);
	const char *what;
} workloads[] = {
	{ "one_thread", ALONE, 16000000, NULL, lock_unlock, NULL, "mutex, process of one thread" },
	{ "uncontended", ALONE, 8000000, start_bystander, lock_unlock, end_bystander,
	  "mutex, uncontended" },
	{ "nested2", ALONE, 8000000, start_bystander, nested2, end_bystander, "mutex, 2 nested" },
	{ "nested4", ALONE, 8000000, start_bystander, nested4, end_bystander, "mutex, 4 nested" },
	{ "nested8", ALONE, 8000000, start_bystander, nested8, end_bystander, "mutex, 8 nested" },
	{ "deep_stack", ALONE, 8000000, start_bystander, deep_stack, end_bystander,
	  "mutex, 50 calls deep" },
	{ "many_locks", ALONE, 6000000, setup_many, round_robin, finish_many,
	  "100 000 mutexes in turn" },
	{ "many_inside", ALONE, 6000000, setup_many, round_robin_inside, finish_many,
	  "100 000 mutexes in turn, inside another" },
	{ "many_orders", ALONE, 6000000, setup_many, random_pairs, finish_many,
	  "130 000 lock orders at random" },
	{ "churn", ALONE, 6000000, start_bystander, churn, end_bystander,
	  "init, lock, unlock, destroy" },
	{ "recursive", ALONE, 10000000, start_bystander, recursive, end_bystander,
	  "recursive mutex, taken again" },
	{ "trylock", ALONE, 8000000, start_bystander, trylock, end_bystander,
	  "trylock and unlock" },
	{ "rwlock_read", ALONE, 6000000, start_bystander, rwlock_read, end_bystander,
	  "rwlock, read" },
	{ "rwlock_write", ALONE, 6000000, start_bystander, rwlock_write, end_bystander,
	  "rwlock, write" },
	{ "spinlock", ALONE, 10000000, setup_spin, spin, end_bystander, "spinlock" },
	{ "semaphore", ALONE, 6000000, setup_semaphore, sem_wait_post, end_bystander,
	  "semaphore, wait and post" },
	{ "contended", MEETING, 2000000, NULL, contended, NULL, "two threads, one mutex" },
	{ "crowded", MEETING, 2000000, NULL, crowded, NULL, "eight threads, one mutex" },
	{ "private", MEETING, 12000000, NULL, private_mutexes, NULL,
	  "two threads, a mutex of its own each" },
	{ "sem_ping_pong", HANDOVER, 40000, setup_ping_pong, sem_ping_pong, NULL,
	  "two threads hand over by semaphores" },
	{ "cond_ping_pong", HANDOVER, 40000, NULL, cond_ping_pong, NULL,
	  "two threads hand over by a condition" },
	{ "create_join", HANDOVER, 4000, NULL, create_join, NULL, "create and join a thread" },
	{ "fork", HANDOVER, 1000, NULL, fork_and_wait, NULL, "fork a child and wait for it" },
	{ "startup", PROCESS, 80, NULL, startup, NULL, "a process that locks once" },
	{ "thread_memory", MEMORY, 200, NULL, thread_memory, NULL, "memory of a thread" },
	{ "lock_memory", MEMORY, 50000, NULL, lock_memory, NULL, "memory of a lock seen nested" },
};

static const int slices_of[] = {
	[ALONE] = SLICES, [MEETING] = 5, [HANDOVER] = 5, [PROCESS] = 1, [MEMORY] = 1
};
static const char *const how_words[] = { "alone", "meeting", "handover", "process", "memory" };

static void list(void)
{
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++)
		printf("%s\t%s\t%llu\t%s\n", workloads[i].name, how_words[workloads[i].how],
		       (unsigned long long)workloads[i].ops, workloads[i].what);
}

static const struct workload *find(const char *name)
{
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++)
		if (strcmp(workloads[i].name, name) == 0)
			return &workloads[i];
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
__attribute__((noinline)) static double ns_per_op(const struct workload *load, uint64_t ops, bool exact)
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
	return (double)took[load->how == ALONE ? 0 : slices / 2] / (double)slice;
}

int main(int argc, char **argv)
{
	const struct workload *load;
	uint64_t ops;
	bool exact = argc > 3 && strcmp(argv[3], "--exact") == 0;

	self_path = argv[0];
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		list();
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--lock-once") == 0) {
		lock_unlock(1);
		return 0;
	}
	if (argc < 2 || argc > 4 || (argc == 4 && !exact)) {
		fputs("usage: micro --list | micro NAME [OPS [--exact]]\n", stderr);
		return 2;
	}
	insist_on_preload();
	load = find(argv[1]);
	ops = argc > 2 ? strtoull(argv[2], NULL, 10) : load->ops;
	if (ops == 0) {
		fprintf(stderr, "micro: %s: not a number of operations\n", argv[2]);
		return 2;
	}
	if (load->setup)
		load->setup();
	if (load->how == MEMORY) {
		load->run(ops);
		printf("%llu\n", (unsigned long long)bytes_each);
	} else {
		printf("%.3f\n", ns_per_op(load, ops, exact));
	}
	if (load->finish)
		load->finish();
	return 0;
}
