"""Attesting a run: its results pushed as an artifact, stated, signed, and the bundle pushed as what refers to it.

Everything here follows from the files and the key, so that a second attempt pushes the same bytes under the same
digests: what was cut short anywhere is completed by the next, and nothing is attested twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.snapshot_manifest import SnapshotManifest
from tradeplane_store import layout
from tradeplane_store.canonical import sha256_digest
from tradeplane_store.errors import NotFound

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import DigestMismatch, Malformed, NotAttested, SignatureRefused
from tradeplane_evidence.registry.bundles import list_attestations, pull_bundle
from tradeplane_evidence.registry.manifests import (
    EMPTY,
    MANIFEST_TYPE,
    artifact,
    described,
)
from tradeplane_evidence.registry.referrers import push_referrer
from tradeplane_evidence.results_artifact import (
    MANIFEST_FILE,
    MAX_DOCUMENT_BYTES,
    MAX_FILE_BYTES,
    SUMMARY_FILE,
    ResultsArtifact,
    parse_results,
    results_artifact,
)
from tradeplane_evidence.signing.bundle import BUNDLE_TYPE, parse_bundle
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE
from tradeplane_evidence.statements.run import Execution, RunEvidence, run_statement
from tradeplane_evidence.statements.statement import Statement, serialise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_store.objects import ObjectStore

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.manifests import Descriptor
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.signing.signer import Signer

CONTENT = "dev.sigstore.bundle.content"
PREDICATE = "dev.sigstore.bundle.predicateType"
"""Annotations by which cosign finds the bundle it is asked for."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A finished run as it lies in a store: its files by name, and the manifests of its data by id."""

    files: Mapping[str, bytes]
    snapshots: Mapping[str, SnapshotManifest]


@dataclass(frozen=True, slots=True)
class Attested:
    """What was pushed: where the results are, and the attestation of them."""

    reference: Reference
    bundle: bytes
    attestation: str
    """Digest of the manifest that refers to the results and holds the bundle."""


def read_run(
    store: ObjectStore, run: str, *, manifest_digest: str | None = None, most_file_bytes: int = MAX_FILE_BYTES
) -> StoredRun:
    """Return what is attested of a run.

    ``manifest_digest``: of the manifest of results that is the run's, where that is known. Raises NotAttested where it
    is not in the store, or not whole; Malformed or DigestMismatch, and what the store raises.
    """
    try:
        manifest = store.get(layout.results_manifest(run), limit=MAX_DOCUMENT_BYTES)
        if manifest_digest is not None and sha256_digest(manifest) != manifest_digest:
            raise DigestMismatch(
                f"the manifest of run {run} is not the one of digest {manifest_digest} that was recorded at its end; "
                "it was changed since: restore it from a copy"
            )
        results = parse_results(manifest)
        if results.specification.run != run:
            raise DigestMismatch(f"the manifest of run {run} is of run {results.specification.run}; restore it")
        files = {
            MANIFEST_FILE: manifest,
            SUMMARY_FILE: store.get(layout.results_summary(run), limit=MAX_DOCUMENT_BYTES),
        }
        for part in results.parts:
            files[f"{part.name}.arrow"] = store.get(layout.results_part(run, part.name), limit=most_file_bytes)
        snapshots = {identity: _snapshot(store, identity) for identity in results.specification.snapshots}
    except NotFound as error:
        raise NotAttested(f"run {run}: {error}; what is attested must be whole") from error
    return StoredRun(files, snapshots)


def _snapshot(store: ObjectStore, identity: str) -> SnapshotManifest:
    data = store.get(layout.snapshot_manifest(identity), limit=MAX_DOCUMENT_BYTES)
    if sha256_digest(data) != identity:
        raise DigestMismatch(
            f"the manifest of snapshot {identity} is not the one of that digest; restore it from a copy"
        )
    strict_json.parse(data, f"the manifest of snapshot {identity}", MAX_DOCUMENT_BYTES)
    try:
        return SnapshotManifest.model_validate_json(data)
    except ValueError as error:
        raise Malformed(f"the manifest of snapshot {identity} is none that this version reads: {error}") from error


def statement_of(run: StoredRun, found: ResultsArtifact, execution: Execution) -> Statement:
    """Return what is stated of a run and of the artifact of its results."""
    return run_statement(
        RunEvidence(
            results=found.results,
            artifact=(found.results.specification.run, found.digest),
            files={name: layer.digest for name, layer in found.layers.items()},
            snapshots=run.snapshots,
            execution=execution,
        )
    )


async def attest_run(
    run: StoredRun, registry: Registry, repository: Reference, signer: Signer, execution: Execution
) -> Attested:
    """Push a run's results and the signed statement of them. Raises what registry and signer raise.

    The results are pushed first: an attestation is never there of what is not.
    """
    found = results_artifact(run.files)
    name = repository.repository
    await registry.push_blob(name, EMPTY)
    for file in found.layers:
        await registry.push_blob(name, run.files[file])
    await registry.push_manifest(name, repository.tag or found.digest, found.manifest, MANIFEST_TYPE)
    reference = repository.at(found.digest)
    statement = statement_of(run, found, execution)
    earlier = None if signer.deterministic else await _earlier(registry, reference, statement, signer)
    if earlier is not None:
        return earlier
    bundle = await asyncio.to_thread(sign_statement, statement, signer)
    referrer = bundle_artifact(bundle, described(found.manifest, MANIFEST_TYPE))
    await registry.push_blob(name, bundle)
    return Attested(reference, bundle, await push_referrer(registry, name, referrer))


async def _earlier(registry: Registry, reference: Reference, statement: Statement, signer: Signer) -> Attested | None:
    """Find what an earlier attempt pushed of this very statement, so that it is not signed again."""
    payload = serialise(statement)
    for one in await list_attestations(registry, reference):
        try:
            data = await pull_bundle(registry, reference, one.digest)
            bundle = parse_bundle(data)
            if bundle.dsse_envelope.payload_bytes() == payload:
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
