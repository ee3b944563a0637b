"""A session in a registry: that it was replayed, and came to the same, by the word of those who are relied on.

Nobody attests how a session came about: it traded against a venue, and what it was fed is the trader's own record. What
can be vouched for is that what the record says is what the strategy decides and the exchange answers when both are run
again. So a session that nobody who is relied on replayed is not verified, and one that came to something else by any
image fails: which one traded it is told beside the session, where its own pod wrote it, and excuses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import NotAttested, PolicyRefused, ReplayDiverged
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_evidence.signing.keyring import told
from tradeplane_evidence.snapshot_artifact import SESSION_TYPE
from tradeplane_evidence.snapshot_manifests import MAX_MANIFEST_BYTES, parse_session
from tradeplane_evidence.verification.attestations import REFUSALS, Trust
from tradeplane_evidence.verification.checks import Checks
from tradeplane_evidence.verification.replays import ReplayClaims, held_to_session, replays_of
from tradeplane_evidence.verification.snapshot_artifacts import pull_artifact

if TYPE_CHECKING:
    from datetime import datetime

    from tradeplane_evidence.errors import EvidenceError
    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.verification.policy import Policy
    from tradeplane_evidence.verification.replays import ReplayClaim
    from tradeplane_evidence.verification.signers import Signers


@dataclass(slots=True)
class SessionVerification(Checks):
    """What was found of a session. ``snapshot``: id of the snapshot that holds it."""

    snapshot: str | None = None
    replays: ReplayClaims = field(default_factory=ReplayClaims)


async def verify_session(
    registry: Registry, reference: Reference, signers: Signers, policy: Policy, now: datetime
) -> SessionVerification:
    """Return what is found of a session at a reference. Raises what a registry raises where it cannot be asked."""
    found, trust = SessionVerification(reference), Trust(signers, policy, now)
    step = "artifact"
    try:
        snapshot = await pull_artifact(registry, found, SESSION_TYPE)
        step = "session"
        await _session(registry, found, snapshot)
        step = "replays"
        await _replays(registry, found, snapshot, trust)
    except (*REFUSALS, ReplayDiverged) as error:
        found.fail(step, error)
    return found


async def _session(registry: Registry, found: SessionVerification, snapshot: str) -> None:
    data = await registry.blob(found.reference.repository, snapshot, MAX_MANIFEST_BYTES)
    manifest = parse_session(data, snapshot)
    found.snapshot = snapshot
    session = manifest.session
    counts = "" if session is None else f"{session.inputs} inputs, {session.orders} orders, {session.fills} fills, "
    found.say("session", f"{snapshot}: {counts}{manifest.start} to {manifest.end}, {len(manifest.parts)} parts named")


async def _replays(registry: Registry, found: SessionVerification, snapshot: str, trust: Trust) -> None:
    if trust.policy.rules:
        raise PolicyRefused(
            "rules are asked of provenance, and a session has none: who replayed it vouches for it; leave them out"
        )
    hung = await list_referrers(registry, found.reference.repository, found.reference.digest or "")
    found.replays = await replays_of(registry, found.reference, trust, held_to_session(snapshot), hung)
    if not found.replays.claims:
        raise found.replays.fault or NotAttested(
            f"nothing attests {found.reference}: no result of a replay refers to it in the registry"
        )
    if any(one.found.result == "FAILED" for one in found.replays.claims):
        raise ReplayDiverged(found.replays.in_words())
    newest = _newest(found.replays, trust)
    found.say("replays", found.replays.in_words())
    found.say("policy", f"replayed by a builder that is relied on, {_when(newest)}")


def _newest(replays: ReplayClaims, trust: Trust) -> ReplayClaim:
    """Return a claim that is as new as is asked for, and stamped where that is. Raises PolicyRefused."""
    faults: list[EvidenceError] = []
    for claim in replays.claims:
        at = claim.stamped or claim.finished
        try:
            trust.policy.check_age(at, trust.now, stamped=claim.stamped is not None)
        except REFUSALS as error:
            faults.append(error)
        else:
            return claim
    raise faults[0]


def _when(claim: ReplayClaim) -> str:
    if claim.stamped is not None:
        return f"by {told(claim.stamped)}, as a trusted authority says"
    if claim.finished is None:
        return "at a time that is not stated"
    return f"by {told(claim.finished)} by the signer's own word: no trusted timestamp"
