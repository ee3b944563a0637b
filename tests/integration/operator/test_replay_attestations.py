"""What replays found is attested by the operator, on a real registry, where what they are of is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_api.run import Outcome
from tradeplane_evidence.registry.bundles import PREDICATE, pull_bundle
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_evidence.signing.bundle import parse_bundle
from tradeplane_evidence.statements.statement import parse_statement
from tradeplane_evidence.statements.test_result import TEST_RESULT_TYPE, result_of_tests
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.sessions import verify_session
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json

from tests.integration.operator import replays
from tests.integration.operator.cluster import Bench, condition, eventually
from tests.integration.operator.processes import IMAGE, SOON_OVER
from tests.integration.operator.replays import DIVERGED, EXACT, NAME
from tests.integration.operator.test_attestations import evidence, host, registry
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_api.parity import Verdict
    from tradeplane_evidence.registry.manifests import Descriptor
    from tradeplane_evidence.verification.sessions import SessionVerification

    from tests.integration.operator.processes import OperatorProcess

Json = dict[str, Any]
__all__ = ("host",)


async def _replayed(bench: Bench, *verdicts: Verdict) -> None:
    """Have a run end well, and then its replays: one on amd64, and one on arm64 where there is a second verdict."""
    await bench.create_snapshot("prices", bench.write_snapshot())
    strategy = await bench.create_strategy("macd")
    job = await bench.a_job(strategy["metadata"]["uid"])
    await bench.succeed(job)

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
        await bench.succeed(job)
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


async def _session_replayed(bench: Bench, *verdicts: Verdict) -> str:
    """Have a session replayed, on amd64 and, where there is a second verdict, on arm64; return the snapshot's id."""
    digest = replays.write_session(bench)
    bench.store.put(layout.snapshot_environment(digest), canonical_json({"image": IMAGE}))
    await bench.create_snapshot("quoting-1", digest)
    architectures = ["amd64", "arm64"][: len(verdicts)]
    await replays.create(bench, snapshotRef={"name": "quoting-1"}, architectures=architectures)
    jobs = await replays.jobs(bench, len(verdicts))
    by_name = sorted(jobs, key=lambda one: one["spec"]["template"]["spec"]["nodeSelector"]["kubernetes.io/arch"])
    for ended, verdict in zip(by_name, verdicts, strict=True):
        await replays.ends(bench, ended, verdict)
    return digest


async def _verified(replay: Json, tmp_path: Path) -> SessionVerification:
    """Verify the session that an attestation in a status is of, as an auditor does."""
    reference = parse_reference(replay["status"]["attestation"]["reference"])
    keyring = sample_runs.keyring(sample_runs.signer_in(tmp_path))
    async with Registry(reference.host, plain_http=True) as opened:
        return await verify_session(opened, reference, keyring, Policy(), datetime.now(UTC))


async def test_what_replays_of_a_session_found_hangs_on_an_artifact_that_names_it(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    with registry(host, tmp_path):
        operators(**evidence(host, sample_runs.key_file(tmp_path), required=True))
        snapshot = await _session_replayed(bench, EXACT, EXACT)
        replay = await _says(bench, "Attested")
        assert condition(replay, "Ready")["status"] == "True"
        assert "/sessions@sha256:" in replay["status"]["attestation"]["reference"]
        found = await _stated(replay)
        assert found.result == "PASSED"
        assert next(one for one in found.configuration if one.name == "tradedBy").digest == {
            "sha256": IMAGE.rpartition(":")[2]
        }
        verified = await _verified(replay, tmp_path)
        assert verified.passed, verified.checks
        assert verified.snapshot == snapshot
        assert [one.digest for one in await _hung(replay)] == [replay["status"]["attestation"]["attestation"]]


async def test_a_session_that_differs_is_attested_as_failed_and_does_not_verify(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    with registry(host, tmp_path):
        operators(**evidence(host, sample_runs.key_file(tmp_path)))
        await _session_replayed(bench, DIVERGED)
        replay = await _says(bench, "Attested")
        assert condition(replay, "Stalled")["status"] == "True"
        assert (await _verified(replay, tmp_path)).checks[-1].error == "ReplayDiverged"


async def test_a_session_waits_for_a_registry_that_is_down_across_a_kill_and_is_signed_once(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    settings = evidence(host, sample_runs.key_file(tmp_path), required=True) | SOON_OVER
    first = operators(**settings)
    await _session_replayed(bench, EXACT)
    waits = await _says(bench, "RegistryUnavailable")
    assert condition(waits, "Ready")["status"] == "False"
    first.kill()
    operators(**settings)
    with registry(host, tmp_path):
        replay = await _says(bench, "Attested")
        assert [one.digest for one in await _hung(replay)] == [replay["status"]["attestation"]["attestation"]]


async def test_a_snapshot_that_was_changed_after_its_replay_is_not_attested(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path
) -> None:
    operators(**evidence(host, sample_runs.key_file(tmp_path)))
    snapshot = await _session_replayed(bench, EXACT)
    await _says(bench, "RegistryUnavailable")
    bench.store.put(layout.snapshot_manifest(snapshot), b"{}")
    with registry(host, tmp_path):
        replay = await _says(bench, "AttestationRefused")
        assert "not the one of that digest" in condition(replay, "Attested")["message"]
        assert "attestation" not in replay["status"]
