/*
 * analyzer/copy.h - a copy of a process, made without its doing
 *
 *	pid_t copy = dlw_copy_make(pid, tid, &why);
 *
 *	if (copy > 0) {
 *		fd = dlw_copy_enter(copy, entry, stack, 2000);
 *		dlw_copy_bury(tid, copy);
 *	}
 *
 * For asking a program what only its own code can tell, while all its threads
 * sleep and must not be disturbed. A thread that sleeps in a system call is made
 * to call clone() and then goes on sleeping: it does not notice, nor does
 * anybody who looks (no EINTR, no SIGCHLD, no child to be waited for). The copy
 * has one thread, memory of its own, and is ended before long.
 *
 * One thread at a time; blocks for at most about two seconds; not for signal
 * handlers. Needs the right to trace, which an ancestor normally has.
 */
#ifndef DLW_ANALYZER_COPY_H
#define DLW_ANALYZER_COPY_H

#include <stdint.h>
#include <sys/types.h>

/**
 * dlw_copy_make() - let thread @tid of @pid, asleep in a system call, make a copy
 *
 * It must be a call that the kernel restarts as if nothing had been: one on a
 * futex, wait(), a lock on a file, the read of an empty pipe. Not a write, which
 * ends with what it has written so far.
 * Return: the copy, stopped; or -1 and why not (a constant).
 */
pid_t dlw_copy_make(pid_t pid, pid_t tid, const char **why);

/**
 * dlw_copy_enter() - let the copy call @entry(fd) on @stack until it ends
 *
 * @fd is a file in memory. After @milliseconds the copy is killed.
 * Return: that file, open for reading, with what was written; -1: none.
 */
int dlw_copy_enter(pid_t copy, uint64_t entry, uint64_t stack, unsigned milliseconds);

/** dlw_copy_bury() - take the ended copy out of the list of the process's children */
void dlw_copy_bury(pid_t tid, pid_t copy);

/** dlw_copy_settle() - let go of a thread that was asked to stop and did so too late */
void dlw_copy_settle(void);

#endif
