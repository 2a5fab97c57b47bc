/*
 * polling.c - a timed wait, again and again, for who cannot come
 *
 *	condition  a loop of short waits, as an interpreter's lock has it: the only
 *	           thread that has ever signalled waits for a lock of the poller
 *	mutex      a loop of timed locks, in two orders with a blocking one
 *	busy       no deadlock: as condition, but the poller works between its waits
 *	           and gives its lock back in the end
 */
#include "fixture.h"

static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t state_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t meeting;
static int state;
static bool busy;

static int wait_a_moment(void)
{
	struct timespec until = milliseconds_from_now(5);

	return pthread_cond_timedwait(&changed, &state_lock, &until);
}

static void work(int round)
{
	if (!busy)
		return;
	pthread_mutex_trylock(&kept_lock); /* fails: it is its own */
	if (round == 100) {
		pthread_mutex_unlock(&kept_lock);
		pass_milliseconds(50);
		pthread_mutex_lock(&kept_lock);
	}
}

static void *poll_for_state(void *unused)
{
	int round;

	(void)unused;
	named("poller");
	pthread_mutex_lock(&kept_lock);
	pthread_mutex_lock(&state_lock);
	while (state < 1)
		wait_a_moment();
	pthread_mutex_unlock(&state_lock);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&state_lock);
	for (round = 0; state < 2; round++) {
		wait_a_moment();
		work(round);
	}
	pthread_mutex_unlock(&state_lock);
	pthread_mutex_unlock(&kept_lock);
	return NULL;
}

static void change_state(int to)
{
	pthread_mutex_lock(&state_lock);
	state = to;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&state_lock);
}

static void *signal_twice(void *unused)
{
	(void)unused;
	named("signaller");
	change_state(1);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&kept_lock);
	pthread_mutex_unlock(&kept_lock);
	change_state(2);
	return NULL;
}

static void *try_for_long(void *unused)
{
	struct timespec until;

	(void)unused;
	named("poller");
	pthread_mutex_lock(&kept_lock);
	pthread_barrier_wait(&meeting);
	closing();
	do
		until = milliseconds_from_now(10);
	while (pthread_mutex_timedlock(&state_lock, &until) == ETIMEDOUT);
	return NULL;
}

static void *take_the_other(void *unused)
{
	(void)unused;
	named("blocked");
	pthread_mutex_lock(&state_lock);
	pthread_barrier_wait(&meeting);
	closing();
	pthread_mutex_lock(&kept_lock);
	return NULL;
}

int main(int count, char **arguments)
{
	const char *word = count > 1 ? arguments[1] : "";
	bool mutex = strcmp(word, "mutex") == 0;
	pthread_t one, two;

	busy = strcmp(word, "busy") == 0;
	pthread_barrier_init(&meeting, NULL, 2);
	one = start(mutex ? try_for_long : poll_for_state, NULL);
	two = start(mutex ? take_the_other : signal_twice, NULL);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	dprintf(1, "over\n");
	return 0;
}
