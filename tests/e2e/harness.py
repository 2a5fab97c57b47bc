"""harness.py - running programs watched and unwatched, and comparing

Shared by the end-to-end and the transparency tests. Standard library only,
except that findings are validated with jsonschema.

Every program gets a session of its own (setsid), so that whatever it leaves
behind is found and ended with it: a test program is made to hang.
"""
import collections
import concurrent.futures
import json
import os
import re
import selectors
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import traceback

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.join(ROOT, os.environ.get("O") or "build")
DLWATCH = os.path.join(BUILD, "dlwatch")
SHIM = os.path.join(BUILD, "libdlwatch.so")
SAMPLES = os.path.join(BUILD, "samples")
FIXTURES = os.path.join(BUILD, "tests", "e2e")
SCHEMA = os.path.join(ROOT, "include", "dlwatch", "report.schema.json")
PATIENCE = 30.0  # seconds for one program; a report takes a fraction of one
# Tests wait most of their time: for what has hung to be long enough the same.
JOBS = min(2 * (os.cpu_count() or 1), 8)


class Skip(Exception):
    """This machine cannot run the test; the reason is printed and counted."""


def check(good, message):
    if not good:
        raise AssertionError(message)


def equal(seen, expected, what):
    check(seen == expected, f"{what}: expected {expected!r}, saw {seen!r}")


# ---- processes ---------------------------------------------------------------


def stat_fields(path):
    """Fields of a /proc stat file from the state on, and the name; None if gone."""
    try:
        with open(path, "rb") as file:
            text = file.read().decode(errors="replace")
    except OSError:
        return None, None
    return text[text.rindex(")") + 2:].split(), text[text.index("(") + 1:text.rindex(")")]


def is_over(pid, state):
    """A process whose first thread has ended goes on while another one runs."""
    try:
        return state == "Z" and len(os.listdir(f"/proc/{pid}/task")) == 1
    except OSError:
        return True


def session_members(session):
    members = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields, _ = stat_fields(f"/proc/{entry}/stat")
            if fields and int(fields[3]) == session and not is_over(entry, fields[0]):
                members.append(int(entry))
    return members


def end_session(session):
    """Kills what is left of a session that this harness began."""
    for _ in range(100):
        members = session_members(session)
        if not members:
            return
        for pid in members:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.01)


class Task(collections.namedtuple("Task", "pid tid name state switches")):
    """One thread, as the kernel shows it."""


def tasks_of(session):
    tasks = []
    for pid in session_members(session):
        try:
            tids = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        for tid in tids:
            base = f"/proc/{pid}/task/{tid}"
            fields, name = stat_fields(base + "/stat")
            try:
                with open(base + "/status", encoding="ascii", errors="replace") as file:
                    switches = "".join(line for line in file if "ctxt_switches" in line)
            except OSError:
                continue
            if fields:
                tasks.append(Task(pid, int(tid), name, fields[0], switches))
    return tasks


Result = collections.namedtuple("Result", "status out err reported_at pid met")


class Running:
    """A program with its two output streams, read as they come."""

    def __init__(self, command, env=None, cwd=None, prepare=None, stdin=None):
        self.process = subprocess.Popen(
            command, env=env, cwd=cwd, start_new_session=True, preexec_fn=prepare,
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.session = self.process.pid
        self.output = {"out": b"", "err": b""}
        self.reported_at = None
        self.selector = selectors.DefaultSelector()
        for name in ("out", "err"):
            stream = getattr(self.process, "std" + name)
            os.set_blocking(stream.fileno(), False)
            self.selector.register(stream, selectors.EVENT_READ, name)

    def read(self, seconds):
        for key, _ in self.selector.select(seconds):
            try:
                data = os.read(key.fd, 65536)
            except BlockingIOError:
                continue
            if not data:
                self.selector.unregister(key.fileobj)
                continue
            self.output[key.data] += data
            if key.data == "err" and self.reported_at is None:
                lines = self.output["err"].splitlines()
                if any(line and not line.startswith(b"closing") for line in lines):
                    self.reported_at = time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def wait(self, patience=PATIENCE, until=None):
        """Until it ends, or until() is true; complains when neither comes."""
        deadline = time.monotonic() + patience
        met = False
        try:
            while self.process.poll() is None:
                if until and until(self):
                    met = True
                    break
                if time.monotonic() > deadline:
                    raise AssertionError(f"no end after {patience:.0f} s; " + self.said())
                self.read(0.02)
                if not self.selector.get_map():
                    time.sleep(0.005)
        finally:
            self.end()
        return Result(self.process.returncode, self.output["out"], self.output["err"],
                      self.reported_at, self.session, met)

    def end(self):
        end_session(self.session)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"process {self.session} survives SIGKILL") from None
        while self.selector.get_map():
            self.read(1)
        self.selector.close()
        self.process.stdout.close()
        self.process.stderr.close()

    def said(self):
        tail = self.output["err"][-1500:].decode(errors="replace")
        return f"standard error ends with: {tail!r}"


def environment(**extra):
    env = {key: value for key, value in os.environ.items()
           if key not in ("LD_PRELOAD", "DLWATCH_OPTIONS", "MAKEFLAGS", "MFLAGS", "T", "O", "V")}
    env["LC_ALL"] = "C"
    env.update(extra)
    return env


def preloaded(shim=SHIM, extra=None, **options):
    text = ":".join(f"{key}={value}" for key, value in options.items())
    return environment(LD_PRELOAD=shim, DLWATCH_OPTIONS=text, **(extra or {}))


def execute(command, env=None, patience=PATIENCE, until=None, **more):
    return Running(command, env or environment(), **more).wait(patience, until)


def load_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise AssertionError(f"{path}: {error}") from None


def load_json_lines(path):
    """Findings the shim wrote; a path that was never written is no finding."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        return [json.loads(line) for line in text.splitlines()]
    except ValueError as error:
        raise AssertionError(f"{path}: {error}: {text[:300]!r}") from None


_validator = None


def validate(document):
    """Against the published schema; a list is taken as a list of findings."""
    global _validator
    if _validator is None:
        import jsonschema
        schema = load_json(SCHEMA)
        kind = jsonschema.validators.validator_for(schema)
        kind.check_schema(schema)
        _validator = kind(schema)
    for part in document if isinstance(document, list) else [document]:
        errors = sorted(_validator.iter_errors(part), key=lambda error: list(error.path))
        for error in errors[:1]:
            where = "/".join(str(step) for step in error.path)
            raise AssertionError(f"schema: {where}: {error.message[:300]}")


def report_findings(path):
    report = load_json(path)
    validate(report)
    equal(report.get("schema"), "dlwatch-report/1", f"{os.path.basename(path)}: schema")
    return report["findings"]


# ---- running the tests --------------------------------------------------------


class Context:
    """What a test gets: a directory of its own and a place for measurements."""

    def __init__(self, runner, name):
        self.runner = runner
        self.directory = tempfile.mkdtemp(prefix="dlwatch-test-")
        self.name = name
        self.files = 0

    def path(self, name):
        return os.path.join(self.directory, name)

    def new_path(self, suffix):
        self.files += 1
        return self.path(f"{self.files}{suffix}")

    def measure(self, series, value):
        with self.runner.lock:
            self.runner.measurements.setdefault(series, []).append(value)


class Runner:
    """Runs tests on a few threads; a test is (name, function of a Context)."""

    def __init__(self, jobs=JOBS, verbose=False):
        self.jobs = jobs
        self.verbose = verbose
        self.lock = threading.Lock()
        self.measurements = {}
        self.counts = collections.Counter()

    def one(self, test):
        name, function = test
        context = Context(self, name)
        began = time.monotonic()
        verdict, reason = "ok", ""
        try:
            function(context)
        except Skip as skip:
            verdict, reason = "skipped", str(skip)
        except AssertionError as error:
            verdict, reason = "FAILED", str(error)
        except Exception:  # a test that breaks has failed, whatever broke it
            verdict, reason = "FAILED", traceback.format_exc()
        finally:
            shutil.rmtree(context.directory, ignore_errors=True)
        with self.lock:
            self.counts[verdict] += 1
            if verdict != "ok" or self.verbose:
                seconds = time.monotonic() - began
                print(f"  {verdict:7} {name} ({seconds:.1f} s)", flush=True)
                for line in reason.splitlines():
                    print(f"          {line}", flush=True)

    def all(self, tests):
        missing = [path for path in (DLWATCH, SHIM) if not os.path.exists(path)]
        if missing:
            print(f"  FAILED  {', '.join(missing)} missing: build it first (make)")
            self.counts["FAILED"] += len(tests)
            return
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            list(pool.map(self.one, tests))

    def summary(self):
        for series, values in sorted(self.measurements.items()):
            print(f"  {series}: median {statistics.median(values):.0f} ms, "
                  f"max {max(values):.0f} ms, of {len(values)}")
        skipped = f", {self.counts['skipped']} skipped" if self.counts["skipped"] else ""
        print(f"{self.counts['ok']} passed, {self.counts['FAILED']} failed{skipped}")
        return 1 if self.counts["FAILED"] or not self.counts["ok"] else 0


def select(tests, only):
    pattern = only or os.environ.get("T") or ""
    return [test for test in tests if re.search(re.escape(pattern), test[0])]


def main(tests, arguments):
    runner = Runner(arguments.jobs, arguments.verbose or os.environ.get("V") == "1")
    chosen = select(tests, arguments.only)
    for _ in range(arguments.repeat):
        runner.all(chosen)
    return runner.summary()


def add_options(parser):
    parser.add_argument("--only", metavar="WORD", help="only tests with WORD in their name")
    parser.add_argument("--repeat", metavar="N", type=int, default=1, help="run all N times")
    parser.add_argument("--jobs", metavar="N", type=int, default=JOBS,
                        help=f"at a time (two a processor, at most 8: {JOBS})")
    parser.add_argument("--verbose", action="store_true", help="name every test, with its time")
