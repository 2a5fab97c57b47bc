/*
 * shim/hook_process.c - the ends of a process: _exit, quick_exit, exec
 *
 * exit() and a return from main reach our destructor. These do not, and what
 * the log has not written yet would stay in its tail. In the child of a vfork
 * they concern another process: dlw_runtime_finish() looks at the pid.
 *
 * The variable-argument forms of exec build the array and go the same way.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/watch/system.h"
#include "shim/context.h"
#include "shim/real.h"
#include "shim/runtime.h"

#include "shim/banned.h"

extern char **environ;

DLW_HOOK __attribute__((noreturn)) void _exit(int status)
{
	dlw_runtime_finish(DLW_END_FAST, status);
	for (;;)
		dlw_system(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

DLW_HOOK __attribute__((noreturn)) void _Exit(int status)
{
	_exit(status);
}

DLW_HOOK __attribute__((noreturn)) void quick_exit(int status)
{
	dlw_real(quick_exit)(status); /* its handlers may still lock; what they do stays in the tail */
	__builtin_unreachable();
}

/** replaced() - the program is about to be another one, if the kernel agrees */
static void replaced(void)
{
	int saved = errno;

	if (dlw_runtime && dlw_runtime->pid == (pid_t)dlw_system(SYS_getpid, 0, 0, 0, 0, 0, 0))
		dlw_runtime_replaced();
	errno = saved;
}

/** failed() - it is not */
static int failed(int result)
{
	if (dlw_runtime && dlw_runtime->pid == (pid_t)dlw_system(SYS_getpid, 0, 0, 0, 0, 0, 0))
		dlw_runtime_not_replaced();
	return result;
}

DLW_HOOK int execve(const char *path, char *const arguments[], char *const environment[])
{
	replaced();
	return failed(dlw_real(execve)(path, arguments, environment));
}

DLW_HOOK int execv(const char *path, char *const arguments[])
{
	replaced();
	return failed(dlw_real(execve)(path, arguments, environ));
}

DLW_HOOK int execvpe(const char *file, char *const arguments[], char *const environment[])
{
	replaced();
	return failed(dlw_real(execvpe)(file, arguments, environment));
}

DLW_HOOK int execvp(const char *file, char *const arguments[])
{
	replaced();
	return failed(dlw_real(execvpe)(file, arguments, environ));
}

DLW_HOOK int fexecve(int fd, char *const arguments[], char *const environment[])
{
	replaced();
	return failed(dlw_real(fexecve)(fd, arguments, environment));
}

static size_t count_arguments(va_list list)
{
	size_t count = 1;

	while (va_arg(list, const char *))
		count++;
	return count;
}

/* On the stack, as the C library does: exec is async-signal-safe. */
#define COLLECT(first) \
	va_list list; \
	size_t count, i; \
\
	va_start(list, first); \
	count = count_arguments(list); \
	va_end(list); \
	char *arguments[count + 1]; \
\
	va_start(list, first); \
	arguments[0] = (char *)(uintptr_t)first; \
	for (i = 1; i <= count; i++) \
		arguments[i] = va_arg(list, char *)

DLW_HOOK int execl(const char *path, const char *argument, ...)
{
	COLLECT(argument);
	va_end(list);
	return execv(path, arguments);
}

DLW_HOOK int execlp(const char *file, const char *argument, ...)
{
	COLLECT(argument);
	va_end(list);
	return execvp(file, arguments);
}

DLW_HOOK int execle(const char *path, const char *argument, ...)
{
	char *const *environment;

	COLLECT(argument);
	environment = va_arg(list, char *const *);
	va_end(list);
	return execve(path, arguments, environment);
}

/* -------------------------------------------------------------------------- births */

/*
 * These make a child without fork(): what it becomes looks for a session among
 * its ancestors, so there has to be one. system() stays a cancellation point.
 */

DLW_HOOK int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
			 const posix_spawnattr_t *attributes, char *const arguments[],
			 char *const environment[])
{
	dlw_session_ensure();
	return dlw_real(posix_spawn)(pid, path, actions, attributes, arguments, environment);
}

DLW_HOOK int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			  const posix_spawnattr_t *attributes, char *const arguments[],
			  char *const environment[])
{
	dlw_session_ensure();
	return dlw_real(posix_spawnp)(pid, file, actions, attributes, arguments, environment);
}

DLW_HOOK int system(const char *command)
{
	dlw_session_ensure();
	return dlw_real(system)(command);
}

DLW_HOOK FILE *popen(const char *command, const char *mode)
{
	dlw_session_ensure();
	return dlw_real(popen)(command, mode);
}
