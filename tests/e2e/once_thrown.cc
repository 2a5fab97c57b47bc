/*
 * once_thrown.cc - a routine that throws is run again by the next caller, and
 * cancelling the thread afterwards meets nothing that the exception left behind
 */
#include <mutex>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static std::once_flag flag;
static std::mutex lock;
static int runs;

static void fail_twice()
{
	std::lock_guard<std::mutex> guard(lock);

	if (++runs < 3)
		throw runs;
}

static void *try_and_sleep(void *unused)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
	for (int i = 0; i < 2; i++) {
		try {
			std::call_once(flag, fail_twice);
		} catch (int which) {
			printf("thrown %d\n", which);
		}
	}
	fflush(stdout);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
	for (;;)
		sleep(100); /* cancelled here */
	return unused;
}

int main()
{
	pthread_t thread;
	void *result;

	pthread_create(&thread, nullptr, try_and_sleep, nullptr);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	std::call_once(flag, [] { printf("run\n"); });
	printf("cancelled %d\n", result == PTHREAD_CANCELED);
	return 0;
}
