"""Curves: what an operation, watching and finding cost, as everything grows."""

import statistics

from bench_hangs import CALM, SETTLE, WAYS, measure_crowd
from bench_measure import PATIENCE, Samples
from bench_workloads import Micro

LOCKS = (100, 1000, 10000, 100000, 1000000)
THREADS = (10, 100, 1000, 10000)
PROCESSES = (1, 10, 100)
ROUNDS = 3
LEAST = 2000000

# A workload of the micro program, what is many, how many, in which modes, said how.
# One after the other, each lock is taken three times: what the first one costs is not
# in the fastest slice.
LOOPS = (
    ("many_locks", "locks", LOCKS, ("default", "full"), "taking one lock after the other, ns each"),
    ("many_inside", "locks", LOCKS, ("default",), "the same inside an outer lock, ns each"),
    ("beside_threads", "threads", THREADS, ("default",), "a lock beside sleeping threads, ns"),
    ("beside_processes", "processes", PROCESSES, ("default",),
     "a lock beside sleeping processes, ns"),
)


def loop_curve(setup, name, of, sizes, modes, what):
    points = []
    for size in sizes:
        ops = max(LEAST, 6 * size) if of == "locks" else LEAST
        load = Micro(setup, name, "beside", ops, what, [f"--size={size}"])
        load.least = load.ops
        samples = Samples(load)
        samples.add_rounds(list(modes), 0, ROUNDS, PATIENCE)
        point = {"at": size, "native": statistics.median(samples.native)}
        for mode in modes:
            point[mode] = statistics.median(watched for _, watched in samples.pairs[mode])
        points.append(point)
    return {"name": name, "what": what, "of": of, "unit": "ns", "kind": "curve", "points": points}


def crowd_curves(setup, what, of, sizes, shape):
    """Two curves from the same runs. @what is many, a size of which has @shape."""
    watching, finding = [], []
    for size in sizes:
        found, share = {}, {}
        for way in WAYS:
            share[way], first = measure_crowd(setup, way, *shape(size), settle=CALM, seconds=2)
            more = [measure_crowd(setup, way, *shape(size), settle=SETTLE, seconds=0.1)[1]
                    for _ in range(2)]
            found[way] = statistics.median([first, *more])
        watching.append({"at": size, **share})
        finding.append({"at": size, **found})
    about = {"of": of, "kind": "curve"}
    return [{"name": f"watching_{what}", "unit": "%", **about, "points": watching,
             "what": f"watching blocked {what}, % of a processor"},
            {"name": f"finding_{what}", "unit": "ms", **about, "points": finding,
             "what": f"cycle to report beside blocked {what}, ms"}]


def all_curves(setup):
    for loop in LOOPS:
        yield lambda loop=loop: [loop_curve(setup, *loop)]
    yield lambda: crowd_curves(setup, "threads", "threads", THREADS, lambda size: (size, 1))
    yield lambda: crowd_curves(setup, "processes", "processes of ten threads", PROCESSES,
                               lambda size: (10 * size, size))
