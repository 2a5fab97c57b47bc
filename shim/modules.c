/*
 * shim/modules.c - the loader's own list, and the index of what a module says of its code
 */
#include "shim/modules.h"

#include <dlfcn.h>

#include "shim/banned.h"

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

#define INDEX_TABLES 0x1b /* DW_EH_PE_pcrel | DW_EH_PE_sdata4 */
#define INDEX_COUNT 0x03  /* DW_EH_PE_udata4 */
#define INDEX_SORTED 0x3b /* DW_EH_PE_datarel | DW_EH_PE_sdata4 */

static struct {
	int (*find_object)(void *address, struct dl_find_object *result);
	uint64_t own_start, own_end;
} modules;

static bool find(uint64_t address, struct dl_find_object *object)
{
	return modules.find_object &&
	       modules.find_object((void *)(uintptr_t)address, object) == 0;
}

void dlw_modules_load(void)
{
	struct dl_find_object object;

	*(void **)&modules.find_object = dlsym(RTLD_DEFAULT, "_dl_find_object");
	if (find((uint64_t)(uintptr_t)dlw_modules_load, &object)) {
		modules.own_start = (uint64_t)(uintptr_t)object.dlfo_map_start;
		modules.own_end = (uint64_t)(uintptr_t)object.dlfo_map_end;
	}
}

bool dlw_modules_available(void)
{
	return modules.find_object;
}

bool dlw_modules_have(uint64_t address)
{
	struct dl_find_object object;

	return find(address, &object);
}

bool dlw_modules_is_own(uint64_t address)
{
	return address >= modules.own_start && address < modules.own_end;
}

uint64_t dlw_modules_identify(uint64_t address)
{
	struct dl_find_object object;

	if (!find(address, &object))
		return 0;
	return ((uint64_t)(uintptr_t)object.dlfo_link_map * 0x9e3779b97f4a7c15u ^
		(uint64_t)(uintptr_t)object.dlfo_eh_frame) * 0x9e3779b97f4a7c15u ^
	       (uint64_t)(uintptr_t)object.dlfo_map_end;
}

/** last_before() - position of the last entry that starts at or before @offset, or -1 */
static int64_t last_before(const struct index *index, int64_t offset)
{
	int64_t low = -1, high = index->count;

	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if (index->sorted[middle].start <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

bool dlw_modules_tables(uint64_t address, struct dlw_module_tables *tables)
{
	struct dl_find_object object;
	const struct index *index;
	int64_t base, position;

	if (!find(address, &object) || !object.dlfo_eh_frame)
		return false;
	index = object.dlfo_eh_frame;
	if (index->pointer_form != INDEX_TABLES || index->count_form != INDEX_COUNT ||
	    index->table_form != INDEX_SORTED)
		return false;
	base = (int64_t)(uintptr_t)index;
	position = last_before(index, (int64_t)address - base);
	if (position < 0)
		return false;
	*tables = (struct dlw_module_tables){
		.start = (uint64_t)(uintptr_t)object.dlfo_map_start,
		.end = (uint64_t)(uintptr_t)object.dlfo_map_end,
		.function = (uint64_t)(base + index->sorted[position].start),
		.entry = (uint64_t)(base + index->sorted[position].entry),
	};
	return true;
}
