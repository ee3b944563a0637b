"""The statements of an image; docs/evidence/image-v1.md is what the build type of its provenance resolves to.

Pure: a record of a build comes in, and the bytes that are signed follow from it. Nothing of the registry stands in
them, so that an image is stated in the same bytes wherever it is pushed.

Sources: SLSA specification v1.0, "Provenance"; in-toto Attestation Framework, "CycloneDX" predicate and DigestSet
(``gitCommit``, ``gitTree``); package URL specification, type ``oci``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradeplane_store.canonical import canonical_json, sha256_digest

from tradeplane_evidence.errors import NotAttested
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE, BuildDefinition, Provenance, RunDetails
from tradeplane_evidence.statements.run import Execution, run_details
from tradeplane_evidence.statements.statement import ResourceDescriptor, Statement, Subject, hexadecimal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradeplane_api.image_build import ImageBuild, SourceRevision

IMAGE_BUILD_TYPE = "https://tradeplane.dev/evidence/image-v1"
SBOM_PREDICATE_TYPE = "https://cyclonedx.org/bom"
"""A CycloneDX bill of materials is the predicate itself; cosign calls it ``cyclonedx``."""
LOCAL_IMAGE_BUILDER = "https://tradeplane.dev/evidence/builders/images-local-v1"
"""The builder of an image that somebody built on a machine of their own: nobody but the signer vouches for it."""
SBOM_MEDIA_TYPE = "application/vnd.cyclonedx+json"
"""What a byproduct is that is a bill of materials."""
IMAGE_PARAMETERS = frozenset({"base", "image", "platforms"})
"""The external parameters there are; each image has all of them."""
SOURCE = "source"
"""Name of the dependency that is the sources."""
MODIFIED = "modified"
"""Annotation of sources that nobody committed as they were. They have no ``gitCommit``."""


@dataclass(frozen=True, slots=True)
class ImageEvidence:
    """All that is stated of an image.

    ``manifests``: digest of each platform's manifest, by platform. ``sboms``: its bill of materials (CycloneDX), as
    plain JSON values.
    """

    build: ImageBuild
    manifests: Mapping[str, str]
    sboms: Mapping[str, Mapping[str, Any]]
    execution: Execution = field(default_factory=lambda: Execution(builder=LOCAL_IMAGE_BUILDER))


def image_statement(evidence: ImageEvidence) -> Statement:
    """Return the provenance of an image: of its index, and of the manifest of each platform.

    Raises NotAttested where the sources are not known.
    """
    build = evidence.build
    subjects = [image_subject(build, build.digest)]
    subjects.extend(image_subject(build, evidence.manifests[one.platform], one.platform) for one in build.platforms)
    provenance = Provenance(
        build_definition=BuildDefinition(
            build_type=IMAGE_BUILD_TYPE,
            external_parameters={
                "image": build.image,
                "platforms": [one.platform for one in build.platforms],
                "base": build.base,
            },
            internal_parameters={
                "tools": dict(sorted(build.tools.items())),
                "notAsLocked": list(build.not_as_locked),
            },
            resolved_dependencies=tuple(_dependencies(build)),
        ),
        run_details=_details(evidence),
    )
    return Statement(subject=tuple(subjects), predicate_type=PREDICATE_TYPE, predicate=provenance.plain())


def sbom_statement(evidence: ImageEvidence, platform: str) -> Statement:
    """Return the statement of what is in an image for one platform.

    It is about that platform's manifest, and about the index, of which it says what one of its images holds: the bill
    names the platform. So whoever asks for the index, by which images are referred to, finds the bill of each.
    """
    build = evidence.build
    return Statement(
        subject=(image_subject(build, build.digest), image_subject(build, evidence.manifests[platform], platform)),
        predicate_type=SBOM_PREDICATE_TYPE,
        predicate=dict(evidence.sboms[platform]),
    )


def sbom_digest(sbom: Mapping[str, Any]) -> str:
    """Return the digest of a bill: of its canonical JSON (RFC 8785), which is how it stands in a statement."""
    return sha256_digest(canonical_json(dict(sbom)))


def image_subject(build: ImageBuild, digest: str, platform: str | None = None) -> Subject:
    """Return an image as a subject: by its package URL without a registry, and by the digest of its manifest."""
    name = f"pkg:oci/{build.image.rpartition('/')[2]}@{digest.replace(':', '%3A')}"
    if platform is not None:
        name += f"?arch={platform.partition('/')[2].replace('/', '%2F')}"
    return Subject(name=name, digest={"sha256": hexadecimal(digest)})


def _dependencies(build: ImageBuild) -> Iterable[ResourceDescriptor]:
    if build.source is None:
        raise NotAttested(
            f"the record of {build.image} names no sources, without which its provenance says nothing; build it from a "
            "checkout of git"
        )
    yield source_dependency(build.source)
    for one in build.materials:
        yield ResourceDescriptor(name=one.name, uri=one.uri, digest={"sha256": hexadecimal(one.digest)})


def source_dependency(source: SourceRevision) -> ResourceDescriptor:
    """Return the sources of a build as what it was made from.

    What nobody committed has the digest of its tree alone: no policy takes it for the commit that it was changed from.
    """
    if source.modified:
        return ResourceDescriptor(
            name=SOURCE,
            digest={"gitTree": source.tree},
            annotations={MODIFIED: True, "modifiedFrom": source.commit},
        )
    uri = None if source.repository is None else f"git+{source.repository}@{source.commit}"
    return ResourceDescriptor(name=SOURCE, uri=uri, digest={"gitCommit": source.commit, "gitTree": source.tree})


def _details(evidence: ImageEvidence) -> RunDetails:
    bills = (
        ResourceDescriptor(
            name=one.sbom.file,
            digest={"sha256": hexadecimal(sbom_digest(evidence.sboms[one.platform]))},
            media_type=SBOM_MEDIA_TYPE,
        )
        for one in evidence.build.platforms
    )
    return run_details(evidence.execution, bills)
