/*
 * log_arguments.c - the LOG… of a command line: files and session directories
 */
#include "analyzer/log_arguments.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyzer/log_memory.h"

static bool complain(const char *file, const char *what, const char *why)
{
	fprintf(stderr, "dlwatch: %s: %s: %s\n", file, what, why);
	return false;
}

/** read_all() - a whole file; NULL: errno says why */
static char *read_all(const char *path, size_t *size)
{
	FILE *file = fopen(path, "re");
	size_t room = 0, got = 1;
	char *bytes = NULL;

	*size = 0;
	if (!file)
		return NULL;
	for (; got; *size += got) {
		if (*size + 65536 > room)
			bytes = dlw_log_reallocate(bytes, room = 2 * room + 65536, 1);
		got = fread(bytes + *size, 1, room - *size, file);
	}
	if (ferror(file)) {
		free(bytes);
		bytes = NULL;
	}
	fclose(file);
	return bytes;
}

/** add_std() - a trace in the STD text format */
static bool add_std(struct dlw_replay *replay, const char *path)
{
	struct dlw_std_loss loss;
	struct dlw_source *source;
	char *text, *error = NULL;
	size_t size, made_size;
	uint8_t *made;

	text = read_all(path, &size);
	if (!text)
		return complain(path, "cannot read", strerror(errno));
	made = dlw_std_to_log(path, text, size, &made_size, &loss);
	free(text);
	source = dlw_replay_add_memory(replay, path, made, made_size, NULL, 0, &error);
	if (!source) {
		free(error);
		free(made);
		return complain(path, "no trace", "too large");
	}
	source->made = made;
	source->made_loss = loss;
	return true;
}

static bool add_file(void *context, const char *path)
{
	struct dlw_replay *replay = context;
	char *error = NULL;

	if (fnmatch("*.std", path, 0) == 0)
		return add_std(replay, path);
	if (dlw_replay_add(replay, path, &error))
		return true;
	fprintf(stderr, "dlwatch: %s\n", error);
	free(error);
	return false;
}

/* --------------------------------------------------------------- what is named */

static int is_log(const struct dirent *entry)
{
	return fnmatch("*.dlw", entry->d_name, 0) == 0 ||
	       fnmatch("*.dlw" DLW_PACKED_SUFFIX, entry->d_name, 0) == 0;
}

/** is_unbegun() - nothing is in it: its process was killed between the file and its first bytes */
static bool is_unbegun(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && !status.st_size;
}

/** in_directory() - a log that was not begun is no reason to distrust the others, as one that is named is */
static bool in_directory(const char *path, dlw_log_visit visit, void *context)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_log, alphasort), at, unbegun = 0;
	bool all = true;

	if (count < 0)
		return complain(path, "cannot read the directory", strerror(errno));
	for (at = 0; at < count; at++) {
		char *file = dlw_print("%s/%s", path, entries[at]->d_name);

		if (is_unbegun(file)) {
			unbegun++;
			complain(file, "left out", "empty, its process was killed as it began it");
		} else {
			all &= visit(context, file);
		}
		free(file);
		free(entries[at]);
	}
	free(entries);
	if (count == unbegun)
		return complain(path, "no log", count ? "every *.dlw in the directory is empty" :
							"the directory has no *.dlw");
	return all;
}

bool dlw_log_arguments_each(char *const *arguments, dlw_log_visit visit, void *context)
{
	struct stat status;
	bool all = true;

	for (; *arguments; arguments++) {
		if (stat(*arguments, &status) == 0 && S_ISDIR(status.st_mode))
			all &= in_directory(*arguments, visit, context);
		else
			all &= visit(context, *arguments);
	}
	return all;
}

bool dlw_log_arguments_add(struct dlw_replay *replay, char *const *arguments)
{
	return dlw_log_arguments_each(arguments, add_file, replay);
}
