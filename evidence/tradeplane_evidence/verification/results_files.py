"""The files of a run's results, had from a registry into a store, where a replay finds them as a run left them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_store import layout

from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.registry.manifests import parse_manifest
from tradeplane_evidence.results_artifact import MANIFEST_FILE, MAX_FILE_BYTES, SUMMARY_FILE

if TYPE_CHECKING:
    from tradeplane_api.run import ResultsManifest
    from tradeplane_store.objects import ObjectStore

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference


async def pull_results(registry: Registry, reference: Reference, results: ResultsManifest, store: ObjectStore) -> None:
    """Pull the results of a run, which was verified, from an artifact by its digest into a store that has none of them.

    Raises Malformed where a file is missing, DigestMismatch, and what registry and store raise.
    """
    data, _ = await registry.manifest(reference)
    layers = {layer.title: layer.digest for layer in parse_manifest(data, f"the manifest of {reference}").layers}
    for title, place in _places(results):
        digest = layers.get(title)
        if digest is None:
            raise Malformed(f"the artifact {reference} has no {title}")
        await store.aput_if_absent(place, await registry.blob(reference.repository, digest, MAX_FILE_BYTES))


def _places(results: ResultsManifest) -> list[tuple[str, str]]:
    """Return what each file is called in the artifact and where it lies in a store, the manifest last."""
    run = results.specification.run
    parts = [(f"{part.name}.arrow", layout.results_part(run, part.name)) for part in results.parts]
    return [*parts, (SUMMARY_FILE, layout.results_summary(run)), (MANIFEST_FILE, layout.results_manifest(run))]
