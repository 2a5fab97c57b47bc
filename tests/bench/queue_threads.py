#!/usr/bin/python3
"""queue_threads.py ITEMS - two producers, two consumers, one queue.Queue between them

Prints nanoseconds for each item that went through, start of the threads
included.  Every item must come out once.
"""
import queue
import sys
import threading
import time

PAIRS = 2


def produce(items, channel):
    for item in items:
        channel.put(item)
    channel.put(None)


def consume(channel, sums, number):
    while (item := channel.get()) is not None:
        sums[number] += item
        channel.task_done()
    channel.task_done()


def main():
    items = int(sys.argv[1])
    channel = queue.Queue(maxsize=100)
    sums = [0] * PAIRS
    start = time.perf_counter_ns()
    threads = [threading.Thread(target=produce, args=(range(items), channel))
               for _ in range(PAIRS)]
    threads += [threading.Thread(target=consume, args=(channel, sums, number))
                for number in range(PAIRS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    channel.join()
    took = time.perf_counter_ns() - start
    if sum(sums) != PAIRS * sum(range(items)):
        raise SystemExit("queue_threads.py: items were lost")
    print(f"{took / (PAIRS * items):.3f}")


main()
