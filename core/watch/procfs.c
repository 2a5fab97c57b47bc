/*
 * core/watch/procfs.c - /proc, read with bare system calls
 */
#include "core/watch/procfs.h"

#include <linux/kcmp.h>
#include <string.h>

#include "core/watch/system.h"

long dlw_read_file(const char *path, char *buffer, size_t room)
{
	int fd = dlw_sys_open(path, O_RDONLY, 0);
	size_t used = 0;
	ssize_t got = 0;

	if (fd < 0)
		return fd;
	while (used < room - 1) {
		got = dlw_sys_read(fd, buffer + used, room - 1 - used);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	dlw_sys_close(fd);
	buffer[used] = '\0';
	return got < 0 ? got : (long)used;
}

long dlw_read_line(const char *path, char *buffer, size_t room)
{
	int fd = dlw_sys_open(path, O_RDONLY, 0);
	ssize_t got;

	if (fd < 0)
		return fd;
	got = dlw_sys_read(fd, buffer, room - 1);
	dlw_sys_close(fd);
	buffer[got > 0 ? got : 0] = '\0';
	return got;
}

char *dlw_format_number(char buffer[24], uint64_t number)
{
	char *first = buffer + 23;

	*first = '\0';
	do {
		*--first = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return first;
}

uint64_t dlw_parse_number(const char **text, unsigned base)
{
	uint64_t value = 0;

	for (;; (*text)++) {
		unsigned char c = (unsigned char)**text;
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (base == 16 && (c | 32) >= 'a' && (c | 32) <= 'f')
			digit = (c | 32u) - 'a' + 10;
		else
			return value;
		value = value * base + digit;
	}
}

static void append(struct dlw_path *path, const char *text)
{
	size_t used = strlen(path->text);
	size_t length = strlen(text);

	if (used + length >= sizeof(path->text))
		length = sizeof(path->text) - 1 - used;
	memcpy(path->text + used, text, length);
	path->text[used + length] = '\0';
}

struct dlw_path dlw_proc_path(int32_t pid, int32_t tid, const char *name)
{
	struct dlw_path path = { "/proc/" };
	char digits[24];

	append(&path, dlw_format_number(digits, (uint64_t)pid));
	if (tid) {
		append(&path, "/task/");
		append(&path, dlw_format_number(digits, (uint64_t)tid));
	}
	append(&path, "/");
	append(&path, name);
	return path;
}

/** stat_field() - number in field @field (≥ 3) of a stat line; names may contain anything */
static bool stat_field(const char *stat, int field, uint64_t *number)
{
	const char *at = strrchr(stat, ')');
	int current = 2;

	if (!at)
		return false;
	for (at++; *at; at++) {
		if (*at != ' ')
			continue;
		if (++current == field) {
			at++;
			*number = dlw_parse_number(&at, 10);
			return true;
		}
	}
	return false;
}

/**
 * process_stat() - the line of a process, as its first thread has it
 *
 * In the one of the process itself the kernel adds up what all its threads have
 * used, for which it goes through them all.
 */
static struct dlw_path process_stat(int32_t pid)
{
	return dlw_proc_path(pid, pid, "stat");
}

/** read_stat_field() - 0: no such process */
static uint64_t read_stat_field(int32_t pid, int field)
{
	char stat[1024];
	uint64_t number = 0;

	if (dlw_read_line(process_stat(pid).text, stat, sizeof(stat)) <= 0)
		return 0;
	return stat_field(stat, field, &number) ? number : 0;
}

uint64_t dlw_process_start(int32_t pid)
{
	return read_stat_field(pid, 22);
}

char dlw_task_letter(int32_t pid, int32_t tid)
{
	char stat[1024];
	const char *at;

	if (dlw_read_line(dlw_proc_path(pid, tid, "stat").text, stat, sizeof(stat)) <= 0)
		return 0;
	at = strrchr(stat, ')');
	return at && at[1] == ' ' ? at[2] : 0;
}

bool dlw_task_alive(int32_t pid, int32_t tid)
{
	char letter = dlw_task_letter(pid, tid);

	return letter && letter != 'Z' && letter != 'X';
}

/* Among the flags, field 9: PF_EXITING, PF_KTHREAD */
#define LEAVING 0x00000004u
#define KERNEL_THREAD 0x00200000u

bool dlw_task_is_leaving(int32_t pid, int32_t tid)
{
	char stat[1024];
	uint64_t flags;

	return dlw_read_line(dlw_proc_path(pid, tid, "stat").text, stat, sizeof(stat)) > 0 &&
	       stat_field(stat, 9, &flags) && flags & LEAVING;
}

bool dlw_process_describe(int32_t pid, struct dlw_process_line *line)
{
	char stat[1024];
	const char *at;
	uint64_t parent, group, flags, threads;

	if (dlw_read_line(process_stat(pid).text, stat, sizeof(stat)) <= 0)
		return false;
	at = strrchr(stat, ')');
	if (!at || at[1] != ' ' || !stat_field(stat, 4, &parent) || !stat_field(stat, 5, &group) ||
	    !stat_field(stat, 9, &flags) || !stat_field(stat, 20, &threads) ||
	    !stat_field(stat, 22, &line->start))
		return false;
	line->pid = pid;
	line->letter = at[2];
	line->parent = (int32_t)parent;
	line->group = (int32_t)group;
	line->threads = (uint32_t)threads;
	line->is_kernel = flags & KERNEL_THREAD;
	return true;
}

/** mix() - the numbers of a text, in one */
static uint64_t mix(uint64_t sum, const char *text, unsigned numbers)
{
	while (numbers--) {
		while (*text == ' ' || *text == '\t')
			text++;
		sum = (sum ^ dlw_parse_number(&text, 10)) * 0x9e3779b97f4a7c15u;
		sum ^= sum >> 29;
	}
	return sum;
}

/** switches() - dlw_task_sequence() where processor time is not counted */
static uint64_t switches(int32_t pid, int32_t tid)
{
	static const char *const names[] = { "\nvoluntary_ctxt_switches:",
					     "\nnonvoluntary_ctxt_switches:" };
	char status[8192];
	uint64_t sum = 1;
	int i;

	if (dlw_read_file(dlw_proc_path(pid, tid, "status").text, status, sizeof(status)) <= 0)
		return 0;
	for (i = 0; i < 2; i++) {
		const char *line = strstr(status, names[i]);

		if (!line)
			return 0;
		sum = mix(sum, line + strlen(names[i]), 1);
	}
	return sum | 1;
}

uint64_t dlw_task_sequence(int32_t pid, int32_t tid)
{
	char text[128];

	if (dlw_read_line(dlw_proc_path(pid, tid, "schedstat").text, text, sizeof(text)) <= 0 ||
	    !strncmp(text, "0 0 0", 5))
		return switches(pid, tid);
	return mix(1, text, 3) | 1;
}

static uint64_t parse_hex(const char **at)
{
	while (**at == ' ')
		(*at)++;
	if ((*at)[0] == '0' && (*at)[1] == 'x')
		*at += 2;
	return dlw_parse_number(at, 16);
}

enum dlw_task_state dlw_task_look(int32_t pid, int32_t tid, struct dlw_system_call *call)
{
	char text[256];
	const char *at = text;
	long got = dlw_read_line(dlw_proc_path(pid, tid, "syscall").text, text, sizeof(text));
	int i;

	if (got <= 0) {
		if (!dlw_task_alive(pid, tid))
			return DLW_TASK_GONE;
		return DLW_TASK_HIDDEN;
	}
	if (*at < '0' || *at > '9') /* "running", or "-1 …": blocked outside a call */
		return dlw_task_alive(pid, tid) ? DLW_TASK_RUNNING : DLW_TASK_GONE;
	call->number = (long)dlw_parse_number(&at, 10);
	for (i = 0; i < 6; i++)
		call->arguments[i] = parse_hex(&at);
	call->stack_pointer = parse_hex(&at);
	call->pc = parse_hex(&at);
	return DLW_TASK_ASLEEP;
}

/** memory_size() - in pages; 0: gone */
static uint64_t memory_size(int32_t pid)
{
	char text[128];
	const char *at = text;

	if (dlw_read_line(dlw_proc_path(pid, 0, "statm").text, text, sizeof(text)) <= 0)
		return 0;
	return dlw_parse_number(&at, 10);
}

bool dlw_memory_is_shared(int32_t pid, int32_t other)
{
	long order = dlw_system(SYS_kcmp, pid, other, KCMP_VM, 0, 0, 0);
	uint64_t size;

	if (order >= 0 || order == -ESRCH)
		return order == 0;
	size = memory_size(pid);
	return size && size == memory_size(other);
}

long dlw_read_pieces(int32_t pid, const struct iovec *here, const struct iovec *there, uint32_t count)
{
	/* not there, or a sandbox says so, and may write a line each time */
	static _Atomic bool absent;
	long got;

	if (absent)
		return -ENOSYS;
	got = dlw_system(SYS_process_vm_readv, pid, (long)here, count, (long)there, count, 0);
	absent = got == -ENOSYS;
	return got;
}

bool dlw_read_memory(int32_t pid, uint64_t address, void *buffer, size_t size)
{
	struct iovec here = { buffer, size };
	struct iovec there = { (void *)(uintptr_t)address, size };
	long got = dlw_read_pieces(pid, &here, &there, 1);
	int fd;

	if (got == (long)size)
		return true;
	if (got != -ENOSYS && got != -EPERM)
		return false;
	/* some containers forbid the call, but not the file */
	fd = dlw_sys_open(dlw_proc_path(pid, 0, "mem").text, O_RDONLY, 0);
	if (fd < 0)
		return false;
	got = dlw_sys_pread(fd, buffer, size, address);
	dlw_sys_close(fd);
	return got == (long)size;
}

struct directory_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

int dlw_each_entry(const char *path, void (*visit)(void *context, const char *name), void *context)
{
	char buffer[4096] __attribute__((aligned(8)));
	int fd = dlw_sys_open(path, O_RDONLY | O_DIRECTORY, 0);
	ssize_t got;

	if (fd < 0)
		return fd;
	while ((got = dlw_sys_getdents(fd, buffer, sizeof(buffer))) > 0) {
		ssize_t at = 0;

		while (at < got) {
			struct directory_entry *entry = (struct directory_entry *)(buffer + at);

			if (strcmp(entry->name, ".") && strcmp(entry->name, ".."))
				visit(context, entry->name);
			at += entry->length;
		}
	}
	dlw_sys_close(fd);
	return got < 0 ? (int)got : 0;
}

struct task_visitor {
	void (*visit)(void *context, int32_t tid);
	void *context;
	int count;
};

static void visit_task(void *context, const char *name)
{
	struct task_visitor *visitor = context;

	visitor->count++;
	if (visitor->visit)
		visitor->visit(visitor->context, (int32_t)dlw_parse_number(&name, 10));
}

int dlw_each_task(int32_t pid, void (*visit)(void *context, int32_t tid), void *context)
{
	struct task_visitor visitor = { visit, context, 0 };
	int error = dlw_each_entry(dlw_proc_path(pid, 0, "task").text, visit_task, &visitor);

	return error < 0 ? error : visitor.count;
}

struct census {
	int32_t pid, alive;
};

static void note_alive(void *context, int32_t tid)
{
	struct census *census = context;

	if (!census->alive && dlw_task_alive(census->pid, tid))
		census->alive = tid;
}

int32_t dlw_process_task(int32_t pid)
{
	struct census census = { pid, 0 };

	/* the first thread is alive in almost every case: spare the listing */
	if (dlw_task_alive(pid, pid))
		return pid;
	dlw_each_task(pid, note_alive, &census);
	return census.alive;
}

bool dlw_process_lives(int32_t pid, uint64_t start)
{
	struct dlw_process_line line;

	if (!dlw_process_describe(pid, &line) || line.start != start)
		return false;
	return (line.letter != 'Z' && line.letter != 'X') || dlw_process_task(pid);
}

bool dlw_signals_caught(int32_t pid, uint64_t *mask)
{
	char status[8192];
	const char *line;

	if (dlw_read_file(dlw_proc_path(pid, 0, "status").text, status, sizeof(status)) <= 0)
		return false;
	line = strstr(status, "\nSigCgt:");
	if (!line)
		return false;
	line += strlen("\nSigCgt:");
	while (*line == ' ' || *line == '\t')
		line++;
	*mask = dlw_parse_number(&line, 16);
	return true;
}
