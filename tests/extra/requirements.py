"""What each extra test needs beyond a prepared machine, and how to tell whether it is here.

A requirement is a question with a reason for an answer, so that what could not be run is said and never passes unseen.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MARKET_DATA_VARIABLE = "TRADEPLANE_MARKET_DATA"
BINANCE_TRADES = Path("binance-usdm/btcusdt_20240808.gz")
BINANCE_BLIND = Path("binance-coinm/btcusd_perp_20240809.gz")


def market_data() -> Path:
    """Return the folder of recorded market data: ``TRADEPLANE_MARKET_DATA``, or ``shared/data`` beside the checkout."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.get(MARKET_DATA_VARIABLE, beside))


def missing_market_data(*recordings: Path) -> str | None:
    """Say which recording is missing, or None; that of USD-M futures where none is named."""
    for name in recordings or (BINANCE_TRADES,):
        if not (market_data() / name).is_file():
            return f"{market_data() / name} is not there; set {MARKET_DATA_VARIABLE} to a folder that has it"
    return None


def missing_processor_flags(*flags: str) -> str | None:
    """Say which flags of /proc/cpuinfo this processor lacks, or None."""
    present: set[str] = set()
    for line in Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines():
        if line.startswith("flags"):
            present.update(line.split(":", 1)[1].split())
    lacking = sorted(set(flags) - present)
    return f"this processor has no {', '.join(lacking)}" if lacking else None


@dataclass(frozen=True, slots=True)
class ExtraTest:
    """A file of tests, what it shows, and the question whether it can run here."""

    file: str
    shows: str
    missing: Callable[[], str | None]


EXTRA_TESTS = (
    ExtraTest(
        "test_processor_levels.py",
        "results are the same bits when the C library and NumPy see an older processor",
        lambda: missing_processor_flags("avx2", "fma"),
    ),
    ExtraTest(
        "test_recorded_trades.py",
        "bars made from recorded Binance trades import, verify and run",
        missing_market_data,
    ),
    ExtraTest(
        "test_recorded_tapes.py",
        "recorded Binance streams become tapes with all they hold, and what is wrong with them is found",
        lambda: missing_market_data(BINANCE_TRADES, BINANCE_BLIND),
    ),
    ExtraTest(
        "test_played_tapes.py",
        "recorded Binance streams, played by the simulated exchange, are told as they were and replay to the same",
        lambda: missing_market_data(BINANCE_TRADES, BINANCE_BLIND),
    ),
)
