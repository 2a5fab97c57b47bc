/*
 * core/finding_text.c - the plain report for when no renderer can be had
 *
 * The order of the full report, with modules and offsets for names. Bytes that
 * a terminal might obey are shown as '?'.
 */
#include <stdarg.h>
#include <string.h>

#include "core/finding.h"
#include "core/finding_json.h"
#include "core/format.h"
#include "core/site.h"

struct page {
	const struct dlw_state *state;
	const struct dlw_finding *finding;
	const struct dlw_writer *writer;
};

static void put_harmless(void *context, const char *text, size_t length)
{
	const struct dlw_writer *writer = context;
	size_t plain = 0, i;

	for (i = 0; i < length; i++) {
		unsigned char letter = (unsigned char)text[i];

		if ((letter >= 0x20 && letter != 0x7f) || letter == '\n')
			continue;
		writer->put(writer->context, text + plain, i - plain);
		writer->put(writer->context, "?", 1);
		plain = i + 1;
	}
	writer->put(writer->context, text + plain, length - plain);
}

static void say(const struct page *page, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct page *page, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	dlw_format(put_harmless, (void *)page->writer, format, arguments);
	va_end(arguments);
}

static void say_resource(const struct page *page, uint32_t resource)
{
	const struct dlw_resource_state *state = &page->state->resources[resource];
	uint32_t position = dlw_resource_position(page->finding, resource);
	char id[16] = "?";

	if (position != DLW_NONE)
		dlw_resource_id(page->state, page->finding, position, id);
	say(page, "%s (%s", id, dlw_kind_word(state->kind));
	if (state->name && *state->name)
		say(page, " %s", state->name);
	else if (state->kind == DLW_THREAD && state->subject != DLW_NONE)
		say(page, " tid %d", page->state->threads[state->subject].tid);
	else if (state->kind == DLW_PROCESS && state->subject != DLW_NONE)
		say(page, " pid %d", page->state->processes[state->subject].pid);
	else if (state->address)
		say(page, " at 0x%llx", (unsigned long long)state->address);
	say(page, ")");
}

static void say_stack(const struct page *page, uint32_t thread, const struct dlw_stack *stack)
{
	uint32_t i;

	for (i = 0; i < stack->depth; i++) {
		struct dlw_place place =
			dlw_place_of(dlw_process_of(page->state, thread), stack->frames[i]);

		say(page, "        #%u %s%s0x%llx\n", i, place.module, *place.module ? "+" : "",
		    (unsigned long long)place.offset);
	}
}

/* Whole milliseconds since @since_ns; nothing where that is not known. */
static void say_age(const struct page *page, uint64_t since_ns)
{
	uint64_t ms;

	if (!since_ns || page->state->now_ns < since_ns)
		return;
	ms = (page->state->now_ns - since_ns) / 1000000;
	say(page, " for %llu.%c%c%c s", (unsigned long long)(ms / 1000),
	    (char)('0' + ms / 100 % 10), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10));
}

static void say_who(const struct page *page, uint32_t thread)
{
	const struct dlw_thread_state *who = &page->state->threads[thread];

	if (who->name && *who->name)
		say(page, "'%s' (tid %d)", who->name, who->tid);
	else
		say(page, "thread %d", who->tid);
	if (page->state->process_count > 1)
		say(page, " of process %d", dlw_process_of(page->state, thread)->pid);
}

static void say_holds(const struct page *page, uint32_t thread)
{
	uint32_t i = DLW_NONE;

	while ((i = dlw_next_hold(page->state, page->finding, thread, i)) != DLW_NONE) {
		const struct dlw_hold *hold = &page->state->holds[i];

		say(page, "    holds ");
		say_resource(page, hold->resource);
		say(page, " %s", dlw_mode_word(hold->mode));
		if (hold->count > 1)
			say(page, " %u times", hold->count);
		say(page, ", taken at\n");
		say_stack(page, thread, &hold->stack);
	}
}

static void say_thread(const struct page *page, uint32_t thread)
{
	const struct dlw_want *want = &page->state->threads[thread].want;

	say(page, "  ");
	say_who(page, thread);
	say(page, "\n");
	if (page->finding->kind == DLW_MISUSE && thread == page->finding->core[0]) {
		say(page, "    %s of ", dlw_misuse_word(page->finding->misuse));
		say_resource(page, page->finding->resources[0]);
		if (page->finding->misuse_count > 1)
			say(page, ", %u times", page->finding->misuse_count);
		say(page, want->stack.depth ? ", at\n" : "\n");
		say_stack(page, thread, &want->stack);
	}
	if (want->resource < page->state->resource_count) {
		say(page, "    waits");
		say_age(page, want->since_ns);
		say(page, " for ");
		say_resource(page, want->resource);
		say(page, " %s, at\n", dlw_mode_word(want->mode));
		say_stack(page, thread, &want->stack);
	}
	say_holds(page, thread);
}

static void say_threads(const struct page *page, const uint32_t *threads, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		say_thread(page, threads[i]);
}

static void say_steps(const struct page *page)
{
	uint32_t i;

	for (i = 0; i < page->finding->edge_count; i++) {
		const struct dlw_core_edge *edge = &page->finding->edges[i];

		say(page, "  ");
		say_who(page, edge->thread);
		say(page, " -> ");
		say_resource(page, edge->resource);
		if (edge->next != DLW_NONE) {
			say(page, " -> ");
			say_who(page, edge->next);
		}
		say(page, "\n");
	}
}

static void say_conditions(const struct page *page)
{
	static const char *const names[DLW_COFFMAN_COUNT] = {
		[DLW_MUTUAL_EXCLUSION] = "mutual exclusion",
		[DLW_HOLD_AND_WAIT] = "hold and wait",
		[DLW_NO_PREEMPTION] = "no preemption",
		[DLW_CIRCULAR_WAIT] = "circular wait",
	};
	int i;

	for (i = 0; i < DLW_COFFMAN_COUNT; i++) {
		const struct dlw_condition *condition = &page->finding->coffman[i];

		say(page, "  %s %s: %s\n", names[i], condition->holds ? "holds" : "is broken",
		    condition->evidence ? condition->evidence : "");
	}
}

/* The same line as in JSON; places nobody captured are left out. */
static void say_suppression(const struct page *page)
{
	const char *separator = "";
	uint32_t i;

	say(page, "suppress with: %s:", dlw_finding_kind_word(page->finding->kind));
	for (i = 0; i < page->finding->core_count; i++) {
		uint32_t thread = page->finding->core[i];
		const struct dlw_stack *stack = dlw_finding_site(page->state, page->finding, i);
		struct dlw_place place;

		if (!stack)
			continue;
		place = dlw_place_of(dlw_process_of(page->state, thread), stack->frames[0]);
		say(page, "%s%s%s0x%llx", separator, dlw_base_name(place.module),
		    *place.module ? "+" : "", (unsigned long long)place.offset);
		separator = ",";
	}
}

static void say_headline(const struct page *page)
{
	const struct dlw_finding *finding = page->finding;

	say(page, "dlwatch: %s (%s): ", dlw_finding_kind_word(finding->kind),
	    dlw_verdict_word(finding->verdict));
	if (finding->kind == DLW_MISUSE)
		say(page, "%s\n", dlw_misuse_word(finding->misuse));
	else
		say(page, "%u %s\n", finding->core_count,
		    finding->core_count == 1 ? "thread waits for ever"
					     : "threads wait for ever");
}

void dlw_finding_write_text(const struct dlw_state *state, const struct dlw_finding *finding,
			    const struct dlw_writer *writer)
{
	struct page page = { state, finding, writer };

	say_headline(&page);
	say_steps(&page);
	say(&page, "\n");
	say_threads(&page, finding->core, finding->core_count);
	if (finding->stuck_count)
		say(&page, "\nstuck behind them:\n");
	say_threads(&page, finding->stuck, finding->stuck_count);
	say(&page, "\nconditions of a deadlock:\n");
	say_conditions(&page);
	say(&page, "\nadvice: %s\n", finding->advice ? finding->advice : "");
	say_suppression(&page);
	say(&page, "\nfingerprint: %s\n", finding->fingerprint);
}

void dlw_python_write_text(int32_t pid, const char *text, const struct dlw_writer *writer)
{
	struct page page = { .writer = writer };

	say(&page, "\nthe interpreter of process %d, newest thread first:\n\n%s", pid, text);
}
