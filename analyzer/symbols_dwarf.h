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
#include <stdint.h>

#include <elfutils/libdw.h>

struct dlw_dwarf_place {
	char *function_copy; /* demangled, for the caller to free(); NULL: unknown */
	bool is_bare;        /* a symbol may say more: namespace and class are missing */
	const char *file;
	int line;
};

struct dlw_dwarf_variable {
	const char *name; /* plain, without scope */
	const char *file;
	int line;
	Dwarf_Die die;
};

/** dlw_dwarf_code() - the function and line that @address was compiled from; false if neither is known */
bool dlw_dwarf_code(Dwarf *dwarf, Dwarf_Addr address, struct dlw_dwarf_place *place);

/** dlw_dwarf_variable() - the static variable that starts at @address exactly */
bool dlw_dwarf_variable(Dwarf *dwarf, Dwarf_Addr address, struct dlw_dwarf_variable *variable);

/**
 * dlw_dwarf_element() - the part of a variable at @offset, as a programmer writes it
 *
 * @die: of the variable. @size: bytes of what is looked for; arrays and
 * structures are entered as long as they are larger.
 * Return: "[1].lock", "" for the variable itself, NULL if its type does not
 *         say; for the caller to free().
 */
char *dlw_dwarf_element(Dwarf_Die *die, uint64_t offset, uint64_t size);

#endif
