/*
 * core/watch/polled.c - the arguments of poll and select, from the caller's memory
 */
#include "core/watch/polled.h"

#include <poll.h>
#include <sys/syscall.h>

#define AT_ONCE 32 /* entries read in one go */

bool dlw_is_endless_poll(const struct dlw_system_call *call)
{
	switch (call->number) {
	case SYS_poll:
		return (int)call->arguments[2] < 0;
	case SYS_ppoll:
		return !call->arguments[2];
	case SYS_select:
	case SYS_pselect6:
		return !call->arguments[4];
	default:
		return false;
	}
}

static bool each_in_array(int32_t task, uint64_t array, uint64_t count,
			  bool (*visit)(void *context, int fd), void *context)
{
	struct pollfd entries[AT_ONCE];
	bool any = false;
	uint64_t i;

	for (i = 0; i < count; i++) {
		uint64_t left = count - i < AT_ONCE ? count - i : AT_ONCE;

		if (i % AT_ONCE == 0 && !dlw_read_memory(task, array + i * sizeof(entries[0]),
							 entries, left * sizeof(entries[0])))
			return false;
		if (entries[i % AT_ONCE].fd < 0)
			continue; /* left out by the caller */
		if (!visit(context, entries[i % AT_ONCE].fd))
			return false;
		any = true;
	}
	return any;
}

/* For reading, writing, exceptions: three sets, each of which may be missing. */
static bool each_in_sets(int32_t task, const uint64_t *sets, uint64_t count,
			 bool (*visit)(void *context, int fd), void *context)
{
	uint64_t words[3] = { 0 };
	bool any = false;
	uint64_t fd;

	for (fd = 0; fd < count; fd++) {
		int i;

		for (i = 0; fd % 64 == 0 && i < 3; i++) {
			words[i] = 0;
			if (sets[i] && !dlw_read_memory(task, sets[i] + fd / 8, &words[i],
							sizeof(words[i])))
				return false;
		}
		if (!((words[0] | words[1] | words[2]) >> fd % 64 & 1))
			continue;
		if (!visit(context, (int)fd))
			return false;
		any = true;
	}
	return any;
}

bool dlw_each_polled(int32_t task, const struct dlw_system_call *call,
		     bool (*visit)(void *context, int fd), void *context)
{
	const uint64_t *arguments = call->arguments;

	if (call->number == SYS_poll || call->number == SYS_ppoll)
		return each_in_array(task, arguments[0], (unsigned)arguments[1], visit, context);
	if ((int)arguments[0] < 0)
		return false;
	return each_in_sets(task, &arguments[1], arguments[0], visit, context);
}
