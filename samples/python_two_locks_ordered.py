#!/usr/bin/env python3
"""python_two_locks_ordered.py - the cure of python_two_locks.py: one order

Both threads lock Alice's account first. The barrier had to move to before the
first lock: that each thread has one lock cannot happen any more.

Run it:   dlwatch run build/samples/python_two_locks_ordered.py
Expect:   no finding, exit status 0.
Look at:  bob_to_alice(), the only thing that has changed.
"""
import threading

alice_lock = threading.Lock()
bob_lock = threading.Lock()
balance = {"alice": 100, "bob": 100}
meeting = threading.Barrier(2)


def alice_to_bob():
    meeting.wait()
    with alice_lock:
        with bob_lock:
            balance["alice"] -= 10
            balance["bob"] += 10


def bob_to_alice():
    meeting.wait()
    with alice_lock:  # first here, too
        with bob_lock:
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
