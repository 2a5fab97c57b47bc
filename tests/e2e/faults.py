"""faults.py - a machine that has run out of something: the program goes on as
if nothing were, and what can still be said is said
"""
import os
import re
import resource
import shlex
import stat
import subprocess
import time

from deadlocks import PYTHON, fixture
from expect import first_difference, without_times
from harness import (DLWATCH, Running, Skip, check, equal, execute, load_json_lines, preloaded,
                     report_findings)
from ways import ABBA, CLEAN, one_abba, written

MEGABYTE = 1 << 20


def same_as_native(command, **how):
    """Runs with the same limits unwatched and watched; standard error may get lines."""
    env = how.pop("env")
    native = execute(command, **how)
    watched = execute(command, env, **how)
    equal((watched.status, watched.out), (native.status, native.out),
          f"status and output; standard error {watched.err!r}")
    return watched


def limit(kind, value):
    def prepare():
        resource.setrlimit(kind, (value, value))
    return prepare


# ---- time ------------------------------------------------------------------------


LATE = 4.5  # seconds; the shim waits for its renderer for two, and for two more


def late_renderer(context):
    """It is held up where it writes, for longer than the shim waits: told once all the same."""
    json = context.path("pipe")
    os.mkfifo(json)
    running = Running(ABBA, preloaded(json=json, on_deadlock="report"))
    end = time.monotonic() + LATE
    while time.monotonic() < end:
        running.read(0.1)
    with open(json, encoding="utf-8") as pipe:
        lines = pipe.read().splitlines()
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        running.read(0.1)
    running.process.kill()
    result = running.wait()
    equal((len(lines), result.err.count(b"dlwatch: DEADLOCK")), (1, 1),
          "findings and headlines")


# ---- memory and descriptors ------------------------------------------------------


def little_memory(_context):
    for size in (64, 48, 40):
        same_as_native(CLEAN, env=preloaded(), prepare=limit(resource.RLIMIT_AS, size * MEGABYTE))


GREEDY = """
import mmap, sys
size = int(sys.argv[1]) * 7 // 10
mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
print("mapped")
"""


def memory_left_to_the_program(_context):
    """Of a limited address space the program gets nearly all."""
    for megabytes in (256, 1024, 8192, 65536):
        size = megabytes * MEGABYTE
        watched = same_as_native([PYTHON, "-c", GREEDY, str(size)], env=preloaded(),
                                 prepare=limit(resource.RLIMIT_AS, size))
        equal(watched.out, b"mapped\n", f"{megabytes} MB: output")


def little_memory_found(context):
    """With room for the program and little more, the deadlock is still found."""
    json = context.path("found.jsonl")
    result = execute(ABBA, preloaded(json=json, on_deadlock="exit"),
                     prepare=limit(resource.RLIMIT_AS, 256 * MEGABYTE))
    equal(result.status, 66, f"status; {result.err!r}")
    one_abba(load_json_lines(json))


def little_memory_for_orders(context):
    """More lock orders than there is memory for: what could not be noted is counted."""
    log = context.new_path(".log")
    same_as_native(fixture("many_orders", "40000"), env=preloaded(log=log, log_mode="ring"),
                   prepare=limit(resource.RLIMIT_AS, 64 * MEGABYTE))
    read = execute([DLWATCH, "analyze", "--no-statistics", log])
    lost = re.search(rb"(\d+) lock orders were not, or not for ever, looked at", read.out)
    check(lost and 1000 < int(lost.group(1)) <= 80000, f"lock orders lost: {read.out!r}")


def few_descriptors(_context):
    for count in (4, 5, 8):
        same_as_native(CLEAN, env=preloaded(), prepare=limit(resource.RLIMIT_NOFILE, count))


def few_descriptors_found(_context):
    """No descriptor to spare for a renderer: the plain report comes, and the status."""
    result = execute(ABBA, preloaded(on_deadlock="exit"),
                     prepare=limit(resource.RLIMIT_NOFILE, 4))
    equal(result.status, 66, f"status; {result.err!r}")
    for word in (b"a-then-b", b"b-then-a"):
        check(word in result.err, f"{word!r} is not in the report: {result.err!r}")


def small_files_only(context):
    """A file that grows beyond the limit would end the program with SIGXFSZ."""
    for size in (0, 4096, 300000):
        small = limit(resource.RLIMIT_FSIZE, size)
        same_as_native(CLEAN, env=preloaded(), prepare=small)
        log = context.new_path(".log")
        same_as_native(fixture("clean", "30000"), env=preloaded(log=log), prepare=small)


# ---- shared memory -----------------------------------------------------------------


def in_private_mounts(script, command, env):
    """@command in a mount namespace of its own, prepared by @script."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False,
                                           stderr=subprocess.DEVNULL).returncode:
        raise Skip("needs root, for a mount namespace")
    # The library is for the command alone, not for unshare and the shell.
    preload = env.pop("LD_PRELOAD")
    last = "LD_PRELOAD=%s exec %s" % (shlex.quote(preload),
                                      " ".join(map(shlex.quote, command)))
    return execute(["unshare", "-m", "sh", "-c", f"{script} && {last}"], env)


NO_SHM = "mount -t tmpfs -o ro,size=4k none /dev/shm"
FULL_SHM = ("mount -t tmpfs -o size=64k none /dev/shm && "
            "dd if=/dev/zero of=/dev/shm/fill bs=4k count=14 2>/dev/null")


def without_shm(context, script, **extra):
    json = context.new_path(".jsonl")
    env = preloaded(json=json, on_deadlock="exit", extra=extra)
    env.pop("XDG_RUNTIME_DIR", None)
    result = in_private_mounts(script, CLEAN, dict(env))
    equal((result.status, result.out), (7, b"total 300\n"), f"clean program; {result.err!r}")
    result = in_private_mounts(script, ABBA, env)
    equal(result.status, 66, f"status; {result.err!r}")
    one_abba(load_json_lines(json))


def no_shm(context):
    without_shm(context, NO_SHM, TMPDIR=context.directory)


def no_shm_at_all(context):
    without_shm(context, NO_SHM, TMPDIR="/no/such/directory")


def full_shm(context):
    without_shm(context, FULL_SHM, TMPDIR="/no/such/directory")


# ---- logs ---------------------------------------------------------------------------


def no_directory_for_log(_context):
    for place in ("/proc/no/such/directory", "/dev/null"):
        result = same_as_native(CLEAN, env=preloaded(log=place))
        lines = result.err.decode().splitlines()
        lines.remove("to standard error")
        equal(len(lines), 1, f"lines {lines}")
        check(place in lines[0], f"{place} is not named in {lines[0]!r}")


def no_directory_for_run(_context):
    result = execute([DLWATCH, "run", "--log=/proc/no/such", "--", *CLEAN])
    check(result.status in (7, 125), f"status {result.status}")
    check(b"/proc/no/such" in result.err, f"the directory is not named: {result.err!r}")


def full_disk(context):
    """The disk fills while the program logs: it does not notice, and what was
    written can be read."""
    disk = context.path("disk")
    os.mkdir(disk)
    mount = f"mount -t tmpfs -o size=512k none {shlex.quote(disk)}"
    program = shlex.join(fixture("clean", "200000"))
    copy = f"LD_PRELOAD= cp -r {shlex.quote(disk)} {shlex.quote(context.path('copy'))}"
    command = ["sh", "-c", f"{program}; echo status $?; {copy}"]
    result = in_private_mounts(mount, command, preloaded(log=disk + "/log"))
    equal(result.out, b"total 600000\nstatus 7\n", f"output; {result.err!r}")
    json = context.path("analysis.json")
    analysis = execute([DLWATCH, "analyze", "--fail-on=deadlock", f"--json={json}",
                        context.path("copy/log")])
    check(analysis.status in (0, 2), f"analyze: status {analysis.status}; {analysis.err!r}")
    equal(report_findings(json), [], "findings in what was recovered")


def private_logs(context):
    """Nobody else may read a log, whatever the umask is."""
    log = context.path("log")
    execute(CLEAN, preloaded(log=log), prepare=lambda: os.umask(0))
    modes = {stat.S_IMODE(os.stat(log).st_mode)}
    equal(modes, {0o700}, "mode of the directory")
    files = [os.path.join(place, name) for place, _, names in os.walk(log) for name in names]
    check(files, "no log")
    equal({stat.S_IMODE(os.stat(path).st_mode) for path in files}, {0o600}, f"modes of {files}")


def log_survives_sigkill(context):
    """Killed while it hangs: its log tells the same as the report did."""
    json, log = context.path("found.jsonl"), context.path("log")
    result = execute(ABBA, preloaded(json=json, log=log, on_deadlock="report"),
                     until=written(json))
    check(result.met, f"no report; {result.err!r}")
    live = one_abba(load_json_lines(json))
    later = context.path("analysis.json")
    analysis = execute([DLWATCH, "analyze", f"--json={later}", log])
    equal(analysis.status, 1, f"analyze: status; {analysis.err!r}")
    again = one_abba(report_findings(later))
    differs = first_difference(without_times(live), without_times(again))
    check(not differs, f"live and analysed finding differ at {differs}")


def supervisor_killed(context):
    """Without its supervisor the program goes on as if it were alone."""
    out, status = context.path("out"), context.path("status")
    orphan = f"kill -9 $PPID; {CLEAN[0]} > {out}; echo $? > {status}"
    run = shlex.join([DLWATCH, "run", "-q", "--", "sh", "-c", orphan])
    wait = f"while ! test -s {status}; do sleep 0.05; done"
    execute(["sh", "-c", f"{run}; echo supervisor $?; {wait}"])
    with open(status, encoding="ascii") as file:
        equal(file.read(), "7\n", "status of the program")
    with open(out, "rb") as file:
        equal(file.read(), b"total 300\n", "output of the program")


def all_cases():
    tests = [late_renderer, little_memory, memory_left_to_the_program,
             little_memory_found, little_memory_for_orders, few_descriptors, few_descriptors_found,
             small_files_only, no_shm, no_shm_at_all, full_shm, no_directory_for_log,
             no_directory_for_run, full_disk, private_logs, log_survives_sigkill, supervisor_killed]
    return [("faults/" + test.__name__, test) for test in tests]
