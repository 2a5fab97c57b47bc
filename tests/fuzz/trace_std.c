/*
 * trace_std.c - fuzz target: any text as a trace in the STD format
 *
 * It is made a log, which must be whole, and goes through everything that
 * reads logs.
 */
#include "analyzer/trace_std.h"
#include "tests/fuzz/target.h"
#include "tests/unit/log_exercise.h"

static struct log_exercise result;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dlw_std_loss loss;
	size_t made_size;
	uint8_t *made = dlw_std_to_log("x.std", (const char *)data, size, &made_size, &loss);

	log_exercise(&result, made, made_size, NULL, 0);
	if (!result.opened)
		__builtin_trap();
	free(made);
	return 0;
}

bool fuzz_was_taken(void)
{
	return result.events > 0;
}
