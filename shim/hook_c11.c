/*
 * shim/hook_c11.c - mtx_*, cnd_*: C11 names of the same objects
 *
 * In glibc an mtx_t is a pthread_mutex_t and a cnd_t a pthread_cond_t, and
 * these functions reach the C library's inside, not the pthread names.
 */
#include <errno.h>
#include <threads.h>

#include "shim/hook_condition.h"
#include "shim/hook_mutex.h"
#include "shim/misuse.h"
#include "shim/real.h"

#include "shim/banned.h"

static pthread_mutex_t *as_mutex(mtx_t *mutex)
{
	return (pthread_mutex_t *)mutex;
}

static int from_error(int result)
{
	switch (result) {
	case 0:
		return thrd_success;
	case ETIMEDOUT:
		return thrd_timedout;
	case EBUSY:
		return thrd_busy;
	default:
		return thrd_error;
	}
}

/** to_error() - any failure serves: the hooks only tell success from failure */
static int to_error(int result)
{
	switch (result) {
	case thrd_success:
		return 0;
	case thrd_timedout:
		return ETIMEDOUT;
	case thrd_busy:
		return EBUSY;
	default:
		return EINVAL;
	}
}

DLW_HOOK int mtx_lock(mtx_t *mutex)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(mtx_lock)(mutex);
	result = dlw_mutex_begin(self, as_mutex(mutex), DLW_FORM_BLOCKING, DLW_CALLER, DLW_FRAME);
	if (result == DLW_GO_ON)
		result = to_error(dlw_real(mtx_lock)(mutex));
	return from_error(dlw_mutex_end(self, as_mutex(mutex), DLW_FORM_BLOCKING, result));
}

DLW_HOOK int mtx_timedlock(mtx_t *mutex, const struct timespec *until)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(mtx_timedlock)(mutex, until);
	result = dlw_mutex_begin(self, as_mutex(mutex), DLW_FORM_TIMED, DLW_CALLER, DLW_FRAME);
	if (result == DLW_GO_ON)
		result = to_error(dlw_real(mtx_timedlock)(mutex, until));
	return from_error(dlw_mutex_end(self, as_mutex(mutex), DLW_FORM_TIMED, result));
}

DLW_HOOK int mtx_trylock(mtx_t *mutex)
{
	struct dlw_context *self = dlw_enter();
	uint32_t stack;
	int result;

	if (!self)
		return dlw_real(mtx_trylock)(mutex);
	stack = dlw_stack_here(self, DLW_CALLER, DLW_FRAME);
	result = dlw_real(mtx_trylock)(mutex);
	if (result == thrd_success)
		dlw_mutex_acquired(self, as_mutex(mutex), DLW_FORM_TRY, stack, false);
	dlw_leave(self);
	return result;
}

DLW_HOOK int mtx_unlock(mtx_t *mutex)
{
	struct dlw_context *self = dlw_enter();
	struct dlw_misuse note;
	bool misuse;
	int result;

	if (!self)
		return dlw_real(mtx_unlock)(mutex);
	misuse = dlw_hold_find(self, dlw_address(mutex)) < 0 &&
		 dlw_misuse_unlock(self, &note, as_mutex(mutex));
	dlw_mutex_release(self, as_mutex(mutex));
	result = dlw_real(mtx_unlock)(mutex);
	if (misuse)
		dlw_misuse_unlocked(self, &note, result == thrd_success ? 0 : EPERM, DLW_CALLER,
				    DLW_FRAME);
	dlw_leave(self);
	return result;
}

DLW_HOOK int mtx_init(mtx_t *mutex, int type)
{
	struct dlw_context *self = dlw_enter();
	int result = dlw_real(mtx_init)(mutex, type);

	if (!self)
		return result;
	if (result == thrd_success)
		dlw_object_begin(self, dlw_address(mutex), DLW_MUTEX,
				 dlw_mutex_type(as_mutex(mutex)->__data.__kind),
				 dlw_mutex_traits(as_mutex(mutex)->__data.__kind),
				 dlw_stack_here(self, DLW_CALLER, DLW_FRAME));
	dlw_leave(self);
	return result;
}

DLW_HOOK int cnd_init(cnd_t *condition)
{
	struct dlw_context *self = dlw_enter();
	int result = dlw_real(cnd_init)(condition);

	if (!self)
		return result;
	if (result == thrd_success)
		dlw_object_begin(self, dlw_address(condition), DLW_CONDITION, DLW_TYPE_UNKNOWN, 0,
				 dlw_stack_here(self, DLW_CALLER, DLW_FRAME));
	dlw_leave(self);
	return result;
}

static void destroyed(struct dlw_context *self, const void *object)
{
	if (!self)
		return;
	dlw_object_end(self, dlw_address(object));
	dlw_leave(self);
}

DLW_HOOK void mtx_destroy(mtx_t *mutex)
{
	struct dlw_context *self = dlw_enter();

	if (self && dlw_mutex_looks_used(as_mutex(mutex)))
		dlw_misuse_destroy(self, DLW_MUTEX, mutex, sizeof(*mutex), DLW_CALLER, DLW_FRAME);
	dlw_real(mtx_destroy)(mutex);
	destroyed(self, mutex);
}

DLW_HOOK void cnd_destroy(cnd_t *condition)
{
	struct dlw_context *self = dlw_enter();

	if (self && dlw_condition_looks_used((const pthread_cond_t *)condition))
		dlw_misuse_destroy(self, DLW_CONDITION, condition, sizeof(*condition), DLW_CALLER,
				   DLW_FRAME);
	dlw_real(cnd_destroy)(condition);
	destroyed(self, condition);
}

DLW_HOOK int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
	DLW_CONDITION_WAIT(DLW_FORM_BLOCKING, as_mutex, to_error,
			   dlw_real(cnd_wait)(condition, mutex));
}

DLW_HOOK int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
	DLW_CONDITION_WAIT(DLW_FORM_TIMED, as_mutex, to_error,
			   dlw_real(cnd_timedwait)(condition, mutex, until));
}

DLW_HOOK int cnd_signal(cnd_t *condition)
{
	struct dlw_context *self = dlw_enter();

	if (self) {
		dlw_condition_signal(self, condition, false, DLW_CALLER, DLW_FRAME);
		dlw_leave(self);
	}
	return dlw_real(cnd_signal)(condition);
}

DLW_HOOK int cnd_broadcast(cnd_t *condition)
{
	struct dlw_context *self = dlw_enter();

	if (self) {
		dlw_condition_signal(self, condition, true, DLW_CALLER, DLW_FRAME);
		dlw_leave(self);
	}
	return dlw_real(cnd_broadcast)(condition);
}
