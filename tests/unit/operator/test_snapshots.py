"""A Snapshot that is verified wakes who waits for it, by the answer to the write as well as by the watch."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from tradeplane_api.run import Part
from tradeplane_api.snapshot_manifest import SnapshotInstrument, SnapshotManifest
from tradeplane_operator.observing.feeding import Feed
from tradeplane_operator.observing.index import Index
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.observing.stores import check_snapshot
from tradeplane_operator.planning.snapshot import SnapshotFacts, SnapshotState
from tradeplane_operator.running.loop import utc_now
from tradeplane_operator.running.snapshots import Snapshots
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.unit.operator.simulation import KEY, NAMESPACE, SETTINGS, SUMMARY, FakeEvents, ready_snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

PRICES = Key(Kind.SNAPSHOT, NAMESPACE, "prices")
MANIFEST = SnapshotManifest(
    instruments=(SnapshotInstrument(symbol="SPX", price_exponent=-2, quantity_exponent=0),),
    start=SUMMARY.start,
    end=SUMMARY.end,
    records=10,
    sources=(),
    parts=(Part(name="bars-0", rows=10, digest="sha256:" + "1" * 64),),
)
DATA = canonical_json(MANIFEST)


@dataclass
class _Store:
    facts: SnapshotFacts

    async def snapshot(self, *_: str) -> SnapshotFacts:
        return self.facts


@dataclass
class _Client:
    """Answers a patch of a status with the object as it then is."""

    body: dict[str, Any]
    patches: list[Any] = field(default_factory=list)

    async def merge_patch(self, _path: str, body: Mapping[str, Any]) -> Any:
        self.patches.append(body)
        metadata = {**self.body["metadata"], "resourceVersion": "2"}
        return {**self.body, "metadata": metadata, "status": body["status"]}


async def _complete() -> bool:
    return True


def _seen(facts: SnapshotFacts) -> tuple[Snapshots, Index, _Client, list[Key]]:
    body = ready_snapshot() | {"status": {}}
    index, client, woken = Index(), _Client(body), list[Key]()
    index.snapshots.put(body, confirmed=True)
    index.reads(KEY, PRICES)
    reconciler = Snapshots(
        SETTINGS,
        utc_now,
        index,
        client,  # type: ignore[arg-type]
        _Store(facts),  # type: ignore[arg-type]
        FakeEvents(),  # type: ignore[arg-type]
        woken.append,
        _complete,
    )
    return reconciler, index, client, woken


async def test_who_waits_is_woken_once_the_snapshot_is_verified() -> None:
    reconciler, _index, client, woken = _seen(SnapshotFacts(SnapshotState.FOUND, manifest=MANIFEST))
    assert await reconciler.reconcile(PRICES) is None
    assert woken == [KEY]
    assert client.patches[0]["metadata"]["resourceVersion"] == "1"
    assert await reconciler.reconcile(PRICES) is None
    assert len(client.patches) == 1


@pytest.mark.parametrize("state", [SnapshotState.MISSING, SnapshotState.UNAVAILABLE])
async def test_what_may_still_come_is_sought_again(state: SnapshotState) -> None:
    reconciler, *_ = _seen(SnapshotFacts(state, "not there"))
    assert await reconciler.reconcile(PRICES) is not None


async def test_what_is_refused_and_was_imported_again_is_taken() -> None:
    reconciler, _index, client, woken = _seen(SnapshotFacts(SnapshotState.REFUSED, "other bytes"))
    again = await reconciler.reconcile(PRICES)
    assert again is not None
    seconds = SETTINGS.client.relist_seconds
    assert timedelta(seconds=seconds - 60) < again - utc_now() <= timedelta(seconds=seconds), "it may be so for ever"
    said = client.patches[-1]["status"]["conditions"]
    assert any(f"import it again, which is seen within {seconds:g} s" in one["message"] for one in said)
    assert await reconciler.reconcile(PRICES) is not None
    assert (len(client.patches), woken) == (1, [KEY]), "nothing is written where nothing has changed"
    reconciler.stores = _Store(SnapshotFacts(SnapshotState.FOUND, manifest=MANIFEST))  # type: ignore[assignment]
    assert await reconciler.reconcile(PRICES) is None
    assert {one["type"]: one["status"] for one in client.patches[-1]["status"]["conditions"]}["Ready"] == "True"


@pytest.mark.parametrize("status", [{"records": "many"}, {"conditions": "none"}, {"symbols": [], "end": 7}])
async def test_a_status_that_cannot_be_read_is_found_again_in_the_store(status: dict[str, Any]) -> None:
    reconciler, index, client, _woken = _seen(SnapshotFacts(SnapshotState.FOUND, manifest=MANIFEST))
    index.snapshots.put(ready_snapshot() | {"status": status}, confirmed=True)
    await reconciler.reconcile(PRICES)
    assert client.patches[0]["status"]["records"] == MANIFEST.records


def test_a_manifest_is_found_by_its_digest_and_refused_by_another() -> None:
    assert check_snapshot(DATA, sha256_digest(DATA)).manifest == MANIFEST
    assert check_snapshot(DATA + b" ", sha256_digest(DATA)).state is SnapshotState.REFUSED
    assert check_snapshot(b"{}", sha256_digest(b"{}")).state is SnapshotState.REFUSED


def test_the_echo_of_a_write_is_no_news_unless_somebody_waits_for_it() -> None:
    woken: list[Key] = []
    feed = Feed(Index(), woken.append)
    body = ready_snapshot()
    feed.index.snapshots.put(body, confirmed=False)
    feed.snapshot("MODIFIED", body)
    assert not woken
    other = {**body, "metadata": {**body["metadata"], "resourceVersion": "3"}}
    feed.index.snapshots.put(other, confirmed=False)
    record = feed.index.snapshots.get(PRICES)
    assert record is not None
    record.awaited = True
    feed.snapshot("MODIFIED", other)
    assert woken == [PRICES]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", "once"),
        ("start", "x" * 300),
        ("start", "2020-01-02T00:00:00+02:00"),
        ("end", "9999-12-31T00:00:00Z"),
        ("records", -1),
        ("records", 2**63),
    ],
)
def test_a_manifest_that_no_import_writes_is_refused_by_its_field(field: str, value: object) -> None:
    data = orjson.dumps({**orjson.loads(DATA), field: value})
    facts = check_snapshot(data, sha256_digest(data))
    assert facts.state is SnapshotState.REFUSED
    assert field in facts.message
