/*
 * core/watch/maps.h - the modules of a process, from /proc/PID/maps and its memory
 */
#ifndef DLW_CORE_WATCH_MAPS_H
#define DLW_CORE_WATCH_MAPS_H

#include "core/arena.h"
#include "core/state.h"

/**
 * dlw_maps_modules() - every file that @pid has mapped executable
 * @modules: sorted by start; paths and build ids live in @arena
 *
 * The bias and the build id are read from the module's own headers in the
 * process's memory. Return: how many; 0 if nothing could be read.
 */
uint32_t dlw_maps_modules(int32_t pid, struct dlw_arena *arena, struct dlw_module **modules);

/**
 * dlw_each_map() - the lines of /proc/PID/maps, which @visit may change
 *
 * Until @visit returns false. Return: false if they cannot be read.
 */
bool dlw_each_map(int32_t pid, bool (*visit)(void *context, char *line), void *context);

#endif
