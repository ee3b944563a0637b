"""A session in a folder of its own: what it is, and its journal. Opened again, it goes on where it was.

What it decides is given out by :meth:`RecordedSession.commit` alone, once its record is on disk: an order that was sent
is in the journal whatever happens to the machine after. What leads to no order is on disk by the next such, or when
``commit`` is told to sync.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Self

from tradeplane_native import JournalDifference, OrderRequest, Session, read_journal, replay_session

from tradeplane_workloads.durable import sync_folder, write_whole
from tradeplane_workloads.errors import DataRefused, InvalidSpecification, StoreFailure
from tradeplane_workloads.sessions.conduct import conduct_of
from tradeplane_workloads.sessions.journal_file import JournalFile
from tradeplane_workloads.sessions.journal_holes import before_hole
from tradeplane_workloads.sessions.specification import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_workloads.sessions.specification import SessionSpecification

JOURNAL = "journal"
SPECIFICATION = "specification.json"
HEADER_BYTES = 92
"""What every journal begins with; one that has less was made and never begun (docs/formats/session.md)."""


class RecordedSession:
    """A session and its journal. Feed ``session``, and ``commit`` after each input, or after several."""

    def __init__(self, session: Session, file: JournalFile, *, recovered: bool) -> None:
        """Take a session and the journal that has what it did so far; ``recovered`` where it did anything."""
        self.session = session
        self.recovered = recovered
        self._file = file
        self._unwritten = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def commit(
        self, *, sync: bool = False, meanwhile: Callable[[list[OrderRequest]], None] | None = None
    ) -> list[OrderRequest]:
        """Record what the session did, and return what is to be sent now; with ``sync``, see that it is on disk.

        Where there is something to be sent, its record is on disk when this returns. ``meanwhile`` is given it before,
        while the disk writes, to make ready what it will take: none of it may leave yet. Raises JournalFull, or
        StoreFailure: then nothing is to be sent, and after JournalFull it may be called again.
        """
        self._unwritten += self.session.take_journal()
        if self._unwritten:
            self._file.append(self._unwritten)
            self._unwritten = b""
        requests = self.session.requests()
        if requests and meanwhile is not None:
            self._file.begin_sync()
            meanwhile(requests)
        if requests or sync:
            self._file.sync()
        return requests

    def make_room(self) -> None:
        """Make room on disk for what will be recorded, when nothing waits for it. Raises StoreFailure."""
        self._file.make_room()

    @property
    def sync_nanoseconds(self) -> int:
        """What the disk took for the last commit that synced."""
        return self._file.sync_nanoseconds

    def close(self) -> None:
        """Give the journal up; it can be opened again."""
        self._file.close()


def open_session(folder: Path, name: bytes, specification: SessionSpecification) -> RecordedSession:
    """Begin the session of a folder, or go on with it.

    Requests of a recovered session that are given out by its first ``commit`` were never sent. Of its ``open_orders``,
    those ``sent`` may have been, and so may what was ``asked``: ask the exchange, and feed what it says.

    Raises InvalidSpecification where the folder has another session, DataRefused where its journal was altered or is
    not what the strategy does, and StoreFailure.
    """
    _keep(folder, specification)
    file = JournalFile(folder / JOURNAL)
    with contextlib.ExitStack() as stack:
        stack.callback(file.close)
        opened = _opened(file, folder, name, specification)
        stack.pop_all()
    return opened


def has_begun(folder: Path) -> bool:
    """Return whether the session of a folder was begun: its journal has more than nothing. Raises StoreFailure."""
    path = folder / JOURNAL
    try:
        return path.stat().st_size >= HEADER_BYTES
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreFailure(f"{path}: it cannot be read ({error.strerror}); check the volume") from error


def _opened(file: JournalFile, folder: Path, name: bytes, specification: SessionSpecification) -> RecordedSession:
    recording = before_hole(file.read())
    if len(recording) < HEADER_BYTES:
        file.cut(0)
        sync_folder(folder)
        return RecordedSession(begin(name, specification), file, recovered=False)
    conduct = conduct_of(specification)
    try:
        header = read_journal(recording[:HEADER_BYTES])
        if (header.session, header.specification) != (name, specification.digest()):
            raise InvalidSpecification(f"{folder}: it has session {header.session.hex()}; give another folder for this")
        session, whole, _, difference = replay_session(
            recording, conduct.terms, conduct.strategy, rate=conduct.rate, generator=conduct.generator
        )
    except ValueError as error:
        raise DataRefused(f"{folder / JOURNAL}: {error}") from error
    del recording
    if difference is not None:
        raise DataRefused(_diverged(folder, session, difference))
    file.cut(whole)
    return RecordedSession(session, file, recovered=True)


def begin(name: bytes, specification: SessionSpecification) -> Session:
    """Return a session that has had no input. Raises InvalidSpecification or DataRefused, as ``conduct_of`` does."""
    conduct = conduct_of(specification)
    try:
        return Session(
            conduct.terms,
            conduct.strategy,
            session=name,
            specification=specification.digest(),
            seed=conduct.seed,
            rate=conduct.rate,
            period_ns=conduct.period_ns,
            generator=conduct.generator,
        )
    except ValueError as error:
        raise InvalidSpecification(f"execution: {error}; correct it") from error


def _diverged(folder: Path, session: Session, difference: JournalDifference) -> str:
    failed = f" ({type(session.failure).__name__}: {session.failure})" if session.failure else ""
    return (
        f"{folder / JOURNAL}: fed its inputs, the strategy does not do what it did{failed}: {difference}; use the "
        "version of the strategy that wrote it, or begin a new session"
    )


def _keep(folder: Path, specification: SessionSpecification) -> None:
    """Write the specification, or hold the one that is there to it."""
    path, data = folder / SPECIFICATION, specification.encode()
    if len(data) > MAX_BYTES:
        raise InvalidSpecification(f"the session's specification has {len(data)} bytes; shorten its parameters")
    try:
        with path.open("rb") as stored:
            same = stored.read(MAX_BYTES + 1) == data
    except FileNotFoundError:
        _write(path, data)
    except OSError as error:
        raise StoreFailure(f"{path}: it cannot be read ({error.strerror}); check the volume") from error
    else:
        if not same:
            raise InvalidSpecification(f"{path}: the folder has a session of another specification; give another one")


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise StoreFailure(f"{path}: it cannot be written ({error.strerror}); check the volume") from error
