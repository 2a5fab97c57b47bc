/*
 * analyzer/demangle.h - C++ names as a person writes them
 */
#ifndef DLW_ANALYZER_DEMANGLE_H
#define DLW_ANALYZER_DEMANGLE_H

#include <stdbool.h>

/**
 * dlw_demangle() - "Account::transfer" for "_ZN7Account8transferERS_i"
 *
 * Parameter lists are left out: a report gives the line, and a suppression
 * has no room for commas. Names that are not mangled, and all names where
 * libstdc++ is not installed, come back as they are.
 *
 * Return: a string for the caller to free().
 */
char *dlw_demangle(const char *name);

/** dlw_is_lock_wrapper() - whether a demangled name is std::lock_guard or kin, or of dlwatch.h: never a site */
bool dlw_is_lock_wrapper(const char *function);

#endif
