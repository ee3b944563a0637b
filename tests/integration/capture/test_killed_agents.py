"""Real agents, as a pod runs them, killed at random moments: no message is in two bundles, what is missing is said."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from functools import partial
from typing import TYPE_CHECKING

from tradeplane_api.run import ExitCode

from tests.binance_wire import flow, wire
from tests.integration.capture.killed_capture import KilledCapture
from tests.venue_stand_in import StandIn, until

if TYPE_CHECKING:
    from pathlib import Path

MESSAGES = wire(flow(20_000, seed=5))
KILLS = 6


def has_spooled(capture: KilledCapture, wanted: int) -> bool:
    return capture.spooled() >= wanted


async def test_killed_at_random_moments_it_goes_on_without_overlap_or_hole(tmp_path: Path) -> None:
    draw = random.Random(20240808)  # noqa: S311 -- moments, not secrets
    async with StandIn(MESSAGES) as venue:
        playing = asyncio.ensure_future(venue.play(pause=0.004))
        capture = KilledCapture(tmp_path, venue, MESSAGES)
        for _ in range(KILLS):
            agent = await capture.agent()
            wanted = capture.spooled() + draw.randrange(1, 150_000)
            await until(partial(has_spooled, capture, wanted))
            await capture.kill(agent)
        agent = await capture.agent()
        await until(partial(has_spooled, capture, capture.spooled() + 100_000))
        await capture.end(agent)
        playing.cancel()
    assert capture.lost_or_doubled() == []
    assert capture.gaps() >= KILLS
    assert capture.trades() > 0


async def test_a_specification_that_cannot_be_ends_it_with_words_and_a_code(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tradeplane_workloads.capture"),
        env={
            **os.environ,
            "TRADEPLANE_STORE_URL": (tmp_path / "store").as_uri(),
            "TRADEPLANE_SPOOL": str(tmp_path / "spool"),
            "TRADEPLANE_TERMINATION_LOG": str(tmp_path / "termination"),
            "TRADEPLANE_CAPTURE": '{"capture":"c"}',
        },
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == ExitCode.INVALID
    assert json.loads(said.splitlines()[-1])["message"].startswith("feed: Field required")
