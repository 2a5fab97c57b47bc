/*
 * shim/arena_map.h - arenas for code inside the program: fed by mmap
 */
#ifndef DLW_SHIM_ARENA_MAP_H
#define DLW_SHIM_ARENA_MAP_H

#include "core/arena.h"

/** dlw_arena_from_maps() - an empty arena; release it with dlw_arena_release() */
struct dlw_arena dlw_arena_from_maps(void);

#endif
