/*
 * shim/unwind.h - from a function to its caller, as the compiler has described it
 *
 *	struct dlw_unwind unwind = { .low = …, .high = …, .pid = … };
 *
 *	dlw_unwind_here(&unwind);
 *	while (dlw_unwind_step(&unwind) == DLW_STEPPED)
 *		… unwind.registers[DLW_RIP] returns to unwind.registers[DLW_RSP] …
 *
 * Takes no lock, allocates nothing, and looks at no memory that may not be there:
 * tables belong to modules that the loader has, and what is not on the thread's
 * stack is read by the kernel. Safe in signal handlers; whoever shares .ways with
 * others needs a lock for it.
 */
#ifndef DLW_SHIM_UNWIND_H
#define DLW_SHIM_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

/* Registers by their DWARF numbers (System V ABI, AMD64, figure 3.36). */
enum { DLW_RBX = 3, DLW_RBP = 6, DLW_RSP = 7, DLW_R12 = 12, DLW_RIP = 16, DLW_REGISTERS = 17 };

#define DLW_WINDOW 64
#define DLW_KEPT 6 /* registers, besides the stack pointer: rbx, rbp, r12 to r15 */

/** How the frame of one place in code is left, where that is simply said. */
struct dlw_way_out {
	uint64_t address; /* 0: of none */
	uint64_t module;  /* which has said so: dlw_modules_identify() */
	int32_t offset;   /* from register .base to the CFA, where the return address ends */
	uint32_t base;
	int16_t saved[DLW_KEPT]; /* from the CFA; 0: still in its register */
	uint16_t padding[2];
};
#define DLW_WAYS_OUT 1024 /* a power of two */

/** A frame: where its code goes on, and the registers that it finds then. */
struct dlw_unwind {
	uint64_t registers[DLW_REGISTERS];
	uint32_t known;    /* a bit for each of them: what a caller saves is lost */
	bool interrupted;  /* .registers[DLW_RIP] is to be run, not the end of a call */
	int32_t pid;       /* whose memory it is: our own */
	uint64_t low, high; /* there is a stack from low to high; none: 0, 0 */
	struct dlw_way_out *ways; /* what is remembered of DLW_WAYS_OUT places; NULL: nothing is */
	/* memory outside that was read last */
	uint64_t window_at;
	uint64_t window[DLW_WINDOW];
};

enum dlw_step {
	DLW_STEPPED,
	DLW_STEP_OUTERMOST, /* it has no caller */
	DLW_STEP_NO_TABLES, /* nothing is said about its code */
	DLW_STEP_FAILED,    /* what is said makes no sense here */
};

/** dlw_unwind_step() - to the caller; unless that is had, @unwind stays as it is */
enum dlw_step dlw_unwind_step(struct dlw_unwind *unwind);

/** dlw_unwind_read() - the word at @address; false: there is none */
bool dlw_unwind_read(struct dlw_unwind *unwind, uint64_t address, uint64_t *value);

/** dlw_unwind_here() - the frame that this is called in */
static inline __attribute__((always_inline)) void dlw_unwind_here(struct dlw_unwind *unwind)
{
	__asm__ volatile("movq %%rbx, 24(%0)\n\t"
			 "movq %%rbp, 48(%0)\n\t"
			 "movq %%rsp, 56(%0)\n\t"
			 "movq %%r12, 96(%0)\n\t"
			 "movq %%r13, 104(%0)\n\t"
			 "movq %%r14, 112(%0)\n\t"
			 "movq %%r15, 120(%0)\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "movq %%rax, 128(%0)\n"
			 "1:"
			 :
			 : "r"(unwind->registers)
			 : "rax", "memory");
	unwind->known = 1u << DLW_RBX | 1u << DLW_RBP | 1u << DLW_RSP | 0xfu << DLW_R12 |
			1u << DLW_RIP;
	unwind->interrupted = true;
	unwind->window_at = 1; /* no address of a word */
}

#endif
