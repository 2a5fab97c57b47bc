#!/usr/bin/python3
"""run.py - generated deadlocks and their cures

Cases are made from a table (kinds.py): each pair of kinds in a cycle of two
threads, and random cycles of two to eight, also across processes. Waits on the
system have their parties in processes of their own; of their pairs, each seed
takes a few (--all-pairs: all). Many independent cases run in one program
(scenario.c), as groups of threads named after their case. Each must
be reported once, with its verdict and its core, thread for thread, lock for
lock; its cured twin must end by itself with nothing found. And programs with
nothing wrong in them (correct.c) run at full speed, with nothing found either.

The default is the part of `make check`. --seconds=N goes on with random cycles
of new seeds for that long. A failure prints the command that repeats it.
"""
import argparse
import glob
import os
import re
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

import cases  # noqa: E402
import harness  # noqa: E402
import kinds  # noqa: E402
import specials  # noqa: E402
from harness import (BUILD, DLWATCH, Running, check, environment, equal, execute,  # noqa: E402
                     load_json_lines, preloaded, report_findings, validate)

PROGRAM = os.path.join(BUILD, "tests", "generated", "scenario")
CORRECT = os.path.join(BUILD, "tests", "generated", "correct")
ROUNDS = 6400    # of each thread of a correct program
CORRECT_PROGRAMS = 12
TABLE = kinds.KINDS + kinds.RWLOCKS + kinds.SPINLOCKS + kinds.BARRIERS + kinds.ONCES + \
    kinds.CUSTOMS
TOGETHER = 14    # cases in one program
CHECK_MS = 10
PATIENCE = 20.0  # seconds for what takes a fraction of one
QUIET = 0.25     # seconds in which nothing more may be reported


# ---- one program run ---------------------------------------------------------------


def headlines(running):
    return len(re.findall(rb"^dlwatch: (DEADLOCK|ORPHAN)", running.output["err"], re.M))


class Watched:
    """A scenario under dlwatch, one way or the other."""

    def __init__(self, context, how, text, mode, log=False):
        self.how = how
        scenario = context.new_path(".scenario")
        with open(scenario, "w", encoding="ascii") as file:
            file.write(text)
        command = [PROGRAM, scenario, mode]
        log = [f"log={context.new_path('-log')}"] if log else []
        if how == "run":
            self.json = context.new_path(".json")
            options = ":".join([f"check_ms={CHECK_MS}", *log])
            command = [DLWATCH, "run", "--on-deadlock=report", f"--json={self.json}",
                       f"--options={options}", "--", *command]
            env = environment()
        else:
            self.json = context.new_path("-%p.jsonl")
            env = preloaded(json=self.json, check_ms=CHECK_MS,
                            **dict(part.split("=") for part in log))
        self.held, self.to_close = os.pipe()
        self.running = Running(command, env, stdin=self.held)
        os.close(self.held)

    def let_it_end(self):
        os.close(self.to_close)

    def findings(self):
        if self.how == "run":
            return report_findings(self.json)
        found = []
        for path in glob.glob(self.json.replace("%p", "*")):
            found += load_json_lines(path)
        validate(found)
        return found

    def addresses(self, out):
        """number: the places where object has been seen, one for each process."""
        places = {}
        for number, address in re.findall(rb"^object (\d+) (\w+)$", out, re.M):
            places.setdefault(int(number), set()).add(int(address, 16))
        for number, name in re.findall(rb"^named (\d+) (.*)$", out, re.M):
            places[int(number)] = {name.decode()}
        return places


def watch_hang(context, how, text, expected):
    watched = Watched(context, how, text, "hang")
    running = watched.running
    deadline = time.monotonic() + PATIENCE
    while running.process.poll() is None and headlines(running) < expected and \
            time.monotonic() < deadline:
        running.read(0.02)
    settled = time.monotonic() + QUIET
    while running.process.poll() is None and time.monotonic() < settled:
        running.read(0.02)
    before = watched.findings() if how == "preload" else []
    watched.let_it_end()
    result = running.wait()
    wanted = 66 if how == "run" and expected else 0
    equal(result.status, wanted, f"status; {result.err[-2000:].decode(errors='replace')}")
    # They were made to leave locks behind: misuse is not the point here.
    findings = [found for found in watched.findings() if found["kind"] != "misuse"]
    if how == "preload":
        # Its processes end one after the other: those left may see locks of the first as orphans.
        findings = [found for found in findings if found["kind"] != "orphan" or found in before]
    return findings, watched.addresses(result.out)


def watch_end(context, how, text, log):
    watched = Watched(context, how, text, "end", log)
    watched.let_it_end()
    result = watched.running.wait()
    threads = text.count("\nthread ")
    equal((result.status, result.err), (0, b""), "status and standard error")
    check(f"ended {threads}\n".encode() in result.out, "not all threads ended")
    equal(watched.findings(), [], "findings")


# ---- holding a finding against its case ----------------------------------------------


def case_of(finding):
    names = {re.split(r"[.bf]", member["name"])[0] for member in finding["core"]}
    equal(len(names), 1, "cases in one core")
    return names.pop()


class Reader:
    """One finding, with its resources at hand."""

    def __init__(self, finding, places):
        self.pids = {member["name"]: member["pid"] for member in finding["core"]}
        self.resources = {resource["id"]: resource for resource in finding["resources"]}
        self.places = places

    def compare(self, seen, expected, who):
        kind, type_, mode, count, subject = expected
        resource = self.resources[seen["resource"]]
        equal((resource["kind"], seen["mode"]), (kind, mode), f"{who}: kind and mode")
        if type_:
            equal(resource["type"], type_, f"{who}: type")
        if kind == "thread":
            check(subject in resource["name"], f"{who}: {resource['name']}, not {subject}")
        elif kind == "process":
            check(f"(pid {self.pids[subject]})" in resource["name"],
                  f"{who}: {resource['name']}, not {subject}")
        elif kind in ("pipe", "file_lock"):
            equal({resource["name"]}, self.places[subject], f"{who}: name")
        else:
            check(int(resource["address"], 16) in self.places[subject],
                  f"{who}: at {resource['address']}, not {self.places[subject]}")
        if "count" in seen:
            equal(seen["count"], count, f"{who}: count")
        # who took a lock of a file the kernel knows, but not where
        check(seen["site"] or (kind == "file_lock" and "count" in seen), f"{who}: no site")

    def place(self, hold):
        return int(self.resources[hold["resource"]]["address"] or "0", 16)

    def one_each(self, holds):
        """Each read of a rwlock is a hold of its own, with its own site: added up."""
        summed = {}
        for hold in holds:
            before = summed.get(hold["resource"])
            summed[hold["resource"]] = dict(hold, count=hold["count"] + (before or {"count": 0})[
                "count"])
        return summed.values()

    def compare_member(self, member, expected):
        want, holds = expected
        self.compare(member["wants"], want, f"{member['name']} wants")
        equal(member["wants"]["timed"], False, f"{member['name']}: timed")
        seen = sorted(self.one_each(member["holds"]), key=self.place)
        holds = sorted(holds, key=lambda hold: 0 if hold[0] == "file_lock" else
                       min(self.places[hold[4]]))
        equal(len(seen), len(holds), f"{member['name']}: number of holds")
        for one, other in zip(seen, holds):
            self.compare(one, other, f"{member['name']} holds")


def compare(finding, expected, places):
    equal((finding["kind"], finding["verdict"]), (expected.kind, expected.verdict), "verdict")
    equal(sorted(member["name"] for member in finding["core"]), sorted(expected.members),
          "threads of the core")
    reader = Reader(finding, places)
    for member in finding["core"]:
        reader.compare_member(member, expected.members[member["name"]])
    stuck = sorted(member["name"] for member in finding["stuck"])
    if expected.system:  # who has just got stuck may not have come to rest when it is reported
        check(set(stuck) <= set(expected.stuck), f"stuck: {stuck}, not {expected.stuck}")
    else:
        equal(stuck, expected.stuck, "stuck")
    for name, condition in finding["coffman"].items():
        check(condition["holds"] is True and condition["evidence"], f"{name} does not hold")


def judge(case, findings, places):
    """What is wrong with the report of one case, or None."""
    try:
        mine = [finding for finding in findings if case_of(finding) == case.name]
        expected = case.expected()
        equal(len(mine), 1 if expected else 0,
              "findings " + str([(finding["kind"], finding["verdict"]) for finding in mine]))
        if expected:
            compare(mine[0], expected, places)
    except AssertionError as error:
        return f"{case.describe()}: {error}"
    return None


# ---- tests: a batch of cases in one program ---------------------------------------------


class Batch:
    """Cases that run together. Its name and a case's number say all about it."""

    def __init__(self, seed, source, index, processes=1, only=None):
        self.name = f"{source}/{index}" + (f"/{processes}" if processes > 1 else "")
        self.seed = seed
        self.source = source
        self.index = index
        self.processes = processes
        self.only = only

    def scenario(self, cured):
        if self.source == "special":
            return specials.scenario_of(self.seed, self.only)
        return cases.scenario_of(self.cycles(), f"{self.seed}/{self.name}", cured,
                                 self.processes, self.only)

    def cycles(self):
        chance = cases.random.Random(f"{self.seed}/system")
        if self.source == "system-pairs":
            return cases.system_pairs(chance, TABLE, kinds.SYSTEM)[
                self.index * TOGETHER:(self.index + 1) * TOGETHER]
        if self.source == "system-random":
            chance = cases.random.Random(f"{self.seed}/{self.name}")
            return [cases.system_cycle(chance, TABLE, kinds.SYSTEM) for _ in range(TOGETHER)]
        if self.source == "pairs":
            return cases.pairs(TABLE)[self.index * TOGETHER:(self.index + 1) * TOGETHER]
        chance = cases.random.Random(f"{self.seed}/{self.name}")
        return [cases.random_cycle(chance, TABLE) for _ in range(TOGETHER)]

    def way(self, cured):
        """Ways take turns; waits on the system are seen from outside only."""
        if self.source.startswith("system"):
            return "run"
        return ("run", "preload")[(self.index + cured + self.seed) % 2]

    def repeat(self):
        return f"tests/generated/run.py --seed {self.seed} --only {self.name}"

    def deadlocks(self, context):
        scenario, members = self.scenario(cured=False)
        how = self.way(False)
        reported = sum(case.expected() is not None for case in members)
        findings, places = watch_hang(context, how, scenario.text(), reported)
        wrong = [complaint for complaint in (judge(case, findings, places) for case in members)
                 if complaint]
        known = {case.name for case in members}
        wrong += [f"a finding of {case_of(finding)}" for finding in findings
                  if case_of(finding) not in known]
        check(not wrong, f"{how}: repeat with {self.repeat()}\n" + "\n".join(wrong))

    def cures(self, context):
        scenario, members = self.scenario(cured=True)
        how = self.way(True)
        try:
            watch_end(context, how, scenario.text(), log=self.index % 3 == 0)
        except AssertionError as error:
            raise AssertionError(f"{how}: repeat with {self.repeat()}\n{error}\n" + "\n".join(
                case.describe() for case in members)) from None

    def tests(self):
        if self.source == "special":
            return [(self.name, self.deadlocks)]
        return [(f"{self.name} deadlocks", self.deadlocks), (f"{self.name} cures", self.cures)]


# ---- tests: correct programs ------------------------------------------------------------


def correct(seed):
    """Nothing is found, live or in the log, and it computes what it computes natively."""
    def test(context):
        command = [CORRECT, str(seed), str(ROUNDS)]
        native = execute(command)
        equal((native.status, native.err), (0, b""), "native: status and standard error")
        json, log = context.path("found-%p.jsonl"), context.path("log")
        ways = [
            ("preload", [], preloaded(json=json)),
            ("run", [DLWATCH, "run", "--"], environment()),
            ("log", [DLWATCH, "run", f"--log={log}", "--"], environment()),
        ]
        for how, prefix, env in ways:
            result = execute(prefix + command, env)
            equal((result.status, result.out, result.err), (0, native.out, b""),
                  f"{how}: status and output of {' '.join(command)}")
        equal(glob.glob(json.replace("%p", "*")), [], "preload: findings")
        result = execute([DLWATCH, "analyze", "-q", log])
        equal(result.status, 0, f"analyze: status; {result.out[-2000:].decode()}")
    return f"correct/{seed}", test


def batches(seed, random, only, all_pairs):
    count = (len(cases.pairs(TABLE)) + TOGETHER - 1) // TOGETHER
    system = len(cases.system_pairs(cases.random.Random(0), TABLE, kinds.SYSTEM))
    system = (system + TOGETHER - 1) // TOGETHER if all_pairs else 2
    return [Batch(seed, "system-pairs", index, only=only) for index in range(system)] + \
        [Batch(seed, "system-random", index, only=only) for index in range((random + 7) // 8)] + \
        [Batch(seed, "pairs", index, only=only) for index in range(count)] + \
        [Batch(seed, "random", index, only=only) for index in range(random)] + \
        [Batch(seed, "across", index, 2 + index % 3, only) for index in range(random // 2)] + \
        [Batch(seed, "special", index, only=only) for index in range(2)]


def tests_of(seed, arguments):
    made = batches(seed, arguments.random, arguments.case,
                   all_pairs=bool(arguments.seconds or arguments.all_pairs))
    tests = [test for batch in made for test in batch.tests()]
    tests += [correct(seed * CORRECT_PROGRAMS + i) for i in range(CORRECT_PROGRAMS)]
    return harness.select(tests, arguments.only)


def soak(runner, arguments):
    """Round after round, each with a seed of its own."""
    end = time.monotonic() + arguments.seconds
    seed = arguments.seed
    while time.monotonic() < end:
        runner.all(tests_of(seed, arguments))
        print(f"  seed {seed}: {runner.counts['ok']} programs passed so far, "
              f"{runner.counts['FAILED']} failed", flush=True)
        seed += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    harness.add_options(parser)
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all choices (1)")
    parser.add_argument("--random", type=int, default=8, metavar="N",
                        help="programs of random cycles (8)")
    parser.add_argument("--all-pairs", action="store_true",
                        help="of waits on the system too, not only as many as fit one program")
    parser.add_argument("--case", type=int, metavar="N", help="only this case of each program")
    parser.add_argument("--seconds", type=float, metavar="N",
                        help="go on with new seeds for that long")
    arguments = parser.parse_args()
    runner = harness.Runner(arguments.jobs, arguments.verbose or os.environ.get("V") == "1")
    if arguments.seconds:
        soak(runner, arguments)
    else:
        for _ in range(arguments.repeat):
            runner.all(tests_of(arguments.seed, arguments))
    return runner.summary()


if __name__ == "__main__":
    sys.exit(main())
