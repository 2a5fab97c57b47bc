/*
 * two_locks.c - the places of two locks taken in two orders; nothing is locked
 */
#include "places.h"

#include <pthread.h>

struct account {
	long balance;
	pthread_mutex_t lock;
};

static pthread_mutex_t ledger = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t journal = PTHREAD_MUTEX_INITIALIZER;
struct account accounts[4];

static void __attribute__((noinline)) take_ledger(const char *label)
{
	PLACE(label);
}

static void __attribute__((noinline)) take_account(const char *label)
{
	PLACE(label);
}

static void *transfer(void *unused)
{
	(void)unused;
	take_account("account then ledger: account");
	take_ledger("account then ledger: ledger");
	puts("");
	return NULL;
}

static void *audit(void *unused)
{
	static pthread_mutex_t once;

	(void)unused;
	LOCK("once", &once);
	take_ledger("ledger then account: ledger");
	take_account("ledger then account: account");
	puts("");
	return NULL;
}

int main(void)
{
	pthread_t thread;

	LOCK("ledger", &ledger);
	LOCK("journal", &journal);
	LOCK("account", &accounts[1].lock);
	pthread_create(&thread, NULL, transfer, NULL);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, audit, NULL);
	pthread_join(thread, NULL);
	PLACE("main waits");
	puts("");
	return 0;
}
