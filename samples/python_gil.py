#!/usr/bin/env python3
"""python_gil.py - a lock of C code against the interpreter's own lock

Of all threads of a Python program one at a time runs Python code: the one that
has the interpreter lock (GIL). A library written in C has locks of its own, here
a mutex that protects an image. The main thread has locked the image and is busy
with it in C, for which it has given the interpreter away; when it is done, it
wants the interpreter back. Meanwhile another thread, which has the interpreter,
calls the library, and waits for the image without letting go of the interpreter.

(ctypes.CDLL gives the interpreter away during a call, ctypes.PyDLL keeps it. In
an extension written in C the difference is Py_BEGIN_ALLOW_THREADS.)

Run it:   dlwatch run build/samples/python_gil.py
Expect:   deadlock, likely; core of 2 threads: MainThread and painter.
Look at:  MainThread does not sleep, it asks for the interpreter again and again
          (a timed wait on a condition), and never gets it. Nobody owns the
          interpreter by the C library's word, so this is likely, not proven.
Cure:     python_gil_cured.py
"""
import ctypes
import threading
import time

keeps_interpreter = ctypes.PyDLL(None)
gives_interpreter_away = ctypes.CDLL(None)
image_lock = ctypes.create_string_buffer(64)  # a pthread_mutex_t


def paint():
    time.sleep(0.05)  # fetches a brush
    keeps_interpreter.pthread_mutex_lock(image_lock)  # waits, interpreter in hand
    keeps_interpreter.pthread_mutex_unlock(image_lock)


painter = threading.Thread(target=paint, name="painter")
gives_interpreter_away.pthread_mutex_lock(image_lock)
painter.start()
gives_interpreter_away.usleep(300000)  # busy with the image; painter runs meanwhile
gives_interpreter_away.pthread_mutex_unlock(image_lock)
painter.join()
print("painted")
