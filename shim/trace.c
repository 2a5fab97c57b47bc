/*
 * shim/trace.c - the store of stacks, and libunwind, which fills it
 *
 * libunwind is loaded privately, so that its names do not stand in front of
 * the program's. It wants dl_iterate_phdr(), which takes the loader's lock; a
 * thread that holds a mutex and waited there for another thread's dlopen()
 * could be made to deadlock by us. So while we unwind, our dl_iterate_phdr()
 * answers from a copy of the list of modules (modules.c).
 *
 * Locks: all of the slow half runs under stacks_lock, which serialises the
 * unwinder; fork() takes it first, so that a child finds the unwinder at rest.
 */
#include "shim/trace.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "shim/descriptor.h"
#include "shim/log_write.h"
#include "shim/modules.h"
#include "shim/real.h"
#include "shim/segment.h"

#include "shim/banned.h"

#define DEPTH_MAX 128           /* innermost frames kept of a deeper stack */
#define STEPS_MAX (2 * DEPTH_MAX) /* … and walked, with ours in between */
#define MANY 4096               /* stacks; from then on, of a lock taken without waiting … */
#define DEPTH_OF_MANY 16        /* … as many frames: enough to tell who took it */
#define IDS_FIRST 256           /* stack ids there is room for at first, a power of two */
#define PAGE 4096u
#define UNWINDER_CACHE 2048     /* places in code that libunwind remembers: 128 otherwise */
#define STORE_MAX (64u << 20)   /* bytes of stacks kept; past it: sites only, counted */

struct dlw_traces {
	struct dlw_trace_cache cache;
	uint32_t *ids; /* stack ids by hash, open addressing */
	uint32_t id_capacity;
	uint64_t stored; /* bytes in the stack store */
};

/** What the unwinder saw. */
struct walk {
	uint32_t depth, room; /* frames there are, and how many at most are asked for */
	bool regular; /* every return address was found at its place: may be cached */
	bool cut;     /* there were more than asked for, though not more than are ever kept */
	uint64_t frames[DEPTH_MAX];
	uint64_t places[DEPTH_MAX]; /* where frames[i] was saved */
};

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

bool dlw_trace_available(void)
{
	return unwinder.loaded;
}

const struct dlw_stack_record *dlw_stack_record(uint32_t id)
{
	uint64_t *offset;

	if (!id || id > dlw_runtime->segment->stacks.count)
		return NULL;
	offset = dlw_table_at(dlw_runtime->segment, &dlw_runtime->segment->stacks, id - 1);
	return offset ? dlw_at(*offset) : NULL;
}

/* -------------------------------------------------------------------- the stack store */

static uint64_t hash_frames(const uint64_t *frames, uint32_t depth)
{
	uint64_t hash = depth;
	uint32_t i;

	for (i = 0; i < depth; i++) {
		hash = (hash ^ frames[i]) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 29;
	}
	return hash;
}

/** find_id() - the slot of the stack with these frames, or the free one where it belongs */
static uint32_t *find_id(struct dlw_traces *traces, const uint64_t *frames, uint32_t depth)
{
	uint32_t mask = traces->id_capacity - 1;
	uint32_t at = (uint32_t)hash_frames(frames, depth) & mask;

	for (;; at = (at + 1) & mask) {
		const struct dlw_stack_record *record;

		if (!traces->ids[at])
			return &traces->ids[at];
		record = dlw_stack_record(traces->ids[at]);
		if (record->depth == depth && !memcmp(record->frames, frames, depth * 8ul))
			return &traces->ids[at];
	}
}

static bool grow_ids(struct dlw_traces *traces)
{
	uint32_t old_capacity = traces->id_capacity;
	uint32_t *old = traces->ids;
	uint32_t *new = dlw_map(old_capacity * 2ul * sizeof(*new), false);
	uint32_t i;

	if (!new)
		return false;
	traces->ids = new;
	traces->id_capacity = old_capacity * 2;
	for (i = 0; i < old_capacity; i++) {
		const struct dlw_stack_record *record = dlw_stack_record(old[i]);

		if (record)
			*find_id(traces, record->frames, record->depth) = old[i];
	}
	if (old_capacity > IDS_FIRST)
		dlw_unmap(old, old_capacity * sizeof(*old));
	return true;
}

static uint32_t store_new(struct dlw_traces *traces, const uint64_t *frames, uint32_t depth)
{
	struct dlw_table *table = &dlw_runtime->segment->stacks;
	size_t size = sizeof(struct dlw_stack_record) + depth * sizeof(uint64_t);
	uint32_t position = table->count;
	struct dlw_stack_record *record;
	uint64_t *element;
	uint64_t offset;

	if (traces->stored + size > STORE_MAX || position >= DLW_PLAIN_STACK_MAX)
		return 0;
	element = dlw_table_grow(table, position);
	offset = element ? dlw_segment_take(size) : 0;
	if (!offset)
		return 0;
	record = dlw_at(offset);
	record->id = position + 1;
	record->depth = depth;
	memcpy(record->frames, frames, depth * sizeof(uint64_t));
	*element = offset;
	traces->stored += size;
	atomic_store_explicit(&table->count, position + 1, memory_order_release);
	dlw_log_stack(record);
	return record->id;
}

/** intern() - the id of these frames; stacks_lock is held; 0: no room, counted */
static uint32_t intern(struct dlw_traces *traces, const uint64_t *frames, uint32_t depth)
{
	uint32_t *slot;

	if (dlw_runtime->segment->stacks.count * 2 >= traces->id_capacity && !grow_ids(traces))
		return 0;
	slot = find_id(traces, frames, depth);
	if (!*slot)
		*slot = store_new(traces, frames, depth);
	if (!*slot)
		dlw_runtime_count(DLW_LOST_STACKS, 1);
	return *slot;
}

uint32_t dlw_stack_keep(const uint64_t *frames, uint32_t depth)
{
	uint32_t id;

	dlw_lock(&dlw_runtime->stacks_lock, DLW_RANK_STACKS);
	id = intern(dlw_runtime->traces, frames, depth);
	dlw_unlock(&dlw_runtime->stacks_lock, DLW_RANK_STACKS);
	return id;
}

/* ------------------------------------------------------------------- into the cache */

static bool on_stack(const struct dlw_context *self, uint64_t frame)
{
	return frame > self->stack_low && frame < self->stack_high;
}

/** is_there() - @size bytes at @place, on a stack that is there from @frame, where it is now, to its end */
static bool is_there(const struct dlw_context *self, uint64_t frame, uint64_t place, uint64_t size)
{
	return on_stack(self, frame) && place >= frame && place <= self->stack_high - size;
}

static const struct dlw_trace *recognise(const struct dlw_context *self, uint64_t address,
					 uint64_t frame, bool whole)
{
	const struct dlw_trace *trace =
		on_stack(self, frame)
			? dlw_trace_cache_find(&dlw_runtime->traces->cache, self, address, frame)
			: NULL;

	return trace && whole && trace->cut ? NULL : trace;
}

/** room_for() - frames to capture: of programs with very many stacks fewer, unless @whole */
static uint32_t room_for(bool whole)
{
	if (whole || dlw_options.stacks == DLW_STACKS_FULL ||
	    dlw_runtime->segment->stacks.count < MANY)
		return DEPTH_MAX;
	return DEPTH_OF_MANY;
}

/** remember() - make a trace of a walk; stacks_lock is held; NULL: not cacheable */
static const struct dlw_trace *remember(struct dlw_context *self, const struct walk *walk,
					uint64_t frame, uint32_t stack)
{
	struct dlw_trace_cache *cache = &dlw_runtime->traces->cache;
	struct dlw_trace *trace;
	uint32_t i;

	if (!walk->regular || !on_stack(self, frame) || self->stack_high - frame > INT32_MAX)
		return NULL;
	trace = dlw_trace_cache_room(cache, walk->frames[0], walk->depth - 1);
	if (!trace)
		return NULL;
	trace->stack = stack;
	trace->cut = walk->cut;
	trace->reach = 0;
	for (i = 1; i < walk->depth; i++) {
		dlw_trace_put(trace, i - 1,
			      (struct dlw_saved_return){
				      .value = walk->frames[i],
				      .distance = (int64_t)(walk->places[i] - frame) });
		if (trace->reach < walk->places[i] - frame + 8)
			trace->reach = walk->places[i] - frame + 8;
	}
	dlw_trace_cache_add(cache, trace);
	return trace;
}

/* -------------------------------------------------------------------------- unwinding */

/** add_frame() - note one frame; false: enough */
static bool add_frame(const struct dlw_context *self, struct walk *walk, uint64_t address,
		      uint64_t place, uint64_t frame)
{
	if (walk->depth == walk->room || !address) {
		walk->cut = address && walk->room < DEPTH_MAX;
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
static bool walk_once(const struct dlw_context *self, struct walk *walk, uint64_t address,
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
static void walk_undisturbed(struct dlw_context *self, struct walk *walk, uint64_t address,
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

/** walk_stack() - libunwind, or the site alone where there is none; stacks_lock is held */
static void walk_stack(struct dlw_context *self, struct walk *walk, uint64_t address,
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

/** capture() - unwind and intern; @trace may become how to recognise it next time */
static uint32_t capture(struct dlw_context *self, uint64_t address, uint64_t frame, bool whole,
			const struct dlw_trace **trace)
{
	struct walk walk = { .room = room_for(whole) };
	uint32_t stack;

	*trace = NULL;
	if (dlw_forking) /* our own prepare handler holds the lock */
		return 0;
	dlw_lock(&dlw_runtime->stacks_lock, DLW_RANK_STACKS);
	*trace = recognise(self, address, frame, whole); /* another thread may have been here first */
	if (*trace) {
		stack = (*trace)->stack;
	} else {
		walk_stack(self, &walk, address, frame);
		stack = intern(dlw_runtime->traces, walk.frames, walk.depth);
		if (stack)
			*trace = remember(self, &walk, frame, stack);
	}
	if (walk.cut)
		dlw_runtime_count(DLW_CUT_STACKS, 1);
	dlw_unlock(&dlw_runtime->stacks_lock, DLW_RANK_STACKS);
	return stack;
}

/** learn() - the stack now, and this thread's site entry brought up to date */
static uint32_t learn(struct dlw_context *self, struct dlw_site *site, uint64_t address,
		      uint64_t frame, bool whole)
{
	const struct dlw_trace *trace = recognise(self, address, frame, whole);
	uint32_t stack = trace ? trace->stack : capture(self, address, frame, whole, &trace);

	site->address = address;
	site->frame = frame;
	site->stack = stack;
	site->trace = trace ? trace : dlw_runtime->traces->cache.none;
	return stack;
}

bool dlw_site_verified(const struct dlw_site *site)
{
	return dlw_trace_still(site->trace, site->frame);
}

/**
 * make_way() - the entry in this site's place goes beside it; Return: the place
 *
 * But not if it is a guest there itself: it would keep driving out those that are not.
 */
static struct dlw_site *make_way(struct dlw_context *self, uint64_t address, uint64_t frame)
{
	struct dlw_site *site = dlw_site_of(self, address, frame);

	if (site->address && dlw_site_of(self, site->address, site->frame) == site)
		*dlw_site_beside(site) = *site;
	return site;
}

/** is_exact() - the entry is of this site, and the stack still the same and whole */
static bool is_exact(const struct dlw_site *site, uint64_t address, uint64_t frame)
{
	return dlw_site_is(site, address, frame) &&
	       (dlw_options.stacks == DLW_STACKS_OFF ||
		(dlw_trace_still(site->trace, frame) && !site->trace->cut));
}

uint32_t dlw_stack_exact(struct dlw_context *self, uint64_t address, uint64_t frame)
{
	const struct dlw_site *site = dlw_site_of(self, address, frame);
	const struct dlw_site *beside = dlw_site_beside(site);

	if (is_exact(site, address, frame))
		return site->stack;
	if (is_exact(beside, address, frame)) /* also of a site that is come to in two ways */
		return beside->stack;
	return learn(self, make_way(self, address, frame), address, frame, true);
}

uint32_t dlw_stack_seen(struct dlw_context *self, uint64_t address, uint64_t frame)
{
	struct dlw_site *site = dlw_site_of(self, address, frame);
	struct dlw_site *beside = dlw_site_beside(site), found = *beside;

	if (!dlw_site_is(beside, address, frame))
		return learn(self, make_way(self, address, frame), address, frame, false);
	if (dlw_options.stacks == DLW_STACKS_FULL)
		return dlw_stack_exact(self, address, frame);
	*beside = *site;
	*site = found;
	return found.stack;
}

/* ------------------------------------------------------------------------------ setup */

/** What a process needs that captures a few stacks, in one piece: a child often does no more. */
struct beginning {
	struct dlw_traces traces;
	uint32_t ids[IDS_FIRST];
	char arena[256u << 10];
};

bool dlw_trace_setup(void)
{
	struct beginning *beginning = dlw_home_take(sizeof(*beginning));
	struct dlw_traces *traces;

	if (!beginning)
		beginning = dlw_map(sizeof(*beginning), false);
	if (!beginning)
		return false;
	traces = &beginning->traces;
	traces->id_capacity = IDS_FIRST;
	traces->ids = beginning->ids;
	dlw_runtime->traces = traces;
	return dlw_trace_cache_setup(&traces->cache, beginning->arena, sizeof(beginning->arena));
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
	    !on_stack(dlw_self, (uint64_t)(uintptr_t)address))
		return dlw_real(mincore)(address, length, vector);
	*vector = 1;
	return 0;
}

#define STRING_OF(name) #name
#define NAME_OF(name) STRING_OF(name)

void dlw_trace_load(void)
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

void dlw_trace_forget(void)
{
	if (unwinder.flush && unwinder.space)
		unwinder.flush(*unwinder.space, 0, 0);
}
