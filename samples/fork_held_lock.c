/*
 * fork_held_lock.c - a lock whose holder was left behind by fork()
 *
 * fork() copies the whole memory, and of the threads only the one that calls
 * it. Here it is called while a logger thread holds the journal's lock. In the
 * child the lock is copied as it is, locked; but the logger, who would unlock
 * it, is not there. The child waits for a thread that does not exist.
 *
 * Run it:   dlwatch run build/samples/fork_held_lock
 * Expect:   orphan, proven; in the core the child alone. The evidence names the
 *           logger, and the place in the parent where it took the lock.
 * Look at:  circular wait: there is no circle, and there will never be anybody to
 *           unlock.
 * Cure:     fork_held_lock_cured.c
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t journal_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t locked, forked;
static long journal_lines;

static void *keep_journal(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "logger");
	pthread_mutex_lock(&journal_lock);
	journal_lines++;
	pthread_barrier_wait(&locked);
	pthread_barrier_wait(&forked); /* fork() happens here */
	pthread_mutex_unlock(&journal_lock);
	return NULL;
}

static void be_the_child(void)
{
	pthread_setname_np(pthread_self(), "child");
	pthread_mutex_lock(&journal_lock); /* whose holder is not in this process */
	journal_lines++;
	pthread_mutex_unlock(&journal_lock);
	_exit(0);
}

int main(void)
{
	pthread_t logger;
	pid_t child;

	pthread_barrier_init(&locked, NULL, 2);
	pthread_barrier_init(&forked, NULL, 2);
	if (pthread_create(&logger, NULL, keep_journal, NULL) != 0) {
		fprintf(stderr, "fork_held_lock: cannot create a thread\n");
		return 1;
	}
	pthread_barrier_wait(&locked);
	child = fork();
	if (child == 0)
		be_the_child();
	pthread_barrier_wait(&forked);
	pthread_join(logger, NULL);
	if (child < 0 || waitpid(child, NULL, 0) != child) {
		perror("fork_held_lock");
		return 1;
	}
	printf("%ld lines\n", journal_lines);
	return 0;
}
