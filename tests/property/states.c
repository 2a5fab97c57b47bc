/*
 * states.c - random moments, judged by the engine and played by brute force
 *
 * For every level: the threads of the findings are exactly those that cannot
 * run in the game; each core is one by itself and has no smaller part that is;
 * and nothing at all changes when the same moment is described in another
 * order.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/finding_json.h"
#include "game.h"
#include "random.h"

#define MOST_THREADS 9
#define MOST_RESOURCES 8
#define MOST_HOLDS 24
#define SECOND 1000000000ull

struct moment {
	struct dlw_state state;
	struct dlw_process_state processes[3];
	struct dlw_thread_state threads[MOST_THREADS];
	struct dlw_resource_state resources[MOST_RESOURCES];
	struct dlw_hold holds[MOST_HOLDS];
	struct dlw_releaser releasers[MOST_HOLDS];
	uint64_t frames[MOST_THREADS + MOST_HOLDS];
};

static uint64_t current, found_count[3], orphan_count, quiet_count;

static void *grow(void *context, size_t size, size_t *got)
{
	(void)context;
	*got = size;
	return malloc(size);
}

static void give_back(void *context, void *memory, size_t size)
{
	(void)context;
	(void)size;
	free(memory);
}

/* ---- inventing a moment ---- */

static const struct dlw_module modules[] = { { 0x1000, 0x9000, 0, "/bin/app", "ab" } };

static void invent_resource(struct moment *m, struct dice *dice, uint32_t r, bool plain)
{
	struct dlw_resource_state *resource = &m->resources[r];

	memset(resource, 0, sizeof(*resource));
	resource->kind = plain ? DLW_MUTEX : (enum dlw_kind)(1 + roll(dice, DLW_CUSTOM));
	resource->type = DLW_TYPE_NORMAL;
	if (resource->kind == DLW_RWLOCK)
		resource->type = (enum dlw_type)(DLW_TYPE_PREFER_READER + roll(dice, 3));
	else if (chance(dice, 15))
		resource->type = (enum dlw_type)roll(dice, 5);
	if (chance(dice, 40))
		resource->traits |= DLW_TRAIT_SHARED;
	if (chance(dice, 8))
		resource->traits |= DLW_TRAIT_ROBUST;
	if (chance(dice, 8))
		resource->traits |= DLW_TRAIT_INHERIT;
	if (chance(dice, 6))
		resource->traits |= DLW_TRAIT_DISTRUSTED;
	resource->address = 0x100000 + 64ull * r;
	resource->history = (enum dlw_history)roll(dice, 3);
	resource->initial = roll(dice, 4);
	resource->arrived = roll(dice, 2);
	resource->initial_known = chance(dice, 85);
	resource->ever_posted_by_vanished = chance(dice, 10);
	resource->subject = DLW_NONE;
	if (resource->kind == DLW_THREAD && chance(dice, 95))
		resource->subject = roll(dice, m->state.thread_count);
	if (resource->kind == DLW_PROCESS && chance(dice, 80))
		resource->subject = roll(dice, m->state.process_count);
}

static uint32_t invent_flags(struct dice *dice)
{
	uint32_t flags = 0, bit;

	for (bit = 0; bit < 7; bit++)
		if (chance(dice, 3))
			flags |= 1u << bit;
	return flags;
}

static void invent_thread(struct moment *m, struct dice *dice, uint32_t t)
{
	struct dlw_thread_state *thread = &m->threads[t];
	struct dlw_want *want = &thread->want;

	memset(thread, 0, sizeof(*thread));
	thread->process = roll(dice, m->state.process_count);
	thread->tid = 100 + (int32_t)t;
	thread->name = chance(dice, 50) ? "same" : "other";
	thread->exempt = chance(dice, 2);
	thread->life = chance(dice, 88) ? DLW_WAITING : chance(dice, 50) ? DLW_LIVE : DLW_GONE;
	want->resource = roll(dice, m->state.resource_count);
	want->mode = chance(dice, 65) ? DLW_EXCLUSIVE : DLW_SHARED;
	want->mutex = chance(dice, 70) ? roll(dice, m->state.resource_count) : DLW_NONE;
	if (want->mutex != DLW_NONE && m->resources[want->mutex].kind != DLW_MUTEX)
		want->mutex = DLW_NONE;
	want->flags = invent_flags(dice);
	want->since_ns = chance(dice, 4) ? 0 : 100 * SECOND - roll64(dice) % (6 * SECOND);
	if (chance(dice, 60))
		want->since_ns = 90 * SECOND + t;
	want->order = roll(dice, 4);
	m->frames[t] = 0x1000 + 16 * roll(dice, 40);
	want->stack = (struct dlw_stack){ &m->frames[t], chance(dice, 90) };
}

/* Mostly records that agree: an exclusive lock goes to one thread. */
static bool is_taken(const struct moment *m, uint32_t r)
{
	uint32_t i;

	for (i = 0; i < m->state.hold_count; i++)
		if (m->holds[i].resource == r)
			return m->resources[r].kind != DLW_SEMAPHORE &&
			       m->holds[i].mode == DLW_EXCLUSIVE;
	return false;
}

static void invent_holds(struct moment *m, struct dice *dice, uint32_t wanted)
{
	while (wanted-- && m->state.hold_count < MOST_HOLDS) {
		uint32_t number = m->state.hold_count;
		struct dlw_hold *hold = &m->holds[number];

		memset(hold, 0, sizeof(*hold));
		hold->thread = roll(dice, m->state.thread_count);
		hold->resource = roll(dice, m->state.resource_count);
		hold->mode = chance(dice, 60) ? DLW_EXCLUSIVE : DLW_SHARED;
		hold->count = chance(dice, 95) ? 1 : roll(dice, 3);
		hold->since_ns = 1000 + number;
		hold->description = roll(dice, 2) * roll(dice, 3);
		m->frames[MOST_THREADS + number] = 0x4000 + 16 * roll(dice, 40);
		hold->stack = (struct dlw_stack){ &m->frames[MOST_THREADS + number], 1 };
		if (!is_taken(m, hold->resource) || chance(dice, 5))
			m->state.hold_count++;
	}
}

static void invent_releasers(struct moment *m, struct dice *dice, uint32_t wanted)
{
	uint32_t *count = &m->state.releaser_count, provenance = roll(dice, 4);

	for (*count = 0; *count < wanted; (*count)++) {
		m->releasers[*count].thread = roll(dice, m->state.thread_count);
		m->releasers[*count].resource = roll(dice, m->state.resource_count);
		m->releasers[*count].provenance = provenance < 3
							  ? (enum dlw_provenance)provenance
							  : (enum dlw_provenance)roll(dice, 3);
	}
}

static void invent(struct moment *m, struct dice *dice)
{
	bool plain = chance(dice, 15);
	uint32_t i;

	memset(m, 0, sizeof(*m));
	m->state.process_count = 1 + roll(dice, chance(dice, 50) ? 3 : 1);
	m->state.thread_count = 1 + roll(dice, MOST_THREADS);
	m->state.resource_count = 1 + roll(dice, MOST_RESOURCES);
	m->state.now_ns = 100 * SECOND;
	m->state.stall_ns = SECOND;
	m->state.processes = m->processes;
	m->state.threads = m->threads;
	m->state.resources = m->resources;
	m->state.holds = m->holds;
	m->state.releasers = m->releasers;
	for (i = 0; i < m->state.process_count; i++) {
		m->processes[i].pid = 10 + (int32_t)i;
		m->processes[i].exe = "/bin/app";
		m->processes[i].modules = modules;
		m->processes[i].module_count = 1;
		m->processes[i].ended = chance(dice, 6);
		m->processes[i].open_reason = chance(dice, 15) ? "a timer" : NULL;
	}
	for (i = 0; i < m->state.resource_count; i++)
		invent_resource(m, dice, i, plain);
	for (i = 0; i < m->state.thread_count; i++)
		invent_thread(m, dice, i);
	invent_holds(m, dice, roll(dice, 2 * m->state.thread_count + 2));
	invent_releasers(m, dice, roll(dice, MOST_HOLDS));
}

/* ---- the same moment in another order ---- */

static void shuffle(struct dice *dice, uint32_t *places, uint32_t count)
{
	uint32_t i, j, place;

	for (i = 0; i < count; i++)
		places[i] = i;
	for (i = count; i > 1; i--) {
		j = roll(dice, i);
		place = places[i - 1];
		places[i - 1] = places[j];
		places[j] = place;
	}
}

static uint32_t moved(const uint32_t *places, uint32_t element)
{
	return element == DLW_NONE ? DLW_NONE : places[element];
}

static void rearrange(const struct moment *from, struct moment *to, struct dice *dice)
{
	const struct dlw_state *s = &from->state;
	uint32_t p[3], t[MOST_THREADS], r[MOST_RESOURCES], h[MOST_HOLDS], l[MOST_HOLDS], i;

	*to = *from;
	shuffle(dice, p, s->process_count);
	shuffle(dice, t, s->thread_count);
	shuffle(dice, r, s->resource_count);
	shuffle(dice, h, s->hold_count);
	shuffle(dice, l, s->releaser_count);
	to->state.processes = to->processes;
	to->state.threads = to->threads;
	to->state.resources = to->resources;
	to->state.holds = to->holds;
	to->state.releasers = to->releasers;
	to->state.reporter = p[s->reporter];
	for (i = 0; i < s->process_count; i++)
		to->processes[p[i]] = from->processes[i];
	for (i = 0; i < s->thread_count; i++) {
		struct dlw_thread_state *thread = &to->threads[t[i]];

		*thread = from->threads[i];
		thread->process = p[thread->process];
		thread->want.resource = r[thread->want.resource];
		thread->want.mutex = moved(r, thread->want.mutex);
	}
	for (i = 0; i < s->resource_count; i++) {
		struct dlw_resource_state *resource = &to->resources[r[i]];

		*resource = from->resources[i];
		resource->process = p[resource->process];
		if (resource->kind == DLW_THREAD)
			resource->subject = moved(t, resource->subject);
		else if (resource->kind == DLW_PROCESS)
			resource->subject = moved(p, resource->subject);
	}
	for (i = 0; i < s->hold_count; i++) {
		to->holds[h[i]] = from->holds[i];
		to->holds[h[i]].thread = t[from->holds[i].thread];
		to->holds[h[i]].resource = r[from->holds[i].resource];
	}
	for (i = 0; i < s->releaser_count; i++) {
		to->releasers[l[i]] = from->releasers[i];
		to->releasers[l[i]].thread = t[from->releasers[i].thread];
		to->releasers[l[i]].resource = r[from->releasers[i].resource];
	}
}

/* ---- comparing ---- */

static uint32_t set_of(const uint32_t *threads, uint32_t count)
{
	uint32_t set = 0, i;

	for (i = 0; i < count; i++) {
		assert_false(set >> threads[i] & 1);
		set |= 1u << threads[i];
	}
	return set;
}

/* Who cannot run, if those of @running do. */
static uint32_t stopped(const struct dlw_state *state, enum belief belief, uint32_t running)
{
	struct game game = { .state = state, .belief = belief };
	uint32_t t, set = 0;

	for (t = 0; t < state->thread_count; t++)
		game.runs[t] = running >> t & 1;
	game_play(&game);
	for (t = 0; t < state->thread_count; t++)
		if (!game.runs[t] && !game_gone(&game, t))
			set |= 1u << t;
	return set;
}

static uint32_t everybody(const struct dlw_state *state)
{
	struct game game = { .state = state };
	uint32_t t, set = 0;

	for (t = 0; t < state->thread_count; t++)
		if (!game_gone(&game, t))
			set |= 1u << t;
	return set;
}

/* Threads of findings with @verdict; no thread may be in two findings. */
static uint32_t explained(const struct dlw_findings *found, enum dlw_verdict verdict,
			  uint32_t *before)
{
	uint32_t all = 0, i;

	for (i = 0; i < found->count; i++) {
		const struct dlw_finding *finding = &found->all[i];
		uint32_t core = set_of(finding->core, finding->core_count);
		uint32_t stuck = set_of(finding->stuck, finding->stuck_count);

		if (finding->verdict != verdict)
			continue;
		assert_int_equal(
			(core & stuck) | (all & (core | stuck)) | (*before & (core | stuck)), 0);
		all |= core | stuck;
	}
	*before |= all;
	return all;
}

static bool holds_itself(const struct dlw_state *state, enum belief belief, uint32_t set)
{
	return (stopped(state, belief, everybody(state) & ~set) & set) == set;
}

/* The level at which a likely core holds: with or without the idiom of the first use. */
static bool is_core(const struct dlw_state *state, const struct dlw_finding *finding, uint32_t core,
		    enum belief *belief)
{
	*belief = finding->verdict == DLW_PROVEN   ? OWNED
		  : finding->verdict == DLW_LIKELY ? INFERRED
						   : OPEN;
	if (holds_itself(state, *belief, core))
		return true;
	*belief = UNPOSTED;
	return finding->verdict == DLW_LIKELY && holds_itself(state, UNPOSTED, core);
}

static void check_core(const struct dlw_state *state, const struct dlw_finding *finding)
{
	uint32_t core = set_of(finding->core, finding->core_count), part, i;
	enum belief belief;

	found_count[finding->verdict]++;
	assert_true(is_core(state, finding, core, &belief));
	if (finding->kind == DLW_ORPHAN) {
		orphan_count++;
		for (i = 0; i < finding->core_count; i++)
			assert_true(holds_itself(state, belief, 1u << finding->core[i]));
		return;
	}
	for (part = (core - 1) & core; part; part = (part - 1) & core)
		assert_false(holds_itself(state, belief, part));
}

static void check_verdicts(const struct dlw_state *state, const struct dlw_findings *found)
{
	uint32_t before = 0, likely, first, i;

	first = stopped(state, OWNED, 0);
	assert_int_equal(explained(found, DLW_PROVEN, &before), first);
	likely = stopped(state, INFERRED, before);
	likely |= stopped(state, UNPOSTED, before | likely);
	assert_int_equal(explained(found, DLW_LIKELY, &before), likely);
	assert_int_equal(explained(found, DLW_STALLED, &before),
			 stopped(state, OPEN, first | likely));
	for (i = 0; i < found->count; i++)
		check_core(state, &found->all[i]);
	quiet_count += !found->count;
}

/* ---- the texts ---- */

struct page {
	char text[1 << 17];
	size_t length;
};

static void put(void *context, const char *text, size_t length)
{
	struct page *page = context;

	assert_true(page->length + length < sizeof(page->text));
	memcpy(page->text + page->length, text, length);
	page->length += length;
}

static void write_all(const struct dlw_state *state, const struct dlw_findings *found,
		      struct page *page)
{
	struct dlw_writer writer = { put, page };
	uint32_t i;

	page->length = 0;
	for (i = 0; i < found->count; i++) {
		dlw_finding_write_json(state, &found->all[i], &writer);
		dlw_finding_write_text(state, &found->all[i], &writer);
	}
	page->text[page->length] = '\0';
}

static void check_case(struct dlw_arena *arena)
{
	static struct page one, other;
	static struct moment moment, again;
	struct dice dice = dice_of(current);
	struct dlw_findings found;

	invent(&moment, &dice);
	dlw_arena_reset(arena);
	assert_true(dlw_state_is_valid(&moment.state));
	assert_int_equal(dlw_judge(&moment.state, arena, &found), 0);
	check_verdicts(&moment.state, &found);
	write_all(&moment.state, &found, &one);
	rearrange(&moment, &again, &dice);
	dlw_arena_reset(arena);
	assert_int_equal(dlw_judge(&again.state, arena, &found), 0);
	write_all(&again.state, &found, &other);
	assert_string_equal(one.text, other.text);
}

static void the_engine_agrees_with_the_game(void **state)
{
	struct dlw_arena arena = { .grow = grow, .give_back = give_back };
	uint64_t seed = from_environment("SEED", 1), count = from_environment("COUNT", 100000), i;

	(void)state;
	print_message("# seed %llu, %llu moments\n", (unsigned long long)seed,
		      (unsigned long long)count);
	for (i = 0; i < count; i++) {
		current = seed + i;
		check_case(&arena);
	}
	print_message("# findings: %llu proven, %llu likely, %llu stalled; orphans among them: "
		      "%llu; moments without any: %llu\n",
		      (unsigned long long)found_count[DLW_PROVEN],
		      (unsigned long long)found_count[DLW_LIKELY],
		      (unsigned long long)found_count[DLW_STALLED],
		      (unsigned long long)orphan_count, (unsigned long long)quiet_count);
	if (count >= 10000) {
		assert_true(found_count[DLW_PROVEN] > count / 50);
		assert_true(found_count[DLW_LIKELY] > count / 50);
		assert_true(found_count[DLW_STALLED] > count / 200);
		assert_true(quiet_count > count / 50);
	}
	dlw_arena_release(&arena);
}

/* Runs after a failure too: that is when the seed is worth knowing. */
static int say_where(void **state)
{
	(void)state;
	print_message("# last seed looked at: %llu\n", (unsigned long long)current);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_engine_agrees_with_the_game, say_where),
	};

	return cmocka_run_group_tests_name("random moments", tests, NULL, NULL);
}
