/*
 * cpp_locks.cc - AB-BA with std::mutex and std::lock_guard: the site is the
 * function that locks, not the standard library's wrapper
 */
#include "fixture.h"
#include <mutex>
#include <thread>

static std::mutex lock_a, lock_b;
static pthread_barrier_t meeting;

static void take_a_then_b()
{
	named("a-then-b");
	std::lock_guard<std::mutex> first(lock_a);
	pthread_barrier_wait(&meeting);
	closing();
	std::lock_guard<std::mutex> second(lock_b);
}

static void take_b_then_a()
{
	named("b-then-a");
	std::lock_guard<std::mutex> first(lock_b);
	pthread_barrier_wait(&meeting);
	closing();
	std::lock_guard<std::mutex> second(lock_a);
}

int main()
{
	pthread_barrier_init(&meeting, nullptr, 2);
	std::thread one(take_a_then_b), two(take_b_then_a);

	one.join();
	two.join();
	return 0;
}
