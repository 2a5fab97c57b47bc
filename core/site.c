/*
 * core/site.c - code addresses as module and offset
 */
#include <string.h>

#include "core/finding_json.h"
#include "core/search.h"
#include "core/site.h"

const struct dlw_module *dlw_module_at(const struct dlw_process_state *process, uint64_t address)
{
	uint32_t at = dlw_first(i, 0, process->module_count, process->modules[i].start > address);

	/* A file may be mapped into a gap between another's segments: look further back. */
	while (at-- > 0)
		if (address < process->modules[at].end)
			return &process->modules[at];
	return NULL;
}

struct dlw_place dlw_place_of(const struct dlw_process_state *process, uint64_t address)
{
	const struct dlw_module *module = process ? dlw_module_at(process, address) : NULL;

	if (!module)
		return (struct dlw_place){ "", address };
	return (struct dlw_place){ module->path ? module->path : "", address - module->bias };
}

uint64_t dlw_hash_number(uint64_t hash, uint64_t number)
{
	int byte;

	for (byte = 0; byte < 8; byte++, number >>= 8)
		hash = (hash ^ (number & 0xff)) * 0x100000001b3ull;
	return hash;
}

uint64_t dlw_hash_text(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	while (*text++);
	return hash;
}

uint64_t dlw_hash_site(uint64_t hash, const struct dlw_process_state *process,
		       const struct dlw_stack *stack)
{
	struct dlw_place place = { "", 0 };

	if (stack->depth)
		place = dlw_place_of(process, stack->frames[0]);
	if (!*place.module)
		place.offset = 0;
	hash = dlw_hash_text(hash, dlw_base_name(place.module));
	return dlw_hash_number(hash, place.offset);
}
