/*
 * analyzer/trace_std.h - traces in the STD text format, read as logs
 *
 * One event a line, in the order of the run:
 *
 *	T1|acq(L1)|12
 *
 * thread, operation and operand, and a place (a number) that may be left out.
 * Operations: acq rel req of a lock; r w of a variable; fork join of a thread,
 * named with or without the T; wait notify notifyAll of a monitor; begin end,
 * which say nothing here. Blank lines and lines that begin with # or // are
 * comments. Locks may be taken again by their holder. `req` is a wish; the
 * lock is had at the `acq`. A thread that waits has given its monitor back;
 * its next event, or `acq`, is when it has it again.
 */
#ifndef DLW_ANALYZER_TRACE_STD_H
#define DLW_ANALYZER_TRACE_STD_H

#include <stddef.h>
#include <stdint.h>

/** What could not be understood. */
struct dlw_std_loss {
	uint64_t lines;      /* that are no event */
	uint64_t first_line; /* the first of them, from 1 */
};

/**
 * dlw_std_to_log() - a trace as the bytes of a log
 * @name: stands for the program
 *
 * Any bytes may be given; memory and time are linear in their number.
 *
 * Return: a log, for free(); *@size its size.
 */
uint8_t *dlw_std_to_log(const char *name, const char *text, size_t length, size_t *size,
			struct dlw_std_loss *loss);

#endif
