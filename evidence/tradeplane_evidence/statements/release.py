"""The statement of a release; docs/evidence/release-v1.md is what its build type resolves to.

Pure: a record of a build comes in, and the bytes that are signed follow from it. One statement is about every file, so
that whoever has one of them, or all, asks one and the same bundle.

Sources: SLSA specification v1.0, "Provenance"; in-toto Attestation Framework, DigestSet (``gitCommit``, ``gitTree``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import NotAttested
from tradeplane_evidence.statements.image import source_dependency
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE, BuildDefinition, Provenance
from tradeplane_evidence.statements.run import IMAGE, Execution, image_dependency, run_details
from tradeplane_evidence.statements.statement import ResourceDescriptor, Statement, Subject, hexadecimal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradeplane_api.release_build import ReleaseBuild

RELEASE_BUILD_TYPE = "https://tradeplane.dev/evidence/release-v1"
LOCAL_RELEASE_BUILDER = "https://tradeplane.dev/evidence/builders/release-local-v1"
"""The builder of a release that somebody built on a machine of their own: nobody but the signer vouches for it."""
RELEASE_PARAMETERS = frozenset({"images", "platforms", "tag", "version"})
"""The external parameters there are; each release has all of them."""


@dataclass(frozen=True, slots=True)
class ReleaseEvidence:
    """All that is stated of a release."""

    build: ReleaseBuild
    execution: Execution = field(default_factory=lambda: Execution(builder=LOCAL_RELEASE_BUILDER))


def release_statement(evidence: ReleaseEvidence) -> Statement:
    """Return the provenance of a release, about each of its files. Raises NotAttested for a snapshot of one."""
    build = evidence.build
    if build.tag is None:
        raise NotAttested(
            f"the record is of a snapshot of {build.version}, which is no release: tag the commit v{build.version} and "
            "build it again without --snapshot"
        )
    provenance = Provenance(
        build_definition=BuildDefinition(
            build_type=RELEASE_BUILD_TYPE,
            external_parameters={
                "version": build.version,
                "tag": build.tag,
                "platforms": list(build.platforms),
                "images": dict(sorted(build.images.items())),
            },
            internal_parameters={"tools": dict(sorted(build.tools.items()))},
            resolved_dependencies=tuple(_dependencies(build)),
        ),
        run_details=run_details(evidence.execution),
    )
    subjects = tuple(
        Subject(name=one.name, digest={"sha256": hexadecimal(one.digest)})
        for one in sorted(build.files, key=lambda one: one.name)
    )
    return Statement(subject=subjects, predicate_type=PREDICATE_TYPE, predicate=provenance.plain())


def _dependencies(build: ReleaseBuild) -> Iterable[ResourceDescriptor]:
    yield source_dependency(build.source)
    for one in build.materials:
        yield ResourceDescriptor(name=one.name, uri=one.uri, digest={"sha256": hexadecimal(one.digest)})
    for name, reference in sorted(build.images.items()):
        yield image_dependency(reference).model_copy(update={"name": f"{IMAGE}/{name}"})
