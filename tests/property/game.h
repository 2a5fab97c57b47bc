/*
 * game.h - a moment played to its end by brute force
 *
 * The opposite of the engine's way: no graph, no counters. Threads that run give
 * back everything, post, signal and arrive wherever they may, and end; then a
 * waiting thread whose call could return runs as well; and so on until nobody
 * more can. Written from the rules alone (docs/semantics.md), to be compared.
 */
#ifndef DLW_TEST_GAME_H
#define DLW_TEST_GAME_H

#include <string.h>

#include "core/judge.h"

enum belief { OWNED, INFERRED, UNPOSTED, OPEN };

struct game {
	const struct dlw_state *state;
	enum belief belief;
	bool runs[64];
};

static inline bool game_gone(const struct game *g, uint32_t t)
{
	return g->state->threads[t].life == DLW_GONE ||
	       g->state->processes[g->state->threads[t].process].ended;
}

/* Somebody of process @p goes on; also if nothing is known of it. */
static inline bool game_process_runs(const struct game *g, uint32_t p)
{
	uint32_t t, known = 0;

	if (g->state->processes[p].open_reason && (g->belief == OWNED || g->belief == OPEN))
		return true;
	for (t = 0; t < g->state->thread_count; t++) {
		if (g->state->threads[t].process != p || game_gone(g, t))
			continue;
		known++;
		if (g->runs[t])
			return true;
	}
	return !known;
}

/* Anybody at all could help @t over @r. */
static inline bool game_anybody(const struct game *g, uint32_t t, uint32_t r)
{
	uint32_t p;

	if (g->belief != OPEN)
		return true;
	if (!(g->state->resources[r].traits & DLW_TRAIT_SHARED))
		return game_process_runs(g, g->state->threads[t].process);
	for (p = 0; p < g->state->process_count; p++)
		if (!g->state->processes[p].ended && game_process_runs(g, p))
			return true;
	return false;
}

/* ---- events ----------------------------------------------------------------------- */

/* Posters or signallers that are known: does one run? *known: is the list of any use? */
static inline bool game_known_runs(const struct game *g, uint32_t t, uint32_t r, bool told_only,
				   bool *known)
{
	bool others = false, whole = true, runs = false;
	uint32_t i;

	for (i = 0; i < g->state->releaser_count; i++) {
		const struct dlw_releaser *releaser = &g->state->releasers[i];

		if (releaser->resource != r ||
		    (told_only && releaser->provenance == DLW_SEEN_BEFORE))
			continue;
		if (game_gone(g, releaser->thread)) {
			if (releaser->provenance == DLW_SEEN_BEFORE)
				whole = false;
			continue;
		}
		if (releaser->thread != t)
			others = true;
		if (g->runs[releaser->thread])
			runs = true;
	}
	*known = others && whole;
	return runs;
}

struct count {
	uint32_t out, takers, gone, own;
	bool runs;
};

static inline struct count game_permits(const struct game *g, uint32_t t, uint32_t r)
{
	struct count c = { 0 };
	uint32_t other, i, held;

	for (other = 0; other < g->state->thread_count; other++) {
		for (held = 0, i = 0; i < g->state->hold_count; i++)
			if (g->state->holds[i].thread == other && g->state->holds[i].resource == r)
				held += g->state->holds[i].count;
		if (!held)
			continue;
		c.out += held;
		c.takers++;
		if (game_gone(g, other))
			c.gone++;
		else if (g->runs[other])
			c.runs = true;
		if (other == t)
			c.own = 1;
	}
	return c;
}

static inline bool game_permit(const struct game *g, uint32_t t, uint32_t r)
{
	const struct dlw_resource_state *s = &g->state->resources[r];
	struct count c = game_permits(g, t, r);
	bool known, told, told_runs, runs = game_known_runs(g, t, r, false, &known);

	told_runs = game_known_runs(g, t, r, true, &told);
	if (g->belief == OWNED)
		return true;
	if (s->history == DLW_LOCK_LIKE) {
		bool covered = s->kind != DLW_SEMAPHORE || !s->initial_known || c.out >= s->initial;
		bool robust = c.gone && (s->traits & DLW_TRAIT_ROBUST);
		bool others = c.own ? c.takers - 1 > c.gone : c.takers > 0;

		if (covered && !robust && others)
			return c.runs || told_runs;
	} else if (s->history == DLW_SIGNAL_LIKE) {
		if (known && !s->ever_posted_by_vanished)
			return runs;
	} else {
		if (told)
			return told_runs;
		if (g->belief == UNPOSTED && s->kind == DLW_SEMAPHORE && s->initial_known &&
		    s->initial == 1 && c.takers == 1 && c.out == 1 && !c.own && !c.gone &&
		    !s->ever_posted_by_vanished)
			return c.runs || told_runs;
	}
	return game_anybody(g, t, r);
}

static inline bool game_signal(const struct game *g, uint32_t t, uint32_t r)
{
	bool known, runs = game_known_runs(g, t, r, false, &known);

	if (g->belief == OWNED)
		return true;
	if (known && !g->state->resources[r].ever_posted_by_vanished)
		return runs;
	return game_anybody(g, t, r);
}

static inline bool game_waits_at(const struct game *g, uint32_t t, uint32_t r)
{
	return !game_gone(g, t) && g->state->threads[t].life == DLW_WAITING &&
	       g->state->threads[t].want.resource == r;
}

static inline bool game_arrival(const struct game *g, uint32_t t, uint32_t r)
{
	const struct dlw_resource_state *b = &g->state->resources[r];
	uint32_t other, i, here = 0, able = 0, running = 0, lacking;
	bool whole = !b->ever_posted_by_vanished;

	if (!b->initial_known)
		return game_anybody(g, t, r);
	for (other = 0; other < g->state->thread_count; other++) {
		bool comes = false;

		here += game_waits_at(g, other, r);
		for (i = 0; i < g->state->releaser_count; i++) {
			const struct dlw_releaser *releaser = &g->state->releasers[i];

			if (releaser->resource != r || releaser->thread != other)
				continue;
			comes = true;
			if (game_gone(g, other) ||
			    (g->belief == OWNED && releaser->provenance != DLW_SOLE_OWNER))
				whole = false;
		}
		if (comes && !game_waits_at(g, other, r)) {
			able++;
			running += g->runs[other];
		}
	}
	if (here < b->arrived)
		here = b->arrived;
	if (b->initial <= here)
		return true;
	lacking = b->initial - here;
	if (whole && able >= lacking)
		return running >= lacking;
	return game_anybody(g, t, r);
}

static inline bool game_pipe(const struct game *g, uint32_t r)
{
	bool any = false, runs = false, certain = true;
	uint32_t i;

	for (i = 0; i < g->state->releaser_count; i++) {
		const struct dlw_releaser *releaser = &g->state->releasers[i];
		uint32_t p = g->state->threads[releaser->thread].process;

		if (releaser->resource != r || game_gone(g, releaser->thread))
			continue;
		any = true;
		if (g->runs[releaser->thread])
			runs = true;
		if ((g->belief == OWNED && releaser->provenance != DLW_SOLE_OWNER) ||
		    g->state->processes[p].open_reason)
			certain = false;
	}
	if (!any || ((g->belief == OWNED || g->belief == OPEN) && !certain))
		return true;
	return runs;
}

static inline bool game_child(const struct game *g, uint32_t t, uint32_t r)
{
	uint32_t p = g->state->resources[r].subject, other;

	if (p == DLW_NONE)
		return game_pipe(g, r);
	if (p == g->state->threads[t].process || g->state->processes[p].ended)
		return true;
	for (other = 0; other < g->state->thread_count; other++)
		if (g->state->threads[other].process == p && !game_gone(g, other))
			return game_process_runs(g, p);
	return true;
}

static inline bool game_join(const struct game *g, uint32_t t, uint32_t r)
{
	uint32_t subject = g->state->resources[r].subject;

	return subject == DLW_NONE || subject == t || game_gone(g, subject) || g->runs[subject];
}

/* ---- locks -------------------------------------------------------------------------- */

static inline bool game_shares(enum dlw_kind kind)
{
	return kind == DLW_RWLOCK || kind == DLW_CUSTOM || kind == DLW_FILE_LOCK;
}

/* How thread @t claims lock @r: 0 not at all, 1 for reading, 2 exclusively. */
static inline int game_claim(const struct game *g, uint32_t t, uint32_t r)
{
	enum dlw_kind kind = g->state->resources[r].kind;
	int claim = 0;
	uint32_t i;

	for (i = 0; i < g->state->hold_count; i++) {
		const struct dlw_hold *hold = &g->state->holds[i];

		if (hold->thread != t || hold->resource != r || !hold->count)
			continue;
		if (game_shares(kind) && hold->mode == DLW_SHARED)
			claim = claim ? claim : 1;
		else
			claim = 2;
	}
	return claim;
}

/* A claim of a thread that is gone: does it keep others out for ever? */
static inline bool game_gone_blocks(const struct game *g, uint32_t r)
{
	const struct dlw_resource_state *lock = &g->state->resources[r];

	if ((lock->traits & DLW_TRAIT_ROBUST) || lock->kind == DLW_ONCE)
		return false;
	if ((lock->traits & DLW_TRAIT_INHERIT) || lock->kind == DLW_CUSTOM)
		return g->belief != OWNED;
	return true;
}

static inline bool game_in_the_way(const struct game *g, uint32_t owner, uint32_t r)
{
	return game_gone(g, owner) ? game_gone_blocks(g, r) : !g->runs[owner];
}

static inline bool game_relock_waits(const struct game *g, uint32_t r)
{
	const struct dlw_resource_state *lock = &g->state->resources[r];

	if (lock->kind == DLW_SPINLOCK || lock->kind == DLW_ONCE)
		return true;
	if (lock->kind == DLW_RWLOCK)
		return false;
	if (lock->type == DLW_TYPE_NORMAL || lock->type == DLW_TYPE_ADAPTIVE)
		return true;
	return lock->type == DLW_TYPE_UNKNOWN && g->belief != OWNED;
}

static inline bool game_lock(const struct game *g, uint32_t t, uint32_t r, bool exclusive)
{
	bool robust = g->state->resources[r].traits & DLW_TRAIT_ROBUST, lives = false;
	uint32_t other, claims = 0, writers = 0, in_the_way = 0;
	int claim;

	if (g->state->resources[r].traits & DLW_TRAIT_DISTRUSTED)
		return game_permit(g, t, r);
	for (other = 0; other < g->state->thread_count; other++)
		lives |= game_claim(g, other, r) && !game_gone(g, other);
	for (other = 0; other < g->state->thread_count; other++) {
		claim = game_claim(g, other, r);
		if (!claim || (robust && lives && game_gone(g, other)))
			continue;
		claims++;
		writers += claim == 2;
		in_the_way += (exclusive || claim == 2) && game_in_the_way(g, other, r);
	}
	if (writers && claims > 1)
		return true; /* they cannot all be right */
	if (game_claim(g, t, r) == 2)
		return !game_relock_waits(g, r);
	return !in_the_way;
}

static inline bool game_queue(const struct game *g, uint32_t t, uint32_t r)
{
	uint64_t place = g->state->threads[t].want.order;
	uint32_t other, ahead = 0, ahead_dead = 0, doubtful = 0, all = 0, all_dead = 0;

	if (g->state->resources[r].type != DLW_TYPE_PREFER_WRITER_NONRECURSIVE ||
	    (g->state->resources[r].traits & DLW_TRAIT_DISTRUSTED))
		return true;
	for (other = 0; other < g->state->thread_count; other++) {
		const struct dlw_want *want = &g->state->threads[other].want;

		if (other == t || !game_waits_at(g, other, r) || want->mode != DLW_EXCLUSIVE)
			continue;
		all++;
		all_dead += !g->runs[other];
		if (!want->order || !place) {
			doubtful++;
		} else if (want->order < place) {
			ahead++;
			ahead_dead += !g->runs[other];
		}
	}
	if (ahead)
		return !ahead_dead;
	return !doubtful || g->belief == OWNED || all_dead < all;
}

/* Files: a process is in its own way by descriptions alone. */
static inline bool game_blocks_file(const struct game *g, const struct dlw_hold *hold, uint32_t own)
{
	return hold->count &&
	       (hold->description || g->state->threads[hold->thread].process != own);
}

/* Claims of others; exclusive ones are one, shared ones go by description. */
static inline bool game_file_claim_runs(const struct game *g, const struct dlw_hold *claim,
					uint32_t own)
{
	uint32_t i, p;

	for (i = 0; i < g->state->releaser_count; i++)
		if (g->state->releasers[i].resource == claim->resource &&
		    !game_gone(g, g->state->releasers[i].thread) &&
		    g->runs[g->state->releasers[i].thread])
			return true;
	for (i = 0; i < g->state->hold_count; i++) {
		const struct dlw_hold *hold = &g->state->holds[i];
		bool same;

		p = g->state->threads[hold->thread].process;
		if (hold->resource != claim->resource || !game_blocks_file(g, hold, own))
			continue;
		if (claim->mode == DLW_SHARED && hold->mode == DLW_SHARED)
			same = claim->description || hold->description
				       ? claim->description == hold->description
				       : p == g->state->threads[claim->thread].process;
		else
			same = claim->mode != DLW_SHARED && hold->mode != DLW_SHARED;
		if (same && (g->state->processes[p].ended || game_process_runs(g, p)))
			return true;
	}
	return false;
}

static inline bool game_file(const struct game *g, uint32_t t, uint32_t r)
{
	uint32_t own = g->state->threads[t].process, i;

	for (i = 0; i < g->state->hold_count; i++) {
		const struct dlw_hold *hold = &g->state->holds[i];

		if (hold->resource != r || !game_blocks_file(g, hold, own) ||
		    (g->state->threads[t].want.mode == DLW_SHARED && hold->mode == DLW_SHARED))
			continue;
		if (!game_file_claim_runs(g, hold, own))
			return false;
	}
	return true;
}

/* ---- the wait as a whole --------------------------------------------------------------- */

static inline bool game_old_enough(const struct game *g, const struct dlw_want *want)
{
	uint64_t least = g->belief == OPEN ? g->state->stall_ns : 3 * g->state->stall_ns;

	if (g->belief != OPEN && g->belief != UNPOSTED)
		return true;
	return want->since_ns && want->since_ns <= g->state->now_ns &&
	       g->state->now_ns - want->since_ns >= least;
}

static inline bool game_gives_up(const struct game *g, const struct dlw_want *want)
{
	if (want->flags & DLW_WANT_CANCELLED)
		return true;
	if (want->flags & DLW_WANT_POLLING)
		return g->belief == OWNED || g->belief == OPEN;
	return want->flags & DLW_WANT_TIMED;
}

static inline bool game_can_go(const struct game *g, uint32_t t)
{
	const struct dlw_want *want = &g->state->threads[t].want;
	uint32_t r = want->resource;
	bool shared = want->mode == DLW_SHARED;

	if ((want->flags & DLW_WANT_TRY) || !game_old_enough(g, want))
		return true;
	if (g->belief == OWNED && (want->flags & (DLW_WANT_INTERRUPTIBLE | DLW_WANT_UNCONFIRMED)))
		return true;
	if (g->state->resources[r].kind == DLW_CONDITION)
		return (game_gives_up(g, want) || game_signal(g, t, r)) &&
		       (want->mutex == DLW_NONE || game_claim(g, t, want->mutex) == 2 ||
			game_lock(g, t, want->mutex, true));
	if (game_gives_up(g, want))
		return true;
	switch (g->state->resources[r].kind) {
	case DLW_MUTEX:
	case DLW_SPINLOCK:
	case DLW_ONCE:
		return game_lock(g, t, r, true);
	case DLW_CUSTOM:
		return game_lock(g, t, r, !shared);
	case DLW_RWLOCK:
		return game_lock(g, t, r, !shared) && (!shared || game_queue(g, t, r));
	case DLW_SEMAPHORE:
		return game_permit(g, t, r);
	case DLW_BARRIER:
		return game_arrival(g, t, r);
	case DLW_THREAD:
		return game_join(g, t, r);
	case DLW_PROCESS:
		return game_child(g, t, r);
	case DLW_FILE_LOCK:
		return game_file(g, t, r);
	case DLW_PIPE:
		return game_pipe(g, r);
	default:
		return true;
	}
}

/* Play on until nobody more can run; threads of .runs do from the start. */
static inline void game_play(struct game *g)
{
	bool moved = true;
	uint32_t t;

	for (t = 0; t < g->state->thread_count; t++)
		if (!game_gone(g, t) &&
		    (g->state->threads[t].life == DLW_LIVE || g->state->threads[t].exempt))
			g->runs[t] = true;
	while (moved)
		for (moved = false, t = 0; t < g->state->thread_count; t++)
			if (!g->runs[t] && !game_gone(g, t) && game_can_go(g, t))
				moved = g->runs[t] = true;
}

#endif
