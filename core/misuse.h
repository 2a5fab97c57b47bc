/*
 * core/misuse.h - from a note of a misuse to a finding
 *
 *	struct dlw_misuse_seen seen = { .note = …, .process = …, .stack = … };
 *
 *	if (dlw_misuse_finding(&seen, &arena, &state, &finding))
 *		… finding is like any other, within state …
 *
 * A misuse is no matter of judgement: it happened, and the finding says what,
 * where, and to whom. It is no deadlock, so one or more of the four conditions
 * are broken, and the evidence says by what.
 */
#ifndef DLW_CORE_MISUSE_H
#define DLW_CORE_MISUSE_H

#include <dlwatch/log.h>

#include "core/judge.h"

/** A note, and what its ids mean. */
struct dlw_misuse_seen {
	const struct dlw_misuse *note;
	const struct dlw_process_state *process;
	const char *name; /* of the object; NULL */
	struct dlw_stack stack, other_stack, init_stack;
	uint64_t now_ns;
};

/** The sorts that are reported unless asked otherwise: no correct program does these. */
#define DLW_MISUSE_DEFAULT (DLW_MISUSE_ALL & ~(1u << DLW_UNLOCK_BY_STRANGER))
#define DLW_MISUSE_ALL ((1u << DLW_MISUSE_COUNT) - 2)

/**
 * dlw_misuse_parse() - "default", "all", "off", or names with commas between them
 *
 * Return: false if there is another word; *@sorts is then as it was. Bit n of
 *         *@sorts stands for sort n.
 */
bool dlw_misuse_parse(const char *text, size_t length, uint32_t *sorts);

/**
 * dlw_misuse_finding() - the finding, and the small state it speaks of
 *
 * Both live in @arena and in what @seen points to. Return: false if memory ran
 * out or the note is not one.
 */
bool dlw_misuse_finding(const struct dlw_misuse_seen *seen, struct dlw_arena *arena,
			struct dlw_state *state, struct dlw_finding *finding);

#endif
