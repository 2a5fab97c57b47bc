/*
 * analyzer/log_json.h - addresses, stacks and objects of a log in the words of
 * the public JSON, so that names.h can name them
 */
#ifndef DLW_ANALYZER_LOG_JSON_H
#define DLW_ANALYZER_LOG_JSON_H

#include <jansson.h>

#include "analyzer/log_replay.h"

struct dlw_symbols;

/** dlw_log_frame() - a FRAME for a return address, completed if @symbols is not NULL */
json_t *dlw_log_frame(const struct dlw_log_definitions *defined, uint64_t address,
		      struct dlw_symbols *symbols);

/** dlw_log_site() - the first frame of stack @id outside lock wrappers, or null */
json_t *dlw_log_site(const struct dlw_log_definitions *defined, uint32_t id,
		     struct dlw_symbols *symbols);

/** dlw_log_text() - any bytes as a JSON string: what is no UTF-8 becomes '?' */
json_t *dlw_log_text(const char *bytes);

/**
 * dlw_log_label() - what a lock is called
 * @first_stack: where it was first taken, 0: unknown
 *
 * Return: for the caller to free().
 */
char *dlw_log_label(const struct dlw_log_definitions *defined, enum dlw_kind kind,
		    const char *name, uint64_t address, uint32_t init_stack, uint32_t first_stack,
		    struct dlw_symbols *symbols);

#endif
