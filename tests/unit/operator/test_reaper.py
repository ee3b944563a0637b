"""Jobs are removed many at a time, and what became of each is told."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_operator.acting.errors import ApiUnavailable
from tradeplane_operator.acting.reaper import Reaper

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class FakeClient:
    """Notes what it is asked to delete; fails as often as it is told to."""

    failures: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def delete_collection(self, path: str, selector: str) -> None:
        """Delete, or not."""
        self.asked.append((path, selector))
        if self.failures:
            self.failures -= 1
            raise ApiUnavailable("away")


async def _reaped(client: FakeClient, wanted: list[tuple[str, str]], until: Callable[[list[str]], bool]) -> list[str]:
    """Want Jobs removed, and return what was told of them, in order."""
    told: list[str] = []
    reaper = Reaper(client, lambda owner, run: told.append(f"{owner}/{run}"), pause=0.001)  # type: ignore[arg-type]
    for namespace, run in wanted:
        reaper.want(namespace, run, f"owner-of-{run}")
    work = asyncio.create_task(reaper.run())
    async with asyncio.timeout(60):
        while not until(told):
            await asyncio.sleep(0.001)
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work
    return told


async def test_jobs_of_a_namespace_go_by_the_hundred_each_named() -> None:
    client = FakeClient()
    wanted = [("a", f"run-{number}") for number in range(150)] + [("b", "other"), ("a", "run-0")]
    told = await _reaped(client, wanted, lambda told: len(told) == 151)
    assert sorted(told) == sorted(f"owner-of-{run}/{run}" for _, run in wanted[:-1])
    assert [path for path, _ in client.asked] == ["/apis/batch/v1/namespaces/a/jobs"] * 2 + [
        "/apis/batch/v1/namespaces/b/jobs"
    ]
    named = [selector.rpartition(" in (")[2].rstrip(")").split(",") for _, selector in client.asked]
    assert [len(names) for names in named] == [100, 50, 1]
    assert {name for names in named[:2] for name in names} == {f"run-{number}" for number in range(150)}


async def test_what_could_not_be_removed_is_told_only_when_it_was() -> None:
    client = FakeClient(failures=2)
    assert await _reaped(client, [("a", "run")], bool) == ["owner-of-run/run"]
    assert len(client.asked) == 3
