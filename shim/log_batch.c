/*
 * shim/log_batch.c - full blocks wait in the tail, until several can be appended at once
 *
 * The kernel takes half of the time for blocks that come in one write(2). What
 * waits is as safe as what is being filled: the tail is a file, too. Memory for
 * it is the process's, and bounded: a thread that finds none to spare appends
 * what it has.
 */
#include "shim/log_slot.h"

#include <string.h>
#include <sys/uio.h>

#include "shim/banned.h"

/** claim() - one of those that nobody uses; Return: its place, SPARES: there is none */
static uint32_t claim(struct dlw_spares *spares)
{
	uint64_t unused = atomic_load_explicit(&spares->unused, memory_order_relaxed);

	while (unused) {
		if (atomic_compare_exchange_weak_explicit(&spares->unused, &unused,
							  unused & (unused - 1),
							  memory_order_acquire,
							  memory_order_relaxed))
			return (uint32_t)__builtin_ctzll(unused);
	}
	return DLW_SPARES;
}

/** make() - one more slot of the tail; log_lock is held */
static uint32_t make(struct dlw_spares *spares)
{
	uint32_t index;

	if (spares->count == DLW_SPARES ||
	    !dlw_log_file_slot(&dlw_runtime->logger->file, &index))
		return DLW_SPARES;
	spares->index[spares->count] = index;
	return spares->count++;
}

static uint32_t take(struct dlw_spares *spares, bool locked)
{
	uint32_t place = claim(spares);

	if (place != DLW_SPARES || spares->count == DLW_SPARES)
		return place;
	if (!locked)
		dlw_lock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	place = make(spares);
	if (!locked)
		dlw_unlock(&dlw_runtime->log_lock, DLW_RANK_LOG);
	return place;
}

void dlw_slot_next(struct dlw_slot *slot, bool locked)
{
	struct dlw_logger *logger = dlw_runtime->logger;
	uint16_t type = slot->block->type;
	uint32_t place = DLW_SPARES;

	if (slot->waiting_count < DLW_BATCH - 1 && !logger->closing)
		place = take(&logger->spares, locked);
	if (place == DLW_SPARES) {
		dlw_slot_flush(slot);
		return;
	}
	slot->waiting[slot->waiting_count++] = (struct dlw_waiting){ slot->index, place };
	slot->index = logger->spares.index[place];
	slot->block = dlw_log_file_slot_at(&logger->file, slot->index);
	dlw_slot_set_up(slot, type, 0, slot->sequence + 1);
}

/** give_back() - what has waited is in the log, or lost: its memory is for others */
static void give_back(struct dlw_slot *slot)
{
	struct dlw_logger *logger = dlw_runtime->logger;

	while (slot->waiting_count) {
		const struct dlw_waiting *waiting = &slot->waiting[--slot->waiting_count];
		struct dlw_block *block = dlw_log_file_slot_at(&logger->file, waiting->index);

		atomic_store_explicit((_Atomic uint32_t *)&block->length, 0, memory_order_release);
		logger->spares.index[waiting->place] = waiting->index;
		atomic_fetch_or_explicit(&logger->spares.unused, 1ull << waiting->place,
					 memory_order_release);
	}
}

/** one_by_one() - up to log_max; Return: how many are in the log */
static uint32_t one_by_one(struct dlw_block *const *blocks, uint32_t count)
{
	uint32_t at = 0;

	while (at < count && dlw_append_block(blocks[at], blocks[at] + 1))
		at++;
	return at;
}

/** append() - with one write(2), if they are not the last ones; Return: how many are in the log */
static uint32_t append(struct dlw_block *const *blocks, uint32_t count, uint64_t size)
{
	struct dlw_logger *logger = dlw_runtime->logger;
	struct iovec parts[DLW_BATCH];
	uint32_t at;

	if (count == 1 || logger->stopped || logger->file.written + size > dlw_options.log_max)
		return one_by_one(blocks, count);
	for (at = 0; at < count; at++) {
		blocks[at]->checksum = dlw_block_checksum(blocks[at], blocks[at] + 1);
		parts[at] = (struct iovec){ blocks[at], sizeof(*blocks[at]) + blocks[at]->length };
	}
	return dlw_log_file_write(&logger->file, parts, count, size) ? count : 0;
}

static uint64_t bytes_of(struct dlw_block *const *blocks, uint32_t count)
{
	uint64_t size = 0;

	while (count--)
		size += sizeof(*blocks[count]) + blocks[count]->length;
	return size;
}

static uint32_t events_of(struct dlw_block *const *blocks, uint32_t count)
{
	uint32_t events = 0;

	while (count--)
		events += blocks[count]->length / 12;
	return events;
}

void dlw_slot_flush(struct dlw_slot *slot)
{
	struct dlw_logger *logger = dlw_runtime->logger;
	struct dlw_block *blocks[DLW_BATCH], *block = slot->block;
	uint32_t count = 0, at, done;

	for (at = 0; at < slot->waiting_count; at++)
		blocks[count++] = dlw_log_file_slot_at(&logger->file, slot->waiting[at].index);
	if (block->length)
		blocks[count++] = block;
	if (!count)
		return;
	done = append(blocks, count, bytes_of(blocks, count));
	if (done < count && !logger->stopped)
		dlw_runtime_count(DLW_LOST_EVENTS, events_of(blocks + done, count - done));
	give_back(slot);
	if (block->length)
		dlw_slot_set_up(slot, block->type, 0, block->sequence + 1);
}
