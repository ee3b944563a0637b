"""One bundle: from its bytes to the claim that is in it, or to why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_evidence.signing.bundle import parse_bundle
from tradeplane_evidence.statements.provenance import provenance_of
from tradeplane_evidence.statements.statement import parse_statement
from tradeplane_evidence.verification.policy import Policy, about, made_at

if TYPE_CHECKING:
    from datetime import datetime

    from tradeplane_evidence.signing.keyring import Keyring, TrustedKey
    from tradeplane_evidence.statements.provenance import Provenance
    from tradeplane_evidence.statements.statement import Statement


@dataclass(frozen=True, slots=True)
class Claim:
    """What a key of the keyring signed, and what it says.

    ``made``: when, by the signer's own word, which is all there is without a trusted timestamp; None where it says
    nothing.
    """

    statement: Statement
    provenance: Provenance
    key: TrustedKey
    made: datetime | None


def verify_bundle(data: bytes, digest: str, keyring: Keyring, policy: Policy, now: datetime) -> Claim:
    """Return the claim of a bundle about a digest.

    The signature comes first: nothing else is read of what is not signed. Raises Malformed, SignatureRefused,
    KeyRefused or PolicyRefused.
    """
    bundle = parse_bundle(data)
    key = keyring.verify(bundle)
    statement = parse_statement(bundle.dsse_envelope.payload_bytes())
    about(statement, digest)
    provenance = provenance_of(statement)
    made = made_at(provenance)
    key.check(made or now, trusted=False)
    policy.check(provenance, key, made, now)
    return Claim(statement, provenance, key, made)
