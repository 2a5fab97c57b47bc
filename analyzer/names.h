/*
 * analyzer/names.h - what a lock, a site, a thread is called in a report
 *
 * Works on the public JSON (product.md: FRAME, resources), so that reports,
 * statistics and dumps call the same thing by the same name.
 */
#ifndef DLW_ANALYZER_NAMES_H
#define DLW_ANALYZER_NAMES_H

#include <stdbool.h>

#include <jansson.h>

struct dlw_symbols;

/**
 * dlw_frame_complete() - fill in function, file and line of a FRAME object
 *
 * Leaves frames alone that have a function already (Python). @build_id: of the
 * frame's module, or NULL.
 */
void dlw_frame_complete(struct dlw_symbols *symbols, json_t *frame, const char *build_id);

/**
 * dlw_resource_label() - the name of a resource
 *
 * In this order: the name it was given ("name" of @resource); the variable it
 * lies in ("module" and "offset" of @resource): "accounts+0x28", or
 * "main.c:12 ledger" if the whole variable is the lock and its declaration is
 * known; "mutex initialised at FUNCTION (FILE:LINE)" by its "init_site";
 * "mutex first seen at SITE" by @held_at or else @wanted_at, completed FRAMEs or
 * NULL; at last kind and address. Where @wanted_at is a line of Python that
 * comes before "init_site". Frames must have been completed before.
 *
 * Return: a string for the caller to free().
 */
char *dlw_resource_label(struct dlw_symbols *symbols, const json_t *resource,
			 const json_t *held_at, const json_t *wanted_at, const char *build_id);

/** dlw_frame_is_python() - of Python code; _library(): of a module that comes with Python */
bool dlw_frame_is_python(const json_t *frame);
bool dlw_frame_is_python_library(const json_t *frame);

/** dlw_frame_is_of_interpreter() - C code of an interpreter or of one of its extensions */
bool dlw_frame_is_of_interpreter(const json_t *frame);

/**
 * dlw_resource_element() - which part of a variable the resource is
 *
 * Return: "accounts[1].lock" for the caller to free(); NULL where the variable
 *         is nothing but the lock, or its type is not known.
 */
char *dlw_resource_element(struct dlw_symbols *symbols, const json_t *resource,
			   const char *build_id);

/** dlw_frame_text() - "function (file:line)", "module+0x1234 [why not]"; for the caller to free() */
char *dlw_frame_text(const json_t *frame);

/** dlw_frame_is_lock_wrapper() - the standard library's std::lock_guard and kin, never a site */
bool dlw_frame_is_lock_wrapper(const json_t *frame);

#endif
