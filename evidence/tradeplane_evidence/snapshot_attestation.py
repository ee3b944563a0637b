"""Attesting a snapshot: its manifest pushed as an artifact, how it came to be stated, signed, and hung on that.

Everything follows from the snapshot's id, from what is known of its making and from the key: a second attempt pushes
the same bytes under the same digests, and what is signed once is found there and not signed again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tradeplane_store.canonical import sha256_digest

from tradeplane_evidence.attestation import attest_artifact
from tradeplane_evidence.registry.manifests import EMPTY, MANIFEST_TYPE
from tradeplane_evidence.signing.batches import Candidate
from tradeplane_evidence.snapshot_artifact import snapshot_artifact
from tradeplane_evidence.statements.run import Execution
from tradeplane_evidence.statements.snapshot import Captured, Imported, SnapshotEvidence, snapshot_statement
from tradeplane_evidence.statements.statement import hexadecimal

if TYPE_CHECKING:
    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.signing.batches import Signing
    from tradeplane_evidence.stored_snapshots import StoredSnapshot


async def push_snapshot(
    registry: Registry, repository: Reference, snapshot: str, manifest: bytes, artifact: bytes
) -> Reference:
    """Push the artifact of a snapshot and its one file; return it by digest. Raises what the registry raises.

    It is tagged with the hexadecimal digits of the snapshot's id, by which whoever knows that finds it.
    """
    name = repository.repository
    await asyncio.gather(*(registry.push_blob(name, data) for data in (EMPTY, manifest)))
    await registry.push_manifest(name, hexadecimal(snapshot), artifact, MANIFEST_TYPE)
    return repository.at(sha256_digest(artifact))


async def attest_snapshot(
    stored: StoredSnapshot,
    origin: Imported | Captured,
    registry: Registry,
    repository: Reference,
    signing: Signing,
    execution: Execution | None = None,
) -> Attested:
    """Push a snapshot's manifest and the signed statement of how it came to be; its records stay where they are.

    Raises PolicyRefused where it holds a session, Malformed where it cannot be stated, and what registry and signer
    raise.
    """
    by = execution or Execution()
    artifact = snapshot_artifact(stored.data, stored.manifest.holds)
    evidence = SnapshotEvidence(stored.snapshot, stored.manifest, origin, by)
    statement = snapshot_statement(evidence, sha256_digest(artifact))
    subject = await push_snapshot(registry, repository, stored.snapshot, stored.data, artifact)
    candidate = Candidate(statement, "", by.builder, by.finished)
    return await attest_artifact(candidate, artifact, registry, subject, signing)
