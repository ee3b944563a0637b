"""Appending to the ledger: one chain, whoever appends and however many at once.

Appenders take turns by an advisory lock that a transaction holds until it is committed, so that each sees the head that
the one before left; the lock needs no right that could change a row. What it is relied on for is refused by the
database as well: two entries after one (unique), and one that does not continue the chain (a trigger).

Every event has a key, and a key is entered once. That is what makes it safe to try again: an appender whose connection
broke does not know whether its transaction was committed, and need not.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import ARRAY, Text, any_, bindparam, func, select
from sqlalchemy.exc import SQLAlchemyError

from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.ledger.database import cause, failure
from tradeplane_evidence.ledger.entries import GENESIS, HASH, ROW, SEQUENCE, row_of
from tradeplane_evidence.ledger.heads import moment_of
from tradeplane_evidence.ledger.schema import ENTRIES, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Engine

    from tradeplane_evidence.ledger.entries import Row
    from tradeplane_evidence.ledger.events import Event

MAX_BATCH = 10_000
"""Events of one transaction; others wait for their turn meanwhile."""
TRIES = 6
_FIRST_PAUSE_S = 0.1
"""Before the second try; doubled before each one after it: three seconds in all, and each try has its own limits."""
_TURN = 8_340_126_659_017_523
"""Names the turn to append."""
_PASSING = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.IntegrityError)
"""What another try may not meet: a server that is away, and somebody who appended without waiting for their turn."""
_INSERT = f"COPY {SCHEMA}.ledger ({', '.join(ROW)}) FROM STDIN"


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where an event stands in the ledger; ``added`` is False where it stood there before."""

    sequence: int
    hash: str
    added: bool


def utc_now() -> datetime:
    """Return the time of this machine's clock."""
    return datetime.now(UTC)


def append(engine: Engine, events: Sequence[Event], clock: Callable[[], datetime] = utc_now) -> list[Recorded]:
    """Enter events in their order, all of them or none; return where each stands once that is on the disk.

    Raises Malformed for more than ``MAX_BATCH``, LedgerRefused, and LedgerUnavailable once it was tried ``TRIES``
    times: the events may then be there or not, and appending them again enters them once.
    """
    if len(events) > MAX_BATCH:
        raise Malformed(f"{len(events):,} events are more than {MAX_BATCH:,} of one transaction; append them in parts")
    keyed = [(event.key, event) for event in events]
    for tried in range(1, TRIES + 1):
        try:
            with engine.begin() as connection:
                return _append(connection, keyed, clock)
        except (SQLAlchemyError, psycopg.Error) as error:
            if tried == TRIES or not isinstance(cause(error), _PASSING):
                raise failure(engine, error) from error
            time.sleep(_FIRST_PAUSE_S * 2 ** (tried - 1))
    raise AssertionError("the last try returns or raises")


def _append(
    connection: Connection, keyed: Sequence[tuple[str, Event]], clock: Callable[[], datetime]
) -> list[Recorded]:
    connection.execute(select(func.pg_advisory_xact_lock(_TURN)))
    places = _known(connection, [key for key, _ in keyed])
    sequence, last = head_of(connection)
    recorded = moment_of(clock())
    rows, found = [], []
    for key, event in keyed:
        if key not in places:
            row = row_of(event, key, sequence + 1, last, recorded)
            sequence, last = row[SEQUENCE], row[HASH]
            rows.append(row)
            places[key] = (sequence, last)
            found.append(Recorded(sequence, last, added=True))
        else:
            found.append(Recorded(*places[key], added=False))
    _insert(connection, rows)
    return found


def _known(connection: Connection, keys: Sequence[str]) -> dict[str, tuple[int, str]]:
    wanted = bindparam("keys", list(keys), type_=ARRAY(Text))
    query = select(ENTRIES.c.key, ENTRIES.c.sequence, ENTRIES.c.hash).where(ENTRIES.c.key == any_(wanted))
    return {key: (sequence, digest) for key, sequence, digest in connection.execute(query)}


def head_of(connection: Connection) -> tuple[int, str]:
    """Return sequence and hash of the last entry; 0 and ``GENESIS`` where there is none."""
    query = select(ENTRIES.c.sequence, ENTRIES.c.hash).order_by(ENTRIES.c.sequence.desc()).limit(1)
    found = connection.execute(query).one_or_none()
    return (0, GENESIS) if found is None else (found[0], found[1])


def _insert(connection: Connection, rows: Sequence[Row]) -> None:
    """Write rows by COPY, which is one statement and so one check of the chain."""
    if not rows:
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(_INSERT) as copy:
        for row in rows:
            copy.write_row(row)
