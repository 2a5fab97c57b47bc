#!/usr/bin/python3
"""hangs.py - how Python programs hang, one way a word on the command line

Every one hangs in every run, without dlwatch as well. With "cured" as a second
word the fault is mended, and it ends.
"""
import concurrent.futures
import ctypes
import multiprocessing
import os
import queue
import sys
import threading
import time

CURED = sys.argv[2:] == ["cured"]


def start(*functions):
    threads = [threading.Thread(target=function, name=function.__name__)
               for function in functions]
    for thread in threads:
        thread.start()
    return threads


def join(threads):
    for thread in threads:
        thread.join()


def two(lock_a, lock_b):
    """AB-BA; each has its first lock before the other takes its second one."""
    meeting = threading.Barrier(2)

    def a_then_b():
        with lock_a:
            if not CURED:
                meeting.wait()
            with lock_b:
                pass

    def b_then_a():
        first, second = (lock_a, lock_b) if CURED else (lock_b, lock_a)
        with first:
            if not CURED:
                meeting.wait()
            with second:
                pass

    join(start(a_then_b, b_then_a))


def lock():
    """Taken for the first time: who releases such a lock is not known yet."""
    two(threading.Lock(), threading.Lock())


def used_lock():
    """Locks that were taken and released before."""
    locks = threading.Lock(), threading.Lock()
    for each in locks:
        with each:
            pass
    two(*locks)


def rlock():
    two(threading.RLock(), threading.RLock())


def condition():
    """Nobody notifies."""
    ready = threading.Condition()

    def wait_for_news():
        with ready:
            if not CURED:
                ready.wait()

    join(start(wait_for_news))


def event():
    """Nobody sets it; the main thread waits as well."""
    ready = threading.Event()

    def wait_for_it():
        ready.wait()

    threads = start(wait_for_it)
    if CURED:
        ready.set()
    ready.wait()
    join(threads)


def queue_join():
    """A consumer that forgets one task_done()."""
    work = queue.Queue()

    def consume():
        while True:
            item = work.get()
            if item is None:
                return
            if CURED or item != 2:
                work.task_done()

    consumer = start(consume)
    for item in range(4):
        work.put(item)
    work.join()
    work.put(None)
    join(consumer)


def queue_get():
    """Two that both wait for what the other one would put."""
    left, right = queue.Queue(), queue.Queue()

    def play_left():
        if CURED:
            right.put("serve")
        left.get()
        right.put("over")

    def play_right():
        right.get()
        left.put("over")

    join(start(play_left, play_right))


def future():
    """A task waits for another one in a pool with a single thread."""
    with concurrent.futures.ThreadPoolExecutor(2 if CURED else 1) as pool:
        def inner():
            return 21

        def outer():
            return 2 * pool.submit(inner).result()

        print(pool.submit(outer).result())


def joins():
    """Each of two threads waits for the end of the other one."""
    threads = []

    def join_second():
        started.wait()
        if not CURED:
            threads[1].join()

    def join_first():
        started.wait()
        threads[0].join()

    started = threading.Barrier(3)
    threads.extend(start(join_second, join_first))
    started.wait()
    join(threads)


def rescued():
    """After a while the main thread releases a lock of others; nobody else has noticed a thing."""
    locks = threading.Lock(), threading.Lock()
    for each in locks:
        with each:
            pass
    meeting = threading.Barrier(3)
    results = []

    def take(first, second):
        results.append(first.acquire())
        meeting.wait()
        results.append(second.acquire())
        second.release()
        if first.locked():
            first.release()

    threads = start(lambda: take(*locks), lambda: take(*reversed(locks)))
    meeting.wait()
    time.sleep(1.5)
    locks[0].release()
    join(threads)
    print(results, locks[0].locked(), locks[1].locked())
    try:
        print("a child:", os.waitpid(-1, os.WNOHANG))
    except ChildProcessError:
        print("no child")


def filtered():
    """A program that lets the kernel filter its system calls, all of them allowed."""
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]

    allow = ctypes.create_string_buffer(bytes.fromhex("060000000000ff7f"), 8)
    program = Program(1, ctypes.addressof(allow))
    libc = ctypes.CDLL(None)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program)):
        sys.exit("no filter to be had")
    used_lock()


def forked():
    """A child inherits a lock that another thread of its parent holds."""
    held, taken = threading.Lock(), threading.Event()

    def keep():
        with held:
            taken.set()
            time.sleep(0.5)

    keeper = start(keep)
    taken.wait()
    child = os.fork()
    if child == 0:
        held.acquire()
        os._exit(0)
    join(keeper)
    os.waitpid(child, 0)


def full_pipe():
    """A child is waited for before its queue was read; a pipe holds 64 KB of it."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()

    def produce():
        results.put("x" * 1000000)

    child = context.Process(target=produce, name="producer")
    child.start()
    if CURED:
        results.get()
    child.join()
    if not CURED:
        results.get()


def slow():
    """No fault: one thread takes its time, and everybody waits for it."""
    work = queue.Queue()

    def think():
        time.sleep(2.5)
        work.put("found")

    threads = start(think, work.get)
    join(threads)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    print("over")
