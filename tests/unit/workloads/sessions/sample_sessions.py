"""Sessions fed by a market of their own: an exchange that answers at once, and a book that walks."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from tradeplane_api.simulation import Simulation
from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_native import Generator, OrderRequest, Session
from tradeplane_workloads.market.instruments import TapeInstrument
from tradeplane_workloads.sessions import SessionSpecification
from tradeplane_workloads.sessions.folder import begin
from tradeplane_workloads.strategies.protocol import OrderEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

LEVEL, TRADE = 2, 3
BID, ASK = 1, 2
START = 1_700_000_000_000_000_000
STEP = 10_000_000
NAME = bytes(range(16))
INSTRUMENT = TapeInstrument("BTCUSDT", Decimal("0.1"), Decimal("0.001"), "USDT", InstrumentKind.LINEAR_FUTURE)
QUOTING = {"quantity": "1", "maxPosition": "5", "intervalMilliseconds": 50, "onTouch": True, "halfSpreadTicks": 1}


def specification(
    name: str = "market-maker", parameters: dict[str, Any] | None = None, **fields: Any
) -> SessionSpecification:
    """Return the specification of a session, by default of a market maker."""
    algorithm = {"name": name, "parameters": QUOTING if parameters is None else parameters}
    given = {"algorithm": algorithm, "capital": "100000", "execution": {"periodSeconds": 1}} | fields
    return SessionSpecification.of([INSTRUMENT], Simulation.model_validate(given))


class Market:
    """Feeds a session a walking book, timers and periods as they are due, and fills of whatever it asks."""

    def __init__(self, seed: int = 1, commit: Callable[[], list[OrderRequest]] | None = None) -> None:
        """``commit`` gives what is to be sent; without it, the journal is gathered in ``journal``."""
        self._draw = Generator(seed)
        self._commit = commit
        self.journal = b""
        self.time = START
        self.sent: list[int] = []

    def run(self, session: Session, messages: int) -> None:
        """Feed so many messages, and what else is due."""
        if session.inputs == 0:
            session.start(self.time)
        for _ in range(messages):
            self.step(session)

    def step(self, session: Session) -> None:
        """Feed one message, then what is due, then answers to what was asked."""
        self.time += STEP
        middle = 500_000 + self.time // STEP % 7 + int(self._draw.integers(-2, 3, 1)[0])
        rows = [(LEVEL, BID, middle - 1, 5000), (LEVEL, ASK, middle + 1, 5000), (TRADE, BID, middle + 1, 10)]
        session.message(self.time, 0, session.inputs, self.time - 1000, rows)
        while session.next_timer is not None and session.next_timer <= self.time:
            session.timer(self.time)
        while session.next_period is not None and session.next_period <= self.time:
            session.period(self.time)
        self.answer(session)

    def answer(self, session: Session) -> None:
        """Take in what is open and fill it, or take it back where that is asked."""
        for request in self.requests(session):
            if request.action == "submit":
                self.sent.append(request.order)
                self.report(session, request, OrderEvent.OPEN, request.quantity)
                if int(self._draw.integers(0, 2, 1)[0]) or request.kind == "market":
                    self.report(session, request, OrderEvent.FILL, 0)
            elif request.action == "cancel":
                standing = [one.request for one in session.open_orders() if one.request.order == request.order]
                for order in standing:
                    self.report(session, order, OrderEvent.CANCEL, 0)

    def requests(self, session: Session) -> list[OrderRequest]:
        """Take what is to be sent."""
        if self._commit is not None:
            return self._commit()
        self.journal += session.take_journal()
        return session.requests()

    def report(self, session: Session, request: OrderRequest, event: OrderEvent, left: int) -> None:
        """Tell what became of an order."""
        session.report(
            self.time,
            request.instrument,
            exchange_time=self.time,
            event=event,
            order=request.order,
            side=request.side,
            price=request.price or 500_000,
            quantity=request.quantity,
            left=left,
        )


def recorded(asked: SessionSpecification, messages: int = 300, seed: int = 1) -> tuple[Session, NDArray[np.uint8]]:
    """Return a session that traded and was stopped, and its recording."""
    session, market = begin(NAME, asked), Market(seed)
    market.run(session, messages)
    session.command(market.time, "flatten")
    market.answer(session)
    market.answer(session)
    session.command(market.time, "stop")
    market.requests(session)
    return session, np.frombuffer(market.journal, np.uint8)
