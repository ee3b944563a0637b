"""What a report shows, taken out of a run's results and the bars it ran on.

Built before any HTML, so that what is shown can be tested without a browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from tradeplane_cli.report.series import Line, floats, times

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray
    from tradeplane_api.run import ResultsManifest
    from tradeplane_workloads.market.bars import Bars

MAX_INSTRUMENTS = 16
"""Instruments whose price is drawn; those traded most, when there are more."""
MAX_ROWS = 500
"""Rows of the table of trades; the newest, when there are more."""


@dataclass(frozen=True, slots=True)
class Fills:
    """Fills of one instrument in the order they happened; all arrays of shape (n,), prices and quantities in units."""

    time: NDArray[np.datetime64]
    side: tuple[str, ...]
    quantity: NDArray[np.float64]
    price: NDArray[np.float64]
    position: NDArray[np.float64]
    reason: tuple[str, ...]

    def newest(self, count: int) -> Fills:
        """Return the last ``count`` fills."""
        return self._where(np.arange(self.time.size) >= self.time.size - count)

    def of_side(self, side: str) -> Fills:
        """Return the fills of one side, ``Buy`` or ``Sell``."""
        return self._where(np.array([given == side for given in self.side], dtype=bool))

    def _where(self, chosen: NDArray[np.bool_]) -> Fills:
        def pick(texts: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(text for text, wanted in zip(texts, chosen.tolist(), strict=True) if wanted)

        return Fills(
            self.time[chosen],
            pick(self.side),
            self.quantity[chosen],
            self.price[chosen],
            self.position[chosen],
            pick(self.reason),
        )


@dataclass(frozen=True, slots=True)
class Prices:
    """Closes of one instrument in units of its currency; ``closes`` is None when its bars could not be read."""

    symbol: str
    currency: str
    closes: Line | None


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything on the page. ``missing_prices`` says why prices are not drawn, None when they are."""

    manifest: ResultsManifest
    equity: Line
    instruments: tuple[tuple[Prices, Fills], ...]
    instruments_in_all: int
    trades: pa.Table
    missing_prices: str | None

    @property
    def capital(self) -> float:
        """Cash at the start, in units of the currency."""
        return float(self.manifest.specification.simulation.capital)

    @property
    def currency(self) -> str:
        """Currency of the account: that of the instruments."""
        return self.instruments[0][0].currency if self.instruments else ""

    @property
    def baseline(self) -> Line | None:
        """The price rescaled to the capital at the start, where there is one instrument and its price is known."""
        closes = self.instruments[0][0].closes if len(self.instruments) == 1 else None
        if closes is None or closes.value.size == 0 or closes.value[0] <= 0:
            return None
        return Line(closes.time, closes.value * (self.capital / closes.value[0]))


def contents(
    manifest: ResultsManifest, equity: pa.Table, trades: pa.Table, bars: Bars | None, missing_prices: str | None
) -> Contents:
    """Put together what the page shows.

    ``equity`` and ``trades`` are the tables of docs/results.md. Without ``bars`` the fills are drawn alone and
    ``missing_prices`` says why.
    """
    traded = dict.fromkeys(trades.column("instrument").to_pylist())
    known = [instrument.symbol for instrument in bars.instruments] if bars else list(traded)
    counts = dict.fromkeys(known, 0)
    for symbol in trades.column("instrument").to_pylist():
        counts[symbol] = counts.get(symbol, 0) + 1
    shown = sorted(counts, key=lambda symbol: -counts[symbol])[:MAX_INSTRUMENTS]
    return Contents(
        manifest=manifest,
        equity=Line(times(equity), floats(equity, "equity")),
        instruments=tuple((_prices(bars, symbol), _fills(trades, bars, symbol)) for symbol in shown),
        instruments_in_all=len(counts),
        trades=trades,
        missing_prices=missing_prices,
    )


def _prices(bars: Bars | None, symbol: str) -> Prices:
    if bars is None:
        return Prices(symbol, "", None)
    index = [instrument.symbol for instrument in bars.instruments].index(symbol)
    instrument = bars.instruments[index]
    present = bars.present[:, index]
    closes = bars.close[present, index] * 10.0**instrument.price_exponent
    return Prices(symbol, instrument.currency, Line(bars.time_ns[present].view("datetime64[ns]"), closes))


def _fills(trades: pa.Table, bars: Bars | None, symbol: str) -> Fills:
    rows = trades.filter(pc.equal(trades.column("instrument"), symbol))
    exponents = {i.symbol: i.quantity_exponent for i in bars.instruments} if bars else {}
    unit = 10.0 ** exponents.get(symbol, 0)
    return Fills(
        time=times(rows),
        side=tuple(rows.column("side").to_pylist()),
        quantity=floats(rows, "quantity") * unit,
        price=floats(rows, "price"),
        position=floats(rows, "position_after") * unit,
        reason=tuple(str(reason) for reason in rows.column("reason").to_pylist()),
    )
