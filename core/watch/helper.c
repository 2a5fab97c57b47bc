/*
 * core/watch/helper.c - a futex that everybody in the session can reach
 */
#include "core/watch/helper.h"

#include <linux/futex.h>
#include <time.h>

#include "core/watch/system.h"

void dlw_helper_call(struct dlw_segment *segment)
{
	atomic_fetch_add(&segment->helper_calls, 1);
	if (atomic_load(&segment->helper_rests))
		dlw_system(SYS_futex, (long)&segment->helper_calls, FUTEX_WAKE, 1, 0, 0, 0);
}

bool dlw_helper_rest(struct dlw_segment *segment, uint32_t calls, uint64_t ns)
{
	struct timespec pause = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
	long result;

	/* a caller adds and looks whether we rest; we say so, and the kernel looks at the sum */
	atomic_store(&segment->helper_rests, 1);
	result = dlw_system(SYS_futex, (long)&segment->helper_calls, FUTEX_WAIT, calls,
			    (long)&pause, 0, 0);
	atomic_store(&segment->helper_rests, 0);
	if (result < 0 && result != -ETIMEDOUT && result != -EAGAIN && result != -EINTR)
		dlw_system(SYS_nanosleep, (long)&pause, 0, 0, 0, 0, 0); /* not to be had */
	return dlw_helper_calls(segment) != calls;
}
