/*
 * analyzer/log_prediction.c - the deadlocks that a log's run did not have
 *
 * Of every cycle that the engine hands back a small state is made, with the
 * threads and locks of that cycle alone, and of the state a finding.
 */
#include "analyzer/log_prediction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "analyzer/log_memory.h"
#include "analyzer/log_progress.h"
#include "analyzer/log_trace.h"
#include "analyzer/findings.h"
#include "analyzer/memory.h"
#include "analyzer/names.h"
#include "core/finding_json.h"
#include "core/inversion.h"

/** A lock that a deadlock found in the log was about, or the fingerprint of an inversion told. */
struct known {
	char *key;
	UT_hash_handle hh;
};

struct dlw_log_prediction {
	struct dlw_replay *replay;
	struct dlw_predict_options options;
	struct dlw_arena memory, scratch,
		arena; /* trace and result; of the engine; of one finding */
	struct dlw_log_trace *traced;
	struct dlw_prediction result;
	struct dlw_state moment; /* the end of the log: its processes */
	struct known *found, *printed;
	/* in the cycle that is written down, if it is there: by object and by thread */
	uint32_t *resource_numbers, *thread_numbers;
	uint32_t feasible, unresolved;
};

struct dlw_log_prediction *dlw_log_prediction_new(struct dlw_replay *replay, bool explain)
{
	struct dlw_log_prediction *prediction = dlw_log_allocate(1, sizeof(*prediction));

	prediction->replay = replay;
	prediction->options = (struct dlw_predict_options)DLW_PREDICT_DEFAULTS;
	prediction->options.explain = explain;
	prediction->memory = dlw_heap_arena();
	prediction->scratch = dlw_heap_arena();
	prediction->arena = dlw_heap_arena();
	prediction->traced = dlw_log_trace_new(replay, &prediction->memory);
	return prediction;
}

static bool has_only_orders(const struct dlw_replay *replay)
{
	uint32_t at;

	for (at = 0; at < replay->source_count; at++)
		if (replay->sources[at]->defined.recording == DLW_RECORDING_ORDER)
			return true;
	return false;
}

void dlw_log_prediction_before(struct dlw_log_prediction *prediction)
{
	dlw_log_trace_before(prediction->traced);
}

void dlw_log_prediction_after(struct dlw_log_prediction *prediction,
			      const struct dlw_cursor *thread)
{
	dlw_log_trace_after(prediction->traced, thread);
}

/* ---- what is known already ---------------------------------------------------------- */

static bool is_known(struct known **all, const char *key)
{
	struct known *known;

	HASH_FIND_STR(*all, key, known);
	if (known)
		return true;
	known = dlw_log_allocate(1, sizeof(*known));
	known->key = dlw_copy(key);
	HASH_ADD_KEYPTR(hh, *all, known->key, strlen(known->key), known);
	return false;
}

static void forget(struct known **all)
{
	struct known *known, *next;

	HASH_ITER(hh, *all, known, next) {
		HASH_DEL(*all, known);
		free(known->key);
		free(known);
	}
}

/** lock_of() - what thread @at of the core waits for; for free(), NULL: there is no such thread */
static char *lock_of(const json_t *finding, size_t at)
{
	const json_t *thread = json_array_get(json_object_get(finding, "core"), at), *resource;

	if (!thread)
		return NULL;
	resource = dlw_finding_resource(finding,
					dlw_text(json_object_get(thread, "wants"), "resource"));
	/* a lock has an address, the end of a thread a name */
	return dlw_print("%s/%s/%s", dlw_text(resource, "kind"), dlw_text(resource, "address"),
			 strcmp(dlw_text(resource, "kind"), "thread") == 0
				 ? dlw_text(resource, "name")
				 : "");
}

static bool are_found(const struct dlw_log_prediction *prediction, const json_t *finding)
{
	struct known *known = NULL;
	size_t at = 0;
	char *lock;

	while ((lock = lock_of(finding, at++))) {
		HASH_FIND_STR(prediction->found, lock, known);
		free(lock);
		if (!known)
			return false;
	}
	return known;
}

/** has_happened() - all that the core waits for was waited for in deadlocks of the log */
static bool has_happened(const struct dlw_log_prediction *prediction, const char *line, size_t size)
{
	json_t *finding;
	bool happened;
	char *why;

	if (!prediction->found)
		return false;
	finding = dlw_finding_parse(line, size, &why);
	if (!finding) {
		free(why);
		return false; /* whoever reports it says what is wrong */
	}
	happened = are_found(prediction, finding);
	json_decref(finding);
	return happened;
}

void dlw_log_prediction_found(struct dlw_log_prediction *prediction, const char *line,
			      size_t length)
{
	const char *last;
	json_t *finding;
	char *why, *lock;
	size_t at = 0;

	/* in front of it there may be lines on Python interpreters */
	while (length && line[length - 1] == '\n')
		length--;
	last = memrchr(line, '\n', length);
	if (last) {
		length -= (size_t)(last + 1 - line);
		line = last + 1;
	}
	finding = dlw_finding_parse(line, length, &why);
	if (!finding) {
		free(why); /* whoever reports it says so */
		return;
	}
	while ((lock = lock_of(finding, at++))) {
		is_known(&prediction->found, lock);
		free(lock);
	}
	json_decref(finding);
}

/* ---- the state of one cycle ------------------------------------------------------------- */

struct cycle {
	struct dlw_log_prediction *prediction;
	const struct dlw_predicted *predicted;
	struct dlw_state state;
	struct dlw_thread_state *threads;
	const struct dlw_cursor **cursors; /* of each of them */
	struct dlw_resource_state *resources;
	uint32_t *numbers; /* in the trace, of each of them */
	struct dlw_hold *holds;
	uint32_t *members;
	struct dlw_inversion_step *steps;
	uint32_t step_count;
};

static void *take(struct cycle *cycle, size_t size, size_t count)
{
	void *memory = dlw_arena_take_array(&cycle->prediction->arena, size, count);

	if (!memory)
		dlw_out_of_memory();
	return memory;
}

static const struct dlw_cursor *cursor_of(const struct cycle *cycle, uint32_t thread)
{
	return cycle->prediction->traced->cursors[thread];
}

static struct dlw_stack stack_of(struct cycle *cycle, const struct dlw_source *source, uint32_t id)
{
	struct dlw_stack stack;

	if (!dlw_replay_stack(source, id, &cycle->prediction->arena, &stack))
		dlw_out_of_memory();
	return stack;
}

static uint32_t add_thread(struct cycle *cycle, const struct dlw_cursor *cursor)
{
	uint32_t number = cycle->state.thread_count++;
	struct dlw_thread_state *thread = &cycle->threads[number];
	uint32_t *noted = &cycle->prediction->thread_numbers[cursor->number];

	/* in a cycle of one thread it is there more than once: the first counts */
	if (*noted >= number || cycle->cursors[*noted] != cursor)
		*noted = number;

	cycle->cursors[number] = cursor;
	*thread = cycle->prediction->moment.threads[cursor->number];
	thread->life = DLW_LIVE;
	return number;
}

/* Somebody of whom only a step is told, or the end. */
static uint32_t other_thread(struct cycle *cycle, const struct dlw_cursor *cursor)
{
	uint32_t number = cycle->prediction->thread_numbers[cursor->number];

	if (number < cycle->state.thread_count && cycle->cursors[number] == cursor)
		return number;
	return add_thread(cycle, cursor);
}

static void describe(struct cycle *cycle, const struct dlw_traced_object *traced,
		     struct dlw_resource_state *resource)
{
	struct dlw_log_object defined;

	*resource = (struct dlw_resource_state){ .kind = traced->kind,
						 .process = traced->source->number };
	if (traced->position == DLW_NO_POSITION)
		return;
	dlw_log_object_at(&traced->source->defined, traced->position, &defined);
	resource->type = defined.type;
	resource->traits = defined.traits;
	resource->name = *defined.name ? defined.name : NULL;
	resource->address = defined.address;
	resource->initial = defined.initial;
	resource->initial_known = defined.initial_known;
	resource->init_stack = stack_of(cycle, traced->source, defined.init_stack);
}

static uint32_t resource_of(struct cycle *cycle, uint32_t object)
{
	const struct dlw_traced_object *traced = &cycle->prediction->traced->objects[object];
	struct dlw_resource_state *resource;
	uint32_t number = cycle->prediction->resource_numbers[object];

	if (number < cycle->state.resource_count && cycle->numbers[number] == object)
		return number;
	number = cycle->state.resource_count++;
	cycle->prediction->resource_numbers[object] = number;
	cycle->numbers[number] = object;
	resource = &cycle->resources[number];
	describe(cycle, traced, resource);
	if (traced->thread) {
		resource->subject = other_thread(cycle, traced->thread);
		resource->name = *cycle->threads[resource->subject].name
					 ? cycle->threads[resource->subject].name
					 : NULL;
	}
	return number;
}

static uint32_t at_most(uint64_t count)
{
	return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static void add_hold(struct cycle *cycle, uint32_t thread, const struct dlw_predicted_hold *held)
{
	const struct dlw_source *source = cycle->cursors[thread]->source;
	uint32_t seen = at_most(held->seen);

	cycle->holds[cycle->state.hold_count++] = (struct dlw_hold){
		.thread = thread,
		.resource = resource_of(cycle, held->object),
		.mode = held->mode,
		.count = seen ? seen : 1,
		.stack = stack_of(cycle, source, held->place),
	};
}

static void add_member(struct cycle *cycle, uint32_t at)
{
	const struct dlw_predicted_member *member = &cycle->predicted->members[at];
	uint32_t thread = cycle->members[at], i;

	cycle->threads[thread].life = DLW_WAITING;
	cycle->threads[thread].want = (struct dlw_want){
		.resource = resource_of(cycle, member->object),
		.mode = member->mode,
		.mutex = DLW_NONE,
		.flags = member->form == DLW_FORM_TIMED ? DLW_WANT_TIMED : 0,
		.stack = stack_of(cycle, cycle->cursors[thread]->source, member->place),
	};
	for (i = 0; i < member->hold_count; i++)
		add_hold(cycle, thread, &member->holds[i]);
}

/* ---- the schedule ----------------------------------------------------------------------------- */

static void add_step(struct cycle *cycle, const struct dlw_witness_step *witness)
{
	struct dlw_inversion_step *step = &cycle->steps[cycle->step_count++];

	*step = (struct dlw_inversion_step){
		.thread = other_thread(cycle, cursor_of(cycle, witness->thread)),
		.does = dlw_trace_op_word(witness->op),
		.resource = DLW_NONE,
		.mode = witness->mode,
	};
	step->stack = stack_of(cycle, cycle->cursors[step->thread]->source, witness->place);
	if (witness->object != DLW_NONE)
		step->resource = resource_of(cycle, witness->object);
}

/* In the end every member wants. */
static void add_wish(struct cycle *cycle, uint32_t at)
{
	const struct dlw_want *want = &cycle->threads[cycle->members[at]].want;

	cycle->steps[cycle->step_count++] = (struct dlw_inversion_step){
		.thread = cycle->members[at],
		.does = dlw_trace_op_word(DLW_TRACE_WANT),
		.resource = want->resource,
		.mode = want->mode,
		.stack = want->stack,
	};
}

static void make_room(struct cycle *cycle)
{
	const struct dlw_predicted *predicted = cycle->predicted;
	size_t things = predicted->count + predicted->witness_count + 1, holds = 0;
	uint32_t i;

	for (i = 0; i < predicted->count; i++)
		holds += predicted->members[i].hold_count;
	things += holds;
	/* every thing may be the end of one more thread */
	cycle->threads = take(cycle, sizeof(*cycle->threads), 2 * things);
	cycle->cursors = take(cycle, sizeof(*cycle->cursors), 2 * things);
	cycle->resources = take(cycle, sizeof(*cycle->resources), things);
	cycle->numbers = take(cycle, sizeof(*cycle->numbers), things);
	cycle->holds = take(cycle, sizeof(*cycle->holds), holds);
	cycle->members = take(cycle, sizeof(*cycle->members), predicted->count);
	cycle->steps = take(cycle, sizeof(*cycle->steps),
			    predicted->witness_count + (size_t)predicted->count);
}

static void build_state(struct cycle *cycle)
{
	const struct dlw_predicted *predicted = cycle->predicted;
	uint32_t i;

	make_room(cycle);
	cycle->state = cycle->prediction->moment;
	cycle->state.thread_count = cycle->state.resource_count = cycle->state.hold_count = 0;
	cycle->state.releaser_count = 0;
	cycle->state.threads = cycle->threads;
	cycle->state.resources = cycle->resources;
	cycle->state.holds = cycle->holds;
	for (i = 0; i < predicted->count; i++)
		cycle->members[i] =
			add_thread(cycle, cursor_of(cycle, predicted->members[i].thread));
	for (i = 0; i < predicted->count; i++)
		add_member(cycle, i);
	for (i = 0; i < predicted->witness_count; i++)
		add_step(cycle, &predicted->witness[i]);
	for (i = 0; i < predicted->count && predicted->verdict == DLW_FEASIBLE; i++)
		add_wish(cycle, i);
	cycle->state.reporter = cycle->threads[cycle->members[0]].process;
}

/* ---- the finding --------------------------------------------------------------------------------- */

static void put(void *context, const char *text, size_t length)
{
	if (fwrite(text, 1, length, context) != length)
		dlw_out_of_memory();
}

static void build_finding(struct cycle *cycle, struct dlw_inversion *inversion,
			  struct dlw_finding *finding)
{
	const struct dlw_predicted *predicted = cycle->predicted;

	build_state(cycle);
	*inversion = (struct dlw_inversion){
		.verdict = predicted->verdict,
		.because = predicted->because,
		.resource = predicted->object == DLW_NONE ? DLW_NONE
							  : resource_of(cycle, predicted->object),
		.members = cycle->members,
		.count = predicted->count,
		.steps = cycle->steps,
		.step_count = cycle->step_count,
		.steps_omitted = predicted->witness_omitted,
	};
	if (!dlw_inversion_build(finding, &cycle->state, inversion, &cycle->prediction->arena))
		dlw_out_of_memory();
}

/** write_finding() - one line of JSON, for free() */
static char *write_finding(const struct cycle *cycle, const struct dlw_finding *finding,
			   size_t *size)
{
	struct dlw_writer writer = { .put = put };
	char *line = NULL;
	FILE *out = open_memstream(&line, size);

	if (!out)
		dlw_out_of_memory();
	writer.context = out;
	dlw_finding_write_json(&cycle->state, finding, &writer);
	if (fclose(out))
		dlw_out_of_memory();
	return line;
}

static void hand_out(struct dlw_log_prediction *prediction, const struct dlw_predicted *predicted,
		     dlw_finding_sink *sink, void *context)
{
	struct cycle cycle = { .prediction = prediction, .predicted = predicted };
	struct dlw_inversion inversion;
	struct dlw_finding finding;
	struct known *printed;
	size_t size;
	char *line;

	build_finding(&cycle, &inversion, &finding);
	/* its like was told */
	HASH_FIND_STR(prediction->printed, finding.fingerprint, printed);
	if (printed)
		return;
	line = write_finding(&cycle, &finding, &size);
	/* it did not happen in this very log */
	if (!has_happened(prediction, line, size)) {
		is_known(&prediction->printed, finding.fingerprint);
		prediction->feasible += predicted->verdict == DLW_FEASIBLE;
		prediction->unresolved += predicted->verdict == DLW_UNRESOLVED;
		sink(context, line, size);
	}
	free(line);
}

static void show_progress(void *context, uint64_t cycles)
{
	dlw_log_progress_cycles(context, cycles);
}

void dlw_log_prediction_finish(struct dlw_log_prediction *prediction, dlw_finding_sink *sink,
			       void *context)
{
	struct dlw_log_progress progress;
	struct dlw_arena moment = dlw_heap_arena();
	uint32_t at;

	dlw_log_trace_end(prediction->traced);
	prediction->resource_numbers = dlw_log_allocate(prediction->traced->object_count + 1u,
							sizeof(uint32_t));
	prediction->thread_numbers = dlw_log_allocate(prediction->replay->cursor_count + 1u,
						      sizeof(uint32_t));
	prediction->options.orders_alone = has_only_orders(prediction->replay);
	prediction->options.working = show_progress;
	prediction->options.context = &progress;
	dlw_log_progress_begin(&progress, prediction->replay);
	if (!dlw_predict(prediction->traced->trace, &prediction->options, &prediction->memory,
			 &prediction->scratch, &prediction->result))
		dlw_out_of_memory();
	dlw_log_progress_end(&progress);
	if (!prediction->result.count)
		return;
	if (dlw_replay_state(prediction->replay, &moment, &prediction->moment) < 0)
		dlw_out_of_memory();
	for (at = 0; at < prediction->result.count; at++) {
		dlw_arena_reset(&prediction->arena);
		hand_out(prediction, &prediction->result.all[at], sink, context);
	}
	dlw_arena_release(&moment);
}

/* ---- what is said of it ----------------------------------------------------------------------------- */

uint32_t dlw_log_prediction_count(const struct dlw_log_prediction *prediction)
{
	return prediction->feasible;
}

static void add_note(json_t *notes, char *note)
{
	if (json_array_append_new(notes, json_string(note)))
		dlw_out_of_memory();
	free(note);
}

/** note_limits() - what was not looked for, and what was left out of what was found */
static void note_limits(const struct dlw_log_prediction *prediction, json_t *notes)
{
	const struct dlw_prediction *result = &prediction->result;

	if (result->cut)
		add_note(notes, dlw_print("not all cycles of lock orders were looked at: %llu were",
					  (unsigned long long)result->cycles));
	if (result->unexplained)
		add_note(notes, dlw_print("only the first %u kinds of cycles that can be no deadlock "
					  "are told",
					  prediction->options.explained_most));
	else if (result->longer)
		add_note(notes, dlw_copy("very long cycles that can be no deadlock were not "
					 "looked for"));
	if (result->shortened)
		add_note(notes, dlw_print("of %u cycles only the locks that make them are told, not "
					  "what else was held",
					  result->shortened));
}

void dlw_log_prediction_notes(const struct dlw_log_prediction *prediction, json_t *notes)
{
	struct dlw_trace_losses losses = dlw_trace_losses(prediction->traced->trace);

	if (losses.dropped)
		add_note(notes, dlw_print("the prediction saw the log only in part: %llu events did "
					  "not fit",
					  (unsigned long long)losses.dropped));
	note_limits(prediction, notes);
	if (prediction->unresolved)
		add_note(notes,
			 dlw_print("%u cycle%s of lock orders could be neither confirmed nor refuted "
				   "%s(--all shows them)",
				   prediction->unresolved, prediction->unresolved == 1 ? "" : "s",
				   prediction->options.orders_alone ?
					   "from a log of orders alone (log_mode=order) " :
					   ""));
	else if (prediction->options.orders_alone)
		add_note(notes, dlw_copy("no cycle in the lock orders; a log of orders alone "
					 "(log_mode=order) shows no others"));
}

void dlw_log_prediction_free(struct dlw_log_prediction *prediction)
{
	forget(&prediction->found);
	forget(&prediction->printed);
	dlw_log_trace_free(prediction->traced);
	free(prediction->resource_numbers);
	free(prediction->thread_numbers);
	dlw_arena_release(&prediction->arena);
	dlw_arena_release(&prediction->scratch);
	dlw_arena_release(&prediction->memory);
	free(prediction);
}
