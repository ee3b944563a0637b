"""What sends, asks and settles, under every order of answers and reports: nothing is sent twice, no fill is lost.

Sender, Reconciler and AccountEar are the real ones; answers to requests are actions like all others.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Coroutine
from decimal import Decimal
from itertools import permutations
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tradeplane_api.broker_connection import RateLimits
from tradeplane_workloads.brokers.errors import RequestRefused
from tradeplane_workloads.errors import StoreFailure
from tradeplane_workloads.paper.sending import FRESH_SECONDS
from tradeplane_workloads.paper.trader import AccountShared
from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

from tests.integration.workloads.paper.desk_world import DeskWorld, Waiting
from tests.integration.workloads.paper.session_world import held_to
from tests.integration.workloads.paper.stepped_loop import SteppedLoop

if TYPE_CHECKING:
    from pathlib import Path

Scene = Callable[[DeskWorld], Coroutine[Any, Any, None]]
ACTIONS = (
    DeskWorld.tick,
    DeskWorld.answer,
    DeskWorld.answer_otherwise,
    DeskWorld.arrive,
    DeskWorld.report,
    DeskWorld.fill,
    DeskWorld.wait,
    DeskWorld.reconnect,
    DeskWorld.set_clock,
    DeskWorld.crash,
)
STEPS = st.lists(
    st.tuples(
        # Things happen at all only where time passes and requests arrive: those are drawn more often.
        st.sampled_from((0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 4, 4, 4, 5, 5, 5, 6, 7, 8, 9)),
        st.integers(0, 50),
        st.integers(1, 1_000),
    ),
    min_size=40,
    max_size=80,
)


def played(
    folder: Path, scene: Scene, limits: RateLimits | None = None, opening: dict[str, Decimal] | None = None
) -> DeskWorld:
    """Play a scene in a world of its own, let all of it come to its end, and hold the session to its exchange."""

    async def run() -> DeskWorld:
        world = DeskWorld(folder, limits, opening)
        await world.spin()
        await scene(world)
        await world.settle()
        await world.end()
        return world

    with asyncio.Runner(loop_factory=SteppedLoop) as runner:
        world = runner.run(run())
    held_to(world.exchange, world.trader, world.folder)
    return world


def told(world: DeskWorld, order: int) -> list[tuple[OrderEvent, OrderReason]]:
    """Return what the session says of an order after it was decided."""
    run = world.trader.session.run()
    columns = [run.column(name).tolist() for name in ("order", "event", "reason")]
    found = [(OrderEvent(event), OrderReason(why)) for one, event, why in zip(*columns, strict=True) if one == order]
    return [one for one in found if one[0] is not OrderEvent.SUBMIT]


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_whatever_is_answered_no_order_is_sent_twice_and_no_fill_lost(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, int]]
) -> None:
    async def scene(world: DeskWorld) -> None:
        await world.tick(1, 1)
        for action, which, lots in steps:
            await ACTIONS[action](world, which, lots)
            await world.spin()

    played(tmp_path_factory.mktemp("desk") / "1", scene)


EVENTS = ("arrive", "answer", "opened", "fill", "filled", "reconnect")
BEFORE = {("arrive", "opened"), ("arrive", "fill"), ("fill", "filled"), ("opened", "filled")}
ORDERS = [
    order
    for order in permutations(EVENTS)
    if all(order.index(first) < order.index(second) for first, second in BEFORE - {("opened", "filled")})
]
"""What is of one order, in every order in which it can happen; reports also out of turn."""


@pytest.mark.parametrize(("how", "clock"), [("done", 0), ("garbled", 0), ("overtaken", 1)])
def test_every_interleaving_of_arrival_answer_reports_and_reconnection(tmp_path: Path, how: str, clock: int) -> None:
    """``answer`` before ``arrive``: the connection is lost, and the request arrives all the same.

    ``clock``: whether the clock of the day is set forward an hour after each.
    """
    for number, order in enumerate(ORDERS):

        async def scene(world: DeskWorld, order: tuple[str, ...] = order) -> None:
            await world.tick(1, 1)
            first = world.account.waiting[0]
            for event in order:
                await happen(world, first, event, how if "arrive" in order[: order.index("answer")] else "overtaken")
                if clock:
                    await world.set_clock(0, 0)
                await world.spin()

        world = played(tmp_path / str(number), scene)
        filled = next(iter(world.exchange.orders.values()))
        assert filled.fills, order


async def happen(world: DeskWorld, first: Waiting, event: str, how: str) -> None:
    """Let one thing happen to an order."""
    exchange = world.exchange
    if event == "arrive":
        world.account.arrive(first)
    elif event == "answer":
        world.account.tell(first, how)
    elif event == "fill":
        exchange.fill(0, 1)
    elif event == "reconnect":
        await world.reconnect(0, 0)
    else:
        wanted = (OrderEvent.OPEN,) if event == "opened" else (OrderEvent.TRADE, OrderEvent.FILL)
        for report in [one for one in exchange.reports if one.event in wanted][:1]:  # unless a reconnection lost it
            exchange.reports.remove(report)
            world.trader.told(report)


@pytest.mark.parametrize(
    ("how", "event", "reason"),
    [
        ("refused", OrderEvent.REFUSE, OrderReason.NO_CASH),
        ("expired", OrderEvent.EXPIRE, OrderReason.WOULD_TAKE),
        ("limited", OrderEvent.REFUSE, OrderReason.RATE),
        ("lost", OrderEvent.REFUSE, OrderReason.UNKNOWN_ORDER),
        ("unknown", OrderEvent.REFUSE, OrderReason.UNKNOWN_ORDER),
    ],
)
def test_what_was_not_done_is_told_once_as_what_it_was(
    tmp_path: Path, how: str, event: OrderEvent, reason: OrderReason
) -> None:
    async def scene(world: DeskWorld) -> None:
        await world.tick(1, 1)
        world.account.answer(0, how)

    world = played(tmp_path / "1", scene)
    assert told(world, 1) == [(event, reason)]


@pytest.mark.parametrize(
    ("code", "words", "denials"),
    [
        (-2010, "Account has insufficient balance for requested action.", [OrderReason.NO_CASH]),
        (-4028, "only one of a limit in the book can", [OrderReason.WRONG_TERMS]),
        (-2013, "Order does not exist.", []),  # it is asked for, and is as it was
        (-1007, "it is not known what became of it", []),
    ],
)
def test_a_change_that_the_exchange_denies_is_told_with_the_reason(
    tmp_path: Path, code: int, words: str, denials: list[OrderReason]
) -> None:
    async def scene(world: DeskWorld) -> None:
        await world.tick(1, 1)
        world.account.answer(0, "done")
        await world.report(0, 1)
        refused = world.loop.create_future()
        refused.set_exception(RequestRefused(words, code))
        send = world.account.send
        vars(world.account)["send"] = lambda ready: refused if ready.action == "replace" else send(ready)
        fields = {"action": "replace", "instrument": 0, "order": 1, "peer": 0, "parent": 0, "price": 999, "quantity": 1}
        asked: Any = SimpleNamespace(**fields)
        world.sender.send([asked])
        await world.spin()

    world = played(tmp_path / "1", scene)
    assert [reason for event, reason in told(world, 1) if event is OrderEvent.DENY] == denials


@pytest.mark.parametrize("how", ["done", "unheard", "garbled", "overtaken"])
def test_what_was_done_or_may_have_been_is_not_told_as_refused(tmp_path: Path, how: str) -> None:
    async def scene(world: DeskWorld) -> None:
        await world.tick(1, 1)
        world.account.answer(0, how)

    world = played(tmp_path / "1", scene)
    assert (OrderEvent.OPEN, OrderReason.NONE) in told(world, 1)
    assert OrderEvent.REFUSE not in [event for event, _ in told(world, 1)]


def test_a_leg_or_an_exit_leaves_when_the_order_that_it_names_was_answered(tmp_path: Path) -> None:
    def order(number: int, peer: int = 0, parent: int = 0) -> Any:
        asked = {"action": "submit", "instrument": 0, "order": number, "peer": peer, "parent": parent, "side": 1}
        limit = {"kind": "limit", "price": 1_000, "trigger": None, "distance": None, "terms": "GTC"}
        return SimpleNamespace(**asked, **limit, quantity=1, display=0)

    async def scene() -> list[list[str]]:
        world = DeskWorld(tmp_path / "1")
        await world.spin()
        sent = []
        world.sender.send([order(1), order(2, parent=1), order(3, parent=1, peer=2), order(4), order(5, peer=4)])
        # What names an order that was refused, or did not arrive, leaves all the same: the exchange refuses it.
        for how in ("done", "lost", "refused", "done"):
            sent.append([name.rpartition("-")[2] for name in world.account.submitted])
            world.account.answer(0, how)
            await world.spin()
        await world.end()
        return sent

    with asyncio.Runner(loop_factory=SteppedLoop) as runner:
        sent = runner.run(scene())
    assert sent == [["1", "4"], ["1", "4", "2"], ["1", "4", "2", "5"], ["1", "4", "2", "5", "3"]]


@pytest.mark.parametrize("slow", [0.0, FRESH_SECONDS])
def test_orders_are_signed_while_the_disk_writes_and_leave_when_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: float
) -> None:
    """``slow``: the seconds that the disk takes; what was signed too long ago is signed anew."""
    seen: list[tuple[int, int]] = []

    async def scene(world: DeskWorld) -> None:
        sync, account = os.fdatasync, world.account

        def syncs(descriptor: int) -> None:
            sync(descriptor)
            seen.append((len(account.signed), len(account.waiting)))
            cast("SteppedLoop", world.loop).now += slow

        monkeypatch.setattr(os, "fdatasync", syncs)
        await world.tick(1, 1)
        monkeypatch.undo()
        orders = len(account.waiting)
        assert orders == 2
        assert (orders, 0) in seen  # signed, and not on the way
        assert len(account.signed) == orders * (2 if slow else 1)
        assert {one.signed for one in account.waiting} == {account.signed[-1]}

    played(tmp_path / "1", scene)


def test_where_the_disk_fails_nothing_that_was_signed_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async def scene() -> DeskWorld:
        world = DeskWorld(tmp_path / "1")
        await world.spin()
        monkeypatch.setattr(os, "fdatasync", fails)
        with pytest.raises(StoreFailure, match="it could not be synced"):
            await world.tick(1, 1)
        await world.stop()
        return world

    with asyncio.Runner(loop_factory=SteppedLoop) as runner:
        account = runner.run(scene()).account
    assert account.signed
    assert (account.submitted, account.waiting) == ([], [])


def test_no_more_orders_leave_in_a_second_than_the_connection_allows(tmp_path: Path) -> None:
    sent: list[float] = []

    async def scene(world: DeskWorld) -> None:
        for step in range(60):
            before = len(world.account.submitted)
            await world.tick(step, step)
            sent.extend([world.loop.time()] * (len(world.account.submitted) - before))
            while world.account.waiting:
                world.account.answer(0, "done")
                await world.spin()
                while world.exchange.reports:
                    await world.report(0, 1)

    world = played(tmp_path / "1", scene, RateLimits(orders_per_second=3))
    assert max(sum(first <= one < first + 1 for one in sent) for first in sent) == 3
    assert sent[-1] - sent[0] > 2
    refused = [number for number in range(1, 40) if (OrderEvent.REFUSE, OrderReason.RATE) in told(world, number)]
    assert refused
    names = {world.trader.name_of(number) for number in refused}
    assert names.isdisjoint(world.account.submitted)


def test_after_too_many_requests_no_order_leaves_until_the_broker_said(tmp_path: Path) -> None:
    async def scene(world: DeskWorld) -> None:
        await world.tick(1, 1)
        before = world.loop.time()
        world.account.answer(0, "limited")
        await world.spin()
        sent = len(world.account.submitted)
        while world.loop.time() < before + 0.9:
            await world.tick(2, 3)
            world.account.answer(0, "done")
            await world.spin()
        assert len(world.account.submitted) == sent
        while len(world.account.submitted) == sent:
            await world.tick(4, 5)
            await world.spin()
        assert 1 <= world.loop.time() - before < 2

    played(tmp_path / "1", scene)


@pytest.mark.parametrize("again", [DeskWorld.reconnect, DeskWorld.crash])
@pytest.mark.parametrize(
    ("held", "words"), [("0.001", "holds 0.001 of BTCUSDT"), ("-0.002", "holds -0.002 of BTCUSDT")]
)
def test_a_position_that_is_not_the_sessions_ends_the_trader_after_a_reconnect_and_a_restart(
    tmp_path: Path, again: Callable[[DeskWorld, int, int], Coroutine[Any, Any, None]], held: str, words: str
) -> None:
    async def scene(world: DeskWorld) -> None:
        world.account.held = "0"
        await again(world, 0, 1)
        await world.opening
        assert world.sender.is_open
        world.account.held = held
        await again(world, 0, 1)
        await asyncio.sleep(5)
        assert not world.sender.is_open
        with pytest.raises(AccountShared, match=words):
            await world.opening
        world.account.held = "0"

    with pytest.raises(AccountShared):  # as the trader itself ends
        played(tmp_path / "1", scene)


HAD = Decimal("1.5")
"""What a spot account has before its session begins."""


async def bought_at_spot(world: DeskWorld) -> None:
    """Trade a few orders of a session of an account that had something before."""
    world.account.beside = HAD
    await world.opening
    for step in range(4):
        await world.tick(step, step)
        await world.answer(0, 0)
        await world.fill(step, 1)
    assert any(one.executed for one in world.exchange.orders.values())
    await world.settle()
    assert world.sender.is_open


@pytest.mark.parametrize("again", [DeskWorld.reconnect, DeskWorld.crash])
def test_at_spot_what_was_there_before_and_what_was_traded_is_what_there_has_to_be(
    tmp_path: Path, again: Callable[[DeskWorld, int, int], Coroutine[Any, Any, None]]
) -> None:
    async def scene(world: DeskWorld) -> None:
        await bought_at_spot(world)
        await again(world, 0, 1)
        await world.opening
        assert world.sender.is_open

    played(tmp_path / "1", scene, opening={"BTC": HAD})


@pytest.mark.parametrize("again", [DeskWorld.reconnect, DeskWorld.crash])
@pytest.mark.parametrize("elsewhere", ["0.001", "-0.002"])
def test_a_spot_balance_that_is_not_the_sessions_ends_the_trader_after_a_reconnect_and_a_restart(
    tmp_path: Path, again: Callable[[DeskWorld, int, int], Coroutine[Any, Any, None]], elsewhere: str
) -> None:
    async def scene(world: DeskWorld) -> None:
        await bought_at_spot(world)
        world.account.beside = HAD + Decimal(elsewhere)
        await again(world, 0, 1)
        await asyncio.sleep(5)
        assert not world.sender.is_open
        with pytest.raises(AccountShared, match=r"BTC, which by this session are .*, 1\.5 of them from before it"):
            await world.opening
        world.account.beside = HAD

    with pytest.raises(AccountShared):  # as the trader itself ends
        played(tmp_path / "1", scene, opening={"BTC": HAD})
