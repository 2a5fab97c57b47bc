/*
 * dlwatch.h - what a program can tell dlwatch about its locks
 *
 * Optional, and free: there is nothing to link, and without dlwatch every call
 * does nothing. C from C99 on, C++ from C++98 on; x86-64 and others with GNU
 * attributes. A complete program, with a lock of its own making:
 *
 *	#include <dlwatch.h>
 *	#include <stdatomic.h>
 *	#include <sched.h>
 *
 *	static atomic_flag ledger = ATOMIC_FLAG_INIT;
 *
 *	static void take(void)
 *	{
 *		dlwatch_wanting(&ledger, DLWATCH_EXCLUSIVE);
 *		while (atomic_flag_test_and_set(&ledger))
 *			sched_yield();
 *		dlwatch_acquired(&ledger, DLWATCH_EXCLUSIVE);
 *	}
 *
 *	static void give(void)
 *	{
 *		dlwatch_releasing(&ledger);
 *		atomic_flag_clear(&ledger);
 *	}
 *
 *	int main(void)
 *	{
 *		dlwatch_name(&ledger, "ledger");
 *		take();
 *		give();
 *		return 0;
 *	}
 *
 * All functions may be called by any thread at any time, but not in signal
 * handlers. They return nothing that could fail: what cannot be recorded is
 * counted in the coverage line. They change no errno.
 */
#ifndef DLWATCH_H
#define DLWATCH_H

/* Always, so that reports name the function that took the lock, whatever the compiler does. */
#if defined(__GNUC__)
#define DLWATCH_INLINE_ static __inline__ __attribute__((__always_inline__, __unused__))
#else
#define DLWATCH_INLINE_ static inline
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** How a lock of one's own is wanted or had. */
enum dlwatch_mode {
	DLWATCH_EXCLUSIVE = 1, /* one at a time */
	DLWATCH_SHARED = 2     /* together with others that share it */
};

/* What dlwatch_annotate() is told; the numbers stay what they are. */
enum dlwatch_annotation {
	DLWATCH_ACTIVE_ = 0,
	DLWATCH_NAME_ = 1,
	DLWATCH_CLASS_ = 2,
	DLWATCH_WANTING_ = 3,
	DLWATCH_ACQUIRED_ = 4,
	DLWATCH_GAVE_UP_ = 5,
	DLWATCH_RELEASING_ = 6,
	DLWATCH_EXEMPT_ = 7,
	DLWATCH_WILL_POST_ = 8,
	DLWATCH_WILL_SIGNAL_ = 9
};

enum { DLWATCH_TIMED_ = 4 }; /* or-ed to a mode */

typedef int dlwatch_entry_(unsigned what, const volatile void *object, const char *text,
			   long number);

/*
 * The one function that the library exports, if it is there. Read from the
 * global offset table in all kinds of programs: a weak symbol that is tested in
 * plain C is settled when a program without position-independent code is linked,
 * and is then missing for ever.
 */
#if defined(__x86_64__) && defined(__GNUC__)
DLWATCH_INLINE_ dlwatch_entry_ *dlwatch_find_(void)
{
	dlwatch_entry_ *entry;

	__asm__(".weak dlwatch_annotate\n\tmovq dlwatch_annotate@GOTPCREL(%%rip), %0" : "=r"(entry));
	return entry;
}
#else
extern dlwatch_entry_ dlwatch_annotate __attribute__((__weak__));

DLWATCH_INLINE_ dlwatch_entry_ *dlwatch_find_(void)
{
	return dlwatch_annotate;
}
#endif

DLWATCH_INLINE_ int dlwatch_tell_(unsigned what, const volatile void *object, const char *text,
				long number)
{
	dlwatch_entry_ *entry = dlwatch_find_();

	return entry ? entry(what, object, text, number) : 0;
}

/** dlwatch_active() - 1 if this process is watched, 0 if the other calls do nothing */
DLWATCH_INLINE_ int dlwatch_active(void)
{
	return dlwatch_tell_(DLWATCH_ACTIVE_, 0, 0, 0);
}

/**
 * dlwatch_name() - what reports call a lock, condition, semaphore or barrier
 * @name: copied; NULL takes an earlier one back
 *
 * Any kind of object, by its address; after it was initialised, for an
 * initialisation makes a new object of it. Memory that is given back without a
 * destroy call, as that of a std::mutex, keeps the name: take it back before.
 */
DLWATCH_INLINE_ void dlwatch_name(const volatile void *object, const char *name)
{
	dlwatch_tell_(DLWATCH_NAME_, object, name, 0);
}

/**
 * dlwatch_class() - which class of locks this one belongs to, and its rank
 * @name: copied; equal in every run, for orders of classes are compared across runs
 * @rank: 0: none. Else locks are to be taken in rising order of their ranks; equal
 *        ones may be taken in any order
 *
 * A lock taken, other than by a try, while one of a higher rank is held is
 * reported as a misuse, `rank`. Programs that declare ranks pay for the check
 * at every lock.
 */
DLWATCH_INLINE_ void dlwatch_class(const volatile void *lock, const char *name, int rank)
{
	dlwatch_tell_(DLWATCH_CLASS_, lock, name, rank);
}

/**
 * dlwatch_wanting() - the calling thread is about to wait for a lock of its own making
 * @lock:  its address: what it is known by
 *
 * Once before the loop or the sleep, not in it; dlwatch_acquired() or
 * dlwatch_gave_up() has to follow. A try that does not wait needs no such call.
 *
 * Nobody but the program itself says who has such a lock, so a deadlock over
 * it is `likely`, never `proven`. The thread must sleep in a futex or keep
 * running (also in sched_yield or nanosleep): one that sleeps elsewhere
 * counts as able to go on.
 */
DLWATCH_INLINE_ void dlwatch_wanting(const volatile void *lock, enum dlwatch_mode mode)
{
	dlwatch_tell_(DLWATCH_WANTING_, lock, 0, mode);
}

/**
 * dlwatch_wanting_for_a_while() - the same for a wait that ends by itself
 *
 * With a timeout, or after so many tries: it cannot be part of a deadlock.
 */
DLWATCH_INLINE_ void dlwatch_wanting_for_a_while(const volatile void *lock, enum dlwatch_mode mode)
{
	dlwatch_tell_(DLWATCH_WANTING_, lock, 0, mode | DLWATCH_TIMED_);
}

/** dlwatch_acquired() - it has the lock now; taken twice, it has to be released twice */
DLWATCH_INLINE_ void dlwatch_acquired(const volatile void *lock, enum dlwatch_mode mode)
{
	dlwatch_tell_(DLWATCH_ACQUIRED_, lock, 0, mode);
}

/** dlwatch_gave_up() - it waits no longer, and has not got it */
DLWATCH_INLINE_ void dlwatch_gave_up(const volatile void *lock)
{
	dlwatch_tell_(DLWATCH_GAVE_UP_, lock, 0, 0);
}

/**
 * dlwatch_releasing() - right before the lock is given back, by the thread that has it
 *
 * If another thread gives it back, the lock is not judged any more.
 */
DLWATCH_INLINE_ void dlwatch_releasing(const volatile void *lock)
{
	dlwatch_tell_(DLWATCH_RELEASING_, lock, 0, 0);
}

/**
 * dlwatch_exempt_begin() - the calling thread is no part of any finding from now on
 *
 * It counts as able to go on, whatever it waits for, until the same number of
 * dlwatch_exempt_end(); for good, if there is none.
 */
DLWATCH_INLINE_ void dlwatch_exempt_begin(void)
{
	dlwatch_tell_(DLWATCH_EXEMPT_, 0, 0, 1);
}

DLWATCH_INLINE_ void dlwatch_exempt_end(void)
{
	dlwatch_tell_(DLWATCH_EXEMPT_, 0, 0, 0);
}

/**
 * dlwatch_will_post() - the calling thread is one of those that post this semaphore
 *
 * Without it everybody may post until the first post shows who does. A wait
 * for a semaphore all of whose posters are deadlocked is `likely`.
 */
DLWATCH_INLINE_ void dlwatch_will_post(const volatile void *semaphore)
{
	dlwatch_tell_(DLWATCH_WILL_POST_, semaphore, 0, 0);
}

/** dlwatch_will_signal() - the same of a condition variable, and who signals it */
DLWATCH_INLINE_ void dlwatch_will_signal(const volatile void *condition)
{
	dlwatch_tell_(DLWATCH_WILL_SIGNAL_, condition, 0, 0);
}

#ifdef __cplusplus
}
#endif

#endif
