/*
 * replay.c - what a fuzzer once found, again, without a fuzzer
 *
 *	build/tests/fuzz/NAME tests/fuzz/NAME.seeds	all files in it
 *	build/tests/fuzz/NAME crash-…			one
 *
 * A target that crashes, aborts or hangs has failed. So has a whole corpus of
 * which hardly anything is taken for what it should be: after a new version of
 * a format it proves nothing (scripts/fuzz.sh makes another).
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/fuzz/target.h"

enum { LEAST_SHARE = 4 }; /* of a corpus: one in so many has to be taken */

static unsigned inputs, taken;
static bool verbose;

/* Never called: mutators need it. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
	(void)data;
	(void)max_size;
	return size;
}

static void replay(const char *path)
{
	FILE *in = fopen(path, "rb");
	struct stat status;
	uint8_t *bytes;

	if (!in || fstat(fileno(in), &status)) {
		perror(path);
		exit(1);
	}
	bytes = malloc((size_t)status.st_size + 1);
	if (!bytes || fread(bytes, 1, (size_t)status.st_size, in) != (size_t)status.st_size) {
		perror(path);
		exit(1);
	}
	fclose(in);
	if (verbose)
		fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(bytes, (size_t)status.st_size);
	free(bytes);
	inputs++;
	taken += fuzz_was_taken();
}

static void replay_all(const char *directory)
{
	DIR *list = opendir(directory);
	struct dirent *entry;
	char path[4096];

	if (!list) {
		replay(directory);
		return;
	}
	while ((entry = readdir(list))) {
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (entry->d_name[0] != '.')
			replay(path);
	}
	closedir(list);
	if (taken * LEAST_SHARE < inputs || !inputs) {
		fprintf(stderr, "%s: %u of %u inputs are taken for what they should be\n",
			directory, taken, inputs);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	const char *word = getenv("V");
	int at;

	verbose = word && *word == '1'; /* which one it is that crashes */
	for (at = 1; at < argc; at++)
		replay_all(argv[at]);
	printf("%u inputs, %u of them taken\n", inputs, taken);
	return inputs ? 0 : 1;
}
