"""An image made by hand, for two platforms, with the record of its build and its bills of materials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_api.image_build import BuiltPlatform, ImageBuild, Material, SbomFile, SourceRevision
from tradeplane_evidence.registry.manifests import EMPTY, INDEX_TYPE, MANIFEST_TYPE
from tradeplane_evidence.statements.image import ImageEvidence, image_statement
from tradeplane_evidence.statements.run import Execution
from tradeplane_store.canonical import canonical_json, sha256_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.statements.statement import Statement

IMAGE = "tradeplane/workloads"
PLATFORMS = ("linux/amd64", "linux/arm64")
COMMIT, TREE = "c0" * 20, "7e" * 20
EXECUTION = Execution(
    builder="https://tradeplane.dev/evidence/builders/images-local-v1",
    invocation="4d1f8c9e-0000-4000-8000-000000000002",
    started="2026-01-05T08:00:00Z",
    finished="2026-01-05T08:03:00Z",
)


def sbom(platform: str = PLATFORMS[0], image: str = IMAGE, extra: str = "") -> dict[str, Any]:
    """Return a bill of materials of a few components."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "name": image,
                "version": "0.1.0",
                "properties": [{"name": "tradeplane:image:platform", "value": platform}],
            }
        },
        "components": [
            {"type": "library", "name": "numpy", "version": "2.4.6", "purl": "pkg:pypi/numpy@2.4.6"},
            {"type": "library", "name": f"libc6{extra}", "version": "2.36-9", "purl": "pkg:deb/debian/libc6@2.36-9"},
        ],
    }


@dataclass(frozen=True)
class SampleImage:
    """An image as it lies in a registry, by its blobs and manifests."""

    blobs: tuple[bytes, ...]
    manifests: Mapping[str, bytes]
    index: bytes

    @property
    def digest(self) -> str:
        return sha256_digest(self.index)

    async def push(self, registry: Registry, repository: str) -> None:
        for data in self.blobs:
            await registry.push_blob(repository, data)
        for manifest in self.manifests.values():
            await registry.push_manifest(repository, sha256_digest(manifest), manifest, MANIFEST_TYPE)
        await registry.push_manifest(repository, self.digest, self.index, INDEX_TYPE)


def _described(data: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256_digest(data), "size": len(data)}


def image(platforms: tuple[str, ...] = PLATFORMS, content: str = "", *, nameless: bool = False) -> SampleImage:
    """Return an image for some platforms; another content is another image.

    ``nameless``: whether its index has one manifest more, which is of no platform.
    """
    blobs: list[bytes] = [EMPTY]
    manifests: dict[str, bytes] = {}
    for platform in platforms:
        system, _, processor = platform.partition("/")
        config = canonical_json({"os": system, "architecture": processor, "rootfs": {"type": "layers"}})
        layer = f"layer of {platform}{content}".encode()
        blobs += [config, layer]
        manifests[platform] = canonical_json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": _described(config, "application/vnd.oci.image.config.v1+json"),
                "layers": [_described(layer, "application/vnd.oci.image.layer.v1.tar+gzip")],
            }
        )
    entries = []
    for platform, data in manifests.items():
        system, _, processor = platform.partition("/")
        entries.append(
            {**_described(data, MANIFEST_TYPE), "platform": {"os": system, "architecture": processor}},
        )
    if nameless:
        entries.append(_described(manifests[platforms[0]], MANIFEST_TYPE))
    index = canonical_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries})
    return SampleImage(tuple(blobs), manifests, index)


def sboms(platforms: tuple[str, ...] = PLATFORMS) -> dict[str, bytes]:
    """Return the file of each platform's bill."""
    return {platform: canonical_json(sbom(platform)) for platform in platforms}


def build(
    *, digest: str | None = None, files: Mapping[str, bytes] | None = None, source: SourceRevision | None = None
) -> ImageBuild:
    """Return the record of the build."""
    found = sboms() if files is None else files
    return ImageBuild(
        image=IMAGE,
        digest=digest or image().digest,
        platforms=tuple(
            BuiltPlatform(
                platform=platform,
                sbom=SbomFile(
                    file=f"workloads.{platform.replace('/', '-')}.cdx.json",
                    digest=sha256_digest(data),
                    size=len(data),
                ),
            )
            for platform, data in found.items()
        ),
        base="scratch",
        source=source
        or SourceRevision(commit=COMMIT, tree=TREE, modified=False, repository="https://git.example.com/tradeplane"),
        materials=(
            Material(name="uv.lock", digest=sha256_digest(b"uv.lock")),
            Material(
                name="libc6:amd64", uri="pkg:deb/debian/libc6@2.36-9?arch=amd64", digest=sha256_digest(b"libc6.deb")
            ),
        ),
        tools={"buildah": "1.28.2", "rustc": "1.85.0"},
    )


def evidence(built: ImageBuild | None = None, execution: Execution = EXECUTION) -> ImageEvidence:
    """Return all that is stated of it."""
    return ImageEvidence(
        build=built or build(),
        manifests={platform: sha256_digest(data) for platform, data in image().manifests.items()},
        sboms={platform: sbom(platform) for platform in PLATFORMS},
        execution=execution,
    )


def statement() -> Statement:
    """Return its provenance."""
    return image_statement(evidence())
