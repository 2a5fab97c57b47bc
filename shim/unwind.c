/*
 * shim/unwind.c - cancellation unwinds through the hooks, and libc alone is linked
 *
 * The cleanup handlers of the hooks refer to two functions of GCC's unwinder,
 * __gcc_personality_v0() and _Unwind_Resume(). Both ways of linking it are
 * closed: libgcc_s.so.1 as a needed library would put its symbols in front of
 * the program's, and a static copy aborts, because it is handed the contexts of
 * an unwinding that libgcc_s.so.1 has begun, while its own tables were never
 * set up. So they are defined here, hidden, and pass on to libgcc_s.so.1, which
 * the C library has loaded before it unwinds anything (it does the same for
 * itself).
 *
 * Somebody else's unwinder may come along as well, a static copy in the
 * program that throws an exception. Its contexts mean nothing to libgcc_s: our
 * frames are then passed over, and their cleanup does not run.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

#include "shim/banned.h"

/*
 * Not <unwind.h>: it declares them with default visibility, and they must not
 * be exported.
 */
enum { CONTINUE_UNWIND = 8 };

typedef int personality(int version, int actions, unsigned long exception_class, void *exception,
			void *context);
typedef void resume(void *exception);

personality __gcc_personality_v0;
resume _Unwind_Resume __attribute__((noreturn));

static _Atomic(personality *) real_personality;
static _Atomic(resume *) real_resume;
static _Atomic(void *) real_module;

static int (*_Atomic find_object)(void *, struct dl_find_object *);

/*
 * The start of the mapping that @address lies in. Not with dladdr(): it waits
 * for the loader's lock, whose owner may be waiting for what this thread's
 * cleanup is about to release. Where the C library is too old to say it without
 * one (before 2.35), every address is in the same module.
 */
static void *module_of(void *address)
{
	struct dl_find_object found;

	if (!find_object || find_object(address, &found) != 0)
		return NULL;
	return found.dlfo_map_start;
}

/* Harmless to repeat, from several threads too. */
static void resolve(int flags)
{
	void *library = dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_LOCAL | flags);
	void *first = library ? dlsym(library, "__gcc_personality_v0") : NULL;
	void *second = library ? dlsym(library, "_Unwind_Resume") : NULL;

	if (!first || !second)
		return;
	find_object =
		(int (*)(void *, struct dl_find_object *))dlsym(RTLD_DEFAULT, "_dl_find_object");
	atomic_store(&real_module, module_of(first));
	atomic_store(&real_resume, (resume *)second);
	atomic_store(&real_personality, (personality *)first);
}

/*
 * Where it is loaded already, as in every C++ program, no thread has to enter
 * the loader in the middle of its cancellation.
 */
__attribute__((constructor)) static void resolve_if_loaded(void)
{
	resolve(RTLD_NOLOAD);
}

int __gcc_personality_v0(int version, int actions, unsigned long exception_class, void *exception,
			 void *context)
{
	personality *real = atomic_load(&real_personality);

	if (!real) {
		resolve(0);
		real = atomic_load(&real_personality);
	}
	if (!real || module_of(__builtin_return_address(0)) != atomic_load(&real_module))
		return CONTINUE_UNWIND;
	return real(version, actions, exception_class, exception, context);
}

/* Called at the end of a cleanup only, which nothing but the above can have begun. */
void _Unwind_Resume(void *exception)
{
	atomic_load (&real_resume)(exception);
	__builtin_unreachable();
}
