/*
 * shim/say.h - one line to the user's stderr
 *
 * Not stdio: the program's own stdio locks may be what hangs. Formats as
 * core/format.h does. One write(2) per call; longer than 4 KB is cut. errno is
 * kept. Safe anywhere, also in a signal handler.
 */
#ifndef DLW_SHIM_SAY_H
#define DLW_SHIM_SAY_H

void dlw_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
