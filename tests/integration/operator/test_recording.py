"""The recorder between a real API server and a real Postgres: all that was seen is entered once, whatever is away."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_evidence.configurations.documents import configuration_of
from tradeplane_evidence.configurations.payloads import Payloads
from tradeplane_evidence.ledger.database import connect, migrate
from tradeplane_evidence.ledger.events import Claimed
from tradeplane_evidence.ledger.reading import entries_of, verify

from tests.integration.operator.cluster import SOME_DIGEST, eventually
from tests.integration.operator.processes import IMAGE
from tests.postgres import Postgres, postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine
    from tradeplane_evidence.ledger.events import Event

    from tests.integration.operator.cluster import Bench


@pytest.fixture
def server() -> Iterator[Postgres]:
    with postgres() as found:
        yield found


@pytest.fixture
def ledger(server: Postgres) -> Iterator[Engine]:
    """Give a ledger of the test's own."""
    engine = connect(server.create("ledger"))
    migrate(engine)
    yield engine
    engine.dispose()


class RecorderProcess:
    """A recorder of one namespace, and its log."""

    def __init__(self, kubeconfig: Path, url: str, namespace: str, log: Path, options: tuple[str, ...] = ()) -> None:
        environment = os.environ | {"KUBECONFIG": str(kubeconfig), "TRADEPLANE_LEDGER_DATABASE": url}
        command = [sys.executable, "-m", "tradeplane_operator.recording", "--namespace", namespace, *options]
        with log.open("ab") as file:
            self.process = subprocess.Popen(command, env=environment, stderr=file)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def recorder(
    cluster: Path, bench: Bench, server: Postgres, ledger: Engine, tmp_path: Path
) -> Iterator[Callable[[], RecorderProcess]]:
    """Give a way to start recorders; all are ended with the test."""
    started: list[RecorderProcess] = []
    log = tmp_path / "recorder.log"

    def start(*options: str) -> RecorderProcess:
        started.append(RecorderProcess(cluster, server.url("ledger"), bench.namespace, log, options))
        return started[-1]

    yield start
    for one in started:
        one.end()
    print(log.read_text()[-8_000:])  # shown where the test failed


async def test_what_decides_what_may_run_is_entered_when_it_changes(
    bench: Bench, ledger: Engine, recorder: Callable[..., RecorderProcess], tmp_path: Path
) -> None:
    """Policies of ours in the cluster, those of others left out; and the settings of the operator, as it has them."""
    settings, name = tmp_path / "settings.yaml", f"tradeplane-{bench.namespace}"
    said = {
        "stores": {"default": {"url": "file:///store", "claim": "store"}},
        "images": {"default": IMAGE},
        "lease": {"namespace": bench.namespace},
    }
    settings.write_text(yaml.safe_dump(said))
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    labels = {"app.kubernetes.io/part-of": "tradeplane"}
    rule = {"apiGroups": ["nothing.example"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["nothing"]}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "true"}]}
    await bench.client.create(path, {"metadata": {"name": name, "labels": labels}, "spec": spec})
    await bench.client.create(path, {"metadata": {"name": f"{name}-other"}, "spec": spec})
    try:
        recorder("--policies", "--settings", str(settings))

        def read(kind: str, namespace: str, of: str) -> list[Event]:
            return [one.event for one in entries_of(ledger, kind, namespace, of)]

        async def both() -> tuple[Event, Event] | None:
            policies = read("ValidatingAdmissionPolicy", "", name)
            files = read("File", bench.namespace, "operator-settings")
            return (policies[0], files[0]) if policies and files else None

        policy, file = await eventually(both, "the policy and the settings to be entered")
        assert (policy.action.value, policy.generation, type(policy.actor)) == ("applied", 1, Claimed)
        assert policy.configuration is not None
        kept = configuration_of(Payloads(ledger).get(policy.configuration), "the policy")
        assert kept.spec["validations"] == spec["validations"]
        assert file.configuration is not None
        entered_settings = json.loads(Payloads(ledger).get(file.configuration))
        assert (entered_settings["lease"]["namespace"], "retention" in entered_settings) == (bench.namespace, True)
        assert read("ValidatingAdmissionPolicy", "", f"{name}-other") == []
    finally:
        for one in (name, f"{name}-other"):
            found = await bench.client.get(f"{path}/{one}")
            await bench.client.delete(f"{path}/{one}", found["metadata"]["uid"])


async def entered(
    ledger: Engine, bench: Bench, name: str, count: int, kind: str = "Strategy"
) -> list[tuple[str, int | None, str | None]]:
    """Wait until so many entries of an object are there; return action, generation and run of all."""

    def read() -> list[tuple[str, int | None, str | None]]:
        found = [one.event for one in entries_of(ledger, kind, bench.namespace, name)]
        assert all(isinstance(event.actor, Claimed) for event in found)
        return [(event.action.value, event.generation, event.run) for event in found]

    async def enough() -> list[tuple[str, int | None, str | None]] | None:
        found = await asyncio.to_thread(read)
        return found if len(found) >= count else None

    return await eventually(enough, f"{count} entries of {name}")


ATTESTATION = {
    "reference": "r@sha256:" + "0" * 64,
    "attestation": SOME_DIGEST,
    "key": SOME_DIGEST,
    "time": "2026-01-05T09:03:00Z",
}


def run_status(number: int, outcome: str, **more: Any) -> dict[str, Any]:
    return {
        "name": f"run-{number}",
        "generation": 1,
        "trigger": "Generation",
        "architecture": "amd64",
        "outcome": outcome,
        "startTime": "2026-01-05T09:01:00Z",
        **more,
    }


async def write_status(bench: Bench, name: str, *, plural: str = "strategies", **status: Any) -> None:
    path = f"/apis/tradeplane.dev/v1alpha1/namespaces/{bench.namespace}/{plural}/{name}/status"
    await bench.client.merge_patch(path, {"status": status})


async def test_what_is_applied_run_and_deleted_is_recorded_once(
    bench: Bench, ledger: Engine, recorder: Callable[[], RecorderProcess]
) -> None:
    await bench.create_strategy("before")
    recorder(), recorder()  # two see the same
    assert await entered(ledger, bench, "before", 1) == [("applied", 1, None)]
    await bench.create_strategy("macd", capital="100000")
    await entered(ledger, bench, "macd", 1)
    await bench.change("macd", capital="200000")
    await entered(ledger, bench, "macd", 2)
    await write_status(bench, "macd", latest=run_status(1, "Running"))
    await entered(ledger, bench, "macd", 3)
    await write_status(
        bench, "macd", latest=run_status(1, "Succeeded", resultDigest=SOME_DIGEST, attestation=ATTESTATION)
    )
    await entered(ledger, bench, "macd", 5)
    await bench.delete_strategy("macd")
    expected = [
        ("applied", 1, None),
        ("applied", 2, None),
        ("started", 1, "run-1"),
        ("finished", 1, "run-1"),
        ("attested", 1, "run-1"),
        ("deleted", None, None),
    ]
    assert await entered(ledger, bench, "macd", len(expected)) == expected
    first, second, started = entries_of(ledger, "Strategy", bench.namespace, "macd")[:3]
    assert first.event.configuration is not None
    kept = configuration_of(Payloads(ledger).get(first.event.configuration), "it")
    assert kept.spec["capital"] == "100000"
    assert started.event.configuration == first.event.configuration != second.event.configuration
    verify(ledger)


async def test_that_a_snapshot_is_attested_is_recorded_once(
    bench: Bench, ledger: Engine, recorder: Callable[[], RecorderProcess]
) -> None:
    uid = (await bench.create_snapshot("bundle", SOME_DIGEST))["metadata"]["uid"]
    recorder(), recorder()
    await entered(ledger, bench, "bundle", 1, "Snapshot")
    await write_status(bench, "bundle", plural="snapshots", attestation=ATTESTATION)
    await entered(ledger, bench, "bundle", 2, "Snapshot")
    await write_status(bench, "bundle", plural="snapshots", records=3)
    await bench.client.delete(f"/apis/tradeplane.dev/v1alpha1/namespaces/{bench.namespace}/snapshots/bundle", uid)
    expected = [("applied", 1, None), ("attested", None, None), ("deleted", None, None)]
    assert await entered(ledger, bench, "bundle", 3, "Snapshot") == expected
    attested = entries_of(ledger, "Snapshot", bench.namespace, "bundle")[1].event
    assert attested.attestation == SOME_DIGEST
    verify(ledger)


async def test_a_recorder_that_was_away_catches_up(
    bench: Bench, ledger: Engine, recorder: Callable[[], RecorderProcess]
) -> None:
    for name in ("stays", "goes", "comes-again"):
        await bench.create_strategy(name)
    first = recorder()
    for name in ("stays", "goes", "comes-again"):
        await entered(ledger, bench, name, 1)
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    await bench.change("stays", capital="200000")
    await bench.delete_strategy("goes")
    await bench.delete_strategy("comes-again")
    await bench.create_strategy("comes-again")
    await bench.create_strategy("new")
    recorder()
    assert await entered(ledger, bench, "stays", 2) == [("applied", 1, None), ("applied", 2, None)]
    assert await entered(ledger, bench, "goes", 2) == [("applied", 1, None), ("deleted", None, None)]
    assert await entered(ledger, bench, "new", 1) == [("applied", 1, None)]
    again = await entered(ledger, bench, "comes-again", 3)
    assert sorted(again, key=str) == [("applied", 1, None), ("applied", 1, None), ("deleted", None, None)]
    uids = [one.event.object.uid for one in entries_of(ledger, "Strategy", bench.namespace, "comes-again")]
    assert len(set(uids)) == 2


async def test_a_ledger_that_is_away_is_waited_for(
    bench: Bench, server: Postgres, ledger: Engine, recorder: Callable[[], RecorderProcess], tmp_path: Path
) -> None:
    await bench.create_strategy("first")
    process = recorder()
    await entered(ledger, bench, "first", 1)
    server.kill()
    await bench.create_strategy("second", capital="100000")
    await bench.change("second", capital="200000")

    async def waits() -> bool:
        return "the ledger is away" in (tmp_path / "recorder.log").read_text()

    await eventually(waits, "the recorder to say that it waits")
    server.start()
    assert await entered(ledger, bench, "second", 2) == [("applied", 1, None), ("applied", 2, None)]
    await bench.change("second", capital="100000")
    assert (await entered(ledger, bench, "second", 3))[2] == ("rolled-back", 3, None)
    assert process.end() == 0
    verify(ledger)


async def test_a_recorder_without_a_ledger_says_so_and_ends(
    cluster: Path, bench: Bench, server: Postgres, tmp_path: Path
) -> None:
    for url, code, words in (
        ("", 2, "cannot start: no ledger is named"),
        (server.create("empty"), 3, "has no ledger; its owner makes one with tradeplane ledger migrate"),
    ):
        log = tmp_path / f"{code}.log"
        process = RecorderProcess(cluster, url, bench.namespace, log)
        assert await asyncio.to_thread(process.process.wait, 60) == code
        assert words in log.read_text()
