"""What was measured, as Markdown: the short table, the long ones, and what differs."""

from bench_measure import MODES, PEERS, Failure, overlap
from bench_table import (
    TITLES, amount, columns_of, figure_text, judged, latency_text, limit_text, ratio_text, spread)

# Rows and columns of the short table.
SHORT_ROWS = ("one_thread", "uncontended", "nested8", "many_locks", "many_inside", "churn",
              "rwlock_read", "semaphore", "contended", "create_join", "memcached", "sqlite",
              "ffmpeg", "python_queue")
SHORT_MODES = ("default", "stacks", "ring", "full", "tsan", "helgrind")

# Functions that add fewer instructions to an operation, or a smaller part of
# what is added, are not worth a line.
WORTH_A_LINE, WORTH_A_PART = 3, 0.02


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|---" * len(head) + "|",
                      *("| " + " | ".join(row) + " |" for row in rows)])


def title(mode):
    return f"`{TITLES[mode]}`" if "=" in TITLES[mode] else TITLES[mode]


def cell(row, mode, with_spread=False):
    result = row["modes"].get(mode, {})
    if "value" not in result:
        return ""
    if "ratio" in result:
        text = ratio_text(result["ratio"]["median"])
        if with_spread:
            text += f" ±{spread(result['ratio'])}"
    else:
        text = f"{result['added']:+.0f} B"
    if not result.get("ok", True):
        text += f" (over {limit_text(result)})"
    return text


def of_kind(figures, *kinds):
    return [row for row in figures["results"] if row["kind"] in kinds]


def timed(figures):
    return [row for row in figures["results"]
            if any("value" in result for result in row.get("modes", {}).values())]


def where(figures):
    return f"Measured on {figures['date']}: {figures['machine']}."


def over(figures):
    everything = judged(figures["results"])
    return (f"{sum(result['ok'] for result in everything)} of {len(everything)} budgets are kept.")


# ---- the short table ------------------------------------------------------------------

def short(figures):
    modes = [mode for mode in columns_of(figures["results"], MODES) if mode in SHORT_MODES]
    rows = [row for row in timed(figures) if row["name"] in SHORT_ROWS]
    text = table(["", "native", *map(title, modes)],
                 [[row["what"], amount(row["native"]["median"], row["unit"]),
                   *(cell(row, mode) for mode in modes)] for row in rows])
    lines = [f"- {row['what']}: {latency_text(row['ms'])}" for row in of_kind(figures, "latency")]
    lines += [f"- {row['what']}: {figure_text(row)}" for row in largest(figures)]
    lines += [f"- {row['what']}: {row['modes']['default']['added']:.0f} B more"
              for row in of_kind(figures, "memory") if "default" in row["modes"]]
    return "\n".join([text, "", *lines, "", where(figures)])


def largest(figures):
    """The size of a log, and the longest log of each sort."""
    most = max((row["events"] for row in of_kind(figures, "analyzer")), default=0)
    return [row for row in of_kind(figures, "log", "analyzer") if row.get("events", most) * 2 > most]


# ---- all of it ------------------------------------------------------------------------

def sections(figures):
    """Of docs/performance.md, by the name of their place there."""
    return {"about": f"{where(figures)} {figures['rounds']} rounds. {over(figures)}",
            "table": long_table(figures, list(MODES)), "peers": peers_table(figures),
            "instructions": instructions_table(figures), "logs": logs_table(figures),
            "latency": latency_table(figures), "scaling": curves(figures),
            "profiles": profiles(figures)}


def long_table(figures, modes):
    modes = [mode for mode in columns_of(figures["results"], MODES) if mode in modes]
    return table(["", "native", *map(title, modes)],
                 [[row["what"], amount(row["native"]["median"], row["unit"]),
                   *(cell(row, mode, True) for mode in modes)] for row in timed(figures)])


def peers_table(figures):
    modes = [mode for mode in columns_of(figures["results"], MODES)
             if mode in ("default", "full", *PEERS)]
    rows = [row for row in timed(figures) if set(PEERS) & set(row["modes"])]
    return table(["", "native", *map(title, modes)],
                 [[row["what"], amount(row["native"]["median"], row["unit"]),
                   *(cell(row, mode) for mode in modes)] for row in rows])


def instructions_table(figures):
    rows = [row for row in figures["results"] if "instructions" in row.get("native", {})]
    modes = [mode for mode in MODES
             if any("instructions" in row["modes"].get(mode, {}) for row in rows)]
    return table(["", "native", *map(title, modes)],
                 [[row["what"], f"{row['native']['instructions']:.0f}",
                   *(f"{row['modes'][mode]['instructions']:.0f}" for mode in modes)]
                  for row in rows])


def logs_table(figures):
    rows = []
    for row in of_kind(figures, "log"):
        rows.append([row["what"], amount(row["value"], row["unit"]), "", ""])
    for row in of_kind(figures, "analyzer"):
        rows.append([row["what"], f"{row['seconds']:.2f} s",
                     f"{row['value'] / 1e6:.1f}" + " (under 5)" * (not row.get("ok", True)),
                     f"{row['megabytes']:.0f} MB"])
    return table(["", "", "million events/s", "memory"], rows)


def latency_table(figures):
    return table(["", "hangs", "least", "median", "nine of ten", "most"],
                 [[row["what"], str(row["ms"]["count"]),
                   *(f"{row['ms'][part]:.0f} ms" for part in ("min", "median", "p90", "max"))]
                  for row in of_kind(figures, "latency")])


def curves(figures):
    parts = []
    for row in of_kind(figures, "curve"):
        names = [name for name in row["points"][0] if name != "at"]
        digits = 2 if row["unit"] == "%" else 1
        parts.append(f"{row['what'][0].upper()}{row['what'][1:]}:\n\n" + table(
            [row["of"], *names],
            [[f"{point['at']}", *(f"{point[name]:.{digits}f}" for name in names)]
             for point in row["points"]]))
    return "\n\n".join(parts)


def profiles(figures):
    """Of every workload that is over a budget, where its instructions go."""
    parts = []
    for row in figures["results"]:
        modes = [mode for mode, result in row.get("modes", {}).items()
                 if not result.get("ok", True) and "profile" in result]
        if modes:
            parts.append(profile(row, modes))
    return "\n\n".join(parts) or "Nothing that can be counted is over its budget."


def profile(row, modes):
    native, total = row["native"]["profile"], row["native"]["instructions"]
    columns = {mode: row["modes"][mode]["profile"] for mode in modes}
    totals = {mode: row["modes"][mode]["instructions"] for mode in modes}
    least = max(WORTH_A_LINE, WORTH_A_PART * (max(totals.values()) - total))

    def change(name):
        return max(abs(column.get(name, 0) - native.get(name, 0)) for column in columns.values())

    names = {name for column in [native, *columns.values()] for name in column}
    names = sorted((name for name in names if change(name) >= least),
                   key=lambda name: (-change(name), name))
    rows = [[f"`{name.split(' (')[0]}`", name.split(" (")[-1].rstrip(")"),
             *(f"{column[name]:.0f}" if name in column else ""
               for column in [native, *columns.values()])] for name in names]
    rest = [whole - sum(column.get(name, 0) for name in names)
            for whole, column in [(total, native), *((totals[mode], columns[mode])
                                                     for mode in modes)]]
    rows += [["the rest", "", *(f"{each:.0f}" for each in rest)],
             ["all", "", f"{total:.0f}", *(f"{each:.0f}" for each in totals.values())]]
    said = ", ".join(f"{title(mode)} {cell(row, mode)}" for mode in modes)
    return f"**{row['what']}**: {said}\n\n" + table(["function", "in", "native",
                                                     *map(title, modes)], rows)


# ---- files and earlier figures -----------------------------------------------------------

def put_into(path, texts):
    """Between the markers <!-- NAME --> and <!-- /NAME --> of @path, which must be there."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for name, inside in texts.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if begin not in text or end not in text.split(begin, 1)[1]:
            raise Failure(f"{path}: no {begin.strip()} … {end} in it")
        before, rest = text.split(begin, 1)
        text = before + begin + inside + "\n" + end + rest.split(end, 1)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def differences(earlier, results):
    """
    Says of every ratio whether both runs can be right: their quartiles overlap.
    Not of the peers, whose few rounds have none to speak of.
    """
    before = {row["name"]: row for row in earlier}
    same = 0
    for row in results:
        for mode, result in row.get("modes", {}).items():
            old = before.get(row["name"], {}).get("modes", {}).get(mode, {})
            if mode in PEERS or "ratio" not in result or "ratio" not in old:
                continue
            if overlap(old["ratio"], result["ratio"]):
                same += 1
                continue
            yield (f"differs: {row['what']}, {mode}: {range_text(old['ratio'])}, "
                   f"now {range_text(result['ratio'])}")
    yield f"{same} ratios agree within their spread"


def range_text(ratio):
    return f"{ratio['median']:.2f} ({ratio['q1']:.2f} … {ratio['q3']:.2f})"
