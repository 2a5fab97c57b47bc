/*
 * test_unwind.c - out of any function, from each of its instructions
 *
 * The processor stops after every instruction, and the handler walks out to the
 * call that is known: its return address, its stack and what it keeps in
 * registers have to be what they were.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "shim/modules.h"
#include "shim/unwind.h"

/* As the kernel's are numbered, by number of ours. */
static const int numbers[DLW_REGISTERS] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
					    REG_RBP, REG_RSP, REG_R8,  REG_R9,	REG_R10, REG_R11,
					    REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP };
static const uint32_t kept[] = { DLW_RBX, DLW_RBP, DLW_RSP, 12, 13, 14, 15, DLW_RIP };

/* Of the call that walks have to come to. */
static uint64_t expected[DLW_REGISTERS];

#define AFTER_THE_CALL 16 /* bytes of code in call_noted() */

/* What a walk may make use of. */
static bool whole_stack_is_known;
static struct dlw_way_out ways_out[DLW_WAYS_OUT];
static bool ways_are_remembered;

static long walks, failures;
static uint64_t first_failure;

static bool is_expected(const struct dlw_unwind *unwind)
{
	size_t i;

	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (!(unwind->known & 1u << kept[i]) ||
		    unwind->registers[kept[i]] != expected[kept[i]])
			return false;
	return true;
}

static void walk_from(const ucontext_t *context)
{
	struct dlw_unwind unwind = { .known = (1u << DLW_REGISTERS) - 1, .interrupted = true,
				     .pid = getpid(), .window_at = 1 };
	int i;

	if ((uint64_t)context->uc_mcontext.gregs[REG_RIP] - expected[DLW_RIP] < AFTER_THE_CALL)
		return;
	for (i = 0; i < DLW_REGISTERS; i++)
		unwind.registers[i] = (uint64_t)context->uc_mcontext.gregs[numbers[i]];
	if (ways_are_remembered)
		unwind.ways = ways_out;
	if (whole_stack_is_known) {
		unwind.low = unwind.registers[DLW_RSP];
		unwind.high = expected[DLW_RSP] + 64;
	}
	walks++;
	while (dlw_unwind_step(&unwind) == DLW_STEPPED)
		if (unwind.registers[DLW_RIP] == expected[DLW_RIP] && is_expected(&unwind))
			return;
	if (!failures++)
		first_failure = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
}

static void step_over(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	walk_from(context);
}

enum { WHOLE, STEPS = 0x100 /* the processor's trap flag */ };

/** call_noted() - @work, in whole or by steps, and what it returns to in @registers */
void call_noted(void (*work)(void), uint64_t *registers, int how);

__asm__(".text\n\t"
	".type call_noted, @function\n"
	"call_noted:\n\t"
	".cfi_startproc\n\t"
	"pushq %rbp\n\t.cfi_adjust_cfa_offset 8\n\t.cfi_rel_offset %rbp, 0\n\t"
	"movq %rbx, 24(%rsi)\n\tmovq %rbp, 48(%rsi)\n\tmovq %rsp, 56(%rsi)\n\t"
	"movq %r12, 96(%rsi)\n\tmovq %r13, 104(%rsi)\n\tmovq %r14, 112(%rsi)\n\t"
	"movq %r15, 120(%rsi)\n\tleaq 1f(%rip), %rax\n\tmovq %rax, 128(%rsi)\n\t"
	"pushfq\n\t.cfi_adjust_cfa_offset 8\n\torq %rdx, (%rsp)\n\t"
	"popfq\n\t.cfi_adjust_cfa_offset -8\n\t"
	"call *%rdi\n"
	"1:\n\t"
	"pushfq\n\t.cfi_adjust_cfa_offset 8\n\tandq $~0x100, (%rsp)\n\t"
	"popfq\n\t.cfi_adjust_cfa_offset -8\n\t"
	"popq %rbp\n\t.cfi_adjust_cfa_offset -8\n\t.cfi_restore %rbp\n\t"
	"ret\n\t"
	".cfi_endproc\n\t"
	".size call_noted, . - call_noted");

static void walk_out_of(void (*work)(void), int how)
{
	struct sigaction action = { .sa_sigaction = step_over, .sa_flags = SA_SIGINFO };
	struct sigaction before;

	walks = failures = 0;
	dlw_modules_load();
	assert_int_equal(sigaction(SIGTRAP, &action, &before), 0);
	call_noted(work, expected, how);
	sigaction(SIGTRAP, &before, NULL);
	if (failures)
		print_message("first at %#lx\n", (unsigned long)first_failure);
	assert_int_equal(failures, 0);
}

static char text[256];

static int compare(const void *left, const void *right)
{
	return *(const int *)left - *(const int *)right;
}

static void use_the_library(void)
{
	int numbers_to_sort[40], i;
	struct tm broken_down;
	time_t epoch = 0;
	regmatch_t match;
	regex_t pattern;

	for (i = 0; i < 40; i++)
		numbers_to_sort[i] = i * 7919 % 101;
	qsort(numbers_to_sort, 40, sizeof(int), compare);
	snprintf(text, sizeof(text), "%d %s %g %a", 5, "five", strtod("3.25e5", NULL), 1e10);
	assert_int_equal(regcomp(&pattern, "a(b|c)*d", REG_EXTENDED), 0);
	assert_int_equal(regexec(&pattern, "xxabcbcd", 1, &match, 0), 0);
	regfree(&pattern);
	strftime(text, sizeof(text), "%c", gmtime_r(&epoch, &broken_down));
	free(calloc(300, 1000));
}

static void functions_of_libraries_are_left(void **state)
{
	(void)state;
	walk_out_of(use_the_library, STEPS);
	assert_true(walks > 10000);
	whole_stack_is_known = true;
	walk_out_of(use_the_library, STEPS);
	ways_are_remembered = true;
	walk_out_of(use_the_library, STEPS);
	whole_stack_is_known = false;
	walk_out_of(use_the_library, STEPS);
}

static void look_in_handler(int signal, siginfo_t *info, void *context)
{
	ucontext_t here;

	(void)signal;
	(void)info;
	(void)context;
	getcontext(&here);
	walk_from(&here);
}

static void raise_a_signal(void)
{
	raise(SIGUSR1);
}

static void take_signals(int flags)
{
	struct sigaction action = { .sa_sigaction = look_in_handler, .sa_flags = SA_SIGINFO | flags };

	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
}

static void handlers_of_signals_are_left(void **state)
{
	static char other[64 * 1024];
	stack_t stack = { .ss_sp = other, .ss_size = sizeof(other) };

	(void)state;
	whole_stack_is_known = false;
	take_signals(0);
	walk_out_of(raise_a_signal, STEPS);
	assert_int_equal(sigaltstack(&stack, NULL), 0);
	take_signals(SA_ONSTACK);
	walk_out_of(raise_a_signal, STEPS);
	assert_true(walks > 10);
}

/*
 * A frame of a size known at run time alone, on a boundary of its own, so that the
 * compiler needs expressions. It leaves one out for the last two instructions.
 */
__attribute__((noinline)) static void align(size_t size)
{
	char room[size];
	char aligned[64] __attribute__((aligned(64)));

	memset(room, 1, size);
	memset(aligned, room[size / 2], sizeof(aligned));
	raise_a_signal();
	__asm__ volatile("" : : "r"(room), "r"(aligned) : "memory");
	text[0] = aligned[5];
}

static void align_some(void)
{
	align(100);
	align(3000);
}

static void frames_of_any_shape_are_left(void **state)
{
	(void)state;
	take_signals(0);
	walk_out_of(align_some, WHOLE);
	assert_int_equal(walks, 2);
}

static void nothing_is_read_that_is_not_there(void **state)
{
	struct dlw_unwind unwind = { .known = 1u << DLW_RSP | 1u << DLW_RIP, .interrupted = true,
				     .pid = getpid(), .window_at = 1 };
	uint64_t value;

	(void)state;
	dlw_modules_load();
	unwind.registers[DLW_RIP] = (uint64_t)(uintptr_t)use_the_library;
	unwind.registers[DLW_RSP] = 64;
	assert_int_equal(dlw_unwind_step(&unwind), DLW_STEP_FAILED);
	assert_false(dlw_unwind_read(&unwind, 64, &value));
	unwind.registers[DLW_RIP] = (uint64_t)(uintptr_t)text;
	assert_int_equal(dlw_unwind_step(&unwind), DLW_STEP_NO_TABLES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_of_libraries_are_left),
		cmocka_unit_test(frames_of_any_shape_are_left),
		cmocka_unit_test(handlers_of_signals_are_left),
		cmocka_unit_test(nothing_is_read_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
