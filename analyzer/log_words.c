/*
 * log_words.c - what the numbers in a log are called
 */
#include "analyzer/log_words.h"

static const struct {
	const char *word, *argument;
} events[32] = {
	[DLW_EVENT_ACQUIRED] = { "acquired", NULL },
	[DLW_EVENT_RELEASED_TOP] = { "released", "depth" },
	[DLW_EVENT_RELEASED] = { "released", NULL },
	[DLW_EVENT_POSTED] = { "posted", NULL },
	[DLW_EVENT_SIGNALLED] = { "signalled", NULL },
	[DLW_EVENT_BROADCAST] = { "broadcast", NULL },
	[DLW_EVENT_WOKEN] = { "woken", NULL },
	[DLW_EVENT_TRY_FAILED] = { "try-failed", NULL },
	[DLW_EVENT_DESTROYED] = { "destroyed", NULL },
	[DLW_EVENT_ARRIVED] = { "arrived", NULL },
	[DLW_EVENT_LEFT] = { "left", NULL },
	[DLW_EVENT_ACCESSED] = { "accessed", NULL },
	[DLW_EVENT_WANT] = { "wants", "since_ns" },
	[DLW_EVENT_CONDITION_WAIT] = { "waits", "mutex" },
	[DLW_EVENT_GAVE_UP] = { "gave-up", "error" },
	[DLW_EVENT_CREATED] = { "created", "other_thread" },
	[DLW_EVENT_STARTED] = { "started", "other_thread" },
	[DLW_EVENT_EXITED] = { "exited", NULL },
	[DLW_EVENT_WANT_THREAD] = { "wants-join", "other_thread" },
	[DLW_EVENT_JOINED] = { "joined", "other_thread" },
	[DLW_EVENT_DETACHED] = { "detached", "other_thread" },
	[DLW_EVENT_FORKED] = { "forked", "child_pid" },
	[DLW_EVENT_RELEASED_BY_STRANGER] = { "released-by-stranger", "error" },
	[DLW_EVENT_FORGOTTEN] = { "forgotten", "depth" },
	[DLW_EVENT_ORDER] = { "order", "number" },
	[DLW_EVENT_HELD] = { "held", "count" },
};

const char *dlw_event_word(enum dlw_event_type type)
{
	return (unsigned)type < 32 && events[type].word ? events[type].word : "unknown";
}

const char *dlw_event_argument(enum dlw_event_type type)
{
	return (unsigned)type < 32 ? events[type].argument : NULL;
}

const char *dlw_event_mode_word(uint8_t mode)
{
	static const char *const words[] = { "exclusive", "shared", "permit", "other" };

	return words[mode & 3];
}

const char *dlw_form_word(uint8_t form)
{
	static const char *const words[] = { "blocking", "timed", "try", "unknown" };

	return words[form & 3];
}
