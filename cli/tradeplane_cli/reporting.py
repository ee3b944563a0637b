"""The report of a run, written to a file."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.progress import stage

if TYPE_CHECKING:
    from tradeplane_api.run import RunSpecification
    from tradeplane_store.objects import ObjectStore
    from tradeplane_workloads.market.bars import Bars
    from tradeplane_workloads.results import Results


@dataclass(frozen=True, slots=True)
class Written:
    """A report on disk."""

    run: str
    result_digest: str
    file: Path
    size: int

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {"run": self.run, "resultDigest": self.result_digest, "file": str(self.file), "bytes": self.size}

    def as_text(self) -> str:
        """Return a line for people."""
        return f"{self.file} ({self.size / 1_000_000:.1f} MB), one page that needs nothing else"


def write_report(run: str, url: str, file: Path) -> Written:
    """Write the report of a run; a file of the same name is replaced as a whole.

    Raises CommandFailure where the file cannot be written, and what reading the results raises.
    """
    from tradeplane_store.objects import open_store
    from tradeplane_workloads.results import open_results

    store = open_store(url)
    with stage(f"Reading {run}"):
        results = open_results(store, run)
        bars, missing = _bars(store, results)
    with stage("Drawing"):
        text = _page(results, bars, missing).encode("utf-8")
    _replace(file, text)
    return Written(run, results.manifest.result_digest, file, len(text))


def _page(results: Results, bars: Bars | None, missing: str | None) -> str:
    from tradeplane_cli.report.contents import contents
    from tradeplane_cli.report.page import page

    return page(contents(results.manifest, results.equity, results.trades, bars, missing))


def _bars(store: ObjectStore, results: Results) -> tuple[Bars | None, str | None]:
    """Return the bars the run was on, or why they cannot be shown: a report needs only the results.

    Of a run on tapes they are those of the trades in each period.
    """
    from tradeplane_workloads.errors import DataRefused
    from tradeplane_workloads.market.snapshots import read_bars

    specification = results.manifest.specification
    try:
        if results.events is None:
            return read_bars(store, specification.snapshots), None
        return _traded(store, specification), None
    except DataRefused as error:
        return None, str(error)


def _traded(store: ObjectStore, specification: RunSpecification) -> Bars:
    from tradeplane_workloads.events.prepared import prepare
    from tradeplane_workloads.events.signals import heard_bars
    from tradeplane_workloads.market.snapshots import read_tapes

    tapes = read_tapes(store, specification.snapshots)
    return heard_bars([tape.instrument for tape in tapes], prepare(tapes, specification.simulation))


def _replace(file: Path, data: bytes) -> None:
    """Write beside the file and move into place, so that nobody sees half a page."""
    temporary: str | None = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(file)
        temporary = None
    except OSError as error:
        raise CommandFailure(
            f"cannot write {file}: {error.strerror}", remedy="give a file in a folder that you can write by --to"
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
