/*
 * shim/dwarf.c - DWARF expressions, as far as they describe frames
 *
 * Few functions need one: entries of procedure linkage tables, the kernel's
 * return from signal handlers, stacks that are aligned by hand.
 */
#include "shim/dwarf.h"

#include <dwarf.h>

#include "shim/unwind.h"

#include "shim/banned.h"

#define DEPTH 32
#define STEPS 1000 /* there are jumps, so there may be loops */

/** An expression on its way. */
struct machine {
	struct dlw_unwind *unwind;
	struct dlw_dwarf code;
	const uint8_t *start;
	bool bad;
	uint32_t depth;
	uint64_t stack[DEPTH];
};

static void push(struct machine *machine, uint64_t value)
{
	if (machine->depth == DEPTH)
		machine->bad = true;
	else
		machine->stack[machine->depth++] = value;
}

static uint64_t pop(struct machine *machine)
{
	if (machine->depth)
		return machine->stack[--machine->depth];
	machine->bad = true;
	return 0;
}

/** pick() - a copy of what lies @below the top, on top */
static void pick(struct machine *machine, uint32_t below)
{
	if (below < machine->depth)
		push(machine, machine->stack[machine->depth - 1 - below]);
	else
		machine->bad = true;
}

static void push_register(struct machine *machine, uint64_t number, int64_t offset)
{
	if (number >= DLW_REGISTERS || !(machine->unwind->known & 1u << number))
		machine->bad = true;
	else
		push(machine, machine->unwind->registers[number] + (uint64_t)offset);
}

/** push_word() - @size bytes of the memory that the top names */
static void push_word(struct machine *machine, uint32_t size)
{
	uint64_t word = 0;

	if (!size || size > 8 || !dlw_unwind_read(machine->unwind, pop(machine), &word)) {
		machine->bad = true;
		return;
	}
	push(machine, size < 8 ? word & ((1ull << size * 8) - 1) : word);
}

static void jump(struct machine *machine, int64_t distance)
{
	if (distance < machine->start - machine->code.at ||
	    distance > machine->code.end - machine->code.at)
		machine->bad = true;
	else
		machine->code.at += distance;
}

/** constant() - an operation that pushes a number; false: it is none */
static bool constant(struct machine *machine, uint8_t operation)
{
	struct dlw_dwarf *code = &machine->code;

	if (operation >= DW_OP_lit0 && operation <= DW_OP_lit31) {
		push(machine, operation - DW_OP_lit0);
	} else if (operation >= DW_OP_const1u && operation <= DW_OP_const8s) {
		uint32_t form = operation - DW_OP_const1u; /* 1u 1s 2u 2s 4u 4s 8u 8s */
		size_t size = 1ul << form / 2;

		push(machine, form % 2 ? (uint64_t)dlw_dwarf_fixed_signed(code, size) :
					 dlw_dwarf_fixed(code, size));
	} else if (operation == DW_OP_addr) {
		push(machine, dlw_dwarf_fixed(code, 8));
	} else if (operation == DW_OP_constu) {
		push(machine, dlw_dwarf_unsigned(code));
	} else if (operation == DW_OP_consts) {
		push(machine, (uint64_t)dlw_dwarf_signed(code));
	} else {
		return false;
	}
	return true;
}

/** combine() - an operation on the two topmost; false: it is none */
static bool combine(struct machine *machine, uint8_t operation)
{
	uint32_t depth = machine->depth;
	uint64_t right = depth > 1 ? machine->stack[depth - 1] : 0, *left, value;

	if (depth < 2)
		return false;
	left = &machine->stack[depth - 2];
	switch (operation) {
	case DW_OP_and: value = *left & right; break;
	case DW_OP_or: value = *left | right; break;
	case DW_OP_xor: value = *left ^ right; break;
	case DW_OP_plus: value = *left + right; break;
	case DW_OP_minus: value = *left - right; break;
	case DW_OP_mul: value = *left * right; break;
	case DW_OP_shl: value = right < 64 ? *left << right : 0; break;
	case DW_OP_shr: value = right < 64 ? *left >> right : 0; break;
	case DW_OP_shra: value = (uint64_t)((int64_t)*left >> (right < 64 ? right : 63)); break;
	case DW_OP_eq: value = *left == right; break;
	case DW_OP_ne: value = *left != right; break;
	case DW_OP_ge: value = (int64_t)*left >= (int64_t)right; break;
	case DW_OP_gt: value = (int64_t)*left > (int64_t)right; break;
	case DW_OP_le: value = (int64_t)*left <= (int64_t)right; break;
	case DW_OP_lt: value = (int64_t)*left < (int64_t)right; break;
	default: return false;
	}
	*left = value;
	machine->depth--;
	return true;
}

static void swap(struct machine *machine)
{
	uint64_t top = pop(machine), next = pop(machine);

	push(machine, top);
	push(machine, next);
}

static void run(struct machine *machine)
{
	struct dlw_dwarf *code = &machine->code;
	uint8_t operation = dlw_dwarf_byte(code);
	int64_t distance;

	if (operation >= DW_OP_breg0 && operation <= DW_OP_breg31) {
		push_register(machine, operation - DW_OP_breg0, dlw_dwarf_signed(code));
		return;
	}
	if (constant(machine, operation) || combine(machine, operation))
		return;
	switch (operation) {
	case DW_OP_deref: push_word(machine, 8); break;
	case DW_OP_deref_size: push_word(machine, dlw_dwarf_byte(code)); break;
	case DW_OP_dup: pick(machine, 0); break;
	case DW_OP_over: pick(machine, 1); break;
	case DW_OP_pick: pick(machine, dlw_dwarf_byte(code)); break;
	case DW_OP_drop: pop(machine); break;
	case DW_OP_swap: swap(machine); break;
	case DW_OP_neg: push(machine, -pop(machine)); break;
	case DW_OP_not: push(machine, ~pop(machine)); break;
	case DW_OP_plus_uconst: push(machine, pop(machine) + dlw_dwarf_unsigned(code)); break;
	case DW_OP_skip: jump(machine, dlw_dwarf_fixed_signed(code, 2)); break;
	case DW_OP_bra:
		distance = dlw_dwarf_fixed_signed(code, 2);
		if (pop(machine))
			jump(machine, distance);
		break;
	case DW_OP_nop: break;
	default: machine->bad = true;
	}
}

bool dlw_dwarf_evaluate(struct dlw_unwind *unwind, struct dlw_dwarf code, const uint64_t *begin,
			uint64_t *result)
{
	struct machine machine = { .unwind = unwind, .code = code, .start = code.at };
	int steps;

	machine.stack[0] = begin ? *begin : 0;
	machine.depth = begin ? 1 : 0;
	for (steps = 0; machine.code.at < machine.code.end && !machine.bad; steps++) {
		run(&machine);
		machine.bad |= machine.code.bad || steps == STEPS;
	}
	*result = pop(&machine);
	return !machine.bad;
}
