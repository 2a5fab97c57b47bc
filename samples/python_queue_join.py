#!/usr/bin/env python3
"""python_queue_join.py - a queue, a consumer, and a task_done() too few

queue.Queue counts what was put into it and not yet called done; join() waits
until that number is zero. The consumer drops what it does not like, and forgets
that a dropped parcel is done as well. So the main thread waits for the consumer
to say "done", and the consumer waits for the next parcel.

Nobody holds a lock here. Who could have ended the wait is not known; but every
thread that could do anything is waiting.

Run it:   dlwatch run build/samples/python_queue_join.py
Expect:   deadlock, stalled; core of 2 threads: MainThread, postman.
Look at:  two lines of Python: work.join() and work.get().
Cure:     python_queue_join_cured.py
"""
import queue
import threading

work = queue.Queue()


def deliver(parcel):
    if parcel == "broken":
        raise ValueError("nobody wants that")
    print("delivered:", parcel, flush=True)


def postman():
    while True:
        parcel = work.get()
        if parcel is None:
            return
        try:
            deliver(parcel)
            work.task_done()  # never reached for the broken one
        except ValueError:
            pass


thread = threading.Thread(target=postman, name="postman")
thread.start()
for parcel in ("letter", "broken", "book"):
    work.put(parcel)
work.join()
work.put(None)
thread.join()
print("all delivered")
