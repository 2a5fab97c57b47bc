/*
 * log_dump_perfetto.c - a log as a trace for Perfetto and chrome://tracing
 *
 * One track a thread. A wait is a slice, a hold is a slice within which others
 * lie; a lock given back out of order closes the slices above its own, which
 * begin again right behind it. Who was let go by whom is drawn as a flow: from
 * a release, post or signal to the acquisition or wake-up that waited for it.
 * Times are microseconds since the first log began.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "analyzer/log_cursor.h"
#include "analyzer/log_dump.h"
#include "analyzer/log_memory.h"
#include "analyzer/log_words.h"

/** Who last let go of an object. */
struct release {
	const struct dlw_replay_object *object;
	uint32_t number; /* of the object: its memory may be another's by now */
	const struct dlw_cursor *thread;
	double us;
	UT_hash_handle hh;
};

/** The slices of a thread that are open, outermost first. */
struct track {
	struct slice {
		const struct dlw_replay_object *object; /* NULL: a wait */
		uint32_t number;
		char *name;
	} *open;
	uint32_t count, room;
};

struct perfetto {
	struct dlw_log_dump *dump;
	struct track *tracks; /* by number of the thread */
	struct release *releases;
	uint64_t flows;
	bool begun;
};

/* ------------------------------------------------------------------------ JSON */

static void put_entry(struct perfetto *perfetto)
{
	fputs(perfetto->begun ? ",\n" : "\n", perfetto->dump->out);
	perfetto->begun = true;
}

/** put_text() - as a JSON string; what is no plain ASCII is escaped or becomes '?' */
static void put_text(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\')
			fprintf(out, "\\%c", byte);
		else
			putc(byte < 0x20 || byte > 0x7e ? '?' : byte, out);
	}
	putc('"', out);
}

static double time_of(const struct perfetto *perfetto, const struct dlw_cursor *cursor)
{
	uint64_t ns = dlw_log_file_time(&cursor->source->file, cursor->head.event.ticks);
	uint64_t base = perfetto->dump->replay->base_ns;

	return ns > base ? (double)(ns - base) / 1e3 : 0;
}

static int32_t tid_of(const struct dlw_cursor *cursor)
{
	return cursor->defined ? cursor->defined->tid : (int32_t)cursor->serial;
}

/** put_head() - what every entry begins with */
static void put_head(struct perfetto *perfetto, const struct dlw_cursor *cursor, char phase,
		     double us)
{
	put_entry(perfetto);
	fprintf(perfetto->dump->out, "{\"ph\":\"%c\",\"pid\":%d,\"tid\":%d,\"ts\":%.3f", phase,
		cursor->source->file.header.pid, tid_of(cursor), us);
}

static void put_metadata(struct perfetto *perfetto, const char *what, int32_t pid, int32_t tid,
			 const char *name)
{
	FILE *out = perfetto->dump->out;

	put_entry(perfetto);
	fprintf(out, "{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%d,\"tid\":%d,\"args\":{\"name\":", what,
		pid, tid);
	put_text(out, name);
	fputs("}}", out);
}

static void put_names(struct perfetto *perfetto)
{
	const struct dlw_replay *replay = perfetto->dump->replay;
	uint32_t at;

	for (at = 0; at < replay->source_count; at++) {
		const struct dlw_source *source = replay->sources[at];
		const char *slash = strrchr(source->defined.exe, '/');

		put_metadata(perfetto, "process_name", source->file.header.pid, 0,
			     slash ? slash + 1 : source->defined.exe);
	}
	for (at = 0; at < replay->cursor_count; at++) {
		char room[32];

		put_metadata(perfetto, "thread_name", replay->cursors[at]->source->file.header.pid,
			     tid_of(replay->cursors[at]),
			     dlw_dump_thread(replay->cursors[at], room));
	}
}

/* ---------------------------------------------------------------------- slices */

static void put_begin(struct perfetto *perfetto, const struct dlw_cursor *cursor,
		      const struct slice *slice, double us, uint32_t stack)
{
	FILE *out = perfetto->dump->out;

	put_head(perfetto, cursor, 'B', us);
	fprintf(out, ",\"cat\":\"%s\",\"name\":", slice->object ? "hold" : "wait");
	put_text(out, slice->name);
	if (stack) {
		fputs(",\"args\":{\"at\":", out);
		put_text(out, dlw_dump_site(perfetto->dump, cursor->source, stack));
		putc('}', out);
	}
	putc('}', out);
}

static void put_end(struct perfetto *perfetto, const struct dlw_cursor *cursor, double us)
{
	put_head(perfetto, cursor, 'E', us);
	putc('}', perfetto->dump->out);
}

static struct track *track_of(struct perfetto *perfetto, const struct dlw_cursor *cursor)
{
	return &perfetto->tracks[cursor->number];
}

static void open_slice(struct perfetto *perfetto, const struct dlw_cursor *cursor,
		       const struct dlw_replay_object *object, char *name)
{
	struct track *track = track_of(perfetto, cursor);
	struct slice *slice;

	dlw_reserve(track->open, track->count, track->room);
	slice = &track->open[track->count++];
	*slice = (struct slice){ object, object ? object->number : 0, name };
	put_begin(perfetto, cursor, slice, time_of(perfetto, cursor), cursor->head.event.stack);
}

/** close_slice() - number @at of the thread's; those above it go on behind it */
static void close_slice(struct perfetto *perfetto, const struct dlw_cursor *cursor, uint32_t at)
{
	struct track *track = track_of(perfetto, cursor);
	double us = time_of(perfetto, cursor);
	uint32_t above;

	for (above = at; above < track->count; above++)
		put_end(perfetto, cursor, us);
	free(track->open[at].name);
	memmove(track->open + at, track->open + at + 1,
		(track->count - at - 1) * sizeof(*track->open));
	track->count--;
	for (above = at; above < track->count; above++)
		put_begin(perfetto, cursor, &track->open[above], us, 0);
}

/** slice_of() - the newest of @object (NULL: a wait); UINT32_MAX: none is open */
static uint32_t slice_of(struct perfetto *perfetto, const struct dlw_cursor *cursor,
			 const struct dlw_replay_object *object)
{
	const struct track *track = track_of(perfetto, cursor);
	uint32_t at = track->count;

	while (at-- > 0)
		if (track->open[at].object == object &&
		    (!object || track->open[at].number == object->number))
			return at;
	return UINT32_MAX;
}

static void close_if_open(struct perfetto *perfetto, const struct dlw_cursor *cursor,
			  const struct dlw_replay_object *object)
{
	uint32_t at = slice_of(perfetto, cursor, object);

	if (at != UINT32_MAX)
		close_slice(perfetto, cursor, at);
}

/* ----------------------------------------------------------------------- flows */

static void note_release(struct perfetto *perfetto, const struct dlw_cursor *cursor,
			 const struct dlw_replay_object *object)
{
	struct release *release;

	HASH_FIND_PTR(perfetto->releases, &object, release);
	if (!release) {
		release = dlw_log_allocate(1, sizeof(*release));
		release->object = object;
		HASH_ADD_PTR(perfetto->releases, object, release);
	}
	release->number = object->number;
	release->thread = cursor;
	release->us = time_of(perfetto, cursor);
}

/** put_flow() - from who let go of the object to who waited for it and has it now */
static void put_flow(struct perfetto *perfetto, const struct dlw_cursor *cursor)
{
	const struct dlw_replay_object *object = cursor->head.object;
	const char *text = "\"cat\":\"wake\",\"name\":\"wake\",\"id\"";
	struct release *release;

	HASH_FIND_PTR(perfetto->releases, &object, release);
	if (!release || release->number != object->number || release->thread == cursor)
		return;
	perfetto->flows++;
	put_head(perfetto, release->thread, 's', release->us);
	fprintf(perfetto->dump->out, ",%s:%" PRIu64 "}", text, perfetto->flows);
	put_head(perfetto, cursor, 'f', time_of(perfetto, cursor));
	fprintf(perfetto->dump->out, ",%s:%" PRIu64 ",\"bp\":\"e\"}", text, perfetto->flows);
}

/* ---------------------------------------------------------------------- events */

static void put_mark(struct perfetto *perfetto, const struct dlw_cursor *cursor)
{
	const struct dlw_event *event = &cursor->head.event;

	put_head(perfetto, cursor, 'i', time_of(perfetto, cursor));
	fprintf(perfetto->dump->out, ",\"s\":\"t\",\"name\":");
	if (cursor->head.object) {
		char *name = dlw_print("%s %s", dlw_event_word(event->type),
				       dlw_dump_lock(perfetto->dump, cursor->head.object,
						     event->stack));

		put_text(perfetto->dump->out, name);
		free(name);
	} else {
		put_text(perfetto->dump->out, dlw_event_word(event->type));
	}
	putc('}', perfetto->dump->out);
}

static void begin_wait(struct perfetto *perfetto, const struct dlw_cursor *cursor)
{
	const struct dlw_replay_object *object = cursor->head.object;

	close_if_open(perfetto, cursor, NULL);
	open_slice(perfetto, cursor, NULL,
		   object ? dlw_print("waits for %s", dlw_dump_lock(perfetto->dump, object,
								    cursor->head.event.stack)) :
			    dlw_print("joins thread %" PRIu64, cursor->head.event.argument));
}

/** end_wait() - if there was one, the flow says who ended it */
static void end_wait(struct perfetto *perfetto, const struct dlw_cursor *cursor)
{
	uint32_t at = slice_of(perfetto, cursor, NULL);

	if (at == UINT32_MAX)
		return;
	if (cursor->head.object && cursor->head.event.type != DLW_EVENT_GAVE_UP)
		put_flow(perfetto, cursor);
	close_slice(perfetto, cursor, at);
}

static void acquired(struct perfetto *perfetto, struct dlw_cursor *cursor)
{
	struct dlw_replay_object *object = cursor->head.object;

	end_wait(perfetto, cursor);
	if (dlw_is_counted(object) ||
	    (object->defined.type == DLW_TYPE_RECURSIVE && dlw_cursor_hold(cursor, object)))
		return;
	open_slice(perfetto, cursor, object,
		   dlw_copy(dlw_dump_lock(perfetto->dump, object, cursor->head.event.stack)));
}

static void released(struct perfetto *perfetto, const struct dlw_cursor *cursor, bool in_full)
{
	const struct dlw_log_hold *hold = cursor->head.hold;

	if (!hold || (hold->count > 1 && !in_full))
		return;
	note_release(perfetto, cursor, hold->object);
	close_if_open(perfetto, cursor, hold->object);
}

static void put_event(struct perfetto *perfetto, struct dlw_cursor *cursor)
{
	switch (cursor->head.event.type) {
	case DLW_EVENT_ACQUIRED:
	case DLW_EVENT_HELD:
		acquired(perfetto, cursor);
		break;
	case DLW_EVENT_RELEASED:
	case DLW_EVENT_RELEASED_TOP:
		released(perfetto, cursor, false);
		break;
	case DLW_EVENT_FORGOTTEN:
		released(perfetto, cursor, true);
		break;
	case DLW_EVENT_CONDITION_WAIT:
		released(perfetto, cursor, true);
		begin_wait(perfetto, cursor);
		break;
	case DLW_EVENT_WANT:
	case DLW_EVENT_WANT_THREAD:
	case DLW_EVENT_ARRIVED:
		if (cursor->head.event.type == DLW_EVENT_ARRIVED)
			note_release(perfetto, cursor, cursor->head.object);
		begin_wait(perfetto, cursor);
		break;
	case DLW_EVENT_WOKEN:
	case DLW_EVENT_LEFT:
	case DLW_EVENT_GAVE_UP:
	case DLW_EVENT_JOINED:
		end_wait(perfetto, cursor);
		break;
	case DLW_EVENT_POSTED:
	case DLW_EVENT_SIGNALLED:
	case DLW_EVENT_BROADCAST:
		note_release(perfetto, cursor, cursor->head.object);
		put_mark(perfetto, cursor);
		break;
	case DLW_EVENT_TRY_FAILED:
	case DLW_EVENT_CREATED:
	case DLW_EVENT_STARTED:
	case DLW_EVENT_EXITED:
	case DLW_EVENT_FORKED:
	case DLW_EVENT_RELEASED_BY_STRANGER:
		put_mark(perfetto, cursor);
		break;
	default:
		break;
	}
}

static void forget_all(struct perfetto *perfetto)
{
	struct release *release, *next;
	uint32_t at;

	HASH_ITER(hh, perfetto->releases, release, next)
	{
		HASH_DEL(perfetto->releases, release);
		free(release);
	}
	for (at = 0; at < perfetto->dump->replay->cursor_count; at++) {
		while (perfetto->tracks[at].count)
			free(perfetto->tracks[at].open[--perfetto->tracks[at].count].name);
		free(perfetto->tracks[at].open);
	}
	free(perfetto->tracks);
}

bool dlw_log_dump_perfetto(struct dlw_log_dump *dump)
{
	struct perfetto perfetto = { .dump = dump };
	struct dlw_cursor *cursor;

	perfetto.tracks = dlw_log_allocate(dump->replay->cursor_count, sizeof(*perfetto.tracks));
	dlw_dump_names_begin(dump);
	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", dump->out);
	put_names(&perfetto);
	dlw_replay_start(dump->replay);
	while ((cursor = dlw_replay_peek(dump->replay)) && !ferror(dump->out)) {
		put_event(&perfetto, cursor);
		dlw_replay_apply(dump->replay);
	}
	fputs("\n]}\n", dump->out);
	forget_all(&perfetto);
	dlw_dump_names_end(dump);
	return fflush(dump->out) == 0 && !ferror(dump->out);
}
