/*
 * core/finding.h - from a core of threads to a finding that can be shown
 *
 * Inside the engine only: judge.c finds the cores, finding.c lists what there
 * is to show of them, coffman.c and advice.c put it into words.
 */
#ifndef DLW_CORE_FINDING_H
#define DLW_CORE_FINDING_H

#include "core/index.h"
#include "core/judge.h"
#include "core/release.h"
#include "core/text.h"

/** A core and those behind it, in threads of the state. */
struct dlw_case {
	uint32_t *members, count;
	uint32_t *stuck, stuck_count;
	bool cycle;
	bool orphan;
	uint32_t label; /* orphan: the resource that nobody can release */
	const struct dlw_release *release;
};

/** Room to work in, for all findings of one level; everything in it is zero between them. */
struct dlw_finding_room {
	uint8_t *in_core; /* per node of the graph */
	uint8_t *seen;
	uint32_t *queue;
	uint8_t *listed; /* per resource */
};

bool dlw_finding_room_make(struct dlw_finding_room *room, const struct dlw_release *release,
			   const struct dlw_state *state, struct dlw_arena *arena);

/** dlw_finding_build() - everything but .verdict, which is set; false: memory ran out */
bool dlw_finding_build(struct dlw_finding *finding, const struct dlw_case *found,
		       const struct dlw_index *index, struct dlw_finding_room *room,
		       struct dlw_arena *arena);

/** dlw_finding_explain() - the four conditions; dlw_finding_advise() - the advice */
bool dlw_finding_explain(struct dlw_finding *finding, const struct dlw_index *index,
			 struct dlw_arena *arena);
bool dlw_finding_advise(struct dlw_finding *finding, const struct dlw_index *index,
			struct dlw_arena *arena);

/** dlw_finding_sort_resources() - for dlw_resource_position(): .resources are listed */
bool dlw_finding_sort_resources(struct dlw_finding *finding, struct dlw_arena *arena);

/** dlw_finding_sort_holds() - of its threads, for dlw_next_hold(); .resources are sorted */
bool dlw_finding_sort_holds(struct dlw_finding *finding, const struct dlw_index *index,
			    struct dlw_arena *arena);

/**
 * dlw_next_hold() - the hold of @thread shown after @last, by short id; DLW_NONE: no more
 *
 * @last is DLW_NONE for the first one. The same for every permutation of a state.
 */
uint32_t dlw_next_hold(const struct dlw_state *state, const struct dlw_finding *finding,
		       uint32_t thread, uint32_t last);

/**
 * dlw_finding_site() - where member number @position of the core did its part
 *
 * Where it waits; of a misuse, where the first one did it, or took the lock if
 * that is all there is. NULL: not known, or the place does not matter. What
 * suppression lines name.
 */
const struct dlw_stack *dlw_finding_site(const struct dlw_state *state,
					 const struct dlw_finding *finding, uint32_t position);

/* ---- phrases -------------------------------------------------------------------- */

/** dlw_say_thread() - 'worker-1' (tid 12), or thread 12 where it has no name */
void dlw_say_thread(struct dlw_text *text, const struct dlw_state *state, uint32_t thread);

/** dlw_say_resource() - M1; where the finding does not list it, its kind */
void dlw_say_resource(struct dlw_text *text, const struct dlw_state *state,
		      const struct dlw_finding *finding, uint32_t resource);

/** dlw_say_site() - MODULE+0xOFFSET of the first frame, or "an unknown place" */
void dlw_say_site(struct dlw_text *text, const struct dlw_process_state *process,
		  const struct dlw_stack *stack);

/** dlw_say_separator() - before element @position of @count: nothing, ", " or " and " */
void dlw_say_separator(struct dlw_text *text, uint32_t position, uint32_t count);

#endif
