"""Traders at a real exchange on loopback, and what must hold of them afterwards: nothing lost, nothing done twice."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from tradeplane_api.exchange import ExchangeSpecification
from tradeplane_api.paper import PaperSpecification
from tradeplane_api.parity import Parity
from tradeplane_api.venue import Market
from tradeplane_native import read_journal
from tradeplane_workloads.exchange.parity import replay_record
from tradeplane_workloads.paper.running import trade
from tradeplane_workloads.paper.volume import newest
from tradeplane_workloads.replay.sessions import replay_session
from tradeplane_workloads.sessions import SessionSpecification, replay
from tradeplane_workloads.sessions.journal_file import read_in_place
from tradeplane_workloads.sessions.order_names import order_of
from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

from tests.integration.workloads.exchange.exchange_client import SERVED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tradeplane_api.paper import PaperReport
    from tradeplane_store.objects import ObjectStore
    from tradeplane_workloads.exchange.ledger import Order
    from tradeplane_workloads.exchange.serving import Address
    from tradeplane_workloads.paper.volume import SessionPlace

LIMIT_S = 120.0
TRADER = "quoting"
LOOPBACK = ("127.0.0.1", 0)
_FILLS = 3
"""Trading goes on until so many: of the last one the trader may not have been told yet."""
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
SIMULATION: dict[str, Any] = {
    "algorithm": {"name": "market-maker", "parameters": QUOTING},
    "capital": "100000",
    "execution": {"periodSeconds": 1},
    "seed": 1,
}


def at(market: Market) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an exchange's document, and what a trader is asked, where the same flow is traded at a market."""
    kind, symbol, asset, changes = {
        Market.USD_MARGINED: ("LinearFuture", "SYNUSDT", "USDT", {}),
        Market.SPOT: ("Spot", "SYNUSDT", "USDT", {}),
        Market.COIN_MARGINED: ("InverseFuture", "SYNUSD_PERP", "SYN", {"quantity": "10", "maxPosition": "50"}),
    }[market]
    balances = [{"asset": asset, "amount": "1000000"}]
    document = MARKET | {"synthetic": MARKET["synthetic"] | {"kind": kind}, "balances": balances}
    simulation = SIMULATION | {"algorithm": {"name": "market-maker", "parameters": QUOTING | changes}}
    return document, {"market": market.value, "symbols": [symbol], "simulation": simulation}


def paper(rest: str, streams: str, trader: str = TRADER, **fields: Any) -> PaperSpecification:
    """Return what a trader is asked: by default to make a market."""
    document: dict[str, Any] = {
        "trader": trader,
        "market": "UsdMargined",
        "endpoint": {"rest": rest, "stream": streams},
        "rateLimits": {"weightPerMinute": 1_000_000, "ordersPerSecond": 1_000},
        "secret": "keys",
        "symbols": ["SYNUSDT"],
        "simulation": SIMULATION,
    }
    return PaperSpecification.model_validate(document | fields)


async def traded(directory: Path, address: Address, seconds: float, **fields: Any) -> PaperReport:
    """Trade for a while, and at least until a few orders were filled, then stop; a session that was there goes on."""
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
    while _filled(address) < before + _FILLS:
        await asyncio.sleep(0.05)
    stop.set()


def _filled(address: Address) -> int:
    """Return how often something of the first account was filled."""
    return len(SERVED[address.rest].venue.ledger.trades(0, 0, 1, 1_000_000))


Fills = dict[int, list[tuple[int, int]]]
OVER = (OrderEvent.FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REFUSE)


class Told(NamedTuple):
    """What a session decided and was told: its orders, their fills, which may still trade, and which were refused."""

    sent: set[int]
    fills: Fills
    open: set[int]
    refused: set[int]


def told_fills(place: SessionPlace) -> Told:
    """Replay a session, which must decide as it did; return its orders and what it was told of them."""
    recording = read_in_place(place.folder / "journal")
    assert read_journal(recording).session == place.name
    verdict = replay(recording, SessionSpecification.decode((place.folder / "specification.json").read_bytes()))
    assert verdict.exact, verdict.difference
    assert verdict.run is not None
    columns = [verdict.run.column(one).tolist() for one in ("event", "order", "price", "quantity", "reason")]
    told = Told(set(), defaultdict(list), set(), set())
    for event, order, price, quantity, reason in zip(*columns, strict=True):
        if event == OrderEvent.SUBMIT:
            told.sent.add(order)
            told.open.add(order)
        elif event in (OrderEvent.TRADE, OrderEvent.FILL):
            told.fills[order].append((price, quantity))
        elif event == OrderEvent.REFUSE or (event == OrderEvent.EXPIRE and reason == OrderReason.WOULD_TAKE):
            told.refused.add(order)
        if event in OVER:
            told.open.discard(order)
    return told


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
    """Hold the newest session to what the exchange did; return how many fills it was told, and what is wrong."""
    place = newest(directory / "sessions")
    assert place is not None
    return held_to_exchange([place], document, directory / "record")


def held_to_exchange(places: Sequence[SessionPlace], document: dict[str, Any], record: Path) -> tuple[int, list[str]]:
    """Hold sessions to what the exchange did; return how many fills they were told, and what is wrong.

    Each order at the exchange was decided by one session, and is there once; each fill of an order that is over was
    told, once and in its order, and what was told of one that is open is the beginning of what happened. An order that
    was decided and is not there was refused to its session, or nobody has said what became of it.
    """
    told = {place: told_fills(place) for place in places}
    orders, fills = exchanged(document, record)
    wrong, there = [], {}
    for order in orders:
        numbers = ((place, order_of(order.sent.client, place.name)) for place in places)
        decided = [(place, number) for place, number in numbers if number in told[place].sent]
        if len(decided) != 1:
            wrong.append(f"the exchange has order {order.sent.client}, which {len(decided)} sessions decided")
        elif decided[0] in there:
            wrong.append(f"order {decided[0][1]} of session {decided[0][0].number} was sent twice")
        else:
            there[decided[0]] = order
    for place, heard in told.items():
        for number in sorted(heard.sent):
            found = there.get((place, number))
            happened = [] if found is None else fills[found.number]
            if number in heard.open:
                happened = happened[: len(heard.fills.get(number, []))]
            if heard.fills.get(number, []) != happened:
                wrong.append(f"order {number}: told {heard.fills.get(number, [])}, and {happened} happened")
            if found is None and number not in heard.open | heard.refused:
                wrong.append(f"order {number} was decided, and neither is at the exchange nor was it refused")
    return sum(len(fills) for heard in told.values() for fills in heard.fills.values()), wrong


def nothing_lost_or_doubled(directory: Path, document: dict[str, Any]) -> int:
    """Assert that nothing is wrong, and return how many fills a session was told."""
    told, wrong = lost_or_doubled(directory, document)
    assert wrong == [], wrong
    return told


def not_exact(store: ObjectStore, snapshot: str) -> list[str]:
    """Replay a session that was sealed; return how, where not both verdicts are exact."""
    verdict = replay_session(store, snapshot, lambda _: None).verdict
    if (verdict.decisions, verdict.execution) == (Parity.EXACT, Parity.EXACT):
        return []
    return [f"{snapshot} is replayed {verdict.decisions} and {verdict.execution}: {verdict.divergence}"]
