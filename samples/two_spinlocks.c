/*
 * two_spinlocks.c - the deadlock that makes the fan turn
 *
 * two_locks.c with spinlocks. A thread that waits for a mutex sleeps; one that
 * waits for a spinlock asks again and again, as fast as it can (busy wait). The
 * deadlock is the same, only that two processors are now at 100 % for ever, and
 * a tool that looks for sleeping threads sees none.
 *
 * A spinlock is the better tool where the lock is held for a few instructions
 * and every thread has a processor of its own: falling asleep and waking up
 * would take longer than the wait. It is the worse one everywhere else.
 *
 * Run it:   dlwatch run build/samples/two_spinlocks
 * Expect:   deadlock, proven; core of 2 threads: forward and backward. Stuck
 *           behind it: the main thread, which joins them.
 * Look at:  the kind of the locks; and `top`, while it hangs without dlwatch.
 * Cure:     two_spinlocks_cured.c
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
	pthread_spin_lock(&head_lock);
	pthread_barrier_wait(&meeting); /* now each thread has one lock */
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
	pthread_spin_lock(&tail_lock);
	pthread_barrier_wait(&meeting);
	pthread_spin_lock(&head_lock); /* the wrong way round */
	head--;
	tail--;
	pthread_spin_unlock(&head_lock);
	pthread_spin_unlock(&tail_lock);
	return NULL;
}

static pthread_t start(void *(*mover)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, mover, NULL) != 0) {
		fprintf(stderr, "two_spinlocks: cannot create a thread\n");
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
