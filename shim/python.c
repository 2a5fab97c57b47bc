/*
 * shim/python.c - in a copy of the process: what its Python threads are doing
 *
 * The copy has one thread, the asker. It is alone with a memory that others
 * have left in the middle of things: a lock may be taken for ever, a list half
 * linked. So what matters most is written first, every line is out as soon as
 * it is known, and whoever made the copy ends it after a while. The hooks pass
 * through here; signals are blocked but for those that end the copy.
 *
 * Nothing is linked: interpreters are found by name, for they come as the
 * program itself, as a library of it, or loaded later.
 */
#include "shim/python.h"

#include <dlfcn.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>

#include "core/watch/procfs.h"
#include "core/watch/python.h"
#include "core/watch/system.h"
#include "shim/context.h"
#include "shim/runtime.h"

#include "shim/banned.h"

#define COPY_STACK (256u * 1024)

/* The loader finds it where the interpreter is the program or one of its first libraries. */
extern const char *_Py_DumpTracebackThreads(int fd, void *interpreter, void *thread)
	__attribute__((weak));

/* What of the C API is needed for names; objects are not ours to look into. */
struct interpreter {
	void *(*_PyThreadState_UncheckedGet)(void);
	int (*PyGILState_Ensure)(void);
	void *(*PyImport_GetModuleDict)(void);
	void *(*PyDict_GetItemString)(void *dictionary, const char *key);
	void *(*PyModule_GetDict)(void *module);
	int (*PyDict_Next)(void *dictionary, ssize_t *position, void **key, void **value);
	unsigned long (*PyLong_AsUnsignedLongMask)(void *number);
	void *(*PyUnicode_FromString)(const char *text);
	void *(*PyObject_GenericGetAttr)(void *object, void *name);
	const char *(*PyUnicode_AsUTF8AndSize)(void *text, ssize_t *size);
	void *_Py_NoneStruct;
};

static const char *const interpreter_names[] = {
	"_PyThreadState_UncheckedGet", "PyGILState_Ensure", "PyImport_GetModuleDict",
	"PyDict_GetItemString", "PyModule_GetDict", "PyDict_Next", "PyLong_AsUnsignedLongMask",
	"PyUnicode_FromString", "PyObject_GenericGetAttr", "PyUnicode_AsUTF8AndSize",
	"_Py_NoneStruct",
};

/* Outlives the runtime page, which the kernel wipes in a copy. */
static struct dlw_segment *announced;

/* A stack of the copy's own: the thread it was made by may have little left. */
static char copy_stack[COPY_STACK] __attribute__((aligned(64)));

/* --------------------------------------------------------------------------- writing */

static void put(int fd, const char *text)
{
	dlw_sys_write(fd, text, strlen(text));
}

/** put_id() - a thread's id as the dumper writes it: sixteen hexadecimal digits */
static void put_id(int fd, uint64_t id)
{
	static const char digits[] = "0123456789abcdef";
	char text[] = "0x0000000000000000";
	int at;

	for (at = 17; at > 1; at--, id >>= 4)
		text[at] = digits[id & 15];
	put(fd, text);
}

/* ------------------------------------------------------------------- the copy's fences */

static void end_copy(int number)
{
	(void)number;
	dlw_system(SYS_exit_group, 1, 0, 0, 0, 0, 0);
}

/** fence_in() - whatever goes wrong here ends the copy, quietly and soon */
static void fence_in(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM };
	struct itimerval limit = { .it_value.tv_sec = DLW_PYTHON_COPY_MS / 1000 };
	struct sigaction action = { .sa_handler = end_copy };
	sigset_t blocked;
	unsigned i;

	dlw_thread_exempt();
	dlw_self->open = DLW_WAY_SHUT; /* where the kernel did not wipe it: no hook records here */
	dlw_runtime->state = DLW_OFF; /* and where it did: nothing is to be set up anew */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigfillset(&blocked);
	for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
		sigaction(fatal[i], &action, NULL);
		sigdelset(&blocked, fatal[i]);
	}
	pthread_sigmask(SIG_SETMASK, &blocked, NULL);
	setitimer(ITIMER_REAL, &limit, NULL);
}

/* ------------------------------------------------------------------------- tracebacks */

typedef const char *dumper(int fd, void *interpreter, void *thread);

static void put_traceback(int fd)
{
	dumper *dump = _Py_DumpTracebackThreads;
	const char *trouble = NULL;

	if (!dump)
		dump = (dumper *)dlsym(RTLD_DEFAULT, "_Py_DumpTracebackThreads");
	if (dump)
		trouble = dump(fd, NULL, NULL);
	if (!dump)
		put(fd, "Trouble the interpreter exports no way to ask for tracebacks");
	else if (trouble)
		put(fd, "Trouble ");
	if (trouble)
		put(fd, trouble);
	put(fd, "\n");
}

/** put_tasks() - which thread of the kernel is which of the interpreter */
static void put_tasks(int fd)
{
	uint64_t offset = announced ? announced->threads : 0;
	char digits[24];

	while (offset) {
		const struct dlw_thread *record =
			(const struct dlw_thread *)((const char *)announced + offset);

		if (record->life != DLW_RECORD_FREE) {
			put(fd, "Task ");
			put_id(fd, record->pthread);
			put(fd, " ");
			put(fd, dlw_format_number(digits, (uint64_t)record->tid));
			put(fd, "\n");
		}
		offset = record->next;
	}
}

/* ------------------------------------------------------------------------------- names */

static bool find_interpreter(struct interpreter *python)
{
	void **places = (void **)python;
	unsigned i;

	for (i = 0; i < sizeof(*python) / sizeof(void *); i++) {
		places[i] = dlsym(RTLD_DEFAULT, interpreter_names[i]);
		if (!places[i])
			return false;
	}
	return true;
}

/** put_clean() - a text of the interpreter, in one line */
static void put_clean(int fd, const struct interpreter *python, void *object)
{
	ssize_t size = 0, i;
	const char *text = object ? python->PyUnicode_AsUTF8AndSize(object, &size) : NULL;
	char clean[256];

	if (!text || size >= (ssize_t)sizeof(clean))
		return;
	for (i = 0; i < size; i++)
		clean[i] = (unsigned char)text[i] < ' ' ? '?' : text[i];
	clean[size] = '\0';
	put(fd, clean);
}

/** variable() - of a module that has been imported; NULL if there is none, or it is None */
static void *variable(const struct interpreter *python, const char *module, const char *name)
{
	void *modules = python->PyImport_GetModuleDict();
	void *found = modules ? python->PyDict_GetItemString(modules, module) : NULL;
	void *variables = found ? python->PyModule_GetDict(found) : NULL;

	found = variables ? python->PyDict_GetItemString(variables, name) : NULL;
	return found == python->_Py_NoneStruct ? NULL : found;
}

/** name_of() - the attribute that threads and processes keep their name in; NULL */
static void *name_of(const struct interpreter *python, void *object)
{
	void *key = object ? python->PyUnicode_FromString("_name") : NULL;

	return key ? python->PyObject_GenericGetAttr(object, key) : NULL;
}

static void put_name(int fd, const struct interpreter *python, uint64_t id, void *thread)
{
	put(fd, "Name ");
	put_id(fd, id);
	put(fd, " ");
	put_clean(fd, python, name_of(python, thread));
	/* all children of multiprocessing have a MainThread */
	if (thread == variable(python, "threading", "_main_thread") &&
	    variable(python, "multiprocessing.process", "_parent_process")) {
		put(fd, " of ");
		put_clean(fd, python,
			  name_of(python, variable(python, "multiprocessing.process",
						   "_current_process")));
	}
	put(fd, "\n");
}

/**
 * put_names() - from threading._active, which has the living ones
 *
 * Where somebody has the interpreter it is had here as well, for there is only
 * one thread: it stands still in the middle of what it did. Else it is taken,
 * and waited for in vain if it is on its way from one thread to another. No
 * Python code is run: objects are read by the ways that need none.
 */
static void put_names(int fd)
{
	struct interpreter python;
	void *active, *key, *value;
	ssize_t position = 0;

	if (!find_interpreter(&python))
		return;
	if (!python._PyThreadState_UncheckedGet())
		python.PyGILState_Ensure();
	active = variable(&python, "threading", "_active");
	while (active && python.PyDict_Next(active, &position, &key, &value))
		put_name(fd, &python, python.PyLong_AsUnsignedLongMask(key), value);
}

/* --------------------------------------------------------------------------- the entry */

__attribute__((noreturn)) void dlw_python_in_copy(int fd)
{
	fence_in();
	put_traceback(fd);
	put_tasks(fd);
	put(fd, "Done traceback\n");
	put_names(fd);
	put(fd, "Done names\n");
	for (;;)
		dlw_system(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

void dlw_python_announce(struct dlw_segment *segment)
{
	announced = segment;
	segment->python_here = _Py_DumpTracebackThreads != NULL;
	segment->python_entry = (uint64_t)(uintptr_t)dlw_python_in_copy;
	/* as after a call: eight bytes off a multiple of sixteen */
	segment->python_stack = (uint64_t)(uintptr_t)(copy_stack + COPY_STACK - 72);
}
