"""Which attestation of a snapshot a run names: one by the same signer, or by a key that its snapshots are signed by.

It is sought by the digest of the snapshot's artifact, which follows from its manifest: whatever else lies in the
repository, and whatever its tags name, is not looked at. What nobody attested who is relied on is not named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_evidence.signed_referrers import signed_before
from tradeplane_evidence.statements.provenance import provenance_of
from tradeplane_evidence.statements.run import SnapshotAttestation
from tradeplane_evidence.statements.statement import parse_statement
from tradeplane_evidence.verification.attestations import REFUSALS, Trust
from tradeplane_evidence.verification.policy import about
from tradeplane_evidence.verification.snapshots import made_in, snapshot_policy, verify_snapshot

if TYPE_CHECKING:
    from datetime import datetime

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.signing.keyring import Keyring
    from tradeplane_evidence.signing.signer import BundleSigner, Signer


@dataclass(frozen=True, slots=True)
class ReliedOn:
    """Who is relied on for snapshots: who signs the run itself, as its builder, and the keys of a keyring, if any."""

    signer: Signer | BundleSigner
    builder: str
    keyring: Keyring | None = None


async def find_attestation(
    registry: Registry, repository: Reference, snapshot: str, artifact: str, by: ReliedOn, now: datetime
) -> SnapshotAttestation | None:
    """Return the attestation of a snapshot that is relied on; None where there is none.

    ``artifact``: digest of the snapshot's artifact. Raises what the registry raises where it cannot be asked.
    """
    place = repository.at(artifact)

    def is_it(signed: bytes) -> bool:
        return _is_provenance(signed, artifact, snapshot, by.builder)

    try:
        own = await signed_before(registry, place, by.signer, is_it, stamped=False)
        if own is not None:
            return SnapshotAttestation(snapshot, str(place), own[1])
        if by.keyring is None:
            return None
        trust = Trust(by.keyring, snapshot_policy(), now)
        found = await verify_snapshot(registry, place, snapshot, trust)
    except REFUSALS:
        return None
    return SnapshotAttestation(snapshot, str(place), found.attestation)


def _is_provenance(signed: bytes, artifact: str, snapshot: str, builder: str) -> bool:
    """Return whether a statement is the provenance of a snapshot by a builder. Raises Malformed or PolicyRefused."""
    statement = parse_statement(signed)
    provenance = provenance_of(statement)
    about(statement, artifact)
    about(statement, snapshot)
    snapshot_policy().check_definition(provenance)
    made_in(provenance)
    return provenance.run_details.builder.id == builder
