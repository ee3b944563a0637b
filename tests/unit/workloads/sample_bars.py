"""Small bars for tests: made, not random, so that a figure in a test can be checked by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from tradeplane_api.snapshot_manifest import SnapshotSource
from tradeplane_workloads.market.bars import Instrument
from tradeplane_workloads.market.series import SCHEMA, BarSeries

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = 86_400_000_000_000
SOURCE = SnapshotSource(name="sample.csv", format="csv", digest="sha256:" + "0" * 64)


def series(symbol: str, closes: Sequence[int], days: Sequence[int] | None = None, step: int = DAY) -> BarSeries:
    """Bars, ``step`` nanoseconds apart, whose open is the close before, and whose range is just those two."""
    opens = [closes[0], *closes[:-1]]
    columns = {
        "time_ns": [(day + 1) * step for day in days or range(len(closes))],
        "open": opens,
        "high": [max(pair) for pair in zip(opens, closes, strict=True)],
        "low": [min(pair) for pair in zip(opens, closes, strict=True)],
        "close": list(closes),
        "volume": [10] * len(closes),
    }
    return BarSeries(Instrument(symbol, price_exponent=-2), pa.table(columns, schema=SCHEMA))
