from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__version__: str

_Series = NDArray[np.float64]

def sma(series: _Series, period: int) -> _Series: ...
def ema(series: _Series, period: int) -> _Series: ...
def rsi(series: _Series, period: int) -> _Series: ...
def zscore(series: _Series, period: int) -> _Series: ...
def macd(series: _Series, fast: int, slow: int, signal: int) -> tuple[_Series, _Series, _Series]: ...
def bollinger(series: _Series, period: int, width: float) -> tuple[_Series, _Series, _Series]: ...
def atr(high: _Series, low: _Series, close: _Series, period: int) -> _Series: ...

class Generator:
    """Random numbers by PCG64; the same draws on every processor."""

    def __init__(self, seed: int) -> None: ...
    def uniform(self, count: int) -> _Series:
        """Draw uniformly from [0, 1)."""
    def normal(self, count: int) -> _Series:
        """Draw from the standard normal distribution."""
    def integers(self, low: int, high: int, count: int) -> NDArray[np.int64]:
        """Draw from ``low <= x < high``, without bias."""

class _Settings(Protocol):
    @property
    def capital(self) -> int: ...
    @property
    def commission_per_trade(self) -> int: ...
    @property
    def commission_per_share(self) -> int: ...
    @property
    def commission_tiers(self) -> list[tuple[int, int]]: ...
    @property
    def slippage_basis_points(self) -> int: ...
    @property
    def borrow_rate(self) -> int: ...
    @property
    def financing_rate(self) -> int: ...
    @property
    def sizing(self) -> str: ...
    @property
    def fraction(self) -> int: ...
    @property
    def target_volatility(self) -> float: ...
    @property
    def window(self) -> int: ...
    @property
    def stop_loss(self) -> int | None: ...
    @property
    def take_profit(self) -> int | None: ...
    @property
    def trailing_stop(self) -> int | None: ...
    @property
    def max_leverage(self) -> int: ...
    @property
    def maintenance_margin(self) -> int: ...
    @property
    def max_drawdown(self) -> int | None: ...
    @property
    def allow_short(self) -> bool: ...
    @property
    def periods_per_year(self) -> int: ...
    @property
    def risk_free_rate(self) -> float: ...

class Figures:
    """Figures as decimal strings; see docs/results.md."""

    final_equity: str
    total_return: str
    annual_return: str | None
    volatility: str | None
    sharpe: str | None
    sortino: str | None
    calmar: str | None
    max_drawdown: str
    max_drawdown_bars: tuple[int, int] | None
    turnover: str | None
    exposure: str
    hit_rate: str | None

class Simulator:
    """A simulation of targets on bars."""

    def __init__(
        self,
        time_ns: NDArray[np.int64],
        open: NDArray[np.int64],  # noqa: A002
        high: NDArray[np.int64],
        low: NDArray[np.int64],
        close: NDArray[np.int64],
        present: NDArray[np.bool_],
        weights: NDArray[np.int64],
        exponents: list[tuple[int, int]],
        settings: _Settings,
    ) -> None: ...
    def run(self) -> None: ...
    def equity_column(self, name: str) -> NDArray[np.uint64]: ...
    def fill_integers(self, name: str) -> NDArray[np.int64]: ...
    def fill_amounts(self, name: str) -> NDArray[np.uint64]: ...
    def figures(self) -> Figures: ...
    @property
    def interest(self) -> int: ...

_Bytes = NDArray[np.uint8]
_Columns = tuple[
    NDArray[np.uint64],
    NDArray[np.int64],
    NDArray[np.int64],
    _Bytes,
    _Bytes,
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.uint64],
]

class _Tape(Protocol):
    @property
    def sequence(self) -> NDArray[np.uint64]: ...
    @property
    def exchange_time(self) -> NDArray[np.int64]: ...
    @property
    def local_time(self) -> NDArray[np.int64]: ...
    @property
    def kind(self) -> _Bytes: ...
    @property
    def side(self) -> _Bytes: ...
    @property
    def price(self) -> NDArray[np.int64]: ...
    @property
    def quantity(self) -> NDArray[np.int64]: ...
    @property
    def order(self) -> NDArray[np.uint64]: ...

def encode_tape(tape: _Tape) -> tuple[_Bytes, list[tuple[str, int, int, list[_Bytes]]]]:
    """Return the events, and name, first value, unit and planes of the other columns (docs/formats/tape.md)."""

class TapeDecoder:
    """Decodes a tape, batch by batch."""

    def __init__(self, rows: int, columns: list[tuple[int, int, int]]) -> None:
        """Take first value, unit and number of planes of each stored column but the events."""
    def push(self, planes: list[_Bytes]) -> None:
        """Decode a batch: its events, then the planes of the other columns in their order."""
    def finish(self) -> _Columns:
        """Return the columns, when all rows came and the planes are their encoding."""

_Count = tuple[int, int | None]

class TapeFindings:
    """What was found on a tape: how often, and the sequence of the message where it was first."""

    messages: int
    gaps: _Count
    lost: int
    crossed: _Count
    locked: _Count
    out_of_order: _Count
    ahead: _Count
    blind_rows: int
    min_latency: int

def audit_tape(tape: _Tape) -> TapeFindings:
    """Look through a tape for what is wrong with its recording."""

class RecordedInstrument:
    """An instrument read from a recording; prices and quantities in units of ten to the minus places."""

    symbol: str
    market: str
    price_places: int
    quantity_places: int
    left_out: int
    columns: _Columns

def read_binance(data: bytes, symbol: str | None, limit: int, instruments: int) -> tuple[list[RecordedInstrument], int]:
    """Return the instruments of a recording by symbol, and how many messages are about none.

    Raises ValueError of a line (None where it is about the whole) and of what is wrong with it.
    """
