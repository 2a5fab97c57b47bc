/*
 * analyzer/python_ask.c - what a watched program's Python threads are doing
 *
 * The program has nobody in it who could ask: all its threads may be asleep.
 * So a copy of it is made from outside (copy.h), which enters the shim, which
 * asks the interpreter (shim/python.c).
 */
#include "analyzer/python_ask.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "analyzer/copy.h"
#include "analyzer/memory.h"
#include "core/watch/procfs.h"
#include "core/watch/python.h"

enum { ATTEMPTS = 20, PAUSE_US = 5000 };

/** is_pipe() - a descriptor of the process */
static bool is_pipe(int32_t pid, uint64_t descriptor)
{
	char name[32], target[16] = "";

	snprintf(name, sizeof(name), "fd/%d", (int)descriptor);
	return readlink(dlw_proc_path(pid, 0, name).text, target, sizeof(target) - 1) > 0 &&
	       strncmp(target, "pipe:", 5) == 0;
}

/** is_asleep() - for good, in a call that can be interrupted unnoticed; see copy.h */
static bool is_asleep(int32_t pid, int32_t tid)
{
	struct dlw_system_call call;

	if (dlw_task_look(pid, tid, &call) != DLW_TASK_ASLEEP)
		return false;
	switch (call.number) {
	case SYS_futex:
		return !call.arguments[3];
	case SYS_wait4:
	case SYS_waitid:
	case SYS_flock:
		return true;
	case SYS_fcntl:
		return call.arguments[1] == F_SETLKW || call.arguments[1] == F_OFD_SETLKW;
	case SYS_read:
		return is_pipe(pid, call.arguments[0]);
	default:
		return false;
	}
}

static char *trouble(const char *why, size_t *length)
{
	char *text = dlw_print("Trouble %s\n", why);

	*length = strlen(text);
	return text;
}

static char *read_all(int fd, size_t *length)
{
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t got;
	char *text;

	if (size < 0)
		return NULL;
	*length = size > DLW_PYTHON_TEXT_MAX ? DLW_PYTHON_TEXT_MAX : (size_t)size;
	text = dlw_allocate(*length + 1);
	got = pread(fd, text, *length, 0);
	*length = got > 0 ? (size_t)got : 0;
	return text;
}

static char *ask_copy(const struct dlw_segment *segment, int32_t tid, size_t *length,
		      const char **why)
{
	pid_t copy = dlw_copy_make(segment->pid, tid, why);
	char *text = NULL;
	int fd;

	if (copy < 0)
		return NULL;
	fd = dlw_copy_enter(copy, segment->python_entry, segment->python_stack,
			    DLW_PYTHON_COPY_MS);
	dlw_copy_bury(tid, copy);
	*why = "its copy could not be entered";
	if (fd < 0)
		return NULL;
	text = read_all(fd, length);
	close(fd);
	return text;
}

/** ask_any() - through the first thread that sleeps and can be made to copy the process */
static char *ask_any(const struct dlw_segment *segment, const struct dlw_state *state,
		     uint32_t index, size_t *length, const char **why)
{
	char *text = NULL;
	uint32_t i;

	for (i = 0; i < state->thread_count && !text; i++) {
		int32_t tid = state->threads[i].tid;

		if (state->threads[i].process == index && is_asleep(segment->pid, tid))
			text = ask_copy(segment, tid, length, why);
	}
	return text;
}

char *dlw_python_ask(const struct dlw_watched *watched, const struct dlw_state *state,
		     uint32_t index, size_t *length)
{
	static const char busy[] = "no thread of it sleeps where it can be interrupted unnoticed";
	const char *why = busy;
	char *text = NULL;
	int attempt;

	if (!dlw_python_is_there(watched->segment, &state->processes[index]))
		return NULL;
	/* who is stuck behind others may be awake for an instant */
	for (attempt = 0; attempt < ATTEMPTS && !text && why == busy; attempt++) {
		if (attempt)
			usleep(PAUSE_US);
		text = ask_any(watched->segment, state, index, length, &why);
	}
	return text ? text : trouble(why, length);
}
