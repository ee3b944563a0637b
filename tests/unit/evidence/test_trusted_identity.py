"""A statement by somebody who is relied on by name is held to the same policy as one by a key."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.errors import (
    CertificateRefused,
    EvidenceError,
    Malformed,
    PolicyRefused,
    SignatureRefused,
)
from tradeplane_evidence.keyless.identities import LOG, Identity
from tradeplane_evidence.keyless.trusted_identity import TrustedIdentity
from tradeplane_evidence.keyless.trusted_root import read_trusted_root
from tradeplane_evidence.statements.statement import serialise
from tradeplane_evidence.verification.bundles import Claim, verify_bundle
from tradeplane_evidence.verification.policy import Policy

from tests.unit.evidence import sample_runs
from tests.unit.evidence.private_sigstore import AT, ISSUER, SUBJECT, PrivateSigstore, encoded

if TYPE_CHECKING:
    from pathlib import Path

SIGSTORE = PrivateSigstore()
ROOT = read_trusted_root(json.dumps(SIGSTORE.trusted_root()).encode())
OPERATOR = TrustedIdentity(Identity(SUBJECT, ISSUER), ROOT)
NOW = datetime(2026, 1, 6, tzinfo=UTC)
PAYLOAD = serialise(sample_runs.statement())


def _verify(
    bundle: dict[str, Any], trust: TrustedIdentity = OPERATOR, policy: Policy | None = None, now: datetime = NOW
) -> Claim:
    return verify_bundle(
        json.dumps(bundle).encode(), sample_runs.artifact().digest, trust, policy or Policy(timestamped=True), now
    )


def test_the_claim_says_who_signed_and_when() -> None:
    claim = _verify(SIGSTORE.statement(PAYLOAD))
    assert claim.statement == sample_runs.statement()
    assert claim.signer == f"{SUBJECT} (by {ISSUER})"
    assert claim.stamped == (AT, LOG)
    assert claim.key.key.material == SIGSTORE.key("signer").public_key()


@pytest.mark.parametrize(
    ("trust", "policy", "words"),
    [
        (TrustedIdentity(Identity("somebody@example.com", ISSUER), ROOT), Policy(), "SANs do not match"),
        (TrustedIdentity(Identity(SUBJECT, "https://example.com"), ROOT), Policy(), "does not match"),
        (TrustedIdentity(OPERATOR.identity, ROOT, frozenset({"https://example.com/b"})), Policy(), "does not sign for"),
        (OPERATOR, Policy(builders=frozenset({"https://example.com/b"})), "the builder is"),
        (OPERATOR, Policy(max_age=timedelta(hours=1)), "nothing older"),
        (OPERATOR, Policy(build_types=frozenset({"https://example.com/t"})), "the build type is"),
    ],
)
def test_what_the_policy_does_not_allow_is_refused(trust: TrustedIdentity, policy: Policy, words: str) -> None:
    with pytest.raises(PolicyRefused, match=words):
        _verify(SIGSTORE.statement(PAYLOAD), trust, policy)


def test_a_builder_that_they_sign_for_passes() -> None:
    builders = frozenset({sample_runs.EXECUTION.builder})
    assert _verify(SIGSTORE.statement(PAYLOAD), TrustedIdentity(OPERATOR.identity, ROOT, builders)).identity


def test_what_says_it_was_made_after_it_was_signed_is_refused() -> None:
    before = AT - timedelta(minutes=6)
    with pytest.raises(PolicyRefused, match="yet to come"):
        _verify(SIGSTORE.statement(PAYLOAD, before))


def test_a_changed_statement_is_refused() -> None:
    bundle = SIGSTORE.statement(PAYLOAD)
    bundle["dsseEnvelope"]["payload"] = encoded(PAYLOAD.replace(b'"1000000"', b'"2000000"'))
    with pytest.raises(SignatureRefused):
        _verify(bundle)


def test_another_instance_is_refused() -> None:
    with pytest.raises(CertificateRefused):
        _verify(PrivateSigstore(seed=2).statement(PAYLOAD))


def test_a_message_is_no_statement() -> None:
    with pytest.raises(Malformed, match="no statement"):
        _verify(SIGSTORE.message(PAYLOAD))


def test_a_bundle_by_a_key_is_not_by_somebody(tmp_path: Path) -> None:
    signer = sample_runs.signer_in(tmp_path)
    with pytest.raises(Malformed, match="names a key"):
        _verify(json.loads(sample_runs.bundle(signer)))
    with pytest.raises(EvidenceError):
        verify_bundle(
            json.dumps(SIGSTORE.statement(PAYLOAD)).encode(),
            sample_runs.artifact().digest,
            sample_runs.keyring(signer),
            Policy(),
            NOW,
        )
