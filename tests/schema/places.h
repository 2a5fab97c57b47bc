/*
 * places.h - lets a small program tell where its locks are and are taken
 *
 * PLACE("label") prints the call stack of this very line as a raw finding has
 * it: return addresses with module and offset, names left open. LOCK("label",
 * variable) prints where a variable lies.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef PLACES_H
#define PLACES_H

#include <execinfo.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct place {
	uintptr_t address, bias;
	char path[4096];
};

static int look(struct dl_phdr_info *module, size_t size, void *context)
{
	struct place *place = (struct place *)context;

	(void)size;
	for (int i = 0; i < module->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &module->dlpi_phdr[i];
		uintptr_t start = module->dlpi_addr + segment->p_vaddr;

		if (segment->p_type != PT_LOAD || place->address < start ||
		    place->address >= start + segment->p_memsz)
			continue;
		place->bias = module->dlpi_addr;
		if (module->dlpi_name[0])
			snprintf(place->path, sizeof(place->path), "%s", module->dlpi_name);
		else if (readlink("/proc/self/exe", place->path, sizeof(place->path) - 1) < 0)
			abort();
		return 1;
	}
	return 0;
}

static void tell(const char *label, const void *address)
{
	struct place place = { (uintptr_t)address, 0, "" };

	if (!dl_iterate_phdr(look, &place))
		place.bias = 0;
	printf("%s\t0x%lx\t%s\t0x%lx\n", label, (unsigned long)place.address, place.path,
	       (unsigned long)(place.address - place.bias));
}

static void __attribute__((noinline, unused)) tell_stack(const char *label)
{
	void *frames[64];
	int depth = backtrace(frames, 64);

	/* The first frame is this function's own. */
	for (int i = 1; i < depth; i++)
		tell(label, frames[i]);
	fflush(stdout);
	__asm__ volatile("");
}

#define PLACE(label) tell_stack(label)
#define LOCK(label, variable) tell(label, (const void *)(variable))

#endif
