/*
 * still_named.c - everybody waits for something that has a name, or had one
 *
 *	still_named kept NAME   the semaphore can be opened by anybody: who knows who comes?
 *	still_named file FILE   as kept, in a file
 *	still_named gone NAME   its name is gone, and nobody else has it
 *	still_named given NAME  its name is gone, but a program out of view has a descriptor of it
 */
#include "fixture.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

static sem_t *signalled;

static void open_semaphore(const char *name)
{
	signalled = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
	require(signalled != SEM_FAILED, "sem_open");
}

static void map_semaphore(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	require(fd >= 0 && ftruncate(fd, sizeof(sem_t)) == 0, "open");
	signalled = mmap(NULL, sizeof(sem_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	require(signalled != MAP_FAILED, "mmap");
	close(fd);
	sem_init(signalled, 1, 0);
}

/** give_away() - a descriptor to a program that dlwatch is kept out of */
static void give_away(const char *name)
{
	char path[128];
	pid_t child;
	int fd;

	snprintf(path, sizeof(path), "/dev/shm/sem.%s", name + 1);
	fd = open(path, O_RDWR);
	require(fd >= 0, "open");
	child = vfork();
	if (child == 0) {
		char *environment[] = { NULL };

		execle("/bin/sleep", "sleep", "1000", (char *)NULL, environment);
		_exit(1);
	}
	require(child > 0, "vfork");
	close(fd);
}

static void *wait_for_signal(void *unused)
{
	(void)unused;
	named("runner");
	closing();
	sem_wait(signalled);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t runner;

	require(argc == 3, "arguments");
	if (!strcmp(argv[1], "file"))
		map_semaphore(argv[2]);
	else
		open_semaphore(argv[2]);
	if (!strcmp(argv[1], "given"))
		give_away(argv[2]);
	if (!strcmp(argv[1], "gone") || !strcmp(argv[1], "given"))
		sem_unlink(argv[2]);
	runner = start(wait_for_signal, NULL);
	pthread_join(runner, NULL);
	return 0;
}
