"""Whether rows are the chain that was appended.

Pure: rows go in, in the order of their sequence, and the first that is wrong is named. What it finds by itself: a row
that was changed, taken out of the middle, put in, or moved. What no chain shows by itself: rows taken from its end, and
a chain made anew from some row on. Those show against a head that was signed earlier and kept elsewhere (``heads``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_evidence.ledger.entries import GENESIS, HASH, PREVIOUS, ROW, SCHEMA_VERSION, SEQUENCE, VERSION, hash_of
from tradeplane_evidence.ledger.errors import LedgerBroken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Chain:
    """A chain as far as it was followed. ``heads``: hashes that entries are known to have had, by their sequence."""

    def __init__(self, heads: Mapping[int, str] | None = None) -> None:
        self.sequence = 0
        self.hash = GENESIS
        self._heads = dict(heads or {})

    def follow(self, rows: Iterable[Sequence[Any]]) -> None:
        """Go on with the next rows. Raises LedgerBroken at the first that is not as it was appended."""
        sequence, last, heads = self.sequence, self.hash, self._heads
        for row in rows:
            sequence += 1
            if (
                row[SEQUENCE] != sequence
                or row[PREVIOUS] != last
                or row[VERSION] != SCHEMA_VERSION
                or _hash(row) != row[HASH]
                or (sequence in heads and heads[sequence] != row[HASH])
            ):
                raise _broken(row, sequence, last)
            last = row[HASH]
        self.sequence, self.hash = sequence, last

    def end(self) -> None:
        """Say that there are no more rows. Raises LedgerBroken where a head is of an entry beyond them."""
        beyond = sorted(sequence for sequence in self._heads if sequence > self.sequence)
        if beyond:
            raise LedgerBroken(
                f"the ledger ends with entry {self.sequence:,}, and a signed head is of entry {beyond[0]:,}: "
                "entries were removed from its end",
                self.sequence + 1,
            )


def _hash(row: Sequence[Any]) -> str | None:
    try:
        return hash_of(row)
    except TypeError:  # a value of a type that no column had when it was appended
        return None


def _broken(row: Sequence[Any], expected: int, last: str) -> LedgerBroken:
    """Return what is wrong with a row, the plainest of several faults first."""
    sequence, before = row[SEQUENCE], expected - 1
    if sequence != expected:
        after = f"after entry {before:,}" if before else "at its beginning"
        return LedgerBroken(f"entry {expected:,} is missing: {after} comes entry {sequence}", expected)
    if row[VERSION] != SCHEMA_VERSION:
        return LedgerBroken(
            f"entry {expected:,} has version {row[VERSION]}, and version {SCHEMA_VERSION} is known: "
            "it was changed, or is of a newer tradeplane",
            expected,
        )
    if _hash(row) != row[HASH]:
        return LedgerBroken(
            f"entry {expected:,} was changed: it does not have the hash that it states; it now says "
            + ", ".join(f"{name} {row[ROW.index(name)]!r}" for name in ("action", "kind", "namespace", "name")),
            expected,
        )
    if row[PREVIOUS] != last:
        return LedgerBroken(
            f"entry {expected:,} does not follow what stands before it: it names {row[PREVIOUS]} and that is {last}; "
            "one of the two was changed and its hash made anew, or entries were moved",
            expected,
        )
    return LedgerBroken(
        f"entry {expected:,} is not the one that was signed: a signed head says it has another hash; "
        "it, or an entry before it, was made anew",
        expected,
    )
