/*
 * core/watch/signals.h - which signal handlers could end a wait
 */
#ifndef DLW_CORE_WATCH_SIGNALS_H
#define DLW_CORE_WATCH_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

/** dlw_signal_bit() - in a mask as in /proc/PID/status */
static inline uint64_t dlw_signal_bit(int number)
{
	return 1ull << (number - 1);
}

/** Raised by the thread itself, or by the terminal; and those the C library keeps for itself. */
extern const uint64_t dlw_harmless_signals;

/** Of clocks and of input: an alarm is how a call gets a time limit that has none. */
extern const uint64_t dlw_timer_signals;

/** What else comes though nobody sends it on purpose: a child's end, a resized window, … */
extern const uint64_t dlw_event_signals;

/** dlw_catches() - process @pid has a handler for one of @signals; also where it cannot be told */
bool dlw_catches(int32_t pid, uint64_t signals);

#endif
