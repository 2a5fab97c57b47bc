/*
 * shim/break.c - slices
 */
#include "shim/break.h"

#include <errno.h>
#include <pthread.h>

#include "shim/hook_mutex.h"
#include "shim/real.h"

#include "shim/banned.h"

#define SLICE_NS 20000000

struct timespec dlw_slice_end(void)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += SLICE_NS;
	if (end.tv_nsec >= 1000000000) {
		end.tv_nsec -= 1000000000;
		end.tv_sec++;
	}
	return end;
}

bool dlw_is_victim(const struct dlw_context *self)
{
	return self->record->marks.break_wait == dlw_wait_number(self->record);
}

int dlw_sliced_mutex_lock(struct dlw_context *self, pthread_mutex_t *mutex)
{
	int result;

	do {
		struct timespec end = dlw_slice_end();

		result = dlw_real(pthread_mutex_timedlock)(mutex, &end);
		if (result == ETIMEDOUT && dlw_is_victim(self))
			return EDEADLK;
	} while (result == ETIMEDOUT);
	return result;
}
