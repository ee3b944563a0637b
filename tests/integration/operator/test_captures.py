"""A capture's life: it waits for its connection, its bundles become Snapshots, the oldest go, in the end it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.capture import SealedBundle
from tradeplane_operator.acting.errors import Refused
from tradeplane_operator.planning.capture_names import SEALING_FINALIZER, claim_of
from tradeplane_operator.planning.names import API_VERSION
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json

from tests.integration.operator import connections, sessions
from tests.integration.operator.cluster import COLLECTOR_PATIENCE, Bench, condition, eventually
from tests.integration.operator.processes import SOON_OVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.operator.processes import OperatorProcess

Json = dict[str, Any]
GROUP = f"apis/{API_VERSION}"
NAME = "tape"
POD = f"{NAME}-capture-0"


@pytest.fixture
def hurried(settings: Json) -> Json:
    """Give the pace of an operator that looks for bundles every second."""
    return dict(settings["pace"]) | {"bundleAgainSeconds": 1}


@pytest.fixture
def alone(operators: Callable[..., OperatorProcess], hurried: Json) -> OperatorProcess:
    """Give an operator of the test's namespace."""
    return operators(pace=hurried)


async def _create(bench: Bench, **spec: Any) -> Json:
    source = {"connectionRef": {"name": connections.NAME}, "instruments": ["SYNUSDT"]}
    body = {
        "apiVersion": API_VERSION,
        "kind": "SnapshotCapture",
        "metadata": {"name": NAME},
        "spec": {"source": source, "volume": {"size": "1Mi"}} | spec,
    }
    created: Json = await bench.client.create(sessions.path_of(bench, GROUP, "snapshotcaptures"), body)
    return created


async def _change(bench: Bench, **spec: Any) -> None:
    await bench.client.merge_patch(sessions.path_of(bench, GROUP, "snapshotcaptures", NAME), {"spec": spec})


async def _capture(bench: Bench) -> Json:
    found: Json = await bench.client.get(sessions.path_of(bench, GROUP, "snapshotcaptures", NAME))
    return found


async def _until(bench: Bench, reason: str) -> Json:
    return await bench.said("snapshotcaptures", NAME, reason)


async def _runs(bench: Bench) -> Json:
    """Have the agent's pod run, as its kubelet would say it; return the capture."""

    async def there() -> Json | None:
        return await sessions.found(bench, "api/v1", "pods", POD)

    await eventually(there, f"pod {POD}", state=lambda: _capture(bench))
    container = {"name": "capture", "image": "x", "imageID": "", "ready": True, "restartCount": 0, "started": True}
    conditions = [{"type": kind, "status": "True"} for kind in ("Ready", "ContainersReady")]
    status = {
        "phase": "Running",
        "conditions": conditions,
        "containerStatuses": [container | {"state": {"running": {}}}],
    }
    await bench.client.merge_patch(sessions.path_of(bench, "api/v1", "pods", f"{POD}/status"), {"status": status})
    return await _until(bench, "Capturing")


async def _capturing(bench: Bench, **spec: Any) -> Json:
    await sessions.connect(bench)
    await sessions.connected(bench)
    await _create(bench, **spec)
    return await _runs(bench)


def _seal(bench: Bench, capture: Json, number: int) -> str:
    """Leave what an agent leaves of a bundle; return the snapshot's id."""
    digest = bench.write_snapshot(records=number)
    facts: Json = {"lines": 9, "bytes": 900, "records": number, "end": "2026-01-05T00:00:00Z"}
    path = layout.capture_pointer(capture["metadata"]["uid"], number)
    bench.store.put_if_absent(path, canonical_json(SealedBundle(number=number, snapshot=digest, **facts)))
    return digest


async def _snapshots(bench: Bench) -> dict[str, Json]:
    listed = await bench.client.get(sessions.path_of(bench, GROUP, "snapshots"))
    return {each["metadata"]["name"]: each for each in listed["items"]}


async def _until_snapshots(bench: Bench, names: set[str]) -> dict[str, Json]:
    async def found() -> dict[str, Json] | None:
        there = await _snapshots(bench)
        verified = all(condition(each, "Ready").get("reason") == "Verified" for each in there.values())
        return there if set(there) == names and verified else None

    async def state() -> Any:
        return {"capture": (await _capture(bench)).get("status"), "snapshots": sorted(await _snapshots(bench))}

    return await eventually(found, f"the Snapshots {names}", state=state)


@pytest.mark.usefixtures("alone")
async def test_its_bundles_become_snapshots_and_the_oldest_go(bench: Bench) -> None:
    await _create(bench, retention={"count": 2})
    waits = await _until(bench, "WaitingForConnection")
    assert "capturing begins once it is" in condition(waits, "Ready")["message"]
    await sessions.connect(bench)
    await sessions.connected(bench)
    capture = await _runs(bench)
    assert capture["metadata"]["finalizers"] == [SEALING_FINALIZER]
    first = _seal(bench, capture, 1)
    made = await _until_snapshots(bench, {"tape-000001"})
    assert made["tape-000001"]["spec"]["digest"] == first
    for number in (2, 3, 4):
        _seal(bench, capture, number)
    await _until_snapshots(bench, {"tape-000003", "tape-000004"})
    bundles = (await _capture(bench))["status"]["bundles"]
    assert (bundles["count"], bundles["lastNumber"], bundles["records"]) == (4, 4, 10)
    assert bench.store.exists(layout.snapshot_manifest(first)), "what it names stays"


@pytest.mark.usefixtures("alone")
async def test_suspended_it_stops_and_deleted_it_waits_for_its_last_bundle(bench: Bench) -> None:
    capture = await _capturing(bench)
    await _change(bench, suspend=True)
    await _until(bench, "Suspended")
    assert await sessions.found(bench, "api/v1", "pods", POD) is None
    await _change(bench, suspend=False)
    await _runs(bench)
    _seal(bench, capture, 1)
    path = sessions.path_of(bench, GROUP, "snapshotcaptures", NAME)
    await bench.client.delete(path, capture["metadata"]["uid"])

    async def gone() -> bool:
        return await sessions.found(bench, GROUP, "snapshotcaptures", NAME) is None

    await eventually(gone, "the capture to be gone", state=lambda: _capture(bench))
    await _until_snapshots(bench, {"tape-000001"})
    claim = claim_of(NAME, capture["metadata"]["uid"])

    async def cleared() -> bool:
        claims = await sessions.found(bench, "api/v1", "persistentvolumeclaims", claim)
        return claims is None and await sessions.found(bench, "apis/apps/v1", "statefulsets", f"{NAME}-capture") is None

    await eventually(cleared, "its agent and its volume to be gone", COLLECTOR_PATIENCE)
    assert sorted(await _snapshots(bench)) == ["tape-000001"]


async def test_an_operator_that_is_killed_leaves_no_bundle_out_and_makes_none_twice(
    bench: Bench, operators: Callable[..., OperatorProcess], hurried: Json
) -> None:
    first = operators(pace=hurried, **SOON_OVER)
    capture = await _capturing(bench)
    _seal(bench, capture, 1)
    before = await _until_snapshots(bench, {"tape-000001"})
    first.kill()
    for number in (2, 3):
        _seal(bench, capture, number)
    again = await operators(pace=hurried).working()
    after = await _until_snapshots(bench, {f"tape-00000{number}" for number in (1, 2, 3)})
    assert after["tape-000001"]["metadata"]["uid"] == before["tape-000001"]["metadata"]["uid"]
    assert '"level":"ERROR"' not in again.log


@pytest.mark.usefixtures("alone")
async def test_a_pointer_that_is_none_is_said_and_nothing_behind_it_lost(bench: Bench) -> None:
    capture = await _capturing(bench)
    path = layout.capture_pointer(capture["metadata"]["uid"], 1)
    bench.store.put(path, b'{"number": 1}')
    _seal(bench, capture, 2)
    said = await _until(bench, "BundleRefused")
    assert condition(said, "Stalled")["status"] == "True"
    assert f"{path} cannot be read" in condition(said, "Ready")["message"]
    assert await _snapshots(bench) == {}
    bench.store.delete(path)
    _seal(bench, capture, 1)
    await _until_snapshots(bench, {"tape-000001", "tape-000002"})
    await _until(bench, "Capturing")


@pytest.mark.usefixtures("alone")
async def test_what_is_captured_cannot_be_changed(bench: Bench) -> None:
    await _create(bench)
    source = {"connectionRef": {"name": connections.NAME}, "instruments": ["BTCUSDT"]}
    for change in ({"source": source}, {"store": "other"}, {"volume": {"size": "2Mi"}}):
        with pytest.raises(Refused, match="cannot be changed"):
            await _change(bench, **change)
