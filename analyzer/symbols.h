/*
 * analyzer/symbols.h - what lies at an offset of a module: function and line,
 * or variable
 *
 *	struct dlw_symbols *symbols = dlw_symbols_new();
 *	struct dlw_source_place place;
 *
 *	if (dlw_symbols_code(symbols, "/usr/bin/app", NULL, 0x11e9, &place))
 *		printf("%s (%s:%d)\n", place.function, place.file, place.line);
 *	dlw_symbols_free(symbols);
 *
 * Offsets are ELF virtual addresses (address minus load bias), as in a FRAME of
 * a finding. Modules are opened once and kept. Debug information is taken from
 * the file itself or from the separate file that its build id or debug link
 * names, below /usr/lib/debug. A module that is not the one that ran (other
 * build id, or gone from disk) is never asked: no name is better than a wrong
 * one; dlw_symbols_trouble() then says so.
 *
 * One thread at a time. Strings live until dlw_symbols_free().
 */
#ifndef DLW_ANALYZER_SYMBOLS_H
#define DLW_ANALYZER_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dlw_symbols;

struct dlw_source_place {
	const char *function; /* demangled; NULL: unknown */
	const char *file;     /* as the compiler was told; NULL: no debug information */
	int line;             /* 0: unknown */
};

struct dlw_variable {
	const char *name;  /* demangled */
	uint64_t offset;   /* into the variable */
	uint64_t size;     /* of the variable; 0: unknown */
	const char *file;  /* where it is declared; NULL: unknown */
	int line;
	bool local;        /* static: its name may exist more than once */
};

/** dlw_symbols_new() - an empty cache; exits the tool when out of memory, never NULL */
struct dlw_symbols *dlw_symbols_new(void);
void dlw_symbols_free(struct dlw_symbols *symbols);

/**
 * dlw_symbols_code() - function and line of the call that returns to @offset
 *
 * The byte before @offset is looked up: a call may be the last instruction of
 * its function or line. Of inlined functions the one the programmer wrote the
 * call in is named, that is the innermost.
 * @build_id: lower-case hex of the module that ran, or NULL: not checked.
 * Return: whether at least the function is known; @place is all NULL otherwise.
 */
bool dlw_symbols_code(struct dlw_symbols *symbols, const char *module, const char *build_id,
		      uint64_t offset, struct dlw_source_place *place);

/** dlw_symbols_data() - the static variable that covers @offset; false if there is none known */
bool dlw_symbols_data(struct dlw_symbols *symbols, const char *module, const char *build_id,
		      uint64_t offset, struct dlw_variable *variable);

/**
 * dlw_symbols_element() - the part of a static variable that lies at @offset
 *
 * @size: bytes of what is looked for (a mutex, say).
 * Return: "accounts[1].lock" for the caller to free(), or NULL if there is no
 *         debug information or no part of that size begins there.
 */
char *dlw_symbols_element(struct dlw_symbols *symbols, const char *module, const char *build_id,
			  uint64_t offset, uint64_t size);

/** dlw_symbols_trouble() - why nothing can be looked up in @module ("no such file", …), or NULL */
const char *dlw_symbols_trouble(struct dlw_symbols *symbols, const char *module,
				const char *build_id);

/** dlw_symbols_each_trouble() - call @visit for every module that could not be used */
void dlw_symbols_each_trouble(const struct dlw_symbols *symbols,
			      void (*visit)(const char *module, const char *why, void *context),
			      void *context);

#endif
