/*
 * core/watch/follow.c - mapping segments, and noticing that their processes are over
 */
#include "core/watch/follow.h"

#include <string.h>
#include <sys/mman.h>

#include "core/watch/helper.h"
#include "core/watch/procfs.h"
#include "core/watch/records.h"
#include "core/watch/session_directory.h"
#include "core/watch/system.h"

/* Asking whether a process lives costs two reads; more than these are asked in turn. */
#define CHECKS_A_LOOK 16

/* Of these, until one is asked again whether the kernel lets us look at it: it seldom changes. */
#define CHECKS_TO_HIDDEN 8

static bool is_error(long result)
{
	return result < 0 && result > -4096;
}

static void unmap(struct dlw_watched *watched)
{
	if (watched->mapped)
		dlw_system(SYS_munmap, (long)watched->segment, (long)watched->mapped, 0, 0, 0, 0);
	watched->segment = NULL;
	watched->mapped = 0;
}

/** map_file() - a segment as it is now; NULL: it is none, or not ready */
static struct dlw_segment *map_file(const char *path, struct stat *status)
{
	struct dlw_segment *segment = NULL;
	int fd = dlw_sys_open(path, O_RDWR | O_NOFOLLOW, 0);
	long mapped;

	if (fd < 0)
		return NULL;
	if (dlw_system(SYS_fstat, fd, (long)status, 0, 0, 0, 0) == 0 &&
	    (size_t)status->st_size >= sizeof(*segment)) {
		mapped = dlw_system(SYS_mmap, 0, status->st_size, PROT_READ | PROT_WRITE,
				    MAP_SHARED, fd, 0);
		segment = is_error(mapped) ? NULL : (struct dlw_segment *)mapped;
	}
	dlw_sys_close(fd);
	if (!segment)
		return NULL;
	/* a child of ours has no use for it */
	dlw_system(SYS_madvise, (long)segment, status->st_size, MADV_DONTFORK, 0, 0, 0);
	if (__atomic_load_n(&segment->magic, __ATOMIC_ACQUIRE) == DLW_SEGMENT_MAGIC &&
	    segment->version == DLW_SESSION_VERSION)
		return segment;
	dlw_system(SYS_munmap, (long)segment, status->st_size, 0, 0, 0, 0);
	return NULL;
}

/** follow_growth() - the segment has grown: map all of it */
static void follow_growth(struct dlw_watched *watched)
{
	uint64_t size = atomic_load_explicit(&watched->segment->size, memory_order_acquire);
	long larger;

	if (!watched->mapped || size <= watched->mapped)
		return;
	larger = dlw_system(SYS_mremap, (long)watched->segment, (long)watched->mapped, (long)size,
			    MREMAP_MAYMOVE, 0, 0);
	if (is_error(larger))
		return;
	dlw_system(SYS_madvise, larger, (long)size, MADV_DONTFORK, 0, 0, 0);
	watched->segment = (struct dlw_segment *)larger;
	watched->mapped = size;
}

/* ----------------------------------------------------------------------------- going */

static void add_totals(struct dlw_follower *follower, const struct dlw_segment *segment)
{
	int k;

	follower->processes++;
	follower->threads += segment->serials;
	follower->stacks += segment->stacks.count;
	for (k = 0; k < DLW_COVERAGE_COUNTS; k++)
		follower->counts[k] += segment->coverage[k];
}

/** leave() - out of view; @remove: its file bears its name still */
static void leave(struct dlw_follower *follower, struct dlw_watched *watched, bool remove)
{
	char path[DLW_PATH_MAX];

	add_totals(follower, watched->segment);
	if (remove && watched->name[0] && dlw_join_path(path, follower->path, watched->name))
		dlw_sys_unlink(path);
	unmap(watched);
}

/** inode_of() - of the session's file @name; 0: there is none. @path: DLW_PATH_MAX bytes for where it is */
static uint64_t inode_of(const struct dlw_follower *follower, const char *name, char *path)
{
	struct stat status;

	return dlw_join_path(path, follower->path, name) &&
			       dlw_system(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status,
					  AT_SYMLINK_NOFOLLOW, 0, 0) == 0 ?
		       status.st_ino :
		       0;
}

/** has_file() - it is its file that bears its name, not that of what it has become */
static bool has_file(const struct dlw_follower *follower, const struct dlw_watched *watched)
{
	char path[DLW_PATH_MAX];

	return inode_of(follower, watched->name, path) == watched->inode;
}

/** forget_earlier() - who ended before as many others that stay, too */
static void forget_earlier(struct dlw_follower *follower)
{
	struct dlw_watch *watch = follower->watch;
	struct dlw_watched *first = NULL;
	uint32_t count = 0, i;

	for (i = 0; i < watch->process_count; i++) {
		struct dlw_watched *watched = &watch->processes[i];

		if (!watched->ended || watched->replaced || !watched->mapped)
			continue;
		count++;
		if (!first || watched->ended_at < first->ended_at)
			first = watched;
	}
	if (count <= DLW_LEFT_BEHIND_MAX)
		return;
	atomic_fetch_add(&first->segment->coverage[DLW_LOST_ENDED], 1);
	dlw_watch_forget(watch, first);
	leave(follower, first, has_file(follower, first));
}

/** end_of() - when a process ended: many may be found over at once, in any order */
static uint64_t end_of(const struct dlw_watched *watched)
{
	if (watched->segment->state == DLW_SEGMENT_ENDED && watched->segment->ended_ns)
		return watched->segment->ended_ns;
	return dlw_record_now(); /* what was killed did not say when */
}

/** part() - a process is over; @remove: its file bears its name still */
static void part(struct dlw_follower *follower, struct dlw_watched *watched, bool remove)
{
	follow_growth(watched); /* by its last words: there will be no more */
	if (dlw_watch_retire(follower->watch, watched)) {
		leave(follower, watched, remove);
		return;
	}
	watched->ended_at = end_of(watched);
	forget_earlier(follower);
}

/** has_died() - false where it cannot be told, as of one whose pids are not ours */
static bool has_died(const struct dlw_watched *watched)
{
	if (watched->foreign)
		return watched->segment->state == DLW_SEGMENT_ENDED && !dlw_leaves_behind(watched);
	return !dlw_process_lives(watched->segment->pid, watched->segment->process_start);
}

/**
 * has_become_another() - exec has been tried and the segment is no longer in its memory
 *
 * What it has become may never use a lock, and so not say so itself.
 */
static bool has_become_another(const struct dlw_watched *watched)
{
	return watched->segment->replacing && !watched->foreign &&
	       dlw_does_without(watched->segment->pid, watched->inode);
}

/** note_whether_hidden() - if the kernel keeps its threads from us it has to look at itself */
static void note_whether_hidden(struct dlw_watched *watched)
{
	int32_t pid = watched->segment->pid;
	struct dlw_system_call call;
	bool hidden;

	if (watched->foreign)
		return;
	hidden = dlw_task_look(pid, dlw_process_task(pid), &call) == DLW_TASK_HIDDEN;
	if (watched->segment->hidden == hidden)
		return;
	watched->segment->hidden = hidden;
	dlw_helper_call(watched->segment);
}

/** check_lives() - of all, or of some each time where there are more than @most */
static void check_lives(struct dlw_follower *follower, uint32_t most)
{
	struct dlw_watch *watch = follower->watch;
	uint32_t checks = 0, i;

	for (i = 0; i < watch->process_count && checks < most; i++) {
		uint32_t at = (follower->next_check + i) % watch->process_count;
		struct dlw_watched *watched = &watch->processes[at];

		if (watched->replaced || !watched->mapped || watched->ended)
			continue;
		checks++;
		if (has_died(watched))
			part(follower, watched, true);
		else if (watched->checks++ % CHECKS_TO_HIDDEN == 0)
			note_whether_hidden(watched);
	}
	follower->next_check = watch->process_count
				       ? (follower->next_check + i) % watch->process_count
				       : 0;
}

/* ---------------------------------------------------------------------------- coming */

static struct dlw_watched *with_inode(const struct dlw_follower *follower, uint64_t inode)
{
	const struct dlw_watch *watch = follower->watch;
	uint32_t i;

	for (i = 0; i < watch->process_count; i++)
		if (!watch->processes[i].replaced && watch->processes[i].inode == inode)
			return &watch->processes[i];
	return NULL;
}

static struct dlw_watched *with_name(const struct dlw_follower *follower, const char *name)
{
	const struct dlw_watch *watch = follower->watch;
	uint32_t i;

	for (i = 0; i < watch->process_count; i++)
		if (!watch->processes[i].replaced && !strcmp(watch->processes[i].name, name))
			return &watch->processes[i];
	return NULL;
}

/** rename_slot() - it has become another program; what it was goes by another name, or none */
static void rename_slot(struct dlw_follower *follower, struct dlw_watched *watched,
			const char *name)
{
	if (!watched->ended)
		part(follower, watched, false);
	strcpy(watched->name, name);
}

/** is_own() - the file of our own process, which is in view already */
static bool is_own(const struct dlw_follower *follower, const char *name)
{
	return follower->own_pid && dlw_is_segment_of(name, follower->own_pid);
}

/** map_new() - a segment that is not in view yet */
static void map_new(struct dlw_follower *follower, const char *path, const char *name)
{
	struct stat status;
	struct dlw_segment *segment = map_file(path, &status);
	struct dlw_watched *watched;

	if (!segment)
		return;
	watched = dlw_watch_add(follower->watch, segment, (uint64_t)status.st_size);
	if (!watched) {
		dlw_system(SYS_munmap, (long)segment, status.st_size, 0, 0, 0, 0);
		return;
	}
	strcpy(watched->name, name);
	watched->inode = status.st_ino;
	if (dlw_is_former_name(name))
		part(follower, watched, true);
}

static void take_into_view(void *context, const char *name)
{
	struct dlw_follower *follower = context;
	struct dlw_watched *watched;
	char path[DLW_PATH_MAX];
	uint64_t inode;

	if (!dlw_is_segment_name(name) || is_own(follower, name) ||
	    strlen(name) >= sizeof(watched->name))
		return;
	inode = inode_of(follower, name, path);
	if (!inode)
		return;
	watched = with_inode(follower, inode);
	if (watched) {
		if (strcmp(watched->name, name))
			rename_slot(follower, watched, name);
		return;
	}
	watched = with_name(follower, name);
	if (watched)
		rename_slot(follower, watched, "");
	map_new(follower, path, name);
}

/** follow() - who says that he came, goes or has become another; of @most others ask */
static void follow(struct dlw_follower *follower, uint32_t most)
{
	struct dlw_watch *watch = follower->watch;
	uint32_t generation =
		atomic_load_explicit(&follower->session->generation, memory_order_acquire);
	uint32_t i;

	if (generation != follower->generation) {
		follower->generation = generation;
		dlw_each_entry(follower->path, take_into_view, follower);
	}
	for (i = 0; i < watch->process_count; i++) {
		struct dlw_watched *watched = &watch->processes[i];

		if (watched->replaced)
			continue;
		follow_growth(watched);
		if (watched->ended || !watched->mapped)
			continue;
		if (watched->segment->state == DLW_SEGMENT_ENDED && has_died(watched))
			part(follower, watched, true);
		else if (has_become_another(watched)) /* which may have a file of that name by now */
			part(follower, watched, false);
	}
	check_lives(follower, most);
}

/* ---------------------------------------------------------------------------- public */

void dlw_follow(struct dlw_follower *follower)
{
	follow(follower, CHECKS_A_LOOK);
}

void dlw_follow_to_the_end(struct dlw_follower *follower)
{
	follow(follower, UINT32_MAX);
}

void dlw_follow_stop(struct dlw_follower *follower)
{
	struct dlw_watch *watch = follower->watch;
	uint32_t i;

	for (i = 0; i < watch->process_count; i++) {
		struct dlw_watched *watched = &watch->processes[i];

		if (watched->replaced || !watched->mapped)
			continue;
		add_totals(follower, watched->segment);
		unmap(watched);
		watched->replaced = true;
	}
	follower->generation = 0;
}
