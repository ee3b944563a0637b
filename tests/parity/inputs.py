"""Bars and terms of the golden backtests, as text that the Rust example reads (``examples/digests/golden.rs``)."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from tradeplane_workloads.engine.settings import settings_of

from tests.unit.workloads.golden_results import CASES, recorded_bars

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_workloads.market.bars import Bars


def golden_bars(strategy: str) -> Bars:
    """Return the bars that a strategy's golden result is of."""
    return recorded_bars("sp500", "nasdaq") if strategy == "pairs" else recorded_bars("sp500")


def write_inputs(folder: Path) -> list[Path]:
    """Write a file for each golden backtest; return them in order."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for strategy in sorted(CASES):
        file = folder / f"{strategy}.case"
        file.write_text(_text(strategy), encoding="ascii")
        files.append(file)
    return files


def _text(strategy: str) -> str:
    bars = golden_bars(strategy)
    exponents = " ".join(f"{one.price_exponent} {one.quantity_exponent}" for one in bars.instruments)
    terms = [f"{name} {_words(value)}" for name, value in asdict(settings_of(CASES[strategy])).items()]
    columns = [getattr(bars, name).tolist() for name in ("open", "high", "low", "close", "present")]
    rows = [
        " ".join(str(int(column[row][instrument])) for instrument in range(len(bars.instruments)) for column in columns)
        for row in range(len(bars.time_ns))
    ]
    lines = [f"{time} {row}" for time, row in zip(bars.time_ns.tolist(), rows, strict=True)]
    return "\n".join([f"strategy {strategy}", f"exponents {exponents}", *terms, "bars", *lines]) + "\n"


def _words(value: object) -> str:
    """Write a term's value: numbers one after the other, nothing for None."""
    if isinstance(value, list):
        return " ".join(str(number) for pair in value for number in pair)
    return "" if value is None else str(value)
