/*
 * shim/child.c - processes of our own that the program must not notice
 */
#include "shim/child.h"

#include <sys/wait.h>
#include <time.h>

#include "core/watch/system.h"
#include "shim/runtime.h"

#include "shim/banned.h"

int dlw_child_wait(int pid, unsigned milliseconds)
{
	uint64_t until = dlw_nanoseconds() + milliseconds * 1000000ull;
	struct timespec pause = { 0, 1000000 };
	int status = 0;

	while (dlw_nanoseconds() < until) {
		long got = dlw_system(SYS_wait4, pid, (long)&status, __WCLONE | WNOHANG, 0, 0, 0);

		if (got == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
		if (got < 0 && got != -EINTR)
			return 1;
		dlw_system(SYS_nanosleep, (long)&pause, 0, 0, 0, 0, 0);
	}
	return -1;
}
