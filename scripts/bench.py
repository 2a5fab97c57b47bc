#!/usr/bin/python3
"""What dlwatch costs, as ratios to the native run: `make bench`.

Every workload runs without and with the shim by turns, in rounds, so that
whatever else the machine does meets all alike; a ratio is the median over the
rounds, and its quartiles tell how much to believe it.  Times are never
compared with times of another day.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bench_hangs  # noqa: E402
import bench_instructions  # noqa: E402
import bench_logs  # noqa: E402
import bench_plot  # noqa: E402
import bench_report  # noqa: E402
import bench_scaling  # noqa: E402
import bench_table  # noqa: E402
import bench_workloads  # noqa: E402
from bench_measure import MODES, PASSES, PEERS, Failure, Samples, Setup  # noqa: E402

# What is measured, in this order.
PARTS = {
    "table": "loops and programs in every mode",
    "peers": "the small loops under " + ", ".join(PEERS),
    "instructions": "instructions of an operation, by function (valgrind)",
    "logs": "size of logs; speed and memory of the analyzer",
    "latency": "from a closed cycle to its report",
    "scaling": "curves over many locks, threads, processes",
}
QUICK_PARTS = ("table", "instructions", "logs", "latency")


def arguments():
    parser = argparse.ArgumentParser(
        prog="make bench BENCH_ARGS=…", description=__doc__.splitlines()[0],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="parts:\n" + "\n".join(f"  {name:<13} {what}" for name, what in PARTS.items()))
    parser.add_argument("--build", default="build", help="where make built (build)")
    parser.add_argument("--shim", help="measure this library instead of BUILD/libdlwatch.so")
    parser.add_argument("--quick", action="store_true",
                        help="smaller loads, no peers, no curves: under four minutes")
    parser.add_argument("--rounds", type=int, help="of all modes by turns (7; quick: 5)")
    parser.add_argument("--modes", default=",".join(MODES), help="of " + ",".join(MODES) + " (all)")
    parser.add_argument("--parts", help="only these parts (see below), commas between")
    parser.add_argument("--only", default="", metavar="WORD[,WORD…]",
                        help="of the table, only workloads with one of these in the name")
    parser.add_argument("--from", dest="given", metavar="FILE",
                        help="measure nothing: take the figures that --json wrote there")
    parser.add_argument("--json", metavar="FILE", help="write every figure there, - for stdout")
    parser.add_argument("--compare", metavar="FILE",
                        help="say what differs from the figures there by more than the spread")
    parser.add_argument("--svg", metavar="FILE", help="draw every ratio and curve there")
    parser.add_argument("--readme", metavar="FILE", help="put the short table into this file")
    parser.add_argument("--performance", metavar="FILE",
                        help="put everything, with profiles of what is over, into this file")
    parser.add_argument("--strict", action="store_true",
                        help="exit with 1 if anything is over its budget")
    options = parser.parse_args()
    options.modes = chosen(parser, options.modes, MODES)
    options.parts = chosen(parser, options.parts or ",".join(QUICK_PARTS if options.quick
                                                             else PARTS), PARTS)
    options.rounds = options.rounds or (5 if options.quick else 7)
    return options


def chosen(parser, text, known):
    words = text.split(",")
    for word in words:
        if word not in known:
            parser.error(f"{word}: none of {', '.join(known)}")
    return words


# ---- measuring ---------------------------------------------------------------------

def wanted(options, name):
    return any(word in name for word in options.only.split(","))


def has_part(options, load):
    return ("table" in options.parts or ("peers" in options.parts and load.peers) or
            ("instructions" in options.parts and load.counted()))


class Table:
    """
    The workloads, measured in passes: the rounds of one lie minutes apart, so that
    what the machine does for a minute or two shows in the spread, and is not a result.
    """

    def __init__(self, options, setup):
        self.options = options
        self.setup = setup
        self.loads = [load for load in bench_workloads.all_workloads(setup)
                      if wanted(options, load.name) and has_part(options, load)]
        self.samples = {}

    def one_pass(self, number):
        """Yields each workload's name, and how to measure it once more; of the last pass, its row."""
        for load in self.loads:
            if not load.missing():
                yield f"{load.what} ({number + 1} of {PASSES})", \
                      lambda load=load: self.measure(load, number)
            elif number == PASSES - 1:
                yield f"{load.what}: not installed, left out", None

    def measure(self, load, number):
        samples = self.samples.setdefault(load.name, Samples(load))
        if "table" in self.options.parts:
            samples.add_rounds(self.options.modes, *part_of(self.options.rounds, number))
        if number < PASSES - 1:
            return []
        if "peers" in self.options.parts:
            samples.add_peers(self.options.rounds)
        row = samples.row()
        if "instructions" in self.options.parts and load.counted():
            bench_instructions.add_counts(self.setup, load, row, self.options.modes)
        return [row]


def part_of(rounds, number):
    """The first round of pass @number, and the one after its last."""
    return rounds * number // PASSES, rounds * (number + 1) // PASSES


def measure_logs(options, setup):
    if "logs" in options.parts:
        yield "size of a log", lambda: [bench_logs.measure_log(setup)]
        for events in (10**5, 10**6) if options.quick else (10**5, 10**6, 10**7):
            yield f"a log of {events} events", lambda events=events: [
                bench_logs.measure_analyzer(setup, events),
                bench_logs.measure_prediction(setup, events)]


def measure_behaviour(options, setup):
    if "latency" in options.parts:
        for way in bench_hangs.WAYS:
            yield f"hangs, {way}", lambda way=way: [
                bench_hangs.measure_latency(setup, way, 20 if options.quick else 60)]
    if "scaling" in options.parts:
        for number, curve in enumerate(bench_scaling.all_curves(setup), 1):
            yield f"curve {number}", curve


def steps_of(options, setup):
    """All there is to measure, what takes long between the passes of the table."""
    table = Table(options, setup)
    between = [] if options.only else [measure_logs, measure_behaviour]
    for number in range(PASSES):
        yield from table.one_pass(number)
        if number < len(between):
            yield from between[number](options, setup)


def measure_all(options, setup, terminal, figures):
    """Fills figures["results"]; what fails is said, and the rest measured all the same."""
    results = figures["results"]
    for what, step in steps_of(options, setup):
        if step is None:
            terminal.line(what)
            continue
        terminal.working(what)
        try:
            rows = step()
        except Failure as failure:
            figures["failed"] += 1
            terminal.line(f"FAILED  {what}: {failure}")
            continue
        for row in rows:
            results.append(row)
            terminal.row(bench_table.judge(row, results))
        if options.json and options.json != "-":
            write(options.json, as_json(figures))


def measured(options, terminal):
    os.makedirs(options.build, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix="bench-", dir=options.build)
    figures = {"machine": bench_table.machine(), "date": time.strftime("%Y-%m-%d"),
               "rounds": options.rounds, "failed": 0, "results": []}
    try:
        setup = Setup(options.build, options.shim, scratch, 0.2 if options.quick else 1.0)
        terminal.head(f"{bench_table.machine()}; {setup.shim}", options.rounds)
        measure_all(options, setup, terminal, figures)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if not figures["results"]:
        raise Failure(f"{options.only or 'nothing'}: no such workload, or none that ran")
    return figures


# ---- telling -----------------------------------------------------------------------

def read_figures(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def as_json(figures):
    return json.dumps(figures, indent=1, ensure_ascii=False)


def write(path, text):
    if path == "-":
        print(text)
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")


def tell(options, figures):
    if options.json:
        write(options.json, as_json(figures))
    if options.svg:
        write(options.svg, bench_plot.drawing(figures))
    if options.readme:
        bench_report.put_into(options.readme, {"bench": bench_report.short(figures)})
    if options.performance:
        bench_report.put_into(options.performance, bench_report.sections(figures))


def main():
    options = arguments()
    out = sys.stderr if options.json == "-" else sys.stdout
    terminal = bench_table.Terminal(out, options.modes +
                                    [peer for peer in PEERS if "peers" in options.parts])
    try:
        figures = read_figures(options.given) if options.given else measured(options, terminal)
        results = figures["results"]
        terminal.instructions(results)
        over = terminal.foot(results)
        if options.compare:
            for line in bench_report.differences(read_figures(options.compare)["results"], results):
                terminal.line(line)
        tell(options, figures)
        if figures["failed"]:
            raise Failure(f"{figures['failed']} of the measurements failed, see above")
    except (Failure, OSError) as failure:
        print(f"dlwatch: scripts/bench.py: {failure}", file=sys.stderr)
        return 2
    return 1 if over and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
