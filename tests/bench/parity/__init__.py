"""Whether every path gives the same bits: the suite of tests/parity, as one figure."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.records import Record
from tests.parity.report import measure

if TYPE_CHECKING:
    from collections.abc import Collection

NAME = "parity.identical_fraction"


def records(names: Collection[str] = ()) -> list[Record]:
    """Compute the suite on every path that this machine can run; ``names`` are beginnings of names of records."""
    if not NAME.startswith(tuple(names) or ("parity",)):
        return []
    with tempfile.TemporaryDirectory() as folder:
        report = measure(Path(folder))
    missing = "; ".join(f"{name}: {why}" for name, why in report.missing.items())
    counted = (
        f"digests equal to the first path's, over {sum(len(o.digests) for o in report.outcomes.values())} digests of "
        f"{len(report.cases)} cases on {len(report.outcomes)} paths ({', '.join(report.outcomes)})"
    )
    timed = f"nothing; {counted}" + (f". Could not run {missing}" if missing else "")
    return [Record(NAME, report.identical_fraction, "of digests", None, None, None, timed)]
