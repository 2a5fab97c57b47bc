/*
 * fork_held_lock_cured.c - the cure of fork_held_lock.c: own every lock at fork()
 *
 * pthread_atfork() has a function called before the fork, which takes the lock,
 * and one in the parent and one in the child that give it back: at the moment of
 * the fork nobody else holds it. (Other cures: call nothing but exec in the
 * child, or fork before the first thread is started.)
 *
 * The second barrier has gone: the fork itself now waits for the logger.
 *
 * Run it:   dlwatch run build/samples/fork_held_lock_cured
 * Expect:   no finding, exit status 0.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t journal_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t locked;
static long journal_lines;

static void *keep_journal(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "logger");
	pthread_mutex_lock(&journal_lock);
	journal_lines++;
	pthread_barrier_wait(&locked);
	pthread_mutex_unlock(&journal_lock);
	return NULL;
}

static void lock_journal(void)
{
	pthread_mutex_lock(&journal_lock);
}

static void unlock_journal(void)
{
	pthread_mutex_unlock(&journal_lock);
}

static void be_the_child(void)
{
	pthread_setname_np(pthread_self(), "child");
	pthread_mutex_lock(&journal_lock);
	journal_lines++;
	pthread_mutex_unlock(&journal_lock);
	_exit(0);
}

int main(void)
{
	pthread_t logger;
	pid_t child;

	pthread_atfork(lock_journal, unlock_journal, unlock_journal);
	pthread_barrier_init(&locked, NULL, 2);
	if (pthread_create(&logger, NULL, keep_journal, NULL) != 0) {
		fprintf(stderr, "fork_held_lock_cured: cannot create a thread\n");
		return 1;
	}
	pthread_barrier_wait(&locked);
	child = fork();
	if (child == 0)
		be_the_child();
	pthread_join(logger, NULL);
	if (child < 0 || waitpid(child, NULL, 0) != child) {
		perror("fork_held_lock_cured");
		return 1;
	}
	printf("%ld lines\n", journal_lines);
	return 0;
}
