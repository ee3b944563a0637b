"""Reading a ledger: its head, its whole chain, and the entries of one object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tradeplane_evidence.ledger.appending import head_of
from tradeplane_evidence.ledger.chain import Chain
from tradeplane_evidence.ledger.database import asking
from tradeplane_evidence.ledger.entries import HASH, ROW, SEQUENCE, Entry, entry_of, hash_of
from tradeplane_evidence.ledger.errors import LedgerBroken, LedgerRefused
from tradeplane_evidence.ledger.schema import ENTRIES, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Engine

ROWS = 1_000
"""Rows of one request; more at once are slower to go through, since they leave the processor's caches."""
MAX_ENTRIES = 100_000
"""Entries of one object that are read."""
_ALL = f"SELECT {', '.join(ROW)} FROM {SCHEMA}.ledger ORDER BY sequence"  # noqa: S608 - constants


def head(engine: Engine) -> tuple[int, str]:
    """Return sequence and hash of the last entry. Raises LedgerRefused, LedgerUnavailable."""
    with asking(engine) as connection:
        return head_of(connection)


def verify(
    engine: Engine, heads: Mapping[int, str] | None = None, progress: Callable[[int], None] = lambda _: None
) -> Chain:
    """Follow the whole chain as it stands at one moment, and return it at its end.

    ``heads``: hashes that are known, by sequence. ``progress`` is told how far it is. Raises LedgerBroken at the first
    entry that is not as it was appended, LedgerRefused, LedgerUnavailable.
    """
    chain = Chain(heads)
    with asking(engine) as connection:
        driver: Any = connection.connection.driver_connection
        with driver.cursor("ledger", binary=True) as cursor:  # on the server: memory holds ROWS of them
            cursor.execute(_ALL)
            while rows := cursor.fetchmany(ROWS):
                chain.follow(rows)
                progress(chain.sequence)
    chain.end()
    return chain


def entries_of(engine: Engine, kind: str, namespace: str, name: str) -> list[Entry]:
    """Return the entries of the objects that had a name, in their order, each as it was hashed.

    That none is missing is for ``verify`` to say. Raises LedgerBroken for one that was changed, LedgerRefused where
    there are more than ``MAX_ENTRIES``, Malformed, LedgerUnavailable.
    """
    columns = ENTRIES.c
    query = (
        select(*(columns[column] for column in ROW))
        .where(columns.kind == kind, columns.namespace == namespace, columns.name == name)
        .order_by(columns.sequence)
        .limit(MAX_ENTRIES + 1)
    )
    with asking(engine) as connection:
        rows = connection.execute(query).all()
    if len(rows) > MAX_ENTRIES:
        raise LedgerRefused(f"{kind} {namespace}/{name} has over {MAX_ENTRIES:,} entries; read them in the database")
    for row in rows:
        if hash_of(row) != row[HASH]:
            raise LedgerBroken(f"entry {row[SEQUENCE]} was changed; verify the ledger", row[SEQUENCE])
    return [entry_of(row) for row in rows]
