"""ways.py - the ways to watch: actions on a deadlock, exit statuses, options,
where reports go, and the demo
"""
import os
import re
import signal
import subprocess

from deadlocks import fixture, pair
from expect import Deadlock
from harness import (DLWATCH, ROOT, SHIM, Skip, check, environment, equal, execute, load_json_lines,
                     preloaded, report_findings, stat_fields, validate)

ABBA = fixture("abba")
CLEAN = fixture("clean")
EXPECTED = Deadlock("proven", pair(inner="take_second"), [("abba", "thread")])


def one_abba(findings):
    equal(len(findings), 1, "findings")
    validate(findings)
    EXPECTED.check(findings[0])
    return findings[0]


def written(path):
    """A predicate: the file has a whole line."""
    def seen(_running):
        try:
            with open(path, "rb") as file:
                return file.read().endswith(b"\n")
        except OSError:
            return False
    return seen


# ---- on_deadlock, with the shim alone and under a supervisor -------------------


def act_report(context):
    json = context.path("found.jsonl")
    result = execute(ABBA, preloaded(json=json, on_deadlock="report"), until=written(json))
    check(result.met, "it did not go on hanging")
    one_abba(load_json_lines(json))
    equal(result.out, b"", "standard output")


def act_exit(context):
    json = context.path("found.jsonl")
    result = execute(ABBA, preloaded(json=json, on_deadlock="exit"))
    equal((result.status, result.out), (66, b""), "status and output")
    one_abba(load_json_lines(json))


def act_abort(context):
    json = context.path("found.jsonl")
    result = execute(ABBA, preloaded(json=json, on_deadlock="abort"), cwd=context.directory)
    equal(result.status, -signal.SIGABRT, "status")
    one_abba(load_json_lines(json))


def act_stop(context):
    json = context.path("found.jsonl")

    def stopped(running):
        fields, _ = stat_fields(f"/proc/{running.process.pid}/stat")
        return fields and fields[0] == "T"

    result = execute(ABBA, preloaded(json=json, on_deadlock="stop"), until=stopped)
    check(result.met, f"not stopped, ended with {result.status}")
    one_abba(load_json_lines(json))


def broken_once(out):
    lines = sorted(out.splitlines())
    equal(lines, [b"broken: Resource deadlock avoided", b"over"], "what the program said")


def act_break(context):
    json = context.path("found.jsonl")
    result = execute(ABBA, preloaded(json=json, on_deadlock="break"))
    broken_once(result.out)
    equal(result.status, 0, "status")
    one_abba(load_json_lines(json))


def run_act(context, action, status, fail_on="deadlock", command=ABBA):
    json = context.new_path(".json")
    result = execute([DLWATCH, "run", f"--on-deadlock={action}", f"--fail-on={fail_on}",
                      f"--json={json}", "--", *command], cwd=context.directory)
    equal(result.status, status, f"status; {result.err!r}")
    one_abba(report_findings(json))
    return result


def run_exit(context):
    equal(run_act(context, "exit", 66).out, b"", "standard output")


def report_that_nobody_reads(context):
    """As behind `| head`: the deadlock is ended all the same, with its status."""
    json = context.path("found.json")
    read, write = os.pipe()
    os.close(read)
    try:
        result = execute(["/bin/sh", "-c", 'exec 2>&0 </dev/null; "$@"', "sh", DLWATCH, "run",
                          f"--json={json}", "--", "/bin/sh", "-c", 'exec "$0" 2>/dev/null', *ABBA],
                         stdin=write)
    finally:
        os.close(write)
    equal(result.status, 66, "status")
    one_abba(report_findings(json))


def run_abort(context):
    run_act(context, "abort", 66)


def run_break(context):
    broken_once(run_act(context, "break", 66).out)


def run_break_never(context):
    broken_once(run_act(context, "break", 0, "never").out)


def run_abort_never(context):
    run_act(context, "abort", 128 + signal.SIGABRT, "never")


def run_report(context):
    """Goes on hanging, with the report out; ended by us, the supervisor ends it."""
    result = execute([DLWATCH, "run", "--on-deadlock=report", "--", *ABBA],
                     until=lambda running: b"fingerprint" in running.output["err"].lower())
    check(result.met, f"it did not go on hanging: {result.status}")


# ---- exit statuses of run --------------------------------------------------------


def run_status(command, status, words=()):
    result = execute([DLWATCH, "run", "--", *command])
    equal(result.status, status, f"status of run {command}; {result.err!r}")
    lines = [line for line in result.err.decode().splitlines() if line]
    if words:
        equal(len(lines), 1, f"lines on standard error {lines}")
        check(lines[0].startswith("dlwatch: "), f"no dlwatch line: {lines[0]!r}")
        for word in words:
            check(word in lines[0], f"{word!r} is not in {lines[0]!r}")
    return result


def own_status(_context):
    result = run_status(CLEAN, 7)
    equal((result.out, result.err), (b"total 300\n", b"to standard error\n"), "output")


def not_found(_context):
    run_status(["no-such-program-anywhere"], 127, ["no-such-program-anywhere"])
    run_status(["/no/such/program"], 127, ["/no/such/program"])


def not_executable(context):
    path = context.path("plain-file")
    with open(path, "w", encoding="ascii") as file:
        file.write("just text\n")
    os.chmod(path, 0o644)
    run_status([path], 126, [path])
    run_status([context.directory], 126, [context.directory])


def found_in_path(_context):
    result = run_status(["sh", "-c", "echo $0 $1; exit 3", "a", "b"], 3)
    equal(result.out, b"a b\n", "output")


def died_of_signal(_context):
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
        run_status(["sh", "-c", f"kill -{int(number)} $$"], 128 + number)


def passes_signals_on(context):
    """SIGTERM to dlwatch run ends the program, which may handle it."""
    script = "trap 'echo told; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    told = []

    def ready(running):
        if b"ready" in running.output["out"] and not told:
            running.process.send_signal(signal.SIGTERM)
            told.append(True)
        return False

    result = execute([DLWATCH, "run", "--", "sh", "-c", script], until=ready)
    equal((result.status, result.out), (5, b"ready\ntold\n"), f"status; {result.err!r}")


def wrong_usage(_context):
    for words in (["--no-such-option"], ["--on-deadlock=dance"], ["--fail-on=dance"], []):
        result = execute([DLWATCH, "run", *words])
        equal(result.status, 125, f"status of run {words}; {result.err!r}")
        check(result.err.startswith(b"dlwatch"), f"{words}: {result.err!r}")


# ---- what cannot be watched --------------------------------------------------------


def static_binary(context):
    source, program = context.path("static.c"), context.path("static")
    with open(source, "w", encoding="ascii") as file:
        file.write("int main(void) { return 9; }\n")
    built = subprocess.run([os.environ.get("CC") or "cc", "-static", "-o", program, source],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if built.returncode:
        raise Skip("no static C library to link with")
    run_status([program], 9, ["static"])


def sanitized_binary(context):
    """It ends before it begins, natively behind any library: how to start it is said."""
    source, program = context.path("sanitized.c"), context.path("sanitized")
    with open(source, "w", encoding="ascii") as file:
        file.write("int main(void) { return 9; }\n")
    built = subprocess.run([os.environ.get("CC") or "cc", "-fsanitize=address", "-o", program, source],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    with open(program if not built.returncode else source, "rb") as file:
        if b"libasan.so" not in file.read():
            raise Skip("no compiler whose AddressSanitizer is a library")
    result = execute([DLWATCH, "run", "--", program])
    check(result.err.startswith(b"dlwatch: " + program.encode()) and
          b"ASAN_OPTIONS=verify_asan_link_order=0" in result.err, f"{result.err!r}")
    result = execute([DLWATCH, "run", "--", program],
                     environment(ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0"))
    equal((result.status, result.err), (9, b""), "set as it says: status and error")


def setuid_binary(context):
    if os.geteuid() != 0:
        raise Skip("needs root, to make a program of another user")
    program = context.path("clean-setuid")
    with open(CLEAN[0], "rb") as source, open(program, "wb") as copy:
        copy.write(source.read())
    os.chmod(context.directory, 0o755)
    os.chown(program, 65534, 65534)
    os.chmod(program, 0o4755)
    result = execute([DLWATCH, "run", "--", program])
    equal((result.status, result.out), (7, b"total 300\n"), "status and output")
    lines = result.err.decode().splitlines()
    check(any(line.startswith("dlwatch: ") and "set" in line for line in lines),
          f"nothing is said about the set-user-ID program: {lines}")


# ---- options --------------------------------------------------------------------


def option_line(options, words, expected_lines=1):
    result = execute(CLEAN, environment(LD_PRELOAD=SHIM, DLWATCH_OPTIONS=options))
    equal((result.status, result.out), (7, b"total 300\n"), f"{options}: status and output")
    lines = result.err.decode().splitlines()
    check("to standard error" in lines, f"{options}: the program's own line is missing: {lines}")
    lines.remove("to standard error")
    equal(len(lines), expected_lines, f"{options}: lines {lines}")
    for word in words:
        check(any(word in line for line in lines), f"{options}: {word!r} is not in {lines}")


def options_bad(_context):
    option_line("no_such_key=1", ["no_such_key"])
    option_line("on_deadlock=dance", ["on_deadlock", "dance"])
    option_line("check_ms=soon", ["check_ms", "soon"])
    option_line("check_ms=-5", ["check_ms"])
    option_line("log_max=12Q", ["log_max"])
    option_line("stacks", ["stacks"])
    option_line("a=1:b=2", ["a", "b"], 2)


def options_good(_context):
    option_line("", [], 0)
    option_line("on_deadlock=exit predict=off\ncheck_ms=20:stall_ms=500", [], 0)
    option_line(":: on_deadlock=report :", [], 0)


def options_file(context):
    json, path = context.path("found.jsonl"), context.path("options")
    with open(path, "w", encoding="ascii") as file:
        file.write(f"on_deadlock=exit\njson={json}\n")
    result = execute(ABBA, environment(LD_PRELOAD=SHIM, DLWATCH_OPTIONS=f"file={path}"))
    equal(result.status, 66, "status")
    one_abba(load_json_lines(json))
    option_line("file=/no/such/file", ["/no/such/file", "No such file or directory"])
    option_line("file=" + 5000 * "x", ["path too long"])
    with open(path, "w", encoding="ascii") as file:
        file.write(f"check_ms=20 file={path}\n")
    option_line(f"file={path}", ["not in such a file"])


def options_through_run(context):
    json = context.path("found.json")
    result = execute([DLWATCH, "run", "--options=check_ms=10", f"--json={json}", "--", *ABBA])
    equal(result.status, 66, "status")
    one_abba(report_findings(json))


# ---- where reports go ---------------------------------------------------------------


def report_files(context):
    pattern = context.path("%p.txt"), context.path("%p.jsonl")
    result = execute(ABBA, preloaded(report=pattern[0], json=pattern[1], on_deadlock="exit"))
    equal(result.status, 66, "status")
    equal(re.sub(rb"closing \d+\n", b"", result.err), b"", "standard error")
    finding = one_abba(load_json_lines(pattern[1].replace("%p", str(result.pid))))
    equal(finding["program"]["pid"], result.pid, "pid")
    with open(pattern[0].replace("%p", str(result.pid)), encoding="utf-8") as file:
        text = file.read()
    for word in ("a-then-b", "b-then-a", "lock_a", "lock_b", finding["fingerprint"]):
        check(word in text, f"{word!r} is not in the report")


def json_to_standard_output(_context):
    result = execute([DLWATCH, "run", "--json=-", "-q", "--", *CLEAN])
    equal(result.status, 7, "status")
    check(b'"dlwatch-report/1"' in result.out, f"no report on standard output: {result.out!r}")


def no_renderer(context):
    """The library alone, moved away from the command: a plain report still comes."""
    shim, json = context.path("libdlwatch.so"), context.path("found.jsonl")
    with open(SHIM, "rb") as source, open(shim, "wb") as copy:
        copy.write(source.read())
    path = "/nowhere"
    result = execute(ABBA, preloaded(shim, {"PATH": path}, json=json, on_deadlock="exit"))
    equal(result.status, 66, f"status; {result.err!r}")
    text = result.err.decode()
    for word in ("a-then-b", "b-then-a", "abba+0x", "mutual exclusion"):
        check(word in text, f"{word!r} is not in the plain report: {text[:1200]!r}")
    if os.path.exists(json):
        findings = load_json_lines(json)
        equal(len(findings), 1, "findings")
        validate(findings)


def no_such_files(_context):
    """What cannot be read or written is said, and costs no report."""
    for key, path in (("json", "/no/such/file"), ("report", "/no/such/file"), ("suppressions", "/no/such/file"),
                      ("json", "/dev/full"), ("report", "/dev/full")):
        result = execute(ABBA, preloaded(on_deadlock="exit", **{key: path}))
        equal(result.status, 66, f"{key}={path}: status; {result.err!r}")
        for word in (path, "cannot", "DEADLOCK, proven", "a-then-b", "fingerprint"):
            check(word in result.err.decode(), f"{key}={path}: {word!r} is not in {result.err!r}")


def installed(context):
    """From its place in the system, too, the library finds who renders its reports."""
    prefix = context.path("installed")
    # as it was built, whatever with: other tests are running it
    subprocess.run(["make", "--no-print-directory", "--assume-old=all", "install",
                    f"O={os.path.dirname(DLWATCH)}", f"PREFIX={prefix}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    environ = preloaded(on_deadlock="exit")
    environ["LD_PRELOAD"] = os.path.join(prefix, "lib/libdlwatch.so")
    result = execute([os.path.join(prefix, "lib/dlwatch/samples/two_locks")], environ)
    equal(result.status, 66, f"status; {result.err[-300:]!r}")
    check(b"alice_to_bob (two_locks.c:" in result.err, f"no names: {result.err[:300]!r}")


def demo(name, arguments=()):
    def run(_context):
        result = execute([DLWATCH, "demo", "--color=never", name, *arguments], patience=60)
        equal(result.status, 0, f"demo {name}: status; {result.out[-800:]!r} {result.err!r}")
    return run


def demo_lists(_context):
    result = execute([DLWATCH, "demo"])
    equal(result.status, 0, "status")
    names = sorted(line.split()[0].decode() for line in result.out.splitlines())
    built = sorted(os.listdir(os.path.join(os.path.dirname(DLWATCH), "samples")))
    equal(names, built, "samples listed and samples built")


def demo_unknown(_context):
    result = execute([DLWATCH, "demo", "no_such_sample"])
    equal(result.status, 2, "status")
    equal(len(result.err.splitlines()), 1, "lines")


DEMOS = ["two_locks", "two_locks_ordered", "philosophers_semaphores", "self_relock",
         "semaphore_pool", "bounded_buffer_wrong_order", "join_while_holding", "forgotten_post",
         "python_two_locks", "python_queue_join", "python_futures_cured", "cure_no_preemption",
         "producer_consumer"]


def all_cases():
    tests = [act_report, act_exit, act_abort, act_stop, act_break, run_exit, run_abort,
             report_that_nobody_reads,
             run_break, run_break_never, run_abort_never, run_report, own_status, not_found,
             not_executable, found_in_path, died_of_signal, passes_signals_on, wrong_usage,
             static_binary, sanitized_binary, setuid_binary, options_bad, options_good, options_file,
             options_through_run, report_files, json_to_standard_output, no_renderer,
             no_such_files,
             installed, demo_lists, demo_unknown]
    cases = [("ways/" + test.__name__, test) for test in tests]
    cases += [(f"demo/{name}", demo(name)) for name in DEMOS]
    return cases + [("demo/philosophers-12", demo("philosophers", ["12"]))]
