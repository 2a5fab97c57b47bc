/*
 * shim/shared.c - noting mappings; the tickets that all processes draw
 */
#include "shim/shared.h"

#include <string.h>
#include <sys/mman.h>

#include "core/watch/look.h"
#include "core/watch/session_directory.h"
#include "core/watch/system.h"
#include "shim/misuse_scene.h"
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
	if (mapping.inode)
		dlw_misuse_scene(); /* what it takes will outlive it if it is killed */
}

void dlw_shared_wait(uint64_t address)
{
	dlw_shared_note(address);
	dlw_watcher_offer();
}

/* --------------------------------------------------------------------------- identity */

/** identify() - some mappings were noted: this one, too? */
static bool identify(uint64_t address, uint64_t *device, uint64_t *inode, uint64_t *offset)
{
	struct dlw_watched own = { .segment = dlw_runtime->segment };
	const struct dlw_mapping *mapping = dlw_shared_mapping(&own, address);

	if (!mapping)
		return false;
	*device = mapping->device;
	*inode = mapping->inode;
	*offset = mapping->offset + (address - mapping->start);
	return true;
}

bool dlw_shared_identify(uint64_t address, uint64_t *device, uint64_t *inode, uint64_t *offset)
{
	return dlw_shared_any() && identify(address, device, inode, offset);
}

/* ---------------------------------------------------------------------------- tickets */

#define TABLE_SIZE (DLW_SHARED_TICKETS * sizeof(struct dlw_shared_ticket))

/** map_table() - the session's, made by whoever needs it first; NULL: none to be had */
static struct dlw_shared_ticket *map_table(void)
{
	char path[DLW_PATH_MAX];
	long mapped;
	int fd;

	if (!dlw_runtime->session || !dlw_sys_may_grow(TABLE_SIZE) ||
	    !dlw_join_path(path, dlw_session_path, "tickets"))
		return NULL;
	fd = dlw_sys_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (fd < 0)
		return NULL;
	mapped = dlw_sys_fallocate(fd, 0, TABLE_SIZE) < 0
			 ? -1
			 : dlw_system(SYS_mmap, 0, TABLE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				      fd, 0);
	dlw_sys_close(fd);
	if (mapped < 0 && mapped > -4096)
		return NULL;
	dlw_system(SYS_madvise, mapped, TABLE_SIZE, MADV_DONTFORK, 0, 0, 0);
	return (struct dlw_shared_ticket *)mapped;
}

static struct dlw_shared_ticket *the_table(void)
{
	struct dlw_shared_ticket *none = NULL, *table = dlw_runtime->tickets;

	if (table)
		return table;
	table = map_table();
	if (table && !atomic_compare_exchange_strong(&dlw_runtime->tickets, &none, table)) {
		dlw_unmap(table, TABLE_SIZE);
		table = none;
	}
	return table;
}

/** claim() - the entry is ours to fill in, or somebody has; Return: what it is about is known */
static bool claim(struct dlw_shared_ticket *entry, const struct dlw_shared_ticket *wanted)
{
	uint32_t state = 0;
	int patience;

	if (atomic_compare_exchange_strong(&entry->state, &state, 1)) {
		entry->device = wanted->device;
		entry->inode = wanted->inode;
		entry->offset = wanted->offset;
		atomic_store_explicit(&entry->state, 2, memory_order_release);
		return true;
	}
	/* three stores of another process; it may have been killed between them */
	for (patience = 1000000; patience && entry->state == 1; patience--)
		;
	return entry->state == 2;
}

uint32_t dlw_shared_number(uint64_t address)
{
	struct dlw_shared_ticket wanted = { 0 };
	struct dlw_shared_ticket *table;
	uint32_t at, tries;

	if (!dlw_shared_identify(address, &wanted.device, &wanted.inode, &wanted.offset))
		return 0;
	table = the_table();
	at = (uint32_t)(((wanted.offset ^ wanted.inode << 32) * 0x9e3779b97f4a7c15u) >> 40);
	for (tries = 0; table && tries < DLW_SHARED_TICKETS; tries++, at++) {
		struct dlw_shared_ticket *entry = &table[at & (DLW_SHARED_TICKETS - 1)];

		if (claim(entry, &wanted) && entry->offset == wanted.offset &&
		    entry->inode == wanted.inode && entry->device == wanted.device)
			return (at & (DLW_SHARED_TICKETS - 1)) + 1;
	}
	dlw_runtime_count(DLW_LOST_OBJECTS, 1);
	return 0;
}

_Atomic uint64_t *dlw_shared_ticket(struct dlw_object *object)
{
	return &dlw_runtime->tickets[object->shared_ticket - 1].ticket;
}

void dlw_shared_begin(uint64_t address)
{
	uint32_t number;

	dlw_shared_note(address);
	number = dlw_runtime->logger ? dlw_shared_number(address) : 0;
	if (number)
		dlw_runtime->tickets[number - 1].ticket = 0;
}
