"""The sessions of a Strategy as a capture has them: each closing is counted once, and the oldest go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.paper import PaperOutcome
from tradeplane_operator.planning.names import API_VERSION, PAYLOAD_FINALIZER
from tradeplane_operator.planning.session_snapshots import session_snapshot_name
from tradeplane_store import layout

from tests.integration.operator import replays, sessions
from tests.integration.operator.cluster import Bench, condition, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.operator.processes import OperatorProcess

Json = dict[str, Any]
GROUP = f"apis/{API_VERSION}"
NAME = "sessions-of-maker"


@pytest.fixture
def alone(operators: Callable[..., OperatorProcess], settings: Json) -> OperatorProcess:
    """Give an operator of the test's namespace that looks for what closings sealed every second."""
    return operators(pace=settings["pace"] | {"bundleAgainSeconds": 1})


async def _create(bench: Bench, **spec: Any) -> None:
    source = {"strategyRef": {"name": sessions.NAME}}
    body = {"apiVersion": API_VERSION, "kind": "SnapshotCapture", "metadata": {"name": NAME}}
    path = sessions.path_of(bench, GROUP, "snapshotcaptures")
    await bench.client.create(path, body | {"spec": {"source": source} | spec})


async def _closed(bench: Bench, strategy: Json, before: frozenset[str]) -> str:
    """Suspend a Strategy that trades, have its session closed and sealed, and return the name of the closing's Job."""
    await bench.change(sessions.NAME, suspend=True)
    job = await bench.a_job(strategy["metadata"]["uid"], besides=before)
    await sessions.closes(bench, job, snapshot=replays.write_session(bench))
    await bench.until(sessions.NAME, "Suspended")
    return str(job["metadata"]["name"])


async def _counted(bench: Bench, count: int) -> Json:
    async def found() -> Json | None:
        capture = await sessions.found(bench, GROUP, "snapshotcaptures", NAME)
        assert capture is not None
        return capture if ((capture.get("status") or {}).get("bundles") or {}).get("count") == count else None

    async def state() -> object:
        return await sessions.found(bench, GROUP, "snapshotcaptures", NAME)

    return await eventually(found, f"{count} closings to be counted", state=state)


@pytest.mark.usefixtures("alone")
async def test_each_closing_is_counted_once_and_the_oldest_goes(bench: Bench) -> None:
    await _create(bench, retention={"count": 1}, deletionPolicy="Delete")
    waits = await bench.said("snapshotcaptures", NAME, "WaitingForStrategy")
    assert "Strategy 'maker' is not in this namespace" in condition(waits, "Ready")["message"]
    await sessions.connect(bench)
    await sessions.connected(bench)
    await sessions.create(bench)
    strategy = await sessions.trades(bench)
    await bench.said("snapshotcaptures", NAME, "Capturing")

    first = await _closed(bench, strategy, frozenset())
    capture = await _counted(bench, 1)
    assert "finalizers" not in capture["metadata"]
    names = [session_snapshot_name(sessions.NAME, strategy["metadata"]["uid"], number) for number in (1, 2)]
    made = await bench.snapshot(names[0])
    assert made["spec"]["deletionPolicy"] == "Delete"
    assert made["metadata"]["finalizers"] == [PAYLOAD_FINALIZER]

    await bench.change(sessions.NAME, suspend=False)
    await sessions.trades(bench)
    await _closed(bench, strategy, frozenset({first}))
    capture = await _counted(bench, 2)
    assert (capture["status"]["bundles"]["lastNumber"], capture["status"]["bundles"]["records"]) == (2, 14)
    await bench.gone(sessions.path_of(bench, GROUP, "snapshots", names[0]))
    newest = await bench.snapshot(names[1])
    assert bench.store.exists(layout.snapshot_manifest(newest["spec"]["digest"])), "the newest names the same"

    path = sessions.path_of(bench, GROUP, "snapshotcaptures", NAME)
    await bench.client.delete(path, capture["metadata"]["uid"])
    await bench.gone(path)
    assert (await bench.snapshot(names[1]))["metadata"]["uid"] == newest["metadata"]["uid"]


@pytest.mark.usefixtures("alone")
async def test_a_session_that_goes_on_is_sealed_as_often_as_asked(bench: Bench) -> None:
    await sessions.connect(bench)
    await sessions.connected(bench)
    await sessions.create(bench)
    strategy = await sessions.trades(bench)
    await _create(bench, cadenceSeconds=3_600)
    await bench.said("snapshotcaptures", NAME, "Capturing")
    long_ago = {"status": {"session": {"tradingSince": "2026-01-05T09:00:00Z"}}}
    path = sessions.path_of(bench, GROUP, "strategies", f"{sessions.NAME}/status")
    await bench.client.merge_patch(path, long_ago)

    job = await bench.a_job(strategy["metadata"]["uid"])
    await sessions.no_trader(bench)
    await sessions.closes(bench, job, PaperOutcome.LEFT, snapshot=replays.write_session(bench))
    strategy = await sessions.trades(bench)
    session = strategy["status"]["session"]
    assert (session["state"], session["closing"]["way"], session["closing"]["number"]) == ("Trading", "Leave", 1)
    assert f"SnapshotCapture {NAME}" in session["closing"]["because"]
    await _counted(bench, 1)
    assert len(await sessions.closings(bench, strategy)) <= 1  # the Job of the closing goes once it is recorded
