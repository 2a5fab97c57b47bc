/*
 * render_words.c - the phrases that all renderers share
 */
#include "analyzer/render_words.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/findings.h"
#include "analyzer/memory.h"

const struct dlw_coffman_name dlw_coffman_names[4] = {
	{ "mutual_exclusion", "mutual exclusion" },
	{ "hold_and_wait", "hold and wait" },
	{ "no_preemption", "no preemption" },
	{ "circular_wait", "circular wait" },
};

static bool is(const json_t *object, const char *key, const char *value)
{
	return strcmp(dlw_text(object, key), value) == 0;
}

const json_t *dlw_words_holds(const json_t *thread, const char *resource)
{
	const json_t *hold;
	size_t i;

	json_array_foreach(json_object_get(thread, "holds"), i, hold)
		if (is(hold, "resource", resource))
			return hold;
	return NULL;
}

/* ---- headline --------------------------------------------------------------------- */

static size_t count_processes(const json_t *finding)
{
	json_t *pids = json_object(), *thread;
	size_t count, i;
	char *pid;

	json_array_foreach(json_object_get(finding, "core"), i, thread) {
		pid = dlw_print("%lld", (long long)dlw_number(thread, "pid"));
		json_object_set_new(pids, pid, json_true());
		free(pid);
	}
	count = json_object_size(pids);
	json_decref(pids);
	return count;
}

static char *program_name(const json_t *finding)
{
	const json_t *program = json_object_get(finding, "program");
	const char *exe = dlw_text(program, "exe");

	if (json_object_get(finding, "run_count"))
		return dlw_print("%lld runs", (long long)dlw_number(finding, "run_count"));
	if (count_processes(finding) > 1)
		return dlw_print("%zu processes", count_processes(finding));
	if (!*exe)
		return dlw_print("process %lld", (long long)dlw_number(program, "pid"));
	return dlw_print("%s (pid %lld)", dlw_base_name(exe),
			 (long long)dlw_number(program, "pid"));
}

static char *summary_of_one(const json_t *finding, const char *program)
{
	const json_t *thread = json_array_get(json_object_get(finding, "core"), 0);
	const json_t *want = json_object_get(thread, "wants");
	const char *id = dlw_text(want, "resource");
	char *name = dlw_words_resource(finding, id), *summary;

	if (is(finding, "kind", "orphan"))
		summary = dlw_print("thread '%s' of %s waits for %s, which nobody can release any more",
				    dlw_text(thread, "name"), program, name);
	else if (dlw_words_holds(thread, id))
		summary = dlw_print("thread '%s' of %s waits for %s, which it holds itself",
				    dlw_text(thread, "name"), program, name);
	else
		summary = dlw_print("thread '%s' of %s waits for %s for ever",
				    dlw_text(thread, "name"), program, name);
	free(name);
	return summary;
}

static char *summary_of_deadlock(const json_t *finding, const char *program)
{
	size_t count = json_array_size(json_object_get(finding, "core"));

	if (is(finding, "verdict", "stalled"))
		return dlw_print("%zu thread%s of %s wait%s, and nobody is left who could end that",
				 count, count == 1 ? "" : "s", program, count == 1 ? "s" : "");
	if (count == 1)
		return summary_of_one(finding, program);
	if (is(finding, "kind", "orphan"))
		return dlw_print("%zu threads of %s wait for a lock that nobody can release any more",
				 count, program);
	return dlw_print("%zu threads of %s wait for each other for ever", count, program);
}

static char *summary_of_inversion(const json_t *finding, const char *program)
{
	size_t count = json_array_size(json_object_get(finding, "core"));

	if (is(finding, "verdict", "same-thread"))
		return dlw_print("a thread of %s takes locks in conflicting orders, but that is no "
				 "known danger (same-thread)",
				 program);
	if (dlw_finding_is_counted(finding))
		return dlw_print("%zu threads of %s take locks in conflicting orders; in another "
				 "schedule they wait for each other for ever", count, program);
	return dlw_print("%zu threads of %s take locks in conflicting orders, but that is no "
			 "known danger (%s)", count, program, dlw_text(finding, "verdict"));
}

/* ---- misuse ------------------------------------------------------------------------- */

struct deed {
	const char *sort;
	const char *before, *after; /* the name of the lock */
};

static const struct deed deeds[] = {
	{ "unlock-by-stranger", "unlocked ", ", which another thread held" },
	{ "unlock-unlocked", "unlocked ", ", which nobody held" },
	{ "unlock-refused", "tried to unlock ", ", which it did not hold (EPERM)" },
	{ "destroy-held", "destroyed ", " while it was held" },
	{ "destroy-waited", "destroyed ", " while it was waited for" },
	{ "thread-ended-holding", "ended without releasing ", "" },
	{ "process-ended-holding", "ended its process without releasing ", "" },
	{ "relock", "locked ", " again, which it held already (EDEADLK)" },
	{ "two-mutexes", "waited on ", " with another mutex than the threads that waited already" },
	{ "semaphore-overflow", "posted ", " beyond its greatest value (EOVERFLOW)" },
	{ "rank", "took ", " while it held a lock of a higher rank" },
};

char *dlw_words_deed(const json_t *finding, const char *resource)
{
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		if (is(finding, "misuse", deeds[i].sort))
			return dlw_print("%s%s%s", deeds[i].before, resource, deeds[i].after);
	return dlw_print("used %s wrongly", resource);
}

static char *summary_of_misuse(const json_t *finding, const char *program)
{
	const json_t *thread = json_array_get(json_object_get(finding, "core"), 0);
	const json_t *deed = dlw_thread_deed(thread);
	char *name, *words, *summary;

	if (!deed)
		return dlw_print("thread '%s' of %s uses a lock wrongly", dlw_text(thread, "name"),
				 program);
	name = dlw_words_resource(finding, dlw_text(deed, "resource"));
	words = dlw_words_deed(finding, name);
	summary = dlw_print("thread '%s' of %s %s", dlw_text(thread, "name"), program, words);
	free(words);
	free(name);
	return summary;
}

char *dlw_words_summary(const json_t *finding)
{
	char *program = program_name(finding), *summary;

	switch (dlw_finding_severity(finding)) {
	case DLW_SEVERITY_INVERSION:
		summary = summary_of_inversion(finding, program);
		break;
	case DLW_SEVERITY_MISUSE:
		summary = summary_of_misuse(finding, program);
		break;
	default:
		summary = summary_of_deadlock(finding, program);
	}
	free(program);
	return summary;
}

char *dlw_words_verdict(const json_t *finding)
{
	char *words = dlw_print("%s, %s", dlw_text(finding, "kind"), dlw_text(finding, "verdict"));

	for (char *at = words; *at && *at != ','; at++)
		if (*at >= 'a' && *at <= 'z')
			*at -= 'a' - 'A';
	return words;
}

/* ---- threads and resources ----------------------------------------------------------- */

/* Looks at the first ones only: this is asked for every thread of a core of any size. */
static bool spans_processes(const json_t *finding)
{
	json_int_t own = dlw_number(json_object_get(finding, "program"), "pid");
	const json_t *core = json_object_get(finding, "core");

	for (size_t i = 0; i < json_array_size(core) && i < 64; i++)
		if (dlw_number(json_array_get(core, i), "pid") != own)
			return true;
	return false;
}

char *dlw_words_thread(const json_t *finding, const json_t *thread)
{
	long long pid = dlw_number(thread, "pid"), tid = dlw_number(thread, "tid");
	const char *name = dlw_text(thread, "name");

	if (json_object_get(thread, "runs"))
		return dlw_print("thread %lld of %s", tid, name);
	if (pid == dlw_number(json_object_get(finding, "program"), "pid") &&
	    !spans_processes(finding))
		return dlw_print("'%s' (tid %lld)", name, tid);
	if (pid == tid)
		return dlw_print("'%s' (pid %lld)", name, pid);
	return dlw_print("'%s' (pid %lld, tid %lld)", name, pid, tid);
}

char *dlw_words_resource(const json_t *finding, const char *id)
{
	const json_t *resource = dlw_finding_resource(finding, id);
	const char *element = dlw_text(resource, "element");

	return dlw_print("%s %s", id, *element ? element : dlw_text(resource, "name"));
}

char *dlw_words_kind(const json_t *resource)
{
	const char *kind = dlw_text(resource, "kind"), *type = dlw_text(resource, "type");
	const char *name = dlw_text(resource, "name");
	bool typed = *type && strcmp(type, "unknown") != 0;
	bool is_part = *dlw_text(resource, "element");
	/* "mutex initialised at f" has said it already; but something must be said. */
	bool said = typed && !is_part && strncmp(name, kind, strlen(kind)) == 0 &&
		    name[strlen(kind)] == ' ';

	return dlw_print("%s%s%s%s%s%s", said ? "" : kind, typed && !said ? ", " : "",
			 typed ? type : "",
			 dlw_flag(resource, "shared") ? ", shared by processes" : "",
			 is_part ? ", " : "", is_part ? name : "");
}

/* Only where two modes are possible is it worth a word which one. */
static bool has_modes(const json_t *finding, const json_t *step)
{
	const json_t *resource = dlw_finding_resource(finding, dlw_text(step, "resource"));

	return is(resource, "kind", "rwlock") || is(resource, "kind", "file_lock");
}

char *dlw_words_want(const json_t *finding, const json_t *want, const char *resource)
{
	static const struct {
		const char *mode, *format;
	} phrases[] = {
		{ "shared", "wants %s, shared" },
		{ "permit", "wants a permit of %s" },
		{ "signal", "waits for a signal of %s" },
		{ "arrive", "waits at %s" },
		{ "exit", "waits for the end of %s" },
		{ "run", "waits for %s" },
		{ "read", "waits for data from %s" },
		{ "write", "waits for room in %s" },
	};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		const char *format = phrases[i].format, *place = strstr(format, "%s");

		if (is(want, "mode", phrases[i].mode))
			return dlw_print("%.*s%s%s", (int)(place - format), format, resource,
					 place + 2);
	}
	return dlw_print("wants %s%s", resource, has_modes(finding, want) ? ", exclusively" : "");
}

char *dlw_words_hold(const json_t *finding, const json_t *hold, const char *resource)
{
	long long count = dlw_number(hold, "count");

	if (is(hold, "mode", "permit"))
		return dlw_print("holds %lld permit%s of %s", count, count == 1 ? "" : "s",
				 resource);
	if (is(hold, "mode", "exit") || is(hold, "mode", "run"))
		return dlw_print("would have to end for %s", resource);
	if (is(hold, "mode", "signal"))
		return dlw_print("could signal %s", resource);
	if (is(hold, "mode", "arrive"))
		return dlw_print("has arrived at %s", resource);
	if (is(hold, "mode", "shared"))
		return dlw_print("holds %s, shared", resource);
	return dlw_print("holds %s%s", resource, has_modes(finding, hold) ? ", exclusively" : "");
}

const char *dlw_words_relation(const json_t *finding, const json_t *want)
{
	static const struct {
		const char *kind, *relation;
	} relations[] = {
		{ "condition", "to be signalled by" },
		{ "barrier", "where there is missing" },
		{ "thread", "that is" },
		{ "process", "that is" },
		{ "pipe", "whose other end has" },
	};
	const json_t *resource = dlw_finding_resource(finding, dlw_text(want, "resource"));

	for (size_t i = 0; i < sizeof(relations) / sizeof(relations[0]); i++)
		if (is(resource, "kind", relations[i].kind))
			return relations[i].relation;
	return "held by";
}

/* How many threads of the core hold each resource, by its id. */
static json_t *count_holders(const json_t *core)
{
	json_t *holders = json_object(), *thread, *hold;
	const char *id;
	size_t i, j;

	json_array_foreach((json_t *)core, i, thread) {
		json_array_foreach(json_object_get(thread, "holds"), j, hold) {
			id = dlw_text(hold, "resource");
			json_object_set_new(holders, id, json_integer(dlw_number(holders, id) + 1));
		}
	}
	return holders;
}

/* Whether a thread or process that is waited for is @next: its name ends in its number. */
static bool is_named(const json_t *resource, const json_t *next)
{
	bool process = is(resource, "kind", "process");
	char *number = dlw_print("%s %lld", process ? "pid" : "tid",
				 (long long)dlw_number(next, process ? "pid" : "tid"));
	const char *found = strstr(dlw_text(resource, "name"), number);
	bool same = found && (!found[strlen(number)] || found[strlen(number)] == ')');

	free(number);
	return same;
}

/*
 * Does @thread wait for @next and nobody else of the core? A signal, a permit
 * that others post, a barrier do not show for whom they wait: with two in the
 * core it can only be the other one, with more it is not known.
 */
static bool waits_for(const json_t *finding, const json_t *thread, const json_t *next,
		      size_t count, const json_t *holders)
{
	const json_t *want = json_object_get(thread, "wants");
	const char *id = dlw_text(want, "resource");
	const json_t *resource = dlw_finding_resource(finding, id);
	json_int_t others = dlw_number(holders, id);

	if (!json_is_object(want))
		return false;
	if (dlw_words_holds(next, id)) {
		if (thread != next && dlw_words_holds(thread, id))
			others--;
		return others == 1;
	}
	if (is(resource, "kind", "thread") || is(resource, "kind", "process"))
		return is_named(resource, next);
	return count == 2 && !is(want, "mode", "exclusive") && !is(want, "mode", "shared");
}

bool dlw_words_core_is_cycle(const json_t *finding)
{
	json_t *core = json_object_get(finding, "core"), *holders, *thread;
	size_t count = json_array_size(core), i;
	bool cycle = true;

	/* Stalled: anybody could have helped, so the list's order says nothing. */
	if (is(finding, "kind", "orphan") || is(finding, "kind", "misuse") ||
	    is(finding, "verdict", "stalled"))
		return false;
	holders = count_holders(core);
	json_array_foreach(core, i, thread)
		cycle = cycle && waits_for(finding, thread, json_array_get(core, (i + 1) % count),
					   count, holders);
	json_decref(holders);
	return cycle;
}

char *dlw_words_duration(uint64_t nanoseconds)
{
	uint64_t seconds = nanoseconds / 1000000000;

	if (nanoseconds < 1000000)
		return dlw_print("%llu us", (unsigned long long)(nanoseconds / 1000));
	if (seconds < 1)
		return dlw_print("%llu ms", (unsigned long long)(nanoseconds / 1000000));
	if (seconds < 10)
		return dlw_print("%llu.%llu s", (unsigned long long)seconds,
				 (unsigned long long)(nanoseconds / 100000000 % 10));
	if (seconds < 60)
		return dlw_print("%llu s", (unsigned long long)seconds);
	if (seconds < 3600)
		return dlw_print("%llu min %llu s", (unsigned long long)(seconds / 60),
				 (unsigned long long)(seconds % 60));
	return dlw_print("%llu h %llu min", (unsigned long long)(seconds / 3600),
			 (unsigned long long)(seconds / 60 % 60));
}

/* ---- the schedule of an inversion ------------------------------------------------------ */

char *dlw_words_step(const json_t *finding, const json_t *step)
{
	static const struct {
		const char *does, *words;
	} verbs[] = {
		{ "create", "creates a thread" },
		{ "fork", "forks a process" },
		{ "start", "starts" },
		{ "exit", "ends" },
		{ "join", "has joined" },
		{ "acquire", "takes" },
		{ "release", "gives back" },
		{ "fail", "tries and does not get" },
		{ "want", "wants" },
		{ "wait", "begins to wait for" },
		{ "woken", "is woken by" },
		{ "give-up", "stops waiting for" },
		{ "signal", "signals" },
		{ "broadcast", "broadcasts" },
		{ "arrive", "arrives at" },
		{ "leave", "leaves" },
		{ "read", "reads" },
		{ "write", "writes" },
	};
	char *who = dlw_words_thread(finding, step), *what, *words;
	const char *id = dlw_text(step, "resource"), *verb = dlw_text(step, "does");
	bool shared = is(step, "mode", "shared");

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (is(step, "does", verbs[i].does))
			verb = verbs[i].words;
	what = *id ? dlw_words_resource(finding, id) : dlw_copy("");
	words = dlw_print("%s %s%s%s%s", who, verb, *what ? " " : "", what,
			  shared ? " (shared)" : "");
	free(what);
	free(who);
	return words;
}
