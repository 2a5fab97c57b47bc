/*
 * producer_consumer.c - a queue with a lock and two condition variables
 *
 * What a thread-safe FIFO queue does inside. A condition variable is a place to
 * sleep until somebody says that the world has changed: pthread_cond_wait()
 * gives the lock back while it sleeps and has it again when it returns. It
 * remembers nothing: hence the loop around it.
 *
 * The queue is smaller than the batch, so that producer and consumer both wait
 * for each other many times. Waiting is not a deadlock: somebody can always go
 * on.
 *
 * Run it:   dlwatch run build/samples/producer_consumer
 * Expect:   no finding, exit status 0.
 * Look at:  `dlwatch analyze` of its log: who waited for the lock, and how long.
 * Compare:  bounded_buffer.c does the same with semaphores.
 */
#include <pthread.h>
#include <stdio.h>

#define CAPACITY 4
#define BATCH 1000

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static int queue[CAPACITY];
static int count, first;

static void put(int item)
{
	pthread_mutex_lock(&queue_lock);
	while (count == CAPACITY)
		pthread_cond_wait(&not_full, &queue_lock);
	queue[(first + count++) % CAPACITY] = item;
	pthread_cond_signal(&not_empty);
	pthread_mutex_unlock(&queue_lock);
}

static int get(void)
{
	int item;

	pthread_mutex_lock(&queue_lock);
	while (count == 0)
		pthread_cond_wait(&not_empty, &queue_lock);
	item = queue[first];
	first = (first + 1) % CAPACITY;
	count--;
	pthread_cond_signal(&not_full);
	pthread_mutex_unlock(&queue_lock);
	return item;
}

static void *produce(void *unused)
{
	int i;

	(void)unused;
	pthread_setname_np(pthread_self(), "producer");
	for (i = 1; i <= BATCH; i++)
		put(i);
	return NULL;
}

static void *consume(void *sum)
{
	int i;

	pthread_setname_np(pthread_self(), "consumer");
	for (i = 1; i <= BATCH; i++)
		*(long *)sum += get();
	return NULL;
}

int main(void)
{
	pthread_t producer, consumer;
	long sum = 0;

	if (pthread_create(&producer, NULL, produce, NULL) != 0 ||
	    pthread_create(&consumer, NULL, consume, &sum) != 0) {
		fprintf(stderr, "producer_consumer: cannot create a thread\n");
		return 1;
	}
	pthread_join(producer, NULL);
	pthread_join(consumer, NULL);
	printf("the numbers from 1 to %d add up to %ld\n", BATCH, sum);
	return 0;
}
