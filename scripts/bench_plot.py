"""How bench.py draws what it measured: one SVG, a bar a mode, and the curves below."""

import math
from xml.sax.saxutils import escape

from bench_measure import MODES
from bench_table import columns_of, ratio_text

COLOURS = {"default": "#2a78b5", "nopredict": "#86b9de", "stacks": "#e08a1e", "ring": "#3f9b4f",
           "full": "#b5402a", "tsan": "#8a5aa8", "helgrind": "#5f5f5f", "drd": "#a3a3a3",
           "native": "#222222", "run": "#2a78b5", "preload": "#e08a1e"}
LEFT, RIGHT, BAR, GAP, HEAD = 300, 500, 8, 12, 56
PLOT_WIDTH, PLOT_HEIGHT, PLOT_LEFT, PLOT_FOOT = 420, 230, 70, 60


def text(x, y, words, anchor="start", size=12):
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="{size}">'
            f"{escape(words)}</text>")


def line(x1, y1, x2, y2, colour, width=1):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="{width}"/>')


def box(x, y, width, height, colour):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" '
            f'fill="{colour}"/>')


# ---- bars: ratios to native ------------------------------------------------------

def position(ratio, most):
    """Of a ratio on the axis: 1 at its left end, @most at its right end."""
    return LEFT + RIGHT * math.log(max(ratio, 1)) / math.log(most)


def grid(most, height):
    marks = [mark for mark in (1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000) if mark <= most]
    for mark in marks:
        x = position(mark, most)
        yield line(x, HEAD - 8, x, height, "#dddddd")
        yield text(x, HEAD - 12, f"{mark:g}", "middle", 10)


def row_bars(row, modes, top, most):
    for number, mode in enumerate(modes):
        if "ratio" not in row["modes"].get(mode, {}):
            continue
        result = row["modes"][mode]
        ratio, y = result["ratio"], top + number * BAR
        x = position(ratio["median"], most)
        yield box(LEFT, y, max(x - LEFT, 1), BAR - 1, COLOURS[mode])
        yield line(position(ratio["q1"], most), y + 3.5, position(ratio["q3"], most), y + 3.5,
                   "black")
        yield text(max(x, position(ratio["q3"], most)) + 4, y + BAR - 1,
                   ratio_text(ratio["median"]), size=8)
        if "limit" in result:
            mark = position(result["limit"], most)
            yield line(mark, y - 1, mark, y + BAR, "black", 2)


def legend(modes):
    x = LEFT
    for mode in modes:
        yield box(x, 8, 10, 10, COLOURS[mode])
        yield text(x + 14, 17, mode)
        x += 26 + 7 * len(mode)
    yield text(10, 17, "times as long as without dlwatch")
    yield text(10, 32, "thick: budget; thin: quartiles", size=10)


def bars(results):
    """Return: the drawing, its height"""
    rows = [row for row in results
            if any("ratio" in result for result in row.get("modes", {}).values())]
    modes = columns_of(rows, MODES)
    most = max([row["modes"][mode]["ratio"]["median"] for row in rows for mode in row["modes"]
                if "ratio" in row["modes"][mode]] + [2]) * 1.3
    step = BAR * len(modes) + GAP
    height = HEAD + step * len(rows)
    parts = [*legend(modes), *grid(most, height)]
    for number, row in enumerate(rows):
        top = HEAD + number * step
        parts.append(text(LEFT - 8, top + BAR * len(modes) / 2 + 4, row["what"], "end"))
        parts += row_bars(row, modes, top, most)
    return parts, height


# ---- curves: as everything grows ------------------------------------------------------

class Scale:
    """A logarithmic axis from one power of ten to another."""

    def __init__(self, values, start, length):
        values = [value for value in values if value > 0] or [1]
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
        self.start, self.length = start, length

    def place(self, value):
        exponent = max(math.log10(value), self.low) if value > 0 else self.low
        return self.start + self.length * (exponent - self.low) / (self.high - self.low)

    def marks(self):
        return [10.0 ** exponent for exponent in range(self.low, self.high + 1)]


def curve(row, left, top):
    names = [name for name in row["points"][0] if name != "at"]
    across = Scale([point["at"] for point in row["points"]], left + PLOT_LEFT,
                   PLOT_WIDTH - PLOT_LEFT - 90)
    up = Scale([point[name] for point in row["points"] for name in names],
               top + PLOT_HEIGHT - PLOT_FOOT, -(PLOT_HEIGHT - PLOT_FOOT - 30))
    yield text(left + PLOT_LEFT, top + 14, row["what"])
    yield text(left + PLOT_LEFT, top + PLOT_HEIGHT - 26, row["of"], size=10)
    for mark in across.marks():
        yield line(across.place(mark), up.start, across.place(mark), up.start + up.length, "#dddddd")
        yield text(across.place(mark), up.start + 14, f"{mark:g}", "middle", 10)
    for mark in up.marks():
        yield line(across.start, up.place(mark), across.start + across.length, up.place(mark),
                   "#dddddd")
        yield text(across.start - 6, up.place(mark) + 4, f"{mark:g}", "end", 10)
    ends = []
    for name in names:
        places = [(across.place(point["at"]), up.place(point[name])) for point in row["points"]]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{joined}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>'
        y = apart(places[-1][1], ends)
        ends.append(y)
        yield box(places[-1][0] + 8, y - 4, 8, 8, COLOURS[name])
        yield text(places[-1][0] + 20, y + 4, name, size=10)


def apart(y, others):
    """Near @y, where no other name stands."""
    while any(abs(y - other) < 12 for other in others):
        y += 3
    return y


def drawing(figures):
    """The SVG, as a string."""
    results = figures["results"]
    parts, height = bars(results)
    height += 20
    for number, row in enumerate(row for row in results if row["kind"] == "curve"):
        left, top = number % 2 * PLOT_WIDTH, height + number // 2 * PLOT_HEIGHT
        parts += curve(row, left, top)
    curves = sum(row["kind"] == "curve" for row in results)
    height += (curves + 1) // 2 * PLOT_HEIGHT + 24
    parts.append(text(10, height - 8, f"{figures['date']}, {figures['machine']}", size=10))
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + RIGHT + 60}" '
                      f'height="{height}" font-family="sans-serif">',
                      '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>"])
