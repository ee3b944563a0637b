"""Segments are sealed in their order, again where it failed for now, and not for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_workloads.capture import sealer
from tradeplane_workloads.capture.sealer import LAST_ATTEMPTS, Sealer
from tradeplane_workloads.errors import DataRefused, StoreFailure

from tests.unit.workloads.capture.samples import specification, spooled

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_api.capture import SealedBundle

LATER: dict[str, object] = {"error": "the store is full", "final": False}
NEVER: dict[str, object] = {"error": "line 1 is none", "final": True}


class Answering(Sealer):
    """A sealer whose process answers what a test says."""

    def __init__(self, root: Path, answers: dict[int, list[dict[str, object]]]) -> None:
        self.spool = spooled(root, [[b"1 {}\n"]] * 2)
        super().__init__(specification(), self.spool, ("memory:///", None), self._heard)
        self.answers = answers
        self.asked: list[int] = []
        self.bundles: list[SealedBundle] = []

    def _heard(self, bundle: SealedBundle) -> None:
        self.spool.mark_sealed(bundle)
        self.bundles.append(bundle)

    async def _ask(self, number: int) -> dict[str, object]:
        self.asked.append(number)
        left = self.answers.get(number, [])
        if left:
            return left.pop(0)
        return {"sealed": {"number": number, "snapshot": None, "lines": 1, "bytes": 5}}


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealer, "backoff", lambda _: 0.0)


def ended() -> asyncio.Event:
    stop = asyncio.Event()
    stop.set()
    return stop


async def run(sealing: Sealer, stop: asyncio.Event) -> None:
    await asyncio.wait_for(sealing.run(stop), 60)


async def test_what_failed_for_now_is_tried_again_before_the_next(tmp_path: Path) -> None:
    sealing = Answering(tmp_path, {1: [LATER, LATER]})
    await run(sealing, ended())
    assert sealing.asked == [1, 1, 1, 2]
    assert [bundle.number for bundle in sealing.bundles] == [1, 2]


async def test_what_can_never_be_sealed_ends_the_capture_with_its_words(tmp_path: Path) -> None:
    sealing = Answering(tmp_path, {1: [NEVER]})
    with pytest.raises(DataRefused, match=r"segment 1 of .* is not sealed: line 1 is none"):
        await run(sealing, asyncio.Event())
    assert sealing.asked == [1]


async def test_at_the_end_it_is_not_tried_for_ever(tmp_path: Path) -> None:
    sealing = Answering(tmp_path, {1: [LATER] * 100})
    with pytest.raises(StoreFailure, match="the store is full; nothing of it is lost: start the capture again"):
        await run(sealing, ended())
    assert sealing.asked == [1] * LAST_ATTEMPTS


async def test_while_it_captures_it_is_tried_for_longer_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealer, "MOST_ATTEMPTS", 20)
    sealing = Answering(tmp_path, {1: [LATER] * 100})
    with pytest.raises(StoreFailure, match="the store is full"):
        await run(sealing, asyncio.Event())
    assert sealing.asked == [1] * 20


async def test_a_segment_that_ends_later_is_sealed_then(tmp_path: Path) -> None:
    sealing, stop = Answering(tmp_path, {}), asyncio.Event()
    task = asyncio.ensure_future(sealing.run(stop))
    while len(sealing.bundles) < 2:
        await asyncio.sleep(0)
    sealing.spool.log(4).touch()
    stop.set()
    sealing.wake()
    await asyncio.wait_for(task, 60)
    assert sealing.asked == [1, 2, 3]


async def test_a_process_that_cannot_be_started_is_told_of_and_another_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []

    async def start(*_: Any, **__: Any) -> Any:
        started.append(None)
        raise OSError(f"no memory, {len(started)}")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    sealing = Sealer(specification(), spooled(tmp_path, [[b"1 {}\n"]]), ("memory:///", None), lambda _: None)
    with pytest.raises(StoreFailure, match="is not sealed: the process that seals: no memory, 3"):
        await run(sealing, ended())
    assert len(started) == LAST_ATTEMPTS
