"""Attesting a run: its results pushed as an artifact, stated, signed, and the bundle pushed as what refers to it.

What is stated follows from the files, and with a deterministic key the signature too, so that a second attempt pushes
the same bytes under the same digests: what was cut short anywhere is completed by the next. Where signatures differ
each time, or are stamped, what was pushed before is looked for and taken, and what is signed is claimed before it is
pushed (``publishing``); only two attempts at one moment that claim nowhere leave two, of one statement.

It is done in two steps. The first takes the run's files to the registry, and they can be forgotten; the second may have
to wait for its turn at the signer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from tradeplane_store.canonical import canonical_json

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import RegistryRefused
from tradeplane_evidence.publishing import Attested, Unpublished, publish, publish_once
from tradeplane_evidence.registry.manifests import EMPTY, parse_manifest
from tradeplane_evidence.results_artifact import PROVENANCE_FILE, ResultsArtifact, results_artifact, with_provenance
from tradeplane_evidence.signed_referrers import NOT_OURS, signed_before
from tradeplane_evidence.signing.batches import Candidate
from tradeplane_evidence.statements.batch import BATCH_BUILD_TYPE
from tradeplane_evidence.statements.provenance import provenance_of
from tradeplane_evidence.statements.run import (
    Execution,
    RunEvidence,
    run_provenance,
    run_statement,
    without_what_was_looked_up,
)
from tradeplane_evidence.statements.statement import MAX_STATEMENT_BYTES, Statement, parse_statement, serialise

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.signing.batches import Signing
    from tradeplane_evidence.stored_runs import StoredRun


@dataclass(frozen=True, slots=True)
class Pushed:
    """A run whose files are in a repository, where nothing names them yet; it holds none of them.

    ``alone``: its artifact where it is signed by itself. ``batched``: where it is signed together with others.
    ``retried``: whether what an earlier attempt signed is the run's attestation though it names other attestations of
    the run's data, or none, or not the manifest of its image: what is found of these depends on when it is looked for.
    """

    repository: Reference
    candidate: Candidate
    alone: ResultsArtifact
    batched: ResultsArtifact
    retried: bool = False


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
    run: StoredRun,
    registry: Registry,
    repository: Reference,
    signing: Signing,
    execution: Execution,
    *,
    retried: bool = False,
) -> Pushed:
    """Push the files of a run, and what is stated of it where it may be signed together with others.

    ``retried``: as ``Pushed`` has it.
    """
    alone = results_artifact(run.results, run.files)
    statement = statement_of(run, alone, execution)
    provenance = canonical_json(statement.predicate)
    batched = with_provenance(alone, provenance)
    blobs = [EMPTY, *(run.files[name] for name in alone.layers)]
    if signing.batches:
        blobs.append(provenance)
    await asyncio.gather(*(registry.push_blob(repository.repository, data) for data in blobs))
    candidate = Candidate(statement, batched.digest, execution.builder, execution.finished)
    return Pushed(repository, candidate, alone, batched, retried)


async def attest_pushed(pushed: Pushed, registry: Registry, signing: Signing) -> Attested:
    """Sign what is stated of a run, and push it. Raises what registry and signer raise, and ClaimsUnavailable.

    The artifact is pushed first: an attestation is never there of what is not.
    """

    async def earlier() -> Attested | None:
        return await _earlier(pushed, registry, signing)

    async def sign() -> Unpublished:
        signed = await signing.sign(pushed.candidate)
        found = pushed.batched if signed.batched else pushed.alone
        return Unpublished(pushed.repository, found.manifest, signed.bundle, pushed.candidate.alone.predicate_type)

    return await _attest(registry, pushed.repository, signing, earlier, sign, looked_up=pushed.retried)


async def _attest(
    registry: Registry,
    place: Reference,
    signing: Signing,
    earlier: Callable[[], Awaitable[Attested | None]],
    sign: Callable[[], Awaitable[Unpublished]],
    *,
    looked_up: bool = False,
) -> Attested:
    """Publish once what differs each time it is signed; what follows from statement and key is the same again.

    ``looked_up``: whether what an earlier attempt stated may differ, and is asked for.
    """
    if signing.batches or signing.authority is not None or not signing.signer.deterministic:
        return await publish_once(registry, place, signing, earlier, sign)
    found = await earlier() if looked_up else None
    return found or await publish(registry, await sign())


async def _earlier(pushed: Pushed, registry: Registry, signing: Signing) -> Attested | None:
    """Find what an earlier attempt pushed, so that a run is not signed or stamped again."""
    stated = pushed.candidate.alone
    payload = serialise(stated)

    def is_of_it_alone(signed: bytes) -> bool:
        return signed == payload or (pushed.retried and _says_the_same(parse_statement(signed), stated))

    alone = await _signed_before(pushed, pushed.alone.digest, registry, signing, is_of_it_alone)
    if alone is not None or not signing.batches:
        return alone
    batched = await _signed_before(pushed, pushed.batched.digest, registry, signing, _of_a_batch(pushed.batched.digest))
    if batched is not None or not pushed.retried:
        return batched
    other = await _batched_otherwise(pushed, registry)
    return None if other is None else await _signed_before(pushed, other, registry, signing, _of_a_batch(other))


def _of_a_batch(artifact: str) -> Callable[[bytes], bool]:
    """Return what tells of a signed statement whether it is of a batch that an artifact is in."""

    def is_of_it(signed: bytes) -> bool:
        statement = parse_statement(signed)
        definition = provenance_of(statement).build_definition
        return definition.build_type == BATCH_BUILD_TYPE and statement.about(artifact)

    return is_of_it


def _says_the_same(one: Statement, other: Statement) -> bool:
    """Return whether two statements of a run differ in what was looked up alone. Raises Malformed."""
    return (one.subject, one.predicate_type) == (other.subject, other.predicate_type) and (
        without_what_was_looked_up(one.predicate) == without_what_was_looked_up(other.predicate)
    )


async def _batched_otherwise(pushed: Pushed, registry: Registry) -> str | None:
    """Return the artifact that an earlier attempt put under the run's name with another provenance in it.

    It is of these very files, and its provenance differs in what was looked up alone; nothing of it is believed but by
    what was signed of its digest.
    """
    if pushed.repository.tag is None:
        return None
    try:
        data, digest = await registry.manifest(pushed.repository)
        layers = parse_manifest(data, f"the manifest of {pushed.repository}").layers
        held = [one.digest for one in layers if one.title == PROVENANCE_FILE]
        if len(held) != 1:
            return None
        provenance = await registry.blob(pushed.repository.repository, held[0], MAX_STATEMENT_BYTES)
        predicate = strict_json.parse(provenance, f"the provenance in {pushed.repository}", MAX_STATEMENT_BYTES)
        ours = without_what_was_looked_up(pushed.candidate.alone.predicate)
        same = with_provenance(pushed.alone, provenance).digest == digest
        return digest if same and without_what_was_looked_up(predicate) == ours else None
    except NOT_OURS:
        return None
    except RegistryRefused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None


async def _signed_before(
    pushed: Pushed, artifact: str, registry: Registry, signing: Signing, is_it: Callable[[bytes], bool]
) -> Attested | None:
    reference = pushed.repository.at(artifact)
    earlier = await signed_before(registry, reference, signing.signer, is_it, stamped=signing.authority is not None)
    return None if earlier is None else Attested(reference, *earlier)


async def attest_artifact(
    candidate: Candidate, artifact: bytes, registry: Registry, subject: Reference, signing: Signing
) -> Attested:
    """Sign a statement and push it as a referrer of the artifact that it is about, unless that was done before.

    ``artifact``: its manifest, which lies at ``subject``. Raises what registry and signer raise, and ClaimsUnavailable.
    """
    statement, stamped = candidate.alone, signing.authority is not None
    payload = serialise(statement)

    async def earlier() -> Attested | None:
        found = await signed_before(
            registry,
            subject,
            signing.signer,
            lambda signed: signed == payload,
            stamped=stamped,
            predicate_type=statement.predicate_type,
        )
        return None if found is None else Attested(subject, *found)

    async def sign() -> Unpublished:
        signed = await signing.sign(candidate)
        return Unpublished(subject, artifact, signed.bundle, statement.predicate_type, there=True)

    return await _attest(registry, subject, signing, earlier, sign)
