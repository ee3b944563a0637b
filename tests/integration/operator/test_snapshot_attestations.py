"""Attested data on a cluster and a real registry: what captures seal is attested, and runs name what they find."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import Reference, parse_reference
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_evidence.signing.batches import Alone
from tradeplane_evidence.snapshot_attestation import attest_snapshot
from tradeplane_evidence.statements.run import LOCAL_BUILDER
from tradeplane_evidence.statements.snapshot import Imported
from tradeplane_evidence.stored_snapshots import read_snapshot
from tradeplane_evidence.verification.attestations import Trust
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import verify_run
from tradeplane_evidence.verification.snapshot_records import find_records, pull_records, pull_snapshot
from tradeplane_evidence.verification.snapshots import Snapshots, snapshot_policy
from tradeplane_evidence.verification.whole_snapshots import verify_whole_snapshot
from tradeplane_operator.planning.capture_names import BUNDLE_LABEL
from tradeplane_operator.planning.names import API_VERSION, CAPTURE_UID_LABEL
from tradeplane_store import layout
from tradeplane_store.objects import open_store

from tests.integration.operator import sessions
from tests.integration.operator.cluster import Bench, condition, eventually
from tests.integration.operator.processes import SOON_OVER
from tests.integration.operator.test_attestations import evidence, host, registry
from tests.integration.operator.test_captures import _capturing, _seal, hurried
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.verification.runs import Verification

    from tests.integration.operator.processes import OperatorProcess

Json = dict[str, Any]
CAPTURE_BUILDER = "https://tradeplane.dev/evidence/builders/operator-v1/capture/file"
GROUP = f"apis/{API_VERSION}"
__all__ = ("host", "hurried")


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    """Give the operator's key, which lies in the test's folder."""
    return sample_runs.signer_in(tmp_path)


@pytest.fixture
def importer(tmp_path: Path) -> FileSigner:
    """Give who signs for what they import."""
    return sample_runs.signer_in(tmp_path, scalar=0xDA7A)


def _keyring(folder: Path, *signers: FileSigner) -> Path:
    """Write a keyring of those who import, each for that alone."""
    entries = [{"publicKey": one.public_key.pem(), "builders": [LOCAL_BUILDER]} for one in signers]
    path = folder / "snapshot-keys.json"
    path.write_text(json.dumps({"schemaVersion": 1, "kind": "Keyring", "keys": entries}))
    return path


async def _snapshot(bench: Bench, name: str) -> Json:
    found: Json = await bench.client.get(sessions.path_of(bench, GROUP, "snapshots", name))
    return found


async def _says(bench: Bench, name: str, *reasons: str) -> Json:
    """Wait until a Snapshot says one of these of its attestation."""

    async def found() -> Json | None:
        there = await sessions.found(bench, GROUP, "snapshots", name)
        return there if there and condition(there, "Attested").get("reason") in reasons else None

    async def state() -> object:
        return await sessions.found(bench, GROUP, "snapshots", name)

    return await eventually(found, f"Snapshot {name}: Attested to be {' or '.join(reasons)}", state=state)


async def _run_on(bench: Bench, snapshot: str) -> None:
    """Have a run on a Snapshot end well."""
    strategy = await bench.create_strategy("hold", snapshotRef={"name": snapshot})
    job = await bench.a_job(strategy["metadata"]["uid"])
    await bench.succeed(job)


async def _run_says(bench: Bench, *reasons: str) -> Json:
    async def found() -> Json | None:
        strategy = await bench.strategy("hold")
        return strategy if condition(strategy, "Attested").get("reason") in reasons else None

    async def state() -> object:
        return (await bench.strategy("hold")).get("status")

    return await eventually(found, f"Attested to be {' or '.join(reasons)}", state=state)


async def _verify_run(strategy: Json, *signers: FileSigner) -> Verification:
    reference = parse_reference(strategy["status"]["latest"]["attestation"]["reference"])
    keyring, now = sample_runs.keyring(*signers), datetime.now(UTC)
    async with Registry(reference.host, plain_http=True) as opened:

        async def registry_of(_: Reference) -> Registry:
            return opened

        chain = Snapshots(registry_of, Trust(keyring, snapshot_policy(), now))
        return await verify_run(opened, reference, keyring, Policy(), now, snapshots=chain)


async def _import(bench: Bench, host: str, signer: FileSigner, digest: str) -> Attested:
    """Attest a snapshot as `tradeplane snapshot attest` does."""
    stored = read_snapshot(bench.store, digest)
    async with Registry(host, plain_http=True) as opened:
        place = Reference(host, f"runs/{bench.namespace}/snapshots")
        return await attest_snapshot(stored, Imported(), opened, place, Alone(signer))


async def _hung(status: Json) -> list[str]:
    reference = parse_reference(status["attestation"]["reference"])
    async with Registry(reference.host, plain_http=True) as opened:
        return [one.digest for one in await list_referrers(opened, reference.repository, reference.digest or "")]


@pytest.mark.parametrize("most_bytes", [1 << 20, 1])
async def test_what_a_capture_sealed_is_attested_and_a_run_on_it_names_that(
    bench: Bench,
    operators: Callable[..., OperatorProcess],
    host: str,
    tmp_path: Path,
    signer: FileSigner,
    hurried: Json,
    most_bytes: int,
) -> None:
    """With its records where they are no more than the settings allow, and else without."""
    with registry(host, tmp_path):
        operators(pace=hurried, **evidence(host, sample_runs.key_file(tmp_path), snapshotRecordsBytes=most_bytes))
        capture = await _capturing(bench)
        digest = _seal(bench, capture, 1)
        sealed = await _says(bench, "tape-000001", "Attested")
        status = sealed["status"]
        assert condition(sealed, "Ready")["status"] == "True"
        assert (status["origin"]["capture"], status["origin"]["bundle"]) == ("tape", 1)
        assert status["attestation"]["key"] == signer.public_key.fingerprint
        reference = parse_reference(status["attestation"]["reference"])
        assert reference.repository == f"runs/{bench.namespace}/snapshots"
        trust = Trust(sample_runs.keyring(signer), snapshot_policy(frozenset({CAPTURE_BUILDER})), datetime.now(UTC))
        async with Registry(host, plain_http=True) as opened:
            found = await verify_whole_snapshot(opened, reference, trust)
            pulled = await pull_snapshot(opened, reference, digest)
            records = await find_records(opened, reference, pulled)
            (tmp_path / "pulled").mkdir()
            store = open_store((tmp_path / "pulled").as_uri())
            for one in records:
                await pull_records(opened, one, pulled, store, lambda _: None)
        assert len(records) == (0 if most_bytes == 1 else 1)
        names = store.list(layout.snapshot_folder(digest))
        assert len(names) == (0 if most_bytes == 1 else 1 + len(pulled.manifest.parts))
        assert [store.get(name) for name in names] == [bench.store.get(name) for name in names]
        assert found.passed, found.checks
        assert found.claim is not None
        provenance = found.claim.claim.provenance
        stated = provenance.build_definition.external_parameters["capture"]
        assert (stated["namespace"], stated["name"], stated["bundle"]) == (bench.namespace, "tape", 1)
        assert stated["spec"]["source"]["instruments"] == ["SYNUSDT"]
        assert provenance.run_details.metadata is not None
        assert provenance.run_details.metadata.invocation_id == sealed["metadata"]["uid"]
        await _run_on(bench, "tape-000001")
        verified = await _verify_run(await _run_says(bench, "Attested"), signer)
        assert verified.passed, verified.checks
        (claim,) = verified.snapshots
        assert (claim.snapshot, claim.attestation) == (digest, status["attestation"]["attestation"])


async def test_a_registry_that_is_down_delays_it_and_a_run_on_it_and_loses_neither(
    bench: Bench,
    operators: Callable[..., OperatorProcess],
    host: str,
    tmp_path: Path,
    signer: FileSigner,
    hurried: Json,
) -> None:
    """With the operator killed meanwhile; nothing is attested twice."""
    settings = {"pace": hurried} | evidence(host, sample_runs.key_file(tmp_path)) | SOON_OVER
    first = operators(**settings)
    capture = await _capturing(bench)
    _seal(bench, capture, 1)
    down = await _says(bench, "tape-000001", "RegistryUnavailable")
    assert condition(down, "Ready")["status"] == "True"
    await _run_on(bench, "tape-000001")
    waits = await _run_says(bench, "SnapshotNotAttested")
    assert "is being attested" in condition(waits, "Attested")["message"]
    with registry(host, tmp_path):
        first.kill()  # it may be attesting now, or may be about to
    operators(**settings)
    with registry(host, tmp_path):
        sealed = await _says(bench, "tape-000001", "Attested")
        strategy = await _run_says(bench, "Attested")
        assert await _hung(sealed["status"]) == [sealed["status"]["attestation"]["attestation"]]
        assert await _hung(strategy["status"]["latest"]) == [strategy["status"]["latest"]["attestation"]["attestation"]]
        verified = await _verify_run(strategy, signer)
        assert verified.passed, verified.checks
        assert [one.attestation for one in verified.snapshots] == [sealed["status"]["attestation"]["attestation"]]


async def test_one_with_more_than_is_attested_is_refused_and_can_be_used(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path, hurried: Json
) -> None:
    with registry(host, tmp_path):
        operators(pace=hurried, **evidence(host, sample_runs.key_file(tmp_path), mostBytes=100))
        capture = await _capturing(bench)
        _seal(bench, capture, 1)
        refused = await _says(bench, "tape-000001", "AttestationRefused")
        assert condition(refused, "Ready")["status"] == "True"
        assert "more in its manifest than is attested" in condition(refused, "Attested")["message"]
        assert "attestation" not in refused["status"]


async def test_a_tenants_snapshot_that_says_it_is_a_captures_is_not_attested(
    bench: Bench, operators: Callable[..., OperatorProcess], host: str, tmp_path: Path, hurried: Json
) -> None:
    with registry(host, tmp_path):
        operators(pace=hurried, **evidence(host, sample_runs.key_file(tmp_path)))
        capture = await _capturing(bench)
        _seal(bench, capture, 1)
        await _says(bench, "tape-000001", "Attested")
        labels = {CAPTURE_UID_LABEL: capture["metadata"]["uid"], BUNDLE_LABEL: "000009"}
        origin = {"capture": "tape", "bundle": 9, "specification": "{}"}
        body = {
            "apiVersion": API_VERSION,
            "kind": "Snapshot",
            "metadata": {"name": "tape-000009", "labels": labels},
            "spec": {"digest": bench.write_snapshot(records=99)},
            "status": {"origin": origin},
        }
        await bench.client.create(sessions.path_of(bench, GROUP, "snapshots"), body)

        async def verified() -> Json | None:
            there = await _snapshot(bench, "tape-000009")
            return there if condition(there, "Ready").get("reason") == "Verified" else None

        forged = await eventually(
            verified, "the Snapshot to be verified", state=lambda: _snapshot(bench, "tape-000009")
        )
        assert ("origin" in forged["status"], "attestation" in forged["status"]) == (False, False)
        assert condition(forged, "Attested") == {}


@pytest.mark.parametrize("trusted", [True, False])
async def test_an_attestation_of_what_was_imported_is_named_where_its_key_is(
    bench: Bench,
    operators: Callable[..., OperatorProcess],
    host: str,
    tmp_path: Path,
    signer: FileSigner,
    importer: FileSigner,
    *,
    trusted: bool,
) -> None:
    with registry(host, tmp_path):
        keys = {"snapshotKeys": str(_keyring(tmp_path, importer))} if trusted else {}
        operators(**evidence(host, sample_runs.key_file(tmp_path), **keys))
        digest = bench.write_snapshot()
        imported = await _import(bench, host, importer, digest)
        await bench.create_snapshot("prices", digest)
        await _run_on(bench, "prices")
        strategy = await _run_says(bench, "Attested")
        verified = await _verify_run(strategy, signer, importer)
        assert verified.passed, verified.checks
        assert [one.attestation for one in verified.snapshots] == ([imported.attestation] if trusted else [])
        assert condition(await _snapshot(bench, "prices"), "Attested") == {}
        if trusted:
            without = await _verify_run(strategy, signer)
            assert [(one.name, one.error) for one in without.checks][-1] == ("snapshots", "KeyRefused")


async def test_a_keyring_that_comes_later_is_waited_for(
    bench: Bench,
    operators: Callable[..., OperatorProcess],
    host: str,
    tmp_path: Path,
    signer: FileSigner,
    importer: FileSigner,
) -> None:
    with registry(host, tmp_path):
        keys = tmp_path / "snapshot-keys.json"
        operators(**evidence(host, sample_runs.key_file(tmp_path), snapshotKeys=str(keys)))
        digest = bench.write_snapshot()
        imported = await _import(bench, host, importer, digest)
        await bench.create_snapshot("prices", digest)
        await _run_on(bench, "prices")
        strategy = await _run_says(bench, "SnapshotKeysUnreadable")
        assert "No such file" in condition(strategy, "Attested")["message"]
        _keyring(tmp_path, importer)
        verified = await _verify_run(await _run_says(bench, "Attested"), signer, importer)
        assert verified.passed, verified.checks
        assert [one.attestation for one in verified.snapshots] == [imported.attestation]
