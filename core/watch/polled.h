/*
 * core/watch/polled.h - which descriptors a poll or select waits for
 */
#ifndef DLW_CORE_WATCH_POLLED_H
#define DLW_CORE_WATCH_POLLED_H

#include "core/watch/procfs.h"

/** dlw_is_endless_poll() - poll, ppoll, select or pselect without a time limit */
bool dlw_is_endless_poll(const struct dlw_system_call *call);

/**
 * dlw_each_polled() - every descriptor that such a call of @task was given
 *
 * As the caller's memory has them, which the kernel has copied: who changes
 * them while the call lasts is misunderstood. Until @visit returns false.
 *
 * Return: all were visited, and there were some. false also where the memory
 * cannot be read.
 */
bool dlw_each_polled(int32_t task, const struct dlw_system_call *call,
		     bool (*visit)(void *context, int fd), void *context);

#endif
