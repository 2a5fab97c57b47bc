/*
 * core/watch/procfs.h - what the kernel knows of a process
 *
 * Reads only, with no allocation and no stdio: used by the supervisor and by
 * the helper thread inside the program. A pid or tid that is gone, or that we
 * may not look at, gives false; the caller treats what it cannot see as live.
 */
#ifndef DLW_CORE_WATCH_PROCFS_H
#define DLW_CORE_WATCH_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/** dlw_read_file() - up to @room - 1 bytes and a NUL; Return: length, negative errno */
long dlw_read_file(const char *path, char *buffer, size_t room);

/** dlw_read_line() - the same of a file that the kernel gives out at once, as most of one line */
long dlw_read_line(const char *path, char *buffer, size_t room);

/** A path under /proc/PID: "/proc/12/task/34/comm" from ("%d/task/%d/comm", 12, 34). */
struct dlw_path {
	char text[96];
};

/** dlw_proc_path() - /proc/PID/NAME, or /proc/PID/task/TID/NAME where @tid is not 0 */
struct dlw_path dlw_proc_path(int32_t pid, int32_t tid, const char *name);

/** dlw_process_start() - field 22 of its line in /proc; 0: no such process */
uint64_t dlw_process_start(int32_t pid);

enum dlw_task_state {
	DLW_TASK_GONE,    /* no such task, or a zombie */
	DLW_TASK_ASLEEP,  /* in a system call, see below */
	DLW_TASK_RUNNING,
	DLW_TASK_HIDDEN,  /* the kernel does not let us look */
};

/** What a sleeping task asked the kernel for, and where in its own code. */
struct dlw_system_call {
	long number;
	uint64_t arguments[6];
	uint64_t stack_pointer, pc;
};

/** dlw_task_look() - what task @tid of @pid is doing now */
enum dlw_task_state dlw_task_look(int32_t pid, int32_t tid, struct dlw_system_call *call);

/** dlw_task_letter() - the state letter of a task: 'S' asleep, 'T' stopped, …; 0: gone */
char dlw_task_letter(int32_t pid, int32_t tid);

/**
 * dlw_task_sequence() - a number that changes whenever the task has run
 *
 * Made of the processor time it had and how often it was put on a processor, or
 * where the kernel does not count these, of its context switches. Two equal
 * numbers: it has slept all the time between. 0: gone, or hidden.
 */
uint64_t dlw_task_sequence(int32_t pid, int32_t tid);

/** What its line in /proc says of a process. */
struct dlw_process_line {
	int32_t pid, parent, group;
	uint32_t threads;
	uint64_t start;
	char letter;      /* of its first thread */
	bool is_kernel;   /* a thread of the kernel's own */
};

/** dlw_process_describe() - false: there is no such process */
bool dlw_process_describe(int32_t pid, struct dlw_process_line *line);

/** dlw_task_alive() - the task exists and is no zombie */
bool dlw_task_alive(int32_t pid, int32_t tid);

/** dlw_task_is_leaving() - it is still listed, but runs no code of the program any more */
bool dlw_task_is_leaving(int32_t pid, int32_t tid);

/** dlw_process_lives() - it is the one that began at @start, and some thread of it is not dead */
bool dlw_process_lives(int32_t pid, uint64_t start);

/** dlw_process_task() - the first thread of @pid, or another if that is a zombie; 0: none */
int32_t dlw_process_task(int32_t pid);

/**
 * dlw_memory_is_shared() - two processes, one memory: clone(CLONE_VM) without CLONE_THREAD
 *
 * Where the kernel does not let us ask, equally large memories count as one.
 */
bool dlw_memory_is_shared(int32_t pid, int32_t other);

/** dlw_read_pieces() - process_vm_readv(): bytes read, negative errno; never asked again where it is absent */
long dlw_read_pieces(int32_t pid, const struct iovec *here, const struct iovec *there,
		     uint32_t count);

/** dlw_read_memory() - @size bytes of @pid at @address; false: unmapped or not allowed */
bool dlw_read_memory(int32_t pid, uint64_t address, void *buffer, size_t size);

/**
 * dlw_each_task() - call @visit for every task of @pid
 *
 * Return: number of tasks, negative errno if they cannot be listed.
 */
int dlw_each_task(int32_t pid, void (*visit)(void *context, int32_t tid), void *context);

/** dlw_signals_caught() - the mask SigCgt of /proc/PID/status; false: cannot be read */
bool dlw_signals_caught(int32_t pid, uint64_t *mask);

/** dlw_each_entry() - names in a directory, "." and ".." left out; Return: 0 or negative errno */
int dlw_each_entry(const char *path, void (*visit)(void *context, const char *name),
		   void *context);

/** dlw_parse_number() - decimal or (base 16) hex; *@text moves past it */
uint64_t dlw_parse_number(const char **text, unsigned base);

/** dlw_format_number() - decimal digits at the end of @buffer; Return: the first one */
char *dlw_format_number(char buffer[24], uint64_t number);

#endif
