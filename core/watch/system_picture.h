/*
 * core/watch/system_picture.h - system waits in the picture of a moment
 */
#ifndef DLW_CORE_WATCH_SYSTEM_PICTURE_H
#define DLW_CORE_WATCH_SYSTEM_PICTURE_H

#include "core/watch/picture.h"

/**
 * dlw_picture_add_system_waits() - what the kernel knows and the records do not
 *
 * After dlw_picture_make(). Adds the processes at rest that have no segment,
 * their threads, and the waits of all of them; notes whom to ask about the next
 * time. What cannot be added leaves its thread live.
 * @anew: as for dlw_system_waits()
 */
void dlw_picture_add_system_waits(struct dlw_watch *watch, struct dlw_picture *picture, bool anew);

/** dlw_picture_rests_on_system() - some wait in the finding's core is one of them */
bool dlw_picture_rests_on_system(const struct dlw_picture *picture,
				 const struct dlw_finding *finding);

#endif
