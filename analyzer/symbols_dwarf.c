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
#include "analyzer/memory.h"

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

static char *function_name(Dwarf_Die *die, bool *is_bare)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	*is_bare = !name;
	if (!name)
		name = dwarf_diename(die);
	return name ? dlw_demangle(name) : NULL;
}

/*
 * The file that attribute @name of @die numbers; NULL: none. DWARF 5 counts from
 * 0 and older versions from 1, where 0 is no file; libdw 0.188 takes 0 for no
 * file in both.
 */
static const char *numbered_file(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Die unit;
	Dwarf_Half version;
	Dwarf_Files *files;
	Dwarf_Word number;
	size_t count;

	if (!dwarf_diecu(die, &unit, NULL, NULL) ||
	    !dwarf_cu_die(unit.cu, &unit, &version, NULL, NULL, NULL, NULL, NULL) ||
	    dwarf_formudata(dwarf_attr_integrate(die, name, &attribute), &number) != 0 ||
	    (number == 0 && version < 5) || dwarf_getsrcfiles(&unit, &files, &count) != 0 ||
	    number >= count)
		return NULL;
	return dwarf_filesrc(files, number, NULL, NULL);
}

/* Where an inlined function was called. */
static void take_call_site(Dwarf_Die *inlined, struct dlw_dwarf_place *place)
{
	Dwarf_Attribute attribute;
	Dwarf_Word number;

	place->file = numbered_file(inlined, DW_AT_call_file);
	place->line = 0;
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &number) == 0)
		place->line = number;
}

/* The functions around an address, one inlined into the other: the innermost is the last. */
struct chain {
	Dwarf_Die *functions;
	int count;
};

static void add_function(struct chain *chain, const Dwarf_Die *function)
{
	chain->functions = dlw_grow(chain->functions, (chain->count + 1) * sizeof(*function));
	chain->functions[chain->count++] = *function;
}

/*
 * Goes down to the address. Not dwarf_getscopes(): that passes over functions
 * that lie within a namespace, which is where clang leaves them.
 */
static bool find_functions(Dwarf_Die *parent, Dwarf_Addr address, struct chain *chain)
{
	Dwarf_Die die;
	bool found = false;

	if (dwarf_child(parent, &die) != 0)
		return false;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
		case DW_TAG_inlined_subroutine:
			found = dwarf_haspc(&die, address) > 0;
			if (found)
				add_function(chain, &die);
			break;
		case DW_TAG_lexical_block:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
			found = dwarf_haspc(&die, address) > 0;
			break;
		case DW_TAG_namespace:
		case DW_TAG_module:
			found = find_functions(&die, address, chain);
			if (found)
				return true;
			break;
		}
	} while (!found && dwarf_siblingof(&die, &die) == 0);
	if (found)
		find_functions(&die, address, chain);
	return found;
}

/* Functions of classes within functions (lambdas) lie outside of their parents' addresses. */
static bool find_nested_function(Dwarf_Die *parent, Dwarf_Addr address, struct chain *chain)
{
	Dwarf_Die die;

	if (dwarf_child(parent, &die) != 0)
		return false;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			if (dwarf_haspc(&die, address) > 0) {
				add_function(chain, &die);
				find_functions(&die, address, chain);
				return true;
			}
			/* fall through */
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_lexical_block:
			if (find_nested_function(&die, address, chain))
				return true;
			break;
		}
	} while (dwarf_siblingof(&die, &die) == 0);
	return false;
}

/* The innermost function that is no lock wrapper, or else the outermost one. */
static void take_function(const struct chain *chain, struct dlw_dwarf_place *place)
{
	Dwarf_Die *function;
	bool is_bare;
	char *name;

	for (int i = chain->count - 1; i >= 0; i--) {
		function = &chain->functions[i];
		name = function_name(function, &is_bare);
		if (!name)
			continue;
		free(place->function_copy);
		place->function_copy = name;
		/* There is no symbol for what was inlined. */
		place->is_bare = is_bare && dwarf_tag(function) == DW_TAG_subprogram;
		if (!dlw_is_lock_wrapper(name) || dwarf_tag(function) == DW_TAG_subprogram)
			return;
		take_call_site(function, place);
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
	struct chain chain = { NULL, 0 };
	Dwarf_Die unit;

	memset(place, 0, sizeof(*place));
	if (!find_unit(dwarf, address, &unit))
		return false;
	take_line(&unit, address, place);
	if (!find_functions(&unit, address, &chain))
		find_nested_function(&unit, address, &chain);
	take_function(&chain, place);
	free(chain.functions);
	return place->function_copy || place->file;
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
			search->found->die = die;
			search->found->name = dwarf_diename(&die);
			search->found->file = numbered_file(&die, DW_AT_decl_file);
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
