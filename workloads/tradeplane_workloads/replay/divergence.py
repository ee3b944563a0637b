"""The first record in which two tables differ.

Everything that follows from a difference differs too, so the first one is the one to look at. It is found among the
records of one block: where digests of blocks are at hand, they say which, and nothing else is compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_store.records import BLOCK_ROWS, first_difference

from tradeplane_workloads.replay.fields import FieldDifference

if TYPE_CHECKING:
    import pyarrow as pa
    from tradeplane_api.run import Part

RECORD = "record"
"""The field named where one side has no more records."""
COLUMNS = "columns"
"""The field named where the two do not have the same columns."""
_THERE = "there"


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two tables part: of what, the number of the record from 0, and the fields of it that differ, in order."""

    part: str
    sequence: int
    fields: tuple[FieldDifference, ...]


def first_divergence(part: str, expected: pa.Table, got: pa.Table, block: int = 0) -> Divergence | None:
    """Return the first record in which two tables differ, or None where they have the same records.

    ``block``: the first block that may differ, as ``diverging_block`` finds it. Two NaNs are the same. Where the
    columns themselves differ, that is what is named, at record 0.
    """
    if expected.schema != got.schema:
        difference = FieldDifference(COLUMNS, _columns(expected), _columns(got))
        return Divergence(part, 0, (difference,))
    for start in range(block * BLOCK_ROWS, max(expected.num_rows, got.num_rows), BLOCK_ROWS):
        ours, theirs = expected.slice(start, BLOCK_ROWS), got.slice(start, BLOCK_ROWS)
        if not ours.equals(theirs):
            found = _in_block(ours, theirs)
            if found is not None:
                row, fields = found
                return Divergence(part, start + row, fields)
    return None


def diverging_block(expected: Part, got: Part) -> int | None:
    """Return the first block in which two parts differ by their digests, or None where they are the same.

    Where all blocks are equal and the parts are not, their columns differ: that is block 0.
    """
    if expected.digest == got.digest:
        return None
    block = first_difference(expected.blocks, got.blocks)
    return 0 if block is None else block


def _in_block(expected: pa.Table, got: pa.Table) -> tuple[int, tuple[FieldDifference, ...]] | None:
    both = min(expected.num_rows, got.num_rows)
    values = [
        (name, one.to_pylist(), other.to_pylist())
        for name, one, other in zip(expected.column_names, expected.columns, got.columns, strict=True)
    ]
    for row in range(both):
        differing = tuple(
            FieldDifference(name, _text(one[row]), _text(other[row]))
            for name, one, other in values
            if not _same(one[row], other[row])
        )
        if differing:
            return row, differing
    if expected.num_rows == got.num_rows:
        return None
    longer = expected.num_rows > got.num_rows
    return both, (FieldDifference(RECORD, _THERE if longer else None, None if longer else _THERE),)


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) or bool(one != one and other != other)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _columns(table: pa.Table) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in table.schema)
