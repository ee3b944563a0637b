"""A result as an engine would return it, small and fixed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
from tradeplane_api.run import RunSpecification, Summary

MONEY = pa.decimal128(38, 9)


@dataclass(frozen=True)
class SampleResult:
    equity: pa.Table
    trades: pa.Table
    positions: pa.Table
    summary: Summary

    def tables(self) -> dict[str, pa.Table]:
        return {"equity": self.equity, "trades": self.trades, "positions": self.positions}


def sample_result(*equity: int) -> SampleResult:
    values = equity or (1000, 1010)
    undefined = dict.fromkeys(name for name, field in Summary.model_fields.items() if field.annotation is not str)
    figures = {
        **dict.fromkeys(undefined),
        "start": "1970-01-02T00:00:00Z",
        "end": "1970-01-03T00:00:00Z",
        "bars": len(values),
        "trades": 1,
        "final_equity": f"{values[-1]}.000000000",
        "total_return": "0.010000000",
        "max_drawdown": "0.000000000",
        "exposure": "1.000000000",
    }
    times = pa.array(range(len(values)), pa.int64())
    return SampleResult(
        equity=pa.table({"time_ns": times, "equity": pa.array([Decimal(value) for value in values], MONEY)}),
        trades=pa.table({"time_ns": pa.array([0], pa.int64()), "symbol": pa.array(["A"])}),
        positions=pa.table({"time_ns": times, "quantity": pa.array([1] * len(values), pa.int64())}),
        summary=Summary.model_validate(figures),
    )


def other_summary(result: SampleResult, **changes: Any) -> SampleResult:
    return replace(result, summary=result.summary.model_copy(update=changes))


def specification(
    *snapshots: str, run: str = "r1", algorithm: str = "buy-and-hold", **simulation: Any
) -> RunSpecification:
    return RunSpecification.model_validate(
        {
            "run": run,
            "snapshots": list(snapshots) or ["sha256:" + "0" * 64],
            "simulation": {"algorithm": {"name": algorithm}, "capital": "1000", **simulation},
        }
    )
