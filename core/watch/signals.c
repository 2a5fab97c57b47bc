/*
 * core/watch/signals.c - sorts of signals, and who catches them
 */
#include "core/watch/signals.h"

#include "core/watch/procfs.h"

/* by their numbers on Linux, x86-64: see signal(7) */
#define BIT(number) (1ull << ((number) - 1))

/* INT ILL TRAP ABRT BUS FPE SEGV SYS, and glibc's two */
const uint64_t dlw_harmless_signals = BIT(2) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) |
				      BIT(11) | BIT(31) | BIT(32) | BIT(33);

/* ALRM VTALRM PROF IO, and all of realtime: timers, asynchronous I/O */
const uint64_t dlw_timer_signals = BIT(14) | BIT(26) | BIT(27) | BIT(29) | ~(BIT(34) - 1);

/* CHLD URG XCPU WINCH PWR */
const uint64_t dlw_event_signals = BIT(17) | BIT(23) | BIT(24) | BIT(28) | BIT(30);

bool dlw_catches(int32_t pid, uint64_t signals)
{
	uint64_t caught;

	return !dlw_signals_caught(pid, &caught) || caught & signals;
}
