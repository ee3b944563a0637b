"""What was measured, as a table of Markdown and as two plots side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COLOURS = ("#0072b2", "#d55e00", "#009e73")
"""Told apart by those who see red and green alike, on light and on dark."""
WIDTH, HEIGHT = 340, 230
LEFT, TOP, RIGHT, BOTTOM = 52, 30, 22, 42
STYLE = "font-family:sans-serif;font-size:11px;fill:#888"


@dataclass(frozen=True, slots=True)
class Cell:
    """One run: how many millions of events and how many instruments; what came of it."""

    millions: int
    instruments: int
    events_per_s: float
    peak_mb: float
    logged: int


def table(cells: Sequence[Cell]) -> str:
    """Lay the cells out in Markdown."""
    lines = ["| events | instruments | M events/s | peak memory, MB | of it the tape, MB | rows of the log |"]
    lines.append("|--:|--:|--:|--:|--:|--:|")
    for cell in cells:
        numbers = f"{cell.events_per_s / 1e6:.1f} | {cell.peak_mb:,.0f} | {cell.millions * 42:,} | {cell.logged:,}"
        lines.append(f"| {cell.millions} M | {cell.instruments} | {numbers} |")
    return "\n".join(lines) + "\n"


def svg(cells: Sequence[Cell]) -> str:
    """Draw events a second and peak memory over the number of events, a line for each number of instruments."""
    fastest = max(cell.events_per_s for cell in cells) / 1e6
    ticks = _round_ticks(fastest)
    speed = _panel("M events/s", cells, lambda cell: cell.events_per_s / 1e6, ticks, lambda value: value / ticks[-1])
    decades = [100, 1000, 10_000]
    memory = _panel("peak memory, MB", cells, lambda cell: cell.peak_mb, decades, lambda mb: math.log10(mb / 100) / 2)
    size = f'width="{2 * WIDTH}" height="{HEIGHT}" viewBox="0 0 {2 * WIDTH} {HEIGHT}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{STYLE}">\n'
        "<title>Events a second and peak memory, by events and instruments</title>\n"
        f'<g>\n{speed}</g>\n<g transform="translate({WIDTH} 0)">\n{memory}</g>\n</svg>\n'
    )


def _round_ticks(most: float) -> list[int]:
    """Return five ticks from 0 up to a round number that is not below the most."""
    magnitude = 10 ** math.floor(math.log10(most / 4))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude * 4 >= most)
    return [round(step * index) for index in range(5)]


def _panel(
    title: str,
    cells: Sequence[Cell],
    value: Callable[[Cell], float],
    ticks: Sequence[int],
    share: Callable[[float], float],
) -> str:
    def across(millions: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log10(millions) / 2

    def up(number: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share(number)

    parts = [f'<text x="{LEFT}" y="16">{title}</text>']
    for tick in ticks:
        height = up(tick)
        parts.append(f'<path d="M{LEFT} {height:.1f}H{WIDTH - RIGHT}" stroke="#8884"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{tick:,}</text>')
    for millions in sorted({cell.millions for cell in cells}):
        place = f'x="{across(millions):.1f}" y="{HEIGHT - BOTTOM + 16}"'
        parts.append(f'<text {place} text-anchor="middle">{millions} M</text>')
    for index, instruments in enumerate(sorted({cell.instruments for cell in cells})):
        line = [(across(cell.millions), up(value(cell))) for cell in cells if cell.instruments == instruments]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
        colour = COLOURS[index % len(COLOURS)]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.extend(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in line)
        legend = f'x="{LEFT + 95 * index}" y="{HEIGHT - 8}" style="fill:{colour}"'
        parts.append(f"<text {legend}>{instruments} instrument{'s' if instruments > 1 else ''}</text>")
    return "\n".join(parts) + "\n"
