/*
 * log_dump_text.c - a log for people: one line a definition, one line an event
 *
 * Names come from the watched program and may hold anything: control
 * characters are shown as '?', so that a dump cannot drive the terminal.
 */
#include <inttypes.h>
#include <string.h>

#include "analyzer/log_coverage.h"
#include "analyzer/log_dump.h"
#include "analyzer/log_words.h"
#include "core/judge.h"

static void put_clean(FILE *out, const char *text)
{
	for (; *text; text++)
		putc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
}

/* ---------------------------------------------------------------- definitions */

static void put_process(FILE *out, const struct dlw_source *source)
{
	const struct dlw_log_definitions *defined = &source->defined;
	uint32_t at;

	fprintf(out, "# log %u ", source->number);
	put_clean(out, source->file.path);
	fprintf(out, ": pid %d, parent %d", source->file.header.pid,
		source->file.header.parent_pid);
	if (defined->process_known) {
		fputs(", ", out);
		put_clean(out, defined->exe);
		fputs(", run as", out);
		for (at = 0; at < defined->arg_count; at++) {
			putc(' ', out);
			put_clean(out, defined->args[at]);
		}
	}
	fprintf(out, "\n# ended: %s", dlw_log_end_word(defined));
	if (defined->end_known)
		fprintf(out, ", status %d", defined->end_status);
	if (defined->look.present)
		fprintf(out, "; last look: %u found, world %s", defined->look.found,
			*defined->look.open_reason ? "open: " : "closed");
	put_clean(out, defined->look.open_reason);
	putc('\n', out);
}

static void put_modules(FILE *out, const struct dlw_log_definitions *defined)
{
	uint32_t at;

	for (at = 0; at < defined->module_count; at++) {
		const struct dlw_module *module = &defined->modules[at];

		fprintf(out, "# module 0x%" PRIx64 "-0x%" PRIx64 " bias 0x%" PRIx64 " ",
			module->start, module->end, module->bias);
		put_clean(out, module->path);
		if (module->build_id)
			fputs(" build-id ", out), put_clean(out, module->build_id);
		putc('\n', out);
	}
}

static void put_threads(FILE *out, const struct dlw_log_definitions *defined)
{
	uint32_t at;

	for (at = 0; at < defined->thread_count; at++) {
		const struct dlw_log_thread *thread = &defined->threads[at];

		fprintf(out, "# thread %u tid %d creator %u%s ", thread->serial, thread->tid,
			thread->creator, thread->detached ? " detached" : "");
		put_clean(out, thread->name);
		putc('\n', out);
	}
}

static void put_objects(struct dlw_log_dump *dump, const struct dlw_source *source)
{
	struct dlw_log_object object;
	uint32_t at;

	for (at = 0; at < source->defined.object_count; at++) {
		dlw_log_object_at(&source->defined, at, &object);
		fprintf(dump->out, "# %s %u %s 0x%" PRIx64, dlw_kind_word(object.kind), object.id,
			dlw_type_word(object.type), object.address);
		if (object.initial_known)
			fprintf(dump->out, " initial %u", object.initial);
		if (object.init_stack) {
			fputs(" initialised at ", dump->out);
			put_clean(dump->out, dlw_dump_site(dump, source, object.init_stack));
		}
		if (*object.name) {
			fputs(" named ", dump->out);
			put_clean(dump->out, object.name);
		}
		if (*object.class_name || object.rank) {
			fputs(" class ", dump->out);
			put_clean(dump->out, object.class_name);
			fprintf(dump->out, " rank %d", object.rank);
		}
		putc('\n', dump->out);
	}
}

static void put_stacks(struct dlw_log_dump *dump, const struct dlw_source *source)
{
	uint32_t at, frame, id, depth;
	uint64_t frames[256];

	for (at = 0; at < source->defined.stack_count; at++) {
		memcpy(&id,
		       source->defined.stacks[at] + offsetof(struct dlw_record_stack, id),
		       sizeof(id));
		depth = dlw_log_defined_stack(&source->defined, id, frames, 256);
		fprintf(dump->out, "# stack %u ", id);
		put_clean(dump->out, dlw_dump_site(dump, source, id));
		for (frame = 0; frame < depth && frame < 256; frame++)
			fprintf(dump->out, " 0x%" PRIx64, frames[frame]);
		if (depth > 256)
			fprintf(dump->out, " and %u more", depth - 256);
		putc('\n', dump->out);
	}
}

static void put_definitions(struct dlw_log_dump *dump)
{
	uint32_t at;

	for (at = 0; at < dump->replay->source_count; at++) {
		const struct dlw_source *source = dump->replay->sources[at];

		put_process(dump->out, source);
		put_modules(dump->out, &source->defined);
		put_threads(dump->out, &source->defined);
		put_objects(dump, source);
		put_stacks(dump, source);
	}
}

/* --------------------------------------------------------------------- events */

static void put_argument(FILE *out, const struct dlw_cursor *cursor)
{
	const struct dlw_event *event = &cursor->head.event;

	switch (event->type) {
	case DLW_EVENT_CREATED:
	case DLW_EVENT_WANT_THREAD:
	case DLW_EVENT_JOINED:
	case DLW_EVENT_DETACHED:
		fprintf(out, "thread %" PRIu64 " ", event->argument);
		break;
	case DLW_EVENT_STARTED:
		if (event->argument)
			fprintf(out, "by thread %" PRIu64 " ", event->argument);
		break;
	case DLW_EVENT_ORDER:
		fprintf(out, "%" PRIu64 " ", event->argument);
		break;
	case DLW_EVENT_HELD:
		if (event->argument != 1)
			fprintf(out, "%" PRIu64 " times ", event->argument);
		break;
	case DLW_EVENT_FORKED:
		fprintf(out, "pid %" PRIu64 " ", event->argument);
		break;
	case DLW_EVENT_GAVE_UP:
	case DLW_EVENT_RELEASED_BY_STRANGER:
		if (event->argument)
			fprintf(out, "(%s) ", strerror((int)event->argument));
		else if (event->type == DLW_EVENT_GAVE_UP)
			fputs("(cancelled) ", out);
		break;
	default:
		break;
	}
}

static void put_object(struct dlw_log_dump *dump, const struct dlw_cursor *cursor)
{
	const struct dlw_event *event = &cursor->head.event;
	const struct dlw_replay_object *object = cursor->head.object;
	FILE *out = dump->out;

	fprintf(out, "%s %u ", dlw_kind_word(object->defined.kind), object->defined.id);
	put_clean(out, dlw_dump_lock(dump, object, event->stack));
	if (event->type == DLW_EVENT_ACQUIRED || event->type == DLW_EVENT_WANT) {
		if (event->mode == 1)
			fputs(" shared", out);
		if (event->form)
			fprintf(out, " %s", dlw_form_word(event->form));
		if (event->contended)
			fputs(" contended", out);
	}
	if (cursor->head.mutex) {
		fputs(" giving back ", out);
		put_clean(out, dlw_dump_lock(dump, cursor->head.mutex, 0));
	}
	if (event->ticket)
		fprintf(out, " ticket %" PRIu64, event->ticket);
	putc(' ', out);
}

void dlw_dump_event(struct dlw_log_dump *dump, const struct dlw_cursor *cursor)
{
	const struct dlw_event *event = &cursor->head.event;
	uint64_t ns = dlw_log_file_time(&cursor->source->file, event->ticks);
	uint64_t base = dump->replay->base_ns;
	char room[32];

	fprintf(dump->out, "%14.6f ms %d/%d ", ns < base ? 0 : (double)(ns - base) / 1e6,
		cursor->source->file.header.pid, cursor->defined ? cursor->defined->tid : 0);
	put_clean(dump->out, dlw_dump_thread(cursor, room));
	fprintf(dump->out, " %s ", dlw_event_word(event->type));
	if (cursor->head.object)
		put_object(dump, cursor);
	put_argument(dump->out, cursor);
	if (event->stack) {
		const char *site = dlw_dump_site(dump, cursor->source, event->stack);

		fputs(*site ? "at " : "at an unknown place", dump->out);
		put_clean(dump->out, site);
	}
	putc('\n', dump->out);
}

bool dlw_log_dump_text(struct dlw_log_dump *dump)
{
	struct dlw_cursor *cursor;

	dlw_dump_names_begin(dump);
	if (!dump->events_only)
		put_definitions(dump);
	dlw_replay_start(dump->replay);
	while ((cursor = dlw_replay_peek(dump->replay)) && !ferror(dump->out)) {
		dlw_dump_event(dump, cursor);
		dlw_replay_apply(dump->replay);
	}
	dlw_dump_names_end(dump);
	return fflush(dump->out) == 0 && !ferror(dump->out);
}
