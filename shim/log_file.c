/*
 * shim/log_file.c - opening, appending, and a tail that is always backed
 */
#include "shim/log_file.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "core/watch/procfs.h"
#include "core/watch/session_directory.h"
#include "core/watch/system.h"
#include "shim/descriptor.h"
#include "shim/runtime.h"
#include "shim/say.h"
#include "shim/segment.h"

#include "shim/banned.h"

#define RESERVE_MAX (256ull << 20) /* besides what a ring wraps at */
#define SLOTS_AT_ONCE 8

/* Outside the page that a fork wipes: a child closes its parent's. */
static struct dlw_kept_file kept = { .fd = -1 }, kept_tail = { .fd = -1 };

/** create() - DIR/EXE-PID[.N]: the first that is not there yet; Return: descriptor */
static int create(struct dlw_log_file *file, const char *directory)
{
	char exe[512], name[600], digits[24];
	ssize_t got = dlw_sys_readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	const char *base;
	unsigned attempt;
	int fd = -ENAMETOOLONG;

	exe[got > 0 ? got : 0] = '\0';
	base = strrchr(exe, '/');
	base = base ? base + 1 : "program";
	for (attempt = 0; attempt < 10000; attempt++) {
		strncpy(name, base, 255);
		name[255] = '\0';
		strcat(name, "-");
		strcat(name, dlw_format_number(digits, (uint64_t)dlw_runtime->pid));
		if (attempt) {
			strcat(name, ".");
			strcat(name, dlw_format_number(digits, attempt));
		}
		strcat(name, ".dlw");
		if (!dlw_join_path(file->path, directory, name) ||
		    !dlw_join_path(file->tail_path, directory, strcat(name, ".tail")))
			return -ENAMETOOLONG;
		fd = dlw_sys_open(file->path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL, 0600);
		if (fd != -EEXIST)
			return fd;
	}
	return fd;
}

static bool write_header(struct dlw_log_file *file)
{
	struct dlw_log_header header = {
		.magic = DLW_LOG_MAGIC,
		.header_size = sizeof(header),
		.major = DLW_LOG_MAJOR,
		.minor = DLW_LOG_MINOR,
		.byte_order = DLW_LOG_BYTE_ORDER,
		.pid = dlw_runtime->pid,
		.parent_pid = dlw_runtime->segment->parent_pid,
		.process_start = dlw_runtime->segment->process_start,
	};
	struct timespec now;
	char text[64] = "";
	const char *at = text;
	int i;

	dlw_read_file("/proc/sys/kernel/random/boot_id", text, sizeof(text));
	for (i = 0; i < 16 && *at; i++) {
		char pair[3] = { 0 };
		const char *digits = pair;

		while (*at == '-')
			at++;
		pair[0] = at[0];
		pair[1] = at[0] ? at[1] : '\0';
		header.boot_id[i] = (uint8_t)dlw_parse_number(&digits, 16);
		at += pair[1] ? 2 : 1;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	header.realtime_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	header.monotonic_ns = dlw_nanoseconds();
	header.ticks = dlw_ticks();
	header.checksum = dlw_log_header_checksum(&header);
	return dlw_log_file_append(file, &header, sizeof(header), NULL, 0);
}

/** back() - memory behind the slots up to @slots; false: disk full */
static bool back(struct dlw_log_file *file, uint32_t slots)
{
	uint64_t from = (uint64_t)file->backed * DLW_LOG_SLOT_SIZE;
	uint64_t to = (uint64_t)slots * DLW_LOG_SLOT_SIZE;
	struct dlw_tail_header *header;
	long mapped = -1;
	int fd;

	if (to > file->reserved)
		return false;
	if (!file->backed) {
		fd = dlw_sys_open(file->tail_path, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (fd < 0 || !dlw_keep(&kept_tail, fd))
			return false;
	}
	fd = dlw_kept(&kept_tail, file->tail_path, O_RDWR);
	if (fd < 0)
		return false;
	if (dlw_sys_may_grow(to) && dlw_sys_fallocate(fd, from, to - from) == 0)
		mapped = dlw_system(SYS_mmap, (long)(file->tail + from), (long)(to - from),
				    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (long)from);
	dlw_kept_done(&kept_tail);
	if (mapped < 0 && mapped > -4096)
		return false;
	file->backed = slots;
	header = (struct dlw_tail_header *)file->tail;
	header->slot_count = slots;
	return true;
}

static bool open_tail(struct dlw_log_file *file)
{
	struct dlw_tail_header *header;

	file->tail = dlw_reserve(dlw_options.log_mode == DLW_LOG_RING ?
					 dlw_options.log_max + RESERVE_MAX :
					 RESERVE_MAX,
				 &file->reserved);
	if (!file->tail || !back(file, SLOTS_AT_ONCE))
		return false;
	header = (struct dlw_tail_header *)file->tail;
	header->slot_size = DLW_LOG_SLOT_SIZE;
	header->pid = dlw_runtime->pid;
	header->process_start = dlw_runtime->segment->process_start;
	/* last, at once: a tail without it has nothing in it yet */
	atomic_signal_fence(memory_order_seq_cst);
	memcpy(header->magic, DLW_TAIL_MAGIC, 8);
	file->slots = 1;
	return true;
}

bool dlw_log_file_open(struct dlw_log_file *file)
{
	char directory[DLW_PATH_MAX];
	int made, fd;

	if (!dlw_expand_path(dlw_options.log, directory, sizeof(directory) - 640)) {
		dlw_say("dlwatch: %s: cannot log: path too long\n", dlw_options.log);
		return false;
	}
	made = dlw_sys_mkdir(directory, 0700);
	fd = create(file, directory);
	if (fd == -ENOENT && made < 0)
		fd = made; /* why the directory is not there */
	if (fd < 0) {
		dlw_say("dlwatch: %s: cannot log: %s\n", directory, strerrordesc_np(-fd));
		return false;
	}
	/* a log with a header has a tail, from the first instant on */
	if (dlw_keep(&kept, fd) && open_tail(file) && write_header(file))
		return true;
	dlw_say("dlwatch: %s: cannot log: no space left\n", file->path);
	dlw_unkeep(&kept);
	dlw_unkeep(&kept_tail);
	dlw_sys_unlink(file->tail_path);
	return false;
}

bool dlw_log_file_write(struct dlw_log_file *file, const struct iovec *parts, uint32_t count,
			uint64_t size)
{
	long written;
	int fd;

	if (!dlw_sys_may_grow(file->written + size))
		return false;
	fd = dlw_kept(&kept, file->path, O_WRONLY | O_APPEND);
	if (fd < 0)
		return false;
	written = dlw_system(SYS_writev, fd, (long)parts, count, 0, 0, 0);
	dlw_kept_done(&kept);
	if (written > 0)
		atomic_fetch_add(&file->written, (uint64_t)written);
	return written == (long)size;
}

bool dlw_log_file_append(struct dlw_log_file *file, const void *header, size_t header_size,
			 const void *payload, size_t size)
{
	struct iovec parts[2] = { { (void *)(uintptr_t)header, header_size },
				  { (void *)(uintptr_t)payload, size } };

	return dlw_log_file_write(file, parts, 2, header_size + size);
}

struct dlw_block *dlw_log_file_slot_at(const struct dlw_log_file *file, uint32_t index)
{
	return (struct dlw_block *)(file->tail + (uint64_t)index * DLW_LOG_SLOT_SIZE);
}

struct dlw_block *dlw_log_file_slot(struct dlw_log_file *file, uint32_t *index)
{
	if (file->slots == file->backed &&
	    !back(file, file->backed + SLOTS_AT_ONCE + file->backed / 8))
		return NULL;
	*index = file->slots++;
	return dlw_log_file_slot_at(file, *index);
}

void dlw_log_file_close(struct dlw_log_file *file)
{
	dlw_sys_unlink(file->tail_path);
	dlw_log_file_disown();
}

void dlw_log_file_disown(void)
{
	dlw_unkeep(&kept);
	dlw_unkeep(&kept_tail);
}
