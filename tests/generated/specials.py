"""specials.py - moments that are no plain cycle: what must be said of them, or not

Each function builds one case: parties with their steps, and what the report
must say (case.says), or that nothing may be said (no call). All of them run
together in one program that has live threads besides.
"""
import random

from cases import Expected, Party, Scenario

SPECIALS = []


def special(build):
    SPECIALS.append((build.__name__, build))
    return build


def variants(*choices):
    """The same case for each of several locks."""
    def add(build):
        for choice in choices:
            SPECIALS.append((f"{build.__name__}({choice})",
                             lambda case, choice=choice: build(case, choice)))
        return build
    return add


class Special:
    def __init__(self, scenario, name, chance, described):
        self.scenario = scenario
        self.name = name
        self.chance = chance
        self.described, build = described
        self.parties = []
        self.expectation = None
        build(self)

    def describe(self):
        return f"{self.name}: {self.described}"

    def object(self, kind, variant="-", value=0, process=0):
        self.scenario.objects.append(f"{kind} {variant} {process} {value}")
        return len(self.scenario.objects) - 1

    def party(self, *steps):
        party = Party(self.scenario, f"{self.name}.{len(self.parties)}", 0)
        party.steps = list(steps)
        self.parties.append(party)
        return party

    def gate(self, count):
        return f"meet {self.scenario.gate()} {count}"

    def says(self, verdict, members, stuck=(), kind="deadlock"):
        self.expectation = Expected(verdict, {party.name: what for party, what in members},
                                    sorted(party.name for party in stuck), kind)

    def expected(self):
        return self.expectation


def mutex(number, type="normal", count=1):
    return ("mutex", type, "exclusive", count, number)


def permit(number, count=1):
    return ("semaphore", "unnamed", "permit", count, number)


def reader(number):
    return ("rwlock", None, "shared", 1, number)


def writer(number):
    return ("rwlock", None, "exclusive", 1, number)


# ---- alone with oneself ------------------------------------------------------------


@variants("normal", "adaptive", "robust", "inherit")
def relock(case, variant):
    lock = case.object("mutex", variant)
    type = "adaptive" if variant == "adaptive" else "normal"
    party = case.party(f"lock {lock}", f"lock {lock}")
    case.says("proven", [(party, (mutex(lock, type), [mutex(lock, type)]))])


@special
def relock_c11(case):
    lock = case.object("mutex", "c11")
    party = case.party(f"c11lock {lock}", f"c11lock {lock}")
    case.says("proven", [(party, (mutex(lock, None), [mutex(lock, None)]))])


@special
def relock_refused(case):
    lock = case.object("mutex", "errorcheck")
    case.party(f"lock {lock}", f"relock {lock}", case.gate(2))


@special
def take_twice(case):
    """CPython's conditions wait on a semaphore that they hold themselves."""
    semaphore = case.object("semaphore", value=1)
    case.party(f"take {semaphore}", f"post {semaphore}", f"take {semaphore}",
               f"take {semaphore}")


# ---- somebody else could help ----------------------------------------------------------


@special
def other_poster_is_live(case):
    lock, semaphore = case.object("mutex"), case.object("semaphore")
    ready = case.gate(3)
    case.party(f"take {semaphore}", f"take {semaphore}", f"lock {lock}", ready,
               f"take {semaphore}")
    case.party(f"post {semaphore}", ready, f"lock {lock}")
    case.party(f"post {semaphore}", ready, case.gate(2))


@special
def other_signaller_is_live(case):
    lock = case.object("mutex")
    objects = " ".join(str(case.object(kind)) for kind in ("condition", "mutex", "counter"))
    ready = case.gate(3)
    case.party(f"await {objects}", f"await {objects}", f"lock {lock}", ready, f"await {objects}")
    case.party(f"signal {objects}", ready, f"lock {lock}")
    case.party(f"signal {objects}", ready, case.gate(2))


@special
def both_posters_are_stuck(case):
    lock, semaphore = case.object("mutex"), case.object("semaphore")
    ready = case.gate(3)
    waiter = case.party(f"take {semaphore}", f"take {semaphore}", f"lock {lock}", ready,
                        f"take {semaphore}")
    posters = [case.party(f"post {semaphore}", ready, f"lock {lock}") for _ in range(2)]
    case.says("likely", [(waiter, (permit(semaphore), [mutex(lock)]))] +
              [(poster, (mutex(lock), [])) for poster in posters])


@special
def other_holder_of_a_permit_is_live(case):
    lock, pool = case.object("mutex"), case.object("semaphore", value=2)
    ready = case.gate(3)
    use = [f"take {pool}", f"post {pool}", f"take {pool}"]
    case.party(*use, ready, f"lock {lock}")
    case.party(*use, ready, case.gate(2))
    case.party(f"lock {lock}", ready, f"take {pool}")


@special
def all_holders_of_permits_are_stuck(case):
    """A pool of two, and each of two threads needs both: the classic."""
    pool = case.object("semaphore", value=2)
    ready = case.gate(2)
    parties = [case.party(f"take {pool}", f"post {pool}", f"take {pool}", ready, f"take {pool}")
               for _ in range(2)]
    case.says("likely", [(party, (permit(pool), [permit(pool)])) for party in parties])


@special
def nobody_posted_yet(case):
    lock, semaphore = case.object("mutex"), case.object("semaphore")
    ready = case.gate(2)
    case.party(f"lock {lock}", ready, f"take {semaphore}")
    case.party(ready, f"lock {lock}")


@special
def nobody_signalled_yet(case):
    lock = case.object("mutex")
    objects = " ".join(str(case.object(kind)) for kind in ("condition", "mutex", "counter"))
    ready = case.gate(2)
    case.party(f"lock {lock}", ready, f"await {objects}")
    case.party(ready, f"lock {lock}")


@special
def unlocked_by_a_stranger_once(case):
    """Whoever unlocks what it does not own may do so again."""
    first, second = case.object("mutex"), case.object("mutex")
    locked, unlocked, ready = case.gate(2), case.gate(2), case.gate(2)
    case.party(f"lock {first}", locked, unlocked, f"lock {first}", ready, f"lock {second}")
    case.party(locked, f"unlock {first}", unlocked, case.gate(2))
    case.party(f"lock {second}", ready, f"lock {first}")


# ---- a wait that ends by itself -----------------------------------------------------------


@variants("timedlock", "clocklock")
def one_waits_for_a_while(case, step):
    first, second = case.object("mutex"), case.object("mutex")
    ready = case.gate(2)
    case.party(f"lock {first}", ready, f"{step} {second} 3600000")
    case.party(f"lock {second}", ready, f"lock {first}")


@special
def one_takes_for_a_while(case):
    lock, semaphore = case.object("mutex"), case.object("semaphore", value=1)
    use = [f"take {semaphore}", f"post {semaphore}", f"take {semaphore}"]
    ready = case.gate(2)
    case.party(f"lock {lock}", ready, f"timedtake {semaphore} 3600000")
    case.party(*use, ready, f"lock {lock}")


@special
def one_joins_for_a_while(case):
    lock, ready = case.object("mutex"), case.gate(2)
    ended = case.party(ready, f"lock {lock}")
    case.party(f"lock {lock}", ready, f"timedjoin {ended.number} 3600000")


@special
def one_tries_again_and_again(case):
    first, second = case.object("mutex"), case.object("mutex")
    ready = case.gate(2)
    case.party(f"lock {first}", ready, f"tryforever {second}")
    case.party(f"lock {second}", ready, f"lock {first}")


# ---- conditions and their mutex ------------------------------------------------------------


@special
def woken_without_its_mutex(case):
    lock, inner = case.object("mutex"), case.object("mutex")
    condition, counter = case.object("condition"), case.object("counter")
    ready = case.gate(2)
    waiter = case.party(f"lock {lock}", ready, f"await {condition} {inner} {counter}")
    signaller = case.party(ready, f"asleep {waiter.number} {condition}", f"lock {inner}",
                           f"notify {condition} {counter}", f"lock {lock}")
    case.says("proven", [(waiter, (mutex(inner), [mutex(lock)])),
                         (signaller, (mutex(lock), [mutex(inner)]))])


@special
def timed_out_without_its_mutex(case):
    lock, inner = case.object("mutex"), case.object("mutex")
    condition, counter = case.object("condition"), case.object("counter")
    ready = case.gate(2)
    waiter = case.party(f"lock {lock}", ready, f"timedawait {condition} {inner} {counter}")
    owner = case.party(ready, f"asleep {waiter.number} {condition}", f"lock {inner}",
                       f"asleep {waiter.number} {inner}", f"lock {lock}")
    case.says("proven", [(waiter, (mutex(inner), [mutex(lock)])),
                         (owner, (mutex(lock), [mutex(inner)]))])


# ---- readers and writers ---------------------------------------------------------------------


@special
def reader_wants_to_write(case):
    lock = case.object("rwlock", "readers")
    party = case.party(f"rdlock {lock}", f"wrlock {lock}")
    case.says("proven", [(party, (writer(lock), [reader(lock)]))])


@special
def one_of_two_readers_is_live(case):
    """All readers must go, and one cannot."""
    lock, shared = case.object("mutex"), case.object("rwlock", "readers")
    ready = case.gate(3)
    reading = case.party(f"rdlock {shared}", ready, f"lock {lock}")
    case.party(f"rdlock {shared}", ready, case.gate(2))
    writing = case.party(f"lock {lock}", ready, f"wrlock {shared}")
    case.says("proven", [(reading, (mutex(lock), [reader(shared)])),
                         (writing, (writer(shared), [mutex(lock)]))])


@special
def two_live_readers_keep_a_writer_out(case):
    lock, ready = case.object("rwlock", "readers"), case.gate(3)
    for _ in range(2):
        case.party(f"rdlock {lock}", ready, case.gate(2))
    case.party(ready, f"wrlock {lock}")


@special
def a_reader_behind_a_queued_writer(case):
    """Where writers are preferred, the one in the queue keeps later readers out."""
    lock, shared = case.object("mutex"), case.object("rwlock", "writers")
    ready = case.gate(3)
    reading = case.party(f"rdlock {shared}", ready, f"lock {lock}")
    writing = case.party(ready, f"wrlock {shared}")
    late = case.party(f"lock {lock}", ready, f"asleep {writing.number} {shared}",
                      f"rdlock {shared}")
    case.says("proven", [(reading, (mutex(lock), [reader(shared)])),
                         (writing, (writer(shared), [])),
                         (late, (reader(shared), [mutex(lock)]))])


@special
def a_reader_passes_a_queued_writer(case):
    """Of the other kinds readers come in beside readers, whoever is in the queue."""
    lock, ready = case.object("rwlock", "readers"), case.gate(3)
    case.party(f"rdlock {lock}", ready, case.gate(2))
    writing = case.party(ready, f"wrlock {lock}")
    case.party(ready, f"asleep {writing.number} {lock}", f"rdlock {lock}", f"rwunlock {lock}",
               case.gate(2))


@variants("rd", "wr")
def rwlock_holder_has_ended(case, mode):
    lock = case.object("rwlock", "readers")
    holder = case.party(f"{mode}lock {lock}", "exit")
    holder.joined = True
    waiter = case.party(f"join {holder.number}", f"wrlock {lock}")
    case.says("proven", [(waiter, (writer(lock), []))], kind="orphan")


# ---- holders that are gone -------------------------------------------------------------------


@variants("normal", "adaptive", "recursive", "errorcheck")
def holder_has_ended(case, variant):
    lock, ready = case.object("mutex", variant), case.gate(1)
    holder = case.party(f"lock {lock}", ready, "exit")
    waiter = case.party(ready, f"join {holder.number}", f"lock {lock}")
    holder.joined = True
    case.says("proven", [(waiter, (mutex(lock, variant), []))], kind="orphan")


@special
def robust_holder_has_ended(case):
    lock, ready = case.object("mutex", "robust"), case.gate(1)
    holder = case.party(f"lock {lock}", ready, "exit")
    holder.joined = True
    case.party(f"join {holder.number}", f"recover {lock}", f"unlock {lock}", f"lock {lock}",
               case.gate(2))


@special
def several_wait_for_an_orphan(case):
    lock = case.object("mutex")
    holder = case.party(f"lock {lock}", "exit")
    holder.joined = True
    ready = case.gate(3)
    waiters = [case.party(f"join {holder.number}", ready, f"lock {lock}")]
    waiters += [case.party(ready, f"lock {lock}") for _ in range(2)]
    case.says("proven", [(waiter, (mutex(lock), [])) for waiter in waiters], kind="orphan")


@special
def cancelled_holder_gave_it_back(case):
    """Cancelled in its wait, it returns nothing: what it held is an orphan."""
    lock, semaphore = case.object("mutex"), case.object("semaphore")
    ready = case.gate(2)
    holder = case.party(f"lock {lock}", ready, f"take {semaphore}")
    holder.joined = True
    waiter = case.party(ready, f"asleep {holder.number} {semaphore}", f"cancel {holder.number}",
                        f"join {holder.number}", f"lock {lock}")
    case.says("proven", [(waiter, (mutex(lock), []))], kind="orphan")


# ---- queues behind a cycle --------------------------------------------------------------------


@special
def a_queue_behind_a_cycle(case):
    """Each of the queue holds what the next one wants."""
    locks = [case.object("mutex") for _ in range(6)]
    ready = case.gate(6)
    cycle = [case.party(f"lock {locks[i]}", ready, f"lock {locks[1 - i]}") for i in range(2)]
    queue = [case.party(f"lock {locks[i]}", ready, f"lock {locks[i - 1]}") for i in range(2, 6)]
    case.says("proven", [(party, (mutex(locks[1 - i]), [mutex(locks[i])]))
                         for i, party in enumerate(cycle)], queue)


@special
def weaker_waits_behind_a_cycle_are_no_news(case):
    first, second, semaphore = case.object("mutex"), case.object("mutex"), \
        case.object("semaphore")
    ready = case.gate(3)
    one = case.party(f"post {semaphore}", f"lock {first}", ready, f"lock {second}")
    other = case.party(f"lock {second}", ready, f"lock {first}")
    case.party(f"take {semaphore}", ready, f"take {semaphore}")
    case.says("proven", [(one, (mutex(second), [mutex(first)])),
                         (other, (mutex(first), [mutex(second)]))])


@special
def joins_in_a_ring(case):
    parties, ready = [case.party() for _ in range(3)], case.gate(3)
    for i, party in enumerate(parties):
        following = parties[(i + 1) % 3]
        following.joined = True
        party.steps = [ready, f"join {following.number}"]
    case.says("proven", [(party, (("thread", None, "exit", 1, parties[(i + 1) % 3].name), []))
                         for i, party in enumerate(parties)])


# ---- all of them -------------------------------------------------------------------------------


def scenario_of(seed, only=None):
    """One program run with each special case."""
    scenario = Scenario()
    made = []
    for number, described in enumerate(SPECIALS):
        if only is None or number == only:
            chance = random.Random(f"{seed}/special/{number}")
            made.append(Special(scenario, f"c{number}", chance, described))
    return scenario, made
