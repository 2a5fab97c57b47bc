"""again.py - a deadlock is reported once for as long as it lasts, and when it
has been dissolved and comes about anew it is reported anew
"""
import glob
import os
import time

from deadlocks import fixture
from harness import (DLWATCH, Running, check, environment, equal, load_json_lines, preloaded,
                     report_findings)

ROUNDS = 2
PATIENCE = 20
STILL = 0.4  # seconds in which a lasting deadlock may not be said again


def headlines(running):
    return running.output["err"].count(b"dlwatch: DEADLOCK")


def wait_for(running, count):
    deadline = time.monotonic() + PATIENCE
    while headlines(running) < count:
        running.read(0.02)
        check(time.monotonic() < deadline, f"report {count} never came; {running.said()}")
    settled = time.monotonic() + STILL
    while time.monotonic() < settled and running.process.poll() is None:
        running.read(0.02)
    equal(headlines(running), count, "reports")


def twice(scene, action):
    def test(context):
        for how in ("preload", "run"):
            json = context.new_path("-%p.json" if how == "preload" else ".json")
            command, env = fixture("again") + [scene], environment()
            if how == "preload":
                env = preloaded(json=json, on_deadlock=action)
            else:
                command = [DLWATCH, "run", f"--on-deadlock={action}", f"--json={json}", "--",
                           *command]
            given, told = os.pipe()
            running = Running(command, env, stdin=given)
            os.close(given)
            for count in range(1, ROUNDS + 1):
                if scene == "killed":
                    wait_for(running, count)
                    os.write(told, b"x")
            result = running.wait(PATIENCE)
            os.close(told)
            equal((result.status, result.out), (66 if how == "run" else 0, b"over\n"),
                  f"{how}: status and output; {result.err[-800:]!r}")
            judge(how, report_findings(json) if how == "run" else
                  [finding for path in glob.glob(json.replace("%p", "*"))
                   for finding in load_json_lines(path)])
    return test


def judge(how, findings):
    deadlocks = [finding for finding in findings if finding["kind"] != "misuse"]
    equal([(finding["kind"], finding["verdict"]) for finding in deadlocks],
          [("deadlock", "proven")] * ROUNDS, f"{how}: findings")
    equal(len({finding["fingerprint"] for finding in deadlocks}), 1, f"{how}: fingerprints")
    for finding in deadlocks:
        equal(sorted(member["name"] for member in finding["core"]), ["backwards", "forwards"],
              f"{how}: core")
    cores = {tuple(sorted(member["tid"] for member in finding["core"])) for finding in deadlocks}
    equal(len(cores), ROUNDS, f"{how}: different threads")


def all_cases():
    return [("a deadlock that was broken comes again", twice("broken", "break")),
            ("a deadlock whose party was killed comes again", twice("killed", "report"))]
