"""How bench.py judges and shows what it measured."""

import os
import platform
import re
import sys

from bench_measure import Failure

TITLES = {"default": "default", "stacks": "`stacks=full`", "ring": "`log_mode=ring`",
          "full": "`log_mode=full`", "tsan": "ThreadSanitizer", "helgrind": "Helgrind",
          "drd": "DRD"}


def budget(default, stacks, ring, full):
    return {"default": default, "stacks": stacks, "ring": ring, "full": full}


MUTEX = budget(1.30, 1.70, 1.45, 1.75)
NESTED = budget(1.30, 1.75, 1.50, 1.75)
SCATTERED = budget(1.40, 2.00, 1.50, 2.00)

# Greatest ratio to native that is fine.
RATIOS = {
    "one_thread": {"default": 1.70},
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
EVENTS_PER_SECOND = {"analyzer": 5000000, "prediction": 1250000}
ANALYZER_MEGABYTES = 512


def judge(row, results):
    """Puts "limit" and "ok" into every mode of @row that has a budget."""
    mutex = next((other for other in results if other["name"] == "uncontended"), None)
    for mode, result in row["modes"].items():
        name = row["name"]
        if mode in RATIOS.get(name, {}):
            result["limit"] = RATIOS[name][mode]
            result["ok"] = result["ratio"]["median"] <= result["limit"]
        elif name in LIKE_A_MUTEX and mutex and mode in MUTEX:
            allowed = mutex["native"]["median"] * (MUTEX[mode] - 1)
            result["limit"] = 1 + allowed / row["native"]["median"]
            result["ok"] = result["ratio"]["median"] <= result["limit"]
        elif name in ADDED_BYTES:
            result["limit"] = ADDED_BYTES[name]
            result["ok"] = result["added"] <= result["limit"]
        elif name == "log_size":
            result["limit"] = LOG_BYTES_PER_EVENT
            result["ok"] = result["value"] <= result["limit"]
        elif row["kind"] == "analyzer":
            result["limit"] = EVENTS_PER_SECOND[name]
            result["ok"] = (result["value"] >= result["limit"] and
                            row["megabytes"] <= ANALYZER_MEGABYTES)
    return row


# ---- for people at a terminal ---------------------------------------------------

def amount(value, unit):
    if unit == "ns":
        for limit, divisor, name in ((1e4, 1, "ns"), (1e7, 1e3, "µs"), (1e10, 1e6, "ms")):
            if abs(value) < limit:
                return f"{value / divisor:.{1 if abs(value / divisor) < 1000 else 0}f} {name}"
    if unit == "bytes":
        return f"{value:.2f} B" if abs(value) < 100 else f"{value:.0f} B"
    return f"{value:,.0f} {unit}".replace(",", " ")


def verdict(result, sign="≤"):
    if "limit" not in result:
        return ""
    return f"{sign}{limit_text(result)} {'ok' if result['ok'] else 'OVER'}"


def limit_text(result):
    limit = result["limit"]
    return f"{limit:.2f}" if limit < 8 else f"{limit:.0f}"


def print_head(setup, options, out):
    print(f"{machine()}\n{options.pairs} pairs each, medians (quartiles); {setup.shim}\n", file=out)


def print_row(row, out):
    unit = row["unit"]
    head = f"{row['what']} [{row['name']}]"
    if "native" in row:
        head = f"{head:<56} {amount(row['native']['median'], unit):>10}"
        if "instructions" in row["native"]:
            head += f"  {row['native']['instructions']:.0f} instructions"
    print(head, file=out)
    for mode, result in row["modes"].items():
        print(f"    {mode:<8} {mode_line(row, result)}", file=out)
    out.flush()


def mode_line(row, result):
    line = f"{amount(result['value'], row['unit']):>12}"
    if "ratio" in result:
        ratio = result["ratio"]
        line += f"   {ratio['median']:5.2f}  ({ratio['q1']:.2f} … {ratio['q3']:.2f})"
    elif "added" in result:
        line += f"   {'+' if result['added'] >= 0 else ''}{amount(result['added'], row['unit'])}"
    if row["kind"] == "analyzer":
        line += f"   {row['seconds']:.2f} s, {row['megabytes']:.0f} MB"
    line = f"{line:<40}  {verdict(result, '≥' if row['kind'] == 'analyzer' else '≤')}"
    if "instructions" in result:
        line += f"   {result['instructions']:.0f} instructions"
        more = result["instructions"] - row["native"]["instructions"]
        line += f" ({round(more):+d})"
    return line.rstrip()


def judged(results):
    return [result for row in results for result in row["modes"].values() if "ok" in result]


def print_foot(results, out):
    """Says how many budgets are kept; returns how many are not."""
    all_judged = judged(results)
    over = sum(not result["ok"] for result in all_judged)
    print(f"\n{len(all_judged) - over} within budget, {over} over", file=out)
    return over


# ---- for README.md ------------------------------------------------------------------

def machine():
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
        if found:
            model = found.group(1).strip()
    return f"{model}, {len(os.sched_getaffinity(0))} processors, {' '.join(platform.libc_ver())}"


def markdown(results, modes):
    lines = ["| | native | " + " | ".join(TITLES[mode] for mode in modes) + " |",
             "|---|---" + "|---" * len(modes) + "|"]
    for row in results:
        if row["kind"] in ("log", "analyzer"):
            continue
        cells = [row["what"], amount(row["native"]["median"], row["unit"])]
        cells += [cell(row, row["modes"][mode]) for mode in modes]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    for row in results:
        if row["kind"] in ("log", "analyzer"):
            said = f"- {row['what']}: {amount(row['modes']['full']['value'], row['unit'])}"
            if row["kind"] == "analyzer":
                said += f", {row['megabytes']:.0f} MB"
            lines.append(said)
    lines.append(f"\nMeasured on {machine()}.")
    return "\n".join(lines)


def cell(row, result):
    if "ratio" in result:
        text = f"{result['ratio']['median']:.2f}"
    else:
        text = f"{'+' if result['added'] >= 0 else ''}{amount(result['added'], row['unit'])}"
    if "limit" in result and not result["ok"]:
        text += f" (over {limit_text(result)})"
    return text


def put_into(path, results, modes):
    """Between the markers of @path, which must be there."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    begin, end = "<!-- bench -->\n", "<!-- /bench -->"
    if begin not in text or end not in text.split(begin, 1)[1]:
        raise Failure(f"{path}: no {begin.strip()} … {end} in it")
    before, rest = text.split(begin, 1)
    after = rest.split(end, 1)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{begin}{markdown(results, modes)}\n{end}{after}")
    print(f"  {path}: table written", file=sys.stderr)
