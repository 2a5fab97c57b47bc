/*
 * lifecycle.c SCENE - the edges of a process's life, where code that lives in
 * somebody else's program is noticed: one scene a run
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static sem_t signal_semaphore;

static void pass_milliseconds(long milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	while (nanosleep(&time, &time) != 0 && errno == EINTR)
		;
}

static void use_locks(void)
{
	pthread_mutex_lock(&lock_a);
	pthread_mutex_lock(&lock_b);
	pthread_mutex_unlock(&lock_b);
	pthread_mutex_unlock(&lock_a);
}

/* @has_begun: posted once it has given its locks back; NULL: nobody asks */
static void *work_a_while(void *has_begun)
{
	use_locks();
	if (has_begun)
		sem_post(has_begun);
	pass_milliseconds(200);
	dprintf(1, "last worker ends\n");
	return NULL;
}

/* The process ends with its last thread, and with status 0. */
static int main_leaves(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, work_a_while, NULL);
	pthread_exit(NULL);
}

static void *wait_for_ever(void *semaphore)
{
	sem_wait(semaphore);
	return NULL;
}

/* exit() does not care who waits. */
static int exit_while_others_wait(void)
{
	static sem_t never;
	pthread_t thread;
	int i;

	sem_init(&never, 0, 0);
	for (i = 0; i < 3; i++)
		pthread_create(&thread, NULL, wait_for_ever, &never);
	pass_milliseconds(200);
	return 5;
}

/* Nobody but our own children is there to be waited for. */
static int only_own_children(void)
{
	pthread_t thread;
	sem_t has_begun;
	int status;
	pid_t child;

	sem_init(&has_begun, 0, 0);
	pthread_create(&thread, NULL, work_a_while, &has_begun);
	sem_wait(&has_begun); /* a lock that it held would stay taken in the child */
	child = fork();
	if (child == 0) {
		use_locks();
		_exit(3);
	}
	dprintf(1, "mine: %d\n", waitpid(-1, &status, 0) == child && WEXITSTATUS(status) == 3);
	pthread_join(thread, NULL);
	pass_milliseconds(100);
	dprintf(1, "another: %d, no child: %d\n", (int)waitpid(-1, &status, 0), errno == ECHILD);
	return 0;
}

/* setuid() has to reach every thread of the process, ours included. */
static int change_user(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, work_a_while, NULL);
	dprintf(1, "setuid: %d\n", setuid(getuid()));
	use_locks();
	pthread_join(thread, NULL);
	return 0;
}

/* Only a process with one thread may enter a new user namespace. */
static int new_user_namespace(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, work_a_while, NULL);
	pthread_join(thread, NULL);
	pass_milliseconds(150);
	dprintf(1, "unshare: %d\n", unshare(CLONE_NEWUSER));
	pthread_create(&thread, NULL, work_a_while, NULL);
	pthread_join(thread, NULL);
	return 0;
}

static void post_in_handler(int number)
{
	int saved = errno;

	(void)number;
	sem_post(&signal_semaphore);
	errno = saved;
}

static atomic_bool enough;

static void *lock_all_the_time(void *unused)
{
	(void)unused;
	while (!enough)
		use_locks();
	return NULL;
}

/* sem_post() in a signal handler that falls into locking again and again. */
static int post_from_signals(void)
{
	pthread_t thread;
	int i;

	sem_init(&signal_semaphore, 0, 0);
	signal(SIGUSR1, post_in_handler);
	pthread_create(&thread, NULL, lock_all_the_time, NULL);
	for (i = 0; i < 1000; i++) {
		pthread_kill(thread, SIGUSR1);
		while (sem_wait(&signal_semaphore) != 0 && errno == EINTR)
			;
	}
	enough = true;
	pthread_join(thread, NULL);
	dprintf(1, "1000 signals\n");
	return 0;
}

static pthread_key_t key;

static void lock_in_destructor(void *rounds)
{
	use_locks();
	if ((long)rounds > 1)
		pthread_setspecific(key, (char *)rounds - 1);
	else
		dprintf(1, "last destructor\n");
}

static void *with_destructors(void *unused)
{
	(void)unused;
	pthread_setspecific(key, (void *)3);
	use_locks();
	return NULL;
}

/* Destructors of thread-specific data still lock, over several rounds. */
static int lock_after_the_end(void)
{
	pthread_t thread;

	pthread_key_create(&key, lock_in_destructor);
	pthread_create(&thread, NULL, with_destructors, NULL);
	pthread_join(thread, NULL);
	return 0;
}

static void before_fork(void)
{
	pthread_mutex_lock(&lock_a);
	pthread_mutex_lock(&lock_b);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock_b);
	pthread_mutex_unlock(&lock_a);
}

/* Forks while other threads lock, with handlers that hold the locks over it. */
static int fork_among_threads(void)
{
	pthread_t threads[2];
	int status, i, good = 0;

	pthread_atfork(before_fork, after_fork, after_fork);
	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, lock_all_the_time, NULL);
	for (i = 0; i < 100; i++) {
		pid_t child = fork();

		if (child == 0) {
			use_locks();
			_exit(i % 7);
		}
		good += waitpid(child, &status, 0) == child && WEXITSTATUS(status) == i % 7;
	}
	enough = true;
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	dprintf(1, "%d children\n", good);
	return 0;
}

static bool vfork_true(void)
{
	int status;
	pid_t child = vfork();

	if (child == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	return waitpid(child, &status, 0) == child && status == 0;
}

/* A child of vfork shares our memory; its parent goes on when it has executed. */
static int vfork_and_execute(void)
{
	int i, good = 0;

	for (i = 0; i < 20; i++) {
		use_locks();
		good += vfork_true();
	}
	dprintf(1, "%d children\n", good);
	return 0;
}

/* An exec that fails leaves the process as it was. */
static int failed_exec(void)
{
	pthread_t thread;
	int result;

	pthread_mutex_lock(&lock_a);
	result = execl("/no/such/program", "x", (char *)NULL);
	dprintf(1, "exec: %d, %s\n", result, strerror(errno));
	pthread_mutex_unlock(&lock_a);
	pthread_create(&thread, NULL, work_a_while, NULL);
	pthread_join(thread, NULL);
	return 0;
}

static void unlock(void *lock)
{
	pthread_mutex_unlock(lock);
}

static void *wait_on_condition(void *condition)
{
	pthread_mutex_lock(&lock_a);
	pthread_cleanup_push(unlock, &lock_a);
	for (;;)
		pthread_cond_wait(condition, &lock_a);
	pthread_cleanup_pop(1);
	return NULL;
}

/* A cancelled condition wait has its mutex again in the cleanup handler. */
static int cancel_condition_wait(void)
{
	static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	pthread_t thread;
	void *result;
	int i, good = 0;

	for (i = 0; i < 50; i++) {
		pthread_create(&thread, NULL, wait_on_condition, &never);
		if (i % 2)
			pass_milliseconds(2);
		pthread_cancel(thread);
		pthread_join(thread, &result);
		good += result == PTHREAD_CANCELED && pthread_mutex_trylock(&lock_a) == 0;
		pthread_mutex_unlock(&lock_a);
	}
	dprintf(1, "%d cancelled, lock free\n", good);
	return 0;
}

/* pthread_mutex_lock is no cancellation point. */
static void *lock_uncancelled(void *survived)
{
	pthread_mutex_lock(&lock_a);
	pthread_mutex_unlock(&lock_a);
	*(bool *)survived = true;
	pthread_testcancel();
	return NULL;
}

static int cancel_mutex_wait(void)
{
	bool survived = false;
	pthread_t thread;
	void *result;

	pthread_mutex_lock(&lock_a);
	pthread_create(&thread, NULL, lock_uncancelled, &survived);
	pass_milliseconds(50);
	pthread_cancel(thread);
	pass_milliseconds(50);
	pthread_mutex_unlock(&lock_a);
	pthread_join(thread, &result);
	dprintf(1, "not while locking: %d, but after it: %d\n", survived,
		result == PTHREAD_CANCELED);
	return 0;
}

/*
 * Locks of its own at ever new places in the stack, until it is cancelled. POSIX
 * says nothing of such a thread; the C library lets it be, and so do we.
 */
static int lock_at_depth(pthread_mutex_t *own, int depth)
{
	volatile char here[64];

	here[0] = (char)depth;
	if (depth > 0)
		return lock_at_depth(own, depth - 1) + here[0];
	pthread_mutex_lock(own);
	return pthread_mutex_unlock(own);
}

static void *lock_asynchronously(void *began)
{
	pthread_mutex_t own[16];
	int i, former;

	for (i = 0; i < 16; i++)
		pthread_mutex_init(&own[i], NULL);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &former);
	sem_post(began);
	for (i = 0;; i++)
		lock_at_depth(&own[i % 16], i / 16 % 32);
	return NULL;
}

static void *wait_asynchronously(void *began)
{
	int former;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &former);
	sem_post(began);
	pthread_mutex_lock(&lock_a);
	return NULL;
}

static void *change_types(void *unused)
{
	int first, second, third, wrong = 77, refused;

	(void)unused;
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &first);
	use_locks();
	refused = pthread_setcanceltype(wrong, NULL);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &second);
	use_locks();
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &third);
	use_locks();
	dprintf(1, "types %d %d %d, refused %d\n", first, second, third, refused == EINVAL);
	return NULL;
}

static int cancelled(void *(*routine)(void *), int times)
{
	int good = 0, i;

	for (i = 0; i < times; i++) {
		pthread_t thread;
		sem_t began;
		void *result;

		sem_init(&began, 0, 0);
		pthread_create(&thread, NULL, routine, &began);
		sem_wait(&began);
		sched_yield();
		pthread_cancel(thread);
		pthread_join(thread, &result);
		sem_destroy(&began);
		good += result == PTHREAD_CANCELED;
	}
	return good;
}

/* A thread that can be cancelled anywhere is, also while it locks, and the others go on. */
static int cancel_asynchronously(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, change_types, NULL);
	pthread_join(thread, NULL);
	dprintf(1, "%d cancelled while they lock\n", cancelled(lock_asynchronously, 400));
	pthread_mutex_lock(&lock_a);
	dprintf(1, "%d cancelled while they wait for a lock\n",
		cancelled(wait_asynchronously, 20));
	pthread_mutex_unlock(&lock_a);
	use_locks();
	return 0;
}

/* Nothing but read, write and the thread's end is allowed any more; that is enough to lock. */
static void be_strict(void)
{
	pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
	int i, refused;

	use_locks();
	refused = prctl(PR_SET_SECCOMP, 99) == -1 && errno == EINVAL;
	use_locks();
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	for (i = 0; i < 32; i++)
		lock_at_depth(&own, i);
	use_locks();
	if (refused && write(1, "locked\n", 7) == 7)
		syscall(SYS_exit, 7);
}

static void *be_strict_beside_others(void *unused)
{
	(void)unused;
	be_strict();
	return NULL;
}

static int strict_seccomp(void)
{
	pthread_t thread;
	int status;
	pid_t child = fork();

	if (child == 0)
		be_strict();
	waitpid(child, &status, 0);
	dprintf(1, "ended %d with %d\n", WIFEXITED(status), WEXITSTATUS(status));
	child = fork();
	if (child == 0) {
		pthread_create(&thread, NULL, be_strict_beside_others, NULL);
		pthread_join(thread, NULL);
		use_locks();
		_exit(8);
	}
	waitpid(child, &status, 0);
	dprintf(1, "ended %d with %d\n", WIFEXITED(status), WEXITSTATUS(status));
	return 0;
}

static sigjmp_buf back;

static void jump(int number)
{
	(void)number;
	siglongjmp(back, 1);
}

/* A handler jumps out of a wait; the thread goes on with other locks. */
static int jump_out_of_wait(void)
{
	static sem_t never;

	sem_init(&never, 0, 0);
	signal(SIGALRM, jump);
	if (sigsetjmp(back, 1) == 0) {
		alarm(1);
		sem_wait(&never);
	}
	use_locks();
	dprintf(1, "back\n");
	return 0;
}

static const struct scene {
	const char *name;
	int (*play)(void);
} scenes[] = {
	{ "main_leaves", main_leaves },
	{ "exit_while_others_wait", exit_while_others_wait },
	{ "only_own_children", only_own_children },
	{ "change_user", change_user },
	{ "new_user_namespace", new_user_namespace },
	{ "post_from_signals", post_from_signals },
	{ "lock_after_the_end", lock_after_the_end },
	{ "fork_among_threads", fork_among_threads },
	{ "vfork_and_execute", vfork_and_execute },
	{ "failed_exec", failed_exec },
	{ "cancel_condition_wait", cancel_condition_wait },
	{ "cancel_mutex_wait", cancel_mutex_wait },
	{ "cancel_asynchronously", cancel_asynchronously },
	{ "strict_seccomp", strict_seccomp },
	{ "jump_out_of_wait", jump_out_of_wait },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		if (argc == 1)
			puts(scenes[i].name);
		else if (strcmp(argv[1], scenes[i].name) == 0)
			return scenes[i].play();
	}
	return argc == 1 ? 0 : 99;
}
