/*
 * symbols_dwarf.c - functions, lines and variables out of DWARF
 *
 * Units are searched one by one where the compiler wrote no address table
 * (clang writes none); whoever calls keeps the answers.
 */
#include "analyzer/symbols_dwarf.h"

#include <stdlib.h>
#include <string.h>

#include <dwarf.h>

#include "analyzer/demangle.h"

/* Visits every unit's DIE until @visit says that it has found what it wanted. */
static bool each_unit(Dwarf *dwarf, bool (*visit)(Dwarf_Die *unit, void *context), void *context)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit;
	uint8_t type;

	while (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &unit, NULL) == 0) {
		if (type != DW_UT_compile && type != DW_UT_partial)
			continue;
		if (visit(&unit, context))
			return true;
	}
	return false;
}

struct unit_search {
	Dwarf_Addr address;
	Dwarf_Die unit;
};

static bool unit_covers(Dwarf_Die *unit, void *context)
{
	struct unit_search *search = context;

	if (dwarf_haspc(unit, search->address) <= 0)
		return false;
	search->unit = *unit;
	return true;
}

static bool find_unit(Dwarf *dwarf, Dwarf_Addr address, Dwarf_Die *unit)
{
	struct unit_search search = { .address = address };

	if (dwarf_addrdie(dwarf, address, unit))
		return true;
	if (!each_unit(dwarf, unit_covers, &search))
		return false;
	*unit = search.unit;
	return true;
}

static char *function_name(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	if (!name)
		name = dwarf_diename(die);
	return name ? dlw_demangle(name) : NULL;
}

/* Where an inlined function was called. */
static void take_call_site(Dwarf_Die *unit, Dwarf_Die *inlined, struct dlw_dwarf_place *place)
{
	Dwarf_Attribute attribute;
	Dwarf_Files *files;
	Dwarf_Word number;
	size_t count;

	place->file = NULL;
	place->line = 0;
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &number) != 0 ||
	    dwarf_getsrcfiles(unit, &files, &count) != 0 || number >= count)
		return;
	place->file = dwarf_filesrc(files, number, NULL, NULL);
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &number) == 0)
		place->line = number;
}

/* The innermost function that is no lock wrapper, going outwards from scopes[0]. */
static void take_function(Dwarf_Die *unit, Dwarf_Die *scopes, int count,
			  struct dlw_dwarf_place *place)
{
	char *name;
	int tag;

	for (int i = 0; i < count; i++) {
		tag = dwarf_tag(&scopes[i]);
		if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
			continue;
		name = function_name(&scopes[i]);
		if (name) {
			free(place->function_copy);
			place->function_copy = name;
		}
		if (tag == DW_TAG_subprogram || (name && !dlw_is_lock_wrapper(name)))
			return;
		if (name)
			take_call_site(unit, &scopes[i], place);
	}
}

static void take_line(Dwarf_Die *unit, Dwarf_Addr address, struct dlw_dwarf_place *place)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, address);

	if (!line)
		return;
	place->file = dwarf_linesrc(line, NULL, NULL);
	dwarf_lineno(line, &place->line);
}

bool dlw_dwarf_code(Dwarf *dwarf, Dwarf_Addr address, struct dlw_dwarf_place *place)
{
	Dwarf_Die unit, *scopes = NULL, *chain = NULL;
	int count;

	memset(place, 0, sizeof(*place));
	if (!find_unit(dwarf, address, &unit))
		return false;
	take_line(&unit, address, place);
	count = dwarf_getscopes(&unit, address, &scopes);
	/* The first answer leaves for the abstract function; ask again for where it was inlined. */
	if (count > 0)
		count = dwarf_getscopes_die(&scopes[0], &chain);
	if (count > 0)
		take_function(&unit, chain, count, place);
	free(chain);
	free(scopes);
	return place->function_copy != NULL;
}

/* ---- variables ---------------------------------------------------------------- */

struct variable_search {
	Dwarf_Addr address;
	bool in_functions; /* look for statics of functions, too */
	struct dlw_dwarf_variable *found;
};

static bool starts_at(Dwarf_Die *die, Dwarf_Addr address)
{
	Dwarf_Attribute attribute, referred;
	Dwarf_Addr start;
	Dwarf_Op *operations;
	size_t count;

	if (!dwarf_attr(die, DW_AT_location, &attribute) ||
	    dwarf_getlocation(&attribute, &operations, &count) != 0 || count != 1)
		return false;
	if (operations[0].atom == DW_OP_addr)
		return operations[0].number == address;
	/* Split and clang's debug information: an index into a table of addresses. */
	if (operations[0].atom != DW_OP_addrx && operations[0].atom != DW_OP_GNU_addr_index)
		return false;
	return dwarf_getlocation_attr(&attribute, &operations[0], &referred) == 0 &&
	       dwarf_formaddr(&referred, &start) == 0 && start == address;
}

static bool may_contain_variables(int tag, bool in_functions)
{
	switch (tag) {
	case DW_TAG_namespace:
	case DW_TAG_module:
		return true;
	case DW_TAG_subprogram:
	case DW_TAG_lexical_block:
		return in_functions;
	default:
		return false;
	}
}

static bool search_children(Dwarf_Die *parent, struct variable_search *search)
{
	Dwarf_Die die;
	int tag;

	if (dwarf_child(parent, &die) != 0)
		return false;
	do {
		tag = dwarf_tag(&die);
		if (tag == DW_TAG_variable && starts_at(&die, search->address)) {
			search->found->name = dwarf_diename(&die);
			search->found->file = dwarf_decl_file(&die);
			if (dwarf_decl_line(&die, &search->found->line) != 0)
				search->found->line = 0;
			return true;
		}
		if (may_contain_variables(tag, search->in_functions) &&
		    search_children(&die, search))
			return true;
	} while (dwarf_siblingof(&die, &die) == 0);
	return false;
}

static bool search_unit(Dwarf_Die *unit, void *context)
{
	return search_children(unit, context);
}

bool dlw_dwarf_variable(Dwarf *dwarf, Dwarf_Addr address, struct dlw_dwarf_variable *variable)
{
	struct variable_search search = { .address = address, .found = variable };

	memset(variable, 0, sizeof(*variable));
	/* File scope first: most are there, and functions are the bulk of a unit. */
	if (each_unit(dwarf, search_unit, &search))
		return true;
	search.in_functions = true;
	return each_unit(dwarf, search_unit, &search);
}
