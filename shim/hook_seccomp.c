/*
 * shim/hook_seccomp.c - threads that may not call the kernel any more
 *
 * Under seccomp's strict mode any system call but read, write and two others
 * ends the process, ours too. So a thread that asks for it is not watched from
 * then on, and counted. What a filter allows cannot be told beforehand.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include "core/watch/system.h"
#include "shim/context.h"
#include "shim/real.h"

#include "shim/banned.h"

static int call_kernel(int option, const unsigned long arguments[4])
{
	long result = dlw_system(SYS_prctl, option, (long)arguments[0], (long)arguments[1],
				 (long)arguments[2], (long)arguments[3], 0);

	if (result >= 0)
		return (int)result;
	errno = (int)-result;
	return -1;
}

/** prctl() - the C library's does nothing but the call, either */
DLW_HOOK int prctl(int option, ...)
{
	unsigned long arguments[4];
	bool confined = false;
	va_list list;
	int result;
	int i;

	va_start(list, option);
	for (i = 0; i < 4; i++)
		arguments[i] = va_arg(list, unsigned long);
	va_end(list);
	if (option == PR_SET_SECCOMP && arguments[0] == SECCOMP_MODE_STRICT)
		confined = dlw_thread_confine();
	result = call_kernel(option, arguments);
	if (confined && result != 0)
		dlw_thread_unconfine();
	return result;
}
