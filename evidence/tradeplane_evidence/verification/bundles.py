"""One bundle: from its bytes to the claim that is in it, or to why there is none.

Whoever is relied on (``signers``), what is asked of the statement is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tradeplane_evidence import strict_json
from tradeplane_evidence.keyless.identities import LOG
from tradeplane_evidence.signing.keyring import told
from tradeplane_evidence.statements.batch import BATCH_BUILD_TYPE
from tradeplane_evidence.statements.provenance import Provenance, provenance_of
from tradeplane_evidence.statements.statement import MAX_STATEMENT_BYTES, parse_statement, parsed
from tradeplane_evidence.verification.policy import Policy, about, made_at
from tradeplane_evidence.verification.signers import signed_by, signer_in_words

if TYPE_CHECKING:
    from datetime import datetime

    from tradeplane_evidence.keyless.identities import Identity
    from tradeplane_evidence.keyless.trusted_identity import TrustedIdentity
    from tradeplane_evidence.signing.keyring import TrustedKey
    from tradeplane_evidence.statements.statement import Statement
    from tradeplane_evidence.verification.signers import Signed, Signers


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody signed who is relied on, and what it says.

    ``made``: when, by the signer's own word; None where it says nothing. ``stamped``: since when the signature is
    there, and by whose word; None without a timestamp of an authority that is trusted. ``trusted``: who signed, where
    a certificate says so, and by which instance; ``key`` is the certificate's then. ``batch``: the provenance that was
    signed, where it is of many runs and ``provenance`` is of the one that is asked about; None otherwise.
    """

    statement: Statement
    provenance: Provenance
    key: TrustedKey
    made: datetime | None
    stamped: tuple[datetime, str] | None
    trusted: TrustedIdentity | None = None
    batch: Provenance | None = None

    @property
    def identity(self) -> Identity | None:
        """Who signed, where a certificate says so."""
        return None if self.trusted is None else self.trusted.identity

    @property
    def signer(self) -> str:
        """Who signed, in words."""
        return signer_in_words(self.key, self.identity)

    @property
    def is_of_many(self) -> bool:
        """Whether it says that the provenance of each run is in the run's own artifact."""
        return self.provenance.build_definition.build_type == BATCH_BUILD_TYPE


def verify_bundle(data: bytes, digest: str, trust: Signers, policy: Policy, now: datetime) -> Claim:
    """Return the claim of a bundle about a digest.

    The signature comes first: nothing else is read of what is not signed. Raises Malformed, SignatureRefused,
    KeyRefused, CertificateRefused, TimestampRefused or PolicyRefused.
    """
    signed = signed_by(data, trust)
    statement = parse_statement(signed[0])
    about(statement, digest)
    batch = provenance_of(statement).build_definition.build_type == BATCH_BUILD_TYPE
    return _claim(statement, signed, policy.of_batches() if batch else policy, now)


def verify_claim(data: bytes, trust: Signers, policy: Policy, now: datetime) -> Claim:
    """Return the claim of a bundle, whatever it is about, which is for the caller to ask; never one of many runs.

    Raises what ``verify_bundle`` raises.
    """
    signed = signed_by(data, trust)
    return _claim(parse_statement(signed[0]), signed, policy, now)


def _claim(statement: Statement, signed: Signed, policy: Policy, now: datetime) -> Claim:
    """Return what somebody claims, once key, policy and age are as they must be."""
    _, key, stamped, trusted = signed
    provenance = provenance_of(statement)
    made = made_at(provenance)
    key.check(made or now if stamped is None else stamped[0], trusted=stamped is not None)
    claim = Claim(statement, provenance, key, made, stamped, trusted)
    policy.check(claim, now)
    return claim


def time_in_words(claim: Claim) -> str:
    """Say when it was signed, and by whose word."""
    if claim.stamped is not None:
        whose = claim.stamped[1] if claim.stamped[1] == LOG else f"the timestamp authority {claim.stamped[1]}"
        return f"{told(claim.stamped[0])} by {whose}"
    if claim.made is None:
        return "not stated, and no trusted timestamp"
    return f"{told(claim.made)} by the signer's own word: no trusted timestamp"


def claim_of_one(claim: Claim, provenance: bytes, policy: Policy, now: datetime) -> Claim:
    """Return the claim of one run out of one of many, from the provenance in the artifact whose digest was signed.

    Raises Malformed or PolicyRefused.
    """
    what = "the provenance in the artifact"
    own = parsed(Provenance, strict_json.parse(provenance, what, MAX_STATEMENT_BYTES), what)
    policy.check_batched(own, claim.provenance)
    made = made_at(own)
    policy.check_age(made if claim.stamped is None else claim.stamped[0], now, stamped=claim.stamped is not None)
    one = replace(claim, provenance=own, made=made, batch=claim.provenance)
    policy.check_rules(one, now)
    return one
