/*
 * shim/modules.h - the program's modules, known without the loader's lock
 *
 * Asked of _dl_find_object(), which takes no lock and may be called anywhere. Where
 * the C library lacks it (before 2.35), there are no modules, and no stacks.
 */
#ifndef DLW_SHIM_MODULES_H
#define DLW_SHIM_MODULES_H

#include <stdbool.h>
#include <stdint.h>

/** What a module says about a function. */
struct dlw_module_tables {
	uint64_t start, end; /* of the module */
	uint64_t function;   /* its first instruction */
	uint64_t entry;      /* its FDE */
};

/** dlw_modules_load() - find out whom to ask; from a constructor, outside any lock */
void dlw_modules_load(void);

/** dlw_modules_available() - they can be asked for */
bool dlw_modules_available(void);

/** dlw_modules_have() - @address is in a module, not in code made at run time */
bool dlw_modules_have(uint64_t address);

/** dlw_modules_identify() - the module at @address, as long as it is loaded; 0: there is none */
uint64_t dlw_modules_identify(uint64_t address);

/**
 * dlw_modules_tables() - the last function that begins at or before @address
 *
 * Some programs are built without tables (-fno-asynchronous-unwind-tables,
 * browsers), and some functions are in no table.
 * Return: false if there is none. Whether it reaches as far is for its FDE to say.
 */
bool dlw_modules_tables(uint64_t address, struct dlw_module_tables *tables);

/** dlw_modules_is_own() - @address is in libdlwatch itself */
bool dlw_modules_is_own(uint64_t address);

#endif
