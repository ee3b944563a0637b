"""A trader and a simulated exchange with the wire's words between them, and no wire: what may be lost is chosen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_api.venue import Market
from tradeplane_workloads.brokers.binance import Clocks
from tradeplane_workloads.exchange import accounts
from tradeplane_workloads.exchange.account_events import account_messages
from tradeplane_workloads.exchange.market import schedule_of, tapes_of
from tradeplane_workloads.exchange.parameters import Parameters
from tradeplane_workloads.exchange.parity import replay_record
from tradeplane_workloads.exchange.record_file import RecordFile
from tradeplane_workloads.exchange.refusal import Refusal
from tradeplane_workloads.exchange.venue import Venue
from tradeplane_workloads.paper.account import NO_SUCH_ORDER
from tradeplane_workloads.paper.books import News
from tradeplane_workloads.paper.market import Traded
from tradeplane_workloads.paper.reports import report_of, standing_of, trades_of
from tradeplane_workloads.paper.requests import (
    EXPIRED,
    Unsendable,
    cancel_parameters,
    change_parameters,
    reason_of,
    submit_parameters,
)
from tradeplane_workloads.paper.trader import Trader
from tradeplane_workloads.sessions import SessionSpecification, open_session
from tradeplane_workloads.sessions.journal_survey import survey
from tradeplane_workloads.sessions.verdict import judge_execution, orders_of
from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

from tests.unit.workloads.sessions.trading_floor import BEGIN_NS, NAME, exchange_of

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_api.simulation import Simulation
    from tradeplane_native import EventRun, OrderRequest
    from tradeplane_workloads.exchange.ledger import Happened
    from tradeplane_workloads.exchange.venue import MarketUpdate
    from tradeplane_workloads.paper.trader import Doubt
    from tradeplane_workloads.sessions.journal_survey import Survey
    from tradeplane_workloads.sessions.verdict import Execution, Orders

STEP_NS = 1_000_000
_MARKETS = {InstrumentKind.SPOT: Market.SPOT, InstrumentKind.LINEAR_FUTURE: Market.USD_MARGINED}


class Killed(Exception):
    """The trader's process ends here."""


class Wired:
    """A session that trades as a trader has it trade; ``kill_at``: the number of the action that it is killed before.

    An action is a request that reaches the exchange, or a report that reaches the trader.
    """

    def __init__(
        self,
        folder: Path,
        simulation: Simulation,
        *,
        messages: int = 1_200,
        kind: InstrumentKind = InstrumentKind.LINEAR_FUTURE,
        balances: list[dict[str, str]] | None = None,
        kill_at: int = 0,
    ) -> None:
        given = {"balances": balances} if balances else {}
        self.exchange = exchange_of(synthetic={"messages": messages, "kind": kind.value}, **given)
        self.folder, self.record = folder / "session", folder / "record"
        self.folder.mkdir(parents=True)
        self.now = BEGIN_NS
        self.tapes = tapes_of(self.exchange, None)
        self._file = RecordFile(self.record)
        self.venue = Venue(self.exchange, self.tapes, lambda: self.now, self._file)
        self.venue.audience.append(self)
        self.account = self.venue.account("default")
        self.market = _MARKETS[kind]
        self.specification = SessionSpecification.of([tape.instrument for tape in self.tapes], simulation)
        self.traded = (Traded(0, self.tapes[0].instrument),)
        self.actions, self.kill_at = 0, kill_at
        self.reordered = self.doubled = self.asked = False
        """Whether the last report that waits comes first, whether each comes twice, and whether all is asked before."""
        self.waits = 1
        """Reports that wait before one of them arrives."""
        self.open()

    def open(self) -> None:
        """Open the session, as a process that starts does; nothing that was on its way to it is left."""
        self.messages: list[str] = []
        self.requests: list[OrderRequest] = []
        recorded = open_session(self.folder, NAME, self.specification)
        clocks = Clocks(lambda: self.now, lambda: self.now)
        self.trader = Trader(recorded, NAME, self.traded, clocks, self.requests.extend)
        self.trader.begin()
        self.trader.doubt_all()
        self.settle()

    def trade(self) -> None:
        """Let the market happen, once; then get flat and end the session."""
        schedule = schedule_of(self.tapes)
        for index in range(len(schedule)):
            self.now += STEP_NS
            first, last = int(schedule.first[index]), int(schedule.end[index])
            self.venue.play(0, first, last)
            self._alive(lambda: None)  # reports come before the market's news, as in a backtest without latency
            tape = self.tapes[0]
            columns = (tape.kind, tape.side, tape.price, tape.quantity)
            rows = np.array([column[first:last] for column in columns], dtype=np.int64).T.tolist()
            self._alive(lambda rows=rows: self.trader.news(0, News(self.now, [tuple(row) for row in rows])))
        self.waits = 1
        self._alive(lambda: self.trader.command("flatten"))
        self._alive(lambda: self.trader.command("stop"))
        self.trader.sync()

    def close(self) -> None:
        """Let both files go."""
        self.trader.recorded.close()
        self._file.close()

    def on_market(self, update: MarketUpdate) -> None:
        """Hear of the market, which the trader is told row by row instead."""

    def on_account(self, account: int, happened: list[Happened], time_ms: int) -> None:
        """Keep what is told of an input until it arrives."""
        self.messages += account_messages(self.venue, account, happened, time_ms)

    def settle(self) -> None:
        """Ask for what is in doubt, as the reconciler does; a request that has not arrived never will."""
        for doubt in sorted(self.trader.doubts):
            self._resolve(doubt)

    def run(self) -> EventRun:
        """Return what the session was told and did."""
        return self.trader.session.run()

    def execution(self) -> Execution:
        """Hold the session to what the exchange recorded, which must be replayed to the same."""
        return judge_execution(*self.sides(), NAME)

    def sides(self) -> tuple[Survey, Orders]:
        """Return what the session recorded, and what the exchange did of its orders."""
        verdict = replay_record(self.exchange, None, self.record.read_bytes())
        assert verdict.is_exact
        journal = self.journal()
        return survey(journal, len(journal)), orders_of(verdict.steps, NAME, {0: 0})

    def journal(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Return what the session recorded."""
        return np.frombuffer((self.folder / "journal").read_bytes(), np.uint8)

    def _alive(self, feeds: Any) -> None:
        """Feed the trader something and let follow what follows; where it is killed, it starts again."""
        try:
            feeds()
            self._exchange()
        except Killed:
            self.trader.recorded.close()
            self.open()
            self._exchange()
        if not self.messages:
            self._agree()

    def _agree(self) -> None:
        """Hold what the trader knows of its orders, now that all has arrived, to what the exchange has."""
        known = {self.trader.name_of(number): one for (_, number), one in self.trader.open_orders()}
        there = {one.sent.client: one for one in self.venue.ledger.alive(self.account, 0)}
        assert {name: one.left for name, one in known.items()} == {name: one.left for name, one in there.items()}
        assert {name: one.request.price or 0 for name, one in known.items()} == {
            name: one.price for name, one in there.items()
        }
        held = {name for name, one in there.items() if one.status == "PENDING_NEW"}
        assert {name for name, one in known.items() if one.state == "held"} == held

    def _exchange(self) -> None:
        """Let requests and reports arrive until there are none."""
        while self.requests or len(self.messages) >= self.waits or self.trader.doubts:
            if self.requests:
                self._act()
                self._ask(self.requests.pop(0))
            elif len(self.messages) >= self.waits:
                self._act()
                if self.asked:
                    self.trader.doubt_all()
                    self.settle()
                message = json.loads(self.messages.pop(-1 if self.reordered else 0))
                for _ in range(2 if self.doubled else 1):
                    told = report_of(message, {self.traded[0].symbol: self.traded[0]})
                    if told is not None:
                        self.trader.told(told)
            else:
                self.settle()

    def _act(self) -> None:
        self.actions += 1
        if self.actions == self.kill_at:
            raise Killed

    def _ask(self, request: OrderRequest) -> None:
        doubt = (request.instrument, request.order)
        name_of, traded = self.trader.name_of, self.traded[0]
        try:
            if request.action == "submit":
                asked = Parameters(urlencode(submit_parameters(self.market, traded, name_of, request)))
                accounts.place(self.venue, self.account, asked)
            elif request.action == "replace":
                self._change(doubt, request)
            else:
                asked = Parameters(urlencode(cancel_parameters(traded, name_of(request.order))))
                accounts.cancel(self.venue, self.account, asked)
        except Unsendable as error:
            event = OrderEvent.REFUSE if request.action == "submit" else OrderEvent.DENY
            self.trader.refused(doubt, event, error.reason)
        except Refusal as error:
            reason = reason_of(error.code, error.message)
            if request.action == "submit":
                self.trader.refused(doubt, OrderEvent.EXPIRE if reason in EXPIRED else OrderEvent.REFUSE, reason)
            elif error.code in NO_SUCH_ORDER:
                self.trader.denied(doubt)
            else:
                self.trader.refused(doubt, OrderEvent.DENY, reason)

    def _change(self, doubt: Doubt, request: OrderRequest) -> None:
        order = self.trader.open_order(doubt)
        if order is None:
            raise Unsendable(OrderReason.UNKNOWN_ORDER)
        name, side = self.trader.name_of(request.order), order.request.side
        asked = change_parameters(self.traded[0], name, request, side=side, gone=order.request.quantity - order.left)
        accounts.amend(self.venue, self.account, Parameters(urlencode(asked)))

    def _resolve(self, doubt: Doubt) -> None:
        traded = self.traded[0]
        asked = urlencode(cancel_parameters(traded, self.trader.name_of(doubt[1])))
        try:
            answer = accounts.find(self.venue, self.account, Parameters(asked))
        except Refusal:
            self.trader.refused(doubt, OrderEvent.REFUSE, OrderReason.UNKNOWN_ORDER)
            return
        standing = standing_of(json.loads(json.dumps(answer)), {traded.symbol: traded})
        assert standing is not None
        query = urlencode({"symbol": traded.symbol, "orderId": standing.number, "limit": 1_000})
        listed = accounts.trades(self.venue, self.account, Parameters(query))
        self.trader.stands(standing, trades_of(json.loads(json.dumps(listed)), standing, traded))
        order = self.trader.open_order(doubt)
        if order is not None and order.asked:
            self.trader.refused(doubt, OrderEvent.DENY, OrderReason.NONE)
