"""kinds.py - the table: what one thread can want of another, and how it is said

An *edge* of a cycle: the provider has something, the wanter wants it. Each
kind says in the words of scenario.h how the provider comes to have it, how the
wanter wants it (for good, for a while, or by a try), how the provider lets it
go, what a report must show of it, and what verdict it allows.
"""


class Edge:
    """One provider, one wanter, and what is between them."""

    def __init__(self, kind, case, provider, wanter, shared):
        self.kind = kind
        self.case = case
        self.provider = provider
        self.wanter = wanter
        self.shared = shared
        self.type = None     # of the resource in the report; None: any
        self.hold = []       # steps of the provider
        self.want = []       # steps of the wanter; the last one waits for ever
        self.timed = None    # the same for a while, and in vain
        self.attempt = None  # the same without waiting, and in vain
        self.got = []        # steps of the wanter when it has it
        self.release = []    # steps of the provider
        self.mode = "exclusive"
        self.held = "exclusive"  # mode of the provider's hold; None: it holds nothing
        self.count = 1
        self.object = None
        self.resource = kind.word
        self.alternative = None  # steps of a bystander who could help
        kind.build(self)

    def make(self, kind, variant="-", value=0):
        process = -1 if self.shared else self.provider.process
        return self.case.object(kind, variant, process, value)


class Kind:
    def __init__(self, name, word, build, verdict="proven", across=False, busy=False,
                 ends_thread=False, lock=False, system=False):
        self.name = name
        self.word = word            # the kind in a report
        self.build = build
        self.verdict = verdict      # the strongest one that such an edge allows
        self.across = across        # also between processes
        self.busy = busy            # whoever wants it burns a processor
        self.ends_thread = ends_thread  # it is let go by the end of the provider
        self.lock = lock            # taken and given back: orders and gates make sense
        self.system = system        # only the kernel knows: each party in a process of its own
        self.inherits = "inherit" in name


# ---- locks ---------------------------------------------------------------------


def mutex(variant, type="normal", count=1):
    def build(edge):
        edge.object = lock = edge.make("mutex", variant)
        edge.type, edge.count = type, count
        edge.hold = [f"lock {lock}"] * count
        edge.want = [f"lock {lock}"]
        timed = edge.case.chance.choice(["timedlock", "clocklock"])
        if "inherit" in variant:
            timed = "timedlock"  # clocklock of PI mutexes wants FUTEX_LOCK_PI2
        edge.timed = [f"{timed} {lock} 40"]
        edge.attempt = [f"trylock {lock}"]
        edge.got = [f"unlock {lock}"]
        edge.release = [f"unlock {lock}"] * count
    return build


def c11(edge):
    edge.object = lock = edge.make("mutex", "c11")
    edge.hold = edge.want = [f"c11lock {lock}"]
    edge.timed = [f"c11timed {lock} 40"]
    edge.attempt = [f"c11try {lock}"]
    edge.got = edge.release = [f"c11unlock {lock}"]


def rwlock(variant, held, wanted, count=1):
    def build(edge):
        edge.object = lock = edge.make("rwlock", variant)
        edge.mode = "shared" if wanted == "rd" else "exclusive"
        edge.held = "shared" if held == "rd" else "exclusive"
        edge.count = count
        edge.hold = [f"{held}lock {lock}"] * count
        edge.want = [f"{wanted}lock {lock}"]
        edge.timed = [f"timed{wanted} {lock} 40"]
        edge.attempt = [f"try{wanted} {lock}"]
        edge.got = [f"rwunlock {lock}"]
        edge.release = [f"rwunlock {lock}"] * count
    return build


def spinlock(edge):
    edge.object = lock = edge.make("spinlock")
    edge.hold = edge.want = [f"spin {lock}"]
    edge.attempt = [f"tryspin {lock}"]
    edge.got = edge.release = [f"unspin {lock}"]


def once(edge):
    """The provider runs the initialiser: what it does up to `endonce` is inside."""
    edge.object = control = edge.make("once")
    edge.hold = [f"once {control}"]
    edge.want = [f"oncedone {control}"]
    edge.release = ["endonce"]


def custom(edge):
    """A lock of the program's own making, announced through dlwatch.h."""
    edge.object = lock = edge.make("custom")
    edge.hold = edge.want = [f"own {lock}"]
    edge.timed = [f"timedown {lock} 40"]
    edge.attempt = [f"tryown {lock}"]
    edge.got = edge.release = [f"disown {lock}"]


# ---- semaphores ------------------------------------------------------------------


def semaphore_lock(variant, permits=1):
    """Used as a lock, as its past shows: whoever took it gave it back."""
    def build(edge):
        edge.object = semaphore = edge.make("semaphore", variant, permits)
        edge.type = "named" if variant == "named" else "unnamed"
        edge.count = permits
        edge.mode = edge.held = "permit"
        taking = [f"take {semaphore}"] * permits
        giving = [f"post {semaphore}"] * permits
        edge.case.before(edge.provider, taking + giving)
        if edge.case.chance.random() < .5:
            edge.case.before(edge.wanter, [f"take {semaphore}", f"post {semaphore}"])
        edge.hold = taking
        edge.want = [f"take {semaphore}"]
        edge.timed = [f"timedtake {semaphore} 40"]
        edge.attempt = [f"trytake {semaphore}"]
        edge.got = [f"post {semaphore}"]
        edge.release = giving
    return build


def semaphore_signal(variant):
    """Used as a signal: the provider posts what it never took."""
    def build(edge):
        edge.object = semaphore = edge.make("semaphore", variant)
        edge.type = "named" if variant == "named" else "unnamed"
        edge.mode, edge.held = "permit", None
        edge.case.before(edge.provider, [f"post {semaphore}"])
        edge.case.before(edge.wanter, [f"take {semaphore}"])
        edge.want = [f"take {semaphore}"]
        edge.timed = [f"timedtake {semaphore} 40"]
        edge.attempt = [f"trytake {semaphore}"]
        edge.release = edge.alternative = [f"post {semaphore}"]
    return build


# ---- other events ------------------------------------------------------------------


def condition(signal):
    """The provider has signalled it before: it is known to be the one."""
    def build(edge):
        condition, mutex, counter = (edge.make(kind) for kind in
                                     ("condition", "mutex", "counter"))
        objects = f"{condition} {mutex} {counter}"
        edge.object = condition
        edge.mode, edge.held = "signal", None
        edge.case.before(edge.provider, [f"{signal} {objects}"])
        edge.case.before(edge.wanter, [f"await {objects}"])
        edge.want = [f"await {objects}"]
        edge.timed = [f"timedawait {objects}"]
        edge.release = edge.alternative = [f"{signal} {objects}"]
    return build


def barrier(parties):
    """The provider has met the others there before. Bystanders are those others."""
    def build(edge):
        edge.object = barrier = edge.make("barrier", value=parties)
        edge.mode, edge.held = "arrive", None
        edge.want = edge.release = [f"arrive {barrier}"]
        everybody = [edge.provider, edge.wanter]
        everybody += [edge.case.bystander(edge.provider.process, [f"arrive {barrier}"])
                      for _ in range(parties - 2)]
        for party in everybody:
            edge.case.before(party, [f"arrive {barrier}"])
    return build


def join(edge):
    """The provider is wanted to end."""
    number = edge.provider.number
    edge.provider.joined = True
    edge.mode, edge.held = "exit", None
    edge.want = [f"join {number}"]
    edge.timed = [f"timedjoin {number} 40"]
    edge.attempt = [f"tryjoin {number}"]


# ---- waits on the system ------------------------------------------------------------


def file_lock(edge):
    """Each party has opened the file for itself."""
    edge.object = file = edge.make("file")
    edge.hold = edge.want = [f"flock {file}"]
    edge.attempt = [f"tryflock {file}"]
    edge.got = edge.release = [f"funlock {file}"]


def child(edge):
    """The provider is a child of the wanter, and wanted to end."""
    process = edge.provider.process
    edge.case.scenario.parents[process] = edge.wanter.process
    edge.mode, edge.held = "exit", None
    edge.want = [f"child {process}"]
    edge.attempt = [f"trychild {process}"]


def pipe_read(edge):
    """The provider alone could write."""
    pipe = edge.object = edge.case.pipe(edge.wanter, edge.provider)
    edge.mode, edge.held = "read", None
    edge.want = [f"get {pipe}"]
    edge.timed = [f"pollget {pipe} 40"]
    edge.release = [f"put {pipe}"]


def pipe_write(edge):
    """The provider alone could read what the pipe is full of."""
    pipe = edge.object = edge.case.pipe(edge.provider, edge.wanter)
    edge.mode, edge.held = "write", None
    edge.case.before(edge.wanter, [f"fill {pipe}"])
    edge.want = [f"put {pipe}"]
    edge.timed = [f"pollput {pipe} 40"]
    edge.release = [f"drain {pipe}"]


KINDS = [
    Kind("mutex", "mutex", mutex("normal"), across=True, lock=True),
    Kind("mutex-adaptive", "mutex", mutex("adaptive", "adaptive"), across=True, lock=True),
    Kind("mutex-errorcheck", "mutex", mutex("errorcheck", "errorcheck"), across=True, lock=True),
    Kind("mutex-recursive", "mutex", mutex("recursive", "recursive"), across=True, lock=True),
    Kind("mutex-recursive-3", "mutex", mutex("recursive", "recursive", 3), across=True,
         lock=True),
    Kind("mutex-robust", "mutex", mutex("robust"), across=True, lock=True),
    Kind("mutex-robust-recursive", "mutex", mutex("robust-recursive", "recursive", 2),
         across=True, lock=True),
    Kind("mutex-inherit", "mutex", mutex("inherit"), across=True, lock=True),
    Kind("mutex-c11", "mutex", c11, lock=True),
    Kind("semaphore-lock", "semaphore", semaphore_lock("plain"), "likely", across=True,
         lock=True),
    Kind("semaphore-pool", "semaphore", semaphore_lock("plain", 3), "likely", across=True,
         lock=True),
    Kind("semaphore-named", "semaphore", semaphore_lock("named"), "likely", across=True,
         lock=True),
    Kind("semaphore-signal", "semaphore", semaphore_signal("plain"), "likely", across=True),
    Kind("condition", "condition", condition("signal"), "likely", across=True),
    Kind("condition-broadcast", "condition", condition("broadcast"), "likely", across=True),
    Kind("join", "thread", join, ends_thread=True),
]

RWLOCKS = [
    Kind("rwlock-write-write", "rwlock", rwlock("readers", "wr", "wr"), across=True, lock=True),
    Kind("rwlock-write-read", "rwlock", rwlock("readers", "wr", "rd"), across=True, lock=True),
    Kind("rwlock-read-write", "rwlock", rwlock("readers", "rd", "wr"), across=True, lock=True),
    Kind("rwlock-twice-read", "rwlock", rwlock("recursive", "rd", "wr", 2), across=True,
         lock=True),
    Kind("rwlock-writers", "rwlock", rwlock("writers", "wr", "rd"), across=True, lock=True),
    Kind("rwlock-writers-read", "rwlock", rwlock("writers", "rd", "wr"), across=True, lock=True),
]

SPINLOCKS = [Kind("spinlock", "spinlock", spinlock, across=True, busy=True, lock=True)]

BARRIERS = [
    Kind("barrier", "barrier", barrier(2), "likely", across=True),
    Kind("barrier-of-four", "barrier", barrier(4), "likely", across=True),
]

ONCES = [Kind("once", "once", once)]

CUSTOMS = [Kind("custom", "custom", custom, "likely", across=True, lock=True)]

SYSTEM = [
    Kind("file-lock", "file_lock", file_lock, across=True, lock=True, system=True),
    Kind("child", "process", child, across=True, ends_thread=True, system=True),
    Kind("pipe-read", "pipe", pipe_read, across=True, system=True),
    Kind("pipe-write", "pipe", pipe_write, across=True, system=True),
]
