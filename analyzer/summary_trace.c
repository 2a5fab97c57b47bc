/*
 * summary_trace.c - the orders of a summary, told to the prediction
 *
 * Every order is a thread of its own: it takes what is held, asks for what is
 * wanted, and gives all back. Two locks of one class are one object, so the
 * second one that is held is left out.
 */
#include "analyzer/summary_trace.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/log_memory.h"
#include "analyzer/memory.h"

/* --------------------------------------------------------------------- classes */

static enum dlw_kind kind_of(const json_t *lock)
{
	static const enum dlw_kind kinds[] = { DLW_MUTEX, DLW_RWLOCK, DLW_SPINLOCK, DLW_CUSTOM };
	size_t at;

	for (at = 0; at < sizeof(kinds) / sizeof(kinds[0]); at++)
		if (strcmp(dlw_text(lock, "kind"), dlw_kind_word(kinds[at])) == 0)
			return kinds[at];
	return DLW_NO_KIND;
}

static void note_object(struct dlw_summary_trace *traced, uint32_t number,
			struct dlw_summary_class *class)
{
	if (number == DLW_NONE)
		dlw_out_of_memory();
	while (traced->object_count <= number) {
		dlw_reserve(traced->objects, traced->object_count, traced->object_room);
		traced->objects[traced->object_count++] = class;
	}
}

static struct dlw_summary_class *class_of(struct dlw_summary_trace *traced, const json_t *lock)
{
	enum dlw_kind kind = kind_of(lock);
	const struct dlw_trace_object described = { .kind = kind, .life_known = true };
	char *key = dlw_print("%s %s", dlw_kind_word(kind), dlw_text(lock, "class"));
	struct dlw_summary_class *class;

	HASH_FIND_STR(traced->classes, key, class);
	if (class) {
		free(key);
		return class;
	}
	class = dlw_allocate(sizeof(*class));
	class->key = key;
	class->class = dlw_text(lock, "class");
	class->kind = kind;
	class->object = dlw_trace_object(traced->trace, &described);
	note_object(traced, class->object, class);
	HASH_ADD_KEYPTR(hh, traced->classes, class->key, strlen(class->key), class);
	return class;
}

/* ---------------------------------------------------------------------- orders */

static uint32_t place_of(struct dlw_summary_trace *traced, const json_t *lock)
{
	dlw_reserve(traced->locks, traced->lock_count, traced->lock_room);
	traced->locks[traced->lock_count] = lock;
	return traced->lock_count++;
}

static void tell(struct dlw_summary_trace *traced, uint32_t thread, const json_t *lock,
		 enum dlw_form form, uint64_t times)
{
	bool shared = strcmp(dlw_text(lock, "mode"), "shared") == 0;

	dlw_trace_add(traced->trace,
		      &(struct dlw_trace_event){ .op = DLW_TRACE_ACQUIRE,
						 .thread = thread,
						 .object = class_of(traced, lock)->object,
						 .mode = shared ? DLW_SHARED : DLW_EXCLUSIVE,
						 .form = form,
						 .place = place_of(traced, lock),
						 .times = times });
}

static void give_back(struct dlw_summary_trace *traced, uint32_t thread, const json_t *lock)
{
	dlw_trace_add(traced->trace,
		      &(struct dlw_trace_event){ .op = DLW_TRACE_RELEASE,
						 .thread = thread,
						 .object = class_of(traced, lock)->object });
}

/** is_first() - no lock before number @at is of its class */
static bool is_first(struct dlw_summary_trace *traced, const json_t *holds, size_t at)
{
	const struct dlw_summary_class *class = class_of(traced, json_array_get(holds, at));
	size_t before;

	for (before = 0; before < at; before++)
		if (class_of(traced, json_array_get(holds, before)) == class)
			return false;
	return true;
}

/** makes_sense() - every lock is one, and what is wanted is not held */
static bool makes_sense(const json_t *holds, const json_t *wants)
{
	const json_t *held;
	size_t at;

	if (!kind_of(wants))
		return false;
	json_array_foreach(holds, at, held)
		if (!kind_of(held) || strcmp(dlw_text(held, "class"), dlw_text(wants, "class")) == 0)
			return false;
	return true;
}

static void tell_order(struct dlw_summary_trace *traced, const json_t *entry)
{
	const json_t *order = json_object_get(entry, "order");
	const json_t *holds = json_object_get(order, "holds"), *held;
	const json_t *wants = json_object_get(order, "wants");
	uint32_t thread, token = traced->object_count; /* a thread's end is an object */
	size_t at;

	if (!makes_sense(holds, wants)) {
		traced->odd++;
		return;
	}
	thread = dlw_trace_thread(traced->trace);
	note_object(traced, thread == DLW_NONE ? DLW_NONE : token, NULL);
	json_array_foreach(holds, at, held)
		if (is_first(traced, holds, at))
			tell(traced, thread, held, DLW_FORM_TRY, 1);
	tell(traced, thread, wants, DLW_FORM_BLOCKING, (uint64_t)dlw_number(entry, "count"));
	give_back(traced, thread, wants);
	json_array_foreach(holds, at, held)
		if (is_first(traced, holds, at))
			give_back(traced, thread, held);
}

/* ----------------------------------------------------------------------- whole */

void dlw_summary_trace_make(struct dlw_summary_trace *traced, json_t *json)
{
	struct dlw_predict_options options = DLW_PREDICT_DEFAULTS;
	const json_t *entry;
	size_t at;

	*traced = (struct dlw_summary_trace){ .json = json };
	traced->memory = dlw_heap_arena();
	traced->scratch = dlw_heap_arena();
	traced->trace = dlw_trace_new(&traced->memory);
	if (!traced->trace)
		dlw_out_of_memory();
	place_of(traced, NULL); /* 0: nowhere */
	json_array_foreach(json_object_get(json, "orders"), at, entry)
		tell_order(traced, entry);
	options.explain = options.orders_alone = true;
	if (!dlw_predict(traced->trace, &options, &traced->memory, &traced->scratch,
			 &traced->result))
		dlw_out_of_memory();
}

void dlw_summary_trace_free(struct dlw_summary_trace *traced)
{
	struct dlw_summary_class *class, *next;

	HASH_ITER(hh, traced->classes, class, next)
	{
		HASH_DEL(traced->classes, class);
		free(class->key);
		free(class);
	}
	free(traced->objects);
	free(traced->locks);
	dlw_arena_release(&traced->scratch);
	dlw_arena_release(&traced->memory);
	json_decref(traced->json);
}

enum dlw_verdict dlw_summary_verdict(const struct dlw_summary_trace *traced,
				     const struct dlw_predicted *predicted,
				     enum dlw_because *because)
{
	*because = predicted->because;
	if (predicted->because == DLW_BECAUSE_GATE &&
	    strncmp(traced->objects[predicted->object]->class, "data:", 5) != 0) {
		*because = DLW_BECAUSE_ORDERS_ALONE;
		return DLW_UNRESOLVED;
	}
	return predicted->verdict;
}
