"""Runs are attested by the operator, on a real registry: after each end, after a kill, and once it is there again."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_evidence.statements.run import AskingStrategy, asking_strategy
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import verify_run
from tradeplane_operator.planning.approving import configuration_of
from tradeplane_operator.planning.names import ATTESTATION_FINALIZER
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.integration.evidence.conftest import listing_referrers
from tests.integration.evidence.timestamp_authority import (
    chain_of,
    keyring_with,
    timestamp_authority,
    timestamps_at,
    verify_stamped,
)
from tests.integration.operator import sessions
from tests.integration.operator.cluster import SUMMARY, Bench, condition, eventually, results_manifest, specification_of
from tests.integration.operator.processes import SOON_OVER
from tests.ports import free_port
from tests.unit.evidence import sample_images, sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.verification.runs import Verification

    from tests.integration.operator.processes import OperatorProcess

Json = dict[str, Any]
BUILDER = "https://tradeplane.dev/evidence/builders/operator-v1/backtest/file"


@pytest.fixture
def host() -> str:
    """Give where the registry is, once it is."""
    return f"127.0.0.1:{free_port()}"


@contextmanager
def registry(host: str, folder: Path) -> Iterator[None]:
    """Run a registry for a while; what it was given stays in a folder."""
    kept = ("--store-type", "dir", "--dir", str(folder / "registry"))
    with listing_referrers(host, folder / "registry.log", *kept):
        yield


def evidence(host: str, key: Path, **changes: Any) -> Json:
    """Return the settings of it."""
    common = {
        "registry": f"{host}/runs",
        "plainHttp": True,
        "signer": f"file:{key}",
        "againSeconds": 1,
        "mostSeconds": 2,
    }
    return {"evidence": common | changes}


async def _ended(bench: Bench, **spec: Any) -> Json:
    """Have a run end well; return its Job."""
    await bench.create_snapshot("prices", bench.write_snapshot())
    return await _run_ended(bench, "hold", **spec)


async def _run_ended(bench: Bench, name: str, **spec: Any) -> Json:
    """Have a run of a Strategy on a snapshot that is there end well; return its Job."""
    strategy = await bench.create_strategy(name, **spec)
    job = await bench.a_job(strategy["metadata"]["uid"])
    await bench.succeed(job)
    return job


async def _says(bench: Bench, *reasons: str, name: str = "hold") -> Json:
    """Wait until a Strategy says one of these of its attestation."""

    async def found() -> Json | None:
        strategy = await bench.strategy(name)
        return strategy if condition(strategy, "Attested").get("reason") in reasons else None

    async def state() -> object:
        return (await bench.strategy(name)).get("status")

    return await eventually(found, f"Attested to be {' or '.join(reasons)}", state=state)


async def _verify(strategy: Json, signer: FileSigner) -> Verification:
    reference = parse_reference(strategy["status"]["latest"]["attestation"]["reference"])
    policy = Policy(builders=frozenset({BUILDER}))
    async with Registry(reference.host, plain_http=True) as opened:
        return await verify_run(opened, reference, sample_runs.keyring(signer), policy, datetime.now(UTC))


async def _attestations(strategy: Json) -> list[str]:
    reference = parse_reference(strategy["status"]["latest"]["attestation"]["reference"])
    async with Registry(reference.host, plain_http=True) as opened:
        return [one.digest for one in await list_referrers(opened, reference.repository, reference.digest or "")]


async def _tagged(strategy: Json) -> str:
    """Return the results that the name of the newest run names in the registry, by digest."""
    latest = strategy["status"]["latest"]
    reference = parse_reference(latest["attestation"]["reference"])
    async with Registry(reference.host, plain_http=True) as opened:
        _, digest = await opened.manifest(replace(reference, digest=None, tag=latest["name"]))
    return str(reference.at(digest))


async def test_a_run_that_succeeded_is_attested(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    signer, image = sample_runs.signer_in(tmp_path), sample_images.image()
    with registry(host, tmp_path):
        async with Registry(host, plain_http=True) as opened:
            await image.push(opened, "images/runner")
        images = {"default": f"{host}/images/runner@{image.digest}", "registries": [f"{host}/images/"]}
        operators(**evidence(host, sample_runs.key_file(tmp_path)), images=images)
        job = await _ended(bench)
        strategy = await _says(bench, "Attested")
        latest = strategy["status"]["latest"]
        assert latest["attestation"]["reference"].startswith(f"{host}/runs/{bench.namespace}/hold@sha256:")
        assert latest["attestation"]["key"] == signer.public_key.fingerprint
        assert condition(strategy, "Ready")["status"] == "True"
        found = await _verify(strategy, signer)
        assert found.passed, found.checks
        assert found.claim is not None
        (made_by,) = [check.words for check in found.checks if check.name == "chain"]
        assert f"run by its manifest {sha256_digest(image.manifests['linux/amd64'])} for linux/amd64" in made_by
        asked = asking_strategy(found.claim.provenance)
        assert asked == AskingStrategy(
            namespace=bench.namespace,
            name="hold",
            uid=strategy["metadata"]["uid"],
            generation=strategy["metadata"]["generation"],
            configuration=configuration_of(strategy["spec"]),
        )
        metadata = found.claim.provenance.run_details.metadata
        assert metadata is not None
        assert metadata.invocation_id == job["metadata"]["uid"] == latest["jobUid"]
        assert (metadata.started_on, metadata.finished_on) == (latest["startTime"], latest["completionTime"])
        assert await _attestations(strategy) == [latest["attestation"]["attestation"]]
        assert await _tagged(strategy) == latest["attestation"]["reference"]


async def test_a_run_has_the_time_of_the_authority_of_the_settings_once_that_is_there(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    """While it is away nothing is attested, and then with its timestamp: no attestation is made without one."""
    signer, authority = sample_runs.signer_in(tmp_path), f"127.0.0.1:{free_port()}"
    there = timestamps_at(f"http://{authority}")
    with registry(host, tmp_path):
        operators(**evidence(host, sample_runs.key_file(tmp_path), timestampAuthority=there))
        await _ended(bench)
        strategy = await _says(bench, "SignerUnavailable")
        assert f"{there} gave no timestamp" in condition(strategy, "Attested")["message"]
        assert "attestation" not in strategy["status"]["latest"]
        with timestamp_authority(tmp_path, authority) as address:
            chain = chain_of(address)
            strategy = await _says(bench, "Attested")
        reference = parse_reference(strategy["status"]["latest"]["attestation"]["reference"])
        found = await verify_stamped(reference, keyring_with(signer, chain))
        assert found.passed, found.checks
        assert found.claim is not None
        assert found.claim.stamped is not None
        assert await _attestations(strategy) == [strategy["status"]["latest"]["attestation"]["attestation"]]
        assert not (await verify_stamped(reference, keyring_with(signer))).passed


async def test_results_that_were_replaced_before_they_were_read_are_not_attested(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    """Each pod of the namespace has its folder of the store; what the run's own pod left is said by its kubelet."""
    operators(**evidence(host, sample_runs.key_file(tmp_path)))
    await bench.create_snapshot("prices", bench.write_snapshot())
    strategy = await bench.create_strategy("hold")
    job = await bench.a_job(strategy["metadata"]["uid"])
    better = results_manifest(specification_of(job), SUMMARY.model_copy(update={"total_return": "9.99"}))
    bench.store.put(layout.results_manifest(job["metadata"]["name"]), canonical_json(better))
    await bench.succeed(job, with_results=False)
    failed = await bench.until("hold", "ResultsReplaced")
    assert "something else in this namespace has written there" in condition(failed, "Ready")["message"]
    assert "attestation" not in failed["status"]["latest"]
    assert condition(failed, "Attested")["status"] == "False"


async def test_a_registry_that_is_down_delays_it_and_loses_none(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    signer = sample_runs.signer_in(tmp_path)
    operators(**evidence(host, sample_runs.key_file(tmp_path), required=True))
    await _ended(bench)
    strategy = await _says(bench, "RegistryUnavailable")
    assert condition(strategy, "Completed")["status"] == "True"
    assert condition(strategy, "Ready")["status"] == "False"
    assert f"{host} cannot be reached" in condition(strategy, "Attested")["message"]
    with registry(host, tmp_path):
        strategy = await _says(bench, "Attested")
        assert condition(strategy, "Ready")["status"] == "True"
        assert (await _verify(strategy, signer)).passed


async def test_a_strategy_that_is_deleted_meanwhile_goes_once_it_is_attested(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    """The operator is killed in between: what is owed stands in the object, which a finalizer keeps."""
    signer = sample_runs.signer_in(tmp_path)
    settings = evidence(host, sample_runs.key_file(tmp_path)) | SOON_OVER
    first = operators(**settings)
    job = await _ended(bench)
    path, run = sessions.path_of(bench, "apis/tradeplane.dev/v1alpha1", "strategies", "hold"), job["metadata"]["name"]
    held = await eventually(lambda: _held(bench), "the Strategy to be held")
    await bench.client.delete(path, held["metadata"]["uid"])
    first.kill()
    operators(**settings)
    await _waits_because(bench, f"{host} cannot be reached")
    with registry(host, tmp_path):
        await bench.gone(path)
        place = parse_reference(f"{host}/runs/{bench.namespace}/hold:{run}")
        async with Registry(host, plain_http=True) as opened:
            _, digest = await opened.manifest(place)
            found = replace(place, tag=None, digest=digest)
            now, policy = datetime.now(UTC), Policy(builders=frozenset({BUILDER}))
            assert (await verify_run(opened, found, sample_runs.keyring(signer), policy, now)).passed


async def _held(bench: Bench) -> Json | None:
    strategy = await bench.strategy("hold")
    return strategy if ATTESTATION_FINALIZER in strategy["metadata"].get("finalizers", ()) else None


async def _waits_because(bench: Bench, words: str) -> None:
    """Wait until a Strategy that is deleted says why it is there still."""

    async def found() -> bool:
        ready = condition(await bench.strategy("hold"), "Ready")
        return ready.get("reason") == "AttestationOwed" and words in ready["message"]

    await eventually(found, f"Ready to be AttestationOwed because {words}")


async def test_what_waits_survives_a_kill_and_is_attested_once(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    """An operator is killed while it attests, with the registry killed and started again in between."""
    signer = sample_runs.signer_in(tmp_path)
    settings = evidence(host, sample_runs.key_file(tmp_path)) | SOON_OVER
    first = operators(**settings)
    await _ended(bench)
    await _says(bench, "RegistryUnavailable")
    with registry(host, tmp_path):
        await asyncio.sleep(0)  # it may be attesting now, or may be about to
        first.kill()
    operators(**settings)
    with registry(host, tmp_path):
        strategy = await _says(bench, "Attested")
        assert (await _verify(strategy, signer)).passed
        assert await _attestations(strategy) == [strategy["status"]["latest"]["attestation"]["attestation"]]


async def test_files_that_were_changed_since_are_not_attested(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    """A tenant who may write to the store changes what was recorded, or stands beside it, before it is attested."""
    changed = {
        "manifest.json": b"{}",
        "equity.arrow": sample_runs.another_equity(),
        "summary.json": canonical_json(SUMMARY.model_copy(update={"total_return": "9.9"})),
    }
    told = {
        "manifest.json": "is not the one of digest",
        "equity.arrow": "one or more of equity.arrow were changed since",
        "summary.json": "does not have the figures of its manifest",
    }
    operators(**evidence(host, sample_runs.key_file(tmp_path)))
    await bench.create_snapshot("prices", bench.write_snapshot())

    async def change(file: str, data: bytes) -> None:
        name = file.partition(".")[0]
        await _run_ended(bench, name)
        strategy = await _says(bench, "RegistryUnavailable", name=name)
        bench.store.put(f"results/{strategy['status']['latest']['name']}/{file}", data)

    await asyncio.gather(*(change(*one) for one in changed.items()))
    with registry(host, tmp_path):
        for file in changed:
            strategy = await _says(bench, "ResultsChanged", name=file.partition(".")[0])
            message = condition(strategy, "Attested")["message"]
            assert told[file] in message
            assert "raise spec.rerun" in message
            assert "attestation" not in strategy["status"]["latest"]


async def test_a_key_that_is_missing_is_said_and_found_once_it_is_there(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    with registry(host, tmp_path):
        operators(**evidence(host, tmp_path / "key.pem"))
        await _ended(bench)
        strategy = await _says(bench, "SignerRefused")
        assert "cannot be read: No such file" in condition(strategy, "Attested")["message"]
        sample_runs.key_file(tmp_path)
        strategy = await _says(bench, "Attested")
        assert (await _verify(strategy, sample_runs.signer_in(tmp_path))).passed
