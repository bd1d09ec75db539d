#!/usr/bin/env python3
"""Draws the curves of `buslane bench growth --json`: one SVG file for each axis.

    buslane bench growth --json | scripts/plot-growth.py docs/performance

A picture is read on a light page and on a dark one: it has no background and greys that stand out from both. The axis
across is logarithmic, since everything grows by powers of ten; the axis up is microseconds of the broker's CPU time for
one message, from zero. The dashed lines are what a target allows, as a multiple of the first step.
"""

import json
import math
import pathlib
import sys

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 60, 44, 40, 46
GREY, FAINT, CURVE, MUST = "#7d8590", "#7d859055", "#2f81f7", "#d4762c"
# How many times the cost of the first step a later one may have; the other axes have no such target.
ALLOWED = {"services": 2.0, "topics": 2.0, "connections": 2.0}
TITLES = {
    "services": ("a request, by services registered", "services"),
    "topics": ("a publish, by topics published to in turn", "topics"),
    "connections": ("a publish, by connections of which ten are busy", "connections"),
    "subscriptions": ("a publish, by subscriptions, three of four with wildcards", "subscriptions"),
    "retained": ("a retained value set anew, by values retained", "values"),
    "late-subscribers": ("a subscription that ten retained values answer, by values retained", "values"),
    "subscribing": ("a subscribe or unsubscribe, by subscriptions of the client", "subscriptions"),
    "registrations": ("a registration with ten schemas, by services registered", "services"),
}


def main() -> None:
    """Reads the results on stdin and writes the pictures into the folder given."""
    if len(sys.argv) != 2:
        sys.exit("usage: plot-growth.py FOLDER < RESULTS")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for axis, steps in curves(sys.stdin).items():
        path = folder / f"{axis}.svg"
        path.write_text(picture(axis, steps), encoding="utf-8")
        print(path)


def curves(lines) -> dict[str, list[tuple[int, float]]]:
    """Sorts the results by axis: the median where a step was measured several times."""
    measured: dict[str, dict[int, list[float]]] = {}
    for line in lines:
        result = json.loads(line)
        if result.get("scenario") != "growth" or result["broker_us_per_message"] is None:
            continue
        steps = measured.setdefault(result["axis"], {})
        steps.setdefault(result["count"], []).append(result["broker_us_per_message"])
    return {
        axis: [(count, middle(figures)) for count, figures in sorted(steps.items())]
        for axis, steps in measured.items()
    }


def middle(figures: list[float]) -> float:
    """Returns the median."""
    ordered = sorted(figures)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def picture(axis: str, steps: list[tuple[int, float]]) -> str:
    """Draws one curve."""
    title, unit = TITLES.get(axis, (f"a message, by {axis}", axis))
    allowed = ALLOWED.get(axis)
    first, last = steps[0][0], steps[-1][0]
    limit = steps[0][1] * allowed if allowed else None
    step, top = scale(max([figure for _, figure in steps] + ([limit] if limit else [])))
    span = math.log10(last / first) or 1.0

    def x(count: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log10(count / first) / span

    def y(figure: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * figure / top

    parts = [text(12, 20, f"CPU microseconds for {title}", "start", weight="600")]
    figure = 0.0
    while figure <= top * 1.001:
        parts.append(line(LEFT, y(figure), WIDTH - RIGHT, y(figure), FAINT))
        parts.append(text(LEFT - 8, y(figure) + 4, short(figure), "end"))
        figure += step
    for count, _ in steps:
        parts.append(text(x(count), HEIGHT - BOTTOM + 18, f"{count:,}", "middle"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, unit, "middle"))
    if limit:
        parts.append(line(LEFT, y(limit), WIDTH - RIGHT, y(limit), MUST, ' stroke-dasharray="6 4"'))
        parts.append(text(WIDTH - RIGHT, y(limit) - 6, f"allowed: {allowed:g} times the first", "end", MUST))
    points = " ".join(f"{x(count):.1f},{y(figure):.1f}" for count, figure in steps)
    parts.append(f'<polyline points="{points}" fill="none" stroke="{CURVE}" stroke-width="2.5"/>')
    for count, figure in steps:
        parts.append(f'<circle cx="{x(count):.1f}" cy="{y(figure):.1f}" r="4" fill="{CURVE}"/>')
        anchor = "start" if count == first else "end" if count == last else "middle"
        parts.append(text(x(count), y(figure) - 10, short(figure), anchor, CURVE))
    body = "\n  ".join(parts)
    label = f"{title}: " + ", ".join(f"{short(figure)} us at {count:,}" for count, figure in steps)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}"\n'
        f'  font-family="system-ui, sans-serif" font-size="12">\n  {body}\n</svg>\n'
    )


def scale(most: float) -> tuple[float, float]:
    """Chooses the distance of the grid's lines, and where the axis ends, with some room above the curve."""
    most = (most or 1.0) * 1.15
    power = 10 ** math.floor(math.log10(most / 4))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if most / (factor * power) <= 5)
    return step, math.ceil(most / step) * step


def short(figure: float) -> str:
    """Writes a figure in at most three digits."""
    return f"{figure:.3g}" if figure < 100 else f"{figure:,.0f}"


def text(x: float, y: float, content: str, anchor: str, color: str = GREY, weight: str = "400") -> str:
    """Writes a text."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{color}" font-weight="{weight}">{content}</text>'


def line(x1: float, y1: float, x2: float, y2: float, color: str, more: str = "") -> str:
    """Draws a straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"{more}/>'


if __name__ == "__main__":
    main()
