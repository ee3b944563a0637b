"""A session that trades at a simulated exchange, without a wire: each is told what the other does, and both record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tradeplane_api.exchange import ExchangeSpecification
from tradeplane_api.simulation import Simulation
from tradeplane_store.canonical import canonical_json
from tradeplane_workloads.exchange.market import schedule_of, tapes_of
from tradeplane_workloads.exchange.orders import NewOrder
from tradeplane_workloads.exchange.record_file import RecordFile, specification_beside
from tradeplane_workloads.exchange.refusal import Refusal
from tradeplane_workloads.exchange.venue import Venue
from tradeplane_workloads.sessions import SessionSpecification, open_session
from tradeplane_workloads.sessions.order_names import order_name, order_of
from tradeplane_workloads.strategies.protocol import OrderEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tradeplane_native import OrderRequest, Session
    from tradeplane_workloads.exchange.ledger import Happened
    from tradeplane_workloads.exchange.venue import MarketUpdate

NAME = bytes(range(16))
FEES = {"tiers": [{"fromVolume": "0", "makerBasisPoints": "2", "takerBasisPoints": "4"}]}
QUOTING = {"quantity": "0.01", "maxPosition": "0.05", "intervalMilliseconds": 50, "onTouch": True, "halfSpreadTicks": 0}
BEGIN_NS = 1_700_000_000_000_000_000
STEP_NS = 1_000_000


def exchange_of(**fields: Any) -> ExchangeSpecification:
    """Return the specification of an exchange that plays a synthetic market."""
    given = {"synthetic": {"messages": 400}, "fees": FEES, "balances": [{"asset": "USDT", "amount": "1000000"}]}
    return ExchangeSpecification.model_validate(given | fields)


class Floor:
    """An exchange and a session that trades there, in folders of their own, on one clock."""

    def __init__(
        self, folder: Path, exchange: ExchangeSpecification | None = None, *, step_ns: int = STEP_NS, **simulation: Any
    ) -> None:
        """Open both; ``step_ns``: from message to message; ``simulation``: fields that differ from a market maker's."""
        self.step_ns = step_ns
        self.exchange = exchange or exchange_of()
        self.session_folder, self.record = folder / "session", folder / "record"
        self.session_folder.mkdir(parents=True)
        specification_beside(self.record).write_bytes(canonical_json(self.exchange))
        self.now = BEGIN_NS
        self.tapes = tapes_of(self.exchange, None)
        self._file = RecordFile(self.record)
        self.venue = Venue(self.exchange, self.tapes, lambda: self.now, self._file)
        self.venue.audience.append(self)
        self.account = self.venue.account("default")
        algorithm = {"name": "market-maker", "parameters": QUOTING}
        given = {"algorithm": algorithm, "capital": "1000000", "execution": {"periodSeconds": 1, "fees": FEES}}
        instruments = [tape.instrument for tape in self.tapes]
        self.specification = SessionSpecification.of(instruments, Simulation.model_validate(given | simulation))
        self.recorded = open_session(self.session_folder, NAME, self.specification)
        self.unheard: list[Happened] = []
        self.reports = self.skew_ns = 0
        self.held = False
        """Whether reports are kept back; the last ones come when the session is ended."""
        self.tell: Callable[[int, dict[str, Any]], list[dict[str, Any]]] = lambda _, report: [report]
        """What the session is told instead of a report, by the report's number from 1 on."""

    @property
    def session(self) -> Session:
        """The session."""
        return self.recorded.session

    @property
    def trader_now(self) -> int:
        """The time by the trader's clock."""
        return self.now + self.skew_ns

    def trade(
        self,
        messages: int | None = None,
        *,
        end: bool = True,
        faults: Mapping[int, Callable[[Floor], None]] | None = None,
    ) -> None:
        """Let messages of the market happen, by default all; ``end`` flattens and stops the session then.

        ``faults``: what goes wrong before the message of that number.
        """
        self.session.start(self.now)
        schedule = schedule_of(self.tapes)
        for index in range(len(schedule) if messages is None else messages):
            self.now += self.step_ns
            if faults is not None and index in faults:
                faults[index](self)
            instrument, first, last = (int(part[index]) for part in (schedule.instrument, schedule.first, schedule.end))
            self.venue.play(instrument, first, last)
            self._message(instrument, first, last)
            self._due()
            self._answer()
        if end:
            self.held = False
            self.session.command(self.trader_now, "flatten")
            self._answer()
            self._answer()
            self.session.command(self.trader_now, "stop")
        self.recorded.commit(sync=True)

    def close(self) -> None:
        """Let both files go."""
        self.recorded.close()
        self._file.close()

    def on_market(self, update: MarketUpdate) -> None:
        """Hear of the market, which the session is told row by row instead."""

    def on_account(self, account: int, happened: list[Happened], time_ms: int) -> None:
        """Keep what happened to orders until the session is told."""
        self.unheard += [one for one in happened if one.order.account == self.account]

    def _message(self, instrument: int, first: int, last: int) -> None:
        tape = self.tapes[instrument]
        columns = (tape.kind, tape.side, tape.price, tape.quantity)
        rows = [
            tuple(int(value) for value in row) for row in zip(*(column[first:last] for column in columns), strict=True)
        ]
        sequence = int(tape.sequence[first])
        self.session.message(self.trader_now, instrument, sequence, self.now, rows)  # type: ignore[arg-type]

    def _due(self) -> None:
        session = self.session
        while session.next_timer is not None and session.next_timer <= session.now:
            session.timer(self.trader_now)
        while session.next_period is not None and session.next_period <= session.now:
            session.period(self.trader_now)

    def _answer(self) -> None:
        """Tell the session what happened, and the exchange what is asked, until neither has anything to say."""
        while True:
            told, self.unheard = ([], self.unheard) if self.held else (self.unheard, [])
            for one in told:
                self._report(one)
            requests = self.recorded.commit()
            for request in requests:
                self._ask(request)
            if not requests and (self.held or not self.unheard):
                return

    def _report(self, one: Happened) -> None:
        order, trade = one.order, one.trade
        number = order_of(order.sent.client, NAME)
        if number is None:
            return
        self.reports += 1
        report = {
            "exchange_time": self.now,
            "event": int(one.event),
            "order": number,
            "side": order.side,
            "price": trade.price if trade else order.price,
            "quantity": trade.quantity if trade else order.quantity,
            "left": 0 if one.event in (OrderEvent.CANCEL, OrderEvent.EXPIRE) else one.left,
            "reason": one.reason,
            "taker": not trade.maker if trade else False,
        }
        for told in self.tell(self.reports, report):
            self.session.report(self.trader_now, order.instrument, **told)

    def _ask(self, request: OrderRequest) -> None:
        name = order_name(NAME, request.order)
        listing = self.venue.listings.all[request.instrument]
        try:
            if request.action == "submit":
                new = NewOrder(
                    listing, request.side, request.kind.upper(), request.kind, request.terms,
                    request.quantity, request.price or 0, request.trigger or 0, False, name, "RESULT",
                )  # fmt: skip
                self.venue.submit(self.account, new)
                return
            standing = self.venue.ledger.find(self.account, request.instrument, None, name)
            if standing is not None and standing.alive:
                self.venue.cancel(self.account, standing)
        except Refusal:
            self.session.report(
                self.trader_now, request.instrument, exchange_time=self.now, event=OrderEvent.REFUSE,
                order=request.order, side=request.side, price=request.price or 0, quantity=request.quantity, left=0,
            )  # fmt: skip


def journal_of(floor: Floor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the journal of a session that traded."""
    return np.frombuffer((floor.session_folder / "journal").read_bytes(), np.uint8)
