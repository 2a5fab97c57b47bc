#!/usr/bin/python3
"""What dlwatch costs, as ratios to the native run: `make bench`.

Every workload runs without and with the shim by turns, a pair at a time, so
that whatever else the machine does meets both alike; the ratio is the median
over the pairs, and its quartiles tell how much to believe it.  Times are never
compared with times of another day.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bench_plot  # noqa: E402
import bench_table  # noqa: E402
import bench_workloads  # noqa: E402
from bench_measure import (  # noqa: E402
    MODES, PEERS, Failure, Setup, count_instructions, measure_analyzer, measure_log, measure_pairs,
    measure_prediction)


def arguments():
    parser = argparse.ArgumentParser(
        prog="make bench BENCH_ARGS=…", description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="where make built (build)")
    parser.add_argument("--shim", help="measure this library instead of BUILD/libdlwatch.so")
    parser.add_argument("--quick", action="store_true",
                        help="smaller loads, two modes: under a minute")
    parser.add_argument("--pairs", type=int, help="pairs of runs each (11; quick: 9)")
    parser.add_argument("--modes", help="of " + ",".join(MODES) + " (all; quick: default,full)")
    parser.add_argument("--only", default="", metavar="WORD[,WORD…]",
                        help="only workloads with one of these in the name")
    parser.add_argument("--instructions", action="store_true",
                        help="also count instructions per operation (valgrind)")
    parser.add_argument("--peers", action="store_true",
                        help="also under " + ", ".join(PEERS) + ": the small loops alone")
    parser.add_argument("--json", metavar="FILE", help="write every figure there, - for stdout")
    parser.add_argument("--svg", metavar="FILE", help="draw every ratio there")
    parser.add_argument("--readme", metavar="FILE",
                        help="put the table between the bench markers of this file")
    parser.add_argument("--strict", action="store_true",
                        help="exit with 1 if anything is over its budget")
    options = parser.parse_args()
    if options.modes is None:
        options.modes = "default,full" if options.quick else ",".join(MODES)
    options.modes = options.modes.split(",")
    for mode in options.modes:
        if mode not in MODES:
            parser.error(f"{mode}: no such mode")
    if options.pairs is None:
        options.pairs = 9 if options.quick else 11
    return options


def wanted(options, name):
    return any(word in name for word in options.only.split(","))


def run_all(options, setup, out):
    results = []
    for load in bench_workloads.all_workloads(setup):
        if not wanted(options, load.name):
            continue
        if bench_workloads.unwatched(setup, load):
            print(f"{load.what} [{load.name}]: not watched by this build", file=out)
            continue
        peers = list(PEERS) if options.peers and load.has_peers else []
        row = measure_pairs(setup, load, options.modes + peers, options.pairs)
        if options.instructions and load.countable:
            count_instructions(setup, load, row)
        results.append(row)
        bench_table.judge(row, results)
        bench_table.print_row(row, out)
    if "full" in options.modes and wanted(options, "log_size"):
        results.append(measure_log(setup))
        bench_table.print_row(bench_table.judge(results[-1], results), out)
    if "full" in options.modes and wanted(options, "analyzer"):
        results.append(measure_analyzer(setup, 1000000 if options.quick else 10000000))
        bench_table.print_row(bench_table.judge(results[-1], results), out)
    if "full" in options.modes and wanted(options, "prediction"):
        results.append(measure_prediction(setup, 1000000 if options.quick else 10000000))
        bench_table.print_row(bench_table.judge(results[-1], results), out)
    return results


def main():
    options = arguments()
    os.makedirs(options.build, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix="bench-", dir=options.build)
    out = sys.stderr if options.json == "-" else sys.stdout
    try:
        setup = Setup(options.build, options.shim, scratch, 0.2 if options.quick else 1.0)
        bench_table.print_head(setup, options, out)
        results = run_all(options, setup, out)
    except Failure as failure:
        print(f"dlwatch: scripts/bench.py: {failure}", file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if not results:
        print(f"dlwatch: scripts/bench.py: {options.only}: no such workload", file=sys.stderr)
        return 2
    over = bench_table.print_foot(results, out)
    if options.json:
        text = json.dumps({"machine": bench_table.machine(), "results": results}, indent=1)
        if options.json == "-":
            print(text)
        else:
            with open(options.json, "w", encoding="utf-8") as file:
                file.write(text + "\n")
    if options.svg:
        with open(options.svg, "w", encoding="utf-8") as file:
            file.write(bench_plot.drawing(results, [*options.modes, *PEERS],
                                          bench_table.machine()))
    if options.readme:
        bench_table.put_into(options.readme, results, options.modes)
    return 1 if over and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
