/*
 * shim/banned.h - what code inside a watched program must never do
 *
 * A hook may run under the program's allocator lock, inside a signal handler,
 * in a constructor before libc is set up, or in the child of a fork. So there
 * is no malloc, no stdio, no pthread lock, no exit here: memory comes from
 * segment.h and mmap, text from the writers, locks from lock.h. Include this
 * last, after every system header; misuse then does not compile.
 */
#ifndef DLW_SHIM_BANNED_H
#define DLW_SHIM_BANNED_H

#pragma GCC poison malloc calloc realloc free strdup strndup asprintf
#pragma GCC poison printf fprintf vfprintf puts fputs fopen fclose perror
#pragma GCC poison opendir readdir getline setenv putenv
#pragma GCC poison abort exit

#endif
