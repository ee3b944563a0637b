"""A payload is removed whole, wherever the process ends: on a real store, by the real reconciler, write by write."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_operator.acting.errors import Conflict, NotFound
from tradeplane_operator.observing.index import Index
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.observing.stores import Stores
from tradeplane_operator.planning.names import PAYLOAD_FINALIZER
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.running.snapshots import Snapshots
from tradeplane_operator.settings import Store
from tradeplane_store import layout
from tradeplane_store.canonical import sha256_digest
from tradeplane_store.disk import DiskStore
from tradeplane_store.objects import open_store

from tests.unit.operator.simulation import NAMESPACE, SETTINGS, Crash, _merged, ready_snapshot
from tests.unit.operator.test_snapshots import DATA

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tradeplane_operator.planning.wanted import Notice
    from tradeplane_store.objects import ObjectStore

DIGEST = sha256_digest(DATA)
NAME = "prices"
KEY = Key(Kind.SNAPSHOT, NAMESPACE, NAME)
PARTS = ("bars-0", "bars-1")


@dataclass
class _Server:
    """Snapshots by name, and a count of writes, of the store as well, at one of which the process may end."""

    snapshots: dict[str, dict[str, Any]] = field(default_factory=dict)
    now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    version: int = 10
    writes: int = 0
    crash_at: int = 0
    crash_before: bool = False
    told: list[Notice] = field(default_factory=list)

    def write(self) -> None:
        """Count a write; end before it where that is asked for."""
        self.writes += 1
        if self.writes == self.crash_at and self.crash_before:
            raise Crash

    def written(self) -> None:
        """End after a write where that is asked for."""
        if self.writes == self.crash_at and not self.crash_before:
            raise Crash

    def add(self, name: str, **spec: Any) -> None:
        """Create a Snapshot of the digest in the store, verified."""
        body = ready_snapshot()
        body["metadata"] |= {"name": name, "uid": f"uid-{name}", "finalizers": [PAYLOAD_FINALIZER]}
        body["spec"] |= {"digest": DIGEST, "deletionPolicy": "Delete"} | spec
        body["status"] = {"observedGeneration": 1, "holds": "Bars", "conditions": []}
        self.snapshots[name] = body

    def delete(self, name: str) -> None:
        """Delete a Snapshot: it goes once it has no finalizers."""
        self.version += 1
        moment = {"deletionTimestamp": rfc3339(self.now), "resourceVersion": str(self.version)}
        self.snapshots[name]["metadata"] |= moment

    async def merge_patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Patch status or finalizers at a version."""
        self.write()
        name = path.removesuffix("/status").rpartition("/")[2]
        if name not in self.snapshots:
            raise NotFound(404, "NotFound", name)
        known = self.snapshots[name]
        if body["metadata"]["resourceVersion"] != known["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", name)
        if path.endswith("/status"):
            known["status"] = _merged(known["status"], body["status"])
        else:
            known["metadata"]["finalizers"] = list(body["metadata"]["finalizers"])
        self.version += 1
        known["metadata"]["resourceVersion"] = str(self.version)
        answer = copy.deepcopy(known)
        if "deletionTimestamp" in known["metadata"] and not known["metadata"]["finalizers"]:
            del self.snapshots[name]
        self.written()
        return answer

    async def tell(self, _key: Key, _uid: str, notices: tuple[Notice, ...]) -> None:
        """Keep Events."""
        self.told += notices


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> _Server:
    """Give a server that counts what the store deletes among the writes."""
    made = _Server()
    unlink = DiskStore.delete

    def delete(store: DiskStore, name: str) -> None:
        made.write()
        unlink(store, name)
        made.written()

    monkeypatch.setattr(DiskStore, "delete", delete)
    return made


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """Give a namespace's store with the snapshot, and another one."""
    store = open_store(tmp_path.as_uri()).within(NAMESPACE)
    for part in PARTS:
        store.put(layout.snapshot_part(DIGEST, part), b"bars")
    store.put(layout.snapshot_manifest(DIGEST), DATA)
    store.put("snapshots/other/manifest.json", b"{}")
    return store


async def _yes() -> bool:
    return True


class _Operator:
    """One process of the operator, from its start to its end."""

    def __init__(self, server: _Server, tmp_path: Path) -> None:
        self.server, self.index = server, Index()
        stores = {"default": Store(url=tmp_path.as_uri(), claim="store")}
        self.reconciler = Snapshots(
            SETTINGS,
            lambda: server.now,
            self.index,
            server,  # type: ignore[arg-type]
            Stores(stores),
            server,  # type: ignore[arg-type]
            lambda _: None,
            _yes,
        )

    async def settle(self) -> None:
        """See everything and make passes, time going on: more than it takes to come to rest."""
        for _ in range(8):
            for uid, (key, _) in self.index.snapshots.identities().items():
                self.index.snapshots.remove(key, uid)
            for body in list(self.server.snapshots.values()):
                self.index.snapshots.put(copy.deepcopy(body), confirmed=True)
            for key in self.index.snapshots:
                await self.reconciler.reconcile(key)
            self.server.now += timedelta(seconds=SETTINGS.client.request_seconds + 1)


def _left(store: ObjectStore) -> list[str]:
    return store.list(layout.snapshot_folder(DIGEST))


async def test_it_goes_whole_and_nothing_else_does(server: _Server, store: ObjectStore, tmp_path: Path) -> None:
    server.add(NAME)
    server.delete(NAME)
    await _Operator(server, tmp_path).settle()
    assert (server.snapshots, _left(store), server.told) == ({}, [], [])
    assert store.list() == ["snapshots/other/manifest.json"]
    assert server.writes == 2 + 1 + len(PARTS), "what is said, the manifest, the parts, the finalizer"


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("write", range(1, 6))
async def test_wherever_a_process_ends_the_next_one_completes_it(
    write: int, before: bool, server: _Server, store: ObjectStore, tmp_path: Path
) -> None:
    server.add(NAME)
    server.delete(NAME)
    server.crash_at, server.crash_before = write, before
    with pytest.raises(Crash):
        await _Operator(server, tmp_path).settle()
    left = _left(store)
    if layout.snapshot_manifest(DIGEST) in left:
        assert len(left) == 1 + len(PARTS), "a manifest whose parts are gone"
    await _Operator(server, tmp_path).settle()
    assert (server.snapshots, _left(store), server.told) == ({}, [], [])


async def test_two_that_are_deleted_together_do_not_keep_it_for_each_other(
    server: _Server, store: ObjectStore, tmp_path: Path
) -> None:
    for name in (NAME, "copy"):
        server.add(name)
        server.delete(name)
    await _Operator(server, tmp_path).settle()
    assert (server.snapshots, _left(store), server.told) == ({}, [], [])


@pytest.mark.parametrize(("spec", "stays"), [({}, True), ({"store": "cold"}, False), ({"digest": "x"}, False)])
async def test_only_another_of_the_same_digest_and_store_keeps_it(
    spec: dict[str, str], stays: bool, server: _Server, store: ObjectStore, tmp_path: Path
) -> None:
    server.add(NAME)
    server.add("copy", **spec)
    server.delete(NAME)
    await _Operator(server, tmp_path).settle()
    assert NAME not in server.snapshots
    assert bool(_left(store)) == stays
    assert [notice.reason for notice in server.told if notice.reason.startswith("Payload")] == ["PayloadShared"] * stays


async def test_a_store_that_is_gone_removes_nothing_and_is_given_up_in_the_end(server: _Server, tmp_path: Path) -> None:
    server.add(NAME)
    server.delete(NAME)
    operator = _Operator(server, tmp_path / "not-mounted")
    await operator.settle()
    assert NAME in server.snapshots
    server.now += timedelta(seconds=SETTINGS.pace.store_patience_seconds)
    await operator.settle()
    assert server.snapshots == {}
    assert [notice.reason for notice in server.told] == ["PayloadKept"]
    assert "is not there; create it, or mount the volume that holds it" in server.told[0].message
