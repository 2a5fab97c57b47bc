/*
 * annotated.c - what a program tells through dlwatch.h, one way a run, named by
 * the argument; without dlwatch it prints the same. A second one says how often
 * to use other locks right after "exempt…" and "post", for a log to forget them.
 */
#include <dlwatch.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "lock_history.h"

static pthread_barrier_t meeting;
static long rounds;

static void meet(void)
{
	pthread_barrier_wait(&meeting);
}

/* ---- locks of one's own making --------------------------------------------------- */

static atomic_int ledger, journal;

static void take(atomic_int *lock)
{
	int none = 0;

	dlwatch_wanting(lock, DLWATCH_EXCLUSIVE);
	while (!atomic_compare_exchange_weak(lock, &none, 1)) {
		none = 0;
		syscall(SYS_futex, lock, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
	}
	dlwatch_acquired(lock, DLWATCH_EXCLUSIVE);
}

static bool try_for(atomic_int *lock, int times)
{
	int none = 0;

	dlwatch_wanting_for_a_while(lock, DLWATCH_EXCLUSIVE);
	for (; times; times--) {
		if (atomic_compare_exchange_weak(lock, &none, 1)) {
			dlwatch_acquired(lock, DLWATCH_EXCLUSIVE);
			return true;
		}
		none = 0;
		pass_milliseconds(1);
	}
	dlwatch_gave_up(lock);
	return false;
}

static void give(atomic_int *lock)
{
	dlwatch_releasing(lock);
	atomic_store(lock, 0);
	syscall(SYS_futex, lock, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *ledger_then_journal(void *unused)
{
	(void)unused;
	named("forth");
	take(&ledger);
	meet();
	closing();
	take(&journal);
	give(&journal);
	give(&ledger);
	return NULL;
}

static void *journal_then_ledger(void *unused)
{
	(void)unused;
	named("back");
	take(&journal);
	meet();
	closing();
	take(&ledger);
	give(&ledger);
	give(&journal);
	return NULL;
}

static void two(void *(*one)(void *), void *(*other)(void *))
{
	pthread_t first = start(one, NULL), second = start(other, NULL);

	pthread_join(first, NULL);
	pthread_join(second, NULL);
}

static void custom_case(void)
{
	dlwatch_name(&ledger, "ledger");
	two(ledger_then_journal, journal_then_ledger);
}

/* Whoever comes second backs off: it waits, but not for ever. */
static void *journal_then_perhaps_ledger(void *unused)
{
	bool had = false;

	(void)unused;
	named("back");
	take(&journal);
	meet();
	while (!had) {
		had = try_for(&ledger, 300);
		if (had)
			give(&ledger);
		give(&journal);
		pass_milliseconds(2);
		if (!had)
			take(&journal);
	}
	return NULL;
}

static void cured_case(void)
{
	two(ledger_then_journal, journal_then_perhaps_ledger);
}

/* Given back by another thread than the one that took it: no lock that can be judged. */
static void *give_late(void *unused)
{
	(void)unused;
	named("late");
	meet();
	give(&ledger);
	pass_milliseconds(1);
	take(&ledger);
	meet();
	pass_milliseconds(600);
	give(&ledger);
	return NULL;
}

static void *wait_late(void *unused)
{
	(void)unused;
	named("wait");
	take(&ledger);
	meet();
	meet();
	take(&ledger);
	give(&ledger);
	return NULL;
}

static void stranger_case(void)
{
	two(wait_late, give_late);
}

/* ---- threads ------------------------------------------------------------------------ */

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER, lock_b = PTHREAD_MUTEX_INITIALIZER;
static bool exempted;

static __attribute__((noinline)) void both(pthread_mutex_t *first, pthread_mutex_t *second)
{
	pthread_mutex_lock(first);
	meet();
	closing();
	pthread_mutex_lock(second);
}

static void *a_then_b(void *unused)
{
	(void)unused;
	named("a-then-b");
	both(&lock_a, &lock_b);
	return NULL;
}

static void *b_then_a(void *unused)
{
	(void)unused;
	named("b-then-a");
	if (exempted)
		dlwatch_exempt_begin();
	make_history(rounds);
	both(&lock_b, &lock_a);
	return NULL;
}

static void named_case(void)
{
	dlwatch_name(&lock_a, "accounts");
	dlwatch_name(&lock_b, "balances");
	two(a_then_b, b_then_a);
}

static void exempt_case(void)
{
	exempted = true;
	start(a_then_b, NULL);
	start(b_then_a, NULL);
	pass_milliseconds(700);
}

/* An orderly exit would end all waits. */
static void exempt_killed_case(void)
{
	exempt_case();
	kill(getpid(), SIGKILL);
}

/* An exemption that has ended is none. */
static void no_more_case(void)
{
	dlwatch_exempt_begin();
	dlwatch_exempt_end();
	two(a_then_b, b_then_a);
}

/* ---- who will post --------------------------------------------------------------------- */

static sem_t ready;
static bool told;

static void *bystander(void *unused)
{
	named("bystander");
	for (;;)
		pass_milliseconds(50);
	return unused;
}

static __attribute__((noinline)) void post_after_lock(void)
{
	pthread_mutex_lock(&lock_a);
	sem_post(&ready);
	pthread_mutex_unlock(&lock_a);
}

static void *poster(void *unused)
{
	(void)unused;
	named("poster");
	if (told)
		dlwatch_will_post(&ready);
	make_history(rounds);
	meet();
	meet();
	closing();
	post_after_lock();
	return NULL;
}

static __attribute__((noinline)) void wait_holding(void)
{
	pthread_mutex_lock(&lock_a);
	meet();
	closing();
	sem_wait(&ready);
}

static void *wait_ready(void *unused)
{
	(void)unused;
	named("waiter");
	meet();
	wait_holding();
	return NULL;
}

static void post_case(void)
{
	sem_init(&ready, 0, 0);
	start(bystander, NULL);
	told = true;
	two(poster, wait_ready);
}

static void untold_case(void)
{
	sem_init(&ready, 0, 0);
	start(bystander, NULL);
	start(poster, NULL);
	start(wait_ready, NULL);
	pass_milliseconds(700);
}

/* ---- ranks ---------------------------------------------------------------------------- */

static __attribute__((noinline)) void take_account(void)
{
	pthread_mutex_lock(&lock_a);
	pthread_mutex_unlock(&lock_a);
}

static void rank_case(void)
{
	int i;

	dlwatch_class(&lock_a, "account", 1);
	dlwatch_class(&lock_b, "ledger", 2);
	for (i = 0; i < 3; i++) {
		pthread_mutex_lock(&lock_b);
		take_account();
		pthread_mutex_unlock(&lock_b);
	}
}

static void ranks_kept_case(void)
{
	dlwatch_class(&lock_a, "account", 1);
	dlwatch_class(&lock_b, "ledger", 2);
	pthread_mutex_lock(&lock_a);
	pthread_mutex_lock(&lock_b);
	pthread_mutex_unlock(&lock_b);
	pthread_mutex_unlock(&lock_a);
	pthread_mutex_lock(&lock_b);
	require(pthread_mutex_trylock(&lock_a) == 0, "trylock"); /* which cannot block */
	pthread_mutex_unlock(&lock_a);
	pthread_mutex_unlock(&lock_b);
}

static void active_case(void)
{
	const char *expected = getenv("EXPECT_ACTIVE");

	require(dlwatch_active() == (expected ? atoi(expected) : 0), "dlwatch_active");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "custom", custom_case },   { "cured", cured_case },     { "stranger", stranger_case },
		{ "named", named_case },     { "exempt", exempt_case },
		{ "exempt-killed", exempt_killed_case }, { "no-more", no_more_case },
		{ "post", post_case },       { "untold", untold_case },   { "rank", rank_case },
		{ "ranks-kept", ranks_kept_case }, { "active", active_case },
	};
	size_t i;

	if (argc > 2)
		rounds = atol(argv[2]);
	pthread_barrier_init(&meeting, NULL, 2);
	errno = 77;
	dlwatch_name(&meeting, "meeting");
	require(errno == 77, "an annotation leaves errno alone:");
	for (i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(argv[1], cases[i].name))
			cases[i].run();
	dprintf(1, "done\n");
	_exit(5);
}
