"""What replays found is attested by the operator, on a real registry, where the results of their run are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tradeplane_api.run import Outcome
from tradeplane_evidence.registry.bundles import PREDICATE, pull_bundle
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_evidence.signing.bundle import parse_bundle
from tradeplane_evidence.statements.statement import parse_statement
from tradeplane_evidence.statements.test_result import TEST_RESULT_TYPE, result_of_tests

from tests.integration.operator import replays
from tests.integration.operator.cluster import Bench, condition, eventually
from tests.integration.operator.processes import SOON_OVER
from tests.integration.operator.replays import DIVERGED, EXACT, NAME
from tests.integration.operator.test_attestations import evidence, host, registry, write_results
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_api.parity import Verdict
    from tradeplane_evidence.registry.manifests import Descriptor

    from tests.integration.operator.processes import OperatorProcess

Json = dict[str, Any]
__all__ = ("host",)


async def _replayed(bench: Bench, *verdicts: Verdict) -> None:
    """Have a run end well, and then its replays: one on amd64, and one on arm64 where there is a second verdict."""
    await bench.create_snapshot("prices", bench.write_snapshot())
    strategy = await bench.create_strategy("macd")
    job = await bench.a_job(strategy["metadata"]["uid"])
    write_results(bench, job)
    await bench.succeed(job, with_results=False)

    async def succeeded() -> Json | None:
        latest = (await bench.strategy("macd")).get("status", {}).get("latest") or {}
        return latest if latest.get("outcome") == Outcome.SUCCEEDED.value else None

    latest = await eventually(succeeded, "the run to succeed")
    architectures = ["amd64", "arm64"][: len(verdicts)]
    await replays.create(bench, strategyRef={"name": "macd"}, architectures=architectures)
    jobs = await replays.jobs(bench, len(verdicts))
    by_name = sorted(jobs, key=lambda one: one["spec"]["template"]["spec"]["nodeSelector"]["kubernetes.io/arch"])
    for ended, verdict in zip(by_name, verdicts, strict=True):
        await replays.ends(bench, ended, verdict, latest["resultDigest"])


async def _says(bench: Bench, *reasons: str) -> Json:
    """Wait until the Replay says one of these of its attestation."""

    async def found() -> Json | None:
        replay: Json = await bench.client.get(replays.path_of(bench, NAME))
        return replay if condition(replay, "Attested").get("reason") in reasons else None

    async def state() -> object:
        return (await bench.client.get(replays.path_of(bench, NAME))).get("status")

    return await eventually(found, f"Attested to be {' or '.join(reasons)}", state=state)


async def _hung(replay: Json) -> list[Descriptor]:
    """Return what states results of tests on the results of the run that was replayed."""
    reference = parse_reference(replay["status"]["attestation"]["reference"])
    async with Registry(reference.host, plain_http=True) as opened:
        listed = await list_referrers(opened, reference.repository, reference.digest or "")
    return [one for one in listed if (one.annotations or {}).get(PREDICATE) == TEST_RESULT_TYPE]


async def _stated(replay: Json) -> Any:
    """Return what the attestation in a status states, of what."""
    attestation = replay["status"]["attestation"]
    reference = parse_reference(attestation["reference"])
    async with Registry(reference.host, plain_http=True) as opened:
        bundle = parse_bundle(await pull_bundle(opened, reference, attestation["attestation"]))
    statement = parse_statement(bundle.dsse_envelope.payload_bytes())
    assert statement.about(reference.digest or "")
    return result_of_tests(statement)


async def test_what_replays_found_hangs_on_the_results_of_their_run(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    with registry(host, tmp_path):
        operators(**evidence(host, sample_runs.key_file(tmp_path), required=True))
        await _replayed(bench, EXACT, EXACT)
        replay = await _says(bench, "Attested")
        assert condition(replay, "Ready")["status"] == "True"
        strategy = await bench.strategy("macd")
        latest = strategy["status"]["latest"]
        assert replay["status"]["attestation"]["reference"] == latest["attestation"]["reference"]
        assert replay["status"]["pinned"]["reference"] == latest["attestation"]["reference"]
        found = await _stated(replay)
        assert found.result == "PASSED"
        assert found.passed_tests == ("amd64/decisions", "amd64/execution", "arm64/decisions", "arm64/execution")
        configuration = {one.name: one for one in found.configuration}
        run_digest = latest["runDigest"].removeprefix("sha256:")
        assert configuration["specification"].digest == {"tradeplane.run.v1": run_digest}
        records = {
            f"replays/{one['name']}/record.json": one["recordDigest"].removeprefix("sha256:")
            for one in replay["status"]["replays"]
        }
        assert {name: (configuration[name].digest or {}).get("sha256") for name in records} == records
        assert [one.digest for one in await _hung(replay)] == [replay["status"]["attestation"]["attestation"]]


async def test_one_that_differs_is_attested_as_failed(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    with registry(host, tmp_path):
        operators(**evidence(host, sample_runs.key_file(tmp_path)))
        await _replayed(bench, EXACT, DIVERGED)
        replay = await _says(bench, "Attested")
        assert condition(replay, "Stalled")["status"] == "True"
        found = await _stated(replay)
        assert (found.result, found.failed_tests) == ("FAILED", ("arm64/execution",))


async def test_replays_of_a_run_that_is_not_attested_yet_wait_for_it(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    """The registry is down until both have ended: the run is attested first, and its replays then, unasked."""
    operators(**evidence(host, sample_runs.key_file(tmp_path), required=True))
    await _replayed(bench, EXACT)
    replay = await _says(bench, "RunNotAttested")
    assert condition(replay, "Ready")["status"] == "False"
    assert condition(replay, "Parity")["status"] == "True"
    with registry(host, tmp_path):
        replay = await _says(bench, "Attested")
        assert condition(replay, "Ready")["status"] == "True"


async def test_what_waits_survives_a_kill_and_is_signed_once(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    """An operator is killed that could not reach the registry, and another while it may be attesting."""
    settings = evidence(host, sample_runs.key_file(tmp_path)) | SOON_OVER
    first = operators(**settings)
    with registry(host, tmp_path):
        await bench.create_snapshot("prices", bench.write_snapshot())
        strategy = await bench.create_strategy("macd")
        job = await bench.a_job(strategy["metadata"]["uid"])
        write_results(bench, job)
        await bench.succeed(job, with_results=False)
        await replays.create(bench, strategyRef={"name": "macd"}, architectures=["amd64"])
        (job,) = await replays.jobs(bench, 1)

        async def attested() -> Json | None:
            latest: Json = (await bench.strategy("macd"))["status"]["latest"]
            return latest if latest.get("attestation") else None

        latest = await eventually(attested, "the run to be attested")
    await replays.ends(bench, job, EXACT, latest["resultDigest"])
    await _says(bench, "RegistryUnavailable")
    first.kill()
    second = operators(**settings)
    with registry(host, tmp_path):
        await _says(bench, "Attesting", "Attested", "RegistryUnavailable")
        await asyncio.sleep(0)  # it may be attesting now, or may be about to
        second.kill()
    operators(**settings)
    with registry(host, tmp_path):
        replay = await _says(bench, "Attested")
        assert [one.digest for one in await _hung(replay)] == [replay["status"]["attestation"]["attestation"]]


async def test_a_status_that_names_another_registry_is_not_followed(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    """Whoever may write a status of a Strategy has the operator send nothing to a host of theirs."""
    with registry(host, tmp_path):
        first = operators(**evidence(host, sample_runs.key_file(tmp_path)) | SOON_OVER)
        await _replayed(bench, EXACT)
        await _says(bench, "Attested")
        first.kill()
        replay = await bench.client.get(replays.path_of(bench, NAME))
        elsewhere = replay["status"]["pinned"]["reference"].replace(host, "127.0.0.1:1")
        changed = {"status": {"attestation": None, "pinned": {"reference": elsewhere}}}
        await bench.client.merge_patch(replays.path_of(bench, f"{NAME}/status"), changed)
        operators(**evidence(host, sample_runs.key_file(tmp_path)) | SOON_OVER)
        replay = await _says(bench, "AttestationRefused")
        assert "and what is attested here goes to" in condition(replay, "Attested")["message"]
        assert "attestation" not in replay["status"]
