#!/usr/bin/python3
"""scale.py - what a crowd of threads costs, and how soon a deadlock in it is found

Figures to look at: memory that each thread adds, what the watcher takes of a
processor while nothing moves, and the time from a closed cycle to its report.
"""
import argparse
import os
import re
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

from harness import BUILD, DLWATCH, Running, check, environment, preloaded  # noqa: E402

PROGRAM = os.path.join(BUILD, "tests", "generated", "scenario")
QUIET = 12  # seconds before the cycle closes


def crowd(threads, processes):
    """All wait for one lock of a thread that lives; two others deadlock later."""
    lines = ["object 0 mutex normal -1 0", "object 1 mutex normal 0 0",
             "object 2 mutex normal 0 0"]
    everybody = threads + 3
    lines += ["thread 0 0 owner 0", "lock 0", f"meet 0 {everybody}", "meet 2 2"]
    for number, (mine, other) in enumerate(((1, 2), (2, 1)), 1):
        lines += [f"thread {number} 0 cycle{number} 0", f"lock {mine}", f"meet 0 {everybody}",
                  f"nap {QUIET * 1000}", f"lock {other}"]
    for number in range(3, everybody):
        lines += [f"thread {number} {number % processes} crowd{number} 0",
                  f"meet 0 {everybody}", "lock 0"]
    return "\n".join(lines) + "\n"


def tree(pid):
    """The process and its children, one generation each."""
    found = [pid]
    for parent in found:
        for task in os.listdir(f"/proc/{parent}/task"):
            with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
    return found


def memory(pids):
    """Kilobytes, shared pages by their share."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            total += int(re.search(r"^Pss: +(\d+)", file.read(), re.M).group(1))
    return total


def processor(pid, name=None):
    """Seconds that the process, or its thread of that name, has used."""
    place = f"/proc/{pid}"
    with open(place + "/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(how, text, directory):
    scenario = os.path.join(directory, "scale.scenario")
    with open(scenario, "w", encoding="ascii") as file:
        file.write(text)
    command, env = [PROGRAM, scenario, "hang"], environment()
    if how == "run":
        command = [DLWATCH, "run", "--on-deadlock=report", "--", *command]
    elif how == "preload":
        env = preloaded(on_deadlock="report")
    held, to_close = os.pipe()
    running = Running(command, env, stdin=held)
    os.close(held)
    try:
        while b"object 2" not in running.output["out"]:
            running.read(0.1)
            check(running.process.poll() is None, running.said())
        started = time.monotonic()
        while time.monotonic() < started + 4:
            running.read(0.2)
        pids = tree(running.process.pid)
        kilobytes = memory(pids[1:] if how == "run" else pids)
        before = processor(pids[0])
        while time.monotonic() < started + 9:
            running.read(0.2)
        share = (processor(pids[0]) - before) / 5
        found = None
        while how != "native" and not found and time.monotonic() < started + QUIET + 20:
            running.read(0.01)
            if b"DEADLOCK" in running.output["err"]:
                found = time.monotonic() - started - QUIET
        return kilobytes, share, found
    finally:
        os.close(to_close)
        running.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=10000, metavar="N")
    parser.add_argument("--processes", type=int, default=1, metavar="N")
    arguments = parser.parse_args()
    text = crowd(arguments.threads, arguments.processes)
    native = None
    for how in ("native", "run", "preload"):
        kilobytes, share, found = watch(how, text, os.environ.get("TMPDIR", "/tmp"))
        native = native or kilobytes
        added = (kilobytes - native) * 1024 / arguments.threads
        print(f"{how}: {kilobytes} KB, {added:.0f} bytes a thread added; "
              f"{'watcher' if how == 'run' else 'program'} takes {share * 100:.2f} % of a processor; "
              + (f"found after {found * 1000:.0f} ms" if found else "nothing found"), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
