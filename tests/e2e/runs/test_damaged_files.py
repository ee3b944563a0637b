"""One byte of a snapshot's file is changed on the disk: the run is refused, and says which part and what to do.

A snapshot's digest is of its records, so a byte that changes none of them (padding, say) is no damage. What is: a byte
of a record, one without which the file cannot be read, and a file that was cut short or is empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.platform import Object, runs, said, strategy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.platform import Tenant

_DAYS = 400
_HEADER = "date,open,high,low,close,volume\n"


def _flip(where: float) -> Callable[[bytes], bytes]:
    """Flip the lowest bit of the byte at a fraction of the content."""

    def flip(content: bytes) -> bytes:
        damaged = bytearray(content)
        damaged[int(where * (len(damaged) - 1))] ^= 1
        return bytes(damaged)

    return flip


_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "early-record": _flip(0.2),
    "among-records": _flip(0.5),
    "last-byte": _flip(1.0),
    "cut-short": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
}


def _bars(path: Path, first: int) -> Path:
    """Write a CSV of daily bars that no other file has."""
    days = (f"{2000 + day // 336}-{1 + day % 336 // 28:02d}-{1 + day % 28:02d}" for day in range(_DAYS))
    rows = [f"{day},{first + n},{first + n + 2},{first + n - 2},{first + n + 1},10" for n, day in enumerate(days)]
    path.write_text(_HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def damaged(tenant: Tenant, files: Path) -> Tenant:
    """Ask for a run on each damaged snapshot, and for one on a whole one beside them."""
    asked: list[Object] = []
    for number, (name, damage) in enumerate(_DAMAGE.items()):
        snapshot = tenant.import_bars(_bars(files / f"{name}.csv", 100 * (number + 1)), name=name)
        folder = tenant.directory / "snapshots" / snapshot["spec"]["digest"].removeprefix("sha256:")
        (part,) = folder.glob("*.arrow")
        part.write_bytes(damage(part.read_bytes()))
        asked += [snapshot, strategy(name, name)]
    whole = tenant.import_bars(_bars(files / "whole.csv", 50), name="whole")
    tenant.apply(*asked, whole, strategy("whole", "whole"))
    return tenant


@pytest.mark.parametrize("name", _DAMAGE)
def test_a_damaged_part_is_refused(damaged: Tenant, name: str) -> None:
    found = damaged.await_said("strategy", name, "DataRefused")
    standing, _, message = said(found)
    digest = damaged.get("snapshot", name)["spec"]["digest"]
    assert standing == "Stalled"
    assert "bars-0" in message
    assert digest in message
    assert "import" in message
    (run,) = runs(found)
    assert run["outcome"] == "Failed"
    results = damaged.directory / "results" / run["name"]
    assert [path.name for path in results.iterdir() if not path.name.startswith("log-")] == []
    assert len(list(results.glob("log-*.txt"))) == 1, "what is refused for good was tried more than once"


def test_a_whole_one_beside_them_runs(damaged: Tenant) -> None:
    assert len(runs(damaged.await_run("whole"))) == 1
