#!/usr/bin/env python3
"""python_two_locks.py - two threads, two locks, two orders, in Python

The fault of two_locks.c with threading.Lock. The interpreter lock (GIL) does
not help: it lets one thread at a time run Python code, but a thread that waits
for a lock gives it away.

Inside CPython 3.11 a threading.Lock is a semaphore with one permit. Anybody
may release it, so that dlwatch cannot prove anything; but both locks have been
taken and given back by the same thread before.

Run it:   dlwatch run build/samples/python_two_locks.py
Expect:   deadlock, likely; core of 2 threads: alice_to_bob, bob_to_alice.
Look at:  names and lines are Python's; what is wanted and held, semaphores.
Cure:     python_two_locks_ordered.py
"""
import threading

alice_lock = threading.Lock()
bob_lock = threading.Lock()
balance = {"alice": 100, "bob": 100}
meeting = threading.Barrier(2)


def alice_to_bob():
    with alice_lock:
        meeting.wait()  # now each thread has one lock
        with bob_lock:
            balance["alice"] -= 10
            balance["bob"] += 10


def bob_to_alice():
    with bob_lock:
        meeting.wait()
        with alice_lock:  # the wrong way round
            balance["bob"] -= 25
            balance["alice"] += 25


with alice_lock, bob_lock:
    print("before:", balance, flush=True)

threads = [
    threading.Thread(target=alice_to_bob, name="alice_to_bob"),
    threading.Thread(target=bob_to_alice, name="bob_to_alice"),
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("after:", balance)
