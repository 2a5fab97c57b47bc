/*
 * analyzer/baseline.h - findings that are known already
 *
 * A baseline is a JSON report of an earlier run (from --json), JSON lines of
 * findings (from the shim's json=), or a plain list of fingerprints, one a
 * line, with # comments.
 */
#ifndef DLW_ANALYZER_BASELINE_H
#define DLW_ANALYZER_BASELINE_H

#include <stdbool.h>

struct dlw_baseline;

/** dlw_baseline_read() - NULL after one line on standard error */
struct dlw_baseline *dlw_baseline_read(const char *file);
void dlw_baseline_free(struct dlw_baseline *baseline);

bool dlw_baseline_has(const struct dlw_baseline *baseline, const char *fingerprint);

#endif
