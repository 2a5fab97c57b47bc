#!/usr/bin/env python3
"""python_futures_cured.py - the cure of python_futures.py: do it yourself

The report calls chapter() like any function. A pool of its own for the chapters
would do as well; a larger one only moves the day when all workers wait.

Run it:   dlwatch run build/samples/python_futures_cured.py
Expect:   no finding, exit status 0.
Look at:  report(), the only thing that has changed.
"""
import concurrent.futures


def chapter(number):
    return f"chapter {number}"


def report():
    return "report with " + chapter(1)


with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="worker") as workers:
    print(workers.submit(report).result())
