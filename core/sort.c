/*
 * core/sort.c - heap sort: no recursion, no memory, never quadratic
 */
#include "core/sort.h"

static void sift_down(uint32_t *heap, uint64_t top, uint64_t count, dlw_compare *compare,
		      const void *context)
{
	uint32_t element = heap[top];
	uint64_t child;

	for (child = 2 * top + 1; child < count; child = 2 * top + 1) {
		if (child + 1 < count && compare(context, heap[child], heap[child + 1]) < 0)
			child++;
		if (compare(context, element, heap[child]) >= 0)
			break;
		heap[top] = heap[child];
		top = child;
	}
	heap[top] = element;
}

void dlw_sort(uint32_t *elements, uint32_t count, dlw_compare *compare, const void *context)
{
	uint32_t i, last;

	for (i = count / 2; i-- > 0;)
		sift_down(elements, i, count, compare, context);
	for (i = count; i-- > 1;) {
		last = elements[i];
		elements[i] = elements[0];
		elements[0] = last;
		sift_down(elements, 0, i, compare, context);
	}
}
