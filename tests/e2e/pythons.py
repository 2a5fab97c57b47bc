"""pythons.py - Python programs that hang: the report has Python's lines and names

The programs are the functions of hangs.py. None of its waits is on a lock with
an owner, for CPython's locks are semaphores; so no verdict is proven.
"""
import os
import re
import shutil

from deadlocks import PYTHON, Case, sample
from expect import Deadlock, Thread, Wait, permit
from harness import (DLWATCH, SHIM, Skip, check, equal, execute, load_json_lines, preloaded,
                     report_findings)
from no_findings import Clean

HANGS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "hangs.py")


def command(*words):
    return [PYTHON, HANGS, *words]


def waits(name, site, holds):
    """A thread that waits for one of CPython's locks, and how many it holds: at
    least the one that its end would release."""
    return Thread(name, permit(re.compile(r"^semaphore waited for at [\w<]"), site),
                  [permit(None, None) for _ in range(holds)])


def hang(word, verdict, core, **more):
    return Case(f"python/{word}", command(word), Deadlock(verdict, core, [], python=True),
                stall=1000 if verdict == "stalled" else 0, **more)


def everybody(word, *others, main_waits_in="join", main_holds=1, holds=1):
    """The whole program has stopped: threads by name, each waiting in its own function."""
    return hang(word, "stalled", [waits("MainThread", main_waits_in, main_holds)] +
                [waits(name, name, holds) for name in others])


def pair(word, verdict, holds):
    return hang(word, verdict, [waits(name, name, holds) for name in ("a_then_b", "b_then_a")])


def hang_cases():
    return [
        pair("used_lock", "likely", 2),
        everybody("lock", "a_then_b", "b_then_a", holds=2),
        everybody("rlock", "a_then_b", "b_then_a", holds=2),
        everybody("condition", "wait_for_news", holds=2),
        everybody("event", "wait_for_it", main_waits_in="event", main_holds=2, holds=2),
        everybody("queue_join", "consume", main_waits_in="queue_join", main_holds=2, holds=2),
        everybody("queue_get", "play_left", "play_right", holds=2),
        hang("future", "stalled", [waits("MainThread", "future", 2),
                                   waits("ThreadPoolExecutor-0_0", "outer", 2)]),
        everybody("joins", "join_second", "join_first"),
    ]


def sample_case(name, *core):
    return Case(f"sample/{name}", [PYTHON, sample(name + ".py")[0]],
                Deadlock("stalled", core, [], python=True), stall=1000)


def sample_cases():
    return [
        sample_case("python_queue_join", waits("MainThread", "<module>", 2),
                    waits("postman", "postman", 2)),
        sample_case("python_futures", waits("MainThread", "<module>", 2),
                    waits("worker_0", "report", 2)),
        Case("sample/python_gil", [PYTHON, sample("python_gil.py")[0]],
             Deadlock("likely", [
                 Thread("MainThread",
                        Wait(None, "signal", "condition", site="<module>", timed=True),
                        [permit(None, None), Wait(None)]),
                 Thread("painter", Wait(None, site="paint"), [permit(None, None)])],
                      stuck=[], python=True), restless=True),
        Case("sample/python_processes", [PYTHON, sample("python_processes.py")[0]],
             Deadlock("likely", [
                 Thread("MainThread of " + site,
                        permit(re.compile(r"^/mp-"), site, type="named", shared=True),
                        [permit(None, None),
                         permit(re.compile(r"^/mp-"), None, type="named", shared=True)])
                 for site in ("alice_to_bob", "bob_to_alice")], stuck=None, python=True),
             processes=2, status=0),
        Clean("sample/python_processes_cured", [PYTHON, sample("python_processes_cured.py")[0]],
              order=False),
        Clean("sample/python_gil_cured", [PYTHON, sample("python_gil_cured.py")[0]]),
        Clean("sample/python_queue_join_cured", [PYTHON, sample("python_queue_join_cured.py")[0]]),
        Clean("sample/python_futures_cured", [PYTHON, sample("python_futures_cured.py")[0]]),
    ]


def clean_cases():
    words = ["lock", "used_lock", "rlock", "condition", "event", "queue_join", "queue_get",
             "future", "joins", "full_pipe"]
    return ([Clean(f"python/{word}-cured", command(word, "cured")) for word in words] +
            [Clean("python/slow", command("slow"))])


def check_rescued(findings, result, how):
    equal([finding["verdict"] for finding in findings], ["likely"], f"{how}: verdicts")
    equal(sorted(member["wants"]["site"]["function"] for member in findings[0]["core"]),
          ["take", "take"], f"{how}: sites")
    equal(result.out.splitlines(),
          [b"[True, True, True, True] False False", b"no child", b"over"],
          f"{how}: what the program says")


def rescued(context):
    """Being asked for its tracebacks changes no wait and leaves no child."""
    native = execute(command("rescued"))
    json = context.new_path(".json")
    result = execute([DLWATCH, "run", "--on-deadlock=report", "--fail-on=never",
                      f"--json={json}", "--", *command("rescued")])
    equal((result.status, result.out), (0, native.out), f"run: status and output; {result.err!r}")
    check_rescued(report_findings(json), result, "run")
    json = context.new_path(".jsonl")
    result = execute(command("rescued"), preloaded(json=json))
    equal((result.status, result.out), (0, native.out), f"preload: {result.err!r}")
    check_rescued(load_json_lines(json), result, "preload")


def filtered(context):
    """Where the program cannot be asked, the report comes all the same and says why."""
    json = context.path("found.json")
    result = execute([DLWATCH, "run", f"--json={json}", "--", *command("filtered")])
    if b"no filter to be had" in result.err:
        raise Skip("no system call filter to be had")
    equal(result.status, 66, f"status; {result.err!r}")
    finding = report_findings(json)[0]
    equal((finding["verdict"], len(finding["core"])), ("likely", 2), "verdict")
    equal(len(finding["notes"]), 1, "notes")
    for text in (finding["notes"][0], result.err.decode().replace("\n                 ", " ")):
        check("its system calls are filtered" in text, f"not said why: {text!r}")
    check("python" not in [frame.get("language") for frame in finding["core"][0]["wants"]["stack"]],
          "lines of Python in spite of it")


def forked(context):
    """The child's only thread; nobody is in it who could look, but a supervisor is."""
    json = context.path("found.json")
    result = execute([DLWATCH, "run", f"--json={json}", "--", *command("forked")])
    equal(result.status, 66, f"status; {result.err!r}")
    findings = report_findings(json)
    equal(len(findings), 1, "findings")
    core = findings[0]["core"]
    equal([(member["name"], member["wants"]["site"]["function"]) for member in core],
          [("MainThread", "forked")], "who waits, and where")
    check(core[0]["pid"] != result.pid, "it is the parent")


def full_pipe(context):
    """Two processes, three threads, a pipe, a lock and an end of a process."""
    json = context.path("found.json")
    result = execute([DLWATCH, "run", f"--json={json}", "--", *command("full_pipe")])
    equal(result.status, 66, f"status; {result.err!r}")
    findings = report_findings(json)
    equal([finding["verdict"] for finding in findings], ["stalled"], "verdicts")
    kinds = {each["id"]: each["kind"] for each in findings[0]["resources"]}
    equal(sorted((member["name"], kinds[member["wants"]["resource"]],
                  member["wants"]["site"]["language"]) for member in findings[0]["core"]),
          [("MainThread", "process", "python"), ("MainThread of producer", "semaphore", "python"),
           ("QueueFeederThread", "pipe", "python")], "who waits for what")
    check("notes" not in findings[0], f"notes: {findings[0].get('notes')}")


def without_renderer(context):
    """The plain report ends with what the interpreter says."""
    shim = context.path("libdlwatch.so")
    shutil.copy(SHIM, shim)
    result = execute(command("used_lock"), preloaded(shim, on_deadlock="exit"))
    equal(result.status, 66, f"status; {result.err!r}")
    text = result.err.decode()
    for word in ("conditions of a deadlock", f'File "{HANGS}", line', " in a_then_b\n",
                 " in b_then_a\n", " MainThread\n", " b_then_a\nDone names"):
        check(word in text, f"{word!r} is not in the plain report: {text[-1500:]!r}")


def all_cases():
    cases = hang_cases() + sample_cases() + clean_cases()
    tests = [rescued, filtered, forked, full_pipe, without_renderer]
    return ([(case.name, case) for case in cases] +
            [("python/" + test.__name__, test) for test in tests])
