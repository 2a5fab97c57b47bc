/*
 * shim/segment.c - one growing shared file, mapped at one stretch of addresses
 *
 * Address space is reserved once, so that offsets turn into pointers by an
 * addition; the file grows into it piece by piece. Every piece is backed by
 * fallocate() before it is touched, for a hole in a full tmpfs is a SIGBUS.
 */
#include "shim/segment.h"

#include <string.h>
#include <sys/mman.h>

#include "core/watch/look.h"
#include "core/watch/system.h"
#include "shim/descriptor.h"
#include "shim/runtime.h"

#include "shim/banned.h"

/* Outside the page that a fork wipes: a child closes its parent's. */
static struct dlw_kept_file kept = { .fd = -1 };

#define FIRST_PIECE (16u * 1024) /* what a process needs that does little, as a child often does */
#define PIECE (256u * 1024)
#define RESERVE_MAX (1ull << 30)
#define RESERVE_MIN (1ull << 20)

/* mmap and munmap are no cancellation points, but they set errno. */
static void *map(void *where, size_t size, int protection, int flags, int fd, uint64_t offset)
{
	long result = dlw_system(SYS_mmap, (long)where, (long)size, protection, flags, fd,
				 (long)offset);

	return result < 0 && result > -4096 ? NULL : (void *)result;
}

void dlw_unmap(void *memory, size_t size)
{
	dlw_system(SYS_munmap, (long)memory, (long)size, 0, 0, 0, 0);
}

void *dlw_map(size_t size, bool wipe)
{
	void *memory = map(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory && wipe)
		dlw_system(SYS_madvise, (long)memory, (long)size, MADV_WIPEONFORK, 0, 0, 0);
	return memory;
}

void *dlw_reserve(uint64_t most, uint64_t *size)
{
	uint64_t limit = dlw_sys_limit(RLIMIT_AS);
	void *memory;

	for (*size = most; *size >= RESERVE_MIN; *size /= 2) {
		if (limit != RLIM_INFINITY && *size > limit / 32 && *size > RESERVE_MIN)
			continue;
		memory = map(NULL, *size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			     -1, 0);
		if (memory)
			return memory;
	}
	return NULL;
}

/** back_with_file() - put [from, to) of the segment file behind the same range of addresses */
static bool back_with_file(int fd, char *base, uint64_t from, uint64_t to)
{
	if (!dlw_sys_may_grow(to) || dlw_sys_fallocate(fd, from, to - from) < 0)
		return false;
	return map(base + from, to - from, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		   from) != NULL;
}

static bool back_privately(char *base, uint64_t from, uint64_t to)
{
	return map(base + from, to - from, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != NULL;
}

bool dlw_segment_open(void)
{
	struct dlw_runtime *runtime = dlw_runtime;
	char *base = dlw_reserve(RESERVE_MAX, &runtime->reserved);
	int fd = -1;

	if (!base)
		return false;
	if (runtime->segment_path[0])
		fd = dlw_sys_open(runtime->segment_path, O_RDWR | O_CREAT | O_EXCL, 0600);
	runtime->in_file =
		fd >= 0 && dlw_keep(&kept, fd) &&
		back_with_file(dlw_kept(&kept, runtime->segment_path, O_RDWR), base, 0,
			       FIRST_PIECE);
	dlw_kept_done(&kept);
	if (!runtime->in_file) {
		dlw_unkeep(&kept);
		if (fd >= 0)
			dlw_sys_unlink(runtime->segment_path);
		runtime->segment_path[0] = '\0';
		if (!back_privately(base, 0, FIRST_PIECE)) {
			dlw_unmap(base, runtime->reserved);
			return false;
		}
	}
	runtime->segment = (struct dlw_segment *)base;
	runtime->segment->size = FIRST_PIECE;
	runtime->segment->used = (sizeof(struct dlw_segment) + 63) & ~63ull;
	return true;
}

bool dlw_segment_leaves_behind(const char *path)
{
	struct dlw_watched former = { 0 };
	struct stat status;
	int fd = dlw_sys_open(path, O_RDWR | O_NOFOLLOW, 0);
	bool leaves = false;

	if (fd < 0)
		return false;
	if (dlw_system(SYS_fstat, fd, (long)&status, 0, 0, 0, 0) == 0 &&
	    (size_t)status.st_size >= sizeof(struct dlw_segment))
		former.segment = map(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	dlw_sys_close(fd);
	if (!former.segment)
		return false;
	former.mapped = (uint64_t)status.st_size;
	if (former.segment->magic == DLW_SEGMENT_MAGIC &&
	    former.segment->version == DLW_SESSION_VERSION)
		leaves = dlw_leaves_behind(&former);
	dlw_unmap(former.segment, former.mapped);
	return leaves;
}

void dlw_segment_close(void)
{
	struct dlw_watched own = { .segment = dlw_runtime->segment };

	if (dlw_runtime->in_file && !dlw_leaves_behind(&own))
		dlw_sys_unlink(dlw_runtime->segment_path);
	dlw_segment_disown();
}

void dlw_segment_disown(void)
{
	dlw_unkeep(&kept);
}

/** grow() - at least @size more bytes; segment_lock is held */
static bool grow(uint64_t size)
{
	struct dlw_segment *segment = dlw_runtime->segment;
	uint64_t from = segment->size;
	uint64_t piece = from < PIECE ? from : PIECE; /* twice as much, at first */
	uint64_t to = (segment->used + size + piece - 1) / piece * piece;
	bool done;
	int fd;

	if (to > dlw_runtime->reserved)
		return false;
	if (!dlw_runtime->in_file) {
		done = back_privately((char *)segment, from, to);
	} else {
		fd = dlw_kept(&kept, dlw_runtime->segment_path, O_RDWR);
		done = fd >= 0 && back_with_file(fd, (char *)segment, from, to);
		dlw_kept_done(&kept);
	}
	if (done)
		atomic_store_explicit(&segment->size, to, memory_order_release);
	return done;
}

uint64_t dlw_segment_take(size_t size)
{
	struct dlw_segment *segment = dlw_runtime->segment;
	uint64_t offset = 0;

	size = (size + 63) & ~(size_t)63;
	dlw_lock(&dlw_runtime->segment_lock, DLW_RANK_SEGMENT);
	if (segment->used + size <= segment->size || grow(size)) {
		offset = segment->used;
		segment->used += size;
	}
	dlw_unlock(&dlw_runtime->segment_lock, DLW_RANK_SEGMENT);
	return offset;
}

void *dlw_table_grow(struct dlw_table *table, uint32_t position)
{
	uint32_t index;
	unsigned page = dlw_table_page(position, &index);
	uint64_t offset;

	if (page >= DLW_TABLE_PAGES)
		return NULL;
	if (!table->pages[page]) {
		offset = dlw_segment_take((size_t)table->element_size
					  << (page + DLW_TABLE_FIRST_SHIFT));
		if (!offset)
			return NULL;
		atomic_store_explicit(&table->pages[page], offset, memory_order_release);
	}
	return dlw_table_at(dlw_runtime->segment, table, position);
}
