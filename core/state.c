/*
 * core/state.c - is a description of a moment in order?
 */
#include <stddef.h>

#include "core/state.h"

static bool stack_is_valid(const struct dlw_stack *stack)
{
	return !stack->depth || stack->frames;
}

static bool want_is_valid(const struct dlw_state *state, const struct dlw_want *want)
{
	return want->resource < state->resource_count && (unsigned)want->mode < DLW_MODE_COUNT &&
	       (want->mutex == DLW_NONE || want->mutex < state->resource_count) &&
	       stack_is_valid(&want->stack);
}

static bool thread_is_valid(const struct dlw_state *state, const struct dlw_thread_state *thread)
{
	return thread->process < state->process_count && (unsigned)thread->life <= DLW_GONE &&
	       stack_is_valid(&thread->created_at) &&
	       (thread->life != DLW_WAITING || want_is_valid(state, &thread->want));
}

static bool resource_is_valid(const struct dlw_state *state,
			      const struct dlw_resource_state *resource)
{
	uint32_t subjects = 0;

	if (resource->kind == DLW_THREAD)
		subjects = state->thread_count;
	else if (resource->kind == DLW_PROCESS)
		subjects = state->process_count;
	return (unsigned)resource->kind < DLW_KIND_COUNT &&
	       (unsigned)resource->type < DLW_TYPE_COUNT &&
	       (unsigned)resource->history <= DLW_SIGNAL_LIKE &&
	       (resource->process == DLW_NONE || resource->process < state->process_count) &&
	       stack_is_valid(&resource->init_stack) &&
	       (!subjects || resource->subject == DLW_NONE || resource->subject < subjects);
}

static bool process_is_valid(const struct dlw_process_state *process)
{
	return (!process->module_count || process->modules) &&
	       (!process->arg_count || process->args);
}

static bool edges_are_valid(const struct dlw_state *state)
{
	uint32_t i;

	for (i = 0; i < state->hold_count; i++) {
		const struct dlw_hold *hold = &state->holds[i];

		if (hold->thread >= state->thread_count ||
		    hold->resource >= state->resource_count ||
		    (unsigned)hold->mode >= DLW_MODE_COUNT || !stack_is_valid(&hold->stack))
			return false;
	}
	for (i = 0; i < state->releaser_count; i++) {
		const struct dlw_releaser *releaser = &state->releasers[i];

		if (releaser->thread >= state->thread_count ||
		    releaser->resource >= state->resource_count ||
		    (unsigned)releaser->provenance > DLW_SOLE_OWNER)
			return false;
	}
	return true;
}

bool dlw_state_is_valid(const struct dlw_state *state)
{
	uint32_t i;

	if (state->process_count && state->reporter >= state->process_count)
		return false;
	for (i = 0; i < state->process_count; i++)
		if (!process_is_valid(&state->processes[i]))
			return false;
	for (i = 0; i < state->thread_count; i++)
		if (!thread_is_valid(state, &state->threads[i]))
			return false;
	for (i = 0; i < state->resource_count; i++)
		if (!resource_is_valid(state, &state->resources[i]))
			return false;
	return edges_are_valid(state);
}
