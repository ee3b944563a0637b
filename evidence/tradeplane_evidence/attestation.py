"""Attesting a run: its results pushed as an artifact, stated, signed, and the bundle pushed as what refers to it.

Everything here follows from the files and the key, so that a second attempt pushes the same bytes under the same
digests: what was cut short anywhere is completed by the next, and nothing is attested twice.

It is done in two steps. The first takes the run's files to the registry, and they can be forgotten; the second may have
to wait for its turn at the signer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_store.canonical import canonical_json

from tradeplane_evidence.registry.manifests import EMPTY, MANIFEST_TYPE, described
from tradeplane_evidence.registry.referrers import push_referrer
from tradeplane_evidence.results_artifact import ResultsArtifact, results_artifact, with_provenance
from tradeplane_evidence.signed_referrers import bundle_artifact, signed_before
from tradeplane_evidence.signing.batches import Candidate
from tradeplane_evidence.statements.batch import BATCH_BUILD_TYPE
from tradeplane_evidence.statements.provenance import provenance_of
from tradeplane_evidence.statements.run import Execution, RunEvidence, run_provenance, run_statement
from tradeplane_evidence.statements.statement import Statement, parse_statement, serialise

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.signing.batches import Signing
    from tradeplane_evidence.stored_runs import StoredRun


@dataclass(frozen=True, slots=True)
class Pushed:
    """A run whose files are in a repository, where nothing names them yet; it holds none of them.

    ``alone``: its artifact where it is signed by itself. ``batched``: where it is signed together with others.
    """

    repository: Reference
    candidate: Candidate
    alone: ResultsArtifact
    batched: ResultsArtifact


@dataclass(frozen=True, slots=True)
class Attested:
    """What was pushed: where the results are, and the attestation of them."""

    reference: Reference
    bundle: bytes
    attestation: str
    """Digest of the manifest that refers to the results and holds the bundle."""


def statement_of(run: StoredRun, found: ResultsArtifact, execution: Execution) -> Statement:
    """Return what is stated of a run by itself, and of the artifact of its results."""
    provenance = run_provenance(RunEvidence(run.results, run.snapshots, execution, run.logs))
    files = {name: layer.digest for name, layer in found.layers.items()}
    return run_statement(provenance, run.results.specification.run, found.digest, files)


async def attest_run(
    run: StoredRun, registry: Registry, repository: Reference, signing: Signing, execution: Execution
) -> Attested:
    """Push a run's results and the signed statement of them. Raises what registry and signer raise."""
    return await attest_pushed(await push_files(run, registry, repository, signing, execution), registry, signing)


async def push_files(
    run: StoredRun, registry: Registry, repository: Reference, signing: Signing, execution: Execution
) -> Pushed:
    """Push the files of a run, and what is stated of it where it may be signed together with others."""
    alone = results_artifact(run.results, run.files)
    statement = statement_of(run, alone, execution)
    provenance = canonical_json(statement.predicate)
    batched = with_provenance(alone, provenance)
    blobs = [EMPTY, *(run.files[name] for name in alone.layers)]
    if signing.batches:
        blobs.append(provenance)
    await asyncio.gather(*(registry.push_blob(repository.repository, data) for data in blobs))
    candidate = Candidate(statement, batched.digest, execution.builder, execution.finished)
    return Pushed(repository, candidate, alone, batched)


async def attest_pushed(pushed: Pushed, registry: Registry, signing: Signing) -> Attested:
    """Sign what is stated of a run, and push it. Raises what registry and signer raise.

    The artifact is pushed first: an attestation is never there of what is not.
    """
    if signing.batches or signing.authority is not None or not signing.signer.deterministic:
        earlier = await _earlier(pushed, registry, signing)
        if earlier is not None:
            return earlier
    signed = await signing.sign(pushed.candidate)
    name, found = pushed.repository.repository, pushed.batched if signed.batched else pushed.alone
    await asyncio.gather(
        registry.push_manifest(name, pushed.repository.tag or found.digest, found.manifest, MANIFEST_TYPE),
        registry.push_blob(name, signed.bundle),
    )
    referrer = bundle_artifact(signed.bundle, described(found.manifest, MANIFEST_TYPE))
    attestation = await push_referrer(registry, name, referrer)
    return Attested(pushed.repository.at(found.digest), signed.bundle, attestation)


async def _earlier(pushed: Pushed, registry: Registry, signing: Signing) -> Attested | None:
    """Find what an earlier attempt pushed, so that a run is not signed or stamped again."""
    payload = serialise(pushed.candidate.alone)

    def is_of_it_alone(signed: bytes) -> bool:
        return signed == payload

    def is_of_its_batch(signed: bytes) -> bool:
        statement = parse_statement(signed)
        definition = provenance_of(statement).build_definition
        return definition.build_type == BATCH_BUILD_TYPE and statement.about(pushed.batched.digest)

    alone = await _signed_before(pushed, pushed.alone, registry, signing, is_of_it_alone)
    if alone is not None or not signing.batches:
        return alone
    return await _signed_before(pushed, pushed.batched, registry, signing, is_of_its_batch)


async def _signed_before(
    pushed: Pushed, found: ResultsArtifact, registry: Registry, signing: Signing, is_it: Callable[[bytes], bool]
) -> Attested | None:
    reference = pushed.repository.at(found.digest)
    earlier = await signed_before(registry, reference, signing.signer, is_it, stamped=signing.authority is not None)
    return None if earlier is None else Attested(reference, *earlier)
