"""How bench.py measures: programs by turns, in rounds; what is said of many samples."""

import os
import re
import shutil
import statistics
import subprocess
import time

# What is set in DLWATCH_OPTIONS; {log} is a directory that is empty before
# every run.
MODES = {
    "default": "",
    "nopredict": "predict=off",
    "stacks": "stacks=full",
    "ring": "log={log}:log_mode=ring",
    "full": "log={log}:log_mode=full",
}

# Other tools for the same: what stands before the command, the program, its share of the work.
PEERS = {
    "tsan": ([], "micro_tsan", 0.2),
    "helgrind": (["valgrind", "--tool=helgrind", "-q", "--log-file=/dev/null"], "micro", 0.005),
    "drd": (["valgrind", "--tool=drd", "-q", "--log-file=/dev/null"], "micro", 0.005),
}
PEER_ROUNDS = 2

PATIENCE = 120  # seconds for one run
PASSES = 3  # over all workloads, each with a part of the rounds
ROW_SECONDS = 15
ONE_HUNDREDTH = 1.01
RUN_SECONDS = 0.5  # of one loop, where a mode makes it that much slower


class Failure(Exception):
    """A run that did not do what it is measured for."""


class Setup:
    """Where things are, and how much of everything to do."""

    def __init__(self, build, shim, scratch, scale):
        self.build = build
        self.shim = os.path.abspath(shim or os.path.join(build, "libdlwatch.so"))
        self.bench = os.path.abspath(os.path.join(build, "tests", "bench"))
        self.source = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "tests", "bench"))
        self.tool = os.path.abspath(os.path.join(build, "dlwatch"))
        self.scratch = os.path.abspath(scratch)
        self.log = os.path.join(self.scratch, "log")
        self.scale = scale
        self.cpu = max(os.sched_getaffinity(0))
        if not os.path.exists(self.shim):
            raise Failure(f"{self.shim}: not built")
        if not re.fullmatch(r"[^\s:]+", self.scratch):
            raise Failure(f"{self.scratch}: white space or a colon cannot stand in an option")

    def program(self, name):
        return os.path.join(self.bench, name)

    def bare_environment(self):
        """For what is not watched itself: nothing of ours in it."""
        return {key: value for key, value in os.environ.items()
                if not key.startswith("DLWATCH") and key != "LD_PRELOAD"}

    def environment(self, mode, variable="LD_PRELOAD", log=None):
        """
        For a run in @mode (None: native); the shim is named in @variable.  The
        last run's log goes, so that the disk has not to write it meanwhile.
        """
        env = self.bare_environment()
        log = log or self.log
        shutil.rmtree(log, ignore_errors=True)
        if mode is not None:
            env[variable] = self.shim
            env["DLWATCH_OPTIONS"] = MODES[mode].format(log=log)
            if "{log}" in MODES[mode]:
                os.mkdir(log, 0o700)
        return env


def run(command, env, cpu=None):
    """Standard output of @command, which must succeed and say nothing else."""
    pin = (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None
    try:
        done = subprocess.run(command, env=env, preexec_fn=pin, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise Failure(f"{' '.join(command)}: no end after {PATIENCE} s") from None
    complain_unless_clean(command, done.returncode, done.stderr)
    return done.stdout


def complain_unless_clean(command, status, errors):
    """A report in the middle, or a shim that the loader refused, is no measurement."""
    if status != 0 or errors:
        said = errors.decode(errors="replace").strip()[:2000]
        raise Failure(f"{' '.join(command)}: exit status {status}, said: {said or 'nothing'}")


# ---- what is said of samples ------------------------------------------------------

def summary(values):
    """Median and quartiles; one value is its own."""
    if len(values) == 1:
        return {"median": values[0], "q1": values[0], "q3": values[0]}
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": middle, "q1": low, "q3": high}


def distribution(values):
    """Least, median, nine tenths, most."""
    return {"count": len(values), "min": min(values), "median": statistics.median(values),
            "p90": statistics.quantiles(values, n=10, method="inclusive")[8], "max": max(values)}


def overlap(one, other):
    """Whether two summaries of the same thing can both be right, to a hundredth."""
    return one["q1"] <= other["q3"] * ONE_HUNDREDTH and other["q1"] <= one["q3"] * ONE_HUNDREDTH


def order_of(modes, number):
    """The runs of round @number: native first and last, the modes from another one on each time."""
    turn = number % len(modes) if modes else 0
    turned = modes[turn:] + modes[:turn]
    return [None, *(turned if number % 2 == 0 else reversed(turned)), None]


class Samples:
    """What one workload took, natively and in every mode."""

    def __init__(self, load):
        self.load = load
        self.native = []
        self.pairs = {}  # by mode: what the native runs around it took, and what it took

    def add_rounds(self, modes, first, end, seconds=ROW_SECONDS / PASSES):
        """
        The rounds from @first on, before @end, by turns.  What is slow gets fewer:
        one, and no new one after @seconds.
        """
        deadline = time.monotonic() + seconds
        for number in range(first, end):
            if number > first and time.monotonic() > deadline:
                break
            took = {}
            for mode in order_of(modes, number):
                took.setdefault(mode, []).append(self.load.run(mode))
            self.native += took[None]
            for mode in modes:
                self.pairs.setdefault(mode, []).append(
                    (statistics.mean(took[None]), took[mode][0]))

    def add_peers(self, rounds):
        """The peers are many times slower: fewer rounds tell."""
        native = self.native
        self.native = []
        self.add_rounds(list(self.load.peers), 0, min(rounds, PEER_ROUNDS), ROW_SECONDS)
        self.native = native or self.native

    def row(self):
        row = {"name": self.load.name, "what": self.load.what, "unit": self.load.unit,
               "kind": self.load.kind, "native": summary(self.native) if self.native else {},
               "modes": {}}
        for mode, samples in self.pairs.items():
            row["modes"][mode] = mode_row(samples, self.load.unit)
        return row


def mode_row(samples, unit):
    row = {"value": summary([watched for _, watched in samples])["median"],
           "added": summary([watched - without for without, watched in samples])["median"]}
    if unit == "ns":
        row["ratio"] = summary([watched / without for without, watched in samples])
    return row
