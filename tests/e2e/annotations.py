"""annotations.py - what programs tell through dlwatch.h: it is heeded by every
way to watch them, and without dlwatch it changes nothing
"""
import os
import subprocess

from deadlocks import Case, MAIN_JOINS, fixture
from expect import Deadlock, Thread, Wait, mutex, permit
from harness import (DLWATCH, ROOT, SHIM, Skip, check, environment, equal, execute,
                     load_json_lines, preloaded, report_findings)


def custom(name, site, **more):
    return Wait(name, "exclusive", "custom", site=site, **more)


class Spinning(Case):
    """Natively its threads never rest: they burn two processors."""

    def hangs(self, context):
        pass


def deadlock(argument, verdict, core, stuck=True):
    stuck = [("annotated", MAIN_JOINS)] if stuck else []
    return Case(f"annotated/{argument}", fixture("annotated", argument),
                Deadlock(verdict, core, stuck))


def silent(argument):
    """Prints and returns what it does natively, and nothing is found."""
    def test(context):
        command = fixture("annotated", argument)
        native = execute(command)
        equal((native.status, native.out), (5, b"done\n"), "native")
        log, json = context.path("log"), context.new_path(".json")
        result = execute([DLWATCH, "run", f"--log={log}", f"--json={json}", "--", *command])
        equal((result.status, result.out), (5, b"done\n"), f"run: {result.err!r}")
        equal(report_findings(json), [], "run: findings")
        json = context.new_path(".jsonl")
        alone = execute(command, preloaded(json=json, on_deadlock="exit"))
        equal((alone.status, alone.out), (5, b"done\n"), f"preload: {alone.err!r}")
        equal(load_json_lines(json), [], "preload: findings")
        json = context.new_path(".json")
        result = execute([DLWATCH, "analyze", f"--json={json}", log])
        equal(report_findings(json), [], f"analyze: findings; {result.out!r}")
    return test


def rank(context):
    log, json = context.path("log"), context.new_path(".json")
    result = execute([DLWATCH, "run", f"--log={log}", f"--json={json}", "--",
                      *fixture("annotated", "rank")])
    equal((result.status, result.out), (5, b"done\n"), "status and output")
    analyzed = context.new_path(".json")
    execute([DLWATCH, "analyze", f"--json={analyzed}", log])
    for how, path in ("run", json), ("analyze", analyzed):
        findings = report_findings(path)
        equal([finding.get("misuse") for finding in findings], ["rank"], f"{how}: findings")
        core = findings[0]["core"]
        names = {resource["id"]: resource["name"].split()[-1]
                 for resource in findings[0]["resources"]}
        equal(len(core), 1, f"{how}: threads")
        equal((names[core[0]["did"]["resource"]], core[0]["did"]["site"]["function"]),
              ("lock_a", "take_account"), f"{how}: what was taken")
        equal([(names[hold["resource"]], hold["site"]["function"]) for hold in core[0]["holds"]],
              [("lock_b", "rank_case")], f"{how}: what was held")
        broken = sorted(name for name, condition in findings[0]["coffman"].items()
                        if not condition["holds"])
        equal(broken, ["circular_wait"], f"{how}: broken conditions")
    dump = execute([DLWATCH, "dump", "--format=jsonl", log])
    check(b'"class":"account"' in dump.out.replace(b'": "', b'":"'), "no class in the dump")


def build_kinds(context):
    """However a program is built, the annotations find the library, or nothing."""
    source = context.path("main.c")
    with open(source, "w", encoding="ascii") as file:
        file.write("#include <dlwatch.h>\n#include <stdio.h>\n"
                   "int main(void) { dlwatch_name(&stdin, \"x\"); "
                   "return printf(\"%d\", dlwatch_active()) < 0; }\n")
    tried = 0
    for flags in (["-O2", "-fPIE", "-pie"], ["-O0", "-fno-pie", "-no-pie"],
                  ["-O2", "-fno-pie", "-no-pie", "-std=c99", "-pedantic-errors", "-Wall",
                   "-Wextra", "-Werror"], ["-static"],
                  ["-x", "c++", "-std=c++98", "-Wall", "-Wextra", "-Werror"],
                  ["-O1", "-flto"]):
        program = context.path("main")
        built = subprocess.run([os.environ.get("CC") or "cc", *flags, "-I",
                                os.path.join(ROOT, "include"), "-o", program, source],
                               stderr=subprocess.PIPE, check=False)
        if built.returncode and "-static" in flags:
            continue
        equal(built.returncode, 0, f"{flags}: {built.stderr!r}")
        tried += 1
        equal(execute([program]).out, b"0", f"{flags}: without dlwatch")
        if "-static" not in flags:
            equal(execute([program], environment(LD_PRELOAD=SHIM)).out, b"1",
                  f"{flags}: with dlwatch")
    if tried < 5:
        raise Skip("the compiler builds too few kinds of programs")


def loaded_later(context):
    """From a library that the program loads at run time."""
    source, library = context.path("part.c"), context.path("part.so")
    with open(source, "w", encoding="ascii") as file:
        file.write("#include <dlwatch.h>\nint active(void) { return dlwatch_active(); }\n")
    built = subprocess.run([os.environ.get("CC") or "cc", "-shared", "-fPIC", "-I",
                            os.path.join(ROOT, "include"), "-o", library, source], check=False)
    equal(built.returncode, 0, "compiler")
    command = ["/usr/bin/python3", "-c", "import ctypes, sys; "
               "print(ctypes.CDLL(sys.argv[1]).active())", library]
    equal(execute(command).out, b"0\n", "without dlwatch")
    equal(execute(command, environment(LD_PRELOAD=SHIM)).out, b"1\n", "with dlwatch")


def all_cases():
    cases = [
        deadlock("custom", "likely", [
            Thread("forth", custom("journal", "take", through=["ledger_then_journal"]),
                   [custom("ledger", "take", through=["ledger_then_journal"])]),
            Thread("back", custom("ledger", "take", through=["journal_then_ledger"]),
                   [custom("journal", "take", through=["journal_then_ledger"])])]),
        deadlock("named", "proven", [
            Thread("a-then-b", mutex("balances", "both"), [mutex("accounts", "both")]),
            Thread("b-then-a", mutex("accounts", "both"), [mutex("balances", "both")])]),
        deadlock("no-more", "proven", [
            Thread("a-then-b", mutex("lock_b", "both"), [mutex("lock_a", "both")]),
            Thread("b-then-a", mutex("lock_a", "both"), [mutex("lock_b", "both")])]),
        deadlock("post", "likely", [
            Thread("poster", mutex("lock_a", "post_after_lock")),
            Thread("waiter", permit("ready", "wait_holding"), [mutex("lock_a", "wait_holding")])]),
        Spinning("annotated/cpp", fixture("annotated_cpp"), Deadlock("likely", [
            Thread("left-right", custom("right", "Latch::lock"), [custom("left", "Latch::lock")]),
            Thread("right-left", custom("left", "Latch::lock"), [custom("right", "Latch::lock")])],
            [("annotated_cpp", MAIN_JOINS)])),
    ]
    tests = [(case.name, case) for case in cases]
    tests += [(f"annotated/{name}", silent(name))
              for name in ("cured", "stranger", "exempt", "untold", "ranks-kept")]
    return tests + [("annotated/rank", rank), ("annotated/build_kinds", build_kinds),
                    ("annotated/loaded_later", loaded_later)]
