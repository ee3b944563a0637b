"""The record of a build of an image: what it was made from and what came of it; read by who attests images.

It is written beside the image by who builds it, and says nothing that could not be found again: no time, no machine.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tradeplane_api.base import Boolean, Digest, Document, Integer
from tradeplane_api.forms import refuse

Platform = Annotated[str, Field(pattern=r"^[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?$", max_length=64)]
"""Operating system and processor as OCI names them, with the processor's variant where it has one: linux/amd64."""
GitObject = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
"""Name of an object of git, SHA-1 or SHA-256, in hexadecimal."""
MAX_PLATFORMS = 16
MAX_MATERIALS = 4_096


class SbomFile(Document):
    """A software bill of materials, by its file."""

    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$", description="Its name, beside the record.")
    digest: Digest
    size: Integer = Field(ge=0, description="Bytes.")


class BuiltPlatform(Document):
    """What was built for one platform."""

    platform: Platform
    sbom: SbomFile


class Material(Document):
    """Something that the image was made from, beside the sources."""

    name: str = Field(min_length=1, max_length=512)
    uri: str | None = Field(default=None, min_length=1, max_length=2_048, description="Such as a package URL.")
    digest: Digest


class SourceRevision(Document):
    """The sources: what git calls them.

    The tree is what was there, changes included that nobody committed; the commit is what it is, or was changed from.
    """

    commit: GitObject
    tree: GitObject
    modified: Boolean = Field(description="Whether the tree is another than that of the commit.")
    repository: str | None = Field(default=None, pattern=r"^https://[^\s@?#]+$", max_length=1_024)


class ImageBuild(Document):
    """One build of an image, for all its platforms."""

    schema_version: Literal[1] = 1
    kind: Literal["ImageBuild"] = "ImageBuild"
    image: str = Field(
        pattern=r"^[a-z0-9]+([._/-]+[a-z0-9]+)*$", max_length=255, description="Its name, without a registry."
    )
    digest: Digest = Field(description="Of the OCI image index.")
    platforms: tuple[BuiltPlatform, ...] = Field(min_length=1, max_length=MAX_PLATFORMS)
    base: str = Field(min_length=1, max_length=512, description="Image that it stands on, or scratch.")
    source: SourceRevision | None = Field(description="None where the checkout is not one of git.")
    materials: tuple[Material, ...] = Field(max_length=MAX_MATERIALS)
    tools: dict[str, str] = Field(max_length=64, description="Versions of the programs that built it, by name.")
    not_as_locked: tuple[str, ...] = Field(
        default=(), max_length=MAX_MATERIALS, description="Where a package is another than the locked one, a line each."
    )

    @model_validator(mode="after")
    def _each_platform_is_there_once(self) -> Self:
        names = [one.platform for one in self.platforms]
        if len(set(names)) != len(names):
            raise refuse("each platform must stand there once")
        return self
