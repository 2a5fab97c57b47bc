/*
 * demangle.c - borrows the demangler of the C++ runtime, if there is one
 *
 * Whoever has a C++ program to look at has libstdc++; dlwatch itself does not
 * need it, so it is asked for at run time.
 */
#include "analyzer/demangle.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/memory.h"

typedef char *demangler(const char *, char *, size_t *, int *);

static demangler *find_demangler(void)
{
	static demangler *found;
	static bool asked;
	void *library;

	if (asked)
		return found;
	asked = true;
	library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
	if (!library)
		library = dlopen("libc++abi.so.1", RTLD_LAZY | RTLD_LOCAL);
	if (library)
		found = (demangler *)dlsym(library, "__cxa_demangle");
	return found;
}

/* The "(" that belongs to the ")" at @close. */
static char *opening(char *name, char *close)
{
	int depth = 0;

	for (char *at = close; at >= name; at--) {
		if (*at == ')')
			depth++;
		else if (*at == '(' && --depth == 0)
			return at;
	}
	return NULL;
}

/* Cuts one trailing " const" or the like off a member function. */
static bool drop_qualifier(char *name)
{
	static const char *const qualifiers[] = { " const", " volatile", " &", " &&", NULL };
	const char *const *qualifier;
	size_t length = strlen(name), size;

	for (qualifier = qualifiers; *qualifier; qualifier++) {
		size = strlen(*qualifier);
		if (length > size && strcmp(name + length - size, *qualifier) == 0) {
			name[length - size] = '\0';
			return true;
		}
	}
	return false;
}

/* "f(int) const" becomes "f"; "operator()" and "(anonymous namespace)::x" stay. */
static void drop_parameters(char *name)
{
	size_t length;
	char *open;

	if (!strchr(name, ')'))
		return;
	while (drop_qualifier(name))
		;
	length = strlen(name);
	if (length == 0 || name[length - 1] != ')')
		return;
	open = opening(name, name + length - 1);
	if (open && open > name)
		*open = '\0';
}

char *dlw_demangle(const char *name)
{
	demangler *demangle;
	char *text;
	int status = 0;

	if (strncmp(name, "_Z", 2) != 0)
		return dlw_copy(name);
	demangle = find_demangler();
	text = demangle ? demangle(name, NULL, NULL, &status) : NULL;
	if (!text)
		return dlw_copy(name);
	drop_parameters(text);
	return text;
}

/* The qualified name in "void std::lock<A, B>": what follows the return type. */
static const char *after_return_type(const char *function)
{
	const char *name = function;
	int depth = 0;

	for (const char *at = function; *at; at++) {
		if (*at == '<' || *at == '(')
			depth++;
		else if ((*at == '>' || *at == ')') && depth > 0)
			depth--;
		else if (*at == ' ' && depth == 0)
			name = at + 1;
	}
	return name;
}

/*
 * Whatever of namespace std stands between a program and a lock is not where
 * the program took it; libstdc++ keeps its calls to pthreads in __gthread_*.
 */
bool dlw_is_lock_wrapper(const char *function)
{
	const char *name = after_return_type(function);

	return strncmp(name, "std::", 5) == 0 || strncmp(name, "__gthread_", 10) == 0 ||
	       strncmp(name, "__gthrw_", 8) == 0 || strncmp(name, "dlwatch_", 8) == 0 || strncmp(name, "__gnu_cxx::", 11) == 0;
}
