#!/usr/bin/python3
"""run.py - what `make bench` says of its samples is what they say

Nothing is timed here: samples, results and a callgrind file are given, and the
rows, verdicts, tables and drawing made of them are looked at.
"""
import os
import sys
import tempfile
import xml.etree.ElementTree
from types import SimpleNamespace

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "scripts"))

import bench  # noqa: E402
import bench_instructions  # noqa: E402
import bench_plot  # noqa: E402
import bench_report  # noqa: E402
import bench_table  # noqa: E402
from bench_measure import (  # noqa: E402
    PASSES, Failure, Samples, distribution, order_of, overlap, summary)

LOAD = SimpleNamespace(name="uncontended", what="mutex", unit="ns", kind="alone")


def quartiles(low, middle, high):
    return {"q1": low, "median": middle, "q3": high}


def figures(results):
    return {"machine": "a machine", "date": "2000-01-01", "rounds": 3, "failed": 0, "results": results}


def row_of(load, pairs, native):
    samples = Samples(load)
    samples.pairs, samples.native = pairs, native
    return samples.row()


def mutex_row(*watched):
    return row_of(LOAD, {"default": [(10.0, each) for each in watched]}, [10.0])


def one_disturbed_round_of_nine_moves_no_median():
    row = mutex_row(*[13.0] * 8, 900.0)
    assert row["modes"]["default"]["ratio"] == quartiles(1.3, 1.3, 1.3), row
    assert row["modes"]["default"]["added"] == 3.0, row


def a_ratio_is_taken_within_its_round():
    # The machine is half as fast in the second round: the ratio is the same.
    pairs, native = [(10.0, 20.0), (20.0, 40.0)], [10.0, 20.0]
    row = row_of(LOAD, {"default": pairs}, native)
    assert row["modes"]["default"]["ratio"] == quartiles(2.0, 2.0, 2.0), row
    assert row["native"]["median"] == 15.0, row


def every_mode_meets_every_place_of_a_round():
    modes = ["a", "b", "c"]
    rounds = [order_of(modes, number) for number in range(6)]
    for order in rounds:
        assert order[0] is None and order[-1] is None and sorted(order[1:-1]) == modes, order
    for mode in modes:
        assert {order.index(mode) for order in rounds} == {1, 2, 3}, rounds


def both_native_runs_of_a_round_count():
    took = iter([10.0, 30.0, 20.0])
    load = SimpleNamespace(run=lambda mode: next(took))
    samples = Samples(load)
    samples.add_rounds(["default"], 0, 1)
    assert samples.pairs == {"default": [(15.0, 30.0)]}, samples.pairs
    assert samples.native == [10.0, 20.0], samples.native


def what_is_slow_gets_one_round_a_pass():
    samples = Samples(SimpleNamespace(run=lambda mode: 1.0))
    samples.add_rounds(["default"], 0, 9, seconds=0)
    assert len(samples.pairs["default"]) == 1, samples.pairs
    samples.add_rounds(["default"], 9, 18, seconds=60)
    assert len(samples.pairs["default"]) == 10, samples.pairs


def the_passes_have_every_round_once():
    for rounds in range(1, 10):
        parts = [range(*bench.part_of(rounds, number)) for number in range(PASSES)]
        assert [at for part in parts for at in part] == list(range(rounds)), parts


def one_sample_is_its_own_summary():
    assert summary([4.0]) == quartiles(4.0, 4.0, 4.0)


def a_distribution_names_its_ends_and_its_tail():
    found = distribution([float(value) for value in range(1, 12)])
    assert found == {"count": 11, "min": 1.0, "median": 6.0, "p90": 10.0, "max": 11.0}, found


def two_runs_agree_where_their_quartiles_overlap():
    assert overlap(quartiles(1.0, 1.1, 1.2), quartiles(1.2, 1.3, 1.4))
    assert overlap(quartiles(1.21, 1.3, 1.4), quartiles(1.0, 1.1, 1.2))  # to a hundredth
    assert not overlap(quartiles(1.0, 1.1, 1.2), quartiles(1.22, 1.3, 1.4))
    assert not overlap(quartiles(1.22, 1.3, 1.4), quartiles(1.0, 1.1, 1.2))


def a_run_that_differs_is_named():
    before, now = mutex_row(13.0, 13.1), mutex_row(15.0, 15.1)
    said = list(bench_report.differences([before], [now]))
    assert said[0].startswith("differs: mutex, default: 1.3"), said
    assert said[1:] == ["0 ratios agree within their spread"], said
    assert list(bench_report.differences([before], [before])) == [
        "1 ratios agree within their spread"]


def a_budget_is_kept_or_it_is_over():
    for watched, kept in ((13.0, True), (13.2, False)):
        row = bench_table.judge(mutex_row(watched), [])
        assert row["modes"]["default"]["ok"] is kept, row
        assert bench_table.cell(row, "default").endswith("!") is not kept, row


def other_locks_may_add_what_a_mutex_may():
    mutex = mutex_row(13.0)
    for added, kept in ((2.9, True), (3.2, False)):
        load = SimpleNamespace(name="semaphore", what="s", unit="ns", kind="alone")
        row = row_of(load, {"default": [(5.0, 5.0 + added)]}, [5.0])
        assert bench_table.judge(row, [mutex])["modes"]["default"]["ok"] is kept, row


def a_slow_or_large_analyzer_is_over():
    for value, megabytes, kept in ((6e6, 100, True), (4e6, 100, False), (6e6, 600, False)):
        row = {"name": "a", "kind": "analyzer", "events": 10**7, "value": value,
               "megabytes": megabytes}
        assert bench_table.judge(row, [])["ok"] is kept, row


def callgrind_counts_what_a_function_itself_took():
    found = bench_instructions.by_function("""version: 1
events: Ir

ob=/lib/libdlwatch.so
fl=a.c
fn=lock
10 5
+1 7
cfn=callee
calls=2 20
10 1000
12 1
fi=inlined.h
3 4
fe=a.c
ob=/bin/micro
fn=main
* 2
fn=0x00001234
* 1
fn=0x00005678
* 1
""".splitlines(keepends=True))
    assert found == {"lock (libdlwatch.so)": 17, "main (micro)": 2,
                     "without a name (micro)": 2}, found


def a_profile_shows_where_what_is_over_goes():
    row = bench_table.judge(mutex_row(20.0), [])
    row["native"].update(instructions=60, profile={"lock (libc.so.6)": 60})
    row["modes"]["default"].update(instructions=110, profile={
        "lock (libc.so.6)": 60, "hook (libdlwatch.so)": 49, "little (libdlwatch.so)": 1})
    assert bench_report.profiles(figures([row])) == """**mutex**: default 2.00 (over 1.30)

| function | in | native | default |
|---|---|---|---|
| `hook` | libdlwatch.so |  | 49 |
| the rest |  | 60 | 61 |
| all |  | 60 | 110 |"""


CURVE = {"name": "c", "what": "growing", "of": "locks", "unit": "ns", "kind": "curve",
         "points": [{"at": 10, "native": 5.0, "default": 6.0},
                    {"at": 1000, "native": 5.0, "default": 60.0}]}


def the_drawing_has_a_bar_and_a_line_for_everything():
    row = bench_table.judge(mutex_row(20.0), [])
    drawing = xml.etree.ElementTree.fromstring(bench_plot.drawing(figures([row, CURVE])))
    words = [each.text for each in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert {"mutex", "2.00", "growing", "locks", "2000-01-01, a machine"} <= set(words), words
    assert len(list(drawing.iter("{http://www.w3.org/2000/svg}polyline"))) == 2


def only_what_is_between_the_markers_is_replaced():
    with tempfile.NamedTemporaryFile("w+", encoding="utf-8") as file:
        file.write("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n")
        file.flush()
        bench_report.put_into(file.name, {"bench": "new"})
        with open(file.name, encoding="utf-8") as again:
            text = again.read()
        assert text == "before\n<!-- bench -->\nnew\n<!-- /bench -->\nafter\n", text
        try:
            bench_report.put_into(file.name, {"other": "new"})
        except Failure:
            return
        raise AssertionError("a marker that is not there was no failure")


def every_place_in_the_documents_is_there():
    """make bench can write them: each section has its markers."""
    root = os.path.join(HERE, "..", "..")
    for name, sections in (("README.md", ["bench"]),
                           ("docs/performance.md", bench_report.sections(figures([])))):
        with open(os.path.join(root, name), encoding="utf-8") as file:
            text = file.read()
        for section in sections:
            assert f"<!-- {section} -->\n" in text and f"<!-- /{section} -->" in text, section


def main():
    tests = [each for name, each in globals().items() if callable(each) and
             getattr(each, "__module__", None) == __name__ and
             name not in ("main", "quartiles", "figures", "row_of", "mutex_row")]
    passed = 0
    for test in tests:
        try:
            test()
            passed += 1
        except (AssertionError, Failure, KeyError) as problem:
            print(f"  FAILED  bench/{test.__name__}: {type(problem).__name__} {problem}")
    print(f"{passed} passed, {len(tests) - passed} failed")
    return int(passed < len(tests))


if __name__ == "__main__":
    sys.exit(main())
