"""python_gil.py - a lock of C code against the interpreter's own

The main thread takes a mutex in C code without the interpreter's lock (as
ctypes.CDLL calls do) and wants the interpreter back; the helper has the
interpreter and wants the mutex (ctypes.PyDLL keeps it).
"""
import ctypes
import threading
import time

mutex = ctypes.create_string_buffer(64)
without_interpreter = ctypes.CDLL(None)
with_interpreter = ctypes.PyDLL(None)


def take_mutex_in_interpreter():
    time.sleep(0.05)
    with_interpreter.pthread_mutex_lock(mutex)


without_interpreter.pthread_mutex_lock(mutex)
threading.Thread(target=take_mutex_in_interpreter, name="helper").start()
without_interpreter.usleep(300000)
without_interpreter.pthread_mutex_unlock(mutex)
print("over")
