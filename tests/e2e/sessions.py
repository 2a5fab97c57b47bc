"""sessions.py - processes that meet in a session: found once, whoever looks;
what the dead leave behind; nothing stays in /dev/shm
"""
import glob
import os
import shutil
import subprocess
import time

from deadlocks import fixture
from expect import Deadlock, Thread, Wait, end_of, mutex, permit
from harness import (DLWATCH, SHIM, Running, Skip, check, environment, equal, execute, load_json,
                     load_json_lines, preloaded, report_findings, validate)
from ways import written

PROGRAM = fixture("shared_file")


def wait(site, **more):
    return Wait(None, site=site, type="normal", shared=True, **more)


PAIR = Deadlock("proven", [
    Thread(f"{mine}-then-{other}", wait(f"take_{mine}_then_{other}"),
           [wait(f"take_{mine}_then_{other}")]) for mine, other in ("ab", "ba")], stuck=None)
ORPHAN = Deadlock("proven", [Thread("heir", wait("want_it"))], stuck=None, kind="orphan")


def made(context):
    path = context.new_path(".shared")
    subprocess.run([*PROGRAM, "make", path], check=True)
    return path


def directories():
    return set(glob.glob(f"/dev/shm/dlwatch-{os.geteuid()}-*"))


def of_a_wait(findings):
    """That a process ended with a lock is told, too, as a misuse."""
    return [finding for finding in findings if finding["kind"] != "misuse"]


def only_one(findings, expected, processes):
    findings = of_a_wait(findings)
    equal([(finding["kind"], finding["verdict"]) for finding in findings],
          [(expected.kind, expected.verdict)], "findings")
    validate(findings)
    expected.check(findings[0])
    equal(len({member["pid"] for member in findings[0]["core"]}), processes, "processes")
    return findings[0]


def a_while_after_closing(seconds, json=None):
    """Long enough for a finding that must not come; in @json there must be one, however late."""
    seen = []
    told = written(json) if json else None

    def condition(running):
        if b"closing" in running.output["err"]:
            seen.append(time.monotonic())
        return seen and seen[-1] - seen[0] > seconds and (not told or told(running))
    return condition


def both_ways(context, command_for, expected, processes):
    """The same one finding with the shim alone and under a supervisor."""
    json = context.new_path(".jsonl")
    seen = []

    def told_and_quiet(_running):
        """A second report of the same thing would come within a few looks."""
        try:
            told = of_a_wait(load_json_lines(json))
        except AssertionError:
            told = []  # a line is being written
        if told:
            seen.append(time.monotonic())
        return seen and seen[-1] - seen[0] > 0.5

    result = execute(command_for(made(context)), preloaded(json=json), until=told_and_quiet)
    check(result.met, f"it ended: {result.status} {result.err[-800:]!r}")
    only_one(load_json_lines(json), expected, processes)
    json = context.new_path(".json")
    result = execute([DLWATCH, "run", f"--json={json}", "--",
                      *command_for(made(context))])
    equal(result.status, 66, f"status of run; {result.err[-800:]!r}")
    return only_one(report_findings(json), expected, processes)


def spawned(context):
    both_ways(context, lambda path: [*PROGRAM, "spawn", path], PAIR, 2)


def shells_between(context):
    program = PROGRAM[0]
    both_ways(context, lambda path: ["sh", "-c", f"sh -c '{program} a {path}; true' & "
                                     f"sh -c '{program} b {path}; true' & wait"], PAIR, 2)


def unrelated_with_a_given_session(context):
    """Started one by one by somebody unwatched: the environment names the session."""
    path, json = made(context), context.path("found.jsonl")
    env = environment(LD_PRELOAD=SHIM, DLWATCH_SESSION=context.path("session"),
                      DLWATCH_OPTIONS=f"json={json}")
    first, second = (Running([*PROGRAM, role, path], env) for role in "ab")
    try:
        deadline = time.monotonic() + 20
        while not os.path.exists(json) or not os.path.getsize(json):
            check(time.monotonic() < deadline, "not found")
            first.read(0.02)
        time.sleep(0.3)  # time for a second report
    finally:
        first.end()
        second.end()
    only_one(load_json_lines(json), PAIR, 2)


def moved(kind):
    """The same memory at another address in each process."""
    def test(context):
        both_ways(context, lambda path: [*PROGRAM, kind, path], PAIR, 2)
    return test


def three_in_a_ring(context):
    expected = Deadlock("proven", [Thread(f"ring-{i}", wait("take_pair"), [wait("take_pair")])
                                   for i in range(3)], stuck=None)
    both_ways(context, lambda path: [*PROGRAM, "ring", path], expected, 3)


def the_looker_killed(context):
    """Who looked at the session is killed; then a deadlock comes: told once all the same."""
    path, json = made(context), context.path("found.jsonl")
    env = environment(LD_PRELOAD=SHIM, DLWATCH_SESSION=context.path("session"),
                      DLWATCH_OPTIONS=f"json={json}")
    looker = Running([*PROGRAM, "idle", path], env)
    running = [looker]
    deadline = time.monotonic() + 20
    try:
        while b"idle" not in looker.output["out"]:
            check(time.monotonic() < deadline, "nobody looks")
            looker.read(0.02)
        running.append(Running([*PROGRAM, "a", path], env))
        running[1].read(0.3)
        running.pop(0).end()
        running.append(Running([*PROGRAM, "b", path], env))
        while not os.path.exists(json) or not os.path.getsize(json):
            check(time.monotonic() < deadline, "not found")
            running[0].read(0.02)
        running[0].read(0.3)  # time for a second report
    finally:
        for each in running:
            each.end()
    only_one(load_json_lines(json), PAIR, 2)


def ended_at_rest(context):
    """Whose helper has nothing to look at rests; but it is called when its process is to end."""
    path, json = made(context), context.path("found.jsonl")
    env = environment(LD_PRELOAD=SHIM, DLWATCH_SESSION=context.path("session"),
                      DLWATCH_OPTIONS=f"json={json} on_deadlock=exit")
    running = []
    try:
        for kind in "idle", "idle", "a":  # one looks, one stands by, one rests
            running.append(Running([*PROGRAM, kind, path], env))
            until = time.monotonic() + (1.6 if kind == "a" else 0.4)
            while time.monotonic() < until:
                running[-1].read(0.02)
        running.append(Running([*PROGRAM, "b", path], env))
        equal([running.pop(2).wait().status for _ in range(2)], [66, 66], "statuses")
    finally:
        for each in running:
            each.end()
    only_one(load_json_lines(json), PAIR, 2)


def exit_status_of_both(context):
    """on_deadlock=exit ends every process of the core with 66 where it can."""
    path = made(context)
    script = f"{PROGRAM[0]} a {path} & x=$!; {PROGRAM[0]} b {path}; echo $?; wait $x; echo $?"
    result = execute(["sh", "-c", script],
                     preloaded(json=context.path("found.jsonl"), on_deadlock="exit"))
    equal(result.out.split(), [b"66", b"66"], f"statuses; {result.err[-800:]!r}")
    only_one(load_json_lines(context.path("found.jsonl")), PAIR, 2)


def orphan(how):
    def test(context):
        finding = both_ways(context, lambda path: [*PROGRAM, how, path], ORPHAN, 1)
        evidence = finding["coffman"]["circular_wait"]["evidence"]
        check("leave_it_locked (shared_file.c" in evidence, f"no site of the holder: {evidence!r}")
    return test


def many_leave_something(*arguments):
    """The last 64 of them are remembered, and how many more there were is said."""

    def leave(context):
        report = context.path("report.json")
        result = execute([DLWATCH, "run", "-q", f"--json={report}", *fixture("leavers"), *arguments])
        equal(result.status, 66, f"status; {result.err!r}")
        only_one(report_findings(report), Deadlock("proven", [Thread("heir", wait("main"))],
                                                   stuck=None, kind="orphan"), 1)
        equal(load_json(report)["coverage"]["lost_ended"], 80 + 1 - 64, "lost_ended")

    return leave


def exec_fails(context):
    """Whoever tried to become another program and could not has its locks still."""
    json = context.path("found.jsonl")
    result = execute([*PROGRAM, "fails", made(context)], preloaded(json=json),
                     until=a_while_after_closing(1))
    check(result.met, f"it ended: {result.status} {result.err[-800:]!r}")
    equal(load_json_lines(json), [], "findings")


def robust(context):
    """The kernel hands it on: nothing to report, and the heir is told."""
    command = [*PROGRAM, "robust", context.new_path(".shared")]
    result = execute(command, preloaded(json=context.path("found.jsonl")))
    equal((result.status, result.out), (0, b"EOWNERDEAD\n"), "with the shim alone")
    equal(load_json_lines(context.path("found.jsonl")), [], "findings")
    result = execute([DLWATCH, "run", "--", *command])
    equal((result.status, result.out), (0, b"EOWNERDEAD\n"), f"run; {result.err!r}")


def of(pids):
    """Session directories made by one of these processes."""
    return [path for path in directories() if any(f"-{pid}." in path for pid in pids)]


def nothing_left(context):
    """After a normal end, and after SIGKILL of a whole tree once another one starts."""
    result = execute(fixture("clean"), preloaded())
    equal(of([result.pid]), [], "left by a normal end")
    path = made(context)
    result = execute([*PROGRAM, "spawn", path], preloaded(json=context.path("found.jsonl")),
                     until=lambda _: os.path.exists(context.path("found.jsonl")))
    check(result.met, "not found")  # the harness has killed all of them by now
    execute(fixture("clean"), preloaded())
    equal(of([result.pid]), [], "left by a killed tree, after another start")


NAMED = fixture("still_named")
STALLED = Deadlock("stalled", [
    Thread("runner", permit(None, "wait_for_signal", type="named", shared=True)),
    Thread("still_named", end_of("runner", "main"))], stuck=[])


def named(how, expected):
    """A semaphore with a name is one that somebody may come and post."""
    def test(context):
        name = f"/dlwatch-named-{os.getpid()}-{how}"
        command = [*NAMED, how, context.path("shared") if how == "file" else name]
        json = context.path("found.jsonl")
        try:
            result = execute(command, preloaded(json=json, stall_ms=200),
                             until=a_while_after_closing(1.5, json if expected else None))
        finally:
            for path in glob.glob(f"/dev/shm/sem.{name[1:]}"):
                os.unlink(path)
        check(result.met, f"it ended: {result.status} {result.err[-800:]!r}")
        if expected:
            only_one(load_json_lines(json), expected, 1)
        else:
            equal(load_json_lines(json), [], "findings")
    return test


def in_another_namespace(how, check_findings, told=False):
    """A process whose pids are not the looker's: never blocked for it, never gone."""
    def test(context):
        json = context.path("found.jsonl")
        result = execute([*fixture("namespaces"), how], preloaded(json=json, stall_ms=200),
                         until=a_while_after_closing(1, json if told else None))
        if result.status == 77:
            raise Skip("no pid namespace to be had")
        check(result.met, f"it ended: {result.status} {result.err[-800:]!r}")
        check_findings(load_json_lines(json))
        execute(fixture("clean"), preloaded())
        equal(of([result.pid]), [], "left by a killed tree, after another start")
    return test


def supervised_through_subshells(context):
    """Processes that come, fork and go leave the supervisor its session."""
    json = context.new_path(".json")
    script = 'x=$(bash -c "echo \\$(cat /dev/null)"); y=$(echo $(echo $x)); exec "$0"'
    result = execute([DLWATCH, "run", f"--json={json}", "--", "bash", "-c", script,
                      *fixture("abba")])
    equal((result.status, len(report_findings(json))), (66, 1), "status and findings")


def half_made(_context):
    """A directory without a session in it, of a process that died while it made it."""
    process = subprocess.Popen(["true"])
    process.wait()
    path = f"/dev/shm/dlwatch-{os.geteuid()}-{process.pid}.1"
    os.mkdir(path, 0o700)
    execute(fixture("clean"), preloaded())
    check(os.path.isdir(path), "swept away at once: somebody may be at work in it")
    os.utime(path, (1, 1))
    execute(fixture("clean"), preloaded())
    check(not os.path.isdir(path), "left for ever")


def none(findings):
    equal(findings, [], "findings")


def a_private_pair(findings):
    only_one(findings, Deadlock("proven", [
        Thread(f"{mine}-then-{other}",
               mutex(f"lock_{other}", f"take_{mine}_then_{other}"),
               [mutex(f"lock_{mine}", f"take_{mine}_then_{other}")])
        for mine, other in ("ab", "ba")], stuck=[]), 1)


def until_found(role, look):
    """Preloads the fixture; returns look(its pid) of the moment when it has found something."""
    json = f"/tmp/dlwatch-strangers-{os.getpid()}-{role}.jsonl"
    seen = []

    def found(running):
        if written(json)(running):
            seen.append(look(running.process.pid, json))
        return seen

    with open(json, "w", encoding="ascii"):
        os.chmod(json, 0o666)
    try:
        result = execute([*fixture("strangers"), role], preloaded(json=json), until=found)
    finally:
        os.unlink(json)
    if result.status == 77:
        raise Skip("no other user to become")
    check(result.met, f"it ended: {result.status} {result.err[-800:]!r}")
    return seen[0]


def strangers(role):
    """Whoever may not look at the others leaves that to somebody who may."""
    def test(_context):
        a_private_pair(until_found(role, lambda _pid, json: load_json_lines(json)))
    return test


def root_sees_whom_a_daemon_became(_context):
    """Its session is another user's from the start."""
    shown, pid = until_found("alone", lambda pid, _json: (execute(
        [DLWATCH, "top", "--once", "--interval=100", str(pid)]), pid))
    for left in glob.glob(f"/dev/shm/dlwatch-*-{pid}.*"):
        shutil.rmtree(left)  # the next session clears away its own user's only
    equal((shown.status, shown.err), (0, b""), "top: status, standard error")
    check("1 process, 2 threads, 2 waiting" in shown.out.decode(), f"headline: {shown.out!r}")


def all_cases():
    return [("sessions/" + name, test) for name, test in [
        ("spawned", spawned), ("shells_between", shells_between),
        ("unrelated_with_a_given_session", unrelated_with_a_given_session),
        ("memfd", moved("memfd")), ("sysv", moved("sysv")),
        ("three_in_a_ring", three_in_a_ring), ("the_looker_killed", the_looker_killed),
        ("ended_at_rest", ended_at_rest),
        ("exit_status_of_both", exit_status_of_both), ("killed", orphan("killed")),
        ("exits", orphan("exits")), ("execs", orphan("execs")),
        ("many_leave_something", many_leave_something()),
        ("many_leave_something/unseen", many_leave_something("unseen")),
        ("exec_fails", exec_fails), ("robust", robust),
        ("nothing_left", nothing_left), ("half_made", half_made),
        ("supervised_through_subshells", supervised_through_subshells),
        ("strangers/parent", strangers("parent")),
        ("strangers/child", strangers("child")),
        ("strangers/shown", root_sees_whom_a_daemon_became),
        ("namespaces/holds", in_another_namespace("holds", none)),
        ("namespaces/pair", in_another_namespace("pair", a_private_pair, told=True)),
        ("named/kept", named("kept", None)), ("named/file", named("file", None)),
        ("named/gone", named("gone", STALLED)), ("named/given", named("given", None))]]
