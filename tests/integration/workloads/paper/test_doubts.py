"""An order in doubt is given up once its request can never arrive, by a clock that is never set; not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from tradeplane_workloads.paper.reconciling import WINDOW_NS, Reconciler

from tests.integration.workloads.paper.session_world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_native import OrderRequest
    from tradeplane_workloads.paper.account import Account
    from tradeplane_workloads.paper.sending import Sender

HOUR_NS = 3_600_000_000_000


class Unheard:
    """An account that has no order, and lets time pass before it says so; and a sender that waits for nothing."""

    paused_seconds = 0.0

    def __init__(self) -> None:
        self.meanwhile: Callable[[], None] = lambda: None

    async def order(self, _: dict[str, str]) -> None:
        """Find no such order."""
        self.meanwhile()

    async def mend_clock(self) -> None:
        """Leave the clock as it is."""

    def is_busy(self, _: object) -> bool:
        """No request is waited for."""
        return False


class Doubted:
    """A world in which one order was sent, whose answer was lost and whose request is on the way."""

    def __init__(self, folder: Path) -> None:
        self.world, self.exchange = World(folder / "1"), Unheard()
        for step in range(4):
            self.world.tick(step, step)
        self.request: OrderRequest = self.world.sent[0]
        self.doubt = (0, self.request.order)
        self.world.trader.doubt(self.doubt)

    async def ask(self) -> None:
        """Ask for what is in doubt once, as a trader does."""
        both = cast("Any", self.exchange)
        account, sender = cast("Account", both), cast("Sender", both)
        reconciler = Reconciler(account, self.world.trader, sender, self.world.clocks.steady, {})
        assert await reconciler._round()

    @property
    def is_open(self) -> bool:
        """Whether the session still counts on the order."""
        return self.world.trader.open_order(self.doubt) is not None

    def arrive(self) -> None:
        """Have the request arrive after all, and its order trade."""
        world = self.world
        world.exchange.receive(world.trader.name_of(self.request.order), self.request)
        world.exchange.fill(0, 1)
        for told in world.exchange.reports:
            world.trader.told(told)
        assert world.trader.session.holding(0)[0] == self.request.side

    def clock_forward(self) -> None:
        """Set the clock of the day; no time passes."""
        self.world.now += HOUR_NS

    def begin_again(self) -> None:
        """End the process, and start it again after the window: when it sent what, it does not know."""
        self.world.steady += HOUR_NS
        self.world.trader.recorded.close()
        self.world.open()

    def stall(self) -> None:
        """Have the exchange answer at once, and its answer come after the window."""
        self.exchange.meanwhile = lambda: setattr(self.world, "steady", self.world.steady + 2 * WINDOW_NS)

    def almost(self) -> None:
        """Let time pass until the window's last nanosecond."""
        self.world.steady += WINDOW_NS


@pytest.mark.parametrize("name", ["clock_forward", "begin_again", "stall", "almost"])
async def test_a_request_that_may_arrive_yet_is_not_given_up(tmp_path: Path, name: str) -> None:
    doubted = Doubted(tmp_path)
    getattr(doubted, name)()
    await doubted.ask()
    assert doubted.is_open
    doubted.arrive()


@pytest.mark.parametrize("set_by", [0, -HOUR_NS, HOUR_NS])
async def test_one_that_never_will_arrive_is_given_up_whatever_the_clock_of_the_day_says(
    tmp_path: Path, set_by: int
) -> None:
    doubted = Doubted(tmp_path)
    doubted.world.now += set_by
    doubted.world.steady += WINDOW_NS + 1
    await doubted.ask()
    assert not doubted.is_open
    assert doubted.doubt not in doubted.world.trader.doubts
