/*
 * core/finding_json.h - a finding as one line of JSON, names not yet looked up
 *
 * The public format of a finding ("dlwatch-finding/1") with everything the
 * engine knows. Frames carry address, module and offset; their function, file
 * and line are null until a renderer with debug information fills them in.
 * Where advice or evidence speaks of a site it says "MODULE+0xOFFSET" with the
 * module's base name, exactly as such a frame's module and offset read, so a
 * renderer can put the name of the function in its place.
 */
#ifndef DLW_CORE_FINDING_JSON_H
#define DLW_CORE_FINDING_JSON_H

#include <stddef.h>

#include "core/judge.h"

/** Where text goes; put() may be called many times for one line. */
struct dlw_writer {
	void (*put)(void *context, const char *text, size_t length);
	void *context;
};

/** dlw_finding_write_json() - one object and a newline; no allocation, cannot fail */
void dlw_finding_write_json(const struct dlw_state *state, const struct dlw_finding *finding,
			    const struct dlw_writer *writer);

/** dlw_finding_write_text() - the plain report for when no renderer can be had: module+offset only */
void dlw_finding_write_text(const struct dlw_state *state, const struct dlw_finding *finding,
			    const struct dlw_writer *writer);

/**
 * dlw_python_write_json() - what an interpreter in process @pid was doing, one line
 *
 * {"schema":"dlwatch-python/1","pid":N,"text":"…"}: goes before the raw findings
 * that it belongs to. @text is of the form of docs/log-format.md.
 */
void dlw_python_write_json(int32_t pid, const char *text, const struct dlw_writer *writer);

/** dlw_python_write_text() - the same, for the plain report */
void dlw_python_write_text(int32_t pid, const char *text, const struct dlw_writer *writer);

/** dlw_module_at() - the module of @process that covers @address, or NULL */
const struct dlw_module *dlw_module_at(const struct dlw_process_state *process, uint64_t address);

#endif
