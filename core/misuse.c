/*
 * core/misuse.c - a misuse in words
 *
 * The state made here has the thread that did it, at most one other, and the
 * objects of the note: enough for everything that shows findings.
 */
#include "core/misuse.h"

#include <string.h>

#include "core/finding.h"
#include "core/site.h"

struct teller {
	struct dlw_text text;
	const struct dlw_misuse *note;
	const struct dlw_state *state;
	const struct dlw_finding *finding;
};

#define say(teller, ...) dlw_text_add(&(teller)->text, __VA_ARGS__)

/* ---- which sorts ------------------------------------------------------------------ */

static bool parse_word(const char *word, size_t length, uint32_t *sorts)
{
	static const struct {
		const char *word;
		uint32_t sorts;
	} groups[] = { { "default", DLW_MISUSE_DEFAULT }, { "all", DLW_MISUSE_ALL }, { "off", 0 } };
	uint32_t i;

	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (strlen(groups[i].word) == length && !memcmp(groups[i].word, word, length)) {
			*sorts |= groups[i].sorts;
			return true;
		}
	for (i = 1; i < DLW_MISUSE_COUNT; i++)
		if (strlen(dlw_misuse_word(i)) == length &&
		    !memcmp(dlw_misuse_word(i), word, length)) {
			*sorts |= 1u << i;
			return true;
		}
	return false;
}

bool dlw_misuse_parse(const char *text, size_t length, uint32_t *sorts)
{
	const char *end = text + length, *comma;
	uint32_t found = 0;

	do {
		comma = memchr(text, ',', (size_t)(end - text));
		if (!parse_word(text, (size_t)((comma ? comma : end) - text), &found))
			return false;
		text = comma + 1;
	} while (comma);
	*sorts = found;
	return true;
}

/* ---- the state -------------------------------------------------------------------- */

struct place {
	struct dlw_process_state process;
	struct dlw_thread_state threads[2];
	struct dlw_resource_state resources[3];
	struct dlw_hold hold;
	uint32_t core[2], shown[3];
};

static enum dlw_mode mode_of_want(enum dlw_kind kind)
{
	switch (kind) {
	case DLW_SEMAPHORE:
		return DLW_PERMIT;
	case DLW_CONDITION:
		return DLW_SIGNAL;
	case DLW_BARRIER:
		return DLW_ARRIVE;
	default:
		return DLW_EXCLUSIVE;
	}
}

static void place_object(struct place *place, struct dlw_state *state, enum dlw_kind kind,
			 uint64_t address)
{
	if (!address)
		return;
	place->shown[state->resource_count] = state->resource_count;
	place->resources[state->resource_count++] = (struct dlw_resource_state){
		.kind = kind, .address = address, .subject = DLW_NONE
	};
}

static void place_objects(struct place *place, struct dlw_state *state,
			  const struct dlw_misuse_seen *seen)
{
	const struct dlw_misuse *note = seen->note;

	place_object(place, state, note->kind, note->address);
	place->resources[0].type = note->type;
	place->resources[0].traits = note->traits;
	place->resources[0].name = seen->name && *seen->name ? seen->name : NULL;
	place->resources[0].init_stack = seen->init_stack;
	place_object(place, state, note->second_kind, note->second);
	place_object(place, state, DLW_MUTEX, note->third);
}

/* The one who holds it, or waits for it; perhaps the thread itself. */
static void place_other(struct place *place, struct dlw_state *state,
			const struct dlw_misuse_seen *seen)
{
	const struct dlw_misuse *note = seen->note;
	uint32_t who = note->other_tid != note->tid;

	if (!note->other_tid)
		return;
	if (who)
		place->threads[state->thread_count++] = (struct dlw_thread_state){
			.tid = note->other_tid, .name = note->other,
			.want = { .resource = DLW_NONE, .mutex = DLW_NONE },
		};
	if (note->mode) {
		place->hold = (struct dlw_hold){
			.thread = who,
			.resource = note->sort == DLW_RANK_BROKEN && note->second ? 1 : 0,
			.mode = note->mode, .count = 1, .stack = seen->other_stack,
		};
		state->hold_count = 1;
		return;
	}
	place->threads[who].life = DLW_WAITING;
	place->threads[who].want = (struct dlw_want){
		.resource = 0, .mode = mode_of_want(note->kind),
		.mutex = note->third ? state->resource_count - 1 : DLW_NONE,
		.stack = seen->other_stack,
	};
}

static void make_state(struct place *place, struct dlw_state *state,
		       const struct dlw_misuse_seen *seen)
{
	const struct dlw_misuse *note = seen->note;

	place->process = *seen->process;
	place->threads[0] = (struct dlw_thread_state){
		.tid = note->tid, .name = note->thread,
		.want = { .resource = DLW_NONE, .mutex = DLW_NONE, .stack = seen->stack },
	};
	*state = (struct dlw_state){
		.processes = &place->process, .process_count = 1,
		.threads = place->threads, .thread_count = 1,
		.resources = place->resources, .holds = &place->hold,
		.now_ns = seen->now_ns,
	};
	place_objects(place, state, seen);
	place_other(place, state, seen);
	place->core[1] = 1;
}

/* ---- words ------------------------------------------------------------------------- */

static void thread(struct teller *teller, uint32_t number)
{
	dlw_say_thread(&teller->text, teller->state, number);
}

static void object(struct teller *teller, uint32_t number)
{
	dlw_say_resource(&teller->text, teller->state, teller->finding, number);
}

static void site(struct teller *teller, const struct dlw_stack *stack)
{
	dlw_say_site(&teller->text, &teller->state->processes[0], stack);
}

static bool has_other(const struct teller *teller)
{
	return teller->state->thread_count > 1;
}

static bool mutual_exclusion(struct teller *teller)
{
	switch (teller->note->sort) {
	case DLW_UNLOCK_BY_STRANGER:
		object(teller, 0);
		say(teller, " is free although ");
		thread(teller, 1);
		say(teller, ", who took it, still counts on it");
		return false;
	case DLW_UNLOCK_UNLOCKED:
	case DLW_UNLOCK_REFUSED:
		if (!has_other(teller)) {
			object(teller, 0);
			say(teller, " was not held by anybody");
			return false;
		}
		break;
	case DLW_DESTROY_HELD:
		object(teller, 0);
		say(teller, " is no lock any more while it is held: it excludes nobody");
		return false;
	case DLW_SEMAPHORE_OVERFLOW:
		object(teller, 0);
		say(teller, " has all the permits it can have: it excludes nobody");
		return false;
	case DLW_DESTROY_WAITED:
	case DLW_TWO_MUTEXES:
		object(teller, 0);
		say(teller, " is waited for by ");
		thread(teller, 1);
		return true;
	default:
		break;
	}
	object(teller, 0);
	if (teller->state->hold_count && teller->state->holds[0].resource == 0) {
		say(teller, " is held by ");
		thread(teller, teller->state->holds[0].thread);
	} else {
		say(teller, " admits one thread at a time");
	}
	return true;
}

static bool hold_and_wait(struct teller *teller)
{
	if (teller->note->sort == DLW_RANK_BROKEN) {
		thread(teller, 0);
		say(teller, " holds ");
		object(teller, 1);
		say(teller, " while it takes ");
		object(teller, 0);
		return true;
	}
	say(teller, "nobody is known to hold one lock here while waiting for another");
	return false;
}

static bool no_preemption(struct teller *teller)
{
	if (teller->note->sort == DLW_UNLOCK_BY_STRANGER ||
	    teller->note->sort == DLW_DESTROY_HELD) {
		object(teller, 0);
		say(teller, " was taken away from ");
		thread(teller, teller->state->hold_count ? teller->state->holds[0].thread : 0);
		say(teller, ", who had not given it back");
		return false;
	}
	if (teller->note->error) {
		say(teller, "the call returned an error instead of waiting");
		return false;
	}
	say(teller, "nothing was taken away from its holder");
	return true;
}

static bool circular_wait(struct teller *teller)
{
	say(teller, teller->note->sort == DLW_RANK_BROKEN
			    ? "nobody was waiting; with a thread that takes them in the order of "
			      "their ranks there can be a circle"
			    : "no thread waits for another one in a circle");
	return false;
}

static bool explain(struct teller *teller, struct dlw_finding *finding, struct dlw_arena *arena)
{
	static bool (*const evidence[DLW_COFFMAN_COUNT])(struct teller * teller) = {
		[DLW_MUTUAL_EXCLUSION] = mutual_exclusion,
		[DLW_HOLD_AND_WAIT] = hold_and_wait,
		[DLW_NO_PREEMPTION] = no_preemption,
		[DLW_CIRCULAR_WAIT] = circular_wait,
	};
	int i;

	for (i = 0; i < DLW_COFFMAN_COUNT; i++) {
		teller->text = (struct dlw_text){ .arena = arena };
		finding->coffman[i].holds = evidence[i](teller);
		finding->coffman[i].evidence = dlw_text_end(&teller->text);
		if (!finding->coffman[i].evidence)
			return false;
	}
	return true;
}

/* ---- advice: what is wrong, then the cure -------------------------------------------- */

static const char *cure_of(enum dlw_misuse_sort sort)
{
	switch (sort) {
	case DLW_UNLOCK_BY_STRANGER:
		return "Only the thread that locked a lock may unlock it: let it do so itself, or "
		       "use a semaphore, which anybody may post.";
	case DLW_UNLOCK_UNLOCKED:
		return "Look for a path that unlocks twice, or one that unlocks after a lock that "
		       "failed; one lock call and one unlock call in the same function (RAII) "
		       "cannot go wrong.";
	case DLW_UNLOCK_REFUSED:
		return "The lock stays as it was. Unlock only in the thread that locked it, once "
		       "for each time, and look at what the call returns.";
	case DLW_DESTROY_HELD:
		return "Destroy a lock only when every thread that can use it has been joined, and "
		       "after the last unlock.";
	case DLW_DESTROY_WAITED:
		return "Wake those who wait and wait until they have gone (join them, or count "
		       "them out) before destroying what they wait for.";
	case DLW_THREAD_ENDED_HOLDING:
		return "Release it on every way out of the thread (RAII, pthread_cleanup_push); "
		       "whoever wants it now waits for ever.";
	case DLW_PROCESS_ENDED_HOLDING:
		return "Release it before the process ends, or make the mutex robust "
		       "(PTHREAD_MUTEX_ROBUST) and handle EOWNERDEAD; another process that wants it "
		       "waits for ever.";
	case DLW_RELOCK:
		return "Give the function that is called a variant for callers that hold the lock, "
		       "release it before, or make the mutex recursive; do not pass over the error.";
	case DLW_TWO_MUTEXES:
		return "Wait on a condition with one and the same mutex in all threads: the one "
		       "that protects its predicate.";
	case DLW_SEMAPHORE_OVERFLOW:
		return "Post only for a permit that was taken, or for an event that a waiter will "
		       "use up; a post in a loop that nobody waits for adds up.";
	case DLW_RANK_BROKEN:
		return "Take locks in rising order of their ranks, or release the higher one "
		       "first.";
	default:
		return "";
	}
}

static void say_deed(struct teller *teller)
{
	static const char *const deeds[DLW_MISUSE_COUNT] = {
		[DLW_UNLOCK_BY_STRANGER] = " unlocked ",
		[DLW_UNLOCK_UNLOCKED] = " unlocked ",
		[DLW_UNLOCK_REFUSED] = " tried to unlock ",
		[DLW_DESTROY_HELD] = " destroyed ",
		[DLW_DESTROY_WAITED] = " destroyed ",
		[DLW_THREAD_ENDED_HOLDING] = " ended without releasing ",
		[DLW_PROCESS_ENDED_HOLDING] = " of a process that has ended did not release ",
		[DLW_RELOCK] = " locked again ",
		[DLW_TWO_MUTEXES] = " waited on ",
		[DLW_SEMAPHORE_OVERFLOW] = " posted ",
		[DLW_RANK_BROKEN] = " took ",
	};
	const struct dlw_stack *stack = &teller->state->threads[0].want.stack;

	thread(teller, 0);
	say(teller, "%s", deeds[teller->note->sort]);
	object(teller, 0);
	if (stack->depth) {
		say(teller, " at ");
		site(teller, stack);
	}
}

static void say_circumstance(struct teller *teller)
{
	const struct dlw_state *state = teller->state;
	const struct dlw_hold *hold = state->hold_count ? &state->holds[0] : NULL;

	if (teller->note->sort == DLW_TWO_MUTEXES) {
		say(teller, " with ");
		object(teller, 1);
		say(teller, " while ");
		thread(teller, 1);
		say(teller, " waited on it with ");
		object(teller, 2);
	} else if (hold && hold->thread == 0) {
		say(teller, teller->note->sort == DLW_RANK_BROKEN ? ", while it held "
								  : ", which it took");
		if (teller->note->sort == DLW_RANK_BROKEN)
			object(teller, 1);
		if (hold->stack.depth) {
			say(teller, teller->note->sort == DLW_RANK_BROKEN ? ", taken at " : " at ");
			site(teller, &hold->stack);
		}
	} else if (hold) {
		say(teller, ", held by ");
		thread(teller, hold->thread);
		if (hold->stack.depth) {
			say(teller, " since ");
			site(teller, &hold->stack);
		}
	} else if (has_other(teller)) {
		say(teller, " while ");
		thread(teller, 1);
		say(teller, " waited for it");
	}
}

static bool advise(struct teller *teller, struct dlw_finding *finding, struct dlw_arena *arena)
{
	teller->text = (struct dlw_text){ .arena = arena };
	say_deed(teller);
	say_circumstance(teller);
	say(teller, ". %s", cure_of(teller->note->sort));
	finding->advice = dlw_text_end(&teller->text);
	return finding->advice;
}

/* ---- the whole ----------------------------------------------------------------------- */

/* Sort, kind and place alone: who held it at that moment is chance. */
static void fingerprint(struct dlw_finding *finding, const struct dlw_misuse_seen *seen)
{
	const struct dlw_stack *stack = seen->stack.depth ? &seen->stack : &seen->other_stack;
	uint64_t hash = dlw_hash_number(DLW_HASH_START, DLW_MISUSE);
	int i;

	hash = dlw_hash_number(hash, seen->note->sort);
	hash = dlw_hash_number(hash, seen->note->kind);
	hash = dlw_hash_site(hash, seen->process, stack);
	for (i = 0; i < 16; i++, hash <<= 4)
		finding->fingerprint[i] = "0123456789abcdef"[hash >> 60];
	finding->fingerprint[16] = '\0';
}

static bool is_note(const struct dlw_misuse *note)
{
	return note->sort > DLW_NO_MISUSE && note->sort < DLW_MISUSE_COUNT &&
	       note->kind < DLW_KIND_COUNT && note->second_kind < DLW_KIND_COUNT &&
	       note->type < DLW_TYPE_COUNT && note->mode < DLW_MODE_COUNT && note->address &&
	       note->error >= 0 && (note->sort != DLW_TWO_MUTEXES || (note->second && note->third)) &&
	       (note->sort != DLW_RANK_BROKEN || note->second) &&
	       ((note->sort != DLW_UNLOCK_BY_STRANGER && note->sort != DLW_DESTROY_WAITED &&
		 note->sort != DLW_TWO_MUTEXES) ||
		(note->other_tid && note->other_tid != note->tid)) &&
	       !note->thread[sizeof(note->thread) - 1] && !note->other[sizeof(note->other) - 1];
}

bool dlw_misuse_finding(const struct dlw_misuse_seen *seen, struct dlw_arena *arena,
			struct dlw_state *state, struct dlw_finding *finding)
{
	struct teller teller = { .note = seen->note, .state = state, .finding = finding };
	struct place *place;

	if (!is_note(seen->note))
		return false;
	place = dlw_arena_take(arena, sizeof(*place));
	if (!place)
		return false;
	make_state(place, state, seen);
	*finding = (struct dlw_finding){
		.kind = DLW_MISUSE,
		.verdict = DLW_CERTAIN,
		.core = place->core,
		.core_count = state->thread_count,
		.resources = place->shown,
		.resource_count = state->resource_count,
		.core_resource_count = 1,
		.misuse = seen->note->sort,
		.misuse_count = seen->note->count ? seen->note->count : 1,
		.misuse_error = seen->note->error,
	};
	fingerprint(finding, seen);
	return explain(&teller, finding, arena) && advise(&teller, finding, arena);
}
