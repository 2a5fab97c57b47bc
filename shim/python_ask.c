/*
 * shim/python_ask.c - with a bare preload: asking for Python tracebacks
 *
 * A process can make a copy of itself alone; so where one process looks at
 * several, each makes its own, on demand, in its helper thread. An answer stays
 * in the memory of who gave it until the next question: the one who asked reads
 * it there.
 */
#include "shim/python.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "core/watch/helper.h"
#include "core/watch/procfs.h"
#include "core/watch/python.h"
#include "core/watch/system.h"
#include "shim/child.h"
#include "shim/log_write.h"
#include "shim/runtime.h"
#include "shim/segment.h"

#include "shim/banned.h"

static const char no_copy[] = "Trouble the process could not be copied\n";
static const char no_answer[] = "Trouble nobody in the process could ask its interpreter\n";

static struct dlw_python_text *new_text(int32_t pid, uint64_t length)
{
	struct dlw_python_text *text = dlw_map(sizeof(*text) + length + 1, false);

	if (text) {
		text->pid = pid;
		text->length = (uint32_t)length;
	}
	return text;
}

static struct dlw_python_text *say_so(int32_t pid, const char *words)
{
	struct dlw_python_text *text = new_text(pid, strlen(words));

	if (text)
		memcpy(text->text, words, text->length);
	return text;
}

void dlw_python_forget(struct dlw_python_text *list)
{
	struct dlw_python_text *next;

	for (; list; list = next) {
		next = list->next;
		dlw_unmap(list, sizeof(*list) + list->length + 1);
	}
}

/* ------------------------------------------------------------------------- this process */

static void end_child(int pid)
{
	dlw_system(SYS_kill, pid, SIGKILL, 0, 0, 0, 0);
	dlw_system(SYS_wait4, pid, 0, __WCLONE, 0, 0, 0);
}

static struct dlw_python_text *read_back(int fd)
{
	long size = dlw_system(SYS_lseek, fd, 0, SEEK_END, 0, 0, 0);
	struct dlw_python_text *text;

	if (size > (long)DLW_PYTHON_TEXT_MAX)
		size = DLW_PYTHON_TEXT_MAX;
	text = size > 0 ? new_text(dlw_runtime->pid, (uint64_t)size) : NULL;
	if (text)
		dlw_sys_pread(fd, text->text, text->length, 0);
	return text;
}

/** ask_here() - in a copy without an exit signal: the program is not told when it ends */
static struct dlw_python_text *ask_here(void)
{
	int fd = (int)dlw_system(SYS_memfd_create, (long)"dlwatch", MFD_CLOEXEC, 0, 0, 0, 0);
	long pid = fd < 0 ? fd : dlw_system(SYS_clone, 0, 0, 0, 0, 0, 0);
	struct dlw_python_text *text = NULL;

	if (pid == 0)
		dlw_python_in_copy(fd);
	if (pid > 0 && dlw_child_wait((int)pid, DLW_PYTHON_COPY_MS) < 0)
		end_child((int)pid);
	if (pid > 0)
		text = read_back(fd);
	if (fd >= 0)
		dlw_sys_close(fd);
	if (!text)
		text = say_so(dlw_runtime->pid, no_copy);
	if (text)
		dlw_log_python(text->text, text->length);
	return text;
}

void dlw_python_answer(void)
{
	static struct dlw_python_text *answer; /* the last one, still to be read */
	struct dlw_segment *segment = dlw_runtime->segment;
	uint32_t asked = segment->python_asked;

	if (asked == segment->python_answered)
		return;
	dlw_python_forget(answer);
	answer = ask_here();
	dlw_log_flush(NULL);
	segment->python_answer = answer ? (uint64_t)(uintptr_t)answer->text : 0;
	segment->python_answer_size = answer ? answer->length : 0;
	atomic_store_explicit(&segment->python_answered, asked, memory_order_release);
}

/* ----------------------------------------------------------------------- other processes */

/** await_answer() - a little longer than making a copy may take */
static bool await_answer(const struct dlw_segment *segment, uint32_t asked)
{
	uint64_t until = dlw_nanoseconds() + (DLW_PYTHON_COPY_MS + 500) * 1000000ull;
	struct timespec pause = { 0, 5000000 };

	while (dlw_nanoseconds() < until) {
		if (atomic_load_explicit(&segment->python_answered, memory_order_acquire) == asked)
			return true;
		if (!segment->helper)
			return false;
		dlw_system(SYS_nanosleep, (long)&pause, 0, 0, 0, 0, 0);
	}
	return false;
}

static struct dlw_python_text *ask_there(struct dlw_segment *segment)
{
	uint32_t asked = segment->python_asked + 1;
	struct dlw_python_text *text;
	uint64_t size;

	segment->python_asked = asked;
	dlw_helper_call(segment);
	if (!await_answer(segment, asked))
		return say_so(segment->pid, no_answer);
	size = segment->python_answer_size;
	if (size > DLW_PYTHON_TEXT_MAX)
		return say_so(segment->pid, no_answer);
	text = new_text(segment->pid, size);
	if (!text || dlw_read_memory(segment->pid, segment->python_answer, text->text, size))
		return text;
	dlw_python_forget(text);
	return say_so(segment->pid, no_answer);
}

struct dlw_python_text *dlw_python_ask(const struct dlw_watch *watch, const struct dlw_state *state,
				       const struct dlw_finding *finding)
{
	struct dlw_python_text *list = NULL, **end = &list;
	uint32_t i;

	/* those behind have no segment, and no interpreter that we know of */
	for (i = 0; i < watch->process_count; i++) {
		struct dlw_segment *segment = watch->processes[i].segment;

		if (state->processes[i].ended || !dlw_finding_concerns(state, finding, i) ||
		    !dlw_python_is_there(segment, &state->processes[i]))
			continue;
		*end = segment == dlw_runtime->segment ? ask_here() : ask_there(segment);
		if (*end)
			end = &(*end)->next;
	}
	return list;
}
