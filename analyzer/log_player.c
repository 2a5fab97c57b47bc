/*
 * log_player.c - a log, stepped through in both directions
 *
 * The line of an event can be made only while it is the next one, for then its
 * thread's list still says what a release refers to. So a move to event N stops
 * before it, keeps its line, and lets it happen.
 */
#include "analyzer/log_player.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/log_cursor.h"
#include "analyzer/log_dump.h"
#include "analyzer/log_memory.h"
#include "analyzer/log_order.h"
#include "analyzer/log_words.h"
#include "core/judge.h"

#define STALL_NS 1000000000u /* as `dlwatch analyze` */

struct dlw_player {
	struct dlw_replay *replay;
	struct dlw_log_dump dump;
	const struct dlw_terminal *terminal;
	struct dlw_arena arena;
	char *line; /* of the last event */
	uint64_t length, closed;
	/* by number of the thread: in a deadlock of this moment */
	enum part { PART_NONE, PART_CORE, PART_STUCK } *parts;
	const char *verdict; /* NULL: no deadlock */
};

/* ---------------------------------------------------------------------- moving */

static char *line_of(struct dlw_player *player, const struct dlw_cursor *cursor)
{
	char *line = NULL;
	size_t size;

	player->dump.out = open_memstream(&line, &size);
	if (!player->dump.out)
		dlw_out_of_memory();
	dlw_dump_event(&player->dump, cursor);
	if (fclose(player->dump.out))
		dlw_out_of_memory();
	if (size && line[size - 1] == '\n')
		line[size - 1] = '\0';
	return line;
}

static void keep_line(struct dlw_player *player)
{
	const struct dlw_cursor *cursor = dlw_replay_peek(player->replay);

	free(player->line);
	player->line = cursor ? line_of(player, cursor) : NULL;
}

void dlw_player_go(struct dlw_player *player, uint64_t event)
{
	struct dlw_replay *replay = player->replay;

	if (event > player->length)
		event = player->length;
	if (event == replay->events)
		return;
	if (event < replay->events)
		dlw_replay_rewind(replay);
	while (replay->events + 1 < event)
		dlw_replay_apply(replay);
	keep_line(player);
	if (event)
		dlw_replay_apply(replay);
	else
		free(player->line), player->line = NULL;
}

bool dlw_player_find(struct dlw_player *player, const char *text, bool backward)
{
	struct dlw_replay *replay = player->replay;
	uint64_t from = replay->events, found = 0, last = backward ? from : UINT64_MAX;

	if (backward)
		dlw_replay_rewind(replay);
	while (dlw_replay_peek(replay) && replay->events + 1 < last && (backward || !found)) {
		char *line = line_of(player, dlw_replay_peek(replay));

		if (strstr(line, text))
			found = replay->events + 1;
		free(line);
		dlw_replay_apply(replay);
	}
	dlw_replay_rewind(replay); /* so that going there makes its line */
	dlw_player_go(player, found ? found : from);
	return found != 0;
}

/* --------------------------------------------------------------------- judging */

static void mark(struct dlw_player *player, const uint32_t *threads, uint32_t count,
		 enum part part)
{
	uint32_t at;

	for (at = 0; at < count; at++)
		player->parts[threads[at]] = part;
}

/** closing_event() - when the last thread of the core began to wait */
static uint64_t closing_event(const struct dlw_state *state, const struct dlw_finding *finding)
{
	uint64_t last = 0;
	uint32_t at;

	for (at = 0; at < finding->core_count; at++) {
		const struct dlw_thread_state *thread = &state->threads[finding->core[at]];

		if (thread->life == DLW_WAITING && thread->want.order > last)
			last = thread->want.order;
	}
	return last;
}

/** judge() - this moment: mark who is deadlocked; Return: the first deadlock's closing event */
static uint64_t judge(struct dlw_player *player)
{
	struct dlw_findings found;
	struct dlw_state state;
	uint64_t closed = 0, first = 0;
	uint32_t at;

	memset(player->parts, 0, player->replay->cursor_count * sizeof(*player->parts));
	player->verdict = NULL;
	dlw_arena_reset(&player->arena);
	player->replay->stall_ns = STALL_NS;
	if (dlw_replay_state(player->replay, &player->arena, &state) < 0 ||
	    dlw_judge(&state, &player->arena, &found) < 0)
		dlw_out_of_memory();
	for (at = found.count; at-- > 0;) {
		const struct dlw_finding *finding = &found.all[at];

		mark(player, finding->stuck, finding->stuck_count, PART_STUCK);
		mark(player, finding->core, finding->core_count, PART_CORE);
		player->verdict = dlw_verdict_word(finding->verdict);
		closed = closing_event(&state, finding);
		if (closed && (!first || closed < first))
			first = closed;
	}
	return first;
}

/* ------------------------------------------------------------------ what is shown */

static void put_thread(struct dlw_player *player, const struct dlw_cursor *cursor)
{
	char room[32];

	dlw_putf(player->terminal, DLW_STYLE_THREAD, "'%s'", dlw_dump_thread(cursor, room));
	fprintf(player->terminal->out, " (%d/%d)", cursor->source->file.header.pid,
		cursor->defined ? cursor->defined->tid : 0);
}

static void put_site(struct dlw_player *player, const struct dlw_cursor *cursor, uint32_t stack)
{
	const char *site = dlw_dump_site(&player->dump, cursor->source, stack);

	if (*site)
		dlw_putf(player->terminal, DLW_STYLE_FAINT, " at %s", site);
}

static void put_lock(struct dlw_player *player, const struct dlw_replay_object *object,
		     uint32_t stack)
{
	dlw_putf(player->terminal, DLW_STYLE_LOCK, "%s",
		 dlw_dump_lock(&player->dump, object, stack));
	fprintf(player->terminal->out, " (%s)", dlw_kind_word(object->defined.kind));
}

/** put_holders() - the threads that have @object now */
static void put_holders(struct dlw_player *player, const struct dlw_replay_object *object)
{
	const struct dlw_replay *replay = player->replay;
	const char *before = ", held by ";
	uint32_t at;

	for (at = 0; at < replay->cursor_count; at++) {
		struct dlw_cursor *cursor = replay->cursors[at];
		const struct dlw_permits *permits = dlw_cursor_permits(cursor, object);

		if (!dlw_cursor_hold(cursor, object) && !(permits && permits->count))
			continue;
		fputs(before, player->terminal->out);
		put_thread(player, cursor);
		before = " and ";
	}
}

static void put_wait(struct dlw_player *player, const struct dlw_cursor *cursor)
{
	static const char *const marks[] = { "    ", "  ! ", "  . " };
	const struct dlw_log_want *want = &cursor->want;
	FILE *out = player->terminal->out;

	fputs(marks[player->parts[cursor->number]], out);
	put_thread(player, cursor);
	if (want->object) {
		fputs(want->wait == DLW_WAIT_OBJECT ? " wants " : " waits for ", out);
		put_lock(player, want->object, want->stack);
		put_holders(player, want->object);
	} else {
		const struct dlw_cursor *joined = dlw_order_thread(cursor->source, want->joined);

		fputs(" waits for the end of ", out);
		if (joined)
			put_thread(player, joined);
		else
			fprintf(out, "thread %u", want->joined);
	}
	put_site(player, cursor, want->stack);
	putc('\n', out);
}

void dlw_player_waits(struct dlw_player *player)
{
	const struct dlw_replay *replay = player->replay;
	uint32_t at, waiting = 0;

	judge(player);
	if (player->verdict) {
		dlw_putf(player->terminal, DLW_STYLE_HEADLINE,
			 "  DEADLOCK, %s (! its core, . stuck behind it)", player->verdict);
		putc('\n', player->terminal->out);
	}
	for (at = 0; at < replay->cursor_count; at++)
		if (replay->cursors[at]->want.wait != DLW_WAIT_NONE) {
			put_wait(player, replay->cursors[at]);
			waiting++;
		}
	if (!waiting)
		fputs("    nobody waits\n", player->terminal->out);
}

void dlw_player_show(struct dlw_player *player)
{
	FILE *out = player->terminal->out;

	dlw_putf(player->terminal, DLW_STYLE_TITLE, "%" PRIu64 "/%" PRIu64,
		 player->replay->events, player->length);
	fprintf(out, " %s\n", player->line ? player->line : "before the first event");
	dlw_player_waits(player);
	fflush(out);
}

void dlw_player_holds(struct dlw_player *player)
{
	const struct dlw_replay *replay = player->replay;
	FILE *out = player->terminal->out;
	uint32_t at, hold, held = 0;

	for (at = 0; at < replay->cursor_count; at++) {
		const struct dlw_cursor *cursor = replay->cursors[at];

		for (hold = 0; hold < cursor->hold_count + cursor->permit_count; hold++) {
			bool is_hold = hold < cursor->hold_count;
			const struct dlw_log_hold *lock = &cursor->holds[hold];
			const struct dlw_permits *permits =
				&cursor->permits[hold - cursor->hold_count];
			uint32_t count = is_hold ? lock->count : permits->count;
			uint32_t stack = is_hold ? lock->stack : permits->stack;

			if (!count || (is_hold && lock->stale))
				continue;
			fputs("    ", out);
			put_thread(player, cursor);
			fputs(" holds ", out);
			put_lock(player, is_hold ? lock->object : permits->object, stack);
			if (is_hold && lock->mode == 1)
				fputs(" shared", out);
			if (count > 1)
				fprintf(out, " %u times", count);
			put_site(player, cursor, stack);
			putc('\n', out);
			held++;
		}
	}
	if (!held)
		fputs("    nothing is held\n", out);
	fflush(out);
}

void dlw_player_threads(struct dlw_player *player)
{
	const struct dlw_replay *replay = player->replay;
	uint32_t at;

	for (at = 0; at < replay->cursor_count; at++) {
		const struct dlw_cursor *cursor = replay->cursors[at];
		const char *life = cursor->exited			      ? "has exited" :
				   !cursor->started && !cursor->late	      ? "has not begun" :
				   cursor->want.wait != DLW_WAIT_NONE ? "waits" :
									"runs";

		fputs("    ", player->terminal->out);
		put_thread(player, cursor);
		fprintf(player->terminal->out, " %s, %" PRIu64 " events, holds %u\n", life,
			cursor->events, cursor->hold_count);
	}
	fflush(player->terminal->out);
}

/* ---------------------------------------------------------------- make and free */

uint64_t dlw_player_length(const struct dlw_player *player)
{
	return player->length;
}

uint64_t dlw_player_at(const struct dlw_player *player)
{
	return player->replay->events;
}

uint64_t dlw_player_closed(const struct dlw_player *player)
{
	return player->closed;
}

struct dlw_player *dlw_player_new(struct dlw_replay *replay, struct dlw_symbols *symbols,
				  const struct dlw_terminal *terminal)
{
	struct dlw_player *player = dlw_log_allocate(1, sizeof(*player));

	player->replay = replay;
	player->dump = (struct dlw_log_dump){ .replay = replay, .symbols = symbols };
	player->terminal = terminal;
	player->arena = dlw_heap_arena();
	player->parts = dlw_log_allocate(replay->cursor_count, sizeof(*player->parts));
	dlw_dump_names_begin(&player->dump);
	dlw_replay_start(replay);
	while (dlw_replay_peek(replay))
		dlw_replay_apply(replay);
	player->length = replay->events;
	player->closed = judge(player);
	dlw_replay_rewind(replay);
	return player;
}

void dlw_player_free(struct dlw_player *player)
{
	dlw_dump_names_end(&player->dump);
	dlw_arena_release(&player->arena);
	free(player->line);
	free(player->parts);
	free(player);
}
