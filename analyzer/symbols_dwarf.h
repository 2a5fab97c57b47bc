/*
 * analyzer/symbols_dwarf.h - questions to the debug information of one file
 *
 * Addresses are those of the debug information (no bias). Strings in answers
 * belong to the Dwarf object, but for those called "copy". Part of symbols.c;
 * nobody else needs it.
 */
#ifndef DLW_ANALYZER_SYMBOLS_DWARF_H
#define DLW_ANALYZER_SYMBOLS_DWARF_H

#include <stdbool.h>

#include <elfutils/libdw.h>

struct dlw_dwarf_place {
	char *function_copy; /* demangled, for the caller to free(); NULL: unknown */
	const char *file;
	int line;
};

struct dlw_dwarf_variable {
	const char *name; /* plain, without scope */
	const char *file;
	int line;
};

/** dlw_dwarf_code() - the function and line that @address was compiled from; false if not covered */
bool dlw_dwarf_code(Dwarf *dwarf, Dwarf_Addr address, struct dlw_dwarf_place *place);

/** dlw_dwarf_variable() - the static variable that starts at @address exactly */
bool dlw_dwarf_variable(Dwarf *dwarf, Dwarf_Addr address, struct dlw_dwarf_variable *variable);

#endif
