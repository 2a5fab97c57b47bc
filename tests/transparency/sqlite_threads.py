"""sqlite_threads.py DATABASE - four threads write to one database and read it"""
import sqlite3
import sys
import threading

WRITES = 150


def connect():
    return sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)


def work(number):
    connection = connect()
    for i in range(WRITES):
        connection.execute("begin immediate")
        connection.execute("insert into t values (?, ?)", (number, i))
        connection.execute("commit")
        connection.execute("select count(*) from t where n = ?", (number,)).fetchone()
    connection.close()


main = connect()
main.execute("pragma journal_mode = wal")
main.execute("pragma synchronous = off")
main.execute("create table t (n integer, i integer)")
threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(main.execute("select n, count(*), sum(i) from t group by n order by n").fetchall())
print(main.execute("pragma integrity_check").fetchall())
