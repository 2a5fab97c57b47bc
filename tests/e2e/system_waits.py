"""system_waits.py - waits that only the kernel knows of: for children, pipes,
socket pairs and file locks; no hook sees them, the supervisor reads them

And programs full of such waits without a deadlock, for which nothing may be said.
"""
import os
import re
import shutil

from deadlocks import PYTHON, Case, fixture, sample
from expect import Deadlock, Thread, Wait, first_difference, mutex
from harness import (DLWATCH, Skip, check, equal, execute, load_json_lines, preloaded,
                     report_findings, validate)

ANY_PIPE = re.compile(r"^pipe:\[\d+\]$")
ANY_OF_TWO = re.compile(r"^pipe:\[\d+\] or 1 more$")
ANY_SOCKET = re.compile(r"^socket:\[\d+\]$")
ANY_FILE = re.compile(r"^/tmp/dlwatch-e2e\.\w+ \(deleted\)$")
BYTES = re.compile(r"^/tmp/dlwatch-e2e\.\w+ \(deleted\), bytes 10 to 14$")
PARENT = "system_waits"


def channel(name, mode, site, through=()):
    return Wait(name, mode, "pipe", site=site, through=through, shared=True)


def child_end(site, through=()):
    return Wait(None, "exit", "process", site=site, through=through, shared=True)


def file_lock(name, site=None, through=()):
    return Wait(name, kind="file_lock", site=site, through=through, shared=True)


def in_shared_memory(site):
    return Wait(None, site=site, type="normal", shared=True)


class Supervised(Case):
    """Seen from outside: no thread of the program looks, so there is no other way."""

    def __init__(self, name, command, core, processes=2, verdict="proven"):
        super().__init__(name, command, Deadlock(verdict, core, []), processes=processes)

    def watch(self, context):
        seen, result = self.run(context, "run")
        self.latency(context, result, "run")
        again, _ = self.run(context, "again")
        equal(again["fingerprint"], seen["fingerprint"], "fingerprint of a second run")
        self.goes_on(context)
        self.is_in_the_log(context)

    def is_in_the_log(self, context):
        """Where a process of the core keeps a log, analyze says the same."""
        log = context.path("log")
        logged, _ = self.run(context, "log", f"--log={log}")
        if any(files for _, _, files in os.walk(log)):
            later = self.analyze(context, log)
            differs = first_difference(logged, later)
            check(not differs, f"live and analysed finding differ at {differs}")

    def goes_on(self, context):
        """Its stack was read without its noticing: it sleeps on, and is not reported again."""
        json = context.new_path(".json")
        result = execute(["/usr/bin/timeout", "2", DLWATCH, "run", "--on-deadlock=report",
                          f"--json={json}", "--", *self.command])
        check(b"failed" not in result.err, f"a call returned: {result.err[-300:]!r}")
        equal(result.err.count(b"DEADLOCK"), 1, "times that it was reported")


class Everywhere(Supervised):
    """Also with the shim alone: a helper thread is there, for a thread or a shared lock."""

    def watch(self, context):
        super().watch(context)
        json = context.new_path(".jsonl")
        execute(self.command, preloaded(json=json, on_deadlock="exit"))
        findings = load_json_lines(json)
        validate(findings)
        # the shim does not unwind other threads: their innermost place is the C library's
        equal([(finding["kind"], finding["verdict"],
                sorted(member["name"] for member in finding["core"])) for finding in findings],
              [("deadlock", "proven", sorted(self.expected.names()))], "preload: findings")


def way(name):
    return fixture("system_waits", name)


def deadlocks():
    return [
        Supervised("system/two_readers", way("two_readers"), [
            Thread(PARENT, channel(ANY_PIPE, "read", "await_byte", ["two_readers"])),
            Thread("child", channel(ANY_PIPE, "read", "await_byte", ["read_question"]))]),
        Supervised("system/own_end", way("own_end"), [
            Thread(PARENT, channel(ANY_PIPE, "read", "await_byte", ["read_own_end", "main"]))],
                   processes=1),
        Supervised("system/both_full", way("both_full"), [
            Thread(PARENT, channel(ANY_SOCKET, "write", "fill", ["both_full"])),
            Thread("child", channel(ANY_SOCKET, "write", "fill", ["fill_socket"]))]),
        Supervised("system/crossed_files", way("crossed_files"), [
            Thread(PARENT, file_lock(ANY_FILE, "crossed_files"), [file_lock(ANY_FILE)]),
            Thread("child", file_lock(ANY_FILE, "lock_second_then_first"),
                   [file_lock(ANY_FILE)])]),
        Supervised("system/own_file", way("own_file"), [
            Thread(PARENT, file_lock(ANY_FILE, "own_file"), [file_lock(ANY_FILE)])],
                   processes=1),
        Everywhere("system/memory_then_file", way("memory_then_file"), [
            Thread(PARENT, file_lock(BYTES, "lock_record", ["memory_then_file"]),
                   [in_shared_memory("memory_then_file")]),
            Thread("child", in_shared_memory("file_then_memory"), [file_lock(BYTES)])]),
        Everywhere("system/wait_holding", way("wait_holding"), [
            Thread(PARENT, child_end("await_child", ["wait_holding"]),
                   [in_shared_memory("wait_holding")]),
            Thread("child", in_shared_memory("want_shared_lock"))]),
        Everywhere("system/readers_lock", way("readers_lock"), [
            Thread(PARENT, child_end("await_child", ["wait_holding_readers_lock"]),
                   [mutex("shelf_lock", "wait_holding_readers_lock")]),
            Thread("reader", mutex("shelf_lock", "read_under_lock")),
            Thread("child", channel(ANY_PIPE, "write", "fill", ["chat"]))]),
        Supervised("system/poll_both", way("poll_both"), [
            Thread(PARENT, channel(ANY_OF_TWO, "read", "poll_both")),
            Thread("child", channel(ANY_PIPE, "read", "await_byte", ["read_question"]))],
                   verdict="likely"),
        Supervised("system/selector", way("selector"), [
            Thread(PARENT, child_end("await_child", ["wait_for_selector"])),
            Thread("child", channel(ANY_PIPE, "read", "select_question"))], verdict="likely"),
        Supervised("sample/full_pipe", sample("full_pipe"), [
            Thread("full_pipe", child_end("main")),
            Thread("talker", channel(ANY_PIPE, "write", "talk"))]),
        Supervised("sample/two_files", sample("two_files"), [
            Thread("two_files", file_lock(None, "copy"), [file_lock(None)]),
            Thread("two_files", file_lock(None, "copy"), [file_lock(None)])]),
    ]


CHATTY = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "print('x' * 1000000)"], stdout=subprocess.PIPE)
child.wait()
"""


def chatty_child_of_python(context):
    """Popen(stdout=PIPE) and wait(): the hang that the manual of subprocess warns of."""
    json = context.new_path(".json")
    result = execute([DLWATCH, "run", f"--json={json}", "--", PYTHON, "-c", CHATTY])
    equal(result.status, 66, f"exit status; {result.err[-500:]!r}")
    findings = report_findings(json)
    validate(findings)
    equal([(finding["kind"], finding["verdict"]) for finding in findings],
          [("deadlock", "proven")], "findings")
    kinds = {resource["id"]: resource["kind"] for resource in findings[0]["resources"]}
    seen = sorted((kinds[member["wants"]["resource"]], member["wants"]["mode"])
                  for member in findings[0]["core"])
    equal(seen, [("pipe", "write"), ("process", "exit")], "waits of the core")


POOLED = '''
import concurrent.futures, multiprocessing, sys
lock = multiprocessing.Lock()
def work(number):
    with lock:
        return number
if sys.argv[1] == "Pool":
    pool = multiprocessing.Pool(2)
else:
    pool = concurrent.futures.ProcessPoolExecutor(2)
with pool, lock:
    print(list(pool.map(work, range(4))))
'''


class HeldFromWorkers:
    """A pool's workers want a lock that whoever waits for their results holds."""

    def __init__(self, pool):
        self.pool = pool

    def __call__(self, context):
        json = context.new_path(".json")
        result = execute([DLWATCH, "run", f"--json={json}", "--", PYTHON, "-c", POOLED, self.pool])
        equal(result.status, 66, f"exit status; {result.err[-500:]!r}")
        findings = report_findings(json)
        validate(findings)
        equal([finding["verdict"] for finding in findings], ["stalled"], "verdicts")
        waiting = [(member["name"], member["wants"]["stack"][0]["function"])
                   for member in findings[0]["core"]]
        equal(sum(function == "__enter__" for _, function in waiting), 2, "workers at the lock")
        check(("MainThread", "wait") in waiting, f"who waits for results: {waiting}")
        check("select" in dict(waiting).values(), f"who polls the workers' pipes: {waiting}")


class Silent:
    """A command that ends by itself: same output and status, and not a word."""

    def __init__(self, command, needs=()):
        self.command = command
        self.needs = needs

    def __call__(self, context):
        for program in self.needs:
            if not shutil.which(program):
                raise Skip(f"{program} is not installed")
        command = ["/bin/bash", "-c", self.command]
        native = execute(command, cwd=context.directory)
        json = context.new_path(".json")
        result = execute([DLWATCH, "run", "-q", f"--json={json}", "--", *command],
                         cwd=context.directory)
        equal((result.status, result.out, result.err), (native.status, native.out, native.err),
              "status and output")
        equal([finding["coffman"] for finding in report_findings(json)], [], "findings")


SILENT = {
    "slow_producer": Silent("(sleep 0.6; echo late) | cat | (cat; sleep 0.3) | wc -l"),
    "long_child": Silent("sleep 0.8 & wait $!; echo done"),
    "substitution": Silent("x=$(sleep 0.5; echo 3); echo $x"),
    "xargs": Silent("seq 6 | xargs -n1 -P3 sh -c 'sleep 0.2; exit 0'"),
    "coprocess": Silent("coproc cat; sleep 0.5; echo hi >&${COPROC[1]}; "
                        "read l <&${COPROC[0]}; echo $l"),
    "unopened_fifo": Silent("rm -f f; mkfifo f; timeout 0.6 cat f; echo $?"),
    "fifo_without_writer": Silent("rm -f f; mkfifo f; exec 3<>f; timeout 0.6 head -c1 f; echo $?"),
    "flock": Silent("(flock 9; sleep 0.6) 9>lock & sleep 0.1; flock lock true; echo $?",
                    needs=["flock"]),
    "adopted": Silent("exec " + fixture("adopted")[0]),
    "jobserver": Silent("printf 'all: a b c d\\n%%:\\n\\t@sleep 0.2\\n' > Makefile; make -j2 -s; "
                        "echo $?", needs=["make"]),
    "python_pool": Silent(f"{PYTHON} -c 'import subprocess as s; "
                          "print(s.run([\"sh\", \"-c\", \"sleep 0.4; seq 100000\"], "
                          "capture_output=True).stdout[-3:])'"),
    "talk_and_listen": Silent(f"{PYTHON} -c 'import socket as s, os, time\n"
                              "a, b = s.socketpair()\n"
                              "if os.fork() == 0:\n    time.sleep(0.6); b.send(b\"x\"); os._exit(0)\n"
                              "print(a.recv(1)); os.wait()'"),
    "polled_together": Silent(f"{PYTHON} -c 'import os, select, time\n"
                              "a, b = os.pipe(); c, d = os.pipe()\n"
                              "if os.fork() == 0:\n"
                              "    os.read(a, 1); time.sleep(0.6); os.write(d, b\"x\"); os._exit(0)\n"
                              "os.write(b, b\"x\"); time.sleep(0.3)\n"
                              "print(select.select([c], [], [])[0] == [c]); os.wait()'"),
    "polled_with_a_clock": Silent(f"{PYTHON} -c 'import ctypes, os, select\n"
                                  "libc = ctypes.CDLL(None); a, b = os.pipe()\n"
                                  "clock = libc.timerfd_create(1, 0)\n"
                                  "libc.timerfd_settime(clock, 0, (ctypes.c_long * 4)(0, 0, 0, 900000000), None)\n"
                                  "print(select.select([a, clock], [], [])[0] == [clock])'"),
    "polled_with_limit": Silent(f"{PYTHON} -c 'import os, select\n"
                                "a, b = os.pipe(); p = select.poll(); p.register(a)\n"
                                "print(p.poll(800), select.select([a], [], [], 0.5))'"),
    "written_by_the_kernel": Silent(fixture("ring")[0]),
    "told_by_a_handler": Silent(f"""{PYTHON} -c 'import os, signal, subprocess
r, w = os.pipe()
os.set_blocking(w, False)
signal.set_wakeup_fd(w)
signal.signal(signal.SIGCHLD, lambda *_: None)
child = subprocess.Popen(["sleep", "0.8"])
print(os.read(r, 1)[0])' """),
    "told_by_the_terminal": Silent("""perl -e 'pipe(R, W); $SIG{INT} = sub { syswrite(W, "told\\n") };
if (!fork) { $SIG{INT} = "DEFAULT"; close(R); close(W); sleep(2); kill("INT", getppid()); exit }
sysread(R, $word, 9); print($word); wait' """, needs=["perl"]),
    "worker_told_by_a_handler": Silent("""perl -e 'pipe(R, W);
if (!($worker = fork)) { close(W); sysread(R, $word, 9); print($word); exit }
$SIG{TERM} = sub { syswrite(W, "told\\n") }; close(R);
if (!fork) { $SIG{TERM} = "DEFAULT"; close(W); sleep(2); kill("TERM", getppid()); exit }
waitpid($worker, 0)' """, needs=["perl"]),
    "select_until_told": Silent(f"""{PYTHON} -c 'import os, select, signal, subprocess
r, w = os.pipe()
os.set_blocking(w, False)
signal.set_wakeup_fd(w)
signal.signal(signal.SIGTERM, lambda *_: None)
child = subprocess.Popen(["sh", "-c", "sleep 0.8; kill $PPID"])
print(select.select([r], [], [])[0] == [r]); child.wait()' """),
    "alarm_ends_lock": Silent(f"""{PYTHON} -c 'import fcntl, signal
def late(*_):
    raise TimeoutError
signal.signal(signal.SIGALRM, late)
a, b = open("file", "w"), open("file", "w")
fcntl.flock(a, fcntl.LOCK_EX)
signal.setitimer(signal.ITIMER_REAL, 0.8)
try:
    fcntl.flock(b, fcntl.LOCK_EX)
except TimeoutError:
    print("late")' """),
    "receive_with_limit": Silent(f"{PYTHON} -c 'import socket as s, struct\n"
                                 "a, b = s.socketpair()\n"
                                 "a.setsockopt(s.SOL_SOCKET, s.SO_RCVTIMEO, struct.pack(\"ll\", 0, 800000))\n"
                                 "try:\n    a.recv(1)\nexcept OSError as e:\n    print(e.errno)'"),
}


def held_by_an_outsider(context):
    """It waits for itself to write, but somebody unwatched, we, could write, too."""
    read, write = os.pipe()
    script = "import os; w = os.open('/proc/self/fd/0', os.O_WRONLY); print('on'); os.read(0, 1)"
    try:
        result = execute(["/usr/bin/timeout", "2", DLWATCH, "run", "--", PYTHON, "-uc", script],
                         stdin=read)
    finally:
        os.close(read)
        os.close(write)
    equal((result.out, result.err), (b"on\n", b""), "output")


def told_once(context):
    """A process comes to use its first lock while it is in a deadlock that has been reported."""
    json = context.new_path(".json")
    result = execute([DLWATCH, "run", "--on-deadlock=report", f"--json={json}", "--",
                      *way("first_lock_late")])
    equal(result.status, 66, f"exit status; {result.err[-500:]!r}")
    findings = report_findings(json)
    validate(findings)
    equal([(finding["kind"], finding["verdict"], len(finding["core"])) for finding in findings],
          [("deadlock", "proven", 2)], "findings")


def all_cases():
    return ([(case.name, case) for case in deadlocks()] +
            [("system/python_chatty_child", chatty_child_of_python),
             ("system/python_pool", HeldFromWorkers("Pool")),
             ("system/python_executor", HeldFromWorkers("ProcessPoolExecutor")),
             ("system/told_once", told_once),
             ("system/held_by_an_outsider", held_by_an_outsider)] +
            [(f"system/silent/{name}", test) for name, test in SILENT.items()])
