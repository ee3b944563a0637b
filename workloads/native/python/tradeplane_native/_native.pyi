from collections.abc import Sequence
from typing import Any, Protocol

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
def simd_path() -> str:
    """Name the path that kernels take in this process; see docs/simd.md."""

def simd_paths() -> list[str]:
    """Name the paths that this processor has, the widest last."""

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

class EventTape:
    """One instrument's tape, checked; its arrays are read in place and must not change from here on."""

    def __init__(
        self,
        sequence: NDArray[np.uint64],
        exchange_time: NDArray[np.int64],
        local_time: NDArray[np.int64],
        kind: NDArray[np.uint8],
        side: NDArray[np.uint8],
        price: NDArray[np.int64],
        quantity: NDArray[np.int64],
        order: NDArray[np.uint64] | None = None,
        *,
        base_latency_ns: int = 0,
    ) -> None: ...
    @property
    def skew_ns(self) -> int:
        """What was added to the local times."""

class _Terms(Protocol):
    @property
    def settlement(self) -> str: ...
    @property
    def numerator(self) -> int: ...
    @property
    def denominator(self) -> int: ...
    @property
    def cash(self) -> int: ...
    @property
    def fee_tiers(self) -> list[tuple[int, int, int]]: ...
    @property
    def fee_per_lot(self) -> int: ...
    @property
    def fee_minimum(self) -> int | None: ...
    @property
    def order_size(self) -> int | None: ...
    @property
    def position(self) -> int | None: ...
    @property
    def notional(self) -> int | None: ...
    @property
    def collar(self) -> int | None: ...
    @property
    def daily_loss(self) -> int | None: ...
    @property
    def latency(self) -> str: ...
    @property
    def entry_ns(self) -> int: ...
    @property
    def response_ns(self) -> int: ...
    @property
    def observations(self) -> list[tuple[int, int, int]]: ...
    @property
    def queue(self) -> str: ...
    @property
    def queue_form(self) -> str: ...
    @property
    def queue_exponent(self) -> float: ...
    @property
    def queue_seed(self) -> int | None: ...
    @property
    def impact(self) -> str: ...
    @property
    def impact_coefficient(self) -> int: ...
    @property
    def impact_reference(self) -> int: ...

class MarketMaker:
    """The market maker of the event engine."""

    def __init__(
        self,
        *,
        half_spread: int,
        quantity: int,
        most: int,
        first_ns: int,
        interval_ns: int,
        instrument: int = 0,
        skew: int = 0,
        skew_lots: int = 1,
        on_touch: bool = False,
    ) -> None: ...

class PairsTrader:
    """The pairs trader of the event engine."""

    def __init__(
        self,
        *,
        quantity: tuple[int, int],
        window: int,
        entry: int,
        exit: int,  # noqa: A002
        first_ns: int,
        interval_ns: int,
        instruments: tuple[int, int] = (0, 1),
        ratio: tuple[int, int] = (1, 1),
    ) -> None: ...

class SignalTrader:
    """What trades towards targets that were decided beforehand."""

    def __init__(self, targets: NDArray[np.int64], *, fraction: int, allow_short: bool = False) -> None:
        """Take targets of shape (periods, instruments), and the share of equity one invests, all in billionths."""

class MarketBar:
    """Trades of the market in a period; the same object each time."""

    instrument: int
    time: int
    open: int
    high: int
    low: int
    close: int
    volume: int

class MarketTrade:
    """A trade of the market; the same object each time."""

    instrument: int
    local_time: int
    exchange_time: int
    price: int
    quantity: int
    taker: int

class OrderReport:
    """What became of an order; the same object each time."""

    instrument: int
    exchange_time: int
    event: int
    reason: int
    order: int
    side: int
    price: int
    quantity: int
    left: int
    taker: bool

class Desk:
    """The trader's side as a Python strategy sees it, at the moment it is called."""

    @property
    def now(self) -> int:
        """The local time."""
    def touch(self, instrument: int = 0) -> tuple[int, int] | None:
        """Tell the best bid and ask, where there are both."""
    def position(self, instrument: int = 0) -> int:
        """Tell the lots held."""
    def submit(
        self,
        side: int,
        quantity: int,
        price: int | None = None,
        *,
        instrument: int = 0,
        trigger: int | None = None,
        take_profit: bool = False,
        distance: int | None = None,
        terms: str = "GTC",
        display: int = 0,
        peer: int = 0,
        parent: int = 0,
    ) -> int:
        """Send an order to buy (side 1) or sell (-1); return its identifier."""
    def cancel(self, order: int, *, instrument: int = 0) -> None:
        """Ask to take an order back."""
    def replace(self, order: int, price: int, quantity: int, *, instrument: int = 0) -> None:
        """Ask to give an order another price and what is left of it another quantity."""
    def wake(self, time: int) -> None:
        """Ask for ``on_timer`` at a time."""
    def halt(self) -> None:
        """Stop trading: every order is taken back and no more are sent."""
    def stop(self) -> None:
        """End the run."""

class EventRun:
    """A run that is over: its log and what it came to."""

    def __len__(self) -> int: ...
    @staticmethod
    def columns() -> list[tuple[str, str]]:
        """Names and logical types of the log's columns."""
    def column(self, name: str) -> NDArray[Any]:
        """Return a column of the log but ``fee``."""
    def fees(self) -> NDArray[np.uint64]:
        """Return the column ``fee``, 128-bit integers as pairs of words, the lower first."""
    @property
    def digest(self) -> str: ...
    @property
    def blocks(self) -> list[str]: ...
    @property
    def account_times(self) -> NDArray[np.int64]:
        """When the account was taken."""
    def account_amounts(self, name: str) -> NDArray[np.uint64]:
        """Return ``equity``, ``cash``, ``gross`` or ``net``, as words like :meth:`fees`."""
    def fill_integers(self, name: str) -> NDArray[np.int64]:
        """Return of the fills the ``row`` of the log, the ``decision_time``, or the ``position`` after."""
    def fill_amounts(self, name: str) -> NDArray[np.uint64]:
        """Return of the fills ``notional``, ``realized`` or ``entry_value``, as words like :meth:`fees`."""
    def figures(self, periods_per_year: float, risk_free_rate: float) -> Figures:
        """Return the figures of the summary, of a run with periods."""
    def holding(self, instrument: int = 0) -> tuple[int, int, int, int, int, int]:
        """Position, cash, fees, traded value, traded lots and trades."""

def run_events(
    tapes: list[EventTape],
    terms: Sequence[_Terms],
    strategy: object,
    *,
    rate: tuple[int, int] | None = None,
    period_ns: int | None = None,
) -> EventRun:
    """Run a strategy on tapes, one set of terms a tape; ``rate`` is orders and nanoseconds.

    With ``period_ns`` the account is kept at the end of each period, and ``on_bar`` called.
    """

def event_bars(
    tapes: list[EventTape], terms: Sequence[_Terms], period_ns: int
) -> tuple[NDArray[np.int64], list[NDArray[np.int64]], NDArray[np.bool_]]:
    """Return the bars that ``on_bar`` is called with: times, five columns (open to volume), and where there is one."""

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

_Encoded = tuple[str, int, int, list[_Bytes]]

def encode_tape(tape: _Tape) -> tuple[list[_Encoded], _Bytes, list[_Encoded]]:
    """Return the columns of messages, the events, and the other columns of rows (docs/formats/tape.md).

    Of each column: name, first value, unit and planes.
    """

class TapeDecoder:
    """Decodes a tape: its messages, batch by batch, and then its rows."""

    def __init__(self, rows: int, messages: int, columns: list[tuple[int, int, int]]) -> None:
        """Take first value, unit and number of planes of each stored column but the events."""
    def push_messages(self, planes: list[_Bytes]) -> None:
        """Decode a batch of messages: the planes of sequence, exchange and local time."""
    def end_messages(self) -> None:
        """Say that all messages came and the planes are their encoding; raises ValueError otherwise."""
    def push(
        self,
        planes: list[_Bytes],
        sequence: NDArray[np.uint64],
        exchange_time: NDArray[np.int64],
        local_time: NDArray[np.int64],
        kind: _Bytes,
        side: _Bytes,
        price: NDArray[np.int64],
        quantity: NDArray[np.int64],
        order: NDArray[np.uint64],
    ) -> None:
        """Decode a batch, its events and then the planes of the other columns, into arrays of its rows."""
    def finish(self) -> None:
        """Say that all rows came and the planes are their encoding; raises ValueError otherwise."""

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
    update: int | None
    """The update up to which the book is known at the end."""
    blind_update: int | None
    """The last update of a book that is not known at the end, where any came since it was lost."""
    last_trade: tuple[bool, int] | None
    """The number of the last trade, and whether it is one of aggregated trades."""
    columns: _Columns

def read_binance(data: bytes, symbol: str | None, limit: int, instruments: int) -> tuple[list[RecordedInstrument], int]:
    """Return the instruments of a recording by symbol, and how many messages are about none.

    Raises ValueError of a line (None where it is about the whole) and of what is wrong with it.
    """

class Spool:
    """Messages of a feed as lines of a recording that are not written yet; what none can hold is kept out, by name."""

    messages: int
    """Messages of the feed that were appended, snapshots of books included."""
    waiting: int
    """Bytes that were not taken yet."""
    kept_out: list[tuple[str, int]]
    """How many messages were kept out, by why."""

    def __init__(self, symbols: Sequence[str], longest: int) -> None: ...
    def append(self, time: int, message: bytes) -> bool:
        """Append a message that came at a local time, or keep it out. Return whether a book was lost by it."""
    def append_snapshot(self, time: int, instrument: int, message: bytes) -> bool:
        """Append a snapshot of an instrument's book. Return whether the book is known by it.

        Raises ValueError with the name of the reason for one that is kept out.
        """
    def cut(self) -> None:
        """Say that what was taken ends a recording: a book that is not known now needs a snapshot of what follows."""
    def lose_feed(self, time: int) -> None:
        """Append, for each instrument, that there was no feed until now."""
    def take(self) -> bytes:
        """Return the lines since the last time."""
    def take_lost(self) -> list[int]:
        """Return the instruments whose book was lost since the last time."""
    def knows(self, instrument: int) -> bool:
        """Return whether the book of an instrument is known."""
