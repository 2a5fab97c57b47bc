/*
 * analyzer/log_replay.h - the logs of a session, played again in one order
 *
 *	struct dlw_replay *replay = dlw_replay_new();
 *
 *	dlw_replay_add(replay, "app.1.dlw");
 *	dlw_replay_add(replay, "app.2.dlw");
 *	dlw_replay_start(replay);
 *	while ((step = dlw_replay_peek(replay))) {
 *		... step->event is about to happen to step->thread ...
 *		dlw_replay_apply(replay);
 *	}
 *	dlw_replay_state(replay, &arena, &state);	// at any moment
 *	dlw_replay_free(replay);
 *
 * The order keeps every thread's program order, every object's tickets, and
 * create before start, exit before join; where these leave a choice the
 * earlier time goes first. What a thread holds is kept by the rule in log.h.
 *
 * Where blocks were lost, tickets are missing. When no thread can go on, all
 * heads wait for tickets that never come: of the heads with the smallest
 * outstanding ticket of their object the earliest goes first, and the skipped
 * tickets are counted. A thread that lost a block forgets what it held: a wait
 * for a lock that nobody is known to hold is never called a deadlock.
 *
 * Cost: O(log threads) an event; memory follows definitions, threads, and
 * objects in use, not events.
 */
#ifndef DLW_ANALYZER_LOG_REPLAY_H
#define DLW_ANALYZER_LOG_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dlwatch/log.h>

#include "analyzer/log_definitions.h"
#include "analyzer/log_file.h"
#include "analyzer/trace_std.h"
#include "core/arena.h"
#include "core/state.h"

struct dlw_cursor;
struct dlw_lock_statistics;

/** Who has posted, signalled or arrived. */
struct dlw_past_releaser {
	struct dlw_cursor *thread;
	bool as_stranger; /* at least once without holding a permit */
	bool announced;   /* by an annotation */
};

/** One life of an object, as far as the replay has come. */
struct dlw_replay_object {
	struct dlw_source *source; /* the first log that spoke of it */
	uint32_t position;         /* in the source's definitions, or DLW_NO_POSITION */
	uint32_t number;           /* in order of first appearance, for dumps */
	struct dlw_log_object defined;
	bool guessed; /* no definition: kind and mode are those of its events */
	bool dead;    /* destroyed, or another lies where it lay */
	bool moved_in; /* an event of it has happened */
	bool distrusted;
	bool holes;   /* tickets are missing */
	bool shared;  /* several processes may refer to it */
	uint32_t references; /* heads, holds, permits and wants that point here */
	struct dlw_replay_object *next_spare;

	uint64_t next_ticket;
	struct dlw_cursor *blocked; /* heads that wait for a later ticket, sorted */

	struct dlw_cursor *owner; /* exclusive holder, NULL: none or shared */
	uint32_t holders;         /* holds that are not stale */
	enum dlw_history history;
	bool poster_vanished;
	uint32_t arrived;
	/* what is under way: produced, but whoever it wakes has not come to say so */
	int64_t permits;   /* a semaphore's posts less its acquisitions */
	uint32_t sleepers; /* waits on the condition … */
	uint32_t signals;  /* … and how many of them were signalled */
	struct dlw_past_releaser *releasers; /* sorted by thread */
	uint32_t releaser_count, releaser_room;
	struct dlw_lock_statistics *statistics; /* of whoever keeps them */
	uint32_t traced; /* number in the prediction's trace, + 1; 0: none yet */
	uint64_t last_use;                      /* scratch of the state builder */
	uint32_t state_index;
};

struct dlw_log_hold {
	struct dlw_replay_object *object;
	uint8_t mode;    /* as in struct dlw_event */
	bool stale;      /* it was released behind the thread's back */
	uint32_t count;
	uint32_t stack;
	uint64_t ticket; /* of the thread's last event on it */
	uint64_t ticks;  /* 0: not known, it was taken before the log begins */
	bool untimed;    /* .ticks are about right; too rough to measure from */
};

struct dlw_permits {
	struct dlw_replay_object *object;
	uint32_t count;
	uint32_t stack; /* of the newest */
	bool untimed;   /* its .ticks are about right */
	uint64_t ticks;
};

enum dlw_wait {
	DLW_WAIT_NONE,
	DLW_WAIT_OBJECT,    /* WANT */
	DLW_WAIT_CONDITION, /* CONDITION_WAIT */
	DLW_WAIT_BARRIER,   /* ARRIVED */
	DLW_WAIT_THREAD,    /* WANT_THREAD */
};

struct dlw_log_want {
	enum dlw_wait wait;
	struct dlw_replay_object *object;
	struct dlw_replay_object *mutex; /* condition: to be had back */
	uint32_t joined;          /* serial */
	uint8_t mode, form;
	uint32_t stack;
	uint64_t since_ns, ticks;
	uint64_t order;           /* of the WANT in the merged order */
};

/** The next event of a thread, with everything that it leaves unsaid. */
struct dlw_head {
	struct dlw_event event;   /* .ticket is complete; 0: it has none */
	struct dlw_replay_object *object;
	struct dlw_replay_object *mutex; /* CONDITION_WAIT: it is released as well … */
	uint64_t mutex_ticket;    /* … with this ticket */
	struct dlw_log_hold *hold; /* what a release, CONDITION_WAIT or FORGOTTEN ends or lowers */
};

/** A thread and its place in its stream. */
struct dlw_cursor {
	struct dlw_source *source;
	uint32_t serial;
	uint32_t number; /* among all threads of all logs */
	const struct dlw_log_thread *defined; /* NULL: its definition was lost */
	bool started, exited, detached, lost; /* lost: of its blocks one is missing */
	uint32_t exempt; /* annotated, so many times */
	bool late; /* it begins in the middle: what came before was overwritten */
	uint64_t events;
	uint32_t gaps; /* how often what it held became unknown */

	struct dlw_head head;
	struct dlw_log_hold *holds;
	uint32_t hold_count, hold_room;
	struct dlw_permits *permits;
	uint32_t permit_count, permit_room;
	struct dlw_log_want want;
	/* the last wait that timed out, to know a polling one */
	struct dlw_log_want polled; /* .since_ns: when the first of the row began */
	uint32_t polled_times;
	bool polled_mutex_back; /* it has the condition's mutex again: no progress */

	/* place in the stream */
	const struct dlw_log_block *block, *block_end;
	const uint32_t *units;
	size_t unit_count, at;
	uint64_t ticks;
	struct dlw_recents recents;
	uint32_t expected_sequence;
	uint32_t *aligned;  /* the block's units, where the file has them at an odd place */
	uint32_t aligned_room;
	bool takes_state;   /* the block's HELD events say what the missing ones led to */
	bool finished;      /* no head any more */

	/* while its head waits for another thread's event */
	struct dlw_cursor *next_blocked;
	struct dlw_replay_object *blocked_on;
	uint64_t blocked_ticket;
	struct dlw_cursor *blocked_on_thread;
	struct dlw_cursor *thread_waiters; /* heads that wait for this thread */
	bool created; /* its CREATED was seen */
	bool released; /* waits no longer for creation or exit */
	/* scratch of the state builder: its resource as something to join */
	uint64_t last_use;
	uint32_t state_index;
};

/** What a process's log could not say. */
struct dlw_log_loss {
	uint64_t cut_blocks;     /* event blocks malformed inside */
	uint64_t unknown_events; /* of types of a later version */
	uint64_t undefined_objects;
	uint64_t odd_events;     /* contradict what came before: dropped */
	uint64_t stale_holds;    /* released behind dlwatch's back */
};

struct dlw_source {
	struct dlw_replay *replay;
	uint32_t number;
	struct dlw_log_file file;
	struct dlw_log_definitions defined;
	struct dlw_replay_object **objects; /* by position in defined.objects; NULL: not in use */
	uint64_t *next_tickets; /* likewise, of those whose lives follow one another; NULL: none has */
	struct dlw_guess *guesses; /* undefined ones: see log_objects.c */
	struct dlw_inhabitant *inhabitants; /* whose memory is whose: there, too */
	struct dlw_cursor **cursors;
	uint32_t cursor_count;
	struct dlw_log_index cursor_index; /* serial → cursors */
	struct dlw_log_loss loss;
	uint8_t *made; /* its bytes, where they were made from another format */
	struct dlw_std_loss made_loss;
	uint64_t copied_at; /* ticks: a moment up to which there is all of all processes; 0: no such */
	uint64_t last_ns; /* latest time known from looks, blocks and events */
};

struct dlw_heap_entry {
	uint64_t ticks;
	struct dlw_cursor *cursor;
};

struct dlw_replay {
	struct dlw_source **sources;
	uint32_t source_count, source_room;
	struct dlw_cursor **cursors;
	uint32_t cursor_count, cursor_room;

	struct dlw_heap_entry *heap; /* threads whose head may go next, earliest first */
	uint32_t heap_count;
	uint32_t blocked_count;
	struct dlw_cursor *current;

	struct dlw_replay_object *spare;   /* free, linked through .next_spare */
	struct dlw_shared *shared;  /* process-shared objects by identity */
	uint32_t object_numbers;
	uint64_t moment;            /* states built so far */
	/* called before an object is forgotten, for whoever hangs something on it */
	void (*forget)(void *context, struct dlw_replay_object *object);
	void *forget_context;

	uint64_t events;          /* applied */
	uint64_t total_bytes, done_bytes; /* of event blocks: for progress */
	uint64_t stalls;          /* times that a missing ticket was given up */
	uint64_t missing_tickets; /* operations that must be in lost blocks */
	uint64_t overwritten_tickets; /* operations that a flight recorder has overwritten */
	uint64_t late_tickets;    /* came after a larger one of their object */
	bool unheard; /* what threads said through dlwatch.h may be missing */
	uint32_t threads_cut; /* whose last events are later than the moment of the copy */
	uint64_t base_ns;         /* earliest start of a log: zero of printed times */
	uint64_t stall_ns;        /* for states: how long the open-world rule must have held */
};

/** What is about to happen; valid until the next dlw_replay_apply(). */
struct dlw_step {
	struct dlw_cursor *thread;
	const struct dlw_head *head;
};

struct dlw_replay *dlw_replay_new(void);

/**
 * dlw_replay_add() - a log; before dlw_replay_start()
 *
 * Return: NULL if it could not be used; *@error is then a line for free().
 */
struct dlw_source *dlw_replay_add(struct dlw_replay *replay, const char *path, char **error);

/** dlw_replay_add_memory() - likewise, from bytes that must stay */
struct dlw_source *dlw_replay_add_memory(struct dlw_replay *replay, const char *path,
					 const void *bytes, size_t size, const void *tail,
					 size_t tail_size, char **error);

/** dlw_replay_start() - all logs are added: go to the first event */
void dlw_replay_start(struct dlw_replay *replay);

/** dlw_replay_peek() - the thread whose head is next; NULL at the end */
static inline struct dlw_cursor *dlw_replay_peek(const struct dlw_replay *replay)
{
	return replay->current;
}

/** dlw_replay_apply() - let it happen */
void dlw_replay_apply(struct dlw_replay *replay);

/**
 * dlw_replay_resume_polls() - at the end: who was between two waits of a row waits again
 *
 * A thread that polls waits in slices, and its process can be ended between
 * two of them. Only where the watcher has found something: a program that polls
 * and was killed for another reason tells of no deadlock.
 */
void dlw_replay_resume_polls(struct dlw_replay *replay);

/**
 * dlw_replay_state() - this moment, for the judge
 * @arena: everything in @state lives there
 *
 * Return: 0, or -1 if the arena ran out.
 */
int dlw_replay_state(struct dlw_replay *replay, struct dlw_arena *arena, struct dlw_state *state);

/** dlw_replay_rewind() - back to before the first event, as dlw_replay_start() leaves it */
void dlw_replay_rewind(struct dlw_replay *replay);

/** dlw_replay_stack() - stack @id of @source, in @arena; false: the arena ran out */
bool dlw_replay_stack(const struct dlw_source *source, uint32_t id, struct dlw_arena *arena,
		      struct dlw_stack *stack);

/** dlw_source_process() - who wrote it, for findings; the strings are the source's */
struct dlw_process_state dlw_source_process(const struct dlw_source *source);

/** dlw_source_lost_blocks() - of all threads, and of definitions */
uint64_t dlw_source_lost_blocks(const struct dlw_source *source);

/** dlw_source_overwrote() - it is a flight recorder, and what it has began earlier */
static inline bool dlw_source_overwrote(const struct dlw_source *source)
{
	return source->file.overwritten_blocks != 0;
}

/** dlw_source_is_cut() - whether its last events are missing or may be */
bool dlw_source_is_cut(const struct dlw_source *source);

void dlw_replay_free(struct dlw_replay *replay);

#endif
