"""What bench.py runs: the loops of tests/bench/micro.c, and whole programs."""

import contextlib
import functools
import os
import random
import resource
import shutil
import socket
import subprocess
import time

from bench_instructions import callgrind, count, counts_in, loop
from bench_measure import PEERS, RUN_SECONDS, Failure, complain_unless_clean, run


# What a thread does in workloads of two: callgrind lets one run at a time, so
# what is counted is the way of a lock that is free.
THREADS = {"contended": "count_under_lock", "private": "lock_ones_own"}


# Valgrind's tools need minutes to enter 100 000 locks.
TOO_MANY = ("helgrind", "drd")


def peers_for(name, how):
    if how not in ("alone", "meeting", "handover"):
        return []
    return [peer for peer in PEERS if not (name.startswith("many") and peer in TOO_MANY)]


class Micro:
    """One workload of the micro program, which prints what an operation took."""

    def __init__(self, setup, name, how, ops, what, more=()):
        self.setup = setup
        self.name = name
        self.what = what
        self.kind = how
        self.unit = "bytes" if how == "memory" else "ns"
        self.peers = peers_for(name, how)
        self.more = more
        self.ops_of = {}  # of modes that are too slow for all
        scale = 1.0 if how == "memory" else setup.scale * 0.5
        self.ops = max(1, int(int(ops) * scale))
        # Of many locks each has to be met more than once.
        self.least = self.ops // (4 if name.startswith("many") else 50)

    def missing(self):
        return False

    def counted(self):
        """How to count instructions in a mode, at a place, if that says anything."""
        if self.kind == "alone":
            # Each of 100 000 locks has had its turn before.
            ops = 200000 if self.name.startswith("many") else 20000
            return functools.partial(count, self.setup, *loop(self.setup, self.name, ops))
        if self.name in THREADS:
            return functools.partial(count, self.setup, [self.setup.program("micro"), self.name,
                                                         "20000", "--exact"],
                                     THREADS[self.name], 20000)
        return None

    def run(self, mode):
        cpu = self.setup.cpu if self.kind not in ("meeting", "memory") else None
        if mode in PEERS:
            return self.run_peer(mode, cpu)
        # The process that starts processes is not itself preloaded.
        variable = "MICRO_PRELOAD" if self.kind == "process" else "LD_PRELOAD"
        env = self.setup.environment(mode, variable)
        ops = self.ops_of.get(mode, self.ops)
        command = [self.setup.program("micro"), self.name, str(ops), *self.more]
        start = time.monotonic()
        took = float(run(command, env, cpu))
        if self.kind != "memory":
            self.bound(mode, ops, time.monotonic() - start)
        return took

    def bound(self, mode, ops, seconds):
        """A mode in which @ops operations took too long does fewer from now on."""
        if seconds > 2 * RUN_SECONDS:
            self.ops_of[mode] = max(int(ops * RUN_SECONDS / seconds), self.least, 1)

    def run_peer(self, peer, cpu):
        """Under another tool that looks at locks; the slow ones get a little of the work."""
        prefix, program, share = PEERS[peer]
        command = [*prefix, self.setup.program(program), self.name,
                   str(max(1, int(self.ops * share)))]
        return float(run(command, self.setup.bare_environment(), cpu))


class Program:
    """A whole program; run() says nanoseconds per unit of its work."""

    kind = "program"
    unit = "ns"
    peers = ()
    needs = None  # a command that must be there

    def __init__(self, setup):
        self.setup = setup

    def counted(self):
        return None

    def missing(self):
        return self.needs and not shutil.which(self.needs)


class Memcached(Program):
    name = needs = "memcached"
    what = "memcached, a request"

    # Under valgrind a program has at most these files, and memcached may ask for no other number.
    files, kept_by_valgrind = 1024, 12
    stored_first = 4096  # by memload, of every key

    @contextlib.contextmanager
    def server(self, env, before=(), options=()):
        """Its port, and its process, while it runs."""
        port = free_port()
        command = [*before, "memcached", "-l", f"127.0.0.1:{port}", "-t", "2", "-m", "64", *options]
        if os.geteuid() == 0:
            command += ["-u", "root"]
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (self.files,) * 2)
                 ) if before else None
        server = subprocess.Popen(command, env=env, preexec_fn=limit, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            wait_for_port(server, port)
            yield port, server
        finally:
            server.terminate()
            errors = server.communicate(timeout=30)[1]
        # Ended by our signal, which it obeys or dies of.
        complain_unless_clean(command, 0 if server.returncode in (0, -15) else server.returncode,
                              b"" if before or b"Signal handled" in errors else errors)

    def load(self, port, requests):
        return float(run([self.setup.program("memload"), str(port), str(requests)],
                         self.setup.bare_environment()))

    def run(self, mode):
        with self.server(self.setup.environment(mode)) as (port, _):
            return self.load(port, int(200000 * self.setup.scale))

    def counted(self):
        return self.count

    def count(self, mode, place):
        """Its functions have no names: what counts is a second load, after one that warms it up."""
        out = os.path.join(place, "callgrind.out")
        before = callgrind(out, "--instr-atstart=no")
        env = self.setup.environment(mode, log=os.path.join(place, "log"))
        with self.server(env, before,
                         ["-c", str(self.files - self.kept_by_valgrind)]) as (port, server):
            self.load(port, 100000)
            self.switch(server, "on")
            self.load(port, 40000)
            self.switch(server, "off")
        return counts_in(out, 40000 + self.stored_first, [*before, self.name])

    def switch(self, server, to):
        done = subprocess.run(["callgrind_control", "-i", to, str(server.pid)],
                              capture_output=True, check=False)
        if b"OK." not in done.stdout:
            raise Failure(f"callgrind_control: {done.stderr.decode(errors='replace')}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(server, port):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise Failure(f"memcached ended with status {server.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise Failure("memcached does not answer")


class Pbzip2(Program):
    name = needs = "pbzip2"
    what = "pbzip2, two threads, a byte"

    def __init__(self, setup):
        super().__init__(setup)
        self.size = int(6000000 * setup.scale)
        self.path = os.path.join(setup.scratch, "text")

    def text(self):
        """Words at random, the same on every machine: compressible, as text is."""
        if not os.path.exists(self.path):
            chance = random.Random(1)
            words = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 9)))
                     for _ in range(5000)]
            with open(self.path, "w", encoding="ascii") as file:
                while file.tell() < self.size:
                    file.write(" ".join(chance.choices(words, k=2000)) + "\n")
        return self.path

    def run(self, mode):
        command = ["pbzip2", "-p2", "-b1", "-c", self.text()]
        env = self.setup.environment(mode)
        start = time.monotonic_ns()
        run(command, env)
        return (time.monotonic_ns() - start) / self.size


class Sqlite(Program):
    name = "sqlite"
    what = "SQLite, four threads, a row"

    def counted(self):
        return functools.partial(count, self.setup, [self.setup.program("sqlite_threads"), "2000"],
                                 "insert_and_select", 4 * 2000)

    def run(self, mode):
        rows = max(1, int(10000 * self.setup.scale))
        command = [self.setup.program("sqlite_threads"), str(rows)]
        return float(run(command, self.setup.environment(mode)))


class Ffmpeg(Program):
    name = needs = "ffmpeg"
    what = "ffmpeg, H.264, two threads, a frame"

    def run(self, mode):
        frames = max(25, int(250 * self.setup.scale))
        source = f"testsrc2=size=320x180:rate=25:duration={frames / 25}"
        command = ["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-f", "lavfi",
                   "-i", source, "-c:v", "libx264", "-preset", "veryfast", "-threads", "2",
                   "-f", "null", "-"]
        env = self.setup.environment(mode)
        start = time.monotonic_ns()
        run(command, env)
        return (time.monotonic_ns() - start) / frames


class PythonQueue(Program):
    name = "python_queue"
    what = "Python, four threads, a queue.Queue item"
    interpreter = "/usr/bin/python3"

    def missing(self):
        return not os.path.exists(self.interpreter)

    def run(self, mode):
        command = [self.interpreter, os.path.join(self.setup.source, "queue_threads.py"),
                   str(max(1, int(20000 * self.setup.scale)))]
        return float(run(command, self.setup.environment(mode)))


def all_workloads(setup):
    """What goes into the table."""
    listed = run([setup.program("micro"), "--list"], setup.bare_environment()).decode()
    for line in listed.splitlines():
        load = Micro(setup, *line.split("\t"))
        if load.kind != "beside":
            yield load
    for program in (Memcached, Sqlite, Pbzip2, Ffmpeg, PythonQueue):
        yield program(setup)
