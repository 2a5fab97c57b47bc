/*
 * core/watch/picture.h - from the records of processes to the engine's state
 */
#ifndef DLW_CORE_WATCH_PICTURE_H
#define DLW_CORE_WATCH_PICTURE_H

#include "core/watch/look.h"

/** Where a thread of the state came from. */
struct dlw_thread_source {
	struct dlw_thread *record;
	uint64_t wait; /* its number when the picture was made */
};

struct dlw_picture {
	struct dlw_state state;
	struct dlw_thread_source *sources; /* one per state thread */
	/* what the state points to, still writable */
	struct dlw_process_state *processes;
	struct dlw_thread_state *threads;
	struct dlw_resource_state *resources;
	struct dlw_hold *holds;
	struct dlw_releaser *releasers;
};

/**
 * dlw_picture_make() - read every record of every process in view
 *
 * Wants and holds are as the records say; nothing is confirmed yet. Mutexes
 * that threads wait for and nobody is recorded to hold get the holder that the
 * C library names. Return: false if the arena ran out.
 */
bool dlw_picture_make(struct dlw_watch *watch, struct dlw_picture *picture);

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

/** dlw_picture_describe() - names, programs and modules for the processes of a finding */
bool dlw_picture_describe(struct dlw_watch *watch, struct dlw_picture *picture,
			  const struct dlw_finding *finding);

/** dlw_picture_look_around() - set open_reason of every process, for 'stalled' */
void dlw_picture_look_around(struct dlw_watch *watch, struct dlw_picture *picture);

#endif
