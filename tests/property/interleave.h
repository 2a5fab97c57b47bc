/*
 * interleave.h - small random programs, a run of each, and every other run there is
 *
 * Knows nothing of closures, cycles or dependencies: a state is how far every
 * thread has come, a step is possible or not by the rules of the primitives
 * alone, and all states that can be reached are visited. The threads do in
 * every run what they did in the first one: which branch they took is fixed.
 *
 * A state is a deadlock if some threads of it wait for nobody but each other.
 */
#ifndef DLW_TEST_INTERLEAVE_H
#define DLW_TEST_INTERLEAVE_H

#include <string.h>

#include "core/predict/trace.h"
#include "random.h"

#define MAX_THREADS 4
#define MAX_STEPS 24
#define MAX_OBJECTS 8

struct step {
	enum dlw_trace_op op;
	uint32_t object; /* or thread */
	uint32_t mutex;
	enum dlw_mode mode;
	enum dlw_form form;
	/* what has to come first: one step of another thread, or all arrivals of a round */
	int match_thread, match_at;
	uint32_t round;
	uint32_t order; /* in the run */
};

struct thing {
	enum dlw_kind kind;
	uint32_t initial;
	bool loose; /* a semaphore that strangers post */
};

struct program {
	uint32_t threads, objects;
	struct thing things[MAX_OBJECTS];
	struct step steps[MAX_THREADS][MAX_STEPS];
	uint32_t count[MAX_THREADS];
	bool exits[MAX_THREADS]; /* else the last step is wanted for ever */
};

struct world {
	const struct program *p;
	uint32_t at[MAX_THREADS];
};

/* ---- what a state is ------------------------------------------------------------------ */

static inline const struct step *next_step(const struct world *w, uint32_t t)
{
	return w->at[t] < w->p->count[t] ? &w->p->steps[t][w->at[t]] : NULL;
}

/* How often @t holds @o in a mode that keeps @mode out. */
static inline uint32_t holds(const struct world *w, uint32_t t, uint32_t o, enum dlw_mode mode)
{
	uint32_t i, all = 0, kept = 0;

	for (i = 0; i < w->at[t]; i++) {
		const struct step *s = &w->p->steps[t][i];

		if (s->object != o)
			continue;
		if (s->op == DLW_TRACE_ACQUIRE) {
			all++;
			kept = s->mode != DLW_SHARED || mode != DLW_SHARED ? kept + 1 : kept;
		} else if (s->op == DLW_TRACE_RELEASE && all) {
			all--;
			kept = kept ? kept - 1 : 0;
		}
	}
	return kept;
}

static inline bool is_lock(const struct thing *thing)
{
	return !thing->loose && (thing->kind == DLW_MUTEX || thing->kind == DLW_RWLOCK ||
				 thing->kind == DLW_SEMAPHORE);
}

/* Whether @t would get what step @s asks for. */
static inline bool is_free(const struct world *w, uint32_t t, const struct step *s)
{
	const struct thing *thing = &w->p->things[s->object];
	uint32_t u, taken = 0;

	for (u = 0; u < w->p->threads; u++)
		if (u != t || thing->kind == DLW_SEMAPHORE)
			taken += holds(w, u, s->object, s->mode);
	return taken < (thing->kind == DLW_SEMAPHORE ? thing->initial : 1);
}

static inline bool is_matched(const struct world *w, const struct step *s)
{
	return s->match_thread < 0 || w->at[s->match_thread] > (uint32_t)s->match_at;
}

static inline bool has_exited(const struct world *w, uint32_t t)
{
	return w->p->exits[t] && w->at[t] == w->p->count[t];
}

/* All arrivals of @round at the barrier of step @s. */
static inline bool all_arrived(const struct world *w, const struct step *s, uint32_t round)
{
	uint32_t u, i;

	for (u = 0; u < w->p->threads; u++)
		for (i = w->at[u]; i < w->p->count[u]; i++)
			if (w->p->steps[u][i].op == DLW_TRACE_ARRIVE &&
			    w->p->steps[u][i].object == s->object &&
			    w->p->steps[u][i].round == round)
				return false;
	return true;
}

/* What a semaphore has left. */
static inline int value(const struct world *w, uint32_t o)
{
	int left = (int)w->p->things[o].initial;
	uint32_t u, i;

	for (u = 0; u < w->p->threads; u++)
		for (i = 0; i < w->at[u]; i++)
			if (w->p->steps[u][i].object == o)
				left += (w->p->steps[u][i].op == DLW_TRACE_RELEASE) -
					(w->p->steps[u][i].op == DLW_TRACE_ACQUIRE);
	return left;
}

/* The wake-up that ends the wait which begins with @s. */
static inline const struct step *wake_up(const struct step *s)
{
	return s[2].op == DLW_TRACE_WOKEN ? &s[2] : NULL;
}

static inline bool can_step(const struct world *w, uint32_t t)
{
	const struct step *s = next_step(w, t);

	if (!s || (!w->p->exits[t] && w->at[t] + 1 == w->p->count[t]))
		return false;
	switch (s->op) {
	case DLW_TRACE_ACQUIRE:
		return is_lock(&w->p->things[s->object]) ? is_free(w, t, s) : is_matched(w, s);
	case DLW_TRACE_FAILED:
		return !is_free(w, t, s);
	case DLW_TRACE_JOIN:
		return has_exited(w, s->object);
	case DLW_TRACE_WAIT:
		/* once signalled it would not have waited */
		return w->at[t] + 2 >= w->p->count[t] || !wake_up(s) || !is_matched(w, wake_up(s));
	case DLW_TRACE_ARRIVE:
		/* the order of rounds is kept */
		return !s->round || all_arrived(w, s, s->round - 1);
	case DLW_TRACE_LEAVE:
		return all_arrived(w, s, s->round);
	default:
		return is_matched(w, s);
	}
}

/* ---- what a deadlock is ------------------------------------------------------------------ */

/* Some step of @u still to come gives @o away. */
static inline bool will_give(const struct world *w, uint32_t u, uint32_t o, const struct step *by)
{
	bool barrier = w->p->things[o].kind == DLW_BARRIER;
	uint32_t i;

	for (i = w->at[u]; i + (w->p->exits[u] ? 0 : 1) < w->p->count[u]; i++) {
		const struct step *s = &w->p->steps[u][i];

		if (s->object != o)
			continue;
		if (barrier ? s->op == DLW_TRACE_ARRIVE && s->round == by->round
			    : s->op == DLW_TRACE_SIGNAL || s->op == DLW_TRACE_BROADCAST ||
				      s->op == DLW_TRACE_RELEASE)
			return true;
	}
	return false;
}

/* Of those who can still give it: are there any, and are all of them stuck? */
static inline bool givers_stuck(const struct world *w, const bool *stuck, uint32_t t,
				const struct step *s)
{
	uint32_t u, some = 0;

	for (u = 0; u < w->p->threads; u++) {
		if (u == t || !will_give(w, u, s->object, s))
			continue;
		if (stuck[u])
			some++;
		else if (w->p->things[s->object].kind != DLW_BARRIER)
			return false;
	}
	return some;
}

static inline bool holders_stuck(const struct world *w, const bool *stuck, uint32_t t,
				 const struct step *s)
{
	const struct thing *thing = &w->p->things[s->object];
	uint32_t u, kept = 0;

	for (u = 0; u < w->p->threads; u++) {
		if (u == t && thing->kind != DLW_SEMAPHORE)
			continue;
		if (stuck[u])
			kept += holds(w, u, s->object, s->mode);
	}
	return kept >= (thing->kind == DLW_SEMAPHORE ? thing->initial : 1);
}

/* Blocked, and only those who are stuck can help. */
static inline bool stays(const struct world *w, const bool *stuck, uint32_t t)
{
	const struct step *s = next_step(w, t);

	if (!s || can_step(w, t))
		return false;
	switch (s->op) {
	case DLW_TRACE_ACQUIRE:
	case DLW_TRACE_WANT:
		if (s->form != DLW_FORM_BLOCKING)
			return false;
		if (is_lock(&w->p->things[s->object]))
			return holders_stuck(w, stuck, t, s);
		if (w->p->things[s->object].kind == DLW_SEMAPHORE && value(w, s->object) > 0)
			return false;
		return givers_stuck(w, stuck, t, s);
	case DLW_TRACE_WOKEN:
	case DLW_TRACE_LEAVE:
		return s->form == DLW_FORM_BLOCKING && givers_stuck(w, stuck, t, s);
	case DLW_TRACE_JOIN:
	case DLW_TRACE_WANT_JOIN:
		return stuck[s->object];
	default:
		/* not created yet, by somebody who is stuck */
		return !w->at[t] && s->match_thread >= 0 && stuck[s->match_thread];
	}
}

/* The largest set of threads that wait for each other. Return: how many that have begun */
static inline uint32_t find_stuck(const struct world *w, bool *stuck)
{
	uint32_t t, count = 0;
	bool again = true;

	for (t = 0; t < w->p->threads; t++)
		stuck[t] = true;
	while (again)
		for (again = false, t = 0; t < w->p->threads; t++)
			if (stuck[t] && !stays(w, stuck, t)) {
				stuck[t] = false;
				again = true;
			}
	for (t = 0; t < w->p->threads; t++)
		count += stuck[t] && w->at[t];
	return count;
}

/* ---- every other run ------------------------------------------------------------------------ */

struct exploration {
	uint8_t *seen; /* a bit a state */
	uint32_t radix[MAX_THREADS];
	uint64_t states;
};

/* Of all states of @p, none of them seen; .seen is for free(). */
static inline struct exploration exploration_of(const struct program *p)
{
	struct exploration x = { 0 };
	size_t room = 1;
	uint32_t t;

	for (t = 0; t < p->threads; t++) {
		x.radix[t] = p->count[t] + 1;
		room *= x.radix[t];
	}
	x.seen = calloc(room / 8 + 1, 1);
	if (!x.seen)
		abort();
	return x;
}

static inline bool explore(struct exploration *x, struct world *w)
{
	uint32_t t, number = 0;
	bool stuck[MAX_THREADS];

	for (t = w->p->threads; t-- > 0;)
		number = number * x->radix[t] + w->at[t];
	if (x->seen[number / 8] & 1 << number % 8)
		return false;
	x->seen[number / 8] |= (uint8_t)(1 << number % 8);
	x->states++;
	if (find_stuck(w, stuck))
		return true;
	for (t = 0; t < w->p->threads; t++) {
		bool found;

		if (!can_step(w, t))
			continue;
		w->at[t]++;
		found = explore(x, w);
		w->at[t]--;
		if (found)
			return true;
	}
	return false;
}

/* Whether some run of the same steps deadlocks. */
static inline bool can_deadlock(const struct program *p, uint64_t *states)
{
	struct exploration x = exploration_of(p);
	struct world w = { .p = p };
	bool found = explore(&x, &w);

	*states += x.states;
	free(x.seen);
	return found;
}

#endif
