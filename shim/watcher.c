/*
 * shim/watcher.c - the helper thread, and the thread that looks for itself
 *
 * One process of a session looks at all of them: the one that has the lease.
 * The helper thread of another one, its deputy, asks at every look whether it is
 * still there. Those of all others rest until somebody wants something of them,
 * and ask once a second. Where the kernel does not let it look at a process, that
 * one looks at itself.
 */
#include "shim/watcher.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "core/watch/follow.h"
#include "core/watch/helper.h"
#include "core/watch/lease.h"
#include "core/watch/look.h"
#include "core/watch/procfs.h"
#include "core/watch/session_directory.h"
#include "core/watch/system.h"
#include "shim/arena_map.h"
#include "shim/python.h"
#include "shim/real.h"
#include "shim/report.h"
#include "shim/segment.h"

#include "shim/banned.h"

#define STACK_SIZE (256u * 1024)
#define STACK_NEEDED (160u * 1024) /* to look from a program's thread */
#define OFFER_NS 50000000u /* between questions whether a helper is wanted */
#define REST_NS 1000000000u
#define RESTLESS 20 /* looks after something was wanted of a helper */

/** What is needed to look: one piece of memory for the whole life of the process. */
struct watcher {
	struct dlw_watch watch;
	struct dlw_follower follower;
};

/** the_watch() - made at first use; watch_lock is held; NULL: no memory */
static struct dlw_watch *the_watch(void)
{
	struct watcher *watcher;

	if (dlw_runtime->watch)
		return dlw_runtime->watch;
	watcher = dlw_map(sizeof(*watcher), false);
	if (!watcher)
		return NULL;
	watcher->watch.stall_ns = dlw_options.stall_ms * 1000000ull;
	watcher->watch.pid_namespace = dlw_runtime->segment->pid_namespace;
	watcher->watch.session = dlw_runtime->session;
	watcher->watch.picture = dlw_arena_from_maps();
	watcher->watch.memory = dlw_arena_from_maps();
	watcher->watch.found = dlw_report_found;
	watcher->watch.context = &watcher->watch;
	if (!dlw_watch_add(&watcher->watch, dlw_runtime->segment, 0))
		return NULL;
	watcher->follower = (struct dlw_follower){
		.watch = &watcher->watch,
		.path = dlw_session_path,
		.session = dlw_runtime->session,
		.own_pid = dlw_runtime->pid,
	};
	dlw_runtime->follower = &watcher->follower;
	dlw_runtime->watch = &watcher->watch;
	return dlw_runtime->watch;
}

/* ---------------------------------------------------------------------------- the lease */

/** is_blind() - as another user than the session's owner we cannot see who else is in it */
static bool is_blind(void)
{
	return !dlw_session_is_ours(dlw_session_path);
}

/** may_look() - at the whole session */
static bool may_look(void)
{
	struct dlw_leases *leases = dlw_runtime->leases;

	if (!leases || dlw_runtime->replacing || dlw_runtime->finished || is_blind())
		return false;
	if (!dlw_lease_take(&leases->looker, dlw_runtime->lease_name))
		return false;
	dlw_lease_release(&leases->deputy, dlw_runtime->lease_name);
	return true;
}

void dlw_watcher_retreat(void)
{
	struct dlw_leases *leases = dlw_runtime->leases;

	if (!leases)
		return;
	dlw_lease_release(&leases->looker, dlw_runtime->lease_name);
	dlw_lease_release(&leases->deputy, dlw_runtime->lease_name);
}

/** end_if_asked() - we are in a deadlock that another process has reported */
static void end_if_asked(void)
{
	if (!dlw_runtime->segment->end_asked)
		return;
	dlw_runtime_finish(DLW_END_FINDING, DLW_EXIT_STATUS);
	dlw_system(SYS_exit_group, DLW_EXIT_STATUS, 0, 0, 0, 0, 0);
}

/** looks_alone() - nobody else sees us, or there is nobody */
static bool looks_alone(void)
{
	struct dlw_leases *leases = dlw_runtime->leases;

	return !leases || dlw_runtime->segment->hidden ||
	       (is_blind() && !dlw_lease_is_taken(&leases->looker));
}

/** stands_by() - to look in the place of the one that does, if that is gone */
static bool stands_by(void)
{
	struct dlw_leases *leases = dlw_runtime->leases;

	return !leases || dlw_lease_take(&leases->deputy, dlw_runtime->lease_name);
}

/**
 * look_once() - at the session, at ourselves, or not at all; watch_lock is held
 *
 * Return: there is something to do at the next look, too.
 */
static bool look_once(struct dlw_watch *watch)
{
	if (!dlw_runtime->session) {
		dlw_watch_look(watch);
		return true;
	}
	if (may_look()) {
		dlw_follow(dlw_runtime->follower);
		dlw_watch_look(watch);
		return true;
	}
	dlw_follow_stop(dlw_runtime->follower);
	if (looks_alone()) {
		dlw_watch_look(watch);
		return true;
	}
	return dlw_runtime->replacing || stands_by();
}

/* -------------------------------------------------------------------- the helper thread */

static void wait_a_look(void)
{
	struct timespec pause = { dlw_options.check_ms / 1000,
				  dlw_options.check_ms % 1000 * 1000000L };

	dlw_system(SYS_nanosleep, (long)&pause, 0, 0, 0, 0, 0);
}

/** What keeps a helper awake. */
struct waking {
	uint32_t calls; /* that it knows of */
	uint32_t idle;  /* looks since something was wanted of it */
};

/** wait_for_work() - a look, or until we are called where nothing is to be looked at */
static void wait_for_work(struct waking *waking)
{
	struct dlw_segment *segment = dlw_runtime->segment;

	if (waking->idle < RESTLESS)
		wait_a_look();
	else if (dlw_helper_rest(segment, waking->calls, REST_NS))
		waking->idle = 0;
	waking->calls = dlw_helper_calls(segment);
}

void dlw_watcher_thread_ends(void)
{
	if (dlw_runtime->segment->helper_rests)
		dlw_helper_call(dlw_runtime->segment);
}

/** others_left() - some thread of the program besides the main thread is there */
static bool others_left(void)
{
	uint64_t offset = dlw_runtime->segment->threads;

	while (offset) {
		const struct dlw_thread *record = dlw_at(offset);

		if (record->life == DLW_RECORD_ALIVE && record->tid != dlw_runtime->pid)
			return true;
		offset = record->next;
	}
	/* threads that dlwatch did not see start; the helper and the main thread are two */
	return dlw_each_task(dlw_runtime->pid, NULL, NULL) > 2;
}

/** is_wanted() - there are threads, or the main thread shares something with other processes */
static bool is_wanted(void)
{
	return others_left() ||
	       (dlw_runtime->shared_waits && dlw_task_alive(dlw_runtime->pid, dlw_runtime->pid));
}

/** may_leave() - nobody is left, and nobody asked for us since we last looked */
static bool may_leave(uint32_t *requests)
{
	uint32_t now = dlw_runtime->watcher_requests;

	if (*requests != now || is_wanted()) {
		*requests = now;
		return false;
	}
	dlw_runtime->watcher = 0;
	if (dlw_runtime->watcher_requests == now)
		return true;
	/* asked for in this very moment: stay, unless another helper was started */
	*requests = dlw_runtime->watcher_requests;
	return atomic_exchange(&dlw_runtime->watcher, 1) != 0;
}

static void *watch_loop(void *unused)
{
	int32_t own = (int32_t)dlw_system(SYS_gettid, 0, 0, 0, 0, 0, 0);
	uint32_t requests = dlw_runtime->watcher_requests;
	struct waking waking = { 0 };
	struct dlw_watch *watch;

	dlw_thread_exempt();
	dlw_runtime->segment->helper = own;
	do {
		wait_for_work(&waking);
		end_if_asked();
		dlw_python_answer();
		dlw_lock(&dlw_runtime->watch_lock, DLW_RANK_WATCH);
		watch = the_watch();
		if (watch) {
			watch->ignored_tid = own;
			waking.idle = look_once(watch) ? 0 : waking.idle + 1;
		}
		dlw_unlock(&dlw_runtime->watch_lock, DLW_RANK_WATCH);
	} while (watch && !may_leave(&requests));
	if (!dlw_runtime->watcher) {
		dlw_runtime->segment->helper = 0;
		dlw_watcher_retreat();
	}
	return unused;
}

static void start_thread_now(void)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;

	if (pthread_attr_init(&attributes) != 0)
		return;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes,
				  STACK_SIZE > PTHREAD_STACK_MIN ? STACK_SIZE : PTHREAD_STACK_MIN);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (dlw_real(pthread_create)(&thread, &attributes, watch_loop, NULL) != 0)
		dlw_runtime->watcher = 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
}

void dlw_watcher_start(void)
{
	if (dlw_runtime->supervised)
		return;
	dlw_runtime->watcher_requests++;
	if (!atomic_exchange(&dlw_runtime->watcher, 1))
		start_thread_now();
}

/** is_needed() - nobody looks, nobody is at hand for whoever does, or somebody must end us */
static bool is_needed(void)
{
	struct dlw_leases *leases = dlw_runtime->leases;

	if (!leases || dlw_options.on_deadlock == DLW_ON_DEADLOCK_EXIT ||
	    dlw_runtime->segment->hidden || is_blind())
		return true;
	return dlw_lease_take(&leases->looker, dlw_runtime->lease_name) ||
	       dlw_lease_take(&leases->deputy, dlw_runtime->lease_name);
}

void dlw_watcher_offer(void)
{
	uint64_t now, next;

	if (dlw_runtime->supervised || dlw_runtime->watcher)
		return;
	now = dlw_nanoseconds();
	next = dlw_runtime->next_offer_ns;
	if (now < next ||
	    !atomic_compare_exchange_strong(&dlw_runtime->next_offer_ns, &next, now + OFFER_NS))
		return;
	dlw_runtime->shared_waits = 1;
	if (is_needed())
		dlw_watcher_start();
}

/* -------------------------------------------------------------- a thread for itself */

/** has_room() - the stack of this thread is large enough to look from, as far as is known */
static bool has_room(const struct dlw_context *self)
{
	uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);

	return here >= self->stack_low + STACK_NEEDED && here <= self->stack_high;
}

/** take_watch() - not if whoever has it may be below us on this very stack; not for ever */
static bool take_watch(void)
{
	struct timespec pause = { 0, 5000000 };
	int times;

	for (times = 0; !dlw_ranks_held && times < 400; times++) {
		if (dlw_try_lock(&dlw_runtime->watch_lock, DLW_RANK_WATCH))
			return true;
		dlw_system(SYS_nanosleep, (long)&pause, 0, 0, 0, 0, 0);
	}
	return false;
}

static void say_last(struct dlw_watch *watch)
{
	dlw_watch_misuses(watch);
	dlw_watch_inversions_of(watch, &watch->processes[0]); /* our own */
}

void dlw_watcher_last_words(void)
{
	struct dlw_context *self = dlw_enter();
	struct dlw_watch *watch;

	if ((dlw_runtime->segment->misuses.count || dlw_runtime->segment->nestings_noted) && self && has_room(self) && take_watch()) {
		watch = the_watch();
		if (watch)
			say_last(watch);
		dlw_unlock(&dlw_runtime->watch_lock, DLW_RANK_WATCH);
	}
	if (self)
		dlw_leave(self);
}

bool dlw_watcher_relock(struct dlw_context *self)
{
	struct dlw_watch *watch;
	uint32_t found = 0;

	if (dlw_runtime->supervised || !has_room(self))
		return false;
	dlw_lock(&dlw_runtime->watch_lock, DLW_RANK_WATCH);
	watch = the_watch();
	if (watch)
		found = dlw_watch_now(watch, self->tid);
	dlw_unlock(&dlw_runtime->watch_lock, DLW_RANK_WATCH);
	return found > 0;
}
