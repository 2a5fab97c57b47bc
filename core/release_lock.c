/*
 * core/release_lock.c - release conditions of what is held and given back
 */
#include "core/release_builder.h"

/* Who holds a lock, each thread once: holds are listed thread by thread. */
struct holders {
	uint32_t count;   /* different threads */
	uint32_t writers; /* of them, those with an exclusive hold */
	uint32_t only;    /* the last one seen: the one if count is 1 */
	uint32_t writer;  /* the last exclusive one seen */
	bool self_reads, self_writes;
};

static bool is_exclusive(const struct dlw_resource_state *resource, enum dlw_mode mode)
{
	if (resource->kind == DLW_RWLOCK || resource->kind == DLW_CUSTOM ||
	    resource->kind == DLW_FILE_LOCK)
		return mode != DLW_SHARED;
	return true;
}

/* A robust mutex lost its dead holder's claim when somebody else came to hold it. */
static bool claim_lapsed(const struct builder *b, const struct dlw_hold *hold)
{
	const struct dlw_lists *holds = &b->index->holds_of_resource;
	uint32_t i;

	if (!(b->state->resources[hold->resource].traits & DLW_TRAIT_ROBUST) ||
	    !dlw_is_gone(b->state, hold->thread))
		return false;
	for (i = holds->first[hold->resource]; i < holds->first[hold->resource + 1]; i++)
		if (!dlw_is_gone(b->state, b->state->holds[holds->elements[i]].thread))
			return true;
	return false;
}

static struct holders holders_of(const struct builder *b, uint32_t resource, uint32_t self)
{
	const struct dlw_lists *holds = &b->index->holds_of_resource;
	struct holders found = { .only = DLW_NONE, .writer = DLW_NONE };
	uint32_t i;

	for (i = holds->first[resource]; i < holds->first[resource + 1]; i++) {
		const struct dlw_hold *hold = &b->state->holds[holds->elements[i]];
		bool exclusive = is_exclusive(&b->state->resources[resource], hold->mode);

		if (!hold->count || claim_lapsed(b, hold))
			continue;
		if (hold->thread != found.only) {
			found.count++;
			found.only = hold->thread;
		}
		if (exclusive && hold->thread != found.writer) {
			found.writers++;
			found.writer = hold->thread;
		}
		if (hold->thread == self) {
			found.self_writes |= exclusive;
			found.self_reads |= !exclusive;
		}
	}
	return found;
}

bool dlw_owns(const struct builder *b, uint32_t thread, uint32_t resource)
{
	return holders_of(b, resource, thread).self_writes;
}

/* A single owner that will never release: is that certain enough here? */
static uint32_t gone_owner_term(struct builder *b, uint32_t owner, uint32_t resource)
{
	const struct dlw_resource_state *lock = &b->state->resources[resource];

	/*
	 * The kernel hands a robust lock over, unless its holder only vanished in a fork;
	 * a once whose routine was left starts anew.
	 */
	if (((lock->traits & DLW_TRAIT_ROBUST) && !b->state->threads[owner].vanished) ||
	    lock->kind == DLW_ONCE)
		return SATISFIED;
	/* The kernel may hand over a priority inheriting one; who knows what a custom one does. */
	if (((lock->traits & DLW_TRAIT_INHERIT) || lock->kind == DLW_CUSTOM) &&
	    b->level == DLW_LEVEL_OWNED)
		return SATISFIED;
	return dlw_never_node(b);
}

static uint32_t owner_term(struct builder *b, uint32_t owner, uint32_t resource)
{
	return dlw_is_gone(b->state, owner) ? gone_owner_term(b, owner, resource) : node_of(b, owner);
}

/* The thread waits for a lock that it owns exclusively itself. */
static uint32_t relock_term(struct builder *b, uint32_t self, uint32_t resource)
{
	const struct dlw_resource_state *lock = &b->state->resources[resource];

	switch (lock->kind) {
	case DLW_MUTEX:
	case DLW_CUSTOM:
		if (lock->type == DLW_TYPE_NORMAL || lock->type == DLW_TYPE_ADAPTIVE)
			return node_of(b, self);
		/* Recursive and error-checking ones do not wait: the records contradict themselves. */
		if (lock->type == DLW_TYPE_UNKNOWN && b->level != DLW_LEVEL_OWNED)
			return node_of(b, self);
		return SATISFIED;
	case DLW_SPINLOCK:
	case DLW_ONCE:
		return node_of(b, self);
	default:
		/* A rwlock's writer gets EDEADLK and does not wait. */
		return SATISFIED;
	}
}

/* All who hold it in whatever mode: shared by all who want it for writing. */
static uint32_t all_holders_term(struct builder *b, uint32_t resource)
{
	const struct dlw_lists *holds = &b->index->holds_of_resource;
	uint32_t i, count = 0, last = DLW_NONE, gate = b->writer_gates[resource];

	if (gate != DLW_NONE)
		return gate;
	gate = dlw_graph_add_node(b->graph, 0);
	b->writer_gates[resource] = gate;
	for (i = holds->first[resource]; i < holds->first[resource + 1]; i++) {
		const struct dlw_hold *hold = &b->state->holds[holds->elements[i]];
		uint32_t term;

		if (!hold->count || hold->thread == last || claim_lapsed(b, hold))
			continue;
		last = hold->thread;
		term = owner_term(b, last, resource);
		if (term == SATISFIED)
			continue;
		dlw_graph_add_input(b->graph, gate, term, resource);
		count++;
	}
	if (!b->graph->failed)
		b->graph->need[gate] = count;
	return gate;
}

/*
 * A lock in somebody's way. Records that disagree about who owns it, or that
 * name nobody, mean that we do not know: then it is in nobody's way.
 */
uint32_t dlw_lock_term(struct builder *b, uint32_t self, uint32_t resource, bool exclusive)
{
	struct holders holders = holders_of(b, resource, self);

	if (!holders.count || (holders.writers && holders.count > 1))
		return SATISFIED;
	if (holders.self_writes)
		return relock_term(b, self, resource);
	if (holders.count == 1 && (exclusive || holders.writers))
		return owner_term(b, holders.only, resource);
	return exclusive ? all_holders_term(b, resource) : SATISFIED;
}

/* ---- readers behind queued writers ---------------------------------------------- */

static bool is_queued_writer(const struct builder *b, uint32_t thread, uint32_t self)
{
	return thread != self && want_of(b, thread)->mode == DLW_EXCLUSIVE;
}

/*
 * A rwlock that prefers writers and knows no recursive readers keeps a reader
 * out while a writer stands before it in the queue. Where the order of the queue
 * is unknown and no writer holds the lock, some writer must be the reason: if
 * none of them can go on, the reader cannot.
 */
uint32_t dlw_queue_term(struct builder *b, uint32_t self, uint32_t resource)
{
	const struct dlw_lists *waiters = &b->index->waiters;
	uint64_t place = want_of(b, self)->order;
	uint32_t i, ahead = 0, unordered = 0, gate;

	if (b->state->resources[resource].type != DLW_TYPE_PREFER_WRITER_NONRECURSIVE)
		return SATISFIED;
	for (i = waiters->first[resource]; i < waiters->first[resource + 1]; i++) {
		uint32_t writer = waiters->elements[i];
		uint64_t its_place = want_of(b, writer)->order;

		if (!is_queued_writer(b, writer, self))
			continue;
		ahead += place && its_place && its_place < place;
		unordered += !place || !its_place;
	}
	if (!ahead && (!unordered || b->level == DLW_LEVEL_OWNED))
		return SATISFIED;
	gate = dlw_graph_add_node(b->graph, ahead ? ahead : 1);
	for (i = waiters->first[resource]; i < waiters->first[resource + 1]; i++) {
		uint32_t writer = waiters->elements[i];
		uint64_t its_place = want_of(b, writer)->order;

		if (!is_queued_writer(b, writer, self) ||
		    (ahead && !(its_place && its_place < place)))
			continue;
		dlw_graph_add_input(b->graph, gate, node_of(b, writer), resource);
	}
	return gate;
}

/* ---- file locks --------------------------------------------------------------- */

/*
 * Locks on a file belong to open file descriptions or processes, and every
 * thread of a process that has one can give it up. One exclusive lock excludes
 * all others, so several processes that seem to hold one share it: any of them
 * will do. Shared ones are counted by description where that is known, else by
 * process, and all have to go.
 */
struct file_lock {
	uint32_t resource;
	uint32_t own_process; /* a lock of a process is never in its own way */
	bool exclusive;       /* how it is wanted */
};

static bool is_in_the_way(const struct builder *b, const struct file_lock *wanted,
			  const struct dlw_hold *hold)
{
	/* one of an open file description is, if it was opened twice */
	return hold->count &&
	       (hold->description ||
		b->state->threads[hold->thread].process != wanted->own_process) &&
	       (wanted->exclusive || hold->mode != DLW_SHARED);
}

static bool is_same_claim(const struct builder *b, const struct dlw_hold *a,
			  const struct dlw_hold *c)
{
	if (a->mode != DLW_SHARED || c->mode != DLW_SHARED)
		return a->mode != DLW_SHARED && c->mode != DLW_SHARED;
	if (a->description || c->description)
		return a->description == c->description;
	return b->state->threads[a->thread].process == b->state->threads[c->thread].process;
}

/* One claim on the file: some thread of some process that has it must go on. */
static uint32_t claim_term(struct builder *b, const struct file_lock *wanted,
			   const struct dlw_hold *claim)
{
	const struct dlw_lists *holds = &b->index->holds_of_resource;
	const struct dlw_lists *others = &b->index->releasers;
	uint32_t gate = dlw_graph_add_node(b->graph, 1), i, r = wanted->resource;

	for (i = holds->first[r]; i < holds->first[r + 1]; i++) {
		const struct dlw_hold *hold = &b->state->holds[holds->elements[i]];
		uint32_t process = b->state->threads[hold->thread].process;

		if (!is_in_the_way(b, wanted, hold) || !is_same_claim(b, claim, hold))
			continue;
		if (b->state->processes[process].ended)
			return SATISFIED; /* the kernel has dropped it */
		dlw_graph_add_input(b->graph, gate, dlw_process_gate(b, process), r);
	}
	for (i = others->first[r]; i < others->first[r + 1]; i++) {
		uint32_t releaser = b->state->releasers[others->elements[i]].thread;

		if (!dlw_is_gone(b->state, releaser))
			dlw_graph_add_input(b->graph, gate, node_of(b, releaser), r);
	}
	return gate;
}

static bool is_first_of_claim(const struct builder *b, const struct file_lock *wanted,
			      uint32_t position)
{
	const struct dlw_lists *holds = &b->index->holds_of_resource;
	const struct dlw_hold *claim = &b->state->holds[holds->elements[position]];
	uint32_t i;

	for (i = holds->first[wanted->resource]; i < position; i++) {
		const struct dlw_hold *hold = &b->state->holds[holds->elements[i]];

		if (is_in_the_way(b, wanted, hold) && is_same_claim(b, claim, hold))
			return false;
	}
	return true;
}

uint32_t dlw_file_lock_term(struct builder *b, uint32_t self, uint32_t resource, bool exclusive)
{
	const struct dlw_lists *holds = &b->index->holds_of_resource;
	struct file_lock wanted = { resource, b->state->threads[self].process, exclusive };
	uint32_t i, claims = 0, gate = dlw_graph_add_node(b->graph, 0);

	for (i = holds->first[resource]; i < holds->first[resource + 1]; i++) {
		const struct dlw_hold *hold = &b->state->holds[holds->elements[i]];
		uint32_t term;

		if (!is_in_the_way(b, &wanted, hold) || !is_first_of_claim(b, &wanted, i))
			continue;
		term = claim_term(b, &wanted, hold);
		if (term == SATISFIED)
			continue;
		dlw_graph_add_input(b->graph, gate, term, resource);
		claims++;
	}
	if (!b->graph->failed)
		b->graph->need[gate] = claims;
	return gate;
}
