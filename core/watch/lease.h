/*
 * core/watch/lease.h - a task of the session that one living process has
 *
 * The holder writes its name into the lease; it is anybody's again when the
 * holder gives it back, dies, or is stopped.
 */
#ifndef DLW_CORE_WATCH_LEASE_H
#define DLW_CORE_WATCH_LEASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <dlwatch/session.h>

/** dlw_lease_name() - what the process @pid that began at @start writes into a lease */
uint64_t dlw_lease_name(int32_t pid, uint64_t start);

/**
 * dlw_leases_in() - those of a pid namespace, which begin when first asked for
 *
 * Return: NULL: the namespace is not known, or there are too many.
 */
struct dlw_leases *dlw_leases_in(struct dlw_session *session, uint64_t pid_namespace);

/** dlw_lease_take() - Return: the lease is @own's, now or already */
bool dlw_lease_take(_Atomic uint64_t *lease, uint64_t own);

/** dlw_lease_is_taken() - somebody has it who can use it */
bool dlw_lease_is_taken(const _Atomic uint64_t *lease);

/** dlw_lease_release() - if it is @own's */
void dlw_lease_release(_Atomic uint64_t *lease, uint64_t own);

#endif
