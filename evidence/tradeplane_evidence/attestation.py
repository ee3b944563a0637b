"""Attesting a run: its results pushed as an artifact, stated, signed, and the bundle pushed as what refers to it.

Everything here follows from the files and the key, so that a second attempt pushes the same bytes under the same
digests: what was cut short anywhere is completed by the next, and nothing is attested twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import DigestMismatch, Malformed, SignatureRefused
from tradeplane_evidence.registry.bundles import list_attestations, pull_bundle
from tradeplane_evidence.registry.manifests import (
    EMPTY,
    MANIFEST_TYPE,
    artifact,
    described,
)
from tradeplane_evidence.registry.referrers import push_referrer
from tradeplane_evidence.results_artifact import (
    ResultsArtifact,
    results_artifact,
)
from tradeplane_evidence.signing.bundle import BUNDLE_TYPE, parse_bundle
from tradeplane_evidence.signing.signer import sign_and_stamp
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE
from tradeplane_evidence.statements.run import Execution, RunEvidence, run_statement
from tradeplane_evidence.statements.statement import Statement, serialise

if TYPE_CHECKING:
    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.manifests import Descriptor
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.signing.signer import Signer
    from tradeplane_evidence.stored_runs import StoredRun

CONTENT = "dev.sigstore.bundle.content"
PREDICATE = "dev.sigstore.bundle.predicateType"
"""Annotations by which cosign finds the bundle it is asked for."""


@dataclass(frozen=True, slots=True)
class Attested:
    """What was pushed: where the results are, and the attestation of them."""

    reference: Reference
    bundle: bytes
    attestation: str
    """Digest of the manifest that refers to the results and holds the bundle."""


def statement_of(run: StoredRun, found: ResultsArtifact, execution: Execution) -> Statement:
    """Return what is stated of a run and of the artifact of its results."""
    return run_statement(
        RunEvidence(
            results=run.results,
            artifact=(run.results.specification.run, found.digest),
            files={name: layer.digest for name, layer in found.layers.items()},
            snapshots=run.snapshots,
            execution=execution,
        )
    )


async def attest_run(
    run: StoredRun,
    registry: Registry,
    repository: Reference,
    signer: Signer,
    execution: Execution,
    timestamp_authority: str | None = None,
) -> Attested:
    """Push a run's results and the signed statement of them. Raises what registry and signer raise.

    The results are pushed first: an attestation is never there of what is not. ``timestamp_authority``: URL of who says
    when it was signed (RFC 3161).
    """
    found = results_artifact(run.results, run.files)
    name = repository.repository
    await asyncio.gather(
        *(registry.push_blob(name, data) for data in (EMPTY, *(run.files[file] for file in found.layers)))
    )
    await registry.push_manifest(name, repository.tag or found.digest, found.manifest, MANIFEST_TYPE)
    reference = repository.at(found.digest)
    statement = statement_of(run, found, execution)
    if not signer.deterministic or timestamp_authority is not None:
        earlier = await _earlier(registry, reference, statement, signer, stamped=timestamp_authority is not None)
        if earlier is not None:
            return earlier
    bundle = await sign_and_stamp(statement, signer, timestamp_authority)
    referrer = bundle_artifact(bundle, described(found.manifest, MANIFEST_TYPE))
    await registry.push_blob(name, bundle)
    return Attested(reference, bundle, await push_referrer(registry, name, referrer))


async def _earlier(
    registry: Registry, reference: Reference, statement: Statement, signer: Signer, *, stamped: bool
) -> Attested | None:
    """Find what an earlier attempt pushed of this very statement, so that it is not signed or stamped again."""
    payload = serialise(statement)
    for one in await list_attestations(registry, reference):
        try:
            data = await pull_bundle(registry, reference, one.digest)
            bundle = parse_bundle(data)
            if bundle.dsse_envelope.payload_bytes() == payload and (bundle.timestamps() or not stamped):
                signer.public_key.verify(bundle.dsse_envelope.signature_bytes(), bundle.signed_bytes())
                return Attested(reference, data, one.digest)
        except (DigestMismatch, Malformed, SignatureRefused):
            continue
    return None


def bundle_artifact(bundle: bytes, subject: Descriptor) -> bytes:
    """Return the manifest of what refers to a subject and holds a bundle about it, as cosign writes and finds it."""
    return artifact(
        BUNDLE_TYPE,
        (described(bundle, BUNDLE_TYPE),),
        subject=subject,
        annotations={CONTENT: "dsse-envelope", PREDICATE: PREDICATE_TYPE},
    )
