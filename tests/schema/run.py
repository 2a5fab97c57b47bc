#!/usr/bin/python3
"""Whatever `dlwatch render` writes, other programs can read.

Raw findings over real programs go in; JSON is validated against
include/dlwatch/report.schema.json by python3-jsonschema, the other formats by
the parsers that will meet them (XML, HTML, SARIF's rules, Graphviz). Every
promise is one test; the last line is `N passed, N failed`.

usage: run.py [--build DIR] [--only WORD] [--verbose]
"""

import argparse
import copy
import html.parser
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
import xml.etree.ElementTree

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import raw  # noqa: E402

with open(os.path.join(ROOT, "include/dlwatch/report.schema.json"), encoding="utf-8") as schema:
    SCHEMA = json.load(schema)
jsonschema.Draft7Validator.check_schema(SCHEMA)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)

TESTS = []


def test(function):
    TESTS.append(function)
    return function


class World:
    """The tool, a directory to work in, and compiled programs."""

    def __init__(self, tool, directory):
        self.tool = tool
        self.directory = directory
        self.programs = {}

    def program(self, source="two_locks.c", flags=("-g", "-O1")):
        key = (source, tuple(flags))
        if key not in self.programs:
            path = os.path.join(self.directory, "%s.%d" % (source.split(".")[0],
                                                           len(self.programs)))
            raw.compile_program(source, path, list(flags))
            self.programs[key] = (path, raw.places(path))
        return self.programs[key]

    def path(self, name):
        return os.path.join(self.directory, name)

    def render(self, findings, *options, text=None):
        """Completed findings, standard error, exit status."""
        lines = text if text is not None else "".join(json.dumps(f) + "\n" for f in findings)
        name = self.path("out.json")
        if os.path.exists(name):
            os.remove(name)
        done = subprocess.run([self.tool, "render", "--json=" + name, *options],
                              input=lines.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60,
                              env=dict(os.environ, LANG="C.UTF-8", LC_ALL=""))
        with open(name, encoding="utf-8") as out:
            completed = [json.loads(line) for line in out]
        return completed, done.stderr.decode(), done.returncode


def is_valid(value):
    return VALIDATOR.is_valid(value)


def assert_valid(value):
    VALIDATOR.validate(value)


def line_of(source, text):
    with open(os.path.join(HERE, source), encoding="utf-8") as lines:
        return next(n for n, line in enumerate(lines, 1) if text in line)


# ---- JSON -------------------------------------------------------------------------

@test
def every_completed_finding_is_valid(world):
    program, told = world.program()
    findings = raw.all_findings(program, told)
    completed, _, status = world.render(findings)
    assert status == 1
    assert len(completed) == len(findings)
    for finding in completed:
        assert_valid(finding)


@test
def raw_findings_are_valid_as_well(world):
    for finding in raw.all_findings(*world.program()):
        assert_valid(finding)


@test
def the_schema_refuses_what_is_broken(world):
    good = world.render([raw.two_locks(*world.program())])[0][0]
    assert_valid(good)

    def broken(change):
        value = copy.deepcopy(good)
        change(value)
        return not is_valid(value)

    for key in good:
        if key not in ("now_ns", "modules"):
            assert broken(lambda value, key=key: value.pop(key)), "without " + key
    for key in good["core"][0]:
        assert broken(lambda value, key=key: value["core"][0].pop(key)), "thread without " + key
    for key in good["core"][0]["wants"]:
        assert broken(lambda value, key=key: value["core"][0]["wants"].pop(key)), key
    for key in good["core"][0]["holds"][0]:
        assert broken(lambda value, key=key: value["core"][0]["holds"][0].pop(key)), key
    for key in good["core"][0]["wants"]["site"]:
        assert broken(lambda value, key=key: value["core"][0]["wants"]["site"].pop(key)), key
    assert broken(lambda value: value.update(extra=1))
    assert broken(lambda value: value["core"][0].update(extra=1))
    assert broken(lambda value: value["coffman"].update(luck={"holds": True, "evidence": ""}))
    assert broken(lambda value: value.update(core=[]))
    assert broken(lambda value: value.update(verdict="feasible"))
    assert broken(lambda value: value.update(kind="livelock"))
    assert broken(lambda value: value.update(fingerprint="0123"))
    assert broken(lambda value: value["core"][0].update(wants=None))
    assert broken(lambda value: value["core"][0]["wants"].update(mode="greedy"))
    assert broken(lambda value: value["core"][0]["wants"].update(since_ns=None))
    assert broken(lambda value: value["core"][0]["wants"]["site"].update(line="12"))
    assert broken(lambda value: value["resources"][0].update(kind="lock"))
    assert broken(lambda value: value["resources"][0].update(address="4096"))


@test
def completing_twice_changes_nothing(world):
    once = world.render(raw.all_findings(*world.program()))[0]
    twice = world.render(once)[0]
    assert once == twice


@test
def frames_have_function_file_and_line(world):
    finding = world.render([raw.two_locks(*world.program())])[0][0]
    site = finding["core"][0]["wants"]["site"]
    assert site["function"] == "take_ledger"
    assert site["file"].endswith("two_locks.c")
    assert site["line"] == line_of("two_locks.c", "static void __attribute__((noinline)) "
                                   "take_ledger") + 2
    stack = finding["core"][0]["wants"]["stack"]
    assert [frame["function"] for frame in stack[:2]] == ["take_ledger", "transfer"]
    assert stack[1]["line"] == line_of("two_locks.c", 'take_ledger("account then')
    assert finding["suppression"] == "deadlock:take_ledger,take_account"
    assert "take_ledger (two_locks.c:" in finding["advice"]
    assert "take_account (two_locks.c:" in finding["coffman"]["hold_and_wait"]["evidence"]
    assert "+0x" not in finding["advice"]


@test
def clang_has_no_address_table_and_is_read_all_the_same(world):
    if not shutil.which("clang"):
        print("    (no clang: nothing to test)")
        return
    os.environ["CC"] = "clang"
    try:
        program, told = world.program("two_locks.c", ("-g", "-O1", "-fno-omit-frame-pointer",
                                                      "-gdwarf-5"))
    finally:
        del os.environ["CC"]
    finding = world.render([raw.two_locks(program, told)])[0][0]
    assert finding["core"][0]["wants"]["site"]["function"] == "take_ledger"
    assert finding["resources"][0]["name"] == "two_locks.c:%d ledger" % line_of(
        "two_locks.c", "pthread_mutex_t ledger")


@test
def python_frames_stay_as_they_are(world):
    finding = raw.python_frames(*world.program())
    completed, text, _ = world.render([finding])
    assert completed[0]["core"][0]["wants"] == finding["core"][0]["wants"]
    assert completed[0]["coffman"]["no_preemption"] == finding["coffman"]["no_preemption"]
    assert completed[0]["suppression"] == "deadlock:transfer"
    assert "#0  transfer (bank.py:12) [python]" in text


# ---- names -------------------------------------------------------------------------

@test
def locks_are_named_by_their_variables(world):
    program, told = world.program()
    finding = raw.two_locks(program, told)
    finding["resources"] = [raw.resource(1, told["ledger"][0][0]),
                            raw.resource(2, told["account"][0][0]),
                            finding["resources"][2],
                            raw.resource(4, told["journal"][0][0]),
                            raw.resource(5, told["once"][0][0])]
    names = [each["name"] for each in world.render([finding])[0][0]["resources"]]
    elements = [each.get("element") for each in world.render([finding])[0][0]["resources"]]
    assert elements == [None, "accounts[1].lock", None, None, None]
    assert names == ["two_locks.c:%d ledger" % line_of("two_locks.c", "mutex_t ledger"),
                     "accounts+0x38", "transfer (tid 4712)", "journal",
                     "two_locks.c:%d once" % line_of("two_locks.c", "mutex_t once")]


@test
def a_given_name_wins(world):
    program, told = world.program()
    finding = raw.two_locks(program, told)
    finding["resources"][0]["name"] = "the big one"
    assert world.render([finding])[0][0]["resources"][0]["name"] == "the big one"


@test
def locks_on_the_heap_are_named_by_where_they_were_made(world):
    program, told = world.program()
    finding = raw.two_locks(program, told)
    finding["resources"][0].update(module="", init_site=told["main waits"][0][0])
    finding["resources"][1].update(module="")
    names = [each["name"] for each in world.render([finding])[0][0]["resources"]]
    assert names[0].startswith("mutex initialised at main (two_locks.c:")
    assert names[1].startswith("mutex first seen at take_account (two_locks.c:")


@test
def without_debug_information_symbols_remain(world):
    program, told = world.program("two_locks.c", ("-O1",))
    finding = world.render([raw.two_locks(program, told)])[0][0]
    assert finding["core"][0]["wants"]["site"]["function"] == "take_ledger"
    assert finding["core"][0]["wants"]["site"]["file"] is None
    assert [each["name"] for each in finding["resources"][:2]] == ["ledger", "accounts+0x38"]


@test
def a_stripped_program_is_named_by_offsets(world):
    program, told = world.program()
    stripped = world.path("stripped")
    shutil.copy(program, stripped)
    subprocess.run(["strip", stripped], check=True)
    finding = json.loads(json.dumps(raw.two_locks(program, told)).replace(program, stripped))
    completed, text, _ = world.render([finding])
    site = completed[0]["core"][0]["wants"]["site"]
    assert site["function"] is None
    assert "stripped+" + site["offset"] in text
    assert completed[0]["suppression"].startswith("deadlock:stripped+0x")


@test
def debug_information_is_found_in_a_separate_file(world):
    program, told = world.program()
    directory = world.path("separate")
    os.mkdir(directory)
    stripped = os.path.join(directory, "program")
    subprocess.run(["objcopy", "--only-keep-debug", program, stripped + ".debug"], check=True)
    subprocess.run(["objcopy", "--strip-all", "--add-gnu-debuglink=" + stripped + ".debug",
                    program, stripped], check=True)
    finding = json.loads(json.dumps(raw.two_locks(program, told)).replace(program, stripped))
    site = world.render([finding])[0][0]["core"][0]["wants"]["site"]
    assert site["function"] == "take_ledger" and site["line"]


@test
def another_build_gives_no_names(world):
    program, told = world.program()
    finding = raw.two_locks(program, told)
    finding["modules"][0]["build_id"] = "00" * 20
    completed, text, _ = world.render([finding])
    assert completed[0]["core"][0]["wants"]["site"]["function"] is None
    assert program + ": no function names: not the build that ran" in text


@test
def what_is_no_file_gives_no_names(world):
    program, told = world.program()
    fifo = world.path("fifo")
    os.mkfifo(fifo)
    for module in ("[vdso]", "", program + " (deleted)", "/no/such/file", fifo, world.directory,
                   "/dev/zero", os.path.join(HERE, "raw.py")):
        finding = json.loads(json.dumps(raw.two_locks(program, told)).replace(program, module))
        completed, _, status = world.render([finding])
        assert completed[0]["core"][0]["wants"]["site"]["function"] is None, module
        assert status == 1


def sites_behind_guards(world, compiler):
    os.environ["CXX"] = compiler
    try:
        program, told = world.program("guard.cc", ("-g", "-O2", "-D" + compiler.strip("+")))
    finally:
        del os.environ["CXX"]
    finding = raw.two_locks(*world.program())
    for each, label in zip(finding["core"], ("called", "inlined")):
        each["wants"].update(site=told[label][0][0], stack=told[label][0])
    finding["core"][0]["holds"][0].update(site=told["nested"][0][0], stack=told["nested"][0])
    completed, text, _ = world.render([finding])
    sites = [each["wants"]["site"] for each in completed[0]["core"]]
    assert [site["function"] for site in sites] == ["bank::through_calls", "bank::through_inlines"]
    assert [site["line"] for site in sites] == [line_of("guard.cc", "line: called"),
                                                line_of("guard.cc", "line: inlined")]
    nested = completed[0]["core"][0]["holds"][0]["site"]
    assert "operator()" in nested["function"], nested
    assert nested["line"] == line_of("guard.cc", "line: nested")
    assert completed[0]["suppression"] == "deadlock:bank::through_calls,bank::through_inlines"
    assert completed[0]["fingerprint"] != finding["fingerprint"]
    assert "called_guard" not in text
    stack = completed[0]["core"][0]["wants"]["stack"]
    assert stack[0]["function"].startswith("std::")
    assert world.render(completed)[0] == completed


@test
def a_site_is_outside_the_lock_wrappers(world):
    sites_behind_guards(world, "g++")


@test
def clang_leaves_functions_in_namespaces_and_they_are_found(world):
    if not shutil.which("clang++"):
        print("    (no clang++: nothing to test)")
        return
    sites_behind_guards(world, "clang++")


# ---- text --------------------------------------------------------------------------

@test
def the_text_says_everything_in_order(world):
    _, text, _ = world.render([raw.two_locks(*world.program())])
    at = -1
    for part in ("DEADLOCK, proven: 2 threads of two_locks", "wants M1", "wants M2",
                 "thread 'transfer' (tid 4712)", "for 52 ms, at", "take_ledger (two_locks.c:",
                 "holds M2 accounts[1].lock (mutex, normal, accounts+0x38)",
                 "acquired at",
                 "thread 'audit' (tid 4713)", "stuck behind them",
                 "'two_locks' (tid 4711) waits for the end of T3", "the four conditions",
                 "mutual exclusion holds", "hold and wait    holds", "no preemption    holds",
                 "circular wait    holds", "advice", "suppress with", "fingerprint"):
        found = text.find(part, at + 1)
        assert found > at, "%r missing or out of order in\n%s" % (part, text)
        at = found
    assert "libc.so" not in text
    assert max(len(line) for line in text.splitlines()) <= 100


@test
def a_terminal_is_not_at_the_mercy_of_names(world):
    _, text, _ = world.render([raw.hostile(*world.program())])
    assert all(letter == "\n" or letter >= " " for letter in text)
    assert "\u009b" not in text
    _, text, _ = world.render([raw.hostile(*world.program())], "--color=always")
    assert "\x1b[2J" not in text and "\x1b[1;31m" in text


@test
def a_large_core_is_shortened_unless_asked_for(world):
    finding = raw.ring(*world.program(), 100)
    _, text, _ = world.render([finding])
    assert "100 threads of two_locks" in text and "93 more threads" in text
    assert "and 92 more threads of the core (-v shows them)" in text
    assert "'ring-98' (" in text and "'ring-97' (" not in text and "'ring-8' (" not in text
    _, text, _ = world.render([finding], "-v")
    assert all("thread 'ring-%d' " % i in text for i in range(100))


@test
def the_locks_of_the_core_are_shown_and_the_others_counted(world):
    program, told = world.program()
    finding = raw.two_locks(program, told)
    stack = told["main waits"][0]
    for number in range(4, 303):
        finding["resources"].append(raw.resource(number, address=hex(number * 64)))
        finding["core"][0]["holds"].append(raw.hold("M%d" % number, stack))
    _, text, _ = world.render([finding])
    assert "and 299 more (-v shows them)" in text
    assert "holds M2 accounts[1].lock" in text and "M17 " not in text
    _, text, _ = world.render([finding], "-v")
    assert "holds M302 " in text


@test
def quiet_is_quiet(world):
    completed, text, status = world.render([raw.two_locks(*world.program())], "-q")
    assert (len(completed), text, status) == (1, "", 1)


# ---- what is reported ------------------------------------------------------------------

@test
def only_feasible_inversions_are_reported(world):
    program, told = world.program()
    findings = [raw.inversion(program, told, verdict) for verdict in
                ("feasible", "unresolved", "guarded", "ordered", "same-thread", "shared",
                 "yielding")]
    assert [f["verdict"] for f in world.render(findings)[0]] == ["feasible"]
    completed, text, status = world.render(findings[1:], "--all", "--fail-on=inversion")
    assert len(completed) == 6 and status == 0
    assert "no known danger (guarded)" in text


@test
def fail_on_decides_the_status(world):
    program, told = world.program()
    kinds = {"deadlock": raw.two_locks, "orphan": raw.orphan, "inversion": raw.inversion,
             "misuse": raw.misuse}
    expected = {"deadlock": {"deadlock", "orphan"},
                "inversion": {"deadlock", "orphan", "inversion"}, "misuse": set(kinds),
                "never": set()}
    for fail_on, failing in expected.items():
        for kind, make in kinds.items():
            status = world.render([make(program, told)], "--fail-on=" + fail_on)[2]
            assert status == (kind in failing), (fail_on, kind, status)


@test
def the_printed_suppression_suppresses(world):
    program, told = world.program()
    rules = world.path("rules")
    for make in (raw.two_locks, raw.self_relock, raw.orphan, raw.inversion, raw.misuse,
                 raw.unresolvable):
        completed = world.render([make(program, told)])[0][0]
        with open(rules, "w", encoding="utf-8") as out:
            out.write("# known\n%s # until autumn\n" % completed["suppression"])
        found, text, status = world.render([make(program, told)], "--suppressions=" + rules)
        assert (found, text, status) == ([], "", 0), make.__name__
        other = make(program, told)
        for each in other["core"][:1]:
            for step in filter(None, [each["wants"]] + each["holds"]):
                step["site"] = told["main waits"][0][0]
                step["stack"] = told["main waits"][0]
        assert len(world.render([other], "--all", "--suppressions=" + rules)[0]) == 1, make.__name__


@test
def a_baseline_leaves_only_what_is_new(world):
    program, told = world.program()
    old, new = raw.two_locks(program, told), raw.orphan(program, told)
    lines = world.path("lines.json")
    with open(lines, "w", encoding="utf-8") as out:
        out.write("".join(json.dumps(each) + "\n" for each in world.render([old])[0]))
    listed = world.path("list.txt")
    with open(listed, "w", encoding="utf-8") as out:
        out.write("# known\n%s  # seen in May\n" % old["fingerprint"])
    report = world.path("report.json")
    with open(report, "w", encoding="utf-8") as out:
        json.dump({"schema": "dlwatch-report/1", "findings": [old], "coverage": {},
                   "statistics": {}}, out, indent=1)
    for baseline in (lines, listed, report):
        found = world.render([old, new], "--baseline=" + baseline)[0]
        assert [each["kind"] for each in found] == ["orphan"], baseline


# ---- malformed input ---------------------------------------------------------------------

@test
def a_malformed_line_costs_no_other(world):
    good = raw.two_locks(*world.program())
    bad = ["", "nonsense", "[]", "{}", "{\"schema\":1}", json.dumps(good)[:-2], "\x00",
           json.dumps(dict(good, core=[])), json.dumps(dict(good, resources=[])),
           json.dumps(dict(good, core=[1])), json.dumps(dict(good, coffman=None))]
    for each in bad:
        completed, text, status = world.render([], text="%s\n%s\n" % (each, json.dumps(good)))
        assert len(completed) == 1, each
        assert text.count("a finding cannot be read: ") == (1 if each else 0), each
        assert status == (2 if each else 1), each


@test
def every_missing_key_is_named(world):
    good = raw.two_locks(*world.program())

    def paths(value, path=()):
        if isinstance(value, dict):
            for key in value:
                yield path + (key,)
                yield from paths(value[key], path + (key,))
        elif isinstance(value, list) and value:
            yield from paths(value[0], path + (0,))

    optional = {"now_ns", "modules", "function", "file", "line"}
    for path in paths(good):
        value = copy.deepcopy(good)
        parent = value
        for step in path[:-1]:
            parent = parent[step]
        for damage in ("remove", "replace"):
            if damage == "remove":
                parent.pop(path[-1], None)
            else:
                parent[path[-1]] = 3.5
            completed, text, status = world.render([value])
            if "modules" in path or path[-1] in optional | {"offset", "module"}:
                assert "Sanitizer" not in text
                continue
            assert status == 2 and not completed, (path, damage)
            assert len(text.splitlines()) == 1 and str(path[-1]) in text, (path, damage, text)


@test
def malformed_options_give_one_line(world):
    bad = world.path("bad")
    cases = [("--fail-on=sometimes", None), ("--color=blue", None), ("--json=", None),
             ("--suppressions=/no/such", None), ("--baseline=/no/such", None),
             ("--dot=/no/such/dir/x", None), ("--sarif=/no/such/dir/x", None)]
    cases += [("--suppressions=" + bad, text) for text in
              ("deadlock\n", "\n\nsilly:main\n", "deadlock:\n", "deadlock:a,,b\n",
               "fingerprint=12\n", "lock=\n")]
    cases += [("--baseline=" + bad, text) for text in
              ("xyz\n", "{\n", "{}\n", '{"findings":[{}]}\n', "1234\n")]
    for option, text in cases:
        if text is not None:
            with open(bad, "w", encoding="utf-8") as out:
                out.write(text)
        done = subprocess.run([world.tool, "render", option], input=b"", timeout=30,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lines = done.stderr.decode().splitlines()
        assert done.returncode == 2, (option, text, done)
        assert len(lines) == 1 and lines[0].startswith("dlwatch"), (option, text, lines)
        if text is not None:
            assert "%s:" % bad in lines[0], lines


@test
def a_full_disk_is_said(world):
    finding = json.dumps(raw.two_locks(*world.program())).encode() + b"\n"
    for option in ("json", "dot", "sarif", "html", "junit", "report"):
        done = subprocess.run([world.tool, "render", "--%s=/dev/full" % option], input=finding,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
        assert done.returncode == 2, option
        assert b"/dev/full: cannot write" in done.stderr, (option, done.stderr)


# ---- other formats ------------------------------------------------------------------------

def write(world, option, findings):
    name = world.path("file." + option)
    world.render(findings, "-q", "--%s=%s" % (option, name))
    with open(name, encoding="utf-8") as text:
        return text.read()


@test
def dot_is_understood_by_graphviz(world):
    text = write(world, "dot", raw.all_findings(*world.program()))
    assert text.count("subgraph") == len(raw.all_findings(*world.program()))
    if shutil.which("dot"):
        done = subprocess.run(["dot", "-Tcanon"], input=text.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == 0 and not done.stderr, done.stderr
    simple = write(world, "dot", [raw.two_locks(*world.program())])
    assert '"f1 t4711.4712" -> "f1 rM1" [label="wants' in simple
    assert '"f1 rM1" -> "f1 t4711.4713" [label="held by' in simple


@test
def junit_is_xml_with_one_failure_a_finding(world):
    findings = raw.all_findings(*world.program())
    suite = xml.etree.ElementTree.fromstring(write(world, "junit", findings).encode()).find(
        "testsuite")
    assert suite.get("failures") == str(len(findings)) == suite.get("tests")
    assert len(suite.findall("testcase/failure")) == len(findings)
    assert "take_ledger" in suite.find("testcase/failure").text
    suite = xml.etree.ElementTree.fromstring(write(world, "junit", []).encode()).find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")


@test
def html_is_whole_and_needs_nothing_else(world):
    class Reader(html.parser.HTMLParser):
        void = {"meta", "link", "br", "hr", "img"}

        def __init__(self):
            super().__init__()
            self.open, self.seen, self.links = [], [], []

        def handle_starttag(self, tag, attrs):
            self.seen.append(tag)
            self.links += [value for key, value in attrs if key in ("src", "href")]
            if tag not in self.void:
                self.open.append(tag)

        def handle_startendtag(self, tag, attrs):
            self.seen.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag, tag

    text = write(world, "html", raw.all_findings(*world.program()))
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == [] and reader.links == [] and "script" not in reader.seen
    assert reader.seen.count("section") == len(raw.all_findings(*world.program()))
    assert "svg" in reader.seen


@test
def sarif_has_what_its_readers_require(world):
    findings = raw.all_findings(*world.program())
    log = json.loads(write(world, "sarif", findings))
    assert log["version"] == "2.1.0"
    run, = log["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert len(run["results"]) == len(findings)
    for result, finding in zip(run["results"], findings):
        assert result["ruleId"] == finding["kind"] and result["ruleId"] in rules
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        assert result["partialFingerprints"]["dlwatch/v1"]
        for place in result["locations"] + result["relatedLocations"]:
            region = place.get("physicalLocation", {}).get("region", {"startLine": 1})
            assert region["startLine"] >= 1
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("/tests/schema/two_locks.c")
    assert place["artifactLocation"]["uri"].startswith("file:///")
    assert place["region"]["startLine"] == line_of("two_locks.c", "take_ledger(const") + 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("O", os.path.join(ROOT, "build")))
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    tool = os.path.abspath(os.path.join(arguments.build, "dlwatch"))
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="dlwatch-schema.") as directory:
        for number, function in enumerate(TESTS):
            if arguments.only not in function.__name__:
                continue
            own = os.path.join(directory, str(number))
            os.mkdir(own)
            try:
                function(World(tool, own))
                passed += 1
                if arguments.verbose:
                    print("ok   ", function.__name__)
            except Exception:  # a test that breaks has failed, whatever it was
                failed += 1
                print("FAILED", function.__name__)
                traceback.print_exc(file=sys.stdout)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
