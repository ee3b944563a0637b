"""What an image is on each processor is read from its index in a real registry: where that may be asked, and once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tradeplane_api.strategy import ImageManifest
from tradeplane_evidence.registry.client import Limits, Registry
from tradeplane_operator.running.image_manifests import ImageManifests
from tradeplane_operator.settings import Evidence
from tradeplane_store.canonical import sha256_digest

from tests.integration.evidence.conftest import listing_referrers
from tests.ports import free_port
from tests.unit.evidence import sample_images

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
IMAGE = sample_images.image()
LISTED = tuple(
    ImageManifest(platform=one, digest=sha256_digest(IMAGE.manifests[one])) for one in ("linux/amd64", "linux/arm64")
)


@pytest.fixture
def host() -> str:
    """Give where the registry is, once it is."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def registry(host: str, tmp_path: Path) -> Iterator[str]:
    """Run it."""
    with listing_referrers(host, tmp_path / "registry.log", "--store-type", "mem") as found:
        yield found


def _manifests(host: str, *prefixes: str, steady: list[float] | None = None, plain: bool = True) -> ImageManifests:
    evidence = Evidence(registry=f"{host}/runs", signer="file:/key.pem", plain_http=plain)
    seconds = steady or [0.0]
    limits = Limits(answer_s=10.0, request_s=10.0, tries=1)
    return ImageManifests(evidence, prefixes, lambda: NOW, lambda: seconds[0], limits)


async def _push(host: str) -> str:
    async with Registry(host, plain_http=True) as opened:
        await IMAGE.push(opened, "images/runner")
    return f"{host}/images/runner@{IMAGE.digest}"


async def test_what_the_index_lists_is_read_once(host: str, tmp_path: Path) -> None:
    manifests = _manifests(host, f"{host}/images/")
    with listing_referrers(host, tmp_path / "registry.log", "--store-type", "mem"):
        image = await _push(host)
        assert await manifests.of(image) == LISTED
    assert await manifests.of(image) == LISTED, "it is known by its digest, whatever became of the registry"


@pytest.mark.parametrize("prefixes", [(), ("{host}",), ("{host}/other/",), ("{host}/images/", "registry.example.com")])
async def test_no_registry_is_asked_that_the_administrator_does_not_name(
    registry: str, prefixes: tuple[str, ...]
) -> None:
    image = await _push(registry)
    assert await _manifests(registry, *(one.format(host=registry) for one in prefixes)).of(image) == ()


async def test_what_has_no_digest_or_no_index_is_nothing(registry: str) -> None:
    await _push(registry)
    manifests = _manifests(registry, f"{registry}/")
    single = sha256_digest(IMAGE.manifests["linux/amd64"])
    for image in (None, f"{registry}/images/runner:1", f"{registry}/images/runner@{single}"):
        assert await manifests.of(image) == ()


async def test_a_registry_that_cannot_be_asked_is_left_alone_for_a_while(host: str, tmp_path: Path) -> None:
    steady = [0.0]
    manifests = _manifests(host, f"{host}/", steady=steady)
    image = f"{host}/images/runner@{IMAGE.digest}"
    assert await manifests.of(image) == ()
    with listing_referrers(host, tmp_path / "registry.log", "--store-type", "mem"):
        await _push(host)
        steady[0] = 299.0
        assert await manifests.of(image) == ()
        steady[0] = 300.0
        assert await manifests.of(image) == LISTED


async def test_only_the_registry_of_the_evidence_is_asked_without_tls(registry: str) -> None:
    image = await _push(registry)
    assert await _manifests(registry, f"{registry}/", plain=False).of(image) == ()
    assert await _manifests("registry.example.com", f"{registry}/").of(image) == ()
