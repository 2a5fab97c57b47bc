#!/usr/bin/env python3
"""python_gil_cured.py - the cure of python_gil.py: never wait with the interpreter in hand

C code that may wait for a lock of its own gives the interpreter away first. One
word has changed: CDLL in the place of PyDLL.

Run it:   dlwatch run build/samples/python_gil_cured.py
Expect:   no finding, exit status 0.
"""
import ctypes
import threading
import time

gives_interpreter_away = ctypes.CDLL(None)
image_lock = ctypes.create_string_buffer(64)  # a pthread_mutex_t


def paint():
    time.sleep(0.05)  # fetches a brush
    gives_interpreter_away.pthread_mutex_lock(image_lock)
    gives_interpreter_away.pthread_mutex_unlock(image_lock)


painter = threading.Thread(target=paint, name="painter")
gives_interpreter_away.pthread_mutex_lock(image_lock)
painter.start()
gives_interpreter_away.usleep(300000)  # busy with the image; painter runs meanwhile
gives_interpreter_away.pthread_mutex_unlock(image_lock)
painter.join()
print("painted")
