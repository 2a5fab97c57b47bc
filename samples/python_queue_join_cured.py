#!/usr/bin/env python3
"""python_queue_join_cured.py - the cure of python_queue_join.py: done is done

task_done() stands in a finally clause: a parcel that was dropped is done, too.

Run it:   dlwatch run build/samples/python_queue_join_cured.py
Expect:   no finding, exit status 0.
Look at:  postman(), the only thing that has changed.
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
        except ValueError:
            pass
        finally:
            work.task_done()  # whatever became of it


thread = threading.Thread(target=postman, name="postman")
thread.start()
for parcel in ("letter", "broken", "book"):
    work.put(parcel)
work.join()
work.put(None)
thread.join()
print("all delivered")
