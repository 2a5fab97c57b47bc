/*
 * core/watch/picture.h - from the records of processes to the engine's state
 */
#ifndef DLW_CORE_WATCH_PICTURE_H
#define DLW_CORE_WATCH_PICTURE_H

#include "core/watch/look.h"
#include "core/watch/thread_index.h"

/** Where a thread of the state came from. */
struct dlw_thread_source {
	struct dlw_thread *record; /* NULL: its process has no segment, or it was not seen starting */
	/* its want as the records have it */
	uint64_t progress; /* dlw_record_lasting() when the picture was made */
	uint64_t address, mutex;
	uint8_t kind;      /* DLW_NO_KIND: it wants nothing */
	bool tacit;        /* told by its newest hold */
	bool holds_read; /* it was at rest, or dead: its holds are in the picture */
	const struct dlw_sleeper *sleep; /* a wait on the system, which no record tells of; or NULL */
};

/** A process that has a shared resource; a list for each, from .first_alias. */
struct dlw_alias {
	uint32_t process;
	uint32_t next; /* 0: the last */
	uint64_t address;
	uint64_t device, inode, offset; /* what the resource was taken to be */
};

struct dlw_picture {
	struct dlw_state state;
	struct dlw_thread_source *sources; /* one per state thread */
	struct dlw_thread_index tids;
	/* what the state points to, still writable */
	struct dlw_process_state *processes;
	struct dlw_thread_state *threads;
	struct dlw_resource_state *resources;
	struct dlw_hold *holds;
	struct dlw_releaser *releasers;
	uint32_t *first_alias; /* one per state resource; 0: it is private */
	struct dlw_alias *aliases; /* from 1 */
	/* while it is judged */
	uint32_t *confirmed; /* one per state resource: in which round its holders were */
	uint32_t round;      /* from 1 */
};

/**
 * dlw_picture_make() - read every record of every process in view
 *
 * Wants and holds are as the records say; nothing is confirmed yet. Mutexes
 * that threads wait for and nobody is recorded to hold get the holder that the
 * C library names. Return: false if the arena ran out.
 */
bool dlw_picture_make(struct dlw_watch *watch, struct dlw_picture *picture);

/** dlw_picture_thread() - by its tid; DLW_NONE: @process has none of that number in the picture */
static inline uint32_t dlw_picture_thread(const struct dlw_picture *picture, uint32_t process,
					  int32_t tid)
{
	return dlw_thread_index_find(&picture->tids, picture, process, (uint32_t)tid);
}

/**
 * dlw_picture_confirm() - ask the kernel and the C library about one thread
 *
 * The thread must be asleep in the wait its record speaks of, and what it
 * waits for must be owned as the holds say. Where they disagree the picture is
 * corrected: the thread lives, or the hold goes.
 * @in_core: false for one that is only stuck behind: with on_deadlock=break,
 *           where waits are made of slices, it need not be caught asleep
 *
 * Return: the picture changed.
 */
bool dlw_picture_confirm(struct dlw_watch *watch, struct dlw_picture *picture, uint32_t thread,
			 bool in_core);

/** dlw_picture_confirm_holders() - holds that the C library does not know go; Return: some did */
bool dlw_picture_confirm_holders(const struct dlw_watch *watch, struct dlw_picture *picture,
				 uint32_t resource);

/** dlw_picture_read() - memory of a resource, by way of any process that has it and lets us look */
bool dlw_picture_read(const struct dlw_watch *watch, const struct dlw_picture *picture,
		      uint32_t resource, void *buffer, uint64_t size);

/** dlw_picture_is_same() - a shared resource is still what it was taken for, to all who have it */
bool dlw_picture_is_same(struct dlw_watch *watch, const struct dlw_picture *picture,
			 uint32_t resource);

/** dlw_picture_describe() - names, programs and modules for the processes of a finding */
bool dlw_picture_describe(struct dlw_watch *watch, struct dlw_picture *picture,
			  const struct dlw_finding *finding);

/* bytes: a larger picture's memory goes back once there is nothing new to judge */
#define DLW_KEPT_PICTURE (1u << 20)

/** dlw_describe_process() - executable, arguments and modules; of a process alive, by a task of it */
void dlw_describe_process(struct dlw_arena *arena, struct dlw_process_state *process, int32_t task);

/**
 * dlw_describe_noted() - the same, also of one that is over, by what it has noted in its segment
 *
 * Return: false: it is over, and not all of its segment is mapped yet.
 */
bool dlw_describe_noted(struct dlw_watch *watch, const struct dlw_watched *watched,
			struct dlw_process_state *process);

/** dlw_picture_look_around() - set open_reason of every process, for 'stalled' */
void dlw_picture_look_around(struct dlw_watch *watch, struct dlw_picture *picture);

#endif
