"""Attesting replays: what they say together of a run or of a session, signed and hung on that in the registry.

Nothing of a run is pushed here. Its results must lie there as they were attested, or there is nothing that a result of
tests could be about. A session has nothing there by itself: its artifact is pushed first, the same bytes each time.
What is signed once is found there and not signed again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.snapshot_manifest import Holding

from tradeplane_evidence.attestation import attest_artifact
from tradeplane_evidence.errors import DigestMismatch, NotAttested, PolicyRefused, RegistryRefused
from tradeplane_evidence.registry.manifests import parse_manifest
from tradeplane_evidence.results_artifact import MANIFEST_FILE, MAX_DOCUMENT_BYTES, RESULTS_TYPE, parse_results
from tradeplane_evidence.signing.batches import Candidate
from tradeplane_evidence.snapshot_artifact import snapshot_artifact
from tradeplane_evidence.snapshot_attestation import push_snapshot
from tradeplane_evidence.statements.test_result import (
    ReplayEvidence,
    SessionReplayEvidence,
    replay_statement,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_api.parity import Baseline
    from tradeplane_api.replay import ReplayRun

    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.signing.batches import Signing
    from tradeplane_evidence.statements.statement import Statement
    from tradeplane_evidence.stored_sessions import StoredSession


@dataclass(frozen=True, slots=True)
class Replayed:
    """A run that was replayed: which, by which image, and how each of its replays ended."""

    run: Baseline
    image: str
    replays: Sequence[ReplayRun]


@dataclass(frozen=True, slots=True)
class PushedSession:
    """A session whose artifact is in a registry, at ``reference``; it holds nothing of the snapshot any more."""

    reference: Reference
    artifact: bytes
    snapshot: str
    traded_by: str | None


@dataclass(frozen=True, slots=True)
class ReplayedSession:
    """The same as of a run."""

    session: PushedSession
    image: str
    replays: Sequence[ReplayRun]


async def attest_replays(
    replayed: Replayed, registry: Registry, results: Reference, signing: Signing, builder: str
) -> Attested:
    """Sign what the replays of a run say, and push it as a referrer of the run's results.

    ``results``: where those lie, by digest. Raises NotAttested where they do not, DigestMismatch where they are of
    another run, and what registry and signer raise.
    """
    artifact, statement = await _stated(replayed, registry, results, builder)
    return await attest_artifact(Candidate(statement, "", builder, None), artifact, registry, results, signing)


async def push_session(session: StoredSession, registry: Registry, repository: Reference) -> PushedSession:
    """Push the artifact of a session, tagged with its snapshot's id. Raises what the registry raises."""
    artifact = snapshot_artifact(session.manifest, Holding.SESSION)
    reference = await push_snapshot(registry, repository, session.snapshot, session.manifest, artifact)
    return PushedSession(reference, artifact, session.snapshot, session.traded_by)


async def attest_session_replays(
    replayed: ReplayedSession, registry: Registry, signing: Signing, builder: str
) -> Attested:
    """Sign what the replays of a session say, and push it as a referrer of the session's artifact.

    Raises PolicyRefused where a replay was not judged, and what registry and signer raise.
    """
    session = replayed.session
    evidence = SessionReplayEvidence(session.snapshot, replayed.image, session.traded_by, replayed.replays, builder)
    statement = replay_statement(evidence, session.reference.digest or "")
    candidate = Candidate(statement, "", builder, None)
    return await attest_artifact(candidate, session.artifact, registry, session.reference, signing)


async def _stated(replayed: Replayed, registry: Registry, results: Reference, builder: str) -> tuple[bytes, Statement]:
    """Return the manifest of the results' artifact, and what is stated of it."""
    artifact = await _artifact(registry, results)
    manifest = parse_manifest(artifact, f"the manifest of {results}")
    if manifest.artifact_type != RESULTS_TYPE:
        raise PolicyRefused(f"{results} is a {manifest.artifact_type}, and no results of a run")
    digest = next((layer.digest for layer in manifest.layers if layer.title == MANIFEST_FILE), None)
    if digest != replayed.run.manifest:
        raise DigestMismatch(
            f"{results} holds the results of digest {digest}, and those of run {replayed.run.run} that were replayed "
            f"have {replayed.run.manifest}"
        )
    found = parse_results(await registry.blob(results.repository, digest, MAX_DOCUMENT_BYTES))
    evidence = ReplayEvidence(
        run=replayed.run.run,
        image=replayed.image,
        results=replayed.run.manifest,
        run_digest=found.run_digest,
        replays=replayed.replays,
        builder=builder,
    )
    return artifact, replay_statement(evidence, results.digest or "")


async def _artifact(registry: Registry, results: Reference) -> bytes:
    try:
        data, _ = await registry.manifest(results)
    except RegistryRefused as error:
        if error.status != 404:
            raise
        raise NotAttested(
            f"{results} is not in the registry ({error}): put it back there, and its replays are attested"
        ) from error
    return data
