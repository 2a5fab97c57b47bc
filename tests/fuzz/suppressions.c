/*
 * suppressions.c - fuzz target: any text as a suppression file
 *
 * What is taken for one is asked about findings of several kinds.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyzer/suppressions.h"
#include "tests/fuzz/target.h"
#include "tests/unit/finding_fixture.h"

static bool taken;

static void ask(struct dlw_suppressions *rules, const char *kind, const char *verdict)
{
	json_t *finding = fixture_finding(
		kind, verdict,
		json_pack("[o]",
			  fixture_thread("worker", 7, fixture_want("M1", "exclusive", "want"),
					 json_pack("[o]", fixture_hold("M2", "exclusive", 1)))),
		json_pack("[o,o]", fixture_resource("M1", "mutex", "main.c:12 ledger"),
			  fixture_resource("M2", "mutex", "accounts+0x28")));

	if (!finding)
		__builtin_trap();
	dlw_suppressions_match(rules, finding);
	json_decref(finding);
}

static void count(const char *rule, int line, size_t used, void *context)
{
	if (!rule || line < 1 || used > 2)
		__builtin_trap();
	*(bool *)context = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("rules", MFD_CLOEXEC);
	struct dlw_suppressions *rules;
	char path[64];

	taken = false;
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		__builtin_trap();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rules = dlw_suppressions_read(path);
	close(fd);
	if (!rules)
		return 0;
	ask(rules, "deadlock", "proven");
	ask(rules, "inversion", "feasible");
	dlw_suppressions_each(rules, count, &taken);
	dlw_suppressions_free(rules);
	return 0;
}

bool fuzz_was_taken(void)
{
	return taken;
}
