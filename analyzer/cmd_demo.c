/*
 * cmd_demo.c - `dlwatch demo`: a bundled sample run watched, and explained
 *
 * It uses dlwatch as a user would: it starts its own executable as `dlwatch
 * run` and then as `dlwatch analyze` on the log of that run, lets both talk to
 * the terminal, and reads what they found from their JSON reports, to tell
 * whether the demo has shown what it promised.
 *
 * The commands run in a process group of their own: a sample is made to hang,
 * and one that was not caught must not outlive the demo, nor an impatient
 * Ctrl-C.
 */
#include <argp.h>
#include <errno.h>
#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "analyzer/commands.h"
#include "analyzer/demo_samples.h"

#define PATIENCE_SECONDS 30 /* a report takes a fraction of one; then something is broken */

struct demo {
	const struct dlw_sample *sample;
	char **arguments;   /* of the sample, with a NULL at the end */
	const char *color;  /* passed on */
	const char *log;    /* where to keep the log; NULL: remove it */
	char *directory;    /* temporary, with the logs and JSON reports */
	char *self;         /* this executable */
	char *program;      /* the sample's path */
};

/* What one command said. */
struct outcome {
	int status;
	size_t findings;
	char *kind, *verdict, *fingerprint; /* of the first finding */
	size_t core;
};

static bool complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool complain(const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fputs("dlwatch: demo: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return false;
}

static char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *text(const char *format, ...)
{
	va_list arguments;
	char *result;

	va_start(arguments, format);
	if (vasprintf(&result, format, arguments) < 0) {
		complain("out of memory");
		exit(2);
	}
	va_end(arguments);
	return result;
}

/* ---- where things are ------------------------------------------------------ */

static char *own_executable(void)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length <= 0)
		return NULL;
	path[length] = '\0';
	return strdup(path);
}

/* Beside the executable in a build tree; under the same prefix when installed. */
static char *find_program(const char *self, const char *file)
{
	static const char *const places[] = { "samples", "../lib/dlwatch/samples",
					      "../share/dlwatch/samples" };
	int directory = (int)(strrchr(self, '/') - self);
	size_t i;
	char *path;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		path = text("%.*s/%s/%s", directory, self, places[i], file);
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

/* ---- running a command ----------------------------------------------------- */

static void become(char **command, const sigset_t *mask)
{
	setpgid(0, 0);
	sigprocmask(SIG_SETMASK, mask, NULL);
	dup2(STDOUT_FILENO, STDERR_FILENO); /* one stream, in order */
	execv(command[0], command);
	_exit(127);
}

/*
 * wait_for() - until @child ends, patience does, or somebody wants us to stop
 *
 * @signals: SIGCHLD and the signals that end us, all blocked.
 * Return: its wait status, or -1.
 */
static int wait_for(pid_t child, const sigset_t *signals)
{
	struct timespec patience = { .tv_sec = PATIENCE_SECONDS };
	siginfo_t ended = { .si_pid = 0 };
	int status, signal = SIGCHLD;

	/* Not reaped before its group is empty: the number stays ours so long. */
	while (waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       !ended.si_pid) {
		signal = sigtimedwait(signals, NULL, &patience);
		if (signal != SIGCHLD && !(signal < 0 && errno == EINTR))
			break;
	}
	kill(-child, SIGKILL); /* itself, or what it left behind */
	waitpid(child, &status, 0);
	if (ended.si_pid)
		return status;
	if (signal < 0)
		complain("no end after %d seconds", PATIENCE_SECONDS);
	return -1;
}

/* Return: the command's exit status as a shell would say it, or -1. */
static int run_command(char **command)
{
	sigset_t signals, before;
	pid_t child;
	int status;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &before);
	fflush(stdout);
	child = fork();
	if (child == 0)
		become(command, &before);
	if (child > 0)
		setpgid(child, child);
	status = child < 0 ? -1 : wait_for(child, &signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (status < 0)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void show_command(char **command)
{
	size_t i;

	printf("$ dlwatch");
	for (i = 1; command[i]; i++)
		if (strncmp(command[i], "--json=", 7) != 0 && strncmp(command[i], "--color=", 8) != 0)
			printf(" %s", command[i]);
	printf("\n\n");
}

/* ---- what it found --------------------------------------------------------- */

static char *copy_member(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return text("%s", value ? value : "");
}

static bool read_report(const char *path, struct outcome *outcome)
{
	json_error_t error;
	json_t *report = json_load_file(path, 0, &error), *first;

	if (!report)
		return complain("%s: %s", path, error.text);
	outcome->findings = json_array_size(json_object_get(report, "findings"));
	first = json_array_get(json_object_get(report, "findings"), 0);
	outcome->kind = copy_member(first, "kind");
	outcome->verdict = copy_member(first, "verdict");
	outcome->fingerprint = copy_member(first, "fingerprint");
	outcome->core = json_array_size(json_object_get(first, "core"));
	json_decref(report);
	return true;
}

static void outcome_clear(struct outcome *outcome)
{
	free(outcome->kind);
	free(outcome->verdict);
	free(outcome->fingerprint);
}

static size_t expected_core(const struct demo *demo)
{
	if (demo->sample->sized && demo->arguments[0])
		return strtoul(demo->arguments[0], NULL, 10);
	return (size_t)demo->sample->core;
}

static bool is_expected(const struct demo *demo, const struct outcome *seen, const char *who)
{
	const struct dlw_sample *sample = demo->sample;
	const char *kind = sample->kind ? sample->kind : "deadlock";
	size_t core = expected_core(demo);

	if (!sample->verdict) {
		if (seen->findings == 0)
			return true;
		return complain("%s: expected no finding, saw %zu (%s, %s)", who, seen->findings,
				seen->kind, seen->verdict);
	}
	if (seen->findings == 1 && strcmp(seen->kind, kind) == 0 &&
	    strcmp(seen->verdict, sample->verdict) == 0 && seen->core == core)
		return true;
	if (seen->findings == 0)
		return complain("%s: expected a finding (%s), saw none", who, kind);
	return complain("%s: expected one %s, %s, of %zu threads; saw %zu finding%s, %s, %s, of %zu threads",
			who, kind, sample->verdict, core, seen->findings, seen->findings == 1 ? "" : "s",
			seen->kind, seen->verdict, seen->core);
}

/* ---- the two commands ------------------------------------------------------ */

static size_t count(char **words)
{
	size_t n = 0;

	while (words[n])
		n++;
	return n;
}

static bool watch(const struct demo *demo, const char *log, struct outcome *outcome)
{
	size_t arguments = count(demo->arguments), i;
	char **command = calloc(arguments + 9, sizeof(*command));
	char *json = text("%s/run.json", demo->directory);
	bool done;

	if (!command)
		return complain("out of memory");
	command[0] = demo->self;
	command[1] = text("run");
	command[2] = text("--log=%s", log);
	command[3] = text("--on-deadlock=exit");
	command[4] = text("--json=%s", json);
	command[5] = text("--color=%s", demo->color);
	command[6] = text("--");
	command[7] = demo->program;
	memcpy(command + 8, demo->arguments, arguments * sizeof(*command));
	show_command(command);
	outcome->status = run_command(command);
	done = outcome->status >= 0 && read_report(json, outcome);
	for (i = 1; i < 7; i++)
		free(command[i]);
	free(command);
	free(json);
	return done;
}

static bool analyze(const struct demo *demo, const char *log, struct outcome *outcome)
{
	char *json = text("%s/analyze.json", demo->directory);
	char *command[] = { demo->self, text("analyze"), text("--json=%s", json),
			    text("--color=%s", demo->color), text("%s", log), NULL };
	bool done;
	size_t i;

	show_command(command);
	outcome->status = run_command(command);
	done = outcome->status >= 0 && read_report(json, outcome);
	for (i = 1; command[i]; i++)
		free(command[i]);
	free(json);
	return done;
}

/* ---- the demo -------------------------------------------------------------- */

static void heading(const char *words)
{
	printf("\n-- %s ", words);
	for (size_t i = strlen(words); i < 72; i++)
		putchar('-');
	printf("\n\n");
}

static bool expect_status(const char *who, int seen, int expected)
{
	if (seen == expected)
		return true;
	return complain("%s: expected exit status %d, saw %d", who, expected, seen);
}

/* Watches the sample, then analyses the log, and compares both with the promise. */
static bool show(const struct demo *demo, const char *log)
{
	struct outcome live = { 0 }, after = { 0 };
	bool good, fault = demo->sample->verdict;

	heading("the run, watched");
	good = watch(demo, log, &live) &&
	       expect_status("run", live.status, fault ? 66 : 0) && is_expected(demo, &live, "run");
	if (good && fault)
		printf("\n(It would have hung for ever; dlwatch ended it with exit status %d.)\n",
		       live.status);
	if (good) {
		heading("the same from its log, after the fact");
		good = analyze(demo, log, &after) &&
		       expect_status("analyze", after.status, fault ? 1 : 0) &&
		       is_expected(demo, &after, "analyze");
		if (good && strcmp(live.fingerprint, after.fingerprint) != 0)
			good = complain("run and analyze disagree: fingerprints %s and %s",
					live.fingerprint, after.fingerprint);
	}
	outcome_clear(&live);
	outcome_clear(&after);
	return good;
}

static void explain_after(const struct dlw_sample *sample)
{
	heading("what to look at");
	fputs(sample->look, stdout);
	printf("\nThe source, with more: samples/%s%s\n", sample->file,
	       strstr(sample->file, ".py") ? "" : ".c");
	if (sample->cure)
		printf("%s dlwatch demo %s\n", sample->verdict ? "The cure:" : "The next cure:",
		       sample->cure);
}

static bool perform(struct demo *demo)
{
	char *log = demo->log ? text("%s", demo->log) : text("%s/log", demo->directory);
	bool good;

	printf("%s: %s\n\n%s", demo->sample->file, demo->sample->title, demo->sample->story);
	good = show(demo, log);
	if (good)
		explain_after(demo->sample);
	free(log);
	return good;
}

static int run_demo(struct demo *demo)
{
	const char *temporary = getenv("TMPDIR");
	bool good;

	demo->self = own_executable();
	if (!demo->self)
		return complain("cannot read /proc/self/exe: %s", strerror(errno)), 2;
	demo->program = find_program(demo->self, demo->sample->file);
	if (!demo->program) {
		complain("%s: sample not found near %s", demo->sample->file, demo->self);
		free(demo->self);
		return 2;
	}
	demo->directory = text("%s/dlwatch-demo-XXXXXX",
			       temporary && *temporary ? temporary : "/tmp");
	if (!mkdtemp(demo->directory)) {
		complain("%s: %s", demo->directory, strerror(errno));
		return 2;
	}
	good = perform(demo);
	nftw(demo->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(demo->directory);
	free(demo->program);
	free(demo->self);
	return good ? 0 : 1;
}

static int list_samples(void)
{
	const struct dlw_sample *sample;

	for (sample = dlw_samples; sample->file; sample++)
		printf("%-30s %s\n", sample->file, sample->title);
	return 0;
}

/* ---- command line ---------------------------------------------------------- */

static const struct argp_option options[] = {
	{ "color", 'c', "WHEN", 0, "auto, always or never", 0 },
	{ "log", 'l', "DIR", 0, "keep the log there, for 'dlwatch analyze DIR'", 0 },
	{ 0 },
};

static bool is_color(const char *word)
{
	return strcmp(word, "auto") == 0 || strcmp(word, "always") == 0 ||
	       strcmp(word, "never") == 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct demo *demo = state->input;

	switch (key) {
	case 'c':
		if (!is_color(argument))
			argp_failure(state, argp_err_exit_status, 0,
				     "--color=%s: not auto, always or never", argument);
		demo->color = argument;
		return 0;
	case 'l':
		demo->log = argument;
		return 0;
	case ARGP_KEY_ARG:
		demo->sample = dlw_sample_find(argument);
		if (!demo->sample)
			argp_failure(state, argp_err_exit_status, 0,
				     "no sample '%s'; 'dlwatch demo' lists them", argument);
		demo->arguments = state->argv + state->next;
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp demo_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[NAME [ARGUMENT...]]",
	.doc = "Run a bundled sample watched, and explain what is seen.\v"
	       "Without NAME: list the samples. Each is a small program with a long comment, in\n"
	       "the samples directory of the source.\n\n"
	       "Example: dlwatch demo philosophers 12\n\n"
	       "Exit status: 0 if the sample showed what it promises, 1 if not, 2 wrong usage.",
};

int dlw_cmd_demo(int argc, char **argv)
{
	struct demo demo = { .color = "auto" };
	error_t error = argp_parse(&demo_argp, argc, argv, ARGP_IN_ORDER, NULL, &demo);

	if (error) {
		complain("%s", strerror(error));
		return 2;
	}
	return demo.sample ? run_demo(&demo) : list_samples();
}
