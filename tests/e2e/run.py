#!/usr/bin/python3
"""run.py - the end-to-end tests: real programs under the real shim

Environment: O build directory, T only tests with this in their name, V=1 name
every test.
"""
import argparse
import sys

sys.dont_write_bytecode = True

import again  # noqa: E402
import annotations  # noqa: E402
import deadlocks  # noqa: E402
import faults  # noqa: E402
import harness  # noqa: E402
import killed  # noqa: E402
import live  # noqa: E402
import logs  # noqa: E402
import misuses  # noqa: E402
import no_findings  # noqa: E402
import predictions  # noqa: E402
import pythons  # noqa: E402
import sessions  # noqa: E402
import system_waits  # noqa: E402
import told  # noqa: E402
import ways  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    harness.add_options(parser)
    tests = (again.all_cases() + deadlocks.all_cases() + no_findings.all_cases() +
             pythons.all_cases() +
             system_waits.all_cases() + ways.all_cases() + faults.all_cases() +
             misuses.all_cases() + annotations.all_cases() + logs.all_cases() +
             killed.all_cases() + sessions.all_cases() + predictions.all_cases() +
             live.all_cases() + told.all_cases())
    return harness.main(tests, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
