"""Snapshots that are deleted, on an API server and stores: what they name goes, or stays, and that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_operator.planning.names import API_VERSION, PAYLOAD_FINALIZER
from tradeplane_store import layout
from tradeplane_store.objects import open_store

from tests.integration.operator import sessions
from tests.integration.operator.cluster import Bench, condition, eventually, snapshot_manifest
from tests.integration.operator.processes import SOON_OVER
from tests.integration.store.s3_server import s3_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.operator.processes import OperatorProcess

Json = dict[str, Any]
GROUP = f"apis/{API_VERSION}"
NAME = "tape"


@pytest.fixture
def hurried(settings: Json) -> Json:
    """Give the time limits of an operator that waits a second for those who read a snapshot."""
    return {"client": settings["client"] | {"requestSeconds": 1.0}}


@pytest.fixture
def alone(operators: Callable[..., OperatorProcess], hurried: Json) -> OperatorProcess:
    """Give an operator of the test's namespace."""
    return operators(**hurried)


def _path(bench: Bench, name: str = NAME) -> str:
    return sessions.path_of(bench, GROUP, "snapshots", name)


async def _verified(
    bench: Bench, name: str = NAME, policy: str = "Delete", digest: str = "", store: str = "default"
) -> Json:
    """Create a Snapshot of what is in a store, and wait until the operator has seen it and its policy."""
    await bench.create_snapshot(name, digest or bench.write_snapshot(), deletionPolicy=policy, store=store)
    guards = [PAYLOAD_FINALIZER] if policy == "Delete" else None

    async def seen() -> Json | None:
        made = await bench.snapshot(name)
        known = condition(made, "Ready").get("reason") == "Verified"
        return made if known and made["metadata"].get("finalizers") == guards else None

    what = f"Snapshot {name} to be verified and held by {guards}"
    return await eventually(seen, what, state=lambda: bench.snapshot(name))


async def _delete(bench: Bench, made: Json) -> None:
    await bench.client.delete(_path(bench, made["metadata"]["name"]), made["metadata"]["uid"])


async def _until(bench: Bench, reason: str, name: str = NAME) -> Json:
    async def said() -> Json | None:
        made = await bench.snapshot(name)
        return made if condition(made, "Ready").get("reason") == reason else None

    return await eventually(said, f"Snapshot {name} to be {reason}", state=lambda: bench.snapshot(name))


async def _told(bench: Bench, name: str = NAME) -> dict[str, str]:
    """Return the Events about a Snapshot, their notes by reason."""
    listed = await bench.client.get(sessions.path_of(bench, "apis/events.k8s.io/v1", "events"))
    return {one["reason"]: one["note"] for one in listed["items"] if one["regarding"].get("name") == name}


def _stored(bench: Bench, made: Json) -> list[str]:
    return bench.store.list(layout.snapshot_folder(made["spec"]["digest"]))


@pytest.mark.usefixtures("alone")
async def test_what_a_snapshot_names_stays_or_goes_as_its_policy_says(bench: Bench) -> None:
    stays = await _verified(bench, "stays", "Retain", bench.write_snapshot(records=11))
    goes = await _verified(bench)
    assert len(_stored(bench, goes)) == 2
    await _delete(bench, stays)
    await _delete(bench, goes)
    await bench.gone(_path(bench, "stays"))
    await bench.gone(_path(bench))
    assert (len(_stored(bench, stays)), _stored(bench, goes)) == (2, [])
    assert bench.store.folders("snapshots") == [stays["spec"]["digest"].removeprefix("sha256:")]
    assert await _told(bench) == {}


@pytest.mark.usefixtures("alone")
async def test_a_policy_may_change_until_it_is_gone(bench: Bench) -> None:
    made = await _verified(bench, policy="Retain")
    await bench.client.merge_patch(_path(bench), {"spec": {"deletionPolicy": "Delete"}})

    async def guarded() -> bool:
        return bool((await bench.snapshot(NAME))["metadata"].get("finalizers") == [PAYLOAD_FINALIZER])

    await eventually(guarded, "the finalizer", state=lambda: bench.snapshot(NAME))
    await bench.client.merge_patch(_path(bench), {"spec": {"deletionPolicy": "Retain"}})

    async def free() -> bool:
        return "finalizers" not in (await bench.snapshot(NAME))["metadata"]

    await eventually(free, "the finalizer to be taken back", state=lambda: bench.snapshot(NAME))
    await _delete(bench, made)
    await bench.gone(_path(bench))
    assert len(_stored(bench, made)) == 2


@pytest.mark.usefixtures("alone")
async def test_what_two_snapshots_name_goes_with_the_second(bench: Bench) -> None:
    first = await _verified(bench)
    second = await _verified(bench, "copy", digest=first["spec"]["digest"])
    await _delete(bench, first)
    await bench.gone(_path(bench))
    assert len(_stored(bench, second)) == 2
    assert "Snapshot copy names it too" in (await _told(bench))["PayloadShared"]
    await _delete(bench, second)
    await bench.gone(_path(bench, "copy"))
    assert _stored(bench, second) == []


@pytest.mark.usefixtures("alone")
async def test_what_a_run_reads_is_waited_for_and_nobody_else_begins_to(bench: Bench) -> None:
    made = await _verified(bench, "prices")
    strategy = await bench.create_strategy("reader")
    job = await bench.a_job(strategy["metadata"]["uid"])
    await _delete(bench, made)
    await _until(bench, "PayloadInUse", "prices")
    await bench.create_strategy("late")
    waits = await bench.until("late", "SnapshotNotReady")
    assert "it is being deleted" in condition(waits, "Ready")["message"]
    assert len(_stored(bench, made)) == 2
    await bench.succeed(job)
    await bench.until("reader", "Succeeded")
    await bench.gone(_path(bench, "prices"))
    assert _stored(bench, made) == []
    await bench.until("late", "SnapshotNotFound")


async def test_what_the_store_holds_stays_whole_and_the_snapshot_goes_and_says_so(
    bench: Bench,
    operators: Callable[..., OperatorProcess],
    settings: Json,
    hurried: Json,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with s3_server(monkeypatch) as server:
        bucket = server.locked_bucket()
        locked = {"url": f"s3://{bucket}", "credentialsSecret": "tradeplane-store"}
        operators(**hurried, stores=settings["stores"] | {"locked": locked})
        store = open_store(f"s3://{bucket}").within(bench.namespace)
        digest, data = snapshot_manifest()
        store.put(layout.snapshot_manifest(digest), data)
        part = layout.snapshot_part(digest, "bars-0")
        server.hold(bucket, f"{bench.namespace}/{part}", mode="COMPLIANCE", retain_until_date="9001-01-01T00:00:00Z")
        made = await _verified(bench, digest=digest, store="locked")
        await _delete(bench, made)
        await bench.gone(_path(bench))
        told = (await _told(bench))["PayloadKept"]
        assert f"{digest} stays in store 'locked'" in told
        assert "Object Lock (COMPLIANCE) until 9001-01-01T00:00:00Z" in told
        assert store.list() == sorted([layout.snapshot_manifest(digest), part])


async def test_what_an_operator_left_half_removed_the_next_one_completes(
    bench: Bench, operators: Callable[..., OperatorProcess], hurried: Json
) -> None:
    first = operators(**hurried, lease=SOON_OVER["lease"])
    made = await _verified(bench)
    first.kill()
    await _delete(bench, made)
    bench.store.delete(layout.snapshot_manifest(made["spec"]["digest"]))  # so far it came
    assert len(_stored(bench, made)) == 1
    again = await operators(**hurried).working()
    await bench.gone(_path(bench))
    assert _stored(bench, made) == []
    assert await _told(bench) == {}
    assert '"level":"ERROR"' not in again.log
