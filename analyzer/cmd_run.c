/*
 * cmd_run.c - dlwatch run: a program and all its children, watched
 *
 * The program is started with the shim in LD_PRELOAD and a session of ours in
 * its environment; no thread is added to it. We look at the session every
 * check_ms until the program ends. What on_deadlock asks for is done from
 * here, with signals, but for break, which the victim's own hook does.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <argp.h>

#include "analyzer/commands.h"
#include "analyzer/log_arguments.h"
#include "analyzer/log_coverage.h"
#include "analyzer/log_outside.h"
#include "analyzer/log_pack.h"
#include "analyzer/options.h"
#include "analyzer/program.h"
#include "analyzer/report.h"
#include "analyzer/supervisor.h"

enum { STATUS_FINDING = 66, STATUS_FAILED = 125, STATUS_CANNOT_EXECUTE = 126, STATUS_NOT_FOUND = 127 };
enum key { KEY_ON_DEADLOCK = 0x300, KEY_LOG, KEY_LOG_MODE, KEY_OPTIONS, KEY_MISUSE, KEY_COMPRESS };

struct settings {
	struct dlw_options common;
	const char *on_deadlock, *log, *log_mode, *misuse;
	char shim_options[DLW_PATH_MAX * 2]; /* what DLWATCH_OPTIONS will be */
	char **program;
	bool compress; /* the logs, at the end */
};

struct run {
	struct settings *settings;
	struct dlw_supervisor *supervisor;
	struct dlw_report *report;
	pid_t child;
	bool ended_it; /* on_deadlock ended a process */
};

static const struct argp_option known[] = {
	{ "on-deadlock", KEY_ON_DEADLOCK, "exit|report|abort|stop|break", 0,
	  "After the report: end the deadlocked process (default), leave it hanging, abort it "
	  "(core dump), stop it for a debugger, or make one of its calls fail with EDEADLK", 0 },
	{ "log", KEY_LOG, "DIR", 0, "Keep a log of lock events in DIR, for dlwatch analyze", 0 },
	{ "log-mode", KEY_LOG_MODE, "off|order|ring|full", 0, "What goes into it (default: full)", 0 },
	{ "compress", KEY_COMPRESS, NULL, 0,
	  "Compress the logs in DIR at the end, as dlwatch compress does", 0 },
	DLW_MISUSE_OPTION(KEY_MISUSE),
	{ "options", KEY_OPTIONS, "K=V:...", 0, "More options for the shim, see libdlwatch(7)", 0 },
	{ 0 },
};

static const char text[] =
	"Runs PROGRAM and all its children watched. A deadlock becomes a report within a "
	"fraction of a second."
	"\v"
	"Examples:\n"
	"  dlwatch run ./server --port 8080\n"
	"  dlwatch run --log=logs --json=findings.json -- make test\n\n"
	"Exit status: the program's own; 66 if there is a finding at or above --fail-on; 128+N "
	"if it died of signal N; 125 if dlwatch itself failed, 126 if PROGRAM cannot be "
	"executed, 127 if it was not found.";

/* ---------------------------------------------------------------------- arguments */

static void add_option(struct argp_state *state, struct settings *settings, const char *name,
		       const char *value)
{
	size_t used = strlen(settings->shim_options);
	int length = snprintf(settings->shim_options + used, sizeof(settings->shim_options) - used,
			      "%s%s%s%s", used ? ":" : "", name, *name ? "=" : "", value);

	if (length < 0 || used + (size_t)length >= sizeof(settings->shim_options))
		argp_failure(state, STATUS_FAILED, 0, "options are too long");
}

static bool is_one_of(const char *value, const char *words)
{
	size_t length = strlen(value);
	const char *at = words;

	while (at && *at) {
		const char *end = strchrnul(at, '|');

		if ((size_t)(end - at) == length && !strncmp(at, value, length))
			return true;
		at = *end ? end + 1 : end;
	}
	return false;
}

static void check_word(struct argp_state *state, const char *option, const char *value,
		       const char *words)
{
	if (!is_one_of(value, words))
		argp_failure(state, STATUS_FAILED, 0, "--%s=%s: not one of %s", option, value, words);
}

/** add_log() - the program may change directory: its log must not move with it */
static void add_log(struct argp_state *state, struct settings *settings, const char *directory)
{
	char absolute[DLW_PATH_MAX];
	char here[PATH_MAX];

	if (directory[0] != '/' && getcwd(here, sizeof(here)) &&
	    snprintf(absolute, sizeof(absolute), "%s/%s", here, directory) < DLW_PATH_MAX)
		directory = absolute;
	if (strpbrk(directory, ": \t\n"))
		argp_failure(state, STATUS_FAILED, 0,
			     "--log=%s: a path with ':' or white space cannot be handed to the shim",
			     directory);
	add_option(state, settings, "log", directory);
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct settings *settings = state->input;
	uint32_t sorts;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &settings->common;
		return 0;
	case KEY_ON_DEADLOCK:
		check_word(state, "on-deadlock", value, "exit|report|abort|stop|break");
		settings->on_deadlock = value;
		return 0;
	case KEY_LOG:
		settings->log = value;
		return 0;
	case KEY_LOG_MODE:
		check_word(state, "log-mode", value, "off|order|ring|full");
		settings->log_mode = value;
		return 0;
	case KEY_COMPRESS:
		settings->compress = true;
		return 0;
	case KEY_MISUSE:
		dlw_options_misuse(state, value, &sorts);
		settings->misuse = value;
		return 0;
	case KEY_OPTIONS:
		add_option(state, settings, "", value);
		return 0;
	case ARGP_KEY_ARG:
		settings->program = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_failure(state, STATUS_FAILED, 0, "no program given; see dlwatch run --help");
		return 0;
	case ARGP_KEY_SUCCESS:
		add_option(state, settings, "on_deadlock", settings->on_deadlock);
		if (settings->compress && (!settings->log || strchr(settings->log, '%')))
			argp_failure(state, STATUS_FAILED, 0,
				     "--compress: of which logs? Give --log=DIR, without %%");
		if (settings->log)
			add_log(state, settings, settings->log);
		if (settings->misuse)
			add_option(state, settings, "misuse", settings->misuse);
		if (settings->log_mode)
			add_option(state, settings, "log_mode", settings->log_mode);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{ &dlw_options_argp, 0, "Common options:", 1 },
	{ 0 },
};

static const struct argp syntax = { known, parse, "[--] PROGRAM [ARGS...]", text, children, NULL,
				    NULL };

/* ------------------------------------------------------------------------ findings */

static void send_to_core(const struct dlw_state *state, const struct dlw_finding *finding,
			 int number)
{
	uint32_t i, k;

	for (i = 0; i < finding->core_count; i++) {
		uint32_t process = state->threads[finding->core[i]].process;

		for (k = 0; k < i && state->threads[finding->core[k]].process != process; k++)
			;
		if (k == i)
			kill(state->processes[process].pid, number);
	}
}

static void act(struct run *run, const struct dlw_state *state, const struct dlw_finding *finding)
{
	const char *action = run->settings->on_deadlock;

	if (!strcmp(action, "exit")) {
		send_to_core(state, finding, SIGKILL);
		run->ended_it = true;
	} else if (!strcmp(action, "abort")) {
		send_to_core(state, finding, SIGABRT);
		run->ended_it = true;
	} else if (!strcmp(action, "stop")) {
		send_to_core(state, finding, SIGSTOP);
	} else if (!strcmp(action, "break")) {
		dlw_supervisor_break(run->supervisor, state, finding);
	}
}

static void found(void *context, const char *json, size_t length, const struct dlw_state *state,
		  const struct dlw_finding *finding)
{
	struct run *run = context;

	if (dlw_report_add(run->report, json, length) == DLW_SEVERITY_DEADLOCK)
		act(run, state, finding);
}

/* ------------------------------------------------------------------------- running */

/** prepend() - NAME=VALUE, or NAME=VALUE<separator>what was there */
static void prepend(const char *name, const char *value, char separator)
{
	const char *before = getenv(name);
	char *both;

	if (before && *before && asprintf(&both, "%s%c%s", value, separator, before) >= 0) {
		setenv(name, both, 1);
		free(both);
	} else {
		setenv(name, value, 1);
	}
}

static void become(const struct run *run, const char *shim, const sigset_t *signals)
{
	char **program = run->settings->program;
	int error;

	prepend("LD_PRELOAD", shim, ':');
	setenv(DLW_SESSION_ENV, dlw_supervisor_path(run->supervisor), 1);
	prepend(DLW_OPTIONS_ENV, run->settings->shim_options, ':');
	sigprocmask(SIG_SETMASK, signals, NULL);
	execvp(program[0], program);
	error = errno;
	fprintf(stderr, "dlwatch: %s: %s\n", program[0], strerror(error));
	_exit(error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE);
}

/** wait_for_signal() - wait for a signal or the next look; Return: the signal, 0: time to look */
static int wait_for_signal(const sigset_t *signals, unsigned milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
	int number = sigtimedwait(signals, NULL, &time);

	return number > 0 ? number : 0;
}

/** watch() - until the child ends; Return: its wait status */
static int watch(struct run *run, const sigset_t *signals, unsigned check_ms)
{
	int status = 0;

	for (;;) {
		int number = wait_for_signal(signals, check_ms);

		if (number == SIGTERM || number == SIGHUP)
			kill(run->child, number);
		if (number == 0)
			dlw_supervisor_look(run->supervisor);
		if (waitpid(run->child, &status, WNOHANG) == run->child) {
			dlw_supervisor_last_look(run->supervisor);
			return status;
		}
	}
}

static json_t *describe_coverage(const struct dlw_coverage *coverage)
{
	json_t *object = json_object();
	int i;

	json_object_set_new(object, "processes", json_integer(coverage->processes));
	json_object_set_new(object, "threads", json_integer((json_int_t)coverage->threads));
	for (i = 0; i < DLW_COVERAGE_COUNTS; i++)
		json_object_set_new(object, dlw_coverage_key(i),
				    json_integer((json_int_t)coverage->counts[i]));
	return object;
}

/** close_up() - coverage, files, exit status */
static int close_up(struct run *run, int status)
{
	struct dlw_coverage coverage = dlw_supervisor_coverage(run->supervisor);
	FILE *out = dlw_report_text(run->report);
	int failed;

	dlw_report_set_coverage(run->report, describe_coverage(&coverage));
	if (!coverage.processes && out && run->settings->common.verbose)
		fprintf(out, "dlwatch: nothing was watched: no process of the program used a lock, "
			     "or none could load the shim\n");
	else if (out && run->settings->common.verbose)
		fprintf(out, "dlwatch: %u process%s, %llu thread%s watched\n", coverage.processes,
			coverage.processes == 1 ? "" : "es", (unsigned long long)coverage.threads,
			coverage.threads == 1 ? "" : "s");
	failed = dlw_report_finish(run->report);
	if (failed < 0)
		return STATUS_FAILED;
	if (failed)
		return STATUS_FINDING;
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

static unsigned number_option(const char *options, const char *name, unsigned standard)
{
	const char *at = options;
	size_t length = strlen(name);

	while ((at = strstr(at, name))) {
		if ((at == options || strchr(": \t\n", at[-1])) && at[length] == '=')
			standard = (unsigned)strtoul(at + length + 1, NULL, 10);
		at += length;
	}
	return standard ? standard : 1;
}

static int run_program(struct run *run, const char *shim)
{
	const char *given = getenv(DLW_OPTIONS_ENV);
	unsigned check_ms = number_option(run->settings->shim_options, "check_ms",
					  number_option(given ? given : "", "check_ms", 50));
	sigset_t signals, before;
	int status;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT); /* the terminal sends these to the program, too */
	sigaddset(&signals, SIGQUIT);
	sigaddset(&signals, SIGPIPE); /* who reads no report still wants the program ended */
	sigprocmask(SIG_BLOCK, &signals, &before);
	run->child = fork();
	if (run->child < 0) {
		fprintf(stderr, "dlwatch: run: cannot fork: %s\n", strerror(errno));
		return STATUS_FAILED;
	}
	if (run->child == 0)
		become(run, shim, &before);
	dlw_supervisor_follow(run->supervisor, run->child);
	status = watch(run, &signals, check_ms);
	sigaddset(&before, SIGPIPE);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return close_up(run, status);
}

/** finish_log() - somebody who has asked for a log finds one */
static void finish_log(const struct run *run)
{
	const char *directory = run->settings->log;
	const struct dlw_process_state process = { .pid = run->child,
						   .exe = run->settings->program[0] };

	dlw_log_outside_nothing(directory, &process);
	if (run->settings->compress)
		dlw_log_arguments_each((char *[]){ (char *)directory, NULL }, dlw_log_pack_visit,
				       NULL);
}

int dlw_cmd_run(int argc, char **argv)
{
	static struct settings settings = { .on_deadlock = "exit" };
	struct run run = { .settings = &settings };
	char shim[DLW_PATH_MAX];
	const char *given = getenv(DLW_OPTIONS_ENV);
	bool log_here;
	int status;

	argp_err_exit_status = STATUS_FAILED;
	dlw_options_init(&settings.common, DLW_SEVERITY_DEADLOCK, stderr);
	settings.common.live = true;
	argp_parse(&syntax, argc, argv, ARGP_IN_ORDER, NULL, &settings);
	if (!dlw_program_find_shim(shim))
		return STATUS_FAILED;
	status = dlw_program_check(settings.program[0]);
	if (status)
		return status;
	run.report = dlw_report_new(&settings.common);
	if (!run.report)
		return STATUS_FAILED;
	run.supervisor = dlw_supervisor_new(
		number_option(settings.shim_options, "stall_ms",
			      number_option(given ? given : "", "stall_ms", 1000)),
		found, &run);
	if (!run.supervisor)
		return STATUS_FAILED;
	log_here = settings.log && !strchr(settings.log, '%') &&
		   !(settings.log_mode && strcmp(settings.log_mode, "off") == 0);
	if (log_here)
		dlw_supervisor_log_to(run.supervisor, settings.log);
	status = run_program(&run, shim);
	if (log_here)
		finish_log(&run);
	dlw_supervisor_free(run.supervisor);
	dlw_report_free(run.report);
	return status;
}
