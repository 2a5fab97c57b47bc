/*
 * symbols_element.c - which element of an array, which member of a structure
 */
#include <stdio.h>
#include <stdlib.h>

#include <dwarf.h>

#include "analyzer/memory.h"
#include "analyzer/symbols_dwarf.h"

/* A walk from a variable into its type. */
struct walk {
	Dwarf_Die type;  /* of what has been reached, without typedef, const, volatile */
	uint64_t offset; /* still to go, from its start */
	uint64_t size;   /* of what is looked for */
	bool unnamed;    /* a member without a name: what is looked for is inside */
	FILE *path;
};

/* Sets @type to the type of @die, as it is after all names for it. */
static bool get_type(Dwarf_Die *die, Dwarf_Die *type)
{
	Dwarf_Attribute attribute;
	Dwarf_Die named;

	return dwarf_attr_integrate(die, DW_AT_type, &attribute) &&
	       dwarf_formref_die(&attribute, &named) && dwarf_peel_type(&named, type) == 0;
}

static uint64_t size_of(Dwarf_Die *type)
{
	Dwarf_Word size;

	return dwarf_aggregate_size(type, &size) == 0 ? size : 0;
}

/* Elements in one dimension; 0: not known (a flexible array). */
static uint64_t count_elements(Dwarf_Die *dimension)
{
	Dwarf_Attribute attribute;
	Dwarf_Word count;

	if (dwarf_formudata(dwarf_attr(dimension, DW_AT_count, &attribute), &count) == 0)
		return count;
	if (dwarf_formudata(dwarf_attr(dimension, DW_AT_upper_bound, &attribute), &count) == 0)
		return count + 1;
	return 0;
}

/* Elements behind @dimension for each step of it: those of the dimensions inside. */
static uint64_t stride(Dwarf_Die dimension)
{
	uint64_t product = 1;

	while (dwarf_siblingof(&dimension, &dimension) == 0)
		if (dwarf_tag(&dimension) == DW_TAG_subrange_type)
			product *= count_elements(&dimension);
	return product;
}

static bool enter_array(struct walk *walk)
{
	Dwarf_Die element, dimension;
	uint64_t size, number, step;

	if (!get_type(&walk->type, &element) || dwarf_child(&walk->type, &dimension) != 0)
		return false;
	size = size_of(&element);
	if (size == 0)
		return false;
	number = walk->offset / size;
	do {
		if (dwarf_tag(&dimension) != DW_TAG_subrange_type)
			continue;
		step = stride(dimension);
		if (step == 0)
			return false;
		fprintf(walk->path, "[%llu]", (unsigned long long)(number / step));
		number %= step;
	} while (dwarf_siblingof(&dimension, &dimension) == 0);
	walk->offset %= size;
	walk->type = element;
	return true;
}

/* Whether what is looked for lies within a member; a union has several at one place. */
static bool covers(const struct walk *walk, Dwarf_Die *member, Dwarf_Die *type, uint64_t *start)
{
	Dwarf_Attribute attribute;
	Dwarf_Word place = 0;

	/* A static member is elsewhere; one of a union need not say that it is at the start. */
	if (dwarf_hasattr(member, DW_AT_external) || !get_type(member, type))
		return false;
	if (dwarf_attr(member, DW_AT_data_member_location, &attribute) &&
	    dwarf_formudata(&attribute, &place) != 0)
		return false;
	*start = place;
	return walk->offset >= place && walk->offset - place + walk->size <= size_of(type);
}

static bool enter_structure(struct walk *walk)
{
	Dwarf_Die member, type;
	uint64_t start;
	int tag;

	if (dwarf_child(&walk->type, &member) != 0)
		return false;
	do {
		tag = dwarf_tag(&member);
		if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) ||
		    !covers(walk, &member, &type, &start))
			continue;
		walk->unnamed = !dwarf_diename(&member) || tag == DW_TAG_inheritance;
		if (!walk->unnamed)
			fprintf(walk->path, ".%s", dwarf_diename(&member));
		walk->offset -= start;
		walk->type = type;
		return true;
	} while (dwarf_siblingof(&member, &member) == 0);
	return false;
}

static bool enter(struct walk *walk)
{
	switch (dwarf_tag(&walk->type)) {
	case DW_TAG_array_type:
		return enter_array(walk);
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		return enter_structure(walk);
	default:
		return false;
	}
}

char *dlw_dwarf_element(Dwarf_Die *die, uint64_t offset, uint64_t size)
{
	struct walk walk = { .offset = offset, .size = size };
	char *path = NULL;
	size_t length;
	bool found;

	if (!get_type(die, &walk.type))
		return NULL;
	walk.path = open_memstream(&path, &length);
	if (!walk.path)
		dlw_out_of_memory();
	while ((size_of(&walk.type) > size || walk.unnamed) && enter(&walk))
		;
	found = walk.offset == 0 && size_of(&walk.type) == size;
	if (fclose(walk.path) != 0)
		dlw_out_of_memory();
	if (found)
		return path;
	free(path);
	return NULL;
}
