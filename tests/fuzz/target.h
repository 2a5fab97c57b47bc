/*
 * target.h - what a fuzz target has, for a fuzzer and for replay.c
 */
#ifndef DLW_TESTS_FUZZ_TARGET_H
#define DLW_TESTS_FUZZ_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/** LLVMFuzzerMutate() - the fuzzer's own */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/** fuzz_was_taken() - the last input was what the target reads, not something else */
bool fuzz_was_taken(void);

#endif
