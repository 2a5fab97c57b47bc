/*
 * shim/rank.c - the check, in programs that declare ranks
 */
#include "shim/rank.h"

#include "shim/hold.h"
#include "shim/misuse.h"
#include "shim/object.h"

#include "shim/banned.h"

/** rank_of() - 0: it has none */
static int32_t rank_of(struct dlw_context *self, enum dlw_kind kind, uint64_t address)
{
	const struct dlw_object *object = dlw_object_find(self, address);

	return object && !object->gone && (object->kind == kind || !object->kind) ? object->rank
										   : 0;
}

void dlw_rank_check_slow(struct dlw_context *self, enum dlw_kind kind, uint64_t address,
			 uint32_t stack)
{
	int32_t rank = rank_of(self, kind, address);
	uint32_t count = dlw_hold_count(self), depth;
	struct dlw_misuse note;

	/* from now on each acquisition comes this way: the short one does not look at ranks */
	dlw_way_becomes(self, DLW_WAY_LONG);
	for (depth = 0; rank && depth < count; depth++) {
		const struct dlw_held *held = dlw_hold_at(self, depth);

		if (held->address == address ||
		    rank_of(self, held->kind, held->address) <= rank ||
		    !dlw_misuse_about(self, &note, DLW_RANK_BROKEN, kind, address))
			continue;
		note.second = held->address;
		note.second_kind = held->kind;
		note.other_tid = self->tid;
		note.other_stack = held->stack;
		note.mode = held->mode;
		dlw_misuse_tell(self, &note, stack);
		return;
	}
}
