"""Synthetic order flow as a venue would send it: messages in Binance's form, with their update ids and numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tradeplane_workloads.market.instruments import TapeInstrument, decimal_text
from tradeplane_workloads.market.synthetic import LEVEL, TRADE, Flow, make_tapes

if TYPE_CHECKING:
    from tradeplane_workloads.market.tapes import Tape

SYMBOL = "SYNUSDT"
_START_NS = 1_723_075_200_000_000_000


@dataclass(frozen=True, slots=True)
class Message:
    """A message, and the update of the book that it ends with, if it has any."""

    text: str
    update: int | None


def flow(messages: int, seed: int = 1, symbols: tuple[str, ...] = (SYMBOL,)) -> Flow:
    """Return order flow of USD-M futures."""
    instruments = tuple(TapeInstrument(symbol, Decimal("0.1"), Decimal("0.001"), "USDT") for symbol in symbols)
    return Flow(seed=seed, messages=messages, start_ns=_START_NS, middle=600_000, instruments=instruments)


def wire(made: Flow, first_update: int = 100) -> list[Message]:
    """Return the messages of a flow in their order: changes of books and trades, wrapped by a combined stream."""
    rows = sorted(
        (message for tape in make_tapes(made) for message in _messages(tape)), key=lambda message: message["sequence"]
    )
    updates = dict.fromkeys((one.symbol for one in made.instruments), first_update)
    numbers = dict.fromkeys(updates, 0)
    return [_message(row, updates, numbers) for row in rows]


def _messages(tape: Tape) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    instrument = tape.instrument
    columns = (tape.sequence, tape.kind, tape.side, tape.price, tape.quantity, tape.exchange_time)
    for sequence, kind, side, price, quantity, time in zip(*(column.tolist() for column in columns), strict=True):
        message = found.setdefault(
            sequence, {"sequence": sequence, "symbol": instrument.symbol, "time": time, "levels": [], "trades": []}
        )
        level = (side, decimal_text(price * instrument.tick), decimal_text(quantity * instrument.lot))
        message["levels" if kind == LEVEL else "trades"].append(level)
        assert kind in (LEVEL, TRADE)
    return list(found.values())


def _message(row: dict[str, Any], updates: dict[str, int], numbers: dict[str, int]) -> Message:
    symbol, time = row["symbol"], row["time"] // 1_000_000
    shared = {"E": time, "T": time, "s": symbol}
    if row["trades"]:
        ((side, price, quantity),) = row["trades"]
        numbers[symbol] += 1
        trade = {"t": numbers[symbol], "p": price, "q": quantity, "X": "MARKET", "m": side == 2}
        return _wrapped("trade", {"e": "trade", **shared, **trade}, None)
    before = updates[symbol]
    updates[symbol] = before + len(row["levels"])
    sides = [[level[1:] for level in row["levels"] if level[0] == which] for which in (1, 2)]
    depth = {"U": before + 1, "u": updates[symbol], "pu": before, "b": sides[0], "a": sides[1]}
    return _wrapped("depth@100ms", {"e": "depthUpdate", **shared, **depth}, updates[symbol])


def _wrapped(stream: str, data: dict[str, Any], update: int | None) -> Message:
    text = json.dumps({"stream": f"{data['s'].lower()}@{stream}", "data": data}, separators=(",", ":"))
    return Message(text, update)


class Book:
    """The book that a venue has, which it answers requests for snapshots from."""

    def __init__(self) -> None:
        self.update = 0
        self._sides: tuple[dict[str, str], dict[str, str]] = ({}, {})

    def apply(self, text: str) -> None:
        """Go on with a message, whatever it is."""
        data = json.loads(text)["data"]
        if data["e"] != "depthUpdate":
            return
        self.update = data["u"]
        for side, levels in zip(self._sides, (data["b"], data["a"]), strict=True):
            for price, quantity in levels:
                if Decimal(quantity):
                    side[price] = quantity
                else:
                    side.pop(price, None)

    def levels(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Return bids and asks, best first."""
        bids, asks = (sorted(side.items(), key=lambda level: Decimal(level[0])) for side in self._sides)
        return bids[::-1], asks

    def snapshot(self) -> str:
        """Return the answer to a request."""
        bids, asks = self.levels()
        return json.dumps({"lastUpdateId": self.update, "E": 1, "T": 1, "bids": bids, "asks": asks})
