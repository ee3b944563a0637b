"""What a measurement leaves: a figure, the peer's figure, and how many times over."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable


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
