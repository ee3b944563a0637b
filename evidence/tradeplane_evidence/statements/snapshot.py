"""The statement of a snapshot; docs/evidence/snapshot-v1.md is what its build type resolves to.

Pure: what is known of how a snapshot came to be comes in, and the bytes that are signed follow from it. Nothing of a
registry stands in them, so that a snapshot is stated in the same bytes wherever it is pushed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradeplane_store import layout

from tradeplane_evidence.errors import Malformed, PolicyRefused
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE, BuildDefinition, Provenance
from tradeplane_evidence.statements.run import RECORDS, Execution, run_details
from tradeplane_evidence.statements.statement import (
    MAX_DEPENDENCIES,
    MAX_STATEMENT_BYTES,
    ResourceDescriptor,
    Statement,
    Subject,
    hexadecimal,
    serialise,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.snapshot_manifest import SnapshotManifest

SNAPSHOT_BUILD_TYPE = "https://tradeplane.dev/evidence/snapshot-v1"
IMPORT, CAPTURE = "import", "capture"
"""The external parameters there are: a snapshot has the one that says how it came to be."""
SNAPSHOT_PARAMETERS = frozenset({IMPORT, CAPTURE})
SOURCE = "source/"
"""What the names of dependencies that are sources begin with."""


@dataclass(frozen=True, slots=True)
class Imported:
    """That somebody imported it; ``places``: URIs of where they had its sources from, by the names of these."""

    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Captured:
    """That a SnapshotCapture sealed it as one of its bundles; ``specification``: its spec, as plain JSON values."""

    namespace: str
    name: str
    specification: Mapping[str, Any]
    bundle: int


@dataclass(frozen=True, slots=True)
class SnapshotEvidence:
    """All that is stated of a snapshot, by its id and the manifest of that digest."""

    snapshot: str
    manifest: SnapshotManifest
    origin: Imported | Captured = field(default_factory=Imported)
    execution: Execution = field(default_factory=Execution)


def snapshot_statement(evidence: SnapshotEvidence, artifact: str) -> Statement:
    """Return the provenance of a snapshot: of the artifact of that digest, and of the manifest that it holds.

    Raises PolicyRefused where it holds a session, which is not stated so, and Malformed where a place is of no source,
    or there is more than a statement can say.
    """
    refuse_session(evidence.snapshot, evidence.manifest)
    provenance = Provenance(
        build_definition=BuildDefinition(
            build_type=SNAPSHOT_BUILD_TYPE,
            external_parameters=_parameters(evidence),
            resolved_dependencies=tuple(_dependencies(evidence)),
        ),
        run_details=run_details(evidence.execution, _parts(evidence)),
    )
    statement = Statement(
        subject=(
            _subject(layout.snapshot_folder(evidence.snapshot), artifact),
            _subject(layout.snapshot_manifest(evidence.snapshot), evidence.snapshot),
        ),
        predicate_type=PREDICATE_TYPE,
        predicate=provenance.plain(),
    )
    if len(serialise(statement)) > MAX_STATEMENT_BYTES:
        raise Malformed(f"the statement of snapshot {evidence.snapshot} has more than {MAX_STATEMENT_BYTES:,} bytes")
    return statement


def refuse_session(snapshot: str, manifest: SnapshotManifest) -> None:
    """Raise PolicyRefused where a snapshot holds a session."""
    if manifest.session is not None:
        raise PolicyRefused(
            f"snapshot {snapshot} holds a session, which nobody states the making of; attest what replays of it find"
        )


def stated_sources(manifest: SnapshotManifest, places: Mapping[str, str]) -> list[ResourceDescriptor]:
    """Return what a snapshot was made from, each with where it was had from, where that is known."""
    return [
        ResourceDescriptor(
            name=f"{SOURCE}{one.name}", uri=places.get(one.name), digest={"sha256": hexadecimal(one.digest)}
        )
        for one in manifest.sources
    ]


def _subject(name: str, digest: str) -> Subject:
    return Subject(name=name, digest={"sha256": hexadecimal(digest)})


def _parameters(evidence: SnapshotEvidence) -> dict[str, Any]:
    origin = evidence.origin
    if isinstance(origin, Captured):
        captured = {
            "namespace": origin.namespace,
            "name": origin.name,
            "bundle": origin.bundle,
            "spec": dict(origin.specification),
        }
        return {CAPTURE: captured}
    manifest = evidence.manifest
    unknown = sorted(set(origin.places) - {one.name for one in manifest.sources})
    if unknown:
        names = ", ".join(one.name for one in manifest.sources) or "none"
        raise Malformed(f"snapshot {evidence.snapshot} has no source {unknown[0]!r}; it was made from: {names}")
    sources = [{"name": one.name, "format": one.format} for one in manifest.sources]
    return {IMPORT: {"holds": manifest.holds.value, "sources": sources}}


def _dependencies(evidence: SnapshotEvidence) -> list[ResourceDescriptor]:
    """List the sources, and the bundle before, whose book this one goes on with."""
    manifest, origin = evidence.manifest, evidence.origin
    places = origin.places if isinstance(origin, Imported) else {}
    previous = [] if manifest.previous is None else [_manifest(manifest.previous)]
    found = [*stated_sources(manifest, places), *previous]
    if len(found) > MAX_DEPENDENCIES or len(manifest.parts) > MAX_DEPENDENCIES:
        raise Malformed(
            f"snapshot {evidence.snapshot} was made from {len(found):,} sources and has {len(manifest.parts):,} parts, "
            f"and a statement names {MAX_DEPENDENCIES:,} at most; import fewer instruments into one"
        )
    return found


def _manifest(snapshot: str) -> ResourceDescriptor:
    return ResourceDescriptor(name=layout.snapshot_manifest(snapshot), digest={"sha256": hexadecimal(snapshot)})


def _parts(evidence: SnapshotEvidence) -> list[ResourceDescriptor]:
    return [
        ResourceDescriptor(
            name=layout.snapshot_part(evidence.snapshot, one.name), digest={RECORDS: hexadecimal(one.digest)}
        )
        for one in evidence.manifest.parts
    ]
