/*
 * annotated_cpp.cc - dlwatch.h from C++: a lock class of the program's own, two
 * of them taken in two orders
 */
#include <dlwatch.h>

#include <atomic>
#include <cstdio>
#include <ctime>
#include <pthread.h>
#include <sched.h>
#include <thread>

class Latch {
public:
	explicit Latch(const char *name)
	{
		dlwatch_name(this, name);
		dlwatch_class(this, "latch", 0);
	}
	~Latch() { dlwatch_name(this, 0); }
	void lock()
	{
		dlwatch_wanting(this, DLWATCH_EXCLUSIVE);
		while (taken.exchange(true))
			sched_yield();
		dlwatch_acquired(this, DLWATCH_EXCLUSIVE);
	}
	void unlock()
	{
		dlwatch_releasing(this);
		taken = false;
	}

private:
	std::atomic<bool> taken{ false };
};

static Latch left("left"), right("right");
static pthread_barrier_t meeting;

static void both(const char *name, Latch &first, Latch &second)
{
	struct timespec now;

	pthread_setname_np(pthread_self(), name);
	first.lock();
	pthread_barrier_wait(&meeting);
	clock_gettime(CLOCK_MONOTONIC, &now);
	dprintf(2, "closing %lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
	second.lock();
	second.unlock();
	first.unlock();
}

int main()
{
	pthread_barrier_init(&meeting, nullptr, 2);
	std::thread one(both, "left-right", std::ref(left), std::ref(right));
	std::thread other(both, "right-left", std::ref(right), std::ref(left));

	one.join();
	other.join();
	return 0;
}
