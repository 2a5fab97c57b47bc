/*
 * read_then_write.c - a reader who wants to become the writer
 *
 * A rwlock lets many readers in, or one writer. The editor reads the page, finds
 * something to improve, and asks for the write lock without giving the read lock
 * back. A writer has to wait until every reader has left, and one of them is the
 * editor. One thread and one lock are enough.
 *
 * The C library does not notice: of its readers it keeps a number and no names.
 * (It returns EDEADLK only to a thread that holds the *write* lock and asks
 * again.) Meanwhile another reader reads on, which hides the fault in a test;
 * whoever comes later to write waits for ever, too.
 *
 * Run it:   dlwatch run build/samples/read_then_write
 * Expect:   deadlock, proven; core of 1 thread, the editor, which holds the
 *           rwlock shared and wants it exclusively. Stuck behind it: the main
 *           thread, which joins it.
 * Look at:  one resource, held and wanted by the same thread in two modes.
 * Cure:     read_then_write_cured.c
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
	pthread_rwlock_wrlock(&page_lock); /* still being a reader */
	page_version = seen + 1;
	pthread_rwlock_unlock(&page_lock);
	pthread_rwlock_unlock(&page_lock);
	return NULL;
}

static pthread_t start(void *(*routine)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, routine, NULL) != 0) {
		fprintf(stderr, "read_then_write: cannot create a thread\n");
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
