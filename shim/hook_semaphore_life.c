/*
 * shim/hook_semaphore_life.c - a semaphore begins and ends, with a name or without
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "shim/hook_semaphore.h"

#include "shim/misuse.h"
#include "shim/real.h"
#include "shim/segment.h"

#include "shim/banned.h"

DLW_HOOK int sem_init(sem_t *semaphore, int shared, unsigned int value)
{
	struct dlw_context *self = dlw_enter();
	int result = dlw_real(sem_init)(semaphore, shared, value);
	struct dlw_object *object;

	if (!self)
		return result;
	if (result == 0) {
		object = dlw_object_begin(self, dlw_address(semaphore), DLW_SEMAPHORE,
					  DLW_TYPE_UNNAMED, shared ? DLW_TRAIT_SHARED : 0,
					  dlw_stack_here(self, DLW_CALLER, DLW_FRAME));
		if (object) {
			object->initial = value;
			object->initial_known = 1;
		}
		if (shared)
			dlw_shared_begin(dlw_address(semaphore));
	}
	dlw_leave(self);
	return result;
}

DLW_HOOK int sem_destroy(sem_t *semaphore)
{
	struct dlw_context *self = dlw_enter();
	int result;

	if (!self)
		return dlw_real(sem_destroy)(semaphore);
	if (dlw_unlikely(dlw_semaphore_has_waiters(semaphore)))
		dlw_misuse_destroy(self, DLW_SEMAPHORE, semaphore, sizeof(*semaphore), DLW_CALLER,
				   DLW_FRAME);
	result = dlw_real(sem_destroy)(semaphore);
	if (result == 0)
		dlw_object_end(self, dlw_address(semaphore));
	dlw_leave(self);
	return result;
}

/** sem_close() - opened several times it has one address; the last close ends its life here */
DLW_HOOK int sem_close(sem_t *semaphore)
{
	struct dlw_context *self = dlw_enter();
	struct dlw_object *object;
	int result;

	if (!self)
		return dlw_real(sem_close)(semaphore);
	object = dlw_object_find(self, dlw_address(semaphore));
	if (object && object->opens && --object->opens == 0)
		dlw_object_end(self, dlw_address(semaphore));
	result = dlw_real(sem_close)(semaphore);
	dlw_leave(self);
	return result;
}

DLW_HOOK int sem_unlink(const char *name)
{
	return dlw_real(sem_unlink)(name);
}

/** name_object() - remember what sem_open was called with */
static void name_object(struct dlw_object *object, const char *name)
{
	size_t length = strlen(name) + 1;
	uint64_t offset = object->name ? 0 : dlw_segment_take(length);

	if (!offset || offset > UINT32_MAX)
		return;
	memcpy(dlw_at(offset), name, length);
	object->name = (uint32_t)offset;
}

/** opened() - @made: it did not exist before, so its value is what we asked for */
static void opened(struct dlw_context *self, sem_t *semaphore, const char *name, bool made,
		   unsigned int value, uint32_t stack)
{
	struct dlw_object *object = dlw_object_find(self, dlw_address(semaphore));

	dlw_shared_note(dlw_address(semaphore));
	if (!object || object->kind != DLW_SEMAPHORE || !object->opens) {
		object = dlw_object_begin(self, dlw_address(semaphore), DLW_SEMAPHORE,
					  DLW_TYPE_NAMED, DLW_TRAIT_SHARED, stack);
		if (!object)
			return;
		object->opens = 0;
		object->initial = value;
		object->initial_known = made;
		name_object(object, name);
	}
	object->opens++;
}

/** sem_open() - a named semaphore; its value is ours to know only if we made it */
DLW_HOOK sem_t *sem_open(const char *name, int flags, ...)
{
	static sem_t *(*_Atomic real)(const char *, int, ...);
	struct dlw_context *self = dlw_enter();
	unsigned int value = 0;
	mode_t mode = 0;
	sem_t *semaphore;
	int saved;

	if (flags & O_CREAT) {
		va_list list;

		va_start(list, flags);
		mode = va_arg(list, mode_t);
		value = va_arg(list, unsigned int);
		va_end(list);
	}
	if (!real) {
		sem_t *(*found)(const char *, int, ...);

		*(void **)&found = dlw_real_find("sem_open", "", (void *)sem_open);
		real = found;
	}
	semaphore = real(name, flags, mode, value);
	saved = errno;
	if (!self)
		return semaphore;
	if (semaphore != SEM_FAILED)
		opened(self, semaphore, name, (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL),
		       value, dlw_stack_here(self, DLW_CALLER, DLW_FRAME));
	dlw_leave(self);
	errno = saved;
	return semaphore;
}
