/*
 * shim/hook_barrier.c - pthread_barrier_*
 *
 * Nobody holds a barrier. Who has arrived at it before is expected to do so
 * again, as who has signalled a condition: that much its permit entry says.
 * How many have arrived in this round the C library knows.
 */
#include <pthread.h>

#include "core/watch/glibc.h"
#include "shim/hook_lock.h"
#include "shim/real.h"
#include "shim/shared.h"

#include "shim/banned.h"

/** A visit to a barrier: it may be gone before the visitor is. */
struct visit {
	struct dlw_object *object; /* its memory stays; NULL: none could be had */
	uint32_t life, log_id;
};

static void log_step(struct dlw_context *self, const struct visit *visit, enum dlw_event_type type)
{
	struct dlw_event event = { .type = type, .mode = 3, .object = visit->log_id };

	if (type == DLW_EVENT_ARRIVED)
		event.stack = self->record->want_stack;
	event.ticket = atomic_fetch_add(dlw_ticket(visit->object), 1) + 1;
	dlw_log_event(self, &event);
}

/** arrive() - be known for it, and be seen waiting */
static struct visit arrive(struct dlw_context *self, const pthread_barrier_t *barrier,
			   uint64_t caller, uint64_t frame)
{
	struct visit visit = { .object = dlw_lock_object(self, DLW_BARRIER, barrier) };
	struct dlw_permit *permit = dlw_permit_of(self, dlw_address(barrier), DLW_BARRIER);
	struct dlw_thread *record = self->record;

	dlw_edge_given(self);
	if (permit)
		dlw_permit_post(permit);
	dlw_want(self, DLW_BARRIER, DLW_ARRIVE, DLW_FORM_BLOCKING, dlw_address(barrier),
		 dlw_stack_exact(self, caller, frame), frame);
	record->want_since_ns = dlw_nanoseconds();
	if (!visit.object)
		return visit;
	record->want_object = visit.object->index;
	visit.life = visit.object->life;
	if (dlw_logging(self)) {
		visit.log_id = dlw_log_object(visit.object);
		log_step(self, &visit, DLW_EVENT_ARRIVED);
	}
	return visit;
}

/** leave() - who is the first to leave may have destroyed it */
static void leave(struct dlw_context *self, const struct visit *visit)
{
	dlw_edge_met(self);
	if (dlw_logging(self) && visit->object) {
		if (visit->object->life == visit->life)
			log_step(self, visit, DLW_EVENT_LEFT);
		else
			dlw_log_gave_up(self, NULL, 0);
	}
	dlw_want_end(self);
	dlw_leave(self);
}

/** pthread_barrier_wait() - no cancellation point, with and without us */
DLW_HOOK int pthread_barrier_wait(pthread_barrier_t *barrier)
{
	struct dlw_context *self = dlw_enter();
	struct visit visit;
	int result;

	if (!self)
		return dlw_real(pthread_barrier_wait)(barrier);
	visit = arrive(self, barrier, DLW_CALLER, DLW_FRAME);
	dlw_outside(self);
	result = dlw_real(pthread_barrier_wait)(barrier);
	dlw_inside(self);
	leave(self, &visit);
	return result;
}

DLW_HOOK int pthread_barrier_init(pthread_barrier_t *barrier,
				  const pthread_barrierattr_t *attributes, unsigned int count)
{
	struct dlw_context *self = dlw_enter();
	int result = dlw_real(pthread_barrier_init)(barrier, attributes, count);
	int shared = PTHREAD_PROCESS_PRIVATE;
	struct dlw_object *object;

	if (!self)
		return result;
	if (attributes)
		pthread_barrierattr_getpshared(attributes, &shared);
	if (result == 0) {
		object = dlw_object_begin(self, dlw_address(barrier), DLW_BARRIER, DLW_TYPE_UNKNOWN,
					  shared == PTHREAD_PROCESS_SHARED ? DLW_TRAIT_SHARED : 0,
					  dlw_stack_here(self, DLW_CALLER, DLW_FRAME));
		if (object) {
			object->initial = count;
			object->initial_known = 1;
		}
	}
	dlw_leave(self);
	return result;
}

DLW_HOOK int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(pthread_barrier_destroy)(barrier);
	dlw_outside(self); /* it waits for those who are still leaving */
	result = dlw_real(pthread_barrier_destroy)(barrier);
	dlw_inside(self);
	if (result == 0)
		dlw_object_end(self, dlw_address(barrier));
	dlw_leave(self);
	return result;
}
