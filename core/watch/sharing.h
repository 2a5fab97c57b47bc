/*
 * core/watch/sharing.h - who outside the session has a shared object mapped
 */
#ifndef DLW_CORE_WATCH_SHARING_H
#define DLW_CORE_WATCH_SHARING_H

#include "core/watch/look.h"

/**
 * dlw_is_mapped_elsewhere() - a process out of view has the memory at @address of @process
 *
 * Looks through /proc; a process whose maps we may not read does not count.
 * Return: true also if the memory is not a mapping that can be told from others.
 */
bool dlw_is_mapped_elsewhere(const struct dlw_watch *watch, uint32_t process, uint64_t address);

#endif
