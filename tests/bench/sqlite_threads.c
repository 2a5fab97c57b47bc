/*
 * sqlite_threads.c - four threads in SQLite at once: `sqlite_threads ROWS`
 *
 * Each thread has a database of its own in memory; what they share are the
 * library's own mutexes (allocator, page cache, statistics), taken tens of
 * times per statement.  Prints nanoseconds per row: one insert and one select.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define THREADS 4

static unsigned long rows;

static void check(sqlite3 *db, int result, int expected)
{
	if (result == expected)
		return;
	fprintf(stderr, "sqlite_threads: %s\n", sqlite3_errmsg(db));
	exit(1);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;

	check(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	return statement;
}

static void run_once(sqlite3 *db, sqlite3_stmt *statement, unsigned long key, int expected)
{
	check(db, sqlite3_bind_int64(statement, 1, (sqlite3_int64)key), SQLITE_OK);
	check(db, sqlite3_step(statement), expected);
	check(db, sqlite3_reset(statement), SQLITE_OK);
}

static void *insert_and_select(void *unused)
{
	sqlite3 *db;
	sqlite3_stmt *insert, *select;

	check(NULL,
	      sqlite3_open_v2(":memory:", &db,
			      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
			      NULL),
	      SQLITE_OK);
	check(db, sqlite3_exec(db, "create table t(k integer primary key, v)", 0, 0, 0), SQLITE_OK);
	insert = prepare(db, "insert into t values(?1, randomblob(40))");
	select = prepare(db, "select v from t where k = ?1");
	for (unsigned long key = 0; key < rows; key++) {
		run_once(db, insert, key, SQLITE_DONE);
		run_once(db, select, key / 2, SQLITE_ROW);
	}
	sqlite3_finalize(insert);
	sqlite3_finalize(select);
	check(NULL, sqlite3_close(db), SQLITE_OK);
	return unused;
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	double start;

	rows = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	if (rows == 0) {
		fputs("usage: sqlite_threads ROWS\n", stderr);
		return 2;
	}
	check(NULL, sqlite3_initialize(), SQLITE_OK);
	start = now_ns();
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, insert_and_select, NULL) != 0)
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%.3f\n", (now_ns() - start) / (double)rows / THREADS);
	return 0;
}
