"""cosign as it is published verifies what we sign, and we what it signs: by key, and without asking anybody else."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.configurations.documents import Configuration, payload_of
from tradeplane_evidence.errors import EvidenceError, SignatureRefused
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.manifests import MANIFEST_TYPE, described
from tradeplane_evidence.registry.referrers import push_referrer
from tradeplane_evidence.signed_referrers import bundle_artifact
from tradeplane_evidence.signing.keyring import Keyring, read_keyring
from tradeplane_evidence.statements.approval import APPROVAL_TYPE
from tradeplane_evidence.verification.bundles import verify_bundle
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import verify_run
from tradeplane_store.canonical import sha256_digest

from tests.integration.evidence.conftest import push, push_results
from tests.unit.evidence import sample_approvals, sample_runs

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner

    from tests.integration.evidence.conftest import Cosign

NOW = datetime(2026, 1, 6, tzinfo=UTC)
PREDICATE = "https://slsa.dev/provenance/v1"
OFFLINE = "--insecure-ignore-tlog"


@pytest.fixture(params=[False, True], ids=["P-256", "Ed25519"])
def own(request: pytest.FixtureRequest, tmp_path: Path) -> FileSigner:
    """Give a signer of each kind of key."""
    return sample_runs.signer_in(tmp_path, edwards=request.param)


def _public(signer: FileSigner, folder: Path) -> Path:
    path = folder / "key.pub"
    path.write_text(signer.public_key.pem())
    return path


async def test_cosign_verifies_what_is_in_a_registry(
    registry_host: str, own: FileSigner, cosign: Cosign, tmp_path: Path
) -> None:
    attested = await push(registry_host, f"cosign/{own.public_key.algorithm.lower()}", own)
    asked = ("verify-attestation", "--key", _public(own, tmp_path), OFFLINE, "--type", PREDICATE)
    done = cosign(*asked, str(attested.reference))
    assert done.returncode == 0, done.stderr
    statement = json.loads(base64.b64decode(json.loads(done.stdout)["payload"]))
    assert statement["predicate"]["buildDefinition"]["buildType"] == "https://tradeplane.dev/evidence/run-v1"
    assert statement["predicate"]["runDetails"]["builder"]["id"] == sample_runs.EXECUTION.builder

    other = tmp_path / "other"
    other.mkdir()
    stranger = _public(sample_runs.signer_in(other, scalar=99), other)
    refused = cosign("verify-attestation", "--key", stranger, OFFLINE, "--type", PREDICATE, str(attested.reference))
    assert refused.returncode != 0


async def test_cosign_refuses_what_was_changed(
    registry_host: str, own: FileSigner, cosign: Cosign, tmp_path: Path
) -> None:
    """One byte of the statement is another, and all around it is as it should be."""
    attested = await push(registry_host, "cosign/source", own)
    bundle = json.loads(attested.bundle)
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    changed = payload.replace(b'"capital":"1000000"', b'"capital":"2000000"')
    assert changed != payload
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(changed).decode()
    repository = f"cosign/changed-{own.public_key.algorithm.lower()}"
    async with Registry(registry_host, plain_http=True) as registry:
        data = json.dumps(bundle).encode()
        reference = await push_results(registry, repository, sample_runs.stored())
        await registry.push_blob(repository, data)
        manifest = sample_runs.artifact().manifest
        await push_referrer(registry, repository, bundle_artifact(data, described(manifest, MANIFEST_TYPE)))
        found = await verify_run(registry, reference, sample_runs.keyring(own), Policy(), NOW)
    done = cosign("verify-attestation", "--key", _public(own, tmp_path), OFFLINE, "--type", PREDICATE, str(reference))
    assert done.returncode != 0
    assert [check.error for check in found.checks][-1] == "SignatureRefused"


@pytest.fixture(scope="module")
def cosigned(cosign: Cosign, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Keyring, str]:
    """Have cosign make a key and attest a file with it; give bundle, keyring and the file's digest."""
    folder = tmp_path_factory.mktemp("cosigned")
    done = cosign("generate-key-pair", "--output-key-prefix", folder / "theirs")
    assert done.returncode == 0, done.stderr
    statement = json.loads(base64.b64decode(json.loads(_own_bundle(folder))["dsseEnvelope"]["payload"]))
    predicate, about = folder / "predicate.json", folder / "file"
    predicate.write_text(json.dumps(statement["predicate"]))
    about.write_bytes(b"what cosign attests")
    bundle = folder / "bundle.json"
    done = cosign(
        *("attest-blob", "--key", folder / "theirs.key", "--type", PREDICATE, "--predicate", predicate),
        *("--bundle", bundle, "--use-signing-config=false", "--tlog-upload=false", "--yes", about),
    )
    assert done.returncode == 0, done.stderr
    digest = described(about.read_bytes(), "text/plain").digest
    return bundle.read_bytes(), read_keyring((folder / "theirs.pub").read_bytes()), digest


def _own_bundle(folder: Path) -> bytes:
    return sample_runs.bundle(sample_runs.signer_in(folder))


def test_what_cosign_signed_is_verified(cosigned: tuple[bytes, Keyring, str]) -> None:
    bundle, keyring, digest = cosigned
    claim = verify_bundle(bundle, digest, keyring, Policy(), NOW)
    assert claim.statement.about(digest)
    assert claim.provenance.run_details.builder.id == sample_runs.EXECUTION.builder


def test_what_cosign_signed_and_somebody_changed_is_refused(cosigned: tuple[bytes, Keyring, str]) -> None:
    bundle, keyring, digest = cosigned
    document: dict[str, Any] = json.loads(bundle)
    payload = base64.b64decode(document["dsseEnvelope"]["payload"])
    document["dsseEnvelope"]["payload"] = base64.b64encode(payload.replace(b"1000000", b"2000000")).decode()
    with pytest.raises(SignatureRefused):
        verify_bundle(json.dumps(document).encode(), digest, keyring, Policy(), NOW)


def test_no_changed_byte_of_what_cosign_signed_is_another_claim(cosigned: tuple[bytes, Keyring, str]) -> None:
    bundle, keyring, digest = cosigned
    claimed = verify_bundle(bundle, digest, keyring, Policy(), NOW)
    for place in range(len(bundle)):
        changed = bytearray(bundle)
        changed[place] ^= 1 << (place % 8)
        try:
            found = verify_bundle(bytes(changed), digest, keyring, Policy(), NOW)
        except EvidenceError:
            continue
        assert found == claimed, f"byte {place}"


def test_cosign_verifies_an_approval_and_no_other_specification(
    own: FileSigner, cosign: Cosign, tmp_path: Path
) -> None:
    specification, other = tmp_path / "specification.json", tmp_path / "other.json"
    specification.write_bytes(
        payload_of(Configuration(api_version="tradeplane.dev/v1alpha1", kind="Strategy", spec={"capital": "1"}))
    )
    other.write_bytes(specification.read_bytes().replace(b'"1"', b'"2"'))
    bundle = tmp_path / "approval.sigstore.json"
    bundle.write_bytes(sample_approvals.bundle(own, sha256_digest(specification.read_bytes())))
    asked = ("verify-blob-attestation", "--key", _public(own, tmp_path), OFFLINE, "--bundle", bundle)
    done = cosign(*asked, "--type", APPROVAL_TYPE, specification)
    assert done.returncode == 0, done.stderr
    assert cosign(*asked, "--type", APPROVAL_TYPE, other).returncode != 0
    assert cosign(*asked, "--type", PREDICATE, specification).returncode != 0
