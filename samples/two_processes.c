/*
 * two_processes.c - the mistake of two_locks.c, made by two processes
 *
 * Threads share all their memory. Processes share nothing, unless they ask for
 * it: here two locks lie in memory that was mapped shared before fork(), and
 * are told that several processes use them (PTHREAD_PROCESS_SHARED). The parent
 * moves money one way, its child the other, each with its own first lock.
 *
 * The two processes could even see the locks at different addresses: what makes
 * it one lock is the memory behind the address.
 *
 * Run it:   dlwatch run build/samples/two_processes
 * Expect:   deadlock, proven; core of 2 threads of 2 processes, one report.
 * Look at:  two pids, two tids; `shared' in the description of the locks.
 * Cure:     two_processes_cured.c
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
	pthread_mutex_lock(&bank->alice_lock);
	pthread_barrier_wait(&bank->meeting); /* now each process has one lock */
	pthread_mutex_lock(&bank->bob_lock);
	bank->alice_balance -= 10;
	bank->bob_balance += 10;
	pthread_mutex_unlock(&bank->bob_lock);
	pthread_mutex_unlock(&bank->alice_lock);
}

static void bob_to_alice(void)
{
	pthread_setname_np(pthread_self(), "bob-to-alice");
	pthread_mutex_lock(&bank->bob_lock);
	pthread_barrier_wait(&bank->meeting);
	pthread_mutex_lock(&bank->alice_lock); /* the wrong way round */
	bank->bob_balance -= 25;
	bank->alice_balance += 25;
	pthread_mutex_unlock(&bank->alice_lock);
	pthread_mutex_unlock(&bank->bob_lock);
}

static void open_bank(void)
{
	pthread_mutexattr_t shared_mutex;
	pthread_barrierattr_t shared_barrier;

	bank = mmap(NULL, sizeof(*bank), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (bank == MAP_FAILED) {
		perror("two_processes: mmap");
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
		perror("two_processes: fork");
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
