/*
 * core/inversion.c - a finding made of a lock-order cycle
 */
#include "core/inversion.h"

#include "core/finding.h"
#include "core/sort.h"

const char *dlw_trace_op_word(enum dlw_trace_op op)
{
	static const char *const words[DLW_TRACE_OP_COUNT] = {
		[DLW_TRACE_CREATE] = "create",
		[DLW_TRACE_START] = "start",
		[DLW_TRACE_EXIT] = "exit",
		[DLW_TRACE_JOIN] = "join",
		[DLW_TRACE_WANT_JOIN] = "want",
		[DLW_TRACE_ACQUIRE] = "acquire",
		[DLW_TRACE_RELEASE] = "release",
		[DLW_TRACE_FAILED] = "fail",
		[DLW_TRACE_WANT] = "want",
		[DLW_TRACE_WAIT] = "wait",
		[DLW_TRACE_WOKEN] = "woken",
		[DLW_TRACE_SIGNAL] = "signal",
		[DLW_TRACE_BROADCAST] = "broadcast",
		[DLW_TRACE_ARRIVE] = "arrive",
		[DLW_TRACE_LEAVE] = "leave",
		[DLW_TRACE_READ] = "read",
		[DLW_TRACE_WRITE] = "write",
		[DLW_TRACE_FORK] = "fork",
		[DLW_TRACE_GAP] = "gap",
		[DLW_TRACE_GIVE_UP] = "give-up",
	};

	return words[op];
}

/* ---- the shape -------------------------------------------------------------------------- */

/* The cycle begins with the thread of the smallest (pid, tid). */
static uint32_t first_member(const struct dlw_state *state, const struct dlw_inversion *inversion)
{
	uint32_t i, first = 0;

	for (i = 1; i < inversion->count; i++)
		if (dlw_compare_threads(state, inversion->members[i], inversion->members[first]) <
		    0)
			first = i;
	return first;
}

static bool list_core(struct dlw_finding *finding, const struct dlw_state *state,
		      const struct dlw_inversion *inversion, struct dlw_arena *arena)
{
	uint32_t count = inversion->count, first = first_member(state, inversion), i;
	uint32_t *core = dlw_arena_array(arena, uint32_t, count);
	struct dlw_core_edge *edges = dlw_arena_array(arena, struct dlw_core_edge, count);

	if (!core || !edges)
		return false;
	for (i = 0; i < count; i++)
		core[i] = inversion->members[(first + i) % count];
	for (i = 0; i < count; i++)
		edges[i] = (struct dlw_core_edge){ core[i], state->threads[core[i]].want.resource,
						   core[(i + 1) % count] };
	finding->core = core;
	finding->edges = edges;
	finding->core_count = finding->edge_count = count;
	finding->cycle = true;
	return true;
}

struct listing {
	uint32_t *resources, count;
	uint8_t *listed; /* by resource */
};

static void list_resource(struct listing *listing, uint32_t resource)
{
	if (listing->listed[resource])
		return;
	listing->listed[resource] = 1;
	listing->resources[listing->count++] = resource;
}

/* Those of the core in its order, then what else is held, then what else is spoken of. */
static bool list_resources(struct dlw_finding *finding, const struct dlw_state *state,
			   const struct dlw_inversion *inversion, struct dlw_arena *arena)
{
	struct listing listing = {
		.resources = dlw_arena_array(arena, uint32_t, state->resource_count),
		.listed = dlw_arena_array(arena, uint8_t, state->resource_count),
	};
	uint32_t i;

	if (!listing.resources || !listing.listed)
		return false;
	for (i = 0; i < finding->core_count; i++)
		list_resource(&listing, finding->edges[i].resource);
	finding->core_resource_count = listing.count;
	for (i = 0; i < state->hold_count; i++)
		list_resource(&listing, state->holds[i].resource);
	for (i = 0; i < inversion->step_count; i++)
		if (inversion->steps[i].resource != DLW_NONE)
			list_resource(&listing, inversion->steps[i].resource);
	if (inversion->resource != DLW_NONE)
		list_resource(&listing, inversion->resource);
	finding->resources = listing.resources;
	finding->resource_count = listing.count;
	return dlw_finding_sort_resources(finding, arena);
}

/* ---- the conditions ------------------------------------------------------------------------ */

static void say_reason(struct dlw_text *text, const struct dlw_state *state,
		       const struct dlw_finding *finding)
{
	const struct dlw_inversion *inversion = finding->inversion;

	switch (inversion->because) {
	case DLW_BECAUSE_SAME_THREAD:
		dlw_text_add(text, "one thread takes both orders, never at the same time");
		break;
	case DLW_BECAUSE_SHARED:
		dlw_text_add(text, "one of the waits is a reader's for what another reader holds");
		break;
	case DLW_BECAUSE_GATE:
		dlw_text_add(text, "two of them hold ");
		dlw_say_resource(text, state, finding, inversion->resource);
		dlw_text_add(text, " meanwhile, which only one can hold at a time");
		break;
	case DLW_BECAUSE_TIMED:
		dlw_text_add(text, "one of the acquisitions has a timeout and gives up");
		break;
	case DLW_BECAUSE_ORDER:
		dlw_text_add(text, "threads are created, joined, signalled or posted such that "
				   "these acquisitions never overlap (another signal or post might "
				   "have done)");
		break;
	case DLW_BECAUSE_NO_SCHEDULE:
		dlw_text_add(text, "every schedule of what was seen was tried, and none leads "
				   "there");
		break;
	case DLW_BECAUSE_BUDGET:
		dlw_text_add(text, "no schedule that leads there was found, and not all were "
				   "tried");
		break;
	case DLW_BECAUSE_MEMORY:
		dlw_say_resource(text, state, finding, inversion->resource);
		dlw_text_add(text, " was never seen initialised: another lock may have lain at its "
				   "address in between");
		break;
	case DLW_BECAUSE_GAP:
		dlw_text_add(text, "events of one of the threads are missing");
		break;
	case DLW_BECAUSE_HELPERS:
		dlw_text_add(text, "another thread could still give ");
		dlw_say_resource(text, state, finding, inversion->resource);
		break;
	case DLW_BECAUSE_ORDERS_ALONE:
		dlw_text_add(text, "only lock orders were recorded: what else keeps these "
				   "acquisitions apart is not known");
		break;
	case DLW_BECAUSE_NOTHING:
		break;
	}
}

/* Which condition is the one that does not hold. */
static enum dlw_coffman broken_by(enum dlw_because because)
{
	switch (because) {
	case DLW_BECAUSE_SHARED:
		return DLW_MUTUAL_EXCLUSION;
	case DLW_BECAUSE_TIMED:
		return DLW_NO_PREEMPTION;
	default:
		return DLW_CIRCULAR_WAIT;
	}
}

static bool judge_conditions(struct dlw_finding *finding, const struct dlw_state *state,
			     struct dlw_arena *arena)
{
	enum dlw_because because = finding->inversion->because;
	struct dlw_text text = { .arena = arena };
	struct dlw_condition *condition = &finding->coffman[broken_by(because)];

	if (because == DLW_BECAUSE_NOTHING) {
		dlw_text_add(&text, "in the predicted schedule %s", condition->evidence);
	} else {
		condition->holds = false;
		say_reason(&text, state, finding);
	}
	condition->evidence = dlw_text_end(&text);
	return condition->evidence;
}

bool dlw_inversion_build(struct dlw_finding *finding, const struct dlw_state *state,
			 const struct dlw_inversion *inversion, struct dlw_arena *arena)
{
	struct dlw_index index;

	*finding = (struct dlw_finding){ .kind = DLW_INVERSION,
					 .verdict = inversion->verdict,
					 .inversion = inversion };
	return dlw_state_is_valid(state) && dlw_index_build(&index, state, arena) &&
	       list_core(finding, state, inversion, arena) &&
	       list_resources(finding, state, inversion, arena) &&
	       dlw_finding_sort_holds(finding, &index, arena) &&
	       dlw_fingerprint(state, finding, arena) &&
	       dlw_finding_explain(finding, &index, arena) &&
	       judge_conditions(finding, state, arena) &&
	       dlw_finding_advise(finding, &index, arena);
}
