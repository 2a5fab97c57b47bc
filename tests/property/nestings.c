/*
 * nestings.c - what is told while a program runs, against every other run there is
 *
 * The shim's own code notes the nestings of random programs: one run of each, in
 * a made-up process whose threads take turns. The watcher's own code reads the
 * notes, while the run goes on and at its end, and looks for cycles. Of every inversion told, some interleaving of the
 * same steps must bring the very threads to wait for the very locks, for ever.
 * Fewer are told than there are: how many is printed.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <sys/syscall.h>

#include "core/watch/glibc.h"
#include "core/watch/nestings.h"
#include "core/watch/system.h"
#include "programs.h"
#include "shim/hold.h"
#include "shim/hook_mutex_ways.h"
#include "shim/log_write.h"
#include "shim/real.h"
#include "shim/segment.h"
/* last: it names a macro as a function of the shim is named */
#include "analyzer/log_memory.h"

static const struct set {
	const char *name;
	uint32_t features;
	uint32_t told_least; /* of a hundred that can deadlock: else the test tests nothing */
} sets[] = {
	{ "mutexes, create and join", 0, 5 },
	{ "and rwlocks", RWLOCKS, 5 },
	{ "and try and timed forms", RWLOCKS | FORMS, 2 },
	{ "and semaphores as locks", RWLOCKS | PERMITS, 1 },
	{ "and barriers", RWLOCKS | BARRIERS, 1 },
	{ "and semaphores as signals", RWLOCKS | POSTS, 1 },
	{ "and conditions", RWLOCKS | CONDITIONS, 2 },
	{ "all of them", RWLOCKS | FORMS | PERMITS | POSTS | CONDITIONS | BARRIERS, 0 },
};
#define SETS (sizeof(sets) / sizeof(sets[0]))

/* ---- a made-up process -------------------------------------------------------------------- */

#define ROOM (256u * 1024)

__thread struct dlw_here dlw_here;
struct dlw_runtime *dlw_runtime;
struct dlw_options dlw_options;

static union {
	struct dlw_segment segment;
	char bytes[ROOM];
} memory __attribute__((aligned(64)));
static struct dlw_runtime runtime;
static struct dlw_context contexts[MAX_THREADS];
static uint64_t known[MAX_THREADS]; /* what its creator handed on to each thread */
static uint64_t used;
static void *maps[4 * MAX_THREADS];
static uint32_t map_count;
static int32_t tid;
/* Locks as the C library has them: who holds each is asked there, too. */
static union {
	pthread_mutex_t mutex;
	pthread_rwlock_t rwlock;
} locks[MAX_OBJECTS];

/* Also with guesses that are none: a site is of several places. */
static struct dlw_site sites[MAX_THREADS][3];

uint64_t dlw_segment_take(size_t size)
{
	uint64_t offset = used;

	used += (size + 63) & ~(size_t)63;
	assert_true(used <= ROOM);
	memory.segment.used = used;
	return offset;
}

void *dlw_map(size_t size, bool wipe)
{
	(void)wipe;
	assert_true(map_count < sizeof(maps) / sizeof(maps[0]));
	return maps[map_count++] = calloc(1, size);
}

/* Given back at the next start_process(). */
void dlw_unmap(void *address, size_t size)
{
	(void)address;
	(void)size;
}

/* What a small program never comes to. */
#define NEVER(result, name, first, second) \
	result name(first one, second other) \
	{ \
		(void)one; \
		(void)other; \
		abort(); \
	}
#define NEVER_ALONE(name) \
	void name(struct dlw_context *self) \
	{ \
		(void)self; \
		abort(); \
	}

NEVER(void *, dlw_table_grow, struct dlw_table *, uint32_t)
NEVER(void, dlw_log_event, struct dlw_context *, struct dlw_event *)
NEVER(void, dlw_log_destroyed, struct dlw_context *, struct dlw_object *)
NEVER(void, dlw_runtime_count, enum dlw_coverage_count, uint64_t)
NEVER_ALONE(dlw_leave_slow)
NEVER_ALONE(dlw_cancel_inside)

void dlw_thread_name(char name[16])
{
	memcpy(name, "thread", 7);
}

static void start_process(void)
{
	if (used)
		memset(&memory, 0, used);
	memset(&runtime, 0, sizeof(runtime));
	memset(locks, 0, sizeof(locks));
	memset(sites, 0, sizeof(sites));
	while (map_count)
		free(maps[--map_count]);
	dlw_runtime = &runtime;
	runtime.segment = &memory.segment;
	used = (sizeof(struct dlw_segment) + 63) & ~63ull;
	dlw_options.predict = true;
	tid = (int32_t)dlw_system(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

/* As a thread's first hook, and what its creator's hook has told it. */
static void start_thread(uint32_t t)
{
	uint64_t offset = dlw_segment_take(sizeof(struct dlw_thread));
	struct dlw_thread *record = dlw_at(offset);
	struct dlw_context *self = &contexts[t];

	memset(self, 0, sizeof(*self));
	record->serial = t + 1;
	record->life = DLW_RECORD_ALIVE;
	record->hold_capacity = DLW_INLINE_HOLDS;
	record->next = memory.segment.threads;
	memory.segment.threads = offset;
	self->record = record;
	self->edges = &memory.segment.edges;
	self->holds = record->inline_holds;
	self->hold_room = DLW_INLINE_HOLDS;
	self->tid = tid;
	dlw_self = self;
	dlw_edge_begin(self, 0);
	if (t)
		dlw_edge_begin(self, known[t]);
}

/* ---- what its hooks do ------------------------------------------------------------------------ */

static uint64_t address_of(uint32_t object)
{
	return (uint64_t)(uintptr_t)&locks[object];
}

static void know_owner(const struct program *p, const struct step *s, bool takes)
{
	int owner = takes ? tid : 0;

	if (p->things[s->object].kind == DLW_MUTEX)
		locks[s->object].mutex.__data.__owner = owner;
	else if (s->mode == DLW_SHARED)
		locks[s->object].rwlock.__data.__readers +=
			(takes ? 1u : -1u) << DLW_RWLOCK_READER_SHIFT;
	else
		locks[s->object].rwlock.__data.__cur_writer = owner;
}

/* Each place of the program has a stack of its own, and loops have none. */
static uint32_t stack_of(uint32_t t, uint32_t at)
{
	return 1 + t * MAX_STEPS + at;
}

/* What each thread has taken since it held nothing, as in a footprint; and without its newest. */
static uint64_t trodden[MAX_THREADS], trodden_before[MAX_THREADS];

static int locked(pthread_mutex_t *mutex)
{
	(void)mutex;
	return 0;
}

struct dlw_real_functions dlw_real_functions = { .pthread_mutex_lock = locked };

/* As the short way of a mutex does it. */
static void lock_by_hook(struct dlw_context *self, uint32_t t, uint32_t object, uint32_t stack)
{
	const uint64_t holding = dlw_hold_now(self->record);
	struct dlw_site *site = &sites[t][object % 3];

	site->stack = stack;
	assert_true(dlw_hold_append(self, self->record, holding, address_of(object),
				    dlw_hold_word(DLW_MUTEX, DLW_EXCLUSIVE, stack, 0)));
	assert_int_equal(dlw_mutex_lock_nested(&locks[object].mutex, self, holding, self->record,
					       site), 0);
}

/* What is taken for noted is what is held, and what was trodden on the way. */
static void check_chain(const struct dlw_context *self, uint32_t t)
{
	const struct dlw_nest *nest = self->nest;
	const uint32_t count = dlw_hold_count(self);
	uint32_t i;

	if (count < 2 || !self->nest_state || self->nest_state & DLW_NEST_SHIFTED)
		return;
	assert_int_equal(self->nest_added, dlw_holds_added(self->record));
	for (i = 0; i < count; i++) {
		const struct dlw_nesting *note = dlw_nesting_at(nest, nest->chain[i]);

		assert_int_equal(note->address, self->holds[i].address);
		assert_int_equal(note->stack, self->holds[i].stack);
		assert_int_equal(note->kind, self->holds[i].kind);
		assert_int_equal(note->mode, self->holds[i].mode);
		assert_int_equal(note->parent, i ? nest->chain[i - 1] : 0);
		if (i == count - 1 && note->unclean && note->latest)
			assert_int_equal(note->untaken & trodden_before[t], 0);
	}
	assert_int_equal(!!(self->nest_state & DLW_NEST_UNCLEAN),
			 dlw_nesting_at(nest, nest->chain[count - 1])->unclean);
	if (self->nest_state & DLW_NEST_UNCLEAN)
		assert_int_equal(~nest->footprint & trodden[t], 0);
}

static void tread(const struct dlw_context *self, uint32_t t, uint64_t address)
{
	trodden_before[t] = dlw_hold_count(self) ? trodden[t] : 0;
	trodden[t] = trodden_before[t] | dlw_lock_bit(address);
}

static void take_lock(struct dlw_context *self, const struct program *p, uint32_t t, uint32_t at)
{
	const struct step *s = &p->steps[t][at];
	uint32_t stack = stack_of(t, at);

	if (p->things[s->object].kind == DLW_SEMAPHORE) {
		dlw_edge_met(self);
		return;
	}
	if (at && (s[-1].op == DLW_TRACE_WOKEN || s[-1].op == DLW_TRACE_GIVE_UP))
		dlw_edge_met(self); /* the wait is over with the mutex, not before */
	/* the short way notes it before it is had, others after */
	if (stack % 2)
		know_owner(p, s, true);
	tread(self, t, address_of(s->object));
	if (at % 4 && p->things[s->object].kind == DLW_MUTEX && s->form == DLW_FORM_BLOCKING &&
	    dlw_hold_count(self))
		lock_by_hook(self, t, s->object, stack);
	else
		dlw_hold_push(self, p->things[s->object].kind, s->mode, address_of(s->object),
			      stack, s->form);
	if (stack % 2 == 0)
		know_owner(p, s, true);
	check_chain(self, t);
}

static void give_lock(struct dlw_context *self, const struct program *p, const struct step *s)
{
	const struct dlw_held *held;
	struct step as_held = *s;
	int64_t depth;

	if (p->things[s->object].kind == DLW_SEMAPHORE) {
		dlw_edge_given(self);
		return;
	}
	depth = dlw_hold_find(self, address_of(s->object));
	assert_true(depth >= 0);
	held = dlw_hold_at(self, (uint32_t)depth);
	as_held.mode = held->mode;
	dlw_hold_drop(self, (uint32_t)depth);
	know_owner(p, &as_held, false);
}

static void do_step(const struct program *p, uint32_t t, uint32_t at)
{
	const struct step *s = &p->steps[t][at];
	struct dlw_context *self = dlw_self = &contexts[t];

	switch (s->op) {
	case DLW_TRACE_CREATE:
		known[s->object] = dlw_edge_handed_on(self);
		break;
	case DLW_TRACE_START:
		start_thread(t);
		break;
	case DLW_TRACE_JOIN:
	case DLW_TRACE_LEAVE:
		dlw_edge_met(self);
		break;
	case DLW_TRACE_ACQUIRE:
		take_lock(self, p, t, at);
		break;
	case DLW_TRACE_RELEASE:
		give_lock(self, p, s);
		break;
	case DLW_TRACE_FAILED:
		dlw_nest_refused(self, address_of(s->object));
		break;
	case DLW_TRACE_SIGNAL:
	case DLW_TRACE_BROADCAST:
	case DLW_TRACE_ARRIVE:
		dlw_edge_given(self);
		break;
	default: /* an end, a wait, a wish that is never granted */
		break;
	}
}

/* ---- what is told of it -------------------------------------------------------------------- */

/* A cycle: who wants what, by the numbers of the program. */
struct cycle {
	uint32_t count;
	uint32_t threads[MAX_THREADS], wants[MAX_THREADS];
};

struct telling {
	const struct dlw_read_nestings *read;
	struct cycle cycles[32];
	uint32_t count;
};

static bool note_cycle(void *context, const uint32_t *members, uint32_t count)
{
	struct telling *telling = context;
	struct cycle *cycle = &telling->cycles[telling->count];
	uint32_t i;

	if (telling->count == sizeof(telling->cycles) / sizeof(telling->cycles[0]))
		return false;
	telling->count++;
	cycle->count = count;
	for (i = 0; i < count; i++) {
		const struct dlw_read_nesting *from = &telling->read->all[members[i]];

		cycle->threads[i] = from->nester->serial - 1;
		cycle->wants[i] = (uint32_t)((from->locks[0]->address - address_of(0)) /
					     sizeof(locks[0]));
	}
	return true;
}

static void look(struct telling *telling, struct dlw_arena *arena)
{
	struct dlw_watched watched = { .segment = &memory.segment };
	struct dlw_read_nestings read;
	uint64_t steps = UINT64_MAX;
	uint32_t open;

	dlw_arena_reset(arena);
	telling->read = &read;
	assert_true(dlw_nestings_read(&watched, arena, &read));
	assert_false(read.torn);
	assert_true(dlw_predict_noted(&read.noted, &steps, &open, arena, note_cycle, telling));
}

/* One run; looked at now and then, and in the end. */
static void do_run(const struct program *p, struct dice *dice, struct telling *telling,
		   struct dlw_arena *arena)
{
	uint32_t order, t, at[MAX_THREADS] = { 0 };

	start_process();
	start_thread(0);
	telling->count = 0;
	for (order = 0;; order++) {
		for (t = 0; t < p->threads; t++)
			if (at[t] < p->count[t] && p->steps[t][at[t]].order == order)
				break;
		if (t == p->threads)
			break;
		do_step(p, t, at[t]++);
		if (chance(dice, 10))
			look(telling, arena);
	}
	look(telling, arena);
}

/* Whether the threads of @cycle wait for its locks in state @w, for ever. */
static bool is_closed(const struct world *w, const struct cycle *cycle)
{
	bool stuck[MAX_THREADS];
	uint32_t i;

	for (i = 0; i < cycle->count; i++) {
		const struct step *s = next_step(w, cycle->threads[i]);

		if (!s || (s->op != DLW_TRACE_ACQUIRE && s->op != DLW_TRACE_WANT) ||
		    s->object != cycle->wants[i])
			return false;
	}
	find_stuck(w, stuck);
	for (i = 0; i < cycle->count; i++)
		if (!stuck[cycle->threads[i]])
			return false;
	return true;
}

static bool search(struct exploration *x, struct world *w, const struct cycle *cycle)
{
	uint32_t t, number = 0;
	bool found = false;

	for (t = w->p->threads; t-- > 0;)
		number = number * x->radix[t] + w->at[t];
	if (x->seen[number / 8] & 1 << number % 8)
		return false;
	x->seen[number / 8] |= (uint8_t)(1 << number % 8);
	if (is_closed(w, cycle))
		return true;
	for (t = 0; t < w->p->threads && !found; t++) {
		if (!can_step(w, t))
			continue;
		w->at[t]++;
		found = search(x, w, cycle);
		w->at[t]--;
	}
	return found;
}

/* Whether some run of the same steps closes @cycle. */
static bool can_close(const struct program *p, const struct cycle *cycle)
{
	struct exploration x = exploration_of(p);
	struct world w = { .p = p };
	bool found = search(&x, &w, cycle);

	free(x.seen);
	return found;
}

/* ---- the test --------------------------------------------------------------------------------- */

struct figures {
	uint64_t programs, states, deadlocks, told, cycles;
};

static void show_cycle(const struct cycle *cycle)
{
	uint32_t i;

	for (i = 0; i < cycle->count; i++)
		print_message("thread %u wants %u\n", cycle->threads[i], cycle->wants[i]);
}

static void try_one(uint64_t seed, const struct set *set, struct figures *figures,
		    struct dlw_arena *arena)
{
	struct dice dice = dice_of(seed);
	struct telling telling;
	struct program p;
	uint32_t i;

	if (!run(&dice, &p, set->features))
		return;
	do_run(&p, &dice, &telling, arena);
	figures->programs++;
	figures->cycles += telling.count;
	for (i = 0; i < telling.count; i++)
		if (!can_close(&p, &telling.cycles[i])) {
			show(&p);
			show_cycle(&telling.cycles[i]);
			fail_msg("SEED=%llu: %s: told of %u threads, and no run closes the cycle",
				 (unsigned long long)seed, set->name, telling.cycles[i].count);
		}
	if (telling.count || can_deadlock(&p, &figures->states)) {
		figures->deadlocks++;
		figures->told += telling.count != 0;
	}
}

static void test_set(void **state)
{
	const struct set *set = *state;
	uint64_t seed = from_environment("SEED", 1), count = from_environment("CASES", 0), at;
	struct dlw_arena arena = dlw_heap_arena();
	struct figures figures = { 0 };

	if (!count)
		count = 4000;
	for (at = 0; at < count; at++)
		try_one(seed + at, set, &figures, &arena);
	print_message("%s: %llu programs (SEED=%llu), %llu can deadlock, "
		      "%.1f %% of them told, %llu cycles, 0 false\n",
		      set->name, (unsigned long long)figures.programs, (unsigned long long)seed,
		      (unsigned long long)figures.deadlocks,
		      100.0 * (double)figures.told /
			      (double)(figures.deadlocks ? figures.deadlocks : 1),
		      (unsigned long long)figures.cycles);
	assert_true(figures.told * 100 >= figures.deadlocks * set->told_least);
	dlw_arena_release(&arena);
}

/* ---- what comes up again and again -------------------------------------------------------- */

#define WALK_STEPS 5000

/* Few locks and stacks, and guesses that are often wrong: taken in any way, given in any order. */
static void walk_takes(struct dlw_context *self, struct dice *dice)
{
	const uint32_t object = roll(dice, 4), stack = 1 + object / 2;

	if (dlw_hold_count(self) == 3 || dlw_hold_find(self, address_of(object)) >= 0)
		return;
	tread(self, 0, address_of(object));
	locks[object].mutex.__data.__owner = tid;
	if (dlw_hold_count(self) && chance(dice, 80))
		lock_by_hook(self, 0, object, stack);
	else
		dlw_hold_push(self, DLW_MUTEX, DLW_EXCLUSIVE, address_of(object), stack,
			      chance(dice, 70) ? DLW_FORM_BLOCKING : DLW_FORM_TRY);
	check_chain(self, 0);
}

static void walk_gives(struct dlw_context *self, struct dice *dice)
{
	const uint32_t count = dlw_hold_count(self);
	const uint32_t depth = count && chance(dice, 15) ? roll(dice, count) : 0;

	if (!count)
		return;
	((pthread_mutex_t *)(uintptr_t)dlw_hold_at(self, depth)->address)->__data.__owner = 0;
	dlw_hold_drop(self, depth);
}

static void what_comes_up_again_is_what_is_held(void **state)
{
	uint64_t seed = from_environment("SEED", 1);
	struct dlw_context *self = &contexts[0];
	struct dice dice;
	uint32_t walk, i;

	(void)state;
	for (walk = 0; walk < 200; walk++) {
		dice = dice_of(seed + walk);
		start_process();
		start_thread(0);
		for (i = 0; i < WALK_STEPS; i++) {
			if (chance(&dice, 50))
				walk_takes(self, &dice);
			else
				walk_gives(self, &dice);
			if (roll(&dice, 1000) == 0)
				dlw_edge_met(self);
			if (roll(&dice, 2000) == 0)
				dlw_nest_changed();
		}
		assert_true(memory.segment.nestings_noted > 20);
	}
}

/* ---- handlers that take and give locks in the middle of a hook ----------------------------- */

enum { LOWER = 0x1000, MINE = 0x2000, OTHERS = 0x3000 };

static void push(struct dlw_context *self, uint64_t address)
{
	dlw_hold_push(self, DLW_CUSTOM, DLW_EXCLUSIVE, address, 1, DLW_FORM_BLOCKING);
}

static void pop(struct dlw_context *self)
{
	dlw_hold_drop(self, 0);
}

/* What a handler does between a hook's writing a hold down and its counting it. */
static void handler(struct dlw_context *self, int gives, int takes, int gives_back)
{
	while (gives--)
		pop(self);
	for (int i = 0; i < takes; i++)
		push(self, OTHERS + (uint64_t)i);
	while (gives_back--)
		pop(self);
}

static void check_holds(const struct dlw_context *self, uint32_t lower, uint32_t others)
{
	uint32_t i;

	assert_int_equal(dlw_hold_count(self), lower + others + 1);
	for (i = 0; i < lower; i++)
		assert_int_equal(self->holds[i].address, LOWER + i);
	for (i = 0; i < others; i++)
		assert_int_equal(self->holds[lower + i].address, OTHERS + i);
	assert_int_equal(self->holds[lower + others].address, MINE);
	assert_int_equal(self->holds[lower + others].stack, 7);
	assert_int_equal(self->holds[lower + others].kind, DLW_CUSTOM);
}

static void try_handler(uint32_t lower, int gives, int takes, int gives_back)
{
	const uint64_t word = dlw_hold_word(DLW_CUSTOM, DLW_EXCLUSIVE, 7, 0);
	struct dlw_context *self = &contexts[0];
	uint64_t holding;
	uint32_t i;

	start_process();
	dlw_options.predict = false;
	start_thread(0);
	for (i = 0; i < lower; i++)
		push(self, LOWER + i);
	self->open = self->way = DLW_WAY_SHORT;
	holding = dlw_hold_now(self->record);
	dlw_hold_fill(&self->holds[lower], MINE, word);
	handler(self, gives, takes, gives_back);
	if (!dlw_hold_counts(self->record, holding))
		dlw_hold_put_right(self, MINE, word);
	else
		assert_true(!gives && !takes);
	check_holds(self, lower - (uint32_t)gives, (uint32_t)(takes - gives_back));
}

static void a_hold_is_in_its_place_whatever_a_handler_did(void **state)
{
	uint32_t lower;

	(void)state;
	for (lower = 1; lower < DLW_INLINE_HOLDS; lower++) {
		try_handler(lower, 0, 0, 0);
		try_handler(lower, 0, 1, 1);
		try_handler(lower, 0, 1, 0);
		try_handler(lower, 1, 0, 0);
		try_handler(lower, 1, 1, 0);
		try_handler(lower, 0, DLW_INLINE_HOLDS, 0);
		try_handler(lower, 0, DLW_INLINE_HOLDS, DLW_INLINE_HOLDS);
	}
}

int main(void)
{
	struct CMUnitTest tests[SETS + 2] = {
		[SETS] = cmocka_unit_test(a_hold_is_in_its_place_whatever_a_handler_did),
		[SETS + 1] = cmocka_unit_test(what_comes_up_again_is_what_is_held)
	};
	size_t i;

	for (i = 0; i < SETS; i++)
		tests[i] =
			(struct CMUnitTest){ sets[i].name, test_set, NULL, NULL, (void *)&sets[i] };
	return cmocka_run_group_tests_name("nestings", tests, NULL, NULL);
}
