/*
 * late_lock.c - locks a mutex for the first time when all destructors have run:
 * streams are written out after them
 */
#include "fixture.h"

static pthread_mutex_t late = PTHREAD_MUTEX_INITIALIZER;

static ssize_t write_late(void *cookie, const char *bytes, size_t size)
{
	(void)cookie;
	(void)bytes;
	pthread_mutex_lock(&late);
	pthread_mutex_unlock(&late);
	return (ssize_t)size;
}

int main(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_late });
	pthread_mutex_t early = PTHREAD_MUTEX_INITIALIZER;

	require(stream && fputs("what is written late", stream) >= 0, "fopencookie");
	pthread_mutex_lock(&early);
	pthread_mutex_unlock(&early);
	return 0;
}
