"""The agent against a stand-in for a venue, with everything that goes wrong there; its bundles are read back."""

from __future__ import annotations

import asyncio
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tradeplane_store.index import Wanted
from tradeplane_store.objects import open_store
from tradeplane_workloads.capture.agent import Agent
from tradeplane_workloads.capture.closing import book_of
from tradeplane_workloads.capture.folder import SpoolFolder
from tradeplane_workloads.errors import InvalidSpecification, StoreFailure
from tradeplane_workloads.market.importing.binance_raw import read_messages
from tradeplane_workloads.market.importing.tape_options import TapeOptions
from tradeplane_workloads.market.indexing import find
from tradeplane_workloads.market.snapshot_manifests import read_manifest
from tradeplane_workloads.market.snapshots import read_tapes, verify_snapshot

from tests.binance_wire import flow, wire
from tests.unit.workloads.capture.samples import FEED, specification
from tests.venue_stand_in import GARBAGE, StandIn, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradeplane_api.capture import SealedBundle
    from tradeplane_workloads.capture.agent import Progress

MESSAGES = wire(flow(600))


class Running:
    """An agent that runs in this process, its spool and its store."""

    def __init__(self, root: Path, venue: StandIn, **changes: Any) -> None:
        (root / "store").mkdir(exist_ok=True)
        self.store = open_store((root / "store").as_uri())
        feed = {**FEED, **venue.places, "silent_seconds": 60, **changes.pop("feed", {})}
        rotation = {"seconds": 1, **changes.pop("rotation", {})}
        chosen = specification(feed=feed, rotation=rotation, spool={"flush_milliseconds": 10, "keep": 1_000, **changes})
        self.folder = SpoolFolder(root / "spool")
        self.folder.claim(chosen)
        self.stop = asyncio.Event()
        self.agent = Agent(chosen, self.folder, (self.store.url, None), self._watch)
        self.bundles: list[SealedBundle] = []
        self.task = asyncio.ensure_future(self.agent.run(self.stop))

    def _watch(self, _: Progress, bundle: SealedBundle | None) -> None:
        if bundle is not None:
            self.bundles.append(bundle)

    async def end(self) -> Progress:
        """End it as a person would, all that was sent being on the disk."""
        self.stop.set()
        return await asyncio.wait_for(self.task, 60)

    async def took(self, venue: StandIn) -> None:
        """Wait until the last that was sent is on the disk."""
        await until(lambda: self.task.done() or venue.sent[-1] in self.lines()[-5:])

    def lines(self) -> list[str]:
        """Return the messages of all segments."""
        data = b"".join(self.folder.log(number).read_bytes() for number in self.folder.segments())
        return [line.partition(" ")[2] for line in data.decode().splitlines()]


def wholly(running: Running) -> tuple[int, int]:
    """Check that the bundles are whole and follow each other; return trades on them, and lost ones."""
    trades, lost, before = 0, 0, None
    for bundle in running.bundles:
        if bundle.snapshot is None:
            continue
        assert verify_snapshot(running.store, bundle.snapshot) == []
        assert read_manifest(running.store, bundle.snapshot).previous == before
        before = bundle.snapshot
        (tape,) = read_tapes(running.store, bundle.snapshot)
        trades += int(np.count_nonzero(tape.kind == 3))
        lost += tape.recording.lost
    return trades, lost


def last_book(running: Running) -> object:
    """Return the book at the end of the last bundle."""
    number = running.bundles[-1].number
    opening, lines = running.folder.recording(number)
    ((one,), _) = read_messages("last", opening + lines, TapeOptions())
    return None if one.update is None else (one.update, *book_of(one))


def numbers(texts: list[str]) -> list[int]:
    """Return the numbers of the trades among messages."""
    return [int(text.partition('"t":')[2].partition(",")[0]) for text in texts if '"e":"trade"' in text]


async def test_what_is_sent_is_in_bundles_that_follow_each_other(tmp_path: Path) -> None:
    async with StandIn(MESSAGES) as venue:
        running = Running(tmp_path, venue)
        await venue.listened_to()
        await venue.play(pause=0.004)
        await running.took(venue)
        progress = await running.end()
    assert len(running.bundles) >= 2
    sent = [line for line in running.lines() if '"lastUpdateId"' not in line]
    assert sent == venue.sent
    assert progress.acknowledged == len(running.lines())
    assert wholly(running) == (len(numbers(venue.sent)), 0)
    assert last_book(running) == (venue.book.update, *venue.book.levels())
    assert sum(bundle.lines for bundle in running.bundles) == len(running.lines())
    found = find(running.store, Wanted(instrument="SYNUSDT"))
    assert [entry.id for entry in found] == [bundle.snapshot for bundle in running.bundles if bundle.snapshot]
    assert [entry.previous for entry in found] == [None, *(entry.id for entry in found[:-1])]


@pytest.mark.parametrize("fault", ["drop", "garbage", "double", "reorder", "stall"])
async def test_faults_of_a_stream(tmp_path: Path, fault: str) -> None:
    async with StandIn(MESSAGES, dict.fromkeys((150, 151, 300), fault)) as venue:
        # Where nothing is to be silent, a machine that stands still for a while must not be taken for a venue that is.
        running = Running(tmp_path, venue, feed={"silent_seconds": 1 if fault == "stall" else 60})
        await venue.listened_to()
        await venue.play(pause=0.002)
        await running.took(venue)
        await until(lambda: last_known(running))
        progress = await running.end()
    kept = [text for text in venue.sent if text not in GARBAGE]
    trades, lost = wholly(running)
    seen = numbers(kept)
    assert trades + lost >= len(set(seen))
    assert last_book(running) == (venue.book.update, *venue.book.levels())
    if fault == "garbage":
        assert progress.kept_out == {"notJson": 6, "field": 3, "untold": 3}
        assert (trades, lost) == (len(seen), 0)
    elif fault in ("drop", "stall"):
        assert venue.connections >= 3
        assert sum("tradeplane.feedLost" in line for line in running.lines()) == venue.connections - 1
        assert sum(bundle.gaps for bundle in running.bundles) >= venue.connections - 1
    else:
        assert venue.connections == 1
        assert len([line for line in running.lines() if line in set(kept)]) == len(kept)


def last_known(running: Running) -> bool:
    return running.agent._spool.knows(0) and not running.agent._spool.waiting


async def test_a_venue_that_asks_to_be_left_alone_is(tmp_path: Path) -> None:
    refusals = [(429, {"Retry-After": "1"}, ""), (418, {"Retry-After": "1"}, ""), (500, {}, ""), (200, {}, "<html>")]
    async with StandIn(MESSAGES, answers=refusals) as venue:
        running = Running(tmp_path, venue)
        await venue.listened_to()
        await venue.play(last=100)
        await until(lambda: last_known(running))
        await running.took(venue)
        await running.end()
    waits = np.diff(venue.requests)
    assert len(waits) == 4
    assert min(waits[:2]) >= 1.0
    assert last_book(running) == (venue.book.update, *venue.book.levels())


async def test_without_a_snapshot_of_the_book_the_capture_goes_on_and_says_so(tmp_path: Path) -> None:
    async with StandIn(MESSAGES) as venue:
        venue.always = (404, {}, "")
        running = Running(tmp_path, venue)
        await venue.listened_to()
        await venue.play(last=200, pause=0.002)
        await running.took(venue)
        await running.end()
    assert last_book(running) is None
    assert running.bundles[0].gaps == 1
    (tape,) = read_tapes(running.store, running.bundles[0].snapshot or "")
    assert tape.recording.blind_rows > 0
    assert wholly(running) == (len(numbers(venue.sent)), 0)


async def test_a_clock_that_jumps_is_recorded_as_it_was_and_ends_no_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with StandIn(MESSAGES) as venue:
        running = Running(tmp_path, venue, rotation={"seconds": 60})
        await venue.listened_to()
        await venue.play(last=100)
        await running.took(venue)
        now, hour = time.time_ns, 3_600_000_000_000
        for jump in (-hour, hour):
            monkeypatch.setattr(time, "time_ns", lambda jump=jump: now() + jump)
            await venue.play(100 if jump < 0 else 200, 200 if jump < 0 else 300)
            await running.took(venue)
        await running.end()
    (bundle,) = running.bundles
    (tape,) = read_tapes(running.store, bundle.snapshot or "")
    assert tape.recording.out_of_order == 1
    assert wholly(running) == (len(numbers(venue.sent)), 0)


async def test_while_the_store_is_away_the_capture_goes_on_and_seals_when_it_is_back(tmp_path: Path) -> None:
    async with StandIn(MESSAGES) as venue:
        running = Running(tmp_path, venue)
        (tmp_path / "store").rename(tmp_path / "away")
        await venue.listened_to()
        await venue.play(pause=0.005)
        await running.took(venue)
        assert running.bundles == []
        assert len(running.folder.ended()) >= 2
        (tmp_path / "away").rename(tmp_path / "store")
        await running.end()
    assert wholly(running) == (len(numbers(venue.sent)), 0)
    assert sum(bundle.lines for bundle in running.bundles) == len(running.lines())


async def test_a_sealing_process_that_is_killed_is_replaced(tmp_path: Path) -> None:
    async with StandIn(MESSAGES) as venue:
        running = Running(tmp_path, venue)
        await venue.listened_to()
        await venue.play(last=300, pause=0.004)
        await until(lambda: bool(running.bundles))
        process = running.agent._sealer._process
        assert process is not None
        process.kill()
        await venue.play(300, pause=0.004)
        await running.took(venue)
        await running.end()
    assert wholly(running) == (len(numbers(venue.sent)), 0)
    assert sum(bundle.lines for bundle in running.bundles) == len(running.lines())


async def test_one_spool_has_one_agent(tmp_path: Path) -> None:
    async with StandIn(MESSAGES) as venue:
        one = Running(tmp_path, venue)
        await venue.listened_to()
        with pytest.raises(InvalidSpecification, match="another capture writes to"):
            await Running(tmp_path, venue).task
        await one.end()


async def test_a_capture_that_ended_goes_on_and_says_that_there_was_no_feed(tmp_path: Path) -> None:
    async with StandIn(MESSAGES) as venue:
        for place in (0, 200):
            running = Running(tmp_path, venue)
            await venue.listened_to()
            await venue.play(place, place + 100)
            await running.took(venue)
            await until(partial(last_known, running))
            await running.end()
    assert running.bundles[0].previous is not None
    assert running.bundles[0].gaps >= 1
    assert sum("tradeplane.feedLost" in line for line in running.lines()) == 1
    assert last_book(running) == (venue.book.update, *venue.book.levels())


@pytest.fixture
def small_volume(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 256 KiB."""
    mount = tmp_path / "volume"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mount)], check=True)
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


async def test_a_full_disk_ends_the_capture_and_what_was_acknowledged_is_sealed_by_the_next(
    tmp_path: Path, small_volume: Path
) -> None:
    (tmp_path / "spool").symlink_to(small_volume)
    long = wire(flow(6_000))
    async with StandIn(long) as venue:
        running = Running(tmp_path, venue, rotation={"seconds": 60})
        await venue.listened_to()
        playing = asyncio.ensure_future(venue.play(pause=0.0002))
        with pytest.raises(StoreFailure, match="No space left on device; give it room"):
            await asyncio.wait_for(running.task, 60)
        acknowledged = running.agent.progress.acknowledged
        playing.cancel()
        before = running.lines()
        assert len(before) >= acknowledged > 100
        subprocess.run(["mount", "-o", "remount,size=16m", str(small_volume)], check=True)
        following = Running(tmp_path, venue, rotation={"seconds": 60})
        await venue.listened_to()
        await until(lambda: last_known(following))
        await following.end()
    assert following.lines()[: len(before)] == before
    assert following.bundles[0].gaps >= 1
    assert sum(bundle.lines for bundle in following.bundles) == len(following.lines())
