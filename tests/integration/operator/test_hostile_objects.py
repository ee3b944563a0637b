"""Names, paths and URLs in objects make the operator open nothing, neither server nor file, and do not end it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from tradeplane_api.kinds import KINDS
from tradeplane_operator.acting.errors import AlreadyExists, Refused
from tradeplane_operator.planning.names import API_VERSION

from tests.integration.operator.cluster import Bench, condition, eventually
from tests.integration.operator.hostile_objects import hostile_objects, schema_of, strings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.integration.operator.processes import OperatorProcess

Json = dict[str, Any]
_AT_ONCE = 16
_MADE_OF = {
    "jobs": "/apis/batch/v1",
    "statefulsets": "/apis/apps/v1",
    "services": "/api/v1",
}


@pytest_asyncio.fixture
async def callers() -> AsyncIterator[tuple[str, list[str]]]:
    """Give a server's address, and who has connected to it."""
    came: list[str] = []

    async def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(str(writer.get_extra_info("peername")))
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", came
    server.close()


class _Watched:
    """A file of which the kernel tells whether anybody has opened it since (inotify(7)), whatever is mounted how."""

    _OPENED = 0x20  # IN_OPEN
    _EVENT_BYTES = 4_096

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0 or libc.inotify_add_watch(self._descriptor, os.fsencode(path), self._OPENED) < 0:
            raise OSError(ctypes.get_errno(), f"{path} cannot be watched")

    def was_opened(self) -> bool:
        try:
            return bool(os.read(self._descriptor, self._EVENT_BYTES))
        except BlockingIOError:
            return False

    def close(self) -> None:
        os.close(self._descriptor)


async def _created(bench: Bench, host: str, canary: Path) -> list[tuple[str, Json]]:
    """Ask for every hostile object; return those that the API server took, by their kind."""
    turns, taken = asyncio.Semaphore(_AT_ONCE), []

    async def ask(plural: str, body: Json) -> None:
        async with turns:
            with contextlib.suppress(Refused, AlreadyExists):
                path = f"/apis/{API_VERSION}/namespaces/{bench.namespace}/{plural}"
                taken.append((plural, await bench.client.create(path, body)))

    async with asyncio.TaskGroup() as group:
        for one in hostile_objects(host, canary):
            group.create_task(ask(one.plural, one.body))
    return taken


async def _all_answered(bench: Bench) -> None:
    """Wait until the operator has answered every object of the namespace."""

    async def unanswered() -> list[str]:
        found = []
        for kind in KINDS:
            listed = await bench.client.get(f"/apis/{API_VERSION}/namespaces/{bench.namespace}/{kind.plural}")
            for one in listed["items"]:
                seen = (one.get("status") or {}).get("observedGeneration", 0)
                if seen < one["metadata"]["generation"]:
                    found.append(f"{kind.plural}/{one['metadata']['name']}")
        return found

    async def none() -> bool:
        return not await unanswered()

    await eventually(none, "every object to be answered", state=unanswered)


def _pods(made: Json) -> list[Json]:
    template = (made.get("spec") or {}).get("template")
    return [template["spec"]] if template else []


def _volume(volume: Json) -> str:
    """Return what a volume is of."""
    if "persistentVolumeClaim" in volume:
        return f"claim {volume['persistentVolumeClaim']['claimName']}"
    (kind,) = set(volume) - {"name"}
    return kind


async def test_hostile_strings_make_the_operator_open_nothing(
    bench: Bench,
    operators: Callable[..., OperatorProcess],
    callers: tuple[str, list[str]],
    tmp_path: Path,
) -> None:
    host, came = callers
    canary = tmp_path / "canary"
    canary.write_text("secret")
    watched = _Watched(canary)
    operator = await operators().working()
    assert operator.process is not None
    process = operator.process.pid
    taken = await _created(bench, host, canary)
    fields = {plural for plural, _ in taken}
    assert fields == {kind.plural for kind in KINDS}, "some of each kind pass the schema, or nothing is shown"
    await _all_answered(bench)
    assert came == []
    assert not watched.was_opened()
    assert (operator.process.poll(), operator.process.pid) == (None, process)
    assert '"trace"' not in operator.log
    assert '"level":"ERROR"' not in operator.log
    made = []
    for plural, prefix in _MADE_OF.items():
        listed = await bench.client.get(f"{prefix}/namespaces/{bench.namespace}/{plural}")
        made += listed["items"]
    pods = [pod for one in made for pod in _pods(one)]
    assert pods
    for pod in pods:
        assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("tradeplane-runner", False)
        assert not any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC", "initContainers"))
        kinds = {_volume(volume) for volume in pod.get("volumes") or ()}
        assert kinds <= {"claim tradeplane-store", "emptyDir", "secret"}
    # The file and the server would have shown what was asked of them.
    canary.read_text()
    assert watched.was_opened()
    watched.close()
    _, writer = await asyncio.open_connection(*host.split(":"))
    writer.close()

    async def shown() -> bool:
        return bool(came)

    await eventually(shown, "the connection to be seen")


async def test_levels_without_end_keep_nothing_else_from_being_seen(
    bench: Bench, operators: Callable[..., OperatorProcess], control_plane: EmbeddedCluster, tmp_path: Path
) -> None:
    """The API server stores them where a schema leaves the form open; no reader of ours goes so deep."""
    operator = await operators().working()
    levels = "[" * 3_000 + "1" + "]" * 3_000
    strategy = {"algorithm": {"name": "hold", "parameters": {"n": "LEVELS"}}, "capital": "1"}
    documents = {
        "Strategy": {**strategy, "snapshotRef": {"name": "prices"}},
        "Replay": {"strategyRef": {"name": "macd"}, "whatIf": {"parameters": {"n": "LEVELS"}}},
    }
    for kind, spec in documents.items():
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "deep"}, "spec": spec}
        file = tmp_path / f"{kind}.json"
        file.write_text(json.dumps(body).replace('"LEVELS"', levels))
        control_plane.client.run("create", "--validate=false", "-n", bench.namespace, "-f", str(file))
    for plural in ("strategies", "replays"):
        assert "levels" in str(condition(await bench.said(plural, "deep", "InvalidSpec"), "Ready")["message"])
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd")
    await bench.succeed(await bench.a_job())
    await bench.until("macd", "Succeeded")
    assert operator.process is not None
    assert operator.process.poll() is None
    assert '"trace"' not in operator.log


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_each_string_of_a_schema_is_walked(kind: str) -> None:
    """A field that is added is tried with it: what a person would name is among what is found."""
    paths = {".".join(path) for path in strings(schema_of(kind))}
    known = {
        "Strategy": {"image", "store", "snapshotRef.name", "algorithm.parameters.*", "session.symbols.[]"},
        "Snapshot": {"store", "digest"},
        "Replay": {"image", "strategyRef.name", "run", "baseline.run", "whatIf.parameters.*"},
        "BrokerConnection": {"endpoint.rest", "endpoint.stream", "credentialsSecretRef.name"},
        "Approval": {"strategyRef.name", "configuration", "user", "bundle"},
        "SnapshotCapture": {"store", "source.connectionRef.name", "source.instruments.[]"},
    }
    assert known[kind] <= paths
