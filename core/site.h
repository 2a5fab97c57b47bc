/*
 * core/site.h - code addresses as module and offset
 *
 * The engine knows no symbols. A place is the file that covers an address and
 * the address less the file's bias; where no file covers it, no file and the
 * bare address. Return addresses are left as they are: whoever looks up a
 * source line must look one byte before them, since a call may be the last
 * instruction of its line.
 */
#ifndef DLW_CORE_SITE_H
#define DLW_CORE_SITE_H

#include <stddef.h>

#include "core/path.h"
#include "core/state.h"

struct dlw_place {
	const char *module; /* path, "" if no module covers the address */
	uint64_t offset;
};

/** dlw_place_of() - @address as seen by @process; @process may be NULL */
struct dlw_place dlw_place_of(const struct dlw_process_state *process, uint64_t address);

/** dlw_process_of() - the process of @thread */
static inline const struct dlw_process_state *dlw_process_of(const struct dlw_state *state,
							     uint32_t thread)
{
	return &state->processes[state->threads[thread].process];
}

/** dlw_process_or_null() - process number @process, NULL for DLW_NONE */
static inline const struct dlw_process_state *dlw_process_or_null(const struct dlw_state *state,
								  uint32_t process)
{
	return process < state->process_count ? &state->processes[process] : NULL;
}

#define DLW_HASH_START 0xcbf29ce484222325ull

/** dlw_hash_number() - mix @number into @hash (FNV-1a over its bytes) */
uint64_t dlw_hash_number(uint64_t hash, uint64_t number);

/** dlw_hash_text() - mix a string and its end into @hash */
uint64_t dlw_hash_text(uint64_t hash, const char *text);

/**
 * dlw_hash_site() - mix in the first frame of @stack
 *
 * Base name and offset of its module: equal in every run of one build, whatever
 * the load address. An address outside all modules counts as "unknown".
 */
uint64_t dlw_hash_site(uint64_t hash, const struct dlw_process_state *process,
		       const struct dlw_stack *stack);

#endif
