/*
 * scenario_steps.c - the steps a thread of a scenario can take, and the
 * objects they are taken on
 *
 * Each step returns what the C library returned; steps.expected says what it
 * has to be, so a scenario that is not what it was meant to be fails loudly.
 */
#include "scenario.h"

#include <dlwatch.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void pass_gate(uint32_t *gate, uint32_t count)
{
	uint32_t seen = __atomic_add_fetch(gate, 1, __ATOMIC_ACQ_REL);

	/* only the last one wakes the others: a crowd would trample itself down */
	if (count == 0 || seen >= count)
		syscall(SYS_futex, gate, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
	while (seen < count) {
		syscall(SYS_futex, gate, FUTEX_WAIT, seen, NULL, NULL, 0);
		seen = __atomic_load_n(gate, __ATOMIC_ACQUIRE);
	}
}

static struct timespec after(clockid_t clock, long milliseconds)
{
	struct timespec time;

	clock_gettime(clock, &time);
	time.tv_sec += milliseconds / 1000;
	time.tv_nsec += milliseconds % 1000 * 1000000;
	if (time.tv_nsec >= 1000000000) {
		time.tv_sec++;
		time.tv_nsec -= 1000000000;
	}
	return time;
}

static int failed(int result)
{
	return result ? errno : 0;
}

/* ---- mutexes ---------------------------------------------------------------------- */

#define MUTEX (&object_at(arguments[0])->mutex)
#define C11 (&object_at(arguments[0])->c11)
#define RWLOCK (&object_at(arguments[0])->rwlock)
#define SPINLOCK (&object_at(arguments[0])->spinlock)
#define ONCE (&object_at(arguments[0])->once)

static int lock(const long *arguments)
{
	return pthread_mutex_lock(MUTEX);
}

static int try_lock(const long *arguments)
{
	return pthread_mutex_trylock(MUTEX);
}

static int timed_lock(const long *arguments)
{
	struct timespec time = after(CLOCK_REALTIME, arguments[1]);

	return pthread_mutex_timedlock(MUTEX, &time);
}

static int clock_lock(const long *arguments)
{
	struct timespec time = after(CLOCK_MONOTONIC, arguments[1]);

	return pthread_mutex_clocklock(MUTEX, CLOCK_MONOTONIC, &time);
}

static int unlock(const long *arguments)
{
	return pthread_mutex_unlock(MUTEX);
}

static int recover(const long *arguments)
{
	int error = pthread_mutex_lock(MUTEX);

	return error == EOWNERDEAD ? pthread_mutex_consistent(MUTEX) : error ? error : -1;
}

static int c11_lock(const long *arguments)
{
	return mtx_lock(C11) == thrd_success ? 0 : -1;
}

static int c11_try(const long *arguments)
{
	return mtx_trylock(C11) == thrd_busy ? EBUSY : 0;
}

static int c11_timed(const long *arguments)
{
	struct timespec time = after(CLOCK_REALTIME, arguments[1]);

	return mtx_timedlock(C11, &time) == thrd_timedout ? ETIMEDOUT : 0;
}

static int c11_unlock(const long *arguments)
{
	return mtx_unlock(C11) == thrd_success ? 0 : -1;
}

/* ---- other locks ---------------------------------------------------------------------- */

static int read_lock(const long *arguments)
{
	return pthread_rwlock_rdlock(RWLOCK);
}

static int write_lock(const long *arguments)
{
	return pthread_rwlock_wrlock(RWLOCK);
}

static int try_read(const long *arguments)
{
	return pthread_rwlock_tryrdlock(RWLOCK);
}

static int try_write(const long *arguments)
{
	return pthread_rwlock_trywrlock(RWLOCK);
}

static int timed_read(const long *arguments)
{
	struct timespec time = after(CLOCK_REALTIME, arguments[1]);

	return pthread_rwlock_timedrdlock(RWLOCK, &time);
}

static int timed_write(const long *arguments)
{
	struct timespec time = after(CLOCK_REALTIME, arguments[1]);

	return pthread_rwlock_timedwrlock(RWLOCK, &time);
}

static int read_write_unlock(const long *arguments)
{
	return pthread_rwlock_unlock(RWLOCK);
}

static int spin(const long *arguments)
{
	return pthread_spin_lock(SPINLOCK);
}

static int try_spin(const long *arguments)
{
	return pthread_spin_trylock(SPINLOCK);
}

static int unspin(const long *arguments)
{
	return pthread_spin_unlock(SPINLOCK);
}

static void initialiser(void)
{
	run_steps(); /* up to `endonce` */
}

static void no_initialiser(void)
{
	give_up("an initialiser ran twice", 0, 0);
}

static int once(const long *arguments)
{
	return pthread_once(ONCE, initialiser);
}

static int once_done(const long *arguments)
{
	return pthread_once(ONCE, no_initialiser);
}

/* ---- a lock of our own making, announced --------------------------------------------- */

#define CUSTOM (&object_at(arguments[0])->custom)

static bool custom_taken(uint32_t *word)
{
	return __atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE) == 0;
}

static int custom_lock(const long *arguments)
{
	dlwatch_wanting(CUSTOM, DLWATCH_EXCLUSIVE);
	while (!custom_taken(CUSTOM))
		syscall(SYS_futex, CUSTOM, FUTEX_WAIT, 1, NULL, NULL, 0);
	dlwatch_acquired(CUSTOM, DLWATCH_EXCLUSIVE);
	return 0;
}

static int custom_try(const long *arguments)
{
	if (!custom_taken(CUSTOM))
		return EBUSY;
	dlwatch_acquired(CUSTOM, DLWATCH_EXCLUSIVE);
	return 0;
}

static int custom_timed(const long *arguments)
{
	const struct timespec time = { arguments[1] / 1000, arguments[1] % 1000 * 1000000 };
	int error;

	dlwatch_wanting_for_a_while(CUSTOM, DLWATCH_EXCLUSIVE);
	syscall(SYS_futex, CUSTOM, FUTEX_WAIT, 1, &time, NULL, 0);
	error = custom_try(arguments);
	if (error)
		dlwatch_gave_up(CUSTOM);
	return error;
}

static int custom_unlock(const long *arguments)
{
	dlwatch_releasing(CUSTOM);
	__atomic_store_n(CUSTOM, 0, __ATOMIC_RELEASE);
	return syscall(SYS_futex, CUSTOM, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0) < 0 ? errno : 0;
}

/* ---- events ----------------------------------------------------------------------------- */

static sem_t *semaphore(long number)
{
	sem_t *named = declarations[number].named;

	return named ? named : &object_at(number)->semaphore;
}

static int take(const long *arguments)
{
	int error;

	do
		error = failed(sem_wait(semaphore(arguments[0])));
	while (error == EINTR);
	return error;
}

static int try_take(const long *arguments)
{
	return failed(sem_trywait(semaphore(arguments[0])));
}

static int timed_take(const long *arguments)
{
	struct timespec time = after(CLOCK_REALTIME, arguments[1]);

	return failed(sem_timedwait(semaphore(arguments[0]), &time));
}

static int post(const long *arguments)
{
	return failed(sem_post(semaphore(arguments[0])));
}

/* A condition, its mutex, and the counter that is waited for to become positive. */
#define CONDITION (&object_at(arguments[0])->condition)
#define ITS_MUTEX (&object_at(arguments[1])->mutex)
#define ITS_COUNTER (&object_at(arguments[2])->counter)

static int await_signal(const long *arguments)
{
	int error = pthread_mutex_lock(ITS_MUTEX);

	while (!error && *ITS_COUNTER == 0)
		error = pthread_cond_wait(CONDITION, ITS_MUTEX);
	--*ITS_COUNTER;
	return error ? error : pthread_mutex_unlock(ITS_MUTEX);
}

static int timed_await(const long *arguments)
{
	struct timespec time = after(CLOCK_REALTIME, 40);
	int error = pthread_mutex_lock(ITS_MUTEX);

	while (!error && *ITS_COUNTER == 0)
		error = pthread_cond_timedwait(CONDITION, ITS_MUTEX, &time);
	pthread_mutex_unlock(ITS_MUTEX);
	return error;
}

static int signal_one(const long *arguments)
{
	pthread_mutex_lock(ITS_MUTEX);
	++*ITS_COUNTER;
	pthread_cond_signal(CONDITION);
	return pthread_mutex_unlock(ITS_MUTEX);
}

/* By who has the mutex already, and keeps it. */
static int notify(const long *arguments)
{
	++object_at(arguments[1])->counter;
	return pthread_cond_signal(CONDITION);
}

static int signal_after_unlock(const long *arguments)
{
	pthread_mutex_lock(ITS_MUTEX);
	++*ITS_COUNTER;
	pthread_mutex_unlock(ITS_MUTEX);
	return pthread_cond_broadcast(CONDITION);
}

static int arrive(const long *arguments)
{
	int result = pthread_barrier_wait(&object_at(arguments[0])->barrier);

	return result == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : result;
}

static int join(const long *arguments)
{
	return pthread_join(actors[arguments[0]].thread, NULL);
}

static int timed_join(const long *arguments)
{
	struct timespec time = after(CLOCK_REALTIME, arguments[1]);

	return pthread_timedjoin_np(actors[arguments[0]].thread, NULL, &time);
}

static int try_join(const long *arguments)
{
	return pthread_tryjoin_np(actors[arguments[0]].thread, NULL);
}

static int cancel(const long *arguments)
{
	return pthread_cancel(actors[arguments[0]].thread);
}

/* ---- waits on the system ------------------------------------------------------------------ */

/* Opened anew by each process: locks of files belong to what is opened. */
static int own_file(long number)
{
	struct declaration *declared = &declarations[number];
	char path[64];

	if (!declared->ends[1]) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", declared->ends[0]);
		declared->ends[1] = open(path, O_RDWR | O_CLOEXEC);
	}
	return declared->ends[1];
}

static int lock_file(const long *arguments)
{
	return failed(flock(own_file(arguments[0]), LOCK_EX));
}

static int try_file(const long *arguments)
{
	return failed(flock(own_file(arguments[0]), LOCK_EX | LOCK_NB));
}

static int unlock_file(const long *arguments)
{
	return failed(flock(own_file(arguments[0]), LOCK_UN));
}

static int await_child(const long *arguments)
{
	int status;

	return waitpid(children[arguments[0]], &status, 0) > 0 ? status : -1;
}

static int try_child(const long *arguments)
{
	int status;

	return waitpid(children[arguments[0]], &status, WNOHANG) == 0 ? EBUSY : 0;
}

#define READ_END (declarations[arguments[0]].ends[0])
#define WRITE_END (declarations[arguments[0]].ends[1])

static int put_byte(const long *arguments)
{
	return write(WRITE_END, "x", 1) == 1 ? 0 : -1;
}

static int get_byte(const long *arguments)
{
	char byte;

	return read(READ_END, &byte, 1) == 1 ? 0 : -1;
}

static int fill_pipe(const long *arguments)
{
	static const char bytes[4096];
	int error;

	fcntl(WRITE_END, F_SETFL, O_NONBLOCK);
	while (write(WRITE_END, bytes, sizeof(bytes)) > 0)
		;
	error = errno;
	fcntl(WRITE_END, F_SETFL, 0);
	return error;
}

/* Up to the byte that had no room: whoever writes it must not find the reader gone. */
static int drain_pipe(const long *arguments)
{
	char bytes[4096];
	ssize_t got;

	do
		got = read(READ_END, bytes, sizeof(bytes));
	while (got > 0 && bytes[got - 1] != 'x');
	return got > 0 ? 0 : -1;
}

static int wait_for_bytes(const long *arguments)
{
	struct pollfd end = { READ_END, POLLIN, 0 };

	return poll(&end, 1, (int)arguments[1]);
}

static int wait_for_room(const long *arguments)
{
	struct pollfd end = { WRITE_END, POLLOUT, 0 };

	return poll(&end, 1, (int)arguments[1]);
}

/* ---- what dlwatch does not see ------------------------------------------------------------ */

static int meet(const long *arguments)
{
	pass_gate(&shared->gates[arguments[0]], (uint32_t)arguments[1]);
	return 0;
}

static int nap(const long *arguments)
{
	struct timespec time = { arguments[0] / 1000, arguments[0] % 1000 * 1000000 };

	while (nanosleep(&time, &time) != 0)
		;
	return 0;
}

/* For ever, without ever waiting for it. */
static int try_for_ever(const long *arguments)
{
	static const long one_millisecond[] = { 1 };

	while (pthread_mutex_trylock(MUTEX) == EBUSY)
		nap(one_millisecond);
	return -1;
}

/* Does the kernel show the thread asleep on a word of the object? */
static bool sleeps_in(long actor, long object)
{
	unsigned long long call, word = 0;
	uintptr_t place = declarations[object].named ? (uintptr_t)declarations[object].named
						     : (uintptr_t)object_at(object);
	char path[64];
	FILE *file;
	int read;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", actors[actor].tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	read = fscanf(file, "%llu %llx", &call, &word);
	fclose(file);
	return read == 2 && call == SYS_futex && word - place < sizeof(struct object);
}

static int wait_until_asleep(const long *arguments)
{
	while (!sleeps_in(arguments[0], arguments[1]))
		sched_yield();
	return 0;
}

static int leave(const long *arguments)
{
	(void)arguments;
	pthread_exit(NULL);
}

static int die(const long *arguments)
{
	_exit((int)arguments[0]);
}

static const struct step_kind kinds[] = {
	{ "lock", lock, 0 },
	{ "trylock", try_lock, EBUSY },
	{ "timedlock", timed_lock, ETIMEDOUT },
	{ "clocklock", clock_lock, ETIMEDOUT },
	{ "unlock", unlock, 0 },
	{ "recover", recover, 0 },
	{ "relock", lock, EDEADLK },
	{ "c11lock", c11_lock, 0 },
	{ "c11try", c11_try, EBUSY },
	{ "c11timed", c11_timed, ETIMEDOUT },
	{ "c11unlock", c11_unlock, 0 },
	{ "rdlock", read_lock, 0 },
	{ "wrlock", write_lock, 0 },
	{ "tryrd", try_read, EBUSY },
	{ "trywr", try_write, EBUSY },
	{ "timedrd", timed_read, ETIMEDOUT },
	{ "timedwr", timed_write, ETIMEDOUT },
	{ "rwunlock", read_write_unlock, 0 },
	{ "spin", spin, 0 },
	{ "tryspin", try_spin, EBUSY },
	{ "unspin", unspin, 0 },
	{ "once", once, 0 },
	{ "endonce", NULL, 0 },
	{ "oncedone", once_done, 0 },
	{ "own", custom_lock, 0 },
	{ "tryown", custom_try, EBUSY },
	{ "timedown", custom_timed, EBUSY },
	{ "disown", custom_unlock, 0 },
	{ "take", take, 0 },
	{ "trytake", try_take, EAGAIN },
	{ "timedtake", timed_take, ETIMEDOUT },
	{ "post", post, 0 },
	{ "await", await_signal, 0 },
	{ "timedawait", timed_await, ETIMEDOUT },
	{ "signal", signal_one, 0 },
	{ "notify", notify, 0 },
	{ "broadcast", signal_after_unlock, 0 },
	{ "arrive", arrive, 0 },
	{ "join", join, 0 },
	{ "timedjoin", timed_join, ETIMEDOUT },
	{ "tryjoin", try_join, EBUSY },
	{ "cancel", cancel, 0 },
	{ "flock", lock_file, 0 },
	{ "tryflock", try_file, EWOULDBLOCK },
	{ "funlock", unlock_file, 0 },
	{ "child", await_child, 0 },
	{ "trychild", try_child, EBUSY },
	{ "put", put_byte, 0 },
	{ "get", get_byte, 0 },
	{ "fill", fill_pipe, EAGAIN },
	{ "drain", drain_pipe, 0 },
	{ "pollget", wait_for_bytes, 0 },
	{ "pollput", wait_for_room, 0 },
	{ "meet", meet, 0 },
	{ "nap", nap, 0 },
	{ "tryforever", try_for_ever, 0 },
	{ "asleep", wait_until_asleep, 0 },
	{ "exit", leave, 0 },
	{ "die", die, 0 },
};

const struct step_kind *find_step(const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].word, word) == 0)
			return &kinds[i];
	return NULL;
}
