"""A snapshot in a registry: who says how it came to be, and from which sources.

A run's statement names its snapshots, and of each the attestation that was found when the run was attested, so a chain
goes from the result over the data to the files or the feed they were made from. Runs of a thousand share a few
snapshots: what was found of one is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_store import layout

from tradeplane_evidence.errors import InvalidReference, Malformed, PolicyRefused
from tradeplane_evidence.registry.references import is_digest, parse_reference
from tradeplane_evidence.statements.packages import in_registry
from tradeplane_evidence.statements.run import ATTESTATION, SnapshotAttestation
from tradeplane_evidence.statements.snapshot import (
    CAPTURE,
    IMPORT,
    SOURCE,
)
from tradeplane_evidence.verification.attestations import believed
from tradeplane_evidence.verification.found_once import found_once
from tradeplane_evidence.verification.policy import Policy, about

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Sequence

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.statements.provenance import Provenance
    from tradeplane_evidence.statements.statement import ResourceDescriptor
    from tradeplane_evidence.verification.attestations import Trust
    from tradeplane_evidence.verification.bundles import Claim

_TOLD = 200
"""Characters of a name that somebody signed, which are told of it."""


def snapshot_policy(builders: frozenset[str] | None = None) -> Policy:
    """Return what a snapshot's provenance must be; ``builders``: None where any will do that the key signs for."""
    return Policy(builders=builders).of_snapshots()


@dataclass(frozen=True, slots=True)
class SnapshotClaim:
    """What is believed of a snapshot. ``attestation``: digest of the manifest that holds the bundle."""

    reference: Reference
    snapshot: str
    claim: Claim
    attestation: str
    bundle: bytes = field(repr=False)
    passed_over: int = 0

    @property
    def sources(self) -> Sequence[ResourceDescriptor]:
        """What it was made from."""
        return stated_sources_in(self.claim.provenance)

    def in_words(self) -> str:
        """Say who vouches for it, and for what."""
        builder = self.claim.provenance.run_details.builder.id
        return f"by {self.claim.signer}, builder {builder}, {origin_in_words(self.claim.provenance)}"


async def verify_snapshot(
    registry: Registry,
    reference: Reference,
    snapshot: str,
    trust: Trust,
    attestation: str | None = None,
) -> SnapshotClaim:
    """Return what is believed of a snapshot whose artifact is at a reference with a digest.

    ``attestation``: digest of the one that must be it. Raises one of ``attestations.REFUSALS``, and what the registry
    raises where it cannot be asked.
    """

    async def of_it(claim: Claim) -> Claim:
        states_snapshot(claim, snapshot)
        return claim

    found = await believed(registry, reference, trust, of_it, only=attestation)
    return SnapshotClaim(reference, snapshot, found.claim, found.attestation, found.bundle, found.passed_over)


def states_snapshot(claim: Claim, snapshot: str) -> None:
    """Raise PolicyRefused or Malformed where a claim is not of how that very snapshot came to be."""
    if claim.is_of_many:
        raise PolicyRefused("the statement is of many runs, and none of a snapshot")
    about(claim.statement, snapshot)
    made_in(claim.provenance)


def made_in(provenance: Provenance) -> str:
    """Return which way a snapshot came to be: IMPORT or CAPTURE. Raises Malformed where it is not just one."""
    ways = [one for one in (IMPORT, CAPTURE) if one in provenance.build_definition.external_parameters]
    if len(ways) != 1:
        raise Malformed("the provenance of the snapshot does not say that it was imported, or that it was captured")
    return ways[0]


def origin_in_words(provenance: Provenance) -> str:
    """Say how a snapshot came to be, and from what."""
    stated = provenance.build_definition.external_parameters
    sources = stated_sources_in(provenance)
    names = ", ".join((one.name or "").removeprefix(SOURCE)[:_TOLD] for one in sources[:3]) or "nothing that is named"
    more = f" and {len(sources) - 3} others" if len(sources) > 3 else ""
    if made_in(provenance) == IMPORT:
        return f"imported from {names}{more}"
    capture = stated[CAPTURE]
    told = capture if isinstance(capture, dict) else {}
    where = f"{str(told.get('namespace', '?'))[:_TOLD]}/{str(told.get('name', '?'))[:_TOLD]}"
    return f"captured by {where} from {names}{more}"


def stated_sources_in(provenance: Provenance) -> Sequence[ResourceDescriptor]:
    """Return the sources that the provenance of a snapshot names."""
    dependencies = provenance.build_definition.resolved_dependencies
    return [one for one in dependencies if (one.name or "").startswith(SOURCE)]


def named_snapshots(provenance: Provenance, snapshots: Sequence[str]) -> Sequence[SnapshotAttestation]:
    """Return the attestations of a run's snapshots that its provenance names. Raises Malformed.

    ``snapshots``: the ids of those that the run was made from.
    """
    places = {layout.snapshot_manifest(one): one for one in snapshots}
    named: dict[str, SnapshotAttestation] = {}
    for one in provenance.build_definition.resolved_dependencies:
        snapshot, attestation = places.get(one.name or ""), (one.annotations or {}).get(ATTESTATION)
        if snapshot is None or attestation is None:
            continue
        if not is_digest(attestation):
            raise Malformed(
                f"the attestation of snapshot {snapshot} is stated as {str(attestation)[:100]!r}, which is no digest"
            )
        if snapshot in named:
            raise Malformed(f"the statement names snapshot {snapshot} twice")
        named[snapshot] = SnapshotAttestation(snapshot, in_registry(one.uri or ""), attestation)
    return list(named.values())


@dataclass(slots=True)
class Snapshots:
    """Snapshots that runs were made from, each verified once for all who ask.

    ``registry_of`` gives an open registry for a reference.
    """

    registry_of: Callable[[Reference], Awaitable[Registry]]
    trust: Trust
    _found: dict[SnapshotAttestation, asyncio.Task[SnapshotClaim]] = field(default_factory=dict)

    async def verify(self, named: SnapshotAttestation) -> SnapshotClaim:
        """Return what is believed of a snapshot by the one attestation that is named, as ``verify_snapshot`` does."""
        return await found_once(self._found, named, lambda: self._verify(named))

    async def _verify(self, named: SnapshotAttestation) -> SnapshotClaim:
        try:
            reference = parse_reference(named.reference)
        except InvalidReference as error:
            raise Malformed(f"the attestation of snapshot {named.snapshot} is said to be nowhere: {error}") from error
        registry = await self.registry_of(reference)
        return await verify_snapshot(registry, reference, named.snapshot, self.trust, named.attestation)
