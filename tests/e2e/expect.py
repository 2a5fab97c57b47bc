"""expect.py - a whole verdict, written down, and compared with a finding

A deadlock is described by what a reader of the report must learn: which threads
are its core, what each wants and holds, where; who is stuck behind it.
"""
import re

from harness import check, equal


class Wait:
    """A wish or a hold. The lock is named by its symbol, a thread by its name."""

    def __init__(self, resource, mode="exclusive", kind="mutex", type=None, site=None,
                 count=1, through=(), shared=False, timed=False):
        self.resource = resource  # symbol, or a compiled pattern; None: any name
        self.mode = mode
        self.kind = kind
        self.type = type
        self.site = site          # function; None: any
        self.count = count        # of a hold
        self.through = through    # functions further out on the stack
        self.shared = shared
        self.timed = timed        # of a wish: it polls


def mutex(symbol, site, **more):
    return Wait(symbol, site=site, type=more.pop("type", "normal"), **more)


def rwlock(symbol, mode, site, **more):
    return Wait(symbol, mode, "rwlock", site=site, type=more.pop("type", "prefer_reader"), **more)


def permit(symbol, site, **more):
    return Wait(symbol, "permit", "semaphore", site=site, type=more.pop("type", "unnamed"), **more)


def end_of(thread, site):
    return Wait(re.compile(re.escape(thread)), "exit", "thread", site=site)


class Thread:
    def __init__(self, name, wants, holds=()):
        self.name = name
        self.wants = wants
        self.holds = list(holds)


class Deadlock:
    """What one finding must say, in all its parts."""

    def __init__(self, verdict, core, stuck=(), python=False, kind="deadlock",
                 ancestor=None, relock=False):
        self.kind = kind
        self.verdict = verdict
        self.core = core
        self.stuck = stuck    # (thread name, kind it waits for); None: not stated
        self.python = python  # names and sites are Python's
        self.ancestor = ancestor  # name of a process that waits for the end of the core's
        self.relock = relock  # told at once by the thread itself, where it looks itself

    def names(self):
        return [thread.name for thread in self.core]

    def check(self, finding, at_once=False):
        equal((finding["kind"], finding["verdict"]), (self.kind, self.verdict), "verdict")
        check(re.fullmatch(r"[0-9a-f]{16,}", finding["fingerprint"]), "fingerprint malformed")
        resources = {resource["id"]: resource for resource in finding["resources"]}
        equal(len(resources), len(finding["resources"]), "resource ids are distinct")
        self.check_core(finding, resources)
        # who will wait for the core may not have come to that
        if finding["stuck"] or not (at_once and self.relock):
            self.check_stuck(finding, resources)
        self.check_conditions(finding)
        check(finding["advice"], "no advice")
        check(finding["suppression"].startswith(self.kind + ":"), "no suppression")

    def check_core(self, finding, resources):
        equal(sorted(member["name"] for member in finding["core"]), sorted(self.names()),
              "threads of the core")
        if self.python:
            check_python(finding)
        by_name = {member["name"]: member for member in finding["core"]}
        for thread in self.core:
            check_thread(by_name[thread.name], thread, resources)

    def check_stuck(self, finding, resources):
        if self.stuck is None:
            return
        seen = [(member["name"], resources[member["wants"]["resource"]]["kind"])
                for member in finding["stuck"]]
        if self.ancestor:  # whoever looks from within a child may not see it
            seen = [stuck for stuck in seen if stuck != (self.ancestor, "process")]
        equal(sorted(seen), sorted(self.stuck), "stuck behind the core")

    def check_conditions(self, finding):
        conditions = finding["coffman"]
        equal(sorted(conditions), ["circular_wait", "hold_and_wait", "mutual_exclusion",
                                   "no_preemption"], "conditions")
        for name, condition in conditions.items():
            check(condition["holds"] is True, f"{name} does not hold: {condition['evidence']}")
            check(condition["evidence"], f"{name}: no evidence")


def check_thread(member, thread, resources):
    wants = member["wants"]
    check_wait(wants, thread.wants, resources, f"{thread.name} wants")
    equal(wants["timed"], thread.wants.timed, f"{thread.name}: timed")
    check(wants["since_ns"] > 0, f"{thread.name} wants: since_ns unknown")
    held = member["holds"]
    seen = [resources[hold["resource"]]["name"] for hold in held]
    equal(len(held), len(thread.holds), f"{thread.name}: number of holds {seen}")
    # Holds come in any order: pair them by name.
    held = sorted(held, key=lambda hold: last_word(resources[hold["resource"]]["name"]))
    if all(isinstance(hold.resource, str) for hold in thread.holds):
        thread.holds.sort(key=lambda hold: hold.resource)
    for hold, expected in zip(held, thread.holds):
        check_wait(hold, expected, resources, f"{thread.name} holds")
        equal(hold["count"], expected.count, f"{thread.name} holds: count")


def check_python(finding):
    """Python lines first, then those of the interpreter; nothing of the core was left out."""
    for member in finding["core"]:
        languages = [frame.get("language") for frame in member["wants"]["stack"]]
        lines = languages.count("python")
        check(lines, f"{member['name']}: no Python lines")
        equal(languages, ["python"] * lines + [None] * (len(languages) - lines),
              f"{member['name']}: languages of its stack")
        check(member["kernel_name"], f"{member['name']}: no kernel name")
    for note in finding.get("notes", []):  # a process that only waits for the others has no helper
        left_out = int(re.search(r"process (\d+)", note).group(1))
        check(left_out not in {member["pid"] for member in finding["core"]}, note)


def check_wait(seen, expected, resources, who):
    resource = resources.get(seen["resource"])
    check(resource, f"{who}: {seen['resource']} is not among the resources")
    equal(resource["kind"], expected.kind, f"{who}: kind")
    if expected.type:
        equal(resource["type"], expected.type, f"{who}: type")
    equal(resource["shared"], expected.shared, f"{who}: shared")
    equal(seen["mode"], expected.mode, f"{who}: mode")
    check_name(resource["name"], expected.resource, who)
    check(isinstance(seen["since_ns"], int) and seen["since_ns"] >= 0, f"{who}: since_ns")
    if expected.site:
        check_stack(seen, expected, who)


def last_word(name):
    """The symbol, which may have its file and line before it: `main.c:12 ledger`."""
    return name.split()[-1] if name else name


def check_name(name, expected, who):
    if expected is None:
        return
    if hasattr(expected, "search"):
        check(expected.search(name), f"{who}: resource named {name!r}, not {expected.pattern!r}")
    else:
        equal(last_word(name), expected, f"{who}: name of the resource")


def check_stack(seen, expected, who):
    site = seen["site"]
    equal(site["function"], expected.site, f"{who}: function of the site")
    check(site["file"] and site["line"] and site["line"] > 0, f"{who}: no line for the site")
    functions = [frame["function"] for frame in seen["stack"]]
    check(expected.site in functions, f"{who}: site not on its stack {functions}")
    inner = functions.index(expected.site)
    for function in expected.through:
        check(function in functions[inner + 1:], f"{who}: {function} not on the stack {functions}")


def without_times(value):
    """The same finding seen at another moment."""
    if isinstance(value, dict):
        return {key: without_times(part) for key, part in value.items()
                if key not in ("since_ns", "now_ns")}
    if isinstance(value, list):
        return [without_times(part) for part in value]
    return value


KERNEL_KINDS = ("process", "pipe", "file_lock")


def as_logged(finding):
    """Without those stuck behind the core in a wait that only the kernel knows of."""
    kinds = {resource["id"]: resource["kind"] for resource in finding["resources"]}
    stuck = [member for member in finding["stuck"]
             if kinds[member["wants"]["resource"]] not in KERNEL_KINDS]
    dropped = [member for member in finding["stuck"] if member not in stuck]
    unused = resources_of(dropped) - resources_of(finding["core"] + stuck)
    resources = [resource for resource in finding["resources"] if resource["id"] not in unused]
    renamed = {resource["id"]: f"{resource['id'][0]}{number}"
               for number, resource in enumerate(resources, 1)}
    resources = [{**resource, "id": renamed[resource["id"]]} for resource in resources]
    stuck = [{**member, "wants": renamed_wait(member["wants"], renamed),
              "holds": [renamed_wait(hold, renamed) for hold in member["holds"]]}
             for member in stuck]
    return without_times({**finding, "stuck": stuck, "resources": resources})


def resources_of(members):
    return {wait["resource"] for member in members
            for wait in [member["wants"], *member["holds"]]}


def renamed_wait(wait, renamed):
    return {**wait, "resource": renamed[wait["resource"]]}


def first_difference(left, right, path=""):
    """Where two JSON documents differ, or None."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(set(left) | set(right)):
            if key not in left or key not in right:
                return f"{path}/{key}: only in one of them"
            found = first_difference(left[key], right[key], f"{path}/{key}")
            if found:
                return found
        return None
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return f"{path}: {len(left)} and {len(right)} elements"
        for index, (one, two) in enumerate(zip(left, right)):
            found = first_difference(one, two, f"{path}/{index}")
            if found:
                return found
        return None
    return None if left == right else f"{path}: {left!r} and {right!r}"
