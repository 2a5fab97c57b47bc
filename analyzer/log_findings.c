/*
 * log_findings.c - the deadlocks in a log
 */
#include "analyzer/log_findings.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "analyzer/log_memory.h"
#include "core/finding_json.h"
#include "core/judge.h"

/* What the shim waits by default before it says 'stalled'. */
#define STALL_NS 1000000000u
#define SHORTEST_STALL_NS 1000000u

/** A finding that was handed out: its fingerprint and the threads of its core. */
struct seen {
	char *key;
	UT_hash_handle hh;
};

struct dlw_log_findings {
	struct dlw_replay *replay;
	dlw_finding_sink *sink;
	void *context;
	struct dlw_arena arena;
	struct seen *seen;
	uint32_t kept; /* handed out as the log had them */
};

struct dlw_log_findings *dlw_log_findings_new(struct dlw_replay *replay, dlw_finding_sink *sink,
					      void *context)
{
	struct dlw_log_findings *findings = dlw_log_allocate(1, sizeof(*findings));

	findings->replay = replay;
	findings->sink = sink;
	findings->context = context;
	findings->arena = dlw_heap_arena();
	return findings;
}

/** key_of() - equal for one deadlock looked at twice; for the caller to free() */
static char *key_of(const struct dlw_state *state, const struct dlw_finding *finding)
{
	char *key = NULL;
	size_t size;
	FILE *out = open_memstream(&key, &size);
	uint32_t at;

	if (!out)
		dlw_out_of_memory();
	fprintf(out, "%s", finding->fingerprint);
	for (at = 0; at < finding->core_count; at++) {
		const struct dlw_thread_state *thread = &state->threads[finding->core[at]];

		fprintf(out, " %d/%d", state->processes[thread->process].pid, thread->tid);
	}
	if (fclose(out))
		dlw_out_of_memory();
	return key;
}

static bool is_new(struct dlw_log_findings *findings, const struct dlw_state *state,
		   const struct dlw_finding *finding)
{
	char *key = key_of(state, finding);
	struct seen *seen;

	HASH_FIND_STR(findings->seen, key, seen);
	if (seen) {
		free(key);
		return false;
	}
	seen = dlw_log_allocate(1, sizeof(*seen));
	seen->key = key;
	HASH_ADD_KEYPTR(hh, findings->seen, seen->key, strlen(seen->key), seen);
	return true;
}

static void put(void *context, const char *text, size_t length)
{
	if (fwrite(text, 1, length, context) != length)
		dlw_out_of_memory();
}

/**
 * put_python() - what interpreters were doing, noted when the finding was made
 *
 * The last note before this moment; at the end of a log, whose moment may be
 * earlier than the finding, the first one after it.
 */
static void put_python(const struct dlw_log_findings *findings, const struct dlw_state *state,
		       const struct dlw_finding *finding, const struct dlw_writer *writer)
{
	uint32_t at, i, best;

	for (at = 0; at < findings->replay->source_count; at++) {
		const struct dlw_source *source = findings->replay->sources[at];
		const struct dlw_log_definitions *defined = &source->defined;

		if (!defined->python_count || !dlw_finding_concerns(state, finding, at))
			continue;
		best = 0;
		for (i = 1; i < defined->python_count; i++)
			if (defined->pythons[i].monotonic_ns <= state->now_ns &&
			    defined->pythons[i].monotonic_ns > defined->pythons[best].monotonic_ns)
				best = i;
		dlw_python_write_json(source->file.header.pid, defined->pythons[best].text, writer);
	}
}

static void hand_out(struct dlw_log_findings *findings, struct dlw_state *state,
		     const struct dlw_finding *finding)
{
	struct dlw_writer writer = { .put = put };
	char *line = NULL;
	size_t size;
	FILE *out;

	if (!is_new(findings, state, finding))
		return;
	out = open_memstream(&line, &size);
	if (!out)
		dlw_out_of_memory();
	writer.context = out;
	state->reporter = state->threads[finding->core[0]].process;
	put_python(findings, state, finding, &writer);
	dlw_finding_write_json(state, finding, &writer);
	if (fclose(out))
		dlw_out_of_memory();
	findings->sink(findings->context, line, size);
	free(line);
}

/** is_readable() - every line is an object of JSON: a log may be damaged */
static bool is_readable(const char *lines)
{
	while (*lines) {
		const char *end = strchrnul(lines, '\n');
		json_t *object = json_loadb(lines, (size_t)(end - lines), 0, NULL);
		bool good = json_is_object(object);

		json_decref(object);
		if (!good)
			return false;
		lines = *end ? end + 1 : end;
	}
	return true;
}

/** hand_out_kept() - those that rest on what the kernel alone knew, as they were found */
static void hand_out_kept(struct dlw_log_findings *findings)
{
	uint32_t at, i;

	for (at = 0; at < findings->replay->source_count; at++) {
		const struct dlw_log_definitions *defined = &findings->replay->sources[at]->defined;

		for (i = 0; i < defined->finding_count; i++) {
			const char *line = defined->findings[i];

			if (!*line || !is_readable(line))
				continue;
			findings->sink(findings->context, line, strlen(line));
			findings->kept++;
		}
	}
}

static bool is_in_core(const struct dlw_finding *finding, uint32_t thread)
{
	uint32_t at;

	for (at = 0; at < finding->core_count; at++)
		if (finding->core[at] == thread)
			return true;
	return false;
}

static bool watcher_found_something(const struct dlw_replay *replay)
{
	uint32_t at;

	for (at = 0; at < replay->source_count; at++)
		if (replay->sources[at]->defined.look.found)
			return true;
	return false;
}

/** outlived() - the thread's process is known to have been there at @ns */
static bool outlived(const struct dlw_source *source, uint64_t ns)
{
	return source->defined.end_known || source->copied_at || source->last_ns > ns;
}

/** lost_holder_end() - when the process of who is gone with @resource ended in order; 0: not so */
static uint64_t lost_holder_end(const struct dlw_replay *replay, const struct dlw_state *state,
				uint32_t resource)
{
	uint32_t at;

	for (at = 0; at < state->hold_count; at++) {
		const struct dlw_hold *hold = &state->holds[at];
		uint32_t process = state->threads[hold->thread].process;

		if (hold->resource == resource && hold->count && state->processes[process].ended)
			return replay->sources[process]->defined.end_ns;
	}
	return 0;
}

/**
 * is_doubtful() - an orphan, perhaps only by what the log does not say
 *
 * A process that was killed leaves no word of when. Where another one ended that
 * held what it waited for, and no watcher saw it wait on, it may have been dead by
 * then: so end pools of processes whose manager keeps the lock of their queue.
 */
static bool is_doubtful(const struct dlw_log_findings *findings, const struct dlw_state *state,
			const struct dlw_finding *finding)
{
	const struct dlw_replay *replay = findings->replay;
	uint64_t end;
	uint32_t at;

	if (finding->kind != DLW_ORPHAN || watcher_found_something(replay))
		return false;
	end = lost_holder_end(replay, state, finding->edges[0].resource);
	for (at = 0; at < finding->core_count; at++)
		if (outlived(replay->sources[state->threads[finding->core[at]].process], end))
			return false;
	return true;
}

/**
 * judge() - this moment
 * @given_up: whose wait ends now without what it waited for: only what it was
 *            part of is a deadlock, the others go on; NULL: the end of the logs
 *
 * Return: how many findings it has
 */
static uint32_t judge(struct dlw_log_findings *findings, uint64_t stall_ns,
		      const struct dlw_cursor *given_up)
{
	struct dlw_findings found;
	struct dlw_state state;
	uint32_t at;

	dlw_arena_reset(&findings->arena);
	findings->replay->stall_ns = stall_ns;
	if (dlw_replay_state(findings->replay, &findings->arena, &state) < 0 ||
	    dlw_judge(&state, &findings->arena, &found) < 0)
		dlw_out_of_memory();
	for (at = 0; at < found.count; at++)
		if (given_up ? is_in_core(&found.all[at], given_up->number) :
			       !is_doubtful(findings, &state, &found.all[at]))
			hand_out(findings, &state, &found.all[at]);
	return found.count;
}

/** ended_from_outside() - the head gives up a wait that could have been a deadlock */
static bool ended_from_outside(const struct dlw_cursor *cursor)
{
	const struct dlw_event *event = &cursor->head.event;
	const struct dlw_log_want *want = &cursor->want;

	if (event->type != DLW_EVENT_GAVE_UP || want->wait == DLW_WAIT_NONE ||
	    want->form != DLW_FORM_BLOCKING)
		return false;
	if (event->argument == EDEADLK)
		/* an errorcheck mutex refuses its own owner: that never blocked */
		return !want->object || want->object->owner != cursor;
	return event->argument == 0 || event->argument == EOWNERDEAD;
}

void dlw_log_findings_before(struct dlw_log_findings *findings)
{
	const struct dlw_cursor *cursor = dlw_replay_peek(findings->replay);

	if (cursor && ended_from_outside(cursor))
		judge(findings, STALL_NS, cursor);
}

/*
 * The watcher may have been told to be quicker than usual: what it found in
 * its last look must be found here, so its patience is searched for.
 */
void dlw_log_findings_at_end(struct dlw_log_findings *findings)
{
	uint64_t stall_ns = STALL_NS;

	hand_out_kept(findings);
	dlw_replay_resume_polls(findings->replay);
	while (!judge(findings, stall_ns, NULL) && watcher_found_something(findings->replay) &&
	       stall_ns > SHORTEST_STALL_NS)
		stall_ns /= 2;
}

uint32_t dlw_log_findings_count(const struct dlw_log_findings *findings)
{
	return HASH_COUNT(findings->seen) + findings->kept;
}

void dlw_log_findings_free(struct dlw_log_findings *findings)
{
	struct seen *seen, *next;

	HASH_ITER(hh, findings->seen, seen, next)
	{
		HASH_DEL(findings->seen, seen);
		free(seen->key);
		free(seen);
	}
	dlw_arena_release(&findings->arena);
	free(findings);
}
