"""Reading a ledger: its head, its whole chain, and the entries of one object."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Text, any_, bindparam, func, not_, select, text

from tradeplane_evidence.ledger.appending import head_of
from tradeplane_evidence.ledger.chain import Chain
from tradeplane_evidence.ledger.database import asking
from tradeplane_evidence.ledger.entries import HASH, ROW, SEQUENCE, Entry, entry_of, hash_of
from tradeplane_evidence.ledger.errors import LedgerBroken, LedgerRefused
from tradeplane_evidence.ledger.events import APPLIES, Action, ObjectReference
from tradeplane_evidence.ledger.schema import ENTRIES, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Engine

    from tradeplane_evidence.ledger.entries import Row

ROWS = 1_000
"""Rows of one request; more at once are slower to go through, since they leave the processor's caches."""
_ALL_OBJECTS_SECONDS = 120
MAX_ENTRIES = 100_000
"""Entries of one object that are read."""
_ALL = f"SELECT {', '.join(ROW)} FROM {SCHEMA}.ledger ORDER BY sequence"  # noqa: S608 - constants


def head(engine: Engine) -> tuple[int, str]:
    """Return sequence and hash of the last entry. Raises LedgerRefused, LedgerUnavailable."""
    with asking(engine) as connection:
        return head_of(connection)


def verify(
    engine: Engine,
    heads: Mapping[int, str] | None = None,
    progress: Callable[[int], None] = lambda _: None,
    keep: Callable[[Sequence[Row]], None] = lambda _: None,
) -> Chain:
    """Follow the whole chain as it stands at one moment, and return it at its end.

    ``heads``: hashes that are known, by sequence. ``progress`` is told how far it is, and ``keep`` is given the rows
    once they are found to be as they were appended. Raises LedgerBroken at the first
    entry that is not as it was appended, LedgerRefused, LedgerUnavailable.
    """
    chain = Chain(heads)
    with asking(engine) as connection:
        driver: Any = connection.connection.driver_connection
        with (
            driver.cursor("ledger", binary=True) as cursor,  # on the server: memory holds twice ROWS of them
            ThreadPoolExecutor(1, thread_name_prefix="ledger") as ahead,
        ):
            cursor.execute(_ALL)
            coming = ahead.submit(cursor.fetchmany, ROWS)
            while rows := coming.result():
                coming = ahead.submit(cursor.fetchmany, ROWS)  # the server looks for the next while these are hashed
                chain.follow(rows)
                keep(rows)
                progress(chain.sequence)
    chain.end()
    return chain


def living(engine: Engine) -> list[ObjectReference]:
    """Return the objects that were applied and not deleted, as far as the ledger says, in the order of their UIDs.

    Raises LedgerRefused, LedgerUnavailable, also where that takes longer than ``_ALL_OBJECTS_SECONDS``.
    """
    columns = ENTRIES.c
    latest = func.max(columns.sequence).label("latest")
    gone = func.bool_or(columns.action == Action.DELETED.value)
    uids = select(latest).group_by(columns.uid).having(not_(gone)).subquery()
    wanted = (columns.api_version, columns.kind, columns.namespace, columns.name, columns.uid)
    query = select(*wanted).join(uids, columns.sequence == uids.c.latest).order_by(columns.uid)
    with asking(engine) as connection:
        connection.execute(text(f"SET LOCAL statement_timeout = '{_ALL_OBJECTS_SECONDS}s'"))
        return [ObjectReference(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - its public name


def applied_of(engine: Engine, one: ObjectReference) -> dict[int, str | None]:
    """Return the digest of the specification that was recorded first of each generation of an object.

    None stands for a generation of which no entry names one.
    """
    columns = ENTRIES.c
    query = (
        select(columns.generation, columns.configuration)
        .where(
            columns.kind == one.kind,
            columns.namespace == one.namespace,
            columns.name == one.name,
            columns.uid == one.uid,
            columns.action.in_(sorted(APPLIES)),
            columns.generation.is_not(None),
        )
        .order_by(columns.configuration.is_not(None), columns.sequence.desc())
    )
    with asking(engine) as connection:
        return {row.generation: row.configuration for row in connection.execute(query)}


def authenticated_of(engine: Engine, objects: Iterable[ObjectReference]) -> dict[str, dict[int | None, str]]:
    """Return when somebody who is authenticated did what the ledger says of objects, by UID.

    By the generation that was applied, and under None of the deletion; the earliest time where there are several.
    """
    named: dict[tuple[str, str], dict[str, set[str]]] = {}
    for one in objects:
        named.setdefault((one.kind, one.namespace), {}).setdefault(one.name, set()).add(one.uid)
    columns = ENTRIES.c
    found: dict[str, dict[int | None, str]] = {}
    with asking(engine) as connection:
        for (kind, namespace), names in named.items():
            wanted = bindparam("names", list(names), type_=ARRAY(Text))
            query = select(columns.name, columns.uid, columns.generation, columns.occurred).where(
                columns.kind == kind,
                columns.namespace == namespace,
                columns.name == any_(wanted),
                columns.action.in_(sorted({*APPLIES, Action.DELETED})),
                columns.user_name.is_not(None),
            )
            for name, uid, generation, occurred in connection.execute(query):
                if uid in names[name]:
                    times = found.setdefault(uid, {})
                    times[generation] = min(occurred, times.get(generation, occurred))
    return found


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
