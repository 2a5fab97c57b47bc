/*
 * statistics_class.c - the locks of one class as one row
 *
 * Rows are put together when all is counted, so that counting knows nothing of
 * classes. A lock that has none keeps its row.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "analyzer/findings.h"
#include "analyzer/log_json.h"
#include "analyzer/log_memory.h"
#include "analyzer/names.h"
#include "analyzer/statistics.h"
#include "analyzer/symbols.h"
#include "core/path.h"

struct class_row {
	char *key;
	struct dlw_lock_statistics *lock;
	UT_hash_handle hh;
};

/** init_key() - where all locks of the class were initialised; NULL: unknown */
static char *init_key(const struct dlw_lock_statistics *lock, struct dlw_symbols *symbols)
{
	json_t *site = dlw_log_site(&lock->source->defined, lock->init_stack, symbols);
	char *key = *dlw_text(site, "module") ? dlw_print("%u initialised %s %s", lock->kind,
							  dlw_text(site, "module"),
							  dlw_text(site, "offset")) :
						NULL;

	json_decref(site);
	return key;
}

/** variable_key() - the variable that it is, or is a part of, and what that is called; or NULL */
static char *variable_key(const struct dlw_lock_statistics *lock, struct dlw_symbols *symbols,
			  char **label)
{
	const struct dlw_module *module = dlw_log_module(&lock->source->defined, lock->address);
	struct dlw_variable variable;
	uint64_t offset;

	if (!module)
		return NULL;
	offset = lock->address - module->bias;
	if (!dlw_symbols_data(symbols, module->path, module->build_id, offset, &variable))
		return NULL;
	*label = variable.file ? dlw_print("%s:%d %s", dlw_base_name(variable.file), variable.line,
					   variable.name) :
				 dlw_copy(variable.name);
	return dlw_print("%u variable %s 0x%" PRIx64, lock->kind, module->path,
			 offset - variable.offset);
}

/** class_of() - a key for free(), and in *@label what the class is called, too; NULL: it has none */
static char *class_of(const struct dlw_lock_statistics *lock, struct dlw_symbols *symbols,
		      char **label)
{
	char *key;

	if (*lock->class_name) {
		*label = dlw_copy(lock->class_name);
		return dlw_print("%u annotated %s", lock->kind, lock->class_name);
	}
	key = init_key(lock, symbols);
	if (!key)
		return variable_key(lock, symbols, label);
	*label = dlw_log_label(&lock->source->defined, lock->kind, "", 0, lock->init_stack, 0,
			       symbols);
	return key;
}

static void put_together(struct dlw_statistics *statistics, struct class_row **classes,
			 struct dlw_lock_statistics *lock, char *key, char *label)
{
	struct class_row *class;

	HASH_FIND_STR(*classes, key, class);
	if (class) {
		class->lock->rows += lock->rows;
		dlw_statistics_merge(statistics, class->lock, lock);
		free(key);
		free(label);
		return;
	}
	class = dlw_log_allocate(1, sizeof(*class));
	class->key = key;
	class->lock = lock;
	lock->label = label;
	HASH_ADD_KEYPTR(hh, *classes, class->key, strlen(class->key), class);
}

void dlw_statistics_by_class(struct dlw_statistics *statistics, struct dlw_symbols *symbols)
{
	struct class_row *classes = NULL, *class, *next;
	struct dlw_lock_statistics **rows;
	size_t count, at;

	dlw_statistics_grouped(statistics);
	rows = dlw_statistics_rows(statistics, &count);
	for (at = 0; at < count; at++) {
		char *label = NULL, *key = class_of(rows[at], symbols, &label);

		if (key)
			put_together(statistics, &classes, rows[at], key, label);
	}
	HASH_ITER(hh, classes, class, next)
	{
		HASH_DEL(classes, class);
		if (class->lock->rows == 1 && !*class->lock->class_name) {
			free(class->lock->label); /* its own name says more */
			class->lock->label = NULL;
		}
		free(class->key);
		free(class);
	}
	free(rows);
}
