"""Exact figures in the form people read: percentages, thousands, dates.

The summary's decimal strings are rounded here for the eye alone, with decimal arithmetic; ``-o json`` and the manifest
keep them whole.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradeplane_api.run import Summary

UNDEFINED = "n/a"
"""Stands where a figure is undefined, such as the hit rate of a run without trades."""


def percent(value: str | None, places: int = 2) -> str:
    """Return a fraction as a percentage: ``0.0512`` is ``5.12%``."""
    return UNDEFINED if value is None else f"{_rounded(Decimal(value) * 100, places):,f}%"


def number(value: str | None, places: int = 2) -> str:
    """Return a decimal with thousands separated."""
    return UNDEFINED if value is None else f"{_rounded(Decimal(value), places):,f}"


def moment(value: str | None) -> str:
    """Return an RFC 3339 time in UTC as ``2020-01-02 14:30``, seconds and their fractions where there are any."""
    if value is None:
        return UNDEFINED
    day, _, rest = value.partition("T")
    clock = rest.removesuffix("Z").removesuffix("+00:00")
    clock = clock.rstrip("0").rstrip(".") if "." in clock else clock
    clock = clock.removesuffix(":00") if clock.count(":") == 2 else clock
    return f"{day} {clock}" if clock not in ("", "00:00") else day


def day(value: str | None) -> str:
    """Return the date of an RFC 3339 time."""
    return UNDEFINED if value is None else value.partition("T")[0]


def period(start: str, end: str, records: int) -> str:
    """Return a period by its dates, and by its times as well where there is more than one record a day."""
    form = day if _daily(start, end, records) else moment
    return f"{form(start)} to {form(end)}"


def summary_rows(summary: Summary) -> list[tuple[str, str]]:
    """Name and value of each figure of the summary, in the order people ask for them."""
    form = day if _daily(summary.start, summary.end, summary.bars) else moment
    return [
        ("Period", period(summary.start, summary.end, summary.bars)),
        ("Bars", f"{summary.bars:,}"),
        ("Final equity", number(summary.final_equity)),
        ("Total return", percent(summary.total_return)),
        ("Annual return", percent(summary.annual_return)),
        ("Volatility", percent(summary.volatility)),
        ("Sharpe ratio", number(summary.sharpe)),
        ("Sortino ratio", number(summary.sortino)),
        ("Calmar ratio", number(summary.calmar)),
        ("Maximum drawdown", percent(summary.max_drawdown)),
        ("Drawdown from", form(summary.max_drawdown_start)),
        ("Drawdown to", form(summary.max_drawdown_end)),
        ("Turnover", number(summary.turnover)),
        ("Exposure", percent(summary.exposure)),
        ("Trades", f"{summary.trades:,}"),
        ("Hit rate", percent(summary.hit_rate)),
    ]


def _daily(start: str, end: str, records: int) -> bool:
    days = (date.fromisoformat(day(end)) - date.fromisoformat(day(start))).days + 1
    return records <= days


def _rounded(value: Decimal, places: int) -> Decimal:
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    return abs(rounded) if rounded == 0 else rounded
