/*
 * core/watch/sharing.h - who else has a process-shared object mapped
 */
#ifndef DLW_CORE_WATCH_SHARING_H
#define DLW_CORE_WATCH_SHARING_H

#include <stdbool.h>
#include <stdint.h>

/**
 * dlw_is_mapped_elsewhere() - another process has the memory at @address of @pid
 * @task: a living task of @pid
 *
 * Looks through /proc; a process whose maps we may not read does not count.
 * Return: true also if the memory is not a mapping that can be told from others.
 */
bool dlw_is_mapped_elsewhere(int32_t pid, int32_t task, uint64_t address);

#endif
