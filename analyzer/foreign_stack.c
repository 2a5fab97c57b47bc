/*
 * analyzer/foreign_stack.c - PTRACE_SEIZE, unwind with libdwfl, let go
 *
 * SEIZE and INTERRUPT send no signal: to the thread nothing has happened.
 * Should we die in between, the kernel detaches it.
 */
#include "analyzer/foreign_stack.h"

#include <elfutils/libdwfl.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#define PATIENCE_MS 100 /* for a thread that is asleep where it cannot be interrupted */

/** stop() - true: it is ours, and stopped */
static bool stop(int32_t tid)
{
	struct timespec pause = { 0, 1000000 };
	int tries, status;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
		return false;
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0)
		for (tries = 0; tries < PATIENCE_MS; tries++) {
			if (waitpid(tid, &status, __WALL | WNOHANG) == tid)
				return WIFSTOPPED(status);
			nanosleep(&pause, NULL);
		}
	return false;
}

/** let_go() - with whatever signal had just come in */
static void let_go(int32_t tid)
{
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
}

struct walk {
	uint64_t *frames;
	uint32_t count, room;
};

static int walk_frame(Dwfl_Frame *frame, void *context)
{
	struct walk *walk = context;
	Dwarf_Addr pc;

	if (walk->count == walk->room || !dwfl_frame_pc(frame, &pc, NULL) || !pc)
		return DWARF_CB_ABORT;
	walk->frames[walk->count++] = pc;
	return DWARF_CB_OK;
}

static void unwind(int32_t pid, int32_t tid, struct walk *walk)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);

	if (!dwfl)
		return;
	/* the frames that were found before an error are good */
	if (dwfl_linux_proc_report(dwfl, pid) == 0 && dwfl_report_end(dwfl, NULL, NULL) == 0 &&
	    dwfl_linux_proc_attach(dwfl, pid, true) == 0)
		dwfl_getthread_frames(dwfl, tid, walk_frame, walk);
	dwfl_end(dwfl);
}

uint32_t dlw_foreign_stack(int32_t pid, int32_t tid, uint64_t *frames, uint32_t room)
{
	struct walk walk = { frames, 0, room };

	if (stop(tid))
		unwind(pid, tid, &walk);
	let_go(tid);
	return walk.count;
}
