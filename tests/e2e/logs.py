"""logs.py - what a log keeps: in every mode, after every end
"""
import os
import re
import shutil
import subprocess
from json import loads

from deadlocks import fixture
from expect import Deadlock, Thread, first_difference, mutex, permit, without_times
from harness import (DLWATCH, ROOT, check, environment, equal, execute, load_json, preloaded,
                     report_findings, validate)

RECORDER = fixture("recorder")
SMALL_RING = "log_mode=ring:log_max=128K"
AFTER_HISTORY = Deadlock("proven", [
    Thread("a-then-b", mutex("lock_b", "take_a_then_b"),
           [mutex("lock_a", "take_a_then_b"),
            mutex("twice", "take_a_then_b", type="recursive"),
            permit("permit", "take_a_then_b")]),
    Thread("b-then-a", mutex("lock_a", "take_b_then_a"), [mutex("lock_b", "take_b_then_a")]),
], [("recorder", "thread")])


def analyze(context, log, status, *options):
    json = context.new_path(".json")
    result = execute([DLWATCH, "analyze", f"--json={json}", *options, log])
    equal(result.status, status, f"analyze: exit status; {result.err!r}")
    report = load_json(json)
    validate(report)
    return report


def run_logged(context, status, options, command):
    """Runs it under a supervisor; Return: the log directory and the findings"""
    log, json = context.path("log"), context.new_path(".json")
    result = execute([DLWATCH, "run", "-q", f"--log={log}", f"--json={json}",
                      f"--options={options}", "--", *command])
    equal(result.status, status, f"run: exit status; {result.err!r}")
    return log, report_findings(json)


def sizes(log):
    return {os.path.splitext(name)[1]: os.path.getsize(os.path.join(log, name))
            for name in os.listdir(log)}


def events(log, *options):
    result = execute([DLWATCH, "dump", "--events-only", *options, log])
    equal(result.status, 0, "dump: exit status")
    return result.out.decode().splitlines()


# ---- locks that come and go -----------------------------------------------------


def renewed(context, case, rounds, mode, status):
    """Return: the findings while it ran, those of the log, and how many mutexes it defines"""
    shutil.rmtree(context.path("log"), ignore_errors=True)
    log, live = run_logged(context, status, mode,
                           fixture("renewed_locks", case, str(rounds)))
    report = analyze(context, log, 1 if status else 0, "--fail-on=deadlock")
    result = execute([DLWATCH, "dump", "--format=jsonl", log])
    defined = [line for line in result.out.decode().splitlines() if '"define":"object"' in
               line.replace(" ", "") and '"mutex"' in line]
    notes = " ".join(report["coverage"]["notes"])
    check("missing" not in notes and "contradict" not in notes, f"coverage: {notes}")
    return live, report["findings"], len(defined)


def lives_of_a_lock_make_no_cycle(context):
    """Though the log does not define each: in it they are one number."""
    for mode in ("log_mode=full", "log_mode=ring:log_max=64M", SMALL_RING):
        live, found, defined = renewed(context, "apart", 3000, mode, 0)
        equal((live, found), ([], []), f"{mode}: findings")
        check(defined <= 16, f"{mode}: {defined} mutexes are defined")


def one_life_of_many_makes_a_cycle(context):
    for mode in ("log_mode=full", "log_mode=ring:log_max=64M"):
        live, found, _ = renewed(context, "together", 3000, mode, 0)
        equal([[(finding["kind"], finding["verdict"]) for finding in findings]
               for findings in (live, found)], [[("inversion", "feasible")]] * 2,
              f"{mode}: findings")


def a_deadlock_in_one_life_of_many_is_found(context):
    for mode in ("log_mode=full", SMALL_RING):
        live, found, _ = renewed(context, "deadlock", 3000, mode, 66)
        equal([finding["verdict"] for finding in live + found], ["proven"] * 2,
              f"{mode}: verdicts")
        differs = first_difference(without_times(live[0]), without_times(found[0]))
        check(not differs, f"{mode}: live and analysed finding differ at {differs}")


# ---- the flight recorder --------------------------------------------------------


def check_wrapped(report):
    notes = " ".join(report["coverage"]["notes"])
    check(re.search("log_mode=ring: [0-9]{3,} blocks of earlier events were overwritten", notes),
          f"coverage does not tell what was overwritten: {notes}")
    check("missing" not in notes and "contradict" not in notes, f"coverage: {notes}")


def ring_forgets_nothing_that_matters(context):
    """Wrapped many times, it still has who holds what since before its beginning."""
    log, live = run_logged(context, 66, SMALL_RING, RECORDER)
    report = analyze(context, log, 1)
    equal((len(live), len(report["findings"])), (1, 1), "findings")
    AFTER_HISTORY.check(live[0])
    AFTER_HISTORY.check(report["findings"][0])
    differs = first_difference(without_times(live[0]), without_times(report["findings"][0]))
    check(not differs, f"live and analysed finding differ at {differs}")
    check_wrapped(report)


def ring_forgets_none_of_many_holds(context):
    log, live = run_logged(context, 66, SMALL_RING, RECORDER + ["100000", "deep"])
    report = analyze(context, log, 1)
    equal([len(live), len(report["findings"])], [1, 1], "findings")
    equal(sorted(len(thread["holds"]) for thread in live[0]["core"]), [1, 63], "holds")
    check_wrapped(report)
    differs = first_difference(without_times(live[0]), without_times(report["findings"][0]))
    check(not differs, f"live and analysed finding differ at {differs}")


def ring_forgets_no_exemption(context):
    log, live = run_logged(context, 137, SMALL_RING,
                           fixture("annotated", "exempt-killed") + ["100000"])
    report = analyze(context, log, 0)
    equal((live, report["findings"]), ([], []), "findings")
    check_wrapped(report)
    waits = [line for line in events(log) if re.search(" wants mutex .* at both ", line)]
    check(len(waits) == 2, f"they were not both waiting: {waits}")


def ring_forgets_no_announcement(context):
    """Who said once that it will post is known for it, and alone: the bystander is not."""
    log, live = run_logged(context, 66, SMALL_RING, fixture("annotated", "post") + ["100000"])
    report = analyze(context, log, 1)
    equal((len(live), len(report["findings"])), (1, 1), "findings")
    check_wrapped(report)
    differs = first_difference(without_times(live[0]), without_times(report["findings"][0]))
    check(not differs, f"live and analysed finding differ at {differs}")


def ring_is_bounded(context):
    log, live = run_logged(context, 0, SMALL_RING, RECORDER + ["300000", "cured"])
    equal(live, [], "findings")
    size = sizes(log)
    check(size[".tail"] <= (128 << 10) + 6 * 8192 and size[".dlw"] < (64 << 10), f"sizes {size}")
    report = analyze(context, log, 0)
    equal(report["coverage"]["logs"][0]["end"], "exit", "how it ended")
    check(report["coverage"]["events"] > 10000, "it has hardly any events")
    lines = events(log)
    check(any("released" in line and "lock_a" in line for line in lines), "the end is missing")


def ring_that_never_wrapped_is_a_whole_log(context):
    log, _ = run_logged(context, 66, "log_mode=ring", fixture("abba"))
    report = analyze(context, log, 1)
    equal(report["coverage"]["notes"], [], "what coverage notes")


# ---- what is counted ------------------------------------------------------------


def every_operation_is_counted(context):
    """Each kind, tried, nested, repeated, shared: nothing twice, nothing missing, in order."""
    rounds = 3000
    wanted = {"outer": (2, 0, 0), "inner": (2, 0, 0), "again": (4, 0, 0), "rwlock": (6, 0, 0),
              "spinlock": (2, 0, 0), "permits": (2, 0, 2), "tried": (1, 0, 0),
              "taken": (None, 2, 0)}
    for mode in ("full", "ring"):
        log, live = run_logged(context, 0, f"log_mode={mode}:log_max=64M",
                               fixture("all_kinds") + [str(rounds)])
        report = analyze(context, log, 0)
        equal((live, report["findings"], report["coverage"]["notes"]), ([], [], []),
              f"{mode}: findings, what was lost or contradicts itself")
        locks = report["statistics"]["locks"]
        equal(len(locks), 9, f"{mode}: locks")
        for lock in locks:
            times = wanted[re.sub(r"^\S+ |\+.*", "", lock["name"])]
            equal((lock["acquisitions"], lock["failed_tries"], lock["posts"]),
                  (times[0] * rounds if times[0] else 1, times[1] * rounds, times[2] * rounds),
                  f"{mode}: operations on {lock['name']}")
            check(times[0] is None or 0 < lock["hold_ns"]["count"] < lock["acquisitions"] / 4,
                  f"{mode}: {lock['hold_ns']['count']} times of {lock['name']}")
        os.rename(log, context.path(mode))


# ---- orders only ----------------------------------------------------------------


def a_compressed_log_says_the_same(context):
    """Of a ring, with most of it in the tail: the same report, and the same events."""
    log, live = run_logged(context, 66, SMALL_RING, RECORDER)
    plain, lines = analyze(context, log, 1), events(log)
    for _ in range(2):  # the second time there is nothing to do
        result = execute([DLWATCH, "compress", log])
        equal((result.status, result.out, result.err), (0, b"", b""), "compress: status, output")
    equal(sorted(re.sub("-[0-9]+", "", name) for name in os.listdir(log)),
          ["recorder.dlw.tail.zst", "recorder.dlw.zst"], "files")
    packed = analyze(context, log, 1)
    for part in ("findings", "statistics"):
        differs = first_difference(plain[part], packed[part])
        check(not differs, f"{part} differ at {differs}")
    equal(packed["coverage"]["notes"],
          [note.replace(".dlw:", ".dlw.zst:") for note in plain["coverage"]["notes"]], "notes")
    equal(events(log), lines, "events")
    equal(first_difference(without_times(live), without_times(packed["findings"])), None,
          "live and analysed finding")


def run_compresses_what_it_logged(context):
    log, json = context.path("log"), context.path("found.json")
    result = execute([DLWATCH, "run", "-q", f"--log={log}", "--compress", f"--json={json}", "--",
                      *fixture("abba")])
    equal(result.status, 66, "status")
    check(all(name.endswith(".zst") for name in os.listdir(log)), f"files {os.listdir(log)}")
    differs = first_difference(without_times(report_findings(json)),
                               without_times(analyze(context, log, 1)["findings"]))
    check(not differs, f"live and analysed finding differ at {differs}")
    without_log = execute([DLWATCH, "run", "--compress", "--", *fixture("abba")])
    equal((without_log.status, len(without_log.err.splitlines())), (125, 1), "without --log")


def a_cut_compressed_log_says_what_it_lost(context):
    log, _ = run_logged(context, 0, "log_mode=full", RECORDER + ["100000", "cured"])
    whole = analyze(context, log, 0)["coverage"]["events"]
    equal(execute([DLWATCH, "compress", log]).status, 0, "compress: status")
    path = os.path.join(log, os.listdir(log)[0])
    size = os.path.getsize(path)
    os.truncate(path, size // 2)
    coverage = analyze(context, log, 0)["coverage"]
    check(whole // 4 < coverage["events"] < 3 * whole // 4,
          f"{coverage['events']} events of {whole}")
    check(re.search("cut short: what follows on it is missing", " ".join(coverage["notes"])),
          f"notes {coverage['notes']}")


def no_log_of_a_living_process_is_compressed(context):
    log = context.path("log")

    def look(_pid):
        if not os.path.isdir(log) or not sizes(log).get(".dlw"):
            return None
        return execute([DLWATCH, "compress", log])

    result = while_running(context, fixture("crash_load", context.path("page")), {"log": log}, look)
    equal((result.status, len(result.err.splitlines())), (2, 1), "status, lines")
    check(b"its process still runs" in result.err, f"{result.err!r}")
    check(not any(name.endswith(".zst") for name in os.listdir(log)), f"files {os.listdir(log)}")


def orders_are_written_once(context):
    """200 000 nested acquisitions show eight orders; their number is bounded, not their count."""
    log, _ = run_logged(context, 0, "log_mode=order", RECORDER + ["100000", "cured"])
    check(sizes(log)[".dlw"] < (64 << 10), f"sizes {sizes(log)}")
    lines = events(log)
    orders = [line for line in lines if re.search(r" order [0-9]", line)]
    check(6 <= len(orders) <= 20, f"{len(orders)} orders")
    numbers = [int(re.search(r" order ([0-9]+)", line).group(1)) for line in orders]
    equal(sorted(set(numbers)), sorted(numbers), "numbers are distinct")
    taken = sum(" acquired " in line for line in lines)
    equal(taken, sum(" released " in line for line in lines), "all is given back")
    report = analyze(context, log, 0, "--fail-on=deadlock")
    check("lock orders only" in " ".join(report["coverage"]["notes"]), "coverage")


# ---- exchange with other tools ------------------------------------------------------


def dumped(context, log, form, suffix):
    path = context.path("dump" + suffix)
    result = execute([DLWATCH, "dump", f"--format={form}", log])
    equal((result.status, result.err), (0, b""), f"dump --format={form}: status, standard error")
    with open(path, "wb") as file:
        file.write(result.out)
    return path


def a_deadlock_survives_the_std_format(context):
    log, _ = run_logged(context, 66, "log_mode=full", fixture("abba"))
    trace = dumped(context, log, "std", ".std")
    report = analyze(context, trace, 1)
    equal([(finding["kind"], finding["verdict"]) for finding in report["findings"]],
          [("deadlock", "proven")], "findings")
    core = report["findings"][0]["core"]
    equal(sorted(member["name"] for member in core), ["T2", "T3"], "threads of the core")
    equal([len(member["holds"]) for member in core], [1, 1], "holds")
    with open(trace, encoding="ascii") as file:
        text = file.read()
    for line in text.splitlines():
        check(re.fullmatch(r"T[0-9]+\|(acq|rel|req|r|w|fork|join)\([LVT][0-9]+\)\|[0-9]+", line),
              f"no STD line: {line}")
    again = execute([DLWATCH, "dump", "--format=std", trace])
    equal(len(again.out.decode().splitlines()), len(text.splitlines()), "lines of it again")


def a_timeline_is_well_formed(context):
    log, _ = run_logged(context, 0, "log_mode=full", RECORDER + ["300", "cured"])
    trace = load_json(dumped(context, log, "perfetto", ".json"))["traceEvents"]
    open_slices, flows, last = {}, {}, {}
    for entry in trace:
        where = (entry["pid"], entry["tid"])
        if entry["ph"] == "M":
            continue
        if entry["ph"] not in "sf":
            check(entry["ts"] >= last.get(where, 0), f"times of {where} go back")
            last[where] = entry["ts"]
        if entry["ph"] == "B":
            open_slices.setdefault(where, []).append(entry["name"])
        elif entry["ph"] == "E":
            check(open_slices.get(where), f"a slice of {where} ends that never began")
            open_slices[where].pop()
        elif entry["ph"] in "sf":
            flows.setdefault(entry["id"], []).append(entry["ph"])
    equal([names for names in open_slices.values() if names], [], "slices that never end")
    check(all(ends == ["s", "f"] for ends in flows.values()), f"flows {flows}")
    names = {entry["name"] for entry in trace if entry["ph"] == "B"}
    for name in ("recorder.c:12 lock_a", "recorder.c:14 below", "joins thread 2"):
        check(name in names, f"no slice {name!r} among {sorted(names)}")
    tracks = {entry["args"]["name"] for entry in trace
              if entry["ph"] == "M" and entry["name"] == "thread_name"}
    equal(tracks, {"recorder", "a-then-b", "b-then-a"}, "tracks")


INVERTED = ("T1|acq(a)|1 T1|acq(b)|2 T1|rel(b)|3 T1|rel(a)|4 {} "
            "T2|acq(b)|6 T2|acq(a)|7 T2|rel(a)|8 T2|rel(b)|9")


def a_read_after_a_write_orders_what_is_predicted(context):
    """Locks in two orders: feasible by themselves, and no more once a variable orders them."""
    seen = []
    for between in ("T2|begin(m)", "T1|w(x)|5 T2|r(x)|5"):
        trace = context.new_path(".std")
        with open(trace, "w", encoding="ascii") as file:
            file.write("\n".join(INVERTED.format(between).split()) + "\n")
        report = analyze(context, trace, 1 - len(seen))
        seen.append([(finding["kind"], finding["verdict"]) for finding in report["findings"]])
    equal(seen, [[("inversion", "feasible")], []], "findings without and with the variable")


def summaries_of_runs_are_put_together(context):
    whole, _ = run_logged(context, 66, "log_mode=full", fixture("abba"))
    orders = context.path("orders")
    execute([DLWATCH, "run", "-q", f"--log={orders}", "--log-mode=order", "--", *fixture("abba")])
    parts = [context.new_path(".json"), context.path("a name of its own")]
    for log, part in zip((whole, orders), parts):
        equal(execute([DLWATCH, "summarize", "-o", part, log]).status, 0, "summarize: status")
    sums = [context.new_path(".json"), context.new_path(".json")]
    for order, together in zip((parts, parts[::-1]), sums):
        result = execute([DLWATCH, "summarize", "-o", together, *order])
        equal((result.status, result.err), (0, b""), "summarize: status, standard error")
    texts = [open(together, "rb").read() for together in sums]
    equal(texts[0], texts[1], "summaries in both orders")
    summary = load_json(sums[0])
    equal((summary["runs"], len(summary["orders"])), (2, 2), "runs, orders")
    equal([entry["count"] for entry in summary["orders"]], [2, 2], "counts")
    check(b"taken both ways" in result.out and result.out.count(b"data:abba+0x") == 2,
          f"output: {result.out!r}")


def runs_of(context, *arguments):
    """Logs of one_way, one for each string of arguments, called as they are"""
    logs = []
    for words in arguments:
        logs.append(context.path("runs-" + words.replace(" ", "-")))
        result = execute([DLWATCH, "run", "-q", f"--log={logs[-1]}", "--",
                          *fixture("one_way"), *words.split()])
        equal((result.status, result.err), (0, b""), "run")
    return logs


def summarised(context, log):
    path = context.new_path(".json")
    equal(execute([DLWATCH, "summarize", "-o", path, log]).status, 0, "summarize: status")
    return path


def analyze_many(context, *arguments):
    json = context.new_path(".json")
    result = execute([DLWATCH, "analyze", f"--json={json}", *arguments])
    equal((result.status, result.err), (0, b""), "analyze: status, standard error")
    report = load_json(json)
    validate(report)
    return report, result.out.decode()


def two_runs_make_a_cycle(context):
    """a then b in one run, b then a in another: both places, both runs, both counts, and a doubt."""
    logs = runs_of(context, "ab", "ba")
    for argument in logs:
        equal(analyze(context, argument, 0, "--all")["findings"], [], "findings of one run")
    parts = [summarised(context, log) for log in logs]
    prints = set()
    for arguments in (parts, parts[::-1], [parts[0], logs[1]]):
        report, _ = analyze_many(context, "--all", *arguments)
        equal([(finding["kind"], finding["verdict"], finding["run_count"])
               for finding in report["findings"]], [("inversion", "unresolved", 2)], "findings")
        finding = report["findings"][0]
        prints.add(finding["fingerprint"])
        names = {one["id"]: one["name"].split()[-1] for one in finding["resources"]}
        core = [(thread["runs"], names[thread["wants"]["resource"]],
                 thread["wants"]["site"]["function"], thread["wants"]["site"]["line"] > 0,
                 [(names[hold["resource"]], hold["count"], hold["site"]["function"])
                  for hold in thread["holds"]]) for thread in finding["core"]]
        equal(sorted(core, key=str),
              sorted([([logs[0]], "lock_b", "take_a_then_b", True,
                       [("lock_a", 3, "take_a_then_b")]),
                      ([logs[1]], "lock_a", "take_b_then_a", True,
                       [("lock_b", 1, "take_b_then_a")])], key=str), "core")
        equal({name: condition["holds"] for name, condition in finding["coffman"].items()},
              {"mutual_exclusion": True, "hold_and_wait": True, "no_preemption": True,
               "circular_wait": False}, "conditions")
        check("seen 1 time against 3" in finding["advice"], f"advice: {finding['advice']}")
    equal(len(prints), 1, "fingerprints")
    report, text = analyze_many(context, *parts)
    equal(report["findings"], [], "findings that count")
    check("1 cycle of lock orders could be neither" in text and "taken both ways" in text, text)


def built_anew(context, flags):
    """one_way, by its name, from the same source"""
    directory = context.path("build" + "".join(flags))
    os.mkdir(directory)
    program = os.path.join(directory, "one_way")
    source = os.path.join(ROOT, "tests", "e2e", "one_way.c")
    built = subprocess.run([os.environ.get("CC") or "cc", "-std=gnu11", "-D_GNU_SOURCE", *flags,
                            "-o", program, source, "-lpthread"], check=False)
    equal(built.returncode, 0, "compiler")
    return [program]


def two_builds_of_one_source_make_a_cycle(context):
    """Matched by source lines; without debug information every build is another program."""
    for debug, verdicts in (["-g"], ["unresolved"]), ([], []):
        programs = [built_anew(context, flags + debug) for flags in (["-O0"], ["-O2"])]
        parts = []
        for program, words in zip(programs, (["ab"], ["ba"])):
            log = context.path("of" + "".join(debug) + words[0])
            result = execute([DLWATCH, "run", "-q", f"--log={log}", "--", *program, *words])
            equal((result.status, result.err), (0, b""), "run")
            parts.append(summarised(context, log))
        for program in programs:  # what is kept in the summaries is enough
            os.remove(program[0])
        report, _ = analyze_many(context, "--all", *parts)
        equal([finding["verdict"] for finding in report["findings"]], verdicts,
              f"{debug}: verdicts")
        for finding in report["findings"]:
            equal(sorted(one["name"].split()[-1] for one in finding["resources"]),
                  ["lock_a", "lock_b"], "resources")
            equal(sorted(thread["wants"]["site"]["function"] for thread in finding["core"]),
                  ["take_a_then_b", "take_b_then_a"], "sites")


def a_static_gate_guards_in_all_runs(context):
    parts = [summarised(context, log) for log in runs_of(context, "ab under", "ba under")]
    report, _ = analyze_many(context, "--all", *parts)
    equal({finding["verdict"] for finding in report["findings"]}, {"guarded"}, "verdicts")
    report, text = analyze_many(context, *parts)
    check("always under data:one_way" in text, text)
    check(not any("neither" in note for note in report["coverage"]["notes"]), "notes")


def locks_of_one_class_share_a_row_on_request(context):
    log = runs_of(context, "each")[0]
    seen = {}
    for by in ("lock", "class"):
        table = analyze(context, log, 0, f"--by={by}")["statistics"]
        equal(table["by"], by, "by")
        seen[by] = sorted((row["name"].split(":")[-1], row["locks"], row["acquisitions"],
                           row["lives"]) for row in table["locks"])
    equal([row[1:] for row in seen["lock"]], [(1, 1, 1)] * 5, "rows by lock")
    equal([row[1:] for row in seen["class"]], [(3, 3, 3), (2, 2, 2)], "rows by class")
    check(re.fullmatch("[0-9]+ row", seen["class"][0][0]) and
          "initialised at take_each" in analyze(context, log, 0, "--by=class")
          ["statistics"]["locks"][1]["name"], f"names {seen['class']}")
    result = execute([DLWATCH, "analyze", "--by=class", "--statistics=csv", log])
    heading, *rows = [line.split(",") for line in result.out.decode().splitlines()]
    equal([row[heading.index("locks")] for row in rows], ["3", "2"], "CSV")
    result = execute([DLWATCH, "analyze", "--by=class", log])
    check(b"classes of locks: 2" in result.out and b" row (3 of them)" in result.out, result.out)
    equal(execute([DLWATCH, "analyze", "--by=site", log]).status, 2, "status")


def annotated_classes_share_a_row(context):
    log = context.path("log")
    execute([DLWATCH, "run", "-q", f"--log={log}", "--", *fixture("annotated_cpp")])
    rows = analyze(context, log, 0, "--by=class", "--fail-on=never")["statistics"]["locks"]
    check([row for row in rows if row["name"] == "latch"], f"{[row['name'] for row in rows]}")


def what_is_no_summary_is_said(context):
    good = summarised(context, runs_of(context, "ab")[0])
    bad = context.path("bad.json")
    with open(bad, "w", encoding="utf-8") as file:
        file.write("{}")
    result = execute([DLWATCH, "analyze", good, bad])
    equal(result.status, 2, "status")
    check(b"bad.json: no summary" in result.err and b"1 run, 1 lock orders" in result.out,
          f"{result.err!r} {result.out!r}")


# ---- stepping through ----------------------------------------------------------------


def replayed(log, *commands):
    """Runs the commands; Return: what was shown at each moment, by a line that begins N/M"""
    script = "".join(command + "\n" for command in commands).encode()
    result = subprocess.run([DLWATCH, "replay", log], input=script, env=environment(),
                            capture_output=True, check=False)
    equal((result.returncode, result.stderr), (0, b""), "replay: status, standard error")
    return re.split(r"^(?=[0-9]+/[0-9]+ )", result.stdout.decode(), flags=re.M)[1:]


def replay_shows_the_same_in_both_directions(context):
    log, _ = run_logged(context, 66, "log_mode=full", fixture("abba"))
    length = int(re.match("0/([0-9]+) ", replayed(log)[0]).group(1))
    forward = replayed(log, *["n"] * length)
    equal(len(forward), length + 1, "moments forward")
    backward = replayed(log, "e", *["p"] * length)[1:]
    equal(backward[::-1], forward, "moments backward, turned round")
    lines = events(log)
    for number, line in enumerate(lines, 1):
        check(line in forward[number], f"event {number} is not {line!r}: {forward[number]!r}")


def replay_goes_to_where_the_cycle_closed(context):
    log, _ = run_logged(context, 66, "log_mode=full", fixture("abba"))
    closed, before, again = replayed(log, "c", "p", "n")[1:]
    equal(closed, again, "the moment it closed")
    check("DEADLOCK" not in before, f"a deadlock before the cycle closed: {before!r}")
    check("DEADLOCK, proven" in closed, f"no deadlock when it closed: {closed!r}")
    core = sorted(line for line in closed.splitlines() if line.startswith("  ! "))
    check(len(core) == 2 and re.match(r"  ! 'a-then-b' .* wants .*lock_b .* held by 'b-then-a'", core[0])
          and re.match(r"  ! 'b-then-a' .* wants .*lock_a .* held by 'a-then-b'", core[1]),
          f"core: {core}")
    check(" wants " in closed.splitlines()[0], f"the closing event is no wish: {closed.splitlines()[0]!r}")


def replay_finds(context):
    log, _ = run_logged(context, 66, "log_mode=full", fixture("abba"))
    shown = replayed(log, "f acquired", "f acquired", "r acquired", "f no such thing", "e")
    check("acquired" in shown[1] and "acquired" in shown[2] and shown[1] != shown[2], "found")
    check(shown[3].startswith(shown[1].rstrip("\n")), "found again, backward")
    check("no event behind has 'no such thing'" in shown[3], f"said so: {shown[3]!r}")


# ---- programs that run ---------------------------------------------------------------


def while_running(context, command, options, look):
    """Starts it preloaded, calls look(pid) until it returns something, and that is returned"""
    seen = []

    def ready(running):
        seen.append(look(running.process.pid))
        return seen[-1] is not None

    result = execute(command, preloaded(**options), until=ready)
    check(result.met, f"it ended: {result.status}, {result.err!r}")
    return seen[-1]


def a_snapshot_of_a_running_program_can_be_read(context):
    """Again and again under full load: each is a log, with what threads hold and nothing odd."""
    log, page = context.path("log"), context.path("page")
    copies = []

    def look(pid):
        copy = context.new_path(".copy")
        result = execute([DLWATCH, "snapshot", str(pid), "-o", copy])
        if result.status != 0:
            equal(copies, [], "no snapshot of a program that had one")
            return None
        copies.append(copy)
        return copies if len(copies) == 20 else None

    while_running(context, fixture("crash_load", page),
                  {"log": log, "log_mode": "ring", "log_max": "2M"}, look)
    for copy in copies:
        report = analyze(context, copy, 0, "--fail-on=deadlock")
        for note in report["coverage"]["notes"]:
            check("blocks of earlier events were overwritten" in note, f"coverage: {note}")
    check(report["coverage"]["events"] > 1000, "hardly any events in the last one")


def threads_that_run_on_at_the_end_leave_no_gap(context):
    """Nobody waits for them: what each did last may be missing, but nothing before it."""
    for milliseconds in range(4, 28, 3):
        log = context.new_path(".log")
        result = execute([*fixture("running_on"), str(milliseconds)],
                         preloaded(log=log, predict="off"))
        equal((result.status, result.err), (0, b""), "status, standard error")
        coverage = analyze(context, log, 0, "--no-statistics")["coverage"]
        equal([note for note in coverage["notes"] if "lost" in note], [],
              f"notes after {milliseconds} ms")


def a_ring_knows_what_is_locked_after_its_end(context):
    """When the process has ended but for destructors of others, and streams to write out."""
    log = context.path("log")
    result = execute(fixture("late_lock"), preloaded(log=log, log_mode="ring"))
    equal((result.status, result.err), (0, b""), "status, standard error")
    coverage = analyze(context, log, 0)["coverage"]
    equal((coverage["logs"][0]["end"], coverage["notes"]), ("exit", []), "end, notes")
    last = [line.partition(" late_lock ")[2].rstrip() for line in events(log)[-2:]]
    equal(last, ["acquired mutex 2 late_lock.c:7 late ticket 1 at write_late (late_lock.c:13)",
                 "released mutex 2 late_lock.c:7 late ticket 2"], "its last events")


def rings_of_several_processes_begin_together(context):
    """The one that comes first to a shared lock in its log need not have used it first."""
    log = context.path("log")
    result = execute(fixture("handed_over"), preloaded(log=log, log_mode="ring", misuse="off"))
    equal((result.status, result.err), (0, b""), "status, standard error")
    equal(analyze(context, log, 0)["coverage"]["notes"], [], "notes")
    seen = [re.search(r"(acquired|posted) semaphore .* ticket (\d+)", line)
            for line in events(log)]
    equal([match.groups() for match in seen if match], [("acquired", "1"), ("posted", "2")],
          "operations")


def a_ring_knows_which_of_two_lives_is_the_later_one(context):
    """Also where the thread that was recorded first speaks of the second."""
    log = context.path("log")
    result = execute(fixture("made_anew"), preloaded(log=log, log_mode="ring"))
    equal((result.status, result.err), (0, b""), "status, standard error")
    equal(analyze(context, log, 0)["coverage"]["notes"], [], "notes")
    seen = [re.search(r"(acquired|posted) semaphore (\d+) \S+ semaphore ticket (\d+)", line)
            for line in events(log)]
    equal([match.groups() for match in seen if match],
          [("acquired", "2", "1"), ("posted", "2", "2"), ("acquired", "3", "1"),
           ("posted", "3", "2"), ("acquired", "3", "3"), ("posted", "3", "4")], "operations")


def a_shared_object_is_the_same_in_all_logs(context):
    log = context.path("log")
    result = execute(fixture("handed_over"), preloaded(log=log, misuse="off"))
    equal((result.status, result.err), (0, b""), "status, standard error")
    lines = [loads(line) for line in
             execute([DLWATCH, "dump", "--format=jsonl", log]).out.splitlines()]
    defined = {(line["log"], line["object"]) for line in lines
               if line.get("define") == "object" and line["kind"] == "semaphore"}
    used = {(line.get("object_log", line["log"]), line["object"]) for line in lines
            if line.get("event") in ("acquired", "posted") and line["kind"] == "semaphore"}
    equal((len(defined), len(used), len(used & defined)), (2, 1, 1), "defined, used, both")


def past_log_max_the_program_goes_on(context):
    """The same threads lock long after their log has stopped."""
    log = context.path("log")
    result = execute([*RECORDER, "300000", "cured"],
                     preloaded(log=log, log_mode="full", log_max="64K"))
    equal(result.status, 0, "status")
    report = analyze(context, log, 0)
    equal(report["coverage"]["logs"][0]["end"], "log-max", "how the log ends")


def a_log_may_end_in_a_signal_handler(context):
    """The handler has interrupted an operation that is about to be logged."""
    log = context.path("log")
    result = execute(fixture("ending_log"), preloaded(log=log, log_mode="full", log_max="4M"))
    equal((result.status, result.err), (0, b""), "status, standard error")
    report = analyze(context, log, 0)
    equal(report["coverage"]["logs"][0]["end"], "log-max", "how the log ends")


def a_snapshot_of_a_deadlock_says_so(context):
    json = context.path("found.jsonl")

    def look(pid):
        copy = context.new_path(".copy")
        if not os.path.exists(json):
            return None
        equal(execute([DLWATCH, "snapshot", "-o", copy, str(pid)]).status, 0, "snapshot: status")
        return copy

    copy = while_running(context, fixture("abba"), {"log": context.path("log"), "log_mode": "ring",
                                                   "json": json}, look)
    report = analyze(context, copy, 1)
    equal([finding["verdict"] for finding in report["findings"]], ["proven"], "findings")


def a_log_that_was_not_begun_is_left_out(context):
    """Its process was killed between the file and its first bytes: the others are as good as ever."""
    log, json = context.path("log"), context.path("report.json")
    execute(fixture("clean"), preloaded(log=log))
    empty = os.path.join(log, "clean-1.dlw")
    with open(empty, "x", encoding="ascii"):
        pass
    result = execute([DLWATCH, "analyze", f"--json={json}", log])
    equal((result.status, result.err),
          (0, f"dlwatch: {empty}: left out: empty, its process was killed as it began it\n".encode()),
          "status, standard error")
    equal(len(load_json(json)["coverage"]["logs"]), 1, "logs")
    equal(execute([DLWATCH, "analyze", empty]).status, 2, "status if it is named")
    for name in os.listdir(log):
        os.truncate(os.path.join(log, name), 0)
    equal(execute([DLWATCH, "analyze", log]).status, 2, "status if there is no other")


def nobody_to_look_at_is_said(context):
    place = context.path("snapshot")
    for command in (["snapshot", "-o", place, "1"], ["top", "--once", "1"]):
        result = execute([DLWATCH, *command])
        equal((result.status, result.out, len(result.err.splitlines())), (2, b"", 1),
              f"{command}: status, output, lines of standard error")
    check(not os.path.exists(place), "an empty snapshot is left behind")


def top_shows_who_waits_for_whom(context):
    json = context.path("found.jsonl")

    def look(pid):
        if not os.path.exists(json):
            return None
        return execute([DLWATCH, "top", "--once", "--interval=100", str(pid)])

    result = while_running(context, fixture("abba"), {"json": json}, look)
    equal((result.status, result.err), (0, b""), "top: status, standard error")
    text = result.out.decode()
    check("1 process, 3 threads, 3 waiting" in text, f"headline: {text!r}")
    for one, lock, other in (("a-then-b", "lock_b", "b-then-a"), ("b-then-a", "lock_a", "a-then-b")):
        check(re.search(rf"1  {one} +waits [0-9.]+ s for .*{lock}, held by '{other}' .* at take_second",
                        text), f"{one}: {text}")
        check(re.search(rf" 100% +1\.00 +1 +.*{lock} \(mutex", text), f"{lock}: {text}")


def all_cases():
    tests = [ring_forgets_nothing_that_matters, ring_forgets_none_of_many_holds,
             ring_forgets_no_exemption, ring_forgets_no_announcement, ring_is_bounded,
             ring_that_never_wrapped_is_a_whole_log, a_compressed_log_says_the_same,
             run_compresses_what_it_logged, a_cut_compressed_log_says_what_it_lost,
             no_log_of_a_living_process_is_compressed, orders_are_written_once,
             a_deadlock_survives_the_std_format, a_timeline_is_well_formed,
             a_read_after_a_write_orders_what_is_predicted, summaries_of_runs_are_put_together,
             two_runs_make_a_cycle, two_builds_of_one_source_make_a_cycle,
             a_static_gate_guards_in_all_runs, what_is_no_summary_is_said,
             every_operation_is_counted, locks_of_one_class_share_a_row_on_request,
             annotated_classes_share_a_row,
             replay_shows_the_same_in_both_directions, replay_goes_to_where_the_cycle_closed,
             replay_finds, past_log_max_the_program_goes_on, a_log_may_end_in_a_signal_handler,
             threads_that_run_on_at_the_end_leave_no_gap,
             a_ring_knows_what_is_locked_after_its_end,
             a_ring_knows_which_of_two_lives_is_the_later_one,
             rings_of_several_processes_begin_together, a_shared_object_is_the_same_in_all_logs,
             a_snapshot_of_a_running_program_can_be_read,
             a_snapshot_of_a_deadlock_says_so, a_log_that_was_not_begun_is_left_out,
             nobody_to_look_at_is_said,
             top_shows_who_waits_for_whom, lives_of_a_lock_make_no_cycle,
             one_life_of_many_makes_a_cycle, a_deadlock_in_one_life_of_many_is_found]
    return [("logs/" + test.__name__, test) for test in tests]
