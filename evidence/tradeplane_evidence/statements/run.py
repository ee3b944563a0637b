"""The statement of a finished run; docs/evidence/run-v1.md is what its build type resolves to.

Pure: what is stated comes in, and the bytes that are signed follow from it, so that the same run is stated in the same
bytes whoever asks and however often.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import Field
from tradeplane_api.strategy import MACHINES
from tradeplane_store import layout

from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.statements.packages import oci_package
from tradeplane_evidence.statements.provenance import (
    PREDICATE_TYPE,
    BuildDefinition,
    Builder,
    BuildMetadata,
    Provenance,
    RunDetails,
)
from tradeplane_evidence.statements.statement import (
    MAX_DEPENDENCIES,
    Form,
    ResourceDescriptor,
    Statement,
    Subject,
    hexadecimal,
    parsed,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tradeplane_api.run import ResultsManifest
    from tradeplane_api.snapshot_manifest import SnapshotManifest
    from tradeplane_api.strategy import ImageManifest

RUN_BUILD_TYPE = "https://tradeplane.dev/evidence/run-v1"
IMAGE = "image"
"""Name of the dependency that is the image."""
PLATFORMS = {machine: f"linux/{architecture}" for architecture, machine in MACHINES.items()}
"""The platform that an index of images names for each processor, as the environment of results calls that."""
_IMAGES_OF_PLATFORMS = frozenset(f"{IMAGE}/{platform}" for platform in PLATFORMS.values())
ARCHITECTURE = "architecture"
"""What names the processor in that environment."""
ATTESTATION = "attestation"
"""Annotation of the image, of its manifest for a platform, and of a snapshot: digest of the attestation of it."""
APPROVAL = "approval"
"""What the names of dependencies that are approvals begin with."""
USER = "user"
"""Annotation of an approval: who approved."""
SPECIFICATION = "specification"
"""The external parameter that every run has: its specification, whole."""
STRATEGY = "strategy"
"""The external parameter that a run in a cluster has besides: which Strategy asked for it (``AskingStrategy``)."""
RUN_PARAMETERS = frozenset({SPECIFICATION, STRATEGY})
"""All external parameters that a run may have."""
RECORDS = "tradeplane.records.v1"
"""Name of the digest over a part's canonical records (docs/formats/digests.md); equal wherever it was written."""
RESULT = "tradeplane.result.v1"
"""Name of the digest over what a run found; equal wherever it ran."""
FILES = "files"
"""The byproduct that is all files of the results, as the run's own pod said at its end that it left them."""
FILES_DIGEST = "tradeplane.files.v1"
"""Name of the digest over them (docs/formats/digests.md)."""
LOCAL_BUILDER = "https://tradeplane.dev/evidence/builders/local-v1"
"""The builder of a run that somebody made on a machine of their own: nobody but the signer vouches for it."""


class AskingStrategy(Form):
    """The Strategy that asked for a run, as the API server had it then.

    ``configuration``: digest of its spec, as the ledger and approvals have it; absent where that was not recorded.
    """

    namespace: str = Field(min_length=1, max_length=253)
    name: str = Field(min_length=1, max_length=253)
    uid: str | None = Field(default=None, max_length=253)
    generation: int = Field(ge=0)
    configuration: str | None = Field(default=None, pattern=r"^sha256:[0-9a-f]{64}$")


def asking_strategy(provenance: Provenance) -> AskingStrategy | None:
    """Return the Strategy that provenance states as who asked; None where it states none. Raises Malformed."""
    stated = provenance.build_definition.external_parameters.get(STRATEGY)
    return None if stated is None else parsed(AskingStrategy, stated, f"the external parameter {STRATEGY}")


@dataclass(frozen=True, slots=True)
class SnapshotAttestation:
    """Where a snapshot is attested.

    ``reference``: its artifact in a registry, as ``repository@sha256:<hex>``. ``attestation``: digest of the manifest
    that refers to that and holds the bundle.
    """

    snapshot: str
    reference: str
    attestation: str


@dataclass(frozen=True, slots=True)
class Execution:
    """Which execution a run was, as far as is known; times are RFC 3339. ``strategy``: who asked for it.

    ``image_attestation``: digest of the attestation of its image that was verified before it ran. ``image_manifests``:
    what the image was found to be on each platform, then or when the run was attested. ``approvals``: by which it was
    started: each user, and the digest of the statement that they signed. ``snapshots``: attestations of its data that
    were verified before it was attested itself. ``files``: digest over its files that its own pod said at its end, and
    that was found to hold.
    """

    builder: str = LOCAL_BUILDER
    invocation: str | None = None
    started: str | None = None
    finished: str | None = None
    image_attestation: str | None = None
    image_manifests: tuple[ImageManifest, ...] = ()
    approvals: tuple[tuple[str, str], ...] = ()
    snapshots: tuple[SnapshotAttestation, ...] = ()
    files: str | None = None
    strategy: AskingStrategy | None = None


def run_details(execution: Execution, byproducts: Iterable[ResourceDescriptor] = ()) -> RunDetails:
    """Return who built something, and when, as provenance has it."""
    return RunDetails(
        builder=Builder(id=execution.builder),
        metadata=BuildMetadata(
            invocation_id=execution.invocation, started_on=execution.started, finished_on=execution.finished
        ),
        byproducts=tuple(byproducts),
    )


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """All that is stated of how a run's results came to be.

    ``snapshots``: manifests of the data, by id. ``logs``: digest of the bytes of what is stated beside, by name.
    """

    results: ResultsManifest
    snapshots: Mapping[str, SnapshotManifest]
    execution: Execution = field(default_factory=Execution)
    logs: Mapping[str, str] = field(default_factory=dict)


def run_statement(provenance: Provenance, run: str, artifact: str, files: Mapping[str, str]) -> Statement:
    """Return what is stated of a run: provenance of its artifact and of every file in it.

    ``artifact``: digest of the OCI manifest that holds the results. ``files``: of each file's bytes in it, by name.
    """
    subjects = [_subject(run, artifact), *(_subject(*one) for one in sorted(files.items()))]
    return Statement(subject=tuple(subjects), predicate_type=PREDICATE_TYPE, predicate=provenance.plain())


def run_provenance(evidence: RunEvidence) -> Provenance:
    """Return the SLSA provenance of a run. Raises Malformed where it was made from more than a statement can name."""
    strategy = evidence.execution.strategy
    asked = {} if strategy is None else {STRATEGY: strategy.plain()}
    return Provenance(
        build_definition=BuildDefinition(
            build_type=RUN_BUILD_TYPE,
            external_parameters={SPECIFICATION: _plain(evidence.results)["specification"], **asked},
            internal_parameters=dict(sorted(evidence.results.environment.items())),
            resolved_dependencies=tuple(_dependencies(evidence)),
        ),
        run_details=_details(evidence),
    )


def _subject(name: str, digest: str) -> Subject:
    return Subject(name=name, digest={"sha256": hexadecimal(digest)})


def _plain(results: ResultsManifest) -> dict[str, Any]:
    return results.model_dump(mode="json", by_alias=True)


def _dependencies(evidence: RunEvidence) -> Sequence[ResourceDescriptor]:
    """List the image, and of each snapshot its manifest, its parts by their records, and what it was made from."""
    specification = evidence.results.specification
    found = [] if specification.image is None else _image(specification.image, evidence)
    found.extend(
        ResourceDescriptor(
            name=f"{APPROVAL}/{user}", digest={"sha256": hexadecimal(statement)}, annotations={USER: user}
        )
        for user, statement in evidence.execution.approvals
    )
    attested = {one.snapshot: one for one in evidence.execution.snapshots}
    for identity in specification.snapshots:
        manifest = evidence.snapshots[identity]
        found.append(snapshot_dependency(identity, attested.get(identity)))
        found.extend(
            ResourceDescriptor(
                name=layout.snapshot_part(identity, part.name), digest={RECORDS: hexadecimal(part.digest)}
            )
            for part in manifest.parts
        )
        found.extend(
            ResourceDescriptor(name=f"source/{source.name}", digest={"sha256": hexadecimal(source.digest)})
            for source in manifest.sources
        )
    if len(found) > MAX_DEPENDENCIES:
        raise Malformed(
            f"the run was made from {len(found):,} things, and a statement names {MAX_DEPENDENCIES:,} at most; run it "
            "on snapshots of fewer instruments"
        )
    return found


def snapshot_dependency(identity: str, attested: SnapshotAttestation | None = None) -> ResourceDescriptor:
    """Return the manifest of a snapshot, and where it is attested, as far as that was found."""
    uri = None
    if attested is not None:
        repository, _, digest = attested.reference.partition("@")
        uri = oci_package(repository, digest)
    return ResourceDescriptor(
        name=layout.snapshot_manifest(identity),
        uri=uri,
        digest={"sha256": hexadecimal(identity)},
        annotations=None if attested is None else {ATTESTATION: attested.attestation},
    )


def without_what_was_looked_up(predicate: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the provenance of a run, as plain JSON values, without what was looked up for it in registries.

    That is the attestations of its snapshots and the manifest of its image on the processor: what an earlier attempt at
    its own attestation may not have found yet, or a later one not any more. All else follows from the run. Raises
    Malformed where it is no provenance.
    """
    provenance = parsed(Provenance, predicate, "the provenance")
    definition = provenance.build_definition
    kept = tuple(
        ResourceDescriptor(name=one.name, digest=one.digest) if _is_snapshot(one) else one
        for one in definition.resolved_dependencies
        if one.name not in _IMAGES_OF_PLATFORMS
    )
    definition = definition.model_copy(update={"resolved_dependencies": kept})
    return provenance.model_copy(update={"build_definition": definition}).plain()


def _is_snapshot(one: ResourceDescriptor) -> bool:
    name, digits = one.name or "", (one.digest or {}).get("sha256", "")
    return name == layout.snapshot_manifest(digits)


def _image(reference: str, evidence: RunEvidence) -> list[ResourceDescriptor]:
    """List the image by its index, and by its manifest for the platform that the results say they were made on."""
    execution = evidence.execution
    platform = PLATFORMS.get(evidence.results.environment.get(ARCHITECTURE, ""))
    repository = reference.partition("@")[0]
    manifests = [
        image_dependency(f"{repository}@{one.digest}", one.attestation, one.platform)
        for one in execution.image_manifests
        if one.platform == platform
    ]
    return [image_dependency(reference, execution.image_attestation), *manifests]


def image_dependency(reference: str, attestation: str | None = None, platform: str | None = None) -> ResourceDescriptor:
    """Return an image that is named ``repository@sha256:<hex>`` as a package URL (purl, type oci) and its digest.

    ``attestation``: digest of the attestation of it that was verified. ``platform``: what it is the image for, where it
    is that of one.
    """
    repository, _, digest = reference.partition("@")
    return ResourceDescriptor(
        name=IMAGE if platform is None else f"{IMAGE}/{platform}",
        uri=oci_package(repository, digest, platform),
        digest={"sha256": hexadecimal(digest)} if digest else None,
        annotations=None if attestation is None else {ATTESTATION: attestation},
    )


def _details(evidence: RunEvidence) -> RunDetails:
    execution, results = evidence.execution, evidence.results
    files = [] if execution.files is None else [execution.files]
    byproducts = [
        ResourceDescriptor(name="result", digest={RESULT: hexadecimal(results.result_digest)}),
        *(ResourceDescriptor(name=FILES, digest={FILES_DIGEST: hexadecimal(digest)}) for digest in files),
        *(
            ResourceDescriptor(
                name=layout.results_part(results.specification.run, part.name),
                digest={RECORDS: hexadecimal(part.digest)},
            )
            for part in results.parts
        ),
        *(
            ResourceDescriptor(name=name, digest={"sha256": hexadecimal(digest)})
            for name, digest in sorted(evidence.logs.items())
        ),
    ]
    return run_details(execution, byproducts)
