#!/usr/bin/env python3
"""python_processes_cured.py - the cure of python_processes.py: one order

Both processes take Alice's lock first. The barrier had to move to before the
first lock: that each process has one lock cannot happen any more.

Run it:   dlwatch run build/samples/python_processes_cured.py
Expect:   no finding, exit status 0.
Look at:  bob_to_alice(), the only thing that has changed.
"""
import multiprocessing


def alice_to_bob(alice_lock, bob_lock, meeting):
    meeting.wait()
    with alice_lock:
        with bob_lock:
            print("from Alice to Bob", flush=True)


def bob_to_alice(alice_lock, bob_lock, meeting):
    meeting.wait()
    with alice_lock:  # first here, too
        with bob_lock:
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
