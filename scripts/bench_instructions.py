"""Instructions, counted by callgrind: what an operation takes, and where."""

import collections
import concurrent.futures
import os
import re
import subprocess

from bench_measure import Failure


def callgrind(out, *options):
    """What to put before a command so that its instructions are counted into the file @out."""
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
            "--compress-strings=no", "--compress-pos=no", *options]


def counts_in(out, ops, command):
    """Of the file @out that callgrind wrote of @command: instructions of one of @ops operations."""
    with open(out, encoding="utf-8", errors="replace") as file:
        functions = by_function(file)
    if not functions:
        raise Failure(f"{' '.join(command)}: counted nothing")
    return {function: cost / ops for function, cost in functions.items()}


def count(setup, command, toggle, ops, mode, place=None):
    """
    Instructions of one of @ops operations of @command, by function, while any
    thread is in function @toggle.  @place: a directory of this call's own,
    where several run at once.
    """
    place = place or setup.scratch
    out = os.path.join(place, "callgrind.out")
    command = [*callgrind(out, f"--toggle-collect={toggle}"), *command]
    env = setup.environment(mode, log=os.path.join(place, "log"))
    done = subprocess.run(command, env=env, capture_output=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {done.stderr.decode(errors='replace')[-500:]}")
    return counts_in(out, ops, command)


def loop(setup, name, ops):
    """What to count of a workload of one thread: the second half, once the first has warmed it."""
    return [setup.program("micro"), name, str(ops), "--exact", "--warm"], "ns_per_op", ops


def by_function(lines):
    """What each function itself took, of a callgrind file without compression."""
    costs = collections.Counter()
    function = library = None
    called = False
    for line in lines:
        if line.startswith("ob="):
            library = os.path.basename(line[3:].strip())
        elif line.startswith("fn="):
            name = line[3:].strip()
            function = f"{'without a name' if name.startswith('0x') else name} ({library})"
        elif line.startswith("calls="):
            called = True
        elif re.match(r"[0-9+*-]", line):
            if not called and function:
                costs[function] += int(line.split()[1])
            called = False
    return costs


def count_workload(setup, load, modes):
    """Instructions of an operation natively and in each mode, two modes at a time."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        pending = {}
        for mode in [None, *modes]:
            place = os.path.join(setup.scratch, f"count-{mode}")
            os.makedirs(place, exist_ok=True)
            pending[mode] = pool.submit(load.counted(), mode, place)
        return {mode: answer.result() for mode, answer in pending.items()}


def add_counts(setup, load, row, modes):
    for mode, functions in count_workload(setup, load, modes).items():
        place = row["native"] if mode is None else row["modes"].setdefault(mode, {})
        place["instructions"] = round(sum(functions.values()), 1)
        place["profile"] = {name: round(cost, 1) for name, cost in functions.items() if cost >= 0.5}
