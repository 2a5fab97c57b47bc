/*
 * two_spinlocks_cured.c - the cure of two_spinlocks.c: one order, held briefly
 *
 * Both threads take the head's lock first. The second rule for spinlocks is
 * kept as well: nothing that may sleep stands between lock and unlock, so the
 * barrier has moved in front. A spinlock held over a wait makes everybody who
 * wants it burn a processor for as long as the wait takes.
 *
 * Run it:   dlwatch run build/samples/two_spinlocks_cured
 * Expect:   no finding, exit status 0.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_spinlock_t head_lock, tail_lock;
static long head, tail;
static pthread_barrier_t meeting;

static void *move_forward(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "forward");
	pthread_barrier_wait(&meeting);
	pthread_spin_lock(&head_lock);
	pthread_spin_lock(&tail_lock);
	head++;
	tail++;
	pthread_spin_unlock(&tail_lock);
	pthread_spin_unlock(&head_lock);
	return NULL;
}

static void *move_backward(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "backward");
	pthread_barrier_wait(&meeting);
	pthread_spin_lock(&head_lock);
	pthread_spin_lock(&tail_lock);
	head--;
	tail--;
	pthread_spin_unlock(&tail_lock);
	pthread_spin_unlock(&head_lock);
	return NULL;
}

static pthread_t start(void *(*mover)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, mover, NULL) != 0) {
		fprintf(stderr, "two_spinlocks_cured: cannot create a thread\n");
		exit(1);
	}
	return thread;
}

int main(void)
{
	pthread_t first, second;

	pthread_spin_init(&head_lock, PTHREAD_PROCESS_PRIVATE);
	pthread_spin_init(&tail_lock, PTHREAD_PROCESS_PRIVATE);
	pthread_barrier_init(&meeting, NULL, 2);
	first = start(move_forward);
	second = start(move_backward);
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	printf("head %ld, tail %ld\n", head, tail);
	return 0;
}
