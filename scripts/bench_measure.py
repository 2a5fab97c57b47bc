"""How bench.py measures: pairs of runs, instructions, logs, the analyzer."""

import json
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
    "stacks": "stacks=full",
    "ring": "log={log}:log_mode=ring",
    "full": "log={log}:log_mode=full",
}

# Other tools for the same: what stands before the command, the program, its share of the work.
PEERS = {
    "tsan": ([], "micro_tsan", 0.2),
    "helgrind": (["valgrind", "--tool=helgrind", "-q", "--log-file=/dev/null"], "micro", 0.01),
    "drd": (["valgrind", "--tool=drd", "-q", "--log-file=/dev/null"], "micro", 0.01),
}


class Failure(Exception):
    """A run that did not do what it is measured for."""


class Setup:
    """Where things are, and how much of everything to do."""

    def __init__(self, build, shim, scratch, scale):
        self.build = build
        self.shim = os.path.abspath(shim or os.path.join(build, "libdlwatch.so"))
        self.bench = os.path.abspath(os.path.join(build, "tests", "bench"))
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

    def environment(self, mode, variable="LD_PRELOAD"):
        """For a run in @mode (None: native); the shim is named in @variable."""
        env = {key: value for key, value in os.environ.items()
               if not key.startswith("DLWATCH") and key != "LD_PRELOAD"}
        if mode is not None:
            env[variable] = self.shim
            env["DLWATCH_OPTIONS"] = MODES[mode].format(log=self.log)
            if "{log}" in MODES[mode]:
                shutil.rmtree(self.log, ignore_errors=True)
                os.mkdir(self.log, 0o700)
        return env


def run(command, env, cpu=None, input_file=None):
    """Standard output of @command, which must succeed and say nothing else."""
    pin = (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None
    done = subprocess.run(command, env=env, preexec_fn=pin, stdin=input_file or subprocess.DEVNULL,
                          capture_output=True, timeout=300, check=False)
    complain_unless_clean(command, done.returncode, done.stderr)
    return done.stdout


def complain_unless_clean(command, status, errors):
    """A report in the middle, or a shim that the loader refused, is no measurement."""
    if status != 0 or errors:
        said = errors.decode(errors="replace").strip()[:2000]
        raise Failure(f"{' '.join(command)}: exit status {status}, said: {said or 'nothing'}")


def summary(values):
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": middle, "q1": low, "q3": high}


def measure_pairs(setup, load, modes, pairs):
    """@load natively and in every mode, by turns; each pair in the other order than the last."""
    row = {"name": load.name, "what": load.what, "unit": load.unit, "kind": load.kind,
           "modes": {}}
    native = []
    samples = {mode: [] for mode in modes}
    for number in range(pairs):
        for mode in modes:
            if number % 2 == 0:
                without, watched = load.run(None), load.run(mode)
            else:
                watched, without = load.run(mode), load.run(None)
            native.append(without)
            samples[mode].append((without, watched))
    row["native"] = summary(native)
    for mode, pairs_of_mode in samples.items():
        added = summary([watched - without for without, watched in pairs_of_mode])
        result = {"value": summary([watched for _, watched in pairs_of_mode])["median"],
                  "added": added["median"]}
        if load.unit == "ns":
            result["ratio"] = summary([watched / without for without, watched in pairs_of_mode])
        row["modes"][mode] = result
    return row


# ---- instructions -----------------------------------------------------------

def instructions_of(setup, name, ops, mode):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               "--toggle-collect=ns_per_op",
               setup.program("micro"), name, str(ops), "--exact"]
    done = subprocess.run(command, env=setup.environment(mode), capture_output=True,
                          timeout=600, check=False)
    found = re.search(rb"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        raise Failure(f"{' '.join(command)}: {done.stderr.decode(errors='replace')[-500:]}")
    return int(found.group(1))


def count_instructions(setup, load, row):
    """Twice the operations minus once: what starting and ending cost drops out."""
    ops = 200000 if load.name.startswith("many") else 20000
    for mode in [None, *(mode for mode in row["modes"] if mode in MODES)]:
        once = instructions_of(setup, load.name, ops, mode)
        twice = instructions_of(setup, load.name, 2 * ops, mode)
        place = row["native"] if mode is None else row["modes"][mode]
        place["instructions"] = (twice - once) / ops


# ---- the log and who reads it --------------------------------------------------

def tree_size(path):
    return sum(os.path.getsize(os.path.join(folder, name))
               for folder, _, names in os.walk(path) for name in names)


def write_log(setup, ops):
    """Leaves in setup.log the full log of @ops nested locks and as many unlocks."""
    run([setup.program("micro"), "nested4", str(ops), "--exact"], setup.environment("full"))
    size = tree_size(setup.log)
    if size < ops:
        raise Failure(f"{setup.log}: {size} bytes cannot be the log of {2 * ops} events")
    return size


def measure_log(setup):
    """Twice the events minus once, without what every log begins with."""
    ops = 1000000
    size = write_log(setup, 2 * ops) - write_log(setup, ops)
    return {"name": "log_size", "what": "log, per event", "unit": "bytes", "kind": "log",
            "modes": {"full": {"value": size / (2 * ops)}}}


def run_analyzer(setup, log, *options):
    """Seconds, megabytes and exit status of one `dlwatch analyze`."""
    with open(os.path.join(setup.scratch, "analyze.out"), "wb") as out:
        start = time.monotonic()
        child = subprocess.Popen([setup.tool, "analyze", *options, log],
                                 env=setup.environment(None), stdin=subprocess.DEVNULL,
                                 stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):
        with open(out.name, encoding="utf-8", errors="replace") as said:
            raise Failure(f"dlwatch analyze: exit status {child.returncode}: {said.read()[:500]}")
    return seconds, usage.ru_maxrss / 1024


def analyzer_row(name, what, events, seconds, megabytes):
    return {"name": name, "what": what, "unit": "events/s", "kind": "analyzer",
            "seconds": seconds, "megabytes": megabytes, "events": events,
            "modes": {"full": {"value": events / seconds}}}


def measure_analyzer(setup, events):
    write_log(setup, events // 2)
    seconds, megabytes = run_analyzer(setup, setup.log)
    return analyzer_row("analyzer", f"analyzer, a log of {events} events", events, seconds,
                        megabytes)


PLANTED = 25


def measure_prediction(setup, events):
    """A log with 25 possible deadlocks in it and 80 cycles that are none."""
    log = os.path.join(setup.scratch, "planted.dlw")
    report = os.path.join(setup.scratch, "planted.json")
    subprocess.run([os.path.join(setup.bench, "planted"), log, str(events)],
                   check=True, stdout=subprocess.DEVNULL)
    seconds, megabytes = run_analyzer(setup, log, "--no-statistics", f"--json={report}")
    with open(report, encoding="utf-8") as file:
        verdicts = [finding["verdict"] for finding in json.load(file)["findings"]]
    if verdicts != ["feasible"] * PLANTED:
        raise Failure(f"prediction: {len(verdicts)} findings, {PLANTED} are there: {verdicts}")
    os.unlink(log)
    return analyzer_row("prediction", f"prediction, 25 of 105 cycles in {events} events", events,
                        seconds, megabytes)
