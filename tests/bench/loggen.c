/*
 * loggen.c - writes a large log of a program that never ran, to measure the
 * analyzer with
 *
 *	loggen FILE.dlw EVENTS [THREADS [LOCKS]]		(10 locks nested at most 3 deep)
 *	loggen --churn FILE.dlw EVENTS		locks made and destroyed all the time
 *
 * Threads take and give back locks in one order, so there is no deadlock in
 * it; one acquisition in eight waits for its lock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/log_writer.h"

struct shape {
	uint64_t events;
	uint32_t threads, locks;
	bool churn;
};

static uint64_t random_state = 42;

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((random_state >> 33) % limit);
}

/* What is in memory goes to the file now and then: logs are larger than they should be there. */
static void spill(struct log_writer *w, FILE *file)
{
	if (w->out.size < (8u << 20))
		return;
	if (fwrite(w->out.bytes, 1, w->out.size, file) != w->out.size) {
		perror("loggen: cannot write");
		exit(1);
	}
	w->out.size = 0;
}

/** section() - one thread takes up to three locks in ascending order and gives them back */
static uint64_t section(struct log_writer *w, const struct shape *shape, uint32_t serial)
{
	uint32_t depth = 1 + random_below(3), at, lock = 0, taken[3];
	uint64_t events = 0;

	for (at = 0; at < depth && lock < shape->locks; at++) {
		lock += 1 + random_below((shape->locks - lock + 2) / 3);
		if (!random_below(8)) {
			log_want(w, serial, lock, 1 + at);
			events++;
		}
		log_acquired(w, serial, lock, 1 + at);
		taken[at] = lock;
		events++;
	}
	while (at-- > 0) {
		log_released_top(w, serial, 0, taken[at]);
		events++;
	}
	return events;
}

static uint64_t churn(struct log_writer *w, uint32_t id)
{
	struct dlw_record_object record = { .id = id,
					    .kind = DLW_MUTEX,
					    .type = DLW_TYPE_NORMAL,
					    .address = 0x700000000000 + id % 1000 * 64,
					    .init_stack = 4 };

	log_object_record(w, &record, "");
	log_acquired(w, 1, id, 1);
	log_released_top(w, 1, 0, id);
	log_plain(w, 1, DLW_EVENT_DESTROYED, id, 0);
	return 3;
}

static void write_log(const struct shape *shape, FILE *file)
{
	struct log_writer *w = log_writer_new(1);
	uint64_t done = 0;
	uint32_t at;

	log_process(w, "/bin/made-up", "--fast");
	log_module(w, 0x400000, 0x500000, 0x400000, "/bin/made-up");
	for (at = 1; at <= shape->threads; at++)
		log_thread(w, at, 100 + (int32_t)at, "worker");
	for (at = 1; at <= shape->locks && !shape->churn; at++)
		log_object(w, at, DLW_MUTEX, DLW_TYPE_NORMAL, 0x480000 + at * 64u);
	for (at = 1; at <= 4; at++)
		log_stack(w, at, 0x401000 + at * 16, 0x402000);
	for (at = 1; done < shape->events; at++) {
		done += shape->churn ? churn(w, at) :
				       section(w, shape, 1 + random_below(shape->threads));
		spill(w, file);
	}
	log_end(w, DLW_END_EXIT);
	log_writer_close(w);
	if (fwrite(w->log, 1, w->log_size, file) != w->log_size || fclose(file)) {
		perror("loggen: cannot write");
		exit(1);
	}
	printf("%llu events\n", (unsigned long long)done);
	log_writer_free(w);
}

int main(int argc, char **argv)
{
	struct shape shape = { .threads = 4, .locks = 10 };
	FILE *file;

	if (argc > 1 && !strcmp(argv[1], "--churn")) {
		shape.churn = true;
		shape.threads = 1;
		argc--, argv++;
	}
	if (argc < 3) {
		fputs("usage: loggen [--churn] FILE.dlw EVENTS [THREADS [LOCKS]]\n", stderr);
		return 2;
	}
	shape.events = strtoull(argv[2], NULL, 0);
	if (argc > 3)
		shape.threads = (uint32_t)strtoul(argv[3], NULL, 0);
	if (argc > 4)
		shape.locks = (uint32_t)strtoul(argv[4], NULL, 0);
	if (!shape.threads || !shape.locks) {
		fputs("loggen: at least one thread and one lock\n", stderr);
		return 2;
	}
	file = fopen(argv[1], "wb");
	if (!file) {
		perror(argv[1]);
		return 1;
	}
	write_log(&shape, file);
	return 0;
}
