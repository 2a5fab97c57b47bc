/*
 * shim/runtime.c - setting a process up, and its end
 *
 * Little happens when the library is loaded: names are resolved, options read,
 * the unwinder loaded. The segment, its session and the log are made at the
 * first hook that has something to record, so a program that never locks
 * leaves no trace.
 */
#include "shim/runtime.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>

#include "core/watch/lease.h"
#include "core/watch/namespace.h"
#include "core/watch/procfs.h"
#include "core/watch/session_directory.h"
#include "core/watch/system.h"
#include "shim/context.h"
#include "shim/fork.h"
#include "shim/log_write.h"
#include "shim/misuse.h"
#include "shim/misuse_scene.h"
#include "shim/python.h"
#include "shim/real.h"
#include "shim/report.h"
#include "shim/say.h"
#include "shim/segment.h"
#include "shim/trace.h"
#include "shim/unwind.h"
#include "shim/watcher.h"

#include "shim/banned.h"

struct dlw_runtime *dlw_runtime;
__thread bool dlw_forking __attribute__((tls_model("initial-exec")));
struct dlw_options dlw_options;
char dlw_session_path[DLW_PATH_MAX];
static pid_t session_maker; /* who made or joined the session before it had a segment; 0 */

uint64_t dlw_nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void dlw_runtime_count(enum dlw_coverage_count which, uint64_t amount)
{
	if (dlw_runtime && dlw_runtime->segment)
		atomic_fetch_add_explicit(&dlw_runtime->segment->coverage[which], amount,
					  memory_order_relaxed);
}

/* ------------------------------------------------------------------------- the session */

/** given_session() - the one that the environment names, made if it is not there; false: none */
static bool given_session(bool trusted)
{
	const char *given = trusted ? getenv(DLW_SESSION_ENV) : NULL;

	if (!given || given[0] != '/' || strlen(given) >= DLW_PATH_MAX ||
	    !dlw_session_make_at(given, 0))
		return false;
	strcpy(dlw_session_path, given);
	return true;
}

/**
 * join_session() - the one we were born into, were given, our ancestors have, or a new one
 *
 * The one we were born into may be gone, with the last process that was in it:
 * it is made again in its place, where our siblings look for it, too.
 */
static bool join_session(void)
{
	bool trusted = !getauxval(AT_SECURE);

	if (dlw_session_path[0] && dlw_session_make_at(dlw_session_path, 0))
		return true;
	return given_session(trusted) || dlw_session_join(dlw_session_path, trusted) ||
	       dlw_session_create(dlw_session_path, trusted, 0);
}

/** The namespace of pids, kept by children. */
static struct {
	uint64_t namespace;
	bool proc_is_foreign;
	int32_t known_by; /* pid of the process that it was found out in, or of its child; 0 */
} pids;

static void know_namespace(int32_t pid)
{
	pids.namespace = dlw_pid_namespace();
	pids.proc_is_foreign = dlw_proc_is_foreign();
	pids.known_by = pids.proc_is_foreign ? 0 : pid;
}

void dlw_session_ensure(void)
{
	int saved = errno;

	if ((!dlw_session_path[0] || !dlw_session_is_ours(dlw_session_path)) && join_session()) {
		session_maker = (pid_t)dlw_system(SYS_getpid, 0, 0, 0, 0, 0, 0);
		know_namespace(session_maker);
		dlw_session_keep(dlw_session_path, pids.namespace);
	}
	errno = saved;
}

/** let_go() - of a session that was made for children; Return: it was, by this process */
static bool let_go(void)
{
	if (!session_maker || session_maker != (pid_t)dlw_system(SYS_getpid, 0, 0, 0, 0, 0, 0))
		return false;
	dlw_session_let_go(dlw_session_path);
	return true;
}

/* What this pid was before an exec keeps a file while others may wait for what it held. */
static void keep_former(void)
{
	char former[DLW_PATH_MAX], number[24];
	int i;

	for (i = 1; i < 1000000; i++) {
		strcpy(former, dlw_runtime->segment_path);
		strcat(former, "-");
		strcat(former, dlw_format_number(number, (uint64_t)i));
		if (dlw_system(SYS_linkat, AT_FDCWD, (long)dlw_runtime->segment_path, AT_FDCWD,
			       (long)former, 0, 0) != -EEXIST)
			return;
	}
}

/** name_segment() - SESSION/PID.START; what this pid was before an exec makes room */
static void name_segment(void)
{
	char name[64], digits[24];

	strcpy(name, dlw_format_number(digits, (uint64_t)dlw_runtime->pid));
	strcat(name, ".");
	strcat(name, dlw_format_number(digits, dlw_runtime->start));
	if (!dlw_join_path(dlw_runtime->segment_path, dlw_session_path, name) ||
	    strlen(dlw_runtime->segment_path) + 16 > DLW_PATH_MAX) {
		dlw_runtime->segment_path[0] = '\0';
		return;
	}
	if (dlw_fork_is_child(dlw_runtime->pid))
		return; /* it was nothing before */
	if (dlw_segment_leaves_behind(dlw_runtime->segment_path))
		keep_former();
	dlw_sys_unlink(dlw_runtime->segment_path);
}

/** rejoin() - the one we were born into, if it is still there */
static bool rejoin(void)
{
	if (dlw_session_path[0])
		dlw_runtime->session = dlw_session_map(dlw_session_path);
	return dlw_runtime->session;
}

static void leave(void)
{
	if (dlw_runtime->session)
		dlw_session_unmap(dlw_runtime->session);
	dlw_runtime->session = NULL;
}

/** announce() - tell the session that we are here; learn whether somebody looks from outside */
static void announce(void)
{
	struct dlw_session *session;
	int32_t supervisor;

	if (!dlw_runtime->in_file)
		leave();
	else if (!dlw_runtime->session)
		rejoin();
	session = dlw_runtime->session;
	if (!session)
		return;
	supervisor = session->supervisor;
	dlw_runtime->supervised =
		supervisor &&
		session->supervisor_namespace == dlw_runtime->segment->pid_namespace &&
		dlw_process_start(supervisor) == session->supervisor_start;
	dlw_runtime->lease_name = dlw_lease_name(dlw_runtime->pid, dlw_runtime->start);
	if (!dlw_runtime->segment->proc_is_foreign)
		dlw_runtime->leases =
			dlw_leases_in(session, dlw_runtime->segment->pid_namespace);
	dlw_watcher_retreat(); /* what this pid was before an exec cannot look any more */
	atomic_fetch_add_explicit(&session->generation, 1, memory_order_release);
}

/* --------------------------------------------------------------------------- setting up */

/** name_namespace() - of our pid; a child is in its parent's if that is its parent there, too */
static void name_namespace(struct dlw_segment *segment)
{
	bool known = segment->parent_pid && pids.known_by &&
		     (segment->parent_pid == pids.known_by || segment->pid == pids.known_by);

	if (!known)
		know_namespace(segment->pid);
	pids.known_by = pids.proc_is_foreign ? 0 : segment->pid;
	segment->proc_is_foreign = pids.proc_is_foreign;
	segment->pid_namespace = pids.namespace;
}

static void fill_segment(void)
{
	struct dlw_segment *segment = dlw_runtime->segment;

	segment->version = DLW_SESSION_VERSION;
	segment->pid = dlw_runtime->pid;
	segment->parent_pid = (int32_t)dlw_system(SYS_getppid, 0, 0, 0, 0, 0, 0);
	segment->process_start = dlw_runtime->start;
	name_namespace(segment);
	segment->stacks.element_size = sizeof(uint64_t);
	segment->objects.element_size = sizeof(struct dlw_object);
	segment->mappings.element_size = sizeof(struct dlw_mapping);
	segment->misuses.element_size = sizeof(struct dlw_misuse);
	segment->modules.element_size = sizeof(struct dlw_shown_module);
	segment->breaks = dlw_options.on_deadlock == DLW_ON_DEADLOCK_BREAK;
	segment->state = DLW_SEGMENT_LIVE;
	dlw_python_announce(segment);
	if (!dlw_runtime->in_file)
		dlw_runtime_count(DLW_PRIVATE_MEMORY, 1);
	__atomic_store_n(&segment->magic, DLW_SEGMENT_MAGIC, __ATOMIC_RELEASE);
}

/** is_in_place() - the segment has its file, or the session is there and just has no room */
static bool is_in_place(void)
{
	struct stat status;

	if (!dlw_runtime->in_file)
		return !dlw_session_path[0] || dlw_session_is_ours(dlw_session_path);
	return dlw_system(SYS_newfstatat, AT_FDCWD, (long)dlw_runtime->segment_path, (long)&status,
			  AT_SYMLINK_NOFOLLOW, 0, 0) == 0;
}

/** open_in_session() - again if the session was removed just now, by the last who left it */
static bool open_in_session(void)
{
	int tries;

	for (tries = 3;; tries--) {
		if (rejoin() || join_session())
			name_segment();
		if (!dlw_segment_open())
			return false;
		if (!tries || is_in_place())
			return true;
		leave();
		dlw_segment_disown();
		dlw_unmap(dlw_runtime->segment, dlw_runtime->reserved);
	}
}

static bool set_up(void)
{
	dlw_real_resolve();
	if (!dlw_options.parsed)
		dlw_options_parse(&dlw_options);
	dlw_runtime->pid = (pid_t)dlw_system(SYS_getpid, 0, 0, 0, 0, 0, 0);
	dlw_runtime->start = dlw_fork_start(dlw_runtime->pid);
	if (!dlw_runtime->start)
		dlw_runtime->start = dlw_process_start(dlw_runtime->pid);
	if (!open_in_session() || !dlw_trace_setup())
		return false;
	fill_segment();
	announce();
	dlw_log_open();
	return true;
}

#define HOME (288u << 10)

/* The runtime, and what else every process needs. Made once, wiped by every fork. */
static _Atomic bool home_is_wiped; /* it is; kernels before 4.14 did not know how */

bool dlw_home_is_wiped(void)
{
	return home_is_wiped;
}

/** home() - where the runtime is */
static struct dlw_runtime *home(void)
{
	static struct dlw_runtime *_Atomic shared;
	struct dlw_runtime *runtime = shared;
	struct dlw_runtime *none = NULL;

	if (runtime)
		return runtime;
	runtime = dlw_map(HOME, false);
	if (!runtime)
		return NULL;
	home_is_wiped = dlw_system(SYS_madvise, (long)runtime, HOME, MADV_WIPEONFORK, 0, 0, 0) == 0;
	if (!atomic_compare_exchange_strong(&shared, &none, runtime)) {
		dlw_unmap(runtime, HOME);
		runtime = none;
	}
	return runtime;
}

void *dlw_home_take(size_t size)
{
	uint64_t from = dlw_runtime->home_used ? dlw_runtime->home_used :
						 (sizeof(struct dlw_runtime) + 63) & ~63ull;

	size = (size + 63) & ~(size_t)63;
	if (!home_is_wiped || from + size > HOME)
		return NULL;
	dlw_runtime->home_used = from + size;
	return (char *)dlw_runtime + from;
}

void dlw_home_ensure(void)
{
	if (!dlw_runtime)
		dlw_runtime = home();
}

bool dlw_runtime_ready(void)
{
	uint32_t asleep = DLW_ASLEEP;
	int saved = errno;

	if (dlw_likely(dlw_runtime && dlw_runtime->state == DLW_READY))
		return true;
	dlw_home_ensure();
	if (!dlw_runtime ||
	    !atomic_compare_exchange_strong(&dlw_runtime->state, &asleep, DLW_STARTING))
		return false;
	dlw_runtime->state = set_up() ? DLW_READY : DLW_OFF;
	errno = saved;
	return dlw_runtime->state == DLW_READY;
}

/* ------------------------------------------------------------------------ start and end */

/* 101: before other libraries' constructors, as far as that is ours to say. */
__attribute__((constructor(101))) static void loaded(void)
{
	dlw_real_resolve();
	if (!dlw_options.parsed)
		dlw_options_parse(&dlw_options);
	dlw_fork_load();
	dlw_report_load();
	dlw_unwinder_load();
	if (dlw_options.verbose && dlw_runtime_ready())
		dlw_say("dlwatch: watching pid %d, %s\n", (int)dlw_runtime->pid,
			dlw_runtime->supervised ? "from outside" : "from inside");
}

static void say_coverage(void)
{
	_Atomic uint64_t *lost = dlw_runtime->segment->coverage;

	dlw_say("dlwatch: pid %d: %u threads seen, %u stacks; lost: %lu events, %lu stacks, "
		"%lu threads, %lu objects, %lu signal operations%s\n",
		(int)dlw_runtime->pid, (unsigned)dlw_runtime->segment->serials,
		(unsigned)dlw_runtime->segment->stacks.count,
		(unsigned long)lost[DLW_LOST_EVENTS], (unsigned long)lost[DLW_LOST_STACKS],
		(unsigned long)lost[DLW_LOST_THREADS], (unsigned long)lost[DLW_LOST_OBJECTS],
		(unsigned long)lost[DLW_LOST_SIGNAL_OPS],
		dlw_unwinder_available() ? "" : "; no libunwind: call sites only");
}

/** leave_session() - of a process that only made one for its children */
static void leave_session(void)
{
	if (let_go())
		dlw_session_remove(dlw_session_path);
}

/** is_kept() - the session we are in, by whoever made it */
static bool is_kept(void)
{
	return dlw_runtime->session &&
	       dlw_session_is_kept(dlw_runtime->session, dlw_session_path,
				   dlw_runtime->segment->pid_namespace);
}

/** sum_up() - what is to be known of a process that ends */
static void sum_up(enum dlw_end_reason reason, int status)
{
	dlw_misuse_at_end();
	if (dlw_runtime->segment->nestings_noted)
		dlw_misuse_scene();
	if (dlw_options.verbose)
		say_coverage();
	dlw_log_close(reason, status);
}

void dlw_runtime_finish(enum dlw_end_reason reason, int status)
{
	if (dlw_thread_is_confined())
		return; /* what is left is cleared up by whoever comes next */
	if (!dlw_runtime || dlw_runtime->state != DLW_READY) {
		leave_session();
		return;
	}
	if (dlw_runtime->pid != (pid_t)dlw_system(SYS_getpid, 0, 0, 0, 0, 0, 0) ||
	    dlw_runtime->finished++)
		return;
	if (!dlw_is_amid_locks()) /* else all that was logged is in the log, as after a SIGKILL */
		sum_up(reason, status);
	dlw_runtime->segment->ended_ns = dlw_nanoseconds();
	dlw_runtime->segment->state = DLW_SEGMENT_ENDED;
	if (dlw_runtime->supervised)
		return; /* the supervisor reads it and clears up */
	dlw_watcher_retreat();
	if (reason != DLW_END_FINDING) /* else the caller is the watch itself */
		dlw_watcher_last_words();
	dlw_segment_close();
	let_go();
	if (dlw_session_path[0] && !is_kept())
		dlw_session_remove(dlw_session_path);
}

void dlw_runtime_replaced(void)
{
	let_go(); /* what it becomes may know nothing of it */
	if (!dlw_runtime || dlw_runtime->state != DLW_READY)
		return;
	if (!dlw_is_amid_locks()) {
		if (dlw_runtime->segment->nestings_noted)
			dlw_misuse_scene();
		dlw_log_close(DLW_END_EXEC, 0);
	}
	dlw_runtime->replacing = 1;
	dlw_runtime->segment->replacing = 1;
	if (dlw_runtime->supervised)
		return;
	dlw_watcher_retreat();
	dlw_watcher_last_words();
}

void dlw_runtime_not_replaced(void)
{
	if (!dlw_runtime || dlw_runtime->state != DLW_READY)
		return;
	dlw_runtime->segment->replacing = 0;
	dlw_runtime->replacing = 0;
}

__attribute__((destructor)) static void unloaded(void)
{
	dlw_runtime_finish(DLW_END_EXIT, 0);
}
