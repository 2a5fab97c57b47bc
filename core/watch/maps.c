/*
 * core/watch/maps.c - grouping the lines of /proc/PID/maps into modules
 *
 * The lines of one file stand together; anonymous ones in between (.bss)
 * belong to it if they follow without a gap, as far as its own headers say that
 * it reaches. A file counts as a module if one of its lines is executable.
 */
#include "core/watch/maps.h"

#include <elf.h>
#include <string.h>

#include "core/watch/procfs.h"
#include "core/watch/system.h"

#define LINE_ROOM 8192
#define HEAD_ROOM 1024 /* a library has its build id within the first 900 bytes */
#define NOTE_ROOM 3072

struct line {
	uint64_t start, end, offset;
	bool executable;
	const char *path; /* "" if anonymous */
};

struct collection {
	struct dlw_arena *arena;
	struct dlw_module *all;
	uint32_t count, capacity;
	bool executable; /* the module being collected has an executable line */
	bool open;
	bool failed;
	int32_t pid;
};

static bool parse_line(char *text, struct line *line)
{
	const char *at = text;

	line->start = dlw_parse_number(&at, 16);
	if (*at++ != '-')
		return false;
	line->end = dlw_parse_number(&at, 16);
	if (*at++ != ' ' || strlen(at) < 5)
		return false;
	line->executable = at[2] == 'x';
	at += 5;
	line->offset = dlw_parse_number(&at, 16);
	line->path = strchr(at, '/');
	if (!line->path)
		line->path = strstr(at, "[vdso]");
	if (!line->path)
		line->path = "";
	return true;
}

static const char hex[] = "0123456789abcdef";

/** The beginning of a module: headers and notes are in it, but for odd ones. */
struct beginning {
	int32_t pid;
	uint64_t start;
	size_t size;
	unsigned char bytes[HEAD_ROOM];
};

static bool read_beginning(struct beginning *beginning, const struct collection *to,
			   const struct dlw_module *module)
{
	uint64_t size = module->end - module->start;

	beginning->pid = to->pid;
	beginning->start = module->start;
	beginning->size = size < HEAD_ROOM ? (size_t)size : HEAD_ROOM;
	return dlw_read_memory(to->pid, module->start, beginning->bytes, beginning->size);
}

/** read_module() - from its beginning, or where it is */
static bool read_module(const struct beginning *beginning, uint64_t address, void *buffer,
			size_t size)
{
	uint64_t offset = address - beginning->start;

	if (offset > beginning->size || size > beginning->size - offset)
		return dlw_read_memory(beginning->pid, address, buffer, size);
	memcpy(buffer, beginning->bytes + offset, size);
	return true;
}

/** find_build_id() - NT_GNU_BUILD_ID among the notes at @address */
static const char *find_build_id(struct collection *to, const struct beginning *beginning,
				 uint64_t address, uint64_t size)
{
	unsigned char notes[NOTE_ROOM];
	uint64_t at = 0;

	if (size > sizeof(notes))
		size = sizeof(notes);
	if (!read_module(beginning, address, notes, size))
		return NULL;
	while (at + sizeof(Elf64_Nhdr) <= size) {
		Elf64_Nhdr note;
		uint64_t name = at + sizeof(note), description, i;
		char *text;

		memcpy(&note, notes + at, sizeof(note));
		description = name + ((note.n_namesz + 3ull) & ~3ull);
		at = description + ((note.n_descsz + 3ull) & ~3ull);
		if (at > size)
			return NULL;
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
		    memcmp(notes + name, "GNU", 4))
			continue;
		text = dlw_arena_take(to->arena, note.n_descsz * 2ul + 1);
		for (i = 0; text && i < note.n_descsz; i++) {
			text[2 * i] = hex[notes[description + i] >> 4];
			text[2 * i + 1] = hex[notes[description + i] & 15];
		}
		return text;
	}
	return NULL;
}

/** read_headers() - bias and build id, from the ELF headers in memory */
static void read_headers(struct collection *to, struct dlw_module *module)
{
	struct beginning beginning;
	Elf64_Ehdr header;
	Elf64_Phdr segments[32];
	uint64_t reach = 0;
	uint16_t i, count;

	module->bias = module->start;
	if (!read_beginning(&beginning, to, module) ||
	    !read_module(&beginning, module->start, &header, sizeof(header)) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG))
		return;
	count = header.e_phnum < 32 ? header.e_phnum : 32;
	if (!read_module(&beginning, module->start + header.e_phoff, segments,
			 count * sizeof(segments[0])))
		return;
	for (i = 0; i < count; i++) {
		if (segments[i].p_type != PT_LOAD)
			continue;
		if (!reach)
			module->bias = module->start -
				       (segments[i].p_vaddr & ~(segments[i].p_align - 1));
		if (reach < segments[i].p_vaddr + segments[i].p_memsz)
			reach = segments[i].p_vaddr + segments[i].p_memsz;
	}
	/* what else was mapped right behind it, or far away from the same file, is none of it */
	reach = (module->bias + reach + 4095) & ~4095ull;
	if (reach > module->start && reach < module->end)
		module->end = reach;
	for (i = 0; i < count && !module->build_id; i++)
		if (segments[i].p_type == PT_NOTE)
			module->build_id = find_build_id(to, &beginning,
							 module->bias + segments[i].p_vaddr,
							 segments[i].p_filesz);
}

static bool make_room(struct collection *to)
{
	struct dlw_module *all = dlw_arena_room(to->arena, to->all, sizeof(*all), to->count,
						&to->capacity, 32);

	if (all)
		to->all = all;
	return all;
}

static void finish_module(struct collection *to)
{
	if (to->open && to->executable)
		read_headers(to, &to->all[to->count++]);
	to->open = false;
}

static void begin_module(struct collection *to, const struct line *line)
{
	if (!make_room(to)) {
		to->failed = true;
		return;
	}
	to->all[to->count] = (struct dlw_module){
		.start = line->start,
		.end = line->end,
		.path = dlw_arena_text(to->arena, "%s", line->path),
	};
	if (!to->all[to->count].path)
		to->failed = true;
	to->open = true;
	to->executable = line->executable;
}

static bool take_line(void *context, char *text)
{
	struct collection *to = context;
	struct dlw_module *current = to->all + to->count;
	struct line line;

	if (to->failed || !parse_line(text, &line))
		return !to->failed;
	if (to->open && (line.path[0] ? !strcmp(line.path, current->path)
				      : line.start == current->end)) {
		current->end = line.end;
		to->executable |= line.executable;
		return true;
	}
	finish_module(to);
	if (line.path[0])
		begin_module(to, &line);
	return true;
}

bool dlw_each_map(int32_t pid, bool (*visit)(void *context, char *line), void *context)
{
	char buffer[LINE_ROOM];
	size_t used = 0;
	bool more = true;
	ssize_t got = 0;
	int fd = dlw_sys_open(dlw_proc_path(pid, 0, "maps").text, O_RDONLY, 0);

	if (fd < 0)
		return false;
	while (more && (got = dlw_sys_read(fd, buffer + used, sizeof(buffer) - 1 - used)) > 0) {
		char *line = buffer;
		char *end;

		used += (size_t)got;
		buffer[used] = '\0';
		while (more && (end = strchr(line, '\n'))) {
			*end = '\0';
			more = visit(context, line);
			line = end + 1;
		}
		used = (size_t)(buffer + used - line);
		if (line == buffer) /* longer than any path can be: skip it */
			used = 0;
		memmove(buffer, line, used);
	}
	dlw_sys_close(fd);
	return got >= 0;
}

uint32_t dlw_maps_modules(int32_t pid, struct dlw_arena *arena, struct dlw_module **modules)
{
	struct collection to = { .arena = arena, .pid = pid };

	*modules = NULL;
	if (!dlw_each_map(pid, take_line, &to))
		return 0;
	finish_module(&to);
	*modules = to.all;
	return to.failed ? 0 : to.count;
}
