"""A run's results as an OCI artifact: the files as they lie in the store, each a layer, by name.

Pure: bytes come in. The bytes of a file are not what its digests in the manifest are over (docs/formats/digests.md): an
auditor without us checks the bytes by what was signed, and with us also the records in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.run import ResultsManifest
from tradeplane_store.canonical import canonical_json, files_digest, result_digest, run_digest, sha256_digest

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import DigestMismatch, Malformed, ResultsChanged
from tradeplane_evidence.registry.manifests import Descriptor, artifact, described

if TYPE_CHECKING:
    from collections.abc import Mapping

RESULTS_TYPE = "application/vnd.tradeplane.results.v1+json"
"""What the artifact is."""
MANIFEST_FILE, SUMMARY_FILE = "manifest.json", "summary.json"
PROVENANCE_FILE = "provenance.json"
"""Where an artifact holds the provenance of its run itself: one that is signed together with others by its digest."""
ARROW_TYPE = "application/vnd.apache.arrow.file"
JSON_TYPE = "application/json"
MAX_FILE_BYTES = 512 * 1024 * 1024
"""Of one file of results; the runs of the examples have a hundredth of it."""
MAX_PARTS = 16
"""Tables of a run; there are four at most so far."""
MAX_DOCUMENT_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ResultsArtifact:
    """An artifact, and its layers by the names of their files."""

    manifest: bytes
    layers: Mapping[str, Descriptor]

    @property
    def digest(self) -> str:
        """Digest of the manifest: what names the artifact in a registry."""
        return sha256_digest(self.manifest)


def results_artifact(results: ResultsManifest, files: Mapping[str, bytes]) -> ResultsArtifact:
    """Return the artifact of a run's results, from what their manifest says and their files by name."""
    ordered = [MANIFEST_FILE, SUMMARY_FILE, *(f"{part.name}.arrow" for part in results.parts)]
    layers = {name: described(files[name], _media_type(name), name) for name in ordered}
    return ResultsArtifact(artifact(RESULTS_TYPE, tuple(layers.values())), layers)


def with_provenance(found: ResultsArtifact, provenance: bytes) -> ResultsArtifact:
    """Return an artifact with the provenance of its run in it, so that its digest stands for that as well."""
    layers = {**found.layers, PROVENANCE_FILE: described(provenance, JSON_TYPE, PROVENANCE_FILE)}
    return ResultsArtifact(artifact(RESULTS_TYPE, tuple(layers.values())), layers)


def parse_results(data: bytes) -> ResultsManifest:
    """Return a manifest of results, its own digests checked. Raises Malformed or DigestMismatch."""
    strict_json.parse(data, "the manifest of the results", MAX_DOCUMENT_BYTES)
    try:
        results = ResultsManifest.model_validate_json(data)
    except ValueError as error:
        raise Malformed(f"the manifest of the results is none that this version reads: {error}") from error
    names = [part.name for part in results.parts]
    if len(set(names)) != len(names) or len(names) > MAX_PARTS:
        raise Malformed(f"the manifest of the results names a part twice, or more than {MAX_PARTS} of them")
    if results.result_digest != result_digest(results.parts, results.summary):
        raise DigestMismatch("the manifest of the results does not have the result digest that it states")
    if results.run_digest != run_digest(results.specification):
        raise DigestMismatch("the manifest of the results does not have the run digest that it states")
    return results


def check_summary(data: bytes, results: ResultsManifest) -> None:
    """Check that the summary for people has the figures of the manifest. Raises ResultsChanged."""
    try:
        figures = strict_json.parse(data, f"file {SUMMARY_FILE}", MAX_DOCUMENT_BYTES)
        same = canonical_json(figures) == canonical_json(results.summary)
    except ValueError:  # no JSON, or numbers that no manifest has
        same = False
    if not same:
        raise ResultsChanged(
            f"file {SUMMARY_FILE} of run {results.specification.run} does not have the figures of its manifest: it is "
            "not the one that the run left; see who may write to its store, and run it again"
        )


def digest_over(files: Mapping[str, bytes]) -> str:
    """Return the digest over files of results by name, as the pod of a run says it at its end."""
    return files_digest({name: sha256_digest(data) for name, data in files.items()})


def _media_type(name: str) -> str:
    return ARROW_TYPE if name.endswith(".arrow") else JSON_TYPE
