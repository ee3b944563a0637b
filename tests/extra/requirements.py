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


def market_data() -> Path:
    """Return the folder of recorded market data: ``TRADEPLANE_MARKET_DATA``, or ``shared/data`` beside the checkout."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.get(MARKET_DATA_VARIABLE, beside))


def missing_market_data() -> str | None:
    """Say which recording is missing, or None."""
    recording = market_data() / BINANCE_TRADES
    return (
        None if recording.is_file() else f"{recording} is not there; set {MARKET_DATA_VARIABLE} to a folder that has it"
    )


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
)
