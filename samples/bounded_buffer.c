/*
 * bounded_buffer.c - the cure of bounded_buffer_wrong_order.c: wait first, then
 * lock
 *
 * The consumer waits for an item with empty hands and locks the buffer when it
 * knows that there is one; the producer likewise with a free slot. Whoever
 * waits holds nothing that somebody else needs.
 *
 * This is the clean bounded buffer of the textbooks.
 *
 * Run it:   dlwatch run build/samples/bounded_buffer
 * Expect:   no finding, exit status 0. `items` is posted by a thread that never
 *           took it: it is a signal, not a lock, and a consumer that waits for
 *           it is no alarm.
 * Look at:  the order of the two calls in put() and get(); the barrier inside
 *           get() is gone with the moment it forced.
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
	sem_wait(&slots);
	pthread_mutex_lock(&buffer_lock);
	ring[next++ % CAPACITY] = item;
	pthread_mutex_unlock(&buffer_lock);
	sem_post(&items);
}

static int get(void)
{
	int item;

	sem_wait(&items);
	pthread_mutex_lock(&buffer_lock);
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
	put(2);
	return NULL;
}

static void *consume(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "consumer");
	pthread_barrier_wait(&meeting);
	printf("got %d\n", get());
	printf("got %d\n", get());
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
		fprintf(stderr, "bounded_buffer: cannot create a thread\n");
		return 1;
	}
	pthread_join(producer, NULL);
	pthread_join(consumer, NULL);
	return 0;
}
