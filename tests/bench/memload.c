/*
 * memload.c - load for memcached: `memload PORT REQUESTS`
 *
 * One thread keeps CONNECTIONS connections busy, PIPELINE requests on the way
 * in each, nine gets to one set over KEYS keys, and prints nanoseconds per
 * request.  Every answer is checked: a server that answers wrongly is not fast.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 4
#define PIPELINE 64
#define KEYS 4096
#define VALUE_SIZE 100
#define BATCH_ROOM (PIPELINE * (VALUE_SIZE + 64))

static const char stored[] = "STORED\r\n";
static char value[VALUE_SIZE + 1];

static void die(const char *what)
{
	fprintf(stderr, "memload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void protest(const char *answer, size_t length)
{
	fprintf(stderr, "memload: unexpected answer: %.*s\n", (int)(length < 80 ? length : 80),
		answer);
	exit(1);
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void send_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t sent = send(fd, text, length, 0);

		if (sent < 0)
			die("send");
		text += sent;
		length -= (size_t)sent;
	}
}

static void receive_all(int fd, char *text, size_t length)
{
	while (length) {
		ssize_t got = recv(fd, text, length, MSG_WAITALL);

		if (got <= 0)
			die("recv");
		text += got;
		length -= (size_t)got;
	}
}

static size_t put_set(char *to, unsigned key)
{
	return (size_t)sprintf(to, "set key%04u 0 0 %d\r\n%s\r\n", key, VALUE_SIZE, value);
}

static size_t put_get(char *to, unsigned key)
{
	return (size_t)sprintf(to, "get key%04u\r\n", key);
}

/* What memcached answers when the key is there, as it is after fill(). */
static size_t put_answer(char *to, unsigned key)
{
	return (size_t)sprintf(to, "VALUE key%04u 0 %d\r\n%s\r\nEND\r\n", key, VALUE_SIZE, value);
}

/* One batch of requests on its way, and the answer it must get. */
struct batch {
	char answer[BATCH_ROOM];
	size_t answer_length;
};

static void send_batch(int fd, struct batch *batch, uint32_t *seed)
{
	char request[BATCH_ROOM];
	size_t length = 0;

	batch->answer_length = 0;
	for (int i = 0; i < PIPELINE; i++) {
		unsigned key;

		*seed = *seed * 1664525u + 1013904223u;
		key = (*seed >> 8) % KEYS;
		if (i % 10 == 0) {
			length += put_set(request + length, key);
			memcpy(batch->answer + batch->answer_length, stored, sizeof(stored) - 1);
			batch->answer_length += sizeof(stored) - 1;
		} else {
			length += put_get(request + length, key);
			batch->answer_length +=
				put_answer(batch->answer + batch->answer_length, key);
		}
	}
	send_all(fd, request, length);
}

static void receive_batch(int fd, const struct batch *batch)
{
	char answer[BATCH_ROOM];

	receive_all(fd, answer, batch->answer_length);
	if (memcmp(answer, batch->answer, batch->answer_length) != 0)
		protest(answer, batch->answer_length);
}

static void fill(int fd)
{
	char line[VALUE_SIZE + 64];

	for (unsigned key = 0; key < KEYS; key++) {
		send_all(fd, line, put_set(line, key));
		receive_all(fd, line, sizeof(stored) - 1);
		if (memcmp(line, stored, sizeof(stored) - 1) != 0)
			protest(line, sizeof(stored) - 1);
	}
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double run(const int *fds, unsigned long requests)
{
	static struct batch batches[CONNECTIONS];
	unsigned long rounds = requests / (CONNECTIONS * PIPELINE) + 1;
	uint32_t seed = 1;
	double start = now_ns();

	for (int i = 0; i < CONNECTIONS; i++)
		send_batch(fds[i], &batches[i], &seed);
	for (unsigned long round = 1; round <= rounds; round++) {
		for (int i = 0; i < CONNECTIONS; i++) {
			receive_batch(fds[i], &batches[i]);
			if (round < rounds)
				send_batch(fds[i], &batches[i], &seed);
		}
	}
	return (now_ns() - start) / ((double)rounds * CONNECTIONS * PIPELINE);
}

int main(int argc, char **argv)
{
	unsigned long port = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long requests = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	int fds[CONNECTIONS];

	if (port == 0 || port > 65535 || requests == 0) {
		fputs("usage: memload PORT REQUESTS\n", stderr);
		return 2;
	}
	memset(value, 'v', VALUE_SIZE);
	for (int i = 0; i < CONNECTIONS; i++)
		fds[i] = connect_to((uint16_t)port);
	fill(fds[0]);
	printf("%.3f\n", run(fds, requests));
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	return 0;
}
