/*
 * analyzer/demo_samples.h - the bundled samples, and what they must show
 */
#ifndef DLW_ANALYZER_DEMO_SAMPLES_H
#define DLW_ANALYZER_DEMO_SAMPLES_H

#include <stdbool.h>

struct dlw_sample {
	const char *file;    /* name of the program; a .py may be left out when it is asked for */
	const char *title;   /* one line */
	const char *story;   /* what happens, printed before the run */
	const char *kind;    /* of the one finding expected; NULL: a deadlock, if there is a verdict */
	const char *verdict; /* of that finding; NULL: no finding */
	int core;            /* threads in its core */
	bool sized;          /* the program's first argument, if any, is the core's size */
	const char *look;    /* what to look at, printed after the run */
	const char *cure;    /* the next sample to try; NULL: none */
};

/** All samples, each fault followed by its cures; ends with a NULL file. */
extern const struct dlw_sample dlw_samples[];

/** dlw_sample_find() - by name, with or without .py; NULL if there is none */
const struct dlw_sample *dlw_sample_find(const char *name);

#endif
