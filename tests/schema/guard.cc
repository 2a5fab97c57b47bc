/*
 * guard.cc - a site behind std::lock_guard, real and lookalike
 *
 * The lookalike has the name and the shape of the standard library's class but
 * tells its place instead of locking, once as a call, once inlined.
 */
#include "places.h"

namespace std
{
struct telling_mutex {
	const char *label;
	void __attribute__((noinline)) lock() { PLACE(label); }
};

template <typename Mutex> struct called_guard {
	explicit __attribute__((noinline)) called_guard(Mutex &mutex) { mutex.lock(); asm volatile(""); }
};

template <typename Mutex> struct inlined_guard {
	explicit __attribute__((always_inline)) inlined_guard(Mutex &mutex) { PLACE(mutex.label); }
};
}

namespace bank
{
std::telling_mutex ledger = { "called" };

void __attribute__((noinline)) through_calls(int unused)
{
	(void)unused;
	std::called_guard<std::telling_mutex> guard(ledger); /* line: called */
	asm volatile("");
}

void __attribute__((noinline)) through_inlines()
{
	std::telling_mutex other = { "inlined" };
	std::inlined_guard<std::telling_mutex> guard(other); /* line: inlined */
	asm volatile("");
}
}

int main()
{
	auto nested = [](const char *label) __attribute__((noinline)) {
		PLACE(label); /* line: nested */
		asm volatile("");
	};

	LOCK("ledger", &bank::ledger);
	bank::through_calls(1);
	bank::through_inlines();
	nested("nested");
	return 0;
}
