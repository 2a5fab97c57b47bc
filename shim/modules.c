/*
 * shim/modules.c - a copy of the loader's list, and the hook that serves it
 */
#include "shim/modules.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "shim/context.h"
#include "shim/real.h"
#include "shim/segment.h"
#include "shim/unwind.h"

#include "shim/banned.h"

typedef int (*phdr_callback)(struct dl_phdr_info *, size_t, void *);

struct module {
	uint64_t start, end;
	const void *link_map; /* identity: another one means another module */
	const struct index *index; /* of its unwind tables; NULL: it has none */
	uint64_t base;
	const char *name;
	uint16_t header_count;
	ElfW(Phdr) *headers; /* a copy: the original may be unmapped any time */
};

/**
 * The section .eh_frame_hdr, as PT_GNU_EH_FRAME points to it ("Linux Standard Base
 * Core Specification", Exception Frames). Its numbers take four bytes, and offsets count
 * from its start, where the forms are those below, which all linkers write.
 */
struct index {
	uint8_t version, pointer_form, count_form, table_form;
	int32_t tables;
	uint32_t count;
	struct {
		int32_t start; /* of the code */
		int32_t entry; /* what is said of it: an FDE */
	} sorted[];
};

#define DESCRIBED 1024

#define INDEX_TABLES 0x1b /* DW_EH_PE_pcrel | DW_EH_PE_sdata4 */
#define INDEX_COUNT 0x03  /* DW_EH_PE_udata4 */
#define INDEX_SORTED 0x3b /* DW_EH_PE_datarel | DW_EH_PE_sdata4 */

static struct {
	struct module *all;
	uint32_t count, capacity;
	int (*find_object)(void *address, struct dl_find_object *result);
	uint64_t own_start, own_end;
	uint64_t described[DESCRIBED]; /* asked about lately: address << 1, and 1 if with tables */
} modules;

static bool grow_list(void)
{
	uint32_t capacity = modules.capacity ? modules.capacity * 2 : 64;
	struct module *all = dlw_map(capacity * sizeof(*all), false);

	if (!all)
		return false;
	if (modules.all) {
		memcpy(all, modules.all, modules.count * sizeof(*all));
		dlw_unmap(modules.all, modules.capacity * sizeof(*all));
	}
	modules.all = all;
	modules.capacity = capacity;
	return true;
}

static bool add_module(const struct dl_find_object *object, uint64_t base, const char *name,
		       const ElfW(Phdr) *headers, uint16_t header_count)
{
	struct module *module;
	ElfW(Phdr) *copy;

	if (modules.count == modules.capacity && !grow_list())
		return false;
	copy = dlw_map(header_count * sizeof(*copy), false);
	if (!copy)
		return false;
	memcpy(copy, headers, header_count * sizeof(*copy));
	module = &modules.all[modules.count++];
	*module = (struct module){
		.start = (uint64_t)(uintptr_t)object->dlfo_map_start,
		.end = (uint64_t)(uintptr_t)object->dlfo_map_end,
		.link_map = object->dlfo_link_map,
		.index = object->dlfo_eh_frame,
		.base = base,
		.name = name,
		.header_count = header_count,
		.headers = copy,
	};
	return true;
}

static bool find(uint64_t address, struct dl_find_object *object)
{
	return modules.find_object((void *)(uintptr_t)address, object) == 0;
}

static int take_listed(struct dl_phdr_info *info, size_t size, void *context)
{
	struct dl_find_object object;
	uint16_t i;

	(void)size;
	(void)context;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type != PT_LOAD || !(header->p_flags & PF_X))
			continue;
		if (find(info->dlpi_addr + header->p_vaddr, &object))
			add_module(&object, info->dlpi_addr, info->dlpi_name, info->dlpi_phdr,
				   info->dlpi_phnum);
		break;
	}
	return 0;
}

void dlw_modules_load(void)
{
	struct dl_find_object object;
	int (*iterate)(phdr_callback, void *);

	*(void **)&modules.find_object = dlsym(RTLD_DEFAULT, "_dl_find_object");
	*(void **)&iterate = dlw_real_find("dl_iterate_phdr", "", (void *)dl_iterate_phdr);
	if (!modules.find_object || !iterate)
		return;
	iterate(take_listed, NULL);
	if (find((uint64_t)(uintptr_t)dlw_modules_load, &object)) {
		modules.own_start = (uint64_t)(uintptr_t)object.dlfo_map_start;
		modules.own_end = (uint64_t)(uintptr_t)object.dlfo_map_end;
	}
}

bool dlw_modules_is_own(uint64_t address)
{
	return address >= modules.own_start && address < modules.own_end;
}

/** learn() - a module that was loaded after us; its headers stand at its start */
static bool learn(const struct dl_find_object *object)
{
	const ElfW(Ehdr) *header = object->dlfo_map_start;
	const struct link_map *map = object->dlfo_link_map;

	if (memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_phentsize != sizeof(ElfW(Phdr)))
		return false;
	return add_module(object, map->l_addr, map->l_name,
			  (const ElfW(Phdr) *)((const char *)header + header->e_phoff),
			  header->e_phnum);
}

static const struct module *module_of(uint64_t address)
{
	uint32_t i;

	for (i = 0; i < modules.count; i++)
		if (address >= modules.all[i].start && address < modules.all[i].end)
			return &modules.all[i];
	return NULL;
}

/** last_before() - position of the last entry that starts at or before @address, or -1 */
static int64_t last_before(const struct index *index, uint64_t address)
{
	int64_t low = -1, high = index->count;

	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if ((uint64_t)(uintptr_t)index + (uint64_t)(int64_t)index->sorted[middle].start <=
		    address)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/** look_up() - dlw_modules_describe(), by the tables themselves: many pages of a large file */
static bool look_up(uint64_t address)
{
	const struct module *module = module_of(address);
	const struct index *index = module ? module->index : NULL;
	uint64_t base = (uint64_t)(uintptr_t)index;
	const int32_t *entry; /* its length, where its CIE is, code's start from here, size */
	int64_t position;

	if (!module || !index)
		return !module;
	if (index->pointer_form != INDEX_TABLES || index->count_form != INDEX_COUNT ||
	    index->table_form != INDEX_SORTED)
		return true;
	position = last_before(index, address);
	if (position < 0)
		return false;
	entry = (const void *)(uintptr_t)(base + (uint64_t)(int64_t)index->sorted[position].entry);
	if ((uint64_t)(uintptr_t)&entry[2] + (uint64_t)(int64_t)entry[2] !=
	    base + (uint64_t)(int64_t)index->sorted[position].start)
		return true; /* written in another form than usual */
	return address - base - (uint64_t)(int64_t)index->sorted[position].start <
	       (uint32_t)entry[3];
}

bool dlw_modules_describe(uint64_t address)
{
	uint64_t *slot = &modules.described[address * 0x9e3779b97f4a7c15u >> 54];

	if (*slot >> 1 != address)
		*slot = address << 1 | look_up(address);
	return *slot & 1;
}

enum dlw_module_news dlw_modules_know(uint64_t address)
{
	struct dl_find_object object;

	if (!modules.find_object || module_of(address))
		return DLW_MODULE_KNOWN;
	if (!find(address, &object) || !learn(&object))
		return DLW_MODULE_NONE;
	return DLW_MODULE_NEW;
}

static bool still_there(const struct module *module)
{
	struct dl_find_object object;

	return find(module->start, &object) && object.dlfo_link_map == module->link_map &&
	       (uint64_t)(uintptr_t)object.dlfo_map_end == module->end;
}

void dlw_modules_refresh(void)
{
	bool lost = false;
	uint32_t i = 0;

	if (!modules.find_object)
		return;
	while (i < modules.count) {
		struct module *module = &modules.all[i];

		if (still_there(module)) {
			i++;
			continue;
		}
		dlw_unmap(module->headers, module->header_count * sizeof(*module->headers));
		*module = modules.all[--modules.count];
		lost = true;
	}
	if (!lost)
		return;
	memset(modules.described, 0, sizeof(modules.described));
	dlw_unwinder_forget();
}

/* The unwinder's question, answered from the list; anybody else's goes to the loader. */
static int serve(phdr_callback callback, void *context)
{
	uint32_t i;
	int result = 0;

	for (i = 0; i < modules.count && !result; i++) {
		struct dl_phdr_info info = {
			.dlpi_addr = modules.all[i].base,
			.dlpi_name = modules.all[i].name,
			.dlpi_phdr = modules.all[i].headers,
			.dlpi_phnum = modules.all[i].header_count,
			.dlpi_adds = modules.count,
		};

		result = callback(&info, sizeof(info), context);
	}
	return result;
}

/**
 * dl_iterate_phdr() - the loader's own, but for our unwinder
 *
 * Context: any; the C++ runtime calls it while an exception is in flight.
 */
DLW_HOOK int dl_iterate_phdr(phdr_callback callback, void *context)
{
	static int (*_Atomic real)(phdr_callback, void *);
	struct dlw_context *self = dlw_self;

	if (self->capturing && modules.find_object)
		return serve(callback, context);
	if (!real) {
		int (*found)(phdr_callback, void *);

		*(void **)&found = dlw_real_find("dl_iterate_phdr", "", (void *)dl_iterate_phdr);
		real = found;
	}
	return real ? real(callback, context) : 0;
}
