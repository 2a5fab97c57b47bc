/*
 * shim/real.h - the functions behind the hooks
 *
 * dlw_real(pthread_mutex_lock)(m) calls the next pthread_mutex_lock after ours.
 * The table starts out with stubs that look everything up on first use, from
 * whatever library's constructor that comes, and is complete from then on.
 */
#ifndef DLW_SHIM_REAL_H
#define DLW_SHIM_REAL_H

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* On a cache line of its own: a short way is over by the end of the next one or two. */
#define DLW_HOOK __attribute__((visibility("default"), aligned(64)))

struct dlw_real_functions {
#define DLW_SYMBOL(result, name, version, parameters, arguments) result(*name) parameters;
#include "shim/symbols.h"
#undef DLW_SYMBOL
};

extern struct dlw_real_functions dlw_real_functions __attribute__((visibility("hidden")));

#define dlw_real(name) (dlw_real_functions.name)

/** dlw_real_resolve() - look all of them up; harmless to repeat, from several threads too */
void dlw_real_resolve(void);

/** dlw_real_find() - the next @name after ours, or NULL; may call the program's allocator */
void *dlw_real_find(const char *name, const char *version, const void *own);

#endif
