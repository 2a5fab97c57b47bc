/*
 * analyzer/supervisor.c - a session, seen from outside
 */
#include "analyzer/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/copy.h"
#include "analyzer/foreign_stack.h"
#include "analyzer/log_outside.h"
#include "analyzer/python_ask.h"
#include "core/finding_json.h"
#include "core/watch/follow.h"
#include "core/watch/namespace.h"
#include "core/watch/records.h"
#include "core/watch/session_directory.h"

struct dlw_supervisor {
	char path[DLW_PATH_MAX];
	struct dlw_session *session;
	uint32_t records_logged;
	const char *log_directory; /* NULL: no logs are kept */
	struct dlw_watch watch;
	struct dlw_follower follower;
	dlw_supervisor_found found;
	void *context;
};

/* ------------------------------------------------------------------------- memory */

static void *grow(void *context, size_t size, size_t *got)
{
	(void)context;
	*got = size < 65536 ? 65536 : size;
	return calloc(1, *got);
}

static void give_back(void *context, void *memory, size_t size)
{
	(void)context;
	(void)size;
	free(memory);
}

/* ----------------------------------------------------------------------- findings */

static void append(void *context, const char *text, size_t length)
{
	fwrite(text, 1, length, context);
}

static void log_looks(struct dlw_supervisor *supervisor, const struct dlw_state *state,
		      const struct dlw_finding *finding)
{
	uint32_t i;

	for (i = 0; i < supervisor->watch.process_count; i++)
		if (!state->processes[i].ended)
			dlw_log_outside_look(supervisor->watch.processes[i].segment,
					     supervisor->records_logged,
					     finding->verdict == DLW_STALLED);
	supervisor->records_logged++;
}

/** log_finding() - into one log, of a process of the core if any of them keeps one */
static void log_finding(struct dlw_supervisor *supervisor, const struct dlw_state *state,
			const struct dlw_finding *finding, const char *lines, size_t length)
{
	uint32_t i;

	for (i = 0; i < finding->core_count; i++) {
		uint32_t process = state->threads[finding->core[i]].process;

		if (process < supervisor->watch.process_count &&
		    dlw_log_outside_finding(supervisor->watch.processes[process].segment,
					    supervisor->records_logged++, lines, length))
			return;
	}
	if (supervisor->log_directory)
		dlw_log_outside_alone(supervisor->log_directory,
				      &state->processes[state->threads[finding->core[0]].process],
				      supervisor->records_logged++, lines, length);
}

/** ask_interpreters() - what Python threads are doing, as lines before the finding */
static void ask_interpreters(struct dlw_supervisor *supervisor, const struct dlw_state *state,
			     const struct dlw_finding *finding, const struct dlw_writer *writer)
{
	uint32_t i;

	for (i = 0; i < supervisor->watch.process_count; i++) {
		const struct dlw_watched *watched = &supervisor->watch.processes[i];
		size_t length;
		char *text;

		if (state->processes[i].ended || !dlw_finding_concerns(state, finding, i))
			continue;
		text = dlw_python_ask(watched, state, i, &length);
		if (!text)
			continue;
		dlw_log_outside_python(watched->segment, supervisor->records_logged++, text, length);
		dlw_python_write_json(state->processes[i].pid, text, writer);
		free(text);
	}
}

static void found(void *context, const struct dlw_state *state, const struct dlw_finding *finding)
{
	struct dlw_supervisor *supervisor = context;
	struct dlw_writer writer = { append, NULL };
	char *lines = NULL;
	size_t length = 0;

	writer.context = open_memstream(&lines, &length);
	if (!writer.context)
		return;
	if (dlw_finding_is_of_now(finding)) /* else it says nothing where its threads are */
		ask_interpreters(supervisor, state, finding, &writer);
	dlw_finding_write_json(state, finding, &writer);
	fclose(writer.context);
	if (dlw_finding_is_of_kernel(state, finding))
		log_finding(supervisor, state, finding, lines, length);
	else if (dlw_finding_is_of_now(finding))
		log_looks(supervisor, state, finding);
	supervisor->found(supervisor->context, lines, length, state, finding);
	free(lines);
}

/* ------------------------------------------------------------------------- public */

struct dlw_supervisor *dlw_supervisor_new(unsigned stall_ms, dlw_supervisor_found callback,
					  void *context)
{
	struct dlw_supervisor *supervisor = calloc(1, sizeof(*supervisor));

	if (supervisor && dlw_session_create(supervisor->path, true, getpid()))
		supervisor->session = dlw_session_map(supervisor->path);
	if (!supervisor || !supervisor->session) {
		fprintf(stderr, "dlwatch: run: no place for the session: neither /dev/shm, "
				"XDG_RUNTIME_DIR, TMPDIR nor /tmp can be written\n");
		free(supervisor);
		return NULL;
	}
	supervisor->found = callback;
	supervisor->context = context;
	supervisor->watch.stall_ns = stall_ms * 1000000ull;
	supervisor->watch.pid_namespace = dlw_pid_namespace();
	supervisor->watch.session = supervisor->session;
	supervisor->watch.picture = (struct dlw_arena){ .grow = grow, .give_back = give_back };
	supervisor->watch.memory = (struct dlw_arena){ .grow = grow, .give_back = give_back };
	supervisor->watch.found = found;
	supervisor->watch.unwind = dlw_foreign_stack;
	supervisor->watch.context = supervisor;
	supervisor->follower = (struct dlw_follower){
		.watch = &supervisor->watch,
		.path = supervisor->path,
		.session = supervisor->session,
	};
	return supervisor;
}

void dlw_supervisor_log_to(struct dlw_supervisor *supervisor, const char *directory)
{
	supervisor->log_directory = directory;
}

void dlw_supervisor_follow(struct dlw_supervisor *supervisor, int32_t pid)
{
	supervisor->watch.root = pid;
}

const char *dlw_supervisor_path(const struct dlw_supervisor *supervisor)
{
	return supervisor->path;
}

void dlw_supervisor_look(struct dlw_supervisor *supervisor)
{
	dlw_copy_settle();
	dlw_follow(&supervisor->follower);
	dlw_watch_look(&supervisor->watch);
}

void dlw_supervisor_last_look(struct dlw_supervisor *supervisor)
{
	dlw_copy_settle();
	dlw_follow_to_the_end(&supervisor->follower);
	dlw_watch_misuses(&supervisor->watch);
}

void dlw_supervisor_break(struct dlw_supervisor *supervisor, const struct dlw_state *state,
			  const struct dlw_finding *finding)
{
	dlw_watch_break(&supervisor->watch, state, finding);
}

struct dlw_coverage dlw_supervisor_coverage(struct dlw_supervisor *supervisor)
{
	struct dlw_follower *follower = &supervisor->follower;
	struct dlw_coverage coverage;

	dlw_follow(follower); /* who came and went since the last look */
	dlw_follow_stop(follower);
	coverage = (struct dlw_coverage){
		.processes = follower->processes,
		.threads = follower->threads,
		.stacks = follower->stacks,
	};
	memcpy(coverage.counts, follower->counts, sizeof(coverage.counts));
	return coverage;
}

void dlw_supervisor_free(struct dlw_supervisor *supervisor)
{
	dlw_follow_stop(&supervisor->follower);
	dlw_session_remove(supervisor->path);
	dlw_session_unmap(supervisor->session);
	dlw_arena_release(&supervisor->watch.picture);
	dlw_arena_release(&supervisor->watch.memory);
	free(supervisor);
}
