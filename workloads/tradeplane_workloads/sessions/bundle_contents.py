"""What a session's snapshot is made of: the parts, and the manifest that says what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError
from tradeplane_api.exchange import ExchangeSpecification
from tradeplane_api.run import Part
from tradeplane_api.snapshot_manifest import (
    EXCHANGE,
    JOURNAL,
    RECORD,
    SESSION_SCHEMA_VERSION,
    SPECIFICATION,
    GeneratorState,
    SessionDescription,
    SessionHolding,
    SnapshotInstrument,
    SnapshotManifest,
    SnapshotSource,
)
from tradeplane_native import read_journal
from tradeplane_store.canonical import canonical_json, sha256_digest

from tradeplane_workloads.errors import DataRefused, StoreFailure
from tradeplane_workloads.exchange.record_file import MAX_RECORD_BYTES, specification_beside
from tradeplane_workloads.market.instruments import exponent_of
from tradeplane_workloads.market.timestamps import rfc3339
from tradeplane_workloads.runner.specification import describe as describe_error
from tradeplane_workloads.sessions.folder import HEADER_BYTES
from tradeplane_workloads.sessions.folder import JOURNAL as JOURNAL_FILE
from tradeplane_workloads.sessions.folder import SPECIFICATION as SPECIFICATION_FILE
from tradeplane_workloads.sessions.frames import JOURNAL_HEADER, RECORD_HEADER, pieces
from tradeplane_workloads.sessions.journal_file import read_in_place
from tradeplane_workloads.sessions.journal_survey import Survey, survey
from tradeplane_workloads.sessions.specification import MAX_BYTES, SessionInstrument, SessionSpecification

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from tradeplane_native import JournalSummary

JOURNAL_FORMAT, RECORD_FORMAT = "tradeplane-session-1", "tradeplane-exchange-record-1"


@dataclass(frozen=True, slots=True)
class Contents:
    """A session, and what its exchange recorded where that is known. ``parts`` are the bytes by name, in order."""

    specification: SessionSpecification
    summary: JournalSummary
    survey: Survey
    number: int | None
    parts: dict[str, memoryview]
    rows: dict[str, int]
    sources: tuple[SnapshotSource, ...]

    @property
    def name(self) -> str:
        """Name of the session in hexadecimal."""
        return self.summary.session.hex()


def read_contents(folder: Path, record: Path | None) -> Contents:
    """Read a session's folder, and an exchange's record with its specification beside it.

    Raises DataRefused where there is no session that had an input, or a file was altered; and StoreFailure.
    """
    specification = SessionSpecification.decode(read_small(folder / SPECIFICATION_FILE))
    journal = read_in_place(folder / JOURNAL_FILE)
    number = int(folder.name) if folder.name.isascii() and folder.name.isdigit() and len(folder.name) < 10 else None
    exchange = recorded = None
    if record is not None:
        beside = specification_beside(record)
        exchange = exchange_of(read_small(beside), str(beside))
        recorded = read_in_place(record)
    try:
        return contents_of(specification, journal, exchange, recorded, number or None)
    except DataRefused as error:
        raise DataRefused(f"{folder}: {error}") from error


def contents_of(
    specification: SessionSpecification,
    journal: NDArray[np.uint8],
    exchange: ExchangeSpecification | None,
    record: NDArray[np.uint8] | None,
    number: int | None,
) -> Contents:
    """Take a session apart. Raises DataRefused for a journal or a record that was altered, or holds nothing."""
    if len(journal) < HEADER_BYTES:
        raise DataRefused("the session was never begun; seal one that has traded")
    try:
        summary = read_journal(journal)
    except ValueError as error:
        raise DataRefused(str(error)) from error
    found = survey(journal, summary.whole)
    if not found.inputs:
        raise DataRefused("the session had no input yet; seal one that was started")
    parts, rows = {SPECIFICATION: memoryview(specification.encode())}, {SPECIFICATION: 1}
    sources = [_cut(JOURNAL, journal, summary.whole, parts, rows)]
    if exchange is not None and record is not None:
        if len(record) > MAX_RECORD_BYTES:
            raise DataRefused(f"the record has {len(record)} bytes, more than can be replayed; leave it out")
        parts[EXCHANGE], rows[EXCHANGE] = memoryview(canonical_json(exchange)), 1
        sources.append(_cut(RECORD, record, None, parts, rows))
    return Contents(specification, summary, found, number, parts, rows, tuple(sources))


def describe(
    contents: Contents, previous: str | None, account: tuple[SessionHolding, ...] | None = None
) -> SnapshotManifest:
    """Return the manifest that vouches for a session. ``account``: what it came to, which no part says."""
    found = contents.survey
    drawn = found.generator if found.over else None
    return SnapshotManifest(
        schema_version=SESSION_SCHEMA_VERSION,
        instruments=tuple(_instrument(one) for one in contents.specification.instruments),
        start=rfc3339(found.first_ns),
        end=rfc3339(found.last_ns),
        records=found.records,
        sources=contents.sources,
        previous=previous,
        session=SessionDescription(
            name=contents.name,
            number=contents.number,
            over=found.over,
            inputs=found.inputs,
            orders=len(found.sent),
            fills=len(found.fills),
            gaps=found.gaps,
            lost=found.lost,
            seed=str(contents.summary.seed),
            generator=None if drawn is None else GeneratorState(state=str(drawn[0]), increment=str(drawn[1])),
            account=account,
        ),
        parts=tuple(
            Part(name=name, rows=contents.rows[name], digest=sha256_digest(data))
            for name, data in contents.parts.items()
        ),
    )


def exchange_of(data: bytes, named: str) -> ExchangeSpecification:
    """Read the specification of an exchange. Raises DataRefused naming the field that is wrong."""
    try:
        return ExchangeSpecification.model_validate_json(data)
    except ValidationError as error:
        raise DataRefused(f"{named}: {describe_error(error, 'the specification of the exchange')}") from error


def read_small(path: Path) -> bytes:
    """Return a file's bytes. Raises DataRefused for one that is too large or missing, and StoreFailure."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise DataRefused(f"{path}: there is no such file; give the folder of a session, and its record") from error
    except OSError as error:
        raise StoreFailure(f"{path}: it cannot be read ({error.strerror}); check the volume") from error
    if len(data) > MAX_BYTES:
        raise DataRefused(f"{path}: it has more than {MAX_BYTES} bytes; restore it from a copy")
    return data


def _cut(
    form: str, file: NDArray[np.uint8], whole: int | None, parts: dict[str, memoryview], rows: dict[str, int]
) -> SnapshotSource:
    """Add the pieces of a file to the parts, and return what it was as a whole."""
    header, format_ = (JOURNAL_HEADER, JOURNAL_FORMAT) if form == JOURNAL else (RECORD_HEADER, RECORD_FORMAT)
    if len(file) < header:
        raise DataRefused(f"the {form} ends within its header; nothing was recorded, so leave it out")
    view = file.data
    cuts = pieces(file, header, whole)
    for index, (first, end, count) in enumerate(cuts):
        parts[f"{form}-{index}.bin"], rows[f"{form}-{index}.bin"] = view[first:end], count
    return SnapshotSource(name=form, format=format_, digest=sha256_digest(view[: cuts[-1][1]]))


def _instrument(one: SessionInstrument) -> SnapshotInstrument:
    traded = one.traded()
    return SnapshotInstrument(
        symbol=one.symbol,
        currency=one.currency,
        price_exponent=exponent_of(traded.tick),
        quantity_exponent=exponent_of(traded.lot),
    )
