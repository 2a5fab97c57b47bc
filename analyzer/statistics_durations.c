/*
 * statistics_durations.c - how long something took: sums and log-linear buckets
 */
#include <string.h>

#include "analyzer/log_memory.h"
#include "analyzer/statistics.h"
#include "core/search.h"

uint64_t dlw_add_up_to_max(uint64_t total, uint64_t ns)
{
	return ns > INT64_MAX - total ? INT64_MAX : total + ns;
}

/** find_bucket() - where number @number stands, or would stand */
static uint32_t find_bucket(const struct dlw_durations *durations, uint32_t number)
{
	return dlw_first(i, 0, durations->used, durations->buckets[i].number >= number);
}

static void count(struct dlw_durations *durations, uint32_t number, uint32_t times)
{
	uint32_t at = find_bucket(durations, number);
	struct dlw_bucket *bucket;

	if (at == durations->used || durations->buckets[at].number != number) {
		dlw_reserve(durations->buckets, durations->used, durations->room);
		memmove(durations->buckets + at + 1, durations->buckets + at,
			(durations->used - at) * sizeof(*durations->buckets));
		durations->buckets[at] = (struct dlw_bucket){ number, 0 };
		durations->used++;
	}
	bucket = &durations->buckets[at];
	bucket->count = times > UINT32_MAX - bucket->count ? UINT32_MAX : bucket->count + times;
}

void dlw_durations_add(struct dlw_durations *durations, uint64_t ns)
{
	durations->count++;
	durations->total_ns = dlw_add_up_to_max(durations->total_ns, ns);
	if (ns > durations->max_ns)
		durations->max_ns = ns;
	count(durations, dlw_bucket_of(ns), 1);
}

void dlw_durations_merge(struct dlw_durations *into, const struct dlw_durations *from)
{
	uint32_t at;

	into->count += from->count;
	into->total_ns = dlw_add_up_to_max(into->total_ns, from->total_ns);
	if (from->max_ns > into->max_ns)
		into->max_ns = from->max_ns;
	for (at = 0; at < from->used; at++)
		count(into, from->buckets[at].number, from->buckets[at].count);
}

uint64_t dlw_durations_quantile(const struct dlw_durations *durations, uint32_t thousandths)
{
	uint64_t all = 0, seen = 0, end;
	uint32_t at;

	for (at = 0; at < durations->used; at++)
		all += durations->buckets[at].count;
	for (at = 0; at < durations->used; at++) {
		seen += durations->buckets[at].count;
		if (seen * 1000 < all * thousandths)
			continue;
		end = dlw_bucket_from(durations->buckets[at].number + 1) - 1;
		return end < durations->max_ns ? end : durations->max_ns;
	}
	return 0;
}
