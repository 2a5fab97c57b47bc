/*
 * log_progress.c - a bar on the terminal for replays that take time
 */
#include "analyzer/log_progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define CHECK_EVENTS 65536u
#define FIRST_NS 1000000000u
#define AGAIN_NS 100000000u
#define WIDTH 40u

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void dlw_log_progress_begin(struct dlw_log_progress *progress, const struct dlw_replay *replay)
{
	*progress = (struct dlw_log_progress){ .replay = replay };
	progress->on = isatty(STDERR_FILENO);
	progress->next_check = progress->on ? CHECK_EVENTS : UINT64_MAX;
	progress->begun_ns = progress->shown_ns = now_ns();
}

/** time_left() - so long as the part that is done took, the rest takes in proportion */
static double time_left(const struct dlw_log_progress *progress, uint64_t now, double part)
{
	double passed = (double)(now - progress->begun_ns) / 1e9;

	return part > 0 ? passed * (1 - part) / part : 0;
}

static double rate_of(const struct dlw_log_progress *progress, uint64_t now)
{
	double passed = (double)(now - progress->begun_ns) / 1e9;

	return passed > 0 ? (double)progress->replay->events / passed / 1e6 : 0;
}

/** is_due() - enough time has passed to draw again; notes that it is done */
static bool is_due(struct dlw_log_progress *progress, uint64_t now)
{
	if (now - progress->shown_ns < (progress->visible ? AGAIN_NS : FIRST_NS))
		return false;
	progress->shown_ns = now;
	progress->visible = true;
	return true;
}

void dlw_log_progress_cycles(struct dlw_log_progress *progress, uint64_t cycles)
{
	if (!progress->on || !is_due(progress, now_ns()))
		return;
	fprintf(stderr, "\r%llu cycles of lock orders looked at \033[K", (unsigned long long)cycles);
	fflush(stderr);
}

void dlw_log_progress_draw(struct dlw_log_progress *progress)
{
	static const char full[] = "########################################";
	const struct dlw_replay *replay = progress->replay;
	uint64_t now = now_ns();
	double part = replay->total_bytes ?
			      (double)replay->done_bytes / (double)replay->total_bytes : 1;

	progress->next_check = replay->events + CHECK_EVENTS;
	if (!is_due(progress, now))
		return;
	part = part > 1 ? 1 : part;
	fprintf(stderr, "\r[%-*.*s] %3.0f %%  %llu events, %.1f million/s, %.0f s left \033[K",
		(int)WIDTH, (int)(part * WIDTH), full, part * 100,
		(unsigned long long)replay->events, rate_of(progress, now),
		time_left(progress, now, part));
	fflush(stderr);
}

void dlw_log_progress_end(struct dlw_log_progress *progress)
{
	if (progress->visible)
		fputs("\r\033[K", stderr);
}
