"""Snapshots in real registries: attested once, found by those who are relied on, and links of the chains of runs."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.attestation import attest_pushed, attest_run, push_files
from tradeplane_evidence.errors import LogEntryRefused, Malformed, PolicyRefused, RegistryUnavailable
from tradeplane_evidence.export.discovery import Found, discover
from tradeplane_evidence.registry.bundles import MAX_ATTESTATIONS
from tradeplane_evidence.registry.client import Limits, Registry
from tradeplane_evidence.registry.manifests import EMPTY, MANIFEST_TYPE, described
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.registry.referrers import list_referrers, push_referrer
from tradeplane_evidence.signed_referrers import bundle_artifact
from tradeplane_evidence.signing.batches import Alone, Quota, WithinQuota
from tradeplane_evidence.signing.keyring import Keyring, TrustedKey
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.snapshot_artifact import snapshot_artifact
from tradeplane_evidence.snapshot_attestation import attest_snapshot, push_snapshot
from tradeplane_evidence.snapshot_lookup import ReliedOn, find_attestation
from tradeplane_evidence.snapshot_records import RecordLimits, push_records, record_files
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE
from tradeplane_evidence.statements.run import LOCAL_BUILDER, Execution, SnapshotAttestation
from tradeplane_evidence.statements.snapshot import SNAPSHOT_BUILD_TYPE, Captured, Imported
from tradeplane_evidence.verification.attestations import Trust
from tradeplane_evidence.verification.kinds import kind_of
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import verify_run
from tradeplane_evidence.verification.snapshots import Snapshots, snapshot_policy
from tradeplane_evidence.verification.whole_snapshots import verify_whole_snapshot
from tradeplane_store.canonical import sha256_digest
from tradeplane_store.objects import open_store

from tests.integration.evidence.conftest import hang_junk
from tests.unit.evidence import sample_runs, sample_sessions, sample_snapshots

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.signing.batches import Signing
    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.signing.signer import Signer
    from tradeplane_evidence.statements.statement import Statement
    from tradeplane_evidence.stored_snapshots import StoredSnapshot
    from tradeplane_evidence.verification.checks import Check, Checks
    from tradeplane_evidence.verification.runs import Verification
    from tradeplane_evidence.verification.whole_snapshots import SnapshotVerification

    from tests.integration.evidence.conftest import Cosign

NOW = datetime(2026, 1, 6, tzinfo=UTC)
OPERATOR = sample_snapshots.SEALED.builder
SNAPSHOT, ARTIFACT = sample_snapshots.stored().snapshot, sample_snapshots.artifact()


async def _attest(
    host: str,
    repository: str,
    signer: Signer,
    snapshot: StoredSnapshot | None = None,
    origin: Imported | Captured = sample_snapshots.IMPORTED,
    execution: Execution | None = None,
) -> Attested:
    stored = snapshot or sample_snapshots.stored()
    async with Registry(host, plain_http=True) as registry:
        return await attest_snapshot(stored, origin, registry, Reference(host, repository), Alone(signer), execution)


async def _seal(host: str, repository: str, signer: Signer) -> Attested:
    """Attest it as the operator does what a capture sealed."""
    return await _attest(host, repository, signer, origin=sample_snapshots.CAPTURED, execution=sample_snapshots.SEALED)


async def _bare(
    host: str, repository: str, snapshot: StoredSnapshot | None = None, tagged: StoredSnapshot | None = None
) -> Reference:
    """Push the artifact of a snapshot and no word about it; under the tag of another, where one is given."""
    snapshot = snapshot or sample_snapshots.stored()
    artifact = snapshot_artifact(snapshot.data, snapshot.manifest.holds)
    async with Registry(host, plain_http=True) as registry:
        under = (tagged or snapshot).snapshot
        return await push_snapshot(registry, Reference(host, repository), under, snapshot.data, artifact)


async def _hang(place: Reference, statement: Statement | None, signer: FileSigner, bundle: bytes = b"") -> str:
    """Hang a statement, or a bundle as it is, on a snapshot, whatever it says."""
    async with Registry(place.host, plain_http=True) as registry:
        data, _ = await registry.manifest(place)
        signed = bundle if statement is None else sign_statement(statement, signer)
        await registry.push_blob(place.repository, signed)
        manifest = bundle_artifact(signed, described(data, MANIFEST_TYPE), PREDICATE_TYPE)
        return await push_referrer(registry, place.repository, manifest)


async def _verify(reference: Reference, keyring: Keyring, policy: Policy | None = None) -> SnapshotVerification:
    async with Registry(reference.host, plain_http=True) as registry:
        trust = Trust(keyring, policy or snapshot_policy(), NOW)
        return await verify_whole_snapshot(registry, reference, trust)


async def _find(
    host: str, repository: str, signer: Signer, keyring: Keyring | None = None, builder: str = OPERATOR
) -> SnapshotAttestation | None:
    async with Registry(host, plain_http=True) as registry:
        by = ReliedOn(signer, builder, keyring)
        return await find_attestation(registry, Reference(host, repository), SNAPSHOT, ARTIFACT, by, NOW)


def _failed(found: Checks, name: str, error: str) -> Check:
    """Return the check that failed, which must be this one; each before it passed."""
    assert not found.passed
    assert [one.passed for one in found.checks[:-1]] == [True] * (len(found.checks) - 1)
    assert (found.checks[-1].name, found.checks[-1].error) == (name, error), found.checks
    return found.checks[-1]


def _keyring(signer: FileSigner, *builders: str) -> Keyring:
    return Keyring((TrustedKey(signer.public_key, builders=frozenset(builders) if builders else None),))


@pytest.fixture
def importer(tmp_path: Path) -> FileSigner:
    """Give who signs for what they import."""
    return sample_runs.signer_in(tmp_path, scalar=0xDA7A)


async def test_it_is_verified_line_by_line_by_digest_and_by_the_tag_of_its_id(
    registry_host: str, signer: FileSigner
) -> None:
    attested = await _attest(registry_host, "snapshots/whole", signer)
    assert attested.reference.digest == ARTIFACT
    found = await _verify(attested.reference, sample_runs.keyring(signer))
    assert found.passed, found.checks
    words = {one.name: one.words for one in found.checks}
    assert list(words) == ["artifact", "signature", "policy", "snapshot", "sources", "time"]
    assert words["policy"] == f"builder {LOCAL_BUILDER}"
    assert words["snapshot"].startswith(f"{SNAPSHOT}: 5,031 records, 1999-01-04T21:00:00Z to")
    assert words["sources"] == "imported from sp500.csv.gz"
    assert found.snapshot == SNAPSHOT
    tag = Reference(registry_host, "snapshots/whole", tag=SNAPSHOT.removeprefix("sha256:"))
    by_id = await _verify(tag, sample_runs.keyring(signer))
    assert by_id.passed
    assert by_id.reference == attested.reference


async def test_what_a_capture_sealed_is_told_by_its_name(registry_host: str, signer: FileSigner) -> None:
    attested = await _seal(registry_host, "snapshots/sealed", signer)
    found = await _verify(attested.reference, sample_runs.keyring(signer), snapshot_policy(frozenset({OPERATOR})))
    assert found.passed, found.checks
    words = {one.name: one.words for one in found.checks}
    assert words["sources"] == "captured by research/btcusdt from sp500.csv.gz"
    assert words["time"].startswith("2026-01-05T08:00:00Z by the signer's own word")


async def test_cosign_finds_it_by_the_digest_of_the_artifact(
    registry_host: str, signer: FileSigner, cosign: Cosign, tmp_path: Path
) -> None:
    """With its records hung on the same artifact, which are nothing to cosign."""
    attested = await _attest(registry_host, "snapshots/cosign", signer)
    (tmp_path / "data").mkdir()
    data, stored = open_store((tmp_path / "data").as_uri()), sample_snapshots.stored()
    for file in record_files(stored.snapshot, stored.manifest):
        data.put(file, b"records of the sample")
    async with Registry(registry_host, plain_http=True) as registry:
        for most in (RecordLimits(all_bytes=20), RecordLimits(file_bytes=20)):
            with pytest.raises(Malformed, match=r"21 bytes in .* 20 at most go to a registry"):
                await push_records(stored, data, registry, attested.reference, most)
        assert len(await list_referrers(registry, "snapshots/cosign", ARTIFACT)) == 1, "nothing was pushed"
        await push_records(stored, data, registry, attested.reference, RecordLimits(21, 21))
        assert len(await list_referrers(registry, "snapshots/cosign", ARTIFACT)) == 2
    key = tmp_path / "key.pub"
    key.write_text(signer.public_key.pem())
    asked = ("verify-attestation", "--key", key, "--insecure-ignore-tlog", "--type", PREDICATE_TYPE)
    done = cosign(*asked, str(attested.reference))
    assert done.returncode == 0, done.stderr
    statement = json.loads(base64.b64decode(json.loads(done.stdout)["payload"]))
    assert statement["predicate"]["buildDefinition"]["buildType"] == SNAPSHOT_BUILD_TYPE
    key.write_text(sample_runs.signer_in(tmp_path, scalar=99).public_key.pem())
    assert cosign(*asked, str(attested.reference)).returncode != 0


async def test_it_is_signed_once(registry_host: str, tmp_path: Path) -> None:
    """With a signer whose signatures differ, as those of KMS do; what else is stated of it is another statement."""
    wavering = sample_runs.wavering_signer(tmp_path)
    first = await _attest(registry_host, "snapshots/once", wavering)
    assert await _attest(registry_host, "snapshots/once", wavering) == first
    assert len(wavering.signed) == 1
    sealed = await _seal(registry_host, "snapshots/once", wavering)
    assert sealed.reference == first.reference
    assert sealed.attestation != first.attestation


async def test_several_at_once_hang_one(registry_host: str, signer: FileSigner) -> None:
    hung = await asyncio.gather(*(_attest(registry_host, "snapshots/several", signer) for _ in range(4)))
    assert len({(one.reference, one.attestation) for one in hung}) == 1
    async with Registry(registry_host, plain_http=True) as registry:
        listed = await list_referrers(registry, "snapshots/several", ARTIFACT)
    assert [one.digest for one in listed] == [hung[0].attestation]


async def test_a_session_is_not_attested_so_and_nothing_is_pushed(olareg: str, signer: FileSigner) -> None:
    session = sample_sessions.stored()
    manifest = sample_runs.snapshot().model_validate_json(session.manifest)
    with pytest.raises(PolicyRefused, match="holds a session"):
        await _attest(olareg, "snapshots/session", signer, sample_snapshots.stored(manifest))
    assert await _find(olareg, "snapshots/session", signer) is None


async def test_an_export_that_comes_across_one_says_what_to_do_with_it(
    without_referrers: str, signer: FileSigner
) -> None:
    await _attest(without_referrers, "listed-data/snapshots", signer)
    found = Found()
    async with Registry(without_referrers, plain_http=True) as registry:
        await discover(registry, "listed-data", found, 10)
    assert not found.runs
    assert any(one.why.startswith("it is a snapshot; tradeplane verify tells") for one in found.passed_over)


async def test_what_it_is_by_its_own_word_decides_what_is_asked(olareg: str, signer: FileSigner) -> None:
    attested = await _attest(olareg, "snapshots/kind", signer)
    async with Registry(olareg, plain_http=True) as registry:
        assert await kind_of(registry, attested.reference) == "application/vnd.tradeplane.snapshot.v1+json"


async def test_one_that_nobody_attests_is_not_verified(registry_host: str, signer: FileSigner) -> None:
    place = await _bare(registry_host, "snapshots/bare")
    _failed(await _verify(place, sample_runs.keyring(signer)), "attestation", "NotAttested")
    assert await _find(registry_host, "snapshots/bare", signer, sample_runs.keyring(signer)) is None


async def test_the_word_of_a_stranger_does_not_count(
    registry_host: str, signer: FileSigner, importer: FileSigner
) -> None:
    attested = await _attest(registry_host, "snapshots/stranger", importer)
    _failed(await _verify(attested.reference, sample_runs.keyring(signer)), "attestation", "KeyRefused")
    assert await _find(registry_host, "snapshots/stranger", signer) is None
    assert await _find(registry_host, "snapshots/stranger", signer, sample_runs.keyring(signer)) is None


async def test_who_imports_is_relied_on_by_a_keyring_and_for_the_builders_it_names(
    registry_host: str, signer: FileSigner, importer: FileSigner
) -> None:
    attested = await _attest(registry_host, "snapshots/importer", importer)
    found = await _find(registry_host, "snapshots/importer", signer, _keyring(importer, LOCAL_BUILDER))
    assert found == SnapshotAttestation(SNAPSHOT, str(attested.reference), attested.attestation)
    assert await _find(registry_host, "snapshots/importer", signer, _keyring(importer, OPERATOR)) is None


async def test_the_operators_own_key_counts_for_its_own_builder(
    registry_host: str, signer: FileSigner, importer: FileSigner
) -> None:
    """And comes first, whoever else has attested it."""
    await _attest(registry_host, "snapshots/own", importer)
    await _attest(registry_host, "snapshots/own", signer)
    keyring = _keyring(importer, LOCAL_BUILDER)
    by_importer = await _find(registry_host, "snapshots/own", signer, keyring)
    sealed = await _seal(registry_host, "snapshots/own", signer)
    own = await _find(registry_host, "snapshots/own", signer, keyring)
    assert own is not None
    assert by_importer is not None
    assert own.attestation == sealed.attestation != by_importer.attestation
    assert await _find(registry_host, "snapshots/own", signer, builder="https://example.com/other") is None


async def test_another_snapshot_under_the_tag_is_neither_found_nor_verified(
    registry_host: str, signer: FileSigner
) -> None:
    other = sample_snapshots.other()
    attested = await _attest(registry_host, "snapshots/moved", signer, other, execution=sample_snapshots.SEALED)
    await _bare(registry_host, "snapshots/moved", other, tagged=sample_snapshots.stored())
    assert await _find(registry_host, "snapshots/moved", signer, sample_runs.keyring(signer)) is None
    tag = Reference(registry_host, "snapshots/moved", tag=SNAPSHOT.removeprefix("sha256:"))
    found = await _verify(tag, sample_runs.keyring(signer))
    assert (found.reference, found.snapshot) == (attested.reference, other.snapshot)
    assert f"as {tag.tag} names it now" in found.checks[0].words


async def test_a_tag_that_is_anothers_does_not_hide_the_attestation(registry_host: str, signer: FileSigner) -> None:
    sealed = await _seal(registry_host, "snapshots/hidden", signer)
    await _bare(registry_host, "snapshots/hidden", sample_snapshots.other(), tagged=sample_snapshots.stored())
    found = await _find(registry_host, "snapshots/hidden", signer)
    assert found is not None
    assert found.attestation == sealed.attestation


def _changed(statement: Statement, **definition: Any) -> Statement:
    predicate = json.loads(json.dumps(statement.predicate))
    predicate["buildDefinition"].update(definition)
    return statement.model_copy(update={"predicate": predicate})


@pytest.mark.parametrize(
    ("definition", "error"),
    [
        ({"buildType": "https://tradeplane.dev/evidence/run-v1"}, "PolicyRefused"),
        ({"externalParameters": {"import": {}, "unknown": 1}}, "PolicyRefused"),
        ({"externalParameters": {}}, "Malformed"),
    ],
)
async def test_a_statement_of_something_else_is_none_of_it(
    registry_host: str, signer: FileSigner, definition: dict[str, Any], error: str
) -> None:
    """Genuine, of this artifact, by the key that is relied on: but not of how this snapshot came to be."""
    place = await _bare(
        registry_host, f"snapshots/else-{error.lower()}-{len(str(definition))}", sample_snapshots.stored()
    )
    evidence = sample_snapshots.captured(sample_snapshots.stored())
    await _hang(place, _changed(sample_snapshots.statement(evidence), **definition), signer)
    _failed(await _verify(place, sample_runs.keyring(signer)), "attestation", error)
    assert await _find(registry_host, place.repository, signer, sample_runs.keyring(signer)) is None


async def test_a_statement_of_another_snapshot_in_the_same_artifact_is_refused(
    registry_host: str, signer: FileSigner
) -> None:
    place = await _bare(registry_host, "snapshots/another")
    stated = sample_snapshots.statement(sample_snapshots.captured(sample_snapshots.stored()))
    (about, _) = stated.subject
    await _hang(place, stated.model_copy(update={"subject": (about,)}), signer)
    words = _failed(await _verify(place, sample_runs.keyring(signer)), "attestation", "PolicyRefused").words
    assert f"not about {SNAPSHOT}" in words
    assert await _find(registry_host, "snapshots/another", signer, sample_runs.keyring(signer)) is None


async def test_sources_that_are_not_those_of_the_manifest_are_refused(registry_host: str, signer: FileSigner) -> None:
    place = await _bare(registry_host, "snapshots/sources")
    await _hang(place, _changed(sample_snapshots.statement(), resolvedDependencies=[]), signer)
    words = _failed(await _verify(place, sample_runs.keyring(signer)), "sources", "PolicyRefused").words
    assert "not those in the snapshot's manifest" in words


async def test_a_changed_byte_of_the_bundle_is_refused(registry_host: str, signer: FileSigner) -> None:
    place = await _bare(registry_host, "snapshots/changed")
    bundle = sign_statement(sample_snapshots.statement(sample_snapshots.captured(sample_snapshots.stored())), signer)
    document = json.loads(bundle)
    payload = base64.b64decode(document["dsseEnvelope"]["payload"]).replace(b"btcusdt", b"ethusdt")
    document["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    await _hang(place, None, signer, json.dumps(document).encode())
    _failed(await _verify(place, sample_runs.keyring(signer)), "attestation", "SignatureRefused")
    assert await _find(registry_host, "snapshots/changed", signer, sample_runs.keyring(signer)) is None


async def test_a_registry_that_is_down_is_no_answer(signer: FileSigner) -> None:
    down = Registry("127.0.0.1:1", plain_http=True, limits=Limits(tries=1))
    async with down as registry:
        by = ReliedOn(signer, OPERATOR)
        with pytest.raises(RegistryUnavailable):
            await find_attestation(registry, Reference("127.0.0.1:1", "x"), SNAPSHOT, ARTIFACT, by, NOW)


@dataclass(frozen=True)
class _Keyless:
    """Somebody who signs without a key, to whom every bundle is one whose entry of the log is another's."""

    name: str = "somebody"
    deterministic: bool = False

    def issuer(self) -> str:
        return "https://issuer.example.com"

    def signed_bundle(self, payload: bytes) -> bytes:
        raise AssertionError(payload)

    def message_bundle(self, data: bytes) -> bytes:
        raise AssertionError(data)

    def payload_of(self, bundle: bytes) -> bytes:
        raise LogEntryRefused(f"an entry of another than these {len(bundle)} bytes")


async def test_a_bundle_whose_log_entry_is_anothers_hides_no_other(
    registry_host: str, signer: FileSigner, importer: FileSigner
) -> None:
    await _seal(registry_host, "snapshots/log", signer)
    imported = await _attest(registry_host, "snapshots/log", importer)
    async with Registry(registry_host, plain_http=True) as registry:
        by = ReliedOn(_Keyless(), OPERATOR, _keyring(importer))
        place = Reference(registry_host, "snapshots/log")
        found = await find_attestation(registry, place, SNAPSHOT, ARTIFACT, by, NOW)
    assert found is not None
    assert found.attestation == imported.attestation


async def _run_on(
    host: str, repository: str, signer: FileSigner, *named: SnapshotAttestation, tag: str | None = None
) -> Attested:
    """Attest the sample run, which names attestations of its data."""
    async with Registry(host, plain_http=True) as registry:
        execution = replace(sample_runs.EXECUTION, snapshots=named)
        place = Reference(host, repository, tag=tag)
        return await attest_run(sample_runs.stored(), registry, place, Alone(signer), execution)


async def _verify_run(
    run: Reference, keyring: Keyring, data: Keyring | None = None, builder: str | None = None, *, follow: bool = True
) -> Verification:
    async with Registry(run.host, plain_http=True) as registry:

        async def registry_of(_: Reference) -> Registry:
            return registry

        policy = snapshot_policy(frozenset({builder}) if builder else None)
        chain = Snapshots(registry_of, Trust(data or keyring, policy, NOW))
        return await verify_run(registry, run, keyring, Policy(), NOW, snapshots=chain if follow else None)


def _said(found: Verification) -> str:
    (words,) = [one.words for one in found.checks if one.name == "snapshots"]
    return words


async def test_a_chain_goes_from_the_result_over_the_data_to_its_sources(
    registry_host: str, signer: FileSigner, importer: FileSigner
) -> None:
    await _attest(registry_host, "chain/data/snapshots", importer)
    named = await _find(registry_host, "chain/data/snapshots", signer, _keyring(importer))
    assert named is not None
    run = await _run_on(registry_host, "chain/data/run", signer, named)
    found = await _verify_run(run.reference, sample_runs.keyring(signer, importer), builder=LOCAL_BUILDER)
    assert found.passed, found.checks
    (claim,) = found.snapshots
    assert claim.attestation == named.attestation
    assert [one.uri for one in claim.sources] == [sample_snapshots.PLACE]
    assert importer.public_key.fingerprint in _said(found)
    assert _said(found).endswith("imported from sp500.csv.gz")
    unfollowed = await _verify_run(run.reference, sample_runs.keyring(signer), follow=False)
    assert unfollowed.passed
    assert "was not followed" in _said(unfollowed)


async def test_without_a_stated_attestation_it_ends_at_the_data(registry_host: str, signer: FileSigner) -> None:
    run = await _run_on(registry_host, "chain/unstated", signer)
    found = await _verify_run(run.reference, sample_runs.keyring(signer))
    assert found.passed
    assert _said(found) == "ends at the data: no attestation of a snapshot is stated"


@pytest.mark.parametrize("hung", [MAX_ATTESTATIONS - 1, MAX_ATTESTATIONS])
async def test_where_as_many_as_are_looked_at_hide_it_the_run_names_none_and_is_attested(
    olareg: str, signer: FileSigner, importer: FileSigner, hung: int
) -> None:
    repository = f"chain/hidden-by-{hung}"
    place = await _bare(olareg, f"{repository}/snapshots")
    await hang_junk(place, hung)
    data = await _attest(olareg, place.repository, importer)
    assert data.reference == place
    found = await _find(olareg, place.repository, signer, _keyring(importer))
    hidden = hung == MAX_ATTESTATIONS
    assert (found is None) is hidden
    run = await _run_on(olareg, repository, signer, *([] if found is None else [found]))
    verified = await _verify_run(run.reference, sample_runs.keyring(signer, importer))
    assert verified.passed, verified.checks
    assert _said(verified).startswith("ends at the data: no attestation of a snapshot is stated") is hidden


@pytest.mark.parametrize("trouble", ["missing", "other", "run", "key", "builder"])
async def test_a_chain_that_is_broken_at_the_data_fails(
    registry_host: str, signer: FileSigner, importer: FileSigner, trouble: str
) -> None:
    repository = f"chain/broken-{trouble}"
    data = await _attest(registry_host, repository, importer)
    other = await _attest(registry_host, repository, importer, sample_snapshots.other())
    run = await _run_on(registry_host, repository, signer)
    stated = {"missing": f"sha256:{'00' * 32}", "other": other.attestation, "run": run.attestation}
    named = SnapshotAttestation(SNAPSHOT, str(data.reference), stated.get(trouble, data.attestation))
    broken = await _run_on(registry_host, f"{repository}/runs", signer, named)
    keyring = sample_runs.keyring(signer) if trouble == "key" else sample_runs.keyring(signer, importer)
    builder = "https://example.com/other" if trouble == "builder" else None
    found = await _verify_run(broken.reference, sample_runs.keyring(signer), keyring, builder)
    errors = {"missing": "NotAttested", "key": "KeyRefused"}
    _failed(found, "snapshots", errors.get(trouble, "PolicyRefused"))


async def test_one_attestation_is_verified_once_for_all_runs(registry_host: str, signer: FileSigner) -> None:
    data = await _attest(registry_host, "chain/once", signer)
    named = SnapshotAttestation(SNAPSHOT, str(data.reference), data.attestation)
    run = await _run_on(registry_host, "chain/once-run", signer, named)
    asked = []
    async with Registry(registry_host, plain_http=True) as registry:

        async def registry_of(reference: Reference) -> Registry:
            asked.append(reference)
            return registry

        chain = Snapshots(registry_of, Trust(sample_runs.keyring(signer), snapshot_policy(), NOW))
        for _ in range(3):
            keyring = sample_runs.keyring(signer)
            assert (await verify_run(registry, run.reference, keyring, Policy(), NOW, snapshots=chain)).passed
    assert asked == [data.reference]


async def _attempt(
    host: str, repository: str, signing: Signing, *named: SnapshotAttestation, retried: bool = True
) -> Attested:
    """Attest the sample run as an operator does, with what it found of the data this time."""
    async with Registry(host, plain_http=True) as registry:
        execution = replace(sample_runs.EXECUTION, snapshots=named)
        place = Reference(host, repository, tag=sample_runs.RUN)
        stored = sample_runs.stored()
        pushed = await push_files(stored, registry, place, signing, execution, retried=retried)
        return await attest_pushed(pushed, registry, signing)


@pytest.mark.parametrize("kind", ["file", "wavering", "quota"])
@pytest.mark.parametrize("appears", [True, False])
async def test_what_appears_or_goes_between_two_attempts_makes_no_second_attestation(
    registry_host: str, signer: FileSigner, tmp_path: Path, kind: str, *, appears: bool
) -> None:
    """An attempt whose answer was lost, and the next finds another state of the data's attestations."""
    repository = f"retries/{kind}-{appears}".lower()
    data = await _seal(registry_host, f"{repository}-data", signer)
    named = SnapshotAttestation(SNAPSHOT, str(data.reference), data.attestation)
    wavering = sample_runs.wavering_signer(tmp_path)
    signing = (
        WithinQuota(signer, Quota(1_000.0)) if kind == "quota" else Alone(wavering if kind == "wavering" else signer)
    )
    attempts = ((), (named,)) if appears else ((named,), ())
    first = await _attempt(registry_host, repository, signing, *attempts[0])
    assert await _attempt(registry_host, repository, signing, *attempts[1]) == first
    async with Registry(registry_host, plain_http=True) as registry:
        listed = await list_referrers(registry, repository, first.reference.digest or "")
    assert [one.digest for one in listed] == [first.attestation]


async def test_what_a_person_attests_anew_with_more_is_another_attestation(
    registry_host: str, signer: FileSigner
) -> None:
    data = await _seal(registry_host, "retries/person-data", signer)
    named = SnapshotAttestation(SNAPSHOT, str(data.reference), data.attestation)
    first = await _attempt(registry_host, "retries/person", Alone(signer), retried=False)
    second = await _attempt(registry_host, "retries/person", Alone(signer), named, retried=False)
    assert (first.reference, first.attestation != second.attestation) == (second.reference, True)


async def test_one_of_a_batch_is_found_though_the_data_are_attested_since(
    registry_host: str, signer: FileSigner
) -> None:
    """Signed together with another, its provenance lies in its artifact, which is another with more in it."""
    data = await _seal(registry_host, "retries/batch-data", signer)
    named = SnapshotAttestation(SNAPSHOT, str(data.reference), data.attestation)
    signing = WithinQuota(signer, Quota(1_000.0))
    async with Registry(registry_host, plain_http=True) as registry:

        async def attempt(*found: SnapshotAttestation) -> list[Attested]:
            pushed = [
                await push_files(
                    sample_runs.stored(f"run-{number}"),
                    registry,
                    Reference(registry_host, "retries/batch", tag=f"run-{number}"),
                    signing,
                    replace(sample_runs.EXECUTION, snapshots=found),
                    retried=True,
                )
                for number in range(3)
            ]
            slow = WithinQuota(signer, Quota(5.0))
            return await asyncio.gather(*(attest_pushed(one, registry, slow) for one in pushed))

        first = await attempt()
        assert len({one.bundle for one in first}) < len(first)
        assert await attempt(named) == first
        for one in first:
            assert len(await list_referrers(registry, "retries/batch", one.reference.digest or "")) == 1


async def test_a_strangers_artifact_under_the_tag_of_a_run_changes_nothing(
    registry_host: str, signer: FileSigner
) -> None:
    """Within a quota the artifact under the run's name is looked at: nothing is believed of it that was not signed."""
    signing = WithinQuota(signer, Quota(1_000.0))
    async with Registry(registry_host, plain_http=True) as registry:
        stranger = sample_snapshots.stored()
        artifact = snapshot_artifact(stranger.data, stranger.manifest.holds)
        for blob in (EMPTY, stranger.data):
            await registry.push_blob("retries/tag", blob)
        await registry.push_manifest("retries/tag", sample_runs.RUN, artifact, MANIFEST_TYPE)
    attested = await _attempt(registry_host, "retries/tag", signing)
    found = await _verify_run(attested.reference, sample_runs.keyring(signer))
    assert found.passed, found.checks
    assert sha256_digest(artifact) != attested.reference.digest
