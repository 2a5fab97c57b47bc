"""Raw findings, as the shim writes them, over real offsets of small programs.

The programs are compiled when the tests run and tell where their locks are and
are taken; nothing binary is kept in the tree.
"""

import copy
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


def compile_program(source, output, flags):
    compiler = os.environ.get("CXX" if source.endswith(".cc") else "CC") or (
        "g++" if source.endswith(".cc") else "gcc")
    subprocess.run(compiler.split() + flags + ["-pthread", "-o", output,
                                               os.path.join(HERE, source)], check=True)


def places(program):
    """What a program tells: label -> list of stacks, each a list of frames."""
    told = {}
    last = None
    text = subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in text.splitlines():
        if not line:
            last = None
            continue
        label, address, module, offset = line.split("\t")
        if label != last:
            told.setdefault(label, []).append([])
        last = label
        told[label][-1].append({"address": address, "module": module, "offset": offset,
                                "function": None, "file": None, "line": None})
    return told


def build_id(program):
    text = subprocess.run(["readelf", "-n", program], check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    return next(line.split(":")[1].strip() for line in text.splitlines() if "Build ID" in line)


def token(frame):
    return os.path.basename(frame["module"]) + "+" + frame["offset"]


def want(resource, stack, **changes):
    return dict({"resource": resource, "mode": "exclusive", "since_ns": 948000000,
                 "timed": False, "site": copy.deepcopy(stack[0]),
                 "stack": copy.deepcopy(stack)}, **changes)


def hold(resource, stack, **changes):
    return dict({"resource": resource, "mode": "exclusive", "count": 1,
                 "since_ns": 947000000, "site": copy.deepcopy(stack[0]),
                 "stack": copy.deepcopy(stack)}, **changes)


def resource(number, place=None, **changes):
    value = {"id": "M%d" % number, "kind": "mutex", "type": "normal", "name": "",
             "address": "0x0", "shared": False, "init_site": None,
             "module": "", "offset": "0x0"}
    if place:
        value.update(address=place["address"], module=place["module"], offset=place["offset"])
    value.update(changes)
    return value


def thread(name, tid, wants, holds, program, pid=4711):
    return {"pid": pid, "tid": tid, "name": name, "process": program, "wants": wants,
            "holds": holds}


def two_locks(program, told):
    """The textbook deadlock: account then ledger against ledger then account."""
    first = told["account then ledger: account"][0]
    second = told["account then ledger: ledger"][0]
    third = told["ledger then account: ledger"][0]
    fourth = told["ledger then account: account"][0]
    main = told["main waits"][0]
    core = [
        thread("transfer", 4712, want("M1", second), [hold("M2", first)], program),
        thread("audit", 4713, want("M2", fourth), [hold("M1", third)], program),
    ]
    stuck = [thread("two_locks", 4711, want("T3", main, mode="exit"), [], program)]
    return {
        "schema": "dlwatch-finding/1", "kind": "deadlock", "verdict": "proven",
        "fingerprint": "0123456789abcdef",
        "program": {"pid": 4711, "exe": program, "args": [program, "--fast"]},
        "core": core, "stuck": stuck,
        "resources": [
            resource(1, told["ledger"][0][0]),
            resource(2, told["account"][0][0]),
            resource(3, id="T3", kind="thread", type="unknown", name="transfer (tid 4712)"),
        ],
        "coffman": {
            "mutual_exclusion": {"holds": True, "evidence":
                                 "M1 is held exclusively by 'audit' (tid 4713) and wanted "
                                 "exclusively by 'transfer' (tid 4712); M2 is held exclusively by "
                                 "'transfer' (tid 4712) and wanted exclusively by 'audit' "
                                 "(tid 4713)"},
            "hold_and_wait": {"holds": True, "evidence":
                              "'transfer' (tid 4712) took M2 at %s and waits for M1"
                              % token(first[0])},
            "no_preemption": {"holds": True, "evidence": "no wait has a timeout"},
            "circular_wait": {"holds": True, "evidence": "'transfer' -> M1 -> 'audit' -> M2 -> "
                                                         "'transfer'"},
        },
        "advice": "Take M1 and M2 in one order everywhere: change %s, or %s."
                  % (token(second[0]), token(fourth[0])),
        "suppression": "deadlock:%s,%s" % (token(second[0]), token(fourth[0])),
        "now_ns": 1000000000,
        "modules": [{"path": program, "build_id": build_id(program)}],
    }


def self_relock(program, told):
    stack = told["account then ledger: ledger"][0]
    finding = two_locks(program, told)
    finding["core"] = [thread("lonely", 4712, want("M1", stack), [hold("M1", stack)], program)]
    finding["stuck"] = []
    finding["fingerprint"] = "1111111111111111"
    return finding


def ring(program, told, count):
    """Everybody holds one lock and wants the next one's."""
    stack = told["account then ledger: ledger"][0]
    finding = two_locks(program, told)
    finding["resources"] = [resource(i + 1, address=hex(0x10000 + 64 * i)) for i in range(count)]
    finding["core"] = [thread("ring-%d" % i, 5000 + i, want("M%d" % ((i + 1) % count + 1), stack),
                              [hold("M%d" % (i + 1), stack)], program) for i in range(count)]
    finding["stuck"] = []
    finding["fingerprint"] = "2222222222222222"
    return finding


def orphan(program, told):
    stack = told["account then ledger: ledger"][0]
    finding = two_locks(program, told)
    finding.update(kind="orphan", fingerprint="3333333333333333", stuck=[])
    finding["core"] = [thread("child", 4712, want("M1", stack), [], program)]
    return finding


def inversion(program, told, verdict="feasible"):
    finding = two_locks(program, told)
    finding.update(kind="inversion", verdict=verdict, stuck=[], fingerprint="4444444444444444")
    finding["core"][0]["holds"][0]["count"] = 10412
    finding["core"][1]["holds"][0]["count"] = 3
    return finding


def misuse(program, told):
    stack = told["account then ledger: ledger"][0]
    finding = two_locks(program, told)
    finding.update(kind="misuse", verdict="certain", stuck=[], fingerprint="5555555555555555")
    finding["core"] = [thread("stranger", 4712, None, [hold("M1", stack)], program)]
    return finding


def processes(program, told):
    finding = two_locks(program, told)
    finding["core"][1].update(pid=4800, tid=4800)
    finding["stuck"] = []
    finding["resources"][0].update(shared=True)
    finding["fingerprint"] = "6666666666666666"
    return finding


def python_frames(program, told):
    finding = two_locks(program, told)
    frame = {"language": "python", "function": "transfer", "file": "/srv/bank.py", "line": 12}
    for each in finding["core"]:
        each["wants"].update(site=frame, stack=[frame])
    finding["fingerprint"] = "7777777777777777"
    return finding


def hostile(program, told):
    """Names as bad as a program can make them."""
    finding = two_locks(program, told)
    finding["core"][0]["name"] = "\x1b[2J<b>&\"'\\ \u009b \ufffe \u00e4\u20ac"
    finding["program"]["args"] = ["\x01\x02", "]]>", "--"]
    finding["resources"][0]["name"] = "</script><script>alert(1)</script>"
    finding["advice"] = "]]> <![CDATA[ %s %n"
    finding["fingerprint"] = "8888888888888888"
    return finding


def unresolvable(program, told):
    finding = two_locks(program, told)
    for each in finding["core"]:
        for step in [each["wants"]] + each["holds"]:
            step["stack"] = []
            step["site"] = {"address": "0x7fff00001234", "module": "[vdso]", "offset": "0x234",
                            "function": None, "file": None, "line": None}
    for each in finding["resources"]:
        each.pop("module")
        each.pop("offset")
    finding["fingerprint"] = "9999999999999999"
    return finding


def all_findings(program, told):
    return [make(program, told) for make in
            (two_locks, self_relock, orphan, inversion, misuse, processes, python_frames, hostile,
             unresolvable)] + [ring(program, told, 100)]
