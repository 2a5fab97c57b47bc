"""What bench.py runs: the loops of tests/bench/micro.c, and whole programs."""

import os
import random
import socket
import subprocess
import time

from bench_measure import PEERS, Failure, complain_unless_clean, run


class Micro:
    """One workload of the micro program, which prints what an operation took."""

    def __init__(self, setup, name, how, ops, what):
        self.setup = setup
        self.name = name
        self.what = what
        self.kind = how
        self.unit = "bytes" if how == "memory" else "ns"
        self.countable = how == "alone"
        self.has_peers = how in ("alone", "meeting", "handover")
        scale = 1.0 if how == "memory" else setup.scale
        self.ops = max(1, int(int(ops) * scale))

    def run(self, mode):
        # The process that starts processes is not itself preloaded.
        variable = "MICRO_PRELOAD" if self.kind == "process" else "LD_PRELOAD"
        if mode in PEERS:
            return self.run_peer(mode)
        env = self.setup.environment(mode, variable)
        cpu = self.setup.cpu if self.kind in ("alone", "handover", "process") else None
        return float(run([self.setup.program("micro"), self.name, str(self.ops)], env, cpu))


    def run_peer(self, peer):
        """Under another tool that looks at locks; the slow ones get a little of the work."""
        prefix, program, share = PEERS[peer]
        command = [*prefix, self.setup.program(program), self.name,
                   str(max(1, int(self.ops * share)))]
        cpu = self.setup.cpu if self.kind in ("alone", "handover") else None
        return float(run(command, self.setup.environment(None), cpu))


class Program:
    """A whole program; run() says nanoseconds per unit of its work."""

    kind = "program"
    unit = "ns"
    countable = False
    has_peers = False

    def __init__(self, setup):
        self.setup = setup


class Memcached(Program):
    name = "memcached"
    what = "memcached, a request"

    def run(self, mode):
        port = free_port()
        command = ["memcached", "-l", f"127.0.0.1:{port}", "-t", "2", "-m", "64"]
        if os.geteuid() == 0:
            command += ["-u", "root"]
        server = subprocess.Popen(command, env=self.setup.environment(mode),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE)
        try:
            wait_for_port(server, port)
            requests = int(200000 * self.setup.scale)
            load = [self.setup.program("memload"), str(port), str(requests)]
            took = float(run(load, self.setup.environment(None)))
        finally:
            server.terminate()
            errors = server.communicate(timeout=30)[1]
        # Ended by our signal, which it obeys or dies of.
        complain_unless_clean(command, 0 if server.returncode in (0, -15) else server.returncode,
                              b"" if b"Signal handled" in errors else errors)
        return took


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
    name = "pbzip2"
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

    def run(self, mode):
        rows = max(1, int(40000 * self.setup.scale))
        command = [self.setup.program("sqlite_threads"), str(rows)]
        return float(run(command, self.setup.environment(mode)))


# Kinds of lock that a build may not watch: measuring them would say that
# watching costs nothing.
NEEDED = {
    "rwlock_read": "pthread_rwlock_rdlock",
    "rwlock_write": "pthread_rwlock_wrlock",
    "spinlock": "pthread_spin_lock",
    "semaphore": "sem_wait",
}


def exported(setup):
    listed = run(["nm", "-D", "--defined-only", "-f", "posix", setup.shim], os.environ)
    return {line.split()[0] for line in listed.decode().splitlines()}


def unwatched(setup, load):
    return load.name in NEEDED and NEEDED[load.name] not in exported(setup)


def all_workloads(setup):
    listed = run([setup.program("micro"), "--list"], setup.environment(None)).decode()
    for line in listed.splitlines():
        yield Micro(setup, *line.split("\t"))
    yield Memcached(setup)
    yield Pbzip2(setup)
    yield Sqlite(setup)
