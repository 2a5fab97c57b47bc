/*
 * live_orders.c CASE - two lock orders, and what may or may not keep them apart
 *
 * The threads take turns by sleeping, which orders nothing: in each case the
 * program ends, and whether it could have hung is what is to be told.
 */
#include <sys/wait.h>

#include "fixture.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t b = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t c = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t own = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_rwlock_t r = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t s = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin, spun;
static pthread_barrier_t barrier;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t baton;
static int ready;

static void *wait_for_baton(void *unused)
{
	sem_wait(&baton);
	return unused;
}

static void both(pthread_mutex_t *outer, pthread_mutex_t *inner)
{
	pthread_mutex_lock(outer);
	pthread_mutex_lock(inner);
	pthread_mutex_unlock(inner);
	pthread_mutex_unlock(outer);
}

static void *a_b(void *unused)
{
	both(&a, &b);
	return unused;
}

static void *b_a(void *unused)
{
	pass_milliseconds(150);
	both(&b, &a);
	return unused;
}

static void *b_c(void *unused)
{
	pass_milliseconds(150);
	both(&b, &c);
	return unused;
}

static void *c_a(void *unused)
{
	both(&c, &a);
	return unused;
}

static void *gated_a_b(void *unused)
{
	pthread_mutex_lock(&gate);
	both(&a, &b);
	pthread_mutex_unlock(&gate);
	return unused;
}

static void *gated_b_a(void *unused)
{
	pass_milliseconds(150);
	pthread_mutex_lock(&gate);
	both(&b, &a);
	pthread_mutex_unlock(&gate);
	return unused;
}

static void *a_b_posts(void *unused)
{
	both(&a, &b);
	sem_post(&baton);
	return unused;
}

static void *waits_b_a(void *unused)
{
	sem_wait(&baton);
	both(&b, &a);
	return unused;
}

static void *a_b_signals(void *unused)
{
	pass_milliseconds(150); /* the other one waits */
	both(&a, &b);
	pthread_mutex_lock(&c);
	ready = 1;
	pthread_cond_signal(&condition);
	pthread_mutex_unlock(&c);
	return unused;
}

static void *woken_b_a(void *unused)
{
	pthread_mutex_lock(&c);
	while (!ready)
		pthread_cond_wait(&condition, &c);
	pthread_mutex_unlock(&c);
	both(&b, &a);
	return unused;
}

static void *a_b_arrives(void *unused)
{
	both(&a, &b);
	pthread_barrier_wait(&barrier);
	return unused;
}

static void *leaves_b_a(void *unused)
{
	pthread_barrier_wait(&barrier);
	both(&b, &a);
	return unused;
}

static void *tries_b_a(void *unused)
{
	pass_milliseconds(150);
	pthread_mutex_lock(&b);
	if (pthread_mutex_trylock(&a) == 0)
		pthread_mutex_unlock(&a);
	pthread_mutex_unlock(&b);
	return unused;
}

static void *tried_b_wants_a(void *unused)
{
	pass_milliseconds(150);
	if (pthread_mutex_trylock(&b) != 0)
		return unused;
	pthread_mutex_lock(&a);
	pthread_mutex_unlock(&a);
	pthread_mutex_unlock(&b);
	return unused;
}

static void *b_a_in_time(void *unused)
{
	struct timespec until;

	pass_milliseconds(150);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&b);
	if (pthread_mutex_timedlock(&a, &until) == 0)
		pthread_mutex_unlock(&a);
	pthread_mutex_unlock(&b);
	return unused;
}

static void read_both(pthread_rwlock_t *outer, pthread_rwlock_t *inner)
{
	pthread_rwlock_rdlock(outer);
	pthread_rwlock_rdlock(inner);
	pthread_rwlock_unlock(inner);
	pthread_rwlock_unlock(outer);
}

static void *reads_r_s(void *unused)
{
	read_both(&r, &s);
	return unused;
}

static void *reads_s_r(void *unused)
{
	pass_milliseconds(150);
	read_both(&s, &r);
	return unused;
}

static void *writes_s_reads_r(void *unused)
{
	pass_milliseconds(150);
	pthread_rwlock_wrlock(&s);
	pthread_rwlock_wrlock(&r);
	pthread_rwlock_unlock(&r);
	pthread_rwlock_unlock(&s);
	return unused;
}

static void *spins(void *unused)
{
	pthread_spin_lock(&spin);
	pthread_spin_lock(&spun);
	pthread_spin_unlock(&spun);
	pthread_spin_unlock(&spin);
	return unused;
}

static void *spins_back(void *unused)
{
	pass_milliseconds(150);
	pthread_spin_lock(&spun);
	pthread_spin_lock(&spin);
	pthread_spin_unlock(&spin);
	pthread_spin_unlock(&spun);
	return unused;
}

/* The starter has the gate until it is through: whoever passes it comes later. */
static void *passes_gate_b_a(void *unused)
{
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	both(&b, &a);
	return unused;
}

static void *lends_gate(void *unused)
{
	pthread_mutex_lock(&gate);
	sem_post(&baton);
	pass_milliseconds(150);
	both(&a, &b);
	pthread_mutex_unlock(&gate);
	return unused;
}

static void *waits_then_gate_b_a(void *unused)
{
	sem_wait(&baton);
	return passes_gate_b_a(unused);
}

/* Between its two locks it goes through a third one. */
static void *a_through_c_b(void *unused)
{
	pthread_mutex_lock(&a);
	pthread_mutex_lock(&c);
	pthread_mutex_unlock(&c);
	pthread_mutex_lock(&b);
	pthread_mutex_unlock(&b);
	pthread_mutex_unlock(&a);
	return unused;
}

static void *c_b_a(void *unused)
{
	pass_milliseconds(150);
	pthread_mutex_lock(&c);
	both(&b, &a);
	pthread_mutex_unlock(&c);
	return unused;
}

static void *again(void *locks)
{
	pthread_mutex_t *mutexes = locks;

	both(&mutexes[0], &mutexes[1]);
	return NULL;
}

static void *again_back(void *locks)
{
	pthread_mutex_t *mutexes = locks;

	pass_milliseconds(150);
	both(&mutexes[1], &mutexes[0]);
	return NULL;
}

/* A thousand times, in turn with others, and three times more in another life. */
static void *often_renewed(void *locks)
{
	pthread_mutex_t *mutexes = locks;
	int i, life;

	for (life = 0; life < 2; life++) {
		for (i = 0; i < 2; i++)
			pthread_mutex_init(&mutexes[i], NULL);
		for (i = 0; i < (life ? 3 : 1000); i++) {
			both(&mutexes[0], &mutexes[1]);
			both(&mutexes[0], &c);
		}
		for (i = 0; i < 2 && !life; i++)
			pthread_mutex_destroy(&mutexes[i]);
	}
	return NULL;
}

static void two(void *(*first)(void *), void *(*second)(void *), void *argument)
{
	pthread_t one = start(first, argument), other = start(second, argument);

	pthread_join(one, NULL);
	pthread_join(other, NULL);
}

static void one_by_one(void *(*first)(void *), void *(*second)(void *), void *argument)
{
	pthread_join(start(first, argument), NULL);
	pthread_join(start(second, argument), NULL);
}

static void on_heap(bool known, bool renewed)
{
	pthread_mutex_t *mutexes = calloc(2, sizeof(*mutexes));
	pthread_t other;
	int i;

	for (i = 0; i < 2 && known; i++)
		pthread_mutex_init(&mutexes[i], NULL);
	if (!renewed) {
		two(again, again_back, mutexes);
		return;
	}
	other = start(again, mutexes);
	pass_milliseconds(150);
	for (i = 0; i < 2; i++) {
		pthread_mutex_destroy(&mutexes[i]);
		pthread_mutex_init(&mutexes[i], NULL);
	}
	both(&mutexes[1], &mutexes[0]);
	pthread_join(other, NULL);
}

static void often(void)
{
	pthread_mutex_t *mutexes = calloc(2, sizeof(*mutexes));

	two(often_renewed, again_back, mutexes);
}

static void main_holds_gate(void)
{
	pthread_t other;

	pthread_mutex_lock(&gate);
	other = start(passes_gate_b_a, NULL);
	pass_milliseconds(150);
	both(&a, &b);
	pthread_mutex_unlock(&gate);
	pthread_join(other, NULL);
}

static void main_first(void)
{
	pthread_t other;

	both(&a, &b);
	other = start(b_a, NULL);
	pthread_join(other, NULL);
}

static void three(void)
{
	pthread_t threads[] = { start(a_b, NULL), start(b_c, NULL), start(c_a, NULL) };
	int i;

	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

/* The parent has a thread, too: with a bare preload it is the parent that looks at both. */
static void in_child(void)
{
	pthread_t thread;
	pid_t child;

	thread = start(wait_for_baton, NULL);
	pass_milliseconds(150);
	child = fork();
	if (child == 0) {
		two(a_b, b_a, NULL);
		pass_milliseconds(150);
		exit(0);
	}
	waitpid(child, NULL, 0);
	sem_post(&baton);
	pthread_join(thread, NULL);
}

#define KILLED 100

/** one_of_killed() - says when it is ready to be killed; one of them has taken two orders */
static void one_of_killed(int number, int ready_to)
{
	pthread_mutex_lock(&a);
	pthread_mutex_unlock(&a);
	if (number == KILLED / 2) {
		/* with its misuse a thread notes what to call its program by, should it be killed */
		pthread_mutex_unlock(&own);
		two(a_b, b_a, NULL);
	}
	require(write(ready_to, "", 1) == 1, "ready");
	for (;;)
		pause();
}

/* Nobody who is killed says that he is over. */
static void killed(void)
{
	pid_t children[KILLED];
	int ends[2], i;
	char byte;

	require(pipe(ends) == 0, "pipe");
	for (i = 0; i < KILLED; i++) {
		children[i] = fork();
		if (children[i] == 0)
			one_of_killed(i, ends[1]);
	}
	for (i = 0; i < KILLED; i++)
		require(read(ends[0], &byte, 1) == 1, "all are ready");
	for (i = 0; i < KILLED; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
}

/* At once, and what it has become lasts longer than a look takes to come. */
static void replaced(void)
{
	two(a_b, b_a, NULL);
	execl("/bin/sh", "sh", "-c", "sleep 0.3", NULL);
}

static void initialised(void)
{
	on_heap(true, false);
}

static void uninitialised(void)
{
	on_heap(false, false);
}

static void renewed(void)
{
	on_heap(true, true);
}

static void joined(void)
{
	one_by_one(a_b, b_a, NULL);
}

/* All there is to a case, or two threads that run side by side. */
static const struct {
	const char *name;
	void (*all)(void);
	void *(*threads[2])(void *);
} cases[] = {
	{ "plain", .threads = { a_b, b_a } },
	{ "three", .all = three },
	{ "in_child", .all = in_child },
	{ "replaced", .all = replaced },
	{ "killed", .all = killed },
	{ "writers", .threads = { reads_r_s, writes_s_reads_r } },
	{ "spins", .threads = { spins, spins_back } },
	{ "tried_held", .threads = { a_b, tried_b_wants_a } },
	{ "initialised", .all = initialised },
	{ "through", .threads = { a_through_c_b, b_a } },
	{ "uninitialised", .all = uninitialised },
	{ "renewed", .all = renewed },
	{ "often", .all = often },
	{ "gated", .threads = { gated_a_b, gated_b_a } },
	{ "joined", .all = joined },
	{ "created", .all = main_first },
	{ "posted", .threads = { a_b_posts, waits_b_a } },
	{ "signalled", .threads = { a_b_signals, woken_b_a } },
	{ "barrier", .threads = { a_b_arrives, leaves_b_a } },
	{ "tried", .threads = { a_b, tries_b_a } },
	{ "timed", .threads = { a_b, b_a_in_time } },
	{ "readers", .threads = { reads_r_s, reads_s_r } },
	{ "gate_held", .all = main_holds_gate },
	{ "gate_lent", .threads = { lends_gate, waits_then_gate_b_a } },
	{ "through_held", .threads = { a_through_c_b, c_b_a } },
};

static bool play(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (strcmp(name, cases[i].name))
			continue;
		if (cases[i].all)
			cases[i].all();
		else
			two(cases[i].threads[0], cases[i].threads[1], NULL);
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	sem_init(&baton, 0, 0);
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
	pthread_spin_init(&spun, PTHREAD_PROCESS_PRIVATE);
	return argc > 1 && play(argv[1]) ? 0 : 2;
}
