/*
 * core/search.h - a place in what is sorted
 *
 *	uint32_t at = dlw_first(i, 0, count, numbers[i] >= number);
 *
 *	return at < count && numbers[at] == number;
 */
#ifndef DLW_CORE_SEARCH_H
#define DLW_CORE_SEARCH_H

/**
 * dlw_first() - the first @i from @from on for which @condition holds; @to if for none before that
 *
 * It must hold for all that come after one for which it does. @i is a name for it to be
 * said with; @to says of which type.
 */
#define dlw_first(i, from, to, condition)                                  \
	({                                                                 \
		__typeof__((to) + 0) low_ = (from), high_ = (to);          \
                                                                           \
		while (low_ < high_) {                                     \
			__typeof__((to) + 0) i = low_ + (high_ - low_) / 2; \
                                                                           \
			if (condition)                                     \
				high_ = i;                                 \
			else                                               \
				low_ = i + 1;                              \
		}                                                          \
		low_;                                                      \
	})

#endif
