"""Real agents, as a pod runs them, killed at random moments: no message is in two bundles, what is missing is said."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tradeplane_api.capture import SealedBundle
from tradeplane_api.run import ExitCode
from tradeplane_store.index import Wanted
from tradeplane_store.objects import open_store
from tradeplane_workloads.capture.folder import SpoolFolder
from tradeplane_workloads.market.indexing import find
from tradeplane_workloads.market.snapshots import read_manifest, read_tapes, verify_snapshot

from tests.binance_wire import flow, wire
from tests.unit.workloads.capture.samples import FEED, specification
from tests.venue_stand_in import StandIn, until

if TYPE_CHECKING:
    from pathlib import Path

MESSAGES = wire(flow(20_000, seed=5))
KILLS = 6
TRADE, GAP, LOST_TRADES = 3, 9, 2


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return the environment of an agent but its specification."""
    (tmp_path / "store").mkdir()
    return {
        **os.environ,
        "TRADEPLANE_STORE_URL": (tmp_path / "store").as_uri(),
        "TRADEPLANE_SPOOL": str(tmp_path / "spool"),
        "TRADEPLANE_TERMINATION_LOG": str(tmp_path / "termination"),
    }


def specified(venue: StandIn) -> str:
    """Return the specification of a capture with many short bundles."""
    feed = {**FEED, **venue.places, "silent_seconds": 5}
    spool = {"flush_milliseconds": 5, "keep": 100_000}
    return specification(feed=feed, rotation={"seconds": 1, "bytes": 65_536}, spool=spool).model_dump_json()


async def agent(environ: dict[str, str], venue: StandIn) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tradeplane_workloads.capture"),
        env={**environ, "TRADEPLANE_CAPTURE": specified(venue)},
        stderr=asyncio.subprocess.DEVNULL,
    )


def spooled(folder: SpoolFolder) -> int:
    """Return how many bytes were ever spooled."""
    return sum(path.stat().st_size for path in folder.root.glob("*.log"))


def has_spooled(folder: SpoolFolder, wanted: int) -> bool:
    return spooled(folder) >= wanted


async def test_killed_at_random_moments_it_goes_on_without_overlap_or_hole(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    draw, folder = random.Random(20240808), SpoolFolder(tmp_path / "spool")  # noqa: S311 -- moments, not secrets
    async with StandIn(MESSAGES) as venue:
        playing = asyncio.ensure_future(forever(venue))
        acknowledged: list[bytes] = []
        for _ in range(KILLS):
            process = await agent(environ, venue)
            wanted = spooled(folder) + draw.randrange(1, 150_000)
            await until(partial(has_spooled, folder, wanted))
            process.send_signal(signal.SIGKILL)
            await process.wait()
            acknowledged.append(b"".join(whole_lines(folder)))
        process = await agent(environ, venue)
        wanted = spooled(folder) + 100_000
        await until(partial(has_spooled, folder, wanted))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == ExitCode.OK
        playing.cancel()
    everything = b"".join(whole_lines(folder))
    assert all(everything.startswith(before) for before in acknowledged)  # nothing on the disk is ever changed
    check(folder, environ, everything)


def check(folder: SpoolFolder, environ: dict[str, str], everything: bytes) -> None:
    """Read the bundles back and hold them to what was spooled."""
    store = open_store(environ["TRADEPLANE_STORE_URL"])
    bundles = [SealedBundle.model_validate_json(path.read_bytes()) for path in ordered(folder)]
    assert [bundle.number for bundle in bundles] == folder.segments()[:-1]
    assert sum(bundle.bytes for bundle in bundles) == len(everything)
    assert sum(bundle.refused for bundle in bundles) == 0
    numbers: list[int] = []
    before, missing = None, 0
    for bundle in (bundle for bundle in bundles if bundle.snapshot is not None):
        assert verify_snapshot(store, bundle.snapshot or "") == []
        assert read_manifest(store, bundle.snapshot or "").previous == before
        before = bundle.snapshot
        (tape,) = read_tapes(store, bundle.snapshot or "")
        numbers += [0] * int(np.count_nonzero(tape.kind == TRADE))
        missing += int(tape.quantity[(tape.kind == GAP) & (tape.price == LOST_TRADES)].sum())
    spooled_numbers = [
        json.loads(line.partition(b" ")[2])["data"]["t"] for line in everything.splitlines() if b'"e":"trade"' in line
    ]
    assert len(set(spooled_numbers)) == len(spooled_numbers) == len(numbers)
    assert spooled_numbers[-1] - spooled_numbers[0] + 1 == len(numbers) + missing
    assert everything.count(b"tradeplane.feedLost") >= KILLS
    assert sum(bundle.gaps for bundle in bundles) >= KILLS
    assert [entry.id for entry in find(store, Wanted())] == [one.snapshot for one in bundles if one.snapshot]


def whole_lines(folder: SpoolFolder) -> list[bytes]:
    """Return the lines of all segments, but one that is not finished."""
    data = b"".join(folder.log(number).read_bytes() for number in folder.segments())
    return [line for line in data.splitlines(keepends=True) if line.endswith(b"\n")]


def ordered(folder: SpoolFolder) -> list[Path]:
    return sorted(folder.root.glob("*.sealed"), key=lambda path: int(path.stem))


async def forever(venue: StandIn) -> None:
    """Play until it is enough: messages go by whether there is an agent or not."""
    await venue.play(pause=0.002)


async def test_a_specification_that_cannot_be_ends_it_with_words_and_a_code(environ: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tradeplane_workloads.capture"),
        env={**environ, "TRADEPLANE_CAPTURE": '{"capture":"c"}'},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == ExitCode.INVALID
    assert json.loads(said.splitlines()[-1])["message"].startswith("feed: Field required")
