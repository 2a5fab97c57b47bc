/*
 * shim/unwind.c - one step outward by the tables in .eh_frame
 *
 * For every place in code they say where the frame begins (the CFA), and for each
 * register where the caller's value of it is. They say it as a program that has
 * to be run from the function's first instruction up to that place ("DWARF
 * Debugging Information Format", version 5, section 6.4; "Linux Standard Base
 * Core Specification", Exception Frames). Functions are found through the
 * sorted index of their module (modules.h).
 *
 * What a function does not say of a register is kept if the ABI lets it keep it,
 * and lost otherwise.
 */
#include "shim/unwind.h"

#include <dwarf.h>

#include "core/watch/procfs.h"
#include "shim/dwarf.h"
#include "shim/modules.h"

#include "shim/banned.h"

#define REMEMBERED 8 /* rows put aside: compilers write one */

#define KEPT (1u << DLW_RBX | 1u << DLW_RBP | 0xfu << DLW_R12)

enum rule {
	RULE_NONE,
	RULE_UNDEFINED,
	RULE_SAME,
	RULE_SAVED,     /* at the CFA + .value */
	RULE_IS,        /* the CFA + .value */
	RULE_REGISTER,  /* in register .value */
	RULE_SAVED_AT,  /* where the expression says */
	RULE_IS_RESULT, /* what the expression says */
};

/** What holds at one place in code. An expression is the offset of its block's length. */
struct row {
	bool by_expression;   /* the CFA */
	uint32_t base;        /* else the register that it is counted from */
	int64_t offset;       /* of it, or the expression */
	uint8_t rules[DLW_REGISTERS];
	int64_t values[DLW_REGISTERS];
};

/** What is said about one function. */
struct description {
	uint64_t start, size;   /* its code */
	uint64_t code_unit;
	int64_t data_unit;
	uint32_t return_column;
	uint8_t form;          /* of addresses */
	bool augmented, signal;
	struct dlw_dwarf common, own; /* the two parts of the program */
	const uint8_t *bottom; /* offsets of expressions count from here */
};

/* ------------------------------------------------------------------------- memory */

bool dlw_unwind_read(struct dlw_unwind *unwind, uint64_t address, uint64_t *value)
{
	uint64_t start = address & ~(uint64_t)(sizeof(unwind->window) - 1);

	if (address % 8)
		return dlw_read_memory(unwind->pid, address, value, 8);
	if (address >= unwind->low && address < unwind->high && unwind->high - address >= 8) {
		*value = *(const uint64_t *)(uintptr_t)address;
		return true;
	}
	if (unwind->window_at != start) {
		unwind->window_at = 1;
		if (!dlw_read_memory(unwind->pid, start, unwind->window, sizeof(unwind->window)))
			return dlw_read_memory(unwind->pid, address, value, 8);
		unwind->window_at = start;
	}
	*value = unwind->window[(address - start) / 8];
	return true;
}

/* -------------------------------------------------------------------- finding a function */

/** skip_address() - one in @form; false: we do not know its size */
static bool skip_address(struct dlw_dwarf *from, uint8_t form, uint64_t *value)
{
	static const uint8_t sizes[16] = {
		[DW_EH_PE_absptr] = 8, [DW_EH_PE_udata2] = 2, [DW_EH_PE_udata4] = 4,
		[DW_EH_PE_udata8] = 8, [DW_EH_PE_sdata2] = 2, [DW_EH_PE_sdata4] = 4,
		[DW_EH_PE_sdata8] = 8,
	};
	size_t size = sizes[form & 15];

	*value = size ? dlw_dwarf_fixed(from, size) : 0;
	return size;
}

/** read_augmentation() - what the letters in @letters say of a CIE and its FDEs */
static bool read_augmentation(struct description *said, struct dlw_dwarf *from, const char *letters)
{
	uint64_t size, unused;
	struct dlw_dwarf values;

	if (!*letters)
		return true;
	if (*letters++ != 'z')
		return false;
	said->augmented = true;
	size = dlw_dwarf_unsigned(from);
	for (values = dlw_dwarf_block(from, size); *letters; letters++) {
		if (*letters == 'R')
			said->form = dlw_dwarf_byte(&values);
		else if (*letters == 'S')
			said->signal = true;
		else if (*letters == 'L')
			dlw_dwarf_byte(&values);
		else if (*letters != 'P' || !skip_address(&values, dlw_dwarf_byte(&values), &unused))
			return false;
	}
	return !values.bad;
}

/** entry_at() - CIE or FDE: what follows its length; false: there is none */
static bool entry_at(const struct dlw_module_tables *tables, uint64_t address, struct dlw_dwarf *entry)
{
	uint32_t size;

	if (address < tables->start || address + 8 > tables->end)
		return false;
	memcpy(&size, (const void *)(uintptr_t)address, 4);
	if (size < 4 || size > tables->end - address - 4)
		return false;
	entry->at = (const uint8_t *)(uintptr_t)address + 4;
	entry->end = entry->at + size;
	entry->bad = false;
	return true;
}

static bool read_common(const struct dlw_module_tables *tables, uint64_t address,
			struct description *said)
{
	struct dlw_dwarf *from = &said->common;
	const char *letters;
	uint8_t version;

	if (!entry_at(tables, address, from) || dlw_dwarf_fixed(from, 4) != 0)
		return false;
	version = dlw_dwarf_byte(from);
	letters = (const char *)from->at;
	from->at += strnlen(letters, (size_t)(from->end - from->at));
	dlw_dwarf_byte(from); /* their end */
	if (from->bad || (version != 1 && version != 3))
		return false;
	said->code_unit = dlw_dwarf_unsigned(from);
	said->data_unit = dlw_dwarf_signed(from);
	said->return_column = version == 1 ? dlw_dwarf_byte(from) :
					     (uint32_t)dlw_dwarf_unsigned(from);
	return read_augmentation(said, from, letters) && !from->bad &&
	       said->return_column == DLW_RIP;
}

/** describe() - what is said about the code at @address; false: nothing */
static bool describe(uint64_t address, struct description *said)
{
	struct dlw_module_tables tables;
	struct dlw_dwarf *from = &said->own;
	uint64_t common, unused;

	if (!dlw_modules_tables(address, &tables) || !entry_at(&tables, tables.entry, from))
		return false;
	common = (uint64_t)(uintptr_t)from->at;
	common -= dlw_dwarf_fixed(from, 4);
	if (!read_common(&tables, common, said) || !skip_address(from, said->form, &unused) ||
	    !skip_address(from, said->form & 15, &said->size))
		return false;
	if (said->augmented)
		dlw_dwarf_block(from, dlw_dwarf_unsigned(from));
	said->start = tables.function;
	said->bottom = (const uint8_t *)(uintptr_t)tables.start;
	return !from->bad && address - said->start < said->size;
}

/* ------------------------------------------------------------------- running the program */

/** A program on its way to one place in code. */
struct run {
	const struct description *said;
	struct row *row;
	const struct row *initial;       /* what the common part has come to; NULL: on the way there */
	struct row aside[REMEMBERED];
	uint32_t aside_count;
	uint64_t location, target;
	bool bad;
};

static void set_rule(struct run *run, uint64_t number, enum rule rule, int64_t value)
{
	if (number >= DLW_REGISTERS)
		return; /* none that leads on */
	run->row->rules[number] = (uint8_t)rule;
	run->row->values[number] = value;
}

static void restore_rule(struct run *run, uint64_t number)
{
	if (!run->initial)
		run->bad = true;
	else if (number < DLW_REGISTERS)
		set_rule(run, number, (enum rule)run->initial->rules[number],
			 run->initial->values[number]);
}

/** expression() - where the one that comes next stands; it is passed over */
static int64_t expression(struct run *run, struct dlw_dwarf *from)
{
	int64_t place = from->at - run->said->bottom;

	dlw_dwarf_block(from, dlw_dwarf_unsigned(from));
	return place;
}

static void set_base(struct run *run, uint64_t number, int64_t offset)
{
	run->bad |= number >= DLW_REGISTERS;
	run->row->by_expression = false;
	run->row->base = (uint32_t)number;
	run->row->offset = offset;
}

static void put_aside(struct run *run)
{
	if (run->aside_count == REMEMBERED)
		run->bad = true;
	else
		run->aside[run->aside_count++] = *run->row;
}

static void take_back(struct run *run)
{
	if (!run->aside_count)
		run->bad = true;
	else
		*run->row = run->aside[--run->aside_count];
}

/** advance() - what follows holds @units further on; false: that is beyond the place */
static bool advance(struct run *run, uint64_t units)
{
	run->location += units * run->said->code_unit;
	return run->location <= run->target;
}

/** run_rule() - an instruction about one register; false: it is none */
static bool run_rule(struct run *run, struct dlw_dwarf *from, uint8_t instruction)
{
	uint64_t number;
	int64_t unit = run->said->data_unit;

	switch (instruction) {
	case DW_CFA_offset_extended: case DW_CFA_offset_extended_sf: case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf: case DW_CFA_GNU_negative_offset_extended:
	case DW_CFA_restore_extended: case DW_CFA_undefined: case DW_CFA_same_value:
	case DW_CFA_register: case DW_CFA_expression: case DW_CFA_val_expression:
		number = dlw_dwarf_unsigned(from);
		break;
	default:
		return false;
	}
	switch (instruction) {
	case DW_CFA_offset_extended:
		set_rule(run, number, RULE_SAVED, (int64_t)dlw_dwarf_unsigned(from) * unit);
		break;
	case DW_CFA_offset_extended_sf:
		set_rule(run, number, RULE_SAVED, dlw_dwarf_signed(from) * unit);
		break;
	case DW_CFA_GNU_negative_offset_extended:
		set_rule(run, number, RULE_SAVED, -(int64_t)dlw_dwarf_unsigned(from) * unit);
		break;
	case DW_CFA_val_offset:
		set_rule(run, number, RULE_IS, (int64_t)dlw_dwarf_unsigned(from) * unit);
		break;
	case DW_CFA_val_offset_sf:
		set_rule(run, number, RULE_IS, dlw_dwarf_signed(from) * unit);
		break;
	case DW_CFA_register:
		set_rule(run, number, RULE_REGISTER, (int64_t)dlw_dwarf_unsigned(from));
		break;
	case DW_CFA_expression:
		set_rule(run, number, RULE_SAVED_AT, expression(run, from));
		break;
	case DW_CFA_val_expression:
		set_rule(run, number, RULE_IS_RESULT, expression(run, from));
		break;
	case DW_CFA_undefined: set_rule(run, number, RULE_UNDEFINED, 0); break;
	case DW_CFA_same_value: set_rule(run, number, RULE_SAME, 0); break;
	default: restore_rule(run, number);
	}
	return true;
}

/** run_other() - an instruction about the CFA, the place or the row; false: the place is reached */
static bool run_other(struct run *run, struct dlw_dwarf *from, uint8_t instruction)
{
	int64_t unit = run->said->data_unit;
	uint64_t number;

	switch (instruction) {
	case DW_CFA_nop: break;
	case DW_CFA_advance_loc1: return advance(run, dlw_dwarf_fixed(from, 1));
	case DW_CFA_advance_loc2: return advance(run, dlw_dwarf_fixed(from, 2));
	case DW_CFA_advance_loc4: return advance(run, dlw_dwarf_fixed(from, 4));
	case DW_CFA_remember_state: put_aside(run); break;
	case DW_CFA_restore_state: take_back(run); break;
	case DW_CFA_def_cfa:
		number = dlw_dwarf_unsigned(from);
		set_base(run, number, (int64_t)dlw_dwarf_unsigned(from));
		break;
	case DW_CFA_def_cfa_sf:
		number = dlw_dwarf_unsigned(from);
		set_base(run, number, dlw_dwarf_signed(from) * unit);
		break;
	case DW_CFA_def_cfa_register:
		set_base(run, dlw_dwarf_unsigned(from), run->row->offset);
		break;
	case DW_CFA_def_cfa_offset:
		run->row->offset = (int64_t)dlw_dwarf_unsigned(from);
		break;
	case DW_CFA_def_cfa_offset_sf: run->row->offset = dlw_dwarf_signed(from) * unit; break;
	case DW_CFA_def_cfa_expression:
		run->row->by_expression = true;
		run->row->offset = expression(run, from);
		break;
	case DW_CFA_GNU_args_size: dlw_dwarf_unsigned(from); break;
	default: run->bad = true;
	}
	return true;
}

/** run_program() - up to the place, or to its end; false: it cannot be understood */
static bool run_program(struct run *run, struct dlw_dwarf from)
{
	while (from.at < from.end && !run->bad) {
		uint8_t instruction = dlw_dwarf_byte(&from), low = instruction & 0x3f;

		switch (instruction & 0xc0) {
		case DW_CFA_advance_loc:
			if (!advance(run, low))
				return true;
			break;
		case DW_CFA_offset:
			set_rule(run, low, RULE_SAVED,
				 (int64_t)dlw_dwarf_unsigned(&from) * run->said->data_unit);
			break;
		case DW_CFA_restore: restore_rule(run, low); break;
		default:
			if (!run_rule(run, &from, instruction) &&
			    !run_other(run, &from, instruction))
				return !from.bad;
		}
		run->bad |= from.bad;
	}
	return !run->bad;
}

/** find_row() - what holds at @address */
static bool find_row(const struct description *said, uint64_t address, struct row *row)
{
	struct row initial;
	struct run run;

	memset(row, 0, sizeof(*row));
	run.said = said;
	run.row = row;
	run.initial = NULL;
	run.aside_count = 0;
	run.location = run.target = said->start;
	run.bad = false;
	if (!run_program(&run, said->common))
		return false;
	initial = *row;
	run.initial = &initial;
	run.location = said->start;
	run.target = address;
	return run_program(&run, said->own);
}

/* --------------------------------------------------------------------------- the caller */

static bool evaluate(struct dlw_unwind *unwind, const struct description *said, int64_t place,
		     const uint64_t *begin, uint64_t *result)
{
	struct dlw_dwarf from = { said->bottom + place, said->own.end, false };

	if (from.at > from.end)
		from.end = said->common.end;
	return dlw_dwarf_evaluate(unwind, dlw_dwarf_block(&from, dlw_dwarf_unsigned(&from)), begin,
				  result);
}

static bool find_cfa(struct dlw_unwind *unwind, const struct description *said,
		     const struct row *row, uint64_t *cfa)
{
	if (row->by_expression)
		return evaluate(unwind, said, row->offset, NULL, cfa);
	*cfa = unwind->registers[row->base] + (uint64_t)row->offset;
	return unwind->known & 1u << row->base;
}

/** value_of() - register @number as the caller has it; false: it is lost */
static bool value_of(struct dlw_unwind *unwind, const struct description *said,
		     const struct row *row, uint64_t cfa, uint32_t number, uint64_t *value)
{
	int64_t operand = row->values[number];
	uint64_t from = number, place;

	switch ((enum rule)row->rules[number]) {
	case RULE_SAVED: return dlw_unwind_read(unwind, cfa + (uint64_t)operand, value);
	case RULE_SAVED_AT:
		return evaluate(unwind, said, operand, &cfa, &place) &&
		       dlw_unwind_read(unwind, place, value);
	case RULE_IS_RESULT: return evaluate(unwind, said, operand, &cfa, value);
	case RULE_IS: *value = cfa + (uint64_t)operand; return true;
	case RULE_UNDEFINED: return false;
	case RULE_REGISTER: from = (uint64_t)operand; break;
	case RULE_SAME: break;
	case RULE_NONE:
		if (number == DLW_RSP) {
			*value = cfa;
			return true;
		}
		if (!(KEPT & 1u << number))
			return false;
	}
	if (from >= DLW_REGISTERS || !(unwind->known & 1u << from))
		return false;
	*value = unwind->registers[from];
	return true;
}

/** leave() - the frame, for its caller's */
static enum dlw_step leave(struct dlw_unwind *unwind, const struct description *said,
			   const struct row *row)
{
	uint64_t registers[DLW_REGISTERS], cfa;
	uint32_t known = 0, number;

	if (!find_cfa(unwind, said, row, &cfa))
		return DLW_STEP_FAILED;
	for (number = 0; number < DLW_REGISTERS; number++)
		if (value_of(unwind, said, row, cfa, number, &registers[number]))
			known |= 1u << number;
	if (row->rules[DLW_RIP] == RULE_UNDEFINED)
		return DLW_STEP_OUTERMOST;
	if (~known & (1u << DLW_RIP | 1u << DLW_RSP))
		return DLW_STEP_FAILED;
	if (!registers[DLW_RIP])
		return DLW_STEP_OUTERMOST;
	if (registers[DLW_RIP] == unwind->registers[DLW_RIP] &&
	    registers[DLW_RSP] == unwind->registers[DLW_RSP])
		return DLW_STEP_FAILED;
	for (number = 0; number < DLW_REGISTERS; number++)
		if (known & 1u << number)
			unwind->registers[number] = registers[number];
	unwind->known = known;
	unwind->interrupted = said->signal;
	return DLW_STEPPED;
}

/* -------------------------------------------------------------------- remembered places */

static const uint8_t kept[DLW_KEPT] = { DLW_RBX, DLW_RBP, DLW_R12, 13, 14, 15 };

static struct dlw_way_out *way_of(const struct dlw_unwind *unwind, uint64_t address)
{
	return &unwind->ways[address * 0x9e3779b97f4a7c15u >> 32 & (DLW_WAYS_OUT - 1)];
}

/** is_simple() - the CFA from a register, the return address below it, what is kept saved or not */
static bool is_simple(const struct row *row)
{
	uint32_t number;

	if (row->by_expression || row->offset != (int32_t)row->offset ||
	    row->rules[DLW_RIP] != RULE_SAVED || row->values[DLW_RIP] != -8)
		return false;
	for (number = 0; number < DLW_RIP; number++) {
		int64_t value = row->values[number];

		if (row->rules[number] == RULE_NONE)
			continue;
		if (row->rules[number] != RULE_SAVED || !(KEPT & 1u << number) || !value ||
		    value != (int16_t)value)
			return false;
	}
	return true;
}

static void remember(struct dlw_unwind *unwind, uint64_t address, uint64_t module,
		     const struct description *said, const struct row *row)
{
	struct dlw_way_out *way;
	uint32_t i;

	if (!unwind->ways || said->signal || !is_simple(row))
		return;
	way = way_of(unwind, address);
	way->address = address;
	way->module = module;
	way->offset = (int32_t)row->offset;
	way->base = row->base;
	for (i = 0; i < DLW_KEPT; i++)
		way->saved[i] = row->rules[kept[i]] ? (int16_t)row->values[kept[i]] : 0;
}

/** go() - a way that is remembered; false: it does not lead out here */
static bool go(struct dlw_unwind *unwind, const struct dlw_way_out *way)
{
	uint64_t cfa = unwind->registers[way->base] + (uint64_t)way->offset, address;
	uint64_t values[DLW_KEPT];
	uint32_t i;

	if (!(unwind->known & 1u << way->base) || !dlw_unwind_read(unwind, cfa - 8, &address) ||
	    !address)
		return false;
	for (i = 0; i < DLW_KEPT; i++)
		if (way->saved[i] &&
		    !dlw_unwind_read(unwind, cfa + (uint64_t)(int64_t)way->saved[i], &values[i]))
			return false;
	unwind->known &= KEPT;
	for (i = 0; i < DLW_KEPT; i++) {
		if (!way->saved[i])
			continue;
		unwind->registers[kept[i]] = values[i];
		unwind->known |= 1u << kept[i];
	}
	unwind->registers[DLW_RSP] = cfa;
	unwind->registers[DLW_RIP] = address;
	unwind->known |= 1u << DLW_RSP | 1u << DLW_RIP;
	unwind->interrupted = false;
	return true;
}

/** step_anew() - as the tables say */
static enum dlw_step step_anew(struct dlw_unwind *unwind, uint64_t address, uint64_t module)
{
	struct description said = { 0 };
	struct row row;

	if (!describe(address, &said))
		return DLW_STEP_NO_TABLES;
	if (!find_row(&said, address, &row))
		return DLW_STEP_FAILED;
	remember(unwind, address, module, &said, &row);
	return leave(unwind, &said, &row);
}

enum dlw_step dlw_unwind_step(struct dlw_unwind *unwind)
{
	/* a call may be the last instruction of its function: what it returns to is not asked about */
	uint64_t address = unwind->registers[DLW_RIP] - !unwind->interrupted, module = 0;
	const struct dlw_way_out *way = unwind->ways ? way_of(unwind, address) : NULL;

	if (way) {
		module = dlw_modules_identify(address);
		if (module && way->address == address && way->module == module && go(unwind, way))
			return DLW_STEPPED;
	}
	return step_anew(unwind, address, module);
}
