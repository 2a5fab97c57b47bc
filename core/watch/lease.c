/*
 * core/watch/lease.c - compare and swap, and a look at /proc
 */
#include "core/watch/lease.h"

#include "core/watch/procfs.h"

uint64_t dlw_lease_name(int32_t pid, uint64_t start)
{
	return (uint64_t)pid << 32 | (uint32_t)start;
}

static bool is_kept(uint64_t name)
{
	int32_t pid = (int32_t)(name >> 32);
	struct dlw_process_line line;

	if (!dlw_process_describe(pid, &line) || dlw_lease_name(pid, line.start) != name)
		return false;
	if (line.letter == 'Z' || line.letter == 'X') /* its first thread has ended */
		return dlw_process_task(pid);
	return line.letter != 'T' && line.letter != 't';
}

struct dlw_leases *dlw_leases_in(struct dlw_session *session, uint64_t pid_namespace)
{
	int i;

	for (i = 0; pid_namespace && i < DLW_LEASES; i++) {
		uint64_t none = 0;

		if (atomic_compare_exchange_strong(&session->leases[i].pid_namespace, &none,
						   pid_namespace) ||
		    none == pid_namespace)
			return &session->leases[i];
	}
	return NULL;
}

bool dlw_lease_take(_Atomic uint64_t *lease, uint64_t own)
{
	uint64_t holder = atomic_load_explicit(lease, memory_order_acquire);

	if (holder == own)
		return true;
	if (holder && is_kept(holder))
		return false;
	return atomic_compare_exchange_strong(lease, &holder, own);
}

bool dlw_lease_is_taken(const _Atomic uint64_t *lease)
{
	uint64_t holder = atomic_load_explicit(lease, memory_order_acquire);

	return holder && is_kept(holder);
}

void dlw_lease_release(_Atomic uint64_t *lease, uint64_t own)
{
	atomic_compare_exchange_strong(lease, &own, 0);
}
