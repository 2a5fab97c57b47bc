/*
 * analyzer/copy.c - a copy of a process, made without its doing
 *
 * A thread asleep in the kernel is interrupted by ptrace, which no handler and
 * no return value shows: the kernel notes that the call is to be restarted.
 * There its registers are put aside, and others make it execute the system call
 * instruction once more, for a call of ours. Before it returns to the program
 * it is interrupted again, at the same place, and the registers are put back as
 * they were, so that the kernel restarts the call that it slept in.
 *
 * Meanwhile the thread has all signals blocked: none may come between. In the
 * copy they stay so.
 */
#include "analyzer/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/watch/procfs.h"

#if defined(__x86_64__)

#define PATIENCE_MS 2000
#define CALL_PATIENCE_MS 60000 /* to copy a very large process takes seconds */
#define SYSCALL_INSTRUCTION 0x050f
#define NAME 0x79706f63 /* "copy" and a NUL, as one word */
/* What the kernel has in mind for a call it interrupted; never seen by programs. */
enum { ERESTARTSYS_ = 512, ERESTARTNOHAND_ = 514, ERESTART_RESTARTBLOCK_ = 516 };

enum stop { AT_INTERRUPT = SIGTRAP | PTRACE_EVENT_STOP << 8,
	    AT_CLONE = SIGTRAP | PTRACE_EVENT_CLONE << 8,
	    AT_SYSTEM_CALL = SIGTRAP | 0x80,
	    NO_STOP = -1 };

/** A system call to be made by somebody else. */
struct call {
	long number;
	uint64_t first, second, third, fourth;
};

/** A thread of the program between two states of sleep. */
struct sleeper {
	pid_t tid;
	struct user_regs_struct registers;
	uint64_t blocked; /* its signal mask */
};

/* It was asked to stop and has not done so yet. */
static pid_t late;

/* ----------------------------------------------------------------------------- stops */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/**
 * next_stop() - wait for a tracee to stop
 *
 * If it ends instead, that is left for whoever waits for the program to see.
 */
static int next_stop(pid_t tid, unsigned milliseconds)
{
	uint64_t until = now_ms() + milliseconds;
	struct timespec pause = { 0, 50000 };
	siginfo_t info;

	do {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)tid, &info, WSTOPPED | WEXITED | WNOWAIT | WNOHANG | __WALL) < 0)
			return NO_STOP;
		if (info.si_pid == tid) {
			if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
				return NO_STOP;
			waitid(P_PID, (id_t)tid, &info, WSTOPPED | WNOHANG | __WALL);
			return info.si_status;
		}
		nanosleep(&pause, NULL);
	} while (now_ms() < until);
	return NO_STOP;
}

/** go_on() - resume a tracee until its next stop */
static int go_on(int request, pid_t tid)
{
	if (ptrace(request, tid, 0, 0) < 0)
		return NO_STOP;
	return next_stop(tid, CALL_PATIENCE_MS);
}

/** let_go() - a signal that it stopped for is delivered */
static void let_go(pid_t tid, int stop)
{
	ptrace(PTRACE_DETACH, tid, 0, (void *)(intptr_t)(stop >> 8 ? 0 : stop));
}

void dlw_copy_settle(void)
{
	int stop;

	if (!late)
		return;
	stop = next_stop(late, 0);
	if (stop != NO_STOP)
		let_go(late, stop);
	if (stop != NO_STOP || !dlw_task_alive(late, late))
		late = 0;
}

/* -------------------------------------------------------------------- a sleeping thread */

/** is_asleep() - in a call that the kernel will restart */
static bool is_asleep(const struct sleeper *sleeper)
{
	const struct user_regs_struct *registers = &sleeper->registers;
	long outcome = (long)registers->rax;
	long code;

	if ((long)registers->orig_rax < 0 ||
	    (outcome != -ERESTARTSYS_ && outcome != -ERESTARTNOHAND_ &&
	     outcome != -ERESTART_RESTARTBLOCK_))
		return false;
	errno = 0;
	code = ptrace(PTRACE_PEEKTEXT, sleeper->tid, registers->rip - 2, 0);
	return !errno && (code & 0xffff) == SYSCALL_INSTRUCTION;
}

/** interrupt() - stop a sleeping thread and put its state aside */
static bool interrupt(struct sleeper *sleeper, pid_t tid, const char **why)
{
	uint64_t all = ~0ull;
	int stop;

	sleeper->tid = tid;
	*why = "it may not be traced";
	if (late || ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD) < 0)
		return false;
	*why = "no thread of it is asleep";
	ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	stop = next_stop(tid, PATIENCE_MS);
	if (stop == NO_STOP) {
		late = tid;
		return false;
	}
	if (stop == AT_INTERRUPT && ptrace(PTRACE_GETREGS, tid, 0, &sleeper->registers) == 0 &&
	    is_asleep(sleeper) &&
	    ptrace(PTRACE_GETSIGMASK, tid, sizeof(all), &sleeper->blocked) == 0 &&
	    ptrace(PTRACE_SETSIGMASK, tid, sizeof(all), &all) == 0)
		return true;
	let_go(tid, stop);
	return false;
}

/** set_call() - the registers with which a stopped tracee makes @call when it goes on */
static bool set_call(pid_t tid, const struct user_regs_struct *asleep, const struct call *call)
{
	struct user_regs_struct registers = *asleep;

	registers.rip = asleep->rip - 2;
	registers.rax = (uint64_t)call->number;
	registers.orig_rax = (uint64_t)-1; /* nothing is to be restarted */
	registers.rdi = call->first;
	registers.rsi = call->second;
	registers.rdx = call->third;
	registers.r10 = call->fourth;
	registers.r8 = 0;
	registers.r9 = 0;
	return ptrace(PTRACE_SETREGS, tid, 0, &registers) == 0;
}

/** put_back() - at an interrupt within a call: as it was when it slept, and on with that */
static void put_back(const struct sleeper *sleeper)
{
	ptrace(PTRACE_SETREGS, sleeper->tid, 0, &sleeper->registers);
	ptrace(PTRACE_SETSIGMASK, sleeper->tid, sizeof(sleeper->blocked), &sleeper->blocked);
	ptrace(PTRACE_DETACH, sleeper->tid, 0, 0);
}

/**
 * make_call() - by a sleeping thread, which then sleeps on
 * @copy: out: what the call has cloned; 0: nothing
 */
static bool make_call(pid_t tid, const struct call *call, pid_t *copy, const char **why)
{
	struct sleeper sleeper;
	unsigned long cloned = 0;
	int stop;

	*copy = 0;
	if (!interrupt(&sleeper, tid, why))
		return false;
	set_call(tid, &sleeper.registers, call);
	stop = go_on(PTRACE_SYSCALL, tid); /* about to enter it */
	if (stop == AT_SYSTEM_CALL)
		stop = go_on(PTRACE_SYSCALL, tid); /* within it, or about to leave it */
	if (stop == AT_CLONE && ptrace(PTRACE_GETEVENTMSG, tid, 0, &cloned) == 0)
		*copy = (pid_t)cloned;
	/* at the next stop the kernel is as willing to restart a call as at the first */
	ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	go_on(PTRACE_CONT, tid);
	put_back(&sleeper);
	*why = "it could not be copied";
	return true;
}

/* -------------------------------------------------------------------------- the copy */

/** has_filter() - system calls of the program may be forbidden, on pain of its death */
static bool has_filter(pid_t pid)
{
	char status[8192];
	long got = dlw_read_file(dlw_proc_path(pid, 0, "status").text, status, sizeof(status));
	const char *line = got > 0 ? strstr(status, "\nSeccomp:\t") : NULL;

	return !line || line[10] != '0';
}

pid_t dlw_copy_make(pid_t pid, pid_t tid, const char **why)
{
	const struct call call = { .number = SYS_clone }; /* no flags, no exit signal, same stack */
	pid_t copy;

	*why = "its system calls are filtered";
	if (has_filter(pid) || !make_call(tid, &call, &copy, why))
		return -1;
	if (copy <= 0)
		return -1;
	if (next_stop(copy, PATIENCE_MS) != NO_STOP &&
	    ptrace(PTRACE_SETOPTIONS, copy, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) == 0)
		return copy;
	kill(copy, SIGKILL);
	waitpid(copy, NULL, __WALL);
	dlw_copy_bury(tid, copy);
	return -1;
}

/** open_memory() - let the stopped copy make a file in memory; Return: its descriptor there */
static int open_memory(pid_t copy, struct user_regs_struct *registers)
{
	struct call call = { .number = SYS_memfd_create, .second = MFD_CLOEXEC };
	struct user_regs_struct after;

	if (ptrace(PTRACE_GETREGS, copy, 0, registers) < 0)
		return -1;
	/* a name: what lies below the stack's end is nobody's in the copy */
	call.first = (registers->rsp - 256) & ~15ull;
	if (ptrace(PTRACE_POKEDATA, copy, call.first, NAME) < 0 ||
	    !set_call(copy, registers, &call) || go_on(PTRACE_SYSCALL, copy) != AT_SYSTEM_CALL ||
	    go_on(PTRACE_SYSCALL, copy) != AT_SYSTEM_CALL ||
	    ptrace(PTRACE_GETREGS, copy, 0, &after) < 0)
		return -1;
	return (int)after.rax;
}

/** start() - where it is to go on */
static bool start(pid_t copy, struct user_regs_struct *registers, int fd, uint64_t entry,
		  uint64_t stack)
{
	registers->rip = entry;
	registers->rsp = stack;
	registers->rbp = 0;
	registers->rdi = (uint64_t)fd;
	registers->orig_rax = (uint64_t)-1;
	registers->eflags &= ~0x400ull; /* direction: up, as C wants it */
	return ptrace(PTRACE_SETREGS, copy, 0, registers) == 0 &&
	       ptrace(PTRACE_CONT, copy, 0, 0) == 0;
}

/** until_its_end() - deliver its signals, wait, and kill it when time is up */
static void until_its_end(pid_t copy, unsigned milliseconds)
{
	uint64_t until = now_ms() + milliseconds;
	struct timespec pause = { 0, 200000 };
	int status;

	while (now_ms() < until) {
		pid_t got = waitpid(copy, &status, WNOHANG | __WALL);

		if (got < 0 || (got == copy && !WIFSTOPPED(status)))
			return;
		if (got == copy)
			ptrace(PTRACE_CONT, copy, 0,
			       (void *)(intptr_t)(status >> 16 ? 0 : WSTOPSIG(status)));
		else
			nanosleep(&pause, NULL);
	}
	kill(copy, SIGKILL);
	waitpid(copy, &status, __WALL);
}

int dlw_copy_enter(pid_t copy, uint64_t entry, uint64_t stack, unsigned milliseconds)
{
	struct user_regs_struct registers;
	int there = open_memory(copy, &registers), here = -1;
	char name[32];

	if (there >= 0) {
		snprintf(name, sizeof(name), "fd/%d", there);
		here = open(dlw_proc_path(copy, 0, name).text, O_RDONLY | O_CLOEXEC);
	}
	if (here < 0 || !start(copy, &registers, there, entry, stack))
		milliseconds = 0;
	until_its_end(copy, milliseconds);
	return here;
}

void dlw_copy_bury(pid_t tid, pid_t copy)
{
	const struct call call = { SYS_wait4, (uint64_t)copy, 0, WNOHANG | __WCLONE, 0 };
	const char *why;
	pid_t none;

	make_call(tid, &call, &none, &why);
}

#else

pid_t dlw_copy_make(pid_t pid, pid_t tid, const char **why)
{
	(void)pid;
	(void)tid;
	*why = "this is known for x86-64 only";
	return -1;
}

int dlw_copy_enter(pid_t copy, uint64_t entry, uint64_t stack, unsigned milliseconds)
{
	(void)copy;
	(void)entry;
	(void)stack;
	(void)milliseconds;
	return -1;
}

void dlw_copy_bury(pid_t tid, pid_t copy)
{
	(void)tid;
	(void)copy;
}

void dlw_copy_settle(void)
{
}

#endif
