"""Attesting an image: provenance and bills of materials, each signed once and hung on the index and its platforms.

What is signed is what a record of the build says, so before anything is signed the record is held against the image in
the registry: it must be of this index, the index of these platforms, and each bill the one that was recorded, of its
platform. What fails is refused whole: no half of an image is attested by a record that is not its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_api.image_build import ImageBuild
from tradeplane_store.canonical import sha256_digest

from tradeplane_evidence import strict_json
from tradeplane_evidence.build_records import parse_build_record
from tradeplane_evidence.errors import DigestMismatch, Malformed, NotAttested
from tradeplane_evidence.registry.manifests import EMPTY, INDEX_TYPE, described, parse_index
from tradeplane_evidence.signed_referrers import hang
from tradeplane_evidence.statements.image import (
    LOCAL_IMAGE_BUILDER,
    ImageEvidence,
    image_statement,
    sbom_digest,
    sbom_statement,
)
from tradeplane_evidence.statements.run import Execution
from tradeplane_evidence.statements.statement import MAX_STATEMENT_BYTES, serialise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.manifests import Descriptor
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.signed_referrers import Hung
    from tradeplane_evidence.signing.signer import BundleSigner, Signer

MAX_SBOM_BYTES = 3 * 1024 * 1024
"""Of one bill of materials, which is all but the whole of a statement; the largest of ours has 0.2 MB."""
SBOM_FORMAT = "CycloneDX"
PLATFORM_PROPERTY = "tradeplane:image:platform"
"""Property of the bill's own component that says which platform of the image it is of."""


@dataclass(frozen=True, slots=True)
class AttestedImage:
    """What was pushed. ``sboms``: by platform. Each attestation is hung on the index, and on the platforms it is of."""

    reference: Reference
    provenance: Hung
    sboms: Mapping[str, Hung]


def parse_record(data: bytes) -> ImageBuild:
    """Return the record of a build from its JSON. Raises Malformed."""
    return parse_build_record(ImageBuild, data, "the record of the build", "build the image again")


def sboms_of(build: ImageBuild, files: Iterable[bytes]) -> dict[str, dict[str, Any]]:
    """Return the bills of materials of a build by platform, from their files in any order.

    Raises DigestMismatch where a file is not one that was recorded, NotAttested where one is missing, and Malformed
    where it is no bill of that platform.
    """
    wanted = {one.sbom.digest: one for one in build.platforms}
    found: dict[str, dict[str, Any]] = {}
    for data in files:
        one = wanted.get(sha256_digest(data))
        if one is None:
            raise DigestMismatch(
                f"a bill of materials of digest {sha256_digest(data)} is none of those that the record of "
                f"{build.image} names ({', '.join(sorted(wanted))}): it is of another build, or was changed since; "
                "build the image again"
            )
        found[one.platform] = _sbom(build, one.platform, data, one.sbom.file)
    missing = [f"{one.platform} ({one.sbom.file})" for one in build.platforms if one.platform not in found]
    if missing:
        raise NotAttested(f"there is no bill of materials of {build.image} for {', '.join(missing)}; give each")
    return found


async def attest_image(
    registry: Registry,
    reference: Reference,
    build: ImageBuild,
    sboms: Iterable[bytes],
    signer: Signer | BundleSigner,
    execution: Execution | None = None,
    timestamp_authority: str | None = None,
) -> AttestedImage:
    """Push the signed provenance of an image in a registry, and the signed bill of materials of each platform.

    ``reference``: its index. ``sboms``: the files, as they were recorded. Raises DigestMismatch, NotAttested or
    Malformed where record, files and image are not of each other, and what registry and signer raise.
    """
    found = sboms_of(build, sboms)
    index, manifests = await _image(registry, reference, build)
    evidence = ImageEvidence(
        build=build,
        manifests={platform: one.digest for platform, one in manifests.items()},
        sboms=found,
        execution=execution or Execution(builder=LOCAL_IMAGE_BUILDER),
    )
    provenance = image_statement(evidence)
    statements = {platform: sbom_statement(evidence, platform) for platform in manifests}
    for one in (provenance, *statements.values()):
        if len(serialise(one)) > MAX_STATEMENT_BYTES:
            raise Malformed(f"a statement of {build.image} has more than {MAX_STATEMENT_BYTES:,} bytes")
    place = reference.at(build.digest)
    await registry.push_blob(place.repository, EMPTY)
    subjects: Sequence[Descriptor] = (index, *manifests.values())
    hung = await hang(registry, place, provenance, subjects, signer, timestamp_authority)
    return AttestedImage(
        place,
        hung,
        {
            platform: await hang(registry, place, statement, (index, manifests[platform]), signer, timestamp_authority)
            for platform, statement in statements.items()
        },
    )


def _sbom(build: ImageBuild, platform: str, data: bytes, file: str) -> dict[str, Any]:
    sbom = strict_json.parse(data, f"the bill of materials {file}", MAX_SBOM_BYTES)
    if not isinstance(sbom, dict) or sbom.get("bomFormat") != SBOM_FORMAT:
        raise Malformed(f"{file} is no bill of materials in JSON of {SBOM_FORMAT}")
    try:
        sbom_digest(sbom)
    except ValueError as error:
        raise Malformed(f"{file} cannot be stated as it is: {error}") from error
    component = _table(_table(sbom.get("metadata")).get("component"))
    properties = component.get("properties")
    stated = [
        one.get("value")
        for one in (properties if isinstance(properties, list) else [])
        if isinstance(one, dict) and one.get("name") == PLATFORM_PROPERTY
    ]
    if component.get("name") != build.image or stated != [platform]:
        raise Malformed(
            f"{file} is the bill of materials of {component.get('name')!r} for {stated}, and the record has it for "
            f"{platform} of {build.image}"
        )
    return sbom


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


async def _image(
    registry: Registry, reference: Reference, build: ImageBuild
) -> tuple[Descriptor, dict[str, Descriptor]]:
    """Return the index, and the manifest of each platform, which are there and are those of the record."""
    data, digest = await registry.manifest(reference)
    if digest != build.digest:
        raise DigestMismatch(
            f"{reference} has the digest {digest}, and the record is of {build.image} of digest {build.digest}: it is "
            "the record of another build; give that of this one"
        )
    index = parse_index(data, f"the index {reference}")
    manifests = {str(one.platform): one for one in index.manifests if one.platform is not None}
    platforms = [one.platform for one in build.platforms]
    if sorted(manifests) != sorted(platforms) or len(index.manifests) != len(platforms):
        raise DigestMismatch(
            f"{reference} is an index of {', '.join(sorted(manifests)) or 'no platform'} ({len(index.manifests)} "
            f"manifests), and the record is of {', '.join(sorted(platforms))}"
        )
    subjects: dict[str, Descriptor] = {}
    for platform in platforms:
        manifest, _ = await registry.manifest(reference.at(manifests[platform].digest))
        subjects[platform] = described(manifest, manifests[platform].media_type)
    return described(data, INDEX_TYPE), subjects
