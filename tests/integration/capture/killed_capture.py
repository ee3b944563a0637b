"""A capture whose agents are killed, and what must hold afterwards: each message in one bundle, or in a stated gap.

Agents are processes as a pod runs them; the venue is a stand-in that plays numbered messages, whether anybody listens
or not. What is found wrong is returned, one line for each, so that tests and measurements ask the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_api.capture import SealedBundle
from tradeplane_api.run import ExitCode
from tradeplane_store import layout
from tradeplane_store.index import Wanted
from tradeplane_store.objects import open_store
from tradeplane_workloads.capture.folder import SpoolFolder
from tradeplane_workloads.market.indexing import find
from tradeplane_workloads.market.snapshot_manifests import read_manifest
from tradeplane_workloads.market.snapshots import read_tapes, verify_snapshot

from tests.binance_wire import Book
from tests.unit.workloads.capture.samples import FEED, specification

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tradeplane_workloads.market.tapes import Tape

    from tests.binance_wire import Message
    from tests.venue_stand_in import StandIn

_CLEAR, _SNAPSHOT, _LEVEL, _TRADE, _GAP = 0, 1, 2, 3, 9
_LOST_ANYTHING, _LOST_BOOK, _LOST_TRADES = 0, 1, 2
_END_S = 60.0


class KilledCapture:
    """A capture with many short bundles, all of whose recordings are kept; its agents, its spool and its store."""

    def __init__(self, root: Path, venue: StandIn, messages: Sequence[Message]) -> None:
        self.folder, self.messages = SpoolFolder(root / "spool"), messages
        (root / "store").mkdir()
        self.store = open_store((root / "store").as_uri())
        feed = {**FEED, **venue.places, "silent_seconds": 5}
        spool = {"flush_milliseconds": 5, "keep": 100_000}
        asked = specification(feed=feed, rotation={"seconds": 1, "bytes": 65_536}, spool=spool)
        self._environment = {
            **os.environ,
            "TRADEPLANE_CAPTURE": asked.model_dump_json(),
            "TRADEPLANE_STORE_URL": self.store.url,
            "TRADEPLANE_SPOOL": str(self.folder.root),
            "TRADEPLANE_TERMINATION_LOG": str(root / "termination"),
        }
        self._acknowledged: list[bytes] = []
        self._sealed: dict[str, str] = {}

    async def agent(self) -> asyncio.subprocess.Process:
        """Start an agent."""
        module = ("-m", "tradeplane_workloads.capture")
        return await asyncio.create_subprocess_exec(
            sys.executable, *module, env=self._environment, stderr=asyncio.subprocess.DEVNULL
        )

    async def kill(self, agent: asyncio.subprocess.Process) -> None:
        """Kill an agent, and remember what it had acknowledged and sealed."""
        agent.send_signal(signal.SIGKILL)
        assert await asyncio.wait_for(agent.wait(), _END_S) == -signal.SIGKILL
        self._acknowledged.append(b"".join(self._whole_lines()))
        for bundle in self.bundles():
            if bundle.snapshot is not None:
                self._sealed.setdefault(bundle.snapshot, self._digest(bundle.snapshot))

    async def end(self, agent: asyncio.subprocess.Process) -> None:
        """End an agent as a kubelet does: it seals what is there."""
        agent.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(agent.wait(), _END_S) == ExitCode.OK

    def spooled(self) -> int:
        """Return how many bytes were ever spooled."""
        return sum(path.stat().st_size for path in self.folder.root.glob("*.log"))

    def bundles(self) -> list[SealedBundle]:
        """Return the bundles that are sealed, in their order."""
        paths = sorted(self.folder.root.glob("*.sealed"), key=lambda path: int(path.stem))
        return [SealedBundle.model_validate_json(path.read_bytes()) for path in paths]

    def lost_or_doubled(self) -> list[str]:
        """Return what is lost without a word, in two places, or changed since it was sealed."""
        return [*self._changed(), *self._not_spooled(), *self._not_sealed(), *self._trades(), *self._books()]

    def gaps(self) -> int:
        """Return how often an agent said that there was no feed before it."""
        return sum(b'"e":"tradeplane.feedLost"' in line for line in self._whole_lines())

    def trades(self) -> int:
        """Return how many trades there are in the bundles."""
        return sum(int(np.count_nonzero(tape.kind == _TRADE)) for tape in self._tapes())

    def _changed(self) -> Iterator[str]:
        now = b"".join(self._whole_lines())
        for kill, before in enumerate(self._acknowledged, start=1):
            if not now.startswith(before):
                yield f"what was acknowledged at kill {kill} is another now"
        for snapshot, digest in self._sealed.items():
            if self._digest(snapshot) != digest:
                yield f"bundle {snapshot} was changed after it was sealed"

    def _not_spooled(self) -> Iterator[str]:
        """Hold the lines of all segments to the venue's messages: each once, in their order, holes only where said."""
        places = {message.text: place for place, message in enumerate(self.messages)}
        last: int | None = None
        said = False
        for line in self._whole_lines():
            text = line.decode().rstrip("\n").partition(" ")[2]
            said = said or '"e":"tradeplane.feedLost"' in text
            if '"lastUpdateId"' in text or '"e":"tradeplane.' in text:
                continue
            place = places[text]
            if last is not None and place <= last:
                yield f"message {place} is there after message {last}"
            if last is not None and place > last + 1 and not said:
                yield f"{place - last - 1} messages before {place} are missing, and no gap says so"
            last, said = place, False

    def _not_sealed(self) -> Iterator[str]:
        """Hold the bundles to the segments: one of each, whole, each naming the one before."""
        bundles = self.bundles()
        sealed = [bundle.number for bundle in bundles]
        if sealed != self.folder.segments()[:-1]:
            yield f"bundles are {sealed}, segments {self.folder.segments()}"
        lines = self._whole_lines()
        if sum(bundle.lines for bundle in bundles) != len(lines):
            yield f"{sum(bundle.lines for bundle in bundles)} of {len(lines)} lines are in bundles"
        if any(bundle.refused for bundle in bundles):
            yield "lines were refused"
        gaps = sum(bundle.gaps for bundle in bundles)
        if gaps < (lost := self.gaps()):
            yield f"{lost} times there was no feed, and there are {gaps} gaps"
        before = None
        for snapshot in self._snapshots():
            if (faults := verify_snapshot(self.store, snapshot)) or read_manifest(
                self.store, snapshot
            ).previous != before:
                yield f"bundle {snapshot} does not follow {before}: {faults}"
            before = snapshot
        if [entry.id for entry in find(self.store, Wanted())] != self._snapshots():
            yield "the index names other bundles"

    def _trades(self) -> Iterator[str]:
        """Hold the trades of all bundles to those that the venue numbered."""
        played = [data for message in self.messages if (data := json.loads(message.text)["data"])["e"] == "trade"]
        first = next(line for line in self._whole_lines() if b'"e":"trade"' in line)
        number = int(json.loads(first.partition(b" ")[2])["data"]["t"])
        for tape in self._tapes():
            tick, lot = Decimal(tape.instrument.tick), Decimal(tape.instrument.lot)
            columns = (tape.kind, tape.side, tape.price, tape.quantity, tape.exchange_time)
            for kind, side, price, quantity, time in zip(*(column.tolist() for column in columns), strict=True):
                if kind == _GAP and price == _LOST_TRADES:
                    number += quantity
                elif kind == _TRADE:
                    sent = played[number - 1]
                    wanted = (Decimal(sent["p"]), Decimal(sent["q"]), 2 if sent["m"] else 1, sent["T"] * 1_000_000)
                    if (price * tick, quantity * lot, side, time) != wanted:
                        yield f"trade {number} should be {wanted}, and is {(price * tick, quantity * lot, side, time)}"
                    number += 1

    def _books(self) -> Iterator[str]:
        """Hold the book at the end of each bundle to the one that the venue had after the same update."""
        venue, following, update = Book(), iter(self.messages), 0
        tapes = self._tapes()
        for bundle in self.bundles():
            for line in self.folder.log(bundle.number).read_bytes().splitlines():
                update = max(update, _update(line))
            while venue.update < update:
                venue.apply(next(following).text)
            if bundle.snapshot is None:
                continue
            book = _book(next(tapes))
            if book is not None and book != _decimals(venue):
                yield f"the book at the end of bundle {bundle.number} is not the one of update {update}"

    def _tapes(self) -> Iterator[Tape]:
        for snapshot in self._snapshots():
            (tape,) = read_tapes(self.store, snapshot)
            yield tape

    def _snapshots(self) -> list[str]:
        return [bundle.snapshot for bundle in self.bundles() if bundle.snapshot is not None]

    def _digest(self, snapshot: str) -> str:
        """Return a digest over all bytes of a snapshot in the store."""
        manifest = self.store.get(layout.snapshot_manifest(snapshot))
        names = [part.name for part in read_manifest(self.store, snapshot).parts]
        parts = [self.store.get(layout.snapshot_part(snapshot, name)) for name in names]
        return hashlib.sha256(b"".join(bytes(data) for data in (manifest, *parts))).hexdigest()

    def _whole_lines(self) -> list[bytes]:
        """Return the lines of all segments, but one that is not finished; none before there is a spool."""
        if not self.folder.root.exists():
            return []
        data = b"".join(self.folder.log(number).read_bytes() for number in self.folder.segments())
        return [line for line in data.splitlines(keepends=True) if line.endswith(b"\n")]


def _update(line: bytes) -> int:
    """Return the update that a line brings the book to; 0 where it brings none."""
    told = json.loads(line.partition(b" ")[2])
    return int(told.get("lastUpdateId", told.get("data", {}).get("u", 0)))


def _book(tape: Tape) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] | None:
    """Return the bids and asks that a tape ends with; None where its book is not known then."""
    tick, lot = Decimal(tape.instrument.tick), Decimal(tape.instrument.lot)
    sides: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] = ({}, {})
    known = False
    columns = (tape.kind, tape.side, tape.price, tape.quantity)
    for kind, side, price, quantity in zip(*(column.tolist() for column in columns), strict=True):
        if kind == _GAP and price in (_LOST_ANYTHING, _LOST_BOOK):
            known = False
        elif kind == _CLEAR:
            known = True
            sides = ({}, {})
        elif kind in (_SNAPSHOT, _LEVEL):
            sides[side - 1][price * tick] = quantity * lot
    left = tuple({price: quantity for price, quantity in side.items() if quantity} for side in sides)
    return (left[0], left[1]) if known else None


def _decimals(book: Book) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]:
    bids, asks = ({Decimal(price): Decimal(quantity) for price, quantity in side} for side in book.levels())
    return bids, asks
