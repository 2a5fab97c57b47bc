/*
 * core/watch/told.h - what somebody of a session has reported, for all to know
 *
 * With a bare preload each process says at its end what is left to be said of
 * it, and one looks at all of them until it ends and another one takes over.
 * What is kept in a record tells by itself; an inversion has none.
 *
 * Context: any process of the session, at any time. @session NULL: nobody else
 * is there, and nothing is known.
 */
#ifndef DLW_CORE_WATCH_TOLD_H
#define DLW_CORE_WATCH_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include <dlwatch/session.h>

/** dlw_was_told() - somebody has said so */
bool dlw_was_told(const struct dlw_session *session, uint64_t key);

/**
 * dlw_tell_first() - it is about to be reported; Return: false: it has been
 *
 * True as well where there is no place left: better told twice than never.
 */
bool dlw_tell_first(struct dlw_session *session, uint64_t key);

#endif
