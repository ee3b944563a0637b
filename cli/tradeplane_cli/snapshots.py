"""Snapshots as the commands import, show and verify them."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field, fields, replace
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from tradeplane_api.base import API_VERSION, Digest, Name
from tradeplane_api.snapshot_manifest import EXCHANGE

from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.printing import columns, pairs
from tradeplane_cli.progress import bar, stage
from tradeplane_cli.recordings import Format, RecordingReading, instruments_table, read_recording, recording_rows
from tradeplane_cli.report.wording import period

if TYPE_CHECKING:
    from tradeplane_api.snapshot_manifest import SnapshotManifest
    from tradeplane_store.objects import ObjectStore
    from tradeplane_workloads.market.importing import Imported, ImportOptions
    from tradeplane_workloads.market.snapshot_manifests import WrittenSnapshot

ARCH = "arch:"
"""Prefix of the data sets of the arch package."""
MAX_NAME = 63
"""Characters of a name made from sources."""
MAX_SYMBOLS = 16
"""Symbols shown to people; JSON has them all."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What to import and how, as given on the command line; the fields are those of the options."""

    sources: tuple[str, ...]
    symbol: str | None = None
    currency: str | None = None
    columns: tuple[str, ...] = ()
    adjust: bool = True
    daily_close: str | None = None
    time_format: str | None = None
    time_zone: str = "UTC"
    delimiter: str = ","
    price_exponent: int | None = None
    quantity_exponent: int | None = None
    form: Format = Format.BARS
    recording: RecordingReading = field(default_factory=RecordingReading)


@dataclass(frozen=True, slots=True)
class Stored:
    """A snapshot in a store."""

    digest: str
    manifest: SnapshotManifest
    store: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {"id": self.digest, "store": self.store, "manifest": self.manifest.model_dump(mode="json")}

    def as_rows(self) -> list[tuple[str, str]]:
        """Names and values for people."""
        manifest = self.manifest
        symbols = [f"{one.symbol} ({one.currency})" for one in manifest.instruments]
        more = f" and {len(symbols) - MAX_SYMBOLS} more" if len(symbols) > MAX_SYMBOLS else ""
        sources = [f"{source.name} ({source.format})" for source in self.manifest.sources]
        return [
            ("Snapshot", self.digest),
            ("Instruments", ", ".join(symbols[:MAX_SYMBOLS]) + more),
            *session_rows(manifest),
            ("Period", period(manifest.start, manifest.end, max(part.rows for part in manifest.parts))),
            ("Records", f"{self.manifest.records:,}"),
            ("Source", ", ".join(sources)),
            *([("Follows", self.manifest.previous)] if self.manifest.previous is not None else []),
            ("Store", self.store),
        ]

    def parts_table(self) -> tuple[list[str], list[list[str]]]:
        """Headers and rows of the table of parts."""
        if self.manifest.session is not None:
            return ["Part", "Records", "Digest"], [
                [part.name, f"{part.rows:,}", part.digest] for part in self.manifest.parts
            ]
        each = len(self.manifest.parts) // len(self.manifest.instruments)
        symbols = [instrument.symbol for instrument in self.manifest.instruments for _ in range(each)]
        parts = zip(self.manifest.parts, symbols, strict=True)
        rows = [[part.name, symbol, f"{part.rows:,}", part.digest] for part, symbol in parts]
        return ["Part", "Instrument", "Records", "Digest"], rows

    def as_text(self) -> str:
        """Lines for people."""
        return "\n\n".join([pairs(self.as_rows()), columns(*self.parts_table()), *self.tapes_text()])

    def tapes_text(self) -> list[str]:
        """Return blocks of lines for people on tapes: what they are of, and what was found in their recordings."""
        if all(instrument.tape is None for instrument in self.manifest.instruments):
            return []
        return [columns(*instruments_table(self.manifest)), pairs(recording_rows(self.manifest))]


def session_rows(manifest: SnapshotManifest) -> list[tuple[str, str]]:
    """Names and values for people on a session; none of market data."""
    session = manifest.session
    if session is None:
        return []
    did = f"{session.inputs:,} inputs, {session.orders:,} orders, {session.fills:,} fills"
    number = f", number {session.number}" if session.number is not None else ""
    missed = f"{session.gaps:,} gaps, {session.lost:,} messages known to be lost" if session.gaps else "no gaps"
    recorded = any(part.name == EXCHANGE for part in manifest.parts)
    return [
        ("Session", f"{session.name}{number}, {'over' if session.over else 'open when it was sealed'}"),
        ("Did", did),
        ("Feed", missed),
        ("Exchange", "its record is there" if recorded else "no record: execution cannot be judged"),
    ]


@dataclass(frozen=True, slots=True)
class ImportedSnapshot:
    """A snapshot just imported; ``created`` is False where the same was there already."""

    stored: Stored
    name: str
    administrators_store: str
    created: bool

    def as_object(self) -> dict[str, Any]:
        """Return the Snapshot object, ready for kubectl apply."""
        return {
            "apiVersion": API_VERSION,
            "kind": "Snapshot",
            "metadata": {"name": self.name},
            "spec": {"store": self.administrators_store, "digest": self.stored.digest},
        }

    def as_rows(self) -> list[tuple[str, str]]:
        """Names and values for people."""
        return [*self.stored.as_rows(), ("State", "imported" if self.created else "was there already, and is whole")]

    def as_text(self) -> str:
        """Lines for people."""
        return "\n\n".join([pairs(self.as_rows()), *self.stored.tapes_text()])


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found wrong with a snapshot; ``faults`` is empty when it is whole."""

    stored: Stored
    faults: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        manifest = self.stored.manifest
        return {
            "id": self.stored.digest,
            "store": self.stored.store,
            "verified": not self.faults,
            "parts": len(manifest.parts),
            "records": manifest.records,
            "faults": list(self.faults),
        }

    def as_text(self) -> str:
        """Lines for people."""
        manifest = self.stored.manifest
        if not self.faults:
            parts = "one part" if len(manifest.parts) == 1 else f"{len(manifest.parts):,} parts"
            return f"{self.stored.digest} is whole: {manifest.records:,} records in {parts}"
        return "\n".join([f"{self.stored.digest} is not whole:", *(f"  {fault}" for fault in self.faults)])


def import_snapshot(
    reading: Reading, url: str, name: str | None, administrators_store: str = "default", index: str | None = None
) -> ImportedSnapshot:
    """Read bars or recordings and write them as a snapshot into the store at ``url``, and enter it into its index.

    Raises CommandFailure for options that cannot be, and what the import raises for the data: it names file, line,
    column and remedy.
    """
    if reading.symbol is not None and len(reading.sources) > 1:
        raise CommandFailure("--symbol names one instrument and there are several sources", remedy="leave it out")
    chosen = _checked(Name, name or default_name(reading.sources), "--name")
    named_store = _checked(Name, administrators_store, "--store-name")
    _refuse_options_of_another_form(reading)

    from tradeplane_store.objects import open_store

    store = open_store(url)
    written = _import_bars(reading, store) if reading.form is Format.BARS else _import_recordings(reading, store)
    _enter(store, written, index)
    return ImportedSnapshot(Stored(written.id, written.manifest, store.url), chosen, named_store, written.created)


def _enter(store: ObjectStore, written: WrittenSnapshot, index: str | None) -> None:
    """Enter a snapshot into the index of its store; that one cannot be reached is said, and undoes no import."""
    from tradeplane_store.index import IndexFailure
    from tradeplane_workloads.market.indexing import enter

    try:
        enter(store, written, index)
    except IndexFailure as error:
        sys.stderr.write(f"note: {error}\n")


def _import_bars(reading: Reading, store: ObjectStore) -> WrittenSnapshot:
    options = _options(reading)

    from tradeplane_workloads.market.snapshots import write_snapshot

    imported = []
    with bar("Reading", len(reading.sources)) as advance:
        for source in reading.sources:
            imported.append(_import(source, options))
            advance()
    with stage("Writing the snapshot"):
        series = [one for each in imported for one in each.series]
        return write_snapshot(store, series, [each.source for each in imported])


def _import_recordings(reading: Reading, store: ObjectStore) -> WrittenSnapshot:
    columns = _options(reading)

    from tradeplane_workloads.market.snapshots import write_tapes

    recorded = []
    with bar("Reading", len(reading.sources)) as advance:
        for source in reading.sources:
            recorded.append(read_recording(source, reading.form, reading.recording, columns))
            advance()
    with stage("Writing the snapshot"):
        return write_tapes(store, [one for each in recorded for one in each.tapes], [each.source for each in recorded])


def _refuse_options_of_another_form(reading: Reading) -> None:
    """Refuse an option that would have no effect: options of bars for a recording, and the other way round."""
    bars, recording = Reading(reading.sources), RecordingReading()
    own = {"columns": "column", "adjust": "no-adjust"}
    shared = ["sources", "symbol", "currency", "form", "recording"]
    if reading.form is Format.TICKS:
        shared += ["columns", "time_format", "time_zone", "delimiter"]
    of_bars = [own.get(name, name) for name in _changed(reading, bars) if name not in shared]
    of_recordings = [name for name in _changed(reading.recording, recording) if name not in shared]
    wrong, right = (of_recordings, "recordings") if reading.form is Format.BARS else (of_bars, "bars")
    if wrong:
        option = f"--{wrong[0].replace('_', '-')}"
        raise CommandFailure(
            f"{option} is for {right}, and the format is {reading.form}",
            remedy="leave it out, or give another --format",
        )


def _changed(given: Reading | RecordingReading, default: Reading | RecordingReading) -> list[str]:
    names = (each.name for each in fields(given))
    return [name for name in names if getattr(given, name) != getattr(default, name)]


def inspect_snapshot(digest: str, url: str) -> Stored:
    """Return the manifest of a snapshot, checked against its id. Raises CommandFailure for what is no id."""
    checked = _checked(Digest, digest, "DIGEST")

    from tradeplane_store.objects import open_store
    from tradeplane_workloads.market.snapshot_manifests import read_manifest

    store = open_store(url)
    return Stored(checked, read_manifest(store, checked), store.url)


def verify_snapshot(digest: str, url: str) -> Verification:
    """Read and check all of a snapshot, part by part. Raises CommandFailure for what is no id."""
    stored = inspect_snapshot(digest, url)

    from tradeplane_store.objects import open_store

    store = open_store(url)
    with bar("Verifying", len(stored.manifest.parts)) as advance:
        if stored.manifest.session is not None:
            from tradeplane_workloads.sessions import bundle

            return Verification(stored, tuple(bundle.verify_session(store, digest, advance)))

        from tradeplane_workloads.market import snapshots

        return Verification(stored, tuple(snapshots.verify_snapshot(store, digest, advance)))


def default_name(sources: tuple[str, ...]) -> str:
    """Return a name for a Snapshot object from what was imported: ``data/S&P 500.csv`` is ``s-p-500``."""
    stems = [source.removeprefix(ARCH) if source.startswith(ARCH) else Path(source).stem for source in sources]
    return re.sub(r"[^a-z0-9]+", "-", "-".join(stems).lower())[:MAX_NAME].strip("-") or "snapshot"


def _import(source: str, options: ImportOptions) -> Imported:
    from tradeplane_workloads.market.importing import import_arch, import_file

    if source.startswith(ARCH):
        return import_arch(source.removeprefix(ARCH), options)
    return import_file(Path(source), options)


def _options(reading: Reading) -> ImportOptions:
    from tradeplane_workloads.market.importing import ImportOptions

    options = ImportOptions(
        symbol=reading.symbol,
        currency=reading.currency or "USD",
        columns=dict(_column(text) for text in reading.columns),
        adjust=reading.adjust,
        time_format=reading.time_format,
        time_zone=reading.time_zone,
        delimiter=reading.delimiter,
        price_exponent=reading.price_exponent,
        quantity_exponent=reading.quantity_exponent,
    )
    return options if reading.daily_close is None else replace(options, daily_close=_time(reading.daily_close))


def _column(text: str) -> tuple[str, str]:
    role, separator, header = text.partition("=")
    if not separator or not role or not header:
        raise CommandFailure(f"--column {text} is not ROLE=HEADER", remedy="write for example --column time=Day")
    return role, header


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise CommandFailure(f"--daily-close {text} is not a time of day", remedy="write for example 16:00") from error


def _checked(form: Any, value: str, option: str) -> str:
    try:
        return str(TypeAdapter(form).validate_python(value))
    except ValidationError as error:
        raise CommandFailure(f"{option} {value} {error.errors()[0]['msg']}") from error
