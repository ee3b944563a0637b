"""What cannot be run says why, in a condition that names the field or the part and the remedy; nothing is lost.

All of them are asked at once, so that what takes time (pulling, deadlines, retries) takes it together.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.e2e.platform import Object, runs, said, strategy, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.platform import Tenant

_ABSENT = "sha256:" + "0" * 64
_HEADER = "date,open,high,low,close,volume\n"


def _bars(path: Path, first: int) -> Path:
    """Write a CSV of 80 bars, each close another."""
    days = [(f"2020-{1 + day // 28:02d}-{1 + day % 28:02d}", first + day) for day in range(80)]
    rows = (f"{date},{price},{price + 2},{price - 2},{price + 1},10" for date, price in days)
    path.write_text(_HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def _snapshot_of_its_own(tenant: Tenant, files: Path, name: str, first: int) -> tuple[Object, Path]:
    """Import bars that no other snapshot has; return the Snapshot and its folder in the store."""
    snapshot = tenant.import_bars(_bars(files / f"{name}.csv", first), name=name)
    return snapshot, tenant.directory / "snapshots" / snapshot["spec"]["digest"].removeprefix("sha256:")


def _flip(path: Path, offset: int) -> None:
    """Flip the lowest bit of a byte."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(bytes(content))


def _flip_a_price(part: Path) -> None:
    """Flip a bit of a recorded price: of its records, not of what surrounds them."""
    import pyarrow as pa

    with pa.OSFile(str(part)) as file:
        table = pa.ipc.open_file(file).read_all()
    close = table.column("close").to_pylist()
    close[len(close) // 2] ^= 1
    index = table.schema.get_field_index("close")
    damaged = table.set_column(index, table.schema.field("close"), pa.array(close, pa.int64()))
    with pa.OSFile(str(part), "wb") as file, pa.ipc.new_file(file, damaged.schema) as writer:
        writer.write_table(damaged)


@pytest.fixture(scope="module")
def asked(tenant: Tenant, files: Path) -> Tenant:
    """Ask for everything that cannot be had."""
    images = tenant.platform.images()
    repository = images.workloads.partition("@")[0]
    damaged, folder = _snapshot_of_its_own(tenant, files, "damaged", 100)
    (part,) = folder.glob("*.arrow")
    _flip_a_price(part)
    forged, folder = _snapshot_of_its_own(tenant, files, "forged", 200)
    manifest = folder / "manifest.json"
    written = manifest.read_bytes()
    _flip(manifest, written.index(b"2020-01-01") + len(b"2020-01-0"))
    tenant.apply(
        damaged,
        forged,
        strategy("unpullable", image=f"{repository}@{_ABSENT}", activeDeadlineSeconds=90, backoffLimit=0),
        strategy("unknown-algorithm", algorithm="macd-momentun"),
        strategy("out-of-range", algorithm="sma-cross", parameters={"fast": 0}),
        strategy("unordered", algorithm="sma-cross", parameters={"fast": 30, "slow": 20}),
        strategy("no-snapshot", "later"),
        strategy("damaged-part", "damaged"),
        strategy("forged-manifest", "forged"),
        strategy("tagged", image=f"{repository}:latest"),
        strategy("hungry", resources={"requests": {"memory": "24Mi"}, "limits": {"memory": "24Mi"}}, backoffLimit=0),
        strategy("slow", architecture="arm64", activeDeadlineSeconds=1),
        strategy("live", mode="Live"),
        strategy("elsewhere", store="cold"),
    )
    return tenant


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        (
            "unknown-algorithm",
            "InvalidSpecification",
            ["algorithm.name", "'macd-momentun'", "give one of", "macd-momentum"],
        ),
        ("out-of-range", "InvalidSpecification", ["algorithm.parameters.fast", "from 1 to 10000", "given 0"]),
        ("unordered", "InvalidSpecification", ["fast must be smaller than slow", "30", "20"]),
        ("tagged", "ImageWithoutDigest", ["spec.image", ":latest", "name@sha256:"]),
        ("live", "ModeNotAvailable", ["spec.mode Live", "use Backtest"]),
        ("elsewhere", "StoreUnknown", ["spec.store 'cold'", "offers: default"]),
        ("forged-manifest", "SnapshotRefused", ["spec.snapshotRef", "'forged'", "manifest", "import it again"]),
        ("damaged-part", "DataRefused", ["part", "bars-0", "import"]),
        ("hungry", "OutOfMemory", ["spec.resources.limits.memory", "raise it"]),
        ("slow", "DeadlineExceeded", ["spec.activeDeadlineSeconds"]),
    ],
)
def test_what_cannot_be_run_says_why(asked: Tenant, name: str, reason: str, words: list[str]) -> None:
    found = asked.await_said("strategy", name, reason)
    standing, _, message = said(found)
    assert standing == "Stalled"
    assert [word for word in words if word not in message] == [], message
    assert all(run["outcome"] == "Failed" and "resultDigest" not in run for run in runs(found))


@pytest.mark.parametrize("name", ["tagged", "live", "elsewhere", "forged-manifest"])
def test_what_is_refused_at_once_starts_nothing(asked: Tenant, name: str) -> None:
    found = until(f"word on {name}", lambda: asked.get("strategy", name), lambda one: said(one)[0] == "Stalled")
    assert runs(found) == []
    assert asked.jobs(found) == {}


def test_an_altered_manifest_stalls_its_snapshot(asked: Tenant) -> None:
    standing, _, message = said(asked.await_said("snapshot", "forged", "SnapshotRefused"))
    assert standing == "Stalled"
    assert "import it again" in message


@pytest.mark.parametrize("name", ["unknown-algorithm", "out-of-range", "damaged-part"])
def test_what_is_wrong_for_good_is_tried_once(asked: Tenant, name: str) -> None:
    found = asked.await_said("strategy", name, "InvalidSpecification", "DataRefused")
    (run,) = runs(found)
    logs = sorted((asked.directory / "results" / run["name"]).glob("log-*.txt"))
    assert len(logs) == 1
    assert not (asked.directory / "results" / run["name"] / "manifest.json").exists()


def test_a_snapshot_that_does_not_exist_is_waited_for(asked: Tenant, files: Path) -> None:
    missing = asked.await_said("strategy", "no-snapshot", "SnapshotNotFound")
    assert said(missing)[0] == "Working"
    assert "no Snapshot 'later'" in said(missing)[2]
    snapshot, folder = _snapshot_of_its_own(asked, files, "later", 300)
    hidden = folder.with_suffix(".hidden")
    folder.rename(hidden)
    asked.apply(snapshot)
    waiting = asked.await_said("strategy", "no-snapshot", "SnapshotNotReady", words=snapshot["spec"]["digest"])
    assert "tradeplane snapshot import" in said(waiting)[2]
    assert runs(waiting) == []
    shutil.move(hidden, folder)
    assert len(runs(asked.await_run("no-snapshot"))) == 1


def test_an_image_that_cannot_be_pulled_is_said_while_it_is_tried_and_at_the_end(asked: Tenant) -> None:
    trying = asked.await_said("strategy", "unpullable", "ImagePullFailed", "DeadlineExceeded")
    ended = asked.await_said("strategy", "unpullable", "DeadlineExceeded")
    for found in (trying, ended):
        message = said(found)[2]
        assert "cannot be pulled" in message
        assert _ABSENT in message
    assert said(ended)[0] == "Stalled"
