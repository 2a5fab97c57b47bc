#!/usr/bin/python3
"""killed.py - SIGKILL at any moment: every log can be read, and nothing is lost
that the program was told had happened

By itself: killed.py TIMES [SEED], a thousand times or so (make soak-log).
"""
import csv
import os
import random
import re
import signal
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True

from deadlocks import fixture  # noqa: E402
from harness import DLWATCH, Runner, check, environment, equal, preloaded  # noqa: E402

LOAD = fixture("crash_load")[0]
THREADS = 3
FULL = {"log_mode": "full"}
WIDE_RING = {"log_mode": "ring", "log_max": "512M"}
SMALL_RING = {"log_mode": "ring", "log_max": "256K"}
# Of what coverage may note after a SIGKILL, in full and in a ring that wraps.
ALLOWED = r"ends within a block|log_mode=ring: [0-9]+ blocks of earlier events were overwritten"


def page_of(path):
    """How far the threads came: {address of the lock: acquisitions}"""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return {}
    if len(data) < THREADS * 64:
        return {}
    pairs = [struct.unpack_from("<QQ", data, number * 64) for number in range(THREADS)]
    return {address: count for address, count in pairs if count}


def killed_after(seconds, page, log, options):
    running = subprocess.Popen([LOAD, page], env=preloaded(log=log, **options),
                               start_new_session=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(seconds)  # the moment is what is varied: nothing is waited for
    check(running.poll() is None, f"it ended by itself: {running.returncode}")
    running.send_signal(signal.SIGKILL)
    said = running.communicate()[1]
    equal((running.returncode, said), (-signal.SIGKILL, b""), "end and standard error")


def analysis_of(log):
    """Return: {address: acquisitions}, what coverage notes; None where there is no log yet"""
    result = subprocess.run([DLWATCH, "analyze", "--fail-on=deadlock", "--statistics=csv", log],
                            env=environment(), capture_output=True, check=False)
    said = result.stderr.decode()
    if result.returncode == 2 and re.search("no log|header: cut short", said):
        return None, said
    equal(result.returncode, 0, f"analyze: exit status; {said}")
    rows = csv.DictReader(result.stdout.decode().splitlines())
    taken = {int(row["address"], 16): int(row["acquisitions"]) for row in rows}
    notes = said.split("coverage: ", 1)[1].splitlines()[1:]
    return taken, [note for note in notes if note.startswith("  ")]


def kill_once(context, seconds, options):
    log, page = context.new_path(".log"), context.new_path(".page")
    killed_after(seconds, page, log, options)
    counted = page_of(page)
    total = sum(counted.values())
    if not os.path.isdir(log):
        equal(counted, {}, "no log, but the program had locked already")
        return 0
    taken, notes = analysis_of(log)
    if taken is None:
        equal(counted, {}, f"no readable log, but the program had locked already: {notes}")
        return 0
    for note in notes:
        check(re.search(ALLOWED, note), f"coverage: {note!r}")
    if options is SMALL_RING:
        # how much is there of each thread is left to chance: one that has just begun a block,
        # and sleeps, has only what it holds there while others overwrite what it did before
        check(sum(counted.values()) < 1000 or taken, "nothing in the ring")
        counted = {}
    for address, count in counted.items():
        seen = taken.get(address, 0)
        check(count <= seen <= count + 1, f"lock {address:#x} taken {count} times, {seen} logged")
    subprocess.run(["rm", "-rf", log, page], check=True)
    return total


def kill_often(context, times, seed):
    choose = random.Random(seed)
    total = 0
    for number in range(times):
        seconds = choose.uniform(0, 0.02) if number % 3 == 0 else choose.uniform(0.01, 0.15)
        options = choose.choice([FULL, FULL, WIDE_RING, SMALL_RING])
        try:
            total += kill_once(context, seconds, options)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, kill {number}, after {seconds * 1e3:.2f} ms, "
                                 f"{options}: {error}") from None
    check(total > times * 100, f"the threads hardly came to lock: {total} times")
    return total


def sigkill_at_thirty_moments(context):
    kill_often(context, 30, int.from_bytes(os.urandom(4), "little"))


def all_cases():
    return [("killed/" + test.__name__, test) for test in [sigkill_at_thirty_moments]]


def main():
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else int.from_bytes(os.urandom(4), "little")

    def soak(context):
        total = kill_often(context, times, seed)
        print(f"  killed {times} times after {total} acquisitions, seed {seed}")

    runner = Runner(1)
    runner.all([("killed", soak)])
    return runner.summary()


if __name__ == "__main__":
    sys.exit(main())
