"""Bars and tapes from the files people have, made into integers that a snapshot holds.

    imported = import_file(Path("spy.csv"), ImportOptions(symbol="SPY"))
    written = write_snapshot(store, imported.series, [imported.source])

    recorded = import_recording("binance-raw", Path("btcusdt.gz"), TapeOptions())
    written = write_tapes(store, recorded.tapes, [recorded.source])

Reading (CSV, Parquet, DBN, the ``arch`` package), naming of columns, times and decimals are apart from each other;
every error names the file, the line or row, the column and what to do. Formats and rules: docs/formats/snapshot.md, and
of recordings docs/formats/binance-raw.md, dbn.md and tape.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.market.importing.convert import to_series
from tradeplane_workloads.market.importing.options import ImportOptions
from tradeplane_workloads.market.importing.source import read_limited

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_api.snapshot_manifest import SnapshotSource

    from tradeplane_workloads.market.importing.recordings import ImportedTapes
    from tradeplane_workloads.market.importing.tape_options import TapeOptions
    from tradeplane_workloads.market.series import BarSeries

__all__ = ["RECORDINGS", "ImportOptions", "Imported", "import_arch", "import_file", "import_recording"]

RECORDINGS = ("binance-raw", "ticks", "dbn")
"""Forms of recordings that become tapes."""


@dataclass(frozen=True, slots=True)
class Imported:
    """The instruments of one source, by symbol, and the source itself for the manifest."""

    series: tuple[BarSeries, ...]
    source: SnapshotSource


def import_file(path: Path, options: ImportOptions | None = None) -> Imported:
    """Read bars from a ``.csv``, ``.parquet``, ``.dbn`` or ``.dbn.zst`` file.

    Raises DataRefused naming file, line, column and remedy.
    """
    from tradeplane_workloads.market.importing import csv_bars, dbn_bars, parquet_bars

    chosen = options or ImportOptions()
    readers = {
        ".csv": csv_bars.csv_columns,
        ".parquet": parquet_bars.parquet_columns,
        ".dbn": dbn_bars.dbn_columns,
        ".dbn.zst": dbn_bars.dbn_columns,
    }
    reader = next((readers[end] for end in readers if path.name.lower().endswith(end)), None)
    if reader is None:
        raise DataRefused(f"{path.name} is none of {', '.join(readers)}; convert it, or give it the extension it has")
    source = reader(path.name, read_limited(path, chosen.max_bytes), chosen)
    return Imported(to_series(source, chosen.symbol or path.stem.upper(), chosen), source.source)


def import_arch(data_set: str, options: ImportOptions | None = None) -> Imported:
    """Read a data set of daily bars of the ``arch`` package, ``sp500`` or ``nasdaq``.

    Raises InvalidSpecification for another name, and where the package is not installed.
    """
    from tradeplane_workloads.market.importing import arch_bars

    chosen = options or ImportOptions()
    source, dated = arch_bars.arch_columns(data_set, chosen)
    return Imported(to_series(source, chosen.symbol or data_set.upper(), dated), source.source)


def import_recording(form: str, path: Path, options: TapeOptions | None = None) -> ImportedTapes:
    """Read a recording of a form of ``RECORDINGS`` into tapes. Raises DataRefused naming file, line and remedy."""
    from tradeplane_workloads.market.importing import binance_raw, dbn, tick_files

    readers = {"binance-raw": binance_raw.import_binance, "ticks": tick_files.import_ticks, "dbn": dbn.import_dbn}
    if form not in readers:
        raise InvalidSpecification(f"no recordings have the format {form}; give one of {', '.join(RECORDINGS)}")
    return readers[form](path, options)
