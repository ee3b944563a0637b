"""Who is relied on for which link: what a file says of it, and whose bundle counts where several are named."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.errors import (
    CertificateRefused,
    EvidenceError,
    InvalidKey,
    KeyRefused,
    Malformed,
    PolicyRefused,
    SignatureRefused,
)
from tradeplane_evidence.keyless.identities import Identity
from tradeplane_evidence.keyless.trusted_identity import TrustedIdentity
from tradeplane_evidence.keyless.trusted_root import read_trusted_root
from tradeplane_evidence.signing.keyring import Keyring
from tradeplane_evidence.statements.statement import serialise
from tradeplane_evidence.verification.bundles import Claim, verify_bundle
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.signers import AnySigner, ChainSigners, Signers, identities_of, keyring_of
from tradeplane_evidence.verification.trust_file import MAX_SIGNERS, joined, read_trust_file

from tests.unit.evidence import sample_runs
from tests.unit.evidence.private_sigstore import ISSUER, SUBJECT, PrivateSigstore, encoded

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner

SIGSTORE, OTHER = PrivateSigstore(), PrivateSigstore(seed=2)
NOW = datetime(2026, 1, 6, tzinfo=UTC)
BY_NAME = json.dumps(SIGSTORE.statement(serialise(sample_runs.statement()))).encode()
BUILDER = sample_runs.EXECUTION.builder
ELSEWHERE = "https://example.com/builders/elsewhere"


def _trusted(
    sigstore: PrivateSigstore = SIGSTORE, subject: str = SUBJECT, builders: frozenset[str] | None = None
) -> TrustedIdentity:
    root = read_trusted_root(json.dumps(sigstore.trusted_root()).encode())
    return TrustedIdentity(Identity(subject, ISSUER), root, builders)


def _verify(data: bytes, signers: Signers) -> Claim:
    return verify_bundle(data, sample_runs.artifact().digest, signers, Policy(), NOW)


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    return sample_runs.signer_in(tmp_path)


def test_a_key_and_somebody_both_count(signer: FileSigner) -> None:
    both = AnySigner(sample_runs.keyring(signer), (_trusted(OTHER), _trusted()))
    by_key, by_name = _verify(sample_runs.bundle(signer), both), _verify(BY_NAME, both)
    assert (by_key.identity, by_key.key.key.fingerprint) == (None, signer.public_key.fingerprint)
    assert by_name.trusted == _trusted()
    assert by_name.signer == f"{SUBJECT} (by {ISSUER})"


def test_each_is_relied_on_for_the_builders_of_its_own(signer: FileSigner) -> None:
    ring = sample_runs.keyring(signer)
    narrow = Keyring(tuple(replace(one, builders=frozenset({ELSEWHERE})) for one in ring.keys))
    assert _verify(BY_NAME, AnySigner(narrow, (_trusted(builders=frozenset({BUILDER})),))).identity
    with pytest.raises(PolicyRefused, match="does not sign for"):
        _verify(sample_runs.bundle(signer), AnySigner(narrow, (_trusted(),)))
    with pytest.raises(PolicyRefused, match="does not sign for"):
        _verify(BY_NAME, AnySigner(ring, (_trusted(builders=frozenset({ELSEWHERE})),)))


@pytest.mark.parametrize(
    ("identities", "error", "words"),
    [
        ([_trusted(OTHER)], CertificateRefused, "does not show who signed"),
        ([_trusted(subject="a@example.com"), _trusted(subject="b@example.com")], PolicyRefused, "none of the 2"),
        ([_trusted(OTHER), _trusted(subject="a@example.com")], PolicyRefused, "a@example.com"),
        ([], Malformed, "publicKey"),
    ],
)
def test_what_none_of_them_signed_is_refused(
    signer: FileSigner, identities: list[TrustedIdentity], error: type[EvidenceError], words: str
) -> None:
    with pytest.raises(error, match=words):
        _verify(BY_NAME, AnySigner(sample_runs.keyring(signer), tuple(identities)))


def test_a_strangers_key_and_a_changed_statement_are_refused(signer: FileSigner, tmp_path: Path) -> None:
    (tmp_path / "stranger").mkdir()
    stranger = sample_runs.signer_in(tmp_path / "stranger", scalar=0xBAD)
    with pytest.raises(KeyRefused, match="none of the 1 keys"):
        _verify(sample_runs.bundle(stranger), AnySigner(sample_runs.keyring(signer), (_trusted(),)))
    with pytest.raises(KeyRefused, match="by name"):
        _verify(sample_runs.bundle(signer), AnySigner(Keyring(()), (_trusted(),)))
    changed = json.loads(BY_NAME)
    payload = serialise(sample_runs.statement()).replace(b'"1000000"', b'"2000000"')
    changed["dsseEnvelope"]["payload"] = encoded(payload)
    with pytest.raises(SignatureRefused):
        _verify(json.dumps(changed).encode(), AnySigner(sample_runs.keyring(signer), (_trusted(), _trusted(OTHER))))


def _written(folder: Path, signer: FileSigner, **changed: Any) -> Path:
    """Write a file of trust with what it names beside it: runs by somebody, images by a key, snapshots as runs."""
    (folder / "images.pub").write_text(signer.public_key.pem())
    (folder / "root.json").write_text(json.dumps(SIGSTORE.trusted_root()))
    somebody = {"subject": SUBJECT, "issuer": ISSUER, "trustedRoot": "root.json", "builders": [BUILDER]}
    document = {
        "schemaVersion": 1,
        "kind": "Trust",
        "runs": {"identities": [somebody]},
        "images": {"keyrings": ["images.pub"]},
        **changed,
    }
    path = folder / "trust.json"
    path.write_text(json.dumps({name: value for name, value in document.items() if value is not None}))
    return path


def test_a_file_says_who_signs_which_link(signer: FileSigner, tmp_path: Path) -> None:
    found = read_trust_file(_written(tmp_path, signer))
    somebody = _trusted(builders=frozenset({BUILDER}))
    assert found == ChainSigners(AnySigner(Keyring(()), (somebody,)), sample_runs.keyring(signer), found.runs)
    assert found.differ
    assert (identities_of(found.images), keyring_of(found.runs).keys) == ((), ())
    assert not read_trust_file(_written(tmp_path, signer, images=None)).differ


_SOMEBODY = {"subject": SUBJECT, "issuer": ISSUER, "trustedRoot": "root.json"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"kind": "Keyring"}, "kind"),
        ({"schemaVersion": 2}, "schemaVersion"),
        ({"runs": None}, "runs: Field required"),
        ({"image": {"keyrings": ["images.pub"]}}, "image: Extra inputs"),
        ({"images": {"keyring": ["images.pub"]}}, "images.keyring: Extra inputs"),
        ({"images": {}}, "images names no key and no identity"),
        ({"images": {"keyrings": ["nowhere.json"]}}, "images: the keyring .*nowhere.json cannot be read"),
        ({"images": {"keyrings": ["root.json"]}}, "images: the keyring .*root.json"),
        ({"runs": {"identities": [{**_SOMEBODY, "trustedRoot": "nowhere"}]}}, "runs.identities.0: .* cannot be read"),
        ({"runs": {"identities": [{**_SOMEBODY, "trustedRoot": "images.pub"}]}}, "runs.identities.0: .*not JSON"),
        ({"runs": {"identities": [{**_SOMEBODY, "builders": []}]}}, "runs.identities.0.builders"),
        ({"runs": {"identities": [{"subject": SUBJECT, "issuer": ISSUER}]}}, "trustedRoot: Field required"),
        ({"runs": {"identities": [_SOMEBODY, {**_SOMEBODY, "builders": ["x"]}]}}, "identities.1 is there before"),
        ({"runs": {"identities": [_SOMEBODY] * (MAX_SIGNERS + 1)}}, "identities: Tuple should have at most"),
    ],
)
def test_a_file_that_may_say_something_else_is_refused(
    signer: FileSigner, tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidKey, match=words):
        read_trust_file(_written(tmp_path, signer, **changed))


def test_a_file_that_is_not_there_or_is_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidKey, match="cannot be read"):
        read_trust_file(tmp_path / "trust.json")
    (tmp_path / "trust.json").write_text('{"runs": {}, "runs": {}}')
    with pytest.raises(InvalidKey, match="stands twice"):
        read_trust_file(tmp_path / "trust.json")


def test_keyrings_are_joined_with_each_key_once(signer: FileSigner) -> None:
    ring = sample_runs.keyring(signer)
    narrow = Keyring(tuple(replace(one, builders=frozenset({BUILDER})) for one in ring.keys))
    assert joined([ring, narrow, ring]).keys == (*ring.keys, *narrow.keys)
