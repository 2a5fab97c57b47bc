"""Logs: how large, how fast they are read, what is found in them."""

import json
import os
import subprocess

from bench_measure import Failure, run

PLANTED = 25


def tree_size(path):
    return sum(os.path.getsize(os.path.join(folder, name))
               for folder, _, names in os.walk(path) for name in names)


def write_log(setup, ops):
    """Leaves in setup.log the full log of @ops nested locks and as many unlocks."""
    run([setup.program("micro"), "nested4", str(ops), "--exact"], setup.environment("full"))
    size = tree_size(setup.log)
    if size < ops:
        raise Failure(f"{setup.log}: {size} bytes cannot be the log of {2 * ops} events")
    return size


def measure_log(setup):
    """Twice the events minus once, without what every log begins with."""
    ops = 1000000
    size = write_log(setup, 2 * ops) - write_log(setup, ops)
    return {"name": "log_size", "what": "log, per event", "unit": "bytes", "kind": "log",
            "value": size / (2 * ops)}


def run_analyzer(setup, log, *options):
    """Seconds and megabytes of one `dlwatch analyze`."""
    measures = os.path.join(setup.scratch, "analyze.measures")
    with open(os.path.join(setup.scratch, "analyze.out"), "wb") as out:
        subprocess.run([setup.program("measured"), measures, setup.tool, "analyze", *options, log],
                       env=setup.bare_environment(), stdin=subprocess.DEVNULL,
                       stdout=out, stderr=subprocess.STDOUT, check=True)
    with open(measures, encoding="ascii") as file:
        status, nanoseconds, kilobytes = map(int, file.read().split())
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        with open(out.name, encoding="utf-8", errors="replace") as said:
            raise Failure(f"dlwatch analyze: wait status {status}: {said.read()[:500]}")
    return nanoseconds / 1e9, kilobytes / 1024


def best_of(setup, times, log, *options):
    """The fastest: another program can only make one slower."""
    return min(run_analyzer(setup, log, *options) for _ in range(times))


def analyzer_row(name, what, events, seconds, megabytes):
    return {"name": name, "what": what, "unit": "events/s", "kind": "analyzer",
            "seconds": seconds, "megabytes": megabytes, "events": events,
            "value": events / seconds}


def short(events):
    return f"10{'⁰¹²³⁴⁵⁶⁷⁸⁹'[len(str(events)) - 1]}"


def measure_analyzer(setup, events):
    """A log as the shim writes it: one thread, four locks nested."""
    write_log(setup, events // 2)
    return analyzer_row(f"analyzer_{events}", f"a log of {short(events)} events, with statistics",
                        events, *best_of(setup, 2, setup.log))


def measure_prediction(setup, events):
    """A log with 25 possible deadlocks in it and 80 cycles that are none."""
    log = os.path.join(setup.scratch, "planted.dlw")
    report = os.path.join(setup.scratch, "planted.json")
    said = run([setup.program("planted"), log, str(events)], os.environ)
    events_written = int(said.split()[0])
    row = analyzer_row(f"prediction_{events}",
                       f"25 of 105 cycles hidden in {short(events)} events", events_written,
                       *best_of(setup, 2, log, "--no-statistics", f"--json={report}"))
    with open(report, encoding="utf-8") as file:
        verdicts = [finding["verdict"] for finding in json.load(file)["findings"]]
    os.unlink(log)
    if verdicts != ["feasible"] * PLANTED:
        raise Failure(f"prediction: {len(verdicts)} findings, {PLANTED} are there: {verdicts}")
    return row
