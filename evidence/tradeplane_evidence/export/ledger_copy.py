"""A copy of the audit ledger as it stands at one moment, verified while it is copied, with what it is compared with.

It is copied whole: a chain from which entries were left out cannot be followed by who has the copy. Of a ledger that is
not as it was appended nothing is copied, and the fault is told.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tradeplane_evidence.configurations.payloads import Payloads
from tradeplane_evidence.errors import EvidenceError, TooLarge
from tradeplane_evidence.ledger.entries import ROW, Entry, entry_of
from tradeplane_evidence.ledger.errors import LedgerBroken, LedgerRefused, LedgerUnavailable
from tradeplane_evidence.ledger.events import APPLIES
from tradeplane_evidence.ledger.reading import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Engine

    from tradeplane_evidence.ledger.entries import Row
    from tradeplane_evidence.ledger.heads import SignedHead

STRATEGY, APPROVAL = "Strategy", "Approval"
MAX_APPROVALS = 10_000
"""Objects that are approvals, of which what was applied is looked at."""
MAX_APPROVAL_BYTES = 1024 * 1024
MAX_CONFIGURATION_BYTES = 2 * 1024 * 1024
"""Of a specification, as the recorder keeps them."""
_KIND, _NAMESPACE, _NAME = (ROW.index(column) for column in ("kind", "namespace", "name"))


@dataclass(frozen=True, slots=True)
class KeptHead:
    """A signed head that the ledger was compared with, and its bundle."""

    signed: SignedHead
    bundle: bytes


@dataclass(frozen=True, slots=True)
class LedgerCopy:
    """A ledger, copied. ``broken`` says what is wrong with it, and there is nothing else of it then.

    ``lines``: the rows as JSON, one a line. ``strategies``: rows of Strategies by namespace and name. ``approvals``:
    what was applied as an Approval, by namespace, each with the bytes of its specification.
    """

    heads: tuple[KeptHead, ...] = ()
    broken: LedgerBroken | None = None
    sequence: int = 0
    hash: str = ""
    lines: bytes = b""
    strategies: Mapping[tuple[str, str], Sequence[Row]] = field(default_factory=dict)
    approvals: Mapping[str, Sequence[tuple[Entry, bytes]]] = field(default_factory=dict)
    configuration: Callable[[str], bytes | None] = field(default=lambda _digest: None, repr=False)
    """What was applied, by its digest; None where the database does not have it, or not whole."""

    def entries_of(self, namespace: str, strategy: str) -> list[Entry]:
        """Return the entries of a Strategy in their order. Raises Malformed."""
        return [entry_of(row) for row in self.strategies.get((namespace, strategy), ())]


@dataclass(slots=True)
class _Copying:
    """Rows as they come, within a limit."""

    most_bytes: int
    lines: list[bytes] = field(default_factory=list)
    strategies: defaultdict[tuple[str, str], list[Row]] = field(default_factory=lambda: defaultdict(list))
    approvals: list[Row] = field(default_factory=list)
    size: int = 0

    def keep(self, rows: Sequence[Row]) -> None:
        for row in rows:
            line = json.dumps(dict(zip(ROW, row, strict=True)), sort_keys=True, separators=(",", ":")).encode() + b"\n"
            self.size += len(line)
            if self.size > self.most_bytes:
                raise TooLarge(
                    f"the ledger has more than {self.most_bytes:,} bytes; raise --max-ledger-bytes, or leave the "
                    "ledger out: a part of it could not be verified"
                )
            self.lines.append(line)
            if row[_KIND] == STRATEGY:
                self.strategies[row[_NAMESPACE], row[_NAME]].append(tuple(row))
            elif row[_KIND] == APPROVAL:
                self.approvals.append(tuple(row))


def copy_ledger(
    engine: Engine, heads: Sequence[KeptHead], most_bytes: int, progress: Callable[[int], None] = lambda _: None
) -> LedgerCopy:
    """Copy a ledger, following its whole chain against signed heads.

    Raises TooLarge, LedgerRefused where it cannot be copied, LedgerUnavailable.
    """
    kept = tuple(sorted(heads, key=lambda one: (one.signed.head.sequence, one.bundle)))
    copying = _Copying(most_bytes)
    try:
        chain = verify(engine, _known(kept), progress, copying.keep)
    except LedgerBroken as error:
        return LedgerCopy(kept, error)
    return LedgerCopy(
        heads=kept,
        sequence=chain.sequence,
        hash=chain.hash,
        lines=b"".join(copying.lines),
        strategies=dict(copying.strategies),
        approvals=_approvals(engine, copying.approvals),
        configuration=partial(_payload, Payloads(engine), limit=MAX_CONFIGURATION_BYTES),
    )


def _payload(payloads: Payloads, digest: str, limit: int) -> bytes | None:
    """Return a payload; None for one that is in a store, was never kept, or was changed. Raises LedgerUnavailable."""
    try:
        return payloads.get(digest, limit=limit)
    except LedgerUnavailable:
        raise
    except EvidenceError:
        return None


def _known(heads: Sequence[KeptHead]) -> dict[int, str]:
    known: dict[int, str] = {}
    for one in heads:
        head = one.signed.head
        if known.setdefault(head.sequence, head.hash) != head.hash:
            raise LedgerBroken(
                f"two signed heads are of entry {head.sequence:,} and differ: there were two ledgers", head.sequence
            )
    return known


def _approvals(engine: Engine, rows: Sequence[Row]) -> dict[str, list[tuple[Entry, bytes]]]:
    """Return what was applied as approvals, as far as it is in the database."""
    if len(rows) > MAX_APPROVALS:
        raise LedgerRefused(f"the ledger has over {MAX_APPROVALS:,} entries of approvals; read them in the database")
    payloads, found = Payloads(engine), defaultdict(list)
    for entry in map(entry_of, rows):
        digest = entry.event.configuration
        if entry.event.action not in APPLIES or digest is None:
            continue
        data = _payload(payloads, digest, MAX_APPROVAL_BYTES)
        if data is not None:
            found[entry.event.object.namespace].append((entry, data))
    return dict(found)
