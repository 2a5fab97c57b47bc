/*
 * returns.c - what every call that dlwatch stands in front of returns, and what
 * it does to errno; one line a call, the same line with and without dlwatch
 *
 * errno is set to a mark before each call: pthread functions leave it alone,
 * semaphores set it on failure only.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define MARK 12345

/* Says what CALL returned and left in errno. */
#define SAY(call)                                                           \
	do {                                                                \
		int result_;                                                \
		errno = MARK;                                               \
		result_ = (call);                                           \
		if (errno == MARK)                                          \
			printf("%-60s %d\n", #call, result_);               \
		else                                                        \
			printf("%-60s %d, errno %d\n", #call, result_, errno); \
	} while (0)

static struct timespec soon, past = { 0, 0 }, wrong = { 0, 1000000000 };

static const struct timespec *in_a_moment(clockid_t clock)
{
	clock_gettime(clock, &soon);
	soon.tv_nsec += 20000000;
	if (soon.tv_nsec >= 1000000000) {
		soon.tv_sec++;
		soon.tv_nsec -= 1000000000;
	}
	return &soon;
}

static void mutexes_of_type(int type, const char *name)
{
	pthread_mutexattr_t attribute;
	pthread_mutex_t mutex;

	printf("-- mutex, %s\n", name);
	pthread_mutexattr_init(&attribute);
	pthread_mutexattr_settype(&attribute, type);
	SAY(pthread_mutex_init(&mutex, &attribute));
	SAY(pthread_mutex_clocklock(&mutex, 77, &past));
	SAY(pthread_mutex_lock(&mutex));
	SAY(pthread_mutex_trylock(&mutex));
	SAY(pthread_mutex_timedlock(&mutex, &past));
	SAY(pthread_mutex_timedlock(&mutex, &wrong));
	SAY(pthread_mutex_timedlock(&mutex, in_a_moment(CLOCK_REALTIME)));
	SAY(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, in_a_moment(CLOCK_MONOTONIC)));
	SAY(pthread_mutex_clocklock(&mutex, 77, in_a_moment(CLOCK_MONOTONIC)));
	SAY(pthread_mutex_destroy(&mutex));
	SAY(pthread_mutex_consistent(&mutex));
	while (pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_trylock(&mutex) == EBUSY)
		;
	if (type != PTHREAD_MUTEX_NORMAL) {
		while (pthread_mutex_unlock(&mutex) == 0 && type != PTHREAD_MUTEX_ADAPTIVE_NP)
			;
		if (type != PTHREAD_MUTEX_ADAPTIVE_NP)
			SAY(pthread_mutex_unlock(&mutex));
	}
	pthread_mutexattr_destroy(&attribute);
}

static void rwlocks_of_kind(int kind, const char *name)
{
	pthread_rwlockattr_t attribute;
	pthread_rwlock_t lock;

	printf("-- reader-writer lock, %s\n", name);
	pthread_rwlockattr_init(&attribute);
	pthread_rwlockattr_setkind_np(&attribute, kind);
	SAY(pthread_rwlock_init(&lock, &attribute));
	SAY(pthread_rwlock_timedrdlock(&lock, &wrong));
	SAY(pthread_rwlock_timedwrlock(&lock, &wrong));
	SAY(pthread_rwlock_clockrdlock(&lock, 77, &past));
	SAY(pthread_rwlock_clockwrlock(&lock, 77, &past));
	SAY(pthread_rwlock_rdlock(&lock));
	SAY(pthread_rwlock_rdlock(&lock));
	SAY(pthread_rwlock_tryrdlock(&lock));
	SAY(pthread_rwlock_trywrlock(&lock));
	SAY(pthread_rwlock_timedrdlock(&lock, &past));
	SAY(pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &past));
	SAY(pthread_rwlock_timedwrlock(&lock, &past));
	SAY(pthread_rwlock_timedwrlock(&lock, in_a_moment(CLOCK_REALTIME)));
	SAY(pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, in_a_moment(CLOCK_MONOTONIC)));
	while (pthread_rwlock_trywrlock(&lock) != 0)
		SAY(pthread_rwlock_unlock(&lock));
	SAY(pthread_rwlock_rdlock(&lock));
	SAY(pthread_rwlock_wrlock(&lock));
	SAY(pthread_rwlock_tryrdlock(&lock));
	SAY(pthread_rwlock_trywrlock(&lock));
	SAY(pthread_rwlock_timedrdlock(&lock, in_a_moment(CLOCK_REALTIME)));
	SAY(pthread_rwlock_unlock(&lock));
	SAY(pthread_rwlock_destroy(&lock));
	pthread_rwlockattr_destroy(&attribute);
}

static void nothing(void)
{
}

static void others(void)
{
	pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_barrier_t barrier;
	pthread_spinlock_t lock;

	printf("-- spinlocks, barriers, once\n");
	SAY(pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE));
	SAY(pthread_spin_trylock(&lock));
	SAY(pthread_spin_trylock(&lock));
	SAY(pthread_spin_unlock(&lock));
	SAY(pthread_spin_lock(&lock));
	SAY(pthread_spin_trylock(&lock));
	SAY(pthread_spin_unlock(&lock));
	SAY(pthread_spin_unlock(&lock));
	SAY(pthread_spin_destroy(&lock));
	SAY(pthread_barrier_init(&barrier, NULL, 0));
	SAY(pthread_barrier_init(&barrier, NULL, 1));
	SAY(pthread_barrier_wait(&barrier));
	SAY(pthread_barrier_wait(&barrier));
	SAY(pthread_barrier_destroy(&barrier));
	SAY(pthread_once(&once, nothing));
	SAY(pthread_once(&once, nothing));
}

static void semaphores(void)
{
	char name[64];
	sem_t semaphore, *named;
	int value;

	printf("-- semaphores\n");
	SAY(sem_init(&semaphore, 0, 1u + 0x7fffffff));
	SAY(sem_init(&semaphore, 0, 1));
	SAY(sem_wait(&semaphore));
	SAY(sem_trywait(&semaphore));
	SAY(sem_timedwait(&semaphore, &past));
	SAY(sem_timedwait(&semaphore, &wrong));
	SAY(sem_timedwait(&semaphore, in_a_moment(CLOCK_REALTIME)));
	SAY(sem_clockwait(&semaphore, CLOCK_MONOTONIC, in_a_moment(CLOCK_MONOTONIC)));
	SAY(sem_clockwait(&semaphore, 77, &past));
	SAY(sem_post(&semaphore));
	SAY(sem_getvalue(&semaphore, &value));
	printf("value %d\n", value);
	SAY(sem_destroy(&semaphore));
	SAY(sem_init(&semaphore, 0, 0x7fffffff));
	SAY(sem_post(&semaphore));
	SAY(sem_destroy(&semaphore));

	snprintf(name, sizeof(name), "/dlwatch-returns-%d", (int)getpid());
	errno = MARK;
	named = sem_open(name, 0);
	printf("sem_open of none: %s, errno %d\n", named == SEM_FAILED ? "failed" : "open", errno);
	errno = MARK;
	named = sem_open("no/slashes/inside", O_CREAT, 0600, 1);
	printf("sem_open of nonsense: %s, errno %d\n", named == SEM_FAILED ? "failed" : "open",
	       errno);
	named = sem_open(name, O_CREAT | O_EXCL, 0600, 2);
	printf("sem_open: %s\n", named == SEM_FAILED ? "failed" : "open");
	printf("the same again: %d\n", sem_open(name, 0) == named);
	errno = MARK;
	printf("exclusively: %d", sem_open(name, O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED);
	printf(", errno %d\n", errno);
	SAY(sem_wait(named));
	SAY(sem_close(named));
	SAY(sem_trywait(named));
	SAY(sem_trywait(named));
	SAY(sem_close(named));
	SAY(sem_unlink(name));
	SAY(sem_unlink(name));
}

static void ignore(int number)
{
	(void)number;
}

static void *interrupt(void *thread)
{
	struct timespec pause = { 0, 50000000 };

	nanosleep(&pause, NULL);
	pthread_kill(*(pthread_t *)thread, SIGUSR1);
	return NULL;
}

static void interruptions(void)
{
	struct sigaction action = { .sa_handler = ignore };
	pthread_t self = pthread_self(), other;
	sem_t semaphore;

	printf("-- interrupted waits\n");
	sigaction(SIGUSR1, &action, NULL);
	sem_init(&semaphore, 0, 0);
	pthread_create(&other, NULL, interrupt, &self);
	SAY(sem_wait(&semaphore));
	pthread_join(other, NULL);
	pthread_create(&other, NULL, interrupt, &self);
	soon.tv_sec = time(NULL) + 60;
	SAY(sem_timedwait(&semaphore, &soon));
	pthread_join(other, NULL);
}

static void conditions(void)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t condition;

	printf("-- conditions\n");
	SAY(pthread_cond_init(&condition, NULL));
	SAY(pthread_mutex_lock(&mutex));
	SAY(pthread_cond_timedwait(&condition, &mutex, &past));
	SAY(pthread_cond_timedwait(&condition, &mutex, &wrong));
	SAY(pthread_cond_timedwait(&condition, &mutex, in_a_moment(CLOCK_REALTIME)));
	SAY(pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC,
				   in_a_moment(CLOCK_MONOTONIC)));
	SAY(pthread_cond_clockwait(&condition, &mutex, 77, &past));
	SAY(pthread_cond_signal(&condition));
	SAY(pthread_cond_broadcast(&condition));
	SAY(pthread_mutex_unlock(&mutex));
	SAY(pthread_cond_destroy(&condition));
}

static void *twice(void *argument)
{
	return (char *)argument + 1;
}

static void *sleep_a_moment(void *argument)
{
	struct timespec pause = { 0, 100000000 };

	nanosleep(&pause, NULL);
	return argument;
}

static void joins(void)
{
	pthread_t thread;
	void *result = NULL;

	printf("-- threads\n");
	SAY(pthread_join(pthread_self(), NULL));
	SAY(pthread_create(&thread, NULL, twice, (void *)41));
	SAY(pthread_join(thread, &result));
	printf("result %ld\n", (long)result);
	SAY(pthread_create(&thread, NULL, sleep_a_moment, (void *)7));
	SAY(pthread_tryjoin_np(thread, &result));
	SAY(pthread_timedjoin_np(thread, &result, in_a_moment(CLOCK_REALTIME)));
	SAY(pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, in_a_moment(CLOCK_MONOTONIC)));
	SAY(pthread_join(thread, &result));
	printf("result %ld\n", (long)result);
	SAY(pthread_create(&thread, NULL, sleep_a_moment, NULL));
	SAY(pthread_detach(thread));
}

static int thirteen(void *unused)
{
	(void)unused;
	return 13;
}

static void c11(void)
{
	mtx_t mutex;
	cnd_t condition;
	thrd_t thread;
	int result;

	printf("-- C11\n");
	SAY(mtx_init(&mutex, 99));
	SAY(mtx_init(&mutex, mtx_timed));
	SAY(mtx_lock(&mutex));
	SAY(mtx_trylock(&mutex));
	SAY(mtx_timedlock(&mutex, in_a_moment(CLOCK_REALTIME)));
	SAY(cnd_init(&condition));
	SAY(cnd_timedwait(&condition, &mutex, in_a_moment(CLOCK_REALTIME)));
	SAY(cnd_signal(&condition));
	SAY(cnd_broadcast(&condition));
	SAY(mtx_unlock(&mutex));
	SAY(thrd_create(&thread, thirteen, NULL));
	SAY(thrd_join(thread, &result));
	printf("result %d\n", result);
	SAY(thrd_create(&thread, thirteen, NULL));
	SAY(thrd_detach(thread));
	cnd_destroy(&condition);
	mtx_destroy(&mutex);
}

static void priorities(void)
{
	pthread_mutexattr_t attribute;
	pthread_mutex_t mutex;
	int before;

	printf("-- priority ceiling\n");
	pthread_mutex_init(&mutex, NULL);
	SAY(pthread_mutex_setprioceiling(&mutex, 1, &before));
	pthread_mutexattr_init(&attribute);
	pthread_mutexattr_setprotocol(&attribute, PTHREAD_PRIO_INHERIT);
	SAY(pthread_mutex_init(&mutex, &attribute));
	SAY(pthread_mutex_lock(&mutex));
	SAY(pthread_mutex_trylock(&mutex));
	SAY(pthread_mutex_timedlock(&mutex, in_a_moment(CLOCK_REALTIME)));
	SAY(pthread_mutex_unlock(&mutex));
	SAY(pthread_mutex_unlock(&mutex));
	SAY(pthread_mutex_destroy(&mutex));
}

int main(void)
{
	mutexes_of_type(PTHREAD_MUTEX_NORMAL, "normal");
	mutexes_of_type(PTHREAD_MUTEX_RECURSIVE, "recursive");
	mutexes_of_type(PTHREAD_MUTEX_ERRORCHECK, "errorcheck");
	mutexes_of_type(PTHREAD_MUTEX_ADAPTIVE_NP, "adaptive");
	rwlocks_of_kind(PTHREAD_RWLOCK_PREFER_READER_NP, "prefer reader");
	rwlocks_of_kind(PTHREAD_RWLOCK_PREFER_WRITER_NP, "prefer writer");
	rwlocks_of_kind(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP, "nonrecursive");
	others();
	semaphores();
	interruptions();
	conditions();
	joins();
	c11();
	priorities();
	return 0;
}
