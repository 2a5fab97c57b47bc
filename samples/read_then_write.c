/*
 * read_then_write.c - two readers who both want to become the writer
 *
 * A rwlock lets many readers in, or one writer. Two editors read the page, find
 * something to improve, and ask for the write lock without giving the read lock
 * back. A writer has to wait until all readers have left: each editor waits for
 * the other one to stop reading, and neither will. One lock is enough for this
 * deadlock, and it needs no second order.
 *
 * An editor who is alone is told at once: the C library returns EDEADLK only to
 * a thread that holds the *write* lock and asks again. Of its readers it keeps
 * a number and no names.
 *
 * Run it:   dlwatch run build/samples/read_then_write
 * Expect:   deadlock, proven; core of 2 threads, each of which holds the rwlock
 *           shared and wants it exclusively.
 * Look at:  one resource, two holders: mutual exclusion between reader and
 *           writer.
 * Cure:     read_then_write_cured.c
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_rwlock_t page_lock = PTHREAD_RWLOCK_INITIALIZER;
static long page_version = 1;
static pthread_barrier_t meeting;

static void *edit(void *name)
{
	long seen;

	pthread_setname_np(pthread_self(), name);
	pthread_rwlock_rdlock(&page_lock);
	seen = page_version;
	pthread_barrier_wait(&meeting); /* now both are readers */
	pthread_rwlock_wrlock(&page_lock); /* still being one */
	page_version = seen + 1;
	pthread_rwlock_unlock(&page_lock);
	pthread_rwlock_unlock(&page_lock);
	return NULL;
}

static pthread_t start(const char *name)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, edit, (void *)name) != 0) {
		fprintf(stderr, "read_then_write: cannot create a thread\n");
		exit(1);
	}
	return thread;
}

int main(void)
{
	pthread_t first, second;

	pthread_barrier_init(&meeting, NULL, 2);
	first = start("editor-1");
	second = start("editor-2");
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	printf("version %ld\n", page_version);
	return 0;
}
