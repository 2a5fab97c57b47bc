#!/usr/bin/python3
"""run.py - the hot path costs no more instructions than it did

Instructions are counted, not timed, so other programs on the machine do not
matter: what one operation takes, with and without the shim, must lie within
MARGIN of expected.json.  Fewer fail as well: then the file is out of date, and
would not notice their return.  `make renew-instructions` writes it anew, to be
committed with the change that explains it.

The numbers hold for one compiler, its flags and one C library; under others,
and without valgrind, there is nothing to compare, and that is said.
"""
import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "scripts"))

import bench_instructions  # noqa: E402
from bench_measure import Failure, Setup  # noqa: E402

EXPECTED = os.path.join(HERE, "expected.json")
MARGIN = 0.10
OPERATIONS = 4000

# Workloads of tests/bench/micro*.c; None: without the shim.
COUNTED = [("uncontended", None), ("uncontended", "default"), ("uncontended", "stacks"),
           ("uncontended", "full"), ("nested8", "default"), ("rwlock_read", "default"),
           ("semaphore", "default")]


def built_by(build):
    """Compiler, flags that matter to the code, C library."""
    comment = subprocess.run(["readelf", "-p", ".comment", os.path.join(build, "libdlwatch.so")],
                             capture_output=True, text=True, check=True).stdout
    with open(os.path.join(build, "obj", "flags.shim"), encoding="utf-8") as file:
        flags = [flag for flag in file.read().split()
                 if flag.startswith("-") and not re.match(r"-W[a-z]|-DDLW_VERSION|-[gI]|-Wl,", flag)]
    return {"compiler": " ".join(re.findall(r"\]\s+(.*)", comment)), "flags": " ".join(flags),
            "library": " ".join(platform.libc_ver())}


def count(setup, workload, mode):
    loop = bench_instructions.loop(setup, workload, OPERATIONS)
    return sum(bench_instructions.count(setup, *loop, mode).values())


def name_of(workload, mode):
    return f"{workload}, {mode or 'native'}"


def compare(setup, expected):
    """Return: how many are right"""
    right = 0
    for workload, mode in COUNTED:
        name = name_of(workload, mode)
        now, then = count(setup, workload, mode), expected["instructions"][name]
        if abs(now - then) <= MARGIN * then:
            right += 1
        else:
            print(f"  FAILED  instructions/{name}: {now:.0f}, expected {then} "
                  f"within {MARGIN:.0%} (make renew-instructions)")
    return right


def renew(setup, built):
    counts = {name_of(*each): round(count(setup, *each)) for each in COUNTED}
    with open(EXPECTED, "w", encoding="utf-8") as file:
        json.dump({"built": built, "instructions": counts}, file, indent=1)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--renew", action="store_true", help="write expected.json")
    options = parser.parse_args()
    build = os.environ.get("O", "build")
    if not shutil.which("valgrind"):
        print("  skipped instructions: valgrind is not installed\n0 passed, 0 failed")
        return 0
    built = built_by(build)
    scratch = tempfile.mkdtemp(prefix="instructions-", dir=build)
    try:
        setup = Setup(build, None, scratch, 1.0)
        if options.renew:
            renew(setup, built)
            return 0
        with open(EXPECTED, encoding="utf-8") as file:
            expected = json.load(file)
        if expected["built"] != built:
            print(f"  skipped instructions: counted for {expected['built']}, this is {built}\n"
                  "0 passed, 0 failed")
            return 0
        right = compare(setup, expected)
    except Failure as failure:
        print(f"  FAILED  instructions: {failure}\n0 passed, {len(COUNTED)} failed")
        return 1
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{right} passed, {len(COUNTED) - right} failed")
    return int(right < len(COUNTED))


if __name__ == "__main__":
    sys.exit(main())
