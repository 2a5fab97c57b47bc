/*
 * core/predict/faces.c - cycles that look alike to whoever reads of them
 */
#include "core/predict/faces.h"

#include "core/predict/keyed.h"

/* Holds looked at for all instances together; dependencies after that are like no other. */
#define WORK_MAX 100000000u

struct making {
	struct dlw_faces *faces;
	const struct dlw_trace *trace;
	const struct dlw_kept *kept;
	uint32_t *places; /* by object: where the thread that is walked took it last … */
	uint32_t *taken;  /* … if this is that thread's number + 1 */
	uint64_t work;
};

static uint64_t hash_use(const struct making *m, uint64_t hash, uint32_t object, uint8_t mode,
			 uint32_t place)
{
	hash = dlw_mix(hash + ((uint64_t)place << 32 | dlw_object_at(m->trace, object)->kind));
	return dlw_mix(hash + mode + 1);
}

/** face_of_step() - of an instance of @dependency: what is wanted where, while having what from where */
static uint64_t face_of_step(struct making *m, const struct dlw_dependency *dependency,
			     const struct dlw_step *step)
{
	const struct dlw_thread *thread = dlw_thread_at(m->trace, dependency->thread);
	uint64_t hash = hash_use(m, ((uint64_t)thread->program << 8) + dependency->form,
				 dependency->object, dependency->mode, step->extra);
	uint32_t set;

	for (set = dependency->held; set; set = dlw_held_at(m->trace, set).below) {
		const struct dlw_held held = dlw_held_at(m->trace, set);
		bool known = m->taken[held.object] == dependency->thread + 1;

		hash = hash_use(m, hash, held.object, held.mode,
				known ? m->places[held.object] : 0);
		m->work++;
	}
	return hash | 1;
}

/* Even numbers are those of dependencies that are like no other. */
static uint64_t like_no_other(uint32_t place)
{
	return dlw_mix(place + 1) & ~(uint64_t)1;
}

static void look_at(struct making *m, uint32_t number, const struct dlw_step *step)
{
	uint32_t place = dlw_kept_place(m->kept, step);
	const struct dlw_dependency *dependency;
	uint64_t *face, now;

	if (place != DLW_NONE) {
		dependency = dlw_dependency_at(m->trace, m->kept->dependencies[place]);
		face = &m->faces->of[place];
		now = m->work < WORK_MAX ? face_of_step(m, dependency, step) : 0;
		*face = now && (!*face || *face == now) ? now : like_no_other(place);
	}
	if (dlw_step_op(step) != DLW_TRACE_ACQUIRE)
		return;
	dependency = dlw_dependency_at(m->trace, dlw_step_index(step));
	m->places[dependency->object] = step->extra;
	m->taken[dependency->object] = number + 1;
}

bool dlw_faces_make(struct dlw_faces *faces, const struct dlw_trace *trace,
		    const struct dlw_kept *kept, struct dlw_arena *arena,
		    struct dlw_arena *scratch)
{
	struct making m = {
		.faces = faces,
		.trace = trace,
		.kept = kept,
		.places = dlw_arena_array(scratch, uint32_t, trace->objects.count),
		.taken = dlw_arena_array(scratch, uint32_t, trace->objects.count),
	};
	uint32_t number, at;

	faces->of = dlw_arena_array(arena, uint64_t, kept->count);
	if (!faces->of || !m.places || !m.taken)
		return false;
	for (number = 0; number < trace->threads.count; number++) {
		const struct dlw_thread *thread = dlw_thread_at(trace, number);

		for (at = 0; at < thread->steps.count; at++)
			look_at(&m, number, dlw_step_at(thread, at));
	}
	return true;
}

/** face_of_member() - and which of its holds the cycle is about; the search has marked them */
static uint64_t face_of_member(const struct dlw_faces *faces, const struct dlw_trace *trace,
			       const struct dlw_kept *kept, uint32_t place)
{
	uint32_t set = dlw_dependency_at(trace, kept->dependencies[place])->held, at;
	uint64_t face = faces->of[place];

	for (at = 1; set; at++, set = dlw_held_at(trace, set).below)
		if (kept->marks[dlw_held_at(trace, set).object].wanted)
			face = dlw_mix(face + at);
	return face;
}

/* A sum: a cycle has no first member. */
uint64_t dlw_face_of(const struct dlw_faces *faces, const struct dlw_trace *trace,
		     const struct dlw_kept *kept, const struct dlw_pattern *pattern)
{
	uint64_t sum = dlw_mix(pattern->flaws + 1), one, first, before;
	uint32_t i;

	first = before = face_of_member(faces, trace, kept, pattern->members[0]);
	for (i = 1; i < pattern->count; i++) {
		one = face_of_member(faces, trace, kept, pattern->members[i]);
		sum += dlw_mix(dlw_mix(before) + one);
		before = one;
	}
	return sum + dlw_mix(dlw_mix(before) + first);
}
