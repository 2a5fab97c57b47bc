/*
 * analyzer/log_words.h - what the numbers in a log are called
 */
#ifndef DLW_ANALYZER_LOG_WORDS_H
#define DLW_ANALYZER_LOG_WORDS_H

#include <dlwatch/log.h>

/** dlw_event_word() - "acquired", "wants", …; "unknown" for a type of a later version */
const char *dlw_event_word(enum dlw_event_type type);

/** dlw_event_argument() - what .argument is in an event of this type ("since_ns", …); NULL: nothing */
const char *dlw_event_argument(enum dlw_event_type type);

/** dlw_event_mode_word() - of an event's two bits: "exclusive", "shared", "permit", "other" */
const char *dlw_event_mode_word(uint8_t mode);

/** dlw_form_word() - "blocking", "timed", "try" */
const char *dlw_form_word(uint8_t form);

#endif
