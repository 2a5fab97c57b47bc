/*
 * core/words.c - the words of the public format for the numbers of words.h
 */
#include "core/judge.h"

#define WORD(table, value) \
	((unsigned)(value) < sizeof(table) / sizeof((table)[0]) ? (table)[value] : "unknown")

const char *dlw_finding_kind_word(enum dlw_finding_kind kind)
{
	static const char *const words[] = {
		[DLW_DEADLOCK] = "deadlock",
		[DLW_ORPHAN] = "orphan",
		[DLW_INVERSION] = "inversion",
		[DLW_MISUSE] = "misuse",
	};

	return WORD(words, kind);
}

const char *dlw_verdict_word(enum dlw_verdict verdict)
{
	static const char *const words[] = {
		[DLW_PROVEN] = "proven",
		[DLW_LIKELY] = "likely",
		[DLW_STALLED] = "stalled",
		[DLW_FEASIBLE] = "feasible",
		[DLW_UNRESOLVED] = "unresolved",
		[DLW_GUARDED] = "guarded",
		[DLW_ORDERED] = "ordered",
		[DLW_SAME_THREAD] = "same-thread",
		[DLW_SHARED_READ] = "shared",
		[DLW_YIELDING] = "yielding",
		[DLW_CERTAIN] = "certain",
	};

	return WORD(words, verdict);
}

const char *dlw_misuse_word(enum dlw_misuse_sort sort)
{
	static const char *const words[DLW_MISUSE_COUNT] = {
		[DLW_NO_MISUSE] = "none",
		[DLW_UNLOCK_BY_STRANGER] = "unlock-by-stranger",
		[DLW_UNLOCK_UNLOCKED] = "unlock-unlocked",
		[DLW_UNLOCK_REFUSED] = "unlock-refused",
		[DLW_DESTROY_HELD] = "destroy-held",
		[DLW_DESTROY_WAITED] = "destroy-waited",
		[DLW_THREAD_ENDED_HOLDING] = "thread-ended-holding",
		[DLW_PROCESS_ENDED_HOLDING] = "process-ended-holding",
		[DLW_RELOCK] = "relock",
		[DLW_TWO_MUTEXES] = "two-mutexes",
		[DLW_SEMAPHORE_OVERFLOW] = "semaphore-overflow",
		[DLW_RANK_BROKEN] = "rank",
	};

	return WORD(words, sort);
}

const char *dlw_kind_word(enum dlw_kind kind)
{
	static const char *const words[DLW_KIND_COUNT] = {
		[DLW_NO_KIND] = "unknown",
		[DLW_MUTEX] = "mutex",
		[DLW_RWLOCK] = "rwlock",
		[DLW_SPINLOCK] = "spinlock",
		[DLW_SEMAPHORE] = "semaphore",
		[DLW_CONDITION] = "condition",
		[DLW_BARRIER] = "barrier",
		[DLW_ONCE] = "once",
		[DLW_THREAD] = "thread",
		[DLW_PROCESS] = "process",
		[DLW_FILE_LOCK] = "file_lock",
		[DLW_PIPE] = "pipe",
		[DLW_CUSTOM] = "custom",
	};

	return WORD(words, kind);
}

const char *dlw_mode_word(enum dlw_mode mode)
{
	static const char *const words[DLW_MODE_COUNT] = {
		[DLW_NO_MODE] = "exclusive",
		[DLW_EXCLUSIVE] = "exclusive",
		[DLW_SHARED] = "shared",
		[DLW_PERMIT] = "permit",
		[DLW_SIGNAL] = "signal",
		[DLW_ARRIVE] = "arrive",
		[DLW_RUN] = "run",
		[DLW_EXIT] = "exit",
		[DLW_READ] = "read",
		[DLW_WRITE] = "write",
	};

	return WORD(words, mode);
}

const char *dlw_type_word(enum dlw_type type)
{
	static const char *const words[DLW_TYPE_COUNT] = {
		[DLW_TYPE_UNKNOWN] = "unknown",
		[DLW_TYPE_NORMAL] = "normal",
		[DLW_TYPE_RECURSIVE] = "recursive",
		[DLW_TYPE_ERRORCHECK] = "errorcheck",
		[DLW_TYPE_ADAPTIVE] = "adaptive",
		[DLW_TYPE_PREFER_READER] = "prefer_reader",
		[DLW_TYPE_PREFER_WRITER] = "prefer_writer",
		[DLW_TYPE_PREFER_WRITER_NONRECURSIVE] = "prefer_writer_nonrecursive",
		[DLW_TYPE_UNNAMED] = "unnamed",
		[DLW_TYPE_NAMED] = "named",
	};

	return WORD(words, type);
}
