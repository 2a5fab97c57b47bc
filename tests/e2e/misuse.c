/*
 * misuse.c - locks used wrongly, one sort a run, named by the argument
 */
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "fixture.h"

static pthread_mutex_t ledger = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t other_ledger = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t checked;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static sem_t permits;
static pthread_barrier_t meeting;

static void meet(void)
{
	pthread_barrier_wait(&meeting);
}

/* ---- unlocks --------------------------------------------------------------------- */

static __attribute__((noinline)) void give_away(pthread_mutex_t *lock)
{
	int result = pthread_mutex_unlock(lock);

	dprintf(1, "unlock: %s\n", strerror(result));
}

static void *stranger(void *lock)
{
	named("stranger");
	meet();
	give_away(lock);
	meet();
	return NULL;
}

static void unlocked_by_stranger(pthread_mutex_t *lock)
{
	pthread_t thread = start(stranger, lock);

	pthread_mutex_lock(lock);
	meet();
	meet();
	pthread_join(thread, NULL);
}

static void stranger_case(void)
{
	unlocked_by_stranger(&ledger);
}

static void refused_case(void)
{
	unlocked_by_stranger(&checked);
	pthread_mutex_unlock(&checked);
}

static void unlocked_case(void)
{
	pthread_mutex_lock(&ledger);
	pthread_mutex_unlock(&ledger);
	give_away(&ledger);
}

static void crash_case(void)
{
	unlocked_case();
	raise(SIGKILL);
}

/* What it becomes lasts longer than a look takes to come, and ends as it would have. */
static void exec_case(void)
{
	unlocked_case();
	execl("/bin/sh", "sh", "-c", "sleep 0.3; exit 5", NULL);
}

static void loop_case(void)
{
	int i;

	for (i = 0; i < 1000; i++)
		pthread_mutex_unlock(&ledger);
}

/* ---- locking again ------------------------------------------------------------------ */

static __attribute__((noinline)) void take_again(void)
{
	int result = pthread_mutex_lock(&checked);

	dprintf(1, "lock: %s\n", strerror(result));
}

static void relock_case(void)
{
	pthread_mutex_lock(&checked);
	take_again();
	pthread_mutex_unlock(&checked);
}

/* ---- reader-writer locks ------------------------------------------------------------- */

static pthread_rwlock_t table = PTHREAD_RWLOCK_INITIALIZER;

static __attribute__((noinline)) void write_again(void)
{
	int result = pthread_rwlock_wrlock(&table);

	dprintf(1, "lock: %s\n", strerror(result));
}

static void rwlock_relock_case(void)
{
	pthread_rwlock_wrlock(&table);
	write_again();
	pthread_rwlock_unlock(&table);
}

static __attribute__((noinline)) void destroy_table(void)
{
	pthread_rwlock_destroy(&table);
}

static void rwlock_destroy_case(void)
{
	pthread_rwlock_rdlock(&table);
	destroy_table();
}

static __attribute__((noinline)) void give_table(void)
{
	pthread_rwlock_unlock(&table);
}

static void rwlock_unlock_case(void)
{
	give_table();
}

/* ---- destroyed too early --------------------------------------------------------------- */

static __attribute__((noinline)) void destroy_ledger(void)
{
	int result = pthread_mutex_destroy(&ledger);

	dprintf(1, "destroy: %s\n", strerror(result));
}

static void *keeper(void *unused)
{
	(void)unused;
	named("keeper");
	pthread_mutex_lock(&ledger);
	meet();
	meet();
	pthread_mutex_unlock(&ledger);
	return NULL;
}

static void held_case(void)
{
	pthread_t thread = start(keeper, NULL);

	meet();
	destroy_ledger();
	meet();
	pthread_join(thread, NULL);
}

static void *taker(void *unused)
{
	(void)unused;
	named("taker");
	meet();
	sem_wait(&permits);
	return NULL;
}

static __attribute__((noinline)) void destroy_permits(void)
{
	sem_destroy(&permits);
}

static void waited_case(void)
{
	pthread_t thread;

	sem_init(&permits, 0, 0);
	thread = start(taker, NULL);
	meet();
	pass_milliseconds(200); /* it sleeps by now */
	destroy_permits();
	sem_post(&permits);
	pthread_join(thread, NULL);
}

/* ---- ends ------------------------------------------------------------------------------- */

static void *forgetful(void *unused)
{
	(void)unused;
	named("forgetful");
	pthread_mutex_lock(&ledger);
	return NULL;
}

static void thread_case(void)
{
	pthread_join(start(forgetful, NULL), NULL);
}

static void process_case(void)
{
	pthread_mutexattr_t attribute;
	pthread_mutex_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	require(shared != MAP_FAILED, "mmap");
	pthread_mutexattr_init(&attribute);
	pthread_mutexattr_setpshared(&attribute, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(shared, &attribute);
	pthread_mutex_lock(shared);
}

/* ---- conditions and semaphores ------------------------------------------------------------ */

static bool done;

static void *waiter(void *unused)
{
	(void)unused;
	named("waiter");
	pthread_mutex_lock(&ledger);
	meet();
	while (!done)
		pthread_cond_wait(&changed, &ledger);
	pthread_mutex_unlock(&ledger);
	return NULL;
}

static __attribute__((noinline)) void wait_with_other(void)
{
	struct timespec until = milliseconds_from_now(50);

	pthread_mutex_lock(&other_ledger);
	pthread_cond_timedwait(&changed, &other_ledger, &until);
	pthread_mutex_unlock(&other_ledger);
}

static void mutexes_case(void)
{
	pthread_t thread = start(waiter, NULL);

	meet();
	pass_milliseconds(200); /* it sleeps by now */
	wait_with_other();
	pthread_mutex_lock(&ledger);
	done = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&ledger);
	pthread_join(thread, NULL);
}

static __attribute__((noinline)) void post_too_often(void)
{
	int result = sem_post(&permits);

	dprintf(1, "post: %s\n", result ? strerror(errno) : "ok");
}

static void overflow_case(void)
{
	sem_init(&permits, 0, SEM_VALUE_MAX);
	post_too_often();
}

/* ---- and what is none --------------------------------------------------------------------- */

static void hold_for_child(void)
{
	pthread_mutex_lock(&ledger);
	pthread_mutex_lock(&checked);
}

static void let_go(void)
{
	pthread_mutex_unlock(&checked);
	pthread_mutex_unlock(&ledger);
}

/* The child unlocks what its parent's thread locked, as every pthread_atfork handler does. */
static void fork_case(void)
{
	pid_t child;

	pthread_atfork(hold_for_child, let_go, let_go);
	child = fork();
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "unlock-by-stranger", stranger_case }, { "unlock-refused", refused_case },
		{ "unlock-unlocked", unlocked_case },    { "loop", loop_case },
		{ "crash", crash_case },                 { "rwlock-relock", rwlock_relock_case },
		{ "rwlock-destroy", rwlock_destroy_case }, { "rwlock-unlock", rwlock_unlock_case },
		{ "relock", relock_case },               { "destroy-held", held_case },
		{ "destroy-waited", waited_case },       { "thread-ended-holding", thread_case },
		{ "process-ended-holding", process_case }, { "two-mutexes", mutexes_case },
		{ "semaphore-overflow", overflow_case }, { "fork", fork_case },
		{ "exec", exec_case },
	};
	pthread_mutexattr_t attribute;
	size_t i;

	pthread_mutexattr_init(&attribute);
	pthread_mutexattr_settype(&attribute, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&checked, &attribute);
	pthread_barrier_init(&meeting, NULL, 2);
	for (i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(argv[1], cases[i].name))
			cases[i].run();
	return 5;
}
