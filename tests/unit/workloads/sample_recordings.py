"""Lines of small recordings, as a recorder of Binance's streams writes them."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOCAL = 1_700_000_000_000_000_000
"""Local time of the first line; the others follow a microsecond apart."""
EXCHANGE_MS = LOCAL // 1_000_000 - 5
"""Exchange time of every message, five milliseconds before."""


def depth(
    first: int, last: int, previous: int, bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]]
) -> str:
    """Return a change of a USD-M book."""
    updates = {"U": first, "u": last, "pu": previous, "b": bids, "a": asks}
    return json.dumps({"e": "depthUpdate", "E": EXCHANGE_MS, "T": EXCHANGE_MS, "s": "BTCUSDT", **updates})


def snapshot(update: int, bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]]) -> str:
    """Return the answer to a request for a snapshot of the book."""
    return json.dumps({"lastUpdateId": update, "E": EXCHANGE_MS, "T": EXCHANGE_MS, "bids": bids, "asks": asks})


def trade(number: int, price: str, quantity: str = "1", symbol: str = "BTCUSDT") -> str:
    """Return a trade of a future."""
    fields = {"t": number, "p": price, "q": quantity, "X": "MARKET", "m": True}
    return json.dumps({"e": "trade", "E": EXCHANGE_MS, "T": EXCHANGE_MS, "s": symbol, **fields})


WHOLE = (
    snapshot(10, [("100.0", "1"), ("99.5", "2")], [("100.5", "1.5")]),
    depth(11, 12, 10, [("100.0", "0")], [("100.5", "2")]),
    trade(7, "100.5", "0.5"),
    depth(13, 14, 12, [("100.0", "3")], []),
)
"""A recording without anything wrong."""


def write(path: Path, messages: Sequence[str], times: Sequence[int] | None = None) -> Path:
    """Write messages as a gzip recording; ``times`` are their local times."""
    local = times or [LOCAL + 1_000 * number for number in range(len(messages))]
    text = "".join(f"{time} {message}\n" for time, message in zip(local, messages, strict=True))
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return path
