/*
 * core/watch/inversions.c - what processes have noted of their lock orders
 *
 * Looked at when there are new notes, and now and then while some cycle only
 * lacks moments that fit. A process is looked at alone: of what others do with
 * locks that they share, its notes say nothing, so those locks take part in
 * nothing here.
 */
#include <string.h>

#include "core/inversion.h"
#include "core/watch/nestings.h"
#include "core/watch/picture.h"
#include "core/watch/records.h"
#include "core/watch/told.h"

#define STEPS 300000u
#define COST_SHARE 20           /* one part in so many of our time, at most */
#define AGAIN_NS 1000000000ull  /* between looks for moments alone */
#define REFUSALS_MAX 64u        /* cycles looked at closely and not believed, in one look */

struct one_look {
	struct dlw_watch *watch;
	struct dlw_watched *watched;
	struct dlw_read_nestings read;
	struct dlw_process_state process;
	bool described, nameless;
	uint64_t refused[REFUSALS_MAX];
	uint32_t refusals;
	uint32_t found;
};

/* --------------------------------------------------------------------------- belief */

static const struct dlw_object *object_at(const struct one_look *look, uint64_t address)
{
	uint32_t i;

	for (i = 1; i <= look->watched->segment->objects.count; i++) {
		const struct dlw_object *object = dlw_record_object(look->watched, i);

		if (object && object->address == address)
			return object;
	}
	return NULL;
}

static bool in_module(const struct dlw_process_state *process, uint64_t address)
{
	uint32_t i;

	for (i = 0; i < process->module_count; i++)
		if (address >= process->modules[i].start && address < process->modules[i].end)
			return true;
	return false;
}

/**
 * is_one_lock() - what lies at that address has been one and the same lock all along
 *
 * Seen initialised, or where nothing else ever lies. Not one that a stranger
 * has unlocked, nor one that other processes have, too.
 */
static bool is_one_lock(const struct one_look *look, const struct dlw_nesting *lock)
{
	const struct dlw_object *object = object_at(look, lock->address);
	uint32_t traits = lock->traits | (object ? object->traits : 0);

	if (traits & (DLW_TRAIT_SHARED | DLW_TRAIT_DISTRUSTED))
		return false;
	return lock->life || in_module(&look->process, lock->address);
}

static bool describe_process(struct one_look *look)
{
	if (!look->described) {
		look->process = (struct dlw_process_state){ .pid = look->watched->segment->pid,
							    .exe = "" };
		look->nameless = !dlw_describe_noted(look->watch, look->watched, &look->process);
		look->described = true;
	}
	/* else it is gone, and nothing could be named, or not yet */
	return !look->nameless && look->process.module_count;
}

static bool is_believed(struct one_look *look, const uint32_t *members, uint32_t count)
{
	uint32_t i, k;

	if (!describe_process(look))
		return false;
	for (i = 0; i < count; i++)
		for (k = 0; k <= look->read.all[members[i]].held; k++)
			if (!is_one_lock(look, look->read.all[members[i]].locks[k]))
				return false;
	return true;
}

/* ------------------------------------------------------------------------- the finding */

struct cycle {
	struct one_look *look;
	const uint32_t *notes;
	uint32_t count;
	struct dlw_state state;
	struct dlw_thread_state *threads;
	struct dlw_resource_state *resources;
	uint32_t *numbers; /* of the resources' locks */
	struct dlw_hold *holds;
	uint32_t *members;
	struct dlw_inversion_step *steps;
	uint32_t step_count;
};

static bool make_room(struct cycle *cycle)
{
	struct dlw_arena *arena = &cycle->look->watch->picture;
	size_t locks = 0;
	uint32_t i;

	for (i = 0; i < cycle->count; i++)
		locks += cycle->look->read.all[cycle->notes[i]].held + 1ull;
	cycle->threads = dlw_arena_array(arena, struct dlw_thread_state, cycle->count);
	cycle->members = dlw_arena_array(arena, uint32_t, cycle->count);
	cycle->resources = dlw_arena_array(arena, struct dlw_resource_state, locks);
	cycle->numbers = dlw_arena_array(arena, uint32_t, locks);
	cycle->holds = dlw_arena_array(arena, struct dlw_hold, locks);
	cycle->steps = dlw_arena_array(arena, struct dlw_inversion_step, locks);
	return cycle->threads && cycle->members && cycle->resources && cycle->numbers &&
	       cycle->holds && cycle->steps;
}

static uint32_t resource_of(struct cycle *cycle, uint32_t note, uint32_t at)
{
	const struct dlw_nesting *lock = cycle->look->read.all[note].locks[at];
	uint32_t number = cycle->look->read.noted.nestings[note].locks[at].lock, i;
	const struct dlw_object *object = object_at(cycle->look, lock->address);
	struct dlw_resource_state *resource;

	for (i = 0; i < cycle->state.resource_count; i++)
		if (cycle->numbers[i] == number)
			return i;
	cycle->numbers[i] = number;
	resource = &cycle->resources[cycle->state.resource_count++];
	*resource = (struct dlw_resource_state){
		.kind = lock->kind,
		.type = lock->type,
		.traits = lock->traits,
		.address = lock->address,
		.subject = DLW_NONE,
	};
	if (object && (!lock->life || object->life == lock->life)) {
		resource->name = object->name ? dlw_record_at(cycle->look->watched, object->name, 1)
					      : NULL;
		resource->init_stack = dlw_record_stack(cycle->look->watched, object->init_stack);
	}
	return i;
}

/** times() - how often any thread wanted what @note wants while it held lock @at of it */
static uint32_t times(const struct one_look *look, uint32_t note, uint32_t at)
{
	const struct dlw_noted_nesting *all = look->read.noted.nestings, *one = &all[note];
	uint64_t sum = 0;
	uint32_t i, k;

	for (i = 0; i < look->read.noted.count; i++) {
		if (all[i].locks[0].lock != one->locks[0].lock)
			continue;
		for (k = 1; k <= all[i].held; k++)
			if (all[i].locks[k].lock == one->locks[at].lock)
				break;
		if (k <= all[i].held)
			sum += look->read.all[i].locks[0]->times;
	}
	return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

static void add_step(struct cycle *cycle, uint32_t thread, const char *does, uint32_t note,
		     uint32_t at, uint32_t resource)
{
	const struct dlw_nesting *lock = cycle->look->read.all[note].locks[at];

	cycle->steps[cycle->step_count++] = (struct dlw_inversion_step){
		.thread = thread,
		.does = does,
		.resource = resource,
		.mode = lock->mode,
		.stack = dlw_record_stack(cycle->look->watched, lock->stack),
	};
}

static void add_hold(struct cycle *cycle, uint32_t thread, uint32_t at)
{
	uint32_t note = cycle->notes[thread], resource = resource_of(cycle, note, at);
	uint32_t seen = times(cycle->look, note, at);
	const struct dlw_nesting *lock = cycle->look->read.all[note].locks[at];

	cycle->holds[cycle->state.hold_count++] = (struct dlw_hold){
		.thread = thread,
		.resource = resource,
		.mode = lock->mode,
		.count = seen ? seen : 1,
		.stack = dlw_record_stack(cycle->look->watched, lock->stack),
	};
	add_step(cycle, thread, dlw_trace_op_word(DLW_TRACE_ACQUIRE), note, at, resource);
}

static void add_member(struct cycle *cycle, uint32_t thread)
{
	uint32_t note = cycle->notes[thread], at;
	const struct dlw_read_nesting *from = &cycle->look->read.all[note];
	const struct dlw_nesting *wanted = from->locks[0];

	cycle->members[thread] = thread;
	cycle->threads[thread] = (struct dlw_thread_state){
		.tid = from->nester->tid,
		.name = from->nester->name,
		.life = DLW_WAITING,
		.want = {
			.resource = resource_of(cycle, note, 0),
			.mode = wanted->mode,
			.mutex = DLW_NONE,
			.stack = dlw_record_stack(cycle->look->watched, wanted->stack),
		},
	};
	for (at = 1; at <= from->held; at++)
		add_hold(cycle, thread, at);
}

static void add_wish(struct cycle *cycle, uint32_t thread)
{
	add_step(cycle, thread, dlw_trace_op_word(DLW_TRACE_WANT), cycle->notes[thread], 0,
		 cycle->threads[thread].want.resource);
}

static bool build_state(struct cycle *cycle)
{
	uint32_t i;

	if (!make_room(cycle))
		return false;
	for (i = 0; i < cycle->count; i++)
		add_member(cycle, i);
	for (i = 0; i < cycle->count; i++)
		add_wish(cycle, i);
	cycle->state.processes = &cycle->look->process;
	cycle->state.process_count = 1;
	cycle->state.threads = cycle->threads;
	cycle->state.thread_count = cycle->count;
	cycle->state.resources = cycle->resources;
	cycle->state.holds = cycle->holds;
	cycle->state.now_ns = dlw_record_now();
	return true;
}

/* ------------------------------------------------------------------------- telling */

static bool was_told(struct dlw_seen_cores *told, uint64_t key)
{
	uint32_t i;

	for (i = 0; i < told->count; i++)
		if (told->all[i].key == key)
			return true;
	return false;
}

static uint64_t text_key(const char *fingerprint)
{
	uint64_t key = 0;

	for (; *fingerprint; fingerprint++)
		key = (key ^ (uint8_t)*fingerprint) * 0x100000001b3u;
	return key;
}

/** tell() - a cycle that is believed; Return: false if memory ran out */
static bool tell(struct one_look *look, const uint32_t *notes, uint32_t count)
{
	struct cycle *cycle = dlw_arena_take(&look->watch->picture, sizeof(*cycle));
	struct dlw_inversion inversion = { .verdict = DLW_FEASIBLE, .resource = DLW_NONE };
	struct dlw_finding finding;
	uint64_t key;

	if (!cycle)
		return false;
	*cycle = (struct cycle){ .look = look, .notes = notes, .count = count };
	if (!build_state(cycle))
		return false;
	inversion.members = cycle->members;
	inversion.count = count;
	inversion.steps = cycle->steps;
	inversion.step_count = cycle->step_count;
	if (!dlw_inversion_build(&finding, &cycle->state, &inversion, &look->watch->picture))
		return false;
	key = text_key(finding.fingerprint);
	if (was_told(&look->watch->inversions, key))
		return true;
	dlw_seen_add(look->watch, &look->watch->inversions, key, DLW_FEASIBLE);
	if (!dlw_tell_first(look->watch->session, key))
		return true;
	look->watch->findings++;
	look->found++;
	look->watch->found(look->watch->context, &cycle->state, &finding);
	return true;
}

/** keys_of() - @alike: the same of two cycles that have the same fingerprint */
static uint64_t keys_of(const struct one_look *look, const uint32_t *members, uint32_t count,
			uint64_t *alike)
{
	uint64_t key = 0, one;
	uint32_t i, k;

	*alike = look->watched->segment->process_start;
	for (i = 0; i < count; i++) {
		const struct dlw_read_nesting *note = &look->read.all[members[i]];

		for (k = 0, one = count; k <= note->held; k++)
			one = (one ^ note->locks[k]->stack) * 0x9e3779b97f4a7c15u;
		*alike += one ^ one >> 29;
		for (k = 0; k <= note->held; k++)
			one = (one ^ note->locks[k]->address ^
			       (uint64_t)note->locks[k]->life << 40) *
			      0x9e3779b97f4a7c15u;
		key += one ^ one >> 29;
	}
	return key;
}

static bool was_refused(const struct one_look *look, uint64_t key)
{
	uint32_t i;

	for (i = 0; i < look->refusals; i++)
		if (look->refused[i] == key)
			return true;
	return false;
}

/** happened() - a deadlock over these very locks was reported */
static bool happened(const struct one_look *look, const uint32_t *members, uint32_t count)
{
	uint64_t key = 0;
	uint32_t i;

	for (i = 0; i < count; i++)
		key += dlw_lock_key(look->read.all[members[i]].locks[0]->address);
	return was_told(&look->watch->happened, key) || dlw_was_told(look->watch->session, key);
}

static bool consider(void *context, const uint32_t *members, uint32_t count)
{
	struct one_look *look = context;
	uint64_t alike, key = keys_of(look, members, count, &alike);

	if (was_told(&look->watch->inversions, alike) || was_refused(look, key))
		return true;
	if (happened(look, members, count) || !is_believed(look, members, count)) {
		look->refused[look->refusals++] = key;
		return look->refusals < REFUSALS_MAX;
	}
	dlw_seen_add(look->watch, &look->watch->inversions, alike, DLW_FEASIBLE);
	return tell(look, members, count);
}

/* -------------------------------------------------------------------------- looking */

/** is_worth_it() - there is news, and time */
static bool is_worth_it(const struct dlw_watched *watched, uint64_t now)
{
	if (now < watched->next_nestings_ns)
		return false;
	if (atomic_load_explicit(&watched->segment->nestings_noted, memory_order_acquire) !=
	    watched->nestings_seen)
		return true;
	return watched->nestings_open && now >= watched->nestings_ns + AGAIN_NS;
}

uint32_t dlw_watch_inversions_of(struct dlw_watch *watch, struct dlw_watched *watched)
{
	uint64_t now = dlw_record_now(), steps = STEPS;
	struct one_look *look;
	uint32_t found;

	watched->nestings_seen = atomic_load_explicit(&watched->segment->nestings_noted,
						      memory_order_acquire);
	if (!watched->nestings_seen)
		return 0;
	dlw_arena_reset(&watch->picture);
	look = dlw_arena_take(&watch->picture, sizeof(*look));
	if (!look)
		return 0;
	*look = (struct one_look){ .watch = watch, .watched = watched };
	if (!dlw_nestings_read(watched, &watch->picture, &look->read) ||
	    !dlw_predict_noted(&look->read.noted, &steps, &watched->nestings_open,
			       &watch->picture, consider, look) ||
	    !steps || look->refusals == REFUSALS_MAX)
		atomic_fetch_add(&watched->segment->coverage[DLW_LOST_NESTINGS], 1);
	if (look->read.torn)
		watched->nestings_seen--; /* so that there is news */
	found = look->found;
	if (watch->picture.give_back && dlw_arena_size(&watch->picture) > DLW_KEPT_PICTURE)
		dlw_arena_release(&watch->picture);
	watched->nestings_ns = now;
	watched->next_nestings_ns = now + (dlw_record_now() - now) * COST_SHARE;
	return found;
}

void dlw_watch_inversions(struct dlw_watch *watch)
{
	uint64_t now = dlw_record_now();
	uint32_t i;

	for (i = 0; i < watch->process_count; i++)
		if (!watch->processes[i].replaced && is_worth_it(&watch->processes[i], now))
			dlw_watch_inversions_of(watch, &watch->processes[i]);
}
