/*
 * programs.h - small random programs, and one run of each
 *
 * A random scheduler runs it until nothing is left that could go on; what every
 * thread did, and in which order, is what interleave.h plays in all others.
 */
#ifndef DLW_TEST_PROGRAMS_H
#define DLW_TEST_PROGRAMS_H

#include "interleave.h"

/* ---- programs ------------------------------------------------------------------------ */

enum feature {
	RWLOCKS = 1 << 0,
	FORMS = 1 << 1,   /* try and timed */
	PERMITS = 1 << 2, /* semaphores given back by whoever took them … */
	POOLS = 1 << 6,   /* … with two permits */
	POSTS = 1 << 3,   /* semaphores posted by anybody */
	CONDITIONS = 1 << 4,
	BARRIERS = 1 << 5,
};

enum what { LOCK, UNLOCK, SIGNAL, BROADCAST, WAIT, BARRIER, CREATE, JOIN };

struct action {
	enum what what;
	uint32_t object, mutex;
	enum dlw_mode mode;
	enum dlw_form form;
};

struct text {
	struct action actions[MAX_STEPS];
	uint32_t count;
};

static void write_action(struct text *text, struct action action)
{
	if (text->count < 10)
		text->actions[text->count++] = action;
}

/* The things: three mutexes, and what the set has. */
static void make_things(struct dice *dice, struct program *p, uint32_t features)
{
	p->objects = 3;
	p->things[0].kind = p->things[1].kind = p->things[2].kind = DLW_MUTEX;
	if (features & RWLOCKS) {
		p->things[1].kind = DLW_RWLOCK;
		if (chance(dice, 50))
			p->things[2].kind = DLW_RWLOCK;
	}
	if (features & PERMITS)
		p->things[p->objects++] =
			(struct thing){ DLW_SEMAPHORE, features & POOLS ? 2 : 1, false };
	if (features & POSTS)
		p->things[p->objects++] = (struct thing){ DLW_SEMAPHORE, roll(dice, 2), false };
	if (features & CONDITIONS)
		p->things[p->objects++].kind = DLW_CONDITION;
	if (features & BARRIERS)
		p->things[p->objects++] = (struct thing){ DLW_BARRIER, 2, false };
}

static struct action random_lock(struct dice *dice, const struct program *p, uint32_t features,
				 uint32_t object)
{
	struct action action = { .what = LOCK, .object = object, .mode = DLW_EXCLUSIVE };

	if (p->things[object].kind == DLW_SEMAPHORE)
		action.mode = DLW_PERMIT;
	else if (p->things[object].kind == DLW_RWLOCK && chance(dice, 50))
		action.mode = DLW_SHARED;
	if (features & FORMS && action.mode != DLW_PERMIT && chance(dice, 30))
		action.form = chance(dice, 50) ? DLW_FORM_TRY : DLW_FORM_TIMED;
	return action;
}

static struct action random_action(struct dice *dice, const struct program *p, uint32_t features,
				   bool *held)
{
	uint32_t object = roll(dice, p->objects), at;

	switch (p->things[object].kind) {
	case DLW_CONDITION:
		for (at = 0; at < 3; at++)
			if (p->things[at].kind == DLW_MUTEX && held[at] && chance(dice, 60))
				return (struct action){ .what = WAIT,
							.object = object,
							.mutex = at,
							.form = features & FORMS && chance(dice, 20)
									? DLW_FORM_TIMED
									: DLW_FORM_BLOCKING };
		return (struct action){ .what = chance(dice, 30) ? BROADCAST : SIGNAL,
					.object = object };
	case DLW_BARRIER:
		return (struct action){ .what = BARRIER, .object = object };
	default:
		break;
	}
	if (held[object]) {
		held[object] = false;
		return (struct action){ .what = UNLOCK, .object = object };
	}
	if (p->things[object].kind == DLW_SEMAPHORE && features & POSTS && chance(dice, 40))
		return (struct action){ .what = UNLOCK, .object = object };
	held[object] = true;
	return random_lock(dice, p, features, object);
}

static void write_thread(struct dice *dice, const struct program *p, uint32_t features,
			 uint32_t thread, struct text *text)
{
	bool held[MAX_OBJECTS] = { false };
	uint32_t length = 3 + roll(dice, 5), at, child = 1;

	for (at = 0; at < length; at++) {
		if (!thread && child < p->threads && chance(dice, 60))
			write_action(text, (struct action){ .what = CREATE, .object = child++ });
		write_action(text, random_action(dice, p, features, held));
	}
	for (at = p->objects; at-- > 0;)
		if (held[at] && chance(dice, 90))
			write_action(text, (struct action){ .what = UNLOCK, .object = at });
	for (at = 1; !thread && at < child; at++)
		if (chance(dice, 50)) {
			/* a join somewhere after the creation, perhaps with locks held */
			uint32_t place = text->count - roll(dice, 3), i;

			if (text->count >= MAX_STEPS - 8)
				break;
			for (i = 0; i < text->count; i++)
				if (text->actions[i].what == CREATE &&
				    text->actions[i].object == at && place <= i)
					place = i + 1;
			memmove(&text->actions[place + 1], &text->actions[place],
				sizeof(text->actions[0]) * (text->count - place));
			text->actions[place] = (struct action){ .what = JOIN, .object = at };
			text->count++;
		}
}

/* ---- a run ------------------------------------------------------------------------------- */

struct runner {
	struct dice *dice;
	struct program *p;
	struct text texts[MAX_THREADS];
	uint32_t pc[MAX_THREADS];
	bool started[MAX_THREADS], done[MAX_THREADS];
	uint32_t held[MAX_THREADS][MAX_OBJECTS];
	enum dlw_mode mode[MAX_THREADS][MAX_OBJECTS];
	uint32_t value[MAX_OBJECTS];
	/* conditions: since when a thread waits, 0: it does not; signals on their way */
	uint32_t since[MAX_THREADS];
	bool woken[MAX_THREADS];
	struct {
		uint32_t order, left;
		int thread, at;
	} signals[MAX_THREADS * MAX_STEPS];
	uint32_t signal_count;
	/* barriers */
	uint32_t arrivals[MAX_OBJECTS];
	uint32_t round[MAX_THREADS];
	bool arrived[MAX_THREADS];
	uint32_t order;
	bool full;
};

static struct step *record(struct runner *r, uint32_t t, enum dlw_trace_op op,
			   const struct action *action)
{
	struct step *s = &r->p->steps[t][r->p->count[t]];

	if (r->p->count[t] == MAX_STEPS - 1) {
		r->full = true;
		return s;
	}
	r->p->count[t]++;
	*s = (struct step){ .op = op, .match_thread = -1, .order = r->order++ };
	if (action) {
		s->object = action->object;
		s->mutex = action->mutex;
		s->mode = action->mode;
		s->form = action->form;
	}
	return s;
}

static bool available(const struct runner *r, uint32_t t, const struct action *a)
{
	uint32_t u;

	if (r->p->things[a->object].kind == DLW_SEMAPHORE)
		return r->value[a->object];
	for (u = 0; u < r->p->threads; u++)
		if (u != t && r->held[u][a->object] &&
		    (a->mode != DLW_SHARED || r->mode[u][a->object] != DLW_SHARED))
			return false;
	return !r->held[t][a->object];
}

static void take(struct runner *r, uint32_t t, const struct action *a)
{
	record(r, t, DLW_TRACE_ACQUIRE, a);
	r->held[t][a->object]++;
	r->mode[t][a->object] = a->mode;
	if (r->p->things[a->object].kind == DLW_SEMAPHORE)
		r->value[a->object]--;
}

/* A signal that @t may take, or the number of signals. */
static uint32_t signal_for(const struct runner *r, uint32_t t)
{
	uint32_t i;

	for (i = 0; i < r->signal_count; i++)
		if (r->signals[i].left && r->signals[i].order > r->since[t])
			break;
	return i;
}

static bool is_done(const struct runner *r, uint32_t t)
{
	return r->done[t];
}

/* Whether it is @t's turn to do something, given the choice. */
static bool ready(const struct runner *r, uint32_t t)
{
	const struct action *a = &r->texts[t].actions[r->pc[t]];
	struct action again;

	if (!r->started[t] || r->done[t])
		return false;
	if (r->pc[t] == r->texts[t].count)
		return true;
	switch (a->what) {
	case LOCK:
		return a->form != DLW_FORM_BLOCKING || available(r, t, a);
	case JOIN:
		return is_done(r, a->object);
	case WAIT:
		if (r->woken[t]) {
			again = (struct action){ .object = a->mutex, .mode = DLW_EXCLUSIVE };
			return available(r, t, &again);
		}
		return !r->since[t] || a->form == DLW_FORM_TIMED ||
		       signal_for(r, t) < r->signal_count;
	case BARRIER:
		return !r->arrived[t] || r->arrivals[a->object] >= 2 * (r->round[t] + 1);
	default:
		return true;
	}
}

static void unlock(struct runner *r, uint32_t t, const struct action *a)
{
	if (!r->held[t][a->object] && r->p->things[a->object].kind != DLW_SEMAPHORE)
		return; /* its try failed */
	record(r, t, DLW_TRACE_RELEASE, a);
	if (r->p->things[a->object].kind == DLW_SEMAPHORE) {
		r->value[a->object]++;
		if (!r->held[t][a->object])
			r->p->things[a->object].loose = true;
	}
	if (r->held[t][a->object])
		r->held[t][a->object]--;
}

static void lock(struct runner *r, uint32_t t, const struct action *a)
{
	if (available(r, t, a))
		take(r, t, a);
	else if (a->form != DLW_FORM_BLOCKING && !r->held[t][a->object])
		record(r, t, DLW_TRACE_FAILED, a);
}

static uint32_t waiting(const struct runner *r)
{
	uint32_t t, count = 0;

	for (t = 0; t < r->p->threads; t++)
		count += r->since[t] && !r->woken[t];
	return count;
}

static void give_signal(struct runner *r, uint32_t t, const struct action *a)
{
	uint32_t left = a->what == SIGNAL ? 1 : waiting(r);
	struct step *s =
		record(r, t, a->what == SIGNAL ? DLW_TRACE_SIGNAL : DLW_TRACE_BROADCAST, a);

	if (!waiting(r))
		return;
	r->signals[r->signal_count].order = s->order;
	r->signals[r->signal_count].left = left;
	r->signals[r->signal_count].thread = (int)t;
	r->signals[r->signal_count++].at = (int)r->p->count[t] - 1;
}

/* One part of a condition wait. Return: it is over */
static bool wait(struct runner *r, uint32_t t, const struct action *a)
{
	struct action mutex = { .object = a->mutex, .mode = DLW_EXCLUSIVE };
	uint32_t found;
	struct step *s;

	if (r->woken[t]) {
		take(r, t, &mutex);
		r->woken[t] = false;
		r->since[t] = 0;
		return true;
	}
	if (!r->since[t]) {
		if (!r->held[t][a->mutex] || r->p->things[a->mutex].kind != DLW_MUTEX)
			return true;
		r->since[t] = record(r, t, DLW_TRACE_WAIT, a)->order + 1;
		unlock(r, t, &mutex);
		return false;
	}
	found = signal_for(r, t);
	r->woken[t] = true;
	if (found == r->signal_count) {
		record(r, t, DLW_TRACE_GIVE_UP, a);
	} else {
		s = record(r, t, DLW_TRACE_WOKEN, a);
		s->match_thread = r->signals[found].thread;
		s->match_at = r->signals[found].at;
		r->signals[found].left--;
	}
	/* what nobody is left to hear is not kept for those who come later */
	if (!waiting(r))
		r->signal_count = 0;
	return false;
}

static bool barrier(struct runner *r, uint32_t t, const struct action *a)
{
	struct step *s;

	if (r->arrived[t]) {
		r->arrived[t] = false;
		s = record(r, t, DLW_TRACE_LEAVE, a);
		s->round = r->round[t];
		return true;
	}
	r->arrived[t] = true;
	r->round[t] = r->arrivals[a->object]++ / 2;
	s = record(r, t, DLW_TRACE_ARRIVE, a);
	s->round = r->round[t];
	return false;
}

static void act(struct runner *r, uint32_t t)
{
	const struct action *a = &r->texts[t].actions[r->pc[t]];
	struct step *s;
	bool over = true;

	if (!r->p->count[t] && t) {
		s = record(r, t, DLW_TRACE_START, NULL);
		s->match_thread = 0;
		for (s->match_at = 0; r->p->steps[0][s->match_at].op != DLW_TRACE_CREATE ||
				      r->p->steps[0][s->match_at].object != t;)
			s->match_at++;
		return;
	}
	if (r->pc[t] == r->texts[t].count) {
		record(r, t, DLW_TRACE_EXIT, NULL);
		r->p->exits[t] = true;
		r->done[t] = true;
		return;
	}
	switch (a->what) {
	case LOCK:
		lock(r, t, a);
		break;
	case UNLOCK:
		unlock(r, t, a);
		break;
	case SIGNAL:
	case BROADCAST:
		give_signal(r, t, a);
		break;
	case WAIT:
		over = wait(r, t, a);
		break;
	case BARRIER:
		over = barrier(r, t, a);
		break;
	case CREATE:
		record(r, t, DLW_TRACE_CREATE, a);
		r->started[a->object] = true;
		break;
	case JOIN:
		record(r, t, DLW_TRACE_JOIN, a);
		break;
	}
	r->pc[t] += over;
}

/* What a thread that is blocked at the end of the run wants for ever. */
static void want(struct runner *r, uint32_t t)
{
	const struct action *a = &r->texts[t].actions[r->pc[t]];
	struct action wanted = *a;

	if (!r->started[t] || r->done[t])
		return;
	if (a->what == WAIT && r->woken[t])
		wanted = (struct action){ .object = a->mutex, .mode = DLW_EXCLUSIVE };
	record(r, t, a->what == JOIN ? DLW_TRACE_WANT_JOIN : DLW_TRACE_WANT, &wanted)->round =
		r->round[t];
}

/* Posts of loose semaphores reach the waits in order, after what was there at first. */
static void match_posts(struct program *p, uint32_t object)
{
	uint32_t initial = p->things[object].initial, t, i, matched = 0, skipped;
	struct step *best;

	for (;;) {
		/* the next wait in the order of the run */
		best = NULL;
		for (t = 0; t < p->threads; t++)
			for (i = 0; i < p->count[t]; i++) {
				struct step *s = &p->steps[t][i];

				if (s->op == DLW_TRACE_ACQUIRE && s->object == object &&
				    !s->round && (!best || s->order < best->order))
					best = s;
			}
		if (!best)
			break;
		best->round = 1; /* done */
		if (initial) {
			initial--;
			continue;
		}
		/* the post with that number */
		skipped = matched++;
		for (;;) {
			struct step *post = NULL;
			uint32_t before, u, j;

			for (t = 0; t < p->threads; t++)
				for (i = 0; i < p->count[t]; i++) {
					struct step *s = &p->steps[t][i];

					if (s->op != DLW_TRACE_RELEASE || s->object != object)
						continue;
					for (before = 0, u = 0; u < p->threads; u++)
						for (j = 0; j < p->count[u]; j++)
							before += p->steps[u][j].op ==
									  DLW_TRACE_RELEASE &&
								  p->steps[u][j].object == object &&
								  p->steps[u][j].order < s->order;
					if (before == skipped) {
						post = s;
						best->match_thread = (int)t;
						best->match_at = (int)i;
					}
				}
			assert_non_null(post);
			break;
		}
	}
}

/* Return: false if the run did not fit. */
static bool run(struct dice *dice, struct program *p, uint32_t features)
{
	static struct runner r;
	uint32_t t, i, choices[MAX_THREADS], count;

	memset(p, 0, sizeof(*p));
	r = (struct runner){ .dice = dice, .p = p };
	p->threads = 2 + roll(dice, features ? 2 : 3);
	make_things(dice, p, features);
	for (i = 0; i < p->objects; i++) {
		r.value[i] = p->things[i].initial;
		p->things[i].loose = p->things[i].kind == DLW_SEMAPHORE && !p->things[i].initial;
	}
	for (t = 0; t < p->threads; t++)
		write_thread(dice, p, features, t, &r.texts[t]);
	r.started[0] = true;
	for (;;) {
		for (count = 0, t = 0; t < p->threads; t++)
			if (ready(&r, t))
				choices[count++] = t;
		if (!count)
			break;
		act(&r, choices[roll(dice, count)]);
	}
	for (t = 0; t < p->threads; t++)
		want(&r, t);
	for (i = 0; i < p->objects; i++)
		if (p->things[i].loose)
			match_posts(p, i);
	return !r.full;
}

/* ---- for people ---------------------------------------------------------------------- */

static void show(const struct program *p)
{
	static const char *const words[] = { "create",    "start",  "exit",    "join",
					     "want-join", "take",   "release", "fail",
					     "want",      "wait",   "woken",   "signal",
					     "broadcast", "arrive", "leave",   "",
					     "",          "",       "",        "give-up" };
	uint32_t t, i;

	for (i = 0; i < p->objects; i++)
		print_message("object %u kind %d initial %u%s\n", i, p->things[i].kind,
			      p->things[i].initial, p->things[i].loose ? " loose" : "");
	for (t = 0; t < p->threads; t++) {
		print_message("thread %u:", t);
		for (i = 0; i < p->count[t]; i++) {
			const struct step *s = &p->steps[t][i];

			print_message(" %u:%s(%u,%d,%d)", s->order, words[s->op], s->object,
				      s->mode, s->form);
			if (s->match_thread >= 0)
				print_message("<-%d.%d", s->match_thread, s->match_at);
		}
		print_message("\n");
	}
}

#endif
