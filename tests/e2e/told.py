"""told.py - a log tells what threads did: each operation, once, in its place
"""
import collections
import json

from deadlocks import fixture
from harness import DLWATCH, equal, execute, preloaded

OPERATIONS = 5000
# As told.c says them.
LETTERS = {"released": "R", "posted": "V", "try-failed": "F", "destroyed": "D"}


def did(output):
    """Locks by address, and what each thread of the program says that it did."""
    locks, done = {}, collections.defaultdict(list)
    for line in output.decode().splitlines():
        who, what, name = line.split()
        if who == "lock":
            locks[what] = name
        else:
            done[who].append((what, name))
    return locks, done


def logged(log, locks):
    """The same of each thread of the log, and what its handler did."""
    result = execute([DLWATCH, "dump", "--format=jsonl", log])
    equal(result.status, 0, "dump: exit status")
    objects, done, handlers = {}, collections.defaultdict(list), collections.defaultdict(list)
    for line in result.out.splitlines():
        record = json.loads(line)
        if record.get("define") == "object":
            objects[record["object"]] = locks.get(record["address"])
        event, name = record.get("event"), objects.get(record.get("object"))
        if not name:
            continue
        what = LETTERS.get(event)
        if event == "acquired":
            what = {"exclusive": "A", "shared": "S", "permit": "P"}[record["mode"]]
        if what:
            (handlers if name.startswith("handler") else done)[record["thread"]].append((what, name))
    return done, handlers


def check_told(context, mode, seed):
    log = context.new_path("")
    result = execute(fixture("told", str(OPERATIONS), str(seed)),
                     preloaded(log=log, log_mode=mode, log_max="1G"),
                     patience=120)  # its threads spin for each other: long where others work
    equal((result.status, result.err), (0, b""), "status and errors")
    locks, done = did(result.out)
    told, handlers = logged(log, locks)
    equal(len(told), len(done), "threads")
    for who, operations in done.items():
        found = told[int(who) + 2]
        for at, (one, other) in enumerate(zip(operations, found)):
            equal(other, one, f"seed {seed}, thread {who}, operation {at}")
        equal(len(found), len(operations), f"seed {seed}, thread {who}: operations")
    for who, operations in handlers.items():
        equal({what for what, _ in operations[::2]} | {"A"}, {"A"}, "what handlers took")
        equal({what for what, _ in operations[1::2]} | {"R"}, {"R"}, "what handlers gave back")
    analysed = execute([DLWATCH, "analyze", log])
    equal(analysed.status, 0, f"analyze: exit status: {analysed.out!r}")


def told_in_full(context):
    check_told(context, "full", 1)


def told_in_a_ring(context):
    check_told(context, "ring", 2)


def all_cases():
    return [(test.__name__, test) for test in (told_in_full, told_in_a_ring)]
