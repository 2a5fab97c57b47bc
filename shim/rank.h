/*
 * shim/rank.h - locks that have ranks (dlwatch_class()) are taken in rising order
 */
#ifndef DLW_SHIM_RANK_H
#define DLW_SHIM_RANK_H

#include "shim/context.h"

/** dlw_rank_check_slow() - the lock was just taken, and is the newest hold: is one of a higher rank below? */
void dlw_rank_check_slow(struct dlw_context *self, enum dlw_kind kind, uint64_t address,
			 uint32_t stack);

/** dlw_rank_check() - the same; costs a look where no lock has a rank. A try cannot block. */
static inline void dlw_rank_check(struct dlw_context *self, enum dlw_kind kind,
				  uint64_t address, enum dlw_form form, uint32_t stack)
{
	if (dlw_unlikely(dlw_runtime->ranked) && form != DLW_FORM_TRY)
		dlw_rank_check_slow(self, kind, address, stack);
}

#endif
