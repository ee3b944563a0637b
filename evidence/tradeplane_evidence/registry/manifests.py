"""OCI manifests: of an artifact, of what refers to it, and the list of those that do.

Source: OCI Image Specification 1.1, "Image Manifest" (guidelines for artifacts) and "Image Index". The same artifact
has the same bytes: no time of creation stands in them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator
from tradeplane_store.canonical import canonical_json, sha256_digest

from tradeplane_evidence import strict_json
from tradeplane_evidence.statements.statement import Form, parsed

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"
"""The configuration of an artifact that has none."""
TITLE = "org.opencontainers.image.title"
"""The annotation of a layer that names its file."""
MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""What registries take at most, by the distribution specification."""
MAX_LAYERS = 256
MAX_REFERRERS = 1_024

OciDigest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
MediaType = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class Platform(Form):
    """What an image of an index runs on; the names are those of Go."""

    os: str = Field(min_length=1, max_length=64)
    architecture: str = Field(min_length=1, max_length=64)
    variant: str | None = Field(default=None, max_length=64)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class Descriptor(Form):
    """Some bytes, by what they are."""

    media_type: MediaType
    digest: OciDigest
    size: int = Field(ge=0)
    annotations: dict[str, str] | None = None
    artifact_type: MediaType | None = None
    platform: Platform | None = None

    @property
    def title(self) -> str | None:
        """Name of the file it is, where it says so."""
        return (self.annotations or {}).get(TITLE)


class Manifest(Form):
    """An artifact: its files, and what it refers to."""

    schema_version: Literal[2] = 2
    media_type: Literal["application/vnd.oci.image.manifest.v1+json"] = "application/vnd.oci.image.manifest.v1+json"
    artifact_type: MediaType | None = None
    config: Descriptor
    layers: tuple[Descriptor, ...] = Field(max_length=MAX_LAYERS, strict=False)
    subject: Descriptor | None = None
    annotations: dict[str, str] | None = None


class Index(Form):
    """A list of manifests."""

    schema_version: Literal[2] = 2
    media_type: Literal["application/vnd.oci.image.index.v1+json"] = "application/vnd.oci.image.index.v1+json"
    manifests: tuple[Descriptor, ...] = Field(default=(), max_length=MAX_REFERRERS, strict=False)

    @field_validator("manifests", mode="before")
    @classmethod
    def _none_are_null(cls, value: object) -> object:
        """Take null for an empty list: registries in Go write it so."""
        return () if value is None else value


def described(data: bytes, media_type: str, title: str | None = None) -> Descriptor:
    """Return the descriptor of bytes."""
    return Descriptor(
        media_type=media_type,
        digest=sha256_digest(data),
        size=len(data),
        annotations=None if title is None else {TITLE: title},
    )


def artifact(
    artifact_type: str,
    layers: tuple[Descriptor, ...],
    subject: Descriptor | None = None,
    annotations: dict[str, str] | None = None,
) -> bytes:
    """Return the manifest of an artifact without configuration, as bytes: canonical JSON."""
    manifest = Manifest(
        artifact_type=artifact_type,
        config=described(EMPTY, EMPTY_TYPE),
        layers=layers,
        subject=subject,
        annotations=annotations,
    )
    return canonical_json(manifest.plain())


def parse_manifest(data: bytes, what: str) -> Manifest:
    """Return a manifest from its bytes. Raises Malformed."""
    return parsed(Manifest, strict_json.parse(data, what, MAX_MANIFEST_BYTES), what)


def parse_index(data: bytes, what: str) -> Index:
    """Return an index from its bytes. Raises Malformed."""
    return parsed(Index, strict_json.parse(data, what, MAX_MANIFEST_BYTES), what)


def index_bytes(manifests: tuple[Descriptor, ...]) -> bytes:
    """Return an index as bytes: canonical JSON."""
    return canonical_json(Index(manifests=manifests).plain())
