"""What a measurement leaves: a figure, the peer's figure, and how many times over."""

from __future__ import annotations

import asyncio
import importlib
import signal
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Record:
    """One figure. Names are fixed, so that figures can be compared over time.

    ``value`` and ``reference_value`` are in ``unit``; ``reference`` says who the peer is; ``ratio`` is what the name
    asks for, where it asks for one; ``timed`` says what was timed, for both.
    """

    name: str
    value: float
    unit: str
    reference: str | None
    reference_value: float | None
    ratio: float | None
    timed: str

    def document(self) -> dict[str, object]:
        """Return the record as it is written to build/bench.json."""
        return asdict(self)


def measured(package: str, parts: Mapping[str, tuple[str, ...]], names: Collection[str]) -> Iterator[Record]:
    """Measure the records that begin with one of the names, all of them where there are none, one after the other.

    ``parts``: modules of a package, and the records that ``measure()`` of each measures; imported when needed.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # clusters are taken down however a measurement ends
    for module, records in parts.items():
        if not names or any(record.startswith(name) for record in records for name in names):
            print(f"  {', '.join(records)} ...", file=sys.stderr, flush=True)
            yield from asyncio.run(importlib.import_module(f"{package}.{module}").measure())


def table(records: Iterable[Record]) -> Table:
    """Lay records out for people."""
    laid = Table(title="Measurements", show_lines=True)
    for heading in ("name", "value", "unit", "reference", "its value", "ratio", "what was timed"):
        laid.add_column(heading, justify="right" if heading in {"value", "its value", "ratio"} else "left")
    for record in records:
        numbers = [_number(record.value), _number(record.reference_value), _number(record.ratio)]
        laid.add_row(record.name, numbers[0], record.unit, record.reference or "", *numbers[1:], record.timed)
    return laid


def _number(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"
