/*
 * core/watch/records.h - following offsets in a segment that may be growing
 *
 * Everything checks against what is mapped: a reader that is behind the writer
 * gets NULL and sees the rest at its next look.
 */
#ifndef DLW_CORE_WATCH_RECORDS_H
#define DLW_CORE_WATCH_RECORDS_H

#include "core/watch/look.h"
#include "core/watch/procfs.h"

const void *dlw_record_at(const struct dlw_watched *watched, uint64_t offset, uint64_t size);

struct dlw_thread *dlw_record_first(const struct dlw_watched *watched);
struct dlw_thread *dlw_record_next(const struct dlw_watched *watched,
				   const struct dlw_thread *record);

/** dlw_record_offset() - where it lies in its segment */
static inline uint64_t dlw_record_offset(const struct dlw_watched *watched,
					 const struct dlw_thread *record)
{
	return (uint64_t)((const char *)record - (const char *)watched->segment);
}

/** dlw_record_element() - element @position (from 0) of a table of the segment, or NULL */
const void *dlw_record_element(const struct dlw_watched *watched, const struct dlw_table *table,
			       uint32_t position);

/** dlw_record_object() - number @index (from 1), or NULL */
const struct dlw_object *dlw_record_object(const struct dlw_watched *watched, uint32_t index);

/** dlw_record_stack() - the stack called @id; depth 0 if there is none */
struct dlw_stack dlw_record_stack(const struct dlw_watched *watched, uint32_t id);

/** dlw_record_lasting() - dlw_progress(), but one number for all the waits of a thread that polls */
static inline uint64_t dlw_record_lasting(const struct dlw_thread *record)
{
	if (dlw_is_polling(record))
		return atomic_load_explicit(&record->want_run, memory_order_relaxed);
	return dlw_progress(record);
}

/** dlw_record_now() - CLOCK_MONOTONIC */
uint64_t dlw_record_now(void);

#endif
