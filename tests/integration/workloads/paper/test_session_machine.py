"""The session and its exchange under every order of things: requests and reports late, lost, doubled; crashes anywhere.

The exchange is a model, so that hypothesis decides what happens when; session, journal and trader are the real ones.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.workloads.paper.session_world import World, held_to

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


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_whatever_happens_no_order_is_sent_twice_and_no_fill_lost(
    tmp_path_factory: object, steps: list[tuple[int, int, int]]
) -> None:
    world = World(tmp_path_factory.mktemp("session") / "1")  # type: ignore[attr-defined]
    for action, which, lots in steps:
        ACTIONS[action](world, which, lots)
    world.settle()
    world.trader.sync()
    world.trader.recorded.close()
    held_to(world.exchange, world.trader, world.folder)
