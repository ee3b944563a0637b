"""The session and its exchange under every order of things: requests and reports late, lost, doubled; crashes anywhere.

The exchange is a model, so that hypothesis decides what happens when; session, journal and trader are the real ones.
"""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st
from tradeplane_workloads.sessions import replay
from tradeplane_workloads.sessions.journal_file import read_in_place
from tradeplane_workloads.sessions.order_names import order_of
from tradeplane_workloads.strategies.protocol import OrderEvent

from tests.integration.workloads.paper.session_world import World
from tests.unit.workloads.sessions.sample_sessions import NAME, specification

ACTIONS = (World.tick, World.arrive, World.lose, World.report, World.reconnect, World.fill, World.resolve, World.crash)
STEPS = st.lists(
    st.tuples(
        # Things happen at all only where time passes and requests arrive: those are drawn more often.
        st.sampled_from((0, 0, 0, 1, 1, 1, 2, 3, 3, 3, 4, 5, 5, 6, 7)),
        st.integers(0, 50),
        st.integers(1, 1_000),
    ),
    min_size=5,
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_whatever_happens_no_order_is_sent_twice_and_no_fill_lost(
    tmp_path_factory: object, steps: list[tuple[int, int, int]]
) -> None:
    world = World(tmp_path_factory.mktemp("session") / "1")  # type: ignore[attr-defined]
    for action, which, lots in steps:
        ACTIONS[action](world, which, lots)
    world.settle()
    _held_to(world)


def _held_to(world: World) -> None:
    session = world.trader.session
    run = session.run()
    told, sent = defaultdict(list), []
    columns = [run.column(name).tolist() for name in ("event", "order", "price", "quantity")]
    for event, order, price, quantity in zip(*columns, strict=True):
        if event in (OrderEvent.TRADE, OrderEvent.FILL):
            told[order].append((price, quantity))
        elif event == OrderEvent.SUBMIT:
            sent.append(order)
    assert len(set(sent)) == len(sent)
    for name, order in world.exchange.orders.items():
        number = order_of(name, NAME)
        assert number in sent
        assert told.pop(number, []) == order.fills, name
    assert not told, "the session was told of fills that were none"
    assert session.holding(0)[0] == sum(order.side * order.executed for order in world.exchange.orders.values())
    world.trader.sync()
    world.trader.recorded.close()
    assert replay(read_in_place(world.folder / "journal"), specification()).exact
