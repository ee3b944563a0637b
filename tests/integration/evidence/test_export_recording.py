"""What is kept of what a registry gives, within limits, whatever hangs on a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tradeplane_evidence.export import recording
from tradeplane_evidence.export.recording import RecordingRegistry
from tradeplane_evidence.registry.manifests import artifact, described
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.results_artifact import RESULTS_TYPE
from tradeplane_evidence.signing.bundle import BUNDLE_TYPE

from tests.integration.evidence.test_hostile_registries import standing_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

FILES = {"manifest.json": b"{}", "summary.json": b"[]", "a.arrow": b"a" * 60, "b.arrow": b"b" * 60}


def holding(blobs: Mapping[str, bytes]) -> Handler:
    """Serve bytes by digest, as a registry does."""

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=blobs[request.path.rpartition("/")[2]])

    return handler


async def pull(bundles: list[bytes], most_file_bytes: int) -> RecordingRegistry:
    """Pull a run with bundles as verification does: manifest, each bundle, then each file."""
    results = artifact(RESULTS_TYPE, tuple(described(data, "x/y", name) for name, data in FILES.items()))
    hung = [artifact(BUNDLE_TYPE, (described(bundle, BUNDLE_TYPE),)) for bundle in bundles]
    blobs = {described(data, "x/y").digest: data for data in [results, *hung, *bundles, *FILES.values()]}
    async with standing_in(holding(blobs)) as stand_in:
        at = Reference(stand_in.host, "runs/x")
        async with RecordingRegistry(stand_in.host, plain_http=True, most_file_bytes=most_file_bytes) as registry:
            registry.begin()
            await registry.manifest(at.at(described(results, "x/y").digest))
            for manifest, bundle in zip(hung, bundles, strict=True):
                await registry.manifest(at.at(described(manifest, "x/y").digest))
                await registry.blob("runs/x", described(bundle, "x/y").digest, 1_000)
            for data in FILES.values():
                await registry.blob("runs/x", described(data, "x/y").digest, 1_000)
    assert registry.pulled.artifact == results
    return registry


async def test_the_last_bundle_is_the_one_that_counts() -> None:
    pulled = (await pull([b"1", b"2", b"3"], 0)).pulled
    assert (pulled.bundle, pulled.others) == (b"3", [b"1", b"2"])


async def test_bundles_of_others_have_a_limit_and_ours_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_OTHER_BUNDLES", 25)
    bundles = [bytes([number]) * 10 for number in range(1, 6)]
    pulled = (await pull(bundles, 0)).pulled
    assert (pulled.bundle, pulled.others) == (bundles[-1], bundles[:2])
    assert "more than 25 bytes of bundles" in pulled.left_out["bundles"]


@pytest.mark.parametrize(
    ("most", "kept"),
    [(0, set()), (59, set()), (60, {"a.arrow"}), (119, {"a.arrow"}), (120, {"a.arrow", "b.arrow"})],
)
async def test_tables_have_a_limit_and_documents_are_always_there(most: int, kept: set[str]) -> None:
    pulled = (await pull([b"1"], most)).pulled
    assert set(pulled.files) == {"manifest.json", "summary.json", *kept}
    assert set(pulled.left_out) == {"a.arrow", "b.arrow"} - kept


async def test_another_run_begins_with_nothing() -> None:
    registry = await pull([b"1"], 1_000)
    registry.begin()
    assert registry.pulled == recording.Pulled()
