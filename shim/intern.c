/*
 * shim/intern.c - an open-addressing table from text to offset
 *
 * Nothing is ever taken out: names come from the program's source, and there
 * are few different ones however many locks have them.
 */
#include "shim/intern.h"

#include <string.h>

#include "shim/runtime.h"
#include "shim/segment.h"

#include "shim/banned.h"

#define LENGTH_MAX 255
#define FIRST_CAPACITY 256u

static uint32_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return (uint32_t)(hash ^ hash >> 32);
}

/** probe() - the entry of @text, or the free one where it belongs */
static uint32_t *probe(uint32_t *entries, uint32_t capacity, const char *text)
{
	uint32_t at = hash_of(text) & (capacity - 1);

	while (entries[at] && strcmp(dlw_at(entries[at]), text))
		at = (at + 1) & (capacity - 1);
	return &entries[at];
}

static bool grow(struct dlw_texts *texts)
{
	uint32_t capacity = texts->capacity ? texts->capacity * 2 : FIRST_CAPACITY, i;
	uint32_t *entries = dlw_map(capacity * sizeof(*entries), false);

	if (!entries)
		return false;
	for (i = 0; i < texts->capacity; i++)
		if (texts->entries[i])
			*probe(entries, capacity, dlw_at(texts->entries[i])) = texts->entries[i];
	if (texts->entries)
		dlw_unmap(texts->entries, texts->capacity * sizeof(*entries));
	texts->entries = entries;
	texts->capacity = capacity;
	return true;
}

static uint32_t keep(const char *text)
{
	uint64_t offset = dlw_segment_take(strlen(text) + 1);

	if (!offset || offset > UINT32_MAX)
		return 0;
	strcpy(dlw_at(offset), text);
	return (uint32_t)offset;
}

uint32_t dlw_intern(const char *text)
{
	struct dlw_texts *texts = &dlw_runtime->texts;
	char cut[LENGTH_MAX + 1] = "";
	uint32_t *entry, offset = 0;

	strncpy(cut, text, LENGTH_MAX);
	if (!cut[0])
		return 0;
	dlw_lock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	if ((texts->used + 1) * 2 <= texts->capacity || grow(texts)) {
		entry = probe(texts->entries, texts->capacity, cut);
		if (!*entry) {
			*entry = keep(cut);
			texts->used += *entry != 0;
		}
		offset = *entry;
	}
	dlw_unlock(&dlw_runtime->table_lock, DLW_RANK_TABLE);
	return offset;
}
