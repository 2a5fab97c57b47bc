/*
 * analyzer/log_misuses.h - the misuses in a log
 *
 * The watched process has noted them itself, with all there is to say; here
 * they become findings, by the same code as while it ran.
 */
#ifndef DLW_ANALYZER_LOG_MISUSES_H
#define DLW_ANALYZER_LOG_MISUSES_H

#include "analyzer/log_findings.h"

/**
 * dlw_log_misuses() - hand out those of the wanted sorts, log by log
 * @sorts: bit n for sort n (enum dlw_misuse_sort)
 *
 * Any time after the logs were added. Return: how many.
 */
uint32_t dlw_log_misuses(const struct dlw_replay *replay, uint32_t sorts, dlw_finding_sink *sink,
			 void *context);

#endif
