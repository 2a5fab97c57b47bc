/*
 * analyzer/foreign_stack.c - PTRACE_SEIZE, unwind with libdwfl, let go
 *
 * SEIZE and INTERRUPT send no signal: to the thread nothing has happened.
 * Should we die in between, the kernel detaches it.
 */
#include "analyzer/foreign_stack.h"

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#define PATIENCE_MS 1000 /* to come to a stop; one that sleeps does at once */

/** A thread that would not stop in time: when it does, it must be let go. */
static int32_t owed;

/** let_go() - on with whatever signal had just come in */
static void let_go(int32_t tid, int status)
{
	bool by_us = !WIFSTOPPED(status) || status >> 16 == PTRACE_EVENT_STOP;

	ptrace(PTRACE_DETACH, tid, NULL, (void *)(intptr_t)(by_us ? 0 : WSTOPSIG(status)));
}

/** await_stop() - Return: it has stopped, with *@status */
static bool await_stop(int32_t tid, int *status)
{
	struct timespec pause = { 0, 1000000 };
	int tries;

	for (tries = 0; tries < PATIENCE_MS; tries++) {
		int32_t got = waitpid(tid, status, __WALL | WNOHANG);

		if (got == tid)
			return WIFSTOPPED(*status);
		if (got < 0)
			return false; /* it is gone */
		nanosleep(&pause, NULL);
	}
	owed = tid;
	return false;
}

static void pay(void)
{
	int status;

	if (owed && waitpid(owed, &status, __WALL | WNOHANG) != 0) {
		let_go(owed, status);
		owed = 0;
	}
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
	int status = 0;

	pay();
	if (owed || ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
		return 0;
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0 && await_stop(tid, &status)) {
		unwind(pid, tid, &walk);
		let_go(tid, status);
	}
	return walk.count;
}
