/*
 * shim/hook_mutex_life.c - a mutex begins and ends: pthread_mutex_init(), pthread_mutex_destroy()
 *
 * The short ways are of a plain mutex whose object is known to the thread: it is
 * begun or ended in place, without a lookup.
 */
#include "shim/hook_mutex.h"

#include "shim/misuse.h"
#include "shim/real.h"

#include "shim/banned.h"

static uint32_t shared_trait(const pthread_mutexattr_t *attributes)
{
	int shared = PTHREAD_PROCESS_PRIVATE;

	if (attributes)
		pthread_mutexattr_getpshared(attributes, &shared);
	return shared == PTHREAD_PROCESS_SHARED ? DLW_TRAIT_SHARED : 0;
}

static __attribute__((noinline)) int init_at_length(pthread_mutex_t *mutex,
						    const pthread_mutexattr_t *attributes,
						    uint64_t caller, uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	int result = dlw_real(pthread_mutex_init)(mutex, attributes);

	if (!self)
		return result;
	if (result == 0 && mutex->__data.__kind & DLW_KIND_SHARED)
		dlw_shared_begin(dlw_address(mutex));
	if (result == 0)
		dlw_object_begin(self, dlw_address(mutex), DLW_MUTEX,
				 dlw_mutex_type(mutex->__data.__kind),
				 dlw_mutex_traits(mutex->__data.__kind) | shared_trait(attributes),
				 dlw_stack_here(self, caller, frame));
	dlw_leave(self);
	return result;
}

/** init_otherwise() - the short way with more asked for, or of one that is remembered */
static __attribute__((noinline)) int init_otherwise(pthread_mutex_t *mutex,
						    const pthread_mutexattr_t *attributes,
						    uint64_t caller, uint64_t frame)
{
	struct dlw_object *object = dlw_object_known(dlw_self, dlw_address(mutex));
	uint32_t stack;

	if (attributes || !object || !dlw_lock_quick(caller, frame, &stack))
		return init_at_length(mutex, attributes, caller, frame);
	dlw_object_begins(object, DLW_MUTEX, dlw_mutex_type(0), 0, stack);
	return dlw_real(pthread_mutex_init)(mutex, NULL);
}

/** pthread_mutex_init() - the short way for a plain one, which cannot be refused */
DLW_HOOK int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
	struct dlw_context *self = dlw_self;
	struct dlw_object *object = dlw_object_known(self, dlw_address(mutex));
	const struct dlw_site *site = dlw_site_of(self, DLW_CALLER, DLW_FRAME);

	if (dlw_unlikely(attributes || !object || dlw_object_is_remembered(object) ||
			 self->open != DLW_WAY_SHORT || !dlw_site_is(site, DLW_CALLER, DLW_FRAME)))
		return init_otherwise(mutex, attributes, DLW_CALLER, DLW_FRAME);
	dlw_object_starts(object, DLW_MUTEX);
	object->type = (uint8_t)dlw_mutex_type(0);
	object->init_stack = site->stack;
	return dlw_real(pthread_mutex_init)(mutex, NULL);
}

static __attribute__((noinline)) int destroy_at_length(pthread_mutex_t *mutex, uint64_t caller,
						       uint64_t frame)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(pthread_mutex_destroy)(mutex);
	if (dlw_unlikely(dlw_mutex_looks_used(mutex)))
		dlw_misuse_destroy(self, DLW_MUTEX, mutex, sizeof(*mutex), caller, frame);
	result = dlw_real(pthread_mutex_destroy)(mutex);
	if (result == 0)
		dlw_object_end(self, dlw_address(mutex));
	dlw_leave(self);
	return result;
}

/** destroy_otherwise() - as the short way below, and in the log, or of one that is remembered */
static __attribute__((noinline)) int destroy_otherwise(pthread_mutex_t *mutex,
						       struct dlw_object *object)
{
	struct dlw_context *self = dlw_self;

	if (self->way != DLW_WAY_LOGGED) {
		dlw_object_is_gone(object);
		return dlw_real(pthread_mutex_destroy)(mutex);
	}
	dlw_inside_quickly(self);
	if (dlw_logging(self))
		dlw_log_destroyed(self, object);
	dlw_object_is_gone(object);
	dlw_leave(self);
	return dlw_real(pthread_mutex_destroy)(mutex);
}

/** pthread_mutex_destroy() - the short way for a plain one out of use, which cannot be refused */
DLW_HOOK int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
	struct dlw_context *self = dlw_self;
	struct dlw_object *object = dlw_object_known(self, dlw_address(mutex));

	if (dlw_unlikely(!object || !self->open || self->open == DLW_WAY_LONG ||
			 mutex->__data.__kind || dlw_mutex_looks_used(mutex)))
		return destroy_at_length(mutex, DLW_CALLER, DLW_FRAME);
	if (dlw_unlikely(self->way == DLW_WAY_LOGGED || dlw_object_is_remembered(object)))
		return destroy_otherwise(mutex, object);
	dlw_object_stops(object);
	return dlw_real(pthread_mutex_destroy)(mutex);
}
