"""How bench.py draws what it measured: one SVG, a bar a mode, on a logarithmic scale."""

import math
from xml.sax.saxutils import escape

COLOURS = {"default": "#2a78b5", "stacks": "#e08a1e", "ring": "#3f9b4f", "full": "#b5402a",
           "tsan": "#8a5aa8", "helgrind": "#5f5f5f", "drd": "#a3a3a3"}
OTHER_COLOUR = "#777777"
LEFT, RIGHT, BAR, GAP, HEAD = 330, 470, 9, 12, 50


def position(ratio, most):
    """Of a ratio on the axis: 1 at its left end, @most at its right end."""
    return LEFT + RIGHT * math.log(max(ratio, 1)) / math.log(most)


def text(x, y, words, anchor="start", size=12):
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="{size}">'
            f"{escape(words)}</text>")


def grid(most, height):
    marks = [mark for mark in (1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
             if mark <= most]
    for mark in marks:
        x = position(mark, most)
        yield f'<line x1="{x:.1f}" y1="{HEAD - 8}" x2="{x:.1f}" y2="{height - 8}" stroke="#ddd"/>'
        yield text(x, HEAD - 12, f"{mark:g}", "middle", 10)


def row_bars(row, modes, top, most):
    for number, mode in enumerate(modes):
        if "ratio" not in row["modes"].get(mode, {}):
            continue
        result = row["modes"][mode]
        ratio, y = result["ratio"]["median"], top + number * BAR
        width = max(position(ratio, most) - LEFT, 1)
        yield (f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 1}" '
               f'fill="{COLOURS.get(mode, OTHER_COLOUR)}"/>')
        yield text(LEFT + width + 4, y + BAR - 1, f"{ratio:.2f}", size=9)
        if "limit" in result:
            x = position(result["limit"], most)
            yield (f'<line x1="{x:.1f}" y1="{y - 1}" x2="{x:.1f}" y2="{y + BAR}" '
                   'stroke="black" stroke-width="2"/>')


def legend(modes):
    x = LEFT
    for mode in modes:
        yield (f'<rect x="{x}" y="8" width="10" height="10" '
               f'fill="{COLOURS.get(mode, OTHER_COLOUR)}"/>')
        yield text(x + 14, 17, mode)
        x += 30 + 8 * len(mode)
    yield text(10, 17, "times as long as without dlwatch; | budget")


def drawing(results, modes, machine):
    """The SVG, as a string; only rows with ratios are in it."""
    modes = [mode for mode in modes if any("ratio" in row["modes"].get(mode, {})
                                           for row in results)]
    rows = [row for row in results
            if any("ratio" in row["modes"].get(mode, {}) for mode in modes)]
    ratios = [row["modes"][mode]["ratio"]["median"] for row in rows for mode in modes
              if "ratio" in row["modes"].get(mode, {})]
    most = max(ratios + [2]) * 1.2
    step = BAR * len(modes) + GAP
    height = HEAD + step * len(rows) + 24
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + RIGHT + 60}" '
             f'height="{height}" font-family="sans-serif">',
             '<rect width="100%" height="100%" fill="white"/>', *legend(modes),
             *grid(most, height)]
    for number, row in enumerate(rows):
        top = HEAD + number * step
        parts.append(text(LEFT - 8, top + BAR * len(modes) / 2 + 4, row["what"], "end"))
        parts += row_bars(row, modes, top, most)
    parts.append(text(10, height - 6, machine, size=10))
    return "\n".join([*parts, "</svg>\n"])
