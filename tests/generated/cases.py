"""cases.py - cases of deadlock and their cures, made from the table of kinds

A case is a cycle of parties, each of which has what the one before it wants.
All is decided by a seeded random choice, so a seed names a case for good.

The cured twin has the same cast, objects and extras; one condition is broken:

    let-go      one party lets go of what it has before it wants (hold and wait)
    timed       one party waits for a while only, then lets go (no preemption)
    try         one party only tries, then lets go (no preemption)
    ordered     all take what they need in one order (circular wait)
    gate        all pass one gate lock to take what they need (circular wait)
"""
import random

import kinds

STRENGTH = ["proven", "likely"]
PROCESSES = 128  # as in scenario.h
CURES = ["let-go", "timed", "try", "ordered", "gate"]


class Scenario:
    """The text of a program run: objects and threads of many cases."""

    def __init__(self, processes=1):
        self.objects = []
        self.threads = []
        self.gates = 0
        self.processes = processes
        self.parents = {}  # process: its parent, if that is not the first one

    def gate(self):
        self.gates += 1
        return self.gates - 1

    def new_process(self):
        self.processes += 1
        return self.processes - 1

    def text(self):
        lines = [f"object {number} {words}" for number, words in enumerate(self.objects)]
        lines += [f"parent {process} {parent}" for process, parent in self.parents.items()]
        for thread in self.threads:
            lines.append(f"thread {thread.number} {thread.process} {thread.name} "
                         f"{2 if thread.alone else int(thread.joined)}")
            lines += thread.steps
        return "\n".join(lines) + "\n"


class Party:
    """A thread of a case; steps are what it does, in order."""

    def __init__(self, scenario, name, process, alone=False):
        self.number = len(scenario.threads)
        self.name = name
        self.process = scenario.new_process() if alone else process
        self.alone = alone
        self.joined = False
        self.early = []   # makes the past of what is shared
        self.extra = []   # holds of its own, beside the point
        self.extra_holds = []
        self.steps = []
        scenario.threads.append(self)


class Expected:
    """What the one finding of a case must say."""

    def __init__(self, verdict, members, stuck, kind="deadlock", system=False):
        self.kind = kind
        self.system = system    # some wait of it is one on the system
        self.verdict = verdict
        self.members = members  # name: (want, [hold, …]), each (kind, type, mode, count, object)
        self.stuck = stuck      # names


class Case:
    def __init__(self, scenario, name, chance, chosen, cure=None, processes=1):
        self.scenario = scenario
        self.name = name
        self.chance = chance
        self.cure = cure
        self.others = []
        # a process waits on the system only if all its threads do
        self.apart = any(kind.system for kind in chosen)
        self.members = [Party(scenario, f"{name}.{i}", chance.randrange(processes), self.apart)
                        for i in range(len(chosen))]
        self.settle_processes(chosen)
        self.edges = self.make_edges(chosen)
        self.extras()
        self.compose()

    def describe(self):
        between = " ".join(edge.kind.name for edge in self.edges)
        places = "".join(str(party.process) for party in self.members)
        return f"{self.name}: {between} (processes {places}, cure {self.cure})"

    # ---- what there is -----------------------------------------------------------

    def object(self, kind, variant="-", process=0, value=0):
        self.scenario.objects.append(f"{kind} {variant} {process} {value}")
        return len(self.scenario.objects) - 1

    def pipe(self, reader, writer):
        ends = reader.process * PROCESSES + writer.process
        return self.object("pipe", process=-1, value=ends)

    def settle_processes(self, chosen):
        """Edges that cannot reach across keep their two threads in one process."""
        count = len(chosen)
        for _ in range(count):
            for i, kind in enumerate(chosen):
                if not kind.across:
                    self.members[i - 1].process = self.members[i].process

    def make_edges(self, chosen):
        """Edge i: what party i has and the party before it wants."""
        edges = []
        for i, kind in enumerate(chosen):
            provider, wanter = self.members[i], self.members[i - 1]
            across = provider.process != wanter.process
            shared = kind.across and (across or self.chance.random() < .2)
            edges.append(kinds.Edge(kind, self, provider, wanter, shared))
        return edges

    def before(self, party, steps):
        party.early += steps

    def bystander(self, process, last):
        """A thread that is there in the beginning, and does @last once all may end."""
        party = Party(self.scenario, f"{self.name}b{len(self.others)}", process, self.apart)
        party.last = last
        self.others.append(party)
        return party

    # ---- extras ------------------------------------------------------------------

    def extras(self):
        """Locks beside the point; and threads that get stuck behind the cycle."""
        for party in self.members:
            for _ in range(self.chance.choice([0, 0, 1, 2])):
                variant = self.chance.choice(["normal", "recursive"])
                lock = self.object("mutex", variant, party.process)
                party.extra.append(lock)
                party.extra_holds.append(("mutex", variant, "exclusive", 1, lock))
        self.followers = []
        for edge in self.edges:
            if edge.kind.lock and not edge.kind.busy and self.chance.random() < .15 and \
                    STRENGTH.index(edge.kind.verdict) <= STRENGTH.index(self.verdict()):
                follower = Party(self.scenario, f"{self.name}f{len(self.followers)}",
                                 edge.wanter.process, self.apart)
                self.followers.append((follower, edge))

    def verdict(self):
        return max((edge.kind.verdict for edge in self.edges), key=STRENGTH.index)

    # ---- the steps ----------------------------------------------------------------

    def everybody(self):
        return len(self.members) + len(self.others) + len(self.followers)

    def compose(self):
        if self.cure in ("ordered", "gate") and not all(edge.kind.lock for edge in self.edges):
            self.cure = "let-go"
        # the kernel refuses to close a cycle of PI mutexes, even for a while, and
        # the C library then puts whoever asked to sleep for good
        if self.cure == "timed" and all(edge.kind.inherits for edge in self.edges):
            self.cure = "let-go"
        met, ready, over = (self.scenario.gate() for _ in range(3))
        if self.cure in ("ordered", "gate"):
            self.compose_locks(met)
        else:
            self.compose_cycle(met, ready)
        for party in self.others:
            party.steps = party.early + [f"meet {met} {self.everybody()}"]
            party.steps += party.last if self.cure else [f"meet {over} {len(self.others) + 1}"]
        for party, edge in self.followers:
            party.steps = [f"meet {met} {self.everybody()}",
                           f"meet {ready} {len(self.members) + len(self.followers)}"
                           if self.cure not in ("ordered", "gate") else "nap 0"]
            party.steps += edge.want + edge.got

    def breaker(self):
        """Who lets go before it wants: its thread must not be what is waited for."""
        able = [i for i, edge in enumerate(self.edges) if not edge.kind.ends_thread]
        return self.chance.choice(able) if able else None

    def compose_cycle(self, met, ready):
        breaker = self.breaker() if self.cure else None
        count = len(self.members)
        for i, party in enumerate(self.members):
            mine, wanted = self.edges[i], self.edges[(i + 1) % count]
            steps = party.early + [f"meet {met} {self.everybody()}"]
            steps += [f"lock {lock}" for lock in party.extra] + mine.hold
            steps += [f"meet {ready} {count + len(self.followers)}"]
            if self.cure and i == breaker:
                steps += self.in_vain(wanted) + mine.release + wanted.want + wanted.got
            elif self.cure and breaker is None and i == 0:
                steps += mine.release  # only ends are waited for: one does not wait
                party.skipped = True
            else:
                steps += self.behind(wanted) + wanted.want + wanted.got + mine.release
            party.steps = steps + [f"unlock {lock}" for lock in reversed(party.extra)]
        if self.cure and breaker is None:
            self.members[1 % count].joined = False

    def behind(self, wanted):
        """Until the kernel shows its followers waiting: the cycle closes after that only."""
        if self.cure or self.apart:  # apart: a process may not look into another one
            return []
        return [f"asleep {follower.number} {edge.object}"
                for follower, edge in self.followers if edge is wanted]

    def in_vain(self, wanted):
        if self.cure == "timed" and wanted.timed:
            return wanted.timed
        if self.cure in ("timed", "try") and wanted.attempt:
            return wanted.attempt
        return []

    def compose_locks(self, met):
        count = len(self.members)
        gate = self.object("mutex", "normal", -1) if self.cure == "gate" else None
        for i, party in enumerate(self.members):
            mine, wanted = self.edges[i], self.edges[(i + 1) % count]
            first, second = (mine.hold, mine.release), (wanted.want, wanted.got)
            if self.cure == "ordered" and i == count - 1:
                first, second = second, first
            steps = first[0] + second[0] + second[1] + first[1]
            if gate is not None:
                steps = [f"lock {gate}", *steps, f"unlock {gate}"]
            steps = [f"lock {lock}" for lock in party.extra] + steps * 3
            steps += [f"unlock {lock}" for lock in reversed(party.extra)]
            party.steps = party.early + [f"meet {met} {self.everybody()}"] + steps

    # ---- what must be said of it -----------------------------------------------------

    def expected(self):
        members = {}
        count = len(self.members)
        for i, party in enumerate(self.members):
            mine, wanted = self.edges[i], self.edges[(i + 1) % count]
            holds = list(party.extra_holds)
            if mine.held:
                holds.append((mine.resource, mine.type, mine.held, mine.count, mine.object))
            subject = wanted.provider.name if wanted.resource in ("thread", "process") \
                else wanted.object
            want = (wanted.resource, wanted.type, wanted.mode, 1, subject)
            members[party.name] = (want, holds)
        return Expected(self.verdict(), members,
                        sorted(party.name for party, _ in self.followers), system=self.apart)


# ---- choosing --------------------------------------------------------------------------


def is_possible(chosen):
    """The C library refuses two threads that join each other, and a cycle of one."""
    if len(chosen) < 2 or sum(kind.busy for kind in chosen) > 1:
        return False
    if any(kind.system for kind in chosen):
        return all(kind.across and not kind.busy for kind in chosen) and \
            not all(kind.ends_thread for kind in chosen)
    return not (len(chosen) == 2 and all(kind.ends_thread for kind in chosen))


def random_cycle(chance, table):
    while True:
        chosen = [chance.choice(table) for _ in range(chance.choice([2, 2, 2, 3, 3, 4, 5, 6, 8]))]
        if is_possible(chosen):
            return chosen


def pairs(table):
    """Each kind with itself and with each other: every two-party cycle there is."""
    return [[one, other] for i, one in enumerate(table) for other in table[i:]
            if is_possible([one, other])]


def system_pairs(chance, table, system):
    """Each wait on the system with each other one and each kind between processes, in any order."""
    made = [pair for pair in pairs(system + table) if pair[0].system]
    chance.shuffle(made)
    return made


def system_cycle(chance, table, system):
    """Two to four processes, one of which at least waits on the system."""
    while True:
        chosen = [chance.choice(table + system * 3) for _ in range(chance.choice([2, 3, 3, 4]))]
        if any(kind.system for kind in chosen) and is_possible(chosen):
            return chosen


def scenario_of(cycles, seed, cured, processes=1, only=None):
    """One program run with a case for each cycle, named by its place and seed."""
    scenario = Scenario(processes)
    cases = []
    for number, cycle in enumerate(cycles):
        if only is not None and number != only:
            continue
        chance = random.Random(f"{seed}/{number}")
        cure = chance.choice(CURES)
        cases.append(Case(scenario, f"c{number}", chance, cycle, cure if cured else None,
                          processes))
    return scenario, cases
