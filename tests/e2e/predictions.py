"""predictions.py - deadlocks that a run did not have, found in its log
"""
import re

from deadlocks import fixture, sample
from harness import DLWATCH, check, equal, execute
from logs import analyze, run_logged


def logged(context, name, status=0):
    return run_logged(context, status, "", sample(name))[0]


def locks(finding):
    return {resource["id"]: resource["name"].split()[-1] for resource in finding["resources"]}


def core_is_of_the_sample(finding):
    """samples/inversion.c: who takes what under what, where, and how often."""
    names = locks(finding)
    equal([(thread["name"], names[thread["wants"]["resource"]], thread["wants"]["site"]["function"],
            [(names[hold["resource"]], hold["count"], hold["site"]["function"])
             for hold in thread["holds"]]) for thread in finding["core"]],
          [("alice-to-bob", "bob_lock", "alice_to_bob", [("alice_lock", 3, "alice_to_bob")]),
           ("bob-to-alice", "alice_lock", "bob_to_alice", [("bob_lock", 1, "bob_to_alice")])],
          "core")


def inversion_that_did_not_hang_is_predicted(context):
    """Two threads, two orders, the places of both, how often each, and a schedule."""
    log = logged(context, "inversion")
    report = analyze(context, log, 1)
    equal([finding["verdict"] for finding in report["findings"]], ["feasible"], "verdicts")
    finding = report["findings"][0]
    names = locks(finding)
    equal(finding["kind"], "inversion", "kind")
    core_is_of_the_sample(finding)
    check(all(condition["holds"] for condition in finding["coffman"].values()), "conditions")
    check("in the predicted schedule" in finding["coffman"]["circular_wait"]["evidence"],
          "circular wait: evidence")
    check("change bob_to_alice" in finding["advice"] and "seen 1 time against 3" in
          finding["advice"], f"advice: {finding['advice']}")
    equal(finding["suppression"], "inversion:alice_to_bob,bob_to_alice", "suppression")
    equal([(step["name"], step["does"], names.get(step["resource"]))
           for step in finding["witness"] if step["resource"]],
          [("alice-to-bob", "acquire", "alice_lock"), ("bob-to-alice", "acquire", "bob_lock"),
           ("alice-to-bob", "want", "bob_lock"), ("bob-to-alice", "want", "alice_lock")],
          "witness")
    equal(finding["witness_omitted"], 0, "steps left out")


def same_inversion_has_the_same_fingerprint(context):
    prints = set()
    for _ in range(2):
        report = analyze(context, logged(context, "inversion"), 1)
        prints.add(report["findings"][0]["fingerprint"])
    equal(len(prints), 1, "fingerprints")


def inversion_counts_as_told(context):
    log = logged(context, "inversion")
    analyze(context, log, 0, "--fail-on=deadlock")
    rules = context.path("rules")
    with open(rules, "w", encoding="utf-8") as file:
        file.write("inversion:alice_to_bob,bob_to_alice\n")
    equal(analyze(context, log, 0, f"--suppressions={rules}")["findings"], [], "suppressed")


def inversion_is_told_step_by_step(context):
    result = execute([DLWATCH, "analyze", "--no-statistics", logged(context, "inversion")])
    equal(result.status, 1, "status")
    text = result.out.decode()
    for words in ("INVERSION, feasible", "a schedule that deadlocks", "takes M2", "wants M1",
                  "this order was seen 3 times", "but 1 that could be",
                  "feasible as far as locks and order events tell"):
        check(words in text, f"{words!r} is missing: {text}")


def cured_orders_are_silent(context):
    for name in ("two_locks_ordered", "cure_hold_and_wait", "cure_no_preemption",
                 "cure_circular_wait", "philosophers_cured", "producer_consumer"):
        log = logged(context, name)
        equal(analyze(context, log, 0)["findings"], [], name)


def a_gate_is_explained(context):
    log = logged(context, "cure_hold_and_wait")
    report = analyze(context, log, 0, "--all")
    guarded = [finding for finding in report["findings"] if finding["verdict"] == "guarded"]
    check(guarded, "no cycle is guarded")
    for finding in guarded:
        broken = [name for name, condition in finding["coffman"].items()
                  if not condition["holds"]]
        equal(broken, ["circular_wait"], "broken conditions")
        check(re.search("two of them hold M[0-9]+ meanwhile",
                        finding["coffman"]["circular_wait"]["evidence"]), "evidence")


def what_happened_is_not_predicted(context):
    for name in ("two_locks", "philosophers", "join_while_holding"):
        log = logged(context, name, 66)
        report = analyze(context, log, 1)
        equal({finding["kind"] for finding in report["findings"]}, {"deadlock"}, name)


def std_trace(context, *lines):
    trace = context.path("trace.std")
    with open(trace, "w", encoding="utf-8") as file:
        file.writelines(f"{line}|{number}\n" for number, line in enumerate(lines, 1))
    return trace


AB, BA = (["T1|acq(A)", "T1|acq(B)", "T1|rel(B)", "T1|rel(A)"],
          ["T2|acq(B)", "T2|acq(A)", "T2|rel(A)", "T2|rel(B)"])


def traces_of_other_tools_are_predicted_from(context):
    report = analyze(context, std_trace(context, *AB, *BA), 1)
    equal([finding["verdict"] for finding in report["findings"]], ["feasible"], "verdicts")


def what_is_read_was_written_before(context):
    trace = std_trace(context, *AB, "T1|w(V)", "T2|r(V)", *BA)
    equal(analyze(context, trace, 0)["findings"], [], "findings")
    report = analyze(context, trace, 0, "--all")
    equal([finding["verdict"] for finding in report["findings"]], ["ordered"], "verdicts")


def orders_alone_say_where_to_look(context):
    """A log of orders shows both orders, how often each, and no more: unresolved, with the reason."""
    log = run_logged(context, 0, "log_mode=order", sample("inversion"))[0]
    report = analyze(context, log, 0)
    equal(report["findings"], [], "findings that count")
    check(any(re.match("1 cycle of lock orders .* from a log of orders alone", note)
              for note in report["coverage"]["notes"]), f"notes {report['coverage']['notes']}")
    report = analyze(context, log, 0, "--all")
    equal([finding["verdict"] for finding in report["findings"]], ["unresolved"], "verdicts")
    finding = report["findings"][0]
    core_is_of_the_sample(finding)
    equal({name: condition["holds"] for name, condition in finding["coffman"].items()},
          {"mutual_exclusion": True, "hold_and_wait": True, "no_preemption": True,
           "circular_wait": False}, "conditions")
    check("only lock orders were recorded" in finding["coffman"]["circular_wait"]["evidence"],
          "the reason")


def a_gate_shows_in_orders_alone(context):
    log = run_logged(context, 0, "log_mode=order", sample("cure_hold_and_wait"))[0]
    verdicts = {finding["verdict"] for finding in analyze(context, log, 0, "--all")["findings"]}
    equal(verdicts, {"guarded"}, "verdicts")


def a_busy_clean_program_is_silent(context):
    log, _ = run_logged(context, 7, "", fixture("clean"))
    equal(analyze(context, log, 0)["findings"], [], "findings")


def all_cases():
    tests = [inversion_that_did_not_hang_is_predicted, same_inversion_has_the_same_fingerprint,
             inversion_counts_as_told, inversion_is_told_step_by_step, cured_orders_are_silent,
             a_gate_is_explained, what_happened_is_not_predicted, a_busy_clean_program_is_silent,
             orders_alone_say_where_to_look, a_gate_shows_in_orders_alone,
             traces_of_other_tools_are_predicted_from, what_is_read_was_written_before]
    return [("predictions/" + test.__name__, test) for test in tests]
