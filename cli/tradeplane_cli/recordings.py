"""Recordings as ``snapshot import`` reads them, and tapes as people see them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_api.snapshot_manifest import InstrumentKind

from tradeplane_cli.failures import CommandFailure

if TYPE_CHECKING:
    from tradeplane_api.snapshot_manifest import Recording, SnapshotManifest
    from tradeplane_workloads.market.importing import ImportOptions
    from tradeplane_workloads.market.importing.recordings import ImportedTapes

NANOSECONDS = 1_000_000_000


class Format(StrEnum):
    """What a source is, as ``--format`` says."""

    BARS = "bars"
    BINANCE_RAW = "binance-raw"
    TICKS = "ticks"
    DBN = "dbn"
    SYNTHETIC = "synthetic"


class Refusal(StrEnum):
    """What ``--refuse`` can refuse; each is recorded and counted otherwise."""

    GAP = "gap"
    CROSSED = "crossed"
    LOCKED = "locked"
    DISORDER = "disorder"
    SKEW = "skew"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What is traded, as ``--kind`` says."""

    SPOT = "spot"
    LINEAR_FUTURE = "linear-future"
    INVERSE_FUTURE = "inverse-future"


_KINDS = {
    Kind.SPOT: InstrumentKind.SPOT,
    Kind.LINEAR_FUTURE: InstrumentKind.LINEAR_FUTURE,
    Kind.INVERSE_FUTURE: InstrumentKind.INVERSE_FUTURE,
}


@dataclass(frozen=True, slots=True)
class RecordingReading:
    """How a recording is read, as given on the command line; the fields are those of the options."""

    symbol: str | None = None
    currency: str | None = None
    kind: Kind | None = None
    tick: str | None = None
    lot: str | None = None
    contract_size: str | None = None
    refuse: tuple[Refusal, ...] = ()


def read_recording(source: str, form: Format, reading: RecordingReading, columns: ImportOptions) -> ImportedTapes:
    """Read a recording, its columns, where it has any, as ``columns`` says.

    Raises CommandFailure for options that cannot be, and what the import raises for the data.
    """
    if form is Format.SYNTHETIC:
        return _synthetic(source, reading)

    from tradeplane_workloads.market.importing import import_recording
    from tradeplane_workloads.market.importing.tape_options import Flaw, TapeOptions

    options = TapeOptions(
        symbol=reading.symbol,
        currency=reading.currency,
        kind=None if reading.kind is None else _KINDS[reading.kind],
        tick=_unit("--tick", reading.tick),
        lot=_unit("--lot", reading.lot),
        contract_size=_unit("--contract-size", reading.contract_size),
        columns=columns,
        refuse=frozenset(Flaw(each.value) for each in reading.refuse),
    )
    return import_recording(form.value, Path(source), options)


def _synthetic(flow: str, reading: RecordingReading) -> ImportedTapes:
    given = [name for name, value in asdict(reading).items() if value]
    if given:
        raise CommandFailure(
            f"--{given[0].replace('_', '-')} has no effect on a synthetic flow, which has instruments of its own",
            remedy="leave it out",
        )
    from tradeplane_workloads.market.synthetic import synthetic_tapes

    return synthetic_tapes(flow)


def instruments_table(manifest: SnapshotManifest) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of the table of what tapes are of, in which units."""
    rows = []
    for instrument in manifest.instruments:
        tape = instrument.tape
        if tape is not None:
            rows.append(
                [instrument.symbol, str(tape.kind), instrument.currency, tape.tick, tape.lot, tape.contract_size]
            )
    return ["Instrument", "Kind", "Currency", "Tick", "Lot", "Contract"], rows


def recording_rows(manifest: SnapshotManifest) -> list[tuple[str, str]]:
    """Names and values of what was found in the recordings, by instrument where there are several."""
    several = len(manifest.instruments) > 1
    rows = []
    for instrument in manifest.instruments:
        if instrument.tape is not None:
            found = _found(instrument.tape.recording)
            rows += [(f"{instrument.symbol}: {name}" if several else name, value) for name, value in found]
    return rows


def _found(recording: Recording) -> list[tuple[str, str]]:
    lost = f", {recording.lost:,} messages known to be lost" if recording.lost else ""
    blind = f"{recording.blind_rows:,} rows" if recording.blind_rows else "none"
    found = [
        ("Messages", f"{recording.messages:,} on the tape, {recording.left_out:,} left out"),
        ("Gaps", f"{recording.gaps:,}{lost}"),
        ("Book not known", blind),
        ("Crossed, locked", f"{recording.crossed:,}, {recording.locked:,}"),
        ("Out of order", f"{recording.out_of_order:,}"),
        ("Clock skew", _skew(recording)),
    ]
    if recording.unknown_orders:
        found.append(("Unknown orders", f"{recording.unknown_orders:,} rows, which runs leave aside"))
    return found


def _skew(recording: Recording) -> str:
    if not recording.ahead:
        return "none"
    seconds = -Decimal(recording.min_latency_ns) / NANOSECONDS
    return f"{recording.ahead:,} messages arrive before they were sent, by up to {seconds:.6f} s"


def _unit(option: str, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise CommandFailure(f"{option} {text} is not a decimal", remedy=f"write for example {option} 0.01") from error
