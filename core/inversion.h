/*
 * core/inversion.h - a finding made of a lock-order cycle
 *
 * The state shows the moment that was predicted: every member waits, and holds
 * what it would hold then. One struct dlw_finding comes of it, with conditions,
 * advice and fingerprint like those of a deadlock that happened.
 */
#ifndef DLW_CORE_INVERSION_H
#define DLW_CORE_INVERSION_H

#include "core/judge.h"
#include "core/predict/predict.h"

/** One step of the schedule, in numbers of the state. */
struct dlw_inversion_step {
	uint32_t thread;
	const char *does;  /* dlw_trace_op_word(), or "want" */
	uint32_t resource; /* DLW_NONE: none */
	enum dlw_mode mode;
	struct dlw_stack stack; /* .depth 0: unknown */
};

struct dlw_inversion {
	enum dlw_verdict verdict;
	enum dlw_because because;
	uint32_t resource; /* of because, DLW_NONE: none */
	/*
	 * Threads of the state, each wants what the next one holds. A thread
	 * that is in the cycle twice is in the state twice. The count of a hold
	 * is how often the order from it to the want was seen.
	 */
	const uint32_t *members;
	uint32_t count;
	const struct dlw_inversion_step *steps;
	uint32_t step_count;
	uint32_t steps_omitted; /* between those listed */
};

/**
 * dlw_inversion_build() - the finding; @inversion must live as long as it
 *
 * Every hold in @state must be a member's. Return: false if memory ran out or
 * @state is not valid.
 */
bool dlw_inversion_build(struct dlw_finding *finding, const struct dlw_state *state,
			 const struct dlw_inversion *inversion, struct dlw_arena *arena);

/** dlw_trace_op_word() - "acquire", "release", … as in the JSON of a witness */
const char *dlw_trace_op_word(enum dlw_trace_op op);

#endif
