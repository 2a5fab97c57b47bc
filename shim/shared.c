/*
 * shim/shared.c - noting mappings
 */
#include "shim/shared.h"

#include "core/watch/look.h"
#include "shim/runtime.h"
#include "shim/segment.h"
#include "shim/watcher.h"

#include "shim/banned.h"

/** is_noted() - in a mapping seen before, shared or not */
static bool is_noted(const struct dlw_table *table, uint64_t address)
{
	uint32_t at;

	for (at = atomic_load_explicit(&table->count, memory_order_acquire); at-- > 0;) {
		const struct dlw_mapping *mapping = dlw_table_at(dlw_runtime->segment, table, at);

		if (address >= mapping->start && address < mapping->end)
			return true;
	}
	return false;
}

void dlw_shared_note(uint64_t address)
{
	struct dlw_table *table = &dlw_runtime->segment->mappings;
	struct dlw_mapping mapping, *place;

	if (is_noted(table, address) || !dlw_mapping_at(dlw_runtime->pid, address, &mapping))
		return;
	dlw_lock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	place = is_noted(table, address) ? NULL : dlw_table_grow(table, table->count);
	if (place) {
		*place = mapping;
		atomic_fetch_add_explicit(&table->count, 1, memory_order_release);
	}
	dlw_unlock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
}

void dlw_shared_wait(uint64_t address)
{
	dlw_shared_note(address);
	dlw_watcher_offer();
}
