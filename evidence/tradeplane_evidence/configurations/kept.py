"""Whether what a ledger says was applied is kept: each version by the digest that its entries name.

The chain vouches for digests; this asks for the bytes. A payload that was changed or taken away breaks no chain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradeplane_store.canonical import sha256_digest

from tradeplane_evidence.configurations.payloads import MAX_INLINE_BYTES, Payloads
from tradeplane_evidence.errors import DigestMismatch, Malformed, NotAttested
from tradeplane_evidence.ledger.database import asking
from tradeplane_evidence.ledger.entries import ROW
from tradeplane_evidence.ledger.errors import LedgerBroken
from tradeplane_evidence.ledger.events import APPLIES
from tradeplane_evidence.ledger.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Engine
    from tradeplane_store.objects import ObjectStore

    from tradeplane_evidence.ledger.entries import Row

ROWS = 256
"""Payloads of one request, each of at most ``MAX_INLINE_BYTES``."""
_SEQUENCE, _ACTION, _CONFIGURATION = (ROW.index(column) for column in ("sequence", "action", "configuration"))
_APPLIES = frozenset(action.value for action in APPLIES)
_ALL = f"SELECT digest, size, content FROM {SCHEMA}.payloads"  # noqa: S608 - constants


@dataclass(slots=True)
class Named:
    """The digests of what was applied, each with the first entry that names it, from the rows of a ledger."""

    entries: dict[str, int] = field(default_factory=dict)

    def keep(self, rows: Sequence[Row]) -> None:
        """Take what rows name."""
        for row in rows:
            if row[_CONFIGURATION] is not None and row[_ACTION] in _APPLIES:
                self.entries.setdefault(row[_CONFIGURATION], row[_SEQUENCE])


@dataclass(frozen=True, slots=True)
class Kept:
    """How many payloads have their digest, and how many lie in an object store that was not looked at."""

    checked: int
    elsewhere: int


def check_kept(
    engine: Engine, named: Named, store: ObjectStore | None = None, progress: Callable[[int], None] = lambda _: None
) -> Kept:
    """Read every payload of a database, and those that lie in a store where it is given.

    Raises LedgerBroken for the first entry of which what was applied is missing or has another digest (its sequence is
    0 where it is a payload that no entry names as applied), LedgerRefused, LedgerUnavailable and what the store raises.
    """
    payloads, faults, checked, elsewhere = Payloads(engine, store), list[tuple[int, str]](), 0, 0
    missing = dict(named.entries)
    for digest, size, content in _rows(engine):
        missing.pop(digest, None)
        if content is None and store is None and size > MAX_INLINE_BYTES:
            elsewhere += 1
            continue
        fault = _fault(payloads, digest, size, content)
        if fault is not None:
            faults.append((named.entries.get(digest, 0), fault))
        checked += 1
        if not checked % ROWS:
            progress(checked)
    faults += [(sequence, f"the payload {digest} is missing") for digest, sequence in missing.items()]
    if faults:
        sequence, words = min(faults)
        of = f"entry {sequence:,} says that it was applied" if sequence else "no entry says that it was applied"
        raise LedgerBroken(f"{words}; {of}", sequence)
    return Kept(checked, elsewhere)


def _rows(engine: Engine) -> Iterator[tuple[str, int, bytes | None]]:
    with asking(engine) as connection:
        driver: Any = connection.connection.driver_connection
        with driver.cursor("payloads", binary=True) as cursor:  # on the server: memory holds ROWS of them
            cursor.execute(_ALL)
            while rows := cursor.fetchmany(ROWS):
                yield from rows


def _fault(payloads: Payloads, digest: str, size: int, content: bytes | None) -> str | None:
    """Return what is wrong with a payload, None where it is as it was kept."""
    if content is None and size <= MAX_INLINE_BYTES:
        return f"the payload {digest} was taken away: it has {size:,} bytes, which stand in the database"
    if content is None:
        try:
            content = payloads.get(digest, limit=size)
        except (DigestMismatch, Malformed, NotAttested) as error:
            return str(error)
    if sha256_digest(bytes(content)) != digest:
        return f"the payload {digest} was changed"
    return None if len(content) == size else f"the payload {digest} has {len(content):,} bytes, and its row {size:,}"
