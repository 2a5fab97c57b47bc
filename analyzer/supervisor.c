/*
 * analyzer/supervisor.c - a session, seen from outside
 *
 * Each process of the session has a segment file, which is mapped whole and
 * mapped anew as it grows. Files are looked for when the session's generation
 * changes. A process that execs makes a new file of the same name; one that
 * ends leaves its file for us to remove.
 */
#include "analyzer/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/copy.h"
#include "analyzer/log_outside.h"
#include "analyzer/python_ask.h"
#include "core/finding_json.h"
#include "core/watch/procfs.h"
#include "core/watch/records.h"
#include "core/watch/session_directory.h"

/** A segment file in view; same index as in watch.processes. */
struct segment_file {
	char name[64];
	ino_t inode;
};

struct dlw_supervisor {
	char path[DLW_PATH_MAX];
	struct dlw_session *session;
	uint32_t generation;
	uint32_t records_logged;
	struct dlw_watch watch;
	struct segment_file *files;
	size_t file_room;
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

	for (i = 0; i < state->process_count; i++)
		if (!state->processes[i].ended)
			dlw_log_outside_look(supervisor->watch.processes[i].segment,
					     supervisor->records_logged,
					     finding->verdict == DLW_STALLED);
	supervisor->records_logged++;
}

/** is_concerned() - a thread of the finding is of process @index */
static bool is_concerned(const struct dlw_state *state, const struct dlw_finding *finding,
			 uint32_t index)
{
	uint32_t i;

	for (i = 0; i < finding->core_count; i++)
		if (state->threads[finding->core[i]].process == index)
			return true;
	for (i = 0; i < finding->stuck_count; i++)
		if (state->threads[finding->stuck[i]].process == index)
			return true;
	return false;
}

/** ask_interpreters() - what Python threads are doing, as lines before the finding */
static void ask_interpreters(struct dlw_supervisor *supervisor, const struct dlw_state *state,
			     const struct dlw_finding *finding, const struct dlw_writer *writer)
{
	uint32_t i;

	for (i = 0; i < state->process_count; i++) {
		const struct dlw_watched *watched = &supervisor->watch.processes[i];
		size_t length;
		char *text;

		if (state->processes[i].ended || !is_concerned(state, finding, i))
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
	if (finding->kind != DLW_MISUSE) /* where its threads are by now says nothing of it */
		ask_interpreters(supervisor, state, finding, &writer);
	dlw_finding_write_json(state, finding, &writer);
	fclose(writer.context);
	if (finding->kind != DLW_MISUSE)
		log_looks(supervisor, state, finding);
	supervisor->found(supervisor->context, lines, length, state, finding);
	free(lines);
}

/* ----------------------------------------------------------------------- segments */

static struct dlw_segment *map_segment(const char *path, uint64_t *size, ino_t *inode)
{
	struct dlw_segment *segment = NULL;
	struct stat status;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0 && (size_t)status.st_size >= sizeof(*segment)) {
		segment = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			       fd, 0);
		*size = (uint64_t)status.st_size;
		*inode = status.st_ino;
	}
	close(fd);
	if (segment == MAP_FAILED || !segment)
		return NULL;
	if (__atomic_load_n(&segment->magic, __ATOMIC_ACQUIRE) == DLW_SEGMENT_MAGIC &&
	    segment->version == DLW_SESSION_VERSION)
		return segment;
	munmap(segment, *size);
	return NULL;
}

/** find_file() - the newest slot in view with this name, or -1 */
static long find_file(const struct dlw_supervisor *supervisor, const char *name)
{
	uint32_t i;

	for (i = supervisor->watch.process_count; i-- > 0;)
		if (!supervisor->watch.processes[i].replaced &&
		    !strcmp(supervisor->files[i].name, name))
			return i;
	return -1;
}

/** retire() - the process is over, or has become another program */
static void retire(struct dlw_supervisor *supervisor, uint32_t index)
{
	supervisor->watch.processes[index].ended = true;
	supervisor->watch.processes[index].replaced = true;
}

static void take_into_view(struct dlw_supervisor *supervisor, const char *name)
{
	uint32_t count = supervisor->watch.process_count;
	char path[DLW_PATH_MAX];
	struct dlw_segment *segment;
	long before = find_file(supervisor, name);
	struct stat status;
	uint64_t size;
	ino_t inode;

	if (!strcmp(name, "session") || strlen(name) >= sizeof(supervisor->files[0].name) ||
	    !dlw_join_path(path, supervisor->path, name))
		return;
	if (before >= 0 && stat(path, &status) == 0 &&
	    status.st_ino == supervisor->files[before].inode)
		return;
	if (count == supervisor->file_room) {
		size_t room = count ? count * 2 : 16;
		struct segment_file *files = realloc(supervisor->files, room * sizeof(*files));

		if (!files)
			return;
		supervisor->files = files;
		supervisor->file_room = room;
	}
	segment = map_segment(path, &size, &inode);
	if (!segment)
		return;
	if (before >= 0)
		retire(supervisor, (uint32_t)before);
	if (!dlw_watch_add(&supervisor->watch, segment, size)) {
		munmap(segment, size);
		return;
	}
	snprintf(supervisor->files[count].name, sizeof(supervisor->files[count].name), "%s", name);
	supervisor->files[count].inode = inode;
}

static void visit(void *context, const char *name)
{
	take_into_view(context, name);
}

/** follow() - the segment has grown: map all of it */
static void follow(struct dlw_watched *watched)
{
	uint64_t size = atomic_load_explicit(&watched->segment->size, memory_order_acquire);
	void *larger;

	if (size <= watched->mapped)
		return;
	larger = mremap(watched->segment, watched->mapped, size, MREMAP_MAYMOVE);
	if (larger == MAP_FAILED)
		return;
	watched->segment = larger;
	watched->mapped = size;
}

static bool has_died(const struct dlw_watched *watched)
{
	return dlw_process_start(watched->segment->pid) != watched->segment->process_start ||
	       !dlw_process_task(watched->segment->pid);
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
	supervisor->watch.picture = (struct dlw_arena){ .grow = grow, .give_back = give_back };
	supervisor->watch.memory = (struct dlw_arena){ .grow = grow, .give_back = give_back };
	supervisor->watch.found = found;
	supervisor->watch.context = supervisor;
	return supervisor;
}

const char *dlw_supervisor_path(const struct dlw_supervisor *supervisor)
{
	return supervisor->path;
}

static void take_stock(struct dlw_supervisor *supervisor)
{
	uint32_t generation =
		atomic_load_explicit(&supervisor->session->generation, memory_order_acquire);
	uint32_t i;

	dlw_copy_settle();
	if (generation != supervisor->generation) {
		supervisor->generation = generation;
		dlw_each_entry(supervisor->path, visit, supervisor);
	}
	for (i = 0; i < supervisor->watch.process_count; i++) {
		struct dlw_watched *watched = &supervisor->watch.processes[i];

		if (watched->replaced)
			continue;
		follow(watched);
		if (watched->ended && has_died(watched))
			retire(supervisor, i);
		else if (!watched->ended)
			watched->ended = has_died(watched);
	}
}

void dlw_supervisor_look(struct dlw_supervisor *supervisor)
{
	take_stock(supervisor);
	dlw_watch_look(&supervisor->watch);
}

void dlw_supervisor_last_look(struct dlw_supervisor *supervisor)
{
	take_stock(supervisor);
	dlw_watch_misuses(&supervisor->watch);
}

void dlw_supervisor_break(struct dlw_supervisor *supervisor, const struct dlw_state *state,
			  const struct dlw_finding *finding)
{
	dlw_watch_break(&supervisor->watch, state, finding);
}

struct dlw_coverage dlw_supervisor_coverage(struct dlw_supervisor *supervisor)
{
	struct dlw_coverage coverage = { .processes = supervisor->watch.process_count };
	uint32_t i;
	int k;

	for (i = 0; i < supervisor->watch.process_count; i++) {
		const struct dlw_segment *segment = supervisor->watch.processes[i].segment;

		coverage.threads += segment->serials;
		coverage.stacks += segment->stacks.count;
		for (k = 0; k < DLW_COVERAGE_COUNTS; k++)
			coverage.counts[k] += segment->coverage[k];
	}
	return coverage;
}

static void remove_dead(void *context, const char *name)
{
	struct dlw_supervisor *supervisor = context;
	const char *at = name;
	int32_t pid = (int32_t)dlw_parse_number(&at, 10);
	char path[DLW_PATH_MAX];

	if (strcmp(name, "session") && !dlw_process_task(pid) &&
	    dlw_join_path(path, supervisor->path, name))
		unlink(path);
}

void dlw_supervisor_free(struct dlw_supervisor *supervisor)
{
	uint32_t i;

	for (i = 0; i < supervisor->watch.process_count; i++)
		munmap(supervisor->watch.processes[i].segment,
		       supervisor->watch.processes[i].mapped);
	dlw_each_entry(supervisor->path, remove_dead, supervisor);
	dlw_session_remove(supervisor->path);
	dlw_session_unmap(supervisor->session);
	dlw_arena_release(&supervisor->watch.picture);
	dlw_arena_release(&supervisor->watch.memory);
	free(supervisor->files);
	free(supervisor);
}
