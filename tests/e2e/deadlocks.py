"""deadlocks.py - programs that must deadlock: each hangs natively, and is
reported with one and the same finding by every way to watch it

    native    every thread of the core sleeps for good
    run       dlwatch run --json
    preload   LD_PRELOAD alone, json= and on_deadlock=exit
    log       dlwatch run --log, then dlwatch analyze: the same finding
    again     a second run: the same fingerprint, at other addresses
"""
import os
import re
import time

from expect import (Deadlock, Thread, Wait, as_logged, end_of, first_difference, mutex, permit,
                    rwlock)
from harness import (DLWATCH, FIXTURES, PATIENCE, SAMPLES, Running, check, environment, equal,
                     execute, load_json_lines, preloaded, report_findings, tasks_of, validate)

MAIN_JOINS = "thread"
SOURCES = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"


def crowd():
    """How many tasks there are to a processor, of the last minute: 1 on a machine of one's own."""
    return max(1, os.getloadavg()[0] / os.cpu_count())


class Case:
    def __init__(self, name, command, expected, stall=0, child=False, processes=1,
                 moving=False, state="S", status=66,
                 restless=False):
        self.name = name
        self.command = command
        self.expected = expected
        self.stall = stall  # milliseconds that the verdict has to wait
        self.processes = processes  # that the core's threads belong to
        self.state = state  # of the core's threads when nobody looks
        self.restless = restless or state != "S"  # they spin, or poll
        self.moving = moving  # others come and go: no two looks see the same
        self.status = status  # the first process's, where the core's processes end with 66
        self.child = child  # the deadlock is in a child, whose pid is printed

    # ---- native -----------------------------------------------------------

    def hangs(self, context):
        running = Running(self.command, environment())
        names = sorted(self.kernel_names())
        deadline = time.monotonic() + PATIENCE
        still, before = 0, None
        try:
            while still < 10:
                check(running.process.poll() is None, "native: it ended: " + running.said())
                check(time.monotonic() < deadline, f"native: {names} never came to rest")
                running.read(0.02)
                asleep = [task for task in tasks_of(running.session)
                          if task.name in names and task.state == self.state]
                rest = sorted(task._replace(switches="") if self.restless else task
                              for task in asleep)
                met = self.all_there([task.name for task in asleep
                                      if self.is_member(task, running.session)], names)
                still = still + 1 if met and rest == before else 0
                before = rest
        finally:
            running.end()

    def kernel_names(self):
        """Python 3.11 does not tell the kernel what its threads are called."""
        names = self.expected.names()
        return ["python3"] * len(names) if self.expected.python else names

    def all_there(self, seen, names):
        return len(seen) >= len(names) if self.expected.python else sorted(seen) == names

    def is_member(self, task, first):
        """Among those of the right name: a child has its parent's name."""
        return not self.child or task.pid != first

    # ---- watched ------------------------------------------------------------

    def one_finding(self, findings, result, how):
        seen = [(finding["kind"], finding["verdict"]) for finding in findings]
        equal(len(findings), 1, f"{how}: findings {seen}; standard error "
              f"{result.err[-800:].decode(errors='replace')!r}")
        validate(findings)
        finding = findings[0]
        try:
            self.expected.check(finding, at_once=how == "preload")
            self.check_program(finding, result)
            self.check_text(finding, result)
        except AssertionError as error:
            raise AssertionError(f"{how}: {error}") from None
        return finding

    def check_program(self, finding, result):
        program = finding["program"]
        if not self.expected.python:
            equal(os.path.realpath(program["exe"]), os.path.realpath(self.command[0]), "exe")
        if self.child:
            pid = int(re.search(rb"child (\d+)", result.out).group(1))
            equal(program["pid"], pid, "program's pid is the child's")
        pids = {member["pid"] for member in finding["core"]}
        equal(len(pids), self.processes, "processes in the core")
        check(program["pid"] in pids, f"program's pid {program['pid']} is not in the core {pids}")
        tids = [member["tid"] for member in finding["core"] + finding["stuck"]]
        equal(len(set(tids)), len(tids), "distinct tids")

    def check_text(self, finding, result):
        text = result.err.decode(errors="replace")
        for word in [finding["fingerprint"]] + self.expected.names()[:3]:
            check(word in text, f"{word!r} is not in the text report: {text[-800:]!r}")

    def latency(self, context, result, how):
        stamps = [int(stamp) for stamp in re.findall(rb"closing (\d+)", result.err)]
        if not stamps:
            return
        check(result.reported_at, f"{how}: nothing reported")
        late = (result.reported_at - max(stamps)) / 1e6
        context.measure(f"from the cycle to the report, {how}", late - self.stall)
        limit = 1000 * crowd() + self.stall
        check(late < limit, f"{how}: reported {late:.0f} ms after the cycle closed, limit {limit:.0f}")

    def run(self, context, how, *options):
        json = context.new_path(".json")
        result = execute([DLWATCH, "run", f"--json={json}", *options, "--", *self.command],
                         patience=PATIENCE)
        equal(result.status, 66, f"{how}: exit status; {result.err[-800:]!r}")
        return self.one_finding(report_findings(json), result, how), result

    def preload(self, context):
        json = context.new_path(".jsonl")
        result = execute(self.command, preloaded(json=json, on_deadlock="exit"))
        equal(result.status, self.status, f"preload: exit status; {result.err[-800:]!r}")
        return self.one_finding(load_json_lines(json), result, "preload"), result

    def analyze(self, context, log):
        json = context.new_path(".json")
        result = execute([DLWATCH, "analyze", f"--json={json}", log])
        equal(result.status, 1, f"analyze: exit status; {result.err[-800:]!r}")
        findings = report_findings(json)
        equal(len(findings), 1, "analyze: findings")
        return findings[0]

    def __call__(self, context):
        self.hangs(context)
        self.watch(context)

    def watch(self, context):
        seen, result = self.run(context, "run")
        self.latency(context, result, "run")
        alone, result = self.preload(context)
        self.latency(context, result, "preload")
        log = context.path("log")
        logged, _ = self.run(context, "log", f"--log={log}")
        later = self.analyze(context, log)
        prints = [finding["fingerprint"] for finding in (seen, alone, logged, later)]
        equal(len(set(prints)), 1, f"fingerprints of run, preload, log, analyze: {prints}")
        differs = first_difference(as_logged(logged), as_logged(later))
        check(self.moving or not differs, f"live and analysed finding differ at {differs}")


def pair(site_a="take_a_then_b", site_b="take_b_then_a", inner=None, between=(), a=None, b=None,
         **more):
    """The usual AB-BA of the fixtures."""
    through_a = (*between, site_a) if inner else ()
    through_b = (*between, site_b) if inner else ()
    return [
        Thread("a-then-b", mutex("lock_b", inner or site_a, through=through_a, **more),
               [a or mutex("lock_a", site_a, **more)]),
        Thread("b-then-a", mutex("lock_a", inner or site_b, through=through_b, **more),
               [b or mutex("lock_b", site_b, **more)]),
    ]


def fixture(name, *arguments):
    return [os.path.join(FIXTURES, name), *arguments]


def sample(name, *arguments):
    return [os.path.join(SAMPLES, name), *arguments]


def element(array, index, size):
    return f"{array}+{index * size:#x}"


def table(guests, wait, array, size):
    """Dining philosophers: each has the left fork and wants the right one."""
    return [Thread(f"philosopher-{seat}",
                   wait(element(array, (seat + 1) % guests, size), "dine"),
                   [wait(element(array, seat, size), "dine")])
            for seat in range(guests)]


def main_of(command):
    return os.path.basename(command[0])[:15]


def deadlock(name, command, verdict, core, stuck="joins", ancestor=None, relock=False, **more):
    """@stuck: "joins": the main thread, which joins; else (name, kind) pairs."""
    if stuck == "joins":
        stuck = [(main_of(command), MAIN_JOINS)]
    return Case(name, command, Deadlock(verdict, core, stuck, ancestor=ancestor, relock=relock),
                **more)


def type_case(word, expected_type, **hold):
    command = fixture("mutex_types", word)
    first = mutex("lock_a", "take_a_then_b", type=expected_type, **hold)
    return deadlock(f"mutex_types/{word}", command, "proven",
                    pair(type=expected_type, a=first))


def rwlock_pair(mode):
    """As pair(), of reader-writer locks held in @mode and wanted for writing."""
    return [Thread(f"{mine}-then-{other}",
                   rwlock(f"lock_{other}", "exclusive", f"take_{mine}_then_{other}"),
                   [rwlock(f"lock_{mine}", mode, f"take_{mine}_then_{other}")])
            for mine, other in ("ab", "ba")]


def rwlock_cases():
    nonrecursive = {"type": "prefer_writer_nonrecursive"}

    def rwlocks(word, core, stuck="joins", **more):
        return deadlock(f"rwlocks/{word}", fixture("rwlocks", word), "proven", core, stuck, **more)

    return [
        rwlocks("write", rwlock_pair("exclusive")),
        rwlocks("read", rwlock_pair("shared")),
        rwlocks("bystander", rwlock_pair("shared"), moving=True),
        rwlocks("upgrade", [Thread("rwlocks", rwlock("lock_a", "exclusive", "upgrade"),
                                   [rwlock("lock_a", "shared", "upgrade")])], stuck=[]),
        rwlocks("queue", [
            Thread("reader", rwlock("queued", "shared", "read_twice", **nonrecursive),
                   [rwlock("queued", "shared", "read_twice", **nonrecursive)]),
            Thread("writer", rwlock("queued", "exclusive", "write_between", **nonrecursive))]),
    ]


def spinlock(symbol, site):
    return Wait(symbol, kind="spinlock", site=site)


def other_kinds():
    """Spinlocks, barriers and routines that run once."""
    def at_barrier(site):
        return Wait("meeting", "arrive", "barrier", site=site)

    def once(site):
        return Wait("once_a", kind="once", site=site)

    return [
        deadlock("polling/condition", fixture("polling", "condition"), "likely", [
            Thread("poller",
                   Wait("changed", "signal", "condition", site="wait_a_moment", timed=True),
                   [mutex("kept_lock", "poll_for_state")]),
            Thread("signaller", mutex("kept_lock", "signal_twice"))], restless=True),
        deadlock("polling/mutex", fixture("polling", "mutex"), "likely", [
            Thread("poller", mutex("state_lock", "try_for_long", timed=True),
                   [mutex("kept_lock", "try_for_long")]),
            Thread("blocked", mutex("kept_lock", "take_the_other"),
                   [mutex("state_lock", "take_the_other")])], restless=True),
        Case("python_gil", [PYTHON, os.path.join(SOURCES, "python_gil.py")],
             Deadlock("likely", [
                 Thread("MainThread",
                        Wait(None, "signal", "condition", site="<module>", timed=True),
                        [permit(None, None), Wait(None)]),
                 Thread("helper", Wait(None, site="take_mutex_in_interpreter"),
                        [permit(None, None)])], stuck=[], python=True), restless=True),
        deadlock("spinlocks/pair", fixture("spinlocks", "pair"), "proven", [
            Thread(f"{mine}-then-{other}",
                   spinlock(f"lock_{other}", f"take_{mine}_then_{other}"),
                   [spinlock(f"lock_{mine}", f"take_{mine}_then_{other}")])
            for mine, other in ("ab", "ba")], state="R"),
        deadlock("spinlocks/self", fixture("spinlocks", "self"), "proven", [
            Thread("spinlocks", spinlock("lock_a", "take_again"),
                   [spinlock("lock_a", "take_again")])], stuck=[], state="R"),
        deadlock("barriers/locked", fixture("barriers", "locked"), "likely", [
            Thread("waiter", at_barrier("wait_with_lock"), [mutex("lock_a", "wait_with_lock")]),
            Thread("locker", mutex("lock_a", "lock_and_wait"))]),
        deadlock("barriers/missing", fixture("barriers", "missing"), "stalled", [
            Thread("first", at_barrier("come")), Thread("second", at_barrier("come")),
            Thread("barriers", end_of("first", "missing"))], stuck=[], stall=1000),
        deadlock("onces/self", fixture("onces", "self"), "proven", [
            Thread("onces", once("ask_again"), [once("main")])], stuck=[]),
        deadlock("onces/locked", fixture("onces", "locked"), "proven", [
            Thread("runner", mutex("lock_a", "set_up", through=("run_it",)), [once("run_it")]),
            Thread("waiter", once("wait_for_it"), [mutex("lock_a", "wait_for_it")])]),
    ]


def sample_cases():
    account = "alice_to_bob", "bob_to_alice"
    buffer = mutex("buffer_lock", "get")

    def once(symbol, site):
        return Wait(symbol, kind="once", site=site)

    def in_bank(site):
        return Wait(None, site=site, shared=True)
    return [
        deadlock("sample/two_locks", sample("two_locks"), "proven", [
            Thread("alice-to-bob", mutex("bob_lock", account[0]),
                   [mutex("alice_lock", account[0])]),
            Thread("bob-to-alice", mutex("alice_lock", account[1]),
                   [mutex("bob_lock", account[1])])]),
        deadlock("sample/philosophers", sample("philosophers"), "proven",
                 table(5, mutex, "forks", 40)),
        deadlock("sample/philosophers-2", sample("philosophers", "2"), "proven",
                 table(2, mutex, "forks", 40)),
        deadlock("sample/philosophers-100", sample("philosophers", "100"), "proven",
                 table(100, mutex, "forks", 40)),
        deadlock("sample/philosophers_semaphores", sample("philosophers_semaphores"), "likely",
                 table(5, permit, "forks", 32)),
        deadlock("sample/self_relock", sample("self_relock"), "proven", [
            Thread("self_relock", mutex("till_lock", "charge_fee", through=("withdraw", "main")),
                   [mutex("till_lock", "withdraw", through=("main",))])], stuck=[]),
        deadlock("sample/semaphore_pool", sample("semaphore_pool"), "likely", [
            Thread(f"copier-{i}", permit("pool", "copy"), [permit("pool", "copy")])
            for i in range(3)]),
        deadlock("sample/bounded_buffer_wrong_order", sample("bounded_buffer_wrong_order"),
                 "likely", [
                     Thread("consumer", permit("items", "get", through=("consume",)), [buffer]),
                     Thread("producer", mutex("buffer_lock", "put", through=("produce",)))]),
        deadlock("sample/join_while_holding", sample("join_while_holding"), "proven", [
            Thread("join_while_hold", end_of("worker", "main"), [mutex("result_lock", "main")]),
            Thread("worker", mutex("result_lock", "work"))], stuck=[]),
        deadlock("sample/forgotten_post", sample("forgotten_post"), "stalled", [
            Thread(f"runner-{i}", permit("start_signal", "run")) for i in range(2)] + [
                Thread("forgotten_post", end_of("runner-", "main"))], stuck=[], stall=1000),
        deadlock("sample/two_spinlocks", sample("two_spinlocks"), "proven", [
            Thread("forward", spinlock("tail_lock", "move_forward"),
                   [spinlock("head_lock", "move_forward")]),
            Thread("backward", spinlock("head_lock", "move_backward"),
                   [spinlock("tail_lock", "move_backward")])], state="R"),
        deadlock("sample/read_then_write", sample("read_then_write"), "proven", [
            Thread("editor", rwlock("page_lock", "exclusive", "edit_page"),
                   [rwlock("page_lock", "shared", "edit_page")])], relock=True),
        deadlock("sample/missing_party", sample("missing_party"), "likely", [
            Thread("worker-1", Wait("round_end", "arrive", "barrier", site="first_worker"),
                   [mutex("sum_lock", "first_worker")]),
            Thread("worker-2", mutex("sum_lock", "second_worker"))]),
        deadlock("sample/once_in_once", sample("once_in_once"), "proven", [
            Thread("writer", once("clock_once", "set_up_journal"),
                   [once("journal_once", "write_journal")]),
            Thread("timer", once("journal_once", "set_up_clock"),
                   [once("clock_once", "read_clock")])]),
        deadlock("sample/two_processes", sample("two_processes"), "proven", [
            Thread("alice-to-bob", in_bank("alice_to_bob"), [in_bank("alice_to_bob")]),
            Thread("bob-to-alice", in_bank("bob_to_alice"), [in_bank("bob_to_alice")])],
                 stuck=[], processes=2),
        Case("sample/fork_held_lock", sample("fork_held_lock"),
             Deadlock("proven", [Thread("child", mutex("journal_lock", "be_the_child"))],
                      [], kind="orphan", ancestor="fork_held_lock"), status=0),
        deadlock("sample/joined_helper", sample("joined_helper"), "stalled", [
            Thread("joined_helper", end_of("helper", "main")),
            Thread("helper", Wait("work_came", "signal", "condition", site="help"))],
                 stuck=[], stall=1000),
        Case("sample/python_two_locks", [PYTHON, os.path.join(SAMPLES, "python_two_locks.py")],
             Deadlock("likely", [
                 Thread(name, permit(re.compile("waited for at " + name), name),
                        [permit(None, None), permit(None, None)])
                 for name in account], stuck=[], python=True)),
    ]


def fixture_cases():
    heap = [mutex(element("shelf", i, 40), "take_with_many") for i in range(300)]
    many = pair()
    many[0].holds[:0] = heap
    own = re.compile(r"dlwatch-[ab]-\d+")

    def named(site):
        return permit(own, site, type="named", shared=True)

    return [
        deadlock("abba", fixture("abba"), "proven", pair(inner="take_second")),
        deadlock("without_tables", fixture("without_tables"), "proven",
                 pair(inner="take_second", between=("take_by_way_of_libc",))),
        deadlock("bystander", fixture("bystander"), "proven", pair()),
        deadlock("handler_stack", fixture("handler_stack"), "proven", pair()),
        deadlock("overtaken", fixture("overtaken"), "proven", [
            Thread("a-then-b", mutex("lock_b", "nest"), [mutex("lock_a", "nest")]),
            Thread("b-then-c", mutex("lock_c", "nest"), [mutex("lock_b", "nest")]),
            Thread("c-then-a", mutex("lock_a", "take_c_then_a"),
                   [mutex("lock_c", "take_c_then_a")])]),
        deadlock("many_holds", fixture("many_holds"), "proven", many),
        type_case("recursive", "recursive", count=3),
        type_case("robust", "normal"),
        type_case("inherit", "normal"),
        type_case("adaptive", "adaptive"),
        deadlock("detached", fixture("detached"), "proven", pair(), stuck=[]),
        deadlock("join_cycle", fixture("join_cycle"), "proven", [
            Thread(f"joiner-{i}", end_of(f"joiner-{(i + 1) % 3}", "join_next"),
                   [mutex("kept_lock", "join_next")] if i == 0 else [])
            for i in range(3)], stuck=[("join_cycle", "mutex")]),
        deadlock("fork_child", fixture("fork_child"), "proven", pair(), child=True,
                 stuck=[("fork_child", MAIN_JOINS)], ancestor="fork_child"),
        deadlock("fork_exec", fixture("fork_exec"), "proven", pair(), child=True,
                 stuck=[("fork_exec", MAIN_JOINS)], ancestor="fork_exec"),
        deadlock("c11_threads", fixture("c11_threads"), "proven", pair()),
        deadlock("cpp_locks", fixture("cpp_locks"), "proven", pair()),
        deadlock("named_semaphores", fixture("named_semaphores"), "likely", [
            Thread(f"{mine}-then-{other}", named(f"take_{mine}_then_{other}"),
                   [named(f"take_{mine}_then_{other}")])
            for mine, other in ("ab", "ba")]),
        deadlock("cond_mutex", fixture("cond_mutex"), "likely", [
            Thread("waiter",
                   Wait("changed", "signal", "condition", site="wait_for_round",
                        through=("wait_nested",)),
                   [mutex("outer_lock", "wait_nested")]),
            Thread("signaller", mutex("outer_lock", "signal_nested"))]),
        deadlock("churn", fixture("churn"), "proven", pair(), stuck=[]),
        deadlock("main_exited", fixture("main_exited"), "proven", pair(), stuck=[]),
        deadlock("early_lock", fixture("early_lock"), "proven", [
            Thread("early_lock", mutex("early", "set_up"), [mutex("early", "set_up")])],
                 stuck=[]),
        deadlock("first_semaphores", fixture("first_semaphores"), "likely", [
            Thread(f"{mine}-then-{other}", permit(f"sem_{other}", f"take_{mine}_then_{other}"),
                   [permit(f"sem_{mine}", f"take_{mine}_then_{other}")])
            for mine, other in ("ab", "ba")], stuck=[], stall=3000),
        deadlock("renewed_semaphores", fixture("renewed_semaphores"), "likely", [
            Thread(f"{mine}-then-{other}", permit(f"sem_{other}", f"take_{mine}_then_{other}"),
                   [permit(f"sem_{mine}", f"take_{mine}_then_{other}")])
            for mine, other in ("ab", "ba")], stuck=[]),
        Case("orphan", fixture("orphan"),
             Deadlock("proven", [Thread("waiter", mutex("lost_lock", "want_it"))],
                      [("orphan", MAIN_JOINS)], kind="orphan")),
        Case("fork_orphan", fixture("fork_orphan"),
             Deadlock("proven", [Thread("fork_orphan", mutex("lost_lock", "main"))],
                      [], kind="orphan"), child=True),
        deadlock("two_processes", fixture("two_processes"), "proven", [
            Thread(f"{mine}-then-{other}",
                   Wait(None, site=f"take_{mine}_then_{other}", shared=True),
                   [Wait(None, site=f"take_{mine}_then_{other}", shared=True)])
            for mine, other in ("ab", "ba")], stuck=[], processes=2),
        Case("nobody_posts", fixture("nobody_posts"),
             Deadlock("stalled", [Thread("runner", permit("start_signal", "wait_for_start")),
                                  Thread("nobody_posts", end_of("runner", "main"))],
                      stuck=[]), stall=1000),
    ]


def all_cases():
    return [(case.name, case) for case in sample_cases() + fixture_cases() + rwlock_cases() + other_kinds()]
