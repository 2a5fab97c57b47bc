/*
 * analyzer/log_make.h - a log made from what is not one
 *
 *	struct dlw_log_maker *maker = dlw_log_maker_new("x.std");
 *	uint32_t thread = dlw_log_maker_thread(maker, "T1", 0);
 *	uint32_t lock = dlw_log_maker_object(maker, DLW_MUTEX, DLW_TYPE_RECURSIVE, "L1");
 *
 *	dlw_log_maker_event(maker, thread, (struct dlw_event){
 *		.type = DLW_EVENT_ACQUIRED, .object = lock, .stack = place });
 *	...
 *	bytes = dlw_log_maker_finish(maker, DLW_END_EXIT, &size);
 *
 * Tickets and times are given by themselves, in the order of the calls: what is
 * told one after the other is a run that happened so. The bytes are those that
 * docs/log-format.md describes; whoever reads logs reads them.
 */
#ifndef DLW_ANALYZER_LOG_MAKE_H
#define DLW_ANALYZER_LOG_MAKE_H

#include <stddef.h>
#include <stdint.h>

#include <dlwatch/log.h>

struct dlw_log_maker;

/** dlw_log_maker_new() - @name stands for the program and for the module of all places */
struct dlw_log_maker *dlw_log_maker_new(const char *name);

/** dlw_log_maker_thread() - Return: the serial of a new thread */
uint32_t dlw_log_maker_thread(struct dlw_log_maker *maker, const char *name, uint32_t creator);

/** dlw_log_maker_object() - Return: the id of a new object */
uint32_t dlw_log_maker_object(struct dlw_log_maker *maker, enum dlw_kind kind, enum dlw_type type,
			      const char *name);

/** dlw_log_maker_stack() - Return: the id of a new stack of one frame, @place in the module */
uint32_t dlw_log_maker_stack(struct dlw_log_maker *maker, uint64_t place);

/**
 * dlw_log_maker_event() - the next event of the whole run
 *
 * Its ticks are filled in, and its ticket where it is an operation on its
 * object; a CONDITION_WAIT gives its mutex back.
 */
void dlw_log_maker_event(struct dlw_log_maker *maker, uint32_t thread, struct dlw_event event);

/** dlw_log_maker_finish() - Return: the log, for free(); the maker is gone */
uint8_t *dlw_log_maker_finish(struct dlw_log_maker *maker, enum dlw_end_reason reason,
			      size_t *size);

#endif
