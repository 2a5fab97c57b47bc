/*
 * core/predict/search.h - stage F: look for a run that ends in the cycle
 */
#ifndef DLW_CORE_PREDICT_SEARCH_H
#define DLW_CORE_PREDICT_SEARCH_H

#include "core/predict/run.h"

/** Where a thread of the cycle has to stand: before the step at .position. */
struct dlw_target {
	uint32_t thread, position;
};

/** Threads in the order in which they take a step each, once all before .order have happened. */
struct dlw_schedule {
	uint32_t order;
	uint32_t *threads, count, room;
};

enum dlw_search_result {
	DLW_SEARCH_FOUND,
	DLW_SEARCH_NONE, /* every order of the steps after .order was tried */
	DLW_SEARCH_CUT,  /* the budget ended first, or memory did */
};

struct dlw_search {
	const struct dlw_trace *trace;
	struct dlw_run *run;
	struct dlw_arena *arena;
	uint64_t states; /* still to look at; goes down */
	uint32_t *limit; /* by thread */
	uint32_t *active, active_count;
	uint32_t *cursor; /* by depth */
	uint32_t cursor_room;
	uint64_t *visited;
	uint32_t visited_mask, visited_count;
};

/** dlw_search_make() - @run and @arena stay the caller's; false: memory ran out */
bool dlw_search_make(struct dlw_search *search, struct dlw_run *run, struct dlw_arena *arena);

/**
 * dlw_search() - bring @targets together, beginning before @schedule->order
 *
 * Only threads that the targets need take steps: those of the cycle, and who
 * holds something or has to do something they wait for, up to where it holds
 * nothing any more.
 */
enum dlw_search_result dlw_search(struct dlw_search *search, const struct dlw_target *targets,
				  uint32_t count, struct dlw_schedule *schedule);

/** dlw_schedule_add() - false: memory ran out */
bool dlw_schedule_add(struct dlw_schedule *schedule, uint32_t thread, struct dlw_arena *arena);

#endif
