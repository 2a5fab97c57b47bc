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

static bool add_file(struct dlw_replay *replay, const char *path)
{
	char *error = NULL;

	if (dlw_replay_add(replay, path, &error))
		return true;
	fprintf(stderr, "dlwatch: %s\n", error);
	free(error);
	return false;
}

static int is_log(const struct dirent *entry)
{
	return fnmatch("*.dlw", entry->d_name, 0) == 0;
}

static bool add_directory(struct dlw_replay *replay, const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_log, alphasort), at;
	bool all = true;

	if (count < 0)
		return complain(path, "cannot read the directory", strerror(errno));
	for (at = 0; at < count; at++) {
		char *file = dlw_print("%s/%s", path, entries[at]->d_name);

		all &= add_file(replay, file);
		free(file);
		free(entries[at]);
	}
	free(entries);
	if (!count)
		return complain(path, "no log", "the directory has no *.dlw");
	return all;
}

bool dlw_log_arguments_add(struct dlw_replay *replay, char *const *arguments)
{
	struct stat status;
	bool all = true;

	for (; *arguments; arguments++) {
		if (stat(*arguments, &status) == 0 && S_ISDIR(status.st_mode))
			all &= add_directory(replay, *arguments);
		else
			all &= add_file(replay, *arguments);
	}
	return all;
}
