/*
 * analyzer/foreign_stack.h - the call stack of a thread of another process
 *
 * For threads that sleep where no hook of ours captured anything. The thread is
 * stopped for as long as the unwinding takes, and no other one; a system call
 * that it sleeps in is started again by the kernel and never seen to return.
 */
#ifndef DLW_ANALYZER_FOREIGN_STACK_H
#define DLW_ANALYZER_FOREIGN_STACK_H

#include <stdint.h>

/**
 * dlw_foreign_stack() - unwind thread @tid of @pid
 * @frames: addresses to which its calls return, innermost first; @room: of them
 *
 * The caller may not be tracing the thread. Only for threads that are asleep in
 * a call that the kernel restarts after a stop (not epoll_wait, semop or a
 * socket with a time limit: these would return EINTR).
 * Return: how many; 0: not allowed, traced by somebody else, or gone.
 */
uint32_t dlw_foreign_stack(int32_t pid, int32_t tid, uint64_t *frames, uint32_t room);

#endif
