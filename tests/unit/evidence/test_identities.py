"""Who signed is believed where certificate, log, time and statement all say so, and in no other case."""

from __future__ import annotations

import base64
import copy
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.errors import (
    CertificateRefused,
    DigestMismatch,
    EvidenceError,
    InvalidKey,
    Malformed,
    PolicyRefused,
    SignatureRefused,
    TimestampRefused,
)
from tradeplane_evidence.keyless.identities import Identity
from tradeplane_evidence.keyless.trusted_root import read_trusted_root
from tradeplane_evidence.statements.statement import serialise
from tradeplane_evidence.verification.artifact_verification import ArtifactClaim, verify_by_identity
from tradeplane_evidence.verification.artifacts import Artifact, artifact_of

from tests.unit.evidence import sample_runs
from tests.unit.evidence.private_sigstore import AT, ISSUER, SUBJECT, PrivateSigstore, encoded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MESSAGE = b"what somebody signed"
SIGSTORE = PrivateSigstore()
OPERATOR = Identity(SUBJECT, ISSUER)


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    path = tmp_path / "artifact"
    path.write_bytes(MESSAGE)
    return artifact_of(str(path))


def _verify(
    bundle: dict[str, Any] | bytes,
    artifact: Artifact,
    root: dict[str, Any] | None = None,
    identity: Identity = OPERATOR,
) -> ArtifactClaim:
    data = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    trusted = read_trusted_root(json.dumps(root or SIGSTORE.trusted_root()).encode())
    return verify_by_identity(data, artifact, identity, trusted)


def changed_bytes(bundle: dict[str, Any], artifact: Artifact, sigstore: PrivateSigstore, step: int) -> float:
    """Change one byte in so many of a bundle, each by itself; return the share of these that were refused."""
    data = json.dumps(bundle).encode()
    root = read_trusted_root(json.dumps(sigstore.trusted_root()).encode())
    claimed, refused = verify_by_identity(data, artifact, OPERATOR, root), 0
    places = range(0, len(data), step)
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << (place % 8)
        try:
            found = verify_by_identity(bytes(changed), artifact, OPERATOR, root)
        except EvidenceError:
            refused += 1
        else:
            assert found == claimed, f"byte {place}"
    return refused / len(places)


def _entry(bundle: dict[str, Any]) -> dict[str, Any]:
    (entry,) = bundle["verificationMaterial"]["tlogEntries"]
    found: dict[str, Any] = entry
    return found


def test_a_message_is_of_who_signed_it(artifact: Artifact) -> None:
    claim = _verify(SIGSTORE.message(MESSAGE), artifact)
    assert claim.stamped == (AT, "the transparency log")
    assert str(claim) == (
        f"signed by {SUBJECT} (by {ISSUER}) at 2026-01-05T09:00:07Z, by the word of the transparency log"
    )


def test_a_message_is_verified_by_its_digest_alone(artifact: Artifact) -> None:
    assert _verify(SIGSTORE.message(MESSAGE), artifact_of(artifact.sha256)).stamped is not None


def test_a_statement_is_about_what_it_says() -> None:
    bundle = SIGSTORE.statement(serialise(sample_runs.statement()))
    assert _verify(bundle, artifact_of(sample_runs.artifact().digest)).stamped is not None
    with pytest.raises(PolicyRefused, match="is not about"):
        _verify(bundle, artifact_of(f"sha256:{'00' * 32}"))


def test_another_artifact_is_refused(artifact: Artifact, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(MESSAGE + b"!")
    bundle = SIGSTORE.message(MESSAGE)
    with pytest.raises(DigestMismatch, match="another message"):
        _verify(bundle, artifact_of(str(other)))
    del bundle["messageSignature"]["messageDigest"]
    with pytest.raises(SignatureRefused):
        _verify(bundle, artifact_of(str(other)))
    assert _verify(bundle, artifact).stamped is not None


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        (Identity(SUBJECT + "2", ISSUER), "SANs do not match"),
        (Identity(SUBJECT[:-1], ISSUER), "SANs do not match"),
        (Identity(SUBJECT, ISSUER + "/"), "does not match"),
        (Identity(SUBJECT.upper(), ISSUER), "SANs do not match"),
    ],
)
def test_another_identity_or_issuer_is_refused(artifact: Artifact, identity: Identity, words: str) -> None:
    with pytest.raises(PolicyRefused, match=words):
        _verify(SIGSTORE.message(MESSAGE), artifact, identity=identity)


@pytest.mark.parametrize("late", [timedelta(minutes=10, seconds=1), timedelta(seconds=-8)])
def test_what_was_signed_outside_the_certificates_time_is_refused(artifact: Artifact, late: timedelta) -> None:
    bundle = SIGSTORE.message(MESSAGE, at=AT + late, certificate=SIGSTORE.certificate(at=AT))
    with pytest.raises(CertificateRefused):
        _verify(bundle, artifact)


def test_an_instance_that_is_not_trusted_is_refused(artifact: Artifact) -> None:
    with pytest.raises(CertificateRefused):
        _verify(SIGSTORE.message(MESSAGE), artifact, PrivateSigstore(seed=2).trusted_root())


@pytest.mark.parametrize("part", ["tlogs", "certificateAuthorities", "ctlogs"])
def test_each_part_of_a_trusted_root_is_asked(artifact: Artifact, part: str) -> None:
    root, other = SIGSTORE.trusted_root(), PrivateSigstore(seed=2).trusted_root()
    with pytest.raises(CertificateRefused):
        _verify(SIGSTORE.message(MESSAGE), artifact, {**root, part: other[part]})
    with pytest.raises(CertificateRefused):
        _verify(SIGSTORE.message(MESSAGE), artifact, {**root, part: []})
    assert _verify(SIGSTORE.message(MESSAGE), artifact, {**root, part: other[part] + root[part]})


@pytest.mark.parametrize("part", ["tlogs", "certificateAuthorities", "ctlogs"])
def test_each_part_of_a_trusted_root_is_trusted_in_its_time_alone(artifact: Artifact, part: str) -> None:
    """The time of signing counts, both ends of a period included: sigstore-python looks at no end where it verifies."""
    bundle = SIGSTORE.message(MESSAGE)

    def within(start: timedelta, end: timedelta) -> dict[str, Any]:
        root = SIGSTORE.trusted_root()
        for one in root[part]:
            place = one["publicKey"] if part != "certificateAuthorities" else one
            place["validFor"] = {"start": (AT + start).isoformat(), "end": (AT + end).isoformat()}
        return root

    second, hour = timedelta(seconds=1), timedelta(hours=1)
    assert _verify(bundle, artifact, within(-hour, timedelta()))
    assert _verify(bundle, artifact, within(timedelta(), hour))
    for outside in (within(-hour, -second), within(second, hour)):
        with pytest.raises(CertificateRefused):
            _verify(bundle, artifact, outside)


@pytest.mark.parametrize("named", [{}, {"subject": {}}, {"subject": {"commonName": "authority"}}])
def test_an_authority_may_have_no_name(artifact: Artifact, named: dict[str, Any]) -> None:
    """Forms of protobuf leave out what is empty, as cosign does where a certificate names no organization."""
    root = SIGSTORE.trusted_root()
    (authority,) = root["certificateAuthorities"]
    authority.pop("subject")
    authority.update(named)
    assert _verify(SIGSTORE.message(MESSAGE), artifact, root)


@pytest.mark.parametrize("first", [True, False])
def test_another_authority_of_the_same_name_changes_nothing(artifact: Artifact, first: bool) -> None:
    """The promise of the certificate's log is over the key of who issued it, which is not found by its name."""
    namesake = PrivateSigstore()
    namesake.keys["authority"] = PrivateSigstore(seed=2).key("authority")
    assert namesake.authority.subject == SIGSTORE.authority.subject
    (genuine,), (decoy,) = (one.trusted_root()["certificateAuthorities"] for one in (SIGSTORE, namesake))
    both = [decoy, genuine] if first else [genuine, decoy]
    assert _verify(SIGSTORE.message(MESSAGE), artifact, {**SIGSTORE.trusted_root(), "certificateAuthorities": both})
    with pytest.raises(CertificateRefused):
        _verify(SIGSTORE.message(MESSAGE), artifact, {**SIGSTORE.trusted_root(), "certificateAuthorities": [decoy]})


def test_a_certificate_that_no_log_has_is_refused(artifact: Artifact) -> None:
    with pytest.raises(CertificateRefused, match="SCT"):
        _verify(SIGSTORE.message(MESSAGE, certificate=SIGSTORE.certificate(logged=False)), artifact)


def test_without_its_log_entry_it_is_refused(artifact: Artifact) -> None:
    bundle = SIGSTORE.message(MESSAGE)
    bundle["verificationMaterial"]["tlogEntries"] = []
    with pytest.raises(Malformed, match="log entry"):
        _verify(bundle, artifact)


def test_without_anybodys_word_on_the_time_it_is_refused(artifact: Artifact) -> None:
    bundle = SIGSTORE.message(MESSAGE)
    del _entry(bundle)["inclusionPromise"]
    with pytest.raises(Malformed, match="promise or signed timestamp"):
        _verify(bundle, artifact)


def test_a_time_that_the_log_did_not_promise_is_refused(artifact: Artifact) -> None:
    bundle = SIGSTORE.message(MESSAGE)
    _entry(bundle)["integratedTime"] = str(int(AT.timestamp()) + 1)
    with pytest.raises(CertificateRefused, match="SET"):
        _verify(bundle, artifact)


def test_the_entry_of_another_signature_is_refused(artifact: Artifact) -> None:
    """It stands in the log, with a good proof: of something else (CVE-2022-36056)."""
    bundle, other = SIGSTORE.message(MESSAGE), SIGSTORE.message(b"another message")
    bundle["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]
    with pytest.raises(CertificateRefused, match="inconsistent"):
        _verify(bundle, artifact)


def test_the_entry_of_another_statement_is_refused() -> None:
    about = artifact_of(sample_runs.artifact().digest)
    payload = serialise(sample_runs.statement())
    bundle, other = SIGSTORE.statement(payload), SIGSTORE.statement(payload + b" ")
    bundle["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]
    with pytest.raises(CertificateRefused, match="does not match"):
        _verify(bundle, about)


def _proof(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    return lambda bundle: change(_entry(bundle)["inclusionProof"])


@pytest.mark.parametrize(
    "change",
    [
        _proof(lambda proof: proof.update(hashes=[])),
        _proof(lambda proof: proof.update(hashes=[encoded(b"\0" * 32)])),
        _proof(lambda proof: proof.update(logIndex="0")),
        _proof(lambda proof: proof.update(treeSize="3")),
        _proof(lambda proof: proof["checkpoint"].update(envelope=proof["checkpoint"]["envelope"].replace("2", "3", 1))),
    ],
    ids=["no path", "another path", "another place", "another size", "another checkpoint"],
)
def test_a_proof_that_does_not_lead_to_the_log_is_refused(
    artifact: Artifact, change: Callable[[dict[str, Any]], None]
) -> None:
    bundle = SIGSTORE.message(MESSAGE)
    change(bundle)
    with pytest.raises(CertificateRefused, match="log entry"):
        _verify(bundle, artifact)


def test_a_bundle_by_a_key_is_not_by_somebody(artifact: Artifact) -> None:
    bundle = SIGSTORE.message(MESSAGE)
    del bundle["verificationMaterial"]["certificate"]
    bundle["verificationMaterial"]["publicKey"] = {"hint": ""}
    with pytest.raises(Malformed, match="--key"):
        _verify(bundle, artifact)


def test_a_timestamp_of_nobody_trusted_is_no_time(artifact: Artifact) -> None:
    bundle = SIGSTORE.message(MESSAGE)
    stamps = {"rfc3161Timestamps": [{"signedTimestamp": "MAAA"}]}
    bundle["verificationMaterial"]["timestampVerificationData"] = stamps
    root = SIGSTORE.trusted_root()
    root["timestampAuthorities"] = root["certificateAuthorities"]
    with pytest.raises((TimestampRefused, CertificateRefused)):
        _verify(bundle, artifact, root)


def test_no_changed_byte_is_another_claim(artifact: Artifact) -> None:
    """One byte in seventeen, one bit of it: it is refused, or says exactly the same. All are in tests/integration."""
    assert changed_bytes(SIGSTORE.message(MESSAGE), artifact, SIGSTORE, step=17) > 0.98


def test_no_changed_byte_of_a_statement_that_is_logged_as_a_message_is_another_claim() -> None:
    bundle = SIGSTORE.statement(serialise(sample_runs.statement()), logged_as_message=True)
    about = artifact_of(sample_runs.artifact().digest)
    assert changed_bytes(bundle, about, SIGSTORE, step=47) > 0.98


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"logIndex"', b'"logIndex": "0", "logIndex"'),
        (b'{"mediaType"', b'{"unknown": 1, "mediaType"'),
        (b'"signature": "', b'"signature": "\\n'),
        (b'"hashes": ["', b'"hashes": [" '),
    ],
    ids=["name twice", "unknown name", "line in base64", "space in base64"],
)
def test_texts_that_could_mean_two_things_are_refused(artifact: Artifact, old: bytes, new: bytes) -> None:
    data = json.dumps(SIGSTORE.message(MESSAGE)).encode()
    assert old in data
    with pytest.raises(Malformed):
        _verify(data.replace(old, new, 1), artifact)


def _authority(root: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = root["certificateAuthorities"][0]
    return found


def test_deep_and_large_bundles_are_refused(artifact: Artifact) -> None:
    with pytest.raises(Malformed, match="nested"):
        _verify(b"[" * 10_000, artifact)
    with pytest.raises(Malformed, match="at most"):
        _verify(b" " * (8 * 1024 * 1024 + 1), artifact)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda root: root.update(mediaType="application/json"), "mediaType"),
        (lambda root: root["tlogs"][0]["publicKey"]["validFor"].pop("start"), "start"),
        (lambda root: root["tlogs"][0]["publicKey"]["validFor"].update(start=0), "start"),
        (lambda root: root["tlogs"][0]["publicKey"]["validFor"].update(start="2026-01-01"), "start"),
        (lambda root: root["certificateAuthorities"][0]["certChain"].update(certificates=[]), "certificates"),
        (lambda root: root.update(timestampAuthorities=[{**_authority(root), "certChain": {}}]), "certificates"),
        (lambda root: root.update(ctlogs=root["ctlogs"] * 65), "ctlogs"),
    ],
    ids=[
        *("another form", "no start", "a number for a time", "a day for a time", "no certificate"),
        *("no certificate of who stamps", "many"),
    ],
)
def test_a_trusted_root_of_another_form_is_refused(change: Callable[[Any], None], words: str) -> None:
    root = copy.deepcopy(SIGSTORE.trusted_root())
    change(root)
    with pytest.raises(InvalidKey, match=words):
        read_trusted_root(json.dumps(root).encode())


def test_a_trusted_root_whose_parts_cannot_be_read_is_refused(artifact: Artifact) -> None:
    root = SIGSTORE.trusted_root()
    (authority,) = root["certificateAuthorities"]
    authority["certChain"]["certificates"][0]["rawBytes"] = base64.b64encode(b"no certificate").decode()
    with pytest.raises((InvalidKey, CertificateRefused)):
        _verify(SIGSTORE.message(MESSAGE), artifact, root)
