"""The exchange itself, without a wire: one thing happens after the other, is recorded, and is told to who listens."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from tradeplane_api.snapshot_manifest import InstrumentKind

from tradeplane_workloads.engine.settings import billionths
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.events.terms import lot_value
from tradeplane_workloads.exchange.core import core_of
from tradeplane_workloads.exchange.ledger import MILLION, Happened, Ledger, Sent
from tradeplane_workloads.exchange.listing import Wire, listings_of
from tradeplane_workloads.exchange.orders import wire_type
from tradeplane_workloads.exchange.rejections import cancel_refused, change_refused, is_refusal, order_refused
from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_api.exchange import ExchangeSpecification
    from tradeplane_native import ExchangeOutcome, ExchangeReplay, ExchangeStep

    from tradeplane_workloads.exchange.ledger import Order
    from tradeplane_workloads.exchange.listing import Listing
    from tradeplane_workloads.exchange.orders import NewOrder
    from tradeplane_workloads.exchange.record_file import RecordFile
    from tradeplane_workloads.market.tapes import Tape


@dataclass(frozen=True, slots=True)
class MarketUpdate:
    """What a message of the tape showed the public. ``number`` is that of the input, which updates are counted by."""

    listing: Listing
    number: int
    time_ms: int
    changes: list[tuple[int, int, int]]
    prints: list[tuple[int, int, int, int]]


class Audience(Protocol):
    """Who is told."""

    def on_market(self, update: MarketUpdate) -> None:
        """Hear that the market moved."""

    def on_account(self, account: int, happened: list[Happened], time_ms: int) -> None:
        """Hear what happened to orders of an account."""


class Venue:
    """The exchange: instruments, accounts, and everything that may happen to them.

    ``clock`` gives nanoseconds since 1970. Raises DataRefused for tapes that cannot be played.
    """

    def __init__(
        self,
        specification: ExchangeSpecification,
        tapes: tuple[Tape, ...],
        clock: Callable[[], int],
        record: RecordFile | None = None,
    ) -> None:
        instruments = [tape.instrument for tape in tapes]
        self.listings = listings_of(instruments, [balance.asset for balance in specification.balances])
        self.ledger = Ledger()
        self.audience: list[Audience] = []
        self._clock = clock
        self._record = record
        self._accounts: dict[str, int] = {}
        self._updated = [0] * len(tapes)
        opening = {balance.asset: billionths(balance.amount) for balance in specification.balances}
        self._opening = [opening.get(asset, 0) for asset in self.listings.assets]
        self.leverage = specification.leverage
        self._core = core_of(specification, tapes, self.listings)

    @property
    def record(self) -> RecordFile | None:
        """Where everything is recorded, if it is."""
        return self._record

    @property
    def wire(self) -> Wire:
        """Which of Binance's interfaces is spoken."""
        return self.listings.wire

    def now_ms(self) -> int:
        """Return the exchange's clock in milliseconds."""
        return self._clock() // MILLION

    def account(self, name: str) -> int:
        """Return the number of an account; it is opened when it is first asked for."""
        if name not in self._accounts:
            self._accounts[name] = self._core.open_account(name, self._opening, self._clock())
            self._keep()
        return self._accounts[name]

    def play(self, instrument: int, first: int, end: int) -> None:
        """Let a message of a tape happen."""
        self._market(instrument, self._core.play(instrument, first, end, self._clock()))

    def begin_again(self, instrument: int) -> None:
        """Let an instrument's tape begin again, with an empty book."""
        self._market(instrument, self._core.begin_again(instrument, self._clock()))

    def submit(self, account: int, order: NewOrder) -> Order:
        """Send an order and return it as it is after that. Raises Refusal where it is not accepted."""
        client = order.client or f"x-{self._core.inputs + 1}"
        sent = Sent(
            client=client,
            type=order.type,
            kind=order.kind,
            terms=order.terms,
            price=order.price,
            trigger=order.trigger,
            quantity=order.quantity,
            reduce_only=order.reduce_only,
            distance=order.distance,
            display=order.display,
            peer=self._named(account, order.listing, order.peer, OrderReason.UNKNOWN_PEER),
            parent=self._named(account, order.listing, order.parent, OrderReason.UNKNOWN_PARENT),
        )
        self._core.submit(
            account,
            order.listing.index,
            order.side,
            order.quantity,
            self._clock(),
            kind=order.kind,
            client=client,
            price=order.price,
            trigger=order.trigger or order.distance,
            terms=order.terms,
            display=order.display,
            reduce_only=order.reduce_only,
            peer=sent.peer,
            parent=sent.parent,
        )
        first = self._core.outcomes()[0]
        if _never_was(self.wire, first):
            self._keep()
            raise order_refused(self.wire, first.reason)
        happened = self._happened(sent)
        self._tell(happened)
        return happened[0].order

    def _named(self, account: int, listing: Listing, client: str | None, otherwise: OrderReason) -> int:
        """Return the number of an order that a new one belongs to, 0 for none. Raises Refusal where nobody knows it."""
        if client is None:
            return 0
        found = self.ledger.find(account, listing.index, None, client)
        if found is None:  # of one that is over the core says so
            raise order_refused(self.wire, otherwise)
        return found.number

    def cancel(self, account: int, order: Order, client: str | None = None) -> Order:
        """Take an order back. Raises Refusal where it is over."""
        if not order.alive:
            raise cancel_refused()
        self._core.cancel(account, order.instrument, order.number, self._clock())
        order.cancel_client = client or f"x-{self._core.inputs}"
        self._tell(self._happened(None))
        return order

    def replace(self, account: int, order: Order, price: int, quantity: int) -> Order:
        """Give an order another price, and another quantity in all. Raises Refusal where that cannot be."""
        left = order.left + quantity - order.quantity
        self._core.replace(account, order.instrument, order.number, price, left, self._clock())
        denied = [outcome.reason for outcome in self._core.outcomes() if outcome.event == OrderEvent.DENY]
        self._tell(self._happened(None))
        if denied:
            raise change_refused(self.wire, denied[0])
        return order

    def depth(self, listing: Listing, levels: int) -> tuple[int, list[tuple[int, int]], list[tuple[int, int]]]:
        """Return the number of the last update of a book, and its bids and asks."""
        return self._updated[listing.index], *self._core.depth(listing.index, levels)

    def balance(self, account: int, asset: str) -> tuple[int, int]:
        """Return what is free and what is locked, in billionths."""
        return self._core.balance(account, self.listings.assets.index(asset))

    def position(self, account: int, listing: Listing) -> tuple[int, int]:
        """Return lots, and the worth of their entries in billionths."""
        lots, entry, _ = self._core.position(account, listing.index)
        return lots, entry

    def replay(self, record: bytes) -> ExchangeReplay:
        """Run a record again, up to where it parts from this exchange. Raises DataRefused where it does not fit it."""
        try:
            replayed = self._core.replay(record)
        except ValueError as error:
            raise DataRefused(str(error)) from error
        self._accounts = {name: number for number, name in enumerate(replayed.accounts)}
        self._updated = [self._core.inputs] * len(self._updated)
        for step in replayed.steps:
            self._enter(step)
        return replayed

    def resume(self, record: bytes) -> ExchangeReplay:
        """Go on from a record. Raises DataRefused where it does not fit this exchange, or parts from it."""
        replayed = self.replay(record)
        if replayed.divergence is not None:
            raise DataRefused(
                f"the record and this exchange differ: {replayed.divergence[0]}; use the release that wrote it"
            )
        return replayed

    def _enter(self, step: ExchangeStep) -> None:
        sent = None
        if step.client is not None:
            if _never_was(self.wire, step.outcomes[0]):
                return
            type_ = wire_type(self.wire, step.kind, step.terms)
            quantity = step.outcomes[0].quantity
            trails = step.kind == "trailing-stop"
            sent = Sent(
                client=step.client,
                type=type_,
                kind=step.kind,
                terms=step.terms,
                price=step.price,
                trigger=0 if trails else step.trigger,
                quantity=quantity,
                reduce_only=step.reduce_only,
                distance=step.trigger if trails else 0,
                display=step.display,
                peer=step.peer,
                parent=step.parent,
            )
        for outcome in step.outcomes:
            self.ledger.apply(outcome, sent, self._value(outcome))

    def _market(self, instrument: int, number: int) -> None:
        happened = self._happened(None)
        changes, prints = self._core.changes(), self._core.prints()
        if changes:
            self._updated[instrument] = number
        time_ms = self._core.time // MILLION
        update = MarketUpdate(self.listings.all[instrument], number, time_ms, changes, prints)
        for one in self.audience:
            one.on_market(update)
        self._tell(happened)

    def _happened(self, sent: Sent | None) -> list[Happened]:
        """Record what the last input led to and enter it in the ledger."""
        self._keep()
        outcomes = self._core.outcomes()
        entered = (self.ledger.apply(outcome, sent, self._value(outcome)) for outcome in outcomes)
        return [one for one in entered if one is not None]

    def _keep(self) -> None:
        recorded = self._core.take_record()
        if self._record is not None:
            self._record.append(recorded)

    def _tell(self, happened: list[Happened]) -> None:
        time_ms = self._core.time // MILLION
        for account in dict.fromkeys(one.order.account for one in happened):
            mine = [one for one in happened if one.order.account == account and one.event is not OrderEvent.DENY]
            for audience in self.audience if mine else ():
                audience.on_account(account, mine, time_ms)

    def _value(self, outcome: ExchangeOutcome) -> int:
        """Return what a trade was worth, in billionths of the asset of settlement."""
        if not outcome.trade:
            return 0
        instrument = self.listings.all[outcome.instrument].instrument
        lot = lot_value(instrument) * outcome.quantity
        inverse = instrument.kind is InstrumentKind.INVERSE_FUTURE
        return round(lot / outcome.price if inverse else lot * Fraction(outcome.price))


def _never_was(wire: Wire, first: ExchangeOutcome) -> bool:
    """Whether an order, by the first that came of it, was refused as the wire has it: no one hears of it again."""
    return first.event == OrderEvent.REFUSE or (first.event == OrderEvent.EXPIRE and is_refusal(wire, first.reason))
