/*
 * analyzer/log_records.h - what single records of a log define
 */
#ifndef DLW_ANALYZER_LOG_RECORDS_H
#define DLW_ANALYZER_LOG_RECORDS_H

#include "analyzer/log_definitions.h"

/**
 * dlw_log_records_read() - add what the @length @bytes define
 *
 * They stay where they are as long as @defined does. A record that makes no sense
 * is counted.
 *
 * Return: false: where the rest begins cannot be told.
 */
bool dlw_log_records_read(struct dlw_log_definitions *defined, const uint8_t *bytes, uint32_t length);

/**
 * dlw_log_record_object() - the object that the record at @bytes, which has been read, defines
 *
 * Return: the name it was given then, in the log; NULL if none.
 */
const char *dlw_log_record_object(const uint8_t *bytes, struct dlw_record_object *object);

#endif
