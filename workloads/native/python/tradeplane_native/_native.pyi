from collections.abc import Callable, Sequence
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
def bootstrap_sharpe(
    equity: NDArray[np.uint64], *, periods_per_year: float, risk_free_rate: float, samples: int, block: int, seed: int
) -> list[float] | None:
    """Return the Sharpe ratios of samples drawn anew of a run's returns, ascending; see docs/results.md.

    ``equity`` is in billionths as words, shape (n, 2). None where the run's own ratio is not defined; a sample that has
    none is left out.
    """

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

class BarTrader:
    """What trades towards targets that are asked for at the end of each period, as a session trades them."""

    def __init__(
        self,
        decide: Callable[[int, list[tuple[int, int, int, int, int] | None]], Sequence[int]],
        *,
        instruments: int,
        fraction: int,
        allow_short: bool = False,
    ) -> None:
        """Take what decides: given when a period ended and the bar of each instrument that traded in it, targets.

        A bar is open, high, low and close in ticks, and volume in lots; targets are one an instrument, in billionths.
        """

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

class OrderRequest:
    """What is to be sent to an exchange, or an order as it was last told."""

    action: str
    """``submit``, ``cancel`` or ``replace``."""
    instrument: int
    order: int
    side: int
    """1 to buy, -1 to sell; 0 where no order is sent."""
    kind: str
    """``market``, ``limit``, ``stop``, ``stop-limit``, ``take-profit`` or ``trailing-stop``; else empty."""
    price: int | None
    trigger: int | None
    distance: int | None
    quantity: int
    terms: str
    display: int
    peer: int
    parent: int

class OpenOrder:
    """An order that is not over, as far as is known."""

    request: OrderRequest
    state: str
    """``sent``, ``held``, ``waiting`` or ``open``."""
    left: int
    traded: int
    """Lots of it that traded; of an order that belongs to another, ``left`` and these need not be its quantity."""
    asked: bool
    """Whether a cancellation or change is on its way."""

class Session:
    """A strategy that trades on what it is fed; docs/formats/session.md says what it records."""

    def __init__(
        self,
        terms: Sequence[_Terms],
        strategy: object,
        *,
        session: bytes,
        specification: bytes,
        seed: int = 0,
        rate: tuple[int, int] | None = None,
        period_ns: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        """Take what decides what it does beside its inputs.

        ``session``: its name, 16 bytes. ``specification``: SHA-256 of its specification. ``generator``: what a strategy
        in Python draws from, to be recorded.
        """
    def start(self, time: int) -> None:
        """Begin; like every input, at the time the trader had it."""
    def message(
        self,
        time: int,
        instrument: int,
        sequence: int,
        exchange_time: int,
        rows: Sequence[tuple[int, int, int, int]],
        orders: Sequence[int] | None = None,
    ) -> None:
        """Take in a message of the market: kind, side, price and quantity of each row (docs/formats/tape.md)."""
    def report(
        self,
        time: int,
        instrument: int,
        *,
        exchange_time: int,
        event: int,
        order: int,
        side: int,
        price: int,
        quantity: int,
        left: int,
        reason: int = 0,
        taker: bool = False,
    ) -> None:
        """Take in an answer of the exchange; ``event`` is an ``OrderEvent``."""
    def timer(self, time: int) -> None:
        """Say that the time of ``next_timer`` has come."""
    def period(self, time: int) -> None:
        """Say that the period of ``next_period`` has ended."""
    def command(self, time: int, command: str) -> None:
        """Ask for ``halt``, ``flatten`` (take all orders back and close positions) or ``stop``."""
    @property
    def next_timer(self) -> int | None: ...
    @property
    def next_period(self) -> int | None: ...
    @property
    def inputs(self) -> int: ...
    @property
    def jumps(self) -> int:
        """Inputs whose time was below that of one before."""
    @property
    def now(self) -> int: ...
    @property
    def over(self) -> bool: ...
    @property
    def failure(self) -> BaseException | None:
        """The error of a strategy in Python that ended it."""
    @property
    def halted(self) -> bool: ...
    @property
    def flat(self) -> bool: ...
    @property
    def gave_up(self) -> bool:
        """Whether it was told to get flat, is not, and does no more about it."""
    def take_journal(self) -> bytes:
        """Take what was recorded since it was last taken, to be kept before the requests are sent."""
    def requests(self) -> list[OrderRequest]:
        """Take the requests decided on; raises RuntimeError while there are records that were not taken."""
    def open_orders(self, instrument: int = 0) -> list[OpenOrder]: ...
    def touch(self, instrument: int = 0) -> tuple[int, int] | None: ...
    def holding(self, instrument: int = 0) -> tuple[int, int, int, int, int, int]:
        """Position, cash, fees, traded value, traded lots and trades."""
    @property
    def equity(self) -> int:
        """Cash, and what all positions are worth, in billionths."""
    def run(self) -> EventRun:
        """Return the log and what it comes to, so far."""

class JournalSummary:
    """What a journal says of itself."""

    session: bytes
    specification: bytes
    seed: int
    period_ns: int | None
    instruments: int
    records: int
    inputs: int
    whole: int
    """Bytes that are whole; what comes after was torn off by a crash."""
    torn: bool

class JournalDifference:
    """The first thing in which two recordings differ, or a recording and what is decided from it."""

    record: int
    """Number of the record; 0 for the header."""
    input: int
    field: str
    expected: str
    got: str

def read_journal(journal: NDArray[np.uint8]) -> JournalSummary:
    """Read a journal through; raises ValueError naming the record that was altered."""

def replay_session(
    journal: NDArray[np.uint8],
    terms: Sequence[_Terms],
    strategy: object,
    *,
    rate: tuple[int, int] | None = None,
    generator: Generator | None = None,
) -> tuple[Session, int, bool, JournalDifference | None]:
    """Feed a recording to a fresh session.

    Return that session, how many bytes of the recording are whole, whether more were torn off, and the first thing it
    did otherwise. What it wrote that the recording lacks belongs after the whole bytes.
    """

def first_difference(expected: NDArray[np.uint8], got: NDArray[np.uint8]) -> JournalDifference | None:
    """Find where two recordings first differ, by their digests, without running anything."""

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
    unknown: _Count
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

def likely_rows(data: bytes) -> int:
    """Return for how many rows it is worth to make room before a recording is read; there may be fewer or more."""

def sign_query(parameters: dict[str, str], secret: str) -> str:
    """Return the query of a request signed as Binance defines it: the parameters, then the signature of that."""

def read_levels(
    levels: list[object], kind: int, side: int, price: tuple[int, int], quantity: tuple[int, int]
) -> list[tuple[int, int, int, int]] | None:
    """Return levels of a book, each a list of a price and a quantity as text, as rows of one kind and side.

    A unit is its digits after the point and its steps of the last of them. None where any level is not read.
    """

def read_binance(
    data: bytes, symbol: str | None, limit: int, instruments: int, room: _Columns
) -> tuple[list[RecordedInstrument], int]:
    """Return the instruments of a recording by symbol, and how many messages are about none.

    The rows of the first one it comes upon are written into ``room``, columns of one length but for that of orders, if
    they have enough of it; its columns are the first parts of them then.

    Raises ValueError of a line (None where it is about the whole) and of what is wrong with it.
    """

class ExchangeOutcome:
    """What an input of an exchange led to, for one order.

    ``event`` and ``reason`` are numbers of the event log, ``side`` is 1 to buy and -1 to sell; ``fee`` and ``realized``
    are billionths of the asset of settlement. ``trade`` is 0 where nothing traded.
    """

    @property
    def account(self) -> int: ...
    @property
    def instrument(self) -> int: ...
    @property
    def order(self) -> int: ...
    @property
    def event(self) -> int: ...
    @property
    def reason(self) -> int: ...
    @property
    def side(self) -> int: ...
    @property
    def price(self) -> int: ...
    @property
    def quantity(self) -> int: ...
    @property
    def left(self) -> int: ...
    @property
    def taker(self) -> bool: ...
    @property
    def exchange_time(self) -> int: ...
    @property
    def trade(self) -> int: ...
    @property
    def fee(self) -> int: ...
    @property
    def realized(self) -> int: ...

class ExchangeStep:
    """A recorded input that led to something; ``client`` is None unless an order was sent."""

    @property
    def number(self) -> int: ...
    @property
    def time(self) -> int: ...
    @property
    def outcomes(self) -> list[ExchangeOutcome]: ...
    @property
    def client(self) -> str | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def price(self) -> int: ...
    @property
    def trigger(self) -> int: ...
    @property
    def terms(self) -> str: ...
    @property
    def reduce_only(self) -> bool: ...
    @property
    def display(self) -> int: ...
    @property
    def peer(self) -> int:
        """The exchange's number of its other leg; 0 for none."""
    @property
    def parent(self) -> int:
        """The exchange's number of the order whose trades it waits for; 0 for none."""

class ExchangeReplay:
    """A record of an exchange that was replayed.

    ``whole``: bytes before a torn end. ``divergence``: where it parted from the record, as words, number of the input,
    place among its outcomes, field, and the outcome as recorded and now.
    """

    @property
    def whole(self) -> int: ...
    @property
    def accounts(self) -> list[str]: ...
    @property
    def market_inputs(self) -> int: ...
    @property
    def steps(self) -> list[ExchangeStep]: ...
    @property
    def divergence(
        self,
    ) -> tuple[str, int, int, str | None, ExchangeOutcome | None, ExchangeOutcome | None] | None: ...

class Exchange:
    """An exchange of several accounts, fed one input at a time, each numbered and recorded."""

    def __init__(
        self,
        tapes: list[EventTape],
        terms: Sequence[_Terms],
        assets: list[tuple[int, int, int]],
        *,
        asset_count: int,
        leverage: int,
        market: bytes,
    ) -> None: ...
    def open_account(self, name: str, opening: list[int], time: int) -> int:
        """Open an account with an amount of each asset in billionths; gives its number."""
    def play(self, instrument: int, first: int, end: int, time: int) -> int:
        """Play rows of an instrument's tape; gives the number of the input."""
    def begin_again(self, instrument: int, time: int) -> int:
        """Begin an instrument's tape again, with an empty book."""
    def submit(
        self,
        account: int,
        instrument: int,
        side: int,
        quantity: int,
        time: int,
        *,
        kind: str,
        client: str,
        price: int = 0,
        trigger: int = 0,
        terms: str = "GTC",
        display: int = 0,
        reduce_only: bool = False,
        peer: int = 0,
        parent: int = 0,
    ) -> int:
        """Send an order; gives the number of the input. The trigger of a trailing stop is its distance.

        ``peer`` and ``parent``: numbers of orders alive, its other leg and the order whose trades it waits for.
        """
    def cancel(self, account: int, instrument: int, order: int, time: int) -> int:
        """Take an order back."""
    def replace(self, account: int, instrument: int, order: int, price: int, quantity: int, time: int) -> int:
        """Give an order another price, and what is left of it another quantity."""
    def outcomes(self) -> list[ExchangeOutcome]:
        """Return what the last input led to."""
    def changes(self) -> list[tuple[int, int, int]]:
        """Return the levels that the last input changed: side, price, quantity now."""
    def prints(self) -> list[tuple[int, int, int, int]]:
        """Return the market's trades in the last input: number, price, quantity, taker."""
    @property
    def inputs(self) -> int:
        """How many inputs there were."""
    @property
    def time(self) -> int:
        """The exchange's clock."""
    @property
    def accounts(self) -> int:
        """How many accounts were opened."""
    def depth(self, instrument: int, levels: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return bids and asks, best first."""
    def balance(self, account: int, asset: int) -> tuple[int, int]:
        """Return what is free and what is locked, in billionths."""
    def position(self, account: int, instrument: int) -> tuple[int, int, int]:
        """Return lots, and in billionths the worth of the entries and the value traded."""
    def take_record(self) -> bytes:
        """Return what was recorded since it was last taken; the first time, with the header."""
    def replay(self, record: bytes) -> ExchangeReplay:
        """Apply a record of this market to an exchange that had no input yet, and stop where it parts from it."""

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
