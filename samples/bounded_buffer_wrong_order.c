/*
 * bounded_buffer_wrong_order.c - waiting for an item with the buffer locked
 *
 * The classic bounded buffer: `slots` counts free places, `items` counts full
 * ones, `buffer_lock` protects the ring. Here get() locks the buffer first and
 * then waits for an item. When the buffer is empty the consumer sleeps with the
 * lock in its hand, and the producer, who alone could bring an item, waits for
 * that lock. (put() has the same fault: think of a full buffer.)
 *
 * Run it:   dlwatch run build/samples/bounded_buffer_wrong_order
 * Expect:   deadlock, likely (that the producer is the one who posts `items`
 *           is inferred: it has done so before); core of 2 threads: consumer,
 *           producer. Stuck behind it: the main thread.
 * Look at:  the two edges are of different kinds: a lock that is held, and a
 *           signal that only one thread can send. Both count as hold and wait.
 * Cure:     bounded_buffer.c
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

#define CAPACITY 4

static sem_t slots, items;
static pthread_mutex_t buffer_lock = PTHREAD_MUTEX_INITIALIZER;
static int ring[CAPACITY];
static unsigned first, next;
static pthread_barrier_t meeting;

static void put(int item)
{
	pthread_mutex_lock(&buffer_lock);
	sem_wait(&slots); /* the wrong way round */
	ring[next++ % CAPACITY] = item;
	pthread_mutex_unlock(&buffer_lock);
	sem_post(&items);
}

static int get(int number)
{
	int item;

	pthread_mutex_lock(&buffer_lock);
	if (number == 2)
		pthread_barrier_wait(&meeting); /* empty, and locked */
	sem_wait(&items); /* the wrong way round */
	item = ring[first++ % CAPACITY];
	pthread_mutex_unlock(&buffer_lock);
	sem_post(&slots);
	return item;
}

static void *produce(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "producer");
	put(1);
	pthread_barrier_wait(&meeting); /* the consumer may start */
	pthread_barrier_wait(&meeting); /* the consumer is in get() */
	put(2);
	return NULL;
}

static void *consume(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "consumer");
	pthread_barrier_wait(&meeting);
	printf("got %d\n", get(1));
	printf("got %d\n", get(2));
	return NULL;
}

int main(void)
{
	pthread_t producer, consumer;

	sem_init(&slots, 0, CAPACITY);
	sem_init(&items, 0, 0);
	pthread_barrier_init(&meeting, NULL, 2);
	if (pthread_create(&producer, NULL, produce, NULL) != 0 ||
	    pthread_create(&consumer, NULL, consume, NULL) != 0) {
		fprintf(stderr, "bounded_buffer_wrong_order: cannot create a thread\n");
		return 1;
	}
	pthread_join(producer, NULL);
	pthread_join(consumer, NULL);
	return 0;
}
