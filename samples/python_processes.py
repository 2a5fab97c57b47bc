#!/usr/bin/env python3
"""python_processes.py - two processes, two locks, two orders

The fault of python_two_locks.py between processes: a multiprocessing.Lock is a
semaphore in memory that both map, though the two share no variable. Each child
has its own interpreter and its own interpreter lock.

Run it:   dlwatch run build/samples/python_processes.py
Expect:   deadlock, likely; core of 2 threads, each the only one of a process.
Look at:  two pids, two locks shared by processes, and where each process waits.
Cure:     python_processes_cured.py
"""
import multiprocessing


def alice_to_bob(alice_lock, bob_lock, meeting):
    with alice_lock:
        meeting.wait()  # now each process has one lock
        with bob_lock:
            print("from Alice to Bob", flush=True)


def bob_to_alice(alice_lock, bob_lock, meeting):
    with bob_lock:
        meeting.wait()
        with alice_lock:  # the wrong way round
            print("from Bob to Alice", flush=True)


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    locks = context.Lock(), context.Lock()
    meeting = context.Barrier(2)
    for lock in locks:
        with lock:
            pass
    clerks = [context.Process(target=target, name=target.__name__, args=(*locks, meeting))
              for target in (alice_to_bob, bob_to_alice)]
    for clerk in clerks:
        clerk.start()
    for clerk in clerks:
        clerk.join()
