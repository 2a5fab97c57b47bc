/*
 * shim/modules.h - the program's modules, known without the loader's lock
 *
 * A list of what is mapped executable, kept for the unwinder. It starts with
 * what dl_iterate_phdr() says while dlwatch is loaded; a module that comes
 * later is found by _dl_find_object(), which takes no lock, when an address
 * of it first turns up. Where the C library lacks that function (before 2.35)
 * the unwinder asks dl_iterate_phdr() itself.
 *
 * Everything but dlw_modules_load() runs under stacks_lock.
 */
#ifndef DLW_SHIM_MODULES_H
#define DLW_SHIM_MODULES_H

#include <stdbool.h>
#include <stdint.h>

enum dlw_module_news {
	DLW_MODULE_KNOWN,
	DLW_MODULE_NEW,  /* just learned; the unwinder may have missed it */
	DLW_MODULE_NONE, /* no module covers the address */
};

/** dlw_modules_load() - the first list; from a constructor */
void dlw_modules_load(void);

/** dlw_modules_know() - is @address in a listed module? learn it if not */
enum dlw_module_news dlw_modules_know(uint64_t address);

/**
 * dlw_modules_describe() - are there unwind tables for the code at @address?
 *
 * Some programs are built without (-fno-asynchronous-unwind-tables, browsers).
 * Return: true where that cannot be told.
 */
bool dlw_modules_describe(uint64_t address);

/** dlw_modules_refresh() - drop what has been unloaded */
void dlw_modules_refresh(void);

/** dlw_modules_is_own() - @address is in libdlwatch itself */
bool dlw_modules_is_own(uint64_t address);

#endif
