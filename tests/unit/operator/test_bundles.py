"""Pointers to bundles as they are found in a store; the Snapshots of a capture as they are kept; what reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_operator.observing.index import ResourceIndex
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.observing.stores import MOST_BUNDLES, Stores
from tradeplane_operator.planning.bundles import known_snapshot
from tradeplane_operator.planning.observed import ResultState
from tradeplane_operator.planning.readers import digests_read
from tradeplane_operator.settings import Store
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json
from tradeplane_store.objects import open_store

from tests.unit.operator.capture_simulation import bundle, digest_of
from tests.unit.operator.simulation import NAMESPACE

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_operator.planning.bundles import BundleFacts

UID = "uid-c"


def _left(root: Path, *numbers: int) -> None:
    store = open_store(f"file://{root}", create=True).within(NAMESPACE)
    for number in numbers:
        store.put(layout.capture_pointer(UID, number), canonical_json(bundle(number)))


async def _found(root: Path, after: int) -> BundleFacts:
    stores = Stores({"default": Store(url=f"file://{root}", claim="store")})
    return await stores.bundles("default", NAMESPACE, UID, after)


async def test_bundles_are_found_after_the_last_one_recorded(tmp_path: Path) -> None:
    _left(tmp_path, 1, 2, 3)
    found = await _found(tmp_path, 1)
    assert (found.found, found.state, found.more) == ((bundle(2), bundle(3)), ResultState.FOUND, False)
    assert (await _found(tmp_path, 3)).found == ()


async def test_a_bundle_behind_one_that_is_not_there_waits_for_it(tmp_path: Path) -> None:
    _left(tmp_path, 1, 3)
    assert (await _found(tmp_path, 0)).found == (bundle(1),)


async def test_so_many_are_read_at_once_and_no_more(tmp_path: Path) -> None:
    _left(tmp_path, *range(1, MOST_BUNDLES + 2))
    found = await _found(tmp_path, 0)
    assert (len(found.found), found.more) == (MOST_BUNDLES, True)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"not JSON", "cannot be read"),
        (b'{"number": 2}', "cannot be read: snapshot: Field required"),
        (canonical_json(bundle(7)), "is of bundle 7"),
        (b" " * 70_000, "is larger than the 65536 bytes"),
    ],
)
async def test_what_is_no_pointer_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    _left(tmp_path, 1)
    open_store(f"file://{tmp_path}").within(NAMESPACE).put(layout.capture_pointer(UID, 2), data)
    found = await _found(tmp_path, 0)
    assert (found.found, found.state) == ((bundle(1),), ResultState.REFUSED)
    assert words in found.message


async def test_a_store_that_is_away_is_not_one_without_bundles(tmp_path: Path) -> None:
    found = await _found(tmp_path / "not-mounted", 0)
    assert (found.found, found.state) == ((), ResultState.UNAVAILABLE)


def _snapshot(name: str, version: int = 1, capture: str | None = UID, **others: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE, "uid": name, "generation": 1, "resourceVersion": str(version)}
    labels = (
        {} if capture is None else {"tradeplane.dev/snapshot-capture-uid": capture, "tradeplane.dev/bundle": "0002"}
    )
    said = {"creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels | {"other": "label"}}
    return {"metadata": metadata | said | others, "spec": {"digest": digest_of(2)}}


def test_the_snapshots_of_a_capture_are_known_by_it() -> None:
    index = ResourceIndex(Kind.SNAPSHOT)
    for name, capture in (("a", UID), ("b", UID), ("c", "another"), ("d", None)):
        index.put(_snapshot(name, capture=capture), confirmed=True)
    assert sorted(record.uid for record in index.made_by(UID)) == ["a", "b"]
    index.put(_snapshot("a", 2, capture="another"), confirmed=True)
    index.remove(Key(Kind.SNAPSHOT, NAMESPACE, "b"), "b")
    assert index.made_by(UID) == []
    assert sorted(record.uid for record in index.made_by("another")) == ["a", "c"]


@pytest.mark.parametrize(("text", "read"), [("900", 900), ("-1", 0), ("many", 0), ("9" * 17, 0)])
def test_what_somebody_wrote_over_counts_as_nothing(text: str, read: int) -> None:
    index = ResourceIndex(Kind.SNAPSHOT)
    index.put(_snapshot("a", annotations={"tradeplane.dev/recording-bytes": text}), confirmed=True)
    (record,) = index.made_by(UID)
    known = known_snapshot(record.resource())
    assert (known.number, known.bytes, known.ended) == (2, read, "2026-01-01T00:00:00Z")


def _object(name: str, spec: Any = None, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec or {}, "status": status}


def _strategy(name: str, outcome: str | None, digest: str) -> dict[str, Any]:
    latest = {} if outcome is None else {"latest": {"outcome": outcome}}
    return _object(name, pinned={"snapshots": [digest]}, **latest)


def test_what_is_read_is_what_unfinished_work_has_pinned() -> None:
    strategies = [
        _strategy("runs", "Running", digest_of(1)),
        _strategy("begins", None, digest_of(2)),
        _strategy("ended", "Failed", digest_of(3)),
        _strategy("replayed", "Succeeded", digest_of(4)),
        _strategy("replayed-before", "Succeeded", digest_of(5)),
        _object("new"),
    ]
    replays = [
        _object("one", {"strategyRef": {"name": "replayed"}}, replays=[{"outcome": "Pending"}]),
        _object("other", {"strategyRef": {"name": "replayed-before"}}, replays=[{"outcome": "Succeeded"}]),
    ]
    connections = [_object("sim", exchange={"snapshot": digest_of(6)}), _object("binance")]
    assert digests_read(strategies, replays, connections) == {digest_of(number) for number in (1, 2, 4, 6)}
    assert digests_read([], [], []) == frozenset()


def test_a_session_is_read_from_when_it_is_named_until_its_replay_has_ended() -> None:
    session = {"snapshotRef": {"name": "quoting-1"}, "strategyRef": {"name": "quoting"}}
    digests = {"quoting-1": digest_of(1), "quoting-2": digest_of(2)}
    snapshots = [{"metadata": {"name": name}, "spec": {"digest": digest}} for name, digest in digests.items()]
    strategies = [_strategy("quoting", "Succeeded", digest_of(3))]
    pinned = {"session": digest_of(4)}

    def read(*replays: Any) -> frozenset[str]:
        return digests_read(strategies, replays, [], snapshots)

    assert read(_object("new", session)) == {digest_of(1)}, "nor is what its Strategy reads"
    begun = _object("begun", session, pinned=pinned, replays=[{"outcome": "Pending"}])
    assert read(begun) == {digest_of(1), digest_of(4)}
    assert read(_object("deleted", session, pinned=pinned, replays=[{"outcome": "Running"}])) >= {digest_of(4)}
    ended = _object("ended", session, pinned=pinned, replays=[{"outcome": "Succeeded"}, {"outcome": "Cancelled"}])
    assert read(ended) == frozenset()
    changed = {**ended, "metadata": {"name": "changed", "generation": 2}}
    assert digest_of(1) in read(changed), "the operator has not seen yet what it asks for now"
    seen = {**changed, "status": {**changed["status"], "observedGeneration": 2}}
    assert read(seen) == frozenset()
    assert digests_read(strategies, [_object("new", session)], [], []) == frozenset(), "there is no such Snapshot"


def test_the_newest_session_of_a_strategy_is_read_while_a_replay_of_it_is_not_over() -> None:
    trades = _object("quoting", session={"snapshot": digest_of(1), "snapshotName": "quoting-1"})
    others = [_object("idle", session={"snapshot": digest_of(2)}), _object("new", session={"snapshot": None})]
    asked = {"strategyRef": {"name": "quoting"}}
    assert digests_read([trades, *others], [_object("begins", asked)], []) == {digest_of(1)}
    over = _object("over", asked, replays=[{"outcome": "Succeeded"}])
    assert digests_read([trades, *others], [over], []) == frozenset()
    assert digests_read(others, [_object("new", {"strategyRef": {"name": "new"}})], []) == frozenset()
