"""What is entered into an index, and how it is found again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, selectinload

from tradeplane_store.index.schema import InstrumentRow, SnapshotRow
from tradeplane_store.index.troubles import IndexFailure, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    from sqlalchemy import Engine

    _Result = TypeVar("_Result")

MAX_FOUND = 10_000
"""Snapshots that one search returns."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A snapshot. Times are nanoseconds since the Unix epoch; ``instruments`` are symbols with their kinds."""

    store: str
    id: str
    form: str
    start_ns: int
    end_ns: int
    records: int
    bytes: int
    sealed_ns: int
    instruments: tuple[tuple[str, str], ...]
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: an instrument, and snapshots that hold anything from a time on, and before another."""

    instrument: str | None = None
    from_ns: int | None = None
    to_ns: int | None = None


class Index:
    """An index that is open. Its methods raise IndexFailure where it cannot be reached or does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def enter(self, entry: Entry) -> bool:
        """Enter a snapshot; return False where it was there already, which changes nothing."""

        def add(session: Session) -> bool:
            if session.get(SnapshotRow, (entry.store, entry.id)) is not None:
                return False
            session.add(_row(entry))
            session.flush()
            return True

        try:
            return self._within(add)
        except IntegrityError:  # another has entered it just now
            return False

    def replace(self, store: str, entries: Iterable[Entry]) -> int:
        """Put these in the place of all that is there of a store, at once; return how many they are."""

        def all_again(session: Session) -> int:
            session.execute(delete(InstrumentRow).where(InstrumentRow.store == store))
            session.execute(delete(SnapshotRow).where(SnapshotRow.store == store))
            rows = [_row(entry) for entry in entries]
            session.add_all(rows)
            return len(rows)

        return self._within(all_again)

    def find(self, store: str, wanted: Wanted) -> list[Entry]:
        """Return the snapshots of a store that are wanted, by start, at most ``MAX_FOUND``."""
        query = select(SnapshotRow).where(SnapshotRow.store == store).options(selectinload(SnapshotRow.instruments))
        if wanted.instrument is not None:
            query = query.where(SnapshotRow.instruments.any(InstrumentRow.symbol == wanted.instrument))
        if wanted.from_ns is not None:
            query = query.where(SnapshotRow.end_ns >= wanted.from_ns)
        if wanted.to_ns is not None:
            query = query.where(SnapshotRow.start_ns < wanted.to_ns)
        query = query.order_by(SnapshotRow.start_ns, SnapshotRow.end_ns, SnapshotRow.id).limit(MAX_FOUND + 1)
        found = self._within(lambda session: [_entry(row) for row in session.scalars(query)])
        if len(found) > MAX_FOUND:
            raise IndexFailure(f"more than {MAX_FOUND} snapshots are found; name an instrument, or a shorter time")
        return found

    def _within(self, work: Callable[[Session], _Result]) -> _Result:
        """Work in one transaction, all of it or none."""
        try:
            with Session(self._engine) as session, session.begin():
                return work(session)
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise IndexFailure(words_of(self._engine.url, error)) from error


def _row(entry: Entry) -> SnapshotRow:
    instruments = [
        InstrumentRow(store=entry.store, snapshot=entry.id, position=position, symbol=symbol, kind=kind)
        for position, (symbol, kind) in enumerate(entry.instruments)
    ]
    return SnapshotRow(
        store=entry.store,
        id=entry.id,
        form=entry.form,
        start_ns=entry.start_ns,
        end_ns=entry.end_ns,
        records=entry.records,
        bytes=entry.bytes,
        previous=entry.previous,
        sealed_ns=entry.sealed_ns,
        instruments=instruments,
    )


def _entry(row: SnapshotRow) -> Entry:
    return Entry(
        store=row.store,
        id=row.id,
        form=row.form,
        start_ns=row.start_ns,
        end_ns=row.end_ns,
        records=row.records,
        bytes=row.bytes,
        sealed_ns=row.sealed_ns,
        instruments=tuple((one.symbol, one.kind) for one in row.instruments),
        previous=row.previous,
    )
