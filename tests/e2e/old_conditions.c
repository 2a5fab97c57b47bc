/*
 * old_conditions.c - condition variables by the names of GLIBC_2.2.5, as a very
 * old program binds them: two threads pass a ball, then one waits in vain
 */
#include "fixture.h"

__asm__(".symver pthread_cond_init, pthread_cond_init@GLIBC_2.2.5");
__asm__(".symver pthread_cond_destroy, pthread_cond_destroy@GLIBC_2.2.5");
__asm__(".symver pthread_cond_wait, pthread_cond_wait@GLIBC_2.2.5");
__asm__(".symver pthread_cond_timedwait, pthread_cond_timedwait@GLIBC_2.2.5");
__asm__(".symver pthread_cond_signal, pthread_cond_signal@GLIBC_2.2.5");
__asm__(".symver pthread_cond_broadcast, pthread_cond_broadcast@GLIBC_2.2.5");

#define THROWS 1000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t thrown = PTHREAD_COND_INITIALIZER; /* all zero, as it was then */
static int throws;

static void *play(void *player)
{
	int own = player != NULL;

	pthread_mutex_lock(&lock);
	while (throws < THROWS) {
		if (throws % 2 == own) {
			throws++;
			pthread_cond_signal(&thrown);
		} else {
			pthread_cond_wait(&thrown, &lock);
		}
	}
	pthread_cond_broadcast(&thrown);
	pthread_mutex_unlock(&lock);
	return NULL;
}

int main(void)
{
	struct timespec until = milliseconds_from_now(50);
	pthread_cond_t never;
	pthread_t one = start(play, NULL), two = start(play, &lock);

	pthread_join(one, NULL);
	pthread_join(two, NULL);
	dprintf(1, "thrown %d\n", throws);
	pthread_cond_init(&never, NULL);
	pthread_mutex_lock(&lock);
	dprintf(1, "in vain %d\n", pthread_cond_timedwait(&never, &lock, &until) == ETIMEDOUT);
	pthread_mutex_unlock(&lock);
	dprintf(1, "destroyed %d\n", pthread_cond_destroy(&never));
	return 0;
}
