/*
 * finding_fixture.h - small findings to render, with names already put to them
 */
#ifndef DLW_TEST_FINDING_FIXTURE_H
#define DLW_TEST_FINDING_FIXTURE_H

#include <jansson.h>

/** A frame of a program that does not exist, function known. */
static inline json_t *fixture_frame(const char *function, int line)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:i}", "address", "0x1234", "module", "/no/such/app",
			 "offset", "0x234", "function", function, "file", "/src/app.c",
			 "line", line);
}

static inline json_t *fixture_want(const char *resource, const char *mode, const char *function)
{
	return json_pack("{s:s,s:s,s:i,s:b,s:o,s:[o]}", "resource", resource, "mode", mode,
			 "since_ns", 1000, "timed", 0, "site", fixture_frame(function, 10),
			 "stack", fixture_frame(function, 10));
}

static inline json_t *fixture_hold(const char *resource, const char *mode, int count)
{
	return json_pack("{s:s,s:s,s:i,s:i,s:o,s:[o]}", "resource", resource, "mode", mode,
			 "count", count, "since_ns", 0, "site", fixture_frame("took", 5),
			 "stack", fixture_frame("took", 5));
}

static inline json_t *fixture_thread(const char *name, int tid, json_t *want, json_t *holds)
{
	return json_pack("{s:i,s:i,s:s,s:s,s:o,s:o}", "pid", 100, "tid", tid, "name", name,
			 "process", "/no/such/app", "wants", want, "holds", holds);
}

static inline json_t *fixture_resource(const char *id, const char *kind, const char *name)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:n}", "id", id, "kind", kind, "type", "unknown",
			 "name", name, "address", "0x40", "shared", 0, "init_site");
}

static inline json_t *fixture_condition(void)
{
	return json_pack("{s:b,s:s}", "holds", 1, "evidence", "so it is");
}

/** A finding around @core and @resources (references taken over). */
static inline json_t *fixture_finding(const char *kind, const char *verdict, json_t *core,
				      json_t *resources)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:{s:i,s:s,s:[]},s:o,s:[],s:o,s:{s:o,s:o,s:o,s:o},s:s,s:s}",
			 "schema", "dlwatch-finding/1", "kind", kind, "verdict", verdict,
			 "fingerprint", "00112233445566ff", "program", "pid", 100, "exe",
			 "/no/such/app", "args", "core", core, "stuck", "resources", resources,
			 "coffman", "mutual_exclusion", fixture_condition(), "hold_and_wait",
			 fixture_condition(), "no_preemption", fixture_condition(), "circular_wait",
			 fixture_condition(), "advice", "Do it in one order.", "suppression", "x");
}

/** first and second wait for each other's mutex: M1 "ledger", M2 "journal". */
static inline json_t *fixture_two_locks(const char *kind, const char *verdict)
{
	json_t *first = fixture_thread("first", 101, fixture_want("M1", "exclusive", "take_ledger"),
				       json_pack("[o]", fixture_hold("M2", "exclusive", 1)));
	json_t *second = fixture_thread("second", 102,
					fixture_want("M2", "exclusive", "take_journal"),
					json_pack("[o]", fixture_hold("M1", "exclusive", 1)));

	return fixture_finding(kind, verdict, json_pack("[o,o]", first, second),
			       json_pack("[o,o]", fixture_resource("M1", "mutex", "ledger"),
					 fixture_resource("M2", "mutex", "journal")));
}

#endif
