/*
 * log_dump_names.c - names of locks and sites, looked up once for a dump
 */
#include <stdlib.h>

#include "analyzer/log_dump.h"
#include "analyzer/log_json.h"
#include "analyzer/log_memory.h"
#include "analyzer/names.h"

struct dlw_dump_names {
	char **sites; /* by position among the log's stacks */
	char **locks; /* by position among its objects */
	char *guessed; /* the last one that is not defined */
};

void dlw_dump_names_begin(struct dlw_log_dump *dump)
{
	uint32_t at;

	dump->names = dlw_log_allocate(dump->replay->source_count, sizeof(*dump->names));
	for (at = 0; at < dump->replay->source_count; at++) {
		const struct dlw_log_definitions *defined = &dump->replay->sources[at]->defined;

		dump->names[at].sites = dlw_log_allocate(defined->stack_count, sizeof(char *));
		dump->names[at].locks = dlw_log_allocate(defined->object_count, sizeof(char *));
	}
}

void dlw_dump_names_end(struct dlw_log_dump *dump)
{
	uint32_t at, position;

	for (at = 0; at < dump->replay->source_count; at++) {
		const struct dlw_log_definitions *defined = &dump->replay->sources[at]->defined;

		for (position = 0; position < defined->stack_count; position++)
			free(dump->names[at].sites[position]);
		for (position = 0; position < defined->object_count; position++)
			free(dump->names[at].locks[position]);
		free(dump->names[at].sites);
		free(dump->names[at].locks);
		free(dump->names[at].guessed);
	}
	free(dump->names);
}

const char *dlw_dump_site(struct dlw_log_dump *dump, const struct dlw_source *source,
			  uint32_t stack)
{
	uint32_t position = dlw_log_index_find(&source->defined.stack_index, stack);
	char **name;
	json_t *frame;

	if (!stack || position == DLW_NO_POSITION)
		return "";
	name = &dump->names[source->number].sites[position];
	if (*name)
		return *name;
	frame = dlw_log_site(&source->defined, stack, dump->symbols);
	*name = json_is_null(frame) ? dlw_copy("") : dlw_frame_text(frame);
	json_decref(frame);
	return *name;
}

const char *dlw_dump_lock(struct dlw_log_dump *dump, const struct dlw_replay_object *object,
			  uint32_t first_stack)
{
	struct dlw_dump_names *names = &dump->names[object->source->number];
	const struct dlw_log_object *defined = &object->defined;
	char **name;

	if (object->position == DLW_NO_POSITION) {
		free(names->guessed);
		names->guessed = dlw_print("undefined lock %u", defined->id);
		return names->guessed;
	}
	name = &names->locks[object->position];
	if (!*name)
		*name = dlw_log_label(&object->source->defined, defined->kind, defined->name,
				      defined->address, defined->init_stack, first_stack,
				      dump->symbols);
	return *name;
}

const char *dlw_dump_thread(const struct dlw_cursor *cursor, char room[32])
{
	if (cursor->defined && *cursor->defined->name)
		return cursor->defined->name;
	snprintf(room, 32, "thread %u", cursor->serial);
	return room;
}
