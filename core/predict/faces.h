/*
 * core/predict/faces.h - cycles that look alike to whoever reads of them
 *
 * A program that locks two of a thousand accounts at one place in its code has a
 * million cycles of lock orders and one mistake. The *face* of a pattern is what
 * there is to see of it but for which locks and threads they were: kinds, modes,
 * and where in the code each lock was taken. Patterns of one face make findings
 * of one fingerprint.
 */
#ifndef DLW_CORE_PREDICT_FACES_H
#define DLW_CORE_PREDICT_FACES_H

#include "core/predict/cycles.h"

/** By kept dependency. One whose instances differ is like no other. */
struct dlw_faces {
	uint64_t *of; /* NULL: not made yet */
};

/** dlw_faces_make() - one walk over the trace; false: memory ran out */
bool dlw_faces_make(struct dlw_faces *faces, const struct dlw_trace *trace,
		    const struct dlw_kept *kept, struct dlw_arena *arena,
		    struct dlw_arena *scratch);

/** dlw_face_of() - of a pattern that the search for cycles has just found */
uint64_t dlw_face_of(const struct dlw_faces *faces, const struct dlw_trace *trace,
		     const struct dlw_kept *kept, const struct dlw_pattern *pattern);

#endif
