/*
 * shim/dwarf.h - reading what the compiler has written about its code
 *
 *	struct dlw_dwarf from = { at, end, false };
 *
 *	code_step = dlw_dwarf_unsigned(&from);
 *	data_step = dlw_dwarf_signed(&from);
 *	if (from.bad)
 *		…	// it ended too early, and what was read since is 0
 *
 * Formats as in "DWARF Debugging Information Format", version 5, section 7.6 and
 * 2.5 (expressions).
 */
#ifndef DLW_SHIM_DWARF_H
#define DLW_SHIM_DWARF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Bytes to be read. */
struct dlw_dwarf {
	const uint8_t *at, *end;
	bool bad; /* more was asked for than there was */
};

/** dlw_dwarf_fixed() - @size bytes, at most eight, as an unsigned number */
static inline uint64_t dlw_dwarf_fixed(struct dlw_dwarf *from, size_t size)
{
	uint64_t value = 0;

	if ((size_t)(from->end - from->at) < size) {
		from->bad = true;
		from->at = from->end;
		return 0;
	}
	memcpy(&value, from->at, size);
	from->at += size;
	return value;
}

/** dlw_dwarf_fixed_signed() - @size bytes, at most eight, as a signed number */
static inline int64_t dlw_dwarf_fixed_signed(struct dlw_dwarf *from, size_t size)
{
	unsigned unused = 64 - 8 * (unsigned)size;

	return (int64_t)(dlw_dwarf_fixed(from, size) << unused) >> unused;
}

static inline uint8_t dlw_dwarf_byte(struct dlw_dwarf *from)
{
	if (from->at == from->end) {
		from->bad = true;
		return 0;
	}
	return *from->at++;
}

/** dlw_dwarf_unsigned() - ULEB128 */
static inline uint64_t dlw_dwarf_unsigned(struct dlw_dwarf *from)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = dlw_dwarf_byte(from);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return value;
}

/** dlw_dwarf_signed() - SLEB128 */
static inline int64_t dlw_dwarf_signed(struct dlw_dwarf *from)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = dlw_dwarf_byte(from);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (byte & 0x40 && shift < 64)
		value |= ~0ull << shift;
	return (int64_t)value;
}

/** dlw_dwarf_block() - the next @size bytes, to be read by themselves */
static inline struct dlw_dwarf dlw_dwarf_block(struct dlw_dwarf *from, uint64_t size)
{
	struct dlw_dwarf block = { from->at, from->at, false };

	if (size > (uint64_t)(from->end - from->at)) {
		from->bad = true;
		return block;
	}
	from->at += size;
	block.end = from->at;
	return block;
}

struct dlw_unwind;

/**
 * dlw_dwarf_evaluate() - what the expression @code comes to in frame @unwind
 * @begin: on its stack at the beginning, NULL: nothing is
 *
 * Return: false if it asks for what is not known there, or is none that we know.
 */
bool dlw_dwarf_evaluate(struct dlw_unwind *unwind, struct dlw_dwarf code, const uint64_t *begin,
			uint64_t *result);

#endif
