/* Waits that the kernel alone knows of: for children, pipes, sockets, file locks. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "fixture.h"

static int forth[2], back[2], files[2];
static pthread_mutex_t shelf_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t *shared_lock;

static void fill(int fd)
{
	char bytes[4096] = "";

	closing();
	for (;;)
		require(write(fd, bytes, sizeof(bytes)) > 0, "write");
}

static void await_byte(int fd)
{
	char byte;
	ssize_t got = read(fd, &byte, 1);

	require(got >= 0, "read");
	if (got == 0)
		_exit(0); /* who has the other end was ended */
}

static void send_byte(int fd)
{
	require(write(fd, "x", 1) == 1, "write");
}

static pid_t start_child(void (*body)(void))
{
	pid_t child = fork();

	require(child >= 0, "fork");
	if (child == 0) {
		prctl(PR_SET_NAME, "child");
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body();
		_exit(0);
	}
	return child;
}

static void await_child(pid_t child)
{
	int status;

	closing();
	waitpid(child, &status, 0);
}

/* the child answers only when it is asked, and nobody asks */
static void read_question(void)
{
	close(forth[1]);
	closing();
	await_byte(forth[0]);
}

static void two_readers(void)
{
	start_child(read_question);
	closing();
	await_byte(back[0]);
}

static void read_own_end(void)
{
	closing(); /* forth[1] was left open: no end of file ever comes */
	await_byte(forth[0]);
}

static void fill_socket(void)
{
	close(forth[0]);
	fill(forth[1]);
}

static void both_full(void)
{
	start_child(fill_socket);
	close(forth[1]);
	fill(forth[0]);
}

static int temporary_file(void)
{
	char path[] = "/tmp/dlwatch-e2e.XXXXXX";
	int fd = mkstemp(path);

	require(fd >= 0, "mkstemp");
	unlink(path);
	return fd;
}

static int open_anew(int fd)
{
	char path[64];
	int other;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, O_RDWR | O_CLOEXEC);
	require(other >= 0, "open");
	return other;
}

static void lock_record(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5 };

	require(fcntl(fd, F_SETLKW, &lock) == 0, "fcntl");
}

static void lock_second_then_first(void)
{
	int first = open_anew(files[0]), second = open_anew(files[1]);

	flock(second, LOCK_EX);
	send_byte(back[1]);
	await_byte(forth[0]);
	closing();
	flock(first, LOCK_EX);
}

static void crossed_files(void)
{
	int first, second;

	files[0] = temporary_file();
	files[1] = temporary_file();
	start_child(lock_second_then_first);
	first = open_anew(files[0]);
	second = open_anew(files[1]);
	flock(first, LOCK_EX);
	await_byte(back[0]);
	send_byte(forth[1]);
	closing();
	flock(second, LOCK_EX);
}

/* opened twice, a file is locked against oneself */
static void own_file(void)
{
	int first = temporary_file(), again = open_anew(first);

	flock(first, LOCK_EX);
	closing();
	flock(again, LOCK_EX);
}

/* the child has the file and wants the lock in memory; the parent the other way round */
static void file_then_memory(void)
{
	lock_record(files[0]);
	send_byte(back[1]);
	await_byte(forth[0]);
	closing();
	pthread_mutex_lock(shared_lock);
}

static void make_shared_lock(void)
{
	pthread_mutexattr_t attributes;

	shared_lock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	require(shared_lock != MAP_FAILED, "mmap");
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(shared_lock, &attributes);
}

static void memory_then_file(void)
{
	make_shared_lock();
	files[0] = temporary_file();
	start_child(file_then_memory);
	pthread_mutex_lock(shared_lock);
	await_byte(back[0]);
	send_byte(forth[1]);
	closing();
	lock_record(files[0]);
}

static void want_shared_lock(void)
{
	closing();
	pthread_mutex_lock(shared_lock);
}

static void use_a_lock(int signal)
{
	(void)signal;
	pthread_mutex_lock(&shelf_lock);
	pthread_mutex_unlock(&shelf_lock);
}

static void lock_under_handler(void)
{
	signal(SIGINT, use_a_lock);
	lock_second_then_first();
}

/* asleep, the child uses its first lock: in a handler. Then it is gone, and the other one goes on */
static void wake_and_kill(pid_t child)
{
	if (fork() != 0)
		return;
	usleep(1500000);
	kill(child, SIGINT);
	usleep(1500000);
	kill(child, SIGKILL);
	_exit(0);
}

static void first_lock_late(void)
{
	int first, second;

	files[0] = temporary_file();
	files[1] = temporary_file();
	wake_and_kill(start_child(lock_under_handler));
	first = open_anew(files[0]);
	second = open_anew(files[1]);
	flock(first, LOCK_EX);
	await_byte(back[0]);
	send_byte(forth[1]);
	closing();
	flock(second, LOCK_EX);
}

static void wait_holding(void)
{
	make_shared_lock();
	pthread_mutex_lock(shared_lock);
	await_child(start_child(want_shared_lock));
}

/* main waits for the child, which writes what only `reader' reads, who wants main's lock */
static void chat(void)
{
	close(forth[0]);
	fill(forth[1]);
}

static void *read_under_lock(void *unused)
{
	named("reader");
	closing();
	pthread_mutex_lock(&shelf_lock);
	await_byte(forth[0]);
	return unused;
}

static void wait_holding_readers_lock(void)
{
	pid_t child = start_child(chat);

	close(forth[1]);
	pthread_mutex_lock(&shelf_lock);
	start(read_under_lock, NULL);
	await_child(child);
}

/* the parent would take an answer or a question from either pipe; the child waits for its word */
static void poll_both(void)
{
	struct pollfd either[] = { { -1, POLLIN, 0 }, { back[0], POLLIN, 0 }, { forth[0], POLLIN, 0 } };

	start_child(read_question);
	closing();
	require(poll(either, 3, -1) > 0, "poll");
}

static void select_question(void)
{
	fd_set questions;

	close(forth[1]);
	FD_ZERO(&questions);
	FD_SET(forth[0], &questions);
	closing();
	require(select(forth[0] + 1, &questions, NULL, NULL, NULL) > 0, "select");
}

static void wait_for_selector(void)
{
	await_child(start_child(select_question));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*body)(void);
	} ways[] = {
		{ "two_readers", two_readers },     { "own_end", read_own_end },
		{ "both_full", both_full },         { "crossed_files", crossed_files },
		{ "own_file", own_file },	    { "first_lock_late", first_lock_late },
		{ "memory_then_file", memory_then_file }, { "wait_holding", wait_holding },
		{ "readers_lock", wait_holding_readers_lock },
		{ "poll_both", poll_both },	    { "selector", wait_for_selector },
	};
	unsigned i;

	require(argc == 2, "argument");
	if (!strcmp(argv[1], "both_full"))
		require(socketpair(AF_UNIX, SOCK_STREAM, 0, forth) == 0, "socketpair");
	else
		require(pipe(forth) == 0 && pipe(back) == 0, "pipe");
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(argv[1], ways[i].name))
			ways[i].body();
	return 0;
}
