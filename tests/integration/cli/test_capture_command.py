"""``tradeplane snapshot capture`` as a person runs it, until an interrupt, against a stand-in for a venue."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING

from tests.binance_wire import flow, wire
from tests.venue_stand_in import StandIn, until

if TYPE_CHECKING:
    from pathlib import Path

MESSAGES = wire(flow(2_000, seed=9))


async def tradeplane(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tradeplane_cli", "snapshot", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_an_interrupt_seals_what_is_there_and_the_bundles_are_listed(tmp_path: Path) -> None:
    store, spool = tmp_path / "store", tmp_path / "spool"
    store.mkdir()
    async with StandIn(MESSAGES) as venue:
        places = ("--endpoint", venue.places["stream"], "--store", str(store), "--spool", str(spool))
        process = await tradeplane(
            "capture", *places, "--symbol", "SYNUSDT", "--every", "1s", "--keep", "9", "-o", "json"
        )
        await venue.listened_to()
        playing = asyncio.ensure_future(venue.play(pause=0.002))
        await until(lambda: (spool / "2.sealed").exists() or process.returncode is not None)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 120)
        playing.cancel()
    assert (process.returncode, err) == (0, b"")
    bundles = [json.loads(line) for line in out.splitlines()]
    assert [bundle["number"] for bundle in bundles] == list(range(1, len(bundles) + 1))
    assert len(bundles) >= 3
    listed = await tradeplane("list", "--instrument", "SYNUSDT", "--store", str(store), "-o", "json")
    out, _ = await asyncio.wait_for(listed.communicate(), 120)
    items = json.loads(out)["items"]
    assert [item["id"] for item in items] == [bundle["snapshot"] for bundle in bundles if bundle["snapshot"]]
    assert [item["previous"] for item in items[1:]] == [item["id"] for item in items[:-1]]
    shown = await tradeplane("inspect", items[1]["id"], "--store", str(store))
    out, _ = await asyncio.wait_for(shown.communicate(), 120)
    assert f"Follows:       {items[0]['id']}" in out.decode()


async def test_a_capture_ends_after_the_time_asked(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    async with StandIn(MESSAGES) as venue:
        places = (
            "--endpoint",
            venue.places["stream"],
            "--store",
            str(tmp_path / "store"),
            "--spool",
            str(tmp_path / "s"),
        )
        process = await tradeplane("capture", *places, "--symbol", "SYNUSDT", "--for", "5s")
        out, err = await asyncio.wait_for(process.communicate(), 120)
    assert (process.returncode, err) == (0, b"")
    assert b"segment 1" in out


async def test_a_store_that_is_not_there_ends_it_with_its_code(tmp_path: Path) -> None:
    async with StandIn(MESSAGES) as venue:
        places = ("--endpoint", venue.places["stream"], "--store", "ftp://nowhere", "--spool", str(tmp_path / "s"))
        process = await tradeplane("capture", *places, "--symbol", "SYNUSDT", "--for", "1s")
        _, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 2
    assert b"is not the URL of a store" in err
    assert not (tmp_path / "s").exists()
