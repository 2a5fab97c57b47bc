#!/usr/bin/python3
"""run.py - the transparency tests: the same program with and without dlwatch

Standard output, standard error and status must be equal, and nothing may be
found. Programs: our own (returns: every call's result and errno; lifecycle
and handlers: fork, exec, signals, cancellation, thread ends), Debian's memcached, pbzip2, xz
and sqlite, and CPython's own tests.

The default is the part of `make check`: of CPython's tests those that take
seconds, with a bare preload. --full runs them all: concurrent.futures,
multiprocessing, subprocess, asyncio, too, and each under `dlwatch run`, too
(about ten minutes each way).
"""
import argparse
import glob
import os
import random
import shutil
import signal
import sys
import xml.etree.ElementTree

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

import harness  # noqa: E402
import memcached_load  # noqa: E402
from harness import (BUILD, DLWATCH, Running, check, environment, equal, execute,  # noqa: E402
                     load_json_lines, preloaded, report_findings)

PYTHON = "/usr/bin/python3"
PROGRAMS = os.path.join(BUILD, "tests", "transparency")
SCENES = ["main_leaves", "exit_while_others_wait", "only_own_children", "change_user",
          "new_user_namespace", "post_from_signals", "lock_after_the_end",
          "fork_among_threads", "vfork_and_execute", "failed_exec", "cancel_condition_wait",
          "cancel_mutex_wait", "cancel_asynchronously",
          "strict_seccomp", "jump_out_of_wait"]
QUICK_PYTHON = ["test_thread", "test_threading", "test_threading_local", "test_queue",
                "test_threadedtempfile", "test_threadsignals", "test_context"]
FULL_PYTHON = ["test_concurrent_futures", "test_subprocess", "test_asyncio",
               "test_multiprocessing_fork", "test_multiprocessing_spawn",
               "test_multiprocessing_forkserver", "test_multiprocessing_main_handling",
               "test_fork1", "test_os", "test_posix", "test_signal", "test_socketserver",
               "test_sched", "test_logging"]


# ---- the three ways to run one thing ------------------------------------------


def found(findings, how, meant=None):
    seen = [(finding["kind"], finding["verdict"], [core["wants"] for core in finding["core"]])
            for finding in findings if not (meant and meant(finding))]
    equal(seen, [], f"{how}: findings")


def is_misuse(finding):
    return finding["kind"] == "misuse"


def is_own_pipe(finding):
    """One thread that reads what nobody but itself could write."""
    return len(finding["core"]) == 1 and \
        [resource["kind"] for resource in finding["resources"]] == ["pipe"]


class Ways:
    """Preload and run: how to start each, and what was found but for what is meant to be."""

    def __init__(self, context, meant=None, options=()):
        self.context = context
        self.meant = meant
        self.options = options

    def all(self, run=True):
        json = self.context.new_path("-%p.jsonl")
        # a report of a misuse is right, and not the program's own output
        aside = {"report": self.context.new_path(".txt")} if self.meant else {}
        yield "preload", [], preloaded(json=json, on_deadlock="report", **aside), \
            lambda: [found(load_json_lines(path), "preload", self.meant)
                     for path in glob.glob(json.replace("%p", "*"))]
        if not run:
            return
        report = self.context.new_path(".json")
        yield "run", [DLWATCH, "run", "-q", *self.options, f"--json={report}", "--"], \
            environment(), lambda: found(report_findings(report), "run", self.meant)


def same_output(command, meant=None, patience=harness.PATIENCE):
    def test(context):
        native = execute(command, patience=patience)
        for how, prefix, env, nothing_found in Ways(context, meant).all():
            watched = execute(prefix + command, env, patience)
            expected, seen = native.out.splitlines(), watched.out.splitlines()
            for left, right in zip(expected, seen):
                equal(right, left, f"{how}: line of standard output")
            equal(len(seen), len(expected), f"{how}: lines of standard output")
            equal((watched.status, watched.err), (native.status, native.err),
                  f"{how}: status and standard error")
            nothing_found()
    return test


# ---- applications ---------------------------------------------------------------


def need(program):
    path = shutil.which(program)
    check(path, f"{program} is not installed (make deps)")
    return path


def some_text(path, megabytes):
    """Compressible, and the same every time."""
    chance = random.Random(1)
    words = [bytes(chance.choices(b"abcdefgh ", k=chance.randint(2, 9))) for _ in range(2000)]
    with open(path, "wb") as file:
        while file.tell() < megabytes << 20:
            file.write(b" ".join(chance.choices(words, k=2000)) + b"\n")


def round_trip(compressor, pack, unpack, suffix):
    def test(context):
        program = need(compressor)
        original = context.path("text")
        some_text(original, 6)
        with open(original, "rb") as file:
            text = file.read()
        packed = context.path("native" + suffix)
        native = execute([program, *pack, original], patience=90)
        equal((native.status, native.err), (0, b""), "native: status and standard error")
        with open(packed, "wb") as file:
            file.write(native.out)
        for how, prefix, env, nothing_found in Ways(context).all():
            result = execute(prefix + [program, *pack, original], env, 90)
            equal((result.status, result.err), (0, b""), f"{how}: status and standard error")
            check(result.out == native.out, f"{how}: packed differently")
            result = execute(prefix + [program, *unpack, packed], env, 90)
            equal((result.status, result.err), (0, b""), f"{how}: status and standard error")
            check(result.out == text, f"{how}: not the original after unpacking")
            nothing_found()
    return test


def serve(command, env, port):
    running = Running(command, env)
    try:
        count = memcached_load.load(port, running)
        running.process.send_signal(signal.SIGTERM)
    except BaseException:
        running.end()
        raise
    result = running.wait(20)
    return result.status, result.out, result.err, count


def memcached(context):
    program = need("memcached")

    def command():
        port = memcached_load.free_port()
        user = ["-u", "root"] if os.geteuid() == 0 else []
        return [program, *user, "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-t", "4"], port

    words, port = command()
    native = serve(words, environment(), port)
    for how, prefix, env, nothing_found in Ways(context).all():
        words, port = command()
        equal(serve(prefix + words, env, port), native,
              f"{how}: status, output, standard error, values read back")
        nothing_found()


def sqlite(context):
    script = os.path.join(HERE, "sqlite_threads.py")
    native = execute([PYTHON, script, context.path("native.db")], patience=90)
    equal((native.status, native.err), (0, b""), "native: status and standard error")
    for how, prefix, env, nothing_found in Ways(context).all():
        result = execute(prefix + [PYTHON, script, context.path(how + ".db")], env, 90)
        equal(result[:3], native[:3], f"{how}: status, output and standard error")
        nothing_found()


# ---- CPython's own tests -----------------------------------------------------------


# What a watched program can notice, and these tests do: docs/transparency.md
NOTICED = {
    "test.test_subprocess.POSIXProcessTestCase.test_pass_fds_redirected":
        "lists the open descriptors, and the shim has three",
}
# What is found there, and true: docs/transparency.md
MEANT = {"test_signal": is_own_pipe}
RESOURCES = {"test_socketserver": ["-u", "network"]}


def outcomes(path):
    """What became of each test."""
    result = {}
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        worst = [part.tag for part in case if part.tag in ("failure", "error", "skipped")]
        result[case.get("name")] = worst[0] if worst else "passed"
    return result


def run_python_test(context, name, prefix, env, patience):
    directory = context.path(f"{context.files}-work")
    os.mkdir(directory)
    context.files += 1
    results = os.path.join(directory, "results.xml")
    result = execute(prefix + [PYTHON, "-m", "test", *RESOURCES.get(name, []), "--junit-xml",
                               results, name], env, patience, cwd=directory)
    said = (result.out[-1500:] + result.err[-500:]).decode(errors="replace")
    check(os.path.exists(results), f"{name}: no results; status {result.status}, {said}")
    return result, outcomes(results)


def differing(native, watched):
    return {test: (native.get(test), watched.get(test)) for test in set(native) | set(watched)
            if native.get(test) != watched.get(test)}


def python_test(name, full, patience):
    """Every single test ends as it does natively, where it does so twice."""
    def test(context):
        native = []

        def natively():
            result, seen = run_python_test(context, name, [], environment(), patience)
            check(seen, f"{name}: nothing was tested; {result.out[-500:]!r}")
            native.append(seen)

        natively()
        wrong = {}
        # hung on purpose, and ended by the test: not by us
        ways = Ways(context, MEANT.get(name), ["--on-deadlock=report"])
        for how, prefix, env, nothing_found in ways.all(full):
            result, watched = run_python_test(context, name, prefix, env, patience)
            differ = differing(native[0], watched)
            if differ and len(native) == 1:
                natively()
            differ = {test: ends for test, ends in differ.items() if test not in NOTICED and
                      not (len(native) == 2 and test in differing(*native))}
            if differ:
                wrong[how] = differ, result.out[-1500:].decode(errors="replace")
            nothing_found()
        equal(wrong, {}, f"{name}: native and watched outcome")
    return test


# ---- all of them --------------------------------------------------------------------


def all_tests(full):
    returns = [os.path.join(PROGRAMS, "returns")]
    tests = [(f"python/{name}", python_test(name, full, 240)) for name in QUICK_PYTHON]
    if full:
        tests += [(f"python/{name}", python_test(name, full, 1800)) for name in FULL_PYTHON]
    tests += [
        ("memcached", memcached),
        ("pbzip2", round_trip("pbzip2", ["-p2", "-b1", "-k", "-c"], ["-p2", "-d", "-k", "-c"],
                              ".bz2")),
        ("xz", round_trip("xz", ["-T2", "-1", "--block-size=1MiB", "-k", "-c"],
                          ["-T2", "-d", "-k", "-c"], ".xz")),
        ("sqlite", sqlite),
        ("returns", same_output(returns, is_misuse)),
    ]
    lifecycle = os.path.join(PROGRAMS, "lifecycle")
    handlers = os.path.join(PROGRAMS, "handlers")
    tests += [(f"handlers/{scene}", same_output([handlers, scene], patience=60))
              for scene in ("end", "execute", "fork")]
    return tests + [(f"lifecycle/{scene}", same_output([lifecycle, scene])) for scene in SCENES]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    harness.add_options(parser)
    parser.add_argument("--full", action="store_true", help="all of CPython's tests")
    arguments = parser.parse_args()
    return harness.main(all_tests(arguments.full), arguments)


if __name__ == "__main__":
    sys.exit(main())
