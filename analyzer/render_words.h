/*
 * analyzer/render_words.h - the phrases that all renderers share
 *
 * Everything returned as char * is for the caller to free(). Findings are
 * checked ones (findings.h).
 */
#ifndef DLW_ANALYZER_RENDER_WORDS_H
#define DLW_ANALYZER_RENDER_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/** "2 threads of two_locks (pid 12) wait for each other for ever" */
char *dlw_words_summary(const json_t *finding);

/** "DEADLOCK, proven" */
char *dlw_words_verdict(const json_t *finding);

/** "'transfer-a' (tid 12)", with the pid where the core spans processes */
char *dlw_words_thread(const json_t *finding, const json_t *thread);

/** "M2 ledger", "M1 accounts[1].lock" where debug information tells the element */
char *dlw_words_resource(const json_t *finding, const char *id);

/** "mutex, normal", "mutex, normal, accounts+0x28" */
char *dlw_words_kind(const json_t *resource);

/** "wants M2 ledger", "waits for a signal of C1 ready", without place and time */
char *dlw_words_want(const json_t *finding, const json_t *want, const char *resource);

/** "unlocked M1 ledger, which nobody held": what the first of the core of a misuse did */
char *dlw_words_deed(const json_t *finding, const char *resource);

/** "holds M1 accounts+0x28", "holds 2 permits of S1 pool" */
char *dlw_words_hold(const json_t *finding, const json_t *hold, const char *resource);

/** what the one waited for has to do with the resource: "held by", "to be signalled by" */
const char *dlw_words_relation(const json_t *finding, const json_t *want);

/** "52 ms", "1.3 s", "4 min 10 s" */
char *dlw_words_duration(uint64_t nanoseconds);

/** "'transfer-a' (tid 12) takes M1 ledger": a step of a witness, without place */
char *dlw_words_step(const json_t *finding, const json_t *step);

/**
 * dlw_words_core_is_cycle() - whether each core thread waits for the next one
 *
 * As far as the finding shows it: what a thread wants is held by the next, or
 * cannot be held at all (a signal, an exit).
 */
bool dlw_words_core_is_cycle(const json_t *finding);

/** dlw_words_holds() - the hold of @thread on the resource, or NULL */
const json_t *dlw_words_holds(const json_t *thread, const char *resource);

/** The four conditions, in the order of printing. */
struct dlw_coffman_name {
	const char *key;
	const char *title;
};
extern const struct dlw_coffman_name dlw_coffman_names[4];

#endif
