/*
 * analyzer/findings.h - a finding as JSON: checked, completed, and read
 *
 * dlw_finding_parse() guarantees the shape that product documentation promises
 * (every key there and of its type, every "resource" listed), so that whoever
 * renders can read without asking again.
 */
#ifndef DLW_ANALYZER_FINDINGS_H
#define DLW_ANALYZER_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "analyzer/options.h"
#include "core/path.h"

struct dlw_symbols;

/**
 * dlw_finding_parse() - read and check one finding
 *
 * Return: a new reference; or NULL, and in *@why one line of what is wrong, for
 *         the caller to free().
 */
json_t *dlw_finding_parse(const char *text, size_t length, char **why);

/** dlw_finding_check() - NULL if @finding has the promised shape, else what is wrong (to be freed) */
char *dlw_finding_check(const json_t *finding);

/**
 * dlw_finding_complete() - put names to a raw finding
 *
 * Functions, files and lines of all frames; sites moved out of the standard
 * library's lock wrappers; names of resources; functions instead of offsets in
 * evidence, advice and suppression. Doing it twice changes nothing.
 */
void dlw_finding_complete(struct dlw_symbols *symbols, json_t *finding);

enum dlw_severity dlw_finding_severity(const json_t *finding);

/** dlw_finding_is_counted() - whether it is reported without --all */
bool dlw_finding_is_counted(const json_t *finding);

/** dlw_finding_resource() - the resource with this id; NULL if there is none */
json_t *dlw_finding_resource(const json_t *finding, const char *id);

/** dlw_thread_deed() - what a core thread did wrong (a misuse), or NULL; shaped like a want */
const json_t *dlw_thread_deed(const json_t *thread);

/** dlw_finding_deciders() - how many of the core decide which finding it is: of a misuse, who did it */
size_t dlw_finding_deciders(const json_t *finding);

/** dlw_thread_site() - the FRAME where a core thread did or wants (else: first holds) something, or NULL */
const json_t *dlw_thread_site(const json_t *thread);

/** dlw_frame_token() - "MODULE+0xOFFSET", as the engine's texts call a site; to be freed */
char *dlw_frame_token(const json_t *frame);

/* Values of an object's members, with an empty answer for what is not there. */
const char *dlw_text(const json_t *object, const char *key);
json_int_t dlw_number(const json_t *object, const char *key);
uint64_t dlw_hex(const json_t *object, const char *key);
bool dlw_flag(const json_t *object, const char *key);

#endif
