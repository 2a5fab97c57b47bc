"""live.py - inversions told by the running program's watcher"""
from deadlocks import fixture, sample
from harness import (DLWATCH, check, equal, execute, load_json_lines, preloaded,
                     report_findings, validate)
from logs import analyze, run_logged
from predictions import core_is_of_the_sample

# what can deadlock in another schedule, and the functions of its wishes
FEASIBLE = ["plain", "three", "writers", "spins", "tried_held", "initialised", "through",
            "through_held", "in_child", "replaced"]
SILENT = ["uninitialised", "renewed", "gated", "joined", "created", "posted", "signalled",
          "barrier", "tried", "timed", "readers", "gate_held", "gate_lent"]


def found(context, command, status=0):
    """What `run` and a bare preload tell: the same."""
    json, lines = context.new_path(".json"), context.new_path(".jsonl")
    result = execute([DLWATCH, "run", f"--json={json}", "--", *command])
    equal(result.status, status, f"run: status; {result.err!r}")
    execute(command, preloaded(json=lines))
    findings, alone = report_findings(json), load_json_lines(lines)
    for some in (findings, alone):
        validate(some)
    equal([finding["fingerprint"] for finding in alone],
          [finding["fingerprint"] for finding in findings], "fingerprints, with a bare preload")
    return findings, result


def inversion_is_told_while_the_program_runs(context):
    """Two threads, two orders, the places of both, and how often each."""
    findings, result = found(context, sample("inversion"))
    equal([(finding["kind"], finding["verdict"]) for finding in findings],
          [("inversion", "feasible")], "findings")
    finding = findings[0]
    core_is_of_the_sample(finding)
    check(all(condition["holds"] for condition in finding["coffman"].values()), "conditions")
    check(b"INVERSION, feasible" in result.err, f"report: {result.err!r}")


def log_tells_of_the_same_inversion(context):
    log, _ = run_logged(context, 0, "", sample("inversion"))
    report = analyze(context, log, 1)
    findings, _ = found(context, sample("inversion"))
    equal([finding["fingerprint"] for finding in report["findings"]],
          [finding["fingerprint"] for finding in findings], "fingerprints")


def predict_off_is_off(context):
    lines = context.new_path(".jsonl")
    execute(sample("inversion"), preloaded(json=lines, predict="off"))
    equal(load_json_lines(lines), [], "findings")


def inversions_count_as_asked(context):
    result = execute([DLWATCH, "run", "--fail-on=inversion", "--", *sample("inversion")])
    equal(result.status, 66, "status")


def each_life_has_orders_of_its_own(context):
    """Also where a thread takes the same locks again and again, and knows them."""
    findings, _ = found(context, fixture("live_orders", "often"))
    equal([(finding["kind"], finding["verdict"]) for finding in findings],
          [("inversion", "feasible")], "findings")
    equal(sorted(hold["count"] for thread in findings[0]["core"] for hold in thread["holds"]),
          [1, 3], "counts")


def last_look_tells_of_all_that_were_killed(context):
    """One of a hundred, and no look before that."""
    json = context.new_path(".json")
    execute([DLWATCH, "run", "--options=check_ms=60000", f"--json={json}", "--",
             *fixture("live_orders", "killed")])
    equal(sorted((finding["kind"], finding["verdict"]) for finding in report_findings(json)),
          [("inversion", "feasible"), ("misuse", "certain")], "findings")


class Case:
    def __init__(self, which, count):
        self.which, self.count = which, count

    def __call__(self, context):
        findings, _ = found(context, fixture("live_orders", self.which))
        equal([(finding["kind"], finding["verdict"]) for finding in findings],
              [("inversion", "feasible")] * self.count, "findings")
        equal({finding["program"]["exe"].split("/")[-1] for finding in findings},
              {"live_orders"} if self.count else set(), "program")


def all_cases():
    tests = [inversion_is_told_while_the_program_runs, log_tells_of_the_same_inversion,
             predict_off_is_off, inversions_count_as_asked,
             each_life_has_orders_of_its_own, last_look_tells_of_all_that_were_killed]
    return ([("live/" + test.__name__, test) for test in tests] +
            [(f"live/{which}_can_deadlock", Case(which, 1)) for which in FEASIBLE] +
            [(f"live/{which}_is_silent", Case(which, 0)) for which in SILENT])
