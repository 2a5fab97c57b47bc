/*
 * symbols.c - modules opened once, and what was found in them
 *
 * Each module is looked at by itself through libdwfl, "offline": nothing is
 * read of the process, which may be gone, or be another user's by now. Sites
 * repeat themselves within a finding, so every answer is kept.
 */
#include "analyzer/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <elfutils/libdwfl.h>

#include "analyzer/demangle.h"
#include "analyzer/memory.h"
#include "analyzer/symbols_dwarf.h"

#define uthash_fatal(message) dlw_out_of_memory()
#include <uthash.h>

struct cached_place {
	uint64_t offset;
	struct dlw_source_place place; /* its strings are ours */
	UT_hash_handle hh;
};

struct cached_variable {
	uint64_t start; /* what the symbol table says it begins at */
	char *name;
	char *file;
	int line;
	bool declared; /* .die is valid */
	Dwarf_Die die;
	UT_hash_handle hh;
};

struct module {
	char *key; /* path, or path and build id */
	char *path;
	char *trouble; /* why it cannot be used; NULL: it can */
	Dwfl *dwfl;
	Dwfl_Module *file;
	GElf_Addr bias; /* libdwfl's address minus our offset */
	struct cached_place *places;
	struct cached_variable *variables;
	UT_hash_handle hh;
};

struct dlw_symbols {
	struct module *modules;
};

/* ---- modules -------------------------------------------------------------------- */

/*
 * libdwfl would ask a server on the network for debug information where the
 * environment names one. A report of a hang must not wait for that.
 */
static int find_local_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
				const char *file, const char *link, GElf_Word crc, char **found)
{
	static const char variable[] = "DEBUGINFOD_URLS";
	const char *urls = getenv(variable);
	char *saved = urls ? dlw_copy(urls) : NULL;
	int fd;

	unsetenv(variable);
	fd = dwfl_standard_find_debuginfo(module, user, name, base, file, link, crc, found);
	if (saved)
		setenv(variable, saved, 1);
	free(saved);
	return fd;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = find_local_debuginfo,
	.section_address = dwfl_offline_section_address,
};

/* A device or a pipe must not be opened, a directory not be read. */
static char *check_file(const char *path)
{
	struct stat status;
	size_t length = strlen(path);

	if (length > 10 && strcmp(path + length - 10, " (deleted)") == 0)
		return dlw_copy("deleted while it ran");
	if (path[0] != '/')
		return dlw_copy("not a file");
	if (stat(path, &status) != 0)
		return dlw_copy(strerror(errno));
	if (!S_ISREG(status.st_mode))
		return dlw_copy("not a regular file");
	return NULL;
}

static char *check_build_id(Dwfl_Module *file, const char *expected)
{
	const unsigned char *bits;
	GElf_Addr where;
	int length = dwfl_module_build_id(file, &bits, &where);
	char *found, *trouble = NULL;

	if (!expected || !*expected)
		return NULL;
	if (length < 0)
		length = 0;
	found = dlw_allocate(2 * length + 1);
	for (int i = 0; i < length; i++)
		sprintf(found + 2 * i, "%02x", bits[i]);
	if (strcmp(found, expected) != 0)
		trouble = dlw_print("not the build that ran (build id %.12s, not %.12s)",
				    *found ? found : "none", expected);
	free(found);
	return trouble;
}

static void open_module(struct module *module, const char *build_id)
{
	module->trouble = check_file(module->path);
	if (module->trouble)
		return;
	module->dwfl = dwfl_begin(&callbacks);
	if (!module->dwfl)
		dlw_out_of_memory();
	module->file = dwfl_report_offline(module->dwfl, "", module->path, -1);
	dwfl_report_end(module->dwfl, NULL, NULL);
	if (!module->file || !dwfl_module_getelf(module->file, &module->bias)) {
		module->trouble = dlw_print("not readable as a program or library: %s",
					    dwfl_errmsg(-1));
		return;
	}
	module->trouble = check_build_id(module->file, build_id);
}

static struct module *get_module(struct dlw_symbols *symbols, const char *path,
				 const char *build_id)
{
	char *key = dlw_print("%s\n%s", path, build_id ? build_id : "");
	struct module *module;

	HASH_FIND_STR(symbols->modules, key, module);
	if (module) {
		free(key);
		return module;
	}
	module = dlw_allocate(sizeof(*module));
	module->key = key;
	module->path = dlw_copy(path);
	open_module(module, build_id);
	HASH_ADD_KEYPTR(hh, symbols->modules, module->key, strlen(module->key), module);
	return module;
}

static void free_module(struct module *module)
{
	struct cached_place *place, *next_place;
	struct cached_variable *variable, *next_variable;

	HASH_ITER(hh, module->places, place, next_place) {
		HASH_DEL(module->places, place);
		free((char *)place->place.function);
		free((char *)place->place.file);
		free(place);
	}
	HASH_ITER(hh, module->variables, variable, next_variable) {
		HASH_DEL(module->variables, variable);
		free(variable->name);
		free(variable->file);
		free(variable);
	}
	if (module->dwfl)
		dwfl_end(module->dwfl);
	free(module->trouble);
	free(module->path);
	free(module->key);
	free(module);
}

struct dlw_symbols *dlw_symbols_new(void)
{
	return dlw_allocate(sizeof(struct dlw_symbols));
}

void dlw_symbols_free(struct dlw_symbols *symbols)
{
	struct module *module, *next;

	if (!symbols)
		return;
	HASH_ITER(hh, symbols->modules, module, next) {
		HASH_DEL(symbols->modules, module);
		free_module(module);
	}
	free(symbols);
}

const char *dlw_symbols_trouble(struct dlw_symbols *symbols, const char *path,
				const char *build_id)
{
	return get_module(symbols, path, build_id)->trouble;
}

void dlw_symbols_each_trouble(const struct dlw_symbols *symbols,
			      void (*visit)(const char *module, const char *why, void *context),
			      void *context)
{
	struct module *module, *next;

	HASH_ITER(hh, symbols->modules, module, next)
		if (module->trouble && module->path[0] == '/')
			visit(module->path, module->trouble, context);
}

/* ---- code -------------------------------------------------------------------------- */

static char *copy_or_null(const char *text)
{
	return text ? dlw_copy(text) : NULL;
}

/* The symbol that covers @address, NULL if there is none. */
static const char *function_symbol(struct module *module, GElf_Addr address)
{
	const char *name;
	GElf_Sym symbol;
	GElf_Addr into;

	name = dwfl_module_addrinfo(module->file, address, &into, &symbol, NULL, NULL, NULL);
	/* The nearest label before the address is not yet the function around it. */
	if (!name || !*name || GELF_ST_TYPE(symbol.st_info) == STT_OBJECT ||
	    (into >= symbol.st_size && symbol.st_size != 0))
		return NULL;
	return name;
}

static void look_up_code(struct module *module, uint64_t offset, struct dlw_source_place *place)
{
	struct dlw_dwarf_place known = { .function_copy = NULL };
	GElf_Addr address = module->bias + offset;
	Dwarf_Addr bias;
	Dwarf *dwarf = dwfl_module_getdwarf(module->file, &bias);
	const char *symbol;

	if (dwarf && dlw_dwarf_code(dwarf, address - bias, &known)) {
		place->file = copy_or_null(known.file);
		place->line = known.file ? known.line : 0;
	}
	place->function = known.function_copy;
	if (known.function_copy && !known.is_bare)
		return;
	symbol = function_symbol(module, address);
	/* In C the symbol is the name, but for what the compiler appended (".cold"). */
	if (!symbol || (known.function_copy && strncmp(symbol, "_Z", 2) != 0))
		return;
	free(known.function_copy);
	place->function = dlw_demangle(symbol);
}

bool dlw_symbols_code(struct dlw_symbols *symbols, const char *path, const char *build_id,
		      uint64_t offset, struct dlw_source_place *place)
{
	struct module *module = get_module(symbols, path, build_id);
	struct cached_place *cached;

	memset(place, 0, sizeof(*place));
	if (module->trouble || offset == 0)
		return false;
	HASH_FIND(hh, module->places, &offset, sizeof(offset), cached);
	if (!cached) {
		cached = dlw_allocate(sizeof(*cached));
		cached->offset = offset;
		look_up_code(module, offset - 1, &cached->place);
		HASH_ADD(hh, module->places, offset, sizeof(offset), cached);
	}
	*place = cached->place;
	return place->function != NULL;
}

/* ---- variables ----------------------------------------------------------------------- */

/* A static of a function is called "name.0" by the linker; the programmer knows no ".0". */
static char *variable_name(const char *symbol, const char *declared)
{
	const char *dot = strchr(symbol, '.');
	char *name;

	if (!dot)
		return dlw_demangle(symbol);
	if (declared)
		return dlw_copy(declared);
	if (dot == symbol || dot[1 + strspn(dot + 1, "0123456789")])
		return dlw_copy(symbol);
	name = dlw_copy(symbol);
	name[dot - symbol] = '\0';
	return name;
}

static struct cached_variable *get_variable(struct module *module, uint64_t start,
					    const char *symbol)
{
	struct dlw_dwarf_variable declared = { .name = NULL };
	struct cached_variable *cached;
	Dwarf_Addr bias;
	Dwarf *dwarf;

	HASH_FIND(hh, module->variables, &start, sizeof(start), cached);
	if (cached)
		return cached;
	dwarf = dwfl_module_getdwarf(module->file, &bias);
	cached = dlw_allocate(sizeof(*cached));
	cached->start = start;
	if (dwarf)
		cached->declared = dlw_dwarf_variable(dwarf, start - bias, &declared);
	cached->die = declared.die;
	cached->name = variable_name(symbol, declared.name);
	cached->file = copy_or_null(declared.line > 0 ? declared.file : NULL);
	cached->line = cached->file ? declared.line : 0;
	HASH_ADD(hh, module->variables, start, sizeof(start), cached);
	return cached;
}

/* The variable that covers @offset, and how far into it that is; NULL if none is known. */
static struct cached_variable *find_variable(struct module *module, uint64_t offset,
					     GElf_Addr *into, GElf_Sym *symbol)
{
	GElf_Addr address = module->bias + offset;
	const char *name;

	if (module->trouble)
		return NULL;
	name = dwfl_module_addrinfo(module->file, address, into, symbol, NULL, NULL, NULL);
	if (!name || !*name || GELF_ST_TYPE(symbol->st_info) != STT_OBJECT ||
	    *into >= symbol->st_size)
		return NULL;
	return get_variable(module, address - *into, name);
}

bool dlw_symbols_data(struct dlw_symbols *symbols, const char *path, const char *build_id,
		      uint64_t offset, struct dlw_variable *variable)
{
	struct module *module = get_module(symbols, path, build_id);
	struct cached_variable *cached;
	GElf_Addr into;
	GElf_Sym symbol;

	memset(variable, 0, sizeof(*variable));
	cached = find_variable(module, offset, &into, &symbol);
	if (!cached)
		return false;
	variable->name = cached->name;
	variable->offset = into;
	variable->size = symbol.st_size;
	variable->file = cached->file;
	variable->line = cached->line;
	variable->local = GELF_ST_BIND(symbol.st_info) == STB_LOCAL;
	return true;
}

char *dlw_symbols_element(struct dlw_symbols *symbols, const char *path, const char *build_id,
			  uint64_t offset, uint64_t size)
{
	struct cached_variable *cached;
	GElf_Addr into;
	GElf_Sym symbol;
	char *part, *element;

	cached = find_variable(get_module(symbols, path, build_id), offset, &into, &symbol);
	if (!cached || !cached->declared)
		return NULL;
	part = dlw_dwarf_element(&cached->die, into, size);
	if (!part)
		return NULL;
	element = dlw_print("%s%s", cached->name, part);
	free(part);
	return element;
}
