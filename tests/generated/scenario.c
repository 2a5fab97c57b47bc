/*
 * scenario.c FILE hang|end - run the scenario written in FILE (see scenario.h)
 *
 * `hang`: some threads will never end; when standard input ends, all processes
 * leave. `end`: every thread must end by itself; then "ended THREADS" is
 * printed. Either way each process prints where it has its objects, as
 * "object NUMBER ADDRESS", and "started" once all threads run.
 */
#include "scenario.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct declaration declarations[OBJECTS];
struct actor actors[THREADS];
struct shared *shared;
int children[PROCESSES];

static int parents[PROCESSES];
static struct object private_objects[OBJECTS];
static int object_count, actor_count, process_count, this_process;
static int shared_file;
static __thread struct actor *me;
static __thread unsigned int my_step;

void give_up(const char *what, long one, long two)
{
	dprintf(2, "scenario: %s: %s (%ld, %ld)\n", me ? me->name : "main", what, one, two);
	_exit(99);
}

struct object *object_at(long number)
{
	return declarations[number].process < 0 ? &shared->objects[number]
						: &private_objects[number];
}

/* ---- reading ------------------------------------------------------------------------ */

static void read_object(const char *line)
{
	struct declaration declared = { .value = 0 };
	int number;

	if (sscanf(line, "object %d %15s %31s %d %u", &number, declared.kind, declared.variant,
		   &declared.process, &declared.value) != 5 ||
	    number != object_count || number >= OBJECTS)
		give_up("bad object", object_count, 0);
	declarations[object_count++] = declared;
}

static void read_thread(const char *line)
{
	struct actor *actor = &actors[actor_count];
	int number, joined;

	if (actor_count == THREADS ||
	    sscanf(line, "thread %d %d %15s %d", &number, &actor->process, actor->name, &joined) !=
		    4 ||
	    number != actor_count || actor->process >= PROCESSES)
		give_up("bad thread", actor_count, 0);
	actor->joined = joined == 1;
	actor->alone = joined == 2;
	if (actor->process >= process_count)
		process_count = actor->process + 1;
	actor_count++;
}

static void read_parent(const char *line)
{
	int process, parent;

	if (sscanf(line, "parent %d %d", &process, &parent) != 2 || process < 1 ||
	    process >= PROCESSES)
		give_up("bad parent", process, parent);
	parents[process] = parent;
}

static void read_step(const char *line)
{
	struct actor *actor = &actors[actor_count - 1];
	const struct step_kind *kind;
	struct step step = { .expected = 0 };
	char word[16];

	if (sscanf(line, "%15s %ld %ld %ld", word, &step.arguments[0], &step.arguments[1],
		   &step.arguments[2]) < 1)
		return;
	kind = find_step(word);
	if (!kind || !actor_count)
		give_up(line, actor_count, 0);
	step.run = kind->run;
	step.expected = kind->expected;
	step.ends_once = !kind->run;
	actor->steps = realloc(actor->steps, (actor->count + 1) * sizeof(step));
	if (!actor->steps)
		give_up("out of memory", 0, 0);
	actor->steps[actor->count++] = step;
}

static void read_scenario(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[256];

	if (!file)
		give_up(path, errno, 0);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "object ", 7) == 0)
			read_object(line);
		else if (strncmp(line, "thread ", 7) == 0)
			read_thread(line);
		else if (strncmp(line, "parent ", 7) == 0)
			read_parent(line);
		else
			read_step(line);
	}
	fclose(file);
}

/* ---- running ------------------------------------------------------------------------ */

void run_steps(void)
{
	while (my_step < me->count) {
		const struct step *step = &me->steps[my_step++];
		int result;

		if (step->ends_once)
			return;
		result = step->run(step->arguments);
		if (result != step->expected)
			give_up("unexpected result of step", my_step - 1, result);
	}
}

static void *act(void *argument)
{
	me = argument;
	me->tid = gettid();
	pthread_setname_np(pthread_self(), me->name);
	run_steps();
	return NULL;
}

static void start_threads(void)
{
	pthread_attr_t attributes;
	int i;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 << 10);
	for (i = 0; i < actor_count; i++)
		if (actors[i].process == this_process && !actors[i].alone &&
		    pthread_create(&actors[i].thread, &attributes, act, &actors[i]) != 0)
			give_up("no thread", i, errno);
}

/** act_alone() - as the main thread of a process that has no other */
static void act_alone(void)
{
	int i;

	for (i = 0; i < actor_count; i++)
		if (actors[i].process == this_process && actors[i].alone)
			act(&actors[i]);
}

static void map_shared(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, shared_file, 0);
	if (shared == MAP_FAILED)
		give_up("no shared memory", errno, 0);
}

/** make_objects() - those of this process; the first one also makes the shared ones */
static void make_objects(void)
{
	int i, owner;

	for (i = 0; i < object_count; i++) {
		owner = declarations[i].process;
		if (owner == this_process)
			initialise(i);
		if (owner == this_process || owner < 0)
			printf("object %d %p\n", i,
			       declarations[i].named ? (void *)declarations[i].named
						     : (void *)object_at(i));
	}
}

static void make_shared_objects(void)
{
	int i;

	for (i = 0; i < object_count; i++)
		if (declarations[i].process < 0)
			initialise(i);
}

/** move_in() - what a child does first: have the shared memory somewhere else */
static void move_in(int process)
{
	struct shared *before = shared;

	this_process = process;
	/* all at once: who dies first must not hand its locks to those who live on */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	map_shared();
	munmap(before, sizeof(*before));
}

/** fork_children() - and they theirs: everybody's parent is who the text says */
static void fork_children(void)
{
	const int parent = this_process;
	int process;

	for (process = 1; process < process_count; process++) {
		if (parents[process] != parent)
			continue;
		children[process] = fork();
		if (children[process] != 0)
			continue;
		move_in(process);
		fork_children();
		return;
	}
}

static void wait_for_the_end(void)
{
	char byte;

	/* The others go with the first one: see move_in(). */
	if (this_process != 0)
		pass_gate(&shared->never, 2 * PROCESSES);
	while (read(0, &byte, 1) > 0)
		;
}

static void join_threads(void)
{
	int i, status;

	for (i = 0; i < actor_count; i++)
		if (actors[i].process == this_process && !actors[i].joined && !actors[i].alone)
			pthread_join(actors[i].thread, NULL);
	while (wait(&status) > 0)
		if (status != 0)
			give_up("a process ended badly", status, 0);
}

int main(int count, char **arguments)
{
	static uint32_t *started;
	int i;

	if (count != 3)
		give_up("usage: scenario FILE hang|end", 0, 0);
	read_scenario(arguments[1]);
	shared_file = memfd_create("scenario", MFD_CLOEXEC);
	if (shared_file < 0 || ftruncate(shared_file, sizeof(*shared)) < 0)
		give_up("no shared memory", errno, 0);
	map_shared();
	make_shared_objects();
	fork_children();
	for (i = 0; i < object_count; i++)
		keep_own_ends(i, this_process);
	make_objects();
	start_threads();
	started = &shared->gates[GATES - 1];
	pass_gate(started, this_process == 0 ? (uint32_t)process_count : 0);
	fflush(stdout);
	act_alone();
	if (strcmp(arguments[2], "hang") == 0) {
		wait_for_the_end();
		_exit(0);
	}
	join_threads();
	if (this_process == 0)
		printf("ended %d\n", actor_count);
	return 0;
}
