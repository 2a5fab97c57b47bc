/*
 * crash_load.c - locks, threads and lives of objects without end, and a page
 * that says how far each thread has come: PAGE is a file that survives us
 *
 * A thread counts an acquisition of its own lock when it has it, which is after
 * it was logged and before the next. So whenever the process is killed, a log
 * has as many as the page says, or one more.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#include "fixture.h"

#define THREADS 3

struct page {
	struct {
		uint64_t address; /* of the thread's lock */
		_Atomic uint64_t acquisitions;
		char padding[48];
	} threads[THREADS];
};

static struct page *page;
static pthread_mutex_t own[THREADS];
static pthread_mutex_t shared = PTHREAD_MUTEX_INITIALIZER;

static void live_and_die(void)
{
	pthread_mutex_t *mutex = malloc(sizeof(*mutex));

	pthread_mutex_init(mutex, NULL);
	pthread_mutex_lock(mutex);
	pthread_mutex_unlock(mutex);
	pthread_mutex_destroy(mutex);
	free(mutex);
}

static void *work(void *argument)
{
	uint64_t number = (uint64_t)(uintptr_t)argument, round;

	for (round = 0;; round++) {
		pthread_mutex_lock(&own[number]);
		page->threads[number].acquisitions++;
		if (round % 8 == 0) {
			pthread_mutex_lock(&shared);
			pthread_mutex_unlock(&shared);
		}
		pthread_mutex_unlock(&own[number]);
		if (round % 64 == 0)
			live_and_die();
	}
	return NULL;
}

static void *short_life(void *unused)
{
	live_and_die();
	return unused;
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT, 0600) : -1;
	uintptr_t number;

	require(fd >= 0 && ftruncate(fd, sizeof(*page)) == 0, "PAGE");
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	require(page != MAP_FAILED, "mmap");
	for (number = 0; number < THREADS; number++) {
		pthread_mutex_init(&own[number], NULL);
		page->threads[number].address = (uint64_t)(uintptr_t)&own[number];
		start(work, (void *)number);
	}
	for (;;)
		pthread_join(start(short_life, NULL), NULL);
}
