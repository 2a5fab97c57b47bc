/*
 * core/watch/helper.h - the helper thread of a process that is not the one that looks
 *
 * It has nothing to do until somebody wants something of it, and sleeps for long
 * at a time. Whoever wants something writes it into the segment and calls.
 */
#ifndef DLW_CORE_WATCH_HELPER_H
#define DLW_CORE_WATCH_HELPER_H

#include <stdbool.h>
#include <stdint.h>

#include <dlwatch/session.h>

/** dlw_helper_call() - wake it if it rests; from any thread of any process, also inside a signal */
void dlw_helper_call(struct dlw_segment *segment);

/** dlw_helper_calls() - to be read before what they may be about is looked at */
static inline uint32_t dlw_helper_calls(const struct dlw_segment *segment)
{
	return atomic_load_explicit(&segment->helper_calls, memory_order_acquire);
}

/**
 * dlw_helper_rest() - sleep until somebody calls
 * @calls: those that are known; with more it returns at once
 *
 * By the helper thread itself. Return: it was called; false: @ns are over.
 */
bool dlw_helper_rest(struct dlw_segment *segment, uint32_t calls, uint64_t ns);

#endif
