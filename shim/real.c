/*
 * shim/real.c - finding the functions behind the hooks
 *
 * dlsym() may allocate and lock, and so call our hooks while we look the first
 * name up. Such a call goes to libc's own second name of the mutex functions,
 * which is not hooked and needs no lookup.
 */
#include "shim/real.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "shim/banned.h"

int dlw_libc_mutex_lock(pthread_mutex_t *mutex) __attribute__((weak));
int dlw_libc_mutex_trylock(pthread_mutex_t *mutex) __attribute__((weak));
int dlw_libc_mutex_unlock(pthread_mutex_t *mutex) __attribute__((weak));
#if defined(__x86_64__)
__asm__(".symver dlw_libc_mutex_lock, __pthread_mutex_lock@GLIBC_2.2.5");
__asm__(".symver dlw_libc_mutex_trylock, __pthread_mutex_trylock@GLIBC_2.2.5");
__asm__(".symver dlw_libc_mutex_unlock, __pthread_mutex_unlock@GLIBC_2.2.5");
#endif

/* This thread is inside dlsym() on our behalf. */
static __thread int resolving __attribute__((tls_model("initial-exec")));

/** second_name() - what serves the entry at @offset while the lookup is under way, or NULL */
static void *second_name(size_t offset)
{
	switch (offset) {
	case offsetof(struct dlw_real_functions, pthread_mutex_lock):
		return (void *)dlw_libc_mutex_lock;
	case offsetof(struct dlw_real_functions, pthread_mutex_trylock):
		return (void *)dlw_libc_mutex_trylock;
	case offsetof(struct dlw_real_functions, pthread_mutex_unlock):
		return (void *)dlw_libc_mutex_unlock;
	default:
		return NULL;
	}
}

/* Stubs: resolve, then do what was asked. */
#define DLW_SYMBOL(result, name, version, parameters, arguments) \
	static result stub_##name parameters \
	{ \
		result(*function) parameters; \
\
		if (resolving) { \
			function = (result(*) parameters)second_name( \
				offsetof(struct dlw_real_functions, name)); \
		} else { \
			dlw_real_resolve(); \
			function = dlw_real_functions.name; \
		} \
		if (!function || function == stub_##name) { \
			errno = ENOSYS; \
			return (result)ENOSYS; \
		} \
		return function arguments; \
	}
#include "shim/symbols.h"
#undef DLW_SYMBOL

struct dlw_real_functions dlw_real_functions = {
#define DLW_SYMBOL(result, name, version, parameters, arguments) .name = stub_##name,
#include "shim/symbols.h"
#undef DLW_SYMBOL
};

/*
 * dlsym(RTLD_NEXT) finds out who asks from its return address: it must not be
 * a tail call.
 */
__attribute__((noinline)) void *dlw_real_find(const char *name, const char *version,
					      const void *own)
{
	void *found = NULL;
	int saved = errno;

	resolving++;
	if (*version)
		found = dlvsym(RTLD_NEXT, name, version);
	if (!found)
		found = dlsym(RTLD_NEXT, name);
	resolving--;
	errno = saved;
	__asm__ volatile("" : "+r"(found));
	return found == own ? NULL : found;
}

void dlw_real_resolve(void)
{
	static _Atomic int complete;
	void *found;

	if (complete || resolving)
		return;
#define DLW_SYMBOL(result, name, version, parameters, arguments) \
	found = dlw_real_find(#name, version, (const void *)name); \
	if (found) \
		__atomic_store_n(&dlw_real_functions.name, (result(*) parameters)found, \
				 __ATOMIC_RELEASE);
#include "shim/symbols.h"
#undef DLW_SYMBOL
	complete = 1;
}
