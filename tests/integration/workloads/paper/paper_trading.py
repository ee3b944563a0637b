"""Traders at a real exchange on loopback, and what must hold of them afterwards: nothing lost, nothing done twice."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tradeplane_api.exchange import ExchangeSpecification
from tradeplane_api.paper import PaperSpecification
from tradeplane_native import read_journal
from tradeplane_workloads.exchange.parity import replay_record
from tradeplane_workloads.paper.running import trade
from tradeplane_workloads.paper.volume import newest
from tradeplane_workloads.sessions import SessionSpecification, replay
from tradeplane_workloads.sessions.journal_file import read_in_place
from tradeplane_workloads.sessions.order_names import order_of
from tradeplane_workloads.strategies.protocol import OrderEvent

from tests.integration.workloads.exchange.exchange_client import SERVED

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_api.paper import PaperReport
    from tradeplane_workloads.exchange.ledger import Order
    from tradeplane_workloads.exchange.serving import Address

LIMIT_S = 120.0
TRADER = "quoting"
LOOPBACK = ("127.0.0.1", 0)
MARKET: dict[str, Any] = {
    "synthetic": {"messages": 5_000, "seed": 3},
    "speed": "10",
    "atEnd": "Repeat",
    "balances": [{"asset": "USDT", "amount": "1000000"}],
    "limits": {"weightPerMinute": 1_000_000, "ordersPerTenSeconds": 100_000, "ordersPerMinute": 100_000},
}
QUOTING = {
    "quantity": "0.01",
    "maxPosition": "0.05",
    "intervalMilliseconds": 20,
    "onTouch": True,
    "halfSpreadTicks": 1,
}


def paper(rest: str, streams: str, trader: str = TRADER, **fields: Any) -> PaperSpecification:
    """Return what a trader is asked: by default to make a market."""
    document: dict[str, Any] = {
        "trader": trader,
        "market": "UsdMargined",
        "endpoint": {"rest": rest, "stream": streams},
        "rateLimits": {"weightPerMinute": 1_000_000, "ordersPerSecond": 1_000},
        "secret": "keys",
        "symbols": ["SYNUSDT"],
        "simulation": {
            "algorithm": {"name": "market-maker", "parameters": QUOTING},
            "capital": "100000",
            "execution": {"periodSeconds": 1},
            "seed": 1,
        },
    }
    return PaperSpecification.model_validate(document | fields)


async def traded(directory: Path, address: Address, seconds: float, **fields: Any) -> PaperReport:
    """Trade for a while, and at least until something was filled, then stop; a session that was there goes on."""
    root = directory / ("sessions" if "trader" not in fields else str(fields["trader"]))
    root.mkdir(exist_ok=True)
    stop = asyncio.Event()
    stopping = asyncio.create_task(_stop_after(seconds, address, stop))
    try:
        async with asyncio.timeout(seconds + LIMIT_S):
            return await trade(paper(address.rest, address.streams, **fields), root, directory / "keys", stop, LOOPBACK)
    finally:
        stopping.cancel()


async def _stop_after(seconds: float, address: Address, stop: asyncio.Event) -> None:
    before = _filled(address)
    await asyncio.sleep(seconds)
    while _filled(address) == before:
        await asyncio.sleep(0.05)
    stop.set()


def _filled(address: Address) -> int:
    """Return how often something of the first account was filled."""
    return len(SERVED[address.rest].venue.ledger.trades(0, 0, 1, 1_000_000))


Fills = dict[int, list[tuple[int, int]]]


def told_fills(folder: Path, name: bytes) -> tuple[set[int], Fills, set[int]]:
    """Replay a session, which must decide as it did; return its orders, the fills it was told, and what is open."""
    recording = read_in_place(folder / "journal")
    assert read_journal(recording).session == name
    verdict = replay(recording, SessionSpecification.decode((folder / "specification.json").read_bytes()))
    assert verdict.exact, verdict.difference
    assert verdict.run is not None
    columns = [verdict.run.column(one).tolist() for one in ("event", "order", "price", "quantity")]
    sent: set[int] = set()
    open_: set[int] = set()
    fills: Fills = defaultdict(list)
    for event, order, price, quantity in zip(*columns, strict=True):
        if event == OrderEvent.SUBMIT:
            sent.add(order)
            open_.add(order)
        elif event in (OrderEvent.TRADE, OrderEvent.FILL):
            fills[order].append((price, quantity))
        if event in (OrderEvent.FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REFUSE):
            open_.discard(order)
    return sent, fills, open_


def exchanged(document: dict[str, Any], record: Path) -> tuple[list[Order], dict[int, list[tuple[int, int]]]]:
    """Replay what an exchange recorded, which must be the same; return the orders of its first account and fills."""
    verdict = replay_record(ExchangeSpecification.model_validate(document), None, record.read_bytes())
    assert verdict.is_exact
    ledger = verdict.venue.ledger
    orders = ledger.all(0, 0, 1, 1_000_000)
    fills = defaultdict(list)
    for one in ledger.trades(0, 0, 1, 1_000_000):
        fills[one.order.number].append((one.price, one.quantity))
    return orders, fills


def lost_or_doubled(directory: Path, document: dict[str, Any]) -> tuple[int, list[str]]:
    """Hold the newest session to what the exchange did; return how many fills it was told, and what is wrong.

    Each order at the exchange was decided, and is there once; each fill of an order that is over was told, once and in
    its order, and what was told of one that is open is the beginning of what happened.
    """
    place = newest(directory / "sessions")
    assert place is not None
    sent, told, open_ = told_fills(place.folder, place.name)
    orders, fills = exchanged(document, directory / "record")
    wrong, there = [], {}
    for order in orders:
        number = order_of(order.sent.client, place.name)
        if number is None or number not in sent:
            wrong.append(f"the exchange has order {order.sent.client}, which was not decided")
        elif number in there:
            wrong.append(f"order {number} was sent twice")
        else:
            there[number] = order
    for number in sorted(sent):
        happened = fills[there[number].number] if number in there else []
        if number in open_:
            happened = happened[: len(told.get(number, []))]
        if told.get(number, []) != happened:
            wrong.append(f"order {number}: told {told.get(number, [])}, and {happened} happened")
    return sum(len(of_order) for of_order in told.values()), wrong


def nothing_lost_or_doubled(directory: Path, document: dict[str, Any]) -> int:
    """Assert that nothing is wrong, and return how many fills a session was told."""
    told, wrong = lost_or_doubled(directory, document)
    assert wrong == []
    return told
