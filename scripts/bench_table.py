"""What things may cost, and the table on a terminal."""

import platform
import re
import os

from bench_measure import MODES, PEERS

TITLES = {"default": "default", "nopredict": "predict=off", "stacks": "stacks=full",
          "ring": "log_mode=ring", "full": "log_mode=full", "tsan": "TSan", "helgrind": "Helgrind",
          "drd": "DRD"}


def budget(default, stacks, ring, full):
    return {"default": default, "nopredict": default, "stacks": stacks, "ring": ring, "full": full}


MUTEX = budget(1.30, 1.70, 1.45, 1.75)
NESTED = budget(1.30, 1.75, 1.50, 1.75)
SCATTERED = budget(1.40, 2.00, 1.50, 2.00)

# Greatest ratio to native that is fine.
RATIOS = {
    "one_thread": {"default": 1.70, "nopredict": 1.70},
    "uncontended": MUTEX,
    "deep_stack": MUTEX,
    "nested2": NESTED,
    "nested4": NESTED,
    "nested8": NESTED,
    "many_locks": SCATTERED,
    "many_inside": SCATTERED,
    "private": MUTEX,
    "churn": SCATTERED,
    "contended": budget(1.15, 1.30, 1.25, 1.50),
    "crowded": budget(1.15, 1.30, 1.25, 1.50),
    "memcached": budget(1.05, 1.10, 1.10, 1.30),
    "sqlite": budget(1.10, 1.30, 1.15, 1.25),
}

# These may cost as many nanoseconds more as an uncontended mutex may.
LIKE_A_MUTEX = ("recursive", "trylock", "rwlock_read", "rwlock_write", "spinlock", "semaphore")

# Greatest addition to native, in bytes.
ADDED_BYTES = {"thread_memory": 16384, "lock_memory": 64}
LOG_BYTES_PER_EVENT = 8
EVENTS_PER_SECOND = 5000000
ANALYZER_MEGABYTES = 512
ANALYZER_EVENTS = 1000000  # of fewer, starting and ending is too large a part


def judge(row, results):
    """Puts "limit" and "ok" into whatever of @row has a budget."""
    if row["kind"] == "log":
        row["limit"] = LOG_BYTES_PER_EVENT
        row["ok"] = row["value"] <= row["limit"]
    elif row["kind"] == "analyzer" and row["events"] >= ANALYZER_EVENTS:
        row["limit"] = EVENTS_PER_SECOND
        row["ok"] = row["value"] >= row["limit"] and row["megabytes"] <= ANALYZER_MEGABYTES
    mutex = next((other for other in results if other["name"] == "uncontended"), None)
    for mode, result in row.get("modes", {}).items():
        judge_mode(row, mode, result, mutex)
    return row


def judge_mode(row, mode, result, mutex):
    name = row["name"]
    if "value" not in result:
        return
    if mode in RATIOS.get(name, {}):
        result["limit"] = RATIOS[name][mode]
        result["ok"] = result["ratio"]["median"] <= result["limit"]
    elif name in LIKE_A_MUTEX and mutex and mode in MUTEX:
        allowed = mutex["native"]["median"] * (MUTEX[mode] - 1)
        result["limit"] = 1 + allowed / row["native"]["median"]
        result["ok"] = result["ratio"]["median"] <= result["limit"]
    elif name in ADDED_BYTES and mode == "default":
        result["limit"] = ADDED_BYTES[name]
        result["ok"] = result["added"] <= result["limit"]


def judged(results):
    everything = [row for row in results if "ok" in row]
    return everything + [result for row in results for result in row.get("modes", {}).values()
                         if "ok" in result]


# ---- for people at a terminal ---------------------------------------------------

def amount(value, unit):
    if unit == "ns":
        for limit, divisor, name in ((1e4, 1, "ns"), (1e7, 1e3, "µs"), (1e10, 1e6, "ms")):
            if abs(value) < limit:
                return f"{value / divisor:.{1 if abs(value / divisor) < 1000 else 0}f} {name}"
    if unit == "bytes":
        return f"{value:.2f} B" if 0 < abs(value) < 100 else f"{value:.0f} B"
    return f"{value:,.0f} {unit}".replace(",", " ")


def limit_text(result):
    limit = result["limit"]
    return f"{limit:.2f}" if limit < 8 else f"{limit:.0f}"


def ratio_text(value):
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def spread(ratio):
    """Half of the distance between the quartiles, with two digits."""
    half = (ratio["q3"] - ratio["q1"]) / 2
    return f"{half:.2f}".lstrip("0") if half < 9.995 else f"{half:.0f}"


def cell(row, mode):
    result = row["modes"].get(mode)
    if "value" not in (result or {}):
        return ""
    mark = " " if result.get("ok", True) else "!"
    if mode in PEERS:
        return ratio_text(result["ratio"]["median"])
    if "ratio" in result:
        return f"{ratio_text(result['ratio']['median'])} ±{spread(result['ratio'])}{mark}"
    return f"{result['added']:+.0f} B{mark}"


def machine():
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
        if found:
            model = found.group(1).strip()
    return f"{model}, {len(os.sched_getaffinity(0))} processors, {' '.join(platform.libc_ver())}"


class Terminal:
    """Prints rows as they come; on a terminal, what is being measured meanwhile."""

    def __init__(self, out, columns):
        self.out = out
        self.columns = columns

    def working(self, what):
        if self.out.isatty():
            self.out.write(f"\r\033[K{what} …")
            self.out.flush()

    def line(self, text=""):
        if self.out.isatty():
            self.out.write("\r\033[K")
        print(text.rstrip(), file=self.out, flush=True)

    def head(self, where, rounds):
        self.line(where)
        self.line(f"{rounds} rounds, by turns; median ratio to native ± half of the distance "
                  "between the quartiles;")
        self.line("! is over the budget\n")
        self.line(f"{'':<41} {'native':>9}" + "".join(f" {TITLES[mode]:>13}"
                                                      for mode in self.columns))

    def row(self, row):
        if "modes" in row:
            native = row["native"].get("median")
            head = f"{row['what']:<41} {'' if native is None else amount(native, row['unit']):>9}"
            self.line(head + "".join(f" {cell(row, mode):>13}" for mode in self.columns))
        elif row["kind"] == "latency":
            self.line(f"{row['what']}: {latency_text(row['ms'])}")
        elif row["kind"] == "curve":
            self.curve(row)
        else:
            self.line(f"{row['what']}: {figure_text(row)}{' OVER' * (not row.get('ok', True))}")

    def curve(self, row):
        self.line(f"\n{row['what']}")
        for point in row["points"]:
            self.line("  " + point_text(row, point))

    def instructions(self, results):
        counted = [row for row in results if "instructions" in row.get("native", {})]
        if counted:
            self.line("\ninstructions of one operation")
        for row in counted:
            places = [row["modes"].get(mode, {}) for mode in self.columns if mode in MODES]
            self.line(f"{row['what']:<41} {row['native']['instructions']:>9.0f}" +
                      "".join(f" {place['instructions']:>13.0f}" for place in places
                              if "instructions" in place))

    def foot(self, results):
        """Says how many budgets are kept; returns how many are not."""
        all_judged = judged(results)
        over = sum(not result["ok"] for result in all_judged)
        self.line(f"\n{len(all_judged) - over} within budget, {over} over")
        return over


def latency_text(ms):
    return (f"least {ms['min']:.0f} ms, median {ms['median']:.0f}, nine of ten within "
            f"{ms['p90']:.0f}, most {ms['max']:.0f} (of {ms['count']})")


def figure_text(row):
    said = amount(row["value"], row["unit"])
    if row["kind"] == "analyzer":
        said = f"{row['seconds']:.2f} s, {row['value'] / 1e6:.1f} million events/s, " \
               f"{row['megabytes']:.0f} MB"
    return said


def point_text(row, point):
    values = [f"{name} {value:.{1 if row['unit'] == 'ns' else 2}f}"
              for name, value in point.items() if name != "at"]
    return f"{point['at']:>8} {row['of']}: " + ", ".join(values)


def columns_of(results, modes):
    """Modes that were measured, in their order, then the peers."""
    there = {mode for row in results for mode in row.get("modes", {})}
    return [mode for mode in [*modes, *PEERS] if mode in there]
