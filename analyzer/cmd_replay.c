/*
 * cmd_replay.c - `dlwatch replay`: step through a log, forward and backward
 *
 * A prompt like a debugger's. Commands come from the terminal, from --script,
 * or from standard input where that is no terminal; then nothing is prompted.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/commands.h"
#include "analyzer/log_arguments.h"
#include "analyzer/log_coverage.h"
#include "analyzer/log_player.h"
#include "analyzer/options.h"
#include "analyzer/symbols.h"
#include "analyzer/terminal.h"

struct replay {
	struct dlw_options common; /* for the terminal */
	char **logs;
	const char *script;
	uint64_t at;
	struct dlw_terminal terminal;
	struct dlw_player *player;
};

/* -------------------------------------------------------------- command line */

enum { KEY_AT = 0x5000, KEY_SCRIPT, KEY_COLOR };

static const struct argp_option own_options[] = {
	{ "at", KEY_AT, "N", 0, "Begin after event number N", 0 },
	{ "script", KEY_SCRIPT, "FILE", 0, "Take the commands from there", 0 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto (default), always or never", 0 },
	{ 0 },
};

static void parse_at(struct replay *replay, const char *arg, struct argp_state *state)
{
	char *end;

	errno = 0;
	replay->at = strtoull(arg, &end, 10);
	if (errno || end == arg || *end || *arg == '-')
		argp_error(state, "--at=%s: not the number of an event", arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct replay *replay = state->input;

	switch (key) {
	case KEY_AT:
		parse_at(replay, arg, state);
		return 0;
	case KEY_SCRIPT:
		replay->script = arg;
		return 0;
	case KEY_COLOR:
		dlw_options_color(state, arg, &replay->common);
		return 0;
	case ARGP_KEY_ARGS:
		replay->logs = state->argv + state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which log? Give a session directory or .dlw files");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char commands_help[] =
	"  n [K]     next event, or K events on          p [K]     back\n"
	"  g N       go to the moment after event N      b, e      beginning, end\n"
	"  c         go to where the deadlock closed\n"
	"  f TEXT    next event whose line has TEXT      r TEXT    the one before\n"
	"  w         who waits for whom                  h         what is held, and since where\n"
	"  t         threads                             q         quit\n"
	"An empty line repeats n, p, f or r. Words may be written out: next, prev, go, begin,\n"
	"end, cycle, find, reverse, waits, holds, threads, quit.\n";

static const struct argp replay_argp = {
	own_options,
	parse,
	"LOG...",
	"Steps through logs, forward and backward: at each event, who waits for what and who "
	"holds it, up to the moment when a deadlock closed.\v"
	"Commands, also from standard input or --script:\n"
	"  n [K]   next event, or K events on     p [K]   back\n"
	"  g N     to the moment after event N    b, e    beginning, end\n"
	"  c       to where the deadlock closed\n"
	"  f TEXT  next event with TEXT           r TEXT  the one before\n"
	"  w h t   waits, holds, threads          q       quit\n"
	"\n"
	"Example:\n"
	"  echo 'c p w h' | tr ' ' '\\n' | dlwatch replay /tmp/session\n"
	"\n"
	"Exit status: 0, or 2 for bad usage or a log that cannot be read (what could be "
	"recovered is still played).",
	NULL,
	NULL,
	NULL,
};

/* ------------------------------------------------------------------ commands */

static void go(struct replay *replay, uint64_t event)
{
	dlw_player_go(replay->player, event);
	dlw_player_show(replay->player);
}

/** number() - an argument that may be missing; false: it is no number */
static bool number(const char *text, uint64_t missing, uint64_t *value)
{
	char *end;

	*value = missing;
	if (!*text)
		return true;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return !errno && !*end && *text != '-';
}

static bool next(struct replay *replay, const char *argument)
{
	uint64_t at = dlw_player_at(replay->player), steps;

	if (!number(argument, 1, &steps))
		return false;
	if (at == dlw_player_length(replay->player))
		fputs("this is the end of the log\n", replay->terminal.out);
	else
		go(replay, steps > UINT64_MAX - at ? UINT64_MAX : at + steps);
	return true;
}

static bool previous(struct replay *replay, const char *argument)
{
	uint64_t at = dlw_player_at(replay->player), steps;

	if (!number(argument, 1, &steps))
		return false;
	if (!at)
		fputs("this is the beginning of the log\n", replay->terminal.out);
	else
		go(replay, steps > at ? 0 : at - steps);
	return true;
}

static bool go_to(struct replay *replay, const char *argument)
{
	uint64_t event;

	if (!*argument || !number(argument, 0, &event))
		return false;
	go(replay, event);
	return true;
}

static bool to_beginning(struct replay *replay, const char *argument)
{
	go(replay, 0);
	return !*argument;
}

static bool to_end(struct replay *replay, const char *argument)
{
	go(replay, UINT64_MAX);
	return !*argument;
}

static bool to_cycle(struct replay *replay, const char *argument)
{
	uint64_t closed = dlw_player_closed(replay->player);

	if (closed)
		go(replay, closed);
	else
		fputs("no deadlock is left at the end of this log\n", replay->terminal.out);
	return !*argument;
}

static bool find(struct replay *replay, const char *argument, bool backward)
{
	if (!*argument)
		return false;
	if (dlw_player_find(replay->player, argument, backward))
		dlw_player_show(replay->player);
	else
		fprintf(replay->terminal.out, "no event %s has '%s'\n",
			backward ? "before" : "behind", argument);
	return true;
}

static bool find_next(struct replay *replay, const char *argument)
{
	return find(replay, argument, false);
}

static bool find_before(struct replay *replay, const char *argument)
{
	return find(replay, argument, true);
}

static bool waits(struct replay *replay, const char *argument)
{
	dlw_player_waits(replay->player);
	return !*argument;
}

static bool holds(struct replay *replay, const char *argument)
{
	dlw_player_holds(replay->player);
	return !*argument;
}

static bool threads(struct replay *replay, const char *argument)
{
	dlw_player_threads(replay->player);
	return !*argument;
}

static const struct command {
	const char *word; /* its first letter will do */
	bool (*run)(struct replay *replay, const char *argument);
	bool repeats;
} commands[] = {
	{ "next", next, true },		 { "prev", previous, true },
	{ "go", go_to, false },		 { "begin", to_beginning, false },
	{ "end", to_end, false },	 { "cycle", to_cycle, false },
	{ "find", find_next, true },	 { "reverse", find_before, true },
	{ "waits", waits, false },	 { "holds", holds, false },
	{ "threads", threads, false },
};

static const struct command *command_named(const char *word)
{
	size_t at;

	for (at = 0; at < sizeof(commands) / sizeof(commands[0]); at++)
		if (!strcmp(word, commands[at].word) ||
		    (word[0] == commands[at].word[0] && !word[1]))
			return &commands[at];
	return NULL;
}

/** obey() - one line, which is cut up; false: quit */
static bool obey(struct replay *replay, char *line)
{
	char *word = line + strspn(line, " \t");
	char *argument = word + strcspn(word, " \t\n");
	const struct command *command;

	if (*argument)
		*argument++ = '\0';
	argument += strspn(argument, " \t");
	argument[strcspn(argument, "\n")] = '\0';
	if (!*word || *word == '#')
		return true;
	if (!strcmp(word, "q") || !strcmp(word, "quit"))
		return false;
	command = command_named(word);
	if (!command || !command->run(replay, argument))
		fputs(commands_help, replay->terminal.out);
	return true;
}

/** read_commands() - until there are no more, or one says to quit */
static void read_commands(struct replay *replay, FILE *from)
{
	bool prompts = isatty(fileno(from)), on = true;
	char *line = NULL, *last = NULL;
	size_t room = 0;

	while (on) {
		if (prompts) {
			fputs("(replay) ", replay->terminal.out);
			fflush(replay->terminal.out);
		}
		if (getline(&line, &room, from) < 0)
			break;
		if (line[0] == '\n' && last) {
			char *again = strdup(last);

			on = !again || obey(replay, again);
			free(again);
			continue;
		}
		free(last);
		last = NULL;
		if (strchr("npfr", line[strspn(line, " \t")]))
			last = strdup(line);
		on = obey(replay, line);
	}
	free(line);
	free(last);
}

/* ------------------------------------------------------------------------ whole */

static bool play(struct replay *replay, struct dlw_replay *log)
{
	FILE *from = replay->script ? fopen(replay->script, "re") : stdin;
	struct dlw_symbols *symbols;

	if (!from) {
		fprintf(stderr, "dlwatch: %s: cannot read: %s\n", replay->script, strerror(errno));
		return false;
	}
	symbols = dlw_symbols_new();
	replay->player = dlw_player_new(log, symbols, &replay->terminal);
	dlw_log_coverage_say(log);
	dlw_player_go(replay->player, replay->at);
	dlw_player_show(replay->player);
	read_commands(replay, from);
	dlw_player_free(replay->player);
	dlw_symbols_free(symbols);
	if (replay->script)
		fclose(from);
	return fflush(stdout) == 0 && !ferror(stdout);
}

int dlw_cmd_replay(int argc, char **argv)
{
	struct replay replay = { 0 };
	struct dlw_replay *log;
	bool readable, played;

	dlw_options_init(&replay.common, DLW_SEVERITY_NEVER, stdout);
	argp_err_exit_status = 2;
	argp_parse(&replay_argp, argc, argv, 0, NULL, &replay);
	dlw_terminal_init(&replay.terminal, stdout, &replay.common);
	log = dlw_replay_new();
	readable = dlw_log_arguments_add(log, replay.logs);
	played = log->source_count && play(&replay, log);
	dlw_replay_free(log);
	return readable && played ? 0 : 2;
}
