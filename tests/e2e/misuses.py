"""misuses.py - locks used wrongly: each sort is reported with what was done,
where, and to whom, by every way to watch a program; its status and its output
stay its own, and what correct programs do is no misuse
"""
import re

from deadlocks import fixture
from expect import Wait, check_stack, check_wait, first_difference, mutex, permit, without_times
from harness import (DLWATCH, check, equal, execute, load_json_lines, preloaded,
                     report_findings, validate)


class Other:
    """The second thread of a misuse, or the first one itself: what it holds or wants."""

    def __init__(self, name, hold=None, want=None):
        self.name, self.hold, self.want = name, hold, want


class Misuse:
    def __init__(self, sort, who, lock, site, kind="mutex", error=0, other=None, broken=(),
                 default=True, argument=None, count=1):
        self.sort, self.who, self.lock, self.site = sort, who, lock, site
        self.kind, self.error, self.other, self.broken = kind, error, other, broken
        self.default = default    # reported unless asked otherwise
        self.argument = argument or sort
        self.count = count

    # ---- one finding ----------------------------------------------------------

    def check(self, finding):
        equal((finding["kind"], finding["verdict"], finding["misuse"]),
              ("misuse", "certain", self.sort), "verdict")
        equal(finding["stuck"], [], "stuck")
        resources = {resource["id"]: resource for resource in finding["resources"]}
        culprit = finding["core"][0]
        equal(culprit["name"], self.who, "who did it")
        equal(culprit["wants"], None, "what it wants")
        self.check_deed(culprit["did"], resources)
        self.check_other(finding["core"], resources)
        self.check_conditions(finding["coffman"])
        check(self.who in finding["advice"], f"advice names nobody: {finding['advice']}")
        check(re.fullmatch(r"misuse:\w+", finding["suppression"]), finding["suppression"])

    def check_deed(self, deed, resources):
        resource = resources[deed["resource"]]
        equal(resource["kind"], self.kind, "kind")
        if self.lock:
            equal(resource["name"].split()[-1], self.lock, "name")
        equal((deed["count"], deed["error"]), (self.count, self.error), "count and error")
        if not self.site:
            equal(deed["site"], None, "site")
            return
        check_stack(deed, mutex(self.lock, self.site), "did")

    def check_other(self, core, resources):
        if not self.other:
            equal((len(core), core[0]["holds"]), (1, []), "others")
            return
        equal(core[-1]["name"], self.other.name, "the other thread")
        if self.other.hold:
            equal(len(core[-1]["holds"]), 1, "holds of the other")
            check_wait(core[-1]["holds"][0], self.other.hold, resources, "the other holds")
        else:
            check_wait(core[-1]["wants"], self.other.want, resources, "the other wants")

    def check_conditions(self, conditions):
        seen = sorted(name for name, condition in conditions.items() if not condition["holds"])
        equal(seen, sorted((*self.broken, "circular_wait", "hold_and_wait")), "broken conditions")
        for name, condition in conditions.items():
            check(condition["evidence"], f"{name}: no evidence")

    # ---- every way ---------------------------------------------------------------

    def one(self, findings, how):
        validate(findings)
        equal([(finding["kind"], finding.get("misuse")) for finding in findings],
              [("misuse", self.sort)], f"{how}: findings")
        try:
            self.check(findings[0])
        except AssertionError as error:
            raise AssertionError(f"{how}: {error}") from None
        return findings[0]

    def unchanged(self, native, result, how):
        equal((result.status, result.out), (native.status, native.out),
              f"{how}: status and standard output; {result.err[-600:]!r}")

    def __call__(self, context):
        command = fixture("misuse", self.argument)
        sorts = "default" if self.default else "all"
        native = execute(command)
        equal(native.status, 5, "native: status")
        log, json = context.path("log"), context.new_path(".json")
        result = execute([DLWATCH, "run", f"--misuse={sorts}", f"--json={json}", f"--log={log}",
                          "--", *command])
        self.unchanged(native, result, "run")
        live = self.one(report_findings(json), "run")
        check(live["fingerprint"] in result.err.decode(), "no text report")
        self.analyzed(context, log, sorts, live)
        json = context.new_path(".jsonl")
        alone = execute(command, preloaded(json=json, misuse=sorts, on_deadlock="exit"))
        self.unchanged(native, alone, "preload")
        again = self.one(load_json_lines(json), "preload")
        equal(again["fingerprint"], live["fingerprint"], "fingerprint")
        check(live["fingerprint"] in alone.err.decode(), "preload: no text report")
        self.counted(context, command)
        self.suppressed(context, command, sorts, live)
        self.quiet(context, command)

    def analyzed(self, context, log, sorts, live):
        json = context.new_path(".json")
        result = execute([DLWATCH, "analyze", "--no-statistics", "--fail-on=misuse",
                          f"--misuse={sorts}", f"--json={json}", log])
        equal(result.status, 1, f"analyze: status; {result.err!r}")
        analyzed = self.one(report_findings(json), "analyze")
        difference = first_difference(without_times(live), without_times(analyzed))
        check(not difference, f"run and analyze differ: {difference}")

    def counted(self, context, command):
        """Of its own severity: 66 only where it is asked for."""
        result = execute([DLWATCH, "run", "-q", f"--misuse={self.sort}", "--fail-on=misuse", "--",
                          *command])
        equal(result.status, 66, "run --fail-on=misuse: status")

    def suppressed(self, context, command, sorts, live):
        rules = context.new_path(".supp")
        with open(rules, "w", encoding="ascii") as file:
            file.write(live["suppression"] + "\n")
        json = context.new_path(".json")
        result = execute([DLWATCH, "run", f"--misuse={sorts}", "--fail-on=misuse",
                          f"--suppressions={rules}", f"--json={json}", "--", *command])
        equal((result.status, report_findings(json)), (5, []), "suppressed: status and findings")

    def quiet(self, context, command):
        """Not asked for, it is not there, and nothing is printed."""
        native, options = execute(command), ["--misuse=off"]
        if not self.default:
            options = []
        result = execute([DLWATCH, "run", *options, "--fail-on=misuse", "--", *command])
        equal((result.status, result.out, result.err), (native.status, native.out, native.err),
              "not asked for")
        if self.default:
            alone = execute(command, preloaded(misuse="off"))
            equal((alone.status, alone.out, alone.err),
                  (native.status, native.out, native.err), "not asked for, preload")


def no_misuse(argument):
    """Whoever unlocks in the child of a fork what its parent locked does right."""
    def test(_context):
        command = fixture("misuse", argument)
        result = execute([DLWATCH, "run", "--misuse=all", "--fail-on=misuse", "--", *command])
        equal((result.status, result.err), (5, b""), "status and standard error")
        alone = execute(command, preloaded(misuse="all"))
        equal((alone.status, alone.err), (5, b""), "preload: status and standard error")
    return test


def wrong_word(_context):
    result = execute([DLWATCH, "run", "--misuse=relock,dance", "--", *fixture("clean")])
    equal(result.status, 125, "status")
    check(b"--misuse=relock,dance" in result.err, f"{result.err!r}")
    result = execute(fixture("clean"), preloaded(misuse="dance"))
    equal(result.status, 7, "preload: status")
    check(b"misuse=dance" in result.err, f"preload: {result.err!r}")


def crash(context):
    """Killed right after: what was noted is reported all the same, with names."""
    json = context.new_path(".json")
    result = execute([DLWATCH, "run", f"--json={json}", "--", *fixture("misuse", "crash")])
    equal(result.status, 128 + 9, "status")
    findings = report_findings(json)
    equal([finding["misuse"] for finding in findings], ["unlock-unlocked"], "findings")
    equal(findings[0]["core"][0]["did"]["site"]["function"], "give_away", "site")


def all_cases():
    held = mutex("ledger", "keeper")
    cases = [
        Misuse("unlock-unlocked", "misuse", "ledger", "give_away", broken=["mutual_exclusion"]),
        Misuse("unlock-by-stranger", "stranger", "ledger", "give_away", default=False,
               other=Other("misuse", mutex("ledger", "unlocked_by_stranger")),
               broken=["mutual_exclusion", "no_preemption"]),
        Misuse("unlock-refused", "stranger", "checked", "give_away", error=1,
               other=Other("misuse", mutex("checked", "unlocked_by_stranger", type="errorcheck")),
               broken=["no_preemption"]),
        Misuse("relock", "misuse", "checked", "take_again", error=35,
               other=Other("misuse", mutex("checked", "relock_case", type="errorcheck")),
               broken=["no_preemption"]),
        Misuse("destroy-held", "misuse", "ledger", "destroy_ledger", other=Other("keeper", held),
               broken=["mutual_exclusion", "no_preemption"]),
        Misuse("destroy-waited", "misuse", "permits", "destroy_permits", kind="semaphore",
               other=Other("taker", want=permit("permits", "taker"))),
        Misuse("thread-ended-holding", "forgetful", "ledger", None,
               other=Other("forgetful", mutex("ledger", "forgetful"))),
        Misuse("process-ended-holding", "misuse", None, None,
               other=Other("misuse", mutex(None, "process_case", shared=True))),
        Misuse("two-mutexes", "misuse", "changed", "wait_with_other", kind="condition",
               other=Other("waiter", want=signal_of("changed", "waiter"))),
        Misuse("semaphore-overflow", "misuse", "permits", "post_too_often", kind="semaphore",
               error=75, broken=["mutual_exclusion", "no_preemption"]),
    ]
    cases += [
        Misuse("unlock-unlocked", "misuse", "ledger", "give_away", argument="exec",
               broken=["mutual_exclusion"]),
        Misuse("relock", "misuse", "table", "write_again", kind="rwlock", error=35,
               argument="rwlock-relock", broken=["no_preemption"],
               other=Other("misuse", Wait("table", site="rwlock_relock_case", kind="rwlock"))),
        Misuse("destroy-held", "misuse", "table", "destroy_table", kind="rwlock",
               argument="rwlock-destroy", broken=["mutual_exclusion", "no_preemption"],
               other=Other("misuse", Wait("table", "shared", "rwlock",
                                          site="rwlock_destroy_case"))),
        Misuse("unlock-unlocked", "misuse", "table", "give_table", kind="rwlock",
               argument="rwlock-unlock", broken=["mutual_exclusion"]),
    ]
    tests = [(f"misuse/{case.argument}", case) for case in cases]
    return tests + [("misuse/fork", no_misuse("fork")), ("misuse/wrong_word", wrong_word),
                    ("misuse/loop", loop), ("misuse/crash", crash)]


def signal_of(symbol, site):
    wait = mutex(symbol, site, type=None)
    wait.kind, wait.mode = "condition", "signal"
    return wait


def loop(context):
    """A thousand times the same is one finding; the log knows how often."""
    log, json = context.path("log"), context.new_path(".json")
    execute([DLWATCH, "run", "-q", f"--log={log}", f"--json={json}", "--",
             *fixture("misuse", "loop")])
    equal([finding["misuse"] for finding in report_findings(json)], ["unlock-unlocked"], "run")
    json = context.new_path(".json")
    execute([DLWATCH, "analyze", f"--json={json}", log])
    findings = report_findings(json)
    equal([finding["misuse"] for finding in findings], ["unlock-unlocked"], "analyze")
    equal(findings[0]["core"][0]["did"]["count"], 1000, "count")
