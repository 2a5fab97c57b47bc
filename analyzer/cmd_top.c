/*
 * cmd_top.c - `dlwatch top`: what watched programs wait for and hold, live
 */
#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "analyzer/commands.h"
#include "analyzer/live_view.h"
#include "analyzer/options.h"

#define SAMPLE_MS 20
#define ROWS_UNKNOWN 40

struct top {
	struct dlw_options common; /* for the terminal */
	const char *who;
	bool once;
	long interval_ms;
	struct dlw_terminal terminal;
};

enum { KEY_ONCE = 0x5000, KEY_INTERVAL, KEY_COLOR };

static const struct argp_option own_options[] = {
	{ "once", KEY_ONCE, NULL, 0, "Look for one interval, print everything, and end", 0 },
	{ "interval", KEY_INTERVAL, "MS", 0, "Milliseconds between two pictures (1000)", 0 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto (default), always or never", 0 },
	{ 0 },
};

static void parse_interval(struct top *top, const char *arg, struct argp_state *state)
{
	char *end;

	top->interval_ms = strtol(arg, &end, 10);
	if (*end || top->interval_ms < SAMPLE_MS || top->interval_ms > 3600000)
		argp_error(state, "--interval=%s: not a number of milliseconds from %d to an hour", arg,
			   SAMPLE_MS);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct top *top = state->input;

	switch (key) {
	case KEY_ONCE:
		top->once = true;
		return 0;
	case KEY_INTERVAL:
		parse_interval(top, arg, state);
		return 0;
	case KEY_COLOR:
		dlw_options_color(state, arg, &top->common);
		return 0;
	case ARGP_KEY_ARG:
		if (top->who)
			argp_error(state, "one pid or session at a time");
		top->who = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "of which process? Give a pid or a session's directory");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp top_argp = {
	own_options,
	parse,
	"PID|SESSION",
	"Shows the threads of a watched program, or of all programs of a session, as they are "
	"now: who waits for what, since when, and who holds it; and the locks that were waited "
	"for most since it began to look. Ends with q, or when the program does.\v"
	"Busy is the share of looks, fifty a second, that found somebody waiting for the lock; "
	"waiters is how many were found on average.\n"
	"\n"
	"Exit status: 0, or 2 if there is no such program.",
	NULL,
	NULL,
	NULL,
};

/* -------------------------------------------------------------------- terminal */

static unsigned rows_of(const struct top *top)
{
	struct winsize size;

	if (top->once)
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row >= 12)
		return size.ws_row;
	return ROWS_UNKNOWN;
}

/** quit_within() - q was typed within so many milliseconds */
static bool quit_within(int milliseconds, bool typed)
{
	struct pollfd input = { .fd = typed ? STDIN_FILENO : -1, .events = POLLIN };
	char key;

	return poll(&input, 1, milliseconds) > 0 && read(STDIN_FILENO, &key, 1) == 1 && key == 'q';
}

/** without_echo() - single keys; false: no terminal */
static bool without_echo(struct termios *before)
{
	struct termios now;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, before) < 0)
		return false;
	now = *before;
	now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	return tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
}

/* ---------------------------------------------------------------------- whole */

/** look() - for one interval; false: quit, or nobody is left */
static bool look(const struct top *top, struct dlw_live_view *view, bool typed)
{
	long passed;

	for (passed = 0; passed < top->interval_ms; passed += SAMPLE_MS)
		if (!dlw_live_view_sample(view) || quit_within(SAMPLE_MS, typed))
			return false;
	return dlw_live_view_sample(view);
}

static void watch(const struct top *top, struct dlw_live_view *view)
{
	struct termios before;
	bool typed = without_echo(&before);

	while (look(top, view, typed)) {
		fputs("\033[H\033[J", top->terminal.out);
		dlw_live_view_print(view, &top->terminal, rows_of(top));
	}
	if (typed)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

int dlw_cmd_top(int argc, char **argv)
{
	struct top top = { .interval_ms = 1000 };
	struct dlw_live_view *view;
	char *error = NULL;

	dlw_options_init(&top.common, DLW_SEVERITY_NEVER, stdout);
	argp_err_exit_status = 2;
	argp_parse(&top_argp, argc, argv, 0, NULL, &top);
	dlw_terminal_init(&top.terminal, stdout, &top.common);
	view = dlw_live_view_new(top.who, &error);
	if (!view) {
		fprintf(stderr, "dlwatch: %s\n", error);
		free(error);
		return 2;
	}
	if (!top.once)
		watch(&top, view);
	else if (look(&top, view, false))
		dlw_live_view_print(view, &top.terminal, 0);
	dlw_live_view_free(view);
	return 0;
}
