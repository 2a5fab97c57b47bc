"""From the moment that a cycle closes to its report, and what watching a crowd takes."""

import os
import random
import re
import select
import subprocess
import time

from bench_measure import Failure, distribution

WAYS = {"run": "dlwatch run", "preload": "bare preload"}
PATIENCE = 60
SETTLE = 0.5  # seconds until the watcher has seen what there is
CALM = 4  # until it has judged the silence for the last time, at three times stall_ms


class Hang:
    """One run of tests/bench/hang.c, watched in one of WAYS."""

    def __init__(self, setup, way, threads, processes, delay_ms):
        command = [setup.program("hang"), str(threads), str(processes), str(delay_ms)]
        env = setup.bare_environment()
        if way == "run":
            command = [setup.tool, "run", "--", *command]
        else:
            env["LD_PRELOAD"] = setup.shim
            env["DLWATCH_OPTIONS"] = "on_deadlock=exit"
        self.way = way
        self.said = {"out": b"", "err": b""}
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def read_until(self, stream, words):
        """Return: when @words had been said on @stream, in nanoseconds"""
        pipes = {self.process.stdout: "out", self.process.stderr: "err"}
        deadline = time.monotonic() + PATIENCE
        now = 0
        while words not in self.said[stream]:
            if not pipes or time.monotonic() >= deadline:
                raise Failure(f"{self.process.args}: never said {words.decode()}: {self.said}")
            for pipe in select.select(list(pipes), [], [], 1)[0]:
                now = time.monotonic_ns()
                got = os.read(pipe.fileno(), 65536)
                self.said[pipes[pipe]] += got
                if not got:
                    del pipes[pipe]
        return now

    def watcher_share(self, settle, seconds):
        """Of a processor, in hundredths, while nothing moves: of all but the program's own."""
        self.read_until("out", b"\n")
        if self.way == "run":
            pids = [self.process.pid]
        else:
            pids = [int(pid) for pid in self.said["out"].split(b"\n")[0].split()[1:]]
        time.sleep(settle)
        start, before = time.monotonic(), processor_ns(pids)
        time.sleep(seconds)
        return (processor_ns(pids) - before) / 1e7 / (time.monotonic() - start)

    def latency_ms(self):
        reported = self.read_until("err", b"DEADLOCK")
        self.read_until("out", b"closed ")
        closed = int(re.search(rb"^closed (\d+)$", self.said["out"], re.MULTILINE).group(1))
        return (reported - closed) / 1e6

    def end(self):
        """It ends by itself once it has reported; whatever went wrong, nothing stays behind."""
        try:
            self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.communicate()
            raise Failure(f"{self.process.args}: does not end") from None
        if self.process.returncode != 66:
            raise Failure(f"{self.process.args}: status {self.process.returncode}: {self.said}")


def processor_ns(pids):
    """What processes have used so far, by the kernel's clock for each."""
    return sum(time.clock_gettime_ns(((~pid) << 3) | 2) for pid in pids)


def measure_latency(setup, way, hangs):
    """Each at another moment of the watcher's period."""
    chance = random.Random(1)
    found = []
    for _ in range(hangs):
        hang = Hang(setup, way, 0, 1, chance.randint(20, 120))
        try:
            found.append(hang.latency_ms())
        finally:
            hang.end()
    return {"name": f"latency_{way}", "kind": "latency", "unit": "ms",
            "what": f"from a closed cycle to its report, {WAYS[way]}", "ms": distribution(found)}


def measure_crowd(setup, way, threads, processes, settle, seconds):
    """Share of a processor, latency in ms; the cycle closes once the share has been taken."""
    hang = Hang(setup, way, threads, processes, int((settle + seconds) * 1000) + 200)
    try:
        share = hang.watcher_share(settle, seconds)
        return share, hang.latency_ms()
    finally:
        hang.end()
