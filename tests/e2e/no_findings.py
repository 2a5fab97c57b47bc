"""no_findings.py - programs without a deadlock: nothing may be reported, and
nothing may change in what they print and return
"""
import re

from deadlocks import PYTHON, fixture, sample
from harness import (DLWATCH, equal, execute, load_json_lines, preloaded,
                     report_findings, validate)


def without_stamps(text):
    return re.sub(rb"closing \d+\n", b"", text)


class Clean:
    def __init__(self, name, command, misuse=False, order=True):
        self.name = name
        self.command = command
        self.misuse = misuse  # it does misuse a lock: such findings are right
        self.order = order    # its lines come in one order

    def output(self, result):
        out, err = result.out, without_stamps(result.err)
        if not self.order:
            out = b"".join(sorted(out.splitlines(True)))
        return result.status, out, err

    def none(self, findings, how):
        validate(findings)
        seen = [(finding["kind"], finding["verdict"], finding["coffman"]) for finding in findings
                if not (self.misuse and finding["kind"] == "misuse")]
        equal(seen, [], f"{how}: findings")

    def same(self, native, result, how):
        if self.misuse:  # a report of the misuse may be on standard error
            native, result = (native[0], native[1]), (result[0], result[1])
        equal(result, native, f"{how}: status, standard output and standard error")

    def __call__(self, context):
        native = self.output(execute(self.command))
        json = context.new_path(".json")
        quiet = execute([DLWATCH, "run", "-q", f"--json={json}", "--", *self.command])
        self.none(report_findings(json), "run")
        self.same(native, self.output(quiet), "run")
        json = context.new_path(".jsonl")
        alone = execute(self.command, preloaded(json=json, on_deadlock="exit"))
        self.none(load_json_lines(json), "preload")
        self.same(native, self.output(alone), "preload")
        log, json = context.path("log"), context.new_path(".json")
        logged = execute([DLWATCH, "run", "-q", f"--log={log}", "--", *self.command])
        self.same(native, self.output(logged), "run --log")
        analyze = [DLWATCH, "analyze", "--fail-on=deadlock", f"--json={json}", log]
        result = execute(analyze)
        self.none(report_findings(json), "analyze")
        equal(result.status, 0, f"analyze: exit status; {result.err!r}")


SAMPLES = ["two_locks_ordered", "cure_mutual_exclusion", "cure_hold_and_wait",
           "cure_no_preemption", "cure_circular_wait", "philosophers_cured",
           "philosophers_semaphores_cured", "self_relock_cured", "semaphore_pool_cured",
           "bounded_buffer", "forgotten_post_cured", "join_while_holding_cured",
           "producer_consumer", "daemon_thread", "livelock", "two_spinlocks_cured",
           "read_then_write_cured", "missing_party_cured", "once_in_once_cured",
           "two_processes_cured", "full_pipe_cured", "two_files_cured",
           "fork_held_lock_cured"]


def all_cases():
    cases = [Clean(f"sample/{name}", sample(name)) for name in SAMPLES]
    cases += [
        Clean("sample/python_two_locks_ordered",
              [PYTHON, sample("python_two_locks_ordered.py")[0]]),
        Clean("clean", fixture("clean")),
        Clean("clean-long", fixture("clean", "100000")),
        Clean("robust_recovered", fixture("robust_recovered"), misuse=True),
        Clean("errorcheck", fixture("errorcheck"), misuse=True),
        Clean("timed_cycle", fixture("timed_cycle"), order=False),
        Clean("trylock", fixture("trylock"), order=False),
        Clean("own_semaphore", fixture("own_semaphore")),
        Clean("reopened_semaphore", fixture("reopened_semaphore")),
        Clean("alarm_posts", fixture("alarm_posts")),
        Clean("own_memory", fixture("own_memory")),
        Clean("cancellation", fixture("cancellation")),
        Clean("stranger_unlock", fixture("stranger_unlock"), misuse=True),
        Clean("old_conditions", fixture("old_conditions")),
        Clean("polling/busy", fixture("polling", "busy")),
        Clean("spinlocks/left", fixture("spinlocks", "left")),
        Clean("barriers/rounds", fixture("barriers", "rounds")),
        Clean("onces/clean", fixture("onces", "clean")),
        Clean("odd_frame", fixture("odd_frame")),
        Clean("overflow", fixture("overflow")),
        Clean("stack_end", fixture("stack_end")),
        Clean("once_thrown", fixture("once_thrown")),
        Clean("rwlocks_clean", fixture("rwlocks_clean"), misuse=True),
    ]
    return [(case.name, case) for case in cases]
