/*
 * read_then_write_cured.c - the cure of read_then_write.c: leave, then look again
 *
 * There is no way from reader to writer that keeps the lock. An editor gives the
 * read lock back, takes the write lock, and looks again: the page may have
 * changed in between. (Who knows beforehand that it will write takes the write
 * lock from the start.)
 *
 * Run it:   dlwatch run build/samples/read_then_write_cured
 * Expect:   no finding, exit status 0.
 * Look at:  the test that stands twice. The second one is the price.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_rwlock_t page_lock = PTHREAD_RWLOCK_INITIALIZER;
static long page_version = 1;

static void *read_page(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "reader");
	pthread_rwlock_rdlock(&page_lock);
	printf("version %ld\n", page_version);
	pthread_rwlock_unlock(&page_lock);
	return NULL;
}

static void *edit_page(void *unused)
{
	long seen;

	(void)unused;
	pthread_setname_np(pthread_self(), "editor");
	pthread_rwlock_rdlock(&page_lock);
	seen = page_version;
	pthread_rwlock_unlock(&page_lock);
	pthread_rwlock_wrlock(&page_lock);
	if (page_version == seen) /* nobody else has been here */
		page_version = seen + 1;
	pthread_rwlock_unlock(&page_lock);
	return NULL;
}

static pthread_t start(void *(*routine)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, routine, NULL) != 0) {
		fprintf(stderr, "read_then_write_cured: cannot create a thread\n");
		exit(1);
	}
	return thread;
}

int main(void)
{
	pthread_t reader, editor;

	reader = start(read_page);
	pthread_join(reader, NULL);
	editor = start(edit_page);
	pthread_join(editor, NULL);
	printf("version %ld\n", page_version);
	return 0;
}
