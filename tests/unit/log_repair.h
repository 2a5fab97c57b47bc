/*
 * log_repair.h - make damaged bytes look like a log again, so that damage
 * reaches what lies behind the checksums
 */
#ifndef DLW_TESTS_LOG_REPAIR_H
#define DLW_TESTS_LOG_REPAIR_H

#include <stdint.h>
#include <string.h>

#include <dlwatch/log.h>

/** log_repair() - put magic, version, byte order and the checksums of blocks right */
static inline void log_repair(uint8_t *log, size_t size)
{
	struct dlw_log_header header;
	struct dlw_block block;
	size_t at;

	if (size < sizeof(header))
		return;
	memcpy(&header, log, sizeof(header));
	memcpy(header.magic, DLW_LOG_MAGIC, sizeof(header.magic));
	header.byte_order = DLW_LOG_BYTE_ORDER;
	if (header.major < DLW_LOG_MAJOR_READ || header.major > DLW_LOG_MAJOR)
		header.major = DLW_LOG_MAJOR;
	if (header.header_size < sizeof(header) || header.header_size > size)
		header.header_size = sizeof(header);
	header.checksum = dlw_log_header_checksum(&header);
	memcpy(log, &header, sizeof(header));
	for (at = header.header_size; size - at >= sizeof(block);) {
		memcpy(&block, log + at, sizeof(block));
		block.magic = DLW_BLOCK_MAGIC;
		block.length &= ~3u;
		if (block.length > size - at - sizeof(block))
			block.length = (uint32_t)(size - at - sizeof(block)) & ~3u;
		block.checksum = dlw_block_checksum(&block, log + at + sizeof(block));
		memcpy(log + at, &block, sizeof(block));
		at += sizeof(block) + block.length;
	}
}

#endif
