/*
 * two_processes_cured.c - the cure of two_processes.c: one order for all processes
 *
 * The order has to be agreed between programs now, not only between functions:
 * it belongs in the header that describes the shared memory.
 *
 * The barrier has moved in front of the first lock, see two_locks_ordered.c.
 *
 * Run it:   dlwatch run build/samples/two_processes_cured
 * Expect:   no finding, exit status 0.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct bank {
	pthread_mutex_t alice_lock, bob_lock;
	pthread_barrier_t meeting;
	long alice_balance, bob_balance;
} *bank;

static void alice_to_bob(void)
{
	pthread_setname_np(pthread_self(), "alice-to-bob");
	pthread_barrier_wait(&bank->meeting);
	pthread_mutex_lock(&bank->alice_lock);
	pthread_mutex_lock(&bank->bob_lock);
	bank->alice_balance -= 10;
	bank->bob_balance += 10;
	pthread_mutex_unlock(&bank->bob_lock);
	pthread_mutex_unlock(&bank->alice_lock);
}

static void bob_to_alice(void)
{
	pthread_setname_np(pthread_self(), "bob-to-alice");
	pthread_barrier_wait(&bank->meeting);
	pthread_mutex_lock(&bank->alice_lock);
	pthread_mutex_lock(&bank->bob_lock);
	bank->bob_balance -= 25;
	bank->alice_balance += 25;
	pthread_mutex_unlock(&bank->bob_lock);
	pthread_mutex_unlock(&bank->alice_lock);
}

static void open_bank(void)
{
	pthread_mutexattr_t shared_mutex;
	pthread_barrierattr_t shared_barrier;

	bank = mmap(NULL, sizeof(*bank), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (bank == MAP_FAILED) {
		perror("two_processes_cured: mmap");
		_exit(1);
	}
	pthread_mutexattr_init(&shared_mutex);
	pthread_mutexattr_setpshared(&shared_mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&bank->alice_lock, &shared_mutex);
	pthread_mutex_init(&bank->bob_lock, &shared_mutex);
	pthread_barrierattr_init(&shared_barrier);
	pthread_barrierattr_setpshared(&shared_barrier, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&bank->meeting, &shared_barrier, 2);
	bank->alice_balance = bank->bob_balance = 100;
}

int main(void)
{
	pid_t child;

	open_bank();
	child = fork();
	if (child < 0) {
		perror("two_processes_cured: fork");
		return 1;
	}
	if (child == 0) {
		bob_to_alice();
		return 0;
	}
	alice_to_bob();
	waitpid(child, NULL, 0);
	printf("alice %ld, bob %ld\n", bank->alice_balance, bank->bob_balance);
	return 0;
}
