/*
 * shim/report.c - handing a finding to a renderer, or doing without
 *
 * The raw finding goes, as a line of JSON, into a memory file that is the
 * renderer's standard input. The renderer must not be noticed by the program:
 * no SIGCHLD when it ends, not to be had by waitpid(-1), no LD_PRELOAD. So a
 * process without an exit signal stands between them. Until exec both share
 * our memory: only bare system calls are made there.
 */
#include "shim/report.h"

#include <link.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/finding_json.h"
#include "core/watch/helper.h"
#include "core/watch/procfs.h"
#include "core/watch/session_directory.h"
#include "core/watch/system.h"
#include "shim/child.h"
#include "shim/log_write.h"
#include "shim/options.h"
#include "shim/python.h"
#include "shim/runtime.h"
#include "shim/say.h"
#include "shim/segment.h"

#include "shim/banned.h"

#define RENDER_MS 2000
#define CHILD_STACK (64u * 1024)
#define ARGUMENTS_MAX 12
#define SUPPRESSED 0 /* dlwatch render: nothing to fail on; a deadlock that it printed gives 1 */

extern char **environ;

static char own_directory[DLW_PATH_MAX];

/** remember_directory() - of a path as the loader has it; relative ones start where we are now */
static void remember_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char here[DLW_PATH_MAX] = "";
	char directory[DLW_PATH_MAX];

	if (!slash || (size_t)(slash - path) >= sizeof(directory))
		return;
	memcpy(directory, path, (size_t)(slash - path));
	directory[slash - path] = '\0';
	if (path[0] == '/')
		strcpy(own_directory, directory);
	else if (dlw_system(SYS_getcwd, (long)here, sizeof(here), 0, 0, 0, 0) <= 0 ||
		 !dlw_join_path(own_directory, here, directory))
		own_directory[0] = '\0';
}

static int find_own(struct dl_phdr_info *info, size_t size, void *context)
{
	uint64_t own = (uint64_t)(uintptr_t)find_own;
	uint16_t i;

	(void)size;
	(void)context;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + header->p_vaddr;

		if (header->p_type != PT_LOAD || own < start || own >= start + header->p_memsz)
			continue;
		remember_directory(info->dlpi_name);
		return 1;
	}
	return 0;
}

void dlw_report_load(void)
{
	dl_iterate_phdr(find_own, NULL);
}

/* ---------------------------------------------------------------------------- writing */

struct sink {
	int fd;
	bool failed;
};

static void put(void *context, const char *text, size_t length)
{
	struct sink *sink = context;

	while (length && !sink->failed) {
		ssize_t written = dlw_sys_write(sink->fd, text, length);

		if (written <= 0 && written != -EINTR)
			sink->failed = true;
		if (written > 0) {
			text += written;
			length -= (size_t)written;
		}
	}
}

/** open_output() - where a report or JSON goes by itself; @fallback if not named or not to be had */
static int open_output(const char *pattern, int fallback)
{
	char path[DLW_PATH_MAX];
	int fd;

	if (!pattern[0] || !strcmp(pattern, "stderr") ||
	    !dlw_expand_path(pattern, path, sizeof(path)))
		return fallback;
	fd = dlw_sys_open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (fd < 0)
		dlw_say("dlwatch: %s: cannot write: %s\n", path, strerrordesc_np(-fd));
	return fd < 0 ? fallback : fd;
}

static void write_plainly(const struct dlw_state *state, const struct dlw_finding *finding,
			  const struct dlw_python_text *python)
{
	struct sink sink = { open_output(dlw_options.report, STDERR_FILENO), false };
	struct dlw_writer writer = { put, &sink };

	dlw_finding_write_text(state, finding, &writer);
	for (; python; python = python->next)
		dlw_python_write_text(python->pid, python->text, &writer);
	if (sink.fd != STDERR_FILENO)
		dlw_sys_close(sink.fd);
	sink = (struct sink){ open_output(dlw_options.json, -1), false };
	if (sink.fd < 0)
		return;
	dlw_finding_write_json(state, finding, &writer);
	dlw_sys_close(sink.fd);
}

/* ------------------------------------------------------------------------ the renderer */

struct renderer {
	char program[DLW_PATH_MAX];
	char report[DLW_PATH_MAX + 16], json[DLW_PATH_MAX + 16], color[32];
	char suppressions[DLW_PATH_MAX + 32];
	char *arguments[ARGUMENTS_MAX];
	char **environment;
	int input;
	char stacks[2 * CHILD_STACK] __attribute__((aligned(64)));
};

/** is_program() - a file: beside an installed library lies a directory of the same name */
static bool is_program(const char *path)
{
	struct stat status;

	return dlw_system(SYS_faccessat, AT_FDCWD, (long)path, X_OK, 0, 0, 0) == 0 &&
	       dlw_system(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, 0, 0, 0) == 0 &&
	       S_ISREG(status.st_mode);
}

static bool find_program(char path[DLW_PATH_MAX])
{
	static const char *const places[] = { "dlwatch", "../bin/dlwatch" };
	unsigned i;

	for (i = 0; own_directory[0] && i < 2; i++)
		if (dlw_join_path(path, own_directory, places[i]) && is_program(path))
			return true;
	return false;
}

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

/** clean_environment() - the program's, without what would watch the renderer */
static char **clean_environment(void)
{
	size_t count = 0, kept = 0, i;
	char **clean;

	while (environ && environ[count])
		count++;
	clean = dlw_map((count + 1) * sizeof(*clean), false);
	for (i = 0; clean && i < count; i++)
		if (!starts_with(environ[i], "LD_PRELOAD=") && !starts_with(environ[i], "DLWATCH_"))
			clean[kept++] = environ[i];
	return clean;
}

/** option() - --NAME=PATH with the path expanded; nothing if it is not set */
static void option(struct renderer *renderer, unsigned *count, char *text, const char *name,
		   const char *pattern)
{
	if (!pattern[0] || !strcmp(pattern, "stderr"))
		return;
	strcpy(text, name);
	if (dlw_expand_path(pattern, text + strlen(name), DLW_PATH_MAX))
		renderer->arguments[(*count)++] = text;
}

static bool prepare(struct renderer *renderer)
{
	unsigned count = 0;

	if (getauxval(AT_SECURE) || !find_program(renderer->program))
		return false;
	renderer->arguments[count++] = "dlwatch";
	renderer->arguments[count++] = "render";
	renderer->arguments[count++] = "--claim";
	option(renderer, &count, renderer->report, "--report=", dlw_options.report);
	option(renderer, &count, renderer->json, "--json=", dlw_options.json);
	option(renderer, &count, renderer->suppressions, "--suppressions=",
	       dlw_options.suppressions);
	option(renderer, &count, renderer->color, "--color=", dlw_options.color);
	renderer->environment = clean_environment();
	renderer->input = (int)dlw_system(SYS_memfd_create, (long)"dlwatch",
					  MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0, 0, 0);
	return renderer->environment && renderer->input >= 0;
}

static int become_program(void *context)
{
	struct renderer *renderer = context;

	dlw_system(SYS_dup3, renderer->input, STDIN_FILENO, 0, 0, 0, 0);
	dlw_system(SYS_execve, (long)renderer->program, (long)renderer->arguments,
		   (long)renderer->environment, 0, 0, 0);
	dlw_system(SYS_exit, 127, 0, 0, 0, 0, 0);
	return 127;
}

/**
 * be_between() - the process between the program and its renderer
 *
 * exec gives a process the exit signal SIGCHLD, whatever it was cloned with.
 * This one never execs: it is invisible to the program's waitpid, and the
 * renderer is its child, not the program's.
 */
static int be_between(void *context)
{
	struct renderer *renderer = context;
	int pid = clone(become_program, renderer->stacks + 2 * CHILD_STACK,
			CLONE_VM | CLONE_VFORK | SIGCHLD, renderer);
	int status = 0;
	long got;

	if (pid < 0)
		return 127;
	do
		got = dlw_system(SYS_wait4, pid, (long)&status, 0, 0, 0, 0);
	while (got == -EINTR);
	return got == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

/** claim() - whoever seals the input first makes the report; false: the renderer has */
static bool claim(int input)
{
	return dlw_system(SYS_fcntl, input, F_ADD_SEALS, F_SEAL_SEAL, 0, 0, 0) != -EPERM;
}

/**
 * await() - the end of the renderer
 *
 * One that is late and has begun goes on, whatever we do meanwhile; one that
 * has not will say nothing.
 */
static int await(int pid, int input)
{
	int status = dlw_child_wait(pid, RENDER_MS);

	if (status >= 0 || claim(input))
		return status;
	status = dlw_child_wait(pid, RENDER_MS);
	return status < 0 ? 0 : status;
}

/** render() - Return: the renderer's exit status, negative if there is none */
static int render(const struct dlw_state *state, const struct dlw_finding *finding,
		  const struct dlw_python_text *python)
{
	struct renderer *renderer = dlw_map(sizeof(*renderer), false);
	struct sink sink;
	struct dlw_writer writer = { put, &sink };
	int pid, status;

	if (!renderer || !prepare(renderer))
		return -1;
	sink = (struct sink){ renderer->input, false };
	for (; python; python = python->next)
		dlw_python_write_json(python->pid, python->text, &writer);
	dlw_finding_write_json(state, finding, &writer);
	if (sink.failed)
		return -1;
	dlw_system(SYS_lseek, renderer->input, 0, SEEK_SET, 0, 0, 0);
	pid = clone(be_between, renderer->stacks + CHILD_STACK, CLONE_VM, renderer);
	status = pid < 0 ? -1 : await(pid, renderer->input);
	dlw_sys_close(renderer->input);
	return status;
}

/* -------------------------------------------------------------------------- the action */

static void send(int signal)
{
	dlw_system(SYS_kill, dlw_runtime->pid, signal, 0, 0, 0, 0);
}

/** abort_program() - as abort() does, without its lock */
static void abort_program(void)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	struct timespec pause = { 0, 200000000 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGABRT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	send(SIGABRT);
	dlw_system(SYS_nanosleep, (long)&pause, 0, 0, 0, 0, 0);
	sigaction(SIGABRT, &standard, NULL); /* a handler came back */
	send(SIGABRT);
}

static void end_self(void)
{
	dlw_runtime_finish(DLW_END_FINDING, DLW_EXIT_STATUS);
	dlw_system(SYS_exit_group, DLW_EXIT_STATUS, 0, 0, 0, 0, 0);
}

/**
 * end_other() - another process of the core: its own helper thread ends it, or else we do
 *
 * SIGKILL leaves no chance for a status of 66, but its log is safe.
 */
static void end_other(int32_t pid, struct dlw_segment *segment)
{
	if (segment) {
		segment->end_asked = 1;
		dlw_helper_call(segment);
	}
	if (!segment || !segment->helper)
		dlw_system(SYS_kill, pid, SIGKILL, 0, 0, 0, 0);
}

/** act_on() - one process of the core that is not our own; @segment: NULL: it has none */
static void act_on(int32_t pid, struct dlw_segment *segment)
{
	switch (dlw_options.on_deadlock) {
	case DLW_ON_DEADLOCK_EXIT:
		end_other(pid, segment);
		break;
	case DLW_ON_DEADLOCK_ABORT:
		dlw_system(SYS_kill, pid, SIGABRT, 0, 0, 0, 0);
		break;
	case DLW_ON_DEADLOCK_STOP:
		dlw_system(SYS_kill, pid, SIGSTOP, 0, 0, 0, 0);
		break;
	default:
		break;
	}
}

static void act_on_self(void)
{
	switch (dlw_options.on_deadlock) {
	case DLW_ON_DEADLOCK_EXIT:
		end_self();
		break;
	case DLW_ON_DEADLOCK_ABORT:
		dlw_runtime_finish(DLW_END_FINDING, 0);
		abort_program();
		break;
	case DLW_ON_DEADLOCK_STOP:
		send(SIGSTOP);
		break;
	default:
		break;
	}
}

/** act() - on every process of the core, our own as the last */
static void act(const struct dlw_watch *watch, const struct dlw_state *state,
		const struct dlw_finding *finding)
{
	bool self = false;
	uint32_t i;

	if (dlw_options.on_deadlock == DLW_ON_DEADLOCK_BREAK) {
		dlw_watch_break(watch, state, finding);
		return;
	}
	for (i = 0; i < finding->core_count; i++) {
		uint32_t process = state->threads[finding->core[i]].process;
		struct dlw_segment *segment =
			process < watch->process_count ? watch->processes[process].segment : NULL;

		if (segment == dlw_runtime->segment)
			self = true;
		else if (!i || process != state->threads[finding->core[i - 1]].process)
			act_on(state->processes[process].pid, segment);
	}
	if (self)
		act_on_self();
}

void dlw_report_found(void *context, const struct dlw_state *state,
		      const struct dlw_finding *finding)
{
	/* else it says nothing what the threads do */
	bool of_now = dlw_finding_is_of_now(finding);
	struct dlw_python_text *python = of_now ? dlw_python_ask(context, state, finding) : NULL;
	int status;

	/* a replay could not come to what only the kernel knew */
	if (of_now && !dlw_finding_is_of_kernel(state, finding))
		dlw_log_look(1, finding->verdict == DLW_STALLED ? "" : "not asked: the verdict does not rest on it");
	dlw_log_flush(NULL);
	status = render(state, finding, python);
	if (status < 0 || status == 127)
		write_plainly(state, finding, python);
	dlw_python_forget(python);
	if (of_now && status != SUPPRESSED)
		act(context, state, finding);
}
