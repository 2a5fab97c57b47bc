#!/usr/bin/env python3
"""python_futures.py - a task that waits for a task behind it in the queue

A pool with one worker. The report needs a chapter, so it submits one and waits
for the result; but the only worker is busy: with the report. Any pool does so
when as many tasks as it has workers wait for further ones.

Run it:   dlwatch run build/samples/python_futures.py
Expect:   deadlock, stalled; core of 2 threads: MainThread, worker_0.
Look at:  the worker waits in report() for a result that only it could compute.
Cure:     python_futures_cured.py
"""
import concurrent.futures


def chapter(number):
    return f"chapter {number}"


def report(pool):
    return "report with " + pool.submit(chapter, 1).result()


with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="worker") as workers:
    print(workers.submit(report, workers).result())
