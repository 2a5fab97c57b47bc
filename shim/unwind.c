/*
 * shim/unwind.c - libunwind, led outward from a hook's caller
 *
 * It is loaded privately, so that its names do not stand in front of the
 * program's. It wants dl_iterate_phdr(), which takes the loader's lock; a
 * thread that holds a mutex and waited there for another thread's dlopen()
 * could be made to deadlock by us. So while we unwind, our dl_iterate_phdr()
 * answers from a copy of the list of modules (modules.c), and what else it asks of
 * the C library is answered here.
 */
#include "shim/unwind.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "shim/descriptor.h"
#include "shim/modules.h"
#include "shim/options.h"
#include "shim/real.h"
#include "shim/runtime.h"

#include "shim/banned.h"

#define STEPS_MAX (2 * DLW_DEPTH_MAX) /* walked, with ours in between */
#define PAGE 4096u
#define UNWINDER_CACHE 2048 /* places in code that libunwind remembers: 128 otherwise */

static struct {
	int (*get_context)(unw_tdep_context_t *);
	int (*init_local)(unw_cursor_t *, unw_context_t *);
	int (*step)(unw_cursor_t *);
	int (*get_reg)(unw_cursor_t *, unw_regnum_t, unw_word_t *);
	void (*flush)(unw_addr_space_t, unw_word_t, unw_word_t);
	int (*set_cache_size)(unw_addr_space_t, size_t, int);
	unw_addr_space_t *space;
	bool loaded;
} unwinder;

bool dlw_unwinder_available(void)
{
	return unwinder.loaded;
}

/** is_there() - @size bytes at @place, on a stack that is there from @frame, where it is now, to its end */
static bool is_there(const struct dlw_context *self, uint64_t frame, uint64_t place, uint64_t size)
{
	return dlw_on_stack(self, frame) && place >= frame && place <= self->stack_high - size;
}

/** add_frame() - note one frame; false: enough */
static bool add_frame(const struct dlw_context *self, struct dlw_walk *walk, uint64_t address,
		      uint64_t place, uint64_t frame)
{
	if (walk->depth == walk->room || !address) {
		walk->cut = address && walk->room < DLW_DEPTH_MAX;
		return false;
	}
	/* the first one is the hook's own return address, known from the call */
	if (walk->depth && (!is_there(self, frame, place, 8) ||
			    *(const uint64_t *)(uintptr_t)place != address))
		walk->regular = false;
	walk->frames[walk->depth] = address;
	walk->places[walk->depth] = place;
	walk->depth++;
	return true;
}

/** Where a walk is: a frame's return address, stack pointer and frame pointer. */
struct climb {
	unw_context_t context;
	unw_cursor_t cursor;
	unw_word_t ip, sp, bp;
	bool chained; /* there by frame pointers: the cursor is behind */
};

static bool begin_climb(struct climb *climb)
{
	climb->chained = false;
	return unwinder.init_local(&climb->cursor, &climb->context) >= 0;
}

/** catch_up() - a cursor for the frame that frame pointers have led to */
static bool catch_up(struct climb *climb)
{
	greg_t *registers = climb->context.uc_mcontext.gregs;

	registers[REG_RIP] = (greg_t)climb->ip;
	registers[REG_RSP] = (greg_t)climb->sp;
	registers[REG_RBP] = (greg_t)climb->bp;
	return begin_climb(climb);
}

/** by_tables() - one call outward, as the compiler has described it */
static bool by_tables(struct climb *climb)
{
	if (climb->chained && !catch_up(climb))
		return false;
	return unwinder.step(&climb->cursor) > 0 &&
	       unwinder.get_reg(&climb->cursor, UNW_REG_IP, &climb->ip) >= 0 &&
	       unwinder.get_reg(&climb->cursor, UNW_REG_SP, &climb->sp) >= 0 &&
	       unwinder.get_reg(&climb->cursor, UNW_X86_64_RBP, &climb->bp) >= 0;
}

/**
 * by_frame_pointers() - one call outward from code that has no tables
 *
 * The unwinder would guess the same, at a hundred times the price: what is
 * not built with frame pointers either ends the walk sooner or later. Only on the
 * thread's own stack, outward from the hook's caller, where all of it is there:
 * from a signal handler's the guess could lead to where nothing is, and the
 * unwinder tries that out.
 */
static bool by_frame_pointers(const struct dlw_context *self, struct climb *climb, uint64_t frame)
{
	const uint64_t *saved = (const uint64_t *)(uintptr_t)climb->bp;

	if (climb->bp % 8 || climb->bp < climb->sp || !is_there(self, frame, climb->bp, 16))
		return false;
	climb->sp = climb->bp + 16;
	climb->bp = saved[0];
	climb->ip = saved[1];
	climb->chained = true;
	return true;
}

/**
 * walk_once() - from the hook's caller outward
 *
 * Frames of ours on the way are left out: a once's, and the start routine of a
 * thread, which ends the walk, for that is where its stack begins.
 *
 * Return: false if a module came into view that the list did not have: again.
 */
static bool walk_once(const struct dlw_context *self, struct dlw_walk *walk, uint64_t address,
		      uint64_t frame)
{
	bool found = false, within = false, described = true;
	uint32_t steps = 0; /* wrong tables may lead round in a circle */
	struct climb climb;

	walk->depth = 0;
	walk->regular = true;
	walk->cut = false;
	unwinder.get_context(&climb.context);
	if (!begin_climb(&climb))
		return true;
	while (steps++ < STEPS_MAX && (described || !is_there(self, frame, climb.sp, 8)
					       ? by_tables(&climb)
					       : by_frame_pointers(self, &climb, frame))) {
		if (!found && (climb.ip != address || climb.sp != frame))
			continue; /* still inside the shim */
		found = true;
		switch (dlw_modules_know(climb.ip - 1)) {
		case DLW_MODULE_KNOWN:
			break;
		case DLW_MODULE_NEW:
			return false;
		case DLW_MODULE_NONE: /* made at run time: what lies beyond is guesswork */
			if (!climb.chained)
				add_frame(self, walk, climb.ip, climb.sp - 8, frame);
			return true;
		}
		described = dlw_modules_describe(climb.ip - 1);
		if (dlw_modules_is_own(climb.ip)) {
			within = true;
			continue;
		}
		if (within && climb.sp > self->stack_high)
			break;
		within = false;
		if (!add_frame(self, walk, climb.ip, climb.sp - 8, frame))
			break;
	}
	return true;
}

/** enlarge_cache() - before the first walk, not at load: it locks, and only a hook passes that by */
static void enlarge_cache(void)
{
	if (unwinder.set_cache_size && unwinder.space)
		unwinder.set_cache_size(*unwinder.space, UNWINDER_CACHE, 0);
	unwinder.set_cache_size = NULL;
}

/** walk_undisturbed() - no handler and no cancellation comes in between */
static void walk_undisturbed(struct dlw_context *self, struct dlw_walk *walk, uint64_t address,
			     uint64_t frame)
{
	int saved = errno, cancellation, attempt;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	/* it writes to a pipe of its own: a cancellation point that is not the program's */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellation);
	self->capturing = true;
	enlarge_cache();
	dlw_modules_refresh();
	for (attempt = 0; attempt < 8 && !walk_once(self, walk, address, frame); attempt++)
		;
	self->capturing = false;
	pthread_setcancelstate(cancellation, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
}

void dlw_walk_stack(struct dlw_context *self, struct dlw_walk *walk, uint64_t address,
		    uint64_t frame)
{
	walk->depth = 0;
	if (unwinder.loaded && !dlw_forking && dlw_options.stacks != DLW_STACKS_OFF)
		walk_undisturbed(self, walk, address, frame);
	if (walk->depth)
		return;
	walk->frames[0] = address;
	walk->places[0] = frame - 8;
	walk->depth = 1;
	walk->regular = false;
	if (dlw_options.stacks != DLW_STACKS_OFF)
		dlw_runtime_count(DLW_LOST_STACKS, 1);
}

/**
 * pipe2() - the program's; the unwinder's is moved out of the program's way
 *
 * libunwind tries out pages by writing from them into a pipe, which would take
 * the program's lowest descriptors. If the program closes it, libunwind finds
 * out and asks for another.
 */
DLW_HOOK int pipe2(int descriptors[2], int flags)
{
	int result = dlw_real(pipe2)(descriptors, flags);

	if (result == 0 && dlw_self->capturing) {
		descriptors[0] = dlw_move_up(descriptors[0]);
		descriptors[1] = dlw_move_up(descriptors[1]);
	}
	return result;
}

/**
 * sigprocmask() - the program's; the unwinder's has been done
 *
 * libunwind blocks all signals and gives them back several times for each frame.
 * They are blocked for the whole walk.
 */
DLW_HOOK int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	int error;

	if (dlw_self->capturing) {
		if (old)
			sigfillset(old);
		return 0;
	}
	error = pthread_sigmask(how, set, old);
	if (error == 0)
		return 0;
	errno = error;
	return -1;
}

/**
 * mincore() - the program's; to the unwinder, the stack it walks on is there
 *
 * Browsers deny their content processes this call, and write a line each time.
 * Whatever the unwinder reads it also tries out by its pipe.
 */
DLW_HOOK int mincore(void *address, size_t length, unsigned char *vector)
{
	if (!dlw_self->capturing || length > PAGE ||
	    !dlw_on_stack(dlw_self, (uint64_t)(uintptr_t)address))
		return dlw_real(mincore)(address, length, vector);
	*vector = 1;
	return 0;
}

#define STRING_OF(name) #name
#define NAME_OF(name) STRING_OF(name)

void dlw_unwinder_load(void)
{
	void *library;

	if (unwinder.loaded || dlw_options.stacks == DLW_STACKS_OFF)
		return;
	library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		dlerror();
		return;
	}
	*(void **)&unwinder.get_context = dlsym(library, NAME_OF(UNW_ARCH_OBJ(getcontext)));
	*(void **)&unwinder.init_local = dlsym(library, NAME_OF(unw_init_local));
	*(void **)&unwinder.step = dlsym(library, NAME_OF(unw_step));
	*(void **)&unwinder.get_reg = dlsym(library, NAME_OF(unw_get_reg));
	*(void **)&unwinder.flush = dlsym(library, NAME_OF(unw_flush_cache));
	*(void **)&unwinder.set_cache_size = dlsym(library, NAME_OF(UNW_OBJ(set_cache_size)));
	*(void **)&unwinder.space = dlsym(library, NAME_OF(unw_local_addr_space));
	if (unwinder.get_context && unwinder.init_local && unwinder.step && unwinder.get_reg) {
		dlw_modules_load();
		unwinder.loaded = true;
	}
}

void dlw_unwinder_forget(void)
{
	if (unwinder.flush && unwinder.space)
		unwinder.flush(*unwinder.space, 0, 0);
}
