/*
 * core/watch/session_directory.h - where a session lives, and who clears it away
 *
 * A session is a directory BASE/dlwatch-UID-PID.START of mode 0700, named after
 * the process that made it. Whoever leaves last removes it; what a killed
 * session left behind is removed by the next one of the same user. A process that
 * only makes one for its children keeps it until it ends, so that it need not be
 * made for each of them. Nothing is trusted that another user could have put
 * there. No allocation, no stdio.
 */
#ifndef DLW_CORE_WATCH_SESSION_DIRECTORY_H
#define DLW_CORE_WATCH_SESSION_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <dlwatch/session.h>

/**
 * dlw_session_create() - make a new session directory and its `session` file
 * @environment_allowed: XDG_RUNTIME_DIR and TMPDIR may be believed
 * @supervisor: pid that will look from outside, 0: none
 *
 * Return: true and the directory in @path; false: nowhere to put one.
 */
bool dlw_session_create(char path[DLW_PATH_MAX], bool environment_allowed, int32_t supervisor);

/**
 * dlw_session_join() - the session of this process's ancestors
 *
 * One that this process (before an exec) or an ancestor made or has a segment
 * in. Return: true and the directory in @path.
 */
bool dlw_session_join(char path[DLW_PATH_MAX], bool environment_allowed);

/** dlw_session_make_at() - the directory @path with its `session` file, unless both are there */
bool dlw_session_make_at(const char *path, int32_t supervisor);

/** dlw_session_keep() - nobody else removes it while we live; no effect if we have not made it */
void dlw_session_keep(const char *path, uint64_t pid_namespace);

/**
 * dlw_session_let_go() - whoever leaves it last may remove it
 *
 * Before dlw_session_remove(): so at least one of us and the last of the others
 * sees that the other one has gone.
 */
void dlw_session_let_go(const char *path);

/** dlw_session_is_kept() - by its maker, which lives; @pid_namespace: ours */
bool dlw_session_is_kept(const struct dlw_session *session, const char *path,
			 uint64_t pid_namespace);

/** dlw_session_owner() - whose it is; false: no directory of mode 0700 */
bool dlw_session_owner(const char *path, uid_t *owner);

/** dlw_session_is_ours() - a directory of mode 0700 that belongs to us */
bool dlw_session_is_ours(const char *path);

/** dlw_session_map() - the `session` file of @path, or NULL */
struct dlw_session *dlw_session_map(const char *path);

/** dlw_session_unmap() */
void dlw_session_unmap(struct dlw_session *session);

/**
 * dlw_session_remove() - remove the directory if no other process lives in it
 *
 * Return: it is gone, with what dead processes left in it.
 */
bool dlw_session_remove(const char *path);

/** dlw_is_segment_name() - PID.START, or of what a process was before an exec PID.START-N */
bool dlw_is_segment_name(const char *name);
bool dlw_is_former_name(const char *name);

/** dlw_is_segment_of() - of @pid as it is now */
bool dlw_is_segment_of(const char *name, int32_t pid);

/** dlw_join_path() - DIRECTORY/NAME; false: too long */
bool dlw_join_path(char path[DLW_PATH_MAX], const char *directory, const char *name);

#endif
