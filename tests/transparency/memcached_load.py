"""memcached_load.py - a few connections that store and fetch, checking each answer"""
import socket
import threading
import time

CONNECTIONS = 4
BATCHES = 60
BATCH = 50


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connect(port, running):
    """Waits until the server listens, or has ended."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and running.process.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except ConnectionRefusedError:
            running.read(0.02)
    raise AssertionError("memcached does not listen: " + running.said())


def read_exactly(stream, size):
    data = stream.read(size)
    if len(data) != size:
        raise AssertionError(f"memcached hung up after {len(data)} of {size} bytes")
    return data


def batch(stream, write, client, number):
    keys = [f"k{client}-{number}-{i}" for i in range(BATCH)]
    values = [(key * 7).encode() for key in keys]
    write(b"".join(b"set %s 0 0 %d\r\n%s\r\n" % (key.encode(), len(value), value)
                   for key, value in zip(keys, values)))
    if read_exactly(stream, 8 * BATCH) != b"STORED\r\n" * BATCH:
        raise AssertionError("memcached did not store")
    expected = b"".join(b"VALUE %s 0 %d\r\n%s\r\n" % (key.encode(), len(value), value)
                        for key, value in zip(keys, values)) + b"END\r\n"
    write(b"get " + " ".join(keys).encode() + b"\r\n")
    if read_exactly(stream, len(expected)) != expected:
        raise AssertionError("memcached returned something else")


def load(port, running):
    """Return: how many values were stored and read back."""
    sockets = [connect(port, running) for _ in range(CONNECTIONS)]
    failures = []

    def client(number):
        try:
            with sockets[number].makefile("rb") as stream:
                for i in range(BATCHES):
                    batch(stream, sockets[number].sendall, number, i)
        except (AssertionError, OSError) as error:
            failures.append(error)

    clients = [threading.Thread(target=client, args=(i,)) for i in range(CONNECTIONS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    for connection in sockets:
        connection.close()
    if failures:
        raise AssertionError(str(failures[0]))
    return CONNECTIONS * BATCHES * BATCH
